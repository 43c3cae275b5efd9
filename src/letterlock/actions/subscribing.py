"""Subscribing: a caller names inboxes and threads and is told to which of them mail came, never what it says.

How far the numbers of an inbox or thread have come is looked up when wake rings for it: a burst of mail is one notice,
and a hint that is lost costs a second. Nothing is told to a key that has ended.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Literal

from letterlock.actions.caller import READ, Caller, stands
from letterlock.actions.inboxes import own_inbox
from letterlock.app import App
from letterlock.errors import Conflict, LimitReached, NotFound, StoreError
from letterlock.ids import InboxId, TenantId, ThreadId
from letterlock.screen.safe_text import safe_line
from letterlock.store import emails, inboxes
from letterlock.store.database import Transaction
from letterlock.wake import POLL_S, REST_S, Watch

log = logging.getLogger(__name__)

MOST_OF_ONE, MOST_OF_TENANT, MOST = 100, 1_000, 10_000
"""Subscriptions: of one subscriber, of a tenant, of this process. A subscriber without any counts as one."""
_RETRY_S = 30

Kind = Literal["inbox", "thread"]


@dataclass(slots=True)
class _Followed:
    """`last`: the number within the inbox of the last email that was told of."""

    kind: Kind
    id: str
    inbox_id: InboxId
    last: int


@dataclass(slots=True)
class Places:
    """How many subscriptions there are in this process, by tenant."""

    by_tenant: Counter[TenantId] = field(default_factory=Counter)

    def take(self, tenant_id: TenantId) -> None:
        """Raises LimitReached."""
        if self.by_tenant[tenant_id] >= MOST_OF_TENANT or self.by_tenant.total() >= MOST:
            raise LimitReached(
                "There are too many subscriptions.",
                next_step="End some, or wait with wait_for_email.",
                retry_after_s=_RETRY_S,
            )
        self.by_tenant[tenant_id] += 1

    def give_back(self, tenant_id: TenantId, count: int) -> None:
        self.by_tenant[tenant_id] -= count
        if not self.by_tenant[tenant_id]:
            del self.by_tenant[tenant_id]


class Subscriber:
    """A session or stream of a caller that wants to be told. Raises LimitReached when there are too many; else `close`
    must follow."""

    def __init__(self, app: App, caller: Caller, places: Places) -> None:
        caller.need(READ)
        places.take(caller.tenant_id)
        self._app, self._caller, self._places = app, caller, places
        self._taken = 1
        self._followed: dict[str, _Followed] = {}
        self._watch: Watch | None = None

    async def add(self, name: str, kind: Kind, wanted: str) -> None:
        """Tell, by `name`, of mail that comes from now on to an inbox (its id or address) or a thread (its id). Raises
        NotFound for what the caller may not read, LimitReached."""
        if name in self._followed:
            return
        if len(self._followed) >= MOST_OF_ONE:
            raise LimitReached(
                f"One session or stream has {MOST_OF_ONE} subscriptions at most.",
                next_step="End some, or open another.",
                retry_after_s=_RETRY_S,
            )
        found = await (self._inbox(wanted) if kind == "inbox" else self._thread(wanted))
        if name in self._followed:
            return
        if not self._taken:
            raise Conflict("This session or stream has ended.", next_step="Open a new one.")
        if self._followed:
            self._places.take(self._caller.tenant_id)
            self._taken += 1
        self._followed[name] = found
        self._look_again()

    def remove(self, name: str) -> None:
        """What is not there is removed already."""
        if self._followed.pop(name, None) is None:
            return
        if self._followed:
            self._places.give_back(self._caller.tenant_id, 1)
            self._taken -= 1
        self._look_again()

    def close(self) -> None:
        """Nothing is told after this; its places are free."""
        self._followed.clear()
        self._places.give_back(self._caller.tenant_id, self._taken)
        self._taken = 0

    async def told(self) -> AsyncGenerator[list[str], None]:
        """The names to which mail came since the last time, and those of inboxes that are gone, which end with that.
        Ends when this process stops, and when the caller's key does."""
        wake = self._app.wake
        rung = False
        while not wake.closing:
            followed = {one.inbox_id for one in self._followed.values()}
            tenant = self._caller.tenant_id if followed else ""
            with wake.watch(*followed, tenant=tenant, key=self._caller.key, waits=False) as watch:
                self._watch = watch
                try:
                    changed, rest = await self._changed(), REST_S
                except StoreError as error:
                    log.debug("subscriptions are looked at again: %s", error)
                    changed, rest = [], POLL_S
                if (changed or rung) and not await stands(self._app, self._caller):
                    return
                if changed:
                    yield changed
                    rung = False
                else:
                    await watch.wait(rest)
                    rung = watch.rung

    def _look_again(self) -> None:
        if self._watch is not None:
            self._watch.ring()

    async def _inbox(self, wanted: str) -> _Followed:
        inbox = await own_inbox(self._app, self._caller, wanted)
        return _Followed("inbox", inbox.inbox_id, inbox.inbox_id, inbox.last_seq)

    async def _thread(self, wanted: str) -> _Followed:
        only = self._caller.inbox_id
        last = await self._app.database.read(
            self._caller.tenant_id,
            lambda tx: emails.listed(tx, inbox_id=only, thread_id=ThreadId(wanted), limit=1),
        )
        if not last:
            raise NotFound(
                f"Thread '{safe_line(wanted, 80)}' not found.",
                next_step="Take a thread_id from read_email or list_emails.",
            )
        return _Followed("thread", wanted, last[0].inbox_id, last[0].seq)

    async def _changed(self) -> list[str]:
        followed = dict(self._followed)
        if not followed:
            return []

        async def look(tx: Transaction) -> dict[str, int]:
            ids = {one.inbox_id for one in followed.values()}
            threads = {ThreadId(one.id) for one in followed.values() if one.kind == "thread"}
            of_inboxes = await inboxes.lasts(tx, ids, self._app.now_ms())
            return dict((*of_inboxes.items(), *(await emails.lasts_of_threads(tx, threads)).items()))

        lasts = await self._app.database.read(self._caller.tenant_id, look)
        changed = []
        for name, one in followed.items():
            gone = one.inbox_id not in lasts
            if gone:
                self.remove(name)
            if gone or lasts.get(one.id, 0) > one.last:
                one.last = lasts.get(one.id, 0)
                changed.append(name)
        return changed
