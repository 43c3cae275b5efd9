from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.ids import DEFAULT_TENANT
from letterlock.store import reputation, tenants
from letterlock.store.database import Database
from letterlock.store.reputation import CAPS, DAY_MS
from letterlock.store.sqlite import open_sqlite
from running import copy_store

T0 = 20_000 * DAY_MS + 1_000


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    copy_store(tmp_path / "mail.db")
    async with open_sqlite(tmp_path / "mail.db") as database:
        await database.write_system(lambda tx: tenants.ensure_default(tx, T0))
        yield database


async def places(database: Database, wanted: int, now: int = T0, domain: str = "new.example") -> list[int | None]:
    return await database.write_system(lambda tx: reputation.places(tx, domain, now, wanted))


async def test_a_new_domain_sends_fifty_on_its_first_day_and_each_day_twice_as_many(database: Database) -> None:
    got = await places(database, 400)
    days = Counter((T0 if at is None else at) // DAY_MS - T0 // DAY_MS for at in got)
    assert days == {0: 50, 1: 100, 2: 200, 3: 50}
    later = [at for at in got if at is not None]
    assert later == sorted(later)
    assert len(set(later)) == len(later), "spread over each day"
    assert await places(database, 1) != [None]
    assert await places(database, 1, domain="other.example") == [None]


async def test_a_domain_past_its_first_days_has_no_cap(database: Database) -> None:
    await places(database, 1)
    assert await places(database, 100_000, T0 + len(CAPS) * DAY_MS) == [None] * 100_000


async def test_more_than_all_first_days_take_goes_when_they_are_over(database: Database) -> None:
    got = await places(database, sum(CAPS) + 5)
    assert got[-5:] == [(T0 // DAY_MS + len(CAPS)) * DAY_MS] * 5


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 2)), max_size=12))
def test_however_places_are_asked_for_no_day_has_more_than_its_cap(asked: list[tuple[int, int]]) -> None:
    import asyncio
    import tempfile

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            copy_store(Path(folder) / "mail.db")
            async with open_sqlite(Path(folder) / "mail.db") as database:
                now, days = T0, Counter[int]()
                for wanted, later in asked:
                    now += later * DAY_MS
                    for at in await places(database, wanted, now):
                        days[(now if at is None else at) // DAY_MS] += 1
                if days:
                    first = T0 // DAY_MS + asked[0][1]
                    assert all(count <= CAPS[day - first] for day, count in days.items() if day - first < len(CAPS))

    asyncio.run(run())


async def test_an_agent_nobody_knows_is_not_suspended(database: Database) -> None:
    assert await database.read(DEFAULT_TENANT, lambda tx: reputation.agent_suspended(tx, "nobody")) == ""  # type: ignore[arg-type]
