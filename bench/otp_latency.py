"""From the end of DATA to the answer of wait_for_otp, one mail at a time, a few milliseconds apart.

    python bench/otp_latency.py [-n 300]

same: the waiter is an MCP client over HTTP, in the process that also listens for mail. other: an MCP client on stdio,
whose process waits while `letterlock serve` on the same data folder listens. The ack is the 250 of the same mail:
durable by then, not yet read or screened. Beside them the floor: the round trip of a tool that does nothing, on the
same transport.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import uvloop
from mcp import Client, StdioServerParameters

from harness import (
    Running,
    environment,
    free_port,
    http_transport,
    letterlock,
    make_inbox,
    percentile,
    say,
    say_where,
    serve,
    stop,
    temporary_folder,
)
from mails import Mails, dot_stuffed
from smtp_load import connect, send_one

TARGET_MS = {"same": (15.0, 60.0), "other": (25.0, 60.0)}
_WARM = 10
_WAIT_S = 20


async def latencies(client: Client, running: Running, inbox: str, times: int) -> tuple[list[float], list[float], int]:
    """Seconds from the end of DATA to the ack and to the answer, and how many answers were wrong."""
    random, supply = Random(5), Mails("otp", inbox, seed=time.time_ns())
    smtp = await connect(running.smtp_port)
    acks: list[float] = []
    answers: list[float] = []
    wrong = 0
    for n in range(times + _WARM):
        begun = asyncio.Event()

        async def waits(
            progress: float, total: float | None, message: str | None, begun: asyncio.Event = begun
        ) -> None:
            begun.set()

        async def wait(noticed: Any = waits) -> tuple[float, Any]:
            arguments = {"inbox": inbox, "timeout_s": _WAIT_S}
            result = await client.call_tool("wait_for_otp", arguments, progress_callback=noticed)
            return time.perf_counter(), result.structured_content

        waiting = asyncio.create_task(wait())
        await begun.wait()
        # The first progress is sent just before the waiter looks and waits.
        await asyncio.sleep(random.uniform(0.015, 0.030))
        mail = supply.next()
        ended, acked, reply = await send_one(smtp, inbox, dot_stuffed(mail.raw))
        answered, answer = await waiting
        wrong += not reply.startswith(b"250") or not answer or answer.get("code") != mail.code
        if n >= _WARM:
            acks.append(acked - ended)
            answers.append(answered - ended)
        await asyncio.sleep(random.uniform(0.002, 0.010))
    smtp.close()
    return acks, answers, wrong


async def floor(client: Client, times: int) -> list[float]:
    """Seconds of calls of the tool that does nothing."""
    took = []
    for n in range(times + _WARM):
        begin = time.perf_counter()
        await client.call_tool("noop", {"x": n})
        took.append(time.perf_counter() - begin)
    return took[_WARM:]


@contextlib.asynccontextmanager
async def noop_over_http() -> AsyncIterator[str]:
    """The address of a bare server."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("noop_server.py")), "http", str(port)])
    try:
        for _ in range(400):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        stop(process)


async def measure(running: Running, inbox: str, times: int) -> None:
    async with noop_over_http() as url, Client(url) as client:
        say_floor("same", "http", await floor(client, times))
    bare = StdioServerParameters(
        command=sys.executable, args=[str(Path(__file__).with_name("noop_server.py")), "stdio"], env=environment()
    )
    async with Client(bare) as client:
        say_floor("other", "stdio", await floor(client, times))
    async with Client(http_transport(running)) as client:
        say_latency("same", "http", *await latencies(client, running, inbox, times))
    command, *arguments = letterlock("--data", str(running.data), "--smtp-port", str(running.smtp_port))
    async with Client(StdioServerParameters(command=command, args=arguments, env=environment())) as client:
        say_latency("other", "stdio", *await latencies(client, running, inbox, times))


def say_floor(process: str, transport: str, took: list[float]) -> None:
    say(
        floor=process,
        transport=transport,
        calls=len(took),
        p50_ms=percentile(took, 0.5) * 1e3,
        p99_ms=percentile(took, 0.99) * 1e3,
    )


def say_latency(process: str, transport: str, acks: list[float], answers: list[float], wrong: int) -> None:
    p50, p99 = percentile(answers, 0.5) * 1e3, percentile(answers, 0.99) * 1e3
    target50, target99 = TARGET_MS[process]
    say(
        waiter=process,
        transport=transport,
        mails=len(answers),
        wrong=wrong,
        p50_ms=p50,
        p99_ms=p99,
        ack_p50_ms=percentile(acks, 0.5) * 1e3,
        ack_p99_ms=percentile(acks, 0.99) * 1e3,
        target_ms=[target50, target99],
        ok=not wrong and p50 <= target50 and p99 <= target99,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=300)
    times = parser.parse_args().n
    say_where()
    with temporary_folder("otp") as folder:
        inbox = make_inbox(folder / "data", "codes")
        with serve(folder / "data") as running, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(running, inbox, times))


if __name__ == "__main__":
    main()
