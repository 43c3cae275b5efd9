"""Secrets that stand in a text: API keys of known shapes, private keys, passwords, lists of recovery codes.

`find_credentials(text)` says where each value stands; `mask(text, credentials)` dots out every copy of the values.
A key counts only when what can be checked of it holds (checksums, headers that decode, letters that look drawn by lot),
a password only when what follows the word looks like one. One-time codes are the codes module's, links that log in the
links module's. Never raises, linear in the text.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from letterlock.message.extract.keywords import Hint, bits_of
from letterlock.patterns import on_demand

CredentialKind = Literal[
    "aws_access_key",
    "aws_secret_key",
    "github_token",
    "gitlab_token",
    "stripe_key",
    "slack_token",
    "google_key",
    "openai_key",
    "anthropic_key",
    "npm_token",
    "pypi_token",
    "sendgrid_key",
    "twilio_key",
    "huggingface_token",
    "telegram_token",
    "webhook",
    "api_key",
    "bearer_token",
    "session_token",
    "totp_secret",
    "jwt",
    "private_key",
    "password",
    "recovery_code",
]


@dataclass(frozen=True, slots=True)
class Credential:
    """The secret itself stands at text[start:end]: the value, not the words that name it."""

    kind: CredentialKind
    start: int
    end: int


_CREDENTIALS_CAP: Final = 100


def find_credentials(text: str, subject: str = "") -> tuple[Credential, ...]:
    """The credentials of `text`, at most 100, in order, none within another. `subject`: what names them, if that stands
    apart: of an email "Your recovery codes" the rows of its text are such codes."""
    # U+0130 alone changes its length in lower case; the places found must be those of `text`.
    lower = (text.replace("\u0130", "I") if "\u0130" in text else text).lower()
    found = [*_keys(text), *_named_keys(text, lower), *_private_keys(text)]
    found += _passwords(text, lower)
    found += _short_names(text, lower)
    found += _phrases(text, lower)
    found += [Credential("recovery_code", start, end) for start, end in _recovery_codes(text, lower)]
    if subject:
        ahead = len(subject) + 1
        named = recovery_codes(f"{subject}\n{text[:_WINDOW]}")
        found += [Credential("recovery_code", start - ahead, end - ahead) for start, end in named if start >= ahead]
    found = [one for one in found if not _stands_in(text, one)]
    if not found:
        return ()
    found.sort(key=lambda credential: (credential.start, -credential.end))
    kept: list[Credential] = []
    for credential in found:
        if not kept or credential.start >= kept[-1].end:
            kept.append(credential)
    return tuple(kept[:_CREDENTIALS_CAP])


# A secret of the vault as an email to send names it, and a value that somebody has dotted out.
_PLACE: Final = on_demand(r"\{\{\s{0,9}secret\s{0,9}:\s{0,9}sec_\w{1,64}\s{0,9}\}\}", re.IGNORECASE)
_DOTTED: Final = "\u2022" * 4


def _stands_in(text: str, found: Credential) -> bool:
    """Whether it is what stands in the place of a value, and none itself."""
    if _DOTTED in text[found.start : found.end]:
        return True
    start = text.rfind("{{", max(0, found.start - 100), found.end)
    place = _PLACE.match(text, start) if start >= 0 else None
    return place is not None and found.start < place.end() and not text[place.end() : found.end].strip("}!?.,;:)")


def credential_values(text: str, credentials: Iterable[Credential]) -> tuple[str, ...]:
    """The values of `credentials` found in `text`, each once."""
    return tuple(dict.fromkeys(text[credential.start : credential.end] for credential in credentials))


def mask(text: str, credentials: Iterable[Credential], found_in: str | None = None) -> str:
    """`text` with every copy of each value as dots of the same length (line ends stay). `found_in`: the text the
    credentials were found in, when it is another one: a subject or a snippet of the same email.

    Values shorter than six characters are taken for copies only as words of their own."""
    values = credential_values(text if found_in is None else found_in, credentials)
    return mask_values(values)(text) if values else text


def mask_values(values: Iterable[str]) -> Callable[[str], str]:
    """What dots out every copy of these (there is at least one) in a text, as `mask` does."""
    patterns = [
        re.escape(value) if len(value) >= _SHORT else rf"(?<!\w){re.escape(value)}(?!\w)"
        for value in sorted(values, key=len, reverse=True)
    ]
    pattern = re.compile("|".join(patterns))
    return lambda text: pattern.sub(lambda match: _SHOWN.sub("\u2022", match[0]), text)


_SHORT: Final = 6
_SHOWN: Final = on_demand(r"[^\n\r]")


# ---- keys of known shapes --------------------------------------------------------------------------------------------


def _drawn_by_lot(value: str) -> bool:
    """Whether `value` looks like letters and digits drawn by lot, not like a placeholder (xxxx, EXAMPLE, your_key)."""
    kinds = any(c.isdigit() for c in value) + any(c.islower() for c in value) + any(c.isupper() for c in value)
    lower = value.lower()
    return kinds >= 2 and len(set(value)) >= min(8, len(value) // 2) and "example" not in lower and "your" not in lower


def _decodes(value: str) -> bool:
    """Whether the first part of a JWT is a JSON object that names an algorithm (RFC 7515 section 4.1.1)."""
    head = value.partition(".")[0]
    try:
        header = json.loads(binascii.a2b_base64(head.replace("-", "+").replace("_", "/") + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and ("alg" in header or "enc" in header)


_Shape = tuple[CredentialKind, str, tuple[str, ...], re.Pattern[str], Callable[[str], bool]]


def _shape(kind: CredentialKind, marks: str, pattern: str, check: Callable[[str], bool] = _drawn_by_lot) -> _Shape:
    """A key that starts where no word goes on, so that a search never enters a run of letters twice. The value is the
    group of the pattern that has one, or all of it; `marks`: one of these is in every text that has such a key."""
    each = tuple(marks.split())
    # One character that all have is found sooner than any of them.
    sign = next((sign for sign in "_-:/" if all(sign in mark for mark in each)), "")
    return kind, sign, each, on_demand(rf"(?<![A-Za-z0-9_-])(?:{pattern})(?![A-Za-z0-9_])"), check


_SHAPES: Final = (
    _shape("aws_access_key", "AKIA ASIA", r"(?:AKIA|ASIA)[A-Z2-7]{16}"),
    _shape(
        "aws_secret_key",
        "ecret",
        r"(?i:aws_?secret_?(?:access_?)?key|secret[_ ]?access[_ ]?key)[\"']?\s{0,3}[:=]\s{0,3}[\"']?"
        r"([A-Za-z0-9/+]{40})",
    ),
    _shape("github_token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36}"),
    _shape("github_token", "github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _shape("gitlab_token", "glpat-", r"glpat-[A-Za-z0-9_-]{20,64}(?:\.[a-z0-9.]{2,20})?"),
    _shape("stripe_key", "_live_ _test_", r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}"),
    # Standard Webhooks: base64 behind it, of Letterlock's own too.
    _shape("webhook", "whsec_", r"whsec_[A-Za-z0-9+/]{16,250}={0,2}"),
    # Letterlock's own keys: of agents and people, of services that hand in mail.
    _shape("api_key", "llk_ lli_", r"ll[ki]_[A-Za-z0-9_-]{40,60}"),
    _shape("slack_token", "xox xapp-", r"(?:xox[abcdeoprs]|xapp)-[A-Za-z0-9-]{10,300}"),
    _shape("google_key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
    _shape("google_key", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    _shape("anthropic_key", "sk-ant-", r"sk-ant-[a-z]{2,10}\d\d-[A-Za-z0-9_-]{24,200}"),
    _shape(
        "openai_key",
        "sk-",
        r"sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,300}|[A-Za-z0-9]{40,60})",
    ),
    _shape("google_key", "ya29.", r"ya29\.[A-Za-z0-9_-]{20,400}"),
    _shape("telegram_token", ":AA", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{32,34}"),
    _shape(
        "webhook",
        "hooks.slack.com/ /api/webhooks/",
        r"https://(?:hooks\.slack\.com/(?:services|workflows)|(?:\w{2,10}\.)?discord(?:app)?\.com/api/webhooks)/"
        r"([A-Za-z0-9_/-]{20,200})",
    ),
    _shape("npm_token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _shape("pypi_token", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{50,500}"),
    _shape("sendgrid_key", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _shape("twilio_key", "SK", r"SK[0-9a-f]{32}"),
    _shape("twilio_key", "uth", r"(?i:auth[_ ]?token)[\"']?\s{0,3}[:=]\s{0,3}[\"']?([0-9a-f]{32})"),
    _shape("huggingface_token", "hf_", r"hf_[A-Za-z]{34}"),
    _shape("jwt", "eyJ", r"eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{2,20000}\.[A-Za-z0-9_-]{0,20000}", _decodes),
)


def _keys(text: str) -> Iterator[Credential]:
    for kind, sign, marks, pattern, check in _SHAPES:
        if (sign and sign not in text) or not any(mark in text for mark in marks):
            continue
        for match in pattern.finditer(text):
            value = match[match.lastindex or 0]
            if check(value) and not (kind == "jwt" and _in_link(text, match.start())):
                start, end = match.span(match.lastindex or 0)
                yield Credential(kind, start, end)


def _in_link(text: str, position: int) -> bool:
    """Whether what stands at `position` is part of an address written out."""
    return "://" in text[max(0, position - 300) : position].rpartition("\n")[2].rpartition(" ")[2]


# ---- keys that are known by their names ------------------------------------------------------------------------------

_KEY_WORDS: Final = ("key", "token", "secret", "session", "sessid")
_KEY_BEFORE: Final = on_demand(
    r"(?:^|[^a-z0-9])(?:api|app|secret|access|private|client|auth|authentication|signing|encryption|session|refresh|id|"
    r"bot|webhook|bearer|master|service|deploy|jwt|hmac)[ _-]?$"
)
_KEY_AFTER: Final = on_demand(
    r"(?:[ _-]?[a-z0-9]{1,8}){0,2}[\"'\])]{0,2}(?:[^\S\n]{0,3}(?:=>|[:=：])[^\S\n]{0,3}(?:\n[^\S\n]{0,4})?|"
    r"[^\S\n]{1,3}(?:is|ist|lautet|est|es|é|è)[^\S\n]{1,3})[\"'`“]{0,2}([^\s\"'`<>,;&”]{8,400})",
    re.IGNORECASE,
)
# Of an address written out only what keeps one signed in: its other tokens are there to be followed.
_KEPT_IN_LINKS: Final = on_demand(
    r"(?:session[_-]?id|sessid|phpsessid|jsessionid|(?:access|refresh|id)[_-]?token|api[_-]?key|client[_-]?secret|"
    r"secret[_-]?key|private[_-]?key|auth[_-]?key)\b",
    re.IGNORECASE,
)
_BEARER: Final = on_demand(
    r"\b(?:bearer[^\S\n]{1,3}([A-Za-z0-9._~+/-]{16,4000}={0,2})|authorization[\"']?:[^\S\n]{0,3}[\"']?basic"
    r"[^\S\n]{1,3}([A-Za-z0-9+/]{8,400}={0,2}))",
    re.IGNORECASE,
)
_OTPAUTH: Final = on_demand(
    r"otpauth(?:-migration)?://[^\s\"'<>]{0,500}?[?&](?:secret|data)=([^&\s\"'<>]{8,2000})", re.IGNORECASE
)
_SETUP_WORDS: Final = (
    "setup ",
    "setup-",
    "set-up",
    "set up key",
    "secret key",
    "secret-key",
    "manual",
    "authenticator",
)
_SETUP: Final = on_demand(
    r"(?:set-?up|secret|manual|entry|authenticator)[ _-]?(?:key|code)[^:=\n]{0,30}[:=]?\s{0,4}"
    r"((?:[a-z2-7]{4} ){3,15}[a-z2-7]{2,4})(?![\w ])",
    re.IGNORECASE,
)
# RFC 3986 section 3.2.1: "user:password" in userinfo.
_USERINFO: Final = on_demand(r"://[^\s/@:?#\"'<>]{0,100}:([^\s/@\"'<>]{1,200})@(?=[\w.\[-])")


def _named_keys(text: str, lower: str) -> Iterator[Credential]:
    for word in _KEY_WORDS:
        at = lower.find(word)
        looked = 0
        while at >= 0 and looked < _PASSWORDS_LOOKED_AT:
            looked += 1
            end = at + len(word)
            match = _KEY_AFTER.match(text, end)
            if match is not None:
                span = _key_after(text, lower, at, end, match)
                if span is not None:
                    yield Credential("session_token" if word.startswith("sess") else "api_key", *span)
            at = lower.find(word, end)
    if any(word in lower for word in _SETUP_WORDS):
        for match in _SETUP.finditer(text):
            if any(c in "234567" for c in match[1]) or match[1].isupper():
                yield Credential("totp_secret", *match.span(1))
    if "bearer" in lower or "authorization" in lower:
        for match in _BEARER.finditer(text):
            group = match.lastindex or 0
            if _drawn_by_lot(match[group]):
                yield Credential("bearer_token", *match.span(group))
    if "://" in lower:
        if "otpauth" in lower:
            for match in _OTPAUTH.finditer(text):
                yield Credential("totp_secret", *match.span(1))
        for match in _USERINFO.finditer(text) if "@" in text else ():
            if not _NO_VALUE.fullmatch(match[1]):
                yield Credential("password", *match.span(1))


def _key_after(text: str, lower: str, at: int, end: int, match: re.Match[str]) -> tuple[int, int] | None:
    """The span of the key that the word at text[at:end] names, or None where it names none."""
    word = lower[at:end]
    named = _KEY_BEFORE.search(lower[max(0, at - 24) : at]) is not None
    if word == "session":
        if not re.match(r"[ _-]?(?:id|token|key|cookie|secret)\b", lower[end : end + 10]):
            return None
    elif (word == "key" and not named) or (not named and lower[at - 1 : at].isalnum() and word != "sessid"):
        return None
    start, stop = match.span(1)
    while stop > start and text[stop - 1] in ".)]}":
        stop -= 1
    # "Token" alone may be a code to type.
    least = 8 if named or word.startswith("sess") or (word == "secret" and "key" in match[0][:5].lower()) else 16
    if stop - start < least or not _drawn_by_lot(text[start:stop]) or text.startswith(_OPENED, start):
        return None
    if _in_link(text, at) and not _KEPT_IN_LINKS.search(text, max(0, at - 16), start):
        return None
    return start, stop


_OPENED: Final = ("http://", "https://", "${", "{{", "$(", "process.env", "os.environ")


# ---- private keys ----------------------------------------------------------------------------------------------------

# RFC 7468 section 2; OpenSSH, OpenPGP and the older PEM kinds alike.
_BEGIN: Final = on_demand(r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_AGE: Final = on_demand(r"AGE-SECRET-KEY-1[0-9A-Z]{58}")
_KEY_CHARS: Final = 20_000
_LEAST_KEY: Final = 40
_KEY_LINE: Final = on_demand(r"[A-Za-z0-9+/]{4,}={0,2}")


def _private_keys(text: str) -> Iterator[Credential]:
    if "PRIVATE KEY" in text:
        done = 0
        for match in _BEGIN.finditer(text):
            start = match.start()
            if start < done:
                continue
            near = text[match.end() : match.end() + _KEY_CHARS]
            close = near.find("-----END ")
            # A key that was cut short is one all the same.
            body = near if close < 0 else near[:close]
            closed = close >= 0 and any(map(_KEY_LINE.fullmatch, body.split()))
            if closed or len("".join(body.split())) >= _LEAST_KEY:
                done = match.end() + len(body)
                if close >= 0:
                    tail = text.find("-----", done + 9, done + 100)
                    done = tail + 5 if tail >= 0 else done
                yield Credential("private_key", start, done)
    if "AGE-SECRET-KEY-1" in text:
        for match in _AGE.finditer(text):
            yield Credential("private_key", *match.span())


# ---- passwords -------------------------------------------------------------------------------------------------------

_IN_LANGUAGES: Final = (
    "password, passwort, passphrase, passcode, kennwort, mot de passe, contraseña, contrasenya, clave, senha, "
    "palavra-passe, wachtwoord, lösenord, adgangskode, kodeord, passord, salasana, hasło, heslo, jelszó, parolă, "
    "parola, şifre, пароль, парола, лозинка, κωδικός πρόσβασης, סיסמה, סיסמא, كلمة المرور, كلمة السر, رمز عبور, "
    "पासवर्ड, パスワード, 密码, 密碼, 비밀번호, mật khẩu, รหัสผ่าน, kata sandi, lozinka, zaporka, slaptažodis, "
    "parole, parool, pwd, pass phrase"
)
# Looked for by what is common to several of them first: most mail has none.
_STEMS: Final = (
    "pass", "paro", "backup", "back-up", "recov", "recup", "respaldo", "reserv", "herstel", "secours", "zapas",
    "code", "cod", "kod", "код", "kód", "コード", "代", "mã ", "رموز", "코드", "",
)  # fmt: skip
_Labels = tuple[tuple[str, tuple[str, ...]], ...]


def _by_stem(labels: Iterable[str]) -> _Labels:
    stems: dict[str, list[str]] = {}
    for label in labels:
        stems.setdefault(next(stem for stem in _STEMS if stem in label), []).append(label)
    return tuple((stem, tuple(labels)) for stem, labels in stems.items())


def _labels(labels: str) -> tuple[_Labels, _Labels]:
    """The labels, and those of them that ASCII text can hold."""
    every = labels.split(", ")
    return _by_stem(every), _by_stem(filter(str.isascii, every))


def _present(lower: str, labels: tuple[_Labels, _Labels]) -> Iterator[str]:
    for stem, group in labels[lower.isascii()]:
        if stem in lower:
            for label in group:
                if label in lower:
                    yield label


_LABELS: Final = _labels(_IN_LANGUAGES)
_CAN_SIT_IN_WORDS: Final = frozenset(("パスワード", "密码", "密碼", "비밀번호", "รหัสผ่าน", "كلمة المرور", "كلمة السر"))
# After the word: what it is for, then a sign or a verb that says: this is it. Without a sign only a gap on one line or
# the next line, as cells of a table are laid out.
_SIGN: Final = on_demand(r"([^\S\n]{0,3}\w{0,4}[^:=：\n]{0,40})[:=：][^\S\n]{0,9}(?:\n[^\S\n]{0,9}){0,2}")
_VERB: Final = on_demand(
    r"[^\S\n]{1,3}(?:is|are|lautet|ist|est|es|é|è|jest|je|är|er|on|to|adalah|là|este|olan|は|是|为|為|은|는)[^\S\n]{1,3}|[は是为為][^\S\n]{0,3}"
)
_GAP: Final = on_demand(r"(?:[^\S\n]{2,20}|\t|[^\S\n]{0,9}\n(?:[^\S\n]{0,9}\n)?[^\S\n]{0,9})(?=\S)")
_VALUE: Final = on_demand(r"[^\s\uff0c\u3002\u3001\uff1b\uff01\uff1f]{1,130}")
_QUOTES: Final = "\"'`“”„«»‘’*<>()[]「」『』"
_EMAIL: Final = on_demand(r"[^@\s]{1,64}@[^@\s]{1,100}\.[A-Za-z]{2,20}")
_NO_VALUE: Final = on_demand(r"[\W_]*|[x*•●.…-]+|https?://.*|www\..*|\{.*|\$\{.*|%.*|\[.*|<.*", re.I | re.S)
_TIME: Final = on_demand(r"[\d./:,-]+(?:am|pm|h|th|st|nd|rd|uhr)?", re.I)
# What stands after "password:" when it is not given.
_SAID_IN_PLACE: Final = (
    "none null nil n/a na required optional hidden unchanged changed reset same empty blank expired incorrect "
    "invalid wrong missing click here see your the secret masked redacted withheld removed omitted private "
    "confidential enter choose create set update yes no true false correct protected encrypted separate "
    "separately tba tbd unknown default erforderlich unverändert geändert keines siehe requis obligatoire "
    "inchangé requerida requerido obligatorio obrigatório verplicht wymagane требуется изменён необходимо "
    "zurücksetzen réinitialiser restablecer redefinir forgot vergessen oublié olvidada"
)
_WORDS_FOR_NONE: Final = frozenset(_SAID_IN_PLACE.split())
_PASSWORDS_LOOKED_AT: Final = 200


def _passwords(text: str, lower: str) -> Iterator[Credential]:
    for label in _present(lower, _LABELS):
        at = lower.find(label)
        looked = 0
        while at >= 0 and looked < _PASSWORDS_LOOKED_AT:
            looked += 1
            end = at + len(label)
            if label in _CAN_SIT_IN_WORDS or not (
                (at and lower[at - 1].isalnum()) or (end < len(lower) and lower[end].isalnum() and label.isascii())
            ):
                span = _value_after(text, end)
                if span is not None:
                    yield Credential("password", *span)
            at = lower.find(label, end)


def _value_after(text: str, position: int) -> tuple[int, int] | None:
    """Where the password stands that is named right before `position`."""
    match = _SIGN.match(text, position)
    if match is not None:
        # More words between than one: "password for the new account: ..." asks for a value that shows what it is.
        named_at_once = len(match[1].split()) <= 1
        return _plausible(text, match.end(), sure=named_at_once and "?" not in match[1])
    match = _VERB.match(text, position) or _GAP.match(text, position)
    return _plausible(text, match.end(), sure=False) if match is not None else None


def _plausible(text: str, position: int, *, sure: bool) -> tuple[int, int] | None:
    """The span of the run at `position`, without the quotes and the end of the sentence around it, when it may be a
    password. `sure`: the words before say so without doubt, and a plain word alone on its line will do."""
    match = _VALUE.match(text, position)
    if match is None:
        return None
    start, end = match.span()
    if end - start > 128:
        return None
    while start < end and text[start] in _QUOTES:
        start += 1
    while end > start and (text[end - 1] in _QUOTES or text[end - 1] in ".,;。、"):
        end -= 1
    value = text[start:end]
    if not 4 <= len(value) <= 128 or _NO_VALUE.fullmatch(value) or _TIME.fullmatch(value) or _EMAIL.fullmatch(value):
        return None
    if value.lower() in _WORDS_FOR_NONE or "://" in value:
        return None
    letters = any(c.isalpha() for c in value)
    digits = any(c.isdigit() for c in value)
    marks = any(not c.isalnum() for c in value[1:-1])
    mixed = any(c.isupper() for c in value[1:]) and any(c.islower() for c in value)
    if not letters:
        # Digits alone are a code or a number of something.
        return None
    if digits or (marks and mixed and len(value) >= _SHORT):
        return (start, end) if sure or len(value) >= _SHORT else None
    rest = text[match.end() : match.end() + 200].partition("\n")[0]
    alone = not rest.strip()
    return (start, end) if sure and alone and value.isascii() else None


# Words that mean other things, too: a sign right behind them, and a value that no name or number of a thing looks like.
_SHORT_NAMES: Final = ("pw", "psw", "pass", "passwd", "pword")
_SIGN_AT_ONCE: Final = on_demand(r"[\"']?[^\S\n]{0,3}[:=：][^\S\n]{0,9}")
_MARKS: Final = frozenset("!@#$%^&*+=?~")


def _short_names(text: str, lower: str) -> Iterator[Credential]:
    for name in _SHORT_NAMES:
        at = lower.find(name)
        looked = 0
        while at >= 0 and looked < _PASSWORDS_LOOKED_AT:
            looked += 1
            match = None if lower[at - 1 : at].isalnum() else _SIGN_AT_ONCE.match(text, at + len(name))
            # A boarding pass is none.
            of_something = name == "pass" and lower[max(0, at - 12) : at].rstrip(" \t")[-1:].isalnum()
            span = _plausible(text, match.end(), sure=True) if match is not None and not of_something else None
            if span is not None and _is_drawn(text[slice(*span)]) and not _in_link(text, at):
                yield Credential("password", *span)
            at = lower.find(name, at + len(name))


def _is_drawn(value: str) -> bool:
    mixed = any(map(str.isupper, value)) and any(map(str.islower, value))
    odd = mixed or not _MARKS.isdisjoint(value)
    return len(value) >= _SHORT and odd and any(map(str.isdigit, value))


# ---- phrases of several words ----------------------------------------------------------------------------------------

_PHRASE_NAMES: Final = ("passphrase", "pass phrase", "pass-phrase", "password", "passwort", "kennwort")
_PHRASE_AFTER: Final = on_demand(
    r"(?:[^\S\n]\w{1,12}){0,2}[^\S\n]{0,3}(?:[:=：]|is|lautet|ist)[^\S\n]{0,9}(?:\n[^\S\n]{0,9}){0,2}[\"'`“„«]?"
    r"((?:[^\W\d_]{3,12}[ -]){2,11}[^\W\d_]{3,12})[\"'`”“»]?[.]?[^\S\n]*(?=\n|$)",
    re.IGNORECASE,
)
_SEED: Final = on_demand(
    r"(?:seed|recovery|secret|backup|mnemonic)[ _-](?:recovery[ _-])?(?:phrase|words)[^:=\n]{0,40}[:=]?\s{0,4}"
    r"((?:(?:\d{1,2}[.)][^\S\n]?)?[a-z]{3,8}(?:,? |,?\n)){11,23}(?:\d{1,2}[.)][^\S\n]?)?[a-z]{3,8})\b"
)
# Words that sentences have and phrases to remember do not.
_SENTENCE_WORDS: Final = (
    "the and you your our for with from that this must should will would can cannot may not has have had are was were "
    "been please see sent via use used using when which who what where how than then they them their its only here "
    "soon after before least characters character letters expired expires changed reset enter choose contact click "
    "password passwords passphrase passwort protected required incorrect invalid wrong separately another below above "
    "attached same word words set any all one two new account email bitte siehe der die das dem den des ein eine und "
    "oder mit von vom wird wurde werden ist sind nicht ihr ihre ihnen per kommt folgt separat"
)
_OF_SENTENCES: Final = frozenset(_SENTENCE_WORDS.split()) | _WORDS_FOR_NONE - {"correct"}


def _phrases(text: str, lower: str) -> Iterator[Credential]:
    """Passphrases of plain words, where they end the line that names them, and the words that restore a wallet."""
    for name in _PHRASE_NAMES if "pass" in lower or "kennwort" in lower else ():
        at = lower.find(name)
        looked = 0
        while at >= 0 and looked < _PASSWORDS_LOOKED_AT:
            looked += 1
            end = at + len(name)
            match = _PHRASE_AFTER.match(text, end)
            if match is not None:
                words = re.split("[ -]", match[1].lower())
                # A password is one word as a rule: of several it takes more to tell them from a sentence.
                least = 3 if "phrase" in name else 4
                if len(words) >= least and _OF_SENTENCES.isdisjoint(words):
                    yield Credential("password", *match.span(1))
            at = lower.find(name, end)
    if "phrase" in lower or "words" in lower:
        for match in _SEED.finditer(lower):
            if len(_OF_SENTENCES.intersection(match[1].split())) <= 1:
                yield Credential("recovery_code", *match.span(1))


# ---- recovery codes --------------------------------------------------------------------------------------------------

_RECOVERY_IN_LANGUAGES: Final = (
    "recovery code, recovery key, wiederherstellungscode, wiederherstellungsschlüssel, codes de récupération, "
    "code de récupération, códigos de recuperación, código de recuperación, códigos de recuperação, "
    "código de recuperação, codici di recupero, codice di recupero, codici di ripristino, herstelcode, "
    "återställningskod, gendannelseskod, gjenopprettingskod, palautuskood, kody odzyskiwania, "
    "helyreállítási kód, kurtarma kod, коды восстановления, код восстановления, коди відновлення, "
    "κωδικοί ανάκτησης, קודי שחזור, رموز الاسترداد, リカバリーコード, 回復コード, 恢复代码, 恢復代碼, 복구 코드, "
    "mã khôi phục, kode pemulihan"
)
_SPARE_IN_LANGUAGES: Final = (
    "backup code, back-up code, backup-code, rescue code, scratch code, emergency code, sicherungscode, ersatzcode, "
    "notfallcode, code de secours, codes de secours, codes de sauvegarde, código de respaldo, códigos de respaldo, "
    "códigos de seguridad de respaldo, código de backup, códigos de backup, códigos de reserva, códigos de reserva, "
    "codice di backup, codici di backup, back-upcode, reservecode, reservkod, reservekode, sikkerhedskopikod, "
    "varmuuskood, kody zapasowe, kod zapasowy, záložní kód, tartalékkód, yedek kod, резервные коды, резервный код, "
    "запасные коды, резервні коди, резервний код, εφεδρικοί κωδικοί, קודי גיבוי, קוד גיבוי, رموز النسخ الاحتياطي, "
    "バックアップコード, 备用代码, 备用码, 備用碼, 备用验证码, 백업 코드, mã dự phòng, kode cadangan"
)
_RECOVERY: Final = _labels(_RECOVERY_IN_LANGUAGES + ", " + _SPARE_IN_LANGUAGES)
_SPARE: Final = frozenset(_SPARE_IN_LANGUAGES.split(", "))
_WINDOW: Final = 1_500
_LEAST_CODES: Final = 4
_BULLET: Final = on_demand(r"[^\S\n]*(?:\d{1,2}[.)][^\S\n]|[-*•·☐□][^\S\n]*)?")
_ONE_CODE: Final = on_demand(
    r"(?<![\w-])(?:\d{4} \d{4}(?! ?\d)|\d{3} \d{3}(?! ?\d)|\d{4,12}|[A-Za-z0-9]{3,10}(?:-[A-Za-z0-9]{3,10}){1,7}"
    r"|[A-Za-z0-9]{8,40})(?![\w-])"
)
# What may stand between the words for such codes and the first of them.
_LEADING: Final = on_demand(
    r"\w{0,6}(?:[^\S\n](?:for|für|pour|para|per|voor|för|for|do|для)[^:=：\n]{1,60})?"
    r"(?:[^\S\n]{0,3}[:：=-]|[^\S\n]{1,3}(?:is|are|lauten|lautet|ist|sind|est|sont|es|son|é|são|è|sono|zijn|är|er|on|to|są)"
    r"(?![^\W_]))?[:：]?[^\S\n]{0,9}(?:\n[^\S\n]{0,9}){0,3}"
)
_BETWEEN: Final = on_demand(
    r"(?:[^\S\n]{0,3}[,;|/][^\S\n]{0,3}|[^\S\n]{1,8}(?:(?:and|or|und|et|y|e|en|och|og)[^\S\n])?"
    r"|[,;.]?[^\S\n]{0,9}\n(?:[^\S\n]{0,9}\n)?)(?:[^\S\n]{0,9}(?:\d{1,2}[.)][^\S\n]|[-*•·☐□][^\S\n]*)?)"
)
_FIRST: Final = on_demand(r"[^\S\n]*(?:\d{1,2}[.)][^\S\n]|[-*•·☐□][^\S\n]*)?[\"'`(«“]?")


def recovery_codes(text: str) -> list[tuple[int, int]]:
    """Where codes for the loss of a device stand in `text`: they are credentials, good until used, and no one-time
    codes. One short number under "recovery code" is left out: accounts are recovered with a code sent for it."""
    return list(_recovery_codes(text, (text.replace("\u0130", "I") if "\u0130" in text else text).lower()))


def _recovery_codes(text: str, lower: str) -> Iterator[tuple[int, int]]:
    for label in _present(lower, _RECOVERY):
        at = lower.find(label)
        looked = 0
        while at >= 0 and looked < 20:
            looked += 1
            end = at + len(label)
            spans = _codes_in(text[end : end + _WINDOW]) or _codes_next(text[end : end + _WINDOW], label in _SPARE)
            for start, stop in spans:
                yield end + start, end + stop
            at = lower.find(label, end + spans[-1][1] if spans else end)


def _codes_next(window: str, spare: bool) -> list[tuple[int, int]]:
    """The spans of the codes that the words right before `window` lead to. `spare`: whatever stands there is such a
    code; else there must be two, or one longer than the codes that are sent for once."""
    leading = _LEADING.match(window)
    position = leading.end() if leading is not None else 0
    found: list[tuple[int, int]] = []
    shape: tuple[int, ...] = ()
    between: re.Match[str] | None = _FIRST.match(window, position)
    while between is not None and len(found) < _MOST_NEXT:
        match = _ONE_CODE.match(window, between.end())
        if match is None:
            break
        its = tuple(map(len, re.split("[- ]", match[0])))
        if (shape and its != shape) or not _may_be_recovery(match[0], its):
            break
        shape = its
        found.append(match.span())
        between = _BETWEEN.match(window, match.end())
    long = bool(found) and (len(shape) >= 3 or (sum(shape) >= _LONG and not _sent_for_once(window)))
    return found if spare or long or len(found) > 1 else []


_MOST_NEXT: Final = 30
_LONG: Final = 8


def _sent_for_once(window: str) -> bool:
    """Whether the text right behind says that it expires within minutes or hours: no spare code does."""
    bits = bits_of(window[:200])
    return bool(bits & Hint.EXPIRE and bits & (Hint.MINUTE | Hint.HOUR))


def _may_be_recovery(value: str, shape: tuple[int, ...]) -> bool:
    return any(c.isdigit() for c in value) or (len(shape) >= 3 and value.isupper())


def _codes_in(window: str) -> list[tuple[int, int]]:
    """The spans of codes of one shape in lines that hold nothing else; [] when there are fewer than four."""
    groups: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    with_digits: dict[tuple[int, ...], int] = {}
    start = 0
    for line in window.split("\n"):
        bullet = _BULLET.match(line)
        first = bullet.end() if bullet is not None else 0
        # The words before a colon name the list: "Backup codes: aaaa-1111, bbbb-2222".
        first = max(first, line.rfind(":") + 1)
        codes = list(_ONE_CODE.finditer(line, first))
        others = len(line) - first - sum(match.end() - match.start() for match in codes)
        if codes and others <= 4 * len(codes):
            for match in codes:
                shape = tuple(map(len, re.split("[- ]", match[0])))
                groups.setdefault(shape, []).append((start + match.start(), start + match.end()))
                with_digits[shape] = with_digits.get(shape, 0) + any(c.isdigit() for c in match[0])
        start += len(line) + 1
    best = max(groups, key=lambda shape: len(groups[shape]), default=())
    if len(groups.get(best, ())) < _LEAST_CODES or 2 * with_digits[best] < len(groups[best]):
        return []
    return groups[best]
