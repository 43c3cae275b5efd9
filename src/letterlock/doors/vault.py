"""The commands on secrets and the vault that keeps them: `letterlock secret|vault`. Translates, decides nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Literal

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, with_app, with_options

if TYPE_CHECKING:
    from letterlock.actions.caller import Caller
    from letterlock.actions.secrets import SecretList
    from letterlock.app import App


def add_to(cli: click.Group) -> None:
    for group in (secret, vault):
        cli.add_command(group)


@click.group()
def secret() -> None:
    """Passwords, keys and recovery codes that came by mail."""


@secret.command("list")
@click.option("--inbox", default="", help="Of one inbox only (id or address).")
@click.option("--service", default="", help="Of one domain and those below it.")
@click.option("--kind", default="", help="password, api_key, recovery_code, ...")
@click.option("--limit", default=100, show_default=True, help="At most 100.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def secret_list(outer: dict[str, Any], /, inbox: str, service: str, kind: str, limit: int, **options: Any) -> None:
    """List them, newest first; never their values."""
    from letterlock.actions.catalog import BY_NAME, perform

    given = {"inbox": inbox, "service": service, "kind": kind, "limit": limit}

    async def listed(app: App, caller: Caller) -> SecretList:
        result: Any = await perform(app, caller, BY_NAME["list_secrets"], given)
        return result  # type: ignore[no-any-return]

    found = as_person(outer, options, listed)
    for one in found.secrets:
        whose = one.service or "unknown sender"
        proved = "" if one.proved else " (not proved)"
        click.echo(f"{one.secret_id}  {one.found_at:%Y-%m-%d %H:%M}  {one.kind:15}  {whose}{proved}  {one.inbox}")
    if not found.secrets:
        click.echo("No secrets.", err=True)


@secret.command("reveal")
@click.argument("secret_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def secret_reveal(outer: dict[str, Any], /, secret_id: str, **options: Any) -> None:
    """Print a secret. It is in the audit log that you did; `run` uses it unseen."""
    click.echo(_taken(outer, options, secret_id, "revealed"))


class _Runs(click.Command):
    """What stands behind -- is the command, of which nothing is read here; before it our options count wherever they
    stand, and what is none of them is refused: nobody's option is lost between the two."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        rest = super().parse_args(ctx, args[:end])
        ctx.params["command"] = tuple(args[end + 1 :])
        return rest


@secret.command("run", cls=_Runs)
@click.argument("secret_id", metavar="SECRET_ID -- COMMAND...")
@click.option("--env", "variable", default="LETTERLOCK_SECRET", show_default=True, help="Variable that holds it.")
@click.option("--stdin", is_flag=True, help="Write it to the command's standard input instead.")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def secret_run(
    outer: dict[str, Any],
    /,
    secret_id: str,
    command: tuple[str, ...],
    variable: str,
    stdin: bool,
    **options: Any,
) -> None:
    """Run COMMAND with a secret that nobody sees: in a variable, or on its standard input.

    letterlock secret run --env PGPASSWORD sec_01k... -- psql -h db.example -U bot"""
    if "=" in variable or "\0" in variable or not variable:
        raise click.UsageError(f"{variable!r} cannot be the name of a variable.")
    if not command:
        raise click.UsageError("Name a command behind the --.")
    value = _taken(outer, options, secret_id, "used")
    if "\0" in value and not stdin:
        raise click.ClickException("No variable can hold this secret: use --stdin.")
    # What Letterlock itself is told by variables is none of the command's business.
    around = {name: text for name, text in os.environ.items() if not name.startswith("LETTERLOCK_")}
    try:
        done = subprocess.run(
            command,
            env=around if stdin else {**around, variable: value},
            input=value.encode("utf-8", "surrogatepass") if stdin else None,
            check=False,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it cannot be started"
        raise click.ClickException(f"{command[0]}: {why}.") from None
    sys.exit(done.returncode)


@secret.command("delete")
@click.argument("secret_id")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def secret_delete(outer: dict[str, Any], /, secret_id: str, **options: Any) -> None:
    """Remove a secret from the vault for good."""
    from letterlock.actions.secrets import NameSecret, remove_secret

    as_person(outer, options, lambda app, caller: remove_secret(app, caller, NameSecret(secret_id=secret_id)))
    click.echo(f"{secret_id} removed.")


def _taken(outer: dict[str, Any], options: dict[str, Any], secret_id: str, how: Any) -> str:
    from letterlock.actions.secrets import taken

    return as_person(outer, options, lambda app, caller: taken(app, caller, secret_id, how))[1]


@click.group()
def vault() -> None:
    """The vault itself, for all tenants: where its master key is, and changing it."""


@vault.command("status")
@with_options(*OPTIONS)
@click.pass_obj
def vault_status(outer: dict[str, Any], /, **options: Any) -> None:
    """Say where the master key is, and whether it opens everything."""
    from letterlock.actions.doctor import vault_findings
    from letterlock.actions.vaulting import vault_state

    well = True
    for finding in vault_findings(with_app(outer, options, vault_state)):
        well &= finding.well
        click.echo(finding.what + (f"\n    {finding.advice}" if finding.advice else ""))
    sys.exit(0 if well else 1)


@vault.command("rotate")
@with_options(*OPTIONS)
@click.pass_obj
def vault_rotate(outer: dict[str, Any], /, **options: Any) -> None:
    """Change the master key. Secrets are not touched: only the keys they are sealed with are wrapped anew."""
    from letterlock.actions.vaulting import rotate_vault

    click.echo(f"{with_app(outer, options, rotate_vault)} keys are wrapped with the new master key.")


@vault.command("move")
@click.option("--to", type=click.Choice(["kv2", "store"]), required=True, help="As the setting vault_values says.")
@with_options(*OPTIONS)
@click.pass_obj
def vault_move(outer: dict[str, Any], /, to: Literal["kv2", "store"], **options: Any) -> None:
    """Move all secrets to the server of vault_url, or back into the store. Stopped half way, the next call goes on."""
    from letterlock.actions.vaulting import move_secrets

    moved = with_app(outer, options, lambda app: move_secrets(app, to))
    click.echo(f"{moved.done} secrets were moved. `letterlock vault status` says how many are where.")
    if moved.returned:
        click.echo(
            f"{moved.returned} cannot be moved yet: they came back from there lately, and what is there of them "
            "is deleted first, within five minutes while `letterlock serve` runs. Then run the same command again."
        )
    if moved.others:
        click.echo(
            f"{moved.others} stay where they are: locked, or not there as they came by mail. The log names them."
        )


@vault.command("start-over")
@click.option("--lost", is_flag=True, help="Yes, the old master key is lost for good.")
@with_options(*OPTIONS)
@click.pass_obj
def vault_start_over(outer: dict[str, Any], /, lost: bool, **options: Any) -> None:
    """After the master key was lost: seal what comes from now on with a new one. What was sealed before stays closed,
    until the old key is found and put beside the new one."""
    from letterlock.actions.vaulting import start_vault_over

    if not lost:
        raise click.UsageError("Say --lost when the old key is gone for good; `letterlock vault status` tells which.")
    tenants = with_app(outer, options, start_vault_over)
    click.echo(f"New keys for {tenants} tenants. `letterlock rescreen` seals what waited meanwhile.")
