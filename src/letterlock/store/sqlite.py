"""The SQLite engine: one writer with group commit, a few readers, WAL, synchronous=FULL.

A write waits in a queue; the writer's thread runs everything that waits inside one transaction and commits once, so
that one fsync serves many senders. When one work fails, each of its group runs again by itself, and for a while
savepoints keep works apart. Other processes of the data folder write too: a work waits for them up to BUSY_MS from when
it was handed in (less when they have held the store that long already), then it fails with StoreBusy. Only this module
knows aiosqlite.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hmac
import logging
import shutil
import sqlite3
import time
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from functools import partial
from importlib import metadata, resources
from itertools import islice
from pathlib import Path
from typing import Any, Generic, cast

import aiosqlite

from letterlock.errors import Conflict, DataFolderError, StoreBusy, StoreError, StoreFull
from letterlock.folder import FILE, keep_private, new_file
from letterlock.ids import EmailId, InboxId, TenantId
from letterlock.keyfile import made_key
from letterlock.store.database import Row, T, Work

log = logging.getLogger(__name__)

SCHEMA_VERSION = 38
AUDIT_KEY = "audit.key"
BUSY_MS = 10_000
_STEPS = 1_000
"""Of SQLite's machine between two looks at the clock: some milliseconds."""
KNOWN_BUSY_MS = 500
"""How long a work waits when one before it has waited in vain not long ago."""
_KNOWN_BUSY_S = 5.0
READERS = 2
CHECKPOINT_EVERY_S = 0.5
CHECKPOINT_BYTES = 8 * 1024 * 1024
CHECKPOINT_BY_WRITER_BYTES = 256 * 1024 * 1024
"""A log that grows past this (a reader beside the writer can never restart it while mail pours in) holds the writer
once."""
MERGE_PAGES = 64
"""How much of the full-text index one step of merge_terms writes: some milliseconds."""
_CLOSING = "The mail store is closing."
GROUP_WORKS = 64
GROUP_SECONDS = 0.02
"""A group ends at this many works or this much time, so that the first in it does not wait for ever."""
APART_S = 5.0
"""For so long after one of a group has failed (somebody over a limit fails again and again) works are kept apart by
savepoints; else they are spared these."""

ORDINARY_PER_GROUP = 8
"""How many works that nobody waits for on the wire may join a group of urgent ones."""

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


class _Raw(sqlite3.Connection):
    """A connection that knows whose it is."""

    folder: Path


class _Transaction:
    """The Transaction of one work. Its methods never suspend: the work runs to its end on the connection's thread."""

    def __init__(self, connection: sqlite3.Connection, tenant: TenantId | None) -> None:
        self._connection = connection
        self._tenant = tenant

    def _execute(self, sql: str, values: dict[str, Any]) -> sqlite3.Cursor:
        if self._tenant is not None:
            if ":tenant" not in sql:
                raise StoreError("A statement of a tenant's transaction does not name :tenant.")
            values["tenant"] = self._tenant
        return self._connection.execute(sql, values)

    async def one(self, sql: str, **values: Any) -> Row | None:
        return cast("Row | None", self._execute(sql, values).fetchone())

    async def all(self, sql: str, **values: Any) -> list[Row]:
        return cast("list[Row]", self._execute(sql, values).fetchall())

    async def run(self, sql: str, **values: Any) -> int:
        return self._execute(sql, values).rowcount

    async def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            self._execute(sql, dict(row))

    def bound_to(self, tenant: TenantId) -> _Transaction:
        return _Transaction(self._connection, tenant)

    async def seal(self, said: str) -> str:
        return _seal(cast("_Raw", self._connection).folder, said)

    async def index_terms(self, email_id: EmailId, inbox_id: InboxId, terms: str) -> None:
        mine = _scope(self._tenant)
        values = (f"{mine} {_scope(inbox_id)}", marked(mine, terms))
        document = self._connection.execute(
            "INSERT OR IGNORE INTO email_documents (tenant_id, email_id) VALUES (?, ?)", (self._tenant, email_id)
        )
        if document.rowcount:
            self._connection.execute(
                "INSERT INTO email_terms (rowid, scope, body) VALUES (?, ?, ?)", (document.lastrowid, *values)
            )
        else:
            # In its place: results come in the order of the documents.
            self._connection.execute(
                "UPDATE email_terms SET scope = ?, body = ? WHERE rowid ="
                " (SELECT document FROM email_documents WHERE email_id = ? AND tenant_id = ?)",
                (*values, email_id, self._tenant),
            )

    async def drop_terms(self, email_ids: Iterable[EmailId]) -> None:
        for email_id in email_ids:
            row = self._connection.execute(
                "DELETE FROM email_documents WHERE email_id = ? AND tenant_id = ? RETURNING document",
                (email_id, self._tenant),
            ).fetchone()
            if row is not None:
                self._connection.execute("DELETE FROM email_terms WHERE rowid = ?", (row["document"],))

    async def merge_terms(self, *, begin: bool = False) -> bool:
        # sqlite.org/fts5.html section 6.7: a negative number gathers all segments first; it is done when a step
        # changes less than two rows.
        before = self._connection.total_changes
        pages = -MERGE_PAGES if begin else MERGE_PAGES
        self._connection.execute("INSERT INTO email_terms (email_terms, rank) VALUES ('merge', ?)", (pages,))
        return self._connection.total_changes - before < 2

    async def match_terms(
        self, inbox_id: InboxId | None, terms: Iterable[str], before: int, limit: int, *, deleted: bool = False
    ) -> list[EmailId]:
        # Terms hold letters and digits only (store/terms.py), so that a quoted string cannot be left.
        mark = _mark(_scope(self._tenant))
        words = " AND ".join(f'body:"{mark}{term}" *' for term in terms)
        # CROSS JOIN keeps SQLite to this order: left to itself it asks the index about one email after the other.
        rows = self._connection.execute(
            "SELECT e.email_id FROM email_terms t CROSS JOIN email_documents d ON d.document = t.rowid"
            " CROSS JOIN emails e ON e.tenant_id = d.tenant_id AND e.email_id = d.email_id"
            " CROSS JOIN inboxes i ON i.tenant_id = e.tenant_id AND i.inbox_id = e.inbox_id"
            f"{'' if deleted else ' AND i.deleted_at IS NULL'}"
            " WHERE t.email_terms MATCH ? AND e.tenant_id = ? AND e.state = 'filed' AND e.filed < ?"
            " ORDER BY t.rowid DESC LIMIT ?",
            (f'scope:"{_scope(inbox_id or self._tenant)}" AND {words}', self._tenant, before, limit),
        )
        return [row["email_id"] for row in rows]


def _scope(name: str | None) -> str:
    """An id as one term of the tokenizer."""
    return f"x{(name or '').encode().hex()}"


def _mark(scope: str) -> str:
    """Two letters in front of each term of a tenant, so that a search reads the words of one tenant in a thousand, not
    those of all. Tenants that share them cost each other time only: the scope is asked as well."""
    number = zlib.crc32(scope.encode()) % 26**2
    return chr(97 + number // 26) + chr(97 + number % 26)


def marked(scopes: str, terms: str) -> str:
    """`terms` with the mark of the first of `scopes`."""
    mark = _mark(scopes.partition(" ")[0])
    return " ".join(mark + term for term in terms.split())


class _Waiting(Generic[T]):
    """A work in the writer's queue and the future its caller awaits."""

    def __init__(self, tenant: TenantId | None, work: Work[T]) -> None:
        self.tenant = tenant
        self.work = work
        self.future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.result: T | None = None
        self.error: BaseException | None = None
        self.since = time.monotonic()

    def run(self, connection: sqlite3.Connection) -> None:
        """In the writer's thread, inside a transaction."""
        self.error = None
        self.result = _run_to_end(self.work, _Transaction(connection, self.tenant))

    def run_apart(self, connection: sqlite3.Connection) -> None:
        """The same so that what fails spoils nothing of the others in the transaction. Raises what ends that."""
        connection.execute("SAVEPOINT one")
        try:
            self.run(connection)
        except Exception as error:
            if _is_weather(error) or not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO one")
            self.fail(error)
        connection.execute("RELEASE one")

    def fail(self, error: Exception) -> None:
        self.error = _store_error(error) if isinstance(error, sqlite3.Error) else error

    def settle(self) -> None:
        """On the loop, after the commit."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(cast("T", self.result))
        else:
            self.future.set_exception(self.error)


class _Connection(aiosqlite.Connection):
    """aiosqlite's connection, able to run a whole function on its thread: one hop for a transaction, not one a
    statement."""

    def join(self) -> None:
        self._thread.join(timeout=5)

    async def call(self, function: Callable[[sqlite3.Connection], T]) -> T:
        try:
            # aiosqlite's public methods each run one statement; the function they all go through is untyped.
            return cast("T", await self._execute(lambda: function(self._conn)))  # type: ignore[no-untyped-call]
        except sqlite3.Error as error:
            raise _store_error(error) from error


class SqliteDatabase:
    """A Database on one file. Made by open_sqlite."""

    def __init__(self, file: Path, writer: _Connection, readers: list[_Connection]) -> None:
        self._file = file
        self._writer = writer
        self._urgent: deque[_Waiting[Any]] = deque()
        self._ordinary: deque[_Waiting[Any]] = deque()
        self._something = asyncio.Event()
        # A process that ended before it could do so may have left something.
        self._scrub = True
        # There may be something for the checkpoints to do.
        self._grown = asyncio.Event()
        self._grown.set()
        self._busy_at = -_KNOWN_BUSY_S
        self._failed_at = -APART_S
        self._closing = False
        # Last in, first out: the one that has just read has its pages at hand.
        self._idle_readers: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()
        for reader in readers:
            self._idle_readers.put_nowait(reader)

    async def read(self, tenant: TenantId, work: Work[T]) -> T:
        return await self._read(tenant, work)

    async def read_system(self, work: Work[T]) -> T:
        return await self._read(None, work)

    async def write(self, tenant: TenantId, work: Work[T]) -> T:
        return await self._write(_Waiting(tenant, work), self._ordinary)

    async def write_system(self, work: Work[T], *, urgent: bool = False) -> T:
        return await self._write(_Waiting(None, work), self._urgent if urgent else self._ordinary)

    def scrub(self) -> None:
        self._scrub = True
        self._grown.set()

    async def scrubbed(self) -> bool:
        return await self._writer.call(_emptied)

    async def compact(self, *, within_s: float | None = None) -> None:
        size, free = await asyncio.to_thread(lambda: (self._file.stat().st_size, shutil.disk_usage(self._file).free))
        if free < 2 * size:
            raise StoreFull(
                f"The mail store is written anew where {2 * size // 1_000_000:,} MB are free on its disk, and"
                f" {free // 1_000_000:,} MB are.",
                next_step="Free some space there; nothing was changed.",
            )
        await self._writer.call(lambda connection: _compacted(connection, within_s))
        self.scrub()

    async def backup(self, target: Path) -> None:
        if await asyncio.to_thread(target.exists):
            raise Conflict(f"{target} exists already.", next_step="Name a file that does not exist yet.")
        part = target.with_name(target.name + ".part")
        source = await _connect(self._file)
        try:
            part.unlink(missing_ok=True)
            await asyncio.to_thread(part.touch, FILE)
            copy = await aiosqlite.connect(part)
            try:
                # All pages in one step: a reader's snapshot, which writers of the WAL do not disturb.
                await source.backup(copy)
            finally:
                await copy.close()
            part.rename(target)
        except (sqlite3.Error, OSError) as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            no_space = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
            advice = "Free some space there." if no_space or "full" in why else "Name a file in a folder you can write."
            raise StoreFull(f"The backup could not be written to {target}: {why}.", next_step=advice) from error
        finally:
            await source.close()

    async def _read(self, tenant: TenantId | None, work: Work[T]) -> T:
        def in_snapshot(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN")
            try:
                return _run_to_end(work, _Transaction(connection, tenant))
            finally:
                connection.execute("ROLLBACK")

        reader = await self._idle_readers.get()
        try:
            return await reader.call(in_snapshot)
        finally:
            self._idle_readers.put_nowait(reader)

    async def _write(self, waiting: _Waiting[T], queue: deque[_Waiting[Any]]) -> T:
        if self._closing:
            raise StoreBusy(_CLOSING)
        queue.append(waiting)
        self._something.set()
        return await waiting.future

    async def write_groups(self) -> None:
        """The writer: runs for as long as the database is open."""
        while True:
            await self._something.wait()
            self._something.clear()
            while self._urgent or self._ordinary:
                group: list[_Waiting[Any]] = []
                try:
                    await self._writer.call(lambda connection, group=group: self._commit_group(connection, group))  # type: ignore[misc]
                except Exception as error:
                    known = error if isinstance(error, StoreError) else StoreError("The mail store failed.")
                    if known is not error:
                        log.exception("the store's writer failed")
                    for waiting in group:
                        waiting.error = waiting.error or known
                self._grown.set()
                for waiting in group:
                    waiting.settle()

    async def checkpoint(self) -> None:
        """The log's way into the database file: runs for as long as the database is open."""
        log_file = self._file.with_name(self._file.name + "-wal")
        while True:
            await self._grown.wait()
            await asyncio.sleep(CHECKPOINT_EVERY_S)
            self._grown.clear()
            try:
                size = log_file.stat().st_size
                if self._scrub:
                    self._scrub = False
                    if size > 0 and not await self._writer.call(_emptied):
                        self.scrub()
                elif size > CHECKPOINT_BY_WRITER_BYTES:
                    await self._writer.call(
                        lambda connection: connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
                    )
                elif size > CHECKPOINT_BYTES:
                    reader = await self._idle_readers.get()
                    try:
                        await reader.call(
                            lambda connection: connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                        )
                    finally:
                        self._idle_readers.put_nowait(reader)
            except (OSError, StoreError) as error:
                log.debug("checkpoint: %s", error)

    async def close_clean(self) -> None:
        """The last scrubbing, when one is due."""
        if self._scrub:
            with contextlib.suppress(StoreError):
                await self._writer.call(_emptied)

    def refuse_waiting(self) -> None:
        """At closing: nobody may wait for a writer that is gone, now or later."""
        self._closing = True
        for waiting in (*self._urgent, *self._ordinary):
            waiting.error = StoreBusy(_CLOSING)
            waiting.settle()

    def _commit_group(self, connection: sqlite3.Connection, group: list[_Waiting[Any]]) -> None:
        """In the writer's thread. Works that arrive while others run still join; `group` names all that took part."""
        end = time.monotonic() + GROUP_SECONDS
        works = self._works()
        # Before the transaction begins: when it cannot, somebody must hear of it.
        group.extend(islice(works, 1))
        if not group:
            return
        try:
            with self._locked(connection, group[0]):
                self._run(connection, group[0])
                while len(group) < GROUP_WORKS and time.monotonic() < end:
                    waiting = next(works, None)
                    if waiting is None:
                        break
                    group.append(waiting)
                    self._run(connection, waiting)
        except Exception as error:
            if _is_weather(error):
                raise
            # One of them failed, which must not spoil the others: each again, in a transaction of its own. That costs
            # everyone a sync each, so where one has just failed the next are kept apart by savepoints.
            self._failed_at = time.monotonic()
            for waiting in group:
                try:
                    with _transaction(connection):
                        waiting.run(connection)
                except Exception as own_error:
                    waiting.fail(own_error)

    def _run(self, connection: sqlite3.Connection, waiting: _Waiting[Any]) -> None:
        if time.monotonic() - self._failed_at > APART_S:
            waiting.run(connection)
            return
        waiting.run_apart(connection)
        if waiting.error is not None:
            self._failed_at = time.monotonic()

    @contextlib.contextmanager
    def _locked(self, connection: sqlite3.Connection, first: _Waiting[Any]) -> Iterator[None]:
        """A transaction for a group. What waits behind others who wait in vain must not wait as long again."""
        now = time.monotonic()
        left = BUSY_MS - int((now - first.since) * 1000)
        if now - self._busy_at < _KNOWN_BUSY_S:
            left = min(left, KNOWN_BUSY_MS)
        usual = left > BUSY_MS // 2
        if not usual:
            connection.execute(f"PRAGMA busy_timeout = {max(0, left)}")
        try:
            with _transaction(connection):
                yield
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY:
                self._busy_at = time.monotonic()
            raise
        finally:
            if not usual:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")

    def _works(self) -> Iterator[_Waiting[Any]]:
        """What a group is made of: urgent work first, but the second place is for ordinary work, which senders who
        never stop must not keep out. What nobody waits for any longer is dropped."""
        taken = ordinary = 0
        while True:
            if self._ordinary and (taken == 1 or not self._urgent) and ordinary < ORDINARY_PER_GROUP:
                waiting = self._ordinary.popleft()
                ordinary += 1
            elif self._urgent:
                waiting = self._urgent.popleft()
            else:
                return
            if not waiting.future.cancelled():
                taken += 1
                yield waiting


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors (disk full).
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _run_to_end(work: Work[T], transaction: _Transaction) -> T:
    coroutine = cast("Coroutine[Any, Any, T]", work(transaction))
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    coroutine.close()
    raise StoreError("Work inside a transaction awaited something other than its transaction.")


@contextlib.asynccontextmanager
async def open_sqlite(file: Path) -> AsyncIterator[SqliteDatabase]:
    """The database in `file`, made or migrated when needed. Raises DataFolderError when it cannot be used."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            await asyncio.to_thread(_make_private, file)
            writer = await _connect(file)
            stack.push_async_callback(writer.close)
            await writer.call(_prepare)
            readers = [await _connect(file) for _ in range(READERS)]
            for reader in readers:
                stack.push_async_callback(reader.close)
        except (StoreError, sqlite3.Error) as error:
            cause = error.__cause__ if isinstance(error.__cause__, sqlite3.Error) else error
            raise DataFolderError(
                f"The mail store {file} cannot be opened: {cause}.", next_step=_advice(cause)
            ) from error
        database = SqliteDatabase(file, writer, readers)
        tasks = [
            asyncio.create_task(database.write_groups(), name="store writer"),
            asyncio.create_task(database.checkpoint(), name="store checkpoints"),
        ]
        try:
            yield database
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            database.refuse_waiting()
            await database.close_clean()


def _make_private(file: Path) -> None:
    """Before SQLite opens it: what SQLite makes beside a database has the rights of the database."""
    # Never opened where it is there: the end of that would end every lock this process has on it.
    with contextlib.suppress(OSError):
        new_file(file).close()
    keep_private(file, *(file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm")))


async def _connect(file: Path) -> _Connection:
    def connector() -> sqlite3.Connection:
        connection = sqlite3.connect(file, isolation_level=None, cached_statements=256, factory=_Raw)
        connection.folder = file.parent
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        _into_wal(connection)
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "temp_store = MEMORY",
            # What was deleted or overwritten is not left lying in free pages.
            "secure_delete = ON",
            # SqliteDatabase.checkpoint does it beside the writer: inside a commit it would stall every waiting sender.
            "wal_autocheckpoint = 0",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("marked", 2, marked, deterministic=True)
        connection.create_function("seal", 1, partial(_seal, file.parent))
        return connection

    connection = _Connection(connector, iter_chunk_size=64)
    try:
        await connection
    except BaseException:
        # aiosqlite tells its thread to end and does not wait for it; the loop may be closed before it has.
        await asyncio.to_thread(connection.join)
        raise
    return connection


def _seal(folder: Path, said: str) -> str:
    return hmac.digest(made_key(folder, AUDIT_KEY), said.encode(), "sha256").hex()


def _emptied(connection: sqlite3.Connection) -> bool:
    """Whether the log now holds nothing, not even what was overwritten in it. Waits for no reader: the writer may not
    be held."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")


def _compacted(connection: sqlite3.Connection, within_s: float | None) -> None:
    """In secure_delete SQLite overwrites what is deleted, but not the places that rows were moved from within a page
    or to its neighbours. VACUUM fills new pages, in order, from the rows there are."""
    due = connection.execute("SELECT due_since FROM compaction").fetchone()
    # On the disk of the store and nowhere else: in memory it may not fit, and elsewhere it is not expected.
    folder = str(cast("_Raw", connection).folder).replace("'", "''")
    connection.execute(f"PRAGMA temp_store_directory = '{folder}'")
    connection.execute("PRAGMA temp_store = FILE")
    if within_s is not None:
        end = time.monotonic() + within_s
        connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        connection.execute("VACUUM")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise StoreBusy(
            f"The mail store was not compacted within {within_s:.0f} s; nothing has changed.",
            next_step="Run `letterlock compact`, which takes its time.",
        ) from None
    finally:
        connection.set_progress_handler(None, 0)
        connection.execute("PRAGMA temp_store = MEMORY")
    if due is not None:
        # Not what was noted meanwhile.
        connection.execute("DELETE FROM compaction WHERE due_since = ?", (due["due_since"],))


def _into_wal(connection: sqlite3.Connection) -> None:
    """A new file turns to WAL once, and whoever asks for that beside another is told at once that it is locked: SQLite
    does not wait there."""
    end = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)


def _prepare(connection: sqlite3.Connection) -> None:
    """Check what durability rests on, then bring the schema up to date in one transaction."""
    journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
    synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    if journal != "wal" or synchronous != 2:
        raise DataFolderError(
            f"SQLite gave journal_mode={journal}, synchronous={synchronous} where wal and 2 (FULL) are needed.",
            next_step="Use a data folder on a local disk; network file systems cannot do this.",
        )
    if _schema_version(connection) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Looked at again: another process may have migrated while this one waited for the lock.
        for version in range(_schema_version(connection) + 1, SCHEMA_VERSION + 1):
            for statement in _migration(version):
                connection.execute(statement)
        connection.execute("DELETE FROM schema_version")
        connection.execute("INSERT INTO schema_version VALUES (?, ?)", (SCHEMA_VERSION, metadata.version("letterlock")))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _schema_version(connection: sqlite3.Connection) -> int:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone() is None:
        if not connection.in_transaction:
            return 0
        connection.execute("CREATE TABLE schema_version (version INTEGER NOT NULL, written_by TEXT NOT NULL)")
    row = connection.execute("SELECT version, written_by FROM schema_version").fetchone()
    if row is None:
        return 0
    if row["version"] > SCHEMA_VERSION:
        raise DataFolderError(
            f"This data folder was written by Letterlock {row['written_by']} (schema {row['version']});"
            f" this is {metadata.version('letterlock')} (schema {SCHEMA_VERSION}).",
            next_step=f"Install letterlock {row['written_by']} or newer, or use another --data folder.",
        )
    return int(row["version"])


def _migration(version: int) -> Iterable[str]:
    """Statements of the portable file and of the SQLite one of that number. Our files have no `;` inside a
    statement."""
    schema = resources.files("letterlock.store") / "schema"
    for folder in (schema, schema / "sqlite"):
        for file in folder.iterdir():
            if file.name.startswith(f"{version:04}_"):
                text = "\n".join(line for line in file.read_text("utf-8").splitlines() if not line.startswith("--"))
                yield from (statement for statement in text.split(";\n") if statement.strip(" ;\n"))


def _advice(error: BaseException) -> str:
    """What an owner does about a store that cannot be opened."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "The file is damaged: put it aside and put a backup in its place, or start with an empty data folder."
    if code in _BUSY:
        return "Another program holds it: stop that, or try again."
    return "Check that the folder is writable, on a local disk and has free space."


def _is_weather(error: Exception) -> bool:
    """Whether an error is about the engine (locked, full) rather than about one statement."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in (*_BUSY, *_FULL)


def _store_error(error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return StoreBusy("The mail store is busy with another process.", next_step="Try again in a few seconds.")
    if code in _FULL:
        return StoreFull(
            "The mail store cannot be written (disk full?).", next_step="Free some space; nothing was lost."
        )
    return StoreError(f"The mail store failed: {type(error).__name__}.", next_step="Run `letterlock doctor`.")
