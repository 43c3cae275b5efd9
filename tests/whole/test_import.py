"""`letterlock import` as a person runs it: what it says is imported can be listed at once."""

from __future__ import annotations

import os
from pathlib import Path

from commands import letterlock

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


def test_a_folder_is_searched_for_every_kind_of_box_and_odd_files_are_refused_with_the_reason(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "old"
    for name in ("cur", "new", "tmp", ".Sent/cur", ".Sent/new", ".Sent/tmp"):
        (folder / "maildir" / name).mkdir(parents=True)
    (folder / "maildir" / "new" / "1.a").write_bytes(b"Subject: In the Maildir\n\nHello.\n")
    (folder / "maildir" / ".Sent" / "cur" / "2.a:2,S").write_bytes(b"Subject: In a folder of it\n\nHello.\n")
    (folder / "deep").mkdir()
    (folder / "deep" / "archive").write_bytes(MBOX + b"\n>From here on it was quoted.\n>>From there too.\n")
    (folder / "deep" / "UPPER.EML").write_bytes(b"\xef\xbb\xbfSubject: A file\n\nHello.\n")
    (folder / "notes.txt").write_text("hello")
    os.mkfifo(folder / "pipe.eml")
    (tmp_path / "nota.mbox").write_text("hello")
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "empty").mkdir()
    address = letterlock(data, "inbox", "create", "archive").stdout.strip()
    first = letterlock(data, "import", str(folder), "--inbox", address)
    assert (first.stdout, first.stderr) == ("5 imported, 0 already there, 0 failed.\n", "")
    again = letterlock(data, "import", str(folder), "--inbox", address)
    assert again.stdout == "0 imported, 5 already there, 0 failed.\n", "without a Message-ID too"
    listed = letterlock(data, "mail", "list").stdout
    for subject in ("In the Maildir", "In a folder of it", "Second of two", "A file"):
        assert subject in listed
    second = next(line.split()[0] for line in listed.replace("*", " ").splitlines() if "Second of two" in line)
    letterlock(data, "mail", "save", second, str(tmp_path / "second.eml"))
    text = (tmp_path / "second.eml").read_bytes()
    assert b"\r\nFrom here on it was quoted.\r\n>From there too.\r\n" in text
    odd = letterlock(
        data, "import", *(str(tmp_path / name) for name in ("nota.mbox", "binary", "empty")), "--inbox", address
    )
    assert odd.returncode == 1
    assert odd.stdout == "0 imported, 0 already there, 3 failed.\n"
    assert odd.stderr.count("it is no email") == 2
    assert "empty: there is no mail in it" in odd.stderr
    assert odd.stderr.count("Save it from the mail program") == 2
    assert ".." not in odd.stderr.replace(str(tmp_path), "")


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    data = tmp_path / "data"
    os.mkfifo(tmp_path / "pipe.eml")
    address = letterlock(data, "inbox", "create", "archive").stdout.strip()
    odd = letterlock(data, "import", str(tmp_path / "pipe.eml"), str(tmp_path / "gone.eml"), "--inbox", address)
    assert (odd.returncode, odd.stdout) == (1, "0 imported, 0 already there, 2 failed.\n")
    assert "pipe.eml: it is no regular file. Save" in odd.stderr
    assert "gone.eml: No such file or directory. When" in odd.stderr
