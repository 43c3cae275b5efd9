"""Rules for incoming mail, and the labels of emails. ROUTING lists the actions.

A rule is made by a person, or by a key that holds the scope `route`; not by an agent that lately read mail which
nothing vouches for. Rules name typed facts and are compared with mail as it is filed (inbound/routing.py).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from letterlock.actions.caller import ADMIN, READ, ROUTE, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import Request
from letterlock.actions.listing import EmailLabelledList, ListLabelled, list_labelled
from letterlock.actions.people import contact_key, domain_of
from letterlock.actions.reading import own_email
from letterlock.actions.tenancy import own_agent
from letterlock.app import App
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from letterlock.ids import new_id
from letterlock.message.address import breaks_lines, parse_address
from letterlock.message.extract.meaning import Category
from letterlock.policy import decide_change
from letterlock.routing import (
    ADDRESSES,
    CLOSED,
    MOST_CONDITIONS,
    MOST_OUTCOMES,
    MOST_RULES,
    MOST_VALUE_CHARS,
    MOST_VALUES,
    Comparison,
    Condition,
    Fact,
    Outcome,
    OutcomeKind,
    Role,
    Rule,
)
from letterlock.screen.safe_text import safe_line
from letterlock.screen.score import Level
from letterlock.store import audit, conduct, routing
from letterlock.store.database import Transaction

_HOUR_MS = 3_600_000
_LABEL = re.compile(r"[a-z0-9][a-z0-9._/-]{0,39}")
_SMALL = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConditionGiven(_Part):
    fact: Fact = Field(description="sender: proved by authentication; claimed_sender: what From says, unproved")
    comparison: Comparison = Field("is", description="like: a pattern with *; domain: of it or below it")
    values: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MOST_VALUE_CHARS)]],
        Field(min_length=1, max_length=MOST_VALUES, description="any of them"),
    ]


class OutcomeGiven(_Part):
    kind: OutcomeKind
    value: Annotated[
        str,
        Field(
            min_length=1,
            max_length=320,
            description="agent (name or id), label, name of the event, address a person vouches for, or why a person"
            " is asked",
        ),
    ]
    role: Role | Literal[""] = Field("", description="of the agent: PARTICIPANT without it")


def _checked_name(name: str) -> str:
    if breaks_lines(name) or not name.strip():
        raise ValueError("a name is one line that shows something, without control characters")
    return name


class AddRule(Request):
    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_checked_name)]
    conditions: Annotated[list[ConditionGiven], Field(max_length=MOST_CONDITIONS, description="all must hold")]
    outcomes: Annotated[list[OutcomeGiven], Field(min_length=1, max_length=MOST_OUTCOMES)]
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000, description="higher ones first")] = 0
    stop: Annotated[bool, Field(description="where it matches, later rules are not asked")] = False


class RuleShown(BaseModel):
    rule_id: str
    name: str
    priority: int
    stop: bool
    conditions: list[ConditionGiven]
    outcomes: list[OutcomeGiven]


class ListRules(Request):
    pass


class RuleList(BaseModel):
    rules: list[RuleShown] = Field(description="in the order in which they are asked")


class OneRule(Request):
    rule_id: Annotated[str, Field(min_length=1, max_length=64)]


class RuleRemoved(BaseModel):
    rule_id: str


class AddLabel(Request):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]
    label: Annotated[str, Field(min_length=1, max_length=40)]


class RemoveLabel(AddLabel):
    pass


class Labels(BaseModel):
    email_id: str
    labels: list[str]


# --- rules ------------------------------------------------------------------------------------------------------------


async def add_rule(app: App, caller: Caller, request: AddRule) -> RuleShown:
    """Say what is done with incoming mail: assign its thread, label it, tell of it, forward it to a person, or hand it
    to one. Holds for mail that comes from now on."""
    await _may_change(app, caller)
    rule = Rule(
        new_id("rule"),
        safe_line(request.name, 80),
        request.priority,
        request.stop,
        tuple([_condition(given) for given in request.conditions]),
        tuple([await _outcome(app, caller, given) for given in request.outcomes]),
    )
    now = app.now_ms()

    async def add(tx: Transaction) -> None:
        if not await routing.add_rule(tx, rule, caller.agent_id, now, MOST_RULES):
            raise Conflict(f"There are {MOST_RULES} rules already.", next_step="Remove one that is not used.")
        await audit.append(tx, now, caller.agent_id, "rule.added", rule.rule_id, does=[o.kind for o in rule.outcomes])

    await app.database.write(caller.tenant_id, add)
    return _shown(rule)


async def list_rules(app: App, caller: Caller, request: ListRules) -> RuleList:
    """The rules of your tenant for incoming mail."""
    caller.need_all(ROUTE)
    found = await app.database.read(caller.tenant_id, routing.rules)
    return RuleList(rules=[_shown(rule) for rule in found])


async def get_rule(app: App, caller: Caller, request: OneRule) -> RuleShown:
    """One rule."""
    caller.need_all(ROUTE)
    found = await app.database.read(caller.tenant_id, lambda tx: routing.rule(tx, request.rule_id))
    if found is None:
        raise _no_rule(request.rule_id)
    return _shown(found)


async def remove_rule(app: App, caller: Caller, request: OneRule) -> RuleRemoved:
    """End a rule. What it did stays done."""
    await _may_change(app, caller)

    async def remove(tx: Transaction) -> None:
        if not await routing.remove_rule(tx, request.rule_id):
            raise _no_rule(request.rule_id)
        await audit.append(tx, app.now_ms(), caller.agent_id, "rule.removed", request.rule_id)

    await app.database.write(caller.tenant_id, remove)
    return RuleRemoved(rule_id=request.rule_id)


async def _may_change(app: App, caller: Caller) -> None:
    caller.need_all(ROUTE)
    since = app.now_ms() - int(app.settings.taint_hours * _HOUR_MS)
    tainted = await app.database.read(caller.tenant_id, lambda tx: conduct.is_tainted(tx, caller.agent_id, since))
    # No key of an agent holds admin, whatever its row says.
    decision = decide_change(by_person=ADMIN in caller.scopes, tainted=tainted)
    if decision.kind != "allow":
        raise NotAllowed(decision.reasons[0].text, next_step=decision.reasons[0].next_step)


def _condition(given: ConditionGiven) -> Condition:
    fits = given.comparison == "is" if given.fact in CLOSED else given.comparison != "domain" or given.fact in ADDRESSES
    if not fits:
        usable = "is" if given.fact in CLOSED else "is, contains or like"
        raise InvalidRequest(
            f"'{given.comparison}' does not fit the fact '{given.fact}'.", next_step=f"Compare it by {usable}."
        )
    return Condition(given.fact, given.comparison, tuple(_value(given, value.strip()) for value in given.values))


def _value(given: ConditionGiven, value: str) -> str:
    """As it is compared. Raises InvalidRequest for one that nothing could ever match."""
    known = get_args(Category) if given.fact == "category" else tuple(Level) if given.fact == "level" else ()
    if given.fact in CLOSED and value not in known:
        raise InvalidRequest(
            f"There is no {given.fact} '{safe_line(value, 60)}'.", next_step=f"There are: {', '.join(known)}."
        )
    if given.comparison == "domain":
        return contact_key(f"@{domain_of(value)}")[1:]
    if given.comparison == "is" and given.fact in ADDRESSES:
        return parse_address(value).key
    if not value.strip("*"):
        raise InvalidRequest(
            f"'{safe_line(value, 60)}' says nothing of the fact '{given.fact}'.", next_step="Leave the condition out."
        )
    return value


async def _outcome(app: App, caller: Caller, given: OutcomeGiven) -> Outcome:
    value = given.value.strip(" ")
    if given.role and given.kind != "assign":
        raise InvalidRequest(f"The outcome '{given.kind}' takes no role.", next_step="Leave it out.")
    if given.kind == "assign":
        return Outcome("assign", (await own_agent(app, caller, value)).agent_id, given.role or "PARTICIPANT")
    if given.kind == "label":
        return Outcome("label", checked_label(value))
    if given.kind == "event":
        if not _SMALL.fullmatch(value):
            raise InvalidRequest(
                f"'{safe_line(value, 60)}' cannot name an event.",
                next_step="Use up to 60 small letters, digits, dots, hyphens and _.",
            )
        return Outcome("event", value)
    if given.kind == "escalate":
        return Outcome("escalate", safe_line(value, 200))
    address = parse_address(value).key
    how = await app.database.read(caller.tenant_id, lambda tx: conduct.contact(tx, conduct.EVERY_AGENT, address))
    if how != "named":
        raise NotAllowed(
            f"Mail is forwarded only to addresses a person vouches for, and {safe_line(address, 100)} is none.",
            next_step="The owner can name it first: `letterlock contact add`.",
        )
    return Outcome("forward", address)


def _shown(rule: Rule) -> RuleShown:
    return RuleShown(
        rule_id=rule.rule_id,
        name=rule.name,
        priority=rule.priority,
        stop=rule.stop,
        conditions=[
            ConditionGiven(fact=one.fact, comparison=one.comparison, values=list(one.values)) for one in rule.conditions
        ],
        outcomes=[OutcomeGiven(kind=one.kind, value=one.value, role=one.role) for one in rule.outcomes],
    )


def _no_rule(rule_id: str) -> NotFound:
    return NotFound(f"Rule '{safe_line(rule_id, 64)}' not found.", next_step="`letterlock rule list` shows all.")


# --- labels -----------------------------------------------------------------------------------------------------------


async def add_label(app: App, caller: Caller, request: AddLabel) -> Labels:
    """Put a label on an email."""
    label = checked_label(request.label)
    email = await own_email(app, caller, request.email_id)

    async def add(tx: Transaction) -> None:
        if not await routing.add_label(tx, email.email_id, label):
            raise Conflict(f"The email has {routing.MOST_LABELS} labels already.", next_step="Remove one first.")

    await app.database.write(caller.tenant_id, add)
    return await _labels(app, caller, request)


async def remove_label(app: App, caller: Caller, request: RemoveLabel) -> Labels:
    """Take a label off an email."""
    email = await own_email(app, caller, request.email_id)
    if not await app.database.write(
        caller.tenant_id, lambda tx: routing.remove_label(tx, email.email_id, request.label)
    ):
        raise NotFound(f"The email has no label '{safe_line(request.label, 40)}'.")
    return await _labels(app, caller, request)


async def _labels(app: App, caller: Caller, request: AddLabel) -> Labels:
    email = await own_email(app, caller, request.email_id)
    found = await app.database.read(caller.tenant_id, lambda tx: routing.labels(tx, [email.email_id]))
    return Labels(email_id=email.email_id, labels=list(found.get(email.email_id, ())))


def checked_label(label: str) -> str:
    """Raises InvalidRequest."""
    if not _LABEL.fullmatch(label):
        raise InvalidRequest(
            f"'{safe_line(label, 60)}' cannot be a label.",
            next_step="Use up to 40 small letters, digits, dots, hyphens, _ and /, first a letter or digit.",
        )
    return label


_READS = Hints(read_only=True, idempotent=True)
_AGAIN = Hints(idempotent=True)

ROUTING: tuple[Action, ...] = (
    Action("add_rule", "Add rule", "reading", ROUTE, Hints(), AddRule, RuleShown, add_rule),
    Action("list_rules", "List rules", "reading", ROUTE, _READS, ListRules, RuleList, list_rules),
    Action("get_rule", "Show rule", "reading", ROUTE, _READS, OneRule, RuleShown, get_rule),
    Action(
        "remove_rule", "Remove rule", "reading", ROUTE, Hints(destructive=True, idempotent=True),
        OneRule, RuleRemoved, remove_rule,
    ),
    Action("list_emails", "List emails", "reading", READ, _READS, ListLabelled, EmailLabelledList, list_labelled),
    Action("add_label", "Add label", "reading", ROUTE, _AGAIN, AddLabel, Labels, add_label),
    Action("remove_label", "Remove label", "reading", ROUTE, _AGAIN, RemoveLabel, Labels, remove_label),
)  # fmt: skip
