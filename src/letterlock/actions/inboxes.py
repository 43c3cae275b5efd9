"""Inboxes: make, list, delete, restore."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from letterlock.actions.caller import READ, Caller, write_beside
from letterlock.actions.health import reception_warning, speaks_for
from letterlock.actions.limits import count
from letterlock.actions.making import RANDOM_TRIES, Site, Wish, make_unnamed, need_domain, site_of, wanted_mailbox
from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from letterlock.ids import DEFAULT_TENANT, InboxId, new_id
from letterlock.inbound.accept import own_keys
from letterlock.message.address import Address
from letterlock.message.names import (
    Ground,
    candidates,
    is_kept,
    is_local_part,
    numbered,
    random_local_part,
    untagged,
    with_random_end,
)
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, erasures, inboxes, pool
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.inboxes import Inbox
from letterlock.store.mailboxes import Mailbox

MAX_TTL_HOURS = 24 * 365
MAX_LISTED = 100
_HOUR_MS = 3600 * 1000
LocalPart = Annotated[str, Field(min_length=1, max_length=64)]


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


class ChooseInbox(CreateInbox):
    """What programs may say beyond it. `local_part`: exactly this one or none."""

    preferred: Annotated[list[LocalPart], Field(max_length=10, description="local parts to try first, in order")] = []
    org: Annotated[str, Field(max_length=100, description="where `name` belongs, for a second choice")] = ""
    local_part: Annotated[str, Field(max_length=64, description="exactly this one, or 409")] = ""


class InboxCreated(BaseModel):
    inbox_id: str
    address: str
    expires_at: datetime | None = None
    warning: str = ""


class GetPool(Request):
    pass


class DomainPool(BaseModel):
    domain: str
    ready: int
    resting: int = Field(description="returned, and not given again yet")


class PoolShown(BaseModel):
    size: int = Field(description="how many are kept ready for each domain")
    domains: list[DomainPool]


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


class EndInbox(DeleteInbox):
    """What programs may say beyond it: a task that is done leaves its inbox open for late mail."""

    delay_hours: Annotated[float, Field(ge=0, le=MAX_TTL_HOURS, description="it is deleted after so many")] = 0


class InboxDeleted(BaseModel):
    inbox_id: str
    address: str
    restorable_until: datetime


async def create_inbox(app: App, caller: Caller, request: CreateInbox) -> InboxCreated:
    """Make an email inbox (address) to sign up somewhere, receive mail and send from."""
    if caller.inbox_id is not None:
        raise NotAllowed("This key is for one inbox only.", next_step="Use list_inboxes to see it.")
    site = site_of(app, request.domain)
    wanted = _wanted(request)
    expires_at = app.now_ms() + int(request.ttl_hours * _HOUR_MS) if request.ttl_hours else None
    inbox = None
    if not wanted.exact:
        wish = Wish(caller.agent_id, site, request.purpose, expires_at)
        inbox = await make_unnamed(app, caller.tenant_id, wish)
    if inbox is None:
        inbox = await _make_named(app, caller, request, site, wanted, expires_at)
    return InboxCreated(
        inbox_id=inbox.inbox_id,
        address=inbox.address,
        expires_at=moment(expires_at) if expires_at else None,
        warning=await reception_warning(app, inbox),
    )


async def _make_named(
    app: App, caller: Caller, request: CreateInbox, site: Site, wanted: _Wanted, expires_at: int | None
) -> Inbox:
    """Also one without a name on a mailbox elsewhere."""
    box = await app.database.read(caller.tenant_id, lambda tx: wanted_mailbox(tx, site))
    domain, house = (box.inboxes.rpartition("@")[2], False) if box is not None else (site.domain, site.house)
    now = app.now_ms()

    async def add(tx: Transaction, local: str) -> Inbox | None:
        inbox = Inbox(
            caller.tenant_id,
            InboxId(new_id("ib")),
            caller.agent_id,
            _address_at(box, local) if box else str(Address(local, domain)),
            request.purpose,
            0,
            now,
            expires_at,
            None,
            mailbox_id=box.mailbox_id if box else None,
        )
        owned = not house and box is None
        return inbox if await inboxes.add(tx, inbox, own_keys(inbox.address), owned=owned) else None

    async def choose(tx: Transaction) -> Inbox | None:
        """What cannot be had is all the same: taken by another tenant, kept, or its last mail not yet gone."""
        ground = _ground(caller) if house else "own"
        for local in wanted.exact:
            if not is_kept(local, ground) and (made := await add(tx, local)):
                return made
        if not wanted.goes_on:
            return None
        first = _address_at(box, wanted.exact[0]) if box and wanted.exact else f"{(*wanted.exact, '')[0]}@{domain}"
        if wanted.exact and await inboxes.find(tx, *own_keys(first)):
            # Its own is no secret to it, so that a second one may simply be the second.
            for local in numbered(wanted.exact[0]):
                if made := await add(tx, local):
                    return made
        for _ in range(RANDOM_TRIES):
            if made := await add(tx, with_random_end(wanted.exact[0]) if wanted.exact else random_local_part()):
                return made
        return None

    async def make(tx: Transaction) -> Inbox:
        if not house and box is None:
            await need_domain(app, tx, domain)
        # A name that cannot be had is a thing not done: however many are tried, what is counted is the inbox.
        await count(app, tx, "inboxes_per_hour")
        inbox = await choose(tx)
        if inbox is None:
            raise Conflict(
                f"'{wanted.exact[0] if wanted.exact else domain}' cannot be had.",
                next_step="Ask for another name, or for none to get a random one.",
            )
        await audit.append(tx, now, caller.agent_id, "inbox.created", inbox.inbox_id)
        return inbox

    return await app.database.write(caller.tenant_id, make)


async def get_pool(app: App, caller: Caller, request: GetPool) -> PoolShown:
    """Addresses that are ready for new inboxes without a name."""
    caller.need_all(READ)
    found = await app.database.read(caller.tenant_id, lambda tx: pool.standing(tx, app.now_ms()))
    return PoolShown(
        size=app.settings.pool_size,
        domains=[DomainPool(domain=one.domain, ready=one.ready, resting=one.resting) for one in found],
    )


async def list_inboxes(app: App, caller: Caller, request: ListInboxes) -> InboxList:
    """List your inboxes (email addresses) with the number of unread emails."""
    mine = await app.database.read(
        caller.tenant_id, lambda tx: inboxes.listed(tx, app.now_ms(), MAX_LISTED + 1, only=caller.inbox_id)
    )
    warning = await reception_warning(app, speaks_for(app, [inbox for inbox, _ in mine]))
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
    delay = int(request.delay_hours * _HOUR_MS) if isinstance(request, EndInbox) else 0

    async def delete(tx: Transaction) -> int:
        """When it ends."""
        if not delay:
            if await inboxes.mark_deleted(tx, inbox.inbox_id, now):
                await audit.append(tx, now, caller.agent_id, "inbox.deleted", inbox.inbox_id)
            return now
        if await inboxes.end_at(tx, inbox.inbox_id, now + delay):
            await audit.append(tx, now, caller.agent_id, "inbox.ends", inbox.inbox_id, hours=delay / _HOUR_MS)
        return min(now + delay, inbox.expires_at or now + delay)

    ends_at = await app.database.write(caller.tenant_id, delete)
    # Whoever waits for its mail need not wait on.
    app.wake.hint(inbox.inbox_id)
    return InboxDeleted(
        inbox_id=inbox.inbox_id,
        address=inbox.address,
        restorable_until=moment(ends_at + inboxes.RESTORABLE_MS),
    )


@dataclass(frozen=True, slots=True)
class Restored:
    """`lost_emails`, `lost_submissions`: what an erasure that did not come to its end had erased of it for good."""

    inbox: Inbox
    lost_emails: int = 0
    lost_submissions: int = 0


async def restore_inbox(app: App, caller: Caller, name: str) -> Restored:
    """Bring a deleted inbox back with its mail; for people, at the command line. An erasure of it that was
    cut off is called off. Raises NotFound when it is too late."""
    now = app.now_ms()

    async def restore(tx: Transaction) -> Restored:
        inbox = await inboxes.find(tx, *_keys(name))
        mine = inbox is not None and caller.inbox_id in (None, inbox.inbox_id)
        if inbox is None or not mine or not await inboxes.restore(tx, inbox.inbox_id, now):
            raise NotFound(f"There is no deleted inbox '{safe_line(name, 80)}' that can be restored.")
        erasure = await erasures.get(tx, "inbox", inbox.inbox_id)
        if erasure is None:
            await audit.append(tx, now, caller.agent_id, "inbox.restored", inbox.inbox_id)
            return Restored(inbox)
        await erasures.end(tx, "inbox", inbox.inbox_id)
        await audit.append(tx, now, caller.agent_id, "erase.stopped", inbox.inbox_id, why="restored", **erasure.counts)
        await audit.append(tx, now, caller.agent_id, "inbox.restored", inbox.inbox_id, lost_emails=erasure.emails)
        return Restored(inbox, erasure.emails, erasure.submissions)

    return await app.database.write(caller.tenant_id, restore)


async def find_any(app: App, caller: Caller, name: str) -> Inbox:
    """The caller's inbox by id or address, a deleted one too. Raises NotFound for any other."""
    inbox = await app.database.read(caller.tenant_id, lambda tx: inboxes.find(tx, *_keys(name)))
    if inbox is None or caller.inbox_id not in (None, inbox.inbox_id):
        raise NotFound(
            f"Inbox '{safe_line(name, 80)}' not found.",
            next_step="Call list_inboxes to see yours, or create_inbox to make it.",
        )
    return inbox


async def own_inbox(app: App, caller: Caller, name: str) -> Inbox:
    """The caller's live inbox by id or address. Raises NotFound for any other."""
    inbox = await find_any(app, caller, name)
    if inbox.deleted_at is not None or (inbox.expires_at is not None and inbox.expires_at <= app.now_ms()):
        raise NotFound(
            f"Inbox '{safe_line(name, 80)}' was deleted or has expired.",
            next_step="Call list_inboxes to see yours; a person can restore it with `letterlock inbox restore`.",
        )
    _note_activity(app, inbox)
    return inbox


def _note_activity(app: App, inbox: Inbox) -> None:
    """Whoever asks for an inbox uses it: written down once a day, beside the call."""
    now = app.now_ms()
    if not app.settings.read_only and now - inbox.active_at >= inboxes.ACTIVITY_NOTED_MS:
        write_beside(app, inbox.tenant_id, lambda tx: inboxes.note_activity(tx, inbox.inbox_id, now))


def _keys(name: str) -> tuple[str, ...]:
    """What the store may know an inbox by: its id, or the keys of its address."""
    name = name.strip()
    return own_keys(name) or (name,)


def _ground(caller: Caller) -> Ground:
    """The house's own domain is the default tenant's; all others are guests there."""
    return "house" if caller.tenant_id == DEFAULT_TENANT else "shared"


def _address_at(box: Mailbox, local: str) -> str:
    """The address of an inbox on a mailbox, not longer than one may be (RFC 5321 section 4.5.3.1.1)."""
    room = 64 - len(box.inboxes.rpartition("@")[0].removesuffix("{}"))
    return box.inboxes.replace("{}", local[: max(1, room)].rstrip("._-"))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Local parts to try, in order; `goes_on`: else one that is made up."""

    exact: tuple[str, ...]
    goes_on: bool = True


def _wanted(request: CreateInbox) -> _Wanted:
    asked: tuple[str, ...] = ()
    org = ""
    if isinstance(request, ChooseInbox):
        asked, org = (*request.preferred, *filter(None, (request.local_part,))), request.org
        for local in asked:
            _check_local_part(local)
        if request.local_part:
            if request.preferred or request.name.strip():
                raise InvalidRequest(
                    "local_part is exactly one; name and preferred are several.", next_step="Give one or the other."
                )
            return _Wanted((request.local_part.lower(),), goes_on=False)
    name = request.name.strip()
    if "@" in name:
        raise InvalidRequest(
            f"'{safe_line(name, 80)}' is an address, not a name.", next_step="Give the part before the @ only."
        )
    _refuse_tag(name)
    return _Wanted(tuple(dict.fromkeys((*map(str.lower, asked), *candidates(name, org)))))


def _check_local_part(local: str) -> None:
    _refuse_tag(local)
    if not is_local_part(local.lower()):
        raise InvalidRequest(
            f"'{safe_line(local, 80)}' is no local part.",
            next_step="Use a-z and 0-9, with single dots, hyphens or underscores between them.",
        )


def _refuse_tag(name: str) -> None:
    if base := untagged(name):
        raise InvalidRequest(
            f"'{safe_line(name, 80)}' has a tag: mail to {safe_line(base, 60)}+anything reaches"
            f" {safe_line(base, 60)} as it is.",
            next_step=f"Make '{safe_line(base, 60)}' and hand out addresses with a tag.",
        )
