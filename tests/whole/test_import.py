"""`letterlock import` as a person runs it: what it says is imported can be listed at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MBOX = b"""\
From anna@shop.example Fri Nov 20 10:00:00 2026
From: Anna <anna@shop.example>
Subject: First of two
Message-ID: <1@shop.example>

One.

From anna@shop.example Fri Nov 20 10:01:00 2026
From: Anna <anna@shop.example>
Subject: Second of two
Message-ID: <2@shop.example>

Two.
"""


def letterlock(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "letterlock", *arguments, "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, env={**os.environ}, check=False)


def test_imported_mail_can_be_listed_at_once_and_again_is_already_there(tmp_path: Path) -> None:
    data, box = tmp_path / "data", tmp_path / "old.mbox"
    box.write_bytes(MBOX)
    address = letterlock(data, "inbox", "create", "archive").stdout.strip()
    first = letterlock(data, "import", str(box), "--inbox", address)
    assert first.stdout.startswith("2 imported, 0 already there, 0 failed.")
    listed = letterlock(data, "mail", "list").stdout
    assert "First of two" in listed
    assert "Second of two" in listed
    again = letterlock(data, "import", str(box), "--inbox", address)
    assert again.stdout.startswith("0 imported, 2 already there, 0 failed.")
