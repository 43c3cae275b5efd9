"""`letterlock inspect` as a person or a script runs it: every row is answered, whatever stands in it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import Said, letterlock
from running import clean_environment, letter

GOOD = {"subject": "Hello", "text": "A few plain words."}


def inspect(folder: Path, *arguments: str, given: bytes = b"") -> Said:
    return letterlock(folder / "data", "inspect", *arguments, given=given, LETTERLOCK_FILING_WORKERS="1")


def strict(line: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    row: dict[str, Any] = json.loads(line.decode("utf-8"), parse_constant=refuse)
    return row


def test_every_row_is_answered_with_its_id_and_the_same_names(tmp_path: Path) -> None:
    good = json.dumps(GOOD)[1:]
    lines = [
        b'{"id":"\\ud800",' + good.encode(),
        json.dumps({"id": "bad base64", "eml_b64": "!!!"}).encode(),
        b'{"id":"surrogate","eml":"Subject: x\\n\\n\\ud800"}',
        b'{"id":NaN,' + good.encode(),
        b'{"id":-Infinity,' + good.encode(),
        b'{"id":1e999,' + good.encode(),
        b'{"id":[1,{"a":null}],' + good.encode(),
        b'{"id":"nothing"}',
        b"no JSON",
        b'"no object"',
        b"[" * 100_000,
        b'{"id":' + b"9" * 5_000 + b"}",
        b"",
        b'{"id":"latin","eml":"Subject: caf\xe9\\r\\n\\r\\nHello"}',
        json.dumps({"id": "empty mail", "eml": ""}).encode(),
        json.dumps({"id": "last", "eml_b64": base64.b64encode(letter()).decode()}).encode(),
    ]
    (tmp_path / "rows.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))
    done = inspect(tmp_path, "--jsonl", str(tmp_path / "rows.jsonl"))
    assert (done.returncode, done.stderr) == (0, "")
    rows = [strict(line) for line in done.output.splitlines()]
    assert [row["id"] for row in rows] == [
        *("\ud800", "bad base64", "surrogate", "NaN", "-Infinity", "inf", [1, {"a": None}], "nothing"),
        *(None, None, None, None, "latin", "empty mail", "last"),
    ]
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    unread = [row for row in rows if row["level"] == "unreadable"]
    assert len(unread) == 7
    assert all(row["error"] and row["score"] is None for row in unread)
    assert rows[-1]["level"] == "normal"
    assert rows[-1]["error"] is None
    assert "line 2: eml_b64 is no base64" in rows[1]["error"]


def test_rows_come_from_stdin_too(tmp_path: Path) -> None:
    done = inspect(tmp_path, "--jsonl", "-", given=json.dumps({"id": 1, **GOOD}).encode())
    assert strict(done.output)["text"] == "A few plain words."


def test_a_reader_who_has_seen_enough_ends_it_quietly(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(json.dumps({"id": n, "text": "word " * 5000}) for n in range(60)))
    command = f"'{sys.executable}' -m letterlock inspect --jsonl '{rows}' --data '{tmp_path}/data' | head -1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, timeout=60, env=clean_environment(), check=False
    )
    assert strict(done.stdout)["id"] == 0
    assert done.stderr == b""


def test_a_file_of_rows_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = inspect(tmp_path, "--jsonl", str(tmp_path / "nope.jsonl"))
    assert done.returncode == 1
    assert "nope.jsonl cannot be read: No such file or directory. Name a file" in done.stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_what_cannot_be_looked_at_is_said_and_the_rest_is_shown(tmp_path: Path, as_json: bool) -> None:
    folder, empty = tmp_path / "mail", tmp_path / "empty"
    (folder / "sub.eml").mkdir(parents=True)
    empty.mkdir()
    (folder / "sub.eml" / "a.eml").write_bytes(letter("One"))
    os.mkfifo(folder / "pipe.eml")
    # A name that is no UTF-8 can be printed, too.
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.eml")
    Path(odd).write_bytes(letter("Two"))
    names = [str(folder), str(empty), str(tmp_path / "nope.eml"), str(folder / "pipe.eml"), odd]
    done = inspect(tmp_path, *names, *(["--json"] if as_json else []))
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert said.count("It is no regular file.") == 2
    assert "There is no .eml file in this folder." in said
    assert "No such file or directory. Name .eml files" in said
    if as_json:
        levels = [strict(line)["level"] for line in done.output.splitlines()]
        assert (levels.count("unreadable"), levels.count("normal")) == (4, 2)
    else:
        assert ("Subject     One" in said, "Subject     Two" in said) == (True, True)
