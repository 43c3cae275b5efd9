"""Allow and block lists of people: whose mail is taken, who is written to; and the mail of who is blocked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from letterlock.ids import AgentId, EmailId, InboxId, TenantId
from letterlock.store.database import Transaction
from letterlock.store.retention import NOT_HELD

Side = Literal["from", "to"]
Kind = Literal["allow", "block"]
EVERYBODY: Final = "*"
"""Whose an entry is that holds for the whole tenant."""
KEPT_MS = 30 * 24 * 3_600_000
"""So long mail of blocked senders is kept."""
_MOST_LABELS = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """`whose`: an inbox, an agent, or EVERYBODY. `name`: an address, or @example.com. `at`: milliseconds since 1970."""

    side: Side
    kind: Kind
    whose: str
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """`sender`: as its From claims; `name`: the entry that keeps it away."""

    email_id: EmailId
    inbox_id: InboxId
    sender: str
    name: str
    at: int


async def add(tx: Transaction, entry: Entry) -> None:
    await tx.run(
        "INSERT INTO lists (tenant_id, side, kind, whose, name, at)"
        " VALUES (:tenant, :side, :kind, :whose, :name, :at) ON CONFLICT DO NOTHING",
        side=entry.side,
        kind=entry.kind,
        whose=entry.whose,
        name=entry.name,
        at=entry.at,
    )


async def remove(tx: Transaction, entry: Entry) -> bool:
    return bool(
        await tx.run(
            "DELETE FROM lists WHERE tenant_id = :tenant AND side = :side AND kind = :kind AND whose = :whose"
            " AND name = :name",
            side=entry.side,
            kind=entry.kind,
            whose=entry.whose,
            name=entry.name,
        )
    )


async def entries(tx: Transaction) -> list[Entry]:
    rows = await tx.all(
        "SELECT side, kind, whose, name, at FROM lists WHERE tenant_id = :tenant ORDER BY side, kind, name, whose"
    )
    return [Entry(row["side"], row["kind"], row["whose"], row["name"], row["at"]) for row in rows]


async def count(tx: Transaction) -> int:
    row = await tx.one("SELECT COUNT(*) AS n FROM lists WHERE tenant_id = :tenant")
    return int(row["n"]) if row else 0


async def blocks(tx: Transaction, side: Side, address_keys: Iterable[str], inbox_id: InboxId, agent_id: AgentId) -> str:
    """The entry that blocks one of these addresses for the inbox, its agent or the tenant; "" when none does."""
    names = list(dict.fromkeys(name for key in address_keys for name in names_of(key)))
    if not names:
        return ""
    bound = {f"name{n}": name for n, name in enumerate(names)}
    row = await tx.one(
        "SELECT name FROM lists WHERE tenant_id = :tenant AND side = :side AND kind = 'block'"
        f" AND name IN ({', '.join(f':{name}' for name in bound)}) AND whose IN (:everybody, :agent_id, :inbox_id)"
        " ORDER BY name LIMIT 1",
        side=side,
        everybody=EVERYBODY,
        agent_id=agent_id,
        inbox_id=inbox_id,
        **bound,
    )
    return str(row["name"]) if row else ""


def names_of(address_key: str) -> list[str]:
    """What an entry can be named that speaks of an address: itself, its domain, and those above that."""
    domain = address_key.rpartition("@")[2]
    if not domain:
        return []
    labels = domain.split(".")[-_MOST_LABELS:]
    return [address_key, *(f"@{'.'.join(labels[n:])}" for n in range(len(labels)))]


async def allowed(tx: Transaction, inbox_id: InboxId) -> tuple[str, ...]:
    """The domains whose authenticated mail the tenant, or the agent of this inbox, trusts."""
    rows = await tx.all(
        "SELECT DISTINCT name FROM lists WHERE tenant_id = :tenant AND side = 'from' AND kind = 'allow'"
        " AND (whose = :everybody OR whose IN (SELECT agent_id FROM inboxes WHERE tenant_id = :tenant"
        " AND inbox_id = :inbox_id)) ORDER BY name",
        everybody=EVERYBODY,
        inbox_id=inbox_id,
    )
    return tuple(row["name"].removeprefix("@") for row in rows)


# --- the mail of blocked senders --------------------------------------------------------------------------------------


async def put_away(tx: Transaction, blocked: Blocked) -> bool:
    """Keep an accepted email from everybody. False when it is filed already, or a person wants it."""
    kept = await tx.run(
        "INSERT INTO blocked (tenant_id, email_id, inbox_id, sender, name, at) SELECT tenant_id, email_id, inbox_id,"
        " :sender, :name, :at FROM emails WHERE tenant_id = :tenant AND email_id = :email_id AND state = 'received'"
        " ON CONFLICT DO NOTHING",
        email_id=blocked.email_id,
        sender=blocked.sender,
        name=blocked.name,
        at=blocked.at,
    )
    if not kept:
        return False
    await tx.run(
        "UPDATE emails SET state = 'deleted' WHERE tenant_id = :tenant AND email_id = :email_id",
        email_id=blocked.email_id,
    )
    return True


async def put_away_ones(tx: Transaction, after: str, limit: int) -> list[Blocked]:
    """Mail of blocked senders that is kept, from behind id `after`, oldest first."""
    rows = await tx.all(
        "SELECT email_id, inbox_id, sender, name, at FROM blocked WHERE tenant_id = :tenant AND email_id > :after"
        " AND released_at IS NULL ORDER BY email_id LIMIT :limit",
        after=after,
        limit=limit,
    )
    return [Blocked(row["email_id"], row["inbox_id"], row["sender"], row["name"], row["at"]) for row in rows]


async def release(tx: Transaction, email_id: str, now_ms: int) -> bool:
    """Have it filed like other mail. False when none of that id is kept away."""
    if not await tx.run(
        "UPDATE blocked SET released_at = :now WHERE tenant_id = :tenant AND email_id = :email_id"
        " AND released_at IS NULL",
        email_id=email_id,
        now=now_ms,
    ):
        return False
    await tx.run(
        "UPDATE emails SET state = 'received' WHERE tenant_id = :tenant AND email_id = :email_id AND state = 'deleted'",
        email_id=email_id,
    )
    return True


async def outdated(tx: Transaction, now_ms: int, limit: int) -> list[tuple[TenantId, EmailId]]:
    """Mail of blocked senders that was kept long enough, none of an inbox on hold. A system read."""
    rows = await tx.all(
        "SELECT b.tenant_id, b.email_id FROM blocked b JOIN inboxes i ON i.tenant_id = b.tenant_id AND i.inbox_id ="
        f" b.inbox_id WHERE b.released_at IS NULL AND b.at < :before AND {NOT_HELD} ORDER BY b.at LIMIT :limit",
        before=now_ms - KEPT_MS,
        limit=limit,
    )
    return [(row["tenant_id"], row["email_id"]) for row in rows]
