from __future__ import annotations

import asyncio

import pytest

from letterlock.errors import Unavailable
from letterlock.fair import Turns
from letterlock.ids import TenantId

BUSY, QUIET = TenantId("busy"), TenantId("quiet")


async def test_a_tenant_that_wants_much_makes_no_other_wait_for_all_of_it() -> None:
    turns, order, most = Turns(1, 10), [], 0
    at_once = 0

    async def work(tenant_id: TenantId) -> None:
        nonlocal at_once, most
        async with turns.turn(tenant_id):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            order.append(tenant_id)
            at_once -= 1

    await asyncio.gather(*(work(each) for each in (BUSY, BUSY, BUSY, BUSY, QUIET)))
    assert (order.index(QUIET), len(order), most) == (2, 5, 1)


async def test_more_than_may_wait_are_told_so_and_who_gives_up_leaves_the_place_to_others() -> None:
    turns = Turns(1, 1)
    async with turns.turn(BUSY):
        waiting = asyncio.create_task(turns.turn(BUSY).__aenter__())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="1 calls of this tenant"):
            await turns.turn(BUSY).__aenter__()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(1), turns.turn(QUIET):
        pass
