"""Tenants, agents and keys. A key names its tenant, its agent and what it may do; only its hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from letterlock.errors import NotAllowed
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, OWNER, AgentId, InboxId, KeyId, TenantId, new_id
from letterlock.store import audit
from letterlock.store.database import Row, Transaction

AgentKind = Literal["agent", "person"]
PERSON_SCOPES = frozenset({"approve", "reveal", "secrets", "release", "admin"})
"""What only a key of a person may hold, whatever a row says."""
USE_NOTED_MS = 60_000
"""When a key was last used is known to this."""
KEY_BEGINS = "llk_"
"""Of every key."""
_MOST_NAMED = 200
"""How many names one statement takes."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Times in milliseconds since 1970. `closed_at`: its keys count no longer, its inboxes are deleted."""

    tenant_id: TenantId
    name: str
    created_at: int
    closed_at: int | None


@dataclass(frozen=True, slots=True)
class Agent:
    agent_id: AgentId
    name: str
    kind: AgentKind
    created_at: int


@dataclass(frozen=True, slots=True)
class Key:
    """`used_at`: when it was last used, to USE_NOTED_MS."""

    tenant_id: TenantId
    key_id: KeyId
    agent_id: AgentId
    scopes: frozenset[str]
    inbox_id: InboxId | None = None
    name: str = ""
    hint: str = ""
    created_at: int = 0
    expires_at: int | None = None
    used_at: int | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """`text`: the key itself, which cannot be had again."""

    key_id: KeyId
    text: str


# --- tenants ----------------------------------------------------------------------------------------------------------


async def has_default(tx: Transaction) -> bool:
    """Whether ensure_default has been done. A system read."""
    row = await tx.one(
        "SELECT 1 AS n FROM agents WHERE tenant_id = :id AND agent_id = :agent", id=DEFAULT_TENANT, agent=OWNER
    )
    return row is not None


async def places(tx: Transaction, tenant_ids: Sequence[TenantId]) -> dict[TenantId, tuple[int, int]]:
    """How far each of these has come: the numbers of its newest email and of its newest row of the audit log. A system
    read."""
    found: dict[TenantId, tuple[int, int]] = {}
    for first in range(0, len(tenant_ids), _MOST_NAMED):
        names = {f"t{n}": tenant for n, tenant in enumerate(tenant_ids[first : first + _MOST_NAMED])}
        rows = await tx.all(
            "SELECT tenant_id, last_filed, (SELECT MAX(n) FROM audit a WHERE a.tenant_id = t.tenant_id) AS noted"
            f" FROM tenants t WHERE tenant_id IN ({', '.join(f':{name}' for name in names)})",
            **names,
        )
        found |= {row["tenant_id"]: (row["last_filed"], row["noted"] or 0) for row in rows}
    return found


async def ensure_default(tx: Transaction, now_ms: int) -> None:
    """The tenant of local use, with the agent of chat clients and the person at the command line."""
    await tx.run(
        "INSERT INTO tenants (tenant_id, name, created_at) VALUES (:id, 'default', :now) ON CONFLICT DO NOTHING",
        id=DEFAULT_TENANT,
        now=now_ms,
    )
    mine = tx.bound_to(DEFAULT_TENANT)
    await audit.begin(mine)
    await add_agent(mine, "local", "agent", now_ms, LOCAL_AGENT)
    await add_agent(mine, "owner", "person", now_ms, OWNER)


async def add_tenant(tx: Transaction, name: str, now_ms: int) -> TenantId | None:
    """A new tenant with the person at the command line in it; None when the name is taken. A system write."""
    tenant_id = TenantId(new_id("tn"))
    added = await tx.run(
        "INSERT INTO tenants (tenant_id, name, created_at) VALUES (:id, :name, :now) ON CONFLICT DO NOTHING",
        id=tenant_id,
        name=name,
        now=now_ms,
    )
    if not added:
        return None
    await audit.begin(tx.bound_to(tenant_id))
    await add_agent(tx.bound_to(tenant_id), "owner", "person", now_ms, OWNER)
    return tenant_id


async def tenants(tx: Transaction, *, closed: bool = False) -> list[Tenant]:
    """The open ones in the order they were made, with `closed` all. A system read."""
    where = "" if closed else " WHERE closed_at IS NULL"
    rows = await tx.all(
        f"SELECT tenant_id, name, created_at, closed_at FROM tenants{where} ORDER BY created_at, tenant_id"
    )
    return [_tenant(row) for row in rows]


async def find_tenant(tx: Transaction, name: str) -> Tenant | None:
    """By its id or its name; of a name that was used again the open one. A system read."""
    row = await tx.one(
        "SELECT tenant_id, name, created_at, closed_at FROM tenants WHERE name = :name OR tenant_id = :name"
        " ORDER BY closed_at IS NOT NULL, closed_at DESC LIMIT 1",
        name=name,
    )
    return _tenant(row) if row else None


async def rename_tenant(tx: Transaction, name: str) -> bool:
    """False when another open tenant has the name."""
    return bool(
        await tx.run(
            "UPDATE tenants SET name = :name WHERE tenant_id = :tenant AND NOT EXISTS"
            " (SELECT 1 FROM tenants other WHERE other.name = :name AND other.closed_at IS NULL"
            " AND other.tenant_id <> :tenant)",
            name=name,
        )
    )


async def close_tenant(tx: Transaction, now_ms: int) -> None:
    """From now on no key of the tenant counts and nothing of it goes out. Its inboxes are closed by close_inboxes."""
    await tx.run(
        "UPDATE tenants SET closed_at = COALESCE(closed_at, :now), paused_at = COALESCE(paused_at, :now)"
        " WHERE tenant_id = :tenant",
        now=now_ms,
    )
    await tx.run(
        "UPDATE keys SET revoked_at = :now WHERE tenant_id = :tenant AND (revoked_at IS NULL OR revoked_at > :now)",
        now=now_ms,
    )


async def close_inboxes(
    tx: Transaction, actor: str, agent_id: AgentId | None, why: str, now_ms: int, limit: int
) -> int:
    """Delete up to `limit` live inboxes of an agent, or of the whole tenant, so that the writer is never held for long;
    0 when none is left. Each is in the audit log, and so among the events."""
    rows = await tx.all(
        "UPDATE inboxes SET deleted_at = :now WHERE tenant_id = :tenant AND inbox_id IN"
        " (SELECT inbox_id FROM inboxes WHERE tenant_id = :tenant AND deleted_at IS NULL"
        " AND (:agent_id IS NULL OR agent_id = :agent_id) LIMIT :limit) RETURNING inbox_id",
        agent_id=agent_id,
        now=now_ms,
        limit=limit,
    )
    for row in rows:
        await audit.append(tx, now_ms, actor, "inbox.deleted", row["inbox_id"], why=why)
    return len(rows)


def _tenant(row: Row) -> Tenant:
    return Tenant(row["tenant_id"], row["name"], row["created_at"], row["closed_at"])


# --- agents -----------------------------------------------------------------------------------------------------------


async def add_agent(
    tx: Transaction, name: str, kind: AgentKind, now_ms: int, agent_id: AgentId | None = None
) -> AgentId | None:
    """None when the tenant has an agent of that name."""
    made = agent_id or AgentId(new_id("ag"))
    added = await tx.run(
        "INSERT INTO agents (tenant_id, agent_id, name, kind, created_at) VALUES (:tenant, :id, :name, :kind, :now)"
        " ON CONFLICT DO NOTHING",
        id=made,
        name=name,
        kind=kind,
        now=now_ms,
    )
    return made if added else None


async def agents(tx: Transaction) -> list[Agent]:
    """In the order they were made."""
    rows = await tx.all(
        "SELECT agent_id, name, kind, created_at FROM agents WHERE tenant_id = :tenant AND removed_at IS NULL"
        " ORDER BY created_at, agent_id"
    )
    return [_agent(row) for row in rows]


async def find_agent(tx: Transaction, name: str) -> Agent | None:
    """By its id or its name."""
    row = await tx.one(
        "SELECT agent_id, name, kind, created_at FROM agents WHERE tenant_id = :tenant AND removed_at IS NULL"
        " AND (agent_id = :name OR name = :name) ORDER BY agent_id = :name DESC LIMIT 1",
        name=name,
    )
    return _agent(row) if row else None


async def remove_agent(tx: Transaction, agent_id: AgentId, now_ms: int) -> None:
    """From now on no key of it counts, and it works on no thread. Its inboxes are closed by close_inboxes."""
    await tx.run(
        "UPDATE agents SET removed_at = :now WHERE tenant_id = :tenant AND agent_id = :agent_id AND removed_at IS NULL",
        agent_id=agent_id,
        now=now_ms,
    )
    await tx.run("DELETE FROM lists WHERE tenant_id = :tenant AND whose = :agent_id", agent_id=agent_id)
    await tx.run("DELETE FROM thread_agents WHERE tenant_id = :tenant AND agent_id = :agent_id", agent_id=agent_id)
    await revoke_keys(tx, agent_id, now_ms)


def _agent(row: Row) -> Agent:
    return Agent(row["agent_id"], row["name"], row["kind"], row["created_at"])


# --- keys -------------------------------------------------------------------------------------------------------------


async def share_relay(tx: Transaction, allowed: bool) -> None:
    """Whether mail from its inboxes on the shared domain leaves by the tenant's own relay, too."""
    await tx.run("UPDATE tenants SET relay_shared = :allowed WHERE tenant_id = :tenant", allowed=int(allowed))


async def is_person(tx: Transaction, agent_id: AgentId) -> bool:
    row = await tx.one(
        "SELECT kind FROM agents WHERE tenant_id = :tenant AND agent_id = :agent_id AND removed_at IS NULL",
        agent_id=agent_id,
    )
    return row is not None and row["kind"] == "person"


async def make_key(
    tx: Transaction,
    agent_id: AgentId,
    scopes: Iterable[str],
    now_ms: int,
    *,
    name: str = "",
    inbox_id: InboxId | None = None,
    expires_at: int | None = None,
) -> NewKey:
    """A new key of the transaction's tenant, of 256 random bits. Raises NotAllowed for an agent's key with scopes of
    people."""
    held = frozenset(scopes)
    if beyond := sorted(held & PERSON_SCOPES):
        agent = await tx.one(
            "SELECT kind FROM agents WHERE tenant_id = :tenant AND agent_id = :agent_id", agent_id=agent_id
        )
        if agent is None or agent["kind"] != "person":
            raise NotAllowed(
                f"Only a person's key may hold {', '.join(beyond)}: what an agent reads must not decide these things.",
                next_step="Leave it out, or make the key for a person (`letterlock agent add NAME --person`).",
            )
    made = NewKey(KeyId(new_id("key")), KEY_BEGINS + secrets.token_urlsafe(32))
    await tx.run(
        "INSERT INTO keys (tenant_id, key_id, agent_id, hash, hint, scopes, name, inbox_id, created_at, expires_at)"
        " VALUES (:tenant, :key_id, :agent_id, :hash, :hint, :scopes, :name, :inbox_id, :now, :expires_at)",
        key_id=made.key_id,
        agent_id=agent_id,
        hash=_hash(made.text),
        hint=made.text[-4:],
        scopes=" ".join(sorted(held)),
        name=name,
        inbox_id=inbox_id,
        now=now_ms,
        expires_at=expires_at,
    )
    return made


async def keys(tx: Transaction, now_ms: int) -> list[Key]:
    """The live ones of the tenant, in the order they were made."""
    rows = await tx.all(
        f"SELECT {_KEY_COLUMNS} FROM keys k{_OF_WHOM} WHERE k.tenant_id = :tenant{_LIVE}"
        " ORDER BY k.created_at, k.key_id",
        now=now_ms,
    )
    return [_key(row) for row in rows]


async def key(tx: Transaction, key_id: str, now_ms: int) -> Key | None:
    """A live key by its id or, when the tenant has but one such, its last four characters."""
    rows = await tx.all(
        f"SELECT {_KEY_COLUMNS} FROM keys k{_OF_WHOM} WHERE k.tenant_id = :tenant{_LIVE}"
        " AND (k.key_id = :key_id OR k.hint = :key_id) LIMIT 2",
        key_id=key_id,
        now=now_ms,
    )
    return _key(rows[0]) if len(rows) == 1 else None


async def successor(tx: Transaction, key_id: KeyId) -> KeyId | None:
    """The key that a rotation put in the place of this one."""
    row = await tx.one(
        "SELECT replaced_by FROM keys WHERE tenant_id = :tenant AND key_id = :key_id AND replaced_by IS NOT NULL",
        key_id=key_id,
    )
    return KeyId(row["replaced_by"]) if row else None


async def rotate_key(tx: Transaction, old: Key, now_ms: int, grace_ms: int) -> NewKey:
    """A key that may do what `old` may, for as long as that was made for; `old` counts for `grace_ms` more at most.
    Not for one that was rotated before: its own time is what is left of its grace."""
    lasts = old.expires_at - old.created_at if old.expires_at is not None else None
    made = await make_key(
        tx,
        old.agent_id,
        old.scopes,
        now_ms,
        name=old.name,
        inbox_id=old.inbox_id,
        expires_at=now_ms + lasts if lasts is not None else None,
    )
    await tx.run(
        "UPDATE keys SET replaced_by = :made,"
        " expires_at = CASE WHEN expires_at <= :until THEN expires_at ELSE :until END"
        " WHERE tenant_id = :tenant AND key_id = :key_id",
        key_id=old.key_id,
        made=made.key_id,
        until=now_ms + grace_ms,
    )
    return made


async def revoke_key(tx: Transaction, key_id: KeyId, now_ms: int) -> bool:
    """It ends now. False when it had ended."""
    return bool(
        await tx.run(
            "UPDATE keys SET revoked_at = :now WHERE tenant_id = :tenant AND key_id = :key_id AND revoked_at IS NULL",
            key_id=key_id,
            now=now_ms,
        )
    )


async def revoke_keys(tx: Transaction, agent_id: AgentId, now_ms: int) -> int:
    """All keys of an agent end now."""
    return await tx.run(
        "UPDATE keys SET revoked_at = :now WHERE tenant_id = :tenant AND agent_id = :agent_id AND revoked_at IS NULL",
        agent_id=agent_id,
        now=now_ms,
    )


async def key_hints(tx: Transaction, agent_id: AgentId) -> list[str]:
    """The last four characters of each live key of an agent."""
    rows = await tx.all(
        "SELECT hint FROM keys WHERE tenant_id = :tenant AND agent_id = :agent_id AND revoked_at IS NULL",
        agent_id=agent_id,
    )
    return [row["hint"] for row in rows]


async def note_use(tx: Transaction, key_id: KeyId, now_ms: int) -> None:
    """At most once in USE_NOTED_MS, however many processes were asked with it."""
    await tx.run(
        "UPDATE keys SET used_at = :now WHERE tenant_id = :tenant AND key_id = :key_id"
        " AND (used_at IS NULL OR used_at <= :before)",
        key_id=key_id,
        now=now_ms,
        before=now_ms - USE_NOTED_MS,
    )


async def find_key(tx: Transaction, text: str, now_ms: int) -> Key | None:
    """Whose key this is. A system read: the key is what names the tenant."""
    row = await tx.one(
        f"SELECT {_KEY_COLUMNS} FROM keys k{_OF_WHOM}{_IN_OPEN} WHERE k.hash = :hash{_LIVE} AND t.closed_at IS NULL",
        hash=_hash(text),
        now=now_ms,
    )
    return _key(row) if row else None


async def live_keys(tx: Transaction, held: Sequence[tuple[str, str]], now_ms: int) -> set[tuple[str, str]]:
    """Those of these keys (the ids of a tenant and of a key of it) that still count. A system read."""
    live: set[tuple[str, str]] = set()
    for first in range(0, len(held), _MOST_NAMED):
        names: dict[str, str] = {}
        for n, (tenant_id, key_id) in enumerate(held[first : first + _MOST_NAMED]):
            names |= {f"t{n}": tenant_id, f"k{n}": key_id}
        wanted = ", ".join(f"(:t{n}, :k{n})" for n in range(len(names) // 2))
        rows = await tx.all(
            f"WITH held(tenant_id, key_id) AS (VALUES {wanted}) SELECT k.tenant_id, k.key_id FROM held h"
            f" JOIN keys k ON k.tenant_id = h.tenant_id AND k.key_id = h.key_id{_OF_WHOM}{_IN_OPEN}"
            f" WHERE t.closed_at IS NULL{_LIVE}",
            now=now_ms,
            **names,
        )
        live |= {(row["tenant_id"], row["key_id"]) for row in rows}
    return live


_KEY_COLUMNS = (
    "k.tenant_id, k.key_id, k.agent_id, k.scopes, k.inbox_id, k.name, k.hint, k.created_at, k.expires_at, k.used_at,"
    " a.kind"
)
_OF_WHOM = " JOIN agents a ON a.tenant_id = k.tenant_id AND a.agent_id = k.agent_id"
_IN_OPEN = " JOIN tenants t ON t.tenant_id = k.tenant_id"
_LIVE = " AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now) AND a.removed_at IS NULL"


def _key(row: Row) -> Key:
    scopes = frozenset(row["scopes"].split())
    return Key(
        row["tenant_id"],
        row["key_id"],
        row["agent_id"],
        scopes if row["kind"] == "person" else scopes - PERSON_SCOPES,
        row["inbox_id"],
        row["name"],
        row["hint"],
        row["created_at"],
        row["expires_at"],
        row["used_at"],
    )


def _hash(key: str) -> str:
    # A key holds 256 random bits, so that a fast hash without salt is enough.
    return hashlib.sha256(key.encode()).hexdigest()
