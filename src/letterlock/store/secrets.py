"""Secrets found in mail, and the keys they are sealed with: both as ciphertext, which vault.py alone opens."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from letterlock.ids import EmailId, InboxId, SecretId, TenantId
from letterlock.screen.score import Level
from letterlock.store.database import Row, Transaction

SecretHome = Literal["store", "moving", "kv2"]


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A tenant's key as it is kept: sealed by the master key of that name."""

    tenant_id: TenantId
    version: int
    wrapped: bytes = field(repr=False)
    wrapped_by: str


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """What is kept of one found secret; `print`: a keyed hash of its value. `home`: as Kept has it."""

    secret_id: SecretId
    kind: str
    print: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    home: SecretHome = "store"


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a secret is. `sealed`: its value; of one whose home is elsewhere ("kv2") what vault.py knows it again by.
    "moving": it is here, and may be there already."""

    tenant_id: TenantId
    secret_id: SecretId
    home: SecretHome
    sealed: bytes = field(repr=False)
    kind: str
    service: str


@dataclass(frozen=True, slots=True)
class Secret:
    """One live secret without its value. `service`: the domain its email came from, `proved` when that was proved.
    `level`: of its email. Times in milliseconds since 1970."""

    secret_id: SecretId
    email_id: EmailId
    inbox_id: InboxId
    inbox_address: str
    kind: str
    service: str
    proved: bool
    level: Level
    found_at: int
    used_at: int | None
    revealed_at: int | None


# --- keys -------------------------------------------------------------------------------------------------------------


async def newest_key(tx: Transaction) -> WrappedKey | None:
    row = await tx.one(f"SELECT {_KEY} FROM vault_keys WHERE tenant_id = :tenant ORDER BY version DESC LIMIT 1")
    return _wrapped(row) if row else None


async def key(tx: Transaction, version: int) -> WrappedKey | None:
    row = await tx.one(
        f"SELECT {_KEY} FROM vault_keys WHERE tenant_id = :tenant AND version = :version", version=version
    )
    return _wrapped(row) if row else None


async def add_key(tx: Transaction, made: WrappedKey, now_ms: int) -> bool:
    """False when another process has made one of that version."""
    return bool(
        await tx.run(
            "INSERT INTO vault_keys (tenant_id, version, wrapped, wrapped_by, created_at)"
            " VALUES (:tenant, :version, :wrapped, :wrapped_by, :now) ON CONFLICT DO NOTHING",
            version=made.version,
            wrapped=made.wrapped,
            wrapped_by=made.wrapped_by,
            now=now_ms,
        )
    )


async def rewrap(tx: Transaction, old: WrappedKey, new: WrappedKey) -> bool:
    """The same key under another master key. False when it is no longer as `old` says."""
    return bool(
        await tx.run(
            "UPDATE vault_keys SET wrapped = :wrapped, wrapped_by = :wrapped_by"
            " WHERE tenant_id = :tenant AND version = :version AND wrapped = :old",
            version=old.version,
            wrapped=new.wrapped,
            wrapped_by=new.wrapped_by,
            old=old.wrapped,
        )
    )


async def keys_not_by(tx: Transaction, wrapped_by: str, after: tuple[str, int], limit: int) -> list[WrappedKey]:
    """Keys of all tenants that another master key has sealed, behind (tenant, version) in that order. A system read."""
    rows = await tx.all(
        f"SELECT {_KEY} FROM vault_keys WHERE wrapped_by <> :name AND (tenant_id, version) > (:tenant_id, :version)"
        " ORDER BY tenant_id, version LIMIT :limit",
        name=wrapped_by,
        tenant_id=after[0],
        version=after[1],
        limit=limit,
    )
    return [_wrapped(row) for row in rows]


async def sealed_by(tx: Transaction) -> list[str]:
    """The names of the master keys that are needed to open everything. A system read."""
    return [row["wrapped_by"] for row in await tx.all("SELECT DISTINCT wrapped_by FROM vault_keys")]


_KEY = "tenant_id, version, wrapped, wrapped_by"


def _wrapped(row: Row) -> WrappedKey:
    return WrappedKey(row["tenant_id"], row["version"], row["wrapped"], row["wrapped_by"])


# --- secrets ----------------------------------------------------------------------------------------------------------


async def put(tx: Transaction, email_id: EmailId, service: str, proved: bool, found: Iterable[SealedSecret]) -> None:
    """Keep what was found in an email; what is known of it already, or was removed, stays as it is."""
    await tx.many(
        "INSERT INTO secrets (tenant_id, secret_id, email_id, kind, service, proved, print, sealed, home, found_at)"
        " SELECT :tenant, :secret_id, :email_id, :kind, :service, :proved, :print, :sealed, :home, received_at"
        " FROM emails"
        " WHERE tenant_id = :tenant AND email_id = :email_id ON CONFLICT DO NOTHING",
        (
            {
                "secret_id": one.secret_id,
                "email_id": email_id,
                "kind": one.kind,
                "service": service,
                "proved": int(proved),
                "print": one.print,
                "sealed": one.sealed,
                "home": one.home,
            }
            for one in found
        ),
    )


async def listed(
    tx: Transaction,
    *,
    inbox_id: InboxId | None = None,
    kind: str = "",
    service: str = "",
    before: str = "",
    limit: int,
) -> list[Secret]:
    """Those sealed last first. `service`: a domain and those below it. `before`: the last one seen."""
    conditions, values = [""], dict[str, Any](limit=limit)
    if inbox_id is not None:
        conditions.append("e.inbox_id = :inbox_id")
        values["inbox_id"] = inbox_id
    if kind:
        conditions.append("s.kind = :kind")
        values["kind"] = kind
    if service:
        conditions.append("(s.service = :service OR s.service LIKE :below ESCAPE '!')")
        values["below"] = "%." + service.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        values["service"] = service
    if before:
        conditions.append("s.secret_id < :before")
        values["before"] = before
    rows = await tx.all(
        f"SELECT {_COLUMNS}{_LIVE}{' AND '.join(conditions)} ORDER BY s.secret_id DESC LIMIT :limit",
        **values,
    )
    return [_secret(row) for row in rows]


async def get(tx: Transaction, secret_id: str) -> Secret | None:
    row = await tx.one(f"SELECT {_COLUMNS}{_LIVE} AND s.secret_id = :secret_id", secret_id=secret_id)
    return _secret(row) if row else None


async def kept(tx: Transaction, secret_id: SecretId) -> Kept | None:
    row = await tx.one(f"SELECT {_KEPT}{_LIVE} AND s.secret_id = :secret_id", secret_id=secret_id)
    return _kept(row) if row else None


async def kept_since(tx: Transaction, since_ms: int, limit: int) -> list[Kept]:
    """The newest of the tenant, also of emails that are in no live inbox any more."""
    rows = await tx.all(
        f"SELECT {_KEPT} FROM secrets s WHERE tenant_id = :tenant AND removed_at IS NULL"
        " AND found_at >= :since ORDER BY found_at DESC LIMIT :limit",
        since=since_ms,
        limit=limit,
    )
    return [_kept(row) for row in rows]


async def note(tx: Transaction, secret_id: SecretId, what: str, now_ms: int) -> None:
    """When it was last used or revealed (`what`)."""
    column = {"used": "used_at", "revealed": "revealed_at"}[what]
    await tx.run(
        f"UPDATE secrets SET {column} = :now WHERE tenant_id = :tenant AND secret_id = :secret_id",
        secret_id=secret_id,
        now=now_ms,
    )


async def remove(tx: Transaction, secret_id: SecretId, now_ms: int) -> bool:
    """Its ciphertext goes, and stays away when its email is read again. False when there is none."""
    return bool(
        await tx.run(
            "UPDATE secrets SET removed_at = :now, sealed = :nothing WHERE tenant_id = :tenant"
            " AND secret_id = :secret_id AND removed_at IS NULL",
            secret_id=secret_id,
            nothing=b"",
            now=now_ms,
        )
    )


# --- from one home to another -----------------------------------------------------------------------------------------


async def at_home(tx: Transaction, homes: Collection[SecretHome], after: tuple[str, str], limit: int) -> list[Kept]:
    """Secrets of all tenants that are there, behind (tenant, secret) in that order; without those whose value is about
    to be deleted elsewhere. A system read."""
    names = {f"h{n}": home for n, home in enumerate(homes)}
    rows = await tx.all(
        f"SELECT {_KEPT} FROM secrets s WHERE removed_at IS NULL AND home IN ({', '.join(f':{n}' for n in names)})"
        " AND NOT EXISTS (SELECT 1 FROM secrets_left l WHERE l.tenant_id = s.tenant_id AND l.secret_id = s.secret_id)"
        " AND (tenant_id, secret_id) > (:tenant_id, :secret_id) ORDER BY tenant_id, secret_id LIMIT :limit",
        **names,
        tenant_id=after[0],
        secret_id=after[1],
        limit=limit,
    )
    return [_kept(row) for row in rows]


async def rehome(tx: Transaction, old: Kept, home: SecretHome, sealed: bytes) -> bool:
    """False when it is no longer as `old` says."""
    return bool(
        await tx.run(
            "UPDATE secrets SET home = :home, sealed = :sealed WHERE tenant_id = :tenant AND secret_id = :secret_id"
            " AND removed_at IS NULL AND home = :old_home AND sealed = :old_sealed",
            secret_id=old.secret_id,
            home=home,
            sealed=sealed,
            old_home=old.home,
            old_sealed=old.sealed,
        )
    )


async def leave(tx: Transaction, secret_id: SecretId, now_ms: int) -> None:
    """Its value is to be deleted elsewhere. What is removed or goes with its email leaves by itself (schema)."""
    await tx.run(
        "INSERT INTO secrets_left (tenant_id, secret_id, left_at) VALUES (:tenant, :secret_id, :now)"
        " ON CONFLICT DO NOTHING",
        secret_id=secret_id,
        now=now_ms,
    )


async def has_left(tx: Transaction, secret_id: SecretId) -> None:
    """It is deleted there."""
    await tx.run("DELETE FROM secrets_left WHERE tenant_id = :tenant AND secret_id = :secret_id", secret_id=secret_id)


async def left(tx: Transaction, before_ms: int, limit: int) -> list[tuple[TenantId, SecretId]]:
    """Oldest first. A system read."""
    rows = await tx.all(
        "SELECT tenant_id, secret_id FROM secrets_left WHERE left_at < :before ORDER BY left_at LIMIT :limit",
        before=before_ms,
        limit=limit,
    )
    return [(row["tenant_id"], row["secret_id"]) for row in rows]


async def count_returned(tx: Transaction) -> int:
    """How many came back into the store and are to be deleted elsewhere still. A system read."""
    row = await tx.one(
        "SELECT COUNT(*) AS n FROM secrets s JOIN secrets_left l ON l.tenant_id = s.tenant_id"
        " AND l.secret_id = s.secret_id WHERE s.removed_at IS NULL"
    )
    return int(row["n"]) if row else 0


async def count_homes(tx: Transaction) -> dict[str, int]:
    """How many live ones each home has, "left" with those that are to be deleted elsewhere. A system read."""
    rows = await tx.all(
        "SELECT home, COUNT(*) AS n FROM secrets WHERE removed_at IS NULL GROUP BY home"
        " UNION ALL SELECT 'left', COUNT(*) FROM secrets_left"
    )
    return {row["home"]: int(row["n"]) for row in rows}


_COLUMNS = (
    "s.secret_id, s.email_id, e.inbox_id, i.address, s.kind, s.service, s.proved, e.level, s.found_at, s.used_at,"
    " s.revealed_at"
)
_LIVE = (
    " FROM secrets s JOIN emails e ON e.tenant_id = s.tenant_id AND e.email_id = s.email_id"
    " JOIN inboxes i ON i.tenant_id = e.tenant_id AND i.inbox_id = e.inbox_id AND i.deleted_at IS NULL"
    " WHERE s.tenant_id = :tenant AND s.removed_at IS NULL"
)


_KEPT = "s.tenant_id, s.secret_id, s.home, s.sealed, s.kind, s.service"


def _kept(row: Row) -> Kept:
    return Kept(row["tenant_id"], row["secret_id"], row["home"], bytes(row["sealed"]), row["kind"], row["service"])


def _secret(row: Row) -> Secret:
    return Secret(
        row["secret_id"],
        row["email_id"],
        row["inbox_id"],
        row["address"],
        row["kind"],
        row["service"],
        bool(row["proved"]),
        Level(row["level"]),
        row["found_at"],
        row["used_at"],
        row["revealed_at"],
    )
