"""Patterns compiled when they are first used."""

from __future__ import annotations

import re

import pytest

from letterlock import patterns
from letterlock.patterns import compile_all, on_demand


@pytest.fixture(autouse=True)
def _none_of_other_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_ALL", [])


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What has been compiled since."""
    seen: list[object] = []
    compile_now = re.compile

    def note(pattern: str, flags: int = 0) -> re.Pattern[str]:
        seen.append(pattern)
        return compile_now(pattern, flags)

    monkeypatch.setattr(re, "compile", note)
    return seen


def test_a_pattern_is_compiled_once_and_only_when_it_is_used(compiled: list[object]) -> None:
    word = on_demand(r"(?P<first>a)b+", re.IGNORECASE)
    assert (word.pattern, compiled) == (r"(?P<first>a)b+", [])
    assert word.sub(lambda match: match["first"], "xABBy") == "xAy"
    assert [match[0] for match in word.finditer("ab abb")] == ["ab", "abb"]
    assert (word.groups, bool(word.flags & re.IGNORECASE), compiled) == (1, True, [r"(?P<first>a)b+"])


def test_one_of_bytes_and_those_nobody_used_yet_are_compiled_at_once_when_that_is_asked(compiled: list[object]) -> None:
    number = on_demand(rb"\d+")
    compile_all()
    assert compiled == [rb"\d+"]
    assert number.findall(b"1 22") == [b"1", b"22"]
    assert len(compiled) == 1


def test_what_a_pattern_does_not_have_is_an_error_as_with_any_other() -> None:
    assert not hasattr(on_demand("a"), "nothing")
    with pytest.raises(re.error):
        on_demand("(").search("a")
