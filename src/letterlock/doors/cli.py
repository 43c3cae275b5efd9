"""The command line: `letterlock` alone speaks MCP on stdio; the commands are for people. Translates, decides nothing.

Each command imports what it needs itself, so that none pays for another. Errors are one sentence on stderr and exit
code 1, never a stack trace.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import Awaitable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from letterlock.doors import connect, domains, inlets, lifecycle, people, relays, routing, tenancy, vault, webhooks
from letterlock.doors.command import OPTIONS, TENANT, as_person, save_new, say, settings_from, with_app, with_options
from letterlock.errors import CallerError, LetterlockError, NotFound
from letterlock.settings import Settings

if TYPE_CHECKING:
    from letterlock.actions.caller import Caller
    from letterlock.actions.doctor import Finding
    from letterlock.actions.people import Imported
    from letterlock.app import App
    from letterlock.inspection import Inspection

T = TypeVar("T")

_SERVER_OPTIONS = (
    click.option("--smtp-port", type=int, help="SMTP port; 0: none."),
    click.option("--lmtp-port", type=int, help="LMTP port; 0: none."),
    click.option("--domain", help="Domain of new inboxes."),
    click.option("--toolsets", help="Comma-separated: inboxes,reading,waiting,sending,vault,people."),
    click.option("--read-only", is_flag=True, default=None, help="Offer only tools that change nothing."),
    click.option("--accept-any", is_flag=True, default=None, help="Sandbox: take mail for any address."),
)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("letterlock"), prog_name="letterlock")
@with_options(*OPTIONS, *_SERVER_OPTIONS)
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """Email for AI agents. Without a command: speak MCP on stdio, as a chat client starts it."""
    context.obj = options
    if context.invoked_subcommand is None:
        settings = settings_from(options)
        _say(settings)
        from letterlock.doors import stdio

        stdio.main(settings)


@cli.command()
@with_options(*OPTIONS, *_SERVER_OPTIONS)
@click.option("--http-host", help="Address to bind; 127.0.0.1 unless you know why.")
@click.option("--http-port", type=int, help="HTTP port; 0: any free one.")
@click.option("--new-key", is_flag=True, help="Replace the owner's API key and show the new one.")
@click.pass_obj
def serve(outer: dict[str, Any], /, new_key: bool, **options: Any) -> None:
    """Serve over HTTP: MCP on /mcp and /sse, REST on /v1 (its routes: /v1/openapi.json), /healthz and /metrics."""
    settings = settings_from(outer, options)
    _say(settings)
    from letterlock.doors.http import serve_http

    _run(serve_http(settings, new_key=new_key))


@cli.command()
def demo() -> None:
    """Show the main job as a story: real clients, a folder of its own, under 20 seconds."""
    from letterlock.doors.demo import tell

    sys.exit(asyncio.run(tell()))


@cli.command()
@click.option("--loop", is_flag=True, help="Also send an email with a code to oneself, out and in again, step by step.")
@click.option("--yes", is_flag=True, help="With --loop: let the email leave without asking.")
@click.option(
    "--seconds", type=click.FloatRange(1, 3600), default=120, show_default=True, help="--loop: how long it may take."
)
@with_options(*OPTIONS)
@click.pass_obj
def doctor(outer: dict[str, Any], /, loop: bool, yes: bool, seconds: float, **options: Any) -> None:
    """Say how this data folder stands, what is missing and what is wrong."""
    from letterlock.actions.doctor import examine

    settings = settings_from(outer, options)
    well = True
    for finding in asyncio.run(examine(settings)):
        well &= _tell(finding)
    if loop:
        well &= _run(_loop(settings, seconds, yes=yes))
    sys.exit(0 if well else 1)


def _tell(finding: Finding) -> bool:
    mark = click.style("ok  ", fg="green") if finding.well else click.style("BAD ", fg="red")
    click.echo(f"{mark}{finding.what}" + (f"\n    {finding.advice}" if finding.advice else ""))
    return finding.well


async def _loop(settings: Settings, seconds: float, *, yes: bool) -> bool:
    """Where no process runs on the folder, this one receives mail meanwhile. SIGTERM ends it in order, too."""
    from letterlock.actions.doctor import Finding
    from letterlock.actions.loop import Question, around
    from letterlock.app import open_app
    from letterlock.postmaster import mail_service

    async def approve(question: Question) -> bool:
        asked = f"Let an email leave from {question.sender} to {question.recipient} by {question.server}?"
        return yes or await asyncio.to_thread(click.confirm, asked)

    well = True
    with _ended_in_order() as stopped:
        try:
            async with open_app(settings) as app, mail_service(app):
                async for finding in around(app, approve, seconds=seconds):
                    well &= _tell(finding)
        except asyncio.CancelledError:
            if not stopped:
                raise
            _tell(Finding(False, "stopped before its end; its inboxes are deleted"))
            sys.stdout.flush()
            # Everything is closed; the interpreter's own end would wait for whoever was asked.
            os._exit(1)
    return well


@contextlib.contextmanager
def _ended_in_order() -> Iterator[list[int]]:
    """The first SIGTERM cancels the task that is in here, so that it can put away what it made; a second one ends the
    process. Filled when the first came."""
    loop, task, stopped = asyncio.get_running_loop(), asyncio.current_task(), list[int]()

    def stop() -> None:
        stopped.append(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGTERM)
        if task is not None:
            task.cancel()

    # Windows has no such signal, and only the main thread gets one.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        yield stopped
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGTERM)


@cli.group()
def inbox() -> None:
    """Make, list, delete and restore inboxes, and say whom they trust."""


@inbox.command("list")
@click.option("--deleted", is_flag=True, help="Those that can be restored instead.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def inbox_list(outer: dict[str, Any], /, deleted: bool, **options: Any) -> None:
    """List inboxes with their number of unread emails."""
    if deleted:
        from letterlock.actions.lifecycle import ListDeleted, list_deleted

        given = ListDeleted(limit=100)
        for gone in as_person(outer, options, lambda app, caller: list_deleted(app, caller, given)).inboxes:
            click.echo(f"{gone.address}\tdeleted {gone.deleted_at:%Y-%m-%d %H:%M} UTC\t{gone.inbox_id}")
        return
    result = _perform(outer, options, "list_inboxes")
    for row in result.inboxes:
        click.echo(f"{row.address}\t{row.unread} unread\t{row.inbox_id}\t{row.purpose}".rstrip())
    _warn(result.warning)


@inbox.command("create")
@click.argument("name", default="")
@click.option("--purpose", default="")
@click.option("--ttl-hours", type=float)
@click.option("--domain", default="", help="A verified domain (`letterlock domain`); without it that of the settings.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def inbox_create(outer: dict[str, Any], /, **arguments: Any) -> None:
    """Make an inbox from a name, or a random one."""
    mine = {name: arguments.pop(name) for name in ("name", "purpose", "ttl_hours", "domain")}
    result = _perform(outer, arguments, "create_inbox", **mine)
    click.echo(result.address)


@inbox.command("pool")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def inbox_pool(outer: dict[str, Any], /, **options: Any) -> None:
    """Show how many addresses are ready for new inboxes without a name (pool_size)."""
    from letterlock.actions.inboxes import GetPool, get_pool

    result = as_person(outer, options, lambda app, caller: get_pool(app, caller, GetPool()))
    click.echo(f"{result.size} are kept ready (pool_size).")
    for row in result.domains:
        click.echo(f"{row.domain}  ready {row.ready}  resting {row.resting}")


@inbox.command("delete")
@click.argument("inbox")
@click.option("--delay-hours", default=0.0, help="It is deleted after so many.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def inbox_delete(outer: dict[str, Any], /, inbox: str, delay_hours: float, **options: Any) -> None:
    """Delete an inbox (id or address); restorable for 7 days."""
    from letterlock.actions.inboxes import MAX_TTL_HOURS, EndInbox, delete_inbox

    if not 0 <= delay_hours <= MAX_TTL_HOURS:
        raise click.UsageError(f"--delay-hours is between 0 and {MAX_TTL_HOURS}.")
    request = EndInbox(inbox=inbox, delay_hours=delay_hours)
    result = as_person(outer, options, lambda app, caller: delete_inbox(app, caller, request))
    when = f"is deleted in {delay_hours:g} hours" if delay_hours else "deleted"
    click.echo(f"{result.address} {when}; restorable until {result.restorable_until:%Y-%m-%d %H:%M} UTC.")


@inbox.command("restore")
@click.argument("inbox")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def inbox_restore(outer: dict[str, Any], /, inbox: str, **options: Any) -> None:
    """Bring a deleted inbox back with its mail."""
    from letterlock.actions.inboxes import restore_inbox

    restored = as_person(outer, options, lambda app, caller: restore_inbox(app, caller, inbox))
    click.echo(f"{restored.inbox.address} restored.")
    if restored.lost_emails or restored.lost_submissions:
        lost = f"{restored.lost_emails} emails and {restored.lost_submissions} submissions"
        _warn(f"An erasure had begun, and is called off now: {lost} of it are lost.")


@inbox.command("resume")
@click.argument("inbox")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def inbox_resume(outer: dict[str, Any], /, inbox: str, **options: Any) -> None:
    """Let an inbox send again that was stopped because its mail bounced."""
    from letterlock.actions.people import resume_inbox

    resumed = as_person(outer, options, lambda app, caller: resume_inbox(app, inbox, caller=caller))
    click.echo(f"{resumed} may send again.")


@inbox.command("allow")
@click.argument("inbox")
@click.argument("domains", nargs=-1)
@click.option("--remove", multiple=True, help="Domain to trust no longer; may be repeated.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def inbox_allow(
    outer: dict[str, Any], /, inbox: str, domains: tuple[str, ...], remove: tuple[str, ...], **options: Any
) -> None:
    """Trust mail of DOMAINS in an inbox, when it verifiably is theirs; show the list."""
    from letterlock.actions.people import allow_senders

    async def allow(app: App, caller: Caller) -> tuple[str, ...]:
        return await allow_senders(app, inbox, domains, remove, caller=caller)

    for domain in as_person(outer, options, allow):
        click.echo(domain)


@cli.group()
def mail() -> None:
    """Look at received mail, as a person may."""


@mail.command("list")
@click.option("--inbox", default="", help="One inbox only (id or address).")
@click.option("--unread", is_flag=True, default=None)
@click.option("--limit", default=20, show_default=True)
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def mail_list(outer: dict[str, Any], /, inbox: str, unread: bool | None, limit: int, **options: Any) -> None:
    """List emails, newest first."""
    from letterlock.actions.catalog import BY_NAME, perform
    from letterlock.actions.people import show_email
    from letterlock.doors.inspect import plain

    given: dict[str, Any] = {"limit": limit, "unread": unread} | ({"inbox": inbox} if inbox else {})

    _say_it_once()

    async def listed(app: App, caller: Caller) -> tuple[Any, dict[str, Inspection]]:
        result: Any = await perform(app, caller, BY_NAME["list_emails"], given)
        whole = {}
        for row in result.emails:
            # What is withheld from a model is shown to a person.
            if row.level == "quarantined":
                with contextlib.suppress(NotFound):
                    whole[row.email_id] = await show_email(app, row.email_id, caller=caller)
        return result, whole

    result, whole = as_person(outer, options, listed)
    for row in result.emails:
        flag = "*" if row.unread else " "
        sender, subject = row.from_, row.subject
        if report := whole.get(row.email_id):
            sender = f"{report.from_.name} <{report.from_.address}>".strip() if report.from_ else ""
            subject = report.subject
        start = f"{flag} {row.email_id}  {row.received_at:%m-%d %H:%M}  {row.level:11}"
        click.echo(f"{start}  {plain(sender)[:320]}  {plain(subject)[:200]}")
    if not result.emails:
        click.echo("No emails.", err=True)
    _warn(result.warning)


@mail.command("show")
@click.argument("email_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def mail_show(outer: dict[str, Any], /, email_id: str, **options: Any) -> None:
    """Show one email in full, quarantined ones too, with the screening report."""
    from letterlock.actions.people import show_email
    from letterlock.doors.inspect import print_report

    report = as_person(outer, options, lambda app, caller: show_email(app, email_id, caller=caller))
    print_report(email_id, report)


@mail.command("save")
@click.argument("email_id")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--attachment", type=int, help="Its number in `mail show`; without it the whole email as it came.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def mail_save(outer: dict[str, Any], /, email_id: str, file: Path, attachment: int | None, **options: Any) -> None:
    """Save an email, or one attachment of it, to FILE."""
    from letterlock.actions.people import email_bytes

    content = as_person(outer, options, lambda app, caller: email_bytes(app, email_id, attachment, caller=caller))
    save_new(file, content)


# A matter with commands of its own has a module of its own.
for matter in (connect, people, routing, tenancy, webhooks, domains, inlets, vault, lifecycle, relays):
    matter.add_to(cli)


@cli.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--jsonl", type=click.Path(path_type=Path), help="Rows with id and eml, eml_b64, or subject + text; - is stdin."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
@click.option("--dns", is_flag=True, help="Ask DNS who really sent each; without it the network is not touched.")
@with_options(*OPTIONS)
@click.pass_obj
def inspect(
    outer: dict[str, Any], /, paths: tuple[Path, ...], jsonl: Path | None, as_json: bool, dns: bool, **options: Any
) -> None:
    """Print what the pipeline makes of each .eml PATH ('-': stdin), or of each row of --jsonl. Stores nothing.

    A JSON row has the same names whatever came of it. `error` is null, or says why the mail could not be read (its
    level is "quarantined" then) or that there was none to read (level "unreadable", score null)."""
    from letterlock.doors.inspect import inspect_jsonl, inspect_paths

    settings = settings_from(outer, options, {"dns": "on" if dns else "off"})
    if bool(paths) == bool(jsonl):
        raise click.UsageError("Give either PATHs or --jsonl FILE.")
    well = _run(inspect_jsonl(settings, jsonl) if jsonl else inspect_paths(settings, paths, as_json=as_json))
    sys.exit(0 if well else 1)


@cli.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--inbox", required=True, help="Inbox that gets the mail (id or address).")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def import_(outer: dict[str, Any], /, paths: tuple[Path, ...], inbox: str, **options: Any) -> None:
    """Import .eml files, mbox files and Maildir folders through the same path as SMTP."""
    from letterlock.actions.people import import_mail
    from letterlock.postmaster import file_waiting

    async def take(app: App, caller: Caller) -> Imported:
        done = await import_mail(app, inbox, paths, caller=caller)
        await file_waiting(app)
        return done

    done = as_person(outer, options, take)
    click.echo(f"{done.kept} imported, {done.duplicates} already there, {len(done.failed)} failed.")
    for line in done.failed:
        click.echo(line, err=True)
    if done.failed:
        sys.exit(1)


@cli.command()
@with_options(*OPTIONS)
@click.pass_obj
def rescreen(outer: dict[str, Any], /, **options: Any) -> None:
    """Read all stored mail again with this version: text, findings, levels, codes and links."""
    from letterlock.inbound.filing import rescreen
    from letterlock.inbound.workers import open_workers

    async def again(app: App) -> int:
        done = 0
        async with open_workers(app.settings) as workers:
            async for _ in rescreen(app, workers):
                done += 1
        return done

    click.echo(f"{with_app(outer, options, again)} emails screened again.")


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@with_options(*OPTIONS)
@click.pass_obj
def backup(outer: dict[str, Any], /, file: Path, **options: Any) -> None:
    """Write a consistent copy of the mail store to FILE while everything runs."""
    with_app(outer, options, lambda app: app.database.backup(file))
    click.echo(f"Backup written to {file}. To use it: put it as letterlock.db into an empty data folder.")


def _say(settings: Settings) -> None:
    """The start-up line: what is configured and what is missing."""
    doors = [
        f"{name} {settings.smtp_host}:{port}"
        for name, port in (("SMTP", settings.smtp_port), ("LMTP", settings.lmtp_port))
        if port
    ]
    tls = " with TLS" if settings.tls_cert else " without TLS"
    mail = f"{' and '.join(doors)}{tls}" if doors else "no SMTP (smtp_port is 0)"
    chosen = (settings.relay_host, "for some domains" if settings.relays else "", "none, direct" * settings.direct)
    relay = " and ".join(filter(None, chosen)) or "none (mail to the outside is held; set relay_host, relays or direct)"
    say(
        f"letterlock {metadata.version('letterlock')}: data {settings.data}; {mail};"
        f" inboxes @{settings.domain}; relay {relay}"
    )


def _run(work: Awaitable[T]) -> T:
    if sys.platform == "win32":
        runner = asyncio.Runner()
    else:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    async def main() -> T:
        return await work

    with runner:
        return runner.run(main())


def _perform(outer: dict[str, Any], options: dict[str, Any], action_name: str, /, **arguments: Any) -> Any:
    from letterlock.actions.catalog import BY_NAME, perform

    _say_it_once()
    return as_person(outer, options, lambda app, caller: perform(app, caller, BY_NAME[action_name], arguments))


def _say_it_once() -> None:
    """What is wrong is said to the person; that what was shown could not be written down is nothing they can mend."""
    for name in ("letterlock.actions.catalog", "letterlock.actions.shown"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _warn(text: str) -> None:
    if text:
        click.echo(click.style(text, fg="yellow"), err=True)


def _for_people(next_step: str) -> str:
    """A next step without the parts of it that name a tool of the models."""
    from letterlock.actions.catalog import BY_NAME

    parts = re.split(r"[;.](?:\s+|$)", next_step)
    kept = [part for part in parts if part and not any(name in part for name in BY_NAME)]
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in kept)


def main() -> None:
    """The console script."""
    try:
        cli()
    except CallerError as error:
        hint = _for_people(error.next_step)
        if not hint and isinstance(error, NotFound):
            hint = "See `letterlock inbox list`, `letterlock mail list`."
        say(f"letterlock: {error.what} {hint}".rstrip(), logging.ERROR)
        sys.exit(1)
    except LetterlockError as error:
        say(f"letterlock: {error}", logging.ERROR)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
