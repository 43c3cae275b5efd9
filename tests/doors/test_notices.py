"""Notices in both eras of the protocol, on every transport, of two tenants; and what ends with a key."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from websockets.asyncio.client import connect

from letterlock.actions import subscribing
from letterlock.actions.caller import AGENT_SCOPES, Caller, identify
from letterlock.actions.subscribing import Places, Subscriber
from letterlock.actions.tenancy import add_tenant
from letterlock.app import App
from letterlock.doors.mcp_server import build_mcp_server, caller_with
from letterlock.errors import CallerError, LimitReached, NotAllowed, NotFound
from letterlock.ids import DEFAULT_TENANT, OWNER, TenantId
from letterlock.store import tenants
from running import LOCAL_CALLER, Told, arrive, do, make_inbox, one_inbox_caller, screened, served, until

# What the SDK's client calls old is what most clients speak.
pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


async def key_of(app: App, tenant: str = DEFAULT_TENANT, **how: Any) -> str:
    """A key of the person in a tenant, whose agent has the same id in every one."""
    made = await app.database.write(
        TenantId(tenant), lambda tx: tenants.make_key(tx, OWNER, AGENT_SCOPES, app.now_ms(), **how)
    )
    return made.text


async def end_keys(app: App, tenant: str = DEFAULT_TENANT) -> None:
    await app.database.write(TenantId(tenant), lambda tx: tenants.revoke_keys(tx, OWNER, app.now_ms()))


@contextlib.asynccontextmanager
async def told_by(way: Any, mode: str) -> AsyncIterator[Told]:
    told = Told()
    async with Client(way, mode=mode, message_handler=told.hear) as client, told.by(client):  # type: ignore[arg-type]
        yield told


@contextlib.asynccontextmanager
async def over(kind: str, url: str, key: str) -> AsyncIterator[Told]:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        way: Any = streamable_http_client(f"{url}/mcp", http_client=http)
        if kind == "sse":
            way = sse_client(f"{url}/sse", headers=headers)
        async with told_by(way, "auto" if kind == "modern" else "legacy") as told:
            if kind == "legacy":
                # The client opens its stream for notices beside its first calls.
                await asyncio.sleep(0.2)
            yield told


async def nothing_is_open(app: App) -> bool:
    return not app.wake.tenants_watched() and not app.wake.keys_watched()


async def test_each_tenant_is_told_of_its_own_mail_only_and_can_subscribe_to_no_other(app: App) -> None:
    other = await add_tenant(app, "other")
    keys = {DEFAULT_TENANT: await key_of(app), other.tenant_id: await key_of(app, other.tenant_id)}
    callers = {tenant: await identify(app, key) for tenant, key in keys.items()}
    boxes = {tenant: await make_inbox(app, "box", caller) for tenant, caller in callers.items() if caller}
    mine, theirs = boxes.values()
    foreign = (theirs, await _inbox_of(app, callers[other.tenant_id]), "nobody@letterlock.localhost")
    async with served(app) as url:
        async with over("modern", url, keys[other.tenant_id]) as two:
            await two.subscribe(f"inbox://{theirs}")
            for kind in ("modern", "legacy", "sse"):
                async with over(kind, url, keys[DEFAULT_TENANT]) as one:
                    for box in foreign:
                        with pytest.raises(MCPError, match="not found"):
                            await one.subscribe(f"inbox://{box}")
                    await one.subscribe(f"inbox://{mine}")
                    await arrive(app, mine, screened(text="hello"))
                    assert await one.next() == f"inbox://{mine}"
                    await arrive(app, theirs, screened(text="hello"))
                    assert await two.next() == f"inbox://{theirs}"
                    assert one.heard.empty()
                    assert two.heard.empty()
        await until(lambda: nothing_is_open(app))


async def _inbox_of(app: App, caller: Caller | None) -> str:
    assert caller is not None
    return str((await do(app, "list_inboxes", caller)).inboxes[0].inbox_id)


async def test_what_a_key_has_open_ends_with_it(app: App) -> None:
    box = await make_inbox(app)
    key = await key_of(app)
    bearer = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
    async with served(app) as url, httpx2.AsyncClient(base_url=url, headers=bearer, timeout=20) as http:
        began = await http.post("/mcp", json=HELLO)
        session = {"Mcp-Session-Id": began.headers["mcp-session-id"]}
        other = await add_tenant(app, "other")
        foreign = {"Authorization": f"Bearer {await key_of(app, other.tenant_id)}"}
        assert (await http.delete("/mcp", headers={**session, **foreign})).status_code == 404
        async with (
            http.stream("GET", "/sse") as sse,
            http.stream("GET", "/mcp", headers=session) as standing,
            over("modern", url, key) as modern,
            over("legacy", url, key) as legacy,
            connect(f"ws{url[4:]}/lobstermail/v1/ws?token={key}") as socket,
        ):
            await modern.subscribe(f"inbox://{box}")
            await legacy.subscribe(f"inbox://{box}")
            waiting = asyncio.create_task(modern.client.call_tool("wait_for_email", {"inbox": box, "timeout_s": 60}))
            await until(lambda: _waits(app))
            await end_keys(app)
            async with asyncio.timeout(8):
                for stream in (sse, standing):
                    assert stream.status_code == 200
                    # The end, and no broken connection.
                    assert "error" not in await _rest(stream)
                assert "authenticated" in [json.loads(said)["type"] async for said in socket]
                await asyncio.gather(waiting, return_exceptions=True)
            await arrive(app, box, screened(text="hello"))
            await until(lambda: nothing_is_open(app))
            assert legacy.heard.empty()
            assert modern.heard.empty() or modern.heard.get_nowait() == "ended"
            assert (await http.get("/sse")).status_code == 401


async def _waits(app: App) -> bool:
    return bool(app.wake.awaited())


async def _rest(stream: httpx2.Response) -> str:
    return "".join([text async for text in stream.aiter_text()])


async def test_in_one_process_notices_stop_with_the_key_and_at_the_limits(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribing, "MOST_OF_ONE", 2)
    key = await key_of(app)
    boxes = [await make_inbox(app, name) for name in ("one", "two", "three")]
    email_id = await arrive(app, boxes[0], screened(text="hello"))
    thread = (await do(app, "read_email", email_id=email_id)).thread_id

    async def get_app() -> App:
        return app

    async with told_by(build_mcp_server(app.settings, get_app, caller_with(key)), "legacy") as told:
        for uri, why in (
            (f"email://{email_id}", "does not change"),
            ("file:///etc/passwd", "no such"),
            ("", "no such"),
        ):
            with pytest.raises(MCPError, match=why):
                await told.subscribe(uri)
        with pytest.raises(MCPError, match="not found"):
            await told.subscribe("thread://th_unknown")
        await told.subscribe(f"thread://{thread}")
        await told.subscribe(f"inbox://{boxes[1]}")
        await told.subscribe(f"inbox://{boxes[1]}")
        with pytest.raises(MCPError, match="2 subscriptions"):
            await told.subscribe(f"inbox://{boxes[2]}")
        await told.client.unsubscribe_resource(f"inbox://{boxes[1]}")
        await told.subscribe(f"inbox://{boxes[2]}")
        for box in boxes[1:]:
            await arrive(app, box, screened(text="hello"))
        assert await told.next() == f"inbox://{boxes[2]}"
        await do(app, "delete_inbox", inbox=boxes[2])
        assert await told.next() == f"inbox://{boxes[2]}"
        await end_keys(app)
        await until(lambda: nothing_is_open(app))
        await arrive(app, boxes[0], screened(text="hello"))
        await asyncio.sleep(0.05)
        assert told.heard.empty()
        with pytest.raises(MCPError, match="no longer"):
            await told.subscribe(f"inbox://{boxes[0]}")


async def test_places_are_shared_by_a_tenant_and_come_back(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribing, "MOST_OF_TENANT", 3)
    one, two = await make_inbox(app, "one"), await make_inbox(app, "two")
    places = Places()
    first, second = Subscriber(app, LOCAL_CALLER, places), Subscriber(app, LOCAL_CALLER, places)
    await first.add("a", "inbox", one)
    await first.add("b", "inbox", two)
    with pytest.raises(LimitReached):
        Subscriber(app, LOCAL_CALLER, places)
    await second.add("a", "inbox", one)
    with pytest.raises(LimitReached):
        await second.add("b", "inbox", two)
    first.remove("a")
    await second.add("b", "inbox", two)
    only = await one_inbox_caller(app, one)
    second.close()
    limited = Subscriber(app, only, places)
    await limited.add("a", "inbox", one)
    with pytest.raises(NotFound):
        await limited.add("b", "inbox", two)
    with pytest.raises(NotAllowed):
        Subscriber(app, Caller(DEFAULT_TENANT, OWNER, frozenset({"wait"})), places)
    first.close()
    limited.close()
    with pytest.raises(CallerError):
        await limited.add("a", "inbox", one)
    assert not places.by_tenant
