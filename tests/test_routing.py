"""Where mail goes, as a pure decision."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.routing import MOST_VALUE_CHARS, Condition, Facts, Outcome, Rule, decide, folded, like

FACTS = Facts(
    recipient="billing+42@box.example",
    sender="",
    claimed_sender="anna@mail.shop.example",
    subject="Your INVOICE №7",
    category="receipt",
    level="normal",
)


LABEL = Outcome("label", "x")


def rule(*conditions: Condition, does: Outcome | tuple[Outcome, ...] = LABEL, **more: object) -> Rule:
    outcomes = does if isinstance(does, tuple) else (does,)
    fields = {"rule_id": "rule_1", "name": "a rule", "priority": 0, "stop": False, **more}
    return Rule(conditions=conditions, outcomes=outcomes, **fields)  # type: ignore[arg-type]


def holds(fact: str, comparison: str, *values: str, of: Facts = FACTS) -> bool:
    return bool(decide([rule(Condition(fact, comparison, values))], of))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fact", "comparison", "values", "expected"),
    [
        ("subject", "contains", ("invoice",), True),
        ("subject", "contains", ("receipt", "no7"), True),
        ("subject", "contains", ("order",), False),
        ("subject", "is", ("your invoice no7",), True),
        ("subject", "like", ("your * no*",), True),
        ("subject", "like", ("invoice*",), False),
        ("recipient", "like", ("billing+*@box.example",), True),
        ("recipient", "domain", ("box.example",), True),
        ("claimed_sender", "domain", ("shop.example",), True),
        ("claimed_sender", "domain", ("hop.example",), False),
        ("claimed_sender", "is", ("ANNA@mail.shop.example",), True),
        ("category", "is", ("newsletter", "receipt"), True),
        ("level", "is", ("suspect",), False),
    ],
)
def test_a_condition_holds_when_the_fact_compares_with_any_of_its_values(
    fact: str, comparison: str, values: tuple[str, ...], expected: bool
) -> None:
    assert holds(fact, comparison, *values) is expected


def test_what_nobody_proved_matches_nothing_that_asks_for_proof_whatever_the_pattern() -> None:
    for comparison, value in (("domain", "shop.example"), ("contains", "shop"), ("like", "*"), ("is", "")):
        assert not holds("sender", comparison, value)


def test_all_conditions_must_hold_and_none_at_all_hold_for_every_email() -> None:
    yes, no = Condition("subject", "contains", ("invoice",)), Condition("level", "is", ("suspect",))
    assert decide([rule()], FACTS)
    assert decide([rule(yes, yes)], FACTS)
    assert not decide([rule(yes, no)], FACTS)


def test_higher_priority_comes_first_and_stop_ends_the_asking() -> None:
    low = rule(does=Outcome("label", "low"), rule_id="rule_1")
    high = rule(does=Outcome("label", "high"), rule_id="rule_2", priority=5, stop=True)
    assert [match.outcome.value for match in decide([low, high], FACTS)] == ["high"]
    going_on = rule(does=Outcome("label", "high"), rule_id="rule_2", priority=5)
    assert [match.outcome.value for match in decide([low, going_on], FACTS)] == ["high", "low"]


def test_there_is_one_owner_one_question_to_people_and_each_other_thing_once() -> None:
    first = rule(does=(Outcome("assign", "a", "OWNER"), Outcome("label", "x"), Outcome("escalate", "look")))
    second = rule(
        does=(
            Outcome("assign", "b", "OWNER"),
            Outcome("assign", "b", "OBSERVER"),
            Outcome("label", "x"),
            Outcome("escalate", "look again"),
        ),
        rule_id="rule_2",
    )
    assert [match.outcome for match in decide([second, first], FACTS)] == [
        *first.outcomes,
        Outcome("assign", "b", "OBSERVER"),
    ]


words = st.text("ab*.", max_size=12)


@settings(max_examples=60)
@given(st.text("ab.", max_size=20), words)
def test_a_pattern_takes_what_it_looks_like_it_takes(text: str, pattern: str) -> None:
    expected = re.fullmatch(fnmatch.translate(pattern), text) is not None
    assert like(text, pattern) is expected


@settings(max_examples=30)
@given(st.text(max_size=20), st.text(min_size=1, max_size=5), st.sampled_from(["is", "contains", "like", "domain"]))
def test_whatever_strangers_write_a_rule_answers(subject: str, value: str, comparison: str) -> None:
    facts = Facts("a@b.example", "", "", subject, "other", "normal")
    found = holds("subject", comparison, value, of=facts)
    if comparison == "contains":
        assert found is (folded(value) in folded(subject))


def test_a_pattern_of_nothing_but_stars_between_letters_takes_no_time() -> None:
    pattern = ("a*" * MOST_VALUE_CHARS)[:MOST_VALUE_CHARS] + "b"
    facts = Facts("", "", "", "a" * 100_000, "other", "normal")
    began = time.process_time()
    for _ in range(100):
        assert not holds("subject", "like", pattern, of=facts)
    assert time.process_time() - began < 1.0
