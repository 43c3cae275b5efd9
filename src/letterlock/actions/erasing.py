"""Erase a tenant, an inbox, or what names a person, for good and in every copy of the store, with a proof in the audit
log: counts and a hash of the ids that went, nothing of what they said.

For people at the command line. Refused under legal hold. Chunk by chunk, so that mail is accepted meanwhile; each is
counted as it goes, and what is cut off goes on when it is asked for again, or by itself (finishing.py). What lies
outside of the store (backups, exports, mail that was sent) is beyond its reach.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from letterlock.actions.caller import ADMIN, Caller
from letterlock.actions.inboxes import find_any
from letterlock.actions.lifecycle import on_hold
from letterlock.actions.naming import Named
from letterlock.actions.tenancy import close_tenant
from letterlock.app import DATABASE_FILE, App
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound, StoreError
from letterlock.ids import DEFAULT_TENANT, EmailId, InboxId, SubmissionId
from letterlock.inbound.accept import own_keys
from letterlock.message.address import parse_address
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, erasures, inboxes, outbox, retention, tenants, whole
from letterlock.store.database import Transaction
from letterlock.store.emails import expanded
from letterlock.store.erasures import Erasure, Kind
from letterlock.store.tenants import Tenant
from letterlock.store.whole import Said
from letterlock.wake import postmaster_lives

log = logging.getLogger(__name__)

T = TypeVar("T")
CHUNK = 50
_EMAILS_AT_ONCE = 10
_PAUSE_S = 0.02
_SCRUB_S = 10.0
_ALIVE_MS = erasures.QUIET_MS // 4


@dataclass(frozen=True, slots=True)
class Erased:
    """How much of what went, also before the erasure was cut off once (`resumed`); `sha256`: over the ids of emails and
    submissions in the order in which they went: of the value so far and the next id, a line end behind it, "" at first;
    `audit_rows`: whose content was erased; `scrubbed`: the store's log is emptied too, else it is when its readers
    leave; `compacted`: the store's file was written anew, else gaps in it may hold parts of what went until it is;
    `unseen`: ids of emails and submissions that stay and of which nobody could look into a file, or into anything."""

    emails: int
    submissions: int
    other: int
    inboxes: int
    sha256: str
    resumed: bool
    audit_rows: int
    scrubbed: bool
    compacted: bool
    unseen: tuple[str, ...] = ()


def show_as(kind: Kind, subject: str) -> str:
    """As the audit log may name it: an address is nothing for a log that stays."""
    return "" if kind == "person" else subject


def _over() -> Conflict:
    return Conflict(
        "The erasure is over: another process brought it to its end, or the inbox was restored, which calls one off.",
        next_step="The audit log says which, with the proof.",
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """An erasure on its way. `caller`: whose it is, in the tenant it is about."""

    app: App
    caller: Caller
    kind: Kind
    subject: str
    name: str

    async def begin(self, also: Callable[[Transaction], Awaitable[None]] | None = None) -> bool:
        """Written down before anything goes, with what `also` does. Returns whether it goes on from before. Raises
        Conflict under legal hold."""
        app, now = self.app, self.app.now_ms()

        async def write(tx: Transaction) -> bool:
            await self._need_no_hold(tx)
            fresh = await erasures.begin(tx, self.kind, self.subject, self.name, now)
            action = "erase.began" if fresh else "erase.resumed"
            await audit.append(tx, now, self.caller.agent_id, action, self._shown, what=self.kind)
            if also is not None:
                await also(tx)
            return not fresh

        return await app.database.write(self.caller.tenant_id, write)

    async def step(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """A transaction of it, when nobody has put it on hold or called it off. Raises Conflict then."""

        async def guarded(tx: Transaction) -> T:
            await self._need_no_hold(tx)
            return await work(tx)

        try:
            return await self.app.database.write(self.caller.tenant_id, guarded)
        except Conflict as held:
            raise await self._stopped(held) from None

    async def went(self, tx: Transaction, **what: Any) -> None:
        """Count what the transaction erases (erasures.went)."""
        if not await erasures.went(tx, self.kind, self.subject, self.app.now_ms(), **what):
            raise _over()

    async def alive(self) -> None:
        """Say now and then that it is on its way, while nothing goes. Raises Conflict as step() does."""
        now = self.app.now_ms()
        far = await self.app.database.read(self.caller.tenant_id, lambda tx: erasures.get(tx, self.kind, self.subject))
        if far is not None and now - far.moved_at > _ALIVE_MS:
            await self.step(lambda tx: erasures.moved(tx, self.kind, self.subject, now))

    @property
    def _shown(self) -> str:
        return show_as(self.kind, self.subject)

    async def _need_no_hold(self, tx: Transaction) -> None:
        if await retention.is_held(tx, InboxId(self.subject) if self.kind == "inbox" else None):
            raise on_hold()

    async def _stopped(self, held: Conflict) -> Conflict:
        """What went is in the audit log, and in what the caller is told."""
        now = self.app.now_ms()

        async def write(tx: Transaction) -> Erasure | None:
            far = await erasures.get(tx, self.kind, self.subject)
            if far is not None:
                await erasures.stop(tx, self.kind, self.subject, "hold")
                await audit.append(
                    tx, now, self.caller.agent_id, "erase.stopped", self._shown, why="hold", **far.counts
                )
            return far

        far = await self.app.database.write(self.caller.tenant_id, write)
        if far is None:
            return held
        return Conflict(
            f"It was put on legal hold meanwhile: {far.emails} emails and {far.submissions} submissions were erased"
            " before, the rest stays.",
            next_step="Where the hold is lifted, the same command goes on.",
        )


async def erase_inbox(app: App, caller: Caller, name: str) -> Erased:
    """An inbox with all that came to it and went from it, and its address; goes on where it was cut off. Raises
    NotFound, Conflict."""
    caller.need_all(ADMIN)
    keys = dict.fromkeys((name.strip(), *own_keys(name.strip())))

    async def begun(tx: Transaction) -> Erasure | None:
        return next(filter(None, [await erasures.find(tx, "inbox", key) for key in keys]), None)

    before = await app.database.read(caller.tenant_id, begun)
    if before is not None and caller.inbox_id in (None, before.subject):
        inbox_id, address = InboxId(before.subject), before.name
    else:
        inbox = await find_any(app, caller, name)
        inbox_id, address = inbox.inbox_id, inbox.address.lower()
    (key,) = own_keys(address)[-1:] or (address,)
    way = _Way(app, caller, "inbox", inbox_id, address)
    resumed = await way.begin(lambda tx: _close(tx, inbox_id, caller, app.now_ms()))
    app.wake.hint(inbox_id)
    await _erase_inbox(way, inbox_id, key)
    return await _finish(way, resumed, {address, key})


async def _close(tx: Transaction, inbox_id: InboxId, caller: Caller, now_ms: int) -> None:
    """Nothing new comes in from here on, and who follows events hears of it."""
    if await inboxes.mark_deleted(tx, inbox_id, now_ms):
        await audit.append(tx, now_ms, caller.agent_id, "inbox.deleted", inbox_id, why="erased")


async def erase_tenant(app: App, caller: Caller, name: str) -> Erased:
    """A tenant with all there is of it; its number and its audit log without content stay. It is closed first; goes on
    where it was cut off. `caller`: an admin of the default tenant. Raises NotFound, Conflict."""
    caller.need_all(ADMIN)

    async def find(tx: Transaction) -> Tenant | None:
        begun = await erasures.find_tenant(tx, name)
        return await tenants.find_tenant(tx, begun or name)

    found = await app.database.read_system(find)
    if found is None or caller.tenant_id not in (DEFAULT_TENANT, found.tenant_id):
        raise NotFound(f"There is no tenant '{safe_line(name, 80)}'.", next_step="`letterlock tenant list` shows them.")
    if found.tenant_id == DEFAULT_TENANT:
        raise Conflict(
            "The default tenant is that of this data folder.",
            next_step="Erase its inboxes one by one, or stop Letterlock and delete the folder.",
        )
    tenant_id = found.tenant_id
    way = _Way(app, Caller(tenant_id, caller.agent_id, caller.scopes), "tenant", tenant_id, found.name)
    resumed = await way.begin()
    await close_tenant(app, tenant_id, caller=caller)
    while some := await app.database.read(tenant_id, lambda tx: whole.inboxes_of(tx, CHUNK)):
        for inbox_id, _, key in some:
            await _erase_inbox(way, inbox_id, key)

    async def forget(tx: Transaction) -> int:
        keys = await whole.former_addresses(tx, CHUNK)
        for key in keys:
            await whole.forget_address(tx, key)
        return len(keys)

    async def rest(tx: Transaction) -> int:
        gone = await whole.erase_rest(tx, CHUNK)
        await way.went(tx, other=gone)
        return gone

    for work in (forget, rest):
        while await way.step(work):
            await asyncio.sleep(_PAUSE_S)
    app.vault.forget(tenant_id)
    return await _finish(way, resumed, {""})


async def erase_person(app: App, caller: Caller, name: str) -> Erased:
    """All that names an address: emails from it, to it or with it in them, what was sent to it, contacts, suppressions,
    lists, rules, notes. Every email of the tenant is looked into. Raises InvalidRequest, Conflict, VaultLocked."""
    caller.need_all(ADMIN)
    address = parse_address(name.strip())
    said = str(address).lower()
    if await app.database.read(caller.tenant_id, lambda tx: inboxes.find(tx, *own_keys(said))):
        raise InvalidRequest(
            f"{safe_line(said, 80)} is an inbox of this tenant.", next_step="Use `letterlock erase inbox` for it."
        )
    way = _Way(app, caller, "person", said, "")
    resumed = await way.begin()

    async def emails_gone(tx: Transaction, ids: list[str]) -> None:
        await whole.erase_emails(tx, map(EmailId, ids))
        await way.went(tx, emails=ids)

    async def submissions_gone(tx: Transaction, ids: list[str]) -> None:
        for one in ids:
            await outbox.cancel(tx, SubmissionId(one), app.now_ms())
        await outbox.remove(tx, map(SubmissionId, ids))
        await way.went(tx, submissions=ids)

    async def named_gone(tx: Transaction) -> None:
        await way.went(tx, other=await whole.erase_named(tx, said, address.key))

    named = Named(address)
    unseen = await _erase_said(way, named, whole.emails_said, emails_gone)
    unseen += await _erase_said(way, named, whole.submissions_said, submissions_gone)
    await way.step(named_gone)
    return await _finish(way, resumed, {said, address.key}, unseen)


async def _erase_said(
    way: _Way,
    named: Named,
    look: Callable[[Transaction, str, int], Awaitable[list[Said]]],
    gone: Callable[[Transaction, list[str]], Awaitable[None]],
) -> list[str]:
    """Everything `look` gives that names the address; returns the ids of what stays and could not be looked into as a
    whole."""
    after, app, tenant_id, unseen = "", way.app, way.caller.tenant_id, list[str]()
    while found := await app.database.read(tenant_id, lambda tx: look(tx, after, _EMAILS_AT_ONCE)):  # noqa: B023
        after = found[-1].id
        hits = []
        for one in found:
            raw = await app.vault.opened(tenant_id, one.raw) if one.raw else one.plain or b""
            report = expanded(one.report) if one.report else b""
            looked = await asyncio.to_thread(named.look, one.texts, report, raw)
            if looked.names:
                hits.append(one.id)
            elif looked.unseen:
                unseen.append(one.id)
        if hits:
            await way.step(lambda tx, hits=hits: gone(tx, hits))  # type: ignore[misc]
        else:
            await way.alive()
    return unseen


async def _erase_inbox(way: _Way, inbox_id: InboxId, key: str) -> None:
    now = way.app.now_ms()

    async def emails_gone(tx: Transaction) -> int:
        ids = await whole.emails_of(tx, inbox_id, _EMAILS_AT_ONCE)
        await whole.erase_emails(tx, ids)
        await way.went(tx, emails=ids)
        return len(ids)

    async def submissions_gone(tx: Transaction) -> int:
        ids = await whole.submissions_of(tx, inbox_id, CHUNK)
        await outbox.remove(tx, ids)
        await way.went(tx, submissions=ids)
        return len(ids)

    async def more_left(tx: Transaction) -> bool:
        if not await inboxes.remove(tx, inbox_id, now, CHUNK):
            return True
        await whole.forget_address(tx, key)
        await way.went(tx, inboxes=1)
        return False

    for work in (emails_gone, submissions_gone, more_left):
        while await way.step(work):
            await asyncio.sleep(_PAUSE_S)


async def _finish(way: _Way, resumed: bool, naming: set[str], unseen: Sequence[str] = ()) -> Erased:
    """The search index, the log, and what the engine's own files still hold. The proof comes when the rest is done, in
    one transaction with the end: what is cut off before goes on."""
    app, now = way.app, way.app.now_ms()
    merged = await app.database.write_system(lambda tx: tx.merge_terms(begin=True))
    while not merged:
        await way.alive()
        await asyncio.sleep(_PAUSE_S)
        merged = await app.database.write_system(lambda tx: tx.merge_terms())

    async def write(tx: Transaction) -> tuple[Erasure, int]:
        far = await erasures.get(tx, way.kind, way.subject)
        if far is None:
            raise _over()
        rows = sum([await audit.erase(tx, now, way.caller.agent_id, one) for one in sorted(naming)])
        subject = "" if way.kind == "person" else way.subject
        await audit.append(
            tx, now, way.caller.agent_id, f"{way.kind}.erased", subject,
            audit_rows=rows, unseen=len(unseen), **far.counts,
        )  # fmt: skip
        await erasures.end(tx, way.kind, way.subject)
        return far, rows

    await app.database.write_system(lambda tx: erasures.note_compaction(tx, now))
    far, rows = await app.database.write(way.caller.tenant_id, write)
    # Where nobody runs Letterlock on the folder, nobody has to wait.
    compacted = not await asyncio.to_thread(postmaster_lives, app.folder) and await _compacted(app)
    scrubbed = await _scrubbed(app)
    return Erased(
        far.emails, far.submissions, far.other, far.inboxes, far.sha256, resumed, rows, scrubbed, compacted,
        tuple(unseen),
    )  # fmt: skip


async def _compacted(app: App) -> bool:
    try:
        await app.database.compact()
    except StoreError as error:
        # What was erased is erased; that this is still to be done is noted, and told.
        log.warning("the mail store was not compacted: %s", error)
        return False
    return True


async def _scrubbed(app: App) -> bool:
    app.database.scrub()
    end = time.monotonic() + _SCRUB_S
    while not (scrubbed := await app.database.scrubbed()) and time.monotonic() < end:
        await asyncio.sleep(_PAUSE_S)
    return scrubbed


@dataclass(frozen=True, slots=True)
class Compacted:
    """Bytes of the store's file; `scrubbed`: as of Erased."""

    before: int
    after: int
    scrubbed: bool


async def compact(app: App, caller: Caller) -> Compacted:
    """Write the store's file anew: no byte of what was removed is left in it. Nothing can be written meanwhile. For
    whoever runs the server. Raises StoreFull, StoreBusy."""
    caller.need_all(ADMIN)
    if caller.tenant_id != DEFAULT_TENANT:
        raise NotAllowed("Only admins of the default tenant compact the store.")
    file, now = app.folder / DATABASE_FILE, app.now_ms()
    before = await asyncio.to_thread(lambda: file.stat().st_size)
    await app.database.compact()
    await app.database.write(
        caller.tenant_id, lambda tx: audit.append(tx, now, caller.agent_id, "store.compacted", "", bytes=before)
    )
    scrubbed = await _scrubbed(app)
    return Compacted(before, await asyncio.to_thread(lambda: file.stat().st_size), scrubbed)
