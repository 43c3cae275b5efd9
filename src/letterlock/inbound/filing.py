"""From accepted to visible: take, read in a worker, file in one transaction, wake.

The store is the queue: what a crash left is found at the next start, and an email is in work at most once, because only
the postmaster files. `emails.file` moves received -> filed; nothing here can lose an email or let it block the next.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence

from letterlock import telemetry
from letterlock.app import App
from letterlock.errors import StoreBusy, StoreError, StoreFull, VaultLocked
from letterlock.ids import EmailId, InboxId
from letterlock.inbound.reviewer import Reviewer, open_reviewer
from letterlock.inbound.routing import is_put_away, route
from letterlock.inbound.workers import Workers, unread
from letterlock.message.authenticate import AuthReport
from letterlock.message.extract.domains import registrable
from letterlock.message.reporter import Reporter
from letterlock.store import arrivals, emails, learning, secrets
from letterlock.store.arrivals import Unfiled
from letterlock.store.database import Transaction
from letterlock.store.emails import Filed
from letterlock.vault import Sealed
from letterlock.wake import FILED, FORWARDS, POLL_S, UNFILED, Watch

log = logging.getLogger(__name__)

_AFTER_TROUBLE_S = 1.0
_READ_PER_S = 100
"""About as many emails a second as one worker can read."""
_PATIENCE_MS = 5_000
_FLOOD_WINDOW_S = 0.1
_FLOOD_LOOK_S = 0.05
_MOST_AWAITED = 200
_AWAITED_IN_A_ROW = 3
_MOST_BESIDE = 32
"""Emails that are read, and with the reviewer or waiting for their turn, beside those that workers read."""
_TURN_S = 1.0


async def file_forever(app: App, workers: Workers) -> None:
    """Files whatever is accepted, until cancelled, in the order of _Order."""
    in_work: set[EmailId] = set()
    async with open_reviewer(app.settings) as reviewer:
        await _file_forever(app, workers, reviewer, in_work)


async def _file_forever(app: App, workers: Workers, reviewer: Reviewer | None, in_work: set[EmailId]) -> None:
    with app.wake.watch(UNFILED) as watch:
        flood = _Flood(watch, _READ_PER_S * workers.size)
        turns = _Turns()
        order = _Order()
        urgent: set[EmailId] = set()
        # Until when, and at how many hints, the store holds nothing that is not in work.
        dry_until, dry_at = 0.0, 0
        async with asyncio.TaskGroup() as tasks:
            while True:
                taken: list[Unfiled] = []
                hints, now = watch.hints, time.monotonic()
                # More than there are workers: some wait for their commit, and a free worker finds the next at hand.
                # What is with the reviewer, or waits for its turn, needs no worker.
                beside = turns.waiting + (reviewer.asking if reviewer is not None else 0)
                room = 3 * workers.size - len(in_work) + min(beside, _MOST_BESIDE)
                awaited = app.wake.awaited()
                urgent &= in_work
                # What somebody waits for does not wait for room: it goes before what is at hand.
                more = max(room, workers.size - len(urgent) if awaited else 0)
                before = app.now_ms() - _PATIENCE_MS if flood.is_on() else None
                if more > 0 and (now >= dry_until or hints != dry_at):
                    try:
                        taken = await app.database.read_system(
                            lambda tx, r=room, m=more, a=awaited, b=before: order.next(tx, r, m, in_work, a, b)  # type: ignore[misc]
                        )
                        if before is None and len(taken) < room:
                            dry_until, dry_at = now + POLL_S, hints
                    except StoreError as error:
                        log.warning("filing waits: %s", error)
                order.note(taken)
                for unfiled in taken:
                    in_work.add(unfiled.receipt.email_id)
                    awaits = order.is_awaited(unfiled)
                    if awaits:
                        urgent.add(unfiled.receipt.email_id)
                    turn = turns.take(unfiled.receipt.inbox_id)
                    tasks.create_task(
                        _file_one(
                            app, workers, reviewer, unfiled, in_work, watch, turn, urgent=order.is_awaited(unfiled)
                        )
                    )
                if not taken:
                    await (asyncio.sleep(_FLOOD_LOOK_S) if flood.on else watch.wait())


class _Order:
    """What is read next: what somebody waits for goes first, and in all of it tenants take turns. Every fourth email is
    of those that nobody waits for, so that a tenant which waits for all of its flood leaves something to the others."""

    def __init__(self) -> None:
        self._after = ""
        self._awaited: frozenset[str] = frozenset()
        self._in_a_row = 0

    async def next(
        self,
        tx: Transaction,
        room: int,
        more: int,
        in_work: set[EmailId],
        awaited: Sequence[str],
        before_ms: int | None,
    ) -> list[Unfiled]:
        """Up to `room` emails, and where there is none up to `more` of those that somebody waits for."""
        # Of more than are looked at, any may be among them.
        some = awaited if len(awaited) <= _MOST_AWAITED else random.sample(awaited, _MOST_AWAITED)
        self._awaited = frozenset(some)
        if not some:
            return await arrivals.next_unfiled(tx, room, in_work, before_ms=before_ms, after=self._after)
        if room <= 0:
            return await self._of(tx, more, in_work, some, [])
        first = max(0, min(room, _AWAITED_IN_A_ROW - self._in_a_row))
        taken = await self._of(tx, first, in_work, some, [])
        if len(taken) == first < room:
            taken += await arrivals.next_unfiled(tx, 1, _with(in_work, taken), before_ms=before_ms, after=self._after)
        taken += await self._of(tx, room - len(taken), in_work, some, taken)
        if len(taken) < room:
            taken += await arrivals.next_unfiled(
                tx, room - len(taken), _with(in_work, taken), before_ms=before_ms, after=self._after
            )
        return taken

    async def _of(
        self, tx: Transaction, room: int, in_work: set[EmailId], awaited: Sequence[str], taken: list[Unfiled]
    ) -> list[Unfiled]:
        if room <= 0:
            return []
        return await arrivals.next_unfiled(tx, room, _with(in_work, taken), inboxes=awaited, after=self._after)

    def is_awaited(self, unfiled: Unfiled) -> bool:
        """Whether somebody waited for it when it was looked for."""
        return unfiled.receipt.inbox_id in self._awaited

    def note(self, taken: Sequence[Unfiled]) -> None:
        for unfiled in taken:
            self._after = unfiled.receipt.tenant_id
            self._in_a_row = self._in_a_row + 1 if self.is_awaited(unfiled) else 0


def _with(in_work: set[EmailId], taken: Sequence[Unfiled]) -> set[EmailId]:
    return {*in_work, *(unfiled.receipt.email_id for unfiled in taken)}


class _Flood:
    """Whether more comes in than can be read at the same time. Then senders, who wait for their 250, have the
    processor, and what nobody waits for is read after the burst or after _PATIENCE_MS, whichever is first."""

    def __init__(self, watch: Watch, per_s: float) -> None:
        self.on = False
        self._watch = watch
        self._per_s = per_s
        self._since = time.monotonic()
        self._hints = watch.hints

    def is_on(self) -> bool:
        took = time.monotonic() - self._since
        if took >= _FLOOD_WINDOW_S:
            self.on = (self._watch.hints - self._hints) / took > self._per_s
            self._since += took
            self._hints = self._watch.hints
        return self.on


class _Turns:
    """Emails of one inbox are filed in the order in which they came, though they are read side by side. One that takes
    longer than _TURN_S to read loses its turn: it must not hold up those behind it."""

    def __init__(self) -> None:
        self.waiting = 0
        self._last: dict[InboxId, _Turn] = {}

    def take(self, inbox_id: InboxId) -> _Turn:
        last = self._last.get(inbox_id)
        turn = self._last[inbox_id] = _Turn(self, inbox_id, last.over if last is not None else None)
        return turn

    def forget(self, turn: _Turn) -> None:
        if self._last.get(turn.inbox_id) is turn:
            del self._last[turn.inbox_id]


class _Turn:
    def __init__(self, turns: _Turns, inbox_id: InboxId, before: asyncio.Event | None) -> None:
        self.inbox_id = inbox_id
        self.over = asyncio.Event()
        self._turns = turns
        self._before = before

    async def come(self, watch: Watch) -> None:
        """Returns when those before it are with the writer. What follows without a pause is with it before the next."""
        if self._before is not None and not self._before.is_set():
            self._turns.waiting += 1
            watch.ring()
            try:
                await asyncio.wait_for(self._before.wait(), _TURN_S)
            except TimeoutError:
                log.info("an email of %s is filed after some that came later", self.inbox_id)
            finally:
                self._turns.waiting -= 1
        self.end()

    def end(self) -> None:
        self.over.set()
        self._turns.forget(self)


async def _file_one(
    app: App,
    workers: Workers,
    reviewer: Reviewer | None,
    unfiled: Unfiled,
    in_work: set[EmailId],
    watch: Watch,
    turn: _Turn,
    *,
    urgent: bool,
) -> None:
    receipt = unfiled.receipt
    began = time.monotonic()
    try:
        raw = await _opened(app, unfiled)
        if raw is None:
            filed = unread("locked", "Its bytes are sealed, and the vault's key is not there.")
        else:
            filed = await workers.read(unfiled.envelope, raw, allowed=unfiled.allowed, urgent=urgent)
        telemetry.took("read", began, (receipt.email_id,))
        if reviewer is not None:
            # Its worker is free for another.
            watch.ring()
            filed = await reviewer.reviewed(filed)
        await turn.come(watch)
        began = time.monotonic()
        try:
            await keep(app, unfiled, raw, filed)
        except (StoreBusy, StoreFull):
            raise
        except Exception as error:
            # Something in it that the store cannot take must not come back again and again, before all others.
            log.error("%s cannot be filed as it was read: %s", receipt.email_id, type(error).__name__)
            filed = unread("not_storable", "What was read of it cannot be stored.")
            await keep(app, unfiled, raw, filed)
        telemetry.count("emails_filed", level=filed.level)
        telemetry.took("file", began, (receipt.email_id,), level=filed.level)
    except StoreError as error:
        log.warning("filing %s waits: %s", receipt.email_id, error)
        await asyncio.sleep(_AFTER_TROUBLE_S)
    except OSError as error:
        # No worker could be started (processes or memory short). The email stays accepted and is taken again.
        log.error("no worker for %s: %s", receipt.email_id, error)
        await asyncio.sleep(_AFTER_TROUBLE_S)
    finally:
        turn.end()
        in_work.discard(receipt.email_id)
        watch.ring()


async def keep(app: App, unfiled: Unfiled, raw: bytes | None, filed: Filed, *, again: bool = False) -> bool:
    """Store what was read of an email, and seal what must not lie open, in one transaction. `again`: in the place of an
    earlier reading. False when it is filed (or gone) already."""
    receipt = unfiled.receipt
    sealed = await _sealed(app, unfiled, raw, filed) if filed.secrets and raw is not None else None

    async def store(tx: Transaction) -> tuple[bool, bool]:
        forwards = away = False
        if again:
            done = await emails.refile(tx, receipt, filed)
        else:
            about = await learning.reported_on(tx, receipt.recipient, filed.sent_report)
            # What came back of an email belongs to its thread.
            earlier = (about.message_id, *filed.earlier) if about else filed.earlier
            away = await is_put_away(tx, receipt, unfiled.envelope.sender, filed, app.now_ms())
            done = not away and await emails.file(tx, receipt, filed.model_copy(update={"earlier": earlier}))
            if about and filed.sent_report is not None:
                by, trusted = _reporter(filed), app.settings.report_senders
                await learning.record_report(tx, about, filed.sent_report, receipt.recipient, app.now_ms(), by, trusted)
        if away and sealed is not None:
            await arrivals.seal(tx, sealed.raw)
        if done and sealed is not None:
            service = registrable(filed.from_domain) if filed.from_domain else ""
            await secrets.put(tx, receipt.email_id, service, filed.aligned, sealed.secrets)
            await arrivals.seal(tx, sealed.raw)
        if done and not again:
            forwards = await route(tx, receipt, filed, app.now_ms())
        return done, forwards

    done, forwards = await app.database.write(receipt.tenant_id, store)
    if sealed is not None:
        app.database.scrub()
    app.wake.hint(receipt.inbox_id, receipt.tenant_id, FILED, *((FORWARDS,) if forwards else ()))
    return done


async def _sealed(app: App, unfiled: Unfiled, raw: bytes, filed: Filed) -> Sealed | None:
    """None while the vault is locked: the email is filed all the same, and its secrets wait in its bytes for a key."""
    try:
        return await app.vault.sealed(unfiled.receipt.tenant_id, raw, unfiled.kept.raw_id, filed.secrets)
    except VaultLocked:
        log.error("%s holds secrets that cannot be sealed: see `letterlock doctor`", unfiled.receipt.email_id)
        return None


async def _opened(app: App, unfiled: Unfiled) -> bytes | None:
    """The bytes as they came; None when they were sealed (for another inbox, or at an earlier reading) and the vault is
    locked since."""
    try:
        return await app.vault.opened(unfiled.receipt.tenant_id, unfiled.kept)
    except VaultLocked:
        return None


def _reporter(filed: Filed) -> Reporter:
    """Who wrote a report, as far as anything vouches for it."""
    report = filed.report()
    auth = report.authentication
    if auth.verdict == "local":
        # Only our own notices come from the null sender; an inbox here speaks for no server.
        return Reporter(ours=not auth.domain)
    return Reporter(report.from_.address if report.from_ and auth.verdict == "pass" else "")


async def rescreen(app: App, workers: Workers) -> AsyncIterator[EmailId]:
    """Read every filed email again with this version and put the new reading in the place of the old one, oldest first;
    gives the id of each that is done. What was found out about its sender stays: DNS says today what it says today."""
    async with open_reviewer(app.settings) as reviewer:
        async for email_id in _rescreen(app, workers, reviewer):
            yield email_id


async def _rescreen(app: App, workers: Workers, reviewer: Reviewer | None) -> AsyncIterator[EmailId]:
    async def read(one: Unfiled, auth: AuthReport) -> tuple[bytes, Filed] | None:
        raw = await _opened(app, one)
        if raw is None:
            return None
        filed = await workers.read(one.envelope, raw, auth=auth, allowed=one.allowed)
        return raw, filed if reviewer is None else await reviewer.reviewed(filed)

    after = ""
    while found := await app.database.read_system(lambda tx: arrivals.next_filed(tx, after, 4 * workers.size)):  # noqa: B023
        reading = [asyncio.create_task(read(one, auth)) for one, auth in found]
        try:
            for (one, _), task in zip(found, reading, strict=True):
                if (done := await task) is not None:
                    await keep(app, one, *done, again=True)
                    yield one.receipt.email_id
        finally:
            for task in reading:
                task.cancel()
        after = found[-1][0].receipt.email_id
