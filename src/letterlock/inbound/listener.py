"""SMTP and LMTP doors: caps, CRLF discipline and replies; 250 only after accept() has committed.

One subclass of aiosmtpd's SMTP (RFC 5321) and one more for LMTP (RFC 2033, one answer per recipient). What differs
from aiosmtpd: DATA is read in blocks and must keep to CRLF, addresses go through our one strict parser, replies to
pipelined commands leave together (RFC 2920), everything has a cap, and no reply ever carries an exception's text.
Only this module knows aiosmtpd.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from letterlock.app import App
from letterlock.errors import InvalidRequest, SettingsError, StoreError, StoreFull
from letterlock.inbound.accept import accept, hops, inbox_for
from letterlock.inbound.workers import Workers
from letterlock.message.address import parse_address
from letterlock.message.envelope import Envelope, Receipt, Transport
from letterlock.message.threading import HOPS
from letterlock.settings import Settings

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Session
    from aiosmtpd.smtp import Envelope as Transaction

log = logging.getLogger(__name__)

MAX_RECIPIENTS = 100
IDLE_S = 60.0
DATA_S = 600.0
"""The whole DATA phase may take this long (RFC 5321 section 4.5.3.2.5 asks 10 minutes of a client)."""
STORE_S = 20.0
CLOSING_S = 5.0
BYTES_AT_ONCE = 256 * 1024 * 1024
"""Messages that are being received at one time may hold this much memory together; more get 452."""
_COMMAND_BYTES = 1000
"""RFC 5321 section 4.5.3.1.4 asks for 512, and SIZE, BODY and SMTPUTF8 add to it."""
_UNKNOWN = "?"
_UNKNOWN_COMMANDS = 5
_COMMANDS = {"*": 100, "MAIL": 1000, "RCPT": 1000 * MAX_RECIPIENTS, "DATA": 1000, "RSET": 1000}
"""Commands of a kind in one connection; 421 after that."""
_KNOWN_S = 10.0
"""For how long an address that was found is not looked up again; accept() looks again in any case."""

_TEXTSTRING = bytes(c if c == 9 or 32 <= c <= 126 else 63 for c in range(256))
"""What a reply may hold (RFC 5321 section 4.2), and "?" in place of the rest."""

_FULL = "452 4.3.1 Insufficient storage, try again later"
_TROUBLE = "451 4.3.0 Local trouble, try again later"
_CROWDED = "452 4.3.1 Too much mail at once, try again later"
_BARE = "550 5.6.0 Bare CR or LF in the message; lines must end with CRLF (RFC 5321 section 2.3.8)"
_HOPS = "554 5.4.6 Too many hops: the message seems to go round in a loop (RFC 5321 section 6.3)"
_TOO_BIG = "552 5.3.4 Message too big"
_LAST_REPLIES = (b"221 ", b"421 ")
_NO_INBOX = "550 5.1.1 No such inbox here"


class Door:
    """What all connections of one listener share: aiosmtpd's handler."""

    def __init__(self, app: App, workers: Workers, transport: Transport, tls: ssl.SSLContext | None) -> None:
        self.app = app
        self.transport: Transport = transport
        self.tls = tls
        self.sessions: set[Any] = set()
        self.from_ip: Counter[str] = Counter()
        self.bytes_in_work = 0
        self._workers = workers
        self._known: dict[str, float] = {}

    def enter(self, session: Any, ip: str) -> bool:
        """Whether one more connection from `ip` is within the caps."""
        settings = self.app.settings
        if len(self.sessions) >= settings.smtp_connections or self.from_ip[ip] >= settings.smtp_connections_per_ip:
            return False
        self.sessions.add(session)
        self.from_ip[ip] += 1
        self._workers.warm()
        return True

    def leave(self, session: Any, ip: str) -> None:
        if session in self.sessions:
            self.sessions.discard(session)
            self.from_ip[ip] -= 1
            if not self.from_ip[ip]:
                del self.from_ip[ip]

    async def handle_MAIL(
        self, server: SMTP, session: Session, transaction: Transaction, address: str, options: list[str]
    ) -> str:
        if not address.isascii() and not transaction.smtp_utf8:
            return "553 5.6.7 A UTF-8 address needs SMTPUTF8 (RFC 6531 section 3.4)"
        transaction.mail_from = address
        transaction.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, transaction: Transaction, address: str, options: list[str]
    ) -> str:
        if not address.isascii() and not transaction.smtp_utf8:
            return "553 5.6.7 A UTF-8 address needs SMTPUTF8 (RFC 6531 section 3.4)"
        if len(transaction.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        if address == "<>" or not await self._takes(address):
            return _NO_INBOX
        transaction.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def take(self, session: Session, transaction: Transaction, raw: bytes) -> tuple[Receipt, ...]:
        """Accept one message durably. Raises StoreError or TimeoutError: then the sender keeps it."""
        peer = session.peer
        envelope = Envelope(
            sender="" if transaction.mail_from == "<>" else transaction.mail_from or "",
            recipients=tuple(transaction.rcpt_tos),
            received_at=self.app.clock(),
            transport=self.transport,
            client_ip=peer[0] if isinstance(peer, tuple) else None,
            helo=session.host_name,
            smtputf8=bool(transaction.smtp_utf8),
            tls=session.ssl is not None,
        )
        async with asyncio.timeout(STORE_S):
            return await accept(self.app, envelope, raw)

    async def handle_exception(self, error: Exception) -> str:
        if isinstance(error, StoreFull):
            return _FULL
        if not isinstance(error, StoreError | TimeoutError):
            log.error("listener: %s", type(error).__name__, exc_info=log.isEnabledFor(logging.DEBUG))
        return _TROUBLE

    async def _takes(self, address: str) -> bool:
        if self.app.settings.accept_any:
            return True
        now = time.monotonic()
        if self._known.get(address, 0) > now:
            return True
        if await inbox_for(self.app, address) is None:
            return False
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[address] = now + _KNOWN_S
        return True


def _session_class() -> type[Any]:
    """The subclass, made here because aiosmtpd is imported only where a listener starts."""
    from aiosmtpd import smtp
    from aiosmtpd.smtp import TLSSetupException

    # Its attributes are Optional or untyped throughout, though always there inside a command.
    base: Any = smtp.SMTP

    class _Session(base):  # type: ignore[misc]
        # The reader's limit: with aiosmtpd's 1001 bytes the transport pauses at every 2 kB of DATA.
        line_length_limit = 256 * 1024
        _timeout_handle: asyncio.TimerHandle | None

        def __init__(self, door: Door) -> None:
            settings = door.app.settings
            super().__init__(
                door,
                data_size_limit=settings.max_message_bytes,
                enable_SMTPUTF8=True,
                hostname=settings.smtp_hostname,
                ident="Letterlock",
                tls_context=door.tls,
                timeout=IDLE_S,
                loop=asyncio.get_running_loop(),
            )
            self._door = door
            self._ip = ""
            self._deadline = 0.0
            self._held = 0
            self._replies = bytearray()
            self.in_data = False
            for name in ("AUTH", "EXPN", "HELP"):
                self._smtp_methods.pop(name, None)

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            first = self._original_transport is None
            if first:
                peer = transport.get_extra_info("peername")
                self._ip = peer[0] if isinstance(peer, tuple) else ""
                if not self._door.enter(self, self._ip):
                    # uvloop's transports are no subclasses of asyncio's, so that isinstance would refuse them.
                    out = cast("asyncio.WriteTransport", transport)
                    out.write(b"421 4.7.0 Too many connections, try again later\r\n")
                    out.close()
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            self._door.leave(self, self._ip)
            super().connection_lost(error)

        def _reset_timeout(self, duration: float | None = None) -> None:
            # Called at every command: moving a deadline is cheaper than cancelling and making a timer.
            self._deadline = self.loop.time() + (duration or IDLE_S)
            if self._timeout_handle is not None and self._timeout_handle.when() > self._deadline:
                self._timeout_handle.cancel()
                self._timeout_handle = None
            if self._timeout_handle is None:
                self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)

        def _timeout_cb(self) -> None:
            if self.loop.time() < self._deadline:
                self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)
            elif self.transport is not None:
                with contextlib.suppress(Exception):
                    self._writer.write(b"421 4.4.2 Too slow, closing\r\n")
                self.transport.close()

        def eof_received(self) -> bool:
            # A client may end its side behind its last command (`printf ... | nc`): what it said is still answered.
            self._reader.feed_eof()
            return self.session.ssl is None

        async def _handle_client(self) -> None:
            """The conversation, command by command, until QUIT, the end of input, a limit or a lost connection."""
            said: Counter[str] = Counter()
            try:
                await self.push(f"220 {self.hostname} ESMTP {self.__ident__}")
                while self.transport is not None:
                    line = await self._read_line()
                    name, _, rest = line.rstrip(b"\r\n").partition(b" ")
                    command = name.decode("ascii", "replace").upper()
                    method = self._smtp_methods.get(command)
                    said[command if method else _UNKNOWN] += 1
                    self._reset_timeout()
                    if len(line) > _COMMAND_BYTES:
                        await self.push("500 5.5.2 Command line too long")
                    elif said[_UNKNOWN] >= _UNKNOWN_COMMANDS:
                        await self.push("421 4.7.0 Too many unknown commands")
                        break
                    elif method is None:
                        await self.push("500 5.5.1 Command not recognized" if name else "500 5.5.2 Error: bad syntax")
                    elif said[command] > _COMMANDS.get(command, _COMMANDS["*"]):
                        await self.push(f"421 4.7.0 {command} sent too many times")
                        break
                    else:
                        # Bytes that are no UTF-8 survive as surrogates, which the address parser refuses.
                        await self._obey(method, rest.strip().decode("utf-8", "surrogateescape") or None)
            except (asyncio.IncompleteReadError, ConnectionError, TLSSetupException) as end:
                log.debug("connection ended: %s", type(end).__name__)
            finally:
                if self.transport is not None:
                    self.transport.close()

        async def _read_line(self) -> bytes:
            """One line; of one beyond the reader's limit the beginning, and the rest is passed over."""
            try:
                return cast("bytes", await self._reader.readuntil(b"\n"))
            except asyncio.LimitOverrunError as over:
                line: bytes = await self._reader.read(over.consumed)
            while True:
                try:
                    await self._reader.readuntil(b"\n")
                    return line
                except asyncio.LimitOverrunError as over:
                    await self._reader.read(over.consumed)

        async def _obey(self, method: Callable[[str | None], Awaitable[None]], argument: str | None) -> None:
            try:
                await method(argument)
            except (ConnectionError, TLSSetupException):
                raise
            except Exception as error:
                await self.push(await self._door.handle_exception(error))

        def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
            # aiosmtpd takes any Unicode digit for one and fails on what int() does not read.
            plain = all(param.isascii() for param in params)
            return cast("dict[str, str | bool] | None", super()._getparams(params)) if plain else None

        def close_politely(self) -> None:
            """The server stops: RFC 5321 section 3.8 lets it say 421 and close."""
            if self.transport is not None:
                with contextlib.suppress(Exception):
                    self._writer.write(b"421 4.3.2 Service shutting down\r\n")
                self.transport.close()

        async def push(self, status: str | bytes) -> None:
            # aiosmtpd's replies to what it does not know hold the client's own bytes.
            reply = (status.encode(errors="replace") if isinstance(status, str) else status).translate(_TEXTSTRING)
            self._replies += reply + b"\r\n"
            # RFC 2920 section 3.2: with another command at hand already, its reply can go in the same packet. After a
            # last reply aiosmtpd closes at once, and whatever waits would be lost.
            if self.in_data or reply.startswith(_LAST_REPLIES) or b"\n" not in self._reader._buffer:
                await self._flush()

        async def _flush(self) -> None:
            replies, self._replies = bytes(self._replies), bytearray()
            if replies and self.transport is not None:
                self._writer.write(replies)
                await self._writer.drain()

        def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
            """The path of MAIL or RCPT and what follows it; (None, None) when malformed. "<>" is the null path."""
            arg = arg.strip()
            if arg.startswith("<"):
                end = _end_of_path(arg)
                path, rest = arg[1:end], arg[end + 1 :]
                if not end or (rest and not rest.startswith(" ")):
                    return None, None
                if not path:
                    return "<>", rest
            else:
                path, _, rest = arg.partition(" ")
            if path.lower() == "postmaster":
                # RFC 5321 section 4.5.1: the one address that is valid without a domain.
                path = f"{path}@{self._door.app.settings.domain}"
            try:
                return str(parse_address(path)), rest
            except InvalidRequest:
                return None, None

        async def smtp_EHLO(self, hostname: str) -> None:
            if not hostname:
                await self.push("501 5.5.4 Syntax: EHLO hostname")
                return
            self._set_rset_state()
            self.session.extended_smtp = True
            self.session.host_name = hostname[:255]
            lines = [
                self.hostname,
                "PIPELINING",
                f"SIZE {self.data_size_limit}",
                "8BITMIME",
                "SMTPUTF8",
                "ENHANCEDSTATUSCODES",
            ]
            if self.tls_context and not self._tls_protocol:
                lines.append("STARTTLS")
            for line in lines[:-1]:
                self._replies += f"250-{line}\r\n".encode()
            await self.push(f"250 {lines[-1]}")

        async def smtp_STARTTLS(self, arg: str) -> None:
            # Replies to what was pipelined before must not be sent inside TLS, nor commands from before run in it.
            self.in_data = True
            try:
                await super().smtp_STARTTLS(arg)
            finally:
                self.in_data = False

        async def smtp_VRFY(self, arg: str) -> None:
            await self.push("252 2.5.2 Cannot verify, but will take mail and try")

        async def smtp_DATA(self, arg: str) -> None:
            if await self.check_helo_needed():
                return
            if not self.envelope.rcpt_tos:
                await self.push("503 5.5.1 Error: need RCPT command")
                return
            if arg:
                await self.push("501 5.5.4 Syntax: DATA")
                return
            self.in_data = True
            try:
                await self.push("354 End data with <CR><LF>.<CR><LF>")
                self._reset_timeout(DATA_S)
                raw, refusal = await self._read_data()
                self._reset_timeout()
                # Kept until answered: the connection's timer must not end it between commit and reply.
                for reply in [refusal] * self._answers() if refusal else await self._accept(raw):
                    self._replies += reply.encode() + b"\r\n"
            finally:
                self.in_data = False
                self._hold(0)
                self._set_post_data_state()
            await self._flush()

        def _hold(self, size: int) -> None:
            """This connection holds `size` bytes of a message now."""
            self._door.bytes_in_work += size - self._held
            self._held = size

        async def _read_data(self) -> tuple[bytes, str]:
            """The message up to CRLF.CRLF, dot-unstuffed, and "" or the refusal; what comes after stays to be read."""
            data = bytearray(b"\r\n")
            limit = self.data_size_limit + len(data)
            refusal = ""
            while True:
                # Everything there is: what follows the message can be put back without getting behind anything.
                block = await self._reader.read(16 * 1024 * 1024)
                if not block:
                    raise ConnectionResetError
                begin = max(0, len(data) - 4)
                data += block
                end = data.find(b"\r\n.\r\n", begin)
                if end >= 0:
                    break
                self._hold(len(data))
                if len(data) > limit:
                    refusal = _TOO_BIG
                elif self._door.bytes_in_work > BYTES_AT_ONCE:
                    refusal = refusal or _CROWDED
                if refusal:
                    # Read on to the end, keeping only what the end may begin with.
                    del data[:-4]
                    self._hold(0)
            # Back to the front of the reader, which is empty; feed_data would refuse it after the end of input.
            self._reader._buffer.extend(data[end + 5 :])
            del data[end + 2 :]
            if refusal or len(data) > limit:
                return b"", refusal or _TOO_BIG
            lines = data.count(b"\r\n")
            if data.count(b"\n") != lines or data.count(b"\r") != lines:
                return b"", _BARE
            # RFC 5321 section 4.5.2; the leading CRLF made the first line like every other.
            if b"\r\n." in data:
                data = data.replace(b"\r\n.", b"\r\n")
            raw = bytes(memoryview(data)[2:])
            return (raw, "") if hops(raw) <= HOPS else (b"", _HOPS)

        def _answers(self) -> int:
            return 1

        async def _accept(self, raw: bytes) -> list[str]:
            try:
                receipts = await self._door.take(self.session, self.envelope, raw)
            except Exception as error:
                return [await self._door.handle_exception(error)] * self._answers()
            return self._receipts_to_replies(receipts)

        def _receipts_to_replies(self, receipts: tuple[Receipt, ...]) -> list[str]:
            return [f"250 2.0.0 Ok: {receipts[0].email_id}" if receipts else _NO_INBOX]

    return _Session


def _lmtp_class() -> type[Any]:
    class _LmtpSession(_session_class()):  # type: ignore[misc]
        async def smtp_LHLO(self, hostname: str) -> None:
            await super().smtp_EHLO(hostname)

        async def smtp_HELO(self, hostname: str) -> None:
            await self.push("500 5.5.1 This is LMTP: say LHLO (RFC 2033 section 4.1)")

        async def smtp_EHLO(self, hostname: str) -> None:
            await self.smtp_HELO(hostname)

        def _answers(self) -> int:
            # RFC 2033 section 4.2: after the final dot one reply for each RCPT that was taken, in order.
            return len(self.envelope.rcpt_tos)

        def _receipts_to_replies(self, receipts: tuple[Receipt, ...]) -> list[str]:
            ids = {receipt.recipient: receipt.email_id for receipt in receipts}
            return [
                f"250 2.0.0 Ok: {ids[recipient]}" if recipient in ids else _NO_INBOX
                for recipient in self.envelope.rcpt_tos
            ]

    return _LmtpSession


@contextlib.asynccontextmanager
async def open_listener(app: App, workers: Workers, *, lmtp: bool = False) -> AsyncIterator[str]:
    """Listens until the context ends, then lets running transactions finish for CLOSING_S. Gives "host:port".

    Raises OSError when the address cannot be bound, SettingsError for a certificate that cannot be used.
    """
    settings = app.settings
    door = Door(app, workers, "lmtp" if lmtp else "smtp", tls_context(settings))
    session_class = _lmtp_class() if lmtp else _session_class()
    server = await asyncio.get_running_loop().create_server(
        lambda: session_class(door),
        settings.smtp_host,
        settings.lmtp_port if lmtp else settings.smtp_port,
        backlog=1024,
    )
    try:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"{host}:{port}"
    finally:
        server.close()
        end = time.monotonic() + CLOSING_S
        for session in tuple(door.sessions):
            if not session.in_data:
                session.close_politely()
        while door.sessions and time.monotonic() < end:
            await asyncio.sleep(0.02)
            for session in tuple(door.sessions):
                if not session.in_data:
                    session.close_politely()
        for session in tuple(door.sessions):
            session.close_politely()


def _end_of_path(arg: str) -> int:
    """Where the ">" of a path stands, 0 when it has none. A quoted local part may hold one (RFC 5321 section 4.1.2)."""
    quoted = escaped = False
    for at, char in enumerate(arg):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == ">" and not quoted:
            return at
    return 0


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What STARTTLS uses, None when no certificate is set. Raises SettingsError for one that cannot be used."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"The certificate {settings.tls_cert} with key {settings.tls_key} cannot be used: {error}.",
            next_step="Set tls_cert and tls_key to a matching pair in PEM form.",
        ) from error
    return context
