"""The few promises every engine keeps: transactions bound to a tenant, writes that are durable when they return.

Work is handed over as a function of a Transaction and runs as one transaction; an exception rolls it back and comes out
again. Work may await nothing but its transaction, and may run twice (only its last run counts): on SQLite it runs to
its end on the writer's thread, together with whatever else waits, and one fsync serves the whole group.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from letterlock.ids import EmailId, InboxId, TenantId

T = TypeVar("T")


class Row(Protocol):
    """A result row, read by column name, or as a whole in the order of its columns."""

    def __getitem__(self, column: str, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


class Transaction(Protocol):
    """SQL with `:name` parameters that every engine runs. `:tenant` is bound by the transaction itself, and a statement
    of a tenant's transaction that does not use it is refused: no statement can cross tenants by forgetting."""

    async def one(self, sql: str, **values: Any) -> Row | None: ...

    async def all(self, sql: str, **values: Any) -> list[Row]: ...

    async def run(self, sql: str, **values: Any) -> int:
        """Returns the number of rows changed."""

    async def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None: ...

    def bound_to(self, tenant: TenantId) -> Transaction:
        """The same transaction, bound to a tenant: how system work calls the verbs of one."""

    async def seal(self, said: str) -> str:
        """A keyed hash of `said`, in hex. The key is a file of the data folder, audit.key: who can write to the store
        alone can make none."""

    async def index_terms(self, email_id: EmailId, inbox_id: InboxId, terms: str) -> None:
        """Make an email findable by `terms` (and no others), blank-separated and already folded (store/terms.py)."""

    async def drop_terms(self, email_ids: Iterable[EmailId]) -> None: ...

    async def merge_terms(self, *, begin: bool = False) -> bool:
        """A step of writing the index anew without the terms that were dropped, which are in its file until then.
        `begin` with the first one. True when nothing is left to do."""

    async def match_terms(
        self, inbox_id: InboxId | None, terms: Iterable[str], before: int, limit: int, *, deleted: bool = False
    ) -> list[EmailId]:
        """Ids of filed emails (of one live inbox, or None: of all live ones, with `deleted` of those too) that have a
        term beginning with each of `terms`, newest first, only those filed before the tenant's number `before`."""


Work = Callable[[Transaction], Awaitable[T]]


class Database(Protocol):
    """Raises StoreBusy or StoreFull when the engine's weather is bad; nothing of that transaction is kept then."""

    async def read(self, tenant: TenantId, work: Work[T]) -> T: ...

    async def write(self, tenant: TenantId, work: Work[T]) -> T: ...

    async def read_system(self, work: Work[T]) -> T:
        """For accept, filing, delivery and upkeep only: statements that must look over all tenants."""

    async def write_system(self, work: Work[T], *, urgent: bool = False) -> T:
        """`urgent` work (a sender waits for its 250) goes before the rest."""

    def scrub(self) -> None:
        """What was overwritten until now shall not be found in the engine's own files for long either."""

    async def scrubbed(self) -> bool:
        """The same now; False when somebody is reading who keeps it from being done yet."""

    async def compact(self, *, within_s: float | None = None) -> None:
        """Write the whole store anew, so that no byte of what was removed is left in it, nor an unused one; nothing is
        written meanwhile (others get StoreBusy when it takes longer than they wait). What noted that it is due is
        forgotten. Raises StoreFull when the disk has no room for two copies, StoreBusy when it is not done
        `within_s`: then nothing has changed."""

    async def backup(self, target: Path) -> None:
        """A consistent copy while others write. Raises Conflict when `target` exists."""
