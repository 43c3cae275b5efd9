from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from letterlock import upkeep
from letterlock.actions.caller import COMMAND_LINE, LOCAL_CALLER, Caller
from letterlock.actions.inboxes import EndInbox, delete_inbox, restore_inbox
from letterlock.actions.lifecycle import (
    BoundRetention,
    GetRetention,
    LiftHold,
    RetentionShown,
    SetHold,
    SetRetention,
    bound_retention,
    get_retention,
    lift_hold,
    set_hold,
    set_retention,
)
from letterlock.actions.tenancy import add_tenant, at_command_line, close_tenant
from letterlock.app import App
from letterlock.errors import InvalidRequest, NotAllowed, NotFound
from letterlock.ids import DEFAULT_TENANT
from letterlock.inbound.accept import accept, inbox_for
from letterlock.message.envelope import Envelope
from letterlock.store import audit, inboxes
from running import arrive, do, inbox_id, letter, make_inbox, screened

DAY = timedelta(days=1)


def at(app: App, later: timedelta) -> App:
    return replace(app, clock=lambda: datetime.now(UTC) + later)


async def mails(app: App) -> int:
    row = await app.database.read_system(lambda tx: tx.one("SELECT COUNT(*) AS n FROM emails"))
    assert row is not None
    return int(row["n"])


async def actions(app: App) -> list[tuple[str, str]]:
    rows = await app.database.read(DEFAULT_TENANT, lambda tx: audit.after(tx, 0, 1000))
    return [(one.action, str(one.detail.get("why", ""))) for one in rows]


async def test_an_inbox_nobody_uses_for_30_days_is_deleted_and_its_mail_goes_a_week_later(app: App) -> None:
    idle, used = await make_inbox(app, "idle"), await make_inbox(app, "used")
    for box in (idle, used):
        await arrive(app, box, screened())
    # Whoever asks for it uses it.
    await do(at(app, 20 * DAY), "list_emails", inbox=used)
    late = at(app, 31 * DAY)
    await upkeep.run_once(late)
    assert [one.address for one in (await do(late, "list_inboxes")).inboxes] == [used]
    assert ("inbox.deleted", "idle") in await actions(app)
    assert await mails(app) == 2, "it can be restored for a week"
    await upkeep.run_once(at(app, 39 * DAY))
    assert await mails(app) == 1
    for days in (70, 80):
        await upkeep.run_once(at(app, days * DAY))
    assert await mails(app) == 0


async def test_a_tenant_may_keep_its_inboxes_for_ever_or_shorter_than_others(app: App) -> None:
    await add_tenant(app, "other")
    other = await at_command_line(app, "other")
    await make_inbox(app, "mine")
    await make_inbox(app, "theirs", other)
    await set_retention(app, COMMAND_LINE, SetRetention(name="inbox_idle_days", days=0))
    await set_retention(app, COMMAND_LINE, SetRetention(name="inbox_idle_days", days=2, tenant="other"))
    with pytest.raises(NotAllowed, match="default tenant"):
        await set_retention(app, other, SetRetention(name="inbox_idle_days", days=1))
    assert (await get_retention(app, other, GetRetention())).retention[0].days == 2
    late = at(app, 3 * DAY)
    await upkeep.run_once(late)
    assert len((await do(late, "list_inboxes")).inboxes) == 1
    assert (await do(late, "list_inboxes", other)).inboxes == []
    await upkeep.run_once(at(app, 900 * DAY))
    assert len((await do(late, "list_inboxes")).inboxes) == 1


async def test_admins_of_a_tenant_choose_within_the_bounds_that_the_owner_gives(app: App) -> None:
    await add_tenant(app, "other")
    other = await at_command_line(app, "other")

    async def bound(least: int | None, most: int | None, caller: Caller = COMMAND_LINE) -> RetentionShown:
        request = BoundRetention(name="email_days", least_days=least, most_days=most, tenant="other")
        return (await bound_retention(app, caller, request)).retention[1]

    async def choose(days: int | None) -> int:
        return (await set_retention(app, other, SetRetention(name="email_days", days=days))).retention[1].days

    with pytest.raises(NotAllowed, match="default tenant"):
        await bound(1, 9, other)
    shown = await bound(30, 365)
    assert (shown.days, shown.least_days, shown.most_days) == (0, 30, 365)
    assert [await choose(days) for days in (30, 365)] == [30, 365]
    for days in (29, 366, 0, None):
        with pytest.raises(InvalidRequest, match="30 to 365 days"):
            await choose(days)
    with pytest.raises(NotAllowed, match="submission_days"):
        await set_retention(app, other, SetRetention(name="submission_days", days=40))
    with pytest.raises(NotFound):
        await set_retention(app, other, SetRetention(name="email_days", days=40, tenant="default"))
    assert (await bound(400, 0)).days == 365, "bounds change nothing that is set"
    assert [await choose(days) for days in (400, 36_500, 0)] == [400, 36_500, 0]
    for least, most in ((5, 4), (None, 4), (5, None)):
        with pytest.raises(InvalidRequest):
            await bound(least, most)
    assert (await bound(None, None)).least_days is None
    with pytest.raises(NotAllowed):
        await choose(400)
    log = await app.database.read(other.tenant_id, lambda tx: audit.before(tx, None, 1))
    assert (log[0].action, log[0].detail["least"]) == ("tenant.retention_bounds", None)


async def test_old_emails_and_finished_submissions_go_when_their_tenant_says_so(app: App) -> None:
    box, friend = await make_inbox(app), await make_inbox(app, "friend")
    await arrive(app, box, screened())
    await do(app, "send_email", inbox=box, to=[friend], subject="done", text="Hello.")
    held = await do(app, "send_email", inbox=box, to=["anna@far.example"], subject="held", text="Hello.")
    before = await mails(app)
    await set_retention(app, COMMAND_LINE, SetRetention(name="email_days", days=3))
    await set_retention(app, COMMAND_LINE, SetRetention(name="submission_days", days=3))
    await upkeep.run_once(at(app, 2 * DAY))
    assert await mails(app) == before
    await upkeep.run_once(at(app, 4 * DAY))
    # What waits to be read is never lost, however old.
    assert await mails(app) == before - 1
    left = await app.database.read_system(lambda tx: tx.all("SELECT submission_id FROM submissions"))
    assert [row["submission_id"] for row in left] == [held.submission_id], "it is not finished"
    assert await app.database.read(DEFAULT_TENANT, inboxes.stored_bytes) == 0


async def test_a_deletion_can_be_set_for_when_a_task_is_done_and_late_mail_has_come(app: App) -> None:
    box = await make_inbox(app)
    done = await delete_inbox(app, LOCAL_CALLER, EndInbox(inbox=box, delay_hours=2))
    assert done.restorable_until - datetime.now(UTC) > 7 * DAY + timedelta(hours=1)
    await upkeep.run_once(at(app, timedelta(hours=1)))
    assert await inbox_for(at(app, timedelta(hours=1)), box) is not None
    await upkeep.run_once(at(app, timedelta(hours=3)))
    with pytest.raises(NotFound, match="deleted"):
        await do(app, "list_emails", inbox=box)
    assert ("inbox.deleted", "expired") in await actions(app)


@pytest.mark.parametrize("whole", [False, True], ids=["inbox", "tenant"])
async def test_what_is_on_hold_is_never_removed_and_its_expiry_waits(app: App, whole: bool) -> None:
    deleted, expiring = await make_inbox(app), (await do(app, "create_inbox", name="short", ttl_hours=1)).address
    for box in (deleted, expiring):
        await arrive(app, box, screened())
    for box in [""] if whole else [deleted, expiring]:
        await set_hold(app, COMMAND_LINE, SetHold(inbox=box, reason="Lawsuit 7"))
    await set_retention(app, COMMAND_LINE, SetRetention(name="email_days", days=1))
    await upkeep.run_once(app)
    assert await inbox_for(at(app, timedelta(minutes=61)), expiring) is None, "nobody has put it off yet"
    await upkeep.run_once(at(app, timedelta(minutes=59)))
    assert await inbox_for(at(app, timedelta(minutes=61)), expiring) is not None
    await do(app, "delete_inbox", inbox=deleted)
    for days in (1, 8, 100):
        await upkeep.run_once(at(app, days * DAY))
    assert await mails(app) == 2
    late = at(app, 100 * DAY)
    await restore_inbox(late, COMMAND_LINE, deleted)
    await do(late, "delete_inbox", inbox=deleted)
    for box in [""] if whole else [deleted, expiring]:
        await lift_hold(app, COMMAND_LINE, LiftHold(inbox=box))
    await upkeep.run_once(at(app, 200 * DAY))
    await upkeep.run_once(at(app, 300 * DAY))
    assert await mails(app) == 0
    assert {"hold.set", "hold.lifted"} <= {name for name, _ in await actions(app)}


async def test_only_a_person_sets_or_lifts_a_hold_and_only_the_owner_on_whole_tenants(app: App) -> None:
    box = await make_inbox(app)
    with pytest.raises(NotAllowed, match="admin"):
        await set_hold(app, LOCAL_CALLER, SetHold(inbox=box, reason="mine"))
    await set_hold(app, COMMAND_LINE, SetHold(inbox=box, reason="law"))
    with pytest.raises(NotAllowed, match="admin"):
        await lift_hold(app, LOCAL_CALLER, LiftHold(inbox=box))
    await add_tenant(app, "other")
    theirs = await at_command_line(app, "other")
    with pytest.raises(NotAllowed, match="whole tenants"):
        await set_hold(app, theirs, SetHold(reason="ours"))
    with pytest.raises(NotFound):
        await set_hold(app, theirs, SetHold(inbox=await inbox_id(app, box), reason="not ours"))
    with pytest.raises(NotFound):
        await lift_hold(app, theirs, LiftHold(inbox=box, tenant="default"))


async def test_what_a_closed_tenant_was_about_to_send_is_cancelled(app: App) -> None:
    await add_tenant(app, "other")
    other = await at_command_line(app, "other")
    box = await make_inbox(app, "box", other)
    sent = await do(app, "send_email", other, inbox=box, to=["anna@far.example"], subject="x", text="y")
    await close_tenant(app, "other")
    rows = await app.database.read(
        other.tenant_id,
        lambda tx: tx.all(
            "SELECT state FROM deliveries WHERE tenant_id = :tenant AND submission_id = :s", s=sent.submission_id
        ),
    )
    assert [row["state"] for row in rows] == ["cancelled"]


async def test_mail_is_accepted_between_the_chunks_in_which_a_large_inbox_is_removed(app: App) -> None:
    big, live = await make_inbox(app, "big"), await make_inbox(app, "live")
    for _ in range(4 * upkeep.EMAILS_AT_ONCE):
        await accept(app, Envelope("anna@shop.example", (big,), app.clock(), "smtp"), letter())
    await do(app, "delete_inbox", inbox=big)
    steps: list[str] = []
    late = at(app, 8 * DAY)
    database = app.database
    write = database.write

    async def seen(*arguments: object) -> object:
        steps.append("chunk")
        # What waits when a chunk is handed in is in the store before the next one.
        await accept(app, Envelope("anna@shop.example", (live,), app.clock(), "smtp"), letter())
        steps.append("accepted")
        return await write(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(database), "write", lambda _self, *arguments: seen(*arguments))
        await upkeep.remove_inboxes(late, late.now_ms())
    assert steps.count("chunk") >= 4
    assert await mails(app) == steps.count("accepted")
