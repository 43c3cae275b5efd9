"""The commands on mailboxes elsewhere: `letterlock connect`, `letterlock mailbox`. Translates, decides nothing."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, line_of, with_options

if TYPE_CHECKING:
    from letterlock.actions.mailboxes import MailboxShown
    from letterlock.logins import Device
    from letterlock.providers import Provider


_PORT = click.IntRange(1, 65_535)


def add_to(cli: click.Group) -> None:
    cli.add_command(connect)
    cli.add_command(mailbox)


@click.command()
@click.argument("address", default="")
@click.option(
    "--provider", default="", help="Name of the provider, where its domain does not tell: gmail, microsoft, ..."
)
@click.option("--host", default="", help="IMAP server, for providers that are not in the table.")
@click.option("--port", type=_PORT, default=None, help="Its port; 993, or 143 with starttls.")
@click.option("--security", type=click.Choice(["tls", "starttls"]), default=None, help="How it is encrypted.")
@click.option("--smtp-host", default="", help="Server to send by, for providers that are not in the table.")
@click.option("--smtp-port", type=_PORT, default=None, help="Its port; 465, or 587 with starttls.")
@click.option("--smtp-security", type=click.Choice(["tls", "starttls"]), default=None, help="How it is encrypted.")
@click.option("--pin", is_flag=True, help="Believe the certificate it shows now: only of a server on this machine.")
@click.option("--username", default="", help="Login; without it the address.")
@click.option(
    "--password-file", type=click.Path(path_type=Path, allow_dash=True), help="File with the (app) password; -: stdin."
)
@click.option("--client-id", default="", help="Your own OAuth client, in place of a password (Microsoft, Google).")
@click.option("--client-secret-file", type=click.Path(path_type=Path), help="File with its secret, where it has one.")
@click.option("--catch-all", default="", help="Your own domain whose mail all lands in this mailbox.")
@click.option("--mark-read", is_flag=True, help="Mark emails that were fetched as read (with --move-to: that as well).")
@click.option("--move-to", default="", help="Move emails that were fetched to this folder.")
@click.option("--leave-as-is", is_flag=True, help="Neither any more: without it, what was chosen before stays.")
@click.option(
    "--write-as", type=click.Choice(["mailbox", "inbox"]), default=None,
    help="Who stands in From: the mailbox, the inbox in Reply-To (usual), or the inbox, where the provider lets you.",
)  # fmt: skip
@click.option("--authserv", default="", help="authserv-id of its Authentication-Results, to believe them.")
@click.option("--ask-provider", is_flag=True, default=None, help="Ask autoconfig.DOMAIN how it is reached.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def connect(outer: dict[str, Any], /, **options: Any) -> None:
    """Get real mail through a mailbox you have: inboxes become you+name@ of its ADDRESS."""
    from letterlock.actions.mailboxes import Connect, connect_mailbox

    given = {name: options.pop(name) for name in tuple(options) if name in Connect.model_fields}
    password_file, secret_file = options.pop("password_file"), options.pop("client_secret_file")
    asks = sys.stdin.isatty() and password_file is None
    if not given["address"]:
        if not asks:
            raise click.UsageError("Say which mailbox: letterlock connect you@example.com")
        given["address"] = click.prompt("Your email address")
    if secret_file is not None:
        given["client_secret"] = line_of(secret_file)
    if password_file is not None:
        given["password"] = line_of(password_file)
    elif asks:
        _ask(given)
    request = _request({name: value for name, value in given.items() if value not in (None, "")})
    shown = as_person(outer, options, lambda app, caller: connect_mailbox(app, caller, request, _tell))
    _show(shown)


def _request(given: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from letterlock.actions.mailboxes import Connect

    try:
        return Connect.model_validate(given)
    except ValidationError as error:
        # Late: it brings every action with it, and takes as long as the rest of the command.
        from letterlock.actions.catalog import explain

        raise click.ClickException(explain(error)) from None


def _ask(given: dict[str, Any]) -> None:
    """The rest of the dialogue: what is known of the provider, and the password it wants."""
    from letterlock.errors import InvalidRequest
    from letterlock.message.address import parse_address
    from letterlock.providers import autoconfig_url, provider_by_key, provider_of

    try:
        domain = parse_address(given["address"]).key.rpartition("@")[2]
    except InvalidRequest as error:
        raise click.ClickException(str(error)) from None
    provider = provider_by_key(given["provider"]) if given["provider"] else provider_of(domain)
    if provider is None and not given["host"]:
        if given["ask_provider"] is None:
            given["ask_provider"] = click.confirm(f"{domain} is not in the table. Ask {autoconfig_url(domain)}?")
        if given["ask_provider"]:
            provider = _looked_up(given["address"])
            if provider is None:
                click.echo(f"{domain} says nothing of its mail servers.")
        if provider is None:
            given["ask_provider"], given["host"] = False, click.prompt("IMAP server")
    if given["client_id"]:
        return
    if provider is not None and not given["host"]:
        click.echo(f"{provider.name} wants {provider.password}.")
        if provider.also:
            click.echo(f"It must be switched on there: {provider.also}")
        if provider.only_oauth and provider.oauth is not None:
            click.echo(provider.oauth.register)
            given["client_id"] = click.prompt("Client id")
            return
    given["password"] = click.prompt("Password", hide_input=True)


def _looked_up(address: str) -> Provider | None:
    from letterlock.actions.mailboxes import Connect, known_provider

    return asyncio.run(known_provider(Connect(address=address, ask_provider=True)))


def _tell(device: Device) -> None:
    click.echo(f"Open {device.url} and type {click.style(device.user_code, bold=True)}; waiting ...")


@click.group()
def mailbox() -> None:
    """Mailboxes elsewhere that mail is fetched from (`letterlock connect`)."""


@mailbox.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def mailbox_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List them and how each stands."""
    from letterlock.actions.mailboxes import ListMailboxes, list_mailboxes

    found = as_person(outer, options, lambda app, caller: list_mailboxes(app, caller, ListMailboxes()))
    for one in found.mailboxes:
        _show(one)
    if not found.mailboxes:
        click.echo("None; connect one with `letterlock connect`.", err=True)


@mailbox.command("remove")
@click.argument("mailbox")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def mailbox_remove(outer: dict[str, Any], /, mailbox: str, **options: Any) -> None:
    """Forget MAILBOX (address or id) and its password; its inboxes keep the mail they have."""
    from letterlock.actions.mailboxes import OneMailbox, remove_mailbox

    gone = as_person(outer, options, lambda app, caller: remove_mailbox(app, caller, OneMailbox(mailbox=mailbox)))
    click.echo(f"{gone.address} is forgotten. Take its app password back at the provider, too.")


def _show(shown: MailboxShown) -> None:
    where = f"; its inboxes: {shown.inboxes.format('name')}" if shown.inboxes else "; it can have no inboxes"
    click.echo(f"{shown.address} at {shown.host}{where}")
    if shown.tried:
        click.echo(f"  tried, and works: {' and '.join(shown.tried)}")
    if shown.sends_by and shown.inboxes:
        who = "the inbox" if shown.write_as == "inbox" else f"{shown.address}, the inbox in Reply-To"
        click.echo(f"  sends by {shown.sends_by}; in From stands {who}")
    if shown.master_key:
        click.echo(f"  its login is sealed; the key to that is in {shown.master_key}")
        if not shown.in_keyring:
            click.echo("    To have the system's keyring keep it: docs/vault.md, vault_keyring.")
    if shown.done_with:
        before = ", as chosen before (--leave-as-is takes it back)" if shown.kept else ""
        click.echo(f"  emails that were fetched are {shown.done_with}{before}")
    elif shown.tried:
        click.echo("  emails that were fetched stay as they are")
    for one in shown.folders:
        left = f", {one.skipped} left there (too large, or not given out)" if one.skipped else ""
        said = one.problem or f"watched, last looked at {one.seen_at:%Y-%m-%d %H:%M:%S} UTC"
        click.echo(f"  {one.folder}{' (spam)' if one.spam else ''}: {said}{left}")
        if one.problem and one.advice:
            click.echo(f"    {one.advice}")
    if shown.warning:
        click.echo(click.style(shown.warning, fg="yellow"), err=True)
