"""Rules, the labels of emails, who works on which thread, and what rules forward."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from letterlock.ids import AgentId, EmailId, InboxId, TenantId, ThreadId, new_id
from letterlock.routing import Condition, Outcome, Role, Rule
from letterlock.store.database import Row, Transaction

MOST_LABELS = 20
"""Of one email."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """Who works on a thread, and since when (milliseconds since 1970)."""

    thread_id: ThreadId
    agent_id: AgentId
    role: Role
    at: int


@dataclass(frozen=True, slots=True)
class Forward:
    """An email that a rule sends on to a person. `attempts`: how often that was begun. `forward_id` is random, so that
    nobody else can have sent under it."""

    tenant_id: TenantId
    forward_id: str
    email_id: EmailId
    thread_id: ThreadId
    rule_id: str
    address: str
    attempts: int


# --- rules ------------------------------------------------------------------------------------------------------------


async def rules(tx: Transaction) -> list[Rule]:
    """Those of the tenant, in the order in which they are asked."""
    rows = await tx.all(
        "SELECT rule_id, name, priority, stop, conditions, outcomes FROM rules WHERE tenant_id = :tenant"
        " ORDER BY priority DESC, rule_id"
    )
    return [_rule(row) for row in rows]


async def rule(tx: Transaction, rule_id: str) -> Rule | None:
    row = await tx.one(
        "SELECT rule_id, name, priority, stop, conditions, outcomes FROM rules WHERE tenant_id = :tenant"
        " AND rule_id = :rule_id",
        rule_id=rule_id,
    )
    return _rule(row) if row else None


async def add_rule(tx: Transaction, rule: Rule, agent_id: AgentId, now_ms: int, most: int) -> bool:
    """False when the tenant has `most` already."""
    row = await tx.one("SELECT COUNT(*) AS n FROM rules WHERE tenant_id = :tenant")
    if row and row["n"] >= most:
        return False
    await tx.run(
        "INSERT INTO rules (tenant_id, rule_id, name, priority, stop, conditions, outcomes, made_by, created_at)"
        " VALUES (:tenant, :rule_id, :name, :priority, :stop, :conditions, :outcomes, :made_by, :now)",
        rule_id=rule.rule_id,
        name=rule.name,
        priority=rule.priority,
        stop=int(rule.stop),
        conditions=json.dumps([asdict(one) for one in rule.conditions]),
        outcomes=json.dumps([asdict(one) for one in rule.outcomes]),
        made_by=agent_id,
        now=now_ms,
    )
    return True


async def remove_rule(tx: Transaction, rule_id: str) -> bool:
    return bool(await tx.run("DELETE FROM rules WHERE tenant_id = :tenant AND rule_id = :rule_id", rule_id=rule_id))


def _rule(row: Row) -> Rule:
    conditions, outcomes = _read(row["conditions"], row["outcomes"])
    return Rule(row["rule_id"], row["name"], row["priority"], bool(row["stop"]), conditions, outcomes)


@lru_cache(maxsize=2_000)
def _read(conditions: str, outcomes: str) -> tuple[tuple[Condition, ...], tuple[Outcome, ...]]:
    """Every email is compared with all rules of its tenant: they are read once."""
    return (
        tuple(Condition(one["fact"], one["comparison"], tuple(one["values"])) for one in json.loads(conditions)),
        tuple(Outcome(one["kind"], one["value"], one["role"]) for one in json.loads(outcomes)),
    )


# --- labels -----------------------------------------------------------------------------------------------------------


async def add_label(tx: Transaction, email_id: EmailId, label: str) -> bool:
    """False when the email has MOST_LABELS others."""
    found = await labels(tx, [email_id])
    if label in found.get(email_id, ()):
        return True
    if len(found.get(email_id, ())) >= MOST_LABELS:
        return False
    await tx.run(
        "INSERT INTO labels (tenant_id, label, email_id, filed) SELECT tenant_id, :label, email_id, filed FROM emails"
        " WHERE tenant_id = :tenant AND email_id = :email_id AND filed IS NOT NULL",
        label=label,
        email_id=email_id,
    )
    return True


async def remove_label(tx: Transaction, email_id: EmailId, label: str) -> bool:
    return bool(
        await tx.run(
            "DELETE FROM labels WHERE tenant_id = :tenant AND label = :label AND email_id = :email_id",
            label=label,
            email_id=email_id,
        )
    )


async def labels(tx: Transaction, email_ids: Sequence[EmailId]) -> dict[EmailId, tuple[str, ...]]:
    """The labels of those of these emails that have some."""
    names = {f"e{n}": email_id for n, email_id in enumerate(("", *email_ids))}
    rows = await tx.all(
        "SELECT email_id, label FROM labels WHERE tenant_id = :tenant"
        f" AND email_id IN ({', '.join(f':{name}' for name in names)}) ORDER BY label",
        **names,
    )
    found: dict[EmailId, tuple[str, ...]] = {}
    for row in rows:
        found[row["email_id"]] = (*found.get(row["email_id"], ()), row["label"])
    return found


# --- who works on a thread --------------------------------------------------------------------------------------------


async def inbox_of(tx: Transaction, thread_id: str) -> InboxId | None:
    """The live inbox a thread belongs to."""
    row = await tx.one(
        "SELECT t.inbox_id FROM threads t JOIN inboxes i ON i.tenant_id = t.tenant_id AND i.inbox_id = t.inbox_id"
        " AND i.deleted_at IS NULL WHERE t.tenant_id = :tenant AND t.thread_id = :thread_id",
        thread_id=thread_id,
    )
    return InboxId(row["inbox_id"]) if row else None


_OWNED = "SELECT agent_id FROM thread_agents WHERE tenant_id = :tenant AND thread_id = :thread_id AND role = 'OWNER'"


async def assign(tx: Transaction, thread_id: ThreadId, agent_id: AgentId, role: Role, now_ms: int) -> AgentId | None:
    """Give an agent a role in a thread, in the place of the one it has. Who was the owner of a thread that gets another
    goes on as a participant; returns who that is."""
    before = await tx.one(_OWNED, thread_id=thread_id) if role == "OWNER" else None
    if before is not None and before["agent_id"] != agent_id:
        await _put(tx, thread_id, before["agent_id"], "PARTICIPANT", now_ms)
    await _put(tx, thread_id, agent_id, role, now_ms)
    return AgentId(before["agent_id"]) if before is not None and before["agent_id"] != agent_id else None


async def _put(tx: Transaction, thread_id: ThreadId, agent_id: AgentId, role: Role, now_ms: int) -> None:
    await tx.run(
        "INSERT INTO thread_agents (tenant_id, thread_id, agent_id, role, at)"
        " VALUES (:tenant, :thread_id, :agent_id, :role, :now)"
        " ON CONFLICT (tenant_id, thread_id, agent_id) DO UPDATE SET role = :role, at = :now",
        thread_id=thread_id,
        agent_id=agent_id,
        role=role,
        now=now_ms,
    )


async def suggest(tx: Transaction, thread_id: ThreadId, agent_id: AgentId, role: Role, now_ms: int) -> bool:
    """The same for a rule: it changes no role that anybody has, and gives no thread a second owner. False when it did
    nothing, or the agent was removed."""
    if role == "OWNER" and await tx.one(_OWNED, thread_id=thread_id):
        return False
    return bool(
        await tx.run(
            "INSERT INTO thread_agents (tenant_id, thread_id, agent_id, role, at)"
            " SELECT tenant_id, :thread_id, agent_id, :role, :now FROM agents WHERE tenant_id = :tenant"
            " AND agent_id = :agent_id AND removed_at IS NULL ON CONFLICT DO NOTHING",
            thread_id=thread_id,
            agent_id=agent_id,
            role=role,
            now=now_ms,
        )
    )


async def unassign(tx: Transaction, thread_id: ThreadId, agent_id: AgentId) -> bool:
    return bool(
        await tx.run(
            "DELETE FROM thread_agents WHERE tenant_id = :tenant AND thread_id = :thread_id AND agent_id = :agent_id",
            thread_id=thread_id,
            agent_id=agent_id,
        )
    )


async def assigned(tx: Transaction, thread_id: ThreadId) -> list[Assigned]:
    """The owner first, then in the order they came."""
    rows = await tx.all(
        "SELECT thread_id, agent_id, role, at FROM thread_agents WHERE tenant_id = :tenant AND thread_id = :thread_id"
        " ORDER BY role <> 'OWNER', at, agent_id",
        thread_id=thread_id,
    )
    return [Assigned(row["thread_id"], row["agent_id"], row["role"], row["at"]) for row in rows]


# --- forwards ---------------------------------------------------------------------------------------------------------


async def add_forward(
    tx: Transaction, email_id: EmailId, thread_id: ThreadId, rule_id: str, address: str, now_ms: int
) -> bool:
    """Queue it, once for an email and an address."""
    return bool(
        await tx.run(
            "INSERT INTO forwards (tenant_id, forward_id, email_id, thread_id, rule_id, address, next_at, created_at)"
            " VALUES (:tenant, :forward_id, :email_id, :thread_id, :rule_id, :address, :now, :now)"
            " ON CONFLICT DO NOTHING",
            forward_id=new_id("fwd"),
            email_id=email_id,
            thread_id=thread_id,
            rule_id=rule_id,
            address=address,
            now=now_ms,
        )
    )


async def forwarded_in_thread(tx: Transaction, thread_id: ThreadId, since_ms: int) -> int:
    row = await tx.one(
        "SELECT COUNT(*) AS n FROM forwards WHERE tenant_id = :tenant AND thread_id = :thread_id"
        " AND created_at >= :since",
        thread_id=thread_id,
        since=since_ms,
    )
    return int(row["n"]) if row else 0


async def forwarded_by_rule(tx: Transaction, rule_id: str, address: str, since_ms: int) -> int:
    """How many emails a rule has sent on to this address since then."""
    row = await tx.one(
        "SELECT COUNT(*) AS n FROM forwards WHERE tenant_id = :tenant AND rule_id = :rule_id AND address = :address"
        " AND created_at >= :since",
        rule_id=rule_id,
        address=address,
        since=since_ms,
    )
    return int(row["n"]) if row else 0


async def due_forwards(tx: Transaction, now_ms: int, limit: int, besides: Iterable[str] = ()) -> list[Forward]:
    """The oldest that are due, apart from those in work. A system read."""
    names = {f"f{n}": name for n, name in enumerate(("", *besides))}
    rows = await tx.all(
        "SELECT tenant_id, forward_id, email_id, thread_id, rule_id, address, attempts FROM forwards"
        f" WHERE next_at <= :now AND forward_id NOT IN ({', '.join(f':{name}' for name in names)})"
        " ORDER BY next_at LIMIT :limit",
        now=now_ms,
        limit=limit,
        **names,
    )
    return [
        Forward(
            row["tenant_id"],
            row["forward_id"],
            row["email_id"],
            row["thread_id"],
            row["rule_id"],
            row["address"],
            row["attempts"],
        )
        for row in rows
    ]


async def end_forward(tx: Transaction, forward_id: str, ended: str) -> None:
    """`ended`: the submission it became, or the code of what kept it back."""
    await tx.run(
        "UPDATE forwards SET next_at = NULL, ended = :ended WHERE tenant_id = :tenant AND forward_id = :forward_id",
        forward_id=forward_id,
        ended=ended,
    )


async def put_off_forward(tx: Transaction, forward_id: str, next_at: int) -> None:
    await tx.run(
        "UPDATE forwards SET next_at = :next_at, attempts = attempts + 1"
        " WHERE tenant_id = :tenant AND forward_id = :forward_id",
        forward_id=forward_id,
        next_at=next_at,
    )
