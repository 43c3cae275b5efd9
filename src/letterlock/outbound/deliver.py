"""deliver(app, lease): one try of what is claimed: looks again at what stands against it, hands it on and writes down
what became of each recipient.

An inbox of ours gets its copy by inbound.accept, every other recipient through the server that is set for it. Every try
sends the same frozen bytes with the same Message-ID.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime

from letterlock import telemetry
from letterlock.app import App
from letterlock.domains import domain_of
from letterlock.errors import LetterlockError, StoreError
from letterlock.ids import TenantId
from letterlock.inbound.accept import accept, fingerprint, live_inbox
from letterlock.message.envelope import Envelope
from letterlock.message.filling import fillings_of
from letterlock.outbound.direct import relay_direct
from letterlock.outbound.dots import Dots
from letterlock.outbound.filling import FOR_OUTSIDE, NotFilled, filled_in
from letterlock.outbound.notice import bounce_notice
from letterlock.outbound.provider import Carrier, carrier_for, relay_by, way_by
from letterlock.outbound.relay import Connections, Outcome, one_line, relay
from letterlock.outbound.routes import OF_DOMAIN, Way, helo, way_to
from letterlock.outbound.signing import Keyring
from letterlock.policy import Decision, Recipient, SendContext, decide
from letterlock.store import arrivals, audit, emails, inboxes, outbox, queue, reputation
from letterlock.store.arrivals import Accepted
from letterlock.store.database import Transaction
from letterlock.store.emails import ms
from letterlock.store.mailboxes import Mailbox
from letterlock.store.outbox import Delivery, Route
from letterlock.store.queue import Lease
from letterlock.store.standing import Standing, standing
from letterlock.wake import UNFILED

log = logging.getLogger(__name__)

_MINUTE = 60
SCHEDULE_S = (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, 60 * _MINUTE, 120 * _MINUTE, *(240 * _MINUTE,) * 11)
"""Seconds from each failed try to the next, 48 h in all (RFC 5321 section 4.5.4.1: the first ones close together)."""
JITTER = 0.2
"""Each delay is longer or shorter by up to this part, so that what failed together does not come back together."""
LEASE_MS: dict[Route, int] = {"local": 60_000, "relay": 600_000}
"""Longer than everything that may come before a message is handed over (outbound.relay.Limits)."""
HANDING_OVER_MS = 900_000
"""Longer than the wait for the answer to the final dot."""
_LOOK_HOLDS_S = 1.0
_LOOK_STANDS_S = 0.1
"""What is forbidden so shortly before its final dot may still leave."""
OLDEST_MS = 48 * 3_600_000
_CHANGED = f"{outbox.NOT_SENT}it is not what was submitted: its bytes or its recipients have changed"
_WAITS = f"{outbox.NOT_SENT}it was to wait for a person, and nobody has let it go"


async def claim(
    app: App,
    owner: str,
    route: Route,
    limit: int,
    lane: str | None = None,
    after: str = "",
    besides: Collection[TenantId] = (),
) -> list[Lease]:
    """Up to `limit` submissions that are due on a route, in one lane of it (then tenants take turns from behind
    `after`, all but those in `besides`) or in any, leased to `owner`."""
    now = app.now_ms()
    return await app.database.write_system(
        lambda tx: queue.claim(
            tx, owner, route, now, now + LEASE_MS[route], limit, lane=lane, after=after, besides=besides
        )
    )


async def deliver(
    app: App,
    lease: Lease,
    open_ones: Connections | None = None,
    dots: Dots | None = None,
    keyring: Keyring | None = None,
    look: Look | None = None,
    spoken: asyncio.Future[bool] | None = None,
) -> bool:
    """One try of what is leased, and its record, on `open_ones` where there are any, which stay open, and in the order
    of `dots`; `look`: what was found out about it a moment ago. False: a server could not be reached; `spoken` gets the
    same before the record. Never raises but when cancelled."""
    trying, began = _Try(open_ones, dots, keyring or Keyring(), look), time.monotonic()

    def has_spoken() -> None:
        if spoken is not None and not spoken.done():
            spoken.set_result(trying.reached)

    try:
        results = await _try(app, lease, trying)
        has_spoken()
        await keep(app, lease, results)
        for each in results:
            telemetry.count("deliveries", route=each.route, state=each.state)
        telemetry.took("deliver", began, (lease.submission_id,), route=lease.route)
    except asyncio.CancelledError:
        if trying.ended:
            # Its answer is there: in no doubt, though it may not have been written down any more.
            await keep(app, lease, trying.ended)
        else:
            await give_back(app, lease, trying.handed_over)
        raise
    except Exception as error:
        # The text of an unforeseen error may hold an address; its type and our id are enough to find it.
        log.error("delivery of %s failed: %s", lease.submission_id, type(error).__name__)
        await _give_up_try(app, lease, trying.handed_over)
    finally:
        has_spoken()
        trying.end_turn()
        if dots is not None and lease.route == "relay":
            dots.answers.kept(lease)
    return trying.reached


@dataclass(slots=True)
class _Try:
    """What is known of a try while it goes on."""

    open_ones: Connections | None
    dots: Dots | None
    keyring: Keyring
    look: Look | None = None
    handed_over: set[str] = field(default_factory=set)
    ended: list[Delivery] = field(default_factory=list)
    """What the server has answered for, of a lease of one recipient."""
    reached: bool = True
    in_turn: bool = False

    def hash_of(self, lease: Lease, recipients: tuple[str, ...]) -> str:
        """What is leased, with all its recipients. The first look's: the second must not hold the store's writer for
        long."""
        if self.look and self.look.standing and self.look.standing.recipients == recipients:
            return self.look.hash
        return outbox.envelope_hash(lease.raw, lease.sender, recipients)

    def end_turn(self) -> None:
        if self.in_turn and self.dots is not None:
            self.dots.end_turn()
            self.in_turn = False


async def _give_up_try(app: App, lease: Lease, handed_over: set[str]) -> None:
    """Record a try that failed on our side, as far as the store lets us; else the lease runs out."""
    results = [
        after_try(
            app,
            delivery,
            Outcome(
                delivery.recipient,
                "uncertain" if delivery.recipient in handed_over else "deferred",
                "Letterlock failed; its log says more",
            ),
        )
        for delivery in lease.deliveries
    ]
    try:
        await keep(app, lease, results)
    except Exception as error:
        log.error("the outcome of %s could not be kept: %s", lease.submission_id, type(error).__name__)


async def give_back(app: App, lease: Lease, handed_over: set[str]) -> None:
    """End the lease early: what was handed over waits for its next try, the rest is due again at once."""
    doubtful = [
        after_try(app, delivery, Outcome(delivery.recipient, "uncertain", "Letterlock ended before an answer came"))
        for delivery in lease.deliveries
        if delivery.recipient in handed_over
    ]

    async def end(tx: Transaction) -> None:
        if lease.route == "relay" and not handed_over:
            await not_handed_over(tx, lease, app.now_ms())
        await queue.record(tx, lease, doubtful, app.now_ms())
        await queue.give_back(tx, lease)

    with contextlib.suppress(StoreError):
        await app.database.write(lease.tenant_id, end)


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to know before a try, of one moment, `at` by the monotonic clock. `ours`: the recipients that have
    an inbox here, and whether it is one of the same tenant; `standing`, `carrier`: None when the submission is gone; it
    leaves by what the settings say; `hash`: of what is leased, with all the recipients in `standing`."""

    at: float
    ours: dict[str, bool]
    standing: Standing | None
    carrier: Carrier | None
    hash: str


async def look_at(app: App, leases: Sequence[Lease]) -> list[Look]:
    """A look for each. All in one read: that costs a fraction of one for each."""
    house, now = domain_of(app.settings), app.now_ms()
    carriers: dict[tuple[TenantId, str, str], Carrier | None] = {}

    async def look(tx: Transaction, lease: Lease) -> Look:
        whom = [delivery.recipient for delivery in lease.deliveries]
        # Looked up again: an inbox may have come or gone since the email was submitted.
        homes = {recipient: await live_inbox(tx, recipient, house, now, lease.tenant_id) for recipient in whom}
        ours = {recipient: home.tenant_id == lease.tenant_id for recipient, home in homes.items() if home is not None}
        others = [recipient for recipient in whom if recipient not in ours]
        bound, carrier = tx.bound_to(lease.tenant_id), None
        found = await standing(bound, lease.submission_id, lease.sender, others, house, now)
        if found and others:
            key = (lease.tenant_id, found.inbox_id, lease.sender)
            if key not in carriers:
                carriers[key] = await carrier_for(bound, found.inbox_id, lease.sender, house)
            carrier = carriers[key]
        # Here, in the reader's thread: the event loop has better to do than to go over megabytes.
        hashed = outbox.envelope_hash(lease.raw, lease.sender, found.recipients) if found else ""
        return Look(time.monotonic(), ours, found, carrier, hashed)

    async def looks(tx: Transaction) -> list[Look]:
        return [await look(tx, lease) for lease in leases]

    return await app.database.read_system(looks) if leases else []


async def _try(app: App, lease: Lease, trying: _Try) -> list[Delivery]:
    """The deliveries of the lease as they are after this try."""
    look = trying.look
    if look is None or time.monotonic() - look.at > _LOOK_HOLDS_S:
        (look,) = await look_at(app, [lease])
        trying.look = look
    settled = {
        each.recipient: _forged(app, lease, each, look.standing, trying, inside=look.ours[each.recipient])
        or _never_filled(app, lease, each)
        if each.recipient in look.ours
        else _stopped(app, lease, each, look.standing, trying)
        for each in lease.deliveries
    }
    results = [each for each in settled.values() if each is not None]
    free = [each for each in lease.deliveries if settled[each.recipient] is None]
    ours = [each for each in free if each.recipient in look.ours]
    results += await _to_inboxes(app, lease, ours) if ours else []
    carrier = look.carrier
    for delivery in [each for each in free if each.recipient not in look.ours]:
        way = way_by(carrier) if carrier else way_to(app.settings, lease.sender, delivery.recipient)
        decision = decide(SendContext(lease.sender, True, (Recipient(delivery.recipient, False),), way is not None))
        if decision.kind == "allow" and way is not None and lease.route == "relay":
            if way.lane != delivery.lane and OF_DOMAIN in (way.lane[: len(OF_DOMAIN)], delivery.lane[: len(OF_DOMAIN)]):
                # Its domain got or lost a relay of its own since: it goes on in that one's lane, and this was no try.
                results.append(replace(_put_back(app, delivery, delivery.reply), lane=way.lane))
                continue
            warms_up = app.settings.warm_up and not isinstance(carrier, Mailbox)
            ready, later = await _places(app, lease, [delivery]) if warms_up else ([delivery], [])
            results += later
            for each in ready:
                results.append(await _to_relay(app, lease, each, way, trying, carrier))
        elif decision.kind == "allow":
            lane = way.lane if way else ""
            results.append(replace(delivery, route="relay", lane=lane, state="queued", next_at=app.now_ms()))
        elif decision.kind == "hold":
            results.append(replace(delivery, route="relay", state="held", next_at=None))
        else:
            results.append(_refused(app, delivery, decision))
    return results


def _forged(
    app: App, lease: Lease, delivery: Delivery, now: Standing | None, trying: _Try, *, inside: bool
) -> Delivery | None:
    """The delivery as it is when the store no longer says what was decided: other bytes, another envelope, or nobody
    has let it go; None: it does. `inside`: it goes to an inbox of its tenant, which needs nobody's word."""
    if now is None or now.decided == "forged" or now.sha256 != trying.hash_of(lease, now.recipients):
        return after_try(app, delivery, Outcome(delivery.recipient, "refused", _CHANGED))
    if now.decided == "waits" and not inside:
        return after_try(app, delivery, Outcome(delivery.recipient, "refused", _WAITS))
    return None


def _never_filled(app: App, lease: Lease, delivery: Delivery) -> Delivery | None:
    """What was to be filled in on its way to the outside, when its recipient has become an inbox here."""
    if fillings_of(lease.raw):
        return after_try(app, delivery, Outcome(delivery.recipient, "refused", FOR_OUTSIDE))
    return None


def _stopped(app: App, lease: Lease, delivery: Delivery, now: Standing | None, trying: _Try) -> Delivery | None:
    """The delivery as it is after what has been forbidden since it was submitted; None: nothing is against it."""
    if forged := _forged(app, lease, delivery, now, trying, inside=False):
        return forged
    assert now is not None
    whom = (Recipient(delivery.recipient, True, suppressed=now.suppressed[delivery.recipient]),)
    decision = decide(
        SendContext(
            lease.sender,
            now.live,
            whom,
            True,
            suspended=now.suspended,
            domain_live=now.domain_live,
            approved=True,
        )
    )
    if decision.kind == "refuse":
        if delivery.state == "queued" and all(reason.code == "suspended" for reason in decision.reasons):
            return replace(delivery, state="held", next_at=None)
        return _refused(app, delivery, decision)
    return _put_back(app, delivery, f"{outbox.NOT_SENT}the owner has stopped all sending") if now.paused else None


def _refused(app: App, delivery: Delivery, decision: Decision) -> Delivery:
    why = one_line(f"{outbox.NOT_SENT}{decision.reasons[0].text}")
    return after_try(app, delivery, Outcome(delivery.recipient, "refused", why))


def _put_back(app: App, delivery: Delivery, why: str) -> Delivery:
    """Due again as before this try, which does not count."""
    attempts = delivery.attempts - 1
    first_at = delivery.first_at if attempts else None
    return replace(delivery, next_at=app.now_ms(), attempts=attempts, first_at=first_at, reply=why)


async def _places(app: App, lease: Lease, waiting: list[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
    """What may go now of a domain that warms up, and the rest put off to its place on a later day."""
    ready = [each for each in waiting if each.warm_day is not None]
    new = [each for each in waiting if each.warm_day is None]
    if not new:
        return ready, []
    domain = lease.sender.rpartition("@")[2].lower()
    times = await app.database.write_system(lambda tx: reputation.places(tx, domain, app.now_ms(), len(new)))
    later = []
    for each, at in zip(new, times, strict=True):
        day = (app.now_ms() if at is None else at) // reputation.DAY_MS
        if at is None:
            ready.append(replace(each, warm_day=day))
        else:
            # Not tried: its time to be given up has not begun.
            later.append(replace(each, next_at=at, warm_day=day, attempts=each.attempts - 1, first_at=None))
    return ready, later


async def _to_inboxes(app: App, lease: Lease, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Delivered by the one door that all mail comes in by; a repeat after a crash folds there."""
    recipients = tuple(delivery.recipient for delivery in deliveries)
    international = not "".join((lease.sender, *recipients)).isascii()
    envelope = Envelope(lease.sender, recipients, app.clock(), "local", smtputf8=international)
    receipts = await accept(app, envelope, lease.raw, within=lease.tenant_id)
    kept = {receipt.recipient for receipt in receipts}
    return [
        replace(delivery, state="delivered", next_at=None, reply="")
        if delivery.recipient in kept
        # Its inbox went away between the look and the write; the next try decides anew.
        else replace(delivery, next_at=app.now_ms())
        for delivery in deliveries
    ]


async def _to_relay(
    app: App, lease: Lease, delivery: Delivery, way: Way, trying: _Try, carrier: Carrier | None
) -> Delivery:
    """One recipient to a server, as a transaction of its own: its return path is no other recipient's business.
    `carrier`: the tenant's own server it goes by."""
    stopped: Delivery | None = None

    async def allowed(tx: Transaction, taken: Sequence[str]) -> bool:
        nonlocal stopped
        house, now = domain_of(app.settings), app.now_ms()
        stopped = _stopped(
            app, lease, delivery, await standing(tx, lease.submission_id, lease.sender, taken, house, now), trying
        )
        return stopped is None

    async def still_stands(taken: Sequence[str]) -> bool:
        """After a wait for its turn: what was forbidden meanwhile does not go, and was not handed over."""
        if await app.database.read(lease.tenant_id, lambda tx: allowed(tx, taken)):
            return True
        await app.database.write(lease.tenant_id, lambda tx: not_handed_over(tx, lease, app.now_ms()))
        return False

    async def handing_over(taken: Sequence[str]) -> bool:
        until = app.now_ms() + HANDING_OVER_MS
        if trying.dots is not None:
            trying.dots.answers.write(lease, "begun")

        async def write(tx: Transaction) -> bool:
            # Forbidden while the server was told of it: in the same write, so that nothing gets in between.
            return await allowed(tx, taken) and await _handing_over(tx, lease, taken, app.now_ms(), until)

        ours = await app.database.write(lease.tenant_id, write)
        if ours and trying.dots is not None:
            looked_at = time.monotonic()
            trying.in_turn = await trying.dots.wait_turn()
            if time.monotonic() - looked_at > _LOOK_STANDS_S and not await still_stands(taken):
                return False
            trying.dots.answers.write(lease, "dot")
        if ours:
            trying.handed_over.update(taken)
        return ours

    try:
        filled = await filled_in(app, lease)
        raw = await trying.keyring.signed(app, lease.tenant_id, lease.sender, filled, lease.created_at // 1000)
    except NotFilled as error:
        return after_try(app, delivery, Outcome(delivery.recipient, "refused", one_line(str(error))))
    except LetterlockError as error:
        # Unsigned it would count as forged. It waits until the keys are right.
        log.error("%s is not sent: %s", lease.submission_id, error)
        return after_try(app, delivery, Outcome(delivery.recipient, "deferred", one_line(str(error))))
    message = (raw, outbox.return_path(delivery.token, lease.sender), [delivery.recipient])
    if carrier is not None:
        outcome = await relay_by(
            app, carrier, raw, lease.sender, delivery.recipient, handing_over, trying.open_ones, delivery.token
        )
    elif way.route is not None:
        (outcome,) = await relay(*message, way.route, handing_over, trying.open_ones)
    else:
        (outcome,) = await relay_direct(app, *message, way.domain, helo(app.settings), handing_over, trying.open_ones)
    if trying.dots is not None and outcome.kind == "delivered":
        trying.dots.answers.write(lease, "answered", outcome.reply)
    trying.end_turn()
    trying.reached &= outcome.reached
    after = stopped or after_try(app, delivery, outcome)
    trying.ended.append(after)
    return after


async def _handing_over(tx: Transaction, lease: Lease, taken: Sequence[str], now_ms: int, until_ms: int) -> bool:
    """Written down before the final dot: what nobody lives to record was handed over all the same."""
    if not await queue.handing_over(tx, lease, until_ms):
        return False
    await audit.append(tx, now_ms, "postmaster", "email.handed_over", lease.submission_id, recipients=sorted(taken))
    return True


async def not_handed_over(tx: Transaction, lease: Lease, now_ms: int) -> None:
    """That was written down, but it never came to the final dot."""
    if await queue.not_handed_over(tx, lease, now_ms):
        whom = sorted(delivery.recipient for delivery in lease.deliveries)
        await audit.append(tx, now_ms, "postmaster", "email.not_handed_over", lease.submission_id, recipients=whom)


def after_try(app: App, delivery: Delivery, outcome: Outcome) -> Delivery:
    """What a try makes of a delivery. Once an answer was lost, only "sent" can end the doubt."""
    in_doubt = delivery.unanswered > 0
    next_at = next_try(delivery.attempts, app.now_ms())
    if delivery.attempts > 1 and app.now_ms() - (delivery.first_at or app.now_ms()) > OLDEST_MS:
        next_at = None
    after = replace(delivery, reply=outcome.reply)
    if outcome.kind == "delivered":
        return replace(after, state="sent", next_at=None)
    if outcome.kind == "uncertain":
        unanswered = delivery.unanswered + 1
        again = next_at if unanswered < queue.MOST_UNANSWERED else None
        return replace(after, state="uncertain", next_at=again, unanswered=unanswered)
    if outcome.kind == "deferred" and next_at is not None:
        return replace(after, state="uncertain" if in_doubt else "queued", next_at=next_at)
    if outcome.kind == "deferred":
        after = replace(after, reply=one_line(f"given up after 48 hours: {outcome.reply}"))
    return replace(after, state="uncertain" if in_doubt else "bounced", next_at=None)


def next_try(attempts: int, now_ms: int) -> int | None:
    """When to try again after `attempts` tries, in milliseconds since 1970; None: give up."""
    if attempts > len(SCHEDULE_S):
        return None
    delay_s = SCHEDULE_S[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    return now_ms + int(delay_s * 1000)


async def keep(app: App, lease: Lease, results: Sequence[Delivery]) -> None:
    """Record a try; who sent what has ended undelivered gets a notice of it in the same transaction."""
    failed = [result for result in results if result.state == "bounced"]
    now = app.clock()

    async def keep(tx: Transaction) -> bool:
        if not await record(app, tx, lease, results, ms(now)):
            return False
        return bool(failed) and await _notify(tx, lease, failed, now)

    if await app.database.write(lease.tenant_id, keep):
        app.wake.hint(UNFILED)


async def _notify(tx: Transaction, lease: Lease, failed: Sequence[Delivery], now: datetime) -> bool:
    about = await outbox.get(tx, lease.submission_id)
    inbox = await inboxes.find(tx, about.inbox_id) if about else None
    if about is None or inbox is None or inbox.deleted_at is not None:
        return False
    number = f"{lease.submission_id}.{max(delivery.attempts for delivery in failed)}"
    raw = bounce_notice(lease.raw, about.sender, about.message_id, failed, number, format_datetime(now))
    # RFC 5321 section 4.5.5: from the null sender, so that nothing bounces back and forth.
    to = outbox.return_path(failed[0].token, lease.sender)
    envelope = Envelope("", (to,), now, "local", smtputf8=not raw.isascii())
    accepted = Accepted(envelope, emails.compressed(raw), len(raw), fingerprint(raw))
    await arrivals.add_raw(tx, lease.tenant_id, [(about.inbox_id, to)], accepted)
    return True


async def record(app: App, tx: Transaction, lease: Lease, results: Sequence[Delivery], now_ms: int) -> bool:
    if not await queue.record(tx, lease, results, now_ms):
        return False
    held = [result.recipient for result in results if result.state == "held"]
    if held:
        outside = tuple(Recipient(recipient, False) for recipient in held)
        found = await standing(tx, lease.submission_id, lease.sender, (), domain_of(app.settings), now_ms)
        why = found.suspended if found else ""
        held_by = decide(SendContext(lease.sender, True, outside, False, suspended=why)).reasons[0]
        await outbox.hold(tx, lease.submission_id, held_by)
    attempts = {delivery.recipient: delivery.attempts for delivery in lease.deliveries}
    if any(one.reply in (_CHANGED, _WAITS) for one in results):
        await audit.append(tx, now_ms, "postmaster", "email.changed", lease.submission_id)
    # What waits for its place among the emails of a new domain was not tried.
    for action, some in (
        ("email.tried", [one for one in results if one.attempts == attempts[one.recipient]]),
        ("email.put_off", [one for one in results if one.attempts < attempts[one.recipient]]),
    ):
        if some:
            attempt = max(attempts[one.recipient] for one in some)
            states = {one.recipient: one.state for one in some}
            await audit.append(
                tx, now_ms, "postmaster", action, lease.submission_id, attempt=attempt, recipients=states
            )
    return True
