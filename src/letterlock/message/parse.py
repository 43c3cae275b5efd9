"""Bytes in, ParsedMessage out: what an email says, read with mail-parser behind our own caps and repairs.

Never raises anything but UnreadableMessage, whose `reason` is one of UNREADABLE. Pure: no clock, file or socket.
RFC 5322 (format), RFC 2045-2049 and 2231 (MIME), RFC 6532 (UTF-8 headers).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from letterlock.errors import UnreadableMessage

UNREADABLE: Mapping[str, str] = MappingProxyType(
    {
        "message_too_large": "The message is larger than the limit.",
        "not_an_email": "The bytes cannot be read as an email.",
    }
)


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


def parse_message(raw: bytes, caps: Caps = Caps()) -> ParsedMessage:
    """Read `raw`; raises UnreadableMessage only."""
    import mailparser

    if len(raw) > caps.message_bytes:
        raise UnreadableMessage("message_too_large", UNREADABLE["message_too_large"])
    try:
        mail = mailparser.parse_from_bytes(raw)
        date = mail.date
        attachments = []
        for index, part in enumerate(p for p in mail.message.walk() if p.get_content_disposition() == "attachment"):
            content = part.get_payload(decode=True) or b""
            attachments.append(
                Attachment(
                    index,
                    part.get_filename() or f"attachment-{index + 1}",
                    part.get_content_type(),
                    len(content),
                    hashlib.sha256(content).hexdigest(),
                )
            )
        return ParsedMessage(
            headers=tuple((name, str(value)) for name, value in mail.message.items()),
            subject=mail.subject or "",
            from_=_mailboxes(mail.from_),
            reply_to=_mailboxes(mail.reply_to),
            to=_mailboxes(mail.to),
            cc=_mailboxes(mail.cc),
            date=date.replace(tzinfo=UTC) if date else None,
            message_id=next(iter(_ids(mail.message.get("Message-ID"))), ""),
            in_reply_to=_ids(mail.message.get("In-Reply-To")),
            references=_ids(mail.message.get("References")),
            plain=tuple(mail.text_plain),
            html=tuple(mail.text_html),
            attachments=tuple(attachments),
        )
    except Exception as error:
        raise UnreadableMessage("not_an_email", UNREADABLE["not_an_email"]) from error


def _mailboxes(pairs: list[tuple[str, str]]) -> tuple[Mailbox, ...]:
    return tuple(Mailbox(name, address) for name, address in pairs or [])


def _ids(value: object) -> tuple[str, ...]:
    return tuple(re.findall(r"<[^<>\s]{1,996}>", str(value or "")))
