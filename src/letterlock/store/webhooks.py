"""Webhooks: where a tenant wants its events sent, and the place each endpoint has come to in the order of events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from letterlock.ids import InboxId, TenantId, WebhookId
from letterlock.store.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class Webhook:
    """`filed`, `noted`: the numbers of the last email and row of the audit log it was told of. `events` empty: all;
    they are named as `dialect` names them. `ended_at`: since when nothing is sent any more, because the endpoint was
    dead or gone. `sealed`: what events are signed with, by vault.py under the webhook's id; None where one of before
    still lies in the clear, as `secret`. Times in milliseconds since 1970."""

    tenant_id: TenantId
    webhook_id: WebhookId
    url: str
    secret: str = field(repr=False)
    events: frozenset[str]
    inbox_id: InboxId | None
    filed: int
    noted: int
    failures: int
    failing_since: int | None
    next_at: int
    last_answer: str
    ended_at: int | None
    created_at: int
    dialect: Literal["", "lumbox", "lobstermail"] = ""
    sealed: bytes | None = field(default=None, repr=False)
    sealed_before: bytes | None = field(default=None, repr=False)
    """The secret that a rotation replaced, sealed like the one in its place; None where none signs any more."""
    before_until: int | None = None
    """Until when it signs too."""


async def add(
    tx: Transaction,
    webhook_id: WebhookId,
    url: str,
    sealed: bytes,
    events: frozenset[str],
    inbox_id: InboxId | None,
    place: tuple[int, int],
    now_ms: int,
    most: int,
    dialect: str = "",
) -> Webhook | None:
    """A webhook that is told what comes behind `place`. None when the tenant has `most` already."""
    row = await tx.one("SELECT COUNT(*) AS n FROM webhooks WHERE tenant_id = :tenant")
    if row and row["n"] >= most:
        return None
    await tx.run(
        "INSERT INTO webhooks (tenant_id, webhook_id, url, secret, sealed, events, inbox_id, filed, noted, created_at,"
        " dialect) VALUES (:tenant, :webhook_id, :url, '', :sealed, :events, :inbox_id, :filed, :noted, :now,"
        " :dialect)",
        webhook_id=webhook_id,
        url=url,
        sealed=sealed,
        events=" ".join(sorted(events)),
        inbox_id=inbox_id or "",
        filed=place[0],
        noted=place[1],
        now=now_ms,
        dialect=dialect,
    )
    return await get(tx, webhook_id)


async def get(tx: Transaction, webhook_id: str) -> Webhook | None:
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM webhooks WHERE tenant_id = :tenant AND webhook_id = :webhook_id", webhook_id=webhook_id
    )
    return _webhook(row) if row else None


async def of_tenant(tx: Transaction) -> list[Webhook]:
    """In the order they were made."""
    rows = await tx.all(f"SELECT {_COLUMNS} FROM webhooks WHERE tenant_id = :tenant ORDER BY webhook_id")
    return [_webhook(row) for row in rows]


async def remove(tx: Transaction, webhook_id: str) -> bool:
    return bool(
        await tx.run(
            "DELETE FROM webhooks WHERE tenant_id = :tenant AND webhook_id = :webhook_id", webhook_id=webhook_id
        )
    )


async def due(tx: Transaction, now_ms: int) -> list[Webhook]:
    """System: those of all open tenants behind whose place something has happened, and that may be tried now."""
    rows = await tx.all(
        f"SELECT {', '.join(f'w.{name.strip()}' for name in _COLUMNS.split(','))} FROM webhooks w"
        " JOIN tenants t ON t.tenant_id = w.tenant_id AND t.closed_at IS NULL"
        " WHERE w.ended_at IS NULL AND w.next_at <= :now AND (w.filed < t.last_filed"
        " OR w.noted < (SELECT MAX(a.n) FROM audit a WHERE a.tenant_id = w.tenant_id))"
        # Who has waited longest first.
        " ORDER BY w.next_at, w.webhook_id",
        now=now_ms,
    )
    return [_webhook(row) for row in rows]


async def in_the_clear(tx: Transaction, limit: int) -> list[Webhook]:
    """System: those of all tenants whose secret is not sealed."""
    rows = await tx.all(f"SELECT {_COLUMNS} FROM webhooks WHERE secret <> '' LIMIT :limit", limit=limit)
    return [_webhook(row) for row in rows]


async def seal(tx: Transaction, webhook: Webhook, sealed: bytes) -> None:
    """In the place of a secret that lies in the clear."""
    await tx.run(
        "UPDATE webhooks SET sealed = :sealed, secret = '' WHERE tenant_id = :tenant AND webhook_id = :webhook_id",
        webhook_id=webhook.webhook_id,
        sealed=sealed,
    )


async def rotate(
    tx: Transaction, webhook_id: str, sealed: bytes, before: bytes | None, until: int, now_ms: int
) -> bool:
    """Sign with another secret, and until then with the one `before` too. False when there is no such webhook, or when
    one of before still signs and `before` would take its place."""
    return bool(
        await tx.run(
            "UPDATE webhooks SET secret = '', sealed = :sealed, sealed_before = :before, before_until = :until"
            " WHERE tenant_id = :tenant AND webhook_id = :webhook_id"
            " AND (:replaces = 0 OR before_until IS NULL OR before_until <= :now)",
            webhook_id=webhook_id,
            sealed=sealed,
            before=before,
            until=until if before is not None else None,
            replaces=int(before is not None),
            now=now_ms,
        )
    )


async def forget_before(tx: Transaction, now_ms: int) -> int:
    """System: drop the secrets that sign no more since a rotation; how many."""
    return await tx.run(
        "UPDATE webhooks SET sealed_before = NULL, before_until = NULL WHERE before_until <= :now", now=now_ms
    )


async def put_off(tx: Transaction, webhook: Webhook, why: str, next_at: int) -> None:
    """Nothing can be sent before `next_at`, for a reason that is not the endpoint's."""
    await tx.run(
        f"UPDATE webhooks SET last_answer = :why, next_at = :next_at WHERE {_UNMOVED}",
        why=why,
        next_at=next_at,
        **_unmoved(webhook),
    )


async def took(
    tx: Transaction, webhook: Webhook, place: tuple[int, int], answer: str = "", *, now_ms: int = 0
) -> Webhook | None:
    """The endpoint took all up to `place`; with an `answer`, it was asked. None when the webhook was removed, ended or
    sent elsewhere meanwhile: its place is another one then."""
    changed = await tx.run(
        "UPDATE webhooks SET filed = :to_filed, noted = :to_noted"
        + (", failures = 0, failing_since = NULL, last_answer = :answer, next_at = :now" if answer else "")
        + f" WHERE {_UNMOVED}",
        to_filed=place[0],
        to_noted=place[1],
        **({"answer": answer, "now": now_ms} if answer else {}),
        **_unmoved(webhook),
    )
    return await get(tx, webhook.webhook_id) if changed else None


async def failed(tx: Transaction, webhook: Webhook, answer: str, now_ms: int, next_at: int, *, ends: bool) -> bool:
    """The endpoint did not take what is next; `ends`: it is not asked again. False when the webhook moved meanwhile."""
    return bool(
        await tx.run(
            "UPDATE webhooks SET failures = failures + 1, failing_since = COALESCE(failing_since, :now),"
            f" last_answer = :answer, next_at = :next_at, ended_at = :ended_at WHERE {_UNMOVED}",
            now=now_ms,
            answer=answer,
            next_at=next_at,
            ended_at=now_ms if ends else None,
            **_unmoved(webhook),
        )
    )


async def replay(tx: Transaction, webhook_id: str, place: tuple[int, int] | None) -> bool:
    """Go on, also after its end: behind `place`, or (None) where it stands. False when there is no such webhook."""
    return bool(
        await tx.run(
            "UPDATE webhooks SET filed = COALESCE(:filed, filed), noted = COALESCE(:noted, noted), failures = 0,"
            " failing_since = NULL, next_at = 0, ended_at = NULL"
            " WHERE tenant_id = :tenant AND webhook_id = :webhook_id",
            filed=place[0] if place else None,
            noted=place[1] if place else None,
            webhook_id=webhook_id,
        )
    )


_COLUMNS = (
    "tenant_id, webhook_id, url, secret, events, inbox_id, filed, noted, failures, failing_since, next_at, last_answer,"
    " ended_at, created_at, dialect, sealed, sealed_before, before_until"
)
# What was read is what is still there: a replay or a removal in between wins.
_UNMOVED = (
    "tenant_id = :tenant AND webhook_id = :webhook_id AND filed = :filed AND noted = :noted AND failures = :failures"
    " AND ended_at IS NULL"
)


def _unmoved(webhook: Webhook) -> dict[str, object]:
    return {
        "webhook_id": webhook.webhook_id,
        "filed": webhook.filed,
        "noted": webhook.noted,
        "failures": webhook.failures,
    }


def _webhook(row: Row) -> Webhook:
    return Webhook(
        row["tenant_id"],
        row["webhook_id"],
        row["url"],
        row["secret"],
        frozenset(row["events"].split()),
        row["inbox_id"] or None,
        row["filed"],
        row["noted"],
        row["failures"],
        row["failing_since"],
        row["next_at"],
        row["last_answer"],
        row["ended_at"],
        row["created_at"],
        row["dialect"],
        row["sealed"],
        row["sealed_before"],
        row["before_until"],
    )
