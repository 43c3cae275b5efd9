"""Ways to carry data out or orders in: pictures and links that a program would load, text in codes that hide orders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final
from urllib.parse import unquote_plus

from letterlock.patterns import on_demand
from letterlock.screen.lexicon import Concept, concepts
from letterlock.screen.readings import is_prose, readings
from letterlock.screen.rule import Evidence, Hit, Rule
from letterlock.screen.rules.orders import find

_MARKDOWN_IMAGE: Final = on_demand(r"!\[[^\]\n]{0,200}\]\(\s{0,3}<?(https?:)?//[^\s)]{1,2000}")
_MARKDOWN_REFERENCE: Final = on_demand(r"!\[[^\]\n]{0,200}\]\[[^\]\n]{0,80}\]")
# Written out in the text, as those who show Markdown show it.
_HTML_IMAGE: Final = on_demand(r"<img\b[^<>]{0,300}?\bsrc\s?=\s?[\"']?(https?:)?//[^\s<>]{1,2000}", re.IGNORECASE)
# The address of a picture file, in short words of small letters: there is no room in it for what somebody has read.
_WITHOUT_DATA: Final = on_demand(
    r"//[a-z0-9-]{1,30}(?:\.[a-z0-9-]{1,30}){1,5}(?:/[a-z0-9._-]{1,30}){0,7}/[a-z0-9_-]{1,30}\.(?:svg|png|gif|jpe?g|webp)"
    r"[\"'>]{0,2}\Z"
)
_URL: Final = on_demand(r"https?://[^\s()]{1,2000}")
_GAP: Final = on_demand(
    r"[?&=/](?:\{{1,2}[a-z_ ]{2,40}\}{1,2}|\[[a-z_ ]{2,40}\]|<[a-z_ ]{2,40}>|%7b[a-z_]{2,40}%7d"
    r"|[A-Z_]{0,20}(?:CODE|DATA|SECRET|PASSWORD|TOKEN|OTP|CONTENT|HISTORY)[A-Z_]{0,20}(?!\w))",
)
_LEAST_ASKED: Final = 4
_WRITTEN: Final = on_demand(r"(?:https?://|mailto:|data:|www\.)[^\s<>\"]{1,4000}", re.IGNORECASE)
_HEADER_URL: Final = on_demand(r"<\s*([^<>\s]{1,2000})\s*>")
_BETWEEN_WORDS: Final = on_demand(r"[\W_]+")
_ENCODINGS: Final = 3
_LEAST_WORDS: Final = 3
_MOST_LINKS: Final = 200
_LONGEST_URL: Final = 4_000


def _pictures(evidence: Evidence, *, plain: bool = False) -> Iterator[Hit]:
    text = evidence.visible.text
    for pattern in (_MARKDOWN_IMAGE, _MARKDOWN_REFERENCE, _HTML_IMAGE):
        for match in pattern.finditer(text):
            if bool(_WITHOUT_DATA.search(match[0])) is plain:
                yield Hit(match[0][:200], "text", match.start(), match.end())


def _plain_pictures(evidence: Evidence) -> Iterator[Hit]:
    return _pictures(evidence, plain=True)


def _filled(evidence: Evidence) -> Iterator[Hit]:
    text = evidence.visible.text
    for match in _URL.finditer(text):
        if _GAP.search(match[0]):
            yield Hit(match[0][:200], "text", match.start(), match.end())


def _decoded(text: str) -> Iterator[tuple[str, int, int]]:
    """What is written in `text` in some code and reads like words, with where."""
    for reading in readings(text):
        if reading.coded and is_prose(reading.text):
            yield reading.text, reading.start, reading.end


def _in_code(evidence: Evidence) -> Iterator[Hit]:
    for where, text, placed in evidence.all_said():
        asked = None
        for plain, start, end in _decoded(text):
            if asked is None:
                asked = any(meaning.bits & Concept.DECODE for meaning in concepts(text[:200_000]))
            if find(plain) or (asked and _words_coded(plain, text[start:end]) >= _LEAST_ASKED):
                yield Hit(plain[:200], where, start, end) if placed else Hit(plain[:200], where)


def _words_coded(plain: str, written: str) -> int:
    """How many words of `plain` did not stand in `written` already: a quotation mark may be written &#8220;."""
    return sum(word not in written for word in plain[:_LONGEST_URL].split())


def orders_in_link(url: str) -> bool:
    """Whether the words of a URL give orders to who reads it, percent signs decoded, once or more times over."""
    said = _said_by(url)
    return bool(said) and bool(find(said))


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


def _may_link(text: str) -> bool:
    """Whether _WRITTEN could find something: what it asks of letters other than ASCII is more than can be seen here."""
    if "://" in text or not text.isascii():
        return True
    lowered = text.lower()
    return any(mark in lowered for mark in _LINK_MARKS)


_LINK_MARKS: Final = ("www.", "mailto:", "data:")


def _orders_in_links(evidence: Evidence) -> Iterator[Hit]:
    text = evidence.visible.text
    written = [match.span() for match in islice(_WRITTEN.finditer(text), _MOST_LINKS)] if _may_link(text) else []
    urls = [text[start:end] for start, end in written]
    others = [link.url for link in evidence.visible.links[:_MOST_LINKS]]
    others += _HEADER_URL.findall(evidence.parsed.header("List-Unsubscribe")[:10_000])
    # All at once first: most mail has nothing of the kind, and one look costs less than many.
    said = "\n\n".join(filter(None, map(_said_by, dict.fromkeys((*urls, *others)))))
    if not find(said):
        return
    for (start, end), url in zip(written, urls, strict=True):
        if orders_in_link(url):
            yield Hit(url[:200], "text", start, end)
    for url in dict.fromkeys(others):
        if url not in urls and orders_in_link(url):
            yield Hit(url[:200], "link")


EXFILTRATION: Final[tuple[Rule, ...]] = (
    Rule("exfiltration.picture", 0.6, "It contains a picture link written out, which some programs load.", _pictures),
    Rule("exfiltration.plain_picture", 0.2, "It contains a link to a picture file written out.", _plain_pictures),
    Rule("exfiltration.filled_link", 0.5, "It contains a link with a gap for data to be filled in.", _filled),
    Rule("exfiltration.encoded", 0.75, "Encoded text in it gives orders once decoded.", _in_code),
    Rule("exfiltration.link_orders", 0.5, "The words of a link in it give orders.", _orders_in_links),
)
