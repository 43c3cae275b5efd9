"""Reading mail: every odd mail of tests/mails reads as the file beside it says, and no bytes break the reader."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import NotFound, UnreadableMessage
from letterlock.message.decode import clean_filename
from letterlock.message.parse import (
    REPAIRS,
    UNREADABLE,
    Attachment,
    Caps,
    Mailbox,
    ParsedMessage,
    attachment_bytes,
    parse_message,
)
from mutate import mutate

MAILS = Path(__file__).parent.parent / "mails"
NAMES = sorted(path.stem for path in MAILS.glob("*.eml"))
HEAD = b"From: Ada <ada@example.com>\r\nTo: bob@example.net\r\n"


def as_json(read: ParsedMessage) -> dict[str, Any]:
    """What the files beside the mails are written in."""
    return {
        "headers": [list(pair) for pair in read.headers],
        "subject": read.subject,
        "from_": [[box.name, box.address] for box in read.from_],
        "to": [[box.name, box.address] for box in read.to],
        "cc": [[box.name, box.address] for box in read.cc],
        "date": read.date.isoformat() if read.date else None,
        "message_id": read.message_id,
        "in_reply_to": list(read.in_reply_to),
        "references": list(read.references),
        "plain": list(read.plain),
        "html": list(read.html),
        "attachments": [[part.filename, part.content_type, part.size] for part in read.attachments],
        "repairs": list(read.repairs),
    }


def strings_of(read: ParsedMessage) -> list[str]:
    boxes = (*read.from_, *read.reply_to, *read.to, *read.cc)
    return [
        *(text for pair in read.headers for text in pair),
        *(text for box in boxes for text in (box.name, box.address)),
        *(text for part in read.attachments for text in (part.filename, part.content_type, part.content_id)),
        *(read.subject, read.message_id, *read.in_reply_to, *read.references, *read.plain, *read.html),
    ]


def check_promises(read: ParsedMessage) -> None:
    """What holds for every message that could be read."""
    for text in strings_of(read):
        assert "\0" not in text
        assert "\r" not in text
        text.encode()
    for name, value in read.headers:
        assert "\n" not in name + value
    for part in read.attachments:
        assert clean_filename(part.filename) == part.filename != ""
        assert len(part.filename.encode()) <= 120
    assert set(read.repairs) <= set(REPAIRS)
    assert [part.index for part in read.attachments] == list(range(len(read.attachments)))
    assert len(read.references) <= 100
    assert all(len(text) <= 998 and text[0] == "<" and text[-1] == ">" for text in read.references)
    assert read.date is None or read.date.utcoffset() is not None


def test_there_are_odd_mails_to_read() -> None:
    assert len(NAMES) >= 25


@pytest.mark.parametrize("name", NAMES)
def test_an_odd_mail_reads_as_the_file_beside_it_says(name: str) -> None:
    raw = (MAILS / f"{name}.eml").read_bytes()
    expected = json.loads((MAILS / f"{name}.json").read_text("utf-8"))
    if reason := expected.get("unreadable"):
        with pytest.raises(UnreadableMessage) as caught:
            parse_message(raw)
        assert caught.value.reason == reason
        return
    read = parse_message(raw)
    check_promises(read)
    assert expected
    assert {key: value for key, value in as_json(read).items() if key in expected} == expected


@pytest.mark.parametrize("hundred", range(15))
def test_mutated_mails_are_read_or_called_unreadable_within_two_seconds(hundred: int) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        raw = mutate(seed)
        start = time.process_time()
        try:
            read = parse_message(raw)
        except UnreadableMessage as error:
            assert error.reason in UNREADABLE, seed
            assert error.reason != "parser_broke", seed
        else:
            check_promises(read)
        assert time.process_time() - start < 2, seed


def test_the_mutator_is_a_function_of_its_seed() -> None:
    assert [mutate(seed) for seed in range(20)] == [mutate(seed) for seed in range(20)]
    assert len({mutate(seed) for seed in range(200)}) > 150


_PIECES = st.lists(
    st.sampled_from(
        [
            *(b"From: ", b"To: ", b"Date: ", b"Content-Type: ", b"multipart/mixed; boundary=", b"text/html; charset="),
            *(
                b"Content-Disposition: attachment; filename=",
                b"Content-Transfer-Encoding: ",
                b"base64",
                b"quoted-printable",
            ),
            *(
                b"x-uuencode",
                b"\r\n",
                b"\n",
                b"\r",
                b"\r\n\r\n",
                b" ",
                b"--",
                b"--b",
                b"b",
                b'"',
                b"<a@b.example>",
                b"=?utf-8?q?",
            ),
            *(
                b"=?utf-8?b?w6k=?=",
                b"?=",
                b"=",
                b"=3D",
                b"utf-16",
                b"utf-7",
                b"hz",
                b"\0",
                b"\xff",
                b"\xc3\xa9",
                b";",
                b"*0*=",
                b"(",
            ),
        ]
    )
).map(b"".join)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=400), _PIECES))
def test_any_bytes_at_all_are_read_or_called_unreadable(raw: bytes) -> None:
    try:
        read = parse_message(raw)
    except UnreadableMessage as error:
        assert error.reason == "empty"
    else:
        check_promises(read)
        for part in read.attachments:
            described, content = attachment_bytes(raw, part.index)
            assert described == part
            assert hashlib.sha256(content).hexdigest() == part.sha256


@pytest.mark.parametrize(
    ("reason", "caps", "raw"),
    [
        ("message_too_large", Caps(message_bytes=100), HEAD + b"\r\n" + b"x" * 100),
        ("line_too_long", Caps(line_bytes=50), HEAD + b"\r\n" + b"x" * 51 + b"\r\n"),
        ("line_too_long", Caps(line_bytes=50), b"y" * 51),
        ("too_many_headers", Caps(headers=2), HEAD + b"Subject: x\r\n\r\nx"),
        ("header_too_large", Caps(header_bytes=50), HEAD + b"Subject: " + b"x" * 50 + b"\r\n\r\nx"),
        ("header_too_large", Caps(header_bytes=50), HEAD + b"Subject: x\r\n" + b" y\r\n" * 40 + b"\r\nx"),
        ("header_too_large", Caps(header_bytes=50), HEAD + b"X: 12345678901234567890\r\n" * 10 + b"\r\nx"),
        (
            "too_many_parts",
            Caps(parts=3),
            HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 3,
        ),
        (
            "too_deep",
            Caps(depth=0),
            HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
        ),
    ],
)
def test_over_a_cap_a_message_is_unreadable_with_the_reason(reason: str, caps: Caps, raw: bytes) -> None:
    with pytest.raises(UnreadableMessage) as caught:
        parse_message(raw, caps)
    assert caught.value.reason == reason
    assert str(caught.value) == UNREADABLE[reason]


def test_millions_of_blank_lines_are_an_empty_message() -> None:
    start = time.process_time()
    with pytest.raises(UnreadableMessage) as caught:
        parse_message(b"\r\n" * 5_000_000)
    assert caught.value.reason == "empty"
    assert time.process_time() - start < 2


def test_at_its_caps_a_message_is_read() -> None:
    raw = HEAD + b"\r\n" + b"x" * 100
    caps = Caps(message_bytes=len(raw), headers=2, header_bytes=27, line_bytes=100, parts=1, depth=0)
    assert parse_message(raw, caps).plain == ("x" * 100,)


def test_a_message_of_look_alike_delimiters_is_given_up_early() -> None:
    raw = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--bx\r\n" * 20_000
    with pytest.raises(UnreadableMessage) as caught:
        parse_message(raw)
    assert caught.value.reason == "too_many_parts"


def test_bodies_over_their_cap_are_cut_and_say_so() -> None:
    read = parse_message(HEAD + b"\r\n" + b"x" * 500, Caps(text_chars=100))
    assert (read.plain, read.repairs) == (("x" * 100,), ("body_cut",))
    read = parse_message(HEAD + b"Content-Type: text/html\r\n\r\n" + b"x" * 500, Caps(html_bytes=100))
    assert (read.html, read.repairs) == (("x" * 100,), ("body_cut",))


def test_a_body_is_not_cut_inside_a_character() -> None:
    read = parse_message(HEAD + b"Content-Type: text/html\r\n\r\n" + "<p>é\n".encode() * 100, Caps(html_bytes=208))
    assert (read.html, read.repairs) == (("<p>é\n" * 34,), ("bare_lf", "body_cut"))


def test_a_list_of_thousands_of_recipients_is_cut_at_a_whole_one() -> None:
    read = parse_message(b"To: " + b"someone@example.com, " * 3000 + b"\r\n\r\n")
    assert "long_address_list" in read.repairs
    assert len(read.to) > 1000
    assert set(read.to) == {Mailbox("", "someone@example.com")}


def test_of_many_references_the_first_and_the_last_are_kept() -> None:
    read = parse_message(b"References: " + b" ".join(b"<%d@x>" % n for n in range(300)) + b"\r\n\r\n")
    assert len(read.references) == 100
    assert (read.references[0], read.references[1], read.references[-1]) == ("<0@x>", "<201@x>", "<299@x>")


def test_a_reference_too_long_for_a_line_is_dropped() -> None:
    read = parse_message(b"References: <" + b"a" * 997 + b"> <b@x>\r\n\r\n")
    assert read.references == ("<b@x>",)


def test_header_looks_up_the_first_field_of_a_name_in_any_case() -> None:
    read = parse_message(b"X-One: 1\r\nx-one: 2\r\n\r\n")
    assert (read.header("X-ONE"), read.header("absent")) == ("1", "")


def test_a_common_message_needs_no_repair() -> None:
    raw = (
        b"Received: from a.example by b.example; Fri, 20 Nov 2026 09:30:05 +0000\r\n"
        b"From: =?utf-8?q?J=C3=B6rg?= <joerg@Example.COM>\r\nReply-To: help@example.com\r\n"
        b'To: "Lovelace, Ada" <Ada@example.net>, bob@example.net\r\nCc: Team: c@example.org, d@example.org;\r\n'
        b"Subject: =?utf-8?b?SWhyIENvZGU=?= 481\r\n 516\r\nDate: Fri, 20 Nov 2026 10:30:00 +0100\r\n"
        b"Message-ID: <m@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nHallo\r\n"
    )
    read = parse_message(raw)
    assert read.from_ == (Mailbox("Jörg", "joerg@example.com"),)
    assert read.reply_to == (Mailbox("", "help@example.com"),)
    assert read.to == (Mailbox("Lovelace, Ada", "Ada@example.net"), Mailbox("", "bob@example.net"))
    assert [box.address for box in read.cc] == ["c@example.org", "d@example.org"]
    assert read.subject == "Ihr Code 481 516"
    assert read.date == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    assert read.plain == ("Hallo\n",)
    assert read.repairs == ()


def test_what_mail_parser_fails_on_is_read_more_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    import mailparser

    def fail(_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(mailparser, "MailParser", fail)
    read = parse_message(
        b"From: =?utf-8?q?J=C3=B6rg?= <j@Example.com>\r\nTo: nobody, ((((\r\nDate: Fri, 20 Nov 2026 09:30:00 +0000\r\n"
        b"Content-Type: text/html\r\n\r\n<b>x</b>\r\n"
    )
    assert "parser_failed" in read.repairs
    assert read.from_ == (Mailbox("Jörg", "j@example.com"),)
    assert read.date == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    assert read.html == ("<b>x</b>\n",)
    check_promises(read)


def test_the_bytes_of_an_attachment_are_found_by_its_index() -> None:
    raw = HEAD + (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nbody\r\n"
        b"--b\r\nContent-Type: text/csv; name=a.csv\r\n\r\n1,2\r\n3,4\r\n"
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--b--\r\n"
    )
    read = parse_message(raw)
    assert [attachment_bytes(raw, part.index) for part in read.attachments] == [
        (read.attachments[0], b"1,2\r\n3,4"),
        (read.attachments[1], b"%PDF"),
    ]
    assert read.attachments[1] == Attachment(
        1, "attachment-2.pdf", "application/pdf", 4, hashlib.sha256(b"%PDF").hexdigest()
    )
    for index in (2, -1):
        with pytest.raises(NotFound):
            attachment_bytes(raw, index)


HOSTILE = {
    "words never closed": b"Subject: " + b"=?a?q?x " * 12_000,
    "words half open": b"Subject: " + b"=?" * 49_000,
    "words with long charsets": b"Subject: " + (b"=?" + b"a" * 90) * 1_000,
    "folds": b"Subject: x" + b"\r\n y" * 20_000,
    "blanks": b"Subject: " + b" " * 90_000 + b"x",
    "comments": b"To: " + b"(" * 29_000,
    "angles": b"To: " + b"<" * 29_000,
    "routes": b"To: <" + b"@a," * 9_000 + b":x@y>",
    "groups": b"To: " + b":;" * 14_000,
    "dots": b"To: " + b"a." * 14_000,
    "quotes": b"To: " + b'"a" ' * 7_000 + b"<a@b>",
    "backslashes": b'To: "' + b"\\" * 28_000 + b"<a@b>",
    "escaped quotes": b'To: "' + b'\\"' * 14_000,
    "recipients": b"\r\n".join([b"To: " + b"a@b," * 7_000] * 4),
    "parameters": b"Content-Type: text/plain;" + b'a="' * 30_000,
    "semicolons": b"Content-Type: text/plain;" + b";" * 90_000,
    "pieces of a name": b"Content-Disposition: a;" + b"".join(b"filename*%d*=%%41;" % n for n in range(5_000)),
    "digits of a date": b"Date: " + b"9" * 90_000,
    "comments of a date": b"Date: " + b"(" * 90_000,
    "ids never closed": b"References: " + b"<" * 90_000,
    "ids closed late": b"References: " + b"<" * 45_000 + b">" * 45_000,
    "empty lines": b"\r\n" * 500_000,
    "nothing else": b"\r\n" + b"\0" * 900_000,
    "base64 of padding": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"A=\n" * 300_000,
    "equal signs": b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"= \t\n" * 300_000,
    "uuencoded nothing": b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\n" + b"\n" * 500_000,
    "nested empty lines": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(19)
    )
    + b"\r\n" * 500_000,
    "dashes without a boundary": b"Content-Type: multipart/mixed\r\n\r\n" + b"\n--" * 300_000,
    "escapes": b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + b"\x1b$B" * 300_000,
    "meta": b"Content-Type: text/html\r\n\r\n" + b"<meta charset" * 70_000,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_what_makes_careless_readers_stall_is_read_at_once(raw: bytes) -> None:
    start = time.process_time()
    check_promises(parse_message(HEAD + raw + b"\r\n"))
    assert time.process_time() - start < 2


def test_file_names_are_kept_as_written_where_characters_nobody_sees_were_taken_out() -> None:
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "pay eve")
    message = EmailMessage()
    message.set_content("See the files.")
    message.add_attachment(b"a", "text", "plain", filename=f"plan{tags}.txt")
    message.add_attachment(b"b", "text", "plain", filename="pr\u00fcfung.txt")
    parsed = parse_message(message.as_bytes())
    assert [one.filename for one in parsed.attachments] == ["plan.txt", "pr\u00fcfung.txt"]
    assert parsed.written_names == (f"plan{tags}.txt",)
