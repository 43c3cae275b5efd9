"""/lumbox: what the clients of Lumbox ask (PyPI lumbox 0.3.0 and its documented REST), by actions of ours.

Every answer is JSON, errors are {"error", "code", "next_step"}. A code is given by /otp only, once.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from letterlock.actions import tenancy
from letterlock.actions.dialects import LUMBOX_CATEGORIES, lumbox_category
from letterlock.actions.elsewhere import EmailFound, InboxKept
from letterlock.app import App
from letterlock.doors.requests import HEADERS, JSON, MAX_WAIT_S, Guard, answered, body_of, idempotency_key
from letterlock.doors.rivals.lumbox_tenant import TENANT, as_list, data_of, no_category
from letterlock.doors.rivals.wire import Asked, Call, Endpoint, Nothing, Signups, build, recently, response
from letterlock.errors import InvalidRequest, NotFound
from letterlock.screen.safe_text import fence, safe_line
from letterlock.store.emails import moment

_MOST = 100
"""The largest page of the service."""


_Names = Annotated[list[Annotated[str, Field(max_length=320)]], BeforeValidator(as_list)]
_Text = Annotated[str, Field(max_length=500_000)]
_Seconds = Annotated[float, Field(ge=0, le=3600)]


class CreateInbox(Asked):
    name: Annotated[str, Field(max_length=100)] = ""
    domain: Annotated[str, Field(max_length=253)] = ""
    local_part: Annotated[str, Field(max_length=64)] = ""


class ListEmails(Asked):
    limit: Annotated[int, Field(ge=1, le=_MOST)] = 20
    from_: Annotated[str, Field(alias="from", max_length=320)] = ""
    category: Annotated[str, Field(max_length=40)] = ""
    since: datetime | None = None
    unread: bool = False
    cursor: Annotated[str, Field(max_length=400)] = ""


class Wait(Asked):
    timeout: _Seconds = 30
    from_: Annotated[str, Field(alias="from", max_length=320)] = ""
    subject: Annotated[str, Field(max_length=300)] = ""
    category: Annotated[str, Field(max_length=40)] = ""
    has_otp: bool = False


class WaitForOtp(Asked):
    timeout: _Seconds = 30
    from_: Annotated[str, Field(alias="from", max_length=320)] = ""


class SearchEmails(Asked):
    q: Annotated[str, Field(max_length=500)] = ""
    from_: Annotated[str, Field(alias="from", max_length=320)] = ""
    category: Annotated[str, Field(max_length=40)] = ""
    inbox_id: Annotated[str, Field(max_length=320)] = ""
    limit: Annotated[int, Field(ge=1, le=_MOST)] = 20
    cursor: Annotated[str, Field(max_length=400)] = ""


class Page(Asked):
    inbox_id: Annotated[str, Field(max_length=320)] = ""
    limit: Annotated[int, Field(ge=1, le=_MOST)] = 20
    cursor: Annotated[str, Field(max_length=400)] = ""


class AttachedFile(Asked):
    filename: Annotated[str, Field(min_length=1, max_length=255)]
    content: Annotated[str, Field(max_length=70_000_000, description="base64")]
    content_type: Annotated[str, Field(max_length=200)] = ""


class Send(Asked):
    to: _Names
    subject: Annotated[str, Field(max_length=998)] = ""
    text: _Text = ""
    html: _Text = ""
    cc: _Names = Field([])
    bcc: _Names = Field([])
    attachments: Annotated[list[AttachedFile], Field(max_length=20)] = Field([])


class Reply(Asked):
    email_id: Annotated[str, Field(max_length=64)] = ""
    reply_to_email_id: Annotated[str, Field(max_length=64)] = ""
    text: _Text = ""
    html: _Text = ""
    reply_all: bool = False


class Forward(Asked):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]
    to: _Names
    comment: _Text = ""


# --- inboxes ----------------------------------------------------------------------------------------------------------


def _inbox(one: InboxKept) -> dict[str, Any]:
    return {
        "id": one.inbox_id,
        "address": one.address,
        "name": one.purpose or None,
        "status": "ACTIVE" if one.live else "DELETED",
        "domain": one.address.rpartition("@")[2],
        "email_count": one.emails,
        "created_at": one.created_at,
        "expires_at": one.expires_at,
    }


async def create_inbox(call: Call, asked: CreateInbox) -> dict[str, Any]:
    common = {"domain": asked.domain, "purpose": asked.name}
    if asked.local_part:
        made = await call.do("choose_inbox", local_part=asked.local_part, **common)
    else:
        made = await call.do("create_inbox", name=asked.name, **common)
    return _inbox(await call.do("show_inbox", inbox=made.inbox_id))


async def list_inboxes(call: Call, asked: Nothing) -> dict[str, Any]:
    found = await call.do("all_inboxes")
    return data_of([_inbox(one) for one in found.inboxes])


async def get_inbox(call: Call, asked: Nothing) -> dict[str, Any]:
    await call.do("get_inbox", inbox=call.path("inbox"))
    return _inbox(await call.do("show_inbox", inbox=call.path("inbox")))


async def delete_inbox(call: Call, asked: Nothing) -> dict[str, Any]:
    gone = await call.do("delete_inbox", inbox=call.path("inbox"))
    return {"deleted": True, "id": gone.inbox_id, "restorable_until": gone.restorable_until}


# --- emails -----------------------------------------------------------------------------------------------------------


def _email(one: EmailFound) -> dict[str, Any]:
    """As lists show it: without its text, links and code."""
    return {
        "id": one.email_id,
        "inbox_id": one.inbox_id,
        "thread_id": one.thread_id,
        "from": one.from_,
        "from_name": one.from_name,
        "to": [one.inbox],
        "subject": one.subject,
        "text_body": None,
        "html_body": None,
        "preview": one.snippet,
        "parsed": _parsed(one.category),
        "is_read": not one.unread,
        "level": one.level,
        "received_at": one.received_at,
    }


def _parsed(category: str) -> dict[str, Any]:
    return {
        "otp_codes": [],
        "verification_links": [],
        "magic_links": [],
        "category": lumbox_category(category),
        "summary": None,
        "expires_at": None,
    }


def _categories(name: str) -> list[str]:
    if not name:
        return []
    if name not in LUMBOX_CATEGORIES:
        raise no_category(name)
    return list(LUMBOX_CATEGORIES[name])


async def list_emails(call: Call, asked: ListEmails) -> dict[str, Any]:
    found = await call.do(
        "find_emails",
        inbox=call.path("inbox"),
        from_=asked.from_,
        categories=_categories(asked.category),
        since=asked.since,
        unread=asked.unread or None,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return data_of([_email(one) for one in found.emails], found.next_cursor)


async def search_emails(call: Call, asked: SearchEmails) -> dict[str, Any]:
    found = await call.do(
        "find_emails",
        inbox=asked.inbox_id or None,
        query=asked.q,
        from_=asked.from_,
        categories=_categories(asked.category),
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return data_of([_email(one) for one in found.emails], found.next_cursor)


async def _in_inbox(call: Call, email_id: str) -> EmailFound:
    """An email of the inbox that the path names. Raises NotFound for any other."""
    inbox = await call.do("get_inbox", inbox=call.path("inbox"))
    found: EmailFound = await call.do("show_email", email_id=email_id)
    if found.inbox_id != inbox.inbox_id:
        raise NotFound(f"Email '{safe_line(email_id, 64)}' is not in {inbox.address}.")
    return found


async def _whole(call: Call, found: EmailFound) -> dict[str, Any]:
    read = await call.do("read_whole", email_id=found.email_id)
    links = await call.do("extract_links", email_id=found.email_id)
    linked = [*([links.primary] if links.primary else []), *links.others]
    parsed = _parsed(read.category) | {
        # Dots where codes are masked (mask_codes): those come from /otp.
        "otp_codes": [read.code] if read.code.strip("•") else [],
        "has_otp": bool(read.code),
        "verification_links": [link.url for link in linked if link.kind in ("verify", "reset", "invite")],
        "magic_links": [link.url for link in linked if link.kind == "magic"],
    }
    return _email(found) | {
        "to": read.to or [found.inbox],
        "cc": read.cc,
        "subject": read.subject,
        "text_body": fence(read.text, secrets.token_hex(16)) if read.text else "",
        "parsed": parsed,
        "attachments": [
            {"index": one.index, "filename": one.filename, "content_type": one.content_type, "size": one.size}
            for one in read.attachments
        ],
        "authenticated": read.authenticated,
        "findings": read.findings,
        "removed": read.removed,
        "is_read": True,
    }


async def get_email(call: Call, asked: Nothing) -> dict[str, Any]:
    return await _whole(call, await _in_inbox(call, call.path("email")))


# --- waiting ----------------------------------------------------------------------------------------------------------


def _timed_out(what: str) -> Response:
    return response({"error": f"timed out waiting for {what}", "code": "timeout"}, 408, {})


async def wait(call: Call, asked: Wait) -> dict[str, Any] | Response:
    """What is unread is what no call has given yet: reading it here makes it read."""
    found = await call.do(
        "await_emails",
        inbox=call.path("inbox"),
        from_=asked.from_,
        subject=asked.subject,
        categories=_categories(asked.category),
        with_code=asked.has_otp,
        unread=True,
        since=recently(call.app),
        timeout_s=min(asked.timeout, MAX_WAIT_S),
        limit=1,
    )
    return await _whole(call, found.emails[0]) if found.emails else _timed_out("an email")


async def otp(call: Call, asked: WaitForOtp) -> dict[str, Any] | Response:
    found = await call.do(
        "wait_for_otp", inbox=call.path("inbox"), from_=asked.from_, timeout_s=min(asked.timeout, MAX_WAIT_S)
    )
    if found.status == "pending":
        return _timed_out("a code")
    if found.status == "withheld":
        return response({"error": found.reason, "code": "withheld", "email_id": found.email_id}, 403, {})
    email = await call.do("show_email", email_id=found.email_id)
    expires_in = timedelta(seconds=found.expires_in_s) if found.expires_in_s is not None else None
    return {
        "code": found.code,
        "otp": found.code,
        "email_id": found.email_id,
        "from": found.from_,
        "subject": email.subject,
        "received_at": found.received_at,
        "expires_at": found.received_at + expires_in if expires_in is not None else None,
        "authenticated": found.authenticated,
        "confidence": found.confidence,
        "reason": found.reason,
    }


# --- sending ----------------------------------------------------------------------------------------------------------


def _submitted(call: Call, sent: Any) -> dict[str, Any]:
    return {
        "id": sent.submission_id,
        "message_id": None,
        "thread_id": sent.thread_id,
        "status": sent.state,
        "to": sent.to,
        "reasons": sent.reasons,
        "next_step": sent.next_step,
        "sent_at": moment(call.app.now_ms()),
    }


async def send(call: Call, asked: Send) -> dict[str, Any]:
    sent = await call.do(
        "send_email",
        inbox=call.path("inbox"),
        to=asked.to,
        cc=asked.cc,
        bcc=asked.bcc,
        subject=asked.subject,
        text=asked.text,
        html=asked.html,
        attachments=[f"{one.filename};base64,{one.content}" for one in asked.attachments],
        **idempotency_key(call.request),
    )
    return _submitted(call, sent)


async def reply(call: Call, asked: Reply) -> dict[str, Any]:
    answered_id = asked.email_id or asked.reply_to_email_id
    if not answered_id or (asked.email_id and asked.reply_to_email_id not in ("", asked.email_id)):
        raise InvalidRequest("Which email is answered?", next_step="Name it in email_id.")
    found = await _in_inbox(call, answered_id)
    sent = await call.do(
        "reply_to_email",
        email_id=found.email_id,
        text=asked.text,
        html=asked.html,
        reply_all=asked.reply_all,
        **idempotency_key(call.request),
    )
    return _submitted(call, sent)


async def forward(call: Call, asked: Forward) -> dict[str, Any]:
    found = await _in_inbox(call, asked.email_id)
    sent = await call.do(
        "forward_email", email_id=found.email_id, to=asked.to, note=asked.comment, **idempotency_key(call.request)
    )
    return _submitted(call, sent)


# --- threads ----------------------------------------------------------------------------------------------------------


async def list_threads(call: Call, asked: Page) -> dict[str, Any]:
    found = await call.do("list_threads", inbox=asked.inbox_id or None, limit=asked.limit, cursor=asked.cursor)
    data = [
        {
            "id": one.thread_id,
            "inbox_id": one.inbox_id,
            "subject": one.subject,
            "email_count": one.emails,
            "last_email_at": one.last_at,
            "created_at": one.created_at,
        }
        for one in found.threads
    ]
    return data_of(data, found.next_cursor)


async def get_thread(call: Call, asked: Nothing) -> dict[str, Any]:
    found = await call.do("get_thread", thread_id=call.path("thread"))
    emails = [
        {
            "id": one.id,
            "direction": "inbound" if one.direction == "received" else "outbound",
            "from": one.from_,
            "to": one.to.split(", "),
            "subject": one.subject,
            "preview": one.snippet,
            "received_at": one.at,
        }
        for one in found.entries
    ]
    return {"id": found.thread_id, "emails": emails, "omitted": found.omitted}


# --- the table --------------------------------------------------------------------------------------------------------

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v1/inboxes", CreateInbox, create_inbox, 201, "inboxes_per_hour"),
    Endpoint("GET", "/v1/inboxes", Nothing, list_inboxes),
    Endpoint("GET", "/v1/inboxes/{inbox}", Nothing, get_inbox),
    Endpoint("DELETE", "/v1/inboxes/{inbox}", Nothing, delete_inbox),
    Endpoint("GET", "/v1/inboxes/{inbox}/emails", ListEmails, list_emails),
    Endpoint("GET", "/v1/inboxes/{inbox}/emails/{email}", Nothing, get_email),
    Endpoint("GET", "/v1/inboxes/{inbox}/wait", Wait, wait, 200, "waits_per_hour"),
    Endpoint("GET", "/v1/inboxes/{inbox}/otp", WaitForOtp, otp, 200, "waits_per_hour"),
    Endpoint("POST", "/v1/inboxes/{inbox}/send", Send, send, 200, "emails_per_hour", heavy=True),
    Endpoint("POST", "/v1/inboxes/{inbox}/reply", Reply, reply, 200, "emails_per_hour"),
    Endpoint("POST", "/v1/inboxes/{inbox}/forward", Forward, forward, 200, "emails_per_hour"),
    Endpoint("GET", "/v1/emails", SearchEmails, search_emails),
    Endpoint("GET", "/v1/threads", Page, list_threads),
    Endpoint("GET", "/v1/threads/{thread}", Nothing, get_thread),
    *TENANT,
)


def say(status: int, code: str, what: str, next_step: str, headers: Mapping[str, str]) -> Response:
    """Their statuses have no 422; a 429 says in the body, too, when to go on."""
    body: dict[str, Any] = {"error": f"{what} {next_step}".strip(), "code": code}
    if status == 429 and headers.get("Retry-After", "").isdigit():
        body["retry_after_seconds"] = int(headers["Retry-After"])
    return Response(json.dumps(body), 400 if status == 422 else status, {**HEADERS, **headers}, JSON)


def build_lumbox(app: App, guard: Guard, signups: Signups) -> Starlette:
    """The application to be mounted at /lumbox; the caller opens and closes `app`."""

    async def sign_up(request: Request) -> Response:
        async def made() -> Response:
            signups.count(request)
            await body_of(request, 10_000)
            tenant, key = await tenancy.sign_up(app)
            body = {
                "id": tenant.tenant_id,
                "name": tenant.name,
                "api_key": key.text,
                "message": "Keep this key: it is shown this once.",
                "created_at": moment(tenant.created_at),
            }
            return response(body, 201, {})

        return await answered(guard, request, say, made)

    routes = [Route("/v1/orgs", sign_up, methods=["POST"])]
    return build(app, guard, ENDPOINTS, say, routes=routes, key_header="x-api-key")
