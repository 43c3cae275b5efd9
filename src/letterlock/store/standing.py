"""What stands against an email that is about to leave: all that may have been forbidden since it was submitted.

Asked twice for each delivery, the second time inside the write that comes right before the final dot. So it is one
statement, and more only where a tenant has lists or addresses that bounced.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from letterlock.ids import AgentId, InboxId, SubmissionId
from letterlock.message.address import parse_address
from letterlock.store import conduct, domains, lists
from letterlock.store.conduct import Decided
from letterlock.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds now, whatever was decided before. `suppressed`: by recipient, why nothing may go there. `sha256` and
    `recipients` are the store's (outbox.envelope_hash tells whether the email is still what was submitted). `decided`:
    whether it may go, or waits for a person, as it was sealed with that hash."""

    inbox_id: InboxId
    live: bool
    domain_live: bool
    suspended: str
    paused: bool
    suppressed: dict[str, str]
    sha256: str
    recipients: tuple[str, ...]
    decided: Decided


async def standing(
    tx: Transaction, submission_id: SubmissionId, sender: str, recipients: Iterable[str], house: str, now_ms: int
) -> Standing | None:
    """Of an email from `sender` to some of its recipients. `house`: the domain of the settings. None: there is no such
    submission."""
    domain = parse_address(sender).key.rpartition("@")[2]
    rows = await tx.all(
        "SELECT d.recipient, s.sha256, s.seal, s.inbox_id, s.agent_id, t.paused_at, i.inbox_id IS NOT NULL AND"
        " i.deleted_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > :now) AS live,"
        " COALESCE(i.suspended, '') AS inbox_suspended, COALESCE(a.suspended, '') AS agent_suspended,"
        f" {domains.LOST} AS domain_lost,"
        " EXISTS (SELECT 1 FROM suppressions p WHERE p.tenant_id = :tenant) AS suppresses,"
        " EXISTS (SELECT 1 FROM lists l WHERE l.tenant_id = :tenant AND l.side = 'to' AND l.kind = 'block') AS blocks"
        " FROM submissions s"
        " JOIN deliveries d ON d.tenant_id = s.tenant_id AND d.submission_id = s.submission_id"
        " JOIN tenants t ON t.tenant_id = s.tenant_id"
        " LEFT JOIN inboxes i ON i.tenant_id = s.tenant_id AND i.inbox_id = s.inbox_id"
        " LEFT JOIN agents a ON a.tenant_id = s.tenant_id AND a.agent_id = s.agent_id"
        " WHERE s.tenant_id = :tenant AND s.submission_id = :submission_id",
        submission_id=submission_id,
        domain=domain,
        now=now_ms,
    )
    if not rows:
        return None
    about = rows[0]
    inbox_id, agent_id = InboxId(about["inbox_id"]), AgentId(about["agent_id"])
    suppressed = dict.fromkeys(recipients, "")
    for recipient in suppressed:
        key = parse_address(recipient).key
        if about["suppresses"]:
            suppressed[recipient] = await conduct.suppression(tx, key)
        if about["blocks"] and not suppressed[recipient]:
            name = await lists.blocks(tx, "to", (key,), inbox_id, agent_id)
            suppressed[recipient] = f"a person has blocked {name}" if name else ""
    return Standing(
        inbox_id,
        bool(about["live"]),
        domain == house or not about["domain_lost"],
        about["inbox_suspended"] or about["agent_suspended"],
        about["paused_at"] is not None,
        suppressed,
        about["sha256"],
        tuple(row["recipient"] for row in rows),
        await conduct.decided(tx, submission_id, about["sha256"], about["seal"]),
    )
