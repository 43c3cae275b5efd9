"""What stands out in an email about to leave: programs among its files, links that mislead, the marks of a fraud, size.

`alarms(Outgoing)` is pure, never raises and takes linear time. It is for the day an agent was fooled: what a thief
would have it send to others looks alike in every language. A person decides on what may be honest, so a rule here may
cost a look now and then, never an email.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from letterlock.errors import UnreadableMessage
from letterlock.fraud import fraud, plain
from letterlock.message.characters import clean
from letterlock.message.compose import File
from letterlock.message.extract.domains import registrable
from letterlock.message.extract.links import Link, find_links
from letterlock.message.extract.lookalikes import BRANDS, Shield, brand_shield, is_brands_own
from letterlock.message.extract.reply import newest_part
from letterlock.message.parse import Mailbox, ParsedMessage, parse_message
from letterlock.message.programs import danger_of
from letterlock.message.visible import visible_text
from letterlock.patterns import on_demand

AlarmCode = Literal["executable", "active_file", "too_large", "look_alike", "phishing", "canary"]


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
    if any(clean(each).decoded for each in (mail.subject, text, visible.text[:_MOST_CHARS], mail.html[:_MOST_CHARS])):
        found.append(Alarm("phishing", "it hides a message in invisible characters"))
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
        danger = danger_of(file.filename, file.data)
        if danger.active:
            yield Alarm("active_file", f"the file {name} is {danger.active}")
        if danger.runs:
            yield Alarm("executable", f"The file {name} is {danger.runs}")
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

_BARE: Final = on_demand(r"(?<![\w.@-])(?:[\w-]{1,63}\.){1,6}[^\W\d_]{2,24}(?![\w-])")
_MAILED: Final = on_demand(r"@((?:[\w-]{1,63}\.){1,6}[^\W\d_]{2,24})(?![\w-])")
_MARKDOWN: Final = on_demand(
    r"\[(?:https?://)?(?:www\.)?((?:[\w-]{1,63}\.){1,6}[a-z]{2,24})[^\]\n]{0,200}\]\(https?://([^/\s)?#]{3,253})", re.I
)
_LOGIN_PATH: Final = on_demand(
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
    strangers = [host for host in hosts if host and registrable(host) not in house and not is_brands_own(host)]
    if not strangers:
        return
    shields = (Shield(shielded), brand_shield())
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


def _is_strange(link: Link, house: set[str]) -> bool:
    """Whether a link leads away from sender and recipients, and not to a well-known service's own pages."""
    if not link.host or link.url[:7].lower() == "mailto:":
        return False
    return registrable(link.host) not in house and (not is_brands_own(link.host) or link.host in _ANYBODYS)


_FORM: Final = on_demand(r"<input\b[^>]{0,400}\btype\s{0,3}=\s{0,3}[\"']?password", re.I)


def _asks_in_a_form(html: str) -> bool:
    return bool(_FORM.search(html))


# --- names ------------------------------------------------------------------------------------------------------------

_BY_NAME: Final = {plain(name): brand for name, brand in BRANDS.items()}
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


_ROLES: Final = on_demand(
    r"\b(?:team|support|security|service|services|billing|accounts?|customer|help|helpdesk|desk|center|centre|department"
    r"|kunden\w*|sicherheit\w*|dienst|equipe|service client|securite|assistance|equipo|soporte|seguridad|atencion"
    r"|suporte|seguranca|atendimento|assistenza|sicurezza|servizio|klantenservice|beveiliging|zespol|obsluga"
    r"|bezpieczenstwo|dzial|команда|служба|поддержк\w*|безопасност\w*|ekibi|destek|guvenlik|musteri)\b"
    r"|チーム|サホート|カスタマー|セキュリティ|团队|客服|安全|中心"
)
_NO_CLAIM: Final = on_demand(
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
    if is_brands_own(mail.sender):
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
