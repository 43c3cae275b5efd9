"""What comes back of an email: from other servers to its return path, and from here when it ends undelivered."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import RelaySink, open_relay_sink
from letterlock.actions import people
from letterlock.app import App, open_app
from letterlock.ids import DEFAULT_TENANT, SubmissionId
from letterlock.inbound.accept import inbox_for
from letterlock.inbound.listener import open_listener
from letterlock.inbound.workers import open_workers
from letterlock.message.parse import parse_message
from letterlock.message.report import read_report, token_of
from letterlock.outbound.deliver import claim, deliver
from letterlock.outbound.notice import bounce_notice, status_of
from letterlock.outbound.submit import status
from letterlock.store import emails, outbox
from letterlock.store.outbox import Delivery, Submission
from running import do, filing, free_port, hand_in, make_inbox, settings_for, until

FAR = "ben@far.example"


@contextlib.asynccontextmanager
async def relayed(folder: Path, **more: Any) -> AsyncIterator[tuple[App, RelaySink]]:
    """An app with filing and a relay that is a sink."""
    async with open_relay_sink() as sink:
        settings = settings_for(folder, relay_host=sink.host, relay_port=sink.port, relay_security="none", **more)
        async with (
            open_app(settings) as app,
            filing(app),
        ):
            yield app, sink


async def send(app: App, box: str, *to: str) -> Submission:
    answer = await do(app, "send_email", inbox=box, to=list(to), subject="Hi", text="Hello")
    for lease in await claim(app, "test", "relay", 10):
        await deliver(app, lease)
    return await status(app, DEFAULT_TENANT, SubmissionId(answer.submission_id))


async def come_back(app: App, count: int = 1) -> list[emails.Email]:
    """The emails of the thread that are filed, as soon as there are so many."""

    async def filed() -> list[emails.Email]:
        found = await app.database.read_system(
            lambda tx: tx.all("SELECT email_id FROM emails WHERE state = 'filed' ORDER BY email_id")
        )
        got = await app.database.read(DEFAULT_TENANT, lambda tx: emails.by_ids(tx, [row["email_id"] for row in found]))
        return got if len(got) >= count else []

    return list(await until(filed, 30))


def report(to: str, recipient: str, message_id: str = "", status: str = "5.1.1") -> bytes:
    """A bounce as a server writes it, of a message it does not name unless told."""
    named = f"--B\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\n\n" if message_id else ""
    return (
        (
            f"From: MAILER-DAEMON@mx.far.example\nTo: {to}\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\n\n--B\n\nSorry.\n'
            "--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
            f"Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: {status}\n"
            f"Diagnostic-Code: smtp; 550 said no\n{named}--B--\n"
        )
        .replace("\n", "\r\n")
        .encode()
    )


async def test_each_recipient_has_a_return_path_of_its_own_that_is_not_in_the_email(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, sink):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, FAR, "kim@far.example")
        tokens = {one.recipient: one.token for one in sent.deliveries}
        assert len(set(tokens.values())) == 2
        assert {one.recipients: one.sender for one in sink.emails} == {
            (recipient,): f"bounces+{token}@{app.settings.domain}" for recipient, token in tokens.items()
        }
        assert not [one for one in sink.emails for token in tokens.values() if token.encode() in one.content]


async def test_without_verp_the_return_path_is_the_sender(tmp_path: Path) -> None:
    async with relayed(tmp_path, verp=False) as (app, sink):
        box = await make_inbox(app, "anna")
        await send(app, box, FAR)
        assert sink.emails[0].sender == box


async def test_mail_to_a_return_path_comes_to_the_inbox_that_sent_and_an_invented_one_to_nobody(
    tmp_path: Path,
) -> None:
    async with relayed(tmp_path) as (app, sink):
        box = await make_inbox(app, "anna")
        await send(app, box, FAR)
        found = await inbox_for(app, sink.emails[0].sender.upper())
        assert found is not None
        assert found.address == box
        invented = f"bounces+{outbox.new_token()}@{app.settings.domain}"
        assert await inbox_for(app, invented) is None
        await do(app, "delete_inbox", inbox=box)
        assert await inbox_for(app, sink.emails[0].sender) is None


async def test_the_listener_takes_mail_to_a_known_return_path_only(tmp_path: Path) -> None:
    async with relayed(tmp_path, smtp_port=free_port()) as (app, sink):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, FAR)
        path = sink.emails[0].sender

        def bounce() -> None:
            with smtplib.SMTP("127.0.0.1", app.settings.smtp_port, timeout=20) as client:
                client.sendmail("", [path], report(path, FAR))
                with pytest.raises(smtplib.SMTPRecipientsRefused):
                    client.sendmail("", [path.replace("+", "+a")[:-1]], b"x")

        async with open_workers(app.settings) as workers, open_listener(app, workers):
            await asyncio.to_thread(bounce)
        (email,) = await come_back(app)
        assert email.thread_id == sent.thread_id


async def test_a_bounce_is_matched_by_the_return_path_alone_and_shown_with_its_reason(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, sink):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, FAR)
        await hand_in(app, sink.emails[0].sender, report(sink.emails[0].sender, FAR), sender="")
        (email,) = await come_back(app)
        assert (email.inbox_id, email.thread_id) == (sent.inbox_id, sent.thread_id)
        shown = await do(app, "get_delivery_status", submission_id=sent.submission_id)
        assert (shown.state, shown.recipients[0].state) == ("bounced", "bounced")
        assert shown.recipients[0].answer == "5.1.1 hard"
        assert [one.address_key for one in await people.suppressions(app)] == [FAR]


async def test_a_bounce_of_where_it_was_forwarded_to_counts_for_the_only_recipient(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, sink):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, FAR)
        await hand_in(app, sink.emails[0].sender, report(sink.emails[0].sender, "else@where.example"), sender="")
        await come_back(app)
        assert (await status(app, DEFAULT_TENANT, sent.submission_id)).state == "bounced"


async def test_a_bounce_is_of_the_recipient_whose_return_path_it_comes_to(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, sink):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, FAR, "kim@far.example")
        (path,) = (one.sender for one in sink.emails if one.recipients == ("kim@far.example",))
        await hand_in(app, path, report(path, "else@where.example", status="5.1.2"), sender="")
        await come_back(app)
        found = await status(app, DEFAULT_TENANT, sent.submission_id)
        assert {one.recipient: one.state for one in found.deliveries} == {FAR: "sent", "kim@far.example": "bounced"}


async def test_a_refusal_by_the_relay_comes_to_the_inbox_in_the_thread_and_ends_mail_to_that_address(
    tmp_path: Path,
) -> None:
    async with relayed(tmp_path) as (app, sink):
        sink.rcpt = {FAR: "550 5.1.1 no such user here"}
        box = await make_inbox(app, "anna")
        sent = await send(app, box, FAR, "kim@far.example")
        assert sent.state == "bounced"
        (email,) = await come_back(app)
        assert (email.thread_id, email.subject) == (sent.thread_id, "Undelivered mail returned to sender")
        read = await do(app, "read_email", email_id=email.email_id)
        assert FAR in str(read)
        found = await status(app, DEFAULT_TENANT, sent.submission_id)
        assert {one.recipient: one.state for one in found.deliveries} == {FAR: "bounced", "kim@far.example": "sent"}
        assert found.deliveries[0].reply == "5.1.1 hard: 550 5.1.1 no such user here"
        assert [one.address_key for one in await people.suppressions(app)] == [FAR]


async def test_a_notice_is_not_made_for_what_was_only_deferred(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, sink):
        sink.rcpt = {FAR: "450 4.2.0 greylisted"}
        await send(app, await make_inbox(app, "anna"), FAR)
        row = await app.database.read_system(lambda tx: tx.one("SELECT COUNT(*) AS n FROM emails"))
        assert row is not None
        assert row["n"] == 0


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("550 5.1.1 no such user", "5.1.1"),
        ("550 no such user at 10.5.1.1", "5.0.0"),
        ("given up after 48 hours: 450 4.2.0 greylisted", "4.4.7"),
        ("", "5.0.0"),
    ],
)
def test_a_status_is_read_from_an_answer(reply: str, status: str) -> None:
    assert status_of(reply) == status


PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, categories=("L", "N", "P", "S", "Zs")))


@given(PRINTABLE)
def test_whatever_a_server_said_a_notice_is_read_back_as_the_bounce_it_is(reply: str) -> None:
    failed = [Delivery(FAR, "relay", "bounced", None, reply=" ".join(f"550 5.1.1 {reply}".split()))]
    raw = bounce_notice(
        b"Subject: x\r\nMessage-ID: <m@here.example>\r\n\r\nbody", "anna@here.example", "<m@here.example>", failed,
        "sub_1.1", "Mon, 04 May 2026 12:00:00 +0000",
    )  # fmt: skip
    found = read_report(parse_message(raw))
    assert found is not None
    assert (found.kind, found.message_id) == ("bounce", "<m@here.example>")
    assert [(one.address, one.status) for one in found.recipients] == [(FAR, "5.1.1")]


@given(st.text())
def test_only_the_form_of_a_return_path_has_a_token(address: str) -> None:
    assert token_of(address) == ""
    token = outbox.new_token()
    assert token_of(outbox.return_path(token, "anna@here.example")) == token
