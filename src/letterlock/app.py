"""App: what an open Letterlock consists of, handed to everything that has an effect."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from letterlock import telemetry
from letterlock.errors import DataFolderError
from letterlock.fair import Ahead, Turns
from letterlock.folder import FOLDER
from letterlock.ids import AgentId, EmailId, KeyId
from letterlock.lookout import look_out
from letterlock.settings import Settings
from letterlock.store import tenants
from letterlock.store.database import Database
from letterlock.store.emails import ms
from letterlock.store.sqlite import open_sqlite
from letterlock.together import Together
from letterlock.vault import Vault
from letterlock.wake import Wake, open_wake

DATABASE_FILE = "letterlock.db"
_LOOKS_AT_ONCE = 1
_MOST_LOOKS_WAITING = 30


def system_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class App:
    settings: Settings
    database: Database
    wake: Wake
    vault: Vault
    shown: dict[tuple[AgentId, EmailId], int] = field(default_factory=dict)
    """When an agent was last written down to have seen an email, in milliseconds since 1970."""
    used: dict[KeyId, int] = field(default_factory=dict)
    """The same for the use of a key."""
    beside: set[asyncio.Task[None]] = field(default_factory=set)
    """Small work that no call waits for."""
    looks: Turns = field(default_factory=lambda: Turns(_LOOKS_AT_ONCE, _MOST_LOOKS_WAITING))
    """At long emails about to leave: each takes the processor for up to a second."""
    ahead: Ahead = field(default_factory=Ahead)
    """Submissions that somebody waits for, before the deliveries of others' backlogs."""
    together: Together = field(default_factory=Together)
    """What many callers ask for at once."""
    clock: Callable[[], datetime] = system_clock

    @property
    def folder(self) -> Path:
        return self.settings.data

    def now_ms(self) -> int:
        return ms(self.clock())


@contextlib.asynccontextmanager
async def open_app(settings: Settings, clock: Callable[[], datetime] = system_clock) -> AsyncIterator[App]:
    """Opens (and makes) the data folder for this process. Raises DataFolderError when it cannot be used,
    MasterKeyError when the vault's key lies open."""
    async with contextlib.AsyncExitStack() as stack:
        if settings.traces:
            stack.enter_context(telemetry.traces())
        try:
            settings.data.mkdir(parents=True, exist_ok=True, mode=FOLDER)
            database = await stack.enter_async_context(open_sqlite(settings.data / DATABASE_FILE))
            wake = await stack.enter_async_context(open_wake(settings.data))
        except OSError as error:
            raise DataFolderError(
                f"The data folder {settings.data} cannot be used: {error.strerror or error}.",
                next_step="Make it a folder that can be written, or name another with --data.",
            ) from error
        vault = Vault(settings, database, clock)
        stack.callback(vault.close)
        await vault.check()
        app = App(settings, database, wake, vault, clock=clock)
        # Only the first start on a folder writes, so that a store which another process holds can still be read.
        if not await database.read_system(tenants.has_default):
            await database.write_system(lambda tx: tenants.ensure_default(tx, app.now_ms()))
        looking = asyncio.create_task(look_out(database, wake, app.now_ms), name="lookout")
        try:
            yield app
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            if app.beside:
                await asyncio.wait(app.beside, timeout=1)
