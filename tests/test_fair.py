from __future__ import annotations

import asyncio

import pytest

from letterlock.errors import Unavailable
from letterlock.fair import PATIENCE_S, Ahead, Turns
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


async def test_a_backlog_lets_another_tenant_go_ahead_but_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead, order = Ahead(), list[str]()

    async def backlog() -> None:
        await ahead.let(BUSY)
        order.append("backlog")

    with ahead.going(QUIET):
        standing_back = asyncio.create_task(backlog())
        await asyncio.sleep(PATIENCE_S / 5)
        order.append("quiet")
    await standing_back
    assert order == ["quiet", "backlog"]
    with ahead.going(QUIET):
        async with asyncio.timeout(50 * PATIENCE_S):
            await ahead.let(BUSY)
    with ahead.going(BUSY), ahead.going(BUSY):
        # Its own calls are no others'.
        async with asyncio.timeout(0):
            await ahead.let(BUSY)
    monkeypatch.setattr("letterlock.fair.SMALL_S", 0.0)
    with ahead.going(QUIET):
        # One that takes long, as a server that does not answer, keeps nobody.
        async with asyncio.timeout(0):
            await ahead.let(BUSY)
