"""DMARC records, the tree walk, and which domains are one house."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import DictResolver
from letterlock.dns import DnsTrouble
from letterlock.message.dmarc import Record, is_aligned, may_align, parse_record, rules_for


def zone(**records: str) -> dict[str, dict[str, list[str]]]:
    """`example_com="p=none"` for a DMARC record of example.com."""
    return {f"_dmarc.{name.replace('_', '.')}": {"TXT": [f"v=DMARC1; {text}"]} for name, text in records.items()}


def aligned(author: str, identifier: str, *, strict: bool = False, **records: str) -> bool:
    resolver = DictResolver(zone(**records))
    return is_aligned(identifier, rules_for(author, resolver), strict=strict, resolver=resolver)


@pytest.mark.parametrize(
    ("text", "record"),
    [
        (b"v=DMARC1; p=reject", Record("reject")),
        (b"v = DMARC1 ;p=Quarantine;", Record("quarantine")),
        (b"v=DMARC1", Record("none")),
        (b"v=DMARC1; p=discard; rua=mailto:a@example.com", Record("none")),
        (
            b"v=DMARC1; p=reject; sp=none; np=quarantine; adkim=s; aspf=s; t=y; psd=n; pct=5",
            Record("reject", "none", "quarantine", True, True, True, "n"),
        ),
        (b"v=DMARC1; p=none; p=reject", Record("none")),
        (b"v=dmarc1; p=reject", None),
        (b"v=DMARC10; p=reject", None),
        (b"p=reject; v=DMARC1", None),
        (b"v=spf1 -all", None),
        (b"", None),
    ],
)
def test_records_are_read(text: bytes, record: Record | None) -> None:
    assert parse_record(text) == record


@given(st.binary(max_size=100))
def test_any_record_is_read(text: bytes) -> None:
    assert isinstance(parse_record(b"v=DMARC1;" + text), Record)
    assert parse_record(text) is None or text.strip().startswith(b"v")


# The walk


def test_the_walk_asks_upward_from_the_author_domain() -> None:
    resolver = DictResolver(zone(example_com="p=reject"))
    rules = rules_for("a.mail.example.com", resolver)
    asked = [name for kind, name in resolver.asked if kind == "TXT"]
    assert asked == ["_dmarc.a.mail.example.com", "_dmarc.mail.example.com", "_dmarc.example.com", "_dmarc.com"]
    assert (rules.organisation, rules.policy) == ("example.com", "reject")


def test_the_walk_asks_no_more_than_eight_times() -> None:
    resolver = DictResolver()
    rules_for(".".join("abcdefghijklmnop") + ".example.com", resolver)
    asked = [name for _, name in resolver.asked]
    assert asked[0] == "_dmarc.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.example.com"
    assert asked[1] == "_dmarc.l.m.n.o.p.example.com"
    assert len(asked) == 8


def test_the_walk_ends_where_a_record_says_so() -> None:
    records = zone(mail_example_com="p=none; psd=n", example_com="p=reject")
    resolver = DictResolver(records)
    assert rules_for("mail.example.com", resolver).organisation == "mail.example.com"
    assert ("TXT", "_dmarc.example.com") not in resolver.asked


def test_below_a_public_suffix_that_says_so_is_the_organisation() -> None:
    rules = rules_for("a.shop.gov.example", DictResolver(zone(gov_example="p=reject; psd=y")))
    assert (rules.organisation, rules.policy) == ("shop.gov.example", "reject")


def test_of_several_records_the_one_nearest_to_the_root_is_the_organisation() -> None:
    rules = rules_for("a.b.example.com", DictResolver(zone(b_example_com="p=none", example_com="p=reject")))
    assert (rules.organisation, rules.policy) == ("example.com", "reject")


def test_two_records_for_one_name_are_none() -> None:
    resolver = DictResolver({"_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]}})
    assert rules_for("example.com", resolver).policy == ""


def test_other_texts_beside_the_record_do_no_harm() -> None:
    resolver = DictResolver({"_dmarc.example.com": {"TXT": ["hello", "v=DMARC1; p=reject"]}})
    assert rules_for("example.com", resolver).policy == "reject"


def test_trouble_in_the_dns_is_raised() -> None:
    with pytest.raises(DnsTrouble):
        rules_for("example.com", DictResolver({"_dmarc.example.com": DnsTrouble("late")}))


# Policies


def test_subdomains_have_the_policy_meant_for_them() -> None:
    records = zone(example_com="p=reject; sp=quarantine; np=none")
    there = {"mail.example.com": {"A": ["192.0.2.1"]}}
    assert rules_for("example.com", DictResolver(records)).policy == "reject"
    assert rules_for("mail.example.com", DictResolver(records | there)).policy == "quarantine"
    assert rules_for("nowhere.example.com", DictResolver(records)).policy == "none"


def test_a_domain_without_a_policy_for_subdomains_means_its_own() -> None:
    assert rules_for("mail.example.com", DictResolver(zone(example_com="p=reject"))).policy == "reject"


def test_a_test_makes_each_policy_one_step_milder() -> None:
    assert rules_for("example.com", DictResolver(zone(example_com="p=reject; t=y"))).policy == "quarantine"
    assert rules_for("example.com", DictResolver(zone(example_com="p=quarantine; t=y"))).policy == "none"


# Alignment


@pytest.mark.parametrize(
    ("author", "identifier", "wanted"),
    [
        ("example.com", "example.com", True),
        ("mail.example.com", "example.com", True),
        ("example.com", "mail.example.com", True),
        ("a.example.com", "b.example.com", True),
        ("example.com", "example.org", False),
        ("example.com", "notexample.com", False),
        ("example.com", "com", False),
        ("example.com", "", False),
    ],
)
def test_domains_of_one_organisation_are_aligned(author: str, identifier: str, wanted: bool) -> None:
    assert aligned(author, identifier, example_com="p=reject") is wanted


def test_strict_alignment_takes_the_same_domain_only() -> None:
    assert aligned("example.com", "example.com", strict=True, example_com="p=reject")
    assert not aligned("example.com", "mail.example.com", strict=True, example_com="p=reject")


def test_a_part_that_calls_itself_an_organisation_is_not_aligned_with_the_whole() -> None:
    records = {"example_com": "p=reject", "customer_example_com": "p=none; psd=n"}
    assert not aligned("example.com", "customer.example.com", **records)
    assert not aligned("customer.example.com", "example.com", **records)


@pytest.mark.parametrize("suffix", ["internal", "lan", "test", "example", "com", "co.uk", "github.io"])
def test_strangers_under_one_suffix_are_never_aligned(suffix: str) -> None:
    assert not aligned(f"bank.{suffix}", f"thief.{suffix}")
    assert not aligned(f"mail.bank.{suffix}", f"mail.thief.{suffix}")
    assert not aligned(f"bank.{suffix}", suffix)
    assert aligned(f"mail.bank.{suffix}", f"bank.{suffix}")


@pytest.mark.parametrize("suffix", ["com", "co.uk", "github.io", "internal"])
@pytest.mark.parametrize("record", ["p=none", "p=none; psd=y"])
def test_a_record_at_a_suffix_does_not_align_strangers(suffix: str, record: str) -> None:
    records = {suffix.replace(".", "_"): record}
    assert not aligned(f"bank.{suffix}", f"thief.{suffix}", **records)
    assert not aligned(f"bank.{suffix}", suffix, **records)
    assert aligned(f"bank.{suffix}", f"mail.bank.{suffix}", **records)


@given(*[st.lists(st.sampled_from(["a", "b", "co", "uk", "com", "example"]), min_size=1, max_size=5)] * 2)
def test_what_may_not_align_is_not_aligned(author: list[str], identifier: list[str]) -> None:
    resolver = DictResolver(zone(example="p=none", co_uk="p=none; psd=y", a_com="p=none"))
    rules = rules_for(".".join(author), resolver)
    if not may_align(".".join(identifier), rules):
        assert not is_aligned(".".join(identifier), rules, strict=False, resolver=resolver)
        other = rules_for(".".join(identifier), resolver)
        assert other.organisation != rules.organisation
