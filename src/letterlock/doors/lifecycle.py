"""The commands on what stays and what goes: `letterlock hold|retention|erase|export`. Translates, decides nothing."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, with_options
from letterlock.folder import FOLDER, new_file

if TYPE_CHECKING:
    from letterlock.actions.caller import Caller
    from letterlock.actions.erasing import Erased
    from letterlock.actions.lifecycle import Holds, Retention
    from letterlock.app import App


_FEW = 10


def add_to(cli: click.Group) -> None:
    for command in (hold, retention, erase, compact, export):
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
@click.option("--bounds", help="LEAST-MOST days that the tenant's admins may set themselves (MOST 0: for ever); none.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def retention(outer: dict[str, Any], /, name: str, days: str, bounds: str | None, **options: Any) -> None:
    """Show how many days things of a tenant stay, or set NAME to DAYS (0: for ever; "default": as the settings say)."""
    shown: Retention
    if bounds is not None:
        least, most = _two(bounds)
        if not name or days or not options["tenant"]:
            raise click.UsageError("Say of whom: letterlock retention NAME --bounds LEAST-MOST --tenant TENANT.")
        shown = _do(outer, options, "bound_retention", name=name, least_days=least, most_days=most)
    elif name:
        if not (days.isascii() and days.isdigit()) and days != "default":
            raise click.UsageError(f"Say how many: letterlock retention {name} DAYS, or default.")
        wanted = None if days == "default" else int(days[:9])
        shown = _do(outer, options, "set_retention", name=name, days=wanted)
    else:
        shown = _do(outer, options, "get_retention")
    for one in shown.retention:
        stays = f"{one.days} days" if one.days else "for ever"
        theirs = "" if one.least_days is None else f"\tits admins: {_bounds(one.least_days, one.most_days)}"
        click.echo(f"{one.name}\t{stays}\t{'of its own' if one.own else 'default'}{theirs}")


def _two(bounds: str) -> tuple[int | None, int | None]:
    if bounds == "none":
        return None, None
    least, _, most = bounds.partition("-")
    if not all(one.isascii() and one.isdigit() for one in (least, most)):
        raise click.UsageError(f"'{bounds}' is not LEAST-MOST, like 30-365, nor none.")
    return int(least[:9]), int(most[:9])


@click.group()
def erase() -> None:
    """Erase for good, in every copy of the mail store; a proof stays in the audit log. Not under legal hold."""


_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_JSON = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object, with the ids of what nobody can look into."
)


@erase.command("tenant")
@click.argument("name")
@_YES
@_JSON
@with_options(*OPTIONS)
@click.pass_obj
def erase_tenant_(outer: dict[str, Any], /, name: str, yes: bool, as_json: bool, **options: Any) -> None:
    """Close a tenant and erase all there is of it."""
    from letterlock.actions.erasing import erase_tenant

    _sure(yes, f"Erase tenant {name} with all its mail?")
    _show_erased(as_person(outer, options, lambda app, caller: erase_tenant(app, caller, name)), as_json)


@erase.command("inbox")
@click.argument("inbox")
@_YES
@_JSON
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def erase_inbox_(outer: dict[str, Any], /, inbox: str, yes: bool, as_json: bool, **options: Any) -> None:
    """Erase an inbox (id or address; also a deleted one) with all that came to it and went from it."""
    from letterlock.actions.erasing import erase_inbox

    _sure(yes, f"Erase inbox {inbox} with all its mail?")
    _show_erased(as_person(outer, options, lambda app, caller: erase_inbox(app, caller, inbox)), as_json)


@erase.command("person")
@click.argument("address")
@_YES
@_JSON
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def erase_person_(outer: dict[str, Any], /, address: str, yes: bool, as_json: bool, **options: Any) -> None:
    """Erase every email that came from ADDRESS, went there or names it, and all else that does."""
    from letterlock.actions.erasing import erase_person

    _sure(yes, f"Erase all mail that names {address}?")
    _show_erased(as_person(outer, options, lambda app, caller: erase_person(app, caller, address)), as_json)


def _sure(yes: bool, question: str) -> None:
    if not yes:
        click.confirm(f"{question} It cannot be brought back.", abort=True, err=True)


def _show_erased(done: Erased, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(done)))
        return
    if done.resumed:
        click.echo("It had been cut off, and went on; the numbers are those of all of it.", err=True)
    click.echo(
        f"{done.emails} emails, {done.submissions} submissions, {done.inboxes} inboxes, {done.other} other rows erased;"
        f" {done.audit_rows} rows of the audit log without content now.\nProof: {done.sha256}"
    )
    if done.unseen:
        few = ", ".join(done.unseen[:_FEW]) + (", ..." if len(done.unseen) > _FEW else "")
        click.echo(
            f"{len(done.unseen)} emails stay whose files nobody can look into (locked, of an unknown kind, damaged):"
            f" {few}. Look yourself: `letterlock mail save ID`. --json has all ids.",
            err=True,
        )
    if done.compacted:
        click.echo("The store was compacted: no byte of it is left there.")
    else:
        click.echo(
            "Still to be done: gaps in the store's file may hold parts of it until `letterlock compact`, which holds"
            " the store for seconds to minutes (docs/lifecycle.md).",
            err=True,
        )
    _warn_of_log(done.scrubbed)


def _warn_of_log(scrubbed: bool) -> None:
    if not scrubbed:
        click.echo("The store's log still holds copies, until other processes end or it is written over.", err=True)


@click.command()
@_YES
@with_options(*OPTIONS)
@click.pass_obj
def compact(outer: dict[str, Any], /, yes: bool, **options: Any) -> None:
    """Write the mail store anew, so that nothing of what was removed is left in its file. Nobody can write meanwhile:
    mail is put off, and its senders try again."""
    from letterlock.actions.erasing import compact as compact_store

    if not yes:
        click.confirm("Mail that comes meanwhile is put off: about a minute for 2 GB. Go on?", abort=True, err=True)
    done = as_person(outer, options, compact_store)
    click.echo(f"The mail store was compacted: {done.before:,} bytes, now {done.after:,}.")
    _warn_of_log(done.scrubbed)


_REVEAL = click.option("--reveal", is_flag=True, help="Codes, secrets and mail as it came, not masked.")


@click.group()
def export() -> None:
    """Write all there is of a tenant or an inbox into a new folder: mbox for mail, JSON lines for the rest."""


@export.command("tenant")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@_REVEAL
@with_options(*OPTIONS)
@click.pass_obj
def export_tenant(outer: dict[str, Any], /, name: str, folder: Path, reveal: bool, **options: Any) -> None:
    """Write everything of a tenant into FOLDER."""
    _export(outer, {**options, "tenant": name}, "", folder, reveal)


@export.command("inbox")
@click.argument("inbox")
@click.argument("folder", type=click.Path(path_type=Path))
@_REVEAL
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def export_inbox(outer: dict[str, Any], /, inbox: str, folder: Path, reveal: bool, **options: Any) -> None:
    """Write everything of an inbox (id or address; also a deleted one) into FOLDER."""
    _export(outer, options, inbox, folder, reveal)


def _export(outer: dict[str, Any], options: dict[str, Any], inbox: str, folder: Path, reveal: bool) -> None:
    """Whole or not at all: the folder has its name only when everything is in it."""
    from letterlock.actions.exporting import export as pieces_of

    async def write(app: App, caller: Caller) -> tuple[int, int]:
        items = locked = 0
        with _unfinished(folder) as part, contextlib.ExitStack() as last:
            name, file = "", None
            async with aclosing(pieces_of(app, caller, inbox, reveal=reveal)) as pieces:
                async for piece in pieces:
                    if piece.file != name or file is None:
                        last.close()
                        name = piece.file
                        (part / name).parent.mkdir(exist_ok=True, mode=FOLDER)
                        file = last.enter_context(new_file(part / name))
                    file.write(piece.data)
                    items += piece.items
                    locked += piece.locked
        return items, locked

    if folder.exists():
        raise click.ClickException(f"{folder} exists already: name a folder that does not.")
    try:
        items, locked = as_person(outer, options, write)
    except OSError as error:
        raise click.ClickException(f"{error.filename or folder} cannot be written: {error.strerror}.") from None
    click.echo(f"{items - 1} emails and rows written to {folder}; manifest.json has the hash of each file.")
    if locked:
        click.echo(
            f'{locked} of them could not be opened and are there without what is secret; "locked" in secrets.jsonl and '
            "X-Letterlock-Locked in the mail say why.",
            err=True,
        )


@contextlib.contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """An empty folder to write in, FOLDER.part, which becomes `folder` at the end and goes when anything fails. What an
    export that was killed has left there is taken away; one that still writes there is left alone."""
    from letterlock.wake import writer_lock

    part, mark = folder.with_name(f"{folder.name}.part"), folder.with_name(f"{folder.name}.part.lock")
    if part.exists() and not mark.is_file():
        raise click.ClickException(f"{part} exists and is no export of ours: move it away.")
    try:
        lock = writer_lock(mark).acquire()
    except TimeoutError:
        raise click.ClickException(f"Another export writes to {part}: wait for it, or name another folder.") from None
    with lock:
        try:
            if part.exists():
                shutil.rmtree(part)
            part.mkdir(mode=FOLDER)
            yield part
            part.rename(folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        finally:
            # Where a file that is open cannot be removed, letting go of the lock removes it.
            with contextlib.suppress(OSError):
                mark.unlink()


def _bounds(least: int, most: int | None) -> str:
    return f"{least} to {most} days" if most else f"{least} days or more, for ever too"


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
