from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shutil
import smtplib
import socket
import sqlite3
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop

from fakes import make_certificate
from letterlock.app import App, open_app
from letterlock.errors import SettingsError, StoreBusy, StoreFull
from letterlock.inbound import listener
from letterlock.inbound.listener import open_listener
from letterlock.inbound.workers import Workers
from letterlock.store import arrivals, emails
from running import free_port, letter, make_inbox, settings_for

DIALOGUES = sorted((Path(__file__).parent.parent / "dialogues").glob("*.smtp"))
ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class Listening:
    app: App
    port: int
    box: str

    async def kept(self) -> list[bytes]:
        """The bytes of every email accepted, oldest first."""
        found = await self.app.database.read_system(lambda tx: arrivals.next_unfiled(tx, 1000, ()))
        return [emails.expanded(unfiled.kept.body) for unfiled in found]

    async def envelopes(self) -> list[Any]:
        found = await self.app.database.read_system(lambda tx: arrivals.next_unfiled(tx, 1000, ()))
        return [unfiled.envelope for unfiled in found]


@contextlib.asynccontextmanager
async def listening(folder: Path, *, lmtp: bool = False, **settings: Any) -> AsyncIterator[Listening]:
    """A listener with the inboxes box@ and other@; nothing files what it takes."""
    port = free_port()
    settings |= {"lmtp_port" if lmtp else "smtp_port": port}
    async with open_app(settings_for(folder, **settings)) as app:
        box = await make_inbox(app, "box")
        await make_inbox(app, "other")
        async with open_listener(app, Workers(app.settings), lmtp=lmtp) as address:
            assert address == f"127.0.0.1:{port}"
            yield Listening(app, port, box)


@pytest.fixture(autouse=True)
def _no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is filed here, so that no process need be at hand for it."""
    monkeypatch.setattr(Workers, "warm", lambda self: None)


class Client:
    """Bytes out, replies in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self) -> list[str]:
        """All lines of the next reply."""
        lines = []
        async with asyncio.timeout(ANSWER_S):
            while True:
                line = await self.reader.readline()
                assert line.endswith(b"\r\n"), f"no whole reply but {line!r} after {lines}"
                lines.append(line.decode().removesuffix("\r\n"))
                if line[3:4] != b"-":
                    return lines

    async def say(self, line: str) -> str:
        """The last line of the reply to a command."""
        await self.send(line.encode() + b"\r\n")
        return (await self.reply())[-1]

    async def begin(self, *recipients: str) -> None:
        """Greeting to 354."""
        await self.reply()
        for line in ("EHLO c.example", "MAIL FROM:<anna@shop.example>", *(f"RCPT TO:<{r}>" for r in recipients)):
            assert (await self.say(line)).startswith("250"), line
        assert (await self.say("DATA")).startswith("354")

    async def rest(self) -> bytes:
        async with asyncio.timeout(ANSWER_S):
            return await self.reader.read()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


# Dialogues


def _bytes(text: str) -> bytes:
    """Escapes as in Python; all else as UTF-8."""
    escapes = {"r": b"\r", "n": b"\n"}
    parts = re.split(r"\\(x[0-9a-f]{2}|r|n)", text)
    return b"".join(
        part.encode() if n % 2 == 0 else escapes.get(part) or bytes([int(part[1:], 16)]) for n, part in enumerate(parts)
    )


@pytest.mark.parametrize("file", DIALOGUES, ids=lambda file: file.stem)
async def test_dialogue(file: Path, tmp_path: Path) -> None:
    """`> ` the client says (lines that follow each other leave in one packet), `< ` how the next reply's last line
    begins, `<+ ` and `<- ` a line it has or has not, `<.` the server closes, `= ` emails kept, `% ` a setting."""
    lines = [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    settings = dict(line[2:].partition(" ")[::2] for line in lines if line.startswith("%"))
    lmtp = settings.pop("lmtp", None) is not None
    async with listening(tmp_path, lmtp=lmtp, **settings) as server, connected(server.port) as client:
        saying = b""
        reply: list[str] = []
        for number, line in enumerate(line for line in lines if not line.startswith("%")):
            where = f"step {number + 1}: {line}"
            mark, _, text = line.partition(" ")
            if mark != ">" and saying:
                await client.send(saying)
                saying = b""
            match mark:
                case ">":
                    saying += _bytes(text) + b"\r\n"
                case "<":
                    reply = await client.reply()
                    assert reply[-1].startswith(text), where
                case "<+":
                    assert any(row.startswith(text) for row in reply), (where, reply)
                case "<-":
                    assert not any(text in row for row in reply), (where, reply)
                case "<.":
                    assert await client.rest() == b"", where
                case "=":
                    assert len(await server.kept()) == int(text), where
                case _:
                    pytest.fail(f"not a line of a dialogue: {line}")
        assert saying == b"", "a dialogue ends with a reply"


# What is kept


async def test_the_message_is_kept_byte_for_byte_without_its_stuffed_dots(tmp_path: Path) -> None:
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.begin(server.box)
        await client.send(b"..first\r\nSubject: x\r\n\r\n..\r\n...\r\nend. \r\n..x\r\n.\r\n")
        assert (await client.reply())[-1].startswith("250 2.0.0")
        assert await server.kept() == [b".first\r\nSubject: x\r\n\r\n.\r\n..\r\nend. \r\n.x\r\n"]


async def test_an_empty_message_is_kept(tmp_path: Path) -> None:
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.begin(server.box)
        assert (await client.say(".")).startswith("250")
        assert await server.kept() == [b""]


@pytest.mark.parametrize("piece", [1, 2, 3, 7])
async def test_the_end_of_a_message_is_found_however_it_is_cut_into_packets(tmp_path: Path, piece: int) -> None:
    wire = b"Subject: x\r\n\r\none\r\n..two\r\n.\r\nQUIT\r\n"
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.begin(server.box)
        for at in range(0, len(wire), piece):
            await client.send(wire[at : at + piece])
            await asyncio.sleep(0)
        assert (await client.reply())[-1].startswith("250")
        assert (await client.reply())[-1].startswith("221")
        assert await server.kept() == [b"Subject: x\r\n\r\none\r\n.two\r\n"]


async def test_the_envelope_says_how_the_mail_came(tmp_path: Path) -> None:
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.reply()
        await client.say("EHLO mx.shop.example")
        await client.say("MAIL FROM:<> SMTPUTF8")
        await client.say("RCPT TO:<box+tag@letterlock.localhost>")
        await client.say("RCPT TO:<OTHER@letterlock.localhost>")
        await client.say("DATA")
        await client.say("Subject: x\r\n\r\n.")
        envelope, _ = await server.envelopes()
    assert envelope.sender == ""
    assert envelope.recipients == ("box+tag@letterlock.localhost", "OTHER@letterlock.localhost")
    assert (envelope.transport, envelope.client_ip, envelope.helo) == ("smtp", "127.0.0.1", "mx.shop.example")
    assert (envelope.smtputf8, envelope.tls) == (True, False)


async def test_one_message_for_several_inboxes_reaches_each_of_them_once(tmp_path: Path) -> None:
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.begin(server.box, "other@letterlock.localhost", "box+again@letterlock.localhost")
        assert (await client.say("Subject: x\r\n\r\n.")).startswith("250")
        assert len(await server.kept()) == 2


# Caps


async def test_a_message_over_the_limit_is_refused_and_the_connection_stays_in_step(tmp_path: Path) -> None:
    async with listening(tmp_path, max_message_bytes=5000) as server, connected(server.port) as client:
        await client.begin(server.box)
        await client.send(b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 20_000 + b".\r\n")
        assert (await client.reply())[-1].startswith("552 5.3.4")
        assert await client.say("NOOP") == "250 OK"
        assert await server.kept() == []


async def test_a_message_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(tmp_path: Path) -> None:
    async with listening(tmp_path, max_message_bytes=5000) as server, connected(server.port) as client:
        await client.begin(server.box)
        await client.send(b"a" * 4998 + b"\r\n.\r\n")
        assert (await client.reply())[-1].startswith("250")
        await client.say("MAIL FROM:<anna@shop.example>")
        await client.say(f"RCPT TO:<{server.box}>")
        await client.say("DATA")
        await client.send(b"a" * 4999 + b"\r\n.\r\n")
        assert (await client.reply())[-1].startswith("552")
        assert [len(raw) for raw in await server.kept()] == [5000]


async def test_recipients_over_the_cap_are_put_off_and_the_others_get_their_mail(tmp_path: Path) -> None:
    async with listening(tmp_path, accept_any=True) as server, connected(server.port) as client:
        await client.reply()
        await client.say("EHLO c.example")
        await client.say("MAIL FROM:<anna@shop.example>")
        commands = "".join(f"RCPT TO:<r{n}@any.example>\r\n" for n in range(listener.MAX_RECIPIENTS + 2))
        await client.send(commands.encode())
        replies = [(await client.reply())[-1][:9] for _ in range(listener.MAX_RECIPIENTS + 2)]
        assert replies == ["250 2.1.5"] * listener.MAX_RECIPIENTS + ["452 4.5.3"] * 2
        await client.say("DATA")
        assert (await client.say("Subject: x\r\n\r\n.")).startswith("250")
        assert len(await server.kept()) == listener.MAX_RECIPIENTS


async def test_connections_over_the_cap_get_421_and_the_place_of_one_that_left_is_free(tmp_path: Path) -> None:
    async with (
        listening(tmp_path, smtp_connections=2) as server,
        connected(server.port) as first,
        connected(server.port) as second,
    ):
        await first.reply()
        await second.reply()
        async with connected(server.port) as third:
            said = (await third.rest()).decode().splitlines()
            assert said == ["421 4.7.0 Too many connections, try again later"]
        assert (await first.say("NOOP")).startswith("250")
        assert (await first.say("QUIT")).startswith("221")
        await first.rest()
        async with connected(server.port) as fourth:
            assert (await fourth.reply())[-1].startswith("220")


async def test_connections_of_one_address_have_a_cap_of_their_own(tmp_path: Path) -> None:
    async with listening(tmp_path, smtp_connections_per_ip=1) as server, connected(server.port) as first:
        await first.reply()
        async with connected(server.port) as second:
            assert (await second.rest()).startswith(b"421 4.7.0")
        assert (await first.say("NOOP")).startswith("250")


async def test_a_command_that_comes_too_often_ends_the_connection_with_421(tmp_path: Path) -> None:
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.reply()
        await client.send(b"NOOP\r\n" * 105)
        said = (await client.rest()).decode().splitlines()
    assert said[:100] == ["250 OK"] * 100
    assert said[100].startswith("421")
    assert len(said) == 101


async def test_a_command_line_without_end_is_refused_and_the_next_one_is_heard(tmp_path: Path) -> None:
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.reply()
        await client.send(b"NOOP " + b"x" * 2_000_000 + b"\r\n")
        assert (await client.reply())[-1].startswith("500")
        assert (await client.say("EHLO " + "x" * 1000)).startswith("500")
        assert (await client.say("NOOP")).startswith("250")


async def test_a_client_that_says_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "IDLE_S", 0.2)
    async with listening(tmp_path) as server, connected(server.port) as client:
        assert (await client.rest()).startswith(b"220")


async def test_a_message_that_trickles_for_ever_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "DATA_S", 0.3)
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.begin(server.box)
        with contextlib.suppress(OSError):
            async with asyncio.timeout(ANSWER_S):
                while not client.reader.at_eof():
                    await client.send(b"x")
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(client.reader.read(100), 0.05)
        assert client.reader.at_eof()
        assert await server.kept() == []


async def test_a_client_that_leaves_in_the_middle_of_its_message_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(tmp_path) as server:
        async with connected(server.port) as client:
            await client.begin(server.box)
            await client.send(b"Subject: x\r\n\r\nhalf of")
        async with connected(server.port) as client:
            await client.begin(server.box)
            await client.send(b"half of")
            client.writer.transport.abort()
        async with connected(server.port) as next_one:
            await next_one.begin(server.box)
            assert (await next_one.say("Subject: whole\r\n\r\n.")).startswith("250")
        assert await server.kept() == [b"Subject: whole\r\n\r\n"]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


# Trouble inside


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (StoreBusy("secret path /home/x"), "451 4.3.0 Local trouble, try again later"),
        (StoreFull("secret path /home/x"), "452 4.3.1 Insufficient storage, try again later"),
        (RuntimeError("secret path /home/x"), "451 4.3.0 Local trouble, try again later"),
        (TimeoutError(), "451 4.3.0 Local trouble, try again later"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_trouble_of_ours_is_a_4xx_without_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, answer: str
) -> None:
    async def fails(*_: object) -> None:
        raise error

    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.begin(server.box)
        monkeypatch.setattr(listener, "accept", fails)
        assert await client.say("Subject: x\r\n\r\n.") == answer
        monkeypatch.undo()
        monkeypatch.setattr(Workers, "warm", lambda self: None)
        await client.say("MAIL FROM:<anna@shop.example>")
        await client.say(f"RCPT TO:<{server.box}>")
        await client.say("DATA")
        assert (await client.say("Subject: x\r\n\r\n.")).startswith("250")


async def test_trouble_while_an_inbox_is_looked_up_is_a_4xx_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise StoreBusy("no")

    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.reply()
        await client.say("EHLO c.example")
        await client.say("MAIL FROM:<anna@shop.example>")
        monkeypatch.setattr(listener, "inbox_for", fails)
        assert (await client.say(f"RCPT TO:<{server.box}>")).startswith("451 4.3.0")


async def test_a_locked_store_is_451_and_the_same_mail_is_taken_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letterlock.store.sqlite.BUSY_MS", 100)
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.begin(server.box)
        with contextlib.closing(sqlite3.connect(server.app.folder / "letterlock.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert (await client.say("Subject: x\r\n\r\n.")).startswith("451 4.3.0")
            other.execute("ROLLBACK")
        await client.say("MAIL FROM:<anna@shop.example>")
        await client.say(f"RCPT TO:<{server.box}>")
        await client.say("DATA")
        assert (await client.say("Subject: x\r\n\r\n.")).startswith("250")
        assert len(await server.kept()) == 1


@pytest.mark.parametrize(("accept_any", "answer"), [(False, "550 5.1.1"), (True, "250")])
async def test_postmaster_is_an_address_without_a_domain_and_no_other_name_is(
    tmp_path: Path, accept_any: bool, answer: str
) -> None:
    async with listening(tmp_path, accept_any=accept_any) as server, connected(server.port) as client:
        await client.reply()
        await client.say("EHLO c.example")
        await client.say("MAIL FROM:<anna@shop.example>")
        assert (await client.say("RCPT TO:<Postmaster>")).startswith(answer)
        assert (await client.say("RCPT TO:<nobody>")).startswith("553")


async def test_an_inbox_deleted_between_rcpt_and_data_refuses_the_mail(tmp_path: Path) -> None:
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.begin(server.box)
        await server.app.database.write_system(lambda tx: tx.run("UPDATE inboxes SET deleted_at = 1"))
        assert (await client.say("Subject: x\r\n\r\n.")).startswith("550 5.1.1")


async def test_stopping_says_421_to_who_is_idle_and_lets_a_running_message_end(tmp_path: Path) -> None:
    port = free_port()
    async with open_app(settings_for(tmp_path, smtp_port=port)) as app:
        box = await make_inbox(app)
        async with contextlib.AsyncExitStack() as door, connected_later(port) as later:
            await door.enter_async_context(open_listener(app, Workers(app.settings)))
            idle, busy = await later(), await later()
            await idle.reply()
            await busy.begin(box)
            await busy.send(b"Subject: x\r\n\r\n")
            closing = asyncio.create_task(door.aclose())
            assert (await idle.reply())[-1].startswith("421 4.3.2")
            assert await idle.rest() == b""
            assert (await busy.say(".")).startswith("250")
            await closing
            assert (await busy.rest()).startswith(b"421")
        found = await app.database.read_system(lambda tx: arrivals.next_unfiled(tx, 10, ()))
        assert [emails.expanded(unfiled.kept.body) for unfiled in found] == [b"Subject: x\r\n\r\n"]


@contextlib.asynccontextmanager
async def connected_later(port: int) -> AsyncIterator[Any]:
    async with contextlib.AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(connected(port))


# STARTTLS


async def over_tls(folder: Path) -> None:
    """A message over TLS, with plaintext that was put in behind STARTTLS and must not run."""
    _, chain = make_certificate(folder)
    trusting = ssl.create_default_context(cafile=str(chain))
    certificate = {"tls_cert": chain, "tls_key": folder / "key.pem"}
    async with listening(folder, **certificate) as server, connected(server.port) as client:
        await client.reply()
        await client.send(b"EHLO c.example\r\n")
        assert "250 STARTTLS" in await client.reply()
        assert (await client.say("MAIL FROM:<evil@shop.example>")).startswith("250")
        # RFC 3207 section 5: what came before is forgotten, what was sent in clear is not run.
        await client.send(b"STARTTLS\r\nRSET\r\nMAIL FROM:<injected@shop.example>\r\n")
        assert (await client.reply())[-1].startswith("220")
        await client.writer.start_tls(trusting, server_hostname="127.0.0.1")
        assert (await client.say("RCPT TO:<box@letterlock.localhost>")).startswith("503")
        await client.send(b"EHLO c.example\r\n")
        assert not any("STARTTLS" in line for line in await client.reply())
        assert (await client.say("MAIL FROM:<anna@shop.example>")).startswith("250")
        assert (await client.say(f"RCPT TO:<{server.box}>")).startswith("250")
        assert (await client.say("DATA")).startswith("354")
        assert (await client.say("Subject: x\r\n\r\n.")).startswith("250")
        assert (await client.say("QUIT")).startswith("221")
        (envelope,) = await server.envelopes()
    assert envelope.tls
    assert envelope.sender == "anna@shop.example"
    assert envelope.helo == "c.example"


async def test_starttls_protects_the_mail_and_forgets_what_came_before(tmp_path: Path) -> None:
    await over_tls(tmp_path)


def test_starttls_under_uvloop(tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(over_tls(tmp_path))


async def test_connections_over_tls_are_counted_and_free_their_place(tmp_path: Path) -> None:
    _, chain = make_certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(chain))
    certificate = {"tls_cert": chain, "tls_key": tmp_path / "key.pem"}
    async with listening(tmp_path, smtp_connections=1, **certificate) as server:
        for _ in range(3):
            async with connected(server.port) as client:
                assert (await client.reply())[-1].startswith("220")
                await client.say("EHLO c.example")
                await client.say("STARTTLS")
                await client.writer.start_tls(trusting, server_hostname="127.0.0.1")
                async with connected(server.port) as second:
                    assert (await second.rest()).startswith(b"421")
                assert (await client.say("QUIT")).startswith("221")
                await client.rest()


async def test_a_handshake_that_fails_ends_that_connection_only(tmp_path: Path) -> None:
    _, chain = make_certificate(tmp_path)
    certificate = {"tls_cert": chain, "tls_key": tmp_path / "key.pem"}
    async with listening(tmp_path, **certificate) as server:
        async with connected(server.port) as client:
            await client.reply()
            await client.say("EHLO c.example")
            await client.say("STARTTLS")
            await client.send(b"this is no handshake at all\r\n" * 10)
            with contextlib.suppress(OSError):
                assert b"250" not in await client.rest()
        async with connected(server.port) as client:
            assert (await client.reply())[-1].startswith("220")


async def test_a_certificate_that_cannot_be_used_is_told_with_its_names(tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("not a certificate")
    settings = settings_for(
        tmp_path, smtp_port=free_port(), tls_cert=tmp_path / "broken.pem", tls_key=tmp_path / "none.pem"
    )
    async with open_app(settings) as app:
        with pytest.raises(SettingsError, match=r"broken\.pem"):
            async with open_listener(app, Workers(settings)):
                pass


# Other people's clients


def _send_with_smtplib(port: int, box: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=ANSWER_S) as client:
        client.ehlo("c.example")
        refused = client.sendmail("anna@shop.example", [box, "nobody@letterlock.localhost"], letter("by smtplib"))
        assert list(refused) == ["nobody@letterlock.localhost"]
        assert refused["nobody@letterlock.localhost"][0] == 550


async def test_smtplib_delivers(tmp_path: Path) -> None:
    async with listening(tmp_path) as server:
        await asyncio.to_thread(_send_with_smtplib, server.port, server.box)
        (raw,) = await server.kept()
    assert b"Subject: by smtplib\r\n" in raw


@pytest.mark.skipif(not shutil.which("swaks"), reason="swaks is not installed: its delivery was NOT run")
@pytest.mark.parametrize(
    "more", [[], ["--pipeline"], ["--protocol", "SMTP"]], ids=lambda more: more[-1] if more else "plain"
)
async def test_swaks_delivers(tmp_path: Path, more: list[str]) -> None:
    async with listening(tmp_path) as server:
        command = ["swaks", "--server", f"127.0.0.1:{server.port}", "--to", server.box, "--from", "anna@shop.example"]
        done = await asyncio.to_thread(
            subprocess.run,
            [*command, "--header", "Subject: by swaks", *more],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (raw,) = await server.kept()
    assert b"Subject: by swaks\r\n" in raw


@pytest.mark.skipif(not shutil.which("swaks"), reason="swaks is not installed: its delivery was NOT run")
async def test_swaks_delivers_over_lmtp_and_over_tls(tmp_path: Path) -> None:
    _, chain = make_certificate(tmp_path)
    certificate = {"tls_cert": chain, "tls_key": tmp_path / "key.pem"}
    for lmtp, more in ((True, ["--protocol", "LMTP"]), (False, ["--tls"])):
        async with listening(tmp_path / str(lmtp), lmtp=lmtp, **certificate) as server:
            to = f"{server.box},other@letterlock.localhost"
            command = ["swaks", "--server", f"127.0.0.1:{server.port}", "--to", to, "--from", "anna@shop.example"]
            done = await asyncio.to_thread(
                subprocess.run, [*command, *more], capture_output=True, text=True, timeout=30
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert len(await server.kept()) == 2


@pytest.mark.skipif(
    not shutil.which("smtp-source", path="/usr/sbin:/usr/bin:/bin"),
    reason="smtp-source is not installed: its delivery was NOT run",
)
async def test_smtp_source_delivers_over_many_connections_at_once(tmp_path: Path) -> None:
    async with listening(tmp_path) as server:
        command = [
            str(shutil.which("smtp-source", path="/usr/sbin:/usr/bin:/bin")),
            "-s",
            "10",
            "-m",
            "200",
            "-l",
            "2000",
        ]
        where = ["-f", "anna@shop.example", "-t", server.box, f"inet:127.0.0.1:{server.port}"]
        done = await asyncio.to_thread(subprocess.run, [*command, *where], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert len(await server.kept()) == 200


def _has_nodemailer() -> bool:
    if not shutil.which("node"):
        return False
    return subprocess.run(["node", "-e", "require('nodemailer')"], capture_output=True, timeout=30).returncode == 0


async def test_nodemailer_delivers(tmp_path: Path) -> None:
    if not _has_nodemailer():
        pytest.skip("node with the package nodemailer is not installed: its delivery was NOT run")
    async with listening(tmp_path) as server:
        script = (
            f"require('nodemailer').createTransport({{host: '127.0.0.1', port: {server.port}, ignoreTLS: true}})"
            f".sendMail({{from: 'anna@shop.example', to: '{server.box}', subject: 'by nodemailer', text: 'hello'}})"
        )
        done = await asyncio.to_thread(
            subprocess.run, ["node", "-e", script], capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stderr
        (raw,) = await server.kept()
    assert b"Subject: by nodemailer\r\n" in raw


async def test_a_port_that_is_taken_is_an_os_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with open_app(settings_for(tmp_path, smtp_port=taken.getsockname()[1])) as app:
            with pytest.raises(OSError, match="address already in use"):
                async with open_listener(app, Workers(app.settings)):
                    pass


async def test_who_says_everything_at_once_and_ends_its_side_is_answered_and_its_mail_kept(tmp_path: Path) -> None:
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.send(
            b"EHLO client.example\r\nMAIL FROM:<anna@shop.example>\r\nRCPT TO:<%s>\r\nDATA\r\n"
            b"Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n" % server.box.encode()
        )
        client.writer.write_eof()
        said = await client.rest()
        assert said.splitlines()[-2].startswith(b"250 2.0.0 Ok")
        assert said.splitlines()[-1].startswith(b"221")
        assert len(await server.kept()) == 1


async def test_a_client_that_ends_its_side_inside_a_message_leaves_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path) as server, connected(server.port) as client:
        await client.begin(server.box)
        await client.send(b"Subject: half\r\n\r\nand then")
        client.writer.write_eof()
        await client.rest()
        assert await server.kept() == []
