"""The commands on where mail goes: `letterlock rule|thread|escalations|list`. Translates, decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, with_options

if TYPE_CHECKING:
    from letterlock.actions.lists import ListEntry
    from letterlock.actions.routing import RuleShown
    from letterlock.actions.threads import EscalationShown, ThreadAgents


def add_to(cli: click.Group) -> None:
    for group in (rule, thread, escalations, lists):
        cli.add_command(group)


# --- rules ------------------------------------------------------------------------------------------------------------


@click.group()
def rule() -> None:
    """Rules for incoming mail: assign, label, tell, forward to a person, hand to one."""


@rule.command("add")
@click.argument("name")
@click.option("--if", "conditions", multiple=True, help='"FACT COMPARISON VALUE[,VALUE]": "subject contains invoice".')
@click.option("--then", "outcomes", multiple=True, required=True, help='"KIND VALUE": "label billing".')
@click.option("--priority", type=int, default=0, show_default=True, help="Higher ones are asked first.")
@click.option("--stop", is_flag=True, help="Where it matches, later rules are not asked.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def rule_add(
    outer: dict[str, Any],
    /,
    name: str,
    conditions: tuple[str, ...],
    outcomes: tuple[str, ...],
    priority: int,
    stop: bool,
    **options: Any,
) -> None:
    """Make a rule. All of its conditions must hold; none at all hold for every email.

    FACT: recipient, sender (proved), claimed_sender, subject, category, level. COMPARISON: is, contains, like, domain.
    KIND: assign (AGENT ROLE), label, event, forward, escalate.
    """
    made = _do(
        outer,
        options,
        "add_rule",
        name=name,
        conditions=[_condition(text) for text in conditions],
        outcomes=[_outcome(text) for text in outcomes],
        priority=priority,
        stop=stop,
    )
    click.echo(_rule(made))


@rule.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def rule_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List the rules in the order in which they are asked."""
    for one in _do(outer, options, "list_rules").rules:
        click.echo(_rule(one))


@rule.command("remove")
@click.argument("rule_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def rule_remove(outer: dict[str, Any], /, rule_id: str, **options: Any) -> None:
    """End a rule; what it did stays done."""
    click.echo(f"{_do(outer, options, 'remove_rule', rule_id=rule_id).rule_id} removed.")


def _condition(text: str) -> dict[str, Any]:
    fact, comparison, values = _words(text, 3, 'like "sender domain example.com,example.org"')
    return {"fact": fact, "comparison": comparison, "values": [value.strip() for value in values.split(",")]}


def _outcome(text: str) -> dict[str, Any]:
    kind, value = _words(text, 2, 'like "label billing" or "assign support-bot OWNER"')
    role = ""
    if kind == "assign":
        value, _, role = value.partition(" ")
    return {"kind": kind, "value": value, "role": role.strip()}


def _words(text: str, count: int, like: str) -> list[str]:
    found = text.split(None, count - 1)
    if len(found) < count:
        raise click.UsageError(f"'{text}' is not {count} words, {like}.")
    return found


def _rule(one: RuleShown) -> str:
    parts = [
        one.rule_id,
        one.name,
        *(f"if {each.fact} {each.comparison} {','.join(each.values)}" for each in one.conditions),
        *(f"then {each.kind} {each.value} {each.role}".rstrip() for each in one.outcomes),
        *([f"priority {one.priority}"] if one.priority else []),
        *(["stop"] if one.stop else []),
    ]
    return "\t".join(parts)


# --- threads ----------------------------------------------------------------------------------------------------------


@click.group()
def thread() -> None:
    """Which agents work on a conversation."""


@thread.command("assign")
@click.argument("thread_id")
@click.argument("agent")
@click.option("--role", default="PARTICIPANT", show_default=True, help="OWNER, PARTICIPANT or OBSERVER.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def thread_assign(outer: dict[str, Any], /, thread_id: str, agent: str, role: str, **options: Any) -> None:
    """Give AGENT (name or id) a role in a conversation."""
    _agents(_do(outer, options, "assign_thread", thread_id=thread_id, agent_id=agent, role=role.upper()))


@thread.command("unassign")
@click.argument("thread_id")
@click.argument("agent")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def thread_unassign(outer: dict[str, Any], /, thread_id: str, agent: str, **options: Any) -> None:
    """Take AGENT off a conversation."""
    _agents(_do(outer, options, "unassign_thread", thread_id=thread_id, agent_id=agent))


@thread.command("agents")
@click.argument("thread_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def thread_agents(outer: dict[str, Any], /, thread_id: str, **options: Any) -> None:
    """List who works on a conversation, the owner first."""
    _agents(_do(outer, options, "list_thread_agents", thread_id=thread_id))


def _agents(found: ThreadAgents) -> None:
    for one in found.agents:
        click.echo(f"{one.agent_id}\t{one.role}\tsince {one.since:%Y-%m-%d %H:%M}")


# --- escalations ------------------------------------------------------------------------------------------------------


@click.group()
def escalations() -> None:
    """Conversations that were handed to a person."""


@escalations.command("list")
@click.option("--resolved", is_flag=True, help="Those that are done.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def escalations_list(outer: dict[str, Any], /, resolved: bool, **options: Any) -> None:
    """List what waits, oldest first."""
    for page in _pages(outer, options, "list_escalations", resolved=resolved):
        for one in page.escalations:
            click.echo("\t".join((one.escalation_id, f"{one.created_at:%Y-%m-%d %H:%M}", one.asked_by, one.reason)))


@escalations.command("show")
@click.argument("escalation_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def escalations_show(outer: dict[str, Any], /, escalation_id: str, **options: Any) -> None:
    """Show why a person was asked, and about which email."""
    _escalation(_do(outer, options, "show_escalation", escalation_id=escalation_id))


@escalations.command("resolve")
@click.argument("escalation_id")
@click.option("--note", default="", help="What the agent should know.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def escalations_resolve(outer: dict[str, Any], /, escalation_id: str, note: str, **options: Any) -> None:
    """Give the conversation back to its agents."""
    _escalation(_do(outer, options, "resolve_escalation", escalation_id=escalation_id, note=note))


def _escalation(one: EscalationShown) -> None:
    lines = [
        f"{one.escalation_id} is {one.state}.",
        f"Asked by {one.asked_by} at {one.created_at:%Y-%m-%d %H:%M}: {one.reason}",
        f"Thread {one.thread_id}; the email: letterlock mail show {one.email_id}",
        *([f"Resolved by {one.resolved_by}: {one.note}".rstrip(": ")] if one.resolved_at else []),
    ]
    click.echo("\n".join(lines))


# --- lists ------------------------------------------------------------------------------------------------------------

_WHOSE = (
    click.option("--inbox", default="", help="For this inbox only (id or address)."),
    click.option("--agent", default="", help="For this agent only (name or id)."),
)
_SIDE = click.argument("side", type=click.Choice(["from", "to"]))
_KIND = click.argument("kind", type=click.Choice(["allow", "block"]))


@click.group("list")
def lists() -> None:
    """Whose mail is taken, and who is written to."""


@lists.command("add")
@_SIDE
@_KIND
@click.argument("name")
@with_options(*_WHOSE, *OPTIONS, TENANT)
@click.pass_obj
def lists_add(
    outer: dict[str, Any], /, side: str, kind: str, name: str, inbox: str, agent: str, **options: Any
) -> None:
    """Allow or block NAME (an address, or @domain) as a sender ("from") or a recipient ("to")."""
    _entry(_do(outer, options, "add_to_list", side=side, kind=kind, name=name, inbox=inbox, agent=agent))


@lists.command("remove")
@_SIDE
@_KIND
@click.argument("name")
@with_options(*_WHOSE, *OPTIONS, TENANT)
@click.pass_obj
def lists_remove(
    outer: dict[str, Any], /, side: str, kind: str, name: str, inbox: str, agent: str, **options: Any
) -> None:
    """End what `add` said with the same words."""
    _entry(_do(outer, options, "remove_from_list", side=side, kind=kind, name=name, inbox=inbox, agent=agent))


@lists.command("show")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def lists_show(outer: dict[str, Any], /, **options: Any) -> None:
    """Show all that is allowed and blocked."""
    for page in _pages(outer, options, "list_lists"):
        for one in page.entries:
            _entry(one)


@lists.command("blocked")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def lists_blocked(outer: dict[str, Any], /, **options: Any) -> None:
    """List mail of blocked senders, which is kept for 30 days."""
    from letterlock.doors.inspect import plain

    for page in _pages(outer, options, "list_blocked"):
        for one in page.blocked:
            click.echo(f"{one.email_id}\t{one.at:%Y-%m-%d %H:%M}\t{plain(one.sender)}\tblocked by {one.name}")


@lists.command("release")
@click.argument("email_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def lists_release(outer: dict[str, Any], /, email_id: str, **options: Any) -> None:
    """File an email of a blocked sender like any other."""
    click.echo(f"{_do(outer, options, 'release_blocked', email_id=email_id).email_id} released.")


def _entry(one: ListEntry) -> None:
    click.echo("\t".join((one.side, one.kind, one.name, *([f"only {one.whose}"] if one.whose != "*" else []))))


def _pages(outer: dict[str, Any], options: dict[str, Any], name: str, /, **arguments: Any) -> Iterator[Any]:
    cursor = ""
    while True:
        page = _do(outer, dict(options), name, limit=100, cursor=cursor, **arguments)
        yield page
        if not (cursor := page.next_cursor):
            return


def _do(outer: dict[str, Any], options: dict[str, Any], name: str, /, **arguments: Any) -> Any:
    from letterlock.actions.catalog import perform
    from letterlock.actions.lists import LISTS
    from letterlock.actions.routing import ROUTING
    from letterlock.actions.threads import THREADS

    action = next(one for one in (*ROUTING, *THREADS, *LISTS) if one.name == name)
    return as_person(outer, options, lambda app, caller: perform(app, caller, action, arguments))
