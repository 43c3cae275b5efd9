"""Threads that were handed to a person: one open question to a thread, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from letterlock.ids import AgentId, EmailId, EscalationId, InboxId, ThreadId, new_id
from letterlock.store.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class Escalation:
    """`asked_by`: an agent, or a rule by its id. `note`: of the person who resolved it. Times in milliseconds since
    1970."""

    escalation_id: EscalationId
    thread_id: ThreadId
    inbox_id: InboxId
    email_id: EmailId
    asked_by: str
    reason: str
    created_at: int
    resolved_at: int | None
    resolved_by: str
    note: str


async def escalate(
    tx: Transaction,
    thread_id: ThreadId,
    inbox_id: InboxId,
    email_id: EmailId,
    asked_by: str,
    reason: str,
    now_ms: int,
) -> tuple[Escalation, bool]:
    """The open escalation of the thread, and whether it was made now."""
    made = await tx.run(
        "INSERT INTO escalations (tenant_id, escalation_id, thread_id, inbox_id, email_id, asked_by, reason,"
        " created_at) VALUES (:tenant, :escalation_id, :thread_id, :inbox_id, :email_id, :asked_by, :reason, :now)"
        " ON CONFLICT DO NOTHING",
        escalation_id=new_id("esc"),
        thread_id=thread_id,
        inbox_id=inbox_id,
        email_id=email_id,
        asked_by=asked_by,
        reason=reason,
        now=now_ms,
    )
    row = await tx.one(f"{_SELECT} AND thread_id = :thread_id AND resolved_at IS NULL", thread_id=thread_id)
    assert row is not None
    return _escalation(row), bool(made)


async def asks_already(tx: Transaction, asked_by: str, reason: str) -> bool:
    """Whether this was asked, of any thread, and nobody has answered yet."""
    row = await tx.one(
        "SELECT 1 AS n FROM escalations WHERE tenant_id = :tenant AND resolved_at IS NULL AND asked_by = :asked_by"
        " AND reason = :reason LIMIT 1",
        asked_by=asked_by,
        reason=reason,
    )
    return row is not None


async def get(tx: Transaction, escalation_id: str) -> Escalation | None:
    row = await tx.one(f"{_SELECT} AND escalation_id = :escalation_id", escalation_id=escalation_id)
    return _escalation(row) if row else None


async def listed(
    tx: Transaction, *, resolved: bool, after: str = "", limit: int, inbox_id: InboxId | None = None
) -> list[Escalation]:
    """The open ones (or those that are resolved), oldest first, from behind id `after`, of one inbox or all."""
    rows = await tx.all(
        f"{_SELECT} AND (resolved_at IS NOT NULL) = :resolved AND escalation_id > :after"
        " AND inbox_id = COALESCE(:inbox_id, inbox_id) ORDER BY escalation_id LIMIT :limit",
        resolved=resolved,
        after=after,
        inbox_id=inbox_id,
        limit=limit,
    )
    return [_escalation(row) for row in rows]


async def of_thread(tx: Transaction, thread_id: ThreadId, limit: int) -> list[Escalation]:
    """Newest first."""
    rows = await tx.all(
        f"{_SELECT} AND thread_id = :thread_id ORDER BY escalation_id DESC LIMIT :limit",
        thread_id=thread_id,
        limit=limit,
    )
    return [_escalation(row) for row in rows]


async def resolve(tx: Transaction, escalation_id: str, agent_id: AgentId, note: str, now_ms: int) -> bool:
    """False when it is resolved already."""
    return bool(
        await tx.run(
            "UPDATE escalations SET resolved_at = :now, resolved_by = :agent_id, note = :note"
            " WHERE tenant_id = :tenant AND escalation_id = :escalation_id AND resolved_at IS NULL",
            escalation_id=escalation_id,
            agent_id=agent_id,
            note=note,
            now=now_ms,
        )
    )


async def stands_between(tx: Transaction, inbox_id: InboxId, thread_id: ThreadId | None, address_key: str) -> bool:
    """Whether an email of the inbox into this thread, or to this address, goes where a person was asked to take over:
    into an open escalation's thread, or to somebody who wrote in one."""
    row = await tx.one(
        "SELECT 1 AS n FROM escalations x WHERE x.tenant_id = :tenant AND x.inbox_id = :inbox_id"
        " AND x.resolved_at IS NULL AND (x.thread_id = :thread_id OR EXISTS (SELECT 1 FROM emails e"
        " WHERE e.tenant_id = x.tenant_id AND e.thread_id = x.thread_id AND lower(e.from_address) = :address)) LIMIT 1",
        inbox_id=inbox_id,
        thread_id=thread_id or "",
        address=address_key,
    )
    return row is not None


_SELECT = (
    "SELECT escalation_id, thread_id, inbox_id, email_id, asked_by, reason, created_at, resolved_at, resolved_by, note"
    " FROM escalations WHERE tenant_id = :tenant"
)


def _escalation(row: Row) -> Escalation:
    return Escalation(
        row["escalation_id"],
        row["thread_id"],
        row["inbox_id"],
        row["email_id"],
        row["asked_by"],
        row["reason"],
        row["created_at"],
        row["resolved_at"],
        row["resolved_by"],
        row["note"],
    )
