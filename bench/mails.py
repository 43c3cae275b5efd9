"""Mail to measure with: `mixed` (about 17 kB on average: half one-time-code mails with HTML, plain notes, 30 kB
newsletters, 60 kB attachments, base64 CJK), `otp` and `plain`. Every mail has its own Message-ID, so that nothing
folds.
"""

from __future__ import annotations

import base64
import quopri
from dataclasses import dataclass
from random import Random

_WORDS = [
    "account",
    "order",
    "verify",
    "code",
    "your",
    "the",
    "team",
    "please",
    "click",
    "sign",
    "request",
    "meeting",
    "invoice",
    "ship",
    "update",
    "review",
    "schedule",
    "project",
    "number",
    "total",
    "payment",
    "received",
    "customer",
    "support",
    "question",
    "thanks",
    "regards",
    "attached",
    "document",
    "proposal",
    "deadline",
    "tomorrow",
    "monday",
    "budget",
    "design",
    "server",
    "deploy",
    "error",
    "report",
]
_CJK = "您的验证码是请在十分钟内输入以完成登录如果这不是您本人的操作请忽略此邮件謝謝確認注文番号お客様"
_CELL = '<tr><td style="font-family:Helvetica,Arial,sans-serif;font-size:14px;color:#333333;padding:12px 24px">'
_ALTERNATIVE = b'Content-Type: multipart/alternative; boundary="=_alt"\r\n'
_PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n"
PROFILES = ("mixed", "otp", "plain")


@dataclass(frozen=True, slots=True)
class Mail:
    token: str
    """32 hexadecimal digits, in its Message-ID and subject."""
    code: str
    raw: bytes


class Mails:
    """An endless, repeatable supply of one profile."""

    def __init__(self, profile: str, recipient: str, seed: int = 1) -> None:
        self._random = Random(seed)
        self._recipient = recipient
        self._shapes = _shapes(profile, Random(1))
        self._weights = [weight for weight, _, _ in self._shapes]
        self._signature = base64.b64encode(Random(3).randbytes(128)).decode()

    def next(self) -> Mail:
        random = self._random
        token = f"{random.getrandbits(128):032x}"
        code = f"{random.randrange(100_000, 1_000_000)}"
        _, head, body = random.choices(self._shapes, self._weights)[0]
        n = random.randrange(1, 250)
        top = (
            f"Received: from out{n}.sender.example (out{n}.sender.example [192.0.2.{n}])\r\n"
            f"\tby relay.sender.example with ESMTPS id {token[:16]}\r\n"
            f"\tfor <{self._recipient}>; Fri, 20 Nov 2026 10:00:00 +0000\r\n"
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.example; s=s1;\r\n"
            "\th=from:to:subject:date; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n"
            f"\tb={self._signature}\r\n"
            f'From: "Service {n}" <no-reply@sender.example>\r\nTo: <{self._recipient}>\r\n'
            f"Subject: Your order {token}\r\nMessage-ID: <{token}@sender.example>\r\n"
            "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        )
        return Mail(token, code, top.encode() + head + b"\r\n" + body.replace(b"493021", code.encode()))


def dot_stuffed(raw: bytes) -> bytes:
    """`raw` as it goes over the wire, with the end of DATA (RFC 5321 section 4.5.2)."""
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    return (b"." if raw.startswith(b".") else b"") + stuffed + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _shapes(profile: str, random: Random) -> list[tuple[int, bytes, bytes]]:
    plain = (20, _PLAIN, _text(random, 1200).encode() + b"\r\n")
    otp = (
        50,
        _ALTERNATIVE,
        _alternative(
            _text(random, 300) + "\r\nYour code is 493021\r\n",
            _html(random, 5000).replace("</table>", "</table><p>Your code is <b>493021</b></p>"),
        ),
    )
    if profile == "plain":
        return [plain]
    if profile == "otp":
        return [otp]
    blob = base64.encodebytes(random.randbytes(60_000)).replace(b"\n", b"\r\n")
    attached = (
        b"--=_mix\r\n"
        + _ALTERNATIVE
        + b"\r\n"
        + _alternative(_text(random, 800), _html(random, 3000))
        + b"\r\n--=_mix\r\n"
        b'Content-Type: application/pdf; name="invoice.pdf"\r\n'
        b'Content-Disposition: attachment; filename="invoice.pdf"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + blob + b"\r\n--=_mix--\r\n"
    )
    cjk = base64.encodebytes((_CJK * 8).encode()).replace(b"\n", b"\r\n")
    return [
        otp,
        plain,
        (15, _ALTERNATIVE, _alternative(_text(random, 4000), _html(random, 30_000))),
        (10, b'Content-Type: multipart/mixed; boundary="=_mix"\r\n', attached),
        (5, _PLAIN + b"Content-Transfer-Encoding: base64\r\n", cjk),
    ]


def _text(random: Random, size: int) -> str:
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        lines.append(" ".join(random.choices(_WORDS, k=11)))
    return "\r\n".join(lines)


def _html(random: Random, size: int) -> str:
    rows = ['<html><head><style>body{margin:0;padding:0}.x{display:block}</style></head><body><table width="100%">']
    while sum(map(len, rows)) < size:
        rows.append(f"{_CELL}{' '.join(random.choices(_WORDS, k=9))}</td></tr>")
    return "\n".join(rows) + "</table></body></html>"


def _alternative(text: str, html: str) -> bytes:
    quoted = quopri.encodestring(html.encode()).replace(b"\n", b"\r\n")
    return (
        (
            f"--=_alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
            "--=_alt\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        ).encode()
        + quoted
        + b"\r\n--=_alt--\r\n"
    )
