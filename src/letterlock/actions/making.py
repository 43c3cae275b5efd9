"""Where a new inbox gets its address; and inboxes without a name: those that a tenant's callers ask for at once are
made in one transaction, each durable when it is answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from letterlock.actions.limits import count_some
from letterlock.app import App
from letterlock.domains import domain_key, domain_of
from letterlock.errors import CallerError, Conflict, InvalidRequest
from letterlock.ids import AgentId, InboxId, TenantId, new_id
from letterlock.inbound.accept import own_keys
from letterlock.message.address import Address, shown
from letterlock.message.names import random_local_part
from letterlock.store import audit, domains, inboxes, mailboxes, pool
from letterlock.store.database import Transaction
from letterlock.store.inboxes import Inbox
from letterlock.store.mailboxes import Mailbox

RANDOM_TRIES = 3
_AT_ONCE = 32
"""In one transaction: a few milliseconds of the writer."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where an inbox is wanted. `asked`: the domain or address as it was given; `house`: the domain is that of the
    settings, which all tenants share."""

    asked: str
    domain: str
    house: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """An inbox without a name, as somebody asks for it."""

    agent_id: AgentId
    site: Site
    purpose: str
    expires_at: int | None


def site_of(app: App, asked: str) -> Site:
    """Raises InvalidRequest for what is no domain."""
    shared = domain_of(app.settings)
    if asked != asked.strip():
        raise InvalidRequest(
            f"The domain {shown(asked)} has white space before or after it.", next_step="Remove the white space."
        )
    # A mailbox elsewhere may be named by its whole address.
    domain = asked.rpartition("@")[2]
    wanted = domain_key(domain) if domain else shared
    return Site(asked, app.settings.domain, True) if wanted == shared else Site(asked, wanted, False)


async def wanted_mailbox(tx: Transaction, site: Site) -> Mailbox | None:
    """The mailbox elsewhere that a new inbox gets its mail from: the one whose address or domain was asked for (of
    several, that which gets all mail of the domain); where nothing was, and nobody outside can reach the domain, the
    first that can have inboxes."""
    asked, domain = site.asked, site.domain
    found = [one for one in await mailboxes.of_tenant(tx) if one.inboxes]
    if not asked:
        return next(iter(found), None) if f".{domain}".endswith(".localhost") else None
    by_address = next((one for one in found if one.address.lower() == asked.lower()), None)
    if "@" in asked and by_address is None:
        raise InvalidRequest(
            f"{shown(asked)} is an address, and no mailbox of yours elsewhere has it.",
            next_step="Give the domain alone, or leave it out.",
        )
    held = await domains.find(tx, domain)
    if held is not None and held.held:
        return None
    alike = [one for one in found if one.inboxes.rpartition("@")[2] == domain]
    caught = [one for one in alike if one.inboxes == mailboxes.catch_all_of(domain)]
    return by_address or next(iter([*caught, *alike]), None)


async def need_domain(app: App, tx: Transaction, domain: str) -> None:
    """Raises InvalidRequest unless the tenant holds it."""
    found = await domains.find(tx, domain)
    if found is None or not found.held:
        mine = ", ".join(one.name for one in await domains.of_tenant(tx) if one.held)
        what = f"{domain} is {found.state}, not verified" if found else f"{domain} is not a domain of yours"
        also = f" or one of {mine}" if mine else ""
        raise InvalidRequest(f"{what}.", next_step=f"Leave domain out to use {app.settings.domain}{also}.")


async def make_unnamed(app: App, tenant_id: TenantId, wish: Wish) -> Inbox | None:
    """With an address of the pool, or a random one. None where inboxes get their mail from a mailbox elsewhere, whose
    addresses are another matter. Raises InvalidRequest, LimitReached, Conflict."""

    async def make(wishes: Sequence[Wish]) -> Sequence[Inbox | CallerError | None]:
        return await app.database.write(tenant_id, lambda tx: _make_all(app, tx, tenant_id, wishes))

    made = await app.together.ask(("inboxes", tenant_id), wish, make, _AT_ONCE)
    if isinstance(made, CallerError):
        raise made
    return made


async def _make_all(
    app: App, tx: Transaction, tenant_id: TenantId, wishes: Sequence[Wish]
) -> list[Inbox | CallerError | None]:
    """For each wish its inbox, why it has none, or None. What is wrong with one spoils no other."""
    now = app.now_ms()
    given: list[Inbox | CallerError | None] = [None] * len(wishes)
    open_wishes = list[int]()
    for site in dict.fromkeys(wish.site for wish in wishes):
        here = [n for n, wish in enumerate(wishes) if wish.site == site]
        try:
            if await wanted_mailbox(tx, site) is None:
                if not site.house:
                    await need_domain(app, tx, site.domain)
                open_wishes += here
        except InvalidRequest as error:
            for n in here:
                given[n] = error
    if not open_wishes:
        return given
    counted, reached = await count_some(app, tx, "inboxes_per_hour", len(open_wishes))
    for n in open_wishes[counted:]:
        given[n] = reached
    open_wishes = open_wishes[:counted]
    for site in dict.fromkeys(wishes[n].site for n in open_wishes):
        here = [n for n in open_wishes if wishes[n].site == site]
        key = domain_key(site.domain)
        leased = await pool.lease(tx, key, now, len(here)) if app.settings.pool_size else []
        for n in here:
            made = await _make(tx, tenant_id, wishes[n], leased.pop() if leased else None, now)
            given[n] = made or Conflict(f"'{site.domain}' cannot be had.", next_step="Ask for a name.")
    if created := [one for one in given if isinstance(one, Inbox)]:
        await audit.append_all(tx, now, "inbox.created", [(one.agent_id, one.inbox_id, {}) for one in created])
    return given


async def _make(
    tx: Transaction, tenant_id: TenantId, wish: Wish, leased: tuple[str, str] | None, now_ms: int
) -> Inbox | None:
    def inbox(address: str) -> Inbox:
        return Inbox(
            tenant_id,
            InboxId(new_id("ib")),
            wish.agent_id,
            address,
            wish.purpose,
            0,
            now_ms,
            wish.expires_at,
            None,
        )

    if leased is not None:
        made = inbox(leased[0])
        if await inboxes.add_leased(tx, made, leased[1]):
            return made
    for _ in range(RANDOM_TRIES):
        made = inbox(str(Address(random_local_part(), wish.site.domain)))
        if await inboxes.add(tx, made, own_keys(made.address), owned=not wish.site.house):
            return made
    return None
