"""What of LobsterMail concerns an account rather than its mail: the account itself, domains, webhooks."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from letterlock.actions import tenancy
from letterlock.actions.caller import SEND
from letterlock.doors.rivals.wire import Asked, Call, Endpoint, Nothing
from letterlock.store.emails import moment

MOST_LISTED = 100
Cursor = Annotated[str, Field(max_length=400)]


class Page(Asked):
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = 20
    cursor: Cursor = ""


class AddDomain(Asked):
    domain: Annotated[str, Field(min_length=1, max_length=253)]


class CreateWebhook(Asked):
    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    inbox_id: Annotated[str | None, Field(alias="inboxId", max_length=320)] = None
    events: Annotated[list[str] | None, Field(max_length=50)] = None


class Verify(Asked):
    handle: Annotated[str, Field(max_length=400)] = ""
    tweet_url: Annotated[str, Field(alias="tweetUrl", max_length=2_000)] = ""


def page_of(data: list[dict[str, Any]], cursor: str) -> dict[str, Any]:
    """In all three shapes in which the client reads pages."""
    more = {"hasMore": bool(cursor), "cursor": cursor or None}
    return {"data": data, **more, "pagination": more}


# --- account ----------------------------------------------------------------------------------------------------------


async def get_account(call: Call, asked: Nothing) -> dict[str, Any]:
    tenant = await tenancy.tenant_of(call.app, call.caller)
    used = await call.do("get_usage")
    return {
        "id": tenant.tenant_id,
        "tier": 4,
        "tierName": "scale",
        "limits": {
            "maxInboxes": None,
            "dailyEmailLimit": call.app.settings.tenant_per_day,
            "canSend": SEND in call.caller.scopes,
        },
        "usage": {"inboxCount": used.inboxes, "totalEmailsReceived": used.emails_received},
        "xVerificationPending": False,
        "createdAt": moment(tenant.created_at),
        "lastActiveAt": moment(call.app.now_ms()),
    }


async def verify(call: Call, asked: Verify) -> dict[str, Any]:
    return {"status": "not_required", "instructions": "Nobody has to prove who they are here: the key is enough."}


# --- domains ----------------------------------------------------------------------------------------------------------

_STATUS = {"pending": "pending_verification", "verified": "verified", "failing": "failed", "lapsed": "failed"}


def _domain(one: Any) -> dict[str, Any]:
    return {
        "id": one.domain_id,
        "domain": one.domain,
        "status": _STATUS[one.state],
        "dnsRecords": [
            {
                "type": record.type,
                "host": record.host,
                "value": record.value,
                **({} if record.priority is None else {"priority": record.priority}),
                "status": record.status,
                "problem": record.problem,
            }
            for record in one.records
        ],
        "createdAt": one.created_at,
    }


async def add_domain(call: Call, asked: AddDomain) -> dict[str, Any]:
    return _domain(await call.do("add_domain", domain=asked.domain))


async def list_domains(call: Call, asked: Page) -> dict[str, Any]:
    found = await call.do("list_domains")
    return page_of([_domain(await call.do("get_domain", domain=one.domain_id)) for one in found.domains], "")


async def get_domain(call: Call, asked: Nothing) -> dict[str, Any]:
    return _domain(await call.do("get_domain", domain=call.path("domain")))


async def verify_domain(call: Call, asked: Nothing) -> dict[str, Any]:
    return _domain(await call.do("verify_domain", domain=call.path("domain")))


async def delete_domain(call: Call, asked: Nothing) -> dict[str, Any]:
    gone = await call.do("remove_domain", domain=call.path("domain"))
    return {"id": gone.domain_id, "deleted": True}


# --- webhooks ---------------------------------------------------------------------------------------------------------


def _webhook(one: Any) -> dict[str, Any]:
    return {
        "id": one.webhook_id,
        "url": one.url,
        "inboxId": one.inbox_id or None,
        "events": one.events or ["email.received"],
        "isActive": one.state != "ended",
        "createdAt": one.created_at,
    }


async def create_webhook(call: Call, asked: CreateWebhook) -> dict[str, Any]:
    made = await call.do(
        "add_webhook",
        url=asked.url,
        inbox=asked.inbox_id,
        events=asked.events or ["email.received"],
        dialect="lobstermail",
    )
    return _webhook(made) | {"secret": made.secret}


async def list_webhooks(call: Call, asked: Nothing) -> dict[str, Any]:
    found = await call.do("list_webhooks")
    return page_of([_webhook(one) for one in found.webhooks if one.dialect == "lobstermail"], "")


async def delete_webhook(call: Call, asked: Nothing) -> dict[str, Any]:
    gone = await call.do("remove_webhook", webhook_id=call.path("webhook"))
    return {"id": gone.webhook_id, "deleted": True}


ACCOUNT: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v1/account", Nothing, get_account),
    Endpoint("POST", "/v1/verify/{provider}", Verify, verify),
    Endpoint("POST", "/v1/domains", AddDomain, add_domain, 201),
    Endpoint("GET", "/v1/domains", Page, list_domains),
    Endpoint("GET", "/v1/domains/{domain}", Nothing, get_domain),
    Endpoint("DELETE", "/v1/domains/{domain}", Nothing, delete_domain),
    Endpoint("POST", "/v1/domains/{domain}/verify", Nothing, verify_domain),
    Endpoint("POST", "/v1/webhooks", CreateWebhook, create_webhook, 201),
    Endpoint("GET", "/v1/webhooks", Nothing, list_webhooks),
    Endpoint("DELETE", "/v1/webhooks/{webhook}", Nothing, delete_webhook),
)
