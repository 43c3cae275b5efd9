"""Who gets an email: what the relay is told is what the audit log says, over long random runs, and Bcc is in neither
header."""

from __future__ import annotations

import asyncio
import contextlib
import email
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from fakes import Clock, open_relay_sink
from letterlock.app import App, open_app
from letterlock.errors import LetterlockError
from letterlock.ids import DEFAULT_TENANT, SubmissionId
from letterlock.outbound.deliver import claim, deliver
from letterlock.outbound.submit import status
from letterlock.store import audit
from running import do, make_inbox, settings_for

PEOPLE = [f"p{n}@far.example" for n in range(12)]
ANSWERS = ["250 OK", "250 OK", "250 OK", "450 4.2.0 greylisted", "550 5.1.1 nobody"]


async def details(app: App, action: str) -> list[tuple[str, list[str]]]:
    """(submission, recipients) of each row of the audit log for `action`."""
    rows = await app.database.read_system(
        lambda tx: tx.all("SELECT subject, detail FROM audit WHERE action = :action ORDER BY n", action=action)
    )
    return [(row["subject"], sorted(json.loads(row["detail"])["recipients"])) for row in rows]


@pytest.mark.parametrize("seed", range(2))
async def test_the_relay_is_told_exactly_the_recipients_of_the_audit_log(tmp_path: Path, seed: int) -> None:
    rng, clock = random.Random(seed), Clock()
    async with open_relay_sink() as sink:
        settings = settings_for(tmp_path, relay_host=sink.host, relay_port=sink.port, relay_security="none")
        async with open_app(settings, clock) as app:
            box, near = await make_inbox(app, "anna"), await make_inbox(app, "near")
            sent: dict[str, str] = {}
            hidden: dict[str, set[str]] = {}
            for n in range(40):
                chosen = rng.sample([*PEOPLE, near], rng.randint(1, 6))
                cut = rng.randint(1, len(chosen))
                to, bcc = chosen[:cut], chosen[cut:]
                sink.rcpt = {person: rng.choice(ANSWERS) for person in PEOPLE}
                sink.drop_after_dot = rng.random() < 0.15
                with contextlib.suppress(LetterlockError):
                    answer = await do(app, "send_email", inbox=box, to=to, bcc=bcc, subject=f"No {n}", text=f"Text {n}")
                    found = await status(app, DEFAULT_TENANT, SubmissionId(answer.submission_id))
                    hidden[found.message_id] = set(bcc)
                    sent |= {one.token: found.submission_id for one in found.deliveries}
                    if rng.random() < 0.1:
                        await do(app, "cancel_email", submission_id=answer.submission_id)
                for lease in await claim(app, f"w{n}", "relay", rng.randint(0, 4)):
                    await deliver(app, lease)
                clock.advance(rng.choice([1, 60, 3600]))
            sink.rcpt, sink.drop_after_dot = {}, 0
            for _ in range(20):
                clock.advance(5 * 3600)
                for lease in await claim(app, "last", "relay", 50):
                    await deliver(app, lease)

            told = {(sent[mail.partition("+")[2].partition("@")[0]], to) for mail, to in sink.journal}
            tried = {(one, to) for one, people in await details(app, "email.tried") for to in people if to != near}
            assert told == tried
            assert told
            taken = Counter(
                (sent[one.sender.partition("+")[2].partition("@")[0]], tuple(sorted(one.recipients)))
                for one in sink.emails
            )
            handed_over = Counter((one, tuple(people)) for one, people in await details(app, "email.handed_over"))
            assert taken == handed_over
            for one in sink.emails:
                message = email.message_from_bytes(one.content)
                assert message["Bcc"] is None
                assert not [person for person in hidden[message["Message-ID"]] if person.encode() in one.content]
            verified = await app.database.read(DEFAULT_TENANT, audit.verify)
            assert verified.broken_at is None


async def test_sixteen_callers_with_one_key_send_one_email(tmp_path: Path) -> None:
    async with open_relay_sink() as sink:
        settings = settings_for(tmp_path, relay_host=sink.host, relay_port=sink.port, relay_security="none")
        async with open_app(settings) as app, open_app(settings) as other:
            box = await make_inbox(app, "anna")
            answers = await asyncio.gather(
                *(
                    do(
                        app if n % 2 else other, "send_email", inbox=box, to=[PEOPLE[0]], subject="Once", text="One",
                        idempotency_key="k1",
                    )
                    for n in range(16)
                )
            )  # fmt: skip
            assert len({answer.submission_id for answer in answers}) == 1
            for lease in await claim(app, "w", "relay", 16):
                await deliver(app, lease)
        assert len(sink.emails) == 1
