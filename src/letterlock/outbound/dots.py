"""Final dots to one server, one after the other, and what a process leaves behind of them when it dies.

Between a final dot and its answer nobody knows whose email it is, and a process that dies then leaves it in doubt: what
is tried again may come twice. So no second dot goes to a server before the answer to the first is written to a file,
and the file also tells who was still waiting for a turn: with them nothing is in doubt. That costs no sync: what a
process wrote outlives it, if not the machine; the store's own commit follows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Literal

from letterlock.folder import private
from letterlock.ids import SubmissionId, TenantId
from letterlock.store.outbox import Delivery
from letterlock.store.queue import Lease

log = logging.getLogger(__name__)

PATIENCE_S: Final = 1.0
"""A server that thinks about one message for longer must not keep the others."""
FILE: Final = "answers.jsonl"
_MOST_BYTES: Final = 1_000_000
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# Not by asdict, which copies all it finds, here between an answer and the next dot.
_DELIVERY: Final = tuple(field.name for field in fields(Delivery))

_Said = Literal["begun", "dot", "answered"]
"""begun: about to be written down as handed over in the store; dot: the final dot goes now; answered: it was taken."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A server took it. `lease`: under which it was handed over, without its bytes."""

    lease: Lease
    reply: str


@dataclass(frozen=True, slots=True)
class Left:
    """What a process that died left: what was taken, and what it had begun to hand over but never ended with a dot."""

    answered: tuple[Answered, ...]
    unsent: tuple[Lease, ...]


class Answers:
    """The file of a data folder; one process writes at a time, the one that delivers. Raises OSError when it cannot be
    opened."""

    def __init__(self, folder: Path) -> None:
        self._file = private(str(folder / FILE), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._waiting: dict[tuple[SubmissionId, str], bytes] = {}
        self._unanswered: set[tuple[SubmissionId, str]] = set()
        self._size = 0
        self._boot = ""
        with contextlib.suppress(OSError):
            self._boot = _BOOT_ID.read_text().strip()

    def left(self) -> Left:
        """What a process before this one wrote and did not live to record. A last line that is cut short is none.

        What says that nothing was sent counts only since the machine was started: a line behind it may have been lost
        with the machine."""
        os.lseek(self._file, 0, os.SEEK_SET)
        text = b"".join(iter(lambda: os.read(self._file, 65_536), b""))
        answered, unsent = dict[tuple[str, str, str], Answered](), dict[tuple[str, str, str], Lease]()
        for line in text.split(b"\n")[:-1]:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                said = json.loads(line)
                tenant, submission = TenantId(said["tenant"]), SubmissionId(said["submission"])
                delivery = Delivery(**said["delivery"])
                lease = Lease(tenant, submission, said["owner"], 0, "relay", "", b"", (delivery,))
                key = (submission, delivery.recipient, lease.owner)
                if said["said"] == "answered":
                    answered[key] = Answered(lease, said["reply"])
                if said["said"] == "begun" and self._boot and said["boot"] == self._boot:
                    unsent[key] = lease
                else:
                    unsent.pop(key, None)
        return Left(tuple(answered.values()), tuple(unsent.values()))

    def forget(self) -> None:
        """All that is in the file is in the store."""
        os.ftruncate(self._file, 0)
        self._size = 0

    def write(self, lease: Lease, said: _Said, reply: str = "") -> None:
        """How far what is leased has come; `reply`: the server's, when it took it."""
        (delivery,) = lease.deliveries
        (self._unanswered.add if said == "dot" else self._unanswered.discard)((lease.submission_id, delivery.recipient))
        line = {
            "said": said,
            "boot": self._boot,
            "tenant": lease.tenant_id,
            "submission": lease.submission_id,
            "owner": lease.owner,
            "delivery": {name: getattr(delivery, name) for name in _DELIVERY},
            "reply": reply,
        }
        text = json.dumps(line).encode() + b"\n"
        try:
            self._waiting[lease.submission_id, delivery.recipient] = text
            self._size += os.write(self._file, text)
            if self._size > _MOST_BYTES:
                self.forget()
                self._size = os.write(self._file, b"".join(self._waiting.values()))
        except OSError as error:
            # A crash may then double it; the record in the store comes all the same.
            log.warning("the way of an email cannot be written down: %s", error.strerror)

    def kept(self, lease: Lease) -> None:
        """The try is recorded, or will never be."""
        (delivery,) = lease.deliveries
        self._unanswered.discard((lease.submission_id, delivery.recipient))
        self._waiting.pop((lease.submission_id, delivery.recipient), None)

    @property
    def unanswered(self) -> int:
        """How many final dots wait for their answer."""
        return len(self._unanswered)

    def tidy(self) -> None:
        """Empty the file when all of it is in the store. (What is found there has no lease any longer and would change
        nothing, but it names people.)"""
        if self._size and not self._waiting:
            with contextlib.suppress(OSError):
                self.forget()

    def close(self) -> None:
        os.close(self._file)


class Dots:
    """Of one server: whose turn it is. `in_order` False: nobody waits for another."""

    def __init__(self, answers: Answers, *, in_order: bool = True) -> None:
        self.answers = answers
        self._lock = asyncio.Lock() if in_order else None

    async def wait_turn(self) -> bool:
        """Until the answers to all dots before are written down, or PATIENCE_S are over: then False, and it may go all
        the same."""
        if self._lock is None:
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                return await self._lock.acquire()
        return False

    def end_turn(self) -> None:
        if self._lock is not None:
            self._lock.release()
