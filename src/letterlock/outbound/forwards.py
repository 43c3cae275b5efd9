"""forward_forever(app): what rules pass on to people, through submit() like all that leaves.

The queue is the store's: an email is forwarded once, whatever dies in between. Only an address that a person vouches
for is ever forwarded to, and never one of ours; of a quarantined email goes a notice, none of its words. What the
policy holds waits for a person, what it refuses ends the forward and is written down.
"""

from __future__ import annotations

import asyncio
import logging

from letterlock.app import App
from letterlock.errors import CallerError, StoreError
from letterlock.inbound.accept import inbox_for
from letterlock.inspection import Inspection, passed_on
from letterlock.message.address import parse_address
from letterlock.message.compose import Draft
from letterlock.message.threading import forward_draft, untagged, usable
from letterlock.outbound.submit import Answered, new_message_id, submit
from letterlock.screen.safe_text import safe_line
from letterlock.screen.score import Level
from letterlock.store import audit, conduct, emails, inboxes, routing
from letterlock.store.database import Transaction
from letterlock.store.emails import Email
from letterlock.store.inboxes import Inbox
from letterlock.store.routing import Forward
from letterlock.wake import FORWARDS

log = logging.getLogger(__name__)

_AT_ONCE = 20
_AGAIN_MS = 30_000
_MOST_ATTEMPTS = 20
_PAUSE_S = 1.0
_LOOK_S = 5.0
"""What is to be forwarded is hinted at by this very process; without a hint there are only second attempts."""


async def forward_forever(app: App) -> None:
    """Until cancelled, by one process of the data folder at a time."""
    with app.wake.watch(FORWARDS) as watch:
        while True:
            try:
                if not await forward_due(app):
                    await watch.wait(_LOOK_S)
            except StoreError as error:
                log.warning("forwarding waits: %s", error)
                await asyncio.sleep(_PAUSE_S)


async def forward_due(app: App) -> int:
    """Forward what is due, some of it; returns how many that were."""
    due = await app.database.read_system(lambda tx: routing.due_forwards(tx, app.now_ms(), _AT_ONCE))
    for forward in due:
        await _forward(app, forward)
    return len(due)


async def _forward(app: App, forward: Forward) -> None:
    # Put off first: one that ends this process is not what the next one begins with, again and again.
    again = app.now_ms() + _AGAIN_MS
    await app.database.write(forward.tenant_id, lambda tx: routing.put_off_forward(tx, forward.forward_id, again))
    try:
        ended = await _submitted(app, forward)
    except CallerError as error:
        ended = error.code
    except StoreError:
        raise
    except Exception as error:
        # Whatever is wrong with one email, the others are forwarded.
        log.error("%s cannot be forwarded: %s", forward.email_id, type(error).__name__)
        if forward.attempts < _MOST_ATTEMPTS:
            return
        ended = "failed"

    async def end(tx: Transaction) -> None:
        await routing.end_forward(tx, forward.forward_id, ended)
        await audit.append(tx, app.now_ms(), forward.rule_id, "email.forwarded", forward.email_id, ended=ended)

    await app.database.write(forward.tenant_id, end)


async def _submitted(app: App, forward: Forward) -> str:
    """The submission it became, or the code of what keeps it back. Raises what submit() raises."""

    async def load(tx: Transaction) -> tuple[Email, Inbox, Inspection, str] | None:
        email = await emails.get(tx, forward.email_id)
        inspection = await emails.inspection(tx, forward.email_id)
        inbox = await inboxes.find(tx, email.inbox_id) if email else None
        if email is None or inspection is None or inbox is None:
            return None
        return email, inbox, inspection, await conduct.contact(tx, inbox.agent_id, forward.address, inbox.inbox_id)

    found = await app.database.read(forward.tenant_id, load)
    if found is None:
        return "gone"
    email, inbox, inspection, how = found
    if how != "named":
        return "not_confirmed"
    claimed = usable((inspection.from_,) if inspection.from_ else ())
    if any(untagged(one) == untagged(parse_address(inbox.address)) for one in claimed):
        return "own_author"
    if await inbox_for(app, forward.address, forward.tenant_id):
        return "own_address"
    submitted = await submit(
        app,
        inbox.agent_id,
        inbox,
        _draft(app, forward, email, inbox, inspection),
        key=forward.forward_id,
        answered=Answered(email.email_id, email.thread_id, inspection.automatic),
        passes_on="mail",
        by_rule=True,
    )
    return submitted.submission.submission_id


def _draft(app: App, forward: Forward, email: Email, inbox: Inbox, inspection: Inspection) -> Draft:
    sender, to = parse_address(inbox.address), (parse_address(forward.address),)
    files = ", ".join(safe_line(one.filename, 120) for one in inspection.attachments)
    note = f"A rule forwards this email, which came to {inbox.address}. Its level is {email.level}."
    if inspection.screening.level is Level.QUARANTINED:
        return Draft(
            sender=sender,
            to=to,
            subject=f"A quarantined email came to {inbox.address}",
            text=f"An email that came to {inbox.address} is quarantined, so that nothing of it is sent on.\n\n"
            f"From: {email.from_address}\n"
            f"Found: {'; '.join(dict.fromkeys(one.reason for one in inspection.screening.findings))}\n\n"
            f"Look at it with: letterlock mail show {email.email_id}\n",
            message_id=new_message_id(sender),
            date=app.clock(),
            automatic="auto-generated",
        )
    return forward_draft(
        passed_on(inspection, mask_codes=True),
        sender=sender,
        to=to,
        note=f"{note} Its files stay here: {files}." if files else note,
        message_id=new_message_id(sender),
        date=app.clock(),
        automatic="auto-generated",
    )
