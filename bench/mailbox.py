"""Mail out of a mailbox elsewhere: how soon, how much of it is read, and whether breaks lose or double any.

    python bench/mailbox.py [-n 200] [--old 50000] [--mails 1000] [--kills 100] [--drops 100]
    python bench/mailbox.py --server dovecot [-n 200] [--old 50000]
    python bench/mailbox.py --server pymap --pymap PROGRAM [-n 200] [--old 1000]

latency: from the moment an email is in the mailbox to the answer of wait_for_otp, by an MCP client over HTTP, one at a
time. The own server (tests/imap_server.py, TLS on loopback) tells at once; Dovecot (wants root) collects for half a
second first, unless it is asked; pymap is a server in Python (pip install pymap, in an environment of its own). Into
these two, emails come by APPEND, which is part of the time. old: a mailbox with so many emails is connected; how long
that takes, and what was asked for (pymap does not tell).
breaks (own server only): while a stream of emails comes, `letterlock serve` is killed and connections are cut; counted
are emails that are missing or stored twice, and bodies that were none of our business. Exit code 1 when anything is not
as it should.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import imaplib
import os
import pwd
import re
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from mcp import Client

from harness import (
    Running,
    environment,
    free_port,
    http_transport,
    letterlock,
    percentile,
    say,
    say_where,
    start,
    stop,
    temporary_folder,
)

sys.path += [str(Path(__file__).parent.parent / "tests"), str(Path(__file__).parent.parent / "tests" / "whole")]

import test_mailbox

from fakes import make_certificate
from imap_server import PASSWORD, USER, ImapServer, open_imap_server

INBOX = "you+bench@provider.example"
P50_MS, CONNECT_S = 150.0, 5.0
_WARM = 5
_STANDSTILL_S = 60.0
_SETTLED_S = 5.0


def email(number: int, to: str = INBOX) -> bytes:
    return (
        f"Return-Path: <b@shop.example>\r\nFrom: Shop <a@shop.example>\r\nTo: {to}\r\nSubject: Mail {number}\r\n"
        f"Message-ID: <{number}.{to.partition('@')[0]}@shop.example>\r\n\r\nYour code is {100_000 + number}.\r\n"
    ).encode()


async def run(*arguments: str, data: Path, given: str = "") -> str:
    """A command of the console script; its output. Raises RuntimeError."""

    def work() -> str:
        done = subprocess.run(
            letterlock(*arguments, "--data", str(data)), input=given, capture_output=True, text=True, env=environment()
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-1000:])
        return done.stdout

    return await asyncio.to_thread(work)


@dataclass(frozen=True, slots=True)
class Provider:
    """A server with a mailbox. `put`: an email comes into it; `waits`: whether Letterlock waits for one; `bodies`: how
    many whole emails it gave out, None where it does not tell."""

    port: int
    put: Callable[[bytes], Awaitable[object]]
    waits: Callable[[], Awaitable[bool]]
    bodies: Callable[[], int | None]
    user: str = USER
    password: str = PASSWORD
    security: str = "tls"


def provided(server: ImapServer) -> Provider:
    async def waits() -> bool:
        return sum(one.endswith(": IDLE") for one in server.asked) >= 2

    return Provider(server.port, server.put, waits, lambda: len(server.bodies()))


@contextlib.asynccontextmanager
async def own(folder: Path, old: int) -> AsyncIterator[Provider]:
    async with open_imap_server(folder) as server:
        for number in range(old):
            await server.put(email(number, "somebody@else.example"))
        yield provided(server)


@contextlib.asynccontextmanager
async def dovecot(folder: Path, old: int) -> AsyncIterator[Provider]:
    with tempfile.TemporaryDirectory(prefix="dovecot-", ignore_cleanup_errors=True) as name:
        base = Path(name)
        with test_mailbox.dovecot(base) as (port, log):
            inbox, owner = base / "mail" / USER.partition("@")[0] / "cur", pwd.getpwnam("mail")
            inbox.mkdir(parents=True)
            for number in range(old):
                (inbox / f"{number}.bench:2,S").write_bytes(email(number, "somebody@else.example"))
            for place in (inbox.parent, inbox):
                os.chown(place, owner.pw_uid, owner.pw_gid)

            def bodies() -> int:
                return sum(map(int, re.findall(r"body_count=(\d+)", log.read_text())))

            trusted = ssl.create_default_context(cafile=str(base / "certificate.pem"))
            with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusted) as client:
                client.login(USER, PASSWORD)
                yield Provider(port, appending(client), _soon(), bodies)


@contextlib.asynccontextmanager
async def pymap(folder: Path, old: int, program: str) -> AsyncIterator[Provider]:
    _, certificate = make_certificate(folder)
    port = free_port()
    given = ("--cert", str(certificate), "--key", str(certificate.with_name("key.pem")))
    process = subprocess.Popen([program, "--host", "127.0.0.1", "--port", str(port), *given, "dict", "--demo-data"])
    try:
        async with asyncio.timeout(_STANDSTILL_S):
            while not await _takes(port):
                await asyncio.sleep(0.1)
        with imaplib.IMAP4("127.0.0.1", port) as client:
            client.starttls(ssl.create_default_context(cafile=str(certificate)))
            client.login("demouser", "demopass")
            put = appending(client)
            for number in range(old):
                await put(email(number, "somebody@else.example"))
            yield Provider(port, put, _soon(), lambda: None, "demouser", "demopass", "starttls")
    finally:
        process.terminate()
        process.wait(20)


async def _takes(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


def appending(client: imaplib.IMAP4) -> Callable[[bytes], Awaitable[object]]:
    def append(raw: bytes) -> None:
        if client.append("INBOX", "", "", raw)[0] != "OK":
            raise RuntimeError("the server takes no email")

    async def put(raw: bytes) -> None:
        await asyncio.to_thread(append, raw)

    return put


def _soon() -> Callable[[], Awaitable[bool]]:
    """For servers that do not tell who waits: some seconds after it was first asked."""
    asked = list[float]()

    async def waits() -> bool:
        asked.append(time.monotonic())
        return asked[-1] - asked[0] > _SETTLED_S

    return waits


async def connected(data: Path, provider: Provider) -> float:
    """Seconds that `letterlock connect` took."""
    data.mkdir(parents=True, exist_ok=True)
    (data / "letterlock.toml").write_text('dns = "off"\n')
    begin = time.perf_counter()
    await run(
        "connect", USER, "--host", "127.0.0.1", "--port", str(provider.port), "--security", provider.security,
        "--username", provider.user, "--pin", "--password-file", "-", data=data, given=provider.password,
    )  # fmt: skip
    took = time.perf_counter() - begin
    await run("inbox", "create", "bench", data=data)
    return took


async def served(data: Path) -> Running:
    return await asyncio.to_thread(lambda: start(data, http_port=free_port(), smtp_port=free_port()))


async def latency(
    folder: Path, times: int, old: int, open_: Callable[[Path, int], AbstractAsyncContextManager[Provider]]
) -> bool:
    async with open_(folder, old) as server:
        took = await connected(folder / "data", server)
        running = await served(folder / "data")
        try:
            async with Client(http_transport(running)) as client:
                seconds, wrong = await _answers(client, server, times)
        finally:
            await asyncio.to_thread(stop, running.process)
        await asyncio.sleep(1)
        bodies = server.bodies()
    p50, p99 = (percentile(seconds, q) * 1000 for q in (0.5, 0.99))
    say(what="latency", emails=times, p50_ms=p50, p99_ms=p99, wrong=wrong, target_p50_ms=P50_MS)
    others = "not told" if bodies is None else bodies - times - _WARM
    say(what="old", emails=old, connect_s=took, bodies_of_others=others, target_s=CONNECT_S)
    return not wrong and p50 <= P50_MS and took <= CONNECT_S and others in (0, "not told")


async def _answers(client: Client, server: Provider, times: int) -> tuple[list[float], int]:
    random, seconds, wrong = Random(3), list[float](), 0
    async with asyncio.timeout(_STANDSTILL_S):
        while not await server.waits():
            await asyncio.sleep(0.05)
    for n in range(times + _WARM):

        async def wait() -> tuple[float, Any]:
            result = await client.call_tool("wait_for_otp", {"inbox": INBOX, "timeout_s": 20})
            return time.perf_counter(), result.structured_content

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(random.uniform(0.1, 0.15))
        begin = time.perf_counter()
        await server.put(email(n))
        answered, answer = await waiting
        wrong += not answer or answer.get("code") != str(100_000 + n)
        if n >= _WARM:
            seconds.append(answered - begin)
    return seconds, wrong


async def breaks(folder: Path, mails: int, kills: int, drops: int) -> bool:
    random = Random(7)
    async with open_imap_server(folder) as server:
        data = folder / "data"
        await connected(data, provided(server))
        over = asyncio.Event()

        async def stream() -> None:
            for number in range(mails):
                await server.put(email(number), random.choice(("INBOX", "INBOX", "Junk")))
                await server.put(email(number, "somebody@else.example"))
                await asyncio.sleep(random.uniform(0, 2 * 1.2 * kills / mails))
            over.set()

        async def cut() -> None:
            for _ in range(drops):
                await asyncio.sleep(random.uniform(0, 2 * kills / max(1, drops)))
                server.hang_up()

        streaming, cutting = asyncio.create_task(stream()), asyncio.create_task(cut())
        killed = 0
        while killed < kills or not over.is_set():
            running = await served(data)
            await asyncio.sleep(random.uniform(0, 0.8))
            if killed < kills:
                running.process.send_signal(signal.SIGKILL)
                await asyncio.to_thread(running.process.wait)
                killed += 1
            else:
                await over.wait()
                await asyncio.to_thread(stop, running.process)
        await asyncio.gather(streaming, cutting)
        running = await served(data)
        last, since = -1, time.monotonic()
        while (now := _stored(data)[0]) < mails and time.monotonic() - since < _STANDSTILL_S:
            last, since = (now, time.monotonic()) if now != last else (last, since)
            await asyncio.sleep(0.2)
        await asyncio.sleep(2)
        await asyncio.to_thread(stop, running.process)
        different, stored = _stored(data)
        strangers = sum(b"somebody@else.example" in _asked_for(server, one) for one in server.bodies())
    counted = {"lost": mails - different, "doubled": stored - different, "bodies_of_others": strangers}
    say(what="breaks", emails=mails, kills=killed, drops=drops, **counted)
    return not any(counted.values())


def _asked_for(server: ImapServer, asked: str) -> bytes:
    """The email that a line of the server's journal asks for as a whole."""
    folder, _, command = asked.partition(": ")
    return server.folders[folder].emails[int(command.split(" ")[2])][0]


def _stored(data: Path) -> tuple[int, int]:
    """Different emails that are filed, and all."""
    with sqlite3.connect(f"file:{data / 'letterlock.db'}?mode=ro", uri=True) as store:
        row = store.execute("SELECT COUNT(DISTINCT message_id), COUNT(*) FROM emails WHERE state = 'filed'").fetchone()
    return int(row[0]), int(row[1])


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--old", type=int, default=50_000)
    parser.add_argument("--mails", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--drops", type=int, default=100)
    parser.add_argument("--server", choices=["own", "dovecot", "pymap"], default="own")
    parser.add_argument("--pymap", default="pymap", help="its program")
    chosen = parser.parse_args()
    say_where()
    servers = {"own": own, "dovecot": dovecot, "pymap": lambda at, old: pymap(at, old, chosen.pymap)}
    with temporary_folder("mailbox") as folder:
        well = await latency(folder, chosen.n, chosen.old, servers[chosen.server])
    if chosen.server != "own":
        return 0 if well else 1
    with temporary_folder("mailbox-breaks") as folder:
        well &= await breaks(folder, chosen.mails, chosen.kills, chosen.drops)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
