"""Which mail names an address, and whether something vouches for that mail: who is known from nothing else is nobody an
agent may write to by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from letterlock.app import App
from letterlock.errors import InvalidRequest
from letterlock.ids import AgentId, EmailId
from letterlock.inbound.accept import own_keys
from letterlock.message.address import Address, parse_address
from letterlock.screen.score import Level
from letterlock.store import conduct, emails, inboxes
from letterlock.store.database import Transaction
from letterlock.store.emails import Email
from letterlock.store.inboxes import Inbox
from letterlock.store.terms import Together, query_terms

_MOST: Final = 50
"""Of the newest emails for each address; and so many are read for one submission."""


async def only_from_mail(
    tx: Transaction, agent_id: AgentId, address: Address, from_gone: Sequence[bool], beside: Collection[EmailId]
) -> bool:
    """Whether mail speaks of the address, and none of it is vouched for. `from_gone`: whether something vouched for
    each email that spoke of it and is gone; `beside`: what the function of that name found."""
    found = [email_id for email_id in await _having(tx, address) if email_id not in beside]
    mentions = await emails.by_ids(tx, found, deleted=True)
    if any(from_gone):
        return False
    # What an agent here wrote itself says of nobody that they may be written to: it may repeat what it read.
    return bool(mentions or from_gone) and not any(
        [await vouched(tx, agent_id, email) and not await _is_own(tx, email.from_address) for email in mentions]
    )


async def beside(
    app: App, agent_id: AgentId, inbox: Inbox, recipients: Iterable[Address]
) -> dict[str, frozenset[EmailId]]:
    """By the keys of recipients of whom only mail may know: emails that have all words of the address somewhere, and
    not together. Looked for before the email is kept: no transaction that writes should read so much. Emails that are
    left unread count as those that name it."""
    left, found = _MOST, dict[str, frozenset[EmailId]]()
    for address in recipients:
        if left <= 0:
            break
        named = Together(str(address))

        async def look(
            tx: Transaction, address: Address = address, named: Together = named, most: int = left
        ) -> tuple[int, frozenset[EmailId]]:
            known = await conduct.contact(tx, agent_id, address.key, inbox.inbox_id)
            if known or await _is_own(tx, str(address)):
                return 0, frozenset()
            having = (await _having(tx, address))[:most]
            return len(having), frozenset([one for one in having if not await _names(tx, one, named)])

        read, found[address.key] = await app.database.read(inbox.tenant_id, look)
        left -= read
    return found


async def vouched(tx: Transaction, agent_id: AgentId, email: Email) -> bool:
    """Whether something vouches for an email: its sender proved who they are, and the agent or a person knows them; or
    the inbox trusts them."""
    if email.level is Level.TRUSTED:
        return True
    if not email.aligned or email.level is not Level.NORMAL:
        return False
    try:
        sender = parse_address(email.from_address)
    except InvalidRequest:
        return False
    known = await conduct.contact(tx, agent_id, sender.key, email.inbox_id) != ""
    return known or await _is_own(tx, email.from_address)


async def _is_own(tx: Transaction, address: str) -> bool:
    return await inboxes.find(tx, *own_keys(address)) is not None


async def _having(tx: Transaction, address: Address) -> list[EmailId]:
    """The newest emails that have all words of the address."""
    return await tx.match_terms(None, query_terms(str(address)), 2**62, _MOST, deleted=True)


async def _names(tx: Transaction, email_id: EmailId, named: Together) -> bool:
    report = await emails.inspection(tx, email_id, deleted=True)
    if report is None:
        return True
    sender = (report.from_.name, report.from_.address) if report.from_ else ()
    files = (one.filename for one in report.attachments)
    return any(map(named.stand_in, (*sender, report.subject, *files, report.text)))
