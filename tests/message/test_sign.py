"""Signatures that we make verify, here and by dkimpy's rules as our verifier knows them; what is changed does not."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import DictResolver
from letterlock.message.address import parse_address
from letterlock.message.compose import Draft, File, compose
from letterlock.message.dkim import read_message, verify
from letterlock.message.sign import CannotSign, SigningKey, dns_record, new_key, sign

RSA = SigningKey("shop.example", "a-rsa", new_key("rsa"))
ED = SigningKey("shop.example", "b-ed25519", new_key("ed25519"))
NOW = 1_790_000_000
RAW = (
    b"From: Anna <anna@shop.example>\r\nTo: ben@far.example\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
    b"Date: Mon, 21 Sep 2026 10:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello  there \r\n\r\n\r\n"
)


def resolver(*keys: SigningKey) -> DictResolver:
    records = [dns_record(key) for key in keys]
    return DictResolver({record.name: {"TXT": [record.value]} for record in records})


def results(raw: bytes) -> list[tuple[str, str]]:
    found = verify(read_message(raw), resolver(RSA, ED), first=bool, now=NOW)
    return [(signature.selector, signature.result) for signature in found]


def test_both_signatures_of_an_email_verify() -> None:
    assert results(sign(RAW, (RSA, ED), NOW)) == [("a-rsa", "pass"), ("b-ed25519", "pass")]


def test_the_same_email_key_and_time_give_the_same_bytes() -> None:
    assert sign(RAW, (RSA, ED), NOW) == sign(RAW, (RSA, ED), NOW)
    assert sign(RAW, (ED,), NOW + 1) != sign(RAW, (ED,), NOW)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello", b"Hullo"),
        (b"Anna", b"Anne"),
        (b"ben@far", b"bob@far"),
        (b"Subject: ", b"Subject: x"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nReply-To: eve@evil.example\r\n"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nFrom: eve@evil.example\r\n"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nCc: eve@evil.example\r\n"),
        (b"there \r\n", b"there \r\nand more\r\n"),
    ],
)
def test_what_is_changed_or_added_no_longer_verifies(old: bytes, new: bytes) -> None:
    signed = sign(RAW, (RSA, ED), NOW)
    head, body = signed[: -len(RAW)], signed[-len(RAW) :]
    assert old in body
    assert all(result != "pass" for _, result in results(head + body.replace(old, new, 1)))


def test_blanks_that_relays_change_do_no_harm() -> None:
    signed = sign(RAW, (RSA,), NOW)
    assert results(signed.replace(b"Hello  there \r\n\r\n\r\n", b"Hello there\r\n")) == [("a-rsa", "pass")]
    assert results(signed.replace(b"Subject: =?", b"Subject:\r\n  =?")) == [("a-rsa", "pass")]


@given(
    subject=st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=80),
    text=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=400),
    html=st.sampled_from(["", "<p>Grüße</p>"]),
    data=st.binary(max_size=200),
)
@settings(max_examples=60)
def test_whatever_is_composed_can_be_signed_and_verifies(subject: str, text: str, html: str, data: bytes) -> None:
    sender = parse_address("anna@shop.example")
    files = (File("Größe.bin", "application/octet-stream", data),) if data else ()
    draft = Draft(
        sender, (parse_address("ben@far.example"),), subject, text or "x", "<m@shop.example>",
        datetime(2026, 9, 21, tzinfo=UTC), html=html, files=files,
    )  # fmt: skip
    assert [result for _, result in results(sign(compose(draft), (RSA, ED), NOW))] == ["pass", "pass"]


def test_a_record_is_cut_into_pieces_that_dns_can_hold() -> None:
    record = dns_record(RSA)
    assert record.name == "a-rsa._domainkey.shop.example"
    assert all(len(piece) <= 255 for piece in record.pieces)
    assert record.value.startswith("v=DKIM1; k=rsa; p=")
    assert len(base64.b64decode(dns_record(ED).value.partition("p=")[2])) == 32


@pytest.mark.parametrize("pem", [b"", b"no key", RSA.pem[:200], RSA.pem.replace(b"PRIVATE", b"PUBLIC")])
def test_what_is_no_key_is_said_with_domain_and_selector(pem: bytes) -> None:
    with pytest.raises(CannotSign, match=r"x of shop\.example"):
        sign(RAW, (SigningKey("shop.example", "x", pem),), NOW)
