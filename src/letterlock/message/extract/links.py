"""Links with their kind and flags; the primary action link first. Nothing found in mail is ever fetched.

A link is judged by what it says (the words of its text, in the languages of keywords.py), by the words of its path, by
whether it carries a token, and by what the mail is about. Redirectors are followed on paper, where the target stands in
the URL itself.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from letterlock.message.extract.domains import registrable
from letterlock.message.extract.keywords import Hint, bits_of, clean, fold, scan
from letterlock.message.extract.lookalikes import as_read, brand_shield, is_brands_own, reads_as_latin, skeleton
from letterlock.message.parse import ParsedMessage
from letterlock.message.visible import ShownLink, VisibleText
from letterlock.patterns import on_demand


@dataclass(frozen=True, slots=True)
class Link:
    """`host` is where it really goes (redirectors we can decode are followed on paper only); `text` is what it claimed.
    `kind`: verify, magic, reset, invite, download, meeting, unsubscribe, view_in_browser, tracking, social, help, home,
    other. `flags`: mismatch, look_alike, punycode, mixed_script, ip_host, userinfo, redirector, open_redirect,
    bad_scheme, cut (longer than we keep: it would not work). `end`: where its text ends in VisibleText.text, -1 when it
    is not shown there."""

    url: str
    host: str
    text: str
    kind: str
    flags: tuple[str, ...] = ()
    confidence: float = 0.0
    end: int = -1


@dataclass(frozen=True, slots=True)
class Links:
    """`all` holds `primary` (if any) first, then by usefulness. `unsubscribe` prefers List-Unsubscribe (RFC 2369 and
    8058)."""

    all: tuple[Link, ...] = ()
    primary: Link | None = None
    unsubscribe: str = ""


def find_links(parsed: ParsedMessage, visible: VisibleText) -> Links:
    """Every link a person would see (at most 200), judged; those that are not http, https or mailto flagged."""
    about = _about(parsed, visible)
    ours = registrable(parsed.from_[0].domain) if parsed.from_ else ""
    seen: dict[str, _Seen] = {}
    for shown in visible.links:
        url = _CONTROLS.sub("", shown.url).strip()
        if not url or url[0] == "#":
            continue
        if url in seen:
            seen[url].add(shown)
        elif len(seen) < _MOST:
            seen[url] = _Seen(url, shown)
    judged = [
        replace(_judge(each, about, ours, visible.text), end=_end(each.first, visible.text)) for each in seen.values()
    ]
    order = sorted(range(len(judged)), key=lambda at: (-judged[at].confidence, _USEFULNESS[judged[at].kind], at))
    links = [judged[at] for at in order]
    primary = links[0] if links and links[0].confidence >= _SURE_ENOUGH else None
    return Links(tuple(links), primary, _unsubscribe(parsed, links))


def _end(shown: ShownLink, text: str) -> int:
    return shown.start + len(shown.text) if shown.start >= 0 and text.startswith(shown.text, shown.start) else -1


_MOST = 200
_LONGEST = 2_000
_BEFORE = 300
_LEADING = 140
_SURE_ENOUGH = 0.6
_CONTROLS = on_demand(r"[\x00-\x20\x7f]+")
_KINDS = (
    *("reset", "verify", "magic", "invite", "meeting", "download", "other"),
    *("tracking", "home", "help", "view_in_browser", "social", "unsubscribe"),
)
_USEFULNESS = {kind: place for place, kind in enumerate(_KINDS)}
_ACTIONS = {
    "reset": int(Hint.RESET | Hint.PASSWORD),
    "verify": int(Hint.VERIFY),
    "magic": int(Hint.LOGIN),
    "invite": int(Hint.INVITE),
}
_ANY_ACTION = sum(_ACTIONS.values())
_LEADS = int(_ANY_ACTION | Hint.LINK)
_NOTICE = int(Hint.IGNORE | Hint.EXPIRE)


@dataclass(slots=True)
class _Seen:
    """One URL and every place where the mail shows it."""

    url: str
    first: ShownLink
    text: str = ""
    button: bool = False
    times: int = 0

    def __post_init__(self) -> None:
        self.add(self.first)

    def add(self, shown: ShownLink) -> None:
        self.times += 1
        self.button = self.button or shown.button
        text = shown.text.strip()
        # Of several texts the first that is not the address itself says most.
        if text and (not self.text or (_is_address(self.text) and not _is_address(text))):
            self.text = text[:_LONGEST]
        if self.first.start < 0 <= shown.start:
            self.first = shown


@dataclass(frozen=True, slots=True)
class _About:
    """The hints of the subject, and of the text as a whole."""

    subject: int
    text: int


def _about(parsed: ParsedMessage, visible: VisibleText) -> _About:
    subject = bits_of(parsed.subject[:1_000])
    if _TRADE.search(parsed.subject):
        # "Booking confirmation": what is confirmed is a purchase, not an address.
        subject &= ~int(Hint.VERIFY)
    return _About(subject, bits_of(visible.text[:4_000]))


_TRADE = on_demand(
    r"\b(?:order|booking|reservation|invoice|payment|purchase|shipment|delivery|appointment|bestellung|"
    r"buchung|rechnung|commande|réservation|pedido|reserva|ordine|prenotazione|bestelling|boeking|"
    r"zamówieni\w+|заказ\w*|бронирован\w+)\b|订单|注文|予約|주문|예약",
    re.IGNORECASE,
)


def _judge(seen: _Seen, about: _About, ours: str, text: str) -> Link:
    flags: list[str] = []
    url = seen.url if len(seen.url) <= _LONGEST else seen.url[:_LONGEST]
    if len(seen.url) > _LONGEST:
        flags.append("cut")
    scheme = url.partition(":")[0].lower() if ":" in url else ""
    if scheme == "mailto":
        return Link(url, url.partition("@")[2].partition("?")[0].lower(), seen.text, "other", tuple(flags))
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        parts, host = urlsplit(""), ""
    if scheme not in ("http", "https") or not host:
        return Link(url, host, seen.text, "other", (*flags, "bad_scheme"))
    if "@" in parts.netloc:
        flags.append("userinfo")
    target, redirect = _follow(parts)
    if redirect:
        flags.append(redirect)
    if target:
        parts, host = target, (target.hostname or "").rstrip(".")
    host = host.lower()
    flags += host_flags(host, ours)
    claimed = _claimed_host(seen.text)
    if claimed and registrable(claimed) != registrable(host):
        flags.append("mismatch")
    opaque = redirect == "redirector" and target is None
    kind, confidence = _kind(seen, parts, host, about, text, opaque)
    if "cut" in flags or "userinfo" in flags:
        confidence = 0.0
    return Link(url, host, seen.text, kind, tuple(dict.fromkeys(flags)), round(min(confidence, 0.99), 2))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# --- where it goes ----------------------------------------------------------------------------------------------------

_TARGETS = _words("""
url u target dest destination link redirect goto to q r out
""")
_SECRETS = _words("""
token code key t k sig signature hash otp confirmation confirmation_token token_hash invitation invite uid
nonce oobcode ticket upn secret auth session jwt pin uidb64 reset_token magic activation challenge flow
""")
_REDIRECTING = on_demand(
    r"^(?:click|clicks|track|tracking|links?|email|go|redirect|trk|ct|url\d*|e|t)\d*\.|\.ct\.", re.IGNORECASE
)
_REDIRECT_PATH = on_demand(
    r"/(?:ls/click|wf/click|track/click|click|clicks|redirect|redir|r|cl0|l0|c|trk|link|out|url|l\.php|v\d/url)(?:/|$)",
    re.IGNORECASE,
)
_IN_PATH = on_demand(r"/(https?(?::|%3a)(?:/|%2f){1,2}[^\s]+)", re.IGNORECASE)
_DEFENDED = on_demand(r"/v3/__(https?:/{1,2}.+?)__;", re.IGNORECASE)


def _follow(parts: SplitResult) -> tuple[SplitResult | None, str]:
    """(where a redirector says it leads, flag), without asking it. The target is None where the URL does not tell."""
    flag = ""
    target: SplitResult | None = None
    for _ in range(3):
        found = _next(target or parts)
        if found is None:
            break
        there, how = found
        flag = flag or how
        if there is None:
            break
        target = there
    return target, flag


def _next(parts: SplitResult) -> tuple[SplitResult | None, str] | None:
    host = (parts.hostname or "").lower()
    looks_so = bool(_REDIRECTING.search(host) or _REDIRECT_PATH.search(parts.path))
    written = ""
    if "/v3/__" in parts.path:
        defended = _DEFENDED.search(parts.path)
        written = defended[1] if defended else ""
    if not written and ("/http" in parts.path[:400].lower()):
        inside = _IN_PATH.search(parts.path)
        written = unquote(inside[1]) if inside else ""
    query = parse_qsl(parts.query, max_num_fields=100) if parts.query.count("&") < 100 else []
    if not written:
        names = {name.lower() for name, _ in query}
        for name, value in query:
            if name.lower() not in _TARGETS:
                continue
            if value.startswith(("http-3A__", "https-3A__")):
                # The first form of a widespread mail gateway: "-" for "%", "_" for "/".
                value = unquote(value.replace("-", "%").replace("_", "/"))
            # A page that takes a token and then leads on is the action itself, not a redirector.
            if re.match(r"https?://", value, re.IGNORECASE) and not (
                names & _SECRETS - {"t", "k", "u", "sig", "hash", "key"}
            ):
                written = value
                break
    if written:
        try:
            target = urlsplit(_CONTROLS.sub("", written))
            if target.hostname:
                same = registrable(target.hostname) == registrable(host)
                return target, "redirector" if looks_so or same else "open_redirect"
        except ValueError:
            return None
    if looks_so and (query or len(parts.path) > 24):
        return None, "redirector"
    return None


_SHOWN_HOST = on_demand(
    r"(?:https?://)?(?:www\.)?([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24})(?:[/:?#]\S*)?", re.IGNORECASE
)


def _is_address(text: str) -> bool:
    return "://" in text[:12] or text[:4].lower() == "www."


def _claimed_host(text: str) -> str:
    """The host that the text of a link shows, or ""."""
    text = clean(text[:300]).strip()
    if "." not in text or " " in text or "@" in text:
        return ""
    match = _SHOWN_HOST.fullmatch(text)
    if not match:
        return ""
    # "report.pdf" is no host: without a scheme the last label has to be a registry's.
    if not _is_address(text) and registrable(match[1]) == match[1].rpartition(".")[2]:
        return ""
    if not _is_address(text) and match[1].rpartition(".")[2].lower() in _FILE_ENDINGS:
        return ""
    return match[1].lower()


_FILE_ENDINGS = _words("""
pdf zip doc docx xls xlsx ppt pptx png jpg jpeg gif txt csv html htm exe dmg apk msi gz js py md sh
""")


@lru_cache(maxsize=2_000)
def host_flags(host: str, ours: str) -> tuple[str, ...]:
    """The flags of Link that a host has by its name alone; look_alike: a reader could take it for the domain `ours`, or
    for one of a well-known service."""
    flags = []
    try:
        ipaddress.ip_address(host.strip("[]"))
        return ("ip_host",)
    except ValueError:
        # Browsers read "3232235777" and "0x7f.1" as addresses, too (WHATWG URL section 3.5).
        if re.fullmatch(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}", host):
            return ("ip_host",)
    shown = as_read(host)
    if "xn--" in host:
        flags.append("punycode")
    if not shown.isascii() and any(len(_scripts(label)) > 1 for label in shown.split(".")):
        flags.append("mixed_script")
    if (
        reads_as_latin(host)
        or (ours and registrable(host) != ours and _alike(registrable(shown), ours, host))
        or (not is_brands_own(host) and brand_shield().imitated_by(host) not in ("", ours))
    ):
        flags.append("look_alike")
    return tuple(flags)


def _scripts(label: str) -> set[str]:
    names = {unicodedata.name(letter, "?").split(" ")[0] for letter in label if letter.isalpha()}
    # Japanese is written in several scripts, Korean and Chinese with Latin beside (UTS 39 section 5.2).
    return names - {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "KATAKANA-HIRAGANA"}


def _alike(theirs: str, ours: str, host: str) -> bool:
    """Whether a reader could take `theirs` for `ours`: confusable letters, one letter off, or ours as a mere prefix."""
    one, other = skeleton(theirs), skeleton(ours)
    if one == other:
        return True
    if f"{ours}." in host and len(ours) > 4:
        return True
    name, own = one.partition(".")[0], other.partition(".")[0]
    if len(own) < 6 or abs(len(name) - len(own)) > 1:
        return False
    same = 0
    while same < min(len(name), len(own)) and name[same] == own[same]:
        same += 1
    if len(name) == len(own):
        swapped = name[same + 1 : same + 2] + name[same : same + 1] + name[same + 2 :] == own[same:]
        return name != own and (swapped or name[same + 1 :] == own[same + 1 :])
    shorter, longer = sorted((name, own), key=len)
    return longer[:same] + longer[same + 1 :] == shorter


# --- what it is for ---------------------------------------------------------------------------------------------------

_PATH_WORDS = {
    word: kind
    for kind, words in {
        "verify": "verify verification verifyemail emailverify confirm confirmation confirmemail emailconfirm "
        "verifications confirmations activate activation validate optin registration register signup",
        "reset": "reset resetpassword password passwords passwordreset recover recovery forgot lostpassword pwreset",
        "magic": "magic magiclink passwordless signin login otp sso onetime",
        "invite": "invite invitation invitations invites accept acceptinvite join",
    }.items()
    for word in words.split()
}
_HELP_WORDS = _words("""
help support faq faqs docs doc documentation kb article articles contact privacy terms tos legal policy
policies blog status security about guide guides learn community forum cookies imprint impressum knowledge
""")
_SOCIAL = _words("""
facebook.com fb.com twitter.com x.com linkedin.com instagram.com youtube.com youtu.be tiktok.com
pinterest.com threads.net t.me reddit.com snapchat.com vk.com weibo.com mastodon.social bsky.app medium.com
discord.gg discord.com
""")
_MEETING_HOSTS = on_demand(
    r"(?:^|\.)(?:zoom\.us|meet\.google\.com|teams\.(?:microsoft|live)\.com|webex\.com|whereby\.com|"
    r"meet\.jit\.si|gotomeeting\.com)$"
)
_DOWNLOAD_ENDING = on_demand(
    r"\.(?:pdf|zip|exe|dmg|apk|msi|gz|7z|rar|docx?|xlsx?|pptx?|csv|iso|pkg|deb|rpm|ics)$", re.IGNORECASE
)
_UNSUBSCRIBE_TEXT = on_demand(
    r"unsubscri|opt[ -]?out|e-?mail preferences|manage (?:your )?(?:subscription|preference|notification)|"
    r"subscription (?:settings|preferences)|notification settings|abmelden|abbestell|austragen|désabonn|"
    r"désinscri|se désinscrire|darse de baja|cancelar (?:la )?suscrip|anular (?:la )?suscrip|"
    r"cancelar (?:a )?(?:inscri|subscri|assinatura)|descadastr|disiscri|annulla (?:l')?iscrizione|"
    r"cancella (?:l')?iscrizione|uitschrijven|afmelden voor|avregistrera|avprenumerera|avsluta prenumeration|"
    r"avmeld|afmeld nyhed|peruuta tilaus|tilauksen peruut|wypisz|zrezygnuj z subs|rezygnacja z|"
    r"odhlásit (?:odběr|se z)|odhlásiť|leiratkoz|dezabon|отпис|відпис|отпиш|одјави|odjavi se|odjava|"
    r"aboneliğ?i?\w* (?:çık|iptal)|abonelikten|إلغاء الاشتراك|الغاء الاشتراك|لغو اشتراک|لغو عضویت|הסרה מ|"
    r"להסרה|ביטול הרשמה|διαγραφή από|κατάργηση εγγραφής|退订|退訂|取消订阅|取消訂閱|配信停止|購読解除|"
    r"登録解除|メール配信の停止|수신 ?거부|구독 ?(?:취소|해지)|ยกเลิกการ(?:รับ|สมัคร)|h[uủ]y đăng ký|"
    r"berhenti berlangganan|सदस्यता (?:समाप्त|रद्द)",
    re.IGNORECASE,
)
_UNSUBSCRIBE_PATH = on_demand(
    r"unsub|opt-?out|preferences|/abmelden|subscription(?:s|center)?/manage|manage[-_]?subscription", re.IGNORECASE
)
_VIEW_TEXT = on_demand(
    r"(?:view|read|see|open|display).{0,30}(?:browser|online|web)|web ?version|(?:im|in your|in the) browser|"
    r"browseransicht|online (?:ansehen|lesen|version)|version en ligne|voir (?:en ligne|dans)|ver (?:en|"
    r"no) (?:el |o )?navegador|ver online|versión (?:online|web)|nel browser|versione online|bekijk (?:online|"
    r"in|de)|webbläsare|i browseren|nettleser|selaimessa|w przeglądarce|v prohlížeči|böngésző|в браузере|"
    r"у браузері|tarayıcı|المتصفح|مرورگر|בדפדפן|ブラウザ|浏览器|瀏覽器|브라우저",
    re.IGNORECASE,
)
_HELP_TEXT = on_demand(
    r"^(?:help|support|faq|contact|privacy|terms|legal|about|learn more|why did i|how (?:to|do|can)|our blog|"
    r"blog|policies|hilfe|datenschutz|impressum|aide|ayuda|ajuda|aiuto)\b",
    re.IGNORECASE,
)
_TOKEN = on_demand(r"[A-Za-z0-9_.~%=-]{12,}")
_WORDS = on_demand(r"[a-z0-9]+")


def _kind(seen: _Seen, parts: SplitResult, host: str, about: _About, text: str, opaque: bool) -> tuple[str, float]:
    """(kind, how sure we are that it is the one link this mail was sent for)."""
    says = fold(seen.text[:300])
    path = unquote(parts.path).lower()
    if parts.fragment.startswith(("/", "!/")):
        # A page that routes by its fragment.
        path = path.rstrip("/") + unquote(parts.fragment.lstrip("!")).lower()
    if _UNSUBSCRIBE_TEXT.search(says) or _UNSUBSCRIBE_PATH.search(path):
        return "unsubscribe", 0.0
    if _VIEW_TEXT.search(says):
        return "view_in_browser", 0.0
    words = _WORDS.findall(path)
    token = _has_token(parts)
    if (_HELP_WORDS.intersection(words) and not token) or _HELP_TEXT.match(says):
        return "help", 0.0
    if registrable(host) in _SOCIAL and not token:
        return "social", 0.0
    if _MEETING_HOSTS.search(host) and len(path) > 2:
        return "meeting", 0.3
    if path in ("", "/") and not parts.query and not parts.fragment:
        return "home", 0.0
    if _DOWNLOAD_ENDING.search(path) or "download" in words:
        return "download", 0.1

    anchor = 0 if _is_address(says) else bits_of(says)
    bare = not seen.text or _is_address(says)
    before = 0
    if seen.first.start > 0:
        for start, _, bits in scan(fold(text[max(0, seen.first.start - _BEFORE) : seen.first.start])):
            before |= bits
            # A bare address is named by the words that lead to it.
            if bare and start >= min(seen.first.start, _BEFORE) - _LEADING:
                anchor |= bits
    names = {"".join(_WORDS.findall(name.lower())) for name in _query_names(parts)}
    by_path = {_PATH_WORDS[word] for word in (*words, *names) if word in _PATH_WORDS}
    by_path |= {_PATH_WORDS["".join(pair)] for pair in pairwise(words) if "".join(pair) in _PATH_WORDS}
    for name, value in parse_qsl(parts.query, max_num_fields=100) if parts.query.count("&") < 100 else ():
        if name in ("type", "action", "mode", "purpose"):
            by_path |= {_PATH_WORDS[word] for word in _WORDS.findall(value.lower()) if word in _PATH_WORDS}
    points = dict.fromkeys(_ACTIONS, 0.0)
    for kind, hint in _ACTIONS.items():
        points[kind] = 2.0 * (kind in by_path) + 2 * bool(anchor & hint) + 2 * bool(about.subject & hint)
        points[kind] += 0.5 * bool(before & hint)
    # Signing in is what every account mail speaks of: it decides only where nothing else does.
    points["magic"] *= 0.7
    kind, most = max(points.items(), key=lambda item: item[1])

    if opaque and not anchor & _ANY_ACTION and not (bare and not seen.first.image):
        return "tracking", 0.0
    score = 0.3 * bool(by_path) + 0.3 * bool(anchor & _ANY_ACTION) + 0.3 * token
    score += 0.1 * bool(about.subject & _ANY_ACTION) + 0.1 * bool(before & _LEADS)
    score += 0.1 * seen.button + 0.05 * (seen.times > 1)
    score += 0.1 * bool(about.text & _NOTICE)
    if token and bare and about.subject & _ANY_ACTION:
        # Nothing but an address to click, in a mail about just that.
        score += 0.2
    if most < 1.5:
        return "other", min(score, 0.4)
    if token or (by_path and _has_token(parts, short=True)):
        return kind, score
    if anchor & _ACTIONS[kind] and about.subject & _ACTIONS[kind] and _has_short_token(parts, text):
        # Subject and link say the same, and something short stands where a token would.
        return kind, _SURE_ENOUGH + 0.02
    # Without something made for this reader it is a page for everybody: a sign-in form, a help text.
    return kind, min(score, 0.4)


def _query_names(parts: SplitResult) -> list[str]:
    return [pair.partition("=")[0] for pair in parts.query.split("&", 50)] if parts.query else []


def _has_token(parts: SplitResult, *, short: bool = False) -> bool:
    """Whether the URL carries something made for one reader: a named secret, or a long random word (`short`: or any
    word of six letters with a digit among them)."""
    pieces = [*parts.path.split("/", 30), *re.split(r"[/?=&]", parts.fragment, maxsplit=30)]
    for pair in parts.query.split("&", 50) if parts.query else ():
        name, _, value = pair.partition("=")
        if name.lower().replace("-", "_") in _SECRETS and len(value) >= 4:
            return True
        pieces.append(value)
    if short and any(len(piece) >= 6 and any(map(str.isdigit, piece)) for piece in pieces):
        return True
    return any(map(_is_random, pieces))


_MIXED = on_demand(r"(?=[a-z_-]*\d)(?=[\d_-]*[a-z])(?!v\d+$)[a-z0-9_-]{2,40}", re.IGNORECASE)
_SHORT_WORD = on_demand(r"[a-z]{3,12}", re.IGNORECASE)


def _has_short_token(parts: SplitResult, text: str) -> bool:
    """Whether the URL ends as if for one reader, too short to tell by itself: a secret of any length by name, letters
    with digits, or behind a word for the action what is no word of this mail."""
    for pair in parts.query.split("&", 50) if parts.query else ():
        name, _, value = pair.partition("=")
        if name.lower().replace("-", "_") in _SECRETS and value:
            return True
    *before, last = [piece for piece in parts.path.split("/", 30) if piece] or [""]
    if _MIXED.fullmatch(last):
        return True
    action = bool(before) and "".join(_WORDS.findall(before[-1].lower())) in _PATH_WORDS
    if not action:
        return False
    low = last.lower()
    return (last.isdigit() and len(last) >= 4) or (
        _SHORT_WORD.fullmatch(low) is not None
        and low not in _PATH_WORDS
        and low not in _HELP_WORDS
        and low not in text[:10_000].lower()
        and low not in _OF_PATHS
    )


_OF_PATHS = _words("""
email mail account now new start step user users member members team teams friend friends link code page form index
html success done next step auth app web mobile google apple facebook github sso saml oauth account settings profile
""")


def _is_random(piece: str) -> bool:
    """Whether it was drawn by lot: kinds of letters change more often than in words, slugs and CamelCase."""
    if len(piece) < 16 or not _TOKEN.fullmatch(piece):
        return False
    letters = [letter for letter in piece[:64] if letter.isalnum()]
    kinds = ["0" if letter.isdigit() else "A" if letter.isupper() else "a" for letter in letters]
    if kinds.count("0") >= 16:
        return True
    changes = sum(one != other for one, other in pairwise(kinds)) / max(1, len(letters) - 1)
    vowels = sum(letter in "aeiouAEIOU" for letter in letters)
    return len(letters) >= 12 and (changes > 0.36 or (changes > 0.2 and vowels * 4 < len(letters)))


def _unsubscribe(parsed: ParsedMessage, links: list[Link]) -> str:
    """Where to unsubscribe: the header's https address, its mail address, else the link in the text."""
    listed = re.findall(r"<\s*([^<>\s]{1,2000})\s*>", parsed.header("List-Unsubscribe")[:10_000])
    for scheme in ("https:", "http:", "mailto:"):
        for url in listed:
            if url.lower().startswith(scheme):
                return str(url)
    return next((link.url for link in links if link.kind == "unsubscribe" and "bad_scheme" not in link.flags), "")
