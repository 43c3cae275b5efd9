"""ARC chains: whole ones, and each way to break one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import DictResolver
from letterlock.dns import DnsTrouble
from letterlock.message.arc import verify_chain
from letterlock.message.dkim import read_message
from signing import Key, seal

RAW = (
    b"From: Anna <anna@example.com>\r\nTo: list@example.org\r\nSubject: A walk\r\n"
    b"Date: Mon, 4 May 2026 12:00:00 +0000\r\n\r\nShall we go?\r\n"
)
LIST = Key.rsa("example.org", "list")
RELAY = Key.ed25519("example.net", "relay")
NAMES = {**LIST.names, **RELAY.names}


def result(raw: bytes, names: dict[str, object] | None = None) -> str:
    return verify_chain(read_message(raw), DictResolver(NAMES if names is None else names), None)


@pytest.fixture(scope="module")
def chain() -> bytes:
    return seal(seal(RAW, LIST, 1), RELAY, 2)


def test_an_email_without_a_chain_has_no_result() -> None:
    assert result(RAW) == "none"


def test_whole_chains_pass(chain: bytes) -> None:
    assert result(seal(RAW, LIST, 1)) == "pass"
    assert result(chain) == "pass"
    assert result(seal(chain, LIST, 3)) == "pass"


def test_a_body_changed_after_the_last_seal_fails(chain: bytes) -> None:
    assert result(chain.replace(b"Shall", b"Must")) == "fail"


def test_a_change_between_two_seals_is_what_chains_are_for() -> None:
    first = seal(RAW, LIST, 1)
    assert result(seal(first.replace(b"Shall", b"[list] Shall"), RELAY, 2)) == "pass"


@pytest.mark.parametrize("old", [b"dmarc=pass", b"cv=none", b"i=1; a=rsa-sha256; d=example.org"])
def test_a_change_to_an_older_set_breaks_the_seals(chain: bytes, old: bytes) -> None:
    head, _, tail = chain.rpartition(old)
    assert (
        result(head + old.replace(b"pass", b"fail").replace(b"none", b"pass").replace(b"org", b"com") + tail) == "fail"
    )


def test_a_chain_that_says_it_is_broken_fails() -> None:
    assert result(seal(seal(RAW, LIST, 1), RELAY, 2, cv=b"fail")) == "fail"
    assert result(seal(RAW, LIST, 1, cv=b"pass")) == "fail"
    assert result(seal(seal(RAW, LIST, 1), RELAY, 2, cv=b"none")) == "fail"


@pytest.mark.parametrize("name", [b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"])
def test_a_missing_and_a_doubled_field_fail(chain: bytes, name: bytes) -> None:
    start = chain.index(name + b":")
    end = chain.index(b"\r\n", start) + 2
    assert result(chain[:start] + chain[end:]) == "fail"
    assert result(chain[start:end] + chain) == "fail"


def test_a_gap_in_the_numbers_fails(chain: bytes) -> None:
    assert result(chain.replace(b"i=2;", b"i=3;")) == "fail"
    assert result(chain.replace(b"i=2;", b"i=0;")) == "fail"


def test_a_message_signature_over_seals_fails() -> None:
    assert result(seal(RAW, LIST, 1, names=b"from:arc-seal")) == "fail"


def test_a_seal_that_names_fields_fails(chain: bytes) -> None:
    assert result(chain.replace(b"; cv=pass", b"; h=from; cv=pass")) == "fail"


def test_more_than_fifty_sets_fail() -> None:
    sets = b"".join(
        b"ARC-Seal: i=%d; cv=pass\r\nARC-Message-Signature: i=%d\r\nARC-Authentication-Results: i=%d; x\r\n" % (i, i, i)
        for i in range(1, 52)
    )
    resolver = DictResolver()
    assert verify_chain(read_message(sets + RAW), resolver, None) == "fail"
    assert resolver.asked == []


def test_trouble_in_the_dns_is_a_temporary_error(chain: bytes) -> None:
    assert result(chain, {**NAMES, "relay._domainkey.example.net": DnsTrouble("late")}) == "temperror"
    assert result(chain, {**NAMES, "list._domainkey.example.org": DnsTrouble("late")}) == "temperror"


def test_a_missing_key_fails(chain: bytes) -> None:
    assert result(chain, {}) == "fail"


parts = st.sampled_from(
    [b"ARC-Seal:", b"ARC-Message-Signature:", b"ARC-Authentication-Results:", b" i=1;", b" i=2;", b" i=", b"cv=none;",
     b"a=rsa-sha256;", b"b=AA==;", b"bh=AA==;", b"d=example.org;", b"s=list;", b"h=from;", b"\r\n", b";", b"\xff"]
)  # fmt: skip


@given(st.lists(parts, max_size=40).map(b"".join))
def test_any_chain_gives_a_result(head: bytes) -> None:
    assert result(head + b"\r\n" + RAW) in ("none", "fail")
