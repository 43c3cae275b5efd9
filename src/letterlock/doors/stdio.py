"""MCP on stdio: what a chat client starts. Light: the first tools/list waits for nothing but the SDK itself.

The data folder opens and this process offers itself as postmaster in the background, after the server answers. Nothing
but JSON-RPC goes to stdout; the start-up line and the log go to stderr. A line that cannot be read is answered, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import anyio
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

from letterlock.doors.mcp_server import build_mcp_server, caller_with, local_caller
from letterlock.errors import DataFolderError, OwnerError, StoreError, Unavailable
from letterlock.settings import Settings

if TYPE_CHECKING:
    from letterlock.app import App

log = logging.getLogger(__name__)

_OPEN_S = 20.0
"""How long a call waits for a data folder that another process holds."""
_TRY_AGAIN_S = 1.0
_AFTER_FIRST_ANSWER_S = 0.3
"""The data folder opens this long after the server starts: the client's first questions come first."""


async def serve_stdio(settings: Settings) -> None:
    """Until the client closes stdin."""
    opened: asyncio.Future[App] = asyncio.get_running_loop().create_future()

    async def get_app() -> App:
        try:
            async with asyncio.timeout(_OPEN_S):
                return await asyncio.shield(opened)
        except OwnerError as error:
            raise Unavailable(error.what, next_step=f"The owner must mend this: {error.next_step}".strip()) from error
        except TimeoutError:
            raise Unavailable(
                "The mail store is busy with another process.", next_step="Try again in a few seconds."
            ) from None

    async def run_mail() -> None:
        await asyncio.sleep(_AFTER_FIRST_ANSWER_S)
        # Everything that is not the SDK is imported here, behind the first answer.
        from letterlock.actions import catalog  # noqa: F401
        from letterlock.actions.health import start_problem
        from letterlock.app import open_app
        from letterlock.doors.command import say
        from letterlock.postmaster import mail_service

        while True:
            try:
                async with open_app(settings) as app, mail_service(app):
                    opened.set_result(app)
                    # All that was imported stays: a collection that walks it would hold every call for 100 ms.
                    gc.freeze()
                    if problem := await start_problem(app):
                        say(f"letterlock: {problem}", logging.WARNING)
                    await asyncio.Event().wait()
            except StoreError as error:
                log.warning("the data folder is tried again: %s", error)
                await asyncio.sleep(_TRY_AGAIN_S)
            except Exception as error:
                if not isinstance(error, OwnerError):
                    log.exception("the data folder cannot be opened")
                    error = DataFolderError(f"The data folder cannot be opened ({type(error).__name__}).")
                if not opened.done():
                    opened.set_exception(error)
                return

    key = settings.key.get_secret_value()
    server = build_mcp_server(settings, get_app, caller_with(key) if key else local_caller)
    mail = asyncio.create_task(run_mail(), name="mail")
    try:
        await _serve(server)
    finally:
        mail.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await mail
        if opened.done() and not opened.cancelled():
            # Mark a failure as seen: it was told to whoever called a tool.
            opened.exception()


async def _serve(server: MCPServer[None]) -> None:
    async with stdio_server() as (incoming, outgoing):
        # The SDK's own run_stdio_async, but that what cannot be read is answered: a client waits for that answer.
        inner = server._lowlevel_server
        await inner.run(_Answered(incoming, outgoing), outgoing, inner.create_initialization_options())


class _Answered:
    """The stream of messages from stdin without the lines that are none; each of those gets an error."""

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    @property
    def last_context(self) -> Any:
        return self._incoming.last_context

    async def receive(self) -> Any:
        while isinstance(item := await self._incoming.receive(), Exception):
            await self._answer(item)
        return item

    async def aclose(self) -> None:
        await self._incoming.aclose()

    def __aiter__(self) -> _Answered:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> _Answered:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _answer(self, error: Exception) -> None:
        answer = refusal(error) if isinstance(error, ValidationError) else None
        if answer is not None:
            await self._outgoing.send(SessionMessage(answer))


def refusal(error: ValidationError) -> JSONRPCError | None:
    """The answer to a line that is no message, with its id where that can be read; None for a blank line, and for what
    seems to be an answer itself."""
    found = error.errors(include_url=False, include_context=False)
    first = found[0]
    if first["type"] == "json_invalid":
        line = first["input"]
        if not line.strip():
            return None
        said = top_level(line)
        told = ErrorData(code=PARSE_ERROR, message="Parse error: the line is not JSON that can be read here.")
    else:
        # What a member lacks is reported with the whole object.
        said = next((one["input"] for one in found if one["type"] == "missing" and len(one["loc"]) == 2), {})
        told = ErrorData(code=INVALID_REQUEST, message="Invalid request: the line is JSON but not JSON-RPC 2.0.")
    if "result" in said or "error" in said:
        return None
    own_id = said.get("id")
    # A bool is an int to Python.
    return JSONRPCError(jsonrpc="2.0", id=own_id if type(own_id) in (int, str) else None, error=told)


# Always takes something, so that nothing is looked at twice.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.?)*(?:"|\Z)|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)


def top_level(line: str) -> Mapping[str, Any]:
    """The names of the outermost object of what may be broken JSON, with those values that are plain strings and
    numbers (None for others)."""
    said: dict[str, Any] = {}
    depth = 0
    before, name = "", None
    for match in _TOKEN.finditer(line):
        piece = match[0]
        if depth == 1 and before == ":" and name is not None:
            said[name] = _plain(piece)
            name = None
        elif depth == 1 and before in ("{", ",") and piece[0] == '"':
            value = _plain(piece)
            name = value if isinstance(value, str) else None
            if name is not None:
                said[name] = None
        depth += (piece in "{[") - (piece in "}]")
        before = piece
    return said


def _plain(piece: str) -> str | int | None:
    try:
        value = json.loads(piece) if piece[0] == '"' or len(piece) < 20 else None
        return value if isinstance(value, int) or (isinstance(value, str) and value.isprintable()) else None
    except ValueError:
        return None


def main(settings: Settings) -> None:
    anyio.run(serve_stdio, settings)
