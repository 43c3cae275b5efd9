from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from letterlock.app import App, open_app
from letterlock.errors import StoreBusy
from letterlock.inbound import filing
from letterlock.inbound.filing import file_forever, rescreen
from letterlock.inbound.workers import Workers, open_workers
from letterlock.inspection import Inspection, Preview
from letterlock.message.authenticate import AuthReport
from letterlock.message.envelope import Envelope
from letterlock.screen.rule import Finding
from letterlock.screen.score import Level, Screening
from letterlock.store import arrivals, emails
from letterlock.store.emails import Filed
from letterlock.wake import FILED
from running import DOMAIN, do, ended, hand_in, letter, make_inbox, receive, settings_for, until


async def subjects(app: App) -> list[str]:
    return [email.subject for email in (await do(app, "list_emails", limit=50)).emails]


async def test_what_is_accepted_becomes_visible_and_waiters_are_woken(app: App) -> None:
    box = await make_inbox(app)
    async with open_workers(app.settings) as workers, ended(asyncio.create_task(file_forever(app, workers))):
        calling = asyncio.create_task(do(app, "wait_for_otp", inbox=box, timeout_s=30))
        with app.wake.watch(FILED) as webhooks:
            await hand_in(app, box, letter("Your code", "Your verification code is 493817"))
            async with asyncio.timeout(30):
                assert (await calling).code == "493817"
            await until(lambda: asyncio.sleep(0, webhooks.hints == 1))


async def test_what_a_crash_left_between_accepting_and_filing_is_filed_at_the_next_start(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path)) as app:
        box = await make_inbox(app)
        for n in range(5):
            await hand_in(app, box, letter(f"n{n}"))
    async with open_app(settings_for(tmp_path)) as app:
        assert await subjects(app) == []
        async with open_workers(app.settings) as workers, ended(asyncio.create_task(file_forever(app, workers))):
            await until(lambda: all_filed(app, 5), 30)
        assert await subjects(app) == ["n4", "n3", "n2", "n1", "n0"]


async def all_filed(app: App, number: int) -> bool:
    return len(await subjects(app)) == number


class Reader(Workers):
    """Reads in this process what a test says about each email; no process is started."""

    def __init__(self, app: App, says: dict[bytes, Filed]) -> None:
        super().__init__(app.settings)
        self.says = says
        self.asked: list[bytes] = []

    async def read(
        self,
        envelope: Envelope,
        raw: bytes,
        *,
        auth: AuthReport | None = None,
        allowed: Sequence[str] = (),
        urgent: bool = False,
    ) -> Filed:
        self.asked.append(raw)
        if raw in self.says:
            return self.says[raw]
        return Filed.of(Inspection(screening=Screening(Level.NORMAL, 0)), Preview(subject=raw.decode()))


class Uneven(Reader):
    """The n-th email of an inbox takes so many seconds to read."""

    seconds: tuple[float, ...] = ()

    async def read(
        self,
        envelope: Envelope,
        raw: bytes,
        *,
        auth: AuthReport | None = None,
        allowed: Sequence[str] = (),
        urgent: bool = False,
    ) -> Filed:
        number = len(self.asked)
        filed = await super().read(envelope, raw)
        await asyncio.sleep(self.seconds[number % len(self.seconds)])
        return filed


async def test_emails_of_an_inbox_are_filed_in_the_order_in_which_they_came(app: App) -> None:
    box, other = await make_inbox(app), await make_inbox(app, "other")
    reader = Uneven(app, {})
    reader.seconds = (0.1, 0.0, 0.05, 0.02, 0.0)
    async with ended(asyncio.create_task(file_forever(app, reader))):
        for n in range(20):
            await hand_in(app, (box, other) if n % 3 else box, f"n{n}".encode())
        await until(lambda: all_filed(app, 33), 30)
    for each, wanted in ((box, range(20)), (other, [n for n in range(20) if n % 3])):
        found = [email.subject for email in (await do(app, "list_emails", inbox=each, limit=50)).emails]
        assert found == [f"n{n}" for n in wanted][::-1]


async def test_an_email_that_takes_long_to_read_does_not_hold_up_those_behind_it(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "_TURN_S", 0.05)
    box = await make_inbox(app)
    for n in range(10):
        await hand_in(app, box, f"n{n}".encode())
    reader = Uneven(app, {})
    reader.seconds = (3600.0, *(0.0,) * 20)
    async with ended(asyncio.create_task(file_forever(app, reader))):
        await until(lambda: all_filed(app, 9), 30)
    assert await subjects(app) == [f"n{n}" for n in range(9, 0, -1)]


async def test_a_reading_the_store_cannot_take_becomes_an_unreadable_email_and_blocks_no_other(app: App) -> None:
    box = await make_inbox(app)
    finding = Finding("a.b", "a number no database holds", 0.1, "text", 2**80, 2**81, "")
    bad = Filed.of(Inspection(screening=Screening(Level.NORMAL, 0, (finding,))), Preview())
    for n in range(5):
        await hand_in(app, box, f"bad {n}".encode())
    await hand_in(app, box, b"good")
    reader = Reader(app, {f"bad {n}".encode(): bad for n in range(5)})
    async with ended(asyncio.create_task(file_forever(app, reader))):
        await until(lambda: all_filed(app, 6))
    found = (await do(app, "list_emails")).emails
    assert sorted(email.level for email in found) == ["normal"] + ["quarantined"] * 5
    read = await do(app, "read_email", email_id=found[-1].email_id)
    assert read.findings == ["unreadable.not_storable: What was read of it cannot be stored."]


async def test_a_busy_store_only_delays_filing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filing, "_AFTER_TROUBLE_S", 0.05)
    box = await make_inbox(app)
    await hand_in(app, box, b"one")
    left = 3
    whole = emails.file

    async def busy(*arguments: object) -> bool:
        nonlocal left
        left -= 1
        if left >= 0:
            raise StoreBusy("busy")
        return await whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(emails, "file", busy)
    reader = Reader(app, {})
    async with ended(asyncio.create_task(file_forever(app, reader))):
        await until(lambda: all_filed(app, 1))
    assert await subjects(app) == ["one"]


async def test_without_processes_to_read_it_mail_stays_accepted_until_there_are(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "_AFTER_TROUBLE_S", 0.05)
    box = await make_inbox(app)
    await hand_in(app, box, b"one")

    class Short(Reader):
        failures = 3

        async def read(
            self,
            envelope: Envelope,
            raw: bytes,
            *,
            auth: AuthReport | None = None,
            allowed: Sequence[str] = (),
            urgent: bool = False,
        ) -> Filed:
            self.failures -= 1
            if self.failures >= 0:
                raise BlockingIOError(11, "Resource temporarily unavailable")
            return await super().read(envelope, raw)

    async with ended(asyncio.create_task(file_forever(app, Short(app, {})))):
        await until(lambda: all_filed(app, 1))


async def test_an_email_is_in_work_once_at_a_time(app: App) -> None:
    box = await make_inbox(app)
    going = asyncio.Event()

    class Slow(Reader):
        async def read(
            self,
            envelope: Envelope,
            raw: bytes,
            *,
            auth: AuthReport | None = None,
            allowed: Sequence[str] = (),
            urgent: bool = False,
        ) -> Filed:
            await going.wait()
            return await super().read(envelope, raw)

    reader = Slow(app, {})
    async with ended(asyncio.create_task(file_forever(app, reader))):
        for n in range(6):
            await hand_in(app, box, f"n{n}".encode())
        going.set()
        await until(lambda: all_filed(app, 6))
    assert sorted(reader.asked) == [f"n{n}".encode() for n in range(6)]


async def test_a_process_killed_over_one_email_gives_a_reason_and_the_next_email_is_filed(app: App) -> None:
    box = await make_inbox(app)
    async with open_workers(app.settings) as workers:

        async def end_each() -> None:
            while True:
                for process in tuple(workers._all):
                    with contextlib.suppress(ProcessLookupError):
                        process.send_signal(signal.SIGKILL)
                await asyncio.sleep(0.01)

        async with ended(asyncio.create_task(file_forever(app, workers))):
            async with ended(asyncio.create_task(end_each())):
                (receipt,) = await hand_in(app, box, letter("first"))
                await until(lambda: all_filed(app, 1), 30)
            await hand_in(app, box, letter("second"))
            await until(lambda: all_filed(app, 2), 30)
    assert await subjects(app) == ["second", "[withheld: quarantined]"]
    read = await do(app, "read_email", email_id=receipt.email_id)
    assert read.level == "quarantined"
    assert read.findings == ["unreadable.worker_died: Reading it stopped the process that read it."]
    assert box.endswith(DOMAIN)


async def test_mail_that_somebody_waits_for_goes_before_what_came_earlier(app: App) -> None:
    others, mine = await make_inbox(app, "others"), await make_inbox(app, "mine")
    for n in range(40):
        await hand_in(app, others, f"n{n}".encode())
    await hand_in(app, mine, b"mine")
    calling = asyncio.create_task(do(app, "wait_for_email", inbox=mine, timeout_s=20, since=0))
    while not app.wake.awaited():
        await asyncio.sleep(0.01)
    reader = Reader(app, {})
    async with ended(asyncio.create_task(file_forever(app, reader))):
        await until(lambda: all_filed(app, 41))
    assert reader.asked[0] == b"mine"
    assert reader.asked[1:] == [f"n{n}".encode() for n in range(40)]
    assert (await calling).status == "found"


async def test_in_a_flood_only_what_is_awaited_or_has_waited_long_is_read_and_after_it_everything(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "_READ_PER_S", 1)
    # A disk that takes its time over one commit ends no flood.
    monkeypatch.setattr(filing, "_FLOOD_WINDOW_S", 0.3)
    others, mine = await make_inbox(app, "others"), await make_inbox(app, "mine")
    reader = Reader(app, {})

    async def pour() -> None:
        for n in range(100_000):
            await hand_in(app, others, f"n{n}".encode())

    async with ended(asyncio.create_task(file_forever(app, reader))):
        async with ended(asyncio.create_task(pour())):
            await asyncio.sleep(0.5)
            read_before = len(reader.asked)
            await hand_in(app, mine, b"mine")
            assert (await do(app, "wait_for_email", inbox=mine, timeout_s=20, since=0)).status == "found"
            assert reader.asked[read_before:] == [b"mine"]
            (oldest,) = await app.database.read_system(lambda tx: arrivals.next_unfiled(tx, 1))
            monkeypatch.setattr(filing, "_PATIENCE_MS", 100)
            async with asyncio.timeout(20):
                while emails.expanded(oldest.kept.body) not in reader.asked:
                    await asyncio.sleep(0.01)
            monkeypatch.setattr(filing, "_PATIENCE_MS", 600_000)
        async with asyncio.timeout(60):
            while await app.database.read_system(arrivals.count_unfiled):
                await asyncio.sleep(0.05)


async def test_stored_mail_can_be_read_again_and_keeps_its_place_its_sender_and_what_was_given(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await make_inbox(app)
    first = await receive(app, box, letter("Your code", "Your verification code is 493817"))
    await receive(app, box, letter("Lunch", "Shall we meet at the harbour?"))
    assert (await do(app, "wait_for_otp", inbox=box)).code == "493817"
    before = (await do(app, "list_emails", limit=50)).emails

    class Again(Reader):
        async def read(
            self,
            envelope: Envelope,
            raw: bytes,
            *,
            auth: AuthReport | None = None,
            allowed: Sequence[str] = (),
            urgent: bool = False,
        ) -> Filed:
            assert auth is not None
            new = Inspection(
                screening=Screening(Level.SUSPECT, 0.7, (Finding("new.rule", "it is new", 0.7, "text", 0, 3, "abc"),)),
                text="abc zebra",
                authentication=auth,
            )
            return Filed.of(new, Preview(subject=f"again {raw[:40]!r}"), "zebra")

    done = [email_id async for email_id in rescreen(app, Again(app, {}))]
    assert done[0] == first
    after = (await do(app, "list_emails", limit=50)).emails
    assert [email.email_id for email in after] == [email.email_id for email in before]
    assert [email.unread for email in after] == [email.unread for email in before]
    assert {email.level for email in after} == {"suspect"}
    assert (await do(app, "read_email", email_id=first)).findings == ["new.rule: it is new"]
    assert len((await do(app, "search_emails", query="zebra")).emails) == 2
    assert (await do(app, "search_emails", query="harbour")).emails == []
    assert (await do(app, "wait_for_otp", inbox=box, timeout_s=0)).status == "pending"
