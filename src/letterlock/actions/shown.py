"""What an agent was shown is written down before it is shown: what it reads decides what it may send (policy.py)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence

from letterlock import telemetry
from letterlock.actions.caller import Caller
from letterlock.app import App
from letterlock.errors import StoreBusy, StoreFull
from letterlock.outbound.mentions import vouched
from letterlock.store import conduct
from letterlock.store.conduct import Read
from letterlock.store.database import T, Transaction, Work
from letterlock.store.emails import Email

log = logging.getLogger(__name__)

_AGAIN_MS = 10 * 60 * 1000
"""An email shown again within this time is not written down again; far below any taint_hours that make sense."""
_MOST_REMEMBERED = 50_000


async def note_shown(app: App, caller: Caller, shown: Iterable[Email]) -> None:
    """To be called before anything of `shown` is answered. A store that is full or locked does not keep mail from being
    read: such a store cannot send either, and the next call writes it down."""
    if not (fresh := _fresh(app, caller, shown)):
        return

    async def nothing_else(tx: Transaction) -> None:
        pass

    try:
        await _write_with(app, caller, fresh, nothing_else)
    except (StoreBusy, StoreFull) as error:
        log.warning("what %s was shown is not written down yet: %s", caller.agent_id, error)


async def write_shown(app: App, caller: Caller, shown: Iterable[Email], work: Work[T]) -> T:
    """What `work` writes, and note_shown, in one transaction: what it gives may be answered then. Raises StoreError."""
    return await _write_with(app, caller, _fresh(app, caller, shown), work)


def _fresh(app: App, caller: Caller, shown: Iterable[Email]) -> list[Email]:
    """Those of `shown` that are to be written down."""
    if app.settings.read_only:
        return []
    now = app.now_ms()
    return [email for email in shown if now - app.shown.get((caller.agent_id, email.email_id), -_AGAIN_MS) >= _AGAIN_MS]


async def _write_with(app: App, caller: Caller, fresh: Sequence[Email], work: Work[T]) -> T:
    now, began = app.now_ms(), time.monotonic()

    async def keep(tx: Transaction) -> T:
        reads = [Read(email.email_id, email.level, await vouched(tx, caller.agent_id, email)) for email in fresh]
        await conduct.add_reads(tx, caller.agent_id, reads, now)
        return await work(tx)

    done = await app.database.write(caller.tenant_id, keep)
    if len(app.shown) > _MOST_REMEMBERED:
        app.shown.clear()
    telemetry.took("show", began, [email.email_id for email in fresh])
    app.shown.update({(caller.agent_id, email.email_id): now for email in fresh})
    return done
