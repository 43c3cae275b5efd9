"""The client of Lumbox as PyPI has it, unmodified, against a server: every public method, and what goes wrong."""

from __future__ import annotations

import functools
import hashlib
import hmac
import inspect
import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from aiosmtpd.controller import Controller

from commands import letterlock
from fakes import RelaySink
from running import Seen, Served, connects, free_port, letter, post, serving, wait_until

lumbox = pytest.importorskip(
    "lumbox.client", reason="the client of Lumbox (the extra `dev` has it) is not installed", exc_type=ImportError
)
SCOPES = "read,wait,send,manage_inboxes,manage_domains,route,admin"


@pytest.fixture(scope="module")
def sink() -> Iterator[RelaySink]:
    """The mail server that mail to the outside goes by."""
    sink = RelaySink(port=free_port())
    controller = Controller(sink, hostname=sink.host, port=sink.port)
    controller.start()
    yield sink
    controller.stop()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, sink: RelaySink) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("lumbox") / "data"
    data.mkdir()
    (data / "letterlock.toml").write_text(
        'webhook_private = true\nsignups_per_hour = 2\ndns = "off"\n'
        f'relay_host = "{sink.host}"\nrelay_port = {sink.port}\nrelay_security = "none"\n'
    )
    with serving(data) as served:
        wait_until(lambda: connects(served.smtp_port))
        yield served


@pytest.fixture(scope="module")
def key(served: Served) -> str:
    """Of a person: it may do all that the client asks."""
    made = letterlock(served.data, "key", "make", "owner", "--scopes", SCOPES)
    found = re.search(r"llk_\S+", made.stdout)
    assert found is not None, made.stderr
    return found[0]


@pytest.fixture
def client(served: Served, key: str) -> Iterator[Any]:
    made = lumbox.Lumbox(api_key=key, base_url=f"{served.url}/lumbox/")
    yield made
    made._http.close()


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the client's public methods that were called and came back."""
    names: set[str] = set()
    for name in public_methods():
        owner, _, method = name.partition(".")
        holder = getattr(lumbox, owner)
        original = getattr(holder, method)

        def counted(*args: Any, _original: Any = original, _name: str = name, **kwargs: Any) -> Any:
            answer = _original(*args, **kwargs)
            names.add(_name)
            return answer

        monkeypatch.setattr(holder, method, functools.wraps(original)(counted))
    return names


def public_methods() -> list[str]:
    return [
        f"{holder.__name__}.{name}"
        for holder in (lumbox.Lumbox, lumbox.Inbox, lumbox._InboxApiKeys)
        for name, _ in inspect.getmembers(holder, inspect.isfunction)
        if not name.startswith("_")
    ]


def later(seconds: float, work: Any, *arguments: Any) -> threading.Timer:
    timer = threading.Timer(seconds, work, arguments)
    timer.start()
    return timer


def refused(work: Any, *arguments: Any, **named: Any) -> Any:
    with pytest.raises(lumbox.LumboxError) as caught:
        work(*arguments, **named)
    assert isinstance(caught.value.body["error"], str)
    return caught.value


def test_every_public_method_works(
    served: Served,
    client: Any,
    called: set[str],
    endpoint: tuple[str, Seen],
    sink: RelaySink,
) -> None:
    # Inboxes.
    box = client.create_inbox(name="signup bot")
    assert (box.name, box.status) == ("signup bot", "ACTIVE")
    exact = client.create_inbox(local_part="dev.ops_1")
    assert exact.address == "dev.ops_1@letterlock.localhost"
    assert refused(client.create_inbox, local_part="dev.ops_1").status == 409
    assert {one.id for one in client.list_inboxes()} >= {box.id, exact.id}
    assert client.get_inbox(box.id).address == box.address

    # Webhooks, before there is anything to tell.
    url, seen = endpoint
    hook = client.create_webhook(url)
    assert hook["events"] == ["email.received"]
    assert [one["id"] for one in client.list_webhooks()["data"]] == [hook["id"]]
    assert "secret" not in client.list_webhooks()["data"][0]
    assert client.test_webhook(hook["id"]) == {"success": True, "status_code": 204, "answer": "HTTP 204"}

    # Waiting, with mail that comes meanwhile and mail that was there.
    timer = later(0.3, post, served.smtp_port, box.address, letter("Your code", "Your verification code is 048213."))
    code = box.wait_for_otp(sender="shop.example", timeout=20)
    timer.join()
    assert (code["code"], code["otp"]) == ("048213", "048213")
    assert refused(box.wait_for_otp, timeout=0).status == 408
    post(served.smtp_port, box.address, letter("Invoice 17", "See it at https://shop.example/i/17. 12.50 EUR"))
    arrived = box.wait_for_email(subject="invoice", timeout=20)
    assert "12.50 EUR" in arrived["text_body"]
    assert arrived["html_body"] is None
    assert refused(box.wait_for_email, subject="invoice", timeout=0).status == 408

    # Reading.
    listed = box.list_emails()
    assert [one["subject"] for one in listed["data"]] == ["Invoice 17", "Your code"]
    assert all(one["text_body"] is None for one in listed["data"])
    assert [one["subject"] for one in box.list_emails(category="verification")["data"]] == ["Your code"]
    assert box.list_emails(unread=True, sender="shop.example", since="2020-01-01T00:00:00Z")["data"] == []
    whole = box.get_email(code["email_id"])
    assert "048213" not in json.dumps(whole) + json.dumps(listed)
    assert whole["parsed"]["otp_codes"] == []
    assert whole["parsed"]["has_otp"] is True
    assert [one["id"] for one in client.search_emails(query="invoice")["data"]] == [arrived["id"]]
    assert client.search_emails(query="invoice", sender="nobody.example")["data"] == []

    # What the webhook was told, and that it is signed.
    wait_until(lambda: len(seen) == 3, 30)
    headers, body = seen[1]
    assert headers["x-lumbox-signature"] == hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()
    told = json.loads(body)
    assert (told["event"], told["data"]["inbox_id"]) == ("email.received", box.id)
    assert told["data"]["email_id"] == code["email_id"]
    assert b"048213" not in body
    assert client.delete_webhook(hook["id"])["deleted"] is True

    # Domains; what DNS says of them is asked in test_a_domain_is_verified_by_its_records.
    domain = client.add_domain("mail.shop.example")
    assert (domain["status"], {"TXT", "MX"} <= {one["type"] for one in domain["dns_records"]}) == ("pending", True)
    assert [one["id"] for one in client.list_domains()["data"]] == [domain["id"]]
    assert refused(client.add_domain, "mail.shop.example").status == 409
    assert refused(client.verify_domain, domain["id"]).status == 503
    called.add("Lumbox.verify_domain")

    # A server of the settings is found and really tried; one for a domain is set where domains are verified.
    smtp = client.configure_smtp(provider="custom", host=sink.host, port=sink.port, is_default=True)
    assert [one["id"] for one in client.list_smtp_configs()["data"]] == [smtp["id"]]
    assert client.test_smtp_config(smtp["id"], "who@outside.example") == {"success": True, "error": None, "sent": False}
    assert (sink.asked, sink.emails) == (["who@outside.example"], [])
    sink.rcpt["no@outside.example"] = "550 5.1.1 nobody of that name"
    assert "550" in client.test_smtp_config(smtp["id"], "no@outside.example")["error"]
    sent = refused(client.configure_smtp, provider="sendgrid", host="smtp.other.example", password="pa55-word")
    assert (sent.status, "pa55-word" in sent.body["error"]) == (400, False)
    assert refused(client.test_smtp_config, "relay_nothing", "who@outside.example").status == 404

    # Rules, and who works on a thread.
    rule = client.create_routing_rule(
        name="invoices",
        conditions={"subject": "invoice", "category": "transactional"},
        target_agent_id="local",
        priority=5,
    )
    assert rule["conditions"]["subject"] == {"op": "contains", "value": ["invoice"]}
    assert [one["id"] for one in client.list_routing_rules()["data"]] == [rule["id"]]
    assert (
        refused(client.create_routing_rule, name="x", conditions={"body": "x"}, target_agent_id="local").status == 400
    )
    assert refused(client.create_routing_rule, name="x", conditions={}, target_inbox_id=box.id).status == 400
    thread = arrived["thread_id"]
    assert client.list_thread_agents(thread)["data"] == []
    agents = client.assign_thread(thread, "local", role="OWNER")["data"]
    assert [(one["agent_id"], one["role"]) for one in agents] == [("local", "OWNER")]
    assert refused(client.assign_thread, thread, "local", role="BOSS").status == 400
    assert refused(client.assign_thread, "th_nothing", "local").status == 404
    assert client.unassign_thread(thread, "local")["data"] == []
    assert client.delete_routing_rule(rule["id"])["deleted"] is True
    assert refused(client.delete_routing_rule, rule["id"]).status == 404

    # Keys for one inbox.
    made = client.inboxes.api_keys.create(box.id, name="worker")
    (shown,) = client.inboxes.api_keys.list(box.id)["data"]
    assert shown["id"] == made["id"]
    assert made["api_key"].startswith(shown["key_prefix"])
    assert client.inboxes.api_keys.list(exact.id)["data"] == []
    only = lumbox.Lumbox(api_key=made["api_key"], base_url=f"{served.url}/lumbox")
    assert [one.id for one in only.list_inboxes()] == [box.id]
    assert refused(only.get_inbox, exact.id).status == 404
    assert refused(only.create_inbox).status == 403
    assert refused(client.inboxes.api_keys.delete, exact.id, made["id"]).status == 404
    client.inboxes.api_keys.delete(box.id, made["id"])
    assert refused(only.list_inboxes).status == 401
    only._http.close()

    exact.delete()
    assert refused(client.get_inbox, exact.id).status == 404
    assert called == set(public_methods())


def test_what_goes_wrong_is_an_error_of_the_client(served: Served, client: Any) -> None:
    stranger = lumbox.Lumbox(api_key="ak_wrong", base_url=f"{served.url}/lumbox")
    assert refused(stranger.list_inboxes).status == 401
    stranger._http.close()
    box = client.create_inbox()
    assert refused(client.get_inbox, "inb_nothing").status == 404
    assert refused(box.get_email, "eml_nothing").status == 404
    assert refused(box.list_emails, limit=1000).status == 400
    assert refused(box.list_emails, since="yesterday").status == 400
    assert "verification" in refused(box.list_emails, category="spam").body["error"]
    assert refused(client.search_emails, query="!!!").status == 400
    assert refused(client.create_inbox, local_part="../etc").status == 400
    assert refused(client.create_inbox, local_part="postmaster").status == 409
    assert refused(client.create_webhook, "https://x.example/", events=["no.such"]).status == 400
    assert refused(client._get, "/v1/nothing").status == 404
    assert refused(client._patch, "/v1/inboxes").status == 405
    gone = client.create_inbox()
    gone.delete()
    assert refused(gone.wait_for_email, timeout=1).status == 404


def test_signing_up_sending_and_threads_over_plain_http(served: Served, client: Any) -> None:
    box = client.create_inbox(name="plain")
    with httpx2.Client(base_url=f"{served.url}/lumbox", timeout=30) as http:
        new = http.post("/v1/orgs", json={"name": "acme"})
        assert new.status_code == 201
        other = {"X-API-Key": new.json()["api_key"]}
        assert http.post("/v1/orgs").status_code == 201
        third = http.post("/v1/orgs")
        assert (third.status_code, third.json()["retry_after_seconds"] > 3500) == (429, True)
        assert http.get("/v1/orgs/me", headers=other).json()["inbox_count"] == 0
        # Another tenant's inbox is one that is not there.
        for path in (f"/v1/inboxes/{box.id}", f"/v1/inboxes/{box.id}/emails", f"/v1/inboxes/{box.id}/otp?timeout=0"):
            assert http.get(path, headers=other).status_code == 404
        assert http.get("/v1/inboxes", headers=other).json()["data"] == []

        mine = {"Authorization": f"Bearer {client._api_key}"}
        sender = client.create_inbox(name="sender")
        body = {"to": box.address, "subject": "Hello", "text": "Are you there?"}
        sent = http.post(f"/v1/inboxes/{sender.id}/send", json=body, headers={**mine, "Idempotency-Key": "one"})
        assert sent.json()["status"] == "delivered"
        assert sent.headers["x-ratelimit-limit"] == "500"
        again = http.post(f"/v1/inboxes/{sender.id}/send", json=body, headers={**mine, "Idempotency-Key": "one"})
        assert again.json()["id"] == sent.json()["id"]
        unkeyed = http.post(f"/v1/inboxes/{sender.id}/send", json=body, headers={**mine, "Idempotency-Key": ""})
        assert (unkeyed.status_code, "idempotency_key" in unkeyed.json()["error"]) == (400, True)
        arrived = box.wait_for_email(timeout=20)
        answer = {"email_id": arrived["id"], "text": "Yes."}
        assert http.post(f"/v1/inboxes/{box.id}/reply", json=answer, headers=mine).json()["status"] == "delivered"
        assert http.post(f"/v1/inboxes/{sender.id}/reply", json=answer, headers=mine).status_code == 404
        threads = http.get(f"/v1/threads?inbox_id={box.id}", headers=mine).json()["data"]
        assert [(one["id"], one["email_count"]) for one in threads] == [(arrived["thread_id"], 1)]
        thread = http.get(f"/v1/threads/{arrived['thread_id']}", headers=mine).json()
        assert [one["direction"] for one in thread["emails"]] == ["inbound", "outbound"]
        assert http.get(f"/v1/threads/{arrived['thread_id']}", headers=other).status_code == 404


def test_a_wait_ends_when_the_client_has_said(client: Any) -> None:
    box = client.create_inbox()
    began = time.monotonic()
    assert refused(box.wait_for_email, timeout=1).status == 408
    assert 0.9 < time.monotonic() - began < 20
