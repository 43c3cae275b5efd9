"""Mail of inboxes on a connected mailbox leaves by that mailbox's own provider, logged in as its owner.

Most providers let their users write as the mailbox only, so that its address is the envelope sender and stands in From,
and the inbox in Reply-To; where the owner says so (`write_as`) the inbox is both. Bounces come to the mailbox, where
mailbox.py finds them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from letterlock.app import App
from letterlock.ids import InboxId
from letterlock.logins import Trouble, login_of
from letterlock.outbound.relay import Connections, Outcome, Route, one_line, relay
from letterlock.outbound.routes import MAILBOX, MAILBOX_CONNECTIONS, Way, helo
from letterlock.store import mailboxes
from letterlock.store.database import Transaction
from letterlock.store.mailboxes import Mailbox

_LOGIN_REFUSED: Final = ("535", "534", "334")


async def mailbox_for(tx: Transaction, inbox_id: InboxId) -> Mailbox | None:
    """The mailbox that mail of an inbox leaves by; None: it leaves as any other."""
    found = await mailboxes.of_inbox(tx, inbox_id)
    return found if found is not None and found.smtp_host else None


def author_of(mailbox: Mailbox | None) -> str:
    """The address that stands in From in the place of the inbox; "" for none."""
    return mailbox.address if mailbox is not None and mailbox.write_as == "mailbox" else ""


def way_by(mailbox: Mailbox) -> Way:
    return Way(f"{MAILBOX}{mailbox.mailbox_id}", MAILBOX_CONNECTIONS, None)


async def relay_by(
    app: App,
    mailbox: Mailbox,
    raw: bytes,
    sender: str,
    recipient: str,
    handing_over: Callable[[Sequence[str]], Awaitable[bool]] | None = None,
    connections: Connections | None = None,
    envelope_id: str = "",
) -> Outcome:
    """As relay(), for one recipient; `sender`: the inbox. An access token that is refused is fetched anew, once."""
    as_whom = author_of(mailbox) or sender
    for fresh in (False, True):
        try:
            login = await login_of(app, mailbox, fresh=fresh)
        except Trouble as trouble:
            return Outcome(recipient, "deferred", one_line(f"{trouble.what} {trouble.advice}"), reached=False)
        route = Route(
            mailbox.smtp_host,
            mailbox.smtp_port,
            mailbox.smtp_security,
            helo(app.settings),
            login.username,
            login.secret,
            oauth=login.oauth,
            pin=mailbox.pin,
        )
        (outcome,) = await relay(raw, as_whom, [recipient], route, handing_over, connections, envelope_id)
        if outcome.reached or not login.oauth or not outcome.reply.startswith(_LOGIN_REFUSED):
            break
    return outcome
