"""The commands on domains: `letterlock domain`. Translates, decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, with_options

if TYPE_CHECKING:
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


def _do(outer: dict[str, Any], options: dict[str, Any], name: str, /, **arguments: Any) -> Any:
    from letterlock.actions.catalog import perform
    from letterlock.actions.domains import DOMAINS

    action = next(one for one in DOMAINS if one.name == name)
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
