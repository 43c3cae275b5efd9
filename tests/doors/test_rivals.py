"""The doors for other services' clients, without the clients: what those do not do, and cannot see."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from fakes import DictResolver, make_certificate, open_relay_sink
from letterlock import claims
from letterlock.actions.caller import AGENT_SCOPES, EVERY_SCOPE
from letterlock.actions.dialects import DIALECTS
from letterlock.actions.following import EmailEvent, Event, InboxEvent, Place
from letterlock.actions.webhooks import notices
from letterlock.app import App, open_app
from letterlock.doors.rivals.lobstermail import build_lobstermail
from letterlock.doors.rivals.lumbox import build_lumbox
from letterlock.doors.rivals.wire import Signups
from letterlock.errors import LimitReached, NotAllowed
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, OWNER, WebhookId
from letterlock.store import tenants
from letterlock.store.webhooks import Webhook
from running import arrive, make_inbox, screened, settings_for


async def no_guard(request: Request) -> Response | None:
    return None


async def client_of(app: App, *, agent: bool = False, signups: int = 0) -> httpx2.AsyncClient:
    who, scopes = (LOCAL_AGENT, AGENT_SCOPES) if agent else (OWNER, EVERY_SCOPE)
    made = await app.database.write(
        DEFAULT_TENANT, lambda tx: tenants.make_key(tx, who, frozenset(scopes), app.now_ms())
    )
    limit = Signups(signups)
    served = Starlette(
        routes=[
            Mount("/lumbox", build_lumbox(app, no_guard, limit)),
            Mount("/lobstermail", build_lobstermail(app, no_guard, limit)),
        ]
    )
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(served),
        base_url="http://localhost",
        headers={"Authorization": f"Bearer {made.text}"},
    )


async def test_a_domain_is_verified_by_its_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = DictResolver()
    monkeypatch.setattr(claims, "fresh_resolver", lambda: resolver)
    settings = settings_for(tmp_path, dns="on", domain_relay_private=True)
    async with open_app(settings) as app, await client_of(app) as http:
        made = (await http.post("/lumbox/v1/domains", json={"domain": "Agents.Example"})).json()
        assert (made["domain"], made["status"]) == ("agents.example", "pending")
        looked = (await http.post(f"/lumbox/v1/domains/{made['id']}/verify", json={})).json()
        assert {one["status"] for one in looked["dns_records"] if one["purpose"] == "ownership"} == {"missing"}
        for one in made["dns_records"]:
            found = resolver.names.setdefault(one["host"].rstrip("."), {})
            value = (one["priority"], one["value"].rstrip(".")) if one["type"] == "MX" else one["value"]
            found.setdefault(one["type"], []).append(value)  # type: ignore[union-attr]
        assert (await http.post(f"/lumbox/v1/domains/{made['id']}/verify", json={})).json()["status"] == "verified"
        theirs = (await http.post(f"/lobstermail/v1/domains/{made['id']}/verify")).json()
        assert (theirs["status"], len(theirs["dnsRecords"])) == ("verified", len(made["dns_records"]))
        box = await http.post("/lobstermail/v1/inboxes", json={"localPart": "support", "domain": "agents.example"})
        assert box.json()["address"] == "support@agents.example"
        # The only verified domain is the one whose mail server is meant.
        context, trusted = make_certificate(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        async with open_relay_sink(starttls=context, login=("apikey", "pa55-word")) as sink:
            asked = {"provider": "sendgrid", "is_default": True, "host": sink.host, "port": sink.port}
            smtp = await http.post("/lumbox/v1/smtp-configs", json={**asked, "api_key": "pa55-word"})
            assert (smtp.status_code, smtp.json()["name"]) == (201, "agents.example"), smtp.text
            assert "pa55-word" not in smtp.text
            assert (await http.get("/lumbox/v1/smtp-configs")).json()["data"] == [smtp.json()]
            tried = f"/lumbox/v1/smtp-configs/{smtp.json()['id']}/test"
            assert (await http.post(tried, json={"to": "who@outside.example"})).json()["success"] is True
            refused = await http.post("/lumbox/v1/smtp-configs", json={**asked, "api_key": "another"})
            assert (refused.status_code, "another" in refused.text, sink.emails) == (409, False, [])
        elsewhere = {**asked, "from_email": "me@elsewhere.example"}
        assert (await http.post("/lumbox/v1/smtp-configs", json=elsewhere)).status_code == 404
        async with await client_of(app, agent=True) as agent:
            assert (await agent.post("/lumbox/v1/smtp-configs", json=asked)).status_code == 403


async def test_a_client_that_rejects_what_it_is_given_waits_until_there_is_more(app: App) -> None:
    async with await client_of(app) as http:
        address = await make_inbox(app)
        await arrive(app, address, screened(text="words", subject="one"))
        since = datetime.now(UTC).replace(year=2020).isoformat()
        path = f"/lobstermail/v1/inboxes/{address}/emails/poll"

        async def asked(**query: Any) -> tuple[list[str], float]:
            began = time.monotonic()
            answer = await http.get(path, params={"since": since, **query})
            assert answer.status_code == 200, answer.text
            return [one["subject"] for one in answer.json()["data"]], time.monotonic() - began

        assert await asked(timeout=5) == (["one"], pytest.approx(0, abs=2))
        subjects, took = await asked(timeout=0.5)
        assert (subjects, took >= 0.5) == (["one"], True)
        assert await asked(timeout=5, subject="one") == (["one"], pytest.approx(0, abs=2))
        again = asyncio.create_task(asked(timeout=20))
        await asyncio.sleep(0.2)
        await arrive(app, address, screened(text="words", subject="two"))
        assert (await again)[0] == ["two", "one"]


async def test_signing_up_is_counted_by_network_and_off_unless_it_is_set(app: App) -> None:
    def request(host: str) -> Request:
        return Request({"type": "http", "client": (host, 1), "headers": []})

    with pytest.raises(NotAllowed):
        Signups(0).count(request("127.0.0.1"))
    limit = Signups(1)
    limit.count(request("2001:db8::1"))
    with pytest.raises(LimitReached):
        limit.count(request("2001:db8::2"))
    limit.count(request("2001:db8:0:1::1"))
    limit.count(request("192.0.2.1"))
    async with await client_of(app) as http:
        for path in ("/lumbox/v1/orgs", "/lobstermail/v1/signup"):
            answer = await http.post(path)
            assert (answer.status_code, answer.json()["error"][:6]) in ((403, "Nobody"), (403, "not_al"))


async def test_nothing_is_changed_where_nothing_may_change(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path)) as app:
        address = await make_inbox(app)
        key = (await client_of(app)).headers["Authorization"]
    async with open_app(settings_for(tmp_path, read_only=True)) as app:
        served = Starlette(routes=[Mount("/lumbox", build_lumbox(app, no_guard, Signups(1)))])
        transport = httpx2.ASGITransport(served)
        headers = {"Authorization": key}
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://localhost/lumbox/v1", headers=headers
        ) as http:
            assert (await http.get(f"/inboxes/{address}")).status_code == 200
            for method, path, body in (
                ("POST", "/inboxes", {}),
                ("DELETE", f"/inboxes/{address}", None),
                ("GET", f"/inboxes/{address}/otp?timeout=0", None),
                ("POST", f"/inboxes/{address}/api-keys", {"name": "x"}),
                ("POST", "/webhooks", {"url": "https://hook.example/"}),
                ("POST", "/orgs", {}),
            ):
                assert (await http.request(method, path, json=body)).status_code == 403, path


_BODIES: tuple[tuple[str, dict[str, str]], ...] = (
    ("[1]", {}), ('{"a": NaN}', {}), ("{", {}), ('{"nobody": 1}', {}), ('{"name": 1}', {}),
    ("x=1", {"Content-Type": "text/plain"}),
)  # fmt: skip


@pytest.mark.parametrize("prefix", ["/lumbox", "/lobstermail"])
async def test_bad_input_is_an_error_in_the_words_of_the_service(app: App, prefix: str) -> None:
    async with await client_of(app) as http:
        for body, headers in _BODIES:
            answer = await http.post(
                f"{prefix}/v1/inboxes", content=body, headers={"Content-Type": "application/json", **headers}
            )
            assert answer.status_code in (400, 415), body
            assert isinstance(answer.json()["error"], str)
        for path, status in (("/v1/inboxes?limit=x", 400), ("/v1/inboxes/%00", 404), ("/v1/no", 404), ("/", 404)):
            answer = await http.get(prefix + path)
            assert answer.status_code == status, path
            assert isinstance(answer.json()["error"], str)
        assert (await http.put(f"{prefix}/v1/inboxes")).json()["error"]
        assert (await http.get(f"{prefix}/v1/inboxes", headers={"Authorization": "Basic eDp5"})).status_code == 401


async def test_an_email_of_one_inbox_is_not_found_by_the_name_of_another(app: App) -> None:
    async with await client_of(app, agent=True) as http:
        mine, other = await make_inbox(app, "mine"), await make_inbox(app, "other")
        email_id = await arrive(app, mine, screened(text="words", subject="subject"))
        for path in (f"/lumbox/v1/inboxes/{{}}/emails/{email_id}", f"/lobstermail/v1/inboxes/{{}}/emails/{email_id}"):
            assert (await http.get(path.format(mine))).status_code == 200
            assert (await http.get(path.format(other))).status_code == 404


def _of_email(level: str, *, begins_thread: bool = True) -> Event:
    at = datetime.now(UTC)
    data = EmailEvent(
        email_id="em_1", inbox_id="ib_1", inbox="a@b.example", thread_id="th_1", level=level, category="other",
        has_code=False, links=0, attachments=0, begins_thread=begins_thread, at=at,
    )  # fmt: skip
    return Event(Place(1, 1), "email.filed", data)


def test_a_webhook_is_told_what_it_wants_in_its_own_words() -> None:
    told = DIALECTS["lobstermail"].told
    assert told(_of_email("normal"), frozenset({"email.received"})) == ("email.received",)
    assert told(_of_email("quarantined"), frozenset({"email.received"})) == ("email.received",)
    assert told(_of_email("quarantined"), frozenset()) == ("email.quarantined",)
    assert told(_of_email("normal"), frozenset({"email.quarantined"})) == ()
    threads = frozenset({"email.received", "email.thread.new", "email.thread.reply"})
    assert told(_of_email("normal"), threads) == ("email.received", "email.thread.new")
    assert told(_of_email("normal", begins_thread=False), threads) == ("email.received", "email.thread.reply")
    assert told(_of_email("normal", begins_thread=False), frozenset({"email.thread.new"})) == ()
    made = Event(Place(1, 2), "inbox.deleted", InboxEvent(inbox_id="ib_1", at=datetime.now(UTC)))
    assert told(made, frozenset()) == ("inbox.expired",)
    assert DIALECTS["lumbox"].told(made, frozenset({"email.received"})) == ()


async def test_a_webhook_that_names_conversations_is_told_of_each_email_twice(app: App) -> None:
    box = await make_inbox(app, "threads")
    await arrive(app, box, screened(text="words", subject="s", message_id="first@x", category="other"))
    await arrive(app, box, screened(text="words", subject="Re: s", message_id="second@x", in_reply_to=("first@x",)))
    wanted = frozenset({"email.received", "email.thread.new", "email.thread.reply"})
    webhook = Webhook(
        DEFAULT_TENANT, WebhookId("wh_1"), "https://x.example", "whsec_x", wanted, None, 0, 0, 0, None, 0, "", None, 0,
        "lobstermail",
    )  # fmt: skip
    found, _, _ = await notices(app, webhook)
    assert [one.kind for one in found] == ["email.received", "email.thread.new", "email.received", "email.thread.reply"]
    assert len({one.event_id for one in found}) == 4
    # What is cut off after the first name of an event is told again from there.
    assert [one.place[0] for one in found] == [0, 1, 1, 2]
    lumbox, _, _ = await notices(app, replace(webhook, events=frozenset({"email.received"}), dialect="lumbox"))
    assert json.loads(lumbox[0].body)["data"]["parsed"]["category"] == "notification"


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_whatever_an_address_claims_to_be_is_counted(host: str) -> None:
    limit = Signups(1)
    request = Request({"type": "http", "client": (host, 1), "headers": []})
    limit.count(request)
    with pytest.raises(LimitReached):
        limit.count(request)
