"""MCP on stdio: what a chat client starts. Light: the first tools/list waits for nothing but the SDK itself.

The data folder opens and this process offers itself as postmaster in the background, after the server answers. Nothing
but JSON-RPC goes to stdout; the start-up line and the log go to stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
from typing import TYPE_CHECKING

import anyio

from letterlock.doors.mcp_server import build_mcp_server
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
        from letterlock.postmaster import mail_service

        while True:
            try:
                async with open_app(settings) as app, mail_service(app):
                    opened.set_result(app)
                    # All that was imported stays: a collection that walks it would hold every call for 100 ms.
                    gc.freeze()
                    if problem := await start_problem(app):
                        print(f"letterlock: {problem}", file=sys.stderr, flush=True)
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

    server = build_mcp_server(settings, get_app)
    mail = asyncio.create_task(run_mail(), name="mail")
    try:
        await server.run_stdio_async()
    finally:
        mail.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await mail
        if opened.done() and not opened.cancelled():
            # Mark a failure as seen: it was told to whoever called a tool.
            opened.exception()


def main(settings: Settings) -> None:
    anyio.run(serve_stdio, settings)
