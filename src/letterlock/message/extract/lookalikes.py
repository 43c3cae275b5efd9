"""Hosts that a hasty reader takes for another: letters made alike, one letter off, a known name in a stranger's host.

`Shield` looks for look-alikes of given domains, `brand_shield()` for those of well-known services, whose names and
domains are the table below. Each host costs a few look-ups.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from letterlock.message.extract.domains import registrable
from letterlock.patterns import on_demand

_LETTERS: Final = str.maketrans(
    "аеорсухіјӏѕԁһԛԝвкмтпɡοαεινρτυχηκıł0135$|øđi", "aeopcyxljlsdhqwbkmtngoaelvptuxnkllolesslodl"
)


@lru_cache(maxsize=10_000)
def skeleton(name: str) -> str:
    """What a hasty reader takes a host for (UTS 39 section 4, the part of it that fonts make alike)."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(c))
    return bare.translate(_LETTERS).replace("rn", "m").replace("vv", "w").replace("cl", "d")


def as_read(host: str) -> str:
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


_SAFETY: Final = on_demand(
    r"log-?in|sign-?in|secur|verif|account|support|update|billing|service|auth|wallet|confirm|recover|alert|help|konto"
    r"|compte|cuenta|conta|hesap|sicher|banking|payment|refund|id(?![a-z])"
)


class Shield:
    """Domains whose look-alikes are looked for, by what makes a look-alike, so that each host costs a few look-ups."""

    def __init__(self, domains: Iterable[str]) -> None:
        self.domains = frozenset(domains)
        self._seen: dict[str, str] = {}
        self._with_a_letter_less: dict[str, list[str]] = {}
        self._tokens: dict[str, str] = {}
        for domain in self.domains:
            name = domain.partition(".")[0]
            self._seen.setdefault(skeleton(domain), domain)
            if len(name) >= _LEAST_TOKEN:
                self._tokens.setdefault(name, domain)
            if len(name) >= _LEAST_FOR_ONE_OFF:
                for variant in _variants(skeleton(name)):
                    self._with_a_letter_less.setdefault(variant, []).append(domain)

    def imitated_by(self, host: str) -> str:
        """The domain a reader would take `host` for, "" when there is none."""
        shown = registrable(as_read(host))
        if domain := self._seen.get(skeleton(shown)):
            return domain
        labels = host.split(".")
        for start in range(len(labels)):
            for end in range(start + 2, len(labels)):
                domain = ".".join(labels[start:end])
                if domain in self.domains and len(domain) > _LEAST_FOR_ONE_OFF:
                    return domain
        name = skeleton(shown.partition(".")[0])
        for variant in _variants(name):
            for domain in self._with_a_letter_less.get(variant, ()):
                if shown.partition(".")[0] not in _OWN_WORDS and _one_off(name, skeleton(domain.partition(".")[0])):
                    return domain
        for token in re.split(r"[.-]", host):
            if (domain := self._tokens.get(token, "")) and _SAFETY.search(host.replace(token, "", 1)):
                return domain
        return ""


def _variants(name: str) -> set[str]:
    """The name, and the name without one of its letters: names within one edit of each other share one of these."""
    return {name, *(name[:at] + name[at + 1 :] for at in range(min(len(name), 63)))}


def reads_as_latin(host: str) -> bool:
    """Whether a label in another alphabet than its top-level domain's is made of nothing but letters that look Latin
    (UTS 39 section 5.3, whole-script confusables)."""
    *labels, last = as_read(host).split(".")
    return last.isascii() and not last.startswith("xn--") and any(map(_in_disguise, labels))


def _in_disguise(label: str) -> bool:
    letters = [letter for letter in label if letter.isalpha()]
    return bool(letters) and not any(map(str.isascii, letters)) and all(map(_DISGUISED.__contains__, letters))


_DISGUISED: Final = frozenset("аеорсухіјӏѕԁһԛԝугпкοανρυχικω")


@lru_cache(maxsize=1)
def brand_shield() -> Shield:
    return Shield(_BRAND_DOMAINS)


_LEAST_FOR_ONE_OFF: Final = 6
_LEAST_TOKEN: Final = 5
# Words of their own that happen to be one letter from a name of the table.
_OWN_WORDS: Final = frozenset(
    (
        *("nation", "motion", "lotion", "notions", "finance", "strike", "stride", "strife", "stripes", "striped"),
        *(
            "telecom",
            "ledge",
            "ledgers",
            "lodger",
            "leger",
            "hedger",
            "officer",
            "offices",
            "millie",
            "molly",
            "hollie",
        ),
        *(
            "allegra",
            "revolt",
            "impost",
            "input",
            "correo",
            "cloud",
            "papal",
            "barclay",
            "discords",
            "amazons",
            "tripe",
        ),
    )
)


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


class Brand(NamedTuple):
    domains: tuple[str, ...]
    word: bool
    """Its name is an ordinary word as well."""


def _brands() -> dict[str, Brand]:
    found = {}
    for row in re.split(r"[\n|]", _BRANDS.strip()):
        names, _, domains = row.partition(":")
        for name in names.split(","):
            key = name.strip().removeprefix("=")
            found[key] = Brand(tuple(domains.split()), name.strip().startswith("="))
    return found


BRANDS: Final = _brands()
_BRAND_DOMAINS: Final = tuple(dict.fromkeys(domain for brand in BRANDS.values() for domain in brand.domains))
_BRAND_LABELS: Final = {domain.partition(".")[0] for domain in _BRAND_DOMAINS}


@lru_cache(maxsize=10_000)
def is_brands_own(host: str) -> bool:
    """A brand's domain, or its name under a country's (amazon.de, google.co.uk)."""
    domain = registrable(host)
    label, _, suffix = domain.partition(".")
    return domain in _BRAND_DOMAINS or (
        label in _BRAND_LABELS
        and bool(re.fullmatch(r"(?:com?\.)?[a-z]{2}", suffix))
        and suffix not in ("co", "cc", "tk")
    )
