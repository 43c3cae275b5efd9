"""The commands on mail servers that tenants have of their own: `letterlock domain relay`, `letterlock tenant relay`.
Translates, decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from letterlock.doors.command import OPTIONS, TENANT, as_person, line_of, with_options

if TYPE_CHECKING:
    from letterlock.actions.domain_relays import DomainRelayShown
    from letterlock.actions.tenant_relays import TenantRelayShown

_TO = click.option("--to", default="", help="Address it is asked about; nothing is sent.")
_SERVER = (
    click.option("--host", required=True, help="Name of the server."),
    click.option("--port", type=int, default=587, show_default=True, help="Its port."),
    click.option(
        "--security", type=click.Choice(["starttls", "tls", "none"]), default="starttls", show_default=True,
        help="How it is encrypted; never weaker.",
    ),
    click.option("--username", default="", help="Login; without it none."),
    click.option(
        "--password-file", type=click.Path(path_type=Path, allow_dash=True), help="File with its password; -: stdin."
    ),
    _TO,
)  # fmt: skip


def add_to(cli: click.Group) -> None:
    for name, group in (("domain", of_domain), ("tenant", of_tenant)):
        outer = cli.commands[name]
        assert isinstance(outer, click.Group)
        outer.add_command(group)


@click.group("relay")
def of_domain() -> None:
    """The mail server that mail from a domain leaves by."""


@click.group("relay")
def of_tenant() -> None:
    """The mail server that mail from all domains of a tenant leaves by that have none of their own."""


@of_domain.command("set")
@click.argument("domain")
@with_options(*_SERVER, *OPTIONS, TENANT)
@click.pass_obj
def domain_set(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Have mail from DOMAIN leave by a server of yours, when it shows that it takes it."""
    given = _given(options)
    _show(_do(outer, options, "set_domain_relay", domain=domain, **given))


@of_domain.command("list")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_list(outer: dict[str, Any], /, **options: Any) -> None:
    """List the domains that have a server of their own."""
    for one in _do(outer, options, "list_domain_relays").relays:
        _show(one)


@of_domain.command("show")
@click.argument("domain")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_show(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Show the server of DOMAIN, without its password."""
    _show(_do(outer, options, "get_domain_relay", domain=domain))


@of_domain.command("test")
@click.argument("domain")
@_TO
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_test(outer: dict[str, Any], /, domain: str, to: str, **options: Any) -> None:
    """Try the server of DOMAIN up to the end of an email; ends with 1 when it does not take it."""
    _say(_do(outer, options, "test_domain_relay", domain=domain, to=to))


@of_domain.command("remove")
@click.argument("domain")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def domain_remove(outer: dict[str, Any], /, domain: str, **options: Any) -> None:
    """Forget the server of DOMAIN and its password; its mail leaves as all other."""
    gone = _do(outer, options, "remove_domain_relay", domain=domain).domain
    click.echo(f"{gone} has no server of its own any more.")


@of_tenant.command("set")
@with_options(*_SERVER, *OPTIONS, TENANT)
@click.pass_obj
def tenant_set(outer: dict[str, Any], /, **options: Any) -> None:
    """Have mail from the tenant's domains leave by a server of theirs, when it shows that it takes it."""
    given = _given(options)
    _show_tenants(_do(outer, options, "set_tenant_relay", **given))


@of_tenant.command("show")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def tenant_show(outer: dict[str, Any], /, **options: Any) -> None:
    """Show the server of the tenant, without its password, and from which domains mail leaves by it."""
    _show_tenants(_do(outer, options, "get_tenant_relay"))


@of_tenant.command("test")
@_TO
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def tenant_test(outer: dict[str, Any], /, to: str, **options: Any) -> None:
    """Try the server of the tenant up to the end of an email; ends with 1 when it does not take it."""
    _say(_do(outer, options, "test_tenant_relay", to=to))


@of_tenant.command("remove")
@with_options(*OPTIONS, TENANT)
@click.pass_obj
def tenant_remove(outer: dict[str, Any], /, **options: Any) -> None:
    """Forget the server of the tenant and its password; its mail leaves as all other."""
    click.echo(f"{_do(outer, options, 'remove_tenant_relay').relay_id} is forgotten.")


@of_tenant.command("shared")
@click.argument("tenant")
@click.argument("allowed", type=click.Choice(["yes", "no"]))
@with_options(*OPTIONS)
@click.pass_obj
def tenant_shared(outer: dict[str, Any], /, tenant: str, allowed: str, **options: Any) -> None:
    """Whether mail from inboxes of TENANT on the shared domain leaves by its server, too."""
    done = _do(outer, options, "allow_shared_relay", tenant=tenant, allowed=allowed == "yes")
    how = "leaves by its server, where it has one" if done.allowed else "leaves as the settings say"
    click.echo(f"Mail of {done.tenant} from the shared domain {how}.")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """What the options of _SERVER say, taken out of them."""
    given = {name: options.pop(name) for name in ("host", "port", "security", "username", "to")}
    file = options.pop("password_file")
    password = line_of(file) if file is not None else ""
    if given["username"] and file is None:
        password = click.prompt("Password", hide_input=True)
    return {**given, "password": password}


def _show(shown: DomainRelayShown) -> None:
    click.echo(f"{shown.domain}\t{_server(shown)}")


def _show_tenants(shown: TenantRelayShown) -> None:
    click.echo(f"{_server(shown)}\t{', '.join(shown.domains) or 'no domain'}")


def _server(shown: DomainRelayShown | TenantRelayShown) -> str:
    login = f", as {shown.username}" if shown.username else ""
    return f"{shown.host}:{shown.port} ({shown.security}{login})"


def _say(tested: Any) -> None:
    click.echo(tested.answer)
    if not tested.took:
        raise SystemExit(1)


def _do(outer: dict[str, Any], options: dict[str, Any], name: str, /, **arguments: Any) -> Any:
    from letterlock.actions.catalog import perform
    from letterlock.actions.domain_relays import DOMAIN_RELAYS
    from letterlock.actions.tenant_relays import TENANT_RELAYS

    action = next(one for one in (*DOMAIN_RELAYS, *TENANT_RELAYS) if one.name == name)
    return as_person(outer, options, lambda app, caller: perform(app, caller, action, arguments))
