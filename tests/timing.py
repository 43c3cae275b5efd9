"""How long work takes, where a test must know that it does not grow with the square of what it is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Text = TypeVar("Text", str, bytes)


def seconds(work: Callable[[], object]) -> float:
    """Processor time of `work`, the better of two."""
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def takes_linear_time(work: Callable[[Text], object], piece: Text, length: int, slack_s: float) -> bool:
    """Whether `work` on `piece` repeated to `length` takes less than three times what it takes on half of that, and
    `slack_s` more; square work takes four times."""

    def cost(of: int) -> float:
        text = (piece * (of // len(piece) + 1))[:of]
        return seconds(lambda: work(text))

    # Other work on the machine may spoil a measurement, not three in a row.
    return any(cost(length) < slack_s + 3 * cost(length // 2) for _ in range(3))
