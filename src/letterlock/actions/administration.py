"""ADMINISTRATION: tenants, agents, keys and limits, the stop of all sending, reputation, as actions for people.

What each does stands in tenancy.py and people.py. `tenant` names another tenant than the caller's own: admins of the
default tenant may, for everybody else there is no other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from letterlock.actions import people, tenancy
from letterlock.actions.caller import ADMIN, AGENT_SCOPES, EVERY_SCOPE, RELEASE, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import Request
from letterlock.actions.pages import Paged, page
from letterlock.actions.platform import Usage, usage
from letterlock.app import App
from letterlock.screen.safe_text import safe_line
from letterlock.store.emails import moment
from letterlock.store.tenants import Agent, Key, NewKey, Tenant

_DAY_S, _HOUR_S = 24 * 3600, 3600

_TenantName = Annotated[str, Field(min_length=1, max_length=64, description="name or id of a tenant")]
_OtherTenant = Annotated[
    str, Field(max_length=64, description="tenant it is about, for admins of the default tenant; empty: your own")
]
_Name = Annotated[str, Field(min_length=1, max_length=63, description="small letters, digits, dots, hyphens")]
_AgentName = Annotated[str, Field(min_length=1, max_length=64, description="name or id of an agent or a person")]
_KeyId = Annotated[str, Field(min_length=1, max_length=64, description="id of a key, or its last four characters")]


# --- tenants ----------------------------------------------------------------------------------------------------------


class AddTenant(Request):
    name: _Name


class ListTenants(Paged):
    closed: Annotated[bool, Field(description="closed ones too")] = False


class OneTenant(Request):
    tenant: _TenantName


class RenameTenant(OneTenant):
    name: _Name


class SetLimit(OneTenant):
    limit: Annotated[str, Field(min_length=1, max_length=60, description="as list_limits names it")]
    most: Annotated[int | None, Field(ge=0, le=tenancy.MOST_LIMIT, description="in an hour; null: as the settings say")]


class TenantShown(BaseModel):
    tenant_id: str
    name: str
    created_at: datetime
    closed_at: datetime | None


class TenantPage(BaseModel):
    tenants: list[TenantShown]
    next_cursor: str


class TenantClosed(BaseModel):
    tenant: str
    inboxes_deleted: int


class TenantLimitShown(BaseModel):
    name: str
    most: int = Field(description="in an hour")
    own: bool = Field(description="it was set for this tenant; else it is what the settings say")


class TenantLimits(BaseModel):
    limits: list[TenantLimitShown]


def _tenant(one: Tenant) -> TenantShown:
    return TenantShown(
        tenant_id=one.tenant_id,
        name=one.name,
        created_at=moment(one.created_at),
        closed_at=moment(one.closed_at) if one.closed_at is not None else None,
    )


async def add_tenant(app: App, caller: Caller, request: AddTenant) -> TenantShown:
    """Make a tenant. For admins of the default tenant."""
    return _tenant(await tenancy.add_tenant(app, request.name, caller=caller))


async def list_tenants(app: App, caller: Caller, request: ListTenants) -> TenantPage:
    """Tenants in the order they were made. For admins of the default tenant."""
    found = await tenancy.list_tenants(app, closed=request.closed, caller=caller)
    part, more = page(caller, "tenants", found, lambda one: one.tenant_id, request)
    return TenantPage(tenants=[_tenant(one) for one in part], next_cursor=more)


async def rename_tenant(app: App, caller: Caller, request: RenameTenant) -> TenantShown:
    """Give a tenant another name; its id stays. For admins of the default tenant."""
    return _tenant(await tenancy.rename_tenant(app, request.tenant, request.name, caller=caller))


async def close_tenant(app: App, caller: Caller, request: OneTenant) -> TenantClosed:
    """End a tenant: its keys, its sending, its inboxes. For admins of the default tenant."""
    deleted = await tenancy.close_tenant(app, request.tenant, caller=caller)
    return TenantClosed(tenant=request.tenant, inboxes_deleted=deleted)


async def list_limits(app: App, caller: Caller, request: OneTenant) -> TenantLimits:
    """The limits of a tenant. For admins of the default tenant."""
    found = await tenancy.tenant_limits(app, request.tenant, caller=caller)
    return TenantLimits(limits=[TenantLimitShown(name=one.name, most=one.most, own=one.own) for one in found])


async def set_limit(app: App, caller: Caller, request: SetLimit) -> TenantLimits:
    """Set a limit of a tenant. For admins of the default tenant."""
    await tenancy.set_limit(app, request.tenant, request.limit, request.most, caller=caller)
    return await list_limits(app, caller, OneTenant(tenant=request.tenant))


async def tenant_usage(app: App, caller: Caller, request: OneTenant) -> Usage:
    """The limits of a tenant and what is left of them; how many inboxes there are."""
    return await usage(app, (await tenancy.acting_in(app, caller, request.tenant)).tenant_id)


# --- agents -----------------------------------------------------------------------------------------------------------


class AddAgent(Request):
    name: _Name
    person: Annotated[bool, Field(description="only their keys may approve, reveal, release, admin")] = False
    tenant: _OtherTenant = ""


class ListAgents(Paged):
    tenant: _OtherTenant = ""


class RemoveAgent(Request):
    agent: _AgentName
    tenant: _OtherTenant = ""


class AgentShown(BaseModel):
    agent_id: str
    name: str
    kind: str = Field(description="agent, or person")
    created_at: datetime


class AgentPage(BaseModel):
    agents: list[AgentShown]
    next_cursor: str


class AgentRemoved(BaseModel):
    agent: str
    inboxes_deleted: int


def _agent(one: Agent) -> AgentShown:
    return AgentShown(agent_id=one.agent_id, name=one.name, kind=one.kind, created_at=moment(one.created_at))


async def add_agent(app: App, caller: Caller, request: AddAgent) -> AgentShown:
    """Make an agent, or a person."""
    caller = await tenancy.acting_in(app, caller, request.tenant)
    return _agent(await tenancy.add_agent(app, request.name, person=request.person, caller=caller))


async def list_agents(app: App, caller: Caller, request: ListAgents) -> AgentPage:
    """Agents and people of a tenant."""
    caller = await tenancy.acting_in(app, caller, request.tenant)
    found = await tenancy.list_agents(app, caller=caller)
    part, more = page(caller, "agents", found, lambda one: one.agent_id, request)
    return AgentPage(agents=[_agent(one) for one in part], next_cursor=more)


async def remove_agent(app: App, caller: Caller, request: RemoveAgent) -> AgentRemoved:
    """End an agent: its keys, its inboxes."""
    caller = await tenancy.acting_in(app, caller, request.tenant)
    deleted = await tenancy.remove_agent(app, request.agent, caller=caller)
    return AgentRemoved(agent=request.agent, inboxes_deleted=deleted)


# --- keys -------------------------------------------------------------------------------------------------------------


class MakeKey(Request):
    agent: _AgentName
    scopes: Annotated[
        list[Annotated[str, Field(max_length=40)]], Field(max_length=len(EVERY_SCOPE), description="what it may do")
    ] = sorted(AGENT_SCOPES)
    inbox: Annotated[str, Field(max_length=320, description="id or address: for this one inbox only")] = ""
    name: Annotated[str, Field(max_length=80, description="what it is for")] = ""
    days: Annotated[float | None, Field(gt=0, le=3650, description="it ends after so many; null: never")] = None
    tenant: _OtherTenant = ""


class ListKeys(Paged):
    tenant: _OtherTenant = ""


class RevokeKey(Request):
    key_id: _KeyId
    tenant: _OtherTenant = ""


class RotateKey(RevokeKey):
    grace_hours: Annotated[float, Field(ge=0, le=720, description="so long the old one still counts")] = 0


class KeyShown(BaseModel):
    key_id: str
    hint: str = Field(description="its last four characters")
    agent_id: str
    scopes: list[str]
    inbox_id: str = Field(description="empty: all inboxes")
    name: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None = Field(description="when it was last used, to the minute")


class KeyPage(BaseModel):
    keys: list[KeyShown]
    next_cursor: str


class KeyMade(BaseModel):
    key_id: str
    key: str = Field(description="shown this once; sent as 'Authorization: Bearer KEY'")


def _key(one: Key) -> KeyShown:
    return KeyShown(
        key_id=one.key_id,
        hint=one.hint,
        agent_id=one.agent_id,
        scopes=sorted(one.scopes),
        inbox_id=one.inbox_id or "",
        name=safe_line(one.name, 80),
        created_at=moment(one.created_at),
        expires_at=moment(one.expires_at) if one.expires_at is not None else None,
        used_at=moment(one.used_at) if one.used_at is not None else None,
    )


def _made(one: NewKey) -> KeyMade:
    return KeyMade(key_id=one.key_id, key=one.text)


async def make_key(app: App, caller: Caller, request: MakeKey) -> KeyMade:
    """Make a key of an agent; it is shown this once. Scopes of people go to people only, from a key that has them."""
    made = await tenancy.make_key(
        app,
        request.agent,
        scopes=request.scopes,
        name=request.name,
        inbox=request.inbox,
        expires_s=max(1, round(request.days * _DAY_S)) if request.days is not None else None,
        caller=await tenancy.acting_in(app, caller, request.tenant),
    )
    return _made(made)


async def list_keys(app: App, caller: Caller, request: ListKeys) -> KeyPage:
    """The live keys of a tenant."""
    caller = await tenancy.acting_in(app, caller, request.tenant)
    found = await tenancy.list_keys(app, caller=caller)
    part, more = page(caller, "keys", found, lambda one: one.key_id, request)
    return KeyPage(keys=[_key(one) for one in part], next_cursor=more)


async def revoke_key(app: App, caller: Caller, request: RevokeKey) -> KeyShown:
    """End a key now."""
    caller = await tenancy.acting_in(app, caller, request.tenant)
    return _key(await tenancy.revoke_key(app, request.key_id, caller=caller))


async def rotate_key(app: App, caller: Caller, request: RotateKey) -> KeyMade:
    """Make a new key that may do the same in the place of one; it is shown this once."""
    caller = await tenancy.acting_in(app, caller, request.tenant)
    grace_s = round(request.grace_hours * _HOUR_S)
    return _made(await tenancy.rotate_key(app, request.key_id, grace_s=grace_s, caller=caller))


# --- sending ----------------------------------------------------------------------------------------------------------


class Pause(Request):
    tenant: _OtherTenant = ""


class Paused(BaseModel):
    paused: bool = Field(description="nothing goes out")


class ResumeInbox(Request):
    inbox: Annotated[str, Field(min_length=1, max_length=320, description="id or address")]


class InboxResumed(BaseModel):
    address: str


class GetReputation(Request):
    tenant: _OtherTenant = ""


class ReputationShown(BaseModel):
    of: str = Field(description="address of an inbox, or @domain")
    days: int
    sent: int = Field(description="recipients outside that were tried")
    bounced: int
    bounced_softly: int
    complained: int
    replied: int


class Reputations(BaseModel):
    reputation: list[ReputationShown]


async def get_pause(app: App, caller: Caller, request: Pause) -> Paused:
    """Whether a person has stopped all mail to the outside."""
    return Paused(paused=await people.is_paused(app, caller=await tenancy.acting_in(app, caller, request.tenant)))


async def pause(app: App, caller: Caller, request: Pause) -> Paused:
    """Stop all mail to the outside at once, what is queued too."""
    await people.pause(app, caller=await tenancy.acting_in(app, caller, request.tenant))
    return Paused(paused=True)


async def end_pause(app: App, caller: Caller, request: Pause) -> Paused:
    """Let mail to the outside go on."""
    await people.pause(app, end=True, caller=await tenancy.acting_in(app, caller, request.tenant))
    return Paused(paused=False)


async def resume_inbox(app: App, caller: Caller, request: ResumeInbox) -> InboxResumed:
    """Let an inbox send again that was stopped because its mail bounced."""
    return InboxResumed(address=await people.resume_inbox(app, request.inbox, caller=caller))


async def get_reputation(app: App, caller: Caller, request: GetReputation) -> Reputations:
    """What became of mail sent to the outside, by inbox and by domain, over a day, a week and a month."""
    found = await people.reputations(app, caller=await tenancy.acting_in(app, caller, request.tenant))
    return Reputations(
        reputation=[
            ReputationShown(
                of=one.of,
                days=one.days,
                sent=one.sent,
                bounced=one.bounced,
                bounced_softly=one.bounced_softly,
                complained=one.complained,
                replied=one.replied,
            )
            for one in found
        ]
    )


_READS = Hints(read_only=True, idempotent=True)
_AGAIN = Hints(idempotent=True)
_ENDS = Hints(destructive=True, idempotent=True)

ADMINISTRATION: tuple[Action, ...] = (
    Action("add_tenant", "Add tenant", "inboxes", ADMIN, Hints(), AddTenant, TenantShown, add_tenant),
    Action("list_tenants", "List tenants", "inboxes", ADMIN, _READS, ListTenants, TenantPage, list_tenants),
    Action("rename_tenant", "Rename tenant", "inboxes", ADMIN, _AGAIN, RenameTenant, TenantShown, rename_tenant),
    Action("close_tenant", "Close tenant", "inboxes", ADMIN, _ENDS, OneTenant, TenantClosed, close_tenant),
    Action("list_limits", "List limits", "inboxes", ADMIN, _READS, OneTenant, TenantLimits, list_limits),
    Action("set_limit", "Set limit", "inboxes", ADMIN, _AGAIN, SetLimit, TenantLimits, set_limit),
    Action("tenant_usage", "Show usage of tenant", "inboxes", ADMIN, _READS, OneTenant, Usage, tenant_usage),
    Action("add_agent", "Add agent", "inboxes", ADMIN, Hints(), AddAgent, AgentShown, add_agent),
    Action("list_agents", "List agents", "inboxes", ADMIN, _READS, ListAgents, AgentPage, list_agents),
    Action("remove_agent", "Remove agent", "inboxes", ADMIN, _ENDS, RemoveAgent, AgentRemoved, remove_agent),
    Action("make_key", "Make key", "inboxes", ADMIN, Hints(), MakeKey, KeyMade, make_key),
    Action("list_keys", "List keys", "inboxes", ADMIN, _READS, ListKeys, KeyPage, list_keys),
    Action("revoke_key", "Revoke key", "inboxes", ADMIN, _ENDS, RevokeKey, KeyShown, revoke_key),
    Action("rotate_key", "Rotate key", "inboxes", ADMIN, Hints(), RotateKey, KeyMade, rotate_key),
    Action("get_pause", "Is sending stopped", "sending", ADMIN, _READS, Pause, Paused, get_pause),
    Action("pause", "Stop all sending", "sending", ADMIN, _AGAIN, Pause, Paused, pause),
    Action("end_pause", "Let sending go on", "sending", ADMIN, _AGAIN, Pause, Paused, end_pause),
    Action("resume_inbox", "Resume inbox", "sending", RELEASE, _AGAIN, ResumeInbox, InboxResumed, resume_inbox),
    Action("get_reputation", "Show reputation", "sending", ADMIN, _READS, GetReputation, Reputations, get_reputation),
)
