"""The commands on tenants, agents and keys: `letterlock tenant|agent|key`. Translates, decides nothing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, with_app, with_options

if TYPE_CHECKING:
    from letterlock.actions.caller import Caller
    from letterlock.app import App
    from letterlock.store.tenants import Key

_DAY_S = 24 * 3600
_HOUR_S = 3600


def add_to(cli: click.Group) -> None:
    for group in (tenant, agent, key):
        cli.add_command(group)


@click.group()
def tenant() -> None:
    """Tenants: each has its own agents, keys, inboxes, mail, contacts and audit log."""


@tenant.command("add")
@click.argument("name")
@with_options(*OPTIONS)
@click.pass_obj
def tenant_add(outer: dict[str, Any], /, name: str, **options: Any) -> None:
    """Make a tenant."""
    from letterlock.actions.tenancy import add_tenant

    made = with_app(outer, options, lambda app: add_tenant(app, name))
    click.echo(f"{made.name}\t{made.tenant_id}")


@tenant.command("list")
@click.option("--closed", is_flag=True, help="Closed ones too.")
@with_options(*OPTIONS)
@click.pass_obj
def tenant_list(outer: dict[str, Any], /, closed: bool, **options: Any) -> None:
    """List tenants in the order they were made."""
    from letterlock.actions.tenancy import list_tenants

    for one in with_app(outer, options, lambda app: list_tenants(app, closed=closed)):
        ended = f"\tclosed {_day(one.closed_at)}" if one.closed_at else ""
        click.echo(f"{one.name}\t{one.tenant_id}\tsince {_day(one.created_at)}{ended}")


@tenant.command("rename")
@click.argument("name")
@click.argument("new_name")
@with_options(*OPTIONS)
@click.pass_obj
def tenant_rename(outer: dict[str, Any], /, name: str, new_name: str, **options: Any) -> None:
    """Give a tenant another name; its id stays."""
    from letterlock.actions.tenancy import rename_tenant

    made = with_app(outer, options, lambda app: rename_tenant(app, name, new_name))
    click.echo(f"{made.name}\t{made.tenant_id}")


@tenant.command("close")
@click.argument("name")
@with_options(*OPTIONS)
@click.pass_obj
def tenant_close(outer: dict[str, Any], /, name: str, **options: Any) -> None:
    """End a tenant: its keys, its sending, its inboxes."""
    from letterlock.actions.tenancy import close_tenant

    closed = with_app(outer, options, lambda app: close_tenant(app, name))
    click.echo(f"{name} closed, {closed} inboxes deleted.")


@tenant.command("limit")
@click.argument("name")
@click.argument("limit", default="")
@click.argument("most", default="")
@with_options(*OPTIONS)
@click.pass_obj
def tenant_limit(outer: dict[str, Any], /, name: str, limit: str, most: str, **options: Any) -> None:
    """Show the limits of a tenant, or set LIMIT to MOST in an hour ("default": as the settings say)."""
    from letterlock.actions.tenancy import TenantLimit, set_limit, tenant_limits

    if limit and not (most.isascii() and most.isdigit()) and most != "default":
        raise click.UsageError(f"Say how many: letterlock tenant limit {name} {limit} NUMBER, or default.")

    async def change(app: App) -> list[TenantLimit]:
        if limit:
            await set_limit(app, name, limit, None if most == "default" else int(most))
        return await tenant_limits(app, name)

    for one in with_app(outer, options, change):
        click.echo(f"{one.name}\t{one.most}\t{'of its own' if one.own else 'default'}")


@click.group()
def agent() -> None:
    """Agents and people of a tenant, who hold its keys."""


@agent.command("add")
@click.argument("name")
@click.option("--person", is_flag=True, help="A person: only their keys may approve, reveal, release, admin.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def agent_add(outer: dict[str, Any], /, name: str, person: bool, **options: Any) -> None:
    """Make an agent, or a person."""
    from letterlock.actions.tenancy import add_agent

    made = as_person(outer, options, lambda app, caller: add_agent(app, name, person=person, caller=caller))
    click.echo(f"{made.name}\t{made.kind}\t{made.agent_id}")


@agent.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def agent_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List agents and people in the order they were made."""
    from letterlock.actions.tenancy import list_agents

    for one in as_person(outer, options, lambda app, caller: list_agents(app, caller=caller)):
        click.echo(f"{one.name}\t{one.kind}\t{one.agent_id}\tsince {_day(one.created_at)}")


@agent.command("remove")
@click.argument("name")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def agent_remove(outer: dict[str, Any], /, name: str, **options: Any) -> None:
    """End an agent: its keys, its inboxes."""
    from letterlock.actions.tenancy import remove_agent

    closed = as_person(outer, options, lambda app, caller: remove_agent(app, name, caller=caller))
    click.echo(f"{name} removed, {closed} inboxes deleted.")


@click.group()
def key() -> None:
    """API keys: who calls, and what they may do."""


@key.command("make")
@click.argument("agent")
@click.option("--scopes", help="Comma-separated; without it read,wait,send,manage_inboxes.")
@click.option("--inbox", default="", help="For this one inbox only (id or address).")
@click.option("--name", default="", help="What it is for.")
@click.option("--days", type=float, help="It ends after so many days.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def key_make(
    outer: dict[str, Any],
    /,
    agent: str,
    scopes: str | None,
    inbox: str,
    name: str,
    days: float | None,
    **options: Any,
) -> None:
    """Make a key for AGENT (name or id) and show it, this once."""
    from letterlock.actions.caller import AGENT_SCOPES
    from letterlock.actions.tenancy import make_key
    from letterlock.store.tenants import NewKey

    wanted = AGENT_SCOPES if scopes is None else {part.strip() for part in scopes.split(",") if part.strip()}
    expires_s = None if days is None else _seconds(days)

    async def make(app: App, caller: Caller) -> NewKey:
        return await make_key(app, agent, scopes=wanted, name=name, inbox=inbox, expires_s=expires_s, caller=caller)

    _show_new(as_person(outer, options, make))


@key.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def key_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List the live keys of the tenant."""
    from letterlock.actions.tenancy import list_agents, list_keys

    async def look(app: App, caller: Caller) -> tuple[list[Key], dict[str, str]]:
        agents = await list_agents(app, caller=caller)
        return await list_keys(app, caller=caller), {one.agent_id: one.name for one in agents}

    found, names = as_person(outer, options, look)
    for one in found:
        parts = [
            one.key_id,
            f"...{one.hint}",
            names.get(one.agent_id, one.agent_id),
            ",".join(sorted(one.scopes)),
            *([f"only {one.inbox_id}"] if one.inbox_id else []),
            *([f"until {_day(one.expires_at)}"] if one.expires_at else []),
            f"last used {_minute(one.used_at)}" if one.used_at else "never used",
            *([one.name] if one.name else []),
        ]
        click.echo("\t".join(parts))


@key.command("revoke")
@click.argument("key_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def key_revoke(outer: dict[str, Any], /, key_id: str, **options: Any) -> None:
    """End a key (its id or last four characters) now."""
    from letterlock.actions.tenancy import revoke_key

    done = as_person(outer, options, lambda app, caller: revoke_key(app, key_id, caller=caller))
    click.echo(f"{done.key_id} (...{done.hint}) ended.")


@key.command("rotate")
@click.argument("key_id")
@click.option("--grace-hours", default=0.0, show_default=True, help="So long the old one still counts.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def key_rotate(outer: dict[str, Any], /, key_id: str, grace_hours: float, **options: Any) -> None:
    """Make a new key that may do the same, in the place of one (its id or last four characters)."""
    from letterlock.actions.tenancy import rotate_key

    grace_s = round(grace_hours * _HOUR_S)
    _show_new(as_person(outer, options, lambda app, caller: rotate_key(app, key_id, grace_s=grace_s, caller=caller)))


def _seconds(days: float) -> int:
    """What no number of seconds can be is longer than any key may last."""
    return round(days * _DAY_S) if abs(days) < _MOST_DAYS else round(_MOST_DAYS * _DAY_S)


_MOST_DAYS = 1e6


def _show_new(made: Any) -> None:
    click.echo(made.text)
    click.echo(
        f"{made.key_id}: shown this once. Send it as 'Authorization: Bearer KEY', or set LETTERLOCK_KEY.", err=True
    )


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000):%Y-%m-%d}"


def _minute(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000):%Y-%m-%d %H:%M}"
