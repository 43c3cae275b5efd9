"""Ways to carry data out or orders in: pictures and links that a program would load, text in codes that hide orders."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import string
from collections.abc import Iterator
from itertools import islice
from typing import Final
from urllib.parse import unquote_plus

from letterlock.screen.lexicon import Concept, concepts
from letterlock.screen.rule import Evidence, Hit, Rule
from letterlock.screen.rules.orders import find

_MARKDOWN_IMAGE: Final = re.compile(r"!\[[^\]\n]{0,200}\]\(\s{0,3}<?(https?:)?//[^\s)]{1,2000}")
_MARKDOWN_REFERENCE: Final = re.compile(r"!\[[^\]\n]{0,200}\]\[[^\]\n]{0,80}\]")
_URL: Final = re.compile(r"https?://[^\s()]{1,2000}")
_GAP: Final = re.compile(
    r"[?&=/](?:\{{1,2}[a-z_ ]{2,40}\}{1,2}|\[[a-z_ ]{2,40}\]|<[a-z_ ]{2,40}>|%7b[a-z_]{2,40}%7d"
    r"|[A-Z_]{0,20}(?:CODE|DATA|SECRET|PASSWORD|TOKEN|OTP|CONTENT|HISTORY)[A-Z_]{0,20}(?!\w))",
)
_BASE64: Final = re.compile(r"(?<![\w+/=-])(?:[A-Za-z0-9+/_-]{24,20000}+)={0,2}(?![\w+/=-])")
_HEX: Final = re.compile(r"(?<!\w)(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ :,]?){16,}+")
# Most texts have neither, and to see that takes these tables a tenth of the time.
_HEX_DIGITS: Final = b"0123456789ABCDEFabcdef"
_HEX_OR_NOT: Final = bytes.maketrans(_HEX_DIGITS, b"0" * len(_HEX_DIGITS))
_BETWEEN_HEX: Final = b" :,x\\"
_BASE64_LETTERS: Final = string.ascii_letters.encode() + b"0123456789+/_-"
_BASE64_OR_NOT: Final = bytes.maketrans(_BASE64_LETTERS, b"0" * len(_BASE64_LETTERS))
_ROT13_WORDS: Final = frozenset({"vtaber", "qvfertneq", "sbetrg", "vafgehpgvbaf", "cerivbhf", "nffvfgnag", "sbejneq"})
_REVERSED_WORDS: Final = frozenset(
    {"erongi", "dragersid", "tegrof", "snoitcurtsni", "suoiverp", "tnatsissa", "drawrof"}
)
_WORDS: Final = re.compile(r"[a-z]+")
_WRITTEN: Final = re.compile(r"(?:https?://|mailto:|data:|www\.)[^\s<>\"]{1,4000}", re.IGNORECASE)
_HEADER_URL: Final = re.compile(r"<\s*([^<>\s]{1,2000})\s*>")
_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")
_ENCODINGS: Final = 3
_LEAST_WORDS: Final = 3
_MOST_LINKS: Final = 200
_LONGEST_URL: Final = 4_000
_TRIES: Final = 50
_LONGEST: Final = 20_000


def _pictures(evidence: Evidence) -> Iterator[Hit]:
    text = evidence.visible.text
    for pattern in (_MARKDOWN_IMAGE, _MARKDOWN_REFERENCE):
        for match in pattern.finditer(text):
            yield Hit(match[0][:200], "text", match.start(), match.end())


def _filled(evidence: Evidence) -> Iterator[Hit]:
    text = evidence.visible.text
    for match in _URL.finditer(text):
        if _GAP.search(match[0]):
            yield Hit(match[0][:200], "text", match.start(), match.end())


def _decoded(text: str) -> Iterator[tuple[str, int, int]]:
    """What base64, hex, rot13 and reversed writing in `text` say, with where."""
    octets = text.encode("ascii", "replace")
    runs = _BASE64.finditer(text) if b"0" * 24 in octets.translate(_BASE64_OR_NOT) else ()
    for count, match in enumerate(runs):
        if count >= _TRIES:
            break
        raw = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        try:
            plain = base64.b64decode(raw + "=" * (-len(raw) % 4), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            continue
        yield plain, match.start(), match.end()
    runs = _HEX.finditer(text) if b"0" * 32 in octets.translate(_HEX_OR_NOT, _BETWEEN_HEX) else ()
    for count, match in enumerate(runs):
        if count >= _TRIES:
            break
        digits = re.sub(r"0x|\\x|[^0-9a-fA-F]", "", match[0][:_LONGEST])
        try:
            yield bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("utf-8"), match.start(), match.end()
        except (UnicodeDecodeError, ValueError):
            continue
    lowered = text.lower()
    for marks, undo in ((_ROT13_WORDS, lambda line: codecs.encode(line, "rot13")), (_REVERSED_WORDS, _reverse)):
        if sum(word in lowered for word in marks) < 2:
            continue
        start = 0
        for line in text.split("\n"):
            if marks & set(_WORDS.findall(line.lower())):
                yield undo(line), start, start + len(line)
            start += len(line) + 1


def _reverse(line: str) -> str:
    return line[::-1]


def _in_code(evidence: Evidence) -> Iterator[Hit]:
    text = evidence.visible.text
    asked = None
    for plain, start, end in _decoded(text):
        letters = sum(c.isalpha() or c == " " for c in plain)
        if letters < 0.8 * len(plain) or " " not in plain:
            continue
        if asked is None:
            asked = any(meaning.bits & Concept.DECODE for meaning in concepts(text[:200_000]))
        if find(plain) or (asked and plain.count(" ") >= 4):
            yield Hit(plain[:200], "text", start, end)


def orders_in_link(url: str) -> bool:
    """Whether the words of a URL give orders to who reads it, percent signs decoded, once or more times over."""
    said = _said_by(url)
    return bool(said) and bool(find(said) or any(find(plain) for plain, _, _ in _decoded(said)))


def _said_by(url: str) -> str:
    """The words of a URL, in a line each way to part them; "" where there are too few to say anything."""
    said = url[:_LONGEST_URL]
    for _ in range(_ENCODINGS):
        decoded = unquote_plus(said)
        if decoded == said:
            break
        said = decoded
    words = _BETWEEN_WORDS.sub(" ", said)
    return f"{said}\n\n{words}" if words.count(" ") >= _LEAST_WORDS else ""


def _orders_in_links(evidence: Evidence) -> Iterator[Hit]:
    text = evidence.visible.text
    written = [match.span() for match in islice(_WRITTEN.finditer(text), _MOST_LINKS)]
    urls = [text[start:end] for start, end in written]
    others = [link.url for link in evidence.visible.links[:_MOST_LINKS]]
    others += _HEADER_URL.findall(evidence.parsed.header("List-Unsubscribe")[:10_000])
    # All at once first: most mail has nothing of the kind, and one look costs less than many.
    said = "\n\n".join(filter(None, map(_said_by, dict.fromkeys((*urls, *others)))))
    if not (find(said) or any(find(plain) for plain, _, _ in _decoded(said))):
        return
    for (start, end), url in zip(written, urls, strict=True):
        if orders_in_link(url):
            yield Hit(url[:200], "text", start, end)
    for url in dict.fromkeys(others):
        if url not in urls and orders_in_link(url):
            yield Hit(url[:200], "link")


EXFILTRATION: Final[tuple[Rule, ...]] = (
    Rule("exfiltration.picture", 0.6, "It contains a picture link in Markdown, which some programs load.", _pictures),
    Rule("exfiltration.filled_link", 0.5, "It contains a link with a gap for data to be filled in.", _filled),
    Rule("exfiltration.encoded", 0.75, "Encoded text in it gives orders once decoded.", _in_code),
    Rule("exfiltration.link_orders", 0.5, "The words of a link in it give orders.", _orders_in_links),
)
