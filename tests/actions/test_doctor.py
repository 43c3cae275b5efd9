"""What `letterlock doctor` finds out about the relays: each way to be set up wrong is said with the setting to mend."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from fakes import make_certificate, open_relay_sink
from letterlock.actions import doctor
from letterlock.actions.doctor import Finding, examine
from letterlock.settings import load_settings
from running import free_port

HOST = "127.0.0.1"


async def of_relay(folder: Path, **changes: Any) -> Finding:
    settings = load_settings(data=folder / "data", smtp_port=0, **changes)
    (found,) = [finding for finding in await examine(settings) if finding.what.startswith("relay ")]
    return found


def trusting(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


async def test_a_relay_that_would_take_mail_is_well_and_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = make_certificate(tmp_path)
    trusting(monkeypatch, certificate)
    told = {"relay_host": HOST, "relay_username": "us", "relay_password": "secret"}
    async with open_relay_sink(starttls=context, login=("us", "secret")) as sink:
        found = await of_relay(tmp_path, relay_port=sink.port, **told)
    assert found.well
    assert "logged in as us" in found.what
    assert (sink.emails, sink.asked) == ([], [])
    async with open_relay_sink(tls=context) as sink:
        found = await of_relay(tmp_path, relay_host=HOST, relay_port=sink.port, relay_security="tls")
    assert found.well


async def test_a_wrong_password_names_its_settings_and_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = make_certificate(tmp_path)
    trusting(monkeypatch, certificate)
    async with open_relay_sink(starttls=context, login=("us", "secret")) as sink:
        for password in ("wrong", "w\u00f6rng"):
            told = {"relay_username": "us", "relay_password": password}
            found = await of_relay(tmp_path, relay_host=HOST, relay_port=sink.port, **told)
            assert not found.well
            assert "relay_password" in found.advice
            assert password not in found.what + found.advice


async def test_no_starttls_an_untrusted_certificate_and_the_wrong_kind_of_tls_name_their_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = make_certificate(tmp_path, "other.example")
    async with open_relay_sink() as sink:
        plain = await of_relay(tmp_path, relay_host=HOST, relay_port=sink.port)
        tls = await of_relay(tmp_path, relay_host=HOST, relay_port=sink.port, relay_security="tls")
        login = await of_relay(
            tmp_path, relay_host=HOST, relay_port=sink.port, relay_security="none", relay_username="us"
        )
    assert (plain.well, tls.well, login.well) == (False, False, False)
    assert "offers no STARTTLS" in plain.what
    assert "relay_security" in plain.advice
    assert "does not speak TLS" in tls.what
    assert "relay_security" in tls.advice
    assert "relay_username" in login.advice
    async with open_relay_sink(starttls=context) as sink:
        unknown = await of_relay(tmp_path, relay_host=HOST, relay_port=sink.port)
        trusting(monkeypatch, certificate)
        other = await of_relay(tmp_path, relay_host=HOST, relay_port=sink.port)
    for found in (unknown, other):
        assert not found.well
        assert "not trusted" in found.what
        assert "relay_host" in found.advice


async def test_a_relay_that_is_not_there_or_silent_is_said_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await of_relay(tmp_path, relay_host=HOST, relay_port=free_port())
    assert "cannot be reached (Connection refused)" in gone.what
    assert "relay_host" in gone.advice
    monkeypatch.setattr(doctor, "_RELAY_S", 0.5)

    enough, closed = asyncio.Event(), asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while not enough.is_set():
                writer.write(b"2")
                await writer.drain()
                await asyncio.sleep(0.1)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        closed.set()

    async with await asyncio.start_server(drip, HOST, 0) as server:
        slow = await of_relay(tmp_path, relay_host=HOST, relay_port=server.sockets[0].getsockname()[1])
        assert "does not answer in time" in slow.what
        enough.set()
        async with asyncio.timeout(30):
            await closed.wait()


async def test_each_relay_of_the_list_is_tried_with_its_own_settings(tmp_path: Path) -> None:
    async with open_relay_sink() as sink:
        entry = {"to": "example.com", "host": HOST, "port": sink.port}
        settings = load_settings(
            data=tmp_path / "data", smtp_port=0, relays=[{**entry, "security": "none"}, {**entry, "to": "example.org"}]
        )
        first, second = [finding for finding in await examine(settings) if finding.what.startswith("relay ")]
    assert first.well
    assert not second.well
    assert "relays: security" in second.advice


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({}, "mail to the outside world is held: none of relay_host, relays and direct is set"),
        ({"direct": True}, "mail goes straight to the recipients' own servers (direct)"),
        ({"relays": [{"to": "example.com", "host": HOST, "port": 1}]}, "mail goes to the domains of relays only"),
    ],
)
async def test_what_mail_to_the_outside_does_is_said(tmp_path: Path, chosen: dict[str, Any], said: str) -> None:
    found = [one.what for one in await examine(load_settings(data=tmp_path / "data", smtp_port=0, **chosen))]
    assert sum(what.startswith(said) for what in found) == 1
    assert sum("outside world is held" in what for what in found) == (not chosen)
