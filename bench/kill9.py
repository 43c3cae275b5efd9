"""Does every mail that got a 250 survive SIGKILL, exactly once, and become readable?

    python bench/kill9.py [--kills 200] [--connections 8] [--seed N]

Starts `letterlock serve`, sends numbered mails over several connections, kills the server at random moments and
starts it again. A sender without a 250 sends the same mail once more, as a mail server does. At the end all that was
accepted must be filed; counted are mails that were acknowledged and are missing, mails sent once and stored twice,
mails stored twice after a lost 250, processes that outlived their server, and what SQLite says of the file. This is
about logic, not about the disk: a killed process loses no page cache (bench/fsync_order.py is the test for that).
Exit code 1 when anything is not as it should be.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import socket
import sqlite3
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom

import psutil
import zstandard

from harness import Running, free_port, make_inbox, say, say_where, start, stop, temporary_folder

_SIZES = (200,) * 8 + (2_000,) * 8 + (20_000,) * 3 + (200_000,)
_LINE = b"a quiet line of plain text that fills a body, 0123456789\r\n"
_STANDSTILL_S = 60.0


@dataclass(slots=True)
class Sent:
    """What the senders know, by number of mail. `lock` guards it."""

    run: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    next: int = 0
    tries: Counter[int] = field(default_factory=Counter)
    acked: set[int] = field(default_factory=set)
    refusals: Counter[str] = field(default_factory=Counter)
    over: bool = False

    def take(self) -> int:
        with self.lock:
            self.next += 1
            return self.next


def send_until_over(sent: Sent, port: int, recipient: str, seed: int) -> None:
    """A sender's life: one connection after the other, a new number only after a 250."""
    random = Random(seed)
    number: int | None = None
    mail = b""
    while not sent.over:
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as connection, connection.makefile("rb") as replies:
                connection.settimeout(20)
                _say(connection, replies, b"", b"220")
                _say(connection, replies, b"EHLO kill9.example\r\n", b"250")
                while not sent.over:
                    if number is None:
                        number = sent.take()
                        mail = _mail(sent.run, number, recipient, random.choice(_SIZES))
                    _say(connection, replies, b"MAIL FROM:<k9@sender.example>\r\n", b"250")
                    _say(connection, replies, b"RCPT TO:<" + recipient.encode() + b">\r\n", b"250")
                    _say(connection, replies, b"DATA\r\n", b"354")
                    with sent.lock:
                        sent.tries[number] += 1
                    _say(connection, replies, mail, b"250")
                    with sent.lock:
                        sent.acked.add(number)
                    number = None
        except ValueError as error:
            with sent.lock:
                sent.refusals[str(error)[:60]] += 1
            time.sleep(0.05)
        except OSError:
            time.sleep(0.02)


def _mail(run: str, number: int, recipient: str, size: int) -> bytes:
    head = (
        f"From: k9@sender.example\r\nTo: {recipient}\r\nSubject: number {number}\r\n"
        f"Message-ID: <k9.{run}.{number}@sender.example>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\n"
    )
    return head.encode() + _LINE * (1 + size // len(_LINE)) + b".\r\n"


def _say(connection: socket.socket, replies: object, data: bytes, want: bytes) -> None:
    """Raises ValueError for another answer, ConnectionError for none."""
    if data:
        connection.sendall(data)
    line = b"250-"
    while line[3:4] == b"-":
        line = replies.readline()  # type: ignore[attr-defined]
        if not line:
            raise ConnectionError
    if not line.startswith(want):
        raise ValueError(line.decode(errors="replace").strip())


def stored(file: Path, run: str) -> tuple[Counter[int], int, list[str]]:
    """How often each number is stored, how many emails are not filed, and what SQLite finds wrong."""
    numbers: Counter[int] = Counter()
    unfiled = 0
    pattern = re.compile(rf"k9\.{run}\.(\d+)@".encode())
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as database:
        for state, packed in database.execute("SELECT e.state, r.body FROM emails e JOIN raws r USING (raw_id)"):
            unfiled += state != "filed"
            if found := pattern.search(zstandard.ZstdDecompressor().decompressobj().decompress(packed)):
                numbers[int(found[1])] += 1
        wrong = [str(row[0]) for row in database.execute("PRAGMA integrity_check") if row[0] != "ok"]
        wrong += [str(row) for row in database.execute("PRAGMA foreign_key_check")]
        filed = database.execute("SELECT COUNT(*) FROM emails WHERE state = 'filed'").fetchone()[0]
        searchable = database.execute("SELECT COUNT(*) FROM email_documents").fetchone()[0]
        if searchable != filed:
            wrong.append(f"{searchable} emails can be searched, {filed} are filed")
        return numbers, unfiled, wrong


def wait_filed(file: Path) -> None:
    """Until nothing waits to be filed, or until nothing has been filed for _STANDSTILL_S."""
    before, since = -1, time.monotonic()
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as database:
        while time.monotonic() - since < _STANDSTILL_S:
            left = database.execute("SELECT COUNT(*) FROM emails WHERE state = 'received'").fetchone()[0]
            if not left:
                return
            if left != before:
                before, since = left, time.monotonic()
            time.sleep(0.2)


def orphans(data: Path, of: set[int]) -> int:
    """Processes that belonged to a killed server and are still there."""
    return sum(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in of)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 30))
    options = parser.parse_args()
    say_where()
    with temporary_folder("kill9") as folder:
        return _run(folder / "data", options.kills, options.connections, options.seed)


def _run(data: Path, kills: int, connections: int, seed: int) -> int:
    random = Random(seed)
    sent = Sent(run=f"{random.getrandbits(32):08x}")
    recipient = make_inbox(data, "kill9")
    ports = {"http_port": free_port(), "smtp_port": free_port()}
    running = start(data, **ports)
    senders = [
        threading.Thread(
            target=send_until_over, args=(sent, running.smtp_port, recipient, seed + n), daemon=True, name=f"sender {n}"
        )
        for n in range(connections)
    ]
    for sender in senders:
        sender.start()
    begin = time.monotonic()
    restarts: list[float] = []
    idle_kills = 0
    children: set[int] = set()
    try:
        for _ in range(kills):
            before = len(sent.acked)
            time.sleep(random.uniform(0.15, 1.2))
            children |= _kill(running)
            idle_kills += len(sent.acked) == before
            again = time.monotonic()
            running = start(data, **ports)
            restarts.append(time.monotonic() - again)
        time.sleep(0.5)
        sent.over = True
        for sender in senders:
            sender.join(30)
        wait_filed(data / "letterlock.db")
        left = orphans(data, children)
    finally:
        sent.over = True
        stop(running.process)
    numbers, unfiled, wrong = stored(data / "letterlock.db", sent.run)
    missing = [n for n in sent.acked if not numbers[n]]
    twice = [n for n, times in numbers.items() if times > 1]
    result = {
        "missing": len(missing),
        "doubled": sum(sent.tries[n] <= 1 for n in twice),
        "doubled_after_lost_250": sum(sent.tries[n] > 1 for n in twice),
        "unfiled": unfiled,
        "outlived_their_server": left,
        "integrity": wrong or "ok",
    }
    ok = not (missing or twice or unfiled or left or wrong) and bool(sent.acked)
    say(
        kills=kills,
        connections=connections,
        seed=seed,
        seconds=time.monotonic() - begin,
        acked=len(sent.acked),
        sent_again=sum(times > 1 for times in sent.tries.values()),
        kills_without_ack=idle_kills,
        restart_s_max=max(restarts),
        refusals=dict(sent.refusals.most_common(3)),
        **result,
        ok=ok,
    )
    return 0 if ok else 1


def _kill(running: Running) -> set[int]:
    """SIGKILL for the server alone; the process ids of its children, who must notice by themselves."""
    with contextlib.suppress(psutil.Error):
        children = {child.pid for child in psutil.Process(running.process.pid).children(recursive=True)}
        running.process.kill()
        running.process.wait()
        return children
    return set()


if __name__ == "__main__":
    sys.exit(main())
