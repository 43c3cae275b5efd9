from __future__ import annotations

from pathlib import Path

import pytest

from letterlock.app import open_app
from letterlock.errors import InvalidRequest, NotAllowed, NotFound
from running import (
    do,
    make_inbox,
    newest,
    settings_for,
)


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/passwd", "~/x", ".hidden", "missing.txt", "link.txt", "a\0b", "x" * 5_000]
)
async def test_only_files_within_the_folder_can_be_sent(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / ".hidden").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "report.csv").write_text("a,b")
    async with open_app(settings_for(tmp_path, attach_folder=folder)) as app:
        box, bob = await make_inbox(app), await make_inbox(app, "bob")
        call = {"inbox": box, "to": [bob], "subject": "File", "text": "See"}
        with pytest.raises(NotFound):
            await do(app, "send_email", **call, attachments=[name])
        sent = await do(app, "send_email", **call, attachments=["report.csv", "note.txt;base64,aGVsbG8="])
        assert sent.state == "delivered"
        email_id = (await newest(app, bob)).email_id
        listed = (await do(app, "read_email", email_id=email_id)).attachments
        assert [(one.filename, one.content_type) for one in listed] == [
            ("report.csv", "text/csv"),
            ("note.txt", "text/plain"),
        ]


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("tool.exe;base64,aGVsbG8=", "programs are not sent"),
        ("photo.png;base64,TVqQAAMAAAAEAAAA", "programs are not sent"),
        ("a.txt;base64,%%%", "base64"),
        ("big.bin;base64," + "QUFB" * 50, "more than 100 bytes"),
        ("report.csv", "attach_folder"),
    ],
)
async def test_what_cannot_be_attached_is_refused_and_nothing_is_sent(tmp_path: Path, file: str, why: str) -> None:
    async with open_app(settings_for(tmp_path, attach_bytes=100)) as app:
        box, bob = await make_inbox(app), await make_inbox(app, "bob")
        with pytest.raises((NotAllowed, InvalidRequest), match=why):
            await do(app, "send_email", inbox=box, to=[bob], subject="x", text="y", attachments=[file])
        assert (await do(app, "list_emails", inbox=bob)).emails == []
