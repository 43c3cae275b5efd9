"""LIFECYCLE: what is deleted and may come back, how long things of a tenant stay, and legal holds. For people.

An agent cannot set or lift a hold, nor change how long things stay: all of it needs scope admin, and is in the
audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from letterlock.actions.caller import ADMIN, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import Request, find_any, restore_inbox
from letterlock.actions.pages import Paged, cursor_at, place_of
from letterlock.actions.tenancy import acting_in
from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from letterlock.ids import DEFAULT_TENANT, InboxId
from letterlock.screen.safe_text import safe_line
from letterlock.settings import Settings
from letterlock.store import audit, inboxes, retention
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.retention import MOST_DAYS, RETENTIONS, Bounds, Days, RetentionName

_Tenant = Annotated[
    str, Field(max_length=64, description="tenant it is about, for admins of the default tenant; empty: your own")
]
_Inbox = Annotated[str, Field(max_length=320, description="id or address; empty: the whole tenant")]


class RestoreInbox(Request):
    inbox: Annotated[str, Field(min_length=1, max_length=320, description="id or address")]
    tenant: _Tenant = ""


class InboxRestored(BaseModel):
    inbox_id: str
    address: str
    lost_emails: int = Field(description="erased for good by an erasure that did not come to its end")
    lost_submissions: int


class ListDeleted(Paged):
    tenant: _Tenant = ""


class DeletedInbox(BaseModel):
    inbox_id: str
    address: str
    deleted_at: datetime


class DeletedInboxes(BaseModel):
    inboxes: list[DeletedInbox]
    next_cursor: str


class SetHold(Request):
    inbox: _Inbox = ""
    reason: Annotated[str, Field(min_length=1, max_length=500, description="for people, kept in the audit log")]
    tenant: _Tenant = ""


class LiftHold(Request):
    inbox: _Inbox = ""
    tenant: _Tenant = ""


class ListHolds(Request):
    tenant: _Tenant = ""


class HoldShown(BaseModel):
    inbox_id: str = Field(description="empty: the whole tenant")
    address: str
    reason: str
    set_by: str
    since: datetime


class Holds(BaseModel):
    holds: list[HoldShown]


class GetRetention(Request):
    tenant: _Tenant = ""


_Name = Annotated[str, Field(max_length=60, description=", ".join(RETENTIONS))]


class SetRetention(Request):
    name: _Name
    days: Annotated[int | None, Field(ge=0, le=MOST_DAYS, description="0: for ever; null: as the settings say")]
    tenant: _Tenant = ""


class BoundRetention(Request):
    name: _Name
    least_days: Annotated[int | None, Field(ge=1, le=MOST_DAYS, description="null: only you set it")]
    most_days: Annotated[int | None, Field(ge=0, le=MOST_DAYS, description="0: for ever too; null: only you set it")]
    tenant: Annotated[str, Field(min_length=1, max_length=64)]


class RetentionShown(BaseModel):
    name: str
    days: int = Field(description="0: for ever")
    own: bool = Field(description="it was set for this tenant; else it is what the settings say")
    least_days: int | None = Field(description="the least that the tenant's own admins may set; null: they may not")
    most_days: int | None = Field(description="the most that they may set; 0: for ever too; null: they may not")


class Retention(BaseModel):
    retention: list[RetentionShown]


async def restore(app: App, caller: Caller, request: RestoreInbox) -> InboxRestored:
    """Bring a deleted inbox back with its mail, within 7 days. An erasure of it that was cut off is called off."""
    caller.need(ADMIN)
    back = await restore_inbox(app, await acting_in(app, caller, request.tenant), request.inbox)
    return InboxRestored(
        inbox_id=back.inbox.inbox_id,
        address=back.inbox.address,
        lost_emails=back.lost_emails,
        lost_submissions=back.lost_submissions,
    )


async def list_deleted(app: App, caller: Caller, request: ListDeleted) -> DeletedInboxes:
    """Deleted inboxes that can be restored."""
    caller.need_all(ADMIN)
    caller = await acting_in(app, caller, request.tenant)
    after = place_of(caller, "deleted", request.cursor)
    found = await app.database.read(
        caller.tenant_id, lambda tx: inboxes.deleted(tx, app.now_ms(), request.limit + 1, str(after or ""))
    )
    part = found[: request.limit]
    return DeletedInboxes(
        inboxes=[
            DeletedInbox(inbox_id=one.inbox_id, address=one.address, deleted_at=moment(one.deleted_at or 0))
            for one in part
        ],
        next_cursor=cursor_at(caller, "deleted", part[-1].inbox_id) if len(found) > request.limit else "",
    )


async def set_hold(app: App, caller: Caller, request: SetHold) -> Holds:
    """Put an inbox, or the whole tenant, on legal hold: nothing of it is removed until a person lifts that."""
    caller, inbox_id = await _held(app, caller, request)
    reason, now = safe_line(request.reason, 500), app.now_ms()

    async def write(tx: Transaction) -> None:
        if not await retention.hold(tx, inbox_id, reason, caller.agent_id, now):
            raise Conflict("It is on hold already.", next_step="`letterlock hold list` shows since when and why.")
        await audit.append(
            tx, now, caller.agent_id, "hold.set", inbox_id or caller.tenant_id, reason=reason, whole=inbox_id is None
        )

    await app.database.write(caller.tenant_id, write)
    return await _holds(app, caller)


async def lift_hold(app: App, caller: Caller, request: LiftHold) -> Holds:
    """End a legal hold: what should have gone meanwhile goes now."""
    caller, inbox_id = await _held(app, caller, request)
    now = app.now_ms()

    async def write(tx: Transaction) -> None:
        if not await retention.lift(tx, inbox_id):
            raise NotFound("There is no such hold.", next_step="`letterlock hold list` shows those there are.")
        await audit.append(
            tx, now, caller.agent_id, "hold.lifted", inbox_id or caller.tenant_id, whole=inbox_id is None
        )

    await app.database.write(caller.tenant_id, write)
    return await _holds(app, caller)


async def list_holds(app: App, caller: Caller, request: ListHolds) -> Holds:
    """Legal holds of a tenant."""
    caller.need_all(ADMIN)
    return await _holds(app, await acting_in(app, caller, request.tenant))


async def get_retention(app: App, caller: Caller, request: GetRetention) -> Retention:
    """How many days things of a tenant stay."""
    caller.need_all(ADMIN)
    caller = await acting_in(app, caller, request.tenant)

    async def look(tx: Transaction) -> tuple[Days, Mapping[RetentionName, Bounds]]:
        return await retention.of_tenant(tx), await retention.bounds(tx)

    own, bounds = await app.database.read(caller.tenant_id, look)
    usual = usual_days(app.settings)
    return Retention(
        retention=[
            RetentionShown(
                name=name,
                days=own.get(name, usual[name]),
                own=name in own,
                least_days=bounds[name].least if name in bounds else None,
                most_days=bounds[name].most if name in bounds else None,
            )
            for name in RETENTIONS
        ]
    )


async def set_retention(app: App, caller: Caller, request: SetRetention) -> Retention:
    """Set how many days things of a tenant stay. For admins of the default tenant, and for the tenant's own within the
    bounds that these have set."""
    caller.need_all(ADMIN)
    name, theirs = _retention_name(request.name), await acting_in(app, caller, request.tenant)
    wanted = usual_days(app.settings)[name] if request.days is None else request.days

    async def write(tx: Transaction) -> None:
        if caller.tenant_id != DEFAULT_TENANT:
            bounds = (await retention.bounds(tx)).get(name)
            if bounds is None:
                _need_owner(caller, f"{name}, unless they give your tenant bounds for it")
            elif not bounds.allow(wanted):
                raise InvalidRequest(
                    f"{_days(wanted).capitalize()} is not within what your tenant may choose for {name}:"
                    f" {bounds.least} {f'to {bounds.most} days' if bounds.most else 'days or more, or 0 for ever'}.",
                    next_step="Give `days` within these bounds, or ask whoever runs the server for others.",
                )
        await retention.set_for_tenant(tx, name, request.days)
        await audit.append(
            tx, app.now_ms(), caller.agent_id, "tenant.retention", theirs.tenant_id, name=name, days=request.days
        )

    await app.database.write(theirs.tenant_id, write)
    return await get_retention(app, caller, GetRetention(tenant=request.tenant))


async def bound_retention(app: App, caller: Caller, request: BoundRetention) -> Retention:
    """Let the admins of a tenant choose themselves how long things of it stay, between two numbers of days; or no
    more. What is set stays as it is. For admins of the default tenant."""
    _need_owner(caller, "what tenants may choose")
    name, theirs = _retention_name(request.name), await acting_in(app, caller, request.tenant)
    least, most = request.least_days, request.most_days
    if (least is None) != (most is None):
        raise InvalidRequest(
            "Bounds are two numbers, or none.", next_step="Give both `least_days` and `most_days`, or null for both."
        )
    bounds = Bounds(least, most) if least is not None and most is not None else None
    if bounds is not None and 0 < bounds.most < bounds.least:
        raise InvalidRequest(
            f"`least_days` {bounds.least} is more than `most_days` {bounds.most}.",
            next_step="Give the smaller number as `least_days`; 0 as `most_days` is for ever.",
        )

    async def write(tx: Transaction) -> None:
        await retention.set_bounds(tx, name, bounds)
        await audit.append(
            tx,
            app.now_ms(),
            caller.agent_id,
            "tenant.retention_bounds",
            theirs.tenant_id,
            name=name,
            least=least,
            most=most,
        )

    await app.database.write(theirs.tenant_id, write)
    return await get_retention(app, caller, GetRetention(tenant=request.tenant))


def _retention_name(given: str) -> RetentionName:
    name: RetentionName | None = next((one for one in RETENTIONS if one == given), None)
    if name is None:
        raise InvalidRequest(
            f"There is no retention '{safe_line(given, 60)}'.", next_step=f"There are: {', '.join(RETENTIONS)}."
        )
    return name


def _days(days: int) -> str:
    return f"{days} days" if days else "for ever"


def usual_days(settings: Settings) -> Days:
    """What holds where a tenant has nothing of its own."""
    return {name: getattr(settings, name) for name in RETENTIONS}


def on_hold() -> Conflict:
    """Why nothing of an inbox or a tenant may go."""
    return Conflict(
        "It is on legal hold, so nothing of it may go.",
        next_step="`letterlock hold list` shows why; a person lifts it with `letterlock hold lift`.",
    )


async def _held(app: App, caller: Caller, request: SetHold | LiftHold) -> tuple[Caller, InboxId | None]:
    """The caller in the tenant it is about, and which inbox of it."""
    caller.need_all(ADMIN)
    if not request.inbox:
        _need_owner(caller, "holds on whole tenants")
        return await acting_in(app, caller, request.tenant), None
    theirs = await acting_in(app, caller, request.tenant)
    return theirs, (await find_any(app, theirs, request.inbox)).inbox_id


def _need_owner(caller: Caller, what: str) -> None:
    caller.need_all(ADMIN)
    if caller.tenant_id != DEFAULT_TENANT:
        raise NotAllowed(
            f"Only admins of the default tenant decide on {what}.", next_step="Ask whoever runs the server."
        )


async def _holds(app: App, caller: Caller) -> Holds:
    found = await app.database.read(caller.tenant_id, retention.holds)
    return Holds(
        holds=[
            HoldShown(
                inbox_id=one.inbox_id or "",
                address=one.address,
                reason=safe_line(one.reason, 500),
                set_by=one.set_by,
                since=moment(one.at),
            )
            for one in found
        ]
    )


_READS = Hints(read_only=True, idempotent=True)
_AGAIN = Hints(idempotent=True)

LIFECYCLE: tuple[Action, ...] = (
    Action("restore_inbox", "Restore inbox", "inboxes", ADMIN, _AGAIN, RestoreInbox, InboxRestored, restore),
    Action("list_deleted", "List deleted inboxes", "inboxes", ADMIN, _READS, ListDeleted, DeletedInboxes, list_deleted),
    Action("set_hold", "Set legal hold", "inboxes", ADMIN, Hints(), SetHold, Holds, set_hold),
    Action("lift_hold", "Lift legal hold", "inboxes", ADMIN, Hints(), LiftHold, Holds, lift_hold),
    Action("list_holds", "List legal holds", "inboxes", ADMIN, _READS, ListHolds, Holds, list_holds),
    Action("get_retention", "Show retention", "inboxes", ADMIN, _READS, GetRetention, Retention, get_retention),
    Action("set_retention", "Set retention", "inboxes", ADMIN, _AGAIN, SetRetention, Retention, set_retention),
    Action(
        "bound_retention", "Let a tenant choose", "inboxes", ADMIN, _AGAIN, BoundRetention, Retention, bound_retention
    ),
)
