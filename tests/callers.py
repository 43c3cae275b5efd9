"""Eight callers at once that make inboxes and count waits; run as a program, those of another process of the folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path

from letterlock.actions.caller import LOCAL_CALLER
from letterlock.actions.limits import count_wait
from letterlock.app import App, open_app
from letterlock.errors import LimitReached
from running import make_inbox, settings_for

CHOSEN = {"pool_size": 50, "inboxes_per_hour": 101, "waits_per_hour": 77}


async def eight_callers(app: App) -> tuple[list[str], int, int]:
    """Addresses made, creations refused, waits counted, of 9 tries each."""
    made: list[str] = []
    refused = waits = 0

    async def caller() -> None:
        nonlocal refused, waits
        for _ in range(9):
            try:
                made.append(await make_inbox(app, ""))
            except LimitReached:
                refused += 1
            with contextlib.suppress(LimitReached):
                await count_wait(app, LOCAL_CALLER)
                waits += 1

    await asyncio.gather(*(caller() for _ in range(8)))
    return made, refused, waits


async def _main(folder: Path) -> None:
    async with open_app(settings_for(folder, **CHOSEN)) as app:
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(await eight_callers(app)))


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
