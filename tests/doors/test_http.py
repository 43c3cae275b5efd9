"""A real server on a free port: keys, Host and Origin, both transports, both eras, two tenants."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client

from letterlock.actions.caller import AGENT_SCOPES
from letterlock.app import App, open_app
from letterlock.doors.http import _address_of, _bind, build_http, owner_key
from letterlock.ids import DEFAULT_TENANT, OWNER, AgentId, TenantId
from letterlock.outbound.mta_sts import read_policy
from letterlock.store import domains, tenants
from letterlock.store.database import Transaction
from running import (
    Served,
    call,
    connects,
    letter,
    over_http,
    post,
    refused,
    served_at,
    serving,
    settings_for,
    wait_until,
)

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("http") / "data") as served:
        wait_until(lambda: connects(served.smtp_port))
        yield served


@pytest.fixture(scope="module")
def other_key(served: Served) -> str:
    """The key of a second tenant, made by another process of the same folder."""

    async def make(tx: Transaction) -> str:
        tenant, agent = TenantId("other"), AgentId("their")
        await tx.run("INSERT INTO tenants (tenant_id, name, created_at) VALUES (:id, 'other', 0)", id=tenant)
        await tx.run(
            "INSERT INTO agents (tenant_id, agent_id, name, created_at) VALUES (:id, :agent, 'a', 0)",
            id=tenant,
            agent=agent,
        )
        return (await tenants.make_key(tx.bound_to(tenant), agent, AGENT_SCOPES, 0)).text

    async def run() -> str:
        async with open_app(settings_for(served.data.parent)) as app:
            return await app.database.write_system(make)

    return asyncio.run(run())


def ask(served: Served, path: str, key: str = "", **headers: str) -> httpx2.Response:
    given = {**ACCEPT, **headers, **({"Authorization": f"Bearer {key}"} if key else {})}
    return httpx2.post(f"{served.url}{path}", json=LIST, headers=given, timeout=20)


async def test_an_event_stream_cannot_be_used_with_another_key(served: Served, other_key: str) -> None:
    async with httpx2.AsyncClient(timeout=20) as http:
        own, foreign = ({"Authorization": f"Bearer {one}"} for one in (served.key, other_key))
        async with http.stream("GET", f"{served.url}/sse", headers=own) as stream:
            # Within the loop: leaving it ends the stream.
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    place = f"{served.url}{line.removeprefix('data: ')}"
                    taken = await http.post(place, json=LIST, headers=foreign)
                    mine = await http.post(place, json=LIST, headers=own)
                    break
    assert (taken.status_code, mine.status_code) == (404, 202)


@pytest.mark.parametrize("path", ["/mcp", "/messages/?session_id=00000000000000000000000000000000"])
@pytest.mark.parametrize("key", ["", "llk_wrong", "Bearer", "llk_" + "x" * 5000])
def test_without_a_right_key_nothing_is_answered(served: Served, path: str, key: str) -> None:
    answer = ask(served, path, key)
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers
    assert "tools" not in answer.text


def test_the_event_stream_needs_a_key_too(served: Served) -> None:
    assert httpx2.get(f"{served.url}/sse", timeout=20).status_code == 401


def test_a_key_in_the_address_does_not_count(served: Served) -> None:
    assert ask(served, f"/mcp?access_token={served.key}&key={served.key}").status_code == 401


def test_figures_are_given_to_a_key_for_them_alone(served: Served) -> None:
    def figures(key: str) -> httpx2.Response:
        return httpx2.get(
            f"{served.url}/metrics", headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=20
        )

    async def make() -> str:
        async with open_app(settings_for(served.data.parent)) as app:
            made = await app.database.write(
                DEFAULT_TENANT, lambda tx: tenants.make_key(tx, OWNER, frozenset({"metrics"}), app.now_ms())
            )
            return made.text

    assert figures("").status_code == 401
    assert figures(served.key).json()["code"] == "not_allowed"
    answer = figures(asyncio.run(make()))
    assert answer.headers["content-type"].startswith("text/plain; version=1.0.0")
    assert "letterlock_postmaster 1.0" in answer.text.splitlines()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example:80"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
    ids=str,
)
def test_a_page_of_somebody_else_cannot_use_a_right_key(served: Served, headers: dict[str, str], status: int) -> None:
    assert ask(served, "/mcp", served.key, **headers).status_code == status


def test_health_is_told_without_a_key_and_says_nothing_else(served: Served) -> None:
    answer = httpx2.get(f"{served.url}/healthz", timeout=20)
    assert answer.status_code == 200
    assert set(answer.json()) == {"status", "version", "problem"}
    assert answer.json()["status"] == "ok"


@pytest.mark.parametrize("path", ["/", "/mcp/x", "/v1/inboxes", "/.env", "/sse/../mcp"])
def test_nothing_else_is_served_without_a_key(served: Served, path: str) -> None:
    assert httpx2.get(f"{served.url}{path}", timeout=20).status_code in (401, 404)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_mail_is_received_and_read_over_http(served: Served, mode: str) -> None:
    async with over_http(served.url, served.key, mode) as client:
        box = (await call(client, "create_inbox", name=f"http-{mode}"))["address"]
        heard: list[float] = []

        async def progress(done: float, *_: Any) -> None:
            heard.append(done)

        waiting = asyncio.create_task(
            client.call_tool("wait_for_email", {"inbox": box, "timeout_s": 30}, progress_callback=progress)
        )
        await asyncio.sleep(0.3)
        await asyncio.to_thread(post, served.smtp_port, box, letter("Hello"))
        answer = (await waiting).structured_content
        assert answer is not None
        assert answer["email"]["subject"] == "Hello"
        assert heard[:1] == [0]


async def test_mail_is_received_and_read_over_sse(served: Served) -> None:
    headers = {"Authorization": f"Bearer {served.key}"}
    for _ in range(2):
        # Each connection enters the protocol's lifespan anew, and the store stays open.
        async with Client(sse_client(f"{served.url}/sse", headers=headers), mode="legacy") as client:
            box = (await call(client, "create_inbox", name="sse"))["address"]
            waiting = asyncio.create_task(call(client, "wait_for_otp", inbox=box, timeout_s=30))
            await asyncio.sleep(0.2)
            await asyncio.to_thread(post, served.smtp_port, box, letter("Code", "Your code is 493817"))
            assert (await waiting)["code"] == "493817"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_key_of_another_tenant_sees_nothing(served: Served, other_key: str, mode: str) -> None:
    async with over_http(served.url, served.key, mode) as mine, over_http(served.url, other_key, mode) as theirs:
        box = (await call(mine, "create_inbox", name=f"mine-{mode}"))["address"]
        await asyncio.to_thread(post, served.smtp_port, box, letter("Private", "only for me"))
        await call(mine, "wait_for_email", inbox=box, since=0, timeout_s=30)
        (email,) = (await call(mine, "list_emails", inbox=box))["emails"]
        assert (await call(theirs, "list_inboxes"))["inboxes"] == []
        assert (await call(theirs, "list_emails"))["emails"] == []
        assert (await call(theirs, "search_emails", query="private"))["emails"] == []
        for tool, arguments in (
            ("list_emails", {"inbox": box}),
            ("read_email", {"email_id": email["email_id"]}),
            ("wait_for_otp", {"inbox": box, "timeout_s": 0}),
            ("delete_inbox", {"inbox": box}),
            ("reply_to_email", {"email_id": email["email_id"], "text": "x"}),
            ("send_email", {"inbox": box, "to": ["a@b.example"], "subject": "x", "text": "x"}),
        ):
            assert "not found" in await refused(theirs, tool, **arguments)
        assert len((await call(mine, "list_emails", inbox=box))["emails"]) == 1


async def test_a_session_cannot_be_taken_over_with_another_tenants_key(served: Served, other_key: str) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    async with httpx2.AsyncClient(timeout=20) as http:
        own = {**ACCEPT, "Authorization": f"Bearer {served.key}"}
        began = await http.post(f"{served.url}/mcp", json=hello, headers=own)
        session = began.headers["mcp-session-id"]
        foreign = {**ACCEPT, "Authorization": f"Bearer {other_key}", "Mcp-Session-Id": session}
        assert (await http.post(f"{served.url}/mcp", json=LIST, headers=foreign)).status_code == 404
        assert (await http.delete(f"{served.url}/mcp", headers=foreign)).status_code == 404


@pytest.mark.parametrize("path", ["/mcp", "/messages/?session_id=00000000000000000000000000000000"])
def test_a_request_that_is_too_long_is_refused_with_an_answer(served: Served, path: str) -> None:
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "' + b"x" * 30_000_000 + b'"}'
    for headers, statuses in (({"Authorization": f"Bearer {served.key}"}, (404, 413)), ({}, (401,))):
        said = httpx2.post(f"{served.url}{path}", content=body, headers={**ACCEPT, **headers}, timeout=30)
        assert said.status_code in statuses
        if said.status_code == 413:
            assert said.headers["content-type"] == "application/problem+json"
            assert said.json()["code"] == "too_large"
            assert "attach_bytes" in said.json()["next_step"]


async def test_a_file_that_the_setting_allows_is_taken_over_http(served: Served) -> None:
    # More than the SDK takes of itself, which is 4 MiB.
    content = base64.b64encode(bytes(3_600_000)).decode()
    async with over_http(served.url, served.key, "auto") as client:
        box = (await call(client, "create_inbox", name="uploads"))["address"]
        sent = await call(
            client,
            "send_email",
            inbox=box,
            to=["a@outside.example"],
            subject="A file",
            text="Here it is.",
            attachments=[f"zeros.bin;base64,{content}"],
        )
    assert sent["state"] == "held"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1"])
async def test_every_address_it_can_bind_makes_a_working_address_to_show(app: App, host: str) -> None:
    key = await owner_key(app, renew=False)
    with _bind(app.settings.model_copy(update={"http_host": host, "http_port": 0})) as bound:
        url = _address_of(bound)
        port = url.rpartition(":")[2]
        assert url == f"http://{'localhost' if host == '::1' else '[::]' if host == '::' else host}:{port}"
        shown = "[::1]" if ":" in host else "127.0.0.1"
        async with served_at(app, bound, url), httpx2.AsyncClient(timeout=20) as client:
            assert (await client.get(f"http://{shown}:{port}/healthz")).status_code in (200, 503)
            headers = {**ACCEPT, "Authorization": f"Bearer {key}"}
            hello = await client.post(f"http://{shown}:{port}/mcp", json=LIST, headers=headers)
            assert hello.status_code not in (401, 403, 421)


async def test_the_policy_of_a_verified_domain_is_at_its_name_and_at_no_other(app: App) -> None:
    async def put(tx: Transaction) -> None:
        for name, state, mode in (
            ("acme.example", "verified", ""),
            ("strict.example", "failing", "enforce"),
            ("quiet.example", "verified", "off"),
            ("new.example", "pending", ""),
        ):
            made = await domains.add(tx, name, "0" * 32, app.now_ms())
            assert made is not None
            await domains.put(tx, replace(made, state=state, mta_sts=mode))  # type: ignore[arg-type]

    await app.database.write(DEFAULT_TENANT, put)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(build_http(app, "http://localhost")), base_url="http://localhost"
    ) as http:

        async def ask(host: str) -> httpx2.Response:
            return await http.get("/.well-known/mta-sts.txt", headers={"Host": host})

        for host, mode in (("mta-sts.acme.example", "testing"), ("MTA-STS.strict.example.:443", "enforce")):
            answer = await ask(host)
            assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
            found = read_policy(answer.content)
            assert found is not None
            assert (found.mode, found.mx) == (mode, ("letterlock.localhost",))
        for host in (
            "acme.example", "localhost", "mta-sts.", "mta-sts.new.example", "mta-sts.quiet.example", "mta-sts.com",
            "mta-sts.mta-sts.acme.example", "mta-sts.' OR 1=1", "x" * 2000,
        ):  # fmt: skip
            assert (await ask(host)).status_code == 404, host
