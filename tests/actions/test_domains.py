from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakes import DictResolver
from letterlock import claims
from letterlock.actions.caller import COMMAND_LINE, Caller
from letterlock.actions.catalog import perform
from letterlock.actions.domains import DOMAINS, DomainShown
from letterlock.actions.tenancy import add_tenant, at_command_line
from letterlock.app import App, open_app
from letterlock.errors import Conflict, InvalidRequest
from letterlock.inbound.accept import inbox_for
from letterlock.message.sign import KINDS, new_key
from letterlock.outbound.signing import keys_for
from running import do, letter, receive, settings_for

HOST = "mx.house.example"
_PEMS = {kind: new_key(kind) for kind in KINDS}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The DNS."""
    resolver = DictResolver()
    monkeypatch.setattr(claims, "fresh_resolver", lambda: resolver)
    # A key is a key: making one takes longer than a test.
    monkeypatch.setattr(claims, "new_key", _PEMS.__getitem__)
    return resolver.names


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    async with open_app(settings_for(tmp_path, smtp_hostname=HOST)) as app:
        yield app


async def ask(app: App, name: str, caller: Caller = COMMAND_LINE, /, **arguments: Any) -> Any:
    return await perform(app, caller, next(one for one in DOMAINS if one.name == name), arguments)


def publish(names: dict[str, Any], shown: DomainShown, *purposes: str) -> None:
    """Set the records of a domain, or those for some purposes only."""
    for record in shown.records:
        if not purposes or record.purpose in purposes:
            value = (record.priority, record.value) if record.type == "MX" else record.value
            names.setdefault(record.host, {})[record.type] = [value]


def statuses(shown: DomainShown) -> dict[str, str]:
    return {record.purpose: record.status for record in shown.records if record.need == "required"}


async def tenant(app: App, name: str) -> Caller:
    await add_tenant(app, name)
    return await at_command_line(app, name)


async def hold(
    app: App, names: dict[str, Any], name: str = "acme.example", caller: Caller = COMMAND_LINE
) -> DomainShown:
    """A domain that `caller` holds."""
    publish(names, await ask(app, "add_domain", caller, domain=name))
    shown: DomainShown = await ask(app, "verify_domain", caller, domain=name)
    assert shown.state == "verified"
    return shown


async def test_a_domain_is_claimed_set_up_verified_and_used(app: App, names: dict[str, Any]) -> None:
    shown = await ask(app, "add_domain", domain="Acme.Example.")
    assert (shown.domain, shown.state, shown.warning) == ("acme.example", "pending", "")
    assert {record.status for record in shown.records} == {"unchecked"}
    assert [record.purpose for record in shown.records] == [
        "ownership", "mx", "spf", "dkim", "dkim", "dmarc", "tls_rpt", "mta_sts",
    ]  # fmt: skip
    shown = await ask(app, "verify_domain", domain="acme.example")
    assert statuses(shown) == dict.fromkeys(("ownership", "mx", "spf", "dkim"), "missing")
    publish(names, shown)
    shown = await ask(app, "verify_domain", domain=shown.domain_id)
    assert shown.state == "verified"
    assert statuses(shown) == dict.fromkeys(("ownership", "mx", "spf", "dkim"), "found")
    made = await do(app, "create_inbox", name="support", domain="acme.example")
    assert made.address == "support@acme.example"
    await receive(app, "support@acme.example", letter())
    assert [key.domain for key in await keys_for(app, COMMAND_LINE.tenant_id, "acme.example")] == ["acme.example"] * 2


async def test_before_its_ownership_is_proved_nothing_can_be_done_with_a_domain(
    app: App, names: dict[str, Any]
) -> None:
    shown = await ask(app, "add_domain", domain="acme.example")
    publish(names, shown, "mx", "spf", "dkim")
    shown = await ask(app, "verify_domain", domain="acme.example")
    assert (shown.state, statuses(shown)["mx"], statuses(shown)["ownership"]) == ("pending", "found", "missing")
    with pytest.raises(InvalidRequest, match=r"acme\.example is pending, not verified"):
        await do(app, "create_inbox", name="support", domain="acme.example")
    with pytest.raises(Conflict, match="pending"):
        await ask(app, "set_catch_all", domain="acme.example", inbox=(await do(app, "create_inbox")).address)
    assert await inbox_for(app, "support@acme.example") is None
