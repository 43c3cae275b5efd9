"""What the doors for other services' clients share: a table of endpoints, each a translation to actions and back, with
their own words for what goes wrong. Keys are ours, and so is everything that may be done with them.
"""

from __future__ import annotations

import ipaddress
import json
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from letterlock.actions.caller import Caller
from letterlock.actions.catalog import ACTIONS, explain, perform
from letterlock.actions.dialects import stamp
from letterlock.actions.domain_relays import DOMAIN_RELAYS
from letterlock.actions.domains import DOMAINS
from letterlock.actions.elsewhere import ELSEWHERE
from letterlock.actions.platform import PLATFORM, standing
from letterlock.actions.relays import RELAYS
from letterlock.actions.revealing import REVEALING
from letterlock.actions.routing import ROUTING
from letterlock.actions.threads import THREADS
from letterlock.actions.waiting import RECENT_MS
from letterlock.actions.webhooks import WEBHOOKS
from letterlock.app import App
from letterlock.doors.requests import (
    HEADERS,
    JSON,
    SMALL_BODY,
    Guard,
    Say,
    answered,
    bearer,
    body_of,
    caller_by,
    headers_of,
    object_of,
)
from letterlock.errors import CallerError, InvalidRequest, LimitReached, NotAllowed, StoreError
from letterlock.screen.safe_text import safe_line
from letterlock.store.emails import moment
from letterlock.store.limits import LimitName

# Of two with one name the later counts.
_TABLES = (PLATFORM, ROUTING, THREADS, ACTIONS, ELSEWHERE, DOMAINS, DOMAIN_RELAYS, RELAYS, REVEALING, WEBHOOKS)
_ACTIONS = {action.name: action for table in _TABLES for action in table}
_MOST_CLIENTS = 10_000
_HOUR_S = 3600.0


class Asked(BaseModel):
    """Arguments of an endpoint, by their names on the wire. What nobody knows is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class Nothing(Asked):
    pass


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a caller."""

    app: App
    caller: Caller
    request: Request

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    async def do(self, action: str, /, **arguments: Any) -> Any:
        """Perform an action by its name; its result. Raises CallerError."""
        return await perform_named(self.app, self.caller, action, **arguments)

    def need_changes(self) -> None:
        """For what is no action of a toolset. Raises NotAllowed where nothing may change."""
        if self.app.settings.read_only:
            raise NotAllowed("This Letterlock is read-only.", next_step="Ask the owner about read_only.")


async def perform_named(app: App, caller: Caller, action_name: str, /, **arguments: Any) -> Any:
    """What the action of that name answers. Raises CallerError."""
    action = _ACTIONS[action_name]
    if not app.settings.offers(action.toolset, read_only=action.hints.read_only):
        raise NotAllowed("The owner has turned this off here.", next_step="Ask them about toolsets and read_only.")
    return await perform(app, caller, action, arguments)


Answer = Mapping[str, Any] | Response
"""JSON, or an answer that is none."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method on a path, its arguments (query of GET and DELETE, JSON object of POST) and the translation. `limit`:
    what it counts against; `heavy`: carries attachments."""

    method: str
    path: str
    asked: type[Asked]
    run: Callable[[Call, Any], Awaitable[Answer]]
    status: int = 200
    limit: LimitName | None = None
    heavy: bool = False

    def room(self, app: App) -> int:
        return app.settings.call_bytes if self.heavy else SMALL_BODY


def build(
    app: App,
    guard: Guard,
    endpoints: Iterable[Endpoint],
    say: Say,
    *,
    routes: Sequence[BaseRoute] = (),
    key_header: str = "",
) -> Starlette:
    """The application to be mounted at a prefix; `key_header` may carry the key as well as Authorization."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for one in endpoints:
        by_path.setdefault(one.path, {})[one.method] = one

    def door(methods: Mapping[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            endpoint = methods["GET" if request.method == "HEAD" else request.method]
            key = bearer(request) or (request.headers.get(key_header, "").strip() if key_header else "")
            return await answered(guard, request, say, lambda: _performed(app, endpoint, request, key, say))

        return answer

    async def strange(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            what = f"{safe_line(request.method, 20)} is not for this address."
            return say(405, "method_not_allowed", what, f"Use {allowed}.", error.headers or {})
        return say(404, "not_found", "There is no such address.", "docs/rivals.md lists all.", {})

    found = Starlette(
        routes=[*routes, *(Route(path, door(methods), methods=list(methods)) for path, methods in by_path.items())],
        exception_handlers={HTTPException: strange},
    )
    found.router.redirect_slashes = False
    return found


async def _performed(app: App, endpoint: Endpoint, request: Request, key: str, say: Say) -> Response:
    caller = await caller_by(app, key)
    asked = await asked_of(endpoint.asked, request, endpoint.room(app))
    try:
        answer = await endpoint.run(Call(app, caller, request), asked)
    except CallerError as error:
        headers = {**headers_of(error), **await _rate(app, caller, endpoint.limit)}
        return say(error.http_status, error.code, error.what, error.next_step, headers)
    return response(answer, endpoint.status, await _rate(app, caller, endpoint.limit))


def response(answer: Answer, status: int, headers: Mapping[str, str]) -> Response:
    if isinstance(answer, Response):
        answer.headers.update({**HEADERS, **headers})
        return answer
    return Response(dumps(answer), status, {**HEADERS, **headers}, JSON)


def dumps(answer: Mapping[str, Any]) -> str:
    """JSON; times as these services write them."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"), default=_json)


def _json(value: object) -> str:
    if isinstance(value, datetime):
        return stamp(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


async def asked_of(model: type[Asked], request: Request, room: int) -> Asked:
    """Raises InvalidRequest, Refused."""
    arguments: dict[str, Any] = {}
    if request.method == "POST":
        arguments = object_of(request, await body_of(request, room))
    else:
        for name in request.query_params:
            if len(request.query_params.getlist(name)) > 1:
                raise InvalidRequest(f"Argument '{safe_line(name, 60)}' is given twice.", next_step="Give it once.")
            arguments[name] = request.query_params[name]
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        raise InvalidRequest(explain(error), next_step="Send it again, corrected.") from None


async def _rate(app: App, caller: Caller, limit: LimitName | None) -> dict[str, str]:
    """What the call counts against, where it counts against something. As on /v1, not for a key for one inbox."""
    if limit is None or caller.inbox_id is not None:
        return {}
    try:
        now = await standing(app, caller, limit)
    except StoreError:
        return {}
    return {
        "X-RateLimit-Limit": str(now.most),
        "X-RateLimit-Remaining": str(now.left),
        "X-RateLimit-Reset": str(int(time.time()) + now.reset_s),
    }


def recently(app: App) -> datetime:
    """From when on mail that came before a call still counts."""
    return moment(app.now_ms() - RECENT_MS)


# --- signing up -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Signups:
    """How often each client's network has signed up within the hour; kept by this process, for a bounded number of
    them."""

    per_hour: int
    seen: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)

    def count(self, request: Request) -> None:
        """Raises NotAllowed where signing up is off, LimitReached."""
        if not self.per_hour:
            raise NotAllowed(
                "Nobody can sign up here.",
                next_step="Ask the owner for a key (`letterlock key make`), or to set signups_per_hour.",
            )
        name = _network(request.client.host if request.client else "")
        now = time.monotonic()
        times = self.seen.setdefault(name, deque())
        self.seen.move_to_end(name)
        while times and now - times[0] >= _HOUR_S:
            times.popleft()
        if len(times) >= self.per_hour:
            wait_s = int(_HOUR_S - (now - times[0])) + 1
            raise LimitReached(
                f"{self.per_hour} signed up from here within the hour.",
                next_step="Try again later, or use the key that was given.",
                retry_after_s=wait_s,
            )
        times.append(now)
        if len(self.seen) > _MOST_CLIENTS:
            self.seen.popitem(last=False)


def _network(host: str) -> str:
    """The address, of IPv6 the /64: whoever has one of its addresses has them all."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return str(ipaddress.IPv6Network((found, 64), strict=False)) if isinstance(found, ipaddress.IPv6Address) else host
