"""What of Lumbox concerns a tenant rather than its mail: domains, mail servers, routing, webhooks, keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr

from letterlock.actions import tenancy
from letterlock.actions.caller import ADMIN, MANAGE_DOMAINS, MANAGE_INBOXES, READ, SEND, WAIT
from letterlock.actions.dialects import LUMBOX_CATEGORIES
from letterlock.actions.inboxes import own_inbox
from letterlock.doors.rivals.wire import Asked, Call, Endpoint, Nothing
from letterlock.errors import InvalidRequest, NotFound
from letterlock.screen.safe_text import safe_line
from letterlock.store.domains import HELD
from letterlock.store.emails import moment
from letterlock.store.tenants import KEY_BEGINS, Key

_SCOPES = {
    "inbox:read": (READ,),
    "inbox:write": (MANAGE_INBOXES,),
    "email:read": (READ, WAIT),
    "email:send": (SEND,),
    "domain:manage": (MANAGE_DOMAINS,),
}
_OF_INBOX = frozenset({READ, WAIT, SEND})
"""What a key for one inbox may do."""


@dataclass(frozen=True, slots=True)
class _Provider:
    """`username`: what everybody logs in as with an API key, where that is so."""

    host: str
    username: str = ""


_PROVIDERS = {
    "sendgrid": _Provider("smtp.sendgrid.net", "apikey"),
    "resend": _Provider("smtp.resend.com", "resend"),
    "mailgun": _Provider("smtp.mailgun.org"),
    "ses": _Provider("email-smtp.{region}.amazonaws.com"),
}
_TLS_PORT = 465
"""Where TLS comes before the first word (RFC 8314 section 3.3)."""


def as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def no_category(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"There is no category '{safe_line(name, 40)}'.", next_step=f"There are: {', '.join(LUMBOX_CATEGORIES)}."
    )


class AddDomain(Asked):
    domain: Annotated[str, Field(min_length=1, max_length=253)]


class ConfigureSmtp(Asked):
    provider: Annotated[str, Field(min_length=1, max_length=80)]
    is_default: bool = False
    name: Annotated[str, Field(max_length=80)] = ""
    host: Annotated[str, Field(max_length=253)] = ""
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    username: Annotated[str, Field(max_length=320)] = ""
    password: Annotated[SecretStr, Field(max_length=2_000)] = SecretStr("")
    api_key: Annotated[SecretStr, Field(max_length=2_000)] = SecretStr("")
    region: Annotated[str, Field(max_length=80)] = ""
    from_email: Annotated[str, Field(max_length=320)] = ""


class TestSmtp(Asked):
    to: Annotated[str, Field(min_length=1, max_length=320)]


class CreateWebhook(Asked):
    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    events: Annotated[list[str], Field(max_length=50)] = Field([])


class NameKey(Asked):
    name: Annotated[str, Field(min_length=1, max_length=80)]


class MakeKey(NameKey):
    scopes: list[str] = Field([])
    allowed_inbox_ids: Annotated[list[str], Field(max_length=1)] = Field([])


def data_of(data: list[dict[str, Any]], cursor: str = "") -> dict[str, Any]:
    return {"data": data, "cursor": cursor or None, "has_more": bool(cursor)}


# --- domains ----------------------------------------------------------------------------------------------------------


def _domain(one: Any) -> dict[str, Any]:
    return {
        "id": one.domain_id,
        "domain": one.domain,
        "status": one.state,
        "dns_records": [
            {
                "type": record.type,
                "host": record.host,
                "value": record.value,
                **({} if record.priority is None else {"priority": record.priority}),
                "status": record.status,
                "purpose": record.purpose,
                "problem": record.problem,
            }
            for record in one.records
        ],
        "created_at": one.created_at,
        "verified_at": one.verified_at,
    }


async def add_domain(call: Call, asked: AddDomain) -> dict[str, Any]:
    return _domain(await call.do("add_domain", domain=asked.domain))


async def list_domains(call: Call, asked: Nothing) -> dict[str, Any]:
    found = await call.do("list_domains")
    return data_of([_domain(await call.do("get_domain", domain=one.domain_id)) for one in found.domains])


async def verify_domain(call: Call, asked: Nothing) -> dict[str, Any]:
    return _domain(await call.do("verify_domain", domain=call.path("domain")))


# --- mail servers -----------------------------------------------------------------------------------------------------


def _smtp(one: Any) -> dict[str, Any]:
    """A server of the settings, or of a domain."""
    of_domain = getattr(one, "domain", "")
    return {
        "id": one.relay_id,
        "provider": "smtp",
        "name": of_domain or one.sender or one.to or "default",
        "host": one.host,
        "port": one.port,
        "security": one.security,
        "username": one.username or None,
        "from_email": f"*@{of_domain}" if of_domain else None,
        "is_default": not of_domain and one.is_default,
    }


async def _relays(call: Call) -> list[Any]:
    """Those of the settings, which their owner sees, and those of domains."""
    found: list[Any] = []
    if ADMIN in call.caller.scopes or MANAGE_DOMAINS not in call.caller.scopes:
        found += (await call.do("list_relays")).relays
    if MANAGE_DOMAINS in call.caller.scopes:
        found += (await call.do("list_domain_relays")).relays
    return found


async def configure_smtp(call: Call, asked: ConfigureSmtp) -> dict[str, Any]:
    """Of the servers of the settings the one that is meant; else a server for a verified domain of the tenant."""
    if ADMIN in call.caller.scopes:
        for one in (await call.do("list_relays")).relays:
            host, port = asked.host.strip().lower() == one.host.lower(), asked.port in (None, one.port)
            if host and port and asked.username in ("", one.username) and asked.is_default in (False, one.is_default):
                return _smtp(one)
    known = _PROVIDERS.get(asked.provider.strip().lower())
    host = asked.host or (known.host.format(region=asked.region or "us-east-1") if known else "")
    if not host:
        raise InvalidRequest(
            f"What server {safe_line(asked.provider, 80)} has is not known here.",
            next_step="Give `host`, `port`, `username` and `password`.",
        )
    password = asked.api_key if asked.api_key else asked.password
    username = asked.username or (known.username if known else "")
    return _smtp(
        await call.do(
            "set_domain_relay",
            domain=await _domain_meant(call, asked),
            host=host,
            port=asked.port or 587,
            security="tls" if asked.port == _TLS_PORT else "starttls",
            username=username,
            password=password,
        )
    )


async def _domain_meant(call: Call, asked: ConfigureSmtp) -> str:
    """That of `from_email`, else the only one there is."""
    if asked.from_email:
        return asked.from_email.rpartition("@")[2]
    found = (await call.do("list_domains")).domains
    mine: list[str] = [one.domain for one in found if one.state in HELD]
    if len(mine) != 1:
        raise InvalidRequest(
            f"A server is set for one verified domain, and there are {len(mine)}.",
            next_step="Give `from_email`: an address of the domain whose mail goes by it.",
        )
    return mine[0]


async def list_smtp_configs(call: Call, asked: Nothing) -> dict[str, Any]:
    return data_of([_smtp(one) for one in await _relays(call)])


async def test_smtp_config(call: Call, asked: TestSmtp) -> dict[str, Any]:
    name = call.path("config")
    found = next((one for one in await _relays(call) if one.relay_id == name), None)
    if domain := getattr(found, "domain", ""):
        done = await call.do("test_domain_relay", domain=domain, to=asked.to)
    else:
        done = await call.do("test_relay", relay_id=name, to=asked.to)
    return {"success": done.took, "error": None if done.took else done.answer, "sent": False}


# --- routing ----------------------------------------------------------------------------------------------------------

# Their fields are said nowhere; these are the facts that rules know. What From says anybody can write.
_FACTS = {
    "from": "claimed_sender",
    "verified_from": "sender",
    "to": "recipient",
    "subject": "subject",
    "category": "category",
}
_COMPARISONS = {"equals": "is", "is": "is", "contains": "contains", "like": "like", "domain": "domain"}


class Compared(Asked):
    op: Annotated[str, Field(max_length=20)] = "contains"
    value: Annotated[list[Annotated[str, Field(max_length=200)]], BeforeValidator(as_list), Field(max_length=50)]


def _compared(value: Any) -> Any:
    return {"value": value} if isinstance(value, (str, list)) else value


class CreateRule(Asked):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    conditions: Annotated[dict[str, Annotated[Compared, BeforeValidator(_compared)]], Field(max_length=10)]
    priority: int = 0
    target_agent_id: Annotated[str, Field(max_length=64)] = ""
    target_inbox_id: Annotated[str, Field(max_length=320)] = ""


class AssignThread(Asked):
    agent_id: Annotated[str, Field(min_length=1, max_length=64)]
    role: Annotated[str, Field(max_length=20)] = "PARTICIPANT"


class UnassignThread(Asked):
    agent_id: Annotated[str, Field(min_length=1, max_length=64)]


def _condition(name: str, given: Compared) -> dict[str, Any]:
    if name not in _FACTS or given.op not in _COMPARISONS:
        raise InvalidRequest(
            f"There is no condition '{safe_line(name, 40)}' with '{safe_line(given.op, 20)}'.",
            next_step=f"There are {', '.join(_FACTS)}, compared by {', '.join(_COMPARISONS)}.",
        )
    if name == "category":
        if unknown := [one for one in given.value if one not in LUMBOX_CATEGORIES]:
            raise no_category(unknown[0])
        ours = [kind for one in given.value for kind in LUMBOX_CATEGORIES[one]]
        return {"fact": "category", "comparison": "is", "values": ours}
    return {"fact": _FACTS[name], "comparison": _COMPARISONS[given.op], "values": given.value}


def _rule(one: Any) -> dict[str, Any]:
    names = {ours: theirs for theirs, ours in _FACTS.items()}
    agents = [outcome.value for outcome in one.outcomes if outcome.kind == "assign"]
    return {
        "id": one.rule_id,
        "name": one.name,
        "priority": one.priority,
        "conditions": {
            names.get(condition.fact, condition.fact): {"op": condition.comparison, "value": condition.values}
            for condition in one.conditions
        },
        "target_agent_id": agents[0] if agents else None,
        "target_inbox_id": None,
    }


async def create_rule(call: Call, asked: CreateRule) -> dict[str, Any]:
    if asked.target_inbox_id or not asked.target_agent_id:
        raise InvalidRequest(
            "A rule assigns the thread to an agent; mail stays in the inbox it came to.",
            next_step="Name the agent in target_agent_id, and no target_inbox_id.",
        )
    made = await call.do(
        "add_rule",
        name=asked.name,
        conditions=[_condition(name, given) for name, given in asked.conditions.items()],
        outcomes=[{"kind": "assign", "value": asked.target_agent_id}],
        priority=asked.priority,
    )
    return _rule(made)


async def list_rules(call: Call, asked: Nothing) -> dict[str, Any]:
    found = await call.do("list_rules")
    return data_of([_rule(one) for one in found.rules])


async def delete_rule(call: Call, asked: Nothing) -> dict[str, Any]:
    gone = await call.do("remove_rule", rule_id=call.path("rule"))
    return {"deleted": True, "id": gone.rule_id}


def _agents(found: Any) -> dict[str, Any]:
    agents = [{"agent_id": one.agent_id, "role": one.role, "assigned_at": one.since} for one in found.agents]
    return {"thread_id": found.thread_id, **data_of(agents)}


async def assign_thread(call: Call, asked: AssignThread) -> dict[str, Any]:
    return _agents(
        await call.do("assign_thread", thread_id=call.path("thread"), agent_id=asked.agent_id, role=asked.role)
    )


async def unassign_thread(call: Call, asked: UnassignThread) -> dict[str, Any]:
    return _agents(await call.do("unassign_thread", thread_id=call.path("thread"), agent_id=asked.agent_id))


async def list_thread_agents(call: Call, asked: Nothing) -> dict[str, Any]:
    return _agents(await call.do("list_thread_agents", thread_id=call.path("thread")))


# --- webhooks ---------------------------------------------------------------------------------------------------------


def _webhook(one: Any) -> dict[str, Any]:
    return {
        "id": one.webhook_id,
        "url": one.url,
        "events": one.events or ["email.received"],
        "status": one.state,
        "last_answer": one.last_answer,
        "created_at": one.created_at,
    }


async def create_webhook(call: Call, asked: CreateWebhook) -> dict[str, Any]:
    made = await call.do("add_webhook", url=asked.url, events=asked.events or ["email.received"], dialect="lumbox")
    return _webhook(made) | {"secret": made.secret}


async def list_webhooks(call: Call, asked: Nothing) -> dict[str, Any]:
    found = await call.do("list_webhooks")
    return data_of([_webhook(one) for one in found.webhooks if one.dialect == "lumbox"])


async def test_webhook(call: Call, asked: Nothing) -> dict[str, Any]:
    done = await call.do("test_webhook", webhook_id=call.path("webhook"))
    status = re.fullmatch(r"HTTP (\d{3})", done.answer)
    return {"success": done.took, "status_code": int(status[1]) if status else None, "answer": done.answer}


async def delete_webhook(call: Call, asked: Nothing) -> dict[str, Any]:
    gone = await call.do("remove_webhook", webhook_id=call.path("webhook"))
    return {"deleted": True, "id": gone.webhook_id}


# --- keys and organisations -------------------------------------------------------------------------------------------


def _shown_key(one: Key) -> dict[str, Any]:
    return {
        "id": one.key_id,
        "name": one.name,
        "key_prefix": KEY_BEGINS,
        "created_at": moment(one.created_at),
        "last_used_at": moment(one.used_at) if one.used_at is not None else None,
    }


async def create_inbox_key(call: Call, asked: NameKey) -> dict[str, Any]:
    call.need_changes()
    call.caller.need_all(ADMIN)
    inbox = await own_inbox(call.app, call.caller, call.path("inbox"))
    made = await tenancy.make_key(
        call.app, inbox.agent_id, scopes=_OF_INBOX, name=asked.name, inbox=inbox.inbox_id, caller=call.caller
    )
    return {"id": made.key_id, "name": asked.name, "api_key": made.text, "created_at": moment(call.app.now_ms())}


async def list_inbox_keys(call: Call, asked: Nothing) -> dict[str, Any]:
    call.caller.need_all(ADMIN)
    inbox = await own_inbox(call.app, call.caller, call.path("inbox"))
    found = await tenancy.list_keys(call.app, caller=call.caller)
    return data_of([_shown_key(one) for one in found if one.inbox_id == inbox.inbox_id])


async def delete_inbox_key(call: Call, asked: Nothing) -> dict[str, Any]:
    call.need_changes()
    call.caller.need_all(ADMIN)
    inbox = await own_inbox(call.app, call.caller, call.path("inbox"))
    found = await tenancy.list_keys(call.app, caller=call.caller)
    if not any(one.key_id == call.path("key") and one.inbox_id == inbox.inbox_id for one in found):
        raise NotFound(f"{inbox.address} has no key '{safe_line(call.path('key'), 64)}'.")
    gone = await tenancy.revoke_key(call.app, call.path("key"), caller=call.caller)
    return {"deleted": True, "id": gone.key_id}


async def show_org(call: Call, asked: Nothing) -> dict[str, Any]:
    tenant = await tenancy.tenant_of(call.app, call.caller)
    used = await call.do("get_usage")
    return {
        "id": tenant.tenant_id,
        "name": tenant.name,
        "inbox_count": used.inboxes,
        "created_at": moment(tenant.created_at),
    }


async def create_key(call: Call, asked: MakeKey) -> dict[str, Any]:
    call.need_changes()
    call.caller.need_all(ADMIN)
    if unknown := [name for name in asked.scopes if name not in _SCOPES]:
        raise InvalidRequest(
            f"There is no scope '{safe_line(unknown[0], 40)}'.", next_step=f"There are: {', '.join(_SCOPES)}."
        )
    scopes = frozenset(ours for name in asked.scopes or _SCOPES for ours in _SCOPES[name])
    inbox = ""
    if asked.allowed_inbox_ids:
        inbox = (await call.do("get_inbox", inbox=asked.allowed_inbox_ids[0])).inbox_id
    made = await tenancy.make_key(
        call.app, call.caller.agent_id, scopes=scopes, name=asked.name, inbox=inbox, caller=call.caller
    )
    return {
        "id": made.key_id,
        "name": asked.name,
        "api_key": made.text,
        "scopes": asked.scopes or list(_SCOPES),
        "created_at": moment(call.app.now_ms()),
    }


TENANT: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v1/inboxes/{inbox}/api-keys", NameKey, create_inbox_key, 201),
    Endpoint("GET", "/v1/inboxes/{inbox}/api-keys", Nothing, list_inbox_keys),
    Endpoint("DELETE", "/v1/inboxes/{inbox}/api-keys/{key}", Nothing, delete_inbox_key),
    Endpoint("POST", "/v1/domains", AddDomain, add_domain, 201),
    Endpoint("GET", "/v1/domains", Nothing, list_domains),
    Endpoint("POST", "/v1/domains/{domain}/verify", Nothing, verify_domain),
    Endpoint("POST", "/v1/smtp-configs", ConfigureSmtp, configure_smtp, 201),
    Endpoint("GET", "/v1/smtp-configs", Nothing, list_smtp_configs),
    Endpoint("POST", "/v1/smtp-configs/{config}/test", TestSmtp, test_smtp_config),
    Endpoint("POST", "/v1/routing-rules", CreateRule, create_rule, 201),
    Endpoint("GET", "/v1/routing-rules", Nothing, list_rules),
    Endpoint("DELETE", "/v1/routing-rules/{rule}", Nothing, delete_rule),
    Endpoint("POST", "/v1/threads/{thread}/assign", AssignThread, assign_thread),
    Endpoint("POST", "/v1/threads/{thread}/unassign", UnassignThread, unassign_thread),
    Endpoint("GET", "/v1/threads/{thread}/agents", Nothing, list_thread_agents),
    Endpoint("POST", "/v1/webhooks", CreateWebhook, create_webhook, 201),
    Endpoint("GET", "/v1/webhooks", Nothing, list_webhooks),
    Endpoint("POST", "/v1/webhooks/{webhook}/test", Nothing, test_webhook),
    Endpoint("DELETE", "/v1/webhooks/{webhook}", Nothing, delete_webhook),
    Endpoint("GET", "/v1/orgs/me", Nothing, show_org),
    Endpoint("POST", "/v1/orgs/me/api-keys", MakeKey, create_key, 201),
)
