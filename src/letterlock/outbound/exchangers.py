"""exchangers(resolver, domain) -> the servers that take mail for a domain, in the order to try (RFC 5321 section 5.1).

Addresses within a private network are left out, whatever the DNS of a stranger says: mail is no way into ours.
"""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from letterlock.dns import DnsTrouble, NoSuchName, Resolver

_MOST: Final = 5


class NoWay(Exception):
    """Why mail for a domain cannot go out: `final`, or only for now. The text is an answer as servers give it, or a
    sentence of ours."""

    def __init__(self, text: str, *, final: bool) -> None:
        super().__init__(text)
        self.final = final


@dataclass(frozen=True, slots=True)
class Exchanger:
    """A mail server: its name in the DNS, and its addresses."""

    host: str
    addresses: tuple[str, ...]


def exchangers(resolver: Resolver, domain: str, *, private: bool = False) -> list[Exchanger]:
    """The first few mail servers of `domain` (A-labels) that have an address. `private`: also in private networks.
    Blocks. Raises NoWay."""
    try:
        records = resolver.mx(domain)
    except NoSuchName:
        raise NoWay(f"550 5.1.2 There is no domain {domain}", final=True) from None
    except DnsTrouble:
        raise NoWay(f"450 4.4.3 The mail servers of {domain} cannot be looked up", final=False) from None
    if [host for _, host in records] == [""]:
        # RFC 7505 section 3: it takes no mail.
        raise NoWay(f"556 5.1.10 {domain} takes no mail (null MX)", final=True)
    names = [host for host in _ordered(records) if host] or [domain]
    found, trouble, refused = [], False, False
    for host in names[: 2 * _MOST]:
        try:
            every = _addresses(resolver, host)
        except DnsTrouble:
            trouble = True
            continue
        addresses = tuple(address for address in every if private or is_public(address))
        refused |= len(addresses) < len(every)
        if addresses:
            found.append(Exchanger(host, addresses))
    if found:
        return found[:_MOST]
    if trouble:
        raise NoWay(f"450 4.4.3 The mail servers of {domain} cannot be looked up", final=False)
    if refused:
        # A rule of ours: it says nothing of the recipient.
        raise NoWay(f"no mail server of {domain} is on the public Internet, and direct_private is off", final=False)
    raise NoWay(f"550 5.4.4 {domain} has no mail server", final=True)


def is_public(address: str) -> bool:
    """Whether `address` is one of the public Internet, also where it is an IPv4 address inside an IPv6 one."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        # RFC 4291 section 2.5.5.2, RFC 6052 section 2.1, RFC 3056 section 2.
        if ip.sixtofour is not None or ip in ipaddress.ip_network("64:ff9b::/96"):
            return False
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast


def _ordered(records: tuple[tuple[int, str], ...]) -> list[str]:
    """By preference; those of one preference in random order, to spread the load."""
    names: list[str] = []
    for _, group in groupby(sorted(records), key=lambda record: record[0]):
        equal = [host for _, host in group]
        random.shuffle(equal)
        names += equal
    return list(dict.fromkeys(names))


def _addresses(resolver: Resolver, host: str) -> tuple[str, ...]:
    """IPv4 first: more servers take mail from there. Raises DnsTrouble when neither could be looked up."""
    found: tuple[str, ...] = ()
    trouble: DnsTrouble | None = None
    for ask in (resolver.a, resolver.aaaa):
        try:
            found += ask(host)
        except NoSuchName:
            pass
        except DnsTrouble as error:
            trouble = error
    if not found and trouble is not None:
        raise trouble
    return found
