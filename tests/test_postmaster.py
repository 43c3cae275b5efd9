"""One process of a folder at a time runs its mail, and one that fails leaves room for the others."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time

import pytest

from letterlock import postmaster
from letterlock.app import App
from letterlock.inbound.workers import Workers
from letterlock.postmaster import LOCK_POLL_S, LONGEST_PAUSE_S, PAUSE_S, pause_s, serve_mail
from letterlock.wake import postmaster_lock
from running import ended


def test_the_pause_after_a_failure_doubles_up_to_half_a_minute_and_is_longer_than_others_take_for_the_lock() -> None:
    assert [pause_s(n) for n in (0, 1, 2, 3)] == [LOCK_POLL_S, PAUSE_S, 2 * PAUSE_S, 4 * PAUSE_S]
    assert pause_s(1_000_000) == LONGEST_PAUSE_S
    assert min(pause_s(n) for n in range(1, 50)) > LOCK_POLL_S


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
    caplog.set_level(logging.INFO)
    async with ended(asyncio.create_task(serve_mail(app))):
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
