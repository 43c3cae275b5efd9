"""Durable acceptance over SMTP beside Postfix writing to a maildir, in alternating rounds on the same machine.

    python bench/acceptance.py [--rounds 5] [--only 10x100]

Both answer 250 only when the mail is safe on disk: Postfix after its queue file is synced, Letterlock after its commit
(bench/fsync_order.py checks the second). CPU per mail counts everything a mail costs until it is delivered: Postfix's
cleanup, queue manager and delivery; Letterlock's reading and screening as well, which Postfix does not do.
Postfix runs from a configuration of its own in a temporary folder; the system's one is not touched. Needs root for
that.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

from harness import (
    Running,
    cpu_seconds,
    free_port,
    make_inbox,
    median,
    percentile,
    say,
    say_where,
    serve,
    temporary_folder,
)
from smtp_load import Load, run_load

TARGETS = {"10x100": 1.5, "50x30": 3.0}
_DRAIN_S = 120.0
_WARM = 50


@dataclass(frozen=True, slots=True)
class Receiver:
    """`left()`: mails accepted and not yet delivered to where they can be read."""

    name: str
    port: int
    recipient: str
    pid: int
    left: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Round:
    load: Load
    cpu_ms: float
    delivered_s: float


def measure(receiver: Receiver, connections: int, per_connection: int, seed: int) -> Round:
    """One round: load, then wait until all is delivered, so that the next round starts from rest."""
    before = cpu_seconds(receiver.pid)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        load = runner.run(
            run_load(
                receiver.port, receiver.recipient, connections=connections, per_connection=per_connection, seed=seed
            )
        )
    begin = time.monotonic()
    while receiver.left() and time.monotonic() - begin < _DRAIN_S:
        time.sleep(0.05)
    delivered = load.seconds + time.monotonic() - begin
    return Round(load, (cpu_seconds(receiver.pid) - before) / max(1, load.accepted) * 1e3, delivered)


def unfiled(running: Running) -> int:
    with contextlib.closing(sqlite3.connect(running.data / "letterlock.db", timeout=20)) as database:
        return int(database.execute("SELECT COUNT(*) FROM emails WHERE state = 'received'").fetchone()[0])


@contextlib.contextmanager
def letterlock_receiver(folder: Path) -> Iterator[Receiver]:
    recipient = make_inbox(folder / "data", "load")
    with serve(folder / "data") as running:
        yield Receiver("letterlock", running.smtp_port, recipient, running.process.pid, lambda: unfiled(running))


@contextlib.contextmanager
def postfix_receiver() -> Iterator[Receiver]:
    """Postfix with its own configuration, queue and data, delivering to a maildir. smtpd as the distribution sets it
    up, not chrooted."""
    port = free_port()
    # mkdtemp's 0700 would keep the postfix user out of its own queue.
    folder = Path(tempfile.mkdtemp(prefix="letterlock-postfix-"))
    folder.chmod(0o755)
    try:
        config, queue, data, box = (folder / name for name in ("etc", "queue", "data", "box"))
        for made in (config, queue, data, box):
            made.mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(data, owner.pw_uid, owner.pw_gid)
        nobody = pwd.getpwnam("nobody")
        os.chown(box, nobody.pw_uid, nobody.pw_gid)
        (config / "main.cf").write_text(
            "compatibility_level = 3.6\n"
            f"queue_directory = {queue}\ndata_directory = {data}\nmail_owner = postfix\nsetgid_group = postdrop\n"
            "command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n"
            "shlib_directory = /usr/lib/postfix\nmeta_directory = /etc/postfix\n"
            "inet_interfaces = loopback-only\ninet_protocols = ipv4\nmyhostname = mx.bench.example\nmydestination =\n"
            "mynetworks = 127.0.0.0/8\nalias_maps =\nlocal_recipient_maps =\n"
            "virtual_mailbox_domains = bench.example\nvirtual_mailbox_maps = static:box/\n"
            f"virtual_mailbox_base = {folder}\nvirtual_uid_maps = static:{nobody.pw_uid}\n"
            f"virtual_gid_maps = static:{nobody.pw_gid}\nvirtual_mailbox_limit = 0\n"
            "virtual_transport = virtual\nsmtpd_recipient_restrictions = permit_mynetworks, reject\n"
            f"maillog_file = {folder}/mail.log\nmaillog_file_prefixes = {folder}\n"
            "smtpd_client_connection_count_limit = 0\nsmtpd_client_connection_rate_limit = 0\n"
            "default_process_limit = 100\n"
        )
        services = []
        for line in Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
            words = line.split()
            if line[:1] in ("#", " ", "") or len(words) < 8:
                continue
            if words[0] == "smtp" and words[1] == "inet":
                words[0] = f"127.0.0.1:{port}"
            words[4] = "n"
            services.append(" ".join(words))
        services.append("postlog unix-dgram n - n - 1 postlogd")
        (config / "master.cf").write_text("\n".join(dict.fromkeys(services)) + "\n")
        subprocess.run(["postfix", "-c", str(config), "start"], capture_output=True, check=True, timeout=60)
        try:
            master = int((queue / "pid" / "master.pid").read_text())
            yield Receiver("postfix", port, "load@bench.example", master, lambda: _queued(queue))
        finally:
            subprocess.run(["postfix", "-c", str(config), "stop"], capture_output=True, check=False, timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _queued(queue: Path) -> int:
    return sum(
        1 for name in ("incoming", "active", "deferred", "maildrop") for f in (queue / name).rglob("*") if f.is_file()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=list(TARGETS), help="one shape: connections x mails on each")
    options = parser.parse_args()
    say_where()
    with contextlib.ExitStack() as stack:
        receivers = [stack.enter_context(letterlock_receiver(stack.enter_context(temporary_folder("acceptance"))))]
        if shutil.which("postfix") is None or os.geteuid() != 0:
            say(skipped="postfix", why="it is not installed, or this is not root: only our own side is measured")
        else:
            receivers.append(stack.enter_context(postfix_receiver()))
        for receiver in receivers:
            measure(receiver, 10, _WARM // 10, seed=1)
        for shape in [options.only] if options.only else TARGETS:
            _compare(shape, receivers, options.rounds)


def _compare(shape: str, receivers: list[Receiver], rounds: int) -> None:
    connections, per_connection = map(int, shape.split("x"))
    results: dict[str, list[Round]] = {receiver.name: [] for receiver in receivers}
    for n in range(rounds):
        # Who goes first changes, so that neither always finds a warmer disk.
        for receiver in receivers if n % 2 else reversed(receivers):
            result = measure(receiver, connections, per_connection, seed=1000 * connections + n)
            results[receiver.name].append(result)
            _say_round(f"{shape} round {n + 1}", receiver.name, [result])
    for name, measured in results.items():
        _say_round(f"{shape} median", name, measured)
    if len(results) == 2:
        ours, theirs = results["letterlock"], results["postfix"]
        ratio = _rate(ours) / _rate(theirs)
        p99, their_p99 = (median([percentile(r.load.acks, 0.99) for r in side]) * 1e3 for side in (ours, theirs))
        say(
            shape=shape,
            ratio=ratio,
            target=TARGETS[shape],
            ack_p99_ms=p99,
            postfix_ack_p99_ms=their_p99,
            ok=ratio >= TARGETS[shape] and p99 <= their_p99 and not any(r.load.refused for r in ours),
        )


def _rate(rounds: list[Round]) -> float:
    return median([r.load.accepted / r.load.seconds for r in rounds])


def _say_round(label: str, name: str, rounds: list[Round]) -> None:
    say(
        run=label,
        receiver=name,
        mails_s=_rate(rounds),
        delivered_s=median([r.load.accepted / r.delivered_s for r in rounds]),
        ack_p50_ms=median([percentile(r.load.acks, 0.5) for r in rounds]) * 1e3,
        ack_p99_ms=median([percentile(r.load.acks, 0.99) for r in rounds]) * 1e3,
        cpu_ms_per_mail=median([r.cpu_ms for r in rounds]),
        accepted=sum(r.load.accepted for r in rounds),
        refused=sum(r.load.refused for r in rounds),
        **(
            {"first_refusal": refusal}
            if (refusal := next((r.load.first_refusal for r in rounds if r.load.refused), ""))
            else {}
        ),
    )


if __name__ == "__main__":
    main()
