"""A small trained model of text that tries to command whoever reads it for a person: a score for every passage.

Linear over hashed pieces of about twenty words: each word, pair and triple, pieces of words, and what words mean (the
concepts of lexicon.py) near each other. Sums of windows come from prefix sums, so the cost is linear in the text. The
weights lie beside this file, made by bench/train_injection.py; their first line says from what, when and how well.
numpy is loaded with the weights, on first use: only processes that read mail pay for it.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from letterlock.patterns import on_demand
from letterlock.screen.lexicon import UNSPACED_WORDS, meaning

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

WINDOW: Final = 20
"""Tokens of a passage."""
STEP: Final = 3
_SHORTEST: Final = 6
"""A text of fewer tokens is scored as if it had so many: two words are not an order."""
_CHUNK: Final = 16_384
"""Tokens scored at once, so that memory does not grow with the text."""
_MOST: Final = 50

# --- what a text is made of -------------------------------------------------------------------------------------------

_UNSPACED: Final = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_CLUSTER: Final = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff][\u0e30-\u0e3a\u0e47-\u0e4e\u102b-\u103e\u17b4-\u17d3]{0,4}"
_LETTER: Final = (
    "a-zA-Z\u00aa\u00b5\u00ba\u00c0-\u0963\u0966-\u0dff\u0f00-\u0fff\u10a0-\u177f\u1800-\u1fff\u2c00-\u2dff"
    "\ua640-\ud7af\ufb00-\ufdff\ufe70-\ufefc\uff21-\uff5a\uff66-\uffdc\U00010000-\U0001efff"
)
# Words (with the host where they are the name of an address), numbers, marks; writing without blanks goes by the
# character, but words of a known meaning stay whole. Every repetition is possessive or has an end.
_TOKEN: Final = on_demand(
    rf"https?://[^\s<>\"]{{1,2000}}|[{_LETTER}]++(?:['’][{_LETTER}]++)?(?:@[\w-]++(?:\.[\w-]++)*+)?|[0-9]++"
    rf"|[^\w\s]{{1,4}}|(?=[{_UNSPACED}\u0e00-\u0eff])(?:{UNSPACED_WORDS})|[{_UNSPACED}]|{_CLUSTER}|\w"
)
_LONG_WORD: Final = 24

NGRAM_BITS: Final = 19
PIECE_BITS: Final = 17
CONCEPTS: Final = 64
_LINK, _MAILBOX = 62, 63
NEAR: Final = 8
"""How far apart, in tokens, two meanings still belong together."""
_PIECES_AT: Final = 1 << NGRAM_BITS
_SINGLES_AT: Final = _PIECES_AT + (1 << PIECE_BITS)
_PAIRS_AT: Final = _SINGLES_AT + CONCEPTS
_TRIPLES_AT: Final = _PAIRS_AT + 2 * CONCEPTS * CONCEPTS
SIZE: Final = _TRIPLES_AT + CONCEPTS**3
PIECE_VALUE: Final = 0.3
"""How much a piece of a word counts beside a word."""

_A: Final = 0x9E3779B1
_B: Final = 0x85EBCA6B
_C: Final = 0xC2B2AE35


def tokens(text: str) -> list[str]:
    """The tokens of `text`, as written."""
    return _TOKEN.findall(text)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each of tokens(text) stands."""
    return (match.span() for match in _TOKEN.finditer(text))


def _shape(token: str) -> str:
    """What a token counts as: numbers, addresses and links by their kind, words in lower case."""
    if token.startswith(("http://", "https://")):
        return "\x00url"
    if "@" in token and len(token) > 1:
        return "\x00address"
    if token.isdigit():
        return "\x00code" if 4 <= len(token) <= 8 else "\x00number"
    return token.lower()[:_LONG_WORD]


def pieces(word: str) -> list[int]:
    """The features of the pieces within a word in lower case."""
    if len(word) < 3 or not word[0].isalpha():
        return []
    edged = f"^{word}$"
    sizes = (2, 3) if word[0] >= "\u0e00" else (4, 5)
    mask = (1 << PIECE_BITS) - 1
    crc = zlib.crc32
    return [
        _PIECES_AT + (crc(edged[at : at + size].encode("utf-8", "surrogatepass")) & mask)
        for size in sizes
        for at in range(len(edged) - size + 1)
    ]


def meanings(word: str) -> tuple[int, ...]:
    """The concepts of a token, at most three, from 1 on."""
    if word == "\x00url":
        return (_LINK,)
    if word == "\x00address":
        return (_MAILBOX,)
    bits = meaning(word)
    found: list[int] = []
    while bits and len(found) < 3:
        low = bits & -bits
        found.append(low.bit_length())
        bits ^= low
    return tuple(found)


class Vocabulary(dict[str, int]):
    """Numbers for tokens, each worked out once; forgotten when there are too many."""

    LIMIT: Final = 40_000

    def __init__(self, weights: NDArray[np.int8] | None = None) -> None:
        import numpy as np

        super().__init__()
        self.weights = None if weights is None else memoryview(weights.data)
        self.words: list[str] = []
        self.hashes = np.zeros(self.LIMIT, np.uint32)
        self.sums = np.zeros(self.LIMIT, np.int32)
        self.concepts = np.zeros((self.LIMIT, 3), np.int8)

    def __missing__(self, token: str) -> int:
        shape = _shape(token)
        if shape != token and shape in self:
            number = self[shape]
            # Links and addresses are new each time: not worth a place.
            if shape[0] != "\x00":
                self[token] = number
            return number
        number = len(self.words)
        if number >= self.LIMIT:
            raise OverflowError
        self.words.append(shape)
        value = zlib.crc32(shape.encode("utf-8", "surrogatepass"))
        self.hashes[number] = value
        found = meanings(shape)
        if found:
            self.concepts[number, : len(found)] = found
        if self.weights is not None:
            weights = self.weights
            total = weights[word_feature(value)]
            for piece in pieces(shape):
                total += weights[piece]
            for concept in found:
                total += weights[_SINGLES_AT + concept]
            self.sums[number] = total
        self[shape] = number
        if shape[0] != "\x00":
            self[token] = number
        return number

    def numbers(self, found: list[str]) -> Ints:
        import numpy as np

        for _ in range(2):
            try:
                return np.array([self[token] for token in found], np.int64)
            except OverflowError:
                self.clear()
                self.words.clear()
                self.concepts.fill(0)
        # More different words than there is room for within one chunk.
        return np.zeros(len(found), np.int64)


def word_feature(value: int) -> int:
    return ((value * _A) & 0xFFFFFFFF) >> (32 - NGRAM_BITS)


def single_features(word: str, value: int) -> list[int]:
    """The features of a token by itself, without its pieces."""
    return [word_feature(value), *(_SINGLES_AT + concept for concept in meanings(word))]


def ngram_features(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """For each token the features of the pair, the pair over one, and the triple that end with it, as three rows."""
    import numpy as np

    count = len(hashes)
    padded = np.zeros(count + 2, np.uint32)
    padded[2:] = hashes
    found: NDArray[np.uint32] = np.empty((3, count), np.uint32)
    first, second = padded[:-2] * np.uint32(_B), padded[1:-1] * np.uint32(_C)
    last = hashes * np.uint32(_A)
    np.add(second, last, out=found[0])
    np.add(first, last, out=found[1])
    np.bitwise_xor(found[1], second, out=found[2])
    found[1] ^= np.uint32(0x5BD1E995)
    found *= np.uint32(0x2C1B3C6D)
    found >>= np.uint32(32 - NGRAM_BITS)
    return found


def concept_features(concepts: NDArray[np.int8]) -> tuple[Ints, Ints]:
    """Features of meanings near each other: the places they end at, and the features. `concepts`: a row for a token."""
    import numpy as np

    places, slots = np.nonzero(concepts)
    found = concepts[places, slots].astype(np.int64)
    count = len(places)
    # A row for each way two of them can be apart; what would lie beyond the last is too far from everything.
    padded = np.full(count + NEAR + 1, count and int(places[-1]) + NEAR + 1, np.int64)
    padded[:count] = places
    later = np.arange(1, NEAR + 2)[:, None] + np.arange(count)
    distance = padded[later] - places
    apart, first = np.nonzero((distance <= NEAR) & (distance > 0))
    second = first + apart + 1
    far = distance[apart, first] > 2
    where = places[second]
    what = found[first] * CONCEPTS + found[second] + far * (CONCEPTS * CONCEPTS) + _PAIRS_AT
    if count <= 2:
        return where, what
    near = places[2:] - places[:-2] <= NEAR + 2
    triples = _TRIPLES_AT + (found[:-2] * CONCEPTS + found[1:-1]) * CONCEPTS + found[2:]
    return np.concatenate((where, places[2:][near])), np.concatenate((what, triples[near]))


# --- scoring ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage and how much it reads like an order to a machine: `score` 0..1, `start` and `end` in the text."""

    score: float
    start: int
    end: int


class Model:
    """Made by load_model."""

    def __init__(self, header: dict[str, Any], weights: NDArray[np.int8]) -> None:
        self.header = header
        self._weights = weights
        self._vocabulary = Vocabulary(weights)
        self._scale = float(header["scale"])
        self._bias = float(header["bias"])
        self._logits = [float(point[0]) for point in header["calibration"]]
        self._scores = [float(point[1]) for point in header["calibration"]]

    def calibrated(self, logit: float) -> float:
        """One in a hundred honest mails of held-out sources reaches 0.5, one in a thousand 0.8."""
        import numpy as np

        return float(np.interp(logit, self._logits, self._scores))

    def windows(self, found: list[str]) -> tuple[Floats, Ints]:
        """The logit of each window over tokens, and the token it begins with."""
        import numpy as np

        logits, starts = [], []
        for begin in range(0, max(1, len(found)), _CHUNK):
            part = found[begin : begin + _CHUNK + WINDOW]
            sums = self._positions(part)
            total = np.zeros(len(part) + 1, np.int64)
            np.cumsum(sums, out=total[1:])
            length = min(WINDOW, len(part))
            first = np.arange(0, len(part) - length + 1, STEP)
            if (len(part) - length) % STEP:
                first = np.append(first, len(part) - length)
            scale = self._scale / max(length, _SHORTEST) ** 0.5
            logits.append((total[first + length] - total[first]) * scale + self._bias)
            starts.append(first + begin)
        return np.concatenate(logits), np.concatenate(starts)

    def _positions(self, found: list[str]) -> NDArray[np.int32]:
        import numpy as np

        vocabulary = self._vocabulary
        numbers = vocabulary.numbers(found)
        sums = vocabulary.sums[numbers]
        sums += self._weights[ngram_features(vocabulary.hashes[numbers])].sum(axis=0, dtype=np.int32)
        concepts = vocabulary.concepts[numbers]
        if concepts.any():
            places, features = concept_features(concepts)
            if len(places):
                np.add.at(sums, places, self._weights[features].astype(np.int32))
        return sums

    def logit(self, text: str) -> float:
        """Of the most suspicious passage of `text`."""
        found = tokens(text)
        if not found:
            return -99.0
        return float(self.windows(found)[0].max())

    def score(self, text: str) -> float:
        """Of the most suspicious passage of `text`, 0..1."""
        return self.calibrated(self.logit(text))

    def passages(self, text: str, least: float) -> list[Passage]:
        """The passages of `text` that score `least` or more, the highest first, none within another; and always the
        highest of all, whatever it scores, unless the text is empty."""
        found = tokens(text)
        if not found:
            return []
        logits, starts = self.windows(found)
        best = int(logits.argmax())
        chosen = [best]
        if self.calibrated(float(logits[best])) >= least:
            order = logits.argsort(kind="stable")[::-1]
            taken = set(range(int(starts[best]) // STEP - WINDOW // STEP, int(starts[best]) // STEP + WINDOW // STEP))
            for index in order.tolist():
                if len(chosen) >= _MOST or self.calibrated(float(logits[index])) < least:
                    break
                at = int(starts[index]) // STEP
                if at not in taken:
                    chosen.append(index)
                    taken.update(range(at - WINDOW // STEP + 1, at + WINDOW // STEP))
        else:
            return [Passage(self.calibrated(float(logits[best])), 0, len(text))]
        edges = list(islice(spans(text), int(starts[chosen].max()) + WINDOW))
        result = []
        for index in chosen:
            first = int(starts[index])
            last = min(first + WINDOW, len(found)) - 1
            result.append(Passage(self.calibrated(float(logits[index])), edges[first][0], edges[last][1]))
        return result


WEIGHTS: Final = "injection.model"


def read_model(raw: bytes) -> Model:
    """The model in `raw`: a line of JSON, then the weights as zlib-packed int8."""
    import numpy as np

    line, _, packed = raw.partition(b"\n")
    return Model(json.loads(line), np.frombuffer(zlib.decompress(packed), np.int8))


def write_model(header: dict[str, Any], weights: NDArray[np.int8]) -> bytes:
    """What read_model reads."""
    return json.dumps(header, ensure_ascii=False).encode() + b"\n" + zlib.compress(weights.tobytes(), 9)


@cache
def load_model() -> Model:
    """The model that is shipped."""
    # One thread does here, and the others' stacks would count against a worker's memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return read_model(files("letterlock.screen").joinpath(WEIGHTS).read_bytes())
