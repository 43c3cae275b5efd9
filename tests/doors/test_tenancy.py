"""Tenants, agents and keys as their owner makes them at the command line, and as clients use them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from commands import letterlock, letterlock_process
from letterlock.actions import tenancy
from letterlock.app import App
from letterlock.doors.mcp_server import build_mcp_server, caller_with
from letterlock.settings import load_settings
from running import arrive, call, do, make_inbox, over_stdio, refused, screened


def test_an_owner_makes_tenants_agents_and_keys_and_ends_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert letterlock_process(data, "tenant", "add", "acme").stdout.startswith("acme\ttn_")
    assert "already" in letterlock(data, "tenant", "add", "acme").stderr
    assert "\tagent\tag_" in letterlock(data, "agent", "add", "bot", "--tenant", "acme").stdout
    assert "\tperson\tag_" in letterlock(data, "agent", "add", "anna", "--person", "--tenant", "acme").stdout
    made = letterlock(data, "key", "make", "bot", "--tenant", "acme", "--days", "30", "--name", "ci")
    assert made.stdout.startswith("llk_")
    beyond = letterlock(data, "key", "make", "bot", "--tenant", "acme", "--scopes", "read,approve")
    assert (beyond.returncode, beyond.stdout) == (1, "")
    assert "Only a person's key may hold approve" in beyond.stderr
    assert letterlock(data, "key", "make", "anna", "--tenant", "acme", "--scopes", "approve").returncode == 0
    listed = letterlock(data, "key", "list", "--tenant", "acme").stdout
    assert made.stdout.strip() not in listed
    assert f"...{made.stdout.strip()[-4:]}\tbot\tmanage_inboxes,read,send,wait\tuntil " in listed
    assert listed.count("never used") == 2
    key_id = listed.split("\t")[0]
    assert letterlock(data, "key", "list").stdout == "", "the default tenant has none"
    assert "There is no one live key" in letterlock(data, "key", "revoke", key_id).stderr
    rotated = letterlock(data, "key", "rotate", key_id, "--grace-hours", "1", "--tenant", "acme")
    assert rotated.stdout.startswith("llk_")
    assert "ended" in letterlock(data, "key", "revoke", key_id, "--tenant", "acme").stdout
    box = letterlock(data, "inbox", "create", "box", "--tenant", "acme").stdout.strip()
    assert box not in letterlock(data, "inbox", "list").stdout
    assert box in letterlock(data, "inbox", "list", "--tenant", "acme").stdout
    limits = letterlock(data, "tenant", "limit", "acme", "inboxes_per_hour", "500").stdout
    assert "inboxes_per_hour\t500\tof its own" in limits
    assert "waits_per_hour\t200\tdefault" in limits
    assert letterlock(data, "tenant", "limit", "acme", "waits_per_hour", "-3").returncode == 2
    assert "removed" in letterlock(data, "agent", "remove", "bot", "--tenant", "acme").stdout
    assert letterlock(data, "tenant", "close", "acme").stdout == "acme closed, 1 inboxes deleted.\n"
    assert "There is no tenant 'acme'" in letterlock(data, "inbox", "list", "--tenant", "acme").stderr
    assert "closed" in letterlock(data, "tenant", "list", "--closed").stdout


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_key_on_stdio_says_who_calls_until_it_ends(app: App, mode: str) -> None:
    await tenancy.add_tenant(app, "acme")
    admin = await tenancy.at_command_line(app, "acme")
    await tenancy.add_agent(app, "bot", caller=admin)
    key = await tenancy.make_key(app, "bot", scopes=["read", "manage_inboxes"], caller=admin)
    mine = await make_inbox(app, "mine")
    email = await arrive(app, mine, screened(text="words of the default tenant"))

    async def get_app() -> App:
        return app

    async with Client(build_mcp_server(app.settings, get_app, caller_with(key.text)), mode=mode) as client:  # type: ignore[arg-type]
        assert (await call(client, "list_inboxes")).get("inboxes", []) == []
        box = (await call(client, "create_inbox", name="theirs"))["address"]
        assert "not found" in await refused(client, "read_email", email_id=email)
        with pytest.raises(MCPError, match="not found"):
            await client.read_resource(f"email://{email}")
        assert "lacks the scope 'wait'" in await refused(client, "wait_for_email", inbox=box, timeout_s=0)
        await tenancy.revoke_key(app, key.key_id, caller=admin)
        assert "LETTERLOCK_KEY" in await refused(client, "list_inboxes")
    assert [one.address for one in (await do(app, "list_inboxes", admin)).inboxes] == [box]
    async with Client(build_mcp_server(app.settings, get_app, caller_with("llk_wrong")), mode=mode) as client:  # type: ignore[arg-type]
        assert "LETTERLOCK_KEY" in await refused(client, "list_inboxes")


async def test_a_chat_client_with_a_key_in_its_environment_is_that_agent(tmp_path: Path) -> None:
    data = tmp_path / "data"
    letterlock(data, "tenant", "add", "acme")
    letterlock(data, "agent", "add", "bot", "--tenant", "acme")
    key = letterlock(data, "key", "make", "bot", "--tenant", "acme").stdout.strip()
    async with over_stdio(data, "--smtp-port", "0", LETTERLOCK_KEY=key) as client:
        box = (await call(client, "create_inbox", name="theirs"))["address"]
    assert box in letterlock(data, "inbox", "list", "--tenant", "acme").stdout


def test_a_key_among_the_settings_is_not_shown(tmp_path: Path) -> None:
    assert "llk_secret" not in repr(load_settings(data=tmp_path, key="llk_secret"))
