"""screen(evidence) -> Screening: findings, one score in 0..1, one Level.

Two witnesses: the rules, each of which fires by itself, and the trained model, which scores every passage.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate
from math import prod
from typing import Final, NamedTuple

from letterlock.screen.model import Passage, load_model
from letterlock.screen.readings import is_prose, readings
from letterlock.screen.rule import Evidence, Finding, Rule
from letterlock.screen.rules import RULES
from letterlock.screen.rules.orders import ORDERS


class Level(StrEnum):
    TRUSTED = "trusted"
    NORMAL = "normal"
    SUSPECT = "suspect"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """score < suspect: normal; < quarantined: suspect; else quarantined."""

    suspect: float = 0.5
    quarantined: float = 0.9


_THRESHOLDS: Final = Thresholds()
_HITS: Final = 500
MODEL_RULE: Final = "model.passage"
_REASON: Final = "It reads like an order to whoever reads it for a person."
NOTED: Final = 0.25
"""Below it the model says nothing: so many honest mails score higher that it would only be noise."""
_SUBJECT_CHARS: Final = 2_000
_HIDDEN_CHARS: Final = 20_000
_NAMES: Final = frozenset({"name", "to", "cc", "address", "file name"})
_LEAST_BLANKS: Final = 3
_SURE: Final = 0.8
_ORDERS: Final = frozenset(rule.name for rule in ORDERS)
_QUOTES: Final = {
    '"': '"',
    "\u201c": "\u201d",
    "\u201e": "\u201c\u201d",
    "\u00ab": "\u00bb",
    "\u2018": "\u2019",
    "\u300c": "\u300d",
}
_QUOTED_CHARS: Final = 200
_ATTACHED: Final = 0.5
"""What a passage in an attachment weighs: it makes an email suspect, never more."""


@dataclass(frozen=True, slots=True)
class Screening:
    """The report on one inbound email. `version` names the rules, so that stored mail can be screened again."""

    level: Level
    score: float
    findings: tuple[Finding, ...] = ()
    version: int = 3


Judge = Callable[[str, float], list[Passage]]
"""Passages of a text that score at least so much, and always its highest."""


SecondOpinion = Callable[[str, str], float]


def _trained(text: str, least: float) -> list[Passage]:
    return load_model().passages(text, least)


def screen(
    evidence: Evidence,
    thresholds: Thresholds = _THRESHOLDS,
    rules: tuple[Rule, ...] = RULES,
    judge: Judge = _trained,
    second: SecondOpinion | None = None,
) -> Screening:
    """Every rule over `evidence`, and the model (`judge`). The score is 1 - prod(1 - weight) over the rules that fired,
    each counted once, as if they were independent witnesses, and so the model, but where it reads the very words that
    made a rule of orders fire the stronger of the two counts alone; a hard rule quarantines by itself.
    `second`: somebody else's score of subject and text, one more witness."""
    findings: list[Finding] = []
    clear = 1.0
    hard = False
    for rule in rules:
        before = len(findings)
        for hit in rule.check(evidence):
            findings.append(Finding(rule.name, rule.reason, rule.weight, hit.where, hit.start, hit.end, hit.excerpt))
            if len(findings) - before >= _HITS:
                # More of one rule than can be listed: what is not listed could not be cut, so all of it goes.
                hard = True
                break
        if len(findings) > before:
            clear *= 1 - rule.weight
            hard = hard or rule.hard
    passages = tuple(_passages(evidence, thresholds, judge, tuple(findings)))
    orders = [finding for finding in findings if finding.rule in _ORDERS]
    clear *= min((_left_clear(passage, orders, evidence.visible.text) for passage in passages), default=1.0)
    findings += passages
    said = second(evidence.parsed.subject, evidence.visible.text) if second is not None else 0.0
    if said >= NOTED:
        findings.append(Finding("defender.text", _REASON, said, "text", -1, -1, ""))
        clear *= 1 - said
    score = round(1 - clear, 6)
    if hard:
        score = max(score, thresholds.quarantined)
    return Screening(_level(score, thresholds), score, tuple(findings))


def _left_clear(passage: Finding, orders: list[Finding], text: str) -> float:
    """What a passage of the model's leaves of 1 - score. Of the same words rule and model are no two witnesses, and of
    an order of one kind that stands in quotation marks the model cannot tell whether it is given or talked about."""
    same = [
        one
        for one in orders
        if one.where == passage.where
        and (min(one.start, passage.start) < 0 or (one.start < passage.end and passage.start < one.end))
    ]
    weights = {one.rule: one.weight for one in same}
    if len(weights) == 1 and all(one.where == "text" and _is_quoted(text, one) for one in same):
        return 1.0
    return min(1.0, (1 - passage.weight) / prod(1 - weight for weight in weights.values()))


def _is_quoted(text: str, one: Finding) -> bool:
    mark = text[one.start - 1 : one.start] if one.start > 0 else ""
    return bool(mark) and any(close in text[one.end : one.end + _QUOTED_CHARS] for close in _QUOTES.get(mark, ""))


def raised(screening: Screening, score: float, thresholds: Thresholds) -> Screening:
    """`screening` after a reviewer said `score` of the whole email: at a higher level, or the very same."""
    level = _level(score, thresholds)
    if _HEIGHT.index(level) <= _HEIGHT.index(screening.level) or level is Level.NORMAL:
        return screening
    # It names no passage, so the whole text goes.
    finding = Finding("reviewer.order", _REASON, round(score, 6), "text", -1, -1, "")
    return replace(screening, level=level, score=max(score, screening.score), findings=(*screening.findings, finding))


def _level(score: float, thresholds: Thresholds) -> Level:
    if score >= thresholds.quarantined:
        return Level.QUARANTINED
    return Level.SUSPECT if score >= thresholds.suspect else Level.NORMAL


_HEIGHT: Final = (Level.TRUSTED, Level.NORMAL, Level.SUSPECT, Level.QUARANTINED)


class _Part(NamedTuple):
    """Where a text comes from that the model judges: `start`, `end` where it stands in the text of `where`, -1 where
    that has no places; `whole`: it stands there as it is. `attached`: in view in an attachment."""

    where: str
    text: str
    start: int = -1
    end: int = -1
    whole: bool = False
    attached: bool = False


def _parts(evidence: Evidence) -> Iterator[_Part]:
    """What the model is asked about: the text, all that a model may otherwise come to see, or that was hidden, and what
    any of it says under a disguise."""
    left = _HIDDEN_CHARS
    for where, text, placed in evidence.all_said():
        attached = placed and where != "text"
        if placed:
            yield _Part(where, text, 0, len(text), True, attached)
        elif where in _NAMES:
            # A name or a file name is a few words; what reads like an order is a sentence.
            if text.count(" ") >= _LEAST_BLANKS:
                yield _Part(where, text)
        elif where == "subject":
            yield _Part(where, text[:_SUBJECT_CHARS])
        elif left > 0:
            yield _Part(where, text[:left])
            left -= len(text)
        for reading in readings(text):
            if is_prose(reading.text):
                start, end = (reading.start, reading.end) if placed else (-1, -1)
                yield _Part(where, reading.text[:_HIDDEN_CHARS], start, end, False, attached)


def _passages(
    evidence: Evidence, thresholds: Thresholds, judge: Judge, known: tuple[Finding, ...]
) -> Iterator[Finding]:
    """What the model finds. `known`: what the rules found."""
    parts = [part for part in _parts(evidence) if part.text]
    # One pass over all of it; short strings beside the text would cost as much as the text otherwise.
    edges = list(accumulate((len(part.text) + 2 for part in parts), initial=0))
    for found in judge("\n\n".join(part.text for part in parts), thresholds.suspect):
        if found.score < NOTED:
            continue
        index = bisect_right(edges, (found.start + found.end) // 2) - 1
        where, text, start, end, whole, attached = parts[index]
        score = found.score
        if attached and whole:
            # A document may well tell its reader what to do; so may a long one somewhere, being long.
            if score < _SURE:
                continue
            score = min(score, _ATTACHED)
        excerpt = text
        if whole:
            start = max(0, found.start - edges[index])
            end = min(found.end - edges[index], len(text))
            excerpt = text[start:end]
            # Where a rule has put its finger on the order, the document around it may stay.
            if attached and any(one.where == where and start < one.end and one.start < end for one in known):
                continue
        yield Finding(MODEL_RULE, _REASON, score, where, start, end, " ".join(excerpt[:2_000].split())[:200])
