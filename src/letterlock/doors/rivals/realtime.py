"""Realtime: what happens in the inboxes a LobsterMail client names, told over a WebSocket (RFC 6455) while it is open.

The events are those of actions/following.py. A key that does not count is refused before the handshake; one that is
taken back ends the connection within seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from letterlock.actions.caller import Caller
from letterlock.actions.dialects import DIALECTS, stamp
from letterlock.actions.elsewhere import EmailFound
from letterlock.actions.following import DomainEvent, EmailEvent, Event, Place, Streams, follow, place_to_start
from letterlock.app import App
from letterlock.doors.requests import Guard, Refused, Say, caller_by, headers_of
from letterlock.doors.rivals.wire import dumps, perform_named
from letterlock.errors import CallerError, NotFound, StoreError, Unavailable

log = logging.getLogger(__name__)

MOST_INBOXES = 1_000
"""Of one connection."""
_MOST_NAMED = 200
_SEND_S = 30.0
"""A client that takes nothing for so long is cut off."""
_GOING_AWAY, _FAILED = 1001, 1011
_DIALECT = DIALECTS["lobstermail"]

Item = Callable[[EmailFound], dict[str, Any]]
"""An email as the client's lists show it."""


class Realtime:
    def __init__(self, app: App, guard: Guard, say: Say, item: Item) -> None:
        self._app, self._guard, self._say, self._item = app, guard, say, item
        self._streams = Streams()

    async def serve(self, socket: WebSocket) -> None:
        """One connection, until the client leaves, its key is taken back, or this process stops."""
        token = socket.query_params.get("token", "").strip()
        try:
            # Host and Origin are looked at as of any other request.
            refused = await self._guard(Request({**socket.scope, "type": "http", "method": "GET"}))
            if refused is not None:
                await socket.send_denial_response(refused)
                return
            caller = await caller_by(self._app, token)
            place = await place_to_start(self._app, caller, "")
            self._streams.open(caller)
        except (Refused, CallerError, StoreError) as error:
            await socket.send_denial_response(self._refusal(error))
            return
        try:
            await socket.accept()
            await _send(socket, {"type": "authenticated", "account_id": caller.tenant_id})
            await self._until_one_ends(socket, caller, place)
        except (WebSocketDisconnect, TimeoutError):
            # It has left, or takes nothing more.
            pass
        except (CallerError, StoreError) as error:
            log.warning("a realtime connection ends: %s", error)
            await socket.close(_FAILED)
        except Exception:
            # The server would close the connection and write nothing down.
            log.exception("a realtime connection failed")
            await socket.close(_FAILED)
        finally:
            self._streams.close(caller)

    def _refusal(self, error: Refused | CallerError | StoreError) -> Response:
        if isinstance(error, Refused):
            return self._say(error.status, error.code, error.what, error.next_step, error.headers)
        if isinstance(error, CallerError):
            return self._say(error.http_status, error.code, error.what, error.next_step, headers_of(error))
        return self._say(503, Unavailable.code, error.what, "Try again in a few seconds.", {})

    async def _until_one_ends(self, socket: WebSocket, caller: Caller, place: Place) -> None:
        subscribed: set[str] = set()
        tasks = [
            asyncio.create_task(self._listen(socket, caller, subscribed), name="what a client subscribes to"),
            asyncio.create_task(self._tell(socket, caller, place, subscribed), name="events for a client"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    # --- what the client says -----------------------------------------------------------------------------------------

    async def _listen(self, socket: WebSocket, caller: Caller, subscribed: set[str]) -> None:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                # Of a binary message there is no text.
                said = json.loads(message.get("text") or "")
                kind, named = said.get("type"), said.get("inbox_ids", [])
            except (ValueError, RecursionError, AttributeError):
                await _send(socket, _error("malformed", "A message is a JSON object with a type."))
                continue
            if kind == "pong":
                continue
            if kind not in ("subscribe", "unsubscribe") or not _are_names(named):
                await _send(
                    socket,
                    _error("invalid_request", "Send subscribe or unsubscribe with inbox_ids, a list of up to 200 ids."),
                )
                continue
            if kind == "unsubscribe":
                subscribed.difference_update(named)
                await _send(socket, {"type": "unsubscribed", "id": said.get("id"), "inbox_ids": named})
            else:
                await self._subscribe(socket, caller, subscribed, named, said.get("id"))

    async def _subscribe(
        self, socket: WebSocket, caller: Caller, subscribed: set[str], named: list[str], request_id: object
    ) -> None:
        taken: list[str] = []
        for name in named:
            if len(subscribed) >= MOST_INBOXES:
                await _send(socket, _error("limit_reached", f"A connection follows {MOST_INBOXES} inboxes at most."))
                break
            try:
                inbox = await perform_named(self._app, caller, "get_inbox", inbox=name)
            except CallerError as error:
                await _send(socket, _error(error.code, str(error)))
            else:
                taken.append(inbox.inbox_id)
                subscribed.add(inbox.inbox_id)
        await _send(socket, {"type": "subscribed", "id": request_id, "inbox_ids": taken})

    # --- what it is told ----------------------------------------------------------------------------------------------

    async def _tell(self, socket: WebSocket, caller: Caller, place: Place, subscribed: set[str]) -> None:
        async with aclosing(follow(self._app, caller, place)) as happened:
            async for events in happened:
                if not events:
                    await _send(socket, {"type": "ping"})
                for event in events:
                    if not isinstance(event.data, DomainEvent) and event.data.inbox_id in subscribed:
                        await self._tell_one(socket, caller, event, event.data.inbox_id)
        await socket.close(_GOING_AWAY)

    async def _tell_one(self, socket: WebSocket, caller: Caller, event: Event, inbox_id: str) -> None:
        data = event.data.model_dump(mode="json")
        if isinstance(event.data, EmailEvent):
            try:
                data = self._item(await perform_named(self._app, caller, "show_email", email_id=event.data.email_id))
            except NotFound:
                # It was deleted since.
                return
        for name in _DIALECT.names_of(event):
            told = {"inbox_id": inbox_id, "timestamp": stamp(event.data.at), "data": data}
            await _send(socket, {"type": "event", "event_type": name, **told})


def _are_names(named: object) -> bool:
    return (
        isinstance(named, list)
        and len(named) <= _MOST_NAMED
        and all(isinstance(n, str) and 0 < len(n) < 321 for n in named)
    )


def _error(code: str, message: str) -> dict[str, Any]:
    return {"type": "error", "code": code, "message": message}


async def _send(socket: WebSocket, message: dict[str, Any]) -> None:
    async with asyncio.timeout(_SEND_S):
        await socket.send_text(dumps(message))
