"""Waiting for mail: one-time codes and emails. Nothing yet is a normal answer, never an error.

A waiter registers with wake first and looks in the store then, so that mail which came a moment earlier is never
missed.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field

from letterlock.actions.caller import UNPROVED_CODES, Caller
from letterlock.actions.health import reception_warning
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.actions.reading import EmailListed, listed
from letterlock.actions.shown import note_shown
from letterlock.app import App
from letterlock.errors import InvalidRequest
from letterlock.message.extract.codes import Code
from letterlock.screen.score import Level
from letterlock.store import emails
from letterlock.store.database import Transaction
from letterlock.store.emails import Email, moment
from letterlock.store.inboxes import Inbox

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
    from_: Annotated[str, Field(max_length=320, description="sender's address or domain")] = ""
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
    """Wait for a one-time code (OTP, verification code, 2FA) to arrive by email and get it. A code is given once."""
    inbox = await own_inbox(app, caller, request.inbox)
    if request.accept_unproved:
        caller.need(UNPROVED_CODES)
    after = _after(inbox, request.since)
    if request.since is None:
        recent = app.now_ms() - RECENT_MS
        after = await app.database.read(caller.tenant_id, lambda tx: emails.last_before(tx, inbox.inbox_id, recent))

    async def look() -> OtpResult | None:
        found = await app.database.read(caller.tenant_id, lambda tx: emails.with_code(tx, inbox.inbox_id, after, _LOOK))
        withheld = None
        for email in found:
            if _matches(email, request.from_):
                answer = await _give(app, caller, email, request)
                if answer is not None and answer.status != "withheld":
                    return answer
                # A stranger's bait must not stand before a code that can be given.
                withheld = withheld or answer
        return withheld

    return await _wait(app, inbox, request.timeout_s, look, lambda: _pending_otp(app, caller, inbox, after))


async def wait_for_email(app: App, caller: Caller, request: WaitForEmail) -> EmailWaited:
    """Wait for a new email in an inbox. Without since only mail that arrives from now on counts."""
    inbox = await own_inbox(app, caller, request.inbox)
    after = inbox.last_seq if request.since is None else _after(inbox, request.since)
    position = after

    async def look() -> EmailWaited | None:
        nonlocal position

        async def next_ones(tx: Transaction) -> list[Email]:
            return await emails.since(tx, inbox.inbox_id, position, _LOOK)

        while arrived := await app.database.read(caller.tenant_id, next_ones):
            for email in arrived:
                position = email.seq
                if _matches(email, request.from_) and request.subject.lower() in email.subject.lower():
                    await note_shown(app, caller, [email])
                    return EmailWaited(
                        status="found",
                        email=listed(email),
                        since=email.seq,
                        next_step="read_email for its text, extract_links for its links.",
                    )
        return None

    async def pending() -> EmailWaited:
        await own_inbox(app, caller, inbox.inbox_id)
        seen = await _seen(app, caller, inbox, after)
        return EmailWaited(
            status="pending",
            since=position,
            seen=seen,
            next_step=f"Nothing that matches yet. Call wait_for_email again with since={position}.",
            warning=await reception_warning(app),
        )

    return await _wait(app, inbox, request.timeout_s, look, pending)


async def _wait(
    app: App,
    inbox: Inbox,
    timeout_s: float,
    look: Callable[[], Awaitable[Found | None]],
    pending: Callable[[], Awaitable[Found]],
) -> Found:
    end = time.monotonic() + timeout_s
    with app.wake.watch(inbox.inbox_id) as watch:
        while True:
            app.wake.say_waiting(inbox.inbox_id)
            found = await look()
            if found is not None:
                return found
            left = end - time.monotonic()
            if left <= 0 or app.wake.closing:
                return await pending()
            await watch.wait(left)


async def _give(app: App, caller: Caller, email: Email, request: WaitForOtp) -> OtpResult | None:
    """The answer this email's code makes, or None when it does not count."""
    assert email.code is not None
    result = OtpResult(
        status="found",
        from_=email.from_address,
        authenticated=email.aligned,
        email_id=email.email_id,
        received_at=moment(email.received_at),
        since=email.seq,
    )
    if email.level in (Level.SUSPECT, Level.QUARANTINED):
        # A code in mail that tries to steer its reader may be the bait; a person decides.
        result.status = "withheld"
        result.reason = f"A code came, but its email is {email.level}."
        result.next_step = "See read_email for the reasons; a person can read it with `letterlock mail show`."
        return result
    if app.settings.asks_dns and not email.aligned and not request.accept_unproved:
        # Anyone can write a sender's name; where that is checked, only a proved one is handed out unasked.
        result.status = "withheld"
        result.reason = f"A code came, but nothing proves that {email.from_address} sent it."
        result.next_step = "Call again with accept_unproved=true only if you asked this very service for a code."
        return result
    if email.code_given_at is not None:
        if not request.include_used:
            return None
        result.status = "used"
        result.given_at = moment(email.code_given_at)

    async def take(tx: Transaction) -> tuple[Code | None, bool]:
        report = await emails.inspection(tx, email.email_id)
        # Last, because nothing may fail between this and the answer: a code is given once.
        return report.code if report else None, peeking or await emails.give_code(tx, email.email_id, app.now_ms())

    peeking = result.status == "used" or app.settings.read_only
    code, given = await (app.database.read if peeking else app.database.write)(caller.tenant_id, take)
    if code is not None:
        result.confidence = code.confidence
        result.reason = code.reason
        result.expires_in_s = code.expires_in_s
    result.code = email.code
    return result if given else None


async def _pending_otp(app: App, caller: Caller, inbox: Inbox, after: int) -> OtpResult:
    await own_inbox(app, caller, inbox.inbox_id)
    return OtpResult(
        status="pending",
        since=after,
        seen=await _seen(app, caller, inbox, after),
        next_step=f"No code yet. Call wait_for_otp again with since={after}, or resend the code at the service.",
        warning=await reception_warning(app),
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


def _matches(email: Email, wanted: str) -> bool:
    """Whether the sender is `wanted`: an address, a domain (with its subdomains), or part of the name or address."""
    wanted = wanted.strip().lower().removeprefix("@")
    if not wanted:
        return True
    if "@" in wanted:
        return email.from_address.lower() == wanted
    if "." in wanted:
        return email.from_domain == wanted or email.from_domain.endswith("." + wanted)
    return wanted in email.from_address.lower() or wanted in email.from_name.lower()
