"""The key of the marks planted in what is shown of quarantined emails: canary.key in the data folder, for its owner.

Whoever shows one makes the key; whoever sends looks for marks only when there is one. Blocks for a moment, once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Final

from letterlock.canary import mark
from letterlock.ids import EmailId, TenantId

FILE: Final = "canary.key"
_BYTES: Final = 32


def mark_of(data: Path, tenant_id: TenantId, email_id: EmailId) -> str:
    """The mark to plant for an email, "" where no key can be kept: a full disk must not keep mail from being read."""
    try:
        return mark(_made(data), tenant_id, email_id)
    except OSError:
        return ""


def key_of(data: Path) -> bytes | None:
    """The key, None when no mark was ever planted."""
    try:
        return _read(data)
    except OSError:
        return None


def _made(data: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        return _read(data)
    fresh = data / f"{FILE}.{secrets.token_hex(8)}"
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_bytes(_BYTES))
            out.flush()
            os.fsync(out.fileno())
        # Whole or not at all, and the first of several processes wins.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, data / FILE)
    finally:
        fresh.unlink(missing_ok=True)
    return _read(data)


@lru_cache(maxsize=64)
def _read(data: Path) -> bytes:
    return (data / FILE).read_bytes()
