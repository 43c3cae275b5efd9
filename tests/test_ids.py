from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from letterlock.ids import new_id


def test_an_id_names_its_kind_and_is_26_characters_of_base32() -> None:
    kind, _, value = new_id("em").partition("_")
    assert kind == "em"
    assert len(value) == 26
    assert set(value) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_ids_sort_in_the_order_they_were_made() -> None:
    made = [new_id("em") for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_of_many_threads_never_repeat() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [one for many in pool.map(lambda _: [new_id("em") for _ in range(500)], range(8)) for one in many]
    assert len(set(made)) == 4000


def test_ids_keep_growing_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_id("em")
    an_hour_ago = time.time_ns() - 3600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: an_hour_ago)
    later = [new_id("em") for _ in range(100)]
    assert [first, *later] == sorted([first, *later])


def test_an_id_cannot_be_guessed_from_the_one_before_in_the_same_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    made = [int.from_bytes(new_id("em").encode()) for _ in range(50)]
    steps = {b - a for a, b in pairwise(made)}
    assert len(steps) == 49
