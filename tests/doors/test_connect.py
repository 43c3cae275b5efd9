"""The dialogue of `letterlock connect`: what is asked, and in which order."""

from __future__ import annotations

from typing import Any

import click
import pytest

from letterlock.actions import mailboxes
from letterlock.doors.connect import _ask
from letterlock.providers import Provider

KNOWN = Provider("autoconfig", "mine.example", ("mine.example",), "imap.mine.example", "", "your password")


@pytest.mark.parametrize(
    ("answer", "known", "then"),
    [
        (True, None, ["look", "IMAP server", "Password"]),
        (True, KNOWN, ["look", "Password"]),
        (False, None, ["IMAP server", "Password"]),
    ],
)
def test_a_domain_is_looked_up_before_a_password_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, answer: bool, known: Provider | None, then: list[str]
) -> None:
    done: list[str] = []

    async def look(domain: str, address: str) -> Provider | None:
        done.append("look")
        return known

    def prompt(text: str, **options: Any) -> str:
        done.append(text)
        return "imap.mine.example"

    monkeypatch.setattr(mailboxes, "fetch_autoconfig", look)
    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr(click, "confirm", lambda text: answer)
    given = {"address": "you@mine.example", "provider": "", "host": "", "ask_provider": None, "client_id": ""}
    _ask(given)
    assert done == then
    assert bool(given["host"]) is (known is None) and given["ask_provider"] is (known is not None)
