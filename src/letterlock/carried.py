"""What the words of an outgoing email carry that came by mail: codes, credentials, text of other emails, data in links.

Pure. Looks through the usual disguises: base64, hexadecimal, percent signs, rot13, reversed, letters spaced out. It
does not judge what a text means; it compares it with what was read.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from letterlock.message.extract.codes import spellings
from letterlock.message.extract.credentials import find_credentials

Carried = Literal["carries_code", "carries_secret", "carries_mail", "carries_link"]
_RUN: Final = 7
"""So many words in a row are no coincidence."""
_MOST_CHARS: Final = 200_000
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{12,8000}={0,2}")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]?){6,4000}")
_SPACED: Final = re.compile(r"(?<!\S)(?:\S[ ._-]){5,}\S(?!\S)")
_WORD: Final = re.compile(r"[^\W_]{2,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_URL: Final = re.compile(r"https?://[^\s<>\"')\]]{4,4000}", re.IGNORECASE)
_DATA: Final = re.compile(r"[A-Za-z0-9+/=_%-]{24,}")
_NUMBER: Final = re.compile(
    r"(?<![A-Z0-9])[A-Z]{0,4}[0-9][A-Z0-9]{0,33}(?:[ -][A-Z]{0,2}[0-9][A-Z0-9]{0,33}){0,9}(?![A-Z0-9])"
)
_DATE: Final = re.compile(r"(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}\Z|[0-9]{2}-[0-9]{2}-(?:19|20)[0-9]{2}\Z")
_DIGITS: Final = 6
_DECODED: Final = 60


def carried(written: str, codes: Iterable[str], read: Iterable[str]) -> tuple[Carried, ...]:
    """What `written` (subject, text, HTML and names of an email) carries: any of `codes`, a credential, a run of words
    of one of `read` (texts of emails), or a link with data in it. Each kind once."""
    views = list(disguises_undone(written[:_MOST_CHARS]))
    found: list[Carried] = []
    if any(next(iter(spellings(view, code)), None) for code in dict.fromkeys(codes) if code for view in views):
        found.append("carries_code")
    if any(find_credentials(view) for view in views):
        found.append("carries_secret")
    said = {run for view in views for run in (*_runs(view), *_numbers(view))}
    if said and any(
        not said.isdisjoint(_runs(text)) or not said.isdisjoint(_numbers(text))
        for text in (each[:_MOST_CHARS] for each in read)
    ):
        found.append("carries_mail")
    if any(_has_data(url) for url in _URL.findall(written[:_MOST_CHARS])):
        found.append("carries_link")
    return tuple(found)


def disguises_undone(text: str) -> Iterator[str]:
    """The text, and what it says when it is decoded; twice, for what was encoded twice."""
    yield text
    yield text[::-1]
    yield codecs.encode(text, "rot13")
    decoded = list(_decoded(text))
    for once in decoded:
        yield once
        yield once[::-1]
        yield from _decoded(once)
    for spaced in _SPACED.findall(text)[:_DECODED]:
        yield re.sub(r"[ ._-]", "", spaced)


def _decoded(text: str) -> Iterator[str]:
    if "%" in text:
        yield unquote(text)
    for run in _BASE64.findall(text)[:_DECODED]:
        plain = run.rstrip("=").translate({45: 43, 95: 47})
        try:
            yield base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-8")
        except (ValueError, binascii.Error):
            continue
    for run in _HEX.findall(text)[:_DECODED]:
        try:
            yield bytes.fromhex(re.sub("[ :]", "", run)).decode("utf-8")
        except ValueError:
            continue


def _runs(text: str) -> set[int]:
    words = _WORD.findall(text.lower())
    return {hash(tuple(words[at : at + _RUN])) for at in range(len(words) - _RUN + 1)}


def _numbers(text: str) -> set[str]:
    """Accounts, orders, references: short, but nobody else's."""
    return {
        re.sub("[ -]", "", number)
        for number in _NUMBER.findall(text.upper())
        if sum(map(str.isdigit, number)) >= _DIGITS and not _DATE.match(number)
    }


def _has_data(url: str) -> bool:
    """Whether query, fragment or a part of the path could hold what was read: long and no plain words."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    values = (value.partition("=")[2] or value for value in re.split("[&;]", parts.query))
    for piece in (*parts.path.split("/"), *values, parts.fragment):
        for run in _DATA.findall(piece):
            # Words with hyphens are the name of an article.
            if not re.fullmatch(r"(?:[a-z]{1,20}-){2,}[a-z0-9]{1,20}", run):
                return True
    return False
