"""What an agent was shown is written down before it is shown: what it reads decides what it may send (policy.py)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from letterlock import telemetry
from letterlock.actions.caller import Caller
from letterlock.app import App
from letterlock.errors import StoreBusy, StoreFull
from letterlock.outbound.submit import vouched
from letterlock.store import conduct
from letterlock.store.conduct import Read
from letterlock.store.database import Transaction
from letterlock.store.emails import Email

log = logging.getLogger(__name__)

_AGAIN_MS = 10 * 60 * 1000
"""An email shown again within this time is not written down again; far below any taint_hours that make sense."""
_MOST_REMEMBERED = 50_000


async def note_shown(app: App, caller: Caller, shown: Iterable[Email]) -> None:
    """To be called before anything of `shown` is answered. A store that is full or locked does not keep mail from being
    read: such a store cannot send either, and the next call writes it down."""
    if app.settings.read_only:
        return
    now = app.now_ms()
    fresh = [
        email for email in shown if now - app.shown.get((caller.agent_id, email.email_id), -_AGAIN_MS) >= _AGAIN_MS
    ]
    if not fresh:
        return

    async def keep(tx: Transaction) -> None:
        reads = [Read(email.email_id, email.level, await vouched(tx, caller.agent_id, email)) for email in fresh]
        await conduct.add_reads(tx, caller.agent_id, reads, now)

    began = time.monotonic()
    try:
        await app.database.write(caller.tenant_id, keep)
    except (StoreBusy, StoreFull) as error:
        log.warning("what %s was shown is not written down yet: %s", caller.agent_id, error)
        return
    if len(app.shown) > _MOST_REMEMBERED:
        app.shown.clear()
    telemetry.took("show", began, [email.email_id for email in fresh])
    app.shown.update({(caller.agent_id, email.email_id): now for email in fresh})
