"""WEBHOOKS: where a tenant's events are sent, for its admins. The events are those of following.py, and so is their
order: a webhook is a place in it that Letterlock itself keeps, and moves when the endpoint has answered.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from letterlock.actions.caller import ADMIN, APPROVE, READ, SEND, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.dialects import DIALECTS, DialectName
from letterlock.actions.following import EVENTS, EmailEvent, Event, Place, events_behind, place_to_start
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, NotFound
from letterlock.ids import OWNER, EmailId, TenantId, WebhookId, new_id
from letterlock.outbound.outside import BadHost
from letterlock.outbound.webhooks import MAX_URL, Notice, new_secret, post, read_url, secrets_of
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, emails, webhooks
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.webhooks import Webhook

MOST_WEBHOOKS = 20
"""Of one tenant."""
_HOUR_MS = 3_600_000

_Id = Annotated[str, Field(min_length=1, max_length=64, description="id of a webhook")]


class AddWebhook(Request):
    url: Annotated[str, Field(min_length=1, max_length=MAX_URL, description="https address that takes the events")]
    events: list[str] = Field(default_factory=list, max_length=50, description="kinds of events; none: all")
    inbox: Annotated[str | None, Field(min_length=1, max_length=320, description="one inbox only")] = None
    dialect: Annotated[
        DialectName, Field(description="the service whose wording, event names and signature are used; empty: ours")
    ] = ""


class WebhookShown(BaseModel):
    webhook_id: str
    url: str
    events: list[str] = Field(description="empty: all")
    inbox_id: str = Field(description="empty: all inboxes")
    dialect: str
    state: str = Field(description="working, failing (it is tried again), or ended (it is not, until replay_webhook)")
    failures: int = Field(description="tries in a row that failed")
    last_answer: str
    place: str = Field(description="id of the last event it took")
    created_at: datetime
    failing_since: datetime | None
    next_try_at: datetime | None
    ended_at: datetime | None
    secret_before_until: datetime | None = Field(description="until then the secret of before its rotation signs too")


class WebhookAdded(WebhookShown):
    secret: str = Field(description="to check signatures with; shown this once")


class ListWebhooks(Request):
    pass


class WebhookList(BaseModel):
    webhooks: list[WebhookShown]


class OneWebhook(Request):
    webhook_id: _Id


class WebhookRemoved(BaseModel):
    webhook_id: str


class WebhookTested(BaseModel):
    webhook_id: str
    took: bool = Field(description="it answered with a 2xx")
    answer: str


class RotateWebhook(Request):
    webhook_id: _Id
    grace_hours: Annotated[
        float, Field(ge=0, le=168, description="so long the old secret signs too; 0: not any more, nor any before it")
    ] = 24


class ReplayWebhook(Request):
    webhook_id: _Id
    after: Annotated[
        str, Field(max_length=40, description="`place` of an event, to go on behind it; empty: where it stands")
    ] = ""


async def add_webhook(app: App, caller: Caller, request: AddWebhook) -> WebhookAdded:
    """Have the events from now on sent to an https address, signed with a secret that is shown this once."""
    caller.need_all(ADMIN)
    try:
        read_url(request.url, app.settings)
    except BadHost as error:
        raise InvalidRequest(f"Webhooks do not go there: {error}.", next_step="Give another `url`.") from None
    known = DIALECTS[request.dialect].events if request.dialect else set(EVENTS)
    if unknown := sorted(set(request.events) - known):
        raise InvalidRequest(
            f"There is no event '{safe_line(unknown[0], 40)}'.", next_step=f"There are: {', '.join(sorted(known))}."
        )
    inbox_id = (await own_inbox(app, caller, request.inbox)).inbox_id if request.inbox else None
    place = await place_to_start(app, _as_owner(caller.tenant_id), "")
    webhook_id, secret, now = WebhookId(new_id("wh")), new_secret(), app.now_ms()
    sealed = await app.vault.seal(caller.tenant_id, webhook_id, secret.encode())

    async def add(tx: Transaction) -> Webhook:
        made = await webhooks.add(
            tx,
            webhook_id,
            request.url,
            sealed,
            frozenset(request.events),
            inbox_id,
            (place.filed, place.noted),
            now,
            MOST_WEBHOOKS,
            request.dialect,
        )
        if made is None:
            raise Conflict(f"There are {MOST_WEBHOOKS} webhooks already.", next_step="Remove one that is not used.")
        await audit.append(tx, now, caller.agent_id, "webhook.added", made.webhook_id)
        return made

    made = await app.database.write(caller.tenant_id, add)
    return WebhookAdded(**_shown(made).model_dump(), secret=secret)


async def list_webhooks(app: App, caller: Caller, request: ListWebhooks) -> WebhookList:
    """The webhooks of the tenant and how each stands."""
    caller.need_all(ADMIN)
    found = await app.database.read(caller.tenant_id, webhooks.of_tenant)
    return WebhookList(webhooks=[_shown(one) for one in found])


async def get_webhook(app: App, caller: Caller, request: OneWebhook) -> WebhookShown:
    """How a webhook stands."""
    return _shown(await _own(app, caller, request.webhook_id))


async def remove_webhook(app: App, caller: Caller, request: OneWebhook) -> WebhookRemoved:
    """End a webhook for good."""
    caller.need_all(ADMIN)

    async def remove(tx: Transaction) -> None:
        if not await webhooks.remove(tx, request.webhook_id):
            raise _no_webhook(request.webhook_id)
        await audit.append(tx, app.now_ms(), caller.agent_id, "webhook.removed", request.webhook_id)

    await app.database.write(caller.tenant_id, remove)
    return WebhookRemoved(webhook_id=request.webhook_id)


async def test_webhook(app: App, caller: Caller, request: OneWebhook) -> WebhookTested:
    """Send an event of the kind webhook.test, once, and say what was answered. Changes nothing."""
    webhook = await _own(app, caller, request.webhook_id)
    event_id, now = new_id("evt"), moment(app.now_ms())
    body = _body("webhook.test", event_id, "", {"webhook_id": webhook.webhook_id}, now)
    header = ""
    if webhook.dialect:
        header = DIALECTS[webhook.dialect].header
        told = {"event": "webhook.test", "timestamp": now.isoformat(), "data": {"webhookId": webhook.webhook_id}}
        body = json.dumps(told, separators=(",", ":")).encode()
    answer = await post(app.settings, webhook.url, await secrets_of(app, webhook), event_id, body, header=header)
    return WebhookTested(webhook_id=webhook.webhook_id, took=answer.took, answer=answer.what)


async def replay_webhook(app: App, caller: Caller, request: ReplayWebhook) -> WebhookShown:
    """Send the events behind a place again, or go on after the end where it stands. Each keeps its id."""
    caller.need_all(ADMIN)
    place = await place_to_start(app, _as_owner(caller.tenant_id), request.after) if request.after else None

    async def replay(tx: Transaction) -> Webhook | None:
        at = (place.filed, place.noted) if place else None
        if not await webhooks.replay(tx, request.webhook_id, at):
            raise _no_webhook(request.webhook_id)
        await audit.append(tx, app.now_ms(), caller.agent_id, "webhook.replayed", request.webhook_id)
        return await webhooks.get(tx, request.webhook_id)

    webhook = await app.database.write(caller.tenant_id, replay)
    assert webhook is not None
    return _shown(webhook)


async def rotate_webhook(app: App, caller: Caller, request: RotateWebhook) -> WebhookAdded:
    """Sign with a new secret, which is shown this once, and for some hours with the old one too."""
    webhook, now = await _own(app, caller, request.webhook_id), app.now_ms()
    secret, until, old = new_secret(), now + round(request.grace_hours * _HOUR_MS), None
    if until > now:
        # Opened first: one that cannot be opened would keep everything from being signed.
        old = await app.vault.seal(caller.tenant_id, webhook.webhook_id, (await secrets_of(app, webhook))[0].encode())
    sealed = await app.vault.seal(caller.tenant_id, webhook.webhook_id, secret.encode())

    async def rotate(tx: Transaction) -> Webhook:
        done = await webhooks.rotate(tx, webhook.webhook_id, sealed, old, until, now)
        made = await webhooks.get(tx, webhook.webhook_id)
        if made is None:
            raise _no_webhook(request.webhook_id)
        if not done:
            assert made.before_until is not None
            raise Conflict(
                f"{made.webhook_id} was rotated already: the secret of before signs until"
                f" {moment(made.before_until):%Y-%m-%d %H:%M} UTC.",
                next_step="Rotate it then, or with `grace_hours` 0: only the new secret signs from then on.",
            )
        await audit.append(tx, now, caller.agent_id, "webhook.rotated", made.webhook_id, until=made.before_until)
        return made

    made = await app.database.write(caller.tenant_id, rotate)
    return WebhookAdded(**_shown(made).model_dump(), secret=secret)


async def notices(app: App, webhook: Webhook) -> tuple[list[Notice], tuple[int, int], bool]:
    """What a webhook is to be told next (outbound.webhooks.Notices)."""
    caller = _as_owner(webhook.tenant_id, webhook)
    events, place, more = await events_behind(app, caller, Place(webhook.filed, webhook.noted))
    if webhook.dialect:
        wanted = await _in_dialect(app, webhook, events)
    else:
        wanted = [_notice(webhook.tenant_id, one) for one in events if not webhook.events or one.kind in webhook.events]
    return wanted, (place.filed, place.noted), more


async def _in_dialect(app: App, webhook: Webhook, events: list[Event]) -> list[Notice]:
    dialect = DIALECTS[webhook.dialect]
    named = [(names, event) for event in events if (names := dialect.told(event, webhook.events))]
    ids = [EmailId(event.data.email_id) for _, event in named if isinstance(event.data, EmailEvent)]
    found = await app.database.read(webhook.tenant_id, lambda tx: emails.by_ids(tx, ids)) if ids else []
    by_id = {str(email.email_id): email for email in found}
    notices, before = [], (webhook.filed, webhook.noted)
    for names, event in named:
        place = (event.place.filed, event.place.noted)
        for n, name in enumerate(names):
            notices.append(
                Notice(
                    _event_id(webhook.tenant_id, event, f" {name}" if n else ""),
                    name,
                    # An event is behind a webhook that took all its names.
                    place if n == len(names) - 1 else before,
                    dialect.body(name, event, by_id.get(getattr(event.data, "email_id", "")), webhook.webhook_id),
                    dialect.header,
                )
            )
        before = place
    return notices


def _notice(tenant_id: TenantId, event: Event) -> Notice:
    event_id = _event_id(tenant_id, event)
    data = event.data.model_dump(mode="json")
    body = _body(event.kind, event_id, str(event.place), data, event.data.at)
    return Notice(event_id, event.kind, (event.place.filed, event.place.noted), body)


def _event_id(tenant_id: TenantId, event: Event, besides: str = "") -> str:
    # An event is numbered by what it tells of: the same one has the same id whatever comes before it next time.
    of_email = event.kind == "email.filed"
    number = f"filed {event.place.filed}" if of_email else f"noted {event.place.noted}"
    return "evt_" + hashlib.sha256(f"{tenant_id} {number}{besides}".encode()).hexdigest()[:32]


def _body(kind: str, event_id: str, place: str, data: dict[str, object], at: datetime) -> bytes:
    """As Standard Webhooks lay it out ("Payload structure"), and what to go on from."""
    told = {"type": kind, "timestamp": at.isoformat(), "event_id": event_id, "place": place, "data": data}
    return json.dumps(told, ensure_ascii=True, separators=(",", ":")).encode()


def _as_owner(tenant_id: TenantId, webhook: Webhook | None = None) -> Caller:
    """Who sees what a webhook is told: an admin made it."""
    return Caller(tenant_id, OWNER, frozenset({READ, SEND, APPROVE}), webhook.inbox_id if webhook else None)


async def _own(app: App, caller: Caller, webhook_id: str) -> Webhook:
    caller.need_all(ADMIN)
    found = await app.database.read(caller.tenant_id, lambda tx: webhooks.get(tx, webhook_id))
    if found is None:
        raise _no_webhook(webhook_id)
    return found


def _no_webhook(webhook_id: str) -> NotFound:
    return NotFound(
        f"Webhook '{safe_line(webhook_id, 64)}' not found.", next_step="`list_webhooks` shows those of the tenant."
    )


def _shown(one: Webhook) -> WebhookShown:
    return WebhookShown(
        webhook_id=one.webhook_id,
        url=one.url,
        events=sorted(one.events),
        inbox_id=one.inbox_id or "",
        dialect=one.dialect,
        state="ended" if one.ended_at else "failing" if one.failures else "working",
        failures=one.failures,
        last_answer=one.last_answer,
        place=str(Place(one.filed, one.noted)),
        created_at=moment(one.created_at),
        failing_since=moment(one.failing_since) if one.failing_since else None,
        next_try_at=moment(one.next_at) if one.failures and not one.ended_at else None,
        ended_at=moment(one.ended_at) if one.ended_at else None,
        secret_before_until=moment(one.before_until) if one.before_until is not None else None,
    )


_READS = Hints(read_only=True, idempotent=True)

WEBHOOKS: tuple[Action, ...] = (
    Action("add_webhook", "Add webhook", "inboxes", ADMIN, Hints(), AddWebhook, WebhookAdded, add_webhook),
    Action("list_webhooks", "List webhooks", "inboxes", ADMIN, _READS, ListWebhooks, WebhookList, list_webhooks),
    Action("get_webhook", "Show webhook", "inboxes", ADMIN, _READS, OneWebhook, WebhookShown, get_webhook),
    Action(
        "remove_webhook", "Remove webhook", "inboxes", ADMIN, Hints(destructive=True, idempotent=True),
        OneWebhook, WebhookRemoved, remove_webhook,
    ),
    Action(
        "test_webhook", "Test webhook", "inboxes", ADMIN, Hints(open_world=True),
        OneWebhook, WebhookTested, test_webhook,
    ),
    Action(
        "replay_webhook", "Replay webhook", "inboxes", ADMIN, Hints(idempotent=True, open_world=True),
        ReplayWebhook, WebhookShown, replay_webhook,
    ),
    Action(
        "rotate_webhook", "Rotate secret of webhook", "inboxes", ADMIN, Hints(),
        RotateWebhook, WebhookAdded, rotate_webhook,
    ),
)  # fmt: skip
