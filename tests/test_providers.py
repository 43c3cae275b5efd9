"""The table of mail providers, and what they say of themselves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.providers import PROVIDERS, plus_pattern, provider_of, read_autoconfig

GOOD = b"""<?xml version="1.0"?><clientConfig><emailProvider id="x.example">
<incomingServer type="pop3">
<hostname>pop.x.example</hostname><port>995</port><socketType>SSL</socketType></incomingServer>
<incomingServer type="imap">
<hostname>bad.x.example</hostname><port>143</port><socketType>plain</socketType></incomingServer>
<incomingServer type="imap">
<hostname>IMAP.x.example</hostname><port>993</port><socketType>SSL</socketType></incomingServer>
<outgoingServer type="smtp">
<hostname>smtp.x.example</hostname><port>587</port><socketType>STARTTLS</socketType></outgoingServer>
</emailProvider></clientConfig>"""


def test_each_domain_has_one_provider() -> None:
    domains = [domain for one in PROVIDERS for domain in one.domains]
    assert len(set(domains)) == len(domains)
    assert provider_of("gmail.com") == PROVIDERS[0]
    assert provider_of("nowhere.example") is None


def test_a_document_gives_the_first_servers_that_encrypt() -> None:
    found = read_autoconfig(GOOD, "me@x.example")
    assert found is not None
    assert (found.host, found.port, found.security) == ("imap.x.example", 993, "tls")
    assert (found.smtp_host, found.smtp_port, found.smtp_security) == ("smtp.x.example", 587, "starttls")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html><p>no such page</html>",
        GOOD.replace(b"?><", b'?><!DOCTYPE x [<!ENTITY a "b">]><'),
        GOOD.replace(b"IMAP.x.example", b"127.0.0.1").replace(b"bad.x.example", b"localhost"),
        GOOD.replace(b">993<", b">99999<"),
        GOOD + b" " * 70_000,
    ],
)
def test_a_document_that_is_none_is_none(document: bytes) -> None:
    assert read_autoconfig(document, "me@x.example") is None


@given(st.binary(max_size=300))
@settings(max_examples=50)
def test_no_document_breaks_the_reading(document: bytes) -> None:
    assert read_autoconfig(document, "me@x.example") is None


def test_the_pattern_of_an_address_has_one_place_for_the_name() -> None:
    assert plus_pattern("you@example.com") == "you+{}@example.com"
    assert plus_pattern("y{}u@example.com").format("x") == "yu+x@example.com"
