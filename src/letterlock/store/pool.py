"""The pool: addresses kept ready for a tenant and a domain, each leased once at a time.

A lease takes the row, so that however many ask at once, in however many processes, each gets another. A returned
address (its inbox was deleted, and is gone with its mail) comes back to the tenant that had it, and to no other.
"""

from __future__ import annotations

from dataclasses import dataclass

from letterlock.ids import InboxId, TenantId, id_at
from letterlock.store import mailboxes
from letterlock.store.database import Transaction

RESTS_MS = 24 * 3_600_000
"""How long a returned address gets no mail and no inbox after the last of its old one is gone, so that what was on its
way to who was there before does not come to who is there next."""
ACTIVE_MS = 30 * 24 * 3_600_000
"""A tenant that has made no inbox for so long has none made ready."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many addresses of a domain are ready now, and how many were returned and rest."""

    domain: str
    ready: int
    resting: int


async def lease(tx: Transaction, domain: str, now_ms: int, wanted: int) -> list[tuple[str, str]]:
    """Up to so many addresses that are ready, longest first, each with its key; they are in the pool no longer."""
    rows = await tx.all(
        "DELETE FROM pool WHERE tenant_id = :tenant AND address_key IN (SELECT address_key FROM pool"
        " WHERE tenant_id = :tenant AND domain = :domain AND ready_at <= :now ORDER BY ready_at LIMIT :wanted)"
        " RETURNING address, address_key",
        domain=domain,
        now=now_ms,
        wanted=wanted,
    )
    return [(row["address"], row["address_key"]) for row in rows]


async def add(tx: Transaction, domain: str, address: str, address_key: str, ready_at: int) -> bool:
    """False when the address is, or was, anybody's."""
    if await mailboxes.owners_own(tx, (address_key,)):
        return False
    changed = await tx.run(
        "INSERT INTO pool (tenant_id, domain, address, address_key, ready_at)"
        " SELECT :tenant, :domain, :address, :address_key, :ready_at"
        " WHERE NOT EXISTS (SELECT 1 FROM inboxes WHERE address_key = :address_key)"
        " AND NOT EXISTS (SELECT 1 FROM former_addresses WHERE address_key IN (:address_key, :former))"
        " ON CONFLICT (address_key) DO NOTHING",
        domain=domain,
        address=address,
        address_key=address_key,
        former=await tx.seal(former(address_key)),
        ready_at=ready_at,
    )
    return changed == 1


def former(address_key: str) -> str:
    """What is hashed (Transaction.seal) of an address whose tenant had it erased: nobody else may get it either."""
    return f"address {address_key}"


async def give_back(tx: Transaction, inbox_id: InboxId, now_ms: int) -> None:
    """The address of an inbox that was leased, when that goes for good."""
    await tx.run(
        "INSERT INTO pool (tenant_id, domain, address, address_key, ready_at)"
        " SELECT tenant_id, domain, address, address_key, :ready_at FROM inboxes WHERE tenant_id = :tenant"
        " AND inbox_id = :inbox_id AND pooled = 1 AND domain <> '' ON CONFLICT (address_key) DO NOTHING",
        inbox_id=inbox_id,
        ready_at=now_ms + RESTS_MS,
    )


async def standing(tx: Transaction, now_ms: int) -> list[Standing]:
    rows = await tx.all(
        "SELECT domain, SUM(CASE WHEN ready_at <= :now THEN 1 ELSE 0 END) AS ready, COUNT(*) AS n FROM pool"
        " WHERE tenant_id = :tenant GROUP BY domain ORDER BY domain",
        now=now_ms,
    )
    return [Standing(row["domain"], row["ready"], row["n"] - row["ready"]) for row in rows]


async def lacking(
    tx: Transaction, house: str, size: int, now_ms: int, after: tuple[str, str], limit: int
) -> list[tuple[TenantId, str, int]]:
    """Tenants in use and domains behind `after` (the `house`'s own for each, and those they hold), each with how many
    ready addresses it is short of `size` (below 0: has more). A system read, for upkeep."""
    rows = await tx.all(
        "SELECT d.tenant_id, d.domain, (SELECT COUNT(*) FROM pool p WHERE p.tenant_id = d.tenant_id"
        " AND p.domain = d.domain AND p.ready_at <= :now) AS n FROM (SELECT tenant_id, :house AS domain FROM tenants"
        " WHERE closed_at IS NULL UNION SELECT tenant_id, name FROM domains WHERE state IN ('verified', 'failing')) d"
        " WHERE (d.tenant_id, d.domain) > (:tenant_id, :domain) AND EXISTS (SELECT 1 FROM inboxes i"
        " WHERE i.tenant_id = d.tenant_id AND i.inbox_id > :since) ORDER BY d.tenant_id, d.domain LIMIT :limit",
        now=now_ms,
        house=house,
        tenant_id=after[0],
        domain=after[1],
        since=id_at("ib", now_ms - ACTIVE_MS),
        limit=limit,
    )
    return [(row["tenant_id"], row["domain"], size - row["n"]) for row in rows]
