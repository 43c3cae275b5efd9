from __future__ import annotations

import asyncio
import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.actions.caller import Caller
from letterlock.actions.tenancy import add_tenant, at_command_line
from letterlock.app import DATABASE_FILE, App
from letterlock.ids import EmailId, TenantId
from letterlock.inbound.filing import _Order
from letterlock.inbound.workers import URGENT_IN_A_ROW, Slots
from letterlock.store import arrivals, queue
from letterlock.store.arrivals import Unfiled
from letterlock.store.turns import MOST_TENANTS, in_turn
from running import do, hand_in, letter, make_inbox


async def tenants(app: App, *names: str) -> list[Caller]:
    for name in names:
        await add_tenant(app, name)
    return sorted([await at_command_line(app, name) for name in names], key=lambda caller: caller.tenant_id)


async def next_unfiled(app: App, limit: int, **how: object) -> list[Unfiled]:
    return await app.database.read_system(lambda tx: arrivals.next_unfiled(tx, limit, **how))  # type: ignore[arg-type]


def whose(found: list[Unfiled]) -> list[str]:
    return [one.receipt.tenant_id for one in found]


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 5)),
    st.sampled_from(["", "c", "h", "z"]),
    st.integers(1, 9),
)
async def test_each_tenant_has_one_before_any_has_a_second(waiting: dict[str, int], after: str, limit: int) -> None:
    async def next_tenant(place: str) -> TenantId | None:
        return next((TenantId(name) for name in sorted(waiting) if name > place), None)

    async def waiting_of(tenant_id: TenantId) -> list[str]:
        return [tenant_id] * waiting[tenant_id]

    found = await in_turn(next_tenant, waiting_of, after, limit)
    assert len(found) == min(limit, sum(waiting.values()))
    served = {name: found.count(name) for name in waiting}
    for name, n in served.items():
        assert n <= waiting[name]
        assert all(n <= other + 1 for who, other in served.items() if other < waiting[who])
    if found:
        assert found[0] == next(name for name in sorted(waiting, key=lambda n: (n <= after, n)) if waiting[name])


async def test_a_look_at_very_many_tenants_ends() -> None:
    asked = 0

    async def next_tenant(place: str) -> TenantId | None:
        nonlocal asked
        asked += 1
        return TenantId(f"{int(place or 0) + 1:09}")

    async def nothing(tenant_id: TenantId) -> list[str]:
        return []

    assert await in_turn(next_tenant, nothing, "", 10) == []
    assert asked == MOST_TENANTS


async def test_a_tenant_with_one_email_does_not_wait_behind_another_with_many(app: App) -> None:
    noisy, quiet = await tenants(app, "one", "two")
    loud, small = await make_inbox(app, "loud", noisy), await make_inbox(app, "small", quiet)
    for n in range(9):
        await hand_in(app, loud, letter(subject=str(n)))
    await hand_in(app, small, letter())
    found = await next_unfiled(app, 4)
    assert whose(found) == [noisy.tenant_id, quiet.tenant_id, noisy.tenant_id, noisy.tenant_id]
    assert [one.receipt.email_id for one in found if one.receipt.tenant_id == noisy.tenant_id] == sorted(
        one.receipt.email_id for one in found if one.receipt.tenant_id == noisy.tenant_id
    )
    assert whose(await next_unfiled(app, 1, after=noisy.tenant_id)) == [quiet.tenant_id]
    assert whose(await next_unfiled(app, 1, after=quiet.tenant_id)) == [noisy.tenant_id]
    besides = [one.receipt.email_id for one in found if one.receipt.tenant_id == quiet.tenant_id]
    assert set(whose(await next_unfiled(app, 20, besides=besides))) == {noisy.tenant_id}


async def test_who_waits_for_a_flood_of_its_own_leaves_turns_to_others(app: App) -> None:
    noisy, waiter, quiet = await tenants(app, "one", "two", "three")
    loud = await do(app, "create_inbox", noisy, name="loud")
    waited = await do(app, "create_inbox", waiter, name="waited")
    small = await make_inbox(app, "small", quiet)
    for n in range(12):
        await hand_in(app, loud.address, letter(subject=str(n)))
    for address in (waited.address, small):
        await hand_in(app, address, letter())
    order, taken = _Order(), list[str]()
    in_work = set[EmailId]()

    async def one_more() -> None:
        awaited = (loud.inbox_id, waited.inbox_id)
        found = await app.database.read_system(lambda tx: order.next(tx, 1, 1, in_work, awaited, None))
        order.note(found)
        in_work.update(one.receipt.email_id for one in found)
        taken.extend(whose(found))

    for _ in range(5):
        await one_more()
    assert set(taken[:2]) == {noisy.tenant_id, waiter.tenant_id}
    assert quiet.tenant_id in taken[:5]


async def test_what_is_awaited_does_not_wait_for_room(app: App) -> None:
    noisy, quiet = await tenants(app, "one", "two")
    loud = await make_inbox(app, "loud", noisy)
    small = await do(app, "create_inbox", quiet, name="small")
    for address in (loud, loud, small.address):
        await hand_in(app, address, letter())
    order = _Order()

    async def found(room: int) -> list[str]:
        return whose(await app.database.read_system(lambda tx: order.next(tx, room, 2, set(), (small.inbox_id,), None)))

    assert await found(0) == [quiet.tenant_id]
    assert (await found(3))[0] == quiet.tenant_id


async def test_the_urgent_go_first_but_not_for_ever() -> None:
    slots = Slots(1)
    went: list[str] = []

    async def go(name: str, *, urgent: bool) -> None:
        async with slots.one(urgent=urgent):
            went.append(name)

    async with asyncio.TaskGroup() as tasks, slots.one():
        for n in range(2):
            tasks.create_task(go(f"other{n}", urgent=False))
        given_up = tasks.create_task(go("given up", urgent=True))
        for n in range(URGENT_IN_A_ROW + 1):
            tasks.create_task(go(f"urgent{n}", urgent=True))
        await asyncio.sleep(0)
        given_up.cancel()
    assert went == ["urgent0", "urgent1", "urgent2", "other0", "urgent3", "other1"]
    await go("after", urgent=False)
    assert went[-1] == "after"


async def test_what_is_urgent_has_a_place_more() -> None:
    slots, order = Slots(1, spare=1), list[str]()
    async with slots.one():
        async with slots.one(urgent=True):
            order.append("at once")
            waiting = asyncio.create_task(_take(slots, order, "behind it"))
            await asyncio.sleep(0)
            assert order == ["at once"]
        async with slots.one(urgent=True):
            order.append("again")
    await waiting
    assert order == ["at once", "again", "behind it"]


async def _take(slots: Slots, order: list[str], name: str) -> None:
    async with slots.one(urgent=True):
        order.append(name)


async def test_deliveries_of_one_lane_are_claimed_in_turn(app: App) -> None:
    noisy, quiet = await tenants(app, "one", "two")
    here = await make_inbox(app, "here")
    for caller, many in ((noisy, 5), (quiet, 1)):
        box = await make_inbox(app, "sender", caller)
        for n in range(many):
            await do(app, "send_email", caller, inbox=box, to=["x@far.example"], subject=str(n), text=f"{here} {n}")
    now = app.now_ms()
    await app.database.write_system(
        lambda tx: tx.run("UPDATE deliveries SET state = 'queued', lane = 'l', next_at = :now", now=now)
    )
    for besides, others in (((), 2), ((noisy.tenant_id,), 1), ((noisy.tenant_id, quiet.tenant_id), 0)):
        assert others == await app.database.read_system(
            lambda tx, besides=besides: queue.count_others(tx, "relay", "l", besides, 9)  # type: ignore[misc]
        )
    assert not await app.database.write_system(
        lambda tx: queue.claim(
            tx, "w", "relay", now, now + 1000, 3, lane="l", besides=(noisy.tenant_id, quiet.tenant_id)
        )
    )
    leases = await app.database.write_system(
        lambda tx: queue.claim(tx, "w", "relay", now, now + 1000, 3, lane="l", after=noisy.tenant_id)
    )
    assert [lease.tenant_id for lease in leases] == [quiet.tenant_id, noisy.tenant_id, noisy.tenant_id]
    rest = await app.database.write_system(
        lambda tx: queue.claim(tx, "w", "relay", now, now + 1000, 9, lane="l", after=noisy.tenant_id)
    )
    assert [lease.tenant_id for lease in rest] == [noisy.tenant_id] * 3


async def test_what_is_next_is_found_by_an_index_however_much_waits(app: App) -> None:
    box = await do(app, "create_inbox", name="box")
    await hand_in(app, box.address, letter())
    plans: list[str] = []
    with sqlite3.connect(app.folder / DATABASE_FILE) as connection:
        for sql in (
            "SELECT tenant_id FROM emails WHERE state = 'received' AND tenant_id > 'a' ORDER BY tenant_id LIMIT 1",
            "SELECT tenant_id, email_id FROM emails WHERE tenant_id = 'a' AND state = 'received'"
            " AND email_id NOT IN ('') AND email_id < 'x' ORDER BY email_id LIMIT 5",
            "SELECT email_id FROM emails WHERE inbox_id = 'a' AND state = 'received' ORDER BY email_id LIMIT 5",
            "SELECT tenant_id FROM deliveries WHERE route = 'relay' AND lane = 'l' AND next_at IS NOT NULL"
            " AND tenant_id > 'a' ORDER BY tenant_id LIMIT 1",
        ):
            plans += [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    connection.close()
    assert len(plans) == 4
    assert all("SEARCH" in plan and "INDEX" in plan for plan in plans), plans
