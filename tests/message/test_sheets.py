"""What style sheets say: values, colours, media, and the short way beside tinycss2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message import sheets
from letterlock.message.sheets import Colour, media_matches


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#fff", Colour(255, 255, 255)),
        ("#12345680", Colour(0x12, 0x34, 0x56, 128 / 255)),
        ("rgb(1, 2,3)", Colour(1, 2, 3)),
        ("rgba(1,2,3,.5)", Colour(1, 2, 3, 0.5)),
        ("rgb(1 2 3 / 0.5)", Colour(1, 2, 3, 0.5)),
        ("hsl(120,100%,50%)", Colour(0, 255, 0)),
        ("rebeccapurple", Colour(102, 51, 153)),
        ("transparent", Colour(0, 0, 0, 0)),
        ("canvas", Colour(255, 255, 255)),
        ("lab(50% 40 59)", Colour(191, 87, 2)),
        ("lch(29% 39 20)", Colour(120, 39, 50)),
        ("oklab(40.1% 0.1147 0.0453)", Colour(125, 35, 41)),
        ("oklch(62.8% 0.2577 29.23)", Colour(255, 0, 0)),
        ("oklch(100% 0 0 / 50%)", Colour(255, 255, 255, 0.5)),
        ("color(srgb 1 0.5 none)", Colour(255, 127.5, 0)),
        ("color(srgb-linear .5 .5 .5)", Colour(188, 188, 188)),
        ("color(display-p3 1 1 1)", Colour(255, 255, 255)),
        ("color(a98-rgb 1 1 1)", Colour(255, 255, 255)),
        ("color(prophoto-rgb 1 1 1)", Colour(255, 255, 255)),
        ("color(rec2020 0 0 0)", Colour(0, 0, 0)),
        ("color(xyz-d65 0.9505 1 1.089)", Colour(255, 255, 255)),
        ("color(xyz-d50 0.9643 1 0.8251)", Colour(255, 255, 255)),
        ("hwb(120deg 10% 20%)", Colour(25.5, 204, 25.5)),
        ("light-dark(#010203, white)", Colour(1, 2, 3)),
        ("color-mix(in srgb, red, blue 25%)", Colour(191, 0, 64)),
        ("nocolour", None),
        ("12px", None),
    ],
)
def test_colours_are_read_in_every_notation(text: str, expected: Colour | None) -> None:
    found = sheets.colour_of(text)
    if expected is None:
        assert found is None
    else:
        assert isinstance(found, Colour)
        assert found == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("white", (255, 255, 255)), ("ffffff", (255, 255, 255)), ("#FFF", (255, 255, 255)), ("chucknorris", (0xC0, 0, 0))],
)
def test_colours_of_old_attributes_are_read_as_browsers_do(text: str, expected: tuple[int, int, int]) -> None:
    found = sheets.legacy_colour(text)
    assert found is not None and found[:3] == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", True),
        ("screen", True),
        ("print", False),
        ("only screen and (max-width:600px)", False),
        ("screen and (min-width: 37.5em)", True),
        ("not print", True),
        ("print, screen", True),
        ("(prefers-color-scheme: dark)", False),
        ("(-webkit-min-device-pixel-ratio:0)", True),
        ("(min-resolution: 192dpi)", False),
        ("(400px <= width <= 700px)", False),
        ("(never-heard-of: 1)", False),
        ("yahoo", False),
        ("not ((a) or (b))", None),
    ],
)
def test_media_queries_are_answered_for_a_desktop_screen(query: str, expected: bool | None) -> None:
    assert media_matches(query) is expected


def declared(text: str) -> dict[str, object]:
    return {name: value for name, value, _ in sheets.declarations(text) or ()}


def test_shorthands_set_their_longhands() -> None:
    assert declared("font: bold 12px/1.4 Arial")["font-size"] == sheets.Length(12, "px")
    assert declared("background: url(a.png) no-repeat #fff")["background-color"] == Colour(255, 255, 255)
    assert declared("background: none")["background-color"] == Colour(0, 0, 0, 0)
    assert declared("margin: 1px 2px 3px -900px")["margin-left"] == sheets.Length(-900, "px")


def test_invalid_values_are_dropped_and_unknown_functions_are_kept_as_unknown() -> None:
    assert declared("display:nope;color:12px;font-size:red") == {}
    assert isinstance(declared("color:newcolor(1 2)")["color"], sheets.Unknown)


PIECES = st.sampled_from(
    ["color", "display", "none", ":", ";", "red", " ", "#fff", "font-size", "0", "12px", "!important", "/*", "*/", "\\",
     "'", '"', "(", ")", "url(", "rgba(0,0,0,.5)", ",", "{", "}", "background", "-", "--x",
     "var(--x)", "\n", "@", "<", "a"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=14).map("".join))
def test_the_short_way_reads_declarations_as_tinycss2_does(text: str) -> None:
    short = sheets.declarations(text)
    long = sheets._parsed_declarations(text)
    assert short == long


@given(
    st.lists(
        st.one_of(
            PIECES,
            st.sampled_from([".a", "p", "{color:red}", "{display:none}", "@media print{", "@media screen{", "}"]),
        ),
        max_size=12,
    ).map("".join)
)
def test_the_short_way_reads_sheets_as_tinycss2_does(text: str) -> None:
    import tinycss2

    short: list[tuple[str, tuple[sheets.Declaration, ...], bool]] = []
    if "\\" in text or not sheets._plain_sheet(text, short):
        return
    long: list[tuple[str, tuple[sheets.Declaration, ...], bool]] = []
    sheets._parsed_rules(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True), long, True, 0)
    assert [rule[1:] for rule in short] == [rule[1:] for rule in long]
