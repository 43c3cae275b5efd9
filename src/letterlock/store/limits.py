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


async def take(tx: Transaction, name: LimitName, most: int, now_ms: int) -> int:
    """Count one, unless `most` were done within the last hour: 0 when it was counted, else in how many milliseconds
    there is room. In the transaction of the thing itself, what fails does not count."""
    if most <= 0:
        return _HOUR_MS
    last = await tx.one(
        "SELECT n, at FROM takes WHERE tenant_id = :tenant AND name = :name ORDER BY n DESC LIMIT 1", name=name
    )
    n = int(last["n"]) + 1 if last else 1
    # A clock that steps back must not make room.
    at = max(now_ms, int(last["at"])) if last else now_ms
    before = await tx.one(
        "SELECT at FROM takes WHERE tenant_id = :tenant AND name = :name AND n = :n", name=name, n=n - most
    )
    if before and int(before["at"]) + _HOUR_MS > at:
        return min(int(before["at"]) + _HOUR_MS - at, _HOUR_MS)
    await tx.run("INSERT INTO takes (tenant_id, name, n, at) VALUES (:tenant, :name, :n, :at)", name=name, n=n, at=at)
    # What is `most` numbers back is older than an hour by now, and so is all before it, whatever limit comes next.
    await tx.run("DELETE FROM takes WHERE tenant_id = :tenant AND name = :name AND n <= :n", name=name, n=n - most)
    return 0


async def used(tx: Transaction, name: LimitName, now_ms: int) -> tuple[int, int]:
    """How many were counted within the last hour, and when the first of them was (0 when there is none)."""
    row = await tx.one(
        "SELECT COUNT(*) AS n, MIN(at) AS first FROM takes WHERE tenant_id = :tenant AND name = :name AND at > :since",
        name=name,
        since=now_ms - _HOUR_MS,
    )
    return (int(row["n"]), int(row["first"] or 0)) if row else (0, 0)
