"""Domains at the command line and over REST."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from fakes import DictResolver
from letterlock import claims
from letterlock.actions.caller import COMMAND_LINE, MANAGE_DOMAINS
from letterlock.actions.following import Place, events_behind
from letterlock.actions.tenancy import make_key
from letterlock.app import App
from letterlock.doors.cli import cli
from letterlock.doors.rest import build_rest
from letterlock.ids import OWNER
from letterlock.message.sign import KINDS, new_key

_PEMS = {kind: new_key(kind) for kind in KINDS}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The DNS."""
    resolver = DictResolver()
    monkeypatch.setattr(claims, "fresh_resolver", lambda: resolver)
    monkeypatch.setattr(claims, "new_key", _PEMS.__getitem__)
    return resolver.names


def test_a_person_claims_verifies_and_gives_up_a_domain(tmp_path: Path, names: dict[str, Any]) -> None:
    def letterlock(*arguments: str) -> Result:
        return CliRunner().invoke(cli, [*arguments, "--data", str(tmp_path)])

    added = letterlock("domain", "add", "acme.example")
    assert added.exit_code == 0, added.output
    assert "acme.example is pending" in added.stdout
    assert "smtp_hostname" in added.stderr
    # What is printed can be pasted into a zone: its strings are joined, as name servers join them.
    for line in added.stdout.splitlines():
        if " IN " in line:
            host, _, rest = line.partition(". IN ")
            kind, _, value = rest.partition(" ")
            mx = (int(value.split()[0]), value.split()[1].rstrip(".")) if kind == "MX" else None
            text = "".join(re.findall(r'"([^"]*)"', value))
            names.setdefault(host, {})[kind] = [mx or text]
    held = names.pop("_letterlock.acme.example")
    looked = letterlock("domain", "verify", "acme.example")
    assert (looked.exit_code, looked.stdout.count("; MISSING"), looked.stdout.count("; ok")) == (1, 1, 7)
    assert "is pending" in letterlock("inbox", "create", "a", "--domain", "acme.example").exception.args[0]  # type: ignore[union-attr]
    names["_letterlock.acme.example"] = held
    assert letterlock("domain", "verify", "acme.example").exit_code == 0
    assert letterlock("inbox", "create", "admin", "--domain", "acme.example").stdout == "admin@acme.example\n"
    assert letterlock("domain", "catch-all", "acme.example").exit_code == 2
    assert "admin@acme.example" in letterlock("domain", "catch-all", "acme.example", "admin@acme.example").stdout
    assert "verified" in letterlock("domain", "list").stdout
    assert "nobody" in letterlock("domain", "catch-all", "acme.example", "--off").stdout
    asked = letterlock("domain", "mta-sts", "acme.example", "enforce").stdout
    assert ("mode enforce" in asked, "policy is another" in asked) == (True, False), "it is looked at again first"
    assert "policy is another" in letterlock("domain", "verify", "acme.example").stdout
    assert "mta-sts" not in letterlock("domain", "mta-sts", "acme.example", "off").stdout
    assert letterlock("domain", "rotate-key", "acme.example").stdout.count("; not looked at") == 2
    (tmp_path / "password").write_text("pa55-word\n")
    inside = ["--host", "10.0.0.1", "--username", "me", "--password-file", str(tmp_path / "password")]
    assert "public Internet" in str(letterlock("domain", "relay", "set", "acme.example", *inside).exception)
    assert "no relay of its own" in str(letterlock("domain", "relay", "test", "acme.example").exception)
    names["acme.example"]["MX"] = [(1, "other.example")]
    shown = letterlock("domain", "verify", "acme.example")
    assert (shown.exit_code, "there is: 1 other.example" in shown.stdout) == (1, True)
    assert letterlock("domain", "remove", "acme.example").stdout == "acme.example removed.\n"
    assert letterlock("domain", "list").stdout == ""


async def test_a_platform_does_the_same_over_rest_and_hears_of_it(app: App, names: dict[str, Any]) -> None:
    async def no_guard(request: Request) -> None:
        return None

    key = await make_key(app, OWNER, scopes=[MANAGE_DOMAINS])
    served = Starlette(routes=[Mount("/v1", build_rest(app, no_guard))])
    headers = {"Authorization": f"Bearer {key.text}"}
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(served), base_url="http://localhost/v1", headers=headers)
    async with client:
        made = await client.post("/domains", json={"domain": "acme.example"})
        assert made.status_code == 201
        for record in made.json()["records"]:
            value = (record["priority"], record["value"]) if record["type"] == "MX" else record["value"]
            names.setdefault(record["host"], {})[record["type"]] = [value]
        assert (await client.post("/domains", json={"domain": "acme.example"})).status_code == 409
        assert (await client.post("/domains", json={"domain": "com"})).status_code == 422
        assert (await client.post("/domains/acme.example/verify")).json()["state"] == "verified"
        assert (await client.get("/domains/acme.example")).json()["records"][0]["status"] == "found"
        assert [one["state"] for one in (await client.get("/domains")).json()["domains"]] == ["verified"]
        assert (
            await client.post("/domains/acme.example/catch-all", json={"inbox": "nobody@acme.example"})
        ).status_code == 404
        assert len((await client.post("/domains/acme.example/rotation")).json()["records"]) == 10
        inside = await client.post("/domains/acme.example/relay", json={"host": "10.0.0.1", "password": "pa55-word"})
        assert (inside.status_code, "pa55-word" in inside.text) == (422, False)
        assert (await client.get("/domains/acme.example/relay")).status_code == 404
        assert (await client.get("/domain-relays")).json() == {"relays": []}
        for method, path in (("GET", "/other.example"), ("POST", "/dm_0/verify"), ("DELETE", "/%00")):
            answer = await client.request(method, f"/domains{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert (await client.delete("/domains/acme.example")).json()["domain"] == "acme.example"
    events, _, _ = await events_behind(app, COMMAND_LINE, Place(0, 0))
    told = [(one.kind, one.data.domain) for one in events if one.kind.startswith("domain.")]  # type: ignore[union-attr]
    assert told == [(f"domain.{kind}", "acme.example") for kind in ("added", "verified", "removed")]
