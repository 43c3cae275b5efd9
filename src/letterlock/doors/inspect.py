"""`letterlock inspect`: what the pipeline makes of a mail, for people and as JSON lines. Stores nothing, asks no
network.

The same workers read the mail as behind SMTP, so that a hostile row costs itself only.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, cast

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
    async for name, report in _inspect(settings, _files(paths, settings.max_message_bytes)):
        if isinstance(report, str):
            well = False
            if not as_json:
                click.echo(f"{plain(name)}: {report}", err=True)
                continue
        if as_json:
            _print_row(name, report, settings)
        else:
            print_report(name, cast("Inspection", report))
    sys.stdout.flush()
    return well


async def inspect_jsonl(settings: Settings, file: Path) -> bool:
    """One JSON object a row of `file` ("-": stdin) on stdout, in order. True: a bad row is an answer like another."""
    with contextlib.ExitStack() as stack:
        try:
            rows = sys.stdin.buffer if str(file) == "-" else stack.enter_context(file.open("rb"))
        except OSError as error:
            raise _unreadable_rows(file, error) from None
        async for row_id, report in _inspect(settings, _rows(rows, file)):
            _print_row(row_id, report, settings)
    sys.stdout.flush()
    return True


def _print_row(name: Any, report: Inspection | str, settings: Settings) -> None:
    row = error_row(name, report) if isinstance(report, str) else as_row(name, report, settings)
    # A lone surrogate stands within a string, where its escape is JSON and its bytes are no UTF-8.
    line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
    sys.stdout.buffer.write(line + b"\n")


def error_row(name: Any, error: str) -> dict[str, Any]:
    """The row of what holds no mail that could be looked at: the names of as_row with nothing in them, `level`
    "unreadable" and `score` null."""
    return {
        "id": name,
        "level": "unreadable",
        "score": None,
        "findings": [],
        "text": "",
        "removed": [],
        "code": None,
        "code_confidence": None,
        "primary_link": None,
        "links": [],
        "unsubscribe": None,
        "category": None,
        "authentication": None,
        "reply": None,
        "facts": [],
        "events": [],
        "credentials": [],
        "error": error,
    }


def as_row(name: Any, report: Inspection, settings: Settings) -> dict[str, Any]:
    """`text` is what a model would read (unfenced); `removed` what was cut, withheld or hidden, with why; `error` why
    the mail could not be read (then it is quarantined), null when it could."""
    safe = safe_text(report.text, report.screening, code_masks(report, mask_codes=settings.mask_codes))
    return {
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
        "error": report.unreadable or None,
    }


def print_report(name: str, report: Inspection) -> None:
    """For a person: everything, codes and hidden passages too."""
    screening = report.screening
    level = click.style(f"{screening.level} {screening.score:.2f}", fg=_COLOURS[screening.level], bold=True)
    click.echo(f"{click.style(plain(name), bold=True)}  {level}  {report.category}")
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


_WHAT_TO_NAME = "Name .eml files, or folders that hold some; - is stdin."


def _files(paths: Iterable[Path], most: int) -> Iterator[_Item]:
    """The files with their first `most` bytes and one more, so that it is seen when they are too long."""
    for path in paths:
        found = [path]
        if path.is_dir():
            found = [file for file in sorted(path.rglob("*.eml")) if not file.is_dir()]
            if not found:
                yield str(path), b"", f"There is no .eml file in this folder. {_WHAT_TO_NAME}"
        for file in found:
            try:
                if str(file) == "-":
                    yield "-", sys.stdin.buffer.read(most + 1), ""
                # Reading a pipe that lies in a folder may never end; a shell's own lie below /dev.
                elif file.is_file() or not file.exists() or str(file).startswith("/dev/"):
                    with file.open("rb") as content:
                        yield str(file), content.read(most + 1), ""
                else:
                    yield str(file), b"", f"It is no regular file. {_WHAT_TO_NAME}"
            except OSError as error:
                yield str(file), b"", f"{os.strerror(error.errno or 0)}. {_WHAT_TO_NAME}"


def _rows(lines: Iterator[bytes] | IO[bytes], file: Path) -> Iterator[_Item]:
    number = 0
    while True:
        try:
            line = next(lines, None)
        except OSError as error:
            raise _unreadable_rows(file, error) from None
        if line is None:
            return
        number += 1
        if line.strip():
            yield _row(line, number)


def _unreadable_rows(file: Path, error: OSError) -> LetterlockError:
    return LetterlockError(f"{file} cannot be read: {error.strerror}.", next_step="Name a file of JSON lines, or -.")


def _row(line: bytes, number: int) -> _Item:
    try:
        # What is no UTF-8 keeps its bytes. NaN and Infinity are no JSON; as words they harm nobody.
        row = json.loads(line.decode("utf-8", "surrogateescape").removeprefix("\ufeff"), parse_constant=str)
    except (ValueError, RecursionError) as error:
        return None, b"", f"line {number}: {error}"
    if not isinstance(row, dict):
        return None, b"", f"line {number}: not an object"
    name = _plain_id(row.get("id"))
    try:
        return name, _row_mail(row), ""
    except ValueError as error:
        return name, b"", f"line {number}: {error}"


def _plain_id(given: Any) -> Any:
    """An id as it can be written again: a number beyond all bounds (1e999) becomes its words."""
    try:
        json.dumps(given, allow_nan=False)
    except (ValueError, RecursionError):
        return str(given) if isinstance(given, float) else None
    return given


def _row_mail(row: dict[str, Any]) -> bytes:
    if isinstance(row.get("eml_b64"), str):
        try:
            return base64.b64decode("".join(str(row["eml_b64"]).split()), validate=True)
        except ValueError as error:
            raise ValueError(f"eml_b64 is no base64 ({error})") from None
    if isinstance(row.get("eml"), str):
        try:
            return str(row["eml"]).encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise ValueError("eml holds a lone surrogate, which no bytes stand for") from None
    if isinstance(row.get("text"), str):
        subject = " ".join(str(row.get("subject") or "").split())
        head = f"Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        return f"{head}{row['text']}".encode("utf-8", "replace")
    raise ValueError("give one of: eml, eml_b64, subject + text")
