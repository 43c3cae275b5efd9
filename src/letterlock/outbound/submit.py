"""submit(): decide, freeze, queue or hold, all in one write transaction; status(), cancel().

The same idempotency key and request give the same submission, however many ask at once. Who gives no key gets one made
from the request, good for SAME_REQUEST_MS: long enough for a model that repeats a call whose answer it did not see,
short enough that the same words can be sent again later on purpose. What stays in the house is delivered before submit
returns, so no postmaster is needed for it; of a mixed email a missing relay holds back the recipients outside only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from letterlock.ids import AgentId, EmailId, SubmissionId, TenantId, ThreadId, new_id
from letterlock.inbound.accept import address_keys
from letterlock.message.address import Address
from letterlock.message.compose import Draft, compose
from letterlock.outbound.deliver import LEASE_MS, deliver
from letterlock.policy import Decision, Recipient, SendContext, decide
from letterlock.store import audit, emails, inboxes, outbox
from letterlock.store.database import Transaction
from letterlock.store.inboxes import Inbox
from letterlock.store.outbox import Delivery, Lease, Submission
from letterlock.wake import OUTBOX

SAME_REQUEST_MS = 10 * 60 * 1000
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Answered:
    """The email a draft answers. `automatic`: a machine sent it (RFC 3834)."""

    email_id: EmailId
    thread_id: ThreadId
    automatic: bool


@dataclass(frozen=True, slots=True)
class Submitted:
    """`repeated`: nothing was sent now, it is the submission an earlier call made."""

    submission: Submission
    repeated: bool


@dataclass(frozen=True, slots=True)
class _Refused:
    decision: Decision


def new_message_id(sender: Address) -> str:
    """A Message-ID that is unique, in the domain of the sender (RFC 5322 section 3.6.4)."""
    return f"<{new_id('m')}@{sender.key.rpartition('@')[2]}>"


async def submit(
    app: App, agent_id: AgentId, inbox: Inbox, draft: Draft, *, key: str = "", answered: Answered | None = None
) -> Submitted:
    """Send `draft` from `inbox`, once.

    Raises InvalidRequest or NotAllowed when it may not be sent, Conflict when `key` belongs to another request.
    """
    request_hash = _request_hash(draft, answered)
    name = f"key {key}" if key else f"request {request_hash}"
    raw = compose(draft)
    sha256 = hashlib.sha256(raw).hexdigest()
    now = app.now_ms()
    owner = new_id("worker")

    async def keep(system: Transaction) -> tuple[Submitted, list[Lease]] | _Refused:
        tx = system.bound_to(inbox.tenant_id)
        known = await _known(tx, inbox, name, key, request_hash, now)
        if known is not None:
            return Submitted(known, True), []
        decision, local = await _decide(app, system, tx, inbox, draft, answered, now)
        if decision.kind == "refuse":
            codes = [reason.code for reason in decision.reasons]
            await audit.append(tx, now, agent_id, "email.refused", inbox.inbox_id, reasons=codes)
            return _Refused(decision)
        submission = Submission(
            SubmissionId(new_id("sub")),
            inbox.inbox_id,
            agent_id,
            name,
            request_hash,
            decision.reasons[0].code if decision.kind == "hold" else "",
            decision.reasons,
            str(draft.sender),
            tuple(map(str, draft.to)),
            tuple(map(str, draft.cc)),
            tuple(map(str, draft.bcc)),
            draft.subject,
            draft.text,
            draft.message_id,
            await _thread(tx, inbox, draft, answered, now),
            answered.email_id if answered else None,
            sha256,
            len(raw),
            now,
            tuple(_delivery(str(recipient), decision, local, now) for recipient in draft.recipients),
        )
        if not await outbox.add(tx, submission, raw):
            raise Conflict(f"The idempotency key '{key}' is in use by another call.", next_step="Call again.")
        await outbox.join_thread(tx, submission)
        await audit.append(
            tx,
            now,
            agent_id,
            "email.held" if decision.kind == "hold" else "email.submitted",
            submission.submission_id,
            inbox=inbox.inbox_id,
            recipients=len(submission.deliveries),
            sha256=sha256,
            reasons=[reason.code for reason in decision.reasons],
        )
        # Leased by whoever submits, in the same commit: no other process can get in between.
        leases = await outbox.claim(system, owner, "local", now, now + LEASE_MS["local"], 1, submission.submission_id)
        return Submitted(submission, False), leases

    answer = await app.database.write_system(keep)
    if isinstance(answer, _Refused):
        raise _refusal(answer.decision)
    submitted, leases = answer
    if submitted.repeated:
        return submitted
    for lease in leases:
        await deliver(app, lease)
    submission = (
        await status(app, inbox.tenant_id, submitted.submission.submission_id) if leases else submitted.submission
    )
    if any(delivery.next_at is not None for delivery in submission.deliveries):
        app.wake.hint(OUTBOX)
    return Submitted(submission, False)


async def status(app: App, tenant_id: TenantId, submission_id: SubmissionId) -> Submission:
    """Raises NotFound."""
    found = await app.database.read(tenant_id, lambda tx: outbox.get(tx, submission_id))
    if found is None:
        raise _not_found(submission_id)
    return found


async def cancel(app: App, agent_id: AgentId, tenant_id: TenantId, submission_id: SubmissionId) -> Submission:
    """Stop what has not been handed over yet. Raises NotFound, or Conflict when it is too late for every recipient."""
    now = app.now_ms()

    async def stop(tx: Transaction) -> Submission:
        before = await outbox.get(tx, submission_id)
        if before is None:
            raise _not_found(submission_id)
        if before.state == "cancelled":
            return before
        spared = await outbox.cancel(tx, submission_id, now)
        if not spared:
            raise Conflict(
                f"Submission {submission_id} cannot be cancelled: it is {before.state} already.",
                next_step="See each recipient with get_delivery_status.",
            )
        await audit.append(tx, now, agent_id, "email.cancelled", submission_id, recipients=spared)
        after = await outbox.get(tx, submission_id)
        assert after is not None
        return after

    return await app.database.write(tenant_id, stop)


async def _known(
    tx: Transaction, inbox: Inbox, name: str, key: str, request_hash: str, now_ms: int
) -> Submission | None:
    """The submission an earlier call made under this key, if it still counts."""
    known = await outbox.by_key(tx, inbox.inbox_id, name)
    if known is None:
        return None
    if key:
        if known.request_hash != request_hash:
            raise Conflict(
                f"The idempotency key '{key}' was used for another email ({known.submission_id}).",
                next_step="Use a new key for a new email, or the same arguments to repeat that call.",
            )
        return known
    if known.state == "cancelled" or abs(now_ms - known.created_at) >= SAME_REQUEST_MS:
        await outbox.retire_key(tx, known)
        return None
    return known


async def _decide(
    app: App,
    system: Transaction,
    tx: Transaction,
    inbox: Inbox,
    draft: Draft,
    answered: Answered | None,
    now_ms: int,
) -> tuple[Decision, frozenset[str]]:
    """The decision, and which recipients are inboxes of ours."""
    sender = await inboxes.find(tx, inbox.inbox_id)
    local = set()
    for recipient in map(str, draft.recipients):
        if await inboxes.find_by_address(system, address_keys(recipient), now_ms):
            local.add(recipient)
    context = SendContext(
        sender=str(draft.sender),
        sender_live=sender is not None
        and sender.deleted_at is None
        and (sender.expires_at is None or sender.expires_at > now_ms)
        and sender.address == str(draft.sender),
        recipients=tuple(Recipient(str(each), str(each) in local) for each in draft.recipients),
        relay_configured=bool(app.settings.relay_host),
        answers_automatic=answered is not None and answered.automatic,
        sent_in_thread=await outbox.count_in_thread(tx, answered.thread_id, now_ms - _HOUR_MS) if answered else 0,
    )
    return decide(context), frozenset(local)


async def _thread(tx: Transaction, inbox: Inbox, draft: Draft, answered: Answered | None, now_ms: int) -> ThreadId:
    if answered is not None:
        return answered.thread_id
    earlier = (draft.in_reply_to, *reversed(draft.references))
    return await emails.thread_of(tx, inbox.inbox_id, draft.message_id, earlier, now_ms)


def _delivery(recipient: str, decision: Decision, local: frozenset[str], now_ms: int) -> Delivery:
    held = recipient in decision.held
    return Delivery(
        recipient,
        "local" if recipient in local else "relay",
        "held" if held else "queued",
        None if held else now_ms,
    )


def _request_hash(draft: Draft, answered: Answered | None) -> str:
    """What two calls for the same email share: all that the caller chose, nothing that was made for this call."""
    request = [
        str(draft.sender),
        draft.sender_name,
        *(sorted(address.key for address in group) for group in (draft.to, draft.cc, draft.bcc)),
        draft.subject,
        draft.text,
        draft.html,
        answered.email_id if answered else "",
    ]
    return hashlib.sha256(json.dumps(request, ensure_ascii=True).encode()).hexdigest()


def _refusal(decision: Decision) -> InvalidRequest | NotAllowed:
    what = " ".join(reason.text for reason in decision.reasons)
    kind = InvalidRequest if all(r.code in ("no_recipient", "no_such_inbox") for r in decision.reasons) else NotAllowed
    return kind(what, next_step=decision.reasons[0].next_step)


def _not_found(submission_id: str) -> NotFound:
    return NotFound(
        f"There is no submission {submission_id}.", next_step="Use the submission_id that send_email answered."
    )
