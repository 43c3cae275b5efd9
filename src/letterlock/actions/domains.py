"""DOMAINS: the domains of a tenant. It claims one, sets the records it is told in the DNS, and has them looked at;
whose ownership record stands there holds the domain. What others claim or hold is told to nobody.
"""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from letterlock import claims
from letterlock.actions.caller import MANAGE_DOMAINS, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.app import App
from letterlock.domains import claimable, domain_key, domain_of, mail_hosts_of, policy_of
from letterlock.errors import Conflict, InvalidRequest, LimitReached, NotFound, Unavailable
from letterlock.ids import DEFAULT_TENANT, TenantId
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, domains, inboxes
from letterlock.store.database import Transaction
from letterlock.store.domains import DkimKey, Domain
from letterlock.store.emails import moment

MOST_DOMAINS = 100
"""Of one tenant."""
_LOOKS_AT_ONCE = 2
"""Of one tenant, in one process."""
_RETRY_S = 5
_looking: Counter[TenantId] = Counter()

_Name = Annotated[str, Field(min_length=1, max_length=253, description="id or name of a domain")]


class AddDomain(Request):
    domain: Annotated[str, Field(min_length=1, max_length=253, description="such as example.com")]


class ListDomains(Request):
    pass


class OneDomain(Request):
    domain: _Name


class SetCatchAll(OneDomain):
    inbox: Annotated[str, Field(max_length=320, description="id or address; empty: no inbox gets it")] = ""


class SetMtaSts(OneDomain):
    mode: Annotated[Literal["", "off", "none", "testing", "enforce"], Field(description="empty: as the settings say")]


class DomainRecord(BaseModel):
    purpose: str
    type: str
    host: str
    value: str
    priority: int | None
    need: str = Field(description="required, recommended, optional")
    why: str
    status: Literal["unchecked", "found", "missing", "wrong", "unknown"]
    seen: list[str] = Field(description="what stands there instead, or also")
    problem: str = Field(description="what to do")


class DomainListed(BaseModel):
    domain_id: str
    domain: str = Field(description="as the DNS has it")
    state: str = Field(description="pending, verified, failing (a record is gone), lapsed (it is no longer yours)")
    catch_all: str = Field(description="inbox that gets what no other gets")
    created_at: datetime
    verified_at: datetime | None
    failing_since: datetime | None
    checked_at: datetime | None
    next_check_at: datetime | None


class DomainShown(DomainListed):
    records: list[DomainRecord]
    lapses_at: datetime | None = Field(description="unless the ownership record is there again before")
    warning: str = ""


class DomainList(BaseModel):
    domains: list[DomainListed]


class DomainRemoved(BaseModel):
    domain_id: str
    domain: str


async def add_domain(app: App, caller: Caller, request: AddDomain) -> DomainShown:
    """Claim a domain. The answer lists the records to set in its DNS; verify_domain looks at them."""
    caller.need_all(MANAGE_DOMAINS)
    name = claimable(request.domain)
    if name == domain_of(app.settings) and caller.tenant_id != DEFAULT_TENANT:
        raise Conflict(
            f"{name} is the domain of this Letterlock.", next_step="Make inboxes of it as it is, or claim one of yours."
        )
    now = app.now_ms()
    await app.database.read(caller.tenant_id, lambda tx: _check_room(tx, name))
    keys = await claims.new_keys(app, caller.tenant_id, name)

    async def add(tx: Transaction) -> Domain:
        await _check_room(tx, name)
        made = await domains.add(tx, name, secrets.token_hex(16), now)
        if made is None:
            raise _have_already(name)
        await domains.add_keys(tx, made.domain_id, keys)
        await audit.append(tx, now, caller.agent_id, "domain.added", made.domain_id, domain=name)
        return made

    return await _shown(app, await app.database.write(caller.tenant_id, add))


async def list_domains(app: App, caller: Caller, request: ListDomains) -> DomainList:
    """Your domains and how each stands."""
    caller.need_all(MANAGE_DOMAINS)

    async def look(tx: Transaction) -> list[DomainListed]:
        return [await _listed(tx, one) for one in await domains.of_tenant(tx)]

    return DomainList(domains=await app.database.read(caller.tenant_id, look))


async def get_domain(app: App, caller: Caller, request: OneDomain) -> DomainShown:
    """A domain, its records, and what the DNS said of each when it was last asked."""
    caller.need_all(MANAGE_DOMAINS)
    return await _shown(app, await app.database.read(caller.tenant_id, lambda tx: own_domain(tx, request.domain)))


async def verify_domain(app: App, caller: Caller, request: OneDomain) -> DomainShown:
    """Look at the records of a domain in the DNS now."""
    caller.need_all(MANAGE_DOMAINS)
    if app.settings.dns == "off":
        raise Unavailable(
            "The DNS is not asked here: it is switched off.", next_step="The owner of Letterlock sets dns = auto."
        )
    domain = await app.database.read(caller.tenant_id, lambda tx: own_domain(tx, request.domain))
    if _looking[caller.tenant_id] >= _LOOKS_AT_ONCE:
        raise LimitReached(
            "Other domains of yours are being looked at.", next_step="Try again in a moment.", retry_after_s=_RETRY_S
        )
    _looking[caller.tenant_id] += 1
    try:
        after = await claims.check(app, caller.tenant_id, domain.domain_id, caller.agent_id)
    finally:
        _looking[caller.tenant_id] -= 1
    if after is None:
        raise _not_found(request.domain)
    return await _shown(app, after)


async def remove_domain(app: App, caller: Caller, request: OneDomain) -> DomainRemoved:
    """Give a domain up. Its inboxes get and send nothing from now on, until it is claimed and verified again."""
    caller.need_all(MANAGE_DOMAINS)

    async def remove(tx: Transaction) -> Domain:
        domain = await own_domain(tx, request.domain)
        await domains.remove(tx, domain)
        await audit.append(tx, app.now_ms(), caller.agent_id, "domain.removed", domain.domain_id, domain=domain.name)
        return domain

    removed = await app.database.write(caller.tenant_id, remove)
    return DomainRemoved(domain_id=removed.domain_id, domain=removed.name)


async def set_catch_all(app: App, caller: Caller, request: SetCatchAll) -> DomainShown:
    """Let one inbox get what comes for addresses of a domain that have none; empty: nobody, as at first."""
    caller.need_all(MANAGE_DOMAINS)
    inbox = await own_inbox(app, caller, request.inbox) if request.inbox else None

    async def put(tx: Transaction) -> Domain:
        domain = await own_domain(tx, request.domain)
        if inbox is not None and not domain.held:
            raise Conflict(
                f"{domain.name} is {domain.state}, not verified.",
                next_step="`letterlock domain verify` tells what is missing.",
            )
        changed = replace(domain, catch_all=inbox.inbox_id if inbox else None)
        await domains.put(tx, changed)
        await audit.append(
            tx, app.now_ms(), caller.agent_id, "domain.catch_all", domain.domain_id, inbox=changed.catch_all
        )
        return changed

    return await _shown(app, await app.database.write(caller.tenant_id, put))


async def set_mta_sts(app: App, caller: Caller, request: SetMtaSts) -> DomainShown:
    """What senders are asked of the mail servers of a domain (MTA-STS): enforce has them send nothing without TLS and a
    certificate for the names in its MX records. The answer has the record that tells them to ask anew."""
    caller.need_all(MANAGE_DOMAINS)

    async def put(tx: Transaction) -> Domain:
        changed = replace(await own_domain(tx, request.domain), mta_sts=request.mode)
        await domains.put(tx, changed)
        await audit.append(
            tx, app.now_ms(), caller.agent_id, "domain.mta_sts", changed.domain_id, mode=request.mode or "default"
        )
        return changed

    return await _shown(app, await app.database.write(caller.tenant_id, put))


async def policy_at(app: App, host: str) -> str:
    """The MTA-STS policy at a host name, for whoever asks; "" where it is that of no verified domain."""
    label, _, name = host.lower().removesuffix(".").partition(".")
    if label != "mta-sts":
        return ""
    domain = await app.database.read_system(lambda tx: domains.holder(tx, name))
    return policy_of(mail_hosts_of(app.settings), claims.mode_of(app.settings, domain)) if domain else ""


async def rotate_keys(app: App, caller: Caller, request: OneDomain) -> DomainShown:
    """Make new DKIM keys beside the old ones. Each signs when the DNS shows it; the old one's record may go a week
    later."""
    caller.need_all(MANAGE_DOMAINS)
    now = app.now_ms()
    found = await app.database.read(caller.tenant_id, lambda tx: _to_rotate(tx, request.domain))
    made = await claims.new_keys(app, caller.tenant_id, found.name)

    async def rotate(tx: Transaction) -> Domain:
        domain = await _to_rotate(tx, request.domain)
        await domains.add_keys(tx, domain.domain_id, made)
        changed = replace(domain, next_check_at=now + claims.SOON_MS)
        await domains.put(tx, changed)
        await audit.append(tx, now, caller.agent_id, "domain.keys_made", domain.domain_id, domain=domain.name)
        return changed

    return await _shown(app, await app.database.write(caller.tenant_id, rotate))


async def _check_room(tx: Transaction, name: str) -> None:
    mine = await domains.of_tenant(tx)
    if any(one.name == name for one in mine):
        raise _have_already(name)
    if len(mine) >= MOST_DOMAINS:
        raise Conflict(f"There are {MOST_DOMAINS} domains already.", next_step="Remove one that is not used.")


def _have_already(name: str) -> Conflict:
    return Conflict(f"You have {name} already.", next_step="`letterlock domain show` lists its records.")


async def _to_rotate(tx: Transaction, name: str) -> Domain:
    domain = await own_domain(tx, name)
    waiting = [key.selector for key in await domains.keys(tx, domain.domain_id) if key.state == "new"]
    if waiting:
        raise Conflict(
            f"{domain.name} has new keys already that the DNS does not show yet ({', '.join(waiting)}).",
            next_step="Set their records, then `letterlock domain verify`.",
        )
    return domain


async def own_domain(tx: Transaction, name: str) -> Domain:
    """A domain of the tenant by its id or name. Raises NotFound."""
    try:
        key = name if name.startswith("dm_") else domain_key(name)
    except InvalidRequest:
        raise _not_found(name) from None
    found = await domains.find(tx, key)
    if found is None:
        raise _not_found(name)
    return found


def _not_found(name: str) -> NotFound:
    return NotFound(
        f"There is no domain '{safe_line(name, 80)}'.",
        next_step="`letterlock domain list` shows yours, `letterlock domain add` claims one.",
    )


async def _listed(tx: Transaction, domain: Domain) -> DomainListed:
    catch_all = await inboxes.find(tx, domain.catch_all) if domain.catch_all else None
    return DomainListed(
        domain_id=domain.domain_id,
        domain=domain.name,
        state=domain.state,
        catch_all=catch_all.address if catch_all else "",
        created_at=moment(domain.created_at),
        verified_at=_moment(domain.verified_at),
        failing_since=_moment(domain.failing_since),
        checked_at=_moment(domain.checked_at),
        next_check_at=_moment(domain.next_check_at),
    )


async def _shown(app: App, domain: Domain) -> DomainShown:
    async def look(tx: Transaction) -> tuple[DomainListed, list[DkimKey]]:
        return await _listed(tx, domain), await domains.keys(tx, domain.domain_id)

    listed, keys = await app.database.read(domain.tenant_id, look)
    records = claims.plan(app, domain, keys)
    lapses_at = None
    if domain.held and domain.unowned_since is not None:
        lapses_at = moment(domain.unowned_since + claims.grace_ms(app.settings))
    return DomainShown(
        **listed.model_dump(),
        records=[
            DomainRecord(
                purpose=record.purpose,
                type=record.type,
                host=record.host,
                value=record.value,
                priority=record.priority,
                need=record.need,
                why=record.why,
                status=verdict.status if verdict else "unchecked",
                seen=[safe_line(one, 300) for one in verdict.seen] if verdict else [],
                problem=safe_line(verdict.problem, 1_000) if verdict else "",
            )
            for record, verdict in zip(records, claims.verdicts_of(domain, records), strict=True)
        ],
        lapses_at=lapses_at,
        warning=_warning(app),
    )


def _warning(app: App) -> str:
    """What of the settings keeps these records from being of use, as sentences."""
    local = [host for host in mail_hosts_of(app.settings) if f".{host}".endswith(".localhost")]
    said = []
    if local:
        said.append(
            f"Nobody outside can reach {local[0]}: the owner of Letterlock sets smtp_hostname (or domain_mx) first."
        )
    if app.settings.relay_host and not app.settings.domain_spf:
        said.append("Mail leaves by a relay, which the SPF record does not name: the owner sets domain_spf.")
    return " ".join(said)


def _moment(at_ms: int | None) -> datetime | None:
    return moment(at_ms) if at_ms is not None else None


_READS = Hints(read_only=True, idempotent=True)
_ENDS = Hints(destructive=True, idempotent=True)

DOMAINS: tuple[Action, ...] = (
    Action("add_domain", "Add domain", "inboxes", MANAGE_DOMAINS, Hints(), AddDomain, DomainShown, add_domain),
    Action("list_domains", "List domains", "inboxes", MANAGE_DOMAINS, _READS, ListDomains, DomainList, list_domains),
    Action("get_domain", "Show domain", "inboxes", MANAGE_DOMAINS, _READS, OneDomain, DomainShown, get_domain),
    Action(
        "verify_domain", "Verify domain", "inboxes", MANAGE_DOMAINS, Hints(idempotent=True),
        OneDomain, DomainShown, verify_domain,
    ),
    Action(
        "remove_domain", "Remove domain", "inboxes", MANAGE_DOMAINS, _ENDS, OneDomain, DomainRemoved, remove_domain
    ),
    Action(
        "set_catch_all", "Set catch-all", "inboxes", MANAGE_DOMAINS, Hints(idempotent=True),
        SetCatchAll, DomainShown, set_catch_all,
    ),
    Action(
        "set_mta_sts", "Set MTA-STS", "inboxes", MANAGE_DOMAINS, Hints(idempotent=True),
        SetMtaSts, DomainShown, set_mta_sts,
    ),
    Action("rotate_keys", "Rotate DKIM keys", "inboxes", MANAGE_DOMAINS, Hints(), OneDomain, DomainShown, rotate_keys),
)  # fmt: skip
