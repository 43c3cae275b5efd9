"""What style sheets and style attributes say: the part of CSS that decides whether a person sees a text.

`read_sheet(text)` gives the rules of a sheet, `declarations(text)` those of a style attribute: shorthands expanded,
values typed, what is invalid left out; `selectors`, `media_matches` and `colour_of` read the rest. What a browser may
understand and we do not is an Unknown. Linear in the text. Selectors 4, Media Queries 4, CSS 2.1, Color 4.
tinycss2 is the parser; what is plain enough to be read without it (most of mail) takes a short way with equal results.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import unquote_to_bytes

from letterlock.patterns import on_demand


class Colour(NamedTuple):
    """Red, green, blue in 0..255 and alpha in 0..1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0


class Gradient(NamedTuple):
    """What background-image draws: the colours of its gradients, and whether a picture we do not look at is in it."""

    stops: tuple[Colour | Unknown, ...]
    picture: bool = False


def names(text: str) -> frozenset[str]:
    """The words of `text` as a set."""
    return frozenset(text.split())


class Length(NamedTuple):
    number: float
    unit: str


class Unknown(NamedTuple):
    """A value a browser may understand and we do not (a function we cannot work out), or one with var() in it."""

    text: str


Value: TypeAlias = str | float | Colour | Length | Unknown | Gradient


class Declaration(NamedTuple):
    name: str
    value: Value
    important: bool


RULES_CAP: Final = 2_000
"""More rules than this, and nothing of the document counts as understood."""
_SHEET_CHARS: Final = 300_000
_SLOW_CHARS: Final = 60_000
WHITE: Final[Colour] = Colour(255.0, 255.0, 255.0)
BLACK: Final[Colour] = Colour(0.0, 0.0, 0.0)
LINK: Final[Colour] = Colour(0.0, 0.0, 238.0)
# The screen that media queries are asked about: a desktop window, light, with a mouse.
_WIDTH: Final = 1280.0
_HEIGHT: Final = 800.0
# What a percentage is of, where that is not known without laying the page out: the usual width of a mail.
_BOX: Final = 600.0


# --- declarations -----------------------------------------------------------------------------------------------------

_PLAIN_DECLARATION: Final = on_demand(
    r"""\s*+(?:([-_a-zA-Z][-\w]*+)\s*+:((?:[^;!"'(){}\[\]\\/@<&]|/(?!\*)|"[^"\\\n]*+"|'[^'\\\n]*+'"""
    r"""|\((?:[^()"'\\{}\[\];/]|/(?!\*)|"[^"\\\n]*+"|'[^'\\\n]*+')*+\))*+)(!\s*+important\s*+)?)?(?:;|\Z)""",
    re.IGNORECASE,
)


@lru_cache(maxsize=2048)
def declarations(text: str) -> tuple[Declaration, ...] | None:
    """The declarations that matter here, shorthands expanded, in order; None when the text cannot be understood.

    Invalid declarations are left out, as a browser does (CSS 2.1 section 4.2)."""
    found: list[Declaration] = []
    position = 0
    end = len(text)
    while position < end:
        match = _PLAIN_DECLARATION.match(text, position)
        if match is None:
            return _parsed_declarations(text)
        position = match.end()
        name = match[1]
        if name is not None:
            expand(name.lower() if name[:2] != "--" else name, match[2], match[3] is not None, found)
    return tuple(found)


def _parsed_declarations(text: str) -> tuple[Declaration, ...] | None:
    """The long way: tinycss2 reads escapes, comments, nested blocks and broken text as the standard says."""
    if len(text) > _SLOW_CHARS:
        return None
    import tinycss2

    found: list[Declaration] = []
    for item in tinycss2.parse_blocks_contents(text, skip_comments=True, skip_whitespace=True):
        if item.type == "declaration":
            name = item.name if item.name.startswith("--") else item.lower_name
            expand(name, _flat(item.value, kept=name == "content"), bool(item.important), found)
    return tuple(found)


def _flat(tokens: Iterable[object], depth: int = 0, kept: bool = False) -> str:
    """Parsed component values as plain text: escapes decoded, comments gone, contents of strings dropped but for
    `kept`."""
    parts: list[str] = []
    for token in tokens:
        kind = token.type  # type: ignore[attr-defined]
        if kind == "ident":
            parts.append(token.value)  # type: ignore[attr-defined]
        elif kind == "whitespace":
            parts.append(" ")
        elif kind == "hash":
            parts.append("#" + token.value)  # type: ignore[attr-defined]
        elif kind == "number":
            parts.append(token.representation)  # type: ignore[attr-defined]
        elif kind == "percentage":
            parts.append(token.representation + "%")  # type: ignore[attr-defined]
        elif kind == "dimension":
            parts.append(token.representation + token.unit)  # type: ignore[attr-defined]
        elif kind == "string":
            said = " ".join(token.value.replace("\\", " ").replace('"', "'").split("\n")) if kept else ""  # type: ignore[attr-defined]
            parts.append(f'"{said}"' if kept else "''")
        elif kind == "url":
            parts.append("url(x)" if is_picture(token.value) else "url()")  # type: ignore[attr-defined]
        elif kind == "function" and token.lower_name == "url":  # type: ignore[attr-defined]
            target = "".join(part.value for part in token.arguments if part.type == "string")  # type: ignore[attr-defined]
            parts.append("url(x)" if is_picture(target) else "url()")
        elif kind == "function":
            inner = _flat(token.arguments, depth + 1) if depth < 8 else "?"  # type: ignore[attr-defined]
            parts.append(f"{token.name}({inner})")  # type: ignore[attr-defined]
        elif kind == "() block":
            inner = _flat(token.content, depth + 1) if depth < 8 else "?"  # type: ignore[attr-defined]
            parts.append(f"({inner})")
        elif kind == "literal":
            parts.append(token.value)  # type: ignore[attr-defined]
        elif kind != "comment":
            parts.append("?")
    return "".join(parts)


_SPACE: Final = on_demand(r"\s+")
_URL: Final = on_demand(r"url\([^)]*\)")


def expand(name: str, raw: str, important: bool, found: list[Declaration]) -> None:
    """Add the longhands of one declaration to `found`, values typed; nothing where the value is invalid."""
    if name[:2] == "--":
        found.append(Declaration(name, raw.strip(), important))
        return
    reader = READERS.get(name)
    if reader is None:
        return
    if name == "content":
        _expand_content(raw, important, found)
        return
    value = _SPACE.sub(" ", raw).strip().lower()
    if not value:
        return
    if value in WIDE:
        found.extend(Declaration(longhand, value, important) for longhand in _LONGHANDS.get(name, (name,)))
        return
    if "var(" in value:
        # A value with var() is valid until it is computed (CSS Variables 1 section 3).
        found.extend(
            Declaration(name_, Unknown(f"{name}:{value}"), important) for name_ in _LONGHANDS.get(name, (name,))
        )
        return
    for longhand, typed in reader(name, value):
        found.append(Declaration(longhand, typed, important))


_CONTENT: Final = on_demand(r"""\"([^"\\\n]*+)\"|'([^'\\\n]*+)'|attr\( ?([-\w]+)|(url\()""", re.IGNORECASE)


def _expand_content(raw: str, important: bool, found: list[Declaration]) -> None:
    """Declarations of what `content` writes ("content"), reads from an attribute ("attr") or puts in place of all that
    is in an element ("replaced")."""
    said: list[str] = []
    for match in _CONTENT.finditer(raw[:20_000]):
        if match[3]:
            found.append(Declaration("attr", match[3].lower(), important))
        elif match[4]:
            found.append(Declaration("replaced", "url", important))
        else:
            said.append(match[1] or match[2] or "")
    text = "".join(said)
    if any(map(str.isalnum, text)):
        found.append(Declaration("content", text, important))


WIDE: Final = frozenset({"inherit", "initial", "unset", "revert", "revert-layer"})
_Read: TypeAlias = Callable[[str, str], Iterator[tuple[str, Value]]]


def _keyword(*words: str) -> _Read:
    allowed = frozenset(words)

    def read(name: str, value: str) -> Iterator[tuple[str, Value]]:
        if value in allowed:
            yield name, value

    return read


def _read_display(name: str, value: str) -> Iterator[tuple[str, Value]]:
    words = value.split()
    if all(word in _DISPLAYS for word in words):
        yield name, " ".join(words)


def _read_number(name: str, value: str) -> Iterator[tuple[str, Value]]:
    number = number_of(value)
    if number is not None:
        yield name, number


def _read_number_of(name: str) -> _Read:
    def read(_: str, value: str) -> Iterator[tuple[str, Value]]:
        return _read_number(name, value)

    return read


def _read_length(name: str, value: str) -> Iterator[tuple[str, Value]]:
    length = length_of(value)
    if length is not None:
        yield name, length


def _read_colour(name: str, value: str) -> Iterator[tuple[str, Value]]:
    colour = colour_of(value)
    if colour is not None:
        yield name, colour


_NAMED_PICTURE: Final = on_demand(r"""url\( ?(?:'([^'()]*+)'|"([^"()]*+)"|([^ '"()]++)) ?\)|image-set\(""")


def is_picture(target: str) -> bool:
    """Whether url(target) may show something in mail: programs for mail do not draw data: addresses."""
    return not target.strip().lower().startswith(("data:", "about:", "#")) and bool(target.strip())


def _pictured(value: str) -> bool:
    """Whether a background has a picture in it."""
    return any(
        match[0] == "image-set(" or is_picture(match[1] or match[2] or match[3] or "")
        for match in _NAMED_PICTURE.finditer(value)
    )


def _read_background(name: str, value: str) -> Iterator[tuple[str, Value]]:
    # The shorthand sets colour and image anew even where it names neither (CSS Backgrounds 3 section 3.10).
    stops = _gradient_stops(value)
    colour: Colour | Unknown | str = Colour(0.0, 0.0, 0.0, 0.0)
    for word in _words(_without_gradients(_URL.sub(" ", value))):
        named = colour_of(word)
        if named is not None:
            colour = named
        elif word == "text":
            yield "background-clip", word
    size = _URL.sub(" ", value).rpartition("/")[2] if "/" in value else ""
    if size and ")" not in size:
        yield from _read_background_size("background-size", size.strip())
    yield "background-color", colour
    yield "background-image", stops


def _read_background_size(name: str, value: str) -> Iterator[tuple[str, Value]]:
    # Only what leaves some of the box without the image.
    if not all(word in ("cover", "contain", "auto", "100%", "initial") for word in value.replace(",", " ").split()[:2]):
        yield "background-size", "part"


def _read_background_position(name: str, value: str) -> Iterator[tuple[str, Value]]:
    for word in value.replace(",", " ").split():
        moved = pixels(length_of(word) or "", 16.0)
        if moved is not None and abs(moved) >= 100 and not word.endswith("%"):
            yield "background-size", "part"


def _read_background_clip(name: str, value: str) -> Iterator[tuple[str, Value]]:
    yield "background-clip", value


def _read_background_image(name: str, value: str) -> Iterator[tuple[str, Value]]:
    yield name, _gradient_stops(value)


def _read_font(name: str, value: str) -> Iterator[tuple[str, Value]]:
    # [style variant weight stretch] size[/line-height] family (CSS Fonts 4 section 2.7)
    words = _words(value)
    weight: Value = "normal"
    for index, word in enumerate(words):
        size = _font_size(word.partition("/")[0])
        if size is not None and not (index + 1 < len(words) and _WEIGHT.fullmatch(word) and isinstance(size, Length)):
            yield "font-size", size
            yield "font-weight", weight
            yield "line-height", _line_height(word.partition("/")[2]) or "normal"
            yield "font-family", " ".join(words[index + 1 :])
            return
        if word in ("bold", "bolder") or _WEIGHT.fullmatch(word):
            weight = word


def _read_font_size(name: str, value: str) -> Iterator[tuple[str, Value]]:
    size = _font_size(value)
    if size is not None:
        yield name, size


def _read_line_height(name: str, value: str) -> Iterator[tuple[str, Value]]:
    height = _line_height(value)
    if height is not None:
        yield name, height


def _read_sides(name: str, value: str) -> Iterator[tuple[str, Value]]:
    words = _words(value)
    top, left = words[0], words[3 % len(words)] if len(words) != 3 else words[1]
    bottom = words[2] if len(words) > 2 else top
    for side, word in (("top", top), ("bottom", bottom), ("left", left)):
        length = length_of(word)
        if length is not None:
            yield f"{name}-{side}", length


def _read_inset(name: str, value: str) -> Iterator[tuple[str, Value]]:
    words = _words(value)
    sides = dict(zip(("top", "right", "bottom", "left"), (words * 4)[:4] if len(words) < 3 else words, strict=False))
    for side, word in sides.items():
        length = length_of(word)
        if length is not None:
            yield side, length


def _read_pair(first: str, second: str) -> _Read:
    """A shorthand of logical properties (CSS Logical 1) for the sides they are in horizontal text."""

    def read(name: str, value: str) -> Iterator[tuple[str, Value]]:
        words = _words(value)
        for side, word in ((first, words[0]), (second, words[-1])):
            length = length_of(word)
            if length is not None and len(words) < 3:
                yield side, length

    return read


def _read_as(target: str) -> _Read:
    """Another name of the property `target`."""

    def read(name: str, value: str) -> Iterator[tuple[str, Value]]:
        return READERS[target](target, value)

    return read


def _trap(judge: Callable[[str], str]) -> _Read:
    """A property that hides all of an element or nothing: its value is the code of why, and harmless ones are not kept,
    for nearly all of them are."""

    def read(name: str, value: str) -> Iterator[tuple[str, Value]]:
        why = judge(value)
        if why:
            yield name, why

    return read


def _lengths(value: str) -> Iterator[Length]:
    for word in _words(value):
        length = length_of(word)
        if isinstance(length, Length):
            yield length


def _far_inside(value: str) -> str:
    return "off_screen" if any((pixels(one, 16.0) or 0.0) >= 1000 or fills(one) for one in _lengths(value)) else ""


def fills(length: Length) -> bool:
    """As much as all of the box or the screen."""
    return length.number >= 100 and (length.unit == "%" or length.unit in _SCREEN)


def _far_words(value: str) -> str:
    return "off_screen" if any(not -100 < (pixels(one, 16.0, 16.0) or 0.0) < 300 for one in _lengths(value)) else ""


def _far_line(value: str) -> str:
    return "off_screen" if any(abs(pixels(one, 16.0, 16.0) or 0.0) >= 300 for one in _lengths(value)) else ""


def _on_path(value: str) -> str:
    return "" if value in ("none", "auto", "normal") else "not_understood"


def _masked(value: str) -> str:
    return "" if value.split(" ", 1)[0] in ("none", "0") else "clipped"


def _without_size(value: str) -> str:
    number = number_of(value.split()[-1])
    return "tiny" if isinstance(number, float) and number < 0.15 else ""


def _dotted(value: str) -> str:
    return "" if value in ("none", "auto") else "masked"


def _blended(value: str) -> str:
    # These two leave dark text on a light page dark; what the others make of it depends on what is beneath.
    return "" if value in ("normal", "multiply", "darken") else "colour"


def _stroked(value: str) -> str:
    return "colour" if any((pixels(one, 16.0) or 0.0) >= 4 for one in _lengths(value)) else ""


def _struck(value: str) -> str:
    thick = any((pixels(one, 16.0, 16.0) or 0.0) >= 9 for one in _lengths(value))
    return "covered" if thick and "underline" not in value else ""


def _outlined(value: str) -> str:
    return "covered" if any((pixels(one, 16.0) or 0.0) <= -8 for one in _lengths(value)) else ""


def _filled_by_shadow(value: str) -> str:
    for shadow in _commas(value):
        if "inset" in shadow:
            sides = [pixels(one, 16.0) or 0.0 for one in _lengths(shadow)]
            if (len(sides) == 4 and sides[3] >= 20) or any(abs(side) >= 60 for side in sides[:2]):
                return "colour"
    return ""


def _without_tracks(value: str) -> str:
    tracks = re.sub(r"repeat\( ?\w{1,9} ?, ?|\)|minmax\( ?0[a-z%]{0,3} ?, ?|/", " ", value).split()
    return (
        "no_size"
        if tracks and all(re.fullmatch(r"[-+]?(?:0+\.?0*|\.0+)(?:%|[a-z]{0,4})", track) for track in tracks)
        else ""
    )


def _without_basis(value: str) -> str:
    words = value.split()
    return "no_size" if len(words) == 3 and all(re.fullmatch(r"0(?:px|%|em)?", word) for word in words) else ""


def _flat_box(value: str) -> str:
    one, _, other = value.removeprefix("auto ").partition("/")
    wide, high = number_of(one.strip()), number_of(other.strip() or "1")
    if not isinstance(wide, float) or not isinstance(high, float):
        return ""
    return "no_size" if high > 0 and wide / high >= 100 else ""


def _dark_scheme(value: str) -> str:
    # Words like CanvasText are light then, on a page that stays light.
    return "colour" if "dark" in value.split() and "light" not in value.split() else ""


def _read_containment(name: str, value: str) -> Iterator[tuple[str, Value]]:
    words = value.split()
    if not {"paint", "strict", "content"}.isdisjoint(words):
        yield "overflow", "clip"
    if not {"size", "strict", "block-size"}.isdisjoint(words):
        yield "contain", "size"


def _read_overflow(name: str, value: str) -> Iterator[tuple[str, Value]]:
    yield (
        "overflow",
        "clip" if any(word in ("hidden", "clip", "scroll", "auto") for word in value.split()) else "visible",
    )


def _read_border(name: str, value: str) -> Iterator[tuple[str, Value]]:
    gone = "none" in value or "hidden" in value or value.startswith("0")
    yield "border", "none" if gone else "some"


def _read_animation(name: str, value: str) -> Iterator[tuple[str, Value]]:
    # CSS Animations 1 section 4.9: the first time is the duration, the second the delay; what is no keyword is a name.
    columns: dict[str, list[str]] = {longhand: [] for longhand in ANIMATION}
    for part in FUNCTION.sub(" ", value).split(","):
        found = dict(ANIMATION)
        times = iter(("animation-duration", "animation-delay"))
        for word in part.split():
            if TIME.fullmatch(word):
                found[next(times, "animation-delay")] = word
            elif (kind := _ANIMATION_WORDS.get(word)) is not None:
                found[kind] = word
            elif NUMBER.fullmatch(word):
                found["animation-iteration-count"] = word
            elif word not in _EASINGS:
                found["animation-name"] = word
        for longhand, word in found.items():
            columns[longhand].append(word)
    for longhand, words in columns.items():
        yield longhand, ",".join(words)


def _read_animated(name: str, value: str) -> Iterator[tuple[str, Value]]:
    yield name.removeprefix("-webkit-"), value


def _read_text(name: str, value: str) -> Iterator[tuple[str, Value]]:
    yield name, value


_DISPLAYS: Final = names(
    "none block inline inline-block table inline-table table-row table-cell table-row-group table-header-group "
    "table-footer-group table-column table-column-group table-caption flex inline-flex grid inline-grid list-item "
    "contents flow flow-root run-in ruby ruby-base ruby-text math -webkit-box -webkit-inline-box -webkit-flex "
    "-ms-flexbox -ms-grid"
)
TIME: Final = on_demand(r"([-+]?(?:\d++\.?\d*+|\.\d++)(?:e[-+]?\d{1,3}+)?)(m?s)")
FUNCTION: Final = on_demand(r"([a-z0-9-]+)\(([^()]*)\)")
ANIMATION: Final[Mapping[str, str]] = {
    "animation-name": "none", "animation-duration": "0s", "animation-delay": "0s", "animation-fill-mode": "none",
    "animation-direction": "normal", "animation-iteration-count": "1", "animation-play-state": "running",
}  # fmt: skip
_ANIMATION_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("forwards", "backwards", "both"), "animation-fill-mode"),
    **dict.fromkeys(("reverse", "alternate", "alternate-reverse"), "animation-direction"),
    **dict.fromkeys(("paused", "running"), "animation-play-state"),
    "infinite": "animation-iteration-count",
}
_EASINGS: Final = names("none normal linear ease ease-in ease-out ease-in-out step-start step-end auto")
# Logical properties as in horizontal text from left to right (CSS Logical 1), and names of before a standard.
_OTHER_NAMES: Final[Mapping[str, str]] = {
    "inline-size": "width", "max-inline-size": "max-width", "min-inline-size": "min-width",
    "block-size": "height", "max-block-size": "max-height", "min-block-size": "min-height",
    "-webkit-logical-width": "width", "-webkit-logical-height": "height",
    "-webkit-max-logical-width": "max-width", "-webkit-max-logical-height": "max-height",
    "inset-inline-start": "left", "inset-inline-end": "right", "inset-block-start": "top", "inset-block-end": "bottom",
    "margin-inline-start": "margin-left", "margin-block-start": "margin-top", "margin-block-end": "margin-bottom",
    "-webkit-margin-start": "margin-left", "-webkit-margin-before": "margin-top",
    "overflow-inline": "overflow", "overflow-block": "overflow",
    "-webkit-transform": "transform", "-ms-transform": "transform", "-moz-transform": "transform",
    "-webkit-filter": "filter", "-webkit-opacity": "opacity", "-webkit-backface-visibility": "backface-visibility",
}  # fmt: skip
_LONGHANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "animation": tuple(ANIMATION),
    "-webkit-animation": tuple(ANIMATION),
    "background": ("background-color", "background-image"),
    "font": ("font-size", "font-weight", "line-height", "font-family"),
    "margin": ("margin-top", "margin-bottom", "margin-left"),
    "inset": ("top", "right", "bottom", "left"),
    "overflow-x": ("overflow",),
    "overflow-y": ("overflow",),
    "margin-inline": ("margin-left",),
    "margin-block": ("margin-top", "margin-bottom"),
    "inset-inline": ("left", "right"),
    "inset-block": ("top", "bottom"),
    **{other: (name,) for other, name in _OTHER_NAMES.items()},
}
READERS: Final[Mapping[str, _Read]] = {
    "display": _read_display,
    "visibility": _keyword("visible", "hidden", "collapse"),
    "content-visibility": _keyword("visible", "hidden", "auto"),
    "opacity": _read_number,
    "zoom": _read_number,
    "color": _read_colour,
    "-webkit-text-fill-color": _read_colour,
    "background-color": _read_colour,
    "background-image": _read_background_image,
    "background": _read_background,
    "background-size": _read_background_size,
    "background-position": _read_background_position,
    "background-clip": _read_background_clip,
    "-webkit-background-clip": _read_background_clip,
    "font": _read_font,
    "font-size": _read_font_size,
    "font-weight": _read_text,
    "font-family": _read_text,
    "letter-spacing": _read_length,
    "line-height": _read_line_height,
    "text-align": _read_text,
    "text-indent": _read_length,
    "white-space": _read_text,
    "position": _keyword("static", "relative", "absolute", "fixed", "sticky"),
    "left": _read_length,
    "top": _read_length,
    "right": _read_length,
    "bottom": _read_length,
    "inset": _read_inset,
    "margin": _read_sides,
    "margin-left": _read_length,
    "margin-top": _read_length,
    "margin-bottom": _read_length,
    "width": _read_length,
    "max-width": _read_length,
    "height": _read_length,
    "max-height": _read_length,
    "overflow": _read_overflow,
    "overflow-x": _read_overflow,
    "overflow-y": _read_overflow,
    "clip": _read_text,
    "clip-path": _read_text,
    "-webkit-clip-path": _read_text,
    "transform": _read_text,
    "scale": _read_text,
    "filter": _read_text,
    "mask": _trap(_masked),
    "mask-image": _trap(_masked),
    "-webkit-mask-image": _trap(_masked),
    "-webkit-mask": _trap(_masked),
    "mask-border": _trap(_masked),
    "-webkit-mask-box-image": _trap(_masked),
    **dict.fromkeys(("padding", "padding-left", "padding-right", "padding-top"), _trap(_far_inside)),
    **dict.fromkeys(("padding-inline", "padding-inline-start", "padding-inline-end"), _trap(_far_inside)),
    **dict.fromkeys(("padding-block", "padding-block-start", "-webkit-padding-start"), _trap(_far_inside)),
    **dict.fromkeys(("border-left", "border-top", "border-width", "border-left-width"), _trap(_far_inside)),
    **dict.fromkeys(("border-top-width", "border-inline-start", "border-inline-start-width"), _trap(_far_inside)),
    "word-spacing": _trap(_far_words),
    "vertical-align": _trap(_far_line),
    "offset": _trap(_on_path),
    "offset-path": _trap(_on_path),
    "font-size-adjust": _trap(_without_size),
    "-webkit-text-security": _trap(_dotted),
    "mix-blend-mode": _trap(_blended),
    "-webkit-text-stroke": _trap(_stroked),
    "-webkit-text-stroke-width": _trap(_stroked),
    "text-decoration": _trap(_struck),
    "text-decoration-thickness": _trap(_struck),
    "outline-offset": _trap(_outlined),
    "box-shadow": _trap(_filled_by_shadow),
    "-webkit-box-shadow": _trap(_filled_by_shadow),
    "grid-template": _trap(_without_tracks),
    "grid-template-rows": _trap(_without_tracks),
    "grid-template-columns": _trap(_without_tracks),
    "flex": _trap(_without_basis),
    "aspect-ratio": _trap(_flat_box),
    "color-scheme": _trap(_dark_scheme),
    "contain": _read_containment,
    "float": _keyword("left", "right", "none"),
    "line-clamp": _read_as("-webkit-line-clamp"),
    "-webkit-line-clamp": _read_number_of("-webkit-line-clamp"),
    "translate": _read_text,
    "rotate": _read_text,
    "backface-visibility": _keyword("hidden"),
    "min-width": _read_length,
    "min-height": _read_length,
    "margin-inline": _read_pair("margin-left", "margin-right"),
    "margin-block": _read_pair("margin-top", "margin-bottom"),
    "inset-inline": _read_pair("left", "right"),
    "inset-block": _read_pair("top", "bottom"),
    **{other: _read_as(name) for other, name in _OTHER_NAMES.items()},
    "z-index": _read_number,
    "mso-hide": _read_text,
    "border": _read_border,
    "content": _read_text,
    "direction": _keyword("ltr", "rtl"),
    "unicode-bidi": _read_text,
    "animation": _read_animation,
    "-webkit-animation": _read_animation,
    **dict.fromkeys(ANIMATION, _read_animated),
    **dict.fromkeys((f"-webkit-{name}" for name in ANIMATION), _read_animated),
}
_RELEVANT: Final = on_demand("--|" + "|".join(sorted(READERS, key=len, reverse=True)), re.IGNORECASE)


# --- values -----------------------------------------------------------------------------------------------------------

NUMBER: Final = on_demand(r"([-+]?(?:\d++\.?\d*+|\.\d++)(?:e[-+]?\d{1,3}+)?)(%|[a-z]{0,6})")
_WEIGHT: Final = on_demand(r"[1-9]\d{0,2}")
_PIXELS: Final[Mapping[str, float]] = {
    "": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "q": 0.945, "rem": 16.0,
    "vw": _WIDTH / 100, "vh": _HEIGHT / 100, "vmin": _HEIGHT / 100, "vmax": _WIDTH / 100,
    "svw": _WIDTH / 100, "svh": _HEIGHT / 100, "dvw": _WIDTH / 100, "dvh": _HEIGHT / 100,
    "lvw": _WIDTH / 100, "lvh": _HEIGHT / 100, "vi": _WIDTH / 100, "vb": _HEIGHT / 100, "rlh": 19.0,
}  # fmt: skip
_SCREEN: Final = frozenset(unit for unit in _PIXELS if unit[-2:-1] == "v" or unit in ("vmin", "vmax"))
_FONT_RELATIVE: Final[Mapping[str, float]] = {"em": 1.0, "ex": 0.5, "ch": 0.5, "cap": 0.7, "ic": 1.0, "lh": 1.2}
_SIZE_WORDS: Final[Mapping[str, float]] = {
    "xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0,
    "xx-large": 32.0, "xxx-large": 48.0,
}  # fmt: skip


def pixels(value: Value, size: float, whole: float = _BOX) -> float | None:
    """`value` in pixels, for a font of `size` and percentages of `whole`; None when it is not a length."""
    if not isinstance(value, Length):
        return None
    factor = _PIXELS.get(value.unit)
    if factor is None:
        factor = whole / 100 if value.unit == "%" else _FONT_RELATIVE[value.unit] * size
    # Huge numbers are clamped as browsers do, so that no product overflows.
    return max(-1e7, min(1e7, value.number * factor))


@lru_cache(maxsize=2048)
def length_of(value: str) -> Length | Unknown | str | None:
    match = NUMBER.fullmatch(value)
    if match:
        unit = match[2]
        # A number without a unit is a length in quirks mode, and mail is mostly that.
        return Length(bounded(match[1]), unit) if unit in _PIXELS or unit in _FONT_RELATIVE or unit == "%" else None
    if "(" in value:
        return _calculated(value)
    return value if value in ("auto", "none", "normal", "min-content", "max-content", "fit-content") else None


@lru_cache(maxsize=512)
def _font_size(value: str) -> Length | Unknown | None:
    if value in _SIZE_WORDS:
        return Length(_SIZE_WORDS[value], "px")
    if value in ("smaller", "larger"):
        return Length(0.83 if value == "smaller" else 1.2, "em")
    length = length_of(value)
    if isinstance(length, Length):
        return Length(length.number / 100, "em") if length.unit == "%" else length
    return length if isinstance(length, Unknown) else None


@lru_cache(maxsize=512)
def _line_height(value: str) -> Length | Unknown | str | None:
    """A bare number keeps the unit "", for it is inherited as a number (CSS 2.1 section 10.8.1)."""
    length = length_of(value)
    if isinstance(length, Length):
        if length.number < 0:
            return None
        if "(" in value and not re.search(r"\d(?:%|[a-z])", value):
            return Length(length.number, "")
        return Length(length.number / 100, "em") if length.unit == "%" else length
    return length if isinstance(length, Unknown) or value == "normal" else None


def bounded(text: str) -> float:
    number = float(text)
    return max(-1e7, min(1e7, number))


def number_of(value: str) -> float | Unknown | None:
    match = NUMBER.fullmatch(value)
    if match and match[2] in ("", "%"):
        return bounded(match[1]) / (100 if match[2] else 1)
    return Unknown(value) if "(" in value else None


_CALC_TOKEN: Final = on_demand(r"\s*(?:([a-z]*\()|([-+]?(?:\d++\.?\d*+|\.\d++)(?:%|[a-z]{0,6}))|([-+*/(),]))")


def _calculated(value: str) -> Length | Unknown | None:
    """calc(), min(), max() and clamp() (CSS Values 4 section 10), worked out for a 16 px font and the usual box."""
    if len(value) > 200:
        return Unknown(value)
    tokens: list[str] = []
    position = 0
    while position < len(value):
        match = _CALC_TOKEN.match(value, position)
        if match is None:
            return Unknown(value)
        tokens.append(match[0].strip())
        position = match.end()
    tokens.reverse()
    try:
        number = _term(tokens, 0)
    except (ValueError, ZeroDivisionError, IndexError):
        return Unknown(value)
    return Unknown(value) if tokens else Length(max(-1e7, min(1e7, number)), "px")


def _sum(tokens: list[str], depth: int) -> float:
    total = _product(tokens, depth)
    while tokens and tokens[-1] in ("+", "-"):
        sign = tokens.pop()
        other = _product(tokens, depth)
        total += other if sign == "+" else -other
    return total


def _product(tokens: list[str], depth: int) -> float:
    total = _term(tokens, depth)
    while tokens and tokens[-1] in ("*", "/"):
        sign = tokens.pop()
        other = _term(tokens, depth)
        total = total * other if sign == "*" else total / other
    return total


def _term(tokens: list[str], depth: int) -> float:
    token = tokens.pop()
    if token.endswith("("):
        if depth > 12:
            raise ValueError(token)
        values = [_sum(tokens, depth + 1)]
        while tokens and tokens[-1] == ",":
            tokens.pop()
            values.append(_sum(tokens, depth + 1))
        if tokens.pop() != ")":
            raise ValueError(token)
        name = token[:-1]
        if name == "min":
            return min(values)
        if name == "max":
            return max(values)
        if name == "clamp" and len(values) == 3:
            return max(values[0], min(values[1], values[2]))
        if name in ("", "calc", "-webkit-calc", "abs") and len(values) == 1:
            return abs(values[0]) if name == "abs" else values[0]
        raise ValueError(token)
    length = length_of(token)
    number = pixels(length, 16.0) if isinstance(length, Length) else None
    if number is None:
        raise ValueError(token)
    return number


_HEX: Final = on_demand(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_RGB: Final = on_demand(r"rgba?\( ?(\d{1,3}) ?[, ] ?(\d{1,3}) ?[, ] ?(\d{1,3}) ?(?:[,/] ?(\d?\.?\d{1,6}) ?)?\)")
# System colours as a light desktop shows them (CSS Color 4 section 6.2).
_SYSTEM: Final[Mapping[str, Colour]] = {
    "canvas": WHITE, "canvastext": BLACK, "window": WHITE, "windowtext": BLACK, "linktext": LINK,
    "field": WHITE, "fieldtext": BLACK, "buttontext": BLACK, "infobackground": WHITE, "infotext": BLACK,
    "menu": WHITE, "menutext": BLACK, "background": WHITE,
    "buttonface": Colour(239.0, 239.0, 239.0), "graytext": Colour(109.0, 109.0, 109.0),
}  # fmt: skip


@lru_cache(maxsize=2048)
def colour_of(value: str) -> Colour | Unknown | str | None:
    """The colour that `value` (lower case, whitespace folded) names; "currentcolor"; None when it is no colour."""
    if _HEX.fullmatch(value):
        digits = value[1:]
        if len(digits) < 6:
            digits = "".join(digit * 2 for digit in digits)
        alpha = int(digits[6:], 16) / 255 if len(digits) == 8 else 1.0
        return Colour(float(int(digits[:2], 16)), float(int(digits[2:4], 16)), float(int(digits[4:6], 16)), alpha)
    match = _RGB.fullmatch(value)
    if match:
        red, green, blue = (min(255.0, float(match[index])) for index in (1, 2, 3))
        return Colour(red, green, blue, min(1.0, float(match[4])) if match[4] else 1.0)
    if value == "currentcolor":
        return value
    if value in _SYSTEM:
        return _SYSTEM[value]
    if value.isalpha() or "(" in value:
        return _other_colour(value)
    return None


def _other_colour(value: str) -> Colour | Unknown | None:
    if len(value) > 200:
        return Unknown(value)
    import tinycss2.color4

    parsed = tinycss2.color4.parse_color(value)
    if parsed is None:
        if value.startswith(("color-mix(", "light-dark(")):
            return _composed_colour(value)
        # An unknown word is invalid and dropped by browsers; a function may be one of a newer standard.
        return Unknown(value) if "(" in value and not value.startswith("url(") else None
    if isinstance(parsed, str):
        return None
    try:
        # A component that is "none" counts as zero (CSS Color 4 section 4.4).
        first, second, third = (float(part or 0.0) for part in parsed.coordinates)
        alpha = float(parsed.alpha if parsed.alpha is not None else 0.0)
        space = parsed.space
        if space in ("srgb", "hsl", "hwb"):
            red, green, blue = (float(part or 0.0) for part in parsed.to("srgb").coordinates)
        else:
            red, green, blue = (_encoded(part) for part in _linear_light(space, first, second, third))
    except (NotImplementedError, TypeError, ValueError, OverflowError):
        return Unknown(value)
    channels = [max(0.0, min(255.0, channel * 255)) for channel in (red, green, blue)]
    return Colour(channels[0], channels[1], channels[2], max(0.0, min(1.0, alpha)))


def _composed_colour(value: str) -> Colour | Unknown:
    """light-dark(), of which a light screen shows the first, and color-mix() (CSS Color 5), mixed in sRGB whatever
    space is asked for: near enough to tell whether a text stands out."""
    parts = [part.strip() for part in _commas(value[value.index("(") + 1 :].removesuffix(")"))]
    if value.startswith("light-dark(") and len(parts) == 2:
        only = colour_of(parts[0])
        return only if isinstance(only, Colour) else Unknown(value)
    if len(parts) != 3 or not parts[0].startswith("in "):
        return Unknown(value)
    mixed: list[Colour] = []
    shares: list[float | None] = []
    for part in parts[1:]:
        words = _words(part)
        share = next((number_of(word) for word in words if word.endswith("%")), None)
        colour = colour_of(" ".join(word for word in words if not word.endswith("%")))
        if not isinstance(colour, Colour):
            return Unknown(value)
        mixed.append(colour)
        shares.append(max(0.0, share) if isinstance(share, float) else None)
    one, two = shares
    left = one if one is not None else 1 - two if two is not None else 0.5
    right = two if two is not None else 1 - left
    whole = left + right
    if whole <= 0:
        return Unknown(value)
    alpha = (mixed[0].alpha * left + mixed[1].alpha * right) / whole
    weights = [mixed[0].alpha * left / whole, mixed[1].alpha * right / whole]
    total = sum(weights) or 1.0
    red, green, blue = (
        (a * weights[0] + b * weights[1]) / total for a, b in zip(mixed[0][:3], mixed[1][:3], strict=True)
    )
    return Colour(red, green, blue, max(0.0, min(1.0, alpha * min(1.0, whole))))


def _commas(text: str) -> list[str]:
    """Split at commas outside of parentheses."""
    parts = [""]
    depth = 0
    for piece in re.split(r"([(),])", text):
        depth += (piece == "(") - (piece == ")")
        if piece == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


_Matrix: TypeAlias = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
# The matrices of CSS Color 4 section 18; D50 is adapted to D65 by Bradford.
_FROM_XYZ: Final[_Matrix] = (
    (3.2409699419, -1.5373831776, -0.4986107603),
    (-0.9692436363, 1.8759675015, 0.0415550574),
    (0.0556300797, -0.2039769589, 1.0569715142),
)
_TO_D65: Final[_Matrix] = (
    (0.9554734527, -0.0230985368, 0.0632593086),
    (-0.0283697070, 1.0099954580, 0.0210413990),
    (0.0123140016, -0.0205076964, 1.3303659009),
)
_TO_XYZ: Final[Mapping[str, _Matrix]] = {
    "display-p3": (
        (0.4865709486, 0.2656676932, 0.1982172852),
        (0.2289745641, 0.6917385218, 0.0792869141),
        (0.0, 0.0451133819, 1.0439443689),
    ),
    "a98-rgb": (
        (0.5766690429, 0.1855582379, 0.1882286462),
        (0.2973449753, 0.6273635663, 0.0752914585),
        (0.0270313614, 0.0706888525, 0.9913375368),
    ),
    "rec2020": (
        (0.6369580483, 0.1446169036, 0.1688809752),
        (0.2627002120, 0.6779980715, 0.0593017165),
        (0.0, 0.0280726930, 1.0609850577),
    ),
    "prophoto-rgb": (
        (0.7977604896, 0.1351858351, 0.0313493496),
        (0.2880711282, 0.7118432178, 0.0000856540),
        (0.0, 0.0, 0.8251046026),
    ),
}
_LMS: Final[_Matrix] = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_FROM_LMS: Final[_Matrix] = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)
_Triple: TypeAlias = tuple[float, float, float]


def _times(matrix: _Matrix, vector: _Triple) -> _Triple:
    x, y, z = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return x, y, z


def _linear_light(space: str, first: float, second: float, third: float) -> _Triple:
    """A colour of one of the spaces of CSS Color 4 as linear sRGB; what lies outside of it is not brought in."""
    first, second, third = (max(-1e3, min(1e3, part)) for part in (first, second, third))
    if space in ("lch", "oklch"):
        angle = math.radians(third)
        second, third = second * math.cos(angle), second * math.sin(angle)
    if space in ("oklab", "oklch"):
        long, middle, short = _times(_LMS, (first, second, third))
        return _times(_FROM_LMS, (long**3, middle**3, short**3))
    if space in ("lab", "lch"):
        y = (first + 16) / 116
        x, z = y + second / 500, y - third / 200
        scaled = [part**3 if part > 6 / 29 else (part - 4 / 29) * 108 / 841 for part in (x, y, z)]
        return _times(_FROM_XYZ, _times(_TO_D65, (scaled[0] * 0.9642956764, scaled[1], scaled[2] * 0.8251046025)))
    if space == "srgb-linear":
        return first, second, third
    if space in ("xyz", "xyz-d65"):
        return _times(_FROM_XYZ, (first, second, third))
    if space == "xyz-d50":
        return _times(_FROM_XYZ, _times(_TO_D65, (first, second, third)))
    if space not in _TO_XYZ:
        raise ValueError(space)
    curve = {"a98-rgb": 563 / 256, "prophoto-rgb": 1.8, "rec2020": 2.4}.get(space)
    light = [
        math.copysign(abs(part) ** curve, part) if curve else math.copysign(_decoded(abs(part)), part)
        for part in (first, second, third)
    ]
    xyz = _times(_TO_XYZ[space], (light[0], light[1], light[2]))
    return _times(_FROM_XYZ, _times(_TO_D65, xyz) if space == "prophoto-rgb" else xyz)


def _decoded(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _encoded(channel: float) -> float:
    channel = max(0.0, min(1.0, channel))
    return channel * 12.92 if channel <= 0.0031308 else float(1.055 * channel ** (1 / 2.4) - 0.055)


def legacy_colour(value: str) -> Colour | None:
    """bgcolor, text, link and <font color>: HTML, "rules for parsing a legacy color value"."""
    value = value.strip().lower()
    if not value or value == "transparent":
        return None
    known = colour_of(value)
    if isinstance(known, Colour) and "(" not in value:
        return known._replace(alpha=1.0)
    digits = re.sub(r"[^0-9a-f]", "0", value[:128].removeprefix("#"))
    digits += "0" * (-len(digits) % 3 or (3 if not digits else 0))
    third = len(digits) // 3
    parts = [digits[index * third : (index + 1) * third][-8:] for index in range(3)]
    while len(parts[0]) > 2 and all(part[0] == "0" for part in parts):
        parts = [part[1:] for part in parts]
    return Colour(*(float(int(part[:2], 16)) for part in parts))


def _words(value: str) -> list[str]:
    """Split at blanks outside of parentheses."""
    if "(" not in value:
        return value.split()
    words: list[str] = []
    depth = 0
    current = ""
    for part in re.split(r"([() ])", value):
        if part == " " and depth == 0:
            if current:
                words.append(current)
            current = ""
        else:
            depth += (part == "(") - (part == ")")
            current += part
    if current:
        words.append(current)
    return words


def _without_gradients(value: str) -> str:
    return " ".join(word for word in _words(value) if "gradient(" not in word)


_GRADIENT: Final = on_demand(r"[a-z-]*gradient\(")


def _gradient_stops(value: str) -> Gradient:
    """The colours of the gradients in a background, and whether a picture is there too."""
    picture = "(" in value and _pictured(value)
    if "gradient(" not in value:
        return Gradient((), picture)
    stops: list[Colour | Unknown] = []
    inside = _GRADIENT.sub(" ", value[:2000])
    for word in re.findall(r"#[0-9a-f]{3,8}|[a-z-]+\([^()]*\)|[a-z]+", inside):
        colour = colour_of(re.sub(r" ?([,/]) ?", r"\1", word)) if not word.startswith("url(") else None
        if isinstance(colour, Colour | Unknown):
            stops.append(colour)
    return Gradient(tuple(stops[:16]) or (Unknown(value[:100]),), picture)


# --- media queries ----------------------------------------------------------------------------------------------------

_MEDIA_WORD: Final = on_demand(r"\s*(\(|\)|[^\s()]+)")
_PLAIN_FEATURES: Final[Mapping[str, frozenset[str]]] = {
    "prefers-color-scheme": frozenset({"light", "no-preference"}),
    "prefers-reduced-motion": frozenset({"no-preference"}),
    "prefers-contrast": frozenset({"no-preference"}),
    "prefers-reduced-data": frozenset({"no-preference"}),
    "forced-colors": frozenset({"none"}),
    "inverted-colors": frozenset({"none"}),
    "orientation": frozenset({"landscape"}),
    "hover": frozenset({"hover", ""}),
    "any-hover": frozenset({"hover", ""}),
    "pointer": frozenset({"fine", ""}),
    "any-pointer": frozenset({"fine", ""}),
    "update": frozenset({"fast", ""}),
    "scripting": frozenset({"none"}),
    "display-mode": frozenset({"browser", ""}),
    "dynamic-range": frozenset({"standard", ""}),
    "color-gamut": frozenset({"srgb", ""}),
    "overflow-block": frozenset({"scroll", ""}),
    "overflow-inline": frozenset({"scroll", ""}),
    "scan": frozenset({"progressive"}),
    "transform-3d": frozenset({"1", ""}),
}
_NUMBERS: Final[Mapping[str, float]] = {
    "width": _WIDTH, "height": _HEIGHT, "device-width": _WIDTH, "device-height": _HEIGHT,
    "color": 8.0, "color-index": 0.0, "monochrome": 0.0, "grid": 0.0, "aspect-ratio": _WIDTH / _HEIGHT,
    "device-aspect-ratio": _WIDTH / _HEIGHT, "resolution": 1.0, "device-pixel-ratio": 1.0,
}  # fmt: skip


@lru_cache(maxsize=512)
def media_matches(query: str) -> bool | None:
    """Whether the usual desktop screen matches; None where the query is of a form that is not understood.

    A feature nobody knows is false, as Media Queries 4 section 3.2 says of "unknown"."""
    query = _SPACE.sub(" ", query).strip().lower()
    if not query:
        return True
    if len(query) > 2000:
        return None
    verdicts = [_media_query(part) for part in query.split(",")]
    return True if True in verdicts else None if None in verdicts else False


def _media_query(query: str) -> bool | None:
    words = _MEDIA_WORD.findall(query)
    negated = False
    verdict: bool | None = True
    index = 0
    if words and words[0] in ("not", "only"):
        negated = words[0] == "not"
        index = 1
    if index < len(words) and words[index] != "(":
        verdict = words[index] in ("all", "screen")
        index += 1
    while index < len(words):
        if words[index] == "and":
            index += 1
            continue
        if words[index] != "(" or ")" not in words[index:]:
            return None
        closing = words.index(")", index)
        inner = words[index + 1 : closing]
        if "(" in inner:
            return None
        feature = _media_feature(" ".join(inner))
        verdict = False if feature is False or verdict is False else None if feature is None else verdict
        index = closing + 1
    return verdict if verdict is None or not negated else not verdict


def _media_feature(feature: str) -> bool | None:
    if "<" in feature or ">" in feature or "=" in feature:
        return _media_range(feature)
    name, _, value = (part.strip() for part in feature.partition(":"))
    name = re.sub(r"^-(?:webkit|moz|o|ms)-", "", name)
    low, high = "min-" in name, "max-" in name
    name = re.sub(r"^-+|(?:min|max)-+", "", name)
    if name in _PLAIN_FEATURES:
        return value in _PLAIN_FEATURES[name]
    if name not in _NUMBERS:
        return False
    ours = _NUMBERS[name]
    if not value:
        return ours > 0
    asked = _media_number(value)
    if asked is None:
        return False
    return ours >= asked if low else ours <= asked if high else ours == asked


def _media_range(feature: str) -> bool | None:
    parts = [part.strip() for part in re.split(r"(<=|>=|<|>|=)", feature)]
    for left, sign, right in zip(parts[::2], parts[1::2], parts[2::2], strict=False):
        one = _NUMBERS.get(left, _media_number(left))
        other = _NUMBERS.get(right, _media_number(right))
        if one is None or other is None:
            return None
        holds = {"<=": one <= other, ">=": one >= other, "<": one < other, ">": one > other, "=": one == other}[sign]
        if not holds:
            return False
    return True


def _media_number(value: str) -> float | None:
    whole, slash, part = value.partition("/")
    try:
        if slash:
            return float(whole) / float(part)
        match = re.fullmatch(r"([-+]?[\d.]+)\s*(dppx|x|dpi|dpcm)", value)
        if match:
            return float(match[1]) * {"dppx": 1.0, "x": 1.0, "dpi": 1 / 96, "dpcm": 1 / 37.8}[match[2]]
    except (ValueError, ZeroDivisionError):
        return None
    return pixels(length_of(value) or "", 16.0)


# --- selectors --------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Element:
    """What selectors look at: an element among its ancestors (`parent`) and elder siblings (`elder`)."""

    tag: str
    attributes: Mapping[str, str | None]
    parent: Element | None = None
    elder: Element | None = None
    identity: str = ""
    classes: frozenset[str] = frozenset()
    folded: str = ""
    """`identity` in lower case, where cases are the same."""


class Compound(NamedTuple):
    """`joint` says how the next compound to the left is related: " ", ">", "+", "~" or "" at the left end."""

    joint: str
    tag: str
    identity: str
    classes: frozenset[str]
    attributes: tuple[tuple[str, str, str, bool], ...]
    first: bool
    denied: tuple[Compound, ...]


class Selector(NamedTuple):
    """Compounds from right to left. `sure` is False where some part could not be understood and was left out."""

    compounds: tuple[Compound, ...]
    specificity: tuple[int, int, int]
    sure: bool


_NAME: Final = r"(?:[-\w]|[^\x00-\x7f]|\\(?:[0-9a-fA-F]{1,6}[ \t\n]?|[^\n0-9a-fA-F]))++"
_SIMPLE: Final = on_demand(
    rf"(?P<tag>\*|{_NAME})|\#(?P<id>{_NAME})|\.(?P<cls>{_NAME})|::?(?P<pseudo>{_NAME})(?P<args>\()?"
    rf"""|\[\s*+(?P<attr>{_NAME})\s*+(?:(?P<op>[~|^$*]?=)\s*+(?:"(?P<dq>[^"\\]*+)"|'(?P<sq>[^'\\]*+)'"""
    rf"""|(?P<bare>{_NAME}))\s*+(?P<flag>[is])?\s*+)?\]"""
)
_JOINT: Final = on_demand(r"\s*([>+~,])\s*|\s+")
_ESCAPE: Final = on_demand(r"\\(?:([0-9a-fA-F]{1,6})[ \t\n]?|(.))")
# What never holds on a page nobody has touched yet; and what draws beside the text instead of styling it.
_NEVER: Final = names(
    "hover active focus focus-visible focus-within visited target checked before after "
    "selection placeholder marker backdrop -ms-clear -ms-expand -moz-focus-inner -webkit-scrollbar disabled "
    "placeholder-shown fullscreen autofill"
)
# What a selector of a later standard, or with a namespace, may go on with.
_LATER: Final = ":&|["
_ALWAYS: Final = frozenset({"link", "any-link", "-webkit-any-link", "scope", "enabled"})


def _unescape(name: str) -> str:
    if "\\" not in name:
        return name
    return _ESCAPE.sub(lambda m: chr(min(int(m[1], 16), 0x10FFFF)) if m[1] else m[2], name)


@lru_cache(maxsize=2048)
def selectors(prelude: str) -> tuple[Selector, ...]:
    """The selectors of a rule. One that is not understood comes back as one that may match anything, `sure` False."""
    found: list[Selector] = []
    position = 0
    prelude = prelude.strip()
    while position < len(prelude):
        try:
            selector, position = _selector(prelude, position)
        except _NoSelector:
            # One invalid selector makes browsers drop the whole rule (Selectors 4 section 3.9).
            return ()
        if selector is not None:
            found.append(selector)
    return tuple(found)


class _NoSelector(Exception):
    pass


def _selector(text: str, position: int) -> tuple[Selector | None, int]:
    compounds: list[Compound] = []
    ids = classes = tags = 0
    sure = True
    never = False
    joint = ""
    while True:
        compound, position, understood, impossible = _compound(text, position, joint)
        sure = sure and understood
        never = never or impossible
        compounds.append(compound)
        ids += bool(compound.identity)
        classes += len(compound.classes) + len(compound.attributes) + compound.first + len(compound.denied)
        tags += compound.tag not in ("", "*")
        match = _JOINT.match(text, position)
        if match is None:
            if position < len(text):
                if text[position] not in _LATER:
                    raise _NoSelector
                sure = False
                comma = text.find(",", position)
                position = len(text) if comma < 0 else comma + 1
            break
        position = match.end()
        if match[1] == ",":
            break
        if position >= len(text):
            break
        joint = match[1] or " "
        if len(compounds) > 32:
            return Selector((_ANYTHING,), (0, 0, 0), False), len(text)
    if never:
        return None, position
    return Selector(tuple(reversed(compounds)), (ids, classes, tags), sure), position


_ANYTHING: Final = Compound("", "", "", frozenset(), (), False, ())


def _compound(text: str, position: int, joint: str) -> tuple[Compound, int, bool, bool]:
    """One compound selector: itself, where it ends, whether all of it was understood, whether it never matches."""
    tag = identity = ""
    classes: set[str] = set()
    attributes: list[tuple[str, str, str, bool]] = []
    denied: list[Compound] = []
    understood = True
    impossible = first = False
    begin = position
    while match := _SIMPLE.match(text, position):
        if match["tag"] is not None and position != begin:
            break
        position = match.end()
        if match["tag"] is not None:
            tag = _unescape(match["tag"]).lower()
        elif match["id"] is not None:
            identity = _unescape(match["id"])
        elif match["cls"] is not None:
            classes.add(_unescape(match["cls"]))
        elif match["attr"] is not None:
            quoted = match["dq"] if match["dq"] is not None else match["sq"]
            value = quoted if quoted is not None else _unescape(match["bare"] or "")
            attributes.append((_unescape(match["attr"]).lower(), match["op"] or "", value, match["flag"] == "i"))
        else:
            pseudo = match["pseudo"].lower()
            arguments = ""
            if match["args"]:
                closing = _closing(text, position)
                arguments = text[position:closing].strip()
                position = closing + 1
            if pseudo == "root":
                tag = tag or "html"
            elif pseudo == "first-child":
                first = True
            elif pseudo == "not" and arguments:
                inner = selectors(arguments) if len(arguments) < 200 else ()
                if inner and all(each.sure and len(each.compounds) == 1 for each in inner):
                    denied += [each.compounds[0] for each in inner]
                else:
                    understood = False
            elif pseudo in _NEVER:
                impossible = True
            elif pseudo not in _ALWAYS:
                understood = False
    if position == begin:
        if begin < len(text) and text[begin] not in _LATER:
            raise _NoSelector
        understood = False
    return (
        Compound(joint, tag, identity, frozenset(classes), tuple(attributes), first, tuple(denied)),
        position,
        understood,
        impossible,
    )


def _closing(text: str, position: int) -> int:
    depth = 1
    for match in re.compile(r"[()]").finditer(text, position):
        depth += 1 if match[0] == "(" else -1
        if depth == 0:
            return match.start()
    return len(text)


def fits(compound: Compound, element: Element) -> bool:
    if compound.tag and compound.tag != "*" and compound.tag != element.tag:
        return False
    if compound.identity and compound.identity != element.identity and compound.identity != element.folded:
        return False
    if compound.classes and not compound.classes <= element.classes:
        return False
    if compound.first and element.elder is not None:
        return False
    for name, operator, wanted, folded in compound.attributes:
        if name not in element.attributes:
            return False
        value = element.attributes[name] or ""
        if folded:
            value, wanted = value.lower(), wanted.lower()
        if operator and not _compare(operator, value, wanted):
            return False
    return not any(fits(denied, element) for denied in compound.denied)


def _compare(operator: str, value: str, wanted: str) -> bool:
    if operator == "=":
        return value == wanted
    if operator == "~=":
        return wanted in value.split()
    if operator == "|=":
        return value == wanted or value.startswith(wanted + "-")
    if not wanted:
        return False
    if operator == "^=":
        return value.startswith(wanted)
    if operator == "$=":
        return value.endswith(wanted)
    return wanted in value


# --- style sheets -----------------------------------------------------------------------------------------------------


# Each is like itself alone: they are parts of keys, and to hash one by what is in it would take long.
@dataclass(slots=True, eq=False)
class Rule:
    """`sure` False: it applies only as far as it hides, since we cannot tell whether a reader's program obeys it."""

    selector: Selector
    declared: tuple[Declaration, ...]
    order: int
    sure: bool


_COMMENT: Final = on_demand(r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)")
_STRING: Final = r"""(?:"[^"\\\n]*+"|'[^'\\\n]*+')"""
# Brackets must be in pairs (two deep is plain enough): one left open swallows what follows it.
_ROUND: Final = rf"""\((?:[^(){{}}\[\]"'\\@;]|{_STRING}|\((?:[^(){{}}\[\]"'\\@;]|{_STRING})*+\))*+\)"""
_SQUARE: Final = rf"""\[(?:[^(){{}}\[\]"'\\@;]|{_STRING})*+\]"""
_BLOCK_TEXT: Final = rf"""(?:[^{{}}()\[\]"'\\@]|{_STRING}|{_ROUND})*+"""
_PRELUDE: Final = rf"""(?:[^{{}}()\[\]@;"'\\<]|{_STRING}|{_ROUND}|{_SQUARE})*+"""
_PLAIN_RULE: Final = on_demand(rf"\s*+(?:<!--|-->)?\s*+({_PRELUDE})\{{({_BLOCK_TEXT})\}}")
_PLAIN_MEDIA: Final = on_demand(rf"\s*+(?:<!--)?\s*+@media\b((?:[^{{}}()\[\]@;\"'\\]|{_ROUND})*+)\{{", re.IGNORECASE)
_PLAIN_SKIP: Final = on_demand(
    rf"\s*+(?:@(?:import|charset|namespace)\b(?:[^{{}}()\[\]@;\"'\\]|{_STRING}|{_ROUND})*+;"
    rf"|@(?:font-face|page|-ms-viewport|viewport|counter-style)\b[^{{}}()\[\]@;\"'\\]*+\{{{_BLOCK_TEXT}\}}|-->|<!--)",
    re.IGNORECASE,
)


_FONT_FACE: Final = on_demand(r"@font-face\b[^{}]*+\{([^{}]*+)\}", re.IGNORECASE)
_FONT_NAME: Final = on_demand(r"font-family\s*+:\s*+([^;]*+)", re.IGNORECASE)
_DATA_URL: Final = on_demand(r"url\(\s*+(?:\"data:[^\"\n]*+\"|'data:[^'\n]*+'|data:[^()'\"\n]*+)\s*+\)", re.IGNORECASE)
_DATA_IMPORT: Final = on_demand(
    r"@import\s*+(?:url\(\s*+)?(?:\"(data:[^\"]*+)\"|'(data:[^']*+)'|(data:[^)\s]*+))", re.IGNORECASE
)


def data_text(address: str) -> str:
    """The text in a data: address (RFC 2397), "" where there is none to be read."""
    head, _, body = address[:_SHEET_CHARS].partition(",")
    plain = unquote_to_bytes(body)
    if head.strip().lower().endswith(";base64"):
        try:
            plain = b64decode(re.sub(rb"[^A-Za-z0-9+/]", b"", plain) + b"==")
        except ValueError:
            return ""
    return plain.decode("utf-8", "replace")


def imported(sheet: str) -> list[str]:
    """The style sheets that `sheet` carries within data: addresses, three levels deep. Others are never fetched."""
    found: list[str] = []
    level = [sheet]
    for _ in range(3):
        level = [
            data_text(double or single or bare)
            for text in level
            if "data:" in text.lower()
            for double, single, bare in _DATA_IMPORT.findall(_unescape(text))[:20]
        ]
        found += level
    return found[:40]


class _TooMuch(Exception):
    pass


@lru_cache(maxsize=64)
def read_sheet(text: str) -> tuple[tuple[str, tuple[Declaration, ...], bool], ...] | None:
    """The rules of a style sheet that matter here: selector text, declarations, whether they surely apply.

    None when it is too long to be read or has more rules than RULES_CAP."""
    rules: list[tuple[str, tuple[Declaration, ...], bool]] = []
    if "data:" in text:
        # Such fonts may draw any letter as any other one; programs that load others ask before they do.
        for block in _FONT_FACE.findall(text):
            if _DATA_URL.search(block) and (named := _FONT_NAME.search(block)):
                rules.append(("@", (Declaration("font", font_name(named[1]), False),), True))
        text = _DATA_URL.sub("url(data:x)", text)
    fonts = rules[:100]
    if len(text) > _SHEET_CHARS:
        return None
    try:
        if "\\" in text or not _plain_sheet(text, rules):
            if len(text) > _SLOW_CHARS:
                return None
            import tinycss2

            rules[:] = fonts
            parsed = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
            _parsed_rules(parsed, rules, True, 0)
    except _TooMuch:
        return None
    return tuple(rules)


def font_name(name: str) -> str:
    return name.strip().strip("'\"").strip().lower()


def _plain_sheet(text: str, rules: list[tuple[str, tuple[Declaration, ...], bool]]) -> bool:
    """The short way through a sheet without escapes, strange strings or stray braces; False when it is not plain."""
    if "/*" in text:
        if "'/*" in text or '"/*' in text:
            return False
        text = _COMMENT.sub(" ", text)
    applies: bool | None = True
    inside = False
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _PLAIN_RULE.match(text, position)
        if match is not None:
            position = match.end()
            if applies is not False:
                _add_rule(match[1], match[2], applies is True, rules)
            elif "content" in match[2] and ":" in match[1] and (declared := declarations(match[2])):
                written = tuple(one for one in declared if one.name in ("content", "attr"))
                if written:
                    _keep_rule(match[1], written, False, rules)
            continue
        if inside and (closing := _CLOSE.match(text, position)):
            position = closing.end()
            inside = False
            applies = True
            continue
        media = None if inside else _PLAIN_MEDIA.match(text, position)
        if media is not None:
            position = media.end()
            inside = True
            applies = media_matches(media[1])
            continue
        skipped = _PLAIN_SKIP.match(text, position)
        if skipped is None:
            return False
        position = skipped.end()
    return not inside


_CLOSE: Final = on_demand(r"\s*\}")


def _add_rule(prelude: str, block: str, sure: bool, rules: list[tuple[str, tuple[Declaration, ...], bool]]) -> None:
    if not _RELEVANT.search(block):
        return
    declared = declarations(block)
    if declared is None:
        raise _TooMuch
    _keep_rule(prelude.strip(), declared, sure, rules)


def _keep_rule(
    prelude: str,
    declared: tuple[Declaration, ...],
    sure: bool,
    rules: list[tuple[str, tuple[Declaration, ...], bool]],
) -> None:
    if any(one.name in _WRITING for one in declared):
        # What stands before or after an element is drawn by some programs only, so it is no text of the mail; it is
        # kept, whichever elements it would stand at, with the name "@" that no animation has.
        if ":" in prelude:
            rules.append(("@", tuple(one for one in declared if one.name in _WRITING), sure))
        declared = tuple(one for one in declared if one.name not in ("content", "attr"))
    if declared:
        rules.append((prelude, declared, sure))
    if len(rules) > RULES_CAP:
        raise _TooMuch


_WRITING: Final = names("content attr replaced")


def _parsed_rules(
    items: Iterable[object],
    rules: list[tuple[str, tuple[Declaration, ...], bool]],
    sure: bool,
    depth: int,
    outer: str = "",
) -> None:
    import tinycss2

    if depth > 8:
        raise _TooMuch
    for item in items:
        kind = item.type  # type: ignore[attr-defined]
        if kind == "qualified-rule":
            prelude = tinycss2.serialize(item.prelude).strip()  # type: ignore[attr-defined]
            if outer:
                # Nested rules (CSS Nesting 1): understood by new programs only.
                prelude = prelude.replace("&", outer) if "&" in prelude else f"{outer} {prelude}"
                if "," in outer or len(prelude) > 2000:
                    prelude = "*"
            declared: list[Declaration] = []
            nested: list[object] = []
            for part in tinycss2.parse_blocks_contents(item.content, skip_comments=True, skip_whitespace=True):  # type: ignore[attr-defined]
                if part.type == "declaration":
                    name = part.name if part.name.startswith("--") else part.lower_name
                    expand(name, _flat(part.value, kept=name == "content"), bool(part.important), declared)
                elif part.type in ("qualified-rule", "at-rule"):
                    nested.append(part)
            _keep_rule(prelude, tuple(declared), sure, rules)
            if nested:
                _parsed_rules(nested, rules, False, depth + 1, prelude)
        elif kind == "at-rule" and item.content is not None:  # type: ignore[attr-defined]
            name = item.lower_at_keyword  # type: ignore[attr-defined]
            if name in _KEYFRAMES:
                named = "".join(getattr(token, "value", "") for token in item.prelude).strip().lower()  # type: ignore[attr-defined]
                rules.append((f"@{named}", _frames(item.content), sure))  # type: ignore[attr-defined]
                if len(rules) > RULES_CAP:
                    raise _TooMuch
                continue
            if name in _WITHOUT_STYLE:
                continue
            applies = media_matches(tinycss2.serialize(item.prelude)) if name == "media" else None  # type: ignore[attr-defined]
            inner = tinycss2.parse_blocks_contents(item.content, skip_comments=True, skip_whitespace=True)  # type: ignore[attr-defined]
            if applies is False:
                unheard: list[tuple[str, tuple[Declaration, ...], bool]] = []
                _parsed_rules(inner, unheard, False, depth + 1, outer)
                rules += [rule for rule in unheard if rule[0] == "@"]
            else:
                # @supports, @layer, @container and whatever comes next: obeyed by some programs, unknown to others.
                _parsed_rules(inner, rules, sure and applies is True, depth + 1, outer)


def _frames(content: object) -> tuple[Declaration, ...]:
    """The frames of an animation from first to last, each behind a declaration of the name "@" that says where."""
    import tinycss2

    frames: dict[float, list[Declaration]] = {}
    for item in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
        if item.type != "qualified-rule":
            continue
        declared: list[Declaration] = []
        for part in tinycss2.parse_blocks_contents(item.content, skip_comments=True, skip_whitespace=True):
            # What is !important in a frame is invalid (CSS Animations 1 section 3).
            if part.type == "declaration" and not part.important:
                expand(part.lower_name, _flat(part.value), False, declared)
        for word in _flat(item.prelude).lower().split(",")[:16]:
            where = {"from": 0.0, "to": 1.0}.get(word.strip(), number_of(word.strip()) if "%" in word else None)
            if isinstance(where, float) and 0 <= where <= 1 and (where in frames or len(frames) < _FRAMES_CAP):
                frames.setdefault(where, []).extend(declared)
    return tuple(one for where in sorted(frames) for one in (Declaration("@", where, False), *frames[where]))


_FRAMES_CAP: Final = 64
_KEYFRAMES: Final = names("keyframes -webkit-keyframes")
_WITHOUT_STYLE: Final = names(
    "font-face -moz-keyframes -o-keyframes page counter-style property -ms-viewport "
    "viewport font-feature-values font-palette-values"
)
