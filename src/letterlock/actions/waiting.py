"""Waiting for mail: one-time codes and emails. Nothing yet is a normal answer, never an error.

A waiter registers with wake first and looks in the store then, so that mail which came a moment earlier is never
missed.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field

from letterlock.actions.caller import UNPROVED_CODES, Caller, read_standing
from letterlock.actions.health import reception_warning
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.actions.limits import count_wait
from letterlock.actions.listing import EmailListed, listed
from letterlock.actions.shown import note_shown, write_shown
from letterlock.app import App
from letterlock.errors import InvalidRequest
from letterlock.message.address import parse_address
from letterlock.message.extract.codes import Code
from letterlock.message.extract.domains import is_public_suffix, registrable
from letterlock.message.extract.keywords import clean as plain
from letterlock.message.extract.links import host_flags
from letterlock.message.extract.lookalikes import BRANDS, Shield, is_brands_own
from letterlock.screen.safe_text import safe_line
from letterlock.screen.score import Level
from letterlock.store import emails
from letterlock.store.database import Transaction
from letterlock.store.emails import Email, moment
from letterlock.store.inboxes import Inbox
from letterlock.wake import REST_S

MAX_WAIT_S = 300
DEFAULT_WAIT_S = 45
RECENT_MS = 10 * 60 * 1000
"""Without `since`, a code that came this long before the call still counts."""
_MOST_SEEN = 5
_LOOK = 50

Found = TypeVar("Found", bound=BaseModel)
Timeout = Annotated[
    float, Field(ge=0, le=MAX_WAIT_S, description="seconds; over 55 only if your client keeps long calls alive")
]


class WaitForOtp(Request):
    inbox: Annotated[str, Field(min_length=1, max_length=320)]
    from_: Annotated[str, Field(max_length=320, description="sender's address, domain or its name")] = ""
    timeout_s: Timeout = DEFAULT_WAIT_S
    since: Annotated[int | None, Field(ge=0, description="'since' of the answer before")] = None
    include_used: bool = False
    accept_unproved: Annotated[bool, Field(description="also from a sender whose mail proves nothing")] = False


class OtpResult(BaseModel):
    status: str = Field(description="found, pending, withheld or used")
    code: str = ""
    confidence: float = 0
    reason: str = ""
    from_: str = ""
    authenticated: bool = False
    email_id: str = ""
    received_at: datetime | None = None
    expires_in_s: int | None = None
    given_at: datetime | None = None
    since: int
    seen: list[str] = []
    next_step: str = ""
    warning: str = ""


class WaitForEmail(Request):
    inbox: Annotated[str, Field(min_length=1, max_length=320)]
    from_: Annotated[str, Field(max_length=320)] = ""
    subject: Annotated[str, Field(max_length=300, description="part of it")] = ""
    timeout_s: Timeout = DEFAULT_WAIT_S
    since: Annotated[int | None, Field(ge=0, description="'since' of the answer before")] = None


class EmailWaited(BaseModel):
    status: str = Field(description="found or pending")
    email: EmailListed | None = None
    since: int
    seen: list[str] = []
    next_step: str = ""
    warning: str = ""


async def wait_for_otp(app: App, caller: Caller, request: WaitForOtp) -> OtpResult:
    """Wait for a one-time code (OTP, verification code, 2FA) by email. Given once, and none after a newer one."""
    inbox = await own_inbox(app, caller, request.inbox)
    wanted = _Wanted.of(request.from_)
    if request.accept_unproved:
        caller.need(UNPROVED_CODES)
    after = _after(inbox, request.since)
    await count_wait(app, caller)
    if request.since is None:
        recent = app.now_ms() - RECENT_MS
        after = await app.database.read(caller.tenant_id, lambda tx: emails.last_before(tx, inbox.inbox_id, recent))
    bait: OtpResult | None = None

    async def look() -> OtpResult | None:
        nonlocal bait
        found = await read_standing(app, caller, lambda tx: emails.with_code(tx, inbox.inbox_id, after, _LOOK))
        superseded: set[str] = set()
        withheld = bait = None
        for email in found:
            house = registrable(email.from_domain)
            if house in superseded:
                # Newest first: who sends a second code takes the first back.
                continue
            posing = "" if wanted.fits(email) else wanted.posed_as_by(email)
            if wanted.fits(email) or (posing and request.accept_unproved):
                answer = await _give(app, caller, inbox, email, request, wanted)
                if answer is not None and answer.status != "withheld":
                    return answer
                # A stranger's bait must not stand before a code that can be given.
                withheld = withheld or answer
            elif posing and email.code_given_at is None:
                bait = bait or _withheld(email, posing)
            if email.code_given_at is not None or (wanted.fits(email) and answer is None):
                superseded.add(house)
        return withheld

    async def pending() -> OtpResult:
        return bait or await _pending_otp(app, caller, inbox, after)

    return await _wait(app, caller, inbox, request.timeout_s, look, pending)


async def wait_for_email(app: App, caller: Caller, request: WaitForEmail) -> EmailWaited:
    """Wait for a new email in an inbox. Without since only mail that arrives from now on counts."""
    inbox = await own_inbox(app, caller, request.inbox)
    wanted = _Wanted.of(request.from_)
    after = inbox.last_seq if request.since is None else _after(inbox, request.since)
    await count_wait(app, caller)
    position = after

    async def look() -> EmailWaited | None:
        nonlocal position

        async def next_ones(tx: Transaction) -> list[Email]:
            return await emails.since(tx, inbox.inbox_id, position, _LOOK)

        while arrived := await read_standing(app, caller, next_ones):
            for email in arrived:
                position = email.seq
                if wanted.fits(email) and request.subject.lower() in email.subject.lower():
                    await note_shown(app, caller, [email])
                    return EmailWaited(
                        status="found",
                        email=listed(email),
                        since=email.seq,
                        next_step="read_email for its text, extract_links for its links.",
                    )
        return None

    async def pending() -> EmailWaited:
        seen = await _seen(app, caller, inbox, after)
        return EmailWaited(
            status="pending",
            since=position,
            seen=seen,
            next_step=f"Nothing that matches yet. Call wait_for_email again with since={position}.",
            warning=await reception_warning(app, inbox),
        )

    return await _wait(app, caller, inbox, request.timeout_s, look, pending)


async def _wait(
    app: App,
    caller: Caller,
    inbox: Inbox,
    timeout_s: float,
    look: Callable[[], Awaitable[Found | None]],
    pending: Callable[[], Awaitable[Found]],
) -> Found:
    """What `look` finds, which is to be asked by read_standing: a key may end while its caller waits."""
    end = time.monotonic() + timeout_s
    with app.wake.watch(inbox.inbox_id, tenant=caller.tenant_id, key=caller.key) as watch:
        app.wake.say_waiting(inbox.inbox_id)
        while True:
            found = await look()
            if found is not None:
                return found
            # One that is deleted meanwhile gets no more mail.
            await own_inbox(app, caller, inbox.inbox_id)
            left = end - time.monotonic()
            if left <= 0 or app.wake.closing:
                return await pending()
            await watch.wait(min(left, REST_S))


async def _give(
    app: App, caller: Caller, inbox: Inbox, email: Email, request: WaitForOtp, wanted: _Wanted
) -> OtpResult | None:
    """The answer this email's code makes, or None when it does not count."""
    assert email.code is not None
    if email.code_given_at is not None and not request.include_used:
        return None
    if email.level in (Level.SUSPECT, Level.QUARANTINED):
        # A code in mail that tries to steer its reader may be the bait; a person decides.
        return _withheld(
            email,
            f"its email is {email.level}",
            "See read_email for the reasons; a person can read it with `letterlock mail show`.",
        )
    asks = app.settings.asks_dns_of_fetched if inbox.mailbox_id else app.settings.asks_dns
    if asks and not email.aligned and not request.accept_unproved:
        # Anyone can write a sender's name; where that is checked, only a proved one is handed out unasked.
        return _withheld(email, f"nothing proves that {email.from_address} sent it")
    if not wanted.domain and not request.accept_unproved and (posing := _poses(email)):
        return _withheld(email, posing)
    result = _about(email, "found")
    if email.code_given_at is not None:
        result.status = "used"
        result.given_at = moment(email.code_given_at)

    async def take(tx: Transaction) -> tuple[Code | None, bool, bool]:
        report = await emails.inspection(tx, email.email_id)
        spam = report is not None and any(one.rule == "provider.spam" for one in report.screening.findings)
        # Last, because nothing may fail between this and the answer: a code is given once.
        given = peeking or await emails.give_code(tx, email.email_id, app.now_ms())
        return report.code if report else None, spam, given

    peeking = result.status == "used"
    if peeking:
        await note_shown(app, caller, [email])
        code, spam, given = await app.database.read(caller.tenant_id, take)
    else:
        code, spam, given = await write_shown(app, caller, [email], take)
    if code is not None:
        result.confidence = code.confidence
        result.reason = code.reason
        result.expires_in_s = code.expires_in_s
    if spam:
        result.warning = "It was in the spam folder of the mailbox: make sure that you asked this very service for it."
    result.code = email.code
    return result if given else None


def _about(email: Email, status: str) -> OtpResult:
    return OtpResult(
        status=status,
        from_=email.from_address,
        authenticated=email.aligned,
        email_id=email.email_id,
        received_at=moment(email.received_at),
        since=email.seq,
    )


def _withheld(
    email: Email,
    why: str,
    next_step: str = "Call again with accept_unproved=true only if you asked this very service for a code.",
) -> OtpResult:
    result = _about(email, "withheld")
    result.reason, result.next_step = f"A code came, but {why}.", next_step
    return result


async def _pending_otp(app: App, caller: Caller, inbox: Inbox, after: int) -> OtpResult:
    return OtpResult(
        status="pending",
        since=after,
        seen=await _seen(app, caller, inbox, after),
        next_step=f"No code yet. Call wait_for_otp again with since={after}, or resend the code at the service.",
        warning=await reception_warning(app, inbox),
    )


async def _seen(app: App, caller: Caller, inbox: Inbox, after: int) -> list[str]:
    """What came meanwhile and did not match, in a line each."""

    async def newest(tx: Transaction) -> list[Email]:
        return await emails.listed(tx, inbox_id=inbox.inbox_id, since_seq=max(after, 0), limit=_MOST_SEEN)

    found = await app.database.read(caller.tenant_id, newest)
    await note_shown(app, caller, found)
    return [f"{email.email_id} from {email.from_address}: {email.subject[:80]}" for email in found]


def _after(inbox: Inbox, since: int | None) -> int:
    if since is not None and since > inbox.last_seq:
        raise InvalidRequest(
            f"since={since} is beyond the newest email ({inbox.last_seq}) of {inbox.address}.",
            next_step="Use the 'since' of an earlier answer for this inbox, or leave it out.",
        )
    return since or 0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Whose mail counts: an address, a domain with those below it, or the name somebody registered (`github` of
    github.com, not of github.example.net). All "": anybody's. What a sender calls itself says nothing."""

    address: str = ""
    domain: str = ""
    name: str = ""

    @classmethod
    def of(cls, from_: str) -> _Wanted:
        """Raises InvalidRequest for what is none of the three."""
        text = from_.strip().lower()
        domain = _domain(text.removeprefix("@"))
        if not text:
            return cls()
        with contextlib.suppress(InvalidRequest):
            if "@" in text[1:]:
                return cls(address=parse_address(text).key, domain=_domain(text.rpartition("@")[2]))
            if "." in text and not is_public_suffix(domain):
                return cls(domain=parse_address(f"x@{domain}").key.removeprefix("x@"))
            if _NAME.fullmatch(text) and text not in _TOP:
                return cls(name=_domain(text))
        if domain in _TOP or ("." in domain and "@" not in text[1:] and is_public_suffix(domain)):
            raise InvalidRequest(
                f"Everyone can get a name below {safe_line(domain, 80)}, so that it is nobody's mail in particular.",
                next_step=f"Write the sender's own domain, like example.{safe_line(domain, 80)}, or their address.",
            )
        raise InvalidRequest(
            f"from_ '{safe_line(from_, 80)}' is no address, domain or name of one.",
            next_step="Write it like codes@github.com, github.com or github, or leave it out.",
        )

    def fits(self, email: Email) -> bool:
        theirs = _domain(email.from_domain)
        if self.address:
            return _key(email.from_address) == self.address
        if self.domain:
            return theirs == self.domain or theirs.endswith("." + self.domain)
        return not self.name or registrable(theirs).partition(".")[0] == self.name

    def posed_as_by(self, email: Email) -> str:
        """Why an email that does not fit could be taken for one that does, "" if it could not."""
        theirs = _domain(email.from_domain)
        if self.domain and registrable(theirs) == registrable(self.domain):
            return ""
        name = self.name or registrable(self.domain).partition(".")[0]
        if not name:
            return ""
        ours = registrable(self.domain) if self.domain else f"{name}.{registrable(theirs).partition('.')[2]}"
        said = f"{email.from_name} {email.from_address.rpartition('@')[0]} {theirs.rpartition('.')[0]}".lower()
        named = name in (said if len(name) >= _TELLING else _WORDS.findall(said))
        if named or Shield((ours,)).imitated_by(theirs):
            return f"{email.from_address} is not of {self.domain or name}, though it reads like that"
        return ""


_NAME = re.compile(r"\w(?:[\w-]{0,61}\w)?")
_WORDS = re.compile(r"[^\W_]+")
_NAMES = {" ".join(_WORDS.findall(plain(name).lower())): brand.word for name, brand in BRANDS.items()}
_TELLING = 5
"""A name of so many letters means somebody also as a part of a word."""


_TOP = frozenset(("com", "net", "org", "edu", "gov", "mil", "int", "info", "biz"))
# Their mail comes from these as well.
_ALSO_THEIRS = frozenset(
    ("facebookmail.com", "metamail.com", "discordapp.com", "googlemail.com", "amazonaws.com", "atlassian.net")
)


def _poses(email: Email) -> str:
    """Why an email could be taken for one of a well-known service that did not send it, "" if it could not."""
    theirs = _domain(email.from_domain)
    if is_brands_own(theirs) or registrable(theirs) in _ALSO_THEIRS:
        return ""
    name = " ".join(_WORDS.findall(plain(email.from_name[:200]).lower()))
    for brand in _NAMES:
        # A name that is an ordinary word as well stands for the service only by itself.
        if name == brand or (f" {brand} " in f" {name} " and not _NAMES[brand]):
            return f"{email.from_address} is no address of {safe_line(email.from_name, 80)}"
    if {"look_alike", "mixed_script"}.intersection(host_flags(theirs, "")):
        return f"the domain of {email.from_address} is made to look like a well-known one"
    return ""


def _domain(domain: str) -> str:
    """In the one form that spellings of a domain share."""
    domain = domain.lower().rstrip(".")
    if domain.isascii():
        return domain
    with contextlib.suppress(UnicodeError):
        return domain.encode("idna").decode()
    return domain


def _key(address: str) -> str:
    try:
        return parse_address(address).key
    except InvalidRequest:
        return address.lower()
