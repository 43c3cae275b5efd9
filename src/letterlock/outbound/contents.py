"""All that can be read in an email that is about to leave, and what of it nobody can look into.

Never raises. Files are read as text in any charset, archives (zip, tar, gzip, bzip2, xz) and documents made of XML are
opened; how much of all is bounded. Pictures, sound and film say nothing here. Anything else is named as not looked
into: locked and unknown archives, PDF, what is encrypted, what is longer than what is compared.
"""

from __future__ import annotations

import bz2
import codecs
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from letterlock.carried import MOST_COMPARED
from letterlock.errors import UnreadableMessage
from letterlock.message.characters import clean
from letterlock.message.compose import Draft, File
from letterlock.message.markdown import text_of
from letterlock.message.parse import parse_message
from letterlock.patterns import on_demand

_MOST_BYTES: Final = 1_000_000
"""Of each file, and of each that is packed in one."""
_MOST_UNPACKED: Final = 10_000_000
"""Of all that is packed in one file."""
_MOST_PACKED: Final = 200
_MOST_OF_MAIL: Final = 30_000_000
_MOST_OF_MAIL_UNPACKED: Final = 60_000_000
"""The same where time is of no matter."""
_PRINTED: Final = on_demand(r"[ -~\u00a1-\ufffc]{8,}")
"""What can be read in a file that is no text."""
_DEPTH: Final = 3
_SAMPLE: Final = 20_000
_MOST_STRANGE: Final = 0.1
"""Of a text: letters that cannot be read."""
_STRANGE: Final = on_demand("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")
_SHOWS: Final = (
    *(b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF"),
    *(b"OggS", b"ID3", b"fLaC", b"\0\0\1\0", b"wOFF", b"wOF2", b"\x1aE\xdf\xa3"),
)
"""How pictures, sound, film and fonts begin."""
_CIPHER: Final = on_demand(
    rb"-----BEGIN (?:PGP MESSAGE|PKCS7|CMS|AGE ENCRYPTED FILE)|\A(?:age-encryption\.org/|Salted__)"
)
_BROKEN: Final = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(RuntimeError, ValueError, OSError, EOFError, NotImplementedError),
)


class _Stream(Protocol):
    """What undoes gzip, bzip2 and xz."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


_UNPACKERS: Final[tuple[tuple[bytes, Callable[[], _Stream]], ...]] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(31)),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(memlimit=100_000_000)),
)


@dataclass(frozen=True, slots=True)
class Contents:
    """`words`: all that can be read, in its HTML as it is written and as it is shown. `unseen`: a part that cannot be
    looked into, as the beginning of a sentence; "" when there is none."""

    words: str
    unseen: str = ""


def contents(draft: Draft) -> Contents:
    """What an email says, its files too."""
    shown = text_of(draft.html) if draft.html else ""
    looks = [_look(file) for file in draft.files]
    # The name of an inbox is chosen by its agent too.
    name = str(draft.sender).rpartition("@")[0]
    said = [draft.subject, draft.text, draft.sender_name, name, name.replace("-", " "), shown, draft.html]
    words = "\n".join((*said, *(look.words for look in looks)))
    unseen = next((look.unseen for look in looks if look.unseen), "")
    if not unseen and _CIPHER.search(f"{draft.text}\n{draft.html}".encode("utf-8", "replace")):
        unseen = "a part of it is encrypted"
    if not unseen and len(words) > MOST_COMPARED:
        unseen = "it is longer than what is compared with the mail that was read"
    return Contents(words, unseen)


def words_of_raw(raw: bytes) -> str:
    """What an email says that was composed here."""
    try:
        parsed = parse_message(raw)
    except UnreadableMessage:
        return ""
    files = (File(one.filename, "", data) for one, (_, data) in zip(parsed.attachments, parsed.contents, strict=True))
    shown = (text_of(html) for html in parsed.html)
    return "\n".join((parsed.subject, *parsed.plain, *shown, *(_look(file).words for file in files)))


def everything(raw: bytes, depth: int = _DEPTH) -> tuple[Contents, ...]:
    """What an email says whoever wrote it, and then each of its files: heads, texts and HTML as they are written, names
    and all that can be read in files, of any length that mail may have. `unseen` in the first one: all of it."""
    try:
        parsed = parse_message(raw)
    except UnreadableMessage:
        return (Contents("", "it cannot be read"),)
    heads = (f"{name}: {value}" for name, value in parsed.headers)
    found = [Contents("\n".join((*heads, *parsed.plain, *parsed.html)))]
    for one, (_, data) in zip(parsed.attachments, parsed.contents, strict=True):
        if one.content_type == "message/rfc822" and depth > 0:
            inner = everything(data, depth - 1)
            unseen = next((part.unseen for part in inner if part.unseen), "")
            found.append(Contents("\n".join((one.filename, *(part.words for part in inner))), unseen))
        else:
            found.append(_look(File(one.filename, "", data), _Inside(_MOST_OF_MAIL, _MOST_OF_MAIL_UNPACKED)))
    return tuple(found)


def _look(file: File, inside: _Inside | None = None) -> Contents:
    inside = inside or _Inside()
    said = "\n".join((file.filename, *inside.texts(file.filename, file.data, _DEPTH)))
    return Contents(said, f"its file {clean(file.filename).text[:80]} {inside.unseen}" if inside.unseen else "")


class _Inside:
    """One look into a file and what is packed in it."""

    def __init__(self, most: int = _MOST_BYTES, unpacked: int = _MOST_UNPACKED) -> None:
        self.unseen = ""
        self._members = _MOST_PACKED
        self._most = most
        self._room = unpacked

    def texts(self, name: str, data: bytes, depth: int) -> Iterator[str]:
        if len(data) > self._most:
            self._miss("is longer than what is looked into")
            data = data[: self._most]
        self._room -= len(data)
        text = _decoded(data)
        is_text = _is_text(text)
        if not is_text:
            yield "\n".join(_PRINTED.findall(text))
        elif depth < _DEPTH and text.lstrip().startswith("<"):
            # Documents of office programs.
            yield re.sub("<[^<>]*>", "", text)
        else:
            yield text
        try:
            yield from self._opened(name, data, is_text, depth)
        except _BROKEN:
            self._miss("cannot be opened")

    def _opened(self, name: str, data: bytes, is_text: bool, depth: int) -> Iterator[str]:
        packed = data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"))
        if depth == 0 and packed:
            self._miss("holds archives within archives too deep to look into")
        elif data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from self._zip(data, depth)
        elif packed:
            stream: _Stream = next(make for start, make in _UNPACKERS if data.startswith(start))()
            content = stream.decompress(data, self._most + 1)
            if stream.unused_data or not (stream.eof or len(content) > self._most):
                self._miss("cannot be opened as a whole")
            yield from self.texts(name, content, depth - 1)
        elif data[257:262] == b"ustar":
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                for entry in archive:
                    opened = archive.extractfile(entry)
                    if self._counts() and opened is not None:
                        yield entry.name
                        yield from self.texts(entry.name, opened.read(self._most + 1), depth - 1)
        elif _CIPHER.search(data):
            self._miss("is encrypted")
        elif data.startswith(b"%PDF"):
            self._miss("is a PDF, which is not looked into here")
        elif not data.startswith(_SHOWS) and data[4:8] != b"ftyp" and not is_text:
            self._miss("is of a kind that cannot be looked into")

    def _zip(self, data: bytes, depth: int) -> Iterator[str]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                if not self._counts():
                    return
                yield member.filename
                if member.flag_bits & 1:
                    self._miss("is locked with a password")
                elif not member.is_dir():
                    with archive.open(member) as opened:
                        yield from self.texts(member.filename, opened.read(self._most + 1), depth - 1)

    def _counts(self) -> bool:
        self._members -= 1
        room = self._members >= 0 and self._room >= 0
        if not room:
            self._miss("holds more than is looked into")
        return room

    def _miss(self, why: str) -> None:
        self.unseen = self.unseen or why


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.replace(b"\0", b"").decode("utf-8", "replace")


def _is_text(text: str) -> bool:
    return len(_STRANGE.findall(text[:_SAMPLE])) <= _MOST_STRANGE * len(text[:_SAMPLE])
