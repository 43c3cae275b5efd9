"""Calendar parts as typed fields: invitations as programs send them, odd spellings, and parts that are broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.calendar import (
    CalendarEvent,
    CalendarPerson,
    CalendarTime,
    calendar_events,
    calendar_time,
    content_lines,
)
from timing import takes_linear_time

INVITATION = """BEGIN:VCALENDAR
PRODID:-//Example//Calendar 1.0//EN
VERSION:2.0
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:42@cal.example
SUMMARY:Quarterly plan\\, part 2
ORGANIZER;CN="Ann: the boss; really":mailto:ann@shop.example
ATTENDEE;PARTSTAT=NEEDS-ACTION;CN=Bob:MAILTO:bob@shop.example
ATTENDEE;PARTSTAT=ACCEPTED:mailto:eve@shop.example
DTSTART;TZID=Europe/Berlin:20261130T093000
DTEND;TZID=Europe/Berlin:20261130T103000
RRULE:FREQ=WEEKLY;COUNT=4
LOCATION:Room 5\\; second floor
DESCRIPTION:First line\\nSecond line\\, which is lo
 ng. Join: https://meet.google.com/abc-defg-hij.
STATUS:CONFIRMED
X-ALT-DESC;FMTTYPE=text/html:<p>Second thoughts</p>
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Wake up now
END:VALARM
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


def event(*lines: str) -> CalendarEvent:
    (found,) = calendar_events("\r\n".join(("BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR")))
    return found


def test_an_invitation_is_read_field_by_field() -> None:
    (found,) = calendar_events(INVITATION)
    assert found == CalendarEvent(
        kind="event",
        method="request",
        uid="42@cal.example",
        summary="Quarterly plan, part 2",
        organizer=CalendarPerson("Ann: the boss; really", "ann@shop.example"),
        attendees=(
            CalendarPerson("Bob", "bob@shop.example", "needs-action"),
            CalendarPerson("", "eve@shop.example", "accepted"),
        ),
        attendee_count=2,
        start=CalendarTime("20261130T093000", "2026-11-30T09:30:00", "Europe/Berlin"),
        end=CalendarTime("20261130T103000", "2026-11-30T10:30:00", "Europe/Berlin"),
        location="Room 5; second floor",
        description="First line\nSecond line, which is long. Join: https://meet.google.com/abc-defg-hij.",
        meeting_url="https://meet.google.com/abc-defg-hij",
        status="confirmed",
        recurrence="RRULE:FREQ=WEEKLY;COUNT=4",
        unseen=("<p>Second thoughts</p>", "Wake up now"),
    )


@pytest.mark.parametrize(
    ("written", "iso", "zone", "all_day"),
    [
        ("20261130T093000Z", "2026-11-30T09:30:00Z", "UTC", False),
        ("20261130T0930", "2026-11-30T09:30:00", "", False),
        ("20261130", "2026-11-30", "", True),
        ("20261330", "", "", False),
        ("20261130T253000", "", "", False),
        ("next Monday", "", "", False),
    ],
)
def test_times_are_read_as_written(written: str, iso: str, zone: str, all_day: bool) -> None:
    assert calendar_time(written) == CalendarTime(written, iso, zone, all_day)


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("LOCATION:https://us02web.zoom.us/j/123?pwd=x", "https://us02web.zoom.us/j/123?pwd=x"),
        (
            "DESCRIPTION:Join <https://teams.microsoft.com/l/meetup-join/1>",
            "https://teams.microsoft.com/l/meetup-join/1",
        ),
        ("URL:https://acme.webex.com/meet/ann", "https://acme.webex.com/meet/ann"),
        ("X-GOOGLE-CONFERENCE:https://meet.google.com/a", "https://meet.google.com/a"),
        ("LOCATION:https://zoom.us.evil.example/j/1", ""),
        ("LOCATION:https://zoom.us@evil.example/j/1", ""),
        ("LOCATION:https://evil.example\\\\@zoom.us/j/1", ""),
        ("LOCATION:https://notzoom.us/j/1", ""),
        ("LOCATION:http://zoom.us/j/1", ""),
        ("LOCATION:https://[zoom.us/j/1", ""),
    ],
)
def test_the_meeting_link_is_one_whose_host_is_known(line: str, url: str) -> None:
    assert event(line).meeting_url == url


def test_a_meeting_link_is_found_behind_other_links() -> None:
    assert event("DESCRIPTION:https://a.example/x https://zoom.us/j/1").meeting_url == "https://zoom.us/j/1"


def test_events_that_are_never_closed_count_as_far_as_they_go() -> None:
    text = "BEGIN:VEVENT\nSUMMARY:One\nBEGIN:VEVENT\nSUMMARY:Two"
    assert [found.summary for found in calendar_events(text)] == ["One", "Two"]


def test_tasks_have_their_due_time_as_end() -> None:
    (found,) = calendar_events("BEGIN:VTODO\nSUMMARY:Pay\nDUE;VALUE=DATE:20261201\nEND:VTODO")
    assert (found.kind, found.end) == ("task", CalendarTime("20261201", "2026-12-01", "", True))


def test_the_first_of_a_field_counts_and_the_others_are_unseen() -> None:
    found = event("SUMMARY:First one", "SUMMARY:Second one")
    assert (found.summary, found.unseen) == ("First one", ("Second one",))


def test_quoted_printable_and_soft_line_ends_of_old_calendars_are_read() -> None:
    found = event("SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Gr=C3=BC=\r\n=C3=9Fe aus K=C3=B6ln")
    assert found.summary == "Grüße aus Köln"


def test_carets_in_parameters_are_read() -> None:
    assert event("ORGANIZER;CN=Ann ^'The^' ^^:mailto:a@b.example").organizer == CalendarPerson(
        'Ann "The" ^', "a@b.example"
    )


def test_lists_are_capped_and_counted() -> None:
    found = event(*(f"ATTENDEE:mailto:a{number}@b.example" for number in range(120)))
    assert (len(found.attendees), found.attendee_count) == (50, 120)
    assert len(calendar_events("BEGIN:VEVENT\nEND:VEVENT\n" * 80)) == 50


def test_long_values_are_cut() -> None:
    found = event("SUMMARY:" + "x" * 9_000, "DESCRIPTION:" + "y" * 90_000)
    assert (len(found.summary), len(found.description)) == (1_000, 50_000)


def test_text_that_is_no_calendar_has_no_events() -> None:
    assert calendar_events("") == ()
    assert calendar_events("Dear all,\nBEGIN: nothing\n:::\n;;;") == ()


@given(st.text(max_size=300))
def test_no_text_raises(text: str) -> None:
    calendar_events(text)
    for line in (f"DTSTART{text}", f"ORGANIZER;CN={text}:mailto:{text}", f"LOCATION:https://{text}", text):
        calendar_events(f"BEGIN:VEVENT\n{line}\nEND:VEVENT")
    assert all(line.name == line.name.upper() for line in content_lines(text))


@pytest.mark.parametrize(
    "piece", ['A;B="', "A;B:", " \n", "BEGIN:VEVENT\n", "A:B\n", "\\", '"', "A;B=C;", "SUMMARY:a b\n"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    assert takes_linear_time(lambda text: calendar_events("BEGIN:VEVENT\n" + text), piece, 135_000, 0.02)
