"""Odd mails and odd dialogues: nothing may crash or take 2 s, and what got a 250 must be readable by every tool.

    python bench/robustness.py [--mails 100000] [--dialogues 10000] [--seed 1]

mails: tests/mutate.py through inspect_message and preview, in two processes; an exception, more than 2 s, a process
that dies or stands still is noted with its seed. dialogues: tests/dialogue.py against a real listener, many at once;
the server must close within 2 s of our end, an honest sender beside them must always be answered, no answer may be a
451 (an exception of ours) or malformed, and afterwards list, read, search, links, thread and attachment are called for
every email a 250 was given for. Exit code 1 on any fault.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import re
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop
from mcp import Client

from harness import Running, http_transport, make_inbox, percentile, say, say_where, serve, temporary_folder
from mails import Mails, dot_stuffed
from smtp_load import connect, send_one

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from dialogue import Pause, dialogue
from mutate import mutate

LIMIT_S = 2.0
_STANDSTILL_S = 20.0
_AT_ONCE = 24
_FILED_S = 600.0
# RFC 5321 section 4.2: textstring is tab, blank and printable ASCII.
_REPLY = re.compile(rb"\d\d\d[ -][\t\x20-\x7e]*$")
_ACCEPTED = re.compile(rb"^250 2\.0\.0 Ok: (em_\w+)$")
# Where damage has glued it to other letters it is not a word any more, and not found as one.
_WORD = re.compile(r"(?<![^\W_])dialogue\d+x\d+")


# Mutated mails


@dataclass(slots=True)
class MailFaults:
    exceptions: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def read_range(first: int, last: int, step: int, to_parent: Connection) -> None:
    """In a process of its own: seed by seed; says which it is at, what it took and what went wrong."""
    from letterlock.inspection import Inspection, inspect_message, preview

    for seed in range(first, last, step):
        raw = mutate(seed)
        to_parent.send(("at", seed, len(raw)))
        begin = time.perf_counter()
        try:
            report = inspect_message(raw)
            preview(report, mask_codes=True)
            Inspection.model_validate_json(report.model_dump_json())
        except BaseException as error:
            to_parent.send(("raised", seed, f"{type(error).__name__}: {error}"[:200]))
        to_parent.send(("took", seed, time.perf_counter() - begin))
    to_parent.send(("end", last, 0))


def read_mails(count: int, first: int, processes: int = 2) -> MailFaults:
    """Reads `count` mutated mails and watches over the readers."""
    faults = MailFaults()
    context = multiprocessing.get_context("spawn")
    lanes = []
    for lane in range(processes):
        lanes.append(_Lane(context, first + lane, first + count, processes))
    while lanes:
        for lane in tuple(lanes):
            if lane.watch(faults):
                lanes.remove(lane)
        time.sleep(0.05)
    return faults


class _Lane:
    """One reading process and its successors: a seed that stops one is noted, and the next goes on behind it."""

    def __init__(self, context: Any, first: int, last: int, step: int) -> None:
        self._context, self._last, self._step = context, last, step
        self._start(first)

    def _start(self, first: int) -> None:
        self._seed, self._since = first, time.monotonic()
        self._connection, theirs = self._context.Pipe(duplex=False)
        self._process = self._context.Process(
            target=read_range, args=(first, self._last, self._step, theirs), daemon=True
        )
        self._process.start()
        theirs.close()

    def watch(self, faults: MailFaults) -> bool:
        """True when this lane is through."""
        try:
            while self._connection.poll():
                kind, seed, what = self._connection.recv()
                if kind == "at":
                    self._seed, self._since = seed, time.monotonic()
                elif kind == "took":
                    faults.seconds.append(what)
                    if what > LIMIT_S:
                        faults.slow.append(f"seed {seed}: {what:.1f} s")
                elif kind == "raised":
                    faults.exceptions.append(f"seed {seed}: {what}")
                else:
                    self._process.join()
                    return True
        except EOFError:
            self._process.join()
            faults.dead.append(f"seed {self._seed}: the process ended with {self._process.exitcode}")
        else:
            if time.monotonic() - self._since < _STANDSTILL_S:
                return False
            self._process.kill()
            self._process.join()
            faults.dead.append(f"seed {self._seed}: no answer for {_STANDSTILL_S:.0f} s")
        if self._seed + self._step >= self._last:
            return True
        self._start(self._seed + self._step)
        return False


# Dialogues


@dataclass(slots=True)
class Talks:
    accepted: set[str] = field(default_factory=set)
    codes: Counter[str] = field(default_factory=Counter)
    malformed: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    closing: list[float] = field(default_factory=list)
    honest: list[float] = field(default_factory=list)
    honest_failed: list[str] = field(default_factory=list)


async def talk(port: int, seed: int, inbox: str, talks: Talks) -> None:
    """One dialogue: its steps, then our end of the connection is closed and theirs must be within LIMIT_S."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    replies = bytearray()

    async def listen() -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(65536):
                replies.extend(block)

    listening = asyncio.create_task(listen())
    with contextlib.suppress(OSError):
        for step in dialogue(seed, inbox):
            if writer.transport.is_closing():
                break
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            else:
                writer.write(step)
                await asyncio.wait_for(writer.drain(), 10 * LIMIT_S)
        if seed % 10 and not writer.transport.is_closing():
            writer.write_eof()
        else:
            # Some just go.
            writer.close()
    begin = time.perf_counter()
    try:
        await asyncio.wait_for(listening, 30)
    except TimeoutError:
        talks.hung.append(f"seed {seed}: not closed after 30 s")
    closing = time.perf_counter() - begin
    talks.closing.append(closing)
    if closing > LIMIT_S:
        talks.hung.append(f"seed {seed}: closed after {closing:.1f} s")
    writer.close()
    _note(bytes(replies), seed, talks)


def _note(replies: bytes, seed: int, talks: Talks) -> None:
    # Without its end a last line may be cut off by the closing of the connection.
    for line in replies.split(b"\r\n")[:-1]:
        talks.codes[line[:3].decode(errors="replace")] += 1
        if found := _ACCEPTED.match(line):
            talks.accepted.add(found[1].decode())
        if line.startswith(b"451"):
            talks.trouble.append(f"seed {seed}: {line.decode(errors='replace')}")
        if not _REPLY.match(line):
            talks.malformed.append(f"seed {seed}: {line[:80]!r}")


async def be_honest(port: int, inbox: str, talks: Talks, over: asyncio.Event) -> None:
    """A sender who does everything right, beside the others."""
    supply = Mails("otp", inbox, seed=11)
    while not over.is_set():
        begin = time.perf_counter()
        try:
            client = await connect(port)
            _, _, answer = await send_one(client, inbox, dot_stuffed(supply.next().raw))
            client.close()
            talks.honest.append(time.perf_counter() - begin)
            if not (found := _ACCEPTED.match(answer)):
                talks.honest_failed.append(answer.decode(errors="replace"))
            else:
                talks.accepted.add(found[1].decode())
        except (OSError, TimeoutError) as error:
            talks.honest_failed.append(repr(error))
        await asyncio.sleep(0.25)


async def talk_all(port: int, seeds: range, inbox: str) -> Talks:
    talks, over = Talks(), asyncio.Event()
    honest = asyncio.create_task(be_honest(port, inbox, talks, over))
    left = iter(seeds)

    async def lane() -> None:
        for seed in left:
            await talk(port, seed, inbox, talks)

    await asyncio.gather(*(lane() for _ in range(_AT_ONCE)))
    over.set()
    await honest
    return talks


@dataclass(slots=True)
class Reading:
    calls: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)


async def read_all(running: Running, accepted: set[str], inbox: str) -> Reading:
    """Call every reading tool for every accepted email."""
    reading = Reading()
    async with Client(http_transport(running)) as client:

        async def call(tool: str, about: str, **arguments: Any) -> dict[str, Any]:
            begin = time.perf_counter()
            result = await client.call_tool(tool, arguments)
            took = time.perf_counter() - begin
            reading.calls[tool] += 1
            if took > LIMIT_S:
                reading.slow.append(f"{tool} {about}: {took:.1f} s")
            if result.is_error:
                reading.faults.append(f"{tool} {about}: {json.dumps([c.model_dump() for c in result.content])[:300]}")
            return result.structured_content or {}

        listed = {row["email_id"] async for row in _listed(call, inbox)}
        reading.faults += [f"{email_id} is not listed" for email_id in sorted(accepted - listed)][:50]
        for email_id in sorted(accepted & listed):
            email = await call("read_email", email_id, email_id=email_id)
            if not email:
                continue
            thread = await call("get_thread", email_id, thread_id=email["thread_id"])
            if email_id not in {entry["id"] for entry in thread.get("entries", [])} and not thread.get("omitted"):
                reading.faults.append(f"{email_id} is not in its thread")
            await call("extract_links", email_id, email_id=email_id)
            for attachment in email.get("attachments", [])[:3]:
                await call("get_attachment", email_id, email_id=email_id, index=attachment["index"])
            if found := _WORD.search(email.get("text", "") + " " + email.get("subject", "")):
                hits = await call("search_emails", email_id, query=found[0], inbox=inbox, limit=50)
                if email_id not in {row["email_id"] for row in hits.get("emails", [])}:
                    reading.faults.append(f"{email_id} is not found by {found[0]}")
    return reading


async def _listed(call: Any, inbox: str) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while True:
        page = await call("list_emails", f"page {cursor}", inbox=inbox, limit=50, cursor=cursor)
        for row in page.get("emails", []):
            yield row
        if not (cursor := page.get("next_cursor", "")):
            return


def wait_filed(file: Path) -> int:
    """Emails that are still not filed after a while; 0 is right."""
    end = time.monotonic() + _FILED_S
    while True:
        with contextlib.closing(sqlite3.connect(file, timeout=30)) as database:
            left = int(database.execute("SELECT COUNT(*) FROM emails WHERE state = 'received'").fetchone()[0])
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.5)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--dialogues", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="first of the seeds; they count up from it")
    options = parser.parse_args()
    say_where()
    ok = True
    if options.mails:
        begin = time.monotonic()
        faults = read_mails(options.mails, options.seed)
        ok &= not (faults.exceptions or faults.slow or faults.dead)
        say(
            what="mutated mails",
            mails=options.mails,
            read=len(faults.seconds),
            seconds=time.monotonic() - begin,
            p50_ms=percentile(faults.seconds, 0.5) * 1e3,
            p99_ms=percentile(faults.seconds, 0.99) * 1e3,
            slowest_s=max(faults.seconds, default=0.0),
            exceptions=len(faults.exceptions),
            over_2_s=len(faults.slow),
            dead=len(faults.dead),
            first=(faults.exceptions + faults.slow + faults.dead)[:10],
            ok=ok,
        )
    if options.dialogues:
        with temporary_folder("dialogues") as folder:
            ok &= _dialogues(folder / "data", range(options.seed, options.seed + options.dialogues))
    return 0 if ok else 1


def _dialogues(data: Path, seeds: range) -> bool:
    inbox = make_inbox(data, "box")
    begin = time.monotonic()
    with serve(data) as running:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            talks = runner.run(talk_all(running.smtp_port, seeds, inbox))
            talked = time.monotonic() - begin
            unfiled = wait_filed(data / "letterlock.db")
            reading = runner.run(read_all(running, talks.accepted, inbox))
        alive = running.process.poll() is None
        stderr = (data / "serve.stderr").read_text(errors="replace")
    tracebacks = stderr.count("Traceback (most recent call last)")
    faults = talks.malformed + talks.trouble + talks.hung + talks.honest_failed + reading.faults + reading.slow
    ok = alive and not faults and not unfiled and not tracebacks and bool(talks.accepted)
    say(
        what="dialogues",
        dialogues=len(seeds),
        seconds=talked,
        answers=dict(sorted(talks.codes.items())),
        accepted=len(talks.accepted),
        closed_p99_s=percentile(talks.closing, 0.99),
        honest_mails=len(talks.honest),
        honest_p99_s=percentile(talks.honest, 0.99),
        hung=len(talks.hung),
        malformed=len(talks.malformed),
        trouble_451=len(talks.trouble),
        honest_refused=len(talks.honest_failed),
        unfiled=unfiled,
        server_alive=alive,
        tracebacks=tracebacks,
        tool_calls=dict(reading.calls),
        tool_faults=len(reading.faults),
        tools_over_2_s=len(reading.slow),
        first=faults[:12],
        ok=ok,
    )
    if tracebacks:
        at = stderr.find("Traceback (most recent call last)")
        print(stderr[max(0, at - 300) : at + 3000], file=sys.stderr)
    return ok


if __name__ == "__main__":
    sys.exit(main())
