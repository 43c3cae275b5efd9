"""Questions to the DNS, each with an end: a limit for one query, a budget for one email, a bounded cache.

Whoever asks holds a Resolver; `SystemResolver` is the real one and the only place that knows dnspython. Answers are
plain values; what is not there is NoSuchName or an empty tuple, what cannot be known now is DnsTrouble.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from dns.name import Name
    from dns.resolver import Answer
    from dns.resolver import Resolver as Stub

QUERY_S: Final = 2.0
"""The longest wait for one answer."""
EMAIL_S: Final = 4.0
EMAIL_QUERIES: Final = 30

_CACHE_ENTRIES: Final = 4_096
_CACHE_BYTES: Final = 4 * 1024 * 1024
_ENTRY_BYTES: Final = 400  # what an entry costs besides its octets
_SHORTEST_TTL_S: Final = 5.0
_LONGEST_TTL_S: Final = 3_600.0
# RFC 2308 section 7.1: a failure may be remembered, up to five minutes. A short time spares a burst of mail.
_TROUBLE_TTL_S: Final = 10.0
_UDP_BYTES: Final = 1_232  # dnsflagday.net/2020: what no path fragments

_V = TypeVar("_V")


class NoSuchName(Exception):
    """The name does not exist (NXDOMAIN). A name that exists without such a record gives an empty tuple."""


class DnsTrouble(Exception):
    """No answer: a time-out, a failing server, a budget used up. Another time it may be known."""


class Resolver(Protocol):
    """`name` is an absolute host name in ASCII, with or without its last dot; `within` is the longest wait in seconds.

    All raise NoSuchName or DnsTrouble. A name that cannot be in the DNS (an empty or long label) is NoSuchName."""

    def txt(self, name: str, within: float = QUERY_S) -> tuple[bytes, ...]:
        """One item for each TXT record, its strings joined without a space (RFC 7208 section 3.3)."""

    def a(self, name: str, within: float = QUERY_S) -> tuple[str, ...]:
        """IPv4 addresses in dotted form."""

    def aaaa(self, name: str, within: float = QUERY_S) -> tuple[str, ...]:
        """IPv6 addresses."""

    def mx(self, name: str, within: float = QUERY_S) -> tuple[tuple[int, str], ...]:
        """(preference, host) by preference; the host "" means that no mail is taken (RFC 7505 section 3)."""

    def ptr(self, address: str, within: float = QUERY_S) -> tuple[str, ...]:
        """Host names of an IPv4 or IPv6 address. ValueError when `address` is none."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no answer, kept as a value: an exception raised again and again would drag its tracebacks along."""

    error: type[NoSuchName] | type[DnsTrouble]
    why: str


class Budget:
    """A Resolver for one email that asks another one: so many seconds and queries, then DnsTrouble. What was answered
    once is neither asked nor counted again."""

    def __init__(
        self,
        resolver: Resolver,
        seconds: float = EMAIL_S,
        queries: int = EMAIL_QUERIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._clock = clock
        self._end = clock() + seconds
        self._queries = queries
        self._known: dict[tuple[str, str], Any] = {}

    def txt(self, name: str, within: float = QUERY_S) -> tuple[bytes, ...]:
        return self._ask("txt", name, within, self._resolver.txt)

    def a(self, name: str, within: float = QUERY_S) -> tuple[str, ...]:
        return self._ask("a", name, within, self._resolver.a)

    def aaaa(self, name: str, within: float = QUERY_S) -> tuple[str, ...]:
        return self._ask("aaaa", name, within, self._resolver.aaaa)

    def mx(self, name: str, within: float = QUERY_S) -> tuple[tuple[int, str], ...]:
        return self._ask("mx", name, within, self._resolver.mx)

    def ptr(self, address: str, within: float = QUERY_S) -> tuple[str, ...]:
        return self._ask("ptr", address, within, self._resolver.ptr)

    def _ask(self, kind: str, name: str, within: float, ask: Callable[[str, float], _V]) -> _V:
        key = kind, _plain(name)
        if key not in self._known:
            left = self._end - self._clock()
            if left <= 0 or self._queries <= 0:
                raise DnsTrouble("the time or the number of questions for one email is used up")
            self._queries -= 1
            try:
                self._known[key] = ask(name, min(within, left))
            except (NoSuchName, DnsTrouble) as error:
                self._known[key] = _Failure(type(error), str(error))
        known = self._known[key]
        if isinstance(known, _Failure):
            raise known.error(known.why)
        return cast("_V", known)


class SystemResolver:
    """The name servers of this machine (or `nameservers`, IP addresses), asked over UDP and, where needed, TCP.

    One for a process, usable from any thread. Its cache keeps answers, also negative ones, for their time to live and
    at most an hour, at most `cache_entries` of them. Without any name server every question is DnsTrouble."""

    def __init__(
        self,
        nameservers: tuple[str, ...] = (),
        *,
        port: int = 53,
        query_s: float = QUERY_S,
        cache_entries: int = _CACHE_ENTRIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nameservers = nameservers
        self._port = port
        self._query_s = query_s
        self._cache = _Cache(cache_entries, clock)
        self._stub: Stub | None = None
        self._lock = threading.Lock()

    def txt(self, name: str, within: float = QUERY_S) -> tuple[bytes, ...]:
        return self._ask("TXT", name, within, _text)

    def a(self, name: str, within: float = QUERY_S) -> tuple[str, ...]:
        return self._ask("A", name, within, str)

    def aaaa(self, name: str, within: float = QUERY_S) -> tuple[str, ...]:
        return self._ask("AAAA", name, within, str)

    def mx(self, name: str, within: float = QUERY_S) -> tuple[tuple[int, str], ...]:
        return tuple(sorted(self._ask("MX", name, within, _exchange)))

    def ptr(self, address: str, within: float = QUERY_S) -> tuple[str, ...]:
        return self._ask("PTR", ipaddress.ip_address(address).reverse_pointer, within, _target)

    def _ask(self, kind: str, name: str, within: float, read: Callable[[Any], _V]) -> tuple[_V, ...]:
        key = kind, _plain(name)
        known = self._cache.get(key)
        if known is None:
            known, ttl = self._resolve(kind, key[1], min(within, self._query_s), read)
            self._cache.put(key, known, ttl)
        if isinstance(known, _Failure):
            raise known.error(known.why)
        return cast("tuple[_V, ...]", known)

    def _resolve(
        self, kind: str, name: str, within: float, read: Callable[[Any], object]
    ) -> tuple[tuple[object, ...] | _Failure, float]:
        """The answer and how many seconds it holds."""
        import dns.exception
        import dns.name
        import dns.resolver

        labels = _labels(name)
        if labels is None:
            return _Failure(NoSuchName, "not a name of the DNS"), _LONGEST_TTL_S
        try:
            answer: Answer = self._get_stub().resolve(
                dns.name.Name(labels), kind, raise_on_no_answer=False, lifetime=within, search=False
            )
            found = tuple(read(record) for record in answer.rrset or ())
            return found, answer.chaining_result.minimum_ttl
        except dns.resolver.NXDOMAIN as error:
            return _Failure(NoSuchName, "no such name"), _negative_ttl(error, labels)
        except (dns.exception.DNSException, OSError, ValueError, EOFError) as error:
            return _Failure(DnsTrouble, type(error).__name__), _TROUBLE_TTL_S

    def _get_stub(self) -> Stub:
        import dns.resolver

        with self._lock:
            if self._stub is None:
                stub = dns.resolver.Resolver(configure=not self._nameservers)
                if self._nameservers:
                    stub.nameservers = list(self._nameservers)
                    stub.port = self._port
                # Half the time for one server leaves the other half for a second one.
                stub.timeout = self._query_s / 2
                stub.use_edns(0, 0, _UDP_BYTES)
                self._stub = stub
            return self._stub


class _Cache:
    """Answers until they expire, the longest unused thrown out first. From any thread."""

    def __init__(self, entries: int, clock: Callable[[], float]) -> None:
        self._entries = entries
        self._clock = clock
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, str], tuple[float, int, tuple[object, ...] | _Failure]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str]) -> tuple[object, ...] | _Failure | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            if kept[0] <= self._clock():
                self._drop(key)
                return None
            self._kept.move_to_end(key)
            return kept[2]

    def put(self, key: tuple[str, str], answer: tuple[object, ...] | _Failure, ttl: float) -> None:
        size = _ENTRY_BYTES + len(key[1])
        if not isinstance(answer, _Failure):
            size += sum(len(item) if isinstance(item, (bytes, str)) else _ENTRY_BYTES for item in answer)
        with self._lock:
            self._drop(key)
            self._kept[key] = (self._clock() + min(max(ttl, _SHORTEST_TTL_S), _LONGEST_TTL_S), size, answer)
            self._bytes += size
            while len(self._kept) > self._entries or self._bytes > _CACHE_BYTES:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, str]) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept[1]


def _plain(name: str) -> str:
    return name.removesuffix(".").lower()


def _labels(name: str) -> tuple[bytes, ...] | None:
    """The labels of a plain `name` with the root's, None where it cannot be in the DNS (RFC 1035 section 2.3.4).

    Not by dnspython's own reader: that one takes backslashes and turns other scripts into IDNA."""
    if not name.isascii():
        return None
    labels = name.encode("ascii").split(b".")
    if len(name) > 253 or any(not 1 <= len(label) <= 63 for label in labels):
        return None
    return (*labels, b"")


def _text(record: Any) -> bytes:
    return b"".join(record.strings)


def _exchange(record: Any) -> tuple[int, str]:
    return int(record.preference), _host(record.exchange)


def _target(record: Any) -> str:
    return _host(record.target)


def _host(name: Name) -> str:
    """Lower-cased, without the last dot; octets outside ASCII as escapes."""
    return name.to_text(omit_final_dot=True).lower() if len(name.labels) > 1 else ""


def _negative_ttl(error: Any, labels: tuple[bytes, ...]) -> float:
    """RFC 2308 section 5: the SOA record sent along says how long a name stays missing."""
    import dns.exception
    import dns.name

    try:
        return float(error.response(dns.name.Name(labels)).resolve_chaining().minimum_ttl)
    except (dns.exception.DNSException, KeyError):
        return _TROUBLE_TTL_S
