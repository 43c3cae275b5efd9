"""Whatever two tenants do, in whatever order, nothing of one appears in an answer to the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from letterlock.actions.caller import AGENT_SCOPES, LOCAL_CALLER, Caller
from letterlock.actions.catalog import ACTIONS
from letterlock.app import App, open_app
from letterlock.errors import CallerError
from letterlock.ids import AgentId, InboxId, TenantId
from letterlock.message.parse import Mailbox
from letterlock.screen.score import Level
from letterlock.store.database import Transaction
from running import arrive, do, screened, settings_for

OTHER_CALLER = Caller(TenantId("other"), AgentId("their"), AGENT_SCOPES)


async def add_other_tenant(app: App) -> None:
    async def add(tx: Transaction) -> None:
        await tx.run("INSERT INTO tenants (tenant_id, name, created_at) VALUES ('other', 'other', 0)")
        await tx.run("INSERT INTO agents (tenant_id, agent_id, name, created_at) VALUES ('other', 'their', 'a', 0)")

    await app.database.write_system(add)


@dataclass(slots=True)
class Side:
    """What one tenant has: names it may pass as arguments, and words that only its own answers may hold."""

    caller: Caller
    word: str
    names: dict[str, list[Any]] = field(default_factory=dict)

    def note(self, kind: str, value: Any) -> None:
        if value and value not in self.names.setdefault(kind, []):
            self.names[kind].append(value)

    def own(self) -> Iterator[str]:
        """Everything that must never appear on the other side."""
        yield self.word
        for kind, values in self.names.items():
            if kind != "since":
                yield from map(str, values)


async def furnish(app: App, side: Side) -> None:
    """Two inboxes with plain, suspect and quarantined mail, a code, a thread and something sent."""
    for n in range(2):
        made = await do(app, "create_inbox", side.caller, name=f"{side.word}-{n}", purpose=f"{side.word} purpose")
        side.note("inbox", made.address)
        side.note("inbox", made.inbox_id)
        for level, code in ((Level.NORMAL, ""), (Level.NORMAL, "493817"), (Level.SUSPECT, ""), (Level.QUARANTINED, "")):
            text = f"{side.word} shared words {level} at https://{side.word}.example/x"
            sender = Mailbox(side.word, f"a@{side.word}.example")
            filed = screened(level, text, code=code, subject=f"{side.word} subject", from_=sender)
            email_id = await arrive(app, made.address, filed)
            side.note("email_id", email_id)
        read = await do(app, "read_email", side.caller, email_id=side.names["email_id"][0])
        side.note("thread_id", read.thread_id)
    page = await do(app, "list_emails", side.caller, limit=1)
    side.note("cursor", page.next_cursor)
    sent = await do(
        app,
        "send_email",
        side.caller,
        inbox=side.names["inbox"][0],
        to=[f"x@{side.word}.example"],
        subject=side.word,
        text="t",
    )
    side.note("submission_id", sent.submission_id)
    side.note("thread_id", sent.thread_id)


PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "query": st.sampled_from(["shared", "words", "alpha", "omega", "493817", "subject", "purpose"]),
    "limit": st.integers(1, 50),
    "since": st.integers(0, 5),
    "unread": st.booleans(),
    "offset": st.just(0),
    "index": st.integers(0, 1),
    "from_": st.sampled_from(["", "alpha.example", "omega.example", "a@alpha.example", "alpha"]),
    "subject": st.sampled_from(["", "subject", "alpha"]),
    "text": st.just("an answer"),
    "name": st.sampled_from(["", "new"]),
    "include_used": st.booleans(),
    "reply_all": st.booleans(),
    "idempotency_key": st.sampled_from(["", "k"]),
}
FROM_EITHER_SIDE = ("inbox", "email_id", "thread_id", "cursor", "submission_id")


@st.composite
def calls(draw: st.DrawFn) -> tuple[bool, str, dict[str, tuple[bool, int] | Any]]:
    """(whose call, the tool, arguments; those named in FROM_EITHER_SIDE as (whose, which one))."""
    action = draw(st.sampled_from(ACTIONS))
    arguments: dict[str, Any] = {}
    for name, about in action.request.model_fields.items():
        if name == "timeout_s":
            arguments[name] = 0
        elif name == "to":
            arguments[name] = ["someone@outside.example"]
        elif name in FROM_EITHER_SIDE and (about.is_required() or draw(st.booleans())):
            arguments[name] = (draw(st.booleans()), draw(st.integers(0, 7)))
        elif name == "since" and action.toolset == "reading":
            continue
        elif name in PLAIN and (about.is_required() or draw(st.booleans())):
            arguments[name] = draw(PLAIN[name])
    return draw(st.booleans()), action.name, arguments


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(calls(), min_size=5, max_size=40))
def test_nothing_of_a_tenant_appears_in_an_answer_to_another(
    tmp_path_factory: pytest.TempPathFactory, sequence: list[tuple[bool, str, dict[str, Any]]]
) -> None:
    asyncio.run(live(tmp_path_factory.mktemp("tenants"), sequence))


async def live(folder: Path, sequence: list[tuple[bool, str, dict[str, Any]]]) -> None:
    async with open_app(settings_for(folder)) as app:
        await add_other_tenant(app)
        sides = {True: Side(LOCAL_CALLER, "alpha"), False: Side(OTHER_CALLER, "omega")}
        for side in sides.values():
            await furnish(app, side)
        for whose, tool, drawn in sequence:
            me, them = sides[whose], sides[not whose]
            arguments = {}
            for name, value in drawn.items():
                if name in FROM_EITHER_SIDE:
                    known = sides[value[0]].names[name]
                    arguments[name] = known[value[1] % len(known)]
                else:
                    arguments[name] = value
            try:
                result = await do(app, tool, me.caller, **arguments)
            except CallerError as error:
                answer = str(error)
                assert "failed inside" not in answer, (tool, arguments)
            else:
                answer = result.model_dump_json()
                learn(me, json.loads(answer))
            # What the caller itself passed may come back, as in "Inbox '...' not found".
            for value in arguments.values():
                answer = answer.replace(str(value), "")
            for secret in them.own():
                assert secret not in answer, f"{tool}({arguments}) shows {secret}: {answer}"


def learn(side: Side, answer: Any) -> None:
    """Ids in an answer become arguments of later calls."""
    if isinstance(answer, list):
        for item in answer:
            learn(side, item)
    if isinstance(answer, dict):
        for name, value in answer.items():
            kind = {"inbox_id": "inbox", "next_cursor": "cursor"}.get(name, name)
            if kind in FROM_EITHER_SIDE and isinstance(value, str):
                side.note(kind, value)
            learn(side, value)


async def test_a_key_for_one_inbox_sees_that_inbox_only(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path)) as app:
        one = await do(app, "create_inbox", name="one")
        two = await do(app, "create_inbox", name="two")
        mine = await arrive(app, one.address, screened(text="mine words", subject="mine"))
        foreign = await arrive(app, two.address, screened(text="foreign words", subject="foreign"))
        caller = Caller(LOCAL_CALLER.tenant_id, LOCAL_CALLER.agent_id, AGENT_SCOPES, InboxId(one.inbox_id))
        assert [i.address for i in (await do(app, "list_inboxes", caller)).inboxes] == [one.address]
        assert [e.email_id for e in (await do(app, "list_emails", caller)).emails] == [mine]
        assert [e.email_id for e in (await do(app, "search_emails", caller, query="words")).emails] == [mine]
        thread = (await do(app, "read_email", email_id=foreign)).thread_id
        for tool, arguments in (
            ("read_email", {"email_id": foreign}),
            ("get_thread", {"thread_id": thread}),
            ("extract_links", {"email_id": foreign}),
            ("list_emails", {"inbox": two.address}),
            ("wait_for_otp", {"inbox": two.inbox_id, "timeout_s": 0}),
            ("delete_inbox", {"inbox": two.address}),
            ("create_inbox", {"name": "three"}),
            ("send_email", {"inbox": two.address, "to": ["a@b.example"], "subject": "x", "text": "x"}),
        ):
            with pytest.raises(CallerError):
                await do(app, tool, caller, **arguments)


async def test_a_key_for_one_inbox_finds_it_behind_a_hundred_others(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, inboxes_per_hour=200)) as app:
        for n in range(101):
            await do(app, "create_inbox", name=f"n{n}")
        last = await do(app, "create_inbox", name="last")
        caller = Caller(LOCAL_CALLER.tenant_id, LOCAL_CALLER.agent_id, AGENT_SCOPES, InboxId(last.inbox_id))
        answer = await do(app, "list_inboxes", caller)
        assert [inbox.address for inbox in answer.inboxes] == [last.address]
        everything = await do(app, "list_inboxes")
        assert len(everything.inboxes) == 100
        assert "Only the first 100 are shown" in everything.warning


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
async def test_every_action_asks_for_its_scope(tmp_path: Path, action: Any) -> None:
    async with open_app(settings_for(tmp_path)) as app:
        caller = Caller(LOCAL_CALLER.tenant_id, LOCAL_CALLER.agent_id, AGENT_SCOPES - {action.scope})
        with pytest.raises(CallerError, match=f"lacks the scope '{action.scope}'"):
            await do(app, action.name, caller)
