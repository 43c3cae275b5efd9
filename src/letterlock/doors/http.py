"""One Starlette: MCP streamable HTTP on /mcp, SSE on /sse, REST on /v1, other services' clients on /lumbox and
/lobstermail, /healthz, /metrics, the MTA-STS policies of domains. It owns the lifespan.

The store, the listener and the waiters live in this host's lifespan, outside the MCP one, which SSE enters for every
connection. Every MCP request needs a key, on loopback too; Host and Origin are checked before anything is read (DNS
rebinding).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from letterlock.actions.caller import AGENT_SCOPES, Caller, stands
from letterlock.actions.domains import policy_at
from letterlock.actions.health import disk_use, figures, reception_problem, start_problem
from letterlock.app import App, open_app
from letterlock.doors.command import logs_json, say
from letterlock.errors import CallerError, DataFolderError, NotFound, SettingsError
from letterlock.folder import new_file
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT
from letterlock.postmaster import mail_service
from letterlock.settings import Settings
from letterlock.store import tenants
from letterlock.store.database import Transaction
from letterlock.telemetry import FIGURES_TYPE, start_figures
from letterlock.wake import REST_S, Wake

if TYPE_CHECKING:
    from types import FrameType

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BACKLOG = 2048
_READ_ON_BYTES = 64 * 1024 * 1024
_READ_ON_S = 10.0
_MOST_MESSAGE = 65_536
"""Largest message a client may send over a WebSocket, in bytes."""
KEY_FILE = "owner.key"
"""In the data folder: a new key, where stderr is no place for one."""
_TICK_S = 1.0
CLOSING_S = 3
"""How long open streams may keep the server from stopping."""


def build_http(app: App, base_url: str) -> Starlette:
    """Routes only; the caller opens and closes `app`."""
    # The SDK takes most of a second to import: mail comes in before that, so that a restart is short for senders.
    from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Mount, Route

    from letterlock.doors.mcp_server import build_mcp_server, caller_by_key
    from letterlock.doors.requests import HEADERS, Refused, answered, caller_of
    from letterlock.doors.rest import build_rest, http_problem, problem
    from letterlock.doors.rivals.lobstermail import build_lobstermail
    from letterlock.doors.rivals.lumbox import build_lumbox
    from letterlock.doors.rivals.wire import Signups

    async def get_app() -> App:
        return app

    async def healthz(request: Request) -> Response:
        """For supervisors: 200 when mail can be stored and comes in, else 503 with why; for the owner's key also how
        much there is on the disk."""
        problem = await reception_problem(app)
        body: dict[str, object] = {
            "status": "degraded" if problem else "ok",
            "version": metadata.version("letterlock"),
            "problem": problem,
        }
        if "authorization" in request.headers:
            with contextlib.suppress(CallerError, Refused):
                body |= await disk_use(app, await caller_of(app, request))
        return JSONResponse(body, status_code=503 if problem else 200)

    async def mta_sts(request: Request) -> Response:
        """For other mail servers (RFC 8461 section 3.3), at the name of a verified domain only, whoever asks."""

        async def anybody(_: Request) -> Response | None:
            return None

        async def told() -> Response:
            policy = await policy_at(app, request.headers.get("host", "").partition(":")[0])
            if not policy:
                raise NotFound("There is no such address.", next_step="`letterlock domain show` says what is served.")
            return Response(policy, media_type="text/plain", headers={"Cache-Control": "max-age=300"})

        return await answered(anybody, request, problem, told)

    async def metrics(request: Request) -> Response:
        """For Prometheus."""

        async def told() -> Response:
            text = await figures(app, await caller_of(app, request))
            return Response(text, headers={**HEADERS, "Content-Type": FIGURES_TYPE})

        return await answered(guard, request, problem, told)

    server = build_mcp_server(app.settings, get_app, caller_by_key, public_url=base_url)
    names = ["127.0.0.1", "localhost", "[::1]", *app.settings.http_allowed_hosts]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*names, *(f"{name}:*" for name in names)],
        allowed_origins=[
            *(f"http://{name}:*" for name in ("127.0.0.1", "localhost", "[::1]")),
            *app.settings.http_allowed_origins,
        ],
    )
    room = app.settings.call_bytes
    sse = server.sse_app(transport_security=security, max_request_body_size=room)
    streamable = server.streamable_http_app(transport_security=security, max_request_body_size=room)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with server.session_manager.run():
            yield

    # The bearer check sits on the application the SDK builds, not on its routes: without its middleware no key counts.
    mcp = Mount(
        "/",
        routes=[*sse.routes, *streamable.routes],
        middleware=[
            Middleware(_TellsTheLimit, room),
            *streamable.user_middleware,
            Middleware(_EndsWithItsKey, app.wake, partial(stands, app)),
        ],
    )
    guard = TransportSecurityMiddleware(security).validate_request
    signups = Signups(app.settings.signups_per_hour)
    rivals = [
        Mount("/lumbox", build_lumbox(app, guard, signups)),
        Mount("/lobstermail", build_lobstermail(app, guard, signups)),
    ]
    rest = build_rest(app, guard)
    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/metrics", metrics),
            Route("/.well-known/mta-sts.txt", mta_sts),
            Mount("/v1", rest),
            *rivals,
            mcp,
        ],
        middleware=[Middleware(_ReadsToTheEnd)],
        # A line end in an address fits no mount.
        exception_handlers={HTTPException: http_problem},
        lifespan=lifespan,
    )


class _ReadsToTheEnd:
    """Reads what is left of a request before it is refused: a connection that closes on unread data takes the answer
    with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ended = scope["type"] != "http"

        async def read() -> Message:
            nonlocal ended
            message = await receive()
            ended = not message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                left = _READ_ON_BYTES
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_READ_ON_S):
                        while not ended and left > 0:
                            left -= len((await read()).get("body", b""))
            await send(message)

        await self._app(scope, read, answer)


class _TellsTheLimit:
    """What the SDK refuses as too large with two words becomes a problem document that says what to do."""

    def __init__(self, app: ASGIApp, room: int) -> None:
        self._app, self._room = app, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from letterlock.doors.rest import problem

        refused = False

        async def answer(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 413:
                refused = True
                said = problem(
                    413,
                    "too_large",
                    f"The call is larger than {self._room} bytes.",
                    "Attach smaller files, or by name or email_id/index; the owner can raise attach_bytes.",
                )
                await said(scope, receive, send)
            elif not refused:
                await send(message)

        await self._app(scope, receive, answer)


class _EndsWithItsKey:
    """An answer that is still being given when its key ends, as a stream of events is for hours, ends within seconds:
    the SDK is told that the client has left. The end of the key is seen by the one look of this process."""

    def __init__(self, app: ASGIApp, wake: Wake, stands: Callable[[Caller], Awaitable[bool]]) -> None:
        self._app, self._wake, self._stands = app, wake, stands

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller: Caller | None = getattr(getattr(scope.get("user"), "access_token", None), "caller", None)
        if caller is None or caller.key is None:
            await self._app(scope, receive, send)
            return
        came = answering = cut = False

        async def read() -> Message:
            nonlocal came, cut
            if not came:
                message = await receive()
                came = not message.get("more_body", False)
                return message
            # After the body only the end of the connection can come.
            leaving = asyncio.ensure_future(receive())
            ending = asyncio.create_task(self._until_it_ends(caller), name="whether a key still counts")
            try:
                await asyncio.wait((leaving, ending), return_when=asyncio.FIRST_COMPLETED)
                cut = not leaving.done()
                return {"type": "http.disconnect"} if cut else leaving.result()
            finally:
                leaving.cancel()
                ending.cancel()
                await asyncio.gather(leaving, ending, return_exceptions=True)

        async def answer(message: Message) -> None:
            nonlocal answering
            if not cut:
                answering = message["type"] == "http.response.start" or message.get("more_body", False)
                await send(message)

        await self._app(scope, read, answer)
        if cut and answering:
            # The client shall see an end, not a broken connection.
            await send({"type": "http.response.body", "body": b""})

    async def _until_it_ends(self, caller: Caller) -> None:
        with self._wake.watch(key=caller.key) as watch:
            while not self._wake.closing:
                await watch.wait(REST_S)
                if watch.rung and not await self._stands(caller):
                    return
        # A server that stops ends its streams itself.
        await asyncio.Event().wait()


async def serve_http(settings: Settings, *, new_key: bool = False) -> None:
    """Until SIGINT or SIGTERM: then running calls end, accepted mail is kept, and the folder is left to others."""
    import uvicorn

    start_figures()
    async with open_app(settings) as app, mail_service(app, keep_workers=1):
        with _bind(settings) as bound:
            base_url = _address_of(bound)
            config = uvicorn.Config(
                build_http(app, base_url),
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=CLOSING_S,
                ws="websockets-sansio",
                ws_max_size=_MOST_MESSAGE,
                ws_per_message_deflate=False,
                server_header=False,
                proxy_headers=False,
            )
            server = uvicorn.Server(config)
            # uvicorn raises the signal again when it is done, which would end the process before mail is put away.
            server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]
            # All that was imported stays: a collection that walks it would hold every sender for 100 ms.
            gc.freeze()
            # The store's writer takes the interpreter back a dozen times a mail, while the loop is never idle: with
            # Python's 5 ms a group of mails would wait longer for that than for the disk.
            sys.setswitchinterval(0.001)
            stopping = asyncio.Event()
            server.main_loop = partial(_until, stopping, server)  # type: ignore[method-assign]
            with _stop_on_signal(app, server, stopping):
                # Last: a start that fails has made no key that nobody was shown.
                key = await owner_key(app, renew=new_key)
                kept = await asyncio.to_thread(_kept, app, key) if key and _is_logged() else None
                _say_start(base_url, key, kept, await start_problem(app))
                await server.serve(sockets=[bound])


async def _until(stopping: asyncio.Event, server: uvicorn.Server) -> None:
    """uvicorn's own loop looks ten times a second whether it shall end, which is most of what a server costs that has
    nothing to do. Once a second is for its Date header."""
    while not await server.on_tick(0):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TICK_S):
                await stopping.wait()


@contextlib.contextmanager
def _stop_on_signal(app: App, server: uvicorn.Server, stopping: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: FrameType | None) -> None:
        server.handle_exit(number, frame)
        loop.call_soon_threadsafe(stopping.set)
        # Waits answer "pending" now rather than being cut off.
        loop.call_soon_threadsafe(app.wake.end_waits)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def owner_key(app: App, *, renew: bool = False) -> str:
    """A new key of the local agent when there is none yet (or to replace it); "" when there is one already."""
    now = app.now_ms()

    async def make(tx: Transaction) -> str:
        if renew:
            await tenants.revoke_keys(tx, LOCAL_AGENT, now)
        elif await tenants.key_hints(tx, LOCAL_AGENT):
            return ""
        return (await tenants.make_key(tx, LOCAL_AGENT, AGENT_SCOPES, now)).text

    return await app.database.write(DEFAULT_TENANT, make)


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
    # Protocol named, so that asyncio sets TCP_NODELAY on what it accepts.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((settings.http_host, settings.http_port))
        # From here on clients can connect: whoever reads the start-up lines may do so before the server runs.
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"HTTP port {settings.http_host}:{settings.http_port} cannot be opened ({error.strerror or error}).",
            next_step="Stop the program that holds it, or choose another with --http-port.",
        ) from error
    return bound


def _address_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    name = "localhost" if host in ("127.0.0.1", "::1") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def _is_logged() -> bool:
    """Whether what goes to stderr is kept by others: as JSON for a program, or in the journal of systemd (systemd.exec,
    JOURNAL_STREAM). A key has no place there."""
    try:
        stderr = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return True
    return logs_json() or os.environ.get("JOURNAL_STREAM") == f"{stderr.st_dev}:{stderr.st_ino}"


def _kept(app: App, key: str) -> Path:
    """The file that a new key was written to, for its owner only. Raises DataFolderError."""
    file = app.folder / KEY_FILE
    try:
        file.unlink(missing_ok=True)
        with new_file(file) as out:
            out.write(f"{key}\n".encode())
    except OSError as error:
        raise DataFolderError(
            f"The new key cannot be written to {file}: {error.strerror}.",
            next_step="Mend that, then run `letterlock serve --new-key`.",
        ) from error
    return file


def _say_start(base_url: str, key: str, kept: Path | None, problem: str) -> None:
    if problem:
        say(f"letterlock: {problem}", logging.WARNING)
    say(f"MCP on {base_url}/mcp (SSE on {base_url}/sse), REST on {base_url}/v1, health on {base_url}/healthz.")
    if kept is not None:
        say(f"Your key is in {kept}, for you alone to read: take it from there, then delete the file.")
    elif key:
        say(f"Your key, shown this once: {key}")
        header = f'--header "Authorization: Bearer {key}"'
        say(f"Claude Code: claude mcp add --transport http letterlock {base_url}/mcp {header}")
        return
    say("Send your key as 'Authorization: Bearer KEY'; `letterlock serve --new-key` replaces a lost one.")
