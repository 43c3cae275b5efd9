"""Draft in, RFC 5322 bytes out; parse_message reads them back equal. Threading headers are made here, nowhere else.

Written out by hand: the standard library folds some long or odd values into headers that read back differently. The
same Draft always gives the same bytes, so that an approval can be bound to their hash. Nothing in a value can start a
header of its own: what holds a control character is refused, never mended.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from letterlock.errors import InvalidRequest
from letterlock.message.address import Address, shown

_FOLD_AT = 78  # RFC 5322 section 2.1.1: lines should not be longer
_LINE_OCTETS = 998  # and must not be longer than this
_WORD_OCTETS = 75  # RFC 2047 section 2: one encoded word
_CHAIN_ENDS = 20


@dataclass(frozen=True, slots=True)
class File:
    """A file to send along. `content_type` such as image/png."""

    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """What to send. `in_reply_to` is the Message-ID answered (or ""), `references` its chain without that one."""

    sender: Address
    to: tuple[Address, ...]
    subject: str
    text: str
    message_id: str
    date: datetime
    sender_name: str = ""
    html: str = ""
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    files: tuple[File, ...] = ()

    @property
    def recipients(self) -> tuple[Address, ...]:
        """The envelope's recipients: to, cc and bcc, each once, in order."""
        first: dict[str, Address] = {}
        for address in (*self.to, *self.cc, *self.bcc):
            first.setdefault(address.key, address)
        return tuple(first.values())


@dataclass(frozen=True, slots=True)
class ReplyHeaders:
    subject: str
    in_reply_to: str
    references: tuple[str, ...]


# What mail programs put before the subject of an answer, without the colon, lower-cased. Forwards are not among them.
_REPLY_MARKS = frozenset(
    (
        *("re", "aw", "antw", "antwort", "sv", "svar", "vs", "odp", "odpověď", "res", "resp", "r", "rif", "rép", "rep"),
        *(
            "ref",
            "ynt",
            "yan",
            "vá",
            "válasz",
            "atb",
            "bls",
            "bal",
            "trả lời",
            "отв",
            "ответ",
            "отг",
            "на",
            "вiдп",
            "відп",
        ),
        *("απ", "σχετ", "השב", "תגובה", "رد", "回复", "回覆", "答复", "答覆", "返信", "回信", "답장", "회신"),
    )
)
_COUNTER = re.compile(r"[\[(^*]?\d{1,4}[\])]?\Z")
_MARK_CHARACTERS = 16


def reply_headers(subject: str, message_id: str, references: tuple[str, ...]) -> ReplyHeaders:
    """Headers of an answer to a message with these (RFC 5322 section 3.6.4): one "Re: " in any language, chain cut to
    its first and last 20 ids.

    Takes values as parse_message gives them; ids that cannot be written into a header again are left out."""
    title = "".join(c for c in subject if not _forbidden(c)).strip()
    while mark := _reply_mark(title):
        title = title[mark:].lstrip()
    answered = message_id if is_message_id(message_id) else ""
    chain = tuple(dict.fromkeys(i for i in references if i != answered and is_message_id(i)))
    if len(chain) > 2 * _CHAIN_ENDS:
        chain = (*chain[:_CHAIN_ENDS], *chain[-_CHAIN_ENDS:])
    return ReplyHeaders(f"Re: {title}".rstrip(), answered, chain)


_FORWARD_MARKS = frozenset(
    (
        *(
            "fwd",
            "fw",
            "wg",
            "tr",
            "rv",
            "enc",
            "vs",
            "vb",
            "doorst",
            "fs",
            "pd",
            "vl",
            "i",
            "ilt",
            "továbbítás",
            "πρθ",
        ),
        *("转发", "轉寄", "転送", "전달", "переслать", "пер", "הועבר", "تحويل"),
    )
)


def forward_subject(subject: str) -> str:
    """The subject of a forwarded message: one "Fwd: ", whatever marks of answers and forwards it had."""
    title = "".join(c for c in subject if not _forbidden(c)).strip()
    while mark := _reply_mark(title, _REPLY_MARKS | _FORWARD_MARKS):
        title = title[mark:].lstrip()
    return f"Fwd: {title}".rstrip()


def compose(draft: Draft) -> bytes:
    """The message with CRLF line ends, lines of at most 998 octets, no Bcc.

    Raises InvalidRequest on control characters in a header value, on NUL or lone surrogates in a body, on malformed
    ids and where there is no recipient."""
    _check(draft)
    lines = [_mailbox_line("From", (draft.sender,), draft.sender_name)]
    if draft.to:
        lines.append(_mailbox_line("To", draft.to))
    elif not draft.cc:
        # RFC 5322 section 3.6.3: with Bcc alone, an empty group says that there are recipients.
        lines.append("To: undisclosed-recipients:;")
    if draft.cc:
        lines.append(_mailbox_line("Cc", draft.cc))
    lines.append(_text_line("Subject", draft.subject.strip()))
    lines.append(f"Date: {format_datetime(draft.date if draft.date.tzinfo else draft.date.replace(tzinfo=UTC))}")
    lines.append(f"Message-ID: {draft.message_id}")
    if draft.in_reply_to:
        lines.append(_joined("In-Reply-To:", (draft.in_reply_to,), ""))
    if chain := tuple(dict.fromkeys((*draft.references, *((draft.in_reply_to,) if draft.in_reply_to else ())))):
        lines.append(_joined("References:", chain, ""))
    lines.append("MIME-Version: 1.0")
    head = "\r\n".join(lines).encode() + b"\r\n"
    if not draft.html:
        body = _part("plain", draft.text)
    elif not draft.text.strip():
        body = _part("html", draft.html)
    else:
        # RFC 2046 section 5.1.4: the plainest alternative first.
        body = _multipart("alternative", draft.message_id, (_part("plain", draft.text), _part("html", draft.html)))
    if draft.files:
        body = _multipart("mixed", draft.message_id, (body, *map(_file, draft.files)))
    return head + body


def _reply_mark(title: str, marks: frozenset[str] = _REPLY_MARKS) -> int:
    """How long the mark (of an answer) at the start of `title` is, its colon counted in; 0 when there is none."""
    for at, c in enumerate(title[:_MARK_CHARACTERS]):
        if c in ":：":
            word = _COUNTER.sub("", title[:at].strip()).strip().lower()
            return at + 1 if word in marks else 0
    return 0


def _forbidden(character: str) -> bool:
    """Control characters, line and paragraph separators, lone surrogates."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs")


def is_message_id(value: str) -> bool:
    """RFC 5322 section 3.6.4, leniently: something between angle brackets that fits on one line of a header."""
    return (
        3 <= len(value) < _LINE_OCTETS - len("In-Reply-To: ")
        and value[0] == "<"
        and value[-1] == ">"
        and value.isascii()
        and value.isprintable()
        and not any(c in " <>" for c in value[1:-1])
    )


def _check(draft: Draft) -> None:
    values = [
        ("subject", draft.subject),
        ("sender name", draft.sender_name),
        *(("address", str(address)) for address in (draft.sender, *draft.to, *draft.cc, *draft.bcc)),
    ]
    for what, value in values:
        if not value.isprintable() and (bad := next((c for c in value if _forbidden(c)), "")):
            raise InvalidRequest(
                f"The {what} {shown(value)} holds the control character U+{ord(bad):04X}, which no header may hold.",
                next_step="Write it as one line of plain text.",
            )
    for what, value in (("text", draft.text), ("html", draft.html)):
        if "\0" in value:
            raise InvalidRequest(f"The {what} holds a NUL character (U+0000).", next_step="Leave it out.")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(
                f"The {what} holds a lone surrogate at character {error.start}.", next_step="Send valid Unicode text."
            ) from None
    for what, ids in (
        ("Message-ID", (draft.message_id,)),
        ("In-Reply-To id", (draft.in_reply_to,) if draft.in_reply_to else ()),
        ("References id", draft.references),
    ):
        for value in ids:
            if not is_message_id(value):
                raise InvalidRequest(
                    f"The {what} {shown(value)} is not of the form <something@domain>.",
                    next_step="Name the email to answer and leave its ids to us.",
                )
    for file in draft.files:
        _check_file(file)
    if not (draft.to or draft.cc or draft.bcc):
        raise InvalidRequest("There is nobody to send it to.", next_step="Give at least one address in to, cc or bcc.")


_NAME_OCTETS = 180
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)", re.IGNORECASE)
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}", re.IGNORECASE)
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _check_file(file: File) -> None:
    name = file.filename
    if (
        not name
        or len(name.encode("utf-8", "replace")) > _NAME_OCTETS
        or name != name.strip(" .")
        or any(c in '/\\:*?"<>|' or c in _TURNING or _forbidden(c) for c in name)
        or _DEVICE.match(name)
    ):
        raise InvalidRequest(
            f"{shown(name)} cannot be the name of an attachment.",
            next_step="Use a plain file name without folders, such as report.pdf.",
        )
    if not _TYPE.fullmatch(file.content_type) or file.content_type.lower().startswith(("multipart/", "message/")):
        raise InvalidRequest(
            f"{shown(file.content_type)} is no content type for an attachment.",
            next_step="Use one such as application/pdf.",
        )


# ---- headers ---------------------------------------------------------------------------------------------------------

_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]+")


def _mailbox_line(name: str, addresses: tuple[Address, ...], display: str = "") -> str:
    items = [str(address) for address in addresses]
    display = " ".join(display.split())
    if display and display != items[0]:
        # RFC 5322 section 3.4: a display name and the address in angle brackets.
        items[0] = f"{_phrase(display, len(name) + 2)} <{items[0]}>"
    return _joined(f"{name}:", tuple(items), ",")


def _phrase(display: str, indent: int) -> str:
    if not display.isascii() or "=?" in display or len(display) > _FOLD_AT - indent:
        return _encoded_words(display, indent)
    if _PHRASE.fullmatch(display):
        return display
    escaped = display.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text_line(name: str, value: str) -> str:
    """An unstructured field, folded so that unfolding gives `value` again."""
    words = value.split(" ")
    if not value.isascii() or "=?" in value or max(map(len, words)) > _LINE_OCTETS - 100 or "" in words[1:]:
        return f"{name}: {_encoded_words(value, len(name) + 2)}"
    return _joined(f"{name}:", tuple(words), "") if value else f"{name}:"


def _joined(start: str, items: tuple[str, ...], separator: str) -> str:
    """`start` and the items, on lines of at most 78 characters where the items allow it (RFC 5322 section 2.2.3)."""
    lines = [start]
    for number, item in enumerate(items):
        text = f" {item}{separator if number < len(items) - 1 else ''}"
        first_line = text.partition("\r\n")[0]
        length = len(lines[-1]) - lines[-1].rfind("\n") - 1
        # The line of the name itself must hold something: a first line of white space alone is obsolete syntax.
        if number and length + len(first_line) > _FOLD_AT:
            lines.append(text)
        else:
            lines[-1] += text
    return "\r\n".join(lines)


def _encoded_words(value: str, indent: int) -> str:
    """`value` as encoded words in UTF-8, none of them cut inside a character (RFC 2047 sections 2 and 5)."""
    words: list[str] = []
    chunk = b""
    room = _WORD_OCTETS - indent
    for character in value:
        octets = character.encode()
        # Twelve characters of frame; base64 makes four characters of three octets.
        if len(chunk) + len(octets) > max(12, (room - 12) // 4 * 3):
            words.append(f"=?utf-8?b?{base64.b64encode(chunk).decode()}?=")
            chunk, room = b"", _WORD_OCTETS
        chunk += octets
    words.append(f"=?utf-8?b?{base64.b64encode(chunk).decode()}?=")
    return "\r\n ".join(words)


# ---- bodies ----------------------------------------------------------------------------------------------------------


def _part(subtype: str, text: str) -> bytes:
    """One text part: its header, a blank line and its body, which ends in a line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.endswith("\n"):
        text += "\n"
    content = text.replace("\n", "\r\n").encode()
    foreign = sum(map(len, re.findall(rb"[^\x00-\x7f]+", content)))
    if not foreign and _goes_as_it_is(text):
        encoding, body = "7bit", content
    elif foreign * 5 <= len(content):
        encoding, body = "quoted-printable", binascii.b2a_qp(content, istext=True)
        # RFC 2049 section 3: gateways put > before a line that starts with From.
        body = body.replace(b"\r\nFrom ", b"\r\n=46rom ")
        body = b"=46" + body[1:] if body.startswith(b"From ") else body
    else:
        encoding, body = "base64", base64.encodebytes(content).replace(b"\n", b"\r\n")
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + body


def _multipart(subtype: str, message_id: str, parts: tuple[bytes, ...]) -> bytes:
    """A multipart part with its header (RFC 2046 section 5.1)."""
    boundary = _boundary(f"{subtype} {message_id}", parts)
    mark = f"--{boundary}".encode()
    return b"".join(
        (
            f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'.encode(),
            *(piece for part in parts for piece in (mark, b"\r\n", part, b"\r\n")),
            mark,
            b"--\r\n",
        )
    )


def _file(file: File) -> bytes:
    """An attached file. Its name in the form of RFC 2231 and, where it is ASCII, also in the old one."""
    name = file.filename
    if name.isascii():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        old, new = f'name="{quoted}"', f'filename="{quoted}"'
    else:
        # Old clients read encoded words in name=, which RFC 2047 does not allow and everybody does.
        old = f'name="{_encoded_words(name, 10)}"'
        new = f"filename*=utf-8''{quote(name, safe='')}"
    head = (
        f"Content-Type: {file.content_type};\r\n {old}\r\n"
        f"Content-Disposition: attachment;\r\n {new}\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(file.data).replace(b"\n", b"\r\n")


def _goes_as_it_is(text: str) -> bool:
    """ASCII text that no gateway on its way will rewrap, pad or escape."""
    return not any(
        len(line) > _FOLD_AT * 2
        or line.startswith(("From ", "."))
        or (line and (line[-1] in " \t" or not line.isprintable()))
        for line in text.replace("\t", "    ").split("\n")
    )


def _boundary(message_id: str, parts: tuple[bytes, ...]) -> str:
    """A boundary that is in none of the parts (RFC 2046 section 5.1.1), the same for the same message."""
    for attempt in range(1_000):
        digest = hashlib.sha256(b"\0".join((message_id.encode(), b"%d" % attempt, *parts))).hexdigest()
        boundary = f"=_{digest[:32]}"
        if not any(boundary.encode() in part for part in parts):
            return boundary
    raise AssertionError("a thousand hashes of the parts stand in the parts")
