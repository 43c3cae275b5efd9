from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from letterlock import upkeep
from letterlock.actions.caller import LOCAL_CALLER
from letterlock.actions.inboxes import restore_inbox
from letterlock.app import App
from letterlock.errors import NotFound
from letterlock.ids import DEFAULT_TENANT
from letterlock.inbound.accept import inbox_for
from letterlock.store import audit, inboxes
from running import do, hand_in, letter, make_inbox, receive


def at(app: App, later: timedelta) -> App:
    return replace(app, clock=lambda: datetime.now(UTC) + later)


async def test_an_expired_inbox_takes_no_mail_at_once_and_is_deleted_by_upkeep(app: App) -> None:
    made = await do(app, "create_inbox", name="short", ttl_hours=1)
    before = made.expires_at
    assert before is not None
    assert await inbox_for(at(app, timedelta(minutes=59)), made.address) is not None
    late = at(app, timedelta(minutes=61))
    assert await inbox_for(late, made.address) is None
    assert await hand_in(late, made.address, letter()) == ()
    assert [inbox.address for inbox in (await do(late, "list_inboxes")).inboxes] == []
    with pytest.raises(NotFound, match="expired"):
        await do(late, "list_emails", inbox=made.address)
    await upkeep.run_once(late)
    restored = await restore_inbox(late, LOCAL_CALLER, made.address)
    assert restored.inbox.address == made.address
    assert await inbox_for(late, made.address) is not None


async def test_a_deleted_inbox_can_be_restored_for_seven_days_and_not_longer(app: App) -> None:
    box = await make_inbox(app)
    await do(app, "delete_inbox", inbox=box)
    with pytest.raises(NotFound):
        await restore_inbox(at(app, timedelta(days=7, seconds=1)), LOCAL_CALLER, box)
    await restore_inbox(at(app, timedelta(days=6, hours=23)), LOCAL_CALLER, box)
    assert [inbox.address for inbox in (await do(app, "list_inboxes")).inboxes] == [box]


async def test_the_address_of_a_deleted_inbox_is_not_given_away_before_it_is_gone(app: App) -> None:
    box = await make_inbox(app, "taken")
    await do(app, "delete_inbox", inbox=box)
    assert await make_inbox(app, "taken") == "taken-2@letterlock.localhost"
    await upkeep.run_once(at(app, timedelta(days=8)))
    assert await make_inbox(app, "taken") == "taken@letterlock.localhost"


async def test_unread_emails_are_counted_per_inbox(app: App) -> None:
    one, _ = await make_inbox(app, "one"), await make_inbox(app, "two")
    first = await receive(app, one, letter())
    await receive(app, one, letter())
    await do(app, "read_email", email_id=first)
    rows = await app.database.read(DEFAULT_TENANT, lambda tx: inboxes.listed(tx, app.now_ms(), 10))
    assert [(inbox.address, unread) for inbox, unread in rows] == [(one, 1), ("two@letterlock.localhost", 0)]


async def test_making_deleting_and_restoring_are_written_into_a_chained_log(app: App) -> None:
    box = await make_inbox(app)
    await do(app, "delete_inbox", inbox=box)
    await restore_inbox(app, LOCAL_CALLER, box)
    rows = await app.database.read_system(lambda tx: tx.all("SELECT * FROM audit ORDER BY n"))
    assert [row["action"] for row in rows] == ["inbox.created", "inbox.deleted", "inbox.restored"]
    assert [row["n"] for row in rows] == [1, 2, 3]
    assert [row["previous_hash"] for row in rows] == ["0" * 64, rows[0]["hash"], rows[1]["hash"]]


async def test_the_log_is_chained_for_each_tenant_apart(app: App) -> None:
    await app.database.write(DEFAULT_TENANT, lambda tx: audit.append(tx, 1, "a", "b", "c", detail="d"))
    await app.database.write_system(lambda tx: audit.append(tx.bound_to("other"), 1, "a", "b", "c"))  # type: ignore[arg-type]
    rows = await app.database.read_system(lambda tx: tx.all("SELECT tenant_id, n FROM audit ORDER BY tenant_id"))
    assert [(row["tenant_id"], row["n"]) for row in rows] == [("default", 1), ("other", 1)]
