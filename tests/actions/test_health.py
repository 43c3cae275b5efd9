"""Warnings in answers: who looks into the folder, a disk that is nearly full, a process that has just begun."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from letterlock.actions import health
from letterlock.actions.caller import COMMAND_LINE, LOCAL_CALLER
from letterlock.actions.doctor import examine
from letterlock.actions.health import disk_problem, disk_use
from letterlock.app import DATABASE_FILE, App, open_app
from letterlock.errors import NotAllowed
from letterlock.store import postmaster
from letterlock.wake import postmaster_lock
from running import settings_for


@pytest.mark.skipif(os.name == "nt", reason="mode bits of POSIX")
async def test_a_folder_that_others_see_holds_files_for_its_owner_only_and_is_told_of(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    settings.data.chmod(0o755)
    before = os.umask(0)
    try:
        (settings.data / DATABASE_FILE).chmod(0o644)
        async with open_app(settings) as app:
            with postmaster_lock(app.folder):
                files = [file for file in app.folder.rglob("*") if file.stat().st_mode & 0o077]
                assert {f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm"} < {file.name for file in app.folder.iterdir()}
            await app.database.backup(tmp_path / "copy.db")
            said = await health.start_problem(app)
    finally:
        os.umask(before)
    assert files == []
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert (found := next(one for one in await examine(settings) if "look into" in one.what)).advice in said
    assert (found.well, found.advice) == (False, f"Run `chmod 700 {settings.data}`.")
    settings.data.chmod(0o700)
    assert not any("look into" in one.what for one in await examine(settings))


async def test_a_disk_that_is_nearly_full_is_said_in_answers_and_by_doctor(tmp_path: Path) -> None:
    low = settings_for(tmp_path, low_disk_megabytes=10_000_000, smtp_port=0)
    async with open_app(low) as app:
        assert "nearly full" in disk_problem(low)
        use = await disk_use(app, COMMAND_LINE)
        assert use["warning"] == disk_problem(low)
        assert use["store_bytes"]
        with pytest.raises(NotAllowed):
            await disk_use(app, LOCAL_CALLER)
    assert any(not one.well and "MB free on its disk" in one.what for one in await examine(low))
    assert disk_problem(settings_for(tmp_path, low_disk_megabytes=0)) == ""


async def test_a_process_that_has_just_begun_is_not_taken_for_one_that_cannot_write(app: App) -> None:
    assert "No Letterlock process listens" in await health.reception_problem(app)
    with postmaster_lock(app.folder):
        for seen_at, said in ((None, "in a moment"), (0, "in a moment"), (1, "held by another program")):
            if seen_at is not None:
                report = postmaster.Report(1, "smtp", "", seen_at)
                await app.database.write_system(lambda tx, r=report: postmaster.put(tx, r))  # type: ignore[misc]
            assert said in await health.reception_problem(app)
