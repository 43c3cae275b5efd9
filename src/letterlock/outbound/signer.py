"""Signer: DKIM signatures in a thread, or in a burst in a process of its own.

An RSA signature takes a millisecond in which this interpreter does nothing else. The process is this module run as
`python -m letterlock.outbound.signer`; requests and answers are length-prefixed on its stdin and stdout, in turn. What
it cannot sign, or not in time, is signed in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import BinaryIO, Final

from letterlock.errors import LetterlockError
from letterlock.message.sign import SigningKey, sign

log = logging.getLogger(__name__)

BURST: Final = 20
"""Signatures within a second that make a burst."""
_MOST_BYTES: Final = 1_000_000
"""Longer emails are signed in a thread: to hand them over would cost more than the signature."""
_PATIENCE_S: Final = 10.0
_IDLE_S: Final = 30.0
_LENGTH: Final = struct.Struct(">I")
_READY: Final = b"ready"


class Signer:
    """Closed by whoever made it."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = False
        self._asked: deque[asyncio.Future[bytes]] = deque()
        self._second, self._signed = 0, 0

    async def sign(self, raw: bytes, keys: Sequence[SigningKey], at_s: int) -> bytes:
        """As message.sign.sign, which says what it raises."""
        if self._in_a_burst() and len(raw) <= _MOST_BYTES:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    if answer := await self._ask(raw, tuple(keys), at_s):
                        return answer
            except TimeoutError:
                await self.close()
            except OSError as error:
                log.debug("the process that signs has ended: %s", error)
        return await asyncio.to_thread(sign, raw, keys, at_s)

    async def close_idle(self) -> None:
        """End the process when nothing was signed for a while."""
        if self._process is not None and time.monotonic() - self._second > _IDLE_S:
            await self.close()

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None

    def _in_a_burst(self) -> bool:
        """Whether the process is there to be asked. The first emails of a burst start it and do not wait for it."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._signed = second, 0
        self._signed += 1
        if self._signed > BURST and (self._reading is None or self._reading.done()):
            self._reading = asyncio.create_task(self._serve(), name="signer")
        return self._ready

    async def _ask(self, raw: bytes, keys: tuple[SigningKey, ...], at_s: int) -> bytes:
        """b"" when it can give none. Raises OSError when the process has ended."""
        if self._process is None or self._process.stdin is None:
            raise BrokenPipeError
        head = _told(keys)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        request = b"".join((_LENGTH.pack(at_s), _LENGTH.pack(len(head)), head, raw))
        self._process.stdin.write(_LENGTH.pack(len(request)) + request)
        return await answer

    async def _serve(self) -> None:
        """The process, from its start to its end."""
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "letterlock.outbound.signer",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_MOST_BYTES,
        )
        assert process.stdout is not None
        try:
            while True:
                (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
                answer = await process.stdout.readexactly(length)
                if not self._ready:
                    self._ready = answer == _READY
                elif not (asked := self._asked.popleft()).done():
                    asked.set_result(answer)
        except (OSError, EOFError):
            pass
        finally:
            self._ready, self._process = False, None
            while self._asked:
                if not (asked := self._asked.popleft()).done():
                    asked.set_exception(BrokenPipeError())
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@lru_cache(maxsize=64)
def _told(keys: tuple[SigningKey, ...]) -> bytes:
    return json.dumps([(key.domain, key.selector, key.pem.decode("latin-1")) for key in keys]).encode()


@lru_cache(maxsize=64)
def _keys(told: bytes) -> tuple[SigningKey, ...]:
    return tuple(SigningKey(domain, selector, pem.encode("latin-1")) for domain, selector, pem in json.loads(told))


def _answer(request: bytes) -> bytes:
    (at_s,), (size,) = _LENGTH.unpack_from(request), _LENGTH.unpack_from(request, _LENGTH.size)
    start = 2 * _LENGTH.size
    try:
        return sign(request[start + size :], _keys(request[start : start + size]), at_s)
    except LetterlockError:
        # The thread that tries it next says why.
        return b""


def main() -> None:
    """The process's whole life: until its stdin ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # A library that prints must not write into the answers.
    os.dup2(2, 1)
    _write(answers, _READY)
    while len(size := requests.read(_LENGTH.size)) == _LENGTH.size:
        _write(answers, _answer(requests.read(_LENGTH.unpack(size)[0])))


def _write(answers: BinaryIO, answer: bytes) -> None:
    answers.write(_LENGTH.pack(len(answer)) + answer)
    answers.flush()


if __name__ == "__main__":
    main()
