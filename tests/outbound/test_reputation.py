"""Reputation, complaints and warm-up, through the real ways in and out."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakes import Clock, RelaySink, open_relay_sink
from letterlock.actions import people
from letterlock.app import App, open_app
from letterlock.errors import Conflict, NotAllowed
from letterlock.ids import DEFAULT_TENANT, SubmissionId
from letterlock.message.report import Report, Reported
from letterlock.message.reporter import Reporter
from letterlock.outbound.submit import status
from letterlock.store import learning
from letterlock.store.outbox import Submission
from running import do, letter, make_inbox, receive, relay_now, settings_for


@contextlib.asynccontextmanager
async def relayed(folder: Path, clock: Clock, **more: Any) -> AsyncIterator[tuple[App, RelaySink]]:
    async with open_relay_sink() as sink:
        settings = settings_for(folder, relay_host=sink.host, relay_port=sink.port, relay_security="none", **more)
        async with open_app(settings, clock) as app:
            yield app, sink


async def send(app: App, box: str, to: str, text: str = "Hello") -> SubmissionId:
    return SubmissionId((await do(app, "send_email", inbox=box, to=[to], subject="Hi", text=text)).submission_id)


async def look(app: App, submission_id: SubmissionId) -> Submission:
    return await status(app, DEFAULT_TENANT, submission_id)


async def filed(app: App, recipient: str, raw: bytes, sender: str = "") -> None:
    await receive(app, recipient, raw, sender=sender, at=app.clock())


def complaint(to: str, reader: str) -> bytes:
    return (
        (
            f"From: feedback@far.example\nTo: {to}\nSubject: Abuse report\nMIME-Version: 1.0\n"
            'Content-Type: multipart/report; report-type=feedback-report; boundary="B"\n\n--B\n\nA complaint.\n'
            "--B\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n"
            f"Original-Rcpt-To: {reader}\n--B--\n"
        )
        .replace("\n", "\r\n")
        .encode()
    )


async def test_what_became_of_mail_is_counted_by_inbox_and_domain_over_each_window(tmp_path: Path) -> None:
    clock = Clock()
    async with relayed(tmp_path, clock) as (app, sink):
        box, other = await make_inbox(app, "anna"), await make_inbox(app, "other")
        await send(app, box, "old@far.example")
        await relay_now(app)
        clock.advance(3 * 86_400)
        sink.rcpt = {"gone@far.example": "550 5.1.1 no such user"}
        ids = [await send(app, box, f"{name}@far.example") for name in ("ben", "gone", "kim")]
        await send(app, other, "lee@far.example")
        await relay_now(app)
        ben, _, kim = [await look(app, one) for one in ids]
        answer = letter("Re: Hi", "Thanks", sender="ben@far.example", In_Reply_To=ben.message_id)
        await filed(app, box, answer, sender="ben@far.example")
        robot = {"sender": "kim@far.example", "In_Reply_To": kim.message_id}
        await filed(app, box, letter("Re: Hi", "Away", Auto_Submitted="auto-replied", **robot), "kim@far.example")
        await filed(app, box, letter("Re: Hi", "I am not there", **robot))
        await filed(app, f"bounces+{kim.deliveries[0].token}@{app.settings.domain}", complaint(box, "kim@far.example"))
        found = {(one.of, one.days): one for one in await people.reputations(app)}
        day, week = found[box, 1], found[box, 7]
        assert (day.sent, day.bounced, day.bounced_softly, day.complained, day.replied) == (3, 1, 0, 1, 1)
        assert week.sent == 4
        assert found[other, 1].sent == 1
        assert found[f"@{app.settings.domain}", 30].sent == 5


async def test_an_agent_of_whom_three_readers_complain_is_stopped_until_a_person_lets_it_go_on(tmp_path: Path) -> None:
    async with relayed(tmp_path, Clock()) as (app, sink):
        box, other = await make_inbox(app, "anna"), await make_inbox(app, "other")
        sent = [await look(app, await send(app, box, f"p{n}@far.example")) for n in range(4)]
        await relay_now(app)
        for n in range(2):
            path = f"bounces+{sent[n].deliveries[0].token}@{app.settings.domain}"
            await filed(app, path, complaint(box, f"p{n}@far.example"))
            await filed(app, path, complaint(box, f"p{n}@far.example").replace(b"A complaint", b"The same again"))
        waiting = await send(app, box, "later@far.example")
        path = f"bounces+{sent[2].deliveries[0].token}@{app.settings.domain}"
        await filed(app, path, complaint(box, "p2@far.example"))
        with pytest.raises(NotAllowed, match="3 of 4 readers complained"):
            await send(app, other, "new@far.example")
        await relay_now(app)
        assert (await look(app, waiting)).held_by == "suspended"
        assert len(sink.emails) == 4
        await people.resume_inbox(app, box)
        await relay_now(app)
        assert (await look(app, waiting)).state == "sent"
        assert (await look(app, await send(app, other, "new@far.example"))).state == "queued"
        path = f"bounces+{sent[3].deliveries[0].token}@{app.settings.domain}"
        await filed(app, path, complaint(box, "p3@far.example"))
        assert (await look(app, await send(app, other, "newer@far.example"))).state == "queued", "one more is not three"


async def test_a_new_domain_that_warms_up_puts_off_what_is_more_than_its_day_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letterlock.store.reputation.CAPS", (2, 4, 8))
    clock = Clock()
    async with relayed(tmp_path, clock, warm_up=True) as (app, sink):
        box = await make_inbox(app, "anna")
        ids = [await send(app, box, f"p{n}@far.example") for n in range(7)]
        counts = []
        for _ in range(30):
            await relay_now(app)
            counts.append(len(sink.emails))
            clock.advance(6 * 3600)
        assert [counts[at] for at in (0, 1, 5, 9)] == [2, 2, 6, 7], "from noon on, in steps of six hours"
        states = {(await look(app, one)).state for one in ids}
        assert states == {"sent"}
        row = await app.database.read_system(
            lambda tx: tx.one("SELECT COUNT(*) AS n FROM audit WHERE action = 'email.tried'")
        )
        assert row is not None
        assert row["n"] == 7, "what is put off is not tried"


async def test_complaints_of_one_email_in_the_name_of_all_its_readers_stop_nobody(tmp_path: Path) -> None:
    async with relayed(tmp_path, Clock()) as (app, _):
        box = await make_inbox(app, "anna")
        to = [f"p{n}@far.example" for n in range(4)]
        sent = await do(app, "send_email", inbox=box, to=to, subject="Hi", text="Hello")
        await relay_now(app)
        told = Report("complaint", "", tuple(Reported(each, "none") for each in to))
        await report(app, SubmissionId(sent.submission_id), told)
        assert (await look(app, await send(app, box, "new@far.example"))).state == "queued"


async def test_an_inbox_is_judged_when_it_has_sent_enough_to_be_judged(tmp_path: Path) -> None:
    async with relayed(tmp_path, Clock()) as (app, _):
        box = await make_inbox(app, "anna")
        ids = [await send(app, box, f"p{n}@far.example", f"text {n}") for n in range(19)]
        await relay_now(app)
        for n, id_ in enumerate(ids[:5]):
            await report(app, id_, Report("bounce", "", (Reported(f"p{n}@far.example", "hard", "5.1.1"),)))
        await send(app, box, "p19@far.example")
        await relay_now(app)
        with pytest.raises(NotAllowed, match="5 of 20 recipients bounced"):
            await send(app, box, "p20@far.example")
        await people.resume_inbox(app, box)
        with pytest.raises(Conflict, match="is not stopped"):
            await people.resume_inbox(app, box)
        # What comes back of mail of before is not held against it, nor what was undone against the recipient.
        await people.unsuppress(app, "p0@far.example")
        for n in (0, 5, 6):
            await report(app, ids[n], Report("bounce", "", (Reported(f"p{n}@far.example", "hard", "5.1.1"),)))
        assert {one.address_key for one in await people.suppressions(app)} >= {"p5@far.example", "p6@far.example"}
        assert (await look(app, await send(app, box, "p0@far.example"))).state == "queued"
        await send(app, box, "p21@far.example")
        await relay_now(app)
        assert (await look(app, await send(app, box, "p22@far.example"))).state == "queued"


async def report(app: App, submission_id: SubmissionId, told: Report) -> None:
    about = await look(app, submission_id)
    by = Reporter(ours=True)
    await app.database.write(
        DEFAULT_TENANT, lambda tx: learning.record_report(tx, about, told, about.sender, app.now_ms(), by)
    )
