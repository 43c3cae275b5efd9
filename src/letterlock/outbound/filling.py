"""filled_in(): the secrets that an email names are put into it on its way to another server, never before.

Only what its frozen bytes name, with the print they name it by: a secret that was removed, or holds another value, ends
the email. Each use is in the audit log before the bytes are there; no value is in it.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Final

from letterlock.app import App
from letterlock.errors import LetterlockError
from letterlock.ids import SecretId
from letterlock.message.filling import filled, fillings_of
from letterlock.store import audit, secrets
from letterlock.store.database import Transaction
from letterlock.store.outbox import NOT_SENT
from letterlock.store.queue import Lease
from letterlock.vault import Astray

FOR_OUTSIDE: Final = f"{NOT_SENT}it names a secret, and its recipient is an inbox here now"


class NotFilled(LetterlockError):
    """The email cannot go any more; the text names the secret's id."""

    code = "not_filled"


async def filled_in(app: App, lease: Lease) -> bytes:
    """The bytes of what is leased, with what they name. Raises NotFilled, or VaultLocked while that cannot be had."""
    named = fillings_of(lease.raw)
    if not named:
        return lease.raw
    values = {}
    for one in named:
        try:
            found = await app.vault.printed(lease.tenant_id, SecretId(one.secret_id))
        except Astray:
            raise NotFilled(f"{NOT_SENT}{one.secret_id}, which it names, is not what came by mail any more") from None
        if found is None:
            raise NotFilled(f"{NOT_SENT}{one.secret_id}, which it names, is not in the vault any more")
        if not hmac.compare_digest(found.print, one.print):
            raise NotFilled(f"{NOT_SENT}{one.secret_id}, which it names, is not what it was when it was submitted")
        values[one.secret_id] = found.value
    now, whom = app.now_ms(), [delivery.recipient for delivery in lease.deliveries]

    async def note(tx: Transaction) -> None:
        for one in named:
            await secrets.note(tx, SecretId(one.secret_id), "used", now)
            await audit.append(
                tx, now, "postmaster", "secret.filled_in", one.secret_id, submission=lease.submission_id, to=whom
            )

    await app.database.write(lease.tenant_id, note)
    try:
        return await asyncio.to_thread(filled, lease.raw, values)
    except ValueError:
        raise NotFilled(f"{NOT_SENT}what it names cannot be written into it") from None
