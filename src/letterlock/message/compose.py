"""Draft in, RFC 5322 bytes out; parse_message reads them back equal. Threading headers are made here, nowhere else.

Written out by hand: the standard library folds some long or odd values into headers that read back differently. The
same Draft always gives the same bytes, so that an approval can be bound to their hash. Nothing in a value can start a
header of its own: what holds a control character is refused, never mended. HTML goes out with a plain text beside it,
and only when message/markdown.py finds nothing in it that may not be sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import mimetypes
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final, Literal, get_args
from urllib.parse import quote

from letterlock.errors import InvalidRequest
from letterlock.message.address import Address, shown
from letterlock.message.markdown import check_html, text_of
from letterlock.message.sheets import names
from letterlock.patterns import on_demand

_FOLD_AT = 78  # RFC 5322 section 2.1.1: lines should not be longer
_LINE_OCTETS = 998  # and must not be longer than this
_WORD_OCTETS = 75  # RFC 2047 section 2: one encoded word
_CHAIN_ENDS = 20


@dataclass(frozen=True, slots=True)
class File:
    """A file to send along. `content_type` such as image/png; "" takes what the name says. A message/rfc822 goes out as
    the message it is, where mail can carry it so.

    `charset` of a text, as declared; "" when unknown. With a `content_id` it is a picture that the HTML shows by
    <img src="cid:CONTENT_ID">, else a file of its own."""

    filename: str
    content_type: str
    data: bytes
    charset: str = ""
    content_id: str = ""


Automatic = Literal["", "auto-replied", "auto-generated"]
FILLINGS: Final = "X-Letterlock-Secrets"
"""The field that names what filling.py writes into an email on its way; it never leaves."""


@dataclass(frozen=True, slots=True)
class Filling:
    """A secret of the vault that the text names in place of its value, and the print that the value must have."""

    secret_id: str
    print: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What to send. `in_reply_to` is the Message-ID answered (or ""), `references` its chain without that one.

    HTML without a text gets one made from it. `automatic`: no person or agent chose to send it; it answers an email, or
    answers nothing (RFC 3834 section 5)."""

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
    automatic: Automatic = ""
    mailbox: Address | None = None
    """The mailbox it leaves by: it stands in From then, and the sender in Reply-To."""
    fillings: tuple[Filling, ...] = ()

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


# What mail programs put before the subject of an answer or a forward, without the colon, lower-cased.
_MARKS: Final = names(
    # Answers.
    "re ré réf rép rep réponse res resp respuesta resposta r rif risposta aw antw antwort antwoord beantw sv svar "
    "svara vs vastaus vast atb atbilde atsakymas odp odpowiedź odpověď odg odgovor отг отговор отв ответ на ha вiдп "
    "відп відповідь ynt yan yanıt vá válasz rsp răsp răspuns απ απάντηση σχετ bls bal balas balasan jwb "
    "השב תגובה רד رد الرد پاسخ जवाब उत्तर ตอบ ตอบกลับ 回复 回覆 回復 答复 答覆 返信 回信 返 답장 회신 답변 "
    # Forwards.
    "fwd fw wg weitergeleitet weiterl tr transf transféré rv rnv reenv reenviado enc encaminhado i inoltra inoltrato "
    "doorst doorgest doorgestuurd vb vbs vl videresendt vidarebefordrat fs välitetty pd podaj przek przekazano "
    "přeposlat přeposláno přep preposlané pārs pārsūtīts persiųsta edasi edastatud továbbítás tov továbbítva ilt "
    "yönl iletildi redirecționat proslijeđeno posredovano πρθ προωθ προώθηση пер переслать переадр препр "
    "пренасочено перасл trs teruskan terusan הועבר העבר تحويل محول بازارسال अग्रेषित ส่งต่อ 转发 轉寄 轉發 轉送 転送 "
    "전달"
) | {"trả lời", "chuyển tiếp", "إعادة توجيه", "إعادة التوجيه", "ตอบ กลับ"}
_COUNTER = on_demand(r"[\[(^*]?\d{1,4}[\])]?\Z")
_MARK_CHARACTERS = 20
_SUBJECT_CHARACTERS = 255
# More than any subject; further marks than stand in so many characters are not looked for.
_SUBJECT_READ = 4_000
_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def reply_headers(
    subject: str, message_id: str, references: tuple[str, ...], in_reply_to: tuple[str, ...] = ()
) -> ReplyHeaders:
    """Headers of an answer to a message with these (RFC 5322 section 3.6.4): one "Re: " in place of all marks of any
    language, chain cut to its first and last 20 ids.

    Takes values as parse_message gives them; ids that cannot be written into a header again are left out."""
    answered = message_id if is_message_id(message_id) else ""
    # RFC 5322 section 3.6.4: without References, the one id that the message itself answers.
    earlier = references or (in_reply_to if len(in_reply_to) == 1 else ())
    chain = tuple(dict.fromkeys(i for i in earlier if i != answered and is_message_id(i)))
    if len(chain) > 2 * _CHAIN_ENDS:
        chain = (*chain[:_CHAIN_ENDS], *chain[-_CHAIN_ENDS:])
    return ReplyHeaders(_marked("Re:", subject), answered, chain)


def forward_subject(subject: str) -> str:
    """The subject of a forwarded message: one "Fwd: ", whatever marks of answers and forwards it had."""
    return _marked("Fwd:", subject)


def _marked(mark: str, subject: str) -> str:
    """`mark` and what the subject says, in one line of at most 255 characters."""
    title = "".join(" " if c == "\t" else c for c in subject[:_SUBJECT_READ] if c == "\t" or not _forbidden(c))
    at = 0
    while (found := _mark_end(title, at)) > at:
        at = found
    title = f"{mark} {title[at:].strip()}".rstrip()
    return title if len(title) <= _SUBJECT_CHARACTERS else title[: _SUBJECT_CHARACTERS - 1].rstrip() + "…"


def _mark_end(title: str, start: int) -> int:
    """Where the mark that begins at `start` ends, behind its colon; `start` when there is none."""
    while start < len(title) and (title[start] in _TURNING or title[start].isspace()):
        start += 1
    for at, c in enumerate(title[start : start + _MARK_CHARACTERS], start):
        if c in ":：":
            # The small form of a Turkish I keeps its dot apart.
            lower = unicodedata.normalize("NFC", title[start:at]).strip(_TURNING + " ").lower()
            word = lower.replace("i\u0307", "i")
            return at + 1 if word in _MARKS or _COUNTER.sub("", word).strip() in _MARKS else start
    return start


def compose(draft: Draft) -> bytes:
    """The message with CRLF line ends, lines of at most 998 octets, no Bcc.

    Raises InvalidRequest on control characters in a header value, on NUL or lone surrogates in a body, on malformed
    ids, on HTML and files that may not be sent, and where there is no recipient."""
    _check(draft)
    lines = [_mailbox_line("From", (draft.mailbox or draft.sender,), draft.sender_name)]
    if draft.mailbox and draft.mailbox != draft.sender:
        lines.append(_mailbox_line("Reply-To", (draft.sender,)))
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
    if draft.automatic:
        # RFC 3834 section 5: so that no other machine answers.
        lines.append(f"Auto-Submitted: {draft.automatic}")
    if draft.fillings:
        # Hashed with all the rest, so that what a person lets go names no other value than the one that goes.
        lines.append(_joined(f"{FILLINGS}:", tuple(f"{one.secret_id}={one.print}" for one in draft.fillings), ","))
    lines.append("MIME-Version: 1.0")
    return "\r\n".join(lines).encode() + b"\r\n" + _body(draft)


def content_type_of(filename: str) -> str:
    """The content type that a file name speaks of, application/octet-stream when none; the same on every machine."""
    found, encoding = _types().guess_type(filename, strict=False)
    if encoding is not None:
        return "application/gzip" if encoding == "gzip" else _ANY_BYTES
    # The table calls web archives messages.
    if found is None or (found == _MESSAGE and not filename.lower().endswith(".eml")):
        return _ANY_BYTES
    return found


@lru_cache(1)
def _types() -> mimetypes.MimeTypes:
    return mimetypes.MimeTypes()


def _body(draft: Draft) -> bytes:
    """mixed(alternative(text, related(html, pictures)), files), of which there is only what is needed."""
    if draft.html:
        html = text_part("html", draft.html)
        if pictures := tuple(_file(file) for file in draft.files if file.content_id):
            # RFC 2387 section 3.2: the part to begin with is named by its type, and stands first.
            html = _multipart("related", draft.message_id, (html, *pictures), ' type="text/html";')
        text = draft.text if draft.text.strip() else text_of(draft.html)
        # RFC 2046 section 5.1.4: the plainest alternative first.
        body = _multipart("alternative", draft.message_id, (text_part("plain", text), html))
    else:
        body = text_part("plain", draft.text)
    if apart := tuple(_file(file) for file in draft.files if not file.content_id):
        body = _multipart("mixed", draft.message_id, (body, *apart))
    return body


def _forbidden(character: str) -> bool:
    """Control characters, line and paragraph separators, lone surrogates."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs")


def is_seen(text: str) -> bool:
    """Whether a reader sees anything of it. What Unicode leaves to others, or this Python's Unicode does not know
    yet, may be seen."""
    return any(unicodedata.category(c) in ("Cn", "Co") or (c.isprintable() and not c.isspace()) for c in text)


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


def is_content_type(value: str) -> bool:
    """Whether an attached file can be of this type (RFC 6838 section 4.2); of messages a whole one alone."""
    kind = value.lower()
    whole = not kind.startswith(("multipart/", "message/")) or kind == _MESSAGE
    return whole and _TYPE.fullmatch(kind) is not None


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
    if draft.subject.strip() and not is_seen(draft.subject):
        raise InvalidRequest(
            f"The subject {shown(draft.subject)} holds nothing that can be seen.",
            next_step="Write one, or leave it out.",
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
    if draft.automatic not in get_args(Automatic):
        raise InvalidRequest(
            f"{shown(draft.automatic)} is no value of Auto-Submitted.", next_step="Use auto-replied or auto-generated."
        )
    if not (draft.to or draft.cc or draft.bcc):
        raise InvalidRequest("There is nobody to send it to.", next_step="Give at least one address in to, cc or bcc.")
    for file in draft.files:
        _check_file(file)
    _check_pictures(draft)


def _check_pictures(draft: Draft) -> None:
    """The HTML, and that the pictures it shows are there."""
    ids = [file.content_id for file in draft.files if file.content_id]
    if double := next((one for at, one in enumerate(ids) if one in ids[:at]), ""):
        raise InvalidRequest(
            f"Two files have the content id {shown(double)}.", next_step="Give each picture one of its own."
        )
    wanted = check_html(draft.html) if draft.html else frozenset()
    if missing := min(wanted.difference(ids), default=""):
        raise InvalidRequest(
            f"The html shows {shown(f'cid:{missing}')}, but no file has this content id.",
            next_step="Attach the picture with that content id, or leave the element out.",
        )
    if unused := next((one for one in ids if one not in wanted), ""):
        raise InvalidRequest(
            f"The html does not show the picture with the content id {shown(unused)}.",
            next_step=f'Write <img src="cid:{unused}"> where it belongs, or attach it without a content id.',
        )


_NAME_OCTETS = 180
_DEVICE = on_demand(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\.|\Z)", re.IGNORECASE)
_TYPE = on_demand(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}", re.IGNORECASE)
_CHARSET = on_demand(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,40}")
_CONTENT_ID = on_demand(r"[A-Za-z0-9._@+-]{1,100}")
_ANY_BYTES, _MESSAGE = "application/octet-stream", "message/rfc822"


def _check_file(file: File) -> None:
    if why := _bad_name(file.filename):
        raise InvalidRequest(
            f"{shown(file.filename)} cannot be the name of an attachment: {why}.",
            next_step="Use a plain file name without folders, such as report.pdf.",
        )
    kind = file.content_type.lower()
    if kind and not is_content_type(kind):
        raise InvalidRequest(
            f"{shown(file.content_type)} is no content type for an attachment.",
            next_step="Use one such as application/pdf, or none to go by the name.",
        )
    if file.charset and not _CHARSET.fullmatch(file.charset):
        raise InvalidRequest(
            f"{shown(file.charset)} is no charset.", next_step="Use one such as utf-8, or none if it is unknown."
        )
    if file.content_id:
        if not _CONTENT_ID.fullmatch(file.content_id):
            raise InvalidRequest(
                f"{shown(file.content_id)} is no content id.", next_step="Use letters and digits, such as logo1."
            )
        kind = kind or content_type_of(file.filename)
        # A script can stand in an SVG file.
        if not kind.startswith("image/") or kind == "image/svg+xml":
            raise InvalidRequest(
                f"{shown(file.filename)} is {kind}, which cannot be shown within the html.",
                next_step="Show a PNG, JPEG, GIF or WebP picture, or attach it without a content id.",
            )


def _bad_name(name: str) -> str:
    """Why `name` cannot be the name of a file on every system, "" when it can."""
    if not name.strip(" ."):
        return "it is empty"
    if len(name.encode("utf-8", "replace")) > _NAME_OCTETS:
        return f"it is longer than {_NAME_OCTETS} octets"
    if name != name.strip(" ."):
        return "it begins or ends with a dot or a blank"
    for c in name:
        if c in '/\\:*?"<>|':
            return f"it holds {c}, which some systems do not allow"
        # Joiners are letters' business in Persian, in Indian scripts and in emoji; the rest of C nobody sees.
        category = unicodedata.category(c)
        if category in ("Zl", "Zp") or (category[0] == "C" and c not in "\u200c\u200d"):
            return f"it holds the invisible character U+{ord(c):04X}"
    if _DEVICE.match(name):
        return "it is the name of a device on Windows"
    return ""


# ---- headers ---------------------------------------------------------------------------------------------------------

_PHRASE = on_demand(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]+")


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


def text_part(subtype: str, text: str) -> bytes:
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


def _multipart(subtype: str, message_id: str, parts: tuple[bytes, ...], parameter: str = "") -> bytes:
    """A multipart part with its header (RFC 2046 section 5.1)."""
    boundary = _boundary(f"{subtype} {message_id}", parts)
    mark = f"--{boundary}".encode()
    return b"".join(
        (
            f'Content-Type: multipart/{subtype};{parameter}\r\n boundary="{boundary}"\r\n\r\n'.encode(),
            *(piece for part in parts for piece in (mark, b"\r\n", part, b"\r\n")),
            mark,
            b"--\r\n",
        )
    )


def _file(file: File) -> bytes:
    """One attached file: its header, a blank line and its content."""
    name = file.filename
    kind = file.content_type.lower() or content_type_of(name)
    encoding, body = "base64", base64.encodebytes(file.data).replace(b"\n", b"\r\n")
    if kind == _MESSAGE:
        # RFC 2046 section 5.2.1: a message is never encoded; one that cannot be sent as it is goes as any file.
        if _is_sendable(file.data):
            encoding, body = "7bit", file.data
        else:
            kind = _ANY_BYTES
    lines = [f"Content-Type: {kind}"]
    if kind.startswith("text/") and (charset := file.charset or _charset_seen(file.data)):
        lines.append(f"charset={charset}")
    if name.isascii():
        # Neither quotes nor backslashes stand in a name.
        lines.append(f'name="{name}"')
        names = [f'filename="{name}"']
    else:
        # Old clients read encoded words in name=, which RFC 2047 does not allow and everybody does.
        lines.append(f'name="{_encoded_words(name, 7)}"')
        # RFC 2231 section 4; the plain name is for who does not know the other, and some take the first of the two.
        names = [f"filename*=utf-8''{quote(name, safe='')}", f'filename="{_ascii_name(name)}"']
    head = ";\r\n ".join(lines) + "\r\n"
    disposition = "inline" if file.content_id else "attachment"
    head += ";\r\n ".join((f"Content-Disposition: {disposition}", *names)) + "\r\n"
    if file.content_id:
        head += f"Content-ID: <{file.content_id}>\r\n"
    return f"{head}Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def _is_sendable(message: bytes) -> bool:
    """Whether the bytes are 7bit (RFC 2045 section 2.7): ASCII without NUL, CRLF lines of at most 998 octets. 8bit is
    not tried: a server on the way that does not take it would refuse the whole email."""
    pairs = message.count(b"\r\n")
    return (
        message.isascii()
        and message.endswith(b"\r\n")
        and message.count(b"\n") == message.count(b"\r") == pairs
        and b"\0" not in message
        and max(map(len, message.split(b"\r\n"))) <= _LINE_OCTETS
    )


def _charset_seen(data: bytes) -> str:
    """utf-8 where a text can be nothing else, "" where a name would be a guess."""
    if data.isascii():
        return ""
    try:
        data.decode()
    except UnicodeDecodeError:
        return ""
    return "utf-8"


def _ascii_name(name: str) -> str:
    """A name for programs that know ASCII only: without accents, the rest as _."""
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = name, ""
    plain = _plain(stem)
    return f"{plain if plain.strip('_ -.') else 'attachment'}{dot}{_plain(extension)}"


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    kept = "".join(c if c.isascii() else "_" for c in apart if not unicodedata.combining(c))
    # What letters fall apart into may be a sign that no name holds.
    return _SIGNS.sub("_", kept)


_SIGNS = on_demand(r'[\x00-\x1f\x7f/\\:*?"<>|]')


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
