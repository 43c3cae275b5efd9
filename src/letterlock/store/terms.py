"""Words for full-text search, the same for mail and queries, in every language.

Text becomes blank-separated terms that a plain tokenizer leaves alone: words are case-folded and stripped of accents;
runs of Chinese, Japanese, Korean and Thai, which have no blanks, become pairs of letters; a word with a digit in it
also gets its tails, so that any part of a code is the beginning of some term.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from letterlock.patterns import on_demand

MAX_INDEXED_CHARS = 20_000
MAX_TERMS = 4_000
_MAX_TERM = 40
_CODE_TAILS = 16
"""A code of this length or less gets its tails; longer ones (hashes, links) would flood the index."""

# Thai and Lao, Burmese, Khmer, kana, Han, Hangul, compatibility Han, Han beyond the first plane.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_WORD = on_demand(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")
_FIRST_UNSPACED = "\u0e00"


def fold(text: str) -> str:
    """Case, width and accents removed."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def terms_of(*texts: str) -> str:
    """The terms to index for `texts`, each once, blank-separated."""
    terms: dict[str, None] = {}
    for text in texts:
        for word in _WORD.findall(fold(text[:MAX_INDEXED_CHARS])):
            if word[0] >= _FIRST_UNSPACED and not word.isascii() and _is_unspaced(word):
                for i in range(len(word)):
                    terms[word[i : i + 2]] = None
            else:
                terms[word[:_MAX_TERM]] = None
                if len(word) <= _CODE_TAILS and not word.isalpha():
                    for i in range(1, len(word) - 1):
                        terms[word[i:]] = None
        if len(terms) > MAX_TERMS:
            break
    return " ".join(list(terms)[:MAX_TERMS])


def query_terms(query: str) -> list[str]:
    """The terms all of which an email must have (as beginnings of its terms); [] when the query holds no word."""
    terms: dict[str, None] = {}
    for word in _WORD.findall(fold(query)):
        if _is_unspaced(word) and len(word) > 1:
            for i in range(len(word) - 1):
                terms[word[i : i + 2]] = None
        else:
            terms[word[:_MAX_TERM]] = None
    return list(terms)[:16]


# What is said or written for a sign: "anna (at) far dot example", %40, &#64;.
_SIGNS = "at|dot|punkt|punto|point|ponto|punt|arroba|arobase|klammeraffe|malpa|kropka|40|64|46|2e"


class Together:
    """The words of a name, to be found together: each as a word of its own, in their order, with nothing between two
    but signs and what is said for one."""

    def __init__(self, name: str) -> None:
        words = _WORD.findall(fold(name))
        letter = rf"[^\W_{_UNSPACED}]"
        between = rf"[\W_]{{1,8}}(?:(?:{_SIGNS})[\W_]{{1,8}})?"
        # Where words have no blanks none can be told from what stands around it.
        self._anywhere = any(map(_is_unspaced, words))
        self._pattern = re.compile(rf"(?<!{letter}){between.join(map(re.escape, words))}(?!{letter})")

    def stand_in(self, text: str) -> bool:
        if self._anywhere:
            return True
        folded = fold(text)
        plain = fold(unquote(text)) if "%" in text else folded
        return self._pattern.search(folded) is not None or self._pattern.search(plain) is not None


def _is_unspaced(word: str) -> bool:
    return bool(re.match(f"[{_UNSPACED}]", word))
