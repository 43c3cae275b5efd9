"""What errors tell people to do next is told to programs as routes, wherever there is one."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import click
import pytest

import letterlock
from letterlock.doors.cli import cli
from letterlock.doors.rest import ENDPOINTS, WAYS
from letterlock.doors.ways import ROUTES

# These have no route: they are for whoever runs the server.
AT_THE_SERVER = {
    "audit head", "compact", "connect", "dkim make", "dkim show", "doctor", "doctor --loop", "erase inbox",
    "inbox allow", "mailbox list", "rescreen", "secret run", "serve", "vault start-over",
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
    house, named = Path(letterlock.__file__).parent, set()
    said = [re.findall(r"next_step=.{0,200}", file.read_text("utf-8")) for file in (house / "actions").glob("*.py")]
    # What a decision says is in answers.
    for text in (*(text for texts in said for text in texts), (house / "policy.py").read_text("utf-8")):
        named |= {" ".join(words.split()[:2]) for words in re.findall(r"`letterlock ([a-z][a-z -]*)", text)}
    assert {"tenant list", "key list"} <= named
    assert named <= {*ROUTES, *AT_THE_SERVER}


def said_to_do() -> set[str]:
    """All texts that the house has for what to do next: those given as `next_step`, `warning` or `advice`, and those
    that an error or a decision ends with."""
    found: set[str] = set()
    for file in Path(letterlock.__file__).parent.rglob("*.py"):
        if file.parts[-2] in ("rivals", "screen") or file.name == "mcp_server.py":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(str(one.value) if isinstance(one, ast.Constant) else "x" for one in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return {said for said in found if re.match(r"[A-Z`].* .*[.:,;]", said) and "\n" not in said}


def test_no_tool_that_has_a_route_is_named_over_rest_whatever_says_it() -> None:
    said = said_to_do()
    for known in ("Call list_consumers to see yours.", "It goes out by itself; see how with get_delivery_status."):
        assert known in said
    named = re.compile(rf"\b({'|'.join(one.action.name for one in ENDPOINTS if '_' in one.action.name)})\b")
    assert len({found[0] for text in said for found in named.finditer(text)}) > 15
    assert [text for text in map(WAYS.on_rest, said) if named.search(text)] == []


def test_the_words_of_the_language_stay_what_they_are() -> None:
    for one in ENDPOINTS:
        route = f"{one.method} /v1{one.path}"
        assert WAYS.on_rest(f"Call {one.action.name} again, corrected.") == f"Call `{route}` again, corrected."
    said = "A person can approve or deny it; pause, and see `my_list_emails`, /x/list_emails, list_emails=1."
    assert WAYS.on_rest(said) == said


def test_only_commands_with_a_route_are_put_in_other_words() -> None:
    said = (
        "`letterlock tenant list` shows them, `letterlock doctor` what is wrong, `letterlock domain show x.example` x."
    )
    assert WAYS.on_rest(said) == (
        "`GET /v1/tenants` shows them, `letterlock doctor` what is wrong, `GET /v1/domains/{domain}` x."
    )


def test_in_answers_only_what_tells_to_do_something_is_put_in_other_words() -> None:
    said = "`letterlock approvals` é"
    answer = {"next_step": said, "list": [{"warning": said, "text": said, "advice": None}], "reasons": [said]}
    told = "`GET /v1/approvals` é"
    assert json.loads(WAYS.answer_on_rest(json.dumps(answer))) == {
        "next_step": told, "list": [{"warning": told, "text": said, "advice": None}], "reasons": [said],
    }  # fmt: skip
    assert WAYS.answer_on_rest('{"next_step": "wait"}') == '{"next_step": "wait"}'
