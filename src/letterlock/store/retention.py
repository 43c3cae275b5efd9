"""How long things of a tenant stay, and legal holds: what one is on is never removed, whatever else says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from letterlock.ids import EmailId, InboxId, SubmissionId, TenantId, id_at
from letterlock.store.database import Row, Transaction

RetentionName = Literal["inbox_idle_days", "email_days", "submission_days"]
RETENTIONS: tuple[RetentionName, ...] = get_args(RetentionName)
Days = Mapping[RetentionName, int]
"""0: for ever."""
MOST_DAYS = 36_500
DAY_MS = 24 * 3600 * 1000
NOT_HELD: Final = (
    "NOT EXISTS (SELECT 1 FROM holds h WHERE h.tenant_id = i.tenant_id AND h.inbox_id IN (i.inbox_id, ''))"
)
"""Of an inbox `i`: there is no hold on it, nor on its tenant."""


@dataclass(frozen=True, slots=True)
class Hold:
    """`inbox_id`: None for the whole tenant; `address`: of the inbox. `at` in milliseconds since 1970."""

    inbox_id: InboxId | None
    address: str
    reason: str
    set_by: str
    at: int


# --- holds ------------------------------------------------------------------------------------------------------------


async def hold(tx: Transaction, inbox_id: InboxId | None, reason: str, set_by: str, now_ms: int) -> bool:
    """False when there is one already: it stays as it is."""
    return bool(
        await tx.run(
            "INSERT INTO holds (tenant_id, inbox_id, reason, set_by, at) VALUES (:tenant, :inbox_id, :reason, :set_by,"
            " :now) ON CONFLICT DO NOTHING",
            inbox_id=inbox_id or "",
            reason=reason,
            set_by=set_by,
            now=now_ms,
        )
    )


async def lift(tx: Transaction, inbox_id: InboxId | None) -> bool:
    """False when there is none."""
    return bool(
        await tx.run("DELETE FROM holds WHERE tenant_id = :tenant AND inbox_id = :inbox_id", inbox_id=inbox_id or "")
    )


async def holds(tx: Transaction) -> list[Hold]:
    """Those of the tenant, that on the whole of it first."""
    rows = await tx.all(
        "SELECT h.inbox_id, h.reason, h.set_by, h.at, COALESCE(i.address, '') AS address FROM holds h LEFT JOIN inboxes"
        " i ON i.tenant_id = h.tenant_id AND i.inbox_id = h.inbox_id WHERE h.tenant_id = :tenant"
        " ORDER BY h.inbox_id <> '', h.at"
    )
    return [Hold(row["inbox_id"] or None, row["address"], row["reason"], row["set_by"], row["at"]) for row in rows]


async def is_held(tx: Transaction, inbox_id: InboxId | None) -> bool:
    """Whether an inbox or its tenant is on hold; None: the tenant or any inbox of it."""
    row = await tx.one(
        "SELECT 1 AS n FROM holds WHERE tenant_id = :tenant"
        " AND (:inbox_id IS NULL OR inbox_id IN (:inbox_id, '')) LIMIT 1",
        inbox_id=inbox_id,
    )
    return row is not None


async def put_off_ends(tx: Transaction, now_ms: int, by_ms: int) -> int:
    """What is on hold does not end by itself: its time comes `by_ms` from now at the soonest. A system write, for
    upkeep."""
    return await tx.run(
        "UPDATE inboxes SET expires_at = :later WHERE expires_at < :later AND deleted_at IS NULL AND (tenant_id,"
        " inbox_id) IN (SELECT i.tenant_id, i.inbox_id FROM holds h JOIN inboxes i ON i.tenant_id = h.tenant_id"
        " AND h.inbox_id IN (i.inbox_id, '') WHERE i.expires_at < :later AND i.deleted_at IS NULL)",
        later=now_ms + by_ms,
    )


# --- how long ---------------------------------------------------------------------------------------------------------


async def of_tenant(tx: Transaction) -> dict[RetentionName, int]:
    """What is set for this tenant itself."""
    rows = await tx.all("SELECT name, days FROM retention WHERE tenant_id = :tenant")
    return {row["name"]: row["days"] for row in rows}


async def set_for_tenant(tx: Transaction, name: RetentionName, days: int | None) -> None:
    """None: what the settings say."""
    await tx.run("DELETE FROM retention WHERE tenant_id = :tenant AND name = :name", name=name)
    if days is not None:
        await tx.run(
            "INSERT INTO retention (tenant_id, name, days) VALUES (:tenant, :name, :days)", name=name, days=days
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between how many days somebody may choose; `most` 0: for ever is a choice, too."""

    least: int
    most: int

    def allow(self, days: int) -> bool:
        """`days` 0: for ever."""
        return self.most == 0 if days == 0 else self.least <= days and (self.most == 0 or days <= self.most)


async def bounds(tx: Transaction) -> dict[RetentionName, Bounds]:
    """Within which the tenant's own admins may choose; what is not in it is not theirs to choose."""
    rows = await tx.all("SELECT name, least, most FROM retention_bounds WHERE tenant_id = :tenant")
    return {row["name"]: Bounds(row["least"], row["most"]) for row in rows}


async def set_bounds(tx: Transaction, name: RetentionName, wanted: Bounds | None) -> None:
    """None: it is not theirs to choose. What is set stays."""
    await tx.run("DELETE FROM retention_bounds WHERE tenant_id = :tenant AND name = :name", name=name)
    if wanted is not None:
        await tx.run(
            "INSERT INTO retention_bounds (tenant_id, name, least, most) VALUES (:tenant, :name, :least, :most)",
            name=name,
            least=wanted.least,
            most=wanted.most,
        )


async def tenants_from(tx: Transaction, after: str, limit: int) -> list[tuple[TenantId, dict[RetentionName, int]]]:
    """Tenants behind `after`, also closed ones, each with what is set for itself. A system read, for upkeep."""
    rows = await tx.all(
        "SELECT tenant_id FROM tenants WHERE tenant_id > :after ORDER BY tenant_id LIMIT :limit",
        after=after,
        limit=limit,
    )
    return [(row["tenant_id"], await of_tenant(tx.bound_to(row["tenant_id"]))) for row in rows]


# --- what is due ------------------------------------------------------------------------------------------------------


async def idle(tx: Transaction, now_ms: int, usual_days: int, limit: int) -> list[tuple[TenantId, InboxId]]:
    """Live inboxes nobody used for as long as their tenant (or else `usual_days`) says, none that is on hold. A system
    read, for upkeep."""
    first = await tx.one("SELECT MIN(days) AS days FROM retention WHERE name = 'inbox_idle_days' AND days > 0")
    days = [number for number in (usual_days, first["days"] if first else None) if number]
    if not days:
        return []
    rows = await tx.all(
        "SELECT i.tenant_id, i.inbox_id FROM inboxes i LEFT JOIN retention r ON r.tenant_id = i.tenant_id"
        " AND r.name = 'inbox_idle_days' WHERE i.deleted_at IS NULL AND i.active_at <= :latest"
        " AND COALESCE(r.days, :usual) > 0 AND i.active_at <= :now - COALESCE(r.days, :usual) * :day"
        " AND NOT EXISTS (SELECT 1 FROM submissions s WHERE s.tenant_id = i.tenant_id AND s.inbox_id = i.inbox_id"
        " AND s.created_at > :now - COALESCE(r.days, :usual) * :day)"
        f" AND {NOT_HELD} ORDER BY i.active_at LIMIT :limit",
        latest=now_ms - min(days) * DAY_MS,
        usual=usual_days,
        now=now_ms,
        day=DAY_MS,
        limit=limit,
    )
    return [_inbox(row) for row in rows]


async def expired(tx: Transaction, now_ms: int, limit: int) -> list[tuple[TenantId, InboxId]]:
    """Inboxes whose time has come, none that is on hold. A system read, for upkeep."""
    rows = await tx.all(
        "SELECT i.tenant_id, i.inbox_id FROM inboxes i WHERE i.expires_at <= :now AND i.deleted_at IS NULL"
        f" AND {NOT_HELD} LIMIT :limit",
        now=now_ms,
        limit=limit,
    )
    return [_inbox(row) for row in rows]


async def removable(tx: Transaction, before_ms: int) -> tuple[TenantId, InboxId] | None:
    """One inbox that was deleted before then and is not on hold. A system read, for upkeep."""
    row = await tx.one(
        f"SELECT i.tenant_id, i.inbox_id FROM inboxes i WHERE i.deleted_at <= :before AND {NOT_HELD} LIMIT 1",
        before=before_ms,
    )
    return _inbox(row) if row else None


async def may_go(tx: Transaction, inbox_id: InboxId, before_ms: int) -> bool:
    """Whether `removable` still holds of an inbox."""
    row = await tx.one(
        "SELECT 1 AS n FROM inboxes i WHERE i.tenant_id = :tenant AND i.inbox_id = :inbox_id"
        f" AND i.deleted_at <= :before AND {NOT_HELD}",
        inbox_id=inbox_id,
        before=before_ms,
    )
    return row is not None


async def old_emails(tx: Transaction, before_ms: int, limit: int) -> list[EmailId]:
    """The tenant's emails that came before then, none of an inbox on hold, oldest first."""
    rows = await tx.all(
        "SELECT e.email_id FROM emails e JOIN inboxes i ON i.tenant_id = e.tenant_id AND i.inbox_id = e.inbox_id"
        f" WHERE e.tenant_id = :tenant AND e.email_id < :before AND e.state <> 'received' AND {NOT_HELD}"
        " ORDER BY e.email_id LIMIT :limit",
        before=id_at("em", before_ms),
        limit=limit,
    )
    return [row["email_id"] for row in rows]


async def old_submissions(tx: Transaction, before_ms: int, limit: int) -> list[SubmissionId]:
    """The tenant's submissions from before then with which nothing is left to do, none of an inbox on hold."""
    rows = await tx.all(
        "SELECT s.submission_id FROM submissions s JOIN inboxes i ON i.tenant_id = s.tenant_id AND i.inbox_id ="
        " s.inbox_id WHERE s.tenant_id = :tenant AND s.submission_id < :before AND NOT EXISTS (SELECT 1 FROM"
        " deliveries d WHERE d.tenant_id = s.tenant_id AND d.submission_id = s.submission_id"
        f" AND (d.next_at IS NOT NULL OR d.state IN ('queued', 'held'))) AND {NOT_HELD}"
        " ORDER BY s.submission_id LIMIT :limit",
        before=id_at("sub", before_ms),
        limit=limit,
    )
    return [row["submission_id"] for row in rows]


async def forget_ended(tx: Transaction, before_ms: int, limit: int) -> int:
    """Drop webhooks and keys that ended before then, consumers of agents removed before then, policies of other servers
    that ran out, and such agents of whom nothing is left. A system write, for upkeep; returns how many went."""
    return sum([await tx.run(statement, before=before_ms, limit=limit) for statement in _ENDED])


_ENDED = (
    "DELETE FROM webhooks WHERE (tenant_id, webhook_id) IN (SELECT tenant_id, webhook_id FROM webhooks"
    " WHERE ended_at < :before LIMIT :limit)",
    "DELETE FROM keys WHERE (tenant_id, key_id) IN (SELECT tenant_id, key_id FROM keys"
    " WHERE revoked_at < :before OR expires_at < :before LIMIT :limit)",
    "DELETE FROM consumers WHERE (tenant_id, agent_id, name, inbox_id) IN (SELECT c.tenant_id, c.agent_id, c.name,"
    " c.inbox_id FROM agents a JOIN consumers c ON c.tenant_id = a.tenant_id AND c.agent_id = a.agent_id"
    " WHERE a.removed_at < :before LIMIT :limit)",
    "DELETE FROM sts_policies WHERE domain IN"
    " (SELECT domain FROM sts_policies WHERE expires_at < :before LIMIT :limit)",
    "DELETE FROM agents WHERE (tenant_id, agent_id) IN (SELECT a.tenant_id, a.agent_id FROM agents a"
    " WHERE a.removed_at < :before"
    " AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.tenant_id = a.tenant_id AND k.agent_id = a.agent_id)"
    " AND NOT EXISTS (SELECT 1 FROM inboxes i WHERE i.tenant_id = a.tenant_id AND i.agent_id = a.agent_id)"
    " AND NOT EXISTS (SELECT 1 FROM thread_agents t WHERE t.tenant_id = a.tenant_id AND t.agent_id = a.agent_id)"
    " LIMIT :limit)",
)


def _inbox(row: Row) -> tuple[TenantId, InboxId]:
    return row["tenant_id"], row["inbox_id"]
