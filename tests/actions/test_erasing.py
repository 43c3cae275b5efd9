from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from letterlock.actions import erasing, finishing
from letterlock.actions.caller import COMMAND_LINE, LOCAL_CALLER, Caller
from letterlock.actions.doctor import erasure_findings
from letterlock.actions.erasing import Erased, compact, erase_inbox, erase_person, erase_tenant
from letterlock.actions.finishing import compact_when_quiet, go_on
from letterlock.actions.following import Place, events_behind
from letterlock.actions.inboxes import restore_inbox
from letterlock.actions.lifecycle import LiftHold, SetHold, lift_hold, set_hold
from letterlock.actions.people import name_contact, suppress, verify_audit
from letterlock.actions.tenancy import add_tenant, at_command_line
from letterlock.app import App, open_app
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound, StoreBusy
from letterlock.store import emails, erasures, inboxes, sqlite, whole
from letterlock.wake import postmaster_lock
from running import do, letter, make_inbox, receive, settings_for, until

MARKS = (b"zebrafink", b"quokkaline")


def traces(folder: Path, *marks: bytes) -> list[str]:
    """Which files of a closed data folder still hold one of these, in any case."""
    found = []
    for file in sorted(folder.glob("letterlock.db*")):
        content = file.read_bytes().lower()
        found += [f"{file.name}: {mark.decode()} at {content.index(mark)}" for mark in marks if mark in content]
    return found


async def fill(app: App, box: str, sender: str, times: int, caller: Caller = LOCAL_CALLER) -> None:
    """Mail that leaves something everywhere."""
    for n in range(times):
        raw = letter(f"Zebrafink {n}", f"Quokkaline {n} words only here, zebrafink.\r\n" * 5, sender=sender)
        email_id = await receive(app, box, raw, sender=sender)
        await do(app, "read_email", caller, email_id=email_id)
    await do(app, "send_email", caller, inbox=box, to=[sender], subject="Zebrafink", text="Quokkaline of ours.")


async def proof(app: App, caller: Caller, action: str, done: Erased) -> None:
    rows = await app.database.read(
        caller.tenant_id,
        lambda tx: tx.all("SELECT detail FROM audit WHERE tenant_id = :tenant AND action = :action", action=action),
    )
    assert [done.sha256 in row["detail"] for row in rows] == [True]
    assert (await verify_audit(app, caller=caller)).broken_at is None


@pytest.mark.parametrize("what", ["inbox", "tenant", "person"])
async def test_what_is_erased_is_in_no_file_of_the_store_and_the_rest_is_whole(tmp_path: Path, what: str) -> None:
    settings = settings_for(tmp_path)
    async with open_app(settings) as app:
        await add_tenant(app, "acme")
        theirs = await at_command_line(app, "acme")
        whose = theirs if what == "tenant" else COMMAND_LINE
        box = await make_inbox(app, "zebrafink" if what != "person" else "box", whose)
        kept = await make_inbox(app, "kept")
        sender = "quokkaline@shop.example"
        await fill(app, box, sender, 20, whose)
        await receive(app, kept, letter("Staying", "Something else entirely"))
        await name_contact(app, sender, caller=whose)
        await suppress(app, "other@shop.example", "zebrafink asked" if what == "tenant" else "", caller=whose)
        assert traces(settings.data, *MARKS), "the check can fail"
        if what == "inbox":
            # It is the tenant's contact, not the inbox's.
            await erase_person(app, whose, "nobody@shop.example")
            done = await erase_inbox(app, whose, box)
            await app.database.write(
                whose.tenant_id,
                lambda tx: tx.run("DELETE FROM contacts WHERE tenant_id = :tenant"),
            )
        elif what == "tenant":
            done = await erase_tenant(app, COMMAND_LINE, "acme")
        else:
            done = await erase_person(app, whose, "Quokkaline@Shop.example")
        assert (done.emails, done.submissions) == (20, 1)
        assert done.scrubbed
        assert traces(settings.data, *MARKS[:1]) == [], "at once, not when the last process ends"
        await proof(app, whose, f"{what}.erased", done)
        assert len((await do(app, "list_emails", inbox=kept)).emails) == 1
        assert len((await do(app, "search_emails", query="entirely")).emails) == 1
        assert (await do(app, "search_emails", query="zebrafink")).emails == []
    # Whatever came or went is gone with every copy; of an inbox the audit log may name whom it wrote to.
    gone = MARKS if what != "inbox" else (b"zebrafink", b"quokkaline of ours", b"words only here")
    assert traces(settings.data, *gone) == []


async def test_every_table_of_tenants_is_erased_with_one_or_stays_on_purpose(app: App) -> None:
    rows = await app.database.read_system(
        lambda tx: tx.all(
            "SELECT DISTINCT m.name, (SELECT COUNT(*) FROM pragma_foreign_key_list(m.name) f WHERE f.on_delete ="
            " 'CASCADE') AS cascades FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
            " AND c.name = 'tenant_id'"
        )
    )
    with_inboxes = {"inboxes", "emails", "email_documents", "raws", *(name for name, _ in inboxes.HANGING)}
    on_purpose = {"tenants", "audit", "audit_heads", "former_addresses", "holds", "erasures", "secrets_left"}
    with_tenant = {name for name, _ in whole.REST}
    unknown = {row["name"] for row in rows if not row["cascades"]} - with_inboxes - on_purpose - with_tenant
    assert unknown == set(), "name it in store/whole.py"


async def test_only_mail_that_names_the_very_address_goes(app: App) -> None:
    box = await make_inbox(app)
    for sender, text in (
        ("bob@shop.example", "Hello"),
        ("anna@shop.example", "Ask BOB@shop.example about it"),
        ("jimbob@shop.example", "Hello"),
        ("bob@shop.example.org", "Hello"),
    ):
        await receive(app, box, letter("x", text, sender=sender), sender=sender)
    assert (await erase_person(app, COMMAND_LINE, "bob@shop.example")).emails == 2
    left = {one.from_.rpartition("<")[2].rstrip(">") for one in (await do(app, "list_emails")).emails}
    assert left == {"jimbob@shop.example", "bob@shop.example.org"}


async def begun(app: App, box: str, monkeypatch: pytest.MonkeyPatch) -> asyncio.Task[Erased]:
    """An erasure of an inbox with 25 emails that has come to its first pause, which is long."""
    for n in range(25):
        await receive(app, box, letter(f"Number {n}"))

    async def some_gone() -> bool:
        row = await app.database.read_system(lambda tx: tx.one("SELECT SUM(emails) AS n FROM erasures"))
        return bool(row and row["n"])

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "_PAUSE_S", 0.5)
        task = asyncio.create_task(erase_inbox(app, COMMAND_LINE, box))
        await until(some_gone)
    return task


async def noted(app: App, *actions: str) -> list[tuple[str, dict[str, Any]]]:
    rows = await app.database.read_system(lambda tx: tx.all("SELECT action, detail FROM audit ORDER BY n"))
    return [(row["action"], json.loads(row["detail"])) for row in rows if row["action"] in actions]


async def test_an_erasure_that_was_cut_off_is_known_and_goes_on_with_all_its_numbers(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await make_inbox(app)
    cut = await begun(app, box, monkeypatch)
    assert await noted(app, "erase.began", "inbox.erased") == [("erase.began", {"what": "inbox"})]
    assert "is being erased" in (await erasure_findings(app))[0].what
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    later = replace(app, clock=lambda: datetime.now(UTC) + timedelta(minutes=2))
    (finding,) = await erasure_findings(later)
    assert not finding.well and "was cut off: 10 emails" in finding.what and "letterlock erase inbox" in finding.advice
    done = await erase_inbox(app, COMMAND_LINE, box)
    assert (done.resumed, done.emails, done.inboxes) == (True, 25, 1)
    ((_, proven),) = await noted(app, "inbox.erased")
    assert (proven["emails"], proven["sha256"]) == (25, done.sha256)
    told, *_ = await events_behind(app, COMMAND_LINE, Place(0, 0))
    assert [event.kind for event in told if event.kind.startswith("inbox.")] == ["inbox.created", "inbox.deleted"]
    assert await erasure_findings(app) == []


async def test_an_erasure_that_was_cut_off_goes_on_by_itself_but_not_under_a_hold(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await make_inbox(app)
    cut = await begun(app, box, monkeypatch)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    assert await go_on(app) == 0, "somebody may still be at it"
    later = replace(app, clock=lambda: datetime.now(UTC) + timedelta(minutes=2))
    await set_hold(app, COMMAND_LINE, SetHold(inbox=box, reason="law"))
    assert [await go_on(later), await go_on(later)] == [0, 0]
    assert [(said["why"], said["emails"]) for _, said in await noted(app, "erase.stopped")] == [("hold", 10)]
    assert "stopped by a legal hold" in (await erasure_findings(later))[0].what
    await lift_hold(app, COMMAND_LINE, LiftHold(inbox=box))
    assert await go_on(later) == 0, "only a person has it go on"
    await app.database.write_system(lambda tx: tx.run("UPDATE erasures SET stopped = ''"))
    with monkeypatch.context() as patched:
        patched.setattr(finishing, "erase_inbox", None)
        assert await go_on(later) == 0, "what fails for a reason of ours fails alone"
    assert "was stopped (internal)" in (await erasure_findings(later))[0].what
    await app.database.write_system(lambda tx: tx.run("UPDATE erasures SET stopped = ''"))
    with postmaster_lock(app.folder):
        assert [await go_on(later), await go_on(later)] == [1, 0]
    ((_, proven),) = await noted(app, "inbox.erased")
    assert (proven["emails"], proven["inboxes"]) == (25, 1)
    assert len(await noted(app, "erase.resumed")) == 1
    assert (await verify_audit(app)).broken_at is None


async def test_a_small_store_is_compacted_when_little_happens_and_a_large_one_in_the_hour_chosen(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2030, 1, 1, 2, 58).astimezone()

    def when(minutes: float, hour: int | None = None) -> App:
        settings = app.settings.model_copy(update={"compact_hour": hour})
        return replace(app, clock=lambda: (at + timedelta(minutes=minutes)).astimezone(UTC), settings=settings)

    async def due() -> bool:
        return await app.database.read_system(erasures.compaction_due) is not None

    async def mark() -> None:
        await app.database.write_system(lambda tx: erasures.note_compaction(tx, when(0).now_ms()))

    await mark()
    seen = await compact_when_quiet(when(0), None)
    await make_inbox(app)
    seen = await compact_when_quiet(when(2), seen)
    assert await due(), "something has happened"
    assert await compact_when_quiet(when(4), seen) is None
    assert not await due()
    monkeypatch.setattr(erasures, "SMALL_BYTES", 0)
    await mark()
    (finding,) = await erasure_findings(when(0))
    assert not finding.well and "compact_hour" in finding.advice
    (finding,) = await erasure_findings(when(0, 3))
    assert finding.well and "from 3:00 on" in finding.advice
    for hour, minutes in ((None, 3), (4, 3), (3, 1)):
        await compact_when_quiet(when(minutes, hour), await compact_when_quiet(when(0, hour), None))
        assert await due()
    await compact_when_quiet(when(4, 3), await compact_when_quiet(when(2, 3), None))
    assert not await due()
    await mark()
    assert await compact_when_quiet(when(50, 3), None) is None, "its last minutes are not waited out"
    assert not await due()


async def test_a_compaction_that_takes_too_long_changes_nothing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    await app.database.write_system(lambda tx: erasures.note_compaction(tx, 1))
    monkeypatch.setattr(sqlite, "_STEPS", 10)
    with pytest.raises(StoreBusy, match="nothing has changed"):
        await app.database.compact(within_s=-1)
    assert await app.database.read_system(erasures.compaction_due) == 1
    await app.database.compact(within_s=60)
    assert await app.database.read_system(erasures.compaction_due) is None


async def test_a_hold_that_comes_meanwhile_ends_an_erasure_and_what_went_is_told(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await make_inbox(app)
    going = await begun(app, box, monkeypatch)
    await set_hold(app, COMMAND_LINE, SetHold(inbox=box, reason="law"))
    with pytest.raises(Conflict, match="10 emails and 0 submissions were erased before"):
        await going
    with pytest.raises(Conflict, match="so nothing of it may go"):
        await erase_inbox(app, COMMAND_LINE, box)
    assert "stopped by a legal hold" in (await erasure_findings(app))[0].what
    back = await restore_inbox(app, COMMAND_LINE, box)
    assert (back.lost_emails, len((await do(app, "list_emails", inbox=box, limit=50)).emails)) == (10, 15)
    assert [(detail["why"], detail["emails"]) for _, detail in await noted(app, "erase.stopped")] == [
        ("hold", 10),
        ("restored", 10),
    ]
    assert await noted(app, "inbox.restored") == [("inbox.restored", {"lost_emails": 10})]
    assert await erasure_findings(app) == []


async def test_a_store_somebody_runs_on_is_compacted_later_and_it_is_said(app: App) -> None:
    box = await make_inbox(app)
    with postmaster_lock(app.folder):
        assert not (await erase_inbox(app, COMMAND_LINE, box)).compacted
    (finding,) = await erasure_findings(app)
    assert "letterlock compact" in finding.advice
    assert (await compact(app, COMMAND_LINE)).scrubbed
    assert await erasure_findings(app) == []
    with pytest.raises(NotAllowed):
        await compact(app, LOCAL_CALLER)


async def test_an_erased_address_is_nobody_elses(app: App) -> None:
    box = await make_inbox(app, "mine")
    await erase_inbox(app, COMMAND_LINE, box)
    await add_tenant(app, "other")
    assert await make_inbox(app, "mine", await at_command_line(app, "other")) != box
    assert await make_inbox(app, "mine") == box


async def test_nothing_on_hold_is_erased(app: App) -> None:
    box = await make_inbox(app)
    email_id = await receive(app, box, letter(sender="bob@shop.example"), sender="bob@shop.example")
    await set_hold(app, COMMAND_LINE, SetHold(inbox=box, reason="law"))
    with pytest.raises(Conflict, match="hold"):
        await erase_inbox(app, COMMAND_LINE, box)
    with pytest.raises(Conflict, match="hold"):
        await erase_person(app, COMMAND_LINE, "bob@shop.example")
    await add_tenant(app, "acme")
    await make_inbox(app, "theirs", await at_command_line(app, "acme"))
    await set_hold(app, COMMAND_LINE, SetHold(inbox="", reason="law", tenant="acme"))
    with pytest.raises(Conflict, match="hold"):
        await erase_tenant(app, COMMAND_LINE, "acme")
    assert (await at_command_line(app, "acme")).tenant_id, "it is not closed either"
    assert await app.database.read(COMMAND_LINE.tenant_id, lambda tx: emails.get(tx, email_id)) is not None


async def test_what_cannot_be_erased_is_refused_with_what_to_do(app: App) -> None:
    box = await make_inbox(app)
    with pytest.raises(Conflict, match="default tenant"):
        await erase_tenant(app, COMMAND_LINE, "default")
    with pytest.raises(NotFound):
        await erase_tenant(app, COMMAND_LINE, "nobody")
    with pytest.raises(NotFound):
        await erase_inbox(app, COMMAND_LINE, "nobody@letterlock.localhost")
    with pytest.raises(InvalidRequest, match="is an inbox"):
        await erase_person(app, COMMAND_LINE, box)
    with pytest.raises(InvalidRequest):
        await erase_person(app, COMMAND_LINE, "not an address")
    with pytest.raises(NotAllowed):
        await erase_inbox(app, LOCAL_CALLER, box)
