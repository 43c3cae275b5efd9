"""ELSEWHERE: what programs written for other services ask for and ours do not: inboxes with their counts and deleted
ones, emails chosen by kind, time and subject with their ids and scores at hand, a wait for what is unread or came since
a time, threads of an inbox, what an inbox sent. Each an action like those of the catalog.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from letterlock.actions.caller import MANAGE_INBOXES, READ, SEND, WAIT, Caller, read_standing
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import ChooseInbox, InboxCreated, Request, create_inbox, find_any, own_inbox
from letterlock.actions.limits import count_wait
from letterlock.actions.pages import Cursor, Limit, cursor_at, number_at, number_of, place_of
from letterlock.actions.reading import EmailWhole, ReadWhole, own_email, read_whole
from letterlock.actions.shown import note_shown
from letterlock.actions.waiting import MAX_WAIT_S
from letterlock.app import App
from letterlock.errors import InvalidRequest
from letterlock.ids import InboxId, SubmissionId
from letterlock.screen.safe_text import safe_line
from letterlock.store import emails, inboxes, outbox
from letterlock.store.database import Transaction
from letterlock.store.emails import Email, moment
from letterlock.store.inboxes import Inbox
from letterlock.store.outbox import Submission
from letterlock.store.terms import query_terms
from letterlock.wake import REST_S

MOST_INBOXES = 1_000
_MOST_MATCHED = 1_000
"""So many emails that hold the words are looked at for the other conditions; the cursor goes on behind them."""
_CATEGORIES = 20

_Inbox = Annotated[str, Field(min_length=1, max_length=320, description="id or address")]


# --- inboxes ----------------------------------------------------------------------------------------------------------


class ShowInbox(Request):
    inbox: _Inbox


class AllInboxes(Request):
    pass


class InboxKept(BaseModel):
    inbox_id: str
    address: str
    purpose: str
    emails: int = Field(description="that came, ever")
    live: bool = Field(description="false: it was deleted and can be restored")
    created_at: datetime
    expires_at: datetime | None


class InboxesKept(BaseModel):
    inboxes: list[InboxKept]


def _kept(inbox: Inbox, now_ms: int) -> InboxKept:
    ended = inbox.deleted_at is not None or (inbox.expires_at is not None and inbox.expires_at <= now_ms)
    return InboxKept(
        inbox_id=inbox.inbox_id,
        address=inbox.address,
        purpose=safe_line(inbox.purpose),
        emails=inbox.last_seq,
        live=not ended,
        created_at=moment(inbox.created_at),
        expires_at=moment(inbox.expires_at) if inbox.expires_at is not None else None,
    )


async def show_inbox(app: App, caller: Caller, request: ShowInbox) -> InboxKept:
    """One inbox by its id or address, also one that was deleted and is not gone yet."""
    return _kept(await find_any(app, caller, request.inbox), app.now_ms())


async def all_inboxes(app: App, caller: Caller, request: AllInboxes) -> InboxesKept:
    """The inboxes there are, oldest first."""
    now = app.now_ms()
    found = await app.database.read(
        caller.tenant_id, lambda tx: inboxes.listed(tx, now, MOST_INBOXES, only=caller.inbox_id)
    )
    return InboxesKept(inboxes=[_kept(inbox, now) for inbox, _ in found])


# --- emails -----------------------------------------------------------------------------------------------------------


class _Chosen(Request):
    from_: Annotated[str, Field(max_length=320, description="address, domain or part of a name")] = ""
    subject: Annotated[str, Field(max_length=300, description="part of it")] = ""
    categories: Annotated[list[str], Field(max_length=_CATEGORIES, description="any of these")] = Field([])
    since: datetime | None = None
    unread: bool | None = None
    with_code: bool = False


class FindEmails(_Chosen):
    inbox: _Inbox | None = None
    query: Annotated[str, Field(max_length=500)] = ""
    until: datetime | None = None
    attached: bool | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class AwaitEmails(_Chosen):
    inbox: _Inbox
    timeout_s: Annotated[float, Field(ge=0, le=MAX_WAIT_S)] = 30
    besides: Annotated[str, Field(max_length=64, description="the newest one known, which is no news")] = ""
    limit: Limit = 20


class EmailFound(BaseModel):
    email_id: str
    inbox_id: str
    inbox: str
    thread_id: str
    from_: str = Field(description="bare address")
    from_name: str
    subject: str
    received_at: datetime
    snippet: str
    level: str
    score: float
    rules: list[str]
    category: str
    unread: bool
    attachments: int


class EmailsFound(BaseModel):
    emails: list[EmailFound] = Field(description="newest first")
    next_cursor: str = ""


class ShowEmail(Request):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]


def _found(email: Email, rules: Sequence[str]) -> EmailFound:
    return EmailFound(
        email_id=email.email_id,
        inbox_id=email.inbox_id,
        inbox=email.inbox_address,
        thread_id=email.thread_id,
        from_=email.from_address,
        from_name=email.from_name,
        subject=email.subject,
        received_at=moment(email.received_at),
        snippet=email.snippet,
        level=email.level,
        score=email.score,
        rules=list(rules),
        category=email.category,
        unread=email.unread,
        attachments=email.attachments,
    )


async def _shown(app: App, caller: Caller, page: Sequence[Email], cursor: str = "") -> EmailsFound:
    await note_shown(app, caller, page)
    rules = await app.database.read(caller.tenant_id, lambda tx: emails.rules_of(tx, [one.email_id for one in page]))
    return EmailsFound(emails=[_found(one, rules.get(one.email_id, ())) for one in page], next_cursor=cursor)


async def _listed(
    tx: Transaction, request: _Chosen, inbox_id: InboxId | None, *, before: int | None = None, limit: int
) -> list[Email]:
    page = request if isinstance(request, FindEmails) else None
    return await emails.listed(
        tx,
        inbox_id=inbox_id,
        unread=request.unread,
        sender=request.from_,
        since_ms=_ms(request.since),
        until_ms=_ms(page.until) if page else None,
        before=before,
        subject=request.subject,
        categories=request.categories,
        with_code=request.with_code,
        attached=page.attached if page else None,
        limit=limit,
    )


def _ms(at: datetime | None) -> int | None:
    if at is None:
        return None
    try:
        # Without a zone it is what our answers show: UTC.
        return emails.ms(at.replace(tzinfo=UTC) if at.tzinfo is None else at)
    except (ValueError, OverflowError, OSError):
        raise InvalidRequest(f"{at.isoformat()} is no time that can be compared.") from None


async def find_emails(app: App, caller: Caller, request: FindEmails) -> EmailsFound:
    """Received emails, newest first, of an inbox or of all, by words, sender, subject, kind and time."""
    inbox_id = caller.inbox_id if request.inbox is None else (await own_inbox(app, caller, request.inbox)).inbox_id
    chosen = request.model_dump(mode="json", exclude={"limit", "cursor", "inbox"})
    kind = f"found {inbox_id} {json.dumps(chosen, sort_keys=True)}"
    before = await number_of(app, caller, kind, request.cursor)
    terms = query_terms(request.query)
    if request.query.strip() and not terms:
        raise InvalidRequest(
            f"'{safe_line(request.query, 80)}' holds no word to search for.", next_step="Use letters or digits."
        )

    async def search(tx: Transaction) -> tuple[list[Email], int | None]:
        if not terms:
            page = await _listed(tx, request, inbox_id, before=before, limit=request.limit + 1)
            return page, page[request.limit - 1].filed if len(page) > request.limit else None
        ids = await tx.match_terms(inbox_id, terms, before or 2**62, _MOST_MATCHED)
        looked = await emails.by_ids(tx, ids)
        page = [one for one in looked if _fits(one, request)][: request.limit + 1]
        if len(page) > request.limit:
            return page, page[request.limit - 1].filed
        return page, looked[-1].filed if len(ids) == _MOST_MATCHED and looked else None

    page, more = await app.database.read(caller.tenant_id, search)
    cursor = await number_at(app, caller, kind, more) if more is not None else ""
    return await _shown(app, caller, page[: request.limit], cursor)


def _fits(email: Email, request: FindEmails) -> bool:
    """What emails.listed asks the store, of an email that holds the words."""
    since, until = _ms(request.since), _ms(request.until)
    wanted = request.from_.strip().lower()
    sender = f"{email.from_name} {email.from_address}".lower()
    return (
        (request.unread is None or email.unread == request.unread)
        and (not wanted or wanted in sender)
        and request.subject.lower() in email.subject.lower()
        and (not request.categories or email.category in request.categories)
        and (since is None or email.received_at >= since)
        and (until is None or email.received_at < until)
        and (not request.with_code or email.code is not None)
        and (request.attached is None or bool(email.attachments) == request.attached)
    )


async def await_emails(app: App, caller: Caller, request: AwaitEmails) -> EmailsFound:
    """Wait until an inbox holds an email like this, whenever it came; none is a normal answer. With `besides`, until
    one came after that, or the time is over."""
    inbox = await own_inbox(app, caller, request.inbox)
    await count_wait(app, caller)
    end = time.monotonic() + request.timeout_s
    with app.wake.watch(inbox.inbox_id, tenant=caller.tenant_id, key=caller.key) as watch:
        app.wake.say_waiting(inbox.inbox_id)
        while True:
            found = await read_standing(
                app, caller, lambda tx: _listed(tx, request, inbox.inbox_id, limit=request.limit)
            )
            left = end - time.monotonic()
            if (found and found[0].email_id != request.besides) or left <= 0 or app.wake.closing:
                return await _shown(app, caller, found)
            # One that is deleted meanwhile gets no more mail.
            await own_inbox(app, caller, inbox.inbox_id)
            await watch.wait(min(left, REST_S))


async def show_email(app: App, caller: Caller, request: ShowEmail) -> EmailFound:
    """One email as lists show it."""
    return (await _shown(app, caller, [await own_email(app, caller, request.email_id)])).emails[0]


# --- threads ----------------------------------------------------------------------------------------------------------


class ListThreads(Request):
    inbox: _Inbox | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class ThreadFound(BaseModel):
    thread_id: str
    inbox_id: str
    subject: str
    emails: int = Field(description="received in it")
    last_at: datetime
    created_at: datetime


class ThreadsFound(BaseModel):
    threads: list[ThreadFound] = Field(description="the one begun last first")
    next_cursor: str = ""


async def list_threads(app: App, caller: Caller, request: ListThreads) -> ThreadsFound:
    """Conversations of an inbox, or of all, in which an email came."""
    inbox_id = caller.inbox_id if request.inbox is None else (await own_inbox(app, caller, request.inbox)).inbox_id
    kind = f"threads {inbox_id}"
    before = str(place_of(caller, kind, request.cursor) or "")
    found = await app.database.read(
        caller.tenant_id, lambda tx: emails.threads(tx, inbox_id, before, request.limit + 1)
    )
    page = found[: request.limit]
    return ThreadsFound(
        threads=[
            ThreadFound(
                thread_id=one.thread_id,
                inbox_id=one.inbox_id,
                subject=one.subject,
                emails=one.emails,
                last_at=moment(one.last_at),
                created_at=moment(one.created_at),
            )
            for one in page
        ],
        next_cursor=cursor_at(caller, kind, page[-1].thread_id) if len(found) > request.limit else "",
    )


# --- what was sent ----------------------------------------------------------------------------------------------------


class ListSent(Request):
    inbox: _Inbox
    limit: Limit = 20
    cursor: Cursor = ""


class SentFound(BaseModel):
    submission_id: str
    inbox_id: str
    thread_id: str
    from_: str
    to: list[str]
    cc: list[str]
    subject: str
    snippet: str
    state: str
    created_at: datetime


class SentList(BaseModel):
    sent: list[SentFound] = Field(description="newest first")
    next_cursor: str = ""


def _sent(one: Submission) -> SentFound:
    return SentFound(
        submission_id=one.submission_id,
        inbox_id=one.inbox_id,
        thread_id=one.thread_id,
        from_=one.sender,
        to=list(one.to),
        cc=list(one.cc),
        subject=safe_line(one.subject),
        snippet=safe_line(one.body_text, 160),
        state=one.state,
        created_at=moment(one.created_at),
    )


async def list_sent(app: App, caller: Caller, request: ListSent) -> SentList:
    """What an inbox was asked to send, and how each stands."""
    inbox = await own_inbox(app, caller, request.inbox)
    kind = f"sent {inbox.inbox_id}"
    place = place_of(caller, kind, request.cursor)
    before = SubmissionId(str(place)) if place is not None else None
    found = await app.database.read(
        caller.tenant_id, lambda tx: outbox.of_inbox(tx, inbox.inbox_id, before, request.limit + 1)
    )
    page = found[: request.limit]
    return SentList(
        sent=[_sent(outbox.as_of(one, app.now_ms())) for one in page],
        next_cursor=cursor_at(caller, kind, page[-1].submission_id) if len(found) > request.limit else "",
    )


_READS = Hints(read_only=True, idempotent=True)

ELSEWHERE: tuple[Action, ...] = (
    Action(
        "choose_inbox", "Create inbox of this name", "inboxes", MANAGE_INBOXES, Hints(),
        ChooseInbox, InboxCreated, create_inbox,
    ),
    Action("show_inbox", "Show inbox", "inboxes", READ, _READS, ShowInbox, InboxKept, show_inbox),
    Action("all_inboxes", "List all inboxes", "inboxes", READ, _READS, AllInboxes, InboxesKept, all_inboxes),
    Action("find_emails", "Find emails", "reading", READ, _READS, FindEmails, EmailsFound, find_emails),
    Action("show_email", "Show email", "reading", READ, _READS, ShowEmail, EmailFound, show_email),
    Action("read_whole", "Read whole email", "reading", READ, _READS, ReadWhole, EmailWhole, read_whole),
    Action(
        "await_emails", "Wait for emails", "waiting", WAIT, _READS, AwaitEmails, EmailsFound, await_emails, waits=True,
    ),
    Action("list_threads", "List conversations", "reading", READ, _READS, ListThreads, ThreadsFound, list_threads),
    Action("list_sent", "List sent emails", "sending", SEND, _READS, ListSent, SentList, list_sent),
)  # fmt: skip
