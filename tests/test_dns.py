"""The resolver: what it makes of answers, its limits and its cache, against a name server on loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from fakes import DictResolver
from letterlock.dns import Budget, DnsTrouble, NoSuchName, SystemResolver

TXT_OF_TWO = '"v=spf1 ip4:192.0.2.0/24 " "-all"'


class NameServer:
    """Answers over UDP from `zone`; `silent` names get none. Every question is in `asked`."""

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self.names: set[str] = set()
        self.silent: set[str] = set()
        self.broken: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def add(self, name: str, kind: str, *records: str, ttl: int = 300) -> None:
        self.zone[name, kind] = ttl, list(records)
        self.names.add(name)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()

    def _serve(self) -> None:
        while True:
            wire, client = self.socket.recvfrom(4_096)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            question = query.question[0]
            name = question.name.to_text(omit_final_dot=True).lower()
            kind = dns.rdatatype.to_text(question.rdtype)
            self.asked.append((kind, name))
            if name in self.silent:
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            if name in self.broken:
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif (name, kind) in self.zone:
                ttl, records = self.zone[name, kind]
                answer.answer.append(dns.rrset.from_text_list(question.name, ttl, "IN", kind, records))
            else:
                if name not in self.names:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                soa = "ns.example. postmaster.example. 1 7200 900 1209600 60"
                answer.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", soa))
            self.socket.sendto(answer.to_wire(), client)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


def resolver_of(server: NameServer, clock: Clock | None = None, **options: float) -> SystemResolver:
    return SystemResolver(("127.0.0.1",), port=server.port, clock=clock or Clock(), **options)  # type: ignore[arg-type]


def test_answers_come_as_plain_values(server: NameServer) -> None:
    server.add("a.example", "TXT", TXT_OF_TWO, '"other"')
    server.add("a.example", "A", "192.0.2.1", "192.0.2.2")
    server.add("a.example", "AAAA", "2001:db8::1")
    server.add("a.example", "MX", "20 b.example.", "10 A.example.")
    server.add("1.2.0.192.in-addr.arpa", "PTR", "a.example.")
    resolver = resolver_of(server)
    assert set(resolver.txt("a.example")) == {b"v=spf1 ip4:192.0.2.0/24 -all", b"other"}
    assert set(resolver.a("A.example.")) == {"192.0.2.1", "192.0.2.2"}
    assert resolver.aaaa("a.example") == ("2001:db8::1",)
    assert resolver.mx("a.example") == ((10, "a.example"), (20, "b.example"))
    assert resolver.ptr("192.0.2.1") == ("a.example",)


def test_a_host_that_takes_no_mail_has_an_empty_name(server: NameServer) -> None:
    server.add("a.example", "MX", "0 .")
    assert resolver_of(server).mx("a.example") == ((0, ""),)


def test_a_missing_name_and_a_missing_record_are_told_apart(server: NameServer) -> None:
    server.add("a.example", "A", "192.0.2.1")
    resolver = resolver_of(server)
    assert resolver.txt("a.example") == ()
    with pytest.raises(NoSuchName):
        resolver.txt("b.example")


@pytest.mark.parametrize("name", ["", ".", "a..example", "a" * 64 + ".example", "a." * 130 + "example", "é.example"])
def test_names_that_cannot_be_in_the_dns_are_not_asked_for(server: NameServer, name: str) -> None:
    with pytest.raises(NoSuchName):
        resolver_of(server).a(name)
    assert server.asked == []


def test_a_failing_server_is_trouble(server: NameServer) -> None:
    server.broken.add("a.example")
    with pytest.raises(DnsTrouble):
        resolver_of(server).txt("a.example")


def test_a_silent_server_is_trouble_within_the_time_given(server: NameServer) -> None:
    server.silent.add("a.example")
    start = time.monotonic()
    with pytest.raises(DnsTrouble):
        resolver_of(server).txt("a.example", within=0.3)
    assert time.monotonic() - start < 4


def test_answers_are_kept_for_their_time_to_live(server: NameServer) -> None:
    server.add("a.example", "A", "192.0.2.1", ttl=100)
    clock = Clock()
    resolver = resolver_of(server, clock)
    resolver.a("a.example")
    clock.now += 99
    assert resolver.a("A.EXAMPLE.") == ("192.0.2.1",)
    assert len(server.asked) == 1
    clock.now += 2
    resolver.a("a.example")
    assert len(server.asked) == 2


def test_answers_are_kept_an_hour_at_most(server: NameServer) -> None:
    server.add("a.example", "A", "192.0.2.1", ttl=1_000_000)
    clock = Clock()
    resolver = resolver_of(server, clock)
    resolver.a("a.example")
    clock.now += 3_601
    resolver.a("a.example")
    assert len(server.asked) == 2


def test_what_is_not_there_is_kept_as_long_as_its_zone_says(server: NameServer) -> None:
    clock = Clock()
    resolver = resolver_of(server, clock)
    for _ in range(3):
        with pytest.raises(NoSuchName):
            resolver.txt("b.example")
    assert len(server.asked) == 1
    clock.now += 61
    with pytest.raises(NoSuchName):
        resolver.txt("b.example")
    assert len(server.asked) == 2


def test_the_cache_is_bounded_and_throws_out_what_was_not_asked_for_longest(server: NameServer) -> None:
    for name in ("a.example", "b.example", "c.example"):
        server.add(name, "A", "192.0.2.1")
    resolver = resolver_of(server, cache_entries=2)
    for name in ("a.example", "b.example", "a.example", "c.example", "a.example", "b.example"):
        resolver.a(name)
    assert [name for _, name in server.asked] == ["a.example", "b.example", "c.example", "b.example"]


def test_a_machine_without_name_servers_has_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    import dns.resolver

    def without(self: dns.resolver.Resolver, *arguments: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", without)
    monkeypatch.setattr(dns.resolver.Resolver, "read_registry", without)
    with pytest.raises(DnsTrouble):
        SystemResolver().a("a.example")


# The budget of one email


def test_a_budget_ends_after_so_many_questions() -> None:
    budget = Budget(DictResolver({"a.example": {"A": ["192.0.2.1"]}}), queries=2)
    assert budget.a("a.example") == ("192.0.2.1",)
    with pytest.raises(NoSuchName):
        budget.txt("b.example")
    with pytest.raises(DnsTrouble):
        budget.mx("c.example")


def test_a_budget_neither_asks_nor_counts_what_it_knows() -> None:
    inner = DictResolver({"a.example": {"A": ["192.0.2.1"], "TXT": DnsTrouble("late")}})
    budget = Budget(inner, queries=3)
    for _ in range(5):
        assert budget.a("a.example") == budget.a("A.example.") == ("192.0.2.1",)
        with pytest.raises(NoSuchName):
            budget.a("b.example")
        with pytest.raises(DnsTrouble):
            budget.txt("a.example")
    assert len(inner.asked) == 3


def test_a_budget_ends_after_so_many_seconds_and_lets_no_question_take_longer() -> None:
    clock = Clock()
    waits: list[float] = []

    class Slow(DictResolver):
        def a(self, name: str, within: float = 0) -> tuple[str, ...]:
            waits.append(within)
            clock.now += within
            raise DnsTrouble("late")

    budget = Budget(Slow(), seconds=5, clock=clock)
    for name in "abcdef":
        with pytest.raises(DnsTrouble):
            budget.a(name)
    assert waits == [2.0, 2.0, 1.0]
