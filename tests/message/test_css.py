"""What style sheets make of an element: selectors, specificity, importance, order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message import css, sheets
from letterlock.message.css import Cascade
from letterlock.message.sheets import Element, media_matches


def hidden_by(sheet: str, *path: Element) -> str:
    cascade = Cascade([(sheet, "")])
    style = css.ROOT
    for element in path:
        style = cascade.style(element, style)
    return style.hidden


def chain(*tags: str) -> list[Element]:
    elements: list[Element] = []
    for tag in tags:
        name, _, classes = tag.partition(".")
        parent = elements[-1] if elements else None
        elements.append(Element(name, {"class": classes}, parent, classes=frozenset(classes.split("."))))
    return elements


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("p", True), ("P", True), ("*", True), (".a", True), ("p.a.b", True), (".A", False), ("div p", True),
        ("div > p", False),
        ("div section > p", True), ("section p.a, .zz", True), ("td p", False), ("p:hover", False), ("p::after", False),
        ("p:not(.a)", False), ("p:not(.z)", True), ("[class]", True), ("[class~=b]", True), ("[class='a.b']", False),
        ("p:first-child", True), ("x + p", False), ("div.k section p", True),
    ],
)  # fmt: skip
def test_selectors_match_as_the_standard_says(selector: str, matches: bool) -> None:
    path = chain("div.k", "section", "p.a.b")
    path[-1].attributes = {"class": "a b"}
    assert (hidden_by(f"{selector}{{display:none}}", *path) == "display_none") is matches


def test_specificity_importance_and_order_decide() -> None:
    (element,) = chain("p.a")
    assert hidden_by("p{display:none} .a{display:block}", element) == ""
    assert hidden_by(".a{display:block} p{display:none!important}", element) == "display_none"
    assert hidden_by("p{display:block} p{display:none}", element) == "display_none"


@given(st.text(alphabet=".#[]()>+~*:,\\\"'=^$|ab0- \n{};@/!", max_size=60))
def test_any_text_is_survived_as_a_sheet_a_style_and_a_query(text: str) -> None:
    media_matches(text)
    sheets.selectors(text)
    (element,) = chain("p.a")
    hidden_by(text, element)
    Cascade([]).style(Element("p", {"style": text, "bgcolor": text, "size": text, "color": text}), css.ROOT)
