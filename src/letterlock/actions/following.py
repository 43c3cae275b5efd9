"""Following what happens: consumers that are given each email once, and the stream of events. Both from the store.

An event says that something happened and to what, never what an email says: no words of strangers are in it, so that
reading events tells an agent nothing that would have to be screened or written down as shown.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import merge
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from letterlock.actions.caller import APPROVE, READ, SEND, WAIT, Caller, read_standing, stands
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.actions.limits import count_wait
from letterlock.actions.listing import EmailListed, listed
from letterlock.actions.pages import hidden_place, place_hidden_in
from letterlock.actions.shown import note_shown
from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, LimitReached, NotFound
from letterlock.ids import EmailId, InboxId, SubmissionId, TenantId
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, consumers, emails, escalations, inboxes, outbox
from letterlock.store.audit import Entry
from letterlock.store.consumers import Consumer
from letterlock.store.database import Transaction
from letterlock.store.emails import Email, moment
from letterlock.wake import REST_S

MAX_WAIT_S = 120
MOST_CONSUMERS = 200
"""Of one agent."""
MAX_PAGE = 50
HEARTBEAT_S = 15.0
MOST_STREAMS, MOST_STREAMS_OF_TENANT = 500, 50
_BATCH = 100
_EVENTS = "events"
_RETRY_S = 30
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"


# --- consumers --------------------------------------------------------------------------------------------------------


class Receive(Request):
    consumer: Annotated[str, Field(pattern=_NAME, description="a name of your choice; its place is kept")]
    inbox: Annotated[str | None, Field(min_length=1, max_length=320, description="one inbox only")] = None
    start: Annotated[
        Literal["oldest", "now"], Field(description="where a new consumer begins: with what is there, or after it")
    ] = "oldest"
    again: Annotated[bool, Field(description="the emails of the last answer once more, when it was lost")] = False
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 20
    timeout_s: Annotated[float, Field(ge=0, le=MAX_WAIT_S, description="wait so long for the first")] = 0


class Received(BaseModel):
    consumer: str
    emails: list[EmailListed] = Field(description="oldest first")
    more: bool = Field(description="there are more already: call again")


class ListConsumers(Request):
    pass


class ConsumerShown(BaseModel):
    consumer: str
    inbox_id: str = Field(description="empty: all inboxes")
    waiting: int = Field(description="emails it has not been given, those deleted since too")
    moved_at: datetime


class ConsumerList(BaseModel):
    consumers: list[ConsumerShown]


class RemoveConsumer(Request):
    consumer: Annotated[str, Field(pattern=_NAME)]


class ConsumerRemoved(BaseModel):
    consumer: str


async def receive(app: App, caller: Caller, request: Receive) -> Received:
    """Get the emails that came since this consumer's last call, each once, oldest first. Several consumers can share an
    inbox, each with its own place."""
    inbox_id = caller.inbox_id
    if request.inbox is not None:
        inbox_id = (await own_inbox(app, caller, request.inbox)).inbox_id
    if request.timeout_s:
        caller.need(WAIT)
        await count_wait(app, caller)
    consumer = await _consumer(app, caller, request, inbox_id)
    if request.again:
        given = await app.database.read(caller.tenant_id, lambda tx: consumers.last_given(tx, consumer, MAX_PAGE))
        return await _received(app, caller, request, given, consumer.place, inbox_id)
    end = time.monotonic() + request.timeout_s
    with app.wake.watch(inbox_id or caller.tenant_id, tenant=caller.tenant_id, key=caller.key) as watch:
        while True:
            found, place = await _take(app, caller, request, inbox_id)
            left = end - time.monotonic()
            if found or left <= 0 or app.wake.closing:
                return await _received(app, caller, request, found, place, inbox_id)
            await watch.wait(min(left, REST_S))


async def _consumer(app: App, caller: Caller, request: Receive, inbox_id: InboxId | None) -> Consumer:
    async def look(tx: Transaction) -> Consumer | None:
        return await consumers.get(tx, caller.agent_id, request.consumer, inbox_id)

    async def begin(tx: Transaction) -> bool:
        place = await consumers.last(tx, inbox_id) if request.start == "now" else 0
        return await consumers.start(
            tx, caller.agent_id, request.consumer, inbox_id, place, app.now_ms(), MOST_CONSUMERS
        )

    found = await app.database.read(caller.tenant_id, look)
    if found is not None:
        return found
    if not await app.database.write(caller.tenant_id, begin):
        raise Conflict(
            f"There are {MOST_CONSUMERS} consumers already.", next_step="Remove those that are no longer used."
        )
    made = await app.database.read(caller.tenant_id, look)
    assert made is not None
    return made


async def _take(app: App, caller: Caller, request: Receive, inbox_id: InboxId | None) -> tuple[list[Email], int]:
    """Emails and the place behind them. Nothing new costs no write."""

    async def look(tx: Transaction) -> tuple[list[Email], int]:
        consumer = await consumers.get(tx, caller.agent_id, request.consumer, inbox_id)
        return await consumers.behind(tx, inbox_id, consumer.place, 1) if consumer else ([], 0)

    async def take(tx: Transaction) -> tuple[list[Email], int]:
        # Looked at again: another process of this consumer may have been quicker.
        consumer = await consumers.get(tx, caller.agent_id, request.consumer, inbox_id)
        if consumer is None:
            return [], 0
        found = await consumers.take(tx, caller.agent_id, consumer, request.limit, app.now_ms())
        after = await consumers.get(tx, caller.agent_id, request.consumer, inbox_id)
        return found, after.place if after else 0

    found, place = await read_standing(app, caller, look)
    return await app.database.write(caller.tenant_id, take) if found else (found, place)


async def _received(
    app: App, caller: Caller, request: Receive, found: list[Email], place: int, inbox_id: InboxId | None
) -> Received:
    await note_shown(app, caller, found)
    rest, _ = await app.database.read(caller.tenant_id, lambda tx: consumers.behind(tx, inbox_id, place, 1))
    return Received(consumer=request.consumer, emails=[listed(email) for email in found], more=bool(rest))


async def list_consumers(app: App, caller: Caller, request: ListConsumers) -> ConsumerList:
    """Your consumers and how much waits for each."""

    async def look(tx: Transaction) -> list[ConsumerShown]:
        mine = [one for one in await consumers.of_agent(tx, caller.agent_id) if caller.inbox_id in (None, one.inbox_id)]
        return [
            ConsumerShown(
                consumer=one.name,
                inbox_id=one.inbox_id or "",
                waiting=max(0, await consumers.last(tx, one.inbox_id) - one.place),
                moved_at=moment(one.polled_at),
            )
            for one in mine
        ]

    return ConsumerList(consumers=await app.database.read(caller.tenant_id, look))


async def remove_consumer(app: App, caller: Caller, request: RemoveConsumer) -> ConsumerRemoved:
    """Forget a consumer's place. The emails stay."""
    caller.need_all(READ)
    gone = await app.database.write(
        caller.tenant_id, lambda tx: consumers.remove(tx, caller.agent_id, request.consumer)
    )
    if not gone:
        raise NotFound(
            f"Consumer '{safe_line(request.consumer, 64)}' not found.", next_step="Call list_consumers to see yours."
        )
    return ConsumerRemoved(consumer=request.consumer)


# --- events -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a follower stands: after the email and the row of the audit log with these numbers of the tenant. Both
    count without gaps and are given in the commit of what they number, so that nothing can appear behind a place."""

    filed: int
    noted: int

    def __str__(self) -> str:
        return f"{self.filed}-{self.noted}"

    @classmethod
    def of(cls, text: str) -> Place:
        """Raises InvalidRequest."""
        found = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})", text)
        if found is None:
            raise _no_id(text)
        return cls(int(found[1]), int(found[2]))


def _no_id(text: str) -> InvalidRequest:
    return InvalidRequest(
        f"'{safe_line(text, 40)}' is no id of an event.",
        next_step="Send the id of the last event you got, or none to start now.",
    )


class EmailEvent(BaseModel):
    email_id: str
    inbox_id: str
    inbox: str
    thread_id: str
    level: str
    category: str
    has_code: bool
    links: int
    attachments: int
    begins_thread: bool = Field(description="the first of its conversation")
    at: datetime


class SubmissionEvent(BaseModel):
    submission_id: str
    inbox_id: str
    state: str = Field(description="of the submission now")
    recipients: dict[str, str] = Field(description="what became of each, as far as this is about them")
    reasons: list[str]
    at: datetime


class InboxEvent(BaseModel):
    inbox_id: str
    at: datetime


class DomainEvent(BaseModel):
    domain_id: str
    domain: str
    lacking: list[str] = Field(description="which required records are not as they must be")
    at: datetime


class ThreadEvent(BaseModel):
    escalation_id: str
    thread_id: str
    inbox_id: str
    email_id: str
    at: datetime


class RuleEvent(BaseModel):
    rule_id: str
    event: str = Field(description="as the rule names it")
    email_id: str
    thread_id: str
    inbox_id: str
    at: datetime


Told = EmailEvent | SubmissionEvent | InboxEvent | DomainEvent | ThreadEvent | RuleEvent


@dataclass(frozen=True, slots=True)
class Event:
    place: Place
    kind: str
    data: Told


_OF_SUBMISSIONS = {
    "email.submitted": "submission.queued",
    "email.held": "submission.held",
    "email.approved": "submission.approved",
    "email.denied": "submission.denied",
    "email.cancelled": "submission.cancelled",
    "email.expired": "submission.expired",
    "email.bounce": "email.bounced",
    "email.complaint": "email.complained",
}
_OF_REPORTS = {"email.bounce", "email.complaint"}
# A try of several recipients is told as what needs the most attention; each recipient's own state is in the event.
_OF_TRIES = (
    ("bounced", "email.bounced"),
    ("uncertain", "email.uncertain"),
    ("held", "submission.held"),
    ("queued", "email.deferred"),
    ("sent", "email.sent"),
    ("delivered", "email.delivered"),
)
_OF_DOMAINS = {"domain.added", "domain.verified", "domain.failing", "domain.lapsed", "domain.removed"}
_OF_INBOXES = {"inbox.created", "inbox.deleted", "inbox.restored", "inbox.suspended", "inbox.resumed"}
_OF_THREADS = {"thread.escalated", "thread.resolved"}
_OF_RULES = "rule.matched"
EVENTS = tuple(
    sorted(
        {
            "email.filed",
            *_OF_SUBMISSIONS.values(),
            *(kind for _, kind in _OF_TRIES),
            *_OF_INBOXES,
            *_OF_DOMAINS,
            *_OF_THREADS,
            _OF_RULES,
        }
    )
)


@dataclass(slots=True)
class Streams:
    """The open streams of this process, by tenant."""

    by_tenant: Counter[TenantId] = field(default_factory=Counter)

    def open(self, caller: Caller) -> None:
        """Raises LimitReached when there are too many; else `close` must follow."""
        if self.by_tenant[caller.tenant_id] >= MOST_STREAMS_OF_TENANT or self.by_tenant.total() >= MOST_STREAMS:
            raise LimitReached(
                "Too many event streams are open.",
                next_step="Close one, or follow with `receive`.",
                retry_after_s=_RETRY_S,
            )
        self.by_tenant[caller.tenant_id] += 1

    def close(self, caller: Caller) -> None:
        self.by_tenant[caller.tenant_id] -= 1


async def place_to_start(app: App, caller: Caller, after: str) -> Place:
    """Where a follower goes on: behind the event with this id, or ("") behind all there is. Raises InvalidRequest for
    an id that was never given."""
    caller.need(READ)

    async def now(tx: Transaction) -> Place:
        return Place(await inboxes.last_filed(tx), await audit.last(tx))

    latest = await app.database.read(caller.tenant_id, now)
    if not after:
        return latest
    if caller.inbox_id is None:
        place = Place.of(after)
    else:
        hidden = await place_hidden_in(app, caller, _EVENTS, after)
        if hidden is None:
            raise _no_id(after)
        place = Place(*hidden)
    if place.filed > latest.filed or place.noted > latest.noted:
        raise InvalidRequest(
            f"'{safe_line(after, 40)}' is ahead of everything that has happened.",
            next_step="Send the id of the last event you got, or none to start now.",
        )
    return place


async def id_of(app: App, caller: Caller, place: Place) -> str:
    """The id by which a follower goes on behind a place. The numbers are those of the whole tenant: a key for one inbox
    gets them hidden."""
    if caller.inbox_id is None:
        return str(place)
    return await hidden_place(app, caller, _EVENTS, (place.filed, place.noted))


async def follow(app: App, caller: Caller, place: Place) -> AsyncGenerator[list[Event], None]:
    """The events behind `place`, as they happen, a few at a time; an empty list every HEARTBEAT_S when there are none.
    Ends when this process stops, and when the caller's key does: that is looked at before anything is told."""
    quiet_since = time.monotonic()
    with app.wake.watch(caller.tenant_id, tenant=caller.tenant_id, key=caller.key) as watch:
        while not app.wake.closing:
            came_from = place
            events, place, more = await events_behind(app, caller, came_from)
            beat = time.monotonic() - quiet_since >= HEARTBEAT_S
            if (beat or events or watch.rung) and not await stands(app, caller):
                return
            if beat:
                quiet_since = time.monotonic()
                yield []
            if events:
                yield events
            if not more:
                await watch.wait(max(0.0, quiet_since + HEARTBEAT_S - time.monotonic()))


async def events_behind(app: App, caller: Caller, place: Place) -> tuple[list[Event], Place, bool]:
    """What comes behind a place, the place behind it, and whether there is more already."""

    async def look(tx: Transaction) -> tuple[list[Event], Place, bool]:
        latest = await inboxes.last_filed(tx)
        found = await emails.filed_after(tx, place.filed, latest, _BATCH, caller.inbox_id)
        filed = found[-1].filed if len(found) == _BATCH else max(latest, place.filed)
        noted = await audit.after(tx, place.noted, _BATCH)
        first = await emails.beginning_threads(tx, [one.email_id for one in found])
        dated: Iterator[tuple[int, Email | Entry]] = merge(
            ((email.received_at, email) for email in found),
            ((entry.at, entry) for entry in noted),
            key=lambda one: one[0],
        )
        events: list[Event] = []
        at = place
        for _, one in dated:
            if isinstance(one, Email):
                at = replace(at, filed=one.filed)
                events.append(Event(at, "email.filed", _email_event(one, one.email_id in first)))
            else:
                at = replace(at, noted=one.n)
                told = await _told(tx, caller, one)
                if told is not None:
                    events.append(Event(at, *told))
        return events, replace(at, filed=filed), len(found) == _BATCH or len(noted) == _BATCH

    return await app.database.read(caller.tenant_id, look)


def _email_event(email: Email, begins_thread: bool) -> EmailEvent:
    return EmailEvent(
        email_id=email.email_id,
        inbox_id=email.inbox_id,
        inbox=email.inbox_address,
        thread_id=email.thread_id,
        level=email.level,
        category=email.category,
        has_code=email.code is not None,
        links=email.links,
        attachments=email.attachments,
        begins_thread=begins_thread,
        at=moment(email.received_at),
    )


async def _told(tx: Transaction, caller: Caller, entry: Entry) -> tuple[str, Told] | None:
    """The event that a row of the audit log makes for this caller."""
    if entry.action in _OF_INBOXES:
        mine = caller.inbox_id in (None, entry.subject)
        return (entry.action, InboxEvent(inbox_id=entry.subject, at=moment(entry.at))) if mine else None
    if entry.action in _OF_DOMAINS:
        told = DomainEvent(
            domain_id=entry.subject,
            domain=entry.detail["domain"],
            lacking=entry.detail.get("lacking", []),
            at=moment(entry.at),
        )
        return (entry.action, told) if caller.inbox_id is None else None
    if entry.action in _OF_THREADS:
        return await _of_thread(tx, caller, entry)
    if entry.action == _OF_RULES:
        return await _of_rule(tx, caller, entry)
    states: dict[str, str] = {}
    kind: str | None = _OF_SUBMISSIONS.get(entry.action)
    if entry.action in _OF_REPORTS and "recipients" in entry.detail:
        states = dict(entry.detail["recipients"])
        # A report that tells nothing new.
        kind = kind if states else None
    if entry.action == "email.tried":
        states = dict(entry.detail.get("recipients", {}))
        kind = next((kind for state, kind in _OF_TRIES if state in states.values()), None)
    if kind is None or not caller.scopes & {SEND, APPROVE}:
        return None
    submission = await outbox.get(tx, SubmissionId(entry.subject))
    if submission is None or caller.inbox_id not in (None, submission.inbox_id):
        return None
    return kind, SubmissionEvent(
        submission_id=submission.submission_id,
        inbox_id=submission.inbox_id,
        state=submission.state,
        recipients=states,
        reasons=[str(code) for code in entry.detail.get("reasons", ())],
        at=moment(entry.at),
    )


async def _of_thread(tx: Transaction, caller: Caller, entry: Entry) -> tuple[str, Told] | None:
    found = await escalations.get(tx, entry.subject)
    if found is None or caller.inbox_id not in (None, found.inbox_id):
        return None
    return entry.action, ThreadEvent(
        escalation_id=found.escalation_id,
        thread_id=found.thread_id,
        inbox_id=found.inbox_id,
        email_id=found.email_id,
        at=moment(entry.at),
    )


async def _of_rule(tx: Transaction, caller: Caller, entry: Entry) -> tuple[str, Told] | None:
    """A rule tells of an email only where that is what it is for."""
    named = entry.detail.get("events", ())
    email = await emails.get(tx, EmailId(entry.subject)) if named else None
    if email is None or caller.inbox_id not in (None, email.inbox_id):
        return None
    return entry.action, RuleEvent(
        rule_id=entry.actor,
        event=", ".join(named),
        email_id=email.email_id,
        thread_id=email.thread_id,
        inbox_id=email.inbox_id,
        at=moment(entry.at),
    )


FOLLOWING: tuple[Action, ...] = (
    Action("receive", "Receive emails", "reading", READ, Hints(), Receive, Received, receive),
    Action(
        "list_consumers", "List consumers", "reading", READ, Hints(read_only=True, idempotent=True),
        ListConsumers, ConsumerList, list_consumers,
    ),
    Action(
        "remove_consumer", "Remove consumer", "reading", READ, Hints(destructive=True, idempotent=True),
        RemoveConsumer, ConsumerRemoved, remove_consumer,
    ),
)  # fmt: skip
