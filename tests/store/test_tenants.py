from __future__ import annotations

from letterlock.actions.caller import AGENT_SCOPES, identify
from letterlock.app import App
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT
from letterlock.store import tenants


async def test_a_key_names_its_tenant_agent_and_scopes(app: App) -> None:
    key = await app.database.write(DEFAULT_TENANT, lambda tx: tenants.make_key(tx, LOCAL_AGENT, ["read", "wait"], 1))
    caller = await identify(app, key)
    assert caller is not None
    assert (caller.tenant_id, caller.agent_id) == (DEFAULT_TENANT, LOCAL_AGENT)
    assert caller.scopes == {"read", "wait"}
    assert caller.inbox_id is None


async def test_a_key_is_not_kept_as_it_is(app: App) -> None:
    key = await app.database.write(DEFAULT_TENANT, lambda tx: tenants.make_key(tx, LOCAL_AGENT, AGENT_SCOPES, 1))
    rows = await app.database.read_system(lambda tx: tx.all("SELECT * FROM keys"))
    assert key not in str([dict(row) for row in rows])
    assert await app.database.read(DEFAULT_TENANT, lambda tx: tenants.key_hints(tx, LOCAL_AGENT)) == [key[-4:]]


async def test_unknown_revoked_and_expired_keys_are_nobodys(app: App) -> None:
    key = await app.database.write(DEFAULT_TENANT, lambda tx: tenants.make_key(tx, LOCAL_AGENT, AGENT_SCOPES, 1))
    short = await app.database.write(DEFAULT_TENANT, lambda tx: tenants.make_key(tx, LOCAL_AGENT, AGENT_SCOPES, 1))
    await app.database.write_system(
        lambda tx: tx.run("UPDATE keys SET expires_at = 5 WHERE hint = :hint", hint=short[-4:])
    )
    assert await identify(app, key) is not None
    assert await identify(app, short) is None
    for wrong in ("", "llk_", key[:-1], key + "x", key.upper(), "llk_é"):
        assert await identify(app, wrong) is None, wrong
    assert await app.database.write(DEFAULT_TENANT, lambda tx: tenants.revoke_keys(tx, LOCAL_AGENT, 9)) == 2
    assert await identify(app, key) is None
