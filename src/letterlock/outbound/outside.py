"""read_host(), look_up(): where whatever a tenant names may lie: on the public Internet, and nowhere else.

What is connected to is an address that was looked up once: a name that says one thing when it is checked and another
when it is used leads nowhere. `private`: the owner has lifted this, all of it.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

from letterlock.dns import DnsTrouble, NoSuchName, Resolver
from letterlock.outbound.exchangers import is_public

_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# Names that never mean a host of the public Internet (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal).
_INSIDE: Final = ("localhost", "local", "internal", "home.arpa", "test", "invalid", "onion")
# The virtual public address at which Azure tells a machine its own secrets.
_OF_CLOUDS: Final = frozenset({"168.63.129.16"})
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
# Teredo and other protocols (RFC 2928), 6to4 (RFC 3056), documentation (RFC 9637): a way to an IPv4 address, or none.
_REFUSED_6: Final = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
# Protocols (RFC 6890; some clouds keep their metadata there) and relays of 6to4 (RFC 7526).
_REFUSED_4: Final = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24")))


class BadHost(Exception):
    """Nothing goes there; the text says why, for whoever named it."""


def read_host(host: str, *, private: bool) -> str:
    """A name of the DNS in lower case, or an IP address (of IPv6 in brackets) without them. Raises BadHost."""
    if not host:
        raise BadHost("it names no host")
    host = host.lower()
    # A number at the end makes it an IPv4 address, whatever stands before (URL standard, section 3.5).
    if host[0] == "[" or host.rpartition(".")[2][:1].isdigit():
        return _address(host, private)
    return _name(host, private)


def _address(host: str, private: bool) -> str:
    """Of IPv4 the one form with four decimal numbers."""
    try:
        found = ipaddress.IPv6Address(host[1:-1]) if host[0] == "[" else ipaddress.IPv4Address(host)
    except ValueError:
        raise BadHost("its host is neither a name nor a plain IP address") from None
    if not private and not is_outside(str(found)):
        raise BadHost("its host is not on the public Internet")
    return str(found)


def _name(host: str, private: bool) -> str:
    labels = host.split(".")
    if not all(map(_LABEL.fullmatch, labels)):
        raise BadHost("its host is not a name of the DNS")
    if not private and (len(labels) < 2 or any(host == name or host.endswith(f".{name}") for name in _INSIDE)):
        raise BadHost("its host is not on the public Internet")
    return host


def is_outside(address: str) -> bool:
    """Whether an address is a host's on the public Internet, and no other way to write one that is not."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip not in _GLOBAL_6 or any(ip in network for network in _REFUSED_6):
            return False
    elif any(ip in network for network in _REFUSED_4) or address in _OF_CLOUDS:
        return False
    return is_public(address)


def look_up(host: str, resolver: Resolver, *, private: bool) -> str:
    """The one address to connect to. Blocks. Raises BadHost when any address of the host is inside, OSError when there
    is none to be had."""
    if literal := _literal(host):
        if not private and not is_outside(literal):
            raise BadHost("its host is not on the public Internet")
        return literal
    if private:
        # Names of neighbours are often not in the DNS.
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    found: tuple[str, ...] = ()
    for ask in (resolver.a, resolver.aaaa):
        try:
            found += ask(host)
        except NoSuchName:
            pass
        except DnsTrouble:
            raise OSError("the name cannot be looked up") from None
    if not found:
        raise OSError("the name has no address")
    if not all(map(is_outside, found)):
        raise BadHost("its host is not on the public Internet")
    return found[0]


def _literal(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""
