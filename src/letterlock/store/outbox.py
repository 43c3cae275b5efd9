"""Outbound emails and their way to each recipient: what was asked for, frozen, held, let go or cancelled.

A delivery: queued or held -> (claimed under a lease) -> sent (a relay took it), delivered (an inbox of ours has it),
bounced, uncertain (handed over, no answer came back) or cancelled. The queue is `next_at`: NULL is out of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from letterlock.ids import AgentId, EmailId, InboxId, SubmissionId, TenantId, ThreadId
from letterlock.message.report import BOUNCES, TOKEN_CHARS
from letterlock.policy import APPROVAL, PAUSED, Reason
from letterlock.store import conduct
from letterlock.store.database import Row, Transaction

Route = Literal["local", "relay"]
DeliveryState = Literal["queued", "held", "sent", "delivered", "bounced", "uncertain", "cancelled"]
HANDING_OVER = "being handed over"
NOT_SENT = "not sent: "
"""How the reply of a delivery begins that we ended, not a server."""

# A submission is in the state of the recipient that needs the most attention.
_ATTENTION: tuple[DeliveryState, ...] = ("held", "queued", "uncertain", "bounced", "cancelled", "sent", "delivered")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Times in milliseconds since 1970. `reply`: one line of the last answer, outside text. `unanswered`: how often the
    message was handed over without an answer."""

    recipient: str
    route: Route
    state: DeliveryState
    next_at: int | None
    attempts: int = 0
    unanswered: int = 0
    reply: str = ""
    updated_at: int = 0
    lane: str = ""
    """The server (or domain) it goes to; "" for an inbox of ours."""
    first_at: int | None = None
    """When it was first claimed; kept by the store."""
    warm_day: int | None = None
    """The day (since 1970) of its place among the emails of a new domain."""
    token: str = ""
    """Names it in its return path, "" where the sender's address is that."""
    claimed: str = ""
    """What a report says that nobody can vouch for: "bounce" or "complaint", with its status code where it has one."""
    class_: str = ""
    """The class (message.report) of a bounce that a report told of, "" before."""
    complained: bool = False
    """Its reader did, as a report proves."""
    lease_until: int | None = None
    """Until when somebody has it in hand, unless they are done before; None: nobody has."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One outbound email without its bytes. `held_by`: the code of the reason that keeps recipients back, or ""."""

    submission_id: SubmissionId
    inbox_id: InboxId
    agent_id: AgentId
    idempotency_key: str
    request_hash: str
    held_by: str
    reasons: tuple[Reason, ...]
    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    subject: str
    body_text: str
    message_id: str
    thread_id: ThreadId
    reply_to_email_id: EmailId | None
    sha256: str
    size: int
    created_at: int
    deliveries: tuple[Delivery, ...] = ()
    outside: int = 0
    """Recipients beyond the tenant."""
    approve_until: int | None = None
    """When a person must have decided, for one that waits for that."""
    verdict: str = ""
    """What a person said: approved, denied; expired when nobody did; "" while nobody has, or none is needed."""
    decided_by: str = ""
    decided_at: int | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))

    @property
    def state(self) -> DeliveryState:
        states = {delivery.state for delivery in self.deliveries}
        return next(state for state in _ATTENTION if state in states)


_COLUMNS = (
    "submission_id, inbox_id, agent_id, idempotency_key, request_hash, held_by, reasons, sender, recipients, subject,"
    " body_text, message_id, thread_id, reply_to_email_id, sha256, size, created_at, outside,"
    " approve_until, verdict, decided_by, decided_at"
)
DELIVERY_COLUMNS = (
    "recipient, route, state, next_at, attempts, unanswered, reply, updated_at, lane, first_at, warm_day, token,"
    " claimed, class, complained, lease_until"
)


def _submission(row: Row, deliveries: Iterable[Delivery]) -> Submission:
    recipients = json.loads(row["recipients"])
    return Submission(
        row["submission_id"],
        row["inbox_id"],
        row["agent_id"],
        row["idempotency_key"],
        row["request_hash"],
        row["held_by"],
        tuple(Reason(**reason) for reason in json.loads(row["reasons"])),
        row["sender"],
        tuple(recipients["to"]),
        tuple(recipients["cc"]),
        tuple(recipients["bcc"]),
        row["subject"],
        row["body_text"],
        row["message_id"],
        row["thread_id"],
        row["reply_to_email_id"],
        row["sha256"],
        row["size"],
        row["created_at"],
        tuple(deliveries),
        row["outside"],
        row["approve_until"],
        row["verdict"],
        row["decided_by"],
        row["decided_at"],
    )


def delivery_of(row: Row) -> Delivery:
    """Of a row of DELIVERY_COLUMNS."""
    return Delivery(
        row["recipient"],
        row["route"],
        row["state"],
        row["next_at"],
        row["attempts"],
        row["unanswered"],
        row["reply"],
        row["updated_at"],
        row["lane"],
        row["first_at"],
        row["warm_day"],
        row["token"],
        row["claimed"],
        row["class"],
        row["complained"] > 0,
        row["lease_until"],
    )


def new_token() -> str:
    """130 random bits: only this recipient of an email, and who carried it there, knows its return path."""
    return base64.b32encode(secrets.token_bytes(20)).decode()[:TOKEN_CHARS].lower()


def return_path(token: str, sender: str) -> str:
    """The envelope sender: bounces+TOKEN at the sender's domain, or without a token the sender."""
    return f"{BOUNCES}{token}@{sender.rpartition('@')[2]}" if token else sender


def envelope_hash(raw: bytes, sender: str, recipients: Iterable[str]) -> str:
    """SHA-256 of the bytes with their envelope: who sends, and everyone who gets it, Bcc too."""
    return hashlib.sha256(json.dumps([sender, *sorted(recipients)]).encode() + b"\n" + raw).hexdigest()


def reasons_text(reasons: Iterable[Reason]) -> str:
    """As they are kept."""
    return json.dumps([asdict(reason) for reason in reasons])


# Asked for


async def add(tx: Transaction, submission: Submission, raw: bytes) -> bool:
    """Keep a submission and its deliveries. False when the inbox has one under this idempotency key."""
    kept = await tx.run(
        "INSERT INTO submissions (tenant_id, submission_id, inbox_id, agent_id, idempotency_key, request_hash, held_by,"
        " reasons, sender, recipients, subject, body_text, message_id, thread_id, reply_to_email_id, sha256, raw, size,"
        " created_at, outside, approve_until, seal) VALUES (:tenant, :submission_id, :inbox_id, :agent_id,"
        " :idempotency_key, :request_hash, :held_by, :reasons, :sender, :recipients, :subject, :body_text, :message_id,"
        " :thread_id, :reply_to_email_id, :sha256, :raw, :size, :created_at, :outside, :approve_until,"
        " :seal)"
        " ON CONFLICT (tenant_id, inbox_id, idempotency_key) DO NOTHING",
        submission_id=submission.submission_id,
        inbox_id=submission.inbox_id,
        agent_id=submission.agent_id,
        idempotency_key=submission.idempotency_key,
        request_hash=submission.request_hash,
        held_by=submission.held_by,
        reasons=reasons_text(submission.reasons),
        sender=submission.sender,
        recipients=json.dumps({"to": submission.to, "cc": submission.cc, "bcc": submission.bcc}),
        subject=submission.subject,
        body_text=submission.body_text,
        message_id=submission.message_id,
        thread_id=submission.thread_id,
        reply_to_email_id=submission.reply_to_email_id,
        sha256=submission.sha256,
        raw=raw,
        size=submission.size,
        created_at=submission.created_at,
        outside=submission.outside,
        approve_until=submission.approve_until,
        seal=await conduct.seal(tx, submission.submission_id, submission.sha256, may_go=submission.held_by != APPROVAL),
    )
    if not kept:
        return False
    await tx.many(
        "INSERT INTO deliveries (tenant_id, submission_id, recipient, route, lane, state, next_at, updated_at,"
        " token) VALUES (:tenant, :submission_id, :recipient, :route, :lane, :state, :next_at, :now, :token)",
        (
            {
                "submission_id": submission.submission_id,
                "recipient": delivery.recipient,
                "route": delivery.route,
                "lane": delivery.lane,
                "state": delivery.state,
                "next_at": delivery.next_at,
                "now": submission.created_at,
                "token": delivery.token,
            }
            for delivery in submission.deliveries
        ),
    )
    return True


async def get(tx: Transaction, submission_id: SubmissionId) -> Submission | None:
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM submissions WHERE tenant_id = :tenant AND submission_id = :submission_id",
        submission_id=submission_id,
    )
    return _submission(row, await _deliveries(tx, submission_id)) if row else None


def as_of(submission: Submission, now_ms: int) -> Submission:
    """As it is now: what a person did not decide in time is cancelled from then on, though upkeep writes it later; what
    is handed over for the first time at this moment is not in doubt."""
    deliveries = tuple(
        replace(one, state="queued", next_at=None, reply=HANDING_OVER)
        if one.state == "uncertain" and one.unanswered == 1 and (one.lease_until or 0) > now_ms
        else one
        for one in submission.deliveries
    )
    submission = replace(submission, deliveries=deliveries)
    if submission.held_by != APPROVAL or submission.approve_until is None or submission.approve_until > now_ms:
        return submission
    ended = (replace(one, state="cancelled") if one.state == "held" else one for one in submission.deliveries)
    return replace(submission, held_by="", verdict="expired", deliveries=tuple(ended))


async def raw(tx: Transaction, submission_id: SubmissionId) -> bytes | None:
    """The frozen bytes."""
    row = await tx.one(
        "SELECT raw FROM submissions WHERE tenant_id = :tenant AND submission_id = :submission_id",
        submission_id=submission_id,
    )
    return bytes(row["raw"]) if row else None


async def sent_lately(
    tx: Transaction, agent_id: AgentId, recipients: Iterable[str], since_ms: int, limit: int
) -> list[bytes]:
    """What the agent has sent since then, newest first, to any of these recipients or others of their domains, as
    bytes; also what waits, not what was denied or cancelled."""
    names = {f"d{n}": recipient.rpartition("@")[2].lower() for n, recipient in enumerate(recipients)}
    if not names:
        return []
    there = " OR ".join(f"lower(d.recipient) LIKE '%@' || :{name}" for name in names)
    rows = await tx.all(
        "SELECT s.raw FROM submissions s WHERE s.tenant_id = :tenant AND s.agent_id = :agent_id AND s.outside > 0"
        " AND s.created_at >= :since AND s.verdict NOT IN ('denied', 'expired') AND EXISTS (SELECT 1 FROM deliveries d"
        " WHERE d.tenant_id = s.tenant_id AND d.submission_id = s.submission_id AND d.state <> 'cancelled'"
        f" AND ({there}))"
        " ORDER BY s.created_at DESC LIMIT :limit",
        agent_id=agent_id,
        since=since_ms,
        limit=limit,
        **names,
    )
    return [row["raw"] for row in rows]


async def by_key(tx: Transaction, inbox_id: InboxId, idempotency_key: str) -> Submission | None:
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM submissions WHERE tenant_id = :tenant AND inbox_id = :inbox_id"
        " AND idempotency_key = :key",
        inbox_id=inbox_id,
        key=idempotency_key,
    )
    return _submission(row, await _deliveries(tx, row["submission_id"])) if row else None


async def by_given_key(tx: Transaction, agent_id: AgentId, idempotency_key: str) -> Submission | None:
    """What an agent sent from any of its inboxes under a key that it gave ("key ...")."""
    row = await tx.one(
        "SELECT submission_id FROM submissions WHERE tenant_id = :tenant AND agent_id = :agent_id"
        " AND idempotency_key = :key AND substr(idempotency_key, 1, 4) = 'key ' LIMIT 1",
        agent_id=agent_id,
        key=idempotency_key,
    )
    return await get(tx, row["submission_id"]) if row else None


async def by_token(tx: Transaction, token: str) -> Submission | None:
    """The submission of which a delivery has this token."""
    row = await tx.one(
        "SELECT submission_id FROM deliveries WHERE token = :token AND token <> '' AND tenant_id = :tenant LIMIT 1",
        token=token,
    )
    return await get(tx, row["submission_id"]) if row else None


async def retire_key(tx: Transaction, submission: Submission) -> None:
    """Free the key of a submission for another one."""
    await tx.run(
        "UPDATE submissions SET idempotency_key = :key WHERE tenant_id = :tenant AND submission_id = :submission_id",
        submission_id=submission.submission_id,
        key=f"{submission.idempotency_key} {submission.submission_id}",
    )


async def of_thread(tx: Transaction, thread_id: ThreadId, limit: int) -> list[Submission]:
    """What was sent in a thread, newest first."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM submissions WHERE tenant_id = :tenant AND thread_id = :thread_id"
        " ORDER BY created_at DESC, submission_id DESC LIMIT :limit",
        thread_id=thread_id,
        limit=limit,
    )
    return [_submission(row, await _deliveries(tx, row["submission_id"])) for row in rows]


async def of_inbox(tx: Transaction, inbox_id: InboxId, before: SubmissionId | None, limit: int) -> list[Submission]:
    """What was sent from an inbox, newest first; with `before`, from behind that one."""
    behind = (
        " AND (created_at, submission_id) < (SELECT created_at, submission_id FROM submissions"
        " WHERE tenant_id = :tenant AND submission_id = :before)"
    )
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM submissions WHERE tenant_id = :tenant AND inbox_id = :inbox_id"
        f"{behind if before else ''} ORDER BY created_at DESC, submission_id DESC LIMIT :limit",
        inbox_id=inbox_id,
        limit=limit,
        **({"before": before} if before else {}),
    )
    return [_submission(row, await _deliveries(tx, row["submission_id"])) for row in rows]


async def count_in_thread(tx: Transaction, thread_id: ThreadId, since_ms: int) -> int:
    row = await tx.one(
        "SELECT COUNT(*) AS n FROM submissions WHERE tenant_id = :tenant AND thread_id = :thread_id"
        " AND created_at >= :since",
        thread_id=thread_id,
        since=since_ms,
    )
    return int(row["n"]) if row else 0


async def join_thread(tx: Transaction, submission: Submission) -> None:
    """An answer to this submission belongs to its thread, also when the email it answers had no Message-ID."""
    await tx.run(
        "INSERT INTO thread_messages (tenant_id, inbox_id, message_id, thread_id)"
        " VALUES (:tenant, :inbox_id, :message_id, :thread_id) ON CONFLICT DO NOTHING",
        inbox_id=submission.inbox_id,
        message_id=submission.message_id,
        thread_id=submission.thread_id,
    )


async def last_words(tx: Transaction, lane: str) -> list[str]:
    """The replies that what waits for another try in a lane has got, the latest due first, a few of them."""
    rows = await tx.all(
        "SELECT reply FROM (SELECT tenant_id, attempts, reply FROM deliveries WHERE route = 'relay' AND lane = :lane"
        " AND next_at IS NOT NULL ORDER BY next_at DESC LIMIT 50) AS latest WHERE tenant_id = :tenant AND attempts > 0"
        " AND reply <> ''",
        lane=lane,
    )
    return [row["reply"] for row in rows]


async def _deliveries(tx: Transaction, submission_id: SubmissionId) -> list[Delivery]:
    rows = await tx.all(
        f"SELECT {DELIVERY_COLUMNS} FROM deliveries WHERE tenant_id = :tenant AND submission_id = :submission_id"
        " ORDER BY recipient",
        submission_id=submission_id,
    )
    return [delivery_of(row) for row in rows]


# Held and cancelled


LaneOf = Callable[[TenantId, str, str], str | None]
"""The lane of a tenant's mail from a sender to a recipient; None: there is no way to it."""


async def held(tx: Transaction, code: str) -> list[tuple[TenantId, str, str]]:
    """Whom something goes to (tenant, sender, recipient) that is held by the reason `code`, each once. A system
    read."""
    rows = await tx.all(
        "SELECT DISTINCT s.tenant_id, s.sender, d.recipient FROM submissions s JOIN deliveries d"
        " ON d.tenant_id = s.tenant_id AND d.submission_id = s.submission_id"
        " WHERE s.held_by <> '' AND s.held_by = :code AND d.state = 'held'"
        " LIMIT 10000",
        code=code,
    )
    return [(row["tenant_id"], row["sender"], row["recipient"]) for row in rows]


async def release(tx: Transaction, code: str, now_ms: int, lane_of: LaneOf) -> int:
    """Queue what is held by the reason `code` and has a way by now. A system write; returns how many recipients."""
    released = 0
    for tenant_id, sender, recipient in await held(tx, code):
        lane = lane_of(tenant_id, sender, recipient)
        if lane is None:
            continue
        released += await tx.run(
            "UPDATE deliveries SET state = 'queued', lane = :lane, next_at = :now, updated_at = :now"
            " WHERE state = 'held' AND recipient = :recipient AND tenant_id = :tenant_id AND submission_id IN"
            " (SELECT submission_id FROM submissions WHERE tenant_id = :tenant_id AND held_by = :code"
            " AND sender = :sender)",
            lane=lane,
            tenant_id=tenant_id,
            now=now_ms,
            recipient=recipient,
            code=code,
            sender=sender,
        )
    await tx.run(
        "UPDATE submissions SET held_by = '', reasons = '[]' WHERE held_by = :code AND NOT EXISTS (SELECT 1 FROM"
        " deliveries d WHERE d.tenant_id = submissions.tenant_id AND d.submission_id = submissions.submission_id"
        " AND d.state = 'held')",
        code=code,
    )
    return released


async def unpaused(tx: Transaction) -> list[TenantId]:
    """The tenants that have something held by a pause that is over. A system read."""
    rows = await tx.all(
        "SELECT DISTINCT tenant_id FROM submissions WHERE held_by <> '' AND held_by = :code AND tenant_id IN"
        " (SELECT tenant_id FROM tenants WHERE paused_at IS NULL)",
        code=PAUSED,
    )
    return [row["tenant_id"] for row in rows]


async def end_pause(tx: Transaction, now_ms: int, limit: int) -> int:
    """Queue up to `limit` submissions that only a pause held; returns how many. None while the pause lasts."""
    rows = await tx.all(
        "SELECT submission_id FROM submissions WHERE tenant_id = :tenant AND held_by <> '' AND held_by = :code AND"
        " EXISTS (SELECT 1 FROM tenants WHERE tenant_id = :tenant AND paused_at IS NULL) LIMIT :limit",
        code=PAUSED,
        limit=limit,
    )
    for row in rows:
        await conduct.let_go(tx, row["submission_id"], now_ms)
        await tx.run(
            "UPDATE submissions SET held_by = '', reasons = '[]' WHERE tenant_id = :tenant"
            " AND submission_id = :submission_id",
            submission_id=row["submission_id"],
        )
    return len(rows)


async def cancel(tx: Transaction, submission_id: SubmissionId, now_ms: int) -> int:
    """Stop what has not been handed over; returns the number of recipients spared. A local delivery under way cannot be
    stopped; one to a relay can up to the moment `handing_over` is written. An uncertain one is not tried again."""
    spared = await tx.run(
        "UPDATE deliveries SET state = 'cancelled', next_at = NULL, lease_owner = NULL, lease_until = NULL,"
        " updated_at = :now WHERE tenant_id = :tenant AND submission_id = :submission_id"
        " AND state IN ('queued', 'held') AND (route = 'relay' OR lease_until IS NULL OR lease_until <= :now)",
        submission_id=submission_id,
        now=now_ms,
    )
    await tx.run(
        "UPDATE deliveries SET next_at = NULL WHERE tenant_id = :tenant AND submission_id = :submission_id"
        " AND state = 'uncertain' AND (lease_until IS NULL OR lease_until <= :now)",
        submission_id=submission_id,
        now=now_ms,
    )
    await tx.run(
        "UPDATE submissions SET held_by = '' WHERE tenant_id = :tenant AND submission_id = :submission_id",
        submission_id=submission_id,
    )
    return spared


async def cancel_some(tx: Transaction, now_ms: int, limit: int) -> int:
    """Cancel up to `limit` submissions of the tenant of which something may still go out; returns how many. What is
    being handed over at this moment stays as it is."""
    rows = await tx.all(
        "SELECT DISTINCT submission_id FROM deliveries WHERE tenant_id = :tenant AND (state IN ('queued', 'held')"
        " OR (state = 'uncertain' AND next_at IS NOT NULL)) AND (lease_until IS NULL OR lease_until <= :now)"
        " LIMIT :limit",
        now=now_ms,
        limit=limit,
    )
    for row in rows:
        await cancel(tx, row["submission_id"], now_ms)
    return len(rows)


async def remove(tx: Transaction, submission_ids: Iterable[SubmissionId]) -> None:
    """For good, with their deliveries."""
    for submission_id in submission_ids:
        await tx.run(
            "DELETE FROM submissions WHERE tenant_id = :tenant AND submission_id = :submission_id",
            submission_id=submission_id,
        )


# Delivering


async def count_held(tx: Transaction, code: str) -> int:
    """How many submissions the reason `code` holds. A system read."""
    row = await tx.one("SELECT COUNT(*) AS n FROM submissions WHERE held_by <> '' AND held_by = :code", code=code)
    return int(row["n"]) if row else 0


async def hold(tx: Transaction, submission_id: SubmissionId, reason: Reason) -> None:
    """Say why deliveries that were recorded as held are."""
    await tx.run(
        "UPDATE submissions SET held_by = :code, reasons = :reasons WHERE tenant_id = :tenant"
        " AND submission_id = :submission_id",
        submission_id=submission_id,
        code=reason.code,
        reasons=reasons_text([reason]),
    )
