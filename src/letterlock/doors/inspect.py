"""`letterlock inspect`: what the pipeline makes of a mail, for people and as JSON lines. Stores nothing, asks no
network.

The same workers read the mail as behind SMTP, so that a hostile row costs itself only.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from letterlock.errors import LetterlockError
from letterlock.inbound.workers import Workers, open_workers
from letterlock.inspection import Inspection, code_masks
from letterlock.message.envelope import Envelope
from letterlock.screen.safe_text import safe_text
from letterlock.screen.score import Level
from letterlock.settings import Settings

_COLOURS = {Level.TRUSTED: "green", Level.NORMAL: "green", Level.SUSPECT: "yellow", Level.QUARANTINED: "red"}
_Item = tuple[Any, bytes, str]
"""Id, the message, and why there is none ("" when there is one)."""


async def inspect_paths(settings: Settings, paths: Iterable[Path], *, as_json: bool) -> bool:
    """Each file, or each .eml file below a folder; "-" is stdin. False when one could not be opened."""
    well = True
    async for name, report in _inspect(settings, _files(paths)):
        if isinstance(report, str):
            well = False
            click.echo(json.dumps({"id": name, "error": report}) if as_json else f"{name}: {report}", err=not as_json)
        elif as_json:
            click.echo(json.dumps(as_row(name, report, settings), ensure_ascii=False))
        else:
            print_report(name, report)
    return well


async def inspect_jsonl(settings: Settings, file: Path) -> bool:
    """One JSON object a row of `file` on stdout, in order; a row that cannot be read has `error`. True: a bad row is an
    answer like another."""
    try:
        with file.open("rb") as rows:
            async for row_id, report in _inspect(settings, _rows(rows)):
                row = {"id": row_id, "error": report} if isinstance(report, str) else as_row(row_id, report, settings)
                sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise LetterlockError(f"{file} cannot be read: {error.strerror}.") from None
    sys.stdout.flush()
    return True


def as_row(name: Any, report: Inspection, settings: Settings) -> dict[str, Any]:
    """`text` is what a model would read (unfenced); `removed` what was cut, withheld or hidden, with why."""
    safe = safe_text(report.text, report.screening, code_masks(report, mask_codes=settings.mask_codes))
    row = {
        "id": name,
        "level": report.screening.level,
        "score": report.screening.score,
        "findings": [
            {"rule": f.rule, "reason": f.reason, **({"span": [f.start, f.end]} if f.start >= 0 else {})}
            for f in report.screening.findings
        ],
        "text": safe.text,
        "removed": [*safe.removed, *(f"{passage.why}: {passage.text}" for passage in report.hidden)],
        "code": report.code.value if report.code else None,
        "code_confidence": report.code.confidence if report.code else None,
        "primary_link": report.links.primary.url if report.links.primary else None,
        "links": [{"url": link.url, "kind": link.kind, "flags": list(link.flags)} for link in report.links.all],
        "unsubscribe": report.links.unsubscribe or None,
        "category": report.category,
        "authentication": report.authentication.verdict,
        "reply": asdict(report.reply) if report.reply else None,
        "facts": [{"kind": kind, "value": value} for kind, value in _facts(report)],
        "events": [asdict(event) for said in report.attached for event in said.events],
        "credentials": [{"kind": one.kind, "span": [one.start, one.end]} for one in report.credentials],
    }
    if report.unreadable:
        row["error"] = report.unreadable
    return row


def print_report(name: str, report: Inspection) -> None:
    """For a person: everything, codes and hidden passages too."""
    screening = report.screening
    level = click.style(f"{screening.level} {screening.score:.2f}", fg=_COLOURS[screening.level], bold=True)
    click.echo(f"{click.style(name, bold=True)}  {level}  {report.category}")
    sender = f"{report.from_.name} <{report.from_.address}>" if report.from_ else "(none)"
    for label, value in (
        ("From", f"{plain(sender)}  ({report.authentication.verdict})"),
        ("To", plain(", ".join(mailbox.address for mailbox in report.to[:5]))),
        ("Subject", plain(report.subject)),
        ("Date", report.date.isoformat() if report.date else ""),
        ("Code", f"{report.code.value} ({report.code.confidence:.2f}: {report.code.reason})" if report.code else ""),
        ("Link", plain(report.links.primary.url) if report.links.primary else ""),
        ("Unsubscribe", plain(report.links.unsubscribe)),
        ("Reply", _reply(report)),
        ("Facts", _plain_facts(report)),
        ("Credentials", ", ".join(dict.fromkeys(one.kind.replace("_", " ") for one in report.credentials))),
        ("Reports", f"{report.report.kind} of {report.report.message_id}" if report.report else ""),
        ("Repairs", ", ".join(report.repairs)),
    ):
        if value:
            click.echo(f"  {label:12}{value}")
    for attachment in report.attachments:
        what = f"{attachment.content_type}, {attachment.size} bytes"
        click.echo(f"  Attachment  {attachment.index}: {attachment.filename} ({plain(what)})")
    for said in report.attached:
        for event in said.events:
            click.echo(
                f"  Event       {plain(event.summary)}  {plain(str(event.start or ''))}  {plain(event.location)}"
            )
    for finding in screening.findings:
        click.echo(
            click.style(f"  ! {finding.rule} ({finding.weight:.2f}, {finding.where}): {finding.reason}", fg="yellow")
        )
        if finding.excerpt:
            click.echo(f"      {plain(finding.excerpt)[:200]}")
    for passage in report.hidden:
        click.echo(click.style(f"  - hidden ({passage.why}): {plain(passage.text)[:200]}", fg="magenta"))
    if report.text:
        click.echo("  " + _marked(report).strip().replace("\n", "\n  "))
    click.echo()


def _facts(report: Inspection) -> list[tuple[str, str]]:
    facts, text = report.facts, report.text
    return [
        *(("date", one.iso or text[one.start : one.end]) for one in facts.dates),
        *(("amount", f"{one.value} {one.currency}") for one in facts.amounts),
        *(("phone", one.number) for one in facts.phones),
        *(("tracking", f"{one.number} {one.carrier}") for one in facts.tracking),
    ]


def _plain_facts(report: Inspection) -> str:
    return plain(", ".join(f"{kind} {value}" for kind, value in dict.fromkeys(_facts(report))))[:500]


def _reply(report: Inspection) -> str:
    found = report.reply
    if found is None:
        return ""
    back = f", back on {found.returns}" if found.returns else ""
    return plain(f"{found.kind.replace('_', ' ')} ({found.confidence:.2f}: {found.reason}){back}")


def _marked(report: Inspection) -> str:
    """The text with what was found in it standing out: passages in yellow, the code in green; quoted history dim."""
    styles: list[tuple[int, int, dict[str, Any]]] = [
        (f.start, f.end, {"fg": "black", "bg": "yellow"}) for f in report.screening.findings if f.where == "text"
    ]
    if report.code:
        found = report.text.find(report.code.value)
        styles.append((found, found + len(report.code.value), {"fg": "green", "bold": True}))
    styles.append((report.history_start, len(report.text), {"dim": True}))
    edges = sorted({0, len(report.text), *(at for start, end, _ in styles if start >= 0 for at in (start, end))})
    pieces = []
    for start, end in pairwise(edges):
        style = next((style for first, last, style in styles if first <= start and end <= last), None)
        piece = plain(report.text[start:end], keep="\n")
        # Line by line: an indent between must not be coloured.
        pieces.append(
            "\n".join(click.style(line, **style) if line else "" for line in piece.split("\n")) if style else piece
        )
    return "".join(pieces)


def plain(text: str, keep: str = "") -> str:
    """Outside text for a terminal: no escape sequences or other controls."""
    return "".join(c if c in keep or c.isprintable() else " " for c in text)


async def _inspect(settings: Settings, items: Iterable[_Item]) -> AsyncIterator[tuple[Any, Inspection | str]]:
    """Reports in the order of `items`, a bounded number of them in work at once."""
    async with open_workers(settings) as workers:
        ahead: asyncio.Queue[tuple[Any, asyncio.Task[Inspection] | str]] = asyncio.Queue()
        for name, raw, problem in items:
            ahead.put_nowait((name, problem or asyncio.create_task(_read(workers, raw))))
            while ahead.qsize() > 4 * workers.size:
                yield await _next(ahead)
        while not ahead.empty():
            yield await _next(ahead)


async def _next(ahead: asyncio.Queue[tuple[Any, asyncio.Task[Inspection] | str]]) -> tuple[Any, Inspection | str]:
    name, work = ahead.get_nowait()
    return name, work if isinstance(work, str) else await work


async def _read(workers: Workers, raw: bytes) -> Inspection:
    envelope = Envelope("", (), datetime.now(UTC), "import")
    return (await workers.read(envelope, raw)).report()


def _files(paths: Iterable[Path]) -> Iterator[_Item]:
    for path in paths:
        for file in sorted(path.rglob("*.eml")) if path.is_dir() else [path]:
            try:
                raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
                yield str(file), raw, ""
            except OSError as error:
                yield str(file), b"", os.strerror(error.errno or 0)


def _rows(lines: Iterable[bytes]) -> Iterator[_Item]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _row(line, number)
            except (ValueError, RecursionError, binascii.Error) as error:
                yield None, b"", f"line {number}: {error}"


def _row(line: bytes, number: int) -> _Item:
    row = json.loads(line)
    if not isinstance(row, dict):
        return None, b"", f"line {number}: not an object"
    name = row.get("id")
    if isinstance(row.get("eml_b64"), str):
        return name, base64.b64decode("".join(row["eml_b64"].split()), validate=True), ""
    if isinstance(row.get("eml"), str):
        return name, row["eml"].encode("utf-8", "surrogateescape"), ""
    if isinstance(row.get("text"), str):
        subject = " ".join(str(row.get("subject") or "").split())
        head = f"Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        return name, (head + row["text"]).encode("utf-8", "replace"), ""
    return name, b"", "give one of: eml, eml_b64, subject + text"
