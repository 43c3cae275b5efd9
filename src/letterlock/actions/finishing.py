"""What erasures leave to do, done by the postmaster: one that was cut off goes on by itself, and the store is compacted
where that costs nobody much.

A hold ends an erasure here as it does at the command line: it is stopped, says so, and only a person has it go on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Final

from letterlock.actions.caller import ADMIN, Caller
from letterlock.actions.erasing import erase_inbox, erase_person, erase_tenant, show_as
from letterlock.app import DATABASE_FILE, App
from letterlock.errors import CallerError, StoreError, VaultLocked
from letterlock.ids import DEFAULT_TENANT, AgentId, InboxId
from letterlock.store import audit, erasures, retention
from letterlock.store.database import Transaction
from letterlock.store.erasures import Activity, Erasure

log = logging.getLogger(__name__)

EVERY_S = 30.0
QUIET_MS = 2 * 60_000
"""Little happens when nothing was filed, sent or asked for of people for so long."""
LAST_MINUTES = 15
"""Of the hour that the owner has chosen: then the store is compacted, quiet or not."""
_SMALL_S, _LONGEST_S = 60.0, 900.0
_REST_S = 6 * 3600.0
_MOST = 100
_LOCKED_MS = 600_000
ITSELF: Final = AgentId("postmaster")
"""Who did it, in the audit log."""


async def finish_forever(app: App) -> None:
    """Until cancelled, by one process of the data folder at a time."""
    seen: tuple[Activity, int] | None = None
    rests_until = 0.0
    while True:
        try:
            await go_on(app)
        except (StoreError, OSError) as error:
            log.warning("erasures that were cut off wait: %s", error)
        if time.monotonic() >= rests_until:
            try:
                seen = await compact_when_quiet(app, seen)
            except (StoreError, OSError) as error:
                # Each try may hold the store for minutes: not again in the same hour of the owner's.
                log.warning("the mail store was not compacted: %s", error)
                rests_until = time.monotonic() + _REST_S
        await asyncio.sleep(EVERY_S)


async def go_on(app: App) -> int:
    """Bring to their end the erasures that were cut off: nothing is heard of them any more, and nobody stopped them.
    Returns how many came there. Raises StoreError."""
    ended = 0
    for one in await app.database.read_system(lambda tx: erasures.unfinished(tx, _MOST)):
        if one.stopped or app.now_ms() - one.moved_at < erasures.QUIET_MS:
            continue
        log.info("erasing a %s goes on: %d emails went before it was cut off", one.kind, one.emails)
        try:
            await _to_its_end(app, one)
        except VaultLocked as error:
            # No end of it: until somebody has opened the vault it is looked at again now and then.
            log.warning("erasing a %s waits: %s", one.kind, error)
            later = app.now_ms() + _LOCKED_MS
            await app.database.write(one.tenant_id, lambda tx, o=one: erasures.moved(tx, o.kind, o.subject, later))  # type: ignore[misc]  # noqa: B023
        except CallerError as error:
            await _stop(app, one, error.code)
        except (StoreError, OSError):
            raise
        except Exception:
            # Whatever is wrong with it, it must neither end the postmaster nor be tried for ever.
            log.exception("erasing a %s failed", one.kind)
            await _stop(app, one, "internal")
        else:
            ended += 1
    return ended


async def _to_its_end(app: App, one: Erasure) -> None:
    within = one.tenant_id if one.kind != "tenant" else DEFAULT_TENANT
    how = {"inbox": erase_inbox, "person": erase_person, "tenant": erase_tenant}[one.kind]
    await how(app, Caller(within, ITSELF, frozenset({ADMIN})), one.subject)


async def _stop(app: App, one: Erasure, code: str) -> None:
    """It does not go on before a person says so; the audit log and doctor tell."""

    async def write(tx: Transaction) -> str:
        far = await erasures.get(tx, one.kind, one.subject)
        if far is None or far.stopped:
            return far.stopped if far else ""
        held = await retention.is_held(tx, InboxId(one.subject) if one.kind == "inbox" else None)
        why = "hold" if held else code
        await erasures.stop(tx, one.kind, one.subject, why)
        await audit.append(
            tx, app.now_ms(), ITSELF, "erase.stopped", show_as(one.kind, one.subject), why=why, **far.counts
        )
        return why

    if why := await app.database.write(one.tenant_id, write):
        log.warning("erasing a %s was stopped (%s): `letterlock doctor` says which", one.kind, why)


# --- the file of the store --------------------------------------------------------------------------------------------


async def compact_when_quiet(app: App, seen: tuple[Activity, int] | None) -> tuple[Activity, int] | None:
    """Compact the store when that is due and may be done now: a small one when little happens; a larger one, too, in
    the hour that the owner has chosen, and at its end in any case. `seen`: what the last call returned, or None. Raises
    StoreError, also when it would take longer than it may."""

    async def look(tx: Transaction) -> tuple[int | None, Activity]:
        return await erasures.compaction_due(tx), await erasures.activity(tx)

    due, now_like = await app.database.read_system(look)
    if due is None:
        return None
    now = app.now_ms()
    since = seen[1] if seen is not None and seen[0] == now_like else now
    small = (await asyncio.to_thread((app.folder / DATABASE_FILE).stat)).st_size <= erasures.SMALL_BYTES
    at = datetime.fromtimestamp(now / 1000, UTC).astimezone()
    chosen = app.settings.compact_hour == at.hour
    quiet = not now_like.waiting and now - since >= QUIET_MS
    if not (quiet and (small or chosen)) and not (chosen and at.minute >= 60 - LAST_MINUTES):
        return now_like, since
    log.info("the mail store is compacted after an erasure")
    await app.database.compact(within_s=_SMALL_S if small else _LONGEST_S)
    await app.database.write(DEFAULT_TENANT, lambda tx: audit.append(tx, app.now_ms(), ITSELF, "store.compacted", ""))
    return None
