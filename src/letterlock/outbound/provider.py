"""Carriers: mail that leaves by a server of its tenant's own, whatever the settings say for the rest.

Of an inbox on a connected mailbox: by that mailbox's provider, logged in as its owner. Most providers let their users
write as the mailbox only, so that its address is the envelope sender and stands in From, and the inbox in Reply-To;
where the owner says so (`write_as`) the inbox is both. Bounces come to the mailbox, where mailbox.py finds them. Of a
domain with a relay of its own, or of a tenant that has one: by that relay, which lies where the owner lets tenants
reach, and is looked up once for each try.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from letterlock.app import App
from letterlock.domains import domain_key
from letterlock.errors import VaultLocked
from letterlock.ids import InboxId
from letterlock.logins import Login, Trouble, login_of
from letterlock.outbound.direct import system_resolver
from letterlock.outbound.outside import BadHost, look_up
from letterlock.outbound.relay import Connections, Limits, Outcome, Route, one_line, refusal, relay, would_take
from letterlock.outbound.routes import (
    DOMAIN_CONNECTIONS,
    MAILBOX,
    MAILBOX_CONNECTIONS,
    OF_DOMAIN,
    Way,
    helo,
)
from letterlock.store import domain_relays, mailboxes, outbox
from letterlock.store.database import Transaction
from letterlock.store.domain_relays import DomainRelay
from letterlock.store.mailboxes import Mailbox

Carrier = Mailbox | DomainRelay
_LOGIN_REFUSED: Final = ("535", "534", "334")
_LIMITS: Final = Limits(command=20.0, greeting=20.0, envelope=60.0)
"""Shorter than for the owner's own servers: a place at one is a place that other tenants wait for."""
_TRY_LIMITS: Final = Limits(command=10.0, greeting=15.0, envelope=15.0, content=10.0)


async def mailbox_for(tx: Transaction, inbox_id: InboxId) -> Mailbox | None:
    """The mailbox that mail of an inbox leaves by; None: it leaves as any other."""
    found = await mailboxes.of_inbox(tx, inbox_id)
    return found if found is not None and found.smtp_host else None


def author_of(carrier: Carrier | None) -> str:
    """The address that stands in From in the place of the inbox; "" for none."""
    return carrier.address if isinstance(carrier, Mailbox) and carrier.write_as == "mailbox" else ""


async def carrier_for(tx: Transaction, inbox_id: InboxId, sender: str, house: str) -> Carrier | None:
    """What mail of an inbox with that address leaves by; None: by what the settings say. `house`: their domain."""
    found = await mailbox_for(tx, inbox_id)
    return found or await domain_relays.for_mail_of(tx, domain_key(sender.rpartition("@")[2]), house)


def way_by(carrier: Carrier) -> Way:
    if isinstance(carrier, Mailbox):
        return Way(f"{MAILBOX}{carrier.mailbox_id}", MAILBOX_CONNECTIONS, None)
    return Way(f"{OF_DOMAIN}{carrier.tenant_id} {carrier.relay_id}", DOMAIN_CONNECTIONS, None)


def server_of(carrier: Carrier) -> str:
    """Host and port."""
    if isinstance(carrier, Mailbox):
        return f"{carrier.smtp_host}:{carrier.smtp_port}"
    return f"{carrier.host}:{carrier.port}"


async def relay_by(
    app: App,
    carrier: Carrier,
    raw: bytes,
    sender: str,
    recipient: str,
    handing_over: Callable[[Sequence[str]], Awaitable[bool]] | None = None,
    connections: Connections | None = None,
    token: str = "",
) -> Outcome:
    """As relay(), for one recipient; `sender`: the inbox; `token`: of the delivery, which bounces name it by."""
    if isinstance(carrier, Mailbox):
        return await _by_mailbox(app, carrier, raw, sender, recipient, handing_over, connections, token)
    try:
        route = await _route_of(app, carrier, _LIMITS)
    except (BadHost, OSError, VaultLocked) as error:
        return Outcome(recipient, "deferred", _why(error), reached=False)
    (outcome,) = await relay(raw, outbox.return_path(token, sender), [recipient], route, handing_over, connections)
    return outcome


async def try_relay(app: App, server: DomainRelay, recipient: str) -> Outcome:
    """Whether the relay of a domain or a tenant takes mail from it: all but the end of an email, so that nothing is
    sent. Ends within a minute."""
    try:
        route = await _route_of(app, server, _TRY_LIMITS)
    except (BadHost, OSError, VaultLocked) as error:
        return Outcome(recipient, "deferred", _why(error), reached=False)
    return await would_take(route, f"postmaster@{server.domain}", recipient)


async def _route_of(app: App, server: DomainRelay, limits: Limits) -> Route:
    """Raises BadHost, OSError, VaultLocked."""
    private = app.settings.domain_relay_private
    sealed = server.sealed and await app.vault.open(server.tenant_id, server.entry, server.sealed)
    address = await asyncio.to_thread(look_up, server.host, system_resolver(), private=private)
    return Route(
        server.host,
        server.port,
        server.security,
        helo(app.settings),
        server.username,
        sealed.decode(),
        limits,
        address=address,
        whose=server.relay_id,
    )


def _why(error: BadHost | OSError | VaultLocked) -> str:
    if isinstance(error, BadHost):
        return f"the mail server is not asked: {error}"
    if isinstance(error, VaultLocked):
        return "what to log in with at the mail server is sealed, and cannot be opened"
    return "the mail server has no address that can be looked up"


async def _by_mailbox(
    app: App,
    mailbox: Mailbox,
    raw: bytes,
    sender: str,
    recipient: str,
    handing_over: Callable[[Sequence[str]], Awaitable[bool]] | None,
    connections: Connections | None,
    envelope_id: str,
) -> Outcome:
    """An access token that is refused is fetched anew, once."""
    as_whom = author_of(mailbox) or sender
    for fresh in (False, True):
        try:
            login = await login_of(app, mailbox, fresh=fresh)
        except Trouble as trouble:
            return Outcome(recipient, "deferred", one_line(f"{trouble.what} {trouble.advice}"), reached=False)
        route = _route_by(app, mailbox, login, Limits())
        (outcome,) = await relay(raw, as_whom, [recipient], route, handing_over, connections, envelope_id)
        if outcome.reached or not login.oauth or not outcome.reply.startswith(_LOGIN_REFUSED):
            break
    return outcome


async def refused_by(app: App, mailbox: Mailbox, login: Login) -> str:
    """Why the server that mail of a mailbox leaves by does not let us in; "" when it does. Nothing is sent."""
    return await refusal(_route_by(app, mailbox, login, _TRY_LIMITS))


def _route_by(app: App, mailbox: Mailbox, login: Login, limits: Limits) -> Route:
    return Route(
        mailbox.smtp_host,
        mailbox.smtp_port,
        mailbox.smtp_security,
        helo(app.settings),
        login.username,
        login.secret,
        limits,
        oauth=login.oauth,
        pin=mailbox.pin,
    )
