"""The official MCP conformance suite and the MCP Inspector against Letterlock.

    python bench/conformance.py [--cache DIR]

conformance: those of its scenarios that need no fixture tools, for both revisions of the protocol, against
`letterlock serve`. The suite cannot send an API key, so a small proxy on loopback adds it and changes nothing else,
Host and Origin least of all. inspector: its command line lists the tools and calls one, over stdio and over HTTP.
Both come from npm into DIR (kept), with a Node 22 of their own. What is known to fail, and why, stands in KNOWN; exit
code 1 for any other failure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness import Running, environment, free_port, letterlock, make_inbox, say, say_where, serve, temporary_folder

PACKAGES = (
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "@modelcontextprotocol/inspector@2.12.0",
    "node@22",
)
SCENARIOS = {
    "2025-11-25": (
        "server-initialize",
        "ping",
        "tools-list",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
        "server-session-lifecycle",
    ),
    "2026-07-28": (
        "server-stateless",
        "tools-list",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
        "caching",
        "http-header-validation",
        "sep-2164-resource-not-found",
    ),
}
KNOWN = {
    "sep-2575-server-rejects-undeclared-capability": "asks for a fixture tool (test_missing_capability)",
    "sep-2575-missing-capability-http-400": "asks for a fixture tool (test_missing_capability)",
}
_FAILURE = re.compile(r"\[(\S+) *\][^\n]*?FAILURE")
_SCENARIO_S = 120
_HEAD_BYTES = 64 * 1024


@contextmanager
def key_proxy(port: int, key: str) -> Iterator[int]:
    """A loopback port that passes HTTP on to `port` with the API key added to each request. One request a connection:
    that way nothing but the head of it has to be understood."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    mine = free_port()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while block := await reader.read(65536):
                writer.write(block)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            writer.close()
            return
        lines = [line for line in head[:-4].split(b"\r\n") if not line.lower().startswith(b"connection:")]
        lines += [b"Connection: close", b"Authorization: Bearer " + key.encode()]
        their_reader, their_writer = await asyncio.open_connection("127.0.0.1", port)
        their_writer.write(b"\r\n".join(lines) + b"\r\n\r\n")
        sending = asyncio.create_task(pipe(reader, their_writer))
        await pipe(their_reader, writer)
        sending.cancel()

    async def run() -> None:
        async with await asyncio.start_server(handle, "127.0.0.1", mine, limit=_HEAD_BYTES):
            ready.set()
            await asyncio.Event().wait()

    def work() -> None:
        asyncio.set_event_loop(loop)
        # stop() below ends the loop before run() is through.
        with suppress(asyncio.CancelledError, RuntimeError):
            loop.run_until_complete(run())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield mine
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


def install(cache: Path) -> tuple[Path, str]:
    """The folder with the packages and the Node to run them with."""
    cache.mkdir(parents=True, exist_ok=True)
    modules = cache / "node_modules"
    if not (modules / "@modelcontextprotocol/inspector").exists():
        (cache / "package.json").write_text('{"private": true}')
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES], cwd=cache, check=True, timeout=600
        )
    return modules, str(modules / ".bin/node")


def conform(modules: Path, node: str, url: str, revision: str, scenario: str, out: Path) -> bool:
    """Run one scenario and say how it went; False when it failed and that was not known."""
    suite = modules / "@modelcontextprotocol/conformance/dist/index.js"
    done = subprocess.run(
        [node, str(suite), "server", "--url", url, "--spec-version", revision, "--scenario", scenario, "-o", str(out)],
        capture_output=True,
        text=True,
        timeout=_SCENARIO_S,
        check=False,
    )
    text = done.stdout + done.stderr
    checks = re.search(r"Passed: (\d+)/(\d+)", text)
    failed = set(_FAILURE.findall(text))
    passed = done.returncode == 0
    say(
        suite="conformance",
        revision=revision,
        scenario=scenario,
        passed=passed,
        checks=checks[0] if checks else text.strip()[-200:],
        **({} if passed else {"failed": {check: KNOWN.get(check, "") for check in sorted(failed)}}),
    )
    return passed or bool(failed and failed <= KNOWN.keys())


def inspect(modules: Path, node: str, label: str, target: list[str]) -> bool:
    """List the tools with the Inspector and call one of them."""
    well = True
    for arguments, wanted in (
        (["--method", "tools/list", "--strict"], '"wait_for_otp"'),
        (["--method", "tools/call", "--tool-name", "list_inboxes"], "conformance@letterlock.localhost"),
    ):
        done = subprocess.run(
            [node, str(modules / ".bin/mcp-inspector"), "--cli", *target, *arguments],
            capture_output=True,
            text=True,
            timeout=_SCENARIO_S,
            check=False,
            env=environment(),
        )
        passed = done.returncode == 0 and wanted in done.stdout
        well &= passed
        why = {} if passed else {"said": (done.stdout + done.stderr)[-300:]}
        say(suite="inspector", transport=label, method=arguments[1], passed=passed, **why)
    return well


def run(running: Running, modules: Path, node: str, out: Path) -> bool:
    well = True
    with key_proxy(running.http_port, running.key) as port:
        for revision, scenarios in SCENARIOS.items():
            for scenario in scenarios:
                well &= conform(modules, node, f"http://localhost:{port}/mcp", revision, scenario, out)
    header = ["--header", f"Authorization: Bearer {running.key}"]
    well &= inspect(modules, node, "http", [running.mcp_url, *header])
    stdio = letterlock("--data", str(running.data), "--smtp-port", str(running.smtp_port))
    # The Inspector takes options meant for the server for its own; a file says it without doubt.
    config = out / "servers.json"
    config.write_text(json.dumps({"mcpServers": {"letterlock": {"command": stdio[0], "args": stdio[1:]}}}))
    return well & inspect(modules, node, "stdio", ["--config", str(config), "--server", "letterlock"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "letterlock-conformance")
    options = parser.parse_args()
    say_where()
    if shutil.which("npm") is None:
        say(skipped="conformance", why="npm is not installed")
        return 0
    modules, node = install(options.cache)
    os.environ.setdefault("NO_COLOR", "1")
    with temporary_folder("conformance") as folder:
        make_inbox(folder / "data", "conformance")
        with serve(folder / "data") as running:
            well = run(running, modules, node, folder)
    say(suite="all", ok=well)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
