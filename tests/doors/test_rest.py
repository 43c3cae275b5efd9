"""REST on /v1: a table of routes that says the truth of itself; every error a problem document that says what to do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import uvicorn
from jsonschema import Draft202012Validator
from starlette.requests import Request
from starlette.responses import Response

from letterlock.actions import following
from letterlock.actions.caller import AGENT_SCOPES, EVERY_SCOPE
from letterlock.app import App
from letterlock.doors.http import build_http
from letterlock.doors.rest import build_rest
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, OWNER
from letterlock.store import tenants
from running import letter, receive, until


async def no_guard(request: Request) -> Response | None:
    return None


@dataclass(slots=True)
class Rest:
    """A client of a key whose every answer is compared with the OpenAPI document."""

    client: httpx2.AsyncClient
    document: dict[str, Any]
    key: str

    async def __call__(self, method: str, path: str, *, status: int | None = None, **how: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", **how.pop("headers", {})}
        answer = await self.client.request(method, f"/v1{path}", headers=headers, **how)
        self.check(method, path, answer)
        if status is not None:
            assert answer.status_code == status, answer.text
        return answer

    async def get(self, path: str, **query: Any) -> Any:
        return (await self("GET", path, params=query, status=200)).json()

    async def post(self, path: str, status: int = 200, **body: Any) -> Any:
        return (await self("POST", path, json=body, status=status)).json()

    def check(self, method: str, path: str, answer: httpx2.Response) -> None:
        told = operation(self.document, method, path.partition("?")[0])
        if told is None:
            return
        assert str(answer.status_code) in told["responses"], (method, path, answer.status_code, answer.text)
        content = told["responses"][str(answer.status_code)]["content"]
        schema = content[answer.headers["content-type"].partition(";")[0]]["schema"]
        whole = {**schema, "components": self.document["components"]}
        Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(answer.json())


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """What the document says of a request; a written path goes before one with names in it."""
    parts = path.split("/")
    fitting = [
        template
        for template in document["paths"]
        if len(parts) == len(names := template.split("/"))
        and all(name.startswith("{") or name == part for name, part in zip(names, parts, strict=True))
    ]
    for template in sorted(fitting, key=lambda one: one.count("{")):
        if method.lower() in document["paths"][template]:
            found: dict[str, Any] = document["paths"][template][method.lower()]
            return found
    return None


def client_of(app: App) -> httpx2.AsyncClient:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    served = Starlette(routes=[Mount("/v1", build_rest(app, no_guard))])
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(served), base_url="http://localhost")


async def key_of(app: App, *scopes: str, agent: str = OWNER, **how: Any) -> str:
    made = await app.database.write(
        DEFAULT_TENANT,
        lambda tx: tenants.make_key(tx, agent, scopes or EVERY_SCOPE, app.now_ms(), **how),  # type: ignore[arg-type]
    )
    return made.text


@pytest.fixture
async def rest(app: App) -> AsyncIterator[Rest]:
    """With the key of a person that may do everything."""
    async with client_of(app) as client:
        document = (await client.get("/v1/openapi.json")).json()
        yield Rest(client, document, await key_of(app))


async def test_mail_is_received_read_and_answered(app: App, rest: Rest) -> None:
    box = await rest.post("/inboxes", 201, name="shop")
    email_id = await receive(app, box["address"], letter("Hello", "See https://shop.example/x"))
    assert [one["email_id"] for one in (await rest.get("/emails", inbox=box["address"]))["emails"]] == [email_id]
    read = await rest.get(f"/emails/{email_id}")
    assert "shop.example" in read["text"]
    assert (await rest.get("/links", email_id=email_id))["others"][0]["host"] == "shop.example"
    sent = await rest.post(f"/emails/{email_id}/reply", 202, text="Thank you.")
    assert sent["to"] == ["anna@shop.example"]
    assert (await rest.get(f"/submissions/{sent['submission_id']}"))["state"] == sent["state"]
    assert len((await rest.get(f"/threads/{read['thread_id']}"))["entries"]) == 2


# --- consumers --------------------------------------------------------------------------------------------------------


async def given(rest: Rest, **query: Any) -> list[str]:
    return [email["subject"] for email in (await rest.get("/receive", **query))["emails"]]


async def test_each_consumer_is_given_each_email_once(app: App, rest: Rest) -> None:
    box = (await rest.post("/inboxes", 201, name="shared"))["address"]
    for n in range(3):
        await receive(app, box, letter(f"Number {n}"))
    for consumer in ("first", "second"):
        assert await given(rest, consumer=consumer, limit=2) == ["Number 0", "Number 1"]
        assert await given(rest, consumer=consumer, inbox=box, limit=1) == ["Number 0"]
        assert await given(rest, consumer=consumer) == ["Number 2"]
        assert await given(rest, consumer=consumer) == []
    await receive(app, box, letter("Number 3"))
    assert await given(rest, consumer="second", inbox=box) == ["Number 1", "Number 2", "Number 3"]
    assert await given(rest, consumer="first") == ["Number 3"]
    assert await given(rest, consumer="late", start="now") == []
    waiting = {
        (one["consumer"], bool(one["inbox_id"])): one["waiting"] for one in (await rest.get("/consumers"))["consumers"]
    }
    assert waiting == {
        ("first", False): 0,
        ("first", True): 3,
        ("late", False): 0,
        ("second", False): 1,
        ("second", True): 0,
    }


async def test_a_lost_answer_can_be_had_again(app: App, rest: Rest) -> None:
    box = (await rest.post("/inboxes", 201, name="lost"))["address"]
    for n in range(3):
        await receive(app, box, letter(f"Number {n}"))
    for where in ({}, {"inbox": box}):
        assert await given(rest, consumer="one", limit=2, **where) == ["Number 0", "Number 1"]
        assert await given(rest, consumer="one", again=True, **where) == ["Number 0", "Number 1"]
        assert await given(rest, consumer="one", **where) == ["Number 2"]
        assert await given(rest, consumer="one", **where) == []
        assert await given(rest, consumer="one", again=True, **where) == ["Number 2"]


async def test_receive_waits_for_the_first(app: App, rest: Rest) -> None:
    box = (await rest.post("/inboxes", 201, name="slow"))["address"]
    for where in ({}, {"inbox": box}):
        waiting = asyncio.create_task(given(rest, consumer="one", timeout_s=20, **where))
        await asyncio.sleep(0.1)
        await receive(app, box, letter("At last"))
        assert await waiting == ["At last"]


async def test_a_consumer_is_forgotten_and_begins_anew(app: App, rest: Rest) -> None:
    box = (await rest.post("/inboxes", 201, name="again"))["address"]
    await receive(app, box, letter("Hello"))
    assert await given(rest, consumer="one") == await given(rest, consumer="one", inbox=box) == ["Hello"]
    await rest("DELETE", "/consumers/one", status=200)
    await rest("DELETE", "/consumers/one", status=404)
    assert await given(rest, consumer="one") == ["Hello"]


async def test_agents_and_keys_for_one_inbox_have_consumers_of_their_own(app: App, rest: Rest) -> None:
    mine = await rest.post("/inboxes", 201, name="mine")
    other = await rest.post("/inboxes", 201, name="other")
    await receive(app, mine["address"], letter("Mine"))
    await receive(app, other["address"], letter("Other"))
    assert await given(rest, consumer="one") == ["Mine", "Other"]
    agent = Rest(rest.client, rest.document, await key_of(app, *AGENT_SCOPES, agent=LOCAL_AGENT))
    assert await given(agent, consumer="one") == ["Mine", "Other"]
    key = await key_of(app, *AGENT_SCOPES, agent=LOCAL_AGENT, inbox_id=mine["inbox_id"])
    narrow = Rest(rest.client, rest.document, key)
    assert await given(narrow, consumer="one") == ["Mine"]
    assert [one["inbox_id"] for one in (await narrow.get("/consumers"))["consumers"]] == [mine["inbox_id"]]
    await narrow("GET", "/receive", params={"consumer": "one", "inbox": other["address"]}, status=404)


async def test_what_was_received_counts_as_shown(app: App, rest: Rest) -> None:
    box = (await rest.post("/inboxes", 201, name="shown"))["address"]
    email_id = await receive(app, box, letter("Hello"))
    await given(rest, consumer="one")
    assert (OWNER, email_id) in app.shown


# --- events -----------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def served(app: App) -> AsyncIterator[str]:
    """A real server of `app` in this loop; its address. Streams cannot be read otherwise."""
    config = uvicorn.Config(build_http(app, "http://localhost"), log_config=None, timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            app.wake.end_waits()
            server.should_exit = True
            await task


@dataclass(slots=True)
class Told:
    id: str
    kind: str
    data: dict[str, Any]


async def told(lines: AsyncIterator[str]) -> AsyncIterator[Told]:
    """The events of a stream, parsed as a browser does."""
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "data" in fields:
            yield Told(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}


class Stream:
    """An open event stream."""

    def __init__(self, url: str, key: str, after: str = "") -> None:
        self.url, self.key, self.after = url, key, after

    async def __aenter__(self) -> Stream:
        self._stack = contextlib.AsyncExitStack()
        client = await self._stack.enter_async_context(httpx2.AsyncClient(base_url=self.url, timeout=20))
        headers = {"Authorization": f"Bearer {self.key}", **({"Last-Event-ID": self.after} if self.after else {})}
        answer = await self._stack.enter_async_context(client.stream("GET", "/v1/events", headers=headers))
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        self.events = told(answer.aiter_lines())
        self.ready = await self.next()
        assert self.ready.kind == "ready"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def next(self) -> Told:
        async with asyncio.timeout(15):
            return await anext(self.events)

    async def until(self, kind: str) -> Told:
        while (event := await self.next()).kind != kind:
            pass
        return event


async def test_events_tell_what_happens_and_go_on_where_a_client_was_cut_off(app: App, rest: Rest) -> None:
    async with served(app) as url:
        async with Stream(url, rest.key) as stream:
            box = await rest.post("/inboxes", 201, name="events")
            assert (await stream.next()).data["inbox_id"] == box["inbox_id"]
            first = await receive(app, box["address"], letter("One", sender="Anna <anna@secret.example>"))
            event = await stream.until("email.filed")
            assert event.data["email_id"] == first
            assert "secret" not in json.dumps(event.data)
        second = await receive(app, box["address"], letter("Two"))
        third = await receive(app, box["address"], letter("Three"))
        async with Stream(url, rest.key, event.id) as again:
            assert [(await again.until("email.filed")).data["email_id"] for _ in range(2)] == [second, third]
        async with Stream(url, rest.key, stream.ready.id) as from_start:
            assert (await from_start.next()).kind == "inbox.created"
            found = [(await from_start.until("email.filed")).data["email_id"] for _ in range(3)]
            assert found == [first, second, third]
        async with Stream(url, rest.key) as now:
            fourth = await receive(app, box["address"], letter("Four"))
            assert (await now.next()).data["email_id"] == fourth


async def test_events_tell_what_becomes_of_a_submission(app: App, rest: Rest) -> None:
    async with served(app) as url, Stream(url, rest.key) as stream:
        box = (await rest.post("/inboxes", 201, name="sender"))["address"]
        other = (await rest.post("/inboxes", 201, name="reader"))["address"]
        sent = await rest.post("/emails", 202, inbox=box, to=[other], subject="Hello", text="Hello there.")
        event = await stream.until("email.delivered")
        assert event.data["submission_id"] == sent["submission_id"]
        assert event.data["recipients"] == {other: "delivered"}
        held = await rest.post("/emails", 202, inbox=box, to=["a@outside.example"], subject="Hello", text="Hello.")
        assert held["state"] == "held"
        assert (await stream.until("submission.held")).data["submission_id"] == held["submission_id"]
        await rest.post(f"/submissions/{held['submission_id']}/cancel")
        assert (await stream.until("submission.cancelled")).data["state"] == "cancelled"


async def test_a_key_for_one_inbox_hears_of_that_one_only(app: App, rest: Rest) -> None:
    mine = await rest.post("/inboxes", 201, name="mine")
    other = await rest.post("/inboxes", 201, name="other")
    key = await key_of(app, "read", agent=LOCAL_AGENT, inbox_id=mine["inbox_id"])
    async with served(app) as url, Stream(url, key) as stream:
        await receive(app, other["address"], letter("Not yours"))
        await rest.post("/emails", 202, inbox=mine["address"], to=[other["address"]], subject="x", text="y")
        email_id = await receive(app, mine["address"], letter("Yours"))
        event = await stream.next()
        assert (event.kind, event.data["email_id"]) == ("email.filed", email_id)


async def test_streams_end_when_the_server_stops_or_the_key_is_taken_back(
    app: App, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "HEARTBEAT_S", 0.2)
    key = await key_of(app, "read", agent=LOCAL_AGENT)
    async with served(app) as url, Stream(url, key) as revoked, Stream(url, rest.key) as stopped:
        await app.database.write(DEFAULT_TENANT, lambda tx: tenants.revoke_keys(tx, LOCAL_AGENT, app.now_ms()))
        with pytest.raises(StopAsyncIteration):
            await revoked.next()
        app.wake.end_waits()
        with pytest.raises(StopAsyncIteration):
            await stopped.next()


async def test_only_so_many_streams_are_open_at_once(app: App, rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_STREAMS_OF_TENANT", 2)
    async with served(app) as url:
        async with Stream(url, rest.key), Stream(url, rest.key):
            headers = {"Authorization": f"Bearer {rest.key}"}
            refused = await asyncio.to_thread(httpx2.get, f"{url}/v1/events", headers=headers)
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) > 0
        await until(lambda: _opens(url, rest.key))


async def _opens(url: str, key: str) -> bool:
    try:
        async with Stream(url, key):
            return True
    except AssertionError:
        return False


@pytest.mark.parametrize("after", ["x", "1", "1-", "-1-2", "1-2-3", "9999-0", "0-9999", "9" * 40 + "-0", "１-２"])
async def test_an_id_that_no_event_had_is_refused(rest: Rest, after: str) -> None:
    answer = await rest("GET", "/events", params={"after": after}, status=422)
    assert answer.json()["code"] == "invalid_request"
