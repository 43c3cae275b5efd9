"""decide(rules, facts) -> matches: where an email goes once it has been read. Pure, and linear in what strangers write.

A rule names what it looks at as typed facts and compares by substring, by a pattern with *, whole, or by domain: no
regular expression of a user is ever run on a stranger's words. What an email claims and what its sender proved are two
facts with two names.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

Fact = Literal["recipient", "sender", "claimed_sender", "subject", "category", "level"]
Comparison = Literal["is", "contains", "like", "domain"]
Role = Literal["OWNER", "PARTICIPANT", "OBSERVER"]
OutcomeKind = Literal["assign", "label", "event", "forward", "escalate"]

ADDRESSES: Final[frozenset[Fact]] = frozenset({"recipient", "sender", "claimed_sender"})
CLOSED: Final[frozenset[Fact]] = frozenset({"category", "level"})
"""Facts of which there are few, so that only `is` says something of them."""
MOST_RULES = 200
"""Of one tenant: each email is compared with all of them."""
MOST_CONDITIONS, MOST_VALUES, MOST_OUTCOMES, MOST_VALUE_CHARS = 10, 50, 10, 200
_MOST_READ = 1_000
"""Of a subject or an address this much is compared."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules can ask of one email. `recipient`: the address it came to, as it was given. `claimed_sender`: what its
    From says, which anybody can write; `sender`: the same where authentication proved its domain, else ""."""

    recipient: str
    sender: str
    claimed_sender: str
    subject: str
    category: str
    level: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds when the fact compares with any of the values."""

    fact: Fact
    comparison: Comparison
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`value`: the agent assigned, the label, the name of the event, the address forwarded to, why a person is asked.
    `role`: of the agent."""

    kind: OutcomeKind
    value: str
    role: Role | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """All conditions must hold; none at all holds for every email. `stop`: where it matched, later rules are not asked.
    Higher priority comes first, of equal ones the older (its id is smaller)."""

    rule_id: str
    name: str
    priority: int
    stop: bool
    conditions: tuple[Condition, ...]
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """An outcome and the rule it comes from."""

    rule: Rule
    outcome: Outcome


def decide(rules: Iterable[Rule], facts: Facts) -> tuple[Match, ...]:
    """What is to be done with the email, in the order of the rules; the same thing once, for the first rule that wants
    it. Of several that name an OWNER the first does."""
    found: dict[tuple[str, str], Match] = {}
    for rule in sorted(rules, key=lambda one: (-one.priority, one.rule_id)):
        if not matches(rule, facts):
            continue
        for outcome in rule.outcomes:
            # There is one owner and one person's queue, however many rules ask for them.
            alone = outcome.role == "OWNER" or outcome.kind == "escalate"
            found.setdefault((f"{outcome.kind} {outcome.role}", "" if alone else outcome.value), Match(rule, outcome))
        if rule.stop:
            break
    return tuple(found.values())


def matches(rule: Rule, facts: Facts) -> bool:
    return all(_holds(condition, facts) for condition in rule.conditions)


def folded(text: str) -> str:
    """What spellings of the same words share: compatibility forms and case are one."""
    return unicodedata.normalize("NFKC", text[:_MOST_READ]).casefold()


def _holds(condition: Condition, facts: Facts) -> bool:
    # Two facts have names of their own in both; each fact is a field of that name.
    found = folded(getattr(facts, condition.fact))
    # What nobody proved is nobody's: a pattern that takes everything does not take that.
    if not found and condition.fact in ADDRESSES:
        return False
    compare = _COMPARE[condition.comparison]
    return any(compare(found, folded(value)) for value in condition.values)


def _is_domain(address: str, domain: str) -> bool:
    """Of that domain, or of one below it."""
    found = address.rpartition("@")[2]
    return found == domain or found.endswith(f".{domain}")


def like(text: str, pattern: str) -> bool:
    """Whether the whole of `text` fits a pattern in which * stands for anything, nothing too. Each part is looked for
    once, from left to right, so that no pattern takes long."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


_COMPARE: Final[dict[Comparison, Callable[[str, str], bool]]] = {
    "is": lambda found, value: found == value,
    "contains": lambda found, value: value in found,
    "like": like,
    "domain": _is_domain,
}
