"""The whole configuration as one frozen model.

Sources, strongest first: command-line options, LETTERLOCK_* variables, `letterlock.toml` in the data folder (or the
file named by --config / LETTERLOCK_CONFIG), the defaults here. A wrong value is a SettingsError that names the key and,
for a file, the line. docs/settings.md has a heading for each.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from letterlock.errors import SettingsError

Toolset = Literal["inboxes", "reading", "waiting", "sending", "vault", "people"]
Names = Annotated[tuple[str, ...], NoDecode]
TOOLSETS: tuple[Toolset, ...] = ("inboxes", "reading", "waiting", "sending", "vault", "people")
USUAL_TOOLSETS: tuple[Toolset, ...] = ("inboxes", "reading", "waiting", "sending")
"""What is offered where nobody chose: each tool more is read by the model at each start."""


Security = Literal["starttls", "tls", "none"]
PolicyMode = Literal["off", "none", "testing", "enforce"]


class Relay(BaseModel):
    """A server for some of the mail: what goes to the domain `to`, what comes from the domain `sender`, or both where
    both are named. `connections`: how many to it at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str = ""
    sender: str = ""
    host: str = Field(min_length=1)
    port: int = Field(587, ge=1, le=65535)
    security: Security = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    connections: int = Field(8, ge=1, le=100)

    @field_validator("port", "connections", mode="before")
    @classmethod
    def _is_number(cls, value: Any) -> Any:
        return _neither_true_nor_false(value)

    @field_validator("host")
    @classmethod
    def _is_host(cls, value: str) -> str:
        return _host(value)

    @field_validator("to", "sender")
    @classmethod
    def _is_domain(cls, value: str) -> str:
        return _domain(value) if value else ""

    @model_validator(mode="after")
    def _names_a_domain(self) -> Relay:
        if not self.to and not self.sender:
            raise ValueError("a relay in the list needs `to` or `sender`, a domain; relay_host is for all others")
        return self


def _neither_true_nor_false(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("it is true or false, which does not fit here")
    return value


def _domain(value: str) -> str:
    name = value.strip().lower().removesuffix(".")
    for label in name.split("."):
        if not label.replace("-", "").isalnum() or len(label) > 63 or "-" in (label[0], label[-1]):
            raise ValueError("it is not a domain; write it like mail.example.com")
    return name


def _host(value: str) -> str:
    """A name in the DNS or of a neighbour in a container network (which may have a _), or an IP address."""
    if not re.fullmatch(r"\w[\w.-]*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%\w+)?", value):
        raise ValueError("it is not the name of a server; write it like smtp.example.com, and its port apart from it")
    if ":" in value:
        try:
            ip_address(value)
        except ValueError:
            raise ValueError("it is neither a name nor an IP address; its port is a setting of its own") from None
    return value


class Settings(BaseSettings):
    """Every setting, with its unit and default."""

    model_config = SettingsConfigDict(env_prefix="LETTERLOCK_", frozen=True, extra="forbid")

    data: Path = Field(description="Data folder: mail, keys, logs.")
    domain: str = Field("letterlock.localhost", description="Domain of new inboxes.")

    smtp_host: str = Field("127.0.0.1", description="Address the SMTP listener binds.")
    smtp_port: int = Field(2525, ge=0, le=65535, description="SMTP port; 0 turns the listener off.")
    lmtp_port: int = Field(0, ge=0, le=65535, description="LMTP port (RFC 2033) for an edge MTA; 0: off.")
    smtp_hostname: str = Field("letterlock.localhost", description="Name in the SMTP greeting.")
    domain_mx: Names = Field((), description="Servers that take mail for every domain; empty: smtp_hostname.")
    domain_spf: str = Field("", description="SPF terms that name who sends for every domain; empty: domain_mx.")
    mta_sts: PolicyMode = Field("testing", description="What senders are asked of domains' mail servers (RFC 8461).")
    domain_grace_days: float = Field(
        14, ge=0, le=365, description="How long a domain stays its tenant's without its ownership record."
    )
    smtp_connections: int = Field(1000, ge=1, le=100_000, description="SMTP connections at once; more get 421.")
    smtp_connections_per_ip: int = Field(500, ge=1, le=100_000, description="The same for one client address.")
    tls_cert: Path | None = Field(None, description="Certificate chain (PEM); offers STARTTLS.")
    tls_key: Path | None = Field(None, description="Private key (PEM) of tls_cert.")
    max_message_bytes: int = Field(26_214_400, ge=1024, le=104_857_600, description="Largest email taken, in bytes.")
    accept_any: bool = Field(False, description="Sandbox: any recipient is accepted, its inbox made (loopback only).")

    http_host: str = Field("127.0.0.1", description="Address `letterlock serve` binds.")
    http_port: int = Field(8765, ge=0, le=65535, description="Its port; 0: any free one.")
    http_allowed_hosts: Names = Field((), description="Further Host header values to accept.")
    http_allowed_origins: Names = Field((), description="Further Origin header values to accept.")

    webhook_ports: Annotated[tuple[int, ...], NoDecode] = Field((443, 8443), description="Ports webhooks may go to.")
    webhook_private: bool = Field(False, description="Webhooks may go to any address and port, also by http.")

    relay_host: str = Field("", description="SMTP server that takes mail for the outside world.")
    relay_port: int = Field(587, ge=1, le=65535, description="Its port.")
    relay_security: Security = Field("starttls", description="TLS to the relay; never weaker.")
    relay_username: str = Field("", description="Login at the relay; empty: none.")
    relay_password: SecretStr = Field(SecretStr(""), description="Its password.")
    relay_connections: int = Field(8, ge=1, le=100, description="Connections to it at once.")
    relays: Annotated[tuple[Relay, ...], NoDecode] = Field((), description="Other servers for some domains.")

    domain_relay_ports: Annotated[tuple[int, ...], NoDecode] = Field(
        (25, 465, 587, 2465, 2525, 2587), description="Ports of relays that tenants may set for their domains."
    )
    domain_relay_private: bool = Field(False, description="Such relays may be at any address and port, also in clear.")

    direct: bool = Field(False, description="Send to the recipients' own mail servers instead of a relay.")
    direct_port: int = Field(25, ge=1, le=65535, description="Port of other mail servers.")
    direct_private: bool = Field(False, description="Send also to mail servers in private networks.")
    verp: bool = Field(True, description="A secret return path for each recipient, which proves its bounces.")
    report_senders: Names = Field((), description="Addresses and domains whose reports are believed.")

    one_by_one: bool = Field(True, description="No final dot to a server before the answer to the last is kept.")

    warm_up: bool = Field(False, description="A new domain sends few emails at first, and each day twice as many.")

    attach_folder: Path | None = Field(None, description="Files in this folder may be sent along by their name.")
    attach_bytes: int = Field(10_000_000, ge=1, le=50_000_000, description="Largest sum of attached files, in bytes.")

    first_emails: int = Field(5, ge=0, le=1000, description="Emails of a new agent to the outside a person sees first.")
    taint_hours: float = Field(24, gt=0, le=720, description="How long mail that nothing vouches for ties an agent.")
    approval_hours: float = Field(72, gt=0, le=720, description="How long an email waits for a person.")
    thread_per_day: int = Field(50, ge=1, description="Emails in one thread in a day; a person sees the next.")
    tenant_per_hour: int = Field(500, ge=1, description="Recipients outside in an hour, all agents together.")
    tenant_per_day: int = Field(5_000, ge=1, description="The same in a day.")
    agent_per_hour: int = Field(300, ge=1, description="Recipients outside in an hour for one agent.")
    agent_per_day: int = Field(2_000, ge=1, description="The same in a day.")
    inbox_per_hour: int = Field(200, ge=1, description="Recipients outside in an hour for one inbox.")
    inbox_per_day: int = Field(1_000, ge=1, description="The same in a day.")

    inboxes_per_hour: int = Field(100, ge=0, description="New inboxes of a tenant in an hour.")
    pool_size: int = Field(0, ge=0, le=10_000, description="Addresses kept ready for each tenant; 0: none.")
    signups_per_hour: int = Field(
        0, ge=0, le=1000, description="Tenants that clients of one address may make for themselves in an hour."
    )
    waits_per_hour: int = Field(200, ge=0, description="Calls of a tenant that wait for mail, in an hour.")

    key: SecretStr = Field(SecretStr(""), description="API key that says who calls on stdio; empty: the local agent.")

    inbox_idle_days: int = Field(
        30, ge=0, le=36_500, description="An inbox nobody uses for so long is deleted, restorable for 7 days; 0: never."
    )
    email_days: int = Field(0, ge=0, le=36_500, description="How long an email stays; 0: as long as its inbox.")
    submission_days: int = Field(
        365, ge=0, le=36_500, description="How long a sent email stays once it is finished; 0: as long as its inbox."
    )
    compact_hour: int | None = Field(
        None,
        ge=0,
        le=23,
        description="Local hour to compact a store over 256 MB in after an erasure; empty: never by itself.",
    )
    low_disk_megabytes: int = Field(
        500, ge=0, le=10_000_000, description="With less free on the disk of the data folder answers warn; 0: never."
    )

    dns: Literal["auto", "on", "off"] = Field(
        "auto", description="Ask DNS who really sent an email (SPF, DKIM, DMARC); auto: when mail comes from outside."
    )

    toolsets: Annotated[tuple[Toolset, ...], NoDecode] = Field(
        USUAL_TOOLSETS, description="Tools offered to models; vault and people only when they are named."
    )
    read_only: bool = Field(False, description="Offer only tools that change nothing; wins over toolsets.")
    mask_codes: bool = Field(True, description="Show one-time codes in wait_for_otp only.")

    vault_key: SecretStr = Field(SecretStr(""), description="Master key of the vault; empty: kept as follows.")
    vault_key_file: Path | None = Field(None, description="File with it; empty: vault.key in the data folder.")
    vault_keyring: bool = Field(False, description="Keep it in the system's keyring instead of a file.")
    vault_url: str = Field("", description="HashiCorp Vault or OpenBao that keeps it instead; empty: none.")
    vault_path: str = Field("secret/letterlock", description="Mount of a KV v2 engine there, and the path in it.")
    vault_token: SecretStr = Field(SecretStr(""), description="Token for it; empty: the variable VAULT_TOKEN.")
    vault_token_file: Path | None = Field(None, description="File with the token, read at each use.")
    vault_values: Literal["store", "kv2"] = Field(
        "store", description="Where secrets that come by mail are kept: here, or on the server of vault_url."
    )
    vault_seconds: float = Field(5.0, gt=0, le=60, description="Time it may take to answer.")
    reveals_per_hour: int = Field(30, ge=0, description="Secrets of a tenant shown or used in an hour.")

    filing_workers: int = Field(
        2, ge=1, le=64, description="Processes that read and screen mail, and one more for what is waited for."
    )
    filing_seconds: float = Field(10.0, gt=0, le=300, description="Time one email may take to be read.")
    filing_megabytes: int = Field(1024, ge=192, le=65_536, description="Memory a filing process may use (POSIX).")
    suspect_score: float = Field(0.5, ge=0, le=1, description="Screening score from which an email is suspect.")
    quarantine_score: float = Field(0.9, ge=0, le=1, description="Score from which it is quarantined.")
    second_opinion: Literal["", "defender"] = Field(
        "", description="Beside our own screen also ask stackone-defender, in the filing processes; empty: no."
    )
    reviewer_url: str = Field("", description="OpenAI-compatible endpoint that gives a second opinion; empty: none.")
    reviewer_model: str = Field("", description="Model to ask there.")
    reviewer_key: SecretStr = Field(SecretStr(""), description="API key for it.")
    reviewer_seconds: float = Field(10.0, gt=0, le=120, description="Time it may take for one email.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("WARNING", description="Detail on stderr.")
    log_format: Literal["text", "json"] = Field("text", description="Form of the log: lines for people, or JSON lines.")
    traces: bool = Field(False, description="Send OpenTelemetry traces by OTLP (OTEL_EXPORTER_OTLP_ENDPOINT).")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Neither a .env file nor a folder of secrets is read; to look through them takes as long as the rest."""
        return init_settings, env_settings

    @field_validator("toolsets", mode="after")
    @classmethod
    def _not_empty(cls, value: tuple[Toolset, ...]) -> tuple[Toolset, ...]:
        if not value:
            raise ValueError(f"name at least one of {', '.join(TOOLSETS)}")
        return value

    @field_validator(
        "toolsets",
        "http_allowed_hosts",
        "http_allowed_origins",
        "webhook_ports",
        "domain_relay_ports",
        "domain_mx",
        mode="before",
    )
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("*", mode="before")
    @classmethod
    def _fits(cls, value: Any, info: ValidationInfo) -> Any:
        """`true` is no number, and what need not be given may be empty."""
        field = cls.model_fields[info.field_name or ""]
        if field.annotation is not bool:
            for one in value if isinstance(value, (list, tuple)) else (value,):
                _neither_true_nor_false(one)
        return None if value == "" and field.default is None else value

    @field_validator("relays", mode="before")
    @classmethod
    def _is_list(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            raise ValueError('write it as JSON: [{"to": "example.com", "host": "smtp.example.com"}]') from None

    @field_validator("domain")
    @classmethod
    def _is_domain(cls, value: str) -> str:
        return _domain(value)

    @field_validator("domain_mx")
    @classmethod
    def _are_servers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_domain(name) for name in value)

    @field_validator("domain_spf")
    @classmethod
    def _are_terms(cls, value: str) -> str:
        terms = value.split()
        if not all(re.fullmatch(r"(?i)(?:a|mx|include|ip4|ip6|exists)(?:[:/][!-~]+)?", term) for term in terms):
            raise ValueError("it is no list of SPF terms; write it like include:spf.example.net ip4:192.0.2.1")
        return " ".join(terms)

    @field_validator("relay_host")
    @classmethod
    def _is_server(cls, value: str) -> str:
        return _host(value) if value else value

    @field_validator("vault_url")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#@]+/?", value):
            raise ValueError("it is not the address of a server; write it like https://vault.example.com:8200")
        return value.rstrip("/")

    @field_validator("vault_path")
    @classmethod
    def _is_mounted(cls, value: str) -> str:
        if not re.fullmatch(r"\w[\w.-]*(?:/\w[\w.-]*)+", value):
            raise ValueError("it is not a mount and a path; write it like secret/letterlock")
        return value

    @field_validator("reviewer_url")
    @classmethod
    def _is_endpoint(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?", value):
            raise ValueError("it is not a web address; write it like https://api.example.com/v1")
        return value

    @model_validator(mode="after")
    def _belongs_together(self) -> Settings:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: set both or neither")
        if self.accept_any and not self.smtp_is_loopback:
            raise ValueError("accept_any takes mail for everyone, so smtp_host must be a loopback address")
        if self.second_opinion and find_spec("stackone_defender") is None:
            raise ValueError("second_opinion needs its package: pip install 'letterlock[defender]'")
        if self.reviewer_url and not self.reviewer_model:
            raise ValueError("reviewer_url needs reviewer_model: the name of the model to ask")
        if self.direct and self.relay_host:
            raise ValueError("direct and relay_host exclude each other; `relays` go with either")
        homes = (self.vault_key.get_secret_value(), self.vault_key_file, self.vault_keyring)
        if sum(map(bool, homes)) > 1:
            raise ValueError("vault_key, vault_key_file and vault_keyring exclude each other")
        if self.vault_values == "kv2" and not self.vault_url:
            raise ValueError("vault_values = kv2 needs vault_url: the server that keeps the secrets")
        if self.suspect_score > self.quarantine_score:
            raise ValueError("suspect_score must not be above quarantine_score")
        return self

    def offers(self, toolset: Toolset, *, read_only: bool) -> bool:
        """Whether a tool of this toolset is offered: only one that changes nothing under read_only, which wins."""
        return toolset in self.toolsets and (read_only or not self.read_only)

    @property
    def call_bytes(self) -> int:
        """The largest call that may bring files, in bytes: base64 makes four of three, words and line ends come on
        top."""
        return self.attach_bytes * 13 // 9 + 2_000_000

    @property
    def asks_dns(self) -> bool:
        """`auto` means: as soon as strangers can deliver, directly or through an edge MTA. A sandbox asks nobody."""
        return self.dns == "on" or (self.dns == "auto" and (not self.smtp_is_loopback or self.lmtp_port > 0))

    @property
    def asks_dns_of_fetched(self) -> bool:
        """The same for mail fetched from mailboxes elsewhere, which always comes from outside."""
        return self.dns != "off"

    @property
    def smtp_is_loopback(self) -> bool:
        return self.smtp_host in ("127.0.0.1", "::1", "localhost")


def default_data_folder() -> Path:
    """Where mail is kept when nobody says otherwise: the platform's folder for user data."""
    return Path(platformdirs.user_data_dir("letterlock", appauthor=False))


def load_settings(**options: Any) -> Settings:
    """Settings from `options` (None: not given), environment, file and defaults, in that order of strength.

    `config` among the options names the file; without it, LETTERLOCK_CONFIG or `letterlock.toml` in the data folder.
    Raises SettingsError with the key and, for a file, the line.
    """
    given = {name: value for name, value in options.items() if value is not None}
    named = given.pop("config", None) or os.environ.get("LETTERLOCK_CONFIG")
    data = Path(given.get("data") or os.environ.get("LETTERLOCK_DATA") or default_data_folder()).expanduser()
    file = Path(named).expanduser() if named else data / "letterlock.toml"
    text, from_file = _read_file(file, must_exist=bool(named))
    if "data" in from_file:
        raise SettingsError(
            f"{file}, key data: the data folder cannot be named in a file that may lie in it.",
            next_step="Use --data or LETTERLOCK_DATA.",
        )
    weaker = {key: value for key, value in from_file.items() if f"LETTERLOCK_{key.upper()}" not in os.environ}
    try:
        return Settings(**{**weaker, **given, "data": data})
    except ValidationError as error:
        raise SettingsError(*_explain(error, file, text, given)) from None


def unknown_variables() -> list[str]:
    """LETTERLOCK_* variables that name no setting: most likely misspelt."""
    known = {f"LETTERLOCK_{name.upper()}" for name in (*Settings.model_fields, "config")}
    return sorted(name for name in os.environ if name.startswith("LETTERLOCK_") and name not in known)


def _read_file(file: Path, *, must_exist: bool) -> tuple[str, dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(
                f"There is no settings file {file}.", next_step="Create it or leave --config out."
            ) from None
        return "", {}
    except tomllib.TOMLDecodeError as error:
        # tomllib's own text ends with "(at line 3, column 7)", but for what is missing at the end.
        lines = len(text.splitlines())
        problem = str(error).replace("(at end of document)", f"(at its end, line {lines})")
        raise SettingsError(f"{file} is not valid TOML: {problem}.", next_step="Mend that line.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{file} cannot be read: {reason}.") from None


def _explain(error: ValidationError, file: Path, text: str, given: dict[str, Any]) -> tuple[str]:
    """One sentence for the first thing wrong: the key, where it was set, and what it may be."""
    first = error.errors(include_url=False, include_input=False)[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    problem = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        problem = "there is no such setting (docs/settings.md lists them)"

    def line_of(name: str) -> int | None:
        pattern = re.compile(rf"[\s\[]*{re.escape(name)}\s*[=\].]")
        return next((n for n, row in enumerate(text.splitlines(), 1) if pattern.match(row)), None)

    def place(name: str) -> str:
        """Where a setting was set, "" when nowhere."""
        if name in given:
            return f"option --{name.replace('_', '-')}"
        if (variable := f"LETTERLOCK_{name.upper()}") in os.environ:
            return f"variable {variable}"
        line = line_of(name)
        return f"{file}, line {line}, key {name}" if line else ""

    if not key:
        named = [name for name in re.findall(r"\w+", problem) if name in Settings.model_fields]
        set_in = next((where for name in named if (where := place(name))), "")
        return (f"{set_in}: {problem}." if set_in else f"Settings do not fit together: {problem}.",)
    where = place(key) or f"setting {key}"
    within = [part for part in first["loc"][1:] if isinstance(part, str)]
    return (f"{where}{''.join(f', {part}' for part in within)}: {problem}.",)
