"""What is known of the mail an agent read: whether it is still there, and the trace it left (carried.py).

A trace is made before its email may be removed, and kept for as long as a row of `reads` speaks of the email.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from letterlock.carried import trace
from letterlock.ids import AgentId, EmailId, InboxId, TenantId, ThreadId
from letterlock.inspection import Inspection
from letterlock.store import emails
from letterlock.store.database import Transaction

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Shown:
    """An email an agent was shown. `vouched`: something vouched for it then. `inbox_id` and `thread_id` are None when
    it is gone; `traced`: what it left is kept."""

    email_id: EmailId
    vouched: bool
    inbox_id: InboxId | None
    thread_id: ThreadId | None
    traced: bool


@dataclass(frozen=True, slots=True)
class Untraced:
    """An email that was shown and whose trace is not made yet; `packed` is its report, None when it is gone."""

    tenant_id: TenantId
    email_id: EmailId
    packed: bytes | None

    def trace(self) -> bytes | None:
        """Takes some milliseconds: not for the writer."""
        if self.packed is None:
            return None
        report = emails.unpack(self.packed, ())
        people = (*report.reply_to, *report.to, *report.cc, *((report.from_,) if report.from_ else ()))
        return trace(words_of(report), report.code.value if report.code else "", (each.address for each in people))


def words_of(report: Inspection) -> str:
    """All that an email says, as it is compared with what is sent."""
    return "\n".join((report.subject, report.text, *(said.text for said in report.attached)))


async def shown_lately(tx: Transaction, agent_id: AgentId, since_ms: int, limit: int) -> list[Shown]:
    """What the agent was shown since then, newest first, also of deleted inboxes."""
    rows = await tx.all(
        "SELECT r.email_id, r.vouched, r.traced, e.inbox_id, e.thread_id FROM reads r LEFT JOIN emails e"
        " ON e.tenant_id = r.tenant_id AND e.email_id = r.email_id AND e.state = 'filed'"
        " WHERE r.tenant_id = :tenant AND r.agent_id = :agent_id AND r.at >= :since ORDER BY r.at DESC LIMIT :limit",
        agent_id=agent_id,
        since=since_ms,
        limit=limit,
    )
    return [
        Shown(row["email_id"], bool(row["vouched"]), row["inbox_id"], row["thread_id"], bool(row["traced"]))
        for row in rows
    ]


async def left_by(tx: Transaction, email_ids: Sequence[EmailId]) -> dict[EmailId, bytes]:
    """The traces of these emails."""
    found: dict[EmailId, bytes] = {}
    for at in range(0, len(email_ids), _AT_ONCE):
        names = {f"e{n}": email_id for n, email_id in enumerate(email_ids[at : at + _AT_ONCE])}
        rows = await tx.all(
            "SELECT email_id, body FROM traces WHERE tenant_id = :tenant"
            f" AND email_id IN ({', '.join(f':{name}' for name in names)})",
            **names,
        )
        found |= {row["email_id"]: row["body"] for row in rows}
    return found


async def untraced(tx: Transaction, limit: int) -> list[Untraced]:
    """Emails that were shown and have no trace yet. A system read, for upkeep."""
    rows = await tx.all(
        "SELECT DISTINCT r.tenant_id, r.email_id, e.inspection FROM reads r LEFT JOIN emails e"
        " ON e.tenant_id = r.tenant_id AND e.email_id = r.email_id WHERE r.traced = 0 LIMIT :limit",
        limit=limit,
    )
    return [Untraced(row["tenant_id"], row["email_id"], row["inspection"]) for row in rows]


async def add(tx: Transaction, made: Iterable[tuple[Untraced, bytes | None]], now_ms: int) -> None:
    """Keep traces. A system write, for upkeep."""
    for of, body in made:
        bound = tx.bound_to(of.tenant_id)
        if body is not None:
            await bound.run(
                "INSERT INTO traces (tenant_id, email_id, body, at) VALUES (:tenant, :email_id, :body, :now)"
                " ON CONFLICT (tenant_id, email_id) DO UPDATE SET body = :body, at = :now",
                email_id=of.email_id,
                body=body,
                now=now_ms,
            )
        await bound.run(
            "UPDATE reads SET traced = 1 WHERE tenant_id = :tenant AND email_id = :email_id", email_id=of.email_id
        )


async def forget(tx: Transaction, before_ms: int, limit: int) -> int:
    """Drop traces of emails that nobody was shown since then. A system write, for upkeep; returns how many went."""
    return await tx.run(
        "DELETE FROM traces WHERE (tenant_id, email_id) IN (SELECT t.tenant_id, t.email_id FROM traces t"
        " WHERE t.at < :before AND NOT EXISTS (SELECT 1 FROM reads r WHERE r.tenant_id = t.tenant_id"
        " AND r.email_id = t.email_id) LIMIT :limit)",
        before=before_ms,
        limit=limit,
    )
