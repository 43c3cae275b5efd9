"""Bytes in, ParsedMessage out: what an email says, read with mail-parser behind our own caps and repairs.

Never raises anything but UnreadableMessage, whose `reason` is one of UNREADABLE. Pure: no clock, file or socket.
RFC 5322 (format), RFC 2045-2049 and 2231 (MIME), RFC 6532 (UTF-8 headers).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits checked before the parser sees a byte; over any of them the email is filed unreadable."""

    message_bytes: int = 26_214_400
    parts: int = 200
    depth: int = 20
    headers: int = 1_000
    header_bytes: int = 100_000
    line_bytes: int = 1_000_000
    # What is rendered and screened of one part; the rest is reported as cut, never silently dropped.
    html_bytes: int = 2_000_000
    text_chars: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and address as the header claims them: outside text, unverified. `address` is lower-cased in its domain."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attached or inline part. `index` is stable for the same bytes; `filename` is cleaned (basename, no controls)."""

    index: int
    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool = False
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """What the message says. Every string is decoded to Unicode, free of NUL and lone surrogates, and untrusted."""

    headers: tuple[tuple[str, str], ...] = ()
    """All header fields in order, names as written, values unfolded and decoded (RFC 2047)."""
    subject: str = ""
    from_: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    date: datetime | None = None
    message_id: str = ""
    """With its angle brackets, as written; "" when missing or malformed."""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    """text/plain bodies that are not attachments, in order."""
    html: tuple[str, ...] = ()
    """text/html bodies that are not attachments, in order."""
    attachments: tuple[Attachment, ...] = ()
    repairs: tuple[str, ...] = field(default=())
    """What had to be mended to read it: codes of a closed list, such as `raw_8bit_header`, `unknown_charset`."""

    def header(self, name: str) -> str:
        """The first field of that name (case-insensitive), or ""."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), "")
