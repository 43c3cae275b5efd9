"""REST on /v1: a table of routes that says the truth of itself; every error a problem document that says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from starlette.requests import Request
from starlette.responses import Response

from letterlock.actions.caller import EVERY_SCOPE
from letterlock.app import App
from letterlock.doors.rest import build_rest
from letterlock.ids import DEFAULT_TENANT, OWNER
from letterlock.store import tenants
from running import letter, receive


async def no_guard(request: Request) -> Response | None:
    return None


@dataclass(slots=True)
class Rest:
    """A client of a key whose every answer is compared with the OpenAPI document."""

    client: httpx2.AsyncClient
    document: dict[str, Any]
    key: str

    async def __call__(self, method: str, path: str, *, status: int | None = None, **how: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", **how.pop("headers", {})}
        answer = await self.client.request(method, f"/v1{path}", headers=headers, **how)
        self.check(method, path, answer)
        if status is not None:
            assert answer.status_code == status, answer.text
        return answer

    async def get(self, path: str, **query: Any) -> Any:
        return (await self("GET", path, params=query, status=200)).json()

    async def post(self, path: str, status: int = 200, **body: Any) -> Any:
        return (await self("POST", path, json=body, status=status)).json()

    def check(self, method: str, path: str, answer: httpx2.Response) -> None:
        told = operation(self.document, method, path.partition("?")[0])
        if told is None:
            return
        assert str(answer.status_code) in told["responses"], (method, path, answer.status_code, answer.text)
        content = told["responses"][str(answer.status_code)]["content"]
        schema = content[answer.headers["content-type"].partition(";")[0]]["schema"]
        whole = {**schema, "components": self.document["components"]}
        Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(answer.json())


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """What the document says of a request; a written path goes before one with names in it."""
    parts = path.split("/")
    fitting = [
        template
        for template in document["paths"]
        if len(parts) == len(names := template.split("/"))
        and all(name.startswith("{") or name == part for name, part in zip(names, parts, strict=True))
    ]
    for template in sorted(fitting, key=lambda one: one.count("{")):
        if method.lower() in document["paths"][template]:
            found: dict[str, Any] = document["paths"][template][method.lower()]
            return found
    return None


def client_of(app: App) -> httpx2.AsyncClient:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    served = Starlette(routes=[Mount("/v1", build_rest(app, no_guard))])
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(served), base_url="http://localhost")


async def key_of(app: App, *scopes: str, agent: str = OWNER, **how: Any) -> str:
    made = await app.database.write(
        DEFAULT_TENANT,
        lambda tx: tenants.make_key(tx, agent, scopes or EVERY_SCOPE, app.now_ms(), **how),  # type: ignore[arg-type]
    )
    return made.text


@pytest.fixture
async def rest(app: App) -> AsyncIterator[Rest]:
    """With the key of a person that may do everything."""
    async with client_of(app) as client:
        document = (await client.get("/v1/openapi.json")).json()
        yield Rest(client, document, await key_of(app))


async def test_mail_is_received_read_and_answered(app: App, rest: Rest) -> None:
    box = await rest.post("/inboxes", 201, name="shop")
    email_id = await receive(app, box["address"], letter("Hello", "See https://shop.example/x"))
    assert [one["email_id"] for one in (await rest.get("/emails", inbox=box["address"]))["emails"]] == [email_id]
    read = await rest.get(f"/emails/{email_id}")
    assert "shop.example" in read["text"]
    assert (await rest.get("/links", email_id=email_id))["others"][0]["host"] == "shop.example"
    sent = await rest.post(f"/emails/{email_id}/reply", 202, text="Thank you.")
    assert sent["to"] == ["anna@shop.example"]
    assert (await rest.get(f"/submissions/{sent['submission_id']}"))["state"] == sent["state"]
    assert len((await rest.get(f"/threads/{read['thread_id']}"))["entries"]) == 2
