"""How submissions fare: what a call to send is answered, the status of each recipient, and taking one back.

Of what other servers say only the codes are told: their words are a stranger's, and no screen read them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from letterlock.actions.caller import Caller
from letterlock.actions.inboxes import Request
from letterlock.app import App
from letterlock.errors import NotFound
from letterlock.ids import OWNER, SubmissionId
from letterlock.outbound import submit as outgoing
from letterlock.outbound.provider import author_of, mailbox_for
from letterlock.outbound.routes import settings_of
from letterlock.outbound.submit import Submitted
from letterlock.screen.safe_text import safe_line
from letterlock.store import outbox
from letterlock.store.emails import moment
from letterlock.store.outbox import Delivery, DeliveryState, Submission


class SentEmail(BaseModel):
    submission_id: str
    state: str
    from_: str
    to: list[str] = Field(description="all recipients")
    thread_id: str
    reasons: list[str] = Field([])
    next_step: str = ""


class GetDeliveryStatus(Request):
    submission_id: Annotated[str, Field(min_length=1, max_length=64)]


class CancelEmail(Request):
    submission_id: Annotated[str, Field(min_length=1, max_length=64)]


class CancelledEmail(BaseModel):
    submission_id: str
    state: str
    cancelled: list[str] = Field(description="recipients who will not get it")


class RecipientStatus(BaseModel):
    address: str
    state: str = Field(description="queued, held, sent (to the relay), delivered, bounced, uncertain, cancelled")
    attempts: int
    answer: str = Field("", description="mail server's last reply")
    next_try_at: datetime | None = None


class DeliveryStatus(BaseModel):
    submission_id: str
    state: str
    recipients: list[RecipientStatus]
    reasons: list[str] = Field([])
    next_step: str = ""


async def sent_now(app: App, caller: Caller, submission_id: str) -> SentEmail:
    """What a call that made this submission would be answered now, after a person has decided."""
    submission = await _own_submission(app, caller, submission_id)
    box = await app.database.read(caller.tenant_id, lambda tx: mailbox_for(tx, submission.inbox_id))
    return sent(app, Submitted(submission, False, author_of(box)), "")


async def get_delivery_status(app: App, caller: Caller, request: GetDeliveryStatus) -> DeliveryStatus:
    """Delivery status of an email you sent, for each recipient."""
    submission = await _own_submission(app, caller, request.submission_id)
    return _status(app, replace(submission, deliveries=await _with_words(app, caller, submission)))


async def cancel_email(app: App, caller: Caller, request: CancelEmail) -> CancelledEmail:
    """Cancel (take back) an email that is queued or held. What has gone out cannot be taken back."""
    submission = await _own_submission(app, caller, request.submission_id)
    submission = await outgoing.cancel(app, caller.agent_id, caller.tenant_id, submission.submission_id)
    return CancelledEmail(
        submission_id=submission.submission_id,
        state=submission.state,
        cancelled=[each.recipient for each in submission.deliveries if each.state == "cancelled"],
    )


async def _own_submission(app: App, caller: Caller, submission_id: str) -> Submission:
    try:
        found = await outgoing.status(app, caller.tenant_id, SubmissionId(submission_id))
    except NotFound:
        found = None
    if found is None or caller.inbox_id not in (None, found.inbox_id):
        raise NotFound(
            f"Submission '{safe_line(submission_id, 80)}' not found.",
            next_step="Use the submission_id that send_email or reply_to_email answered.",
        )
    return outbox.as_of(found, app.now_ms())


def _mend(app: App, delivery: Delivery) -> str:
    """Which settings keep a delivery from its relay, "" when none do: that does not go away by itself."""
    names = settings_of(app.settings, delivery.lane)
    for reply, what, named in _MENDED_BY:
        if names and reply.match(delivery.reply):
            return (
                f"The mail server {what}: ask the owner to mend {named.format(names)} (`letterlock doctor` tells"
                " more). It is tried again until it is 48 hours old; do not send it again."
            )
    return ""


def sent(app: App, submitted: Submitted, key: str) -> SentEmail:
    """What a call to send is answered. `key`: the idempotency key it gave, "" when none."""
    submission = submitted.submission
    reasons = _reasons(submission)
    if submitted.author and any(each.route == "relay" for each in submission.deliveries):
        reasons.append(
            f"Recipients see {submitted.author} in From; what they answer comes to {submission.sender} (Reply-To)."
        )
    next_step = _next_step(app, submission)
    if submitted.repeated:
        ago_s = max(0, app.now_ms() - submission.created_at) // 1000
        reasons.insert(0, f"An equal call {ago_s} s ago made this submission; nothing was sent again.")
        if not key:
            next_step = f"{next_step} To send it once more, pass a new idempotency_key.".strip()
    return SentEmail(
        submission_id=submission.submission_id,
        state=submission.state,
        from_=submission.sender,
        to=list(submission.recipients),
        thread_id=submission.thread_id,
        reasons=reasons,
        next_step=next_step,
    )


async def _with_words(app: App, caller: Caller, submission: Submission) -> tuple[Delivery, ...]:
    """The deliveries; of one that waits for a server without an answer, with what keeps others from it."""
    late = app.now_ms() - _SOON_MS
    lanes = {each.lane for each in submission.deliveries if _waits_unanswered(each) and (each.next_at or 0) < late}
    words: dict[str, str] = {}
    for lane in lanes - {""}:
        said = await app.database.read(caller.tenant_id, lambda tx, lane=lane: outbox.last_words(tx, lane))  # type: ignore[misc]
        words[lane] = next(filter(_OF_SERVER.match, said), "")
    return tuple(
        replace(each, reply=words.get(each.lane, "")) if _waits_unanswered(each) else each
        for each in submission.deliveries
    )


def _waits_unanswered(delivery: Delivery) -> bool:
    return delivery.state == "queued" and not delivery.reply


def _status(app: App, submission: Submission) -> DeliveryStatus:
    now = app.now_ms()
    return DeliveryStatus(
        submission_id=submission.submission_id,
        state=submission.state,
        recipients=[
            RecipientStatus(
                address=delivery.recipient,
                state=delivery.state,
                attempts=delivery.attempts,
                answer=_codes_only(delivery.reply) or _without_answer(delivery, now),
                next_try_at=moment(delivery.next_at)
                if delivery.next_at is not None and (delivery.attempts or delivery.next_at > now)
                else None,
            )
            for delivery in submission.deliveries
        ],
        reasons=[*_reasons(submission), *_doubts(submission)],
        next_step=_next_step(app, submission),
    )


def _reasons(submission: Submission) -> list[str]:
    """Why it is held, or not sent; what held it once is over and is told as that."""
    by = "a person" if submission.decided_by in ("", OWNER) else f"a person ({submission.decided_by})"
    at = f" on {moment(submission.decided_at):%Y-%m-%d at %H:%M} UTC" if submission.decided_at is not None else ""
    if submission.verdict == "denied":
        return [f"Denied: {by} looked at it and refused{at}. It was not sent."]
    if submission.verdict == "expired" and submission.approve_until is not None:
        until = f"{moment(submission.approve_until):%Y-%m-%d %H:%M} UTC"
        return [f"Expired: no person had decided by {until}. It was not sent."]
    why = [reason.text for reason in submission.reasons]
    if submission.verdict != "approved":
        return why if submission.held_by else []
    approved = f"Approved by {by}{at}."
    if submission.held_by or not why:
        return [approved, *why]
    return [f"{approved} Before that it waited: {' Also: '.join(text.removeprefix('Held: ') for text in why)}"]


def _without_answer(delivery: Delivery, now_ms: int) -> str:
    if _warms_up(delivery, now_ms):
        return "not tried yet: its domain is new and sends more each day (warm_up)"
    return "handed over; no answer yet" if delivery.state == "uncertain" else ""


def _warms_up(delivery: Delivery, now_ms: int) -> bool:
    """Whether it waits for its place among the emails of a new domain."""
    waits = delivery.state == "queued" and not delivery.attempts and delivery.warm_day is not None
    return waits and delivery.next_at is not None and delivery.next_at > now_ms


def _doubts(submission: Submission) -> list[str]:
    """Who may have it, or have it twice (answers to the whole message were lost), and what is said without proof."""
    said = []
    for each in submission.deliveries:
        if each.state == "uncertain" and each.unanswered:
            more = "; it is tried once more" if each.next_at is not None else ""
            said.append(f"{each.recipient} may have it: it was handed over, and no answer came back{more}.")
        elif each.state == "sent" and each.unanswered and each.attempts > 1:
            said.append(f"{each.recipient} may have it twice: an answer was lost, and it was handed over once more.")
        if each.complained:
            said.append(f"The reader at {each.recipient} complained of it; nothing more is sent there.")
        if each.claimed:
            kind, _, code = each.claimed.partition(" ")
            what = f"it bounced{f' ({code})' if code else ''}" if kind == "bounce" else "its reader complained"
            said.append(f"A report says of {each.recipient} that {what}; that is not proved and changes nothing.")
    return said


_REPLY_CODES = re.compile(
    r"((?:given up after 48 hours: )?)"
    # A report's own status comes with the class that we read it as.
    r"(\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?|\d\.\d{1,3}\.\d{1,3}(?: [a-z]{1,9}(?=:))?)(?!\d)"
)


def _codes_only(reply: str) -> str:
    """Of a server's reply the codes (RFC 5321 section 4.2, RFC 3463): its words are a stranger's, and no screen read
    them. Our own sentences stay whole."""
    found = _REPLY_CODES.match(reply)
    return f"{found[1]}{found[2]}" if found else safe_line(reply)


_NEXT_STEP: dict[DeliveryState, str] = {
    "queued": "It goes out by itself; see how with get_delivery_status.",
    "uncertain": "It was handed over, but no answer came back; it may have arrived. Do not send it again by yourself.",
    "bounced": "At least one recipient was refused for good: check the address before sending again.",
}


_AFTER_VERDICT = {
    "denied": "Do not send it again, in other words or to other addresses either; ask your owner.",
    "expired": "Tell your owner; when they want it sent, send it again (with a new idempotency_key if it had one).",
}
_SOON_MS = 5_000
_OF_SERVER = re.compile(
    r"the (?:certificate of the )?mail server |(?:421|530|534|535|538)(?!\d)|.{0,40}\bAUTH extension\b"
)
"""Replies that are about the server, whichever email got them."""
# RFC 4954 section 6: 530, 534, 535, 538 ask for a login, or refuse it.
_MENDED_BY: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"53[0458](?!\d)"), "refuses the login", "{0}username and {0}password"),
    (re.compile(r".{0,40}\bAUTH extension\b"), "offers no login", "{0}username and {0}port"),
    (re.compile(r"the mail server does not offer STARTTLS"), "does not offer STARTTLS", "{0}security and {0}port"),
    (re.compile(r"the certificate of the mail server"), "shows a certificate that is not trusted", "{0}host"),
)


def _next_step(app: App, submission: Submission) -> str:
    if submission.verdict in _AFTER_VERDICT:
        return _AFTER_VERDICT[submission.verdict]
    if submission.state == "held" and submission.reasons:
        return submission.reasons[0].next_step
    if submission.state == "queued":
        waiting = [each for each in submission.deliveries if each.state == "queued"]
        for each in waiting:
            if mend := _mend(app, each):
                return mend
        if all(_warms_up(each, app.now_ms()) for each in waiting):
            last = moment(max(each.next_at or 0 for each in waiting))
            return f"It goes out by itself, at the latest on {last:%Y-%m-%d at %H:%M} UTC; the owner can end warm_up."
    ended = [each.reply for each in submission.deliveries if each.state == "bounced"]
    if submission.state == "bounced" and all(reply.startswith("given up after") for reply in ended):
        return "It was tried for 48 hours. Tell the user what the mail server answered before sending it again."
    if submission.state == "bounced" and all(reply.startswith(outbox.NOT_SENT) for reply in ended):
        return "No server refused it: it was not allowed to leave. Tell the user why; do not send it another way."
    return _NEXT_STEP.get(submission.state, "")
