"""Mail as it came: the bytes and envelope of what was accepted, and what of it waits to be read.

Raw bytes are known to `add_raw`, `raw` and `seal` only; those of an email that holds secrets are kept as vault.py has
sealed them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from letterlock.ids import EmailId, InboxId, TenantId, id_at, new_id
from letterlock.message.authenticate import AuthReport
from letterlock.message.envelope import Envelope, Receipt
from letterlock.store import emails, lists
from letterlock.store.database import Row, Transaction
from letterlock.store.turns import in_turn

FOLD_MS = 24 * 3600 * 1000
"""A resend within this time folds into the email it repeats (reliability: a lost 250)."""


PLAIN, SEALED = "zstd", "zstd+aes-256-gcm"
"""How bytes are kept: compressed; and sealed by the vault after that."""


@dataclass(frozen=True, slots=True)
class Raw:
    """The bytes of an email as they are kept: `body` in one of the ways PLAIN and SEALED."""

    raw_id: str
    codec: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unfiled:
    """An email as it came, to be read; `allowed`: the domains its inbox, its agent or its tenant trusts."""

    receipt: Receipt
    envelope: Envelope
    kept: Raw
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """What `add_raw` keeps: the envelope, the bytes compressed (emails), their unpacked size, and the fingerprint
    (sender, Message-ID and body; "" for a message without a Message-ID) under which a resend is known again."""

    envelope: Envelope
    packed: bytes
    size: int
    fingerprint: str


async def add_raw(
    tx: Transaction, tenant_id: TenantId, targets: Sequence[tuple[InboxId, str]], accepted: Accepted
) -> list[Receipt]:
    """Keep the bytes for these inboxes (id, recipient as given) of one tenant; `tx` is bound to it."""
    at = emails.ms(accepted.envelope.received_at)
    raw_id = new_id("raw")
    receipts = []
    for inbox_id, recipient in targets:
        email_id = EmailId(new_id("em"))
        known = await _fold(tx, inbox_id, accepted.fingerprint, email_id, at) if accepted.fingerprint else None
        receipts.append(Receipt(tenant_id, inbox_id, known or email_id, recipient, duplicate=known is not None))
        if known is None:
            await tx.run(
                "INSERT INTO emails (tenant_id, email_id, inbox_id, state, raw_id, size, received_at, envelope,"
                " recipient) VALUES (:tenant, :email_id, :inbox_id, 'received', :raw_id, :size, :at, :envelope,"
                " :recipient)",
                email_id=email_id,
                inbox_id=inbox_id,
                raw_id=raw_id,
                size=accepted.size,
                at=at,
                envelope=_envelope_text(accepted.envelope),
                recipient=recipient,
            )
    uses = sum(not receipt.duplicate for receipt in receipts)
    if uses:
        await tx.run(
            "INSERT INTO raws (tenant_id, raw_id, uses, codec, body) VALUES (:tenant, :raw_id, :uses, :codec, :body)",
            raw_id=raw_id,
            uses=uses,
            codec=PLAIN,
            body=accepted.packed,
        )
    return receipts


async def _fold(tx: Transaction, inbox_id: InboxId, fingerprint: str, email_id: EmailId, at: int) -> EmailId | None:
    """The email an earlier acceptance of the same mail made, or None: then `email_id` is remembered as the first."""
    remembered = await tx.run(
        "INSERT INTO acceptances (tenant_id, inbox_id, fingerprint, email_id, received_at)"
        " VALUES (:tenant, :inbox_id, :fingerprint, :email_id, :at)"
        " ON CONFLICT (tenant_id, inbox_id, fingerprint) DO UPDATE"
        " SET email_id = excluded.email_id, received_at = excluded.received_at"
        " WHERE abs(excluded.received_at - acceptances.received_at) >= :fold",
        inbox_id=inbox_id,
        fingerprint=fingerprint,
        email_id=email_id,
        at=at,
        fold=FOLD_MS,
    )
    if remembered:
        return None
    known = await tx.one(
        "SELECT email_id FROM acceptances"
        " WHERE tenant_id = :tenant AND inbox_id = :inbox_id AND fingerprint = :fingerprint",
        inbox_id=inbox_id,
        fingerprint=fingerprint,
    )
    return EmailId(known["email_id"]) if known else None


async def forget_acceptances(tx: Transaction, now_ms: int, limit: int) -> int:
    """Drop what is too old to fold. A system write, for upkeep."""
    return await tx.run(
        "DELETE FROM acceptances WHERE (tenant_id, inbox_id, fingerprint) IN (SELECT tenant_id, inbox_id, fingerprint"
        " FROM acceptances WHERE received_at < :before LIMIT :limit)",
        before=now_ms - FOLD_MS,
        limit=limit,
    )


async def raw(tx: Transaction, email_id: EmailId) -> Raw | None:
    """The bytes as they came, as they are kept."""
    row = await tx.one(
        "SELECT r.raw_id, r.codec, r.body FROM emails e"
        " JOIN raws r ON r.tenant_id = e.tenant_id AND r.raw_id = e.raw_id"
        " WHERE e.tenant_id = :tenant AND e.email_id = :email_id",
        email_id=email_id,
    )
    return _raw(row) if row else None


async def seal(tx: Transaction, kept: Raw) -> None:
    """Put sealed bytes in the place of those that came."""
    await tx.run(
        "UPDATE raws SET codec = :codec, body = :body WHERE tenant_id = :tenant AND raw_id = :raw_id",
        raw_id=kept.raw_id,
        codec=kept.codec,
        body=kept.body,
    )


async def count_unsealed(tx: Transaction) -> int:
    """Emails that hold secrets and are kept as they came. A system read."""
    row = await tx.one(
        "SELECT COUNT(*) AS n FROM emails e JOIN raws r ON r.tenant_id = e.tenant_id AND r.raw_id = e.raw_id"
        " WHERE e.secrets > 0 AND r.codec = :codec",
        codec=PLAIN,
    )
    return int(row["n"]) if row else 0


def _raw(row: Row) -> Raw:
    return Raw(row["raw_id"], row["codec"], bytes(row["body"]))


async def next_unfiled(
    tx: Transaction,
    limit: int,
    besides: Iterable[EmailId] = (),
    *,
    inboxes: Sequence[str] | None = None,
    before_ms: int | None = None,
    after: str = "",
) -> list[Unfiled]:
    """Emails that wait to be filed, apart from those already in work: of these inboxes, or of all; accepted before this
    time, or at any. Tenants take turns, beginning with the one behind `after`, each with its oldest. A system read."""
    conditions = ["state = 'received'"]
    bound: dict[str, Any] = {f"besides{n}": email_id for n, email_id in enumerate(("", *besides))}
    conditions.append(f"email_id NOT IN ({', '.join(f':{name}' for name in bound)})")
    bound["limit"] = limit
    if before_ms is not None:
        conditions.append("email_id < :before")
        bound["before"] = id_at("em", before_ms)
    where = " AND ".join(conditions)
    if inboxes is None:
        chosen = await in_turn(
            lambda place: _next_waiting(tx, place),
            lambda tenant_id: _waiting(tx, where, bound, tenant_id),
            after,
            limit,
        ) or await _waiting(tx, where, bound)
    else:
        chosen = await _of_inboxes(tx, inboxes, where, bound, after, limit)
    rows = [
        await tx.one(
            f"SELECT {_UNREAD_COLUMNS} WHERE e.tenant_id = :tenant_id AND e.email_id = :email_id",
            tenant_id=tenant_id,
            email_id=email_id,
        )
        for tenant_id, email_id in chosen
    ]
    return [await _unfiled(tx, row) for row in rows if row is not None]


async def _next_waiting(tx: Transaction, place: str) -> TenantId | None:
    row = await tx.one(
        "SELECT tenant_id FROM emails WHERE state = 'received' AND tenant_id > :place ORDER BY tenant_id LIMIT 1",
        place=place,
    )
    return row["tenant_id"] if row else None


async def _waiting(
    tx: Transaction, where: str, bound: Mapping[str, Any], tenant_id: TenantId | None = None
) -> list[tuple[TenantId, EmailId]]:
    mine = "" if tenant_id is None else "tenant_id = :tenant_id AND "
    rows = await tx.all(
        f"SELECT tenant_id, email_id FROM emails WHERE {mine}{where} ORDER BY email_id LIMIT :limit",
        **bound,
        **({"tenant_id": tenant_id} if tenant_id is not None else {}),
    )
    return [(row["tenant_id"], row["email_id"]) for row in rows]


async def _of_inboxes(
    tx: Transaction, inboxes: Sequence[str], where: str, bound: Mapping[str, Any], after: str, limit: int
) -> list[tuple[TenantId, EmailId]]:
    if not inboxes:
        return []
    names = {f"inbox{n}": inbox_id for n, inbox_id in enumerate(inboxes)}
    # The oldest of each inbox only: of one that is flooded not all need be looked at.
    rows = await tx.all(
        f"WITH wanted (inbox_id) AS (VALUES {', '.join(f'(:{name})' for name in names)})"
        " SELECT e.tenant_id, e.email_id FROM wanted w JOIN emails e ON e.inbox_id = w.inbox_id"
        " AND e.state = 'received' AND e.email_id IN (SELECT email_id FROM emails"
        f" WHERE inbox_id = w.inbox_id AND {where} ORDER BY email_id LIMIT :limit) ORDER BY e.email_id",
        **names,
        **bound,
    )
    by_tenant: dict[TenantId, list[tuple[TenantId, EmailId]]] = {}
    for row in rows:
        by_tenant.setdefault(row["tenant_id"], []).append((row["tenant_id"], row["email_id"]))
    tenants = sorted(by_tenant)

    async def next_tenant(place: str) -> TenantId | None:
        return next((one for one in tenants if one > place), None)

    async def waiting_of(tenant_id: TenantId) -> list[tuple[TenantId, EmailId]]:
        return by_tenant[tenant_id]

    return await in_turn(next_tenant, waiting_of, after, limit)


async def next_filed(tx: Transaction, after: str, limit: int) -> list[tuple[Unfiled, AuthReport]]:
    """Filed emails of all tenants behind id `after` as they came, in the order of their ids, each with what was found
    out about its sender when it came. A system read."""
    rows = await tx.all(
        f"SELECT e.inspection, {_UNREAD_COLUMNS} WHERE e.state = 'filed' AND e.email_id > :after"
        " ORDER BY e.email_id LIMIT :limit",
        after=after,
        limit=limit,
    )
    return [(await _unfiled(tx, row), emails.unpack(row["inspection"], ()).authentication) for row in rows]


_UNREAD_COLUMNS = (
    "e.tenant_id, e.inbox_id, e.email_id, e.recipient, e.envelope, i.allowed, r.raw_id, r.codec, r.body"
    " FROM emails e JOIN raws r ON r.tenant_id = e.tenant_id AND r.raw_id = e.raw_id"
    " JOIN inboxes i ON i.tenant_id = e.tenant_id AND i.inbox_id = e.inbox_id"
)


async def _unfiled(tx: Transaction, row: Row) -> Unfiled:
    for_all = await lists.allowed(tx.bound_to(row["tenant_id"]), row["inbox_id"])
    return Unfiled(
        Receipt(row["tenant_id"], row["inbox_id"], row["email_id"], row["recipient"]),
        _envelope(row["envelope"]),
        _raw(row),
        tuple(dict.fromkeys((*row["allowed"].split(), *for_all))),
    )


async def count_unfiled(tx: Transaction) -> int:
    """How many accepted emails no tool can see yet. A system read."""
    row = await tx.one("SELECT COUNT(*) AS n FROM emails WHERE state = 'received'")
    return row["n"] if row else 0


async def oldest_unfiled(tx: Transaction) -> int | None:
    """When the email that waits longest to be filed was received, in milliseconds since 1970. A system read."""
    row = await tx.one("SELECT received_at FROM emails WHERE state = 'received' ORDER BY email_id LIMIT 1")
    return row["received_at"] if row else None


def _envelope_text(envelope: Envelope) -> str:
    # By name rather than by dataclasses.asdict, which copies deeply and costs more than the rest of an acceptance.
    fields = {name: getattr(envelope, name) for name in Envelope.__slots__}
    return json.dumps({**fields, "received_at": envelope.received_at.isoformat()}, separators=(",", ":"))


def _envelope(text: str) -> Envelope:
    fields = json.loads(text)
    return Envelope(
        **{
            **fields,
            "recipients": tuple(fields["recipients"]),
            "received_at": datetime.fromisoformat(fields["received_at"]),
        }
    )
