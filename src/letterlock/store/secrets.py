"""Secrets found in mail, and the keys they are sealed with: both as ciphertext, which vault.py alone opens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from letterlock.ids import EmailId, InboxId, SecretId, TenantId
from letterlock.screen.score import Level
from letterlock.store.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A tenant's key as it is kept: sealed by the master key of that name."""

    tenant_id: TenantId
    version: int
    wrapped: bytes = field(repr=False)
    wrapped_by: str


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """What is kept of one found secret; `print`: a keyed hash of its value."""

    secret_id: SecretId
    kind: str
    print: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


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
        "INSERT INTO secrets (tenant_id, secret_id, email_id, kind, service, proved, print, sealed, found_at)"
        " SELECT :tenant, :secret_id, :email_id, :kind, :service, :proved, :print, :sealed, received_at FROM emails"
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


async def sealed(tx: Transaction, secret_id: SecretId) -> bytes | None:
    row = await tx.one(f"SELECT s.sealed{_LIVE} AND s.secret_id = :secret_id", secret_id=secret_id)
    return bytes(row["sealed"]) if row else None


async def sealed_since(tx: Transaction, since_ms: int, limit: int) -> list[tuple[SecretId, bytes]]:
    """The newest of the tenant, also of emails that are in no live inbox any more."""
    rows = await tx.all(
        "SELECT secret_id, sealed FROM secrets WHERE tenant_id = :tenant AND removed_at IS NULL"
        " AND found_at >= :since ORDER BY found_at DESC LIMIT :limit",
        since=since_ms,
        limit=limit,
    )
    return [(row["secret_id"], bytes(row["sealed"])) for row in rows]


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


async def count(tx: Transaction) -> int:
    """Live ones of all tenants. A system read."""
    row = await tx.one("SELECT COUNT(*) AS n FROM secrets WHERE removed_at IS NULL")
    return int(row["n"]) if row else 0


_COLUMNS = (
    "s.secret_id, s.email_id, e.inbox_id, i.address, s.kind, s.service, s.proved, e.level, s.found_at, s.used_at,"
    " s.revealed_at"
)
_LIVE = (
    " FROM secrets s JOIN emails e ON e.tenant_id = s.tenant_id AND e.email_id = s.email_id"
    " JOIN inboxes i ON i.tenant_id = e.tenant_id AND i.inbox_id = e.inbox_id AND i.deleted_at IS NULL"
    " WHERE s.tenant_id = :tenant AND s.removed_at IS NULL"
)


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
