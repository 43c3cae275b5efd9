"""Caller: who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

from letterlock.app import App
from letterlock.errors import NotAllowed
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, AgentId, InboxId, TenantId
from letterlock.store import tenants

READ, WAIT, SEND, MANAGE_INBOXES = "read", "wait", "send", "manage_inboxes"
UNPROVED_CODES = "unproved_codes"
"""May be given one-time codes of senders who proved nothing."""
AGENT_SCOPES = frozenset({READ, WAIT, SEND, MANAGE_INBOXES})


@dataclass(frozen=True, slots=True)
class Caller:
    """`inbox_id` set: this one inbox only, every other one does not exist for the caller."""

    tenant_id: TenantId
    agent_id: AgentId
    scopes: frozenset[str]
    inbox_id: InboxId | None = None

    def need(self, scope: str) -> None:
        """Raises NotAllowed without `scope`."""
        if scope not in self.scopes:
            raise NotAllowed(f"This key lacks the scope '{scope}'.", next_step="Ask the owner for a key that has it.")


LOCAL_CALLER = Caller(DEFAULT_TENANT, LOCAL_AGENT, AGENT_SCOPES | {UNPROVED_CODES})
"""Whoever can start a process on this data folder: stdio and the command line."""


async def identify(app: App, key: str) -> Caller | None:
    """The caller who holds `key`, or None."""
    found = await app.database.read_system(lambda tx: tenants.find_key(tx, key, app.now_ms()))
    return Caller(found.tenant_id, found.agent_id, found.scopes, found.inbox_id) if found else None
