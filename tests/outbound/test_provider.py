"""Mail of inboxes on a connected mailbox leaves by its provider."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fakes import RelaySink, make_certificate, open_relay_sink
from imap_server import open_imap_server
from letterlock import logins
from letterlock.actions.caller import COMMAND_LINE
from letterlock.actions.mailboxes import Connect, connect_mailbox
from letterlock.actions.people import name_contact
from letterlock.app import App
from letterlock.ids import DEFAULT_TENANT
from letterlock.inbound.mailbox import fetch_forever
from letterlock.logins import Login, Secret, sealed
from letterlock.outbound import provider
from letterlock.store import mailboxes
from letterlock.store.mailboxes import Folder, Mailbox
from running import do, ended, file_all, relay_now, until

USER, PASSWORD = "you@provider.example", "right password"
LOGIN: dict[str, Any] = {"login": (USER, PASSWORD)}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[RelaySink, str]]:
    """A provider's submission server, and the pin of its certificate."""
    context, file = make_certificate(tmp_path)
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read_text())).hexdigest()
    async with open_relay_sink(starttls=context, **LOGIN) as sink:
        yield sink, pin


async def connected(app: App, sink: RelaySink, pin: str, **changes: Any) -> Mailbox:
    """A mailbox as `letterlock connect` leaves it, and the contact everything goes to."""
    await name_contact(app, "@shop.example", caller=COMMAND_LINE)
    mailbox_id = mailboxes.new_mailbox_id()
    given: dict[str, Any] = {
        "tenant_id": DEFAULT_TENANT, "mailbox_id": mailbox_id, "address": USER, "provider": "", "host": "127.0.0.1",
        "port": 993, "security": "tls", "pin": pin, "username": USER, "login": "password",
        "sealed": await sealed(app, DEFAULT_TENANT, mailbox_id, Secret(PASSWORD)), "inboxes": "you+{}@provider.example",
        "authserv": "", "after": "", "move_to": "", "smtp_host": sink.host, "smtp_port": sink.port,
        "smtp_security": "starttls", "per_day": 0, "revision": 1, "created_at": 0,
    }  # fmt: skip
    mailbox = Mailbox(**{**given, **changes})
    folder = Folder("INBOX", False, 1, 1, 0)
    await app.database.write(DEFAULT_TENANT, lambda tx: mailboxes.put(tx, mailbox, USER, [folder]))
    return mailbox


async def send(app: App, subject: str = "Hello") -> Any:
    """From an inbox on the mailbox, which is where new ones are made when nobody outside reaches the settings'."""
    box = (await do(app, "create_inbox", name=subject.lower())).address
    assert box == f"you+{subject.lower()}@provider.example"
    sent = await do(app, "send_email", inbox=box, to=["anna@shop.example"], subject=subject, text="A few words.")
    await relay_now(app)
    return await do(app, "get_delivery_status", submission_id=sent.submission_id)


async def test_an_inbox_on_a_mailbox_writes_as_the_mailbox_and_is_answered_itself(
    app: App, server: tuple[RelaySink, str]
) -> None:
    sink, pin = server
    await connected(app, sink, pin)
    status = await send(app)
    assert status.state == "sent", status
    (email,) = sink.emails
    assert (email.sender, email.tls, email.login) == (USER, True, USER)
    head = email.content.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert b"From: you@provider.example" in head
    assert b"Reply-To: you+hello@provider.example" in head


async def test_an_inbox_writes_as_itself_where_the_owner_says_that_the_provider_lets_it(
    app: App, server: tuple[RelaySink, str]
) -> None:
    sink, pin = server
    await connected(app, sink, pin, write_as="inbox")
    assert (await send(app)).state == "sent"
    (email,) = sink.emails
    head = email.content.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert email.sender == "you+hello@provider.example" and b"From: you+hello@provider.example" in head
    assert not any(line.startswith(b"Reply-To") for line in head)


def _report(sent: bytes, about: str, *, envelope_id: str = "", headers_only: bool = False) -> bytes:
    """What a server says to the mailbox of an email that could not be delivered (RFC 3464)."""
    status = f"Original-Envelope-Id: {envelope_id}\r\n" if envelope_id else ""
    kind = "text/rfc822-headers" if headers_only else "message/rfc822"
    parts = (
        ("text/plain", "It could not be delivered."),
        (
            "message/delivery-status",
            f"{status}Reporting-MTA: dns; provider.example\r\n\r\nFinal-Recipient: rfc822; {about}\r\n"
            "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user",
        ),
        (kind, sent.decode().partition("\r\n\r\n")[0] + "\r\n\r\n"),
    )
    body = "".join(f"--b\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts)
    return (
        f"From: MAILER-DAEMON@provider.example\r\nTo: {USER}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="b"\r\n\r\n'
        f"{body}--b--\r\n"
    ).encode()


@pytest.mark.parametrize("headers_only", [False, True])
async def test_a_bounce_to_the_mailbox_is_learned_from_when_it_is_of_mail_from_here(
    app: App, tmp_path: Path, headers_only: bool
) -> None:
    async with open_imap_server(tmp_path) as provider, open_relay_sink(starttls=provider.context, **LOGIN) as sink:
        sink.dsn = True
        await name_contact(app, "@shop.example", caller=COMMAND_LINE)
        request = Connect(
            address=USER, host="127.0.0.1", port=provider.port, pin=True, password=SecretStr(PASSWORD),
            smtp_host=sink.host, smtp_port=sink.port, smtp_security="starttls",
        )  # fmt: skip
        await connect_mailbox(app, COMMAND_LINE, request)
        box = (await do(app, "create_inbox", name="hello")).address
        sent = await do(app, "send_email", inbox=box, to=["anna@shop.example"], subject="Hello", text="A few words.")
        assert "Recipients see you@provider.example in From" in sent.reasons[-1] and box in sent.reasons[-1]
        await relay_now(app)
        (email,) = sink.emails
        envelope_id = next(one.partition("=")[2] for one in email.options if one.startswith("ENVID="))
        foreign = email.content.replace(b"Message-ID: <", b"Message-ID: <other-")
        await provider.put(_report(foreign, "anna@shop.example", headers_only=headers_only))
        await provider.put(_report(email.content, "anna@shop.example", headers_only=headers_only))

        async def status() -> Any:
            await file_all(app)
            return (await do(app, "get_delivery_status", submission_id=sent.submission_id)).recipients[0]

        async def emails_there() -> list[Any]:
            await file_all(app)
            return list((await do(app, "list_emails", inbox=box)).emails)

        async with ended(asyncio.create_task(fetch_forever(app))):
            await until(emails_there)
            assert (await status()).state == "sent", "anybody can write a report"
            proof = _report(
                email.content, "anna@shop.example", envelope_id=envelope_id, headers_only=headers_only
            ).replace(b"could not", b"cannot")
            await provider.put(proof)

            async def bounced() -> bool:
                return bool((await status()).state == "bounced")

            await until(bounced)
        assert len(provider.bodies()) == 2, "the owner's own reports stay unread"
        assert len(await emails_there()) == 2


async def test_a_server_that_shows_another_certificate_gets_no_password(
    app: App, server: tuple[RelaySink, str]
) -> None:
    sink, _ = server
    await connected(app, sink, "0" * 64)
    status = await send(app)
    assert (status.state, sink.emails, sink.tokens) == ("queued", [], [])
    assert "not the one that was pinned" in status.recipients[0].answer


async def test_what_the_provider_allows_in_a_day_is_a_limit_of_all_inboxes_of_the_mailbox(
    app: App, server: tuple[RelaySink, str]
) -> None:
    sink, pin = server
    await connected(app, sink, pin, per_day=2)
    assert [(await send(app, subject)).state for subject in ("One", "Two")] == ["sent", "sent"]
    with pytest.raises(Exception, match="mailbox may reach 2 recipients outside in"):
        await send(app, "Three")
    assert len(sink.emails) == 2


async def test_an_access_token_that_is_refused_is_fetched_anew_once(
    app: App, server: tuple[RelaySink, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, pin = server
    await connected(app, sink, pin, login="xoauth2")
    sink.token = "new"
    asked: list[bool] = []

    async def login_of(app: App, mailbox: Mailbox, *, fresh: bool = False) -> Login:
        asked.append(fresh)
        return Login(USER, "new" if fresh else "old", oauth=True)

    monkeypatch.setattr(provider, "login_of", login_of)
    assert (await send(app)).state == "sent"
    assert (asked, sink.tokens) == ([False, True], ["old", "new"])
    sink.token = "another"
    assert (await send(app, "Later")).state == "queued"
    assert asked[2:] == [False, True]


async def test_an_owner_hears_why_there_is_no_login(
    app: App, server: tuple[RelaySink, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, pin = server
    await connected(app, sink, pin, login="xoauth2")

    async def refreshed(secret: Secret) -> Any:
        raise logins.Trouble("login", "The provider gives no token: it was revoked.", "Connect it again.")

    monkeypatch.setattr(logins, "refreshed", refreshed)
    status = await send(app)
    assert (status.state, sink.emails) == ("queued", [])
    assert "it was revoked. Connect it again." in status.recipients[0].answer


async def test_a_mailbox_without_a_server_to_send_by_leaves_mail_held(app: App, server: tuple[RelaySink, str]) -> None:
    sink, pin = server
    await connected(app, sink, pin, smtp_host="")
    assert (await send(app)).state == "held"
