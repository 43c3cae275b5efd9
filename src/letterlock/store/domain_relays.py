"""The servers that mail of domains leaves by: one for a domain, set by its tenant, for its tenant's mail only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from letterlock.ids import DomainId, RelayId, TenantId, new_id
from letterlock.settings import Security
from letterlock.store.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class DomainRelay:
    """`relay_id`: a new one whenever it is set anew; `domain`: A-labels; `sealed`: the password, b"" where there is no
    login; `set_at`: milliseconds since 1970."""

    tenant_id: TenantId
    domain_id: DomainId
    relay_id: RelayId
    domain: str
    host: str
    port: int
    security: Security
    username: str
    sealed: bytes = field(repr=False)
    set_at: int

    @property
    def entry(self) -> str:
        """The name under which vault.py seals the password: for this server, login and way to talk, and no other."""
        return f"{self.relay_id} {self.security} {self.host}:{self.port} {self.username}"


def new_relay_id() -> RelayId:
    return RelayId(new_id("rl"))


_SELECT: Final = (
    "SELECT r.tenant_id, r.domain_id, r.relay_id, d.name, r.host, r.port, r.security, r.username, r.sealed, r.set_at"
    " FROM domain_relays r JOIN domains d ON d.tenant_id = r.tenant_id AND d.domain_id = r.domain_id"
)
_MINE: Final = "WHERE r.tenant_id = :tenant"
_COUNTS: Final = "d.state IN ('verified', 'failing')"


def _relay(row: Row) -> DomainRelay:
    return DomainRelay(*row)


async def put(tx: Transaction, relay: DomainRelay) -> None:
    """In the place of the one before."""
    await remove(tx, relay.domain_id)
    await tx.run(
        "INSERT INTO domain_relays (tenant_id, domain_id, relay_id, host, port, security, username, sealed, set_at)"
        " VALUES (:tenant, :domain_id, :relay_id, :host, :port, :security, :username, :sealed, :set_at)",
        domain_id=relay.domain_id,
        relay_id=relay.relay_id,
        host=relay.host,
        port=relay.port,
        security=relay.security,
        username=relay.username,
        sealed=relay.sealed,
        set_at=relay.set_at,
    )


async def get(tx: Transaction, domain_id: DomainId) -> DomainRelay | None:
    row = await tx.one(f"{_SELECT} {_MINE} AND r.domain_id = :domain_id", domain_id=domain_id)
    return _relay(row) if row else None


async def of_tenant(tx: Transaction) -> list[DomainRelay]:
    """In the order in which their domains were claimed."""
    return [_relay(row) for row in await tx.all(f"{_SELECT} {_MINE} ORDER BY r.domain_id")]


async def for_mail_of(tx: Transaction, name: str) -> DomainRelay | None:
    """What the tenant's mail from a domain leaves by, while it holds the domain."""
    row = await tx.one(f"{_SELECT} {_MINE} AND d.name = :name AND {_COUNTS}", name=name)
    return _relay(row) if row else None


async def by_domain(tx: Transaction) -> dict[str, DomainRelay]:
    """Those that count, of all tenants: nobody but its tenant holds a domain. A system read."""
    rows = await tx.all(f"{_SELECT} WHERE {_COUNTS}")
    return {relay.domain: relay for relay in map(_relay, rows)}


async def remove(tx: Transaction, domain_id: DomainId) -> bool:
    """False when there is none."""
    return bool(
        await tx.run(
            "DELETE FROM domain_relays WHERE tenant_id = :tenant AND domain_id = :domain_id", domain_id=domain_id
        )
    )
