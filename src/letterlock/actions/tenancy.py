"""Tenants, agents, keys and limits: who may use this Letterlock, and how much. For people only.

The tenants themselves, and their limits, are the business of the default tenant's admins; each tenant's admins rule
over its agents and keys. Every change is in the audit log of the tenant it concerns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from letterlock.actions.caller import ADMIN, AGENT_SCOPES, COMMAND_LINE, EVERY_SCOPE, Caller
from letterlock.actions.inboxes import own_inbox
from letterlock.actions.limits import usual
from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, OWNER, AgentId, TenantId, new_id
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, domain_relays, domains, limits, outbox, tenants
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.limits import LIMITS, LimitName
from letterlock.store.tenants import PERSON_SCOPES, Agent, Key, NewKey, Tenant

MOST_LIMIT = 1_000_000
MOST_KEY_S = 10 * 365 * 24 * 3600
MOST_GRACE_S = 30 * 24 * 3600
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class TenantLimit:
    """`own`: it was set for this tenant; else it is what the settings say."""

    name: LimitName
    most: int
    own: bool


async def at_command_line(app: App, tenant: str = "") -> Caller:
    """The person at the command line, in a tenant of their choice. Raises NotFound."""
    if not tenant:
        return COMMAND_LINE
    return Caller((await _open_tenant(app, tenant)).tenant_id, OWNER, EVERY_SCOPE)


async def acting_in(app: App, caller: Caller, tenant: str) -> Caller:
    """The same person in another tenant, which admins of the default tenant may rule over; the caller where none is
    named. Raises NotFound, for others than them whatever the name."""
    if not tenant:
        return caller
    caller.need_all(ADMIN)
    try:
        found = await _open_tenant(app, tenant)
    except NotFound:
        found = None
    if found is None or caller.tenant_id not in (DEFAULT_TENANT, found.tenant_id):
        raise _no_tenant(tenant)
    return replace(caller, tenant_id=found.tenant_id)


# --- tenants ----------------------------------------------------------------------------------------------------------


async def add_tenant(app: App, name: str, *, caller: Caller = COMMAND_LINE) -> Tenant:
    """Raises Conflict when the name is taken."""
    _need_owner(caller)
    _check_name(name)
    now = app.now_ms()

    async def add(tx: Transaction) -> TenantId:
        tenant_id = await tenants.add_tenant(tx, name, now)
        if tenant_id is None:
            raise Conflict(f"There is a tenant {name} already.", next_step="Choose another name.")
        await audit.append(tx.bound_to(tenant_id), now, caller.agent_id, "tenant.added", tenant_id)
        await audit.append(tx.bound_to(caller.tenant_id), now, caller.agent_id, "tenant.added", tenant_id)
        return tenant_id

    return Tenant(await app.database.write_system(add), name, now, None)


async def sign_up(app: App) -> tuple[Tenant, NewKey]:
    """A tenant for somebody nobody knows, with an agent and its key: whoever lets people in this way has counted them
    before. Raises NotAllowed where nothing may change."""
    if app.settings.read_only:
        raise NotAllowed("This Letterlock is read-only.")
    tenant = await add_tenant(app, f"signup-{new_id('s').removeprefix('s_')}")
    owner = Caller(tenant.tenant_id, OWNER, EVERY_SCOPE)
    await add_agent(app, "agent", caller=owner)
    return tenant, await make_key(app, "agent", name="signup", caller=owner)


async def tenant_of(app: App, caller: Caller) -> Tenant:
    """The caller's own."""
    found = await app.database.read_system(lambda tx: tenants.find_tenant(tx, caller.tenant_id))
    assert found is not None
    return found


async def list_tenants(app: App, *, closed: bool = False, caller: Caller = COMMAND_LINE) -> list[Tenant]:
    """In the order they were made; with `closed` also those that are."""
    _need_owner(caller)
    return await app.database.read_system(lambda tx: tenants.tenants(tx, closed=closed))


async def rename_tenant(app: App, name: str, new_name: str, *, caller: Caller = COMMAND_LINE) -> Tenant:
    """Raises NotFound, Conflict."""
    _need_owner(caller)
    _check_name(new_name)
    tenant = await _open_tenant(app, name)

    async def rename(tx: Transaction) -> None:
        if not await tenants.rename_tenant(tx, new_name):
            raise Conflict(f"There is a tenant {new_name} already.", next_step="Choose another name.")
        await audit.append(tx, app.now_ms(), caller.agent_id, "tenant.renamed", tenant.tenant_id)

    await app.database.write(tenant.tenant_id, rename)
    return Tenant(tenant.tenant_id, new_name, tenant.created_at, None)


async def close_tenant(app: App, name: str, *, caller: Caller = COMMAND_LINE) -> int:
    """End a tenant: its keys count no longer, nothing of it goes out (what waits is cancelled), its inboxes are deleted
    and go for good when their time is over. Returns how many inboxes. Once more on a closed tenant finishes what was
    cut off. Raises NotFound, Conflict."""
    _need_owner(caller)
    found = await app.database.read_system(lambda tx: tenants.find_tenant(tx, name))
    if found is None:
        raise _no_tenant(name)
    if found.tenant_id == DEFAULT_TENANT:
        raise Conflict("The default tenant cannot be closed: it is that of the command line.")
    now = app.now_ms()

    async def close(tx: Transaction) -> None:
        await tenants.close_tenant(tx, now)
        await domains.remove_all(tx)
        await domain_relays.remove_for_tenant(tx)
        if found.closed_at is None:
            await audit.append(tx, now, caller.agent_id, "tenant.closed", found.tenant_id)

    await app.database.write(found.tenant_id, close)
    while await app.database.write(found.tenant_id, lambda tx: outbox.cancel_some(tx, now, _CHUNK)):
        pass
    return await _close_inboxes(app, found.tenant_id, caller, None, now)


async def tenant_limits(app: App, name: str, *, caller: Caller = COMMAND_LINE) -> list[TenantLimit]:
    """Raises NotFound."""
    _need_owner(caller)
    tenant = await _open_tenant(app, name)

    async def look(tx: Transaction) -> list[TenantLimit]:
        found = {limit: await limits.of_tenant(tx, limit) for limit in LIMITS}
        return [
            TenantLimit(limit, usual(app.settings, limit) if most is None else most, most is not None)
            for limit, most in found.items()
        ]

    return await app.database.read(tenant.tenant_id, look)


async def set_limit(app: App, name: str, limit: str, most: int | None, *, caller: Caller = COMMAND_LINE) -> None:
    """None: what the settings say holds again. Raises NotFound, InvalidRequest."""
    _need_owner(caller)
    known: LimitName | None = next((one for one in LIMITS if one == limit), None)
    if known is None:
        raise InvalidRequest(
            f"There is no limit '{safe_line(limit, 60)}'.", next_step=f"There are: {', '.join(LIMITS)}."
        )
    if most is not None and not 0 <= most <= MOST_LIMIT:
        raise InvalidRequest(f"{limit} = {most}: it is not between 0 and {MOST_LIMIT}.")
    tenant = await _open_tenant(app, name)

    async def write(tx: Transaction) -> None:
        await limits.set_for_tenant(tx, known, most)
        await audit.append(tx, app.now_ms(), caller.agent_id, "tenant.limit", tenant.tenant_id, limit=limit, most=most)

    await app.database.write(tenant.tenant_id, write)


# --- agents -----------------------------------------------------------------------------------------------------------


async def add_agent(app: App, name: str, *, person: bool = False, caller: Caller = COMMAND_LINE) -> Agent:
    """Raises Conflict when the tenant has one of that name."""
    caller.need_all(ADMIN)
    _check_name(name)
    now = app.now_ms()
    kind: tenants.AgentKind = "person" if person else "agent"

    async def add(tx: Transaction) -> AgentId:
        agent_id = await tenants.add_agent(tx, name, kind, now)
        if agent_id is None:
            raise Conflict(f"There is an agent {name} already.", next_step="Choose another name.")
        await audit.append(tx, now, caller.agent_id, "agent.added", agent_id, kind=kind)
        return agent_id

    return Agent(await app.database.write(caller.tenant_id, add), name, kind, now)


async def list_agents(app: App, *, caller: Caller = COMMAND_LINE) -> list[Agent]:
    caller.need_all(ADMIN)
    return await app.database.read(caller.tenant_id, tenants.agents)


async def remove_agent(app: App, name: str, *, caller: Caller = COMMAND_LINE) -> int:
    """Its keys count no longer, its inboxes are deleted. Returns how many. Raises NotFound, Conflict."""
    caller.need_all(ADMIN)
    agent = await own_agent(app, caller, name)
    if agent.agent_id in (OWNER, LOCAL_AGENT):
        raise Conflict(f"{agent.name} cannot be removed: every tenant has its owner, and stdio its local agent.")
    now = app.now_ms()

    async def remove(tx: Transaction) -> int:
        await tenants.remove_agent(tx, agent.agent_id, now)
        await audit.append(tx, now, caller.agent_id, "agent.removed", agent.agent_id)
        return await tenants.close_inboxes(tx, caller.agent_id, agent.agent_id, "agent", now, _CHUNK)

    # The most of its inboxes first: what is cut off here can be done again. What it makes meanwhile goes with it.
    closed = await _close_inboxes(app, caller.tenant_id, caller, agent.agent_id, now)
    return closed + await app.database.write(caller.tenant_id, remove)


# --- keys -------------------------------------------------------------------------------------------------------------


async def make_key(
    app: App,
    agent_name: str,
    *,
    scopes: Iterable[str] = AGENT_SCOPES,
    name: str = "",
    inbox: str = "",
    expires_s: int | None = None,
    caller: Caller = COMMAND_LINE,
) -> NewKey:
    """A key of an agent, for one inbox where one is named. Raises NotFound, InvalidRequest; NotAllowed for scopes of
    people on an agent's key, or that the caller lacks."""
    caller.need_all(ADMIN)
    wanted = frozenset(scopes)
    if unknown := sorted(wanted - EVERY_SCOPE):
        raise InvalidRequest(
            f"There is no scope '{safe_line(unknown[0], 40)}'.",
            next_step=f"There are: {', '.join(sorted(EVERY_SCOPE))}.",
        )
    if not wanted:
        raise InvalidRequest("A key without a scope may do nothing.", next_step="Name at least one.")
    _check_given(caller, wanted)
    if expires_s is not None and not 0 < expires_s <= MOST_KEY_S:
        raise InvalidRequest("A key can last from a second to ten years.")
    agent = await own_agent(app, caller, agent_name)
    inbox_id = (await own_inbox(app, caller, inbox)).inbox_id if inbox else None
    now = app.now_ms()

    async def make(tx: Transaction) -> NewKey:
        made = await tenants.make_key(
            tx,
            agent.agent_id,
            wanted,
            now,
            name=safe_line(name, 80),
            inbox_id=inbox_id,
            expires_at=now + expires_s * 1000 if expires_s is not None else None,
        )
        await audit.append(
            tx, now, caller.agent_id, "key.made", made.key_id, agent=agent.agent_id, scopes=sorted(wanted)
        )
        return made

    return await app.database.write(caller.tenant_id, make)


async def list_keys(app: App, *, caller: Caller = COMMAND_LINE) -> list[Key]:
    """The live ones."""
    caller.need_all(ADMIN)
    return await app.database.read(caller.tenant_id, lambda tx: tenants.keys(tx, app.now_ms()))


async def revoke_key(app: App, key_id: str, *, caller: Caller = COMMAND_LINE) -> Key:
    """By its id or its last four characters. Raises NotFound."""
    caller.need_all(ADMIN)
    now = app.now_ms()

    async def revoke(tx: Transaction) -> Key:
        key = await _own_key(tx, key_id, now)
        await tenants.revoke_key(tx, key.key_id, now)
        await audit.append(tx, now, caller.agent_id, "key.revoked", key.key_id)
        return key

    return await app.database.write(caller.tenant_id, revoke)


async def rotate_key(app: App, key_id: str, *, grace_s: int = 0, caller: Caller = COMMAND_LINE) -> NewKey:
    """A new key in the place of one, which counts for `grace_s` more. Raises NotFound, InvalidRequest; NotAllowed when
    it has scopes of people that the caller lacks; Conflict when it was rotated already: a grace that was promised is
    not cut short by another rotation."""
    caller.need_all(ADMIN)
    if not 0 <= grace_s <= MOST_GRACE_S:
        raise InvalidRequest("The old key can count for 30 days more at most.")
    now = app.now_ms()

    async def rotate(tx: Transaction) -> NewKey:
        old = await _own_key(tx, key_id, now)
        _check_given(caller, old.scopes)
        if (new := await tenants.successor(tx, old.key_id)) is not None:
            ends = moment(old.expires_at or now).isoformat(timespec="minutes")
            raise Conflict(
                f"{old.key_id} was rotated already: {new} is in its place, and it counts until {ends}.",
                next_step=f"Rotate {new}, or revoke {old.key_id} to end it now.",
            )
        made = await tenants.rotate_key(tx, old, now, grace_s * 1000)
        await audit.append(tx, now, caller.agent_id, "key.rotated", old.key_id, by=made.key_id)
        return made

    return await app.database.write(caller.tenant_id, rotate)


# --- found ------------------------------------------------------------------------------------------------------------


def _need_owner(caller: Caller) -> None:
    caller.need_all(ADMIN)
    if caller.tenant_id != DEFAULT_TENANT:
        raise NotAllowed("Only admins of the default tenant rule over tenants.")


def _check_name(name: str) -> None:
    # No name can be taken for an id: those have a _ or are these.
    if not _NAME.fullmatch(name) or name in (OWNER, LOCAL_AGENT):
        raise InvalidRequest(
            f"'{safe_line(name, 80)}' cannot be a name.",
            next_step="Use up to 63 small letters, digits, dots and hyphens, first a letter or digit.",
        )


def _check_given(caller: Caller, scopes: frozenset[str]) -> None:
    """Who may not see or decide something does not get there by a key of their own making."""
    if beyond := sorted((scopes & PERSON_SCOPES) - caller.scopes):
        raise NotAllowed(
            f"This key lacks {', '.join(beyond)}, so it cannot give that to another.",
            next_step="Leave it out, or make the key at the command line (`letterlock key make`).",
        )


async def _open_tenant(app: App, name: str) -> Tenant:
    found = await app.database.read_system(lambda tx: tenants.find_tenant(tx, name))
    if found is None or found.closed_at is not None:
        raise _no_tenant(name)
    return found


def _no_tenant(name: str) -> NotFound:
    return NotFound(f"There is no tenant '{safe_line(name, 80)}'.", next_step="`letterlock tenant list` shows them.")


async def own_agent(app: App, caller: Caller, name: str) -> Agent:
    """By its name or id. Raises NotFound."""
    found = await app.database.read(caller.tenant_id, lambda tx: tenants.find_agent(tx, name))
    if found is None:
        raise NotFound(f"There is no agent '{safe_line(name, 80)}'.", next_step="`letterlock agent list` shows them.")
    return found


async def _own_key(tx: Transaction, key_id: str, now_ms: int) -> Key:
    found = await tenants.key(tx, key_id, now_ms)
    if found is None:
        raise NotFound(
            f"There is no one live key '{safe_line(key_id, 80)}'.", next_step="`letterlock key list` shows their ids."
        )
    return found


async def _close_inboxes(app: App, tenant_id: TenantId, caller: Caller, agent_id: AgentId | None, now_ms: int) -> int:
    closed, why = 0, "agent" if agent_id else "tenant"
    while some := await app.database.write(
        tenant_id, lambda tx: tenants.close_inboxes(tx, caller.agent_id, agent_id, why, now_ms, _CHUNK)
    ):
        closed += some
    app.wake.hint(tenant_id)
    return closed
