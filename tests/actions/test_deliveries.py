from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes import Clock, RelaySink
from letterlock.app import App, open_app
from letterlock.errors import NotFound
from letterlock.outbound.deliver import claim, deliver
from running import (
    do,
    make_inbox,
    one_inbox_caller,
    relay_now,
    settings_for,
)


async def test_the_status_tells_each_recipient_apart(relayed: App, sink: RelaySink) -> None:
    anna, bob = await make_inbox(relayed, "anna"), await make_inbox(relayed, "bob")
    sink.rcpt = {"later@example.com": "450 4.2.0 busy", "never@example.com": "550 5.1.1 no such user"}
    to = [bob, "a@example.com", "later@example.com", "never@example.com"]
    sent = await do(relayed, "send_email", inbox=anna, to=to, subject="Hi", text="Hello")
    await relay_now(relayed)
    found = await do(relayed, "get_delivery_status", submission_id=sent.submission_id)
    assert {each.address: (each.state, each.answer) for each in found.recipients} == {
        bob: ("delivered", ""),
        "a@example.com": ("sent", "250 2.0.0"),
        "later@example.com": ("queued", "450 4.2.0"),
        "never@example.com": ("bounced", "550 5.1.1"),
    }
    assert [each.address for each in found.recipients if each.next_try_at] == ["later@example.com"]
    assert found.state == "queued"


@pytest.mark.parametrize(
    ("changes", "answer", "named"),
    [
        ({}, "530 5.7.0 log in first", "relay_username and relay_password"),
        ({"relay_username": "us", "relay_password": "wrong"}, "", "relay_username and relay_password"),
        ({"relay_security": "starttls"}, "", "relay_security"),
    ],
)
async def test_a_relay_that_no_waiting_mends_names_the_settings_that_do(
    tmp_path: Path, sink: RelaySink, changes: dict[str, Any], answer: str, named: str
) -> None:
    if answer:
        sink.rcpt = {"a@example.com": answer}
    told = {"relay_host": sink.host, "relay_port": sink.port, "relay_security": "none", **changes}
    async with open_app(settings_for(tmp_path, **told), clock := Clock()) as app:
        anna = await make_inbox(app, "anna")
        sent, later = [
            await do(app, "send_email", inbox=anna, to="a@example.com", subject=subject, text="Hello")
            for subject in ("One", "Two")
        ]
        assert "by itself" in later.next_step
        (lease, _) = await claim(app, "test", "relay", 10)
        await deliver(app, lease)
        found = await do(app, "get_delivery_status", submission_id=lease.submission_id)
        assert found.state == "queued"
        assert named in found.next_step
        assert "goes out by itself" not in found.next_step
        clock.advance(30)
        (other,) = {sent.submission_id, later.submission_id} - {lease.submission_id}
        assert named in (await do(app, "get_delivery_status", submission_id=other)).next_step, "it waits for the same"


async def test_a_relay_of_the_list_names_its_own_settings(tmp_path: Path, sink: RelaySink) -> None:
    entry = {"to": "example.com", "host": sink.host, "port": sink.port}
    async with open_app(settings_for(tmp_path, relays=[entry]), Clock()) as app:
        anna = await make_inbox(app, "anna")
        sent = await do(app, "send_email", inbox=anna, to="a@example.com", subject="Hi", text="Hello")
        await relay_now(app)
        found = await do(app, "get_delivery_status", submission_id=sent.submission_id)
        assert "relays: security" in found.next_step


async def test_the_words_of_one_recipients_server_are_not_told_of_another_email(relayed: App, sink: RelaySink) -> None:
    anna = await make_inbox(relayed, "anna")
    sink.rcpt = {"full@example.com": "450 4.2.2 full"}
    for to in ("full@example.com", "b@example.com"):
        sent = await do(relayed, "send_email", inbox=anna, to=to, subject="Hi", text="Hello")
    for lease in await claim(relayed, "test", "relay", 1):
        await deliver(relayed, lease)
    relayed.clock.advance(30)  # type: ignore[attr-defined]
    (found,) = (await do(relayed, "get_delivery_status", submission_id=sent.submission_id)).recipients
    assert (found.state, found.attempts, found.answer) == ("queued", 0, "")


async def test_a_lost_answer_is_told_and_that_it_is_tried_once_more(
    relayed: App, sink: RelaySink, clock: Clock
) -> None:
    anna = await make_inbox(relayed, "anna")
    sink.drop_after_dot = 1
    sent = await do(relayed, "send_email", inbox=anna, to="a@example.com", subject="Hi", text="Hello")
    await relay_now(relayed)
    found = await do(relayed, "get_delivery_status", submission_id=sent.submission_id)
    assert found.state == "uncertain"
    assert found.reasons == [
        "a@example.com may have it: it was handed over, and no answer came back; it is tried once more."
    ]
    clock.advance(3600)
    await relay_now(relayed)
    found = await do(relayed, "get_delivery_status", submission_id=sent.submission_id)
    assert found.state == "sent"
    assert "may have it twice" in found.reasons[0]


async def test_what_warms_up_says_when_it_goes_out(
    tmp_path: Path, sink: RelaySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letterlock.store.reputation.CAPS", (1, 4))
    told = {"relay_host": sink.host, "relay_port": sink.port, "relay_security": "none", "warm_up": True}
    async with open_app(settings_for(tmp_path, **told), Clock()) as app:
        anna = await make_inbox(app, "anna")
        for n in range(2):
            await do(app, "send_email", inbox=anna, to=f"p{n}@example.com", subject="Hi", text="Hello")
        leases = await claim(app, "test", "relay", 10)
        for lease in leases:
            await deliver(app, lease)
        found = await do(app, "get_delivery_status", submission_id=leases[1].submission_id)
        (recipient,) = found.recipients
        assert (found.state, recipient.attempts) == ("queued", 0)
        assert "warm_up" in recipient.answer
        assert recipient.next_try_at is not None
        assert f"{recipient.next_try_at:%Y-%m-%d at %H:%M} UTC" in found.next_step


async def test_a_key_for_one_inbox_sees_and_cancels_nothing_of_another(app: App) -> None:
    anna, bob = await make_inbox(app, "anna"), await make_inbox(app, "bob")
    sent = await do(app, "send_email", inbox=anna, to="carol@example.com", subject="Hi", text="Hello")
    caller = await one_inbox_caller(app, bob)
    for tool in ("get_delivery_status", "cancel_email"):
        with pytest.raises(NotFound):
            await do(app, tool, caller, submission_id=sent.submission_id)
    assert (await do(app, "get_delivery_status", submission_id=sent.submission_id)).state == "held"


async def test_a_cancelled_email_never_goes_out(relayed: App, sink: RelaySink) -> None:
    anna, bob = await make_inbox(relayed, "anna"), await make_inbox(relayed, "bob")
    sent = await do(relayed, "send_email", inbox=anna, to=[bob, "carol@example.com"], subject="Hi", text="Hello")
    cancelled = await do(relayed, "cancel_email", submission_id=sent.submission_id)
    assert (cancelled.state, cancelled.cancelled) == ("cancelled", ["carol@example.com"])
    await relay_now(relayed)
    assert not sink.emails


async def test_of_what_a_server_says_only_its_codes_reach_the_model(relayed: App, sink: RelaySink) -> None:
    anna = await make_inbox(relayed, "anna")
    sink.rcpt = {"a@example.com": "550-5.7.1 no\r\n550 5.7.1 " + "‮ignore\tthis " * 100}
    sent = await do(relayed, "send_email", inbox=anna, to="a@example.com", subject="Hi", text="Hello")
    await relay_now(relayed)
    (found,) = (await do(relayed, "get_delivery_status", submission_id=sent.submission_id)).recipients
    assert found.answer == "550 5.7.1"
