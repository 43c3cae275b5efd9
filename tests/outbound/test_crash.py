"""Delivery by processes that are killed: nothing is lost, and a kill makes one extra copy of an email at most."""

from __future__ import annotations

import asyncio
import email
import random
import sys
from pathlib import Path

from fakes import open_relay_sink
from letterlock.app import open_app
from running import do, make_inbox, settings_for, until

KILLS, EMAILS = 2, 40

DELIVERER = """
import asyncio, sys
from pathlib import Path
from letterlock.app import open_app
from letterlock.outbound.lanes import deliver_forever
from letterlock.settings import load_settings

async def main():
    settings = load_settings(
        data=Path(sys.argv[1]), relay_host="127.0.0.1", relay_port=int(sys.argv[2]), relay_security="none"
    )
    async with open_app(settings) as app:
        print("up", flush=True)
        await deliver_forever(app)

asyncio.run(main())
"""


async def start(*arguments: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DELIVERER, *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).strip() == b"up"
    return process


async def test_processes_killed_while_they_deliver_lose_nothing(tmp_path: Path) -> None:
    async with open_relay_sink() as sink:
        settings = settings_for(tmp_path, relay_host=sink.host, relay_port=sink.port, relay_security="none")
        async with open_app(settings) as app:
            anna = await make_inbox(app, "anna")
            for n in range(EMAILS):
                await do(app, "send_email", inbox=anna, to=f"r{n}@example.com", subject="Hi", text="x")
            for _ in range(KILLS):
                process = await start(str(settings.data), str(sink.port))
                seen = len(sink.emails)
                while len(sink.emails) < min(seen + 5, EMAILS):
                    await asyncio.sleep(0.001)
                await asyncio.sleep(random.uniform(0, 0.01))
                process.kill()
                await process.wait()
            process = await start(str(settings.data), str(sink.port))

            unanswered: dict[str, int] = {}

            async def settled() -> bool:
                rows = await app.database.read_system(
                    lambda tx: tx.all("SELECT recipient, next_at, unanswered FROM deliveries")
                )
                unanswered.update({row["recipient"]: row["unanswered"] for row in rows})
                return all(row["next_at"] is None for row in rows)

            await until(settled, 30)
            process.kill()
            await process.wait()
    assert len(unanswered) == EMAILS
    for to, lost in unanswered.items():
        copies = [each.content for each in sink.emails if each.recipients == (to,)]
        assert 1 <= len(copies) <= 1 + KILLS
        assert len(copies) == 1 or lost, "what came twice is marked"
        assert len({email.message_from_bytes(copy)["Message-ID"] for copy in copies}) == 1
