"""Signing: the same bytes whether in a thread or, in a burst, by the process of its own; its end loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import psutil
import pytest

from letterlock.message.sign import CannotSign, SigningKey, new_key, sign
from letterlock.outbound.signer import BURST, Signer

RAW = b"From: ada@example.com\r\nTo: bob@example.net\r\nSubject: Lunch\r\n\r\nTwelve?\r\n"
KEYS = (SigningKey("example.com", "mail-ed25519", new_key("ed25519")),)


@pytest.fixture
async def signer() -> AsyncIterator[Signer]:
    made = Signer()
    yield made
    await made.close()
    assert not processes()


def processes() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "letterlock.outbound.signer" in child.cmdline()
    ]


async def burst(signer: Signer) -> psutil.Process:
    """Sign until a process does, and wait for it to be there."""
    async with asyncio.timeout(60):
        while not (found := processes()) or found[0].io_counters().write_chars < len(RAW):
            await asyncio.gather(*(signer.sign(RAW, KEYS, 1) for _ in range(BURST + 5)))
            await asyncio.sleep(0.1)
    return found[0]


async def test_few_emails_start_no_process(signer: Signer) -> None:
    assert await signer.sign(RAW, KEYS, 7) == sign(RAW, KEYS, 7)
    assert not processes()


async def test_a_burst_is_signed_by_one_process_as_anywhere_else_or_refused(signer: Signer) -> None:
    process = await burst(signer)
    letters = [RAW.replace(b"Twelve", str(n).encode()) for n in range(60)]
    before = process.cpu_times().user
    made = await asyncio.gather(*(signer.sign(letter, KEYS, n) for n, letter in enumerate(letters)))
    assert made == [sign(letter, KEYS, n) for n, letter in enumerate(letters)]
    assert [one.pid for one in processes()] == [process.pid]
    assert process.cpu_times().user > before
    with pytest.raises(CannotSign, match="it has no From field"):
        await signer.sign(b"To: bob@example.net\r\n\r\nTwelve?\r\n", KEYS, 1)


async def test_a_process_that_is_killed_loses_no_email(signer: Signer) -> None:
    process = await burst(signer)
    asked = asyncio.gather(*(signer.sign(RAW, KEYS, n) for n in range(BURST + 5)))
    await asyncio.sleep(0)
    os.kill(process.pid, signal.SIGKILL)
    assert await asked == [sign(RAW, KEYS, n) for n in range(BURST + 5)]
    assert (await burst(signer)).pid != process.pid


async def test_one_that_never_answers_is_left_alone_and_one_without_work_ends(
    signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await burst(signer)
    os.kill(process.pid, signal.SIGSTOP)
    while process.status() != psutil.STATUS_STOPPED:
        await asyncio.sleep(0.01)
    monkeypatch.setattr("letterlock.outbound.signer._PATIENCE_S", 0.05)
    assert await signer.sign(RAW, KEYS, 7) == sign(RAW, KEYS, 7)
    assert not processes()
    monkeypatch.undo()
    await burst(signer)
    await signer.close_idle()
    assert processes()
    monkeypatch.setattr("letterlock.outbound.signer._IDLE_S", -2)
    await signer.close_idle()
    assert not processes()
    assert await signer.sign(RAW, KEYS, 7) == sign(RAW, KEYS, 7)
