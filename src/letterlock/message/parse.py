"""Bytes in, ParsedMessage out: what an email says, read with mail-parser behind our own caps and repairs.

Never raises anything but UnreadableMessage, whose `reason` is one of UNREADABLE. Pure: no clock, file or socket.
RFC 5322 (format), RFC 2045-2049 and 2231 (MIME), RFC 6532 (UTF-8 headers).

Three steps, each linear in the size of the message: the MIME structure is cut out of the bytes by `_Reader`, which
stops at the first cap it meets; message/decode.py turns what is text into text; mail-parser then reads the mended
message (mailboxes, date, bodies). The structure is not left to the standard library's line by line parser, which
mail-parser starts with: 25 MB of empty lines inside nested parts keep it busy for more than a minute.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from types import MappingProxyType
from typing import Literal

from letterlock.errors import NotFound, UnreadableMessage
from letterlock.message.decode import (
    CONTENT_TYPE,
    EXTENSIONS,
    LINE_TABLE,
    META_CHARSET,
    TOKEN,
    charset_decoded,
    clean_body,
    clean_filename,
    header_text,
    one_line,
    parameters,
    transfer_decoded,
    words_replaced,
)

UNREADABLE: Mapping[str, str] = MappingProxyType(
    {
        "empty": "There is nothing in it: not a single character.",
        "message_too_large": "The message is larger than the limit for one message.",
        "line_too_long": "It has a line longer than any mail program writes.",
        "too_many_headers": "It has more header fields than the limit.",
        "header_too_large": "Its header, or one field of it, is larger than the limit.",
        "too_many_parts": "It has more MIME parts than the limit.",
        "too_deep": "Its MIME parts are nested deeper than the limit.",
        "parser_broke": "Reading it failed in a way that was not foreseen.",
    }
)
"""Why bytes could not be read as an email: code -> sentence for people. A closed list."""

REPAIRS: Mapping[str, str] = MappingProxyType(
    {
        "bare_cr": "Lines end in a bare carriage return.",
        "bare_lf": "Lines end in a bare line feed.",
        "body_cut": "A body is longer than what is read of one part; the rest is left out.",
        "broken_base64": "Base64 with foreign characters, or cut short.",
        "broken_encoded_word": "An encoded word of a header cannot be decoded; it is shown as it stands.",
        "broken_quoted_printable": "Quoted-printable with an = that encodes nothing.",
        "broken_uuencode": "Uuencoded data that is cut short or damaged.",
        "byte_order_mark": "The message starts with a byte order mark.",
        "charset_lie": "Text is not in the charset it declares.",
        "duplicate_header": "A header field that may stand once stands there several times; the first one counts.",
        "encoded_multipart": "A multipart declares a transfer encoding, which RFC 2045 section 6.4 forbids.",
        "guessed_boundary": "The declared boundary is missing or never occurs; the one found in the body is used.",
        "junk_in_header": "Lines that are no header field stand among the header fields.",
        "leading_blank_lines": "Blank lines stand before the header.",
        "long_address_list": "A list of addresses is longer than what is read of one.",
        "mbox_from_line": "A `From ` line of a mailbox file stands among the header fields.",
        "missing_separator": "No blank line parts the header from the body.",
        "no_boundary": "A multipart without any boundary; its body is read as plain text.",
        "no_header": "There is no header at all.",
        "nul_bytes": "NUL characters were taken out.",
        "odd_address": "An address field holds something that is no address.",
        "odd_content_type": "A content type that is none, or an unknown text type shown as plain text.",
        "odd_date": "The date is not written as RFC 5322 wants it.",
        "parser_failed": "mail-parser failed on it; a plainer reader was used.",
        "raw_8bit_header": "A header holds bytes that are neither ASCII nor UTF-8.",
        "text_after_end": "Text stands after the end of the last part; it is left out.",
        "unclosed_multipart": "The end of a multipart is missing: the message may be cut short.",
        "undecodable_bytes": "Some bytes mean nothing in the declared charset and were replaced.",
        "unknown_charset": "The declared charset is unknown.",
        "unknown_transfer_encoding": "The declared transfer encoding is unknown.",
        "utf7_refused": "UTF-7 is not decoded, since it hides markup; the text is shown as it stands.",
    }
)
"""Every code that `ParsedMessage.repairs` may hold -> sentence for people. A closed list."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits checked before the parser sees a byte; over any of them the email is filed unreadable.

    `header_bytes` is for one field; all fields of a message or part together may have four times as much."""

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
    """A name and address as the header claims them: outside text, unverified. `address` is lower-cased in its domain;
    "" when the field holds something else, which then is the name."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attached or inline part. `index` counts from 0 and is stable for the same bytes; `filename` is cleaned
    (basename, no controls)."""

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
    contents: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    """Of each attachment the charset as declared ("" when it is not) and the decoded bytes."""
    written_names: tuple[str, ...] = field(default=(), repr=False)
    """File names as written, where characters nobody sees were taken out of them."""
    repairs: tuple[str, ...] = field(default=())
    """What had to be mended to read it: codes of a closed list, such as `raw_8bit_header`, `unknown_charset`."""

    def header(self, name: str) -> str:
        """The first field of that name (case-insensitive), or ""."""
        name = name.lower()
        size = len(name)
        for key, value in self.headers:
            if len(key) == size and key.lower() == name:
                return value
        return ""


def parse_message(raw: bytes, caps: Caps = Caps()) -> ParsedMessage:
    """What the message in `raw` says, mended where it had to be (`repairs`).

    Raises UnreadableMessage when a cap is exceeded or nothing can be made of the bytes, and nothing else, as long as
    there is memory and mail-parser is installed."""
    try:
        return _parsed(raw, caps)
    except (UnreadableMessage, MemoryError, ImportError):
        raise
    except Exception as error:
        raise _unreadable("parser_broke") from error


def attachment_bytes(raw: bytes, index: int, caps: Caps = Caps()) -> tuple[Attachment, bytes]:
    """The attachment with this `index` (as in ParsedMessage.attachments of the same bytes and caps) and its content.

    Raises NotFound when there is none, UnreadableMessage as parse_message does."""
    try:
        reader = _Reader(raw, caps)
        reader.read()
        found = reader.attachment(index)
    except (UnreadableMessage, MemoryError, ImportError):
        raise
    except Exception as error:
        raise _unreadable("parser_broke") from error
    if found is None:
        raise NotFound(f"The email has no attachment {index}.", next_step="Read the email to see which it has.")
    return found


def _unreadable(reason: str) -> UnreadableMessage:
    return UnreadableMessage(reason, UNREADABLE[reason])


def _parsed(raw: bytes, caps: Caps) -> ParsedMessage:
    reader = _Reader(raw, caps)
    fields = reader.read()
    notes = reader.notes
    once: dict[str, str] = {}
    several: dict[str, list[str]] = {"from": [], "reply-to": [], "to": [], "cc": []}
    for name, value in fields:
        key = name.lower()
        if key in several:
            several[key].append(value)
        if key in once:
            if key in _ONCE:
                notes.add("duplicate_header")
        else:
            once[key] = value
    bodies = reader.bodies()
    try:
        read = _interpret(several, once.get("date", ""), bodies, notes)
    except (MemoryError, ImportError):
        raise
    except Exception:
        notes.add("parser_failed")
        read = _interpret_plainly(several, bodies, notes)
    message_ids = _message_ids(once.get("message-id", ""))
    # RFC 2047 section 5: an encoded word is none in these fields.
    headers = tuple((name, one_line(value) if name.lower() in _IDS else _shown(value, notes)) for name, value in fields)
    attachments = reader.attachments()
    return ParsedMessage(
        headers=headers,
        subject=_shown(once.get("subject", ""), notes),
        from_=read.mailboxes.get("from", ()),
        reply_to=read.mailboxes.get("reply-to", ()),
        to=read.mailboxes.get("to", ()),
        cc=read.mailboxes.get("cc", ()),
        date=_dated(read.date, once.get("date", ""), notes),
        message_id=message_ids[0] if message_ids else "",
        in_reply_to=_message_ids(once.get("in-reply-to", "")),
        references=_message_ids(once.get("references", "")),
        plain=read.plain,
        html=read.html,
        attachments=tuple(described for described, _, _ in attachments),
        written_names=reader.written_names(),
        contents=tuple((charset, content) for _, charset, content in attachments),
        repairs=tuple(sorted(notes)),
    )


def _shown(value: str, notes: set[str]) -> str:
    return one_line(words_replaced(value, notes)) if "=?" in value or not value.isprintable() else value


# ---- mail-parser -----------------------------------------------------------------------------------------------------

_ONCE = frozenset(
    (
        *("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references"),
        *("mime-version", "content-type", "content-transfer-encoding", "content-disposition"),
    )
)
"""RFC 5322 section 3.6 and RFC 2045: at most one of each."""

_IDS = frozenset(("message-id", "in-reply-to", "references"))

_ADDRESS_LIST_CHARS = 30_000
"""What is read of the fields of one name: a thousand recipients. mail-parser needs some 25 us for each."""


@dataclass(frozen=True, slots=True)
class _Interpreted:
    mailboxes: Mapping[str, tuple[Mailbox, ...]] = field(default_factory=dict)
    date: datetime | None = None
    plain: tuple[str, ...] = ()
    html: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Body:
    kind: Literal["plain", "html"]
    text: str


def _interpret(several: Mapping[str, list[str]], date: str, bodies: list[_Body], notes: set[str]) -> _Interpreted:
    """What mail-parser makes of the mended message.

    It gets the fields it is to interpret and the decoded bodies, no trace fields and no attachments: those it would
    decode twice for nothing. Encoded words reach it whole and valid, since a broken one makes it raise."""
    import mailparser
    from mailparser.utils import get_addresses

    lists = {key: _address_lists(values, notes) for key, values in several.items()}
    message = Message()
    for key, values in lists.items():
        if values:
            message[key] = values[0]
    if date:
        message["date"] = date[:500]
    if len(bodies) == 1:
        message["content-type"] = f"text/{bodies[0].kind}"
        message.set_payload(bodies[0].text)
    else:
        message["content-type"] = "multipart/mixed"
        for body in bodies:
            part = Message()
            part["content-type"] = f"text/{body.kind}"
            part.set_payload(body.text)
            message.attach(part)
    mail = mailparser.MailParser(message)

    mailboxes: dict[str, tuple[Mailbox, ...]] = {}
    defects: list[dict[str, object]] = list(mail.address_header_defects)
    for key, values in lists.items():
        # `mail.to` and its sisters answer for the first field of a name; a sender may have written more of them.
        pairs: list[tuple[str, str]] = list(getattr(mail, key.replace("-", "_")) or ()) if values else []
        for value in values[1:]:
            more: list[dict[str, object]] = []
            pairs += get_addresses(value, defects=more, decode_names=True)
            defects += [{**defect, "header": key} for defect in more]
        found = [_mailbox(name, address) for name, address in pairs if address]
        for defect in defects:
            if defect["header"] == key and not defect["recovered"]:
                notes.add("odd_address")
                if text := one_line(words_replaced(str(defect["raw"]), notes)).strip(" ,"):
                    found.append(Mailbox(text, ""))
        mailboxes[key] = tuple(found)
    return _Interpreted(mailboxes, mail.date, tuple(mail.text_plain), tuple(mail.text_html))


def _interpret_plainly(several: Mapping[str, list[str]], bodies: list[_Body], notes: set[str]) -> _Interpreted:
    """The same with the standard library alone, for what mail-parser raises on."""
    mailboxes = {}
    for key, values in several.items():
        found = []
        for value in _address_lists(values, notes):
            try:
                pairs = getaddresses([value])
            except (RecursionError, ValueError, IndexError, TypeError):
                pairs = [(value, "")]
            found += [
                _mailbox(words_replaced(name, notes), address if "@" in address else "") for name, address in pairs
            ]
        mailboxes[key] = tuple(found)
    return _Interpreted(
        mailboxes,
        None,
        tuple(body.text for body in bodies if body.kind == "plain"),
        tuple(body.text for body in bodies if body.kind == "html"),
    )


def _address_lists(values: list[str], notes: set[str]) -> list[str]:
    """The fields of one name, fit for mail-parser, together no longer than _ADDRESS_LIST_CHARS."""
    lists: list[str] = []
    room = _ADDRESS_LIST_CHARS
    for value in values:
        if len(value) > room:
            notes.add("long_address_list")
            cut = value.rfind(",", 0, room)
            value = value[: cut if cut > 0 else room]
        room -= len(value)
        if "=?" in value:
            value = _words_mended(value, notes)
        lists.append(value if value.isprintable() else value.translate(LINE_TABLE))
    return lists


def _words_mended(value: str, notes: set[str]) -> str:
    """`value` with the encoded words of its display names made valid, and no other character touched: as a part of an
    address, something like an encoded word is none (RFC 2047 section 5)."""
    out: list[str] = []
    position = 0
    while position < len(value):
        quote = value.find('"', position)
        quote = len(value) if quote < 0 else quote
        out.append(words_replaced(value[position:quote], notes, _as_encoded_word, whole=True))
        end = quote + 1
        while end < len(value) and value[end] != '"':
            end += 2 if value[end] == "\\" else 1
        position = end + 1
        quoted = value[quote:position]
        if "=?" in quoted and value[position : position + 1] not in ("@", "."):
            # Some programs put encoded words in quotation marks; mail clients show such names decoded all the same.
            quoted = _as_encoded_word(words_replaced(quoted.strip('"'), notes))
        out.append(quoted)
    return "".join(out)


def _as_encoded_word(text: str) -> str:
    # Spaces around it: RFC 2047 section 5 wants them, and mail-parser leaves a word without them as it stands. It does
    # so with decoded control characters too.
    octets = one_line(text).encode("utf-8", "replace")
    return f" =?utf-8?b?{binascii.b2a_base64(octets, newline=False).decode('ascii')}?= "


def _mailbox(name: str, address: str) -> Mailbox:
    local, at, domain = one_line(address).rpartition("@")
    return Mailbox(" ".join(one_line(name).split()), f"{local}{at}{domain.lower()}")


def _dated(date: datetime | None, value: str, notes: set[str]) -> datetime | None:
    """`date` in UTC, or what the more lenient reader of the standard library sees in `value`; None for absurd years."""
    if date is None and value:
        notes.add("odd_date")
        try:
            date = parsedate_to_datetime(value[:200])
        except (ValueError, TypeError, IndexError, OverflowError):
            try:
                date = datetime.fromisoformat(value[:200])
            except ValueError:
                return None
    if date is None:
        return None
    try:
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # No mail is older than the epoch; a date beyond the next century is a sorting trick.
    if not 1970 <= date.year < 2200:
        notes.add("odd_date")
        return None
    return date


_MESSAGE_ID_CHARS = 998
_MESSAGE_IDS = 100


def _message_ids(value: str) -> tuple[str, ...]:
    """Every <id> in `value` (RFC 5322 section 3.6.4), each once; of more than 100 the first and the last 99."""
    ids: dict[str, None] = {}
    position = 0
    while (start := value.find("<", position)) >= 0 and (end := value.find(">", start)) >= 0:
        # An id left open is dropped where the next one starts.
        start = value.rfind("<", start, end)
        # Mail programs fold long ids although they must not; no id holds white space.
        inner = "".join(one_line(value[start + 1 : end]).split())
        if inner and len(inner) + 2 <= _MESSAGE_ID_CHARS:
            ids[f"<{inner}>"] = None
        position = end + 1
    found = tuple(ids)
    return found if len(found) <= _MESSAGE_IDS else (found[0], *found[1 - _MESSAGE_IDS :])


# ---- structure -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One part that holds no other parts: where its body stands in the bytes, and what its header says of it."""

    start: int
    end: int
    content_type: str
    charset: str
    encoding: str
    filename: str
    body: Literal["plain", "html", ""]
    inline: bool
    content_id: str


_WRITTEN_CHARS = 2_000
_WRITTEN_NAMES = 200


def _unseen(character: str) -> bool:
    return unicodedata.category(character)[0] == "C" or "VARIATION SELECTOR" in unicodedata.name(character, "")


# RFC 5322 section 3.6.8: a field name is printable ASCII without the colon. Obsolete syntax has blanks before it.
_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_KNOWN_FIELD = re.compile(
    rb"(?:content-[a-z-]{1,40}|mime-version|from|to|cc|subject|date|message-id|reply-to|received|references)[ \t]*:",
    re.I,
)


class _Reader:
    """Cuts the MIME structure out of the bytes in one pass for each level of nesting, never more than the caps allow.

    `read()` gives the fields of the top header and leaves the parts in `leaves`, what was mended in `notes`."""

    def __init__(self, raw: bytes, caps: Caps) -> None:
        if len(raw) > caps.message_bytes:
            raise _unreadable("message_too_large")
        self.caps = caps
        self.notes: set[str] = set()
        self.leaves: list[_Leaf] = []
        self.parts = 0
        self.lines_like_delimiters = 0
        self.data = self._with_line_feeds(bytes(raw))
        self._check_lines()

    def read(self) -> list[tuple[str, str]]:
        data = self.data
        start = 0
        if data.startswith(b"\xef\xbb\xbf"):
            self.notes.add("byte_order_mark")
            start = 3
        if not data[start:].strip(b"\0 \t\r\n"):
            raise _unreadable("empty")
        if blank := len(data) - start - len(data[start:].lstrip(b"\r\n")):
            self.notes.add("leading_blank_lines")
            start += blank
        fields, body = self._header(start, len(data))
        if not fields:
            self.notes.discard("missing_separator")
            self.notes.add("no_header")
        self._part(fields, body, len(data), depth=0, default="text/plain", attached=False)
        return fields

    def bodies(self) -> list[_Body]:
        return [_Body(leaf.body, self._body_text(leaf)) for leaf in self.leaves if leaf.body]

    def attachments(self) -> list[tuple[Attachment, str, bytes]]:
        """Each with its charset and content."""
        leaves = [leaf for leaf in self.leaves if not leaf.body]
        return [
            (described, leaf.charset, content)
            for index, leaf in enumerate(leaves)
            for described, content in (self._described(index, leaf),)
        ]

    def written_names(self) -> tuple[str, ...]:
        names = (leaf.filename[:_WRITTEN_CHARS] for leaf in self.leaves)
        return tuple(name for name in names if not name.isascii() and any(map(_unseen, name)))[:_WRITTEN_NAMES]

    def attachment(self, index: int) -> tuple[Attachment, bytes] | None:
        leaves = [leaf for leaf in self.leaves if not leaf.body]
        return self._described(index, leaves[index]) if 0 <= index < len(leaves) else None

    def _described(self, index: int, leaf: _Leaf) -> tuple[Attachment, bytes]:
        content = transfer_decoded(self.data[leaf.start : leaf.end], leaf.encoding, self.notes)
        filename = clean_filename(leaf.filename) or f"attachment-{index + 1}{EXTENSIONS.get(leaf.content_type, '.bin')}"
        digest = hashlib.sha256(content).hexdigest()
        described = Attachment(index, filename, leaf.content_type, len(content), digest, leaf.inline, leaf.content_id)
        return described, content

    def _body_text(self, leaf: _Leaf) -> str:
        caps, notes = self.caps, self.notes
        content = transfer_decoded(self.data[leaf.start : leaf.end], leaf.encoding, notes)
        # Four octets are the most that one character takes in any charset known here.
        limit = caps.html_bytes if leaf.body == "html" else caps.text_chars * 4
        if len(content) > limit:
            notes.add("body_cut")
            # At a line end if there is one, so that no character is cut in two.
            newline = content.rfind(b"\n", limit - 10_000 if limit > 10_000 else 0, limit)
            content = content[: newline + 1 if newline >= 0 else limit]
        charset = leaf.charset
        if leaf.body == "html" and not charset and (match := META_CHARSET.search(content, 0, 2_048)):
            charset = match[1].decode("ascii")
        text = clean_body(charset_decoded(content, charset, notes), notes)
        if len(text) > caps.text_chars and leaf.body == "plain":
            notes.add("body_cut")
            text = text[: caps.text_chars]
        return text

    def _with_line_feeds(self, data: bytes) -> bytes:
        """RFC 5322 section 2.1: lines end in CRLF. Files on disk have LF, very old ones CR alone."""
        pairs, feeds, returns = data.count(b"\r\n"), data.count(b"\n"), data.count(b"\r")
        if feeds > pairs:
            self.notes.add("bare_lf")
        if returns > pairs:
            self.notes.add("bare_cr")
            if not feeds:
                return data.replace(b"\r", b"\n")
        return data

    def _check_lines(self) -> None:
        data, limit = self.data, self.caps.line_bytes
        position = 0
        while len(data) - position > limit:
            newline = data.rfind(b"\n", position, position + limit + 1)
            if newline < 0:
                raise _unreadable("line_too_long")
            position = newline + 1

    def _header(self, start: int, end: int) -> tuple[list[tuple[str, str]], int]:
        """The fields of the header that starts at `start`, in order, unfolded; and where the body starts."""
        data, caps, notes = self.data, self.caps, self.notes
        fields: list[tuple[str, str]] = []
        name, lines, size = "", list[bytes](), 0
        position = start

        def add() -> None:
            if name:
                # RFC 5322 section 2.2.3: unfolding takes the line ends out and leaves the white space.
                fields.append((name, header_text(b"".join(lines), notes)))
                if len(fields) > caps.headers:
                    raise _unreadable("too_many_headers")

        while position < end:
            newline = data.find(b"\n", position, end)
            after = end if newline < 0 else newline + 1
            if after - start > 4 * caps.header_bytes and len(fields) + bool(name):
                raise _unreadable("header_too_large")
            line = data[position : end if newline < 0 else newline].rstrip(b"\r")
            if not line:
                position = after
                break
            if line[0] in b" \t":
                if name:
                    lines.append(line)
                    size += len(line)
                elif line.strip():
                    notes.add("missing_separator")
                    break
            elif match := _FIELD.match(line):
                add()
                name = match[1].decode("ascii")
                lines, size = [line[match.end() :]], len(line)
            elif line.startswith((b"From ", b">From ")):
                notes.add("mbox_from_line")
            elif (name or fields) and _KNOWN_FIELD.match(data, after, end):
                # One stray line with a well-known field right below it: most mail clients skip it and read on.
                notes.add("junk_in_header")
            else:
                notes.add("missing_separator")
                break
            if size > caps.header_bytes:
                raise _unreadable("header_too_large")
            position = after
        add()
        return fields, position

    def _part(
        self, fields: Iterable[tuple[str, str]], start: int, end: int, depth: int, default: str, attached: bool
    ) -> None:
        """File the part with these header fields and the body data[start:end]; `attached`: within an attached one."""
        self.parts += 1
        if self.parts > self.caps.parts:
            raise _unreadable("too_many_parts")
        if depth > self.caps.depth:
            raise _unreadable("too_deep")
        content: dict[str, str] = {}
        for name, value in fields:
            key = name.lower()
            if key.startswith("content-"):
                if key in content and depth:
                    self.notes.add("duplicate_header")
                content.setdefault(key, value)
        content_type, given = parameters(content.get("content-type", default), self.notes)
        if not CONTENT_TYPE.fullmatch(content_type):
            # RFC 2045 section 5.2: what has no valid content type is plain text.
            self.notes.add("odd_content_type")
            content_type = "text/plain"
        disposition, more = parameters(content.get("content-disposition", ""), self.notes)
        encoding = "".join(TOKEN.findall(content.get("content-transfer-encoding", ""))[:1]).lower()
        # RFC 2183 section 2.8: a disposition nobody knows is an attachment.
        is_attached = attached or disposition not in ("", "inline")
        if content_type.startswith("multipart/"):
            if encoding not in ("", "7bit", "8bit", "binary"):
                self.notes.add("encoded_multipart")
            ranges = self._split(start, end, given.get("boundary", ""))
            if ranges is not None:
                # RFC 2046 section 5.1.5: parts of a digest are messages unless they say otherwise.
                inner = "message/rfc822" if content_type == "multipart/digest" else "text/plain"
                for part_start, part_end in ranges:
                    part_fields, part_body = self._header(part_start, part_end)
                    self._part(part_fields, part_body, part_end, depth + 1, inner, is_attached)
                return
            self.notes.add("no_boundary")
            content_type, encoding = "text/plain", ""
        filename = more.get("filename") or given.get("name", "")
        content_id = "".join(one_line(content.get("content-id", "")).split()).strip("<>")
        body: Literal["plain", "html", ""] = ""
        # A named part without a disposition is a file, unless it is all there is.
        if not is_attached and (not filename or disposition == "inline" or depth == 0):
            if content_type == "text/html":
                body = "html"
            elif content_type == "text/plain":
                body = "plain"
            elif depth == 0 and content_type.startswith("text/") and content_type not in EXTENSIONS:
                # RFC 2046 section 4.1.4: text of an unknown kind is shown as plain text.
                self.notes.add("odd_content_type")
                body = "plain"
        inline = not body and not is_attached and (disposition == "inline" or bool(content_id))
        charset = given.get("charset", "")
        self.leaves.append(
            _Leaf(start, end, content_type, charset, encoding, filename, body, inline, content_id[:_MESSAGE_ID_CHARS])
        )

    def _split(self, start: int, end: int, declared: str) -> list[tuple[int, int]] | None:
        """Where the parts of the multipart body data[start:end] stand; None when there is no boundary in it."""
        boundary = declared.rstrip().encode("utf-8", "replace")
        found = self._cut(start, end, boundary) if boundary else None
        if found is None and (guess := self._guess_boundary(start, end)):
            found = self._cut(start, end, guess)
            if found is not None:
                self.notes.add("guessed_boundary")
        return found

    def _cut(self, start: int, end: int, boundary: bytes) -> list[tuple[int, int]] | None:
        """RFC 2046 section 5.1.1: a delimiter is a line of its own, and the line end before it belongs to it."""
        data = self.data
        mark = b"--" + boundary
        ranges: list[tuple[int, int]] = []
        opened = -1
        at = start if data.startswith(mark, start, end) else _after_newline(data, mark, start, end)
        while at >= 0:
            newline = data.find(b"\n", at + len(mark), end)
            line_end = end if newline < 0 else newline
            rest = data[at + len(mark) : line_end].strip(b" \t\r")
            self.lines_like_delimiters += 1
            if self.lines_like_delimiters > 50 * self.caps.parts:
                raise _unreadable("too_many_parts")
            if rest in (b"", b"--"):
                if opened >= 0:
                    ranges.append((opened, max(opened, _before_line_end(data, at))))
                    if len(ranges) + self.parts > self.caps.parts:
                        raise _unreadable("too_many_parts")
                opened = min(line_end + 1, end)
                if rest:
                    if data[opened:end].strip(b" \t\r\n\0"):
                        self.notes.add("text_after_end")
                    return ranges
            at = _after_newline(data, mark, line_end, end)
        if opened < 0:
            return None
        self.notes.add("unclosed_multipart")
        ranges.append((opened, end))
        return ranges

    def _guess_boundary(self, start: int, end: int) -> bytes:
        """The first line that starts with two hyphens and is followed by a content field, without the hyphens."""
        data = self.data
        at = start if data.startswith(b"--", start, end) else _after_newline(data, b"--", start, end)
        for _ in range(50):
            if at < 0:
                break
            newline = data.find(b"\n", at, end)
            if newline < 0:
                break
            guess = data[at + 2 : min(newline, at + 300)].strip(b" \t\r")
            if guess and data[newline + 1 : newline + 9].lower() == b"content-":
                return guess
            at = _after_newline(data, b"--", newline, end)
        return b""


def _after_newline(data: bytes, mark: bytes, start: int, end: int) -> int:
    """Where `mark` stands at the beginning of a line, from the line end at or after `start` on; -1 when nowhere."""
    found = data.find(b"\n" + mark, start, end)
    return found + 1 if found >= 0 else -1


def _before_line_end(data: bytes, position: int) -> int:
    """`position`, the start of a line, moved back over the line end before it."""
    if data[position - 1 : position] == b"\n":
        position -= 1
        if data[position - 1 : position] == b"\r":
            position -= 1
    return position
