"""Processes that read mail: killable, with caps on CPU time and memory. A mail can stop its worker, nothing else.

`Workers.read(envelope, raw)` gives what to file: of a worker that died or was late, that it could not be read. A worker
is this module run as `python -m letterlock.inbound.workers`; requests and answers are length-prefixed on its stdin and
stdout. Workers start when mail comes or someone waits for it, and end when idle, so that a quiet chat client carries
none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import BinaryIO

from pydantic import BaseModel, TypeAdapter

from letterlock.dns import Resolver, SystemResolver
from letterlock.inspection import Inspection, inspect_message, preview, searchable
from letterlock.message.authenticate import AuthReport
from letterlock.message.envelope import Envelope
from letterlock.message.parse import Caps
from letterlock.patterns import compile_all
from letterlock.screen.score import Thresholds
from letterlock.screen.second_opinion import second_opinion
from letterlock.settings import Settings
from letterlock.store.emails import Filed
from letterlock.store.terms import terms_of

IDLE_S = 120.0
_LAST_WORDS_S = 1.0
_TRIES = 2
URGENT_IN_A_ROW = 3
_LENGTH = struct.Struct(">I")
_ANSWER_BYTES = 64 * 1024 * 1024
_AUTH: TypeAdapter[AuthReport | None] = TypeAdapter(AuthReport | None)


class WorkerOptions(BaseModel):
    """What a worker is started with. CPU time is seconds for one email; memory is the address space (POSIX only)."""

    cpu_seconds: float
    megabytes: int
    mask_codes: bool
    dns: bool
    dns_fetched: bool
    message_bytes: int
    suspect: float
    quarantined: float
    defender: bool


@dataclass(slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    idle_since: float = 0.0

    async def ask(self, request: bytes) -> bytes:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(_LENGTH.pack(len(request)) + request)
        await self.process.stdin.drain()
        (length,) = _LENGTH.unpack(await self.process.stdout.readexactly(_LENGTH.size))
        if length > _ANSWER_BYTES:
            raise OSError("a worker's answer is too long")
        return await self.process.stdout.readexactly(length)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


class Slots:
    """So many at once, and `spare` more of what is urgent. Of those who wait the urgent go first, but after
    URGENT_IN_A_ROW of them another."""

    def __init__(self, size: int, spare: int = 0) -> None:
        self._free = size
        self._spare = spare
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._in_a_row = 0

    @contextlib.asynccontextmanager
    async def one(self, *, urgent: bool = False) -> AsyncIterator[None]:
        if not self._free and urgent and self._spare:
            self._spare -= 1
            try:
                yield
            finally:
                self._spare += 1
            return
        if self._free:
            self._free -= 1
        else:
            place = asyncio.get_running_loop().create_future()
            (self._urgent if urgent else self._others).append(place)
            try:
                await place
            except asyncio.CancelledError:
                if not place.cancelled():
                    # It was given the place in the same moment.
                    self._pass_on()
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        for waiting in (self._urgent, self._others):
            while waiting and waiting[0].done():
                waiting.popleft()
        urgent = bool(self._urgent) and (self._in_a_row < URGENT_IN_A_ROW or not self._others)
        self._in_a_row = self._in_a_row + 1 if urgent else 0
        if urgent or self._others:
            (self._urgent if urgent else self._others).popleft().set_result(None)
        else:
            self._free += 1


class Workers:
    """Made by open_workers."""

    def __init__(self, settings: Settings) -> None:
        self.size = settings.filing_workers
        # The worker counts its own CPU time; this limit is for one that sleeps or never gets the CPU.
        self._wall_seconds = 3 * settings.filing_seconds + 5
        self._options = WorkerOptions(
            cpu_seconds=settings.filing_seconds,
            megabytes=settings.filing_megabytes,
            mask_codes=settings.mask_codes,
            dns=settings.asks_dns,
            dns_fetched=settings.asks_dns_of_fetched,
            message_bytes=settings.max_message_bytes,
            suspect=settings.suspect_score,
            quarantined=settings.quarantine_score,
            defender=settings.second_opinion == "defender",
        ).model_dump_json()
        # What somebody waits for is not kept by what is being read of a flood.
        self._slots = Slots(self.size, spare=1)
        self._idle: list[_Worker] = []
        self._all: set[asyncio.subprocess.Process] = set()
        self._warming: asyncio.Task[None] | None = None

    async def read(
        self,
        envelope: Envelope,
        raw: bytes,
        *,
        auth: AuthReport | None = None,
        allowed: Sequence[str] = (),
        urgent: bool = False,
    ) -> Filed:
        """Never raises for what is in the mail: an email that stops two workers is unreadable. `auth`, `allowed`: as
        inspect_message takes them. `urgent`: before what is not, when all workers are busy."""
        told = {**asdict(envelope), "received_at": envelope.received_at.isoformat()}
        # By json, not pydantic: what a client says in EHLO may hold bytes that are no UTF-8, kept as surrogates.
        head = json.dumps([told, _AUTH.dump_python(auth, mode="json"), allowed]).encode()
        request = _LENGTH.pack(len(head)) + head + raw
        why = ("worker_died", "Reading it stopped the process that read it.")
        async with self._slots.one(urgent=urgent):
            for attempt in range(_TRIES):
                worker = await self._next_worker(fresh=attempt > 0)
                try:
                    async with asyncio.timeout(self._wall_seconds):
                        answer = await worker.ask(request)
                    filed = Filed.model_validate_json(answer)
                except TimeoutError:
                    await self._end(worker)
                    return unread("too_slow", "Reading it took longer than allowed.")
                except (OSError, ValueError, asyncio.IncompleteReadError):
                    await self._end(worker, dying=True)
                    if worker.process.returncode in _SLOW:
                        why = ("too_slow", "Reading it took more processor time than allowed.")
                except BaseException:
                    await self._end(worker)
                    raise
                else:
                    worker.idle_since = time.monotonic()
                    self._idle.append(worker)
                    return filed
        return unread(*why)

    async def _next_worker(self, *, fresh: bool) -> _Worker:
        """An idle worker, or a new one. `fresh`: a new one, because what ended an idle one (the system, short of
        memory) may have ended the others too, and that must not be laid to the email's charge."""
        while self._idle:
            worker = self._idle.pop()
            if not fresh and worker.process.returncode is None:
                return worker
            await self._end(worker)
            if fresh:
                break
        return await self._start()

    def warm(self) -> None:
        """Have one worker ready soon: someone waits for mail, or a sender has connected."""
        if self._idle:
            self._idle[-1].idle_since = time.monotonic()
        elif not self._all and (self._warming is None or self._warming.done()):
            self._warming = asyncio.create_task(self._start_idle(), name="warm worker")

    async def end_idle(self, keep: int = 0) -> None:
        """End workers that had nothing to do for IDLE_S, except `keep` of them."""
        before = time.monotonic() - IDLE_S
        while len(self._idle) > keep and self._idle[0].idle_since < before:
            await self._end(self._idle.pop(0))

    async def close(self) -> None:
        if self._warming is not None:
            self._warming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._warming
        for process in tuple(self._all):
            await self._end(_Worker(process))

    async def _start_idle(self) -> None:
        async with self._slots.one():
            worker = await self._start()
            worker.idle_since = time.monotonic()
            self._idle.append(worker)

    async def _start(self) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "letterlock.inbound.workers",
            self._options,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=1024 * 1024,
            # Threads for matrices take a good part of the memory a worker is allowed, and it has no use for them.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._all.add(process)
        return _Worker(process)

    async def _end(self, worker: _Worker, *, dying: bool = False) -> None:
        if dying:
            # To signal a process looks after it first, and then asyncio no longer learns what it died of.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_S):
                    await worker.process.wait()
        if worker.process.returncode is None:
            worker.kill()
        await worker.process.wait()
        self._all.discard(worker.process)


@contextlib.asynccontextmanager
async def open_workers(settings: Settings) -> AsyncIterator[Workers]:
    workers = Workers(settings)
    try:
        yield workers
    finally:
        await workers.close()


# In the worker


def read_message(
    raw: bytes,
    envelope: Envelope,
    options: WorkerOptions,
    resolver: Resolver | None = None,
    *,
    auth: AuthReport | None = None,
    allowed: Sequence[str] = (),
) -> Filed:
    """What a worker does with one email; pure but for the resolver."""
    inspection = inspect_message(
        raw,
        envelope,
        resolver,
        thresholds=Thresholds(options.suspect, options.quarantined),
        caps=Caps(message_bytes=options.message_bytes),
        auth=auth,
        allowed=allowed,
        second=second_opinion if options.defender else None,
    )
    shown = preview(inspection, mask_codes=options.mask_codes)
    return Filed.of(inspection, shown, terms_of(*searchable(inspection)))


def unread(reason: str, what: str) -> Filed:
    """What is filed of bytes that could not be read: `reason` a code, `what` a sentence for people."""
    inspection = Inspection.unread(reason, what)
    return Filed.of(inspection, preview(inspection, mask_codes=True))


def _serve(options: WorkerOptions, requests: BinaryIO, answers: BinaryIO) -> None:
    resolver = SystemResolver() if options.dns or options.dns_fetched else None
    while len(size := requests.read(_LENGTH.size)) == _LENGTH.size:
        request = requests.read(_LENGTH.unpack(size)[0])
        (head_size,) = _LENGTH.unpack(request[: _LENGTH.size])
        told, auth_told, allowed = json.loads(request[_LENGTH.size : _LENGTH.size + head_size])
        told["received_at"] = datetime.fromisoformat(told["received_at"])
        envelope = Envelope(**{**told, "recipients": tuple(told["recipients"])})
        _allow_cpu(options.cpu_seconds)
        try:
            filed = read_message(
                request[_LENGTH.size + head_size :],
                envelope,
                options,
                resolver if options.dns or envelope.transport == "imap" else None,
                auth=_AUTH.validate_python(auth_told),
                allowed=allowed,
            )
        except MemoryError:
            filed = unread("too_large_in_memory", "Reading it needed more memory than allowed.")
        except RecursionError:
            filed = unread("too_deep", "It is nested too deeply to be read.")
        except Exception as error:
            # Whatever a parser may still raise: the email is kept and a person can look at it.
            filed = unread("reader_failed", f"Reading it failed ({type(error).__name__}).")
        answer = filed.model_dump_json().encode()
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


if sys.platform == "win32":
    _SLOW: tuple[int, ...] = ()

    def _allow_cpu(seconds: float) -> None:
        """Windows has no such limit for a process; the postmaster's wall clock ends a slow worker."""

    def _limit(options: WorkerOptions) -> None:
        """No limit on address space; the caps of message/parse.py bound what is read."""

    def _give_way() -> None:
        """Workers and postmaster are equals there."""

else:
    import resource
    import signal

    _SLOW = (-signal.SIGXCPU,)

    def _allow_cpu(seconds: float) -> None:
        used = time.process_time()
        # Whole seconds, and a second more: the kernel counts by its ticks, which on a busy machine run ahead of this.
        resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 2, resource.RLIM_INFINITY))

    def _limit(options: WorkerOptions) -> None:
        memory = options.megabytes * 1024 * 1024
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def _give_way() -> None:
        """Senders wait for the postmaster, nobody waits as urgently for a worker."""
        os.nice(15)


def main() -> None:
    """A worker's whole life: until its stdin ends."""
    options = WorkerOptions.model_validate_json(sys.argv[1])
    _limit(options)
    requests = os.fdopen(os.dup(0), "rb", buffering=1024 * 1024)
    answers = os.fdopen(os.dup(1), "wb")
    # A library that prints must not write into the answers.
    os.dup2(2, 1)
    # The first email should not wait for imports and patterns.
    compile_all()
    read_message(b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n<p>x</p>", _NOBODY, options)
    # Only now: on a busy machine a start that gives way takes a minute, and its email would count as too slow to read.
    _give_way()
    _serve(options, requests, answers)


_NOBODY = Envelope("", (), datetime.fromtimestamp(0), "import")

if __name__ == "__main__":
    main()
