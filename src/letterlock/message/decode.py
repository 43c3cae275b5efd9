"""From the ways mail writes text to text: header values, encoded words, parameters, transfer encodings, charsets,
file names.

Each function takes any input at all, never raises, and is linear in its length. What had to be mended is added to the
`notes` it is handed, by the codes of parse.REPAIRS. RFC 2045, 2047, 2231, 6532.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes

from letterlock.patterns import on_demand

# ---- header values ---------------------------------------------------------------------------------------------------

# Line ends and tabs become spaces, other control characters go: a header value is one line.
LINE_TABLE = dict[int, str | None].fromkeys((*range(0x20), 0x7F, *range(0x80, 0xA0))) | dict.fromkeys(
    (0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029), " "
)
# No start of a word can lie between two of its question marks that are not the start of another: the search never looks
# at a character more than a few times.
_WORD = on_demand(r"=\?([^?\s]+)\?([bBqQ])\?([^?]*)\?=")
_WHOLE_WORD = on_demand(rf"(?<![^\s,(<:;>=)]){_WORD.pattern}(?=[\s,<();]|=\?|\Z)")
TOKEN = on_demand(r"[A-Za-z0-9_.+-]+")
CONTENT_TYPE = on_demand(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_PARAMETER = on_demand(r'([^=;\s"]{1,100})\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)', re.DOTALL)
_PARAMETERS = 100


def header_text(value: bytes, notes: set[str]) -> str:
    """A field's bytes as text: UTF-8 (RFC 6532 section 3.1), else windows-1252, which old senders mean by raw bytes."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        notes.add("raw_8bit_header")
        text = value.decode("cp1252", "replace")
    if "\0" in text:
        notes.add("nul_bytes")
        text = text.replace("\0", "")
    return text.strip(" \t\r")


def one_line(text: str) -> str:
    if not text.isprintable():
        text = _SURROGATES.sub("\ufffd", text).translate(LINE_TABLE)
    return text.strip(" ")


def words_replaced(text: str, notes: set[str], render: Callable[[str], str] = str, whole: bool = False) -> str:
    """`text` with its encoded words (RFC 2047) decoded and given to `render`; neighbours in one charset are one word,
    since senders cut words in the middle of a character. `whole`: only those that stand free, not within an atom."""
    if "=?" not in text:
        return text
    out: list[str] = []
    decoded: list[str] = []
    label, content = "", bytearray()
    position = 0
    for match in (_WHOLE_WORD if whole else _WORD).finditer(text):
        gap = text[position : match.start()]
        # RFC 2047 section 6.2: white space between two encoded words is not shown.
        joined = position > 0 and not gap.strip()
        charset = match[1].partition("*")[0].lower()  # RFC 2231 section 5: charset*language
        if not joined or charset != label:
            if content:
                decoded.append(charset_decoded(bytes(content), label, notes))
                content.clear()
            if not joined:
                if decoded:
                    out.append(render("".join(decoded)))
                    decoded.clear()
                out.append(gap)
        label = charset
        payload = match[3].encode("utf-8", "replace")
        content += (
            _base64_decoded(payload, notes) if match[2] in "bB" else binascii.a2b_qp(payload.rstrip(b"="), header=True)
        )
        position = match.end()
    if content:
        decoded.append(charset_decoded(bytes(content), label, notes))
    if decoded:
        out.append(render("".join(decoded)))
    rest = text[position:]
    out.append(rest)
    if "=?" in rest:
        notes.add("broken_encoded_word")
    return "".join(out)


def parameters(value: str, notes: set[str]) -> tuple[str, dict[str, str]]:
    """A structured MIME value: what stands before the first semicolon, lower-cased, and its parameters decoded
    (RFC 2045 section 5.1, RFC 2231; encoded words are taken too, as many senders write them)."""
    main, _, rest = value.partition(";")
    main = main.partition("(")[0].strip().lower()
    given: dict[str, str] = {}
    position = 0
    for _ in range(_PARAMETERS):
        while position < len(rest) and rest[position] in "; \t\r\n":
            position += 1
        if position >= len(rest):
            break
        match = _PARAMETER.match(rest, position)
        if match is None:
            position = rest.find(";", position)
            if position < 0:
                break
            continue
        text = match[2]
        if text[:1] == '"':
            text = _unescaped(text[1:-1] if len(text) > 1 and text[-1] == '"' else text[1:])
        given.setdefault(match[1].lower(), text.strip())
        position = match.end()
    parameters: dict[str, str] = {}
    for key in ("charset", "boundary", "name", "filename"):
        if text := _extended(key, given, notes):
            parameters[key] = text
        elif text := given.get(key, ""):
            parameters[key] = words_replaced(text, notes)
    # A comment may follow an unquoted value: charset=us-ascii (Plain text).
    parameters["charset"] = parameters.get("charset", "").partition(" ")[0]
    return main, parameters


def _unescaped(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted
    characters = iter(quoted)
    # Windows programs write paths without escaping them: only a quote or a backslash is taken for escaped.
    out = []
    for c in characters:
        if c == "\\":
            following = next(characters, "")
            out.append(following if following in ('"', "\\") else c + following)
        else:
            out.append(c)
    return "".join(out)


def _extended(key: str, given: Mapping[str, str], notes: set[str]) -> str:
    """The value of `key` in the notation of RFC 2231 (sections 3 and 4), or ""."""
    if f"{key}*" in given:
        pieces = [(given[f"{key}*"], True)]
    else:
        pieces = []
        while len(pieces) < _PARAMETERS:
            number = f"{key}*{len(pieces)}"
            if f"{number}*" in given:
                pieces.append((given[f"{number}*"], True))
            elif number in given:
                pieces.append((given[number], False))
            else:
                break
    if not pieces:
        return ""
    charset, content = "", b""
    first, encoded = pieces[0]
    if encoded and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
        pieces[0] = (first, True)
    content = b"".join(
        unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace") for text, encoded in pieces
    )
    return charset_decoded(content, charset, notes)


# ---- transfer encodings ----------------------------------------------------------------------------------------------

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(code for code in range(256) if code not in _BASE64)
_BROKEN_QP = on_demand(rb"=(?![0-9A-Fa-f]{2}|[ \t]{0,80}\r?\n|[ \t]{0,80}\Z)")
_BARE_CR = on_demand(rb"\r(?!\n)")
_UU_LINES = 600_000


def transfer_decoded(content: bytes, encoding: str, notes: set[str]) -> bytes:
    """RFC 2045 section 6; what cannot be decoded is left out or left as it stands, and noted."""
    if encoding in ("", "7bit", "8bit", "binary"):
        return content
    if encoding == "base64":
        return _base64_decoded(content, notes)
    if encoding == "quoted-printable":
        if _BROKEN_QP.search(content):
            notes.add("broken_quoted_printable")
        if content.count(b"\r") != content.count(b"\r\n"):
            # binascii takes a bare CR after = for a line end and swallows what follows up to the next LF.
            content = _BARE_CR.sub(b"\r\n", content)
        return binascii.a2b_qp(content)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _uu_decoded(content, notes)
    notes.add("unknown_transfer_encoding")
    return content


def _base64_decoded(content: bytes, notes: set[str]) -> bytes:
    """Lenient: foreign characters are skipped (RFC 2045 section 6.8), missing padding is added, and text after padding
    is decoded too, because some clients show it."""
    compact = content.translate(None, _NOT_BASE64)
    if len(compact) != len(content.translate(None, b" \t\r\n")):
        notes.add("broken_base64")
    compact = compact.rstrip(b"=")
    if b"=" not in compact:
        return _base64_run(compact, notes)
    notes.add("broken_base64")
    return b"".join(_base64_run(run, notes) for run in compact.split(b"=", 100)[:100] if run)


def _base64_run(run: bytes, notes: set[str]) -> bytes:
    if len(run) % 4 == 1:
        # One character carries no complete octet.
        notes.add("broken_base64")
        run = run[:-1]
    return binascii.a2b_base64(run + b"=" * (-len(run) % 4))


def _uu_decoded(content: bytes, notes: set[str]) -> bytes:
    start = 0 if content.startswith(b"begin ") else content.find(b"\nbegin ") + 1
    if start <= 0 and not content.startswith(b"begin "):
        notes.add("broken_uuencode")
        return content
    position = content.find(b"\n", start) + 1
    out: list[bytes] = []
    while 0 < position < len(content) and len(out) < _UU_LINES:
        newline = content.find(b"\n", position)
        line = content[position : newline if newline >= 0 else len(content)].rstrip(b"\r")
        if line.rstrip() == b"end":
            return b"".join(out)
        position = newline + 1 if newline >= 0 else len(content)
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            notes.add("broken_uuencode")
            out.append(b"")
    notes.add("broken_uuencode")
    return b"".join(out)


# ---- charsets --------------------------------------------------------------------------------------------------------


def _charsets() -> dict[str, str]:
    """Label without punctuation -> codec. A closed list: the codec registry is never asked for a name found in mail,
    for it imports modules, remembers every unknown name, and knows codecs that are no charsets.

    As the WHATWG encoding standard has it, a label means the superset that senders really use."""
    codecs = {
        "utf-8": "utf8 utf8mb4 utf8mb3 unicode11utf8 utf8n",
        "ascii": "ascii usascii ansix341968 iso646us 646 cp367 ibm367",
        "cp1252": "iso88591 88591 latin1 l1 cp819 ibm819 windows1252 cp1252 xcp1252 win1252 ansi",
        "cp1254": "iso88599 latin5 l5 windows1254 cp1254",
        "cp874": "iso885911 tis620 windows874 cp874 dos874",
        "gb18030": "gb2312 gbk gb18030 xgbk gb231280 euccn csgb2312 cp936 ms936 windows936 chinese",
        "cp932": "shiftjis sjis xsjis mskanji windows31j cp932 ms932 shiftjis2004 csshiftjis",
        "cp949": "euckr ksc56011987 ksc5601 ksc56011989 korean cp949 ms949 uhc windows949 cseuckr",
        "cp950": "big5 xxbig5 cnbig5 csbig5 cp950 ms950",
        "big5hkscs": "big5hkscs",
        "iso2022_jp_ext": "iso2022jp csiso2022jp iso2022jp1 iso2022jp2 cp50220 cp50221",
        "iso2022_jp_3": "iso2022jp3",
        "iso2022_kr": "iso2022kr",
        "euc_jp": "eucjp xeucjp ujis",
        "hz": "hz hzgb2312",
        "koi8_r": "koi8r koi koi8 cskoi8r",
        "koi8_u": "koi8u koi8ru",
        "mac_roman": "macintosh macroman mac xmacroman",
        "mac_cyrillic": "xmaccyrillic maccyrillic xmacukrainian",
        "cp437": "cp437 ibm437 437",
        "cp850": "cp850 ibm850 850",
        "cp852": "cp852 ibm852",
        "cp855": "cp855 ibm855",
        "cp858": "cp858 ibm858",
        "cp862": "cp862 ibm862",
        "cp866": "cp866 ibm866 866",
        "utf-16": "utf16 ucs2 unicode iso10646ucs2",
        "utf-16-le": "utf16le",
        "utf-16-be": "utf16be",
        "utf-32": "utf32 ucs4",
        "utf-32-le": "utf32le",
        "utf-32-be": "utf32be",
        "iso8859_8": "iso88598 iso88598i iso88598e hebrew",
        "utf-7": "utf7 unicode11utf7 csunicode11utf7 xunicode20utf7",
    }
    table = {label: codec for codec, labels in codecs.items() for label in labels.split()}
    for number in (2, 3, 4, 5, 6, 7, 10, 13, 14, 15, 16):
        table[f"iso8859{number}"] = f"iso8859_{number}"
    for number in (1250, 1251, 1253, 1255, 1256, 1257, 1258):
        table[f"windows{number}"] = table[f"cp{number}"] = table[f"xcp{number}"] = table[f"win{number}"] = f"cp{number}"
    return table


_CHARSETS = _charsets()
_NOT_LABEL = on_demand(r"[^a-z0-9]+")
META_CHARSET = on_demand(rb"""<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9_:.-]{1,40})""", re.I)
_SURROGATES = on_demand("[\ud800-\udfff]")


def charset_decoded(content: bytes, label: str, notes: set[str]) -> str:
    """`content` as the text it is meant to be, with `label` as the best witness but not the only one."""
    key = _NOT_LABEL.sub("", label[:80].lower())
    codec = _CHARSETS.get(key, "") if key else "ascii"
    if codec == "utf-7":
        notes.add("utf7_refused")
        codec = "ascii"
    elif not codec and key not in ("unknown", "unknown8bit", "xunknown", "default", "none", "binary"):
        notes.add("unknown_charset")
    if content.isascii() and (codec in ("", "ascii", "utf-8") or codec[:2] in ("cp", "ko", "gb", "eu", "ma")):
        if b"\x1b$" in content and codec in ("", "ascii"):
            # ISO-2022-JP is seven-bit text with escapes; Japanese senders often leave the label out.
            notes.add("charset_lie")
            return content.decode("iso2022_jp_ext", "replace")
        return content.decode("ascii")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) and not codec.startswith("utf-"):
        notes.add("charset_lie")
        return content.decode("utf-16", "replace")
    if codec in ("", "ascii", "cp1252", "utf-8"):
        # Text that is valid UTF-8 and not ASCII is hardly ever meant to be anything else.
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            if codec == "utf-8" and _mostly_utf8(content):
                notes.add("undecodable_bytes")
                return content.decode("utf-8", "replace")
            if codec in ("ascii", "utf-8") and key:
                notes.add("charset_lie")
            return content.decode("cp1252", "replace")
        if codec in ("ascii", "cp1252") and key:
            notes.add("charset_lie")
        return text
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        pass
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        notes.add("undecodable_bytes")
        return content.decode(codec, "replace")
    notes.add("charset_lie")
    return text


def _mostly_utf8(content: bytes) -> bool:
    """Whether text that claims to be UTF-8 is that with a few bytes damaged, rather than another charset."""
    sample = content[:20_000]
    text = sample.decode("utf-8", "replace")
    replaced = text.count("\ufffd")
    return sum(c > "\x7f" for c in text) > 2 * replaced


def clean_body(text: str, notes: set[str]) -> str:
    if "\0" in text:
        notes.add("nul_bytes")
        text = text.replace("\0", "")
    if not text.isascii():
        text = _SURROGATES.sub("\ufffd", text.removeprefix("\ufeff"))
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


# ---- file names ------------------------------------------------------------------------------------------------------

EXTENSIONS = {
    "application/gzip": ".gz",
    "application/ics": ".ics",
    "application/json": ".json",
    "application/ld+json": ".json",
    "application/msword": ".doc",
    "application/ms-tnef": ".dat",
    "application/pdf": ".pdf",
    "application/pgp-encrypted": ".asc",
    "application/pgp-keys": ".asc",
    "application/pgp-signature": ".asc",
    "application/pkcs7-mime": ".p7m",
    "application/pkcs7-signature": ".p7s",
    "application/rtf": ".rtf",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/x-pkcs7-signature": ".p7s",
    "application/x-zip-compressed": ".zip",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "image/bmp": ".bmp",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/tiff": ".tiff",
    "image/webp": ".webp",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/feedback-report": ".txt",
    "message/global": ".eml",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/css": ".css",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/rfc822-headers": ".txt",
    "text/rtf": ".rtf",
    "text/vcard": ".vcf",
    "text/x-amp-html": ".html",
    "text/x-vcard": ".vcf",
    "text/xml": ".xml",
    "video/mp4": ".mp4",
}
_NAME_OCTETS = 120
_EXTENSION_OCTETS = 16
_DEVICES = frozenset(("con", "prn", "aux", "nul", "conin$", "conout$", "clock$")) | {
    f"{device}{number}" for device in ("com", "lpt") for number in "0123456789¹²³"
}


def clean_filename(name: str) -> str:
    """`name` as one may show it and write it to disk on any system, or "" when nothing is left of it: NFC, the last
    path component, no control, format or bidirectional characters, no leading dot, at most 120 octets of UTF-8."""
    name = unicodedata.normalize("NFC", name[:2_000]).replace("\\", "/").rpartition("/")[2]
    # C: control, format (bidirectional and zero-width ones among them), surrogate, private, unassigned; Z: separators.
    kept = "".join(" " if unicodedata.category(c)[0] == "Z" else c for c in name if unicodedata.category(c)[0] != "C")
    for sign in '<>:"|?*':
        kept = kept.replace(sign, "_")
    kept = " ".join(kept.split()).lstrip(". ").rstrip(". ")
    if kept.partition(".")[0].rstrip().lower() in _DEVICES:
        kept = f"_{kept}"
    if len(kept.encode()) > _NAME_OCTETS:
        stem, dot, extension = kept.rpartition(".")
        if not dot or len(extension.encode()) > _EXTENSION_OCTETS:
            stem, dot, extension = kept, "", ""
        room = _NAME_OCTETS - len(f"{dot}{extension}".encode())
        kept = stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ") + dot + extension
    return kept
