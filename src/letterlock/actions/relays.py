"""RELAYS: the mail servers that the owner has set for mail to the outside (relay_host, relays), for admins of the
default tenant: which there are, and whether one takes mail. They are changed in the settings only, passwords with them.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import BaseModel, Field

from letterlock.actions.caller import ADMIN, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import Request
from letterlock.app import App
from letterlock.errors import NotFound
from letterlock.ids import DEFAULT_TENANT
from letterlock.message.address import parse_address
from letterlock.outbound.relay import would_take
from letterlock.outbound.routes import Named, named_routes
from letterlock.screen.safe_text import safe_line


class ListRelays(Request):
    pass


class RelayShown(BaseModel):
    relay_id: str
    to: str = Field(description="domain whose mail it takes; empty: any")
    sender: str = Field(description="domain that sends by it; empty: any")
    host: str
    port: int
    security: str
    username: str
    is_default: bool


class RelayList(BaseModel):
    relays: list[RelayShown]


class TestRelay(Request):
    relay_id: Annotated[str, Field(min_length=1, max_length=64)]
    to: Annotated[str, Field(min_length=1, max_length=320)]


class RelayTested(BaseModel):
    relay_id: str
    took: bool = Field(description="it let us in and would have taken an email to that address")
    answer: str


async def list_relays(app: App, caller: Caller, request: ListRelays) -> RelayList:
    """The mail servers that mail to the outside goes by."""
    return RelayList(relays=[_shown(one) for one in _visible(app, caller)])


async def test_relay(app: App, caller: Caller, request: TestRelay) -> RelayTested:
    """Try a mail server: login, sender, recipient, all but the end of the email, so that nothing is sent."""
    to = parse_address(request.to)
    found = next((one for one in _visible(app, caller) if _id(one) == request.relay_id), None)
    if found is None:
        raise NotFound(
            f"There is no relay '{safe_line(request.relay_id, 64)}'.", next_step="list_relays shows those there are."
        )
    sender = f"postmaster@{found.sender or app.settings.domain}"
    outcome = await would_take(found.route, sender, str(to))
    return RelayTested(relay_id=request.relay_id, took=outcome.kind == "delivered", answer=safe_line(outcome.reply))


def _visible(app: App, caller: Caller) -> list[Named]:
    """Whose servers these are is the owner's: other tenants see none."""
    caller.need_all(ADMIN)
    return named_routes(app.settings) if caller.tenant_id == DEFAULT_TENANT else []


def _id(one: Named) -> str:
    about = f"{one.to} {one.sender} {one.route.username} {one.route.host} {one.route.port}"
    return "relay_" + hashlib.sha256(about.encode()).hexdigest()[:16]


def _shown(one: Named) -> RelayShown:
    return RelayShown(
        relay_id=_id(one),
        to=one.to,
        sender=one.sender,
        host=one.route.host,
        port=one.route.port,
        security=one.route.security,
        username=one.route.username,
        is_default=not one.to and not one.sender,
    )


RELAYS: tuple[Action, ...] = (
    Action(
        "list_relays", "List relays", "sending", ADMIN, Hints(read_only=True, idempotent=True),
        ListRelays, RelayList, list_relays,
    ),
    Action(
        "test_relay", "Test relay", "sending", ADMIN, Hints(idempotent=True, open_world=True),
        TestRelay, RelayTested, test_relay,
    ),
)  # fmt: skip
