"""MCP on stdio beside a bare `mcp` server with one tool that does nothing: start, memory, and the time of a call.

    python bench/stdio.py [--seed-folder DIR] [--sizes 1000,1000000] [--starts 15] [--calls 1500]

start: from spawning the process to its answer to the first tools/list. memory: resident, the whole process tree,
after IDLE_S of rest. calls: list_emails (20 newest of all inboxes, then of the biggest) and search_emails beside the
no-op tool. Everything alternates. The other end of the pipe speaks raw JSON lines, so that the figures are the
server's own; `sdk` repeats list_emails through the SDK's client, as a chat client would. Data folders of the sizes
named are seeded (bench/seeding.py) and kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

from harness import (
    environment,
    free_port,
    letterlock,
    median,
    percentile,
    resident_mib,
    say,
    say_where,
    temporary_folder,
)
from seeding import seed

TARGET = {"start": 1.3, "memory": 1.5, "call": 1.5}
IDLE_S = 5.0
_BLOCK = 50
_NOOP = [sys.executable, str(Path(__file__).with_name("noop_server.py")), "stdio"]
_INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "0"},
}


class Server:
    """A stdio server, spoken to in raw lines."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
        )
        self._id = 0

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self._id += 1
        self._write({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        while line := self.process.stdout.readline():
            if f'"id":{self._id}'.encode() in line.replace(b" ", b""):
                return dict(json.loads(line))
        raise RuntimeError("the server closed its output")

    def begin(self) -> None:
        """Handshake, then the first tools/list."""
        self.ask("initialize", **_INITIALIZE)
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert "result" in self.ask("tools/list")

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self.ask("tools/call", name=tool, arguments=arguments)["result"]
        if result.get("isError"):
            raise RuntimeError(f"{tool}: {result['content']}")
        return result

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[Server]:
    server = Server(command)
    try:
        server.begin()
        yield server
    finally:
        server.close()


def ours(folder: Path) -> list[str]:
    return letterlock("--data", str(folder), "--smtp-port", str(free_port()))


def compare_starts(label: str, folder: Path, times: int) -> None:
    took: dict[str, list[float]] = {"letterlock": [], "bare": []}
    for n in range(times + 1):
        for name in sorted(took, reverse=bool(n % 2)):
            begin = time.perf_counter()
            with started(ours(folder) if name == "letterlock" else _NOOP):
                if n:
                    took[name].append(time.perf_counter() - begin)
    mine, bare = median(took["letterlock"]) * 1e3, median(took["bare"]) * 1e3
    _verdict("start", label, mine, bare, "ms", starts=times)


def compare_memory(label: str, folder: Path) -> None:
    with started(ours(folder)) as mine, started(_NOOP) as bare:
        time.sleep(IDLE_S)
        _verdict("memory", label, resident_mib(mine.process.pid), resident_mib(bare.process.pid), "mib")


def compare_calls(label: str, folder: Path, calls: int) -> None:
    with started(ours(folder)) as mine, started(_NOOP) as bare:
        inboxes = mine.call("list_inboxes", {})["structuredContent"]["inboxes"]
        found = mine.call("list_emails", {})["structuredContent"]["emails"]
        token = next(word for word in found[-1]["subject"].split() if len(word) == 32)
        kinds: dict[str, Callable[[], Any]] = {
            "no-op": lambda: bare.call("noop", {"x": 1}),
            "bare page": lambda: bare.call("page", {}),
            "list_emails": lambda: mine.call("list_emails", {}),
            "list_emails inbox": lambda: mine.call("list_emails", {"inbox": inboxes[0]["address"]}),
            "search_emails": lambda: mine.call("search_emails", {"query": f"order {token[:12]}"}),
        }
        took: dict[str, list[float]] = {name: [] for name in kinds}
        for n in range(calls // _BLOCK + 1):
            for name, call in kinds.items():
                for _ in range(_BLOCK):
                    begin = time.perf_counter()
                    call()
                    if n:
                        took[name].append(time.perf_counter() - begin)
        _say_calls("raw", label, took)


async def compare_sdk(label: str, folder: Path, calls: int) -> None:
    command, *arguments = ours(folder)
    mine = StdioServerParameters(command=command, args=arguments, env=environment())
    bare = StdioServerParameters(command=_NOOP[0], args=_NOOP[1:], env=environment())
    # The client hands its own stderr to the servers; the start-up line is no figure.
    async with Client(mine) as letters, Client(bare) as noop:
        tools = (("no-op", noop, "noop"), ("bare page", noop, "page"), ("list_emails", letters, "list_emails"))
        took: dict[str, list[float]] = {name: [] for name, _, _ in tools}
        for n in range(calls // _BLOCK + 1):
            for name, client, tool in tools:
                for _ in range(_BLOCK):
                    begin = time.perf_counter()
                    await client.call_tool(tool, {})
                    if n:
                        took[name].append(time.perf_counter() - begin)
    _say_calls("sdk", label, took)


def _say_calls(client: str, label: str, took: dict[str, list[float]]) -> None:
    floor50, floor99 = (percentile(took["no-op"], q) * 1e3 for q in (0.5, 0.99))
    page50 = percentile(took["bare page"], 0.5) * 1e3
    for name, seconds in took.items():
        p50, p99 = percentile(seconds, 0.5) * 1e3, percentile(seconds, 0.99) * 1e3
        if name == "bare page":
            say(what="floor", of=f"{name}, {label}, {client}", p50_ms=p50, p99_ms=p99, ratio=p50 / floor50)
        elif name != "no-op":
            more = {"p99_ms": p99, "bare_p99_ms": floor99, "ratio_to_bare_page": p50 / page50}
            _verdict("call", f"{name}, {label}, {client}", p50, floor50, "p50_ms", **more)


def _verdict(kind: str, label: str, mine: float, bare: float, unit: str, **more: float) -> None:
    ratio = mine / bare
    figures = {f"letterlock_{unit}": mine, f"bare_{unit}": bare, **more}
    say(what=kind, of=label, **figures, ratio=ratio, target=TARGET[kind], ok=ratio <= TARGET[kind])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed-folder", type=Path, default=Path(tempfile.gettempdir()) / "letterlock-seeded")
    parser.add_argument("--sizes", default="1000,1000000")
    parser.add_argument("--starts", type=int, default=15)
    parser.add_argument("--calls", type=int, default=1500)
    options = parser.parse_args()
    say_where()
    with temporary_folder("stdio") as folder:
        compare_starts("new folder", folder, options.starts)
        compare_memory("new folder", folder)
    for size in map(int, options.sizes.split(",")):
        folder = options.seed_folder / str(size)
        seed(folder, size)
        label = f"{size} emails"
        compare_starts(label, folder, options.starts)
        compare_memory(label, folder)
        compare_calls(label, folder, options.calls)
        asyncio.run(compare_sdk(label, folder, options.calls))


if __name__ == "__main__":
    main()
