"""Consumers: named places in the order in which emails of a tenant or an inbox became visible; each gets each once."""

from __future__ import annotations

from dataclasses import dataclass

from letterlock.ids import AgentId, InboxId
from letterlock.store import emails, inboxes
from letterlock.store.database import Row, Transaction
from letterlock.store.emails import Email


@dataclass(frozen=True, slots=True)
class Consumer:
    """`place`: the number of the last email it was given, the inbox's or (`inbox_id` None: all inboxes) the tenant's;
    `before`: the same one answer earlier. `polled_at`: when it last moved, in milliseconds since 1970."""

    name: str
    inbox_id: InboxId | None
    place: int
    before: int
    polled_at: int


async def get(tx: Transaction, agent_id: AgentId, name: str, inbox_id: InboxId | None) -> Consumer | None:
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM consumers WHERE tenant_id = :tenant AND agent_id = :agent_id AND name = :name"
        " AND inbox_id = :inbox_id",
        agent_id=agent_id,
        name=name,
        inbox_id=inbox_id or "",
    )
    return _consumer(row) if row else None


async def of_agent(tx: Transaction, agent_id: AgentId) -> list[Consumer]:
    """By name."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM consumers WHERE tenant_id = :tenant AND agent_id = :agent_id ORDER BY name, inbox_id",
        agent_id=agent_id,
    )
    return [_consumer(row) for row in rows]


async def start(
    tx: Transaction, agent_id: AgentId, name: str, inbox_id: InboxId | None, place: int, now_ms: int, most: int
) -> bool:
    """A consumer that has been given everything up to `place`. False when the agent has `most` already."""
    row = await tx.one(
        "SELECT COUNT(*) AS n FROM consumers WHERE tenant_id = :tenant AND agent_id = :agent_id", agent_id=agent_id
    )
    if row and row["n"] >= most:
        return False
    await tx.run(
        "INSERT INTO consumers (tenant_id, agent_id, name, inbox_id, place, before, polled_at)"
        " VALUES (:tenant, :agent_id, :name, :inbox_id, :place, :place, :now) ON CONFLICT DO NOTHING",
        agent_id=agent_id,
        name=name,
        inbox_id=inbox_id or "",
        place=place,
        now=now_ms,
    )
    return True


async def take(tx: Transaction, agent_id: AgentId, consumer: Consumer, limit: int, now_ms: int) -> list[Email]:
    """Up to `limit` emails behind a consumer's place, oldest first; its place is behind them then."""
    found, place = await behind(tx, consumer.inbox_id, consumer.place, limit)
    if place != consumer.place:
        await tx.run(
            "UPDATE consumers SET place = :place, before = :before, polled_at = :now WHERE tenant_id = :tenant"
            " AND agent_id = :agent_id AND name = :name AND inbox_id = :inbox_id",
            agent_id=agent_id,
            name=consumer.name,
            inbox_id=consumer.inbox_id or "",
            place=place,
            # What was passed without being given (deleted since) is no answer that could be lost.
            before=consumer.place if found else consumer.before,
            now=now_ms,
        )
    return found


async def behind(tx: Transaction, inbox_id: InboxId | None, place: int, limit: int) -> tuple[list[Email], int]:
    """Up to `limit` emails behind a place, oldest first, and the place behind them (and behind all that is gone)."""
    latest = await last(tx, inbox_id)
    if inbox_id is not None:
        found = await emails.since(tx, inbox_id, place, limit)
        return found, found[-1].seq if len(found) == limit else max(latest, place)
    found = await emails.filed_after(tx, place, latest, limit)
    return found, found[-1].filed if len(found) == limit else max(latest, place)


async def last_given(tx: Transaction, consumer: Consumer, limit: int) -> list[Email]:
    """The emails of a consumer's last answer, oldest first."""
    found, _ = await behind(tx, consumer.inbox_id, consumer.before, limit)
    return [email for email in found if (email.seq if consumer.inbox_id else email.filed) <= consumer.place]


async def last(tx: Transaction, inbox_id: InboxId | None) -> int:
    """The place behind all there is."""
    if inbox_id is None:
        return await inboxes.last_filed(tx)
    inbox = await inboxes.find(tx, inbox_id)
    return inbox.last_seq if inbox else 0


async def remove(tx: Transaction, agent_id: AgentId, name: str) -> int:
    """For every inbox it was used with; returns how many."""
    return await tx.run(
        "DELETE FROM consumers WHERE tenant_id = :tenant AND agent_id = :agent_id AND name = :name",
        agent_id=agent_id,
        name=name,
    )


_COLUMNS = "name, inbox_id, place, before, polled_at"


def _consumer(row: Row) -> Consumer:
    return Consumer(row["name"], row["inbox_id"] or None, row["place"], row["before"], row["polled_at"])
