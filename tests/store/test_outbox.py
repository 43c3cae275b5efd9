from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, InboxId, SubmissionId, ThreadId, new_id
from letterlock.policy import Reason
from letterlock.store import inboxes, outbox, queue, tenants
from letterlock.store.database import Database
from letterlock.store.inboxes import Inbox
from letterlock.store.outbox import Delivery, Submission
from letterlock.store.queue import Lease
from letterlock.store.sqlite import open_sqlite
from running import copy_store

T0 = 1_780_000_000_000
INBOX = InboxId("ib_1")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    copy_store(tmp_path / "mail.db")
    async with open_sqlite(tmp_path / "mail.db") as database:
        await prepare(database)
        yield database


async def prepare(database: Database) -> None:
    await database.write_system(lambda tx: tenants.ensure_default(tx, T0))
    inbox = Inbox(DEFAULT_TENANT, INBOX, LOCAL_AGENT, "anna@x.example", "", 0, T0, None, None)
    await database.write(DEFAULT_TENANT, lambda tx: inboxes.add(tx, inbox, (inbox.address,)))


def submission(*deliveries: Delivery, key: str = "", held_by: str = "", thread: str = "th_1") -> Submission:
    submission_id = SubmissionId(new_id("sub"))
    return Submission(
        submission_id,
        INBOX,
        LOCAL_AGENT,
        key or submission_id,
        "hash",
        held_by,
        (Reason("relay_host", "Held.", "Set it."),) if held_by else (),
        "anna@x.example",
        tuple(delivery.recipient for delivery in deliveries),
        (),
        (),
        "Hi",
        "Hello",
        f"<{submission_id}@x.example>",
        ThreadId(thread),
        None,
        "sha",
        5,
        T0,
        deliveries,
    )


def relayed(recipient: str, next_at: int = T0) -> Delivery:
    return Delivery(recipient, "relay", "queued", next_at)


async def add(database: Database, added: Submission) -> SubmissionId:
    assert await database.write(DEFAULT_TENANT, lambda tx: outbox.add(tx, added, b"frozen"))
    return added.submission_id


async def claim(database: Database, owner: str, now: int = T0, limit: int = 10) -> list[Lease]:
    return await database.write_system(lambda tx: queue.claim(tx, owner, "relay", now, now + 1000, limit))


async def get(database: Database, submission_id: SubmissionId) -> Submission:
    found = await database.read(DEFAULT_TENANT, lambda tx: outbox.get(tx, submission_id))
    assert found is not None
    return found


async def record(database: Database, lease: Lease, results: list[Delivery], now: int = T0) -> int:
    return await database.write(DEFAULT_TENANT, lambda tx: queue.record(tx, lease, results, now))


def ended(lease: Lease, state: outbox.DeliveryState = "sent") -> list[Delivery]:
    return [Delivery(d.recipient, d.route, state, None, d.attempts, d.unanswered, "250 ok") for d in lease.deliveries]


async def test_a_submission_comes_back_as_it_was_added(database: Database) -> None:
    added = submission(relayed("a@example.com"), Delivery("b@x.example", "local", "queued", T0))
    await add(database, added)
    found = await get(database, added.submission_id)
    assert [d.recipient for d in found.deliveries] == ["a@example.com", "b@x.example"]
    assert found.state == "queued"
    for name in ("idempotency_key", "to", "subject", "body_text", "message_id", "thread_id", "reasons", "sha256"):
        assert getattr(found, name) == getattr(added, name)


async def test_a_key_is_used_once_in_an_inbox(database: Database) -> None:
    first = await add(database, submission(relayed("a@example.com"), key="k"))
    again = submission(relayed("a@example.com"), key="k")
    assert not await database.write(DEFAULT_TENANT, lambda tx: outbox.add(tx, again, b""))
    found = await database.read(DEFAULT_TENANT, lambda tx: outbox.by_key(tx, INBOX, "k"))
    assert found is not None
    assert found.submission_id == first


async def test_a_retired_key_is_free_again(database: Database) -> None:
    first = submission(relayed("a@example.com"), key="k")
    await add(database, first)
    await database.write(DEFAULT_TENANT, lambda tx: outbox.retire_key(tx, first))
    second = await add(database, submission(relayed("a@example.com"), key="k"))
    found = await database.read(DEFAULT_TENANT, lambda tx: outbox.by_key(tx, INBOX, "k"))
    assert found is not None
    assert found.submission_id == second


async def test_a_claim_takes_what_is_due_on_its_route_each_recipient_outside_by_itself(database: Database) -> None:
    mixed = await add(
        database,
        submission(
            relayed("a@example.com"),
            relayed("b@example.com"),
            relayed("later@example.com", T0 + 1),
            Delivery("c@x.example", "local", "queued", T0),
            Delivery("held@example.com", "relay", "held", None),
        ),
    )
    leases = await claim(database, "one")
    assert [(lease.submission_id, lease.raw) for lease in leases] == [(mixed, b"frozen")] * 2
    told = [[(d.recipient, d.attempts) for d in lease.deliveries] for lease in leases]
    assert told == [[("a@example.com", 1)], [("b@example.com", 1)]]


async def test_recipients_here_are_claimed_by_submission(database: Database) -> None:
    here = [Delivery(f"{name}@x.example", "local", "queued", T0) for name in "abc"]
    await add(database, submission(*here, relayed("out@example.com")))
    (lease,) = await database.write_system(lambda tx: queue.claim(tx, "one", "local", T0, T0 + 1000, 5))
    assert [one.recipient for one in lease.deliveries] == [one.recipient for one in here]


async def test_what_is_due_longest_is_claimed_first_and_no_more_than_asked_for(database: Database) -> None:
    new = await add(database, submission(relayed("a@example.com", T0 - 1)))
    old = await add(database, submission(relayed("a@example.com", T0 - 2)))
    assert [lease.submission_id for lease in await claim(database, "one", limit=1)] == [old]
    assert [lease.submission_id for lease in await claim(database, "one", limit=1)] == [new]


async def test_two_claimers_never_hold_the_same_delivery(database: Database) -> None:
    for n in range(20):
        await add(database, submission(relayed(f"r{n}@example.com")))
    claims = await asyncio.gather(*(claim(database, f"w{n}", limit=7) for n in range(8)))
    taken = [lease.submission_id for leases in claims for lease in leases]
    assert len(taken) == len(set(taken)) == 20


async def test_two_processes_never_hold_the_same_delivery(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "mail.db") as one, open_sqlite(tmp_path / "mail.db") as two:
        await prepare(one)
        for n in range(20):
            await add(one, submission(relayed(f"r{n}@example.com")))
        claims = await asyncio.gather(*(claim((one, two)[n % 2], f"w{n}", limit=7) for n in range(8)))
    taken = [lease.submission_id for leases in claims for lease in leases]
    assert len(taken) == len(set(taken)) == 20


async def test_a_lease_of_a_process_that_died_is_taken_over_when_it_ends(database: Database) -> None:
    submission_id = await add(database, submission(relayed("a@example.com")))
    await claim(database, "dead")
    assert not await claim(database, "next", T0 + 999)
    (lease,) = await claim(database, "next", T0 + 1000)
    assert (lease.submission_id, lease.deliveries[0].attempts) == (submission_id, 2)


async def test_a_worker_that_was_thought_dead_changes_nothing(database: Database) -> None:
    submission_id = await add(database, submission(relayed("a@example.com")))
    (stale,) = await claim(database, "stale")
    (lease,) = await claim(database, "next", T0 + 1000)
    assert await record(database, stale, ended(stale, "bounced"), T0 + 1001) == 0
    assert not await database.write(DEFAULT_TENANT, lambda tx: queue.handing_over(tx, stale, T0 + 5000))
    await database.write(DEFAULT_TENANT, lambda tx: queue.give_back(tx, stale))
    assert await record(database, lease, ended(lease), T0 + 1002) == 1
    assert (await get(database, submission_id)).state == "sent"


async def test_the_same_worker_cannot_use_its_own_older_lease(database: Database) -> None:
    await add(database, submission(relayed("a@example.com")))
    (older,) = await claim(database, "one")
    (newer,) = await claim(database, "one", T0 + 1000)
    assert await record(database, older, ended(older)) == 0
    assert await record(database, newer, ended(newer)) == 1


async def test_what_was_recorded_is_not_claimed_again(database: Database) -> None:
    await add(database, submission(relayed("a@example.com")))
    (lease,) = await claim(database, "one")
    await record(database, lease, ended(lease))
    assert not await claim(database, "two", T0 + 10_000_000)
    assert not await database.read_system(lambda tx: queue.due(tx, T0 + 10_000_000))


async def test_a_lease_given_back_is_due_at_once(database: Database) -> None:
    await add(database, submission(relayed("a@example.com")))
    (lease,) = await claim(database, "one")
    assert await database.read_system(lambda tx: queue.due(tx, T0)) == []
    await database.write(DEFAULT_TENANT, lambda tx: queue.give_back(tx, lease))
    assert await database.read_system(lambda tx: queue.due(tx, T0)) == [("relay", "")]


async def test_handing_over_is_written_down_before_it_happens(database: Database) -> None:
    submission_id = await add(database, submission(relayed("a@example.com"), relayed("b@example.com")))
    lease, _ = await claim(database, "one")
    assert await database.write(DEFAULT_TENANT, lambda tx: queue.handing_over(tx, lease, T0 + 9000))
    first, second = (await get(database, submission_id)).deliveries
    assert (first.state, first.unanswered, second.state, second.unanswered) == ("uncertain", 1, "queued", 0)
    # In doubt only from when nobody has it in hand.
    for now, state, reply in ((T0 + 8999, "queued", outbox.HANDING_OVER), (T0 + 9000, "uncertain", "")):
        seen = outbox.as_of(await get(database, submission_id), now).deliveries[0]
        assert (seen.state, seen.reply) == (state, reply)


async def test_after_a_crash_while_handing_over_it_is_tried_once_more_and_then_never(database: Database) -> None:
    submission_id = await add(database, submission(relayed("a@example.com")))
    now, tries = T0, 0
    for _ in range(5):
        for lease in await claim(database, f"w{now}", now):
            tries += 1
            until = now + 9000
            assert await database.write(
                DEFAULT_TENANT,
                lambda tx, lease=lease, until=until: queue.handing_over(tx, lease, until),
            )
        now += 10_000
    assert tries == 2
    found = await get(database, submission_id)
    assert (found.state, found.deliveries[0].next_at) == ("uncertain", None)


async def test_a_cancelled_delivery_is_not_handed_over(database: Database) -> None:
    submission_id = await add(database, submission(relayed("a@example.com")))
    (lease,) = await claim(database, "one")
    assert await database.write(DEFAULT_TENANT, lambda tx: outbox.cancel(tx, submission_id, T0)) == 1
    assert not await database.write(DEFAULT_TENANT, lambda tx: queue.handing_over(tx, lease, T0 + 9000))
    assert await record(database, lease, ended(lease)) == 0
    assert (await get(database, submission_id)).state == "cancelled"


async def test_what_was_handed_over_cannot_be_cancelled_but_is_not_tried_again(database: Database) -> None:
    submission_id = await add(database, submission(relayed("a@example.com")))
    (lease,) = await claim(database, "one")
    await database.write(DEFAULT_TENANT, lambda tx: queue.handing_over(tx, lease, T0 + 9000))
    assert await database.write(DEFAULT_TENANT, lambda tx: outbox.cancel(tx, submission_id, T0 + 9000)) == 0
    delivery = (await get(database, submission_id)).deliveries[0]
    assert (delivery.state, delivery.next_at) == ("uncertain", None)


async def test_a_local_delivery_under_way_cannot_be_cancelled(database: Database) -> None:
    submission_id = await add(database, submission(Delivery("b@x.example", "local", "queued", T0)))
    await database.write_system(lambda tx: queue.claim(tx, "one", "local", T0, T0 + 1000, 1))
    assert await database.write(DEFAULT_TENANT, lambda tx: outbox.cancel(tx, submission_id, T0)) == 0


async def test_what_was_handed_over_when_its_process_died_is_tried_again_at_each_start_up_to_a_limit(
    database: Database,
) -> None:
    submission_id = await add(database, submission(relayed("a@example.com")))
    for n in range(1, queue.MOST_CRASHES + 2):
        (lease,) = await claim(database, f"w{n}")
        assert await database.write(
            DEFAULT_TENANT,
            lambda tx, lease=lease: queue.handing_over(tx, lease, T0 + 9000),  # type: ignore[misc]
        )
        assert await claim(database, "other") == []
        await database.write_system(lambda tx: queue.end_leases(tx, "relay", T0))
    assert await claim(database, "last") == []
    delivery = (await get(database, submission_id)).deliveries[0]
    assert (delivery.state, delivery.unanswered) == ("uncertain", queue.MOST_CRASHES + 1)


async def test_release_queues_what_that_reason_held_and_nothing_else(database: Database) -> None:
    held = Delivery("a@example.com", "relay", "held", None)
    ours = await add(database, submission(held, held_by="relay_host"))
    other = await add(database, submission(held, held_by="approval"))
    assert await database.write_system(lambda tx: outbox.release(tx, "relay_host", T0 + 5, lambda *_: "one")) == 1
    assert (await get(database, ours)).state == "queued"
    assert (await get(database, ours)).deliveries[0].lane == "one"
    assert (await get(database, ours)).reasons == ()
    assert (await get(database, other)).state == "held"
    assert [lease.submission_id for lease in await claim(database, "one", T0 + 5)] == [ours]


async def test_release_leaves_held_what_still_has_no_way(database: Database) -> None:
    held = (Delivery("a@one.example", "relay", "held", None), Delivery("b@two.example", "relay", "held", None))
    added = await add(database, submission(*held, held_by="relay_host"))

    def lane_of(tenant_id: str, sender: str, recipient: str) -> str | None:
        return "one" if recipient.endswith("@one.example") else None

    assert await database.write_system(lambda tx: outbox.release(tx, "relay_host", T0, lane_of)) == 1
    found = await get(database, added)
    assert [delivery.state for delivery in found.deliveries] == ["queued", "held"]
    assert found.held_by == "relay_host"
    assert await database.write_system(lambda tx: outbox.release(tx, "relay_host", T0, lane_of)) == 0


async def test_lanes_are_claimed_apart_and_named_with_what_is_due_in_them(database: Database) -> None:
    first = await add(database, submission(replace(relayed("a@one.example"), lane="one")))
    mixed = await add(
        database,
        submission(
            replace(relayed("a@two.example"), lane="two"), replace(relayed("b@one.example", T0 + 1), lane="one")
        ),
    )
    await add(database, submission(replace(relayed("a@three.example", T0 + 9), lane="three")))
    assert await database.read_system(lambda tx: queue.due(tx, T0 + 1)) == [("relay", "one"), ("relay", "two")]

    async def claimed(lane: str) -> list[tuple[str, list[str]]]:
        leases = await database.write_system(lambda tx: queue.claim(tx, "w", "relay", T0 + 1, T0 + 99, 10, lane=lane))
        return [(lease.submission_id, [each.recipient for each in lease.deliveries]) for lease in leases]

    assert await claimed("two") == [(mixed, ["a@two.example"])]
    assert await claimed("one") == [(first, ["a@one.example"]), (mixed, ["b@one.example"])]
    assert await database.read_system(lambda tx: queue.due(tx, T0 + 1)) == []


async def test_what_waits_moves_to_the_lanes_of_new_settings(database: Database) -> None:
    added = await add(database, submission(replace(relayed("a@one.example"), lane="old")))
    gone = await add(database, submission(replace(relayed("a@two.example"), lane="old")))

    def lane_of(tenant_id: str, sender: str, recipient: str) -> str | None:
        return "new" if recipient.endswith("@one.example") else None

    assert await database.write_system(lambda tx: queue.relane(tx, lane_of)) == 1
    assert (await get(database, added)).deliveries[0].lane == "new"
    assert (await get(database, gone)).deliveries[0].lane == "old"


async def test_a_thread_lists_what_was_sent_newest_first(database: Database) -> None:
    ids = [await add(database, submission(relayed("a@example.com"))) for _ in range(3)]
    await add(database, submission(relayed("a@example.com"), thread="th_2"))
    found = await database.read(DEFAULT_TENANT, lambda tx: outbox.of_thread(tx, ThreadId("th_1"), 2))
    assert [each.submission_id for each in found] == [ids[2], ids[1]]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["claim", "hand", "record", "cancel", "wait"]), st.integers(0, 2)), max_size=25)
)
def test_however_workers_come_and_go_a_message_is_handed_over_at_most_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    async def scenario() -> None:
        copy_store(file := tmp_path_factory.mktemp("outbox") / "mail.db")
        async with open_sqlite(file) as database:
            await prepare(database)
            submission_id = await add(database, submission(relayed("a@example.com")))
            held: dict[int, Lease] = {}
            handed, now = 0, T0
            for step, worker in steps:
                if step == "claim":
                    for lease in await claim(database, f"w{worker}", now):
                        held[worker] = lease
                elif step == "wait":
                    now += 1000
                elif step == "cancel":
                    at = now
                    await database.write(DEFAULT_TENANT, lambda tx, at=at: outbox.cancel(tx, submission_id, at))
                elif worker in held and step == "hand":
                    lease, until = held[worker], now + 1000
                    handed += await database.write(
                        DEFAULT_TENANT,
                        lambda tx, lease=lease, until=until: queue.handing_over(tx, lease, until),
                    )
                elif worker in held:
                    await record(database, held[worker], ended(held.pop(worker)), now)
            assert handed <= queue.MOST_UNANSWERED
            found = await get(database, submission_id)
            assert (found.state == "uncertain") <= (handed > 0)
            assert (found.state == "cancelled") <= (handed == 0)

    asyncio.run(scenario())
