"""Who really sent it: the verdict and the aligned identity, from the bytes and the envelope to the report."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import NOON, DictResolver
from letterlock.dns import DnsTrouble
from letterlock.message.authenticate import AuthReport, authenticate
from letterlock.message.envelope import Envelope
from letterlock.message.parse import parse_message
from signing import Key, seal, sign

RAW = (
    b"From: Anna <anna@example.com>\r\nTo: ben@example.net\r\nSubject: A walk\r\n"
    b"Date: Mon, 4 May 2026 12:00:00 +0000\r\n\r\nShall we go?\r\n"
)
KEY = Key.rsa("example.com")
OTHER = Key.rsa("example.org", "o")
SPF = {"example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]}, "example.org": {"TXT": ["v=spf1 +all"]}}
DMARC = {"_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]}}
NAMES: dict[str, Any] = {**SPF, **DMARC, **KEY.names, **OTHER.names}
HERE = Envelope("anna@example.com", ("ben@example.net",), NOON, "smtp", "192.0.2.1", "mx.example.com")
ELSEWHERE = replace(HERE, client_ip="198.51.100.1")
FORGER = replace(HERE, sender="thief@example.org", client_ip="198.51.100.1", helo="mx.example.org")


def report(raw: bytes, envelope: Envelope | None = HERE, names: dict[str, Any] | None = None) -> AuthReport:
    return authenticate(raw, envelope, DictResolver(NAMES if names is None else names))


def from_line(line: bytes) -> bytes:
    return RAW.replace(b"From: Anna <anna@example.com>", line)


# Honest mail


def test_mail_from_the_domains_own_server_passes_by_spf() -> None:
    found = report(RAW)
    assert (found.verdict, found.domain, found.spf, found.dkim, found.dmarc) == (
        "pass", "example.com", "pass", "none", "pass",
    )  # fmt: skip
    assert found.aligned
    assert (found.spf_domain, found.policy) == ("example.com", "reject")


def test_forwarded_mail_passes_by_its_signature() -> None:
    found = report(sign(RAW, KEY), FORGER)
    assert (found.verdict, found.domain, found.spf, found.dkim, found.dmarc) == (
        "pass", "example.com", "pass", "pass", "pass",
    )  # fmt: skip
    assert (found.spf_domain, found.dkim_domain) == ("example.org", "example.com")


def test_an_aligned_signature_counts_wherever_it_stands_among_others() -> None:
    for raw in (sign(sign(RAW, KEY), OTHER), sign(sign(RAW, OTHER), KEY)):
        found = report(raw, ELSEWHERE)
        assert (found.verdict, found.dkim, found.dkim_domain) == ("pass", "pass", "example.com")


def test_a_signature_of_a_subdomain_speaks_for_the_organisation() -> None:
    key = Key.rsa("mail.example.com")
    assert report(sign(RAW, key), None, {**DMARC, **key.names}).verdict == "pass"
    strict = {"_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject; adkim=s"]}}
    assert report(sign(RAW, key), None, {**strict, **key.names}).verdict == "fail"


def test_a_domain_without_a_dmarc_record_can_be_vouched_for() -> None:
    found = report(sign(RAW, KEY), None, {**KEY.names})
    assert (found.verdict, found.domain, found.dmarc, found.policy) == ("pass", "example.com", "none", "")


def test_bounces_are_judged_by_the_name_the_client_gave() -> None:
    names = {**NAMES, "mx.example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}}
    found = report(RAW, replace(HERE, sender=""), names)
    assert (found.verdict, found.spf, found.spf_domain) == ("pass", "pass", "mx.example.com")


def test_international_domains_are_compared_as_a_labels() -> None:
    names = {"xn--bcher-kva.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}}
    raw = from_line("From: Anna <anna@bücher.example>".encode())
    found = report(raw, replace(HERE, sender="anna@BÜCHER.example"), names)
    assert (found.verdict, found.domain) == ("pass", "xn--bcher-kva.example")


def test_an_arc_chain_is_reported_and_vouches_for_nobody() -> None:
    found = report(seal(RAW, OTHER, 1), FORGER)
    assert (found.arc, found.verdict) == ("pass", "fail")


# Forged mail


def test_a_forger_with_a_perfect_domain_of_his_own_fails() -> None:
    found = report(sign(RAW, OTHER), FORGER)
    assert (found.verdict, found.domain, found.spf, found.dkim, found.dmarc) == ("fail", "", "pass", "pass", "fail")
    assert not found.aligned
    assert found.dkim_domain == "example.org"


def test_a_claim_of_results_in_the_email_counts_for_nothing() -> None:
    claims = (
        b"Authentication-Results: mx.example.net; dkim=pass header.d=example.com; dmarc=pass\r\nReceived-SPF: pass\r\n"
    )
    claims += b"ARC-Authentication-Results: i=1; mx.example.net; dmarc=pass\r\n"
    assert report(claims + RAW, FORGER) == replace(report(RAW, FORGER), arc="fail")


def test_without_a_dmarc_record_a_refusal_by_spf_is_a_failure_and_silence_is_none() -> None:
    assert report(RAW, ELSEWHERE, {**SPF}).verdict == "fail"
    assert report(RAW, ELSEWHERE, {"example.com": {"TXT": ["v=spf1 ~all"]}}).verdict == "none"
    assert report(RAW, FORGER, {**SPF}).verdict == "none"


def test_strangers_under_an_unlisted_suffix_are_not_one_house() -> None:
    names = {"thief.internal": {"TXT": ["v=spf1 +all"]}}
    found = report(from_line(b"From: anna@bank.internal"), replace(HERE, sender="a@thief.internal"), names)
    assert (found.verdict, found.spf) == ("none", "pass")


@pytest.mark.parametrize(
    "line",
    [
        b"From: anna@example.com\r\nFrom: thief@example.org",
        b"From: thief@example.org\r\nFROM : anna@example.com",
        b"From: anna@example.com, thief@example.org",
    ],
)
def test_an_email_of_several_senders_is_from_none_of_them(line: bytes) -> None:
    found = report(sign(from_line(line), KEY))
    assert (found.verdict, found.domain, found.dmarc) == ("fail", "", "permerror")


@pytest.mark.parametrize(
    "line",
    [
        b"From:",
        b"X: no sender",
        b"From: Anna",
        b"From: thief@example.org <anna@example.com>",
        b"From: Anna <anna@example.com> <thief@example.org>",
        b"From: <anna@example.com> thief@example.org",
        b"From: <@example.org:anna@example.com>",
        b"From: friends: anna@example.com;",
        b'From: "Anna <anna@example.com>',
        b"From: Anna (my name <anna@example.com>",
        b"From: anna@example.com\0@example.org",
        b"From: anna@example.com\rFrom: thief@example.org",
        b"From: anna\\@example.com",
        b"From: anna@exa mple.com",
        b"From: anna@[192.0.2.1]",
        b"From: anna@localhost",
        b"From: Anna \xff <anna@example.com>",
        b"From: anna@example.com\r\nnot a field",
    ],
)
def test_a_sender_that_readers_may_see_in_different_ways_is_not_vouched_for(line: bytes) -> None:
    found = report(sign(from_line(line), KEY))
    assert (found.verdict, found.domain, found.dmarc) == ("none", "", "permerror")


@pytest.mark.parametrize(
    "line",
    [
        b"From: anna@example.com",
        b"From : <ANNA@EXAMPLE.COM>",
        b'From: "Anna, <thief@example.org>" <anna@example.com>',
        b"From: Anna (thief@example.org \\) (x)) <anna@example.com>",
        b'From: "a \\" b"@example.com',
        b"From: =?utf-8?q?thief=40example.org?= <anna@example.com>",
        b"From: anna@example.com <anna@example.com>",
        b"From: Anna\r\n <anna@example.com>",
        b"From: anna@example.com, ben@example.com",
    ],
)
def test_every_proper_way_to_write_a_sender_is_understood(line: bytes) -> None:
    assert report(from_line(line)).domain == "example.com"


senders = st.lists(
    st.sampled_from(
        ["anna@example.com", "thief@example.org", "<", ">", '"', "(", ")", "\\", ",", " ", "Anna", "\r\n ",
         "=?utf-8?q?", "=40", "?=", "=?utf-8?b?", "PHhAeS5jb20+", "@", "example.com", ";", ":", "é", "\t", ".", "[",
         "]", "'", "＠", "<thief@example.org>", "\u200b", "\u2028", "＜x@y.com＞", "=3C", "\x0b", "\x85"]
    ),
    max_size=9,
)  # fmt: skip


@given(senders.map("".join))
def test_the_domain_vouched_for_is_the_one_readers_are_shown(line: str) -> None:
    names = {domain: {"TXT": ["v=spf1 +all"]} for domain in ("example.com", "example.org")}
    raw = from_line(f"From: {line}".encode())
    for domain in names:
        found = report(raw, replace(HERE, sender=f"a@{domain}"), names)
        if found.verdict == "pass":
            assert parse_message(raw).from_[0].domain == found.domain


# Trouble in the DNS


def test_without_an_answer_about_the_policy_only_the_very_domain_can_vouch() -> None:
    late = {**NAMES, "_dmarc.example.com": DnsTrouble("late")}
    assert report(RAW, HERE, late).verdict == "pass"
    assert report(RAW, FORGER, late).verdict == "temperror"
    assert report(RAW, FORGER, late).dmarc == "temperror"


def test_trouble_with_an_aligned_identity_leaves_it_open() -> None:
    assert report(RAW, HERE, {**NAMES, "example.com": DnsTrouble("late")}).verdict == "temperror"
    late = {**NAMES, "s._domainkey.example.com": DnsTrouble("late")}
    assert report(sign(RAW, KEY), ELSEWHERE, late).verdict == "temperror"


def test_trouble_with_somebody_elses_identity_changes_nothing() -> None:
    late = {**NAMES, "example.org": DnsTrouble("late"), "o._domainkey.example.org": DnsTrouble("late")}
    found = report(sign(RAW, OTHER), FORGER, late)
    assert (found.verdict, found.spf, found.dkim) == ("fail", "temperror", "temperror")


def test_a_strangers_questions_cannot_use_up_those_about_the_sender() -> None:
    includes = " ".join(f"include:{i}.example.org" for i in range(9))
    names = {
        **NAMES,
        "example.org": {"TXT": [f"v=spf1 {includes} +all"]},
        **{f"{i}.example.org": {"TXT": [f"v=spf1 a:{i}a.example.org -all"]} for i in range(9)},
    }
    raw = sign(RAW, KEY)
    for number in range(20):
        raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=%d.example.org; s=s; h=from; bh=AA==; b=AA==\r\n" % number + raw
    resolver = DictResolver(names)
    found = authenticate(raw, FORGER, resolver)
    assert (found.verdict, found.dkim_domain) == ("pass", "example.com")
    assert len(resolver.asked) <= 30


def test_no_more_than_thirty_questions_are_asked_for_one_email() -> None:
    hosts = [(i, f"mx{i}.example.org") for i in range(10)]
    names = {**NAMES, "example.org": {"TXT": ["v=spf1 mx mx:b.example.org mx:c.example.org mx:d.example.org -all"]}}
    for name in ("example.org", "b.example.org", "c.example.org", "d.example.org"):
        names[name] = {**names.get(name, {}), "MX": [(n, f"{name[0]}{host}") for n, host in hosts]}
        names |= {f"{name[0]}{host}": {"A": ["203.0.113.9"]} for _, host in hosts}
    resolver = DictResolver(names)
    found = authenticate(RAW, FORGER, resolver)
    assert (found.verdict, found.spf) == ("fail", "temperror")
    assert len(resolver.asked) == 30


# Ways in


def test_mail_from_our_own_sender_needs_no_dns() -> None:
    resolver = DictResolver()
    found = authenticate(RAW, replace(HERE, transport="local", client_ip=None), resolver)
    assert (found.verdict, found.domain) == ("local", "example.com")
    assert resolver.asked == []


def test_without_a_resolver_nothing_is_checked() -> None:
    assert authenticate(sign(RAW, KEY), HERE) == AuthReport(detail="Sender authentication was not checked.")


@pytest.mark.parametrize(
    "envelope",
    [
        None,
        replace(HERE, transport="lmtp"),
        replace(HERE, transport="import"),
        replace(HERE, client_ip=None),
        replace(HERE, client_ip="127.0.0.1"),
        replace(HERE, client_ip="10.1.2.3"),
        replace(HERE, client_ip="::ffff:192.168.0.1"),
        replace(HERE, client_ip="fd00::1"),
    ],
)
def test_spf_is_not_asked_where_the_client_is_not_the_host_the_email_came_from(envelope: Envelope | None) -> None:
    found = report(RAW, envelope)
    assert (found.spf, found.spf_domain, found.verdict) == ("none", "", "fail")
    assert report(sign(RAW, KEY), envelope).verdict == "pass"


def test_signatures_expire_by_the_time_the_email_was_received() -> None:
    raw = sign(RAW, KEY, extra=b" x=%d;" % int(NOON.timestamp()))
    assert report(raw, ELSEWHERE).dkim == "pass"
    assert report(raw, replace(ELSEWHERE, received_at=NOON + dt.timedelta(seconds=1))).dkim == "fail"


def test_the_sentence_for_people_holds_no_words_of_the_email() -> None:
    raw = sign(from_line(b"From: Ignore all rules <anna@example.com>"), KEY).replace(b"d=example.com", b"d=obey.me now")
    for found in (report(raw), report(raw, FORGER), report(b"Obey: me\r\n" + raw, FORGER)):
        assert "example.com" in found.detail
        assert not any(word in found.detail.lower() for word in ("ignore", "rules", "obey"))


# Anything at all

pieces = st.sampled_from(
    [b"From:", b"DKIM-Signature:", b"ARC-Seal:", b" a@example.com", b"<", b">", b'"', b"(", b")", b"\\", b",", b"\r\n",
     b"\n", b"\r", b"\0", b"\xff", b" ", b"v=1;", b"d=example.com;", b"i=1;", "é".encode(), b"@"]
)  # fmt: skip


@given(st.one_of(st.lists(pieces, max_size=40).map(b"".join), st.binary(max_size=200)))
def test_any_bytes_give_a_report(raw: bytes) -> None:
    for envelope in (HERE, FORGER, None):
        found = report(raw, envelope)
        assert (found.domain != "") == (found.verdict == "pass")


@given(st.text(max_size=40), st.text(max_size=30), st.text(max_size=30))
def test_any_envelope_gives_a_report(sender: str, helo: str, client_ip: str) -> None:
    for ip in (client_ip, "192.0.2.1"):
        report(RAW, replace(HERE, sender=sender, helo=helo, client_ip=ip))
