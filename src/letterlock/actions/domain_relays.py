"""DOMAIN_RELAYS: the mail server that mail from a domain leaves by, set by people of the tenant that holds it.

It counts when it has shown that it takes mail from the domain, never before. Its password is sealed, shown to nobody.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, Field, SecretStr

from letterlock.actions.caller import MANAGE_DOMAINS, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.domains import OneDomain, own_domain
from letterlock.actions.inboxes import Request
from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, LimitReached, NotAllowed, NotFound
from letterlock.ids import DomainId, TenantId
from letterlock.message.address import parse_address
from letterlock.outbound.outside import BadHost, read_host
from letterlock.outbound.provider import try_relay
from letterlock.screen.safe_text import safe_line
from letterlock.settings import Security
from letterlock.store import audit, domain_relays, tenants
from letterlock.store.database import Transaction
from letterlock.store.domain_relays import DomainRelay
from letterlock.store.domains import Domain
from letterlock.store.emails import moment
from letterlock.wake import OUTBOX

_TRIES_AT_ONCE: Final = 2
"""Of one tenant, in one process."""
_RETRY_S: Final = 10
_trying: Counter[TenantId] = Counter()

To = Annotated[
    str,
    Field(max_length=320, description="address it is asked about; nothing is sent; empty: the domain's postmaster"),
]


class ServerGiven(Request):
    """A mail server as its tenant describes it, and whom it is asked about."""

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Annotated[Security, Field(description="never weaker than this")] = "starttls"
    username: Annotated[str, Field(max_length=320, description="empty: no login")] = ""
    password: Annotated[SecretStr, Field(max_length=2_000)] = SecretStr("")
    to: To = ""


class SetDomainRelay(OneDomain, ServerGiven):
    pass


class ListDomainRelays(Request):
    pass


class TestDomainRelay(OneDomain):
    to: To = ""


class DomainRelayShown(BaseModel):
    relay_id: str
    domain_id: str
    domain: str
    host: str
    port: int
    security: str
    username: str
    set_at: datetime


class DomainRelayList(BaseModel):
    relays: list[DomainRelayShown]


class DomainRelayTested(BaseModel):
    domain: str
    took: bool = Field(description="it let us in and would have taken an email from the domain to that address")
    answer: str


class DomainRelayRemoved(BaseModel):
    domain: str


async def set_domain_relay(app: App, caller: Caller, request: SetDomainRelay) -> DomainRelayShown:
    """Have mail from a verified domain leave by a server of yours, in the place of the one before. It is tried first,
    up to the end of an email, which is not sent; a server that does not take it changes nothing."""
    caller.need_all(MANAGE_DOMAINS)
    await app.database.read(caller.tenant_id, lambda tx: need_person(tx, caller))
    domain = await app.database.read(caller.tenant_id, lambda tx: _held(tx, request.domain))
    server = await taking_server(app, caller, request, domain.domain_id, domain.name)

    async def put(tx: Transaction) -> None:
        # While it was tried the domain may have gone.
        await _held(tx, domain.domain_id)
        await domain_relays.put(tx, server)
        await audit.append(
            tx, app.now_ms(), caller.agent_id, "domain.relay_set", domain.domain_id,
            domain=domain.name, host=server.host, port=server.port, security=server.security,
        )  # fmt: skip

    await app.database.write(caller.tenant_id, put)
    app.wake.hint(OUTBOX)
    return _shown(server)


async def list_domain_relays(app: App, caller: Caller, request: ListDomainRelays) -> DomainRelayList:
    """The servers that mail from your domains leaves by, where they have their own."""
    caller.need_all(MANAGE_DOMAINS)
    found = await app.database.read(caller.tenant_id, domain_relays.of_tenant)
    return DomainRelayList(relays=[_shown(one) for one in found])


async def get_domain_relay(app: App, caller: Caller, request: OneDomain) -> DomainRelayShown:
    """The server that mail from a domain leaves by."""
    caller.need_all(MANAGE_DOMAINS)
    return _shown(await app.database.read(caller.tenant_id, lambda tx: _own(tx, request.domain)))


async def test_domain_relay(app: App, caller: Caller, request: TestDomainRelay) -> DomainRelayTested:
    """Try the server of a domain: login, sender, recipient, all but the end of the email, so that nothing is sent."""
    caller.need_all(MANAGE_DOMAINS)

    async def look(tx: Transaction) -> DomainRelay:
        await need_person(tx, caller)
        await _held(tx, request.domain)
        return await _own(tx, request.domain)

    server = await app.database.read(caller.tenant_id, look)
    took, answer = await tried(app, server, request.to)
    return DomainRelayTested(domain=server.domain, took=took, answer=answer)


async def remove_domain_relay(app: App, caller: Caller, request: OneDomain) -> DomainRelayRemoved:
    """Forget the server of a domain and its password: mail from the domain leaves as all other."""
    caller.need_all(MANAGE_DOMAINS)

    async def remove(tx: Transaction) -> DomainRelay:
        await need_person(tx, caller)
        server = await _own(tx, request.domain)
        await domain_relays.remove(tx, server.domain_id)
        await audit.append(
            tx, app.now_ms(), caller.agent_id, "domain.relay_removed", server.domain_id, domain=server.domain
        )
        return server

    removed = await app.database.write(caller.tenant_id, remove)
    app.database.scrub()
    app.wake.hint(OUTBOX)
    return DomainRelayRemoved(domain=removed.domain)


async def need_person(tx: Transaction, caller: Caller) -> None:
    """Where mail goes, and with which password, is nothing that an agent may be talked into changing. Raises
    NotAllowed."""
    if not await tenants.is_person(tx, caller.agent_id):
        raise NotAllowed(
            "Only a person's key may do this with relays, an agent's may not.",
            next_step="Ask a person of the tenant (`letterlock domain relay`, `letterlock tenant relay`).",
        )


async def _held(tx: Transaction, name: str) -> Domain:
    domain = await own_domain(tx, name)
    if not domain.held:
        raise Conflict(
            f"{domain.name} is {domain.state}, not verified.",
            next_step="`letterlock domain verify` tells what is missing.",
        )
    return domain


async def _own(tx: Transaction, name: str) -> DomainRelay:
    domain = await own_domain(tx, name)
    found = await domain_relays.get(tx, domain.domain_id)
    if found is None:
        raise NotFound(
            f"{domain.name} has no relay of its own.", next_step="`letterlock domain relay set` gives it one."
        )
    return found


def _host_of(app: App, request: ServerGiven, password: str) -> str:
    """Raises InvalidRequest."""
    settings = app.settings
    if bool(request.username) != bool(password):
        raise InvalidRequest("A user and a password go together.", next_step="Give both, or neither.")
    if not settings.domain_relay_private:
        if request.port not in settings.domain_relay_ports:
            ports = ", ".join(map(str, settings.domain_relay_ports))
            raise InvalidRequest(
                f"Port {request.port} is none of a mail server's ({ports}).", next_step="Give another `port`."
            )
        if request.security == "none" and password:
            raise InvalidRequest(
                "A password does not go over the Internet in clear.", next_step="Give `security` starttls or tls."
            )
    host = f"[{request.host}]" if ":" in request.host and "[" not in request.host else request.host
    try:
        return read_host(host.strip(), private=settings.domain_relay_private)
    except BadHost as error:
        raise InvalidRequest(
            f"No mail goes to {safe_line(request.host, 80)}: {error}.", next_step="Give another `host`."
        ) from None


async def taking_server(
    app: App, caller: Caller, request: ServerGiven, domain_id: DomainId, domain: str
) -> DomainRelay:
    """What is kept of a server that has shown that it takes mail from the domain, its password sealed. Raises
    Conflict when it does not, InvalidRequest, LimitReached, VaultLocked."""
    username, password = request.username, request.password.get_secret_value()
    server = DomainRelay(
        caller.tenant_id,
        domain_id,
        domain_relays.new_relay_id(),
        domain,
        _host_of(app, request, password),
        request.port,
        request.security,
        username,
        b"",
        app.now_ms(),
    )
    if username:
        server = replace(server, sealed=await app.vault.seal(caller.tenant_id, server.entry, password.encode()))
    took, answer = await tried(app, server, request.to)
    if not took:
        raise Conflict(
            f"{safe_line(server.host, 253)} takes no mail from {domain}, so nothing was changed: {answer}.",
            next_step="Look at host, port, security, username and password, and whether you may send as the domain.",
        )
    return server


async def tried(app: App, server: DomainRelay, to: str) -> tuple[bool, str]:
    """Whether it takes mail from its domain to an address ("": the domain's postmaster), and what it said. Raises
    LimitReached, InvalidRequest."""
    recipient = str(parse_address(to or f"postmaster@{server.domain}"))
    if _trying[server.tenant_id] >= _TRIES_AT_ONCE:
        raise LimitReached(
            "Other relays of yours are being tried.", next_step="Try again in a moment.", retry_after_s=_RETRY_S
        )
    _trying[server.tenant_id] += 1
    try:
        outcome = await try_relay(app, server, recipient)
    finally:
        _trying[server.tenant_id] -= 1
    return outcome.kind == "delivered", safe_line(outcome.reply, 200)


def _shown(server: DomainRelay) -> DomainRelayShown:
    return DomainRelayShown(
        relay_id=server.relay_id,
        domain_id=server.domain_id,
        domain=server.domain,
        host=server.host,
        port=server.port,
        security=server.security,
        username=safe_line(server.username, 320),
        set_at=moment(server.set_at),
    )


_READS: Final = Hints(read_only=True, idempotent=True)

DOMAIN_RELAYS: tuple[Action, ...] = (
    Action(
        "set_domain_relay", "Set the relay of a domain", "sending", MANAGE_DOMAINS,
        Hints(idempotent=True, open_world=True), SetDomainRelay, DomainRelayShown, set_domain_relay,
    ),
    Action(
        "list_domain_relays", "List relays of domains", "sending", MANAGE_DOMAINS, _READS,
        ListDomainRelays, DomainRelayList, list_domain_relays,
    ),
    Action(
        "get_domain_relay", "Show the relay of a domain", "sending", MANAGE_DOMAINS, _READS,
        OneDomain, DomainRelayShown, get_domain_relay,
    ),
    Action(
        "test_domain_relay", "Test the relay of a domain", "sending", MANAGE_DOMAINS,
        Hints(idempotent=True, open_world=True), TestDomainRelay, DomainRelayTested, test_domain_relay,
    ),
    Action(
        "remove_domain_relay", "Remove the relay of a domain", "sending", MANAGE_DOMAINS,
        Hints(destructive=True, idempotent=True), OneDomain, DomainRelayRemoved, remove_domain_relay,
    ),
)  # fmt: skip
