"""What only a person may do, at the command line or with a key of their own: see an email whole, save its bytes, import
mail, trust a sender, vouch for a recipient, stop all sending, check the audit log.

Nothing here is offered to a model: these answers go around the screen on purpose.
"""

from __future__ import annotations

import asyncio
import mailbox
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from letterlock.actions.caller import ADMIN, COMMAND_LINE, RELEASE, REVEAL, Caller
from letterlock.actions.inboxes import own_inbox
from letterlock.actions.reading import own_email
from letterlock.app import App
from letterlock.canary import planted
from letterlock.errors import Conflict, InvalidRequest, NotFound, StoreError, UnreadableMessage
from letterlock.inbound.accept import accept
from letterlock.inspection import Inspection
from letterlock.message.address import parse_address, shown
from letterlock.message.envelope import Envelope
from letterlock.message.extract.domains import is_public_suffix
from letterlock.message.parse import attachment_bytes
from letterlock.outbound.marks import mark_of
from letterlock.screen.score import Level
from letterlock.store import audit, conduct, emails, inboxes, learning, outbox, reputation
from letterlock.store.audit import Verified
from letterlock.store.conduct import Contact, Suppression
from letterlock.store.database import Transaction
from letterlock.store.inboxes import Inbox
from letterlock.store.reputation import Reputation
from letterlock.wake import OUTBOX

_MOST_ALLOWED = 100


@dataclass(slots=True)
class Imported:
    kept: int = 0
    duplicates: int = 0
    failed: list[str] = field(default_factory=list)
    """A line for each file or message that could not be taken."""


async def show_email(app: App, email_id: str, *, caller: Caller = COMMAND_LINE) -> Inspection:
    """The whole report on one email of the local tenant; of a quarantined one with a mark planted in it, since a person
    (or a program that runs the command line) may hand it to a model. Raises NotFound."""
    caller.need(REVEAL)
    email = await own_email(app, caller, email_id)
    report = await app.database.read(caller.tenant_id, lambda tx: emails.inspection(tx, email.email_id))
    if report is None:
        raise NotFound(f"Email '{email_id}' is gone.")
    if report.screening.level is not Level.QUARANTINED:
        return report
    sign = await asyncio.to_thread(mark_of, app.folder, caller.tenant_id, email.email_id)
    return report.model_copy(update={"text": planted(report.text, sign)}) if sign else report


async def email_bytes(
    app: App, email_id: str, attachment: int | None = None, *, caller: Caller = COMMAND_LINE
) -> bytes:
    """An email as it came, or one attachment of it. Raises NotFound, VaultLocked."""
    caller.need(REVEAL)
    email = await own_email(app, caller, email_id)
    raw = await app.vault.raw(caller.tenant_id, email.email_id)
    if raw is None:
        raise NotFound(f"Email '{email_id}' is gone.")
    if attachment is None:
        return raw
    try:
        return attachment_bytes(raw, attachment)[1]
    except (NotFound, UnreadableMessage):
        raise NotFound(
            f"Email '{email_id}' has no attachment {attachment}.", next_step="`letterlock mail show` lists them."
        ) from None


async def allow_senders(
    app: App, inbox_name: str, add: Iterable[str], remove: Iterable[str] = (), *, caller: Caller = COMMAND_LINE
) -> tuple[str, ...]:
    """Change whose mail an inbox trusts: domains, whose mail from now on stands one level higher when authentication
    proves that it is theirs. Returns the list as it is now. Raises NotFound, InvalidRequest."""
    caller.need(ADMIN)
    inbox = await own_inbox(app, caller, inbox_name)
    added, removed = [owned_domain(name) for name in add], [domain_of(name) for name in remove]

    async def change(tx: Transaction) -> tuple[str, ...]:
        before = await inboxes.allowed(tx, inbox.inbox_id)
        now = tuple(name for name in dict.fromkeys((*before, *added)) if name not in removed)
        if len(now) > _MOST_ALLOWED:
            raise InvalidRequest(f"An inbox can trust {_MOST_ALLOWED} domains at most.")
        if now != before:
            await inboxes.set_allowed(tx, inbox.inbox_id, now)
            await audit.append(
                tx, app.now_ms(), caller.agent_id, "inbox.allowed", inbox.inbox_id, added=added, removed=removed
            )
        return now

    return await app.database.write(caller.tenant_id, change)


async def name_contact(app: App, name: str, *, caller: Caller = COMMAND_LINE) -> str:
    """Vouch for an address, or with @example.com for a whole domain: any agent may write there. Returns it as kept."""
    caller.need_all(ADMIN)
    key = contact_key(name)
    if key.startswith("@"):
        owned_domain(key)

    async def keep(tx: Transaction) -> None:
        # A person's word replaces what an agent's own mail has made of it.
        await conduct.remove_contact(tx, key)
        await conduct.add_contacts(tx, conduct.EVERY_AGENT, [key], "named", app.now_ms())
        await audit.append(tx, app.now_ms(), caller.agent_id, "contact.named", key)

    await app.database.write(caller.tenant_id, keep)
    return key


async def drop_contact(app: App, name: str, *, caller: Caller = COMMAND_LINE) -> str:
    """Vouch no longer; agents that wrote there know it no longer either. Raises NotFound."""
    caller.need_all(ADMIN)
    key = contact_key(name)

    async def drop(tx: Transaction) -> int:
        gone = await conduct.remove_contact(tx, key)
        if gone:
            await audit.append(tx, app.now_ms(), caller.agent_id, "contact.dropped", key)
        return gone

    if not await app.database.write(caller.tenant_id, drop):
        raise NotFound(
            f"{key} is no contact, so there is none to remove.",
            next_step="See whom people vouch for: `letterlock contact list`.",
        )
    return key


async def contacts(app: App, *, caller: Caller = COMMAND_LINE) -> list[Contact]:
    """Whom people vouch for."""
    caller.need_all(ADMIN)
    return await app.database.read(caller.tenant_id, conduct.named_contacts)


async def suppressions(app: App, *, caller: Caller = COMMAND_LINE) -> list[Suppression]:
    """Addresses nothing is sent to, newest first."""
    caller.need_all(ADMIN)
    return await app.database.read(caller.tenant_id, conduct.suppressions)


async def suppress(app: App, name: str, reason: str = "a person stopped it", *, caller: Caller = COMMAND_LINE) -> str:
    """Send nothing there any more."""
    caller.need_all(ADMIN)
    key = _suppressible(name)
    now = app.now_ms()

    async def keep(tx: Transaction) -> None:
        await conduct.suppress(tx, key, reason, now)
        await audit.append(tx, now, caller.agent_id, "suppression.added", key)

    await app.database.write(caller.tenant_id, keep)
    return key


async def unsuppress(app: App, name: str, *, caller: Caller = COMMAND_LINE) -> str:
    """Let mail go there again. Raises NotFound."""
    caller.need_all(ADMIN)
    key = _suppressible(name)

    async def drop(tx: Transaction) -> int:
        gone = await conduct.unsuppress(tx, key)
        if gone:
            await audit.append(tx, app.now_ms(), caller.agent_id, "suppression.removed", key)
        return gone

    if not await app.database.write(caller.tenant_id, drop):
        raise NotFound(
            f"{key} is not suppressed, so mail may go there already.",
            next_step="See which addresses are: `letterlock suppression list`.",
        )
    return key


async def pause(app: App, *, end: bool = False, caller: Caller = COMMAND_LINE) -> None:
    """Stop all mail to the outside, what is queued too; with `end` let it go on, also what was only held by that."""
    caller.need_all(ADMIN)
    now = app.now_ms()

    async def write(tx: Transaction) -> None:
        await conduct.pause(tx, None if end else now)
        await audit.append(tx, now, caller.agent_id, "sending.resumed" if end else "sending.paused", caller.tenant_id)

    await app.database.write(caller.tenant_id, write)
    if end:
        while await app.database.write(caller.tenant_id, lambda tx: outbox.end_pause(tx, now, _AT_ONCE)):
            app.wake.hint(OUTBOX)
    app.wake.hint(OUTBOX)


async def is_paused(app: App, *, caller: Caller = COMMAND_LINE) -> bool:
    """Whether all mail to the outside is stopped."""
    caller.need_all(ADMIN)
    return await app.database.read(caller.tenant_id, conduct.is_paused)


async def resume_inbox(app: App, inbox_name: str, *, caller: Caller = COMMAND_LINE) -> str:
    """Let an inbox send again that was stopped because too much of its mail bounced, or its agent because readers
    complained; what was held by that goes out. Raises NotFound, and Conflict when it is not stopped."""
    caller.need(RELEASE)
    inbox = await own_inbox(app, caller, inbox_name)

    async def write(tx: Transaction) -> None:
        if not (await conduct.suspended(tx, inbox.inbox_id) or await reputation.agent_suspended(tx, inbox.agent_id)):
            raise Conflict(
                f"{inbox.address} is not stopped: it may send already.",
                next_step="What holds a single email is in its get_delivery_status.",
            )
        await conduct.resume(tx, inbox.inbox_id, app.now_ms())
        await reputation.forgive(tx, inbox.agent_id)
        queued = await learning.resume(tx, inbox.inbox_id, inbox.agent_id, app.now_ms())
        await audit.append(tx, app.now_ms(), caller.agent_id, "inbox.resumed", inbox.inbox_id, queued=queued)

    await app.database.write(caller.tenant_id, write)
    app.wake.hint(OUTBOX)
    return inbox.address


async def reputations(app: App, *, caller: Caller = COMMAND_LINE) -> list[Reputation]:
    """What became of mail sent, by inbox and by domain, over a day, a week and a month."""
    caller.need_all(ADMIN)
    return await app.database.read(caller.tenant_id, lambda tx: reputation.reputation(tx, app.now_ms()))


async def verify_audit(app: App, noted: str | None = None, *, caller: Caller = COMMAND_LINE) -> Verified:
    """Whether the audit log is whole and unchanged, and has the head that was noted down before, where one was: its
    hash, or number and hash as audit_head gives them."""
    caller.need_all(ADMIN)
    if noted is None:
        return await app.database.read(caller.tenant_id, audit.verify)
    found = _NOTED.fullmatch(noted.strip().lower())
    if found is None:
        raise InvalidRequest(
            f"{shown(noted)} is no head of an audit log.",
            next_step="Give what `letterlock audit head` printed: a number and 64 characters of 0-9a-f.",
        )
    at = int(found[1]) if found[1] else None
    return await app.database.read(caller.tenant_id, lambda tx: audit.verify(tx, found[2], at))


async def audit_head(app: App, *, caller: Caller = COMMAND_LINE) -> audit.Head:
    """The end of the audit log, to note down where nobody who can write to this folder can."""
    caller.need_all(ADMIN)
    return await app.database.read(caller.tenant_id, audit.head)


AUDIT_FAULTS: dict[audit.Fault, str] = {
    "changed": "Row {0} is not as it was written: the log was changed.",
    "removed": "Row {0} is missing: the log was changed.",
    "cut": "Row {0} and what came after it was cut off the end.",
    "added": "Row {0} was not written by Letterlock.",
    "erased": "More was erased than the log says.",
    "forged": "Its end is not sealed with the audit.key of this folder: it was forged, or that is not the key it was"
    " written with (a backup needs it beside the store).",
    "unknown": "The head that was noted down is not in the log: it was cut off or written anew since.",
}


_AT_ONCE = 100
_NOTED = re.compile(r"(?:(\d{1,18}) )?([0-9a-f]{64})")


def _suppressible(name: str) -> str:
    name = name.strip(" ")
    if name.startswith("@"):
        raise InvalidRequest(
            f"{shown(name)} is a whole domain, and only single addresses are suppressed.",
            next_step="Name each address, like name@example.com; `letterlock pause` stops all sending.",
        )
    return parse_address(name).key


def contact_key(name: str) -> str:
    """An address, or with @example.com a whole domain, as they are compared. Raises InvalidRequest."""
    # A line break is refused as within an address.
    name = name.strip(" ")
    if name.startswith("@"):
        # Without its x, the key of an address of the domain.
        return parse_address(f"x@{domain_of(name)}").key[1:]
    if "@" not in name:
        raise InvalidRequest(
            f"{shown(name)} is neither an address nor a domain: it has no @.",
            next_step="Write an address like name@example.com, or a whole domain like @example.com.",
        )
    return parse_address(name).key


def domain_of(name: str) -> str:
    """A domain, written with or without an @. Raises InvalidRequest."""
    try:
        return parse_address(f"x@{name.strip(' ').removeprefix('@')}").domain
    except InvalidRequest:
        raise InvalidRequest(f"{shown(name)} is not a domain.", next_step="Write it like example.com.") from None


def owned_domain(name: str) -> str:
    """A domain that somebody holds: below a public suffix (com, co.uk, github.io) everyone can have a name."""
    domain = domain_of(name)
    if is_public_suffix(domain):
        raise InvalidRequest(
            f"Everyone can get a name below {domain}, so it cannot be vouched for as a whole.",
            next_step=f"Name a domain below it that one owner holds, like example.{domain}.",
        )
    return domain


async def import_mail(app: App, inbox_name: str, paths: Iterable[Path], *, caller: Caller = COMMAND_LINE) -> Imported:
    """Put the messages of .eml files, mbox files and Maildir folders into an inbox, through the same door as SMTP."""
    caller.need(ADMIN)
    inbox = await own_inbox(app, caller, inbox_name)
    done = Imported()
    for path in paths:
        if path.exists() and not path.is_dir() and not path.is_file():
            # To open a pipe is to wait for who writes to it.
            done.failed.append(f"{path}: it is no regular file. Save the mail in it as a file and import that.")
            continue
        found = False
        for box in _boxes(path):
            found = True
            await _import_box(app, inbox, box, done)
        if not found:
            done.failed.append(f"{path}: there is no mail in it. Name an .eml file, an mbox or a Maildir.")
    return done


async def _import_box(app: App, inbox: Inbox, box: Path, done: Imported) -> None:
    try:
        for name, raw in _messages(box):
            if len(raw) > app.settings.max_message_bytes:
                done.failed.append(f"{name}: {len(raw)} bytes are more than max_message_bytes. Raise that setting.")
                continue
            if not _LOOKS_LIKE_MAIL.match(raw):
                done.failed.append(
                    f"{name}: it is no email, for it does not begin with a header field. Save it from the mail program "
                    "as .eml or mbox."
                )
                continue
            envelope = Envelope("", (inbox.address,), app.clock(), "import")
            receipts = await accept(app, envelope, raw, within=inbox.tenant_id)
            done.duplicates += receipts[0].duplicate
            done.kept += not receipts[0].duplicate
    except (OSError, mailbox.Error, StoreError) as error:
        why = (getattr(error, "strerror", None) or str(error)).rstrip(". ")
        step = getattr(error, "next_step", "") or "When that is mended, import it again: what is there is not doubled."
        done.failed.append(f"{box}: {why}. {step}")


def _boxes(path: Path) -> Iterator[Path]:
    """What holds mail at `path` or below it: Maildir folders and files; of the files in a folder those that are named
    .eml or are an mbox."""
    if not path.is_dir():
        yield path
        return
    is_maildir = (path / "cur").is_dir()
    if is_maildir:
        yield path
    for child in sorted(path.iterdir()):
        if child.is_dir():
            if not child.is_symlink() and not (is_maildir and child.name in ("cur", "new", "tmp")):
                yield from _boxes(child)
        elif child.is_file() and (child.suffix.lower() == ".eml" or _is_mbox(child)):
            yield child


def _messages(box: Path) -> Iterator[tuple[str, bytes]]:
    """Each message of a Maildir, an mbox or a file with a name for reports, one at a time."""
    if box.is_dir():
        maildir = mailbox.Maildir(box, create=False)
        for key in sorted(maildir.keys()):
            yield f"{box}/{key}", _crlf(maildir.get_bytes(key))
    elif _is_mbox(box, strict=True):
        with closing(mailbox.mbox(box, create=False)) as mbox:
            for key in mbox.keys():  # noqa: SIM118 - a mailbox is not a dict: iterating it gives messages
                # An mbox marks lines that begin with "From " so that they do not begin a message (RFC 4155 appendix A).
                yield f"{box}#{key}", _crlf(_MARKED_FROM.sub(rb"\1", mbox.get_bytes(key)))
    else:
        yield str(box), _crlf(box.read_bytes())


_MARKED_FROM = re.compile(rb"(?m)^>(>*From )")
# RFC 5322 section 2.2: a field name, a colon; some leave the line of an mbox before it.
_LOOKS_LIKE_MAIL = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:[!-9;-~]{1,200}[ \t]*:|>?From )")


def _is_mbox(file: Path, *, strict: bool = False) -> bool:
    """Raises OSError with `strict` when it cannot be read."""
    try:
        with file.open("rb") as start:
            return start.read(5) == b"From "
    except OSError:
        if strict:
            raise
        return False


def _crlf(raw: bytes) -> bytes:
    """Files keep local line ends; the store keeps them as the wire does (RFC 5321 section 2.3.8)."""
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
