from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock import lookout
from letterlock.actions.inboxes import own_inbox
from letterlock.app import App, open_app
from letterlock.wake import Wake
from running import LOCAL_CALLER, arrive, do, make_inbox, screened, settings_for


@pytest.fixture
async def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[App, App]]:
    """Two processes' worth of one folder between which every hint is lost."""
    monkeypatch.setattr(lookout, "POLL_S", 0.05)
    monkeypatch.setattr(Wake, "hint", lambda self, *topics: None)
    async with open_app(settings_for(tmp_path)) as one, open_app(settings_for(tmp_path)) as other:
        yield one, other


async def id_of(app: App, address: str) -> str:
    return str((await own_inbox(app, LOCAL_CALLER, address)).inbox_id)


async def watched(app: App) -> None:
    async with asyncio.timeout(5):
        while not app.wake.tenants_watched():
            await asyncio.sleep(0.005)


async def test_mail_is_found_though_every_hint_is_lost(two: tuple[App, App]) -> None:
    here, there = two
    box = await make_inbox(here)
    calling = asyncio.create_task(do(here, "wait_for_email", inbox=box, timeout_s=30))
    await watched(here)
    await asyncio.sleep(0.2)
    email_id = await arrive(there, box, screened(text="hello"))
    async with asyncio.timeout(5):
        assert (await calling).email.email_id == email_id


async def test_mail_that_came_before_the_first_look_is_found_too(two: tuple[App, App]) -> None:
    here, there = two
    box = await make_inbox(here)
    with here.wake.watch(await id_of(here, box), tenant="default") as watch:
        await arrive(there, box, screened(text="hello"))
        async with asyncio.timeout(5):
            await watch.wait(60)
        assert watch.rung


async def test_only_those_whose_inbox_got_mail_are_rung(two: tuple[App, App]) -> None:
    here, there = two
    got, idle = await make_inbox(here, "got"), await make_inbox(here, "idle")
    its_id, other_id = await id_of(here, got), await id_of(here, idle)
    with here.wake.watch(its_id, tenant="default") as its, here.wake.watch(other_id, tenant="default") as other:
        for _ in range(2):
            # At the first look, and at a later one.
            await arrive(there, got, screened(text="hello"))
            await its.wait(5)
            await other.wait(0.2)
            assert (its.rung, other.rung) == (True, False)


async def test_a_store_that_cannot_be_read_for_a_while_ends_nothing(
    two: tuple[App, App], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = two
    box = await make_inbox(here)
    asked = 0

    async def fails(tx: object, tenant_ids: object) -> object:
        nonlocal asked
        asked += 1
        raise lookout.StoreError("The mail store is busy.")

    with here.wake.watch(await id_of(here, box), tenant="default") as watch:
        with monkeypatch.context() as patch:
            patch.setattr(lookout.tenants, "places", fails)
            async with asyncio.timeout(5):
                while asked < 2:
                    await asyncio.sleep(0.01)
        await arrive(there, box, screened(text="hello"))
        await watch.wait(5)
        assert watch.rung
