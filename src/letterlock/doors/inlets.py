"""The commands on inlets: `letterlock inlet`. Translates, decides nothing."""

from __future__ import annotations

from typing import Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, with_options


def add_to(cli: click.Group) -> None:
    cli.add_command(inlet)


@click.group()
def inlet() -> None:
    """Inlets: how a service in front hands in mail of a domain (docs/inlets.md)."""


@inlet.command("add")
@click.argument("domain")
@click.option(
    "--service",
    type=click.Choice(["raw", "mailgun", "postmark", "sendgrid", "ses"]),
    default="raw",
    show_default=True,
    help="Whose wording it speaks; raw: the email as it is (Cloudflare, a script).",
)
@click.option("--topic", default="", help="ses: ARN of the Amazon SNS topic that is believed.")
@click.option("--confirm", is_flag=True, help="ses: confirm the subscription when SNS asks.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def inlet_add(outer: dict[str, Any], /, domain: str, service: str, topic: str, confirm: bool, **options: Any) -> None:
    """Let a service hand in mail of DOMAIN, and show the address and the secret to give it."""
    # Asked for, not an option: what stands on the command line, everybody on the machine can read.
    key = click.prompt("HTTP webhook signing key of Mailgun", hide_input=True) if service == "mailgun" else ""
    given = {"domain": domain, "service": service, "signing_key": key, "topic": topic, "confirm": confirm}
    made = _do(outer, options, "add_inlet", **given)
    click.echo(f"Inlet {made.inlet_id} for {made.domain}. Its secret, shown this once: {made.secret}")
    if made.service == "raw":
        click.echo(f"POST https://HOST/v1{made.path}?to=ADDRESS with 'Authorization: Bearer {made.secret}'")
    else:
        click.echo(f"Address to give to {made.service}: https://letterlock:{made.secret}@HOST/v1{made.path}")
    if made.warning:
        click.echo(click.style(made.warning, fg="yellow"), err=True)


@inlet.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def inlet_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List the inlets of the tenant."""
    found = _do(outer, options, "list_inlets").inlets
    for one in found:
        topic = f"\t{one.topic}" if one.topic else ""
        click.echo(f"{one.inlet_id}\t{one.domain}\t{one.service}\t/v1{one.path}\t...{one.hint}{topic}")
    if not found:
        click.echo("No inlets; make one with `letterlock inlet add`.", err=True)


@inlet.command("remove")
@click.argument("inlet_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def inlet_remove(outer: dict[str, Any], /, inlet_id: str, **options: Any) -> None:
    """End an inlet: its secret counts no longer."""
    click.echo(f"The inlet for {_do(outer, options, 'remove_inlet', inlet_id=inlet_id).domain} is removed.")


def _do(outer: dict[str, Any], options: dict[str, Any], name: str, /, **arguments: Any) -> Any:
    from letterlock.actions.catalog import perform
    from letterlock.actions.inlets import INLETS

    action = next(one for one in INLETS if one.name == name)
    return as_person(outer, options, lambda app, caller: perform(app, caller, action, arguments))
