"""relay_direct(): straight to the mail servers of the recipients' domain, one after the other until one takes up the
conversation.

TLS where it is offered, which keeps out who only listens; where the domain has an MTA-STS policy in mode enforce, TLS
with a certificate for a server that it names, and otherwise nothing (RFC 8461 section 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Literal

from letterlock.app import App
from letterlock.dns import Resolver, SystemResolver
from letterlock.outbound.exchangers import NoWay, exchangers
from letterlock.outbound.mta_sts import allows, policy_for
from letterlock.outbound.relay import Connections, Outcome, Route, reach, relay

_MOST_TRIES = 5
_ADDRESSES_EACH = 2


@cache
def system_resolver() -> Resolver:
    return SystemResolver()


async def relay_direct(
    app: App,
    raw: bytes,
    sender: str,
    recipients: Sequence[str],
    domain: str,
    helo: str,
    handing_over: Callable[[Sequence[str]], Awaitable[bool]] | None = None,
    connections: Connections | None = None,
) -> tuple[Outcome, ...]:
    """As relay(), to `domain` (A-labels), whose recipients these are."""
    try:
        routes = await _routes(app, domain, helo)
    except NoWay as way:
        kind = "refused" if way.final else "deferred"
        return tuple(Outcome(recipient, kind, str(way)) for recipient in recipients)  # type: ignore[arg-type]
    outcomes = tuple(
        Outcome(recipient, "deferred", f"450 4.7.5 No mail server of {domain} is one that its MTA-STS policy names")
        for recipient in recipients
    )
    for route in routes:
        outcomes = await relay(raw, sender, recipients, route, handing_over, connections)
        if any(outcome.reached for outcome in outcomes):
            return outcomes
    return outcomes


async def reach_direct(app: App, domain: str, helo: str, connections: Connections) -> bool:
    """Whether a mail server of `domain` takes up a conversation, or an email would learn why none can."""
    try:
        routes = await _routes(app, domain, helo)
    except NoWay:
        return True
    for route in routes:
        if await reach(route, connections):
            return True
    return not routes


async def _routes(app: App, domain: str, helo: str) -> list[Route]:
    """The servers of a domain in the order in which they are tried. Raises NoWay."""
    settings, resolver = app.settings, system_resolver()
    servers = await asyncio.to_thread(exchangers, resolver, domain, private=settings.direct_private)
    policy = await policy_for(app, resolver, domain, private=settings.direct_private)
    enforced = policy is not None and policy.mode == "enforce"
    security: Literal["starttls", "opportunistic"] = "starttls" if enforced else "opportunistic"
    return [
        Route(address, settings.direct_port, security, helo, tls_name=server.host)
        for server in servers
        if policy is None or not enforced or allows(policy, server.host)
        for address in server.addresses[:_ADDRESSES_EACH]
    ][:_MOST_TRIES]
