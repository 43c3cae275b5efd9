"""What the postmaster does now and then: inboxes whose time has come, mail that may go, registrations of dead
processes.

Everything goes in small chunks with a pause between, so that the writer is never held (bench/: an email accepted
meanwhile).
"""

from __future__ import annotations

import asyncio
import logging

from letterlock.app import App
from letterlock.errors import StoreError
from letterlock.message.address import Address
from letterlock.message.names import mailbox_key, random_local_part
from letterlock.store import conduct, emails, inboxes, lists, pool, traces
from letterlock.store.database import Transaction

log = logging.getLogger(__name__)

EVERY_S = 30.0
CHUNK = 50
_PAUSE_S = 0.05


async def run_forever(app: App) -> None:
    while True:
        try:
            await run_once(app)
        except (StoreError, OSError) as error:
            log.warning("upkeep waits: %s", error)
        await asyncio.sleep(EVERY_S)


async def run_once(app: App) -> None:
    """All that is due now."""
    now = app.now_ms()
    await app.database.write_system(lambda tx: inboxes.expire(tx, now))
    while await app.database.write_system(lambda tx: emails.forget_acceptances(tx, now, CHUNK)):
        await asyncio.sleep(_PAUSE_S)
    await app.database.write_system(lambda tx: conduct.lapse(tx, now))
    forget = now - max(conduct.REMEMBERED_MS, int(app.settings.taint_hours * 3_600_000))
    while await app.database.write_system(lambda tx: conduct.forget_reads(tx, forget, CHUNK)):
        await asyncio.sleep(_PAUSE_S)
    while await app.database.write_system(lambda tx: traces.forget(tx, forget, CHUNK)):
        await asyncio.sleep(_PAUSE_S)
    # Before anything is removed: what agents read binds them when it is gone.
    await _trace(app, now)
    while (found := await app.database.read_system(lambda tx: inboxes.removable(tx, now))) is not None:
        tenant_id, inbox_id = found
        while await app.database.write(tenant_id, lambda tx, i=inbox_id: emails.remove_some(tx, i, CHUNK)):  # type: ignore[misc]
            await asyncio.sleep(_PAUSE_S)
        await app.database.write(tenant_id, lambda tx, i=inbox_id: inboxes.remove(tx, i, now))  # type: ignore[misc]
    while old := await app.database.read_system(lambda tx: lists.outdated(tx, now, CHUNK)):
        for tenant_id, email_id in old:
            await app.database.write(tenant_id, lambda tx, e=email_id: emails.remove_one(tx, e))  # type: ignore[misc]
        await asyncio.sleep(_PAUSE_S)
    await fill_pool(app)
    app.wake.forget_dead()


async def _trace(app: App, now_ms: int) -> None:
    while found := await app.database.read_system(lambda tx: traces.untraced(tx, CHUNK)):
        # A few milliseconds for each; the loop has other work.
        made = await asyncio.to_thread(lambda f=found: [(each, each.trace()) for each in f])  # type: ignore[misc]
        await app.database.write_system(lambda tx, m=made: traces.add(tx, m, now_ms))  # type: ignore[misc]
        await asyncio.sleep(_PAUSE_S)


async def fill_pool(app: App) -> None:
    """Make addresses until each tenant in use has as many of each of its domains as the settings say."""
    now, size, after = app.now_ms(), app.settings.pool_size, ("", "")
    house = Address("x", app.settings.domain).key.partition("@")[2]

    async def make(tx: Transaction, domain: str, missing: int) -> None:
        for _ in range(missing):
            address = Address(random_local_part(), domain if domain != house else app.settings.domain)
            await pool.add(tx, domain, str(address), mailbox_key(address), now)

    while size and (
        found := await app.database.read_system(lambda tx: pool.lacking(tx, house, size, now, after, CHUNK))  # noqa: B023
    ):
        for tenant_id, domain, missing in found:
            for done in range(0, missing, CHUNK):
                few = min(CHUNK, missing - done)
                await app.database.write(tenant_id, lambda tx, d=domain, n=few: make(tx, d, n))  # type: ignore[misc]
                await asyncio.sleep(_PAUSE_S)
        after = found[-1][:2]
