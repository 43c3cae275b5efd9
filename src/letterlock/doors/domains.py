"""The commands on domains: `letterlock domain`. Translates, decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, line_of, with_options

if TYPE_CHECKING:
    from letterlock.actions.domain_relays import DomainRelayShown
    from letterlock.actions.domains import DomainRecord, DomainShown

_MARKS = {"found": "ok", "missing": "MISSING", "wrong": "WRONG", "unknown": "no answer", "unchecked": "not looked at"}


def add_to(cli: click.Group) -> None:
    cli.add_command(domain)


@click.group()
def domain() -> None:
    """Domains: addresses of your own, such as support@example.com."""


@domain.command("add")
@click.argument("domain")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_add(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Claim DOMAIN and show the records to set in its DNS."""
    _show(_do(outer, options, "add_domain", domain=domain))


@domain.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List the domains of the tenant and how each stands."""
    found = _do(outer, options, "list_domains").domains
    for one in found:
        rest = f"\trest to {one.catch_all}" if one.catch_all else ""
        click.echo(f"{one.domain}\t{one.state}\t{one.domain_id}{rest}")
    if not found:
        click.echo("No domains; claim one with `letterlock domain add`.", err=True)


@domain.command("show")
@click.argument("domain")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_show(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Show the records of DOMAIN (name or id) and what the DNS said of each."""
    _show(_do(outer, options, "get_domain", domain=domain))


@domain.command("verify")
@click.argument("domain")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_verify(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Look at the records of DOMAIN now; ends with 1 when it is not verified."""
    shown = _do(outer, options, "verify_domain", domain=domain)
    _show(shown)
    if shown.state != "verified":
        raise SystemExit(1)


@domain.command("remove")
@click.argument("domain")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_remove(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Give DOMAIN up; its inboxes get and send nothing from now on."""
    click.echo(f"{_do(outer, options, 'remove_domain', domain=domain).domain} removed.")


@domain.command("catch-all")
@click.argument("domain")
@click.argument("inbox", default="")
@click.option("--off", is_flag=True, help="Nobody gets it, as at first.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_catch_all(outer: dict[str, Any], /, domain: str, inbox: str, off: bool, **options: Any) -> None:
    """Let INBOX (id or address) get what comes for addresses of DOMAIN that have no inbox."""
    if bool(inbox) == off:
        raise click.UsageError(f"Say which inbox: letterlock domain catch-all {domain} INBOX, or --off.")
    shown = _do(outer, options, "set_catch_all", domain=domain, inbox=inbox)
    click.echo(f"{shown.domain}: the rest goes to {shown.catch_all or 'nobody'}.")


@domain.command("mta-sts")
@click.argument("domain")
@click.argument("mode", type=click.Choice(["off", "none", "testing", "enforce", "default"]))
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_mta_sts(outer: dict[str, Any], /, domain: str, mode: str, **options: Any) -> None:
    """Choose what senders are asked of the mail servers of DOMAIN, and show the record to set."""
    _show(_do(outer, options, "set_mta_sts", domain=domain, mode="" if mode == "default" else mode))


@domain.command("rotate-key")
@click.argument("domain")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_rotate_key(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Make new DKIM keys beside the old ones, and show the records to set."""
    _show(_do(outer, options, "rotate_keys", domain=domain))


@domain.group()
def relay() -> None:
    """The mail server that mail from a domain leaves by."""


@relay.command("set")
@click.argument("domain")
@click.option("--host", required=True, help="Name of the server.")
@click.option("--port", type=int, default=587, show_default=True, help="Its port.")
@click.option(
    "--security", type=click.Choice(["starttls", "tls", "none"]), default="starttls", show_default=True,
    help="How it is encrypted; never weaker.",
)  # fmt: skip
@click.option("--username", default="", help="Login; without it none.")
@click.option(
    "--password-file", type=click.Path(path_type=Path, allow_dash=True), help="File with its password; -: stdin."
)
@click.option("--to", default="", help="Address it is asked about; nothing is sent.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def relay_set(
    outer: dict[str, Any], /, domain: str, host: str, port: int, security: str, username: str,
    password_file: Path | None, to: str, **options: Any,
) -> None:  # fmt: skip
    """Have mail from DOMAIN leave by a server of yours, when it shows that it takes it."""
    password = line_of(password_file) if password_file is not None else ""
    if username and password_file is None:
        password = click.prompt("Password", hide_input=True)
    given = {"host": host, "port": port, "security": security, "username": username, "password": password, "to": to}
    _show_relay(_do(outer, options, "set_domain_relay", domain=domain, **given))


@relay.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def relay_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List the domains that have a server of their own."""
    for one in _do(outer, options, "list_domain_relays").relays:
        _show_relay(one)


@relay.command("show")
@click.argument("domain")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def relay_show(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Show the server of DOMAIN, without its password."""
    _show_relay(_do(outer, options, "get_domain_relay", domain=domain))


@relay.command("test")
@click.argument("domain")
@click.option("--to", default="", help="Address it is asked about; nothing is sent.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def relay_test(outer: dict[str, Any], /, domain: str, to: str, **options: Any) -> None:
    """Try the server of DOMAIN up to the end of an email; ends with 1 when it does not take it."""
    tested = _do(outer, options, "test_domain_relay", domain=domain, to=to)
    click.echo(tested.answer)
    if not tested.took:
        raise SystemExit(1)


@relay.command("remove")
@click.argument("domain")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def relay_remove(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Forget the server of DOMAIN and its password; its mail leaves as all other."""
    gone = _do(outer, options, "remove_domain_relay", domain=domain).domain
    click.echo(f"{gone} has no server of its own any more.")


def _show_relay(shown: DomainRelayShown) -> None:
    login = f", as {shown.username}" if shown.username else ""
    click.echo(f"{shown.domain}\t{shown.host}:{shown.port} ({shown.security}{login})")


def _do(outer: dict[str, Any], options: dict[str, Any], name: str, /, **arguments: Any) -> Any:
    from letterlock.actions.catalog import perform
    from letterlock.actions.domain_relays import DOMAIN_RELAYS
    from letterlock.actions.domains import DOMAINS

    action = next(one for one in (*DOMAINS, *DOMAIN_RELAYS) if one.name == name)
    return as_person(outer, options, lambda app, caller: perform(app, caller, action, arguments))


def _show(shown: DomainShown) -> None:
    click.echo(f"{shown.domain} is {shown.state} ({shown.domain_id}).")
    for record in shown.records:
        click.echo("\n".join(_lines(record)))
    if shown.lapses_at:
        click.echo(f"It is lost on {shown.lapses_at:%Y-%m-%d} unless its ownership record is there again.", err=True)
    if shown.warning:
        click.echo(click.style(shown.warning, fg="yellow"), err=True)


def _lines(record: DomainRecord) -> list[str]:
    """The record as a zone file has it, so that it can be pasted there, between lines that explain it."""
    value = f"{record.priority} {record.value}." if record.type == "MX" else _quoted(record.value)
    unset = record.need != "required" and record.status == "missing"
    said = "not set" if unset else f"{_MARKS[record.status]}{': ' if record.problem else ''}{record.problem}"
    lines = [
        f"\n; {record.need}: {record.why}",
        f"{record.host}. IN {record.type} {value}",
        f"; {said}",
    ]
    return [*lines, *(f";   there is: {one}" for one in record.seen if record.status == "wrong")]


def _quoted(value: str) -> str:
    """In strings of at most 255 octets each (RFC 1035 section 3.3)."""
    pieces = [f'"{value[at : at + 255]}"' for at in range(0, len(value), 255)]
    return pieces[0] if len(pieces) == 1 else f"( {' '.join(pieces)} )"
