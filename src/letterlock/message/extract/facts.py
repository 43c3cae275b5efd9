"""Typed facts of a text: dates, amounts of money, phone numbers, tracking numbers of parcels, each with its place.

`find_facts(text)` reads what is written and guesses nothing: a date whose order of day and month nobody can tell has no
ISO form, "$" stays "$", a number is a tracking number only when its check digit holds. Outside text, never raises,
linear in the text; without a digit there is nothing to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, TypeVar

from letterlock.patterns import on_demand

Carrier = Literal["ups", "fedex", "dhl", "usps", "post"]
"""`post`: a postal item of any other country (UPU S10)."""


@dataclass(frozen=True, slots=True)
class DateFact:
    """A date at text[start:end]. `iso` is ISO 8601; --MM-DD when no year is given (RFC 6350 section 4.3.1); "" when day
    and month cannot be told apart."""

    start: int
    end: int
    iso: str = ""


@dataclass(frozen=True, slots=True)
class AmountFact:
    """An amount of money. `value` is a decimal number such as 1234.50; `currency` an ISO 4217 code, or the sign as
    written where several currencies share it ($, kr)."""

    start: int
    end: int
    value: str
    currency: str


@dataclass(frozen=True, slots=True)
class PhoneFact:
    """A phone number that can exist. `number` is E.164, such as +491701234567."""

    start: int
    end: int
    number: str


@dataclass(frozen=True, slots=True)
class TrackingFact:
    """A tracking number without blanks, whose check digit holds, and whose it is."""

    start: int
    end: int
    number: str
    carrier: Carrier


@dataclass(frozen=True, slots=True)
class Facts:
    """At most 50 of each, in the order of the text."""

    dates: tuple[DateFact, ...] = ()
    amounts: tuple[AmountFact, ...] = ()
    phones: tuple[PhoneFact, ...] = ()
    tracking: tuple[TrackingFact, ...] = ()

    def moved(self, place: Callable[[int], int]) -> Facts:
        """The same facts of a text whose places are now `place` of what they were."""
        return Facts(
            tuple(_moved(fact, place) for fact in self.dates),
            tuple(_moved(fact, place) for fact in self.amounts),
            tuple(_moved(fact, place) for fact in self.phones),
            tuple(_moved(fact, place) for fact in self.tracking),
        )


_Fact = TypeVar("_Fact", DateFact, AmountFact, PhoneFact, TrackingFact)


def _moved(fact: _Fact, place: Callable[[int], int]) -> _Fact:
    return replace(fact, start=place(fact.start), end=place(fact.end))


_CAP: Final = 50
_TEXT_CAP: Final = 200_000
_DIGITS: Final = on_demand(r"[0-9]+")
_NONE: Final = Facts()
_Runs = list[tuple[int, int]]
"""Where digits stand in a row: all that is looked for begins at one of them, or a few characters before."""


def find_facts(text: str, language_hint: str = "") -> Facts:
    """The facts of the first 200,000 characters of `text`.

    `language_hint`: a language tag such as "de" or "en-US" (RFC 5646); it decides what 03/04/2026 means and in which
    country a phone number without + is dialled. Without it such dates have no ISO form, such numbers are left out."""
    text = text[:_TEXT_CAP]
    runs = [match.span() for match in _DIGITS.finditer(text)]
    if not runs:
        return _NONE
    tracking = tuple(_capped(_tracking(text, runs)))
    taken = [(fact.start, fact.end) for fact in tracking]
    dates = tuple(_capped(_dates(text, runs, language_hint)))
    amounts = tuple(_capped(_amounts(text, runs)))
    taken += [(fact.start, fact.end) for fact in dates]
    taken += [(fact.start, fact.end) for fact in amounts]
    return Facts(dates, amounts, tuple(_capped(_phones(text, runs, language_hint, taken))), tracking)


def _capped(facts: Iterator[_Fact]) -> Iterator[_Fact]:
    for _, fact in zip(range(_CAP), facts, strict=False):
        yield fact


# ---- dates -----------------------------------------------------------------------------------------------------------

# January to December, a language a line; in the form that stands in a date.
_MONTHS_IN_LANGUAGES: Final = """
january february march april may june july august september october november december
jan feb mar apr may jun jul aug sept oct nov dec
januar februar märz april mai juni juli august september oktober november dezember
jänner feber mrz apr mai jun jul aug sep okt nov dez
janvier février mars avril mai juin juillet août septembre octobre novembre décembre
janv févr mars avr mai juin juil août sept oct nov déc
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
ene feb mar abr may jun jul ago sep oct nov dic
janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
jan fev mar abr mai jun jul ago set out nov dez
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
gen feb mar apr mag giu lug ago set ott nov dic
januari februari maart april mei juni juli augustus september oktober november december
januari februari mars april maj juni juli augusti september oktober november december
januar februar marts april maj juni juli august september oktober november december
januar februar mars april mai juni juli august september oktober november desember
tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta -
stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
ledna února března dubna května června července srpna září října - prosince
januára februára marca apríla mája júna júla augusta septembra októbra novembra decembra
január február március április május június július augusztus szeptember október november december
ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık
января февраля марта апреля мая июня июля августа сентября октября ноября декабря
янв фев мар апр мая июн июл авг сен окт ноя дек
січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня
ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου
"""
_MONTHS: Final = {
    name: number
    for line in _MONTHS_IN_LANGUAGES.strip().split("\n")
    for number, name in enumerate(line.split(), 1)
    if name != "-"
} | {"joulukuuta": 12, "listopadu": 11}
# Words of everyday use: in a date without a year they count only when they start with a capital.
_ALSO_WORDS: Final = frozenset(("may", "march", "mars", "mart", "mai", "set", "out", "ago", "mag", "mei", "maj"))

_NUMERIC: Final = on_demand(
    r"(?<![\w.,/-])"
    r"(?:([12]\d{3})([-/.])(\d{1,2})\2(\d{1,2})|(\d{1,2})([-/.]) ?(\d{1,2})\6 ?(\d{4}|\d\d))(?![\w/-]|[.,]\d)",
    re.ASCII,
)
_ISO_TIME: Final = on_demand(r"(?<![\w.,/-])([12]\d{3})-(\d\d)-(\d\d)T(?=\d\d:\d\d)", re.ASCII)
_DAY_FIRST: Final = on_demand(
    r"(?<![\w.,:/-])([0-3]?[0-9])(?:st|nd|rd|th|er|\.|º|ª)?[ \u00a0](?:de |of |di )?([^\W\d_]{3,14})"
    r"(?:\.?,?[ \u00a0](?:de |del )?([12][0-9]{3})(?!\d))?"
)
_MONTH_FIRST: Final = on_demand(r"([0-3]?[0-9])(?:st|nd|rd|th)?(?![\w:/%])(?:,?[ \u00a0]([12][0-9]{3})(?![\w]))?")
_WORD_BEFORE: Final = on_demand(r"(?<![^\W\d_])([^\W\d_]{3,10})\.?[ \u00a0]\Z")
_EAST: Final = on_demand(r"(?:([12][0-9]{3})[年년][ \u00a0]?)?([01]?[0-9])[月월][ \u00a0]?([0-3]?[0-9])[日일]")
_MONTH_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class _Found(NamedTuple):
    start: int
    end: int
    iso: str


def _dates(text: str, runs: _Runs, hint: str) -> Iterator[DateFact]:
    found = [*_numeric_dates(text, runs, hint), *_named_dates(text, runs)]
    if "月" in text or "월" in text:
        for match in _EAST.finditer(text):
            iso = _iso(match[1] or "", int(match[2]), int(match[3]))
            if iso:
                found.append(_Found(match.start(), match.end(), iso))
    found.sort(key=lambda one: (one.start, -one.end))
    end = 0
    for one in found:
        if one.start >= end:
            end = one.end
            yield DateFact(*one)


def _numeric_dates(text: str, runs: _Runs, hint: str) -> Iterator[_Found]:
    done = 0
    for start, end in runs:
        if start < done or text[end : end + 1] not in ("-", "/", ".") or end - start > 4:
            continue
        if end - start == 4 and (timed := _ISO_TIME.match(text, start)):
            if iso := _iso(timed[1], int(timed[2]), int(timed[3])):
                yield _Found(start, timed.end() - 1, iso)
            continue
        match = _NUMERIC.match(text, start)
        if match is None:
            continue
        done = match.end()
        if match[1]:
            iso = _iso(match[1], int(match[3]), int(match[4]))
            if iso:
                yield _Found(match.start(), match.end(), iso)
            continue
        first, second = int(match[5]), int(match[7])
        year = match[8] if len(match[8]) == 4 else f"20{match[8]}"
        day_first, month_first = _iso(year, second, first), _iso(year, first, second)
        if not day_first and not month_first:
            continue
        if len(match[8]) == 2 and match[6] == "-":
            # Three pairs of digits with hyphens are a part of some number rather than a date.
            continue
        tag = hint.lower()
        if match[6] == "." or (tag and tag != "en" and tag[:5] not in ("en-us", "en_us")):
            # Dots are written where the day comes first; so it does in all languages but American English.
            iso = day_first
        elif tag[:5] in ("en-us", "en_us"):
            iso = month_first
        elif day_first and month_first and day_first != month_first:
            iso = ""
        else:
            iso = day_first or month_first
        if iso or match[6] != ".":
            yield _Found(match.start(), match.end(), iso)


def _named_dates(text: str, runs: _Runs) -> Iterator[_Found]:
    for start, end in runs:
        if end - start > 2:
            continue
        match = _DAY_FIRST.match(text, start)
        if match is not None:
            name = match[2]
            month = _MONTHS.get(name.lower(), 0)
            if month and (match[3] or _is_month(name)) and (iso := _iso(match[3] or "", month, int(match[1]))):
                yield _Found(start, match.end() if match[3] else match.end(2), iso)
        if text[start - 1 : start] not in (" ", "\u00a0"):
            continue
        before = _WORD_BEFORE.search(text, max(0, start - 13), start)
        if before is None or not (month := _MONTHS.get(before[1].lower(), 0)):
            continue
        after = _MONTH_FIRST.match(text, start)
        if after is not None and (after[2] or _is_month(before[1])):
            iso = _iso(after[2] or "", month, int(after[1]))
            if iso:
                yield _Found(before.start(), after.end(), iso)


def _is_month(name: str) -> bool:
    """Whether `name` alone, without a year, says a month."""
    return name[0].isupper() or (len(name) > 3 and name not in _ALSO_WORDS) or not name.isascii()


def _iso(year: str, month: int, day: int) -> str:
    if not (1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1]):
        return ""
    if not year:
        return f"--{month:02}-{day:02}"
    number = int(year)
    leap = number % 4 == 0 and (number % 100 != 0 or number % 400 == 0)
    return "" if (month, day) == (2, 29) and not leap else f"{year}-{month:02}-{day:02}"


# ---- amounts ---------------------------------------------------------------------------------------------------------

_SIGNS_AND_CODES: Final = """
€ EUR £ GBP ₹ INR ₽ RUB ₩ KRW ₺ TRY ₴ UAH ₪ ILS ₫ VND ฿ THB ₱ PHP ₦ NGN ₸ KZT ₡ CRC ₲ PYG ₵ GHS $ $ ¥ ¥ ￥ ¥
US$ USD CA$ CAD C$ CAD A$ AUD AU$ AUD NZ$ NZD HK$ HKD NT$ TWD S$ SGD R$ BRL MX$ MXN zł PLN Kč CZK kč CZK Ft HUF lei RON
kr kr Rs INR Rp IDR RM MYR руб RUB р RUB грн UAH лв BGN 元 CNY 円 JPY 원 KRW euro EUR euros EUR Euro EUR TL TRY SFr CHF
"""
_SIGNS: Final = dict(zip(_SIGNS_AND_CODES.split()[::2], _SIGNS_AND_CODES.split()[1::2], strict=True))
_CODE_LETTERS: Final = (
    "AED ARS AUD BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JOD JPY KES KRW KWD KZT "
    "MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH USD UYU VND ZAR"
)
_CODES: Final = frozenset(_CODE_LETTERS.split())
_THREE_DECIMALS: Final = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
# Signs that stand on one side of their number only: on the other they are words.
_ONLY_BEFORE: Final = frozenset(("Rs", "Rp", "RM", "SFr"))
_ONLY_AFTER: Final = frozenset(
    (
        *("zł", "Kč", "kč", "Ft", "lei", "руб", "р", "грн", "лв", "元", "円", "원"),
        *("euro", "euros", "Euro", "TL"),
    )
)
_NUMBER: Final = on_demand(
    r"(?<![\w.,/])[0-9]{1,3}(?:[ \u00a0\u202f'\u2019][0-9]{3})+(?![0-9])(?:[.,][0-9]{1,2}(?![0-9]))?"
    r"|(?<![0-9][.,/])(?<![0-9])[0-9](?:[0-9.,]{0,18}[0-9])?(?![0-9])"
)
_BEFORE: Final = on_demand(
    r"(?<![^\W_])([^\W\d_]{0,3}[$€£₹₽₩₺₴₪₫฿₱₦₸₡₲₵¥￥]|[^\W\d_]{2,3})\.?[ \u00a0\u202f]?([-\u2212]?)\Z"
)
_AFTER: Final = on_demand(
    r"[ \u00a0\u202f]?([^\W\d_]{0,2}[$€£₹₽₩₺₴₪₫฿₱₦₸₡₲₵¥￥]|[^\W\d_]{1,5})(?![^\W_])|[ ]?([元円원])"
)


# Words for thousands and more, by the zeros they stand for. Single letters only right behind the number.
_ZEROS_OF: Final = {
    3: "k thousand tausend tsd mille mila mil tys tis tusen тыс тысяч тысячи bin 千 천",
    4: "万 萬 만",
    5: "lakh lakhs lac लाख",
    6: "m mm mn million millions mio millionen mill millones millón milhão milhões milione milioni mln miljoen milion "
    "milionów miliony milionů miljon miljoner млн миллион миллиона миллионов milyon juta triệu",
    7: "crore crores करोड़",
    8: "亿 億 억",
    9: "b bn billion billions mrd milliarde milliarden milliard milliards miljard miliardo miliardi mld miliard млрд "
    "миллиард миллиардов milyar miliar tỷ",
}
_ZEROS: Final = {word: zeros for zeros, words in _ZEROS_OF.items() for word in words.split()}
_LONG_FIRST: Final = "|".join(sorted((word for word in _ZEROS if len(word) > 2), key=len, reverse=True))
_SCALE: Final = on_demand(
    rf"(?:[kKmMB]|mm|MM|bn)(?![^\W_])|[ ]?[千천万萬만亿億억]|[ \u00a0\u202f]?(?i:{_LONG_FIRST}|tỷ|bn)"
    r"(?![^\W\d_])\.?"
)
_MINUS: Final = frozenset("-\u2212")
_ALIKE: Final = on_demand(r"[0-9]{1,3}[.,][0-9]{3}")


def _amounts(text: str, runs: _Runs) -> Iterator[AmountFact]:
    done = read = 0
    for begin, _ in runs:
        if begin < read or (match := _NUMBER.match(text, begin)) is None:
            continue
        start, end = match.span()
        read = end
        currency = ""
        if scale := _SCALE.match(text, end):
            end = scale.end()
        # What named the currency of one number does not name that of the next: "5 EUR 10 pieces".
        before = _BEFORE.search(text, max(done, start - 8), start)
        if before is not None and (currency := _currency(before[1], _ONLY_AFTER)):
            start = before.start()
        else:
            after = _AFTER.match(text, end)
            if after is None or not (currency := _currency(after[1] or after[2], _ONLY_BEFORE)):
                continue
            end = after.end()
            before = None
        value = _decimal(match[0], currency)
        if value and scale:
            # 1.234 million: of these three digits nobody can say whether they are decimals.
            whole = _ALIKE.fullmatch(match[0]) is None
            value = _scaled(value, _ZEROS[scale[0].strip(" \u00a0\u202f.").lower()]) if whole else ""
        if not value:
            continue
        # Before the number or before its currency: EUR -20, -$20; a dash behind a word is none.
        for sign_at in (match.start() - 1, start - 1):
            inside = sign_at >= start
            if text[max(0, sign_at) : sign_at + 1] in _MINUS and (
                inside or not text[max(0, sign_at - 1) : sign_at].strip()
            ):
                value = f"-{value}"
                start = min(start, sign_at)
                break
        done = end
        yield AmountFact(start, end, value, currency)


def _scaled(value: str, zeros: int) -> str:
    """`value` times ten to the power of `zeros`."""
    whole, _, decimals = value.partition(".")
    moved = f"{whole}{decimals[:zeros].ljust(zeros, '0')}".lstrip("0") or "0"
    return f"{moved}.{decimals[zeros:]}" if decimals[zeros:] else moved


def _currency(written: str, elsewhere: frozenset[str]) -> str:
    """The currency that `written` names, or ""; signs of `elsewhere` stand on the other side of their number."""
    if written in _CODES:
        return written
    if written in elsewhere:
        return ""
    # The word before a sign may be no part of it: "for$5".
    return _SIGNS.get(written) or ("" if written[-1].isalpha() else _SIGNS.get(written[-1], ""))


def _decimal(written: str, currency: str) -> str:
    digits = re.sub(r"[ \u00a0\u202f'\u2019]", "", written)
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return digits.lstrip("0") or "0"
    decimals = len(digits) - last - 1
    other = "." if digits[last] == "," else ","
    grouped = digits.count(digits[last]) > 1 or (decimals == 3 and other not in digits and digits[0] != "0")
    if grouped and not (currency in _THREE_DECIMALS and digits.count(digits[last]) == 1):
        # One mark all through: it parts the thousands. More digits or fewer between than there should be: no amount.
        if decimals != 3 or other in digits[last:]:
            return ""
        return digits.replace(".", "").replace(",", "").lstrip("0") or "0"
    whole = digits[:last].replace(".", "").replace(",", "").lstrip("0") or "0"
    return f"{whole}.{digits[last + 1 :]}"


# ---- phone numbers ---------------------------------------------------------------------------------------------------

_DIALLED: Final = on_demand(
    r"(?<![\w+.,/-])(?:\+|00(?=[1-9]))[ (]{0,2}[1-9](?:[ \u00a0./()-]{0,3}[0-9]){6,14}(?!\w)|"
    r"(?<![\w+.,/-])(?:\([0-9]{2,5}\)|0[0-9])(?:[ \u00a0./()-]{0,3}[0-9]){5,12}(?!\w|[ \u00a0./-][0-9])|"
    r"(?<![\w+.,/-])[2-9][0-9]{2}([-. ])[2-9][0-9]{2}\1[0-9]{4}(?![\w-])"
)
_REGIONS_OF_LANGUAGES: Final = """
de DE fr FR es ES it IT nl NL pt PT pl PL cs CZ sk SK sv SE da DK nb NO no NO fi FI hu HU ro RO bg BG el GR tr TR ru RU
uk UA he IL ja JP ko KR zh CN th TH vi VN id ID hr HR sl SI et EE lv LV lt LT hi IN
"""
_REGIONS: Final = dict(zip(_REGIONS_OF_LANGUAGES.split()[::2], _REGIONS_OF_LANGUAGES.split()[1::2], strict=True))
_LOOKED_AT: Final = 100
# Digits in one run are as often an order or an account: something before them must say that they are dialled.
_SAID_TO_BE_DIALLED: Final = on_demand(
    r"(?<![^\W\d_])(?:t[eé]l|phone|fon|fone|fax|call|dial|mobile?|m[oó]vil|cell|handy|whatsapp|sms|тел|моб|電話|电话|전화|هاتف|☎|📞|📱)"
    r"[^\d\n]{0,20}\Z",
    re.IGNORECASE,
)
# What stands right before a number that is somebody's or something's, or a carrier's, and cannot be dialled.
_SAID_TO_BE_ELSE: Final = on_demand(
    r"(?<![^\W\d_])(?:order|ref|reference|account|acct|a/c|invoice|customer|client|case|ticket|contract|policy|iban|vat|"
    r"tracking|parcel|shipment|booking|id|ups|fedex|dhl|usps|dpd|gls|hermes|bestell\w*|auftrags?\w*|rechnung\w*|konto\w*|"
    r"kunden\w*|vertrags?\w*|sendung\w*|commande|compte|facture|client|dossier|colis|pedido|cuenta|factura|cliente|"
    r"conta|fatura|encomenda|ordine|conto|fattura|pratica|bestelling|factuur|rekening|klant\w*|zamówieni\w+|konta|faktur\w+|"
    r"заказ\w*|сч[её]т\w*|договор\w*|注文|口座|订单|账号|帐号)"
    r"(?:[ \u00a0-]?(?:numbers?|num|no|nr|nummer|numéro|número|numero|numer|номер|code|id|番号|号码|号)\b| ?n[°ºo])?"
    r"[ \u00a0.:#№°º-]{0,4}\Z",
    re.IGNORECASE,
)
_STARTS: Final = ("+ (", "+(", "+ ", "+", "(")


def _dialled(text: str, runs: _Runs) -> Iterator[re.Match[str]]:
    """What has the shape of a phone number."""
    done = 0
    for start, end in runs:
        if start < done:
            continue
        opening = next((len(sign) for sign in _STARTS if text.startswith(sign, start - len(sign))), 0) if start else 0
        if not opening and text[start] != "0" and (end - start != 3 or text[end : end + 1] not in ("-", ".", " ")):
            continue
        match = _DIALLED.match(text, start - opening) or (_DIALLED.match(text, start) if opening else None)
        if match is not None:
            done = match.end()
            yield match


def _phones(text: str, runs: _Runs, hint: str, taken: list[tuple[int, int]]) -> Iterator[PhoneFact]:
    parse = None
    language, _, country = hint.replace("_", "-").partition("-")
    region = country.upper() if len(country) == 2 and country.isalpha() else _REGIONS.get(language.lower(), "")
    for looked, match in enumerate(_dialled(text, runs)):
        if looked >= _LOOKED_AT:
            return
        start, end = match.span()
        if any(start < stop and begin < end for begin, stop in taken):
            continue
        written = match[0]
        international = written.startswith(("+", "00"))
        if not international and not region:
            continue
        if written.isdigit() and not _SAID_TO_BE_DIALLED.search(text, max(0, start - 32), start):
            continue
        if not written.startswith("+") and _SAID_TO_BE_ELSE.search(text, max(0, start - 40), start):
            continue
        if parse is None:
            # 30 ms the first time; most mail has nothing that looks like a phone number.
            import phonenumbers

            parse = phonenumbers
        try:
            number = parse.parse(f"+{written[2:]}" if written.startswith("00") else written, region or None)
        except parse.NumberParseException:
            continue
        if parse.is_valid_number(number):
            yield PhoneFact(start, end, parse.format_number(number, parse.PhoneNumberFormat.E164))


# ---- tracking numbers ------------------------------------------------------------------------------------------------

_UPS: Final = on_demand(r"(?<![A-Za-z0-9])1Z ?(?:[0-9A-Z] ?){15}[0-9](?![A-Za-z0-9])")
# UPU S10: two letters, eight digits and their check digit, the country.
_S10: Final = on_demand(r"(?<![A-Za-z0-9])([A-Z]{2}) ?([0-9]{3} ?[0-9]{3} ?[0-9]{2} ?[0-9]) ?([A-Z]{2})(?![A-Za-z0-9])")
_LONG_NUMBER: Final = on_demand(r"(?<![\w+.,/=-])[0-9](?: ?[0-9]){9,21}(?![\w.,/-]?[0-9])(?!\w)")
_S10_WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)


def _tracking(text: str, runs: _Runs) -> Iterator[TrackingFact]:
    found: list[TrackingFact] = []
    if "1Z" in text:
        for match in _UPS.finditer(text):
            number = match[0].replace(" ", "")
            if _ups_holds(number):
                found.append(TrackingFact(*match.span(), number, "ups"))
    lower = ""
    read = looked = 0
    for start, end in runs:
        if end - start >= 3:
            letters = start - 3 if text[start - 1 : start] == " " else start - 2
            s10 = _S10.match(text, letters) if letters >= 0 and text[letters].isupper() else None
            if s10 is not None and _s10_holds(digits := s10[2].replace(" ", "")):
                carrier: Carrier = "usps" if s10[3] == "US" else "post"
                found.append(TrackingFact(*s10.span(), f"{s10[1]}{digits}{s10[3]}", carrier))
        if start < read or looked >= _LOOKED_AT or (end - start < 10 and text[end : end + 1] != " "):
            continue
        written = _LONG_NUMBER.match(text, start)
        if written is None:
            continue
        read = written.end()
        looked += 1
        lower = lower or text.lower()
        number = written[0].replace(" ", "")
        whose = _carrier(number, lower)
        if whose:
            found.append(TrackingFact(*written.span(), number, whose))
    found.sort(key=lambda fact: fact.start)
    return iter(found)


def _carrier(number: str, lower: str) -> Carrier | Literal[""]:
    """Whose number it is. Check digits alone pass one number in seven to eleven: the text must name the carrier, where
    the number has no beginning of its own."""
    length = len(number)
    if length in (20, 22) and number[:2] in ("91", "92", "93", "94", "95") and _gs1_holds(number):
        return "usps"
    # The first digits are those of DHL in Germany (GS1 SSCC).
    if length == 20 and number.startswith("00340434") and _gs1_holds(number):
        return "dhl"
    if "fedex" in lower and (
        (length == 12 and _fedex_express_holds(number))
        or (length == 15 and _gs1_holds(number))
        or (length == 22 and number.startswith("96") and _gs1_holds(number[-15:]))
    ):
        return "fedex"
    if "dhl" in lower and length == 10 and int(number[:9]) % 7 == int(number[9]):
        return "dhl"
    return ""


def _gs1_holds(number: str) -> bool:
    """GS1 General Specifications, section 7.9: weights 3 and 1 from the right."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(number[:-1])))
    return (10 - total % 10) % 10 == int(number[-1])


def _ups_holds(number: str) -> bool:
    values = [int(c) if c.isdigit() else (ord(c) - 63) % 10 for c in number[2:-1]]
    total = sum(values[::2]) + 2 * sum(values[1::2])
    return (10 - total % 10) % 10 == int(number[-1])


def _s10_holds(digits: str) -> bool:
    check = 11 - sum(int(digit) * weight for digit, weight in zip(digits[:8], _S10_WEIGHTS, strict=True)) % 11
    return {10: 0, 11: 5}.get(check, check) == int(digits[8])


def _fedex_express_holds(number: str) -> bool:
    weights = (3, 1, 7) * 4
    total = sum(int(digit) * weight for digit, weight in zip(number[:11], weights, strict=False))
    return total % 11 % 10 == int(number[11])
