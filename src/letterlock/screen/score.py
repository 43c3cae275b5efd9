"""screen(evidence) -> Screening: findings, one score in 0..1, one Level."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Screening:
    """The report on one inbound email. `version` names the rules, so that stored mail can be screened again."""

    level: Level
    score: float
    findings: tuple[Finding, ...] = ()
    version: int = 1


def screen(
    evidence: Evidence,
    thresholds: Thresholds = Thresholds(),
    rules: tuple[Rule, ...] = RULES,
) -> Screening:
    """Every rule over `evidence`; the score is 1 - prod(1 - weight), a hard rule quarantines by itself."""
    findings = []
    clear = 1.0
    hard = False
    for rule in rules:
        hits = tuple(rule.check(evidence))
        if hits:
            clear *= 1 - rule.weight
            hard = hard or rule.hard
        findings += [
            Finding(rule.name, rule.reason, rule.weight, hit.where, hit.start, hit.end, hit.excerpt) for hit in hits
        ]
    score = 1 - clear
    if hard or score >= thresholds.quarantined:
        level = Level.QUARANTINED
    elif score >= thresholds.suspect:
        level = Level.SUSPECT
    else:
        level = Level.NORMAL
    return Screening(level, score, tuple(findings))
