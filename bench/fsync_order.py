"""Is a mail on the disk before its 250? The server runs under strace; between the read that brought the end of DATA
and the write of the 250, a sync of the database's write-ahead log must have returned: for every mail, sent one by one.

    python bench/fsync_order.py [-n 100]

Linux only; needs strace. Exit code 1 when a 250 came first.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable

import psutil

from harness import free_port, make_inbox, say, say_where, start, temporary_folder
from smtp_load import connect, send_one

_TRACE = (
    "strace",
    "-f",
    "-y",
    "-s",
    "4096",
    "-e",
    "trace=read,recvfrom,recvmsg,readv,write,writev,sendto,sendmsg,fsync,fdatasync",
)
_SYNC = re.compile(r"\b(?:fsync|fdatasync)\(\d+<(?P<file>[^>]*)>(?P<rest>.*)")
_RETURNED = re.compile(r"\) += 0$")
_RESUMED = re.compile(r"<\.\.\. (?:fsync|fdatasync) resumed>.*= 0$")


def synced_before_answer(trace: Iterable[str], log_name: str) -> tuple[int, int]:
    """How many 250s for a message the trace shows, and before how many of them the log was synced after DATA had
    ended."""
    answers = synced = 0
    waiting = safe = False
    pending: dict[str, str] = {}
    for line in trace:
        line = line.rstrip()
        process = line.split(maxsplit=1)[0]
        if r'\r\n.\r\n"' in line and re.search(r"\b(?:read|recvfrom|recvmsg|readv)\b", line):
            waiting, safe = True, False
        elif found := _SYNC.search(line):
            if _RETURNED.search(found["rest"]):
                safe = safe or found["file"].endswith(log_name)
            else:
                pending[process] = found["file"]
        elif _RESUMED.search(line):
            safe = safe or pending.pop(process, "").endswith(log_name)
        elif '"250 2.0.0 ' in line and waiting:
            answers += 1
            synced += safe
            waiting = False
    return answers, synced


async def send(port: int, recipient: str, times: int) -> int:
    client = await connect(port)
    accepted = 0
    for n in range(times):
        mail = f"From: a@sender.example\r\nMessage-ID: <sync.{n}@sender.example>\r\nSubject: {n}\r\n\r\nbody\r\n.\r\n"
        _, _, answer = await send_one(client, recipient, mail.encode())
        accepted += answer.startswith(b"250")
        # The mail before is filed in a transaction of its own, whose sync must not be taken for the next one's.
        await asyncio.sleep(0.15)
    client.close()
    return accepted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=100)
    times = parser.parse_args().n
    say_where()
    if shutil.which("strace") is None:
        say(skipped="fsync order", why="strace is not installed")
        return 0
    with temporary_folder("fsync") as folder:
        data, trace = folder / "data", folder / "trace"
        recipient = make_inbox(data, "sync")
        running = start(data, http_port=free_port(), smtp_port=free_port(), before=(*_TRACE, "-o", str(trace)))
        try:
            accepted = asyncio.run(send(running.smtp_port, recipient, times))
        finally:
            _stop_traced(running.process)
        with trace.open(encoding="utf-8", errors="replace") as lines:
            answers, synced = synced_before_answer(lines, "letterlock.db-wal")
    ok = accepted == answers == synced == times
    say(mails=times, accepted=accepted, answers_seen=answers, synced_before_250=synced, target=times, ok=ok)
    return 0 if ok else 1


def _stop_traced(strace: subprocess.Popen[bytes]) -> None:
    """strace ends when the server it runs does; a signal for strace itself would only detach it."""
    for child in psutil.Process(strace.pid).children():
        child.terminate()
    try:
        strace.wait(20)
    except subprocess.TimeoutExpired:
        strace.kill()
        strace.wait()


if __name__ == "__main__":
    sys.exit(main())
