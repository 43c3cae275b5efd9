from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import Clock, DictResolver, make_certificate
from letterlock.app import App, open_app
from letterlock.outbound import mta_sts
from letterlock.outbound.mta_sts import allows, fetch_policy, policy_for, read_policy, record_id
from letterlock.store.transport import Policy
from running import settings_for

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mail.far.example\r\nmx: *.mx.far.example\r\nmax_age: 86400\r\n"
NAMES = {"_mta-sts.far.example": {"TXT": ["v=STSv1; id=1;"]}, "mta-sts.far.example": {"A": ["8.8.8.8"]}}


@pytest.fixture
async def clocked(tmp_path: Path) -> AsyncIterator[tuple[App, Clock]]:
    mta_sts._tried.clear()
    clock = Clock()
    async with open_app(settings_for(tmp_path), clock) as app:
        yield app, clock


@pytest.mark.parametrize(
    ("texts", "id_"),
    [
        ((b"v=STSv1; id=20160831085700Z;",), "20160831085700Z"),
        ((b"v=STSv1;id=a", b"other"), "a"),
        ((b"v=STSv1; id=a", b"v=STSv1; id=b"), ""),
        ((b"v=STSv1; id=a-b",), ""),
        ((b"v=spf1 -all",), ""),
        ((), ""),
    ],
)
def test_the_record_is_read(texts: tuple[bytes, ...], id_: str) -> None:
    assert record_id(texts) == id_


def test_a_policy_is_read() -> None:
    found = read_policy(GOOD)
    assert found is not None
    assert (found.mode, found.mx, found.max_age_s) == ("enforce", ("mail.far.example", "*.mx.far.example"), 86_400)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        GOOD.replace(b"STSv1", b"STSv2"),
        GOOD.replace(b"enforce", b"always"),
        GOOD.replace(b"86400", b"-1"),
        GOOD.replace(b"mx", b"xm"),
        b"\xff\xfe",
    ],
)
def test_what_is_no_policy_is_none(text: bytes) -> None:
    assert read_policy(text) is None


@given(st.binary())
def test_any_bytes_are_read(text: bytes) -> None:
    read_policy(text)
    record_id((text, b"v=STSv1; " + text))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mail.far.example", True),
        ("MAIL.far.example.", True),
        ("a.mx.far.example", True),
        ("a.b.mx.far.example", False),
        ("mx.far.example", False),
        (".mx.far.example", False),
        ("mail.far.example.evil.example", False),
    ],
)
def test_a_star_stands_for_one_label(host: str, allowed: bool) -> None:
    assert allows(Policy("far.example", "1", "enforce", ("mail.far.example", "*.mx.far.example"), 0), host) is allowed


class Web:
    """The policy host: how often it was asked, and what it says (None: it is not to be had)."""

    def __init__(self, text: bytes | None = GOOD) -> None:
        self.text, self.asked = text, 0

    async def __call__(self, host: str, address: str) -> bytes:
        self.asked += 1
        if self.text is None:
            raise OSError("no policy")
        return self.text


async def test_a_policy_is_kept_until_its_id_changes_or_its_time_is_over(clocked: tuple[App, Clock]) -> None:
    app, clock = clocked
    resolver, web = DictResolver(NAMES), Web()
    for _ in range(3):
        found = await policy_for(app, resolver, "far.example", web)
        assert found is not None
        assert found.mode == "enforce"
    assert web.asked == 1
    web.text = GOOD.replace(b"enforce", b"testing")
    resolver.names["_mta-sts.far.example"] = {"TXT": ["v=STSv1; id=2;"]}
    found = await policy_for(app, resolver, "far.example", web)
    assert found is not None
    assert (found.mode, web.asked) == ("testing", 2)
    clock.advance(86_401)
    del resolver.names["_mta-sts.far.example"]
    assert await policy_for(app, resolver, "far.example", web) is None


async def test_who_blocks_the_record_or_the_policy_does_not_make_a_known_one_unknown(
    clocked: tuple[App, Clock],
) -> None:
    app, _ = clocked
    web = Web()
    await policy_for(app, DictResolver(NAMES), "far.example", web)
    web.text = None
    assert await policy_for(app, DictResolver(), "far.example", web) is not None
    changed = {**NAMES, "_mta-sts.far.example": {"TXT": ["v=STSv1; id=9;"]}}
    for _ in range(3):
        assert await policy_for(app, DictResolver(changed), "far.example", web) is not None
    assert web.asked == 2, "what failed is not asked for again at once"


async def test_a_policy_host_in_a_private_network_is_not_asked(clocked: tuple[App, Clock]) -> None:
    app, _ = clocked
    web = Web()
    names = {**NAMES, "mta-sts.far.example": {"A": ["127.0.0.1"]}}
    assert await policy_for(app, DictResolver(names), "far.example", web) is None
    assert web.asked == 0


@pytest.mark.parametrize(
    ("answer", "fetched"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nwhat", b"what"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nwhat", None),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 70_000, None),
        (b"rubbish", None),
    ],
    ids=["plain", "redirect", "html", "long", "rubbish"],
)
async def test_a_policy_is_fetched_with_a_certificate_for_its_host_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, fetched: bytes | None
) -> None:
    context, trusted = make_certificate(tmp_path, "mta-sts.far.example")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(b"GET /.well-known/mta-sts.txt ")
        assert b"ost: mta-sts.far.example" in asked
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(OSError):
        await fetch_policy("mta-sts.far.example", "127.0.0.1", port)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with pytest.raises(OSError):
        await fetch_policy("mta-sts.other.example", "127.0.0.1", port)
    if fetched is None:
        with pytest.raises(OSError):
            await fetch_policy("mta-sts.far.example", "127.0.0.1", port)
    else:
        assert await fetch_policy("mta-sts.far.example", "127.0.0.1", port) == fetched
    server.close()
    await asyncio.sleep(0.05)
