from __future__ import annotations

import stat
from pathlib import Path

import pytest

from fakes import DictResolver, open_relay_sink
from letterlock.app import open_app
from letterlock.errors import LetterlockError
from letterlock.message.dkim import read_message, verify
from letterlock.outbound.deliver import claim, deliver
from letterlock.outbound.signing import keys_of, make_keys
from running import do, make_inbox, settings_for


def test_keys_are_made_once_for_their_owner_only_and_added_beside_old_ones(tmp_path: Path) -> None:
    records = make_keys(tmp_path, "Shop.example", "a")
    assert [record.name for record in records] == ["a-rsa._domainkey.shop.example", "a-ed25519._domainkey.shop.example"]
    for file in (tmp_path / "dkim" / "shop.example").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(LetterlockError, match="already"):
        make_keys(tmp_path, "shop.example", "a")
    assert len(make_keys(tmp_path, "shop.example", "b")) == 4
    assert keys_of(tmp_path, "other.example") == ()


@pytest.mark.parametrize(
    ("domain", "name"), [("../x", "a"), ("a b", "a"), ("shop.example", "../a"), ("shop.example", "")]
)
def test_names_that_would_leave_the_folder_are_refused(tmp_path: Path, domain: str, name: str) -> None:
    with pytest.raises(LetterlockError):
        make_keys(tmp_path, domain, name)


async def test_what_goes_to_the_relay_is_signed_and_not_sent_when_the_key_is_broken(tmp_path: Path) -> None:
    async with open_relay_sink() as sink:
        settings = settings_for(tmp_path, relay_host=sink.host, relay_port=sink.port, relay_security="none")
        async with open_app(settings) as app:
            box = await make_inbox(app)
            domain = box.partition("@")[2]
            records = make_keys(app.folder, domain, "k")
            names = {record.name: {"TXT": [record.value]} for record in records}

            async def send(to: str) -> str:
                sent = await do(app, "send_email", inbox=box, to=[to], subject="Hi", text="Hello")
                for lease in await claim(app, "test", "relay", 10):
                    await deliver(app, lease)
                return str(sent.submission_id)

            await send("ben@far.example")
            found = verify(read_message(sink.emails[0].content), DictResolver(names), first=bool, now=None)
            assert [(one.domain, one.result) for one in found] == [(domain, "pass"), (domain, "pass")]
            (app.folder / "dkim" / domain / "k-rsa.pem").write_bytes(b"broken")
            waits = await send("kim@far.example")
            status = await do(app, "get_delivery_status", submission_id=waits)
            assert status.recipients[0].state == "queued"
            assert len(sink.emails) == 1
