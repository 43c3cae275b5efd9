"""A small IMAP server over TLS for tests: what RFC 9051 asks of one as far as mail is fetched, and on demand what no
server should ever say. Everything a client asks is in `asked`."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

from fakes import make_certificate

USER, PASSWORD = "you@provider.example", "right password"


@dataclass(slots=True)
class Held:
    """One folder."""

    uidvalidity: int = 1
    uidnext: int = 1
    emails: dict[int, tuple[bytes, dt.datetime]] = field(default_factory=dict)
    read: set[int] = field(default_factory=set)


@dataclass(slots=True)
class ImapServer:
    """`says`: bytes in place of the answer to a command (its name, for UID commands the second word); `{tag}` stands
    for the tag. `hang_up_at`: commands that end the connection, each once. `token`: what XOAUTH2 takes. `late`: new
    mail is told only when it is asked (NOOP)."""

    port: int = 0
    idles: bool = True
    late: bool = False
    token: str = ""
    refusal: str = "NO [AUTHENTICATIONFAILED] Invalid credentials"
    spam: str = "Junk"
    folders: dict[str, Held] = field(default_factory=lambda: {"INBOX": Held(), "Junk": Held()})
    says: dict[str, bytes] = field(default_factory=dict)
    hang_up_at: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    certificate: Path = Path()
    context: ssl.SSLContext | None = None
    talks: set[asyncio.Task[None]] = field(default_factory=set)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    new: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def put(self, raw: bytes, folder: str = "INBOX", at: dt.datetime | None = None) -> int:
        """A new email, told to whoever waits."""
        held = self.folders[folder]
        uid, held.uidnext = held.uidnext, held.uidnext + 1
        held.emails[uid] = (raw, at or dt.datetime.now(dt.UTC))
        async with self.new:
            self.new.notify_all()
        return uid

    def bodies(self) -> list[str]:
        """What was asked for whole emails."""
        return [one for one in self.asked if "BODY.PEEK[]" in one or "BODY[]" in one or "RFC822 " in one]

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        self.writers.add(writer)
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ValueError):
            pass
        finally:
            self.talks.discard(task)
            self.writers.discard(writer)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.says.get("GREETING", b"* OK ready\r\n"))
        held, name, told = Held(), "", 0
        while line := await reader.readline():
            tag, _, rest = line.decode("latin-1").strip().partition(" ")
            words = rest.split(" ")
            command = words[1].upper() if words[0].upper() == "UID" else words[0].upper()
            self.asked.append(f"{name}: {rest}")
            if command in self.hang_up_at:
                self.hang_up_at.remove(command)
                writer.transport.abort()
                return
            if command in self.says:
                writer.write(self.says[command].replace(b"{tag}", tag.encode()))
                await writer.drain()
                continue
            done = "OK done"
            match command:
                case "CAPABILITY":
                    writer.write(
                        b"* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 MOVE" + b" IDLE" * self.idles + b"\r\n"
                    )
                case "LOGIN":
                    done = done if rest.replace('"', "") == f"LOGIN {USER} {PASSWORD}" else self.refusal
                case "AUTHENTICATE":
                    writer.write(b"+ \r\n")
                    import base64

                    said = base64.b64decode(await reader.readline()).decode()
                    right = self.token and said == f"user={USER}\1auth=Bearer {self.token}\1\1"
                    done = done if right else self.refusal
                case "LIST":
                    for one in self.folders:
                        flag = "\\Junk" if one == self.spam else ""
                        writer.write(f'* LIST ({flag}) "/" "{one}"\r\n'.encode())
                case "SELECT" | "EXAMINE":
                    if words[1].strip('"') not in self.folders:
                        writer.write(f"{tag} NO there is none\r\n".encode())
                        continue
                    name = words[1].strip('"')
                    held = self.folders[name]
                    told = len(held.emails)
                    writer.write(
                        f"* {len(held.emails)} EXISTS\r\n* OK [UIDVALIDITY {held.uidvalidity}] ok\r\n"
                        f"* OK [UIDNEXT {held.uidnext}] ok\r\n".encode()
                    )
                case "NOOP":
                    writer.write(f"* {len(held.emails)} EXISTS\r\n".encode() * (len(held.emails) > told))
                    told = len(held.emails)
                case "SEARCH":
                    told = len(held.emails)
                    writer.write(f"* SEARCH {' '.join(map(str, self._found(held, words[2:])))}\r\n".encode())
                case "FETCH":
                    for uid in _uids(words[2], held):
                        writer.write(_fetched(uid, *held.emails[uid], rest))
                case "STORE":
                    held.read |= set(_uids(words[2], held))
                case "MOVE":
                    for uid in _uids(words[2], held):
                        raw, at = held.emails.pop(uid)
                        await self.put(raw, words[3].strip('"'), at)
                case "IDLE":
                    writer.write(b"+ idling\r\n")
                    await writer.drain()
                    told = await self._idle(reader, writer, held, told)
                case "LOGOUT":
                    writer.write(b"* BYE\r\n")
            writer.write(f"{tag} {done}\r\n".encode())
            await writer.drain()

    async def _idle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: Held, known: int) -> int:
        """`known`: of so many emails the client was told; gives that, too."""
        ended = asyncio.create_task(reader.readline())
        try:
            while not ended.done():
                async with self.new:
                    waits = asyncio.create_task(self.new.wait())
                    if len(held.emails) != known and not self.late:
                        known = len(held.emails)
                        writer.write(f"* {known} EXISTS\r\n".encode())
                    await asyncio.wait((waits, ended), return_when=asyncio.FIRST_COMPLETED)
                    waits.cancel()
                    await asyncio.gather(waits, return_exceptions=True)
        finally:
            ended.cancel()
            await asyncio.gather(ended, return_exceptions=True)
        return known

    def _found(self, held: Held, words: list[str]) -> list[int]:
        if words[0] == "SINCE":
            day = dt.datetime.strptime(words[1], "%d-%b-%Y").date()
            return [uid for uid, (_, at) in held.emails.items() if at.date() >= day]
        return _uids(words[1], held)


def _uids(written: str, held: Held) -> list[int]:
    found: set[int] = set()
    newest = max(held.emails, default=0)
    for part in written.split(","):
        first, _, last = part.partition(":")
        ends = sorted(newest if one == "*" else int(one) for one in (first, last or first))
        found |= {uid for uid in held.emails if ends[0] <= uid <= ends[1]}
    return sorted(found)


def _fetched(uid: int, raw: bytes, at: dt.datetime, asked: str) -> bytes:
    said = f"UID {uid}"
    if "INTERNALDATE" in asked:
        said += f' INTERNALDATE "{at:%d-%b-%Y %H:%M:%S %z}" RFC822.SIZE {len(raw)}'
    if part := re.search(r"\[3(\.MIME|\.HEADER)?", asked):
        # RFC 9051 section 6.4.5: of the third part its own fields, the header of the email it is, or its content.
        third: Any = message_from_bytes(raw).get_payload(2)
        told = third.get_payload(0) if part[1] == ".HEADER" else third
        fields_of = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        body = f"{fields_of}\r\n".encode() if part[1] else third.get_payload().encode()
        key = f"BODY[3{part[1] or ''}]"
    elif fields := re.search(r"HEADER\.FIELDS \(([^)]*)\)", asked):
        wanted = {one.lower() for one in fields[1].split()}
        head = re.findall(rb"(?m)^([!-9;-~]+):((?:.*\r\n)(?:[ \t].*\r\n)*)", raw.partition(b"\r\n\r\n")[0] + b"\r\n")
        body = b"".join(k + b":" + v for k, v in head if k.decode().lower() in wanted) + b"\r\n"
        key = f"BODY[HEADER.FIELDS ({fields[1]})]"
    elif "[]" in asked:
        body, key = raw, "BODY[]<0>"
    else:
        return f"* {uid} FETCH ({said})\r\n".encode()
    return f"* {uid} FETCH ({said} {key} {{{len(body)}}}\r\n".encode() + body + b")\r\n"


@contextlib.asynccontextmanager
async def open_imap_server(folder: Path) -> AsyncIterator[ImapServer]:
    """In this loop, on a free port of 127.0.0.1, with a certificate of its own making in `folder`."""
    server = ImapServer()
    context, server.certificate = make_certificate(folder)
    server.context = context
    assert isinstance(context, ssl.SSLContext)
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0, ssl=context, limit=1_000_000)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        talks = tuple(server.talks)
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
