"""What other servers report of mail that we sent: bounces and delays (RFC 3464), complaints (RFC 5965), and the forms
of servers that follow neither.

`read_report(parsed)` says which message is meant, by its Message-ID, and what became of each recipient. What it reads
is a stranger's word: whoever acts on it must know the Message-ID as its own. Never raises, linear in the message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import Final, Literal

from letterlock.message.parse import ParsedMessage

ReportKind = Literal["bounce", "delay", "delivered", "complaint"]
Class = Literal["hard", "soft", "block", "none"]
"""hard: there is no such recipient or host, and never will be; soft: it may work later (full, busy, too large); block:
the message or its sender was not wanted (policy, reputation, content)."""


@dataclass(frozen=True, slots=True)
class Reported:
    """`status` is an enhanced status code (RFC 3463) such as 5.1.1, "" when none is told; `diagnostic` one line."""

    address: str
    class_: Class
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """`message_id`: of the message reported about, with its angle brackets, "" when the report does not name it."""

    kind: ReportKind
    message_id: str = ""
    recipients: tuple[Reported, ...] = ()


_PARTS: Final = ("message/delivery-status", "message/global-delivery-status", "message/feedback-report")
_MOST: Final = 100
_CHARS: Final = 60_000
_LINE: Final = 300
_MESSAGE_ID: Final = re.compile(
    r"^message-id:[ \t]{0,9}(?:\r?\n[ \t]{1,9})?(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE
)
_ADDRESS: Final = re.compile(r"[^\s<>()\[\],;:\"'@]{1,64}@[^\s<>()\[\],;:\"'@]{1,253}[^\s<>()\[\],;:\"'@.]")
_STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY: Final = re.compile(r"(?<![\d.])(4\d\d|5\d\d)(?=[ -])")
_SENDERS: Final = (
    "mailer-daemon",
    "postmaster",
    "mail-daemon",
    "mailerdaemon",
    "bounce",
    "double-bounce",
    "mmdf",
    "listserv",
)
_SUBJECT: Final = re.compile(
    r"undeliver|delivery (?:status|failure|has failed|problem|report|delayed)|failure notice|returned mail"
    r"|mail delivery"
    r"|message not delivered|could not (?:be delivered|send)|warning: (?:message|could not)|non[- ]?remis"
    r"|rejet|unzustellbar"
    r"|nicht zugestellt|zustellung|no se (?:pudo|ha podido) entregar|no entregado|devuelto|não entregue"
    r"|mancata consegna"
    r"|onbestelbaar|niedostarczon|не доставлен|недостав|配信不能|配信エラー|送信できません"
    r"|退信|无法投递|傳遞失敗|系统退信",
    re.IGNORECASE,
)
# RFC 3463 section 3, and what large providers make of it.
_HARD: Final = frozenset(("1.0", "1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "4.4", "5.1.10"))
_HARD_WORDS: Final = re.compile(
    r"user unknown|unknown user|no such (?:user|recipient|mailbox|address|person|account)|does(?:n['’]t| not) exist"
    r"|unknown (?:recipient|address|mailbox|account|local[- ]part)"
    r"|(?:mailbox|account|address|recipient) (?:is )?(?:not found|unavailable"
    r"|disabled|inactive|unknown|invalid|no longer"
    r"|has been (?:disabled|deactivated|closed|suspended))|invalid (?:recipient|mailbox|address)"
    r"|not a valid (?:mailbox|recipient|user)|no mailbox (?:here|by)|not our customer"
    r"|recipient (?:address )?rejected: (?!grey)"
    r"|host (?:or domain name )?not found|domain (?:name )?(?:not found|does not exist|unknown)|nxdomain"
    r"|no (?:mx|a) record|unrouteable"
    r"|unroutable|addressee unknown|user (?:doesn['’]t|does not|not) (?:exist|found|known)"
    r"|isn['’]t (?:a )?valid|delivery to this address is restricted"
    r"|unbekannt|existiert nicht|inconnu|n['’]existe pas|no existe|desconocid|não existe|inesistente"
    r"|sconosciut|onbekend|nieznan|nie istnieje"
    r"|не существует|не найден|неизвест|存在しません|見つかりません|宛先不明|不存在|查无此",
    re.IGNORECASE,
)
_SOFT_WORDS: Final = re.compile(
    r"(?:mailbox|quota|inbox|account|storage|postfach)[^\n]{0,40}(?:full|exceed|over|limit|voll)"
    r"|over ?quota|quota exceeded|insufficient (?:storage|system)"
    r"|grey-?list|try again|temporar|timed? ?out|deferred|too (?:many|busy|large)|rate limit"
    r"|connection (?:refused|reset|lost)|still being retried"
    r"|will (?:be retried|keep trying|continue to try)|message (?:size|too big|exceeds)"
    r"|exceeds (?:size|the maximum)|plein|pleine|lleno|llena|cheia|piena|vol is|переполнен|容量|満杯|已满",
    re.IGNORECASE,
)
_BLOCK_WORDS: Final = re.compile(
    r"spam|block(?:ed|list)|black-?list|dnsbl|rbl\b|reputation|policy|content (?:rejected|filter)"
    r"|not (?:allowed|authorized|authorised)|denied"
    r"|unsolicited|dmarc|spf\b|dkim|authentication|refused by|banned|virus|phish|suspicious|abuse",
    re.IGNORECASE,
)
_HEADERS: Final = BytesHeaderParser()


def read_report(parsed: ParsedMessage) -> Report | None:
    """The report that `parsed` is, or None. Notices of absence and of reading (RFC 8098) are none."""
    contents = {
        attachment.content_type.lower(): content
        for attachment, (_, content) in reversed(list(zip(parsed.attachments, parsed.contents, strict=True)))
    }
    if contents.keys().isdisjoint(_PARTS) and not _by_postmaster(parsed):
        return None
    returned = b"\n\n".join(
        content[:_CHARS] for kind, content in contents.items() if kind in ("message/rfc822", "text/rfc822-headers")
    ).decode("latin-1")
    text = "\n".join((*parsed.plain, *parsed.html))[:_CHARS]
    message_id = _message_id(returned) or _message_id(text)
    feedback = contents.get("message/feedback-report")
    if feedback is not None:
        return _complaint(feedback, returned, message_id)
    status = contents.get("message/delivery-status") or contents.get("message/global-delivery-status")
    if status is not None:
        found = _of_status(status, message_id or _answered(parsed))
        if found is not None:
            return found
    return _of_words(parsed, text, message_id or _answered(parsed))


def _by_postmaster(parsed: ParsedMessage) -> bool:
    sender = parsed.from_[0].address.lower().partition("@")[0] if parsed.from_ else ""
    return bool(parsed.header("X-Failed-Recipients")) or sender.startswith(_SENDERS)


def _message_id(text: str) -> str:
    found = _MESSAGE_ID.search(text)
    return found[1] if found else ""


def _answered(parsed: ParsedMessage) -> str:
    return next(iter((*parsed.in_reply_to, *reversed(parsed.references))), "")


def _complaint(feedback: bytes, returned: str, message_id: str) -> Report | None:
    """RFC 5965 section 3."""
    fields = _HEADERS.parsebytes(feedback[:_CHARS])
    if str(fields.get("Feedback-Type", "")).strip().lower() not in ("abuse", "fraud", "virus", "other", "opt-out"):
        return None
    told = " ".join(str(value) for value in fields.get_all("Original-Rcpt-To", []))
    to = _ADDRESS.findall(told) or _ADDRESS.findall("".join(re.findall(r"(?im)^to:([^\n]{1,1000})", returned)))
    return Report("complaint", message_id, tuple(Reported(address.lower(), "none") for address in to[:_MOST]))


def _of_status(status: bytes, message_id: str) -> Report | None:
    """RFC 3464 section 2: a block for the message, then one for each recipient."""
    blocks = re.split(rb"\r?\n[ \t]*\r?\n", status[:_CHARS].strip())
    recipients: list[Reported] = []
    actions: list[str] = []
    for block in blocks[: _MOST + 1]:
        fields = _HEADERS.parsebytes(block.strip() + b"\n\n")
        told = str(fields.get("Original-Recipient") or fields.get("Final-Recipient") or "")
        address = _address(told) or _address(str(fields.get("Final-Recipient") or ""))
        if not address:
            continue
        action = str(fields.get("Action", "failed")).strip().lower().split(" ")[0]
        diagnostic = " ".join(str(fields.get("Diagnostic-Code", "")).partition(";")[2].split())[:_LINE]
        code = _STATUS.search(str(fields.get("Status", ""))) or _STATUS.search(diagnostic)
        told_code = code[0] if code else ""
        actions.append(action)
        class_: Class = "none" if action in ("delivered", "relayed", "expanded") else _class(told_code, diagnostic)
        recipients.append(Reported(address, class_, told_code, diagnostic))
    if not recipients:
        return None
    if "failed" in actions:
        kind: ReportKind = "bounce"
    else:
        kind = "delay" if "delayed" in actions else "delivered"
    return Report(kind, message_id, tuple(recipients))


def _address(told: str) -> str:
    """Of a typed address (RFC 3464 section 2.1.2), xtext undone (RFC 3461 section 4)."""
    value = told.partition(";")[2] or told
    value = re.sub(r"\+([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), value)
    found = _ADDRESS.search(value)
    return found[0].lower() if found else ""


def _of_words(parsed: ParsedMessage, text: str, message_id: str) -> Report | None:
    """A bounce in words only: qmail, Exim, and many others."""
    failed = parsed.header("X-Failed-Recipients")
    if not failed and not (
        _by_postmaster(parsed) and (_SUBJECT.search(parsed.subject) or _SUBJECT.search(text[:2_000]))
    ):
        return None
    # What was sent is quoted below; only what the server says of it counts.
    said = re.split(r"(?im)^(?:-{2,}.{0,60}(?:original|copy of|returned|ursprüng).{0,60}|received: .{0,200})$", text)[
        0
    ][:8_000]
    found = list(dict.fromkeys(address.lower() for address in _ADDRESS.findall(failed or said)))
    own = {mailbox.address.lower() for mailbox in (*parsed.to, *parsed.from_)}
    recipients = [
        Reported(address, _class(_code(line), line), _code(line), line)
        for address in found[:_MOST]
        if address not in own and (line := _about(said, address))
    ]
    if not recipients:
        return None
    delayed = re.search(
        r"delay|still being retried|will (?:be retried|keep trying)|verzögert|warning", parsed.subject, re.IGNORECASE
    )
    return Report("delay" if delayed else "bounce", message_id, tuple(recipients))


def _code(line: str) -> str:
    found = _STATUS.search(line)
    return found[0] if found else ""


def _about(said: str, address: str) -> str:
    """What is said behind an address, up to the next paragraph's end."""
    at = said.lower().find(address)
    if at < 0:
        return " ".join(said.split())[:_LINE]
    behind = " ".join(said[at + len(address) : at + 2 * _LINE].split())
    before = " ".join(said[max(0, at - _LINE) : at].split())
    return f"{behind} {before}"[: 2 * _LINE].strip(" >:;,.")


def _class(status: str, words: str) -> Class:
    """By the enhanced code where it says enough, then by words, then by the reply code (RFC 5321 section 4.2.1)."""
    reply = _REPLY.search(words)
    if _SOFT_WORDS.search(words):
        return "soft"
    if status.startswith("4.") or (not status and reply and reply[1].startswith("4")):
        return "soft"
    detail = status.partition(".")[2]
    if detail.startswith("7.") or detail in ("6.0",):
        return "hard" if _HARD_WORDS.search(words) and not _BLOCK_WORDS.search(words) else "block"
    if detail in _HARD or status in _HARD:
        return "hard"
    if detail in ("2.2", "2.3", "3.1", "3.4", "4.1", "4.5", "4.6", "4.7", "5.3"):
        return "soft"
    if _HARD_WORDS.search(words):
        return "hard"
    if _BLOCK_WORDS.search(words):
        return "block"
    if status.startswith("5.") or (reply and reply[1].startswith("5")):
        return "hard" if reply and reply[1] in ("550", "551", "553") and detail in ("", "0.0", "1.1") else "block"
    return "soft"
