"""Outbound emails and their way to each recipient: what was asked for, frozen, claimed, tried and how it ended.

A delivery: queued or held -> (claimed under a lease) -> sent (a relay took it), delivered (an inbox of ours has it),
bounced, uncertain (handed over, no answer came back) or cancelled. Whoever holds a lease writes with its owner and
attempt, so that a worker thought dead changes nothing when it comes back. The queue is `next_at`: NULL is out of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from letterlock.ids import AgentId, EmailId, InboxId, SubmissionId, TenantId, ThreadId
from letterlock.message.report import BOUNCES, TOKEN_CHARS, Report, Reported, ReportKind, token_of
from letterlock.message.reporter import NOBODY, Reporter, may_report
from letterlock.policy import APPROVAL, PAUSED, Reason
from letterlock.providers import provider_of
from letterlock.store import audit, conduct, mailboxes, reputation
from letterlock.store.database import Row, Transaction
from letterlock.store.turns import in_turn

Route = Literal["local", "relay"]
DeliveryState = Literal["queued", "held", "sent", "delivered", "bounced", "uncertain", "cancelled"]
_LEAST_SENT, _MOST_HARD, _JUDGED_MS, _REPLY_CHARS = 20, 0.08, 30 * 24 * 3_600_000, 300
HANDING_OVER = "being handed over"
MOST_UNANSWERED = 2
"""A message is handed over again after one lost answer, never after a second: at most one extra copy, and one more for
each crash of ours (end_leases)."""
MOST_CRASHES = 5
"""An email that was being handed over at so many crashes may be their reason."""

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


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver these until `until`; each delivery's `attempts` is the attempt the lease is fenced by. Of
    the outside it is one alone, because each has a return path that no other recipient may learn."""

    tenant_id: TenantId
    submission_id: SubmissionId
    owner: str
    until: int
    route: Route
    sender: str
    raw: bytes
    deliveries: tuple[Delivery, ...]
    created_at: int = 0


_COLUMNS = (
    "submission_id, inbox_id, agent_id, idempotency_key, request_hash, held_by, reasons, sender, recipients, subject,"
    " body_text, message_id, thread_id, reply_to_email_id, sha256, size, created_at, outside,"
    " approve_until, verdict, decided_by, decided_at"
)
_DELIVERY_COLUMNS = (
    "recipient, route, state, next_at, attempts, unanswered, reply, updated_at, lane, first_at, warm_day, token,"
    " claimed, class, complained, lease_until"
)
_DUE = (
    "next_at <= :now AND (lease_until IS NULL OR lease_until <= :now) AND (route = 'local' OR tenant_id NOT IN"
    " (SELECT tenant_id FROM tenants WHERE paused_at IS NOT NULL))"
)
_SINCE_RESUMED = (
    "AND COALESCE(d.first_at, s.created_at) > COALESCE((SELECT i.resumed_at FROM inboxes i"
    " WHERE i.tenant_id = s.tenant_id AND i.inbox_id = s.inbox_id), 0)"
)
"""What bounced before a person let an inbox go on is not held against it again."""
_FENCED = (
    "tenant_id = :tenant AND submission_id = :submission_id AND recipient = :recipient"
    " AND lease_owner = :owner AND attempts = :attempt"
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


def _delivery(row: Row) -> Delivery:
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


def _reasons_text(reasons: Iterable[Reason]) -> str:
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
        reasons=_reasons_text(submission.reasons),
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
        f"SELECT {_DELIVERY_COLUMNS} FROM deliveries WHERE tenant_id = :tenant AND submission_id = :submission_id"
        " ORDER BY recipient",
        submission_id=submission_id,
    )
    return [_delivery(row) for row in rows]


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


async def count_due(tx: Transaction) -> int:
    """How many deliveries wait for their next try. A system read."""
    row = await tx.one("SELECT COUNT(*) AS n FROM deliveries WHERE next_at IS NOT NULL")
    return int(row["n"]) if row else 0


async def count_held(tx: Transaction, code: str) -> int:
    """How many submissions the reason `code` holds. A system read."""
    row = await tx.one("SELECT COUNT(*) AS n FROM submissions WHERE held_by <> '' AND held_by = :code", code=code)
    return int(row["n"]) if row else 0


async def due(tx: Transaction, now_ms: int) -> list[tuple[Route, str]]:
    """The lanes, each with its route, in which something is due. A system read; goes from lane to lane, however much
    waits in each."""
    found: list[tuple[Route, str]] = []
    routes: tuple[Route, ...] = ("local", "relay")
    for route in routes:
        lane, behind = "", ">="
        while row := await tx.one(
            f"SELECT lane FROM deliveries WHERE route = :route AND next_at IS NOT NULL AND lane {behind} :lane"
            " ORDER BY lane LIMIT 1",
            route=route,
            lane=lane,
        ):
            lane, behind = row["lane"], ">"
            if await tx.one(
                f"SELECT 1 AS n FROM deliveries WHERE route = :route AND lane = :lane AND {_DUE} LIMIT 1",
                route=route,
                lane=lane,
                now=now_ms,
            ):
                found.append((route, lane))
    return found


async def claim(
    tx: Transaction,
    owner: str,
    route: Route,
    now_ms: int,
    until_ms: int,
    limit: int,
    submission_id: SubmissionId | None = None,
    lane: str | None = None,
    older_than_ms: int | None = None,
    after: str = "",
) -> list[Lease]:
    """Lease what is due on a route (None: in whichever lane), up to `limit` leases (of that submission); with
    `older_than_ms` only what has waited since before then. In a lane tenants take turns, beginning with the one behind
    `after`, each with its oldest. A system write.

    The update looks at the conditions again, so that of two claimers that saw the same row only one gets it."""
    conditions, more = f"route = :route AND {_DUE}", dict[str, str | int]()
    for name, value, condition in (
        ("submission_id", submission_id, "submission_id = :submission_id"),
        ("lane", lane, "lane = :lane"),
        ("older", older_than_ms, "COALESCE(first_at, updated_at) < :older"),
    ):
        if value is not None:
            conditions += f" AND {condition}"
            more[name] = value

    async def oldest(where: str = "", **values: str) -> list[tuple[TenantId, SubmissionId, str]]:
        rows = await tx.all(
            f"SELECT tenant_id, submission_id, recipient FROM deliveries WHERE {where}{conditions} ORDER BY next_at"
            " LIMIT :limit",
            **more,
            **values,
            route=route,
            now=now_ms,
            # To inboxes of ours, one submission has a row for each recipient, and all are delivered at once.
            limit=limit if route == "relay" else limit * 4,
        )
        # One lease of a submission for each recipient outside, one for all of them here.
        whom = (row["recipient"] if route == "relay" else "" for row in rows)
        return list(
            dict.fromkeys((row["tenant_id"], row["submission_id"], to) for row, to in zip(rows, whom, strict=True))
        )

    async def next_tenant(place: str) -> TenantId | None:
        row = await tx.one(
            "SELECT tenant_id FROM deliveries WHERE route = :route AND lane = :lane AND next_at IS NOT NULL"
            " AND tenant_id > :place ORDER BY tenant_id LIMIT 1",
            route=route,
            lane=lane,
            place=place,
        )
        return row["tenant_id"] if row else None

    found: list[tuple[TenantId, SubmissionId, str]] = []
    if lane is not None:
        found = await in_turn(
            next_tenant, lambda tenant_id: oldest("tenant_id = :tenant_id AND ", tenant_id=tenant_id), after, limit
        )
    frozen: dict[SubmissionId, Row | None] = {}
    leases: list[Lease] = []
    for tenant_id, id_, recipient in found or await oldest():
        if len(leases) == limit:
            break
        bound = tx.bound_to(tenant_id)
        rows = await bound.all(
            "UPDATE deliveries SET lease_owner = :owner, lease_until = :until, attempts = attempts + 1,"
            " first_at = COALESCE(first_at, :now)"
            " WHERE tenant_id = :tenant AND submission_id = :submission_id"
            f" AND recipient = COALESCE(:recipient, recipient) AND {conditions}"
            f" RETURNING {_DELIVERY_COLUMNS}",
            **{**more, "submission_id": id_},
            recipient=recipient or None,
            route=route,
            owner=owner,
            until=until_ms,
            now=now_ms,
        )
        if id_ not in frozen:
            frozen[id_] = await bound.one(
                "SELECT sender, raw, created_at FROM submissions"
                " WHERE tenant_id = :tenant AND submission_id = :submission_id",
                submission_id=id_,
            )
        if rows and (about := frozen[id_]) is not None:
            deliveries = tuple(sorted(map(_delivery, rows), key=lambda delivery: delivery.recipient))
            leases.append(
                Lease(
                    tenant_id,
                    id_,
                    owner,
                    until_ms,
                    route,
                    about["sender"],
                    bytes(about["raw"]),
                    deliveries,
                    about["created_at"],
                )
            )
    return leases


async def relane(tx: Transaction, lane_of: LaneOf) -> int:
    """Put what waits into the lanes of the settings as they are now. A system write, for a start; returns how many
    pairs of sender and recipient changed theirs."""
    rows = await tx.all(
        "SELECT DISTINCT s.tenant_id, s.sender, d.recipient, d.lane FROM deliveries d JOIN submissions s"
        " ON s.tenant_id = d.tenant_id AND s.submission_id = d.submission_id"
        " WHERE d.route = 'relay' AND d.next_at IS NOT NULL"
        # These are no lanes of the settings.
        " AND d.lane NOT LIKE 'mailbox %' AND d.lane NOT LIKE 'domain %'"
    )
    changed = 0
    for row in rows:
        lane = lane_of(row["tenant_id"], row["sender"], row["recipient"])
        if lane is not None and lane != row["lane"]:
            changed += 1
            await tx.run(
                "UPDATE deliveries SET lane = :lane WHERE route = 'relay' AND next_at IS NOT NULL AND lane = :before"
                " AND recipient = :recipient AND tenant_id = :tenant_id AND submission_id IN"
                " (SELECT submission_id FROM submissions WHERE tenant_id = :tenant_id AND sender = :sender)",
                lane=lane,
                tenant_id=row["tenant_id"],
                before=row["lane"],
                recipient=row["recipient"],
                sender=row["sender"],
            )
    return changed


async def end_leases(tx: Transaction, route: Route, now_ms: int) -> int:
    """End every lease of a route now, whoever holds it. A system write, for a process that takes another's place.

    What that one was handing over when it died is tried once more, whatever was lost before: a crash makes one extra
    copy at most, and may lose nothing."""
    await tx.run(
        "UPDATE deliveries SET next_at = :now WHERE route = :route AND state = 'uncertain' AND next_at IS NULL"
        " AND lease_owner IS NOT NULL AND lease_until > :now AND unanswered <= :most",
        route=route,
        now=now_ms,
        most=MOST_CRASHES,
    )
    return await tx.run(
        "UPDATE deliveries SET lease_owner = NULL, lease_until = NULL"
        " WHERE route = :route AND next_at IS NOT NULL AND next_at <= :now AND lease_until > :now",
        route=route,
        now=now_ms,
    )


async def handing_over(tx: Transaction, lease: Lease, until_ms: int) -> bool:
    """Write down that the message is about to be handed over for the lease's one recipient, and hold the lease until
    `until_ms`.

    False, and nothing written, when it is no longer the lease's: cancelled, handed over already, or taken by another
    worker. Then the message must not be sent."""
    (delivery,) = lease.deliveries
    return bool(
        await tx.run(
            "UPDATE deliveries SET state = 'uncertain', unanswered = unanswered + 1, lease_until = :until,"
            f" next_at = CASE WHEN unanswered + 1 >= :most THEN NULL ELSE next_at END WHERE {_FENCED}"
            " AND state IN ('queued', 'uncertain') AND unanswered = :unanswered",
            until=until_ms,
            most=MOST_UNANSWERED,
            unanswered=delivery.unanswered,
            **_fence(lease, delivery),
        )
    )


async def not_handed_over(tx: Transaction, lease: Lease, now_ms: int) -> bool:
    """Take back `handing_over`: the final dot was never sent. It is due as it was before; its attempt counts."""
    (delivery,) = lease.deliveries
    return bool(
        await tx.run(
            f"UPDATE deliveries SET state = :state, unanswered = :unanswered, next_at = :now WHERE {_FENCED}"
            " AND state = 'uncertain' AND unanswered = :unanswered + 1",
            state=delivery.state,
            unanswered=delivery.unanswered,
            now=now_ms,
            **_fence(lease, delivery),
        )
    )


async def record(tx: Transaction, lease: Lease, results: Collection[Delivery], now_ms: int) -> int:
    """Write how an attempt ended and give the lease back; `results` are the lease's deliveries as they are now. Returns
    how many were still the lease's."""
    attempts = {delivery.recipient: delivery for delivery in lease.deliveries}
    changed = 0
    for result in results:
        changed += await tx.run(
            "UPDATE deliveries SET route = :route, lane = :lane, state = :state, next_at = :next_at,"
            " unanswered = :unanswered, attempts = :attempts, first_at = :first_at, warm_day = :warm_day,"
            f" reply = :reply, updated_at = :now, lease_owner = NULL, lease_until = NULL WHERE {_FENCED}",
            route=result.route,
            lane=result.lane,
            state=result.state,
            next_at=result.next_at,
            unanswered=result.unanswered,
            attempts=result.attempts,
            first_at=result.first_at,
            warm_day=result.warm_day,
            reply=result.reply,
            now=now_ms,
            **_fence(lease, attempts[result.recipient]),
        )
    if changed and any(result.state == "sent" for result in results):
        await _judge_once(tx, lease.submission_id, changed, now_ms)
    return changed


async def _judge_once(tx: Transaction, submission_id: SubmissionId, more: int, now_ms: int) -> None:
    """Judge the bounces of an inbox when `more` of its recipients are the first that make it enough to be judged:
    those that bounced before that were not. Later ones are judged as they come."""
    # A hard bounce always suppresses its address: most tenants have none, and then nothing is counted.
    if not await tx.one("SELECT 1 AS n FROM suppressions WHERE tenant_id = :tenant LIMIT 1"):
        return
    row = await tx.one(
        "SELECT MIN(inbox_id) AS inbox_id, COUNT(*) AS n FROM (SELECT s.inbox_id FROM submissions s"
        " JOIN deliveries d ON d.tenant_id = s.tenant_id AND d.submission_id = s.submission_id"
        " WHERE s.tenant_id = :tenant AND s.inbox_id = (SELECT inbox_id FROM submissions"
        " WHERE tenant_id = :tenant AND submission_id = :submission_id) AND s.created_at >= :since"
        " AND d.route = 'relay' AND d.attempts > 0 AND d.state IN ('sent', 'uncertain', 'bounced')"
        f" {_SINCE_RESUMED} LIMIT :most) AS ended",
        submission_id=submission_id,
        since=now_ms - _JUDGED_MS,
        most=_LEAST_SENT + more,
    )
    if row is not None and row["n"] - more < _LEAST_SENT <= row["n"]:
        await _stop_if_bouncing(tx, row["inbox_id"], now_ms)


async def reported_on(tx: Transaction, recipient: str, report: Report | None) -> Submission | None:
    """The submission that an email to `recipient` is about: by the return path it came to, else by the Message-ID of
    the report that it is."""
    token = token_of(recipient)
    if token and (found := await by_token(tx, token)):
        return found
    if report is None or not report.message_id:
        return None
    row = await tx.one(
        "SELECT submission_id FROM submissions WHERE tenant_id = :tenant AND message_id = :message_id",
        message_id=report.message_id,
    )
    return await get(tx, row["submission_id"]) if row else None


async def record_report(
    tx: Transaction,
    about: Submission,
    report: Report,
    to: str,
    now_ms: int,
    by: Reporter = NOBODY,
    trusted: Collection[str] = (),
) -> int:
    """What became of mail we sent, as `by` reports it to the address `to`: only of recipients it was sent to.

    Anyone can write a report. It counts for a recipient when it came to, or quotes, the return path of the delivery to
    that one, or when `by` may speak for it (message.reporter). Then a hard bounce or a complaint keeps further mail
    from the address, and an inbox with too many of them is stopped. What nobody vouches for is kept as a claim and
    changes nothing. Returns the number of recipients it changed."""
    changed = 0
    outside = {delivery.recipient.lower(): delivery for delivery in about.deliveries if delivery.route == "relay"}
    paths = {token for token in (token_of(to), report.token) if token}
    # Paths of before each delivery had its own are known to all recipients.
    known = Counter(delivery.token for delivery in outside.values())
    own = {key for key, each in outside.items() if each.token in paths and known[each.token] == 1}
    provider = await _provider_names(tx, about.inbox_id)
    told = report.recipients
    if len(own) == 1 and not any(reported.address in outside for reported in told):
        # Forwarded on the way, or not named at all: it is about the one whose return path it came to.
        told = tuple(replace(reported, address=next(iter(own))) for reported in told[:1]) or tuple(
            Reported(recipient, "none" if report.kind == "complaint" else "soft") for recipient in own
        )
    news: dict[str, str] = {}
    for reported in told:
        delivery = outside.get(reported.address)
        if delivery is None or delivery.state not in ("sent", "uncertain", "bounced"):
            continue
        relays = (delivery.lane.rpartition("@")[2].rpartition(":")[0], *provider)
        if not (reported.address in own or may_report(by, report.kind, reported.address, relays, trusted)):
            if report.kind in ("bounce", "complaint"):
                await _claim_only(tx, about, delivery, report, reported, now_ms)
            continue
        became = await _learn(tx, about.submission_id, delivery, report.kind, reported, now_ms)
        changed += became != "nothing new"
        if became not in ("nothing new", delivery.state):
            news[delivery.recipient] = became
    if changed:
        # The notice of a refusal that was answered in the dialogue is no news of its recipients.
        await audit.append(
            tx,
            now_ms,
            "postmaster",
            f"email.{report.kind}",
            about.submission_id,
            recipients=dict(sorted(news.items())),
            **{"class": told[0].class_},
        )
    if changed:
        await _stop_if_bouncing(tx, about.inbox_id, now_ms)
        await _stop_if_complained_of(tx, about.agent_id, now_ms)
    return changed


async def _learn(
    tx: Transaction, submission_id: SubmissionId, delivery: Delivery, kind: ReportKind, reported: Reported, now_ms: int
) -> Literal["nothing new", "bounced", "complained", "delayed", "delivered"]:
    """Write down what a proved report says of a delivery, and what became of it. What was told before is not told again
    by a late copy, so that what a person has undone since stays so."""
    known = delivery.class_ in ("hard", reported.class_) if kind == "bounce" else delivery.complained
    if kind in ("bounce", "complaint") and known:
        return "nothing new"
    if kind in ("delay", "delivered") and delivery.state == "bounced":
        return "nothing new"
    this = {"submission_id": submission_id, "recipient": delivery.recipient, "now": now_ms}
    where = "updated_at = :now WHERE tenant_id = :tenant AND submission_id = :submission_id AND recipient = :recipient"
    if kind == "complaint":
        await conduct.suppress(tx, reported.address, "its reader complained of mail from here", now_ms)
        await tx.run(f"UPDATE deliveries SET complained = 1, claimed = '', {where}", **this)
        return "complained"
    if kind == "bounce":
        if reported.class_ == "hard":
            why = f"mail bounced for good{f' ({reported.status})' if reported.status else ''}"
            await conduct.suppress(tx, reported.address, why, now_ms)
        reply = f"{reported.status or '5.0.0'} {reported.class_}: {reported.diagnostic}"[:_REPLY_CHARS]
        await tx.run(
            "UPDATE deliveries SET state = 'bounced', class = :class_, next_at = NULL, reply = :reply, claimed = '',"
            f" {where}",
            class_=reported.class_,
            reply=reply,
            **this,
        )
        return "bounced"
    became: Literal["delayed", "delivered"] = "delayed" if kind == "delay" else "delivered"
    status = reported.status or ("4.0.0" if kind == "delay" else "2.0.0")
    reply = f"{status} {became}: {reported.diagnostic}"[:_REPLY_CHARS]
    await tx.run(f"UPDATE deliveries SET reply = :reply, {where}", reply=reply, **this)
    return became


async def _provider_names(tx: Transaction, inbox_id: InboxId) -> tuple[str, ...]:
    """What the provider is known by whose mailbox an inbox sends by; () where it sends by none."""
    box = await mailboxes.of_inbox(tx, inbox_id)
    if box is None or not box.smtp_host:
        return ()
    domain = box.address.rpartition("@")[2].lower()
    known = provider_of(domain)
    return (box.smtp_host, domain, *(known.domains if known else ()))


async def _claim_only(
    tx: Transaction, about: Submission, delivery: Delivery, report: Report, reported: Reported, now_ms: int
) -> None:
    """The first claim is kept: whoever writes a thousand fills nothing."""
    if await tx.run(
        "UPDATE deliveries SET claimed = :claimed, updated_at = :now WHERE tenant_id = :tenant"
        " AND submission_id = :submission_id AND recipient = :recipient AND claimed = '' AND state <> 'bounced'",
        submission_id=about.submission_id,
        recipient=delivery.recipient,
        claimed=f"{report.kind} {reported.status}".strip(),
        now=now_ms,
    ):
        await audit.append(tx, now_ms, "postmaster", "email.report_unproved", about.submission_id, kind=report.kind)


async def only_claims(tx: Transaction, email_id: EmailId, report: Report) -> bool:
    """Whether the report that an email is was kept as a claim: nothing that came so far proves what it says."""
    row = await tx.one(
        "SELECT recipient FROM emails WHERE tenant_id = :tenant AND email_id = :email_id", email_id=email_id
    )
    about = await reported_on(tx, row["recipient"], report) if row else None
    named = {reported.address for reported in report.recipients}
    return about is not None and any(each.claimed and each.recipient.lower() in named for each in about.deliveries)


async def _stop_if_bouncing(tx: Transaction, inbox_id: InboxId, now_ms: int) -> None:
    """Over 8 % hard bounces of at least 20 recipients in 30 days: the inbox may not send until a person says so."""
    row = await tx.one(
        "SELECT COUNT(*) AS n, SUM(d.class = 'hard') AS hard FROM deliveries d"
        " JOIN submissions s ON s.tenant_id = d.tenant_id AND s.submission_id = d.submission_id"
        " WHERE d.tenant_id = :tenant AND s.inbox_id = :inbox_id AND d.route = 'relay' AND d.attempts > 0"
        f" AND s.created_at >= :since {_SINCE_RESUMED}",
        inbox_id=inbox_id,
        since=now_ms - _JUDGED_MS,
    )
    if row is not None and row["n"] >= _LEAST_SENT and row["hard"] > _MOST_HARD * row["n"]:
        why = f"{row['hard']} of {row['n']} recipients bounced for good"
        await conduct.suspend(tx, inbox_id, why)
        await _hold_queued(tx, "inbox_id", inbox_id, why, now_ms)
        await audit.append(tx, now_ms, "postmaster", "inbox.suspended", inbox_id, bounced=row["hard"], sent=row["n"])


async def _stop_if_complained_of(tx: Transaction, agent_id: AgentId, now_ms: int) -> None:
    why = await reputation.complaints_against(tx, agent_id, now_ms)
    if why and not await reputation.agent_suspended(tx, agent_id):
        await reputation.suspend_agent(tx, agent_id, why)
        held = await _hold_queued(tx, "agent_id", agent_id, why, now_ms)
        await audit.append(tx, now_ms, "postmaster", "agent.suspended", agent_id, held=held)


async def _hold_queued(
    tx: Transaction, column: Literal["inbox_id", "agent_id"], value: str, why: str, now_ms: int
) -> int:
    """Hold what an inbox or an agent that was stopped has in the queue for the outside; returns how many recipients."""
    reason = Reason("suspended", f"Held: {why}.", "The owner can let it go with `letterlock inbox resume`.")
    held = await tx.run(
        "UPDATE deliveries SET state = 'held', next_at = NULL, updated_at = :now WHERE tenant_id = :tenant"
        " AND route = 'relay' AND state = 'queued' AND (lease_until IS NULL OR lease_until <= :now)"
        " AND submission_id IN (SELECT submission_id FROM submissions"
        f" WHERE tenant_id = :tenant AND {column} = :value AND held_by = '')",
        value=value,
        now=now_ms,
    )
    await tx.run(
        "UPDATE submissions SET held_by = 'suspended', reasons = :reasons WHERE tenant_id = :tenant"
        f" AND {column} = :value AND held_by = '' AND EXISTS (SELECT 1 FROM deliveries d"
        " WHERE d.tenant_id = submissions.tenant_id AND d.submission_id = submissions.submission_id"
        " AND d.state = 'held')",
        value=value,
        reasons=_reasons_text([reason]),
    )
    return held


async def resume(tx: Transaction, inbox_id: InboxId, agent_id: AgentId, now_ms: int) -> int:
    """Queue again what was held because its inbox or agent was stopped; returns how many recipients."""
    queued = await tx.run(
        "UPDATE deliveries SET state = 'queued', next_at = :now, updated_at = :now WHERE tenant_id = :tenant"
        " AND state = 'held' AND submission_id IN (SELECT submission_id FROM submissions WHERE tenant_id = :tenant"
        " AND held_by = 'suspended' AND (inbox_id = :inbox_id OR agent_id = :agent_id))",
        inbox_id=inbox_id,
        agent_id=agent_id,
        now=now_ms,
    )
    await tx.run(
        "UPDATE submissions SET held_by = '', reasons = '[]' WHERE tenant_id = :tenant AND held_by = 'suspended'"
        " AND (inbox_id = :inbox_id OR agent_id = :agent_id)",
        inbox_id=inbox_id,
        agent_id=agent_id,
    )
    return queued


async def hold(tx: Transaction, submission_id: SubmissionId, reason: Reason) -> None:
    """Say why deliveries that were recorded as held are."""
    await tx.run(
        "UPDATE submissions SET held_by = :code, reasons = :reasons WHERE tenant_id = :tenant"
        " AND submission_id = :submission_id",
        submission_id=submission_id,
        code=reason.code,
        reasons=_reasons_text([reason]),
    )


async def give_back(tx: Transaction, lease: Lease) -> None:
    """End a lease without a result; what it held is due as before."""
    for delivery in lease.deliveries:
        await tx.run(
            f"UPDATE deliveries SET lease_owner = NULL, lease_until = NULL WHERE {_FENCED}", **_fence(lease, delivery)
        )


def _fence(lease: Lease, delivery: Delivery) -> dict[str, str | int]:
    return {
        "submission_id": lease.submission_id,
        "recipient": delivery.recipient,
        "owner": lease.owner,
        "attempt": delivery.attempts,
    }
