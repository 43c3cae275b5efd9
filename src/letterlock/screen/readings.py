"""What disguised text says: encoded (base64, hex, percent signs, escapes, rot13, ...) or with its words undone.

`readings(text)` gives each with the place it stands in; look-alike letters are undone by message.characters.fold. For
scoring only, never shown. Most text has none of it, and to see that takes a few looks at a row of bytes. Linear.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote, unquote_plus

from letterlock.patterns import on_demand
from letterlock.screen.lexicon import meaning


class Reading(NamedTuple):
    """`text` is what stands between `start` and `end` once its disguise is undone; `coded`: it was written in a code,
    rather than with its letters pulled apart or its words run together."""

    text: str
    start: int
    end: int
    coded: bool


def is_prose(text: str) -> bool:
    """Whether `text` is words with blanks between rather than data."""
    return " " in text and sum(c.isalpha() or c == " " for c in text) >= 0.8 * len(text)


_DEEPEST: Final = 3
"""Codes within codes that are undone."""
_MOST_CHARS: Final = 200_000
"""Of all readings of a text together."""
_LONGEST: Final = 40_000
_MOST_PARTED: Final = 40_000
"""Characters of words to be parted, each of which is looked at with all that could begin there."""


@lru_cache(maxsize=32)
def readings(text: str) -> tuple[Reading, ...]:
    """What `text` says under its disguises, codes within codes too. Parts that say nothing so are left out."""
    found: list[Reading] = []
    around = [Reading(text, 0, len(text), False)]
    left = _MOST_CHARS
    seen = {text}
    for depth in range(_DEEPEST):
        inner: list[Reading] = []
        for outer in around:
            for reading in _of(outer.text):
                if left <= 0:
                    return tuple(found)
                if reading.text in seen:
                    continue
                seen.add(reading.text)
                left -= len(reading.text)
                inner.append(
                    reading
                    if not depth
                    else Reading(reading.text, outer.start, outer.end, reading.coded or outer.coded)
                )
        found += inner
        around = inner
        if not inner:
            break
    return tuple(found)


# Letters, digits, what may stand in base64 beside them, a question mark for what is not ASCII, and the rest.
_SHAPES: Final = bytearray(b" " * 256)
for _octets, _shape in (
    (string.ascii_letters, b"a"),
    (string.digits, b"0"),
    ("+/_-", b"+"),
    ("?", b"?"),
    ("\n", b"\n"),
):
    for _octet in _octets.encode():
        _SHAPES[_octet] = _shape[0]
_SHAPE: Final = bytes(_SHAPES)
_AS_BASE64: Final = bytes(b"b"[0] if shape in b"a0+" else shape for shape in _SHAPE)
_BASE64_ROW: Final = b"b" * 24
_BASE64_ROWS: Final = (
    *(b"b" * 8 + end + b"b" * 8 for end in (b"\n", b"\n ", b"\n  ")),
    *(b" ".join([b"b" * n] * 5) for n in (4, 8, 16)),
)
# Base64 changes between small, large and digits all the time, words hardly ever.
_AS_CASE: Final = bytes.maketrans(
    string.ascii_letters.encode() + string.digits.encode(), b"a" * 26 + b"A" * 26 + b"0" * 10
)
_LEAST_CHANGES: Final = 3
_AS_LETTER: Final = bytes(b"a"[0] if shape in b"a?" else b"0"[0] if shape in b"0" else b" "[0] for shape in _SHAPE)
_AS_ASCII_LETTER: Final = bytes.maketrans(string.ascii_letters.encode(), b"a" * 52)
_AS_HEX: Final = bytes.maketrans(b"0123456789ABCDEFabcdef", b"0" * 22)
_BETWEEN_HEX: Final = b" :,;x\\%=|\r\n\t-"
_JOINING: Final = "+_.~|*/,-"
_AS_JOINED: Final = bytes.maketrans(_JOINING.encode(), b"+" * len(_JOINING))
_ASCII_LETTERS: Final = string.ascii_letters.encode()


def _of(text: str) -> Iterator[Reading]:
    octets = text.encode("ascii", "replace")
    in_base64 = octets.translate(_AS_BASE64)
    if _BASE64_ROW in in_base64 or (
        sum(map(octets.translate(_AS_CASE).count, (b"aA", b"A0"))) >= _LEAST_CHANGES
        and any(row in in_base64 for row in _BASE64_ROWS)
    ):
        yield from _base64(text)
    if b"0" * 32 in octets.translate(_AS_HEX, _BETWEEN_HEX):
        yield from _numbers(text)
    if _escapes(octets) >= _LEAST_ESCAPES:
        yield from _unescaped(text)
    letters = octets.translate(_AS_LETTER)
    if letters.count(b" a ") >= _LEAST_SINGLE and any(gap in letters for gap in _GAPS):
        yield from _together(text)
    if _LONG_ROW in octets.translate(_AS_ASCII_LETTER):
        yield from _apart(text)
    if b"+++" in octets.translate(_AS_JOINED, _ASCII_LETTERS):
        yield from _unjoined(text)
    if len(octets.translate(None, b"?")) < 0.9 * len(octets):
        yield from _bare(text)
    lowered = octets.decode("ascii").lower()
    for marks, undo in _WORDWISE:
        if sum(map(lowered.__contains__, marks)) >= _LEAST_MARKS:
            yield from _by_line(text, marks, undo)


# --- codes ------------------------------------------------------------------------------------------------------------

_BASE64: Final = on_demand(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{24,40000}+={0,6}(?![\w+/=-])")
# Lines of nothing else, as mail programs and `base64` write them, also quoted; and such a line cut up by blanks.
_BASE64_LINES: Final = on_demand(
    r"^(?:[ \t>|]{0,8}[A-Za-z0-9+/_-]{4,1000}+={0,2}[ \t\r|]{0,8}(?:\n{1,2}|\Z)){2,4000}", re.MULTILINE
)
_BASE64_CHUNKS: Final = on_demand(
    r"^[A-Za-z0-9+/_-]{2,1000}+(?:[ \t|]{1,3}[A-Za-z0-9+/_-]{2,1000}+){3,}={0,2}$", re.MULTILINE
)
_NOT_BASE64: Final = on_demand(r"[^A-Za-z0-9+/_-]")
_BASE32: Final = on_demand(r"(?:[A-Z2-7]{8})+(?:[A-Z2-7]{2,7}={1,6})?")


def _base64(text: str) -> Iterator[Reading]:
    for pattern in (_BASE64, _BASE64_LINES, _BASE64_CHUNKS):
        for match in pattern.finditer(text):
            raw = _NOT_BASE64.sub("", match[0])[:_LONGEST].replace("-", "+").replace("_", "/")
            plain = _from_base64(raw) or _from_base32(match[0].strip())
            if plain:
                yield _at(match, plain)


def _at(match: re.Match[str], plain: str) -> Reading:
    return Reading(plain, match.start(), match.start() + len(match[0].rstrip()), True)


def _from_base64(raw: str) -> str:
    # A letter too many is no reason to give up on the rest.
    raw = raw[: len(raw) - (len(raw) % 4 == 1)]
    try:
        return _text(base64.b64decode(raw + "=" * (-len(raw) % 4), validate=True))
    except (binascii.Error, ValueError):
        return ""


def _from_base32(raw: str) -> str:
    try:
        return _text(base64.b32decode(raw)) if _BASE32.fullmatch(raw) else ""
    except (binascii.Error, ValueError):
        return ""


# Bytes written one by one: in hex, as bits, in decimal.
_IN_HEX: Final = on_demand(r"(?<!\w)(?:(?:0x|\\x|%|=)?[0-9a-fA-F]{2}[ :,;|\r\n\t-]{0,3}){16,}+")
_NUMBERS: Final = (
    (_IN_HEX, on_demand(r"[0-9a-fA-F]{2}(?!x)"), 16),
    (on_demand(r"(?<!\w)(?:[01]{7,8}[ ,;|\r\n\t-]{0,3}){12,}+"), on_demand(r"[01]{7,8}"), 2),
    (on_demand(r"(?<!\w)(?:[0-9]{2,3}[ ,;|\r\n\t-]{1,3}){12,}+[0-9]{0,3}"), on_demand(r"[0-9]{2,3}"), 10),
)  # fmt: skip


def _numbers(text: str) -> Iterator[Reading]:
    for pattern, number, base in _NUMBERS:
        for match in pattern.finditer(text):
            values = [int(digits, base) for digits in number.findall(match[0][:_LONGEST].replace("0x", " "))]
            plain = _text(bytes(values)) if max(values, default=256) < 256 else ""
            if plain:
                yield _at(match, plain)


def _text(raw: bytes) -> str:
    """`raw` as the text it is, "" when it is none."""
    if not raw:
        return ""
    for charset in ("utf-16-le", "utf-16-be") if raw.count(0) > 0.3 * len(raw) else ("utf-8",):
        try:
            plain = raw[: len(raw) // 2 * 2 if "16" in charset else len(raw)].decode(charset).lstrip("\ufeff")
        except UnicodeDecodeError:
            continue
        if "\0" not in plain and sum(c.isprintable() or c in "\r\n\t" for c in plain) >= 0.9 * len(plain):
            return plain
    return ""


_LEAST_ESCAPES: Final = 3
_ESCAPE: Final = on_demand(r"\\u\{?([0-9a-fA-F]{4,6})\}?|\\x([0-9a-fA-F]{2})|\bU\+([0-9a-fA-F]{4,6})[ ,]?")
_QUOTED: Final = on_demand(r"=([0-9A-F]{2})")


def _escapes(octets: bytes) -> int:
    return octets.count(b"%") + octets.count(b"\\") + octets.count(b"&") + octets.count(b"=") + octets.count(b"U+")


def _unescaped(text: str) -> Iterator[Reading]:
    """Lines with percent signs, escapes of programs, entities of HTML or quoted-printable in them, read."""
    start = 0
    for line in text.split("\n"):
        if sum(map(line.count, "%\\&=")) + line.count("U+") >= _LEAST_ESCAPES:
            plain = _ESCAPE.sub(_escaped, line) if "\\" in line or "U+" in line else line
            plain = html.unescape(plain) if "&" in plain else plain
            plain = _QUOTED.sub(r"%\1", plain) if "=" in plain else plain
            plain = (unquote if " " in line else unquote_plus)(plain) if "%" in plain else plain
            if plain != line:
                yield Reading(plain, start, start + len(line), True)
        start += len(line) + 1


def _escaped(match: re.Match[str]) -> str:
    point = int(match[1] or match[2] or match[3], 16)
    return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else " "


_LEAST_MARKS: Final = 2
_ROT13: Final = frozenset({"vtaber", "qvfertneq", "sbetrg", "vafgehpgvbaf", "cerivbhf", "nffvfgnag", "sbejneq"})
_REVERSED: Final = frozenset({"erongi", "dragersid", "tegrof", "snoitcurtsni", "suoiverp", "tnatsissa", "drawrof"})
_WORDWISE: Final[tuple[tuple[frozenset[str], Callable[[str], str]], ...]] = (
    (_ROT13, lambda line: codecs.encode(line, "rot13")),
    (_REVERSED, lambda line: line[::-1]),
)
_WORDS: Final = on_demand(r"[a-z]+")


def _by_line(text: str, marks: frozenset[str], undo: Callable[[str], str]) -> Iterator[Reading]:
    start = 0
    for line in text.split("\n"):
        if marks & set(_WORDS.findall(line.lower())):
            yield Reading(undo(line), start, start + len(line), True)
        start += len(line) + 1


# --- words undone -----------------------------------------------------------------------------------------------------

# Letters one by one with the same between them, four at least; blanks, marks, line ends, edges of cells.
_GAPS: Final = tuple((b"a" + b" " * width) * 4 for width in range(1, 5))
_LEAST_SINGLE: Final = 3
_SINGLE: Final = on_demand(r"(?<![^\W_])[^\W\d_](?:[\W_]{1,4}[^\W\d_](?![^\W_])){7,4000}")
_BETWEEN: Final = on_demand(r"[\W_]+")
_LONG_WORD: Final = 24
_LONG_PART: Final = 16
_LONG_ROW: Final = b"a" * _LONG_WORD
# Not within what may be base64.
_LONG: Final = on_demand(rf"(?<![\w+/=])[A-Za-z]{{{_LONG_WORD},4000}}+(?![\w+/=])")
_CAMEL: Final = on_demand(r"(?<=[a-z])(?=[A-Z])")
_JOINED: Final = on_demand(r"(?<![A-Za-z])[A-Za-z]{1,30}(?:[+_.~|*/,-][A-Za-z]{1,30}){3,200}")
_ACCENTED: Final = on_demand("[\u00c0-\u024f\u1e00-\u1eff]")
_MARKS: Final = on_demand("[\u0300-\u036f]+")


def _together(text: str) -> Iterator[Reading]:
    """Letters that stand one by one, as words: where the gap is another than most, a word ends."""
    left = _MOST_PARTED
    for match in _SINGLE.finditer(text):
        left -= len(match[0])
        if left < 0:
            break
        gaps = _BETWEEN.findall(match[0])
        usual = Counter(gaps).most_common(1)[0][0]
        letters = _BETWEEN.split(match[0])
        ended = "".join(
            letter + (" " if gap != usual else "") for letter, gap in zip(letters, [*gaps, usual], strict=True)
        )
        yield Reading(_parted(ended), match.start(), match.end(), False)
        if " " in ended:
            yield Reading(_parted(ended.replace(" ", "")), match.start(), match.end(), False)


def _apart(text: str) -> Iterator[Reading]:
    """Words run together, parted where known ones begin."""
    left = _MOST_PARTED
    for match in _LONG.finditer(text):
        left -= len(match[0])
        if left < 0:
            break
        plain = _parted(match[0])
        if plain.count(" ") >= 2:
            yield Reading(plain, match.start(), match.end(), False)


def _parted(text: str) -> str:
    return " ".join(_known(word.lower()) if len(word) >= _LONG_PART else word for word in _CAMEL.sub(" ", text).split())


_SHORT: Final = frozenset({"all", "and", "the", "to", "you", "your", "me", "my", "not", "now", "any"})
_LONGEST_WORD: Final = 14


def _known(run: str) -> str:
    """`run` with blanks around the words in it that mean something."""
    pieces: list[str] = []
    rest = at = 0
    while at < len(run):
        size = _beginning(run, at)
        if size:
            pieces += [run[rest:at], run[at : at + size]]
            rest = at = at + size
        else:
            at += 1
    pieces.append(run[rest:])
    return " ".join(filter(None, pieces))


def _beginning(run: str, at: int) -> int:
    """The length of the word that begins there, 0 for none: the longest that means something, of a stem the stem."""
    best = bits = 0
    for size in range(2, min(_LONGEST_WORD, len(run) - at) + 1):
        word = run[at : at + size]
        if word in _SHORT:
            best = size
        elif size >= 4 and (known := meaning(word)) and known != bits:
            # What a stem means goes on for as long as letters follow; only another meaning is another word.
            best, bits = size, known
    return best


def _unjoined(text: str) -> Iterator[Reading]:
    for match in _JOINED.finditer(text):
        yield Reading(_BETWEEN.sub(" ", match[0]), match.start(), match.end(), False)


def _bare(text: str) -> Iterator[Reading]:
    """Without its accents, where there are more than any language has that is not scored with them."""
    letters = sum(map(str.isalpha, text))
    if letters and len(_ACCENTED.findall(text)) >= 0.2 * letters:
        yield Reading(_MARKS.sub("", unicodedata.normalize("NFD", text)), 0, len(text), False)
