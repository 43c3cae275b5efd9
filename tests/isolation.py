"""Tenants that do whatever can be done, in any order, while nothing of one may reach another.

A World holds two or more tenants, each with an agent, a person, a key for one inbox only, inboxes, mail at every level,
conversations, submissions, contacts and suppressions, all marked with a word of its own. A step is one call with names
of one's own or of others, made by one caller and replayed by callers of the other tenants and by the key for one inbox.
No answer, error or resource may hold a word or an id of somebody else, and what is another's must answer exactly like
what does not exist.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from mcp import Client
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel

from letterlock.actions import approvals, people, tenancy
from letterlock.actions.administration import ADMINISTRATION
from letterlock.actions.caller import AGENT_SCOPES, EVERY_SCOPE, UNPROVED_CODES, Caller, identify
from letterlock.actions.catalog import ACTIONS, Action, perform
from letterlock.actions.deciding import DECIDING
from letterlock.actions.domain_relays import DOMAIN_RELAYS
from letterlock.actions.domains import DOMAINS
from letterlock.actions.elsewhere import ELSEWHERE
from letterlock.actions.inboxes import restore_inbox
from letterlock.actions.inlets import INLETS, AddInlet, add_inlet
from letterlock.actions.lists import LISTS
from letterlock.actions.platform import PLATFORM
from letterlock.actions.relays import RELAYS
from letterlock.actions.routing import ROUTING, AddRule, ConditionGiven, OutcomeGiven, add_rule
from letterlock.actions.tenant_relays import TENANT_RELAYS
from letterlock.actions.threads import THREADS
from letterlock.actions.webhooks import WEBHOOKS, AddWebhook, add_webhook
from letterlock.app import App
from letterlock.doors.mcp_server import build_mcp_server
from letterlock.errors import CallerError
from letterlock.ids import new_id
from letterlock.message.parse import Attachment, Mailbox
from letterlock.screen.score import Level
from letterlock.store import domain_relays, domains
from letterlock.store.database import Transaction
from letterlock.store.domain_relays import DomainRelay, new_relay_id
from letterlock.store.domains import DkimKey
from running import do, file_as, hand_in, letter, screened

T = TypeVar("T")
Choose = Callable[[Sequence[Any]], Any]
"""Takes one of a sequence: at random, or as hypothesis wants it."""
WORDS = ("alphaquark", "omegaquark", "sigmaquark")
_ID = re.compile(r"(?<![a-z0-9])[a-z]{1,4}_[0-9a-hjkmnp-tv-z]{26}|(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_KIND_OF = {
    "inbox": "inbox", "email_id": "email", "thread_id": "thread", "cursor": "cursor", "submission_id": "submission",
    "agent": "agent", "agent_id": "agent", "key_id": "key", "tenant": "tenant", "rule_id": "rule",
    "address": "address", "sha256": "sha256", "webhook_id": "webhook", "besides": "email", "domain": "domain",
    "escalation_id": "escalation", "inlet_id": "inlet",
}  # fmt: skip
_PLAIN: dict[str, tuple[Any, ...]] = {
    "query": ("shared", "words", "493817", "subject", *WORDS), "limit": (1, 2, 50), "unread": (True, False),
    "history": (True, False), "offset": (0, 1), "index": (0, 1), "subject": ("", "subject", *WORDS),
    "from_": ("", "shop.example", *WORDS), "text": ("an answer",), "markdown": ("",), "html": ("",),
    "include_used": (True, False), "accept_unproved": (True, False), "reply_all": (True, False),
    "quote": (True, False), "note": ("see below",), "idempotency_key": ("k", "l"), "purpose": ("p",),
    "timeout_s": (0,), "cc": ([],), "bcc": ([],), "reason": ("because",), "sender": ("a@out.example", ""),
    "raw": (letter("handed in"),), "consumer": ("one", "two"), "start": ("all", "now"),
    "label": ("ours", "words"), "role": ("OWNER", "OBSERVER"), "resolved": (True, False), "conditions": ([],),
    "outcomes": ([{"kind": "label", "value": "ours"}], [{"kind": "escalate", "value": "look"}]), "priority": (0, 5),
    "side": ("from", "to"),
    "kind": ("allow", "block"),
    "host": ("127.0.0.1",), "port": (587,), "security": ("tls",), "username": ("",), "password": ("",),
    "mode": ("enforce", "testing"), "allowed": (True, False),
    "stop": (False, True), "url": ("https://example.com/",), "events": ([], ["email.filed"]), "after": ("", "0-0"),
}  # fmt: skip


_SHOWN = 58


class Leak(AssertionError):
    """Something of one tenant (or inbox) came to another."""


@dataclass(slots=True)
class Side:
    """A tenant: its callers by kind, the names it knows by kind, the ids that its key for one inbox must not see, and
    what it must keep."""

    word: str
    tenant_id: str
    callers: dict[str, Caller]
    names: dict[str, list[str]] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    clients: dict[str, Client] = field(default_factory=dict)

    def note(self, kind: str, name: str) -> None:
        known = self.names.setdefault(kind, [])
        if name and name not in known:
            known.append(name)
            # The newest hundred: enough to find others' names with.
            del known[:-100]


@dataclass(frozen=True, slots=True)
class Operation:
    """Something a caller can ask for. `refs`: its arguments that are names of things, with their kind."""

    name: str
    refs: Mapping[str, str]
    run: Callable[[App, Caller, dict[str, Any]], Awaitable[Any]]
    action: Action | None = None
    destroys: bool = False


def _operation(action: Action) -> Operation:
    refs = {name: _KIND_OF[name] for name in action.request.model_fields if name in _KIND_OF}
    if action.name == "remove_from_list":
        refs["agent"] = "agent"
    if action.name == "drop_contact":
        refs["name"] = "address"
    if action.name == "suppress":
        # Whoever names an address has it from then on.
        del refs["address"]

    async def run(app: App, caller: Caller, arguments: dict[str, Any]) -> Any:
        return await perform(app, caller, action, arguments)

    destroys = action.name in (
        "delete_inbox", "remove_agent", "remove_domain", "remove_inlet", "remove_domain_relay", "remove_tenant_relay",
    )  # fmt: skip
    return Operation(action.name, refs, run, action, destroys)


def _call(name: str, refs: Mapping[str, str], function: Callable[..., Awaitable[Any]], **more: Any) -> Operation:
    destroys = more.pop("destroys", False)

    async def run(app: App, caller: Caller, arguments: dict[str, Any]) -> Any:
        return await function(app, *arguments.values(), caller=caller, **more)

    return Operation(name, refs, run, None, destroys)


async def _restore(app: App, name: str, *, caller: Caller) -> Any:
    return await restore_inbox(app, caller, name)


OPERATIONS = (
    *map(_operation, ACTIONS),
    *map(_operation, PLATFORM),
    *map(_operation, DECIDING),
    *map(_operation, ADMINISTRATION),
    *map(_operation, ELSEWHERE),
    *map(_operation, ROUTING),
    *map(_operation, THREADS),
    *map(_operation, DOMAIN_RELAYS),
    *map(_operation, TENANT_RELAYS),
    *map(_operation, LISTS),
    *map(_operation, INLETS),
    # All but those that reach out.
    *(_operation(action) for action in (*RELAYS, *WEBHOOKS) if action.name not in ("test_relay", "test_webhook")),
    # Making keys takes long, and looking at the DNS reaches out.
    *(_operation(action) for action in DOMAINS if action.name not in ("add_domain", "verify_domain")),
    _call("show_email", {"email_id": "email"}, people.show_email),
    _call("email_bytes", {"email_id": "email"}, people.email_bytes),
    _call("allow_senders", {"inbox": "inbox"}, people.allow_senders, add=["shop.example"]),
    _call("restore_inbox", {"inbox": "inbox"}, _restore),
    _call("approvals.question", {"submission_id": "submission"}, approvals.question),
)  # fmt: skip
_RESOURCES = {"inbox": "inbox", "email": "email", "thread": "thread"}
_CALLERS = ("agent", "one inbox", "person")
_RARE = {"send_email", "reply_to_email", "forward_email", "create_inbox", "hand_in", "make_key"}


class World:
    """Made by open_world. `calls`: how many there were, replays included."""

    def __init__(self, app: App, sides: list[Side], choose: Choose) -> None:
        self.app = app
        self.sides = sides
        self.choose = choose
        self.calls = 0
        self._owner: dict[str, Side] = {}
        for side in sides:
            for names in side.names.values():
                self._owner |= {found: side for name in names for found in _ID.findall(name)}

    async def step(self) -> None:
        side = self.choose(self.sides)
        # Most often whoever may do everything, so that there is something to leak.
        who = self.choose((*_CALLERS, "person"))
        if self.choose(range(8)) == 0:
            await self._resource(side, who)
            return
        operation = self.choose(OPERATIONS)
        if operation.name in _RARE and self.choose(range(4)):
            return
        owners, arguments = self._arguments(side, operation)
        await self._once(side, who, operation, arguments, owners)
        for other in self.sides:
            kind = self.choose(_CALLERS) if other is not side else "one inbox"
            await self._once(other, kind, operation, arguments, owners)

    def _arguments(self, side: Side, operation: Operation) -> tuple[dict[str, Side | None], dict[str, Any]]:
        """Arguments for a call, and whose the names among them are."""
        owners: dict[str, Side | None] = {}
        arguments: dict[str, Any] = {}
        fields: Mapping[str, Any] = operation.action.request.model_fields if operation.action else operation.refs
        for name in fields:
            required = operation.action is None or fields[name].is_required()
            if not required and name != "timeout_s" and not self.choose((True, False)):
                continue
            if name in operation.refs:
                owner = self.choose((side, side, side, *self.sides))
                owners[name] = owner
                known = owner.names.get(operation.refs[name]) or [_nobody(operation.refs[name])]
                arguments[name] = self.choose(known)
            elif name == "to":
                if operation.name == "hand_in":
                    owners[name] = side
                    arguments[name] = [self.choose([one for one in side.names["inbox"] if "@" in one])]
                else:
                    arguments[name] = ["someone@outside.example"]
            elif name == "attachments":
                if operation.name == "forward_email":
                    arguments[name] = self.choose((True, False))
                else:
                    owner = owners[name] = self.choose(self.sides)
                    arguments[name] = [f"{self.choose(owner.names['email'])}/0"]
            elif name == "address" or operation.name == "name_contact":
                arguments[name] = "someone@outside.example"
            elif name == "name":
                arguments[name] = self.choose(("", "new"))
            elif name == "subject" and operation.name == "send_email":
                # Whoever writes a word of another's has it, and it is shown again.
                arguments[name] = self.choose(("", "subject"))
            elif name == "since" and operation.name.startswith("wait"):
                arguments[name] = self.choose((0, 1, 3))
            elif name in _PLAIN:
                arguments[name] = self.choose(_PLAIN[name])
            elif required:
                arguments[name] = "x"
        return owners, arguments

    async def _once(
        self, side: Side, who: str, operation: Operation, arguments: dict[str, Any], owners: Mapping[str, Side | None]
    ) -> None:
        foreign = [name for name, owner in owners.items() if owner is not side]
        if operation.destroys and not foreign and any(str(one) in side.kept for one in arguments.values()):
            # A tenant without anything has nothing that could leak.
            return
        caller = side.callers[who]
        ended, answer = await self._ask(operation, caller, arguments)
        self._check(side, who, f"{operation.name}({arguments})", answer, arguments)
        if ended and who != "one inbox":
            self._learn(side, answer)
        if foreign:
            twin = dict(arguments)
            for name in foreign:
                given = arguments[name]
                if name == "attachments":
                    twin[name] = [f"{_nobody('email')}/0"]
                elif isinstance(given, list):
                    twin[name] = [_nobody("inbox", given[0])]
                else:
                    twin[name] = _nobody(operation.refs[name], str(given))
            _, missing = await self._ask(operation, caller, twin)
            if _without(answer, arguments) != _without(missing, twin):
                raise Leak(f"{operation.name}({arguments}) tells more than of nothing: {answer!r}, {missing!r}")

    async def _ask(self, operation: Operation, caller: Caller, arguments: dict[str, Any]) -> tuple[bool, str]:
        """(whether it was done, what was answered)."""
        self.calls += 1
        try:
            return True, _text(await operation.run(self.app, caller, dict(arguments)))
        except CallerError as error:
            if "failed inside" in str(error):
                raise Leak(f"{operation.name}({arguments}): {error}") from error
            return False, f"{error.code}: {error}"

    async def _resource(self, side: Side, who: str) -> None:
        scheme = self.choose(sorted(_RESOURCES))
        subscribe = self.choose(range(4)) == 0
        owner = self.choose(self.sides)
        name = self.choose(owner.names[_RESOURCES[scheme]])
        for reader in self.sides:
            client = reader.clients["agent" if who == "person" else who]
            answer = await self._read(client, f"{scheme}://{name}", subscribe=subscribe)
            self._check(reader, who, f"{scheme}://{name}", answer, {"name": name})
            if owner is not reader:
                other = _nobody(_RESOURCES[scheme], name)
                missing = await self._read(client, f"{scheme}://{other}", subscribe=subscribe)
                if _without(answer, {"name": name}) != _without(missing, {"name": other}):
                    raise Leak(f"{scheme}://{name} tells more than of nothing: {answer!r}, {missing!r}")

    async def _read(self, client: Client, uri: str, *, subscribe: bool) -> str:
        self.calls += 1
        try:
            if not subscribe:
                return str(await client.read_resource(uri))
            with warnings.catch_warnings():
                # Older clients still ask.
                warnings.simplefilter("ignore")
                return str(await client.subscribe_resource(uri))
        except MCPError as error:
            return f"refused: {error}"

    def _check(self, side: Side, who: str, call: str, answer: str, passed: Mapping[str, Any]) -> None:
        shown = _without(answer, passed)
        lower = shown.lower()
        for other in self.sides:
            if other is not side and other.word in lower:
                raise Leak(f"{side.word}, {who}: {call} shows a word of {other.word}: {answer}")
        for found in _ID.findall(shown):
            owner = self._owner.setdefault(found, side)
            if owner is not side:
                raise Leak(f"{side.word}, {who}: {call} shows {found} of {owner.word}: {answer}")
            if who == "one inbox" and found in side.elsewhere:
                raise Leak(f"{side.word}, {who}: {call} shows {found} of another inbox: {answer}")
        if who == "one inbox" and f"{side.word}in1" in lower:
            raise Leak(f"{side.word}, {who}: {call} shows a word of another inbox: {answer}")

    def _learn(self, side: Side, answer: str) -> None:
        """Names in an answer become arguments of later calls."""
        for kind, prefix in (
            ("email", "em_"),
            ("thread", "th_"),
            ("submission", "sub_"),
            ("key", "key_"),
            ("webhook", "wh_"),
            ("rule", "rule_"),
            ("escalation", "esc_"),
        ):
            for found in _ID.findall(answer):
                if found.startswith(prefix):
                    side.note(kind, found)
        for found in re.findall(r'"inbox_id":"(ib_[^"]+)"', answer):
            if found not in side.kept:
                side.note("inbox", found)
                side.elsewhere.add(found)
        for cursor in re.findall(r'"next_cursor":"([^"]+)"', answer):
            side.note("cursor", cursor)


def _text(result: Any) -> str:
    if isinstance(result, BaseModel):
        return result.model_dump_json()
    return result.decode("latin-1") if isinstance(result, bytes) else repr(result)


def _without(answer: str, passed: Mapping[str, Any]) -> str:
    """An answer without what the caller itself gave: "Inbox '...' not found" may name it."""
    given = [str(one) for value in passed.values() for one in (value if isinstance(value, list) else [value])]
    given += [one.partition("/")[0] for one in given if "/" in one]
    # What is too long is shown cut.
    given += [one[:_SHOWN] for one in given if len(one) > _SHOWN]
    for one in sorted((one for one in given if len(one) > 3), key=len, reverse=True):
        answer = answer.replace(one, "·")
    return answer


def _nobody(kind: str, like: str = "") -> str:
    """A name of this kind that nothing has."""
    if kind == "cursor":
        return "WzEsIm5vdGhpbmciXQ".ljust(len(like), "n")
    if kind == "sha256":
        return "0" * 64
    if kind == "domain" and "." in like:
        return f"{new_id('x')[2:14]}.example"
    if "@" in like or kind == "address":
        return f"nobody{new_id('x')[2:14]}@{like.rpartition('@')[2] or 'out.example'}"
    prefixes = {
        "inbox": "ib",
        "email": "em",
        "thread": "th",
        "submission": "sub",
        "agent": "ag",
        "key": "key",
        "webhook": "wh",
        "domain": "dm",
        "rule": "rule",
        "escalation": "esc",
        "inlet": "in",
    }
    return new_id(prefixes.get(kind, "tn"))


@contextlib.asynccontextmanager
async def open_world(app: App, count: int, choose: Choose) -> AsyncIterator[World]:
    async with contextlib.AsyncExitStack() as stack:
        sides = [await _furnished(app, word) for word in WORDS[:count]]
        for side in sides:
            for kind in ("agent", "one inbox"):
                side.clients[kind] = await stack.enter_async_context(_client(app, side.callers[kind]))
        yield World(app, sides, choose)


def _client(app: App, caller: Caller) -> Client:
    async def get_app() -> App:
        return app

    async def get_caller(_: App) -> Caller:
        return caller

    return Client(build_mcp_server(app.settings, get_app, get_caller), mode="legacy")


async def _held_domain(app: App, owner: Caller, name: str) -> str:
    """A domain that the DNS has shown to be the tenant's, and new keys for it that it has not shown yet."""

    async def hold(tx: Transaction) -> str:
        made = await domains.add(tx, name, "0" * 32, app.now_ms())
        assert made is not None
        await domains.put(tx, replace(made, state="verified"))
        await domains.add_keys(tx, made.domain_id, [(DkimKey(f"{name[:8]}-rsa", "rsa", "", "new", 0, None), b"")])
        relay = DomainRelay(
            owner.tenant_id, made.domain_id, new_relay_id(), name, "127.0.0.1", 587, "tls", f"me@{name}", b"", 0
        )
        await domain_relays.put(tx, relay)
        return made.domain_id

    return await app.database.write(owner.tenant_id, hold)


async def _furnished(app: App, word: str) -> Side:
    tenant = await tenancy.add_tenant(app, word)
    owner = await tenancy.at_command_line(app, word)
    for limit in ("inboxes_per_hour", "waits_per_hour"):
        await tenancy.set_limit(app, word, limit, tenancy.MOST_LIMIT)
    side = Side(word, tenant.tenant_id, {})
    side.note("tenant", tenant.tenant_id)
    side.note("tenant", word)
    boxes = []
    for n in range(2):
        made = await do(app, "create_inbox", owner, name=f"{word}in{n}", purpose=f"{word}in{n} purpose")
        boxes.append(made.address)
        side.note("inbox", made.inbox_id)
        side.note("inbox", made.address)
    side.elsewhere.add(side.names["inbox"][2])
    side.kept |= set(side.names["inbox"])
    for kind, name, scopes, inbox in (
        ("agent", f"{word}-bot", AGENT_SCOPES | {UNPROVED_CODES}, ""),
        ("one inbox", f"{word}-bot", AGENT_SCOPES | {UNPROVED_CODES}, boxes[0]),
        ("person", f"{word}-anna", EVERY_SCOPE, ""),
    ):
        with contextlib.suppress(CallerError):
            agent = await tenancy.add_agent(app, name, person=kind == "person", caller=owner)
            side.note("agent", agent.agent_id)
            side.note("agent", name)
            side.kept |= {agent.agent_id, name}
        key = await tenancy.make_key(app, name, scopes=scopes, inbox=inbox, name=f"{word} key", caller=owner)
        side.note("key", key.key_id)
        found = await identify(app, key.text)
        assert found is not None
        side.callers[kind] = found
    spare = await tenancy.add_agent(app, f"{word}-spare", caller=owner)
    side.note("agent", spare.agent_id)
    await people.suppress(app, f"bad@{word}.example", f"{word} wanted it", caller=owner)
    await people.name_contact(app, f"good@{word}.example", caller=owner)
    side.note("address", f"bad@{word}.example")
    side.note("address", f"good@{word}.example")
    for n, box in enumerate(boxes):
        for level, code in ((Level.NORMAL, ""), (Level.NORMAL, "493817"), (Level.SUSPECT, ""), (Level.QUARANTINED, "")):
            await _arrive(app, side, n, box, level, code)
        sent = await do(
            app,
            "send_email",
            side.callers["agent"],
            inbox=box,
            to=[f"x@{word}.example"],
            subject=f"{word}in{n}",
            text="t",
        )
        side.note("submission", sent.submission_id)
        side.note("thread", sent.thread_id)
        if n:
            side.elsewhere |= {sent.submission_id, sent.thread_id}
    hook = await add_webhook(app, owner, AddWebhook(url=f"https://hook.{word}.example/"))
    side.note("webhook", hook.webhook_id)
    domain_id = await _held_domain(app, owner, f"{word}.example")
    side.note("domain", domain_id)
    side.note("domain", f"{word}.example")
    side.kept |= set(side.names["domain"])
    side.note("inlet", (await add_inlet(app, owner, AddInlet(domain=f"{word}.example"))).inlet_id)
    rule = await add_rule(
        app,
        owner,
        AddRule(
            name=f"{word} rule",
            conditions=[ConditionGiven(fact="subject", comparison="contains", values=[f"{word}in1 subject"])],
            outcomes=[OutcomeGiven(kind="label", value=f"{word}in1")],
        ),
    )
    side.note("rule", rule.rule_id)
    handed = await do(
        app, "escalate_email", side.callers["agent"], email_id=side.names["email"][-1], reason=f"{word}in1 asks"
    )
    side.note("escalation", handed.escalation_id)
    side.elsewhere |= {handed.escalation_id, handed.thread_id}
    page = await do(app, "list_emails", side.callers["agent"], limit=1)
    side.note("cursor", page.next_cursor)
    return side


async def _arrive(app: App, side: Side, n: int, box: str, level: Level, code: str) -> None:
    mark = f"{side.word}in{n}"
    sender = Mailbox(mark, f"a@{mark}.example")
    file = Attachment(0, f"{mark}.txt", "text/plain", 5, (mark.encode().hex() * 4)[:64].ljust(64, "0"))
    filed = screened(
        level, f"{mark} shared words at https://{mark}.example/x", code=code, subject=f"{mark} subject", from_=sender,
        attachments=(file,),
    )  # fmt: skip
    (receipt,) = await hand_in(app, box, letter(f"{mark} {level} {code}", f"{mark} shared words"))
    assert await file_as(app, receipt, filed)
    side.note("email", receipt.email_id)
    read = await do(app, "read_email", side.callers["agent"], email_id=receipt.email_id)
    side.note("thread", read.thread_id)
    if n:
        side.elsewhere |= {receipt.email_id, read.thread_id}
