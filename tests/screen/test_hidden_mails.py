"""What hundreds of mails that hide something, and their honest twins, leave of it for a model to read."""

from __future__ import annotations

import functools

import pytest

from hidden_mails import CASES, Case
from letterlock.inspection import Inspection, inspect_message, preview, shown_subject
from letterlock.screen.safe_text import safe_text
from letterlock.screen.score import Level
from newsletters import NEWSLETTERS, Newsletter


@functools.cache
def read(raw: bytes) -> tuple[Inspection, str]:
    """The report, and all that read_email and lists would show of it, in one text without blanks and case."""
    report = inspect_message(raw)
    shown = preview(report, mask_codes=True)
    body = safe_text(report.text, report.screening).text
    words = " ".join((shown_subject(report), shown.subject, shown.from_name, shown.snippet, body))
    return report, "".join(filter(str.isalnum, words.lower()))


def leaks(case: Case) -> bool:
    """Whether a model would read the passage in mail that is not flagged."""
    report, words = read(case.raw)
    flagged = report.screening.level in (Level.SUSPECT, Level.QUARANTINED)
    return not flagged and "".join(filter(str.isalnum, case.passage.lower())) in words


@pytest.mark.parametrize("letter", NEWSLETTERS, ids=lambda letter: letter.name)
def test_an_honest_newsletter_stays_normal(letter: Newsletter) -> None:
    head = "From: Choir <office@choir.example>\r\nSubject: News\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    assert inspect_message((head + letter.html).encode()).screening.level is Level.NORMAL


ATTACKS = [case for case in CASES if case.attack]
TWINS = [case for case in CASES if not case.attack]


def test_the_set_is_large_and_balanced_enough_to_mean_something() -> None:
    assert len(CASES) >= 300
    assert len(TWINS) >= 100
    assert len({case.technique for case in CASES}) >= 40


@pytest.mark.parametrize("kind", ["styling", "characters"])
def test_nothing_hidden_by_styling_or_characters_reaches_a_model_unflagged(kind: str) -> None:
    assert [(c.technique, c.passage) for c in ATTACKS if c.kind == kind and leaks(c)] == []


def test_at_most_three_in_a_hundred_attacks_reach_a_model_unflagged() -> None:
    leaked = [(case.technique, case.passage) for case in ATTACKS if leaks(case)]
    assert len(leaked) <= 0.03 * len(ATTACKS), leaked


def test_at_most_one_in_a_hundred_honest_twins_is_quarantined_or_loses_what_is_to_be_seen() -> None:
    quarantined, lost = [], []
    for case in TWINS:
        report, words = read(case.raw)
        if report.screening.level is Level.QUARANTINED:
            quarantined.append(case.technique)
        elif "".join(filter(str.isalnum, case.visible.lower())) not in words:
            lost.append(case.technique)
    assert len(quarantined) <= 0.01 * len(TWINS), quarantined
    assert len(lost) <= 0.01 * len(TWINS), lost


def test_what_honest_twins_hide_is_not_shown_either() -> None:
    shown = [
        c.technique
        for c in TWINS
        if c.rule == "drop" and "".join(filter(str.isalnum, c.passage.lower())) in read(c.raw)[1]
    ]
    assert shown == []
