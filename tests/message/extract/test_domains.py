"""Registrable domains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.domains import registrable


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("mail.example.co.uk", "example.co.uk"),
        ("EXAMPLE.com.", "example.com"),
        ("a.b.example.org", "example.org"),
        ("localhost", "localhost"),
        ("co.uk", "co.uk"),
        ("", ""),
    ],
)
def test_the_registered_part_is_found(host: str, domain: str) -> None:
    assert registrable(host) == domain


@given(st.text(max_size=300))
def test_no_text_makes_it_fail(host: str) -> None:
    assert registrable(host) in (host.lower().rstrip("."), registrable(host))
