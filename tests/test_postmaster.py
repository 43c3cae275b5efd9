"""One process of a folder at a time runs its mail, and one that fails leaves room for the others."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from pathlib import Path

import pytest

from letterlock import postmaster
from letterlock.actions.doctor import examine
from letterlock.actions.health import start_problem
from letterlock.app import App, open_app
from letterlock.ids import DEFAULT_TENANT
from letterlock.inbound.workers import Workers, open_workers
from letterlock.postmaster import LOCK_POLL_S, LONGEST_PAUSE_S, PAUSE_S, mail_service, pause_s, serve_mail
from letterlock.store import inlets
from letterlock.store import postmaster as reports
from letterlock.store.inlets import Inlet, new_inlet_id, new_secret
from letterlock.store.postmaster import Report
from letterlock.wake import postmaster_lock
from running import ended, free_port, hand_in, letter, make_inbox, settings_for, until


def test_the_pause_after_a_failure_doubles_up_to_half_a_minute_and_is_longer_than_others_take_for_the_lock() -> None:
    assert [pause_s(n) for n in (0, 1, 2, 3)] == [LOCK_POLL_S, PAUSE_S, 2 * PAUSE_S, 4 * PAUSE_S]
    assert pause_s(1_000_000) == LONGEST_PAUSE_S
    assert min(pause_s(n) for n in range(1, 50)) > LOCK_POLL_S


async def test_no_listener_is_a_problem_only_where_mail_comes_in_by_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postmaster, "_RETRY_BIND_S", 0.02)

    async with open_app(settings_for(tmp_path, smtp_port=0)) as app, open_workers(app.settings) as workers:

        async def told(problem: bool) -> Report | None:
            report = await app.database.read_system(reports.last)
            return report if report and bool(report.problem) is problem else None

        async with ended(asyncio.create_task(postmaster._listen_and_report(app, workers))):
            assert "switched off" in (await until(lambda: told(True))).problem
            # As it was chosen: nothing to mend.
            (finding,) = [one for one in await examine(app.settings) if "postmaster" in one.what]
            assert finding.well and "switched off" in finding.what
            inlet = Inlet(DEFAULT_TENANT, new_inlet_id(), "mine.example", "raw", "abcd", None, "", False, 0)
            await app.database.write(DEFAULT_TENANT, lambda tx: inlets.add(tx, inlet, new_secret()))
            assert (await until(lambda: told(False))).seen_at


async def test_who_reads_what_was_imported_says_so_and_is_no_fault(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    async def reads(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(postmaster, "file_forever", reads)
    await hand_in(app, await make_inbox(app), letter("One"))
    async with ended(asyncio.create_task(postmaster.file_waiting(app))):
        assert (await until(lambda: app.database.read_system(reports.last))).problem == reports.FILING
        (finding,) = [one for one in await examine(app.settings) if "postmaster" in one.what]
        assert finding.well and "was imported" in finding.what
    assert await app.database.read_system(lambda tx: reports.is_silent(tx, app.now_ms()))


async def test_a_process_that_fails_leaves_the_lock_to_others_and_does_not_fill_the_log(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[float] = []

    def fail(_: object) -> Workers:
        tries.append(time.monotonic())
        raise RuntimeError("no worker of mine starts")

    monkeypatch.setattr(postmaster, "open_workers", fail)
    monkeypatch.setattr(postmaster, "PAUSE_S", 0.02)
    monkeypatch.setattr(postmaster, "LONGEST_PAUSE_S", 0.04)
    caplog.set_level(logging.INFO, logger="letterlock")
    async with ended(asyncio.create_task(serve_mail(app, tried=asyncio.Event()))):
        while len(tries) < 6:
            await asyncio.sleep(0.005)
        said = [record for record in caplog.records if record.name == "letterlock.postmaster"]
        other = postmaster_lock(app.folder)
        for _ in range(500):
            try:
                other.acquire()
                break
            except TimeoutError:
                await asyncio.sleep(0.002)
        else:
            pytest.fail("the lock was never free")
        seen = len(tries)
        await asyncio.sleep(0.2)
        assert len(tries) == seen, "it waits while another has the lock"
        other.release()
    assert min(after - before for before, after in itertools.pairwise(tries[1:])) >= 0.03
    assert [record.levelname for record in said] == ["INFO", "ERROR"]
    assert "no worker of mine starts" in caplog.text


@pytest.mark.parametrize("age_ms", [0, 60_000])
async def test_what_a_killed_postmaster_said_is_not_believed(tmp_path: Path, age_ms: int) -> None:
    port = free_port()
    async with open_app(settings_for(tmp_path, smtp_port=port)) as app:
        left = Report(1, "smtp 192.0.2.1:25", "", app.now_ms() - age_ms)
        await app.database.write_system(lambda tx: reports.put(tx, left))
        async with mail_service(app):
            said = await app.database.read_system(reports.last)
            assert said is not None
            assert (said.listening, said.problem) == (f"smtp 127.0.0.1:{port}", "")
            assert await start_problem(app) == ""
