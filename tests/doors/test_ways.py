"""What errors tell people to do next is told to programs as routes, wherever there is one."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import letterlock
from letterlock.doors.cli import cli
from letterlock.doors.rest import ENDPOINTS
from letterlock.doors.ways import ROUTES, on_rest

# These have no route: they are for whoever runs the server.
AT_THE_SERVER = {
    "audit head", "compact", "connect", "dkim make", "dkim show", "doctor", "doctor --loop", "erase inbox",
    "inbox allow", "mailbox list", "rescreen", "serve", "vault start-over",
}  # fmt: skip


@pytest.mark.parametrize("command", sorted({*ROUTES, *AT_THE_SERVER}))
def test_a_command_that_is_named_exists(command: str) -> None:
    found: click.Command = cli
    for word in command.split():
        if word.startswith("--"):
            assert any(word in option.opts for option in found.params)
        else:
            assert isinstance(found, click.Group)
            found = found.commands[word]


def test_every_route_that_is_named_exists() -> None:
    assert set(ROUTES.values()) <= {f"{one.method} /v1{one.path}" for one in ENDPOINTS}


def test_every_command_that_an_error_names_has_a_route_or_none_for_a_reason() -> None:
    named = set()
    for file in (Path(letterlock.__file__).parent / "actions").glob("*.py"):
        for text in re.findall(r"next_step=.{0,200}", file.read_text("utf-8")):
            named |= {" ".join(words.split()[:2]) for words in re.findall(r"`letterlock ([a-z][a-z -]*)", text)}
    assert {"tenant list", "key list"} <= named
    assert named <= {*ROUTES, *AT_THE_SERVER}


def test_only_commands_with_a_route_are_put_in_other_words() -> None:
    said = (
        "`letterlock tenant list` shows them, `letterlock doctor` what is wrong, `letterlock domain show x.example` x."
    )
    assert on_rest(said) == (
        "`GET /v1/tenants` shows them, `letterlock doctor` what is wrong, `GET /v1/domains/{domain}` x."
    )
