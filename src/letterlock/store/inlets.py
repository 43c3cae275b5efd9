"""Inlets: ways for a service in front of this one to hand in mail of one domain. Only a hash of the secret is kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final, Literal

from letterlock.ids import InletId, TenantId, new_id
from letterlock.store.database import Row, Transaction

Service = Literal["raw", "mailgun", "postmark", "sendgrid", "ses"]
BEGINS: Final = "lli_"
"""Each secret of an inlet."""
REMEMBERED_MS: Final = 26 * 3_600_000
"""For so long what was signed once is known again."""


@dataclass(frozen=True, slots=True)
class Inlet:
    """`domain`: A-labels. `hint`: the last four characters of its secret. `sealed`: the key the service signs with, by
    vault.py under the inlet's id. `topic`: of Amazon SNS, with `confirms` subscribed to when SNS asks."""

    tenant_id: TenantId
    inlet_id: InletId
    domain: str
    service: Service
    hint: str
    sealed: bytes | None = field(repr=False)
    topic: str
    confirms: bool
    created_at: int


def new_inlet_id() -> InletId:
    return InletId(new_id("in"))


def new_secret() -> str:
    """256 random bits; fit for an address, too."""
    return BEGINS + secrets.token_urlsafe(32)


_COLUMNS: Final = "tenant_id, inlet_id, domain, service, hint, sealed, topic, confirms, created_at"


def _inlet(row: Row) -> Inlet:
    tenant_id, inlet_id, domain, service, hint, sealed, topic, confirms, created_at = row
    return Inlet(tenant_id, inlet_id, domain, service, hint, sealed, topic, bool(confirms), created_at)


async def add(tx: Transaction, inlet: Inlet, secret: str) -> None:
    await tx.run(
        f"INSERT INTO inlets ({_COLUMNS}, hash) VALUES (:tenant, :inlet_id, :domain, :service, :hint, :sealed, :topic,"
        " :confirms, :created_at, :hash)",
        inlet_id=inlet.inlet_id,
        domain=inlet.domain,
        service=inlet.service,
        hint=inlet.hint,
        sealed=inlet.sealed,
        topic=inlet.topic,
        confirms=int(inlet.confirms),
        created_at=inlet.created_at,
        hash=_hash(secret),
    )


async def of_tenant(tx: Transaction) -> list[Inlet]:
    """In the order they were made."""
    return [_inlet(row) for row in await tx.all(f"SELECT {_COLUMNS} FROM inlets WHERE tenant_id = :tenant ORDER BY 2")]


async def find(tx: Transaction, secret: str) -> Inlet | None:
    """Whose secret this is. A system read: the secret is what names the tenant."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM inlets WHERE hash = :hash"
        " AND tenant_id IN (SELECT tenant_id FROM tenants WHERE closed_at IS NULL)",
        hash=_hash(secret),
    )
    return _inlet(row) if row else None


async def remove(tx: Transaction, inlet_id: str) -> Inlet | None:
    """Its secret counts no longer. None when there is no such inlet."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM inlets WHERE tenant_id = :tenant AND inlet_id = :id", id=inlet_id)
    await tx.run("DELETE FROM inlets WHERE tenant_id = :tenant AND inlet_id = :id", id=inlet_id)
    return _inlet(row) if row else None


async def note_token(tx: Transaction, inlet_id: InletId, token: str, now_ms: int) -> bool:
    """Write down what was signed once; False when it is known already."""
    return bool(
        await tx.run(
            "INSERT INTO inlet_tokens (tenant_id, inlet_id, token, at) VALUES (:tenant, :inlet_id, :token, :now)"
            " ON CONFLICT (tenant_id, inlet_id, token) DO NOTHING",
            inlet_id=inlet_id,
            token=_hash(token),
            now=now_ms,
        )
    )


async def forget_tokens(tx: Transaction, now_ms: int, limit: int) -> int:
    """Those that are too old. A system write, for upkeep."""
    return await tx.run(
        "DELETE FROM inlet_tokens WHERE (tenant_id, inlet_id, token) IN (SELECT tenant_id, inlet_id, token"
        " FROM inlet_tokens WHERE at < :before LIMIT :limit)",
        before=now_ms - REMEMBERED_MS,
        limit=limit,
    )


def _hash(secret: str) -> str:
    # 256 random bits: a fast hash without salt is enough.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
