"""way_to(settings, sender, recipient) -> Way: which server takes the mail for a recipient outside, and in which lane of
the queue it waits. None: no server is set for it, and it is held.
"""

from __future__ import annotations

from dataclasses import dataclass

from letterlock.message.address import parse_address
from letterlock.outbound.relay import Route
from letterlock.settings import Relay, Settings

_DIRECT = "mx "
MAILBOX = "mailbox "
"""Lanes of the mailboxes that people have elsewhere (provider.py)."""
MAILBOX_CONNECTIONS = 2
"""To one of them: providers count them per user."""
OF_DOMAIN = "domain "
"""Lanes of the servers that tenants have set for their domains (provider.py); the tenant comes next."""
DOMAIN_CONNECTIONS = 4
"""To one of them."""
_DIRECT_CONNECTIONS = 4
"""To one domain; large receivers take offence at many from a newcomer."""


@dataclass(frozen=True, slots=True)
class Way:
    """`lane`: what of the queue shares this way; `connections`: how many at once."""

    lane: str
    connections: int
    route: Route | None
    """None: the recipients' own mail servers."""
    domain: str = ""
    """Theirs (A-labels), where it is these."""


@dataclass(frozen=True, slots=True)
class Named:
    """A server that the settings name, and whose mail goes by it: to a domain, from one, or ("" both) all the rest."""

    to: str
    sender: str
    route: Route


def way_to(settings: Settings, sender: str, recipient: str) -> Way | None:
    """The first of `relays` that names the recipient's domain (and the sender's, where it names both), then the first
    that names the sender's alone, then the recipient's own servers or the default relay."""
    to, of = _domain(recipient), _domain(sender)
    for relay in settings.relays:
        if relay.to and _domain(f"x@{relay.to}") == to and (not relay.sender or _domain(f"x@{relay.sender}") == of):
            return _by(settings, relay)
    for relay in settings.relays:
        if not relay.to and _domain(f"x@{relay.sender}") == of:
            return _by(settings, relay)
    if settings.direct:
        return Way(f"{_DIRECT}{to}", _DIRECT_CONNECTIONS, None, to)
    if not settings.relay_host:
        return None
    return _default(settings)


def has_ways(settings: Settings) -> bool:
    """Whether any mail can leave at all."""
    return bool(settings.relay_host or settings.relays or settings.direct)


def way_of(settings: Settings, lane: str) -> Way | None:
    """The way that all goes that waits in a lane; None: the settings name none, or more than one (a server that they
    speak to in two manners)."""
    if lane.startswith(_DIRECT):
        domain = lane.removeprefix(_DIRECT)
        return Way(lane, _DIRECT_CONNECTIONS, None, domain) if settings.direct else None
    routes = {way.route: way for way in _relays(settings) if way.lane == lane}
    return next(iter(routes.values())) if len(routes) == 1 else None


def connections(settings: Settings, lane: str) -> int:
    """How many connections at once a lane may have."""
    if lane.startswith(_DIRECT):
        return _DIRECT_CONNECTIONS
    if lane.startswith(MAILBOX):
        return MAILBOX_CONNECTIONS
    if lane.startswith(OF_DOMAIN):
        return DOMAIN_CONNECTIONS
    return next((way.connections for way in _relays(settings) if way.lane == lane), settings.relay_connections)


def settings_of(settings: Settings, lane: str) -> str:
    """What the names of the settings of a lane's server begin with, as their owner writes them; "" for the recipients'
    own servers, which none name."""
    if lane.startswith(_DIRECT):
        return ""
    if lane.startswith(OF_DOMAIN):
        return "domain relay: "
    return "relay_" if settings.relay_host and _default(settings).lane == lane else "relays: "


def named_routes(settings: Settings) -> list[Named]:
    """In the order in which they are asked, the default last."""
    listed = [Named(relay.to, relay.sender, _route(settings, relay)) for relay in settings.relays]
    return [*listed, Named("", "", _default_route(settings))] if settings.relay_host else listed


def helo(settings: Settings) -> str:
    return settings.smtp_hostname if settings.smtp_hostname.isascii() else "localhost"


def _relays(settings: Settings) -> list[Way]:
    listed = [_by(settings, relay) for relay in settings.relays]
    return [*listed, _default(settings)] if settings.relay_host else listed


def _default(settings: Settings) -> Way:
    route = _default_route(settings)
    return Way(_lane(route), settings.relay_connections, route)


def _default_route(settings: Settings) -> Route:
    return Route(
        settings.relay_host,
        settings.relay_port,
        settings.relay_security,
        helo(settings),
        settings.relay_username,
        settings.relay_password.get_secret_value(),
    )


def _by(settings: Settings, relay: Relay) -> Way:
    route = _route(settings, relay)
    return Way(_lane(route), relay.connections, route)


def _route(settings: Settings, relay: Relay) -> Route:
    return Route(
        relay.host, relay.port, relay.security, helo(settings), relay.username, relay.password.get_secret_value()
    )


def _lane(route: Route) -> str:
    return f"{route.username}@{route.host}:{route.port}" if route.username else f"{route.host}:{route.port}"


def _domain(address: str) -> str:
    return parse_address(address).key.rpartition("@")[2]
