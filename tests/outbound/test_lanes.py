"""The lanes of the queue: each server has its own, none slows another, and an end in order leaves nothing in doubt."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakes import Clock, open_relay_sink
from letterlock.app import App, open_app
from letterlock.ids import DEFAULT_TENANT
from letterlock.outbound.deliver import claim, deliver
from letterlock.outbound.lanes import deliver_forever
from letterlock.store import queue
from queued import look, only, opened, send
from running import free_port, make_inbox, settings_for, until


@contextlib.asynccontextmanager
async def delivering(app: App) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(deliver_forever(app))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_what_was_held_for_want_of_a_relay_goes_out_when_one_is_set(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as app:
        submission_id = await send(app, "carol@example.com")
        assert (await look(app, submission_id)).state == "held"
        async with delivering(app):
            await asyncio.sleep(0.1)
        assert (await look(app, submission_id)).state == "held"
    async with open_relay_sink() as sink, opened(tmp_path, clock, sink) as app, delivering(app):

        async def sent() -> bool:
            return (await look(app, submission_id)).state == "sent"

        await until(sent)
        assert (await look(app, submission_id)).reasons == ()
        assert [taken.recipients for taken in sink.emails] == [("carol@example.com",)]


async def test_a_new_loop_takes_at_once_what_a_dead_one_had_leased(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        submission_id = await send(app, "carol@example.com")
        (dead,) = await claim(app, "dead", "relay", 1)
        async with delivering(app):

            async def sent() -> bool:
                return (await look(app, submission_id)).state == "sent"

            await until(sent)
        await deliver(app, dead)
        assert len(sink.emails) == 1
        assert (await look(app, submission_id)).state == "sent"


async def test_the_loop_delivers_what_is_submitted_while_it_runs(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app, delivering(app):
        # Who only looks once a second needs that long each time; who is woken does so on a busy machine now and then.
        for n in range(1, 4):
            started = time.monotonic()
            await send(app, f"carol{n}@example.com")
            await until(lambda n=n: asyncio.sleep(0, result=len(sink.emails) == n))  # type: ignore[misc]
            if time.monotonic() - started < 0.9:
                break
        else:
            pytest.fail("polled, not woken")


async def test_a_dead_relay_does_not_slow_local_mail(tmp_path: Path) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        sink.hang_after_dot = True
        bob = await make_inbox(app, "bob")
        for n in range(20):
            await send(app, f"r{n}@example.com")
        async with delivering(app):
            await until(lambda: asyncio.sleep(0, result=len(sink.emails) >= 8))
            submission_id = await send(app, bob)
            # What another process left undone goes through the loop's own lane.
            await app.database.write(
                DEFAULT_TENANT,
                lambda tx: tx.run(
                    "UPDATE deliveries SET state = 'queued', next_at = 0 WHERE tenant_id = :tenant"
                    " AND submission_id = :id",
                    id=submission_id,
                ),
            )

            async def done() -> bool:
                return (await look(app, submission_id)).state == "delivered"

            await until(done)
            assert len(sink.emails) == 8


async def test_a_relay_that_never_answers_holds_up_no_other_and_keeps_to_its_connections(tmp_path: Path) -> None:
    async with open_relay_sink() as dead, open_relay_sink() as good:
        dead.hang_after_dot = True
        relays = [
            {"to": to, "host": sink.host, "port": sink.port, "security": "none", "connections": 2}
            for to, sink in (("dead.example", dead), ("good.example", good))
        ]
        async with open_app(settings_for(tmp_path, relays=relays), Clock()) as app, delivering(app):
            for n in range(10):
                await send(app, f"r{n}@dead.example")
            await until(lambda: asyncio.sleep(0, result=len(dead.emails) >= 2))
            for n in range(10):
                await send(app, [f"r{n}@good.example", f"x{n}@dead.example"])
            await until(lambda: asyncio.sleep(0, result=len(good.emails) == 10))
            assert len(dead.emails) == 2


async def test_it_ends_promptly_and_gives_back_what_it_had_not_handed_over(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock()) as app:
        await make_inbox(app, "anna")

    async def never_greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(never_greet, "127.0.0.1", 0)
    async with opened(tmp_path, Clock(), port=server.sockets[0].getsockname()[1]) as app:
        submission_id = await send(app, "carol@example.com")
        async with delivering(app) as task:

            async def tried() -> bool:
                return (await only(app, submission_id)).attempts == 1

            await until(tried)
            started = time.monotonic()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert time.monotonic() - started < 10
        assert await app.database.read_system(lambda tx: queue.due(tx, app.now_ms())) == [
            ("relay", f"127.0.0.1:{app.settings.relay_port}")
        ]
    server.close()
    await asyncio.sleep(0.05)


async def test_a_server_that_cannot_be_reached_is_left_alone_for_a_while_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letterlock.outbound.lanes._LONGEST_REST_S", 0.5)
    port = free_port()
    async with opened(tmp_path, Clock(), port=port) as app:
        for n in range(30):
            await send(app, f"r{n}@example.com")

        async def tried() -> int:
            rows = await app.database.read_system(lambda tx: tx.all("SELECT attempts FROM deliveries"))
            return sum(row["attempts"] > 0 for row in rows)

        async with delivering(app):
            await until(tried)
            await asyncio.sleep(0.3)
            assert await tried() <= 2 * app.settings.relay_connections, "claimed, and most of it not tried"
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app, delivering(app):
        await until(lambda: asyncio.sleep(0, result=len(sink.emails) >= 14), 20)


async def test_looking_whether_a_server_is_back_writes_nothing_and_takes_no_try_from_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letterlock.outbound.lanes._LONGEST_REST_S", 0.1)
    port = free_port()
    async with opened(tmp_path, Clock(), port=port) as app:
        for n in range(12):
            await send(app, f"r{n}@example.com")

        async def written() -> list[list[tuple[Any, ...]]]:
            tables = ("SELECT recipient, attempts, next_at, lease_until FROM deliveries", "SELECT n FROM audit")
            found = [await app.database.read_system(lambda tx, sql=sql: tx.all(sql)) for sql in tables]  # type: ignore[misc]
            return [[tuple(row) for row in rows] for rows in found]

        looked = 0

        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal looked
            looked += 1
            writer.close()

        async def settled() -> bool:
            before = await written()
            await asyncio.sleep(0.3)
            return any(attempts for _, attempts, *_ in before[0]) and before == await written()

        async with delivering(app):
            await until(settled)
            before = await written()
            async with await asyncio.start_server(hang_up, "127.0.0.1", port):
                await until(lambda: asyncio.sleep(0, result=looked >= 3))
            assert await written() == before


async def test_what_waited_two_days_for_a_dead_server_bounces_without_each_being_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letterlock.outbound.lanes._HOPELESS_S", 0.0)
    clock = Clock()
    async with opened(tmp_path, clock, port=free_port()) as app:
        old = [await send(app, f"r{n}@example.com") for n in range(30)]
        clock.advance(49 * 3600)
        young = await send(app, "young@example.com")
        async with delivering(app):

            async def given_up() -> bool:
                return all([(await look(app, one)).state == "bounced" for one in old[16:]])

            await until(given_up, 20)
        assert (await only(app, old[-1])).reply.startswith("given up after 48 hours")
        assert (await look(app, young)).state == "queued"


async def test_trouble_in_the_store_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, failures = queue.due, iter([True, True])

    async def sometimes(tx: Any, now_ms: int) -> Any:
        if next(failures, False):
            raise RuntimeError("carol@example.com must not be logged")
        return await real(tx, now_ms)

    monkeypatch.setattr(queue, "due", sometimes)
    monkeypatch.setattr("letterlock.outbound.lanes._PAUSE_S", 0.01)
    with caplog.at_level(logging.DEBUG, "letterlock"):
        async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
            await send(app, "carol@example.com")
            async with delivering(app):
                await until(lambda: asyncio.sleep(0, result=bool(sink.emails)))
    assert "cannot be claimed" in caplog.text
    assert "carol" not in caplog.text


@pytest.mark.parametrize("answer_s", [0.0, 0.1])
async def test_an_orderly_end_leaves_nothing_in_doubt_that_the_server_answers(tmp_path: Path, answer_s: float) -> None:
    async with open_relay_sink() as sink, opened(tmp_path, Clock(), sink) as app:
        sink.answers_after_s = answer_s
        ids = [await send(app, f"r{n}@example.com", idempotency_key=str(n)) for n in range(8)]
        async with delivering(app):
            while len(sink.emails) < 2:
                await asyncio.sleep(0.005)
        at_stop = {email.recipients[0] for email in sink.emails}
        found = [await only(app, each) for each in ids]
        assert {each.recipient for each in found if each.state == "sent"} == at_stop
        assert {each.state for each in found} <= {"sent", "queued"}
        async with delivering(app):
            while len(sink.emails) < len(ids):
                await asyncio.sleep(0.005)
        assert len({email.recipients for email in sink.emails}) == len(ids)
