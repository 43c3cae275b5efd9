"""What a crash may double: one email for each server, because final dots go one after the other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fakes import open_relay_sink
from letterlock.app import App, open_app
from letterlock.ids import DEFAULT_TENANT, SubmissionId
from letterlock.outbound import dots, relay
from letterlock.outbound.deliver import claim
from letterlock.outbound.dots import FILE, Answers, Dots
from letterlock.outbound.lanes import deliver_forever
from letterlock.outbound.submit import status
from letterlock.store import queue
from letterlock.store.outbox import Delivery
from letterlock.store.queue import Lease
from running import do, ended, make_inbox, settings_for, until


def lease(n: int) -> Lease:
    delivery = Delivery(f"p{n}@far.example", "relay", "queued", 5, 1, lane="x:25", token="t")
    return Lease(DEFAULT_TENANT, SubmissionId(f"sub_{n}"), "w_1", 0, "relay", "", b"", (delivery,))


def test_answers_outlive_their_process_and_a_line_cut_short_is_none(tmp_path: Path) -> None:
    first = Answers(tmp_path)
    for n in range(3):
        first.write(lease(n), "dot")
        first.write(lease(n), "answered", f"250 {n} ünd")
    first.kept(lease(1))
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"tenant": "t", "subm')
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'\n["no answer"]\n\xff\n{"tenant": "t", "submission": "s"}\n{"cut')
    found = Answers(tmp_path).left()
    assert [(one.lease, one.reply) for one in found.answered] == [(lease(n), f"250 {n} ünd") for n in range(3)]
    assert found.unsent == ()


def test_who_still_waited_for_a_turn_is_known_until_the_machine_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Answers(tmp_path)
    for n in range(3):
        first.write(lease(n), "begun")
    first.write(lease(1), "dot")
    assert Answers(tmp_path).left().unsent == (lease(0), lease(2))
    boot = tmp_path / "boot"
    boot.write_text("another")
    monkeypatch.setattr(dots, "_BOOT_ID", boot)
    assert Answers(tmp_path).left().unsent == ()
    boot.unlink()
    assert Answers(tmp_path).left().unsent == ()


def test_nothing_of_what_is_in_the_store_stays_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers(tmp_path)
    answers.write(lease(1), "answered", "250")
    answers.write(lease(2), "answered", "250")
    answers.kept(lease(1))
    answers.tidy()
    assert (tmp_path / FILE).read_text().count("\n") == 2
    answers.kept(lease(2))
    answers.tidy()
    assert (tmp_path / FILE).read_text() == ""
    monkeypatch.setattr(dots, "_MOST_BYTES", 2_000)
    answers.write(lease(0), "answered", "250")
    for n in range(1, 100):
        answers.write(lease(n), "answered", "250")
        answers.kept(lease(n))
        assert (tmp_path / FILE).stat().st_size <= 2_000
    assert next(one.lease for one in answers.left().answered) == lease(0)


async def test_each_waits_for_the_one_before_it_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dots, "PATIENCE_S", 0.05)
    order = Dots(Answers(tmp_path))
    assert await order.wait_turn()
    second = asyncio.create_task(order.wait_turn())
    await asyncio.sleep(0.01)
    assert not second.done()
    order.end_turn()
    assert await second
    assert not await order.wait_turn()
    free = Dots(Answers(tmp_path), in_order=False)
    assert not await free.wait_turn()


async def queued(app: App, count: int) -> None:
    anna = await make_inbox(app, "anna")
    for n in range(count):
        await do(app, "send_email", inbox=anna, to=f"r{n}@example.com", subject=f"No {n}", text="x")


@pytest.mark.parametrize("one_by_one", [True, False])
async def test_a_server_has_one_dot_without_an_answer_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_by_one: bool
) -> None:
    under_way, most = 0, 0
    real = relay._dot

    async def dot(*arguments: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.005)
        try:
            return await real(*arguments)
        finally:
            under_way -= 1

    monkeypatch.setattr(relay, "_dot", dot)
    async with open_relay_sink() as sink:
        settings = settings_for(
            tmp_path, relay_host=sink.host, relay_port=sink.port, relay_security="none", one_by_one=one_by_one
        )
        async with open_app(settings) as app:
            await queued(app, 12)
            async with ended(asyncio.create_task(deliver_forever(app))):
                await until(lambda: asyncio.sleep(0, len(sink.emails) == 12), 30)
    assert (most == 1) if one_by_one else (most > 1)


async def test_what_was_answered_and_not_recorded_by_a_process_that_died_is_sent_and_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_relay_sink() as sink:
        settings = settings_for(tmp_path, relay_host=sink.host, relay_port=sink.port, relay_security="none")
        async with open_app(settings) as app:
            await queued(app, 3)
            answered, in_doubt, unsent = await claim(app, "dead", "relay", 5)
            for one in (answered, in_doubt, unsent):
                await app.database.write(
                    DEFAULT_TENANT, lambda tx, one=one: queue.handing_over(tx, one, app.now_ms() + 900_000)
                )
            answers = Answers(settings.data)
            answers.write(answered, "answered", "250 2.0.0 taken before the crash")
            stale = json.loads((settings.data / FILE).read_text())
            stale["owner"] = "somebody else"
            with (settings.data / FILE).open("a") as file:
                file.write(json.dumps({**stale, "submission": in_doubt.submission_id}) + "\n")
            answers.write(unsent, "begun")
            async with ended(asyncio.create_task(deliver_forever(app))):

                async def over() -> bool:
                    states = [
                        await status(app, DEFAULT_TENANT, one.submission_id) for one in (answered, in_doubt, unsent)
                    ]
                    return all(one.state == "sent" for one in states)

                await until(over, 30)
            (first,) = (await status(app, DEFAULT_TENANT, answered.submission_id)).deliveries
            (second,) = (await status(app, DEFAULT_TENANT, in_doubt.submission_id)).deliveries
            assert (first.reply, first.attempts) == ("250 2.0.0 taken before the crash", 1)
            assert (second.attempts, second.unanswered) == (2, 1), "marked: it may have come twice"
            (third,) = (await status(app, DEFAULT_TENANT, unsent.submission_id)).deliveries
            assert (third.attempts, third.unanswered) == (2, 0), "it came to no final dot"
            assert sorted(one.recipients for one in sink.emails) == sorted([(second.recipient,), (third.recipient,)])
            assert (settings.data / FILE).read_text() == ""
