"""check_host: the public suite of RFC 7208, its limits, and anything at all as a record."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import DictResolver
from letterlock.dns import DnsTrouble
from letterlock.message.spf import check_host

SUITE = Path(__file__).with_name("rfc7208.json")
RESULTS = {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"}


def records(kind: str, found: Any) -> Any:
    if found == "TIMEOUT":
        return DnsTrouble("time-out")
    if kind == "TXT":
        return [text.encode("latin-1") for text in found]
    return [tuple(record) if isinstance(record, list) else record for record in found]


def suite() -> Iterator[Any]:
    for section in json.loads(SUITE.read_text("utf-8"))["sections"]:
        names = {
            name: {kind: records(kind, found) for kind, found in zone.items()}
            for name, zone in section["names"].items()
        }
        for case in section["cases"]:
            yield pytest.param(names, case, id=f"{section['description']}: {case['name']}")


@pytest.mark.parametrize(("names", "case"), [*suite()])
def test_every_case_of_the_rfc_7208_suite_gives_one_of_its_results(names: dict[str, Any], case: dict[str, Any]) -> None:
    assert check_host(case["ip"], case["sender"], case["helo"], DictResolver(names)) in case["results"]


def result(record: str, ip: str = "192.0.2.1", sender: str = "anna@example.com", **names: Any) -> str:
    zone = {"example.com": {"TXT": [record]}, **{name.replace("__", "."): found for name, found in names.items()}}
    return check_host(ip, sender, "mail.example.com", DictResolver(zone))


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
        ("v=spf1 ip4:198.51.100.0/24 -all", "fail"),
        ("v=spf1 ip4:198.51.100.0/24 ~all", "softfail"),
        ("v=spf1 ip4:198.51.100.0/24", "neutral"),
        ("v=spf1 ip4:192.0.2.0/33 -all", "permerror"),
        ("v=spf1 ip4:192.0.2.1%eth0 -all", "permerror"),
        ("v=spf1 ip6:fe80::1%eth0 -all", "permerror"),
        ("v=spf1 -all redirect=other.example", "fail"),
        ("v=spf10 +all", "none"),
    ],
)
def test_records_mean_what_they_say(record: str, wanted: str) -> None:
    assert result(record) == wanted


def test_an_ipv4_client_on_an_ipv6_socket_is_an_ipv4_client() -> None:
    assert result("v=spf1 ip4:192.0.2.1 -all", ip="::ffff:192.0.2.1") == "pass"


def test_a_null_sender_is_judged_by_the_name_the_client_gave() -> None:
    zone = {"mail.example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}}
    assert check_host("192.0.2.1", "", "mail.example.com", DictResolver(zone)) == "pass"


def test_a_chain_of_includes_ends_after_ten_terms() -> None:
    zone = {f"{i}.example.com": {"TXT": [f"v=spf1 include:{i + 1}.example.com -all"]} for i in range(100)}
    resolver = DictResolver(zone)
    assert check_host("192.0.2.1", "a@0.example.com", "x.example", resolver) == "permerror"
    assert len(resolver.asked) == 11


def test_a_record_that_includes_itself_ends() -> None:
    assert result("v=spf1 include:example.com include:example.com -all") == "permerror"


def test_an_international_local_part_matches_no_macro() -> None:
    assert result("v=spf1 exists:%{l}.allowed.example -all", sender="zoë@example.com") == "fail"


@pytest.mark.parametrize("ip", ["", "here", "1.2.3", "1.2.3.4.5", "::1::"])
def test_a_client_without_a_readable_address_has_no_result(ip: str) -> None:
    assert result("v=spf1 +all", ip=ip) == "none"


def test_a_name_too_long_for_the_dns_loses_its_first_labels() -> None:
    name = ".".join(["a" * 60] * 4) + ".example.com"
    resolver = DictResolver({"example.com": {"TXT": [f"v=spf1 exists:{name} -all"]}})
    assert check_host("192.0.2.1", "a@example.com", "b.example", resolver) == "fail"
    assert resolver.asked[-1] == ("A", name[61:])


@pytest.mark.parametrize("unit", ["%{l}.", "%{L}", "a.", "/1", "//", "a:", "1", "-", "%{d1r.-}"])
def test_a_hostile_record_costs_little(unit: str) -> None:
    record = "v=spf1 " + " ".join(f"exists:{unit * (800 // len(unit))}.example.com" for _ in range(9))
    start = time.process_time()
    assert result(record, sender="zo'e" * 16 + "@example.com") in RESULTS
    assert result("v=spf1 exists:" + unit * 30_000 + ".example.com") == "permerror"
    assert time.process_time() - start < 0.5


terms = st.sampled_from(
    ["a", "mx", "ptr", "all", "include:", "exists:", "ip4:", "ip6:", "redirect=", "exp=", "x=", "%{", "}", "%%", "/",
     "//", "24", "i", "d1r.-", "example.com", ".", ":", " ", "~", "-", "192.0.2.1", "::1", "é", "\0"]
)  # fmt: skip


@given(st.lists(terms, max_size=30).map("".join))
def test_any_record_gives_a_result(record: str) -> None:
    zone = {"A": ["192.0.2.9"], "MX": [(1, "example.com")], "TXT": [f"v=spf1 {record}"]}
    resolver = DictResolver({"example.com": zone, "192.0.2.1": {"PTR": ["example.com"]}})
    assert check_host("192.0.2.1", "a@example.com", "b.example.com", resolver) in RESULTS


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_arguments_give_a_result(ip: str, sender: str, helo: str) -> None:
    assert check_host(ip, sender, helo, DictResolver()) in RESULTS
    assert check_host("192.0.2.1", sender, helo, DictResolver()) in RESULTS
