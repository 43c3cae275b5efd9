"""Tenants, agents and keys."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, AgentId, InboxId, KeyId, TenantId, new_id
from letterlock.store.database import Transaction

_KEY_PREFIX = "llk_"


@dataclass(frozen=True, slots=True)
class Key:
    tenant_id: TenantId
    key_id: KeyId
    agent_id: AgentId
    scopes: frozenset[str]
    inbox_id: InboxId | None = None


async def has_default(tx: Transaction) -> bool:
    """Whether ensure_default has been done. A system read."""
    row = await tx.one(
        "SELECT 1 AS n FROM agents WHERE tenant_id = :id AND agent_id = :agent", id=DEFAULT_TENANT, agent=LOCAL_AGENT
    )
    return row is not None


async def ensure_default(tx: Transaction, now_ms: int) -> None:
    """The tenant and agent of local use."""
    await tx.run(
        "INSERT INTO tenants (tenant_id, name, created_at) VALUES (:id, 'default', :now) ON CONFLICT DO NOTHING",
        id=DEFAULT_TENANT,
        now=now_ms,
    )
    await tx.run(
        "INSERT INTO agents (tenant_id, agent_id, name, created_at) VALUES (:id, :agent, 'local', :now)"
        " ON CONFLICT DO NOTHING",
        id=DEFAULT_TENANT,
        agent=LOCAL_AGENT,
        now=now_ms,
    )


async def make_key(tx: Transaction, agent_id: AgentId, scopes: Iterable[str], now_ms: int) -> str:
    """A new key of the transaction's tenant. Only its hash is kept: the text returned cannot be had again."""
    key = _KEY_PREFIX + secrets.token_urlsafe(32)
    await tx.run(
        "INSERT INTO keys (tenant_id, key_id, agent_id, hash, hint, scopes, created_at)"
        " VALUES (:tenant, :key_id, :agent_id, :hash, :hint, :scopes, :now)",
        key_id=new_id("key"),
        agent_id=agent_id,
        hash=_hash(key),
        hint=key[-4:],
        scopes=" ".join(sorted(scopes)),
        now=now_ms,
    )
    return key


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


async def find_key(tx: Transaction, key: str, now_ms: int) -> Key | None:
    """Whose key this is. A system read: the key is what names the tenant."""
    row = await tx.one(
        "SELECT tenant_id, key_id, agent_id, scopes, inbox_id FROM keys"
        " WHERE hash = :hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)",
        hash=_hash(key),
        now=now_ms,
    )
    if row is None:
        return None
    scopes = frozenset(row["scopes"].split())
    return Key(row["tenant_id"], row["key_id"], row["agent_id"], scopes, row["inbox_id"])


def _hash(key: str) -> str:
    # A key holds 256 random bits, so that a fast hash without salt is enough.
    return hashlib.sha256(key.encode()).hexdigest()
