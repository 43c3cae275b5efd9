"""What people who only wait cost: 2,000 long-polls of /v1 on one `letterlock serve`.

    python bench/long_polls.py [-n 2000] [--idle-s 40] [--mails 200]

Idle: CPU of the server's process family over --idle-s seconds while all wait and no mail comes, beside the same
seconds with nobody waiting; resident memory that each adds. It begins when the server has dealt with the calls, which
on a busy machine takes it half a minute. Wake: from the end of DATA to the first byte of the answer
of the one who waits for that inbox, while all the others go on waiting; the mail is read and screened meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import resource
import time
from dataclasses import dataclass
from random import Random

import httpx2
import uvloop

from harness import (
    Running,
    cpu_seconds,
    percentile,
    resident_mib,
    say,
    say_where,
    serve,
    temporary_folder,
)
from mails import Mails, dot_stuffed
from smtp_load import connect, send_one

TARGETS = {"idle_cpu_percent": 2.0, "wake_p99_ms": 100.0, "rss_kb_each": 25.0}
_WAIT_S = 120
_QUIET_PERCENT, _QUIET_S, _MOST_QUIET_LOOKS = 15.0, 3.0, 30
_AT_ONCE = 50


@dataclass(slots=True)
class Poll:
    """One call that waits. `answered`: when its first byte came."""

    address: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answered: float = 0.0
    answer: bytes = b""

    async def listen(self) -> None:
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.answered = time.perf_counter()
        length = re.search(rb"(?i)content-length: (\d+)", head)
        self.answer = await self.reader.readexactly(int(length[1]) if length else 0)


async def make_inboxes(running: Running, count: int) -> list[tuple[str, str]]:
    """Ids and addresses."""
    url, headers = f"http://127.0.0.1:{running.http_port}/v1/inboxes", {"Authorization": f"Bearer {running.key}"}
    made: list[tuple[str, str]] = []
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:

        async def make(n: int) -> None:
            answer = (await http.post(url, json={"name": f"poll-{n}"})).raise_for_status().json()
            made.append((answer["inbox_id"], answer["address"]))

        for first in range(0, count, _AT_ONCE):
            await asyncio.gather(*(make(n) for n in range(first, min(count, first + _AT_ONCE))))
    return made


async def open_poll(running: Running, inbox_id: str, address: str) -> Poll:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.http_port, limit=65536)
    writer.write(
        f"GET /v1/inboxes/{inbox_id}/wait?timeout_s={_WAIT_S} HTTP/1.1\r\nHost: 127.0.0.1:{running.http_port}\r\n"
        f"Authorization: Bearer {running.key}\r\n\r\n".encode()
    )
    await writer.drain()
    return Poll(address, reader, writer)


async def idle(pid: int, seconds: float) -> float:
    """CPU in per cent of one core."""
    before, begin = cpu_seconds(pid), time.perf_counter()
    await asyncio.sleep(seconds)
    return 100 * (cpu_seconds(pid) - before) / (time.perf_counter() - begin)


async def quiet(pid: int) -> None:
    """Returns when the server does not do much any more, or after 90 seconds of looking."""
    for _ in range(_MOST_QUIET_LOOKS):
        if await idle(pid, _QUIET_S) < _QUIET_PERCENT:
            return


async def measure(running: Running, count: int, idle_s: float, mails: int) -> None:
    pid = running.process.pid
    inboxes = await make_inboxes(running, count)
    smtp = await connect(running.smtp_port)
    for inbox_id, address in inboxes[:20]:
        # Whatever is made once (a worker, caches) is made before anything is measured.
        poll = await open_poll(running, inbox_id, address)
        await asyncio.sleep(0.05)
        await send_one(smtp, address, dot_stuffed(Mails("otp", address, seed=1).next().raw))
        await poll.listen()
        poll.writer.close()
    smtp.close()
    await quiet(pid)
    nobody_cpu, nobody_mib = await idle(pid, idle_s), resident_mib(pid)

    polls: list[Poll] = []
    for first in range(0, count, _AT_ONCE):
        polls += await asyncio.gather(*(open_poll(running, *one) for one in inboxes[first : first + _AT_ONCE]))
        await asyncio.sleep(0.02)
    listening = [asyncio.create_task(poll.listen()) for poll in polls]
    await quiet(pid)
    # A look at the store that the calls were the reason for is over then, too.
    await asyncio.sleep(2)
    early = sum(task.done() for task in listening)
    waiting_cpu, waiting_mib = await idle(pid, idle_s), resident_mib(pid)
    each_kb = (waiting_mib - nobody_mib) * 1024 / count
    say(
        long_polls=count,
        answered_too_early=early,
        idle_cpu_percent=waiting_cpu,
        idle_cpu_percent_nobody=nobody_cpu,
        rss_mib_nobody=nobody_mib,
        rss_kb_each=each_kb,
        reached=waiting_cpu <= TARGETS["idle_cpu_percent"] and each_kb <= TARGETS["rss_kb_each"] and not early,
    )

    took: list[float] = []
    wrong = 0
    # Not the connection of before: a server closes one that says nothing for a minute.
    smtp = await connect(running.smtp_port)
    for index in Random(3).sample(range(count), min(mails, count)):
        poll = polls[index]
        ended, _, reply = await send_one(
            smtp, poll.address, dot_stuffed(Mails("otp", poll.address, seed=index).next().raw)
        )
        async with asyncio.timeout(30):
            await listening[index]
        took.append(1e3 * (poll.answered - ended))
        body = json.loads(poll.answer)
        wrong += not reply.startswith(b"250") or body.get("status") != "found"
        await asyncio.sleep(0.02)
    say(
        wakes=len(took),
        wrong=wrong,
        still_waiting=sum(not task.done() for task in listening),
        wake_p50_ms=percentile(took, 0.5),
        wake_p99_ms=percentile(took, 0.99),
        reached=percentile(took, 0.99) <= TARGETS["wake_p99_ms"] and not wrong,
    )
    for poll, task in zip(polls, listening, strict=True):
        task.cancel()
        poll.writer.close()
    smtp.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=2000, help="how many wait at once")
    parser.add_argument("--idle-s", type=float, default=40)
    parser.add_argument("--mails", type=int, default=200)
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * arguments.n + 200)), hard))
    say_where()
    with temporary_folder("polls") as folder, serve(folder) as running:
        uvloop.run(measure(running, arguments.n, arguments.idle_s, arguments.mails))


if __name__ == "__main__":
    main()
