"""accept(app, envelope, raw) -> Receipts: the bytes are durably kept when it returns. The one door into the store.

SMTP, LMTP, local deliveries and imports all come through here. Folding a resend: RFC 5321 section 4.5.4.1 has a
client that lost the final 250 send again, so the same envelope sender, Message-ID and body reach an inbox once within
a day.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

from letterlock import telemetry
from letterlock.app import App
from letterlock.domains import domain_of
from letterlock.errors import InvalidRequest
from letterlock.ids import DEFAULT_TENANT, LOCAL_AGENT, InboxId, TenantId, new_id
from letterlock.message.address import parse_address
from letterlock.message.envelope import Envelope, Receipt
from letterlock.message.names import mailbox_key
from letterlock.message.report import token_of
from letterlock.store import arrivals, emails, inboxes
from letterlock.store.arrivals import Accepted
from letterlock.store.database import Transaction, Work
from letterlock.store.inboxes import Inbox
from letterlock.wake import UNFILED


async def accept(
    app: App, envelope: Envelope, raw: bytes, *, within: TenantId | None = None, unless: Work[bool] | None = None
) -> tuple[Receipt, ...]:
    """Keep `raw` once for every live inbox among the recipients. One Receipt a recipient, in their order (two
    recipients of one inbox share its email), none for a recipient without an inbox.

    `within`: the tenant whose mailbox, agent or person hands it in, None for a stranger.
    `unless` is asked first, in the same transaction: where it says so nothing is kept, but what it wrote is.
    In the sandbox (settings.accept_any) mail from outside makes the inbox it is for.
    Raises StoreBusy or StoreFull, and then nothing was kept.
    """
    makes_inboxes = app.settings.accept_any and envelope.transport in ("smtp", "lmtp")
    now, house, began = app.now_ms(), domain_of(app.settings), time.monotonic()

    async def keep(tx: Transaction) -> tuple[Receipt, ...]:
        if unless is not None and await unless(tx):
            return ()
        # Packed and hashed on the writer's thread: the loop's has every sender to answer, and neither holds the other.
        accepted = Accepted(envelope, emails.compressed(raw), len(raw), _fingerprint(envelope, raw))
        wanted: dict[str, Inbox] = {}
        for recipient in envelope.recipients:
            inbox = await live_inbox(tx, recipient, house, now, inboxes.ANYONE if makes_inboxes else within)
            if inbox is None and makes_inboxes:
                inbox = await _make_inbox(tx.bound_to(DEFAULT_TENANT), recipient, now)
            if inbox is not None:
                wanted[recipient] = inbox
        targets: dict[TenantId, dict[InboxId, str]] = {}
        for recipient, inbox in wanted.items():
            targets.setdefault(inbox.tenant_id, {}).setdefault(inbox.inbox_id, recipient)
        kept: dict[InboxId, Receipt] = {}
        for tenant_id, mine in targets.items():
            added = await arrivals.add_raw(tx.bound_to(tenant_id), tenant_id, list(mine.items()), accepted)
            kept |= {receipt.inbox_id: receipt for receipt in added}
        return tuple(replace(kept[inbox.inbox_id], recipient=recipient) for recipient, inbox in wanted.items())

    receipts = await app.database.write_system(keep, urgent=True)
    fresh = {receipt.email_id for receipt in receipts if not receipt.duplicate}
    if fresh:
        app.wake.hint(UNFILED)
        telemetry.count("emails_accepted", len(fresh), transport=envelope.transport)
        telemetry.took("accept", began, fresh, first=True, transport=envelope.transport)
    return receipts


async def _make_inbox(tx: Transaction, recipient: str, now_ms: int) -> Inbox | None:
    keys = own_keys(recipient)
    if not keys:
        return None
    inbox_id = InboxId(new_id("ib"))
    inbox = Inbox(DEFAULT_TENANT, inbox_id, LOCAL_AGENT, recipient, "sandbox", 0, now_ms, None, None)
    return inbox if await inboxes.add(tx, inbox, keys) else None


async def inbox_for(app: App, recipient: str, within: TenantId | None = None) -> Inbox | None:
    """The live inbox that mail to `recipient` goes to, handed in as accept() has it: its address, or the return path of
    what it sent."""
    return await app.database.read_system(
        lambda tx: live_inbox(tx, recipient, domain_of(app.settings), app.now_ms(), within)
    )


async def live_inbox(tx: Transaction, recipient: str, house: str, now_ms: int, within: TenantId | None) -> Inbox | None:
    """By the return path of an email that was sent, else by the address, else what gets the rest of its domain.
    `house`: the domain of the settings. A system read."""
    token = token_of(recipient)
    if token and (inbox := await inboxes.find_by_token(tx, token, house, now_ms)):
        return inbox
    return await inboxes.find_by_address(tx, address_keys(recipient), house, now_ms, within)


def own_keys(address: str) -> tuple[str, ...]:
    """The keys under which an inbox with this address may be kept: as it is written, and (last) without its dots. ()
    if it is no address."""
    try:
        found = parse_address(address)
    except InvalidRequest:
        return ()
    return tuple(dict.fromkeys((found.key, mailbox_key(found))))


def address_keys(recipient: str) -> tuple[str, ...]:
    """The keys to look up for a recipient, in this order: as given and without a plus-tag (RFC 5233), each also without
    dots. () if it is no address."""
    keys = own_keys(recipient)
    if not keys:
        return ()
    local, domain = keys[0].rsplit("@", 1)
    base = local.partition("+")[0]
    return tuple(dict.fromkeys((*keys, *own_keys(f"{base}@{domain}"))))


def _fingerprint(envelope: Envelope, raw: bytes) -> str:
    """What is imported again is the same by all its bytes where it has no Message-ID."""
    found = fingerprint(raw)
    return found or (hashlib.sha256(raw).hexdigest() if envelope.transport == "import" else "")


def fingerprint(raw: bytes) -> str:
    """What a resend shares with the first: "" when the message has no Message-ID to tell two messages apart. Not the
    envelope: a copy that comes by a mailbox has none, and who passes mail on writes one of their own."""
    head, _, body = raw.partition(b"\r\n\r\n")
    head = b"\r\n" + head
    at = head.lower().find(b"\r\nmessage-id:")
    words = head[at + 13 :].split(None, 1) if at >= 0 else []
    if not words:
        return ""
    digest = hashlib.sha256(words[0] + b"\n")
    digest.update(body)
    return digest.hexdigest()


def hops(raw: bytes) -> int:
    """How many servers say in the header of `raw` that they passed it on (RFC 5321 section 4.4)."""
    end = raw.find(b"\r\n\r\n", 0, _HEADER_BYTES)
    head = raw[: end if end >= 0 else _HEADER_BYTES]
    return (b"\r\n" + head).lower().count(b"\r\nreceived:")


_HEADER_BYTES = 400_000
"""A header that is longer is filed unreadable."""
