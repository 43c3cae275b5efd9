"""Caller: who asks, and what they may do."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from letterlock.app import App
from letterlock.domains import domain_of
from letterlock.errors import KeyEnded, NotAllowed, StoreError
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, OWNER, AgentId, InboxId, KeyId, TenantId
from letterlock.store import domains, inlets, tenants
from letterlock.store.database import T, Transaction, Work
from letterlock.store.inlets import Inlet, Service
from letterlock.store.tenants import PERSON_SCOPES, USE_NOTED_MS, Key
from letterlock.wake import KeyHeld

log = logging.getLogger(__name__)

READ, WAIT, SEND, MANAGE_INBOXES, MANAGE_DOMAINS = "read", "wait", "send", "manage_inboxes", "manage_domains"
UNPROVED_CODES = "unproved_codes"
"""May be given one-time codes of senders who proved nothing."""
ROUTE = "route"
"""May make rules for incoming mail, label emails and say who works on which thread."""
INBOUND = "inbound"
"""May hand in mail as bytes, as a mail server in front of this one does."""
METRICS = "metrics"
"""May read the figures of the whole server; counts in the default tenant only."""
APPROVE, REVEAL, SECRETS, RELEASE, ADMIN = "approve", "reveal", "secrets", "release", "admin"
"""Of people only: decide on held emails; see mail past the screen; see and use what is in the vault; let go what was
stopped; rule over tenant, agents and keys."""
AGENT_SCOPES = frozenset({READ, WAIT, SEND, MANAGE_INBOXES})
"""What a key holds when nothing else is asked for."""
EVERY_SCOPE = AGENT_SCOPES | {MANAGE_DOMAINS, UNPROVED_CODES, ROUTE, INBOUND, METRICS} | PERSON_SCOPES


@dataclass(frozen=True, slots=True)
class Caller:
    """`inbox_id` set: this one inbox only, every other one does not exist for the caller. `inlet`: it may hand in mail
    of the inlet's domain, and nothing else. `key_id`: of the key it came with; whoever owns the folder needs none."""

    tenant_id: TenantId
    agent_id: AgentId
    scopes: frozenset[str]
    inbox_id: InboxId | None = None
    inlet: Inlet | None = None
    key_id: KeyId | None = None

    @property
    def key(self) -> KeyHeld | None:
        """What it stands on, for wake.watch."""
        return (self.tenant_id, self.key_id) if self.key_id else None

    def need(self, scope: str) -> None:
        """Raises NotAllowed without `scope`."""
        if scope not in self.scopes:
            raise NotAllowed(f"This key lacks the scope '{scope}'.", next_step="Ask the owner for a key that has it.")

    def need_all(self, scope: str) -> None:
        """The same for what concerns the whole tenant: no key for one inbox may do it."""
        self.need(scope)
        if self.inbox_id is not None:
            raise NotAllowed("This key is for one inbox only.", next_step="Ask the owner for a key without an inbox.")


LOCAL_CALLER = Caller(DEFAULT_TENANT, LOCAL_AGENT, AGENT_SCOPES | {UNPROVED_CODES})
"""A chat client on stdio: whoever can start a process on this data folder."""
COMMAND_LINE = Caller(DEFAULT_TENANT, OWNER, EVERY_SCOPE)
"""The person at the command line."""


async def identify(app: App, key: str) -> Caller | None:
    """The caller who holds `key`, or None. An inlet for emails as they are counts as a key."""
    if key.startswith(inlets.BEGINS):
        return await inlet_by(app, key, "raw")
    found = await app.database.read_system(lambda tx: tenants.find_key(tx, key, app.now_ms()))
    if found is None:
        return None
    _note_use(app, found)
    return Caller(found.tenant_id, found.agent_id, found.scopes, found.inbox_id, key_id=found.key_id)


async def stands(app: App, caller: Caller) -> bool:
    """Whether the key that a caller came with still counts. A store that cannot be asked says nothing against it."""
    if caller.key is None:
        return True
    held = [caller.key]
    try:
        return bool(await app.database.read_system(lambda tx: tenants.live_keys(tx, held, app.now_ms())))
    except StoreError as error:
        log.debug("whether a key still counts cannot be seen: %s", error)
        return True


async def read_standing(app: App, caller: Caller, work: Work[T]) -> T:
    """What `work` finds in the caller's tenant. Raises KeyEnded when the key has ended since the call began.
    Both in one read, because whoever waits for a code waits for each."""

    async def look(tx: Transaction) -> T:
        if caller.key is not None and not await tenants.live_keys(tx, [caller.key], app.now_ms()):
            raise KeyEnded("The key of this call no longer counts.", next_step="Ask the owner for a new one.")
        return await work(tx.bound_to(caller.tenant_id))

    return await app.database.read_system(look)


async def inlet_by(app: App, secret: str, service: Service) -> Caller | None:
    """The inlet of that service with this secret, as a caller; None also while its tenant does not hold its domain."""

    async def look(tx: Transaction) -> Inlet | None:
        found = await inlets.find(tx, secret)
        if found is None or found.service != service:
            return None
        if is_house(app, found):
            return found
        domain = await domains.find(tx.bound_to(found.tenant_id), found.domain)
        return found if domain is not None and domain.held else None

    found = await app.database.read_system(look)
    return Caller(found.tenant_id, OWNER, frozenset({INBOUND}), inlet=found) if found else None


def is_house(app: App, inlet: Inlet) -> bool:
    """Whether it is the owner's, for the domain of the settings, of which every tenant has inboxes."""
    return inlet.tenant_id == DEFAULT_TENANT and inlet.domain == domain_of(app.settings)


def _note_use(app: App, key: Key) -> None:
    """Write down that a key was used, now and then, beside the call: nobody waits for it, and it may fail."""
    now = app.now_ms()
    last = max(key.used_at or 0, app.used.get(key.key_id, 0))
    if app.settings.read_only or now - last < USE_NOTED_MS:
        return
    app.used[key.key_id] = now
    write_beside(app, key.tenant_id, lambda tx: tenants.note_use(tx, key.key_id, now))


def write_beside(app: App, tenant_id: TenantId, work: Work[None]) -> None:
    """Small work of the store beside the call: nobody waits for it, and it may fail."""

    async def write() -> None:
        try:
            await app.database.write(tenant_id, work)
        except StoreError as error:
            log.debug("what was used is not written down: %s", error)

    # The loop keeps no strong reference to a task.
    task = asyncio.create_task(write(), name="note of use")
    app.beside.add(task)
    task.add_done_callback(app.beside.discard)
