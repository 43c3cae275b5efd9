from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes import DictResolver, open_relay_sink
from letterlock import claims
from letterlock.actions import approvals
from letterlock.actions.caller import COMMAND_LINE, LOCAL_CALLER, Caller
from letterlock.actions.catalog import perform
from letterlock.actions.doctor import examine
from letterlock.actions.domains import DOMAINS, DomainShown
from letterlock.actions.following import Place, events_behind
from letterlock.actions.inboxes import restore_inbox
from letterlock.actions.tenancy import add_tenant, at_command_line, close_tenant
from letterlock.app import App, open_app
from letterlock.claims import RETIRE_MS, check_due, seal_keys
from letterlock.dns import DnsTrouble
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound, Unavailable, VaultLocked
from letterlock.ids import InboxId
from letterlock.inbound.accept import inbox_for
from letterlock.message.authenticate import authenticate
from letterlock.message.envelope import Envelope
from letterlock.message.sign import KINDS, new_key
from letterlock.outbound.lanes import deliver_forever
from letterlock.outbound.signing import keys_for
from letterlock.store import audit, domains
from letterlock.store.database import Transaction
from running import do, ended, letter, receive, settings_for, until

HOST = "mx.house.example"
_PEMS = {kind: new_key(kind) for kind in KINDS}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The DNS."""
    resolver = DictResolver()
    monkeypatch.setattr(claims, "fresh_resolver", lambda: resolver)
    return resolver.names


@pytest.fixture(autouse=True)
def _made_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is a key: making one takes longer than a test."""
    monkeypatch.setattr(claims, "new_key", _PEMS.__getitem__)


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    async with open_app(settings_for(tmp_path, smtp_hostname=HOST)) as app:
        yield app


async def ask(app: App, name: str, caller: Caller = COMMAND_LINE, /, **arguments: Any) -> Any:
    return await perform(app, caller, next(one for one in DOMAINS if one.name == name), arguments)


def publish(names: dict[str, Any], shown: DomainShown, *purposes: str) -> None:
    """Set the records of a domain, or those for some purposes only."""
    for record in shown.records:
        if not purposes or record.purpose in purposes:
            value = (record.priority, record.value) if record.type == "MX" else record.value
            names.setdefault(record.host, {})[record.type] = [value]


def statuses(shown: DomainShown) -> dict[str, str]:
    return {record.purpose: record.status for record in shown.records if record.need == "required"}


async def tenant(app: App, name: str) -> Caller:
    await add_tenant(app, name)
    return await at_command_line(app, name)


async def hold(
    app: App, names: dict[str, Any], name: str = "acme.example", caller: Caller = COMMAND_LINE
) -> DomainShown:
    """A domain that `caller` holds."""
    publish(names, await ask(app, "add_domain", caller, domain=name))
    shown: DomainShown = await ask(app, "verify_domain", caller, domain=name)
    assert shown.state == "verified"
    return shown


async def test_a_domain_is_claimed_set_up_verified_and_used(app: App, names: dict[str, Any]) -> None:
    shown = await ask(app, "add_domain", domain="Acme.Example.")
    assert (shown.domain, shown.state, shown.warning) == ("acme.example", "pending", "")
    assert {record.status for record in shown.records} == {"unchecked"}
    assert [record.purpose for record in shown.records] == [
        "ownership", "mx", "spf", "dkim", "dkim", "dmarc", "tls_rpt", "mta_sts",
    ]  # fmt: skip
    shown = await ask(app, "verify_domain", domain="acme.example")
    assert statuses(shown) == dict.fromkeys(("ownership", "mx", "spf", "dkim"), "missing")
    publish(names, shown)
    shown = await ask(app, "verify_domain", domain=shown.domain_id)
    assert shown.state == "verified"
    assert statuses(shown) == dict.fromkeys(("ownership", "mx", "spf", "dkim"), "found")
    made = await do(app, "create_inbox", name="support", domain="acme.example")
    assert made.address == "support@acme.example"
    await receive(app, "support@acme.example", letter())
    assert [key.domain for key in await keys_for(app, COMMAND_LINE.tenant_id, "acme.example")] == ["acme.example"] * 2


async def test_before_its_ownership_is_proved_nothing_can_be_done_with_a_domain(
    app: App, names: dict[str, Any]
) -> None:
    shown = await ask(app, "add_domain", domain="acme.example")
    publish(names, shown, "mx", "spf", "dkim")
    shown = await ask(app, "verify_domain", domain="acme.example")
    assert (shown.state, statuses(shown)["mx"], statuses(shown)["ownership"]) == ("pending", "found", "missing")
    with pytest.raises(InvalidRequest, match=r"acme\.example is pending, not verified"):
        await do(app, "create_inbox", name="support", domain="acme.example")
    with pytest.raises(Conflict, match="pending"):
        await ask(app, "set_catch_all", domain="acme.example", inbox=(await do(app, "create_inbox")).address)
    assert await inbox_for(app, "support@acme.example") is None


async def test_the_records_are_those_of_the_settings(tmp_path: Path) -> None:
    async with open_app(
        settings_for(tmp_path, domain_mx="a.mx.example,b.mx.example", domain_spf="ip4:192.0.2.1")
    ) as app:
        shown = await ask(app, "add_domain", domain="acme.example")
        assert [(r.priority, r.value) for r in shown.records if r.type == "MX"] == [
            (10, "a.mx.example"),
            (20, "b.mx.example"),
        ]
        assert "v=spf1 ip4:192.0.2.1 ~all" in [record.value for record in shown.records]
    async with open_app(settings_for(tmp_path, relay_host="relay.example")) as app:
        warning = (await ask(app, "get_domain", domain="acme.example")).warning
        assert "Nobody outside can reach letterlock.localhost" in warning
        assert "domain_spf" in warning


async def test_role_names_are_given_away_on_a_domain_of_ones_own_only(app: App, names: dict[str, Any]) -> None:
    acme = await tenant(app, "acme")
    await hold(app, names, caller=acme)
    for role in ("support", "postmaster", "admin"):
        made = await do(app, "create_inbox", acme, name=role, domain="acme.example")
        assert made.address == f"{role}@acme.example"
    assert (await do(app, "create_inbox", acme, name="admin")).address.startswith("admin-")


async def test_a_domain_in_its_own_script_is_one_with_its_dns_name(app: App, names: dict[str, Any]) -> None:
    await hold(app, names, "bücher.example")
    assert (await ask(app, "get_domain", domain="xn--bcher-kva.example")).domain == "xn--bcher-kva.example"
    made = await do(app, "create_inbox", name="anna", domain="Bücher.example")
    found = await inbox_for(app, "anna@bücher.example")
    assert found is not None
    assert found.inbox_id == made.inbox_id


async def test_the_rest_of_a_domain_goes_to_one_inbox_when_that_is_wanted(app: App, names: dict[str, Any]) -> None:
    await hold(app, names)
    made = await do(app, "create_inbox", name="all", domain="acme.example")
    own = await do(app, "create_inbox", name="own", domain="acme.example")
    assert await inbox_for(app, "typo@acme.example") is None
    assert (await ask(app, "set_catch_all", domain="acme.example", inbox=made.address)).catch_all == made.address
    found = [await inbox_for(app, f"{name}@acme.example") for name in ("typo", "own", "all")]
    assert [one.inbox_id for one in found if one] == [made.inbox_id, own.inbox_id, made.inbox_id]
    assert await inbox_for(app, "typo@other.example") is None
    await do(app, "delete_inbox", inbox=made.address)
    assert await inbox_for(app, "typo@acme.example") is None
    assert (await ask(app, "set_catch_all", domain="acme.example")).catch_all == ""


async def test_a_claim_that_is_not_proved_stands_in_nobodys_way(app: App, names: dict[str, Any]) -> None:
    squatter, acme = await tenant(app, "squatter"), await tenant(app, "acme")
    await ask(app, "add_domain", squatter, domain="acme.example")
    await hold(app, names, caller=acme)
    assert (await ask(app, "verify_domain", squatter, domain="acme.example")).state == "pending"
    with pytest.raises(InvalidRequest, match=r"acme\.example is pending"):
        await do(app, "create_inbox", squatter, name="x", domain="acme.example")


async def test_claiming_what_another_holds_answers_like_claiming_what_nobody_holds(
    app: App, names: dict[str, Any]
) -> None:
    acme, other = await tenant(app, "acme"), await tenant(app, "other")
    await hold(app, names, caller=acme)
    said = []
    for name in ("acme.example", "free1.example"):
        if name == "free1.example":
            # What the DNS itself tells everybody.
            names |= {host.replace("acme.example", name): found for host, found in names.items()}
        added = await ask(app, "add_domain", other, domain=name)
        looked = await ask(app, "verify_domain", other, domain=name)
        with pytest.raises(InvalidRequest) as refused:
            await do(app, "create_inbox", other, name="x", domain=name)
        said.append(
            [
                str(one).replace(name, "NAME")
                for one in (
                    added.state, looked.state, statuses(looked),
                    [record.problem for record in looked.records if record.purpose != "dkim"], refused.value,
                )
            ]
        )  # fmt: skip
    assert said[0] == said[1]


async def test_whose_record_stands_in_the_dns_holds_the_domain_and_gets_its_addresses(
    app: App, names: dict[str, Any]
) -> None:
    before, after = await tenant(app, "before"), await tenant(app, "after")
    first = await hold(app, names, caller=before)
    old = await do(app, "create_inbox", before, name="support", domain="acme.example")
    await receive(app, old.address, letter())
    claimed = await ask(app, "add_domain", after, domain="acme.example")
    both = [record.value for shown in (first, claimed) for record in shown.records if record.purpose == "ownership"]
    publish(names, claimed)
    names["_letterlock.acme.example"]["TXT"] = both
    looked = await ask(app, "verify_domain", after, domain="acme.example")
    assert (looked.state, statuses(looked)["ownership"]) == ("pending", "wrong")
    assert "Another ownership record" in looked.records[0].problem
    names["_letterlock.acme.example"]["TXT"] = both[1:]
    assert (await ask(app, "verify_domain", after, domain="acme.example")).state == "verified"
    assert (await ask(app, "get_domain", before, domain="acme.example")).state == "lapsed"
    made = await do(app, "create_inbox", after, name="support", domain="acme.example")
    assert made.address == old.address
    found = await inbox_for(app, made.address)
    assert found is not None
    assert found.tenant_id == after.tenant_id
    assert (await do(app, "list_inboxes", before)).inboxes == []
    told, *_ = await events_behind(app, before, Place(0, 0))
    assert [event.data.inbox_id for event in told if event.kind == "inbox.deleted"] == [old.inbox_id]
    with pytest.raises(NotFound):
        await restore_inbox(app, before, old.inbox_id)
    assert await keys_for(app, before.tenant_id, "acme.example") == ()
    assert (await ask(app, "verify_domain", before, domain="acme.example")).state == "lapsed"


async def test_what_waits_to_be_sent_from_a_domain_that_was_lost_is_never_sent(
    tmp_path: Path, names: dict[str, Any]
) -> None:
    async with open_app(settings_for(tmp_path, smtp_hostname=HOST, first_emails=1, relay_host="127.0.0.1")) as app:
        await hold(app, names)
        box = (await do(app, "create_inbox", name="support", domain="acme.example")).address
        draft = {"inbox": box, "to": ["x@out.example"], "subject": "s", "text": "t"}
        held = await do(app, "send_email", **draft)
        assert held.state == "held"
        await ask(app, "remove_domain", domain="acme.example")
        with pytest.raises(NotAllowed, match="not verified"):
            await approvals.approve(app, held.submission_id)
        with pytest.raises(NotAllowed, match="not verified"):
            await do(app, "send_email", **{**draft, "subject": "again"})
        assert await inbox_for(app, box) is None
        await hold(app, names)
        assert await inbox_for(app, box) is not None
        await approvals.approve(app, held.submission_id)


async def test_a_domain_fails_when_a_record_goes_and_lapses_when_its_ownership_does(
    app: App, names: dict[str, Any]
) -> None:
    acme = await tenant(app, "acme")
    await hold(app, names, caller=acme)
    box = (await do(app, "create_inbox", acme, name="support", domain="acme.example")).address
    token = names.pop("_letterlock.acme.example")
    mx = names["acme.example"].pop("MX")

    async def on_day(day: float, *, still: bool = True) -> DomainShown:
        later = replace(app, clock=lambda: app.clock() + timedelta(days=day))
        assert await check_due(later) == 1
        assert bool(await inbox_for(later, box)) is still
        shown: DomainShown = await ask(later, "get_domain", acme, domain="acme.example")
        return shown

    shown = await on_day(1.1)
    assert shown.state == "failing"
    assert shown.lapses_at is not None
    (told,) = [one for one in await examine(app.settings) if one.what.startswith("domain ")]
    assert not told.well
    assert told.what == (
        "domain acme.example of tenant acme is failing: ownership (TXT _letterlock.acme.example): missing;"
        " mx (MX acme.example): missing"
    )
    assert "domain show acme.example --tenant acme" in told.advice
    names["_letterlock.acme.example"] = token
    shown = await on_day(14.5)
    assert (shown.state, shown.lapses_at) == ("failing", None)
    names["_letterlock.acme.example"] = DnsTrouble("time-out")
    assert (await on_day(30)).state == "failing"
    names["acme.example"]["MX"] = mx
    names["_letterlock.acme.example"] = token
    assert (await on_day(40)).state == "verified"
    del names["_letterlock.acme.example"]
    assert (await on_day(50)).state == "failing"
    shown = await on_day(65, still=False)
    assert (shown.state, shown.next_check_at) == ("lapsed", None)
    names["_letterlock.acme.example"] = token
    assert (await ask(app, "verify_domain", acme, domain="acme.example")).state == "verified"
    noted = await app.database.read(acme.tenant_id, lambda tx: audit.after(tx, 0, 100))
    events = [(one.action, one.detail["lacking"]) for one in noted if "lacking" in one.detail]
    assert events == [
        ("domain.verified", []), ("domain.failing", ["mx", "ownership"]), ("domain.verified", []),
        ("domain.failing", ["ownership"]), ("domain.lapsed", ["ownership"]), ("domain.verified", []),
    ]  # fmt: skip


async def test_a_claim_is_looked_at_ever_more_seldom_and_at_last_no_more(app: App, names: dict[str, Any]) -> None:
    await ask(app, "add_domain", domain="acme.example")
    waits = []
    for age in (timedelta(0), timedelta(hours=8), timedelta(days=3), timedelta(days=31)):
        later = replace(app, clock=lambda age=age: app.clock() + age)  # type: ignore[misc]
        assert await check_due(later) == 1
        assert await check_due(later) == 0
        shown = await ask(later, "get_domain", domain="acme.example")
        waits.append(shown.next_check_at and round((shown.next_check_at - shown.checked_at) / timedelta(minutes=1)))
    assert waits == [1, 120, 360, None]


async def test_a_new_key_signs_once_the_dns_shows_it_and_the_old_one_goes_a_week_later(
    app: App, names: dict[str, Any]
) -> None:
    shown = await hold(app, names)

    async def signing(app: App) -> set[str]:
        return {key.selector for key in await keys_for(app, COMMAND_LINE.tenant_id, "acme.example")}

    old = await signing(app)
    assert len(old) == 2
    shown = await ask(app, "rotate_keys", domain="acme.example")
    assert (shown.state, await signing(app)) == ("verified", old)
    with pytest.raises(Conflict, match="does not show yet"):
        await ask(app, "rotate_keys", domain="acme.example")
    assert (await ask(app, "verify_domain", domain="acme.example")).state == "verified"
    rsa = next(r for r in shown.records if r.purpose == "dkim" and r.host not in names and "k=rsa" in r.value)
    names[rsa.host] = {"TXT": [rsa.value]}
    await ask(app, "verify_domain", domain="acme.example")
    mixed = await signing(app)
    assert len(mixed) == 2
    assert len(mixed & old) == 1
    publish(names, shown)
    shown = await ask(app, "verify_domain", domain="acme.example")
    assert await signing(app) & old == set()
    assert [record.need for record in shown.records if record.purpose == "dkim"].count("optional") == 2
    later = replace(app, clock=lambda: app.clock() + timedelta(milliseconds=RETIRE_MS + 1))
    shown = await ask(later, "verify_domain", domain="acme.example")
    assert [record.need for record in shown.records if record.purpose == "dkim"] == ["required", "recommended"]


async def test_private_keys_are_sealed_also_those_that_lay_in_the_clear(app: App, names: dict[str, Any]) -> None:
    await hold(app, names)
    before = await keys_for(app, COMMAND_LINE.tenant_id, "acme.example")
    assert len(before) == 2

    async def lay_open(tx: Transaction) -> None:
        for key in before:
            await tx.run(
                "UPDATE dkim_keys SET pem = :pem, sealed = NULL WHERE tenant_id = :tenant AND selector = :selector",
                selector=key.selector,
                pem=key.pem.decode(),
            )

    async def backed_up(name: str) -> bytes:
        await app.database.backup(app.folder / name)
        return (app.folder / name).read_bytes()

    assert b"PRIVATE KEY" not in await backed_up("first.db")
    await app.database.write(COMMAND_LINE.tenant_id, lay_open)
    assert b"PRIVATE KEY" in await backed_up("open.db")
    assert await keys_for(app, COMMAND_LINE.tenant_id, "acme.example") == before
    assert (await seal_keys(app), await seal_keys(app)) == (2, 0)
    assert b"PRIVATE KEY" not in await backed_up("sealed.db")
    assert await keys_for(app, COMMAND_LINE.tenant_id, "acme.example") == before
    (app.folder / "vault.key").unlink()
    async with open_app(app.settings) as locked:
        with pytest.raises(VaultLocked):
            await keys_for(locked, COMMAND_LINE.tenant_id, "acme.example")
        with pytest.raises(VaultLocked):
            await ask(locked, "rotate_keys", domain="acme.example")


async def test_mail_is_signed_with_the_keys_of_its_domain(tmp_path: Path, names: dict[str, Any]) -> None:
    async with open_relay_sink() as sink:
        relay = {"relay_host": "127.0.0.1", "relay_port": sink.port, "relay_security": "none"}
        async with open_app(settings_for(tmp_path, smtp_hostname=HOST, **relay)) as app:
            acme = await tenant(app, "acme")
            await hold(app, names, caller=acme)
            box = (await do(app, "create_inbox", acme, name="support", domain="acme.example")).address
            await do(app, "send_email", acme, inbox=box, to=["x@out.example"], subject="s", text="t")
            async with ended(asyncio.create_task(deliver_forever(app))):
                await until(lambda: _there(sink.emails))
            sent = authenticate(sink.emails[0].content, Envelope("", (), app.clock(), "smtp"), DictResolver(names))
            assert (sent.dkim, sent.dkim_domain) == ("pass", "acme.example")
            assert sink.emails[0].content.count(b"DKIM-Signature:") == 2


async def _there(found: list[Any]) -> bool:
    return bool(found)


async def test_what_a_tenant_may_not(tmp_path: Path, names: dict[str, Any]) -> None:
    async with open_app(settings_for(tmp_path, domain="house.example", dns="off")) as app:
        acme = await tenant(app, "acme")
        with pytest.raises(NotAllowed, match="manage_domains"):
            await ask(app, "list_domains", LOCAL_CALLER)
        with pytest.raises(NotAllowed, match="one inbox only"):
            box = InboxId((await do(app, "create_inbox")).inbox_id)
            await ask(app, "list_domains", replace(COMMAND_LINE, inbox_id=box))
        with pytest.raises(Conflict, match="the domain of this Letterlock"):
            await ask(app, "add_domain", acme, domain="House.Example")
        await ask(app, "add_domain", domain="house.example")
        assert (await do(app, "create_inbox", acme, name="anna")).address == "anna@house.example"
        await receive(app, "anna@house.example", letter())
        with pytest.raises(Conflict, match="You have"):
            await ask(app, "add_domain", domain="house.example")
        with pytest.raises(Unavailable, match="switched off"):
            await ask(app, "verify_domain", domain="house.example")


async def test_a_tenant_has_no_end_of_domains(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("letterlock.actions.domains.MOST_DOMAINS", 1)
    await ask(app, "add_domain", domain="one.example")
    with pytest.raises(Conflict, match="1 domains already"):
        await ask(app, "add_domain", domain="two.example")
    await ask(app, "remove_domain", domain="one.example")
    await ask(app, "add_domain", domain="two.example")


async def test_a_closed_tenant_holds_nothing(app: App, names: dict[str, Any]) -> None:
    acme = await tenant(app, "acme")
    await hold(app, names, caller=acme)
    await do(app, "create_inbox", acme, name="support", domain="acme.example")
    await close_tenant(app, "acme")
    assert await app.database.read_system(lambda tx: domains.holder(tx, "acme.example")) is None
    await hold(app, names)
    assert (await do(app, "create_inbox", name="support", domain="acme.example")).address == "support@acme.example"


async def test_inboxes_of_a_domain_that_was_named_in_the_settings_once_go_on(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, domain="old.example")) as app:
        box = (await do(app, "create_inbox", name="anna")).address
    async with open_app(settings_for(tmp_path, domain="new.example")) as app:
        await receive(app, box, letter())
        await ask(app, "add_domain", await tenant(app, "acme"), domain="old.example")
        assert await inbox_for(app, box) is not None
