"""What the mail protocol told us, kept apart from what the message says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from letterlock.ids import EmailId, InboxId, TenantId

Transport = Literal["smtp", "lmtp", "local", "import"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail transaction (RFC 5321 section 3.3). `sender` is "" for the null reverse-path of bounces."""

    sender: str
    recipients: tuple[str, ...]
    received_at: datetime
    transport: Transport
    client_ip: str | None = None
    helo: str | None = None
    smtputf8: bool = False
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that one inbox durably holds the bytes. `duplicate`: a resend folded into the email named here."""

    tenant_id: TenantId
    inbox_id: InboxId
    email_id: EmailId
    recipient: str
    duplicate: bool = False
