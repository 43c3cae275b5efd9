from __future__ import annotations

import asyncio
from collections.abc import Sequence

from letterlock.together import Together


class Works:
    """Doubles what it is asked; each piece of work waits until it is let go on."""

    def __init__(self) -> None:
        self.together, self.goes_on = Together(), asyncio.Event()
        self.pieces: list[list[int]] = []

    async def _double(self, wishes: Sequence[int]) -> list[int]:
        self.pieces.append(list(wishes))
        await self.goes_on.wait()
        if 13 in wishes:
            raise ValueError("13")
        return [2 * one for one in wishes]

    def ask(self, wish: int, about: str = "it") -> asyncio.Task[int]:
        return asyncio.create_task(self.together.ask(about, wish, self._double, 3))


async def started() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_asks_meanwhile_is_in_the_next_piece_of_work_and_each_is_given_its_own() -> None:
    works = Works()
    first = [works.ask(1), works.ask(5, "else")]
    await started()
    others = [works.ask(wish) for wish in (2, 3, 4, 6)]
    await started()
    assert works.pieces == [[1], [5]]
    works.goes_on.set()
    assert await asyncio.gather(*first, *others) == [2, 10, 4, 6, 8, 12]
    assert works.pieces == [[1], [5], [2, 3, 4], [6]]


async def test_what_fails_fails_for_those_who_asked_for_it_and_who_gave_up_is_left_out() -> None:
    works = Works()
    works.goes_on.set()
    failing = [works.ask(13), works.ask(1)]
    await started()
    later = [works.ask(7), works.ask(8)]
    later[0].cancel()
    assert [type(one) for one in await asyncio.gather(*failing, return_exceptions=True)] == [ValueError, ValueError]
    assert await later[1] == 16
    assert await works.ask(9) == 18
    assert works.pieces[-2:] == [[8], [9]]
