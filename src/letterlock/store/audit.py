"""The audit log: append-only, hash-chained per tenant. Who did what to which thing, when; never a body or a code."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from letterlock.store.database import Transaction

_START = "0" * 64


async def append(tx: Transaction, at_ms: int, actor: str, action: str, subject: str, **detail: Any) -> None:
    """One row, in the transaction of the act itself. `subject` is the id acted on; `detail` small and free of mail
    text."""
    last = await tx.one("SELECT n, hash FROM audit WHERE tenant_id = :tenant ORDER BY n DESC LIMIT 1")
    n, previous = (last["n"] + 1, last["hash"]) if last else (1, _START)
    text = json.dumps(detail, sort_keys=True, separators=(",", ":"))
    link = "\x1f".join((previous, str(n), str(at_ms), actor, action, subject, text))
    await tx.run(
        "INSERT INTO audit (tenant_id, n, at, actor, action, subject, detail, previous_hash, hash)"
        " VALUES (:tenant, :n, :at, :actor, :action, :subject, :detail, :previous, :hash)",
        n=n,
        at=at_ms,
        actor=actor,
        action=action,
        subject=subject,
        detail=text,
        previous=previous,
        hash=hashlib.sha256(link.encode()).hexdigest(),
    )
