"""What every HTTP door does with a request before an action sees it: Host and Origin, who calls, sizes, JSON, and an
answer for whatever goes wrong. How an answer is worded is the door's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from email.message import Message
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from letterlock.actions.caller import Caller, identify
from letterlock.actions.catalog import Action
from letterlock.app import App
from letterlock.errors import CallerError, InvalidRequest, KeyEnded, LimitReached, StoreError, Unavailable
from letterlock.screen.safe_text import safe_line

log = logging.getLogger(__name__)

JSON = "application/json"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every answer."""
MAX_WAIT_S = 120
"""How long a call may wait for mail: proxies cut longer ones off."""
SMALL_BODY = 1_000_000
"""The largest body of a call that carries no mail, in bytes."""
RETRY_S = 3
_CHALLENGE = 'Bearer realm="letterlock"'
_CHUNK_S = 30.0
"""A client that sends nothing of its body for so long is cut off."""

Guard = Callable[[Request], Awaitable[Response | None]]
"""Looks at Host and Origin; the answer that refuses, or None."""
Say = Callable[[int, str, str, str, Mapping[str, str]], Response]
"""The answer to what went wrong: status, stable code, what, next step, headers."""


class Refused(Exception):
    """A request that reaches no action."""

    def __init__(self, status: int, code: str, what: str, next_step: str, **headers: str) -> None:
        super().__init__(what)
        self.status, self.code, self.what, self.next_step = status, code, what, next_step
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


async def answered(guard: Guard, request: Request, say: Say, work: Callable[[], Awaitable[Response]]) -> Response:
    """What every request goes through: Host and Origin, the work, errors, which `say` puts into words."""
    refused = await guard(request)
    if refused is not None:
        code = "wrong_host" if refused.status_code == 421 else "wrong_origin"
        return say(
            refused.status_code,
            code,
            "This server does not answer to that Host or Origin.",
            "Ask the owner to add it to http_allowed_hosts or http_allowed_origins.",
            {},
        )
    try:
        return await work()
    except Refused as error:
        return say(error.status, error.code, error.what, error.next_step, error.headers)
    except CallerError as error:
        return say(error.http_status, error.code, error.what, error.next_step, headers_of(error))
    except ClientDisconnect:
        return Response(status_code=499)
    except StoreError as error:
        log.warning("%s: %s", request.url.path, error)
        return say(503, Unavailable.code, error.what, "Try again in a few seconds.", {"Retry-After": str(RETRY_S)})
    except Exception as error:
        log.exception("%s failed", request.url.path)
        return say(
            500,
            "internal",
            f"Letterlock failed ({type(error).__name__}).",
            "Try once more; if it stays, tell the owner to run `letterlock doctor`.",
            {},
        )


@contextlib.asynccontextmanager
async def while_there(request: Request, action: Action) -> AsyncGenerator[None, None]:
    """Ends a wait whose client leaves, so that what it would have got stays for the next. For a request whose body is
    read. Raises ClientDisconnect."""
    if not action.waits:
        yield
        return
    caller = asyncio.current_task()
    assert caller is not None
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone = True
        caller.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        # A server that stops cancels too; that one goes on.
        if gone and caller.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        watching.cancel()


async def caller_of(app: App, request: Request) -> Caller:
    """Who holds the key in Authorization, or at /inbound the secret of an inlet. Raises Refused."""
    return await caller_by(app, bearer(request), inlet=request.url.path.endswith("/inbound"))


def bearer(request: Request) -> str:
    """The key in Authorization, "" without one."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def idempotency_key(request: Request) -> dict[str, str]:
    """The argument that an Idempotency-Key header is (draft-ietf-httpapi-idempotency-key-header); none without one,
    and an empty header is an empty key. Raises InvalidRequest."""
    keys = request.headers.getlist("idempotency-key")
    if len(keys) > 1:
        raise InvalidRequest("There is more than one Idempotency-Key.", next_step="Send one.")
    return {"idempotency_key": keys[0]} if keys else {}


async def caller_by(app: App, key: str, *, inlet: bool = False) -> Caller:
    """Who holds `key`; `inlet`: where one of an inlet is expected. Raises Refused."""
    caller = await identify(app, key) if key else None
    if caller is None and inlet:
        raise Refused(
            401,
            "unauthorized",
            "No secret of an inlet for emails as they are, and no API key, that counts came with this call.",
            "Send it as 'Authorization: Bearer SECRET'; `letterlock inlet add` makes a secret.",
            WWW_Authenticate=_CHALLENGE,
        )
    if caller is None:
        raise Refused(
            401,
            "unauthorized",
            "No API key that counts came with this call.",
            "Send it as 'Authorization: Bearer KEY'; `letterlock serve --new-key` or an admin makes one.",
            WWW_Authenticate=_CHALLENGE,
        )
    return caller


async def body_of(request: Request, room: int) -> bytes:
    """The body, of `room` bytes at most. Raises Refused, also for one that is packed (RFC 9110 section 15.5.16)."""
    packed = ", ".join(request.headers.getlist("content-encoding")).strip().lower()
    if "content-encoding" in request.headers and packed != "identity":
        raise Refused(
            415,
            "unsupported_media_type",
            f"The body is packed ({safe_line(packed, 40) or 'in no named way'}).",
            "Send it as it is, without Content-Encoding.",
            Accept_Encoding="identity",
            Connection="close",
        )
    too_large = Refused(
        413, "too_large", f"The body is larger than {room} bytes.", "Send less at once.", Connection="close"
    )
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > room:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(_CHUNK_S):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise Refused(
                408, "too_slow", "The body did not come.", "Send the call again.", Connection="close"
            ) from None
        if chunk is None:
            return b"".join(chunks)
        size += len(chunk)
        if size > room:
            raise too_large
        chunks.append(chunk)


def object_of(request: Request, body: bytes) -> dict[str, Any]:
    """A JSON object; no body at all is an empty one."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if len(request.headers.getlist("content-type")) > 1:
        raise Refused(400, "malformed", "Content-Type is given twice.", f"Send one Content-Type: {JSON}.")
    if body and kind != JSON and not kind.endswith("+json"):
        raise Refused(
            415,
            "unsupported_media_type",
            f"The body is {safe_line(kind, 60) or 'of no named type'}, not JSON.",
            f"Send it with Content-Type: {JSON}.",
            Accept=JSON,
        )
    charset = _charset(request)
    if body and charset.lower() not in ("", "utf-8", "utf8"):
        raise Refused(
            415,
            "unsupported_media_type",
            f"The body is said to be {safe_line(charset, 40)}, and JSON is UTF-8 (RFC 8259 section 8.1).",
            f"Send it in UTF-8 with Content-Type: {JSON}.",
            Accept=JSON,
        )
    return json_object(body) if body else {}


def _charset(request: Request) -> str:
    header = Message()
    header["Content-Type"] = request.headers.get("content-type", "")
    found = header.get_param("charset", "")
    # In pieces (RFC 2231) it is none that anybody sends with JSON.
    return found if isinstance(found, str) else found[2]


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is, in which no object has a name twice: which of the two counts would be anybody's
    guess (RFC 8259 section 4). Raises Refused."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_named_once)
    except (ValueError, RecursionError) as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Refused(400, "malformed", f"The body is not JSON{where}.", "Send a JSON object in UTF-8.") from None
    if not isinstance(value, dict):
        raise Refused(400, "malformed", "The body is not a JSON object.", 'Send one, like {"name": "value"}.')
    return value


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Refused(400, "malformed", f"The body names '{safe_line(name, 60)}' twice.", "Name it once.")
        found[name] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def headers_of(error: CallerError) -> dict[str, str]:
    """When trying again is of use, where the error knows (RFC 9110 section 10.2.3); how to show who one is, where that
    is what fails (section 11.6.1)."""
    if isinstance(error, KeyEnded):
        return {"WWW-Authenticate": _CHALLENGE}
    if isinstance(error, LimitReached):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": str(RETRY_S)} if isinstance(error, Unavailable) else {}
