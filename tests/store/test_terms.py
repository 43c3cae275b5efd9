from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from letterlock.store.terms import MAX_TERMS, fold, query_terms, terms_of


def test_case_width_and_accents_fold_away() -> None:
    assert fold("Zürich ÉCOLE ﬁne ＡＢＣ Straße İ") == "zurich ecole fine abc strasse i"


def test_writing_without_blanks_becomes_pairs() -> None:
    assert terms_of("東京都") == "東京 京都 都"
    assert query_terms("東京都") == ["東京", "京都"]
    assert query_terms("都") == ["都"]


def test_a_code_can_be_found_from_any_of_its_places_on() -> None:
    assert {"493817", "93817", "3817", "817", "17"} == set(terms_of("493817").split())


def test_a_query_of_signs_only_has_no_terms() -> None:
    assert query_terms("!?\"'*():- \u200b") == []


@given(st.text(max_size=300))
def test_every_word_of_a_text_is_found_by_itself(text: str) -> None:
    terms = terms_of(text).split(" ")
    for wanted in query_terms(text):
        assert any(term.startswith(wanted) for term in terms), wanted


@given(st.text(max_size=300))
def test_no_term_can_leave_the_quotes_it_is_searched_in(text: str) -> None:
    for term in (*terms_of(text).split(" "), *query_terms(text)):
        assert not set(term) & set("\"'*^:()-+ \t\r\n\0"), term


def test_a_huge_text_costs_little_and_stays_bounded() -> None:
    began = time.process_time()
    for text in ("a1" * 500_000, "東" * 1_000_000, "x9y8 " * 200_000, "\u0300" * 1_000_000):
        assert len(terms_of(text).split()) <= MAX_TERMS
        query_terms(text[:500])
    assert time.process_time() - began < 5
