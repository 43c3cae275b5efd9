"""Text out of the ways mail writes it: any input gives text, and the witness that lied is named."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.message.decode import (
    charset_decoded,
    clean_body,
    clean_filename,
    header_text,
    one_line,
    parameters,
    transfer_decoded,
    words_replaced,
)
from letterlock.message.parse import REPAIRS


@pytest.mark.parametrize(
    ("content", "label", "text", "notes"),
    [
        (b"plain", "", "plain", set()),
        ("é".encode(), "", "é", set()),
        (b"\xe9", "", "é", set()),
        (b"\xe9", "ISO_8859-1", "é", set()),
        (b"\x80", "latin1", "€", set()),
        ("é".encode(), "us-ascii", "é", {"charset_lie"}),
        ("я".encode("koi8_u"), "KOI8-U", "я", set()),
        ("я".encode(), "koi8-r", "я".encode().decode("koi8_r"), set()),
        ("你".encode("gb18030"), "x-gbk", "你", set()),
        ("你".encode(), "big5", "你", {"charset_lie"}),
        (b"\x81\x20", "shift_jis", "\ufffd ", {"undecodable_bytes"}),
        ("né ".encode() * 20 + b"\xff", "utf-8", "né " * 20 + "\ufffd", {"undecodable_bytes"}),
        ("hé".encode("utf-16"), "utf-16", "hé", set()),
        ("hé".encode("utf-16"), "iso-8859-1", "hé", {"charset_lie"}),
        (b"+ADw-", "UTF-7", "+ADw-", {"utf7_refused"}),
        (b"x", "rot13", "x", {"unknown_charset"}),
        (b"x", "../../x", "x", {"unknown_charset"}),
        (b"x", "unknown-8bit", "x", set()),
    ],
)
def test_text_is_decoded_by_its_label_or_by_what_it_is(content: bytes, label: str, text: str, notes: set[str]) -> None:
    noted: set[str] = set()
    assert charset_decoded(content, label, noted) == text
    assert noted == notes


@pytest.mark.parametrize(
    ("value", "main", "given_"),
    [
        ("text/plain", "text/plain", {}),
        ('Text/HTML; CHARSET="utf-8"', "text/html", {"charset": "utf-8"}),
        ("text/plain; charset=us-ascii (Plain text)", "text/plain", {"charset": "us-ascii"}),
        ("a/b; name=one.txt; name=two.txt", "a/b", {"name": "one.txt"}),
        ('a/b; name="semi;colon \\"quoted\\".txt"', "a/b", {"name": 'semi;colon "quoted".txt'}),
        ('a/b; name="C:\\dir\\x.txt"', "a/b", {"name": "C:\\dir\\x.txt"}),
        ('a/b; name="never closed', "a/b", {"name": "never closed"}),
        ("a/b; junk; =; name = spaced.txt ;", "a/b", {"name": "spaced.txt"}),
        ('a/b; name="=?utf-8?q?=C3=A9?=.txt"', "a/b", {"name": "é.txt"}),
        ("a/b; name=plain; name*=utf-8''%C3%A9", "a/b", {"name": "é"}),
        ("a/b; name*0=one; name*1*=%20two; name*3=four", "a/b", {"name": "one two"}),
        ("a/b; name*=%zz", "a/b", {"name": "%zz"}),
        ("", "", {}),
        (";;;", "", {}),
    ],
)
def test_parameters_are_read_as_mail_clients_do(value: str, main: str, given_: dict[str, str]) -> None:
    found, read = parameters(value, set())
    assert found == main
    assert {key: text for key, text in read.items() if text} == given_


_TEXT = st.text(st.one_of(st.characters(), st.sampled_from("=?;*'\"%\\ utf-8bBqQ_\0\n")))


@settings(deadline=None)
@given(
    st.binary(),
    _TEXT,
    st.sampled_from(["", "base64", "quoted-printable", "x-uuencode", "odd"]),
    st.sampled_from(["", "utf-8", "us-ascii", "gb2312", "shift_jis", "hz", "iso-2022-jp", "utf-16", "utf-32", "big5"]),
)
def test_any_input_gives_clean_text_and_known_notes(content: bytes, text: str, encoding: str, label: str) -> None:
    notes: set[str] = set()
    decoded = transfer_decoded(content, encoding, notes)
    for charset in (label, text):
        body = clean_body(charset_decoded(decoded, charset, notes), notes)
        assert not set(body) & {"\0", "\r"}
        body.encode()
    for value in (header_text(content, notes), text):
        line = one_line(words_replaced(value, notes))
        assert not set(line) & {"\0", "\r", "\n"}
        line.encode()
        parameters(value, notes)
    assert notes <= set(REPAIRS)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("report.pdf", "report.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a/b\\c.txt", "c.txt"),
        ("..", ""),
        ("../", ""),
        (".htaccess", "htaccess"),
        (" . x", "x"),
        ("name. ", "name"),
        ("a\0b\r\nc.txt", "abc.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("zero\u200bwidth.txt", "zerowidth.txt"),
        ("wide\u3000blank.txt", "wide blank.txt"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("con", "_con"),
        ("NUL.tar.gz", "_NUL.tar.gz"),
        ("com1 .txt", "_com1 .txt"),
        ("COM¹.txt", "_COM¹.txt"),
        ("console.txt", "console.txt"),
        ('a<b>:"|?*.txt', "a_b______.txt"),
        ("file.txt:stream", "file.txt_stream"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("é" * 300 + ".pdf", "é" * 58 + ".pdf"),
        ("x." + "y" * 300, "x." + "y" * 118),
        ("\ud800.txt", "txt"),
    ],
    ids=ascii,
)
def test_a_file_name_is_cleaned_of_what_could_deceive_or_climb(name: str, cleaned: str) -> None:
    assert clean_filename(name) == cleaned


@settings(deadline=None)
@given(st.text(st.one_of(st.characters(), st.sampled_from("./\\ :\u202e\0con1")), max_size=200))
def test_a_cleaned_file_name_is_short_clean_and_stays_as_it_is(name: str) -> None:
    cleaned = clean_filename(name)
    assert clean_filename(cleaned) == cleaned
    assert len(cleaned.encode()) <= 120
    assert cleaned.isprintable()
    assert cleaned[:1] != "."
    assert not set(cleaned) & set('/\\<>:"|?*')
