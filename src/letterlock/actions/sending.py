"""Sending: new emails, answers and forwards. Everything goes out through outbound.submit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from letterlock.actions.caller import READ, Caller
from letterlock.actions.deliveries import SentEmail, sent
from letterlock.actions.files import chosen_files, passes_on
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.actions.reading import own_email
from letterlock.actions.secrets import to_fill_in
from letterlock.actions.shown import note_shown
from letterlock.app import App
from letterlock.errors import InvalidRequest, NotAllowed, NotFound
from letterlock.inspection import Inspection, code_masks, original, passed_on
from letterlock.message import filling
from letterlock.message.address import Address, parse_address
from letterlock.message.compose import Draft, File, is_seen
from letterlock.message.markdown import MOST_MARKDOWN, check_html, html_of, text_of
from letterlock.message.threading import as_sent, forward_draft, reply_draft, untagged, usable
from letterlock.outbound import submit as outgoing
from letterlock.outbound.submit import Answered, new_message_id
from letterlock.policy import MOST_RECIPIENTS, UsedSecret
from letterlock.screen.safe_text import safe_text
from letterlock.screen.score import Level
from letterlock.store import emails
from letterlock.store.emails import Email
from letterlock.store.inboxes import Inbox

MOST_SUBJECT, MOST_TEXT, MOST_HTML = 998, 200_000, 500_000


def _as_list(value: Any) -> Any:
    # Models write one address as a bare string as often as not.
    return [value] if isinstance(value, str) else value


Addresses = Annotated[list[str], BeforeValidator(_as_list), Field(max_length=MOST_RECIPIENTS)]
# The largest attach_bytes in base64 and its line ends.
Files = Annotated[list[Annotated[str, Field(max_length=73_000_000)]], BeforeValidator(_as_list), Field(max_length=20)]


def _checked_key(key: str) -> str:
    if not key or not key.isprintable() or key != key.strip():
        raise ValueError("a key is 1 to 200 printable characters without white space around them, or left out")
    return key


Key = Annotated[str, Field(max_length=200), AfterValidator(_checked_key)]


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
    idempotency_key: Annotated[Key, Field(description="same key: never sent twice")] = ""


class ForwardEmail(Request):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]
    to: Annotated[Addresses, Field(min_length=1)]
    note: Annotated[str, Field(max_length=MOST_TEXT)] = ""
    attachments: bool = True
    idempotency_key: Key = ""


class ReplyToEmail(Request):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]
    text: Annotated[str, Field(max_length=MOST_TEXT)] = ""
    markdown: Annotated[str, Field(max_length=MOST_MARKDOWN)] = ""
    html: Annotated[str, Field(max_length=MOST_HTML)] = ""
    reply_all: bool = False
    quote: bool = False
    attachments: Files = Field([])
    idempotency_key: Key = ""


async def _with_secrets(
    app: App,
    caller: Caller,
    draft: Draft,
    text: str,
    html: str = "",
    *,
    subject: str = "",
    files: tuple[File, ...] = (),
) -> tuple[Draft, tuple[UsedSecret, ...]]:
    """The draft, and the secrets that the caller's own words in it (`text`, `html`) name. Raises InvalidRequest,
    NotFound, VaultLocked."""
    filling.check_elsewhere("subject", subject)
    for address in draft.recipients:
        filling.check_elsewhere("address", str(address))
    for file in files:
        filling.check_elsewhere("file", f"{file.filename} {file.content_id}")
        filling.check_elsewhere("file", file.data)
    chosen = await to_fill_in(app, caller, await asyncio.to_thread(filling.named, text, html))
    draft = replace(draft, fillings=tuple(one for one, _ in chosen))
    filling.check_rest(draft, text, html)
    return draft, tuple(used for _, used in chosen)


async def send_email(app: App, caller: Caller, request: SendEmail) -> SentEmail:
    """Send an email from one of your inboxes. The same call again within 10 minutes does not send twice."""
    inbox = await own_inbox(app, caller, request.inbox)
    sender = parse_address(inbox.address)
    to, cc, bcc = _each_once(request.to, request.cc, request.bcc)
    text, html, pictures = await asyncio.to_thread(
        _words, request.text, request.markdown, request.html, request.attachments
    )
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
    draft, used = await _with_secrets(app, caller, draft, text, html, subject=request.subject, files=files)
    submitted = await outgoing.submit(
        app,
        caller.agent_id,
        inbox,
        draft,
        key=request.idempotency_key,
        passes_on=passes_on(request.attachments),
        secrets=used,
    )
    return sent(app, submitted, request.idempotency_key)


async def _received(app: App, caller: Caller, email_id: str) -> tuple[Email, Inbox, Inspection]:
    """An email that is answered or passed on, with its inbox and what was read in it. Raises NotFound."""
    caller.need(READ)
    email = await own_email(app, caller, email_id)
    inbox = await own_inbox(app, caller, email.inbox_id)
    inspection = await app.database.read(caller.tenant_id, lambda tx: emails.inspection(tx, email.email_id))
    if inspection is None:
        raise NotFound(f"Email '{email_id}' is gone.", next_step="See what is there with list_emails.")
    return email, inbox, inspection


async def reply_to_email(app: App, caller: Caller, request: ReplyToEmail) -> SentEmail:
    """Reply to (answer) a received email, in its thread; reply_all: also to its other recipients; quote: with its words
    below."""
    email, inbox, inspection = await _received(app, caller, request.email_id)
    sender = parse_address(inbox.address)
    claimed = usable((inspection.from_,) if inspection.from_ else ())
    itself = any(untagged(address) == untagged(sender) for address in claimed)
    if why := "It says it is from the inbox itself." if itself else inspection.no_answer:
        raise NotAllowed(
            f"Email '{email.email_id}' is not answered. {why}", next_step="Use send_email if a person should be told."
        )
    text, html, pictures = await asyncio.to_thread(
        _words, request.text, request.markdown, request.html, request.attachments
    )
    # Who answers an email has it before them; others than its author that it names are strangers then.
    await note_shown(app, caller, (email,))
    quoted = _quotable(inspection) if request.quote else ""
    draft = reply_draft(
        original(inspection, " ".join(inspection.subject.split()), quoted),
        sender=sender,
        text=text,
        html=html,
        message_id=new_message_id(sender),
        date=app.clock(),
        everyone=request.reply_all,
        files=_placed(await chosen_files(app, caller, request.attachments), pictures),
        quote=request.quote,
    )
    draft, used = await _with_secrets(app, caller, draft, text, html, files=draft.files)
    author = claimed[0].key if claimed and inspection.authentication.aligned else ""
    answered = Answered(email.email_id, email.thread_id, inspection.automatic, author)
    submitted = await outgoing.submit(
        app,
        caller.agent_id,
        inbox,
        draft,
        key=request.idempotency_key,
        answered=answered,
        passes_on=passes_on(request.attachments),
        secrets=used,
    )
    answer = sent(app, submitted, request.idempotency_key)
    if not {address.key for address in draft.to} & {address.key for address in claimed}:
        answer.reasons.append("The email asked for answers at another address than its sender's (Reply-To).")
    if request.quote and not quoted:
        answer.reasons.append(f"Nothing is quoted: the email is {inspection.screening.level.value} or has no text.")
    return answer


async def forward_email(app: App, caller: Caller, request: ForwardEmail) -> SentEmail:
    """Forward a received email: your note, then its visible text and its files."""
    email, inbox, inspection = await _received(app, caller, request.email_id)
    if inspection.screening.level is Level.QUARANTINED:
        raise NotAllowed(
            f"Email '{email.email_id}' is quarantined and cannot be forwarded.",
            next_step="Tell the user; a person can save it with `letterlock mail save`.",
        )
    sender = parse_address(inbox.address)
    listed = [f"{email.email_id}/{a.index}" for a in inspection.attachments] if request.attachments else []
    draft = forward_draft(
        passed_on(inspection, mask_codes=app.settings.mask_codes),
        sender=sender,
        to=_each_once(request.to)[0],
        note=request.note,
        message_id=new_message_id(sender),
        date=app.clock(),
        files=await chosen_files(app, caller, listed),
    )
    draft, used = await _with_secrets(app, caller, draft, request.note)
    # Who passes an email on answers nobody, whoever wrote it.
    answered = Answered(email.email_id, email.thread_id, automatic=False)
    submitted = await outgoing.submit(
        app,
        caller.agent_id,
        inbox,
        draft,
        key=request.idempotency_key,
        answered=answered,
        passes_on="mail",
        secrets=used,
    )
    return sent(app, submitted, request.idempotency_key)


def _words(text: str, markdown: str, html: str, files: Collection[str]) -> tuple[str, str, frozenset[str]]:
    """The text and the HTML that go out, and the content ids of the pictures that it shows."""
    if markdown and html:
        raise InvalidRequest("Both markdown and html are given.", next_step="Leave one of them out.")
    if markdown:
        html = html_of(markdown)
    pictures = check_html(html) if html else frozenset[str]()
    said = text if is_seen(text) else text_of(html) if html else ""
    if not (is_seen(said) or files or _PICTURE.search(html)):
        where = "its HTML shows no words, no picture" if html else "it has no words"
        raise InvalidRequest(
            f"The email says nothing: {where} and there is no file.", next_step="Write it in text or markdown."
        )
    return said, html, pictures


_PICTURE = re.compile(r"<img\b", re.IGNORECASE)


def _placed(files: tuple[File, ...], pictures: frozenset[str]) -> tuple[File, ...]:
    """`files`, those that the HTML shows by their name as pictures within it."""
    return tuple(replace(file, content_id=file.filename) if file.filename in pictures else file for file in files)


def _quotable(inspection: Inspection) -> str:
    """What may be quoted: what the email says itself, without codes; nothing when the screen found something in it."""
    if inspection.screening.level not in (Level.TRUSTED, Level.NORMAL):
        return ""
    masks = code_masks(inspection, mask_codes=True)
    return safe_text(inspection.text, inspection.screening, masks, inspection.history_start).text


def _each_once(*lists: list[str]) -> list[tuple[Address, ...]]:
    """The addresses in `lists`, each mailbox once, where it stands first, however it is spelt."""
    seen: set[str] = set()
    found: list[list[Address]] = []
    for values in lists:
        found.append([])
        for address in (as_sent(parse_address(value)) for value in values):
            if address.key not in seen:
                seen.add(address.key)
                found[-1].append(address)
    return [tuple(each) for each in found]
