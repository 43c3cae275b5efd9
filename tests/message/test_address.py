"""The strict address parser: what it takes, what it refuses, and that it says why."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import InvalidRequest
from letterlock.message.address import Address, parse_address

TAKEN = [
    "ada@example.com",
    "a@b",
    "first.last+tag@mail.example.co.uk",
    "!#$%&'*+-/=?^_`{|}~@example.com",
    "x" * 64 + "@example.com",
    '"two words"@example.com',
    '"a@b,<c>;(d)"@example.com',
    r'"a\"b\\c"@example.com',
    "grüße@bücher.example",
    "用户@例子.example",
    "ada@xn--bcher-kva.example",
    "ada@1and1.example",
    "ada@r3---sn-x.example",
    "agent-7@letterlock.localhost",
]

REFUSED = {
    "": "empty",
    "   ": "empty",
    "ada": "no @",
    "@example.com": "starts with @",
    "ada@": "domain after the @ is missing",
    "ada@@example.com": "more than one @",
    "ada@b@example.com": "more than one @",
    " ada@example.com": "white space",
    "ada@example.com ": "white space",
    "ada@example.com\r\nBcc: eve@example.com": "control character",
    "ada@example.com\n": "control character",
    "ada\0@example.com": "control character",
    "Ada <ada@example.com>": "angle brackets",
    "<ada@example.com>": "angle brackets",
    '"Ada" <ada@example.com>': "display names",
    "ada(comment)@example.com": "comment",
    "ada@example.com (Ada)": "comment",
    "friends: ada@example.com;": "group",
    "undisclosed-recipients:;": "group",
    "@relay.example:ada@example.com": "starts with @",
    "ada@example.com,eve@example.com": "several addresses",
    "ada@[192.0.2.1]": "IP number",
    '"ada"@[IPv6:2001:db8::1]': "IP number",
    "ada@192.0.2.1": "IP number",
    ".ada@example.com": "dot",
    "ada.@example.com": "dot",
    "a..da@example.com": "dot",
    "a da@example.com": "space",
    "ada@exa mple.com": "may not stand in a domain",
    "ada@exa_mple.com": "may not stand in a domain",
    "ada@.example.com": "empty label",
    "ada@example.com.": "empty label",
    "ada@example..com": "empty label",
    "ada@-example.com": "hyphen",
    "ada@example-.com": "hyphen",
    "ada@" + "a" * 64 + ".com": "63 octets",
    "a" * 65 + "@example.com": "64 octets",
    "ada@" + "a." * 130 + "com": "254 octets",
    "ü" * 33 + "@example.com": "64 octets",
    '"ada@example.com': "never closed",
    '""@example.com': "empty",
    "ada\u202e@example.com": "may not stand before the @",
    "ada\u200b@example.com": "may not stand before the @",
    '"ada\u200b"@example.com': "invisible",
    "ada@exam\u200bple.com": "IDNA",
    "ada@xn--zzzzzzz9999.example": "IDNA",
    "ada@☃.example": "IDNA",
    "ada@example。com": "IDNA",
    "ada\ud800@example.com": "surrogate",
    "mailto:ada@example.com": "URL",
    'a"b@example.com': "quotation marks",
}


@pytest.mark.parametrize("text", TAKEN)
def test_a_proper_address_is_taken_as_written(text: str) -> None:
    assert str(parse_address(text)) == text


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_anything_else_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_address(text)
    assert REFUSED[text] in str(caught.value)


def test_the_domain_is_lower_cased_and_the_local_part_kept() -> None:
    assert parse_address("Ada.L@EXAMPLE.Com") == Address("Ada.L", "example.com")
    assert parse_address("x@BÜCHER.example").domain == "bücher.example"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.com", "ada@example.COM"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ('"ada"@example.com', "ADA@example.com"),
        (r'"a\d\a b"@example.com', '"ada B"@example.com'),
        ("GRÜSSE@example.com", "grüsse@example.com"),
        ("gru\u0308n@example.com", "grün@example.com"),
    ],
)
def test_two_spellings_of_one_mailbox_share_a_key(one: str, other: str) -> None:
    assert parse_address(one).key == parse_address(other).key


def test_different_mailboxes_have_different_keys() -> None:
    assert parse_address('"a.b"@x.example').key != parse_address('"a. b"@x.example').key
    assert parse_address("a@x.example").key != parse_address("a@y.example").key


def test_a_refusal_shows_a_short_and_printable_value() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_address("\x1b[31m\u202e" + "a" * 5000)
    assert len(caught.value.what) < 250
    assert caught.value.what.isprintable()


def test_is_ascii_tells_whether_smtputf8_is_needed() -> None:
    assert parse_address("ada@xn--bcher-kva.example").is_ascii
    assert not parse_address("ada@bücher.example").is_ascii
    assert not parse_address("grüße@example.com").is_ascii


_MAILISH = st.text(st.sampled_from('abzAZ09.-_+@"\\ <>()[],:;üß例\u200b\u0301\ud800\r\n\0xn'), max_size=90)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=300), _MAILISH, st.builds("{}@{}".format, _MAILISH, _MAILISH)))
def test_any_text_is_an_address_that_reads_back_equal_or_an_invalid_request(text: str) -> None:
    try:
        address = parse_address(text)
    except InvalidRequest:
        return
    assert parse_address(str(address)) == address
    assert str(address).lower() == text.lower() or not text.isascii()
    assert len(str(address).encode()) <= 255
    assert address.key.count("@") >= 1


@settings(deadline=None)
@given(st.from_regex(r"\A[a-z0-9]{1,20}(\.[a-z0-9]{1,10})?@[a-z][a-z0-9]{0,20}(\.[a-z]{1,10}){0,3}\Z"))
def test_common_addresses_are_always_taken(text: str) -> None:
    assert str(parse_address(text)) == text
