"""One look a second for everyone in this process who waits for mail, or keeps open what a key began.

Hints can be lost (a datagram, a process that dies between its commit and its hint), and the end of a key gives none, so
somebody must look in the store; two thousand who wait must not each do so themselves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from letterlock.errors import StoreError
from letterlock.ids import InboxId, TenantId
from letterlock.store import emails, tenants
from letterlock.store.database import Database, Transaction
from letterlock.wake import POLL_S, KeyHeld, Wake

log = logging.getLogger(__name__)

Places = dict[TenantId, tuple[int, int]]
_MOST_NEW = 5_000
"""When more emails than this came since the last look, every watcher of the tenant looks."""
_MOST_A_SECOND = 1000
"""More than one process files: each is a transaction of the one writer."""


async def look_out(database: Database, wake: Wake, now_ms: Callable[[], int]) -> None:
    """Rings who watches a tenant's mail when there is some, and whose key no longer counts, and keeps saying for which
    inboxes somebody waits. Runs for as long as the process does."""
    places: Places = {}
    looked = time.monotonic()
    while True:
        await asyncio.sleep(POLL_S)
        begun = time.monotonic()
        watched = tuple(TenantId(tenant) for tenant in wake.tenants_watched())
        held = wake.keys_watched()
        if not watched and not held:
            places, looked = {}, begun
            continue
        wake.go_on_waiting()
        try:
            now, live = await database.read_system(partial(_look, watched=watched, held=held, now_ms=now_ms()))
            # Nobody knows what came between the own look of one who watches now and the first one here.
            unseen = int(_MOST_A_SECOND * (time.monotonic() - looked))
            for key in set(held) - live:
                wake.ring_key_here(key)
            for tenant, place in now.items():
                await _ring(database, wake, tenant, places.get(tenant) or (place[0] - unseen, -1), place)
        except StoreError as error:
            # Whoever waits rests on hints meanwhile; what is missed now is found by the next look.
            log.debug("lookout: %s", error)
            continue
        places, looked = now, begun


async def _look(
    tx: Transaction, watched: Sequence[TenantId], held: Sequence[KeyHeld], now_ms: int
) -> tuple[Places, set[KeyHeld]]:
    return await tenants.places(tx, watched), await tenants.live_keys(tx, held, now_ms)


async def _ring(
    database: Database, wake: Wake, tenant: TenantId, before: tuple[int, int], now: tuple[int, int]
) -> None:
    if now[0] - before[0] > _MOST_NEW:
        wake.ring_tenant_here(tenant)
    elif now != before:
        wake.ring_here(tenant)
        if now[0] > before[0]:
            filed = before[0]

            async def new(tx: Transaction) -> list[InboxId]:
                return await emails.inboxes_filed_after(tx, filed)

            wake.ring_here(*await database.read(tenant, new))
