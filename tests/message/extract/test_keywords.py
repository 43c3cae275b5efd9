"""The table of words: folding, endings, compounds and scripts without blanks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.keywords import Hint, clean, fold, hints, scan


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("code", Hint.CODE),
        ("Bestätigungscode", Hint.CODE | Hint.STRONG | Hint.VERIFY),
        ("kodunuz", Hint.CODE),
        ("ვერიფიკაციის", Hint.VERIFY),
        ("الرمز", Hint.CODE),
        ("您的验证码为", Hint.CODE | Hint.STRONG),
        ("ワンタイムパスワード", Hint.ONCE | Hint.PASSWORD),
        ("minutes", Hint.MINUTE),
    ],
)
def test_words_hint_in_their_forms(word: str, hint: Hint) -> None:
    assert Hint(hints(fold(word))) & hint == hint


@pytest.mark.parametrize(
    "word", ["codebase", "unicode", "kontakt", "content", "e-pošte", "tea", "best", "gallery", "over"]
)
def test_words_that_only_look_like_one_hint_at_no_code(word: str) -> None:
    assert not hints(fold(word)) & (Hint.CODE | Hint.VERIFY | Hint.LOGIN | Hint.VETO)


def test_every_digit_and_width_is_read_as_plain() -> None:
    assert clean("４８２ ９１３") == "482 913"
    assert clean("٤٨٢٩१३") == "482913"
    assert clean("4\u200b8\u00ad2") == "482"
    assert clean("Code\u00a0:\u2011ＡＢ") == "Code :-AB"


@given(st.text())
def test_folding_keeps_the_length_of_cleaned_text(text: str) -> None:
    assert len(fold(text)) == len(clean(text))


@given(st.text())
def test_found_words_lie_within_the_line_in_order(line: str) -> None:
    last = 0
    for start, end, bits in scan(fold(line)):
        assert last <= start < end <= len(fold(line))
        assert bits
        last = end
