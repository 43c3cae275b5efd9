"""What the postmaster does now and then: inboxes whose time has come or that nobody uses, mail that may go,
registrations of dead processes.

Everything goes in small chunks with a pause between, so that the writer is never held (bench/: an email accepted
meanwhile).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from letterlock.app import App
from letterlock.errors import StoreError
from letterlock.ids import InboxId, TenantId
from letterlock.kv import KvTrouble
from letterlock.message.address import Address
from letterlock.message.names import mailbox_key, random_local_part
from letterlock.store import (
    arrivals,
    audit,
    conduct,
    emails,
    inboxes,
    inlets,
    lists,
    mailboxes,
    outbox,
    pool,
    retention,
    traces,
    webhooks,
)
from letterlock.store.database import Transaction
from letterlock.wake import OUTBOX

log = logging.getLogger(__name__)

EVERY_S = 30.0
CHUNK = 50
EMAILS_AT_ONCE = 10
"""Each costs a millisecond or so of the writer, most of it in the search index (bench/lifecycle.py)."""
_PAUSE_S = 0.05
_SETTLE_S = 10.0
"""For each round: a slow server must not keep all else waiting."""
ITSELF = "upkeep"
"""Who did it, in the audit log."""
ENDED_MS = 90 * retention.DAY_MS
"""What ended so long ago (a key, a webhook, a removed agent) is forgotten."""
_HOUR_MS = 3600 * 1000


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
    await app.database.write_system(lambda tx: retention.put_off_ends(tx, now, _HOUR_MS))
    await close_inboxes(app, now)
    while await app.database.write_system(lambda tx: arrivals.forget_acceptances(tx, now, CHUNK)):
        await asyncio.sleep(_PAUSE_S)
    while await app.database.write_system(lambda tx: mailboxes.forget(tx, now, CHUNK)):
        await asyncio.sleep(_PAUSE_S)
    while await app.database.write_system(lambda tx: inlets.forget_tokens(tx, now, CHUNK)):
        await asyncio.sleep(_PAUSE_S)
    while await app.database.write_system(lambda tx: conduct.lapse(tx, now, CHUNK)):
        await asyncio.sleep(_PAUSE_S)
    # Whoever ended a pause may have died over it.
    for tenant_id in await app.database.read_system(outbox.unpaused):
        while await app.database.write(tenant_id, lambda tx: outbox.end_pause(tx, now, CHUNK)):
            app.wake.hint(OUTBOX)
            await asyncio.sleep(_PAUSE_S)
    forget = now - max(conduct.REMEMBERED_MS, int(app.settings.taint_hours * 3_600_000))
    while await app.database.write_system(lambda tx: conduct.forget_reads(tx, forget, CHUNK)):
        await asyncio.sleep(_PAUSE_S)
    while await app.database.write_system(lambda tx: traces.forget(tx, forget, CHUNK)):
        await asyncio.sleep(_PAUSE_S)
    # Before anything is removed: what agents read binds them when it is gone.
    await _trace(app, now)
    await remove_inboxes(app, now)
    await remove_old(app, now)
    while old := await app.database.read_system(lambda tx: lists.outdated(tx, now, CHUNK)):
        for tenant_id, email_id in old:
            await app.database.write(tenant_id, lambda tx, e=email_id: emails.remove_one(tx, e))  # type: ignore[misc]
        await asyncio.sleep(_PAUSE_S)
    while await app.database.write_system(lambda tx: retention.forget_ended(tx, now - ENDED_MS, CHUNK)):
        await asyncio.sleep(_PAUSE_S)
    if await app.database.write_system(lambda tx: webhooks.forget_before(tx, now)):
        app.database.scrub()
    await fill_pool(app)
    try:
        await app.vault.settle(_SETTLE_S, app.now_ms())
    except KvTrouble as trouble:
        log.warning("secrets wait for the vault's server: %s", trouble.why)
    app.wake.forget_dead()


async def close_inboxes(app: App, now_ms: int) -> None:
    """Inboxes whose time has come, and those nobody used for long, become deleted ones."""
    usual = app.settings.inbox_idle_days
    for why, due in (
        ("expired", lambda tx: retention.expired(tx, now_ms, CHUNK)),
        ("idle", lambda tx: retention.idle(tx, now_ms, usual, CHUNK)),
    ):
        while found := await app.database.read_system(due):

            async def close(tx: Transaction, found: Sequence[tuple[TenantId, InboxId]] = found, why: str = why) -> None:
                for tenant_id, inbox_id in found:
                    mine = tx.bound_to(tenant_id)
                    if not await retention.is_held(mine, inbox_id) and await inboxes.mark_deleted(
                        mine, inbox_id, now_ms
                    ):
                        await audit.append(mine, now_ms, ITSELF, "inbox.deleted", inbox_id, why=why)

            await app.database.write_system(close)
            await asyncio.sleep(_PAUSE_S)


async def remove_inboxes(app: App, now_ms: int) -> None:
    """For good, with their mail, what was deleted too long ago to be restored and is not on hold."""
    before = now_ms - inboxes.RESTORABLE_MS

    while (found := await app.database.read_system(lambda tx: retention.removable(tx, before))) is not None:
        tenant_id, inbox_id = found

        async def remove(tx: Transaction, inbox_id: InboxId = inbox_id) -> bool:
            # Looked at each time: somebody may put it on hold meanwhile.
            if not await retention.may_go(tx, inbox_id, before):
                return True
            if await emails.remove_some(tx, inbox_id, EMAILS_AT_ONCE):
                return False
            return await inboxes.remove(tx, inbox_id, now_ms, CHUNK)

        while not await app.database.write(tenant_id, remove):
            await asyncio.sleep(_PAUSE_S)
        app.database.scrub()


async def remove_old(app: App, now_ms: int) -> None:
    """Emails and finished submissions that are older than their tenant keeps them, and what it has of neither."""
    settings, after = app.settings, ""
    while found := await app.database.read_system(lambda tx: retention.tenants_from(tx, after, CHUNK)):  # noqa: B023
        for tenant_id, own in found:
            email_days = own.get("email_days", settings.email_days)
            submission_days = own.get("submission_days", settings.submission_days)

            async def emails_gone(tx: Transaction, days: int = email_days) -> int:
                old = await retention.old_emails(tx, now_ms - days * retention.DAY_MS, EMAILS_AT_ONCE)
                for email_id in old:
                    await emails.remove_one(tx, email_id)
                return len(old)

            async def submissions_gone(tx: Transaction, days: int = submission_days) -> int:
                old = await retention.old_submissions(tx, now_ms - days * retention.DAY_MS, CHUNK)
                await outbox.remove(tx, old)
                return len(old)

            for days, look, gone in (
                (email_days, retention.old_emails, emails_gone),
                (submission_days, retention.old_submissions, submissions_gone),
            ):
                before = now_ms - days * retention.DAY_MS
                # Looked for beside the writer first: mostly there is nothing.
                if days and await app.database.read(tenant_id, lambda tx, b=before, f=look: f(tx, b, 1)):  # type: ignore[misc]
                    while await app.database.write(tenant_id, gone):
                        await asyncio.sleep(_PAUSE_S)
        after = found[-1][0]


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
