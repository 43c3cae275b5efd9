from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from letterlock.actions import approvals, people, tenancy
from letterlock.actions.caller import AGENT_SCOPES, COMMAND_LINE, EVERY_SCOPE, LOCAL_CALLER, Caller, identify
from letterlock.actions.following import events_behind, place_to_start
from letterlock.app import App, open_app
from letterlock.errors import CallerError, Conflict, InvalidRequest, LimitReached, NotAllowed, NotFound
from letterlock.ids import OWNER
from letterlock.store import tenants
from letterlock.store.tenants import PERSON_SCOPES
from running import arrive, do, make_inbox, screened, settings_for


async def admin_of(app: App, name: str) -> Caller:
    """The person at the command line in a new tenant."""
    await tenancy.add_tenant(app, name)
    return await tenancy.at_command_line(app, name)


async def caller_of(app: App, admin: Caller, agent: str = "bot", **choices: object) -> Caller:
    if agent not in {one.name for one in await tenancy.list_agents(app, caller=admin)}:
        await tenancy.add_agent(app, agent, caller=admin)
    made = await tenancy.make_key(app, agent, caller=admin, **choices)  # type: ignore[arg-type]
    found = await identify(app, made.text)
    assert found is not None
    return found


async def test_a_key_of_a_new_tenant_is_of_that_tenant_only(app: App) -> None:
    admin = await admin_of(app, "acme")
    caller = await caller_of(app, admin)
    assert caller.tenant_id == admin.tenant_id != LOCAL_CALLER.tenant_id
    assert caller.scopes == AGENT_SCOPES
    await make_inbox(app, "theirs", caller)
    assert (await do(app, "list_inboxes")).inboxes == []
    assert len((await do(app, "list_inboxes", caller)).inboxes) == 1


async def test_the_person_at_the_command_line_may_everything_and_stdio_nothing_of_people(app: App) -> None:
    assert COMMAND_LINE.scopes == EVERY_SCOPE >= PERSON_SCOPES
    assert not LOCAL_CALLER.scopes & PERSON_SCOPES
    for refused in (
        people.show_email(app, "em_1", caller=LOCAL_CALLER),
        people.email_bytes(app, "em_1", caller=LOCAL_CALLER),
        people.allow_senders(app, "a", [], caller=LOCAL_CALLER),
        people.name_contact(app, "a@b.example", caller=LOCAL_CALLER),
        people.drop_contact(app, "a@b.example", caller=LOCAL_CALLER),
        people.contacts(app, caller=LOCAL_CALLER),
        people.suppressions(app, caller=LOCAL_CALLER),
        people.suppress(app, "a@b.example", caller=LOCAL_CALLER),
        people.unsuppress(app, "a@b.example", caller=LOCAL_CALLER),
        people.pause(app, caller=LOCAL_CALLER),
        people.resume_inbox(app, "a", caller=LOCAL_CALLER),
        people.verify_audit(app, caller=LOCAL_CALLER),
        people.import_mail(app, "a", [], caller=LOCAL_CALLER),
        approvals.waiting(app, caller=LOCAL_CALLER),
        approvals.show(app, "sub_1", caller=LOCAL_CALLER),
        approvals.approve(app, "sub_1", caller=LOCAL_CALLER),
        approvals.deny(app, "sub_1", caller=LOCAL_CALLER),
        tenancy.add_tenant(app, "x", caller=LOCAL_CALLER),
        tenancy.list_tenants(app, caller=LOCAL_CALLER),
        tenancy.rename_tenant(app, "x", "y", caller=LOCAL_CALLER),
        tenancy.close_tenant(app, "x", caller=LOCAL_CALLER),
        tenancy.tenant_limits(app, "default", caller=LOCAL_CALLER),
        tenancy.set_limit(app, "default", "waits_per_hour", 1, caller=LOCAL_CALLER),
        tenancy.add_agent(app, "x", caller=LOCAL_CALLER),
        tenancy.list_agents(app, caller=LOCAL_CALLER),
        tenancy.remove_agent(app, "x", caller=LOCAL_CALLER),
        tenancy.make_key(app, "local", caller=LOCAL_CALLER),
        tenancy.list_keys(app, caller=LOCAL_CALLER),
        tenancy.revoke_key(app, "x", caller=LOCAL_CALLER),
        tenancy.rotate_key(app, "x", caller=LOCAL_CALLER),
    ):
        with pytest.raises(NotAllowed, match="lacks the scope"):
            await refused


async def test_a_persons_key_for_one_inbox_rules_over_nothing_else(app: App) -> None:
    admin = await admin_of(app, "acme")
    await tenancy.add_agent(app, "anna", person=True, caller=admin)
    box = await make_inbox(app, "box", admin)
    anna = await caller_of(app, admin, "anna", scopes=EVERY_SCOPE, inbox=box)
    assert anna.scopes == EVERY_SCOPE
    for refused in (tenancy.list_keys(app, caller=anna), people.pause(app, caller=anna)):
        with pytest.raises(NotAllowed, match="one inbox only"):
            await refused
    assert await people.allow_senders(app, box, ["shop.example"], caller=anna) == ("shop.example",)


async def test_an_admin_of_a_tenant_rules_over_no_tenant(app: App) -> None:
    admin = await admin_of(app, "acme")
    for refused in (
        tenancy.add_tenant(app, "x", caller=admin),
        tenancy.list_tenants(app, caller=admin),
        tenancy.close_tenant(app, "default", caller=admin),
        tenancy.set_limit(app, "acme", "waits_per_hour", 10**6, caller=admin),
    ):
        with pytest.raises(NotAllowed, match="default tenant"):
            await refused


async def test_agents_and_keys_of_another_tenant_do_not_exist(app: App) -> None:
    admin = await admin_of(app, "acme")
    await tenancy.add_agent(app, "bot", caller=admin)
    key = await tenancy.make_key(app, "bot", caller=admin)
    (agent,) = [one for one in await tenancy.list_agents(app, caller=admin) if one.name == "bot"]
    for name in ("bot", agent.agent_id, "nobody", "ag_" + "0" * 26):
        with pytest.raises(NotFound, match=f"There is no agent '{name}'"):
            await tenancy.remove_agent(app, name)
        with pytest.raises(NotFound, match=f"There is no agent '{name}'"):
            await tenancy.make_key(app, name)
    for wanted in (key.key_id, key.text[-4:], "key_" + "0" * 26):
        with pytest.raises(NotFound, match=f"There is no one live key '{wanted}'"):
            await tenancy.revoke_key(app, wanted)
        with pytest.raises(NotFound, match=f"There is no one live key '{wanted}'"):
            await tenancy.rotate_key(app, wanted)
    assert await identify(app, key.text) is not None


async def test_closing_a_tenant_ends_its_keys_inboxes_and_sending(app: App) -> None:
    admin = await admin_of(app, "acme")
    caller = await caller_of(app, admin)
    key = await tenancy.make_key(app, "bot", caller=admin)
    box = await make_inbox(app, "theirs", caller)
    mine = await make_inbox(app, "mine")
    assert await tenancy.close_tenant(app, "acme") == 1
    assert await identify(app, key.text) is None
    with pytest.raises(NotFound):
        await do(app, "list_emails", caller, inbox=box)
    with pytest.raises(NotFound, match="There is no tenant 'acme'"):
        await tenancy.at_command_line(app, "acme")
    assert (await do(app, "list_emails", inbox=mine)).emails == []
    assert await tenancy.close_tenant(app, "acme") == 0, "closing again finishes what was cut off"
    assert [one.name for one in await tenancy.list_tenants(app)] == ["default"]
    assert (await tenancy.add_tenant(app, "acme")).tenant_id != admin.tenant_id
    with pytest.raises(Conflict, match="cannot be closed"):
        await tenancy.close_tenant(app, "default")


async def test_removing_an_agent_ends_its_keys_and_inboxes_and_nobody_elses(app: App) -> None:
    admin = await admin_of(app, "acme")
    bot, other = await caller_of(app, admin, "bot"), await caller_of(app, admin, "other")
    key = await tenancy.make_key(app, "bot", caller=admin)
    await make_inbox(app, "a", bot)
    await make_inbox(app, "b", bot)
    kept = await make_inbox(app, "c", other)
    here = await place_to_start(app, admin, "")
    assert await tenancy.remove_agent(app, "bot", caller=admin) == 2
    told, *_ = await events_behind(app, admin, here)
    assert [event.kind for event in told] == ["inbox.deleted", "inbox.deleted"]
    assert await identify(app, key.text) is None
    assert [one.address for one in (await do(app, "list_inboxes", other)).inboxes] == [kept]
    assert [one.name for one in await tenancy.list_agents(app, caller=admin)] == ["owner", "other"]
    for name in ("owner", OWNER):
        with pytest.raises(Conflict, match="cannot be removed"):
            await tenancy.remove_agent(app, name, caller=admin)


async def test_a_rotated_key_counts_as_long_as_was_said_and_the_new_one_may_the_same(app: App) -> None:
    box = await make_inbox(app)
    old = await tenancy.make_key(app, "local", scopes=["read", "wait"], inbox=box, name="ci", expires_s=1000)
    new = await tenancy.rotate_key(app, old.key_id, grace_s=60)
    by_old, by_new = await identify(app, old.text), await identify(app, new.text)
    assert by_old is not None
    assert by_new == replace(by_old, key_id=new.key_id)
    first, second = await tenancy.list_keys(app)
    assert (first.key_id, second.key_id) == (old.key_id, new.key_id)
    assert second.name == "ci"
    assert first.expires_at is not None
    assert second.expires_at is not None
    assert first.expires_at - app.now_ms() <= 60_000 < second.expires_at - app.now_ms() <= 1_000_000
    with pytest.raises(Conflict, match=f"{new.key_id} is in its place.* revoke {old.key_id}"):
        await tenancy.rotate_key(app, old.key_id)
    at_once = await tenancy.rotate_key(app, new.text[-4:])
    assert await identify(app, old.text) is not None
    assert await identify(app, new.text) is None
    assert await identify(app, at_once.text) is not None
    await tenancy.revoke_key(app, at_once.key_id)
    assert await identify(app, at_once.text) is None


async def test_what_a_key_cannot_be_is_refused(app: App) -> None:
    with pytest.raises(InvalidRequest, match="no scope 'rule'"):
        await tenancy.make_key(app, "local", scopes=["rule"])
    with pytest.raises(InvalidRequest, match="without a scope"):
        await tenancy.make_key(app, "local", scopes=[])
    with pytest.raises(NotAllowed, match="Only a person's key may hold approve, reveal"):
        await tenancy.make_key(app, "local", scopes=["read", "reveal", "approve"])
    with pytest.raises(InvalidRequest, match="ten years"):
        await tenancy.make_key(app, "local", expires_s=0)
    with pytest.raises(NotFound, match="Inbox 'none'"):
        await tenancy.make_key(app, "local", inbox="none")
    for name in ("", "A", "a b", "ag_1", "person", "local", "x" * 64, "-a", "a\n"):
        with pytest.raises(InvalidRequest, match="cannot be a name"):
            await tenancy.add_agent(app, name)
        with pytest.raises(InvalidRequest, match="cannot be a name"):
            await tenancy.add_tenant(app, name)


async def test_the_last_use_of_a_key_is_noted_once_a_minute_beside_the_call(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await tenancy.make_key(app, "local")
    noted = 0
    note_use = tenants.note_use

    async def counted(*given: object) -> None:
        nonlocal noted
        noted += 1
        await note_use(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(tenants, "note_use", counted)
    for _ in range(50):
        await identify(app, key.text)
    while app.beside:
        await asyncio.sleep(0.01)
    assert noted == 1
    (listed,) = await tenancy.list_keys(app)
    assert listed.used_at is not None
    assert abs(listed.used_at - app.now_ms()) < 60_000


async def test_every_change_is_in_the_audit_log_of_its_tenant(app: App) -> None:
    admin = await admin_of(app, "acme")
    await tenancy.add_agent(app, "bot", caller=admin)
    key = await tenancy.make_key(app, "bot", caller=admin)
    new = await tenancy.rotate_key(app, key.key_id, caller=admin)
    await tenancy.revoke_key(app, new.key_id, caller=admin)
    await tenancy.set_limit(app, "acme", "waits_per_hour", 5)
    await tenancy.rename_tenant(app, "acme", "emca")
    await tenancy.remove_agent(app, "bot", caller=admin)
    await tenancy.close_tenant(app, "emca")
    rows = await app.database.read(
        admin.tenant_id, lambda tx: tx.all("SELECT actor, action FROM audit WHERE tenant_id = :tenant ORDER BY n")
    )
    assert [row["action"] for row in rows] == [
        "tenant.added", "agent.added", "key.made", "key.rotated", "key.revoked", "tenant.limit", "tenant.renamed",
        "agent.removed", "tenant.closed",
    ]  # fmt: skip
    assert {row["actor"] for row in rows} == {OWNER}
    assert (await people.verify_audit(app, caller=admin)).broken_at is None


async def test_a_limit_says_when_to_go_on_and_is_each_tenants_own(app: App) -> None:
    admin = await admin_of(app, "acme")
    caller = await caller_of(app, admin)
    await tenancy.set_limit(app, "acme", "inboxes_per_hour", 3)
    answers = await asyncio.gather(
        *(do(app, "create_inbox", caller, name="same") for _ in range(10)), return_exceptions=True
    )
    refused = [one for one in answers if isinstance(one, LimitReached)]
    assert len(refused) == 7, "names that were taken cost nothing"
    assert "The limit of 3 new inboxes in an hour is reached. Try again in 60 minutes" in str(refused[0])
    assert 3590 <= refused[0].retry_after_s <= 3600
    await make_inbox(app, "mine")
    box = (await do(app, "list_inboxes", caller)).inboxes[0].address
    await tenancy.set_limit(app, "acme", "waits_per_hour", 2)
    for _ in range(2):
        assert (await do(app, "wait_for_email", caller, inbox=box, timeout_s=0)).status == "pending"
    with pytest.raises(LimitReached, match="The limit of 2 waits in an hour"):
        await do(app, "wait_for_otp", caller, inbox=box, timeout_s=0)
    shown = {one.name: (one.most, one.own) for one in await tenancy.tenant_limits(app, "acme")}
    assert shown == {
        "inboxes_per_hour": (3, True),
        "emails_per_hour": (500, False),
        "waits_per_hour": (2, True),
        "reveals_per_hour": (30, False),
    }
    await tenancy.set_limit(app, "acme", "waits_per_hour", None)
    assert (await do(app, "wait_for_email", caller, inbox=box, timeout_s=0)).status == "pending"
    await tenancy.set_limit(app, "acme", "emails_per_hour", 2)
    await people.name_contact(app, "@out.example", caller=admin)
    letter = {"inbox": box, "subject": "s", "text": "t"}
    for n in range(2):
        await do(app, "send_email", caller, to=f"a{n}@out.example", **letter)
    with pytest.raises(LimitReached, match="2"):
        await do(app, "send_email", caller, to="a3@out.example", **letter)
    for wrong in (("nothing", 1), ("waits_per_hour", -1)):
        with pytest.raises(CallerError):
            await tenancy.set_limit(app, "acme", *wrong)


async def test_who_may_not_read_may_not_pass_on_what_came(app: App) -> None:
    admin = await admin_of(app, "acme")
    await tenancy.add_agent(app, "bot", caller=admin)
    box = await make_inbox(app, "box", admin)
    email = await arrive(app, box, screened(text="words"))
    caller = await caller_of(app, admin, scopes=["send"])
    for tool, arguments in (
        ("reply_to_email", {"email_id": email, "text": "x"}),
        ("forward_email", {"email_id": email, "to": box}),
        ("send_email", {"inbox": box, "to": box, "subject": "s", "text": "t", "attachments": [f"{email}/0"]}),
    ):
        with pytest.raises(NotAllowed, match="lacks the scope 'read'"):
            await do(app, tool, caller, **arguments)
    assert (await do(app, "send_email", caller, inbox=box, to=box, subject="s", text="t")).state == "delivered"


async def test_files_of_the_owner_are_not_another_tenants_to_send(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "report.csv").write_text("a,b")
    async with open_app(settings_for(tmp_path, attach_folder=folder)) as app:
        letter = {"subject": "s", "text": "t", "attachments": ["report.csv"]}
        mine = await make_inbox(app, "mine")
        assert (await do(app, "send_email", inbox=mine, to=mine, **letter)).state == "delivered"
        caller = await caller_of(app, await admin_of(app, "acme"))
        theirs = await make_inbox(app, "theirs", caller)
        with pytest.raises(NotAllowed, match="No folder of files to attach is set"):
            await do(app, "send_email", caller, inbox=theirs, to=theirs, **letter)
