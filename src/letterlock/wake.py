"""Hints that something is new. Never data: a lost hint costs a second, not an email.

A process of a data folder watches topics (the id of an inbox or a tenant, or one of the constants below). A hint
reaches watchers of the same process by an event, and the other processes of the folder by a datagram on loopback. Who
watches a constant looks in the store anyway after POLL_S; for those who watch a tenant's mail, or come with a key that
may end, lookout.py does. Each process holds a lock on its registration `wake/<port>`, so that a dead one's can be
removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import cast

from filelock import FileLock, Timeout

from letterlock.folder import FILE, FOLDER, keep_private, new_file

POLL_S = 1.0
REST_S = 120.0
"""For how long one whom lookout.py minds may wait without a look of its own."""
KeyHeld = tuple[str, str]
"""The ids of a tenant and of one of its keys."""
_TOKEN_BYTES = 16
UNFILED = "unfiled"
"""An email was accepted and waits to be filed."""
FILED = "filed"
"""An email of any tenant was filed."""
OUTBOX = "outbox"
"""A submission was queued."""
FORWARDS = "forwards"
"""An email is to be passed on to a person."""
MAILBOXES = "mailboxes"
"""A mailbox elsewhere was connected, changed or let go."""
WAITING = "waiting"
"""Somebody waits for mail: have a worker ready."""
WAITING_S = 2.5
"""For how long one say_waiting holds."""
_MOST_AWAITED = 10_000
_TOPICS_A_DATAGRAM = 500
_PEERS_S = 0.02


class Watch:
    """One watcher of its topics. Make it before looking in the store, so that nothing falls between. `rung`: the last
    wait ended by a hint; `hints`: how many there have been."""

    # Two thousand may wait: a future while one does, where an event holds a queue of a kilobyte.
    __slots__ = ("_told", "_waiter", "hints", "rung")

    def __init__(self) -> None:
        self._told = False
        self._waiter: asyncio.Future[None] | None = None
        self.rung = False
        self.hints = 0

    def ring(self) -> None:
        self._told = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self, timeout_s: float = POLL_S) -> None:
        """Returns at a hint, or after `timeout_s`; then the hint is spent."""
        if not self._told:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                # Not wait_for: before Python 3.12 that one loses a cancellation which comes together with the hint.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, timeout_s)):
                        await self._waiter
            finally:
                self._waiter = None
        self.rung = self._told
        self._told = False


class Wake(asyncio.DatagramProtocol):
    """Made by open_wake."""

    def __init__(self, folder: Path, token: bytes) -> None:
        self._folder = folder
        self._token = token
        # Tuples: mostly one watches a topic, of which there may be thousands, and a set takes four times as much.
        self._watches: dict[str, tuple[Watch, ...]] = {}
        # True: it waits for mail.
        self._of_tenants: dict[str, dict[Watch, bool]] = {}
        self._of_keys: dict[KeyHeld, set[Watch]] = {}
        self._awaited_here: dict[str, int] = {}
        self._awaited: dict[str, float] = {}
        self._peers: tuple[int, tuple[int, ...]] = (0, ())
        self._peers_until = 0.0
        self._port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self.closing = False
        """This process stops: who waits should answer with what there is."""

    def hint(self, *topics: str) -> None:
        """Tell every watcher of these topics, here and in the other processes. Call it after the commit."""
        self.ring_here(*topics)
        self._tell_peers(topics)

    def say_waiting(self, inbox_id: str) -> None:
        """Tell the postmaster, wherever it runs, that somebody here watches this inbox. Other processes believe it for
        WAITING_S."""
        self.ring_here(WAITING)
        self._tell_peers([f"{WAITING} {inbox_id}"])

    def go_on_waiting(self) -> None:
        """The same once more for every inbox that somebody here waits for."""
        if self._awaited_here:
            self.ring_here(WAITING)
            # For two thousand this takes milliseconds, and mostly there is nobody to tell.
            if self._peer_ports():
                self._tell_peers([f"{WAITING} {inbox_id}" for inbox_id in self._awaited_here])

    def awaited(self) -> tuple[str, ...]:
        """The inboxes that somebody in any process of the folder waits for."""
        if self._awaited:
            now = time.monotonic()
            self._awaited = {inbox_id: until for inbox_id, until in self._awaited.items() if until > now}
        return tuple(self._awaited_here | self._awaited) if self._awaited else tuple(self._awaited_here)

    def end_waits(self) -> None:
        """Wake everyone in this process for the last time."""
        self.closing = True
        self.ring_here(*self._watches)
        for key in self._of_keys:
            self.ring_key_here(key)

    @contextlib.contextmanager
    def watch(self, *topics: str, tenant: str = "", key: KeyHeld | None = None, waits: bool = True) -> Iterator[Watch]:
        """`tenant`: whose mail the topics (inboxes, or the tenant itself) are about; lookout.py minds the watcher then.
        `key`: what the watcher came with; it is rung when that ends. Without `waits` mail for these inboxes need not be
        hurried."""
        watch = Watch()
        for topic in topics:
            self._watches[topic] = (*self._watches.get(topic, ()), watch)
        awaited = tuple(topic for topic in topics if topic != tenant) if tenant and waits else ()
        if tenant:
            self._of_tenants.setdefault(tenant, {})[watch] = bool(awaited)
        for topic in awaited:
            self._awaited_here[topic] = self._awaited_here.get(topic, 0) + 1
        if key:
            self._of_keys.setdefault(key, set()).add(watch)
        try:
            yield watch
        finally:
            for topic in topics:
                if left := tuple(one for one in self._watches[topic] if one is not watch):
                    self._watches[topic] = left
                else:
                    del self._watches[topic]
            if tenant:
                del self._of_tenants[tenant][watch]
                if not self._of_tenants[tenant]:
                    del self._of_tenants[tenant]
            for topic in awaited:
                self._awaited_here[topic] -= 1
                if not self._awaited_here[topic]:
                    del self._awaited_here[topic]
            if key:
                self._of_keys[key].discard(watch)
                if not self._of_keys[key]:
                    del self._of_keys[key]

    def waiters(self) -> int:
        """How many in this process wait for mail."""
        return sum(sum(watches.values()) for watches in self._of_tenants.values())

    def tenants_watched(self) -> tuple[str, ...]:
        return tuple(self._of_tenants)

    def keys_watched(self) -> tuple[KeyHeld, ...]:
        return tuple(self._of_keys)

    def ring_here(self, *topics: str) -> None:
        """A hint for this process only."""
        for topic in topics:
            self._ring(topic)

    def ring_tenant_here(self, tenant: str) -> None:
        """Let every watcher of a tenant's mail in this process look."""
        for watch in self._of_tenants.get(tenant, ()):
            watch.ring()

    def ring_key_here(self, key: KeyHeld) -> None:
        """Let every watcher in this process that came with this key look whether it still counts."""
        for watch in self._of_keys.get(key, ()):
            watch.ring()

    def forget_dead(self) -> None:
        """Remove registrations whose process is gone. Blocking, quick; for the postmaster's upkeep."""
        for file in self._folder.iterdir():
            if file.name.isdigit() and int(file.name) != self._port:
                with contextlib.suppress(Timeout, OSError), FileLock(file, timeout=0):
                    file.unlink(missing_ok=True)

    def _tell_peers(self, topics: Sequence[str]) -> None:
        if self._transport is None:
            return
        for first in range(0, len(topics), _TOPICS_A_DATAGRAM):
            message = self._token + "\n".join(topics[first : first + _TOPICS_A_DATAGRAM]).encode()
            for port in self._peer_ports():
                self._transport.sendto(message, ("127.0.0.1", port))

    def _ring(self, topic: str) -> None:
        topic, _, inbox_id = topic.partition(" ")
        if inbox_id and (inbox_id in self._awaited or len(self._awaited) < _MOST_AWAITED):
            self._awaited[inbox_id] = time.monotonic() + WAITING_S
        for watch in self._watches.get(topic, ()):
            watch.hints += 1
            watch.ring()

    def _peer_ports(self) -> tuple[int, ...]:
        # Looked up not for every mail of a burst: a process that has just come polls until it is known.
        if (now := time.monotonic()) < self._peers_until:
            return self._peers[1]
        self._peers_until = now + _PEERS_S
        stamp = self._folder.stat().st_mtime_ns
        if stamp != self._peers[0]:
            ports = (int(file.name) for file in self._folder.iterdir() if file.name.isdigit())
            self._peers = (stamp, tuple(port for port in ports if port != self._port))
        return self._peers[1]

    # asyncio.DatagramProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        # Only a process that can read the folder knows the token; a stray datagram must not cost store reads.
        if data.startswith(self._token):
            self.ring_here(*data[len(self._token) :].decode(errors="replace").split("\n"))

    def error_received(self, exc: Exception) -> None:
        """A peer that has just died; its registration goes with the next forget_dead."""


def postmaster_lock(data: Path) -> FileLock:
    """The lock whose holder is the data folder's postmaster; the operating system frees it when that process dies."""
    return FileLock(data / "postmaster.lock", timeout=0, thread_local=False, mode=FILE)


def writer_lock(file: Path) -> FileLock:
    """The lock of whoever writes beside `file`; the operating system frees it when that process dies."""
    return FileLock(file, timeout=0, thread_local=False, mode=FILE)


def postmaster_lives(data: Path) -> bool:
    """Whether any process of the folder is its postmaster now, whatever it last reported."""
    try:
        with postmaster_lock(data):
            return False
    except (Timeout, OSError):
        return True


@contextlib.asynccontextmanager
async def open_wake(data: Path) -> AsyncIterator[Wake]:
    """Wake for this process and data folder, registered with the others until the context ends."""
    folder = data / "wake"
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER)
    keep_private(folder)
    wake = Wake(folder, _folder_token(folder))
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: wake, local_addr=("127.0.0.1", 0))
    lock = FileLock(folder / str(wake._port), timeout=0, thread_local=False, mode=FILE)
    lock.acquire()
    try:
        yield wake
    finally:
        transport.close()
        wake._transport = None
        lock.release()
        (folder / str(wake._port)).unlink(missing_ok=True)


def _folder_token(folder: Path) -> bytes:
    file = folder / "token"
    with contextlib.suppress(FileExistsError), new_file(file) as new:
        new.write(secrets.token_bytes(_TOKEN_BYTES))
    # Another process may have made the file and not have written it yet.
    while len(token := file.read_bytes()) != _TOKEN_BYTES:
        time.sleep(0.005)
    return token
