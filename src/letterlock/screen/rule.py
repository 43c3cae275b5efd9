"""A screening rule: a name, a weight, a reason and a check. Rules are data around a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from letterlock.message.attached import AttachedText
from letterlock.message.authenticate import AuthReport
from letterlock.message.parse import ParsedMessage
from letterlock.message.visible import VisibleText


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that rules may look at."""

    parsed: ParsedMessage
    visible: VisibleText
    auth: AuthReport
    attached: tuple[AttachedText, ...] = ()


def attachment_place(index: int) -> str:
    """`where` of what was found in the text of an attachment."""
    return f"attachment {index}"


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a rule fired: `start`, `end` in VisibleText.text, in the text of an attachment (`where` is then
    attachment_place of its index), or -1 where it fired elsewhere (`where` says)."""

    excerpt: str = ""
    where: str = "text"
    start: int = -1
    end: int = -1


@dataclass(frozen=True, slots=True)
class Rule:
    """`weight` 0..1 is the score a mail has when only this rule fires; `hard` rules quarantine by themselves."""

    name: str
    weight: float
    reason: str
    check: Callable[[Evidence], Iterable[Hit]]
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired, in words a person understands. `excerpt` is for people only: it never reaches a model."""

    rule: str
    reason: str
    weight: float
    where: str = "text"
    start: int = -1
    end: int = -1
    excerpt: str = ""
