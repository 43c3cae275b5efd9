"""What a tenant may do in an hour: what was set for it, else what the settings say. The answer tells when to go on."""

from __future__ import annotations

import logging

from letterlock.actions.caller import Caller
from letterlock.app import App
from letterlock.errors import LimitReached, StoreBusy, StoreFull
from letterlock.settings import Settings
from letterlock.store import limits
from letterlock.store.database import Transaction
from letterlock.store.limits import LimitName

log = logging.getLogger(__name__)

_WHAT = {
    "inboxes_per_hour": "new inboxes",
    "emails_per_hour": "emails to the outside",
    "waits_per_hour": "waits",
    "reveals_per_hour": "secrets shown or used",
}


def usual(settings: Settings, name: LimitName) -> int:
    """The limit of a tenant for which nothing was set."""
    return settings.tenant_per_hour if name == "emails_per_hour" else int(getattr(settings, name))


async def count(app: App, tx: Transaction, name: LimitName) -> None:
    """Count one, in the transaction of the thing itself. Raises LimitReached, and nothing was counted."""
    _, reached = await count_some(app, tx, name, 1)
    if reached is not None:
        raise reached


async def count_some(app: App, tx: Transaction, name: LimitName, wanted: int) -> tuple[int, LimitReached | None]:
    """Count as many of `wanted` as there is room for: how many these were, and what the others are told."""
    set_for_it = await limits.of_tenant(tx, name)
    most = usual(app.settings, name) if set_for_it is None else set_for_it
    counted, wait_ms = await limits.take(tx, name, most, app.now_ms(), wanted)
    if not wait_ms:
        return counted, None
    wait_s = -(-wait_ms // 1000)
    return counted, LimitReached(
        f"The limit of {most} {_WHAT[name]} in an hour is reached.",
        next_step=f"Try again in {_spoken(wait_s)}, or ask the owner to raise {name}.",
        retry_after_s=wait_s,
    )


async def count_wait(app: App, caller: Caller) -> None:
    """Raises LimitReached. A store that is full or locked does not keep anyone from waiting."""
    try:
        _, reached = await app.database.write(caller.tenant_id, lambda tx: count_some(app, tx, "waits_per_hour", 1))
    except (StoreBusy, StoreFull) as error:
        log.warning("a wait of %s is not counted: %s", caller.agent_id, error)
        return
    if reached is not None:
        raise reached


def _spoken(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{-(-seconds // 60)} minutes"
