from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.actions.inboxes import _wanted_names
from letterlock.app import App, open_app
from letterlock.errors import CallerError, Conflict, InvalidRequest, NotFound
from letterlock.message.address import parse_address
from running import do, make_inbox, settings_for


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("GitHub", "github"),
        ("  My Shop & Co. ", "my-shop-co"),
        ("Zürich Straße", "zurich-strasse"),
        ("a" * 60, "a" * 40),
        ("ＡＢＣ１２", "abc12"),
        ("..--x--..", "x"),
    ],
)
async def test_a_name_becomes_a_readable_address(app: App, name: str, address: str) -> None:
    assert (await do(app, "create_inbox", name=name)).address == f"{address}@letterlock.localhost"


async def test_a_taken_name_gets_a_number(app: App) -> None:
    made = [await make_inbox(app, "shop") for _ in range(3)]
    assert [address.partition("@")[0] for address in made] == ["shop", "shop-2", "shop-3"]


async def test_the_same_name_at_the_same_moment_makes_different_inboxes(app: App) -> None:
    made = await asyncio.gather(*(make_inbox(app, "shop") for _ in range(10)))
    assert len(set(made)) == 10


async def test_a_name_taken_too_often_is_refused_with_a_way_on(app: App) -> None:
    for _ in range(49):
        await make_inbox(app, "shop")
    with pytest.raises(Conflict, match="Choose another name"):
        await make_inbox(app, "shop")


async def test_without_a_name_the_address_cannot_be_guessed(app: App) -> None:
    made = {await make_inbox(app, "") for _ in range(20)}
    assert len(made) == 20
    assert all(re.fullmatch(r"[a-z2-9]{10}@letterlock\.localhost", address) for address in made)


@pytest.mark.parametrize("name", ["postmaster", "Admin", "abuse", "root"])
async def test_names_that_speak_for_the_house_are_not_given_away(app: App, name: str) -> None:
    assert (await make_inbox(app, name)) == f"{name.lower()}-2@letterlock.localhost"


@given(st.text(max_size=100))
def test_any_name_gives_valid_addresses_or_is_refused(name: str) -> None:
    try:
        wanted = _wanted_names(name)
    except InvalidRequest as error:
        assert error.next_step
        return
    for local in wanted:
        assert str(parse_address(f"{local}@letterlock.localhost")) == f"{local}@letterlock.localhost"


async def test_an_inbox_is_named_by_its_id_or_by_its_address_in_any_case(app: App) -> None:
    made = await do(app, "create_inbox", name="box")
    for name in (made.inbox_id, made.address, "BOX@LetterLock.Localhost", f"  {made.address} "):
        assert (await do(app, "list_emails", inbox=name)).emails == []
    for name in (
        "box",
        "box@other.example",
        "ib_" + "0" * 26,
        "box@letterlock.localhost@x",
        "<box@letterlock.localhost>",
    ):
        with pytest.raises(NotFound):
            await do(app, "list_emails", inbox=name)


async def test_a_domain_of_our_own_is_used_and_may_be_named(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, domain="Mail.Example")) as app:
        assert await make_inbox(app) == "box@mail.example"
        assert (await do(app, "create_inbox", name="b", domain="MAIL.EXAMPLE.")).address == "b@mail.example"
        with pytest.raises(InvalidRequest, match=r"mail\.example"):
            await do(app, "create_inbox", name="c", domain="letterlock.localhost")


async def test_a_lifetime_says_when_it_ends(app: App) -> None:
    made = await do(app, "create_inbox", ttl_hours=1.5)
    assert abs(made.expires_at - (datetime.now(UTC) + timedelta(hours=1.5))) < timedelta(seconds=20)
    assert (await do(app, "create_inbox")).expires_at is None


async def test_deleting_says_until_when_it_can_be_undone_and_ends_every_use(app: App) -> None:
    box = await make_inbox(app)
    answer = await do(app, "delete_inbox", inbox=box)
    assert abs(answer.restorable_until - (datetime.now(UTC) + timedelta(days=7))) < timedelta(seconds=20)
    for tool, more in (
        ("list_emails", {}),
        ("search_emails", {"query": "x"}),
        ("wait_for_otp", {"timeout_s": 0}),
        ("extract_links", {}),
        ("delete_inbox", {}),
        ("send_email", {"to": ["a@b.example"], "subject": "x", "text": "x"}),
    ):
        with pytest.raises(CallerError, match="deleted or has expired"):
            await do(app, tool, inbox=box, **more)


async def test_what_a_caller_wrote_as_purpose_is_shown_on_one_safe_line(app: App) -> None:
    await do(app, "create_inbox", name="box", purpose="line one\nline\u200b two \x1b[31m")
    (shown,) = (await do(app, "list_inboxes")).inboxes
    assert "\n" not in shown.purpose
    assert "\u200b" not in shown.purpose
    assert "\x1b" not in shown.purpose
