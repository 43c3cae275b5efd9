"""What the DNS says of the domains that tenants claim, and what follows: who holds one, which keys sign, what is asked
again and when.

check() is one look at one domain, by whoever asks for it; check_forever() is the postmaster's, domain by domain under a
lease. Whose ownership record stands in the DNS holds the domain, whoever held it before. No answer changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Final

from letterlock.app import App
from letterlock.dns import Budget, Resolver, SystemResolver
from letterlock.domains import KeyRecord, Looked, Need, Record, Verdict, domain_of, look, mail_hosts_of, records_for
from letterlock.errors import StoreError, VaultLocked
from letterlock.ids import DEFAULT_TENANT, DomainId, TenantId
from letterlock.message.sign import KINDS, SigningKey, dns_record, new_key
from letterlock.settings import PolicyMode, Settings
from letterlock.store import audit, domains, inboxes
from letterlock.store.database import Transaction
from letterlock.store.domains import DkimKey, Domain, private_entry

log = logging.getLogger(__name__)

CHECK_S: Final = 15.0
"""One look at one domain ends within this."""
CHECK_QUERIES: Final = 60
RETIRE_MS: Final = 7 * 24 * 3_600_000
"""So long the DNS keeps a key that signs no more: mail it signed may still be under way."""
EVERY_S: Final = 10.0
_AT_ONCE: Final = 4
_CHUNK: Final = 50
_PAUSE_S: Final = 0.05
SOON_MS: Final = 60_000
"""When somebody may be at it right now, it is looked at again after this."""
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_LEASE_MS: Final = 120_000
_GIVEN_UP_MS: Final = 30 * _DAY_MS
"""A claim that is not proved for so long is looked at only when somebody asks."""
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_POSTMASTER: Final = "postmaster"
_TAKEN: Final = "Another ownership record stands there, too. Take it away, and have the domain looked at again."


@cache
def fresh_resolver() -> Resolver:
    """Without a cache: whoever has just set a record wants to see it."""
    return SystemResolver(cache_entries=0)


@cache
def _askers() -> ThreadPoolExecutor:
    """Threads of their own: slow name servers of strangers keep nobody else waiting."""
    return ThreadPoolExecutor(_AT_ONCE, "domains")


async def new_keys(app: App, tenant_id: TenantId, domain: str) -> list[tuple[DkimKey, bytes]]:
    """A key of each kind, which nothing is signed with before the DNS shows it, and its private key, sealed. Takes a
    while. Raises VaultLocked."""
    name, now = "".join(secrets.choice(_LETTERS) for _ in range(6)), app.now_ms()
    made = []
    for kind in KINDS:
        selector, pem = f"ll{name}-{kind}", await asyncio.to_thread(new_key, kind)
        record = dns_record(SigningKey(domain, selector, pem)).value
        sealed = await app.vault.seal(tenant_id, private_entry(domain, selector), pem)
        made.append((DkimKey(selector, kind, record, "new", now, None), sealed))
    return made


async def seal_keys(app: App) -> int:
    """Seal the private keys that an older Letterlock left in the clear; how many. Raises VaultLocked, StoreError."""
    done = 0
    while found := await app.database.read_system(lambda tx: domains.clear_keys(tx, _CHUNK)):
        for key in found:
            sealed = await app.vault.seal(key.tenant_id, key.entry, key.pem.encode())
            await app.database.write(key.tenant_id, lambda tx, k=key, s=sealed: domains.seal_key(tx, k, s))  # type: ignore[misc]
        done += len(found)
        app.database.scrub()
    return done


def _host(key: DkimKey, domain: Domain) -> str:
    return f"{key.selector}._domainkey.{domain.name}"


def grace_ms(settings: Settings) -> int:
    """How long a domain stays its tenant's without its ownership record."""
    return int(settings.domain_grace_days * _DAY_MS)


def mode_of(settings: Settings, domain: Domain) -> PolicyMode:
    """What senders are asked of the mail servers of a domain."""
    return domain.mta_sts or settings.mta_sts


def plan(app: App, domain: Domain, keys: Sequence[DkimKey]) -> tuple[Record, ...]:
    """The records to set for a domain with these keys."""
    signs = {key.kind for key in keys if key.state == "signing"}
    shown = []
    for key in keys:
        must = key.kind == "rsa" and (key.state == "signing" or (key.state == "new" and "rsa" not in signs))
        need: Need = "required" if must else "optional" if key.state == "retiring" else "recommended"
        shown.append(KeyRecord(_host(key, domain), key.record, need, key.state == "retiring"))
    settings, mode = app.settings, mode_of(app.settings, domain)
    return records_for(domain.name, domain.token, mail_hosts_of(settings), settings.domain_spf, shown, mode)


async def check(app: App, tenant_id: TenantId, domain_id: DomainId, actor: str = _POSTMASTER) -> Domain | None:
    """Look at a domain now and write down what follows; the domain as it is then, None when it was removed meanwhile.
    Raises StoreError."""

    async def read(tx: Transaction) -> tuple[Domain, list[DkimKey]] | None:
        found = await domains.find(tx, domain_id)
        return (found, await domains.keys(tx, domain_id)) if found else None

    known = await app.database.read(tenant_id, read)
    if known is None:
        return None
    domain, keys = known
    records = plan(app, domain, keys)
    budget = Budget(fresh_resolver(), CHECK_S, CHECK_QUERIES)
    loop = asyncio.get_running_loop()
    looked = await loop.run_in_executor(_askers(), look, domain.name, records, budget)
    after = await app.database.write_system(lambda tx: _follow(app, tx, domain, looked, actor))
    app.wake.hint(tenant_id)
    if after is not None and after.held and domain.name != domain_of(app.settings):
        # What others have of it is nobody's by now; done again at every look, should it once be cut off.
        while await app.database.write_system(
            lambda tx: inboxes.give_up(tx, domain.name, tenant_id, _POSTMASTER, app.now_ms(), _CHUNK)
        ):
            await asyncio.sleep(_PAUSE_S)
    return after


async def _follow(app: App, system: Transaction, asked: Domain, looked: Looked, actor: str) -> Domain | None:
    """What follows from what was seen, in one transaction. `asked`: the domain as it was when the DNS was asked."""
    now = app.now_ms()
    tx = system.bound_to(asked.tenant_id)
    before = await domains.find(tx, asked.domain_id)
    if before is None:
        return None
    holder = await domains.holder(system, before.name)
    if holder is not None and holder.tenant_id == before.tenant_id:
        holder = None
    if holder is not None and holder.token in looked.tokens and looked.owned == "found":
        looked = _contested(looked)
    if before.name == domain_of(app.settings) and before.tenant_id != DEFAULT_TENANT:
        # Its settings made it the house's after it was claimed.
        looked = _contested(looked)
    after = _after(before, looked, now, grace_ms(app.settings))
    if after.state == "verified" and holder is not None:
        theirs = system.bound_to(holder.tenant_id)
        await domains.put(theirs, replace(holder, state="lapsed", next_check_at=None))
        await audit.append(theirs, now, _POSTMASTER, "domain.lapsed", holder.domain_id, domain=holder.name)
    await domains.put(tx, after)
    await _turn_keys(tx, before, looked, now)
    if after.state != before.state:
        lacking = sorted({one.record.purpose for one in looked.lacking})
        await audit.append(tx, now, actor, f"domain.{after.state}", after.domain_id, domain=after.name, lacking=lacking)
    return after


def _contested(looked: Looked) -> Looked:
    verdicts = tuple(
        replace(one, status="wrong", problem=_TAKEN) if one.record.purpose == "ownership" else one
        for one in looked.verdicts
    )
    return replace(looked, verdicts=verdicts)


def _after(before: Domain, looked: Looked, now_ms: int, grace_ms: int) -> Domain:
    """A domain as it is after a look at it."""
    lost = looked.owned in ("missing", "wrong")
    domain = replace(
        before,
        report=written(looked.verdicts),
        checked_at=now_ms,
        unowned_since=(before.unowned_since or now_ms) if lost else before.unowned_since,
    )
    if looked.owned == "found":
        domain = replace(domain, unowned_since=None)
    if looked.complete:
        domain = replace(domain, state="verified", verified_at=before.verified_at or now_ms, failing_since=None)
    elif before.held and lost and now_ms - (domain.unowned_since or now_ms) >= grace_ms:
        domain = replace(domain, state="lapsed")
    elif before.held and looked.lacking:
        domain = replace(domain, state="failing", failing_since=before.failing_since or now_ms)
    return replace(domain, next_check_at=_next(domain, looked, now_ms))


def _next(domain: Domain, looked: Looked, now_ms: int) -> int | None:
    """When to look again: soon where somebody may be at it right now, ever more seldom where nothing comes of it."""
    if domain.state == "lapsed":
        return None
    if domain.state == "pending":
        age = now_ms - domain.created_at
        return now_ms + min(max(age // 4, SOON_MS), 6 * _HOUR_MS) if age < _GIVEN_UP_MS else None
    return now_ms + (_DAY_MS if looked.complete else _HOUR_MS)


async def _turn_keys(tx: Transaction, domain: Domain, looked: Looked, now_ms: int) -> None:
    """A key that the DNS shows signs from now on, in the place of the older of its kind; those go when it is time."""
    there = {one.record.host for one in looked.verdicts if one.record.purpose == "dkim" and one.status == "found"}
    keys = await domains.keys(tx, domain.domain_id)
    for key in keys:
        if key.state == "new" and _host(key, domain) in there:
            await domains.set_key_state(tx, domain.domain_id, key.selector, "signing")
            for older in keys:
                if older.kind == key.kind and older.state == "signing":
                    await domains.set_key_state(tx, domain.domain_id, older.selector, "retiring", now_ms + RETIRE_MS)
        elif key.state == "retiring" and (key.retire_at or 0) <= now_ms:
            await domains.drop_key(tx, domain.domain_id, key.selector)


def written(verdicts: Sequence[Verdict]) -> str:
    """What was seen, as the store keeps it."""
    return json.dumps(
        [[one.record.host, one.record.value, one.status, list(one.seen), one.problem] for one in verdicts]
    )


def verdicts_of(domain: Domain, records: Sequence[Record]) -> list[Verdict | None]:
    """What was seen last of each of `records`, None where it was not looked for yet."""
    known = {(host, value): rest for host, value, *rest in json.loads(domain.report or "[]")}
    found = [(record, known.get((record.host, record.value))) for record in records]
    return [Verdict(record, rest[0], tuple(rest[1]), rest[2]) if rest else None for record, rest in found]


async def check_forever(app: App) -> None:
    """Look again at what is due, a few at once."""
    while True:
        try:
            # A vault that is locked is told by doctor; until it opens, what lies in the clear signs as it did.
            with contextlib.suppress(VaultLocked):
                await seal_keys(app)
            if app.settings.dns != "off":
                await check_due(app)
        except StoreError as error:
            log.warning("domains wait: %s", error)
        await asyncio.sleep(EVERY_S)


async def check_due(app: App) -> int:
    """All that is due now; how many."""
    done = 0
    while found := await app.database.read_system(lambda tx: domains.due(tx, app.now_ms(), _AT_ONCE)):
        done += sum(await asyncio.gather(*(_check_leased(app, domain) for domain in found)))
    return done


async def _check_leased(app: App, domain: Domain) -> bool:
    until = app.now_ms() + _LEASE_MS
    if not await app.database.write(domain.tenant_id, lambda tx: domains.lease(tx, domain, until)):
        return False
    try:
        await check(app, domain.tenant_id, domain.domain_id)
    except StoreError:
        raise
    except Exception:
        # One domain must not keep the others waiting; it is due again when its lease is over.
        log.exception("%s could not be looked at", domain.domain_id)
    return True
