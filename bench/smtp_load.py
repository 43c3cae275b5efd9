"""An SMTP sender for loopback measurements: many connections, one mail after the other on each, every answer timed."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from mails import Mail, Mails, dot_stuffed

_ANSWER_S = 60.0


@dataclass(slots=True)
class Load:
    """What came of a run. Times in seconds: `acks` from the last byte of DATA handed to the kernel to its 250."""

    accepted: int = 0
    refused: int = 0
    size: int = 0
    seconds: float = 0.0
    acks: list[float] = field(default_factory=list)
    first_refusal: str = ""

    def refuse(self, why: str) -> None:
        self.refused += 1
        self.first_refusal = self.first_refusal or why


class SmtpClient(asyncio.Protocol):
    """One connection. `reply()` gives the last line of each reply and when it was read."""

    def __init__(self) -> None:
        self._buffer = b""
        self._replies: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # uvloop's transports are not instances of asyncio's classes.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            if line[3:4] != b"-":
                self._replies.put_nowait((now, line.rstrip()))

    def connection_lost(self, error: Exception | None) -> None:
        self._replies.put_nowait((time.perf_counter(), b""))

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    async def reply(self) -> tuple[float, bytes]:
        at, line = await asyncio.wait_for(self._replies.get(), _ANSWER_S)
        if not line:
            raise ConnectionError("closed by the server")
        return at, line

    async def say(self, command: bytes) -> bytes:
        self.write(command + b"\r\n")
        return (await self.reply())[1]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def connect(port: int) -> SmtpClient:
    """A connection that has been greeted and has said EHLO."""
    _, client = await asyncio.get_running_loop().create_connection(SmtpClient, "127.0.0.1", port)
    await client.reply()
    await client.say(b"EHLO load.example")
    return client


async def send_one(client: SmtpClient, recipient: str, data: bytes) -> tuple[float, float, bytes]:
    """Send one mail (`data`: dot-stuffed, with its end). When DATA ended, when the answer came, and the answer."""
    for command in (b"MAIL FROM:<a@sender.example>", b"RCPT TO:<" + recipient.encode() + b">", b"DATA"):
        answer = await client.say(command)
    if not answer.startswith(b"354"):
        now = time.perf_counter()
        return now, now, answer
    client.write(data)
    ended = time.perf_counter()
    at, answer = await client.reply()
    return ended, at, answer


async def run_load(
    port: int,
    recipient: str,
    *,
    connections: int,
    per_connection: int,
    profile: str = "mixed",
    seed: int = 1,
    accepted: Callable[[Mail], None] = lambda mail: None,
) -> Load:
    """Each connection sends `per_connection` mails; made before the clock starts, so that making them costs the
    server nothing."""
    load = Load()
    supply = Mails(profile, recipient, seed)
    queue = [(mail, dot_stuffed(mail.raw)) for mail in (supply.next() for _ in range(connections * per_connection))]

    async def one_connection() -> None:
        try:
            client = await connect(port)
            for _ in range(per_connection):
                mail, data = queue.pop()
                ended, answered, answer = await send_one(client, recipient, data)
                if answer.startswith(b"250"):
                    load.accepted += 1
                    load.size += len(data)
                    load.acks.append(answered - ended)
                    accepted(mail)
                else:
                    load.refuse(answer.decode(errors="replace"))
            await client.say(b"QUIT")
            client.close()
        except (OSError, TimeoutError) as error:
            load.refuse(repr(error))

    begin = time.perf_counter()
    await asyncio.gather(*(one_connection() for _ in range(connections)))
    load.seconds = time.perf_counter() - begin
    return load
