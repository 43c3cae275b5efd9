"""The commands on webhooks: `letterlock webhook`. Translates, decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, with_options

if TYPE_CHECKING:
    from letterlock.actions.webhooks import WebhookAdded, WebhookShown


def add_to(cli: click.Group) -> None:
    cli.add_command(webhook)


@click.group()
def webhook() -> None:
    """Webhooks: where the events of a tenant are sent."""


@webhook.command("add")
@click.argument("url")
@click.option("--events", default="", help="Kinds of events, comma-separated; without it all.")
@click.option("--inbox", help="Of this one inbox only (id or address).")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def webhook_add(outer: dict[str, Any], /, url: str, events: str, inbox: str | None, **options: Any) -> None:
    """Send the events from now on to URL, and show the secret they are signed with, this once."""
    wanted = [part.strip() for part in events.split(",") if part.strip()]
    made = _do(outer, options, "add_webhook", url=url, events=wanted, inbox=inbox)
    _show_secret(made)


@webhook.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def webhook_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List the webhooks of the tenant and how each stands."""
    for one in _do(outer, options, "list_webhooks").webhooks:
        click.echo(_line(one))


@webhook.command("remove")
@click.argument("webhook_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def webhook_remove(outer: dict[str, Any], /, webhook_id: str, **options: Any) -> None:
    """End a webhook for good."""
    click.echo(f"{_do(outer, options, 'remove_webhook', webhook_id=webhook_id).webhook_id} removed.")


@webhook.command("test")
@click.argument("webhook_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def webhook_test(outer: dict[str, Any], /, webhook_id: str, **options: Any) -> None:
    """Send a test event now; ends with 1 when it is not taken."""
    tested = _do(outer, options, "test_webhook", webhook_id=webhook_id)
    click.echo(f"{tested.webhook_id}: {tested.answer}")
    if not tested.took:
        raise SystemExit(1)


@webhook.command("replay")
@click.argument("webhook_id")
@click.option("--after", default="", help="Place of the event to go on behind; without it where it stands.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def webhook_replay(outer: dict[str, Any], /, webhook_id: str, after: str, **options: Any) -> None:
    """Send events again, or go on after the end."""
    click.echo(_line(_do(outer, options, "replay_webhook", webhook_id=webhook_id, after=after)))


@webhook.command("rotate")
@click.argument("webhook_id")
@click.option("--grace-hours", default=24.0, show_default=True, help="So long the old secret signs too.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def webhook_rotate(outer: dict[str, Any], /, webhook_id: str, grace_hours: float, **options: Any) -> None:
    """Sign with a new secret, and show it, this once."""
    _show_secret(_do(outer, options, "rotate_webhook", webhook_id=webhook_id, grace_hours=grace_hours))


def _show_secret(made: WebhookAdded) -> None:
    click.echo(made.secret)
    until = (
        f"; the old one signs until {made.secret_before_until:%Y-%m-%d %H:%M} UTC" if made.secret_before_until else ""
    )
    click.echo(f"{made.webhook_id}: the secret is shown this once{until}.", err=True)


def _do(outer: dict[str, Any], options: dict[str, Any], name: str, /, **arguments: Any) -> Any:
    from letterlock.actions.catalog import perform
    from letterlock.actions.webhooks import WEBHOOKS

    action = next(one for one in WEBHOOKS if one.name == name)
    return as_person(outer, options, lambda app, caller: perform(app, caller, action, arguments))


def _line(one: WebhookShown) -> str:
    parts = [
        one.webhook_id,
        one.state,
        one.url,
        *([",".join(one.events)] if one.events else []),
        *([f"only {one.inbox_id}"] if one.inbox_id else []),
        *([one.last_answer] if one.last_answer else []),
        f"at {one.place}",
    ]
    return "\t".join(parts)
