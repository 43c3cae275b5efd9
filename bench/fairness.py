"""What a flood of one tenant costs another: the same small work of a quiet tenant, with thousands of another's waiting.

    python bench/fairness.py [reading sending webhooks refusals] [-n 60] [--flood 3000]

reading: end of DATA to the answer of POST /v1/inboxes/{inbox}/otp, while so many emails of the other tenant wait to be
read. sending: POST /v1/emails to the relay's 250, while so many of its emails wait for the same relay. webhooks: end of
DATA to the event at the endpoint, while its ten endpoints have that many events each to come (of new inboxes: what
waiting to be read costs is `reading`). refusals: a write to the store, while 16 callers of a tenant over its limit are
refused theirs, again and again. The flood is in the store before `letterlock serve` starts; `left` is what still waited
of it when the last figure was taken (0: it ended too early to count), of refusals how many there were.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvloop

from harness import Running, percentile, say, say_where, serve, temporary_folder
from letterlock.actions import tenancy
from letterlock.actions.caller import COMMAND_LINE, Caller
from letterlock.actions.catalog import BY_NAME, perform
from letterlock.actions.webhooks import AddWebhook, add_webhook
from letterlock.app import DATABASE_FILE, App, open_app
from letterlock.errors import LimitReached
from letterlock.ids import DEFAULT_TENANT
from letterlock.inbound.accept import accept
from letterlock.message.envelope import Envelope
from letterlock.settings import load_settings
from letterlock.store import limits
from letterlock.store.database import Transaction
from mails import Mails, dot_stuffed
from sending import fill, make_box, settings_text, sink, taken
from smtp_load import connect, send_one

TARGET = 2.0
PARTS = ("reading", "sending", "webhooks", "refusals")
_WARM = 5
_REFUSED_CALLERS = 16
_PATIENCE_S = 60.0
_LEFT = {
    "reading": "SELECT COUNT(*) FROM emails WHERE tenant_id = 'default' AND state = 'received'",
    "sending": "SELECT COUNT(*) FROM deliveries WHERE tenant_id = 'default' AND state = 'queued'",
    "webhooks": "SELECT SUM((SELECT MAX(n) FROM audit a WHERE a.tenant_id = w.tenant_id) - w.noted) FROM webhooks w"
    " WHERE w.tenant_id = 'default'",
}


@dataclass(frozen=True, slots=True)
class Quiet:
    """The tenant that is measured: its inbox and its key."""

    inbox: str
    key: str


class Endpoint:
    """An HTTP endpoint that takes every event; when those of the quiet tenant came."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[float] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        if head.startswith(b"POST /quiet"):
            self.came.put_nowait(time.perf_counter())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


async def prepare(data: Path, part: str, flood: int, port: int) -> Quiet:
    """A folder with both tenants and, of the noisy one (the default tenant), what waits."""
    async with open_app(load_settings(data=data, inboxes_per_hour=10**9)) as app:
        await tenancy.add_tenant(app, "quiet")
        admin = await tenancy.at_command_line(app, "quiet")
        await tenancy.add_agent(app, "bot", caller=admin)
        key = await tenancy.make_key(app, "bot", caller=admin)
        made: Any = await perform(app, admin, BY_NAME["create_inbox"], {"name": "quiet"})
        noisy = await make_box(app)
        if part == "webhooks":
            await _add_hook(app, admin, f"http://127.0.0.1:{port}/quiet", "email.filed")
            for n in range(10 if flood else 0):
                await _add_hook(app, COMMAND_LINE, f"http://127.0.0.1:{port}/noisy/{n}", "inbox.created")
            await asyncio.gather(*(perform(app, COMMAND_LINE, BY_NAME["create_inbox"], {}) for _ in range(flood)))
        elif part == "sending":
            for start in range(0, flood, 200):
                await fill(app, noisy, min(200, flood - start), start)
        else:
            supply = Mails("mixed", noisy, seed=1)
            for _ in range(flood):
                await accept(app, Envelope("a@shop.example", (noisy,), app.clock(), "smtp"), supply.next().raw)
    return Quiet(made.address, key.text)


async def _add_hook(app: App, caller: Caller, url: str, event: str) -> None:
    await add_webhook(app, caller, AddWebhook(url=url, events=[event]))


async def read(running: Running, quiet: Quiet, times: int) -> list[float]:
    supply = Mails("otp", quiet.inbox, seed=time.time_ns())
    smtp = await connect(running.smtp_port)
    took = []
    async with _client(running, quiet) as http:
        for _ in range(times):
            waiting = asyncio.create_task(http.post(f"/inboxes/{quiet.inbox}/otp", json={"timeout_s": 60}))
            await asyncio.sleep(random.uniform(0.04, 0.08))
            mail = supply.next()
            ended, _, _ = await send_one(smtp, quiet.inbox, dot_stuffed(mail.raw))
            answer = (await waiting).raise_for_status().json()
            took.append(time.perf_counter() - ended)
            if answer.get("code") != mail.code:
                raise RuntimeError(f"not the code: {answer}")
    smtp.close()
    return took


async def send(running: Running, quiet: Quiet, times: int, journal: Path) -> list[float]:
    took = []
    async with _client(running, quiet) as http:
        for n in range(times):
            to, began = f"quiet{n}@far.example", time.time()
            answer = await http.post(
                "/emails",
                json={"inbox": quiet.inbox, "to": [to], "subject": f"Report {n}", "text": f"All is well: {n}."},
            )
            answer.raise_for_status()
            while not (found := [one["at"] for one in taken(journal) if one["to"] == [to]]):
                if time.time() - began > _PATIENCE_S:
                    raise RuntimeError(f"{to} did not reach the relay: {answer.text}")
                await asyncio.sleep(0.005)
            took.append(found[0] - began)
            await asyncio.sleep(random.uniform(0.02, 0.08))
    return took


async def notify(running: Running, quiet: Quiet, times: int, endpoint: Endpoint) -> list[float]:
    supply = Mails("plain", quiet.inbox, seed=time.time_ns())
    smtp = await connect(running.smtp_port)
    took = []
    for _ in range(times):
        ended, _, _ = await send_one(smtp, quiet.inbox, dot_stuffed(supply.next().raw))
        took.append(await asyncio.wait_for(endpoint.came.get(), _PATIENCE_S) - ended)
        await asyncio.sleep(random.uniform(0.0, 0.3))
    smtp.close()
    return took


def _client(running: Running, quiet: Quiet) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {quiet.key}"}
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{running.http_port}/v1", headers=headers, timeout=90)


def left(data: Path, part: str) -> int:
    with closing(sqlite3.connect(data / DATABASE_FILE)) as store:
        return int(store.execute(_LEFT[part]).fetchone()[0] or 0)


async def refusals(times: int, flood: int) -> tuple[list[float], int]:
    ends = False
    refused = 0

    async def refuse(tx: Transaction) -> None:
        await limits.of_tenant(tx, "waits_per_hour")
        raise LimitReached("No.", next_step="", retry_after_s=1)

    with temporary_folder("fairness") as folder:
        async with open_app(load_settings(data=folder / "data")) as app:
            await tenancy.add_tenant(app, "quiet")
            quiet = (await tenancy.at_command_line(app, "quiet")).tenant_id

            async def noisy() -> None:
                nonlocal refused
                while not ends:
                    with suppress(LimitReached):
                        await app.database.write(DEFAULT_TENANT, refuse)
                    refused += 1

            callers = [asyncio.create_task(noisy()) for _ in range(_REFUSED_CALLERS if flood else 0)]
            took = []
            for _ in range(times + _WARM):
                began = time.perf_counter()
                await app.database.write(quiet, lambda tx: limits.take(tx, "waits_per_hour", 10**6, app.now_ms()))
                took.append(time.perf_counter() - began)
                await asyncio.sleep(random.uniform(0.0, 0.01))
            ends = True
            await asyncio.gather(*callers)
    return took[_WARM:], refused


async def measure(part: str, times: int, flood: int) -> tuple[list[float], int]:
    if part == "refusals":
        return await refusals(times, flood)
    endpoint = Endpoint()
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    with temporary_folder("fairness") as folder, sink("aiosmtpd", folder / "taken.jsonl") as relay:
        data = folder / "data"
        data.mkdir()
        limits = {f"{who}_per_{span}": 10**6 for who in ("tenant", "agent", "inbox") for span in ("hour", "day")}
        (data / "letterlock.toml").write_text(settings_text(relay, webhook_private=True, **limits))
        quiet = await prepare(data, part, flood, server.sockets[0].getsockname()[1])
        with serve(data) as running:
            if part == "reading":
                took = await read(running, quiet, times + _WARM)
            elif part == "sending":
                took = await send(running, quiet, times + _WARM, folder / "taken.jsonl")
            else:
                took = await notify(running, quiet, times + _WARM, endpoint)
            still = left(data, part) if flood else 0
    server.close()
    return took[_WARM:], still


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("-n", type=int, default=60)
    parser.add_argument("--flood", type=int, default=3000)
    chosen = parser.parse_args()
    if strange := set(chosen.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(strange))}: no such part")
    say_where()
    for part in chosen.parts or PARTS:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            alone, _ = runner.run(measure(part, chosen.n, 0))
            beside, still = runner.run(measure(part, chosen.n, chosen.flood))
        ratio = percentile(beside, 0.99) / percentile(alone, 0.99)
        say(
            part=part,
            times=chosen.n,
            flood=chosen.flood,
            left=still,
            alone_p50_ms=percentile(alone, 0.5) * 1e3,
            alone_p99_ms=percentile(alone, 0.99) * 1e3,
            beside_p50_ms=percentile(beside, 0.5) * 1e3,
            beside_p99_ms=percentile(beside, 0.99) * 1e3,
            ratio_p99=ratio,
            ok=ratio <= TARGET and still > 0,
        )


if __name__ == "__main__":
    main()
