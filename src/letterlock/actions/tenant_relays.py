"""TENANT_RELAYS: the mail server that mail from all domains of a tenant leaves by that have none of their own, set by
its people. From the domain of the settings, which tenants share, only where the owner allows it.

It is kept, tried and guarded as the relay of a domain is (domain_relays.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, Field

from letterlock.actions.administration import OneTenant
from letterlock.actions.caller import ADMIN, MANAGE_DOMAINS, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.domain_relays import ServerGiven, To, need_person, taking_server, tried
from letterlock.actions.inboxes import Request
from letterlock.actions.tenancy import acting_in
from letterlock.app import App
from letterlock.domains import domain_of
from letterlock.errors import Conflict, NotAllowed, NotFound
from letterlock.ids import DEFAULT_TENANT, DomainId
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, domain_relays, tenants
from letterlock.store.database import Transaction
from letterlock.store.domain_relays import DomainRelay
from letterlock.store.emails import moment
from letterlock.wake import OUTBOX

_WHOLE: Final = DomainId("")


class SetTenantRelay(ServerGiven):
    pass


class TenantRelay(Request):
    pass


class TestTenantRelay(Request):
    to: To = ""


class AllowSharedRelay(OneTenant):
    allowed: Annotated[bool, Field(description="mail from its inboxes on the shared domain leaves by its relay, too")]


class TenantRelayShown(BaseModel):
    relay_id: str
    host: str
    port: int
    security: str
    username: str
    set_at: datetime
    domains: list[str] = Field(description="from which mail leaves by it now")


class TenantRelayTested(BaseModel):
    took: bool = Field(description="it let us in and would have taken an email from the tenant to that address")
    answer: str


class TenantRelayRemoved(BaseModel):
    relay_id: str


class SharedRelay(BaseModel):
    tenant: str
    allowed: bool


async def set_tenant_relay(app: App, caller: Caller, request: SetTenantRelay) -> TenantRelayShown:
    """Have mail from your verified domains that have no relay of their own leave by a server of yours, in the place of
    the one before. It is tried first, up to the end of an email, which is not sent; a server that does not take it
    changes nothing."""
    caller.need_all(MANAGE_DOMAINS)

    async def look(tx: Transaction) -> list[str]:
        await need_person(tx, caller)
        return await domain_relays.without_own(tx, domain_of(app.settings))

    names = await app.database.read(caller.tenant_id, look)
    if not names:
        raise Conflict(
            "There is no domain from which mail would leave by it: none of yours is verified and without a relay of its"
            " own.",
            next_step="`letterlock domain add` and verify one first.",
        )
    server = await taking_server(app, caller, request, _WHOLE, names[0])

    async def put(tx: Transaction) -> TenantRelayShown:
        await domain_relays.put_for_tenant(tx, server)
        await audit.append(
            tx, app.now_ms(), caller.agent_id, "tenant.relay_set", caller.tenant_id,
            host=server.host, port=server.port, security=server.security,
        )  # fmt: skip
        return await _shown(app, tx)

    shown = await app.database.write(caller.tenant_id, put)
    app.wake.hint(OUTBOX)
    return shown


async def get_tenant_relay(app: App, caller: Caller, request: TenantRelay) -> TenantRelayShown:
    """The server that mail from your domains leaves by, and from which of them."""
    caller.need_all(MANAGE_DOMAINS)
    return await app.database.read(caller.tenant_id, lambda tx: _shown(app, tx))


async def test_tenant_relay(app: App, caller: Caller, request: TestTenantRelay) -> TenantRelayTested:
    """Try the server of the tenant: login, sender, recipient, all but the end of the email, so that nothing is sent."""
    caller.need_all(MANAGE_DOMAINS)

    async def look(tx: Transaction) -> tuple[DomainRelay, list[str]]:
        await need_person(tx, caller)
        return await _own(tx), await domain_relays.without_own(tx, domain_of(app.settings))

    server, names = await app.database.read(caller.tenant_id, look)
    if not names:
        raise Conflict(
            "There is no domain from which mail leaves by it now.",
            next_step="`letterlock domain list` shows how yours stand.",
        )
    took, answer = await tried(app, server.for_mail_from(names[0]), request.to)
    return TenantRelayTested(took=took, answer=answer)


async def remove_tenant_relay(app: App, caller: Caller, request: TenantRelay) -> TenantRelayRemoved:
    """Forget the server of the tenant and its password: mail leaves as the owner's settings say."""
    caller.need_all(MANAGE_DOMAINS)

    async def remove(tx: Transaction) -> DomainRelay:
        await need_person(tx, caller)
        server = await _own(tx)
        await domain_relays.remove_for_tenant(tx)
        await audit.append(tx, app.now_ms(), caller.agent_id, "tenant.relay_removed", caller.tenant_id)
        return server

    removed = await app.database.write(caller.tenant_id, remove)
    app.database.scrub()
    app.wake.hint(OUTBOX)
    return TenantRelayRemoved(relay_id=removed.relay_id)


async def allow_shared_relay(app: App, caller: Caller, request: AllowSharedRelay) -> SharedRelay:
    """Let mail from a tenant's inboxes on the shared domain leave by the relay of the tenant, or no more. For admins of
    the default tenant."""
    caller.need_all(ADMIN)
    if caller.tenant_id != DEFAULT_TENANT:
        raise NotAllowed(
            "Only admins of the default tenant decide by which server mail of the shared domain leaves.",
            next_step="Ask whoever runs the server.",
        )
    theirs = await acting_in(app, caller, request.tenant)

    async def write(tx: Transaction) -> None:
        await tenants.share_relay(tx, request.allowed)
        await audit.append(
            tx, app.now_ms(), caller.agent_id, "tenant.relay_shared", theirs.tenant_id, allowed=request.allowed
        )

    await app.database.write(theirs.tenant_id, write)
    app.wake.hint(OUTBOX)
    return SharedRelay(tenant=request.tenant, allowed=request.allowed)


async def _own(tx: Transaction) -> DomainRelay:
    found = await domain_relays.of_whole_tenant(tx)
    if found is None:
        raise NotFound("The tenant has no relay.", next_step="`letterlock tenant relay set` gives it one.")
    return found


async def _shown(app: App, tx: Transaction) -> TenantRelayShown:
    server = await _own(tx)
    return TenantRelayShown(
        relay_id=server.relay_id,
        host=server.host,
        port=server.port,
        security=server.security,
        username=safe_line(server.username, 320),
        set_at=moment(server.set_at),
        domains=await domain_relays.without_own(tx, domain_of(app.settings)),
    )


TENANT_RELAYS: tuple[Action, ...] = (
    Action(
        "set_tenant_relay", "Set the relay of the tenant", "sending", MANAGE_DOMAINS,
        Hints(idempotent=True, open_world=True), SetTenantRelay, TenantRelayShown, set_tenant_relay,
    ),
    Action(
        "get_tenant_relay", "Show the relay of the tenant", "sending", MANAGE_DOMAINS,
        Hints(read_only=True, idempotent=True), TenantRelay, TenantRelayShown, get_tenant_relay,
    ),
    Action(
        "test_tenant_relay", "Test the relay of the tenant", "sending", MANAGE_DOMAINS,
        Hints(idempotent=True, open_world=True), TestTenantRelay, TenantRelayTested, test_tenant_relay,
    ),
    Action(
        "remove_tenant_relay", "Remove the relay of the tenant", "sending", MANAGE_DOMAINS,
        Hints(destructive=True, idempotent=True), TenantRelay, TenantRelayRemoved, remove_tenant_relay,
    ),
    Action(
        "allow_shared_relay", "Allow a tenant's relay the shared domain", "sending", ADMIN, Hints(idempotent=True),
        AllowSharedRelay, SharedRelay, allow_shared_relay,
    ),
)  # fmt: skip
