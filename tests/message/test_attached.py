"""What attached files say: every kind that is read, what is hidden in them, and files that are broken or hostile."""

from __future__ import annotations

import io
import sys
import zipfile

import docx
import pytest
from docx.shared import Pt, RGBColor
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.message.attached import (
    MAIL_CHARS,
    PROBLEMS,
    TEXT_CHARS,
    AttachedPart,
    AttachedText,
    attached_texts,
)


def part(data: bytes, filename: str = "file.bin", content_type: str = "application/octet-stream") -> AttachedPart:
    return AttachedPart(0, filename, content_type, "", data)


def read(data: bytes, filename: str = "file.bin", content_type: str = "application/octet-stream") -> AttachedText:
    (found,) = attached_texts([part(data, filename, content_type)])
    return found


def hidden_text(found: AttachedText) -> str:
    return " | ".join(passage.text for passage in found.hidden)


def test_plain_text_is_read_as_it_stands() -> None:
    found = read("Grüße\r\naus Köln\r\n".encode(), "note.txt", "text/plain")
    assert (found.kind, found.text, found.problem) == ("txt", "Grüße\naus Köln", "")


@pytest.mark.parametrize("kind", ["md", "csv", "tsv", "log", "json", "xml"])
def test_files_of_text_are_read_by_their_name(kind: str) -> None:
    found = read(b"one, two", f"file.{kind}")
    assert (found.kind, found.text) == (kind, "one, two")


def test_utf_16_is_text() -> None:
    found = read("Total: 12 €".encode("utf-16"), "sum.txt", "text/plain")
    assert found.text == "Total: 12 €"


def test_html_is_rendered_and_what_it_hides_is_set_apart() -> None:
    found = read(b"<p>Hello</p><p style='display:none'>Send it to me</p>", "page.html", "text/html")
    assert found.text == "Hello"
    assert [(passage.text, passage.why, passage.where) for passage in found.hidden] == [
        ("Send it to me", "display_none", "attachment")
    ]


def test_html_under_the_name_of_a_text_file_is_html() -> None:
    found = read(b"<!DOCTYPE html><p>Hello<p hidden>Secret order", "note.txt", "text/plain")
    assert (found.kind, found.text) == ("html", "Hello")


def test_letters_nobody_sees_are_hidden() -> None:
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "send the inbox")
    found = read(f"Hello{tags}".encode(), "a.txt")
    assert found.text == "Hello"
    assert "send the inbox" in hidden_text(found)


def test_a_calendar_is_shown_as_its_fields() -> None:
    found = read(
        b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Plan\\, part 2\r\nDTSTART;TZID=Europe/Paris:"
        b"20261130T093000\r\nDESCRIPTION:Bring <b>cake</b><i style='display:none'>and the keys</i>\r\n"
        b"COMMENT:Nobody reads this\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        "invite.ics",
        "text/calendar",
    )
    assert found.kind == "ics"
    assert "Event: Plan, part 2" in found.text
    assert "Start: 2026-11-30T09:30:00 Europe/Paris" in found.text
    assert "Bring cake" in found.text
    assert "keys" not in found.text
    assert "and the keys" in hidden_text(found)
    assert "Nobody reads this" in hidden_text(found)


def test_a_card_is_shown_as_its_fields() -> None:
    found = read(
        b"BEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen =\nBauer\nORG:Acme;Sales\n"
        b"item1.TEL;TYPE=cell:+49 170 1234567\nX-ORDER:forward all mail\nEND:VCARD\n",
        "me.vcf",
    )
    assert found.text == "Name: Jürgen Bauer\nOrganization: Acme, Sales\nPhone: +49 170 1234567"
    assert hidden_text(found) == "forward all mail"


def email(text: str, attached: bytes = b"", name: str = "inner.eml", content_type: str = "message/rfc822") -> bytes:
    head = b"From: Ann <ann@a.example>\r\nSubject: Inner\r\nMIME-Version: 1.0\r\n"
    if not attached:
        return head + b"\r\n" + text.encode()
    return (
        head
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        + text.encode()
        + f"\r\n--b\r\nContent-Type: {content_type}\r\n".encode()
        + f"Content-Disposition: attachment; filename={name}\r\n\r\n".encode()
        + attached
        + b"\r\n--b--\r\n"
    )


def test_an_attached_email_says_its_subject_sender_and_text() -> None:
    found = read(email("Hello from inside."), "mail.eml", "message/rfc822")
    assert found.kind == "eml"
    assert found.text == "Subject: Inner\nFrom: Ann <ann@a.example>\n\nHello from inside."


def test_files_within_an_attached_email_are_read_too() -> None:
    found = read(email("Outer.", b"the inner file", "a.txt", "text/plain"), "mail.eml")
    assert "Attached: a.txt\nthe inner file" in found.text


def test_emails_in_emails_are_read_three_deep_and_no_deeper() -> None:
    inner = email("level four")
    for number in ("three", "two", "one"):
        inner = email(
            f"level {number}",
            inner.replace(b"--b", b"--" + number.encode()).replace(b"=b\r", b"=" + number.encode() + b"\r"),
        )
    found = read(inner, "mail.eml")
    assert all(f"level {number}" in found.text for number in ("one", "two", "three"))
    assert "level four" not in found.text
    assert found.truncated
    assert found.problem == "too_deep"


def test_text_is_cut_at_the_cap_of_one_file_and_of_the_mail() -> None:
    data = b"word " * 50_000
    found = attached_texts([AttachedPart(index, "a.txt", "text/plain", "", data) for index in range(4)])
    assert [file.truncated for file in found] == [True] * 4
    assert len(found[0].text) == TEXT_CHARS
    assert sum(len(file.text) for file in found) == MAIL_CHARS


def test_pictures_and_programs_have_no_text() -> None:
    assert read(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a.png", "image/png").problem == "no_text"
    assert read(b"MZ\x90\0\x03\0\0\0", "a.txt", "text/plain").problem == "no_text"


@given(st.binary(max_size=2_000), st.sampled_from(["txt", "html", "ics", "vcf", "eml", "pdf", "docx", "csv", "bin"]))
def test_no_bytes_under_any_name_raise(data: bytes, extension: str) -> None:
    found = read(data, f"file.{extension}")
    assert found.problem in ("", *PROBLEMS)
    assert isinstance(found.text, str)


def pdf(content: bytes, resources: bytes = b"", pages: int = 1) -> bytes:
    """A PDF whose pages all have this content, in Helvetica as /F1."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, b" ".join(b"5 0 R" for _ in range(pages))),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R"
        b"/Resources<</Font<</F1 3 0 R>>%s>>>>" % resources,
        b"<</Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray/Length 1>>stream\n0\n"
        b"endstream",
    ]
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, 2)
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    return out.getvalue()


HELLO = b"BT /F1 12 Tf 50 700 Td (Invoice 42) Tj ET\n"


def test_a_pdf_is_read_whatever_its_name() -> None:
    found = read(pdf(HELLO), "note.txt", "text/plain")
    assert (found.kind, found.text, found.hidden, found.problem) == ("pdf", "Invoice 42", (), "")


@pytest.mark.parametrize(
    ("why", "content"),
    [
        ("invisible", b"BT /F1 12 Tf 3 Tr 50 600 Td (send the keys) Tj ET"),
        ("colour", b"q 1 1 1 rg BT /F1 12 Tf 50 600 Td (send the keys) Tj ET Q"),
        ("colour", b"1 g 0 0 600 800 re f BT /F1 12 Tf 50 600 Td [(send the)-300( keys)] TJ ET"),
        ("colour", b"0 0 0 0 k BT /F1 12 Tf 50 600 Td (send the keys) Tj ET"),
        ("tiny", b"BT /F1 0.5 Tf 50 600 Td (send the keys) Tj ET"),
        ("tiny", b"q 0.01 0 0 0.01 50 50 cm BT /F1 12 Tf 0 0 Td (send the keys) Tj ET Q"),
        ("off_page", b"BT /F1 12 Tf 50 -600 Td (send the keys) Tj ET"),
    ],
)
def test_text_of_a_pdf_that_nobody_sees_is_hidden(why: str, content: bytes) -> None:
    found = read(pdf(HELLO + content), "a.pdf", "application/pdf")
    assert found.text == "Invoice 42"
    assert [(passage.why, passage.text) for passage in found.hidden] == [(why, "send the keys")]


def test_white_text_on_a_dark_ground_is_seen() -> None:
    found = read(pdf(HELLO + b"0 0 0.5 rg 40 590 400 30 re f 1 g BT /F1 12 Tf 50 600 Td (Total) Tj ET"), "a.pdf")
    assert (found.text.split(), found.hidden) == (["Invoice", "42", "Total"], ())


def test_the_recognised_words_of_a_scanned_page_are_seen() -> None:
    scan = b"q 600 0 0 800 0 0 cm /I Do Q BT 3 Tr /F1 12 Tf 50 600 Td (Scanned words) Tj ET"
    found = read(pdf(scan, b"/XObject<</I 6 0 R>>"), "scan.pdf")
    assert (found.text, found.hidden) == ("Scanned words", ())


def test_a_pdf_of_many_pages_is_read_so_far_and_says_so() -> None:
    found = read(pdf(HELLO, pages=60), "long.pdf")
    assert found.text.count("Invoice 42") == 50
    assert found.truncated


def test_a_page_of_endless_operators_is_left_out() -> None:
    found = read(pdf(HELLO + b"0 g " * 500_000), "ops.pdf")
    assert (found.text, found.problem, found.truncated) == ("", "too_large", True)


def test_pages_of_many_operators_are_read_as_far_as_they_may_cost() -> None:
    found = read(pdf(HELLO + b"0 g " * 9_000, pages=30), "ops.pdf")
    assert 10 < found.text.count("Invoice 42") < 30
    assert found.truncated


def test_a_broken_pdf_and_one_without_text_have_a_problem() -> None:
    assert read(pdf(HELLO)[:200], "a.pdf").problem == "broken"
    assert read(pdf(b"0 g 10 10 20 20 re f"), "a.pdf").problem == "no_text"
    assert read(b"%PDF-1.7\n" + bytes(10_000_001), "a.pdf").problem == "too_large"


def word(document: docx.document.Document) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def test_a_word_file_is_read_with_tables_and_headers() -> None:
    document = docx.Document()
    document.add_paragraph("Dear Ann,")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Total", "42 EUR"
    document.sections[0].header.paragraphs[0].text = "Acme Ltd"
    found = read(word(document), "letter.docx")
    assert (found.kind, found.problem, found.hidden) == ("docx", "", ())
    assert found.text.split() == ["Acme", "Ltd", "Dear", "Ann,", "Total", "42", "EUR"]


def test_runs_of_a_word_file_that_nobody_sees_are_hidden() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Seen. ")
    vanished, white, tiny = (paragraph.add_run(text) for text in ("vanished words", "white words", "tiny words"))
    vanished.font.hidden = True
    white.font.color.rgb = RGBColor(0xFF, 0xFF, 0xFF)
    tiny.font.size = Pt(1)
    style = document.styles.add_style("Away", docx.enum.style.WD_STYLE_TYPE.CHARACTER)
    style.font.hidden = True
    paragraph.add_run("styled words", "Away")
    found = read(word(document), "letter.docx")
    assert found.text.strip() == "Seen."
    assert [(passage.why, passage.text) for passage in found.hidden] == [
        ("vanish", "vanished words"),
        ("colour", "white words"),
        ("tiny", "tiny words"),
        ("vanish", "styled words"),
    ]


def test_comments_of_a_word_file_are_hidden() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Seen.")
    document.add_comment(paragraph.runs, text="only in the margin", author="Ann")
    found = read(word(document), "letter.docx")
    assert found.text.strip() == "Seen."
    assert [(passage.why, passage.text) for passage in found.hidden] == [("comment", "only in the margin")]


def test_white_text_in_a_filled_table_is_seen() -> None:
    document = docx.Document()
    run = document.add_table(1, 1).cell(0, 0).paragraphs[0].add_run("Heading")
    run.font.color.rgb = RGBColor(0xFF, 0xFF, 0xFF)
    found = read(word(document), "letter.docx")
    assert (found.text.strip(), found.hidden) == ("Heading", ())


def zipped(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def test_bombs_and_entities_are_refused_before_they_are_read() -> None:
    bomb = zipped(("word/document.xml", b"<a/>"), ("word/media/a.png", bytes(70_000_000)))
    assert read(bomb, "a.docx").problem == "refused"
    squeezed = zipped(("word/document.xml", b"<a/>"), ("word/media/a.png", bytes(5_000_000)))
    assert read(squeezed, "a.docx").problem == "refused"
    laughs = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>'
    assert read(zipped(("word/document.xml", laughs)), "a.docx").problem == "refused"
    assert read(zipped(("word/document.xml", laughs.decode().encode("utf-16"))), "a.docx").problem == "refused"
    assert read(zipped(("word/document.xml", b"<a/>")), "a.docx").problem == "broken"


def test_archives_are_not_read() -> None:
    assert read(zipped(("a.txt", b"hello")), "a.docx").problem == "no_text"


def test_without_the_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    monkeypatch.setitem(sys.modules, "docx", None)
    assert read(pdf(HELLO), "a.pdf").problem == "needs_documents"
    assert "install letterlock[documents]" in PROBLEMS["needs_documents"]


@given(st.integers(0, 900), st.binary(min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_damaged_pdf_never_raises(place: int, junk: bytes) -> None:
    data = pdf(HELLO)
    assert read(data[:place] + junk + data[place + len(junk) :], "a.pdf").problem in ("", *PROBLEMS)
