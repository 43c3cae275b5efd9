"""Whether a customer of a crowded Letterlock notices the crowd: every read of /v1, in a store of 1,000 tenants with
100,000 inboxes and 1,000,000 emails, beside the same reads in a store of two tenants.

    python bench/scale.py --seed-folder FOLDER [--rounds 1000] [--reads NAME ...]

The tenant that asks has 100 inboxes and 1,000 emails in both. Both servers run at once, and each read is asked of one
and then of the other, so that what disturbs one disturbs the other. Before, each email and inbox that may be asked for
is read once on both sides: what that took is a line of its own (`first`, for which no target is set: on Linux the
system is asked to forget both files before, so that they come from the disk). `ratio_from`, `ratio_to`: where the p99
ratio lies in 90 of 100 drawings of as many calls from those that were made (bootstrap). The stores are made by
seeding.py and kept in FOLDER (the big one: 20 minutes, 6 GB). Memory: what each server and its worker hold after all
reads.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx2

from contract import person_key
from harness import Running, percentile, resident_mib, say, say_where, serve
from letterlock.app import DATABASE_FILE
from seeding import seed

SMALL, BIG = (2_000, 2, 200), (1_000_000, 1_000, 100_000)
TARGET = 1.5
_WARM = 20
_DRAWINGS = 400


@dataclass(slots=True)
class Side:
    """One of the two servers and what its tenant has."""

    running: Running
    http: httpx2.AsyncClient
    inboxes: list[str] = field(default_factory=list)
    emails: list[dict[str, Any]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    took: dict[str, list[float]] = field(default_factory=dict)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.http.get(f"/v1{path}", params=query)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text[:300]}")
        return answer

    async def learn(self) -> None:
        """Names to ask for: all inboxes, and emails from the newest to the oldest."""
        cursor: str | None = None
        while cursor is None or cursor:
            page = (await self.get("/inboxes", limit=100, **({"cursor": cursor} if cursor else {}))).json()
            self.inboxes += [one["inbox_id"] for one in page["inboxes"]]
            cursor = page.get("next_cursor") or ""
        cursor = None
        while (cursor is None or cursor) and len(self.emails) < 1000:
            page = (await self.get("/emails", limit=50, **({"cursor": cursor} if cursor else {}))).json()
            self.emails += page["emails"]
            cursor = page.get("next_cursor") or ""
        self.words = [word for email in self.emails[:50] for word in email["subject"].split() if word.isalpha()]


Read = tuple[str, str, dict[str, Any]]


def reads_of(email: dict[str, Any], inbox: str) -> list[Read]:
    """Those of an email and of an inbox: name, path and query."""
    return [
        ("get_inbox", f"/inboxes/{inbox}", {}),
        ("list_emails, an inbox", "/emails", {"inbox": inbox}),
        ("read_email", f"/emails/{email['email_id']}", {}),
        ("get_raw", f"/emails/{email['email_id']}/raw", {}),
        ("extract_links", "/links", {"email_id": email["email_id"]}),
        ("get_thread", f"/threads/{email['thread_id']}", {}),
        ("wait_for_email, nothing", f"/inboxes/{inbox}/wait", {"timeout_s": 0}),
    ]


def reads(side: Side, random: Random) -> list[Read]:
    """One of each kind of read."""
    email, inbox = random.choice(side.emails), random.choice(side.inboxes)
    return [
        ("list_inboxes", "/inboxes", {"limit": 50}),
        *reads_of(email, inbox),
        ("list_emails, all", "/emails", {}),
        ("list_emails, unread", "/emails", {"unread": "true"}),
        ("list_emails, a rare sender", "/emails", {"from_": f"shop{random.randrange(50, 5000)}.example"}),
        ("search, a word", "/search", {"query": random.choice(side.words)}),
        ("search, an inbox", "/search", {"query": random.choice(side.words), "inbox": inbox}),
        ("list_consumers", "/consumers", {}),
        ("list_approvals", "/approvals", {}),
        ("list_contacts", "/contacts", {}),
        ("list_suppressions", "/suppressions", {}),
        ("list_audit", "/audit", {}),
        ("list_webhooks", "/webhooks", {}),
        ("get_usage", "/usage", {}),
    ]


async def ask(sides: Iterable[Side], each: Iterable[Sequence[Read]], took: str) -> None:
    """The same read of one side and then of the other."""
    for both in zip(*each, strict=True):
        for side, (name, path, query) in zip(sides, both, strict=True):
            begin = time.perf_counter()
            await side.get(path, **query)
            side.took.setdefault(f"{took}{name}", []).append(1e3 * (time.perf_counter() - begin))


async def warm(sides: Sequence[Side]) -> None:
    for n in range(max(len(side.emails) for side in sides)):
        asked = []
        for side in sides:
            email, inbox = side.emails[n % len(side.emails)], side.inboxes[n % len(side.inboxes)]
            begin = time.perf_counter()
            answer = await side.get(f"/emails/{email['email_id']}")
            side.took.setdefault("first read_email", []).append(1e3 * (time.perf_counter() - begin))
            email["thread_id"] = answer.json()["thread_id"]
            asked.append(reads_of(email, inbox)[3:])
        await ask(sides, asked, "first ")
    for side in sides:
        for word in side.words:
            await side.get("/search", query=word)


def ratios(small_ms: Sequence[float], big_ms: Sequence[float], random: Random) -> tuple[float, float, float]:
    """The ratio of the p99, and between which two it lies in 90 of 100 drawings."""
    drawn = sorted(
        percentile(random.choices(big_ms, k=len(big_ms)), 0.99)
        / percentile(random.choices(small_ms, k=len(small_ms)), 0.99)
        for _ in range(_DRAWINGS)
    )
    return percentile(big_ms, 0.99) / percentile(small_ms, 0.99), percentile(drawn, 0.05), percentile(drawn, 0.95)


async def measure(small: Running, big: Running, keys: tuple[str, str], rounds: int, only: Sequence[str]) -> None:
    sides = []
    for running, key in zip((small, big), keys, strict=True):
        http = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{running.http_port}", headers={"Authorization": f"Bearer {key}"}, timeout=60
        )
        side = Side(running, http)
        await side.learn()
        sides.append(side)
    say(asks_with=[{"inboxes": len(side.inboxes), "emails": len(side.emails)} for side in sides])
    await warm(sides)
    random = Random(11)
    for n in range(rounds + _WARM):
        asked = [[one for one in reads(side, random) if not only or one[0] in only] for side in sides]
        turn = slice(None, None, 1 if n % 2 else -1)
        await ask(sides[turn], asked[turn], "" if n >= _WARM else "warm ")
    reached = True
    for name, small_ms in sides[0].took.items():
        if name.startswith("warm "):
            continue
        big_ms = sides[1].took[name]
        ratio, ratio_from, ratio_to = ratios(small_ms, big_ms, random)
        if not name.startswith("first "):
            reached &= ratio <= TARGET
        say(
            read=name,
            calls=len(small_ms),
            small_p50_ms=percentile(small_ms, 0.5),
            big_p50_ms=percentile(big_ms, 0.5),
            small_p99_ms=percentile(small_ms, 0.99),
            big_p99_ms=percentile(big_ms, 0.99),
            p99_ratio=ratio,
            ratio_from=ratio_from,
            ratio_to=ratio_to,
            reached=ratio <= TARGET,
        )
    mib = [resident_mib(side.running.process.pid) for side in sides]
    say(rss_mib_small=mib[0], rss_mib_big=mib[1], ratio=mib[1] / mib[0], every_read_reached=reached)
    for side in sides:
        await side.http.aclose()


def forget(file: Path) -> None:
    """Out of the system's memory, where that can be asked for."""
    if sys.platform == "linux":
        with file.open("rb") as there:
            os.posix_fadvise(there.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed-folder", type=Path, required=True, help="where the two stores are kept")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--reads", nargs="*", default=(), help="these only")
    arguments = parser.parse_args()
    folders = [arguments.seed_folder / name for name in ("scale-small", "scale-big")]
    for folder, (count, tenants, inboxes) in zip(folders, (SMALL, BIG), strict=True):
        seed(folder, count, tenants, inboxes)
    say_where()
    for folder in folders:
        forget(folder / DATABASE_FILE)
    with serve(folders[0]) as small, serve(folders[1]) as big:
        keys = (person_key(folders[0]), person_key(folders[1]))
        asyncio.run(measure(small, big, keys, arguments.rounds, arguments.reads))


if __name__ == "__main__":
    main()
