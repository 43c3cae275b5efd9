"""What decides whether an agent's email may leave: what it has read, whom it knows, what a person said of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from letterlock.ids import AgentId, EmailId, InboxId, MailboxId, SubmissionId
from letterlock.store import audit
from letterlock.store.database import Transaction

EVERY_AGENT = AgentId("*")
REMEMBERED_MS = 30 * 24 * 3_600_000
"""For so long what an agent read is compared with what it sends."""


@dataclass(frozen=True, slots=True)
class Read:
    """An email an agent was shown. `vouched`: its sender proved who they are and is known."""

    email_id: EmailId
    level: str
    vouched: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """`how`: sent (an agent wrote there) or named (a person vouches for it). Time in milliseconds since 1970."""

    agent_id: AgentId
    address_key: str
    how: Literal["sent", "named"]
    at: int


@dataclass(frozen=True, slots=True)
class Suppression:
    address_key: str
    reason: str
    at: int


# --- read -------------------------------------------------------------------------------------------------------------


async def add_reads(tx: Transaction, agent_id: AgentId, reads: Iterable[Read], now_ms: int) -> None:
    await tx.many(
        "INSERT INTO reads (tenant_id, agent_id, email_id, level, vouched, at)"
        " VALUES (:tenant, :agent_id, :email_id, :level, :vouched, :now)"
        " ON CONFLICT (tenant_id, agent_id, email_id) DO UPDATE SET at = :now, level = :level, vouched = :vouched",
        (
            {
                "agent_id": agent_id,
                "email_id": read.email_id,
                "level": read.level,
                "vouched": int(read.vouched),
                "now": now_ms,
            }
            for read in reads
        ),
    )


async def is_tainted(tx: Transaction, agent_id: AgentId, since_ms: int) -> bool:
    """Whether the agent was shown mail since then that nothing vouches for."""
    row = await tx.one(
        "SELECT 1 AS n FROM reads WHERE tenant_id = :tenant AND agent_id = :agent_id AND at >= :since AND vouched = 0"
        " LIMIT 1",
        agent_id=agent_id,
        since=since_ms,
    )
    return row is not None


async def forget_reads(tx: Transaction, before_ms: int, limit: int) -> int:
    """A system write; returns how many went."""
    return await tx.run(
        "DELETE FROM reads WHERE (tenant_id, agent_id, email_id) IN"
        " (SELECT tenant_id, agent_id, email_id FROM reads WHERE at < :before LIMIT :limit)",
        before=before_ms,
        limit=limit,
    )


async def codes_since(tx: Transaction, since_ms: int, limit: int = 500) -> list[str]:
    """One-time codes of mail that came since then."""
    rows = await tx.all(
        "SELECT code FROM emails WHERE tenant_id = :tenant AND code IS NOT NULL AND received_at >= :since"
        " ORDER BY received_at DESC LIMIT :limit",
        since=since_ms,
        limit=limit,
    )
    return [row["code"] for row in rows]


async def codes_shown(tx: Transaction, agent_id: AgentId, since_ms: int, limit: int) -> list[str]:
    """One-time codes of mail that the agent was shown since then, newest first."""
    rows = await tx.all(
        "SELECT e.code FROM reads r JOIN emails e ON e.tenant_id = r.tenant_id AND e.email_id = r.email_id"
        " WHERE r.tenant_id = :tenant AND r.agent_id = :agent_id AND r.at >= :since AND e.code IS NOT NULL"
        " ORDER BY r.at DESC LIMIT :limit",
        agent_id=agent_id,
        since=since_ms,
        limit=limit,
    )
    return [row["code"] for row in rows]


# --- known ------------------------------------------------------------------------------------------------------------


def _keys(address_key: str) -> tuple[str, str]:
    return address_key, f"@{address_key.rpartition('@')[2]}"


async def contact(
    tx: Transaction, agent_id: AgentId, address_key: str, inbox_id: InboxId | None = None
) -> Literal["", "sent", "named"]:
    """How the agent knows an address, itself or by its domain; "" when it does not. A person may have named it for all
    agents, for this one, or for one inbox."""
    address, domain = _keys(address_key)
    rows = await tx.all(
        "SELECT how FROM contacts WHERE tenant_id = :tenant AND agent_id IN (:agent_id, :inbox_id, :every)"
        " AND address_key IN (:address, :domain)",
        agent_id=agent_id,
        inbox_id=inbox_id or agent_id,
        every=EVERY_AGENT,
        address=address,
        domain=domain,
    )
    ways = {row["how"] for row in rows}
    return "named" if "named" in ways else "sent" if ways else ""


async def add_contacts(
    tx: Transaction, agent_id: AgentId, address_keys: Iterable[str], how: Literal["sent", "named"], now_ms: int
) -> None:
    await tx.many(
        "INSERT INTO contacts (tenant_id, agent_id, address_key, how, at)"
        " VALUES (:tenant, :agent_id, :address_key, :how, :now) ON CONFLICT DO NOTHING",
        ({"agent_id": agent_id, "address_key": key, "how": how, "now": now_ms} for key in address_keys),
    )


async def domains(tx: Transaction, how: Literal["sent", "named"], limit: int) -> tuple[str, ...]:
    """The domains of the tenant's newest contacts of a kind, each once."""
    rows = await tx.all(
        "SELECT DISTINCT address_key, at FROM contacts WHERE tenant_id = :tenant AND how = :how"
        " ORDER BY at DESC LIMIT :limit",
        how=how,
        limit=limit,
    )
    return tuple(dict.fromkeys(str(row["address_key"]).rpartition("@")[2] for row in rows))


async def named_contacts(tx: Transaction) -> list[Contact]:
    rows = await tx.all(
        "SELECT agent_id, address_key, how, at FROM contacts WHERE tenant_id = :tenant AND how = 'named'"
        " ORDER BY address_key"
    )
    return [Contact(row["agent_id"], row["address_key"], row["how"], row["at"]) for row in rows]


async def remove_contact(tx: Transaction, address_key: str) -> int:
    """For every agent, however it is known."""
    return await tx.run(
        "DELETE FROM contacts WHERE tenant_id = :tenant AND address_key = :address_key", address_key=address_key
    )


async def remove_named(tx: Transaction, whose: AgentId, address_key: str) -> int:
    """What a person named for one agent, one inbox, or (EVERY_AGENT) all."""
    return await tx.run(
        "DELETE FROM contacts WHERE tenant_id = :tenant AND agent_id = :whose AND address_key = :address_key"
        " AND how = 'named'",
        whose=whose,
        address_key=address_key,
    )


# --- suppressed, paused, suspended ------------------------------------------------------------------------------------


async def suppression(tx: Transaction, address_key: str) -> str:
    """Why nothing may be sent there, "" when it may."""
    row = await tx.one(
        "SELECT reason FROM suppressions WHERE tenant_id = :tenant AND address_key = :address_key",
        address_key=address_key,
    )
    return str(row["reason"]) if row else ""


async def suppress(tx: Transaction, address_key: str, reason: str, now_ms: int) -> None:
    await tx.run(
        "INSERT INTO suppressions (tenant_id, address_key, reason, at) VALUES (:tenant, :address_key, :reason, :now)"
        " ON CONFLICT DO NOTHING",
        address_key=address_key,
        reason=reason,
        now=now_ms,
    )


async def suppressions(tx: Transaction, limit: int = 1000) -> list[Suppression]:
    rows = await tx.all(
        "SELECT address_key, reason, at FROM suppressions WHERE tenant_id = :tenant ORDER BY at DESC LIMIT :limit",
        limit=limit,
    )
    return [Suppression(row["address_key"], row["reason"], row["at"]) for row in rows]


async def unsuppress(tx: Transaction, address_key: str) -> int:
    return await tx.run(
        "DELETE FROM suppressions WHERE tenant_id = :tenant AND address_key = :address_key", address_key=address_key
    )


async def is_paused(tx: Transaction) -> bool:
    row = await tx.one("SELECT paused_at FROM tenants WHERE tenant_id = :tenant")
    return row is not None and row["paused_at"] is not None


async def pause(tx: Transaction, at_ms: int | None) -> None:
    """None: sending goes on."""
    await tx.run("UPDATE tenants SET paused_at = :at WHERE tenant_id = :tenant", at=at_ms)


async def suspended(tx: Transaction, inbox_id: InboxId) -> str:
    row = await tx.one(
        "SELECT suspended FROM inboxes WHERE tenant_id = :tenant AND inbox_id = :inbox_id", inbox_id=inbox_id
    )
    return str(row["suspended"]) if row else ""


async def suspend(tx: Transaction, inbox_id: InboxId, why: str) -> bool:
    """Stop an inbox from sending, with the reason. False when there is no such inbox."""
    return bool(
        await tx.run(
            "UPDATE inboxes SET suspended = :why WHERE tenant_id = :tenant AND inbox_id = :inbox_id",
            inbox_id=inbox_id,
            why=why,
        )
    )


async def resume(tx: Transaction, inbox_id: InboxId, now_ms: int) -> None:
    """Let an inbox send again; it is judged by what it sends from now on."""
    await tx.run(
        "UPDATE inboxes SET suspended = '', resumed_at = :now WHERE tenant_id = :tenant AND inbox_id = :inbox_id",
        inbox_id=inbox_id,
        now=now_ms,
    )


# --- counted ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counted:
    """Whose recipients outside are counted: those of all that is given together, of the whole tenant where nothing
    is."""

    inbox_id: InboxId | None = None
    agent_id: AgentId | None = None
    mailbox_id: MailboxId | None = None


_COUNTED = (
    "FROM submissions WHERE tenant_id = :tenant AND outside > 0 AND created_at > :since"
    " AND verdict NOT IN ('denied', 'expired')"
    " AND EXISTS (SELECT 1 FROM deliveries d WHERE d.tenant_id = submissions.tenant_id"
    " AND d.submission_id = submissions.submission_id AND (d.state <> 'cancelled' OR d.attempts > 0))"
    " AND (:inbox_id IS NULL OR inbox_id = :inbox_id) AND (:agent_id IS NULL OR agent_id = :agent_id)"
    " AND (:mailbox_id IS NULL OR inbox_id IN (SELECT inbox_id FROM inboxes WHERE tenant_id = :tenant"
    " AND mailbox_id = :mailbox_id))"
)


async def used(tx: Transaction, since_ms: int, of: Counted) -> int:
    """Recipients outside of what was sent after that; held ones count, denied ones and those cancelled before the first
    try do not."""
    row = await tx.one(f"SELECT COALESCE(SUM(outside), 0) AS n {_COUNTED}", since=since_ms, **asdict(of))
    assert row is not None
    return int(row["n"])


async def used_until(tx: Transaction, since_ms: int, of: Counted, spare: int) -> int:
    """When that was sent whose end of counting makes room for `spare` of these recipients (milliseconds since 1970):
    the oldest go first. 0 where there are not so many."""
    row = await tx.one(
        "SELECT MIN(created_at) AS at FROM (SELECT created_at, SUM(outside) OVER (ORDER BY created_at, submission_id)"
        f" AS gone {_COUNTED}) AS oldest WHERE gone >= :spare",
        since=since_ms,
        spare=spare,
        **asdict(of),
    )
    return int(row["at"]) if row and row["at"] is not None else 0


async def approved_count(tx: Transaction, agent_id: AgentId, limit: int) -> int:
    """How many emails of the agent a person has let go, at most `limit`."""
    row = await tx.one(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM submissions WHERE tenant_id = :tenant AND agent_id = :agent_id"
        " AND verdict = 'approved' LIMIT :limit) AS let_go",
        agent_id=agent_id,
        limit=limit,
    )
    return int(row["n"]) if row else 0


# --- a person's verdict -----------------------------------------------------------------------------------------------


async def waiting(tx: Transaction, now_ms: int, limit: int) -> Sequence[SubmissionId]:
    """What waits for a person, oldest first."""
    rows = await tx.all(
        "SELECT submission_id FROM submissions WHERE tenant_id = :tenant AND held_by = 'approval'"
        " AND approve_until > :now ORDER BY created_at LIMIT :limit",
        now=now_ms,
        limit=limit,
    )
    return [row["submission_id"] for row in rows]


async def seal(tx: Transaction, submission_id: SubmissionId, sha256: str, *, may_go: bool) -> str:
    """What was decided of exactly these bytes and this envelope, so that who can write to the store alone cannot say
    it: they may go, or wait for a person."""
    return await tx.seal(f"submission {submission_id} {sha256} {'may go' if may_go else 'waits'}")


Decided = Literal["may go", "waits", "forged"]


async def decided(tx: Transaction, submission_id: SubmissionId, sha256: str, sealed: str) -> Decided:
    """What the seal of a submission says; forged: it is not ours, or of something else."""
    if sealed == await seal(tx, submission_id, sha256, may_go=True):
        return "may go"
    return "waits" if sealed == await seal(tx, submission_id, sha256, may_go=False) else "forged"


async def decide_on(
    tx: Transaction,
    submission_id: SubmissionId,
    sha256: str,
    verdict: Literal["approved", "denied"],
    by: AgentId,
    now_ms: int,
) -> bool:
    """Write a person's verdict on exactly these bytes, once, before it lapses. False: there is nothing to decide."""
    return bool(
        await tx.run(
            "UPDATE submissions SET verdict = :verdict, held_by = '', seal = :seal, decided_by = :by,"
            " decided_at = :now WHERE tenant_id = :tenant"
            " AND submission_id = :submission_id AND sha256 = :sha256 AND held_by = 'approval' AND verdict = ''"
            " AND approve_until > :now",
            submission_id=submission_id,
            sha256=sha256,
            verdict=verdict,
            by=by,
            seal=await seal(tx, submission_id, sha256, may_go=verdict == "approved"),
            now=now_ms,
        )
    )


async def denied_since(
    tx: Transaction, agent_id: AgentId, recipients: Collection[str], text: str, request_hash: str, since_ms: int
) -> bool:
    """Whether a person has refused since then what an agent wanted to send: the same text (or the same request, where
    there is no text) to the same recipients, from whichever of its inboxes."""
    whom = ", ".join(f":r{number}" for number in range(len(recipients)))
    row = await tx.one(
        "SELECT 1 AS n FROM submissions s WHERE s.tenant_id = :tenant AND s.agent_id = :agent_id"
        " AND s.verdict = 'denied' AND (s.request_hash = :request_hash OR (s.body_text = :text AND :text <> ''))"
        " AND EXISTS (SELECT 1 FROM deliveries d WHERE d.tenant_id = s.tenant_id"
        " AND d.submission_id = s.submission_id AND d.state = 'cancelled' AND d.updated_at > :since)"
        " AND (SELECT COUNT(*) FROM deliveries d WHERE d.tenant_id = s.tenant_id"
        " AND d.submission_id = s.submission_id) = :number"
        " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.tenant_id = s.tenant_id"
        f" AND d.submission_id = s.submission_id AND lower(d.recipient) NOT IN ({whom})) LIMIT 1",
        agent_id=agent_id,
        text=text,
        request_hash=request_hash,
        since=since_ms,
        number=len(recipients),
        **{f"r{number}": recipient.lower() for number, recipient in enumerate(recipients)},
    )
    return row is not None


async def let_go(tx: Transaction, submission_id: SubmissionId, now_ms: int) -> int:
    """Queue what a verdict has freed."""
    return await tx.run(
        "UPDATE deliveries SET state = 'queued', next_at = :now, updated_at = :now WHERE tenant_id = :tenant"
        " AND submission_id = :submission_id AND state = 'held'",
        submission_id=submission_id,
        now=now_ms,
    )


async def lapse(tx: Transaction, now_ms: int, limit: int) -> int:
    """End up to `limit` of the questions nobody answered in time, each with its row in the log. A system write; returns
    how many."""
    rows = await tx.all(
        "SELECT tenant_id, submission_id, approve_until FROM submissions WHERE held_by = 'approval'"
        " AND approve_until <= :now LIMIT :limit",
        now=now_ms,
        limit=limit,
    )
    for row in rows:
        bound = tx.bound_to(row["tenant_id"])
        await bound.run(
            "UPDATE deliveries SET state = 'cancelled', next_at = NULL, updated_at = :now WHERE tenant_id = :tenant"
            " AND submission_id = :submission_id AND state = 'held'",
            submission_id=row["submission_id"],
            now=now_ms,
        )
        await bound.run(
            "UPDATE submissions SET held_by = '', verdict = 'expired' WHERE tenant_id = :tenant"
            " AND submission_id = :submission_id",
            submission_id=row["submission_id"],
        )
        await audit.append(
            bound, now_ms, "postmaster", "email.expired", row["submission_id"], until=row["approve_until"]
        )
    return len(rows)
