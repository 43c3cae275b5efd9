"""Fixtures of every room: an open App on a folder of the test's own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from fakes import Clock, RelaySink, open_relay_sink
from letterlock.actions.people import name_contact
from letterlock.app import App, open_app
from running import settings_for

# How long an example takes says more about the machine than about the code.
hypothesis_settings.register_profile("letterlock", deadline=None)
hypothesis_settings.load_profile("letterlock")


@pytest.fixture(autouse=True, scope="session")
def _nobodys_settings() -> Iterator[None]:
    """Settings of whoever runs the tests do not count."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LETTERLOCK_")]:
            patch.delenv(name)
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was skipped is said each time, with its reason: a green end must not stand for what nobody ran."""
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.write_line(f"was NOT run: {report.nodeid} ({reason.removeprefix('Skipped: ')})", yellow=True)
