"""Notices over MCP: a client subscribes to inboxes and threads, and is told when mail came there. Both eras.

The SDK's own bus tells every listener of every address, whosever it is: here each session (resources/subscribe) and
each stream (subscriptions/listen, 2026-07-28) has a subscriber of its own, of the caller that opened it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import UriTemplate
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    EmptyResult,
    ResourceUpdatedNotification,
    ResourceUpdatedNotificationParams,
    SubscribeRequestParams,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from letterlock.errors import CallerError, InvalidRequest, LimitReached, NotFound, StoreError, Unavailable

if TYPE_CHECKING:
    from letterlock.actions.caller import Caller
    from letterlock.actions.subscribing import Kind, Places, Subscriber
    from letterlock.app import App

log = logging.getLogger(__name__)

GetApp = Callable[[], Awaitable["App"]]
GetCaller = Callable[["App"], Awaitable["Caller"]]
Request = ServerRequestContext[Any, Any]

INBOX, EMAIL, THREAD = "inbox://{inbox}", "email://{email_id}", "thread://{thread_id}"
"""The resources there are."""
_SEND_S = 30.0
"""A session that takes nothing for so long is told no more."""
_KINDS: dict[Kind, UriTemplate] = {"inbox": UriTemplate.parse(INBOX), "thread": UriTemplate.parse(THREAD)}
_LONGEST = 500
_STATE = "letterlock.subscriber"


def add_notices(server: MCPServer[None], get_app: GetApp, get_caller: GetCaller) -> None:
    """Serve subscriptions of this server's resources."""
    notices = _Notices(get_app, get_caller)
    # The SDK's public class has no way to serve these.
    inner = server._lowlevel_server
    inner.add_request_handler("resources/subscribe", SubscribeRequestParams, notices.subscribe)
    inner.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, notices.unsubscribe)
    inner.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, notices.listen)


class _Notices:
    def __init__(self, get_app: GetApp, get_caller: GetCaller) -> None:
        self._get_app, self._get_caller = get_app, get_caller
        self._places: Places | None = None

    # --- until 2025-11-25: a session subscribes, and its own stream carries the notices -------------------------------

    async def subscribe(self, ctx: Request, params: SubscribeRequestParams) -> EmptyResult:
        connection = ctx.session._connection
        try:
            opened = await self._opened() if _STATE not in connection.state else None
            if _STATE not in connection.state and opened is not None:
                connection.state[_STATE] = opened
                task = asyncio.create_task(_tell(connection, opened), name="notices for a session")
                connection.exit_stack.push_async_callback(_ended, task)
            elif opened is not None:
                # Another call of this session was quicker.
                opened.close()
            await _add(connection.state[_STATE], params.uri)
        except (CallerError, StoreError) as error:
            raise _refusal(error, params.uri) from None
        return EmptyResult()

    async def unsubscribe(self, ctx: Request, params: UnsubscribeRequestParams) -> EmptyResult:
        subscriber: Subscriber | None = ctx.session._connection.state.get(_STATE)
        if subscriber is not None:
            subscriber.remove(params.uri)
        return EmptyResult()

    # --- from 2026-07-28 on: the answer to one request is the stream --------------------------------------------------

    async def listen(self, ctx: Request, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        wanted = params.notifications
        uris = list(dict.fromkeys(wanted.resource_subscriptions or ()))
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: ctx.request_id}
        uri = ""
        try:
            subscriber = await self._opened()
        except (CallerError, StoreError) as error:
            raise _refusal(error, uri) from None
        try:
            for uri in uris:
                await _add(subscriber, uri)
            # The lists stay as they are for as long as this process runs: who wants to be told of changes of these has
            # been told of all there will be.
            honored = SubscriptionFilter(
                tools_list_changed=wanted.tools_list_changed or None,
                prompts_list_changed=wanted.prompts_list_changed or None,
                resources_list_changed=wanted.resources_list_changed or None,
                resource_subscriptions=uris or None,
            )
            taken = SubscriptionsAcknowledgedNotificationParams(notifications=honored, _meta=meta)
            await ctx.session.send_notification(
                SubscriptionsAcknowledgedNotification(params=taken), related_request_id=ctx.request_id
            )
            async with aclosing(subscriber.told()) as told:
                async for changed in told:
                    for uri in changed:
                        notice = ResourceUpdatedNotification(
                            params=ResourceUpdatedNotificationParams(uri=uri, _meta=meta)
                        )
                        await ctx.session.send_notification(notice, related_request_id=ctx.request_id)
        except (CallerError, StoreError) as error:
            raise _refusal(error, uri) from None
        finally:
            subscriber.close()
        return SubscriptionsListenResult(_meta=meta)

    async def _opened(self) -> Subscriber:
        from letterlock.actions.subscribing import Places, Subscriber

        app = await self._get_app()
        caller = await self._get_caller(app)
        self._places = self._places or Places()
        return Subscriber(app, caller, self._places)


async def _add(subscriber: Subscriber, uri: str) -> None:
    for kind, template in _KINDS.items():
        named = template.match(uri) if len(uri) <= _LONGEST else None
        if named is not None:
            await subscriber.add(uri, kind, str(next(iter(named.values()))))
            return
    if uri.startswith(EMAIL.partition("{")[0]):
        raise InvalidRequest("An email does not change.", next_step="Subscribe to its inbox or thread.")
    raise NotFound("There is no such resource.", next_step="Subscribe to inbox://ADDRESS or thread://THREAD_ID.")


def _refusal(error: CallerError | StoreError, uri: str) -> MCPError:
    if isinstance(error, StoreError):
        error = Unavailable(error.what, next_step="Try again in a few seconds.")
    later = isinstance(error, LimitReached | Unavailable)
    about = {"uri": uri[:_LONGEST], "code": error.code}
    return MCPError(INTERNAL_ERROR if later else INVALID_PARAMS, str(error), data=about)


async def _tell(connection: Connection, subscriber: Subscriber) -> None:
    try:
        async with aclosing(subscriber.told()) as told:
            async for changed in told:
                for uri in changed:
                    async with asyncio.timeout(_SEND_S):
                        await connection.notify("notifications/resources/updated", {"uri": uri})
    except TimeoutError:
        log.info("a session that takes no notices gets no more")
    except Exception:
        # Nobody waits for this task: what failed would never be seen.
        log.exception("notices for a session failed")
    finally:
        connection.state.pop(_STATE, None)
        subscriber.close()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
