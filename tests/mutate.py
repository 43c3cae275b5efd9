"""Odd emails without end: `mutate(seed)` gives the same bytes for the same seed, made from mails shaped like real ones.

Most results are mails with one to six things wrong with them; some are rubbish; a few are large.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random


def _mail(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("utf-8") + b"\r\n"


_TOP = (
    "Received: from out.shop.example (out.shop.example [192.0.2.7])",
    "\tby mx.home.example (Postfix) with ESMTPS id 4F2A11C0",
    "\tfor <ada@home.example>; Fri, 20 Nov 2026 09:12:44 +0000 (UTC)",
)
_ALTERNATIVE = _mail(
    *_TOP,
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=shop.example; s=k1;",
    "\th=from:to:subject:date; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;",
    "\tb=QmFzZTY0IGRhdGEgb2YgYSBzaWduYXR1cmUgdGhhdCBpcyBub3Qgb25l",
    "From: =?utf-8?q?Blumen_M=C3=BCller?= <shop@shop.example>",
    'To: "Lovelace, Ada" <ada@home.example>, bob@home.example',
    "Reply-To: help@shop.example",
    "Subject: =?utf-8?B?SWhyIENvZGUgZsO8ciBkaWU=?= =?utf-8?Q?_Anmeldung?=",
    "Date: Fri, 20 Nov 2026 10:12:40 +0100",
    "Message-ID: <20261120.1@shop.example>",
    "In-Reply-To: <q1@home.example>",
    "References: <q0@home.example>",
    " <q1@home.example>",
    "MIME-Version: 1.0",
    'Content-Type: multipart/alternative; boundary="=_alt_1"',
    "",
    "This is a multi-part message in MIME format.",
    "--=_alt_1",
    "Content-Type: text/plain; charset=utf-8; format=flowed",
    "Content-Transfer-Encoding: 8bit",
    "",
    "Guten Tag, Ihr Code ist 481 516. Er gilt zehn Minuten – für eine Anmeldung.",
    "--=_alt_1",
    "Content-Type: text/html; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    '<html><body style=3D"margin:0"><p>Ihr Code ist <b>481 516</b>. Er gilt f=C3=BCr =',
    'zehn Minuten.</p><a href=3D"https://shop.example/v?t=3Dab">Anmelden</a></body></html>',
    "--=_alt_1--",
)
_PLAIN = _mail(
    "From: Bob <bob@home.example>",
    "To: ada@home.example",
    "Subject: Re: lunch",
    "Date: Thu, 19 Nov 2026 08:00:00 GMT",
    "Message-ID: <l2@home.example>",
    "",
    "Twelve is fine.",
    "",
    "> Shall we say twelve?",
)
_MIXED = _mail(
    *_TOP,
    "From: Invoices <billing@utility.example>",
    "To: ada@home.example",
    "Cc: accounts@home.example, Carl <carl@home.example>",
    "Subject: Your invoice",
    "Date: Wed, 18 Nov 2026 17:45:10 -0500",
    "Message-ID: <inv-77@utility.example>",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="outer"',
    "",
    "--outer",
    'Content-Type: multipart/related; boundary="outer.inner"; type="text/html"',
    "",
    "--outer.inner",
    "Content-Type: text/html; charset=iso-8859-1",
    "",
    '<p>Hello <img src="cid:logo@utility.example"> see the file.</p>',
    "--outer.inner",
    "Content-Type: image/png",
    "Content-ID: <logo@utility.example>",
    "Content-Disposition: inline; filename=logo.png",
    "Content-Transfer-Encoding: base64",
    "",
    base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(90))).decode(),
    "--outer.inner--",
    "--outer",
    "Content-Type: application/pdf",
    "Content-Transfer-Encoding: base64",
    "Content-Disposition: attachment;",
    " filename*0*=utf-8''Rechnung%20f%C3%BCr;",
    ' filename*1="-November.pdf"',
    "",
    base64.encodebytes(b"%PDF-1.7 " + bytes(range(256)) * 2).decode().replace("\n", "\r\n"),
    "--outer--",
)
_BOUNCE = _mail(
    "From: MAILER-DAEMON@mx.far.example (Mail Delivery System)",
    "To: ada@home.example",
    "Subject: Undelivered Mail Returned to Sender",
    "Date: Fri, 20 Nov 2026 11:00:00 +0000 (UTC)",
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    "Content-Type: multipart/report; report-type=delivery-status;",
    '\tboundary="4F2A.1795/mx.far.example"',
    "",
    "--4F2A.1795/mx.far.example",
    "Content-Description: Notification",
    "Content-Type: text/plain; charset=us-ascii",
    "",
    "I could not deliver your message.",
    "--4F2A.1795/mx.far.example",
    "Content-Type: message/delivery-status",
    "",
    "Reporting-MTA: dns; mx.far.example",
    "",
    "Final-Recipient: rfc822; zed@far.example",
    "Action: failed",
    "Status: 5.1.1",
    "--4F2A.1795/mx.far.example",
    "Content-Type: message/rfc822",
    "",
    "From: ada@home.example",
    "Subject: hi",
    "Content-Type: multipart/mixed; boundary=q",
    "",
    "--q",
    "",
    "hello",
    "--q--",
    "--4F2A.1795/mx.far.example--",
)
_EAST = (
    b"From: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@jp.example>\r\nTo: ada@home.example\r\n"
    b"Subject: =?gb2312?B?xOO6w8rAvec=?= =?koi8-r?B?8NLJ18XU?= =?euc-kr?B?vsiz58fPvLy/5A==?=\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-2022-jp\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
) + "こんにちは。確認コードは 246810 です。\r\n".encode("iso2022_jp")
_RAW_8BIT = (
    b"From: Fran\xe7ois <f@fr.example>\r\nTo: ada@home.example\r\nSubject: \xc4\xe3\xba\xc3 \xe9t\xe9\r\n"
    b"Content-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"\xc4\xe3\xba\xc3\xca\xc0\xbd\xe7\r\n"
)
_INVITE = _mail(
    "From: Calendar <cal@work.example>",
    "To: ada@home.example",
    "Subject: Invitation: planning",
    "MIME-Version: 1.0",
    "Content-Type: multipart/alternative; boundary=cal",
    "",
    "--cal",
    "Content-Type: text/plain; charset=windows-1252",
    "",
    "You are invited.",
    "--cal",
    'Content-Type: text/calendar; charset="utf-8"; method=REQUEST; name="invite.ics"',
    "",
    "BEGIN:VCALENDAR",
    "BEGIN:VEVENT",
    "SUMMARY:Planning",
    "DTSTART:20261123T090000Z",
    "END:VEVENT",
    "END:VCALENDAR",
    "--cal--",
)
_UU = _mail(
    "From: old@unix.example",
    "To: ada@home.example",
    "Subject: file",
    "Content-Type: application/octet-stream; name=cat.txt",
    "Content-Transfer-Encoding: x-uuencode",
    "",
    "begin 644 cat.txt",
    "#0V%T",
    "`",
    "end",
)
SEEDS: tuple[bytes, ...] = (_ALTERNATIVE, _PLAIN, _MIXED, _BOUNCE, _EAST, _RAW_8BIT, _INVITE, _UU)

_CHARSETS = (
    *(b"utf-8", b"us-ascii", b"iso-8859-1", b"windows-1251", b"gb2312", b"gb18030", b"big5", b"shift_jis", b"hz"),
    *(b"iso-2022-jp", b"iso-2022-kr", b"euc-jp", b"euc-kr", b"koi8-r", b"utf-7", b"utf-16", b"utf-32", b"x-unknown"),
    *(b"unicode_escape", b"idna", b"punycode", b"undefined", b"rot13", b"base64", b"zlib", b"mbcs", b"", b'"', b"a\0b"),
    *(b"../../etc", b"utf-8\xff", b"%00", b"A" * 500, b"=?utf-8?q?utf-8?=", b"iso-8859-1*en", b"utf-8 (comment)"),
)
_ENCODINGS = (
    *(b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable", b"x-uuencode", b"uuencode", b"gzip", b"BASE64;"),
    *(b"base64 base64", b"", b"\xff", b"8-bit", b"none", b'"base64"'),
)
_TYPES = (
    *(b"text/plain", b"text/html", b"multipart/mixed", b"multipart/digest", b"message/rfc822", b"message/partial"),
    *(b"text", b"/", b"text/", b"multipart/mixed; boundary=", b'multipart/mixed; boundary=""', b"text/x-odd", b";;;"),
    *(b"message/external-body; access-type=local-file", b"application/octet-stream", b"image/png; name=..\\..\\a.png"),
)
_HEADERS = (
    *(
        b"From: ",
        b"From: <>",
        b"From: @",
        b"From: a@b <c@d> <e@f>",
        b'From: "unclosed <a@b.example>',
        b"From: ((((((((",
    ),
    *(
        b"From: " + b"(" * 3000,
        b"To: " + b"a@b.example," * 900,
        b"To: " + b"<" * 2000,
        b"To: " + b"[" * 2000,
        b"To: :;:;:;",
    ),
    *(b"To: " + b'"' * 1501, b"Cc: =?x?q?a?= <a@b>, =?utf-8?b?A?= <c@d>", b"Reply-To: =?utf-8?q?=0D=0ABcc:_x?= <a@b>"),
    *(b"Subject: " + b"=?utf-8?q?a" * 900, b"Subject: " + b"=?a?b?" * 900, b"Subject: =?utf-16?b?2AA=?=", b"Subject:"),
    *(b"Subject: =?utf-8*en?Q?x?= =?UTF-8?b?w?= =?utf-8?b?qQ==?=", b"Subject : spaced", b"Subject: a\0b", b"no colon"),
    *(b"Date: Mon, 99 Foo 2026 99:99:99 +9999", b"Date: 1 Jan 99999 00:00 +0000", b"Date: " + b"9" * 6000, b"Date: -1"),
    *(b"Date: Fri, 31 Dec 9999 23:59:60 -2359", b"Date: 2026-11-20T10:00:00Z", b"Date: 1 Jan 0001 00:00:00 +2359"),
    *(b"Message-ID: <", b"Message-ID: <a<b<c>", b"References: " + b"<a@b>" * 400, b"References: " + b"<" * 4000),
    *(b"Content-Type: text/plain; charset=utf-8; charset=utf-7", b"Content-Type: text/plain; " + b"a=b;" * 900),
    *(
        b"Content-Type: text/plain; name*0*=a'b'%; name*1=%zz; name*=x",
        b"Content-Disposition: attachment; filename=CON",
    ),
    *(b"Content-Disposition: attachment; filename*=utf-8''%2e%2e%2f%00%ff", b"Content-ID: <" + b"x" * 3000 + b">"),
    *(b"Content-Transfer-Encoding: base64", b"Parse: x", b"Headers_json: x", b"Defects: x", b"X-\xff: y", b">From x"),
    *(b"Received: from (((((( by ;;;; for <<< ; 99", b"X-Long: " + b"x" * 20_000, b"Subject: \xff\xfe\xed\xa0\x80"),
)


def _header_end(mail: bytes) -> int:
    for blank in (b"\r\n\r\n", b"\n\n"):
        if (end := mail.find(blank)) >= 0:
            return end
    return len(mail)


def _flip(mail: bytes, random: Random) -> bytes:
    out = bytearray(mail)
    for _ in range(random.randint(1, 12)):
        if out:
            out[random.randrange(len(out))] = random.randrange(256)
    return bytes(out)


def _cut(mail: bytes, random: Random) -> bytes:
    return mail[: random.randint(0, len(mail))]


def _drop(mail: bytes, random: Random) -> bytes:
    start = random.randint(0, len(mail))
    return mail[:start] + mail[start + random.randint(1, 200) :]


def _repeat(mail: bytes, random: Random) -> bytes:
    start = random.randint(0, len(mail))
    return mail[:start] + mail[start : start + random.randint(1, 400)] * random.randint(1, 6) + mail[start:]


def _insert(mail: bytes, random: Random) -> bytes:
    start = random.randint(0, len(mail))
    return mail[:start] + random.choice(_BITS) + mail[start:]


_BITS = (
    *(
        b"\0",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b"\r\n \r\n",
        b"\x1b$B",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"=?",
        b"?=",
        b"--",
        b"\t" * 300,
    ),
    *(
        b"=" * 50,
        b"=\r",
        b"\r\r\r",
        b"(" * 200,
        b'"',
        b";",
        b":",
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b" " * 3000,
    ),
    *(
        b"\r\n.\r\n",
        b"\r\nFrom x\r\n",
        b"\r\n--outer\r\n",
        b"\r\n--outer--\r\n",
        b"\r\n--=_alt_1--",
        b"\x85",
        b"+ADw-script+AD4-",
    ),
)


def _swap_lines(mail: bytes, random: Random) -> bytes:
    lines = mail.split(b"\r\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def _mangle_header(mail: bytes, random: Random) -> bytes:
    end = _header_end(mail)
    lines = mail[:end].split(b"\r\n")
    at = random.randint(0, len(lines))
    if random.random() < 0.3 and at < len(lines):
        lines[at] = random.choice(_HEADERS)
    else:
        lines[at:at] = [random.choice(_HEADERS) for _ in range(random.randint(1, 3))]
    return b"\r\n".join(lines) + mail[end:]


def _replace_value(mail: bytes, random: Random, marks: tuple[bytes, ...], values: tuple[bytes, ...]) -> bytes:
    mark = random.choice(marks)
    places = [at for at in (mail.find(mark), mail.rfind(mark)) if at >= 0]
    if not places:
        return mail
    start = random.choice(places) + len(mark)
    end = start
    while end < len(mail) and mail[end] not in b";\r\n":
        end += 1
    return mail[:start] + random.choice(values) + mail[end:]


def _charset(mail: bytes, random: Random) -> bytes:
    return _replace_value(mail, random, (b"charset=",), _CHARSETS)


def _encoding(mail: bytes, random: Random) -> bytes:
    return _replace_value(mail, random, (b"Transfer-Encoding: ",), _ENCODINGS)


def _type(mail: bytes, random: Random) -> bytes:
    return _replace_value(mail, random, (b"Content-Type: ",), _TYPES)


def _boundary(mail: bytes, random: Random) -> bytes:
    kind = random.randrange(6)
    if kind == 0:
        return _replace_value(
            mail, random, (b"boundary=",), (b"x", b'"', b'""', b"=_alt_1", b'"outer "', b"o", b"\xff", b'"out')
        )
    at = mail.find(b"\r\n--", random.randint(0, len(mail)))
    if at < 0:
        return mail
    end = mail.find(b"\r\n", at + 2)
    end = end if end >= 0 else len(mail)
    line = mail[at:end]
    changed = (line + b"--", line + b" \t ", line[:-1], line + b"x", b"", line * 3)[random.randrange(6)]
    return mail[:at] + changed + mail[end:]


def _nest(mail: bytes, random: Random) -> bytes:
    out = mail
    same = random.random() < 0.3
    for depth in range(random.choice((1, 2, 3, 8, 19, 25, 60))):
        if random.random() < 0.02:
            out = b"Content-Type: message/rfc822\r\n\r\n" + out
        else:
            name = b"n" if same else b"n%d" % depth
            close = b"\r\n--" + name + b"--\r\n" if random.random() < 0.7 else b""
            out = b"Content-Type: multipart/mixed; boundary=" + name + b"\r\n\r\n--" + name + b"\r\n" + out + close
    return out


def _many_parts(mail: bytes, random: Random) -> bytes:
    part = random.choice((b"--p\r\n\r\nx\r\n", b"--p\r\n", b"--p\r\nContent-Type: text/html\r\n\r\n<p>x\r\n"))
    return (
        mail[: _header_end(mail)]
        + b"\r\nContent-Type: multipart/mixed; boundary=p\r\n\r\n"
        + part * random.choice((3, 150, 500))
    )


def _line_ends(mail: bytes, random: Random) -> bytes:
    kind = random.randrange(4)
    if kind == 3:
        at = random.randint(0, len(mail))
        return mail[:at].replace(b"\r\n", b"\n") + mail[at:]
    return mail.replace(b"\r\n", (b"\n", b"\r", b"\r\r\n")[kind])


def _top(mail: bytes, random: Random) -> bytes:
    return (
        random.choice(
            (b"From x Fri Nov 20\r\n", b"\r\n", b"\xef\xbb\xbf", b"\0", b" folded\r\n", b"junk\r\n", b"\r\n\r\n\r\n")
        )
        + mail
    )


def _no_blank(mail: bytes, random: Random) -> bytes:
    return mail.replace(b"\r\n\r\n", b"\r\n", random.randint(1, 3))


def _splice(mail: bytes, random: Random) -> bytes:
    other = random.choice(SEEDS)
    return mail[: random.randint(0, len(mail))] + other[random.randint(0, len(other)) :]


def _grow(mail: bytes, random: Random) -> bytes:
    bit = random.choice(
        (
            b"\r\n",
            b" ",
            b"=",
            b"A",
            b"=\r\n",
            b"--outer\r\n",
            b"<b>",
            b"\r\n--",
            b"\xc3",
            b"=?a?q?",
            b"\t\r\n ",
            b"(",
            b"begin ",
        )
    )
    at = random.randint(0, len(mail))
    return mail[:at] + bit * (random.choice((1_000, 5_000, 40_000)) // len(bit)) + mail[at:]


def _rubbish(mail: bytes, random: Random) -> bytes:
    return random.randbytes(random.randint(0, 3_000))


_OTHERS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(
        _flip,
        _cut,
        _drop,
        _repeat,
        _insert,
        _insert,
        _swap_lines,
        _mangle_header,
        _mangle_header,
        _mangle_header,
        _charset,
    ),
    *(
        _charset,
        _encoding,
        _encoding,
        _type,
        _boundary,
        _boundary,
        _nest,
        _many_parts,
        _line_ends,
        _top,
        _no_blank,
        _splice,
    ),
    _grow,
)


def mutate(seed: int) -> bytes:
    """The odd email with this number."""
    random = Random(seed)
    mail = random.choice(SEEDS)
    if random.random() < 0.02:
        return _rubbish(mail, random)
    for _ in range(random.choice((1, 1, 2, 2, 3, 4, 6))):
        mail = random.choice(_OTHERS)(mail, random)
        if len(mail) > 400_000:
            break
    return mail
