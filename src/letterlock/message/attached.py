"""What a person would read in the files attached to an email: bytes in, shown text and hidden passages out.

`attached_texts(parts)` never raises; a file that cannot be read has a `problem`, a code of PROBLEMS. Every string is
outside text and goes to a model only through screen.safe_text. No clock, file or socket: what a file costs is limited
by counts (bytes, pages, operators, elements), the rest by the worker it is read in. PDF and Word need
`letterlock[documents]`.
"""

from __future__ import annotations

import io
import logging
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final, Literal

from letterlock.errors import UnreadableMessage
from letterlock.message.decode import META_CHARSET, charset_decoded, clean_body
from letterlock.message.extract.calendar import (
    CalendarEvent,
    CalendarPerson,
    calendar_events,
    content_lines,
    unescaped,
)
from letterlock.message.parse import Caps, ParsedMessage, attachment_bytes, parse_message
from letterlock.message.visible import HiddenPassage, visible_text
from letterlock.patterns import on_demand

Kind = Literal["txt", "md", "csv", "tsv", "log", "json", "xml", "html", "ics", "vcf", "eml", "pdf", "docx", "other"]
"""What a file is, whatever its name and declared type claim; `other` is not read."""

PROBLEMS: Mapping[str, str] = MappingProxyType(
    {
        "broken": "The file is damaged or not what it claims to be.",
        "encrypted": "The file asks for a password.",
        "needs_documents": "Reading PDF and Word files needs: install letterlock[documents]",
        "no_text": "It holds no text that can be read, as a picture or an archive does.",
        "refused": "The file is built like an attack on whoever opens it (a bomb, or entities of its own).",
        "too_deep": "Emails are attached to emails more than three deep; what is deeper was not read.",
        "too_large": "The file is larger than what is read of one.",
    }
)
"""Why an attachment has no text, or not all: code -> sentence for people. A closed list."""


@dataclass(frozen=True, slots=True)
class AttachedPart:
    """An attachment and its decoded content. `index` is that of parse.Attachment; `charset` as declared, or ""."""

    index: int
    filename: str
    content_type: str
    charset: str
    data: bytes


@dataclass(frozen=True, slots=True)
class AttachedText:
    """What one attachment says. `text` is what a person opening it would see, `hidden` what they would not;
    `truncated`: there is more than was read. `problem` is a code of PROBLEMS, "" when it could be read; where there
    is text too (too_deep), of the part that could not."""

    index: int
    filename: str
    kind: Kind
    text: str = ""
    hidden: tuple[HiddenPassage, ...] = ()
    truncated: bool = False
    problem: str = ""
    events: tuple[CalendarEvent, ...] = ()
    """Of a calendar, without their descriptions, which are in `text`."""


TEXT_CHARS: Final = 200_000
MAIL_CHARS: Final = 500_000
DOCUMENT_BYTES: Final = 10_000_000
PDF_PAGES: Final = 50
EML_DEPTH: Final = 3
_PDF_OPERATORS: Final = 120_000
_PDF_PAGE_BYTES: Final = 400_000
_PDF_BYTES: Final = 1_000_000
_XML_BYTES: Final = 10_000_000
_UNZIPPED_BYTES: Final = 60_000_000
_ZIP_RATIO: Final = 200
_ZIP_DIRECTORY_BYTES: Final = 200_000
_ELEMENTS: Final = 300_000
_INNER_FILES: Final = 10
_CAPS: Final = Caps()


def attached_parts(parsed: ParsedMessage) -> tuple[AttachedPart, ...]:
    """The attachments of `parsed` with their contents."""
    return tuple(
        AttachedPart(one.index, one.filename, one.content_type, charset, content)
        for one, (charset, content) in zip(parsed.attachments, parsed.contents, strict=True)
    )


def attached_texts(parts: Iterable[AttachedPart], caps: Caps = _CAPS) -> tuple[AttachedText, ...]:
    """What each of `parts` says, in order, one for each part. At most 200,000 characters of one and 500,000 of all are
    text, and as many are hidden passages; `caps` limits what is rendered of HTML and of attached emails."""
    room = MAIL_CHARS
    hidden_room = MAIL_CHARS
    found = []
    for part in parts:
        read = _read(part, caps, 0)
        text, hidden = read.text[: min(room, TEXT_CHARS)], _fitted(read.hidden, min(hidden_room, TEXT_CHARS))
        room -= len(text)
        hidden_room -= sum(len(passage.text) for passage in hidden)
        cut = len(text) < len(read.text)
        found.append(
            AttachedText(part.index, part.filename, read.kind, text, hidden, read.cut or cut, read.problem, read.events)
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Read:
    kind: Kind
    text: str = ""
    hidden: tuple[HiddenPassage, ...] = ()
    cut: bool = False
    problem: str = ""
    events: tuple[CalendarEvent, ...] = ()


class _Problem(Exception):
    """`args[0]` is a code of PROBLEMS."""


def _fitted(passages: tuple[HiddenPassage, ...], room: int) -> tuple[HiddenPassage, ...]:
    kept = []
    for passage in passages:
        if room <= 0:
            break
        text = passage.text[:room]
        room -= len(text)
        kept.append(HiddenPassage(text, passage.why, "attachment"))
    return tuple(kept)


def _read(part: AttachedPart, caps: Caps, depth: int) -> _Read:
    kind = attached_kind(part)
    try:
        if kind == "other":
            raise _Problem("no_text")
        if kind == "pdf":
            return _pdf(part.data)
        if kind == "docx":
            return _docx(part.data)
        if kind == "eml":
            return _eml(part.data, caps, depth)
        text, cut = _decoded(part, kind, caps)
        if kind == "html":
            return _Read(kind, *_shown(html=text), cut)
        if kind == "ics":
            return _calendar(text, cut)
        if kind == "vcf":
            return _card(text, cut)
        return _Read(kind, *_shown(text), cut)
    except _Problem as problem:
        return _Read(kind, problem=str(problem))
    except ImportError:
        return _Read(kind, problem="needs_documents")
    except Exception:
        # Libraries for these formats fail in ways of their own; one file never costs the email it came with.
        return _Read(kind, problem="broken")


def _shown(plain: str = "", html: str = "") -> tuple[str, tuple[HiddenPassage, ...]]:
    visible = visible_text(ParsedMessage(plain=(plain,) if plain else (), html=(html,) if html else ()))
    return visible.text, visible.hidden


# ---- which kind ------------------------------------------------------------------------------------------------------

_BY_EXTENSION: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("txt", "text", "asc", "me", "nfo", "srt", "vtt", "diff", "patch", "tex", "rst"), "txt"),
    **dict.fromkeys(("py", "js", "ts", "sh", "bat", "ps1", "sql", "css", "c", "h", "java", "go", "rs", "rb"), "txt"),
    **dict.fromkeys(("ini", "cfg", "conf", "toml", "yaml", "yml", "env", "properties"), "txt"),
    **dict.fromkeys(("md", "markdown"), "md"),
    **dict.fromkeys(("json", "jsonl", "ndjson", "geojson"), "json"),
    **dict.fromkeys(("html", "htm", "xhtml", "shtml", "mht", "mhtml"), "html"),
    **dict.fromkeys(("xml", "svg", "rss", "atom", "xsd", "xsl", "kml", "gpx"), "xml"),
    **dict.fromkeys(("ics", "ical", "ifb", "vcs"), "ics"),
    **dict.fromkeys(("vcf", "vcard"), "vcf"),
    "csv": "csv",
    "tsv": "tsv",
    "log": "log",
    "eml": "eml",
}
_BY_TYPE: Final[Mapping[str, Kind]] = {
    "text/markdown": "md",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/json": "json",
    "application/ld+json": "json",
    "text/html": "html",
    "text/x-amp-html": "html",
    "application/xhtml+xml": "html",
    "text/xml": "xml",
    "application/xml": "xml",
    "image/svg+xml": "xml",
    "text/calendar": "ics",
    "application/ics": "ics",
    "text/vcard": "vcf",
    "text/x-vcard": "vcf",
    "text/directory": "vcf",
    "message/rfc822": "eml",
    "message/global": "eml",
    "message/delivery-status": "txt",
    "message/disposition-notification": "txt",
    "message/feedback-report": "txt",
    "application/javascript": "txt",
    "application/x-sh": "txt",
    "application/yaml": "txt",
}
_STARTS: Final[tuple[tuple[bytes, Kind], ...]] = (
    (b"%pdf-", "pdf"),
    (b"<!doctype html", "html"),
    (b"<html", "html"),
    (b"begin:vcalendar", "ics"),
    (b"begin:vcard", "vcf"),
)
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def attached_kind(part: AttachedPart) -> Kind:
    """What `part` is: by its first bytes where they tell, else by its name, else by its declared type."""
    data = part.data
    # UTF-16 has a zero byte beside each ASCII letter; without them its start reads as that of any text.
    start = data[:2_000].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0").replace(b"\0", b"")[:20].lower()
    for mark, kind in _STARTS:
        if start.startswith(mark):
            return kind
    extension = part.filename.rpartition(".")[2].lower() if "." in part.filename else ""
    content_type = part.content_type.lower()
    # ISO 32000-1 annex H.3.4.1: readers take a PDF whose header is anywhere in the first 1,024 bytes.
    if b"%PDF-" in data[:1_029] and (extension == "pdf" or content_type == "application/pdf"):
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return "docx" if b"word/document.xml" in data else "other"
    if b"\0" in data[:4_096] and not data.startswith(_UTF16) and "16" not in part.charset and "32" not in part.charset:
        return "other"
    by_name = _BY_EXTENSION.get(extension)
    by_type = _BY_TYPE.get(content_type)
    if by_type is None and content_type.startswith("text/"):
        by_type = "txt"
    if by_type is None and content_type.endswith(("+json", "+xml")):
        by_type = "json" if content_type.endswith("json") else "xml"
    # Whichever program opens it, what it could hide is set apart when it is read as the richer of the two.
    if "html" in (by_name, by_type):
        return "html"
    if by_type == "eml":
        return "eml"
    return by_name or by_type or "other"


# ---- text ------------------------------------------------------------------------------------------------------------


def _decoded(part: AttachedPart, kind: Kind, caps: Caps) -> tuple[str, bool]:
    """The text of `part` and whether some of it was left out."""
    limit = caps.html_bytes if kind == "html" else 4 * TEXT_CHARS
    data = part.data[:limit]
    cut = len(part.data) > limit
    if cut:
        # At a line end if there is one, so that no character is cut in two.
        data = data[: data.rfind(b"\n", limit - 10_000) + 1 or limit]
    charset = part.charset
    if kind == "html" and not charset and (match := META_CHARSET.search(data, 0, 2_048)):
        charset = match[1].decode("ascii")
    return clean_body(charset_decoded(data, charset, set()), set()), cut


_MARKED_UP: Final = on_demand(r"</?(?:p|br|a|b|i|u|ul|ol|li|div|span|html|html-blob)[\s/>]", re.I)


def _calendar(text: str, cut: bool) -> _Read:
    """RFC 5545. The fields people see, a line for each; the rest of what is written is hidden."""
    blocks = []
    hidden: list[HiddenPassage] = []
    events = calendar_events(text)
    for event in events:
        shown, unseen = _shown(_event_text(event))
        described, unseen_there = _shown(
            **{"html" if _MARKED_UP.search(event.description) else "plain": event.description}
        )
        hidden += (*unseen, *unseen_there)
        for said in event.unseen:
            rendered, inner = _shown(**{"html" if _MARKED_UP.search(said) else "plain": said})
            hidden += inner
            # The HTML twin of a description says the same again.
            if rendered and " ".join(rendered.split()) not in " ".join(described.split()):
                hidden.append(HiddenPassage(rendered, "not_rendered"))
        blocks.append(f"{shown}\n\n{described}".strip())
    if not blocks:
        raise _Problem("broken")
    fields = tuple(replace(event, description="", unseen=(), attendees=()) for event in events)
    return _Read("ics", "\n\n".join(blocks), tuple(hidden), cut, events=fields)


def _event_text(event: CalendarEvent) -> str:
    rows = [
        ("Event" if event.kind == "event" else "Task", event.summary),
        ("Method", event.method),
        ("Status", event.status),
        ("Start", str(event.start or "")),
        ("End", str(event.end or "")),
        ("Duration", event.duration),
        ("Repeats", event.recurrence.replace("\n", "; ")),
        ("Where", event.location),
        ("Meeting link", event.meeting_url),
        ("Organizer", _person_text(event.organizer)),
        ("Attendees", ", ".join(_person_text(person) for person in event.attendees)),
    ]
    return "\n".join(f"{name}: {value}" for name, value in rows if value)


def _person_text(person: CalendarPerson | None) -> str:
    if person is None:
        return ""
    return f"{person.name} <{person.address}>" if person.name and person.address else person.name or person.address


_CARD_ROWS: Final = {
    "FN": "Name",
    "ORG": "Organization",
    "TITLE": "Title",
    "ROLE": "Role",
    "EMAIL": "Email",
    "TEL": "Phone",
    "URL": "Web",
    "ADR": "Address",
    "BDAY": "Birthday",
    "NOTE": "Note",
}
_FOR_PROGRAMS: Final = "BEGIN END VERSION N PRODID REV UID PHOTO LOGO SOUND KEY KIND MAILER SOURCE LANG TZ GEO"
_CARD_SKIPPED: Final = frozenset(_FOR_PROGRAMS.split())
_CARD_LINES: Final = 2_000


def _card(text: str, cut: bool) -> _Read:
    """RFC 6350 (vCard)."""
    rows: list[str] = []
    hidden: list[HiddenPassage] = []
    for count, line in enumerate(content_lines(text)):
        if count >= _CARD_LINES:
            cut = True
            break
        if line.name in _CARD_SKIPPED:
            if line.name == "BEGIN" and rows:
                rows.append("")
            continue
        value = unescaped(line.value)
        if line.name in _CARD_ROWS:
            if line.name in ("ADR", "ORG"):
                value = ", ".join(piece.strip() for piece in value.split(";") if piece.strip())
            rows.append(f"{_CARD_ROWS[line.name]}: {value}")
        elif " " in value:
            hidden.append(HiddenPassage(value, "not_rendered"))
    if not rows:
        raise _Problem("broken")
    shown, unseen = _shown("\n".join(rows))
    return _Read("vcf", shown, (*hidden, *unseen), cut)


# ---- emails ----------------------------------------------------------------------------------------------------------


def _eml(data: bytes, caps: Caps, depth: int) -> _Read:
    """RFC 2046 section 5.2.1: subject, sender and visible text, then what is attached to it."""
    if depth >= EML_DEPTH:
        raise _Problem("too_deep")
    try:
        parsed = parse_message(data, caps)
    except UnreadableMessage as error:
        raise _Problem("broken") from error
    visible = visible_text(parsed, caps)
    hidden = list(visible.hidden)
    for said in (visible.only_in_html, visible.only_in_plain):
        if said:
            hidden.append(HiddenPassage(said, "only_in_one_part"))
    senders = ", ".join(f"{box.name} <{box.address}>".strip() for box in parsed.from_[:5])
    header, unseen = _shown(f"Subject: {parsed.subject}\nFrom: {senders}")
    hidden += unseen
    texts = [header, visible.text]
    length = sum(map(len, texts))
    cut = len(parsed.attachments) > _INNER_FILES
    problem = ""
    for attachment in parsed.attachments[:_INNER_FILES]:
        if length > TEXT_CHARS:
            cut = True
            break
        _, content = attachment_bytes(data, attachment.index, caps)
        part = AttachedPart(attachment.index, attachment.filename, attachment.content_type, "", content)
        inner = _read(part, caps, depth + 1)
        if inner.problem != "no_text":
            texts.append(f"Attached: {attachment.filename}\n{inner.text}".strip())
            length += len(texts[-1])
            hidden += inner.hidden
            cut = cut or inner.cut or bool(inner.problem)
            if inner.problem == "too_deep":
                problem = inner.problem
    return _Read("eml", "\n\n".join(text for text in texts if text), tuple(hidden), cut, problem)


# ---- PDF -------------------------------------------------------------------------------------------------------------


def _pdf(data: bytes) -> _Read:
    if len(data) > DOCUMENT_BYTES:
        raise _Problem("too_large")
    from pypdf import PdfReader

    # What a broken file has wrong with it is told in the log, in its own words.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise _Problem("encrypted")
    pages = len(reader.pages)
    texts: list[str] = []
    hidden: list[HiddenPassage] = []
    length = drawn = read = 0
    ink = _Ink(_PDF_OPERATORS)
    for number in range(min(pages, PDF_PAGES)):
        if length > TEXT_CHARS or ink.budget <= 0:
            break
        page = reader.pages[number]
        weight = _pdf_weight(page)
        if weight > _PDF_PAGE_BYTES or drawn + weight > _PDF_BYTES:
            continue
        drawn += weight
        read += 1
        shown, unseen = _pdf_page(page, ink)
        texts.append(shown)
        length += len(shown) + len(unseen)
        if unseen.strip():
            hidden.append(HiddenPassage(" ".join(unseen.split()), "+".join(sorted(ink.reasons))))
    text, inner = _shown("\n\n".join(shown for shown in texts if shown.strip()))
    found = (*hidden, *inner)
    cut = read < pages or ink.budget <= 0
    return _Read("pdf", text, found, cut, "" if text or found else "too_large" if cut else "no_text")


def _pdf_weight(page: Any) -> int:
    """The bytes of operators that drawing a page takes: its own and those of the forms within, each once."""
    contents = page.get_contents()
    weight = len(contents.get_data()) if contents is not None else 0
    seen: set[int] = set()
    around = [page]
    while around and weight <= _PDF_PAGE_BYTES:
        resources = around.pop().get("/Resources")
        objects = resources.get_object().get("/XObject") if resources is not None else None
        for entry in objects.get_object().values() if objects is not None else ():
            inner = entry.get_object()
            if inner.get("/Subtype") == "/Form" and id(inner) not in seen:
                seen.add(id(inner))
                weight += len(inner.get_data())
                around.append(inner)
    return weight


def _pdf_page(page: Any, ink: _Ink) -> tuple[str, str]:
    """The text shown on a page, and what is written there in a way nobody sees (`ink.reasons` says how)."""
    left, bottom, right, top = (float(number) for number in page.mediabox)
    ink.begin((left, bottom, right, top), blank="hidden")
    shown = str(page.extract_text(visitor_operand_before=ink.before, visitor_operand_after=ink.after))
    if not ink.hidden:
        return shown, ""
    if ink.images and ink.reasons == {"invisible"} and not shown.strip():
        # A scanned page: a picture with the words it shows, as they were recognised, invisibly laid over it.
        ink.begin(ink.page, blank="")
        return str(page.extract_text(visitor_operand_before=ink.before, visitor_operand_after=ink.after)), ""
    ink.begin(ink.page, blank="shown")
    return shown, str(page.extract_text(visitor_operand_before=ink.before, visitor_operand_after=ink.after))


@dataclass(slots=True)
class _Drawn:
    """The part of the graphics state that decides whether text is seen (ISO 32000-1 sections 8.4, 9.3.6)."""

    mode: int = 0
    size: float = 1.0
    white: bool = False


class _Ink:
    """Follows the operators of a page and empties the strings that are hidden, or those that are shown.

    White text counts as seen where something that is not white was painted below it. Forms within the page are placed
    by what calls them, which the matrices handed in leave out: of text in forms only mode and colour count."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.page = (0.0, 0.0, 0.0, 0.0)
        self.begin(self.page, "")

    def begin(self, page: tuple[float, float, float, float], blank: Literal["hidden", "shown", ""]) -> None:
        self.page = page
        self.blank = blank
        self.hidden = 0
        self.images = 0
        self.reasons: set[str] = set()
        self._now = _Drawn()
        self._saved: list[_Drawn] = []
        self._forms: list[tuple[_Drawn, int]] = []
        self._path: list[tuple[float, float, float, float]] = []
        self._painted: list[tuple[float, float, float, float]] = []

    def before(self, operator: bytes, operands: Any, matrix: Any, text_matrix: Any) -> None:
        self.budget -= 1
        if self.budget <= 0:
            # The text so far is kept: nothing more is drawn.
            _emptied(operator, operands)
            if operator == b"Do":
                operands.clear()
            return
        now = self._now
        if operator in _TEXT_SHOWN:
            why = self._why_unseen(now, matrix, text_matrix)
            if why:
                self.hidden += 1
                self.reasons.add(why)
            if self.blank == ("hidden" if why else "shown"):
                _emptied(operator, operands)
        elif operator == b"q":
            if len(self._saved) < 1_000:
                self._saved.append(_Drawn(now.mode, now.size, now.white))
        elif operator == b"Q":
            if self._saved:
                self._now = self._saved.pop()
        elif operator == b"Do":
            self._forms.append((_Drawn(now.mode, now.size, now.white), len(self._saved)))
        elif operator == b"Tr":
            now.mode = int(_numbers(operands, 1)[0])
        elif operator == b"Tf":
            now.size = _numbers(operands[1:], 1)[0]
        elif operator in (b"g", b"rg", b"k", b"sc", b"scn"):
            now.white = _is_white(operator, operands)
        elif operator == b"re":
            x, y, width, height = _numbers(operands, 4)
            self._path.append((x, y, x + width, y + height))
        elif operator in (b"m", b"l", b"c", b"v", b"y"):
            points = _numbers(operands, 6)
            x, y = points[0], points[1]
            self._path.append((x, y, x, y) if len(operands) < 4 else (x, y, points[2], points[3]))
        elif operator in _PAINTS:
            if not now.white and self._path:
                self._paint(self._path, matrix)
            self._path = []
        elif operator in (b"S", b"s", b"n"):
            self._path = []
        elif operator == b"sh":
            self._painted.append(self.page)
        elif operator == b"INLINE IMAGE":
            self.images += 1
            self._paint([(0.0, 0.0, 1.0, 1.0)], matrix)
        if len(self._path) > 1_000:
            del self._path[500:]

    def after(self, operator: bytes, operands: Any, matrix: Any, text_matrix: Any) -> None:
        if operator == b"Do" and self._forms:
            self._now, saved = self._forms.pop()
            del self._saved[saved:]
            self.images += 1
            self._paint([(0.0, 0.0, 1.0, 1.0)], matrix)

    def _paint(self, boxes: list[tuple[float, float, float, float]], matrix: Any) -> None:
        corners = [_placed(x, y, matrix) for box in boxes for x, y in ((box[0], box[1]), (box[2], box[3]))]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        if len(self._painted) < 100 and not self._forms:
            self._painted.append((min(xs), min(ys), max(xs), max(ys)))
        else:
            # Too much to follow: as if all of the page were painted.
            self._painted[:1] = [self.page]

    def _why_unseen(self, now: _Drawn, matrix: Any, text_matrix: Any) -> str:
        if now.mode in (3, 7):
            return "invisible"
        if self._forms:
            return "colour" if now.white and not self._painted else ""
        across, down = _placed(now.size, 0.0, text_matrix, True), _placed(0.0, now.size, text_matrix, True)
        if abs(_area(_placed(*across, matrix, True), _placed(*down, matrix, True))) < 1.0:
            return "tiny"
        x, y = _placed(float(text_matrix[4]), float(text_matrix[5]), matrix)
        left, bottom, right, top = self.page
        if not (left - 5 <= x <= right + 5 and bottom - 5 <= y <= top + 5):
            return "off_page"
        if now.white and not any(x0 - 2 <= x <= x1 + 2 and y0 - 2 <= y <= y1 + 2 for x0, y0, x1, y1 in self._painted):
            return "colour"
        return ""


_TEXT_SHOWN: Final = frozenset((b"Tj", b"TJ", b"'", b'"'))
_PAINTS: Final = frozenset((b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"))


def _emptied(operator: bytes, operands: Any) -> None:
    at = 2 if operator == b'"' else 0
    if operator in _TEXT_SHOWN and len(operands) > at:
        operands[at] = type(operands[at])()


def _numbers(operands: Any, count: int) -> list[float]:
    """The first `count` numbers of `operands`; what is missing or none is 0."""
    found = [float(operand) if isinstance(operand, (int, float)) else 0.0 for operand in operands[:count]]
    return found + [0.0] * (count - len(found))


def _is_white(operator: bytes, operands: Any) -> bool:
    numbers = _numbers(operands, 4)[: len(operands)]
    # One number alone under sc is a share of an ink of the file's own, which is darkest at 1.
    if operator == b"g" or len(numbers) == 3:
        return min(numbers, default=0.0) >= 0.95
    return len(numbers) == 4 and max(numbers) <= 0.03


def _placed(x: float, y: float, matrix: Any, turned_only: bool = False) -> tuple[float, float]:
    """The point in the coordinates around `matrix` (ISO 32000-1 section 8.3.3), or the vector without its shift."""
    a, b, c, d, e, f = (float(number) for number in matrix)
    return (a * x + c * y + (0 if turned_only else e), b * x + d * y + (0 if turned_only else f))


def _area(one: tuple[float, float], other: tuple[float, float]) -> float:
    return one[0] * other[1] - one[1] * other[0]


# ---- Word ------------------------------------------------------------------------------------------------------------

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DECLARED: Final = on_demand(rb"<\?xml[^>]{0,100}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z0-9._-]{1,40})")


def _docx(data: bytes) -> _Read:
    if len(data) > DOCUMENT_BYTES:
        raise _Problem("too_large")
    _check_zip(data)
    import docx
    from docx.oxml.parser import parse_xml

    document = docx.Document(io.BytesIO(data))
    styles = _WordStyles(document.styles.element)
    word = _Word(styles)
    for section in document.sections:
        if not section.header.is_linked_to_previous:
            word.walk(section.header._element)
    word.walk(document.element.body)
    for section in document.sections:
        if not section.footer.is_linked_to_previous:
            word.walk(section.footer._element)
    for related in document.part.rels.values():
        if related.reltype.rpartition("/")[2] in ("footnotes", "endnotes"):
            word.walk(parse_xml(related.target_part.blob))
        elif related.reltype.endswith("/comments"):
            # Shown beside the page by some programs, not at all by others.
            word.walk(parse_xml(related.target_part.blob), "comment")
    text, inner = _shown("".join(word.shown))
    hidden = tuple(HiddenPassage(" ".join(said.split()), why) for why, said in word.passages())
    return _Read("docx", text, (*hidden, *inner), word.cut)


_COLOUR: Final = on_demand(r"[0-9A-Fa-f]{6}")
_DEEPEST_STYLE: Final = 20


class _WordStyles:
    """What paragraph and character styles say of being seen: id -> (vanish, white, tiny), inherited by basedOn."""

    def __init__(self, root: Any) -> None:
        self._own: dict[str, tuple[str, dict[str, bool]]] = {}
        for style in root.iter(f"{_W}style"):
            name = style.get(f"{_W}styleId") or ""
            based = style.find(f"{_W}basedOn")
            marks = style.find(f"{_W}rPr")
            self._own[name] = (
                based.get(f"{_W}val") or "" if based is not None else "",
                _marks(marks) if marks is not None else {},
            )

    def marks(self, name: str) -> dict[str, bool]:
        found: dict[str, bool] = {}
        for _ in range(_DEEPEST_STYLE):
            if name not in self._own:
                break
            name, own = self._own[name]
            found = {**own, **found}
        return found


def _marks(properties: Any) -> dict[str, bool]:
    """What run properties say of being seen (ECMA-376 part 1, section 17.3.2); what they leave open is not in it."""
    found: dict[str, bool] = {}
    for element in properties:
        tag = str(element.tag).removeprefix(_W)
        value = element.get(f"{_W}val") or ""
        if tag in ("vanish", "webHidden"):
            found["vanish"] = value not in ("0", "false", "off")
        elif tag == "color":
            shade = value if _COLOUR.fullmatch(value) else "000000"
            found["white"] = min(int(shade[at : at + 2], 16) for at in (0, 2, 4)) >= 0xF2
        elif tag == "sz":
            # In half points.
            found["tiny"] = value.isdecimal() and len(value) < 6 and int(value) <= 3
        elif (tag == "shd" and _is_shade(element)) or (tag == "highlight" and value not in ("", "none", "white")):
            found["shaded"] = True
    return found


def _is_shade(element: Any) -> bool:
    fill = (element.get(f"{_W}fill") or "auto").lower()
    return fill not in ("auto", "ffffff") or element.get(f"{_W}themeFill") is not None


class _Word:
    """Collects the text of WordprocessingML in the order of the document, what is hidden apart."""

    def __init__(self, styles: _WordStyles) -> None:
        self.shown: list[str] = []
        self.cut = False
        self._hidden: list[tuple[str, str]] = []
        self._styles = styles
        self._elements = 0
        self._length = 0

    def passages(self) -> Iterator[tuple[str, str]]:
        """(why, text) of what is hidden; pieces that follow each other for the same reason make one passage."""
        for why, pieces in groupby(self._hidden, key=lambda piece: piece[0]):
            said = "".join(text for _, text in pieces)
            if said.strip():
                yield why, said

    def walk(self, root: Any, why: str = "") -> None:
        paragraph: dict[str, bool] = {}
        run = why
        shaded = False
        for element in root.iter():
            self._elements += 1
            if self._elements > _ELEMENTS or self._length > 2 * TEXT_CHARS:
                self.cut = True
                return
            if not isinstance(element.tag, str) or not element.tag.startswith(_W):
                continue
            tag = element.tag[len(_W) :]
            if tag == "p":
                self._put("\n", why)
                paragraph, shaded = self._paragraph(element)
                run = why
            elif tag == "tc":
                self._put("  ", why)
            elif tag == "r":
                run = why or self._why_unseen(element, paragraph, shaded)
            elif tag in ("t", "delText"):
                # Deleted text stands in the file until the change is accepted.
                self._put(element.text or "", run if tag == "t" else "deleted")
            elif tag == "tab":
                self._put("\t" if element.getparent().tag == f"{_W}r" else "", run)
            elif tag in ("br", "cr"):
                self._put("\n", run)
            elif tag == "noBreakHyphen":
                self._put("-", run)

    def _put(self, text: str, why: str) -> None:
        self._length += len(text)
        if why:
            self._hidden.append((why, text))
        else:
            self.shown.append(text)

    def _paragraph(self, element: Any) -> tuple[dict[str, bool], bool]:
        marks = self._styles.marks("Normal")
        shaded = False
        properties = element.find(f"{_W}pPr")
        if properties is not None:
            style = properties.find(f"{_W}pStyle")
            if style is not None:
                marks = self._styles.marks(style.get(f"{_W}val") or "")
            shade = properties.find(f"{_W}shd")
            shaded = shade is not None and _is_shade(shade)
        around = element.getparent()
        # A cell, a row's cell in a nested table, a text box: what is filled behind the paragraph.
        for _ in range(_DEEPEST_STYLE):
            if shaded or around is None:
                break
            name = str(around.tag).rpartition("}")[2]
            if name == "tc":
                shade = around.find(f"{_W}tcPr/{_W}shd")
                shaded = shade is not None and _is_shade(shade)
            # A table style or a drawn shape may fill what is behind the text with any colour.
            shaded = shaded or name in ("txbxContent", "tbl")
            around = around.getparent()
        return marks, shaded

    def _why_unseen(self, run: Any, paragraph: Mapping[str, bool], shaded: bool) -> str:
        marks = dict(paragraph)
        properties = run.find(f"{_W}rPr")
        if properties is not None:
            style = properties.find(f"{_W}rStyle")
            if style is not None:
                marks |= self._styles.marks(style.get(f"{_W}val") or "")
            marks |= _marks(properties)
        if marks.get("vanish"):
            return "vanish"
        if marks.get("tiny"):
            return "tiny"
        return "colour" if marks.get("white") and not shaded and not marks.get("shaded") else ""


def _check_zip(data: bytes) -> None:
    """Refuses an archive that unpacks to more than it may, or whose XML brings a document type (and so entities) of its
    own, before a byte of it is read by anybody else."""
    # PKWARE APPNOTE section 4.3.16: the end record tells the size of the directory, which is read entry by entry.
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or len(data) < end + 22:
        raise _Problem("broken")
    if int.from_bytes(data[end + 12 : end + 16], "little") > _ZIP_DIRECTORY_BYTES:
        raise _Problem("refused")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if any(entry.flag_bits & 1 for entry in entries):
            raise _Problem("encrypted")
        xml = [entry for entry in entries if entry.filename.lower().endswith((".xml", ".rels"))]
        if sum(entry.file_size for entry in entries) > _UNZIPPED_BYTES:
            raise _Problem("refused")
        if sum(entry.file_size for entry in xml) > _XML_BYTES:
            raise _Problem("too_large")
        for entry in entries:
            if entry.file_size > 1_000_000 and entry.file_size > _ZIP_RATIO * max(1, entry.compress_size):
                raise _Problem("refused")
        for entry in xml:
            content = archive.read(entry)
            declared = _DECLARED.search(content, 0, 200)
            if declared and declared[1].lower() not in (b"utf-8", b"utf-16", b"us-ascii"):
                raise _Problem("refused")
            if b"<!DOCTYPE" in content.replace(b"\0", b"") or b"<!ENTITY" in content.replace(b"\0", b""):
                raise _Problem("refused")
