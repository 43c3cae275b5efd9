"""Together: what many ask for at once is done as one piece of work, and each is given its own part of what came of it.

The first who asks does not wait for others: those who come while a piece of work is under way make the next one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeVar

Wish = TypeVar("Wish")
Given = TypeVar("Given")
_LOOKERS = 1_000
_Work = Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]
_Asked = tuple[Any, asyncio.Future[Any]]


class Together:
    def __init__(self) -> None:
        self._waiting: dict[Hashable, deque[_Asked]] = {}
        self._working: set[asyncio.Task[None]] = set()

    async def ask(
        self, about: Hashable, wish: Wish, work: Callable[[Sequence[Wish]], Awaitable[Sequence[Given]]], most: int
    ) -> Given:
        """What `work` gives for `wish`; it begins after this was asked, for up to `most` who ask about the same, and is
        finished though some of them give up. What it raises, all of these get."""
        place: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        if about in self._waiting:
            self._waiting[about].append((wish, place))
        else:
            self._waiting[about] = deque([(wish, place)])
            task = asyncio.create_task(self._work(about, work, most), name="together")
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        return await place

    async def look(self, about: Hashable, look: Callable[[], Awaitable[Given]]) -> Given:
        """What one look shows all who ask about the same at once; it begins after this was asked."""

        async def show(asked: Sequence[None]) -> Sequence[Given]:
            return [await look()] * len(asked)

        return await self.ask(about, None, show, _LOOKERS)

    async def _work(self, about: Hashable, work: _Work, most: int) -> None:
        queue, few = self._waiting[about], list[_Asked]()
        try:
            while queue:
                few = [queue.popleft() for _ in range(min(most, len(queue)))]
                few = [each for each in few if not each[1].done()]
                if few:
                    await _settle(few, work)
        finally:
            del self._waiting[about]
            for _, place in (*few, *queue):
                place.cancel()


async def _settle(few: list[_Asked], work: _Work) -> None:
    try:
        given = await work([wish for wish, _ in few])
    # Whatever it is, it is theirs who asked.
    except Exception as error:
        for _, place in few:
            if not place.done():
                place.set_exception(error)
        return
    for (_, place), part in zip(few, given, strict=True):
        if not place.done():
            place.set_result(part)
