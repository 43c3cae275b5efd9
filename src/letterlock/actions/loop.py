"""around(): an email with a code is sent to oneself and waited for, step by step, for `letterlock doctor --loop`.

First within this Letterlock, from one inbox to another; then out by the server that mail leaves by and in again by
whichever way mail comes. The first step that fails ends it and says what to do. Everything has a limit in time, and
the inboxes it made are deleted however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from letterlock.actions.caller import COMMAND_LINE
from letterlock.actions.catalog import BY_NAME, perform
from letterlock.actions.deliveries import SentEmail
from letterlock.actions.doctor import Finding
from letterlock.actions.health import reception_problem
from letterlock.actions.waiting import OtpResult
from letterlock.app import App
from letterlock.domains import domain_of
from letterlock.errors import CallerError, LetterlockError
from letterlock.ids import DEFAULT_TENANT, InboxId
from letterlock.message.address import parse_address
from letterlock.message.compose import Draft, compose
from letterlock.message.sign import sign
from letterlock.outbound.direct import relay_direct
from letterlock.outbound.provider import Carrier, author_of, carrier_for, relay_by, server_of, way_by
from letterlock.outbound.relay import Outcome, relay
from letterlock.outbound.routes import Way, helo, way_to
from letterlock.outbound.signing import keys_for
from letterlock.outbound.submit import new_message_id
from letterlock.providers import provider_by_key
from letterlock.screen.safe_text import safe_line
from letterlock.store import emails, inboxes, inlets, mailboxes, postmaster
from letterlock.store.database import Transaction
from letterlock.store.inboxes import Inbox
from letterlock.store.mailboxes import Mailbox

INSIDE_S: Final = 30.0
"""For each step within this Letterlock."""
HAND_OVER_S: Final = 30.0
"""For the server that mail leaves by, from the connection to its last answer."""
_LOOK_S: Final = 0.1
_PURPOSE: Final = "letterlock doctor --loop"
_SUBJECT: Final = "Letterlock sends itself a code"
_OF_SENDER: Final = re.compile(
    r"\b(?:senders?|send\w* (?:as|from)|from (?:address|header)|5\.1\.[78]|5\.7\.60)\b", re.IGNORECASE
)
"""A refusal that is about who the email is from (RFC 3463 section 3.2; 5.7.60 is Exchange's)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked before anything leaves: from where to where, and by which server."""

    sender: str
    recipient: str
    server: str


Approve = Callable[[Question], Awaitable[bool]]


class _Ends(Exception):
    """A step failed."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what)
        self.finding = Finding(False, what, advice)


async def around(app: App, approve: Approve, *, seconds: float) -> AsyncIterator[Finding]:
    """Each step as it is done; the last one is not well when the loop is not whole. `seconds`: how long mail may take
    on its way outside. Somebody must be the postmaster of the folder."""
    made: list[str] = []
    try:
        async for finding in _steps(app, approve, seconds, made):
            yield finding
    except _Ends as end:
        yield end.finding
    except CallerError as error:
        yield Finding(False, error.what, error.next_step)
    finally:
        for inbox_id in made:
            with contextlib.suppress(LetterlockError):
                await _do("delete_inbox", app, inbox=inbox_id)


async def _steps(app: App, approve: Approve, seconds: float, made: list[str]) -> AsyncIterator[Finding]:
    silent = await app.database.read_system(lambda tx: postmaster.is_silent(tx, app.now_ms()))
    listens = app.settings.smtp_port or app.settings.lmtp_port
    # Where the owner wants no listener, mail comes by a mailbox or is handed in.
    problem = await reception_problem(app) if listens or silent else ""
    if problem:
        raise _Ends(f"reception: {problem}", "`letterlock doctor` says more.")
    one, other = [await _inbox(app, made) for _ in range(2)]
    yield Finding(True, f"inboxes: {one.address} and {other.address}, deleted when this ends")

    code, subject = _code(), f"{_SUBJECT} ({secrets.token_hex(3)})"
    sent: SentEmail = await _do(
        "send_email", app, inbox=one.inbox_id, to=[other.address], subject=subject, text=_text(code)
    )
    if sent.state != "delivered":
        raise _Ends(f"submitted: it is {sent.state}. {' '.join(sent.reasons)}".strip(), sent.next_step)
    yield Finding(True, "submitted and delivered within this Letterlock")
    async for finding in _came(app, other, code, INSIDE_S, "Look at the log of the postmaster.", arrived=True):
        yield finding

    carrier = await app.database.read(
        DEFAULT_TENANT, lambda tx: carrier_for(tx, one.inbox_id, one.address, domain_of(app.settings))
    )
    way = way_by(carrier) if carrier else way_to(app.settings, one.address, other.address)
    domain = parse_address(other.address).key.rpartition("@")[2]
    incoming = await app.database.read(DEFAULT_TENANT, lambda tx: _incoming(tx, other, domain))
    if way is None or f".{domain}".endswith(".localhost"):
        lacks = "there is no server that mail leaves by" if way is None else f"nobody outside can reach {domain}"
        advice = (
            "Set relay_host, relays or direct." if way is None else "`letterlock domain add`, `letterlock connect`."
        )
        yield Finding(True, f"outside: not tried, {lacks}", advice)
        return
    server = f"{way.route.host}:{way.route.port}" if way.route else f"the mail servers of {way.domain}"
    server = server_of(carrier) if carrier else server
    if incoming.problem:
        raise _Ends(f"mailbox: {incoming.problem}", incoming.advice or "`letterlock mailbox list` says more.")
    if not await approve(Question(one.address, other.address, server)):
        yield Finding(True, "outside: not tried, you did not approve it")
        return
    code = _code()
    handed = _hand_over(app, way, carrier, one.address, other.address, code)
    try:
        outcome = await asyncio.wait_for(handed, HAND_OVER_S)
    except TimeoutError:
        unanswered = Outcome(other.address, "deferred", "", reached=False)
        what = f"relay: {server} takes the connection and does not go on: not done within {HAND_OVER_S:.0f} s"
        raise _Ends(what, _untaken(carrier, unanswered)) from None
    if outcome.kind != "delivered":
        raise _Ends(
            f"relay: {server} did not take it ({outcome.kind}): {safe_line(outcome.reply, 200)}",
            _untaken(carrier, outcome),
        )
    yield Finding(True, f"relay: {server} took it: {safe_line(outcome.reply, 200)}")
    advice = f"It left, and did not come within {seconds:.0f} s. {incoming.where_to_look}"
    async for finding in _came(app, other, code, seconds, advice):
        yield finding
    if isinstance(carrier, Mailbox):
        yield await _from_whom(app, other, author_of(carrier) or one.address)


def _untaken(carrier: Carrier | None, outcome: Outcome) -> str:
    """What to do where the server that mail leaves by did not take an email."""
    box = carrier if isinstance(carrier, Mailbox) else None
    if not outcome.reached:
        if box is None:
            return "`letterlock doctor` looks at each relay; see docs/settings.md."
        return f"`letterlock connect {box.address}` tries again to log in there; see docs/receiving.md."
    if outcome.kind == "deferred":
        return "It may take it later: run this again in some minutes."
    if outcome.kind == "uncertain":
        return "It may have taken it all the same: look whether the email comes."
    if not _OF_SENDER.search(outcome.reply):
        return "It let us in and refuses this email: ask whoever runs it, with these words."
    if box is None:
        return "It let us in and refuses this sender: let whoever runs it allow your domain there."
    if box.write_as == "inbox":
        return f"It let us in and refuses this sender: `letterlock connect {box.address} --write-as mailbox`."
    return f"It let us in and refuses this sender: allow {box.address} there as an address to send from."


@dataclass(frozen=True, slots=True)
class _Incoming:
    """How mail from outside comes to an inbox: where one looks for an email that did not, and why none can come."""

    where_to_look: str
    problem: str = ""
    advice: str = ""


async def _incoming(tx: Transaction, inbox: Inbox, domain: str) -> _Incoming:
    box = await mailboxes.of_inbox(tx, inbox.inbox_id)
    if box is not None:
        folders = await mailboxes.folders(tx, box.mailbox_id)
        names = " and ".join(safe_line(one.folder, 80) for one in folders)
        known = provider_by_key(box.provider)
        ways = (
            f"then the mail of {domain} does not land in it: see what its catch-all says"
            if not box.inboxes.startswith(box.address.partition("@")[0])
            else f"then {known.name if known else box.host} may give it no plus-addresses, or delay it"
        )
        look = (
            f"Look with your own mail program for it in {box.address}: in another folder, where a rule of yours may put"
            f" it (watched: {names}), or as a report that it could not be delivered. When it is not there at all,"
            f" {ways}."
        )
        troubled = next((one for one in folders if one.problem), None)
        return _Incoming(look, f"{box.address}: {troubled.problem}", troubled.advice) if troubled else _Incoming(look)
    services = sorted({one.service for one in await inlets.of_tenant(tx) if one.domain == domain} - {"raw"})
    if services:
        return _Incoming(
            f"Look at what {' and '.join(services)} logged of it: what they were answered (docs/inlets.md)."
        )
    return _Incoming(
        f"Look where the MX record of {domain} leads (`letterlock domain verify`), at the service in front"
        " (docs/inlets.md), and whether the relay delays mail."
    )


async def _came(
    app: App, inbox: Inbox, code: str, seconds: float, advice: str, *, arrived: bool = False
) -> AsyncIterator[Finding]:
    """It arrives, is filed, and its code is read."""
    before = 0 if arrived else 1
    if not await _until(lambda: _count(app, inbox.inbox_id, filed=False), before + 1, seconds):
        raise _Ends("arrived: nothing came", advice)
    yield Finding(True, f"arrived in {inbox.address}")
    if not await _until(lambda: _count(app, inbox.inbox_id, filed=True), before + 1, INSIDE_S):
        raise _Ends("filed: it came, but is not read", "Many may wait, or the disk is full: `letterlock doctor`.")
    yield Finding(True, "filed")
    found: OtpResult = await _do(
        "wait_for_otp", app, inbox=inbox.inbox_id, timeout_s=5, since=0, accept_unproved=True, include_used=False
    )
    if found.code and found.code != code:
        raise _Ends(
            "code: it was changed on the way, another came than was sent",
            "Something between rewrites the text of mail: the server it leaves by, or one that passes it on.",
        )
    if found.code != code:
        seen = f"{found.status}: {found.reason}".strip(": ")
        raise _Ends(f"code: it was not read ({safe_line(seen, 200)})", found.next_step or "See `letterlock mail show`.")
    yield Finding(True, "code: read, as it was sent")


async def _from_whom(app: App, inbox: Inbox, author: str) -> Finding:
    """Providers change what stands in From, or let it be."""
    (came, *_) = await app.database.read(DEFAULT_TENANT, lambda tx: emails.listed(tx, inbox_id=inbox.inbox_id, limit=1))
    if came.from_address.lower() != author.lower():
        what = f"from: {author} was changed to {safe_line(came.from_address, 254)} on the way"
        raise _Ends(what, "Connect the mailbox again with --write-as mailbox.")
    return Finding(True, f"from: {author}, as it was sent")


async def _inbox(app: App, made: list[str]) -> Inbox:
    created = await _do("create_inbox", app, purpose=_PURPOSE, ttl_hours=1)
    made.append(created.inbox_id)
    inbox = await app.database.read(DEFAULT_TENANT, lambda tx: inboxes.find(tx, created.inbox_id))
    assert inbox is not None
    return inbox


async def _hand_over(app: App, way: Way, carrier: Carrier | None, sender: str, recipient: str, code: str) -> Outcome:
    """One email to the server mail leaves by, signed as any. Past the queue, which would keep mail for an inbox here
    in the house."""
    mine = parse_address(sender)
    draft = Draft(mine, (parse_address(recipient),), _SUBJECT, _text(code), new_message_id(mine), app.clock())
    if author := author_of(carrier):
        draft = replace(draft, mailbox=parse_address(author))
    keys = await keys_for(app, DEFAULT_TENANT, mine.key.rpartition("@")[2])
    raw = compose(draft)
    if keys:
        raw = await asyncio.to_thread(sign, raw, keys, app.now_ms() // 1000)
    if carrier is not None:
        outcome = await relay_by(app, carrier, raw, sender, recipient)
    elif way.route is not None:
        (outcome,) = await relay(raw, sender, [recipient], way.route)
    else:
        (outcome,) = await relay_direct(app, raw, sender, [recipient], way.domain, helo(app.settings))
    return outcome


async def _count(app: App, inbox_id: InboxId, *, filed: bool) -> int:
    async def count(tx: Transaction) -> int:
        return await emails.count_in(tx, inbox_id, filed=filed)

    return await app.database.read(DEFAULT_TENANT, count)


async def _until(look: Callable[[], Awaitable[int]], least: int, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while await look() < least:
                await asyncio.sleep(_LOOK_S)
            return True
    return False


def _code() -> str:
    return str(secrets.randbelow(900_000) + 100_000)


def _text(code: str) -> str:
    return f"Your verification code is {code}.\n\nletterlock doctor --loop sent this to itself.\n"


async def _do(name: str, app: App, /, **arguments: Any) -> Any:
    return await perform(app, COMMAND_LINE, BY_NAME[name], arguments)
