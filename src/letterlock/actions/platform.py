"""What platforms and people ask over REST and no chat client does: pages of inboxes, contacts, suppressions,
the audit log, limits and what is left of them, mail handed in as bytes. Each an action like those of the catalog.

PLATFORM lists them. Scopes of people are checked by catalog.perform() and again where the thing is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from letterlock.actions import people
from letterlock.actions.caller import ADMIN, INBOUND, READ, Caller, is_house
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import GetPool, ListInboxes, PoolShown, Request, get_pool, own_inbox
from letterlock.actions.limits import usual
from letterlock.actions.pages import Cursor, Limit, Paged, cursor_at, page, place_of
from letterlock.app import App
from letterlock.errors import InvalidRequest, NotFound
from letterlock.ids import TenantId
from letterlock.inbound.accept import accept, inbox_for
from letterlock.message.address import parse_address
from letterlock.message.envelope import Envelope
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, conduct, inboxes, limits
from letterlock.store.database import Transaction, Work
from letterlock.store.emails import moment
from letterlock.store.inboxes import Inbox
from letterlock.store.limits import LIMITS, LimitName

_HOUR_MS = 3_600_000


# --- inboxes ----------------------------------------------------------------------------------------------------------


class PageInboxes(ListInboxes):
    limit: Limit = 50
    cursor: Cursor = ""


class GetInbox(Request):
    inbox: Annotated[str, Field(min_length=1, max_length=320, description="id or address")]


class InboxShown(BaseModel):
    inbox_id: str
    address: str
    purpose: str
    unread: int
    created_at: datetime
    expires_at: datetime | None


class InboxPage(BaseModel):
    inboxes: list[InboxShown]
    next_cursor: str


def _inbox(inbox: Inbox, unread: int) -> InboxShown:
    return InboxShown(
        inbox_id=inbox.inbox_id,
        address=inbox.address,
        purpose=safe_line(inbox.purpose),
        unread=unread,
        created_at=moment(inbox.created_at),
        expires_at=moment(inbox.expires_at) if inbox.expires_at is not None else None,
    )


async def page_inboxes(app: App, caller: Caller, request: PageInboxes) -> InboxPage:
    """List your inboxes, oldest first."""
    after = place_of(caller, "inboxes", request.cursor)
    found = await app.database.read(
        caller.tenant_id,
        lambda tx: inboxes.listed(
            tx, app.now_ms(), request.limit + 1, str(after) if after is not None else "", caller.inbox_id
        ),
    )
    part = found[: request.limit]
    more = cursor_at(caller, "inboxes", part[-1][0].inbox_id) if len(found) > request.limit else ""
    return InboxPage(inboxes=[_inbox(inbox, unread) for inbox, unread in part], next_cursor=more)


async def get_inbox(app: App, caller: Caller, request: GetInbox) -> InboxShown:
    """One inbox, by its id or address."""
    inbox = await own_inbox(app, caller, request.inbox)
    found = await app.database.read(
        caller.tenant_id, lambda tx: inboxes.listed(tx, app.now_ms(), 1, only=inbox.inbox_id)
    )
    return _inbox(inbox, found[0][1] if found else 0)


# --- contacts and suppressions ----------------------------------------------------------------------------------------


class ListContacts(Paged):
    pass


class NameContact(Request):
    name: Annotated[str, Field(min_length=1, max_length=320, description="address, or @domain")]


class DropContact(NameContact):
    pass


class ContactListed(BaseModel):
    name: str
    since: datetime


class ContactList(BaseModel):
    contacts: list[ContactListed]
    next_cursor: str


class Named(BaseModel):
    name: str = Field(description="as it is kept")


class ListSuppressions(Paged):
    pass


class Suppress(Request):
    address: Annotated[str, Field(min_length=1, max_length=320)]
    reason: Annotated[str, Field(max_length=200)] = "a person stopped it"


class Unsuppress(Request):
    address: Annotated[str, Field(min_length=1, max_length=320)]


class SuppressionListed(BaseModel):
    address: str
    reason: str
    since: datetime


class SuppressionList(BaseModel):
    suppressions: list[SuppressionListed]
    next_cursor: str


async def list_contacts(app: App, caller: Caller, request: ListContacts) -> ContactList:
    """Addresses and domains (@example.com) that people vouch for."""
    found = await people.contacts(app, caller=caller)
    part, more = page(caller, "contacts", found, lambda one: one.address_key, request)
    return ContactList(
        contacts=[ContactListed(name=one.address_key, since=moment(one.at)) for one in part], next_cursor=more
    )


async def name_contact(app: App, caller: Caller, request: NameContact) -> Named:
    """Vouch for an address or domain: any agent may write there."""
    return Named(name=await people.name_contact(app, request.name, caller=caller))


async def drop_contact(app: App, caller: Caller, request: DropContact) -> Named:
    """Vouch no longer."""
    return Named(name=await people.drop_contact(app, request.name, caller=caller))


async def list_suppressions(app: App, caller: Caller, request: ListSuppressions) -> SuppressionList:
    """Addresses nothing is sent to."""
    found = await people.suppressions(app, caller=caller)
    part, more = page(caller, "suppressions", found, lambda one: one.address_key, request)
    return SuppressionList(
        suppressions=[
            SuppressionListed(address=one.address_key, reason=safe_line(one.reason, 200), since=moment(one.at))
            for one in part
        ],
        next_cursor=more,
    )


async def suppress(app: App, caller: Caller, request: Suppress) -> Named:
    """Send nothing to an address any more."""
    return Named(name=await people.suppress(app, request.address, safe_line(request.reason, 200), caller=caller))


async def unsuppress(app: App, caller: Caller, request: Unsuppress) -> Named:
    """Let mail go to an address again."""
    return Named(name=await people.unsuppress(app, request.address, caller=caller))


# --- the audit log ----------------------------------------------------------------------------------------------------


class ListAudit(Paged):
    pass


class VerifyAudit(Request):
    head: str | None = Field(None, max_length=100, description="head noted down before, looked for in the log")


class AuditEntry(BaseModel):
    n: int = Field(description="counts without gaps")
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    hash: str


class AuditPage(BaseModel):
    entries: list[AuditEntry]
    next_cursor: str


class AuditVerified(BaseModel):
    rows: int
    broken_at: int | None = Field(description="first entry that does not fit or is missing")
    fault: str = Field(description="changed, removed, cut, added, erased, forged, unknown (the head that was given)")
    erased: int = Field(description="entries whose content was erased; their hashes still fit")
    head: str = Field(description="number and hash of the last entry: note it down elsewhere")


async def list_audit(app: App, caller: Caller, request: ListAudit) -> AuditPage:
    """The audit log of your tenant, newest first."""
    caller.need_all(ADMIN)
    before = place_of(caller, "audit", request.cursor)
    found = await app.database.read(
        caller.tenant_id,
        lambda tx: audit.before(tx, int(before) if before is not None else None, request.limit + 1),
    )
    part = found[: request.limit]
    return AuditPage(
        entries=[
            AuditEntry(
                n=one.n,
                at=moment(one.at),
                actor=one.actor,
                action=one.action,
                subject=one.subject,
                detail=one.detail,
                hash=one.hash,
            )
            for one in part
        ],
        next_cursor=cursor_at(caller, "audit", part[-1].n) if len(found) > request.limit else "",
    )


async def verify_audit(app: App, caller: Caller, request: VerifyAudit) -> AuditVerified:
    """Whether the audit log is whole and unchanged."""
    done = await people.verify_audit(app, request.head, caller=caller)
    return AuditVerified(
        rows=done.rows,
        broken_at=done.broken_at,
        fault=done.fault,
        erased=done.erased,
        head=f"{done.head.n} {done.head.hash}",
    )


# --- limits -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """How a tenant stands with a limit: `left` of `most`, and in how many seconds the oldest that counts is an hour
    old (0 when nothing counts)."""

    name: LimitName
    most: int
    left: int
    reset_s: int


class GetUsage(Request):
    pass


class LimitShown(BaseModel):
    name: str
    most: int = Field(description="in an hour")
    left: int
    reset_s: int = Field(description="seconds until the oldest no longer counts")


class Usage(BaseModel):
    limits: list[LimitShown]
    inboxes: int
    emails_received: int = Field(description="ever")
    stored_bytes: int = Field(description="of emails that are kept, as they came")


async def standing(app: App, caller: Caller, name: LimitName) -> Standing:
    """How the caller's tenant stands with a limit of so many in an hour."""
    return await app.database.read(caller.tenant_id, lambda tx: _standing(app, tx, name))


async def _standing(app: App, tx: Transaction, name: LimitName) -> Standing:
    now = app.now_ms()
    own = await limits.of_tenant(tx, name)
    most = usual(app.settings, name) if own is None else own
    if name == "emails_per_hour":
        # These are recipients outside, and counted where the emails are kept.
        everyone = conduct.Counted()
        used = await conduct.used(tx, now - _HOUR_MS, everyone)
        first = await conduct.used_until(tx, now - _HOUR_MS, everyone, 1)
    else:
        used, first = await limits.used(tx, name, now)
    reset_ms = first + _HOUR_MS - now if used else 0
    return Standing(name, most, max(0, most - used), -(-max(0, reset_ms) // 1000))


async def get_usage(app: App, caller: Caller, request: GetUsage) -> Usage:
    """The limits of your tenant and what is left of them; how many inboxes there are."""
    caller.need_all(READ)
    return await usage(app, caller.tenant_id)


async def usage(app: App, tenant_id: TenantId) -> Usage:
    """How a tenant stands. Who asks was looked at."""

    async def look(tx: Transaction) -> Usage:
        stands = [await _standing(app, tx, name) for name in LIMITS]
        return Usage(
            limits=[LimitShown(name=s.name, most=s.most, left=s.left, reset_s=s.reset_s) for s in stands],
            inboxes=await inboxes.count(tx, app.now_ms()),
            emails_received=await inboxes.last_filed(tx),
            stored_bytes=await inboxes.stored_bytes(tx),
        )

    return await app.database.read(tenant_id, look)


# --- mail handed in ---------------------------------------------------------------------------------------------------


class HandIn(Request):
    """An email as bytes (RFC 5322) for inboxes of the tenant. `raw` comes as the body of its own."""

    to: Annotated[list[Annotated[str, Field(max_length=320)]], Field(min_length=1, max_length=50)]
    sender: Annotated[str, Field(max_length=320, description="envelope sender (MAIL FROM); empty for bounces")] = ""
    raw: bytes


class HandedIn(BaseModel):
    email_id: str
    inbox_id: str
    recipient: str
    duplicate: bool = Field(description="it was here already")


class HandedInList(BaseModel):
    received: list[HandedIn]


async def hand_in(app: App, caller: Caller, request: HandIn) -> HandedInList:
    """Hand in an email as if it had come by SMTP. Nothing is known of who brought it, so SPF proves nothing; DKIM
    counts. Kept durably when this answers, readable once it is filed."""
    return await keep_handed_in(app, caller, request)


async def keep_handed_in(app: App, caller: Caller, request: HandIn, unless: Work[bool] | None = None) -> HandedInList:
    """hand_in; where `unless` (inbound/accept.py) says so, nothing is received."""
    if not request.raw.strip():
        raise InvalidRequest("The email is empty.", next_step="Send the message (RFC 5322) as the body.")
    if len(request.raw) > app.settings.max_message_bytes:
        raise InvalidRequest(
            f"The email has {len(request.raw)} bytes, more than the {app.settings.max_message_bytes} allowed."
        )
    if request.sender:
        parse_address(request.sender)
    for recipient in request.to:
        if not await _may_hand_in_for(app, caller, recipient):
            raise NotFound(
                f"Inbox '{safe_line(recipient, 80)}' not found.",
                next_step="Call list_inboxes to see yours, or create_inbox to make it.",
            )
    # Lines end as they do on the wire (RFC 5321 section 2.3.8), whatever a client's file had.
    raw = request.raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    envelope = Envelope(request.sender, tuple(dict.fromkeys(request.to)), app.clock(), "import")
    receipts = await accept(app, envelope, raw, within=caller.tenant_id, unless=unless)
    return HandedInList(
        received=[
            HandedIn(email_id=one.email_id, inbox_id=one.inbox_id, recipient=one.recipient, duplicate=one.duplicate)
            for one in receipts
            if one.tenant_id == caller.tenant_id
        ]
    )


async def _may_hand_in_for(app: App, caller: Caller, recipient: str) -> bool:
    inbox = await inbox_for(app, recipient, caller.tenant_id)
    if inbox is None or caller.inbox_id not in (None, inbox.inbox_id):
        return False
    if caller.inlet is None:
        return inbox.tenant_id == caller.tenant_id
    # As over SMTP, mail for the domain of the settings is for whichever tenant has the inbox.
    mine = inbox.tenant_id == caller.tenant_id or is_house(app, caller.inlet)
    return mine and is_of(recipient, caller.inlet.domain)


def is_of(recipient: str, domain: str) -> bool:
    """Whether it is an address of that domain (A-labels)."""
    try:
        return parse_address(recipient).key.rpartition("@")[2] == domain
    except InvalidRequest:
        return False


_READS = Hints(read_only=True, idempotent=True)
_AGAIN = Hints(idempotent=True)

LIST_INBOXES = Action("list_inboxes", "List inboxes", "inboxes", READ, _READS, PageInboxes, InboxPage, page_inboxes)
PLATFORM: tuple[Action, ...] = (
    LIST_INBOXES,
    Action("get_inbox", "Show inbox", "inboxes", READ, _READS, GetInbox, InboxShown, get_inbox),
    Action("list_contacts", "List contacts", "sending", ADMIN, _READS, ListContacts, ContactList, list_contacts),
    Action("name_contact", "Vouch for contact", "sending", ADMIN, _AGAIN, NameContact, Named, name_contact),
    Action("drop_contact", "Drop contact", "sending", ADMIN, _AGAIN, DropContact, Named, drop_contact),
    Action(
        "list_suppressions", "List suppressions", "sending", ADMIN, _READS,
        ListSuppressions, SuppressionList, list_suppressions,
    ),
    Action("suppress", "Suppress address", "sending", ADMIN, _AGAIN, Suppress, Named, suppress),
    Action("unsuppress", "End suppression", "sending", ADMIN, _AGAIN, Unsuppress, Named, unsuppress),
    Action("list_audit", "List audit log", "inboxes", ADMIN, _READS, ListAudit, AuditPage, list_audit),
    Action("verify_audit", "Verify audit log", "inboxes", ADMIN, _READS, VerifyAudit, AuditVerified, verify_audit),
    Action("get_pool", "Show pool", "inboxes", READ, _READS, GetPool, PoolShown, get_pool),
    Action("get_usage", "Show usage", "inboxes", READ, _READS, GetUsage, Usage, get_usage),
    Action("hand_in", "Hand in email", "inboxes", INBOUND, _AGAIN, HandIn, HandedInList, hand_in),
)  # fmt: skip
