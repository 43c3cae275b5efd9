from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from letterlock.actions.caller import LOCAL_CALLER, Caller
from letterlock.actions.inboxes import ChooseInbox, create_inbox
from letterlock.actions.tenancy import add_tenant, at_command_line
from letterlock.app import App, open_app
from letterlock.errors import CallerError, Conflict, InvalidRequest, LimitReached, NotFound
from running import do, file_all, hand_in, letter, make_inbox, settings_for

RANDOM = r"[a-z]+-[a-z]+-[a-z2-9]{6}@letterlock\.localhost"


async def choose(app: App, caller: Caller = LOCAL_CALLER, **arguments: Any) -> Any:
    """What REST offers beyond the tool."""
    return await create_inbox(app, caller, ChooseInbox(**arguments))


async def other_tenant(app: App) -> Caller:
    await add_tenant(app, "other")
    return await at_command_line(app, "other")


@pytest.mark.parametrize(("name", "local"), [("My Shop & Co.", "my-shop-co"), ("Müller", "mueller"), ("日本", "riben")])
async def test_a_name_becomes_a_readable_address(app: App, name: str, local: str) -> None:
    assert (await do(app, "create_inbox", name=name)).address == f"{local}@letterlock.localhost"


async def test_a_name_that_cannot_be_written_gets_a_random_address(app: App) -> None:
    assert re.fullmatch(RANDOM, await make_inbox(app, "!?"))


async def test_a_taken_name_gets_a_number(app: App) -> None:
    made = [await make_inbox(app, "shop") for _ in range(3)]
    assert [address.partition("@")[0] for address in made] == ["shop", "shop-2", "shop-3"]


async def test_the_same_name_at_the_same_moment_makes_different_inboxes(app: App) -> None:
    made = await asyncio.gather(*(make_inbox(app, "shop") for _ in range(20)))
    assert len(set(made)) == 20
    assert all(address.startswith("shop") for address in made)


async def test_what_another_tenant_has_looks_like_what_nobody_may_have(app: App) -> None:
    other = await other_tenant(app)
    for _ in range(3):
        await make_inbox(app, "shop")
    assert re.fullmatch(r"shop-[a-z2-9]{6}@letterlock\.localhost", await make_inbox(app, "shop", other))
    assert re.fullmatch(r"postmaster-[a-z2-9]{6}@letterlock\.localhost", await make_inbox(app, "Postmaster", other))
    told = set()
    for local_part in ("shop", "postmaster", "support", "shop-2"):
        with pytest.raises(Conflict) as refused:
            await choose(app, other, local_part=local_part)
        told.add(str(refused.value).replace(local_part, "..."))
    assert len(told) == 1


async def test_a_local_part_that_is_asked_for_is_given_exactly_or_not_at_all(app: App) -> None:
    assert (await choose(app, local_part="Build_Bot.1")).address == "build_bot.1@letterlock.localhost"
    with pytest.raises(Conflict, match="cannot be had"):
        await choose(app, local_part="build_bot1")
    for wrong in ("a b", "x+y", "é", "-"):
        with pytest.raises(InvalidRequest):
            await choose(app, local_part=wrong)
    with pytest.raises(InvalidRequest, match="several"):
        await choose(app, local_part="a", name="b")


async def test_what_is_preferred_is_tried_first_and_then_the_name(app: App) -> None:
    wanted: dict[str, Any] = {"preferred": ["billing-bot", "admin"], "name": "Sarah Shield", "org": "Palisade"}
    made = [(await choose(app, **wanted)).address.partition("@")[0] for _ in range(5)]
    assert made == ["billing-bot", "sarah-shield", "sarah-shield-palisade", "s-shield", "billing-bot-2"]


async def test_many_tries_for_one_inbox_count_as_one(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, inboxes_per_hour=2)) as app:
        await choose(app, local_part="taken")
        for _ in range(9):
            with pytest.raises(Conflict):
                await choose(app, local_part="taken")
        await choose(app, preferred=["admin", "root", "taken"])
        with pytest.raises(LimitReached):
            await choose(app, local_part="free")


async def test_without_a_name_the_address_is_readable_and_cannot_be_guessed(app: App) -> None:
    made = {await make_inbox(app, "") for _ in range(20)}
    assert len(made) == 20
    assert all(re.fullmatch(RANDOM, address) for address in made)


async def test_dots_and_tags_reach_the_same_inbox(app: App) -> None:
    box = await make_inbox(app, "sarah.shield")
    assert box == "sarah.shield@letterlock.localhost"
    assert (await make_inbox(app, "sarahshield")) == "sarahshield-2@letterlock.localhost"
    for written in ("Sarah.Shield", "sarahshield", "s.arah.shield+shop", "sarahshield+a.b"):
        assert len(await hand_in(app, f"{written}@letterlock.localhost", letter(subject=written))) == 1
    await file_all(app)
    assert len((await do(app, "list_emails", inbox="sarahshield@letterlock.localhost")).emails) == 4


async def test_a_tag_is_no_name_and_the_reason_says_so(app: App) -> None:
    with pytest.raises(InvalidRequest, match=r"mail to a\+anything reaches a"):
        await make_inbox(app, "a+b")
    assert (await make_inbox(app, "Tom + Anna")).startswith("tom-anna@")


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
