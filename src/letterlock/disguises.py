"""What a text says when it is read as what it may be written in: codes, alphabets, turned round, spaced out.

Pure, and bounded: all readings of a text together are at most some times as long as it is.
"""

from __future__ import annotations

import binascii
import bz2
import codecs
import html
import re
import struct
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote

from letterlock.patterns import on_demand

_DEEPEST: Final = 4
"""Codes within codes that are undone."""
_SPREAD: Final = 10
_SPREAD_MORE: Final = 7
"""All readings of a text together are at most so many times as long, and a little."""
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
_MOST_85: Final = 30_000
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
    return _NOT_ALNUM.sub("", unicodedata.normalize("NFKC", text).lower())


def disguises_undone(text: str) -> Iterator[str]:
    """The text, and what it says when it is decoded, again for what was encoded several times; of any text at most a
    fixed number of times its length."""
    # What comes of turning and of base85, which make something of every text, has room of its own.
    left = {False: _SPREAD * len(text) + 4_000, True: _SPREAD_MORE * len(text) + 4_000}
    around = [(text, False, False)]
    seen = {text, ""}
    yield text
    for depth in range(_DEEPEST):
        inner = []
        for outer, apart, turned in around:
            views = [(view, apart, False) for view in _decoded(outer)]
            if depth < 2:
                views += [(view, True, False) for view in _undone_85(outer)]
                views += [] if turned else [(view, True, True) for view in _turned(outer, depth)]
            for found in views:
                view, apart_too, _ = found
                if view in seen or len(view) > left[apart_too]:
                    continue
                left[apart_too] -= len(view)
                seen.add(view)
                inner.append(found)
                yield view
        around = inner


def _turned(text: str, depth: int) -> Iterator[str]:
    yield text[::-1]
    yield codecs.encode(text, "rot13")
    yield text.translate(_ROT47)
    if not depth:
        yield " ".join(text.split()[::-1])
        yield "\n".join(re.sub("[ ._-]", "", spaced) for spaced in _SPACED.findall(text))


def _decoded(text: str) -> Iterator[str]:
    """Of each code what in `text` is written so."""
    plain = text
    if not text.isascii():
        plain = "".join([c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf"])
    if plain != text:
        yield plain
    if "&" in plain:
        yield html.unescape(plain)
    if "%" in plain:
        yield unquote(plain)
    if "=" in plain and (quoted := _QUOTED.sub(r"%\1", plain)) != plain:
        yield unquote(quoted)
    # Lines and blanks may cut a code anywhere; what stands before it moves its beginning.
    unbroken = _BLANK.sub("", plain)
    for whole in dict.fromkeys((plain, unbroken)):
        runs = _BASE64.findall(whole.replace("-", "+").replace("_", "/"))
        for skip in range(4):
            yield _printed(_base64(run[skip:]) for run in runs)
        numbers = [(int(run.translate(_IN_32), 32), 5 * len(run)) for run in _BASE32.findall(whole)]
        for skip in range(8):
            yield _printed(_last_bits(number, bits - 5 * skip) for number, bits in numbers)
    if "\\u" in plain:
        yield _ESCAPED.sub(_character, plain)
    runs = [_HEX_MARKS.sub("", run) for run in _HEX.findall(_BLANK.sub(" ", plain))]
    compact = _HEX.findall(unbroken)
    runs += [_HEX_MARKS.sub("", run) for run in compact]
    for skip in range(2):
        yield _printed(bytes.fromhex(run[skip : skip + (len(run) - skip) // 2 * 2]) for run in runs)
    listed = [re.findall("[0-9]+", run) for run in _DECIMAL.findall(_DECIMAL_MARKS.sub(" ", plain))]
    yield _printed(_octets(each, 10) for each in listed)
    yield _printed(_octets(each, 8) for each in listed)
    compact = _OCTAL.findall(unbroken)
    for skip in range(3):
        yield _printed(_octets([run[at : at + 3] for at in range(skip, len(run) - 2, 3)], 8) for run in compact)
    compact = [re.sub("[^01]", "", run) for run in _BINARY.findall(plain)]
    for skip in range(8):
        yield _printed(_octets([run[at : at + 8] for at in range(skip, len(run) - 7, 8)], 2) for run in compact)


def _character(escaped: re.Match[str]) -> str:
    number = int(escaped[1] or escaped[2], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def _octets(numbers: list[str], base: int) -> bytes:
    """The bytes that these numbers are; b"" when one is none."""
    try:
        return bytes(int(number, base) for number in numbers)
    except ValueError:
        return b""


def _undone_85(text: str) -> Iterator[str]:
    """Text within base85 of three alphabets: Ascii85 (btoa), RFC 1924, Z85 (ZeroMQ RFC 32)."""
    for whole in dict.fromkeys((text, _LINE_END.sub("", text))):
        for pattern, digits in _IN_85:
            runs: list[bytes] = []
            room = _MOST_85
            for run in pattern.findall(whole):
                # Words are met in each text, and a code of several bytes of small letters alone is not.
                if not (run.isalpha() and run.islower()) and room > 0:
                    runs.append(run[:room].encode("ascii").translate(digits))
                    room -= len(run)
            for skip in range(5):
                said = (_base85(run[skip:]).decode("utf-8", "replace") for run in runs)
                yield "\n".join(part for each in said for part in _PRINTED_85.findall(each))


def _base85(digits: bytes) -> bytes:
    """Four bytes for each five digits; what is no number of 32 bits is left out."""
    groups = iter(digits.ljust(-(-len(digits) // 5) * 5, b"\x54"))
    numbers = [(((a * 85 + b) * 85 + c) * 85 + d) * 85 + e for a, b, c, d, e in zip(*[groups] * 5, strict=True)]
    found = struct.pack(f">{len(numbers)}I", *[number if number >> 32 == 0 else 0 for number in numbers])
    return found[: len(found) - -len(digits) % 5]


def _base64(run: str) -> bytes:
    # One letter alone means no byte.
    run = run[:-1] if len(run) % 4 == 1 else run
    return binascii.a2b_base64(run + "=" * (-len(run) % 4))


_NUMERALS: Final = "0123456789abcdefghijklmnopqrstuv"
_IN_32: Final = str.maketrans(f"{_LETTERS}{_LETTERS.lower()}234567", f"{_NUMERALS[:26]}{_NUMERALS}")
"""Letters of base32 (RFC 4648 section 6) as the digits that int() knows."""


def _last_bits(number: int, bits: int) -> bytes:
    """The last `bits` of a number, as far as they make whole bytes from their beginning on."""
    return ((number & ((1 << bits) - 1)) >> bits % 8).to_bytes(bits // 8)


def _printed(decoded: Iterable[bytes]) -> str:
    """What of it can be read, also in two bytes for a letter; "" when nothing can."""
    # Text is full of short runs: joined by what cannot be read, they are read together.
    said = _BETWEEN.join([_unpacked(each) if len(each) >= _LEAST_PACKED else each for each in decoded])
    return "\n".join(_PRINTED.findall(said.replace(b"\0", b"").decode("utf-8", "replace")))


_BETWEEN: Final = b"\x1f"
_LEAST_PACKED: Final = 8


def _unpacked(data: bytes) -> bytes:
    """What was packed (gzip, zlib, bzip2) before it was encoded; anything else as it is."""
    try:
        if data.startswith((b"\x1f\x8b", *_ZLIB)):
            # 32: either header.
            return zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(data, _MOST_UNPACKED) or data
        if data.startswith(b"BZh"):
            return bz2.BZ2Decompressor().decompress(data, _MOST_UNPACKED) or data
    except (zlib.error, OSError, ValueError, EOFError):
        return data
    return data


_MOST_UNPACKED: Final = 200_000
_ZLIB: Final = tuple(bytes((0x78, level)) for level in (0x01, 0x5E, 0x9C, 0xDA))
