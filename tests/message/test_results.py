"""What a provider found out about a sender: believed under its own name only, and only on top."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import DictResolver
from letterlock.message.authenticate import authenticate
from letterlock.message.dkim import read_message
from letterlock.message.envelope import Envelope
from letterlock.message.results import results_of

GOOD = (
    b"Authentication-Results: mx.google.com;\r\n dkim=pass header.i=@shop.example header.s=s1 header.b=abc;\r\n"
    b" spf=pass (google.com: domain of b@mail.shop.example designates 192.0.2.1 as permitted; dkim=fail)"
    b" smtp.mailfrom=b@mail.shop.example;\r\n dmarc=pass (p=REJECT) header.from=shop.example\r\n"
)
FROM_QUOTED = b'smtp.mailfrom="x; dkim=pass header.d=shop.example"@evil.example'
QUOTED = b"Authentication-Results: mx.google.com; spf=pass " + FROM_QUOTED + b"\r\n"
OPEN = b"Authentication-Results: mx.google.com; spf=pass smtp.mailfrom=a@evil.example (x\r\n"
REST = b"From: Shop <a@shop.example>\r\nSubject: x\r\n\r\nx\r\n"


def verdict(head: bytes, authserv: str = "mx.google.com") -> str:
    envelope = Envelope("", ("you@provider.example",), datetime.now(UTC), "imap", authserv=authserv)
    report = authenticate(head + REST, envelope, DictResolver({"shop.example": {}}))
    return report.verdict


def test_its_results_are_read_without_what_stands_in_comments() -> None:
    found = results_of(read_message(GOOD + REST), "mx.google.com")
    assert found is not None
    assert (found.spf, found.spf_domain, found.dmarc) == ("pass", "mail.shop.example", "pass")
    assert [(one.result, one.domain) for one in found.dkim] == [("pass", "shop.example")]


@pytest.mark.parametrize(
    ("head", "authserv", "said"),
    [
        (GOOD, "mx.google.com", "pass"),
        (GOOD, "", "none"),
        (GOOD, "mx.other.example", "none"),
        (GOOD.replace(b"mx.google.com", b"mx6.messagingengine.com"), ".messagingengine.com", "pass"),
        (GOOD.replace(b"mx.google.com", b"messagingengine.com.evil.example"), ".messagingengine.com", "none"),
        (b"Authentication-Results: mx.google.com; none\r\n" + GOOD, "mx.google.com", "none"),
        (b"Authentication-Results: evil.example; dkim=pass header.d=shop.example\r\n" + GOOD, "mx.google.com", "none"),
        (GOOD.replace(b"dmarc=pass", b"dmarc=fail"), "mx.google.com", "none"),
        (QUOTED, "mx.google.com", "none"),
        (OPEN, "mx.google.com", "none"),
    ],
)  # fmt: skip
def test_only_the_topmost_of_the_named_provider_counts(head: bytes, authserv: str, said: str) -> None:
    assert verdict(head, authserv) == said


def test_mail_by_smtp_says_nothing_of_itself() -> None:
    envelope = Envelope("", ("you@provider.example",), datetime.now(UTC), "smtp", authserv="mx.google.com")
    assert authenticate(GOOD + REST, envelope, DictResolver({"shop.example": {}})).verdict == "none"


@given(st.text(max_size=200))
@settings(max_examples=60)
def test_no_field_breaks_the_reading(value: str) -> None:
    field = value.replace("\r", " ").replace("\n", " ").encode("utf-8", "replace")
    results_of(read_message(b"Authentication-Results: mx.google.com; " + field + b"\r\n" + REST), "mx.google.com")
