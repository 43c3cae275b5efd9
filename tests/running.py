"""A running Letterlock for tests: settings on free ports, mail handed in, processes that end with their test.

Real parts only: a store in the test's own folder, sockets on loopback, the console script itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
import signal
import smtplib
import socket
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import httpx2
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost

from letterlock.actions.caller import AGENT_SCOPES, LOCAL_CALLER, Caller
from letterlock.actions.catalog import ACTIONS, perform
from letterlock.app import DATABASE_FILE, App
from letterlock.doors.http import build_http
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, EmailId, InboxId
from letterlock.inbound.accept import accept
from letterlock.inbound.filing import keep
from letterlock.inbound.routing import route
from letterlock.inbound.workers import WorkerOptions, Workers, read_message
from letterlock.inspection import Inspection, preview
from letterlock.message.envelope import Envelope, Receipt
from letterlock.message.extract.codes import Code
from letterlock.message.parse import Mailbox
from letterlock.outbound.deliver import claim, deliver
from letterlock.screen.rule import Finding
from letterlock.screen.score import Level, Screening
from letterlock.settings import Settings, load_settings
from letterlock.store import arrivals, emails, inboxes
from letterlock.store.database import Transaction
from letterlock.store.emails import Email, Filed
from letterlock.store.sqlite import open_sqlite
from letterlock.store.terms import terms_of

DOMAIN = "letterlock.localhost"
SCRIPT = Path(sys.executable).parent / "letterlock"
Seen = list[tuple[dict[str, str], bytes]]
"""Headers (names in lower case) and bodies of what was posted to an endpoint."""
_FEW = {"smtp_port": 0, "filing_workers": 1, "first_emails": 0}
START_S = 90.0
"""How long a process may take to come up on a busy machine."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_for(folder: Path, **changes: Any) -> Settings:
    """No listener unless asked for, few workers; the data folder has a store in it, empty and of today's schema."""
    chosen = {"data": folder / "data", **_FEW, **changes}
    # To read all sources takes longer than many a test; most tests change nothing.
    found = load_settings(**chosen) if changes else _unchanged().model_copy(update=chosen)
    if not found.data.exists():
        found.data.mkdir(parents=True, mode=0o700)
        copy_store(found.data / DATABASE_FILE)
    return found


@functools.cache
def _unchanged() -> Settings:
    return load_settings(data=Path("/nowhere"), **_FEW)


def copy_store(path: Path) -> None:
    """A store as its first opening leaves it. To make one takes longer than most tests do: tests/store/test_sqlite.py
    makes it, and so does every process that tests start."""
    path.write_bytes(_empty_store())


@functools.cache
def _empty_store() -> bytes:
    async def make(path: Path) -> None:
        async with open_sqlite(path):
            pass

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as beside:
        path = Path(folder) / DATABASE_FILE
        # On a thread: the test that asks first may run in a loop.
        beside.submit(lambda: asyncio.run(make(path))).result()
        return path.read_bytes()


async def until(check: Callable[[], Awaitable[Any]], seconds: float = 30.0) -> Any:
    """The first true value of `check`, asked again and again; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not (value := await check()):
        assert time.monotonic() < end, f"did not become true within {seconds} s"
        await asyncio.sleep(0.02)
    return value


def letter(
    subject: str = "Hello",
    body: str = "A few plain words.",
    sender: str = "Anna <anna@shop.example>",
    **headers: str,
) -> bytes:
    """A plain email; `headers` with _ for -."""
    message = EmailMessage()
    message["From"] = sender
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


async def do(app: App, tool: str, caller: Caller = LOCAL_CALLER, **arguments: Any) -> Any:
    """What a door does with a call: the named action with arguments as they came."""
    action = next(action for action in ACTIONS if action.name == tool)
    return await perform(app, caller, action, arguments)


async def make_inbox(app: App, name: str = "box", caller: Caller = LOCAL_CALLER) -> str:
    """The address of a new inbox."""
    return str((await do(app, "create_inbox", caller, name=name)).address)


async def hand_in(
    app: App,
    recipients: str | tuple[str, ...],
    raw: bytes,
    *,
    sender: str = "anna@shop.example",
    at: datetime | None = None,
) -> tuple[Receipt, ...]:
    """Mail as the listener accepts it; not filed yet."""
    recipients = (recipients,) if isinstance(recipients, str) else recipients
    return await accept(app, Envelope(sender, recipients, at or datetime.now(UTC), "smtp"), raw)


async def file_all(app: App) -> list[EmailId]:
    """File whatever was handed in as filing does it, but in this process: for tests of what comes after."""
    options = WorkerOptions.model_validate_json(Workers(app.settings)._options)
    done: list[EmailId] = []
    while found := await app.database.read_system(lambda tx: arrivals.next_unfiled(tx, 50, ())):
        for unfiled in found:
            raw = await app.vault.opened(unfiled.receipt.tenant_id, unfiled.kept)
            filed = read_message(raw, unfiled.envelope, options, allowed=unfiled.allowed)
            await keep(app, unfiled, raw, filed)
            done.append(unfiled.receipt.email_id)
    return done


@contextlib.asynccontextmanager
async def filing(app: App) -> AsyncIterator[None]:
    """What comes in is filed at once, in this process: those that read mail take a second to start."""

    async def file_forever() -> None:
        while True:
            await file_all(app)
            await asyncio.sleep(0.02)

    async with ended(asyncio.create_task(file_forever())):
        yield


async def file_as(app: App, receipt: Receipt, filed: Filed) -> bool:
    async def keep(tx: Transaction) -> bool:
        done = await emails.file(tx, receipt, filed)
        if done:
            await route(tx, receipt, filed, app.now_ms())
        return done

    done = await app.database.write(receipt.tenant_id, keep)
    app.wake.hint(receipt.inbox_id)
    return done


async def receive(app: App, recipient: str, raw: bytes, **how: Any) -> EmailId:
    """Hand in and file one email; its id."""
    (receipt,) = await hand_in(app, recipient, raw, **how)
    await file_all(app)
    return receipt.email_id


async def inbox_id(app: App, address: str) -> InboxId:
    found = await app.database.read(LOCAL_CALLER.tenant_id, lambda tx: inboxes.find(tx, address))
    assert found is not None
    return found.inbox_id


async def one_inbox_caller(app: App, address: str) -> Caller:
    """The local agent with a key for this inbox only."""
    return Caller(DEFAULT_TENANT, LOCAL_AGENT, AGENT_SCOPES, await inbox_id(app, address))


async def newest(app: App, address: str) -> Email:
    """The last email of an inbox, filed."""
    await file_all(app)
    box = await inbox_id(app, address)
    found = await app.database.read(DEFAULT_TENANT, lambda tx: emails.listed(tx, inbox_id=box, limit=1))
    return found[0]


async def relay_now(app: App) -> None:
    """Hand what is due to the relay, as the postmaster does."""
    while leases := await claim(app, "test", "relay", 50):
        for lease in leases:
            await deliver(app, lease)


# Processes


def clean_environment(**more: str) -> dict[str, str]:
    """Ours without the settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LETTERLOCK_")}
    return {**kept, **more}


@dataclass(slots=True)
class Served:
    """A `letterlock serve` that is up."""

    process: Popen[str]
    data: Path
    smtp_port: int
    url: str
    key: str
    stderr: list[str]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds: float = 30.0) -> int:
        """SIGTERM; its exit code. Raises TimeoutExpired when it does not end in time."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextlib.contextmanager
def serving(data: Path, *options: str, smtp_port: int | None = None, key: str = "") -> Iterator[Served]:
    """`letterlock serve` as a process of its own on free ports, killed with the context if it still runs.

    `key`: the owner's key, when an earlier start on this folder has shown it."""
    smtp = free_port() if smtp_port is None else smtp_port
    process = Popen(
        [SCRIPT, "serve", "--data", str(data), "--http-port", "0", "--smtp-port", str(smtp), *options],
        stderr=PIPE,
        stdout=PIPE,
        text=True,
        env=clean_environment(),
    )
    lines: list[str] = []
    started = threading.Event()

    def collect() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            # The last line of the greeting.
            if "Authorization: Bearer" in line:
                started.set()
        started.set()

    reader = threading.Thread(target=collect, daemon=True)
    reader.start()
    try:
        assert started.wait(START_S), lines
        said = "".join(lines)
        address = re.search(r"MCP on (http://\S+)/mcp", said)
        assert address is not None, said
        shown = re.search(r"shown this once: (\S+)", said)
        yield Served(process, data, smtp, address[1], shown[1] if shown else key, lines)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def connects(port: int) -> bool:
    """Whether an SMTP server greets on this port of loopback."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def wait_until(check: Callable[[], Any], seconds: float = 30.0) -> Any:
    """`until` for code without a loop."""
    end = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < end, f"did not become true within {seconds} s"
        time.sleep(0.02)
    return value


@contextlib.asynccontextmanager
async def ended(task: asyncio.Task[Any]) -> AsyncIterator[None]:
    """Cancels `task` with the context and waits for it."""
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


# Mail as a worker has read it, whatever the screen of today makes of its words


def screened(level: Level = Level.NORMAL, text: str = "", *, code: str = "", **fields: Any) -> Filed:
    """What filing keeps of an email at `level`. `code`: the one-time code found in it."""
    findings = fields.pop("findings", ())
    if level in (Level.SUSPECT, Level.QUARANTINED) and not findings:
        findings = (Finding("orders.ignore", "it gives orders to its reader", 0.9, "text", 0, 5, text[:5]),)
    score = {Level.SUSPECT: 0.7, Level.QUARANTINED: 0.95}.get(level, 0.0)
    inspection = Inspection(
        screening=Screening(level, score, findings),
        text=text,
        history_start=fields.pop("history_start", len(text)),
        from_=fields.pop("from_", Mailbox("Shop", "codes@shop.example")),
        code=Code(code, 0.97, "stands alone after the word code", (code,), 600) if code else None,
        **fields,
    )
    shown = preview(inspection, mask_codes=True)
    return Filed.of(inspection, shown, terms_of(inspection.subject, text))


async def arrive(app: App, recipient: str, filed: Filed, *, at: datetime | None = None) -> EmailId:
    """An email that was read as `filed`."""
    (receipt,) = await hand_in(app, recipient, letter(), at=at)
    assert await file_as(app, receipt, filed)
    return receipt.email_id


@contextlib.asynccontextmanager
async def served(app: App) -> AsyncIterator[str]:
    """A real server of `app` in this loop; its address. Streams cannot be read otherwise."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        async with served_at(app, bound, "http://localhost"):
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextlib.asynccontextmanager
async def served_at(app: App, bound: socket.socket, base_url: str) -> AsyncIterator[None]:
    config = uvicorn.Config(
        build_http(app, base_url), log_config=None, timeout_graceful_shutdown=3, ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]
    task = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        app.wake.end_waits()
        server.should_exit = True
        await task


# MCP clients


class Told:
    """The addresses that a client of either era is told of; "ended" when the server ends what tells it."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(self, message: Any) -> None:
        """For the client's `message_handler`: until 2025-11-25 notices come there."""
        old = self.client.protocol_version < "2026"
        if old and getattr(message, "method", "") == "notifications/resources/updated":
            self.heard.put_nowait(message.params.uri)

    @contextlib.asynccontextmanager
    async def by(self, client: Client) -> AsyncIterator[None]:
        self.client = client
        async with contextlib.AsyncExitStack() as self._stack:
            yield

    async def subscribe(self, uri: str) -> None:
        """In the words of the client's era."""
        if self.client.protocol_version < "2026":
            await self.client.subscribe_resource(uri)
            return
        stream = await self._stack.enter_async_context(self.client.listen(resource_subscriptions=[uri]))

        async def hear() -> None:
            with contextlib.suppress(SubscriptionLost):
                async for event in stream:
                    self.heard.put_nowait(event.uri)  # type: ignore[union-attr]
            self.heard.put_nowait("ended")

        await self._stack.enter_async_context(ended(asyncio.create_task(hear())))

    async def next(self) -> str:
        async with asyncio.timeout(10):
            return await self.heard.get()


@contextlib.asynccontextmanager
async def over_http(url: str, key: str, mode: str = "auto") -> AsyncIterator[Client]:
    """The SDK's client on a served Letterlock's /mcp."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,  # type: ignore[arg-type]
    ):
        yield client


@contextlib.asynccontextmanager
async def over_stdio(
    data: Path, *options: str, mode: str = "auto", told: Told | None = None, **environment: str
) -> AsyncIterator[Client]:
    """The SDK's client on a `letterlock` of its own, as a chat client starts it."""
    server = StdioServerParameters(
        command=str(SCRIPT), args=["--data", str(data), *options], env=clean_environment(**environment)
    )
    with (data.parent / f"stderr-{free_port()}.txt").open("w") as stderr:
        way, hear = stdio_client(server, errlog=stderr), told.hear if told else None
        async with Client(way, mode=mode, message_handler=hear) as client:  # type: ignore[arg-type]
            yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer of a tool; fails with the text of an error."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """The text of the error a tool answers with."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result.structured_content
    return str(result.content[0].text)  # type: ignore[union-attr]


def post(port: int, recipient: str, raw: bytes, sender: str = "anna@shop.example") -> None:
    """Send one email by SMTP; raises what smtplib raises when it is not taken."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20, local_hostname="client.example") as client:
        client.sendmail(sender, [recipient], raw)
