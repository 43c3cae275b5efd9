"""/lobstermail: what the client of LobsterMail asks (npm @lobsterkit/lobstermail 1.7.0), by actions of ours.

Every answer but the empty one of a long poll is JSON; errors are {"error": code, "message"}. `body` is the visible text
after the screen, and `security` its report. What happens meanwhile is told by realtime.py.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from letterlock.actions import tenancy
from letterlock.actions.elsewhere import EmailFound, InboxKept, SentFound
from letterlock.app import App
from letterlock.doors.requests import HEADERS, JSON, Guard, answered, body_of, idempotency_key
from letterlock.doors.rivals.lobstermail_account import ACCOUNT, MOST_LISTED, Cursor, Page, page_of
from letterlock.doors.rivals.realtime import Realtime
from letterlock.doors.rivals.wire import Asked, Call, Endpoint, Nothing, Signups, build, response
from letterlock.errors import Conflict, InvalidRequest, NotFound
from letterlock.screen.safe_text import safe_line
from letterlock.store.emails import moment

_POLL_S = 25.0
"""A window of the client's, which gives up 5 s later."""
_SKEW = timedelta(seconds=1)
"""How far a client's clock may go ahead of ours before mail is missed."""
_AGAIN_S = 2.0
_MOST_GIVEN = 10_000
# What our rules find, in the words of the service; a prefix ends with a dot.
_FLAGS = (
    ("senders.mixed_host", "phishing_url"),
    ("senders.other_host", "phishing_url"),
    ("senders.", "spoofed_sender"),
    ("exfiltration.", "social_engineering"),
    ("", "prompt_injection"),
)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Names = Annotated[list[Annotated[str, Field(max_length=320)]], BeforeValidator(_as_list)]
_Text = Annotated[str, Field(max_length=500_000)]


class CreateInbox(Asked):
    display_name: Annotated[str | None, Field(alias="displayName", max_length=100)] = None
    local_part: Annotated[str | None, Field(alias="localPart", max_length=64)] = None
    domain: Annotated[str | None, Field(max_length=253)] = None


class Receive(Asked):
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = 20
    since: datetime | None = None
    direction: Literal["inbound", "outbound"] = "inbound"
    cursor: Cursor = ""


class Poll(Asked):
    timeout: Annotated[float, Field(ge=0, le=3600)] = _POLL_S
    since: datetime | None = None
    from_: Annotated[str, Field(alias="from", max_length=320)] = ""
    subject: Annotated[str, Field(max_length=300)] = ""


class Search(Asked):
    q: Annotated[str, Field(max_length=500)] = ""
    inbox_id: Annotated[str, Field(alias="inboxId", max_length=320)] = ""
    direction: Literal["inbound"] = "inbound"
    from_: Annotated[str, Field(alias="from", max_length=320)] = ""
    since: datetime | None = None
    until: datetime | None = None
    has_attachments: Annotated[bool | None, Field(alias="hasAttachments")] = None
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = 20
    cursor: Cursor = ""


class Body(Asked):
    text: _Text = ""
    html: _Text = ""


class AttachedFile(Asked):
    filename: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: Annotated[str, Field(alias="contentType", max_length=200)] = ""
    content: Annotated[str, Field(max_length=70_000_000, description="base64")]


class Send(Asked):
    from_: Annotated[str, Field(alias="from", min_length=1, max_length=320)]
    to: Annotated[_Names, Field(min_length=1, max_length=50)]
    cc: Annotated[_Names | None, Field(max_length=50)] = None
    subject: Annotated[str, Field(max_length=998)] = ""
    body: Body
    reply_to: Annotated[str | None, Field(alias="replyTo", max_length=320)] = None
    in_reply_to: Annotated[str | None, Field(alias="inReplyTo", max_length=998)] = None
    thread_id: Annotated[str | None, Field(alias="threadId", max_length=64)] = None
    attachments: Annotated[list[AttachedFile] | None, Field(max_length=10)] = None


# --- inboxes ----------------------------------------------------------------------------------------------------------


def _inbox(one: InboxKept) -> dict[str, Any]:
    return {
        "id": one.inbox_id,
        "address": one.address,
        "displayName": one.purpose or None,
        "domain": one.address.rpartition("@")[2],
        "isActive": one.live,
        "emailCount": one.emails,
        "expiresAt": one.expires_at,
        "createdAt": one.created_at,
    }


async def create_inbox(call: Call, asked: CreateInbox) -> Mapping[str, Any] | Response:
    common = {"domain": asked.domain or "", "purpose": asked.display_name or ""}
    try:
        if asked.local_part:
            made = await call.do("choose_inbox", local_part=asked.local_part, **common)
        else:
            made = await call.do("create_inbox", **common)
    except Conflict as error:
        # The word at which the client tries its next candidate.
        return say(409, "address_collision", error.what, error.next_step, {})
    return _inbox(await call.do("show_inbox", inbox=made.inbox_id))


async def list_inboxes(call: Call, asked: Page) -> dict[str, Any]:
    found = await call.do("all_inboxes")
    return page_of([_inbox(one) for one in found.inboxes], "")


async def get_inbox(call: Call, asked: Nothing) -> dict[str, Any]:
    return _inbox(await call.do("show_inbox", inbox=call.path("inbox")))


async def delete_inbox(call: Call, asked: Nothing) -> dict[str, Any]:
    gone = await call.do("delete_inbox", inbox=call.path("inbox"))
    return {"id": gone.inbox_id, "deleted": True, "restorableUntil": gone.restorable_until}


# --- emails -----------------------------------------------------------------------------------------------------------


def _flags(rules: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(next(flag for start, flag in _FLAGS if rule.startswith(start)) for rule in rules))


def _security(score: float, rules: Iterable[str], proved: Sequence[str | None] = (None, None, None)) -> dict[str, Any]:
    spf, dkim, dmarc = proved
    return {"injectionRiskScore": score, "flags": _flags(rules), "spf": spf, "dkim": dkim, "dmarc": dmarc}


def _proof(word: str) -> str:
    """Their three words for those of RFC 8601."""
    return word if word in ("pass", "none") else "fail" if word in ("fail", "softfail", "policy") else "none"


def email_item(one: EmailFound) -> dict[str, Any]:
    """As lists and events show it: `body` is there and null, so that the client fetches it."""
    return {
        "id": one.email_id,
        "inboxId": one.inbox_id,
        "direction": "inbound",
        "from": one.from_,
        "to": [one.inbox],
        "cc": None,
        "subject": one.subject,
        "preview": one.snippet or None,
        "body": None,
        "isRead": not one.unread,
        "hasAttachments": one.attachments > 0,
        "threadId": one.thread_id,
        "security": _security(one.score, one.rules),
        "status": one.level,
        "createdAt": one.received_at,
        "receivedAt": one.received_at,
    }


def _sent(one: SentFound) -> dict[str, Any]:
    return {
        "id": one.submission_id,
        "inboxId": one.inbox_id,
        "direction": "outbound",
        "from": one.from_,
        "to": one.to,
        "cc": one.cc or None,
        "subject": one.subject,
        "preview": one.snippet or None,
        "body": None,
        "isRead": True,
        "hasAttachments": False,
        "threadId": one.thread_id,
        "security": _security(0.0, ()),
        "status": one.state,
        "createdAt": one.created_at,
        "receivedAt": None,
    }


async def receive(call: Call, asked: Receive) -> dict[str, Any]:
    if asked.direction == "outbound":
        if asked.since is not None:
            raise InvalidRequest("What was sent is listed without 'since'.", next_step="Leave it out.")
        sent = await call.do("list_sent", inbox=call.path("inbox"), limit=asked.limit, cursor=asked.cursor)
        return page_of([_sent(one) for one in sent.sent], sent.next_cursor)
    found = await call.do(
        "find_emails", inbox=call.path("inbox"), since=asked.since, limit=asked.limit, cursor=asked.cursor
    )
    return page_of([email_item(one) for one in found.emails], found.next_cursor)


async def search(call: Call, asked: Search) -> dict[str, Any]:
    found = await call.do(
        "find_emails",
        inbox=asked.inbox_id or None,
        query=asked.q,
        from_=asked.from_,
        since=asked.since,
        until=asked.until,
        attached=asked.has_attachments,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return page_of([email_item(one) for one in found.emails], found.next_cursor)


async def _in_inbox(call: Call) -> EmailFound:
    """The email that the path names, of the inbox it names. Raises NotFound for any other."""
    inbox = await call.do("get_inbox", inbox=call.path("inbox"))
    found: EmailFound = await call.do("show_email", email_id=call.path("email"))
    if found.inbox_id != inbox.inbox_id:
        raise NotFound(f"Email '{safe_line(found.email_id, 64)}' is not in {inbox.address}.")
    return found


async def get_email(call: Call, asked: Nothing) -> dict[str, Any]:
    found = await _in_inbox(call)
    read = await call.do("read_whole", email_id=found.email_id)
    return email_item(found) | {
        "to": read.to or [found.inbox],
        "cc": read.cc or None,
        "subject": read.subject,
        "body": read.text,
        "isRead": True,
        "attachments": [
            {
                "filename": one.filename,
                "contentType": one.content_type,
                "s3Key": f"{found.email_id}/{one.index}",
                "sizeBytes": one.size,
            }
            for one in read.attachments
        ],
        "security": _security(read.score, read.rules, [_proof(word) for word in (read.spf, read.dkim, read.dmarc)]),
        "findings": read.findings,
        "removed": read.removed,
    }


async def attachment(call: Call, asked: Nothing) -> dict[str, Any]:
    """A signed address, for keys of people: bytes as they came pass no screen."""
    found = await _in_inbox(call)
    read = await call.do("read_whole", email_id=found.email_id)
    place = call.path("index")
    if not place.isdecimal() or int(place) >= len(read.attachments):
        raise NotFound(f"Email '{found.email_id}' has no attachment {safe_line(place, 20)}.")
    signed = await call.do("make_url", email_id=found.email_id, index=read.attachments[int(place)].index)
    at = call.request.url
    return {"downloadUrl": f"{at.scheme}://{at.netloc}{signed.url}", "expiresAt": signed.expires_at}


# --- waiting ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Given:
    """What each question of the last seconds was answered: the newest email. A client that rejects it by a filter of
    its own asks the same again at once, and is to wait until there is more."""

    newest: OrderedDict[tuple[str, ...], tuple[str, float]] = field(default_factory=OrderedDict)

    def lately(self, question: tuple[str, ...]) -> str:
        email_id, at = self.newest.get(question, ("", 0.0))
        return email_id if time.monotonic() - at < _AGAIN_S else ""

    def note(self, question: tuple[str, ...], email_id: str) -> None:
        self.newest[question] = (email_id, time.monotonic())
        self.newest.move_to_end(question)
        if len(self.newest) > _MOST_GIVEN:
            self.newest.popitem(last=False)


async def poll(given: Given, call: Call, asked: Poll) -> Mapping[str, Any] | Response:
    since = asked.since or moment(call.app.now_ms())
    caller = call.caller
    question = (
        *(caller.tenant_id, caller.agent_id, caller.inbox_id or "", call.path("inbox")),
        *(since.isoformat(), asked.from_, asked.subject),
    )
    found = await call.do(
        "await_emails",
        inbox=call.path("inbox"),
        since=since - _SKEW if since.year > 1 else since,
        from_=asked.from_,
        subject=asked.subject,
        timeout_s=min(asked.timeout, _POLL_S),
        besides=given.lately(question),
    )
    if not found.emails:
        return Response(status_code=204)
    given.note(question, found.emails[0].email_id)
    return page_of([email_item(one) for one in found.emails], "")


# --- sending ----------------------------------------------------------------------------------------------------------


async def send(call: Call, asked: Send) -> dict[str, Any]:
    sender = await call.do("get_inbox", inbox=asked.from_)
    if asked.reply_to and asked.reply_to.strip().lower() != sender.address.lower():
        raise InvalidRequest("Answers come to the inbox that sends.", next_step="Leave replyTo out.")
    files = [f"{one.filename};base64,{one.content}" for one in asked.attachments or ()]
    words = {"text": asked.body.text, "html": asked.body.html, "attachments": files, **idempotency_key(call.request)}
    answered_id = await _answered(call, asked, sender.inbox_id)
    if answered_id:
        sent = await call.do("reply_to_email", email_id=answered_id, reply_all=bool(asked.cc), **words)
    else:
        sent = await call.do(
            "send_email", inbox=sender.inbox_id, to=asked.to, cc=asked.cc or [], subject=asked.subject, **words
        )
    return {
        "id": sent.submission_id,
        "status": sent.state,
        "threadId": sent.thread_id,
        "to": sent.to,
        "reasons": sent.reasons,
        "nextStep": sent.next_step,
    }


async def _answered(call: Call, asked: Send, inbox_id: str) -> str:
    """The email that this one answers, "" when it answers none. Who gets an answer is for the email answered to say, so
    that what the client asked for must be the same."""
    email_id = asked.in_reply_to or ""
    if not email_id and asked.thread_id:
        thread = await call.do("get_thread", thread_id=asked.thread_id)
        email_id = next((one.id for one in reversed(thread.entries) if one.direction == "received"), "")
        if not email_id:
            raise InvalidRequest(
                f"Nothing came in thread '{safe_line(asked.thread_id, 64)}' that could be answered.",
                next_step="Leave threadId out.",
            )
    if not email_id:
        return ""
    answered = await call.do("show_email", email_id=email_id)
    if answered.inbox_id != inbox_id:
        raise InvalidRequest(
            f"Email '{safe_line(email_id, 64)}' did not come to {safe_line(asked.from_, 320)}.",
            next_step="Answer from the inbox that got it.",
        )
    if asked.to[0].strip().lower() != answered.from_.lower() or len(asked.to) > 1:
        raise InvalidRequest(
            f"An answer goes to {answered.from_}, not to {safe_line(', '.join(asked.to), 200)}.",
            next_step="Send to that address, or leave inReplyTo and threadId out.",
        )
    return email_id


# --- threads ----------------------------------------------------------------------------------------------------------


async def list_threads(call: Call, asked: Page) -> dict[str, Any]:
    found = await call.do("list_threads", inbox=call.path("inbox"), limit=asked.limit, cursor=asked.cursor)
    data = [
        {
            "id": one.thread_id,
            "inboxId": one.inbox_id,
            "subject": one.subject,
            "emailCount": one.emails,
            "lastEmailAt": one.last_at,
            "createdAt": one.created_at,
        }
        for one in found.threads
    ]
    return page_of(data, found.next_cursor)


async def get_thread(call: Call, asked: Nothing) -> dict[str, Any]:
    inbox = await call.do("get_inbox", inbox=call.path("inbox"))
    found = await call.do("get_thread", thread_id=call.path("thread"))
    mine = [one for one in found.entries if inbox.address in ((one.to if one.direction == "received" else one.from_),)]
    if not mine:
        raise NotFound(f"Thread '{safe_line(call.path('thread'), 64)}' is not in {inbox.address}.")
    return {
        "id": found.thread_id,
        "inboxId": inbox.inbox_id,
        "subject": mine[0].subject,
        "emailCount": len(found.entries) + found.omitted,
        "lastEmailAt": mine[-1].at,
        "createdAt": mine[0].at,
        "emails": [
            {
                "id": one.id,
                "from": one.from_,
                "subject": one.subject,
                "preview": one.snippet,
                "createdAt": one.at,
                "isInjectionRisk": one.state in ("suspect", "quarantined"),
            }
            for one in mine
        ],
    }


# --- extraction -------------------------------------------------------------------------------------------------------


async def extraction(call: Call, asked: Nothing) -> dict[str, Any]:
    """Found by rule as the email came in, so that it is always complete."""
    found = await _in_inbox(call)
    read = await call.do("read_whole", email_id=found.email_id)
    links = await call.do("extract_links", email_id=found.email_id)
    linked = [*([links.primary] if links.primary else []), *links.others]
    amounts = [one.value.rpartition(" ") for one in read.facts if one.kind == "amount"]
    return {
        "id": f"ext_{found.email_id}",
        "emailId": found.email_id,
        "status": "completed",
        "contacts": [
            {"name": read.from_name or None, "email": read.from_, "phone": None},
            *({"name": None, "email": None, "phone": one.value} for one in read.facts if one.kind == "phone"),
        ],
        "dates": [{"date": one.value} for one in read.facts if one.kind == "date"],
        "amounts": [{"amount": value, "currency": currency} for value, _, currency in amounts],
        "scheduling": [
            {
                "eventType": one.method.lower(),
                "startTime": one.start,
                "endTime": one.end or None,
                "location": one.location or None,
                "attendees": [one.organizer] if one.organizer else [],
                "summary": one.summary,
            }
            for one in read.events
        ],
        "actions": [
            {"type": one.kind, "description": one.text, "url": one.url, "deadline": None}
            for one in linked
            if one.kind in ("verify", "magic", "reset", "invite", "meeting", "download")
        ],
        "metadata": {"category": read.category},
        "modelUsed": None,
        "inputTokens": None,
        "outputTokens": None,
        "processingMs": None,
        "errorMessage": None,
        "createdAt": found.received_at,
        "completedAt": found.received_at,
    }


# --- the table --------------------------------------------------------------------------------------------------------


def endpoints(given: Given) -> tuple[Endpoint, ...]:
    """In the order in which they are looked at: `emails/poll` is no email."""

    async def polled(call: Call, asked: Poll) -> Mapping[str, Any] | Response:
        return await poll(given, call, asked)

    email = "/v1/inboxes/{inbox}/emails/{email}"
    return (
        Endpoint("POST", "/v1/inboxes", CreateInbox, create_inbox, 201, "inboxes_per_hour"),
        Endpoint("GET", "/v1/inboxes", Page, list_inboxes),
        Endpoint("GET", "/v1/inboxes/{inbox}", Nothing, get_inbox),
        Endpoint("DELETE", "/v1/inboxes/{inbox}", Nothing, delete_inbox),
        Endpoint("GET", "/v1/inboxes/{inbox}/emails", Receive, receive),
        Endpoint("GET", "/v1/inboxes/{inbox}/emails/poll", Poll, polled, 200, "waits_per_hour"),
        Endpoint("GET", email, Nothing, get_email),
        Endpoint("GET", f"{email}/attachments/{{index}}", Nothing, attachment),
        Endpoint("POST", f"{email}/extract", Nothing, extraction),
        Endpoint("GET", f"{email}/extraction", Nothing, extraction),
        Endpoint("GET", "/v1/inboxes/{inbox}/threads", Page, list_threads),
        Endpoint("GET", "/v1/inboxes/{inbox}/threads/{thread}", Nothing, get_thread),
        Endpoint("POST", "/v1/emails/send", Send, send, 202, "emails_per_hour", heavy=True),
        Endpoint("GET", "/v1/emails/search", Search, search),
        *ACCOUNT,
    )


def say(status: int, code: str, what: str, next_step: str, headers: Mapping[str, str]) -> Response:
    """Their statuses have no 422. What the client says of a 401 is only this text."""
    if status == 401:
        next_step += (
            " A token that ~/.lobstermail/token still has from elsewhere does not count: set LOBSTERMAIL_TOKEN."
        )
    body = {"error": code, "message": f"{what} {next_step}".strip()}
    return Response(json.dumps(body), 400 if status == 422 else status, {**HEADERS, **headers}, JSON)


def build_lobstermail(app: App, guard: Guard, signups: Signups) -> Starlette:
    """The application to be mounted at /lobstermail; the caller opens and closes `app`."""

    async def sign_up(request: Request) -> Response:
        async def made() -> Response:
            signups.count(request)
            await body_of(request, 10_000)
            tenant, key = await tenancy.sign_up(app)
            return response({"id": tenant.tenant_id, "token": key.text}, 201, {})

        return await answered(guard, request, say, made)

    realtime = Realtime(app, guard, say, email_item)
    routes = [Route("/v1/signup", sign_up, methods=["POST"]), WebSocketRoute("/v1/ws", realtime.serve)]
    return build(app, guard, endpoints(Given()), say, routes=routes)
