"""The commands that are a person's alone: what waits for a verdict, whom to trust, whom to spare, the stop, the log,
the keys mail is signed with. Translates, decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, save_new, settings_from, with_options

if TYPE_CHECKING:
    from letterlock.actions.caller import Caller
    from letterlock.app import App
    from letterlock.message.sign import DnsRecord


def add_to(cli: click.Group) -> None:
    for command in (approvals, contact, suppression, reputation, dkim, pause, audit):
        cli.add_command(command)


@click.group()
def approvals() -> None:
    """Look at emails that wait for a person, and decide."""


@approvals.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def approvals_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List what waits, oldest first."""
    from letterlock.actions.approvals import waiting
    from letterlock.doors.inspect import plain

    found = as_person(outer, options, lambda app, caller: waiting(app, caller=caller))
    for submission in found:
        whom = ", ".join(submission.recipients)
        click.echo(f"{submission.submission_id}  {submission.sender} -> {whom}: {plain(submission.subject)}")
        click.echo(f"    {', '.join(dict.fromkeys(reason.code for reason in submission.reasons))}")
    if not found:
        click.echo("Nothing waits.", err=True)


@approvals.command("show")
@click.argument("submission_id")
@click.option("--raw", is_flag=True, help="Also print the bytes as they would be sent.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def approvals_show(outer: dict[str, Any], /, submission_id: str, raw: bool, **options: Any) -> None:
    """Show why an email waits, to whom it goes, and exactly what would be sent."""
    from letterlock.actions.approvals import described, show
    from letterlock.doors.inspect import plain
    from letterlock.store.emails import moment

    found = as_person(outer, options, lambda app, caller: show(app, submission_id, caller=caller))
    click.echo(plain(described(found), keep="\n"))
    submission = found.submission
    if submission.verdict:
        by = f" by {submission.decided_by}" if submission.decided_by else ""
        at = f" at {moment(submission.decided_at):%Y-%m-%d %H:%M} UTC" if submission.decided_at is not None else ""
        click.echo(f"\nIt is {submission.verdict}{by}{at}: there is nothing left to decide.")
    elif submission.approve_until is not None:
        click.echo(f"\nTo be decided until {moment(submission.approve_until):%Y-%m-%d %H:%M} UTC.")
    click.echo(f"\nSHA-256 of bytes and envelope: {submission.sha256}")
    if raw:
        click.echo(f"\n{plain(found.raw.decode('utf-8', 'replace').replace(chr(13), ''), keep=chr(10))}")


@approvals.command("save")
@click.argument("submission_id")
@click.argument("attachment", type=click.IntRange(min=1))
@click.argument("file", type=click.Path(path_type=Path))
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def approvals_save(outer: dict[str, Any], /, submission_id: str, attachment: int, file: Path, **options: Any) -> None:
    """Save the file with the number ATTACHMENT (see show) to FILE."""
    from letterlock.actions import approvals

    _, content = as_person(
        outer, options, lambda app, caller: approvals.file(app, submission_id, attachment - 1, caller=caller)
    )
    save_new(file, content)


@approvals.command("approve")
@click.argument("submission_id")
@click.option("--sha256", default="", help="Approve only the email with this hash (see show).")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def approvals_approve(outer: dict[str, Any], /, submission_id: str, sha256: str, **options: Any) -> None:
    """Let exactly this email go."""
    from letterlock.actions.approvals import approve

    done = as_person(outer, options, lambda app, caller: approve(app, submission_id, sha256, caller=caller))
    click.echo(f"{done.submission_id} may go to {', '.join(done.recipients)}.")


@approvals.command("deny")
@click.argument("submission_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def approvals_deny(outer: dict[str, Any], /, submission_id: str, **options: Any) -> None:
    """Never send it."""
    from letterlock.actions.approvals import deny

    done = as_person(outer, options, lambda app, caller: deny(app, submission_id, caller=caller))
    click.echo(f"{done.submission_id} is denied: it is never sent.")


@click.group()
def contact() -> None:
    """Say to whom agents may write without being asked."""


@contact.command("add")
@click.argument("names", nargs=-1, required=True)
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def contact_add(outer: dict[str, Any], /, names: tuple[str, ...], **options: Any) -> None:
    """Vouch for addresses, or for whole domains written as @example.com."""
    from letterlock.actions.people import name_contact

    async def vouch(app: App, caller: Caller) -> list[str]:
        return [await name_contact(app, name, caller=caller) for name in names]

    for known in as_person(outer, options, vouch):
        click.echo(known)


@contact.command("remove")
@click.argument("name")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def contact_remove(outer: dict[str, Any], /, name: str, **options: Any) -> None:
    """Vouch no longer."""
    from letterlock.actions.people import drop_contact

    dropped = as_person(outer, options, lambda app, caller: drop_contact(app, name, caller=caller))
    click.echo(f"{dropped} removed.")


@contact.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def contact_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List whom people vouch for."""
    from letterlock.actions.people import contacts

    for one in as_person(outer, options, lambda app, caller: contacts(app, caller=caller)):
        click.echo(one.address_key)


@click.group()
def suppression() -> None:
    """Addresses nothing is sent to, because mail bounced or somebody complained."""


@suppression.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def suppression_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List them with the reason, newest first."""
    from letterlock.actions.people import suppressions
    from letterlock.doors.inspect import plain

    for one in as_person(outer, options, lambda app, caller: suppressions(app, caller=caller)):
        click.echo(f"{one.address_key}\t{plain(one.reason)}")


@suppression.command("add")
@click.argument("address")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def suppression_add(outer: dict[str, Any], /, address: str, **options: Any) -> None:
    """Send nothing there any more."""
    from letterlock.actions.people import suppress

    stopped = as_person(outer, options, lambda app, caller: suppress(app, address, caller=caller))
    click.echo(f"Nothing is sent to {stopped} any more.")


@suppression.command("remove")
@click.argument("address")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def suppression_remove(outer: dict[str, Any], /, address: str, **options: Any) -> None:
    """Let mail go there again."""
    from letterlock.actions.people import unsuppress

    freed = as_person(outer, options, lambda app, caller: unsuppress(app, address, caller=caller))
    click.echo(f"Mail to {freed} may go again.")


@click.command()
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def reputation(outer: dict[str, Any], /, **options: Any) -> None:
    """Show what became of mail sent to the outside, by inbox and by domain."""
    from letterlock.actions.people import reputations

    columns = ("days", "sent", "bounced", "bounced_softly", "complained", "replied")
    click.echo("\t".join(("of", *columns)))
    for one in as_person(outer, options, lambda app, caller: reputations(app, caller=caller)):
        click.echo("\t".join((one.of, *(str(getattr(one, column)) for column in columns))))


@click.group()
def dkim() -> None:
    """Sign mail of your domain, so that others can tell it is yours."""


@dkim.command("make")
@click.argument("domain")
@click.option("--name", default="letterlock", show_default=True, help="How their selectors begin.")
@with_options(*OPTIONS)
@click.pass_obj
def dkim_make(outer: dict[str, Any], /, domain: str, name: str, **options: Any) -> None:
    """Make an RSA and an Ed25519 key for DOMAIN and show the DNS records to set."""
    from letterlock.outbound.signing import make_keys

    _show_records(make_keys(settings_from(outer, options).data, domain, name))


@dkim.command("show")
@click.argument("domain")
@with_options(*OPTIONS)
@click.pass_obj
def dkim_show(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Show the DNS records of the keys DOMAIN has."""
    from letterlock.domains import domain_key
    from letterlock.outbound.signing import keys_of, records

    domain = domain_key(domain)
    found = records(keys_of(settings_from(outer, options).data, domain))
    _show_records(found)
    if not found:
        click.echo(f"{domain} has no keys; make them with `letterlock dkim make {domain}`.", err=True)


def _show_records(found: Iterable[DnsRecord]) -> None:
    for record in found:
        click.echo(f"{record.name}. IN TXT ( " + " ".join(f'"{piece}"' for piece in record.pieces) + " )")


@click.command()
@click.option("--end", is_flag=True, help="Let it go on.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def pause(outer: dict[str, Any], /, end: bool, **options: Any) -> None:
    """Stop all mail to the outside at once, what is queued too."""
    from letterlock.actions.people import pause

    as_person(outer, options, lambda app, caller: pause(app, end=end, caller=caller))
    click.echo("Mail goes out again." if end else "Nothing goes out until `letterlock pause --end`.")


@click.group("audit")
def audit() -> None:
    """The log of every decision."""


@audit.command("verify")
@click.option("--head", metavar="HEAD", help="What `audit head` printed some time ago.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def audit_verify(outer: dict[str, Any], /, head: str | None, **options: Any) -> None:
    """Check that no row was changed, taken out, added or cut off."""
    from letterlock.actions.people import AUDIT_FAULTS, verify_audit

    found = as_person(outer, options, lambda app, caller: verify_audit(app, head, caller=caller))
    if found.fault:
        raise click.ClickException(
            f"{AUDIT_FAULTS[found.fault].format(found.broken_at)} Up to row {found.rows} all fits."
        )
    erased = f" ({found.erased} of them erased)" if found.erased else ""
    click.echo(f"{found.rows} rows{erased}, all as they were written{', the noted head among them' if head else ''}.")


@audit.command("head")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def audit_head(outer: dict[str, Any], /, **options: Any) -> None:
    """Print the end of the log. Note it down elsewhere; `audit verify --head` looks for it."""
    from letterlock.actions.people import audit_head

    found = as_person(outer, options, lambda app, caller: audit_head(app, caller=caller))
    click.echo(f"{found.n} {found.hash}")
