from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from letterlock.errors import SettingsError
from letterlock.outbound.routes import connections, has_ways, settings_of, way_of, way_to
from letterlock.settings import Settings, load_settings
from running import settings_for

RELAYS = [
    {"to": "customer.example", "host": "a.example", "sender": "shop.example", "connections": 3},
    {"sender": "shop.example", "host": "b.example", "port": 25, "security": "none"},
    {"to": "Customer.example.", "host": "c.example", "username": "me", "password": "hunter2"},
]


def with_relays(folder: Path, **more: Any) -> Settings:
    return settings_for(folder, relays=RELAYS, **more)


@pytest.mark.parametrize(
    ("sender", "recipient", "host"),
    [
        ("a@shop.example", "b@customer.example", "a.example"),
        ("a@shop.example", "b@CUSTOMER.example", "a.example"),
        ("a@other.example", "b@customer.example", "c.example"),
        ("a@shop.example", "b@sub.customer.example", "b.example"),
        ("a@other.example", "b@other.example", "default.example"),
    ],
)
def test_the_recipients_domain_comes_before_the_senders_and_both_before_the_default(
    tmp_path: Path, sender: str, recipient: str, host: str
) -> None:
    way = way_to(with_relays(tmp_path, relay_host="default.example"), sender, recipient)
    assert way is not None
    assert way.route.host == host


def test_without_a_default_only_the_domains_named_have_a_way(tmp_path: Path) -> None:
    settings = with_relays(tmp_path)
    assert has_ways(settings)
    assert way_to(settings, "a@other.example", "b@other.example") is None
    assert not has_ways(settings_for(tmp_path))


def test_a_lane_has_the_connections_of_its_server(tmp_path: Path) -> None:
    settings = with_relays(tmp_path, relay_host="default.example", relay_connections=5)
    way = way_to(settings, "a@shop.example", "b@customer.example")
    assert way is not None
    assert connections(settings, way.lane) == way.connections == 3
    assert connections(settings, "default.example:587") == 5


def test_a_lane_names_its_server_and_its_settings(tmp_path: Path) -> None:
    settings = with_relays(tmp_path, relay_host="default.example")
    for sender, recipient, named in (
        ("a@shop.example", "b@customer.example", "relays: "),
        ("a@other.example", "b@customer.example", "relays: "),
        ("a@other.example", "b@other.example", "relay_"),
    ):
        way = way_to(settings, sender, recipient)
        assert way is not None
        assert way_of(settings, way.lane) == way
        assert settings_of(settings, way.lane) == named
    straight = settings_for(tmp_path, direct=True)
    way = way_to(straight, "a@shop.example", "b@far.example")
    assert way is not None
    assert way_of(straight, way.lane) == way
    assert settings_of(straight, way.lane) == ""
    assert way_of(settings, way.lane) is None
    assert way_of(settings, "gone.example:25") is None


def test_a_server_that_is_spoken_to_in_two_manners_is_no_one_way(tmp_path: Path) -> None:
    entry = {"host": "a.example", "port": 25}
    relays = [{**entry, "to": "x.example", "security": "none"}, {**entry, "to": "y.example"}]
    assert way_of(settings_for(tmp_path, relays=relays), "a.example:25") is None
    assert way_of(settings_for(tmp_path, relays=[relays[0], {**relays[0], "to": "y.example"}]), "a.example:25")


def test_domains_in_other_scripts_are_compared_as_the_dns_knows_them(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, relays=[{"to": "b\u00fccher.example", "host": "a.example"}])
    assert way_to(settings, "a@x.example", "b@xn--bcher-kva.example") is not None


def test_a_variable_holds_the_list_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETTERLOCK_RELAYS", json.dumps(RELAYS))
    assert [relay.host for relay in load_settings(data=tmp_path).relays] == ["a.example", "b.example", "c.example"]
    assert "hunter2" not in repr(load_settings(data=tmp_path))


@pytest.mark.parametrize(
    ("relays", "said"),
    [
        ("[{", "write it as JSON"),
        ('[{"host": "a.example"}]', "needs `to` or `sender`"),
        ('[{"to": "x.example"}]', "host: Field required"),
        ('[{"to": "x@y", "host": "a.example"}]', "to: it is not a domain"),
        ('[{"to": "x.example", "host": "a.example", "tls": true}]', "tls: there is no such setting"),
    ],
)
def test_a_wrong_list_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relays: str, said: str
) -> None:
    monkeypatch.setenv("LETTERLOCK_RELAYS", relays)
    with pytest.raises(SettingsError) as refused:
        load_settings(data=tmp_path)
    assert said in str(refused.value)
