"""The audit log: whatever is done to it by who can write to the store is found out."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock.ids import DEFAULT_TENANT
from letterlock.store import audit, sqlite, tenants
from letterlock.store.audit import Fault, Head, Verified
from letterlock.store.database import Database
from letterlock.store.sqlite import AUDIT_KEY, open_sqlite
from running import copy_store

ROWS = 6


async def write(database: Database, n: int, **detail: object) -> None:
    await database.write(DEFAULT_TENANT, lambda tx: audit.append(tx, n, "ag_1", "email.sent", f"sub_{n}", **detail))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    copy_store(tmp_path / "letterlock.db")
    async with open_sqlite(tmp_path / "letterlock.db") as database:
        await database.write_system(lambda tx: tenants.ensure_default(tx, 0))
        for n in range(1, ROWS + 1):
            await write(database, n, recipients=[f"p{n}@far.example", "Anna_B%\\@far.example"])
        yield database


async def verify(database: Database, noted: str = "") -> Verified:
    return await database.read(DEFAULT_TENANT, lambda tx: audit.verify(tx, noted))


async def tamper(database: Database, *statements: str) -> None:
    for statement in statements:
        await database.write_system(lambda tx, statement=statement: tx.run(statement))  # type: ignore[misc]


async def test_a_log_that_nobody_touched_verifies_and_has_its_head(database: Database) -> None:
    head = await database.read(DEFAULT_TENANT, audit.head)
    assert head.n == ROWS
    assert await verify(database) == Verified(ROWS, head=head)
    await write(database, 7)
    assert (await verify(database, head.hash)).fault == ""
    assert (await verify(database, "0" * 64)).fault == "unknown"
    for at, fault in ((0, ""), (5, "unknown")):
        assert (await database.read(DEFAULT_TENANT, lambda tx, at=at: audit.verify(tx, "0" * 64, at))).fault == fault  # type: ignore[misc]
    right = await database.read(DEFAULT_TENANT, lambda tx: audit.verify(tx, head.hash, head.n))
    wrong = await database.read(DEFAULT_TENANT, lambda tx: audit.verify(tx, head.hash, head.n + 1))
    assert (right.fault, wrong.fault) == ("", "unknown")


TAMPERED: list[tuple[str, tuple[str, ...], int, Fault]] = [
    ("who did it", ("UPDATE audit SET actor = 'ag_2' WHERE n = 2",), 2, "changed"),
    ("what was done", ("UPDATE audit SET action = 'email.held' WHERE n = 2",), 2, "changed"),
    ("the salt", ("UPDATE audit SET salt = '' WHERE n = 2",), 2, "changed"),
    ("the salt, to bytes", ("UPDATE audit SET salt = x'00' WHERE n = 2",), 2, "changed"),
    ("the detail, to bytes", ("UPDATE audit SET detail = x'7b7d' WHERE n = 3",), 3, "changed"),
    ("when, to a text", ("UPDATE audit SET at = 'noon' WHERE n = 4",), 4, "changed"),
    ("when, with a new hash", ("UPDATE audit SET at = 9, hash = 'x' WHERE n = 3",), 3, "changed"),
    ("the newest row", ("UPDATE audit SET subject = 'sub_9' WHERE n = 6",), 6, "changed"),
    (
        "two rows swapped",
        ("UPDATE audit SET n = n + 100 WHERE n = 2", "UPDATE audit SET n = 2 WHERE n = 3"),
        2,
        "changed",
    ),
    ("the first row", ("DELETE FROM audit WHERE n = 1",), 1, "removed"),
    ("one of the middle", ("DELETE FROM audit WHERE n = 4",), 4, "removed"),
    ("the newest", ("DELETE FROM audit WHERE n = 6",), 6, "cut"),
    ("the newest three", ("DELETE FROM audit WHERE n > 3",), 4, "cut"),
    ("all of them", ("DELETE FROM audit",), 1, "cut"),
    ("all of them with the head", ("DELETE FROM audit", "DELETE FROM audit_heads"), 1, "forged"),
    ("the head alone", ("DELETE FROM audit_heads",), 7, "forged"),
    (
        "the newest, and the head moved back",
        (
            "DELETE FROM audit WHERE n > 3",
            "UPDATE audit_heads SET n = 3, hash = (SELECT hash FROM audit WHERE n = 3)",
        ),
        4,
        "forged",
    ),
    ("a seal of nothing", ("UPDATE audit_heads SET seal = ''",), 7, "forged"),
    (
        "a row written in",
        ("INSERT INTO audit SELECT tenant_id, 7, at, '', 'erased', '', '{}', hash, 'x', '' FROM audit WHERE n = 6",),
        7,
        "added",
    ),
    (
        "a row that looks erased",
        ("UPDATE audit SET actor = '', action = 'erased', subject = '', detail = '{}', salt = '' WHERE n = 2",),
        6,
        "erased",
    ),
]


@pytest.mark.parametrize(("what", "statements", "at", "fault"), TAMPERED, ids=[row[0] for row in TAMPERED])
async def test_what_was_changed_removed_cut_added_or_forged_is_told(
    database: Database, what: str, statements: tuple[str, ...], at: int, fault: Fault
) -> None:
    await tamper(database, *statements)
    found = await verify(database)
    assert (found.broken_at, found.fault) == (at, fault)
    for n in range(2):
        await write(database, 100 + n)
    assert (await verify(database)).fault != "", "what is written later never hides it"


async def test_a_head_that_was_noted_down_is_missed_in_a_folder_of_yesterday(
    tmp_path: Path, database: Database
) -> None:
    await database.backup(tmp_path / "yesterday.db")
    await write(database, 7)
    noted = await database.read(DEFAULT_TENANT, audit.head)
    assert (await verify(database, noted.hash)).fault == ""
    async with open_sqlite(tmp_path / "yesterday.db") as old:
        assert (await verify(old)).fault == "", "with the key of the folder it is whole"
        assert (await verify(old, noted.hash)).fault == "unknown"
        await write(old, 8)
        assert (await verify(old, noted.hash)).fault == "unknown"


async def test_a_store_without_its_key_cannot_be_told_from_a_forged_one(tmp_path: Path, database: Database) -> None:
    (tmp_path / "elsewhere").mkdir()
    copy = tmp_path / "elsewhere" / "letterlock.db"
    await database.backup(copy)
    async with open_sqlite(copy) as moved:
        assert (await verify(moved)).fault == "forged"
    (tmp_path / "again").mkdir()
    shutil.copy(tmp_path / AUDIT_KEY, tmp_path / "again" / AUDIT_KEY)
    shutil.copy(copy, tmp_path / "again" / "letterlock.db")
    async with open_sqlite(tmp_path / "again" / "letterlock.db") as again:
        assert (await verify(again)).fault == ""


async def test_the_head_of_one_tenant_is_none_of_another(database: Database) -> None:
    other = await database.write_system(lambda tx: tenants.add_tenant(tx, "other", 0))
    assert other is not None
    assert (await database.read(other, audit.verify)).fault == ""
    await tamper(
        database,
        "UPDATE audit_heads SET (n, hash, seal) = (SELECT n, hash, seal FROM audit_heads WHERE tenant_id <> 'x'"
        " ORDER BY n LIMIT 1)",
    )
    assert (await verify(database)).fault == "forged"


async def test_what_a_person_is_named_in_is_erased_and_the_rest_stays_as_proof(database: Database) -> None:
    noted = await database.read(DEFAULT_TENANT, audit.head)

    async def erase(naming: str) -> int:
        return await database.write(DEFAULT_TENANT, lambda tx: audit.erase(tx, 50, "owner", naming))

    assert await erase("nobody@far.example") == 0
    assert await erase("P2@far.example") == 1
    found = await verify(database, noted.hash)
    assert (found.rows, found.fault, found.erased) == (ROWS + 1, "", 1)
    assert await erase("anna_b%\\@far.example") == ROWS - 1
    rows = await database.read(DEFAULT_TENANT, lambda tx: audit.after(tx, 0, 50))
    assert "far.example" not in json.dumps([one.detail for one in rows])
    assert [one.detail["rows"] for one in rows if one.action == "audit.erased"] == [1, ROWS - 1]
    await write(database, 60, recipients=["new@far.example"])
    assert await erase("") == 1
    assert await erase("") == 0
    found = await verify(database, noted.hash)
    assert (found.fault, found.erased) == ("", ROWS + 1)
    await tamper(database, "UPDATE audit SET hash = 'x' WHERE n = 3")
    assert (await verify(database)).fault == "changed"


async def test_a_log_of_before_there_were_heads_is_sealed_as_it_is(tmp_path: Path) -> None:
    """Rows as they were written then have no salt."""
    before = audit._link("0" * 64, 1, 5, "ag_1", "email.sent", "sub_1", "{}", "")
    with contextlib.closing(sqlite3.connect(tmp_path / "letterlock.db")) as old, old:
        old.execute("CREATE TABLE schema_version (version INTEGER NOT NULL, written_by TEXT NOT NULL)")
        for version in range(1, 9):
            for statement in sqlite._migration(version):
                old.execute(statement)
        old.execute("INSERT INTO schema_version VALUES (8, '0.1.0')")
        old.execute("INSERT INTO tenants (tenant_id, name, created_at) VALUES (?, 'default', 0)", (DEFAULT_TENANT,))
        old.execute(
            "INSERT INTO audit (tenant_id, n, at, actor, action, subject, detail, previous_hash, hash)"
            " VALUES (?, 1, 5, 'ag_1', 'email.sent', 'sub_1', '{}', ?, ?)",
            (DEFAULT_TENANT, "0" * 64, before),
        )
    async with open_sqlite(tmp_path / "letterlock.db") as upgraded:
        assert await verify(upgraded) == Verified(1, head=Head(1, before))
        await write(upgraded, 2)
        assert (await verify(upgraded, before)).rows == 2
        await tamper(upgraded, "DELETE FROM audit WHERE n = 2")
        assert (await verify(upgraded)).fault == "cut"
