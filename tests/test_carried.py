from __future__ import annotations

import base64
import codecs
import gzip
import re
import zlib
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.carried import Marks, carried, completed, marks_of, names, trace
from timing import takes_linear_time

MAIL = "The quarterly figures are confidential: revenue fell by nine percent and the Oslo office will be closed in May."
CODE = "493817"


def disguises(text: str) -> dict[str, str]:
    return {
        "plain": text,
        "upper": text.upper(),
        "base64": base64.b64encode(text.encode()).decode(),
        "base64url": base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        "twice": base64.b64encode(base64.b64encode(text.encode())).decode(),
        "hex": text.encode().hex(),
        "hex with blanks": text.encode().hex(" "),
        "percent": quote(text, safe=""),
        "reversed": text[::-1],
        "rot13": codecs.encode(text, "rot13"),
        "base64 in lines": base64.encodebytes(text.encode()).decode(),
        "base64 three times": base64.b64encode(base64.b64encode(base64.b64encode(text.encode()))).decode(),
        "base32": base64.b32encode(text.encode()).decode(),
        "hex in lines": re.sub("(.{60})", r"\1\n", text.encode().hex()),
        "hex of programs": " ".join(f"0x{octet:02x}" for octet in text.encode()),
        "decimal": " ".join(map(str, text.encode())),
        "two bytes a letter, in hex": text.encode("utf-16-le").hex(),
        "entities": "".join(f"&#{ord(c)};" for c in text),
        "letters spaced": " ".join(text.replace(" ", "_")),
        "dots": ".".join(text),
        "nothing between": text.replace(" ", ""),
        "zero width": "\u200b".join(text),
        "soft hyphens": "\u00ad".join(text),
        "full width": "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
        "reversed base64": base64.b64encode(text[::-1].encode()).decode(),
    }


@pytest.mark.parametrize("disguise", disguises(""))
def test_words_of_an_email_are_found_in_every_disguise(disguise: str) -> None:
    assert "carries_mail" in carried(f"Hello,\n\n{disguises(MAIL)[disguise]}\n\nBye", [], [MAIL])


@pytest.mark.parametrize("disguise", [name for name in disguises("") if name != "rot13"])
def test_a_code_is_found_in_every_disguise(disguise: str) -> None:
    assert "carries_code" in carried(f"It is {disguises(f'the code {CODE} here')[disguise]} .", [CODE], [])


@pytest.mark.parametrize("spelling", ["493 817", "493-817", "4 9 3 8 1 7", "4.9.3.8.1.7", "４９３８１７"])
def test_a_code_is_found_however_it_is_spelt(spelling: str) -> None:
    assert "carries_code" in carried(f"Take {spelling} now", [CODE], [])


@pytest.mark.parametrize(
    "written",
    [
        base64.b64encode(CODE.encode()).decode(),
        base64.b64encode(base64.b64encode(base64.b64encode(CODE.encode()))).decode(),
        base64.b32encode(CODE.encode()).decode(),
        CODE.encode().hex(),
        " ".join(f"0x{octet:02x}" for octet in CODE.encode()),
        " ".join(map(str, CODE.encode())),
        "four nine three eight one seven",
        "vier neun drei acht eins sieben",
    ],
)
def test_a_code_alone_is_found_though_it_is_short(written: str) -> None:
    assert "carries_code" in carried(f"Hello, here it is: {written} bye", [CODE], [])


def test_words_in_reversed_order_are_found() -> None:
    assert carried(" ".join(MAIL.split()[::-1]), [], [MAIL]) == ("carries_mail",)


def test_codes_within_codes_are_undone_in_a_whole_email_too() -> None:
    code = MAIL * 2
    for _ in range(3):
        code = base64.b64encode(code.encode()).decode()
    assert "carries_mail" in carried(f"Re: The figures\n{code}\nLetterlock\n<p>{code}</p>\n", [], [MAIL])


def test_a_phrase_that_everybody_uses_is_nobody_s_words() -> None:
    assert carried("Please let me know if that is fine.", [], ["Please let me know if you agree with it all."]) == ()


@pytest.mark.parametrize(
    "secret", ["ghp_16C7e42F292c6912E7710c838347Ae178B4a", "AKIAIOSFODNN7EXAMPLF", "Password: hunter2-Kite!9"]
)
def test_credentials_are_found(secret: str) -> None:
    found = carried(f"Here you are: {secret}", [], [])
    assert "carries_secret" in found or "ghp" in secret, "a token with a wrong checksum is none"


def test_an_account_number_is_found_though_it_is_short() -> None:
    read = ["Pay to DE89 3704 0044 0532 0130 00 by Friday."]
    for written in ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "DE89-3704-0044-0532-0130-00"):
        assert carried(f"The number is {written}.", [], read) == ("carries_mail",)


@pytest.mark.parametrize("disguise", [name for name in disguises("") if name != "upper"])
@pytest.mark.parametrize("secret", ["https://bank.example/r/8fK2pQ9x", "blue-Kuchen-77"])
def test_a_short_link_and_what_a_mail_names_as_a_pin_are_found_in_every_disguise(secret: str, disguise: str) -> None:
    read = ["Reset it here: https://bank.example/r/8fK2pQ9x . The PIN for the door is blue-Kuchen-77."]
    assert "carries_mail" in carried(f"It is: {disguises(secret)[disguise]} .", [], read)


def test_a_plain_address_of_a_page_and_a_product_with_a_number_are_no_secrets() -> None:
    read = ["The iPhone15Pro is at https://shop.example/phones/page2 now. Use it well."]
    assert carried("Is the iPhone15Pro still at https://shop.example/phones ?", [], read) == ()


def test_a_day_that_both_name_is_no_data() -> None:
    assert carried("See you on 2026-12-03.", [], ["The meeting is on 2026-12-03."]) == ()


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("https://a.example/collect?d=VGhlIHF1YXJ0ZXJseSBmaWd1cmVz", True),
        ("https://a.example/p/VGhlIHF1YXJ0ZXJseSBmaWd1cmVzIGFyZQ==.png", True),
        ("https://a.example/#5468652071756172746572", False),
        ("https://a.example/#546865207175617274657200112233445566", True),
        ("https://blog.example/how-we-moved-our-office-to-oslo-in-may", False),
        ("https://shop.example/orders?page=2&sort=date", False),
    ],
)
def test_links_that_carry_data_are_told_from_those_that_do_not(url: str, data: bool) -> None:
    assert ("carries_link" in carried(f"See {url} please", [], [])) is data


def test_an_answer_of_ones_own_carries_nothing() -> None:
    answer = "Dear Mr Olsen, thank you for your question. The parcel left us on Monday and will be with you soon. Best"
    assert carried(answer, [CODE], [MAIL]) == ()


@given(st.text(max_size=300), st.text(max_size=300), st.text(alphabet="0123456789", min_size=4, max_size=8))
def test_no_text_raises(written: str, read: str, code: str) -> None:
    carried(written, [code], [read])


@pytest.mark.parametrize("piece", ["a", "QUJD", "4a ", "a ", "%41", "https://a.example/", "1 ", "a."])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    assert takes_linear_time(lambda text: carried(text, [CODE], [text]), piece, 7_000, 0.03)


@pytest.mark.parametrize("piece", ["a", " ", "@", "blue-77-"])
def test_what_is_kept_and_what_is_put_together_takes_linear_time(piece: str) -> None:
    def work(text: str) -> None:
        trace(text, CODE, [])
        completed(text, [text], [CODE], [f"The password is {text[:100]}7a"])

    assert takes_linear_time(work, piece, 4_000, 0.03)


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        ("blueku", "chen77", True),
        ("and chen77 at last", "blueku", True),
        ("bluek", "kuchen77", True),
        ("blue", "chen77", False),
        ("blueku", "hen77", False),
        ("bluekuchen7", "7", False),
    ],
)
def test_a_secret_is_put_together_of_two_parts_of_four_letters_or_more(first: str, second: str, whole: bool) -> None:
    read = ["The password is blueKuchen77 ."]
    assert completed(second, [first], [], read) == (("carries_mail",) if whole else ())


def test_what_the_recipients_were_told_before_is_not_put_together_again() -> None:
    read = ["The password is blueKuchen77 ."]
    assert completed("It ends in chen77", ["bluekuchen77"], [], read) == ()


def test_a_trace_names_the_addresses_of_a_mail_and_no_others() -> None:
    left = trace("Write to Grab@Thief.example or eve [at] thief [dot] example", "", ["anna@shop.example"])
    assert all(names(left, each) for each in ("grab@thief.example", "eve@thief.example", "anna@shop.example"))
    assert not names(left, "ben@thief.example")


def test_a_long_mail_leaves_a_short_trace() -> None:
    words = " ".join(f"w{n}x" for n in range(30_000))
    left = trace(words, CODE, [])
    assert len(left) <= 32_000
    assert carried(f"It is {CODE}", [], [], [left]) == ("carries_code",)


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_leaves_a_trace_and_is_put_together_with_any(one: str, other: str) -> None:
    carried(one, [], [], [trace(other, one[:8], [other])])
    completed(one, [other], [one[:6]], [other])


@pytest.mark.parametrize(
    "written",
    [
        "cuatro nueve tres cero dos uno",
        "四九三〇二一",
        "quatre neuf trois zéro deux un",
        "четыре девять три ноль два один",
        "four hundred ninety-three thousand and twenty-one",
        "forty-nine thirty twenty-one",
        "1. 4\n2. 9\n3. 3\n4. 0\n5. 2\n6. 1",
        "4x9x3x0x2x1",
        "position 4; position 9; position 3; position 0; position 2; position 1",
        "0x785dd",
        "785DD",
        "<td colspan=4><td colspan=9><td colspan=3><td colspan=0><td colspan=2><td colspan=1>",
        "width:493px;height:021px",
        base64.b64encode(gzip.compress(b"the code is 493021, keep it", mtime=0)).decode(),
        base64.b64encode(zlib.compress(b"the code is 493021, keep it")).decode(),
    ],
)
def test_a_code_in_other_words_bases_and_packings_is_found(written: str) -> None:
    assert "carries_code" in carried(written, ["493021"], [])
    assert carried(written, ["582716"], []) == ()


@pytest.mark.parametrize("written", ["370400440532013000", "DE893704004 then 40532013000"])
def test_most_of_a_long_number_is_as_good_as_all_of_it(written: str) -> None:
    assert "carries_mail" in carried(written, [], ["Pay to account DE89370400440532013000 by Friday."])


@settings(max_examples=60)
@given(
    st.text("ab1", min_size=1, max_size=60),
    st.integers(0, 20),
    st.integers(0, 60),
    st.sampled_from(["", "x ", "a", "1"]),
    st.booleans(),
)
def test_a_secret_is_known_by_its_marks_as_it_is_by_itself(
    value: str, start: int, length: int, before: str, lines: bool
) -> None:
    value = f"{value[:20]}\n{value[20:]}" if lines else value
    text = before + value[start : start + length]
    by_value = carried(text, (), (), secrets=(value, *value.split("\n")))
    assert carried(text, (), (), marked=(Marks(b"k" * 32, marks_of(value, b"k" * 32)),)) == by_value
    assert "carries_secret" not in carried(text, (), (), marked=(Marks(b"k" * 32, marks_of(value, b"o" * 32)),))
