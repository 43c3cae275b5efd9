"""Consumers are given each email once and in order, however many file and ask at the same moment."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from letterlock.actions.caller import LOCAL_CALLER
from letterlock.actions.following import Receive, receive
from letterlock.app import App, open_app
from letterlock.ids import EmailId
from letterlock.message.envelope import Receipt
from letterlock.store import emails
from running import file_as, hand_in, letter, make_inbox, screened, settings_for

MANY = 40


async def test_no_email_is_passed_over_or_given_twice_while_others_are_filed(tmp_path: Path) -> None:
    chance = random.Random(1)
    filed: list[EmailId] = []
    given: dict[str, list[EmailId]] = {}

    async def file_some(app: App, receipts: list[Receipt]) -> None:
        for receipt in receipts:
            # What came first is often ready last.
            await asyncio.sleep(chance.choice((0, 0, 0.001, 0.004)))
            assert await file_as(app, receipt, screened(text="words"))
            filed.append(receipt.email_id)

    async def follow(app: App, consumer: str, inbox: str | None) -> None:
        mine = given.setdefault(consumer, [])
        while True:
            over = len(filed) == MANY
            asked = Receive(consumer=consumer, inbox=inbox, limit=chance.choice((1, 3, 50)))
            answer = await receive(app, LOCAL_CALLER, asked)
            mine += [EmailId(one.email_id) for one in answer.emails]
            if over and not answer.emails:
                return
            await asyncio.sleep(0)

    async with open_app(settings_for(tmp_path)) as one, open_app(settings_for(tmp_path)) as other:
        boxes = [await make_inbox(one, "first"), await make_inbox(one, "second")]
        receipts = [(await hand_in(one, boxes[n % 2], letter(f"{n}")))[0] for n in range(MANY)]
        chance.shuffle(receipts)
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            for n, app in enumerate((one, other, one, other)):
                tasks.create_task(file_some(app, receipts[n::4]))
            tasks.create_task(follow(one, "all", None))
            tasks.create_task(follow(other, "inbox", boxes[0]))
            # Two processes ask as the same consumer: each email comes to one of them.
            tasks.create_task(follow(one, "shared", None))
            tasks.create_task(follow(other, "shared", None))
        whole = await one.database.read(LOCAL_CALLER.tenant_id, lambda tx: emails.filed_after(tx, 0, MANY, MANY))
    in_order = [email.email_id for email in whole]
    assert sorted(in_order) == sorted(filed)
    assert given["all"] == in_order
    assert given["inbox"] == [email.email_id for email in whole if email.inbox_address == boxes[0]]
    assert sorted(given["shared"]) == sorted(in_order)
