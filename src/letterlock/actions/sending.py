"""Sending: new emails, answers, how they fared, and taking them back. Everything goes out through outbound.submit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from letterlock.actions.caller import Caller
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.actions.reading import own_email
from letterlock.app import App
from letterlock.errors import InvalidRequest, NotFound
from letterlock.ids import SubmissionId
from letterlock.inbound.accept import address_keys
from letterlock.message.address import Address, parse_address
from letterlock.message.compose import Draft, reply_headers
from letterlock.message.parse import Mailbox
from letterlock.outbound import submit as outgoing
from letterlock.outbound.submit import Answered, Submitted, new_message_id
from letterlock.policy import MOST_RECIPIENTS
from letterlock.screen.safe_text import safe_line
from letterlock.store import emails
from letterlock.store.emails import moment
from letterlock.store.outbox import DeliveryState, Submission

MOST_SUBJECT, MOST_TEXT, MOST_HTML = 998, 200_000, 500_000


def _as_list(value: Any) -> Any:
    # Models write one address as a bare string as often as not.
    return [value] if isinstance(value, str) else value


Addresses = Annotated[list[str], BeforeValidator(_as_list), Field(max_length=MOST_RECIPIENTS)]
Key = Annotated[str, Field(max_length=200, description="same key: never sent twice")]


class SendEmail(Request):
    inbox: Annotated[str, Field(min_length=1, max_length=320, description="send from: id or address")]
    to: Annotated[Addresses, Field(min_length=1, description="bare addresses")]
    subject: Annotated[str, Field(max_length=MOST_SUBJECT)]
    text: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
    html: Annotated[str, Field(max_length=MOST_HTML)] = ""
    cc: Addresses = Field([])
    bcc: Addresses = Field([])
    idempotency_key: Key = ""


class ReplyToEmail(Request):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]
    text: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
    html: Annotated[str, Field(max_length=MOST_HTML)] = ""
    reply_all: bool = False
    idempotency_key: Key = ""


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


async def send_email(app: App, caller: Caller, request: SendEmail) -> SentEmail:
    """Send an email from one of your inboxes. Repeating the same call within 10 minutes does not send it twice."""
    inbox = await own_inbox(app, caller, request.inbox)
    sender = parse_address(inbox.address)
    draft = Draft(
        sender=sender,
        to=_addresses(request.to),
        cc=_addresses(request.cc),
        bcc=_addresses(request.bcc),
        subject=request.subject,
        text=request.text,
        html=request.html,
        message_id=new_message_id(sender),
        date=app.clock(),
    )
    submitted = await outgoing.submit(app, caller.agent_id, inbox, draft, key=request.idempotency_key)
    return _sent(app, submitted, request.idempotency_key)


async def reply_to_email(app: App, caller: Caller, request: ReplyToEmail) -> SentEmail:
    """Reply to (answer) an email you received, in its thread; reply_all also to its other recipients."""
    email = await own_email(app, caller, request.email_id)
    inbox = await own_inbox(app, caller, email.inbox_id)
    inspection = await app.database.read(caller.tenant_id, lambda tx: emails.inspection(tx, email.email_id))
    if inspection is None:
        raise NotFound(f"Email '{email.email_id}' is gone.", next_step="See what is there with list_emails.")
    sender = parse_address(inbox.address)
    claimed = (inspection.from_,) if inspection.from_ else ()
    # RFC 5322 section 3.6.2: Reply-To says where answers go; without it, From does.
    to = _usable(inspection.reply_to) or _usable(claimed)
    if not to:
        raise InvalidRequest(
            f"Email '{email.email_id}' names no valid address to answer to.",
            next_step="Use send_email if you know the address.",
        )
    others = _usable((*inspection.to, *inspection.cc)) if request.reply_all else ()
    known = {sender.key, *(address.key for address in to)}
    cc = tuple(address for address in others if not known & set(address_keys(str(address))))
    headers = reply_headers(" ".join(inspection.subject.split()), inspection.message_id, inspection.references)
    draft = Draft(
        sender=sender,
        to=to,
        cc=cc,
        subject=headers.subject,
        text=request.text,
        html=request.html,
        message_id=new_message_id(sender),
        date=app.clock(),
        in_reply_to=headers.in_reply_to,
        references=headers.references,
    )
    author = _usable(claimed) if inspection.authentication.aligned else ()
    answered = Answered(email.email_id, email.thread_id, inspection.automatic, author=author[0].key if author else "")
    submitted = await outgoing.submit(
        app, caller.agent_id, inbox, draft, key=request.idempotency_key, answered=answered
    )
    answer = _sent(app, submitted, request.idempotency_key)
    if not {address.key for address in to} & {address.key for address in _usable(claimed)}:
        answer.reasons.append("The email asked for answers at another address than its sender's (Reply-To).")
    return answer


async def get_delivery_status(app: App, caller: Caller, request: GetDeliveryStatus) -> DeliveryStatus:
    """Delivery status of an email you sent, for each recipient."""
    return _status(await _own_submission(app, caller, request.submission_id))


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
    return found


def _addresses(values: Iterable[str]) -> tuple[Address, ...]:
    return tuple(_as_sent(parse_address(value.strip())) for value in values)


def _as_sent(address: Address) -> Address:
    """With an international domain in the form every server takes (RFC 5891 section 4.4), where the name allows it."""
    return Address(address.local, address.key.rpartition("@")[2]) if address.local.isascii() else address


def _usable(mailboxes: Iterable[Mailbox]) -> tuple[Address, ...]:
    """The valid addresses among what a header claims, each once."""
    found: dict[str, Address] = {}
    for mailbox in mailboxes:
        try:
            address = _as_sent(parse_address(mailbox.address))
        except InvalidRequest:
            continue
        found.setdefault(address.key, address)
    return tuple(found.values())


def _sent(app: App, submitted: Submitted, key: str) -> SentEmail:
    submission = submitted.submission
    reasons = [reason.text for reason in submission.reasons]
    next_step = _next_step(submission)
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


def _status(submission: Submission) -> DeliveryStatus:
    return DeliveryStatus(
        submission_id=submission.submission_id,
        state=submission.state,
        recipients=[
            RecipientStatus(
                address=delivery.recipient,
                state=delivery.state,
                attempts=delivery.attempts,
                answer=_codes_only(delivery.reply),
                next_try_at=moment(delivery.next_at) if delivery.next_at is not None and delivery.attempts else None,
            )
            for delivery in submission.deliveries
        ],
        reasons=[reason.text for reason in submission.reasons],
        next_step=_next_step(submission),
    )


_REPLY_CODES = re.compile(r"((?:given up after 48 hours: )?)(\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?)(?!\d)")


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


def _next_step(submission: Submission) -> str:
    if submission.state == "held" and submission.reasons:
        return submission.reasons[0].next_step
    return _NEXT_STEP.get(submission.state, "")
