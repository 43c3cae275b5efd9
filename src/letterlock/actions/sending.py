"""Sending: new emails, answers, how they fared, and taking them back. Everything goes out through outbound.submit."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from letterlock.actions.caller import READ, Caller
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.actions.reading import own_email
from letterlock.actions.shown import note_shown
from letterlock.app import App
from letterlock.errors import InvalidRequest, NotAllowed, NotFound, UnreadableMessage
from letterlock.ids import DEFAULT_TENANT, SubmissionId
from letterlock.inspection import Inspection, code_masks, shown_name, shown_subject
from letterlock.message.address import Address, parse_address
from letterlock.message.compose import Draft, File, is_content_type
from letterlock.message.markdown import MOST_MARKDOWN, check_html, html_of, text_of
from letterlock.message.parse import Mailbox, attachment_bytes
from letterlock.message.threading import Original, as_sent, forward_draft, reply_draft, untagged, usable
from letterlock.outbound import submit as outgoing
from letterlock.outbound.routes import settings_of
from letterlock.outbound.submit import Answered, Submitted, new_message_id
from letterlock.policy import MOST_RECIPIENTS
from letterlock.screen.safe_text import safe_line, safe_text
from letterlock.screen.score import Level
from letterlock.store import emails, outbox
from letterlock.store.emails import moment
from letterlock.store.outbox import Delivery, DeliveryState, Submission

MOST_SUBJECT, MOST_TEXT, MOST_HTML = 998, 200_000, 500_000
_OF_EMAIL = re.compile(r"em_[0-9a-z]{1,60}/[0-9]{1,4}")
_EXECUTABLE = (
    *(".exe", ".com", ".scr", ".pif", ".bat", ".cmd", ".msi", ".msp", ".vbs", ".vbe", ".js", ".jse", ".wsf", ".wsh"),
    *(".hta", ".ps1", ".jar", ".app", ".dmg", ".lnk", ".reg", ".cpl", ".dll", ".iso"),
)


def _as_list(value: Any) -> Any:
    # Models write one address as a bare string as often as not.
    return [value] if isinstance(value, str) else value


Addresses = Annotated[list[str], BeforeValidator(_as_list), Field(max_length=MOST_RECIPIENTS)]
Files = Annotated[list[Annotated[str, Field(max_length=14_000_000)]], BeforeValidator(_as_list), Field(max_length=20)]
Key = Annotated[str, Field(max_length=200, description="same key: never sent twice")]


class SendEmail(Request):
    inbox: Annotated[str, Field(min_length=1, max_length=320, description="send from: id or address")]
    to: Annotated[Addresses, Field(min_length=1, description="bare addresses")]
    subject: Annotated[str, Field(max_length=MOST_SUBJECT)]
    text: Annotated[str, Field(max_length=MOST_TEXT)] = ""
    markdown: Annotated[
        str, Field(max_length=MOST_MARKDOWN, description="or this; ![](cid:NAME) shows an attached picture")
    ] = ""
    html: Annotated[str, Field(max_length=MOST_HTML)] = ""
    cc: Addresses = Field([])
    bcc: Addresses = Field([])
    attachments: Files = Field([], description="email_id/index of a received one, a file's name, or name;base64,DATA")
    idempotency_key: Key = ""


class ForwardEmail(Request):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]
    to: Annotated[Addresses, Field(min_length=1)]
    note: Annotated[str, Field(max_length=MOST_TEXT)] = ""
    attachments: bool = True
    idempotency_key: Annotated[str, Field(max_length=200)] = ""


class ReplyToEmail(Request):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]
    text: Annotated[str, Field(max_length=MOST_TEXT)] = ""
    markdown: Annotated[str, Field(max_length=MOST_MARKDOWN)] = ""
    html: Annotated[str, Field(max_length=MOST_HTML)] = ""
    reply_all: bool = False
    quote: bool = False
    attachments: Files = Field([])
    idempotency_key: Annotated[str, Field(max_length=200)] = ""


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
    """Send an email from one of your inboxes. The same call again within 10 minutes does not send twice."""
    inbox = await own_inbox(app, caller, request.inbox)
    sender = parse_address(inbox.address)
    to, cc, bcc = _each_once(request.to, request.cc, request.bcc)
    text, html, pictures = await asyncio.to_thread(_words, request.text, request.markdown, request.html)
    files = _placed(await chosen_files(app, caller, request.attachments), pictures)
    draft = Draft(
        sender=sender,
        to=to,
        cc=cc,
        bcc=bcc,
        subject=request.subject,
        text=text,
        html=html,
        message_id=new_message_id(sender),
        date=app.clock(),
        files=files,
    )
    submitted = await outgoing.submit(
        app, caller.agent_id, inbox, draft, key=request.idempotency_key, passes_on=_passes_on(request.attachments)
    )
    return _sent(app, submitted, request.idempotency_key)


async def reply_to_email(app: App, caller: Caller, request: ReplyToEmail) -> SentEmail:
    """Reply to (answer) a received email, in its thread; reply_all: also to its other recipients; quote: with its words
    below."""
    caller.need(READ)
    email = await own_email(app, caller, request.email_id)
    inbox = await own_inbox(app, caller, email.inbox_id)
    inspection = await app.database.read(caller.tenant_id, lambda tx: emails.inspection(tx, email.email_id))
    if inspection is None:
        raise NotFound(f"Email '{email.email_id}' is gone.", next_step="See what is there with list_emails.")
    sender = parse_address(inbox.address)
    claimed = usable((inspection.from_,) if inspection.from_ else ())
    itself = any(untagged(address) == untagged(sender) for address in claimed)
    if why := "It says it is from the inbox itself." if itself else inspection.no_answer:
        raise NotAllowed(
            f"Email '{email.email_id}' is not answered. {why}", next_step="Use send_email if a person should be told."
        )
    text, html, pictures = await asyncio.to_thread(_words, request.text, request.markdown, request.html)
    # Who answers an email has it before them; others than its author that it names are strangers then.
    await note_shown(app, caller, (email,))
    quoted = _quotable(inspection) if request.quote else ""
    draft = reply_draft(
        _original(inspection, " ".join(inspection.subject.split()), quoted),
        sender=sender,
        text=text,
        html=html,
        message_id=new_message_id(sender),
        date=app.clock(),
        everyone=request.reply_all,
        files=_placed(await chosen_files(app, caller, request.attachments), pictures),
        quote=request.quote,
    )
    author = claimed[0].key if claimed and inspection.authentication.aligned else ""
    answered = Answered(email.email_id, email.thread_id, inspection.automatic, author)
    submitted = await outgoing.submit(
        app,
        caller.agent_id,
        inbox,
        draft,
        key=request.idempotency_key,
        answered=answered,
        passes_on=_passes_on(request.attachments),
    )
    answer = _sent(app, submitted, request.idempotency_key)
    if not {address.key for address in draft.to} & {address.key for address in claimed}:
        answer.reasons.append("The email asked for answers at another address than its sender's (Reply-To).")
    if request.quote and not quoted:
        answer.reasons.append(f"Nothing is quoted: the email is {inspection.screening.level.value} or has no text.")
    return answer


async def forward_email(app: App, caller: Caller, request: ForwardEmail) -> SentEmail:
    """Forward a received email: your note, then its visible text and its files."""
    caller.need(READ)
    email = await own_email(app, caller, request.email_id)
    inbox = await own_inbox(app, caller, email.inbox_id)
    inspection = await app.database.read(caller.tenant_id, lambda tx: emails.inspection(tx, email.email_id))
    if inspection is None:
        raise NotFound(f"Email '{email.email_id}' is gone.", next_step="See what is there with list_emails.")
    if inspection.screening.level is Level.QUARANTINED:
        raise NotAllowed(
            f"Email '{email.email_id}' is quarantined and cannot be forwarded.",
            next_step="Tell the user; a person can save it with `letterlock mail save`.",
        )
    sender = parse_address(inbox.address)
    masks = code_masks(inspection, mask_codes=app.settings.mask_codes)
    said = safe_text(inspection.text, inspection.screening, masks).text
    listed = [f"{email.email_id}/{a.index}" for a in inspection.attachments] if request.attachments else []
    original = _original(inspection, shown_subject(inspection, masks), said)
    draft = forward_draft(
        replace(original, from_=tuple(Mailbox(shown_name(inspection, masks), box.address) for box in original.from_)),
        sender=sender,
        to=_each_once(request.to)[0],
        note=request.note,
        message_id=new_message_id(sender),
        date=app.clock(),
        files=await chosen_files(app, caller, listed),
    )
    answered = Answered(email.email_id, email.thread_id, inspection.automatic)
    submitted = await outgoing.submit(
        app, caller.agent_id, inbox, draft, key=request.idempotency_key, answered=answered, passes_on="mail"
    )
    return _sent(app, submitted, request.idempotency_key)


async def sent_now(app: App, caller: Caller, submission_id: str) -> SentEmail:
    """What a call that made this submission would be answered now, after a person has decided."""
    return _sent(app, Submitted(await _own_submission(app, caller, submission_id), False), "")


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


def _words(text: str, markdown: str, html: str) -> tuple[str, str, frozenset[str]]:
    """The text and the HTML that go out, and the content ids of the pictures that it shows."""
    if markdown and html:
        raise InvalidRequest("Both markdown and html are given.", next_step="Leave one of them out.")
    if markdown:
        html = html_of(markdown)
    if not html:
        if not text.strip():
            raise InvalidRequest("The email says nothing.", next_step="Write it in text or markdown.")
        return text, "", frozenset()
    pictures = check_html(html)
    return text if text.strip() else text_of(html), html, pictures


def _placed(files: tuple[File, ...], pictures: frozenset[str]) -> tuple[File, ...]:
    """`files`, those that the HTML shows by their name as pictures within it."""
    return tuple(replace(file, content_id=file.filename) if file.filename in pictures else file for file in files)


def _original(inspection: Inspection, subject: str, text: str) -> Original:
    return Original(
        subject=subject,
        message_id=inspection.message_id,
        in_reply_to=inspection.in_reply_to,
        references=inspection.references,
        date=inspection.date,
        from_=(inspection.from_,) if inspection.from_ else (),
        reply_to=inspection.reply_to,
        followup_to=inspection.followup_to,
        to=inspection.to,
        cc=inspection.cc,
        text=text,
    )


def _quotable(inspection: Inspection) -> str:
    """What may be quoted: what the email says itself, without codes; nothing when the screen found something in it."""
    if inspection.screening.level not in (Level.TRUSTED, Level.NORMAL):
        return ""
    masks = code_masks(inspection, mask_codes=True)
    return safe_text(inspection.text, inspection.screening, masks, inspection.history_start).text


async def chosen_files(app: App, caller: Caller, names: Iterable[str]) -> tuple[File, ...]:
    """The files that a call names. Raises InvalidRequest, NotFound, NotAllowed; nothing is sent without all of them."""
    files: list[File] = []
    room = app.settings.attach_bytes
    for name in names:
        file = await _file(app, caller, name, room)
        room -= len(file.data)
        if room < 0:
            raise _too_large(app)
        if file.filename.lower().endswith(_EXECUTABLE) or file.data[:2] == b"MZ" or file.data[:4] == b"\x7fELF":
            raise NotAllowed(
                f"{safe_line(file.filename, 80)} is a program; programs are not sent.", next_step="Leave it out."
            )
        files.append(file)
    return tuple(files)


def _passes_on(files: Iterable[str]) -> Literal["", "mail"]:
    return "mail" if any(_OF_EMAIL.fullmatch(name) for name in files) else ""


async def _file(app: App, caller: Caller, name: str, room: int) -> File:
    held, comma, encoded = name.partition(";base64,")
    if comma:
        try:
            return File(held, "", base64.b64decode("".join(encoded.split()), validate=True))
        except (ValueError, binascii.Error):
            raise InvalidRequest(
                f"The content of {safe_line(held, 80)} is not base64.", next_step="Write it as name;base64,DATA."
            ) from None
    if _OF_EMAIL.fullmatch(name):
        caller.need(READ)
        email_id, _, index = name.partition("/")
        email = await own_email(app, caller, email_id)
        if email.level == Level.QUARANTINED:
            raise NotFound(f"Email '{email_id}' is quarantined; its attachments are withheld.")
        raw = await app.database.read(caller.tenant_id, lambda tx: emails.raw(tx, email.email_id))
        try:
            found, data = await asyncio.to_thread(attachment_bytes, raw or b"", int(index))
        except (NotFound, UnreadableMessage):
            raise NotFound(
                f"Email '{email_id}' has no attachment {index}.", next_step="read_email lists them."
            ) from None
        kind = found.content_type if is_content_type(found.content_type) else "application/octet-stream"
        return File(safe_filename(found.filename, int(index)), kind, data)
    # The folder is the owner's: what lies there is no other tenant's to send.
    folder = app.settings.attach_folder if caller.tenant_id == DEFAULT_TENANT else None
    if folder is None:
        raise NotAllowed(
            f"No folder of files to attach is set, so {safe_line(name, 80)} cannot be.",
            next_step="Name an attachment of an email as email_id/index, or ask the owner to set attach_folder.",
        )
    return await asyncio.to_thread(_from_folder, folder, name, room)


def _from_folder(folder: Path, name: str, room: int) -> File:
    path = folder.resolve() / name
    # Links that lead out of the folder count as outside.
    inside = not name.startswith((".", "~")) and "\0" not in name and path.resolve().is_relative_to(folder.resolve())
    if not inside or not path.is_file():
        raise NotFound(f"There is no file {safe_line(name, 80)} in the folder of files to attach.")
    with path.open("rb") as file:
        data = file.read(room + 1)
    return File(path.name, "", data)


def safe_filename(name: str, index: int) -> str:
    """A stranger's file name as one that may be sent: kept where it may, else a plain one."""
    cleaned = re.sub(r'[/\\:*?"<>|]', "_", safe_line(name, 80)).strip(" .…")
    return cleaned or f"attachment-{index}"


def _too_large(app: App) -> InvalidRequest:
    return InvalidRequest(
        f"The attached files are more than {app.settings.attach_bytes} bytes together.",
        next_step="Send fewer or smaller ones, or ask the owner to raise attach_bytes.",
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


def _each_once(*lists: list[str]) -> list[tuple[Address, ...]]:
    """The addresses in `lists`, each mailbox once, where it stands first, however it is spelt."""
    seen: set[str] = set()
    found: list[list[Address]] = []
    for values in lists:
        found.append([])
        for address in (as_sent(parse_address(value.strip())) for value in values):
            if address.key not in seen:
                seen.add(address.key)
                found[-1].append(address)
    return [tuple(each) for each in found]


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


def _sent(app: App, submitted: Submitted, key: str) -> SentEmail:
    submission = submitted.submission
    reasons = [reason.text for reason in submission.reasons]
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
        reasons=[*(reason.text for reason in submission.reasons), *_doubts(submission)],
        next_step=_next_step(app, submission),
    )


def _without_answer(delivery: Delivery, now_ms: int) -> str:
    if _warms_up(delivery, now_ms):
        return "not tried yet: its domain is new and sends more each day (warm_up)"
    return "handed over; no answer yet" if delivery.state == "uncertain" else ""


def _warms_up(delivery: Delivery, now_ms: int) -> bool:
    """Whether it waits for its place among the emails of a new domain."""
    waits = delivery.state == "queued" and not delivery.attempts and delivery.warm_day is not None
    return waits and delivery.next_at is not None and delivery.next_at > now_ms


def _doubts(submission: Submission) -> list[str]:
    """Who may have it, or have it twice: answers to the whole message were lost."""
    said = []
    for each in submission.deliveries:
        if each.state == "uncertain" and each.unanswered:
            more = "; it is tried once more" if each.next_at is not None else ""
            said.append(f"{each.recipient} may have it: it was handed over, and no answer came back{more}.")
        elif each.state == "sent" and each.unanswered and each.attempts > 1:
            said.append(f"{each.recipient} may have it twice: an answer was lost, and it was handed over once more.")
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
    return _NEXT_STEP.get(submission.state, "")
