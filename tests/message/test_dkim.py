"""DKIM: the example of RFC 8463, canonical forms, and each way in which a signature does not count."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from hypothesis import given
from hypothesis import strategies as st

from fakes import DictResolver
from letterlock.dns import DnsTrouble
from letterlock.message import dkim
from letterlock.message.dkim import Signature, read_message, verify
from letterlock.message.parse import parse_message
from signing import Key, body_form, header_form, sign

RAW = (
    b"From: Anna <anna@example.com>\r\n"
    b"To: ben@example.net\r\n"
    b"Subject:  A  walk\r\n \tin the park\r\n"
    b"Date: Mon, 4 May 2026 12:00:00 +0000\r\n"
    b"\r\n"
    b"Shall  we \t go?  \r\n\r\nAnna\r\n\r\n\r\n"
)
NOW = 1_777_896_000


def check(raw: bytes, *keys: Key, now: int | None = NOW) -> list[Signature]:
    names = {name: zone for key in keys for name, zone in key.names.items()}
    return verify(read_message(raw), DictResolver(names), first=lambda domain: False, now=now)


def result(raw: bytes, *keys: Key, now: int | None = NOW) -> str:
    (signature,) = check(raw, *keys, now=now)
    return signature.result


@pytest.fixture(scope="module")
def key() -> Key:
    return Key.rsa("example.com")


def test_the_example_of_rfc_8463_passes_with_both_its_signatures() -> None:
    raw = b"\r\n".join(
        [
            b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;",
            b" d=football.example.com; i=@football.example.com;",
            b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :",
            b" subject : date : message-id : from : subject : date;",
            b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;",
            b" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus",
            b" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
            b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;",
            b" d=football.example.com; i=@football.example.com;",
            b" q=dns/txt; s=test; t=1528637909; h=from : to : subject :",
            b" date : message-id : from : subject : date;",
            b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;",
            b" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3",
            b" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz",
            b" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
            b"From: Joe SixPack <joe@football.example.com>",
            b"To: Suzie Q <suzie@shopping.example.net>",
            b"Subject: Is dinner ready?",
            b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)",
            b"Message-ID: <20030712040037.46341.5F8J@football.example.com>",
            b"",
            b"Hi.",
            b"",
            b"We lost the game.  Are you hungry yet?",
            b"",
            b"Joe.",
            b"",
        ]
    )
    resolver = DictResolver(
        {
            "brisbane._domainkey.football.example.com": {
                "TXT": ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
            },
            "test._domainkey.football.example.com": {
                "TXT": [
                    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bd"
                    "OKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYL"
                    "zBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
                ]
            },
        }
    )
    found = verify(read_message(raw), resolver, first=lambda domain: False, now=None)
    assert [(one.result, one.domain, one.selector) for one in found] == [
        ("pass", "football.example.com", "brisbane"),
        ("pass", "football.example.com", "test"),
    ]


@pytest.mark.parametrize(
    "form", [b"simple/simple", b"simple/relaxed", b"relaxed/simple", b"relaxed/relaxed", b"relaxed"]
)
@pytest.mark.parametrize("maker", [Key.rsa, Key.ed25519])
def test_every_canonical_form_passes_with_every_algorithm(maker: type, form: bytes) -> None:
    key = maker("example.com")
    assert result(sign(RAW, key, form=form), key) == "pass"


def test_a_signature_of_another_body_fails(key: Key) -> None:
    raw = sign(RAW, key).replace(b"Shall", b"Must ")
    assert check(raw, key) == [Signature("fail", "example.com", "s", "the body was changed")]


def test_a_signature_of_another_subject_fails(key: Key) -> None:
    assert result(sign(RAW, key).replace(b"walk", b"work"), key) == "fail"


def test_white_space_changes_matter_to_the_simple_form_only(key: Key) -> None:
    def spaced(raw: bytes) -> bytes:
        return raw.replace(b"Shall  we", b"Shall we").replace(b"Subject:  A", b"subject: A")

    assert result(spaced(sign(RAW, key, form=b"relaxed/relaxed")), key) == "pass"
    assert result(spaced(sign(RAW, key, form=b"simple/simple")), key) == "fail"


def test_files_with_bare_line_feeds_are_read_as_they_were_sent(key: Key) -> None:
    assert result(b"From anna Mon May  4 12:00:00 2026\n" + sign(RAW, key).replace(b"\r\n", b"\n"), key) == "pass"


def test_an_email_without_a_body_can_be_signed(key: Key) -> None:
    head = RAW.partition(b"\r\n\r\n")[0] + b"\r\n"
    for form in (b"simple/simple", b"relaxed/relaxed"):
        assert result(sign(head + b"\r\n", key, form=form), key) == "pass"
        assert result(sign(head + b"\r\n", key, form=form).removesuffix(b"\r\n"), key) == "pass"


# What does not count


def test_rsa_sha1_is_refused(key: Key) -> None:
    (found,) = check(sign(RAW, key, algorithm=b"rsa-sha1"), key)
    assert (found.result, found.why) == ("policy", "it is made with SHA-1")


def test_a_key_for_another_hash_is_refused() -> None:
    key = Key.rsa("example.com", tags="h=sha1")
    assert result(sign(RAW, key), key) == "permerror"
    both = Key.rsa("example.com", tags="h=sha1:sha256")
    assert result(sign(RAW, both), both) == "pass"


def test_a_strict_key_forbids_identities_below_its_domain() -> None:
    key = Key.rsa("example.com", tags="t=s")
    assert result(sign(RAW, key, extra=b" i=anna@example.com;"), key) == "pass"
    assert result(sign(RAW, key, extra=b" i=anna@news.example.com;"), key) == "permerror"
    loose = Key.rsa("example.com")
    assert result(sign(RAW, loose, extra=b" i=anna@news.example.com;"), loose) == "pass"


def test_an_identity_outside_the_domain_is_refused(key: Key) -> None:
    assert result(sign(RAW, key, extra=b" i=anna@example.org;"), key) == "permerror"
    assert result(sign(RAW, key, extra=b" i=anna@notexample.com;"), key) == "permerror"


def test_an_identity_may_be_quoted_printable(key: Key) -> None:
    assert result(sign(RAW, key, extra=b" i=anna=40example=2Ecom;"), key) == "pass"


def test_text_after_the_signed_part_of_a_body_is_refused(key: Key) -> None:
    signed = sign(RAW, key, length=len(body_form(RAW, b"relaxed")))
    assert result(signed, key) == "pass"
    (found,) = check(signed.rstrip(b"\r\n") + b"\r\nBuy now!\r\n", key)
    assert (found.result, found.why) == ("policy", "it covers only the first part of the body")
    assert result(sign(RAW, key, length=0), key) == "policy"


def test_a_body_shorter_than_what_was_signed_fails(key: Key) -> None:
    signed = re.sub(rb"l=\d+", b"l=9999", sign(RAW, key, length=10))
    assert result(signed, key) == "fail"


@pytest.mark.parametrize("line", [b"Subject: You won", b"From: bank@example.org", b"Date: tomorrow"])
def test_a_field_added_beside_the_signed_one_is_refused(key: Key, line: bytes) -> None:
    (found,) = check(line + b"\r\n" + sign(RAW, key), key)
    assert found.result == "policy"


def test_a_field_that_was_signed_as_missing_may_not_be_added(key: Key) -> None:
    signed = sign(RAW, key, names=b"from:subject:subject")
    assert result(signed, key) == "pass"
    assert result(b"Subject: You won\r\n" + signed, key) == "fail"


def test_from_must_be_signed(key: Key) -> None:
    assert result(sign(RAW, key, names=b"to:subject"), key) == "permerror"


@pytest.mark.parametrize(
    ("bits", "exponent"),
    [(512, 65_537), (1_016, 65_537), (9_000, 65_537), (2_048, 2**65 + 1)],
)
def test_keys_too_short_and_keys_too_costly_are_refused(bits: int, exponent: int) -> None:
    octets = (
        RSAPublicNumbers(exponent, 2**bits - 159)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    resolver = DictResolver({"s._domainkey.example.com": {"TXT": [b"p=" + base64.b64encode(octets)]}})
    (found,) = verify(read_message(sign(RAW, Key.rsa("example.com"))), resolver, first=lambda domain: False, now=None)
    assert found.result == "policy"


def test_expired_signatures_fail(key: Key) -> None:
    raw = sign(RAW, key, extra=b" t=%d; x=%d;" % (NOW - 100, NOW - 1))
    assert result(raw, key) == "fail"
    assert result(raw, key, now=NOW - 50) == "pass"
    assert result(raw, key, now=None) == "pass"
    assert result(sign(RAW, key, extra=b" t=100; x=99;"), key, now=1) == "permerror"


@pytest.mark.parametrize(
    "change",
    [
        (b"v=1;", b"v=2;"),
        (b"v=1;", b""),
        (b"c=relaxed/relaxed", b"c=nowsp"),
        (b"a=rsa-sha256", b"a=rsa-md5"),
        (b"v=1;", b"v=1; v=1;"),
        (b"v=1;", b"v=1;;"),
        (b"v=1;", b"v=1; q=http;"),
        (b"bh=", b"bh=!"),
        (b"d=example.com", b"d=com"),
        (b"d=example.com", b"d=exam ple.com"),
        (b"s=s", b"s=s..s"),
    ],
)
def test_a_signature_with_wrong_tags_is_a_permanent_error(key: Key, change: tuple[bytes, bytes]) -> None:
    assert result(sign(RAW, key).replace(*change, 1), key) == "permerror"


@pytest.mark.parametrize(
    "record",
    [
        "",
        "v=DKIM1; p=",
        "v=DKIM2; {p}",
        "{p}; v=DKIM1",
        "k=ed25519; {p}",
        "s=tlsrpt; {p}",
        "p=bm90IGEga2V5",
        "p=?",
    ],
)
def test_a_key_that_cannot_be_used_is_a_permanent_error(key: Key, record: str) -> None:
    text = record.format(p=key.record.rpartition("; ")[2])
    resolver = DictResolver({"s._domainkey.example.com": {"TXT": [text]}})
    (found,) = verify(read_message(sign(RAW, key)), resolver, first=lambda domain: False, now=None)
    assert found.result == "permerror"


def test_two_keys_under_one_name_are_none(key: Key) -> None:
    resolver = DictResolver({"s._domainkey.example.com": {"TXT": [key.record, key.record]}})
    (found,) = verify(read_message(sign(RAW, key)), resolver, first=lambda domain: False, now=None)
    assert found.why == "it has several keys in the DNS"


def test_other_texts_beside_the_key_do_no_harm(key: Key) -> None:
    resolver = DictResolver({"s._domainkey.example.com": {"TXT": ["v=spf1 -all", key.record, "hello"]}})
    (found,) = verify(read_message(sign(RAW, key)), resolver, first=lambda domain: False, now=None)
    assert found.result == "pass"


def test_trouble_in_the_dns_is_a_temporary_error(key: Key) -> None:
    resolver = DictResolver({"s._domainkey.example.com": DnsTrouble("late")})
    (found,) = verify(read_message(sign(RAW, key)), resolver, first=lambda domain: False, now=None)
    assert found.result == "temperror"


def test_a_failure_of_a_domain_that_is_testing_is_as_if_unsigned() -> None:
    key = Key.rsa("example.com", tags="t=y")
    assert result(sign(RAW, key), key) == "pass"
    assert result(sign(RAW, key).replace(b"walk", b"work"), key) == "none"


@pytest.mark.parametrize("line", [b"not a field", b"X: a\rFrom: b@example.org", b"X: a\0b", b": nothing"])
def test_a_header_that_others_may_read_in_another_way_has_no_valid_signature(key: Key, line: bytes) -> None:
    assert result(line + b"\r\n" + sign(RAW, key), key) == "permerror"


# Several signatures


def test_all_signatures_are_looked_at_and_not_only_the_first(key: Key) -> None:
    other = Key.rsa("example.org", "o")
    raw = sign(sign(RAW, key), other).replace(b"d=example.org", b"d=example.net")
    assert [(one.result, one.domain) for one in check(raw, key, other)] == [
        ("permerror", "example.net"),
        ("pass", "example.com"),
    ]


def test_no_more_than_eight_signatures_are_looked_at_those_of_the_preferred_domain_first(key: Key) -> None:
    raw = sign(RAW, key)
    for number in range(12):
        raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=%d.example.org; s=s; h=from; bh=AA==; b=AA==\r\n" % number + raw
    resolver = DictResolver(key.names)
    found = verify(read_message(raw), resolver, first=lambda domain: domain == "example.com", now=None)
    assert len(found) == 8
    assert (found[0].result, found[0].domain) == ("pass", "example.com")


# Canonical forms

pieces = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"a", b"b  ", b"."]), max_size=40).map(b"".join)


@given(pieces)
def test_bodies_take_the_form_the_rfc_gives_line_by_line(body: bytes) -> None:
    raw = b"From: a@example.com\r\n\r\n" + body
    assert dkim._relaxed_body(body) == body_form(raw, b"relaxed")
    assert dkim._simple_body(body) == body_form(raw, b"simple")


@given(pieces)
def test_fields_take_the_form_the_rfc_gives_step_by_step(value: bytes) -> None:
    raw = b"X-Field :" + value.replace(b"\r\n", b"\r\n ").replace(b"\r", b"")
    field = dkim.Field(b"x-field", raw)
    assert dkim.canonical_field(field, b"relaxed") == header_form(raw, b"relaxed")
    assert dkim.canonical_field(field, b"simple") == raw


def test_the_signature_is_taken_out_with_the_space_around_it() -> None:
    field = dkim.Field(b"dkim-signature", b"DKIM-Signature: bh=b; b = abc\r\n def ; t=1; xb=2")
    assert dkim.without_signature(field).raw == b"DKIM-Signature: bh=b; b =; t=1; xb=2"


tags = st.lists(
    st.sampled_from([b"v=1", b"a=rsa-sha256", b"b=", b"bh=AA==", b"d=example.com", b"s=s", b"h=from:", b"i=@", b"l=9",
                     b"c=relaxed", b"x=1", b"t=2", b";", b"=", b" ", b"\r\n ", b"\xff", b"\0", b"q=dns"]),
    max_size=25,
)  # fmt: skip


@given(tags, st.binary(max_size=60))
def test_any_signature_and_any_bytes_give_results(parts: list[bytes], more: bytes) -> None:
    raw = b"DKIM-Signature: " + b"".join(parts) + b"\r\nFrom: a@example.com\r\n" + more
    for found in (raw, b"DKIM-Signature: " + b"; ".join(parts) + b"\r\n\r\n" + more, more):
        for one in check(found, Key.ed25519("example.com", "s")):
            assert one.result in ("none", "fail", "policy", "permerror")


@given(st.binary(max_size=80))
def test_any_key_record_gives_a_result(record: bytes) -> None:
    key = Key.ed25519("example.com", "e")
    resolver = DictResolver({"e._domainkey.example.com": {"TXT": [b"p=" + record]}})
    (found,) = verify(read_message(sign(RAW, key)), resolver, first=lambda domain: False, now=None)
    assert found.result in ("permerror", "policy")


lines = st.lists(
    st.sampled_from(
        [b"From: a@example.com", b"Subject: x", b"X", b":", b"From ", b">From ", b"Date : x", b"\r\n", b"\r\n", b"\n",
         b"\r", b" ", b"\t", b"\r\n ", b"\r\n\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\x0b", b"\x85", b"body"]
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip


@given(lines.map(b"".join))
def test_a_header_without_defects_is_the_one_readers_see(rest: bytes) -> None:
    raw = b"From: a@example.com\r\n" + rest
    message = read_message(raw)
    if not message.defect:
        assert [one.name.decode() for one in message.fields] == [name.lower() for name, _ in parse_message(raw).headers]


def test_long_lines_of_blanks_cost_no_more_than_their_length(key: Key) -> None:
    body = b"x" + b" \t" * 2_000_000 + b"y\r\n"
    assert result(sign(RAW + body, key), key) == "pass"
