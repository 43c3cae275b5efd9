"""All there is of a tenant or of one inbox, for its people: an mbox for each inbox, and every table as JSON lines.

Given in pieces, never whole in memory; `manifest.json` comes last, with the count and the hash of each file, so that
what was cut off is known. Codes and secrets are masked unless a person asks to have them revealed; one that the vault
cannot open then is listed with the reason, and counted.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from email.header import Header
from email.utils import format_datetime
from typing import Any

from letterlock.actions.caller import ADMIN, REVEAL, SECRETS, Caller
from letterlock.actions.inboxes import find_any
from letterlock.app import App
from letterlock.errors import VaultLocked
from letterlock.ids import EmailId, InboxId, SecretId, SubmissionId
from letterlock.inspection import Inspection
from letterlock.kv import KvTrouble
from letterlock.screen.safe_text import masked
from letterlock.store import audit, conduct, emails, outbox, whole
from letterlock.store.emails import moment
from letterlock.store.whole import Table

CHUNK = 200
_MAILS = 20
_MOST_UNANSWERED = 3
_FROM = re.compile(rb"(?m)^(>*From )")


@dataclass(frozen=True, slots=True)
class Piece:
    """The next bytes of a file; all pieces of one come one after the other. `items`: how many emails or rows; `locked`:
    how many of them were to be revealed and could not be opened."""

    file: str
    data: bytes
    items: int = 0
    locked: int = 0


async def export(app: App, caller: Caller, inbox: str = "", *, reveal: bool = False) -> AsyncGenerator[Piece, None]:
    """The caller's tenant, or one inbox of it (id or address, also a deleted one). Raises NotFound, NotAllowed before
    the first piece. What is to be revealed and cannot be opened is given without its value, or as masked mail, with the
    reason: the rest is of use without it."""
    caller.need_all(ADMIN)
    caller.need_all(REVEAL)
    if reveal:
        caller.need_all(SECRETS)
    inbox_id = (await find_any(app, caller, inbox)).inbox_id if inbox else None
    now = app.now_ms()
    await app.database.write(
        caller.tenant_id,
        lambda tx: audit.append(
            tx, now, caller.agent_id, "mail.exported", inbox_id or caller.tenant_id, revealed=reveal
        ),
    )
    made: dict[str, tuple[int, Any]] = {}
    locked = 0
    async with aclosing(_files(app, caller, inbox_id, reveal)) as pieces:
        async for piece in pieces:
            count, seen = made.get(piece.file) or (0, hashlib.sha256())
            seen.update(piece.data)
            made[piece.file] = (count + piece.items, seen)
            locked += piece.locked
            yield piece
    manifest = {
        "of": inbox_id or caller.tenant_id,
        "at": moment(now).isoformat(),
        "revealed": reveal,
        "locked": locked,
        "files": {name: {"items": count, "sha256": seen.hexdigest()} for name, (count, seen) in made.items()},
    }
    yield Piece("manifest.json", json.dumps(manifest, indent=2).encode() + b"\n", 1)


async def _files(app: App, caller: Caller, inbox_id: InboxId | None, reveal: bool) -> AsyncGenerator[Piece, None]:
    codes = [] if reveal else await app.database.read(caller.tenant_id, lambda tx: conduct.codes_since(tx, 0))
    for table in whole.TABLES:
        async for row in _rows(app, caller, table, inbox_id):
            yield _line(table, row)
    secrets = _Secrets(app, caller)
    async for row in _rows(app, caller, whole.SECRETS, inbox_id):
        row |= await secrets.of(SecretId(row["secret_id"])) if reveal else {}
        yield replace(_line(whole.SECRETS, row), locked=int("locked" in row))
    async for row in _rows(app, caller, whole.SUBMISSIONS, inbox_id):
        if reveal:
            row["raw"] = await _sent(app, caller, SubmissionId(row["submission_id"]))
        yield _line(whole.SUBMISSIONS, row if reveal else _masked(row, codes))
    async for row in _rows(app, caller, whole.EMAILS, inbox_id, _MAILS):
        report = await _report(app, caller, EmailId(row["email_id"]))
        yield _line(whole.EMAILS, {**row, **_said(report, reveal)})
    named: set[str] = set()
    async for box in _rows(app, caller, _INBOXES, inbox_id):
        name = re.sub(r"[^\w.@+-]", "_", box["address"])[:200].lower()
        name = f"{name}-{box['inbox_id']}" if name in named else name
        named.add(name)
        async for piece in _mbox(app, caller, InboxId(box["inbox_id"]), f"mail/{name}.mbox", reveal):
            yield piece


class _Secrets:
    """Opens one after the other; a server that does not answer several times is not waited for again and again."""

    def __init__(self, app: App, caller: Caller) -> None:
        self._app, self._caller = app, caller
        self._unanswered, self._why = 0, ""

    async def of(self, secret_id: SecretId) -> dict[str, str | None]:
        """The value; or none and, as `locked`, why not."""
        if self._unanswered >= _MOST_UNANSWERED:
            return {"value": None, "locked": self._why}
        try:
            value = await self._app.vault.value(self._caller.tenant_id, secret_id)
        except VaultLocked as error:
            self._unanswered, self._why = self._unanswered + isinstance(error, KvTrouble), str(error)
            return {"value": None, "locked": self._why}
        self._unanswered = 0
        return {"value": value}


async def _sent(app: App, caller: Caller, submission_id: SubmissionId) -> str:
    raw = await app.database.read(caller.tenant_id, lambda tx: outbox.raw(tx, submission_id))
    return (raw or b"").decode("utf-8", "backslashreplace")


_INBOXES = next(table for table in whole.TABLES if table.name == "inboxes")


async def _rows(
    app: App, caller: Caller, table: Table, inbox_id: InboxId | None, chunk: int = CHUNK
) -> AsyncIterator[dict[str, Any]]:
    after: list[Any] = []
    while found := await app.database.read(
        caller.tenant_id,
        lambda tx: whole.rows(tx, table, inbox_id, after, chunk),  # noqa: B023
    ):
        for row in found:
            yield row
        after = [found[-1][name] for name in table.key]


async def _mbox(app: App, caller: Caller, inbox_id: InboxId, file: str, reveal: bool) -> AsyncGenerator[Piece, None]:
    """The mail of an inbox (RFC 4155, lines that begin with From marked so that they can be told)."""
    async for row in _rows(app, caller, whole.EMAILS, inbox_id, _MAILS):
        email_id = EmailId(row["email_id"])
        raw, locked = None, ""
        if reveal:
            try:
                raw = await app.vault.raw(caller.tenant_id, email_id)
            except VaultLocked as error:
                locked = error.what
        if locked or not reveal:
            report = await _report(app, caller, email_id)
            raw = _written(report, row, locked) if report else None
        if raw is not None:
            yield Piece(file, await asyncio.to_thread(_in_mbox, raw, row), 1, int(bool(locked)))
        elif locked:
            yield Piece(file, b"", locked=1)


async def _report(app: App, caller: Caller, email_id: EmailId) -> Inspection | None:
    """None: it was not read yet, or came from who is blocked."""
    return await app.database.read(caller.tenant_id, lambda tx: emails.inspection(tx, email_id, deleted=True))


def _codes(report: Inspection) -> tuple[str, ...]:
    return (*((report.code.value,) if report.code else ()), *report.other_codes)


def _said(report: Inspection | None, reveal: bool) -> dict[str, Any]:
    if report is None:
        return {}
    told = report.model_dump(mode="json")
    if reveal:
        return {"report": told}
    # Addresses of links are there to be followed once: as good as a code.
    for name in ("links", "code", "other_codes"):
        told.pop(name)
    return {"report": _masked(told, _codes(report))}


def _masked(value: Any, codes: list[str] | tuple[str, ...]) -> Any:
    """The same with every code in its strings masked."""
    if isinstance(value, str):
        return masked(value, codes) if codes else value
    if isinstance(value, dict):
        return {name: _masked(one, codes) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one, codes) for one in value]
    return value


def _written(report: Inspection, row: dict[str, Any], locked: str) -> bytes:
    """A plain email that says what a person would see of it, masked. `locked`: why it is not the email as it came, if
    that was asked for."""
    codes = _codes(report)
    from_ = report.from_
    headers = [
        ("From", f"{from_.name} <{from_.address}>".strip() if from_ else ""),
        ("To", ", ".join(one.address for one in report.to)),
        ("Cc", ", ".join(one.address for one in report.cc)),
        ("Subject", report.subject),
        ("Date", format_datetime(report.date or moment(row["received_at"]))),
        ("Message-ID", report.message_id and f"<{report.message_id.strip('<>')}>"),
        ("X-Letterlock-Email", row["email_id"]),
        ("X-Letterlock-Locked", locked),
    ]
    lines = [f"{name}: {_header(masked(value, codes), name)}" for name, value in headers if value]
    body = masked(report.text, codes).replace("\r\n", "\n").replace("\n", "\r\n")
    head = "\r\n".join((*lines, "MIME-Version: 1.0", 'Content-Type: text/plain; charset="utf-8"'))
    return f"{head}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n".encode("utf-8", "replace")


def _header(value: str, name: str) -> str:
    plain = " ".join(value.split())
    if plain.isascii() and len(plain) < 900:
        return plain
    return Header(plain, "utf-8", header_name=name, maxlinelen=76).encode(linesep="\r\n")


def _in_mbox(raw: bytes, row: dict[str, Any]) -> bytes:
    sender = row["envelope"].get("sender") if isinstance(row["envelope"], dict) else ""
    came = f"{moment(row['received_at']):%a %b %d %H:%M:%S %Y}"
    first = f"From {re.sub(r'[^!-~]', '', sender or '') or 'MAILER-DAEMON'} {came}\n".encode()
    lines = _FROM.sub(rb">\1", raw.replace(b"\r\n", b"\n"))
    return first + lines + (b"\n" if lines.endswith(b"\n") else b"\n\n")


def _line(table: Table, row: dict[str, Any]) -> Piece:
    return Piece(f"{table.name}.jsonl", json.dumps(row, ensure_ascii=True, default=str).encode() + b"\n", 1)
