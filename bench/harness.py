"""What every measuring script needs: Letterlock as its users start it, in a temporary data folder, and honest figures
of it.

Traffic stays on 127.0.0.1; whatever is started here ends with its context, by its own process id.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psutil
from mcp.client.streamable_http import streamable_http_client

DOMAIN = "letterlock.localhost"
_KEY = re.compile(r"shown this once: (\S+)")
_HEALTHY_S = 40.0
_STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class Running:
    """A `letterlock serve` that is up. `key`: the owner's API key, "" when the folder had one already."""

    process: subprocess.Popen[bytes]
    data: Path
    http_port: int
    smtp_port: int
    key: str

    @property
    def mcp_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/mcp"


def letterlock(*arguments: str) -> list[str]:
    """The command line of the console script beside this interpreter."""
    return [str(Path(sys.executable).parent / "letterlock"), *arguments]


def environment() -> dict[str, str]:
    """Ours, without settings of the person who measures, and without the limits of an hour that measuring takes
    seconds for. Compiled modules are kept, as they are of whatever is installed."""
    left_out = ("LETTERLOCK_", "PYTHONDONTWRITEBYTECODE")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return ours | {"LETTERLOCK_INBOXES_PER_HOUR": "1000000", "LETTERLOCK_WAITS_PER_HOUR": "1000000"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"letterlock-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def serve(data: Path, *options: str, http_port: int = 0, smtp_port: int = 0) -> Iterator[Running]:
    """`letterlock serve` on free ports until the context ends. Raises RuntimeError with its stderr when it does not
    come up."""
    running = start(data, *options, http_port=http_port or free_port(), smtp_port=smtp_port or free_port())
    try:
        yield running
    finally:
        stop(running.process)


def start(data: Path, *options: str, http_port: int, smtp_port: int, before: Sequence[str] = ()) -> Running:
    """The same, for callers who end it themselves. `before`: a command that runs it (strace)."""
    data.mkdir(parents=True, exist_ok=True)
    errors = data / "serve.stderr"
    seen = errors.stat().st_size if errors.exists() else 0
    command = letterlock("--data", str(data), "serve", "--http-port", str(http_port), "--smtp-port", str(smtp_port))
    with errors.open("ab") as log:
        process = subprocess.Popen(
            [*before, *command, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment()
        )
    end = time.monotonic() + _HEALTHY_S
    while not _healthy(http_port):
        if process.poll() is not None or time.monotonic() > end:
            stop(process)
            raise RuntimeError(f"letterlock serve did not come up:\n{errors.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)
    found = _KEY.search(errors.read_bytes()[seen:].decode(errors="replace"))
    return Running(process, data, http_port, smtp_port, found[1] if found else "")


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def make_inbox(data: Path, name: str) -> str:
    """The address of a new inbox, made by the command line."""
    made = subprocess.run(
        letterlock("--data", str(data), "inbox", "create", name),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"no inbox: {made.stderr[-1000:]}")
    return made.stdout.split()[-1]


@contextlib.asynccontextmanager
async def http_transport(running: Running) -> Any:
    """The target of an `mcp.Client` over streamable HTTP, with the owner's key."""
    headers = {"Authorization": f"Bearer {running.key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=400) as http,
        streamable_http_client(running.mcp_url, http_client=http) as streams,
    ):
        yield streams


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, its children and those it has waited for."""
    total = 0.0
    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
            total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


def resident_mib(pid: int) -> float:
    """Resident memory of a process and its children; pages they share count once for each."""
    total = 0
    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total / 2**20


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def percentile(values: Sequence[float], q: float) -> float:
    """Nearest rank; nan of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))] if ordered else float("nan")


def median(values: Sequence[float]) -> float:
    return percentile(values, 0.5)


def fsync_ms(folder: Path, times: int = 200) -> float:
    """What this disk takes to append 4 kB durably, median milliseconds."""
    file = folder / "fsync.probe"
    took = []
    with file.open("wb", buffering=0) as out:
        for _ in range(times):
            begin = time.perf_counter()
            out.write(bytes(4096))
            os.fsync(out.fileno())
            took.append(time.perf_counter() - begin)
    file.unlink()
    return median(took) * 1e3


def say(**figures: Any) -> None:
    """One line of JSON, floats to three places."""
    print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}), flush=True)


def say_where() -> None:
    """First line of every report: on what and when."""
    model = ""
    with contextlib.suppress(OSError):
        model = next(
            (
                line.split(":", 1)[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if "model name" in line
            ),
            "",
        )
    with temporary_folder("probe") as folder:
        fsync = fsync_ms(folder)
    say(
        machine=f"{os.cpu_count()} x {model or platform.machine()}, {psutil.virtual_memory().total / 2**30:.0f} GiB",
        system=f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        load_1min=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        fsync_4k_p50_ms=fsync,
    )
