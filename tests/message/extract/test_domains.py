"""Registrable domains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.domains import is_public_suffix, registrable


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


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("com", True),
        ("co.uk", True),
        ("GitHub.io.", True),
        ("intranet", True),
        ("example.com", False),
        ("a.b.com", False),
    ],
)
def test_it_is_known_below_what_everyone_can_get_a_name(host: str, public: bool) -> None:
    assert is_public_suffix(host) is public


@given(st.text(max_size=300))
def test_no_text_makes_it_fail(host: str) -> None:
    assert registrable(host) in (host.lower().rstrip("."), registrable(host))
