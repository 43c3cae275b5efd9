"""Replies: their newest part apart from the history quoted below it, and what that part amounts to.

Known forms of history: "> " blocks, the line that introduces them ("On ... wrote:" in some thirty languages, over one
to three lines), "-----Original Message-----" rules, header blocks (From:/Sent:/To:/Subject:), a rule of underscores
above one. What a reply amounts to goes by phrases of ten languages, none rather than a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from letterlock.message.extract.facts import find_facts
from letterlock.message.extract.keywords import fold
from letterlock.message.parse import ParsedMessage
from letterlock.patterns import on_demand


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

_RULE = on_demand(
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
_WROTE = on_demand(
    r"(?:wrote|writes|schrieb|geschrieben|a écrit|escribió|escreveu|ha scritto|scrisse|schreef|"
    r"het volgende geschreven|skrev|kirjoitti|kirjutas|rakstīja|rašė|napisał(?:\(a\)|a)?|napsala?|napísala?|"
    r"(?:ezt )?írta|a scris|написал(?:\(а\)|а)?|пишет?|писал|написав|έγραψε|yazdı|كتب|نوشت|כתב(?:/ה|ה)?|ने लिखा|"
    r"লিখেছেন|đã viết|menulis|さんは書きました|のメール|写道|寫道|님이 작성|작성|เขียนว่า|va escriure|"
    r"idatzi zuen|je napisao(?:/la)?|је написао|skrifaði)(?!\w)",
    re.IGNORECASE,
)
# What such a line begins with; a date or an address must follow.
_ON = on_demand(
    r"(?:on|am|le|el|em|il|op|den|på|dne|dňa|dnia|w dniu|kl|pe|la|в|на|στις|am .{2,12},|a\(z\)|at|em |ma|ti|"
    r"ke|to|pe|su|ons|mån|tis|tors|fre)\b|[^\d\n]{0,12}\d{1,4}[-./年 ]|<?[^\s<>@]+@|بتاريخ|في|در|ב|วันที่|vào|"
    r"pada",
    re.IGNORECASE,
)
_DATED = on_demand(r"\d{1,4}[-./:年月日 ]|@|\b(?:19|20)\d\d\b")
_FIELD = on_demand(
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
_UNDERSCORES = on_demand(r"[_\u2500-]{20,}")


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


_FOOTER = on_demand(
    r"(?:--|__|==|sent from|gesendet von|envoyé de|enviado desde|inviato da|verzonden vanaf)", re.IGNORECASE
)


# --- what it amounts to -----------------------------------------------------------------------------------------------

ReplyKind = Literal["interested", "not_interested", "out_of_office", "unsubscribe_request", "wrong_person", "bounced"]


@dataclass(frozen=True, slots=True)
class ReplyClass:
    """What a reply amounts to. `confidence` 0..1; `reason`: the words that say it, outside text; `returns`: the ISO
    date on which an absent writer is back, "" when none is named."""

    kind: ReplyKind
    confidence: float
    reason: str = ""
    returns: str = ""


def reply_class(parsed: ParsedMessage, text: str, category: str) -> ReplyClass | None:
    """What the newest part of a reply says, or None: the email answers nothing, or says nothing that a rule knows.

    `text` is that newest part as a person sees it, `category` what categorise() made of the email. Only answers are
    looked at: mail that names what it answers, or that a machine sent back (RFC 3834, RFC 3464)."""
    if category == "bounce":
        return ReplyClass("bounced", 0.95)
    written = " ".join(text[:_OPENING].split())
    opening = fold(written)
    if category == "auto_reply":
        away = _AWAY.search(opening) or _AWAY.search(fold(parsed.subject))
        if away or _BACK.search(opening):
            return ReplyClass("out_of_office", 0.95, away[0] if away else "", _returns(written, parsed.date))
        gone = _SAYS["wrong_person"].search(opening)
        return ReplyClass("wrong_person", 0.8, gone[0]) if gone else None
    if not (parsed.in_reply_to or parsed.references or _PREFIX.match(parsed.subject)):
        return None
    if (away := _AWAY.search(opening)) and _BACK.search(opening):
        return ReplyClass("out_of_office", 0.8, away[0], _returns(written, parsed.date))
    for kind in ("unsubscribe_request", "wrong_person", "not_interested", "interested"):
        found = next((m for m in _SAYS[kind].finditer(opening) if not _turned(opening, m)), None)
        if found is not None:
            # Somebody who says it at once means it; further down it may be about something else.
            return ReplyClass(kind, 0.9 if found.start() < _AT_ONCE else 0.7, found[0][:100])
    return None


def _turned(text: str, match: re.Match[str]) -> bool:
    """Whether what was found is denied, asked or supposed: "not interested", "if you are interested", "are you …?"."""
    before = text[max(0, match.start() - 24) : match.start()]
    if _TURNS.search(before):
        return True
    sentence_end = _SENTENCE_END.search(text, match.end())
    return bool(sentence_end and sentence_end[0][0] in "?？" and _ASKS.search(before))


def _returns(text: str, at: datetime | None) -> str:
    """The first day named after a word for coming back; else the last one named. A day without its year is the next
    such day after the email was written."""
    days = [(day.start, iso) for day in find_facts(text).dates if (iso := _with_year(day.iso, at))]
    back = _BACK.search(fold(text))
    after = [iso for start, iso in days if back is not None and start >= back.start()]
    return after[0] if after else days[-1][1] if days else ""


def _with_year(iso: str, at: datetime | None) -> str:
    if not iso.startswith("--"):
        return iso[:10]
    if at is None:
        return ""
    this_year = f"{at.year}-{iso[2:]}"
    return this_year if this_year >= at.date().isoformat() else f"{at.year + 1}-{iso[2:]}"


_AWAY: Final = on_demand(
    r"out of (?:the )?office|not in the office|(?:on|taking) (?:\w+ )?(?:leave|vacation|holidays?|pto)"
    r"|away (?:from|until|till)"
    r"|currently (?:away|travelling|traveling)|abwesen\w+|nicht im (?:büro|haus)|im urlaub|außer haus"
    r"|absente?s?\b|en congés?"
    r"|en vacances|fuera de la oficina|de vacaciones|ausente|fora do escritório|de férias"
    r"|fuori (?:ufficio|sede)|in ferie"
    r"|assente|afwezig|op vakantie|poza biurem|na urlopie|nieobecn\w+|в отпуске|отсутств\w+|不在|休暇|休假|外出"
)
_BACK: Final = on_demand(
    r"\buntil\b|\btill\b|\bback (?:on|in|at)\b|\breturn\w*|\bbis (?:zum |einschließlich )?"
    r"|\bwieder (?:da|erreichbar|im)\b"
    r"|\bzurück\b|jusqu['’]au|de retour|\bhasta\b|\bvuelvo\b|\bregres\w+|\baté\b|\bretorn\w+|\bvolto\b|\bfino al?\b"
    r"|\btorner\w+|\brientr\w+|\btot\b|\bterug\b|\bdo (?:dnia)?\b|\bwr(?:acam|ócę)\b"
    r"|\bдо\b|верн\w+|まで|戻り|返回|回来|至"
)
_OPENING: Final = 3_000
_AT_ONCE: Final = 200
_PREFIX: Final = on_demand(
    r"\s*(?:re|aw|sv|antw|res|ref|odp|vs|ynt|回复|答复|回覆)\s?(?:\[\d+\])?\s?[:：]", re.IGNORECASE
)
_TURNS: Final = on_demand(
    r"(?:\b(?:not|no|n['’]t|never|if|whether|when|unless|nicht|kein\w*|falls|wenn|ob|pas|si|no|non|niet|als|nie|jeśli|"
    r"não|se|ikke|inte|om)\s(?:\w+\s){0,2})\Z"
)
_ASKS: Final = on_demand(r"\b(?:are|would|do|did|is|seid|sind|sie|êtes|está|siete)\s(?:\w+\s){0,2}\Z")
_SENTENCE_END: Final = on_demand(r"[.!?？。！]")
_TABLE: Final = {
    "unsubscribe_request": """
        unsubscribe me|please unsubscribe|take me off|remove me from|remove my (?:email|address|name|details)
        stop (?:emailing|contacting|sending|writing to) me|stop sending (?:these|this|me)|do not (?:contact|email) me
        don['’]t (?:contact|email|write to) me|no more emails|delete my (?:data|address|email)|opt me out|opt out
        when (?:will|do) you stop
        ^(?:unsubscribe|stop|remove|abmelden|désabonner|désinscrire|baja|cancelar)\\b.?$
        tragen sie mich aus|trag mich aus|bitte austragen|(?:nehmen|streichen) sie mich (?:von|aus)
        keine weiteren (?:e-?mails|mails|nachrichten)
        (?:kontaktieren|schreiben|mailen) sie m(?:ich|ir) nicht(?: mehr| länger)?
        löschen sie meine (?:daten|adresse|e-?mail)
        désabonnez-moi|désinscrivez-moi|me désabonner|me désinscrire|retirez-moi
        ne m['’](?:envoyez|écrivez|contactez) plus|cessez de m
        darme de baja|denme de baja|dame de baja|quítenme|quitarme de|bórrenme
        no me (?:escriban|envíen|contacten|manden) más|eliminen mis datos
        descadastr\\w+|me remova|remova(?:-me| meu)|removam? o meu|não me (?:envie|enviem|contate) mais
        cancelar a minha inscrição
        cancellatemi|cancellami|rimuovetemi|disiscriv\\w+|non (?:scrivetemi|contattatemi|inviatemi) più|togliete il mio
        schrijf mij uit|meld mij af|haal mij van|verwijder mij|uitschrijven graag|stuur mij geen
        proszę o wypisanie|wypisz(?:cie)? mnie|usuń(?:cie)? mnie|nie pisz(?:cie)? do mnie|proszę nie wysyłać
        отпишите меня|удалите меня|не пишите мне|прекратите (?:присылать|слать)|уберите меня
        配信停止|配信を停止|登録を解除|退会させて|メールを送らないで|もう送らないで
        退订|取消订阅|不要再(?:发|给我|联系)|把我从""",
    "wrong_person": """
        wrong (?:person|address|recipient|guy|department|email)|not the right (?:person|contact|address)
        (?:i am|i['’]m) not the (?:one|person|right)|you (?:have|['’]ve) the wrong
        meant for (?:someone|somebody) else|no longer (?:work|with|at|employed)
        (?:has|have) left the company|does(?:n['’]t| not) work here|don['’]t work there
        please contact \\w+ instead|reach out to my colleague
        better (?:person|contact) (?:to|for|is|would)|right person (?:to|for|is|would)
        forwarded? (?:this|your (?:mail|email|message)) to (?:my colleague|the right)
        (?:falsche|verkehrte)[rn]? (?:person|adresse|empfänger|ansprechpartner)|nicht (?:der|die) richtige
        nicht (?:mehr )?zuständig|arbeitet nicht mehr|nicht mehr (?:bei|im unternehmen|für)
        wenden sie sich (?:bitte )?an|mauvaise (?:personne|adresse)|pas la bonne (?:personne|adresse)
        ne travaille plus|trompé de (?:personne|destinataire|adresse)
        persona equivocada|dirección equivocada|no soy la persona|ya no trabaj\\w+|se ha equivocado de
        pessoa errada|endereço errado|não sou a pessoa|já não trabalh\\w+|não trabalha mais
        persona sbagliata|indirizzo sbagliato|non sono la persona|non lavora più|verkeerde (?:persoon|adres)
        niet de juiste persoon|werkt (?:hier )?niet meer
        niewłaściwa osoba|zły adres|nie jestem właściwą|już (?:tu )?nie pracuj\\w+|не по адресу
        ошиблись (?:адресом|адресатом)|больше не работа\\w+
        担当ではありません|担当ではございません|担当者ではありません|人違い|退職いたしました|退職しました|找错人|发错|不是负责人|已离职|不负责""",
    "not_interested": """
        not interested|no interest(?: in| at)|no,? thank(?:s| you)
        not (?:a fit|a good fit|for us|for me|what we|looking)|we(?:['’]ll| will| have to)? pass(?: on| for)?
        pass on this
        (?:have|['’]ve) (?:decided (?:against|not to)|chosen another|gone with)
        already (?:use|working with|have (?:a|another) (?:provider|vendor|solution|supplier|tool|partner|agency))
        don['’]t need (?:this|it|that)
        not at this time|not right now|decline|kein interesse|nicht interessiert|nein,? danke
        (?:haben|sehen) (?:wir )?(?:derzeit |aktuell )?keinen bedarf|passt (?:für uns |leider )?nicht
        anderweitig entschieden|absage
        pas intéressée?s?|non merci|ne sommes pas intéressés|n['’]avons pas besoin|aucun intérêt|nous déclinons
        no (?:me|nos|estamos|estoy) interesad?\\w*|no gracias|no,? gracias|no nos hace falta|no lo necesitamos
        no tenemos interés
        não (?:tenho|temos) interesse|não (?:estou|estamos) interessad\\w+|não,? obrigad[oa]|não precisamos
        non (?:sono|siamo) interessat\\w+|no,? grazie|nessun interesse|non ci serve|non ne abbiamo bisogno
        geen interesse|niet geïnteresseerd|nee,? (?:bedankt|dank)|geen behoefte
        nie jest(?:em|eśmy) zainteresowan\\w+|nie,? dziękuj\\w+|brak zainteresowania|nie potrzebujemy
        не интересует|не интересно|неинтересно|нет,? спасибо|не нужно|не заинтересован\\w*
        興味(?:が|は)(?:ありません|ない)|結構です|お断り|見送らせて|不要です|不感兴趣|没有兴趣|没兴趣|不需要|不用了|谢谢,?不""",
    "interested": """
        (?:i['’]m|i am|we['’]re|we are|very|definitely|really|quite|still|would be|be) interested
        sounds (?:good|great|interesting|perfect|like a plan)|(?:tell|send|share) (?:me|us) more
        love to (?:hear|learn|chat|talk|know|see)|like to (?:hear|learn|know|see) more
        let['’]s (?:talk|chat|meet|do it|schedule|set up|go ahead)|happy to (?:chat|talk|meet|discuss|hear)
        (?:yes|sure),? (?:please|let|i|we|that|happy|send|sounds)|count me in|when (?:can|could) (?:we|you)
        book a (?:call|demo|meeting)|schedule a (?:call|demo|meeting)
        (?:please )?send (?:me |us )?(?:the |a |your )?(?:details|pricing|quote|offer|proposal|price list)
        how much (?:does|is|would)|ja,? (?:gern|bitte|sehr)
        (?:habe|haben|hätte|hätten) (?:wir )?(?:grosses |großes )?interesse
        (?:ich bin|wir sind|sehr|grundsätzlich) interessiert|klingt (?:gut|interessant|spannend)
        erzählen sie mir mehr|schicken sie (?:mir|uns) (?:gerne |bitte )?(?:mehr|ein angebot|unterlagen|weitere)
        gerne (?:mehr|telefonieren|einen termin)
        (?:suis|sommes|très|serais|serions) intéressée?s?|ça m['’]intéresse|cela (?:m['’]|nous )intéresse
        oui,? (?:avec plaisir|volontiers|merci)|envoyez-(?:moi|nous)|dites-m['’]?en plus|en savoir plus
        (?:estoy|estamos|muy|estaría) interesad\\w+|me interesa|nos interesa|sí,? (?:por favor|claro|gracias)
        suena bien|me gustaría (?:saber|conocer)|cuénteme más|mándeme más
        tenho interesse|temos interesse|(?:estou|estamos|muito) interessad\\w+|(?:me|nos) interessa
        sim,? (?:por favor|claro)|parece (?:bom|ótimo|interessante)|gostaria de saber mais
        (?:sono|siamo|molto|sarei) interessat\\w+|mi interessa|ci interessa|sì,? (?:grazie|volentieri|certo)
        mi (?:mandi|invii) (?:più|maggiori|un)|vorrei saperne di più
        (?:ben|zijn|zeer|erg) geïnteresseerd|ja,? (?:graag|prima)|klinkt (?:goed|interessant)
        graag (?:meer|een afspraak|ontvang)
        (?:jestem|jesteśmy|bardzo) zainteresowan\\w+|tak,? (?:chętnie|proszę|poproszę)|brzmi (?:dobrze|ciekawie)
        proszę o (?:więcej|ofertę|szczegóły)
        (?:мне|нам|очень) интересно|интересует|да,? (?:давайте|пожалуйста|конечно|интересно)
        расскажите (?:подробнее|больше)|пришлите (?:подробн|прайс|предложение)
        興味(?:が|は)?(?:あります|ございます|を持って)|ぜひ|詳しく(?:教えて|聞かせて|お聞き)|詳細を|感兴趣|有兴趣|请发(?:给我)?(?:详细|报价|资料)|想了解更多|可以(?:聊|谈|安排)""",
}
# Letters only where blanks part words: in Japanese and Chinese a phrase stands anywhere.
_LETTER: Final = "[a-z\u00df-\u024f\u0400-\u04ff]"
_SAYS: Final = {
    kind: on_demand(rf"(?<!{_LETTER})(?:{'|'.join(line.strip() for line in table.strip().splitlines())})(?!{_LETTER})")
    for kind, table in _TABLE.items()
}
