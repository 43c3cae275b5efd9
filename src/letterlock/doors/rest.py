"""/v1: a route for each action (ENDPOINTS is the table of them), errors as problem documents (RFC 9457).

Translates, decides nothing: who calls is found by key, arguments come from path, query or JSON body, and
catalog.perform() does the rest. What only HTTP knows is here: sizes, methods, media types, headers.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from letterlock.actions import waiting
from letterlock.actions.administration import ADMINISTRATION
from letterlock.actions.caller import Caller
from letterlock.actions.catalog import BY_NAME, Action, perform
from letterlock.actions.deciding import DECIDING
from letterlock.actions.domain_relays import DOMAIN_RELAYS
from letterlock.actions.domains import DOMAINS
from letterlock.actions.exporting import Piece, export
from letterlock.actions.following import FOLLOWING, Event, Place, Streams, follow, id_of, place_to_start
from letterlock.actions.inboxes import ChooseInbox, EndInbox
from letterlock.actions.inlets import INLETS
from letterlock.actions.lifecycle import LIFECYCLE
from letterlock.actions.lists import LISTS
from letterlock.actions.platform import PLATFORM, standing
from letterlock.actions.revealing import REVEALING, FileBytes, file_of
from letterlock.actions.routing import ROUTING
from letterlock.actions.tenant_relays import TENANT_RELAYS
from letterlock.actions.threads import THREADS
from letterlock.actions.vaulting import VAULTING
from letterlock.actions.webhooks import WEBHOOKS
from letterlock.app import App
from letterlock.doors.archive import zipped
from letterlock.doors.openapi import PROBLEM, Endpoint, Problem, describe
from letterlock.doors.recipes import recipes
from letterlock.doors.requests import (
    HEADERS,
    JSON,
    MAX_WAIT_S,
    RETRY_S,
    Guard,
    answered,
    body_of,
    caller_of,
    headers_of,
    idempotency_key,
    object_of,
    while_there,
)
from letterlock.doors.ways import Ways
from letterlock.errors import CallerError, InvalidRequest, LimitReached, StoreError
from letterlock.screen.safe_text import safe_line
from letterlock.settings import Settings
from letterlock.store.limits import LimitName

MOST_EXPORTS = 2


class WaitForEmail(waiting.WaitForEmail):
    timeout_s: Annotated[float, Field(ge=0, le=MAX_WAIT_S, description="seconds")] = waiting.DEFAULT_WAIT_S


class WaitForOtp(waiting.WaitForOtp):
    timeout_s: Annotated[float, Field(ge=0, le=MAX_WAIT_S, description="seconds")] = waiting.DEFAULT_WAIT_S


# Every table of actions that has routes.
_TABLES = (
    PLATFORM, ADMINISTRATION, DECIDING, FOLLOWING, REVEALING, VAULTING, WEBHOOKS, DOMAINS, DOMAIN_RELAYS, INLETS,
    ROUTING, THREADS, LISTS, LIFECYCLE, TENANT_RELAYS,
)  # fmt: skip
_ACTIONS = {
    **BY_NAME,
    **{action.name: action for table in _TABLES for action in table},
    "create_inbox": replace(BY_NAME["create_inbox"], request=ChooseInbox),
    "delete_inbox": replace(BY_NAME["delete_inbox"], request=EndInbox),
    "wait_for_email": replace(BY_NAME["wait_for_email"], request=WaitForEmail),
    "wait_for_otp": replace(BY_NAME["wait_for_otp"], request=WaitForOtp),
}


def _at(
    method: str, path: str, name: str, status: int = 200, limit: LimitName | None = None, raw: str = ""
) -> Endpoint:
    return Endpoint(method, path, _ACTIONS[name], status, limit, raw)


ENDPOINTS: tuple[Endpoint, ...] = (
    _at("POST", "/inboxes", "create_inbox", 201, "inboxes_per_hour"),
    _at("GET", "/inboxes", "list_inboxes"),
    _at("GET", "/inboxes/{inbox}", "get_inbox"),
    _at("DELETE", "/inboxes/{inbox}", "delete_inbox"),
    _at("POST", "/inboxes/{inbox}/restore", "restore_inbox"),
    _at("GET", "/deleted-inboxes", "list_deleted"),
    _at("GET", "/inboxes/{inbox}/wait", "wait_for_email", 200, "waits_per_hour"),
    _at("POST", "/inboxes/{inbox}/otp", "wait_for_otp", 200, "waits_per_hour"),
    _at("GET", "/emails", "list_emails"),
    _at("POST", "/emails", "send_email", 202, "emails_per_hour"),
    _at("GET", "/search", "search_emails"),
    _at("GET", "/emails/{email_id}", "read_email"),
    _at("GET", "/emails/{email_id}/attachments/{index}", "get_attachment"),
    _at("GET", "/links", "extract_links"),
    _at("GET", "/emails/{email_id}/raw", "get_raw"),
    _at("GET", "/emails/{email_id}/attachments/{index}/raw", "get_file"),
    _at("POST", "/emails/{email_id}/urls", "make_url", 201),
    _at("POST", "/emails/{email_id}/reply", "reply_to_email", 202, "emails_per_hour"),
    _at("POST", "/emails/{email_id}/forward", "forward_email", 202, "emails_per_hour"),
    _at("GET", "/threads/{thread_id}", "get_thread"),
    _at("GET", "/threads/{thread_id}/agents", "list_thread_agents"),
    _at("POST", "/threads/{thread_id}/assign", "assign_thread"),
    _at("POST", "/threads/{thread_id}/unassign", "unassign_thread"),
    _at("POST", "/emails/{email_id}/labels", "add_label", 201),
    _at("DELETE", "/emails/{email_id}/labels/{label}", "remove_label"),
    _at("POST", "/emails/{email_id}/escalate", "escalate_email", 201),
    _at("GET", "/escalations", "list_escalations"),
    _at("GET", "/escalations/{escalation_id}", "show_escalation"),
    _at("POST", "/escalations/{escalation_id}/resolve", "resolve_escalation"),
    _at("POST", "/routing-rules", "add_rule", 201),
    _at("GET", "/routing-rules", "list_rules"),
    _at("GET", "/routing-rules/{rule_id}", "get_rule"),
    _at("DELETE", "/routing-rules/{rule_id}", "remove_rule"),
    _at("GET", "/submissions/{submission_id}", "get_delivery_status"),
    _at("POST", "/submissions/{submission_id}/cancel", "cancel_email"),
    _at("GET", "/receive", "receive"),
    _at("GET", "/consumers", "list_consumers"),
    _at("DELETE", "/consumers/{consumer}", "remove_consumer"),
    _at("GET", "/approvals", "list_approvals"),
    _at("GET", "/approvals/{submission_id}", "show_approval"),
    _at("GET", "/approvals/{submission_id}/attachments/{index}", "get_approval_file"),
    _at("POST", "/approvals/{submission_id}/approve", "approve"),
    _at("POST", "/approvals/{submission_id}/deny", "deny"),
    _at("GET", "/contacts", "list_contacts"),
    _at("POST", "/contacts", "name_contact", 201),
    _at("DELETE", "/contacts/{name}", "drop_contact"),
    _at("GET", "/lists", "list_lists"),
    _at("POST", "/lists", "add_to_list", 201),
    _at("DELETE", "/lists", "remove_from_list"),
    _at("GET", "/blocked", "list_blocked"),
    _at("POST", "/blocked/{email_id}/release", "release_blocked"),
    _at("GET", "/suppressions", "list_suppressions"),
    _at("POST", "/suppressions", "suppress", 201),
    _at("DELETE", "/suppressions/{address}", "unsuppress"),
    _at("GET", "/secrets", "list_secrets"),
    _at("POST", "/secrets/{secret_id}/reveal", "reveal_secret", 200, "reveals_per_hour"),
    _at("DELETE", "/secrets/{secret_id}", "remove_secret"),
    _at("GET", "/audit", "list_audit"),
    _at("GET", "/audit/verification", "verify_audit"),
    _at("POST", "/webhooks", "add_webhook", 201),
    _at("GET", "/webhooks", "list_webhooks"),
    _at("GET", "/webhooks/{webhook_id}", "get_webhook"),
    _at("DELETE", "/webhooks/{webhook_id}", "remove_webhook"),
    _at("POST", "/webhooks/{webhook_id}/test", "test_webhook"),
    _at("POST", "/webhooks/{webhook_id}/replay", "replay_webhook"),
    _at("POST", "/webhooks/{webhook_id}/rotate", "rotate_webhook", 201),
    _at("POST", "/domains", "add_domain", 201),
    _at("GET", "/domains", "list_domains"),
    _at("GET", "/domains/{domain}", "get_domain"),
    _at("DELETE", "/domains/{domain}", "remove_domain"),
    _at("POST", "/domains/{domain}/verify", "verify_domain"),
    _at("POST", "/domains/{domain}/catch-all", "set_catch_all"),
    _at("POST", "/domains/{domain}/mta-sts", "set_mta_sts"),
    _at("POST", "/domains/{domain}/rotation", "rotate_keys"),
    _at("GET", "/domain-relays", "list_domain_relays"),
    _at("POST", "/domains/{domain}/relay", "set_domain_relay"),
    _at("GET", "/domains/{domain}/relay", "get_domain_relay"),
    _at("DELETE", "/domains/{domain}/relay", "remove_domain_relay"),
    _at("POST", "/domains/{domain}/relay/test", "test_domain_relay"),
    _at("GET", "/pool", "get_pool"),
    _at("GET", "/usage", "get_usage"),
    _at("POST", "/tenant-relay", "set_tenant_relay"),
    _at("GET", "/tenant-relay", "get_tenant_relay"),
    _at("DELETE", "/tenant-relay", "remove_tenant_relay"),
    _at("POST", "/tenant-relay/test", "test_tenant_relay"),
    _at("POST", "/tenants/{tenant}/shared-relay", "allow_shared_relay"),
    _at("POST", "/tenants", "add_tenant", 201),
    _at("GET", "/tenants", "list_tenants"),
    _at("DELETE", "/tenants/{tenant}", "close_tenant"),
    _at("POST", "/tenants/{tenant}/rename", "rename_tenant"),
    _at("GET", "/tenants/{tenant}/limits", "list_limits"),
    _at("POST", "/tenants/{tenant}/limits", "set_limit"),
    _at("GET", "/tenants/{tenant}/usage", "tenant_usage"),
    _at("POST", "/holds", "set_hold", 201),
    _at("GET", "/holds", "list_holds"),
    _at("DELETE", "/holds", "lift_hold"),
    _at("GET", "/retention", "get_retention"),
    _at("POST", "/retention", "set_retention"),
    _at("POST", "/retention/bounds", "bound_retention"),
    _at("POST", "/agents", "add_agent", 201),
    _at("GET", "/agents", "list_agents"),
    _at("DELETE", "/agents/{agent}", "remove_agent"),
    _at("POST", "/keys", "make_key", 201),
    _at("GET", "/keys", "list_keys"),
    _at("DELETE", "/keys/{key_id}", "revoke_key"),
    _at("POST", "/keys/{key_id}/rotate", "rotate_key", 201),
    _at("GET", "/pause", "get_pause"),
    _at("POST", "/pause", "pause"),
    _at("DELETE", "/pause", "end_pause"),
    _at("POST", "/inboxes/{inbox}/resume", "resume_inbox"),
    _at("GET", "/reputation", "get_reputation"),
    _at("POST", "/inbound", "hand_in", 202, raw="raw"),
    _at("POST", "/inlets", "add_inlet", 201),
    _at("GET", "/inlets", "list_inlets"),
    _at("DELETE", "/inlets/{inlet_id}", "remove_inlet"),
)

WAYS = Ways({one.action.name: f"{one.method} /v1{one.path}" for one in ENDPOINTS})


def build_rest(app: App, guard: Guard) -> Router:
    """To be mounted at /v1 in an application that answers HTTPException with http_problem; the caller opens and closes
    `app`."""
    offered = tuple(one for one in ENDPOINTS if _offered(app.settings, one.action))
    describing = asyncio.Lock()

    async def openapi(request: Request) -> Response:
        async def told() -> Response:
            # Once, and not while others wait: it takes a good part of a second.
            async with describing:
                document = await asyncio.to_thread(_document, offered)
            return Response(document, media_type=JSON, headers={"Cache-Control": "max-age=300"})

        return await answered(guard, request, problem, told)

    streams = Streams()

    async def events(request: Request) -> Response:
        return await answered(guard, request, problem, lambda: _stream(app, streams, request))

    async def file(request: Request) -> Response:
        async def found() -> Response:
            return _file(await file_of(app, request.path_params["token"]))

        return await answered(guard, request, problem, found)

    exports: set[object] = set()

    async def exported(request: Request) -> Response:
        return await answered(guard, request, problem, lambda: _exported(app, exports, request))

    by_path: dict[str, dict[str, Endpoint]] = {}
    for one in offered:
        by_path.setdefault(one.path, {})[one.method] = one
    routes = [Route("/openapi.json", openapi), Route("/events", events), Route("/files/{token}", file)]
    routes += recipes(app, guard, problem)
    if not app.settings.read_only:
        routes.append(Route("/export", exported, methods=["GET"]))
    routes += [
        Route(path, _Door(app, guard, methods), methods=list(methods), include_in_schema=False)
        for path, methods in by_path.items()
    ]
    return Router(routes, redirect_slashes=False)


@functools.lru_cache(maxsize=2)
def _document(offered: tuple[Endpoint, ...]) -> bytes:
    """Made when it is first asked for: a start need not wait for what most servers are never asked."""
    return json.dumps(describe(offered), ensure_ascii=False, separators=(",", ":")).encode()


def _offered(settings: Settings, action: Action) -> bool:
    return settings.offers(action.toolset, read_only=action.hints.read_only)


class _Door:
    """What stands at a path: an ASGI application, because what Starlette wraps around a function would double what one
    who waits costs."""

    def __init__(self, app: App, guard: Guard, methods: Mapping[str, Endpoint]) -> None:
        self._app, self._guard, self._methods = app, guard, methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        endpoint = self._methods["GET" if request.method == "HEAD" else request.method]
        if request.method == "HEAD" and not endpoint.action.hints.read_only:
            # Its answer would be lost with the body.
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(self._methods))})
        response = await answered(self._guard, request, problem, lambda: _perform(self._app, endpoint, request))
        await response(scope, receive, send)


async def _perform(app: App, endpoint: Endpoint, request: Request) -> Response:
    caller = await caller_of(app, request)
    # Before the body is read: who may not do it need not send it.
    caller.need(endpoint.action.scope)
    arguments = await _arguments(app, endpoint, request)
    try:
        async with while_there(request, endpoint.action):
            result = await perform(app, caller, endpoint.action, arguments)
    except CallerError as error:
        headers = {**headers_of(error), **await _rate(app, caller, endpoint)}
        return problem(error.http_status, error.code, error.what, error.next_step, headers)
    if isinstance(result, FileBytes):
        return _file(result)
    headers = {**HEADERS, **await _rate(app, caller, endpoint)}
    return Response(WAYS.answer_on_rest(result.model_dump_json()), endpoint.status, headers, JSON)


def _file(file: FileBytes) -> Response:
    """To be saved: a stranger's bytes are never a page of this origin."""
    name = quote(file.filename, safe="")
    headers = {
        **HEADERS,
        # RFC 8187: a name in any language.
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Referrer-Policy": "no-referrer",
    }
    return Response(file.data, 200, headers, file.content_type)


async def _arguments(app: App, endpoint: Endpoint, request: Request) -> dict[str, Any]:
    """The action's arguments as they came; each may come from one place only."""
    fields = endpoint.action.request.model_fields
    arguments: dict[str, Any] = {}
    if endpoint.method != "POST" or endpoint.raw:
        for name in request.query_params:
            values = request.query_params.getlist(name)
            many = name in fields and "list" in str(fields[name].annotation)
            if len(values) > 1 and not many:
                raise InvalidRequest(f"Argument '{safe_line(name, 60)}' is given twice.", next_step="Give it once.")
            arguments[name] = values if many else values[0]
        if endpoint.raw in arguments:
            raise InvalidRequest(f"'{endpoint.raw}' is the body itself.", next_step="Leave it out of the query.")
    elif request.query_params:
        raise InvalidRequest(
            "This call takes no query.",
            next_step="Send its arguments as a JSON object in the body.",
        )
    if endpoint.method == "POST":
        body = await body_of(request, endpoint.room(app.settings))
        if endpoint.raw:
            arguments[endpoint.raw] = body
        else:
            arguments = object_of(request, body)
            if key := idempotency_key(request):
                _add_key(endpoint, arguments, key)
    for name in endpoint.in_path:
        if name in arguments:
            raise InvalidRequest(f"Argument '{name}' is in the path.", next_step="Leave it out elsewhere.")
        arguments[name] = request.path_params[name]
    return arguments


def _add_key(endpoint: Endpoint, arguments: dict[str, Any], key: dict[str, str]) -> None:
    if endpoint.takes_key:
        if any(arguments.get(name, value) != value for name, value in key.items()):
            raise InvalidRequest(
                "The Idempotency-Key header and idempotency_key in the body differ.", next_step="Send one of them."
            )
        arguments.update(key)
    elif not endpoint.action.hints.idempotent:
        raise InvalidRequest(
            f"{endpoint.action.name} takes no Idempotency-Key: a repeated call is another one.",
            next_step="Leave the header out.",
        )


async def _stream(app: App, streams: Streams, request: Request) -> Response:
    """Server-sent events (HTML standard, section 9.2) until the client leaves or this process stops."""
    caller = await caller_of(app, request)
    after = request.headers.get("last-event-id") or request.query_params.get("after", "")
    if unknown := [name for name in request.query_params if name != "after"]:
        raise InvalidRequest(f"There is no argument '{safe_line(unknown[0], 60)}'.", next_step="Leave it out.")
    place = await place_to_start(app, caller, after)
    if request.method == "HEAD":
        return Response(headers=HEADERS, media_type="text/event-stream")
    streams.open(caller)
    headers = {**HEADERS, "X-Accel-Buffering": "no"}
    events = _written(app, caller, place)
    return _Streamed(events, lambda: streams.close(caller), headers, "text/event-stream")


async def _exported(app: App, exports: set[object], request: Request) -> Response:
    """All there is of the caller's tenant, or of one inbox, as a ZIP."""
    caller = await caller_of(app, request)
    given = dict(request.query_params)
    inbox, reveal = given.pop("inbox", ""), given.pop("reveal", "false")
    if given or len(inbox) > 320 or reveal not in ("true", "false"):
        raise InvalidRequest("This call takes inbox and reveal (true or false) only.", next_step="Leave others out.")
    if request.method == "HEAD":
        # It would be written down as made.
        raise HTTPException(405, headers={"Allow": "GET"})
    if len(exports) >= MOST_EXPORTS:
        raise LimitReached(f"{MOST_EXPORTS} exports are being made.", next_step="Wait for one.", retry_after_s=60)
    pieces = export(app, caller, inbox, reveal=reveal == "true")
    mark = object()
    exports.add(mark)
    try:
        # What is refused is refused before the answer begins.
        first = await anext(pieces)
    except BaseException:
        exports.discard(mark)
        raise

    async def content() -> AsyncGenerator[bytes, None]:
        async def every() -> AsyncGenerator[Piece, None]:
            yield first
            async for piece in pieces:
                yield piece

        async with aclosing(pieces):
            async for data in zipped(every()):
                yield data

    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="letterlock-export.zip"'}
    return _Streamed(content(), lambda: exports.discard(mark), headers, "application/zip")


async def _written(app: App, caller: Caller, place: Place) -> AsyncGenerator[bytes, None]:
    # The place at once: whoever is cut off before the first event goes on from here.
    first = await id_of(app, caller, place)
    yield f"retry: {RETRY_S * 1000}\nid: {first}\nevent: ready\ndata: {{}}\n\n".encode()
    async with aclosing(follow(app, caller, place)) as happened:
        async for events in happened:
            told = [_event_text(await id_of(app, caller, event.place), event) for event in events]
            yield "".join(told).encode() or b": still here\n\n"


def _event_text(event_id: str, event: Event) -> str:
    # JSON of pydantic has no line ends, so that an event's data is one line.
    return f"id: {event_id}\nevent: {event.kind}\ndata: {event.data.model_dump_json()}\n\n"


class _Streamed(StreamingResponse):
    """`closed` is called however it ends, also when nothing was ever sent."""

    def __init__(
        self, content: AsyncGenerator[bytes, None], closed: Callable[[], None], headers: Mapping[str, str], kind: str
    ) -> None:
        super().__init__(content, headers=headers, media_type=kind)
        self._content = content
        self._closed = closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._closed()
            await self._content.aclose()


def problem(status: int, code: str, what: str, next_step: str, headers: Mapping[str, str] | None = None) -> Response:
    """Its next step names routes where the error names tools or commands."""
    title = HTTPStatus(status).phrase
    body = Problem(title=title, status=status, code=code, detail=what, next_step=WAYS.on_rest(next_step))
    return Response(body.model_dump_json(), status, {**HEADERS, **(headers or {})}, PROBLEM)


async def _rate(app: App, caller: Caller, endpoint: Endpoint) -> dict[str, str]:
    """RateLimit headers (draft-ietf-httpapi-ratelimit-headers) of what the call counts against; it is
    the tenant's, and how much others use of it is not told to a key for one inbox."""
    if endpoint.limit is None or caller.inbox_id is not None:
        return {}
    try:
        now = await standing(app, caller, endpoint.limit)
    except StoreError:
        return {}
    return {
        "RateLimit-Policy": f'"{now.name}";q={now.most};w=3600',
        "RateLimit": f'"{now.name}";r={now.left};t={now.reset_s}',
    }


async def http_problem(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: no such route, or not with this method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return problem(
            405,
            "method_not_allowed",
            f"{safe_line(request.method, 20)} is not for this address.",
            f"Use {allowed}.",
            error.headers,
        )
    return problem(404, "not_found", "There is no such address.", "GET /v1/openapi.json lists all.")
