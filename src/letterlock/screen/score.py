"""screen(evidence) -> Screening: findings, one score in 0..1, one Level."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from letterlock.screen.rule import Finding


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
