"""Erasures on their way: each is written down before the first row of it goes, and what goes is counted in the same
transaction, so that one that was cut off is known, proven as far as it went, and can go on. And whether the store's
file is to be written anew after one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from letterlock.ids import TenantId
from letterlock.store.database import Row, Transaction

Kind = Literal["inbox", "tenant", "person"]
SMALL_BYTES = 256 * 1024 * 1024
"""Some 30 MB a second: a store of this size is compacted in 10 s, for which those who write wait anyway."""
QUIET_MS = 60_000
"""One of which nothing was heard for so long is not on its way any more."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """`subject`: the id of the inbox or tenant, the address of a person; `name`: the address of the inbox, the name of
    the tenant. Times in milliseconds since 1970. `stopped`: why it ended before its end, "" while it may go on;
    `sha256`: over the ids of emails and submissions in the order in which they went, each with what came before it."""

    tenant_id: TenantId
    kind: Kind
    subject: str
    name: str
    began_at: int
    moved_at: int
    stopped: str = ""
    emails: int = 0
    submissions: int = 0
    inboxes: int = 0
    other: int = 0
    sha256: str = ""

    @property
    def counts(self) -> dict[str, int | str]:
        """As they stand in the audit log: no name, no address."""
        return {
            "emails": self.emails,
            "submissions": self.submissions,
            "inboxes": self.inboxes,
            "other": self.other,
            "sha256": self.sha256,
        }


_COLUMNS = "tenant_id, kind, subject, name, began_at, moved_at, stopped, emails, submissions, inboxes, other, sha256"
_IS = "tenant_id = :tenant AND kind = :kind AND subject = :subject"


def _erasure(row: Row) -> Erasure:
    return Erasure(
        TenantId(row["tenant_id"]),
        cast("Kind", row["kind"]),
        row["subject"],
        row["name"],
        row["began_at"],
        row["moved_at"],
        row["stopped"],
        row["emails"],
        row["submissions"],
        row["inboxes"],
        row["other"],
        row["sha256"],
    )


async def begin(tx: Transaction, kind: Kind, subject: str, name: str, now_ms: int) -> bool:
    """False when it had begun before and goes on."""
    added = await tx.run(
        "INSERT INTO erasures (tenant_id, kind, subject, name, began_at, moved_at)"
        " VALUES (:tenant, :kind, :subject, :name, :now, :now) ON CONFLICT DO NOTHING",
        kind=kind,
        subject=subject,
        name=name,
        now=now_ms,
    )
    if not added:
        await tx.run(
            f"UPDATE erasures SET stopped = '', moved_at = :now WHERE {_IS}", kind=kind, subject=subject, now=now_ms
        )
    return bool(added)


async def get(tx: Transaction, kind: Kind, subject: str) -> Erasure | None:
    row = await tx.one(f"SELECT {_COLUMNS} FROM erasures WHERE {_IS}", kind=kind, subject=subject)
    return _erasure(row) if row else None


async def find(tx: Transaction, kind: Kind, name: str) -> Erasure | None:
    """That of the tenant's inbox, or of the tenant, by id or name."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM erasures WHERE tenant_id = :tenant AND kind = :kind AND :name IN (subject, name)",
        kind=kind,
        name=name,
    )
    return _erasure(row) if row else None


async def find_tenant(tx: Transaction, name: str) -> TenantId | None:
    """The tenant that is being erased and was called so, by then maybe nameless. A system read."""
    row = await tx.one("SELECT tenant_id FROM erasures WHERE kind = 'tenant' AND name = :name LIMIT 1", name=name)
    return TenantId(row["tenant_id"]) if row else None


async def unfinished(tx: Transaction, limit: int) -> list[Erasure]:
    """Of all tenants, those that began first. A system read."""
    rows = await tx.all(f"SELECT {_COLUMNS} FROM erasures ORDER BY began_at LIMIT :limit", limit=limit)
    return [_erasure(row) for row in rows]


async def went(
    tx: Transaction,
    kind: Kind,
    subject: str,
    now_ms: int,
    *,
    emails: Iterable[str] = (),
    submissions: Iterable[str] = (),
    inboxes: int = 0,
    other: int = 0,
) -> bool:
    """Count what this transaction erases. False when the erasure was called off: nothing more of it may go."""
    before = await get(tx, kind, subject)
    if before is None:
        return False
    sent, kept = list(submissions), list(emails)
    digest = before.sha256
    for one in (*kept, *sent):
        digest = hashlib.sha256(f"{digest}{one}\n".encode()).hexdigest()
    await tx.run(
        "UPDATE erasures SET emails = emails + :emails, submissions = submissions + :submissions,"
        f" inboxes = inboxes + :inboxes, other = other + :other, sha256 = :sha256, moved_at = :now WHERE {_IS}",
        kind=kind,
        subject=subject,
        now=now_ms,
        emails=len(kept),
        submissions=len(sent),
        inboxes=inboxes,
        other=other,
        sha256=digest,
    )
    return True


async def moved(tx: Transaction, kind: Kind, subject: str, now_ms: int) -> None:
    """It is on its way, though nothing went."""
    await tx.run(f"UPDATE erasures SET moved_at = :now WHERE {_IS}", kind=kind, subject=subject, now=now_ms)


async def stop(tx: Transaction, kind: Kind, subject: str, why: str) -> None:
    """It does not go on until it is begun again."""
    await tx.run(f"UPDATE erasures SET stopped = :why WHERE {_IS}", kind=kind, subject=subject, why=why)


async def note_compaction(tx: Transaction, now_ms: int) -> None:
    """Database.compact is due, from now on at the latest. A system write."""
    await tx.run(
        "INSERT INTO compaction (one, due_since) VALUES (1, :now)"
        " ON CONFLICT (one) DO UPDATE SET due_since = excluded.due_since",
        now=now_ms,
    )


async def compaction_due(tx: Transaction) -> int | None:
    """Since when, in milliseconds since 1970; None when nothing is to be done. A system read."""
    row = await tx.one("SELECT due_since FROM compaction")
    return int(row["due_since"]) if row else None


@dataclass(frozen=True, slots=True)
class Activity:
    """What there was of mail and of acts until now; `waiting`: emails that are not filed yet."""

    filed: int
    acts: int
    waiting: int


async def activity(tx: Transaction) -> Activity:
    """A system read."""
    row = await tx.one(
        "SELECT (SELECT SUM(last_filed) FROM tenants) AS filed, (SELECT SUM(n) FROM audit_heads) AS acts,"
        " (SELECT COUNT(*) FROM emails WHERE state = 'received') AS waiting"
    )
    assert row is not None
    return Activity(row["filed"] or 0, row["acts"] or 0, row["waiting"])


async def end(tx: Transaction, kind: Kind, subject: str) -> None:
    """It is at its end, or called off; with a tenant all that began within it."""
    await tx.run(
        "DELETE FROM erasures WHERE tenant_id = :tenant"
        " AND (:kind = 'tenant' OR (kind = :kind AND subject = :subject))",
        kind=kind,
        subject=subject,
    )
