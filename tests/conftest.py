"""Fixtures of every room: an open App on a folder of the test's own."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

import pytest
from hypothesis import settings as hypothesis_settings

from fakes import Clock, RelaySink, open_relay_sink
from letterlock.actions.people import name_contact
from letterlock.app import App, open_app
from running import Seen, settings_for

# How long an example takes says more about the machine than about the code.
# The same code gets the same verdict everywhere. `pytest --hypothesis-profile=searching` looks for what these draws
# miss.
hypothesis_settings.register_profile("letterlock", deadline=None, derandomize=True, max_examples=60)
hypothesis_settings.register_profile("searching", deadline=None, max_examples=1000)
hypothesis_settings.load_profile("letterlock")

STARTS_PROCESSES = (
    "tests/whole/",
    "tests/inbound/test_workers.py",
    "tests/doors/test_cli.py",
    "tests/doors/test_http.py",
    "tests/store/test_pool.py",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # Nothing of what is imported and collected ever goes: to look through it again and again takes a fifth of the time
    # that collecting takes.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes seconds comes first: what is left to the end, when one process has no more to do, is short."""
    items.sort(key=lambda item: not item.nodeid.startswith(STARTS_PROCESSES))


def _interrupted(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


# What Python itself does at this signal, but asyncio leaves it in place. Else it sets its own for each test and each
# fixture, and signal.signal writes out that one's repr each time: a task, an App and all its settings.
signal.signal(signal.SIGINT, _interrupted)


@pytest.fixture(autouse=True, scope="session")
def _nobodys_settings() -> Iterator[None]:
    """Settings of whoever runs the tests do not count."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LETTERLOCK_")]:
            patch.delenv(name)
        # Else each of some hundred processes compiles every module once more.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """No listener, no filing: what the test does not do does not happen."""
    async with open_app(settings_for(tmp_path)) as app:
        yield app


@pytest.fixture
async def sink() -> AsyncIterator[RelaySink]:
    async with open_relay_sink() as sink:
        yield sink


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def relayed(tmp_path: Path, sink: RelaySink, clock: Clock) -> AsyncIterator[App]:
    """An app whose mail to the outside ends in `sink`."""
    chosen = settings_for(tmp_path, relay_host=sink.host, relay_port=sink.port, relay_security="none")
    async with open_app(chosen, clock) as app:
        for domain in ("@shop.example", "@far.example", "@example.com", "@other.example"):
            await name_contact(app, domain)
        yield app


@pytest.fixture
def endpoint() -> Iterator[tuple[str, Seen]]:
    """A web address that takes whatever is posted to it, and the headers and bodies it took."""
    seen: Seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", seen
    server.shutdown()
    thread.join()
    server.server_close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was skipped is said each time, with its reason: a green end must not stand for what nobody ran."""
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.write_line(f"was NOT run: {report.nodeid} ({reason.removeprefix('Skipped: ')})", yellow=True)
