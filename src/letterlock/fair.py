"""Turns(size, most_waiting): so many pieces of work at once in this process, and of those that wait one of each tenant
before a second of any. How many of one tenant may wait is limited: who comes then is told so."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from letterlock.errors import Unavailable
from letterlock.ids import TenantId


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
