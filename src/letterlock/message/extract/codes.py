"""One-time codes found by rule, each with why it was chosen and how sure we are. None rather than a guess.

Every line of the mail (subject, shown blocks, the plain twin, image texts) is cleaned and searched for what has the
shape of a code. A shape counts only with a reason near it: a word for code in the same sentence, in the lines above or
below, in the subject. The words are those of keywords.py; numbers that are dates, amounts, phones, places, orders or
versions are sorted out by their neighbours. Work is linear in the length of the mail.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice, pairwise

from letterlock.message.extract.credentials import recovery_codes
from letterlock.message.extract.domains import registrable
from letterlock.message.extract.keywords import Hint, clean, hints, scan
from letterlock.message.extract.reply import newest_part
from letterlock.message.parse import ParsedMessage
from letterlock.message.visible import Look, VisibleText
from letterlock.patterns import on_demand


@dataclass(frozen=True, slots=True)
class Code:
    """`value` as a person would type it (grouping blanks removed, native digits as ASCII, letters as written).
    `forms`: every way it is written in the mail, so that masking leaves no copy. `expires_in_s` if the mail says so."""

    value: str
    confidence: float
    reason: str
    forms: tuple[str, ...] = ()
    expires_in_s: int | None = None


def find_code(parsed: ParsedMessage, visible: VisibleText) -> Code | None:
    """The one-time code of this email, or None."""
    return surest(find_codes(parsed, visible))


def surest(codes: tuple[Code, ...]) -> Code | None:
    """Of what `find_codes` found, the one that is to be given, or None."""
    return codes[0] if codes and codes[0].confidence >= SURE_ENOUGH else None


def find_codes(parsed: ParsedMessage, visible: VisibleText) -> tuple[Code, ...]:
    """All that may be a one-time code of this email, the surest first: what is to be masked, while only the first may
    be given out, and only from SURE_ENOUGH on. Lifetimes are read for the first only."""
    bound = _domain_bound(parsed, visible)
    lines = _lines(parsed, visible)
    best: dict[str, tuple[float, str, _Shape | None]] = {}
    seen: list[tuple[str, int, float]] = []
    text = "\n".join(line.text for line in lines)
    spare = {_letters(text[start:end]) for start, end in recovery_codes(text)}
    shapes = islice(chain(_cells(lines), chain.from_iterable(map(_shapes, lines)), _spelled(text, lines)), _MOST_SHAPES)
    mail = _Mail(lines)
    names = clean(" ".join(f"{mailbox.name} {mailbox.address}" for mailbox in parsed.from_)).lower()
    for shape in shapes:
        if (
            (shape.value.lower() in names and not _more_than_a_name(shape))
            or (shape.value.isalpha() and mail.is_word(shape.value))
            or _letters(shape.value) in spare
        ):
            continue
        score, reason = mail.judge(shape)
        seen.append((shape.value, shape.line.place, score))
        if score > best.get(shape.value, (0.0, "", None))[0]:
            best[shape.value] = (score, reason, shape)
    if any(place and score >= SURE_ENOUGH for value, place, score in seen):
        inside = {value for value, place, score in seen if place and score >= _WORTH_MASKING}
        for value, place, score in seen:
            # The names of services and users: "Sign in to Auth0".
            mixed = not place and not value.isdigit() and not value.isalpha()
            if mixed and value not in inside and (score < SURE_ENOUGH or _WORD_LIKE.fullmatch(value)):
                best.pop(value, None)
    if bound:
        value, score = bound
        best[value] = (score, "it is the domain-bound code in the last line", best.get(value, (0, "", None))[2])
    likely = [(value, *found) for value, found in best.items() if round(found[0], 3) >= _WORTH_MASKING]
    if not likely:
        return ()
    likely.sort(key=lambda one: -one[1])
    texts = [
        parsed.subject,
        visible.text,
        *parsed.plain,
        *(block.text for block in visible.blocks if block.part == "alt"),
    ]
    texts += [passage.text for passage in visible.hidden]
    return tuple(
        # Never rounded up to what is sure enough.
        Code(
            value,
            round(min(score, 0.99), 2) if round(score, 3) >= SURE_ENOUGH else min(round(score, 2), SURE_ENOUGH - 0.01),
            reason,
            _forms(value, shape.spelled if shape else "", texts),
            None if place else mail.lifetime(shape),
        )
        for place, (value, score, reason, shape) in enumerate(likely[:_MOST_CODES])
    )


_MOST_LINES = 2_000
_LONGEST_LINE = 4_000
_MOST_SHAPES = 400
SURE_ENOUGH = 0.6
_WORTH_MASKING = 0.4
_MOST_CODES = 20
_NOUN = int(Hint.CODE | Hint.STRONG)
_ACCOUNT = int(Hint.VERIFY | Hint.LOGIN | Hint.ONCE | Hint.SECURITY | Hint.RESET)
_SIGNING_IN = int(_ACCOUNT | Hint.STRONG | Hint.PASSWORD)
_NOTICE = int(Hint.EXPIRE | Hint.IGNORE)
_OTHER = int(Hint.VETO | Hint.PROMO)
_TIME = int(Hint.MINUTE | Hint.HOUR | Hint.DAY)
_PASSWORD, _ONCE, _ENTER = int(Hint.PASSWORD), int(Hint.ONCE), int(Hint.ENTER)
_LOGIN = int(Hint.LOGIN)
_PHRASE = 14  # letters between the words of one phrase
_STRONG, _PROMO, _OLD, _EXPIRE = int(Hint.STRONG), int(Hint.PROMO), int(Hint.OLD), int(Hint.EXPIRE)
_NO_CODE = int(_OTHER | Hint.KIND)


@dataclass(slots=True)
class _Line:
    text: str
    part: str
    looks: frozenset[Look]
    place: int
    """Number of the line among all lines."""
    _words: list[tuple[int, int, int]] | None = None
    _bits: int = 0

    @property
    def words(self) -> list[tuple[int, int, int]]:
        """Hinting words (start, end, bits), found when first asked for."""
        if self._words is None:
            self._words = _with_passwords(list(scan(self.text.lower())))
            for _, _, bits in self._words:
                self._bits |= bits
        return self._words

    @property
    def bits(self) -> int:
        return self._bits if self.words else 0


def _with_passwords(words: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The words, a password that is for one time counted as a code."""
    for at, (start, end, bits) in enumerate(words):
        if bits & _PASSWORD:
            near = bits
            for other_start, other_end, other in words[max(0, at - 2) : at + 3]:
                if other_start - end <= _PHRASE and start - other_end <= _PHRASE:
                    near |= other
            if near & _ONCE:
                words[at] = (start, end, bits | _STRONG)
    return words


@dataclass(slots=True)
class _Shape:
    """Something that could be a code: `value`, and where it stands. `penalty` grows with how unlike a code it looks."""

    value: str
    line: _Line
    start: int
    end: int
    alone: bool
    penalty: float = 0.0
    last: _Line | None = None
    """The last line of a code that is spread over several."""
    spelled: str = ""
    """As it stands in the mail, when its digits are written as words."""


def _lines(parsed: ParsedMessage, visible: VisibleText) -> list[_Line]:
    """The subject, then all shown lines that are not history: its codes were for another moment."""
    lines = [_Line(_bare(parsed.subject[:_LONGEST_LINE]), "subject", frozenset(), 0)]
    history = newest_part(visible.text) if _REPLY.match(parsed.subject) else len(visible.text)
    old = {block.text for block in visible.blocks if block.start >= history}
    for block in visible.blocks[:_MOST_LINES]:
        if block.text in old:
            continue
        for text in block.text[:_LONGEST_LINE].split("\n"):
            text = _bare(text).strip()
            if text and not text.startswith(">"):
                lines.append(_Line(text, block.part, block.looks, len(lines)))
    return lines


def _bare(text: str) -> str:
    """`text` cleaned, without the marks of emphasis, and with a number set apart from a word for code before it."""
    text = clean(text)
    if "*" in text or "_" in text:
        text = _EMPHASIS.sub(lambda match: match["stars"] or match["lines"], text)
    return _GLUED.sub(_set_apart, text) if _FIVE_DIGITS.search(text) else text


def _set_apart(match: re.Match[str]) -> str:
    bits = hints(match[1].lower())
    return f"{match[1]} {match[2]}" if bits & _NOUN and not bits & _OTHER else match[0]


# --- what has the shape of a code -------------------------------------------------------------------------------------

# Bold and italic of Markdown, in pairs: asterisks that only lead stand for what is left out of a card number.
_EMPHASIS = on_demand(
    r"(?<!\*)(\*{1,3})(?=[^\s*])(?P<stars>[^*\n]{1,200})(?<=\S)\1(?!\*)"
    r"|(?<!\w)(_{1,3})(?=[^\s_])(?P<lines>[^_\n]{1,200})(?<=\S)\3(?!\w)"
)
_FIVE_DIGITS = on_demand(r"[0-9]{5}")
_GLUED = on_demand(r"(?<![^\W_])([A-Za-z\u00c0-\u0dff]{3,20})([0-9]{5,8})(?![^\W_])")
_REPLY = on_demand(r"\s*(?:re|aw|sv|vs|antw?|odp|ynt|rif|回复|回覆|返信|답장)(?:\[\d+\])?\s?[:：]", re.IGNORECASE)
_ADDRESS = on_demand(r"\S*(?:://|@|\bwww\.)\S*")
_RUN = on_demand(
    r"(?<![A-Za-z0-9])(?:(?=[A-Za-z-]{0,24}[0-9])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*|[A-Z]{4,10}(?:-[A-Z]{3,6}){0,3}(?![A-Za-z0-9]))"
)
_MAYBE = on_demand(r"[0-9]|[A-Z]{4}|[A-Z] [A-Z] [A-Z]")
_SPACED_OUT = on_demand(r"(?<!\S)[A-Za-z0-9](?:(?: {1,3}| ?[-.|·•_] ?)[A-Za-z0-9]){3,9}(?=[.,;:!?)]{0,3}(?:\s|$))")
_WORDS = on_demand(r"[a-z]{3,10}(?:-[a-z]{3,10}){2,5}(?:-[0-9]{1,4})?|[a-z]{3,10}(?:-[a-z]{3,10})+-[0-9]{2,4}")
_WORDS_INSIDE = on_demand(rf"(?<![\w@./-])(?:{_WORDS.pattern})(?![\w@/-])")
_LETTERS_ALONE = on_demand(r"[A-Za-z]{8,24}")
_TYPED: frozenset[Look] = frozenset({"mono", "code", "spaced"})
_EDGE = " \t*_\"'`()[]{}<>:;,.!?|=~-–—·•«»“”‘’„「」『』【】《》（）：。，→►▶👉"
_GROUPS = frozenset({(3, 3), (4, 4), (2, 2, 2), (3, 3, 3), (4, 4, 4), (4, 4, 2), (5, 5), (2, 2, 2, 2)})
_CURRENCY = on_demand(
    r"(?:[$€£¥₹₽₩₺₴₦₫₱₪₸₾฿]|\b(?:usd|eur|gbp|inr|rs|jpy|cny|rub|pln|czk|sek|nok|dkk|chf|aud|cad|brl|mxn|try|huf|kr|zł))\.?\s?$",
    re.IGNORECASE,
)
_UNIT = on_demand(
    r"\s?(?:[$€£¥₹₽₩₺₴%‰°]|(?:usd|eur|gbp|inr|jpy|cny|rub|pln|czk|sek|nok|dkk|chf|kr|zł|円|元|원|kb|mb|gb|km|kg|px|ms|"
    r"年|am|pm|uhr|utc|gmt|bytes?|points?|users?|people|members?|lines?|years?)\b)",
    re.IGNORECASE,
)
_DATE_BEFORE = on_demand(
    r"[^\W\d_]{3,12}\.?,? (?:\d{1,2}(?:st|nd|rd|th)?\.?,? (?:[^\W\d_]{2,3} )?)$|\d{1,2}\.? [^\W\d_]{3,12}\.?,? $"
)
_PLACE_BEFORE = on_demand(r"(?:,|^) ?[A-Z]{2} $")
_YEAR = on_demand(r"(?:19|20)\d\d(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))?")
_WORD_LIKE = on_demand(
    r"[A-Za-z]{2,4}\d{1,2}|[A-Z]{5,}\d{1,2}|[A-Za-z]?[a-z]{3,}\d{1,4}|v\d+|"
    r"\d{2,4}[a-z]{3}|\d{1,5}(?:st|nd|rd|th|px|pt|em|mb|gb|kb|km|kg|am|pm|min|[xkmhsDKM])"
)
_HEX_COLOUR_OR_HASH = on_demand(r"[0-9a-f]{7,}")


def _shapes(line: _Line) -> Iterator[_Shape]:
    """The shapes of one line, grouped digits joined."""
    text = line.text
    if not _MAYBE.search(text) and not ("-" in text or (len(text) <= 48 and line.looks & _TYPED)):
        return
    if "@" in text or "://" in text or "www." in text:
        text = _ADDRESS.sub(lambda match: " " * len(match[0]), text)
    core = text.strip(_EDGE)
    if len(core) < 4:
        return
    if _SPACED_OUT.fullmatch(core):
        value = "".join(letter for letter in core if letter.isalnum())
        if len(value) >= 4 and (any(letter.isdigit() for letter in value) or value.isupper()):
            at = text.find(core)
            yield _Shape(value, line, at, at + len(core), True, _penalty(value))
        return
    for match in _SPACED_OUT.finditer(text):
        value = "".join(letter for letter in match[0] if letter.isalnum())
        if value.isdigit():
            yield _Shape(value, line, match.start(), match.end(), False, 0.05)
    if len(core) <= 48 and (_WORDS.fullmatch(core) or (_LETTERS_ALONE.fullmatch(core) and line.looks & _TYPED)):
        at = text.find(core)
        if "-" in core or not core.isupper():
            yield _Shape(core.replace("-", ""), line, at, at + len(core), True, 0.05 if core[-1].isdigit() else 0.25)
            return
    for match in _WORDS_INSIDE.finditer(text) if text.count("-") > 1 else ():
        # In a sentence words with hyphens are a code only where the sentence leads to them.
        if _LEADS_TO.search(text, max(0, match.start() - 12), match.start()):
            yield _Shape(match[0].replace("-", ""), line, match.start(), match.end(), False, 0.2)
    runs = list(_RUN.finditer(text))
    at = 0
    while at < len(runs):
        upto = at + 1
        # Groups of digits that stand one blank apart are one number, or none.
        while upto < len(runs) and _joined(text, runs[upto - 1], runs[upto]):
            upto += 1
        shape = _shape(line, text, core, runs[at:upto])
        if shape:
            yield shape
        at = upto


def _joined(text: str, left: re.Match[str], right: re.Match[str]) -> bool:
    between = text[left.end() : right.start()]
    if between not in (" ", "  ", " - ", "."):
        return False
    return left[0].replace("-", "").isdigit() and right[0].replace("-", "").isdigit()


def _shape(line: _Line, text: str, core: str, runs: list[re.Match[str]]) -> _Shape | None:
    start, end = runs[0].start(), runs[-1].end()
    written = text[start:end]
    if len(runs) > 1:
        if "." in written or tuple(len(run[0]) for run in runs) not in _GROUPS:
            return None
        value, penalty = "".join(run[0] for run in runs), 0.0
    else:
        made = _value(written)
        if made is None:
            return None
        value, penalty, cut = made
        end -= cut
    before, after = text[:start], text[end:]
    if _wrong_neighbours(value, before, after):
        return None
    alone = len(core) <= (end - start) + 2 and text[start:end].strip(_EDGE) in core
    return _Shape(value, line, start, end, alone, penalty)


def _value(written: str) -> tuple[str, float, int] | None:
    """(value, penalty, characters of `written` that are a grammatical ending and not the code), or None."""
    groups = written.split("-")
    cut = 0
    # Endings put on with a hyphen: "482913-dir", "482913-tól".
    if len(groups) == 2 and groups[0].isdigit() and len(groups[0]) >= 4 and groups[1].isalpha() and groups[1].islower():
        cut = len(groups[1]) + 1
        groups = groups[:1]
    value = "".join(groups)
    if value.isdigit():
        sizes = tuple(map(len, groups))
        if (len(groups) > 1 and sizes not in _GROUPS) or not 4 <= len(value) <= 10:
            return None
        return value, _penalty(value), cut
    if (
        len(groups) == 2
        and len(groups[0]) <= 2
        and groups[0].isalpha()
        and groups[0].isupper()
        and groups[1].isdigit()
        and len(groups[1]) >= 5
    ):
        return groups[1], 0.05, cut
    if not 4 <= len(value) <= 16 or len(groups) > 4:
        return None
    if len(groups) > 1:
        # Groups of a code are of one size and one case; "covid-19" and "mp3-player" are not.
        if len({len(group) for group in groups}) > 1 or not 3 <= len(groups[0]) <= 5:
            return None
        if any(letter.islower() for letter in value) and any(letter.isupper() for letter in value):
            return None
        return value, _penalty(value), cut
    if len(value) > 12:
        return None
    unlike = 0.0
    if _WORD_LIKE.fullmatch(value):
        letters = value.rstrip("0123456789")
        unlike = 0.3 if len(value) < 6 or not value.isupper() else 0.2 if _sounds(letters) else 0.1
    return value, _penalty(value) + unlike, cut


_NO_VOWELS = str.maketrans("", "", "AEIOUaeiou")


def _sounds(letters: str) -> bool:
    """Whether letters could be a word: two in five are vowels."""
    return (len(letters) - len(letters.translate(_NO_VOWELS))) * 5 >= len(letters) * 2


def _penalty(value: str) -> float:
    if value.isdigit():
        return 0.1 if len(value) > 8 else 0.0
    if value.isalpha():
        return 0.2 if _sounds(value) else 0.1
    if value.isupper():
        return 0.0 if len(value) <= 9 else 0.1
    return 0.1 if not _HEX_COLOUR_OR_HASH.fullmatch(value) else 0.2


def _wrong_neighbours(value: str, before: str, after: str) -> bool:
    """Whether what touches it makes it a date, a time, an amount, a phone, an address or a part of something longer."""
    left, right = before[-1:], after[:1]
    label = _LABEL.fullmatch(before) if left == "=" else None
    if label and hints(label[1].lower()) & _NOUN:
        left = " "
    if left and (left in "#$€£¥₹+@&;=/\\_%~^" or (left.isalpha() and ord(left) < 0x0E00)):
        return True
    if _inside_a_word(value, before, after):
        return True
    if left == "-" and len(value) == 4 and before[-2:-1] in ("", " "):
        return True  # a time zone, a minus
    if left in (".", ",", ":", "-", "'") and before[-2:-1].isalnum() and left != ":":
        return True
    if left == ":" and before[-2:-1].isdigit():
        return True
    if right and (right in "@/\\_%€£=&+~°" or (right.isalpha() and ord(right) < 0x0E00)):
        return True
    if right in (".", ",", ":", "-") and after[1:2].isalnum() and not (value.isdigit() and _next_clause(after)):
        return True
    near = before[-24:]
    if _CURRENCY.search(near) or _UNIT.match(after):
        return True
    if not value.isdigit():
        return False
    if left == ")" or near.rstrip().endswith(("+", "(+", "©", "(c)", "(C)", "№", "#")):
        return True
    if re.search(r"\+\d[\d ()-]*$|\(\d{2,4}\) ?$", near):
        return True
    if len(value) == 4 and (_DATE_BEFORE.search(near) or re.match(r" ?[-–/] ?\d", after)):
        return True
    return len(value) == 5 and _PLACE_BEFORE.search(near) is not None


_ENDS_GLUED = on_demand(r"[A-Za-z0-9]((?:[^\w\s]|_){1,8}+)$")
_BEGINS_GLUED = on_demand(r"((?:[^\w\s]|_){1,8}+)[A-Za-z0-9]")
_OF_PASSWORDS = frozenset("!?#$%^&*+~@")


_GLUED_CLAUSE = on_demand(r"[,.:](?=[^\x00-\x7f]|,?[A-Z][a-z]*\s)|,(?=[A-Za-z])|-(?=[a-z\u00df-\u00ff]|[^\x00-\u024f])")
_GLUED_TIME = on_demand(r"[,.]([0-9]{1,3})\s?([^\W\d_]{1,12})")
_GLUED_CALL = on_demand(r"[!?]{1,3}(?:[^\x00-\x7f]|[A-Z]?[a-z]+(?:['\u2019,.!]|\s|$))")


def _next_clause(after: str) -> bool:
    """Whether the mark that digits end in belongs to the sentence: words follow it without a blank, or a lifetime.
    A digit behind it makes an amount, a date or a time of them, small letters behind a point the name of a file."""
    if after[1:2].isdigit():
        time = _GLUED_TIME.match(after)
        return time is not None and bool((hints(time[2].lower()) | hints(time[2][:2])) & _TIME)
    return _GLUED_CLAUSE.match(after) is not None


def _inside_a_word(value: str, before: str, after: str) -> bool:
    """Whether `value` is a piece of what has marks inside, as passwords have: "Xy7!kQ2z" is no code, nor is "kQ2z"."""
    head = _ENDS_GLUED.search(before[-12:])
    tail = _BEGINS_GLUED.match(after)
    if value.isdigit() and tail and _GLUED_CALL.match(after):
        tail = None
    marks = [match[1] for match in (head, tail) if match]
    if any(not _OF_PASSWORDS.isdisjoint(mark) for mark in marks):
        return True
    if value.isdigit():
        return False
    if after[:1] in tuple("#^") or (before[-1:] in ("!", "?") and not before[-2:-1].strip()):
        return True
    # "Code:Xy7kQ2" and "code (Xy7kQ2)" are labels; anything else with a mark inside is one word.
    word = before[-24:].split()[-1:] if before and not before[-1].isspace() else []
    return tail is not None or (
        head is not None and (head[1][0] not in ":(\"'" or any(letter.isdigit() for letter in word[0]))
    )


_DIGIT_WORDS = {
    word: str(digit)
    for words in (
        "zero one two three four five six seven eight nine",
        "null eins zwei drei vier fünf sechs sieben acht neun",
        "zéro un deux trois quatre cinq six sept huit neuf",
        "cero uno dos tres cuatro cinco seis siete ocho nueve",
        "zero um dois três quatro cinco seis sete oito nove",
        "zero uno due tre quattro cinque sei sette otto nove",
        "nul een twee drie vier vijf zes zeven acht negen",
        "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć",
        "ноль один два три четыре пять шесть семь восемь девять",
    )
    for digit, word in enumerate(words.split())
} | {"oh": "0"}
# Hardly a code of four digits or more is without two of these, and most mails are.
_SELDOM = frozenset(word for word, digit in _DIGIT_WORDS.items() if digit in "03456789" and word not in ("sei", "sept"))
_ONE_DIGIT = "|".join(sorted(_DIGIT_WORDS, key=len, reverse=True))
_SPELLED = on_demand(
    rf"(?<![^\W_])(?:{_ONE_DIGIT})(?:[ ,-]{{1,3}}(?:{_ONE_DIGIT})){{3,9}}(?![^\W_]|[ ,-]{{1,3}}(?:{_ONE_DIGIT})\b)",
    re.IGNORECASE,
)


def _spelled(text: str, lines: list[_Line]) -> Iterator[_Shape]:
    """Codes whose digits are written as words: "four eight two nine"."""
    words = text.lower().replace(",", " ").replace("-", " ").replace(".", " ").split()
    if _SELDOM.isdisjoint(words) or len(_SELDOM.intersection(words)) < 2:
        return
    for line in lines:
        for match in _SPELLED.finditer(line.text):
            digits = "".join(_DIGIT_WORDS[word] for word in re.findall(r"[^\W\d_]+", match[0].lower()))
            alone = len(line.text.strip(_EDGE)) <= len(match[0])
            yield _Shape(digits, line, match.start(), match.end(), alone, 0.0, None, match[0])


def _letters(written: str) -> str:
    return "".join(filter(str.isalnum, written)).lower()


def _cells(lines: list[_Line]) -> Iterator[_Shape]:
    """Codes that stand with one character (or one group) to a line: table cells, boxes, one span each."""
    at = 0
    while at < len(lines):
        upto = at
        size = len(lines[at].text)
        while (
            upto < len(lines)
            and lines[upto].part == lines[at].part
            and len(lines[upto].text) == size
            and size <= 4
            and lines[upto].text.isascii()
            and lines[upto].text.isalnum()
        ):
            upto += 1
        value = "".join(line.text for line in lines[at:upto])
        fits = (size == 1 and 4 <= len(value) <= 10) or (
            size > 1 and upto - at > 1 and value.isdigit() and (size,) * (upto - at) in _GROUPS
        )
        if fits and (any(letter.isdigit() for letter in value) or value.isupper()):
            yield _Shape(value, lines[at], 0, size, True, _penalty(value), lines[upto - 1])
        at = max(upto, at + 1)


# --- what speaks for it -----------------------------------------------------------------------------------------------

_SENTENCE_END = on_demand(r"[.!?;](?=\s|$)|[。！？;।։؟]")
_LEADS_TO = on_demand(r"(?:[:：=>]|\b(?:is|ist|est|es|é|è))\W{0,4}$", re.IGNORECASE)
_MEETING = on_demand(
    r"\b(?:meeting|webinar|conference|réunion|riunione|reunión|会议|會議|ミーティング)[- ]?(?:id\b|number|号|號)"
)
_THATS = on_demand(
    r"(?:, ?(?:that['’]?s|that is|this is|das ist|c['’]est|es|è)|\s?[-:]) "
    r"(?:your|the|dein|ihr|der|votre|le|tu|su|el|il tuo|je|uw|din|ваш|твой)\b",
    re.IGNORECASE,
)
_IS = on_demand(r"[\s\W]{0,4}\b(?:is|ist|est|es|é|è|er|är|on|je|jest|to|это|este|là|は)\b", re.IGNORECASE)
_ANSWER = on_demand(r"(?:re|fwd?|aw|wg|sv|vs|tr|rv|antw?)\s?:", re.IGNORECASE)
_SMALL = on_demand(r"[a-z]{4,}")
_BRACKETED = on_demand(r"\[[^\]]{0,60}\]")
_PERCENT = on_demand(r"\d ?%")
# A verb that says what the code is, with nothing but an article behind it.
_COPULA = on_demand(
    r"(?:\b(?:is|ist|lautet|est|es|é|è|er|är|on|je|jest|to|este|adalah|ialah|это|є)|'s)"
    r"(?: (?:now|le|la|el|il|lo|o|a|het|de|den|der))?[\s:\"'“„«(-]{1,4}$"
)
_YOUR_IN_LANGUAGES = (
    "your dein deine deinen ihr ihre ihren euer votre ton tu su vuestro tuo suo vostro seu teu sua tua je jouw uw din "
    "ditt deres twój pański váš vaš tvůj tvoj vaša tău ваш ваша вашият твой твоят твій σας anda bạn"
)
_YOUR = frozenset(_YOUR_IN_LANGUAGES.split())
_YOU = frozenset(("you", "du", "sie", "vous", "has", "ha", "hai", "você", "pediu", "pidió", "вы", "ви"))
_THE = frozenset(("the", "der", "le", "el", "il", "o", "lo", "de", "den", "la"))
_NEW_IN_LANGUAGES = "new personal own neuer neue persönlicher nouveau nuevo nuovo novo nieuwe nya nye новый новий"
_NEW = frozenset(_NEW_IN_LANGUAGES.split())
_UNSPACED_NOUN_IS = on_demand(r"(?:コード|代码|代碼|코드|编码|รหัส)(?:は|是|为|為|는|은|คือ)[\s:：]{0,3}$")
_ENDS_THERE = on_demand(r"[\"'”“»)]?(?:\s*$|[.,;!?。、！)]|です|입니다|\s(?:and|und|et|y|e|en|och|og|i|и)\b)")
_SAID = 0.65
_ROW = on_demand(r"\s?[:：]?\s?[0-9]{4,8}(?:(?:, ?| ?/ ?|; ?)[0-9]{4,8}){1,20}[.]?\s*")
_LABEL = on_demand(r"\W*([^\W\d_]{2,20})\s?=\s?$")
_ABOVE, _BELOW, _AROUND = 4, 2, 6
_TERSE = 30
_STANDING_OUT: frozenset[Look] = frozenset({"large", "spaced", "mono", "code", "boxed", "bold", "heading", "centred"})


class _Mail:
    """The lines of a mail, and the judgement on a shape among them."""

    def __init__(self, lines: list[_Line]) -> None:
        self.lines = lines
        self.subject = lines[0]
        self._small: frozenset[str] | None = None
        self._speaks: tuple[int, int] | None = None

    def is_word(self, value: str) -> bool:
        """Whether letters are a word: of the table, or written small elsewhere in the mail."""
        small = value.lower()
        if self._small is None:
            self._small = frozenset(word for line in self.lines for word in _SMALL.findall(line.text))
        return hints(small) != 0 or (small != value and small in self._small)

    def judge(self, shape: _Shape) -> tuple[float, str]:
        """(score, reason in plain words); below SURE_ENOUGH it is no code."""
        if self._of_meeting(shape):
            return 0.0, ""
        if shape.line is self.subject:
            score, reason = self._in_subject(shape)
        elif shape.line.part == "alt":
            score, reason = self._in_image(shape)
        elif shape.alone:
            score, reason = self._alone(shape)
        else:
            score, reason = self._in_sentence(shape)
        return score - shape.penalty, reason

    def _of_meeting(self, shape: _Shape) -> bool:
        """Whether it opens a meeting: the line or one of the two above gives the number of one."""
        lines = self.lines[max(1, shape.line.place - 2) : shape.line.place + 1]
        return any(_MEETING.search(line.text.lower()) for line in lines)

    def _near(self, line: _Line, above: int, below: int) -> Iterator[_Line]:
        for place in range(max(1, line.place - above), min(len(self.lines), line.place + below + 1)):
            if _one_flow(self.lines[place], line) and place != line.place:
                yield self.lines[place]

    def _evidence(self, line: _Line) -> int:
        """The bits that speak for a mail about signing in, here, around, and in the subject."""
        bits = line.bits | self.subject.bits
        for other in self._near(line, _AROUND, _AROUND):
            bits |= other.bits
        return bits

    def _offers(self, line: _Line) -> bool:
        """Whether the lines around speak of a discount."""
        near = [line, *self._near(line, 3, 3)]
        return any(other.bits & _PROMO or _PERCENT.search(other.text) for other in near)

    def _in_sentence(self, shape: _Shape) -> tuple[float, str]:
        line = shape.line
        strength = _noun_beside(line, shape)
        if strength == 0:
            return (
                (_WORTH_MASKING + 0.05, "it is one of several codes") if self._in_list(shape) else self._entered(shape)
            )
        if strength < 0:
            return 0.0, ""
        if strength < 2 and (shape.value.isalpha() or self._offers(line)):
            return 0.0, ""
        if shape.value.isalpha() and not _LEADS_TO.search(line.text[: shape.start]):
            return 0.0, ""
        bits = self._evidence(line)
        if strength >= 2:
            return 0.9, "the sentence calls it a sign-in or confirmation code"
        score = 0.35 + (0.35 if bits & _ACCOUNT else 0) + (0.15 if bits & _NOTICE else 0)
        if self._in_list(shape):
            return _WORTH_MASKING + 0.05, "it is one of several codes"
        if self._given(shape) or (line.place <= 3 and shape.value.isdigit() and self._named_after(shape)):
            score = max(score, _SAID)
        elif len(shape.value) >= 5 and self._told_to_enter(shape):
            score = max(score, _WORTH_MASKING + 0.05)
        if bits & _NOTICE and any(word[2] & _NOUN and 0 <= shape.start - word[1] <= 3 for word in line.words):
            score += 0.1
        # A terse mail: "Your code: 123456" and nothing else to go by.
        if self._opens(shape):
            score += 0.25 + 0.2
        elif len(line.text) <= 48 and shape.end >= len(line.text.rstrip(_EDGE)):
            score += 0.15 + (0.1 if line.place <= 3 else 0) + (0.2 if self.subject.bits & _NOUN else 0)
        elif shape.value.isdigit() and line.place <= 3 and self._named_after(shape):
            score += 0.15 + 0.1 + (0.2 if self.subject.bits & _NOUN else 0)
        elif bits & _EXPIRE and _LEADS_TO.search(line.text[: shape.start]):
            score += 0.1
        if not shape.value.isdigit() and not shape.value.isupper():
            score -= 0.1
        if shape.value.isdigit() and _YEAR.fullmatch(shape.value):
            score -= 0.2
        return score, "the sentence calls it a code"

    def _given(self, shape: _Shape) -> bool:
        """Whether its clause is there to give it: "your Example code is 123456", whatever the rest of the mail says."""
        line = shape.line
        begin, _ = _clause(line, shape.start, shape.end)
        if not 4 <= len(shape.value) <= 8 or not (shape.value.isdigit() or shape.value.isupper()):
            return False
        if _YEAR.fullmatch(shape.value) or not _ENDS_THERE.match(line.text, shape.end):
            return False
        if _UNSPACED_NOUN_IS.search(line.text[max(begin, shape.start - 12) : shape.start]):
            return True
        nouns = [word for word in line.words if begin <= word[0] and word[1] <= shape.start and word[2] & _NOUN]
        if not nouns or shape.start - nouns[-1][1] > _PHRASE * 3:
            return False
        start, end, _ = nouns[-1]
        between = line.text[end : shape.start].lower()
        if (
            any(mark in between[:-3] for mark in ",;(")
            or any(letter.isdigit() for letter in between)
            or " of " in between
        ):
            return False
        ahead = line.text[max(begin, start - 60) : start].split()
        whose = [at for at, word in enumerate(ahead) if word.lower().strip(",") in _YOUR]
        after = not _YOUR.isdisjoint(between.split())
        if whose and not all(
            word[:1].isupper() or word.lower() in _NEW or word[:1].isdigit() for word in ahead[whose[-1] + 1 :]
        ):
            return False
        if _COPULA.search(between):
            if whose:
                return True
            the = bool(ahead) and ahead[-1].lower() in _THE
            # "The code is 123456" may be a story's: it takes someone who asked for it, or who is to enter it.
            asked = not _YOU.isdisjoint(between.split()) or line.bits & (_ENTER | _NOTICE)
            return shape.value.isdigit() and (after or (the and bool(asked)))
        return bool(whose) and shape.value.isdigit() and not between.strip(" :=-")

    def _in_list(self, shape: _Shape) -> bool:
        """Whether it stands in a row of numbers behind the noun: which of them is meant is not said."""
        line = shape.line
        nouns = [at for at, word in enumerate(line.words) if word[2] & _NOUN and word[1] <= shape.start]
        return (
            bool(nouns)
            and shape.value.isdigit()
            and _ROW.fullmatch(line.text[line.words[nouns[-1]][1] :]) is not None
            and _strength(line, line.words, nouns[-1]) > 0
        )

    def _told_to_enter(self, shape: _Shape) -> bool:
        """Whether "use code 123456" is said of it."""
        words = shape.line.words
        for at, (start, end, bits) in enumerate(words):
            if bits & _NOUN and 0 <= shape.start - end <= 3 and at and words[at - 1][2] & _ENTER:
                return start - words[at - 1][1] <= _PHRASE
        return False

    def _opens(self, shape: _Shape) -> bool:
        """Whether a terse mail's first sentence gives it, "Your code is 123456.", with another sentence after it."""
        line = shape.line
        begin, finish = _clause(line, shape.start, shape.end)
        return (
            begin == 0
            and line.place <= 3
            and finish < len(line.text.rstrip())
            and finish - shape.end <= 1
            and finish <= 48
            and shape.value.isdigit()
            and bool(self.subject.bits & _NOUN)
            and not _label_of_something_else(self.subject)
            and _LEADS_TO.search(line.text[: shape.start]) is not None
        )

    def _named_after(self, shape: _Shape) -> bool:
        """Whether it opens a short sentence that ends by calling it a code: "123456 is your code"."""
        line = shape.line
        begin, finish = _clause(line, shape.start, shape.end)
        return (
            shape.start - begin <= 1
            and finish - shape.end <= 32
            and (_IS.match(line.text, shape.end) or _THATS.match(line.text, shape.end)) is not None
            and any(bits & _NOUN and 0 <= finish - end <= 2 for _, end, bits in line.words)
        )

    def _alone(self, shape: _Shape) -> tuple[float, str]:
        line, last = shape.line, shape.last or shape.line
        score, reason = 0.0, ""
        for distance in range(1, min(_ABOVE, line.place - 1) + 1):
            other = self.lines[line.place - distance]
            if not _one_flow(other, line):
                break
            label = len(other.text) <= 32
            if other.bits & _NOUN:
                if _label_of_something_else(other) or (not _strong(other) and self._offers(other)):
                    return 0.0, ""
                score = 0.55 - 0.05 * distance + (0.1 if _strong(other) else 0)
                if shape.value.isalpha() and (distance > 1 or not (_strong(other) or other.text.endswith(":"))):
                    score -= 0.3
                if other.text.endswith(":") and distance == 1:
                    score += 0.1
                reason = "it stands alone below a line that speaks of a code"
                break
            if distance == 1 and label and other.bits & _OTHER:
                return 0.0, ""
        below = list(self._near(last, 0, _BELOW))
        if not score and below and below[0].bits & _NOUN and _label_of_something_else(below[0]):
            return 0.0, ""
        if not score and any(other.bits & _NOUN and not _label_of_something_else(other) for other in below):
            score, reason = 0.4, "it stands alone above a line that speaks of a code"
        subject_noun = self.subject.bits & _NOUN and not _label_of_something_else(self.subject)
        if subject_noun:
            if not score and all(other.text == line.text for other in self.lines[1:]):
                score = 0.3
            score += 0.2 if reason else 0.35
            reason = reason or "it stands alone and the subject speaks of a code"
        looks = len(line.looks & _STANDING_OUT)
        score += min(0.05 * looks, 0.2)
        bits = self._evidence(line)
        if bits & _ACCOUNT:
            score += 0.1
        if bits & _NOTICE:
            score += 0.1
        if not reason:
            if _digit_by_digit(line.text[shape.start : shape.end], shape.value):
                return _WORTH_MASKING + 0.05, "its digits stand apart one by one"
            stands_out = "large" in line.looks and line.looks & {"spaced", "mono", "code", "boxed"}
            if not (stands_out and bits & _ACCOUNT and bits & _NOTICE) or self._offers(line):
                return 0.0, ""
            score += 0.3
            reason = "it stands out by itself in a mail about signing in"
        if _YEAR.fullmatch(shape.value) and looks < 2:
            score -= 0.2
        return score, reason

    def _entered(self, shape: _Shape) -> tuple[float, str]:
        """What one is told to enter, in a mail about signing in, without a noun for it in the sentence."""
        line = shape.line
        told = any(word[2] & _ENTER and 0 <= shape.start - word[1] <= 3 for word in line.words)
        bits = self._evidence(line)
        _, finish = _clause(line, shape.start, shape.end)
        if (
            told
            and shape.value.isdigit()
            and 5 <= len(shape.value) <= 8
            and any(word[2] & _LOGIN and shape.end <= word[0] < finish for word in line.words)
        ):
            return _SAID, "the sentence says to enter it to sign in"
        if (
            not told
            or len(shape.value) < 5
            or shape.value.isalpha()
            or not bits & _ACCOUNT
            or not bits & (_NOTICE | _NOUN | _TIME)
        ):
            return 0.0, ""
        return 0.7, "the mail is about signing in and says to enter it"

    def _in_subject(self, shape: _Shape) -> tuple[float, str]:
        line = shape.line
        strength = _noun_beside(line, shape)
        if strength >= 2:
            return 0.85, "the subject calls it a sign-in or confirmation code"
        body, evidence = self._body()
        if strength == 1:
            score = 0.4 + (0.2 if evidence & _ACCOUNT else 0) + 0.1 * body
            if self._says_no_more(shape):
                score = max(score, 0.65)
            return score, "the subject calls it a code"
        if (
            strength < 0
            or not body
            or _YEAR.fullmatch(shape.value)
            or shape.value.isalpha()
            or _ANSWER.match(line.text)
        ):
            return 0.0, ""
        edge = shape.start <= 1 or shape.end >= len(line.text) - 1
        score = 0.2 + 0.1 * body + (0.15 if edge else 0)
        bare = len(_BRACKETED.sub("", line.text).strip(_EDGE)) == shape.end - shape.start
        score += (0.1 if bare else 0) + (0.1 if evidence & _ACCOUNT else 0)
        score += 0.15 if evidence & _NOTICE else 0
        return score, "the subject holds it and the text speaks of a code"

    def _says_no_more(self, shape: _Shape) -> bool:
        """Whether the subject is there to give it: "Your Example code is 123456", with next to nothing else."""
        line = shape.line
        if not shape.value.isdigit() or not 4 <= len(shape.value) <= 8 or _YEAR.fullmatch(shape.value):
            return False
        others = len(line.text.strip()) - (shape.end - shape.start)
        if others > _TERSE or _ANSWER.match(line.text) or len(self.lines) > _TERSE or self._offers(line):
            return False
        before = [end for _, end, bits in line.words if bits & _NOUN and end <= shape.start]
        led = (
            shape.end >= len(line.text.rstrip(_EDGE))
            and bool(before)
            and (_LEADS_TO.search(line.text[: shape.start]) is not None or shape.start - before[-1] <= 2)
        )
        return led or self._named_after(shape)

    def _in_image(self, shape: _Shape) -> tuple[float, str]:
        """Image texts come apart from the text they stand in: what counts is whether that speaks of a code."""
        body, evidence = self._body()
        if not (body and shape.alone) or shape.value.isalpha() or _YEAR.fullmatch(shape.value):
            return 0.0, ""
        score = 0.3 + 0.15 * body + (0.1 if evidence & _ACCOUNT else 0) + (0.1 if evidence & _NOTICE else 0)
        return score, "an image shows it and the text speaks of a code"

    def _body(self) -> tuple[int, int]:
        """(2 if the text speaks of a sign-in code, 1 if of a code, else 0; all hints of subject and text)."""
        if self._speaks is None:
            body, evidence = 0, self.subject.bits
            for other in self.lines[1:60]:
                evidence |= other.bits
                if other.bits & _NOUN and not _label_of_something_else(other):
                    body = max(body, 2 if _strong(other) else 1)
            self._speaks = body, evidence
        return self._speaks

    def lifetime(self, shape: _Shape | None) -> int | None:
        """Seconds for which the mail says the code is good."""
        if shape is None:
            return None
        stated = None
        for line in [shape.line, *self._near(shape.last or shape.line, _AROUND, _AROUND * 2), *self.lines[:40]]:
            seconds = _duration(line)
            if seconds and line.bits & _EXPIRE:
                return seconds
            stated = stated or seconds
        return stated


def _digit_by_digit(written: str, value: str) -> bool:
    """Whether digits stand apart as nothing but codes is written; numbers of pages or marks are in order."""
    digits = written.split()
    return (
        len(digits) >= 5
        and all(len(digit) == 1 for digit in digits)
        and value.isdigit()
        and sum(int(two) - int(one) == 1 for one, two in pairwise(value)) < len(value) - 2
    )


def _more_than_a_name(shape: _Shape) -> bool:
    """Whether a shape that the sender's name holds too is given here as a number: right behind "is", or by itself."""
    if not shape.value.isdigit():
        return False
    return _LEADS_TO.search(shape.line.text[: shape.start]) is not None or (shape.alone and len(shape.value) >= 5)


def _one_flow(one: _Line, other: _Line) -> bool:
    """Whether two lines stand in one rendering: image texts stand among the HTML."""
    return (one.part == "plain") == (other.part == "plain")


def _clause(line: _Line, start: int, end: int) -> tuple[int, int]:
    """The bounds of the sentence around line.text[start:end]."""
    begin, finish = 0, len(line.text)
    for match in _SENTENCE_END.finditer(line.text):
        if match.end() <= start:
            begin = match.end()
        elif match.start() >= end:
            finish = match.start()
            break
    return begin, finish


def _noun_beside(line: _Line, shape: _Shape) -> int:
    """2: its sentence calls it a sign-in code; 1: a code; 0: says nothing; -1: calls it something else."""
    begin, finish = _clause(line, shape.start, shape.end)
    before = [word for word in line.words if begin <= word[0] and word[1] <= shape.start]
    after = [word for word in line.words if shape.end <= word[0] and word[1] <= finish]
    within = [word for word in line.words if word[0] < shape.start and word[1] > shape.start]
    found = 0
    if any(bits & _OLD for _, _, bits in (*before, *after)):
        return -1
    colon = line.text.rfind(":", begin, shape.start)
    if colon >= 0 and len(line.text[colon + 1 : shape.start].strip()) > 3:
        # "Code: something else 1234".
        begin = colon
        before = [word for word in before if word[0] > colon]
    if within:
        before = before + within
    for at in range(len(before) - 1, -1, -1):
        word = before[at]
        if word[2] & _NOUN:
            if shape.start - word[1] > 90:
                break
            if word[2] & _NO_CODE and not word[2] & _STRONG:
                return -1
            found = _strength(line, before, at)
            break
        if word[2] & _OTHER and not word[2] & _ACCOUNT:
            return -1
    if found:
        return found
    for at, word in enumerate(after):
        if word[2] & _NOUN:
            gap = line.text[shape.end : word[0]]
            if len(gap) > 60 or (word[2] & _NO_CODE and not word[2] & _STRONG):
                return 0
            strength = _strength(line, after, at)
            # "2000 tokens" is a count, "1302 and 1341, ... in the code" is far away.
            return (
                0
                if strength == 1 and (len(gap) <= 1 or len(gap) > 40 or ("," in gap and not _THATS.match(gap + " ")))
                else strength
            )
        if word[2] & _OTHER:
            break
    return 0


_OF = frozenset(("de la", "de los", "de las", "de un", "de l'", "della", "dello", "dell'", "of the", "of your"))


def _strength(line: _Line, words: list[tuple[int, int, int]], at: int) -> int:
    """How much the noun words[at] says: what stands beside it makes it a sign-in code, or a postcode."""
    bits = words[at][2]
    if bits & _STRONG:
        return 2
    # "PIN code", "Code-PIN": nouns in a row are one name.
    first = last = at
    while first and words[first - 1][2] & _NOUN and words[first][0] - words[first - 1][1] <= 1:
        first -= 1
    while last + 1 < len(words) and words[last + 1][2] & _NOUN and words[last + 1][0] - words[last][1] <= 1:
        last += 1
    beside = 0
    for _, _, of_noun in words[first : last + 1]:
        beside |= of_noun & ~int(Hint.CODE)
    if beside & _NO_CODE and not beside & _STRONG:
        return -1
    start, end = words[first][0], words[last][1]
    for other in (*range(max(0, first - 2), first), *range(last + 1, min(len(words), last + 3))):
        other_start, other_end, other_bits = words[other]
        gap = line.text[other_end:start] if other < first else line.text[end:other_start]
        if len(gap) > _PHRASE or any(mark in gap for mark in ".,;:!?"):
            continue
        if other_bits & _NO_CODE and (len(gap) <= 4 or gap.strip().lower() in _OF):
            return -1
        beside |= other_bits
    if beside & _PROMO:
        return -1
    return 2 if beside & _SIGNING_IN else 1


def _strong(line: _Line) -> bool:
    """Whether a noun of the line is a sign-in code's."""
    words = line.words
    return any(word[2] & _NOUN and _strength(line, words, at) == 2 for at, word in enumerate(words))


def _label_of_something_else(line: _Line) -> bool:
    """Whether every noun of the line is another thing's: a postcode, a coupon code."""
    words = line.words
    return all(_strength(line, words, at) < 0 for at, word in enumerate(words) if word[2] & _NOUN)


_NUMBER = on_demand(r"(?<![\d.,:/-])(\d{1,4})(?![\d:/])[\s-]?")
_UNITS = ((int(Hint.MINUTE), 60), (int(Hint.HOUR), 3_600), (int(Hint.DAY), 86_400))


def _duration(line: _Line) -> int | None:
    """The first length of time of a line ("15 minutes", "dakika 15"), in seconds."""
    if not line.bits & _TIME:
        return None
    lower = line.text.lower()
    for match in _NUMBER.finditer(lower):
        count = int(match[1])
        if not 0 < count <= 1_440:
            continue
        word = re.match(r"[^\s\d.,;!?()。、，-]+", lower[match.end() : match.end() + 24])
        bits = 0
        if word:
            # Scripts without blanks: only what stands right behind the number.
            bits = hints(word[0]) if ord(word[0][0]) < 0x0E00 else hints(word[0][:3]) | hints(word[0][:2])
        if not bits & _TIME:
            previous = lower[max(0, match.start() - 24) : match.start()].split()
            bits = hints(previous[-1]) if previous else 0
        for bit, seconds in _UNITS:
            if bits & bit:
                return count * seconds
    return None


# --- domain-bound codes and every form --------------------------------------------------------------------------------

_BOUND = on_demand(r"@([A-Za-z0-9.-]{3,253}) #([A-Za-z0-9-]{4,16})(?: [@%][A-Za-z0-9.-]{3,253})?")


def _domain_bound(parsed: ParsedMessage, visible: VisibleText) -> tuple[str, float] | None:
    """The code of a last line "@host #code" (WICG "Origin-bound one-time codes", section 3), and how sure we are."""
    ours = {registrable(mailbox.domain) for mailbox in parsed.from_}
    for block in reversed(visible.blocks):
        if "#" not in block.text or "@" not in block.text:
            continue
        match = _BOUND.fullmatch(clean(block.text.strip().split("\n")[-1]).strip())
        if match and "." in match[1]:
            return match[2].replace("-", ""), 0.99 if registrable(match[1]) in ours else 0.8
    return None


_WIDEST_GAP = 8
_GAP = rf"[\W_]{{0,{_WIDEST_GAP}}}+"
_LONGEST_VALUE = 100


def spellings(text: str, value: str) -> list[tuple[int, int]]:
    """Where `text` reads as `value`, as (start, end): in digits and letters of any form, any case, with up to eight
    blanks, dashes or other marks between. It reads each character as `find_code` does."""
    letters = [letter for letter in clean(value) if letter.isalnum()]
    if not letters or len(letters) > _LONGEST_VALUE:
        return []
    if text.isascii():
        return _spans(text, letters)
    simple = {letter: _plain(letter) for letter in set(text)}
    plain = "".join([simple[letter] for letter in text])
    places = [place for place, letter in enumerate(text) for _ in simple[letter]]
    found = []
    end = 0
    for first, behind in _spans(plain, letters):
        # One character can stand for two letters of a match, or for the end of one match and the start of the next.
        start, end = max(end, places[first]), places[behind - 1] + 1
        while end < len(text) and unicodedata.category(text[end])[0] == "M":
            end += 1
        if start < end:
            found.append((start, end))
    return found


def _spans(plain: str, letters: list[str]) -> list[tuple[int, int]]:
    value = "".join(letters).lower()
    digits = value.isdigit()
    lowered = plain if digits else plain.lower()
    # A pattern for each code takes longer to make than most mails to look through.
    if not value.isascii() or not (digits or plain.isascii()) or lowered.count(value[0]) > _MOST_STARTS:
        pattern = re.compile(_GAP.join(map(re.escape, letters)), re.IGNORECASE)
        return [match.span() for match in pattern.finditer(plain)]
    found: list[tuple[int, int]] = []
    at = lowered.find(value[0])
    while at >= 0:
        end = _spelt_at(lowered, value, at)
        if end:
            found.append((at, end))
        at = lowered.find(value[0], end or at + 1)
    return found


_MOST_STARTS = 200


def _spelt_at(text: str, value: str, at: int) -> int:
    """Where `value` ends that begins at text[at] as `_GAP` lets it, 0 if it does not."""
    if text.startswith(value, at):
        return at + len(value)
    for letter in value[1:]:
        at += 1
        least = at
        while at < len(text) and at - least < _WIDEST_GAP and not text[at].isalnum():
            at += 1
        if not text.startswith(letter, at):
            return 0
    return at + 1


@lru_cache(maxsize=4_000)
def _plain(letter: str) -> str:
    return clean(letter)


def _forms(value: str, spelled: str, texts: list[str]) -> tuple[str, ...]:
    """Every stretch of `texts` that reads as `value`, or as `spelled` if its digits are written as words."""
    forms = {value: None}
    for text in dict.fromkeys(texts):
        for written in filter(None, (value, spelled)):
            forms.update({text[start:end]: None for start, end in spellings(text, written)})
    return tuple(forms)
