"""The key of the marks planted in what is shown of quarantined emails: canary.key in the data folder, for its owner.

Whoever shows one makes the key; whoever sends looks for marks only when there is one. Blocks for a moment, once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from letterlock.canary import mark
from letterlock.ids import EmailId, TenantId
from letterlock.keyfile import key_of, made_key

FILE: Final = "canary.key"


def mark_of(data: Path, tenant_id: TenantId, email_id: EmailId) -> str:
    """The mark to plant for an email, "" where no key can be kept: a full disk must not keep mail from being read."""
    try:
        return mark(made_key(data, FILE), tenant_id, email_id)
    except OSError:
        return ""


def planted_with(data: Path) -> bytes | None:
    """The key, None when no mark was ever planted."""
    try:
        return key_of(data, FILE)
    except OSError:
        return None
