from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.app import App, open_app
from letterlock.errors import InvalidRequest, StoreFull
from letterlock.ids import DEFAULT_TENANT
from letterlock.inbound.accept import accept, address_keys, fingerprint, hops, inbox_for
from letterlock.message.address import parse_address
from letterlock.message.envelope import Envelope
from letterlock.store import arrivals, inboxes
from letterlock.wake import UNFILED
from running import do, hand_in, letter, make_inbox, settings_for


async def waiting(app: App) -> list[arrivals.Unfiled]:
    return await app.database.read_system(lambda tx: arrivals.next_unfiled(tx, 100, ()))


async def test_mail_to_several_inboxes_is_kept_once_and_received_by_each(app: App) -> None:
    one, two = await make_inbox(app, "one"), await make_inbox(app, "two")
    receipts = await hand_in(app, (two, one), letter())
    assert [receipt.recipient for receipt in receipts] == [two, one]
    assert len({receipt.email_id for receipt in receipts}) == 2
    kept = await waiting(app)
    assert {unfiled.receipt.recipient for unfiled in kept} == {one, two}
    (raws,) = await app.database.read_system(lambda tx: tx.all("SELECT uses FROM raws"))
    assert raws["uses"] == 2


async def test_recipients_of_one_inbox_share_its_email(app: App) -> None:
    box = await make_inbox(app)
    tagged = "BOX+shop@letterlock.localhost"
    receipts = await hand_in(app, (box, tagged), letter())
    assert [receipt.recipient for receipt in receipts] == [box, tagged]
    assert len({receipt.email_id for receipt in receipts}) == 1
    assert len(await waiting(app)) == 1


async def test_a_recipient_without_an_inbox_gets_no_receipt_and_the_others_theirs(app: App) -> None:
    box = await make_inbox(app)
    receipts = await hand_in(app, ("nobody@letterlock.localhost", box, "not an address"), letter())
    assert [receipt.recipient for receipt in receipts] == [box]
    assert await hand_in(app, ("nobody@letterlock.localhost",), letter()) == ()


async def test_an_inbox_with_a_plus_in_its_own_name_comes_before_the_one_without(app: App) -> None:
    await make_inbox(app)

    async def add(tx: object) -> bool:
        inbox = inboxes.Inbox(
            DEFAULT_TENANT,
            "ib_plus",
            "local",
            "box+own@letterlock.localhost",
            "",
            0,
            1,
            None,
            None,  # type: ignore[arg-type]
        )
        return await inboxes.add(tx, inbox, ("box+own@letterlock.localhost",))  # type: ignore[arg-type]

    assert await app.database.write(DEFAULT_TENANT, add)
    own, other = (
        await inbox_for(app, "Box+Own@letterlock.localhost"),
        await inbox_for(app, "box+else@letterlock.localhost"),
    )
    assert own is not None
    assert own.inbox_id == "ib_plus"
    assert other is not None
    assert other.address == "box@letterlock.localhost"


async def test_deleted_inboxes_take_no_mail(app: App) -> None:
    box = await make_inbox(app)
    await do(app, "delete_inbox", inbox=box)
    assert await inbox_for(app, box) is None
    assert await hand_in(app, box, letter()) == ()


async def test_the_sandbox_makes_inboxes_for_mail_from_outside_only(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, accept_any=True)) as app:
        (first,) = await hand_in(app, "new.one@any.example", letter())
        (second,) = await hand_in(app, "NEW.one+tag@any.example", letter())
        assert first.inbox_id == second.inbox_id
        assert [inbox.address for inbox in (await do(app, "list_inboxes")).inboxes] == ["new.one@any.example"]
        for transport in ("local", "import"):
            envelope = Envelope("", ("other@any.example",), datetime.now(UTC), transport)  # type: ignore[arg-type]
            assert await accept(app, envelope, letter()) == ()


async def test_the_sandbox_does_not_bring_a_deleted_inbox_back(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, accept_any=True)) as app:
        box = await make_inbox(app)
        await do(app, "delete_inbox", inbox=box)
        assert await hand_in(app, box, letter()) == ()


async def test_acceptance_is_told_to_who_files_after_it_is_durable(app: App) -> None:
    box = await make_inbox(app)
    with app.wake.watch(UNFILED) as watch:
        await hand_in(app, box, letter())
        await watch.wait(0)
        assert watch.rung
        assert len(await waiting(app)) == 1


async def test_a_store_that_refuses_leaves_nothing_behind(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = await make_inbox(app, "one"), await make_inbox(app, "two")
    adding = arrivals.add_raw

    async def fails(*arguments: object) -> object:
        await adding(*arguments)  # type: ignore[arg-type]
        raise StoreFull("no space")

    monkeypatch.setattr(arrivals, "add_raw", fails)
    with pytest.raises(StoreFull):
        await hand_in(app, (one, two), letter(Message_ID="<1@x.example>"))
    monkeypatch.undo()
    assert await waiting(app) == []
    receipts = await hand_in(app, (one, two), letter(Message_ID="<1@x.example>"))
    assert [receipt.duplicate for receipt in receipts] == [False, False]


def test_keys_of_an_address_are_itself_and_the_one_without_tag() -> None:
    assert address_keys("Box+A+B@Mail.Example") == ("box+a+b@mail.example", "box@mail.example")
    assert address_keys("box@mail.example") == ("box@mail.example",)
    assert address_keys("b.ox+a@mail.example") == (
        "b.ox+a@mail.example",
        "box+a@mail.example",
        "b.ox@mail.example",
        "box@mail.example",
    )
    assert address_keys("nonsense") == ()


@given(st.text(max_size=100))
def test_any_recipient_at_all_has_keys_or_is_no_address(recipient: str) -> None:
    keys = address_keys(recipient)
    assert all(keys)
    try:
        assert keys[:1] == (parse_address(recipient).key,)
    except InvalidRequest:
        assert keys == ()


def test_a_fingerprint_ignores_what_relays_add() -> None:
    raw = letter(Message_ID="<1@x.example>")
    assert fingerprint(b"Received: x\r\n" + raw) == fingerprint(raw) != ""
    folded = raw.replace(b"Message-ID: <", b"message-id:\r\n <")
    assert fingerprint(folded) == fingerprint(raw)
    assert fingerprint(raw.replace(b"<1@", b"<2@")) != fingerprint(raw)


@given(st.binary(max_size=300))
def test_any_bytes_have_a_fingerprint_or_none(raw: bytes) -> None:
    assert len(fingerprint(raw)) in (0, 64)


def test_a_fingerprint_of_hostile_bytes_costs_little() -> None:
    began = time.process_time()
    for raw in (
        b"message-id:" + b" " * 5_000_000,
        b"message-id:\n" * 500_000,
        b"\r\n \r\n" * 1_000_000,
        b"\r" * 5_000_000,
    ):
        fingerprint(raw)
    assert time.process_time() - began < 5


def test_hops_are_counted_in_the_header_only() -> None:
    hop = b"Received: from a by b;\r\n\tFri, 20 Nov 2026 09:30:00 +0000\r\n"
    assert hops(letter()) == 0
    assert hops(hop * 2 + b"X-Received: x\r\n" + hop.upper() + b"Subject: Received: x\r\n\r\n" + hop) == 3
    assert hops(b"\r\n" + hop) == 1
    assert hops(b"Subject: x\r\nReceived: no blank line") == 1
    # What is no header at all is not read to its end.
    assert hops(b"\r\nReceived:" * 100_000) < 100_000


@given(st.binary(max_size=300))
def test_hops_of_anything_can_be_counted(raw: bytes) -> None:
    assert 0 <= hops(raw) <= len(raw)
