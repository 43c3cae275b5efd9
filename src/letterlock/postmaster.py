"""The one process of a data folder that listens for SMTP and runs the background work.

Every process that keeps running calls `serve_mail(app)`: it waits for the folder's lock, and whoever gets it opens the
listeners and runs filing, deliveries and upkeep in one task group. The operating system frees the lock of a process
that dies, however it dies, and another takes over within LOCK_POLL_S. A port that somebody else holds stops only
listening.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import time
from collections.abc import AsyncIterator

from letterlock import upkeep
from letterlock.actions.finishing import finish_forever
from letterlock.actions.webhooks import notices
from letterlock.app import DATABASE_FILE, App
from letterlock.claims import check_forever
from letterlock.errors import LetterlockError, StoreError
from letterlock.inbound.filing import file_forever
from letterlock.inbound.listener import open_listener
from letterlock.inbound.mailbox import fetch_forever
from letterlock.inbound.workers import Workers, open_workers
from letterlock.outbound.forwards import forward_forever
from letterlock.outbound.lanes import deliver_forever
from letterlock.outbound.webhooks import post_forever
from letterlock.store import arrivals, erasures
from letterlock.store import postmaster as reports
from letterlock.store.database import Transaction
from letterlock.store.postmaster import FILING, STARTING, SWITCHED_OFF, Report
from letterlock.wake import WAITING, postmaster_lock

log = logging.getLogger(__name__)

LOCK_POLL_S = 0.3
START_S = 2.0
PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
"""After a failure as the postmaster, twice as long after each further one: another process takes the lock meanwhile."""
STEADY_S = 120.0
"""Who was the postmaster for so long had not failed to start: its next failure is a first one."""
_MOST_SAID = 100
_RETRY_BIND_S = 1.0
_RETRY_LOCK_S = 10.0
_REPORT_S = 3.0
_MIND_S = 10.0
_SAY_EACH = 120
"""Of failures that go on, one in so many is logged: about once an hour."""


async def serve_mail(app: App, *, keep_workers: int = 0, tried: asyncio.Event) -> None:
    """Be the postmaster whenever nobody else is, until cancelled. `keep_workers`: filing processes kept when idle.
    `tried` is set once it is known who the postmaster is, this process or another."""
    lock = postmaster_lock(app.folder)
    failures = 0
    while True:
        try:
            lock.acquire()
        except TimeoutError:
            tried.set()
            await asyncio.sleep(LOCK_POLL_S)
            continue
        except OSError as error:
            log.error("this process cannot be the postmaster: %s cannot be locked (%s)", app.folder, error.strerror)
            await asyncio.sleep(_RETRY_LOCK_S)
            continue
        began = time.monotonic()
        try:
            if not failures:
                # What the one before said of itself, which may have been killed, holds no longer.
                await _report(app, "", STARTING)
            tried.set()
            log.log(logging.DEBUG if failures else logging.INFO, "this process is the postmaster of %s", app.folder)
            await _be_postmaster(app, keep_workers)
        except Exception as error:
            # Whatever went wrong, mail must not stop for good: let go of the lock, so that any process may try.
            failures = 1 if time.monotonic() - began > STEADY_S else failures + 1
            pause = pause_s(failures)
            if failures == 1:
                log.exception("the postmaster stopped; this process tries again in %.0f s", pause)
            elif pause < LONGEST_PAUSE_S or failures % _SAY_EACH == 0:
                log.error("the postmaster stopped %d times: %r; again in %.0f s", failures, error, pause)
        finally:
            lock.release()
        await asyncio.sleep(pause_s(failures))


def pause_s(failures: int) -> float:
    """How long a process that failed so often in a row as the postmaster leaves the lock to the others."""
    return min(LONGEST_PAUSE_S, PAUSE_S * 2.0 ** (min(failures, 10) - 1)) if failures else LOCK_POLL_S


async def _be_postmaster(app: App, keep_workers: int) -> None:
    await _after_erasures(app)
    async with open_workers(app.settings) as workers, asyncio.TaskGroup() as tasks:
        tasks.create_task(_listen_and_report(app, workers), name="listeners")
        tasks.create_task(file_forever(app, workers), name="filing")
        tasks.create_task(fetch_forever(app), name="mailboxes")
        tasks.create_task(deliver_forever(app), name="deliveries")
        tasks.create_task(forward_forever(app), name="forwards")
        tasks.create_task(post_forever(app, notices), name="webhooks")
        tasks.create_task(check_forever(app), name="domains")
        tasks.create_task(upkeep.run_forever(app), name="upkeep")
        tasks.create_task(finish_forever(app), name="erasures")
        tasks.create_task(_mind_workers(app, workers, keep_workers), name="workers")


async def _after_erasures(app: App) -> None:
    """Before mail comes in: what an erasure left to do, as far as it is done in a few seconds."""
    due, begun = await app.database.read_system(_look_for_erasures)
    if begun:
        log.warning("%d erasures did not come to their end, and go on: `letterlock doctor` says which", begun)
    if due is None:
        return
    size = (await asyncio.to_thread((app.folder / DATABASE_FILE).stat)).st_size
    if size > erasures.SMALL_BYTES:
        log.warning("the mail store is to be compacted after an erasure: run `letterlock compact`, or set compact_hour")
        return
    log.info("the mail store is compacted after an erasure before mail comes in")
    try:
        await app.database.compact()
    except StoreError as error:
        log.warning("the mail store was not compacted: %s", error)


async def _look_for_erasures(tx: Transaction) -> tuple[int | None, int]:
    return await erasures.compaction_due(tx), len(await erasures.unfinished(tx, _MOST_SAID))


async def _listen_and_report(app: App, workers: Workers) -> None:
    """Open the listeners, trying again for as long as a port is taken, and tell the folder how it stands."""
    listening: dict[str, str] = {}
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(_say_gone, app)
        while True:
            problems = []
            for name, port in (("smtp", app.settings.smtp_port), ("lmtp", app.settings.lmtp_port)):
                if port and name not in listening:
                    try:
                        listener = open_listener(app, workers, lmtp=name == "lmtp")
                        listening[name] = await stack.enter_async_context(listener)
                        log.info("listening for %s on %s", name, listening[name])
                    except OSError as error:
                        problems.append(_busy(app, name, port, error))
                    except LetterlockError as error:
                        problems.append(f"Mail does not come in by {name.upper()}: {error}")
            if not app.settings.smtp_port and not app.settings.lmtp_port and not await _comes_otherwise(app):
                problems.append(SWITCHED_OFF)
            doors = ", ".join(f"{name} {address}" for name, address in listening.items())
            await _report(app, doors, " ".join(problems))
            await asyncio.sleep(_RETRY_BIND_S if problems else _REPORT_S)


async def _report(app: App, listening: str, problem: str) -> None:
    report = Report(os.getpid(), listening, problem, app.now_ms())
    with contextlib.suppress(StoreError):
        await app.database.write_system(lambda tx: reports.put(tx, report))


async def _comes_otherwise(app: App) -> bool:
    """Whether mail comes in without a listener: from mailboxes elsewhere, or by a service in front."""
    try:
        return await app.database.read_system(reports.has_other_ways)
    except StoreError:
        # What is wrong with the store is told elsewhere.
        return True


async def _say_gone(app: App) -> None:
    """An orderly end: nobody need wait until the last report is old."""
    with contextlib.suppress(StoreError):
        await app.database.write_system(lambda tx: reports.put(tx, Report(os.getpid(), "", "", 0)))


def _busy(app: App, name: str, port: int, error: OSError) -> str:
    advice = (
        f"Stop the program that holds it, or set {name}_port to a free one (LETTERLOCK_{name.upper()}_PORT);"
        if error.errno == errno.EADDRINUSE
        else "Mend smtp_host (LETTERLOCK_SMTP_HOST), an address of this machine, or the port;"
    )
    return (
        f"Mail does not come in: {name.upper()} port {app.settings.smtp_host}:{port} cannot be opened"
        f" ({error.strerror or error}). {advice} it is tried again every second."
    )


async def _mind_workers(app: App, workers: Workers, keep: int) -> None:
    """A worker is ready while anyone, in any process, waits for mail; idle ones end."""
    with app.wake.watch(WAITING) as watch:
        while True:
            if keep or watch.rung:
                workers.warm()
            await workers.end_idle(keep)
            await watch.wait(_MIND_S)


async def file_waiting(app: App) -> None:
    """File all that was accepted, without listening, until nothing waits. When another process is the postmaster, it
    does that."""
    try:
        lock = postmaster_lock(app.folder).acquire()
    except TimeoutError:
        return
    with lock:
        async with open_workers(app.settings) as workers:
            tasks = [
                asyncio.create_task(file_forever(app, workers), name="filing"),
                asyncio.create_task(_report_filing(app), name="report"),
            ]
            try:
                while await app.database.read_system(arrivals.count_unfiled):
                    await asyncio.sleep(0.05)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await _say_gone(app)


async def _report_filing(app: App) -> None:
    while True:
        await _report(app, "", FILING)
        await asyncio.sleep(_REPORT_S)


@contextlib.asynccontextmanager
async def mail_service(app: App, *, keep_workers: int = 0) -> AsyncIterator[None]:
    """serve_mail in the background, ended in order with the context. Entered once the folder has a postmaster that
    told how it stands (this process or another), or after START_S."""
    tried = asyncio.Event()
    task = asyncio.create_task(serve_mail(app, keep_workers=keep_workers, tried=tried), name="postmaster")

    async def unknown(tx: Transaction) -> bool:
        report = await reports.last(tx)
        return report is None or report.problem == STARTING or await reports.is_silent(tx, app.now_ms())

    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                await tried.wait()
                while await app.database.read_system(unknown):
                    await asyncio.sleep(0.02)
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
