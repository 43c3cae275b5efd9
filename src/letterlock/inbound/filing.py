"""From accepted to visible: take, read in a worker, file in one transaction, wake.

The store is the queue: what a crash left is found at the next start, and an email is in work at most once, because only
the postmaster files. `emails.file` moves received -> filed; nothing here can lose an email or let it block the next.
"""

from __future__ import annotations

import asyncio
import logging

from letterlock.app import App
from letterlock.errors import StoreBusy, StoreError, StoreFull
from letterlock.ids import EmailId
from letterlock.inbound.workers import Workers, unread
from letterlock.message.envelope import Receipt
from letterlock.store import emails
from letterlock.store.emails import Filed, Unfiled
from letterlock.wake import UNFILED, Watch

log = logging.getLogger(__name__)

_AFTER_TROUBLE_S = 1.0


async def file_forever(app: App, workers: Workers) -> None:
    """Files whatever is accepted, oldest first, until cancelled."""
    in_work: set[EmailId] = set()
    with app.wake.watch(UNFILED) as watch:
        async with asyncio.TaskGroup() as tasks:
            while True:
                taken: list[Unfiled] = []
                # More than there are workers: some wait for their commit, and a free worker finds the next at hand.
                room = 3 * workers.size - len(in_work)
                if room > 0:
                    try:
                        taken = await app.database.read_system(lambda tx, n=room: emails.next_unfiled(tx, n, in_work))  # type: ignore[misc]
                    except StoreError as error:
                        log.warning("filing waits: %s", error)
                for unfiled in taken:
                    in_work.add(unfiled.receipt.email_id)
                    tasks.create_task(_file_one(app, workers, unfiled, in_work, watch))
                if not taken:
                    await watch.wait()


async def _file_one(app: App, workers: Workers, unfiled: Unfiled, in_work: set[EmailId], watch: Watch) -> None:
    receipt = unfiled.receipt
    try:
        filed = await workers.read(unfiled.envelope, unfiled.raw)
        try:
            await _keep(app, receipt, filed)
        except (StoreBusy, StoreFull):
            raise
        except Exception as error:
            # Something in it that the store cannot take must not come back again and again, before all others.
            log.error("%s cannot be filed as it was read: %s", receipt.email_id, type(error).__name__)
            await _keep(app, receipt, unread("not_storable", "What was read of it cannot be stored."))
    except StoreError as error:
        log.warning("filing %s waits: %s", receipt.email_id, error)
        await asyncio.sleep(_AFTER_TROUBLE_S)
    except OSError as error:
        # No worker could be started (processes or memory short). The email stays accepted and is taken again.
        log.error("no worker for %s: %s", receipt.email_id, error)
        await asyncio.sleep(_AFTER_TROUBLE_S)
    finally:
        in_work.discard(receipt.email_id)
        watch.ring()


async def _keep(app: App, receipt: Receipt, filed: Filed) -> None:
    await app.database.write(receipt.tenant_id, lambda tx: emails.file(tx, receipt, filed))
    app.wake.hint(receipt.inbox_id)
