from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from letterlock.keyfile import hidden, key_of, made_key, opened


def test_a_key_is_made_once_for_its_owner_and_stays(tmp_path: Path) -> None:
    key = made_key(tmp_path, "a.key")
    assert len(key) == 32
    assert (made_key(tmp_path, "a.key"), key_of(tmp_path, "a.key")) == (key, key)
    assert made_key(tmp_path, "b.key") != key
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.key", "b.key"]
    if os.name == "posix":
        assert (tmp_path / "a.key").stat().st_mode & 0o077 == 0


def test_a_key_that_nobody_made_is_no_key_and_is_found_once_somebody_has(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        key_of(tmp_path, "a.key")
    assert made_key(tmp_path, "a.key") == key_of(tmp_path, "a.key")


def test_who_comes_while_a_key_is_made_gets_the_key_of_the_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: made_key(tmp_path, "a.key"), range(32)))
    assert keys == {(tmp_path / "a.key").read_bytes()}
    assert [file.name for file in tmp_path.iterdir()] == ["a.key"]


def test_where_no_key_can_be_kept_none_is_given(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        made_key(tmp_path / "missing", "a.key")


def test_numbers_are_hidden_and_open_with_their_key_and_under_their_name_only() -> None:
    key = bytes(range(32))
    made = hidden(key, "a", (7, 2**63))
    assert opened(key, "a", made) == (7, 2**63)
    assert made != hidden(key, "a", (7, 2**63))
    assert opened(key, "b", made) is None
    assert opened(bytes(32), "a", made) is None
    for at in range(len(made)):
        assert opened(key, "a", made[:at] + bytes([made[at] ^ 1]) + made[at + 1 :]) is None
        assert opened(key, "a", made[:at]) is None
