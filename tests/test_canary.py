from __future__ import annotations

import base64
import codecs
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.canary import carries_mark, mark, planted
from letterlock.disguises import readings
from letterlock.ids import EmailId, TenantId
from timing import takes_linear_time

KEY = b"k" * 32
ACME, OTHER = TenantId("acme"), TenantId("other")
SIGN = mark(KEY, ACME, EmailId("em_1"))
TEXT = f"The body of it, ref {SIGN}, and so on."


@pytest.mark.parametrize(
    "written",
    [
        *(TEXT, TEXT.upper(), TEXT[::-1], codecs.encode(TEXT, "rot13"), TEXT.encode().hex(), quote(TEXT, safe="")),
        *(base64.b64encode(TEXT.encode()).decode(), base64.b64encode(base64.b64encode(TEXT.encode())).decode()),
        *(SIGN.replace("-", ""), SIGN.replace("-", " "), " ".join(SIGN), ".".join(SIGN.replace("-", ""))),
        *(f"x{SIGN}y", f"https://a.example/{SIGN}", planted("Hello\n", SIGN), planted("", SIGN)),
    ],
)
def test_a_mark_is_known_in_every_disguise(written: str) -> None:
    assert carries_mark(f"Hello,\n{written}\nBye", KEY, ACME)
    assert carries_mark(readings(f"Hello,\n{written}\nBye"), KEY, ACME)


def test_a_mark_is_the_same_each_time_and_another_for_each_email_tenant_and_key() -> None:
    assert mark(KEY, ACME, EmailId("em_1")) == SIGN
    others = {
        mark(KEY, ACME, EmailId("em_2")),
        mark(KEY, OTHER, EmailId("em_1")),
        mark(b"z" * 32, ACME, EmailId("em_1")),
    }
    assert len({SIGN, *others}) == 4
    assert not carries_mark(TEXT, KEY, OTHER)
    assert not carries_mark(TEXT, b"z" * 32, ACME)


@given(st.binary(min_size=8, max_size=200))
def test_other_numbers_are_no_marks(data: bytes) -> None:
    assert not carries_mark(f"{data.hex()} {data.hex('-', 2)} {data.decode('latin-1')}", KEY, ACME)


def test_planting_moves_nothing_of_the_text() -> None:
    assert planted("Hello\nthere\n\n", SIGN).startswith("Hello\nthere")


@pytest.mark.parametrize("piece", ["a", "4 ", "ab-", "deadbeef", "f." * 50 + "x"])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    assert takes_linear_time(lambda text: carries_mark(text, KEY, ACME), piece, 7_000, 0.04)
