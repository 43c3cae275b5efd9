"""How often in an hour a tenant may do a thing: stored, and exact however many ask at once."""

from __future__ import annotations

from typing import Literal

from letterlock.store.database import Transaction

LimitName = Literal["inboxes_per_hour", "emails_per_hour", "waits_per_hour", "reveals_per_hour"]
LIMITS: tuple[LimitName, ...] = ("inboxes_per_hour", "emails_per_hour", "waits_per_hour", "reveals_per_hour")
_HOUR_MS = 3_600_000


async def of_tenant(tx: Transaction, name: LimitName) -> int | None:
    """What was set for the transaction's tenant, None when the settings hold."""
    row = await tx.one("SELECT most FROM limits WHERE tenant_id = :tenant AND name = :name", name=name)
    return int(row["most"]) if row else None


async def set_for_tenant(tx: Transaction, name: LimitName, most: int | None) -> None:
    """None: the settings hold again."""
    await tx.run("DELETE FROM limits WHERE tenant_id = :tenant AND name = :name", name=name)
    if most is not None:
        await tx.run("INSERT INTO limits (tenant_id, name, most) VALUES (:tenant, :name, :most)", name=name, most=most)


async def take(tx: Transaction, name: LimitName, most: int, now_ms: int, wanted: int = 1) -> tuple[int, int]:
    """Count `wanted`, or as many of them as make no more than `most` within the last hour: how many were counted, and
    in how many milliseconds there is room for the next one that was not (0: all were). In the transaction of the thing
    itself, what fails does not count."""
    if most <= 0:
        return 0, _HOUR_MS
    last = await tx.one(
        "SELECT n, at FROM takes WHERE tenant_id = :tenant AND name = :name ORDER BY n DESC LIMIT 1", name=name
    )
    n = int(last["n"]) if last else 0
    # A clock that steps back must not make room.
    at = max(now_ms, int(last["at"])) if last else now_ms
    # That many numbers back from each that is wanted; none is back from what comes after them all.
    before = await tx.one(
        "SELECT n, at FROM takes WHERE tenant_id = :tenant AND name = :name AND n > :after AND n <= :last"
        " AND at > :since ORDER BY n LIMIT 1",
        name=name,
        after=n - most,
        last=n - most + wanted,
        since=at - _HOUR_MS,
    )
    room = int(before["n"]) - (n - most) - 1 if before else most
    counted = min(wanted, room)
    if counted:
        await tx.run(
            "INSERT INTO takes (tenant_id, name, n, at) WITH RECURSIVE counted (n) AS (SELECT CAST(:first AS BIGINT)"
            " UNION ALL SELECT n + 1 FROM counted WHERE n < :last) SELECT :tenant, :name, n, :at FROM counted",
            name=name,
            first=n + 1,
            last=n + counted,
            at=at,
        )
        # What is `most` numbers back is older than an hour by now, and so is all before it, whatever limit comes next.
        await tx.run(
            "DELETE FROM takes WHERE tenant_id = :tenant AND name = :name AND n <= :n", name=name, n=n + counted - most
        )
    if counted == wanted:
        return counted, 0
    return counted, min(int(before["at"]) + _HOUR_MS - at, _HOUR_MS) if before else _HOUR_MS


async def used(tx: Transaction, name: LimitName, now_ms: int) -> tuple[int, int]:
    """How many were counted within the last hour, and when the first of them was (0 when there is none)."""
    row = await tx.one(
        "SELECT COUNT(*) AS n, MIN(at) AS first FROM takes WHERE tenant_id = :tenant AND name = :name AND at > :since",
        name=name,
        since=now_ms - _HOUR_MS,
    )
    return (int(row["n"]), int(row["first"] or 0)) if row else (0, 0)
