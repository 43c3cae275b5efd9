"""One look a second for everyone in this process who waits for mail.

Hints can be lost (a datagram, a process that dies between its commit and its hint), so somebody must look in the store;
two thousand who wait must not each do so themselves.
"""

from __future__ import annotations

import asyncio
import logging

from letterlock.errors import StoreError
from letterlock.ids import InboxId, TenantId
from letterlock.store import emails, tenants
from letterlock.store.database import Database, Transaction
from letterlock.wake import POLL_S, Wake

log = logging.getLogger(__name__)

Places = dict[TenantId, tuple[int, int]]
_MOST_NEW = 5_000
"""When more emails than this came since the last look, every watcher of the tenant looks."""


async def look_out(database: Database, wake: Wake) -> None:
    """Rings who watches a tenant's mail when there is some, and keeps saying for which inboxes somebody waits. Runs for
    as long as the process does."""
    places: Places = {}
    while True:
        await asyncio.sleep(POLL_S)
        watched = tuple(TenantId(tenant) for tenant in wake.tenants_watched())
        if not watched:
            places = {}
            continue
        wake.say_waiting(*wake.inboxes_watched())
        try:
            now = await database.read_system(lambda tx, watched=watched: tenants.places(tx, watched))  # type: ignore[misc]
            for tenant, place in now.items():
                await _ring(database, wake, tenant, places.get(tenant), place)
        except StoreError as error:
            # Whoever waits rests on hints meanwhile; what is missed now is found by the next look.
            log.debug("lookout: %s", error)
            continue
        places = now


async def _ring(
    database: Database, wake: Wake, tenant: TenantId, before: tuple[int, int] | None, now: tuple[int, int]
) -> None:
    if before is None or now[0] - before[0] > _MOST_NEW:
        # Nobody knows what came between a watcher's own look and this first one.
        wake.ring_tenant_here(tenant)
    elif now != before:
        wake.ring_here(tenant)
        if now[0] > before[0]:
            filed = before[0]

            async def new(tx: Transaction) -> list[InboxId]:
                return await emails.inboxes_filed_after(tx, filed)

            wake.ring_here(*await database.read(tenant, new))
