"""Inbound emails, filed: what may be listed, found and read.

received -> filed -> deleted -> gone. `file` alone moves the first step, and its commit is the act: before it no tool
can see the email, after it every tool can. The bytes are accepted.py's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import zstandard
from pydantic import BaseModel, ConfigDict
from pydantic import Field as PydanticField

from letterlock.ids import EmailId, InboxId, ThreadId, new_id
from letterlock.inspection import FoundSecret, Inspection, Preview
from letterlock.message.envelope import Receipt
from letterlock.message.report import Report
from letterlock.screen.rule import Finding
from letterlock.screen.score import Level
from letterlock.store.database import Row, Transaction

_MOST_REFERENCES = 40


class _PerThread(threading.local):
    """A compressor is not safe to share between threads, and costly to make."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1)


_packing = _PerThread()


def compressed(data: bytes) -> bytes:
    """As bytes are kept in rows."""
    return _packing.compressor.compress(data)


def expanded(data: bytes) -> bytes:
    """What `compressed` was given."""
    return zstandard.decompress(data)


class Filed(BaseModel):
    """What `file` keeps of a read email, in the form of its rows, so that filing only has to store it. Made where the
    email was read, in a worker; crosses to the postmaster as JSON. `earlier`: Message-IDs it answers or refers to,
    nearest first; `packed`: the report without its findings, which have rows of their own; `sent_report`: what it
    reports of mail that was sent; `secrets`: for the vault, and nowhere else in this; `subject`, `sender` (of its From,
    as claimed), `authors` (of From and Sender), `no_forward` (why no machine may pass it on): for rules,
    not for models."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    message_id: str
    earlier: tuple[str, ...]
    from_domain: str
    aligned: bool
    level: Level
    score: float
    category: str
    attachments: int
    links: int
    code: str | None
    findings: tuple[Finding, ...]
    preview: Preview
    terms: str
    packed: bytes
    sent_report: Report | None = None
    secrets: tuple[FoundSecret, ...] = PydanticField(default=(), repr=False)
    subject: str = ""
    sender: str = ""
    authors: tuple[str, ...] = ()
    no_forward: str = ""

    @classmethod
    def of(cls, report: Inspection, shown: Preview, terms: str = "") -> Filed:
        return cls(
            message_id=report.message_id,
            earlier=(*report.in_reply_to, *reversed(report.references))[:_MOST_REFERENCES],
            from_domain=report.from_.domain if report.from_ else "",
            aligned=report.authentication.aligned,
            level=report.screening.level,
            score=report.screening.score,
            category=report.category,
            attachments=len(report.attachments),
            links=len(report.links.all),
            code=report.code.value if report.code else None,
            findings=report.screening.findings,
            preview=shown,
            terms=terms,
            sent_report=report.report,
            secrets=report.secrets,
            subject=report.subject,
            sender=report.from_.address if report.from_ else "",
            authors=report.authors,
            no_forward=report.no_forward,
            packed=compressed(report.model_dump_json(exclude={"screening": {"findings"}}).encode()),
        )

    def report(self) -> Inspection:
        """The whole report that was packed."""
        return unpack(self.packed, self.findings).model_copy(update={"secrets": self.secrets})


@dataclass(frozen=True, slots=True)
class Email:
    """One filed email as lists show it: its strings are safe for a model at its level (inspection.preview), except
    `from_domain`, `message_id` and `code`. Times in milliseconds since 1970."""

    email_id: EmailId
    inbox_id: InboxId
    seq: int
    filed: int
    thread_id: ThreadId
    message_id: str
    received_at: int
    inbox_address: str
    size: int
    from_address: str
    from_name: str
    from_domain: str
    aligned: bool
    subject: str
    snippet: str
    level: Level
    score: float
    category: str
    attachments: int
    links: int
    unread: bool
    code: str | None
    code_given_at: int | None


_COLUMNS = (
    "e.email_id, e.inbox_id, e.seq, e.filed, e.thread_id, e.message_id, e.received_at, i.address, e.size,"
    " e.from_address, e.from_name, e.from_domain, e.aligned, e.subject, e.snippet, e.level, e.score, e.category,"
    " e.attachments, e.links, e.unread, e.code, e.code_given_at"
)
_IN_INBOXES = " JOIN inboxes i ON i.tenant_id = e.tenant_id AND i.inbox_id = e.inbox_id"
_FILED = " WHERE e.tenant_id = :tenant AND e.state = 'filed'"
_LIVE = f"{_IN_INBOXES} AND i.deleted_at IS NULL{_FILED}"


_ALIGNED, _LEVEL, _UNREAD = (Email.__slots__.index(name) for name in ("aligned", "level", "unread"))


def _email(row: Row) -> Email:
    # By position, the columns being in the order of the fields: looking up each by name takes longer than the query.
    values = list(row)
    values[_ALIGNED], values[_UNREAD] = bool(values[_ALIGNED]), bool(values[_UNREAD])
    values[_LEVEL] = Level(values[_LEVEL])
    return Email(*values)


# Filing


async def count_in(tx: Transaction, inbox_id: InboxId, *, filed: bool) -> int:
    """How many emails an inbox got, or with `filed` how many of them can be seen."""
    row = await tx.one(
        "SELECT COUNT(*) AS n FROM emails WHERE tenant_id = :tenant AND inbox_id = :inbox_id"
        " AND (state = 'filed' OR (state = 'received' AND :filed = 0))",
        inbox_id=inbox_id,
        filed=int(filed),
    )
    return row["n"] if row else 0


async def file(tx: Transaction, receipt: Receipt, filed: Filed) -> bool:
    """Make an accepted email visible: its numbers, thread, findings and terms. False when it is filed (or gone)
    already."""
    found = await tx.one(
        "SELECT state, received_at, size FROM emails WHERE tenant_id = :tenant AND email_id = :email_id",
        email_id=receipt.email_id,
    )
    if found is None or found["state"] != "received":
        return False
    counted = await tx.one(
        "UPDATE inboxes SET last_seq = last_seq + 1,"
        " active_at = CASE WHEN active_at < :at THEN :at ELSE active_at END"
        " WHERE tenant_id = :tenant AND inbox_id = :inbox_id RETURNING last_seq",
        inbox_id=receipt.inbox_id,
        at=found["received_at"],
    )
    number = await tx.one(
        "UPDATE tenants SET last_filed = last_filed + 1, stored_bytes = stored_bytes + :size"
        " WHERE tenant_id = :tenant RETURNING last_filed",
        size=found["size"],
    )
    assert counted is not None
    assert number is not None
    await tx.run(
        "UPDATE emails SET state = 'filed', seq = :seq, filed = :filed, thread_id = :thread_id, unread = 1,"
        f" {_SCREENED} WHERE tenant_id = :tenant AND email_id = :email_id",
        email_id=receipt.email_id,
        seq=counted["last_seq"],
        filed=number["last_filed"],
        thread_id=await thread_of(tx, receipt.inbox_id, filed.message_id, filed.earlier, found["received_at"]),
        **_screened(filed),
    )
    await _put_findings(tx, receipt, filed)
    return True


async def refile(tx: Transaction, receipt: Receipt, filed: Filed) -> bool:
    """Put a new reading in the place of the old one; numbers, thread, and what was read and given stay. False when the
    email is gone."""
    changed = await tx.run(
        f"UPDATE emails SET {_SCREENED} WHERE tenant_id = :tenant AND email_id = :email_id AND state = 'filed'",
        email_id=receipt.email_id,
        **_screened(filed),
    )
    if not changed:
        return False
    await tx.run("DELETE FROM findings WHERE tenant_id = :tenant AND email_id = :email_id", email_id=receipt.email_id)
    await _put_findings(tx, receipt, filed)
    return True


_SCREENED = (
    "message_id = :message_id, from_address = :from_address, from_name = :from_name, from_domain = :from_domain,"
    " aligned = :aligned, subject = :subject, snippet = :snippet, level = :level, score = :score,"
    " category = :category, attachments = :attachments, links = :links, code = :code, inspection = :inspection,"
    " secrets = :secrets"
)


def _screened(filed: Filed) -> dict[str, Any]:
    preview = filed.preview
    return {
        "message_id": filed.message_id,
        "from_address": preview.from_address,
        "from_name": preview.from_name,
        "from_domain": filed.from_domain,
        "aligned": int(filed.aligned),
        "subject": preview.subject,
        "snippet": preview.snippet,
        "level": str(filed.level),
        "score": filed.score,
        "category": filed.category,
        "attachments": filed.attachments,
        "links": filed.links,
        "code": filed.code,
        "inspection": filed.packed,
        "secrets": len(filed.secrets),
    }


async def _put_findings(tx: Transaction, receipt: Receipt, filed: Filed) -> None:
    await tx.many(
        "INSERT INTO findings (tenant_id, email_id, n, rule, reason, weight, location, span_start, span_end, excerpt)"
        " VALUES (:tenant, :email_id, :n, :rule, :reason, :weight, :where, :start, :end, :excerpt)",
        ({**asdict(finding), "email_id": receipt.email_id, "n": n} for n, finding in enumerate(filed.findings)),
    )
    await tx.index_terms(receipt.email_id, receipt.inbox_id, filed.terms)


async def thread_of(
    tx: Transaction, inbox_id: InboxId, message_id: str, earlier: Iterable[str], now_ms: int
) -> ThreadId:
    """The thread of the first known of `earlier` (Message-IDs answered or referred to), else of `message_id` itself,
    else a new one. `message_id` belongs to it from now on."""
    candidates = list(dict.fromkeys(filter(None, (*earlier, message_id))))[:_MOST_REFERENCES]
    names = {f"m{n}": candidate for n, candidate in enumerate(candidates)}
    rows = await tx.all(
        "SELECT message_id, thread_id FROM thread_messages WHERE tenant_id = :tenant AND inbox_id = :inbox_id"
        f" AND message_id IN ({', '.join(f':{name}' for name in names)})",
        inbox_id=inbox_id,
        **names,
    )
    known = {row["message_id"]: row["thread_id"] for row in rows}
    thread_id = next((known[candidate] for candidate in candidates if candidate in known), None)
    if thread_id is None:
        thread_id = new_id("th")
        await tx.run(
            "INSERT INTO threads (tenant_id, thread_id, inbox_id, created_at)"
            " VALUES (:tenant, :thread_id, :inbox_id, :now)",
            thread_id=thread_id,
            inbox_id=inbox_id,
            now=now_ms,
        )
    if message_id:
        await tx.run(
            "INSERT INTO thread_messages (tenant_id, inbox_id, message_id, thread_id)"
            " VALUES (:tenant, :inbox_id, :message_id, :thread_id) ON CONFLICT DO NOTHING",
            inbox_id=inbox_id,
            message_id=message_id,
            thread_id=thread_id,
        )
    return ThreadId(thread_id)


# Reading


async def get(tx: Transaction, email_id: EmailId) -> Email | None:
    row = await tx.one(f"SELECT {_COLUMNS} FROM emails e{_LIVE} AND e.email_id = :email_id", email_id=email_id)
    return _email(row) if row else None


async def inspection(tx: Transaction, email_id: EmailId, *, deleted: bool = False) -> Inspection | None:
    """The whole report on one email; `deleted`: also in an inbox that is deleted."""
    which = f"{_IN_INBOXES}{_FILED}" if deleted else _LIVE
    row = await tx.one(f"SELECT e.inspection FROM emails e{which} AND e.email_id = :email_id", email_id=email_id)
    if row is None:
        return None
    rows = await tx.all(
        "SELECT rule, reason, weight, location, span_start, span_end, excerpt FROM findings"
        " WHERE tenant_id = :tenant AND email_id = :email_id ORDER BY n",
        email_id=email_id,
    )
    findings = (
        Finding(r["rule"], r["reason"], r["weight"], r["location"], r["span_start"], r["span_end"], r["excerpt"])
        for r in rows
    )
    return unpack(row["inspection"], findings)


def unpack(packed: bytes, findings: Iterable[Finding]) -> Inspection:
    """The report that was packed, with its findings."""
    report = json.loads(expanded(packed))
    report["screening"]["findings"] = tuple(findings)
    return Inspection.model_validate(report)


async def listed(
    tx: Transaction,
    *,
    inbox_id: InboxId | None = None,
    thread_id: ThreadId | None = None,
    unread: bool | None = None,
    sender: str = "",
    since_ms: int | None = None,
    until_ms: int | None = None,
    since_seq: int | None = None,
    before: int | None = None,
    subject: str = "",
    categories: Sequence[str] = (),
    with_code: bool = False,
    attached: bool | None = None,
    label: str = "",
    limit: int,
) -> list[Email]:
    """Newest first. `sender`: an address, a domain, or part of either or of the name. `before`: a tenant number.
    `subject`: a part of it; `categories`: any of these; `until_ms`: received before."""
    conditions, values = [""], dict[str, Any](limit=limit)
    labelled = ""
    if label:
        labelled = " JOIN labels l ON l.tenant_id = e.tenant_id AND l.email_id = e.email_id AND l.label = :label"
        values["label"] = label
    if inbox_id is not None:
        conditions.append("e.inbox_id = :inbox_id")
        values["inbox_id"] = inbox_id
    if thread_id is not None:
        conditions.append("e.thread_id = :thread_id")
        values["thread_id"] = thread_id
    if unread:
        conditions.append("e.unread = 1")
    elif unread is False:
        conditions.append("e.unread = 0")
    if sender:
        condition, wanted = _sender_condition(sender)
        conditions.append(condition)
        values |= wanted
    if since_ms is not None:
        conditions.append("e.received_at >= :since_ms")
        values["since_ms"] = since_ms
    if until_ms is not None:
        conditions.append("e.received_at < :until_ms")
        values["until_ms"] = until_ms
    if subject:
        conditions.append("lower(e.subject) LIKE :subject ESCAPE '!'")
        values["subject"] = _part(subject)
    if categories:
        names = {f"category{n}": name for n, name in enumerate(categories)}
        conditions.append(f"e.category IN ({', '.join(f':{name}' for name in names)})")
        values |= names
    if with_code:
        conditions.append("e.code IS NOT NULL")
    if attached is not None:
        conditions.append(f"e.attachments {'>' if attached else '='} 0")
    if since_seq is not None:
        conditions.append("e.seq > :since_seq")
        values["since_seq"] = since_seq
    if before is not None:
        conditions.append("e.filed < :before")
        values["before"] = before
    # In one inbox (and a thread is of one) both numbers grow together; naming the indexed one, and that it is there,
    # lets the engine walk its index backwards.
    order = "l.filed" if label else "e.filed" if inbox_id is None and thread_id is None else "e.seq"
    conditions.append(f"{order} IS NOT NULL")
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM emails e{labelled}{_LIVE}{' AND '.join(conditions)} ORDER BY {order} DESC"
        " LIMIT :limit",
        **values,
    )
    return [_email(row) for row in rows]


async def count_in_thread(tx: Transaction, thread_id: ThreadId) -> int:
    row = await tx.one(f"SELECT COUNT(*) AS n FROM emails e{_LIVE} AND e.thread_id = :thread_id", thread_id=thread_id)
    return row["n"] if row else 0


async def lasts_of_threads(tx: Transaction, thread_ids: Iterable[ThreadId]) -> dict[ThreadId, int]:
    """The number within its inbox of the newest email of each of these that has any."""
    names = {f"t{n}": thread_id for n, thread_id in enumerate(thread_ids)}
    rows = await tx.all(
        "SELECT thread_id, MAX(seq) AS last FROM emails WHERE tenant_id = :tenant"
        f" AND thread_id IN ({', '.join(f':{name}' for name in names)}) GROUP BY thread_id",
        **names,
    )
    return {row["thread_id"]: row["last"] for row in rows}


@dataclass(frozen=True, slots=True)
class ThreadKept:
    """A thread of an inbox. `subject`: of its last email that came, "" when none has. Times in milliseconds since
    1970."""

    thread_id: ThreadId
    inbox_id: InboxId
    subject: str
    emails: int
    last_at: int
    created_at: int


async def threads(tx: Transaction, inbox_id: InboxId | None, before: str, limit: int) -> list[ThreadKept]:
    """The threads of an inbox (or of all live ones) in which an email came, the one begun last first, from behind the
    id `before` ("": all)."""
    mine = "" if inbox_id is None else " AND t.inbox_id = :inbox_id"
    of_thread = " FROM emails e WHERE e.tenant_id = t.tenant_id AND e.thread_id = t.thread_id"
    rows = await tx.all(
        "SELECT t.thread_id, t.inbox_id, t.created_at,"
        f" (SELECT COUNT(*){of_thread}) AS emails, (SELECT MAX(e.received_at){of_thread}) AS last_at,"
        f" (SELECT e.subject{of_thread} ORDER BY e.seq DESC LIMIT 1) AS subject"
        " FROM threads t JOIN inboxes i ON i.tenant_id = t.tenant_id AND i.inbox_id = t.inbox_id"
        f" AND i.deleted_at IS NULL WHERE t.tenant_id = :tenant{mine} AND (:before = '' OR t.thread_id < :before)"
        f" AND EXISTS (SELECT 1{of_thread}) ORDER BY t.thread_id DESC LIMIT :limit",
        before=before,
        limit=limit,
        **({} if inbox_id is None else {"inbox_id": inbox_id}),
    )
    return [
        ThreadKept(r["thread_id"], r["inbox_id"], r["subject"], r["emails"], r["last_at"], r["created_at"])
        for r in rows
    ]


async def rules_of(tx: Transaction, email_ids: Sequence[EmailId]) -> dict[EmailId, tuple[str, ...]]:
    """The names of the rules that fired for each of these emails, those of none left out."""
    names = {f"e{n}": email_id for n, email_id in enumerate(email_ids)}
    found: dict[EmailId, tuple[str, ...]] = {}
    if not names:
        return found
    for row in await tx.all(
        "SELECT DISTINCT email_id, rule FROM findings WHERE tenant_id = :tenant AND email_id IN"
        f" ({', '.join(f':{name}' for name in names)}) ORDER BY email_id, rule",
        **names,
    ):
        found[row["email_id"]] = (*found.get(row["email_id"], ()), row["rule"])
    return found


async def by_ids(tx: Transaction, email_ids: Sequence[EmailId], *, deleted: bool = False) -> list[Email]:
    """These emails, in this order, without those that are gone and, unless `deleted`, those in deleted inboxes."""
    which = f"{_IN_INBOXES}{_FILED}" if deleted else _LIVE
    names = {f"e{n}": email_id for n, email_id in enumerate(email_ids)}
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM emails e{which} AND e.email_id IN ({', '.join(f':{name}' for name in names)})",
        **names,
    )
    found = {row["email_id"]: _email(row) for row in rows}
    return [found[email_id] for email_id in email_ids if email_id in found]


async def since(tx: Transaction, inbox_id: InboxId, seq: int, limit: int) -> list[Email]:
    """Emails of an inbox after number `seq`, oldest first."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM emails e{_LIVE} AND e.inbox_id = :inbox_id AND e.seq > :seq"
        " ORDER BY e.seq LIMIT :limit",
        inbox_id=inbox_id,
        seq=seq,
        limit=limit,
    )
    return [_email(row) for row in rows]


async def inboxes_filed_after(tx: Transaction, after: int) -> list[InboxId]:
    """The inboxes that got what the tenant numbered after `after`."""
    rows = await tx.all(
        "SELECT DISTINCT inbox_id FROM emails WHERE tenant_id = :tenant AND filed > :after", after=after
    )
    return [row["inbox_id"] for row in rows]


async def beginning_threads(tx: Transaction, email_ids: Sequence[EmailId]) -> set[EmailId]:
    """Which of these, a page of them at most, are the first of their conversation, in either direction."""
    if not email_ids:
        return set()
    names = {f"e{n}": email_id for n, email_id in enumerate(email_ids)}
    rows = await tx.all(
        "SELECT e.email_id FROM emails e JOIN threads t ON t.tenant_id = e.tenant_id AND t.thread_id = e.thread_id"
        f" WHERE e.tenant_id = :tenant AND e.email_id IN ({', '.join(f':{name}' for name in names)})"
        # One that was written here began before anything came.
        " AND t.created_at = e.received_at AND NOT EXISTS (SELECT 1 FROM emails o WHERE o.tenant_id = e.tenant_id"
        " AND o.thread_id = e.thread_id AND o.seq < e.seq)",
        **names,
    )
    return {row["email_id"] for row in rows}


async def filed_after(
    tx: Transaction, after: int, until: int, limit: int, inbox_id: InboxId | None = None
) -> list[Email]:
    """Emails of the tenant (or of one inbox) whose tenant's number is in (after, until], oldest first."""
    mine = "" if inbox_id is None else " AND e.inbox_id = :inbox_id"
    values: dict[str, Any] = {} if inbox_id is None else {"inbox_id": inbox_id}
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM emails e{_LIVE} AND e.filed > :after AND e.filed <= :until{mine}"
        " ORDER BY e.filed LIMIT :limit",
        after=after,
        until=until,
        limit=limit,
        **values,
    )
    return [_email(row) for row in rows]


async def last_before(tx: Transaction, inbox_id: InboxId, at_ms: int) -> int:
    """The number of the newest email of an inbox that came before this time; 0 when there is none."""
    row = await tx.one(
        "SELECT seq FROM emails WHERE tenant_id = :tenant AND inbox_id = :inbox_id AND seq IS NOT NULL"
        " AND received_at < :at ORDER BY seq DESC LIMIT 1",
        inbox_id=inbox_id,
        at=at_ms,
    )
    return row["seq"] if row else 0


async def with_code(tx: Transaction, inbox_id: InboxId, after_seq: int, limit: int) -> list[Email]:
    """Emails of an inbox that hold a one-time code, newest first."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM emails e{_LIVE} AND e.inbox_id = :inbox_id AND e.code IS NOT NULL AND e.seq > :seq"
        " ORDER BY e.seq DESC LIMIT :limit",
        inbox_id=inbox_id,
        seq=after_seq,
        limit=limit,
    )
    return [_email(row) for row in rows]


async def give_code(tx: Transaction, email_id: EmailId, now_ms: int) -> bool:
    """True for the one caller who gets the code."""
    changed = await tx.run(
        "UPDATE emails SET code_given_at = :now, unread = 0 WHERE tenant_id = :tenant AND email_id = :email_id"
        " AND code_given_at IS NULL",
        email_id=email_id,
        now=now_ms,
    )
    return changed == 1


async def mark_read(tx: Transaction, email_id: EmailId) -> None:
    await tx.run(
        "UPDATE emails SET unread = 0 WHERE tenant_id = :tenant AND email_id = :email_id AND unread = 1",
        email_id=email_id,
    )


async def remove_some(tx: Transaction, inbox_id: InboxId, limit: int) -> int:
    """Remove up to `limit` emails of an inbox for good, with all that hangs on them. In chunks, so that the writer is
    never held for long; 0 when none is left."""
    rows = await tx.all(
        "SELECT email_id, raw_id, size, state FROM emails WHERE tenant_id = :tenant AND inbox_id = :inbox_id"
        " LIMIT :limit",
        inbox_id=inbox_id,
        limit=limit,
    )
    await _remove(tx, rows)
    return len(rows)


async def remove_one(tx: Transaction, email_id: EmailId) -> None:
    """Remove one email for good, whatever state it is in."""
    await _remove(
        tx,
        await tx.all(
            "SELECT email_id, raw_id, size, state FROM emails WHERE tenant_id = :tenant AND email_id = :email_id",
            email_id=email_id,
        ),
    )


async def _remove(tx: Transaction, rows: Sequence[Row]) -> None:
    await tx.drop_terms(row["email_id"] for row in rows)
    await tx.run(
        "UPDATE tenants SET stored_bytes = stored_bytes - :size WHERE tenant_id = :tenant",
        size=sum(row["size"] for row in rows if row["state"] == "filed"),
    )
    for row in rows:
        await tx.run("DELETE FROM emails WHERE tenant_id = :tenant AND email_id = :email_id", email_id=row["email_id"])
        await tx.run(
            "UPDATE raws SET uses = uses - 1 WHERE tenant_id = :tenant AND raw_id = :raw_id", raw_id=row["raw_id"]
        )
        await tx.run(
            "DELETE FROM raws WHERE tenant_id = :tenant AND raw_id = :raw_id AND uses <= 0", raw_id=row["raw_id"]
        )


def _sender_condition(sender: str) -> tuple[str, dict[str, str]]:
    wanted = sender.strip().lower()
    local, at, domain = wanted.rpartition("@")
    if at and local:
        return "e.from_domain = :domain AND lower(e.from_address) = :sender", {"sender": wanted, "domain": domain}
    if "." in domain and " " not in domain:
        return "(e.from_domain = :domain OR e.from_domain LIKE '%.' || :domain)", {"domain": domain}
    return (
        "(lower(e.from_address) LIKE :part ESCAPE '!' OR lower(e.from_name) LIKE :part ESCAPE '!')",
        {"part": _part(wanted)},
    )


def _part(wanted: str) -> str:
    """The pattern of LIKE (with ! to escape) for what holds these characters somewhere."""
    return f"%{wanted.lower().replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"


def ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def moment(at_ms: int) -> datetime:
    """The UTC time of milliseconds since 1970, to the second, as answers show it."""
    return datetime.fromtimestamp(at_ms // 1000, UTC)
