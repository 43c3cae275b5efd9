"""deliver_forever(app): claims what is due and has it delivered, lane by lane.

Each server has a lane of its own, and so have our inboxes: one that is dead slows no other. In a lane tenants take
turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

from letterlock.app import App
from letterlock.domains import domain_key, domain_of
from letterlock.ids import SubmissionId, TenantId, new_id
from letterlock.outbound.deliver import (
    LEASE_MS,
    OLDEST_MS,
    Look,
    after_try,
    claim,
    deliver,
    give_back,
    keep,
    look_at,
    not_handed_over,
    record,
)
from letterlock.outbound.direct import reach_direct
from letterlock.outbound.dots import Answers, Dots, Left
from letterlock.outbound.provider import way_by
from letterlock.outbound.relay import Connections, Outcome, reach
from letterlock.outbound.routes import OF_DOMAIN, Way, connections, has_ways, helo, way_of, way_to
from letterlock.outbound.signing import Keyring
from letterlock.store import domain_relays, outbox, queue
from letterlock.store.database import Transaction
from letterlock.store.domain_relays import DomainRelay
from letterlock.store.outbox import Route
from letterlock.store.queue import Lease
from letterlock.wake import OUTBOX

log = logging.getLogger(__name__)

LOCAL_AT_ONCE = 4
AT_ONCE = 200
"""Deliveries under way in all lanes together, apart from those of tenants' own relays; and once more in these."""
AT_ONCE_OF_TENANT = 8
"""At its own relays: servers of one tenant that never answer take no place of another's."""
_AT_HAND, _AT_HAND_BYTES = 2, 64_000_000
"""How many emails for each connection are claimed ahead, and how many bytes they may have."""
_PAUSE_S = 1.0
_LAST_ANSWERS_S = 3.0
_LOOK_AT_HELD_S = 1.0
_LONGEST_REST_S = 60.0
_HOPELESS_S = 3600.0
_GIVEN_UP_AT_ONCE = 20


@dataclass(slots=True)
class _Lane:
    """One lane at work: what it has claimed and not begun, and who works. A server that cannot be reached is left alone
    for a while, longer each time, and then greeted without an email: what waits for it costs nothing meanwhile, no
    claim and no record."""

    dots: Dots
    backlog: deque[Lease] = field(default_factory=deque)
    looks: dict[tuple[SubmissionId, str], Look] = field(default_factory=dict)
    """What was found out about what is in the backlog."""
    workers: set[asyncio.Task[Any]] = field(default_factory=set)
    tries: set[asyncio.Task[Any]] = field(default_factory=set)
    failures: int = 0
    rests_until: float = 0.0
    down_since: float = 0.0
    after: str = ""
    """Whose turn it was last."""

    @property
    def at_work(self) -> set[asyncio.Task[Any]]:
        return self.workers | self.tries

    def is_backlog(self, lease: Lease, most: int) -> bool:
        """Whether much else of its tenant waits here."""
        return sum(each.tenant_id == lease.tenant_id for each in self.backlog) > most // 2

    @property
    def rests(self) -> bool:
        return time.monotonic() < self.rests_until

    def learn(self, reached: bool) -> None:
        now = time.monotonic()
        if reached:
            self.failures, self.rests_until = 0, 0.0
        elif not self.rests:
            self.down_since = self.down_since if self.failures else now
            self.failures += 1
            self.rests_until = now + min(_LONGEST_REST_S, 2.0**self.failures)

    @property
    def hopeless(self) -> bool:
        return self.failures > 0 and time.monotonic() - self.down_since > _HOPELESS_S


async def deliver_forever(app: App) -> None:
    """Until cancelled, by one process of the data folder at a time. What is in work then is given back.

    What a process before this one left leased (it died) is taken at once: should it live after all, its lease no longer
    lets it hand anything over.
    """
    owner = new_id("worker")
    fresh = True
    answers = Answers(app.folder)
    lanes = defaultdict[tuple[Route, str], _Lane](lambda: _Lane(Dots(answers, in_order=app.settings.one_by_one)))
    open_ones, keyring = Connections(), Keyring()
    looked_at_held = 0.0
    with app.wake.watch(OUTBOX) as watch:

        async def work(lane: _Lane, most: int) -> None:
            while lane.backlog and not lane.rests:
                if lane.is_backlog(lane.backlog[0], most):
                    await app.ahead.let(lane.backlog[0].tenant_id)
                    if lane.rests or not lane.backlog:
                        return
                lease = lane.backlog.popleft()
                look = lane.looks.pop((lease.submission_id, lease.deliveries[0].recipient), None)
                if len(lane.backlog) == most // 2:
                    watch.ring()
                if lease.until > app.now_ms():
                    spoken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
                    alone = not lane.is_backlog(lease, most)
                    with app.ahead.going(lease.tenant_id) if alone else contextlib.nullcontext():
                        begin(lane.tries, lease.route, deliver(app, lease, open_ones, lane.dots, keyring, look, spoken))
                        # What came of it is written down while the next one has the connection.
                        lane.learn(await spoken)
                    while len(lane.tries) >= 2 * most:
                        await asyncio.wait(lane.tries, return_when=asyncio.FIRST_COMPLETED)

        async def greet(lane: _Lane, way: Way) -> None:
            try:
                lane.learn(await _takes_mail(app, way, open_ones))
            except Exception as error:
                log.error("a mail server cannot be looked at: %s", type(error).__name__)
                lane.learn(False)

        def begin(among: set[asyncio.Task[Any]], name: str, what: Coroutine[Any, Any, Any]) -> None:
            task = asyncio.create_task(what, name=f"deliver {name}")
            among.add(task)
            task.add_done_callback(among.discard)
            task.add_done_callback(lambda _: watch.ring())

        async def attend(route: Route, name: str) -> None:
            lane = lanes[route, name]
            if lane.rests:
                if lane.hopeless:
                    await _give_up_on(app, owner, name)
                return
            if lane.failures and (way := way_of(app.settings, name)) is not None:
                if not lane.workers:
                    begin(lane.workers, name, greet(lane, way))
                return
            most = 1 if lane.failures else LOCAL_AT_ONCE if route == "local" else connections(app.settings, name)
            free = _free(name, {key[1]: len(one.workers) for key, one in lanes.items() if one.workers})
            besides = set[TenantId]()
            room = min(_AT_HAND * most - len(lane.backlog), free)
            if len(lane.backlog) > _AT_HAND * most // 2 and free > 0:
                # Enough to do: only tenants that have nothing in it get a place more.
                besides = {lease.tenant_id for lease in lane.backlog}
                others = await app.database.read_system(lambda tx: queue.count_others(tx, route, name, besides, most))
                room = min(others, free)
            if sum(len(lease.raw) for lease in lane.backlog) > _AT_HAND_BYTES:
                room = 0
            if room > 0:
                leases = await claim(app, owner, route, room, name, lane.after, besides)
                lane.after = leases[-1].tenant_id if leases else lane.after
                lane.backlog = _in_turn((*lane.backlog, *leases))
                for lease, look in zip(leases, await look_at(app, leases), strict=True):
                    lane.looks[lease.submission_id, lease.deliveries[0].recipient] = look
            for _ in range(min(most - len(lane.workers), len(lane.backlog), free)):
                begin(lane.workers, name or route, work(lane, most))

        try:
            while True:
                try:
                    if fresh:
                        left = answers.left()
                        await app.database.write_system(lambda tx, left=left: _take_over(app, tx, left))  # type: ignore[misc]
                        answers.forget()
                        fresh = False
                    if time.monotonic() - looked_at_held > _LOOK_AT_HELD_S:
                        looked_at_held = time.monotonic()
                        await _release(app)
                    due = await app.database.read_system(lambda tx: queue.due(tx, app.now_ms()))
                    begun = [key for key, lane in lanes.items() if lane.backlog]
                    for route, name in dict.fromkeys((*due, *begun)):
                        await attend(route, name)
                except Exception as error:
                    log.error("deliveries cannot be claimed: %s", type(error).__name__)
                    await asyncio.sleep(_PAUSE_S)
                open_ones.close_idle()
                await keyring.close_idle()
                answers.tidy()
                for idle in [key for key, lane in lanes.items() if not (lane.at_work or lane.backlog or lane.failures)]:
                    del lanes[idle]
                await watch.wait()
        finally:
            for lane in lanes.values():
                lane.rests_until = math.inf
            end = time.monotonic() + _LAST_ANSWERS_S
            while answers.unanswered and time.monotonic() < end:
                # Of an email whose answer is cut off nobody knows who has it.
                await asyncio.sleep(0.02)
            while at_work := {task for lane in lanes.values() for task in lane.at_work}:
                for task in at_work:
                    task.cancel()
                # Again and again: aiosmtplib's wait_for loses a cancellation now and then (before Python 3.12).
                await asyncio.wait(at_work, timeout=0.5)
            open_ones.close_idle(0)
            await keyring.close()
            for lease in [lease for lane in lanes.values() for lease in lane.backlog]:
                await give_back(app, lease, set())
            answers.close()


def _free(lane: str, working: Mapping[str, int]) -> int:
    """How many more may be under way in a lane, when so many are in each."""
    at_relays = {name: number for name, number in working.items() if name.startswith(OF_DOMAIN)}
    of_all = AT_ONCE - sum(at_relays.values())
    if not lane.startswith(OF_DOMAIN):
        return AT_ONCE - (sum(working.values()) - sum(at_relays.values()))
    same_tenant = lane.rpartition(" ")[0] + " "
    return min(of_all, AT_ONCE_OF_TENANT - sum(at_relays[name] for name in at_relays if name.startswith(same_tenant)))


def _in_turn(leases: Iterable[Lease]) -> deque[Lease]:
    """One of each tenant before a second of any: who comes late does not wait for all that another has at hand."""
    by_tenant: defaultdict[TenantId, list[Lease]] = defaultdict(list)
    for lease in leases:
        by_tenant[lease.tenant_id].append(lease)
    # Those with the fewest first: a burst is what others have.
    waiting = sorted(by_tenant.values(), key=len)
    return deque(lease for turn in zip_longest(*waiting) for lease in turn if lease is not None)


async def _takes_mail(app: App, way: Way, open_ones: Connections) -> bool:
    if way.route is not None:
        return await reach(way.route, open_ones)
    return await reach_direct(app, way.domain, helo(app.settings), open_ones)


async def _give_up_on(app: App, owner: str, lane: str) -> None:
    """Some of what has waited for 48 hours for a server that cannot be reached bounces without another try."""
    now = app.now_ms()
    leases = await app.database.write_system(
        lambda tx: queue.claim(
            tx,
            owner,
            "relay",
            now,
            now + LEASE_MS["relay"],
            _GIVEN_UP_AT_ONCE,
            lane=lane,
            older_than_ms=now - OLDEST_MS,
        )
    )
    for lease in leases:
        why = "given up after 48 hours: the mail server cannot be reached"
        bounced = [
            replace(each, state="uncertain" if each.unanswered else "bounced", next_at=None, reply=why)
            for each in lease.deliveries
        ]
        await keep(app, lease, bounced)


def _lane_of(app: App, relays: Mapping[tuple[TenantId, str], DomainRelay] = MappingProxyType({})) -> outbox.LaneOf:
    """`relays`: those that tenants have for their domains."""

    def lane_of(tenant_id: TenantId, sender: str, recipient: str) -> str | None:
        own = relays.get((tenant_id, domain_key(sender.rpartition("@")[2])))
        way = way_by(own) if own else way_to(app.settings, sender, recipient)
        return way.lane if way else None

    return lane_of


async def _take_over(app: App, tx: Transaction, left: Left) -> None:
    for one in left.answered:
        (delivery,) = one.lease.deliveries
        sent = after_try(app, delivery, Outcome(delivery.recipient, "delivered", one.reply))
        await record(app, tx.bound_to(one.lease.tenant_id), one.lease, [sent], app.now_ms())
    for lease in left.unsent:
        await not_handed_over(tx.bound_to(lease.tenant_id), lease, app.now_ms())
    await queue.end_leases(tx, "relay", app.now_ms())
    await queue.relane(tx, _lane_of(app))


async def _release(app: App) -> None:
    """Let go what waited for a server that is set by now."""
    relays = await app.database.read_system(lambda tx: domain_relays.by_domain(tx, domain_of(app.settings)))
    if not relays and not has_ways(app.settings):
        return
    lane_of = _lane_of(app, relays)
    held = await app.database.read_system(lambda tx: outbox.held(tx, "relay_host"))
    if any(lane_of(*one) is not None for one in held):
        released = await app.database.write_system(lambda tx: outbox.release(tx, "relay_host", app.now_ms(), lane_of))
        log.info("%d held deliveries released: there is a server for them now", released)
