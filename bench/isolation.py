"""Many random calls of tenants that try each other's names: how many were made, and whether anything crossed.

    python bench/isolation.py --calls 100000

Every action of the catalog and of REST, what people may do, tenants, agents and keys, and MCP resources; each replayed
by callers of the other tenants and by a key for one inbox (tests/isolation.py says what counts as a leak). A world is
begun anew after every --world calls; the seed of each is printed with the first leak, which ends the run with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from isolation import Leak, open_world
from letterlock.app import open_app
from running import settings_for


async def live(folder: Path, seed: int, most: int) -> tuple[int, Leak | None]:
    """The calls made in a world of this seed, and the leak that ended it."""
    chance = random.Random(seed)
    async with (
        open_app(settings_for(folder, first_emails=5)) as app,
        open_world(app, chance.choice((2, 3)), chance.choice) as world,
    ):
        try:
            while world.calls < most:
                await world.step()
        except Leak as leak:
            return world.calls, leak
        return world.calls, None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--world", type=int, default=2_000, help="calls in one world")
    parser.add_argument("--seed", type=int, default=1, help="of the first world")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began, done, seed = time.process_time(), 0, options.seed
    while done < options.calls:
        with tempfile.TemporaryDirectory() as folder:
            calls, leak = asyncio.run(live(Path(folder), seed, min(options.world, options.calls - done)))
        done += calls
        if leak is not None:
            print(f"LEAK in the world of seed {seed}, call {calls}: {leak}")
            return 1
        seed += 1
        if sys.stderr.isatty() or seed % 10 == 0:
            print(f"{done} calls in {seed - options.seed} worlds, 0 leaks", file=sys.stderr, flush=True)
    print(f"{done} calls in {seed - options.seed} worlds, 0 leaks, {time.process_time() - began:.0f} s of CPU")
    return 0


if __name__ == "__main__":
    sys.exit(main())
