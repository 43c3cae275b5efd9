"""Trains the model of the screen: python bench/train_injection.py --corpus IN.jsonl.gz --out FILE --seed N

IN holds a JSON object a line: {"id", "source", "label": 1 or 0, "kind", "subject", "text"} and "payload", the passage
that gives orders, where one stands in a mail. The same rows and seed give the same bytes. The figures in the file's
first line, and what its scores mean, come from models that saw neither the source of an attack nor the source of the
mail it stands in (see injection.py). One core, some minutes.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import hashlib
import json
import random
import re
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from letterlock.screen import model
from letterlock.screen.model import PIECE_VALUE, SIZE, WINDOW

Row = dict[str, Any]

# Sources that share texts or authors go together: a fold leaves out all of them.
FAMILIES = {
    "asb": "asb",
    "cyberseceval": "cyberseceval",
    "deepset": "deepset",
    "garak": "jailbreaks",
    "giskard": "jailbreaks",
    "pyrit": "jailbreaks",
    "own": "own",
}
GROUPS = {
    "spamassassin": "letters",
    "own-hardneg": "hard",
    "devise": "translated",
    "laravel": "interfaces",
    "postmark": "templates",
    "django": "templates",
    "kratos": "templates",
    "appwrite": "templates",
    "set-of-emails": "bounces",
    "deepset": "questions",
}
TESTED = ("letters", "hard", "translated", "templates", "bounces")
HONEST_MAIL = ("email_ham", "email_transactional", "email_multilingual", "email_bounce")
PLANTED = ("email_indirect", "email_indirect_multilingual")
_WEIGHT = {
    "email_ham": 1.0,
    "email_transactional": 3.0,
    "email_multilingual": 2.0,
    "email_bounce": 1.0,
    "hardneg_email": 4.0,
    "prompt_benign": 0.3,
    "ui_multilingual": 0.7,
    "spam": 1.0,
    "email_indirect": 1.0,
    "email_indirect_multilingual": 1.0,
    "indirect": 0.5,
    "indirect_multilingual": 0.5,
    "direct": 0.3,
    "direct_multilingual": 0.3,
}
_LONG = 0.1
PHRASES = Path(__file__).with_name("injection_phrases.txt")
_ENGLISH_MAILS = 1_500
_OTHER_MAILS = 200
_ENGLISH_ORDERS = 8_000
_OTHER_ORDERS = 500
_EPOCHS = (2, 3)
_RATE = 0.15
_LEFT_OUT = 0.5
_SHARP = 1.0
_EASY = -99.0
_BATCH = 128


def read_rows(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def _named(source: str, table: dict[str, str]) -> str:
    for prefix, name in table.items():
        if source.startswith(prefix):
            return name
    return source


def family_of(row: Row) -> str:
    """The attack's family; "" for an honest row."""
    return _named(row["source"], FAMILIES) if row["label"] else ""


def group_of(row: Row) -> str:
    """The group of an honest row."""
    return _named(row["source"], GROUPS)


def key(text: str) -> str:
    """What two copies of a text have in common."""
    return "".join(filter(str.isalnum, text.lower()))


class Carriers:
    """Which group of honest mail each row stands in."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._by_text: dict[str, str] = {}
        self._by_subject: dict[str, str] = {}
        for row in rows:
            if not row["label"]:
                group = group_of(row)
                self._by_text.setdefault(key(row["text"])[:200], group)
                self._by_subject.setdefault(key(row.get("subject") or ""), group)

    def group(self, row: Row) -> str:
        """ "" for an attack that stands in no mail."""
        if not row["label"]:
            return group_of(row)
        if not row.get("payload"):
            return ""
        rest = key(row["text"].replace(row["payload"], " "))[:200]
        if rest in self._by_text:
            return self._by_text[rest]
        return self._by_subject.get(key(row.get("subject") or ""), "letters")


# --- windows ----------------------------------------------------------------------------------------------------------


@dataclass
class Windows:
    """Passages as features, and what is known of each."""

    features: list[NDArray[np.int32]] = field(default_factory=list)
    values: list[NDArray[np.float32]] = field(default_factory=list)
    lengths: list[NDArray[np.int64]] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    family: list[str] = field(default_factory=list)
    group: list[str] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    bag: list[int] = field(default_factory=list)
    """Passages of one attack have one number; at least one of them shows it."""
    bags: int = 0
    places: int = 0

    def __post_init__(self) -> None:
        self._vocabulary = model.Vocabulary()
        self._own: dict[str, tuple[NDArray[np.int32], NDArray[np.float32]]] = {}

    def text(self, found: list[str]) -> int:
        """Adds a text; the place of its first token."""
        vocabulary = self._vocabulary
        numbers = vocabulary.numbers(found)
        count = len(found)
        grams = model.ngram_features(vocabulary.hashes[numbers])
        single = [self._single(vocabulary.words[number]) for number in numbers.tolist()]
        places, pairs = model.concept_features(vocabulary.concepts[numbers])
        where = np.concatenate(
            [np.repeat(np.arange(count), [len(each[0]) for each in single]), np.tile(np.arange(count), 3), places]
        )
        what = np.concatenate([*(each[0] for each in single), grams.ravel().astype(np.int32), pairs.astype(np.int32)])
        value = np.concatenate([*(each[1] for each in single), np.ones(3 * count + len(pairs), np.float32)])
        order = np.argsort(where, kind="stable")
        self.features.append(what[order])
        self.values.append(value[order])
        self.lengths.append(np.bincount(where, minlength=count))
        place = self.places
        self.places += count
        self.bags += 1
        return place

    def _single(self, word: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        known = self._own.get(word)
        if known is None:
            value = zlib.crc32(word.encode("utf-8", "surrogatepass"))
            alone, inside = model.single_features(word, value), model.pieces(word)
            known = self._own[word] = (
                np.array(alone + inside, np.int32),
                np.array([1.0] * len(alone) + [PIECE_VALUE] * len(inside), np.float32),
            )
        return known

    def add(self, first: int, last: int, label: int, weight: float, family: str, group: str, row_key: str) -> None:
        self.first.append(first)
        self.last.append(last)
        self.label.append(label)
        self.weight.append(weight)
        self.family.append(family)
        self.group.append(group)
        self.key.append(row_key)
        self.bag.append(self.bags)


def windows_of(rows: list[Row], seed: int) -> Windows:
    """Passages of honest mail, and of attacks alone and planted in honest mail of each group."""
    pick = random.Random(seed)
    made = Windows()
    carriers: dict[str, list[list[str]]] = defaultdict(list)
    for row in rows:
        if row["label"]:
            continue
        group = group_of(row)
        found = model.tokens(f"{row['text']}\n\n{row.get('subject') or ''}")[:4_000]
        if not found:
            continue
        weight = _WEIGHT[row["kind"]]
        if row["kind"].startswith("email"):
            carriers[group].append(found)
        start = made.text(found)
        for at in range(0, max(1, len(found) - WINDOW // 2), WINDOW // 2):
            made.add(start + at, start + min(at + WINDOW, len(found)), 0, weight, "", group, "")
    # A sentence of ours that an attack of the corpus also says would take the answer into every fold.
    known = {run for row in rows if row["label"] for run in runs(row.get("payload") or row["text"])}
    _add_phrases(made, Phrases(PHRASES, seed, known), carriers, pick)
    seen = set()
    for row in rows:
        if not row["label"] or row["kind"] == "email_plain_task":
            continue
        payload = row.get("payload") or row["text"]
        row_key = key(payload)[:60]
        if (row["source"], row_key) in seen:
            continue
        seen.add((row["source"], row_key))
        family = family_of(row)
        weight = _WEIGHT[row["kind"]]
        found = model.tokens(payload)[:1_200]
        if not found:
            continue
        if len(found) > 150:
            weight *= _LONG
        _alone(made, found, weight, family, row_key)
        for group in sorted(carriers):
            _planted(made, found, pick.choice(carriers[group]), weight, family, group, row_key, pick)
    return made


def _add_phrases(
    made: Windows, phrases: Phrases, carriers: dict[str, list[list[str]]], pick: random.Random
) -> None:  # fmt: skip
    """Sentences of our own, by themselves and among mail of every group: orders as attacks, and honest ones of other
    languages as honest, so that a change of language is not what is learnt."""
    for language in phrases.languages:
        english = language == "en"
        own: list[list[str]] = []
        for _ in range(_ENGLISH_MAILS if english else _OTHER_MAILS):
            found = model.tokens(phrases.mail(language))
            own.append(found)
            start = made.text(found)
            for at in range(0, max(1, len(found) - WINDOW // 2), WINDOW // 2):
                made.add(start + at, start + min(at + WINDOW, len(found)), 0, 1.0, "", "", "")
        for _ in range(_ENGLISH_MAILS // 6 if english else _OTHER_MAILS // 2):
            for group in sorted(carriers):
                honest = model.tokens(phrases.mail(language))[: 2 * WINDOW]
                _planted(made, honest, pick.choice(carriers[group]), 1.0, "", group, "", pick, label=0)
        for number in range(_ENGLISH_ORDERS if english else _OTHER_ORDERS):
            found = model.tokens(phrases.order(language))
            _alone(made, found, 0.5, "phrases", "")
            group = sorted(carriers)[number % len(carriers)]
            _planted(made, found, pick.choice(carriers[group]), 1.0, "phrases", group, "", pick)
            _planted(made, found, pick.choice(own), 1.0, "phrases", "", "", pick)


def _alone(made: Windows, found: list[str], weight: float, family: str, row_key: str) -> None:
    start = made.text(found)
    starts = list(range(0, max(1, len(found) - WINDOW // 2), WINDOW // 2))[:12]
    for at in starts:
        made.add(start + at, start + min(at + WINDOW, len(found)), 1, weight / len(starts) ** 0.7, family, "", row_key)


def _planted(
    made: Windows, found: list[str], carrier: list[str], weight: float, family: str, group: str, row_key: str,
    pick: random.Random, label: int = 1,
) -> None:  # fmt: skip
    cut = pick.randrange(len(carrier) + 1)
    before, after = carrier[max(0, cut - WINDOW) : cut], carrier[cut : cut + WINDOW]
    start = made.text(before + found[: 4 * WINDOW] + after)
    inside, end = start + len(before), start + len(before) + min(len(found), 4 * WINDOW)
    total = end + len(after)
    least = min(WINDOW * 2 // 3, max(1, len(found) * 2 // 3))
    starts = list(range(max(start, inside + least - WINDOW), max(start, end - least) + 1))
    chosen = pick.sample(starts, min(3, len(starts)))
    for at in chosen:
        made.add(at, min(at + WINDOW, total), label, weight / len(chosen), family, group, row_key)


# --- sentences of our own ---------------------------------------------------------------------------------------------

_SLOT_LINE = re.compile(r"=(\w+) (.+)")
_SLOT = re.compile(r"\{(\w+)\}")
_NAMES = (
    *("ana", "ben", "carla", "dmitri", "elif", "farid", "grace", "hiro", "ines", "jonas"),
    *("kim", "lea", "milan", "nora", "omar", "priya", "quinn", "rosa", "sven", "tara"),
)
_HOSTS = ("example.com", "mail.example", "acme.example", "shop.example", "far.example", "post.example", "data.example")


_RUN = 6


def runs(text: str) -> Iterator[tuple[str, ...]]:
    """Every run of six tokens."""
    found = [token.lower() for token in model.tokens(text[:20_000])]
    return zip(*(found[at:] for at in range(_RUN)), strict=False)


@dataclass
class Language:
    """What phrases of one language there are."""

    orders: list[str] = field(default_factory=list)
    honest: list[str] = field(default_factory=list)


class Phrases:
    """Sentences of injection_phrases.txt put together by chance."""

    def __init__(self, path: Path, seed: int, known: Collection[tuple[str, ...]] = ()) -> None:
        """Without what shares a run of words with `known`."""
        self.languages: dict[str, Language] = {}
        self._slots: dict[str, list[str]] = defaultdict(list)
        self.pick = random.Random(seed)
        name = ""
        for line in path.read_text("utf-8").splitlines():
            if slot := _SLOT_LINE.fullmatch(line):
                if not any(run in known for run in runs(slot[2])):
                    self._slots[slot[1]].append(slot[2])
            elif line.startswith("["):
                name = line.strip("[]")
                self.languages.setdefault(name, Language())
            elif line.startswith("!"):
                if not any(run in known for run in runs(line[1:])):
                    self.languages[name].orders.append(line[1:].strip())
            elif line.startswith("-"):
                self.languages[name].honest.append(line[1:].strip())

    def filled(self, line: str) -> str:
        pick = self.pick
        for _ in range(3):
            line = _SLOT.sub(lambda match: self._slot(match[1]), line)
        shape = pick.random()
        if shape < 0.06:
            return line.upper()
        return line.lower() if shape < 0.14 else line

    def _slot(self, name: str) -> str:
        pick = self.pick
        host = pick.choice(_HOSTS)
        if name == "address":
            return f"{pick.choice(_NAMES)}@{host}"
        if name == "url":
            return f"https://{host}/{pick.choice(_NAMES)}"
        if name == "phone":
            return f"+{pick.randrange(1, 99)} {pick.randrange(100, 999)} {pick.randrange(1000, 9999)}"
        if name in ("code", "number"):
            return str(pick.randrange(1000, 999_999))
        if name == "Hush":
            hush = pick.choice(self._slots["hush"])
            return hush[0].upper() + hush[1:]
        return pick.choice(self._slots[name])

    def order(self, language: str) -> str:
        lines = self.languages[language].orders
        return " ".join(self.filled(line) for line in self.pick.sample(lines, self.pick.choice((1, 1, 1, 2, 2, 3))))

    def mail(self, language: str) -> str:
        lines = self.languages[language].honest
        chosen = self.pick.sample(lines, min(len(lines), self.pick.randrange(2, 10)))
        return self.pick.choice(("\n\n", "\n", " ")).join(self.filled(line) for line in chosen)


# --- learning ---------------------------------------------------------------------------------------------------------


class Learner:
    """Logistic regression over windows, by averaged stochastic gradient with a rate for each feature (AdaGrad)."""

    def __init__(self, made: Windows) -> None:
        self.features = np.concatenate(made.features)
        self.values = np.concatenate(made.values)
        edges = np.zeros(made.places + 1, np.int64)
        np.cumsum(np.concatenate(made.lengths), out=edges[1:])
        first, last = np.array(made.first), np.array(made.last)
        self.begin, self.end = edges[first], edges[last]
        self.norm = 1 / np.sqrt(np.maximum(last - first, model._SHORTEST)).astype(np.float32)
        self.label = np.array(made.label, np.float32)
        self.weight = np.array(made.weight, np.float32)
        self.bag = np.array(made.bag)
        self.family, self.group, self.key = np.array(made.family), np.array(made.group), np.array(made.key)

    def chosen(self, family: str = "", group: str = "", without: Iterable[str] = ()) -> NDArray[np.int64]:
        """Windows of no attack of `family`, of no mail of `group` and of no text of `without`."""
        keep = np.ones(len(self.label), bool)
        if family:
            keep &= self.family != family
        if group:
            keep &= self.group != group
        without = set(without) - {""}
        if without:
            keep &= ~np.isin(self.key, sorted(without))
        return np.flatnonzero(keep)

    def _batch(self, which: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        begin, size = self.begin[which], self.end[which] - self.begin[which]
        edges = np.zeros(len(which) + 1, np.int64)
        np.cumsum(size, out=edges[1:])
        flat = np.repeat(begin - edges[:-1], size) + np.arange(edges[-1])
        return self.features[flat], self.values[flat] * np.repeat(self.norm[which], size), edges

    def margins(self, weights: NDArray[Any], bias: float, which: NDArray[np.int64]) -> NDArray[Any]:
        parts = []
        for at in range(0, len(which), 4096):
            index, value, edges = self._batch(which[at : at + 4096])
            parts.append(np.add.reduceat(weights[index] * value, edges[:-1]) + bias)
        return np.concatenate(parts)

    def learn(self, which: NDArray[np.int64], seed: int) -> tuple[NDArray[np.float32], float]:
        """Weights and bias. Twice: after the first time it is known which passages of an attack show it, and the others
        hardly count."""
        shuffle = np.random.default_rng(seed)
        weight = self.weight.copy()
        positive = which[self.label[which] > 0]
        negative = which[self.label[which] == 0]
        weights, bias = self._descend(which, weight, shuffle, _EPOCHS[0])
        margin = np.exp(np.clip(_SHARP * self.margins(weights, bias, positive), -30, 30))
        bags = self.bag[positive]
        weight[positive] = (
            np.bincount(bags, weight[positive])[bags] * margin / np.bincount(bags, margin)[bags]
        ).astype(np.float32)
        near = self.margins(weights, bias, negative) > _EASY
        return self._descend(np.concatenate([positive, negative[near]]), weight, shuffle, _EPOCHS[1], weights, bias)

    def _descend(
        self, which: NDArray[np.int64], weight: NDArray[np.float32], shuffle: np.random.Generator, epochs: int,
        start: NDArray[np.float32] | None = None, bias: float = 0.0,
    ) -> tuple[NDArray[np.float32], float]:  # fmt: skip
        weight = weight.copy()
        positive = self.label[which] > 0
        # Both sides weigh the same.
        weight[which[positive]] *= weight[which[~positive]].sum() / weight[which[positive]].sum()
        weight /= weight[which].mean()
        np.minimum(weight, 20, out=weight)
        weights = np.zeros(SIZE, np.float32) if start is None else start.copy()
        squares = np.full(SIZE, 1e-2, np.float32)
        mean = np.zeros(SIZE, np.float32)
        mean_bias = 0.0
        averaged = 0
        steps = epochs * -(-len(which) // _BATCH)
        step = 0
        for _ in range(epochs):
            order = shuffle.permutation(which)
            for at in range(0, len(order), _BATCH):
                batch = order[at : at + _BATCH]
                index, value, edges = self._batch(batch)
                # Half of the features are left out each time, so that none can be relied upon alone.
                value = value * (shuffle.random(len(value), np.float32) > _LEFT_OUT)
                margin = np.add.reduceat(weights[index] * value, edges[:-1]) / (1 - _LEFT_OUT) + bias
                wrong = (1 / (1 + np.exp(-np.clip(margin, -30, 30))) - self.label[batch]) * weight[batch]
                gradient = np.repeat(wrong, np.diff(edges)).astype(np.float32) * value
                np.add.at(squares, index, gradient * gradient)
                np.subtract.at(weights, index, _RATE * gradient / np.sqrt(squares[index]))
                bias -= 0.01 * float(wrong.mean())
                step += 1
                if step > steps // 2 and step % 25 == 0:
                    mean += weights
                    mean_bias += bias
                    averaged += 1
        return mean / max(1, averaged), mean_bias / max(1, averaged)


def packed(weights: NDArray[np.float32], bias: float, header: dict[str, Any]) -> bytes:
    """The file: weights as int8, after the largest one in ten thousand are cut off."""
    weights = weights.copy()
    weights[model._PIECES_AT : model._SINGLES_AT] *= PIECE_VALUE
    used = np.abs(weights[weights != 0])
    most = float(np.quantile(used, 0.9999))
    scale = most / 127
    small = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
    return model.write_model({**header, "scale": round(scale, 8), "bias": round(bias, 6)}, small)


# --- what scores mean -------------------------------------------------------------------------------------------------


def mail_text(row: Row) -> str:
    return f"{row['text']}\n\n{row.get('subject') or ''}"


@dataclass(frozen=True)
class Scored:
    """A row with the logit of a model that saw nothing of its sources."""

    row: Row
    logit: float
    family: str
    group: str


def cells(rows: list[Row], made: Windows, seed: int) -> Iterator[tuple[str, str, model.Model, list[Row]]]:
    """For each family of attacks and each group of honest mail: a model that saw neither, and the rows of both."""
    carriers = Carriers(rows)
    learner = Learner(made)
    stands_in = {row["id"]: carriers.group(row) for row in rows}
    for family in sorted(set(FAMILIES.values())):
        for group in TESTED:
            test = [
                row
                for row in rows
                if (stands_in[row["id"]] == group or not stands_in[row["id"]])
                and (not row["label"] or family_of(row) == family)
            ]
            attacks = {key(row.get("payload") or row["text"])[:60] for row in test if row["label"]}
            weights, bias = learner.learn(learner.chosen(family, group, attacks), seed)
            trained = model.read_model(packed(weights, bias, {"calibration": [[-9, 0], [9, 1]]}))
            yield family, group, trained, test


def calibration(honest: list[float]) -> list[list[float]]:
    """Points of logit and score: one honest mail in a hundred lies above 0.5, one in a thousand above 0.8; beyond what
    the honest mails can tell, to quarantine takes as much again."""
    found = np.sort(np.array(honest))
    points: list[list[float]] = []
    for above, score in ((0.2, 0.0), (0.05, 0.15), (0.02, 0.35), (0.01, 0.5), (0.003, 0.68), (0.001, 0.8)):
        points.append([round(float(np.quantile(found, 1 - above)), 4), score])
    points.append([round(2 * points[-1][0] - points[-3][0], 4), 0.9])
    points.append([round(points[-1][0] + 3, 4), 0.97])
    return points


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--corpus", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--date", default=datetime.date.today().isoformat())
    chosen = options.parse_args()
    rows = read_rows(chosen.corpus)
    begin = time.process_time()
    made = windows_of(rows, chosen.seed)
    print(f"{len(made.label)} windows, {time.process_time() - begin:.0f} s", file=sys.stderr)

    honest: list[float] = []
    attacks: list[float] = []
    for family, group, trained, test in cells(rows, made, chosen.seed):
        for row in test:
            if row["kind"] in HONEST_MAIL:
                honest.append(trained.logit(mail_text(row)))
            elif row["kind"] in PLANTED:
                attacks.append(trained.logit(mail_text(row)))
        print(f"{family} {group} {time.process_time() - begin:.0f} s", file=sys.stderr)
    points = calibration(honest)
    found = np.array(attacks)
    recall = {name: round(float((found >= points[at][0]).mean()), 4) for name, at in (("0.5", 3), ("0.8", 5))}

    learner = Learner(made)
    weights, bias = learner.learn(learner.chosen(), chosen.seed)
    header = {
        "what": "letterlock injection model",
        "version": 1,
        "date": chosen.date,
        "seed": chosen.seed,
        "data_sha256": hashlib.sha256(chosen.corpus.read_bytes()).hexdigest(),
        "phrases_sha256": hashlib.sha256(PHRASES.read_bytes()).hexdigest(),
        "rows": len(rows),
        "windows": len(made.label),
        "held_out": {"honest_mails": len(honest), "attacks": len(attacks), "recall_at_score": recall},
        "calibration": points,
    }
    chosen.out.write_bytes(packed(weights, bias, header))
    print(json.dumps({**header, "bytes": chosen.out.stat().st_size, "cpu_s": round(time.process_time() - begin)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
