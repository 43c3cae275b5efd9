"""The commands on what stays and what goes: `letterlock hold|retention`. Translates, decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, with_options

if TYPE_CHECKING:
    from letterlock.actions.lifecycle import Holds, Retention


def add_to(cli: click.Group) -> None:
    for command in (hold, retention):
        cli.add_command(command)


@click.group()
def hold() -> None:
    """Legal holds: what is on hold is never removed, whoever deletes it and however old it is."""


_INBOX = click.option("--inbox", default="", help="One inbox (id or address); without it the whole tenant.")


@hold.command("set")
@click.argument("reason")
@_INBOX
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def hold_set(outer: dict[str, Any], /, reason: str, inbox: str, **options: Any) -> None:
    """Put an inbox or a whole tenant on hold, for REASON."""
    _show_holds(_do(outer, options, "set_hold", inbox=inbox, reason=reason))


@hold.command("lift")
@_INBOX
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def hold_lift(outer: dict[str, Any], /, inbox: str, **options: Any) -> None:
    """End a hold: what should have gone meanwhile goes then."""
    _show_holds(_do(outer, options, "lift_hold", inbox=inbox))


@hold.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def hold_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List holds of a tenant."""
    _show_holds(_do(outer, options, "list_holds"))


@click.command()
@click.argument("name", default="")
@click.argument("days", default="")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def retention(outer: dict[str, Any], /, name: str, days: str, **options: Any) -> None:
    """Show how many days things of a tenant stay, or set NAME to DAYS (0: for ever; "default": as the settings say)."""
    if name and not (days.isascii() and days.isdigit()) and days != "default":
        raise click.UsageError(f"Say how many: letterlock retention {name} DAYS, or default.")
    if name:
        wanted = None if days == "default" else int(days[:9])
        shown: Retention = _do(outer, options, "set_retention", name=name, days=wanted)
    else:
        shown = _do(outer, options, "get_retention")
    for one in shown.retention:
        stays = f"{one.days} days" if one.days else "for ever"
        click.echo(f"{one.name}\t{stays}\t{'of its own' if one.own else 'default'}")


def _do(outer: dict[str, Any], options: dict[str, Any], action_name: str, /, **arguments: Any) -> Any:
    """The action as the person at the command line, who speaks of the tenant that is named from the default one."""
    from letterlock.actions.catalog import perform
    from letterlock.actions.lifecycle import LIFECYCLE

    action = next(one for one in LIFECYCLE if one.name == action_name)
    given = {**arguments, "tenant": options.pop("tenant", None) or ""}
    return as_person(outer, options, lambda app, caller: perform(app, caller, action, given))


def _show_holds(shown: Holds) -> None:
    for one in shown.holds:
        click.echo(f"{one.address or 'the whole tenant'}\tsince {one.since:%Y-%m-%d}\t{one.set_by}\t{one.reason}")
    if not shown.holds:
        click.echo("No holds.", err=True)
