"""A second opinion on a text by stackone-defender (the extra `defender`): off by default, and only ever beside our own.

Its classifier comes with the package and runs in this process; nothing is fetched. It costs some 200 ms a mail and the
memory of an ONNX runtime. Its scores are turned into ours by the share of honest mail that reaches them.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from typing import Any, Final

_CHARS: Final = 20_000


def second_opinion(subject: str, text: str) -> float:
    """How much the mail reads like an injection, 0..1, comparable with the scores of the screen; 0 where it has none.

    Raises ImportError without the extra."""
    answer = _defense().defend_tool_result({"subject": subject, "body": text[:_CHARS]}, "read_email")
    return calibrated(float(answer.tier2_score or 0.0))


def calibrated(score: float) -> float:
    """One honest mail in a hundred reaches 0.5, one in a thousand 0.8 (bench/injection.py --defender)."""
    at = bisect_right(_THEIRS, score)
    if at == 0:
        return 0.0
    if at == len(_THEIRS):
        return _OURS[-1]
    part = (score - _THEIRS[at - 1]) / (_THEIRS[at] - _THEIRS[at - 1])
    return _OURS[at - 1] + part * (_OURS[at] - _OURS[at - 1])


_THEIRS: Final = (0.90, 0.966, 0.981)
_OURS: Final = (0.0, 0.5, 0.8)


@cache
def _defense() -> Any:
    from stackone_defender import create_prompt_defense

    made = create_prompt_defense()
    made.warmup_tier2()
    return made
