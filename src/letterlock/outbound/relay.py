"""relay(raw, sender, recipients, route) -> one Outcome a recipient: the SMTP client. Only this module knows aiosmtplib.

Never raises for anything a server or the network does. TLS that is asked for and not to be had is a failure, never a
reason to go on without. The message counts as handed over from the final dot on: an answer lost after it is
`uncertain`, any failure before it is `deferred` (RFC 5321 section 4.1.1.4: that answer passes responsibility).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import os
import re
import socket
import ssl
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    import aiosmtplib

REPLY_CHARACTERS = 200
_CHUNK = 65_536
_LETTER = b"Subject: A test of the way\r\n\r\nThis email is not sent.\r\n"
_QUIT_S = 1.0
_AUTHORITIES_S = 3600.0
IDLE_S = 5.0
"""For so long a connection is kept open without a message (RFC 5321 section 4.5.3.2.7: servers wait 5 minutes)."""
MESSAGES_PER_CONNECTION = 100
_DOT_AT_START = re.compile(rb"(?m)^\.")
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. `greeting` bounds all that is before MAIL, `envelope` the recipients, `content` the transfer, `command`
    one command and its reply, `answer` the wait for the reply to the final dot (RFC 5321 section 4.5.3.2.6 asks for 10
    minutes, because giving up early makes duplicates)."""

    command: float = 60.0
    greeting: float = 60.0
    envelope: float = 120.0
    content: float = 300.0
    answer: float = 600.0


@dataclass(frozen=True, slots=True)
class Route:
    """A server that takes mail, and how to talk to it."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none", "opportunistic"]
    """opportunistic: TLS where it is offered and works, with whatever certificate."""
    helo: str
    username: str = ""
    password: str = ""
    limits: Limits = Limits()
    tls_name: str = ""
    """Whom its certificate must name, where that is not `host`."""
    oauth: bool = False
    """`password` is an access token (XOAUTH2)."""
    address: str = ""
    """The one IP address that is connected to, "" where `host` is looked up."""
    whose: str = ""
    """Whose connections these are: nobody else's mail goes by them."""
    pin: str = ""
    """SHA-256 of the one certificate that is believed, in hex; "": of whatever the system's authorities vouch for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recipient in one try. `reply`: the server's last word in one line of at most 200 characters,
    outside text; `handed_over`: the final dot was sent for it; `reached`: the server took up the conversation."""

    recipient: str
    kind: Literal["delivered", "deferred", "refused", "uncertain"]
    reply: str
    handed_over: bool = False
    reached: bool = True


class _NoTls(Exception):
    """TLS was offered and did not work."""


class _Stop(Exception):
    """Why no recipient can be served in this try."""

    def __init__(self, kind: Literal["deferred", "refused"], reply: str, *, lost: bool = False) -> None:
        super().__init__(reply)
        self.lost = lost
        self.kind: Literal["deferred", "refused"] = kind
        self.reply = reply


class Connections:
    """Open connections between messages, by the route they were made for. Whoever has a message takes one, and gives it
    back only when the server has answered all that was said on it."""

    def __init__(self) -> None:
        self._idle: defaultdict[Route, deque[_Connection]] = defaultdict(deque)

    def take(self, route: Route) -> _Connection | None:
        """The one that was used last."""
        self.close_idle()
        kept = self._idle.get(route)
        return kept.pop() if kept else None

    def give(self, route: Route, connection: _Connection) -> None:
        if connection.messages < MESSAGES_PER_CONNECTION and connection.client.is_connected:
            connection.since = time.monotonic()
            self._idle[route].append(connection)
        else:
            connection.close()

    def close_idle(self, seconds: float | None = None) -> None:
        """Close what was not used for so long."""
        before = time.monotonic() - (IDLE_S if seconds is None else seconds)
        for route, kept in list(self._idle.items()):
            while kept and kept[0].since <= before:
                kept.popleft().close()
            if not kept:
                del self._idle[route]


@dataclass(slots=True, eq=False)
class _Connection:
    client: aiosmtplib.SMTP
    writer: asyncio.StreamWriter | None = None
    messages: int = 0
    since: float = 0.0

    def close(self) -> None:
        self.client.close()
        if self.writer is not None:
            self.writer.close()


async def relay(
    raw: bytes,
    sender: str,
    recipients: Sequence[str],
    route: Route,
    handing_over: Callable[[Sequence[str]], Awaitable[bool]] | None = None,
    connections: Connections | None = None,
    envelope_id: str = "",
) -> tuple[Outcome, ...]:
    """Hand `raw` to the server of `route` for `recipients`; an Outcome for each, in order. `envelope_id`: letters and
    digits that reports on it shall name, where the server can (RFC 3461 section 4.4).

    `handing_over` is awaited right before the final dot with the recipients the server took; when it says False the
    message is not sent (they are deferred). With `connections` an open one is used and left open."""
    outcomes: dict[str, Outcome] = {}
    connection: _Connection | None = None
    greeted = answered = False
    try:
        connection = await _greeted(route, connections)
        greeted = True
        connection, taken = await _told(connection, raw, sender, recipients, route, outcomes, envelope_id)
        if taken:
            async with _until(route.limits.content, "while the message was sent"):
                await _content(connection, raw)
            if handing_over is not None and not await handing_over(taken):
                raise _Stop("deferred", "not sent: cancelled, or taken over by another process")
            ended = await _dot(connection.client, taken, route.limits.answer)
            outcomes |= ended
            answered = all(outcome.kind != "uncertain" for outcome in ended.values())
        if connections is not None and answered:
            connections.give(route, connection)
            connection = None
        else:
            await _quit(connection.client)
    except _Stop as stop:
        for recipient in recipients:
            outcomes.setdefault(recipient, Outcome(recipient, stop.kind, stop.reply, reached=greeted))
    finally:
        if connection is not None:
            connection.close()
    return tuple(outcomes[recipient] for recipient in recipients)


async def reach(route: Route, connections: Connections) -> bool:
    """Whether the server takes up a conversation. Nothing is sent; the connection stays open for what is."""
    try:
        connections.give(route, await _greeted(route, connections))
    except _Stop:
        return False
    return True


async def refusal(route: Route) -> str:
    """Why the server does not let us in, in its last word; "" when it does. Nothing is sent."""
    try:
        connection = await _greeted(route)
    except _Stop as stop:
        return stop.reply
    await _quit(connection.client)
    connection.close()
    return ""


async def would_take(route: Route, sender: str, recipient: str) -> Outcome:
    """All of relay() but the end of an email, so that nothing is sent. `delivered`: it would take one."""

    took = False

    async def enough(_: Sequence[str]) -> bool:
        nonlocal took
        took = True
        return False

    (outcome,) = await relay(_LETTER, sender, [recipient], route, enough)
    return replace(outcome, kind="delivered", reply="it takes mail") if took else outcome


async def _greeted(route: Route, connections: Connections | None = None) -> _Connection:
    """An open connection, or a new one."""
    if connections is not None and (kept := connections.take(route)) is not None:
        return kept
    connection = _Connection(_client(route))
    try:
        async with _until(route.limits.greeting, "when it was greeted"):
            await _greet(connection.client, route)
        return connection
    except _NoTls:
        # RFC 7435 section 3: better in clear than not at all, where TLS was nobody's condition.
        connection.close()
        return await _greeted(replace(route, security="none"))
    except BaseException:
        connection.close()
        raise


async def _told(
    connection: _Connection,
    raw: bytes,
    sender: str,
    recipients: Sequence[str],
    route: Route,
    outcomes: dict[str, Outcome],
    envelope_id: str,
) -> tuple[_Connection, list[str]]:
    """The connection on which the server was told sender and recipients, and those it took. One kept open that turns
    out to be closed by the server is replaced: nothing was handed over on it."""
    while True:
        try:
            async with _until(route.limits.envelope, "when it was told the recipients"):
                return connection, await _envelope(connection.client, raw, sender, recipients, outcomes, envelope_id)
        except _Stop as stop:
            connection.close()
            # RFC 5321 section 3.8: 421 may come at any time, also in place of an answer to MAIL.
            if not connection.messages or not (stop.lost or stop.reply.startswith("421")):
                raise
            outcomes.clear()
            connection = await _greeted(route)
        except BaseException:
            connection.close()
            raise


async def _quit(client: aiosmtplib.SMTP) -> None:
    """RFC 5321 section 4.1.1.10; what a server says to it changes nothing."""
    import aiosmtplib

    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=_QUIT_S)


def one_line(text: str) -> str:
    """A reply without control characters, surrogates and line breaks, cut to REPLY_CHARACTERS."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: REPLY_CHARACTERS * 8]).split())
    return line if len(line) <= REPLY_CHARACTERS else line[: REPLY_CHARACTERS - 1] + "…"


@contextlib.asynccontextmanager
async def _until(seconds: float, when: str) -> AsyncIterator[None]:
    """Turns every way a conversation can end early into a _Stop."""
    import aiosmtplib

    try:
        async with asyncio.timeout(seconds):
            yield
    except aiosmtplib.SMTPResponseException as error:
        # A refusal that is not about this message (greeting, EHLO, login) is for the owner to mend: try again.
        raise _Stop("deferred", one_line(f"{error.code} {error.message}")) from None
    except TimeoutError:
        raise _Stop("deferred", f"the mail server did not answer in time {when}") from None
    except OSError as error:
        # The library wraps what happens while it connects.
        for found in (error, error.__cause__):
            if isinstance(found, ssl.SSLCertVerificationError):
                why = getattr(found, "verify_message", "") or found.strerror
                reply = f"the certificate of the mail server is not trusted: {why}"
                raise _Stop("deferred", one_line(reply)) from None
        # Its text names the server and its port, which is not for whoever asks after an email.
        raise _Stop("deferred", f"the mail server cannot be reached, or hung up {when}", lost=True) from None
    except (aiosmtplib.SMTPException, ValueError) as error:
        lost = isinstance(error, aiosmtplib.SMTPServerDisconnected)
        raise _Stop("deferred", one_line(f"{error} ({when})"), lost=lost) from None


def _client(route: Route) -> aiosmtplib.SMTP:
    import aiosmtplib

    return aiosmtplib.SMTP(
        hostname=route.host,
        # The library takes a port or an open socket.
        port=None if route.address else route.port,
        use_tls=route.security == "tls",
        # By ourselves, in _greet: the library goes on in clear where it is not offered, or by another name.
        start_tls=False,
        local_hostname=route.helo,
        timeout=route.limits.command,
        tls_context=_context(route) if route.security == "tls" else None,
    )


def _context(route: Route) -> ssl.SSLContext:
    believed = route.security != "opportunistic" and not route.pin
    where = (os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))
    return _made_context(believed, where, int(time.monotonic() // _AUTHORITIES_S))


@functools.lru_cache(maxsize=4)
def _made_context(believed: bool, where: tuple[str, str], hour: int) -> ssl.SSLContext:
    """To read the system's authorities takes tens of milliseconds, in which nothing else is done. They are read anew
    each hour, and where others were named."""
    context = ssl.create_default_context()
    if not believed:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _check_pin(client: aiosmtplib.SMTP, route: Route) -> None:
    found = client.transport.get_extra_info("ssl_object") if client.transport else None
    shown = found.getpeercert(binary_form=True) if found else None
    if hashlib.sha256(shown or b"").hexdigest() != route.pin:
        raise ssl.SSLCertVerificationError(1, "it is not the one that was pinned")


async def _connect(client: aiosmtplib.SMTP, route: Route) -> None:
    if not route.address:
        await client.connect()
        return
    found = socket.socket(socket.AF_INET6 if ":" in route.address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setblocking(False)
        await asyncio.get_running_loop().sock_connect(found, (route.address, route.port))
        await client.connect(sock=found)
    except BaseException:
        if client.transport is None:
            found.close()
        raise


async def _greet(client: aiosmtplib.SMTP, route: Route) -> None:
    import aiosmtplib

    await _connect(client, route)
    if route.security in ("starttls", "opportunistic"):
        await client.ehlo()
        offered = client.supports_extension("starttls")
        if not offered and route.security == "starttls":
            raise aiosmtplib.SMTPException("the mail server does not offer STARTTLS")
        if offered:
            try:
                await client.starttls(server_hostname=route.tls_name or route.host, tls_context=_context(route))
            except (aiosmtplib.SMTPException, OSError) as error:
                if route.security == "opportunistic":
                    raise _NoTls from error
                raise
    if route.pin:
        _check_pin(client, route)
    # RFC 3207 section 4.2: what was said before TLS is forgotten, so EHLO comes again.
    await client.ehlo()
    if route.oauth:
        await client.auth_xoauth2(route.username, route.password)
    elif route.username:
        await client.login(route.username, route.password)


async def _envelope(
    client: aiosmtplib.SMTP,
    raw: bytes,
    sender: str,
    recipients: Sequence[str],
    outcomes: dict[str, Outcome],
    envelope_id: str,
) -> list[str]:
    """MAIL and RCPT; the recipients the server took. Refused and deferred ones go to `outcomes`."""
    options = []
    head = raw.partition(b"\r\n\r\n")[0]
    international = not (head.isascii() and "".join((sender, *recipients)).isascii())
    if international:
        # RFC 6531 section 3.1: never to a server that does not offer it.
        if not client.supports_extension("smtputf8"):
            raise _Stop("refused", "the server does not take international addresses (SMTPUTF8)")
        options.append("SMTPUTF8")
    if not raw.isascii():
        # RFC 6152 section 3: 8-bit content only where it is offered.
        if not client.supports_extension("8bitmime"):
            raise _Stop("refused", "the server does not take 8-bit content (8BITMIME)")
        options.append("BODY=8BITMIME")
    if client.supports_extension("size"):
        limit = client.esmtp_extensions["size"].strip()
        # RFC 1870 section 4: 0 or nothing means no fixed limit.
        if limit.isascii() and limit.isdigit() and 0 < int(limit[:18]) < len(raw):
            raise _Stop("refused", f"the message has {len(raw)} bytes, the server takes {limit[:18]}")
        options.append(f"SIZE={len(raw)}")
    if envelope_id and client.supports_extension("dsn"):
        options.append(f"ENVID={envelope_id}")
    # Written out here, not by the library, which would parse and rewrite an address that policy has approved as it is.
    answer = await client.execute_command(b"MAIL", f"FROM:<{sender}>".encode(), *(o.encode() for o in options))
    if answer.code != 250:
        raise _Stop(_kind(answer.code), one_line(f"{answer.code} {answer.message}"))
    taken = []
    for recipient in recipients:
        answer = await client.execute_command(b"RCPT", f"TO:<{recipient}>".encode())
        # RFC 5321 section 4.3.2: 250, or 251 from a server that will forward.
        if answer.code in (250, 251):
            taken.append(recipient)
        else:
            reply = one_line(f"{answer.code} {answer.message}")
            # RFC 5321 section 4.5.3.1.10: 552 to RCPT is an older way to say "too many for now".
            kind = "deferred" if answer.code == 552 else _kind(answer.code)
            outcomes[recipient] = Outcome(recipient, kind, reply)
    return taken


async def _content(connection: _Connection, raw: bytes) -> None:
    """DATA and the whole content without the final dot."""
    import aiosmtplib

    client = connection.client
    connection.messages += 1
    answer = await client.execute_command(b"DATA")
    if answer.code != 354:
        raise _Stop(_kind(answer.code), one_line(f"{answer.code} {answer.message}"))
    if client.protocol is None or client.transport is None:
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")
    if connection.writer is None:
        transport = cast("asyncio.WriteTransport", client.transport)
        connection.writer = asyncio.StreamWriter(transport, client.protocol, None, asyncio.get_running_loop())
    # RFC 5321 section 2.3.8: lines end in CRLF and nothing else; section 4.5.2: a leading dot is doubled.
    content = _DOT_AT_START.sub(b"..", _LINE_END.sub(b"\r\n", raw))
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    for start in range(0, len(content), _CHUNK):
        connection.writer.write(content[start : start + _CHUNK])
        await connection.writer.drain()


async def _dot(client: aiosmtplib.SMTP, taken: Sequence[str], seconds: float) -> dict[str, Outcome]:
    """The final dot and its answer."""
    import aiosmtplib

    kind: Literal["delivered", "deferred", "refused", "uncertain"]
    try:
        async with asyncio.timeout(seconds):
            answer = await client.execute_command(b".", timeout=seconds)
        kind = "delivered" if answer.code // 100 == 2 else _kind(answer.code)
        reply = one_line(f"{answer.code} {answer.message}")
    except (aiosmtplib.SMTPException, OSError):
        kind, reply = "uncertain", "the message was handed over, but no answer came back"
        client.close()
    return {recipient: Outcome(recipient, kind, reply, handed_over=True) for recipient in taken}


def _kind(code: int) -> Literal["deferred", "refused"]:
    # RFC 5321 section 4.2.1: 5yz is final; whatever is no reply at all is worth another try. That we did not log in
    # well enough (RFC 4954 section 6, RFC 3207 section 4) says nothing about the message: the owner can mend it.
    return "refused" if 500 <= code <= 599 and code not in (530, 534, 535, 538) else "deferred"
