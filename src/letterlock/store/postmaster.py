"""What the postmaster of the data folder last said of itself. System reads and writes: it belongs to no tenant."""

from __future__ import annotations

from dataclasses import dataclass

from letterlock.store.database import Transaction

FRESH_MS = 10_000
"""A postmaster reports every few seconds; one that has not for this long is gone."""
STARTING = "Mail comes in in a moment: the process that takes it has just begun."
SWITCHED_OFF = "Listening is switched off (smtp_port = 0)."
FILING = "It reads what was imported, and nobody listens meanwhile: mail from outside comes in after that."


@dataclass(frozen=True, slots=True)
class Report:
    """`listening`: "smtp 127.0.0.1:2525, ..." or ""; `problem`: why it does not listen, for people, or ""."""

    pid: int
    listening: str
    problem: str
    seen_at: int


async def put(tx: Transaction, report: Report) -> None:
    await tx.run(
        "INSERT INTO postmaster (one, pid, listening, problem, seen_at) VALUES (1, :pid, :listening, :problem, :at)"
        " ON CONFLICT (one) DO UPDATE SET pid = excluded.pid, listening = excluded.listening,"
        " problem = excluded.problem, seen_at = excluded.seen_at",
        pid=report.pid,
        listening=report.listening,
        problem=report.problem,
        at=report.seen_at,
    )


async def last(tx: Transaction) -> Report | None:
    row = await tx.one("SELECT pid, listening, problem, seen_at FROM postmaster WHERE one = 1")
    return Report(row["pid"], row["listening"], row["problem"], row["seen_at"]) if row else None


async def has_other_ways(tx: Transaction) -> bool:
    """Whether a mailbox or an inlet brings mail in."""
    ways = "SELECT 1 AS way FROM mailboxes UNION ALL SELECT 1 FROM inlets"
    return await tx.one(f"SELECT way FROM ({ways}) AS ways LIMIT 1") is not None


async def is_silent(tx: Transaction, now_ms: int) -> bool:
    """Whether no postmaster has reported lately."""
    report = await last(tx)
    return report is None or now_ms - report.seen_at > FRESH_MS
