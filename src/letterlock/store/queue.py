"""The queue of deliveries: what is due, claimed under a lease, handed over, and what came of it.

Whoever holds a lease writes with its owner and attempt, so that a worker thought dead changes nothing when it comes
back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from letterlock.ids import SubmissionId, TenantId
from letterlock.store import learning
from letterlock.store.database import Row, Transaction
from letterlock.store.outbox import DELIVERY_COLUMNS, Delivery, LaneOf, Route, delivery_of
from letterlock.store.turns import in_turn

MOST_UNANSWERED = 2
"""A message is handed over again after one lost answer, never after a second: at most one extra copy, and one more for
each crash of ours (end_leases)."""


MOST_CRASHES = 5
"""An email that was being handed over at so many crashes may be their reason."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver these until `until`; each delivery's `attempts` is the attempt the lease is fenced by. Of
    the outside it is one alone, because each has a return path that no other recipient may learn."""

    tenant_id: TenantId
    submission_id: SubmissionId
    owner: str
    until: int
    route: Route
    sender: str
    raw: bytes
    deliveries: tuple[Delivery, ...]
    created_at: int = 0


_DUE = (
    "next_at <= :now AND (lease_until IS NULL OR lease_until <= :now) AND (route = 'local' OR tenant_id NOT IN"
    " (SELECT tenant_id FROM tenants WHERE paused_at IS NOT NULL))"
)


_FENCED = (
    "tenant_id = :tenant AND submission_id = :submission_id AND recipient = :recipient"
    " AND lease_owner = :owner AND attempts = :attempt"
)


async def count_due(tx: Transaction) -> int:
    """How many deliveries wait for their next try. A system read."""
    row = await tx.one("SELECT COUNT(*) AS n FROM deliveries WHERE next_at IS NOT NULL")
    return int(row["n"]) if row else 0


async def due(tx: Transaction, now_ms: int) -> list[tuple[Route, str]]:
    """The lanes, each with its route, in which something is due. A system read; goes from lane to lane, however much
    waits in each."""
    found: list[tuple[Route, str]] = []
    routes: tuple[Route, ...] = ("local", "relay")
    for route in routes:
        lane, behind = "", ">="
        while row := await tx.one(
            f"SELECT lane FROM deliveries WHERE route = :route AND next_at IS NOT NULL AND lane {behind} :lane"
            " ORDER BY lane LIMIT 1",
            route=route,
            lane=lane,
        ):
            lane, behind = row["lane"], ">"
            if await tx.one(
                f"SELECT 1 AS n FROM deliveries WHERE route = :route AND lane = :lane AND {_DUE} LIMIT 1",
                route=route,
                lane=lane,
                now=now_ms,
            ):
                found.append((route, lane))
    return found


async def count_others(tx: Transaction, route: Route, lane: str, besides: Collection[TenantId], limit: int) -> int:
    """How many tenants but these have something in a lane, due or not, counted up to `limit`. A system read."""
    count, place = 0, ""
    while count < limit and (found := await _next_tenant(tx, route, lane, place, besides)):
        count, place = count + 1, found
    return count


async def _next_tenant(
    tx: Transaction, route: Route, lane: str, place: str, besides: Collection[TenantId]
) -> TenantId | None:
    """The first behind `place`, by its id."""
    names = {f"besides{n}": tenant_id for n, tenant_id in enumerate(besides)}
    row = await tx.one(
        "SELECT tenant_id FROM deliveries WHERE route = :route AND lane = :lane AND next_at IS NOT NULL"
        f" AND tenant_id > :place AND tenant_id NOT IN ({', '.join(f':{name}' for name in names)})"
        " ORDER BY tenant_id LIMIT 1",
        route=route,
        lane=lane,
        place=place,
        **names,
    )
    return row["tenant_id"] if row else None


async def claim(
    tx: Transaction,
    owner: str,
    route: Route,
    now_ms: int,
    until_ms: int,
    limit: int,
    submission_id: SubmissionId | None = None,
    lane: str | None = None,
    older_than_ms: int | None = None,
    after: str = "",
    besides: Collection[TenantId] = (),
) -> list[Lease]:
    """Lease what is due on a route (None: in whichever lane), up to `limit` leases (of that submission); with
    `older_than_ms` only what has waited since before then. In a lane tenants take turns, beginning with the one behind
    `after`, each with its oldest, and `besides` none. A system write.

    The update looks at the conditions again, so that of two claimers that saw the same row only one gets it."""
    conditions, more = f"route = :route AND {_DUE}", dict[str, str | int]()
    for name, value, condition in (
        ("submission_id", submission_id, "submission_id = :submission_id"),
        ("lane", lane, "lane = :lane"),
        ("older", older_than_ms, "COALESCE(first_at, updated_at) < :older"),
    ):
        if value is not None:
            conditions += f" AND {condition}"
            more[name] = value

    async def oldest(where: str = "", **values: str) -> list[tuple[TenantId, SubmissionId, str]]:
        rows = await tx.all(
            f"SELECT tenant_id, submission_id, recipient FROM deliveries WHERE {where}{conditions} ORDER BY next_at"
            " LIMIT :limit",
            **more,
            **values,
            route=route,
            now=now_ms,
            # To inboxes of ours, one submission has a row for each recipient, and all are delivered at once.
            limit=limit if route == "relay" else limit * 4,
        )
        # One lease of a submission for each recipient outside, one for all of them here.
        whom = (row["recipient"] if route == "relay" else "" for row in rows)
        return list(
            dict.fromkeys((row["tenant_id"], row["submission_id"], to) for row, to in zip(rows, whom, strict=True))
        )

    async def next_tenant(place: str) -> TenantId | None:
        return await _next_tenant(tx, route, lane or "", place, besides)

    found: list[tuple[TenantId, SubmissionId, str]] = []
    if lane is not None:
        found = await in_turn(
            next_tenant, lambda tenant_id: oldest("tenant_id = :tenant_id AND ", tenant_id=tenant_id), after, limit
        )
    frozen: dict[SubmissionId, Row | None] = {}
    leases: list[Lease] = []
    for tenant_id, id_, recipient in found or ([] if besides else await oldest()):
        if len(leases) == limit:
            break
        bound = tx.bound_to(tenant_id)
        rows = await bound.all(
            "UPDATE deliveries SET lease_owner = :owner, lease_until = :until, attempts = attempts + 1,"
            " first_at = COALESCE(first_at, :now)"
            " WHERE tenant_id = :tenant AND submission_id = :submission_id"
            f" AND recipient = COALESCE(:recipient, recipient) AND {conditions}"
            f" RETURNING {DELIVERY_COLUMNS}",
            **{**more, "submission_id": id_},
            recipient=recipient or None,
            route=route,
            owner=owner,
            until=until_ms,
            now=now_ms,
        )
        if id_ not in frozen:
            frozen[id_] = await bound.one(
                "SELECT sender, raw, created_at FROM submissions"
                " WHERE tenant_id = :tenant AND submission_id = :submission_id",
                submission_id=id_,
            )
        if rows and (about := frozen[id_]) is not None:
            deliveries = tuple(sorted(map(delivery_of, rows), key=lambda delivery: delivery.recipient))
            leases.append(
                Lease(
                    tenant_id,
                    id_,
                    owner,
                    until_ms,
                    route,
                    about["sender"],
                    bytes(about["raw"]),
                    deliveries,
                    about["created_at"],
                )
            )
    return leases


async def relane(tx: Transaction, lane_of: LaneOf) -> int:
    """Put what waits into the lanes of the settings as they are now. A system write, for a start; returns how many
    pairs of sender and recipient changed theirs."""
    rows = await tx.all(
        "SELECT DISTINCT s.tenant_id, s.sender, d.recipient, d.lane FROM deliveries d JOIN submissions s"
        " ON s.tenant_id = d.tenant_id AND s.submission_id = d.submission_id"
        " WHERE d.route = 'relay' AND d.next_at IS NOT NULL"
        # These are no lanes of the settings.
        " AND d.lane NOT LIKE 'mailbox %' AND d.lane NOT LIKE 'domain %'"
    )
    changed = 0
    for row in rows:
        lane = lane_of(row["tenant_id"], row["sender"], row["recipient"])
        if lane is not None and lane != row["lane"]:
            changed += 1
            await tx.run(
                "UPDATE deliveries SET lane = :lane WHERE route = 'relay' AND next_at IS NOT NULL AND lane = :before"
                " AND recipient = :recipient AND tenant_id = :tenant_id AND submission_id IN"
                " (SELECT submission_id FROM submissions WHERE tenant_id = :tenant_id AND sender = :sender)",
                lane=lane,
                tenant_id=row["tenant_id"],
                before=row["lane"],
                recipient=row["recipient"],
                sender=row["sender"],
            )
    return changed


async def end_leases(tx: Transaction, route: Route, now_ms: int) -> int:
    """End every lease of a route now, whoever holds it. A system write, for a process that takes another's place.

    What that one was handing over when it died is tried once more, whatever was lost before: a crash makes one extra
    copy at most, and may lose nothing."""
    await tx.run(
        "UPDATE deliveries SET next_at = :now WHERE route = :route AND state = 'uncertain' AND next_at IS NULL"
        " AND lease_owner IS NOT NULL AND lease_until > :now AND unanswered <= :most",
        route=route,
        now=now_ms,
        most=MOST_CRASHES,
    )
    return await tx.run(
        "UPDATE deliveries SET lease_owner = NULL, lease_until = NULL"
        " WHERE route = :route AND next_at IS NOT NULL AND next_at <= :now AND lease_until > :now",
        route=route,
        now=now_ms,
    )


async def handing_over(tx: Transaction, lease: Lease, until_ms: int) -> bool:
    """Write down that the message is about to be handed over for the lease's one recipient, and hold the lease until
    `until_ms`.

    False, and nothing written, when it is no longer the lease's: cancelled, handed over already, or taken by another
    worker. Then the message must not be sent."""
    (delivery,) = lease.deliveries
    return bool(
        await tx.run(
            "UPDATE deliveries SET state = 'uncertain', unanswered = unanswered + 1, lease_until = :until,"
            f" next_at = CASE WHEN unanswered + 1 >= :most THEN NULL ELSE next_at END WHERE {_FENCED}"
            " AND state IN ('queued', 'uncertain') AND unanswered = :unanswered",
            until=until_ms,
            most=MOST_UNANSWERED,
            unanswered=delivery.unanswered,
            **_fence(lease, delivery),
        )
    )


async def not_handed_over(tx: Transaction, lease: Lease, now_ms: int) -> bool:
    """Take back `handing_over`: the final dot was never sent. It is due as it was before; its attempt counts."""
    (delivery,) = lease.deliveries
    return bool(
        await tx.run(
            f"UPDATE deliveries SET state = :state, unanswered = :unanswered, next_at = :now WHERE {_FENCED}"
            " AND state = 'uncertain' AND unanswered = :unanswered + 1",
            state=delivery.state,
            unanswered=delivery.unanswered,
            now=now_ms,
            **_fence(lease, delivery),
        )
    )


async def record(tx: Transaction, lease: Lease, results: Collection[Delivery], now_ms: int) -> int:
    """Write how an attempt ended and give the lease back; `results` are the lease's deliveries as they are now. Returns
    how many were still the lease's."""
    attempts = {delivery.recipient: delivery for delivery in lease.deliveries}
    changed = 0
    for result in results:
        changed += await tx.run(
            "UPDATE deliveries SET route = :route, lane = :lane, state = :state, next_at = :next_at,"
            " unanswered = :unanswered, attempts = :attempts, first_at = :first_at, warm_day = :warm_day,"
            f" reply = :reply, updated_at = :now, lease_owner = NULL, lease_until = NULL WHERE {_FENCED}",
            route=result.route,
            lane=result.lane,
            state=result.state,
            next_at=result.next_at,
            unanswered=result.unanswered,
            attempts=result.attempts,
            first_at=result.first_at,
            warm_day=result.warm_day,
            reply=result.reply,
            now=now_ms,
            **_fence(lease, attempts[result.recipient]),
        )
    if changed and any(result.state == "sent" for result in results):
        await learning.judge_once(tx, lease.submission_id, changed, now_ms)
    return changed


async def give_back(tx: Transaction, lease: Lease) -> None:
    """End a lease without a result; what it held is due as before."""
    for delivery in lease.deliveries:
        await tx.run(
            f"UPDATE deliveries SET lease_owner = NULL, lease_until = NULL WHERE {_FENCED}", **_fence(lease, delivery)
        )


def _fence(lease: Lease, delivery: Delivery) -> dict[str, str | int]:
    return {
        "submission_id": lease.submission_id,
        "recipient": delivery.recipient,
        "owner": lease.owner,
        "attempt": delivery.attempts,
    }
