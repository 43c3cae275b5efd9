"""What a calendar part says, as typed fields: RFC 5545 (iCalendar), RFC 5546 (methods); vCalendar 1.0 is read alike.

`calendar_events(text)` reads events and tasks; `content_lines(text)` unfolds and splits the lines that iCalendar and
vCard (RFC 6350) have in common. Never raises, linear in the text. Every string is outside text. Nothing is computed
from zones: a time is given as written, with the zone it names.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from letterlock.patterns import on_demand


@dataclass(frozen=True, slots=True)
class CalendarTime:
    """A date, or a date and time. `iso` is ISO 8601 without an offset ("" when what is written is no date), with a Z
    when it is UTC; `zone` is the zone as named (TZID), "UTC", or "" when the time floats (RFC 5545 section 3.3.5)."""

    written: str
    iso: str = ""
    zone: str = ""
    all_day: bool = False

    def __str__(self) -> str:
        return f"{self.iso or self.written} {self.zone if self.zone != 'UTC' else ''}".strip()


@dataclass(frozen=True, slots=True)
class CalendarPerson:
    """Who is named, unverified. `address` is what stands after mailto:, or the address as written; `status` is the
    PARTSTAT in lower case, such as accepted."""

    name: str
    address: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One VEVENT or VTODO. `method` is the calendar's (request, cancel, reply, publish, ...), lower-cased as are
    `status` and `kind`; `attendees` are the first 50 of `attendee_count`."""

    kind: str = "event"
    method: str = ""
    uid: str = ""
    summary: str = ""
    organizer: CalendarPerson | None = None
    attendees: tuple[CalendarPerson, ...] = ()
    attendee_count: int = 0
    start: CalendarTime | None = None
    end: CalendarTime | None = None
    duration: str = ""
    location: str = ""
    description: str = ""
    meeting_url: str = ""
    """The first https link to a known service for meetings; "" when there is none."""
    status: str = ""
    recurrence: str = ""
    unseen: tuple[str, ...] = ()
    """Text that calendar programs do not show: comments, alarms, the HTML twin of the description, X- properties."""


class ContentLine(NamedTuple):
    """A property: its name and the names of its parameters in upper case, the value still escaped."""

    name: str
    parameters: Mapping[str, str]
    value: str


_TEXT_CAP: Final = 1_000_000
_LINES_CAP: Final = 20_000
_EVENTS_CAP: Final = 50
_ATTENDEES_CAP: Final = 50
_UNSEEN_CAP: Final = 20
_SHORT: Final = 1_000
_LONG: Final = 50_000
_NAME: Final = on_demand(r"(?:[A-Za-z0-9-]{1,60}\.)?([A-Za-z0-9-]{1,60})(?=[;:])")
_ESCAPE: Final = on_demand(r"\\([\\;,:nN])")
_CARET: Final = on_demand(r"\^([n^'])")
_CONTROL: Final = on_demand(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TIME: Final = on_demand(r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)?(Z?))?", re.ASCII)
_URL: Final = on_demand(r"https://[^\s<>\"'\\]{4,2000}")
_MEETING_HOSTS: Final = (
    "zoom.us",
    "zoomgov.com",
    "zoom.com",
    "meet.google.com",
    "teams.microsoft.com",
    "teams.microsoft.us",
    "teams.live.com",
    "webex.com",
)
_MEETING_FIELDS: Final = (
    "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
    "CONFERENCE",
    "URL",
    "LOCATION",
    "DESCRIPTION",
    "X-ALT-DESC",
)
_KINDS: Final = {"VEVENT": "event", "VTODO": "task"}
# Values made for programs: ids, numbers, dates, rules. What is left is text somebody wrote.
_FOR_PROGRAMS: Final = (
    "BEGIN END UID DTSTAMP DTSTART DTEND DUE DURATION CREATED LAST-MODIFIED SEQUENCE PRIORITY CLASS TRANSP STATUS "
    "RRULE RDATE EXDATE EXRULE RECURRENCE-ID ORGANIZER ATTENDEE SUMMARY LOCATION DESCRIPTION GEO PERCENT-COMPLETE "
    "COMPLETED TRIGGER ACTION REPEAT METHOD VERSION PRODID CALSCALE URL CONFERENCE ACKNOWLEDGED RELATED-TO"
)
_NOT_TEXT: Final = frozenset(_FOR_PROGRAMS.split())


def calendar_events(text: str) -> tuple[CalendarEvent, ...]:
    """The events and tasks of `text`, at most 50, in order. What is broken is left out; a component that is never
    closed counts as far as it goes. Values are cut at 1,000 characters, descriptions at 50,000."""
    events: list[CalendarEvent] = []
    method = ""
    open_: _Open | None = None
    inner = 0
    for line in content_lines(text):
        value = line.value.strip().upper()
        if line.name == "BEGIN" and value in _KINDS:
            if open_ is not None:
                events.append(open_.event(method))
            open_, inner = _Open(_KINDS[value]), 0
        elif open_ is None:
            if line.name == "METHOD" and not method:
                method = _plain(line.value, 40).lower()
        elif line.name == "BEGIN":
            inner += 1
        elif line.name == "END":
            if value in _KINDS or value == "VCALENDAR":
                events.append(open_.event(method))
                open_ = None
            elif inner:
                inner -= 1
        else:
            open_.add(line, inner > 0)
        if len(events) >= _EVENTS_CAP:
            return tuple(events)
    if open_ is not None:
        events.append(open_.event(method))
    return tuple(events)


def content_lines(text: str) -> Iterator[ContentLine]:
    """The properties of a calendar or card, unfolded, at most 20,000; lines that are none are skipped."""
    for line in _unfolded(text[:_TEXT_CAP]):
        match = _NAME.match(line)
        if match is None:
            continue
        head, value = _cut(line, match.end())
        parameters = _parameters(head) if head else {}
        if parameters.get("ENCODING", "").upper() == "QUOTED-PRINTABLE":
            # vCard 2.1 and vCalendar 1.0; UTF-8 is what is left of their charsets.
            value = quopri.decodestring(value.encode("utf-8", "replace")).decode("utf-8", "replace")
        yield ContentLine(match[1].upper(), parameters, value)


def unescaped(value: str, limit: int = _LONG) -> str:
    """A TEXT value as people read it (RFC 5545 section 3.3.11), without control characters, at most `limit` long."""
    value = value[: 2 * limit]
    if "\\" in value:
        value = _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)
    return _CONTROL.sub("", value).strip()[:limit]


def _plain(value: str, limit: int) -> str:
    return " ".join(unescaped(value, limit).split())


def _unfolded(text: str) -> Iterator[str]:
    """RFC 5545 section 3.1: a line that starts with a blank goes on with the line before it."""
    pieces: list[str] = []
    soft = False
    for count, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
        if count >= 4 * _LINES_CAP:
            break
        if pieces and (line[:1] in (" ", "\t") or soft):
            pieces.append(line if soft else line[1:])
        else:
            if pieces:
                yield "".join(pieces)
            pieces = [line]
        # vCard 2.1: a quoted-printable value breaks its lines with = at the end.
        soft = line.endswith("=") and "QUOTED-PRINTABLE" in pieces[0][:200].upper()
        if soft:
            pieces[-1] = line[:-1]
    if pieces:
        yield "".join(pieces)


def _cut(line: str, start: int) -> tuple[str, str]:
    """The parameters and the value of `line`, parted at the first colon outside quotes."""
    if line[start] == ":":
        return "", line[start + 1 :]
    position = start
    while True:
        colon, quote = line.find(":", position), line.find('"', position)
        if colon < 0:
            return line[start:], ""
        if quote < 0 or colon < quote:
            return line[start:colon], line[colon + 1 :]
        closing = line.find('"', quote + 1)
        if closing < 0:
            # A quote left open: it is taken for a letter.
            return line[start:colon], line[colon + 1 :]
        position = closing + 1


def _parameters(head: str) -> dict[str, str]:
    found: dict[str, str] = {}
    # Splitting at quotes leaves every second piece inside of them.
    rest = "".join(
        piece if index % 2 == 0 else piece.replace(";", "\0").replace("=", "\1")
        for index, piece in enumerate(head[:10_000].split('"'))
    )
    for parameter in rest.split(";", 100)[:100]:
        name, equals, value = parameter.partition("=")
        if equals:
            value = value.replace("\0", ";").replace("\1", "=")
            # RFC 6868 section 3.1.
            value = _CARET.sub(lambda match: {"n": "\n", "^": "^", "'": '"'}[match[1]], value)
            found.setdefault(name.strip().upper(), value)
        elif name.strip().upper() == "QUOTED-PRINTABLE":
            found["ENCODING"] = "QUOTED-PRINTABLE"
    return found


@dataclass(slots=True)
class _Open:
    """A component while it is read."""

    kind: str
    first: dict[str, ContentLine] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    attendees: list[CalendarPerson] = field(default_factory=list)
    attendee_count: int = 0
    unseen: list[str] = field(default_factory=list)

    def add(self, line: ContentLine, inner: bool) -> None:
        if line.name == "ATTENDEE" and not inner:
            self.attendee_count += 1
            if len(self.attendees) < _ATTENDEES_CAP:
                self.attendees.append(_person(line))
            return
        if line.name in ("RRULE", "RDATE", "EXDATE") and not inner and len(self.rules) < 20:
            self.rules.append(f"{line.name}:{_plain(line.value, _SHORT)}")
        repeated = line.name in self.first
        if not inner and not repeated:
            self.first[line.name] = line
        shown = line.name in _NOT_TEXT and not (
            (inner or repeated) and line.name in ("SUMMARY", "DESCRIPTION", "LOCATION")
        )
        if not shown and len(self.unseen) < _UNSEEN_CAP:
            said = unescaped(line.value)
            # One word is a switch or an id; text to read has several.
            if " " in said:
                self.unseen.append(said)

    def event(self, method: str) -> CalendarEvent:
        organizer = self.first.get("ORGANIZER")
        return CalendarEvent(
            kind=self.kind,
            method=method,
            uid=self._text("UID"),
            summary=self._text("SUMMARY"),
            organizer=_person(organizer) if organizer else None,
            attendees=tuple(self.attendees),
            attendee_count=self.attendee_count,
            start=self._time("DTSTART"),
            end=self._time("DTEND") or self._time("DUE"),
            duration=self._text("DURATION"),
            location=self._text("LOCATION"),
            description=unescaped(self.first["DESCRIPTION"].value) if "DESCRIPTION" in self.first else "",
            meeting_url=self._meeting_url(),
            status=self._text("STATUS").lower(),
            recurrence="\n".join(self.rules),
            unseen=tuple(self.unseen),
        )

    def _text(self, name: str) -> str:
        line = self.first.get(name)
        return _plain(line.value, _SHORT) if line else ""

    def _time(self, name: str) -> CalendarTime | None:
        line = self.first.get(name)
        return calendar_time(line.value, line.parameters.get("TZID", "")) if line else None

    def _meeting_url(self) -> str:
        for name in _MEETING_FIELDS:
            line = self.first.get(name)
            if line is None:
                continue
            for count, match in enumerate(_URL.finditer(unescaped(line.value))):
                if count >= 50:
                    break
                url = match[0].rstrip(".,;:!?)>]}")
                if _is_meeting(url):
                    return url
        return ""


def calendar_time(value: str, zone: str = "") -> CalendarTime:
    """A DATE or DATE-TIME (RFC 5545 sections 3.3.4, 3.3.5), and the zone its TZID names."""
    written = _plain(value, 100)
    zone = _plain(zone, 100)
    match = _TIME.fullmatch(written)
    if match is None:
        return CalendarTime(written, zone=zone)
    year, month, day, hour, minute, second, utc = match.groups()
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return CalendarTime(written, zone=zone)
    date = f"{year}-{month}-{day}"
    if hour is None:
        return CalendarTime(written, date, "", all_day=True)
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        return CalendarTime(written, zone=zone)
    iso = f"{date}T{hour}:{minute}:{second or '00'}{utc}"
    return CalendarTime(written, iso, "UTC" if utc else zone)


def _person(line: ContentLine) -> CalendarPerson:
    address = _plain(line.value, 320)
    if address[:7].lower() == "mailto:":
        address = address[7:]
    status = _plain(line.parameters.get("PARTSTAT", ""), 40).lower()
    return CalendarPerson(_plain(line.parameters.get("CN", ""), 200), address, status)


def _is_meeting(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    # What stands before an @ is made to look like the host; nobody's meeting needs it.
    return "@" not in parts.netloc and any(host == known or host.endswith(f".{known}") for known in _MEETING_HOSTS)
