from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.message.address import parse_address
from letterlock.message.compose import Draft, File, compose
from letterlock.outbound.contents import MOST_COMPARED, Contents, contents, words_of_raw

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NOISE = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(16))
WORDS = b"The Oslo office closes in May."


def sent(*files: File, text: str = "See the file", html: str = "") -> Draft:
    to = parse_address("carol@example.com")
    return Draft(
        sender=to, to=(to,), subject="Hi", text=text, html=html, message_id="<a@example.com>", date=NOW, files=files
    )


def look(data: bytes, name: str = "file.bin") -> Contents:
    return contents(sent(File(name, "application/octet-stream", data)))


def zipped(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return packed.getvalue()


def tarred(data: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("note.txt")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def locked() -> bytes:
    """A zip whose member says that it is encrypted (APPNOTE 4.4.4, bit 0), here and in the directory."""
    packed = bytearray(zipped(("note.txt", WORDS)))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


READ = {
    "text": WORDS,
    "text of two bytes a letter": WORDS.decode().encode("utf-16"),
    "zip": zipped(("note.txt", WORDS)),
    "docx": zipped(("word/document.xml", b"<w:t>The Oslo </w:t><w:t>office closes in May.</w:t>")),
    "zip in zip": zipped(("a.zip", zipped(("note.txt", WORDS)))),
    "gzip": gzip.compress(WORDS),
    "tar.gz": gzip.compress(tarred(WORDS)),
    "tar.bz2": bz2.compress(tarred(WORDS)),
    "xz": lzma.compress(WORDS),
    "zip in tar": tarred(zipped(("note.txt", WORDS))),
    "text in a picture": b"\x89PNG\r\n\x1a\n" + NOISE + b"\0" + WORDS,
}


@pytest.mark.parametrize("kind", READ)
def test_what_is_packed_is_read(kind: str) -> None:
    found = look(READ[kind])
    assert WORDS.decode() in found.words
    assert found.unseen == ""


UNREAD = {
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + NOISE, "of a kind"),
    "rar": (b"Rar!\x1a\x07\x01\0" + NOISE, "of a kind"),
    "locked office document": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE, "of a kind"),
    "noise": (NOISE, "of a kind"),
    "PDF": (b"%PDF-1.7\n" + NOISE, "PDF"),
    "PDF that looks like text": (b"%PDF-1.7\nno stream at all", "PDF"),
    "locked zip": (locked(), "locked"),
    "7z in zip": (zipped(("a.7z", b"7z\xbc\xaf\x27\x1c\0\4" + NOISE)), "of a kind"),
    "many files": (zipped(*((f"{n}.txt", b"x") for n in range(201))), "more than"),
    "a long file": (zipped(("a.txt", b"a" * 1_000_001)), "longer"),
    "a deep archive": (zipped(("a", zipped(("a", zipped(("a", zipped(("a", b"x")))))))), "too deep"),
    "half a zip": (zipped(("a.txt", WORDS))[:60], "cannot be opened"),
    "broken gzip": (gzip.compress(WORDS)[:12] + b"broken", "cannot be opened"),
    "gzip with more behind it": (gzip.compress(WORDS) + gzip.compress(WORDS), "as a whole"),
    "PGP": (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA", "encrypted"),
    "a long text": (b"a" * (MOST_COMPARED + 1), "longer than what is compared"),
}


@pytest.mark.parametrize("kind", UNREAD)
def test_what_cannot_be_looked_into_is_said(kind: str) -> None:
    data, why = UNREAD[kind]
    assert why in look(data).unseen


def test_what_hides_in_a_text_or_behind_it_is_said_too() -> None:
    assert "encrypted" in contents(sent(text="-----BEGIN PGP MESSAGE-----\nhQEMA")).unseen
    assert "longer" in contents(sent(text="a " * (MOST_COMPARED // 2), html="<p>Hello</p>")).unseen
    assert contents(sent(text="Hello", html="<p>Hello</p>")).unseen == ""


def test_what_was_composed_says_the_same_as_its_draft() -> None:
    raw = compose(sent(File("a.zip", "application/zip", zipped(("note.txt", WORDS))), text="One", html="<p>Two</p>"))
    words = words_of_raw(raw)
    assert all(said in words for said in ("Hi", "One", "Two", "a.zip", "note.txt", WORDS.decode()))
    assert words_of_raw(b"") == words_of_raw(b"\0") == ""


@settings(max_examples=60)
@given(
    st.sampled_from([b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"", b"\0" * 257 + b"ustar"]), st.binary()
)
def test_no_file_raises(start: bytes, rest: bytes) -> None:
    look(start + rest)
