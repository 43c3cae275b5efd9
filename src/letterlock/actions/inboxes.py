"""Inboxes: make, list, delete, restore."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from letterlock.actions.caller import Caller
from letterlock.actions.health import reception_warning
from letterlock.actions.limits import count
from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from letterlock.ids import InboxId, new_id
from letterlock.message.address import Address, parse_address
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, inboxes
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.inboxes import Inbox
from letterlock.store.terms import fold

MAX_TTL_HOURS = 24 * 365
MAX_LISTED = 100
_HOUR_MS = 3600 * 1000
_TRIES = 50
_MAX_LOCAL = 40
_RESERVED = frozenset(
    {"abuse", "admin", "administrator", "hostmaster", "mailer-daemon", "postmaster", "root", "security"}
)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class Request(BaseModel):
    """Base of every request: an argument nobody knows is refused, not ignored; true is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation not in (bool, bool | None):
            raise ValueError("is true or false, which does not fit here")
        return value


class CreateInbox(Request):
    name: Annotated[str, Field(max_length=100, description="wanted name; random without")] = ""
    domain: Annotated[str, Field(max_length=253)] = ""
    purpose: Annotated[str, Field(max_length=200)] = ""
    ttl_hours: Annotated[float | None, Field(gt=0, le=MAX_TTL_HOURS)] = None


class InboxCreated(BaseModel):
    inbox_id: str
    address: str
    expires_at: datetime | None = None
    warning: str = ""


class ListInboxes(Request):
    pass


class InboxListed(BaseModel):
    inbox_id: str
    address: str
    purpose: str
    unread: int


class InboxList(BaseModel):
    inboxes: list[InboxListed]
    warning: str = ""


class DeleteInbox(Request):
    inbox: str = Field(min_length=1, max_length=320)


class InboxDeleted(BaseModel):
    inbox_id: str
    address: str
    restorable_until: datetime


async def create_inbox(app: App, caller: Caller, request: CreateInbox) -> InboxCreated:
    """Make an email inbox (address) to sign up somewhere, receive mail and send from."""
    if caller.inbox_id is not None:
        raise NotAllowed("This key is for one inbox only.", next_step="Use list_inboxes to see it.")
    domain = _own_domain(app, request.domain)
    names = _wanted_names(request.name)
    now = app.now_ms()
    expires_at = now + int(request.ttl_hours * _HOUR_MS) if request.ttl_hours else None

    async def make(tx: Transaction) -> Inbox:
        await count(app, tx, "inboxes_per_hour")
        for name in names:
            address = Address(name, domain)
            inbox = Inbox(
                caller.tenant_id,
                InboxId(new_id("ib")),
                caller.agent_id,
                str(address),
                request.purpose,
                0,
                now,
                expires_at,
                None,
            )
            if await inboxes.add(tx, inbox, address.key):
                await audit.append(tx, now, caller.agent_id, "inbox.created", inbox.inbox_id)
                return inbox
        raise Conflict(f"All names like '{names[0]}' are taken.", next_step="Choose another name, or none.")

    inbox = await app.database.write(caller.tenant_id, make)
    return InboxCreated(
        inbox_id=inbox.inbox_id,
        address=inbox.address,
        expires_at=moment(expires_at) if expires_at else None,
        warning=await reception_warning(app),
    )


async def list_inboxes(app: App, caller: Caller, request: ListInboxes) -> InboxList:
    """List your inboxes (email addresses) with the number of unread emails."""
    mine = await app.database.read(
        caller.tenant_id, lambda tx: inboxes.listed(tx, app.now_ms(), MAX_LISTED + 1, only=caller.inbox_id)
    )
    warning = await reception_warning(app)
    if len(mine) > MAX_LISTED:
        warning = f"Only the first {MAX_LISTED} are shown. {warning}".strip()
    return InboxList(
        inboxes=[
            InboxListed(inbox_id=inbox.inbox_id, address=inbox.address, purpose=safe_line(inbox.purpose), unread=unread)
            for inbox, unread in mine[:MAX_LISTED]
        ],
        warning=warning,
    )


async def delete_inbox(app: App, caller: Caller, request: DeleteInbox) -> InboxDeleted:
    """Delete an inbox with its mail. A person can restore it for 7 days."""
    inbox = await own_inbox(app, caller, request.inbox)
    now = app.now_ms()

    async def delete(tx: Transaction) -> None:
        if await inboxes.mark_deleted(tx, inbox.inbox_id, now):
            await audit.append(tx, now, caller.agent_id, "inbox.deleted", inbox.inbox_id)

    await app.database.write(caller.tenant_id, delete)
    # Whoever waits for its mail need not wait on.
    app.wake.hint(inbox.inbox_id)
    return InboxDeleted(
        inbox_id=inbox.inbox_id,
        address=inbox.address,
        restorable_until=moment(now + inboxes.RESTORABLE_MS),
    )


async def restore_inbox(app: App, caller: Caller, name: str) -> Inbox:
    """Bring a deleted inbox back with its mail; for people, at the command line. Raises NotFound when it is too
    late."""
    now = app.now_ms()

    async def restore(tx: Transaction) -> Inbox:
        inbox = await inboxes.find(tx, _key(name))
        mine = inbox is not None and caller.inbox_id in (None, inbox.inbox_id)
        if inbox is None or not mine or not await inboxes.restore(tx, inbox.inbox_id, now):
            raise NotFound(f"There is no deleted inbox '{safe_line(name, 80)}' that can be restored.")
        await audit.append(tx, now, caller.agent_id, "inbox.restored", inbox.inbox_id)
        return inbox

    return await app.database.write(caller.tenant_id, restore)


async def own_inbox(app: App, caller: Caller, name: str) -> Inbox:
    """The caller's live inbox by id or address. Raises NotFound for any other."""
    inbox = await app.database.read(caller.tenant_id, lambda tx: inboxes.find(tx, _key(name)))
    shown = safe_line(name, 80)
    if inbox is None or caller.inbox_id not in (None, inbox.inbox_id):
        raise NotFound(
            f"Inbox '{shown}' not found.", next_step="Call list_inboxes to see yours, or create_inbox to make it."
        )
    if inbox.deleted_at is not None or (inbox.expires_at is not None and inbox.expires_at <= app.now_ms()):
        raise NotFound(
            f"Inbox '{shown}' was deleted or has expired.",
            next_step="Call list_inboxes to see yours; a person can restore it with `letterlock inbox restore`.",
        )
    return inbox


def _key(name: str) -> str:
    """What the store knows an inbox by: its id, or the key of its address."""
    name = name.strip()
    if "@" not in name:
        return name
    try:
        return parse_address(name).key
    except InvalidRequest:
        return name


def _own_domain(app: App, domain: str) -> str:
    own = app.settings.domain
    if domain and domain.strip().lower().rstrip(".") != own:
        raise InvalidRequest(
            f"'{safe_line(domain, 80)}' is not a domain of this Letterlock.",
            next_step=f"Leave domain out to use {own}.",
        )
    return own


def _wanted_names(name: str) -> list[str]:
    """Local parts to try, in order: readable ones from a name, else random ones."""
    if not name.strip():
        return ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(3)]
    local = name.strip()
    if "@" in local:
        raise InvalidRequest(
            f"'{safe_line(name, 80)}' is an address, not a name.", next_step="Give the part before the @ only."
        )
    local = re.sub(r"[^a-z0-9]+", "-", fold(local)).strip("-")[:_MAX_LOCAL].strip("-")
    if not local:
        raise InvalidRequest(
            f"No address can be made from '{safe_line(name, 80)}'.",
            next_step="Use letters or digits (a-z, 0-9), or leave name out.",
        )
    numbered = [f"{local}-{n}" for n in range(2, _TRIES)]
    return numbered if local in _RESERVED else [local, *numbered]
