"""Everything of a tenant, or of one of its inboxes, as rows in chunks: to be given to its people, or erased
for good."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from letterlock.ids import EmailId, InboxId, SubmissionId
from letterlock.store import arrivals, emails, pool
from letterlock.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Table:
    """What is given of a table. `key`: the columns that order its rows within the tenant; `columns`: the others;
    `of_inbox`: the condition that a row is of `:inbox_id`, "" for tables of whole tenants only; `as_json`: columns
    that hold JSON."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    of_inbox: str = ""
    as_json: tuple[str, ...] = ()


_OF_EMAIL = "email_id IN (SELECT email_id FROM emails WHERE tenant_id = :tenant AND inbox_id = :inbox_id)"
_OF_THREAD = "thread_id IN (SELECT thread_id FROM threads WHERE tenant_id = :tenant AND inbox_id = :inbox_id)"
_OF_SUBMISSION = (
    "submission_id IN (SELECT submission_id FROM submissions WHERE tenant_id = :tenant AND inbox_id = :inbox_id)"
)
_MINE = "inbox_id = :inbox_id"

# No hash of a key, no secret of a webhook, no private key, no ciphertext.
TABLES: tuple[Table, ...] = (
    Table("agents", ("agent_id",), ("name", "kind", "created_at", "removed_at", "suspended")),
    Table(
        "keys", ("key_id",),
        ("agent_id", "hint", "scopes", "name", "inbox_id", "created_at", "expires_at", "revoked_at", "used_at"), _MINE,
    ),
    Table(
        "inboxes", ("inbox_id",),
        ("agent_id", "address", "purpose", "created_at", "expires_at", "deleted_at", "active_at", "allowed"), _MINE,
    ),
    Table("limits", ("name",), ("most",)),
    Table("retention", ("name",), ("days",)),
    Table("retention_bounds", ("name",), ("least", "most")),
    Table("holds", ("inbox_id",), ("reason", "set_by", "at"), _MINE),
    Table("domains", ("domain_id",), ("name", "state", "catch_all", "mta_sts", "verified_at", "created_at")),
    Table("domain_relays", ("domain_id",), ("host", "port", "security", "username", "set_at")),
    Table("tenant_relays", ("relay_id",), ("host", "port", "security", "username", "set_at")),
    Table("mailboxes", ("mailbox_id",), ("address", "provider", "host", "port", "username", "inboxes", "created_at")),
    Table("inlets", ("inlet_id",), ("domain", "service", "hint", "topic", "created_at")),
    Table("webhooks", ("webhook_id",), ("url", "events", "inbox_id", "ended_at", "created_at"), _MINE),
    Table(
        "rules", ("rule_id",), ("name", "priority", "stop", "conditions", "outcomes", "made_by", "created_at"), "",
        ("conditions", "outcomes"),
    ),
    Table("lists", ("side", "kind", "name", "whose"), ("at",), "whose = :inbox_id"),
    Table("contacts", ("agent_id", "address_key"), ("how", "at")),
    Table("suppressions", ("address_key",), ("reason", "at")),
    Table("consumers", ("agent_id", "name", "inbox_id"), ("place", "polled_at"), _MINE),
    Table("threads", ("thread_id",), ("inbox_id", "created_at"), _MINE),
    Table("thread_agents", ("thread_id", "agent_id"), ("role", "at"), _OF_THREAD),
    Table("labels", ("email_id", "label"), (), _OF_EMAIL),
    Table("blocked", ("email_id",), ("inbox_id", "sender", "name", "at", "released_at"), _MINE),
    Table("reads", ("agent_id", "email_id"), ("level", "vouched", "at"), _OF_EMAIL),
    Table("forwards", ("forward_id",), ("email_id", "rule_id", "address", "ended", "created_at"), _OF_EMAIL),
    Table(
        "escalations", ("escalation_id",),
        ("thread_id", "email_id", "asked_by", "reason", "created_at", "resolved_at", "resolved_by", "note"), _MINE,
    ),
    Table(
        "deliveries", ("submission_id", "recipient"),
        ("route", "state", "attempts", "reply", "class", "complained", "updated_at"), _OF_SUBMISSION,
    ),
    Table("audit", ("n",), ("at", "actor", "action", "subject", "detail", "previous_hash", "hash", "salt"), "",
          ("detail",)),
)  # fmt: skip
EMAILS = Table(
    "emails", ("email_id",),
    (
        "inbox_id", "thread_id", "state", "seq", "received_at", "envelope", "recipient", "message_id", "level", "score",
        "category", "unread", "size", "code_given_at",
    ), _MINE, ("envelope",),
)  # fmt: skip
SUBMISSIONS = Table(
    "submissions", ("submission_id",),
    (
        "inbox_id", "agent_id", "sender", "recipients", "subject", "body_text", "message_id", "thread_id", "held_by",
        "reasons", "verdict", "decided_by", "decided_at", "sha256", "size", "created_at",
    ), _MINE, ("recipients", "reasons"),
)  # fmt: skip
SECRETS = Table(
    "secrets", ("secret_id",), ("email_id", "kind", "service", "proved", "found_at", "used_at", "revealed_at"),
    _OF_EMAIL + " AND removed_at IS NULL",
)  # fmt: skip


async def rows(
    tx: Transaction, table: Table, inbox_id: InboxId | None, after: Sequence[Any], limit: int
) -> list[dict[str, Any]]:
    """Rows of the tenant (or of one inbox) behind the key `after` (empty: from the first) in the order of the keys.
    None of a table that has nothing of single inboxes when one is asked for."""
    if inbox_id is not None and not table.of_inbox:
        return []
    where, values = "", dict[str, Any](limit=limit)
    if inbox_id is not None:
        where = f" AND {table.of_inbox}"
        values["inbox_id"] = inbox_id
    if after:
        names = {f"k{n}": value for n, value in enumerate(after)}
        where += f" AND ({', '.join(table.key)}) > ({', '.join(f':{name}' for name in names)})"
        values |= names
    columns = (*table.key, *table.columns)
    found = await tx.all(
        f"SELECT {', '.join(columns)} FROM {table.name} WHERE tenant_id = :tenant{where}"
        f" ORDER BY {', '.join(table.key)} LIMIT :limit",
        **values,
    )
    return [
        {
            name: _parsed(value) if name in table.as_json else value
            for name, value in zip(columns, tuple(row), strict=True)
        }
        for row in found
    ]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


# --- erasing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """Where an email or a submission may name somebody: strings as they are kept, and packed reports and bytes."""

    id: str
    texts: tuple[str, ...]
    report: bytes | None
    raw: arrivals.Raw | None
    plain: bytes | None = None


async def emails_of(tx: Transaction, inbox_id: InboxId, limit: int) -> list[EmailId]:
    found = await tx.all(
        "SELECT email_id FROM emails WHERE tenant_id = :tenant AND inbox_id = :inbox_id LIMIT :limit",
        inbox_id=inbox_id,
        limit=limit,
    )
    return [row["email_id"] for row in found]


async def submissions_of(tx: Transaction, inbox_id: InboxId, limit: int) -> list[SubmissionId]:
    found = await tx.all(
        "SELECT submission_id FROM submissions WHERE tenant_id = :tenant AND inbox_id = :inbox_id LIMIT :limit",
        inbox_id=inbox_id,
        limit=limit,
    )
    return [row["submission_id"] for row in found]


async def inboxes_of(tx: Transaction, limit: int) -> list[tuple[InboxId, str, str]]:
    """Inboxes of the tenant, deleted ones too: id, address and its key."""
    found = await tx.all(
        "SELECT inbox_id, address, address_key FROM inboxes WHERE tenant_id = :tenant LIMIT :limit", limit=limit
    )
    return [(row["inbox_id"], row["address"], row["address_key"]) for row in found]


async def erase_emails(tx: Transaction, email_ids: Iterable[EmailId]) -> None:
    """With what is known of who was shown them and of what they said."""
    for email_id in email_ids:
        for table in ("reads", "traces"):
            await tx.run(f"DELETE FROM {table} WHERE tenant_id = :tenant AND email_id = :email_id", email_id=email_id)
        await emails.remove_one(tx, email_id)


async def forget_address(tx: Transaction, address_key: str) -> None:
    """Of an address that is gone a keyed hash is left, by which nobody else gets it."""
    await tx.run("DELETE FROM pool WHERE tenant_id = :tenant AND address_key = :key", key=address_key)
    await tx.run("DELETE FROM former_addresses WHERE tenant_id = :tenant AND address_key = :key", key=address_key)
    await tx.run(
        "INSERT INTO former_addresses (address_key, tenant_id) VALUES (:key, :tenant) ON CONFLICT DO NOTHING",
        key=await tx.seal(pool.former(address_key)),
    )


async def former_addresses(tx: Transaction, limit: int) -> list[str]:
    """Of the tenant, in the clear."""
    found = await tx.all(
        "SELECT address_key FROM former_addresses WHERE tenant_id = :tenant AND address_key LIKE '%@%' LIMIT :limit",
        limit=limit,
    )
    return [row["address_key"] for row in found]


async def erase_rest(tx: Transaction, limit: int) -> int:
    """Up to `limit` rows of each table of a tenant without inboxes; returns how many went, 0 when nothing but its
    audit log and its number are left."""
    gone = 0
    for table, key in REST:
        gone += await tx.run(
            f"DELETE FROM {table} WHERE tenant_id = :tenant AND ({key}) IN"
            f" (SELECT {key} FROM {table} WHERE tenant_id = :tenant LIMIT :limit)",
            limit=limit,
        )
    await tx.run("UPDATE tenants SET name = tenant_id WHERE tenant_id = :tenant AND closed_at IS NOT NULL")
    return gone


# Those that others point to come last.
REST = (
    ("reads", "agent_id, email_id"),
    ("traces", "email_id"),
    ("contacts", "agent_id, address_key"),
    ("suppressions", "address_key"),
    ("lists", "side, kind, name, whose"),
    ("rules", "rule_id"),
    ("webhooks", "webhook_id"),
    ("consumers", "agent_id, name, inbox_id"),
    ("pool", "address_key"),
    ("limits", "name"),
    ("takes", "name, n"),
    ("retention", "name"),
    ("retention_bounds", "name"),
    ("inlets", "inlet_id"),
    ("mailboxes", "mailbox_id"),
    ("domain_relays", "domain_id"),
    ("tenant_relays", "relay_id"),
    ("domains", "domain_id"),
    ("vault_keys", "version"),
    ("keys", "key_id"),
    ("agents", "agent_id"),
)


async def emails_said(tx: Transaction, after: str, limit: int) -> list[Said]:
    """Emails of the tenant behind id `after`, with all that may name somebody."""
    found = await tx.all(
        "SELECT e.email_id, e.envelope, e.recipient, e.from_address, e.from_name, e.subject, e.snippet, e.message_id,"
        " e.inspection, r.raw_id, r.codec, r.body FROM emails e JOIN raws r ON r.tenant_id = e.tenant_id"
        " AND r.raw_id = e.raw_id WHERE e.tenant_id = :tenant AND e.email_id > :after ORDER BY e.email_id LIMIT :limit",
        after=after,
        limit=limit,
    )
    return [
        Said(
            row["email_id"],
            tuple(filter(None, tuple(row)[1:8])),
            row["inspection"],
            arrivals.Raw(row["raw_id"], row["codec"], bytes(row["body"])),
        )
        for row in found
    ]


async def submissions_said(tx: Transaction, after: str, limit: int) -> list[Said]:
    """The same of submissions."""
    found = await tx.all(
        "SELECT submission_id, sender, recipients, subject, body_text, reasons, message_id, idempotency_key, raw,"
        " (SELECT group_concat(d.recipient || ' ' || d.reply, ' ') FROM deliveries d WHERE d.tenant_id = s.tenant_id"
        " AND d.submission_id = s.submission_id) AS told FROM submissions s"
        " WHERE s.tenant_id = :tenant AND s.submission_id > :after ORDER BY s.submission_id LIMIT :limit",
        after=after,
        limit=limit,
    )
    return [
        Said(row["submission_id"], (*tuple(row)[1:8], row["told"] or ""), None, None, bytes(row["raw"]))
        for row in found
    ]


async def erase_named(tx: Transaction, address: str, address_key: str) -> int:
    """Rows apart from emails, submissions and the audit log that name an address; returns how many. Short tables, so
    all at once."""
    gone = 0
    for table, column in (
        ("contacts", "address_key"),
        ("suppressions", "address_key"),
        ("lists", "name"),
        ("forwards", "address"),
        ("blocked", "sender"),
        ("mailboxes", "address_key"),
    ):
        gone += await tx.run(
            f"DELETE FROM {table} WHERE tenant_id = :tenant AND lower({column}) IN (:address, :key)",
            address=address,
            key=address_key,
        )
    part = f"%{address.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"
    for table, named in (
        ("rules", "lower(name || conditions || outcomes)"),
        ("escalations", "lower(reason || note)"),
        ("thread_messages", "lower(message_id)"),
        ("webhooks", "lower(url || last_answer)"),
    ):
        gone += await tx.run(
            f"DELETE FROM {table} WHERE tenant_id = :tenant AND {named} LIKE :part ESCAPE '!'", part=part
        )
    gone += await tx.run(
        "UPDATE inboxes SET purpose = '' WHERE tenant_id = :tenant AND lower(purpose) LIKE :part ESCAPE '!'", part=part
    )
    return gone
