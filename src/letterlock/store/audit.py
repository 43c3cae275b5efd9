"""The audit log: append-only, hash-chained per tenant. Who did what to which thing, when; never a body or a code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from letterlock.store.database import Row, Transaction

_START = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. `at` in milliseconds since 1970."""

    n: int
    at: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    """`broken_at`: the number of the first row that does not fit the one before it, None when all do."""

    rows: int
    broken_at: int | None = None


async def append(tx: Transaction, at_ms: int, actor: str, action: str, subject: str, **detail: Any) -> None:
    """One row, in the transaction of the act itself. `subject` is the id acted on; `detail` small and free of mail
    text."""
    last = await tx.one("SELECT n, hash FROM audit WHERE tenant_id = :tenant ORDER BY n DESC LIMIT 1")
    n, previous = (last["n"] + 1, last["hash"]) if last else (1, _START)
    text = json.dumps(detail, sort_keys=True, separators=(",", ":"))
    await tx.run(
        "INSERT INTO audit (tenant_id, n, at, actor, action, subject, detail, previous_hash, hash)"
        " VALUES (:tenant, :n, :at, :actor, :action, :subject, :detail, :previous, :hash)",
        n=n,
        at=at_ms,
        actor=actor,
        action=action,
        subject=subject,
        detail=text,
        previous=previous,
        hash=_link(previous, n, at_ms, actor, action, subject, text),
    )


async def before(tx: Transaction, n: int | None, limit: int) -> list[Entry]:
    """Up to `limit` rows before number `n` (None: from the end), newest first."""
    rows = await tx.all(
        "SELECT n, at, actor, action, subject, detail, hash FROM audit WHERE tenant_id = :tenant AND n < :n"
        " ORDER BY n DESC LIMIT :limit",
        n=2**62 if n is None else n,
        limit=limit,
    )
    return [_entry(row) for row in rows]


async def after(tx: Transaction, n: int, limit: int) -> list[Entry]:
    """Up to `limit` rows after number `n`, oldest first."""
    rows = await tx.all(
        "SELECT n, at, actor, action, subject, detail, hash FROM audit WHERE tenant_id = :tenant AND n > :n"
        " ORDER BY n LIMIT :limit",
        n=n,
        limit=limit,
    )
    return [_entry(row) for row in rows]


async def last(tx: Transaction) -> int:
    """The number of the newest row, 0 when there is none."""
    row = await tx.one("SELECT MAX(n) AS n FROM audit WHERE tenant_id = :tenant")
    return int(row["n"] or 0) if row else 0


def _entry(row: Row) -> Entry:
    return Entry(
        row["n"], row["at"], row["actor"], row["action"], row["subject"], json.loads(row["detail"]), row["hash"]
    )


async def verify(tx: Transaction) -> Verified:
    """Follow the chain from its start: no row changed, none missing but at the end."""
    previous, number = _START, 0
    while rows := await tx.all(
        "SELECT n, at, actor, action, subject, detail, previous_hash, hash FROM audit"
        " WHERE tenant_id = :tenant AND n > :after ORDER BY n LIMIT 1000",
        after=number,
    ):
        for row in rows:
            number += 1
            made = _link(previous, row["n"], row["at"], row["actor"], row["action"], row["subject"], row["detail"])
            if row["n"] != number or row["previous_hash"] != previous or row["hash"] != made:
                return Verified(number - 1, number)
            previous = row["hash"]
    return Verified(number)


def _link(previous: str, n: int, at_ms: int, actor: str, action: str, subject: str, detail: str) -> str:
    fields = (previous, str(n), str(at_ms), actor, action, subject, detail)
    return hashlib.sha256("\x1f".join(fields).encode()).hexdigest()
