"""Domains of tenants, and the DKIM keys of each. Many tenants may claim a domain; at most one holds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from letterlock.ids import DomainId, InboxId, TenantId, new_id
from letterlock.message.sign import KeyKind
from letterlock.settings import PolicyMode
from letterlock.store.database import Row, Transaction

DomainState = Literal["pending", "verified", "failing", "lapsed", "removed"]
KeyState = Literal["new", "signing", "retiring"]
HELD: Final = ("verified", "failing")
"""The states in which a domain is its tenant's."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Times in milliseconds since 1970. `name`: A-labels; `report`: JSON; `unowned_since`: its ownership record is
    gone; `next_check_at` None: only a person has it looked at again; `mta_sts` "": as the settings say."""

    tenant_id: TenantId
    domain_id: DomainId
    name: str
    state: DomainState
    token: str
    catch_all: InboxId | None
    report: str
    checked_at: int | None
    next_check_at: int | None
    verified_at: int | None
    failing_since: int | None
    unowned_since: int | None
    created_at: int
    mta_sts: PolicyMode | Literal[""] = ""

    @property
    def held(self) -> bool:
        return self.state in HELD


@dataclass(frozen=True, slots=True)
class DkimKey:
    """`record`: the value of its record in the DNS. The private key is a matter of its own: PrivateKey."""

    selector: str
    kind: KeyKind
    record: str
    state: KeyState
    created_at: int
    retire_at: int | None


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """As it is kept: sealed by vault.py as `entry`. None where one of before still lies in the clear, as `pem`."""

    tenant_id: TenantId
    domain_id: DomainId
    domain: str
    selector: str
    sealed: bytes | None = field(repr=False)
    pem: str = field(repr=False)

    @property
    def entry(self) -> str:
        return private_entry(self.domain, self.selector)


def private_entry(domain: str, selector: str) -> str:
    """The name under which vault.py seals the private key of a selector."""
    return f"dkim {domain} {selector}"


_COLUMNS = (
    "tenant_id, domain_id, name, state, token, catch_all, report, checked_at, next_check_at, verified_at,"
    " failing_since, unowned_since, created_at, mta_sts"
)
_IS_HELD = "state IN ('verified', 'failing')"
_PRIVATE = (
    "k.tenant_id, k.domain_id, d.name, k.selector, k.sealed, k.pem FROM dkim_keys k JOIN domains d"
    " ON d.tenant_id = k.tenant_id AND d.domain_id = k.domain_id"
)
LOST = f"EXISTS (SELECT 1 FROM domains WHERE name = :domain AND (tenant_id = :tenant) <> ({_IS_HELD}))"
"""Somebody else holds :domain, or the tenant had it and lost it."""


def _domain(row: Row) -> Domain:
    return Domain(*row)


async def add(tx: Transaction, name: str, token: str, now_ms: int) -> Domain | None:
    """A new claim, to be looked at soon; None when the tenant has the domain already."""
    await tx.run("DELETE FROM domains WHERE tenant_id = :tenant AND name = :name AND state = 'removed'", name=name)
    added = await tx.run(
        "INSERT INTO domains (tenant_id, domain_id, name, state, token, next_check_at, created_at)"
        " VALUES (:tenant, :domain_id, :name, 'pending', :token, :now, :now) ON CONFLICT (tenant_id, name) DO NOTHING",
        domain_id=new_id("dm"),
        name=name,
        token=token,
        now=now_ms,
    )
    return await find(tx, name) if added else None


async def find(tx: Transaction, id_or_name: str) -> Domain | None:
    """A domain of the tenant, not one that was removed."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM domains WHERE tenant_id = :tenant AND (domain_id = :name OR name = :name)"
        " AND state <> 'removed'",
        name=id_or_name,
    )
    return _domain(row) if row else None


async def of_tenant(tx: Transaction) -> list[Domain]:
    """In the order they were claimed."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM domains WHERE tenant_id = :tenant AND state <> 'removed' ORDER BY domain_id"
    )
    return [_domain(row) for row in rows]


async def holder(tx: Transaction, name: str) -> Domain | None:
    """Whose domain it is, of all tenants. A system read."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM domains WHERE name = :name AND {_IS_HELD}", name=name)
    return _domain(row) if row else None


async def claimed_elsewhere(tx: Transaction, name: str) -> bool:
    """Whether another tenant says that the domain is its own, proved or not."""
    row = await tx.one(
        "SELECT 1 FROM domains WHERE tenant_id <> :tenant AND name = :name AND state <> 'removed' LIMIT 1", name=name
    )
    return row is not None


async def is_live(tx: Transaction, name: str, house: str) -> bool:
    """Whether the tenant may use addresses of a domain it has inboxes of: it holds it, it is the `house`'s own, or
    nobody ever claimed it here with success."""
    if name == house:
        return True
    row = await tx.one(f"SELECT {LOST} AS lost", domain=name)
    return row is not None and not row["lost"]


async def due(tx: Transaction, now_ms: int, limit: int) -> list[Domain]:
    """Those to be looked at, of all tenants. A system read."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM domains WHERE next_check_at <= :now ORDER BY next_check_at LIMIT :limit",
        now=now_ms,
        limit=limit,
    )
    return [_domain(row) for row in rows]


async def in_trouble(tx: Transaction, limit: int) -> list[tuple[Domain, str]]:
    """Those that lack what they must have, of all tenants, each with its tenant's name. A system read."""
    rows = await tx.all(
        f"SELECT {', '.join(f'd.{column}' for column in _COLUMNS.split(', '))}, t.name AS tenant FROM domains d"
        " JOIN tenants t ON t.tenant_id = d.tenant_id WHERE d.state IN ('failing', 'lapsed')"
        " ORDER BY d.name, d.tenant_id LIMIT :limit",
        limit=limit,
    )
    return [(Domain(*columns), tenant) for *columns, tenant in rows]


async def lease(tx: Transaction, domain: Domain, until_ms: int) -> bool:
    """Nobody else looks at it until then. False: somebody else does already."""
    changed = await tx.run(
        "UPDATE domains SET next_check_at = :until WHERE tenant_id = :tenant AND domain_id = :domain_id"
        " AND next_check_at = :was",
        until=until_ms,
        domain_id=domain.domain_id,
        was=domain.next_check_at,
    )
    return changed == 1


async def put(tx: Transaction, domain: Domain) -> None:
    """All that changes of a domain."""
    await tx.run(
        "UPDATE domains SET state = :state, catch_all = :catch_all, report = :report, checked_at = :checked_at,"
        " next_check_at = :next_check_at, verified_at = :verified_at, failing_since = :failing_since,"
        " unowned_since = :unowned_since, mta_sts = :mta_sts WHERE tenant_id = :tenant AND domain_id = :domain_id",
        domain_id=domain.domain_id,
        state=domain.state,
        catch_all=domain.catch_all,
        report=domain.report,
        checked_at=domain.checked_at,
        next_check_at=domain.next_check_at,
        verified_at=domain.verified_at,
        failing_since=domain.failing_since,
        unowned_since=domain.unowned_since,
        mta_sts=domain.mta_sts,
    )


async def remove(tx: Transaction, domain: Domain) -> None:
    """It, its keys, its relay and its inlets. While there are inboxes of it a mark stays, so that they are not taken
    for those of a domain nobody claimed."""
    for table in ("dkim_keys", "domain_relays"):
        await tx.run(
            f"DELETE FROM {table} WHERE tenant_id = :tenant AND domain_id = :domain_id", domain_id=domain.domain_id
        )
    await tx.run("DELETE FROM inlets WHERE tenant_id = :tenant AND domain = :name", name=domain.name)
    if await inboxes_of(tx, domain.name):
        await put(tx, replace(domain, state="removed", catch_all=None, report="", next_check_at=None))
        return
    await tx.run("DELETE FROM domains WHERE tenant_id = :tenant AND domain_id = :domain_id", domain_id=domain.domain_id)


async def remove_all(tx: Transaction) -> None:
    """Those of a tenant that ends."""
    for domain in await of_tenant(tx):
        await remove(tx, domain)


async def inboxes_of(tx: Transaction, name: str) -> int:
    """How many inboxes the tenant has of a domain, deleted ones too."""
    row = await tx.one(
        "SELECT COUNT(*) AS n FROM inboxes WHERE tenant_id = :tenant AND domain = :name",
        name=name,
    )
    return int(row["n"]) if row else 0


# --- DKIM keys --------------------------------------------------------------------------------------------------------


async def keys(tx: Transaction, domain_id: DomainId) -> list[DkimKey]:
    """RSA before Ed25519 (a verifier that knows one signature only takes the last), each from old to new."""
    rows = await tx.all(
        "SELECT selector, kind, record, state, created_at, retire_at FROM dkim_keys WHERE tenant_id = :tenant"
        " AND domain_id = :domain_id ORDER BY kind DESC, created_at, selector",
        domain_id=domain_id,
    )
    return [DkimKey(*row) for row in rows]


async def signing_keys(tx: Transaction, name: str) -> list[PrivateKey]:
    """What mail of a domain that the tenant holds is signed with, in the order of keys()."""
    rows = await tx.all(
        f"SELECT {_PRIVATE} WHERE k.tenant_id = :tenant AND d.name = :name AND d.{_IS_HELD} AND k.state = 'signing'"
        " ORDER BY k.kind DESC, k.created_at, k.selector",
        name=name,
    )
    return [PrivateKey(*row) for row in rows]


async def clear_keys(tx: Transaction, limit: int) -> list[PrivateKey]:
    """Private keys of all tenants that are not sealed. A system read."""
    rows = await tx.all(f"SELECT {_PRIVATE} WHERE k.pem <> '' LIMIT :limit", limit=limit)
    return [PrivateKey(*row) for row in rows]


async def seal_key(tx: Transaction, key: PrivateKey, sealed: bytes) -> None:
    """In the place of one that lies in the clear."""
    await tx.run(
        "UPDATE dkim_keys SET sealed = :sealed, pem = '' WHERE tenant_id = :tenant AND domain_id = :domain_id"
        " AND selector = :selector",
        domain_id=key.domain_id,
        selector=key.selector,
        sealed=sealed,
    )


async def add_keys(tx: Transaction, domain_id: DomainId, made: Iterable[tuple[DkimKey, bytes]]) -> None:
    """Each with its private key, sealed."""
    await tx.many(
        "INSERT INTO dkim_keys (tenant_id, domain_id, selector, kind, pem, sealed, record, state, created_at)"
        " VALUES (:tenant, :domain_id, :selector, :kind, '', :sealed, :record, :state, :created_at)",
        [
            {
                "domain_id": domain_id,
                "selector": key.selector,
                "kind": key.kind,
                "sealed": sealed,
                "record": key.record,
                "state": key.state,
                "created_at": key.created_at,
            }
            for key, sealed in made
        ],
    )


async def set_key_state(
    tx: Transaction, domain_id: DomainId, selector: str, state: KeyState, retire_at: int | None = None
) -> None:
    await tx.run(
        "UPDATE dkim_keys SET state = :state, retire_at = :retire_at WHERE tenant_id = :tenant"
        " AND domain_id = :domain_id AND selector = :selector",
        domain_id=domain_id,
        selector=selector,
        state=state,
        retire_at=retire_at,
    )


async def drop_key(tx: Transaction, domain_id: DomainId, selector: str) -> None:
    await tx.run(
        "DELETE FROM dkim_keys WHERE tenant_id = :tenant AND domain_id = :domain_id AND selector = :selector",
        domain_id=domain_id,
        selector=selector,
    )
