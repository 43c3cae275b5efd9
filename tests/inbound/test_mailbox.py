"""Mail out of mailboxes elsewhere: what comes, what stays unread, and what no crash may lose or double."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from fakes import open_relay_sink
from imap_server import PASSWORD, USER, Held, ImapServer, open_imap_server
from letterlock.actions.caller import COMMAND_LINE, LOCAL_CALLER
from letterlock.actions.doctor import examine
from letterlock.actions.domains import AddDomain, add_domain
from letterlock.actions.inboxes import ChooseInbox, create_inbox
from letterlock.actions.mailboxes import (
    Connect,
    ListMailboxes,
    OneMailbox,
    connect_mailbox,
    list_mailboxes,
    remove_mailbox,
)
from letterlock.actions.tenancy import add_tenant, at_command_line
from letterlock.app import App, open_app
from letterlock.errors import CallerError, Conflict, InvalidRequest, NotAllowed
from letterlock.ids import DEFAULT_TENANT
from letterlock.inbound import haste
from letterlock.inbound import mailbox as module
from letterlock.inbound.accept import inbox_for
from letterlock.inbound.mailbox import fetch_forever, recipients_in, sender_in
from letterlock.providers import one_key, own_keys_of
from letterlock.store import emails, mailboxes, postmaster
from letterlock.store.emails import Email
from letterlock.store.mailboxes import Mailbox
from letterlock.store.postmaster import Report
from running import do, ended, file_all, hand_in, inbox_id, letter, settings_for, until

SHOP = "you+shop@provider.example"
Fetching = Callable[[], contextlib.AbstractAsyncContextManager[Any]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ImapServer]:
    async with open_imap_server(tmp_path) as server:
        yield server


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.02)


async def connect(app: App, server: ImapServer, **more: Any) -> Any:
    request = Connect(
        **{
            "address": USER,
            "host": "127.0.0.1",
            "port": server.port,
            "pin": True,
            "password": SecretStr(PASSWORD),
            **more,
        }
    )
    return await connect_mailbox(app, COMMAND_LINE, request)


async def shop(app: App) -> str:
    return str((await do(app, "create_inbox", name="shop")).address)


def fetching(app: App) -> contextlib.AbstractAsyncContextManager[Any]:
    return ended(asyncio.create_task(fetch_forever(app)))


async def came(app: App, count: int, seconds: float = 10.0) -> list[Email]:
    """The emails of the inbox, once there are so many."""
    box = await inbox_id(app, SHOP)

    async def look() -> list[Email]:
        await file_all(app)
        found = await app.database.read(DEFAULT_TENANT, lambda tx: emails.listed(tx, inbox_id=box, limit=100))
        return found if len(found) >= count else []

    found: list[Email] = await until(look, seconds)
    assert len(found) == count
    return found


def code(number: int, to: str = SHOP, **headers: str) -> bytes:
    return letter(
        f"Mail {number}", f"Your code is {100_000 + number}.", To=to, Message_ID=f"<{number}@shop.example>", **headers
    )


async def test_mail_for_an_inbox_comes_from_both_folders_and_no_other_body_is_fetched(
    app: App, server: ImapServer
) -> None:
    await server.put(code(1))
    shown = await connect(app, server)
    assert [(one.folder, one.spam) for one in shown.folders] == [("INBOX", False), ("Junk", True)]
    assert await shop(app) == SHOP
    await server.put(letter("Private", "Nobody's business.", To=USER))
    async with fetching(app):
        await until(lambda: _idles(server))
        await server.put(code(2))
        await server.put(letter("Private too", To="somebody@else.example"))
        await server.put(code(3), "Junk")
        found = await came(app, 2)
    assert {one.subject for one in found} == {"Mail 2", "Mail 3"}
    assert len(server.bodies()) == 2
    assert not any("BODY[" in one.replace("BODY.PEEK[", "") or "STORE" in one for one in server.asked)
    assert not any(" SELECT " in one for one in server.asked)
    given = await do(app, "wait_for_otp", inbox=SHOP, timeout_s=0, accept_unproved=True)
    spam = next(one for one in found if one.subject == "Mail 3")
    assert ("spam folder" in given.warning) == (given.email_id == spam.email_id)
    assert "spam folder" in str(await do(app, "read_email", email_id=spam.email_id))


async def _idles(server: ImapServer) -> bool:
    return sum(one.endswith(": IDLE") for one in server.asked) >= 2


async def test_connections_that_break_at_any_step_lose_and_double_nothing(app: App, server: ImapServer) -> None:
    await connect(app, server)
    await shop(app)
    async with fetching(app):
        for number in range(6):
            server.hang_up_at += [("FETCH", "SEARCH", "IDLE", "EXAMINE", "LOGIN", "FETCH")[number]]
            await server.put(code(number))
            server.hang_up()
            await came(app, number + 1)

        async def well() -> bool:
            (shown,) = (await list_mailboxes(app, COMMAND_LINE, ListMailboxes())).mailboxes
            return all(not one.problem for one in shown.folders)

        await until(well)


async def test_an_end_between_two_emails_is_taken_up_where_it_was(app: App, server: ImapServer) -> None:
    await connect(app, server)
    await shop(app)
    for number in range(20):
        await server.put(code(number))
    for _ in range(4):
        async with fetching(app):
            await asyncio.sleep(0.03)
    async with fetching(app):
        assert len({one.subject for one in await came(app, 20)}) == 20


async def test_mail_that_is_numbered_anew_or_moved_comes_once(app: App, server: ImapServer) -> None:
    await connect(app, server)
    await shop(app)
    await server.put(code(1))
    await server.put(code(2), "Junk")
    async with fetching(app):
        await came(app, 2)
    fresh = Held(uidvalidity=9)
    old = server.folders["INBOX"]
    server.folders["INBOX"] = fresh
    ancient = dt.datetime.now(dt.UTC) - dt.timedelta(days=90)
    await server.put(code(7), at=ancient)
    await server.put(code(8), at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=6))
    for raw, at in (*old.emails.values(), *server.folders["Junk"].emails.values()):
        await server.put(raw, at=at)
    await server.put(code(3))
    async with fetching(app):
        assert {one.subject for one in await came(app, 3)} == {"Mail 1", "Mail 2", "Mail 3"}


async def test_what_came_by_smtp_as_well_comes_once(app: App, server: ImapServer) -> None:
    await connect(app, server)
    await shop(app)
    raw = code(1)
    await hand_in(app, SHOP, raw, sender="bounces@shop.example")
    await server.put(b"Return-Path: <bounces@shop.example>\r\n" + raw)
    await server.put(raw, "Junk")
    await server.put(code(2))
    async with fetching(app):
        assert {one.subject for one in await came(app, 2)} == {"Mail 1", "Mail 2"}


async def test_an_email_that_is_too_large_stays_and_is_counted(tmp_path: Path, server: ImapServer) -> None:
    async with open_app(settings_for(tmp_path, max_message_bytes=20_000)) as app:
        await _too_large(app, server)


async def _too_large(app: App, server: ImapServer) -> None:
    await connect(app, server)
    await shop(app)
    await server.put(code(1) + b"x" * app.settings.max_message_bytes)
    await server.put(code(2))
    async with fetching(app):
        await came(app, 1)
    (shown,) = (await list_mailboxes(app, COMMAND_LINE, ListMailboxes())).mailboxes
    assert [one.skipped for one in shown.folders] == [1, 0]
    assert len(server.bodies()) == 1


async def test_only_what_was_fetched_is_marked_or_moved_and_only_when_asked(app: App, server: ImapServer) -> None:
    server.folders["Done"] = Held()
    await connect(app, server, mark_read=True)
    await shop(app)
    await server.put(letter("Private", To=USER))
    mine = await server.put(code(1))
    async with fetching(app):
        await came(app, 1)
        await until(lambda: _true(server.folders["INBOX"].read == {mine}))
        again = await connect(app, server)
        assert (again.done_with, again.kept) == ("marked as read", True)
        both = await connect(app, server, move_to="Done", mark_read=True)
        assert (both.done_with, both.kept) == ("marked as read and moved to 'Done'", False)
        await server.put(code(2))
        await came(app, 2)
        await until(lambda: _true(len(server.folders["Done"].emails) == 1))
        assert len(server.folders["INBOX"].read) == 2
    assert len(server.folders["INBOX"].emails) == 2
    assert any("are marked as read and moved to 'Done'" in one.what for one in await examine(app.settings))
    with pytest.raises(InvalidRequest, match="left as they are"):
        await connect(app, server, leave_as_is=True, move_to="Done")
    assert (await connect(app, server, leave_as_is=True)).done_with == ""


async def _true(value: bool) -> bool:
    return value


async def test_a_server_without_idle_is_asked_now_and_then(
    app: App, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.05)
    server.idles = False
    assert "every 15 seconds" in (await connect(app, server)).warning
    await shop(app)
    async with fetching(app):
        await until(lambda: _true(any("NOOP" in one for one in server.asked)))
        await server.put(code(1))
        await came(app, 1)


async def test_a_server_that_tells_late_is_asked_while_somebody_waits_and_only_then(
    app: App, server: ImapServer
) -> None:
    server.late = True
    await connect(app, server)
    box = await inbox_id(app, await shop(app))
    async with fetching(app):
        await until(lambda: _idles(server))
        with app.wake.watch("inb_of_somebody_else", tenant="default"):
            app.wake.say_waiting("inb_of_somebody_else")
            await asyncio.sleep(0.02)
            assert not any("NOOP" in one for one in server.asked)
        with app.wake.watch(box, tenant="default"):
            app.wake.say_waiting(box)
            await server.put(code(1))
            await came(app, 1, seconds=2.0)
            assert any("NOOP" in one for one in server.asked)


def test_a_server_is_asked_often_for_so_long_only_and_not_when_it_tells_by_itself(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(haste.time, "monotonic", lambda: now)
    one = haste.Haste(app, cast("Mailbox", None))
    assert not one.asks()
    one._until = 10_000.0
    looks = 0
    for _ in range(6_000):
        now += haste.QUICK_S
        if one.asks():
            one.asked()
            looks += 1
    assert haste.MOST_LOOKS < looks < haste.MOST_LOOKS * 1.2
    now += 1_000
    assert one.asks()
    for unasked in (True, True, *[False] * 6, True, True):
        one.heard(unasked=unasked)
    assert one.asks()
    one.heard(unasked=True)
    assert not one.asks()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("SEARCH", b"* SEARCH {999999999}\r\n"),
        ("SEARCH", b"* SEARCH " + b"9" * 1_100_000),
        ("SEARCH", b"* SEARCH one two\r\n{tag} OK x\r\n"),
        ("FETCH", b"* 1 FETCH (UID 1 BODY[] {999999999}\r\nx"),
        ("FETCH", b"{tag} OK nothing\r\n"),
        ("FETCH", b"* 1 FETCH " + b"(" * 2_000 + b"\r\n{tag} OK x\r\n"),
        ("SEARCH", b"* SEARCH 99999999999999999999\r\n{tag} OK x\r\n"),
        ("SEARCH", b"* 1 FETCH " + b"(" * 200_000 + b"\r\n{tag} OK x\r\n"),
        ("SEARCH", b"* 3 EXISTS\r\n" * 2_000 + b"{tag} OK x\r\n"),
        ("SEARCH", b"* 3 EXISTS\r\n* SEARCH\r\n{tag} OK x\r\n"),
        ("EXAMINE", b"* OK [UIDVALIDITY 99999999999999999999] no\r\n{tag} OK x\r\n"),
        ("EXAMINE", b"{tag} NO no such folder\r\n"),
        ("IDLE", b"{tag} BAD what\r\n"),
        ("IDLE", b"+ go\r\n* BYE enough\r\n"),
        ("GREETING", b"220 smtp.example ESMTP\r\n"),
    ],
)
async def test_whatever_a_server_says_is_a_state_and_a_later_try(
    app: App, server: ImapServer, command: str, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_IDLE_TALES", 5)
    await connect(app, server)
    await shop(app)
    await server.put(code(1))
    server.says[command] = said

    async def troubled() -> list[str]:
        (shown,) = (await list_mailboxes(app, COMMAND_LINE, ListMailboxes())).mailboxes
        return [one.problem for one in shown.folders if one.problem]

    async with fetching(app):
        (problem, *_) = await until(troubled)
        assert problem.isprintable() and len(problem) <= 300
        del server.says[command]
        if "cannot be opened" not in problem:
            await came(app, 1)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ("NO [AUTHENTICATIONFAILED] Invalid credentials", "refuses this name and password"),
        ("NO Application-specific password required", "wants an app password"),
        ("NO Your account is not enabled for IMAP use", "IMAP is switched off"),
        ("NO [AUTHORIZATIONFAILED] IMAP access disabled", "IMAP is switched off"),
        ("NO AuthFailed:LogonDenied-BasicAuthBlocked", "takes no password from programs, only OAuth"),
        ("NO [ALERT] Please log in via your web browser: https://x.example", "in a web browser first"),
        ("NO [UNAVAILABLE] Temporary failure", "lets nobody in right now"),
    ],
)
async def test_a_refused_login_is_said_in_words_and_changes_nothing(
    app: App, server: ImapServer, refusal: str, words: str
) -> None:
    server.refusal = refusal
    with pytest.raises(CallerError, match=words) as raised:
        await connect(app, server, password=SecretStr("wrong"))
    assert raised.value.next_step and "wrong" not in str(raised.value)
    assert (await list_mailboxes(app, COMMAND_LINE, ListMailboxes())).mailboxes == []


@pytest.mark.parametrize(
    ("listed", "folders", "warned"),
    [
        (b'(\\Junk) "/" "a\x00\x1b[31mb"', ["INBOX"], "No spam folder was found"),
        (b'(\\Junk) "/" "&broken"\r\n* LIST () "/" "Junk"', ["INBOX", "Junk"], ""),
        (b'(\\Junk) "/" "' + b"x" * 10_000 + b'"', ["INBOX"], "No spam folder was found"),
        (b"(\\Junk) NIL NIL\r\n* LIST (\\Junk) NIL {4}\r\nJunk", ["INBOX", "Junk"], ""),
        (b'(\\Junk) "/" "Nowhere"', ["INBOX"], "No spam folder was found"),
        (b'(\\Junk "/" "Junk', ["INBOX"], "list of folders cannot be read"),
        (b'NIL 5 "Junk"', ["INBOX"], "list of folders cannot be read"),
        (b'() "/"', ["INBOX"], "list of folders cannot be read"),
    ],
)
async def test_whatever_names_folders_have_the_mailbox_can_be_connected(
    app: App, server: ImapServer, listed: bytes, folders: list[str], warned: str
) -> None:
    server.says["LIST"] = b"* LIST " + listed + b"\r\n{tag} OK x\r\n"
    shown = await connect(app, server)
    assert [one.folder for one in shown.folders] == folders
    assert (warned in shown.warning and "spam" in shown.warning) or not warned


async def test_what_cannot_be_is_refused_before_anything_is_changed(app: App, server: ImapServer) -> None:
    for chosen, said in (
        ({"port": 995}, "Port 995 is for POP3"),
        ({"port": 587}, r"Port 587 is for sending \(SMTP\)"),
        ({"port": 993, "security": "starttls"}, "Port 993 is for tls"),
        ({"smtp_host": "127.0.0.1", "smtp_port": 993}, r"Port 993 is for reading \(IMAP\)"),
        ({"move_to": "Nowhere\r\n1 LOGOUT"}, "cannot be opened: there is none"),
        ({"move_to": "Junk"}, "is watched itself"),
    ):
        with pytest.raises(InvalidRequest, match=said) as raised:
            await connect(app, server, **chosen)
        assert raised.value.next_step
    assert (await list_mailboxes(app, COMMAND_LINE, ListMailboxes())).mailboxes == []
    assert any("Nowhere&AA0ACg-1 LOGOUT" in one for one in server.asked), "in one command, encoded"


async def test_sending_is_tried_too_and_which_half_works_is_said(app: App, server: ImapServer) -> None:
    assert (await connect(app, server)).tried == ["receiving"]
    for password, tried in ((PASSWORD, ["receiving", "sending"]), ("another", ["receiving"])):
        async with open_relay_sink(starttls=server.context, login=(USER, password)) as sink:
            shown = await connect(app, server, smtp_host=sink.host, smtp_port=sink.port, smtp_security="starttls")
            assert shown.tried == tried
            assert sink.asked == [] and ("cannot be sent by it" in shown.warning) == (len(tried) == 1)
    assert "535" in shown.warning and "app password" in shown.warning


async def test_a_certificate_that_nobody_vouches_for_is_refused_and_only_loopback_can_be_pinned(
    app: App, server: ImapServer, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match="certificate that is not trusted"):
        await connect(app, server, pin=False)
    with pytest.raises(InvalidRequest, match="it is not on this machine"):
        await connect(app, server, host="mail.provider.example")
    await connect(app, server)
    (kept,) = await app.database.read_system(mailboxes.every)
    (tmp_path / "other").mkdir()
    async with open_imap_server(tmp_path / "other") as other:
        place = module.place_of(kept)
        changed = type(place)(place.host, other.port, place.security, place.pin)
        with pytest.raises(Exception, match="another certificate"):
            await module.in_thread(lambda: module.Connection(changed))


async def test_nobody_but_the_owner_names_a_mailbox_and_its_password_lies_nowhere_open(
    app: App, server: ImapServer
) -> None:
    with pytest.raises(NotAllowed):
        await connect_mailbox(app, LOCAL_CALLER, Connect(address=USER, host="127.0.0.1"))
    await connect(app, server)
    assert all(PASSWORD.encode() not in file.read_bytes() for file in app.folder.iterdir() if file.is_file())
    await shop(app)
    (app.folder / "vault.key").rename(app.folder / "elsewhere")
    found = [one.what for one in await examine(app.settings) if not one.well]
    assert any(USER in what and "is sealed" in what for what in found), found
    assert any("passwords of mailboxes" in what for what in found), found
    async with open_app(app.settings) as anew:
        (shown,) = (await list_mailboxes(anew, COMMAND_LINE, ListMailboxes())).mailboxes
        assert {"is sealed" in one.problem and "letterlock connect" in one.advice for one in shown.folders} == {True}
    (app.folder / "elsewhere").rename(app.folder / "vault.key")
    await remove_mailbox(app, COMMAND_LINE, OneMailbox(mailbox=USER))
    waited = await do(app, "wait_for_email", inbox=SHOP, timeout_s=0)
    assert waited.status == "pending" and waited.warning


async def test_inboxes_are_on_the_mailbox_unless_another_domain_is_named(app: App, server: ImapServer) -> None:
    report = Report(1, "smtp", "", app.now_ms())
    await app.database.write_system(lambda tx: postmaster.put(tx, report))
    assert "letterlock connect" in (await do(app, "create_inbox", name="before")).warning
    await connect(app, server)
    await connect(app, server, address="me@other.example", username=USER, catch_all="mine.example")
    assert (await do(app, "create_inbox", name="GitHub")).address == "you+github@provider.example"
    assert (await do(app, "create_inbox", name="GitHub")).address == "you+github-2@provider.example"
    assert (await do(app, "create_inbox", domain="mine.example", name="x")).address == "x@mine.example"
    await connect(app, server, address="they@provider.example", username=USER, catch_all="provider.example")
    assert (await do(app, "create_inbox", domain="provider.example", name="x")).address == "x@provider.example"
    assert (await do(app, "create_inbox", domain=USER, name="y")).address == "you+y@provider.example"
    local = await do(app, "create_inbox", domain=app.settings.domain, name="x")
    assert local.address == f"x@{app.settings.domain}"
    assert f'create_inbox(domain="{USER}")' in local.warning and "letterlock connect" not in local.warning
    long = (await do(app, "create_inbox", domain=USER, name="x" * 100)).address
    assert len(long.partition("@")[0]) <= 64


async def test_no_inbox_gets_what_is_sent_to_a_mailbox_itself(app: App, server: ImapServer) -> None:
    await connect(app, server, catch_all="provider.example")
    for name in ("you", "y.o.u", "YOU"):
        made = (await do(app, "create_inbox", name=name, domain=USER)).address
        assert made.startswith("y") and made.replace(".", "") != USER
    with pytest.raises(Conflict):
        choice = ChooseInbox(local_part="you", domain="provider.example")
        await create_inbox(app, COMMAND_LINE, choice)
    assert (await do(app, "create_inbox", name="anna", domain=USER)).address == "anna@provider.example"
    assert (await do(app, "create_inbox", name="shop", domain=USER)).address == "shop@provider.example"
    # Somebody whose mailbox is connected later had an inbox made of it before.
    await connect(app, server, address="anna@provider.example", username=USER)
    await server.put(letter("Private", To=USER, Cc="anna@provider.example"))
    mine = letter("Mine", To="you+x@provider.example, Shop <shop@provider.example>")
    await server.put(mine)
    async with fetching(app):
        await until(lambda: _true(len(server.bodies()) == 1))
        await until(lambda: file_all(app))
    found = await app.database.read(DEFAULT_TENANT, lambda tx: emails.listed(tx, limit=9))
    assert [one.subject for one in found] == ["Mine"] and len(server.bodies()) == 1
    said = " ".join(one.what for one in await examine(app.settings))
    assert "no mail is fetched for inbox anna@provider.example" in said
    assert "shop@provider.example" not in said


async def test_a_domain_that_only_a_catch_all_speaks_for_is_one_tenants_and_its_mail_comes_out_of_its_mailbox(
    app: App, server: ImapServer
) -> None:
    await connect(app, server, catch_all="mine.example")
    mine = (await do(app, "create_inbox", name="shop", domain="mine.example")).address
    await add_tenant(app, "acme")
    acme = await at_command_line(app, "acme")
    wanted = Connect(
        address="me@other.example",
        username=USER,
        host="127.0.0.1",
        port=server.port,
        pin=True,
        password=SecretStr(PASSWORD),
        catch_all="Mine.example",
    )
    with pytest.raises(Conflict, match="another tenant"):
        await connect_mailbox(app, acme, wanted)
    await add_domain(app, acme, AddDomain(domain="claimed.example"))
    with pytest.raises(Conflict, match="another tenant"):
        await connect(app, server, catch_all="claimed.example")
    with pytest.raises(InvalidRequest, match="a domain of Gmail"):
        await connect(app, server, catch_all="gmail.com")
    await connect_mailbox(app, acme, wanted.model_copy(update={"catch_all": "claimed.example"}))
    assert await inbox_for(app, mine) is None, "by SMTP"
    assert await hand_in(app, mine, code(1, to=mine)) == ()
    assert await inbox_for(app, mine, acme.tenant_id) is None
    assert await inbox_for(app, mine, DEFAULT_TENANT) is not None


@pytest.mark.parametrize(
    ("mailbox", "inbox", "own"),
    [
        ("john.smith@gmail.com", "johnsmith@googlemail.com", True),
        ("you+tag@mine.example", "you@mine.example", True),
        ("you@me.com", "you@icloud.com", True),
        ("you@mine.example", "other@mine.example", False),
        ("you@outlook.com", "you@hotmail.com", False),
        ("you@mine.example", "you+shop@mine.example", False),
    ],
)
def test_a_mailbox_is_known_in_every_spelling(mailbox: str, inbox: str, own: bool) -> None:
    assert (one_key(inbox) in own_keys_of(mailbox, mailbox)) is own


KEYS = {"you+shop@provider.example": SHOP}


@given(st.binary(max_size=400))
@settings(max_examples=30)
def test_no_header_breaks_the_search_for_recipients(fields: bytes) -> None:
    assert recipients_in(b"To: " + fields, KEYS) in ((), (SHOP,))
    assert isinstance(sender_in(fields), str)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (b"Delivered-To: you+shop@provider.example\r\n", True),
        (b"To: A <a@b.example>,\r\n\t=?utf-8?q?Y?= <You+Shop@Provider.Example>\r\n", True),
        (b"To: you@provider.example\r\n", False),
        (b"To: you+shop2@provider.example\r\n", False),
        (b"To: " + b"a@b.example, " * 100_000, False),
    ],
)
def test_only_the_address_of_an_inbox_counts(fields: bytes, found: bool) -> None:
    assert recipients_in(fields, KEYS) == ((SHOP,) if found else ())
