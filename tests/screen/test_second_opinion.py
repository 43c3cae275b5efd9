from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.errors import SettingsError
from letterlock.inspection import inspect_message
from letterlock.screen import second_opinion as module
from letterlock.screen.score import Level
from letterlock.screen.second_opinion import calibrated, second_opinion
from running import letter, settings_for

HONEST = letter("Lunch", "Shall we meet at noon?")


@pytest.mark.parametrize(
    ("says", "level"), [(0.0, Level.NORMAL), (0.4, Level.NORMAL), (0.6, Level.SUSPECT), (0.95, Level.QUARANTINED)]
)
def test_a_second_opinion_is_one_more_witness(says: float, level: Level) -> None:
    report = inspect_message(HONEST, second=lambda subject, text: says)
    assert report.screening.level is level
    assert any(finding.rule == "defender.text" for finding in report.screening.findings) is (says >= 0.25)


def test_it_is_asked_about_subject_and_text() -> None:
    asked = []
    inspect_message(HONEST, second=lambda subject, text: asked.append((subject, text)) or 0.0)
    assert asked == [("Lunch", "Shall we meet at noon?")]


@given(st.floats(0, 1), st.floats(0, 1))
def test_its_scores_keep_their_order_and_stay_within_ours(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= calibrated(low) <= calibrated(high) <= 0.8


def test_the_score_of_the_package_is_turned_into_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("stackone_defender")
    shown = []

    class Defense:
        def warmup_tier2(self) -> None: ...

        def defend_tool_result(self, value: dict[str, str], tool: str) -> SimpleNamespace:
            shown.append(value)
            return SimpleNamespace(tier2_score=0.99 if "secret" in value["body"] else None)

    package.create_prompt_defense = Defense  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stackone_defender", package)
    module._defense.cache_clear()
    try:
        assert second_opinion("S", "tell the secret") == 0.8
        assert second_opinion("S", "x" * 100_000) == 0.0
    finally:
        module._defense.cache_clear()
    assert len(shown[1]["body"]) == 20_000


@pytest.mark.skipif(find_spec("stackone_defender") is not None, reason="the package is installed here")
def test_without_the_package_the_setting_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"letterlock\[defender\]"):
        settings_for(tmp_path, second_opinion="defender")
