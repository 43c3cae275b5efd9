"""What tests put in place of the world outside: a relay on a free port, a clock, the DNS. Nothing else is faked."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from letterlock.dns import QUERY_S, DnsTrouble, NoSuchName

NOON = dt.datetime(2026, 5, 4, 12, 0, tzinfo=dt.UTC)


class Clock:
    """A clock that goes when told to."""

    def __init__(self, start: dt.datetime = NOON) -> None:
        self.now = start

    def __call__(self) -> dt.datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


class DictResolver:
    """A DNS in a dictionary: {"example.com": {"TXT": ["v=spf1 -all"], "A": [...], "MX": [(10, "mx.example.com")]}}.

    Names are in lower case, those of PTR are IP addresses. A name that is not there does not exist; DnsTrouble in
    place of the records, or of one kind of them, is raised. Every question is in `asked`."""

    def __init__(self, names: Mapping[str, Mapping[str, Any] | DnsTrouble] | None = None) -> None:
        self.names = dict(names or {})
        self.asked: list[tuple[str, str]] = []

    def txt(self, name: str, within: float = QUERY_S) -> tuple[bytes, ...]:
        return tuple(text if isinstance(text, bytes) else text.encode() for text in self._records("TXT", name))

    def a(self, name: str, within: float = QUERY_S) -> tuple[str, ...]:
        return self._records("A", name)

    def aaaa(self, name: str, within: float = QUERY_S) -> tuple[str, ...]:
        return self._records("AAAA", name)

    def mx(self, name: str, within: float = QUERY_S) -> tuple[tuple[int, str], ...]:
        return tuple(sorted(self._records("MX", name)))

    def ptr(self, address: str, within: float = QUERY_S) -> tuple[str, ...]:
        return self._records("PTR", str(ipaddress.ip_address(address)))

    def _records(self, kind: str, name: str) -> tuple[Any, ...]:
        name = name.removesuffix(".").lower()
        self.asked.append((kind, name))
        if not name.isascii() or any(not 1 <= len(label) <= 63 for label in name.split(".") if kind != "PTR"):
            raise NoSuchName(name)
        records = self.names.get(name)
        if records is None:
            raise NoSuchName(name)
        found = records if isinstance(records, DnsTrouble) else records.get(kind, ())
        if isinstance(found, DnsTrouble):
            raise found
        return tuple(found)


@dataclass(frozen=True, slots=True)
class SunkEmail:
    """One email the sink took: the recipients it said 250 to, in order, and the bytes after removing dot-stuffing."""

    sender: str
    recipients: tuple[str, ...]
    options: tuple[str, ...]
    content: bytes
    tls: bool
    login: str


@dataclass(slots=True)
class RelaySink:
    """A real SMTP server with answers that tests choose.

    `rcpt`: the answer to RCPT by recipient; `mail`, `data`: the answer to MAIL and to the final dot ("" for 250).
    `dsn`: envelope ids are taken (RFC 3461). `closing`: so many times MAIL is answered with 421 and the end.
    `drop_after_dot`: that many emails are taken and the connection is cut in place of the answer. `hang_after_dot`: no
    answer ever; `answers_after_s`: late. Every RCPT seen is in `asked`, with its MAIL in `journal`.
    """

    host: str = "127.0.0.1"
    port: int = 0
    mail: str = ""
    data: str = ""
    rcpt: dict[str, str] = field(default_factory=dict)
    dsn: bool = False
    closing: int = 0
    drop_after_dot: int = 0
    hang_after_dot: bool = False
    answers_after_s: float = 0.0
    emails: list[SunkEmail] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    journal: list[tuple[str, str]] = field(default_factory=list)
    sessions: int = 0
    token: str = ""
    tokens: list[str] = field(default_factory=list)

    async def handle_EHLO(
        self, server: SMTP, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.sessions += 1
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", *responses[-1:]] if self.dsn else responses

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        """`token` alone is taken; the challenge with the reason is answered by the client with an empty line."""
        user, bearer, *_ = base64.b64decode(args[1]).decode().split("\x01")
        self.tokens.append(bearer.removeprefix("auth=Bearer "))
        if self.tokens[-1] == self.token:
            return AuthResult(success=True, auth_data=LoginPassword(user.removeprefix("user=").encode(), b""))
        await server.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.closing:
            self.closing -= 1
            server.loop.call_soon(server.transport.close)
            return "421 4.3.2 closing"
        if self.mail:
            return self.mail
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.asked.append(address)
        self.journal.append((envelope.mail_from, address))
        answer = self.rcpt.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.data:
            return self.data
        self.emails.append(
            SunkEmail(
                envelope.mail_from,
                tuple(envelope.rcpt_tos),
                tuple(envelope.mail_options),
                envelope.content,
                session.ssl is not None,
                session.auth_data.login.decode() if session.authenticated else "",
            )
        )
        await asyncio.sleep(3600 if self.hang_after_dot else self.answers_after_s)
        if self.drop_after_dot:
            self.drop_after_dot -= 1
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            # The handler is cancelled when the connection is gone; nothing may be written before.
            await asyncio.sleep(3600)
        return "250 2.0.0 taken"


class _Takes(SMTP):
    """With what aiosmtpd itself calls not implemented."""

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        found: dict[str, str | bool] | None = super()._getparams(params)
        return found and {name: value for name, value in found.items() if name != "ENVID"}


@contextlib.asynccontextmanager
async def open_relay_sink(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
    smtputf8: bool = True,
    size: int = 33_554_432,
) -> AsyncIterator[RelaySink]:
    """A RelaySink in this loop. `login`: the only name and password it takes mail for."""
    sink = RelaySink()

    def authenticate(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == login
        return AuthResult(success=right, handled=False, auth_data=data)

    servers: list[SMTP] = []

    def serve() -> SMTP:
        server = _Takes(
            sink,
            hostname="sink.example",
            enable_SMTPUTF8=smtputf8,
            data_size_limit=size,
            tls_context=starttls,
            require_starttls=starttls is not None,
            # Asked for on TLS only: aiosmtpd warns about anything else.
            auth_required=login is not None and starttls is not None,
            auth_require_tls=starttls is not None,
            authenticator=authenticate,
            loop=asyncio.get_running_loop(),
        )
        servers.append(server)
        return server

    listening = await asyncio.get_running_loop().create_server(serve, sink.host, 0, ssl=tls)
    sink.port = listening.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        listening.close()
        # A client that does not like the certificate begins none.
        talks = {server: talk for server in servers if (talk := server._handler_coroutine)}
        for server, talk in talks.items():
            talk.cancel()
            if isinstance(server.transport, asyncio.WriteTransport):
                server.transport.abort()
        await asyncio.gather(*talks.values(), return_exceptions=True)


def make_certificate(folder: Path, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context with a certificate of its own making for `name`, and the file to trust it by."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "certificate.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, secret)
    return context, chain
