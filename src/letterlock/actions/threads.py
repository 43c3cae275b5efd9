"""Who works on a conversation: agents with roles, and people it is handed to. THREADS lists the actions.

What a role means is the tenant's to say: it opens and closes nothing. Handing a thread to a person does: until it is
resolved, what goes out from its inbox into it, or to who wrote in it, waits for a person (policy.py, `escalated`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from letterlock.actions.caller import APPROVE, READ, ROUTE, Caller
from letterlock.actions.catalog import BY_NAME, Action, Hints
from letterlock.actions.inboxes import Request
from letterlock.actions.pages import Paged, cursor_at, place_of
from letterlock.actions.reading import own_thread
from letterlock.actions.tenancy import own_agent
from letterlock.app import App
from letterlock.errors import Conflict, NotFound
from letterlock.routing import Role
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, escalations, routing
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.escalations import Escalation

MOST_AGENTS = 50
"""On one thread."""


class OneThread(Request):
    thread_id: Annotated[str, Field(min_length=1, max_length=64)]


class AssignThread(OneThread):
    agent_id: Annotated[str, Field(min_length=1, max_length=64, description="id or name")]
    role: Role = "PARTICIPANT"


class UnassignThread(OneThread):
    agent_id: Annotated[str, Field(min_length=1, max_length=64, description="id or name")]


class AgentAssigned(BaseModel):
    agent_id: str
    role: str
    since: datetime


class ThreadAgents(BaseModel):
    thread_id: str
    agents: list[AgentAssigned] = Field(description="the owner first")


class ListEscalations(Paged):
    resolved: Annotated[bool, Field(description="those that are done, in place of the open ones")] = False


class OneEscalation(Request):
    escalation_id: Annotated[str, Field(min_length=1, max_length=64)]


class ResolveEscalation(OneEscalation):
    note: Annotated[str, Field(max_length=2_000, description="for the agent, who reads it in get_thread")] = ""


class EscalationShown(BaseModel):
    escalation_id: str
    thread_id: str
    inbox_id: str
    email_id: str
    asked_by: str = Field(description="an agent, or a rule")
    reason: str
    state: str = Field(description="open or resolved")
    created_at: datetime
    resolved_at: datetime | None
    resolved_by: str
    note: str


class EscalationList(BaseModel):
    escalations: list[EscalationShown]
    next_cursor: str


# --- agents -----------------------------------------------------------------------------------------------------------


async def assign_thread(app: App, caller: Caller, request: AssignThread) -> ThreadAgents:
    """Give an agent a role in a conversation. There is one OWNER: who was it before goes on as a PARTICIPANT."""
    thread_id = await own_thread(app, caller, request.thread_id)
    agent = await own_agent(app, caller, request.agent_id)
    now = app.now_ms()

    async def assign(tx: Transaction) -> None:
        there = await routing.assigned(tx, thread_id)
        if len(there) >= MOST_AGENTS and agent.agent_id not in {one.agent_id for one in there}:
            raise Conflict(f"{MOST_AGENTS} agents work on it already.", next_step="Unassign one first.")
        await routing.assign(tx, thread_id, agent.agent_id, request.role, now)
        await audit.append(
            tx, now, caller.agent_id, "thread.assigned", thread_id, agent=agent.agent_id, role=request.role
        )

    await app.database.write(caller.tenant_id, assign)
    return await list_thread_agents(app, caller, OneThread(thread_id=thread_id))


async def unassign_thread(app: App, caller: Caller, request: UnassignThread) -> ThreadAgents:
    """Take an agent off a conversation."""
    thread_id = await own_thread(app, caller, request.thread_id)
    agent = await own_agent(app, caller, request.agent_id)

    async def unassign(tx: Transaction) -> None:
        if not await routing.unassign(tx, thread_id, agent.agent_id):
            raise NotFound(f"{agent.name} does not work on that thread.")
        await audit.append(tx, app.now_ms(), caller.agent_id, "thread.unassigned", thread_id, agent=agent.agent_id)

    await app.database.write(caller.tenant_id, unassign)
    return await list_thread_agents(app, caller, OneThread(thread_id=thread_id))


async def list_thread_agents(app: App, caller: Caller, request: OneThread) -> ThreadAgents:
    """Who works on a conversation, and as what."""
    thread_id = await own_thread(app, caller, request.thread_id)
    found = await app.database.read(caller.tenant_id, lambda tx: routing.assigned(tx, thread_id))
    return ThreadAgents(
        thread_id=thread_id,
        agents=[AgentAssigned(agent_id=one.agent_id, role=one.role, since=moment(one.at)) for one in found],
    )


# --- people -----------------------------------------------------------------------------------------------------------


async def list_escalations(app: App, caller: Caller, request: ListEscalations) -> EscalationList:
    """Conversations that wait for a person, oldest first."""
    kind = f"escalations {request.resolved}"
    after = place_of(caller, kind, request.cursor)
    found = await app.database.read(
        caller.tenant_id,
        lambda tx: escalations.listed(
            tx,
            resolved=request.resolved,
            after=str(after or ""),
            limit=request.limit + 1,
            inbox_id=caller.inbox_id,
        ),
    )
    page = found[: request.limit]
    return EscalationList(
        escalations=[_shown(one) for one in page],
        next_cursor=cursor_at(caller, kind, page[-1].escalation_id) if len(found) > request.limit else "",
    )


async def show_escalation(app: App, caller: Caller, request: OneEscalation) -> EscalationShown:
    """One conversation that was handed to a person, and what came of it."""
    return _shown(await app.database.read(caller.tenant_id, lambda tx: _own(tx, caller, request.escalation_id)))


async def resolve_escalation(app: App, caller: Caller, request: ResolveEscalation) -> EscalationShown:
    """Give a conversation back to its agents, with a note for them. What waits for approval goes on waiting."""
    now = app.now_ms()

    async def resolve(tx: Transaction) -> Escalation:
        found = await _own(tx, caller, request.escalation_id)
        note = safe_line(request.note, 2_000)
        if not await escalations.resolve(tx, found.escalation_id, caller.agent_id, note, now):
            raise Conflict(f"Escalation {found.escalation_id} is resolved already.")
        await audit.append(tx, now, caller.agent_id, "thread.resolved", found.escalation_id)
        return await _own(tx, caller, request.escalation_id)

    done = await app.database.write(caller.tenant_id, resolve)
    app.wake.hint(done.inbox_id, caller.tenant_id)
    return _shown(done)


async def _own(tx: Transaction, caller: Caller, escalation_id: str) -> Escalation:
    found = await escalations.get(tx, escalation_id)
    if found is None or caller.inbox_id not in (None, found.inbox_id):
        raise NotFound(
            f"Escalation '{safe_line(escalation_id, 64)}' not found.",
            next_step="`letterlock escalations list` shows those that are open.",
        )
    return found


def _shown(one: Escalation) -> EscalationShown:
    return EscalationShown(
        escalation_id=one.escalation_id,
        thread_id=one.thread_id,
        inbox_id=one.inbox_id,
        email_id=one.email_id,
        asked_by=one.asked_by,
        reason=one.reason,
        state="open" if one.resolved_at is None else "resolved",
        created_at=moment(one.created_at),
        resolved_at=moment(one.resolved_at) if one.resolved_at is not None else None,
        resolved_by=one.resolved_by,
        note=one.note,
    )


_READS = Hints(read_only=True, idempotent=True)
_AGAIN = Hints(idempotent=True)

THREADS: tuple[Action, ...] = (
    Action("assign_thread", "Assign thread", "reading", ROUTE, _AGAIN, AssignThread, ThreadAgents, assign_thread),
    Action(
        "unassign_thread", "Unassign thread", "reading", ROUTE, _AGAIN, UnassignThread, ThreadAgents, unassign_thread
    ),
    Action(
        "list_thread_agents", "List agents of thread", "reading", READ, _READS,
        OneThread, ThreadAgents, list_thread_agents,
    ),
    # Models are offered it on demand, other programs always.
    replace(BY_NAME["escalate_email"], toolset="reading"),
    Action(
        "list_escalations", "List escalations", "reading", READ, _READS,
        ListEscalations, EscalationList, list_escalations,
    ),
    Action(
        "show_escalation", "Show escalation", "reading", READ, _READS, OneEscalation, EscalationShown, show_escalation
    ),
    Action(
        "resolve_escalation", "Resolve escalation", "reading", APPROVE, Hints(),
        ResolveEscalation, EscalationShown, resolve_escalation,
    ),
)  # fmt: skip
