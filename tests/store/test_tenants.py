from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from letterlock.actions.caller import AGENT_SCOPES, identify
from letterlock.app import App
from letterlock.errors import NotAllowed
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, OWNER, AgentId, TenantId
from letterlock.store import limits, tenants
from letterlock.store.tenants import PERSON_SCOPES

HOUR = 3_600_000


async def new_key(app: App, scopes: Iterable[str] = AGENT_SCOPES, agent_id: AgentId = LOCAL_AGENT) -> str:
    made = await app.database.write(DEFAULT_TENANT, lambda tx: tenants.make_key(tx, agent_id, scopes, 1))
    return made.text


async def test_a_key_names_its_tenant_agent_and_scopes(app: App) -> None:
    key = await new_key(app, ["read", "wait"])
    caller = await identify(app, key)
    assert caller is not None
    assert (caller.tenant_id, caller.agent_id) == (DEFAULT_TENANT, LOCAL_AGENT)
    assert caller.scopes == {"read", "wait"}
    assert caller.inbox_id is None


async def test_a_key_is_not_kept_as_it_is(app: App) -> None:
    key = await new_key(app)
    rows = await app.database.read_system(lambda tx: tx.all("SELECT * FROM keys"))
    assert key not in str([dict(row) for row in rows])
    assert await app.database.read(DEFAULT_TENANT, lambda tx: tenants.key_hints(tx, LOCAL_AGENT)) == [key[-4:]]


async def test_unknown_revoked_and_expired_keys_are_nobodys(app: App) -> None:
    key = await new_key(app)
    short = await new_key(app)
    await app.database.write_system(
        lambda tx: tx.run("UPDATE keys SET expires_at = 5 WHERE hint = :hint", hint=short[-4:])
    )
    mine = await identify(app, key)
    assert mine is not None
    assert await identify(app, short) is None
    made = await app.database.read_system(lambda tx: tx.all("SELECT tenant_id, key_id FROM keys"))
    # More than one statement takes, with names that fit no key.
    held = [(row["tenant_id"], row["key_id"]) for row in made] + [("other", f"key_{n}") for n in range(250)]

    async def live() -> set[tuple[str, str]]:
        return await app.database.read_system(lambda tx: tenants.live_keys(tx, held, app.now_ms()))

    assert await live() == {mine.key}
    for wrong in ("", "llk_", key[:-1], key + "x", key.upper(), "llk_é"):
        assert await identify(app, wrong) is None, wrong
    assert await app.database.write(DEFAULT_TENANT, lambda tx: tenants.revoke_keys(tx, LOCAL_AGENT, 9)) == 2
    assert await identify(app, key) is None
    assert await live() == set()


@pytest.mark.parametrize("scope", sorted(PERSON_SCOPES))
async def test_an_agents_key_cannot_hold_what_is_a_persons(app: App, scope: str) -> None:
    with pytest.raises(NotAllowed, match=f"Only a person's key may hold {scope}"):
        await new_key(app, ["read", scope])
    caller = await identify(app, await new_key(app, ["read", scope], OWNER))
    assert caller is not None
    assert caller.scopes == {"read", scope}


async def test_a_row_that_gives_an_agent_what_is_a_persons_does_not_count(app: App) -> None:
    key = await new_key(app, ["read"])
    await app.database.write_system(lambda tx: tx.run("UPDATE keys SET scopes = 'admin approve read release reveal'"))
    caller = await identify(app, key)
    assert caller is not None
    assert caller.scopes == {"read"}
    listed = await app.database.read(DEFAULT_TENANT, lambda tx: tenants.keys(tx, 5))
    assert [key.scopes for key in listed] == [{"read"}]


async def test_a_key_of_a_closed_tenant_or_a_removed_agent_is_nobodys(app: App) -> None:
    tenant = await app.database.write_system(lambda tx: tenants.add_tenant(tx, "acme", 1))
    assert tenant is not None
    assert await app.database.write_system(lambda tx: tenants.add_tenant(tx, "acme", 1)) is None
    agent = await app.database.write(tenant, lambda tx: tenants.add_agent(tx, "bot", "agent", 1))
    assert agent is not None
    assert await app.database.write(tenant, lambda tx: tenants.add_agent(tx, "bot", "agent", 1)) is None
    key = (await app.database.write(tenant, lambda tx: tenants.make_key(tx, agent, ["read"], 1))).text
    for change, back in (
        ("UPDATE agents SET removed_at = 1", "UPDATE agents SET removed_at = NULL"),
        ("UPDATE tenants SET closed_at = 1", "UPDATE tenants SET closed_at = NULL"),
    ):
        assert await identify(app, key) is not None
        await app.database.write_system(lambda tx, change=change: tx.run(change))  # type: ignore[misc]
        assert await identify(app, key) is None
        await app.database.write_system(lambda tx, back=back: tx.run(back))  # type: ignore[misc]
    await app.database.write(tenant, lambda tx: tenants.close_tenant(tx, 9))
    assert await identify(app, key) is None
    assert await app.database.write_system(lambda tx: tenants.add_tenant(tx, "acme", 10)) is not None


async def take(app: App, most: int, now: int, tenant: TenantId = DEFAULT_TENANT) -> int:
    return (await app.database.write(tenant, lambda tx: limits.take(tx, "waits_per_hour", most, now)))[1]


async def test_a_limit_counts_any_hour_not_hours_of_the_clock(app: App) -> None:
    for n in range(5):
        assert await take(app, 5, n * 100) == 0
    assert await take(app, 5, HOUR - 1) == 1
    assert await take(app, 5, HOUR) == 0
    assert await take(app, 5, HOUR) == 100
    assert await take(app, 5, HOUR + 100) == 0
    rows = await app.database.read_system(lambda tx: tx.all("SELECT n FROM takes"))
    assert len(rows) == 5, "what can no longer count is not kept"


async def test_several_are_counted_at_once_as_far_as_there_is_room(app: App) -> None:
    async def some(wanted: int, now: int) -> tuple[int, int]:
        return await app.database.write(DEFAULT_TENANT, lambda tx: limits.take(tx, "waits_per_hour", 5, now, wanted))

    assert await some(3, 0) == (3, 0)
    assert await some(4, 100) == (2, HOUR - 100)
    assert await some(4, HOUR) == (3, 100)
    assert await some(9, HOUR + 50) == (0, 50)
    assert await some(9, 3 * HOUR) == (5, HOUR)
    assert await some(1, 4 * HOUR - 1) == (0, 1)


async def test_a_limit_that_changes_counts_what_was_done_before(app: App) -> None:
    for n in range(5):
        assert await take(app, 5, n) == 0
    assert await take(app, 7, 10) == 0
    assert await take(app, 7, 11) == 0
    assert await take(app, 7, 12) == HOUR - 12
    assert await take(app, 3, 13) == HOUR - 13 + 4
    assert await take(app, 0, 14) == HOUR
    assert await take(app, 3, HOUR + 11) == 0


async def test_a_clock_that_steps_back_makes_no_room(app: App) -> None:
    assert await take(app, 1, 5 * HOUR) == 0
    assert await take(app, 1, 0) == HOUR
    assert await take(app, 1, 6 * HOUR) == 0


@pytest.mark.parametrize("most", [1, 7, 50])
async def test_a_limit_is_exact_however_many_ask_at_once(app: App, most: int) -> None:
    answers = await asyncio.gather(*(take(app, most, n % 3) for n in range(120)))
    assert answers.count(0) == most
