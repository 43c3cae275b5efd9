"""What a new inbox without a name costs: with a pool of addresses and without one, in turns.

    python bench/pool.py [-n 1000] [--rounds 3]

A burst of -n creations by 1, 8 and 64 callers and by all at once, through the action itself on a new data folder, each
one durable when it answers. Beside them the disk's own time for 4 kB.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

import uvloop

from harness import percentile, say, say_where, temporary_folder
from letterlock import upkeep
from letterlock.actions.caller import LOCAL_CALLER
from letterlock.actions.catalog import BY_NAME, perform
from letterlock.app import App, open_app
from letterlock.settings import load_settings

TARGET_MS = 5.0


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


async def measure(folder: Path, times: int, pool_size: int, callers: int) -> tuple[list[float], float]:
    settings = load_settings(data=folder, smtp_port=0, inboxes_per_hour=10**9, pool_size=pool_size)
    async with open_app(settings) as app:
        await perform(app, LOCAL_CALLER, BY_NAME["create_inbox"], {"name": "first"})
        await upkeep.fill_pool(app)
        begin = time.perf_counter()
        took = await burst(app, times, callers)
        return took, time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    say_where()
    for callers in (1, 8, 64, chosen.n):
        took: dict[int, list[float]] = {0: [], chosen.n: []}
        seconds = dict.fromkeys(took, 0.0)
        for _ in range(chosen.rounds):
            for size in took:
                with temporary_folder("pool") as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    more, lasted = runner.run(measure(folder / "data", chosen.n, size, callers))
                took[size] += more
                seconds[size] += lasted
        for size, times in took.items():
            p99 = percentile(times, 0.99) * 1e3
            say(
                pool=size,
                callers=callers,
                inboxes=len(times),
                per_s=len(times) / seconds[size],
                p50_ms=percentile(times, 0.5) * 1e3,
                p99_ms=p99,
                ok=p99 <= TARGET_MS,
            )


if __name__ == "__main__":
    main()
