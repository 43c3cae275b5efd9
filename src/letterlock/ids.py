"""Identifiers: random, time-ordered, never reused, safe to show.

An id is a prefix that names its kind, then 26 characters of Crockford base32: 48 bits of milliseconds since 1970 and
80 random bits (the layout of a ULID). Ids made by one process are strictly increasing even if its clock steps back.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import NewType

TenantId = NewType("TenantId", str)
AgentId = NewType("AgentId", str)
KeyId = NewType("KeyId", str)
InboxId = NewType("InboxId", str)
EmailId = NewType("EmailId", str)
ThreadId = NewType("ThreadId", str)
SubmissionId = NewType("SubmissionId", str)
WebhookId = NewType("WebhookId", str)
DomainId = NewType("DomainId", str)
SecretId = NewType("SecretId", str)
MailboxId = NewType("MailboxId", str)
RelayId = NewType("RelayId", str)
InletId = NewType("InletId", str)
EscalationId = NewType("EscalationId", str)

DEFAULT_TENANT = TenantId("default")
LOCAL_AGENT = AgentId("local")
"""A chat client that was started on the data folder."""
OWNER = AgentId("person")
"""Whoever sits at the command line, in every tenant."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """A new id such as `em_01k...`; ids of one process sort in the order they were made."""
    global _last
    with _lock:
        fresh = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
        # A clock that stands still or steps back must not break the order: count on from the last id.
        _last = fresh if fresh > _last else _last + 1 + secrets.randbits(32)
        value = _last
    return _written(prefix, value)


def id_at(prefix: str, at_ms: int) -> str:
    """What stands between the ids made before `at_ms` (milliseconds since 1970) and those made from then on."""
    return _written(prefix, at_ms << 80)


def _written(prefix: str, value: int) -> str:
    return f"{prefix}_" + "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))
