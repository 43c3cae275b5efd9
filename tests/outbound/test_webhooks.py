"""Webhooks: in order, signed, tried again, ended when dead; and no way into the network this runs in."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest

from fakes import Clock, DictResolver, make_certificate
from letterlock.actions import tenancy
from letterlock.actions.caller import COMMAND_LINE, LOCAL_CALLER, Caller
from letterlock.actions.catalog import perform
from letterlock.actions.webhooks import MOST_WEBHOOKS, WEBHOOKS, notices
from letterlock.app import App, open_app
from letterlock.dns import DnsTrouble
from letterlock.errors import CallerError, Conflict, InvalidRequest, NotAllowed, NotFound
from letterlock.ids import TenantId
from letterlock.outbound import webhooks as outbound
from letterlock.outbound.outside import BadHost, is_outside, look_up
from letterlock.outbound.webhooks import Pace, post, post_forever, read_url, seal_secrets, secrets_of, sign, tell
from letterlock.screen.score import Level
from letterlock.store import audit, webhooks
from letterlock.store.database import Transaction
from letterlock.store.webhooks import Webhook
from letterlock.upkeep import run_once
from letterlock.wake import FILED
from running import arrive, ended, make_inbox, screened, settings_for, until


@dataclass(slots=True)
class Endpoint:
    """An HTTP server that notes what it is sent. `statuses`: its next answers, then 204."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=1"

    @property
    def kinds(self) -> list[str]:
        return [json.loads(body)["type"] for _, _, body in self.seen]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, headers, _ in self.seen]


@contextlib.contextmanager
def endpoint(context: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    made = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            made.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            status = made.statuses.pop(0) if made.statuses else 204
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", made.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def told() -> Iterator[Endpoint]:
    with endpoint() as made:
        yield made


@pytest.fixture
async def clocked(tmp_path: Path) -> AsyncIterator[tuple[App, Clock]]:
    clock = Clock()
    async with open_app(settings_for(tmp_path, webhook_private=True), clock) as app:
        yield app, clock


async def do(app: App, name: str, caller: Caller = COMMAND_LINE, **arguments: Any) -> Any:
    return await perform(app, caller, next(one for one in WEBHOOKS if one.name == name), arguments)


async def stored(app: App, webhook_id: str, caller: Caller = COMMAND_LINE) -> Webhook:
    found = await app.database.read(caller.tenant_id, lambda tx: webhooks.get(tx, webhook_id))
    assert found is not None
    return found


async def tell_once(app: App, webhook_id: str) -> None:
    await tell(app, await stored(app, webhook_id), notices)


# --- the way there ----------------------------------------------------------------------------------------------------

REFUSED = """
http://example.com/
ftp://example.com/
file:///etc/passwd
gopher://example.com:443/
//example.com/
example.com
https:/example.com
https:///example.com
https:\\\\example.com
https://
https://user@example.com/
https://user:pass@example.com/
https://example.com@127.0.0.1/
https://127.0.0.1#@example.com/
https://example.com/#fragment
https://example.com\\@127.0.0.1/
https://127.0.0.1/
https://127.1/
https://127.0.1/
https://2130706433/
https://0x7f000001/
https://0x7f.0.0.1/
https://0x7f.1/
https://017700000001/
https://0177.0.0.1/
https://127.0.0.0x1/
https://example.0x1/
https://127.000.000.001/
https://127.0.0.1./
https://0.0.0.0/
https://0/
https://10.0.0.1/
https://172.16.0.1/
https://192.168.1.1/
https://169.254.169.254/latest/meta-data/
https://100.64.0.1/
https://100.100.100.200/
https://168.63.129.16/
https://192.0.0.192/
https://192.0.2.1/
https://192.88.99.1/
https://198.18.0.1/
https://224.0.0.1/
https://240.0.0.1/
https://255.255.255.255/
https://[::]/
https://[::1]/
https://[0:0:0:0:0:0:0:1]/
https://[::ffff:127.0.0.1]/
https://[::ffff:7f00:1]/
https://[::ffff:0:127.0.0.1]/
https://[::127.0.0.1]/
https://[64:ff9b::7f00:1]/
https://[64:ff9b:1::7f00:1]/
https://[2002:7f00:1::]/
https://[2002:a9fe:a9fe::1]/
https://[2001:0:7f00:1::]/
https://[2001:db8::1]/
https://[fe80::1]/
https://[fe80::1%25eth0]/
https://[fc00::1]/
https://[fd00:ec2::254]/
https://[ff02::1]/
https://[::1/
https://[1.2.3.4]/
https://localhost/
https://LOCALHOST/
https://localhost./
https://a.localhost/
https://printer.local/
https://metadata.google.internal/
https://router.home.arpa/
https://intranet/
https://.example.com/
https://exa mple.com/
https://example..com/
https://-a.example.com/
https://ex%61mple.com/
https://%31%32%37.0.0.1/
https://①②⑦.⓪.⓪.①/
https://127。0。0。1/
https://exämple.com/
https://example.com:22/
https://example.com:25/
https://example.com:80/
https://example.com:0443x/
https://example.com:65979/
https://example.com:99999999/
https://example.com:443:443/
https://example.com/a b
https://example.com/\\..\\x
https://example.com/<script>
 https://example.com/
https://example.com/\x00
https://example.com/\r
""".strip("\n").split("\n")


@pytest.mark.parametrize(
    "url", [*REFUSED, "https://example.com/\r\nX: y", "https://example.com/\n", "", "https://a.b/" + "a" * 2000]
)
def test_what_is_no_plain_address_of_the_public_internet_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadHost):
        read_url(url, settings_for(tmp_path))


@pytest.mark.parametrize(
    ("url", "host", "port", "rest"),
    [
        ("https://example.com", "example.com", 443, "/"),
        ("https://Hooks.Example.com:8443/a/b?c=%20d&e=f", "hooks.example.com", 8443, "/a/b?c=%20d&e=f"),
        ("https://xn--exmple-cua.com/", "xn--exmple-cua.com", 443, "/"),
        ("https://8.8.8.8/x", "8.8.8.8", 443, "/x"),
        ("https://[2606:4700:0:0::1111]:443/", "2606:4700::1111", 443, "/"),
        ("https://example.com?x", "example.com", 443, "/?x"),
    ],
)
def test_a_plain_address_is_read(tmp_path: Path, url: str, host: str, port: int, rest: str) -> None:
    found = read_url(url, settings_for(tmp_path))
    assert (found.scheme, found.host, found.port, found.rest) == ("https", host, port, rest)


def test_ports_are_those_of_the_settings(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, webhook_ports="443, 9000")
    assert read_url("https://example.com:9000/", settings).port == 9000
    with pytest.raises(BadHost):
        read_url("https://example.com:8443/", settings)


@pytest.mark.parametrize(
    "records",
    [
        {"A": ["127.0.0.1"]},
        {"A": ["8.8.8.8", "10.0.0.1"]},
        {"A": ["8.8.8.8"], "AAAA": ["::1"]},
        {"AAAA": ["::ffff:10.0.0.1"]},
        {"AAAA": ["64:ff9b::a00:1"]},
        {"A": ["169.254.169.254"]},
    ],
)
def test_a_name_that_leads_inside_is_not_asked(records: dict[str, Any]) -> None:
    with pytest.raises(BadHost):
        look_up("hook.example.com", DictResolver({"hook.example.com": records}), private=False)


def test_a_name_without_an_address_is_tried_another_time() -> None:
    for names in ({}, {"hook.example.com": DnsTrouble("late")}, {"hook.example.com": {"A": []}}):
        with pytest.raises(OSError, match="the name"):
            look_up("hook.example.com", DictResolver(names), private=False)


def test_addresses_outside_are_told_from_those_inside() -> None:
    assert all(map(is_outside, ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1")))


class Changing(DictResolver):
    """Says a public address the first time and loopback from then on."""

    def a(self, name: str, within: float = 0) -> tuple[str, ...]:
        super().a(name)
        return ("203.0.114.1",) if len(self.asked) < 2 else ("127.0.0.1",)


async def test_a_name_that_changes_its_answer_is_looked_up_once_and_never_leads_inside(
    tmp_path: Path, told: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tmp_path, webhook_ports=str(told.port))
    connected: list[Any] = []

    async def no_net(*args: Any, **how: Any) -> None:
        connected.append(how["remote_host"])
        raise OSError("no net")

    monkeypatch.setattr(anyio, "connect_tcp", no_net)
    resolver = Changing({"hook.example.com": {"A": ["x"]}})
    url = f"https://hook.example.com:{told.port}/"
    first = await post(settings, url, (outbound.new_secret(),), "evt_1", b"{}", resolver)
    assert resolver.asked == [("A", "hook.example.com"), ("AAAA", "hook.example.com")]
    assert connected == ["203.0.114.1"]
    assert first.status == 0
    second = await post(settings, url, (outbound.new_secret(),), "evt_1", b"{}", resolver)
    assert second.what.startswith("not asked")
    assert connected == ["203.0.114.1"]
    assert told.connections == 0


async def test_no_redirect_is_followed_and_no_proxy_asked(
    tmp_path: Path, told: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        told.statuses = [302, 307, 308]
        settings = settings_for(tmp_path, webhook_private=True)
        for status in (302, 307, 308):
            answer = await post(settings, told.url, (outbound.new_secret(),), "evt_1", b"{}")
            assert (answer.status, answer.took) == (status, False)
        assert (len(told.seen), proxy.connections) == (3, 0)


async def test_the_certificate_must_be_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, authority = make_certificate(tmp_path, "hook.example.com")
    trusting = ssl.create_default_context(cafile=str(authority))
    monkeypatch.setattr(outbound, "_tls", lambda: trusting)
    monkeypatch.setattr(outbound, "look_up", lambda *_, **__: "127.0.0.1")
    settings = settings_for(tmp_path, webhook_private=True)
    with endpoint(server) as told:
        good = await post(settings, f"https://hook.example.com:{told.port}/", (outbound.new_secret(),), "evt_1", b"{}")
        bad = await post(settings, f"https://other.example.com:{told.port}/", (outbound.new_secret(),), "evt_1", b"{}")
    assert (good.status, bad.status) == (204, 0)
    assert [headers["host"] for _, headers, _ in told.seen] == [f"hook.example.com:{told.port}"]


async def test_an_endpoint_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "POST_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        answer = await post(settings_for(tmp_path, webhook_private=True), url, (outbound.new_secret(),), "evt_1", b"{}")
    assert answer.status == 0


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_the_signature_is_that_of_the_standard() -> None:
    # The example of the Standard Webhooks' reference libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_events_come_in_order_signed_and_without_words_of_the_mail(
    clocked: tuple[App, Clock], told: Endpoint
) -> None:
    app, clock = clocked
    added = await do(app, "add_webhook", url=told.url)
    box = await make_inbox(app)
    for n in range(3):
        clock.advance(1)
        await arrive(app, box, screened(Level.NORMAL, f"secret words {n}", code="493817", subject="secret subject"))
    await tell_once(app, added.webhook_id)
    assert told.kinds == ["inbox.created", "email.filed", "email.filed", "email.filed"]
    assert len(set(told.ids)) == 4
    for path, headers, body in told.seen:
        assert path == "/hook?a=1"
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(added.secret.removeprefix("whsec_"))
        assert headers["webhook-signature"] == (
            "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        )
        assert b"secret" not in body
        assert b"493817" not in body
    await tell_once(app, added.webhook_id)
    assert len(told.seen) == 4


async def test_kinds_and_inbox_are_chosen(clocked: tuple[App, Clock], told: Endpoint) -> None:
    app, _ = clocked
    one, other = await make_inbox(app, "one"), await make_inbox(app, "other")
    added = await do(app, "add_webhook", url=told.url, events=["email.filed"], inbox=one)
    await arrive(app, other, screened())
    wanted = await arrive(app, one, screened())
    await make_inbox(app, "third")
    await tell_once(app, added.webhook_id)
    assert [json.loads(body)["data"]["email_id"] for _, _, body in told.seen] == [wanted]
    # What it does not want is behind it too.
    assert await app.database.read_system(lambda tx: webhooks.due(tx, app.now_ms())) == []


async def test_what_failed_is_tried_again_later_with_the_same_id(clocked: tuple[App, Clock], told: Endpoint) -> None:
    app, clock = clocked
    added = await do(app, "add_webhook", url=told.url, events=["email.filed"])
    box = await make_inbox(app)
    await arrive(app, box, screened())
    await arrive(app, box, screened())
    told.statuses = [500, 204]
    await tell_once(app, added.webhook_id)
    shown = await do(app, "get_webhook", webhook_id=added.webhook_id)
    assert (shown.state, shown.failures, shown.last_answer) == ("failing", 1, "HTTP 500")
    assert await app.database.read_system(lambda tx: webhooks.due(tx, app.now_ms())) == []
    clock.advance(10)
    assert len(await app.database.read_system(lambda tx: webhooks.due(tx, app.now_ms()))) == 1
    await tell_once(app, added.webhook_id)
    assert len(told.seen) == 3
    assert told.ids[0] == told.ids[1] != told.ids[2]
    shown = await do(app, "get_webhook", webhook_id=added.webhook_id)
    assert (shown.state, shown.failures, shown.failing_since) == ("working", 0, None)


async def test_an_endpoint_dead_for_two_days_is_asked_no_more_until_it_is_told_to_go_on(
    clocked: tuple[App, Clock], told: Endpoint
) -> None:
    app, clock = clocked
    added = await do(app, "add_webhook", url=told.url, events=["email.filed"])
    await arrive(app, await make_inbox(app), screened())
    told.statuses = [503] * 100
    began, tries = clock.now, 0
    while due := await app.database.read_system(lambda tx: webhooks.due(tx, app.now_ms() + 10**8)):
        clock.advance(max(0.0, (due[0].next_at - app.now_ms()) / 1000))
        await tell(app, due[0], notices)
        tries += 1
    assert 48 <= (clock.now - began).total_seconds() / 3600 <= 53
    assert 15 <= tries <= 30
    shown = await do(app, "get_webhook", webhook_id=added.webhook_id)
    assert (shown.state, shown.last_answer) == ("ended", "HTTP 503")
    assert shown.ended_at is not None
    told.statuses, told.seen = [], []
    shown = await do(app, "replay_webhook", webhook_id=added.webhook_id)
    assert shown.state == "working"
    await tell_once(app, added.webhook_id)
    assert told.kinds == ["email.filed"]


async def test_an_endpoint_that_says_gone_is_asked_no_more(clocked: tuple[App, Clock], told: Endpoint) -> None:
    app, _ = clocked
    added = await do(app, "add_webhook", url=told.url)
    await make_inbox(app)
    told.statuses = [410]
    await tell_once(app, added.webhook_id)
    assert (await do(app, "get_webhook", webhook_id=added.webhook_id)).state == "ended"
    assert await app.database.read_system(lambda tx: webhooks.due(tx, app.now_ms())) == []


async def test_an_event_that_cannot_be_told_counts_as_a_failure_and_ends_like_one(
    clocked: tuple[App, Clock], told: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, clock = clocked
    added = await do(app, "add_webhook", url=told.url, events=["email.filed"])
    await arrive(app, await make_inbox(app), screened())
    asked = 0

    async def broken(*_: object) -> Any:
        nonlocal asked
        asked += 1
        raise RuntimeError("this event cannot be written down")

    monkeypatch.setattr(outbound, "_LOOK_S", 0.01)
    async with ended(asyncio.create_task(post_forever(app, broken))):
        await until(lambda: asyncio.sleep(0, asked == 1))
        await asyncio.sleep(0.1)
        assert asked == 1, "not again before its time"
        clock.advance(7)
        await until(lambda: asyncio.sleep(0, asked == 2))
        clock.advance(49 * 3600)

        async def over() -> bool:
            return (await stored(app, added.webhook_id)).ended_at is not None

        await until(over)
    shown = await do(app, "get_webhook", webhook_id=added.webhook_id)
    assert (shown.state, shown.last_answer) == ("ended", "Letterlock failed; its log says more")
    assert asked == 3
    assert told.seen == []


async def test_events_are_sent_again_from_a_place(clocked: tuple[App, Clock], told: Endpoint) -> None:
    app, clock = clocked
    added = await do(app, "add_webhook", url=told.url, events=["email.filed"])
    box = await make_inbox(app)
    for _ in range(3):
        clock.advance(1)
        await arrive(app, box, screened())
    await tell_once(app, added.webhook_id)
    first, ids = json.loads(told.seen[0][2])["place"], told.ids
    told.seen.clear()
    await do(app, "replay_webhook", webhook_id=added.webhook_id, after=first)
    await tell_once(app, added.webhook_id)
    assert told.ids == ids[1:]
    for wrong in ("x", "99999-1"):
        with pytest.raises(InvalidRequest):
            await do(app, "replay_webhook", webhook_id=added.webhook_id, after=wrong)


async def test_a_webhook_removed_or_replayed_while_it_is_told_stays_so(
    clocked: tuple[App, Clock], told: Endpoint
) -> None:
    app, _ = clocked
    added = await do(app, "add_webhook", url=told.url)
    await make_inbox(app)
    before = await stored(app, added.webhook_id)
    await tell(app, before, notices)
    place = (await stored(app, added.webhook_id)).noted
    await tell(app, before, notices)
    assert (await stored(app, added.webhook_id)).noted == place
    await do(app, "remove_webhook", webhook_id=added.webhook_id)
    await tell(app, before, notices)
    with pytest.raises(NotFound):
        await do(app, "get_webhook", webhook_id=added.webhook_id)


async def test_a_dead_endpoint_holds_up_no_other(
    clocked: tuple[App, Clock], told: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = clocked
    monkeypatch.setattr(outbound, "_LOOK_S", 0.02)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        await do(app, "add_webhook", url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        await do(app, "add_webhook", url=told.url)
        await make_inbox(app)
        async with ended(asyncio.create_task(post_forever(app, notices))):

            async def came() -> bool:
                return told.kinds == ["inbox.created"]

            await until(came)


async def test_an_email_that_was_filed_is_told_at_once_and_once(
    clocked: tuple[App, Clock], told: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = clocked
    monkeypatch.setattr(outbound, "_LOOK_S", 60)
    box = await make_inbox(app)
    await do(app, "add_webhook", url=told.url, events=["email.filed"])
    async with ended(asyncio.create_task(post_forever(app, notices))):
        for n in range(1, 9):
            await arrive(app, box, screened())
            app.wake.hint(FILED)
            # Also one that comes while the turn of the one before ends.
            await until(lambda n=n: asyncio.sleep(0, len(told.seen) >= n), 10)  # type: ignore[misc]
    assert len(told.ids) == len(set(told.ids)) == 8


async def test_a_tenant_with_many_events_to_come_is_paced_and_no_other() -> None:
    pace = Pace(per_s=50)
    noisy = [asyncio.create_task(pace.turn(TenantId("noisy"))) for _ in range(6)]
    began = time.monotonic()
    await pace.turn(TenantId("quiet"))
    assert time.monotonic() - began < 0.02
    await asyncio.gather(*noisy)
    assert time.monotonic() - began >= 0.1


async def test_names_that_are_never_answered_for_keep_no_thread_from_anything_else(tmp_path: Path) -> None:
    answered = threading.Event()

    class Silent(DictResolver):
        def a(self, name: str, within: float = 0) -> tuple[str, ...]:
            answered.wait(20)
            raise DnsTrouble(name)

    settings = settings_for(tmp_path)
    asking = [
        asyncio.create_task(post(settings, "https://hook.example.com/", ("whsec_AAAA",), "evt_1", b"{}", Silent()))
        for _ in range(30)
    ]
    try:
        await asyncio.sleep(0)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: 1), 5) == 1
        assert not any(one.done() for one in asking)
    finally:
        answered.set()
    assert {(await one).status for one in asking} == {0}


async def test_a_test_event_is_sent_and_changes_nothing(clocked: tuple[App, Clock], told: Endpoint) -> None:
    app, _ = clocked
    added = await do(app, "add_webhook", url=told.url)
    before = await stored(app, added.webhook_id)
    tested = await do(app, "test_webhook", webhook_id=added.webhook_id)
    assert (tested.took, tested.answer, told.kinds) == (True, "HTTP 204", ["webhook.test"])
    told.statuses = [500]
    assert (await do(app, "test_webhook", webhook_id=added.webhook_id)).took is False
    assert await stored(app, added.webhook_id) == before


async def test_after_a_rotation_both_secrets_sign_until_the_grace_ends(
    clocked: tuple[App, Clock], told: Endpoint
) -> None:
    app, clock = clocked
    first = await do(app, "add_webhook", url=told.url)
    by = {"webhook_id": first.webhook_id}

    async def signs(*secrets: str) -> bool:
        await do(app, "test_webhook", **by)
        _, headers, body = told.seen[-1]
        right = [sign(one, headers["webhook-id"], int(headers["webhook-timestamp"]), body) for one in secrets]
        return headers["webhook-signature"] == " ".join(right)

    second = await do(app, "rotate_webhook", **by)
    assert await signs(second.secret, first.secret)
    with pytest.raises(Conflict, match="rotated already"):
        await do(app, "rotate_webhook", **by)
    assert await signs(second.secret, first.secret), "a refused rotation changes nothing"
    clock.advance(24 * 3600)
    assert await signs(second.secret)
    await run_once(app)
    standing = await stored(app, first.webhook_id)
    assert (standing.sealed_before, standing.before_until) == (None, None)
    third = await do(app, "rotate_webhook", **by, grace_hours=1)
    fourth = await do(app, "rotate_webhook", **by, grace_hours=0)
    assert await signs(fourth.secret), "one that became known ends at once, and those before it"
    log = await app.database.read(COMMAND_LINE.tenant_id, lambda tx: audit.before(tx, None, 9))
    assert [row.action for row in log].count("webhook.rotated") == 3
    said = (await do(app, "get_webhook", **by)).model_dump_json() + repr(await stored(app, first.webhook_id))
    assert not any(one.secret in said for one in (second, third, fourth))


# --- whose they are ---------------------------------------------------------------------------------------------------


async def test_webhooks_are_of_their_tenant_and_its_admins(clocked: tuple[App, Clock], told: Endpoint) -> None:
    app, _ = clocked
    await tenancy.add_tenant(app, "other")
    other = await tenancy.at_command_line(app, "other")
    added = await do(app, "add_webhook", url=told.url)
    assert (await do(app, "list_webhooks", other)).webhooks == []
    for name in ("get_webhook", "remove_webhook", "test_webhook", "replay_webhook", "rotate_webhook"):
        with pytest.raises(NotFound):
            await do(app, name, other, webhook_id=added.webhook_id)
        with pytest.raises(NotAllowed):
            await do(app, name, LOCAL_CALLER, webhook_id=added.webhook_id)
    one = Caller(COMMAND_LINE.tenant_id, COMMAND_LINE.agent_id, COMMAND_LINE.scopes, added.inbox_id or "ib_1")  # type: ignore[arg-type]
    for name, arguments in (("add_webhook", {"url": told.url}), ("list_webhooks", {})):
        with pytest.raises(NotAllowed):
            await do(app, name, one, **arguments)
    theirs = await do(app, "add_webhook", other, url=told.url)
    await make_inbox(app)
    await tell(app, await stored(app, theirs.webhook_id, other), notices)
    assert told.seen == []
    await tenancy.close_tenant(app, "other")
    assert [one.webhook_id for one in await app.database.read_system(lambda tx: webhooks.due(tx, app.now_ms()))] == [
        added.webhook_id
    ]


async def test_the_secret_is_shown_once(clocked: tuple[App, Clock], told: Endpoint) -> None:
    app, _ = clocked
    added = await do(app, "add_webhook", url=told.url)
    listed = await do(app, "list_webhooks")
    assert added.secret.startswith("whsec_")
    assert added.secret not in listed.model_dump_json()
    assert added.secret not in repr(await stored(app, added.webhook_id))


async def test_the_secret_lies_sealed_and_one_of_before_is_sealed(clocked: tuple[App, Clock], told: Endpoint) -> None:
    app, clock = clocked
    added = await do(app, "add_webhook", url=told.url)

    async def lay_open(tx: Transaction) -> None:
        await tx.run("UPDATE webhooks SET secret = :s, sealed = NULL WHERE tenant_id = :tenant", s=added.secret)

    async def backed_up(name: str) -> bytes:
        await app.database.backup(app.folder / name)
        return (app.folder / name).read_bytes()

    assert b"whsec_" not in await backed_up("first.db")
    await app.database.write(COMMAND_LINE.tenant_id, lay_open)
    assert await secrets_of(app, await stored(app, added.webhook_id)) == (added.secret,)
    assert (await seal_secrets(app), await seal_secrets(app)) == (1, 0)
    assert b"whsec_" not in await backed_up("sealed.db")
    assert await secrets_of(app, await stored(app, added.webhook_id)) == (added.secret,)
    (app.folder / "vault.key").unlink()
    await make_inbox(app, "box")
    async with open_app(app.settings, clock) as later:

        async def waits() -> bool:
            return "vault is locked" in (await stored(later, added.webhook_id)).last_answer

        async with ended(asyncio.create_task(post_forever(later, notices))):
            await until(waits)
        standing = await stored(later, added.webhook_id)
    assert (standing.failures, standing.ended_at, told.kinds) == (0, None, [])


async def test_what_cannot_be_a_webhook_is_refused(app: App) -> None:
    for arguments in (
        {"url": "https://127.0.0.1/"},
        {"url": "http://example.com/"},
        {"url": "https://example.com/", "events": ["email.eaten"]},
        {"url": "https://example.com/", "inbox": "nobody@letterlock.localhost"},
    ):
        with pytest.raises(CallerError):
            await do(app, "add_webhook", **arguments)
    for _ in range(MOST_WEBHOOKS):
        await do(app, "add_webhook", url="https://example.com/")
    with pytest.raises(Conflict):
        await do(app, "add_webhook", url="https://example.com/")
