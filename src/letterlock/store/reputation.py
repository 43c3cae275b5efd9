"""What became of mail that was sent, by inbox and by domain; agents of whom readers complain; places in the queue of a
domain that warms up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from letterlock.ids import AgentId
from letterlock.store.database import Transaction

DAY_MS: Final = 24 * 3_600_000
WINDOWS: Final = (1, 7, 30)
"""Days."""
JUDGED_DAYS: Final = 30
LEAST_COMPLAINTS: Final = 3
MOST_COMPLAINED: Final = 0.003
"""An agent may not send any more at LEAST_COMPLAINTS complaints in JUDGED_DAYS, if they come from at least this part of
its recipients. Large receivers ask senders to stay below 0.3 %."""
CAPS: Final = tuple(50 * 2**day for day in range(10))
"""Recipients outside on each of the first days of a new domain; from then on there is no cap."""


@dataclass(frozen=True, slots=True)
class Reputation:
    """Of an inbox (its address) or a domain (@example.com) over `days`: recipients outside that were tried, and of
    these how many bounced for good, bounced otherwise, complained, answered in the thread."""

    of: str
    days: int
    sent: int
    bounced: int
    bounced_softly: int
    complained: int
    replied: int


async def reputation(tx: Transaction, now_ms: int) -> list[Reputation]:
    """Of every inbox that sent in the longest of WINDOWS and of their domains, each over every window."""
    found: list[Reputation] = []
    for days in WINDOWS:
        rows = await tx.all(
            "SELECT i.address, COUNT(*) AS sent, SUM(CASE WHEN d.class = 'hard' THEN 1 ELSE 0 END) AS hard,"
            " SUM(CASE WHEN d.state = 'bounced' AND d.class <> 'hard' THEN 1 ELSE 0 END) AS soft,"
            " SUM(CASE WHEN d.complained > 0 THEN 1 ELSE 0 END) AS complained,"
            " SUM(CASE WHEN EXISTS (SELECT 1 FROM emails e"
            " WHERE e.tenant_id = s.tenant_id AND e.thread_id = s.thread_id AND e.state = 'filed'"
            " AND lower(e.from_address) = lower(d.recipient) AND e.received_at >= s.created_at"
            # What a machine answers is nobody's answer.
            " AND e.category NOT IN ('auto_reply', 'bounce') AND e.envelope NOT LIKE '%\"sender\":\"\",%')"
            " THEN 1 ELSE 0 END) AS replied FROM submissions s"
            " JOIN deliveries d ON d.tenant_id = s.tenant_id AND d.submission_id = s.submission_id"
            " JOIN inboxes i ON i.tenant_id = s.tenant_id AND i.inbox_id = s.inbox_id"
            " WHERE s.tenant_id = :tenant AND s.created_at >= :since AND d.route = 'relay' AND d.attempts > 0"
            " AND d.state IN ('sent', 'uncertain', 'bounced') GROUP BY i.address ORDER BY i.address",
            since=now_ms - days * DAY_MS,
        )
        domains: dict[str, list[int]] = {}
        for row in rows:
            numbers = [int(row[name]) for name in ("sent", "hard", "soft", "complained", "replied")]
            found.append(Reputation(row["address"], days, *numbers))
            domain = f"@{row['address'].rpartition('@')[2]}"
            sums = domains.setdefault(domain, [0] * len(numbers))
            domains[domain] = [one + other for one, other in zip(sums, numbers, strict=True)]
        found += [Reputation(domain, days, *numbers) for domain, numbers in domains.items()]
    return found


# Agents


async def agent_suspended(tx: Transaction, agent_id: AgentId) -> str:
    """Why the agent may not send, "" when it may."""
    row = await tx.one(
        "SELECT suspended FROM agents WHERE tenant_id = :tenant AND agent_id = :agent_id", agent_id=agent_id
    )
    return str(row["suspended"]) if row else ""


async def suspend_agent(tx: Transaction, agent_id: AgentId, why: str) -> None:
    """Stop an agent from sending, with the reason; "" lets it send again."""
    await tx.run(
        "UPDATE agents SET suspended = :why WHERE tenant_id = :tenant AND agent_id = :agent_id",
        agent_id=agent_id,
        why=why,
    )


async def complaints_against(tx: Transaction, agent_id: AgentId, now_ms: int) -> str:
    """Why the agent should not send any more, "" when nothing speaks against it. What was complained of before a person
    let it go on (its mail of that time) counts no more: see forgive. Complaints of one email count once: everyone who
    got it can write them in the name of all the others."""
    row = await tx.one(
        "SELECT COUNT(*) AS sent, COUNT(DISTINCT CASE WHEN d.complained = 1 THEN s.submission_id END) AS complained"
        " FROM submissions s JOIN deliveries d ON d.tenant_id = s.tenant_id AND d.submission_id = s.submission_id"
        " WHERE s.tenant_id = :tenant AND s.agent_id = :agent_id AND s.created_at >= :since AND d.route = 'relay'"
        " AND d.attempts > 0",
        agent_id=agent_id,
        since=now_ms - JUDGED_DAYS * DAY_MS,
    )
    if row is None or row["complained"] < max(LEAST_COMPLAINTS, MOST_COMPLAINED * row["sent"]):
        return ""
    return f"{row['complained']} of {row['sent']} readers complained of what its agent sent"


async def forgive(tx: Transaction, agent_id: AgentId) -> None:
    """Let an agent send again; the complaints so far stay in its reputation (2) and do not stop it once more."""
    await suspend_agent(tx, agent_id, "")
    await tx.run(
        "UPDATE deliveries SET complained = 2 WHERE tenant_id = :tenant AND complained = 1 AND submission_id IN"
        " (SELECT submission_id FROM submissions WHERE tenant_id = :tenant AND agent_id = :agent_id)",
        agent_id=agent_id,
    )


# A new domain


async def places(tx: Transaction, domain: str, now_ms: int, wanted: int) -> list[int | None]:
    """The times (milliseconds since 1970) at which so many emails of a domain may go: None for now. They are taken by
    that. A system write. Days are those of UTC, counted from the first email of the domain to the outside."""
    today = now_ms // DAY_MS
    first = await _first_day(tx, domain, today)
    got: list[int | None] = []
    day = today
    while len(got) < wanted:
        if day - first >= len(CAPS):
            # Past its first days: at once, or when that time begins.
            got += [None if day == today else day * DAY_MS] * (wanted - len(got))
            break
        cap = CAPS[day - first]
        row = await tx.one("SELECT taken FROM warm_ups WHERE domain = :domain AND day = :day", domain=domain, day=day)
        taken = int(row["taken"]) if row else 0
        more = min(cap - taken, wanted - len(got))
        if more > 0:
            await tx.run(
                "INSERT INTO warm_ups (domain, day, taken) VALUES (:domain, :day, :more)"
                " ON CONFLICT (domain, day) DO UPDATE SET taken = warm_ups.taken + :more",
                domain=domain,
                day=day,
                more=more,
            )
            for place in range(taken, taken + more):
                got.append(None if day == today else day * DAY_MS + place * DAY_MS // cap)
        day += 1
    return got


async def _first_day(tx: Transaction, domain: str, today: int) -> int:
    known = await tx.one("SELECT MIN(day) AS day FROM warm_ups WHERE domain = :domain", domain=domain)
    if known is not None and known["day"] is not None:
        return int(known["day"])
    row = await tx.one(
        "SELECT MIN(created_at) AS at FROM submissions WHERE outside > 0 AND lower(sender) LIKE :sender",
        sender=f"%@{domain.replace('%', '')}",
    )
    first = int(row["at"]) // DAY_MS if row and row["at"] is not None else today
    await tx.run(
        "INSERT INTO warm_ups (domain, day, taken) VALUES (:domain, :day, 0) ON CONFLICT DO NOTHING",
        domain=domain,
        day=first,
    )
    return first
