"""One try: what is sent, and when it is tried again; what was forbidden or changed since never leaves."""

from __future__ import annotations

import asyncio
import contextlib
import email
import hashlib
from collections.abc import Coroutine
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fakes import Clock, open_relay_sink
from letterlock.actions import approvals, people
from letterlock.app import App, open_app
from letterlock.errors import NotAllowed
from letterlock.ids import DEFAULT_TENANT
from letterlock.outbound import deliver as deliver_module
from letterlock.outbound.deliver import HANDING_OVER_MS, JITTER, LEASE_MS, SCHEDULE_S, claim, deliver, next_try
from letterlock.outbound.dots import Answers, Dots
from letterlock.outbound.relay import Limits
from letterlock.store import conduct, outbox, queue
from queued import look, only, opened, send
from running import do, free_port, make_inbox, settings_for, until

LONGEST_S = max(SCHEDULE_S) * (1 + JITTER)


async def round_of(app: App, owner: str = "worker_test") -> int:
    """One round of deliveries; how many submissions were tried."""
    leases = [lease for route in ("local", "relay") for lease in await claim(app, owner, route, 10)]  # type: ignore[arg-type]
    for lease in leases:
        await deliver(app, lease)
    return len(leases)


async def _while_told(app: App, lease: queue.Lease, change: Coroutine[Any, Any, Any]) -> None:
    """Deliver, with `change` done after the look before the try and before the message is handed over."""
    told, now = deliver_module.relay, [change]

    async def relay(*args: Any) -> Any:
        await now.pop()
        return await told(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliver_module, "relay", relay)
        await deliver(app, lease)


def test_the_schedule_ends_after_about_two_days() -> None:
    assert 47 * 3600 < sum(SCHEDULE_S) <= 48 * 3600
    assert list(SCHEDULE_S) == sorted(SCHEDULE_S)


def test_each_delay_keeps_to_its_place_in_the_schedule_and_they_differ() -> None:
    for attempt, delay_s in enumerate(SCHEDULE_S, 1):
        tries = [next_try(attempt, 0) for _ in range(50)]
        assert all(t is not None and delay_s * (1 - JITTER) <= t / 1000 <= delay_s * (1 + JITTER) for t in tries)
        assert len(set(tries)) > 10
    assert next_try(len(SCHEDULE_S) + 1, 0) is None


async def test_a_recipient_outside_gets_the_frozen_bytes_through_the_relay(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        submission_id = await send(app, "carol@example.com")
        assert (await look(app, submission_id)).state == "queued"
        assert await round_of(app) == 1
        found = await look(app, submission_id)
        assert (found.state, found.deliveries[0].reply) == ("sent", "250 2.0.0 taken")
        row = await app.database.read_system(lambda tx: tx.one("SELECT raw, message_id FROM submissions"))
        assert row is not None
        assert sink.emails[0].content == row["raw"]
        assert (sink.emails[0].sender, sink.emails[0].recipients) == (
            outbox.return_path(found.deliveries[0].token, found.sender),
            ("carol@example.com",),
        )
        assert await round_of(app) == 0


async def test_a_greylisting_relay_gets_it_once_with_growing_delays_and_a_row_of_audit_for_each_try(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with open_relay_sink() as sink, opened(tmp_path, clock, sink) as app:
        sink.rcpt = {"carol@example.com": "450 4.2.0 greylisted"}
        submission_id = await send(app, "carol@example.com")
        tried_at: list[float] = []
        started = clock.now
        while (clock.now - started).total_seconds() < 900:
            if await round_of(app):
                tried_at.append((clock.now - started).total_seconds())
            clock.advance(15)
        assert (await only(app, submission_id)).state == "queued"
        assert (await only(app, submission_id)).reply == "450 4.2.0 greylisted"
        sink.rcpt = {}
        while (await only(app, submission_id)).state == "queued":
            if await round_of(app):
                tried_at.append((clock.now - started).total_seconds())
            clock.advance(60)
        assert len(sink.emails) == 1
        gaps = [later - earlier for earlier, later in pairwise(tried_at)]
        assert len(tried_at) == 4
        assert gaps == sorted(gaps)
        row = await app.database.read_system(
            lambda tx: tx.one("SELECT COUNT(*) AS n FROM audit WHERE action = 'email.tried'")
        )
        assert row is not None
        assert row["n"] == len(tried_at)
        assert (await only(app, submission_id)).state == "sent"


async def test_a_relay_that_is_down_for_two_days_makes_it_bounce_with_its_last_words(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock, port=free_port()) as app:
        submission_id = await send(app, "carol@example.com")
        tries, began = 0, clock.now
        while (delivery := await only(app, submission_id)).state == "queued":
            assert delivery.next_at is not None
            clock.advance(max(0, delivery.next_at - app.now_ms()) / 1000)
            tries += await round_of(app)
        assert len(SCHEDULE_S) - 2 <= tries <= len(SCHEDULE_S) + 1
        assert 40 < (clock.now - began).total_seconds() / 3600 < 53
        assert (await only(app, submission_id)).state == "bounced"
        assert (await only(app, submission_id)).reply.startswith("given up after 48 hours: ")


async def test_a_refusal_is_final_for_that_recipient_only(tmp_path: Path) -> None:
    clock = Clock()
    async with open_relay_sink() as sink, opened(tmp_path, clock, sink) as app:
        sink.rcpt = {"never@example.com": "550 5.1.1 no such user"}
        submission_id = await send(app, ["carol@example.com", "never@example.com"])
        await round_of(app)
        found = await look(app, submission_id)
        assert {each.recipient: (each.state, each.reply) for each in found.deliveries} == {
            "carol@example.com": ("sent", "250 2.0.0 taken"),
            "never@example.com": ("bounced", "550 5.1.1 no such user"),
        }
        assert found.state == "bounced"
        clock.advance(LONGEST_S)
        assert await round_of(app) == 0


async def test_a_deferred_recipient_is_tried_again_alone(tmp_path: Path) -> None:
    clock = Clock()
    async with open_relay_sink() as sink, opened(tmp_path, clock, sink) as app:
        sink.rcpt = {"later@example.com": "451 4.3.0 later"}
        await send(app, ["carol@example.com", "later@example.com"])
        await round_of(app)
        sink.rcpt = {}
        clock.advance(LONGEST_S)
        await round_of(app)
        assert [taken.recipients for taken in sink.emails] == [("carol@example.com",), ("later@example.com",)]
        first, second = (email.message_from_bytes(taken.content)["Message-ID"] for taken in sink.emails)
        assert first == second


async def test_a_lost_answer_is_uncertain_and_retried_once_with_the_same_message_id(tmp_path: Path) -> None:
    clock = Clock()
    async with open_relay_sink() as sink, opened(tmp_path, clock, sink) as app:
        sink.drop_after_dot = 1
        submission_id = await send(app, "carol@example.com")
        await round_of(app)
        assert (await look(app, submission_id)).state == "uncertain"
        assert await round_of(app) == 0
        clock.advance(LONGEST_S)
        await round_of(app)
        assert (await look(app, submission_id)).state == "sent"
        assert sink.emails[0].content == sink.emails[1].content


async def test_answers_that_keep_getting_lost_make_one_extra_copy_at_most(tmp_path: Path) -> None:
    clock = Clock()
    async with open_relay_sink() as sink, opened(tmp_path, clock, sink) as app:
        sink.drop_after_dot = 10
        submission_id = await send(app, "carol@example.com")
        for _ in range(6):
            await round_of(app)
            clock.advance(LONGEST_S)
        assert len(sink.emails) == 2
        assert (await only(app, submission_id)).state == "uncertain"
        assert (await only(app, submission_id)).next_at is None


async def test_a_refusal_after_a_lost_answer_does_not_claim_that_nothing_arrived(tmp_path: Path) -> None:
    clock = Clock()
    async with open_relay_sink() as sink, opened(tmp_path, clock, sink) as app:
        sink.drop_after_dot = 1
        submission_id = await send(app, "carol@example.com")
        await round_of(app)
        sink.rcpt = {"carol@example.com": "550 5.7.1 duplicate"}
        clock.advance(LONGEST_S)
        await round_of(app)
        assert ((await only(app, submission_id)).state, (await only(app, submission_id)).next_at) == ("uncertain", None)


async def test_an_attempt_is_written_down_before_the_relay_has_the_message(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        sink.hang_after_dot = True
        submission_id = await send(app, "carol@example.com")
        (lease,) = await claim(app, "one", "relay", 1)
        task = asyncio.create_task(deliver(app, lease))
        await until(lambda: asyncio.sleep(0, result=bool(sink.emails)))
        during = await only(app, submission_id)
        assert (during.state, during.attempts, during.unanswered) == ("uncertain", 1, 1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        after = await only(app, submission_id)
        assert (after.state, after.unanswered) == ("uncertain", 1)
        assert after.next_at is not None
        assert after.next_at > app.now_ms()


async def test_a_worker_whose_lease_was_taken_over_does_not_hand_over(tmp_path: Path) -> None:
    clock = Clock()
    async with open_relay_sink() as sink, opened(tmp_path, clock, sink) as app:
        submission_id = await send(app, "carol@example.com")
        (stale,) = await claim(app, "stale", "relay", 1)
        clock.advance(LEASE_MS["relay"] / 1000)
        (lease,) = await claim(app, "next", "relay", 1)
        await deliver(app, stale)
        assert not sink.emails
        await deliver(app, lease)
        assert len(sink.emails) == 1
        assert (await look(app, submission_id)).state == "sent"


async def test_a_local_delivery_whose_process_died_is_done_by_another_and_arrives_once(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as app:
        bob = await make_inbox(app, "bob")
        submission_id = await send(app, bob)
        # As after a crash between the mail's commit and the record of it.
        await app.database.write(
            DEFAULT_TENANT,
            lambda tx: tx.run(
                "UPDATE deliveries SET state = 'queued', next_at = 0, lease_owner = 'dead', lease_until = :until"
                " WHERE tenant_id = :tenant",
                until=app.now_ms() + LEASE_MS["local"],
            ),
        )
        assert await round_of(app) == 0
        clock.advance(LEASE_MS["local"] / 1000)
        assert await round_of(app) == 1
        assert (await look(app, submission_id)).state == "delivered"
        row = await app.database.read_system(lambda tx: tx.one("SELECT COUNT(*) AS n FROM emails"))
        assert row is not None
        assert row["n"] == 1


async def test_what_was_queued_is_held_when_the_relay_is_no_longer_set(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock, port=free_port()) as app:
        submission_id = await send(app, "carol@example.com")
    async with opened(tmp_path, clock) as app:
        await round_of(app)
        found = await look(app, submission_id)
        assert (found.state, found.held_by, found.reasons[0].code) == ("held", "relay_host", "relay_host")


async def test_an_inbox_made_since_gets_its_mail_without_the_relay(tmp_path: Path) -> None:
    async with open_relay_sink() as sink:
        async with opened(tmp_path, Clock(), sink) as app:
            submission_id = await send(app, "carol@example.com")
        async with open_app(
            settings_for(
                tmp_path, domain="example.com", relay_host=sink.host, relay_port=sink.port, relay_security="none"
            ),
            Clock(),
        ) as app:
            await make_inbox(app, "carol")
            await round_of(app)
            assert (await look(app, submission_id)).state == "delivered"
        assert not sink.emails


async def test_an_inbox_gone_since_makes_its_mail_bounce(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock()) as app:
        bob = await make_inbox(app, "bob")
        submission_id = await send(app, bob)
        await do(app, "delete_inbox", inbox=bob)
        await app.database.write(
            DEFAULT_TENANT,
            lambda tx: tx.run("UPDATE deliveries SET state = 'queued', next_at = 0 WHERE tenant_id = :tenant"),
        )
        await round_of(app)
        delivery = await only(app, submission_id)
        assert delivery.state == "bounced"
        assert bob in delivery.reply


def test_a_lease_outlives_all_that_may_happen_under_it() -> None:
    limits = Limits()
    assert LEASE_MS["relay"] / 1000 > limits.greeting + limits.envelope + limits.content + 60
    assert limits.answer + 60 < HANDING_OVER_MS / 1000


async def test_each_recipient_goes_to_the_server_of_its_domain_and_one_without_any_is_held(tmp_path: Path) -> None:
    async with open_relay_sink() as one, open_relay_sink() as two:
        relays = [
            {"to": to, "host": sink.host, "port": sink.port, "security": "none"}
            for to, sink in (("one.example", one), ("two.example", two))
        ]
        async with open_app(settings_for(tmp_path, relays=relays), Clock()) as app:
            submission_id = await send(app, ["a@one.example", "b@two.example", "c@three.example"])
            found = await look(app, submission_id)
            assert (found.held_by, found.reasons[0].code) == ("relay_host", "relay_host")
            assert "c@three.example" in found.reasons[0].text
            await round_of(app)
            found = await look(app, submission_id)
            assert {each.recipient: each.state for each in found.deliveries} == {
                "a@one.example": "sent",
                "b@two.example": "sent",
                "c@three.example": "held",
            }
        assert [taken.recipients for taken in one.emails] == [("a@one.example",)]
        assert [taken.recipients for taken in two.emails] == [("b@two.example",)]


async def test_a_fault_of_ours_is_tried_again_and_never_logged_with_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("carol@example.com must not be logged")

    monkeypatch.setattr("letterlock.outbound.deliver.relay", broken)
    async with opened(tmp_path, Clock(), port=1) as app:
        submission_id = await send(app, "carol@example.com")
        await round_of(app)
        delivery = await only(app, submission_id)
    assert delivery.state == "queued"
    assert delivery.next_at is not None
    assert "RuntimeError" in caplog.text
    assert "carol" not in caplog.text


@pytest.mark.parametrize("when", ["claimed", "told"])
async def test_a_pause_stops_what_is_claimed_already_and_its_end_lets_it_go_on(tmp_path: Path, when: str) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        submission_id = await send(app, "carol@example.com")
        (lease,) = await claim(app, "worker_test", "relay", 10)
        if when == "claimed":
            await people.pause(app)
            await deliver(app, lease)
        else:
            await _while_told(app, lease, people.pause(app))
        delivery = await only(app, submission_id)
        assert (sink.emails, delivery.state, delivery.attempts) == ([], "queued", 0)
        assert "stopped all sending" in delivery.reply
        assert await round_of(app) == 0
        await people.pause(app, end=True)
        await round_of(app)
        assert (await only(app, submission_id)).state == "sent"


async def test_a_recipient_suppressed_since_gets_nothing_and_the_others_do(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        submission_id = await send(app, ["carol@example.com", "dave@example.com"])
        carol, dave = await claim(app, "worker_test", "relay", 10)
        await _while_told(app, carol, people.suppress(app, "carol@example.com"))
        assert sink.emails == []
        await deliver(app, dave)
        assert [email.recipients for email in sink.emails] == [("dave@example.com",)]
        states = {each.recipient: each.state for each in (await look(app, submission_id)).deliveries}
        assert states == {"carol@example.com": "bounced", "dave@example.com": "sent"}


async def test_nothing_queued_goes_out_from_an_inbox_that_is_deleted(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        submission_id = await send(app, "carol@example.com")
        await do(app, "delete_inbox", inbox=f"anna@{app.settings.domain}")
        await round_of(app)
        assert (sink.emails, (await only(app, submission_id)).state) == ([], "bounced")


async def test_what_is_queued_of_an_inbox_stopped_while_it_is_tried_is_held_until_it_may_go_on(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        submission_id = await send(app, "carol@example.com")
        (lease,) = await claim(app, "worker_test", "relay", 10)
        inbox_id = (await look(app, submission_id)).inbox_id
        stop = app.database.write(DEFAULT_TENANT, lambda tx: conduct.suspend(tx, inbox_id, "it bounced"))
        await _while_told(app, lease, stop)
        found = await look(app, submission_id)
        assert (sink.emails, found.state, found.held_by) == ([], "held", "suspended")
        await people.resume_inbox(app, f"anna@{app.settings.domain}")
        await round_of(app)
        assert (await only(app, submission_id)).state == "sent"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE deliveries SET recipient = 'eve@example.com' WHERE tenant_id = :tenant",
        "UPDATE deliveries SET recipient = 'anna@letterlock.localhost' WHERE tenant_id = :tenant",
        "UPDATE submissions SET raw = x'00' WHERE tenant_id = :tenant",
        # As who knows what is hashed would.
        "UPDATE submissions SET raw = x'41', sha256 = '"
        + hashlib.sha256(b"A").hexdigest()
        + "' WHERE tenant_id = :tenant",
    ],
)
@pytest.mark.parametrize("approved", [False, True])
async def test_bytes_or_a_recipient_changed_in_the_store_are_never_sent(
    tmp_path: Path, change: str, approved: bool
) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        app = replace(app, settings=app.settings.model_copy(update={"first_emails": 5 if approved else 0}))
        submission_id = await send(app, "carol@example.com")
        if approved:
            await approvals.approve(app, submission_id)
        await app.database.write(DEFAULT_TENANT, lambda tx: tx.run(change))
        await round_of(app)
        found = await only(app, submission_id)
        assert (sink.emails, found.state) == ([], "bounced")
        assert "not what was submitted" in found.reply
        rows = await app.database.read_system(lambda tx: tx.all("SELECT action FROM audit"))
        assert "email.changed" in {row["action"] for row in rows}


async def test_what_waits_for_a_person_is_not_sent_because_the_store_says_that_it_may(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        app = replace(app, settings=app.settings.model_copy(update={"first_emails": 5}))
        submission_id = await send(app, "carol@example.com")
        for change in (
            "UPDATE submissions SET held_by = '', verdict = 'approved' WHERE tenant_id = :tenant",
            "UPDATE deliveries SET state = 'queued', next_at = 0 WHERE tenant_id = :tenant",
        ):
            await app.database.write(DEFAULT_TENANT, lambda tx, change=change: tx.run(change))  # type: ignore[misc]
        await round_of(app)
        found = await only(app, submission_id)
        assert (sink.emails, found.state) == ([], "bounced")
        assert "nobody has let it go" in found.reply
        rows = await app.database.read_system(lambda tx: tx.all("SELECT action FROM audit"))
        assert "email.changed" in {row["action"] for row in rows}


@pytest.mark.parametrize("since", ["suppressed", "deleted", "changed"])
async def test_no_approval_lets_go_what_the_policy_refuses_by_now(tmp_path: Path, since: str) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        app = replace(app, settings=app.settings.model_copy(update={"first_emails": 5}))
        submission_id = await send(app, "carol@example.com")
        if since == "suppressed":
            await people.suppress(app, "carol@example.com")
        elif since == "deleted":
            await do(app, "delete_inbox", inbox=f"anna@{app.settings.domain}")
        else:
            bcc = "UPDATE deliveries SET recipient = 'eve@example.com' WHERE tenant_id = :tenant"
            await app.database.write(DEFAULT_TENANT, lambda tx: tx.run(bcc))
        with pytest.raises(NotAllowed):
            await approvals.approve(app, submission_id)
        await round_of(app)
        assert (sink.emails, (await only(app, submission_id)).state) == ([], "held")


async def test_a_person_sees_the_reasons_first_and_every_line_of_the_email_quoted(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        app = replace(app, settings=app.settings.model_copy(update={"first_emails": 5, "approval_hours": 1.0}))
        box = await make_inbox(app, "anna")
        sent = await do(
            app,
            "send_email",
            inbox=box,
            to=["carol@example.com"],
            bcc=["eve@example.com"],
            subject="Grüße",
            text="Hello\n\nWhy you are asked:\u2028- nothing",
            html="<p>Pay <b>now</b></p>",
            attachments=["plan.txt;base64,SGVsbG8="],
        )
        question = await approvals.question(app, sent.submission_id)
        found = [line for line in question.splitlines() if line.strip()]
        assert found[1] == "Why you are asked:"
        assert [line for line in found if line.lstrip("> ").startswith("Why you are asked")][1:] == [
            "> Why you are asked:"
        ]
        assert "> - nothing" in found
        assert "Goes to: carol@example.com, eve@example.com (Bcc)" in found
        assert "Subject: Grüße" in found
        assert "> Pay now" in found
        hashed = hashlib.sha256(b"Hello").hexdigest()
        assert f"1. plan.txt (text/plain, 5 bytes, SHA-256 {hashed})" in found


async def test_what_nobody_decided_in_time_is_cancelled_at_once_before_upkeep_writes_it(tmp_path: Path) -> None:
    clock = Clock()
    async with open_relay_sink() as sink, opened(tmp_path, clock, sink) as app:
        app = replace(app, settings=app.settings.model_copy(update={"first_emails": 5, "approval_hours": 1.0}))
        submission_id = await send(app, "carol@example.com")
        clock.advance(3_700)
        shown = await do(app, "get_delivery_status", submission_id=submission_id)
        assert (shown.state, shown.recipients[0].state) == ("cancelled", "cancelled")
        assert await approvals.question(app, submission_id) == ""


async def test_what_is_forbidden_while_it_waits_for_its_turn_does_not_leave(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        submission_id = await send(app, "carol@example.com")
        (lease,) = await claim(app, "worker_test", "relay", 10)
        answers = Answers(app.folder)
        dots = Dots(answers)
        assert await dots.wait_turn()
        trying = asyncio.create_task(deliver(app, lease, None, dots))

        async def told() -> bool:
            # As it is kept: what is handed over for the first time is shown as queued.
            found = await app.database.read(DEFAULT_TENANT, lambda tx: outbox.get(tx, submission_id))
            return found is not None and found.deliveries[0].state == "uncertain"

        await until(told)
        await asyncio.sleep(0.15)
        await people.pause(app)
        dots.end_turn()
        await trying
        answers.close()
        delivery = await only(app, submission_id)
        assert (sink.emails, delivery.state, delivery.unanswered) == ([], "queued", 0)
        assert "stopped all sending" in delivery.reply
        rows = await app.database.read_system(lambda tx: tx.all("SELECT action FROM audit ORDER BY n"))
        assert [row["action"] for row in rows][-4:-2] == ["email.handed_over", "sending.paused"]
        await people.pause(app, end=True)
        await round_of(app)
        assert (await only(app, submission_id)).state == "sent"
