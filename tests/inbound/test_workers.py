from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from letterlock.inbound import workers
from letterlock.inbound.workers import Workers, open_workers
from letterlock.message.authenticate import AuthReport
from letterlock.message.envelope import Envelope
from letterlock.screen.score import Level
from letterlock.store.emails import Filed
from running import clean_environment, letter, settings_for, until

ENVELOPE = Envelope("anna@shop.example", ("box@letterlock.localhost",), datetime(2026, 5, 4, tzinfo=UTC), "smtp")
LARGE = (
    b"Subject: x\r\nContent-Type: text/html\r\n\r\n"
    + b"<div style='color:#fff'><p>hello <a href='https://a.example/x'>world</a></p></div>\r\n" * 250_000
)


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[Workers]:
    async with open_workers(settings_for(tmp_path, filing_workers=2)) as pool:
        yield pool


async def read(pool: Workers, raw: bytes | None = None) -> Filed:
    async with asyncio.timeout(60):
        return await pool.read(ENVELOPE, raw or letter(body="hello"))


def ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_whatever_an_email_is_it_is_read_in_a_process_that_is_used_again(pool: Workers) -> None:
    first = await read(pool, letter("Grüße", "Ihr Code: 493817\n\nBestellung 771203"))
    assert first.report().unreadable == ""
    assert first.report().subject == "Grüße"
    assert "493817" in first.report().text
    assert "771203" in first.terms.split()
    assert "493817" not in first.terms.split()
    (process,) = pool._all

    known = AuthReport("pass", "shop.example", dkim="pass", detail="Found out when it came.")
    assert (await pool.read(ENVELOPE, letter(), auth=known)).report().authentication == known
    odd = dataclasses.replace(ENVELOPE, helo="\udcff\udc80")
    assert (await pool.read(odd, letter("Hello"))).report().subject == "Hello", "a client may say odd bytes in EHLO"
    for raw in (
        b"\x00",
        b"\xff" * 5000,
        b"\r\n",
        bytes(range(256)) * 100,
        b"Subject: =?utf-8?B?7aC9?=\r\n\r\n\xed\xa0\xbd",
    ):
        await read(pool, raw)
    assert pool._all == {process}


async def test_no_more_processes_run_than_are_set_and_all_end_with_the_pool(tmp_path: Path) -> None:
    async with open_workers(settings_for(tmp_path, filing_workers=2)) as pool:
        readings = await asyncio.gather(*(read(pool) for _ in range(12)))
        assert [reading.report().unreadable for reading in readings] == [""] * 12
        assert len(pool._all) == 2
        pids = [process.pid for process in pool._all]
    assert all(ended(pid) for pid in pids)


async def test_processes_that_were_killed_while_idle_cost_no_email_its_reading(pool: Workers) -> None:
    await asyncio.gather(read(pool), read(pool))
    assert len(pool._all) == 2
    for process in pool._all:
        process.send_signal(signal.SIGKILL)
    assert (await read(pool)).report().unreadable == ""


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGKILL, "worker_died"), (signal.SIGXCPU, "too_slow")], ids=["killed", "cpu"]
)
async def test_an_email_that_ends_every_process_that_reads_it_is_unreadable_and_the_next_one_is_read(
    pool: Workers, number: signal.Signals, reason: str
) -> None:
    async def end_each() -> None:
        while True:
            for process in tuple(pool._all):
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)
            await asyncio.sleep(0.01)

    killing = asyncio.create_task(end_each())
    reading = await read(pool)
    killing.cancel()
    await asyncio.gather(killing, return_exceptions=True)
    assert reading.report().unreadable == reason
    assert reading.report().screening.level is Level.QUARANTINED
    assert reading.report().screening.findings[0].reason
    assert reading.preview.subject == "[withheld: quarantined]"
    assert (await read(pool)).report().unreadable == ""


async def test_a_process_that_hangs_is_ended_and_the_next_email_is_read(pool: Workers) -> None:
    await read(pool)
    (process,) = pool._all
    process.send_signal(signal.SIGSTOP)
    pool._wall_seconds = 0.5
    assert (await read(pool)).report().unreadable == "too_slow"
    assert ended(process.pid)
    pool._wall_seconds = 30
    assert (await read(pool)).report().unreadable == ""


async def test_a_process_without_memory_for_an_email_says_so_and_reads_the_next_one(tmp_path: Path) -> None:
    async with open_workers(settings_for(tmp_path, filing_megabytes=192)) as pool:
        assert (await read(pool)).report().unreadable == ""
        reading = await read(pool, LARGE)
        assert reading.report().unreadable in ("too_large_in_memory", "reader_failed", "worker_died")
        assert (await read(pool)).report().unreadable == ""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_CPU"), reason="no limit on processor time here")
def test_the_system_ends_a_process_that_reads_one_email_for_too_long() -> None:
    script = "from letterlock.inbound import workers\nworkers._allow_cpu(0.1)\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, env=clean_environment())
    assert done.returncode in workers._SLOW


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_CPU"), reason="no limit on processor time here")
def test_processor_time_of_earlier_emails_does_not_count_against_the_next() -> None:
    script = (
        "import time\nfrom letterlock.inbound import workers\n"
        "for _ in range(5):\n    workers._allow_cpu(0.5)\n    end = time.process_time() + 0.4\n"
        "    while time.process_time() < end: pass"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, env=clean_environment())
    assert done.returncode == 0, done.stderr


async def test_a_caller_that_gives_up_leaves_no_answer_for_the_next(pool: Workers) -> None:
    await read(pool)
    calling = asyncio.create_task(read(pool, LARGE))
    await asyncio.sleep(0.05)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    assert (await read(pool, letter("mine"))).report().subject == "mine"


async def test_warming_makes_one_process_ready_and_idle_ones_end(
    pool: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        pool.warm()
    await until(lambda: asyncio.sleep(0, pool._idle))
    assert len(pool._all) == 1
    monkeypatch.setattr(workers, "IDLE_S", 0.0)
    await pool.end_idle(keep=1)
    assert len(pool._all) == 1
    await pool.end_idle()
    assert pool._all == set()
