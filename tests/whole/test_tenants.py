"""Whatever two tenants do, in whatever order, nothing of one appears in an answer to the other."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isolation import open_world
from letterlock.actions.caller import AGENT_SCOPES, LOCAL_CALLER, Caller
from letterlock.actions.catalog import ACTIONS
from letterlock.app import open_app
from letterlock.errors import CallerError
from letterlock.ids import InboxId
from running import arrive, do, screened, settings_for


@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large])
@given(st.data(), st.integers(2, 3))
def test_nothing_of_a_tenant_or_of_another_inbox_appears_in_any_answer(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, count: int
) -> None:
    async def live() -> None:
        async with (
            open_app(settings_for(tmp_path_factory.mktemp("tenants"), first_emails=5)) as app,
            open_world(app, count, lambda options: data.draw(st.sampled_from(options))) as world,
        ):
            for _ in range(40):
                await world.step()

    asyncio.run(live())


async def test_every_operation_is_tried_by_every_tenant(tmp_path: Path) -> None:
    chance = random.Random(7)
    async with open_app(settings_for(tmp_path, first_emails=5)) as app, open_world(app, 3, chance.choice) as world:
        for _ in range(150):
            await world.step()
    assert world.calls > 500


async def test_a_key_for_one_inbox_sees_that_inbox_only(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path)) as app:
        one = await do(app, "create_inbox", name="one")
        two = await do(app, "create_inbox", name="two")
        mine = await arrive(app, one.address, screened(text="mine words", subject="mine"))
        foreign = await arrive(app, two.address, screened(text="foreign words", subject="foreign"))
        caller = Caller(LOCAL_CALLER.tenant_id, LOCAL_CALLER.agent_id, AGENT_SCOPES, InboxId(one.inbox_id))
        assert [i.address for i in (await do(app, "list_inboxes", caller)).inboxes] == [one.address]
        assert [e.email_id for e in (await do(app, "list_emails", caller)).emails] == [mine]
        assert [e.email_id for e in (await do(app, "search_emails", caller, query="words")).emails] == [mine]
        thread = (await do(app, "read_email", email_id=foreign)).thread_id
        for tool, arguments in (
            ("read_email", {"email_id": foreign}),
            ("get_thread", {"thread_id": thread}),
            ("extract_links", {"email_id": foreign}),
            ("list_emails", {"inbox": two.address}),
            ("wait_for_otp", {"inbox": two.inbox_id, "timeout_s": 0}),
            ("delete_inbox", {"inbox": two.address}),
            ("create_inbox", {"name": "three"}),
            ("send_email", {"inbox": two.address, "to": ["a@b.example"], "subject": "x", "text": "x"}),
        ):
            with pytest.raises(CallerError):
                await do(app, tool, caller, **arguments)


async def test_a_key_for_one_inbox_finds_it_behind_a_hundred_others(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, inboxes_per_hour=200)) as app:
        for n in range(101):
            await do(app, "create_inbox", name=f"n{n}")
        last = await do(app, "create_inbox", name="last")
        caller = Caller(LOCAL_CALLER.tenant_id, LOCAL_CALLER.agent_id, AGENT_SCOPES, InboxId(last.inbox_id))
        answer = await do(app, "list_inboxes", caller)
        assert [inbox.address for inbox in answer.inboxes] == [last.address]
        everything = await do(app, "list_inboxes")
        assert len(everything.inboxes) == 100
        assert "Only the first 100 are shown" in everything.warning


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
async def test_every_action_asks_for_its_scope(tmp_path: Path, action: Any) -> None:
    async with open_app(settings_for(tmp_path)) as app:
        caller = Caller(LOCAL_CALLER.tenant_id, LOCAL_CALLER.agent_id, AGENT_SCOPES - {action.scope})
        with pytest.raises(CallerError, match=f"lacks the scope '{action.scope}'"):
            await do(app, action.name, caller)
