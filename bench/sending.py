"""Queue throughput to a local relay, what a dead relay costs mail that comes in, and deliveries killed at every point.

    python bench/sending.py                     throughput: signed emails a second, by `letterlock serve`
    python bench/sending.py --dead              mail coming in with a relay that is dead and without one, in turns
    python bench/sending.py --turns 3           the same with the setting one_by_one on and off, in turns
    python bench/sending.py --kills 100         kill -9 at each point between claim and record; lost and doubled emails
    python bench/sending.py --sink smtp-sink    throughput to Postfix' own sink in place of aiosmtpd

The relay is another process on 127.0.0.1; the emails are signed with RSA-2048 and Ed25519.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import harness
from letterlock.actions.caller import LOCAL_CALLER
from letterlock.actions.catalog import ACTIONS, perform
from letterlock.app import App, open_app
from letterlock.ids import DEFAULT_TENANT, InboxId, SubmissionId, new_id
from letterlock.message.address import parse_address
from letterlock.message.compose import Draft, compose
from letterlock.outbound.signing import make_keys
from letterlock.settings import load_settings
from letterlock.store import inboxes, outbox
from letterlock.store.outbox import Delivery, Submission
from smtp_load import run_load

POINTS = ("claimed", "connected", "content", "dot", "answered", "recorded")
"""Where a process is killed: after the claim's commit; greeted by the relay; the content sent and the try written down,
before the final dot; the dot sent, its answer not read; the answer read; the record's commit done."""
WORDS = "The report you asked for is attached below, with the figures of last week and a short summary.\n"


# The relay


async def be_sink(port: int, file: Path, answer_ms: float) -> None:
    """Take everything; a line of JSON in `file` for each email, and `answer_ms` later its 250."""
    from aiosmtpd.smtp import SMTP

    out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    class Taker:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            head = envelope.content.partition(b"\r\n\r\n")[0]
            at = head.lower().find(b"\r\nmessage-id:") + 13
            line = {
                "at": time.time(),
                "to": envelope.rcpt_tos,
                "id": head[at:].split(None, 1)[0].decode(),
                "signed": head.count(b"DKIM-Signature:"),
            }
            os.write(out, json.dumps(line).encode() + b"\n")
            await asyncio.sleep(answer_ms / 1000)
            return "250 2.0.0 taken"

    def serve() -> SMTP:
        return SMTP(Taker(), hostname="sink.example", enable_SMTPUTF8=True, loop=asyncio.get_running_loop())

    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


@contextlib.contextmanager
def sink(kind: str, file: Path, answer_ms: float = 0.0) -> Iterator[int]:
    port = harness.free_port()
    command = (
        ["smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "1000"]
        if kind == "smtp-sink"
        else [sys.executable, __file__, "--be-sink", str(port), str(file), str(answer_ms)]
    )
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if time.monotonic() > end:
                raise RuntimeError(f"{command[0]} did not come up")
            time.sleep(0.05)
        yield port
    finally:
        harness.stop(process)


def taken(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


# What is sent


def settings_text(port: int, **more: Any) -> str:
    chosen = {"relay_host": "127.0.0.1", "relay_port": port, "relay_security": "none", "first_emails": 0, **more}
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in chosen.items())


async def make_box(app: App) -> str:
    action = next(action for action in ACTIONS if action.name == "create_inbox")
    answer: Any = await perform(app, LOCAL_CALLER, action, {"name": "sender"})
    return str(answer.address)


async def fill(app: App, address: str, count: int, start: int = 0) -> dict[str, str]:
    """Put `count` emails into the queue; recipient by Message-ID."""
    inbox = await app.database.read(DEFAULT_TENANT, lambda tx: inboxes.find(tx, address))
    assert inbox is not None
    lane = f"{app.settings.relay_host}:{app.settings.relay_port}"
    made: dict[str, str] = {}
    todo: list[tuple[Submission, bytes]] = []
    for n in range(start, start + count):
        to, now = f"r{n}@far.example", app.now_ms()
        id_ = SubmissionId(new_id("sub"))
        draft = Draft(
            sender=parse_address(address),
            to=(parse_address(to),),
            subject=f"Report {n}",
            text=WORDS * 30,
            message_id=f"<{id_}@{app.settings.domain}>",
            date=app.clock(),
        )
        raw = compose(draft)
        submission = Submission(
            id_, InboxId(inbox.inbox_id), LOCAL_CALLER.agent_id, id_, "", "", (), address, (to,), (), (),
            draft.subject, draft.text, draft.message_id, "th_1", None,
            outbox.envelope_hash(raw, address, [to]), len(raw), now,  # type: ignore[arg-type]
            (Delivery(to, "relay", "queued", now, lane=lane, token=outbox.new_token()),), 1,
        )  # fmt: skip
        made[draft.message_id] = to
        todo.append((submission, raw))

    async def add(tx: Any) -> None:
        for submission, raw in todo:
            await outbox.add(tx, submission, raw)

    await app.database.write(DEFAULT_TENANT, add)
    return made


# Throughput


async def prepare(data: Path, count: int) -> dict[str, str]:
    async with open_app(load_settings(data=data)) as app:
        address = await make_box(app)
        make_keys(data, app.settings.domain, "bench")
        return await fill(app, address, count)


def sent_count(data: Path) -> int:
    import sqlite3

    with contextlib.closing(sqlite3.connect(data / "letterlock.db")) as store:
        return int(store.execute("SELECT COUNT(*) FROM deliveries WHERE state = 'sent'").fetchone()[0])


def throughput(count: int, kind: str, connections: int, answer_ms: float, one_by_one: bool) -> None:
    with harness.temporary_folder("sending") as folder:
        file, data = folder / "taken.jsonl", folder / "data"
        data.mkdir()
        with sink(kind, file, answer_ms) as port:
            (data / "letterlock.toml").write_text(
                settings_text(port, relay_connections=connections, one_by_one=one_by_one)
            )
            made = asyncio.run(prepare(data, count))
            began = time.time()
            with harness.serve(data) as running:
                up = time.time()
                cpu = harness.cpu_seconds(running.process.pid)
                first = sent_count(data)
                while sent_count(data) < count:
                    time.sleep(0.05)
                    if time.time() - began > 120 + count / 20:
                        raise SystemExit(f"only {sent_count(data)} of {count} were sent")
                ended = time.time()
                cpu = harness.cpu_seconds(running.process.pid) - cpu
            got = taken(file)
        times = sorted(one["at"] for one in got)
        harness.say(
            figure="throughput",
            relay=kind,
            answer_ms=answer_ms,
            connections=connections,
            one_by_one=one_by_one,
            emails=count,
            per_s=(count - first) / (ended - up),
            per_s_at_relay=(len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else None,
            cpu_ms_each=cpu / max(1, count - first) * 1e3,
            signatures=dict(Counter(one["signed"] for one in got)) if got else None,
            missing=len(made.keys() - {one["id"] for one in got}) if got else None,
            doubled=len(got) - len({one["id"] for one in got}) if got else None,
        )


# Killed


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(point: str, passage: int) -> None:
    """Make this process kill itself when it comes by `point` for the time `passage`."""
    import aiosmtplib

    from letterlock.outbound import deliver, lanes, relay

    places: dict[str, tuple[Any, str]] = {
        "claimed": (lanes, "claim"),
        "connected": (relay, "_envelope"),
        "content": (relay, "_dot"),
        "dot": (aiosmtplib.SMTP, "execute_command"),
        "answered": (relay, "_dot"),
        "recorded": (deliver, "keep"),
    }
    owner, name = places[point]
    real: Callable[..., Any] = getattr(owner, name)
    passed = 0

    async def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal passed
        counts = point != "dot" or arguments[1] == b"."
        passed += counts
        last = counts and passed == passage
        if last and point in ("connected", "content"):
            die()
        if last and point == "dot":
            task = asyncio.ensure_future(real(*arguments, **named))
            await asyncio.sleep(random.uniform(0, 0.004))
            die()
            return await task
        result = await real(*arguments, **named)
        if last:
            die()
        return result

    setattr(owner, name, wrapped)


async def deliver_all(data: Path) -> None:
    """Deliver until nothing is left to do."""
    from letterlock.outbound.lanes import deliver_forever

    async with open_app(load_settings(data=data)) as app:
        task = asyncio.create_task(deliver_forever(app))
        try:
            while await app.database.read_system(
                lambda tx: tx.one("SELECT 1 AS n FROM deliveries WHERE next_at IS NOT NULL LIMIT 1")
            ):
                await asyncio.sleep(0.02)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def in_a_process(data: Path, point: str = "", passage: int = 0) -> bool:
    """Deliver in a process of its own, forked from this one so that it starts at once. Whether it was killed."""
    child = os.fork()
    if not child:
        status = 1
        with contextlib.suppress(BaseException):
            if point:
                die_at(point, passage)
            asyncio.run(deliver_all(data))
            status = 0
        os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if status:
        raise SystemExit(f"a delivering process failed: {status}")
    return False


def kills(times: int, connections: int, answer_ms: float, points: Sequence[str]) -> None:
    import sqlite3

    random.seed(1)
    for point in points:
        with harness.temporary_folder("sending") as folder:
            file, data = folder / "taken.jsonl", folder / "data"
            data.mkdir()
            with sink("aiosmtpd", file, answer_ms) as port:
                (data / "letterlock.toml").write_text(settings_text(port, relay_connections=connections))
                made = asyncio.run(prepare(data, 0))
                address = f"sender@{harness.DOMAIN}"

                async def more(data: Path = data, made: dict[str, str] = made, address: str = address) -> None:
                    async with open_app(load_settings(data=data)) as app:
                        made |= await fill(app, address, 60, len(made))

                killed, beyond = 0, 0
                while killed < times:
                    if sent_count(data) > len(made) - 40:
                        asyncio.run(more())
                    # A claim takes several at once.
                    last = 3 if point == "claimed" else 12
                    crashes = killed
                    killed += in_a_process(data, point, random.randint(1, last))
                    extra = sum(n - 1 for n in Counter(one["id"] for one in taken(file)).values())
                    beyond = max(beyond, extra - crashes)
                in_a_process(data)
                time.sleep(0.2)
                copies = Counter(one["id"] for one in taken(file))
                with contextlib.closing(sqlite3.connect(data / "letterlock.db")) as store:
                    rows = store.execute(
                        "SELECT s.message_id, d.state, d.unanswered, d.attempts FROM deliveries d JOIN submissions s"
                        " ON s.tenant_id = d.tenant_id AND s.submission_id = d.submission_id"
                    ).fetchall()
                whole = store_is_whole(data)
            doubled = {id_ for id_, n in copies.items() if n > 1}
            marked = {id_ for id_, _, unanswered, attempts in rows if unanswered and attempts > 1}
            harness.say(
                figure="kill -9",
                point=point,
                kills=killed,
                connections=connections,
                answer_ms=answer_ms,
                emails=len(made),
                lost=len(made.keys() - copies.keys()),
                strangers=len(copies.keys() - made.keys()),
                doubled=sum(n - 1 for n in copies.values()),
                most_copies=max(copies.values()),
                doubled_beyond_one_a_crash=beyond,
                doubled_not_marked=len(doubled - marked),
                states=dict(Counter(state for _, state, _, _ in rows)),
                store_whole=whole,
            )


def store_is_whole(data: Path) -> bool:
    import sqlite3

    with contextlib.closing(sqlite3.connect(data / "letterlock.db")) as store:
        return bool(store.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


# A dead relay


@contextlib.contextmanager
def dead_relay(kind: str) -> Iterator[int]:
    """A port where nobody answers: "silent" takes the connection and says nothing, "refused" does not take it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if kind == "silent":
            listening.listen(1000)
        yield listening.getsockname()[1]


class Side:
    """A server of its own, with a relay that is dead or without anything to do for it."""

    def __init__(self, folder: Path, name: str, port: int, count: int) -> None:
        data = folder / name
        data.mkdir()
        (data / "letterlock.toml").write_text(settings_text(port))
        asyncio.run(prepare(data, count))
        if name == "without":
            mark_sent(data)
        self.data = data
        self.recipient = harness.make_inbox(data, "box")
        self.per_s: list[float] = []
        self.acks: list[float] = []

    def load(self, running: harness.Running, each: int) -> None:
        load = asyncio.run(run_load(running.smtp_port, self.recipient, connections=4, per_connection=each))
        if load.refused:
            raise SystemExit(f"refused: {load.first_refusal}")
        self.per_s.append(load.accepted / load.seconds)
        self.acks.append(harness.median(load.acks) * 1e3)


def mark_sent(data: Path) -> None:
    """The same emails in the store, with nothing left to do: what they take up there is not the relay's fault."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(data / "letterlock.db")) as store, store:
        store.execute("UPDATE deliveries SET state = 'sent', next_at = NULL")


def dead(count: int, rounds: int) -> None:
    """In each round both sides run at the same time and take turns of a second or so, ABBA, so that what else the
    machine does meets both alike. `cost`: the median over all pairs of turns; `cpu_cost`: of all the processor time of
    the two servers, reading what came in too."""
    turns, each = 32, 50
    for kind in ("refused", "silent"):
        costs: list[list[float]] = []
        per_s, acks, cpu = [{name: list[float]() for name in ("without", "with")} for _ in range(3)]
        with dead_relay(kind) as port:
            for round_ in range(rounds):
                with harness.temporary_folder("sending") as folder, contextlib.ExitStack() as servers:
                    names = ("without", "with") if round_ % 2 else ("with", "without")
                    sides = {name: Side(folder, name, port, count) for name in names}
                    running = {name: servers.enter_context(harness.serve(sides[name].data)) for name in names}
                    for name in names:
                        cpu[name].append(-harness.cpu_seconds(running[name].process.pid))
                    for turn in range(turns):
                        for name in names if turn % 2 else names[::-1]:
                            sides[name].load(running[name], each)
                    for name in names:
                        cpu[name].append(harness.cpu_seconds(running[name].process.pid))
                    for name, side in sides.items():
                        # The first turn warms up.
                        per_s[name].extend(side.per_s[1:])
                        acks[name].extend(side.acks[1:])
                    pairs = zip(sides["without"].per_s[1:], sides["with"].per_s[1:], strict=True)
                    costs.append([1 - slower / whole for whole, slower in pairs])
        medians = {name: harness.median(rates) for name, rates in per_s.items()}
        harness.say(
            figure="dead relay",
            relay=kind,
            waiting=count,
            rounds=rounds,
            emails_each=turns * each * 4 * rounds,
            inbound_per_s_without=medians["without"],
            inbound_per_s_with=medians["with"],
            cost=harness.median([cost for of_round in costs for cost in of_round]),
            cost_by_round=[round(harness.median(of_round), 3) for of_round in costs],
            cpu_s_without=sum(cpu["without"]),
            cpu_s_with=sum(cpu["with"]),
            cpu_cost=sum(cpu["with"]) / sum(cpu["without"]) - 1,
            ack_p50_ms={name: round(harness.median(some), 2) for name, some in acks.items()},
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emails", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--sink", default="aiosmtpd", choices=("aiosmtpd", "smtp-sink"))
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--points", nargs="*", choices=POINTS)
    parser.add_argument("--dead", action="store_true")
    parser.add_argument("--turns", type=int, default=0)
    parser.add_argument("--answer-ms", type=float, default=0.0, help="how long the relay takes to answer the final dot")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--be-sink", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.be_sink:
        port, file, answer_ms = options.be_sink
        asyncio.run(be_sink(int(port), Path(file), float(answer_ms)))
        return
    harness.say_where()
    if options.kills:
        kills(options.kills, options.connections, options.answer_ms, options.points or POINTS)
        return
    if options.dead:
        dead(options.emails, options.rounds)
        return
    for turn in range(max(1, options.turns)):
        for one_by_one in (True, False)[: 2 if options.turns else 1][:: -1 if turn % 2 else 1]:
            throughput(options.emails, options.sink, options.connections, options.answer_ms, one_by_one)


if __name__ == "__main__":
    main()
