"""An email as it came, and its attachments, for people: with a key of scope reveal, or by an address that somebody with
such a key has made, signed, for some minutes.

These bytes passed no screen. Every look, and every address made, is in the audit log.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from letterlock.actions.caller import REVEAL, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.files import safe_filename
from letterlock.actions.inboxes import Request
from letterlock.actions.people import email_bytes, show_email
from letterlock.app import App
from letterlock.errors import NotFound, Unavailable
from letterlock.ids import AgentId, TenantId
from letterlock.keyfile import key_of, made_key
from letterlock.store import audit, tenants
from letterlock.store.emails import moment

KEY_FILE = "url.key"
ADDRESS = "/v1/files/"
"""Where the REST door serves what `file_of` finds."""
_Index = Annotated[int, Field(ge=0, le=10_000, description="of an attachment")]


class GetRaw(Request):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]


class GetFile(GetRaw):
    index: _Index


class MakeUrl(GetRaw):
    index: Annotated[int | None, Field(ge=0, le=10_000, description="an attachment; without, the email itself")] = None
    expires_s: Annotated[int, Field(ge=1, le=900)] = 300


class SignedUrl(BaseModel):
    url: str = Field(description="on this server; whoever has it can fetch the bytes until then")
    expires_at: datetime


class FileBytes(BaseModel):
    """Bytes of a stranger: to be saved, never to be shown as a page of ours."""

    filename: str
    content_type: str
    data: bytes


async def get_raw(app: App, caller: Caller, request: GetRaw) -> FileBytes:
    """An email as it came (RFC 5322), past the screen. For people."""
    return await _revealed(app, caller, request.email_id, None)


async def get_file(app: App, caller: Caller, request: GetFile) -> FileBytes:
    """An attachment as it came, past the screen. For people."""
    return await _revealed(app, caller, request.email_id, request.index)


async def make_url(app: App, caller: Caller, request: MakeUrl) -> SignedUrl:
    """Make an address under which an email or one of its attachments can be fetched without a key, for some minutes."""
    # Refused now rather than when somebody follows it.
    await email_bytes(app, request.email_id, request.index, caller=caller)
    expires_ms = app.now_ms() + request.expires_s * 1000
    text = json.dumps([caller.tenant_id, caller.agent_id, request.email_id, request.index, expires_ms])
    try:
        key = await asyncio.to_thread(made_key, app.folder, KEY_FILE)
    except OSError as error:
        raise Unavailable("No key to sign with can be kept.", next_step="Look at the disk's free space.") from error
    await app.database.write(
        caller.tenant_id,
        lambda tx: audit.append(
            tx, app.now_ms(), caller.agent_id, "email.url_made", request.email_id, attachment=request.index
        ),
    )
    token = f"{_text(text.encode())}.{_text(_signature(key, text))}"
    return SignedUrl(url=f"{ADDRESS}{token}", expires_at=moment(expires_ms))


async def file_of(app: App, token: str) -> FileBytes:
    """What a signed address is for. Raises NotFound when it was not made here, its time is over, or whoever made it is
    gone."""
    payload, _, signature = token.partition(".")
    try:
        text = _bytes(payload).decode()
        key = await asyncio.to_thread(key_of, app.folder, KEY_FILE)
        given = hmac.compare_digest(_bytes(signature), _signature(key, text))
    except (ValueError, OSError):
        given = False
    if not given:
        raise _no_address()
    tenant_id, agent_id, email_id, index, expires_ms = json.loads(text)
    if expires_ms <= app.now_ms():
        raise _no_address()
    tenant = await app.database.read_system(lambda tx: tenants.find_tenant(tx, tenant_id))
    agent = await app.database.read(TenantId(tenant_id), lambda tx: tenants.find_agent(tx, agent_id))
    if tenant is None or tenant.closed_at is not None or agent is None or agent.kind != "person":
        raise _no_address()
    caller = Caller(TenantId(tenant_id), AgentId(agent_id), frozenset({REVEAL}))
    try:
        return await _revealed(app, caller, email_id, index)
    except NotFound:
        raise _no_address() from None


async def _revealed(app: App, caller: Caller, email_id: str, index: int | None) -> FileBytes:
    data = await email_bytes(app, email_id, index, caller=caller)
    if index is None:
        found = FileBytes(filename=f"{email_id}.eml", content_type="message/rfc822", data=data)
    else:
        report = await show_email(app, email_id, caller=caller)
        name = next((one.filename for one in report.attachments if one.index == index), "")
        found = FileBytes(filename=safe_filename(name, index), content_type="application/octet-stream", data=data)
    await app.database.write(
        caller.tenant_id,
        lambda tx: audit.append(tx, app.now_ms(), caller.agent_id, "email.revealed", email_id, attachment=index),
    )
    return found


def _no_address() -> NotFound:
    return NotFound("This address was not made here, or its time is over.", next_step="Ask for a new one.")


def _signature(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), hashlib.sha256)


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


_LOOKS = Hints(read_only=True, idempotent=True)

REVEALING: tuple[Action, ...] = (
    Action("get_raw", "Get email as it came", "reading", REVEAL, _LOOKS, GetRaw, FileBytes, get_raw),
    Action("get_file", "Get attachment as it came", "reading", REVEAL, _LOOKS, GetFile, FileBytes, get_file),
    Action("make_url", "Make signed address", "reading", REVEAL, Hints(), MakeUrl, SignedUrl, make_url),
)
