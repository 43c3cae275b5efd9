from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import DictResolver
from letterlock.dns import DnsTrouble
from letterlock.outbound.exchangers import NoWay, exchangers, is_public


def hosts(names: dict[str, object], domain: str = "far.example", *, private: bool = False) -> list[str]:
    return [one.host for one in exchangers(DictResolver(names), domain, private=private)]  # type: ignore[arg-type]


PUBLIC = {"A": ["8.8.8.8"]}


def test_servers_come_by_preference() -> None:
    names = {"far.example": {"MX": [(20, "b.far.example"), (10, "a.far.example")]}, "a.far.example": PUBLIC}
    assert hosts({**names, "b.far.example": {"AAAA": ["2001:4860:4860::8888"]}}) == ["a.far.example", "b.far.example"]


def test_servers_of_one_preference_come_in_changing_order() -> None:
    records = {"far.example": {"MX": [(10, f"m{n}.far.example") for n in range(4)]}}
    names = {**records, **{f"m{n}.far.example": PUBLIC for n in range(4)}}
    assert len({tuple(hosts(names)) for _ in range(60)}) > 1


def test_a_domain_without_mx_is_its_own_server() -> None:
    assert hosts({"far.example": PUBLIC}) == ["far.example"]


@pytest.mark.parametrize(
    ("names", "said", "final"),
    [
        ({}, "5.1.2", True),
        ({"far.example": {"MX": [(0, "")]}}, "null MX", True),
        ({"far.example": {"TXT": ["x"]}}, "no mail server", True),
        ({"far.example": {"MX": [(1, "gone.example")]}}, "no mail server", True),
        ({"far.example": DnsTrouble("x")}, "4.4.3", False),
        ({"far.example": {"MX": [(1, "m.example")]}, "m.example": DnsTrouble("x")}, "4.4.3", False),
        ({"far.example": {"MX": [(1, "m.example")]}, "m.example": {"A": ["127.0.0.1", "10.0.0.1"]}}, "private", False),
        ({"far.example": {"AAAA": ["::ffff:127.0.0.1"]}}, "private", False),
    ],
)
def test_without_a_server_it_says_why_and_whether_for_good(names: dict[str, object], said: str, final: bool) -> None:
    with pytest.raises(NoWay, match=said) as way:
        hosts(names)
    assert way.value.final is final


def test_private_servers_are_taken_when_told() -> None:
    assert hosts({"far.example": {"A": ["127.0.0.1"]}}, private=True) == ["far.example"]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::", "255.255.255.255",
     "ff02::1"],
)  # fmt: skip
def test_addresses_that_are_not_of_the_public_internet(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses())
def test_any_address_is_judged(address: object) -> None:
    assert is_public(str(address)) in (True, False)
