"""The newest part of a reply, apart from the history quoted below it.

Known forms: "> " blocks, the line that introduces them ("On ... wrote:" in some thirty languages, over one to three
lines), "-----Original Message-----" rules, header blocks (From:/Sent:/To:/Subject:), a rule of underscores above one.
Reads each line once.
"""

from __future__ import annotations

import re


def newest_part(text: str) -> int:
    """Offset in `text` where the quoted history begins; len(text) when there is none.

    Text that begins with its history (an answer below a quote, a bare forward) has no newest part above it: then the
    whole text counts as new."""
    starts, lines = _split(text)
    for at, line in enumerate(lines):
        if not line:
            continue
        begins = _begins(lines, at)
        if begins is None:
            continue
        if not any(lines[:begins]):
            # Nothing stands above it. An answer may stand below: it must not be cut away.
            return len(text)
        if line.startswith(">") and _answered_below(lines, at):
            continue
        return starts[begins]
    return len(text)


_LONGEST_LINE = 500
_MOST_LINES = 20_000


def _split(text: str) -> tuple[list[int], list[str]]:
    """Where each line starts, and the line without blanks and marks of direction around it."""
    starts: list[int] = []
    lines: list[str] = []
    start = 0
    while start <= len(text) and len(lines) < _MOST_LINES:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        starts.append(start)
        lines.append(text[start : min(end, start + _LONGEST_LINE)].strip(_BLANKS))
        start = end + 1
    return starts, lines


_BLANKS = " \t\r\u00a0\u200e\u200f\u202a\u202b\u202c*"

_RULE = re.compile(
    r"[-_=\u2014\u2500 ]{2,}\s?(?:original message|original-nachricht|ursprüngliche nachricht|"
    r"urspr[. ]+nachricht|weitergeleitete nachricht|forwarded message|forwarded by .{1,80}|message d'origine|"
    r"message original|message transféré|mensaje original|mensaje reenviado|mensagem original|"
    r"mensagem encaminhada|messaggio originale|messaggio inoltrato|oorspronkelijk bericht|origineel bericht|"
    r"doorgestuurd bericht|ursprungligt meddelande|originalmeddelande|oprindelig meddelelse|"
    r"opprinnelig melding|alkuperäinen viesti|oryginalna wiadomość|wiadomość oryginalna|původní zpráva|"
    r"pôvodná správa|eredeti üzenet|mesaj original|исходное сообщение|пересылаемое сообщение|"
    r"оригінальне повідомлення|оригинално съобщение|αρχικό μήνυμα|orijinal mesaj|özgün ileti|الرسالة الأصلية|"
    r"הודעה מקורית|原始邮件|原始郵件|转发的邮件|元のメッセージ|원본 메일|원본 메시지|"
    r"thư gốc)\s?[-_=\u2014\u2500 ]{2,}",
    re.IGNORECASE,
)
# The words of the line above a quote.
_WROTE = re.compile(
    r"(?:wrote|writes|schrieb|geschrieben|a écrit|escribió|escreveu|ha scritto|scrisse|schreef|"
    r"het volgende geschreven|skrev|kirjoitti|kirjutas|rakstīja|rašė|napisał(?:\(a\)|a)?|napsala?|napísala?|"
    r"(?:ezt )?írta|a scris|написал(?:\(а\)|а)?|пишет?|писал|написав|έγραψε|yazdı|كتب|نوشت|כתב(?:/ה|ה)?|ने लिखा|"
    r"লিখেছেন|đã viết|menulis|さんは書きました|のメール|写道|寫道|님이 작성|작성|เขียนว่า|va escriure|"
    r"idatzi zuen|je napisao(?:/la)?|је написао|skrifaði)(?!\w)",
    re.IGNORECASE,
)
# What such a line begins with; a date or an address must follow.
_ON = re.compile(
    r"(?:on|am|le|el|em|il|op|den|på|dne|dňa|dnia|w dniu|kl|pe|la|в|на|στις|am .{2,12},|a\(z\)|at|em |ma|ti|"
    r"ke|to|pe|su|ons|mån|tis|tors|fre)\b|[^\d\n]{0,12}\d{1,4}[-./年 ]|<?[^\s<>@]+@|بتاريخ|في|در|ב|วันที่|vào|"
    r"pada",
    re.IGNORECASE,
)
_DATED = re.compile(r"\d{1,4}[-./:年月日 ]|@|\b(?:19|20)\d\d\b")
_FIELD = re.compile(
    r"(from|von|de|da|van|från|fra|lähettäjä|od|feladó|expeditor|от|від|από|kimden|gönderen|من|از|מאת|发件人|"
    r"寄件者|差出人|보낸 사람|từ|dari)\s?[:：]|(sent|date|gesendet|datum|envoyé|enviado(?: el| em)?|fecha|"
    r"data|inviato|verzonden|skickat|sendt|lähetetty|wysłano|odesláno|odoslané|küldve|trimis|отправлено|дата|"
    r"надіслано|στάλθηκε|gönderildi|tarih|تاريخ|تم الإرسال|تاریخ|נשלח|发送时间|寄件日期|送信日時|日期|"
    r"보낸 날짜|날짜|ngày)\s?[:：]|(to|an|à|para|a|aan|till|til|vastaanottaja|do|címzett|către|кому|до|προς|"
    r"kime|إلى|به|אל|收件人|宛先|받는 사람|đến|kepada|cc|subject|betreff|objet|asunto|assunto|oggetto|"
    r"onderwerp|ämne|emne|aihe|temat|předmět|predmet|tárgy|subiect|тема|θέμα|konu|الموضوع|موضوع|נושא|主题|"
    r"主旨|件名|제목|chủ đề)\s?[:：]",
    re.IGNORECASE,
)
_UNDERSCORES = re.compile(r"[_\u2500-]{20,}")


def _begins(lines: list[str], at: int) -> int | None:
    """The line at which history begins if lines[at] is the first sign of it."""
    line = lines[at]
    if line.startswith(">"):
        return at
    if line[0] in "-_=\u2014\u2500 " and _RULE.fullmatch(line):
        return at
    if line[-1] in ":：﹕" or _next_is_quote(lines, at):
        # The introduction may be broken over up to three lines.
        first, above = at, at - 1
        while above >= max(0, at - 2) and lines[above]:
            if _ON.match(lines[above]) and _DATED.search(lines[above]):
                first = above
            above -= 1
        whole = " ".join(lines[first : at + 1])
        if _ON.match(whole) and _DATED.search(whole) and (_WROTE.search(whole) or "@" in whole):
            return first
        if _next_is_quote(lines, at) and _WROTE.search(whole):
            return at
    if _FIELD.match(line) and _is_header_block(lines, at):
        above = at - 1
        while above >= 0 and not lines[above]:
            above -= 1
        return above if above >= 0 and _UNDERSCORES.fullmatch(lines[above]) else at
    return None


def _next_is_quote(lines: list[str], at: int) -> bool:
    return any(line.startswith(">") for line in lines[at + 1 : at + 4])


def _is_header_block(lines: list[str], at: int) -> bool:
    """Whether a header block of an older message begins here: its sender first, then at least two further fields."""
    found = set()
    first = _FIELD.match(lines[at])
    if first is None or first.lastindex != 1:
        return False
    for line in lines[at : at + 8]:
        match = _FIELD.match(line)
        if match:
            found.add(match[0].lower())
    return len(found) >= 3


def _answered_below(lines: list[str], at: int) -> bool:
    """Whether somebody goes on writing below the quote that begins here: then the quote is part of the answer."""
    below = at
    while below < len(lines) and (lines[below].startswith(">") or not lines[below]):
        below += 1
    rest = [line for line in lines[below : below + 400] if line]
    return bool(rest) and rest[0] not in ("--", "-- ") and not _FOOTER.match(rest[0])


_FOOTER = re.compile(
    r"(?:--|__|==|sent from|gesendet von|envoyé de|enviado desde|inviato da|verzonden vanaf)", re.IGNORECASE
)
