"""What a new inbox without a name costs: with a pool of addresses and without one, in turns.

    python bench/pool.py [-n 1000] [--rounds 3] [--by action http]

A burst of -n creations by 1, 8 and 64 callers and by all at once, each one durable when it answers: through the action
itself on a new data folder that a postmaster has just reported from, and (`by` http, up to 64 callers) through POST
/v1/inboxes of `letterlock serve`, over connections that stay open. `cpu_ms`: the processor's time for each, of the one
process or of the server. Beside them the disk's own time for 4 kB.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from itertools import product
from pathlib import Path

import uvloop

from harness import cpu_seconds, percentile, say, say_where, serve, temporary_folder
from letterlock import upkeep
from letterlock.actions.caller import LOCAL_CALLER
from letterlock.actions.catalog import BY_NAME, perform
from letterlock.app import App, open_app
from letterlock.settings import load_settings
from letterlock.store import postmaster

TARGET_MS = 5.0
_MOST_CONNECTIONS = 64


async def burst(app: App, times: int, callers: int) -> list[float]:
    """Seconds of each of so many creations."""
    left = iter(range(times))
    took: list[float] = []

    async def caller() -> None:
        for _ in left:
            begin = time.perf_counter()
            await perform(app, LOCAL_CALLER, BY_NAME["create_inbox"], {})
            took.append(time.perf_counter() - begin)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return took


async def measure(folder: Path, times: int, pool_size: int, callers: int) -> tuple[list[float], float, float]:
    settings = load_settings(data=folder, smtp_port=0, inboxes_per_hour=10**9, pool_size=pool_size)
    async with open_app(settings) as app:
        await perform(app, LOCAL_CALLER, BY_NAME["create_inbox"], {"name": "first"})
        await upkeep.fill_pool(app)
        report = postmaster.Report(os.getpid(), "", "", app.now_ms())
        await app.database.write_system(lambda tx: postmaster.put(tx, report))
        begin, cpu = time.perf_counter(), time.process_time()
        took = await burst(app, times, callers)
        return took, time.perf_counter() - begin, time.process_time() - cpu


async def measure_http(folder: Path, times: int, pool_size: int, callers: int) -> tuple[list[float], float, float]:
    folder.mkdir()
    (folder / "letterlock.toml").write_text(f"inboxes_per_hour = 1000000000\npool_size = {pool_size}\n")
    async with open_app(load_settings(data=folder)) as app:
        await perform(app, LOCAL_CALLER, BY_NAME["create_inbox"], {"name": "first"})
        await upkeep.fill_pool(app)
    with serve(folder) as running:
        asked = (
            f"POST /v1/inboxes HTTP/1.1\r\nHost: 127.0.0.1:{running.http_port}\r\n"
            f"Authorization: Bearer {running.key}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        ).encode()
        left = iter(range(times))
        took: list[float] = []

        async def caller() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.http_port)
            for _ in left:
                begin = time.perf_counter()
                writer.write(asked)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
                body = await reader.readexactly(length)
                took.append(time.perf_counter() - begin)
                if not head.startswith(b"http/1.1 201"):
                    raise RuntimeError(f"{head[:40]!r} {body[:300]!r}")
            writer.close()

        begin, cpu = time.perf_counter(), cpu_seconds(running.process.pid)
        await asyncio.gather(*(caller() for _ in range(callers)))
        return took, time.perf_counter() - begin, cpu_seconds(running.process.pid) - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--by", nargs="*", choices=("action", "http"), default=("action", "http"))
    chosen = parser.parse_args()
    say_where()
    ways = {"action": measure, "http": measure_http}
    for by, callers in product(chosen.by, (1, 8, 64, chosen.n)):
        if by == "http" and callers > _MOST_CONNECTIONS:
            continue
        took: dict[int, list[float]] = {0: [], chosen.n: []}
        seconds, cpu = dict.fromkeys(took, 0.0), dict.fromkeys(took, 0.0)
        for _ in range(chosen.rounds):
            for size in took:
                with temporary_folder("pool") as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    more, lasted, used = runner.run(ways[by](folder / "data", chosen.n, size, callers))
                took[size] += more
                seconds[size] += lasted
                cpu[size] += used
        for size, times in took.items():
            p99 = percentile(times, 0.99) * 1e3
            say(
                by=by,
                pool=size,
                callers=callers,
                inboxes=len(times),
                per_s=len(times) / seconds[size],
                cpu_ms=1e3 * cpu[size] / len(times),
                p50_ms=percentile(times, 0.5) * 1e3,
                p99_ms=p99,
                ok=p99 <= TARGET_MS,
            )


if __name__ == "__main__":
    main()
