"""Words of many languages by what they mean to a screen: to override, earlier, instructions, an assistant, to send, ...

`concepts(text)` walks a text once and gives the words that mean something, as bits, with where they stand. A trailing
`*` in the tables means "and whatever follows". Linear: a set look-up for each word, no search for each table entry.
"""

from __future__ import annotations

import re
from enum import IntFlag
from functools import lru_cache
from typing import Final, NamedTuple


class Concept(IntFlag):
    OVERRIDE = 1
    PRIOR = 2
    ORDERS = 4
    ALL = 8
    YOUR = 16
    MINE = 32
    AI = 64
    MUST = 128
    ATTENTION = 256
    SEND = 512
    SECRET = 1024
    REVEAL = 2048
    NOT = 4096
    TELL = 8192
    USER = 16384
    QUIET = 32768
    APPEND = 65536
    SYSTEM = 131072
    PROMPT = 262144
    CALL = 524288
    DECODE = 1048576
    ADDRESS = 2097152
    URL = 4194304
    PHONE = 8388608
    NOTE = 33554432
    MAIL = 67108864
    """To send, or what is sent."""
    LATE = 16777216
    """A word to override with in a language that puts its verbs last."""


_TABLE: Final[dict[Concept, str]] = {
    Concept.OVERRIDE: """
        ignore ignores ignoring disregard* forget override overriding overrule bypass neglect discard
        ignoriere* ignorieren missachte* vergiss vergessen übergehe*
        ignorez ignorer oublie oublier oubliez négligez
        ignora ignorar ignore ignoren ignoras olvida olvidar olvide olviden descarta omite
        ignorem esqueça esqueca esquecer desconsidere desconsiderar desconsidera
        ignorare ignorate dimentica dimenticare dimenticate trascura
        negeer negeren vergeet vergeten
        zignoruj ignoruj ignorować zapomnij pomiń
        игнорируй* игнорировать проигнорируй* забудь* забыть
        strunta ignorera glöm bortse ignorer glem ignoroi unohda
        abaikan lupakan kalimutan
        تجاهل انس נתעלם התעלם שכח ignoră uită
        bỏ quên""",
    Concept.LATE: "yoksay unut görmezden अनदेखा नजरअंदाज भूल উপেক্ষা ভুলে",
    Concept.PRIOR: """
        previous previously prior earlier above preceding foregoing former past before existing original initial
        vorherig* bisherig* früher* obig* vorangegangen* vorig* ursprünglich*
        précédent* antérieur* ci-dessus préalable*
        anterior* previa* previo* anteriormente
        prévia* prévio* acima
        precedent* preceden* sopra
        vorige eerdere voorgaande bovenstaande
        poprzedni* wcześniejsz* powyższ*
        предыдущ* прежн* ранее вышеуказанн*
        tidigare föregående ovanstående foregående tidligere aiemmat
        sebelumnya nakaraang önceki السابقة סעיף הקודמות पिछले পূর্ববর্তী আগের trước""",
    Concept.ORDERS: """
        instruction* directions directive* prompts rules guidelines guardrails commands programming constraints
        restrictions policies safeguards orders task tasks
        anweisung* instruktion* vorgabe* regeln befehle richtlinien
        consigne* directives règles ordres
        instruccion* indicaciones reglas órdenes ordenes directrices
        instruç* instruco* regras ordens diretrizes
        istruzion* indicazioni regole ordini direttive
        instructies aanwijzingen regels opdrachten
        instrukcj* polece* zasad* reguł*
        инструкц* указани* правил*
        instruktioner anvisningar regler besked instrukser ohjeet
        instruksi tagubilin talimat* التعليمات ההוראות निर्देश* নির্দেশ* hướng""",
    Concept.ALL: """all any every everything alle alles sämtliche toutes tous tout todas todos todo tutte tutti tutto
        wszystkie wszystko все всё alla allt jede hepsini tüm""",
    Concept.YOUR: """your deine deinen ihre ihren vos tes tus sus teu seus suas tue tuoi vostre jouw uw twoje твои ваши
        dina""",
    Concept.MINE: """my our meine unsere mes nos mis nuestras meus nossas mie nostre mijn onze moje nasze мои наши mina
        våra i""",
    Concept.AI: """
        ai llm llms assistant* agent agents chatbot* bot bots gpt chatgpt claude gemini copilot ki assistent* assistenz*
        ia asistente* assistente* asystent* ассистент* помощник* ии бот assistenten copiloto copilota""",
    Concept.MUST: """
        must should shall has have need needs
        muss musst soll müssen doit doivent devez debe debes deben deve devono devi moet moeten musi musisz należy
        должен должна обязан* måste ska skal""",
    Concept.NOTE: """note notice message memo hinweis nachricht mitteilung avis nota mensaje mensagem messaggio bericht
        wiadomość uwaga сообщение примечание meddelande p.s ps""",
    Concept.ATTENTION: "attention attn achtung atención atencion atenção attenzione uwaga внимание aandacht",
    Concept.SEND: """
        send sends sending forward forwards forwarding post upload transmit exfiltrate submit transfer
        deliver cc bcc copy share dispatch
        sende* schick* weiterleit* leite übermittl* maile
        envoie envoyer envoyez transfère transférer transférez transmets
        envía envia enviar envíe envie reenvía reenvia reenviar reenvíe manda mandar
        encaminhe encaminhar encaminha mande
        invia inviare inoltra inoltrare spedisci
        stuur sturen doorsturen
        wyślij wysłać prześlij przesłać przekaż
        отправь* отправить перешли* переслать пришли*
        skicka sänd vidarebefordra send videresend lähetä kirim gönder ارسل أرسل שלח भेजें পাঠান gửi""",
    Concept.MAIL: "mail email e-mail",
    Concept.SECRET: """
        password passwords passcode* code codes otp otps credential* token tokens secret secrets login logins inbox
        mailbox contacts contact-list address-book cookies keys apikey* api-key* pin pins payroll salary salaries
        conversation history contents invoices
        passwort* passwörter kennwort* kennwörter zugangsdaten codes geheimnis* posteingang adressbuch
        mot-de-passe passe identifiants secrets
        contraseña* contrasena* código* codigo* credencial* claves
        senha* credenciais
        codice codici credenziali
        wachtwoord* inloggegevens hasła hasło hasł* kod* kody пароль пароли паролей код коды кодов
        lösenord* koder koden adressbok* kode kata-sandi sandi şifre* كلمة كلمات mật""",
    Concept.REVEAL: """
        reveal reveals disclose expose leak print output repeat display show hand give extract dump list quote
        verrate* zeige offenbare* gib
        révèle révéler révélez affiche affichez donne donnez
        revela revelar muestra mostrar dime
        revele mostre
        rivela rivelare mostra
        onthul toon ujawnij pokaż раскрой* покажи* выведи* visa avslöja""",
    Concept.NOT: """
        not never don't dont without no nicht niemals ohne keine kein ne jamais sans pas nunca sin não nao sem non mai
        senza niet nooit zonder nie nigdy bez не никогда без inte aldrig utan ikke""",
    Concept.TELL: """
        tell telling mention mentioning inform informing notify notifying alert alerting report say saying
        warn show reveal
        sag sage sagen erwähne* informiere* benachrichtig* dis dire dites mentionne* informe* informer diga decir
        menciona* mencione* avise avisar dire informare menzionare vertel vermeld mów wspominaj informuj говори*
        сообщай* упоминай* berätta nämn""",
    Concept.USER: """
        user users owner human reader recipient principal nutzer* benutzer* besitzer* utilisateur* usuario* usuário*
        utente gebruiker* użytkownik* пользовател* användare* ägaren""",
    Concept.QUIET: """
        silently secretly quietly covertly discreetly stealthily unnoticed heimlich stillschweigend unauffällig
        discrètement secrètement silencieusement secretamente silenciosamente discretamente segretamente silenziosamente
        stiekem stilletjes potajemnie cicho тайно незаметно молча tysthet hemlighet""",
    Concept.APPEND: """append appended appending parameter querystring anhängen angehängt
        ajoute ajouter ajoutant añade añadir agrega acrescente aggiungi end""",
    Concept.SYSTEM: "system système sistema systeem systemu система",
    Concept.PROMPT: "prompt prompts",
    Concept.CALL: "phone call dial ring rufe anrufen appelle appelez llama llame ligue chiama bel zadzwoń позвони*",
    Concept.DECODE: "decode decoded decrypt base64 rot13 hex dekodier* entschlüssel* décode* decodifica*",
}
# Scripts written without blanks: what stands there is looked for as it is.
_UNSPACED: Final[dict[str, Concept]] = {
    "忽略": Concept.OVERRIDE, "无视": Concept.OVERRIDE, "忘记": Concept.OVERRIDE, "忽視": Concept.OVERRIDE,
    "無視": Concept.LATE, "忘れ": Concept.LATE, "무시": Concept.LATE, "잊": Concept.LATE,
    "之前": Concept.PRIOR, "以前": Concept.PRIOR, "以上": Concept.PRIOR, "上述": Concept.PRIOR, "先前": Concept.PRIOR,
    "これまで": Concept.PRIOR, "前の": Concept.PRIOR, "이전": Concept.PRIOR, "所有": Concept.ALL, "すべて": Concept.ALL,
    "指令": Concept.ORDERS, "指示": Concept.ORDERS, "说明": Concept.ORDERS, "命令": Concept.ORDERS,
    "규칙": Concept.ORDERS,
    "지시": Concept.ORDERS, "명령": Concept.ORDERS, "规则": Concept.ORDERS, "ルール": Concept.ORDERS,
    "助手": Concept.AI, "致": Concept.NOTE, "人工智能": Concept.AI, "アシスタント": Concept.AI,
    "エージェント": Concept.AI,
    "발송": Concept.SEND, "发送": Concept.SEND, "转发": Concept.SEND, "發送": Concept.SEND, "轉發": Concept.SEND,
    "送信": Concept.SEND, "転送": Concept.SEND, "送って": Concept.SEND, "보내": Concept.SEND, "전달": Concept.SEND,
    "密码": Concept.SECRET, "密碼": Concept.SECRET, "验证码": Concept.SECRET, "パスワード": Concept.SECRET,
    "コード": Concept.SECRET, "비밀번호": Concept.SECRET, "用户": Concept.USER, "ユーザー": Concept.USER,
    "不要": Concept.NOT, "告诉": Concept.TELL, "秘密": Concept.QUIET, "偷偷": Concept.QUIET, "こっそり": Concept.QUIET,
}  # fmt: skip


def _tables() -> tuple[dict[str, Concept], dict[str, Concept], tuple[int, ...]]:
    whole: dict[str, Concept] = {}
    stems: dict[str, Concept] = {}
    for concept, words in _TABLE.items():
        for word in words.split():
            table = stems if word.endswith("*") else whole
            key = word.rstrip("*")
            table[key] = table.get(key, Concept(0)) | concept
    return whole, stems, tuple(sorted({len(stem) for stem in stems}))


_WHOLE, _STEMS, _LENGTHS = _tables()
_TOKEN: Final = re.compile(
    r"(?P<stop>[.!?;](?=\s)|[\u3002\uff01\uff1f]|\n[ \t]*+\n|\n[ \t]*+[-*>|])"
    r"|(?P<url>https?://[^\s<>\"]{3,2000})|(?P<phone>\+?\d[\d()./-]*+(?: \d[\d()./-]*+)++)"
    r"|(?P<word>\w++(?:['’-]\w++)*+)(?P<address>@[\w-]++\.[\w.-]++)?",
)
_NO_BLANKS: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
UNSPACED_WORDS: Final = "|".join(sorted(_UNSPACED, key=len, reverse=True))
"""A pattern for words that mean something in writing without blanks."""
_UNSPACED_WORD: Final = re.compile(UNSPACED_WORDS)


SENTENCE: Final = 100
"""By how much `place` grows from one sentence to the next, beside its words."""


_PARTS: Final = re.compile("['’-]")


class Meaning(NamedTuple):
    """A word that means something: how many words came before it (`place`), what it means, where it stands."""

    place: int
    bits: int
    start: int
    end: int


@lru_cache(maxsize=16_384)
def _bits(word: str) -> int:
    bits = int(_WHOLE.get(word, 0))
    for length in _LENGTHS:
        if length > len(word):
            break
        bits |= _STEMS.get(word[:length], 0)
    if not word.isalnum():
        for part in _PARTS.split(word):
            if part != word:
                bits |= _bits(part)
    return bits


def meaning(word: str) -> int:
    """What one word in lower case means, as bits of Concept."""
    return int(_UNSPACED.get(word, 0)) or (_bits(word) if len(word) <= 40 else 0)


def concepts(text: str) -> list[Meaning]:
    """The meaning words of `text` in order."""
    found: list[Meaning] = []
    place = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        place += 1
        if kind == "stop":
            # What one sentence says and what the next one says do not make an order together.
            place += SENTENCE
            continue
        if kind == "word":
            word = match["word"]
            bits = _bits(word.lower()) if len(word) <= 40 else 0
            if not bits:
                if not word.isascii() and _NO_BLANKS.search(word):
                    found += _unspaced(word, place, match.start())
                    place += len(word) // 2
                continue
        elif kind == "address":
            bits = int(Concept.ADDRESS)
        elif kind == "url":
            bits = int(Concept.URL)
        else:
            bits = int(Concept.PHONE) if sum(map(str.isdigit, match[0])) >= 7 else 0
            if not bits:
                continue
        found.append(Meaning(place, bits, match.start(), match.end()))
    return found


def _unspaced(word: str, place: int, start: int) -> list[Meaning]:
    """Meanings within a run of text without blanks, where two characters count as a word."""
    return [
        Meaning(place + match.start() // 2, int(_UNSPACED[match[0]]), start + match.start(), start + match.end())
        for match in _UNSPACED_WORD.finditer(word)
    ]
