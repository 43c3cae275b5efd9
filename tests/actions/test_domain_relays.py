"""Mail from a domain leaves by the server that its tenant has set for it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import DictResolver, RelaySink, make_certificate, open_relay_sink
from letterlock.actions.caller import AGENT_SCOPES, COMMAND_LINE, LOCAL_CALLER, MANAGE_DOMAINS, Caller
from letterlock.actions.catalog import perform
from letterlock.actions.domain_relays import DOMAIN_RELAYS
from letterlock.actions.people import name_contact
from letterlock.actions.tenancy import add_tenant, at_command_line, close_tenant
from letterlock.actions.tenant_relays import TENANT_RELAYS
from letterlock.app import DATABASE_FILE, App, open_app
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from letterlock.ids import TenantId
from letterlock.outbound import provider
from letterlock.outbound.lanes import AT_ONCE, AT_ONCE_OF_TENANT, _free, _release, deliver_forever
from letterlock.store import domains
from letterlock.store.database import Transaction
from running import do, ended, relay_now, settings_for, until

USER, PASSWORD = "apikey", "hunter2-correct-horse"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    async with open_app(settings_for(tmp_path, domain_relay_private=True)) as app:
        yield app


async def ask(app: App, name: str, caller: Caller = COMMAND_LINE, /, **arguments: Any) -> Any:
    action = next(one for one in (*DOMAIN_RELAYS, *TENANT_RELAYS) if one.name == name)
    return await perform(app, caller, action, arguments)


async def hold(app: App, name: str, tenant_id: TenantId = COMMAND_LINE.tenant_id, state: Any = "verified") -> None:
    async def put(tx: Transaction) -> None:
        made = await domains.add(tx, name, "0" * 32, app.now_ms())
        assert made is not None
        await domains.put(tx, replace(made, state=state, next_check_at=None))

    await app.database.write(tenant_id, put)


async def set_relay(app: App, sink: RelaySink, domain: str, caller: Caller = COMMAND_LINE, **more: Any) -> Any:
    given = {"host": sink.host, "port": sink.port, "security": "none", **more}
    return await ask(app, "set_domain_relay", caller, domain=domain, **given)


async def send(app: App, domain: str, caller: Caller = LOCAL_CALLER, to: str = "anna@shop.example") -> str:
    """The id of an email from a new inbox of the domain to a contact."""
    await name_contact(app, "@shop.example", caller=replace(COMMAND_LINE, tenant_id=caller.tenant_id))
    box = (await do(app, "create_inbox", caller, domain=domain)).address
    sent = await do(app, "send_email", caller, inbox=box, to=[to], subject=box, text="A few words.")
    return str(sent.submission_id)


async def fate(app: App, submission_id: str, caller: Caller = LOCAL_CALLER) -> Any:
    return await do(app, "get_delivery_status", caller, submission_id=submission_id)


@pytest.fixture
async def server() -> AsyncIterator[RelaySink]:
    async with open_relay_sink(login=(USER, PASSWORD)) as sink:
        yield sink


LOGIN: dict[str, Any] = {"username": USER, "password": PASSWORD}


async def test_mail_of_a_domain_leaves_by_its_relay_and_no_other_mail_does(app: App, server: RelaySink) -> None:
    for name in ("acme.example", "other.example"):
        await hold(app, name)
    waiting = await send(app, "acme.example")
    assert (await fate(app, waiting)).state == "held"
    shown = await set_relay(app, server, "acme.example", **LOGIN)
    assert (shown.domain, shown.host, shown.username, server.emails) == ("acme.example", server.host, USER, [])
    await _release(app)
    await relay_now(app)
    assert (await fate(app, waiting)).state == "sent"
    (email,) = server.emails
    assert (email.sender.rpartition("@")[2], email.login) == ("acme.example", USER)
    assert (await fate(app, await send(app, "other.example"))).state == "held"
    theirs = await at_command_line(app, (await add_tenant(app, "beta")).name)
    assert (await fate(app, await send(app, app.settings.domain, theirs), theirs)).state == "held"


async def test_its_password_is_nowhere_in_the_clear(app: App, server: RelaySink) -> None:
    await hold(app, "acme.example")
    shown = await set_relay(app, server, "acme.example", **LOGIN)
    listed = await ask(app, "list_domain_relays")
    assert PASSWORD not in shown.model_dump_json() + listed.model_dump_json()
    with contextlib.closing(sqlite3.connect(app.folder / DATABASE_FILE)) as store:
        dumped = "\n".join(store.iterdump())
    assert (USER in dumped, PASSWORD in dumped, PASSWORD.encode().hex() in dumped.lower()) == (True, False, False)


async def test_a_row_that_somebody_changed_gives_its_password_to_no_other_server(app: App, server: RelaySink) -> None:
    await hold(app, "acme.example")
    await set_relay(app, server, "acme.example", **LOGIN)
    async with open_relay_sink(login=(USER, PASSWORD)) as thief:
        await app.database.write(
            COMMAND_LINE.tenant_id,
            lambda tx: tx.run("UPDATE domain_relays SET port = :port WHERE tenant_id = :tenant", port=thief.port),
        )
        waiting = await send(app, "acme.example")
        await relay_now(app)
        status = await fate(app, waiting)
        assert (status.state, thief.sessions, server.emails) == ("queued", 0, [])
    assert "cannot be opened" in status.recipients[0].answer


async def test_a_server_that_takes_no_mail_changes_nothing(app: App, server: RelaySink, tmp_path: Path) -> None:
    await hold(app, "acme.example")
    kept = await set_relay(app, server, "acme.example", **LOGIN)
    for wrong, why in (
        ({**LOGIN, "password": "wrong"}, "535"),
        ({**LOGIN, "security": "starttls"}, "does not offer STARTTLS"),
        ({**LOGIN, "security": "tls"}, "mail server"),
        ({**LOGIN, "port": 1}, "cannot be reached"),
        ({**LOGIN, "host": "nobody.invalid"}, "has no address"),
    ):
        with pytest.raises(Conflict, match=f"nothing was changed: .*{why}") as raised:
            await set_relay(app, server, "acme.example", **wrong)
        assert "wrong" not in str(raised.value)
    server.rcpt["x@shop.example"] = "550 5.7.1 not for you"
    tested = await ask(app, "test_domain_relay", domain="acme.example", to="x@shop.example")
    assert (tested.took, "not for you" in tested.answer) == (False, True)
    assert (await ask(app, "test_domain_relay", domain="acme.example")).took
    assert server.emails == []
    assert await ask(app, "get_domain_relay", domain="acme.example") == kept


async def test_tls_is_with_the_name_that_was_given_at_the_address_that_was_looked_up(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = make_certificate(tmp_path, "smtp.acme.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    monkeypatch.setattr(provider, "look_up", lambda *_, **__: "127.0.0.1")
    await hold(app, "acme.example")
    for security, how in (("starttls", {"starttls": context}), ("tls", {"tls": context})):
        async with open_relay_sink(**how) as sink:  # type: ignore[arg-type]
            await set_relay(app, sink, "acme.example", host="smtp.acme.example", security=security)
            with pytest.raises(Conflict, match="certificate of the mail server is not trusted"):
                await set_relay(app, sink, "acme.example", host="smtp.other.example", security=security)
            submission = await send(app, "acme.example")
            await relay_now(app)
            assert (await fate(app, submission)).state == "sent"
            assert [email.tls for email in sink.emails] == [security == "starttls"], (
                "TLS before the first word is not noted"
            )


INSIDE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"host": "127.0.0.1"}, "not on the public Internet"),
    ({"host": "169.254.169.254"}, "not on the public Internet"),
    ({"host": "::1"}, "not on the public Internet"),
    ({"host": "[::ffff:10.0.0.1]"}, "not on the public Internet"),
    ({"host": "0x7f.1"}, "neither a name nor"),
    ({"host": "2130706433"}, "neither a name nor"),
    ({"host": "localhost"}, "not on the public Internet"),
    ({"host": "smtp.corp.internal"}, "not on the public Internet"),
    ({"host": "smtp.example.com\r\nX"}, "not a name of the DNS"),
    ({"host": "smtp.example.com", "port": 22}, "Port 22 is none of a mail server"),
    ({"host": "smtp.example.com", "security": "none", **LOGIN}, "in clear"),
    ({"host": "smtp.example.com", "username": "x"}, "go together"),
)


async def test_a_relay_is_no_way_into_the_network_this_runs_in(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path)) as app:
        await hold(app, "acme.example")
        for given, why in INSIDE:
            with pytest.raises(InvalidRequest, match=why):
                await ask(app, "set_domain_relay", domain="acme.example", **given)


async def test_a_name_that_leads_inside_is_not_connected_to_whenever_that_begins(
    tmp_path: Path, server: RelaySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = DictResolver({"smtp.acme.example": {"A": ["127.0.0.1"]}})
    monkeypatch.setattr(provider, "system_resolver", lambda: resolver)
    async with open_app(settings_for(tmp_path, domain_relay_ports=str(server.port))) as app:
        await hold(app, "acme.example")
        with pytest.raises(Conflict, match="not on the public Internet"):
            await set_relay(app, server, "acme.example", host="smtp.acme.example")
        with monkeypatch.context() as patched:
            patched.setattr(provider, "look_up", lambda *_, **__: "127.0.0.1")
            await set_relay(app, server, "acme.example", host="smtp.acme.example")
        asked = server.sessions
        submission = await send(app, "acme.example")
        await relay_now(app)
        status = await fate(app, submission)
        assert (status.state, server.sessions, server.emails) == ("queued", asked, [])
        assert "not on the public Internet" in status.recipients[0].answer


async def test_only_people_of_the_tenant_that_holds_the_domain_set_its_relay(app: App, server: RelaySink) -> None:
    agent = replace(LOCAL_CALLER, scopes=AGENT_SCOPES | {MANAGE_DOMAINS})
    await hold(app, "acme.example")
    await hold(app, "pending.example", state="pending")
    stranger = await at_command_line(app, (await add_tenant(app, "beta")).name)
    for name in ("set_domain_relay", "test_domain_relay", "remove_domain_relay"):
        more = {"host": server.host} if name == "set_domain_relay" else {}
        with pytest.raises(NotAllowed, match="Only a person's key"):
            await ask(app, name, agent, domain="acme.example", **more)
        with pytest.raises(NotAllowed, match="manage_domains"):
            await ask(app, name, LOCAL_CALLER, domain="acme.example", **more)
        with pytest.raises(NotFound, match="There is no domain"):
            await ask(app, name, stranger, domain="acme.example", **more)
    with pytest.raises(Conflict, match="pending, not verified"):
        await set_relay(app, server, "pending.example")
    with pytest.raises(NotFound, match="no relay of its own"):
        await ask(app, "get_domain_relay", domain="acme.example")
    assert server.sessions == 0


async def test_a_domain_without_its_relay_and_one_that_is_lost_go_on_without_it(
    tmp_path: Path, sink: RelaySink
) -> None:
    async with (
        open_relay_sink() as own,
        open_app(
            settings_for(
                tmp_path, domain_relay_private=True, relay_host=sink.host, relay_port=sink.port, relay_security="none"
            )
        ) as app,
    ):
        await hold(app, "acme.example")
        await set_relay(app, own, "acme.example")
        waiting = await send(app, "acme.example")
        assert (await ask(app, "remove_domain_relay", domain="acme.example")).domain == "acme.example"
        await relay_now(app)
        assert ((await fate(app, waiting)).state, len(sink.emails), own.emails) == ("sent", 1, [])
        await set_relay(app, own, "acme.example")
        later = await send(app, "acme.example")
        await app.database.write(COMMAND_LINE.tenant_id, _lose)
        await relay_now(app)
        assert ((await fate(app, later)).state, len(sink.emails), own.emails) == ("bounced", 1, [])


async def _lose(tx: Transaction) -> None:
    found = await domains.find(tx, "acme.example")
    assert found is not None
    await domains.put(tx, replace(found, state="lapsed"))


async def test_a_relay_that_never_answers_keeps_nobody_else_waiting(app: App, server: RelaySink) -> None:
    await hold(app, "acme.example")
    await hold(app, "quick.example")
    async with open_relay_sink() as dead:
        await set_relay(app, dead, "acme.example")
    silent = await asyncio.start_server(_say_nothing, dead.host, dead.port)
    await set_relay(app, server, "quick.example", **LOGIN)
    stuck = [await send(app, "acme.example") for _ in range(3)]
    quick = await send(app, "quick.example")
    delivering = asyncio.create_task(deliver_forever(app))
    async with ended(delivering):

        async def sent() -> bool:
            return str((await fate(app, quick)).state) == "sent"

        await until(sent, 5)
    assert {(await fate(app, one)).state for one in stuck} == {"queued"}
    silent.close()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def test_servers_of_one_tenant_have_places_of_their_own() -> None:
    mine = {f"domain tn_a rl_{n}": 4 for n in range(2)}
    assert _free("domain tn_a rl_9", mine) == AT_ONCE_OF_TENANT - 8
    assert _free("domain tn_b rl_1", mine) == AT_ONCE_OF_TENANT
    assert _free("mail.example:25", {**mine, "": 3}) == AT_ONCE - 3
    full = {f"domain tn_{n} rl_1": 4 for n in range(AT_ONCE // 4)}
    assert (_free("domain tn_new rl_1", full), _free("mail.example:25", full)) == (0, AT_ONCE)


async def test_mail_of_a_tenants_domains_leaves_by_its_relay_but_for_those_that_have_their_own(
    app: App, server: RelaySink
) -> None:
    theirs = await at_command_line(app, (await add_tenant(app, "beta")).name)
    stranger = await at_command_line(app, (await add_tenant(app, "gamma")).name)
    given = {"host": server.host, "port": server.port, "security": "none", **LOGIN}
    with pytest.raises(Conflict, match="none of yours is verified"):
        await ask(app, "set_tenant_relay", theirs, **given)
    for name, whose in (("one.example", theirs), ("two.example", theirs), ("three.example", stranger)):
        await hold(app, name, whose.tenant_id)
    sent = {name: await send(app, name, who) for name, who in (
        ("two.example", theirs), (app.settings.domain, theirs), ("three.example", stranger)
    )}  # fmt: skip
    with pytest.raises(Conflict, match=r"takes no mail from one\.example"):
        await ask(app, "set_tenant_relay", theirs, **{**given, "password": "wrong"})
    with pytest.raises(NotFound):
        await ask(app, "get_tenant_relay", theirs)
    async with open_relay_sink() as own:
        await set_relay(app, own, "one.example", theirs)
        shown = await ask(app, "set_tenant_relay", theirs, **given)
        assert (shown.domains, server.emails, PASSWORD in shown.model_dump_json()) == (["two.example"], [], False)
        first = await send(app, "one.example", theirs)
        await _release(app)
        await relay_now(app)
        assert (await fate(app, first, theirs)).state == "sent"
        assert ([email.sender.rpartition("@")[2] for email in own.emails]) == ["one.example"]
    assert [(email.sender.rpartition("@")[2], email.login) for email in server.emails] == [("two.example", USER)]
    shared = sent[app.settings.domain]
    assert [(await fate(app, sent["three.example"], stranger)).state, (await fate(app, shared, theirs)).state] == [
        "held",
        "held",
    ]
    with pytest.raises(NotAllowed, match="default tenant"):
        await ask(app, "allow_shared_relay", theirs, tenant="beta", allowed=True)
    await ask(app, "allow_shared_relay", tenant="beta", allowed=True)
    assert (await ask(app, "get_tenant_relay", theirs)).domains == ["two.example", app.settings.domain]
    await _release(app)
    await relay_now(app)
    assert (await fate(app, shared, theirs)).state == "sent"
    assert (await fate(app, await send(app, app.settings.domain, stranger), stranger)).state == "held"
    await ask(app, "allow_shared_relay", tenant="beta", allowed=False)
    assert (await fate(app, await send(app, app.settings.domain, theirs), theirs)).state == "held"
    assert (await ask(app, "test_tenant_relay", theirs)).took
    await ask(app, "remove_tenant_relay", theirs)
    assert (await fate(app, await send(app, "two.example", theirs), theirs)).state == "held"
    await ask(app, "set_tenant_relay", theirs, **given)
    await close_tenant(app, "beta")
    left = await app.database.read_system(lambda tx: tx.one("SELECT COUNT(*) AS n FROM tenant_relays"))
    assert left is not None and left["n"] == 0


async def test_only_people_set_the_relay_of_a_tenant_and_it_lies_outside(app: App, tmp_path: Path) -> None:
    agent = replace(LOCAL_CALLER, scopes=AGENT_SCOPES | {MANAGE_DOMAINS})
    await hold(app, "acme.example")
    for name, more in (("set_tenant_relay", {"host": "smtp.example.net"}), ("remove_tenant_relay", {})):
        with pytest.raises(NotAllowed, match="Only a person's key"):
            await ask(app, name, agent, **more)
    async with open_app(settings_for(tmp_path / "guarded")) as guarded:
        await hold(guarded, "acme.example")
        for inside, why in INSIDE:
            with pytest.raises(InvalidRequest, match=why):
                await ask(guarded, "set_tenant_relay", **inside)
