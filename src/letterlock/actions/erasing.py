"""Erase a tenant, an inbox, or what names a person, for good and in every copy of the store, with a proof in the audit
log: counts and a hash of the ids that went, nothing of what they said.

For people at the command line. Refused under legal hold. Chunk by chunk, so that mail is accepted meanwhile; what is
cut off can be done again. What lies outside of the store (backups, exports, mail that was sent) is beyond its reach.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from letterlock.actions.caller import ADMIN, Caller
from letterlock.actions.inboxes import find_any
from letterlock.actions.lifecycle import need_no_hold
from letterlock.actions.tenancy import close_tenant
from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, NotFound
from letterlock.ids import DEFAULT_TENANT, EmailId, InboxId, SubmissionId, TenantId
from letterlock.inbound.accept import own_keys
from letterlock.message.address import parse_address
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, inboxes, outbox, retention, tenants, whole
from letterlock.store.database import Transaction
from letterlock.store.emails import unpack_raw
from letterlock.store.whole import Said

CHUNK = 50
_EMAILS_AT_ONCE = 10
_PAUSE_S = 0.02
_SCRUB_S = 10.0


@dataclass(slots=True)
class Erased:
    """How much of what went; `sha256`: of the ids of emails and submissions, a line each in the order they went;
    `audit_rows`: whose content was erased; `scrubbed`: the store's log is emptied too, else it is when its readers
    leave."""

    emails: int = 0
    submissions: int = 0
    other: int = 0
    inboxes: int = 0
    audit_rows: int = 0
    scrubbed: bool = False
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def went(self, ids: Iterable[str]) -> None:
        for one in ids:
            self._hash.update(f"{one}\n".encode())


async def erase_inbox(app: App, caller: Caller, name: str) -> Erased:
    """An inbox with all that came to it and went from it, and its address. Raises NotFound, Conflict."""
    caller.need_all(ADMIN)
    inbox = await find_any(app, caller, name)
    await need_no_hold(app, caller, inbox.inbox_id)
    done = Erased()
    (key,) = own_keys(inbox.address)[-1:] or (inbox.address.lower(),)
    await _erase_inbox(app, caller.tenant_id, inbox.inbox_id, key, done)
    await _finish(app, caller, done, "inbox.erased", inbox.inbox_id, {inbox.address.lower(), key})
    return done


async def erase_tenant(app: App, caller: Caller, name: str) -> Erased:
    """A tenant with all there is of it; its number and its audit log without content stay. It is closed first.
    `caller`: an admin of the default tenant. Raises NotFound, Conflict."""
    caller.need_all(ADMIN)
    found = await app.database.read_system(lambda tx: tenants.find_tenant(tx, name))
    if found is None or caller.tenant_id not in (DEFAULT_TENANT, found.tenant_id):
        raise NotFound(f"There is no tenant '{safe_line(name, 80)}'.", next_step="`letterlock tenant list` shows them.")
    if found.tenant_id == DEFAULT_TENANT:
        raise Conflict(
            "The default tenant is that of this data folder.",
            next_step="Erase its inboxes one by one, or stop Letterlock and delete the folder.",
        )
    tenant_id = found.tenant_id
    theirs = Caller(tenant_id, caller.agent_id, caller.scopes)
    await need_no_hold(app, theirs, None)
    await close_tenant(app, tenant_id, caller=caller)
    done = Erased()
    while some := await app.database.read(tenant_id, lambda tx: whole.inboxes_of(tx, CHUNK)):
        for inbox_id, _, key in some:
            await _erase_inbox(app, tenant_id, inbox_id, key, done)
    while keys := await app.database.read(tenant_id, lambda tx: whole.former_addresses(tx, CHUNK)):

        async def forget(tx: Transaction, keys: list[str] = keys) -> None:
            for key in keys:
                await whole.forget_address(tx, key)

        await app.database.write(tenant_id, forget)
    while gone := await app.database.write(tenant_id, lambda tx: whole.erase_rest(tx, CHUNK)):
        done.other += gone
        await asyncio.sleep(_PAUSE_S)
    app.vault.forget(tenant_id)
    await _finish(app, theirs, done, "tenant.erased", tenant_id, {""})
    return done


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
    await need_no_hold(app, caller, None)
    either = "|".join(sorted(map(re.escape, {said, address.key})))
    named = re.compile(rf"(?<![\w.+-])(?:{either})(?![\w-]|\.\w)".encode())
    done, tenant_id = Erased(), caller.tenant_id

    async def emails_gone(tx: Transaction, ids: list[str]) -> None:
        await whole.erase_emails(tx, map(EmailId, ids))

    async def submissions_gone(tx: Transaction, ids: list[str]) -> None:
        for one in ids:
            await outbox.cancel(tx, SubmissionId(one), app.now_ms())
        await outbox.remove(tx, map(SubmissionId, ids))

    done.emails = await _erase_said(app, tenant_id, named, whole.emails_said, emails_gone, done)
    done.submissions = await _erase_said(app, tenant_id, named, whole.submissions_said, submissions_gone, done)
    done.other = await app.database.write(tenant_id, lambda tx: whole.erase_named(tx, said, address.key))
    await _finish(app, caller, done, "person.erased", "", {said, address.key})
    return done


async def _erase_said(
    app: App,
    tenant_id: TenantId,
    named: re.Pattern[bytes],
    look: Callable[[Transaction, str, int], Awaitable[list[Said]]],
    gone: Callable[[Transaction, list[str]], Awaitable[None]],
    done: Erased,
) -> int:
    """Everything `look` gives that names the address; returns how many."""
    after, count = "", 0
    while found := await app.database.read(tenant_id, lambda tx: look(tx, after, _EMAILS_AT_ONCE)):  # noqa: B023
        after = found[-1].id
        raws = [await app.vault.opened(tenant_id, one.raw) if one.raw else one.plain or b"" for one in found]
        hits = await asyncio.to_thread(_naming, named, found, raws)
        if hits:

            async def erase(tx: Transaction, hits: list[str] = hits) -> None:
                await _still_free(tx, None)
                await gone(tx, hits)

            await app.database.write(tenant_id, erase)
            done.went(hits)
            count += len(hits)
        await asyncio.sleep(0)
    return count


def _naming(named: re.Pattern[bytes], found: list[Said], raws: list[bytes]) -> list[str]:
    hits = []
    for one, raw in zip(found, raws, strict=True):
        report = unpack_raw(one.report) if one.report else b""
        places = (*(text.encode("utf-8", "surrogatepass") for text in one.texts), report, raw)
        if any(named.search(place.lower()) for place in places):
            hits.append(one.id)
    return hits


async def _erase_inbox(app: App, tenant_id: TenantId, inbox_id: InboxId, key: str, done: Erased) -> None:
    now = app.now_ms()

    async def close(tx: Transaction) -> None:
        await inboxes.mark_deleted(tx, inbox_id, now)

    async def emails_gone(tx: Transaction) -> list[str]:
        await _still_free(tx, inbox_id)
        ids = await whole.emails_of(tx, inbox_id, _EMAILS_AT_ONCE)
        await whole.erase_emails(tx, ids)
        return list(ids)

    async def submissions_gone(tx: Transaction) -> list[str]:
        await _still_free(tx, inbox_id)
        ids = await whole.submissions_of(tx, inbox_id, CHUNK)
        await outbox.remove(tx, ids)
        return list(ids)

    async def remove(tx: Transaction) -> bool:
        await _still_free(tx, inbox_id)
        if not await inboxes.remove(tx, inbox_id, now, CHUNK):
            return False
        await whole.forget_address(tx, key)
        return True

    # Nothing new comes in from here on.
    await app.database.write(tenant_id, close)
    while ids := await app.database.write(tenant_id, emails_gone):
        done.went(ids)
        done.emails += len(ids)
        await asyncio.sleep(_PAUSE_S)
    while ids := await app.database.write(tenant_id, submissions_gone):
        done.went(ids)
        done.submissions += len(ids)
        await asyncio.sleep(_PAUSE_S)
    while not await app.database.write(tenant_id, remove):
        await asyncio.sleep(_PAUSE_S)
    done.inboxes += 1


async def _still_free(tx: Transaction, inbox_id: InboxId | None) -> None:
    if await retention.is_held(tx, inbox_id):
        raise Conflict("It was put on legal hold meanwhile: what had gone is gone.")


async def _finish(app: App, caller: Caller, done: Erased, action: str, subject: str, naming: set[str]) -> None:
    """The log, the search index, and what the engine's own files still hold."""
    now = app.now_ms()

    async def write(tx: Transaction) -> int:
        rows = sum([await audit.erase(tx, now, caller.agent_id, one) for one in sorted(naming)])
        await audit.append(
            tx, now, caller.agent_id, action, subject,
            emails=done.emails, submissions=done.submissions, inboxes=done.inboxes, other=done.other,
            audit_rows=rows, sha256=done.sha256,
        )  # fmt: skip
        return rows

    done.audit_rows = await app.database.write(caller.tenant_id, write)
    merged = await app.database.write_system(lambda tx: tx.merge_terms(begin=True))
    while not merged:
        await asyncio.sleep(_PAUSE_S)
        merged = await app.database.write_system(lambda tx: tx.merge_terms())
    app.database.scrub()
    end = time.monotonic() + _SCRUB_S
    while not (scrubbed := await app.database.scrubbed()) and time.monotonic() < end:
        await asyncio.sleep(_PAUSE_S)
    done.scrubbed = scrubbed
