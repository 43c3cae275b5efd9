"""What a text says when it is read as what it may be written in: codes, alphabets, turned round, spaced out.

Pure, and bounded: all readings of a text together are at most some times as long as it is.
"""

from __future__ import annotations

import base64
import bz2
import codecs
import html
import re
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from letterlock.patterns import on_demand

_DEEPEST: Final = 4
"""Codes within codes that are undone."""
_SPREAD: Final = 10
_SPREAD_MORE: Final = 7
"""All readings of a text together are at most so many times as long, and a little."""
_MOST_DECODED: Final = 150_000
_MOST_TURNED: Final = 250_000
"""And at most so many characters."""
_MOST_UNDONE: Final = 25_000
"""Of a text that is longer, only its beginning is decoded and turned."""
_BASE64: Final = on_demand(r"[A-Za-z0-9+/_-]{6,}")
_BASE32: Final = on_demand(r"[A-Za-z2-7]{8,}")
_HEX: Final = on_demand(r"(?:[0-9A-Fa-f]{2}(?:0x|\\x|[ :,;=%|-]){0,3}+){4,}+")
_HEX_MARKS: Final = on_demand(r"0x|\\x|[^0-9A-Fa-f]")
_DECIMAL: Final = on_demand(r"(?<![0-9])(?:[0-9]{2,3}[ ,;|-]{1,3}){3,}[0-9]{2,3}(?![0-9])")
_QUOTED: Final = on_demand(r"=([0-9A-Fa-f]{2})")
_DECIMAL_MARKS: Final = on_demand(r"\s+|\\|\b0o")
_OCTAL: Final = on_demand(r"[0-7]{12,}")
_BINARY: Final = on_demand(r"(?:[01][\s,;|-]{0,3}){32,}")
_ESCAPED: Final = on_demand(r"\\u(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{4}))")
_LINE_END: Final = on_demand(r"\r?\n")
_PRINTED_85: Final = on_demand(r"[^\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]{6,}")
_MOST_85: Final = 20_000
"""Characters of one text that are read as base85, for each of its alphabets."""
_ROT47: Final = {33 + n: 33 + (n + 47) % 94 for n in range(94)}
_SPACED: Final = on_demand(r"(?<!\S)(?:\S[ ._-]){5,}\S(?!\S)")
_BLANK: Final = on_demand(r"\s+")
_PRINTED: Final = on_demand(r"[^\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]{4,}")
_NOT_ALNUM: Final = on_demand(r"[\W_]+")


def _digits_of(alphabet: str) -> tuple[re.Pattern[str], bytes]:
    numbers = bytearray(256)
    for number, letter in enumerate(alphabet):
        numbers[ord(letter)] = number
    return on_demand(f"[{re.escape(alphabet)}]{{8,}}"), bytes(numbers)


_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_IN_85: Final = (
    _digits_of("".join(map(chr, range(33, 118)))),
    _digits_of(f"0123456789{_LETTERS}{_LETTERS.lower()}!#$%&()*+-;<=>?@^_`{{|}}~"),
    _digits_of(f"0123456789{_LETTERS.lower()}{_LETTERS}.-:+=^!/*?&<>()[]{{}}@%$#"),
)


def squeezed(text: str) -> str:
    """The letters and digits of a text, whatever stands between them and whatever form they have."""
    if text.isascii():
        return text.lower().encode().translate(None, _NO_LETTERS).decode()
    return _NOT_ALNUM.sub("", unicodedata.normalize("NFKC", text).lower())


_NO_LETTERS: Final = bytes(code for code in range(128) if not chr(code).isalnum())


@dataclass(frozen=True, slots=True)
class Readings:
    """`views`: a text as it stands and as everything it may be written in, `packed`: the same squeezed. `whole` is
    False when that was more than is looked through."""

    views: tuple[str, ...]
    packed: tuple[str, ...]
    whole: bool


def readings(text: str) -> Readings:
    """The text, and what it says when it is decoded, again for what was encoded several times; as much of it as may be
    looked through for one email."""
    begun = text[:_MOST_UNDONE]
    # What comes of turning and of base85, which make something of every text, has room of its own.
    left = {
        False: min(_SPREAD * len(begun), _MOST_DECODED) + 4_000,
        True: min(_SPREAD_MORE * len(begun), _MOST_TURNED) + 4_000,
    }
    around = [(begun, False, False)]
    seen = {begun, ""}
    views = [text]
    whole = len(begun) == len(text)
    for depth in range(_DEEPEST):
        inner = []
        for outer, apart, turned in around:
            found = [(view, apart, False) for view in _decoded(outer)]
            if depth < 2 and not (depth and _is_noise(outer)):
                in_85, all_85 = _undone_85(outer)
                whole = whole and (all_85 or depth > 0)
                found += [(view, True, False) for view in in_85]
                found += [] if turned else [(view, True, True) for view in _turned(outer, depth)]
            for each in found:
                view, apart_too, _ = each
                if view in seen:
                    continue
                if len(view) > left[apart_too]:
                    # Deeper down it is mostly noise, of honest texts too.
                    whole = whole and depth > 0
                    continue
                left[apart_too] -= len(view)
                seen.add(view)
                inner.append(each)
                views.append(view)
        around = inner
    return Readings(tuple(views), tuple(map(squeezed, views)), whole)


def _is_noise(view: str) -> bool:
    """Whether a reading is much, and of scraps only, as random letters and long prose give when they are decoded."""
    return len(view) > _MUCH and _SCRAP * (view.count("\n") + 1) > len(view)


_MUCH: Final = 400
_SCRAP: Final = 12


def _turned(text: str, depth: int) -> Iterator[str]:
    yield text[::-1]
    yield codecs.encode(text, "rot13")
    yield text.translate(_ROT47)
    if not depth:
        yield " ".join(text.split()[::-1])
        yield "\n".join(re.sub("[ ._-]", "", spaced) for spaced in _SPACED.findall(text))


def _decoded(text: str) -> Iterator[str]:
    """Of each code what in `text` is written so."""
    plain = text if text.isascii() else _without_format(unicodedata.normalize("NFKC", text))
    if plain != text:
        yield plain
    if "&" in plain:
        yield html.unescape(plain)
    if "%" in plain:
        yield unquote(plain)
    if "=" in plain and (quoted := _QUOTED.sub(r"%\1", plain)) != plain:
        yield unquote(quoted)
    # Lines and blanks may cut a code anywhere; what stands before it moves its beginning.
    close = _BLANK.sub("", plain)
    for whole in dict.fromkeys((plain, close)):
        runs = [run.encode("ascii") for run in _BASE64.findall(whole)]
        for skip in range(4):
            yield _printed(_base64(runs, skip))
        runs = [run.encode("ascii").translate(_TO_32) for run in _BASE32.findall(whole)]
        for skip in range(8):
            yield _printed(_base32(runs, skip))
    if "\\u" in plain:
        yield _ESCAPED.sub(_character, plain)
    hexed = [_HEX_MARKS.sub("", run) for run in (*_HEX.findall(_BLANK.sub(" ", plain)), *_HEX.findall(close))]
    for skip in range(2):
        yield _printed(_BREAK.join([bytes.fromhex(run[skip : skip + (len(run) - skip) // 2 * 2]) for run in hexed]))
    listed = [re.findall("[0-9]+", run) for run in _DECIMAL.findall(_DECIMAL_MARKS.sub(" ", plain))]
    for base in (10, 8):
        yield _printed(_BREAK.join([_octets(numbers, base) for numbers in listed]))
    compact = _OCTAL.findall(close)
    for skip in range(3):
        cut = [[run[at : at + 3] for at in range(skip, len(run) - 2, 3)] for run in compact]
        yield _printed(_BREAK.join([_octets(numbers, 8) for numbers in cut]))
    compact = [re.sub("[^01]", "", run) for run in _BINARY.findall(plain)]
    for skip in range(8):
        cut = [[run[at : at + 8] for at in range(skip, len(run) - 7, 8)] for run in compact]
        yield _printed(_BREAK.join([_octets(numbers, 2) for numbers in cut]))


def _without_format(text: str) -> str:
    """Without characters that are not seen (category Cf)."""
    return text.translate({ord(c): None for c in set(text) if unicodedata.category(c) == "Cf"})


def _character(escaped: re.Match[str]) -> str:
    number = int(escaped[1] or escaped[2], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def _octets(numbers: list[str], base: int) -> bytes:
    """The bytes that these numbers are; b"" when one is none."""
    try:
        return bytes(int(number, base) for number in numbers)
    except ValueError:
        return b""


def _undone_85(text: str) -> tuple[list[str], bool]:
    """Text within base85 of three alphabets: Ascii85 (btoa), RFC 1924, Z85 (ZeroMQ RFC 32); and whether this is all."""
    found, all_of_it = [], True
    for whole in dict.fromkeys((text, _LINE_END.sub("", text))):
        for pattern, digits in _IN_85:
            # Words are met in each text, and a code of several bytes of small letters alone is not.
            runs = [run for run in pattern.findall(whole) if not (run.isalpha() and run.islower())]
            room = _MOST_85
            for n, run in enumerate(runs):
                room -= len(run)
                if room < 0:
                    all_of_it = False
                    runs = [*runs[:n], run[:room]]
                    break
            octets = [run.encode("ascii").translate(digits) for run in runs]
            for skip in range(5):
                # What is shorter means too little to be read.
                long = (run[skip:] for run in octets if len(run) >= skip + 8)
                said = (_base85(run).decode("utf-8", "replace") for run in long)
                found.append("\n".join(part for each in said for part in _PRINTED_85.findall(each)))
    return found, all_of_it


def _base85(digits: bytes) -> bytes:
    """Four bytes for each five digits; what is no number of 32 bits is left out."""
    short = -len(digits) % 5
    fives = [iter(digits + b"\x54" * short)] * 5
    numbers = [
        number if (number := a * 52_200_625 + b * 614_125 + c * 7_225 + d * 85 + e) >> 32 == 0 else 0
        for a, b, c, d, e in zip(*fives, strict=True)
    ]
    found = struct.pack(f">{len(numbers)}I", *numbers)
    return found[: len(found) - short]


_BREAK: Final = b"\xff" * 5
"""Stands between what was decoded of several runs: no text has it, in any encoding of it."""


def _base64(runs: list[bytes], skip: int) -> bytes:
    """What runs of letters mean, without the first `skip` of each. One letter alone at an end means no byte."""
    ends = (b"/" * 8, b"", b"AA" + b"/" * 8, b"A" + b"/" * 8)
    cut = [run[skip : len(run) - ((len(run) - skip) % 4 == 1)] for run in runs]
    return base64.b64decode(b"".join([run + ends[len(run) % 4] for run in cut]), b"-_")


_TO_32: Final = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567", b"0123456789abcdefghijklmnop" * 2 + b"qrstuv"
)
"""The digits of RFC 4648 section 6 as those that int() knows: a number is read much faster than a text is decoded."""


def _base32(runs: list[bytes], skip: int) -> bytes:
    """The same in base32, where one, three and six letters at an end have one that means nothing."""
    cut = [run[skip : len(run) - ((len(run) - skip) % 8 in (1, 3, 6))] for run in runs]
    digits = b"".join([run + b"0" * (-len(run) % 8) + b"v" * 8 for run in cut])
    return int(digits, 32).to_bytes(len(digits) // 8 * 5) if digits else b""


def _printed(decoded: bytes) -> str:
    """What of it can be read, also in two bytes for a letter, also of what was packed before it was encoded; "" when
    nothing can."""
    if not decoded:
        return ""
    said = b"".join((decoded, *_unpacked(decoded))).replace(b"\0", b"")
    return "\n".join(_kept(_PRINTED.findall(said.decode("utf-8", "replace")), len(said)))


def _kept(pieces: list[str], length: int) -> list[str]:
    """What of a reading is worth reading: where most of it is noise, not what noise is full of."""
    noisy = len(pieces) > _FEW and _NOISE * sum(map(len, pieces)) < length
    return [piece for piece in pieces if len(piece) > _SHORT] if noisy else pieces


_FEW: Final = 20
_NOISE: Final = 4
_SHORT: Final = 5


def _unpacked(data: bytes) -> Iterator[bytes]:
    """What begins in `data`, or behind a _BREAK, as packed (gzip, zlib, bzip2)."""
    room = _MOST_UNPACKED
    for start in _PACKED.finditer(data):
        packed = data[start.start(1) : start.start(1) + _MOST_UNPACKED]
        try:
            if packed.startswith(b"BZh"):
                found = bz2.BZ2Decompressor().decompress(packed, room)
            else:
                # 32: either header.
                found = zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(packed, room)
        except (zlib.error, OSError, ValueError, EOFError):
            continue
        yield _BREAK
        yield found
        room -= len(found)
        if room <= 0:
            return


_MOST_UNPACKED: Final = 200_000
_PACKED: Final = on_demand(rb"(?:\A|\xff\xff\xff)(?=\x1f\x8b|BZh|x[\x01\x5e\x9c\xda])()")
