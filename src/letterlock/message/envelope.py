"""What the mail protocol told us, kept apart from what the message says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from letterlock.ids import EmailId, InboxId, TenantId

Transport = Literal["smtp", "lmtp", "local", "import", "imap"]
"""`imap`: fetched from a mailbox elsewhere."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail transaction (RFC 5321 section 3.3). `sender` is "" for the null reverse-path of bounces.

    Of mail fetched from a mailbox: `spam` when its provider had put it there, `authserv` the name under which that
    provider writes Authentication-Results (RFC 8601) that are believed, "" for none."""

    sender: str
    recipients: tuple[str, ...]
    received_at: datetime
    transport: Transport
    client_ip: str | None = None
    helo: str | None = None
    smtputf8: bool = False
    tls: bool = False
    spam: bool = False
    authserv: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that one inbox durably holds the bytes. `duplicate`: a resend folded into the email named here."""

    tenant_id: TenantId
    inbox_id: InboxId
    email_id: EmailId
    recipient: str
    duplicate: bool = False
