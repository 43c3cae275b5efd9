"""What stands out in an email about to leave: programs among its files, links that mislead, the marks of a fraud, size.

`alarms(Outgoing)` is pure, never raises and takes linear time. It is for the day an agent was fooled: what a thief
would have it send to others looks alike in every language. A person decides on what may be honest, so a rule here may
cost a look now and then, never an email.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from letterlock.errors import UnreadableMessage
from letterlock.fraud import fraud, plain
from letterlock.message.characters import clean
from letterlock.message.compose import File
from letterlock.message.extract.domains import registrable
from letterlock.message.extract.links import Link, find_links
from letterlock.message.extract.reply import newest_part
from letterlock.message.parse import Mailbox, ParsedMessage, parse_message
from letterlock.message.programs import why_program
from letterlock.message.visible import visible_text

AlarmCode = Literal["executable", "too_large", "look_alike", "phishing", "canary"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """`what` is a sentence without its full stop, for whoever sent it and for the person asked."""

    code: AlarmCode
    what: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`sender` and `recipients` are domains; `size` of the whole email in bytes. `known`: domains the tenant
    corresponds with, whose look-alikes are looked for. `named`: those a person vouches for."""

    sender: str
    subject: str
    text: str
    html: str = ""
    sender_name: str = ""
    files: tuple[File, ...] = ()
    recipients: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    size: int = 0
    answers: bool = False
    """It answers an email: what it quotes are the reader's own words."""


def alarms(mail: Outgoing, *, most_bytes: int, most_attached: int) -> tuple[Alarm, ...]:
    """The alarms, at most ten, those that refuse first. `most_bytes` of the whole, `most_attached` of its files."""
    found = [*_sizes(mail, most_bytes, most_attached), *_programs(mail.files)]
    text = mail.text[:_MOST_CHARS]
    text = text[: newest_part(text)] if mail.answers else text
    parsed = ParsedMessage(
        subject=mail.subject,
        from_=(Mailbox(mail.sender_name, f"x@{mail.sender}"),),
        plain=(text,),
        html=(mail.html,) if mail.html else (),
    )
    visible = visible_text(parsed)
    links = find_links(parsed, visible).all
    said = text if mail.answers else f"{mail.subject}\n\n{text}"
    if mail.html:
        end = newest_part(visible.text) if mail.answers else len(visible.text)
        links = tuple(link for link in links if link.end <= end)
        said += f"\n\n{visible.text[: min(end, _MOST_CHARS)]}"
    ours = {registrable(domain) for domain in (mail.sender, *mail.named)}
    shielded = {registrable(domain) for domain in (*mail.known, *mail.recipients, *mail.named, mail.sender)} - {""}
    found += _misleading(said, links, ours, shielded)
    strange = any(_is_strange(link, ours | {registrable(domain) for domain in mail.recipients}) for link in links)
    found += (Alarm("phishing", what) for what in fraud(said, strange=strange or _asks_in_a_form(mail.html)))
    found += _impersonation(mail, text)
    return tuple(dict.fromkeys(found))[:_MOST_ALARMS]


_MOST_CHARS: Final = 200_000
_MOST_ALARMS: Final = 10


_MESSAGES_DEEP: Final = 3


def _sizes(mail: Outgoing, most_bytes: int, most_attached: int) -> Iterator[Alarm]:
    attached = sum(len(file.data) for file in mail.files)
    if mail.size > most_bytes:
        yield Alarm("too_large", f"The email is {mail.size} bytes; {most_bytes} are allowed (max_message_bytes)")
    elif attached > most_attached:
        yield Alarm("too_large", f"Its files are {attached} bytes; {most_attached} are allowed (attach_bytes)")


def _programs(files: Iterable[File], depth: int = _MESSAGES_DEEP) -> Iterator[Alarm]:
    for file in files:
        name = clean(file.filename).text[:80]
        if why := why_program(file.filename, file.data):
            yield Alarm("executable", f"The file {name} is {why}")
        elif file.content_type == "message/rfc822" or file.filename.lower().endswith(".eml"):
            if depth == 0:
                yield Alarm("executable", f"The file {name} holds messages within messages too deep to look at")
            else:
                yield from _programs(_files_of(file.data), depth - 1)


def _files_of(message: bytes) -> Iterator[File]:
    try:
        parsed = parse_message(message)
    except UnreadableMessage:
        return
    for attachment, (_, data) in zip(parsed.attachments, parsed.contents, strict=True):
        yield File(attachment.filename, attachment.content_type, data)


# --- links ------------------------------------------------------------------------------------------------------------

_BARE: Final = re.compile(r"(?<![\w.@-])(?:[\w-]{1,63}\.){1,6}[^\W\d_]{2,24}(?![\w-])")
_MAILED: Final = re.compile(r"@((?:[\w-]{1,63}\.){1,6}[^\W\d_]{2,24})(?![\w-])")
_MARKDOWN: Final = re.compile(
    r"\[(?:https?://)?(?:www\.)?((?:[\w-]{1,63}\.){1,6}[a-z]{2,24})[^\]\n]{0,200}\]\(https?://([^/\s)?#]{3,253})", re.I
)
_LOGIN_PATH: Final = re.compile(
    r"log-?in|sign-?in|account|verif|secure|auth|passw|bank|update|confirm|wallet|webmail|owa|paypal|office", re.I
)
_RUNS: Final = ("javascript:", "data:", "vbscript:", "file:")
_MOST_HOSTS: Final = 2_000


def _misleading(said: str, links: Iterable[Link], ours: set[str], shielded: set[str]) -> Iterator[Alarm]:
    hosts: dict[str, None] = {}
    for link in links:
        scheme = link.url[:12].lower()
        if "bad_scheme" in link.flags and scheme.startswith(_RUNS):
            yield _look_alike(f"a link is a {scheme.partition(':')[0]}: address")
        if "userinfo" in link.flags:
            yield _look_alike(f"a link hides its host {link.host} behind another name")
        shown = _host_shown(link.text)
        if "mismatch" in link.flags and shown != link.host and registrable(link.host) not in ours:
            yield _look_alike(f"a link shows {shown} and leads to {link.host}")
        if "ip_host" in link.flags and _is_hideout(link):
            yield _look_alike(f"a link leads to a bare address, {link.host}")
        if "mixed_script" in link.flags:
            yield _look_alike(f"the host {link.host} mixes alphabets")
        hosts[link.host] = None
    for match in _MARKDOWN.finditer(said):
        shown, real = match[1].lower(), match[2].rpartition("@")[2].partition(":")[0].lower()
        if registrable(shown) != registrable(real) and registrable(real) not in ours:
            yield _look_alike(f"a link shows {shown} and leads to {real}")
    hosts |= dict.fromkeys(host.lower() for pattern in (_BARE, _MAILED) for host in pattern.findall(said))
    house = ours | shielded
    strangers = [host for host in hosts if host and registrable(host) not in house and not _is_brands_own(host)]
    if not strangers:
        return
    shields = (_Shield(shielded), _brand_shield())
    for host in strangers[:_MOST_HOSTS]:
        if meant := next(filter(None, (shield.imitated_by(host) for shield in shields)), ""):
            yield _look_alike(f"{host} looks like {meant}")


def _look_alike(what: str) -> Alarm:
    return Alarm("look_alike", what)


def _host_shown(text: str) -> str:
    return re.split(r"[/?#]", re.sub(r"^\s*https?://", "", _short(text), flags=re.I))[0]


def _short(text: str) -> str:
    return " ".join(clean(text[:200]).text.split())[:80]


def _is_hideout(link: Link) -> bool:
    """An address written as a number is meant for nobody to read; one of the house leads nowhere else."""
    try:
        address = ipaddress.ip_address(link.host.strip("[]"))
    except ValueError:
        return True
    return address.is_global and bool(_LOGIN_PATH.search(urlsplit(link.url).path))


_LETTERS: Final = str.maketrans(
    "аеорсухіјѕԁһԛԝвкмтпɡοαεινρτυχηκıł0135$|øđi", "aeopcyxljsdhqwbkmtngoaelvptuxnkllolesslodl"
)


@lru_cache(maxsize=10_000)
def _skeleton(name: str) -> str:
    """What a hasty reader takes a host for (UTS 39 section 4, the part of it that fonts make alike)."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(c))
    return bare.translate(_LETTERS).replace("rn", "m").replace("vv", "w").replace("cl", "d")


def _as_read(host: str) -> str:
    """With punycode labels (RFC 3492) as a browser may show them."""
    if "xn--" not in host:
        return host
    labels = []
    for label in host.split("."):
        try:
            labels.append(label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label)
        except (UnicodeError, ValueError, OverflowError):
            labels.append(label)
    return ".".join(labels)


_SAFETY: Final = re.compile(
    r"log-?in|sign-?in|secur|verif|account|support|update|billing|service|auth|wallet|confirm|recover|alert|help|konto"
    r"|compte|cuenta|conta|hesap|sicher|banking|payment|refund|id(?![a-z])"
)


class _Shield:
    """Domains whose look-alikes are looked for, by what makes a look-alike, so that each host costs a few look-ups."""

    def __init__(self, domains: Iterable[str]) -> None:
        self.domains = frozenset(domains)
        self._seen: dict[str, str] = {}
        self._with_a_letter_less: dict[str, list[str]] = {}
        self._tokens: dict[str, str] = {}
        for domain in self.domains:
            name = domain.partition(".")[0]
            self._seen.setdefault(_skeleton(domain), domain)
            if len(name) >= _LEAST_TOKEN:
                self._tokens.setdefault(name, domain)
            if len(name) >= _LEAST_FOR_ONE_OFF:
                for variant in _variants(_skeleton(name)):
                    self._with_a_letter_less.setdefault(variant, []).append(domain)

    def imitated_by(self, host: str) -> str:
        """The domain a reader would take `host` for, "" when there is none."""
        shown = registrable(_as_read(host))
        if domain := self._seen.get(_skeleton(shown)):
            return domain
        labels = host.split(".")
        for start in range(len(labels)):
            for end in range(start + 2, len(labels)):
                domain = ".".join(labels[start:end])
                if domain in self.domains and len(domain) > _LEAST_FOR_ONE_OFF:
                    return domain
        name = _skeleton(shown.partition(".")[0])
        for variant in _variants(name):
            for domain in self._with_a_letter_less.get(variant, ()):
                if _one_off(name, _skeleton(domain.partition(".")[0])):
                    return domain
        for token in re.split(r"[.-]", host):
            if (domain := self._tokens.get(token, "")) and _SAFETY.search(host.replace(token, "", 1)):
                return domain
        return ""


def _variants(name: str) -> set[str]:
    """The name, and the name without one of its letters: names within one edit of each other share one of these."""
    return {name, *(name[:at] + name[at + 1 :] for at in range(min(len(name), 63)))}


@lru_cache(maxsize=1)
def _brand_shield() -> _Shield:
    return _Shield(_BRAND_DOMAINS)


_LEAST_FOR_ONE_OFF: Final = 6
_LEAST_TOKEN: Final = 5


def _one_off(one: str, other: str) -> bool:
    """One letter more, less, other or swapped; two that differ in a digit are siblings (team1, team2)."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    rest, others = one[same:], other[same:]
    if len(rest) == len(others):
        if rest[0].isdigit() or others[0].isdigit():
            return False
        return rest[1:] == others[1:] or (rest[1:2] + rest[:1] == others[:2] and rest[2:] == others[2:])
    return rest[1:] == others if len(rest) > len(others) else rest == others[1:]


def _is_strange(link: Link, house: set[str]) -> bool:
    """Whether a link leads away from sender and recipients, and not to a well-known service's own pages."""
    if not link.host or link.url[:7].lower() == "mailto:":
        return False
    return registrable(link.host) not in house and (not _is_brands_own(link.host) or link.host in _ANYBODYS)


_FORM: Final = re.compile(r"<input\b[^>]{0,400}\btype\s{0,3}=\s{0,3}[\"']?password", re.I)


def _asks_in_a_form(html: str) -> bool:
    return bool(_FORM.search(html))


# --- names ------------------------------------------------------------------------------------------------------------

_BRANDS: Final = """
paypal: paypal.com paypal.me | google, gmail: google.com gmail.com youtube.com
=apple, icloud: apple.com icloud.com
microsoft, outlook, office 365: microsoft.com microsoftonline.com office.com outlook.com live.com aka.ms
amazon: amazon.com amazon.co.uk amazon.co.jp amazon.com.br amazon.com.mx amazon.com.tr | netflix: netflix.com
facebook, =meta: facebook.com meta.com | instagram: instagram.com | whatsapp: whatsapp.com | linkedin: linkedin.com
dropbox: dropbox.com | adobe: adobe.com | docusign: docusign.com docusign.net | spotify: spotify.com
ebay: ebay.com | dhl: dhl.com dhl.de | fedex: fedex.com | =ups: ups.com | usps: usps.com | coinbase: coinbase.com
binance: binance.com | =kraken: kraken.com | metamask: metamask.io | trust wallet: trustwallet.com
=ledger: ledger.com | revolut: revolut.com | =wise: wise.com | =stripe: stripe.com | klarna: klarna.com
mollie: mollie.com | gocardless: gocardless.com | wells fargo: wellsfargo.com | =chase: chase.com
bank of america: bankofamerica.com | citibank: citibank.com citi.com | hsbc: hsbc.com hsbc.co.uk
barclays: barclays.co.uk | santander: santander.com | sparkasse: sparkasse.de | commerzbank: commerzbank.de
deutsche bank: deutsche-bank.de | postbank: postbank.de | volksbank: volksbank.de | telekom: telekom.de
vodafone: vodafone.com | bnp paribas: bnpparibas.com | crédit agricole: credit-agricole.fr | la poste: laposte.fr
ameli: ameli.fr | bbva: bbva.com | caixabank: caixabank.es | correos: correos.es
mercado libre, mercado livre: mercadolibre.com mercadolivre.com.br | itaú: itau.com.br | bradesco: bradesco.com.br
nubank: nubank.com.br | poste italiane: poste.it | intesa sanpaolo: intesasanpaolo.com | unicredit: unicredit.it
rabobank: rabobank.nl | abn amro: abnamro.nl | postnl: postnl.nl | allegro: allegro.pl | inpost: inpost.pl
mbank: mbank.pl | pko bp: pkobp.pl | sberbank, сбербанк: sberbank.ru | госуслуги: gosuslugi.ru
т-банк, тинькофф: tbank.ru tinkoff.ru | yandex, яндекс: yandex.ru | ziraat bankası: ziraatbank.com.tr
garanti bbva: garantibbva.com.tr | iş bankası: isbank.com.tr | rakuten, 楽天: rakuten.co.jp
mercari, メルカリ: mercari.com | 三井住友: smbc.co.jp | 三菱ufj: mufg.jp | docomo, ドコモ: docomo.ne.jp
alipay, 支付宝: alipay.com | 微信, wechat: weixin.qq.com | 淘宝, taobao: taobao.com | 工商银行: icbc.com.cn
京东: jd.com | github: github.com | =slack: slack.com | =zoom: zoom.us | =notion: notion.so
atlassian: atlassian.com | =discord: discord.com | telegram: telegram.org | salesforce: salesforce.com
"""
"""Names that frauds are signed with, and where they really live; `=`: also an ordinary word."""


class _Brand(NamedTuple):
    domains: tuple[str, ...]
    word: bool
    """Its name is an ordinary word as well."""


def _brands() -> dict[str, _Brand]:
    found = {}
    for row in re.split(r"[\n|]", _BRANDS.strip()):
        names, _, domains = row.partition(":")
        for name in names.split(","):
            key = plain(name.strip().removeprefix("="))
            found[key] = _Brand(tuple(domains.split()), name.strip().startswith("="))
    return found


_BY_NAME: Final = _brands()
_BRAND_DOMAINS: Final = tuple(dict.fromkeys(domain for brand in _BY_NAME.values() for domain in brand.domains))
_BRAND_LABELS: Final = {domain.partition(".")[0] for domain in _BRAND_DOMAINS}
_ANYBODYS: Final = frozenset(
    (
        "docs.google.com",
        "drive.google.com",
        "sites.google.com",
        "script.google.com",
        "forms.office.com",
        "sway.office.com",
    )
)
"""Pages of well-known services that anybody can make."""


@lru_cache(maxsize=10_000)
def _is_brands_own(host: str) -> bool:
    """A brand's domain, or its name under a country's (amazon.de, google.co.uk)."""
    domain = registrable(host)
    label, _, suffix = domain.partition(".")
    return domain in _BRAND_DOMAINS or (
        label in _BRAND_LABELS
        and bool(re.fullmatch(r"(?:com?\.)?[a-z]{2}", suffix))
        and suffix not in ("co", "cc", "tk")
    )


_ROLES: Final = re.compile(
    r"\b(?:team|support|security|service|services|billing|accounts?|customer|help|helpdesk|desk|center|centre|department"
    r"|kunden\w*|sicherheit\w*|dienst|equipe|service client|securite|assistance|equipo|soporte|seguridad|atencion"
    r"|suporte|seguranca|atendimento|assistenza|sicurezza|servizio|klantenservice|beveiliging|zespol|obsluga"
    r"|bezpieczenstwo|dzial|команда|служба|поддержк\w*|безопасност\w*|ekibi|destek|guvenlik|musteri)\b"
    r"|チーム|サホート|カスタマー|セキュリティ|团队|客服|安全|中心"
)
_NO_CLAIM: Final = re.compile(
    r"\b(?:partner|reseller|certified|consultant|sent from|powered by|via|expert|seller|user|envoye|gesendet|enviado"
    r"|inviato|verzonden|wyslano|отправлено|for)\b"
)
_SIGN_OFF_LINES: Final = 8
_SIGN_OFF_WORDS: Final = 7


def _impersonation(mail: Outgoing, text: str) -> Iterator[Alarm]:
    house = registrable(mail.sender)
    own_name = house.partition(".")[0]
    claims = [mail.sender_name] if mail.sender_name else []
    lines = [
        line.strip(" \t-–—*_,.!")
        for line in text.split("\n")
        if line.strip() and not line.startswith(">") and "://" not in line
    ]
    claims += [
        line for line in lines[-_SIGN_OFF_LINES:] if 0 < len(line) <= 120 and len(line.split()) <= _SIGN_OFF_WORDS
    ]
    if _is_brands_own(mail.sender):
        return
    for claim in claims:
        said = plain(claim)
        if own_name in said or _NO_CLAIM.search(said):
            continue
        for name, brand in _BY_NAME.items():
            if name not in said:
                continue
            if name.isascii() and not re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", said):
                continue
            rest = said.replace(name, " ", 1)
            if _ROLES.search(rest) or not (brand.word or re.search(r"\w", rest)):
                yield Alarm("phishing", f"it is signed as {_short(claim)}, and {mail.sender} is not theirs")
                return
