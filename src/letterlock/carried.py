"""What the words of an outgoing email carry that came by mail: codes, credentials, text of other emails, data in links.

Pure. Looks through the usual disguises (disguises.py). It does not judge what a text means; it compares it with what
was read.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from letterlock.disguises import Readings, readings, squeezed
from letterlock.message.extract.codes import spellings
from letterlock.message.extract.credentials import find_credentials
from letterlock.patterns import on_demand

Carried = Literal["carries_code", "carries_secret", "carries_mail", "carries_link"]
_RUN: Final = 7
"""So many words in a row are no coincidence."""
_SHINGLE: Final = 32
"""Nor are so many letters and digits."""
_STRIDE: Final = 8
MOST_COMPARED: Final = 200_000
"""Characters of a text that are compared with others."""
_ENGLISH: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_GERMAN: Final = ("null", "eins", "zwei", "drei", "vier", "f\u00fcnf", "sechs", "sieben", "acht", "neun")
_OTHERS: Final = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "zéro un deux trois quatre cinq six sept huit neuf",
    "zero uno due tre quattro cinque sei sette otto nove",
    "zero um dois três quatro cinco seis sete oito nove",
    "nul een twee drie vier vijf zes zeven acht negen",
    "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć",
    "ноль один два три четыре пять шесть семь восемь девять",
    "〇 一 二 三 四 五 六 七 八 九",
)
"""The digits in Spanish, French, Italian, Portuguese, Dutch, Polish, Russian, Chinese and Japanese."""
_DIGIT_WORDS: Final = {
    **{word: str(n) for words in _OTHERS for n, word in enumerate(words.split())},
    **{word: str(n) for n, word in enumerate(_ENGLISH)},
    **{word: str(n) for n, word in enumerate(_GERMAN)},
    "oh": "0",
    "fuenf": "5",
    "zero": "0",
    "\u96f6": "0",
    "tres": "3",
}
_TEENS: Final = (
    ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"],
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
)
_APART: Final = 24
"""Letters that may stand between the digits of a code; in a short code, which others meet by chance, _CLOSE."""
_CLOSE: Final = 3
_NUMBERED: Final = on_demand(r"^\s{0,8}[0-9]{1,2}[.):]\s{1,8}", re.MULTILINE)
_DIGIT_WORD: Final = on_demand("|".join(sorted(_DIGIT_WORDS, key=len, reverse=True)), re.IGNORECASE)
_WORD: Final = on_demand(r"[^\W_]{2,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_URL: Final = on_demand(r"https?://[^\s<>\"')\]]{4,4000}", re.IGNORECASE)
_DATA: Final = on_demand(r"[A-Za-z0-9+/=_%-]{24,}")
_NUMBER: Final = on_demand(
    r"(?<![A-Z0-9])[A-Z]{0,4}[0-9][A-Z0-9]{0,33}(?:[ -][A-Z]{0,2}[0-9][A-Z0-9]{0,33}){0,9}(?![A-Z0-9])"
)
_DATE: Final = on_demand(r"(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}\Z|[0-9]{2}-[0-9]{2}-(?:19|20)[0-9]{2}\Z")
_DIGITS: Final = 6
_SURE: Final = 8
"""A number of so many letters and digits is looked for within others too."""


_NAMED: Final = on_demand(
    r"(?<![^\W_])(?:pin|pass(?:word|code|phrase)?|passwort|kennwort|code|key|token|login|secret|wi-?fi|wlan)(?![^\W_])",
    re.IGNORECASE,
)
_NEAR: Final = 60
_MOST_SECRET: Final = 400
_TOKEN: Final = on_demand(r"[A-Za-z0-9][A-Za-z0-9_~+!#$-]{5,99}")


def carried(
    written: str | Readings,
    codes: Iterable[str],
    read: Iterable[str],
    traces: Iterable[bytes] = (),
    secrets: Iterable[str] = (),
    marked: Sequence[Marks] = (),
) -> tuple[Carried, ...]:
    """What `written` (subject, text, HTML and names of an email, or the readings of these) carries: any of `codes`, a
    credential, one of `secrets` (of the vault) or one that is `marked`, a run of words of one of `read` (texts of
    emails) or of an email that left one of `traces`, or a link with data in it. Each kind once."""
    undone = readings(written[:MOST_COMPARED]) if isinstance(written, str) else written
    views, packed = undone.views, undone.packed
    text = views[0]
    found: list[Carried] = []
    met = _met(views, packed, traces)
    if "code" in met or _holds_code(text, packed, {code for code in codes if code}):
        found.append("carries_code")
    whole = "\n".join(packed)
    if (
        any(find_credentials(view) for view in views)
        or _holds_secret(whole, packed, [squeezed(one) for one in secrets])
        or _holds_marked(packed, marked)
    ):
        found.append("carries_secret")
    mails = [each[:MOST_COMPARED] for each in read]
    if met - {"code"} or (mails and _repeats(mails, views, packed, whole)):
        found.append("carries_mail")
    if any(_has_data(url) for url in _URL.findall(text)):
        found.append("carries_link")
    return tuple(found)


def _holds_secret(whole: str, views: Sequence[str], secrets: Iterable[str]) -> bool:
    """Whether a value of the vault is in it, of a long one any part. A plain word that somebody chose as a password is
    met everywhere, and is left out."""
    long = []
    for packed in secrets:
        if len(packed) >= _SHINGLE + _STRIDE:
            long.append(packed)
        elif _is_distinct(packed) and packed in whole:
            return True
    return _share_letters(long, views)


def _is_distinct(packed: str) -> bool:
    return len(packed) >= _DIGITS and (not packed.isalpha() or len(packed) >= _LONG_WORD)


def _share_letters(ours: Collection[str], views: Collection[str]) -> bool:
    """Whether one of `ours` and one of `views` have _SHINGLE letters in a row in common: all places of a view are
    compared with every eighth of ours. What is shorter is kept in memory."""
    if not ours:
        return False
    if sum(map(len, ours)) // _STRIDE <= sum(map(len, views)):
        kept = {shingle for each in ours for shingle in _shingles(each, _STRIDE)}
        return not all(kept.isdisjoint(_shingles(view, 1)) for view in views)
    kept = {shingle for view in views for shingle in _shingles(view, 1)}
    return not all(kept.isdisjoint(_shingles(each, _STRIDE)) for each in ours)


def _shingles(packed: str, stride: int) -> Iterator[str]:
    places = range(0, len(packed) - _SHINGLE + 1, stride)
    return map(packed.__getitem__, map(slice, places, range(_SHINGLE, len(packed) + 1, stride)))


_LONG_WORD: Final = 14


# --- secrets whose values are elsewhere -------------------------------------------------------------------------------

_ENTRY: Final = struct.Struct(">BH8s")
_MOST_ENTRIES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Marks:
    """What marks_of made of a secret, with the key it was made with."""

    key: bytes = field(repr=False)
    entries: bytes = field(repr=False)


def marks_of(value: str, key: bytes) -> bytes:
    """By what a secret is known again in a text as `carried` knows it, without being told: of it and each of its lines
    a keyed digest, of a long one of every eighth run of letters. `key`: 32 random bytes."""
    entries = []
    for packed in dict.fromkeys(map(squeezed, (value, *value.split("\n")))):
        whole = [packed] if _is_distinct(packed) else []
        for piece in _shingles(packed, _STRIDE) if len(packed) >= _SHINGLE + _STRIDE else whole:
            entries.append(_ENTRY.pack(len(piece), _begins(key, piece[:_DIGITS]), _mark(key, piece)))
    return b"".join(entries[:_MOST_ENTRIES])


def _holds_marked(views: Iterable[str], marked: Sequence[Marks]) -> bool:
    wanted: dict[bytes, dict[int, list[tuple[int, bytes]]]] = {}
    for one in marked:
        for length, begins, digest in _ENTRY.iter_unpack(one.entries):
            wanted.setdefault(one.key, {}).setdefault(begins, []).append((length, digest))
    for key, by_beginning in wanted.items():
        known: dict[str, list[tuple[int, bytes]]] = {}
        for view in views:
            for at in range(len(view) - _DIGITS + 1):
                beginning = view[at : at + _DIGITS]
                if (found := known.get(beginning)) is None:
                    found = known[beginning] = by_beginning.get(_begins(key, beginning), [])
                if found and any(_mark(key, view[at : at + length]) == digest for length, digest in found):
                    return True
    return False


def _begins(key: bytes, letters: str) -> int:
    """Few bits, so that most places of a text are passed over and little is told."""
    keyed = hashlib.blake2b(letters.encode("utf-8", "surrogatepass"), digest_size=2, key=key, person=b"begins")
    return int.from_bytes(keyed.digest())


def _mark(key: bytes, letters: str) -> bytes:
    return hashlib.blake2b(letters.encode("utf-8", "surrogatepass"), digest_size=8, key=key, person=b"whole").digest()


# --- over several emails ----------------------------------------------------------------------------------------------

_FEWEST: Final = 2
_FEWEST_OF_SECRET: Final = 4
_LONG_SECRET: Final = 10
_MOST_TEXTS: Final = 200
_MOST_PIECES: Final = 2_000
_SPACED_DIGITS: Final = on_demand(r"[0-9](?:[ ._-]{0,2}[0-9])*")
_PIECE: Final = on_demand(r"[A-Za-z0-9+/=_-]{6,}")
_SURELY_CODED: Final = 16
_DIGIT: Final = on_demand("[0-9]")
_NO_DIGITS: Final = on_demand("[^0-9]+")


def completed(written: str, before: Sequence[str], codes: Iterable[str], read: Sequence[str]) -> tuple[Carried, ...]:
    """What `written` completes of what earlier emails to the same recipients (`before`, oldest first) began: one of
    `codes` in two pieces, a secret or a number of one of `read` in two, or a code (base64 and the like) that was cut
    in two and says one of these, or a credential. Each kind once."""
    earlier = "\n".join(before)[-MOST_COMPARED:]
    text = written[:MOST_COMPARED]
    found: list[Carried] = []
    old, new = _pieces(earlier), _pieces(text)
    if any(_is_cut(squeezed(code), old, new) for code in codes):
        found.append("carries_code")
    had, has = squeezed(earlier), squeezed(text)
    for mail in read[:_MOST_TEXTS]:
        wanted = _secrets(mail) | {number.lower() for number in _numbers(mail)}
        if any(len(each) >= _LONG_SECRET and each not in had and _is_halved(each, had, has) for each in wanted):
            found.append("carries_mail")
            break
    first, second = _coded(earlier)[-_MOST_PIECES:], _coded(text)[:_MOST_PIECES]
    if first and second:
        known = carried(first, codes, read)
        found += [kind for kind in carried(first + second, codes, read) if kind not in known]
    return tuple(dict.fromkeys(found))


def _pieces(text: str) -> set[str]:
    """What stands alone in a text, digits also where they are spaced or spelt out."""
    spoken = _DIGIT_WORD.sub(lambda word: _DIGIT_WORDS[word[0].lower()], text)
    digits = (each for said in {text, spoken} for each in _SPACED_DIGITS.findall(said))
    return {squeezed(token) for token in (*_tokens(text), *digits)}


def _coded(text: str) -> str:
    """What may be written in base64 or the like, without what stands between; no addresses and no plain words."""
    tokens = (token for token in text.split() if "@" not in token and "://" not in token)
    pieces = (piece for token in tokens for piece in _PIECE.findall(token))
    return "".join(piece for piece in pieces if len(piece) >= _SURELY_CODED or _DIGIT.search(piece))


def _is_cut(code: str, old: set[str], new: set[str]) -> bool:
    cuts = ((code[:at], code[at:]) for at in range(_FEWEST, len(code) - _FEWEST + 1))
    return any((a in old and b in new) or (a in new and b in old) for a, b in cuts)


def _is_halved(secret: str, had: str, has: str) -> bool:
    return any(_begun(secret, a) + _begun(secret[::-1], b[::-1]) >= len(secret) for a, b in ((had, has), (has, had)))


def _begun(secret: str, text: str) -> int:
    """How many letters of the secret's beginning stand in the text, all but _FEWEST_OF_SECRET at most; far fewer than
    none when not even so many do."""
    if secret[:_FEWEST_OF_SECRET] not in text:
        return -len(secret)
    ends = range(_FEWEST_OF_SECRET, len(secret) - _FEWEST_OF_SECRET + 1)
    # What has no shorter beginning in it has no longer one.
    return ends[bisect_left(ends, True, key=lambda end: secret[:end] not in text) - 1]


# --- traces -----------------------------------------------------------------------------------------------------------

_Kind = Literal["code", "words", "letters", "number", "secret", "address"]
_MOST_DIGESTS: Final = 4_000
"""In one trace: eight bytes each."""
_ONE_RUN_IN: Final = 4
_ONE_SHINGLE_IN: Final = 16
_CHOSEN_BY: Final = 8
"""Letters that decide whether the shingle they begin is kept; both sides choose the same ones."""
_LONG_CODE: Final = 6
_ADDRESS: Final = on_demand(r"[^\s<>()\[\]\"',;:@]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}")
_AT: Final = on_demand(r"\s{0,3}[(\[{<]\s{0,3}at\s{0,3}[)\]}>]\s{0,3}|\s{1,3}at\s{1,3}")
_DOT: Final = on_demand(r"\s{0,3}[(\[{<]\s{0,3}dot\s{0,3}[)\]}>]\s{0,3}|\s{1,3}dot\s{1,3}")


def trace(text: str, code: str, addresses: Iterable[str]) -> bytes:
    """What is kept of an email that was read (its words, its one-time code, the addresses in its header), so that it
    is known again without being kept: digests of one in four runs of words, of one in sixteen of letters, of numbers,
    secrets and addresses, at most 32 KB."""
    text = text[:MOST_COMPARED]
    plain = _DOT.sub(".", _AT.sub("@", text.lower()))
    digests = [
        *(_digest("code", squeezed(code)) for code in (code,) if len(squeezed(code)) >= _LONG_CODE),
        *(_digest("address", each.lower()) for each in (*addresses, *_ADDRESS.findall(plain))),
        *(_digest("number", number.lower()) for number in _numbers(text)),
        *(_digest("secret", secret) for secret in _secrets(text)),
        *sorted(_sampled([text], [squeezed(text)])),
    ]
    return array("Q", sorted(set(digests[:_MOST_DIGESTS]))).tobytes()


def names(left: bytes, address: str) -> bool:
    """Whether the email that left this trace names the address."""
    return _digest("address", address.lower()) in array("Q", left)


def _met(views: Sequence[str], packed: Sequence[str], traces: Iterable[bytes]) -> set[_Kind]:
    """What `views` share with emails that left traces."""
    left = [array("Q", each) for each in traces]
    if not left:
        return set()
    tokens = {squeezed(token) for view in views for token in _tokens(view)}
    numbers = {number.lower() for view in views for number in _numbers(view)}
    kinds: dict[int, _Kind] = dict.fromkeys(_sampled(views, packed), "words")
    kinds |= dict.fromkeys((_digest("secret", each) for each in tokens), "secret")
    kinds |= dict.fromkeys((_digest("number", each) for each in tokens | numbers), "number")
    kinds |= dict.fromkeys((_digest("code", each) for each in tokens | numbers), "code")
    return {kinds[digest] for each in left for digest in each if digest in kinds}


def _tokens(text: str) -> Iterator[str]:
    for token in text.split():
        yield token
        yield from re.split(r"[/?#&=;:,]", token)


def _sampled(views: Iterable[str], packed: Iterable[str]) -> set[int]:
    found = set()
    for view in views:
        words = _WORD.findall(view.lower())
        for at in range(len(words) - _RUN + 1):
            run = " ".join(words[at : at + _RUN])
            if zlib.crc32(run.encode("utf-8", "surrogatepass")) % _ONE_RUN_IN == 0:
                found.add(_digest("words", run))
    for view in packed:
        # Two bytes for a letter, so that any part can be cut out without being encoded again.
        octets = view.encode("utf-16-le", "surrogatepass")
        for at in range(0, len(octets) - 2 * _SHINGLE + 1, 2):
            if zlib.crc32(octets[at : at + 2 * _CHOSEN_BY]) % _ONE_SHINGLE_IN == 0:
                found.add(_digest("letters", octets[at : at + 2 * _SHINGLE].hex()))
    return found


def _digest(kind: _Kind, content: str) -> int:
    named = f"{kind} {content}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(named, digest_size=8).digest())


# --- compared with whole texts ----------------------------------------------------------------------------------------


def _holds_code(text: str, packed: Sequence[str], codes: set[str]) -> bool:
    if not codes:
        return False
    digits = [code for code in codes if code.isascii() and code.isdigit()]
    if digits and any(map(_Written(text).has, digits)):
        return True
    spoken = squeezed(_DIGIT_WORD.sub(lambda word: _DIGIT_WORDS[word[0].lower()], text))
    whole = "\n".join((*packed, spoken, spoken[::-1]))
    return any(squeezed(code) in whole or spellings(text, code) for code in codes if squeezed(code))


class _Written:
    """A text in which codes of digits are looked for: as a number in words or in another base, or with something
    between the digits."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._unnumbered = _NUMBERED.sub("", text)
        self._digits = [_NO_DIGITS.sub("", each) for each in (text, self._unnumbered)]
        self._lower = text.lower()
        self._said = squeezed(re.sub(r"\band\b", "", text, flags=re.IGNORECASE))

    def has(self, code: str) -> bool:
        number, apart = int(code), _APART if len(code) >= _DIGITS else _CLOSE
        # Most codes are not there at all, and that is seen at once.
        if any(code in digits for digits in self._digits):
            pulled = re.compile(rf"(?<![0-9]){f'[^0-9]{{0,{apart}}}'.join(code)}(?![0-9])")
            if pulled.search(self._text) or pulled.search(self._unnumbered):
                return True
        if len(code) < _DIGITS - 1:
            return False
        based = [f"{number:x}", f"{number:o}", f"{number:b}"]
        if any(each in self._lower for each in based):
            hexadecimal, octal, binary = based
            pattern = f"0?x?{hexadecimal}|0?o?{octal}|0?b?{binary}"
            if re.search(rf"(?<![0-9a-z])(?:{pattern})(?![0-9a-z])", self._lower):
                return True
        pairs = "".join(_in_words(int(code[at : at + 2])) for at in range(0, len(code), 2))
        return _in_words(number) in self._said or pairs in self._said


def _in_words(number: int) -> str:
    """A number in English, without blanks and "and"."""
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = _in_words(number % size) if number % size else ""
            return f"{_in_words(number // size)}{name}{rest}"
    if number >= 20:
        return _TEENS[1][number // 10 - 2] + (_ENGLISH[number % 10] if number % 10 else "")
    return _TEENS[0][number - 10] if number >= 10 else _ENGLISH[number]


def _repeats(mails: Sequence[str], views: Sequence[str], packed: Sequence[str], whole: str) -> bool:
    """Whether what was written has something of one of the emails."""
    said = {run for view in views for run in _runs(view)}
    named = {number for view in views for number in _numbers(view)}
    for mail in mails:
        numbers = _numbers(mail)
        if not said.isdisjoint(_runs(mail)) or not named.isdisjoint(numbers):
            return True
        lower = [number.lower() for number in numbers]
        if any(len(number) >= _SURE and number in whole for number in lower):
            return True
        if any(part in whole for number in lower for part in _parts(number)):
            return True
        if any(secret in whole for secret in _secrets(mail)):
            return True
    return _share_letters([squeezed(mail) for mail in mails], packed)


def _parts(number: str) -> Iterator[str]:
    """Parts of a long number that say most of it."""
    size = max(_LONG_SECRET, len(number) // 2)
    yield from (number[at : at + size] for at in range(len(number) - size + 1))


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


def _secrets(text: str) -> set[str]:
    """What was chosen or drawn so that nobody guesses it: what is named as a password or the like, parts of links."""
    near = (text[name.end() : name.end() + _NEAR] for name in _NAMED.finditer(text))
    parts = (part for url in _URL.findall(text) for part in re.split("[/?#&=;]", url)[3:])
    tokens = (*(each for window in near for each in _TOKEN.findall(window)), *parts)
    return {
        packed
        for token in tokens
        if not _DATE.match(token) and _is_mixed(token) and _DIGITS <= len(packed := squeezed(token)) <= _MOST_SECRET
    }


def _is_mixed(token: str) -> bool:
    """Digits and letters, both more than once or the letters large and small: no word, no number of a page."""
    digits = sum(map(str.isdigit, token))
    letters = sum(map(str.isalpha, token))
    return bool(digits and letters) and (not token.islower() or (digits > 1 and letters > 1))


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
