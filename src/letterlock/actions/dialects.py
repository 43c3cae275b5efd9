"""DIALECTS: how the webhooks of other services word and sign what happened, for programs that were written for them.

The events are ours, and so is everything about their delivery; a dialect only names, words and signs them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from letterlock.actions.following import EmailEvent, Event
from letterlock.screen.score import Level
from letterlock.store.emails import Email

DialectName = Literal["", "lumbox", "lobstermail"]
"""The empty one is ours."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`names`: what each of our events is called, the rarest first. `header`: carries the hex HMAC-SHA256 of the body
    with the webhook's secret. `data`: what is said of an email that came; its strings are those of lists. `threads`:
    what an email is called besides that begins a conversation, and one that goes on with it."""

    header: str
    names: Mapping[str, tuple[str, ...]]
    data: Callable[[EmailEvent, Email], dict[str, Any]]
    threads: tuple[str, ...] = ()

    @property
    def events(self) -> frozenset[str]:
        return frozenset(name for names in self.names.values() for name in names).union(self.threads)

    def names_of(self, event: Event) -> tuple[str, ...]:
        """All that an event is called; none where it is not told."""
        names = self.names.get(event.kind, ())
        if not isinstance(event.data, EmailEvent):
            return names
        if event.data.level != Level.QUARANTINED:
            names = tuple(name for name in names if name != _QUARANTINED)
        return names + (self.threads[:1] if event.data.begins_thread else self.threads[1:])

    def told(self, event: Event, wanted: frozenset[str]) -> tuple[str, ...]:
        """What it is called for a webhook that wants these (none: all): one name, and what its conversation makes of it
        where that is named; none when it is not told."""
        names = [name for name in self.names_of(event) if not wanted or name in wanted]
        usual = [name for name in names if name not in self.threads]
        return (*usual[:1], *(name for name in names if name in self.threads and name in wanted))

    def body(self, name: str, event: Event, email: Email | None, webhook_id: str) -> bytes:
        data = event.data.model_dump(mode="json")
        if isinstance(event.data, EmailEvent) and email is not None:
            data = self.data(event.data, email)
        told = {"event": name, "timestamp": stamp(event.data.at), "webhookId": webhook_id, "data": data}
        if email is not None:
            # The sender's own receiver reads this where its page says `data`.
            told["email"] = data
        return json.dumps(told, ensure_ascii=True, separators=(",", ":")).encode()


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC with a Z, as both write times."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


LUMBOX_CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "verification": ("otp", "verify_link", "magic_link"),
    "security": ("reset_link",),
    "notification": ("notification", "invite", "calendar", "bounce", "auto_reply", "support", "personal", "other"),
    "transactional": ("receipt",),
    "newsletter": ("newsletter",),
}
"""Lumbox has five categories; ours in each."""


def lumbox_category(ours: str) -> str:
    return next((theirs for theirs, of_ours in LUMBOX_CATEGORIES.items() if ours in of_ours), "notification")


def _lumbox(event: EmailEvent, email: Email) -> dict[str, Any]:
    return {
        "email_id": email.email_id,
        "inbox_id": email.inbox_id,
        "from": email.from_address,
        "subject": email.subject,
        "received_at": stamp(event.at),
        # A code is given by the call that waits for it, once, and nowhere else.
        "parsed": {"otp_codes": [], "has_otp": event.has_code, "category": lumbox_category(email.category)},
    }


def _lobstermail(event: EmailEvent, email: Email) -> dict[str, Any]:
    return {
        "emailId": email.email_id,
        "id": email.email_id,
        "inboxId": email.inbox_id,
        "threadId": email.thread_id,
        "direction": "inbound",
        "from": email.from_address,
        "to": [email.inbox_address],
        "subject": email.subject,
        "preview": email.snippet,
        "body": None,
        "hasAttachments": email.attachments > 0,
        "security": {"injectionRiskScore": email.score, "flags": [], "spf": None, "dkim": None, "dmarc": None},
        "receivedAt": stamp(event.at),
    }


_QUARANTINED = "email.quarantined"
DIALECTS: Mapping[DialectName, Dialect] = {
    "lumbox": Dialect(
        "X-Lumbox-Signature",
        {
            "email.filed": ("email.received",),
            "email.sent": ("email.sent",),
            "email.delivered": ("email.sent",),
            "email.bounced": ("email.bounced",),
            "inbox.created": ("inbox.created",),
            "inbox.deleted": ("inbox.deleted",),
        },
        _lumbox,
    ),
    "lobstermail": Dialect(
        "X-LobsterMail-Signature",
        {
            "email.filed": (_QUARANTINED, "email.received", "email.scan.complete"),
            "email.sent": ("email.sent",),
            "email.delivered": ("email.sent",),
            "email.bounced": ("email.bounced",),
            "inbox.created": ("inbox.created",),
            "inbox.deleted": ("inbox.expired",),
        },
        _lobstermail,
        ("email.thread.new", "email.thread.reply"),
    ),
}
