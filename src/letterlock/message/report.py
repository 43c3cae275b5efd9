"""What other servers report of mail that we sent: bounces and delays (RFC 3464), complaints (RFC 5965), and the forms
of servers that follow neither.

`read_report(parsed)` says which message is meant, by its Message-ID, and what became of each recipient. What it reads
is a stranger's word: whoever acts on it must know the Message-ID as its own, or the token that `token_of` finds in
the address the report came to. Never raises, linear in the message.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from letterlock.message.parse import ParsedMessage
from letterlock.patterns import on_demand

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
    """`message_id`: of the message reported about, with its angle brackets, "" when the report does not name it.
    `recipients`: only those whom `kind` is true of; a report that one failed and another got it is of the one.
    `token`: of the return path that the report quotes, or the envelope id, "" for none."""

    kind: ReportKind
    message_id: str = ""
    recipients: tuple[Reported, ...] = ()
    token: str = ""


_UNSEEN: Final = on_demand(r"<(style|script|title)\b", re.IGNORECASE)
_STATUS_PARTS: Final = ("message/delivery-status", "message/global-delivery-status")
_COMPLAINT_PART: Final = "message/feedback-report"
# Outlook.com (JMRP) sends the message alone, with a field that names who complained, and no report.
_COMPLAINT_SUBJECT: Final = "complaint about message"
_COMPLAINER: Final = "x-hmxmroriginalrecipient"
_RETURNED_PARTS: Final = (
    *("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "text/rfc822"),
    *("message/global", "message/global-headers"),
)
_MOST: Final = 100
_CHARS: Final = 60_000
_SAID_CHARS: Final = 8_000
_LINE: Final = 300

BOUNCES: Final = "bounces+"
TOKEN_CHARS: Final = 26
"""A return path of ours is bounces+TOKEN@DOMAIN; its token has so many characters of a-z2-7."""
_TOKEN: Final = on_demand(rf"(?<![^\s<,;:]){re.escape(BOUNCES)}([a-z2-7]{{{TOKEN_CHARS}}})@", re.IGNORECASE)
# RFC 3464 section 2.2.1: what the sender of the email called it in MAIL (RFC 3461 section 4.4).
_ENVELOPE_ID: Final = on_demand(rf"(?im)^original-envelope-id:[ \t]{{0,9}}([a-z2-7]{{{TOKEN_CHARS}}})[ \t\r]{{0,9}}$")
_TOKEN_FIELDS: Final = frozenset(("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to"))
_MESSAGE_ID: Final = on_demand(
    r"^[ \t]{0,9}(?:the )?(?:(?:x-)?original-)?message[- ]?id(?:entifier)?(?: is| was)?[ \t]{0,9}:"
    r"[ \t]{0,40}(?:\r?\n[ \t]{1,9})?(<[^<>\s]{1,900}>)",
    re.IGNORECASE | re.MULTILINE,
)
# Not the brackets, commas and stops of East Asia either, which stand beside an address without a blank.
_NOT_IN_ADDRESS: Final = "\\s<>()\\[\\],;:\"'@\u2018-\u201f\u3000-\u301f\uff01-\uff0f\uff1a-\uff20\uff3b\uff3d"
_ADDRESS: Final = on_demand(rf"[^{_NOT_IN_ADDRESS}]{{1,64}}@[^{_NOT_IN_ADDRESS}]{{1,253}}[^{_NOT_IN_ADDRESS}.]")
# RFC 3463 section 2: the second number is one of eight subjects.
_STATUS: Final = on_demand(r"(?<![\d.])([245])\.([0-7])\.(\d{1,3})(?![\d.]|\d)")
_REPLY: Final = on_demand(r"(?<![\d.])(4\d\d|5\d\d)(?=[ :'-]|$)")

# Who writes such reports.
_DAEMON: Final = on_demand(
    r"mailer-?daemon|mail-?daemon|mdaemon|post[-_.]?master|^mail-?(?:delivery|system)"
    r"|mail delivery (?:sub)?system|^mail(?:er)? (?:delivery|system)|system administrator|mailer daemon",
    re.IGNORECASE,
)
# These write much else: they must show what they could not deliver.
_PERHAPS_DAEMON: Final = on_demand(
    r"^(?:(?:double-)?bounces?|mmdf|listserv|root|mailer|(?:no|do-?not)[-_.]?reply|(?:mail-?)?admin(?:istrator)?)$",
    re.IGNORECASE,
)
# What they are about, in the subject or the first words; of a server's sender only, so that it may be wide.
_FAILED: Final = on_demand(
    r"undeliver|postponed|deliver\w{0,3} warning|returned (?:mail|message|to sender)|returning .{0,20}sender"
    r"|failure notice|mail system error|error sending (?:message|mail)|did not reach"
    r"|(?:was|has been|were) blocked|not (?:be|been|yet been|yet) deliver"
    r"|(?:\bnot|n['’]t|unable to|failed to|failure to) (?:be )?(?:deliver|sen[dt])"
    r"|(?:deliver\w{0,3}|mail|message)\b.{0,40}\b(?:fail|delay|problem|incomplete|error|unsuccessful|rejected)"
    r"|fail\w{0,4}\b.{0,20}\bdeliver|delivery (?:status|report|notification)|permanent.{0,20} (?:error|failure)"
    r"|could not send|warning: (?:message|could not)|recipient(?:s|\(s\))? .{0,30}(?:rejected|failed)"
    # In other languages.
    r"|unzustellbar|nicht (?:zugestellt|übermittelt|ausgeliefert|zustellbar)|zustellung|nachrichtenzustellung"
    r"|non[- ]?(?:remis|distribu|délivr)|pas (?:pu être|été) (?:remis|distribu|délivr|envoy)|échec|rejet"
    r"|no (?:se )?(?:ha |han )?(?:pudo|podido|puede) (?:ser )?(?:entreg|envi)|no entregad|devuelto|no se entreg"
    r"|não (?:foi |pôde ser |pode ser )?(?:possível )?entreg|falha (?:na|de|no) (?:entrega|envio)|devolvid"
    r"|mancat[ao] (?:consegna|recapito)|non (?:è stato )?(?:possibile )?(?:consegn|recapit)"
    r"|impossibile (?:recapit|consegn)|onbestelbaar|niet (?:worden )?(?:bezorgd|afgeleverd|besteld)|niedostarcz"
    r"|nie .{0,20}dostarcz|(?:kunde|kan|kunne|gick) (?:inte|ikke) .{0,20}lever|olever|ulever|ikke lever"
    r"|inte lever|ei voitu toimit|toimit\w{0,9} epäonn|nedoruč|(?:nelze|nebyl\w?) doruč|kézbesít|nelivr"
    r"|nu a (?:putut fi|fost) livrat|(?:teslim ed|ilet|gönder)ilemedi|δεν .{0,20}παραδ|αδυναμία παράδοσης"
    r"|не (?:был\w? )?(?:может быть |удалось |вдалося )?доставл|недостав"
    r"|配信(?:不能|エラー|でき|に失敗|失敗)|送信でき|送信(?:に)?失敗"
    r"|送信エラー|届けでき|届けられ|不達|返送|戻りました|退信|退回|(?:无法|無法|未能)(?:投递|送达|发送|傳遞|送達|投遞|傳送)|未送达|未送達|(?:投递|發送|发送|傳遞)失[败敗]"
    r"|(?:전송|발송|배달|전달)(?:하지 못|되지 (?:않|못)|할 수 없|될 수 없| ?실패|에 실패)|반송"
    r"|تعذر|لم يتم (?:تسليم|إرسال)|فشل|לא נמסר"
    r"|לא ניתן למסור|ไม่สามารถส่ง|không (?:thể )?(?:được )?(?:gửi|chuyển)"
    r"|tidak (?:dapat |bisa )?(?:ter|di)kirim|gagal (?:ter|di)?kirim",
    re.IGNORECASE,
)
_STILL_TRYING: Final = on_demand(
    r"still being (?:re)?tried|(?:do not|don['’]t) need to re-?send|warning message only|requeued"
    r"|delivery attempts will"
    r"|will (?:be retried|be tried again|keep trying|continue to (?:try|be)|retry|try again)"
    r"|delivery will be (?:re)?tried",
    re.IGNORECASE,
)
_DELAYED: Final = on_demand(
    r"delay|postponed|still undelivered|not yet (?:been )?delivered|temporary (?:failure|problem|error)"
    r"|warning: (?:message|could not)"
    # In other languages.
    r"|verzöger|noch nicht zugestellt|retard|retras|atras[ao]|ritardo|vertrag|задерж|затрим|opóźni|försen"
    r"|forsink|遅延|遅れ|延迟|延遲|지연",
    re.IGNORECASE,
)
_GIVEN_UP: Final = on_demand(
    r"permanent(?:e)? (?:fatal )?(?:delivery )?(?:error|failure)|failed permanently|g(?:ave|iven|iving) up"
    r"|no further attempts|not going to try again|will not (?:be retried|continue|try)"
    r"|could not be delivered for|endgültig|retry timeout exceeded",
    re.IGNORECASE,
)

# RFC 3463 section 3, and what large providers make of it. Of 5.4.1 to 5.4.7, all but 5.4.4 may pass.
_FULL: Final = "2.2"
_HARD: Final = frozenset(("1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "4.4", "4.310"))
_SOFT: Final = frozenset(
    ("2.2", "2.3", "2.4", "3.1", "3.2", "3.4", "4.1", "4.2", "4.3", "4.5", "4.6", "4.7", "5.3", "4.300")
)
_SENDER_WORDS: Final = on_demand(
    r"sender (?:verif|address rejected|rejected|denied|domain|address (?:is )?(?:not|blocked)"
    r"|policy|not (?:allow|permit|authent))"
    r"|(?:unauthori[sz]ed|invalid|unverified|unknown) sender|after mail from|in reply to mail from"
    r"|mail from .{0,40}(?:not allowed|rejected|denied)|(?:helo|ehlo)\b.{0,40}\b(?:rejected|invalid|not found)"
    r"|client host rejected|find your (?:reverse )?host",
    re.IGNORECASE,
)
_FULL_WORDS: Final = on_demand(
    r"(?:mailbox|quota|inbox|account|storage|mailfolder|postfach|kvot\w|casella)\b[^\n]{0,40}"
    r"\b(?:full|exceed|over|limit|exhaust|violat|reached|used up|voll|vol\b|fuld)"
    r"|over[ -]?quota|overdrawn|quota (?:exceeded|überschritten)|exceed\w{0,3} .{0,30}quota|out of storage"
    r"|not enough (?:storage|space|disk)|insufficient (?:system )?(?:storage|disk|space)|disk (?:is )?full"
    r"|exceeds allowed size"
    # In other languages.
    r"|\b(?:plein[e]?|llen[oa]|chei[oa]|pien[oa]|overvol|täynnä|megtelt|dolu|betelt|plină|pełn[aey]|pln[áé])\b"
    r"|cuota|überfüllt|переполн|переповн|γεμάτ|容量|満杯|一杯|いっぱい|已满|已滿|空间不足|용량|가득|đầy|penuh|เต็ม|ممتلئ|מלאה",
    re.IGNORECASE,
)
_THING: Final = r"(?:user|account|mailbox|recipient|address|alias|domain|host|person|inbox|e-?mail)"
_HARD_WORDS: Final = on_demand(
    r"unknown (?:user|recipient|address|mailbox|account|local[- ]?part|host|alias|or illegal alias|domain)"
    r"|(?:user|recipient|address|mailbox|account|host|addressee|alias)(?: is|:)? ?unknown"
    r"|no such (?:user|recipient|mailbox|address|person|account|domain|e-?mail|local)|nosuchuser"
    r"|recip(?:ient)?notfound"
    rf"|{_THING}\b.{{0,60}}"
    r"\b(?:does ?n[o'’]t exist|does not exist|is ?n[o'’]t valid|not exist|not (?:be )?found|n['’]t (?:be )?found"
    r"|not known|not listed|not recogni[sz]ed|no longer|non-?exist)"
    rf"|{_THING}\b.{{0,20}}"
    r"\b(?:disabled|inactive|deactivated|closed|suspended|terminated|archived|expired|unavailable|invalid)"
    r"|\b(?:non-?exist\w{0,4}|inactive|disabled|closed|archived|invalid|illegal|bad|unrout\w{0,4}able) "
    r"(?:user|account|mailbox|recipient|address|destination|mail domain|domain|e-?mail|alias)"
    r"|does(?:n['’]t| not) have an? .{0,40}account"
    r"|not a valid (?:mailbox|recipient|user|address|e-?mail|account)|no valid recipient"
    r"|no (?:mailbox|user|account|recipient)\b.{0,20}\b(?:here|by|of|with|named)|no one (?:here|by)"
    r"|(?:previously|already) bounced|suppression list"
    r"|not our customer|no longer (?:accepts|available|active|valid|in use|exists|works|on)"
    r"|n['’]t find any host|wasn['’]t found at|has moved|nxdomain|null ?mx|does not accept (?:e-?)?mail"
    r"|no mail ?servers?\b|no (?:mx|a) record|unrouteable|unroutable|delivery to this address is restricted"
    r"|recipient address rejected: access denied\. as\("
    # In other languages.
    r"|unbekannt|existiert nicht|nicht (?:gefunden|bekannt|vorhanden|mehr (?:aktiv|gültig))|deaktiviert"
    r"|geschlossen|ungültig|inconnu|n['’]existe (?:pas|plus)|introuvable|pas (?:été )?trouv"
    r"|destinataire invalide|bo[iî]te[^\n]{0,30}archiv|d[ée]sactiv[ée]e?|no existe|no se (?:ha |pudo )?encontr"
    r"|inexist|desconocid|inv[áa]lid|não (?:existe|encontrad|foi (?:possível )?encontr)|nao existe|desconhecid"
    r"|inativ|desativad|inesistent|sconosciut|non (?:esiste|trovat|valido|è stato trovat)|impossibile trovare"
    r"|onbekend|niet (?:gevonden|worden gevonden)|bestaat niet|nieznan"
    r"|nie (?:istnieje|znalezion|można (?:odnaleźć|znaleźć)|odnaleziono)|okänd|finns inte|hittades inte"
    r"|inte att hitta|ukendt|ukjent|findes ikke|finnes ikke|ikke (?:fundet|funnet)|finner ikke|tuntematon"
    r"|ei ole olemassa|ei löyd|ei löytynyt|neznám|neexist|nenalezen|nebyla? nalezen|nenájden|ismeretlen"
    r"|nem létez|nem található|necunoscut|nu există|nu a fost găsit|bulunamadı|mevcut değil|bilinmeyen|άγνωστ"
    r"|δεν (?:υπάρχει|βρέθηκε)"
    r"|не (?:существует|найден|удалось найти|вдалося знайти|знайден|існує|зарегистрирован)|неизвест|невідом"
    r"|несуществующ|отключен|заблокирован|存在しま(?:せん|ない)|存在しない|見つかりません"
    r"|(?:リスト|ディレクトリ|アドレス|[宛あ]て?先)[^\n]{0,20}ありません|(?:宛|あて)先(?:が)?不明|不存在|未找到|找不到|查无|查無|无效|無效|不正な(?:宛先|アドレス)"
    r"|존재하지 않|없는 (?:사용자|메일|주소|계정)|찾을 수 없"
    r"|không (?:tồn tại|tìm thấy)|tidak (?:ditemukan|ada|dikenal)|ไม่พบ|ไม่มี"
    r"|غير موجود|لا يوجد|لم يتم العثور|غير معروف|לא קיימ|לא נמצא",
    re.IGNORECASE,
)
_PASSING_WORDS: Final = on_demand(
    r"grey-?list|gray-?list|try (?:again|later)|temporar|timed? ?-?out|deferred"
    r"|too (?:many|busy|large|big|long)|rate limit|connection (?:refused|reset|lost|dropped|closed|failed)"
    r"|connect to .{0,80}(?:refused|unreachable|no route)|retry time|still being retried"
    r"|will (?:be retried|keep trying|continue to try)|message (?:size|expired|is too|exceeds)"
    r"|exceeds (?:size|the maximum|maximum|fixed)|expired|unreachable|not answering|not responding"
    r"|n['’]t respond|loop(?:s|ing)?\b|too many hops|hop count|been failing|did not complete|establish an smtp"
    r"|not available"
    # In other languages.
    r"|zu groß|trop (?:gros|volumineux)|demasiado grande|muito grande|troppo grande|слишком больш|временн|大きすぎ"
    r"|过大|過大|너무",
    re.IGNORECASE,
)
_BLOCK_WORDS: Final = on_demand(
    r"spam|dt:spm|\bblock|black-?list|dnsbl|rbl\b|reputation|polic(?:y|ies)"
    r"|content (?:rejected|filter|denied|not)|unacceptable content"
    r"|not (?:allowed|authori[sz]ed|permitted|accept(?:ed|ing) (?:for|from))|denied|unable to relay|relaying"
    r"|permission|restrict|unsolicited|dmarc|\bspf\b|sender policy framework|dkim|authenticat|refused by|banned"
    r"|virus|malware|phish|suspicious|abus|violat|prohibited|file type|reverse dns|\bptr\b|security|complain"
    r"|junk|listed (?:in|at|by|on)|message (?:was |has been )?(?:rejected|refused|classified|content)"
    r"|mail (?:content|rejected|rejete|refus)"
    # In other languages.
    r"|verstoß|abgelehnt|refus[ée]|rechazad|rejeitad|rifiutat|odrzucon|отклонен|отвергнут|垃圾|拒收|拒绝|拒絕|迷惑|拒否|스팸"
    r"|차단|거부",
    re.IGNORECASE,
)
_RETURNED_LINE: Final = on_demand(
    r"(?im)^[ \t|>]{0,4}(?:--.{0,120}(?:original|copy of|returned|ursprüng|message (?:text|header)|元の).{0,60}"
    r"|(?:original message|message headers?|.{0,30}original message) follows?.{0,9})$"
)
_RETURNED_HEADERS: Final = on_demand(
    r"(?im)^(?:received|return-path|message-id|dkim-signature|mime-version|x-[a-z-]{1,40}):[ \t][^\n]{0,999}\n"
    r"(?:[ \t][^\n]{0,999}\n){0,20}[a-z][a-z0-9-]{1,40}:[ \t]"
    r"|^(?:from|to|subject|date"
    r"|reply-to):[ \t][^\n]{0,999}\n(?:[a-z][a-z0-9-]{1,40}:[ \t][^\n]{0,999}\n){1,9}message-id:"
)
_FAILED_FOR_GOOD: Final = on_demand(r"fail|undeliver|return|unzustell|退信", re.IGNORECASE)
_AT_DATA: Final = on_demand(r"(?:end of|after|reply to|to|for) (?:the )?(?:data|text|message|greeting)", re.IGNORECASE)


def read_report(parsed: ParsedMessage) -> Report | None:
    """The report that `parsed` is, or None. Notices of absence and of reading (RFC 8098) are none."""
    contents = {
        attachment.content_type.lower(): content
        for attachment, (_, content) in reversed(list(zip(parsed.attachments, parsed.contents, strict=True)))
    }
    found = _read(parsed, contents)
    # RFC 5965 section 3.2: Original-Mail-From; RFC 5321 section 4.4: the Return-Path of what is returned.
    parts = (_text(contents[kind][:_CHARS]) for kind in (_COMPLAINT_PART, *_RETURNED_PARTS) if kind in contents)
    if found is None:
        return None
    told = "\n".join(_text(contents[kind][:_CHARS]) for kind in _STATUS_PARTS if kind in contents)
    named = _ENVELOPE_ID.search(told)
    return replace(found, token=token_of("\n".join((*parts, *parsed.plain))) or (named[1].lower() if named else ""))


def _read(parsed: ParsedMessage, contents: Mapping[str, bytes]) -> Report | None:
    status = next((contents[kind] for kind in _STATUS_PARTS if kind in contents), None)
    feedback = contents.get(_COMPLAINT_PART)
    sender = parsed.from_[0] if parsed.from_ else None
    local_part = sender.address.partition("@")[0] if sender else ""
    by_daemon = bool(parsed.header("X-Failed-Recipients")) or bool(
        sender and (_DAEMON.search(local_part) or _DAEMON.search(sender.name))
    )
    # RFC 3834 section 4: what a person's program answers goes to the return path too.
    fields = (value for name, value in parsed.headers if name.lower() in _TOKEN_FIELDS)
    awaited = any(map(token_of, fields)) and not parsed.header("Auto-Submitted").lower().startswith("auto-replied")
    perhaps = bool(_PERHAPS_DAEMON.search(local_part))
    complained = feedback is not None or _COMPLAINT_SUBJECT in parsed.subject.lower()
    if status is None and not (complained or by_daemon or awaited or (perhaps and _may_show(parsed, contents))):
        return None
    returned_part = _text(b"\n\n".join(contents[kind][:_CHARS] for kind in _RETURNED_PARTS if kind in contents))
    said, returned_below = _said(parsed)
    returned = _fields(returned_part or returned_below)
    told = _fields(_text(feedback[:_CHARS])) if feedback is not None else {}
    if feedback is None and complained and _COMPLAINER in returned:
        told = {"original-rcpt-to": returned[_COMPLAINER]}
    if feedback is not None or told:
        return _complaint(told, returned, _message_id(returned_part, said, returned_below))
    if status is not None:
        told_status = _text(status[:_CHARS])
        message_id = _message_id(returned_part, told_status, said, returned_below) or _answered(parsed)
        if found := _of_status(told_status, said, message_id):
            return found
    shown_id = _message_id(returned_part, returned_below, said)
    if not (by_daemon or awaited or (perhaps and shown_id)):
        return None
    return _of_words(parsed, said, returned, shown_id or _answered(parsed))


def token_of(told: str) -> str:
    """The token of the return path of ours that an address is or a header field names, in lower case (some servers
    change it), or ""."""
    found = _TOKEN.search(told)
    return found[1].lower() if found else ""


def _said(parsed: ParsedMessage) -> tuple[str, str]:
    """What the server says, and what follows of the message it could not deliver."""
    text = "\n".join(parsed.plain)[:_CHARS]
    if not text.strip():
        text = _words_of("\n".join(parsed.html)[:_CHARS])
    cut = _RETURNED_LINE.search(text)
    headers = _RETURNED_HEADERS.search(text)
    at = min((found.start() for found in (cut, headers) if found), default=len(text))
    return text[:at][:_SAID_CHARS], text[headers.start() :] if headers else text[at:]


def _words_of(page: str) -> str:
    """The words of HTML, without those of its styles and scripts."""
    kept, at, lower = [], 0, page.lower()
    while found := _UNSEEN.search(page, at):
        kept.append(page[at : found.start()])
        end = lower.find(f"</{found[1].lower()}", found.end())
        at = end if end >= 0 else len(page)
    kept.append(page[at:])
    lines = re.sub(r"(?i)<(?:br|/?(?:p|div|tr|td|li|h\d|table))\b[^<>]{0,900}>", "\n", "".join(kept))
    return html.unescape(re.sub(r"<[^<>]{0,900}>", " ", lines))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _fields(text: str) -> Mapping[str, str]:
    """Name in lower case to value, unfolded, of the lines up to the first empty one; the first of a name counts."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.lstrip().splitlines():
        if not line.strip():
            break
        if line[0] in " \t":
            lines.append(line.strip())
            continue
        name, colon, value = line.partition(":")
        lines = [value.strip()]
        if colon:
            found.setdefault(name.strip().lower(), lines)
    return {name: " ".join(values) for name, values in found.items()}


def _message_id(*texts: str) -> str:
    return next((found[1] for text in texts if (found := _MESSAGE_ID.search(text))), "")


def _answered(parsed: ParsedMessage) -> str:
    return next(iter((*parsed.in_reply_to, *reversed(parsed.references))), "")


def _may_show(parsed: ParsedMessage, contents: Mapping[str, bytes]) -> bool:
    """Whether `parsed` may hold a Message-ID of what it returns. In plain text one is as it is written: <...>."""
    texts = "\n".join(parsed.plain)
    return "<" in texts or not texts[:_CHARS].strip() or any(kind in contents for kind in _RETURNED_PARTS)


def _addressed(returned: Mapping[str, str]) -> list[str]:
    found = _ADDRESS.findall(" ".join(returned.get(name, "")[:_CHARS] for name in ("to", "cc")))
    return list(dict.fromkeys(address.lower() for address in found))[:_MOST]


def _complaint(told: Mapping[str, str], returned: Mapping[str, str], message_id: str) -> Report | None:
    """RFC 5965 section 3; "not-spam" and "auth-failure" (RFC 6430, RFC 6591) are no complaints."""
    kind = told.get("feedback-type", "abuse").lower().split(" ")[0]
    if kind not in ("abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"):
        return None
    to = [found.lower() for found in _ADDRESS.findall(told.get("original-rcpt-to", ""))] or _addressed(returned)
    return Report("complaint", message_id, tuple(Reported(address, "none") for address in to[:_MOST]))


_KINDS: Final[Mapping[str, ReportKind]] = {
    "failed": "bounce",
    "delayed": "delay",
    "delivered": "delivered",
    "relayed": "delivered",
    "expanded": "delivered",
}


def _of_status(status: str, said: str, message_id: str) -> Report | None:
    """RFC 3464 section 2: a block for the message, then one for each recipient."""
    found: dict[ReportKind, list[Reported]] = {"bounce": [], "delay": [], "delivered": []}
    for block in re.split(r"\r?\n[ \t]*\r?\n", status.strip())[: _MOST + 1]:
        fields = _fields(block)
        address = _address(fields)
        if not address:
            continue
        action = re.split(r"[ (;]", fields.get("action", "failed").lower(), maxsplit=1)[0]
        kind = _KINDS.get(action, "bounce")
        told = fields.get("diagnostic-code", "")
        # RFC 3464 section 2.3.6: a type comes first, which some leave out.
        type_, semicolon, rest = told.partition(";")
        diagnostic = " ".join((rest if semicolon and " " not in type_.strip() else told).split())[:_LINE]
        code = _code(fields.get("status", ""), diagnostic)
        if not diagnostic and code[1:] in ("", ".0.0"):
            diagnostic = _about(said, address, [address])[:_LINE]
            code = _code(code, diagnostic)
        class_: Class = "soft" if kind == "delay" else "none" if kind == "delivered" else _class(code, diagnostic)
        found[kind].append(Reported(address, class_, code, diagnostic))
    reports = (Report(kind, message_id, tuple(recipients)) for kind, recipients in found.items() if recipients)
    return next(reports, None)


def _address(fields: Mapping[str, str]) -> str:
    """As we wrote it if that is told, else as the server knows it (RFC 3464 sections 2.3.1 and 2.3.2). The original may
    still be in xtext (RFC 3461 section 4), where in a plain address only "+" and "=" are other than they were."""
    original, final = (_typed(fields.get(name, "")) for name in ("original-recipient", "final-recipient"))
    if original == final:
        return original
    return original.replace("+3d", "=").replace("+2b", "+") or final


def _typed(told: str) -> str:
    """RFC 3464 section 2.1.2; of utf-8 addresses in seven bits RFC 6533 section 3."""
    value = re.sub(r"\\x\{([0-9a-fA-F]{1,6})\}", _point, told.partition(";")[2] or told)
    found = _ADDRESS.search(value)
    return found[0].lower() if found else ""


def _point(match: re.Match[str]) -> str:
    point = int(match[1], 16)
    return chr(point) if 0x20 < point < 0x110000 and not 0xD800 <= point < 0xE000 else "\N{REPLACEMENT CHARACTER}"


def _of_words(parsed: ParsedMessage, said: str, returned: Mapping[str, str], message_id: str) -> Report | None:
    """A bounce in words only: qmail, Exim, and many others."""
    failed = parsed.header("X-Failed-Recipients")
    lead = said[:2_000]
    if not failed and not (_FAILED.search(parsed.subject) or _FAILED.search(lead) or _refused(lead, bool(returned))):
        return None
    sent_to = _addressed(returned)
    own = {mailbox.address.lower() for mailbox in (*parsed.to, *parsed.from_)}
    own |= {
        found.lower() for name in ("from", "sender", "reply-to") for found in _ADDRESS.findall(returned.get(name, ""))
    }
    own |= {message_id.strip("<>").lower()} - set(sent_to)
    named = [found.lower() for found in _ADDRESS.findall(failed or f"{said}\n{parsed.subject}")]
    named = [address for address in dict.fromkeys(named) if address not in own][:_MOST]
    # A helpdesk may be named beside whom it was sent to; if nobody is, it can be but the one it was sent to.
    recipients = [address for address in named if address in sent_to] or named or (sent_to if len(sent_to) == 1 else [])
    if not recipients:
        return None
    # The subject of what was sent may be part of the report's: it may speak of a delay of something else.
    words = f"{parsed.subject}\n{said}"
    late = _STILL_TRYING.search(words) or (_DELAYED.search(words) and not _FAILED_FOR_GOOD.search(parsed.subject))
    if late and not _GIVEN_UP.search(words):
        return Report("delay", message_id, tuple(_judged(said, one, recipients, "soft") for one in recipients))
    return Report("bounce", message_id, tuple(_judged(said, one, recipients) for one in recipients))


def _refused(words: str, returned: bool) -> bool:
    """What was sent, or a reply of SMTP, and why it failed."""
    shown = returned or _REPLY.search(words) or _STATUS.search(words)
    return bool(shown and (_HARD_WORDS.search(words) or _FULL_WORDS.search(words) or _BLOCK_WORDS.search(words)))


def _judged(said: str, address: str, recipients: list[str], class_: Class | None = None) -> Reported:
    line = _about(said, address, recipients)
    code = _code(line)
    return Reported(address, class_ or _class(code, line), code, line[:_LINE])


def _about(said: str, address: str, recipients: list[str]) -> str:
    """What is said behind an address, up to the next that failed, and before it."""
    lower = said.lower()
    at = lower.find(address)
    if at < 0:
        return " ".join(said.split())[: 4 * _LINE]
    end = at + len(address)
    others = [found for one in recipients if one != address and (found := lower.find(one, end, end + 2 * _LINE)) >= 0]
    behind = " ".join(said[end : min(others, default=end + 2 * _LINE)].split())
    before = " ".join(said[max(0, at - _LINE) : at].split())
    return f"{behind} {before}".strip(" >:;,.")


def _code(*texts: str) -> str:
    """The enhanced code that says most: 5.0.0 says nothing, 5.1.0 little."""
    found = [match[0] for text in texts for match in _STATUS.finditer(text)]
    return min(found, key=lambda code: (code.endswith(".0.0"), code.endswith(".0")), default="")


def _class(code: str, words: str) -> Class:
    """By words that leave no doubt, then by the enhanced code where it says enough, then by other words, then by the
    reply code (RFC 5321 section 4.2.1)."""
    reply = _REPLY.search(words)
    level = code[:1] or (reply[1][0] if reply else "")
    detail = code[2:]
    hard, block = _HARD_WORDS.search(words), _BLOCK_WORDS.search(words)
    if _FULL_WORDS.search(words) or detail == _FULL:
        return "soft"
    if level == "4" or (detail in _SOFT and not hard):
        return "soft"
    if _SENDER_WORDS.search(words) or detail in ("1.7", "1.8", "6.0"):
        return "block"
    if detail in _HARD:
        return "block" if block and not hard else "hard"
    if detail.startswith("7."):
        return "hard" if hard and not block else "block"
    if "temporar" in words.lower():
        return "soft"
    if hard and (level == "5" or not _PASSING_WORDS.search(words)):
        return "hard"
    if _PASSING_WORDS.search(words):
        return "soft"
    if block:
        return "block"
    if level == "5":
        at_recipient = reply is not None and reply[1] in ("550", "551", "553") and detail in ("", "0.0", "1.0")
        return "hard" if at_recipient and not _AT_DATA.search(words) else "block"
    return "soft"
