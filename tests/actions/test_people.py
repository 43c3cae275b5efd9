from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock.actions.people import allow_senders, drop_contact, name_contact
from letterlock.app import App, open_app
from letterlock.errors import InvalidRequest, NotFound
from letterlock.ids import DEFAULT_TENANT
from letterlock.store import arrivals, inboxes
from running import hand_in, inbox_id, letter, make_inbox, settings_for


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    async with open_app(settings_for(tmp_path)) as app:
        yield app


async def test_the_domains_an_inbox_trusts_are_kept_and_go_with_its_mail_to_be_read(app: App) -> None:
    box, other = await make_inbox(app), await make_inbox(app, "other")
    assert await allow_senders(app, box, ["Shop.example", "@bank.example"]) == ("shop.example", "bank.example")
    assert await allow_senders(app, box, ["shop.example"], ["bank.example"]) == ("shop.example",)
    await hand_in(app, (box, other), letter())
    found = await app.database.read_system(lambda tx: arrivals.next_unfiled(tx, 10))
    assert {unfiled.receipt.recipient: unfiled.allowed for unfiled in found} == {box: ("shop.example",), other: ()}
    audited = await app.database.read(
        DEFAULT_TENANT, lambda tx: tx.all("SELECT action FROM audit WHERE tenant_id = :tenant ORDER BY n")
    )
    assert [row["action"] for row in audited][-2:] == ["inbox.allowed", "inbox.allowed"]


async def test_what_is_no_domain_and_no_inbox_is_refused_and_changes_nothing(app: App) -> None:
    box = await make_inbox(app)
    for odd in ("", "shop example", "a@b.example", "shop.example\r\n", "x" * 300):
        with pytest.raises(InvalidRequest, match=r"^\".*\" is not a domain\. Write it like example\.com\.$"):
            await allow_senders(app, box, [odd])
    with pytest.raises(InvalidRequest):
        await allow_senders(app, box, [f"d{n}.example" for n in range(101)])
    with pytest.raises(NotFound):
        await allow_senders(app, "nobody", ["shop.example"])
    assert await allow_senders(app, box, []) == ()


@pytest.mark.parametrize("name", ["com", "COM", "co.uk", "@github.io", "example", "k\u00f6ln"])
async def test_a_domain_below_which_everyone_can_have_a_name_cannot_be_vouched_for(app: App, name: str) -> None:
    box = await make_inbox(app)
    with pytest.raises(InvalidRequest, match="Everyone can get a name below"):
        await allow_senders(app, box, ["shop.example", name])
    with pytest.raises(InvalidRequest, match="Everyone can get a name below"):
        await name_contact(app, f"@{name.removeprefix('@')}")
    assert await allow_senders(app, box, []) == ()


async def test_a_domain_that_is_no_longer_taken_can_still_be_removed(app: App) -> None:
    box = await make_inbox(app)
    found = await inbox_id(app, box)
    await app.database.write(DEFAULT_TENANT, lambda tx: inboxes.set_allowed(tx, found, ("com", "shop.example")))
    assert await allow_senders(app, box, [], ["com"]) == ("shop.example",)
    with pytest.raises(NotFound, match="@com is no contact"):
        await drop_contact(app, "@com")
