"""LISTS: whose mail is taken and who is written to, for an inbox, an agent or the whole tenant. For people only.

What is trusted for one inbox is what `letterlock inbox allow` sets, and whom agents may write to are the contacts:
here they are said, shown and ended with the rest.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from letterlock.actions.caller import ADMIN, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.actions.pages import Paged, cursor_at, page, place_of
from letterlock.actions.people import allow_senders, contact_key, owned_domain
from letterlock.actions.tenancy import own_agent
from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, NotFound
from letterlock.ids import AgentId
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, conduct, inboxes, lists
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.lists import EVERYBODY, Entry, Kind, Side
from letterlock.wake import UNFILED

MOST_ENTRIES = 10_000
"""Of one tenant."""


class ChangeList(Request):
    side: Annotated[Side, Field(description="from: senders; to: recipients")]
    kind: Kind
    name: Annotated[str, Field(min_length=1, max_length=320, description="address, or @domain")]
    inbox: Annotated[str, Field(max_length=320, description="for this inbox only: id or address")] = ""
    agent: Annotated[str, Field(max_length=64, description="for this agent only: id or name")] = ""


class ListEntry(BaseModel):
    side: str
    kind: str
    name: str
    whose: str = Field(description="an inbox, an agent, or * for the tenant")


class ListLists(Paged):
    pass


class ListPage(BaseModel):
    entries: list[ListEntry]
    next_cursor: str


class ListBlocked(Paged):
    pass


class BlockedShown(BaseModel):
    email_id: str
    inbox_id: str
    sender: str = Field(description="as it claims")
    name: str = Field(description="the entry that keeps it away")
    at: datetime


class BlockedList(BaseModel):
    blocked: list[BlockedShown]
    next_cursor: str


class ReleaseBlocked(Request):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]


class Released(BaseModel):
    email_id: str


async def add_to_list(app: App, caller: Caller, request: ChangeList) -> ListEntry:
    """Block a sender (their mail is put away unseen) or a recipient (nothing is sent there); or allow them: mail that
    provably comes from a domain stands one level higher, and agents may write to a recipient."""
    caller.need_all(ADMIN)
    entry = await _entry(app, caller, request)
    if _trusted_by_inbox(entry):
        await allow_senders(app, entry.whose, [entry.name], caller=caller)
        return _shown(entry)

    async def add(tx: Transaction) -> None:
        if entry.side == "to" and entry.kind == "allow":
            await conduct.remove_named(tx, AgentId(entry.whose), entry.name)
            await conduct.add_contacts(tx, AgentId(entry.whose), [entry.name], "named", entry.at)
        else:
            if await lists.count(tx) >= MOST_ENTRIES:
                raise Conflict(f"There are {MOST_ENTRIES} entries already.", next_step="Remove those not needed.")
            await lists.add(tx, entry)
        await _note(tx, caller, "list.added", entry)

    await app.database.write(caller.tenant_id, add)
    return _shown(entry)


async def remove_from_list(app: App, caller: Caller, request: ChangeList) -> ListEntry:
    """End what add_to_list said, for the same inbox, agent or tenant."""
    caller.need_all(ADMIN)
    entry = await _entry(app, caller, request)

    async def remove(tx: Transaction) -> None:
        if _trusted_by_inbox(entry):
            inbox = await inboxes.find(tx, entry.whose)
            before = await inboxes.allowed(tx, inbox.inbox_id) if inbox else ()
            gone = entry.name.removeprefix("@") in before
            if inbox and gone:
                kept = [name for name in before if name != entry.name.removeprefix("@")]
                await inboxes.set_allowed(tx, inbox.inbox_id, kept)
        elif entry.side == "to" and entry.kind == "allow":
            gone = bool(await conduct.remove_named(tx, AgentId(entry.whose), entry.name))
        else:
            gone = await lists.remove(tx, entry)
        if not gone:
            raise NotFound(f"{entry.name} is not on that list.", next_step="`letterlock list show` shows what is.")
        await _note(tx, caller, "list.removed", entry)

    await app.database.write(caller.tenant_id, remove)
    return _shown(entry)


async def list_lists(app: App, caller: Caller, request: ListLists) -> ListPage:
    """All that is allowed and blocked in your tenant."""
    caller.need_all(ADMIN)

    async def load(tx: Transaction) -> list[Entry]:
        named = [
            Entry("to", "allow", one.agent_id, one.address_key, one.at) for one in await conduct.named_contacts(tx)
        ]
        trusted = [
            Entry("from", "allow", inbox_id, f"@{name}", 0)
            for inbox_id, names in await inboxes.all_allowed(tx)
            for name in names
        ]
        return [*await lists.entries(tx), *named, *trusted]

    found = await app.database.read(caller.tenant_id, load)
    shown, more = page(caller, "lists", found, _key, request)
    return ListPage(entries=[_shown(one) for one in shown], next_cursor=more)


async def list_blocked(app: App, caller: Caller, request: ListBlocked) -> BlockedList:
    """Mail of blocked senders that was put away, oldest first; after 30 days it goes for good."""
    caller.need_all(ADMIN)
    after = place_of(caller, "blocked", request.cursor)
    found = await app.database.read(
        caller.tenant_id, lambda tx: lists.put_away_ones(tx, str(after or ""), request.limit + 1)
    )
    shown = found[: request.limit]
    return BlockedList(
        blocked=[
            BlockedShown(
                email_id=one.email_id,
                inbox_id=one.inbox_id,
                sender=safe_line(one.sender, 254),
                name=one.name,
                at=moment(one.at),
            )
            for one in shown
        ],
        next_cursor=cursor_at(caller, "blocked", shown[-1].email_id) if len(found) > request.limit else "",
    )


async def release_blocked(app: App, caller: Caller, request: ReleaseBlocked) -> Released:
    """Have an email that was put away filed like any other. Its sender stays blocked."""
    caller.need_all(ADMIN)
    now = app.now_ms()

    async def release(tx: Transaction) -> None:
        if not await lists.release(tx, request.email_id, now):
            raise NotFound(
                f"Email '{safe_line(request.email_id, 64)}' is not put away.", next_step="`letterlock list blocked`."
            )
        await audit.append(tx, now, caller.agent_id, "email.released", request.email_id)

    await app.database.write(caller.tenant_id, release)
    app.wake.hint(UNFILED)
    return Released(email_id=request.email_id)


async def _entry(app: App, caller: Caller, request: ChangeList) -> Entry:
    """Raises NotFound, InvalidRequest."""
    if request.inbox and request.agent:
        raise InvalidRequest("Both an inbox and an agent are named.", next_step="Leave one of them out.")
    name = contact_key(request.name)
    if request.kind == "allow":
        if request.side == "from" and not name.startswith("@"):
            raise InvalidRequest(
                f"{safe_line(name, 100)} is an address; only of a domain can be proved that mail is from it.",
                next_step=f"Allow @{name.rpartition('@')[2]}, if all who write from there are trusted.",
            )
        if name.startswith("@"):
            owned_domain(name)
    whose = EVERYBODY
    if request.inbox:
        whose = (await own_inbox(app, caller, request.inbox)).inbox_id
    elif request.agent:
        whose = (await own_agent(app, caller, request.agent)).agent_id
    return Entry(request.side, request.kind, whose, name, app.now_ms())


def _trusted_by_inbox(entry: Entry) -> bool:
    return entry.side == "from" and entry.kind == "allow" and entry.whose.startswith("ib_")


async def _note(tx: Transaction, caller: Caller, action: str, entry: Entry) -> None:
    await audit.append(
        tx, entry.at, caller.agent_id, action, entry.name, side=entry.side, kind=entry.kind, whose=entry.whose
    )


def _key(entry: Entry) -> str:
    return f"{entry.side} {entry.kind} {entry.name} {entry.whose}"


def _shown(entry: Entry) -> ListEntry:
    return ListEntry(side=entry.side, kind=entry.kind, name=entry.name, whose=entry.whose)


_READS = Hints(read_only=True, idempotent=True)
_AGAIN = Hints(idempotent=True)

LISTS: tuple[Action, ...] = (
    Action("add_to_list", "Allow or block", "sending", ADMIN, _AGAIN, ChangeList, ListEntry, add_to_list),
    Action("remove_from_list", "End allow or block", "sending", ADMIN, _AGAIN, ChangeList, ListEntry, remove_from_list),
    Action("list_lists", "List allowed and blocked", "sending", ADMIN, _READS, ListLists, ListPage, list_lists),
    Action("list_blocked", "List mail put away", "reading", ADMIN, _READS, ListBlocked, BlockedList, list_blocked),
    Action("release_blocked", "Release mail", "reading", ADMIN, Hints(), ReleaseBlocked, Released, release_blocked),
)  # fmt: skip
