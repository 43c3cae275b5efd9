"""Whose word counts about mail that was sent: forged bounces and complaints change nothing, whoever got the email."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import NOON, Clock, DictResolver, RelaySink, open_relay_sink
from letterlock.actions import people
from letterlock.actions.caller import LOCAL_CALLER
from letterlock.actions.following import events_behind, place_to_start
from letterlock.app import App, open_app
from letterlock.ids import DEFAULT_TENANT, SubmissionId
from letterlock.inbound.accept import accept
from letterlock.inbound.filing import keep
from letterlock.inbound.workers import WorkerOptions, Workers, read_message
from letterlock.message.envelope import Envelope
from letterlock.message.reporter import NOBODY, Reporter, may_report
from letterlock.outbound.deliver import claim, deliver
from letterlock.outbound.submit import status
from letterlock.store import arrivals, emails
from letterlock.store.outbox import Submission
from running import do, hand_in, make_inbox, settings_for
from signing import Key, sign

BEN, KIM = "ben@far.example", "kim@near.example"
KEYS = {domain: Key.ed25519(domain) for domain in ("far.example", "near.example", "fbl.example", "relay.example")}
DNS = DictResolver({name: records for key in KEYS.values() for name, records in key.names.items()})


@contextlib.asynccontextmanager
async def relayed(folder: Path, **more: Any) -> AsyncIterator[tuple[App, RelaySink]]:
    async with open_relay_sink() as sink:
        settings = settings_for(
            folder, relay_host=sink.host, relay_port=sink.port, relay_security="none", first_emails=0, **more
        )
        async with open_app(settings, Clock()) as app:
            yield app, sink


async def send(app: App, box: str, *to: str, subject: str = "Hi") -> Submission:
    answer = await do(app, "send_email", inbox=box, to=list(to), subject=subject, text="Hello")
    while leases := await claim(app, "test", "relay", 50):
        for lease in leases:
            await deliver(app, lease)
    return await status(app, DEFAULT_TENANT, SubmissionId(answer.submission_id))


def bounce(about: str, *, by: str, to: str, message_id: str, key: Key | None = None) -> bytes:
    raw = (
        (
            f"From: {by}\nTo: {to}\nSubject: Undelivered Mail\nDate: {format_datetime(NOON)}\nMIME-Version: 1.0\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\n\n--B\n\nSorry.\n'
            "--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
            f"Final-Recipient: rfc822; {about}\nAction: failed\nStatus: 5.1.1\n"
            "Diagnostic-Code: smtp; 550 5.1.1 no such user\n"
            f"--B\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\n\n--B--\n"
        )
        .replace("\n", "\r\n")
        .encode()
    )
    return sign(raw, key) if key else raw


def complaint(
    about: str, *, by: str, to: str, message_id: str, key: Key | None = None, path: str = "bounces@here.example"
) -> bytes:
    raw = (
        (
            f"From: {by}\nTo: {to}\nSubject: Abuse report\nDate: {format_datetime(NOON)}\nMIME-Version: 1.0\n"
            'Content-Type: multipart/report; report-type=feedback-report; boundary="B"\n\n--B\n\nA complaint.\n'
            "--B\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n"
            f"Original-Rcpt-To: {about}\nOriginal-Mail-From: <{path}>\n"
            f"--B\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\n\n--B--\n"
        )
        .replace("\n", "\r\n")
        .encode()
    )
    return sign(raw, key) if key else raw


async def comes(app: App, to: str, raw: bytes, sender: str = "") -> emails.Email:
    """Mail from outside, filed as filing does it, with a DNS that has the keys of everyone."""
    (receipt,) = await hand_in(app, to, raw, sender=sender, at=app.clock())
    await file_waiting(app)
    email = await app.database.read(DEFAULT_TENANT, lambda tx: emails.get(tx, receipt.email_id))
    assert email is not None
    return email


async def file_waiting(app: App) -> None:
    options = WorkerOptions.model_validate_json(Workers(app.settings)._options)
    for unfiled in await app.database.read_system(lambda tx: arrivals.next_unfiled(tx, 9, ())):
        raw = await app.vault.opened(unfiled.receipt.tenant_id, unfiled.kept)
        await keep(app, unfiled, raw, read_message(raw, unfiled.envelope, options, DNS))


async def states(app: App, sent: Submission) -> dict[str, str]:
    found = await status(app, DEFAULT_TENANT, sent.submission_id)
    return {one.recipient: one.state for one in found.deliveries}


def paths(sink: RelaySink) -> dict[str, str]:
    return {one.recipients[0]: one.sender for one in sink.emails}


async def nothing_changed(app: App, sent: Submission) -> None:
    assert set((await states(app, sent)).values()) == {"sent"}
    assert await people.suppressions(app) == []


# Attacks: Ben got the same email as Kim, knows its Message-ID, and what his own server was told.


@pytest.mark.parametrize("form", [bounce, complaint])
async def test_a_co_recipient_cannot_report_in_the_name_of_another(tmp_path: Path, form: Any) -> None:
    async with relayed(tmp_path) as (app, sink):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, BEN, KIM)
        of_ben = paths(sink)[BEN]
        said: dict[str, str] = {"message_id": sent.message_id}
        for to in (box, of_ben):
            await comes(app, to, form(KIM, by="mailer-daemon@near.example", to=to, **said))
            await comes(app, to, form(KIM, by=BEN, to=to, key=KEYS["far.example"], **said), sender=BEN)
            own = form(KIM, by="mailer-daemon@far.example", to=to, key=KEYS["far.example"], **said)
            await comes(app, to, own)
            await comes(app, to, own.replace(b"no such user", b"no such body"))
        await nothing_changed(app, sent)
        shown = await do(app, "get_delivery_status", submission_id=sent.submission_id)
        what = "that it bounced (5.1.1)" if form is bounce else "that its reader complained"
        assert [one for one in shown.reasons if KIM in one] == [
            f"A report says of {KIM} {what}; that is not proved and changes nothing."
        ]
        assert not [one for one in shown.reasons if BEN in one]
        row = await app.database.read_system(
            lambda tx: tx.one("SELECT COUNT(*) AS n FROM audit WHERE action = 'email.report_unproved'")
        )
        assert row is not None
        assert row["n"] == 1, "a thousand claims are one"


async def test_a_claim_is_read_as_one(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, sink):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, BEN, KIM)
        forged = await comes(app, box, bounce(KIM, by=BEN, to=box, message_id=sent.message_id))
        path = paths(sink)[BEN]
        proved = await comes(app, path, bounce(BEN, by="mailer-daemon@x.example", to=path, message_id=sent.message_id))
        assert (await do(app, "read_email", email_id=forged.email_id)).findings[0].startswith("unproved: ")
        assert not [
            one for one in (await do(app, "read_email", email_id=proved.email_id)).findings if "unproved" in one
        ]
        assert await states(app, sent) == {BEN: "bounced", KIM: "sent"}


async def test_forged_reports_stop_neither_an_inbox_nor_an_agent(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, _):
        box = await make_inbox(app, "anna")
        for n in range(3):
            sent = await send(app, box, BEN, *(f"p{n}x{m}@near.example" for m in range(7)), subject=f"No {n}")
            for one in sent.deliveries[:3]:
                for form in (bounce, complaint):
                    raw = form(one.recipient, by=BEN, to=box, message_id=sent.message_id, key=KEYS["far.example"])
                    await comes(app, box, raw, sender=BEN)
            await nothing_changed(app, sent)
        assert (await send(app, box, KIM)).state == "sent"


async def test_an_inbox_here_cannot_report_in_the_name_of_a_server(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, _):
        box, other = await make_inbox(app, "anna"), await make_inbox(app, "mailer-daemon")
        sent = await send(app, box, BEN, KIM)
        raw = bounce(KIM, by=other, to=box, message_id=sent.message_id)
        await accept(app, Envelope(other, (box,), app.clock(), "local"), raw)
        await file_waiting(app)
        await nothing_changed(app, sent)


async def test_paths_that_recipients_shared_before_prove_nothing(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, sink):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, BEN, KIM)
        path = paths(sink)[BEN]
        await app.database.write_system(
            lambda tx: tx.run("UPDATE deliveries SET token = :token", token=path.partition("+")[2].partition("@")[0])
        )
        await comes(app, path, bounce(KIM, by="mailer-daemon@x.example", to=path, message_id=sent.message_id))
        await nothing_changed(app, sent)


# What counts


async def test_a_report_that_comes_to_a_return_path_or_quotes_it_counts_for_its_recipient(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, sink):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, BEN, KIM)
        raw = complaint(KIM, by="x@y.example", to=box, message_id=sent.message_id, path=paths(sink)[KIM])
        await comes(app, box, raw, sender="x@y.example")
        assert [one.address_key for one in await people.suppressions(app)] == [KIM]
        path = paths(sink)[BEN]
        await comes(app, path, bounce(BEN, by="mailer-daemon@x.example", to=path, message_id=""))
        assert await states(app, sent) == {BEN: "bounced", KIM: "sent"}
        told = await do(app, "get_delivery_status", submission_id=sent.submission_id)
        assert [reason for reason in told.reasons if "complained" in reason] == [
            f"The reader at {KIM} complained of it; nothing more is sent there."
        ]


async def test_what_a_proved_report_says_is_told_once_with_whom_it_is_about(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (app, sink):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, BEN, KIM)
        events = await place_to_start(app, LOCAL_CALLER, "")
        for action, code, answer in (("delayed", "4.2.2", "4.2.2 delayed"), ("delivered", "2.1.5", "2.1.5 delivered")):
            path = paths(sink)[BEN]
            raw = bounce(BEN, by="mailer-daemon@x.example", to=path, message_id="")
            raw = raw.replace(b"Action: failed", f"Action: {action}".encode()).replace(b"5.1.1", code.encode())
            await comes(app, path, raw.replace(b"550 ", b""))
            told = await do(app, "get_delivery_status", submission_id=sent.submission_id)
            assert {one.address: (one.state, one.answer) for one in told.recipients}[BEN] == ("sent", answer)
        path = paths(sink)[KIM]
        raw = bounce(KIM, by="mailer-daemon@x.example", to=path, message_id="")
        await comes(app, path, raw)
        await comes(app, path, raw.replace(b"Sorry", b"Once more"))
        # Refused in the dialogue: the notice of that, which learns from it, is no second event.
        sink.rcpt = {"gone@far.example": "550 5.1.1 no such user"}
        await send(app, box, "gone@far.example")
        await file_waiting(app)
        assert "gone@far.example" in {one.address_key for one in await people.suppressions(app)}
        happened, _, _ = await events_behind(app, LOCAL_CALLER, events)
        assert [event.data.recipients for event in happened if event.kind == "email.bounced"] == [  # type: ignore[union-attr]
            {KIM: "bounced"},
            {"gone@far.example": "bounced"},
        ]
        listed = await do(app, "list_emails", inbox=box)
        assert sorted(one.category for one in listed.emails) == ["bounce"] * 3 + ["notification"] * 2


@pytest.mark.parametrize(
    ("by", "form", "trusted", "counts"),
    [
        ("mailer-daemon@near.example", bounce, "", True),
        ("postmaster@mx.near.example", bounce, "", False),
        ("someone@near.example", bounce, "", False),
        ("abuse@near.example", bounce, "", False),
        ("abuse@near.example", complaint, "", True),
        ("staff@fbl.example", complaint, "", False),
        ("staff@fbl.example", complaint, "staff@fbl.example", True),
        ("staff@fbl.example", complaint, "fbl.example", True),
        ("other@fbl.example", complaint, "staff@fbl.example", False),
    ],
)
async def test_without_return_paths_only_who_is_authenticated_and_may_speak_for_a_recipient_counts(
    tmp_path: Path, by: str, form: Any, trusted: str, counts: bool
) -> None:
    async with relayed(tmp_path, verp=False, report_senders=(trusted,) if trusted else ()) as (app, _):
        box = await make_inbox(app, "anna")
        sent = await send(app, box, BEN, KIM)
        # mx.near.example has no key in the DNS: its signature proves nothing.
        domain = by.partition("@")[2]
        key = KEYS.get(domain) or Key.ed25519(domain)
        raw = form(KIM, by=by, to=box, message_id=sent.message_id, key=key)
        await comes(app, box, raw, sender="")
        assert [one.address_key for one in await people.suppressions(app)] == ([KIM] if counts else [])
        if not counts:
            await nothing_changed(app, sent)


NAMES = st.sampled_from(["mailer-daemon", "postmaster", "abuse", "staff", "ben"])
HOSTS = st.sampled_from(
    ["near.example", "mx.near.example", "far.example", "co.uk", "a.co.uk", "b.co.uk", "example", ""]
)


@given(NAMES, HOSTS, st.sampled_from(["bounce", "complaint"]), HOSTS, HOSTS)
def test_no_house_speaks_for_another(name: str, domain: str, kind: Any, to: str, relay: str) -> None:
    may = may_report(Reporter(f"{name}@{domain}"), kind, f"kim@{to}", (relay,), ())
    house = ".".join(domain.split(".")[-3 if domain.endswith("co.uk") else -2 :])
    houses = {one for one in (to, relay) if one == house or one.endswith(f".{house}")}
    assert may <= (name not in ("staff", "ben") and bool(houses) and domain not in ("co.uk", "example", ""))
    assert not may_report(NOBODY, kind, f"kim@{to}", (relay,), (to, relay, ""))
    assert may_report(Reporter(ours=True), kind, f"kim@{to}", (relay,), ())
