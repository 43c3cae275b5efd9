from __future__ import annotations

from pathlib import Path

import pytest

from letterlock.errors import SettingsError
from letterlock.settings import USUAL_TOOLSETS, Settings, default_data_folder, load_settings, unknown_variables

BAD = sorted(folder for folder in (Path(__file__).parent / "bad_settings").iterdir() if folder.is_dir())


def written(folder: Path, text: str) -> Path:
    (folder / "letterlock.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("folder", BAD, ids=lambda folder: folder.name)
def test_a_wrong_settings_file_is_refused_with_its_line_and_key(folder: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(data=folder)
    assert (folder / "expected-error").read_text("utf-8").strip() in str(refused.value)


def test_an_error_never_shows_the_value_of_a_password() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(data=Path(__file__).parent / "bad_settings" / "password_is_a_number")
    assert "123456" not in str(refused.value)


def test_options_beat_variables_beat_the_file_beats_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(data=tmp_path).smtp_port == 2525
    written(tmp_path, "smtp_port = 2001\nhttp_port = 2002\ndomain = 'file.example'\n")
    assert load_settings(data=tmp_path).smtp_port == 2001
    monkeypatch.setenv("LETTERLOCK_SMTP_PORT", "3001")
    monkeypatch.setenv("LETTERLOCK_HTTP_PORT", "3002")
    settings = load_settings(data=tmp_path, smtp_port=4001)
    assert (settings.smtp_port, settings.http_port, settings.domain) == (4001, 3002, "file.example")


def test_an_option_that_was_not_given_does_not_count(tmp_path: Path) -> None:
    written(tmp_path, "read_only = true\n")
    assert load_settings(data=tmp_path, read_only=None, smtp_port=None).read_only


def test_the_data_folder_comes_from_the_option_then_the_variable_then_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(config=written(tmp_path, "") / "letterlock.toml").data == default_data_folder()
    monkeypatch.setenv("LETTERLOCK_DATA", str(tmp_path / "a"))
    assert load_settings().data == tmp_path / "a"
    assert load_settings(data=tmp_path / "b").data == tmp_path / "b"


def test_a_tilde_in_the_data_folder_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LETTERLOCK_DATA", "~/mail")
    assert load_settings().data == tmp_path / "mail"


def test_the_settings_file_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.toml").write_text("domain = 'one.example'")
    (tmp_path / "two.toml").write_text("domain = 'two.example'")
    written(tmp_path, "domain = 'folder.example'")
    monkeypatch.setenv("LETTERLOCK_CONFIG", str(tmp_path / "one.toml"))
    assert load_settings(data=tmp_path).domain == "one.example"
    assert load_settings(data=tmp_path, config=tmp_path / "two.toml").domain == "two.example"


def test_a_named_settings_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"There is no settings file .*none\.toml"):
        load_settings(data=tmp_path, config=tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SMTP_PORT", "-1", "variable LETTERLOCK_SMTP_PORT: "),
        ("READ_ONLY", "perhaps", "variable LETTERLOCK_READ_ONLY: "),
        ("TOOLSETS", "reading,all", "variable LETTERLOCK_TOOLSETS: "),
    ],
)
def test_a_wrong_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"LETTERLOCK_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load_settings(data=tmp_path)
    assert str(refused.value).startswith(says)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("compact_hour = true", "compact_hour"),
        ("smtp_port = true", "smtp_port"),
        ("filing_seconds = true", "filing_seconds"),
        ("webhook_ports = [443, true]", "webhook_ports"),
        ('relays = [{to = "a.example", host = "b.example", port = true}]', "relays, port"),
    ],
)
def test_true_is_no_number(tmp_path: Path, line: str, key: str) -> None:
    with pytest.raises(SettingsError, match=f"line 1, key {key}: it is true or false"):
        load_settings(data=written(tmp_path, line))


def test_what_need_not_be_given_may_be_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, 'compact_hour = ""\nvault_key_file = ""\n')
    monkeypatch.setenv("LETTERLOCK_TLS_CERT", "")
    settings = load_settings(data=tmp_path)
    assert (settings.compact_hour, settings.vault_key_file, settings.tls_cert) == (None, None, None)


def test_a_wrong_option_is_named(tmp_path: Path) -> None:
    written(tmp_path, "http_port = 80\n")
    with pytest.raises(SettingsError, match=r"^option --http-port: "):
        load_settings(data=tmp_path, http_port=70_000)


def test_lists_are_written_with_commas_in_variables_and_as_lists_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(data=tmp_path).toolsets == USUAL_TOOLSETS
    written(tmp_path, 'toolsets = ["reading"]\nhttp_allowed_hosts = ["a.example", "b.example"]\n')
    settings = load_settings(data=tmp_path)
    assert settings.toolsets == ("reading",)
    assert settings.http_allowed_hosts == ("a.example", "b.example")
    monkeypatch.setenv("LETTERLOCK_TOOLSETS", " reading, waiting ,")
    assert load_settings(data=tmp_path).toolsets == ("reading", "waiting")


def test_settings_cannot_be_changed_and_hide_passwords_when_shown(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path, relay_password="hunter2")
    with pytest.raises(ValueError, match="frozen"):
        settings.smtp_port = 1  # type: ignore[misc]
    assert "hunter2" not in repr(settings)
    assert settings.relay_password.get_secret_value() == "hunter2"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_the_sandbox_runs_on_loopback(tmp_path: Path, host: str) -> None:
    assert load_settings(data=tmp_path, smtp_host=host, accept_any=True).smtp_is_loopback


@pytest.mark.parametrize(("given", "kept"), [("Mail.Example", "mail.example"), ("mail.example.", "mail.example")])
def test_a_domain_is_kept_as_mail_names_it(tmp_path: Path, given: str, kept: str) -> None:
    assert load_settings(data=tmp_path, domain=given).domain == kept


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_page_of_settings_has_a_heading_for_each_and_no_other() -> None:
    page = (Path(__file__).parent.parent / "docs" / "settings.md").read_text("utf-8")
    headings = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert sorted(headings) == sorted(Settings.model_fields)


def test_a_misspelt_variable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETTERLOCK_SMTP_PROT", "25")
    monkeypatch.setenv("LETTERLOCK_SMTP_PORT", "25")
    monkeypatch.setenv("LETTERLOCK_CONFIG", "x")
    assert unknown_variables() == ["LETTERLOCK_SMTP_PROT"]


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        ({}, False),
        ({"smtp_host": "0.0.0.0"}, True),
        ({"lmtp_port": 24}, True),
        ({"dns": "on"}, True),
        ({"dns": "off", "smtp_host": "0.0.0.0"}, False),
    ],
    ids=str,
)
def test_names_are_looked_up_as_soon_as_strangers_can_deliver(
    tmp_path: Path, changes: dict[str, object], asks: bool
) -> None:
    assert load_settings(data=tmp_path, **changes).asks_dns is asks


def test_read_only_wins_over_toolsets(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path, read_only=True, toolsets="inboxes")
    assert settings.offers("inboxes", read_only=True)
    assert not settings.offers("inboxes", read_only=False)
    assert not settings.offers("reading", read_only=True)


@pytest.mark.parametrize(
    "host", ["http://x", "smtp.example.com:587", "smtp example", "user@smtp.example", "smtp.example/", "-x", "1:2:3"]
)
def test_a_relay_is_named_by_its_host_alone(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match=r"relay.host: it is n.* port"):
        load_settings(data=tmp_path, relay_host=host)
    with pytest.raises(SettingsError, match="relays, host"):
        load_settings(data=tmp_path, relays=[{"to": "example.com", "host": host}])


@pytest.mark.parametrize(
    "host", ["smtp.example.com", "mail_relay", "127.0.0.1", "::1", "fe80::1%eth0", "k\u00f6ln.example"]
)
def test_every_kind_of_host_name_can_be_a_relay(tmp_path: Path, host: str) -> None:
    assert load_settings(data=tmp_path, relay_host=host).relay_host == host
