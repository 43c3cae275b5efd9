"""Straight to the recipients' mail servers: real servers on loopback, the DNS in a dictionary."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakes import Clock, DictResolver, RelaySink, make_certificate, open_relay_sink
from letterlock.app import App, open_app
from letterlock.errors import SettingsError
from letterlock.ids import DEFAULT_TENANT, SubmissionId
from letterlock.outbound import direct
from letterlock.outbound.deliver import claim, deliver
from letterlock.outbound.relay import Connections
from letterlock.outbound.submit import status
from letterlock.store import transport
from letterlock.store.outbox import Submission
from letterlock.store.transport import Policy
from running import do, make_inbox, settings_for

FAR = "ben@far.example"
MX = {"far.example": {"MX": [(10, "mx.far.example")]}, "mx.far.example": {"A": ["127.0.0.1"]}}


@contextlib.asynccontextmanager
async def opened(
    folder: Path, sink: RelaySink, monkeypatch: pytest.MonkeyPatch, names: dict[str, Any], **more: Any
) -> AsyncIterator[App]:
    monkeypatch.setattr(direct, "system_resolver", lambda: DictResolver(names))
    settings = settings_for(folder, **{"direct": True, "direct_port": sink.port, "direct_private": True, **more})
    async with open_app(settings, Clock()) as app:
        yield app


async def send(app: App, *to: str) -> Submission:
    box = f"anna@{app.settings.domain}"
    with contextlib.suppress(Exception):
        await make_inbox(app, "anna")
    answer = await do(app, "send_email", inbox=box, to=list(to), subject="Hi", text="Hello")
    for lease in await claim(app, "w", "relay", 10):
        await deliver(app, lease)
    return await status(app, DEFAULT_TENANT, SubmissionId(answer.submission_id))


async def enforce(app: App, *mx: str, mode: str = "enforce") -> None:
    policy = Policy("far.example", "1", mode, mx, app.now_ms() + 10**9)
    await app.database.write_system(lambda tx: transport.keep_sts_policy(tx, policy))


async def test_mail_goes_to_the_server_that_the_dns_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, sink, monkeypatch, MX) as app:
        assert (await send(app, FAR)).state == "sent"
        assert [one.recipients for one in sink.emails] == [(FAR,)]


async def test_each_domain_has_its_own_conversation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {**MX, "else.example": {"A": ["127.0.0.1"]}}
    async with open_relay_sink() as sink, opened(tmp_path, sink, monkeypatch, names) as app:
        found = await send(app, FAR, "kim@far.example", "lee@else.example")
        assert {one.lane for one in found.deliveries} == {"mx far.example", "mx else.example"}
        assert sorted(one.recipients for one in sink.emails) == [(FAR,), ("kim@far.example",), ("lee@else.example",)]


async def test_a_server_that_cannot_be_reached_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        "far.example": {"MX": [(1, "down.far.example"), (2, "mx.far.example")]},
        # Nothing listens there.
        "down.far.example": {"A": ["127.0.0.2"]},
        "mx.far.example": {"A": ["127.0.0.1"]},
    }
    async with open_relay_sink() as sink, opened(tmp_path, sink, monkeypatch, names) as app:
        assert (await send(app, FAR)).state == "sent"


async def test_whether_one_of_the_servers_is_back_is_found_out_without_an_email(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = {"far.example": {"MX": [(1, "down.far.example")]}, "down.far.example": {"A": ["127.0.0.2"]}}
    second = {
        "far.example": {"MX": [(1, "down.far.example"), (2, "mx.far.example")]},
        "down.far.example": {"A": ["127.0.0.2"]},
    }
    async with open_relay_sink() as sink:
        for names, reached in (
            (down, False),
            ({**second, "mx.far.example": {"A": ["127.0.0.1"]}}, True),
            # An email learns that it has no way.
            ({"far.example": {"MX": [(0, ".")]}}, True),
        ):
            connections = Connections()
            async with opened(tmp_path, sink, monkeypatch, names) as app:
                assert await direct.reach_direct(app, "far.example", "here.example", connections) is reached
            connections.close_idle(0)
        assert sink.emails == []


async def test_a_server_that_refuses_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        "far.example": {"MX": [(1, "mx.far.example"), (2, "other.far.example")]},
        "mx.far.example": {"A": ["127.0.0.1"]},
        "other.far.example": {"A": ["127.0.0.1"]},
    }
    async with open_relay_sink() as sink, opened(tmp_path, sink, monkeypatch, names) as app:
        sink.rcpt = {FAR: "550 5.1.1 nobody"}
        assert (await send(app, FAR)).state == "bounced"
        assert sink.asked == [FAR]


@pytest.mark.parametrize(
    ("names", "state"), [({"far.example": {"MX": [(0, "")]}}, "bounced"), ({}, "bounced")], ids=["null MX", "no domain"]
)
async def test_without_a_server_it_bounces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: dict[str, Any], state: str
) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, sink, monkeypatch, names) as app:
        assert (await send(app, FAR)).state == state
        assert not sink.asked


async def test_private_addresses_get_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, sink, monkeypatch, MX, direct_private=False) as app:
        found = await send(app, FAR)
        # It is our rule: nothing is held against the recipient, now or when it is given up.
        assert found.state == "queued"
        assert "direct_private is off" in found.deliveries[0].reply
        assert sink.sessions == 0


async def test_tls_is_used_where_it_is_offered_with_any_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, _ = make_certificate(tmp_path, "somebody.example")
    async with open_relay_sink(starttls=context) as sink, opened(tmp_path, sink, monkeypatch, MX) as app:
        assert (await send(app, FAR)).state == "sent"
        assert sink.emails[0].tls


@pytest.mark.parametrize(
    ("name", "trusted", "mx", "state"),
    [
        ("mx.far.example", True, "mx.far.example", "sent"),
        ("mx.far.example", True, "*.far.example", "sent"),
        ("mx.far.example", True, "other.far.example", "queued"),
        ("other.example", True, "mx.far.example", "queued"),
        ("mx.far.example", False, "mx.far.example", "queued"),
    ],
    ids=["good", "star", "not named", "wrong name", "not trusted"],
)
async def test_an_enforced_policy_wants_a_server_it_names_with_a_certificate_that_proves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool, mx: str, state: str
) -> None:
    context, authority = make_certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    async with open_relay_sink(starttls=context) as sink, opened(tmp_path, sink, monkeypatch, MX) as app:
        await enforce(app, mx)
        assert (await send(app, FAR)).state == state
        assert [one.tls for one in sink.emails] == ([True] if state == "sent" else [])


async def test_an_enforced_policy_wants_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, sink, monkeypatch, MX) as app:
        await enforce(app, "mx.far.example")
        assert (await send(app, FAR)).state == "queued"
        assert not sink.asked


async def test_a_policy_that_is_only_tested_keeps_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, sink, monkeypatch, MX) as app:
        await enforce(app, "other.far.example", mode="testing")
        assert (await send(app, FAR)).state == "sent"


def test_direct_and_a_default_relay_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="exclude each other"):
        settings_for(tmp_path, direct=True, relay_host="x.example")
