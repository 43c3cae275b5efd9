"""Lists and search: emails newest first, without bodies, and the cursors that go on where a page ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import BaseModel, Field

from letterlock.actions.caller import Caller
from letterlock.actions.health import reception_warning, speaks_for
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.actions.pages import number_at, number_of
from letterlock.actions.shown import note_shown
from letterlock.app import App
from letterlock.errors import InvalidRequest
from letterlock.ids import InboxId
from letterlock.screen.safe_text import safe_line
from letterlock.store import emails, inboxes, routing
from letterlock.store.database import Transaction
from letterlock.store.emails import Email, moment
from letterlock.store.terms import query_terms

MAX_PAGE = 50
_FEW: Final = 10


class EmailListed(BaseModel):
    email_id: str
    inbox: str
    from_: str
    subject: str
    received_at: datetime
    snippet: str
    level: str
    unread: bool = False
    category: str = "other"


class EmailList(BaseModel):
    emails: list[EmailListed]
    next_cursor: str = ""
    warning: str = ""


class ListEmails(Request):
    inbox: Annotated[str | None, Field(min_length=1, max_length=320)] = None
    unread: bool | None = None
    from_: Annotated[str, Field(max_length=320, description="address, domain or part of a name")] = ""
    since: Annotated[str, Field(max_length=40, description="ISO time")] = ""
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 20
    cursor: Annotated[str, Field(max_length=400)] = ""


class ListLabelled(ListEmails):
    label: Annotated[str, Field(max_length=40, description="only emails with this label")] = ""


class EmailLabelled(EmailListed):
    labels: list[str]


class EmailLabelledList(EmailList):
    emails: list[EmailLabelled]  # type: ignore[assignment]


class SearchEmails(Request):
    query: Annotated[str, Field(min_length=1, max_length=500)]
    inbox: Annotated[str | None, Field(min_length=1, max_length=320)] = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 20
    cursor: Annotated[str, Field(max_length=400)] = ""


async def list_emails(app: App, caller: Caller, request: ListEmails) -> EmailList:
    """List received emails, newest first: sender, subject, snippet, level. Go on with next_cursor."""
    return (await _list(app, caller, request, ""))[0]


async def list_labelled(app: App, caller: Caller, request: ListLabelled) -> EmailLabelledList:
    """List received emails, newest first, with their labels. Go on with next_cursor."""
    page, found = await _list(app, caller, request, request.label)
    ids = [email.email_id for email in found]
    labels = await app.database.read(caller.tenant_id, lambda tx: routing.labels(tx, ids))
    return EmailLabelledList(
        emails=[
            EmailLabelled(**shown.model_dump(), labels=list(labels.get(email.email_id, ())))
            for shown, email in zip(page.emails, found, strict=True)
        ],
        next_cursor=page.next_cursor,
        warning=page.warning,
    )


async def _list(app: App, caller: Caller, request: ListEmails, label: str) -> tuple[EmailList, Sequence[Email]]:
    inbox_id = await _scope(app, caller, request.inbox)
    since = _time(request.since)
    kind = json.dumps(["list", inbox_id, request.unread, request.from_, request.since, label])
    before = await number_of(app, caller, kind, request.cursor)
    found = await app.database.read(
        caller.tenant_id,
        lambda tx: emails.listed(
            tx,
            inbox_id=inbox_id,
            unread=request.unread,
            sender=request.from_,
            since_ms=since,
            before=before,
            label=label,
            limit=request.limit + 1,
        ),
    )
    return await _page(app, caller, inbox_id, kind, found, request.limit), found[: request.limit]


async def search_emails(app: App, caller: Caller, request: SearchEmails) -> EmailList:
    """Search emails by words in any language, names, addresses, parts of numbers; newest first."""
    inbox_id = await _scope(app, caller, request.inbox)
    terms = query_terms(request.query)
    if not terms:
        raise InvalidRequest(
            f"'{safe_line(request.query, 80)}' holds no word to search for.", next_step="Use letters or digits."
        )
    kind = json.dumps(["search", inbox_id, request.query])
    before = await number_of(app, caller, kind, request.cursor)

    async def search(tx: Transaction) -> list[Email]:
        ids = await tx.match_terms(inbox_id, terms, before or 2**62, request.limit + 1)
        return await emails.by_ids(tx, ids)

    found = await app.database.read(caller.tenant_id, search)
    return await _page(app, caller, inbox_id, kind, found, request.limit)


def listed(email: Email) -> EmailListed:
    """An email as lists show it; its strings are safe already (inspection.preview)."""
    name = f"{email.from_name} <{email.from_address}>" if email.from_name else email.from_address
    return EmailListed(
        email_id=email.email_id,
        inbox=email.inbox_address,
        from_=name,
        subject=email.subject,
        received_at=moment(email.received_at),
        snippet=email.snippet,
        level=email.level,
        unread=email.unread,
        category=email.category,
    )


async def _scope(app: App, caller: Caller, inbox: str | None) -> InboxId | None:
    """The inbox to look in: the one named, the key's only one, or None for all."""
    return caller.inbox_id if inbox is None else (await own_inbox(app, caller, inbox)).inbox_id


async def _page(
    app: App, caller: Caller, inbox_id: InboxId | None, kind: str, found: Sequence[Email], limit: int
) -> EmailList:
    page = found[:limit]
    await note_shown(app, caller, page)
    cursor = await number_at(app, caller, kind, page[-1].filed) if len(found) > limit else ""
    warning = "" if page else await _why_nothing(app, caller, inbox_id)
    return EmailList(emails=[listed(email) for email in page], next_cursor=cursor, warning=warning)


async def _why_nothing(app: App, caller: Caller, inbox_id: InboxId | None) -> str:
    """Why there may be no mail in that inbox, or in any; "" where nothing is wrong."""
    mine = await app.database.read(caller.tenant_id, lambda tx: inboxes.listed(tx, app.now_ms(), _FEW, only=inbox_id))
    # Who has many knows how mail comes to them.
    return await reception_warning(app, speaks_for(app, [one for one, _ in mine]) if len(mine) < _FEW else None)


def _time(text: str) -> int | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        # Without a zone it is what our answers show: UTC.
        return emails.ms(at.replace(tzinfo=UTC) if at.tzinfo is None else at)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"since '{safe_line(text, 40)}' is not a time.", next_step="Write it like 2026-01-31T09:30:00Z."
        ) from None
