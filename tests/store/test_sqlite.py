from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from letterlock.errors import Conflict, DataFolderError, StoreBusy, StoreError, StoreFull
from letterlock.ids import DEFAULT_TENANT, TenantId
from letterlock.store import erasures, sqlite, tenants
from letterlock.store.database import Transaction
from letterlock.store.sqlite import ORDINARY_PER_GROUP, SqliteDatabase, open_sqlite
from running import clean_environment, until


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    async with open_sqlite(tmp_path / "a.db") as database:
        await database.write_system(lambda tx: tenants.ensure_default(tx, 0))
        yield database


async def add(tx: Transaction, name: str) -> None:
    await tx.run("INSERT INTO tenants (tenant_id, name, created_at) VALUES (:id, :id, 0)", id=name)


async def names(database: SqliteDatabase) -> set[str]:
    rows = await database.read_system(lambda tx: tx.all("SELECT tenant_id FROM tenants"))
    return {row["tenant_id"] for row in rows} - {DEFAULT_TENANT}


async def test_what_durability_rests_on_is_read_back_from_the_writer(database: SqliteDatabase) -> None:
    async def pragmas(tx: Transaction) -> list[Any]:
        rows = [await tx.one(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")]
        return [
            row[name] for row, name in zip(rows, ("journal_mode", "synchronous", "foreign_keys"), strict=True) if row
        ]

    assert await database.write_system(pragmas) == ["wal", 2, 1]


async def test_many_writers_share_commits_and_each_gets_its_own_result(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []
    whole = SqliteDatabase._commit_group

    def counted(self: SqliteDatabase, connection: sqlite3.Connection, group: list[Any]) -> None:
        whole(self, connection, group)
        groups.append(len(group))

    monkeypatch.setattr(SqliteDatabase, "_commit_group", counted)

    async def one(number: int) -> int:
        async def work(tx: Transaction) -> int:
            await add(tx, f"t{number}")
            return number

        return await database.write_system(work, urgent=True)

    assert await asyncio.gather(*(one(n) for n in range(200))) == list(range(200))
    assert len(await names(database)) == 200
    assert sum(groups) == 200
    assert len(groups) <= 20


async def test_a_failing_work_rolls_its_own_writes_back_and_leaves_the_others_alone(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = 0
    whole = sqlite._transaction

    def counted(connection: sqlite3.Connection) -> contextlib.AbstractContextManager[None]:
        nonlocal begun
        begun += 1
        return whole(connection)

    monkeypatch.setattr(sqlite, "_transaction", counted)

    async def one(number: int) -> None:
        async def work(tx: Transaction) -> None:
            await add(tx, f"t{number}")
            if number % 3 == 0:
                raise ValueError(number)

        await database.write_system(work)

    results = await asyncio.gather(*(one(n) for n in range(60)), return_exceptions=True)
    assert [isinstance(r, ValueError) for r in results] == [n % 3 == 0 for n in range(60)]
    assert await names(database) == {f"t{n}" for n in range(60) if n % 3}
    assert begun <= 2 * ORDINARY_PER_GROUP + 60 / ORDINARY_PER_GROUP, "nor do the others pay for it again and again"


async def test_a_broken_statement_fails_its_own_work_only_and_shows_no_sql(database: SqliteDatabase) -> None:
    async def work(tx: Transaction) -> None:
        await tx.run("INSERT INTO no_such_table VALUES (1)")

    results = await asyncio.gather(
        database.write_system(lambda tx: add(tx, "a")),
        database.write_system(work),
        database.write_system(lambda tx: add(tx, "b")),
        return_exceptions=True,
    )
    assert [type(r) for r in results] == [type(None), StoreError, type(None)]
    assert "no_such_table" not in str(results[1])
    assert await names(database) == {"a", "b"}


async def test_a_work_whose_caller_gave_up_before_its_turn_is_not_run(database: SqliteDatabase) -> None:
    started = asyncio.Event()
    release = threading.Event()
    loop = asyncio.get_running_loop()

    async def slow(tx: Transaction) -> None:
        loop.call_soon_threadsafe(started.set)
        release.wait(10)

    first = asyncio.create_task(database.write_system(slow))
    await started.wait()
    second = asyncio.create_task(database.write_system(lambda tx: add(tx, "late")))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    release.set()
    await first
    await database.write_system(lambda tx: add(tx, "next"))
    assert await names(database) == {"next"}


async def test_a_write_is_seen_by_every_read_that_begins_after_it_returned(database: SqliteDatabase) -> None:
    for number in range(50):
        await database.write_system(lambda tx, n=number: add(tx, f"t{n}"))  # type: ignore[misc]
        assert f"t{number}" in await names(database)


async def test_a_read_sees_one_moment_even_while_others_write(database: SqliteDatabase, tmp_path: Path) -> None:
    # The reading work runs on another thread than this one.
    other = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)

    async def twice(tx: Transaction) -> tuple[Any, Any]:
        before = await tx.one("SELECT COUNT(*) AS n FROM tenants")
        with other:
            other.execute("INSERT INTO tenants (tenant_id, name, created_at) VALUES ('between', 'x', 0)")
        after = await tx.one("SELECT COUNT(*) AS n FROM tenants")
        assert before is not None
        assert after is not None
        return before["n"], after["n"]

    try:
        before, after = await database.read_system(twice)
    finally:
        other.close()
    assert before == after
    assert await names(database) == {"between"}


@pytest.mark.parametrize("sql", ["SELECT * FROM emails", "DELETE FROM emails", "UPDATE inboxes SET purpose = ''"])
async def test_a_tenants_statement_that_does_not_name_the_tenant_is_refused(database: SqliteDatabase, sql: str) -> None:
    for call in (database.read, database.write):
        with pytest.raises(StoreError, match=":tenant"):
            await call(DEFAULT_TENANT, lambda tx: tx.all(sql))


async def test_a_tenants_transaction_binds_its_own_tenant_whatever_the_caller_passes(database: SqliteDatabase) -> None:
    async def who(tx: Transaction) -> Any:
        row = await tx.one("SELECT :tenant AS tenant", tenant="somebody_else")
        assert row is not None
        return row["tenant"]

    assert await database.read(TenantId("a"), who) == "a"
    assert await database.write_system(lambda tx: who(tx.bound_to(TenantId("b")))) == "b"


async def test_work_that_awaits_anything_else_is_refused_and_kept_out_of_the_store(database: SqliteDatabase) -> None:
    async def work(tx: Transaction) -> None:
        await add(tx, "a")
        await asyncio.sleep(0)

    with pytest.raises(StoreError, match="awaited"):
        await database.write_system(work)
    assert await names(database) == set()


async def test_ordinary_work_is_done_while_urgent_work_never_ends(database: SqliteDatabase) -> None:
    stop = False

    async def sender() -> None:
        while not stop:
            await database.write_system(lambda tx: tx.run("UPDATE tenants SET created_at = 1"), urgent=True)

    senders = [asyncio.create_task(sender()) for _ in range(3 * sqlite.GROUP_WORKS)]
    try:
        async with asyncio.timeout(5):
            for number in range(5):
                await database.write_system(lambda tx, n=number: add(tx, f"t{n}"))  # type: ignore[misc]
    finally:
        stop = True
        await asyncio.gather(*senders)


async def test_a_backup_made_while_others_write_is_whole_and_has_all_that_was_acknowledged_before(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    acknowledged: list[str] = []

    async def writer(number: int) -> None:
        for n in range(60):
            name = f"t{number}-{n}"
            await database.write_system(lambda tx, name=name: add(tx, name))  # type: ignore[misc]
            acknowledged.append(name)

    writers = [asyncio.create_task(writer(n)) for n in range(8)]
    await until(lambda: asyncio.sleep(0, len(acknowledged) > 40))
    before = set(acknowledged)
    await database.backup(tmp_path / "copy.db")
    await asyncio.gather(*writers)
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
    async with open_sqlite(tmp_path / "copy.db") as restored:
        assert before <= await names(restored)
    assert not (tmp_path / "copy.db.part").exists()


async def test_a_backup_never_overwrites_a_file(database: SqliteDatabase, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(Conflict):
        await database.backup(tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "precious"


async def test_a_backup_into_a_folder_that_is_not_there_says_so(database: SqliteDatabase, tmp_path: Path) -> None:
    with pytest.raises(StoreFull, match=r"No such file or directory\. Name a file in a folder you can write"):
        await database.backup(tmp_path / "nowhere" / "copy.db")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreFull, match=r"Not a directory\. Name a file"):
        await database.backup(tmp_path / "file" / "copy.db")


async def test_a_damaged_store_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database" * 500)
    with pytest.raises(DataFolderError, match="damaged: put it aside and put a backup in its place"):
        async with open_sqlite(tmp_path / "a.db"):
            pass


async def test_a_folder_of_a_newer_letterlock_is_refused_with_the_version_that_can_open_it(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "a.db"):
        pass
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as other, other:
        other.execute("UPDATE schema_version SET version = 99, written_by = '7.5.1'")
    with pytest.raises(DataFolderError, match=r"schema 99") as refused:
        async with open_sqlite(tmp_path / "a.db"):
            pass
    assert "Install letterlock 7.5.1 or newer" in str(refused.value)
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as other:
        assert other.execute("SELECT version, written_by FROM schema_version").fetchall() == [(99, "7.5.1")]


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"my diary, not a database at all\n" * 100)
    with pytest.raises(DataFolderError):
        async with open_sqlite(tmp_path / "a.db"):
            pass
    assert (tmp_path / "a.db").read_bytes() == b"my diary, not a database at all\n" * 100


async def test_opening_again_keeps_what_is_there_and_migrates_nothing(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "a.db") as database:
        await database.write_system(lambda tx: add(tx, "kept"))
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as other:
        before = other.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    async with open_sqlite(tmp_path / "a.db") as database:
        assert await names(database) == {"kept"}
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as other:
        assert other.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before


OPEN = """
import asyncio, sys
from pathlib import Path
from letterlock.store.sqlite import open_sqlite
async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    async with open_sqlite(Path(sys.argv[1])) as database:
        row = await database.read_system(lambda tx: tx.one("SELECT COUNT(*) AS n FROM schema_version"))
        print(row["n"], flush=True)
asyncio.run(main())
"""


def test_processes_that_make_one_folder_at_the_same_moment_all_succeed(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(tmp_path / "a.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )
        for _ in range(5)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=30) for process in processes]
    assert said == [("1\n", "")] * 5


async def test_a_store_locked_by_another_process_is_busy_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 200)
    async with open_sqlite(tmp_path / "a.db") as database:
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreBusy):
                await database.write_system(lambda tx: add(tx, "refused"))
            assert await names(database) == set()
            other.execute("ROLLBACK")
        await database.write_system(lambda tx: add(tx, "kept"))
        assert await names(database) == {"kept"}


async def test_what_waits_behind_others_for_a_locked_store_does_not_wait_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 1000)
    async with open_sqlite(tmp_path / "a.db") as database:
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            began = time.monotonic()
            writes = [asyncio.create_task(database.write_system(lambda tx: add(tx, "refused"))) for _ in range(20)]
            refused = await asyncio.gather(*writes, return_exceptions=True)
            assert {type(error) for error in refused} == {StoreBusy}
            assert time.monotonic() - began < 10
            # One after the other, as a call does that writes several times: they know what the first found out.
            monkeypatch.setattr(sqlite, "KNOWN_BUSY_MS", 50)
            began = time.monotonic()
            for _ in range(5):
                with pytest.raises(StoreBusy):
                    await database.write_system(lambda tx: add(tx, "refused"))
            assert time.monotonic() - began < 4
            other.execute("ROLLBACK")
        await database.write_system(lambda tx: add(tx, "kept"))
        assert await names(database) == {"kept"}


async def test_a_write_waits_for_another_process_that_is_soon_done(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "a.db") as database:
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            writing = asyncio.create_task(database.write_system(lambda tx: add(tx, "kept")))
            await asyncio.sleep(0.1)
            assert not writing.done()
            other.execute("ROLLBACK")
        await writing
        assert await names(database) == {"kept"}


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit on file size here")
def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_space_again(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import asyncio, resource, signal, sys
        from pathlib import Path
        from letterlock.errors import StoreFull
        from letterlock.store.sqlite import open_sqlite

        BODY = b"x" * 20000

        async def put(tx, number):
            await tx.run("INSERT INTO raws VALUES ('default', :id, 1, 'none', :body)", id=str(number), body=BODY)

        async def main():
            async with open_sqlite(Path(sys.argv[1])) as database:
                kept = []
                resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, resource.RLIM_INFINITY))
                for number in range(200):
                    try:
                        await database.write_system(lambda tx: put(tx, number))
                        kept.append(str(number))
                    except StoreFull:
                        break
                else:
                    print("never full")
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                for number in range(1000, 1005):
                    await database.write_system(lambda tx: put(tx, number))
                    kept.append(str(number))
                rows = await database.read_system(lambda tx: tx.all("SELECT raw_id FROM raws"))
                assert {row["raw_id"] for row in rows} == set(kept), "what was acknowledged is not what is there"
                print("kept", len(kept) > 10)

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        asyncio.run(main())
    """)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.db")],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(),
    )
    assert (done.stdout, done.returncode) == ("kept True\n", 0), done.stderr
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from letterlock.store.sqlite import open_sqlite

        async def put(tx, name):
            await tx.run("INSERT INTO tenants (tenant_id, name, created_at) VALUES (:id, :id, 0)", id=name)

        async def writer(database, w):
            for number in range(100000):
                await database.write_system(lambda tx: put(tx, f"{w}-{number}"))
                print(f"{w}-{number}", flush=True)

        async def main():
            async with open_sqlite(Path(sys.argv[1])) as database:
                await asyncio.gather(*(writer(database, w) for w in range(4)))

        asyncio.run(main())
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "a.db")],
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(300)]
    os.kill(process.pid, signal.SIGKILL)
    acknowledged += [line.strip() for line in process.stdout.read().splitlines()]
    process.wait()
    process.stdout.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = {name for (name,) in other.execute("SELECT tenant_id FROM tenants")}
    # The last line may have been cut in the pipe by the kill; a name that is there is a whole one.
    assert set(acknowledged[:-1]) <= kept


async def test_closing_answers_everyone_who_still_waits(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "a.db") as database:
        last = [asyncio.create_task(database.write_system(lambda tx, n=n: add(tx, f"t{n}"))) for n in range(300)]  # type: ignore[misc]
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        results = await asyncio.gather(*last, return_exceptions=True)
    async with open_sqlite(tmp_path / "a.db") as database:
        kept = await names(database)
    assert {f"t{n}" for n, result in enumerate(results) if result is None} <= kept
    assert all(result is None or isinstance(result, StoreError) for result in results)


def test_each_migration_has_a_number_of_its_own_and_none_is_missing() -> None:
    schema = Path(sqlite.__file__).parent / "schema"
    for folder in (schema, schema / "sqlite"):
        numbers = [int(file.name[:4]) for file in folder.glob("*.sql")]
        assert len(numbers) == len(set(numbers))
    assert {int(file.name[:4]) for file in schema.rglob("*.sql")} == set(range(1, sqlite.SCHEMA_VERSION + 1))


async def test_compacting_leaves_nothing_of_removed_rows_in_gaps_of_pages(tmp_path: Path) -> None:
    file, sizes = tmp_path / "letterlock.db", Random(1)
    order = list(range(400))
    sizes.shuffle(order)

    async def fill(tx: Transaction) -> None:
        await tx.run("CREATE TABLE moved (n BIGINT PRIMARY KEY, said TEXT NOT NULL) WITHOUT ROWID")
        for n in order:
            await tx.run(
                "INSERT INTO moved VALUES (:n, :said)", n=n, said=f"zebrafink {n} " + "x" * sizes.randint(300, 900)
            )

    async with open_sqlite(file) as database:
        await database.write_system(fill)
        await database.write_system(lambda tx: erasures.note_compaction(tx, 1))
        await database.write_system(lambda tx: tx.run("DELETE FROM moved WHERE n % 2"))
        kept = {b"zebrafink %d " % n for n in range(0, 400, 2)}
        assert await database.scrubbed()
        assert set(re.findall(rb"zebrafink \d+ ", file.read_bytes())) > kept, "the check can fail"
        await database.compact()
        assert await database.scrubbed()
        assert set(re.findall(rb"zebrafink \d+ ", file.read_bytes())) == kept
        assert await database.read_system(erasures.compaction_due) is None
        assert len(list(tmp_path.iterdir())) <= 4, "nothing is left beside it"
