"""How long work takes, where a test must know that it does not grow with the square of what it is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Text = TypeVar("Text", str, bytes)


def seconds(work: Callable[[], object], runs: int = 3) -> float:
    """Processor time of `work`, the best of so many runs."""
    best = float("inf")
    for _ in range(runs):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def takes_linear_time(work: Callable[[Text], object], piece: Text, length: int, slack_s: float) -> bool:
    """Whether `work` on `piece` repeated to `length` takes less than seven times what a quarter of that takes, and
    `slack_s` more; square work takes sixteen times."""
    text = (piece * (length // len(piece) + 1))[:length]

    def grows_no_faster(runs: int) -> bool:
        # The whole first, the quarter once more: a quarter that looks dear would hide what it should show.
        whole = seconds(lambda: work(text), runs)
        return whole < slack_s + 7 * seconds(lambda: work(text[: length // 4]), runs + 1)

    # Other work on the machine may spoil a measurement, not four in a row.
    return any(grows_no_faster(runs) for runs in (1, 3, 3, 3))
