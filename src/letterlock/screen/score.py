"""screen(evidence) -> Screening: findings, one score in 0..1, one Level."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from letterlock.screen.rule import Evidence, Finding, Rule
from letterlock.screen.rules import RULES


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


@dataclass(frozen=True, slots=True)
class Screening:
    """The report on one inbound email. `version` names the rules, so that stored mail can be screened again."""

    level: Level
    score: float
    findings: tuple[Finding, ...] = ()
    version: int = 1


def screen(evidence: Evidence, thresholds: Thresholds = _THRESHOLDS, rules: tuple[Rule, ...] = RULES) -> Screening:
    """Every rule over `evidence`. The score is 1 - prod(1 - weight) over the rules that fired, each counted once, as if
    they were independent witnesses; a hard rule quarantines by itself."""
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
    score = round(1 - clear, 6)
    if hard:
        score = max(score, thresholds.quarantined)
    if score >= thresholds.quarantined:
        level = Level.QUARANTINED
    elif score >= thresholds.suspect:
        level = Level.SUSPECT
    else:
        level = Level.NORMAL
    return Screening(level, score, tuple(findings))
