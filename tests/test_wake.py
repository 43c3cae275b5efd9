from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from letterlock import wake
from letterlock.wake import open_wake
from running import clean_environment, until


@pytest.fixture(autouse=True)
def _only_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """No poll: what a test waits for can come by a hint only."""
    monkeypatch.setattr(wake, "POLL_S", 30.0)


async def test_a_hint_reaches_every_watcher_of_its_topic_and_no_other(tmp_path: Path) -> None:
    async with open_wake(tmp_path) as here:
        with here.watch("a") as first, here.watch("a", tenant="b") as second, here.watch("c") as third:
            here.hint("a")
            async with asyncio.timeout(5):
                await first.wait(20)
                await second.wait(20)
            await third.wait(0.01)
        assert (first.rung, second.rung, third.rung) == (True, True, False)


async def test_a_hint_before_the_wait_is_not_missed_and_is_spent_once(tmp_path: Path) -> None:
    async with open_wake(tmp_path) as here:
        with here.watch("a") as watch:
            here.hint("a")
            here.hint("a")
            async with asyncio.timeout(5):
                await watch.wait(20)
            assert watch.rung
            await watch.wait(0.01)
            assert not watch.rung


async def test_a_hint_reaches_the_other_processes_of_the_folder(tmp_path: Path) -> None:
    async with open_wake(tmp_path) as one, open_wake(tmp_path) as two, open_wake(tmp_path) as three:
        with one.watch("a") as own, two.watch("a") as watch, three.watch("b") as other:
            one.hint("a", "b")
            async with asyncio.timeout(5):
                await own.wait(20)
                await watch.wait(20)
                await other.wait(20)
            assert watch.rung
            assert other.rung


async def test_folders_do_not_hear_each_other(tmp_path: Path) -> None:
    async with open_wake(tmp_path / "a") as one, open_wake(tmp_path / "b") as two:
        with two.watch("a") as watch:
            # Straight to the other folder's door, as a process of this folder would knock.
            assert one._transport is not None
            one._transport.sendto(one._token + b"a", ("127.0.0.1", two._port))
            one._transport.sendto(b"", ("127.0.0.1", two._port))
            one._transport.sendto(b"\xff" * 2000, ("127.0.0.1", two._port))
            await watch.wait(0.2)
            assert not watch.rung


async def test_without_any_hint_a_wait_ends_after_its_time(tmp_path: Path) -> None:
    async with open_wake(tmp_path) as here:
        with here.watch("a") as watch:
            async with asyncio.timeout(5):
                await watch.wait(0.05)
            assert not watch.rung


async def test_it_is_known_whose_mail_is_watched_until_nobody_does(tmp_path: Path) -> None:
    async with open_wake(tmp_path) as here:
        with here.watch("inbox", tenant="t"), here.watch("t", tenant="t"), here.watch("outbox"):
            assert here.tenants_watched() == ("t",)
            assert here.awaited() == ("inbox",)
        assert not here.tenants_watched()
        assert not here.awaited()


async def test_a_wait_of_no_time_returns_at_once(tmp_path: Path) -> None:
    async with open_wake(tmp_path) as here:
        with here.watch("a") as watch:
            before = time.monotonic()
            await watch.wait(-1)
            assert time.monotonic() - before < 1


async def test_the_folder_is_left_as_it_was_found(tmp_path: Path) -> None:
    async with open_wake(tmp_path) as here:
        with here.watch("a"):
            pass
        assert here._watches == {}
    assert [file.name for file in (tmp_path / "wake").iterdir()] == ["token"]


async def test_registrations_of_processes_that_died_are_removed_and_living_ones_stay(tmp_path: Path) -> None:
    script = "lock = FileLock(sys.argv[1]); lock.acquire(); print('on', flush=True); input()"
    script = f"import sys; from filelock import FileLock; {script}"
    async with open_wake(tmp_path) as one, open_wake(tmp_path) as two:
        (tmp_path / "wake" / "1").touch()
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "wake" / "2")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "on\n"
            one.forget_dead()
            ports = {str(one._port), str(two._port)}
            assert {file.name for file in (tmp_path / "wake").iterdir()} == {"token", "2", *ports}
            other.kill()
            other.wait()
            one.forget_dead()
            assert {file.name for file in (tmp_path / "wake").iterdir()} == {"token", *ports}


async def test_a_hint_to_a_process_that_died_does_no_harm(tmp_path: Path) -> None:
    async with open_wake(tmp_path) as here:
        with FileLock(tmp_path / "wake" / "1"), here.watch("a") as watch:
            for _ in range(20):
                here.hint("a")
                await asyncio.sleep(0)
            await watch.wait(1)
            assert watch.rung


async def test_a_process_that_joins_later_is_heard_of(tmp_path: Path) -> None:
    async with open_wake(tmp_path) as one:
        one.hint("a")
        for _ in range(10):
            async with open_wake(tmp_path) as two:
                with two.watch("a") as watch:

                    async def rung() -> bool:
                        one.hint("a")
                        await watch.wait(0.05)
                        return watch.rung

                    await until(rung, 5)


async def test_the_tokens_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    async with open_wake(tmp_path):
        if sys.platform != "win32":
            assert (tmp_path / "wake" / "token").stat().st_mode & 0o077 == 0
