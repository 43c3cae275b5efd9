"""Inboxes: addresses that receive and send."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from letterlock.ids import AgentId, InboxId, MailboxId, TenantId
from letterlock.store import audit, mailboxes, pool
from letterlock.store.database import Row, Transaction
from letterlock.store.retention import NOT_HELD

RESTORABLE_MS = 7 * 24 * 3600 * 1000
"""A deleted inbox can be restored for this long; then upkeep removes it with its mail."""
ACTIVITY_NOTED_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Inbox:
    """Times in milliseconds since 1970. `last_seq`: the number of its newest email, 0 when there is none. `active_at`:
    when mail last came or somebody last asked for it, to ACTIVITY_NOTED_MS. `mailbox_id`: the mailbox
    elsewhere that its mail is fetched from."""

    tenant_id: TenantId
    inbox_id: InboxId
    agent_id: AgentId
    address: str
    purpose: str
    last_seq: int
    created_at: int
    expires_at: int | None
    deleted_at: int | None
    active_at: int = 0
    mailbox_id: MailboxId | None = None


def _bound(names: Iterable[str]) -> str:
    return ", ".join(f":{name}" for name in names)


_COLUMNS = (
    "tenant_id, inbox_id, agent_id, address, purpose, last_seq, created_at, expires_at, deleted_at, active_at,"
    " mailbox_id"
)


def _inbox(row: Row) -> Inbox:
    return Inbox(
        row["tenant_id"],
        row["inbox_id"],
        row["agent_id"],
        row["address"],
        row["purpose"],
        row["last_seq"],
        row["created_at"],
        row["expires_at"],
        row["deleted_at"],
        row["active_at"],
        row["mailbox_id"],
    )


async def add(tx: Transaction, inbox: Inbox, address_keys: tuple[str, ...], *, owned: bool = False) -> bool:
    """Under the last of `address_keys`. False when any of them is taken (by anyone, also by an inbox that was deleted
    and not yet removed), was another tenant's (`owned`: but the domain is this one's by now), or is the own address of
    a mailbox elsewhere."""
    if await mailboxes.owners_own(tx, address_keys):
        return False
    *others, address_key = address_keys
    names = {f"other{n}": key for n, key in enumerate(others)}
    changed = await tx.run(
        f"INSERT INTO inboxes ({_ADDED}) SELECT {_ADDED_VALUES}"
        f" WHERE NOT EXISTS (SELECT 1 FROM inboxes WHERE address_key IN ({_bound(names)}))"
        " AND NOT EXISTS (SELECT 1 FROM former_addresses WHERE address_key IN (:address_key, :former)"
        " AND tenant_id <> :tenant AND :owned = 0)"
        " AND NOT EXISTS (SELECT 1 FROM pool WHERE address_key = :address_key)"
        " ON CONFLICT (address_key) DO NOTHING",
        former=await tx.seal(pool.former(address_key)),
        owned=int(owned),
        **_added(inbox, address_key, pooled=False),
        **names,
    )
    return changed == 1


async def add_leased(tx: Transaction, inbox: Inbox, address_key: str) -> bool:
    """With an address that was just leased from the pool, where it comes back to. While it was there nobody could have
    it (add, pool.add), so that little is left to look at."""
    changed = await tx.run(
        f"INSERT INTO inboxes ({_ADDED}) VALUES ({_ADDED_VALUES}) ON CONFLICT (address_key) DO NOTHING",
        **_added(inbox, address_key, pooled=True),
    )
    return changed == 1


_ADDED = (
    "tenant_id, inbox_id, agent_id, address, address_key, domain, purpose, created_at, expires_at, pooled, active_at,"
    " mailbox_id"
)
_ADDED_VALUES = (
    ":tenant, :inbox_id, :agent_id, :address, :address_key, :domain, :purpose, :created_at, :expires_at, :pooled,"
    " :created_at, :mailbox_id"
)


def _added(inbox: Inbox, address_key: str, *, pooled: bool) -> dict[str, object]:
    return {
        "inbox_id": inbox.inbox_id,
        "agent_id": inbox.agent_id,
        "address": inbox.address,
        "address_key": address_key,
        "domain": address_key.rpartition("@")[2],
        "purpose": inbox.purpose,
        "created_at": inbox.created_at,
        "expires_at": inbox.expires_at,
        "pooled": int(pooled),
        "mailbox_id": inbox.mailbox_id,
    }


async def find(tx: Transaction, *names: str) -> Inbox | None:
    """An inbox of the tenant by its id, or by the first of its address keys that there is, deleted ones too."""
    for name in dict.fromkeys(names):
        row = await tx.one(
            f"SELECT {_COLUMNS} FROM inboxes WHERE tenant_id = :tenant AND (inbox_id = :name OR address_key = :name)",
            name=name,
        )
        if row:
            return _inbox(row)
    return None


_LIVE = "i.deleted_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > :now)"
# Of a domain that its tenant holds, that nobody here holds and the tenant never lost, or of the house's own.
_OF_LIVE_DOMAIN = (
    "(i.domain = :house OR NOT EXISTS (SELECT 1 FROM domains d WHERE d.name = i.domain"
    " AND (d.tenant_id = i.tenant_id) <> (d.state IN ('verified', 'failing'))))"
)


ANYONE = TenantId("*")
"""For `within`: it is no matter who hands mail in."""
# Mail for a domain that nothing but a mailbox's catch-all speaks for comes out of that mailbox, or from its own tenant.
# Its addresses have no tag, and those of a mailbox without a domain all do.
_REACHED = (
    "(i.mailbox_id IS NULL OR i.address_key LIKE '%+%' OR i.domain = :house OR :within IN (i.tenant_id, '*') OR EXISTS"
    " (SELECT 1 FROM domains h WHERE h.tenant_id = i.tenant_id AND h.name = i.domain"
    " AND h.state IN ('verified', 'failing')))"
)


async def find_by_address(
    tx: Transaction, address_keys: tuple[str, ...], house: str, now_ms: int, within: TenantId | None = None
) -> Inbox | None:
    """The live inbox of whichever tenant for mail to the first of these keys that has one, else the one that gets what
    no other of their domain does. `house`: the domain of the settings; `within`: whose mail it is, None for a
    stranger's. A system read."""
    names = {f"key{n}": key for n, key in enumerate(dict.fromkeys(address_keys))}
    if not names:
        return None
    rows = await tx.all(
        f"SELECT {_COLUMNS}, address_key FROM inboxes i WHERE address_key IN ({_bound(names)}) AND {_LIVE}"
        f" AND {_OF_LIVE_DOMAIN} AND {_REACHED}",
        house=house,
        now=now_ms,
        within=within or "",
        **names,
    )
    found = {row["address_key"]: row for row in rows}
    if found:
        return _inbox(next(found[key] for key in names.values() if key in found))
    rest = await tx.one(
        f"SELECT {_COLUMNS} FROM inboxes i WHERE (tenant_id, inbox_id) IN (SELECT tenant_id, catch_all FROM domains"
        f" WHERE name = :name AND state IN ('verified', 'failing')) AND {_LIVE} AND {_OF_LIVE_DOMAIN}",
        name=address_keys[0].rpartition("@")[2],
        house=house,
        now=now_ms,
    )
    return _inbox(rest) if rest else None


async def find_by_token(tx: Transaction, token: str, house: str, now_ms: int) -> Inbox | None:
    """The live inbox whose email names `token` in its return path. A system read, for SMTP."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM inboxes i WHERE (tenant_id, inbox_id) IN (SELECT s.tenant_id, s.inbox_id"
        " FROM deliveries d JOIN submissions s ON s.tenant_id = d.tenant_id AND s.submission_id = d.submission_id"
        f" WHERE d.token = :token AND d.token <> '') AND {_LIVE} AND {_OF_LIVE_DOMAIN}",
        token=token,
        house=house,
        now=now_ms,
    )
    return _inbox(row) if row else None


async def give_up(tx: Transaction, domain: str, holder: TenantId, actor: str, now_ms: int, limit: int) -> int:
    """Delete inboxes that other tenants have of a domain which `holder` holds now, for good: their addresses are free.
    Each that was live is in its tenant's audit log, and so among the events. Returns how many. A system write."""
    rows = await tx.all(
        "SELECT tenant_id, inbox_id, deleted_at FROM inboxes WHERE domain = :domain AND tenant_id <> :holder"
        " LIMIT :limit",
        domain=domain,
        holder=holder,
        limit=limit,
    )
    for row in rows:
        mine = tx.bound_to(row["tenant_id"])
        await mine.run(
            "UPDATE inboxes SET deleted_at = COALESCE(deleted_at, :now), address_key = address_key || ' ' || inbox_id,"
            " domain = '' WHERE tenant_id = :tenant AND inbox_id = :inbox_id",
            inbox_id=row["inbox_id"],
            now=now_ms,
        )
        if row["deleted_at"] is None:
            await audit.append(mine, now_ms, actor, "inbox.deleted", row["inbox_id"], why="domain")
    return len(rows)


async def listed(
    tx: Transaction, now_ms: int, limit: int, after: str = "", only: InboxId | None = None
) -> list[tuple[Inbox, int]]:
    """Live inboxes (or `only` this one) with their number of unread emails, oldest first, from behind id `after`."""
    rows = await tx.all(
        f"SELECT {_COLUMNS}, (SELECT COUNT(*) FROM emails e WHERE e.tenant_id = i.tenant_id"
        " AND e.inbox_id = i.inbox_id AND e.unread = 1) AS unread"
        " FROM inboxes i WHERE tenant_id = :tenant AND deleted_at IS NULL AND inbox_id > :after"
        " AND inbox_id = COALESCE(:only, inbox_id)"
        " AND (expires_at IS NULL OR expires_at > :now) ORDER BY inbox_id LIMIT :limit",
        now=now_ms,
        after=after,
        only=only,
        limit=limit,
    )
    return [(_inbox(row), row["unread"]) for row in rows]


async def count(tx: Transaction, now_ms: int) -> int:
    """How many live inboxes the tenant has."""
    row = await tx.one(
        "SELECT COUNT(*) AS n FROM inboxes WHERE tenant_id = :tenant AND deleted_at IS NULL"
        " AND (expires_at IS NULL OR expires_at > :now)",
        now=now_ms,
    )
    return int(row["n"]) if row else 0


async def lasts(tx: Transaction, inbox_ids: Iterable[InboxId], now_ms: int) -> dict[InboxId, int]:
    """The number of the newest email of each of these that is live; 0 when there is none."""
    names = {f"i{n}": inbox_id for n, inbox_id in enumerate(inbox_ids)}
    rows = await tx.all(
        "SELECT i.inbox_id, i.last_seq FROM inboxes i WHERE i.tenant_id = :tenant"
        f" AND i.inbox_id IN ({_bound(names)}) AND {_LIVE}",
        now=now_ms,
        **names,
    )
    return {row["inbox_id"]: row["last_seq"] for row in rows}


async def last_filed(tx: Transaction) -> int:
    """The tenant's number of its newest email, 0 when there never was one."""
    row = await tx.one("SELECT last_filed FROM tenants WHERE tenant_id = :tenant")
    return int(row["last_filed"]) if row else 0


async def allowed(tx: Transaction, inbox_id: InboxId) -> tuple[str, ...]:
    """The domains whose authenticated mail the inbox trusts."""
    row = await tx.one(
        "SELECT allowed FROM inboxes WHERE tenant_id = :tenant AND inbox_id = :inbox_id", inbox_id=inbox_id
    )
    return tuple(row["allowed"].split()) if row else ()


async def all_allowed(tx: Transaction) -> list[tuple[InboxId, tuple[str, ...]]]:
    """The same of each inbox that trusts somebody."""
    rows = await tx.all(
        "SELECT inbox_id, allowed FROM inboxes WHERE tenant_id = :tenant AND allowed <> '' AND deleted_at IS NULL"
    )
    return [(row["inbox_id"], tuple(row["allowed"].split())) for row in rows]


async def set_allowed(tx: Transaction, inbox_id: InboxId, domains: Iterable[str]) -> None:
    await tx.run(
        "UPDATE inboxes SET allowed = :allowed WHERE tenant_id = :tenant AND inbox_id = :inbox_id",
        inbox_id=inbox_id,
        allowed=" ".join(domains),
    )


async def mark_deleted(tx: Transaction, inbox_id: InboxId, at_ms: int) -> bool:
    changed = await tx.run(
        "UPDATE inboxes SET deleted_at = :at WHERE tenant_id = :tenant AND inbox_id = :inbox_id AND deleted_at IS NULL",
        inbox_id=inbox_id,
        at=at_ms,
    )
    return changed == 1


async def restore(tx: Transaction, inbox_id: InboxId, now_ms: int) -> bool:
    changed = await tx.run(
        "UPDATE inboxes AS i SET deleted_at = NULL, expires_at = NULL, active_at = :now WHERE i.tenant_id = :tenant"
        f" AND i.inbox_id = :inbox_id AND (i.deleted_at > :since OR NOT {NOT_HELD}) AND i.deleted_at IS NOT NULL"
        " AND i.domain <> ''",
        inbox_id=inbox_id,
        since=now_ms - RESTORABLE_MS,
        now=now_ms,
    )
    return changed == 1


async def end_at(tx: Transaction, inbox_id: InboxId, at_ms: int) -> bool:
    """Its time comes then, unless it comes before. False when it was deleted."""
    changed = await tx.run(
        "UPDATE inboxes SET expires_at = CASE WHEN expires_at < :at THEN expires_at ELSE :at END"
        " WHERE tenant_id = :tenant AND inbox_id = :inbox_id AND deleted_at IS NULL",
        inbox_id=inbox_id,
        at=at_ms,
    )
    return changed == 1


async def note_activity(tx: Transaction, inbox_id: InboxId, now_ms: int) -> None:
    await tx.run(
        "UPDATE inboxes SET active_at = :now WHERE tenant_id = :tenant AND inbox_id = :inbox_id AND active_at < :now",
        inbox_id=inbox_id,
        now=now_ms,
    )


async def deleted(tx: Transaction, now_ms: int, limit: int, after: str = "") -> list[Inbox]:
    """Those that can be restored, in the order of their ids, from behind `after`."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM inboxes i WHERE tenant_id = :tenant AND deleted_at IS NOT NULL AND domain <> ''"
        f" AND (deleted_at > :since OR NOT {NOT_HELD}) AND inbox_id > :after ORDER BY inbox_id LIMIT :limit",
        since=now_ms - RESTORABLE_MS,
        after=after,
        limit=limit,
    )
    return [_inbox(row) for row in rows]


async def stored_bytes(tx: Transaction) -> int:
    """Bytes of the tenant's filed emails, as they came."""
    row = await tx.one("SELECT stored_bytes FROM tenants WHERE tenant_id = :tenant")
    return int(row["stored_bytes"]) if row else 0


async def stored_bytes_of_all(tx: Transaction) -> int:
    """The same of all tenants. A system read."""
    row = await tx.one("SELECT SUM(stored_bytes) AS n FROM tenants")
    return int(row["n"] or 0) if row else 0


async def remove(tx: Transaction, inbox_id: InboxId, now_ms: int, limit: int) -> bool:
    """The row of an inbox whose emails are gone, and what else hangs on it, up to `limit` of each. Its address stays
    its tenant's. True when all is done."""
    left = 0
    for table, key in HANGING:
        left += await tx.run(
            f"DELETE FROM {table} WHERE tenant_id = :tenant AND ({key}) IN (SELECT {key} FROM {table}"
            " WHERE tenant_id = :tenant AND inbox_id = :inbox_id LIMIT :limit)"
            " AND inbox_id = :inbox_id",
            inbox_id=inbox_id,
            limit=limit,
        )
    if left:
        return False
    await tx.run(
        "INSERT INTO former_addresses (address_key, tenant_id) SELECT address_key, tenant_id FROM inboxes"
        " WHERE tenant_id = :tenant AND inbox_id = :inbox_id AND domain <> ''"
        " ON CONFLICT (address_key) DO UPDATE SET tenant_id = excluded.tenant_id",
        inbox_id=inbox_id,
    )
    await pool.give_back(tx, inbox_id, now_ms)
    await tx.run(
        "UPDATE domains SET catch_all = NULL WHERE tenant_id = :tenant AND catch_all = :inbox_id", inbox_id=inbox_id
    )
    await tx.run("DELETE FROM lists WHERE tenant_id = :tenant AND whose = :inbox_id", inbox_id=inbox_id)
    await tx.run("DELETE FROM inboxes WHERE tenant_id = :tenant AND inbox_id = :inbox_id", inbox_id=inbox_id)
    return True


# What is of one inbox, and what names a row of it there.
HANGING = (
    ("acceptances", "fingerprint"),
    ("thread_messages", "message_id"),
    ("threads", "thread_id"),
    ("submissions", "submission_id"),
    ("consumers", "agent_id, name"),
    ("webhooks", "webhook_id"),
    ("keys", "key_id"),
)
