"""REST on /v1: a table of routes that says the truth of itself; every error a problem document that says what to do."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fakes import Clock
from letterlock.actions import following, tenancy
from letterlock.actions.caller import AGENT_SCOPES, EVERY_SCOPE
from letterlock.app import App, open_app
from letterlock.doors import requests
from letterlock.doors.http import build_http
from letterlock.doors.openapi import Endpoint, describe
from letterlock.doors.rest import ENDPOINTS, build_rest, http_problem
from letterlock.errors import StoreBusy
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, OWNER
from letterlock.store import tenants
from running import arrive, file_all, letter, receive, screened, served, settings_for, until


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
        schema = content[answer.headers["content-type"].partition(";")[0]].get("schema")
        if schema is None:
            return
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

    served = Starlette(
        routes=[Mount("/v1", build_rest(app, no_guard))], exception_handlers={HTTPException: http_problem}
    )
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(served), base_url="http://localhost")


async def key_of(app: App, *scopes: str, agent: str = OWNER, **how: Any) -> str:
    made = await app.database.write(
        DEFAULT_TENANT,
        lambda tx: tenants.make_key(tx, agent, scopes or EVERY_SCOPE, app.now_ms(), **how),  # type: ignore[arg-type]
    )
    return made.text


@contextlib.asynccontextmanager
async def rest_of(app: App) -> AsyncIterator[Rest]:
    """With the key of a person that may do everything."""
    async with client_of(app) as client:
        document = (await client.get("/v1/openapi.json")).json()
        yield Rest(client, document, await key_of(app))


@pytest.fixture
async def rest(app: App) -> AsyncIterator[Rest]:
    async with rest_of(app) as rest:
        yield rest


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


async def test_asking_for_the_headers_only_moves_no_place(app: App, rest: Rest) -> None:
    box = (await rest.post("/inboxes", 201, name="head"))["address"]
    await receive(app, box, letter("Hello"))
    headers = {"Authorization": f"Bearer {rest.key}"}
    refused = await rest.client.head("/v1/receive", params={"consumer": "one"}, headers=headers)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert (await rest.client.head("/v1/emails", headers=headers)).status_code == 200
    assert await given(rest, consumer="one") == ["Hello"]


async def test_receive_waits_for_the_first(app: App, rest: Rest) -> None:
    slow, slower = [(await rest.post("/inboxes", 201, name=name))["address"] for name in ("slow", "slower")]
    # An inbox of each one's own: in that of the first the second would find an email, not wait for one.
    for box, where in ((slow, {}), (slower, {"inbox": slower})):
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


# What a key for one inbox may do, of all GET routes; the others are of the whole tenant.
OF_ONE_INBOX = {
    "list_inboxes", "get_inbox", "wait_for_email", "list_emails", "search_emails", "read_email", "get_attachment",
    "extract_links", "get_raw", "get_file", "get_thread", "list_thread_agents", "list_escalations", "show_escalation",
    "get_delivery_status", "receive", "list_consumers", "list_approvals", "show_approval", "get_approval_file",
    "list_secrets",
}  # fmt: skip


async def test_a_key_for_one_inbox_cannot_tell_what_happens_in_the_others(app: App, rest: Rest) -> None:
    async def furnish(name: str) -> dict[str, str]:
        box = await rest.post("/inboxes", 201, name=name)
        raw = EmailMessage()
        raw["From"], raw["Subject"] = "a@shop.example", name
        raw.set_content(f"Your code is 493817. Password: hunter-{name}-2 https://shop.example/{name}")
        raw.add_attachment("file", filename=f"{name}.txt")
        email_id = await receive(app, box["address"], raw.as_bytes())
        thread_id = (await rest.get(f"/emails/{email_id}"))["thread_id"]
        held = await rest.post(
            "/emails",
            202,
            inbox=box["address"],
            to=["x@out.example"],
            subject=name,
            text=name,
            attachments=["a.txt;base64,YQ=="],
        )
        raised = await rest.post(f"/emails/{email_id}/escalate", 201, reason=name)
        await rest.get("/receive", consumer=f"of-{name}", inbox=box["address"])
        await rest.get(f"/inboxes/{box['address']}/wait", timeout_s=0)
        ids = {"inbox": box["inbox_id"], "email_id": email_id, "thread_id": thread_id, "index": "0"}
        return {**ids, "submission_id": held["submission_id"], "escalation_id": raised["escalation_id"]}

    mine = await furnish("mine")
    key = await key_of(app, *EVERY_SCOPE, inbox_id=mine["inbox"])
    narrow = Rest(rest.client, rest.document, key)
    queries = {
        "wait_for_email": {"timeout_s": "0", "since": "0"},
        "search_emails": {"query": "code"},
        "extract_links": {"email_id": mine["email_id"]},
        "receive": {"consumer": "of-mine"},
    }

    async def seen() -> dict[str, tuple[int, str]]:
        found = {}
        for one in ENDPOINTS:
            if one.method == "GET":
                path = re.sub(r"{(\w+)}", lambda name: mine.get(name[1], "none"), one.path)
                answer = await narrow("GET", path, params=queries.get(one.action.name, {}))
                assert "ratelimit" not in answer.headers
                # The fence around what an email says is another one each time.
                found[one.action.name] = (answer.status_code, re.sub(r"(email|end) [0-9a-f]{32}>>>", "", answer.text))
        return found

    await seen()
    before = await seen()
    for name, (status, text) in before.items():
        assert status == (200 if name in OF_ONE_INBOX else 403), (name, text)
    other = await furnish("other")
    await rest.post("/domains", 201, domain="other.example")
    assert await seen() == before
    for one in ENDPOINTS:
        named = [name for name in one.in_path if name in other and name != "index"]
        if one.method == "GET" and named and one.action.name in OF_ONE_INBOX:
            path = re.sub(r"{(\w+)}", lambda name: other[name[1]], one.path)
            await narrow("GET", path, status=404)


async def test_a_key_for_one_inbox_turns_pages_by_cursors_that_hide_how_much_there_is(app: App, rest: Rest) -> None:
    other = (await rest.post("/inboxes", 201, name="other"))["address"]
    mine = await rest.post("/inboxes", 201, name="mine")
    for n in range(2):
        await receive(app, other, letter("Other"))
        await receive(app, mine["address"], letter(f"Mine {n}"))
    narrow = Rest(rest.client, rest.document, await key_of(app, "read", inbox_id=mine["inbox_id"]))
    for path, query in (("/emails", {}), ("/search", {"query": "mine"})):
        first = await narrow.get(path, limit=1, **query)
        again = await narrow.get(path, limit=1, **query)
        assert first["next_cursor"] != again["next_cursor"]
        assert len(first["next_cursor"]) == 64
        rest_of_it = await narrow.get(path, limit=1, cursor=first["next_cursor"], **query)
        assert [one["subject"] for one in (*first["emails"], *rest_of_it["emails"])] == ["Mine 1", "Mine 0"]
        wide = (await rest.get(path, limit=1, **query))["next_cursor"]
        for wrong in (wide, first["next_cursor"][:-4] + "AAAA", "x"):
            is_problem(await narrow("GET", path, params={"limit": 1, "cursor": wrong, **query}), 422, "invalid_request")
    for wrong in ("0-0", "A" * 64):
        is_problem(await narrow("GET", "/events", params={"after": wrong}), 422, "invalid_request")


async def test_what_was_received_counts_as_shown(app: App, rest: Rest) -> None:
    box = (await rest.post("/inboxes", 201, name="shown"))["address"]
    email_id = await receive(app, box, letter("Hello"))
    await given(rest, consumer="one")
    assert (OWNER, email_id) in app.shown


# --- events -----------------------------------------------------------------------------------------------------------


async def test_a_code_is_kept_for_the_next_when_the_one_who_waited_has_left(app: App, rest: Rest) -> None:
    box = await rest.post("/inboxes", 201, name="shop")

    async def waits() -> bool:
        return bool(app.wake.awaited())

    async def nobody_waits() -> bool:
        return not app.wake.awaited()

    async with served(app) as url:
        async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {rest.key}"}) as client:
            call = client.post(f"/v1/inboxes/{box['inbox_id']}/otp", json={"timeout_s": 60})
            leaving = asyncio.create_task(call)
            await until(waits)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        await until(nobody_waits)
    await arrive(app, box["address"], screened(text="Your code is 493817", code="493817"))
    answer = await rest.post(f"/inboxes/{box['inbox_id']}/otp", timeout_s=0)
    assert (answer["status"], answer["code"]) == ("found", "493817")


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
    async with served(app) as url:
        async with Stream(url, key) as stream:
            await receive(app, other["address"], letter("Not yours"))
            await rest.post("/emails", 202, inbox=mine["address"], to=[other["address"]], subject="x", text="y")
            email_id = await receive(app, mine["address"], letter("Yours"))
            event = await stream.next()
            assert (event.kind, event.data["email_id"]) == ("email.filed", email_id)
        # The numbers in a place are the tenant's, and hidden here.
        assert len(stream.ready.id) == len(event.id) == 64
        async with Stream(url, key, stream.ready.id) as again:
            assert (await again.next()).data["email_id"] == email_id


async def test_streams_and_waits_end_when_the_server_stops_or_the_key_is_taken_back(app: App, rest: Rest) -> None:
    key = await key_of(app, "read", "wait", agent=LOCAL_AGENT)
    box = await rest.post("/inboxes", 201, name="shop")

    async def wait(url: str) -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=20) as client:
            return await client.post(f"/v1/inboxes/{box['inbox_id']}/otp", json={"timeout_s": 60})

    async def waits() -> bool:
        return bool(app.wake.awaited())

    async with served(app) as url, Stream(url, key) as revoked, Stream(url, rest.key) as stopped:
        waiting = asyncio.create_task(wait(url))
        await until(waits)
        began = time.monotonic()
        await app.database.write(DEFAULT_TENANT, lambda tx: tenants.revoke_keys(tx, LOCAL_AGENT, app.now_ms()))
        with pytest.raises(StopAsyncIteration):
            await revoked.next()
        refused = await waiting
        assert is_problem(refused, 401, "unauthorized") and "www-authenticate" in refused.headers
        assert time.monotonic() - began < following.HEARTBEAT_S
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


# --- for people -------------------------------------------------------------------------------------------------------


async def agent_of(app: App, rest: Rest, *scopes: str) -> Rest:
    """A client with a key of the local agent."""
    return Rest(rest.client, rest.document, await key_of(app, *(scopes or AGENT_SCOPES), agent=LOCAL_AGENT))


async def with_attachment(app: App, rest: Rest, name: str = "plan.html") -> str:
    message = EmailMessage()
    message["From"], message["Subject"] = "anna@shop.example", "A file"
    message.set_content("Here it is.")
    message.add_attachment(b"<script>alert(1)</script>", maintype="text", subtype="html", filename=name)
    box = (await rest.post("/inboxes", 201, name="files"))["address"]
    return await receive(app, box, message.as_bytes().replace(b"\n", b"\r\n"))


async def test_a_person_gets_an_email_as_it_came(app: App, rest: Rest) -> None:
    email_id = await with_attachment(app, rest)
    whole = await rest("GET", f"/emails/{email_id}/raw", status=200)
    assert b"Here it is." in whole.content
    assert whole.headers["content-type"] == "message/rfc822"
    part = await rest("GET", f"/emails/{email_id}/attachments/0/raw", status=200)
    assert part.content == b"<script>alert(1)</script>"
    assert part.headers["content-type"] == "application/octet-stream"
    assert part.headers["content-disposition"] == "attachment; filename*=UTF-8''plan.html"
    assert "sandbox" in part.headers["content-security-policy"]
    await rest("GET", f"/emails/{email_id}/attachments/7/raw", status=404)
    agent = await agent_of(app, rest)
    for path in ("raw", "attachments/0/raw"):
        assert (await agent("GET", f"/emails/{email_id}/{path}", status=403)).json()["code"] == "not_allowed"
    await agent("POST", f"/emails/{email_id}/urls", json={}, status=403)
    noted = [(one["action"], one["subject"]) for one in (await rest.get("/audit", limit=2))["entries"]]
    assert noted == [("email.revealed", email_id)] * 2


async def test_a_signed_address_works_without_a_key_until_its_time_is_over(tmp_path: Path) -> None:
    clock = Clock()
    async with open_app(settings_for(tmp_path), clock) as app, rest_of(app) as rest:
        email_id = await with_attachment(app, rest, '日本 "x".html')
        made = await rest.post(f"/emails/{email_id}/urls", 201, index=0, expires_s=60)
        whole = await rest.post(f"/emails/{email_id}/urls", 201)
        got = await rest.client.get(made["url"])
        assert (got.status_code, got.content) == (200, b"<script>alert(1)</script>")
        assert got.headers["content-disposition"].isascii()
        assert b"Here it is." in (await rest.client.get(whole["url"])).content
        token = made["url"].rpartition("/")[2]
        payload, _, signature = token.partition(".")
        for wrong in (payload, f"{payload}.", f".{signature}", f"{payload}.{signature[:-2]}AA", "x", "é.é", token[1:]):
            assert (await rest.client.get(f"/v1/files/{wrong}")).status_code == 404
        clock.advance(61)
        over = await rest.client.get(made["url"])
        assert (over.status_code, over.json()["code"]) == (404, "not_found")
        assert (await rest.client.get(whole["url"])).status_code == 200


async def test_a_signed_address_ends_with_the_person_who_made_it(app: App, rest: Rest) -> None:
    email_id = await with_attachment(app, rest)
    await tenancy.add_agent(app, "eve", person=True)
    key = (await tenancy.make_key(app, "eve", scopes=["reveal"])).text
    made = await Rest(rest.client, rest.document, key).post(f"/emails/{email_id}/urls", 201)
    assert (await rest.client.get(made["url"])).status_code == 200
    await tenancy.remove_agent(app, "eve")
    assert (await rest.client.get(made["url"])).status_code == 404


async def test_a_person_lets_go_exactly_what_they_saw(tmp_path: Path) -> None:
    async with (
        open_app(settings_for(tmp_path, first_emails=5, relay_host="relay.example")) as app,
        rest_of(app) as rest,
    ):
        box = (await rest.post("/inboxes", 201, name="writer"))["address"]
        ids = []
        for n in range(3):
            sent = await rest.post(
                "/emails", 202, inbox=box, to=["a@outside.example"], subject=f"Hello {n}", text="Plain words."
            )
            assert sent["state"] == "held", sent
            assert "`GET /v1/approvals`" in sent["next_step"]
            ids.append(sent["submission_id"])
        page = await rest.get("/approvals", limit=2)
        rest_of_them = await rest.get("/approvals", cursor=page["next_cursor"])
        assert [one["submission_id"] for one in page["approvals"] + rest_of_them["approvals"]] == ids
        shown = await rest.get(f"/approvals/{ids[0]}")
        assert (shown["text"].strip(), shown["attachments"]) == ("Plain words.", [])
        agent = await agent_of(app, rest)
        for method, path, body in (
            ("GET", "", None),
            ("GET", f"/{ids[0]}", None),
            ("POST", f"/{ids[0]}/approve", {"sha256": shown["sha256"]}),
            ("POST", f"/{ids[0]}/deny", {}),
        ):
            await agent(method, f"/approvals{path}", json=body, status=403)
        other = await rest("POST", f"/approvals/{ids[0]}/approve", json={"sha256": "0" * 64}, status=409)
        assert other.json()["code"] == "conflict"
        await rest("POST", f"/approvals/{ids[0]}/approve", json={}, status=422)
        assert (await rest.post(f"/approvals/{ids[0]}/approve", sha256=shown["sha256"]))["state"] == "queued"
        await rest("POST", f"/approvals/{ids[0]}/approve", json={"sha256": shown["sha256"]}, status=409)
        assert (await rest.post(f"/approvals/{ids[1]}/deny"))["state"] == "cancelled"
        assert [one["submission_id"] for one in (await rest.get("/approvals"))["approvals"]] == [ids[2]]
        await rest("GET", "/approvals/sub_none", status=404)


async def test_a_person_sees_all_that_they_would_let_go(tmp_path: Path) -> None:
    async with (
        open_app(settings_for(tmp_path, first_emails=5, relay_host="relay.example")) as app,
        rest_of(app) as rest,
    ):
        box = (await rest.post("/inboxes", 201, name="writer"))["address"]
        sent = await rest.post(
            "/emails",
            202,
            inbox=box,
            to=["a@outside.example"],
            cc=["c@outside.example"],
            bcc=["b@outside.example"],
            subject="Offer",
            text="Plain words.",
            html="<p>Other words, and <b>more</b>.</p>",
            attachments=["offre d\u00e9t\u00e9.txt;base64,aGVsbG8="],
        )
        where = f"/approvals/{sent['submission_id']}"
        shown = await rest.get(where)
        assert [(one["address"][0], one["field"]) for one in shown["recipients"]] == [
            ("a", "to"),
            ("c", "cc"),
            ("b", "bcc"),
        ]
        assert (shown["text"], shown["html_text"], shown["html_differs"]) == (
            "Plain words.",
            "Other words, and more.",
            True,
        )
        assert shown["approve_until"]
        (file,) = shown["attachments"]
        assert file == {
            "index": 0,
            "filename": "offre d\u00e9t\u00e9.txt",
            "content_type": file["content_type"],
            "size": 5,
            "sha256": hashlib.sha256(b"hello").hexdigest(),
            "url": f"/v1{where}/attachments/0",
        }
        got = await rest("GET", f"{where}/attachments/0", status=200)
        assert got.content == b"hello"
        assert "attachment;" in got.headers["content-disposition"]
        assert (await rest.get("/audit", limit=1))["entries"][0]["action"] == "email.file_seen"
        await rest("GET", f"{where}/attachments/1", status=404)
        await rest("GET", f"{where}/attachments/-1", status=422)
        await (await agent_of(app, rest))("GET", f"{where}/attachments/0", status=403)


async def test_a_platform_rules_its_tenants_with_one_key(app: App, rest: Rest) -> None:
    acme = await rest.post("/tenants", 201, name="acme")
    await rest("POST", "/tenants", json={"name": "acme"}, status=409)
    missing = await rest("DELETE", "/tenants/nobody", status=404)
    assert missing.json()["next_step"] == "`GET /v1/tenants` shows them."
    await rest.post("/tenants/acme/rename", name="acme-2")
    assert [one["name"] for one in (await rest.get("/tenants"))["tenants"]] == ["default", "acme-2"]
    limits = await rest.post("/tenants/acme-2/limits", limit="waits_per_hour", most=7)
    assert {"name": "waits_per_hour", "most": 7, "own": True} in limits["limits"]
    usage = await rest.get(f"/tenants/{acme['tenant_id']}/usage")
    assert {one["name"]: one["most"] for one in usage["limits"]}["waits_per_hour"] == 7
    await rest.post("/agents", 201, name="bot", tenant="acme-2")
    made = await rest.post("/keys", 201, agent="bot", tenant="acme-2", days=1, name="first")
    bot = Rest(rest.client, rest.document, made["key"])
    await bot.post("/inboxes", 201, name="theirs")
    assert (await rest.get("/inboxes"))["inboxes"] == []
    (listed,) = (await rest.get("/keys", tenant="acme-2"))["keys"]
    assert (listed["key_id"], listed["name"], listed["hint"]) == (made["key_id"], "first", made["key"][-4:])
    second = await rest.post(f"/keys/{made['key_id']}/rotate", 201, tenant="acme-2")
    await bot("GET", "/inboxes", status=401)
    bot.key = second["key"]
    await bot("GET", "/inboxes", status=200)
    assert (await rest.post("/pause", tenant="acme-2"))["paused"]
    assert not (await rest.get("/pause"))["paused"]
    await rest("DELETE", "/pause", params={"tenant": "acme-2"}, status=200)
    await rest("DELETE", f"/keys/{second['key_id']}", params={"tenant": "acme-2"}, status=200)
    await bot("GET", "/inboxes", status=401)
    assert (await rest("DELETE", "/agents/bot", params={"tenant": "acme-2"})).json()["inboxes_deleted"] == 1
    await rest("DELETE", "/tenants/acme-2", status=200)
    await rest("POST", "/agents", json={"name": "late", "tenant": "acme-2"}, status=404)
    noted = [one["action"] for one in (await rest.get("/audit", limit=100))["entries"]]
    assert "tenant.added" in noted
    assert "key.made" not in noted[: noted.index("tenant.added")]


async def test_admins_of_a_tenant_reach_no_other_and_give_nothing_they_lack(app: App, rest: Rest) -> None:
    await rest.post("/tenants", 201, name="acme")
    await rest.post("/agents", 201, name="anna", person=True, tenant="acme")
    made = await rest.post("/keys", 201, agent="anna", scopes=["admin", "read"], tenant="acme")
    anna = Rest(rest.client, rest.document, made["key"])
    assert [one["name"] for one in (await anna.get("/agents", tenant="acme"))["agents"]] == ["anna", "owner"]
    await anna.post("/agents", 201, name="bot")
    for name in ("default", "nowhere"):
        problem = is_problem(await anna("GET", "/agents", params={"tenant": name}), 404, "not_found")
        assert problem["detail"].replace(name, "NAME") == "There is no tenant 'NAME'."
        told = is_problem(await anna("POST", "/keys", json={"agent": "owner", "tenant": name}), 404, "not_found")
        assert told["detail"].replace(name, "NAME") == "There is no tenant 'NAME'."
    for method, path in (("GET", "/tenants"), ("DELETE", "/tenants/default"), ("GET", "/tenants/nowhere/limits")):
        is_problem(await anna(method, path), 403, "not_allowed")
    # An agent never gets a scope of people, and nobody one that they lack.
    for agent, scopes in (("bot", ["read", "approve"]), ("anna", ["reveal"]), ("owner", ["approve", "read"])):
        is_problem(await anna("POST", "/keys", json={"agent": agent, "scopes": scopes}), 403, "not_allowed")
    strong = await rest.post("/keys", 201, agent="anna", scopes=["reveal"], tenant="acme")
    is_problem(await anna("POST", f"/keys/{strong['key_id']}/rotate", json={}), 403, "not_allowed")
    bot = Rest(rest.client, rest.document, (await anna.post("/keys", 201, agent="bot"))["key"])
    for method, path, body in (
        ("GET", "/agents", None),
        ("GET", "/keys", None),
        ("POST", "/keys", {"agent": "bot"}),
        ("POST", "/pause", {}),
        ("GET", "/reputation", None),
        ("GET", "/tenants", None),
    ):
        is_problem(await bot(method, path, json=body), 403, "not_allowed")
    await anna("POST", "/inboxes/nobody@letterlock.localhost/resume", json={}, status=403)
    await rest("POST", "/inboxes/nobody@letterlock.localhost/resume", json={}, status=404)
    assert (await anna.get("/reputation"))["reputation"] == []


async def test_contacts_and_suppressions_are_kept_by_people(app: App, rest: Rest) -> None:
    for name in ("b@example.com", "@example.org", "a@example.com"):
        await rest.post("/contacts", 201, name=name)
        await rest.post("/suppressions", 201, address=name.replace("@example.org", "c@example.org"))
    for path, key in (("/contacts", "name"), ("/suppressions", "address")):
        kind = path[1:]
        first = await rest.get(path, limit=2)
        second = await rest.get(path, limit=2, cursor=first["next_cursor"])
        assert second["next_cursor"] == ""
        names = [one[key] for one in first[kind] + second[kind]]
        assert len(names) == len(set(names)) == 3
        await rest("GET", path, params={"cursor": first["next_cursor"][:-3]}, status=422)
        await rest("DELETE", f"{path}/a@example.com", status=200)
        await rest("DELETE", f"{path}/a@example.com", status=404)
        agent = await agent_of(app, rest)
        await agent("GET", path, status=403)
        await agent("POST", path, json={key: "x@example.com"}, status=403)
    await rest("POST", "/contacts", json={"name": "@com"}, status=422)


async def test_the_audit_log_is_paged_and_verified(app: App, rest: Rest) -> None:
    for n in range(5):
        await rest.post("/inboxes", 201, name=f"box-{n}")
    numbers, cursor = list[int](), ""
    while True:
        page = await rest.get("/audit", limit=2, cursor=cursor)
        numbers += [one["n"] for one in page["entries"]]
        if not (cursor := page["next_cursor"]):
            break
    assert numbers == list(range(len(numbers), 0, -1))
    found = await rest.get("/audit/verification")
    assert (found["rows"], found["broken_at"], found["fault"], found["erased"]) == (len(numbers), None, "", 0)
    assert (await rest.get("/audit/verification", head=found["head"]))["fault"] == ""
    assert (await rest.get("/audit/verification", head="f" * 64))["fault"] == "unknown"


async def test_mail_is_handed_in_as_bytes(app: App, rest: Rest) -> None:
    box = await rest.post("/inboxes", 201, name="gateway")
    gateway = await agent_of(app, rest, "inbound")
    query = {"to": box["address"].replace("@", "+tag@"), "sender": "anna@shop.example"}
    raw = letter("By hand", Message_ID="<1@shop.example>").replace(b"\r\n", b"\n")
    for duplicate in (False, True):
        (one,) = (await gateway("POST", "/inbound", params=query, content=raw, status=202)).json()["received"]
        assert (one["inbox_id"], one["duplicate"]) == (box["inbox_id"], duplicate)
    await file_all(app)
    (email,) = (await rest.get("/emails"))["emails"]
    assert (email["email_id"], email["subject"]) == (one["email_id"], "By hand")
    assert not (await rest.get(f"/emails/{email['email_id']}"))["authenticated"]
    await (await agent_of(app, rest))("POST", "/inbound", params=query, content=raw, status=403)
    for wrong, status in (
        ({"to": "nobody@letterlock.localhost"}, 404),
        ({"to": "x"}, 404),
        ({}, 422),
        ({**query, "sender": "no address"}, 422),
        ({**query, "raw": "x"}, 422),
    ):
        await gateway("POST", "/inbound", params=wrong, content=raw, status=status)
    await gateway("POST", "/inbound", params=query, content=b"", status=422)
    assert len((await rest.get("/emails"))["emails"]) == 1


# --- errors -----------------------------------------------------------------------------------------------------------


def is_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """RFC 9457: the media type, the status in the body as on the line, and what to do."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"]
    assert body["title"]
    return body


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer llk_wrong", "Basic eDp5", "Bearer é"])
async def test_without_a_right_key_nothing_is_answered(rest: Rest, authorization: str) -> None:
    headers = {"Authorization": authorization.encode()} if authorization else {}
    for method, path in (("GET", "/inboxes"), ("POST", "/emails"), ("GET", "/events")):
        answer = await rest.client.request(method, f"/v1{path}", headers=headers)
        is_problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_in_the_address_does_not_count(rest: Rest) -> None:
    answer = await rest.client.get("/v1/inboxes", params={"key": rest.key, "access_token": rest.key})
    is_problem(answer, 401, "unauthorized")


async def test_a_key_that_ended_does_not_count(app: App, rest: Rest) -> None:
    ended = Rest(rest.client, rest.document, await key_of(app, expires_at=app.now_ms() - 1))
    await ended("GET", "/inboxes", status=401)


async def test_a_key_without_the_scope_is_told_so_before_its_body_is_read(app: App, rest: Rest) -> None:
    scopes = {endpoint.action.scope for endpoint in ENDPOINTS}
    keys = {scope: await key_of(app, *(EVERY_SCOPE - {scope})) for scope in scopes}
    for endpoint in ENDPOINTS:
        narrow = Rest(rest.client, rest.document, keys[endpoint.action.scope])
        answer = await narrow(endpoint.method, filled(endpoint), content=b"not json" if is_post(endpoint) else None)
        assert endpoint.action.scope in is_problem(answer, 403, "not_allowed")["detail"], endpoint


async def test_an_argument_nobody_knows_is_refused(rest: Rest) -> None:
    given = {"colour": "red"}
    for endpoint in ENDPOINTS:
        how: dict[str, Any] = {"json": given} if is_post(endpoint) and not endpoint.raw else {"params": given}
        body = is_problem(await rest(endpoint.method, filled(endpoint), **how), 422, "invalid_request")
        needed = [name for name, about in endpoint.action.request.model_fields.items() if about.is_required()]
        told = "'colour'" in body["detail"] or len(needed) > len(endpoint.in_path) or "{index}" in endpoint.path
        assert told, endpoint


def filled(endpoint: Endpoint) -> str:
    """Its path, with x for each name in it."""
    return re.sub(r"\{\w+\}", "x", endpoint.path)


def is_post(endpoint: Endpoint) -> bool:
    return endpoint.method == "POST"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "malformed"),
        (b"[]", {}, 400, "malformed"),
        (b'"text"', {}, 400, "malformed"),
        (b'{"name": NaN}', {}, 400, "malformed"),
        (b'{"name": "\xff"}', {}, 400, "malformed"),
        (b"[" * 200_000, {}, 400, "malformed"),
        (b"name=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        (b"{}", {"Content-Type": ""}, 415, "unsupported_media_type"),
        (b"<x/>", {"Content-Type": "text/xml"}, 415, "unsupported_media_type"),
        (b"{}", {"Content-Type": 'application/json; charset="UTF-16"'}, 415, "unsupported_media_type"),
        (b"{}", {"Content-Type": "application/json; charset*=iso-8859-1''x"}, 415, "unsupported_media_type"),
        (gzip.compress(b"{}", mtime=0), {"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
        (b'{"name": "one", "name": "two"}', {}, 400, "malformed"),
        (b'{"name": 5}', {}, 422, "invalid_request"),
        (b'{"name": "\\ud800"}', {}, 422, "invalid_request"),
        (b'{"ttl_hours": true}', {}, 422, "invalid_request"),
        (b'{"ttl_hours": 1e400}', {}, 422, "invalid_request"),
        (b" " * 1_100_000, {}, 413, "too_large"),
        (b"", {"Content-Length": "99999999999"}, 413, "too_large"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_body_that_cannot_be_read_changes_nothing(
    rest: Rest, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    sent = {"Content-Type": "application/json", **headers}
    answer = await rest("POST", "/inboxes", content=body, headers=sent)
    assert is_problem(answer, status, code)["next_step"]
    assert (await rest.get("/inboxes"))["inboxes"] == []


async def test_a_header_that_says_two_things_of_a_body_is_refused(rest: Rest) -> None:
    headers = [("Authorization", f"Bearer {rest.key}"), ("Content-Type", "application/json")]
    for name, value, status, code in (
        ("Content-Type", "application/json; charset=latin1", 400, "malformed"),
        ("Content-Encoding", "", 415, "unsupported_media_type"),
    ):
        sent = httpx2.Headers([*headers, (name, value)])
        answer = await rest.client.post("/v1/inboxes", content=b"{}", headers=sent)
        is_problem(answer, status, code)
    assert (await rest.get("/inboxes"))["inboxes"] == []


async def test_a_body_without_a_length_is_stopped_at_the_limit(rest: Rest) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 100_000
            assert sent < 3_000_000
            yield b" " * 100_000

    answer = await rest("POST", "/inboxes", content=endless(), headers={"Content-Type": "application/json"})
    is_problem(answer, 413, "too_large")


async def test_a_body_that_never_comes_is_not_waited_for(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_CHUNK_S", 0.05)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    answer = await rest("POST", "/inboxes", content=stuck(), headers={"Content-Type": "application/json"})
    is_problem(answer, 408, "too_slow")


async def test_what_is_not_there_and_what_is_anothers_are_the_same(app: App, rest: Rest) -> None:
    await tenancy.add_tenant(app, "other")
    theirs = await tenancy.at_command_line(app, "other")
    key = (await tenancy.make_key(app, "owner", scopes=EVERY_SCOPE, caller=theirs)).text
    other = Rest(rest.client, rest.document, key)
    box = await rest.post("/inboxes", 201, name="private")
    email_id = await with_attachment(app, rest)
    sent = await rest.post("/emails", 202, inbox=box["address"], to=["a@outside.example"], subject="x", text="y")
    thread_id = (await rest.get(f"/emails/{email_id}"))["thread_id"]
    await rest.get("/receive", consumer="one")
    await rest.post("/contacts", 201, name="c@example.com")
    made = await rest.post(f"/emails/{email_id}/urls", 201)
    assert made["url"]
    for method, path, body in (
        ("GET", "/inboxes/{inbox}", None),
        ("DELETE", "/inboxes/{inbox}", None),
        ("GET", "/inboxes/{inbox}/wait", None),
        ("POST", "/inboxes/{inbox}/otp", {"timeout_s": 0}),
        ("GET", "/emails/{email}", None),
        ("GET", "/emails/{email}/raw", None),
        ("GET", "/emails/{email}/attachments/0", None),
        ("GET", "/emails/{email}/attachments/0/raw", None),
        ("POST", "/emails/{email}/urls", {}),
        ("POST", "/emails/{email}/reply", {"text": "x"}),
        ("POST", "/emails/{email}/forward", {"to": ["a@b.example"]}),
        ("GET", "/threads/{thread}", None),
        ("GET", "/submissions/{submission}", None),
        ("POST", "/submissions/{submission}/cancel", {}),
        ("GET", "/approvals/{submission}", None),
        ("POST", "/approvals/{submission}/approve", {"sha256": "0" * 64}),
        ("POST", "/approvals/{submission}/deny", {}),
        ("DELETE", "/contacts/c@example.com", None),
        ("DELETE", "/consumers/one", None),
        ("POST", "/inbound?to={address}", None),
        ("GET", "/links?email_id={email}", None),
        ("GET", "/emails?inbox={address}", None),
        ("GET", "/receive?consumer=one&inbox={address}", None),
    ):
        told = []
        for names in (
            {"inbox": box["inbox_id"], "address": box["address"], "email": email_id},
            {"inbox": "ib_0", "address": "nobody@letterlock.localhost", "email": "em_0"},
        ):
            real = names["inbox"] != "ib_0"
            names["submission"] = sent["submission_id"] if real else "sub_0"
            names["thread"] = thread_id if real else "th_0"
            how: dict[str, Any] = {"json": body} if body is not None else {}
            if "inbound" in path:
                how = {"content": letter()}
            answer = await other(method, path.format(**names), **how)
            problem = is_problem(answer, 404, "not_found")
            text = json.dumps(problem)
            for name in names.values():
                text = text.replace(name, "NAME")
            told.append(text)
        assert told[0] == told[1], path
    for path, kind in (("/inboxes", "inboxes"), ("/emails", "emails"), ("/receive?consumer=one", "emails")):
        assert (await other("GET", path, status=200)).json()[kind] == []
    assert (await other("GET", "/contacts", status=200)).json()["contacts"] == []


async def test_cursors_count_for_their_own_call_only(app: App, rest: Rest) -> None:
    for n in range(3):
        await rest.post("/inboxes", 201, name=f"box-{n}")
    first = await rest.get("/inboxes", limit=2)
    second = await rest.get("/inboxes", limit=2, cursor=first["next_cursor"])
    assert [one["address"].partition("@")[0] for one in first["inboxes"] + second["inboxes"]] == [
        "box-0",
        "box-1",
        "box-2",
    ]
    assert second["next_cursor"] == ""
    for path, cursor in (
        ("/audit", first["next_cursor"]),
        ("/inboxes", "x"),
        ("/inboxes", "é" * 3),
        ("/inboxes", "W" * 399),
        ("/emails", first["next_cursor"]),
    ):
        await rest("GET", path, params={"cursor": cursor}, status=422)


async def test_a_method_that_is_not_for_an_address_is_refused_with_those_that_are(rest: Rest) -> None:
    for method in ("PUT", "PATCH", "OPTIONS", "DELETE", "TRACE"):
        answer = await rest(method, "/inboxes")
        is_problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["allow"].replace(" ", "").split(",")) == {"GET", "HEAD", "POST"}


async def test_an_address_that_is_not_there_says_where_all_are_listed(rest: Rest) -> None:
    for path in ("/", "/nothing", "/inboxes/", "/inboxes/a/b/c", "/inboxes/%2F"):
        assert "openapi.json" in is_problem(await rest("GET", path), 404, "not_found")["next_step"], path


async def test_line_ends_in_an_address_lead_nowhere(app: App, rest: Rest) -> None:
    transport = httpx2.ASGITransport(build_http(app, "http://localhost"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in ("/v1/consumers/a%0Ab", "/v1/emails/a%0D%0Ab"):
            answer = await client.delete(path, headers={"Authorization": f"Bearer {rest.key}"})
            is_problem(answer, 404, "not_found")


async def test_an_argument_given_twice_or_in_two_places_is_refused(rest: Rest) -> None:
    is_problem(await rest("GET", "/emails?limit=1&limit=2"), 422, "invalid_request")
    is_problem(await rest("GET", "/inboxes/x?inbox=y"), 422, "invalid_request")
    is_problem(await rest("POST", "/submissions/x/cancel", json={"submission_id": "y"}), 422, "invalid_request")
    is_problem(await rest("POST", "/inboxes?name=x", json={}), 422, "invalid_request")


async def test_the_same_key_sends_once_and_never_something_else(rest: Rest) -> None:
    box = (await rest.post("/inboxes", 201, name="once"))["address"]
    email = {"inbox": box, "to": ["a@outside.example"], "subject": "Hello", "text": "Hello."}
    header = {"Idempotency-Key": "order-7"}
    first, second = [(await rest("POST", "/emails", json=email, headers=header, status=202)).json() for _ in range(2)]
    assert first["submission_id"] == second["submission_id"]
    other = await rest("POST", "/emails", json={**email, "text": "Other."}, headers=header)
    is_problem(other, 409, "conflict")
    both = await rest("POST", "/emails", json={**email, "idempotency_key": "x"}, headers=header)
    is_problem(both, 422, "invalid_request")
    elsewhere = (await rest.post("/inboxes", 201, name="elsewhere"))["address"]
    from_there = await rest("POST", "/emails", json={**email, "inbox": elsewhere}, headers=header)
    is_problem(from_there, 409, "conflict")
    for wrong in ("k" * 201, ""):
        refused = await rest("POST", "/emails", json=email, headers={"Idempotency-Key": wrong})
        is_problem(refused, 422, "invalid_request")
    for wrong in ("", " ", "a\r\nb", "a\x00", "a\u2028b", " k", "k\t"):
        is_problem(await rest("POST", "/emails", json={**email, "idempotency_key": wrong}), 422, "invalid_request")
    is_problem(await rest("POST", "/inboxes", json={}, headers=header), 422, "invalid_request")
    await rest("POST", f"/submissions/{first['submission_id']}/cancel", headers=header, status=200)


async def test_limits_are_told_and_when_to_go_on(tmp_path: Path) -> None:
    few = settings_for(tmp_path, inboxes_per_hour=2, waits_per_hour=1, inbox_per_hour=1)
    async with open_app(few) as app, rest_of(app) as rest:
        left = []
        for n in range(2):
            made = await rest("POST", "/inboxes", json={"name": f"box-{n}"}, status=201)
            assert made.headers["ratelimit-policy"] == '"inboxes_per_hour";q=2;w=3600'
            left.append(made.headers["ratelimit"].partition(";t=")[0])
        assert left == ['"inboxes_per_hour";r=1', '"inboxes_per_hour";r=0']
        answer = await rest("POST", "/inboxes", json={})
        is_problem(answer, 429, "limit_reached")
        assert 3500 < int(answer.headers["retry-after"]) <= 3600
        assert answer.headers["ratelimit"].startswith('"inboxes_per_hour";r=0;t=3')
        box = "box-0@letterlock.localhost"
        await rest("GET", f"/inboxes/{box}/wait", params={"timeout_s": 0}, status=200)
        answer = await rest("POST", f"/inboxes/{box}/otp", json={"timeout_s": 0}, status=429)
        assert int(answer.headers["retry-after"]) > 0
        await rest("GET", "/receive", params={"consumer": "one"}, status=200)
        await rest("GET", "/receive", params={"consumer": "one", "timeout_s": 1}, status=429)
        usage = {one["name"]: (one["most"], one["left"]) for one in (await rest.get("/usage"))["limits"]}
        assert usage == {
            "inboxes_per_hour": (2, 0),
            "waits_per_hour": (1, 0),
            "emails_per_hour": (500, 500),
            "reveals_per_hour": (30, 30),
        }
        email = {"inbox": box, "to": ["a@outside.example"], "subject": "Hi", "text": "One"}
        assert (await rest("POST", "/emails", json=email)).status_code == 202
        answer = await rest("POST", "/emails", json={**email, "text": "Two"})
        is_problem(answer, 429, "limit_reached")
        assert 3500 < int(answer.headers["retry-after"]) <= 3600


async def test_waits_are_up_to_two_minutes(rest: Rest) -> None:
    box = (await rest.post("/inboxes", 201, name="wait"))["address"]
    is_problem(await rest("GET", f"/inboxes/{box}/wait", params={"timeout_s": 121}), 422, "invalid_request")
    is_problem(await rest("POST", f"/inboxes/{box}/otp", json={"timeout_s": 121}), 422, "invalid_request")


async def test_waiting_for_mail_of_no_inbox_counts_as_no_wait(rest: Rest) -> None:
    box = (await rest.post("/inboxes", 201, name="wait"))["address"]

    async def left() -> int:
        return next(one["left"] for one in (await rest.get("/usage"))["limits"] if one["name"] == "waits_per_hour")

    before = await left()
    is_problem(await rest("GET", "/inboxes/nobody@example.com/wait", params={"timeout_s": 0}), 404, "not_found")
    is_problem(await rest("POST", "/inboxes/nobody@example.com/otp", json={"timeout_s": 0}), 404, "not_found")
    is_problem(await rest("POST", f"/inboxes/{box}/otp", json={"timeout_s": 0, "from_": "@"}), 422, "invalid_request")
    assert await left() == before
    await rest.post(f"/inboxes/{box}/otp", timeout_s=0)
    await rest.get(f"/inboxes/{box}/wait", timeout_s=0)
    assert await left() == before - 2


async def test_a_store_that_is_held_is_told_to_try_again(app: App, rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(*_: object, **__: object) -> None:
        raise StoreBusy("The mail store is busy.")

    monkeypatch.setattr(requests, "identify", busy)
    answer = await rest("GET", "/inboxes")
    is_problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_failure_of_ours_tells_nothing_of_it(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(requests, "identify", broken)
    body = is_problem(await rest("GET", "/inboxes"), 500, "internal")
    assert "secret" not in json.dumps(body)


async def test_a_read_only_server_has_no_address_that_changes_anything(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, read_only=True)) as app, client_of(app) as client:
        document = (await client.get("/v1/openapi.json")).json()
        methods = {(path, method) for path, methods in document["paths"].items() for method in methods}
        assert ("/emails", "get") in methods
        assert {method for _, method in methods} == {"get"}
        assert "/receive" not in document["paths"]
        assert (await client.post("/v1/emails", json={})).status_code == 405


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [({"Host": "evil.example"}, 421, "wrong_host"), ({"Origin": "https://evil.example"}, 403, "wrong_origin")],
    ids=str,
)
async def test_a_page_of_somebody_else_cannot_use_a_right_key(
    app: App, rest: Rest, headers: dict[str, str], status: int, code: str
) -> None:
    app_of_all = build_http(app, "http://localhost")
    transport = httpx2.ASGITransport(app_of_all)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in ("/inboxes", "/openapi.json", "/files/x", "/events"):
            answer = await client.get(f"/v1{path}", headers={"Authorization": f"Bearer {rest.key}", **headers})
            is_problem(answer, status, code)


# --- the document -----------------------------------------------------------------------------------------------------


def test_the_document_shows_every_route_with_its_path_arguments() -> None:
    document = describe(ENDPOINTS)
    for one in ENDPOINTS:
        told = document["paths"][one.path][one.method.lower()]
        assert told["operationId"] == one.action.name
        in_path = [parameter["name"] for parameter in told["parameters"] if parameter["in"] == "path"]
        assert in_path == re.findall(r"\{(\w+)\}", one.path)
        assert set(in_path) <= set(one.action.request.model_fields)
    names = [told["operationId"] for methods in document["paths"].values() for told in methods.values()]
    assert len(names) == len(set(names))


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = describe(ENDPOINTS)
    for reference in re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(document)):
        assert reference in document["components"]["schemas"]
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
