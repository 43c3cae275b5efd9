"""What is needed to log in at a mailbox elsewhere: tokens that end, codes that people type, answers that are none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imap_server import PASSWORD, USER, ImapServer, open_imap_server
from letterlock import logins
from letterlock.actions import mailboxes as actions
from letterlock.actions.caller import COMMAND_LINE
from letterlock.app import App
from letterlock.errors import CallerError, InvalidRequest
from letterlock.logins import Device, Secret, Trouble, begin_device, finish_device, login_of
from letterlock.providers import OAuth, Provider
from letterlock.store import mailboxes


class Tokens:
    """A token endpoint: gives `answers` in turn, the last one for ever."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []

    async def __call__(self, url: str, form: dict[str, str], *, may_fail: bool = False) -> dict[str, Any]:
        self.asked.append(form)
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not said:
            raise Trouble("unreachable", "It fails (status 502).")
        if said.get("error") and not may_fail:
            raise logins._refused(url, said)
        return said


URL = "https://login.provider.example/token"
DEVICE = {
    "device_code": "dc",
    "user_code": "AB-CD",
    "verification_uri": "https://provider.example/device",
    "interval": 1,
}
PENDING = {"error": "authorization_pending"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ImapServer]:
    async with open_imap_server(tmp_path) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_LEAST_INTERVAL_S", 0.0)


def endpoint(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any]) -> Tokens:
    tokens = Tokens(*answers)
    monkeypatch.setattr(logins, "_ask", tokens)
    return tokens


async def test_a_code_that_a_person_types_gives_a_mailbox_whose_tokens_are_renewed_and_kept_sealed(
    app: App, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    oauth = OAuth(URL, URL, "mail", "Register it.")
    provider = Provider(
        "test", "Test", ("provider.example",), "127.0.0.1", "", "", server.port, oauth=oauth, local=True
    )
    monkeypatch.setattr(actions, "provider_of", lambda domain: provider)
    server.token = "first"
    asked = endpoint(
        monkeypatch,
        {**DEVICE, "interval": 0.001},
        PENDING,
        {"access_token": "first", "refresh_token": "r1", "expires_in": 3600},
        {"access_token": "second", "refresh_token": "r2", "expires_in": 3600},
    )
    seen: list[Device] = []
    request = actions.Connect(address=USER, client_id="mine")
    await actions.connect_mailbox(app, COMMAND_LINE, request, seen.append)
    assert (seen[0].user_code, seen[0].url) == ("AB-CD", "https://provider.example/device")
    (box,) = await app.database.read_system(mailboxes.every)
    assert (await login_of(app, box)).secret == "first"
    assert (await login_of(app, box, fresh=True)).secret == "second"
    assert asked.asked[-1]["refresh_token"] == "r1"
    await login_of(app, box, fresh=True)
    assert asked.asked[-1]["refresh_token"] == "r2"
    assert b"r2" not in box.sealed
    moved = replace(box, mailbox_id=mailboxes.new_mailbox_id(), revision=7)
    with pytest.raises(Trouble, match="sealed") as raised:
        await login_of(app, moved)
    assert not raised.value.lasting, "the key may come back"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"error": "access_denied"}, "login"),
        ({"error": "expired_token"}, "login"),
        ({"error": "server_error"}, "unreachable"),
        ({"access_token": ""}, "protocol"),
        ({"access_token": "a\nb"}, "protocol"),
        ({"token": "a"}, "protocol"),
    ],
)
async def test_a_refusal_is_said_in_words(monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], kind: str) -> None:
    endpoint(monkeypatch, said)
    with pytest.raises(Trouble) as raised:
        await finish_device(URL, "mine", "", Device("dc", "AB", "https://x.example", 0.001, 60))
    assert raised.value.kind == kind and "login.provider.example" in raised.value.what


async def test_an_endpoint_that_fails_is_asked_again_more_seldom_for_as_long_as_the_code_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = endpoint(monkeypatch, PENDING, {}, {}, {"access_token": "a"})
    device = Device("dc", "AB", "https://x.example", 0.01, 60)
    assert (await finish_device(URL, "mine", "", device)).access == "a"
    assert len(asked.asked) == 4
    endpoint(monkeypatch, {})
    with pytest.raises(Trouble, match="not typed in time"):
        await finish_device(URL, "mine", "", replace(device, seconds=0.1))


async def test_a_page_to_open_is_https_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint(monkeypatch, {**DEVICE, "verification_uri": "http://provider.example"})
    with pytest.raises(Trouble, match="no code to type"):
        await begin_device(URL, "mine", "mail")


async def test_a_provider_that_wants_oauth_is_not_tried_with_a_password(app: App) -> None:
    with pytest.raises(InvalidRequest, match="OAuth only") as raised:
        await actions.connect_mailbox(app, COMMAND_LINE, actions.Connect(address="me@outlook.com"))
    assert "--client-id" in raised.value.next_step


async def test_what_is_not_known_is_asked_for(app: App) -> None:
    with pytest.raises(CallerError, match="Nothing is known") as raised:
        await actions.connect_mailbox(app, COMMAND_LINE, actions.Connect(address="me@nowhere.example"))
    assert "--host" in raised.value.next_step


async def test_a_secret_shows_nothing_of_itself() -> None:
    assert PASSWORD not in repr(Secret(password=PASSWORD))
