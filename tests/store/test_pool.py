from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import callers
from callers import CHOSEN
from letterlock import upkeep
from letterlock.actions.caller import LOCAL_CALLER
from letterlock.actions.inboxes import ChooseInbox, GetPool, PoolShown, create_inbox, get_pool
from letterlock.actions.tenancy import add_tenant, at_command_line
from letterlock.app import App, open_app
from letterlock.errors import Conflict, InvalidRequest, LimitReached
from letterlock.ids import DEFAULT_TENANT
from letterlock.store import audit
from running import clean_environment, do, letter, make_inbox, receive, settings_for


def at(app: App, **later: float) -> App:
    return replace(app, clock=lambda: datetime.now(UTC) + timedelta(**later))


async def shown(app: App) -> PoolShown:
    return await get_pool(app, LOCAL_CALLER, GetPool())


async def ready(app: App) -> int:
    return sum(one.ready for one in (await shown(app)).domains)


async def test_upkeep_keeps_as_many_ready_as_the_settings_say(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, pool_size=60)) as app:
        await upkeep.run_once(app)
        assert await ready(app) == 0, "nobody has used it"
        await make_inbox(app, "first")
        await upkeep.run_once(app)
        assert await ready(app) == 60
        made = {await make_inbox(app, "") for _ in range(3)}
        assert len(made) == 3
        assert await ready(app) == 57
        await make_inbox(app, "named")
        assert await ready(app) == 57
        await upkeep.run_once(app)
        assert await ready(app) == 60


async def test_an_empty_pool_keeps_nobody_waiting(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, pool_size=1)) as app:
        await make_inbox(app, "first")
        await upkeep.run_once(app)
        assert len({await make_inbox(app, "") for _ in range(3)}) == 3


async def test_a_returned_address_rests_and_comes_back_empty_to_its_tenant_alone(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, pool_size=1)) as app:
        await make_inbox(app, "first")
        await upkeep.run_once(app)
        box = await make_inbox(app, "")
        await receive(app, box, letter())
        await do(app, "delete_inbox", inbox=box)
        gone = at(app, days=7.1)
        await upkeep.run_once(gone)
        (domain,) = (await shown(gone)).domains
        assert (domain.ready, domain.resting) == (1, 1)
        await add_tenant(app, "other")
        other = await at_command_line(app, "other")
        local = box.partition("@")[0]
        for later in (gone, at(app, days=8.2)):
            with pytest.raises(Conflict, match="cannot be had"):
                await create_inbox(later, other, ChooseInbox(local_part=local))
        rested = at(app, days=8.2)
        made = [await make_inbox(rested, "") for _ in range(2)]
        assert box in made
        assert (await do(rested, "list_emails", inbox=box)).emails == []


async def test_an_address_that_was_a_tenants_is_never_anothers(app: App) -> None:
    box = await make_inbox(app, "shop")
    await do(app, "delete_inbox", inbox=box)
    late = at(app, days=365)
    await upkeep.run_once(late)
    await add_tenant(app, "other")
    other = await at_command_line(app, "other")
    assert (await make_inbox(late, "shop", other)).startswith("shop-")
    with pytest.raises(Conflict, match="cannot be had"):
        await create_inbox(late, other, ChooseInbox(local_part="s.hop"))
    assert await make_inbox(late, "shop") == box


async def test_what_many_ask_for_at_once_is_made_at_once_and_each_is_answered_for_itself(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, pool_size=4, inboxes_per_hour=8)) as app:
        await make_inbox(app, "first")
        await upkeep.run_once(app)
        gives_up = asyncio.create_task(do(app, "create_inbox"))
        asked = [{"purpose": f"task {n}", "ttl_hours": n + 1} for n in range(9)] + [{"domain": "shop.example"}]
        answering = asyncio.gather(*(do(app, "create_inbox", **one) for one in asked), return_exceptions=True)
        await asyncio.sleep(0)
        gives_up.cancel()
        *answers, strange = await answering
        assert isinstance(strange, InvalidRequest)
        assert "shop.example is not a domain of yours" in strange.what
        assert isinstance(answers[-1], LimitReached)
        made = {one.inbox_id: one for one in answers if not isinstance(one, Exception)}
        assert [one.inbox_id for one in answers if not isinstance(one, Exception)] == list(made)
        assert len({one.address for one in made.values()}) == len(made) == 7
        listed = {one.inbox_id: one.purpose for one in (await do(app, "list_inboxes")).inboxes}
        assert [listed[one] for one in made] == [f"task {n}" for n in range(len(made))]
        assert await ready(app) == 0
        log = await app.database.read(DEFAULT_TENANT, lambda tx: audit.verify(tx))
        assert (log.fault, log.rows) == ("", 8)


async def test_leases_and_limits_are_exact_with_sixteen_callers_in_two_processes(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, **CHOSEN)) as app:
        await make_inbox(app, "first")
        await upkeep.run_once(app)
        other = await asyncio.create_subprocess_exec(
            sys.executable, callers.__file__, str(tmp_path), stdin=PIPE, stdout=PIPE, env=clean_environment()
        )
        assert other.stdout is not None
        assert await asyncio.wait_for(other.stdout.readline(), 60) == b"ready\n"
        here, (output, _) = await asyncio.gather(callers.eight_callers(app), other.communicate(b"\n"))
        there = json.loads(output)
        assert len({*here[0], *there[0]}) == len(here[0]) + len(there[0]) == 100
        assert here[1] + there[1] == 2 * 8 * 9 - 100
        assert here[2] + there[2] == 77
        assert await ready(app) == 0
