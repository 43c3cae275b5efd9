"""The servers that mail of tenants leaves by: one for a domain, and one of the tenant for the domains that have none.
Set by the tenant, for its mail only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from letterlock.ids import DomainId, RelayId, TenantId, new_id
from letterlock.settings import Security
from letterlock.store.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class DomainRelay:
    """`domain_id`: "" where it is that of a whole tenant; `relay_id`: a new one whenever it is set anew; `domain`:
    A-labels, from which mail leaves by it; `sealed`: the password, b"" where there is no login; `set_at`: milliseconds
    since 1970."""

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

    def for_mail_from(self, domain: str) -> DomainRelay:
        """That of a whole tenant, for one of the domains."""
        return replace(self, domain=domain)


def new_relay_id() -> RelayId:
    return RelayId(new_id("rl"))


_SELECT: Final = (
    "SELECT r.tenant_id, r.domain_id, r.relay_id, d.name, r.host, r.port, r.security, r.username, r.sealed, r.set_at"
    " FROM domain_relays r JOIN domains d ON d.tenant_id = r.tenant_id AND d.domain_id = r.domain_id"
)
_MINE: Final = "WHERE r.tenant_id = :tenant"
_COUNTS: Final = "d.state IN ('verified', 'failing')"
_OWN: Final = "r.relay_id, {}, r.host, r.port, r.security, r.username, r.sealed, r.set_at"
_WHOLE: Final = f"SELECT r.tenant_id, '' AS domain_id, {_OWN.format(':name AS name')} FROM tenant_relays r"
_WITHOUT_OWN: Final = (
    f"{_COUNTS} AND NOT EXISTS (SELECT 1 FROM domain_relays o WHERE o.tenant_id = d.tenant_id"
    " AND o.domain_id = d.domain_id)"
)


def _relay(row: Row) -> DomainRelay:
    return DomainRelay(*row)


async def put(tx: Transaction, relay: DomainRelay) -> None:
    """In the place of the one before."""
    await remove(tx, relay.domain_id)
    await _insert(tx, "domain_relays (tenant_id, domain_id,", relay, domain_id=relay.domain_id)


async def _insert(tx: Transaction, into: str, relay: DomainRelay, **key: str) -> None:
    """`into`: a table and its first columns."""
    names = "".join(f":{name}, " for name in key)
    await tx.run(
        f"INSERT INTO {into} relay_id, host, port, security, username, sealed, set_at)"
        f" VALUES (:tenant, {names}:relay_id, :host, :port, :security, :username, :sealed, :set_at)",
        relay_id=relay.relay_id,
        host=relay.host,
        port=relay.port,
        security=relay.security,
        username=relay.username,
        sealed=relay.sealed,
        set_at=relay.set_at,
        **key,
    )


async def get(tx: Transaction, domain_id: DomainId) -> DomainRelay | None:
    row = await tx.one(f"{_SELECT} {_MINE} AND r.domain_id = :domain_id", domain_id=domain_id)
    return _relay(row) if row else None


async def of_tenant(tx: Transaction) -> list[DomainRelay]:
    """In the order in which their domains were claimed."""
    return [_relay(row) for row in await tx.all(f"{_SELECT} {_MINE} ORDER BY r.domain_id")]


async def for_mail_of(tx: Transaction, name: str, house: str) -> DomainRelay | None:
    """What the tenant's mail from a domain leaves by: while it holds the domain, its own, else that of the tenant; from
    `house`, which tenants share, that of the tenant where the owner lets it."""
    row = await tx.one(f"{_SELECT} {_MINE} AND d.name = :name AND {_COUNTS}", name=name)
    row = row or await tx.one(
        f"{_WHOLE} {_MINE} AND (EXISTS (SELECT 1 FROM domains d WHERE d.tenant_id = :tenant AND d.name = :name"
        f" AND {_COUNTS}) OR (:name = :house AND EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = :tenant"
        " AND t.relay_shared = 1)))",
        name=name,
        house=house,
    )
    return _relay(row) if row else None


async def by_domain(tx: Transaction, house: str) -> dict[tuple[TenantId, str], DomainRelay]:
    """What for_mail_of says of all tenants and domains. A system read."""
    rows = await tx.all(
        f"SELECT r.tenant_id, '' AS domain_id, {_OWN.format('d.name')} FROM tenant_relays r"
        f" JOIN domains d ON d.tenant_id = r.tenant_id AND {_WITHOUT_OWN}"
    )
    rows += await tx.all(f"{_WHOLE} JOIN tenants t ON t.tenant_id = r.tenant_id AND t.relay_shared = 1", name=house)
    rows += await tx.all(f"{_SELECT} WHERE {_COUNTS}")
    return {(relay.tenant_id, relay.domain): relay for relay in map(_relay, rows)}


async def of_whole_tenant(tx: Transaction) -> DomainRelay | None:
    """Its `domain` is empty."""
    row = await tx.one(f"{_WHOLE} {_MINE}", name="")
    return _relay(row) if row else None


async def without_own(tx: Transaction, house: str) -> list[str]:
    """The domains from which mail leaves by the relay of the tenant, or would if it had one, in order of their names,
    `house` last."""
    rows = await tx.all(f"SELECT d.name FROM domains d WHERE d.tenant_id = :tenant AND {_WITHOUT_OWN} ORDER BY d.name")
    shared = await tx.one("SELECT relay_shared FROM tenants WHERE tenant_id = :tenant")
    return [*(row["name"] for row in rows), *([house] if shared and shared["relay_shared"] else [])]


async def put_for_tenant(tx: Transaction, relay: DomainRelay) -> None:
    """In the place of the one before."""
    await remove_for_tenant(tx)
    await _insert(tx, "tenant_relays (tenant_id,", relay)


async def remove_for_tenant(tx: Transaction) -> bool:
    """False when there is none."""
    return bool(await tx.run("DELETE FROM tenant_relays WHERE tenant_id = :tenant"))


async def remove(tx: Transaction, domain_id: DomainId) -> bool:
    """False when there is none."""
    return bool(
        await tx.run(
            "DELETE FROM domain_relays WHERE tenant_id = :tenant AND domain_id = :domain_id", domain_id=domain_id
        )
    )
