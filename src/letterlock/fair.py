"""What one tenant asks for must not make another wait long.

Turns(size, most_waiting): so many pieces of work at once in this process, and of those that wait one of each tenant
before a second of any. How many of one tenant may wait is limited: who comes then is told so.

Ahead: who works on the backlog of one tenant lets go ahead what another asks for now."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Final

from letterlock.errors import Unavailable
from letterlock.ids import TenantId

PATIENCE_S: Final = 0.05
"""For so long a backlog stands back, each time: it gets on however much others ask for."""
SMALL_S: Final = 0.5
"""What takes longer is no small piece of work: it may be a server that does not answer."""


class Turns:
    def __init__(self, size: int, most_waiting: int) -> None:
        self._free = size
        self._most_waiting = most_waiting
        # By tenant, whose turn is next first.
        self._waiting: dict[TenantId, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def turn(self, tenant_id: TenantId) -> AsyncIterator[None]:
        """A place, held within the context. Raises Unavailable when too many of the tenant wait already."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(tenant_id)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, tenant_id: TenantId) -> None:
        queue = self._waiting.setdefault(tenant_id, deque())
        if len(queue) >= self._most_waiting:
            raise Unavailable(
                f"{len(queue)} calls of this tenant wait for their turn already.",
                next_step="Nothing was done. Call again in a minute.",
            )
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                # It was given the place in the same moment.
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            tenant_id = next(iter(self._waiting))
            queue = self._waiting.pop(tenant_id)
            while queue and queue[0].done():
                queue.popleft()
            if queue:
                place = queue.popleft()
                if queue:
                    self._waiting[tenant_id] = queue
                place.set_result(None)
                return
        self._free += 1


class Ahead:
    def __init__(self) -> None:
        self._going: dict[object, tuple[TenantId, float]] = {}
        self._gone = asyncio.Event()

    @contextlib.contextmanager
    def going(self, tenant_id: TenantId) -> Iterator[None]:
        """Within the context a tenant is waiting for a small piece of work; one that takes long does not count as that
        any more."""
        this = object()
        self._going[this] = (tenant_id, time.monotonic() + SMALL_S)
        try:
            yield
        finally:
            del self._going[this]
            # Whoever stands back looks again.
            self._gone.set()
            self._gone.clear()

    async def let(self, tenant_id: TenantId) -> None:
        """Before the next piece of a tenant's backlog: until no other tenant is waiting, for PATIENCE_S at most."""
        now = time.monotonic()
        end = now + PATIENCE_S
        while others := [until for whose, until in self._going.values() if whose != tenant_id and until > now]:
            if now >= end:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(end, max(others)) - now):
                    await self._gone.wait()
            now = time.monotonic()
