"""`letterlock doctor --loop`: an email goes out and comes in again; the step that fails is named."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from commands import letterlock
from fakes import RelaySink, open_relay_sink
from imap_server import PASSWORD, USER, open_imap_server
from letterlock.actions import loop
from letterlock.actions.caller import COMMAND_LINE
from letterlock.actions.doctor import Finding
from letterlock.actions.mailboxes import Connect, connect_mailbox
from letterlock.app import App, open_app
from letterlock.ids import DEFAULT_TENANT
from letterlock.inbound.mailbox import fetch_forever
from letterlock.store import inboxes, postmaster
from letterlock.store.postmaster import Report
from running import ended, filing, free_port, hand_in, settings_for


async def steps(app: App, *, approved: bool = True, seconds: float = 20.0) -> list[Finding]:
    async def approve(question: loop.Question) -> bool:
        return approved

    return [finding async for finding in loop.around(app, approve, seconds=seconds)]


async def pass_on(app: App, sink: RelaySink) -> None:
    """What a relay does with mail for a domain whose MX record leads back here."""
    passed = len(sink.emails)
    while True:
        for email in sink.emails[passed:]:
            passed += 1
            await hand_in(app, email.recipients, email.content, sender=email.sender)
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def receiving(app: App) -> AsyncIterator[None]:
    """What the postmaster does, without processes that read mail: these take long to start."""
    report = Report(1, "smtp", "", app.now_ms() + 60_000)
    await app.database.write_system(lambda tx: postmaster.put(tx, report))
    async with filing(app), ended(asyncio.create_task(fetch_forever(app))):
        yield


async def test_an_email_goes_out_by_the_relay_and_comes_in_again_and_a_broken_step_is_named(
    tmp_path: Path, sink: RelaySink
) -> None:
    chosen = settings_for(
        tmp_path, domain="agents.example", relay_host=sink.host, relay_port=sink.port,
        relay_security="none", first_emails=5,
    )  # fmt: skip
    async with open_app(chosen) as app, receiving(app):
        swallowed = await steps(app, seconds=0.5)
        assert [one.well for one in swallowed][-2:] == [True, False]
        assert (swallowed[-1].what, "MX record of agents.example" in swallowed[-1].advice) == (
            "arrived: nothing came",
            True,
        )
        asked = len(sink.asked)
        said = await steps(app, approved=False)
        assert "did not approve" in said[-1].what
        assert len(sink.asked) == asked
        sink.data = "554 5.7.1 not from you"
        refused = await steps(app)
        assert (refused[-1].well, "554 5.7.1 not from you" in refused[-1].what) == (False, True)
        sink.data = ""
        async with ended(asyncio.create_task(pass_on(app, sink))):
            whole = await steps(app)
        assert all(one.well for one in whole), whole
        assert [one.what.partition(":")[0].split()[0] for one in whole] == [
            "inboxes", "submitted", "arrived", "filed", "code", "relay", "arrived", "filed", "code",
        ]  # fmt: skip
        left = await app.database.read(DEFAULT_TENANT, lambda tx: inboxes.listed(tx, app.now_ms(), 10))
        assert left == [], "it cleans up after itself"


async def test_an_email_goes_out_by_a_mailbox_and_comes_in_again_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        open_imap_server(tmp_path) as server,
        open_relay_sink(starttls=server.context, login=(USER, PASSWORD)) as sink,
        open_app(settings_for(tmp_path)) as app,
        receiving(app),
    ):
        request = Connect(
            address=USER, host="127.0.0.1", port=server.port, pin=True, password=SecretStr(PASSWORD),
            smtp_host=sink.host, smtp_port=sink.port, smtp_security="starttls",
        )  # fmt: skip
        await connect_mailbox(app, COMMAND_LINE, request)

        async def provider() -> None:
            while not sink.emails:
                await asyncio.sleep(0.02)
            await server.put(sink.emails[0].content)

        passing = asyncio.create_task(provider())
        whole = await steps(app)
        await passing
        assert all(one.well for one in whole), whole
        assert [one.what for one in whole[-2:]] == ["code: read, as it was sent", f"from: {USER}, as it was sent"]
        assert f"relay: {sink.host}:{sink.port} took it" in whole[-5].what
        (email,) = sink.emails
        assert (email.sender, email.recipients[0].startswith("you+")) == (USER, True)
        await connect_mailbox(app, COMMAND_LINE, request.model_copy(update={"write_as": "inbox"}))
        sink.emails.clear()

        async def rewriting() -> None:
            while not sink.emails:
                await asyncio.sleep(0.02)
            await server.put(re.sub(rb"(?m)^From: .*\r$", f"From: {USER}\r".encode(), sink.emails[0].content))

        passing = asyncio.create_task(rewriting())
        changed = await steps(app)
        await passing
        assert (changed[-1].well, f"was changed to {USER}" in changed[-1].what) == (False, True)
        lost = await steps(app, seconds=0.2)
        assert (lost[-1].what, "MX" in lost[-1].advice) == ("arrived: nothing came", False)
        assert f"in {USER}: in another folder" in lost[-1].advice and "no plus-addresses" in lost[-1].advice
        sink.emails.clear()

        async def another_code() -> None:
            while not sink.emails:
                await asyncio.sleep(0.02)
            await server.put(re.sub(rb"code is \d{6}", b"code is 314159", sink.emails[0].content))

        passing = asyncio.create_task(another_code())
        other_code = await steps(app)
        await passing
        assert (other_code[-1].well, "changed on the way" in other_code[-1].what) == (False, True)
        for answer, advice in (
            ("554 5.7.1 spam", "let us in and refuses this email"),
            ("550 not allowed to send as this sender", f"`letterlock connect {USER} --write-as mailbox`"),
            ("451 4.7.1 greylisted", "later"),
        ):
            sink.data = answer
            refused = (await steps(app))[-1]
            assert (refused.well, answer in refused.what, advice in refused.advice) == (False, True, True), refused
        sink.data, sink.hang_after_dot = "", True
        monkeypatch.setattr(loop, "HAND_OVER_S", 0.2)
        silent = (await steps(app))[-1]
        assert (silent.well, "relay: " in silent.what, f"`letterlock connect {USER}`" in silent.advice) == (
            False, True, True,
        )  # fmt: skip


async def test_nothing_is_sent_where_nobody_receives(app: App) -> None:
    (said,) = await steps(app)
    assert (said.well, said.what.startswith("reception: No Letterlock process listens")) == (False, True)


async def test_a_person_without_a_relay_sees_the_loop_within_and_what_is_not_tried(tmp_path: Path) -> None:
    environment = {"LETTERLOCK_SMTP_PORT": str(free_port()), "LETTERLOCK_FILING_WORKERS": "1"}
    done = await asyncio.to_thread(letterlock, tmp_path, "doctor", "--loop", **environment)
    assert done.returncode == 0, done.stderr
    assert "code: read, as it was sent" in done.stdout
    assert "outside: not tried, there is no server that mail leaves by" in done.stdout
