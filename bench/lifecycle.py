"""What removing mail costs those who deliver some: acceptance while many emails go for good, beside quiet.

    python bench/lifecycle.py [-n 200000] [--seconds 20] [--rounds 3] [--erase]

A folder with -n filed emails whose inboxes were all deleted long ago. In turns, for so many seconds: `accept()` of an
email each 10 ms with upkeep at rest, and the same while it removes; until the rounds or the emails are at an end. Every
250 is durable. p99 of both, their ratio, and how many emails went in a second. With --erase the inboxes are live, and
`letterlock erase inbox` of another process removes one after the other; then `letterlock compact` writes the store's
file anew: how long that takes, and what becomes of mail that comes meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvloop

from harness import percentile, say, say_where, temporary_folder
from letterlock import upkeep
from letterlock.actions.caller import LOCAL_CALLER
from letterlock.actions.catalog import BY_NAME, perform
from letterlock.app import DATABASE_FILE, App, open_app
from letterlock.errors import StoreBusy
from letterlock.inbound.accept import accept
from letterlock.message.envelope import Envelope
from letterlock.settings import load_settings
from letterlock.wake import postmaster_lock
from mails import Mails
from seeding import seed

TARGET = 2.0
_EVERY_S = 0.01


async def accepting(app: App, inbox: str, supply: Mails, seconds: float) -> list[float]:
    """Seconds of each acceptance; they begin every 10 ms, whether or not the last has ended."""
    took: list[float] = []

    async def one() -> None:
        begin = time.perf_counter()
        try:
            await accept(app, Envelope("a@shop.example", (inbox,), app.clock(), "smtp"), supply.next().raw)
        except StoreBusy:
            # Its sender is told to try again later.
            took.append(math.inf)
        else:
            took.append(time.perf_counter() - begin)

    end = time.perf_counter() + seconds
    async with asyncio.TaskGroup() as tasks:
        while time.perf_counter() < end:
            tasks.create_task(one())
            await asyncio.sleep(_EVERY_S)
    return took


async def count(app: App, inbox_id: str) -> int:
    row = await app.database.read_system(
        lambda tx: tx.one("SELECT COUNT(*) AS n FROM emails WHERE inbox_id <> :kept", kept=inbox_id)
    )
    return int(row["n"]) if row else 0


@contextlib.asynccontextmanager
async def removing(app: App) -> AsyncIterator[None]:
    """By upkeep, in this process."""
    task = asyncio.create_task(upkeep.remove_inboxes(app, app.now_ms()))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def letterlock(data: Path, *arguments: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "letterlock", *arguments, "--data", str(data), "--yes")
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)


@contextlib.asynccontextmanager
async def erasing(app: App, kept: str) -> AsyncIterator[None]:
    """By commands in processes of their own, one inbox after the other; the last is killed."""
    rows = await app.database.read_system(
        lambda tx: tx.all("SELECT inbox_id FROM inboxes WHERE inbox_id <> :kept", kept=kept)
    )
    running: list[asyncio.subprocess.Process] = []

    async def one_by_one() -> None:
        for row in rows:
            running[:] = [await letterlock(app.folder, "erase", "inbox", row["inbox_id"])]
            await running[0].wait()

    task = asyncio.create_task(one_by_one())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        for each in running:
            with contextlib.suppress(ProcessLookupError):
                each.kill()
            await each.wait()


async def compacting(app: App, inbox: str, supply: Mails) -> None:
    size = (app.folder / DATABASE_FILE).stat().st_size
    begin = time.perf_counter()
    process = await letterlock(app.folder, "compact")
    took: list[float] = []
    while process.returncode is None:
        took += await accepting(app, inbox, supply, 0.5)
    lasted = time.perf_counter() - begin
    waited = [each for each in took if each < math.inf]
    say(
        compacted_mb=size / 1e6, seconds=lasted, exit=process.returncode, accepted=len(waited),
        longest_s=max(waited), put_off=len(took) - len(waited),
    )  # fmt: skip


async def measure(data: Path, seconds: float, rounds: int, erase: bool) -> tuple[dict[str, list[float]], int, float]:
    took: dict[str, list[float]] = {"quiet": [], "removing": []}
    gone, lasted = 0, 0.0
    async with open_app(load_settings(data=data, smtp_port=0)) as app:
        made: Any = await perform(app, LOCAL_CALLER, BY_NAME["create_inbox"], {"name": "live"})
        if not erase:
            await app.database.write_system(
                lambda tx: tx.run("UPDATE inboxes SET deleted_at = 1 WHERE inbox_id <> :live", live=made.inbox_id)
            )
        supply = Mails("mixed", made.address, seed=time.time_ns())
        await accepting(app, made.address, supply, 2)
        # As beside a server: its lock keeps the commands from compacting as they go.
        lock = postmaster_lock(app.folder)
        lock.acquire()
        for _ in range(rounds):
            took["quiet"] += await accepting(app, made.address, supply, seconds)
            before = await count(app, made.inbox_id)
            if not before:
                break
            begin = time.perf_counter()
            async with erasing(app, made.inbox_id) if erase else removing(app):
                took["removing"] += await accepting(app, made.address, supply, seconds)
            lasted += time.perf_counter() - begin
            gone += before - await count(app, made.inbox_id)
        if erase:
            await compacting(app, made.address, supply)
        lock.release()
    return took, gone, lasted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--erase", action="store_true")
    chosen = parser.parse_args()
    say_where()
    with temporary_folder("lifecycle") as folder:
        seed(folder / "data", chosen.n)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            took, gone, lasted = runner.run(measure(folder / "data", chosen.seconds, chosen.rounds, chosen.erase))
    p99 = {name: percentile(times, 0.99) * 1e3 for name, times in took.items()}
    for name, times in took.items():
        say(beside=name, accepted=len(times), p50_ms=percentile(times, 0.5) * 1e3, p99_ms=p99[name])
    ratio = p99["removing"] / p99["quiet"]
    say(stored=chosen.n, removed=gone, removed_per_s=gone / lasted, p99_ratio=ratio, ok=ratio <= TARGET)


if __name__ == "__main__":
    main()
