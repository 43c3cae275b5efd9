"""inspect_message: the whole pure path of an inbound email in one function, from bytes to what may be shown of it.

Run by inbound/workers.py in killable processes; by `letterlock inspect`, the tests and bench/ directly. No clock, file,
socket or database; DNS only through the resolver handed in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from letterlock.dns import Resolver
from letterlock.errors import UnreadableMessage
from letterlock.message import authenticate as authentication
from letterlock.message.attached import AttachedText, attached_parts, attached_texts
from letterlock.message.authenticate import AuthReport
from letterlock.message.envelope import Envelope
from letterlock.message.extract.calendar import CalendarEvent
from letterlock.message.extract.codes import Code, find_codes, spellings, surest
from letterlock.message.extract.credentials import (
    Credential,
    CredentialKind,
    find_credentials,
    mask,
    mask_values,
)
from letterlock.message.extract.domains import is_public_suffix, registrable
from letterlock.message.extract.facts import Facts, find_facts
from letterlock.message.extract.links import Link, Links, find_links
from letterlock.message.extract.meaning import Category, categorise
from letterlock.message.extract.reply import ReplyClass, newest_part, reply_class
from letterlock.message.parse import Attachment, Caps, Mailbox, ParsedMessage, parse_message
from letterlock.message.report import Report, read_report
from letterlock.message.threading import Original, authors, followup_to, may_answer, no_answer, no_forward
from letterlock.message.visible import Block, HiddenPassage, VisibleText, visible_text
from letterlock.patterns import on_demand
from letterlock.screen.rule import Evidence, Finding, attachment_place
from letterlock.screen.rules.exfiltration import orders_in_link
from letterlock.screen.safe_text import SafeText, masked, safe_line, safe_text
from letterlock.screen.score import Level, Screening, SecondOpinion, Thresholds, screen

WITHHELD = "[withheld: quarantined]"
SNIPPET_CHARS = 120
_MOST_ADDRESSES = 100


class Preview(BaseModel):
    """What lists show of an email, already safe for a model."""

    from_address: str = ""
    from_name: str = ""
    subject: str = ""
    snippet: str = ""


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A credential for the vault. Recovery codes of one email are one secret, a line each."""

    kind: CredentialKind
    value: str = field(repr=False)


class Inspection(BaseModel):
    """All that is known of one inbound email. Crosses from the worker to the store as JSON; every string in it is
    outside text and goes to a model only through screen.safe_text."""

    model_config = ConfigDict(frozen=True)

    subject: str = ""
    from_: Mailbox | None = None
    authors: tuple[str, ...] = Field(default=(), exclude=True)
    """Every address it says it is from (threading.authors), for block lists: part of no dump."""
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    date: datetime | None = None
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    followup_to: tuple[Mailbox, ...] = ()
    """Where it asks answers to all to go."""
    automatic: bool = False
    """No machine may answer it (RFC 3834)."""
    no_answer: str = ""
    """Why an answer would reach nobody, whoever writes it, in a sentence; "" when it may."""
    no_forward: str = ""
    """Why no machine may pass it on, in a sentence; "" when one may."""
    authentication: AuthReport = AuthReport()
    text: str = ""
    """VisibleText.text: what a person would see, not yet safe for a model; credentials are dots of their length, here
    and in the subject and attachments. Whoever needs one looks into the bytes as they came."""
    credentials: tuple[Credential, ...] = ()
    """Where in `text` which kind of credential stood."""
    secrets: tuple[FoundSecret, ...] = Field(default=(), exclude=True, repr=False)
    """The credentials themselves, for the vault: part of no dump, and in no other string of this but the URLs of links
    that are there to be followed once."""
    history_start: int = 0
    """Offset in `text` where quoted history begins; len(text) when there is none."""
    hidden: tuple[HiddenPassage, ...] = ()
    screening: Screening
    code: Code | None = None
    other_codes: tuple[str, ...] = ()
    """What else in it may be a one-time code, in its text, history, names or attachments: to be masked like `code`."""
    links: Links = Links()
    category: Category = "other"
    reply: ReplyClass | None = None
    """What it amounts to, when it answers something."""
    facts: Facts = Facts()
    """Dates, amounts, phone and tracking numbers, with their places in `text`."""
    report: Report | None = None
    """What another server reports of mail we sent."""
    attachments: tuple[Attachment, ...] = ()
    attached: tuple[AttachedText, ...] = ()
    """What each of them says, not yet safe for a model."""
    repairs: tuple[str, ...] = ()
    unreadable: str = ""
    """Why it could not be read ("" when it could); such an email is quarantined."""

    @classmethod
    def unread(cls, reason: str, what: str) -> Inspection:
        """The inspection of bytes that could not be read: `reason` a code, `what` a sentence for people."""
        finding = Finding(rule=f"unreadable.{reason}", reason=what, weight=1.0, where="message")
        return cls(screening=Screening(Level.QUARANTINED, 1.0, (finding,)), unreadable=reason)


def inspect_message(
    raw: bytes,
    envelope: Envelope | None = None,
    resolver: Resolver | None = None,
    *,
    thresholds: Thresholds = Thresholds(),
    caps: Caps = Caps(),
    auth: AuthReport | None = None,
    allowed: Iterable[str] = (),
    second: SecondOpinion | None = None,
) -> Inspection:
    """Read, authenticate, render, screen and extract one email. Never raises: what cannot be read is `unreadable`.

    Without a resolver nothing is asked of DNS, and only mail from our own inboxes counts as authenticated. `auth`: what
    is known of its sender already, from when it came. `allowed`: domains whose authenticated mail is trusted. `second`:
    asked beside our own screen."""
    try:
        parsed = parse_message(raw, caps)
    except UnreadableMessage as error:
        return Inspection.unread(error.reason, error.what)
    auth = auth or authentication.authenticate(raw, envelope, resolver)
    visible = visible_text(parsed, caps)
    attached = attached_texts(attached_parts(parsed), caps)
    credentials = find_credentials(visible.text, parsed.subject)
    in_subject = find_credentials(parsed.subject)
    in_attached = [find_credentials(one.text) for one in attached]
    screening = _lifted(screen(Evidence(parsed, visible, auth, attached), thresholds, second=second), auth, allowed)
    if envelope is not None and envelope.spam:
        screening = replace(screening, findings=(*screening.findings, _SPAM))
    codes = find_codes(parsed, visible)
    code = surest(codes)
    links = find_links(parsed, visible)
    text = mask(visible.text, credentials)
    history_start = newest_part(visible.text)
    told = read_report(parsed)
    # That an email is late or has arrived, or that its reader complains, is no bounce of it.
    category = categorise(parsed, visible, code, links) if told is None or told.kind == "bounce" else "notification"
    # What is imported comes without an envelope of its own.
    return_path = envelope.sender if envelope is not None and envelope.transport != "import" else None
    report = Inspection(
        subject=mask(mask(parsed.subject, in_subject), credentials, found_in=visible.text),
        from_=parsed.from_[0] if parsed.from_ else None,
        authors=authors(parsed),
        reply_to=parsed.reply_to,
        to=parsed.to[:_MOST_ADDRESSES],
        cc=parsed.cc[:_MOST_ADDRESSES],
        date=parsed.date,
        message_id=parsed.message_id,
        in_reply_to=parsed.in_reply_to,
        references=parsed.references,
        followup_to=followup_to(parsed),
        automatic=may_answer(parsed, return_path) is not None,
        no_answer=no_answer(parsed, return_path),
        no_forward=no_forward(parsed, return_path),
        authentication=auth,
        text=text,
        credentials=credentials,
        history_start=history_start,
        hidden=visible.hidden,
        screening=screening,
        code=code,
        other_codes=_other_codes(code, (*codes, *_codes_beside(parsed, visible.text[history_start:], attached))),
        links=links,
        category=category,
        reply=reply_class(parsed, text[:history_start], category),
        facts=find_facts(text, parsed.header("Content-Language").split(",")[0].strip()),
        report=told,
        attachments=parsed.attachments,
        attached=tuple(
            replace(one, text=mask(one.text, found)) for one, found in zip(attached, in_attached, strict=True)
        ),
        repairs=parsed.repairs,
    )
    beside = _beside(report)
    places = [(visible.text, credentials), (parsed.subject, in_subject), (beside, find_credentials(beside))]
    places += [(one.text, said) for one, said in zip(attached, in_attached, strict=True)]
    found = [(one.kind, text[one.start : one.end]) for text, said in places for one in said]
    return _without_secrets(report, found) if found else report


def _beside(report: Inspection) -> str:
    """What else is kept of an email: what a person would not see, URLs, calendars, names, far apart from each other so
    that no word for a secret names what stands in another."""
    links = (link for link in report.links.all if link.kind not in ONCE)
    events = (event for one in report.attached for event in one.events)
    sender = (report.from_,) if report.from_ else ()
    boxes = (*sender, *report.reply_to, *report.to, *report.cc, *report.followup_to)
    pieces = [
        *dict.fromkeys(box.name for box in boxes),
        *(_told_by_file(one.filename) for one in report.attachments),
        *(passage.text for passage in report.hidden),
        *(passage.text for one in report.attached for passage in one.hidden),
        *(piece for link in links for piece in (link.url, link.text)),
        *(piece for event in events for piece in (event.summary, event.location, *event.unseen)),
    ]
    return "\n\n\n\n".join(filter(None, pieces))[:_BESIDE_CHARS]


def _told_by_file(filename: str) -> str:
    """The name of a file without its ending, a password in it behind a sign as texts have one. What could be words
    joined by hyphens is none."""
    return _NAMED_IN_FILE.sub(r"\1: ", filename.rpartition(".")[0] or filename)


_NAMED_IN_FILE: Final = on_demand(r"(pass(?:word|wort|wd)?|pwd|kennwort)[-_= ]+(?=\S*[#!@$%^&*+?])", re.IGNORECASE)


def _without_secrets(report: Inspection, found: Iterable[tuple[CredentialKind, str]]) -> Inspection:
    """The report with what was found as its secrets, and as dots wherever else it stands."""
    codes = {report.code.value, *report.code.forms} if report.code else set()
    values = {value: kind for kind, value in found if value not in codes}
    recovery = [value for value, kind in values.items() if kind == "recovery_code"]
    secrets = [FoundSecret(kind, value) for value, kind in values.items() if kind != "recovery_code"][:_MOST_SECRETS]
    if recovery:
        secrets.append(FoundSecret("recovery_code", "\n".join(recovery)))
    if not secrets:
        return report
    hide = mask_values(values)

    def hidden(passages: tuple[HiddenPassage, ...]) -> tuple[HiddenPassage, ...]:
        return tuple(replace(passage, text=hide(passage.text)) for passage in passages)

    def link(link: Link) -> Link:
        return replace(link, text=hide(link.text), url=link.url if link.kind in ONCE else hide(link.url))

    def named(boxes: Iterable[Mailbox]) -> tuple[Mailbox, ...]:
        return tuple(replace(box, name=hide(box.name)) for box in boxes)

    def event(event: CalendarEvent) -> CalendarEvent:
        return replace(
            event,
            summary=hide(event.summary),
            location=hide(event.location),
            description=hide(event.description),
            unseen=tuple(map(hide, event.unseen)),
        )

    def attached(one: AttachedText) -> AttachedText:
        events = tuple(map(event, one.events))
        return replace(one, filename=hide(one.filename), text=hide(one.text), hidden=hidden(one.hidden), events=events)

    links, screening = report.links, report.screening
    return report.model_copy(
        update={
            "secrets": tuple(secrets),
            "subject": hide(report.subject),
            "text": hide(report.text),
            "from_": next(iter(named((report.from_,))), None) if report.from_ else None,
            "reply_to": named(report.reply_to),
            "to": named(report.to),
            "cc": named(report.cc),
            "followup_to": named(report.followup_to),
            "hidden": hidden(report.hidden),
            "screening": replace(
                screening, findings=tuple(replace(one, excerpt=hide(one.excerpt)) for one in screening.findings)
            ),
            "other_codes": tuple(code for code in report.other_codes if code not in values),
            "links": replace(
                links, all=tuple(map(link, links.all)), primary=link(links.primary) if links.primary else None
            ),
            "attachments": tuple(replace(one, filename=hide(one.filename)) for one in report.attachments),
            "attached": tuple(map(attached, report.attached)),
        }
    )


ONCE: Final = frozenset({"verify", "magic", "reset", "invite", "unsubscribe", "meeting", "tracking"})
"""Kinds of links that are there to be followed once: their own tokens are no secrets, or they would not work."""
_MOST_SECRETS: Final = 50
_BESIDE_CHARS: Final = 100_000


def _codes_beside(parsed: ParsedMessage, history: str, attached: Iterable[AttachedText]) -> Iterator[Code]:
    """Codes where `find_codes` does not look, since they are not this email's to give: quoted history, names of people,
    texts of attachments. Each is read as if it were an email of its own, under this one's subject and alone."""
    alone = replace(parsed, from_=(), plain=())
    bare = replace(alone, subject="")
    texts = [one.text for one in attached]
    if history:
        texts.append(_QUOTED.sub("", history))
    names = [box.name for box in (*parsed.from_, *parsed.reply_to, *parsed.to[:20], *parsed.cc[:20])]
    names += [one.filename.rpartition(".")[0].replace("_", " ") for one in parsed.attachments[:50]]
    for text, as_what in (
        *((text, bare) for text in texts),
        *((text, alone) for text in texts),
        ("\n".join(names), bare),
    ):
        if _FOUR_DIGITS.search(text):
            lines = VisibleText(text, tuple(Block(line, "plain") for line in text[:_CODES_CHARS].split("\n")))
            yield from find_codes(as_what, lines)


_FOUR_DIGITS: Final = on_demand(r"\d(?:[ -]?\w){3}")
_QUOTED: Final = on_demand(r"^[> \t]+", re.MULTILINE)
_CODES_CHARS: Final = 20_000


def _other_codes(code: Code | None, found: Iterable[Code]) -> tuple[str, ...]:
    own = {code.value, *code.forms} if code else set()
    return tuple(dict.fromkeys(form for one in found for form in (one.value, *one.forms) if form not in own))


_SPAM = Finding(
    rule="provider.spam",
    reason="The provider of the mailbox had put it into the spam folder.",
    weight=0.0,
    where="message",
)


def _lifted(screening: Screening, auth: AuthReport, allowed: Iterable[str]) -> Screening:
    """One level up for mail that verifiably comes from an allowed domain or below one. Never more: an honest sender may
    have been broken into, or pass on what somebody else wrote. A public suffix among the allowed is nobody's house."""
    if auth.verdict != "pass":
        return screening
    houses = (domain for domain in allowed if auth.domain == domain or auth.domain.endswith(f".{domain}"))
    if all(is_public_suffix(house) for house in houses):
        return screening
    return replace(screening, level=_ABOVE[screening.level])


_ABOVE = {
    Level.QUARANTINED: Level.SUSPECT,
    Level.SUSPECT: Level.NORMAL,
    Level.NORMAL: Level.TRUSTED,
    Level.TRUSTED: Level.TRUSTED,
}


def preview(inspection: Inspection, *, mask_codes: bool) -> Preview:
    """What lists may show of an email at its level: nothing of a quarantined one but the sender's domain."""
    if inspection.screening.level is Level.QUARANTINED:
        domain = inspection.from_.domain if inspection.from_ else ""
        return Preview(from_address=f"@{safe_line(_house_of(inspection, domain), 100)}", subject=WITHHELD)
    masks = code_masks(inspection, mask_codes=mask_codes)
    # Enough for a snippet after cuts; the whole of a newsletter would cost more than everything else here.
    opening = min(inspection.history_start, 5 * SNIPPET_CHARS)
    return Preview(
        from_address=shown_address(inspection, inspection.from_, masks) if inspection.from_ else "",
        from_name=shown_name(inspection, masks),
        subject=shown_subject(inspection, masks),
        snippet=safe_line(safe_text(inspection.text, inspection.screening, masks, opening).text, SNIPPET_CHARS, masks),
    )


def original(inspection: Inspection, subject: str, text: str) -> Original:
    """What an answer to the email, or a forward of it, is made from; `subject` and `text`: what may be said of it."""
    return Original(
        subject=subject,
        message_id=inspection.message_id,
        in_reply_to=inspection.in_reply_to,
        references=inspection.references,
        date=inspection.date,
        from_=(inspection.from_,) if inspection.from_ else (),
        reply_to=inspection.reply_to,
        followup_to=inspection.followup_to,
        to=inspection.to,
        cc=inspection.cc,
        text=text,
    )


def passed_on(inspection: Inspection, *, mask_codes: bool) -> Original:
    """The email as a forward may show it: its subject, name and text as a model would get them."""
    masks = code_masks(inspection, mask_codes=mask_codes)
    said = safe_text(inspection.text, inspection.screening, masks).text
    whole = original(inspection, shown_subject(inspection, masks), said)
    named = tuple(Mailbox(shown_name(inspection, masks), box.address) for box in whole.from_)
    return replace(whole, from_=named)


def searchable(inspection: Inspection) -> tuple[str, ...]:
    """What search may find an email by: what was withheld or cut must not be guessed word by word, nor a code or a
    credential digit by digit."""
    sender = inspection.from_
    if inspection.screening.level is Level.QUARANTINED:
        return (sender.domain,) if sender else ()
    masks = code_masks(inspection, mask_codes=True)
    attached = " ".join(attachment.filename for attachment in inspection.attachments)
    names = (sender.name, sender.address) if sender else ()
    if inspection.screening.level is Level.NORMAL or inspection.screening.level is Level.TRUSTED:
        return tuple(masked(each, masks) for each in (inspection.subject, *names, attached, inspection.text))
    cut = safe_text(inspection.text, inspection.screening, masks).text
    return (shown_subject(inspection, masks), *(safe_line(name, 254, masks) for name in names), cut)


def shown_name(inspection: Inspection, masks: Iterable[str] = ()) -> str:
    """The sender's display name, unless a finding lies in one."""
    if inspection.from_ is None or _found_in(inspection, "name"):
        return ""
    return safe_line(inspection.from_.name, 80, masks)


def _found_in(inspection: Inspection, where: str) -> bool:
    return any(finding.where == where for finding in inspection.screening.findings)


def _house_of(inspection: Inspection, domain: str) -> str:
    """The domain as it may be shown: of one in whose words something was found the registered part."""
    return registrable(domain) if _found_in(inspection, "address") else domain


def shown_address(inspection: Inspection, mailbox: Mailbox, masks: Iterable[str] = ()) -> str:
    """An address of the email, without what stands before its domain when a finding lies in one."""
    if _found_in(inspection, "address"):
        return f"@{safe_line(_house_of(inspection, mailbox.domain), 253, masks)}"
    return safe_line(mailbox.address, 254, masks)


def shown_mailbox(
    inspection: Inspection, mailbox: Mailbox, what: Literal["name", "to", "cc"], masks: Iterable[str] = ()
) -> str:
    """Name and address, the name unless a finding lies in one of its kind (Evidence.outer)."""
    address = shown_address(inspection, mailbox, masks)
    if not mailbox.name or _found_in(inspection, what):
        return address
    return safe_line(f"{mailbox.name} <{address}>", 200, masks)


def shown_subject(inspection: Inspection, masks: Iterable[str] = (), limit: int = 200) -> str:
    """The subject at the email's level: cut when a finding lies in it."""
    cut = next((f for f in inspection.screening.findings if f.where == "subject"), None)
    if inspection.screening.level is Level.SUSPECT and cut is not None:
        return f"[cut: {cut.reason}]"
    return WITHHELD if inspection.screening.level is Level.QUARANTINED else safe_line(inspection.subject, limit, masks)


def shown_attachment(inspection: Inspection, index: int, masks: Iterable[str] = ()) -> SafeText | None:
    """What a model may read of an attachment, None when it has no text. The email's level decides, and what was found
    in the attachment itself: a suspect email's others can be read."""
    said = next((one for one in inspection.attached if one.index == index), None)
    if said is None or not (said.text or said.hidden):
        return None
    screening = inspection.screening
    found = tuple(replace(f, where="text") for f in screening.findings if f.where == attachment_place(index))
    level = Level.QUARANTINED if screening.level is Level.QUARANTINED else Level.SUSPECT if found else Level.NORMAL
    safe = safe_text(said.text, replace(screening, level=level, findings=found), masks)
    return replace(safe, removed=(*safe.removed, *hidden_kinds(said.hidden)))


@dataclass(frozen=True, slots=True)
class ShownUrl:
    """A URL as a model may see it. `kept_back`: why it does not stand whole, "" when it does: scheme_only,
    gives_orders (only its domain is left), masked_code, masked_secret (dots in their place)."""

    url: str
    kept_back: str = ""


def shown_url(url: str, masks: Iterable[str] = (), *, action: bool = False) -> ShownUrl:
    """`url` as it may be shown. `action`: it is there to be followed once (to verify, sign in, reset, leave a list), so
    its own token is no secret to be masked: without it the link would not work."""
    if not url:
        return ShownUrl("")
    scheme = url.partition(":")[0].lower() if ":" in url[:_LONGEST_SCHEME] else ""
    if scheme not in ("http", "https", "mailto"):
        return ShownUrl(f"{safe_line(scheme, _LONGEST_SCHEME)}:" if scheme.isalnum() else "", "scheme_only")
    if orders_in_link(url):
        return ShownUrl(_house(url, scheme), "gives_orders")
    secrets = find_credentials(url)
    if action:
        secrets = tuple(one for one in secrets if one.kind not in _TOKEN_KINDS)
    shown = mask(url, secrets)
    shown = _PASSWORD_IN_URL.sub(lambda found: found[1] + "•" * len(found[2]), shown)
    without = _without_codes(shown, masks)
    if without != shown:
        return ShownUrl(safe_line(without, _LONGEST_URL), "masked_code")
    if any(spellings(unquote(shown), code) for code in masks if len(code) >= _SURELY_MEANT):
        return ShownUrl(_house(url, scheme), "masked_code")
    return ShownUrl(safe_line(shown, _LONGEST_URL), "masked_secret" if shown != url else "")


_LONGEST_SCHEME: Final = 30
_LONGEST_URL: Final = 2_000
_SURELY_MEANT: Final = 6
"""So many characters of a code do not stand in a token by chance."""
_TOKEN_KINDS: Final = frozenset({"jwt", "password", "api_key", "session_token"})
_PASSWORD_IN_URL: Final = on_demand(
    r"((?:[?&;#/](?:user_?)?(?:password|passwort|passwd|pass|kennwort|passphrase|senha|contrase(?:n|ñ|%c3%b1)a|haslo)="
    r"|://[^\s/@:]{0,200}:(?=[^\s/@]{1,200}@)))([^&#;@\s]{1,500})",
    re.IGNORECASE,
)


def _house(url: str, scheme: str) -> str:
    """The registered domain a URL leads to; a host's name can hold words, too."""
    try:
        host = (urlsplit(url).hostname or "") if scheme != "mailto" else url.partition("@")[2].partition("?")[0]
    except ValueError:
        host = ""
    house = registrable(host)
    named = "" if orders_in_link(f"https://{house}/") else safe_line(house, 253)
    return f"{scheme}:{named}" if scheme == "mailto" else f"{scheme}://{named}/"


def _without_codes(url: str, masks: Iterable[str]) -> str:
    for code in dict.fromkeys("".join(filter(str.isalnum, form)) for form in masks):
        pieces, position = [], 0
        for start, end in spellings(url, code):
            apart = not (url[start - 1 : start].isalnum() or url[end : end + 1].isalnum())
            if apart or len(code) >= _SURELY_MEANT:
                pieces += [url[position:start], "•" * len(code)]
                position = end
        url = "".join((*pieces, url[position:])) if pieces else url
    return url


def hidden_kinds(hidden: Iterable[HiddenPassage]) -> tuple[str, ...]:
    """What a person would not have seen either, by kind; never its words."""
    kinds = Counter(passage.why for passage in hidden)
    return tuple(f"hidden text ({why.replace('_', ' ')}), {n} passage{'s' * (n > 1)}" for why, n in kinds.items())


def code_masks(inspection: Inspection, *, mask_codes: bool) -> tuple[str, ...]:
    """Every form of all that may be a one-time code in it, to be masked wherever it is shown."""
    if not mask_codes:
        return ()
    return (*((inspection.code.value, *inspection.code.forms) if inspection.code else ()), *inspection.other_codes)
