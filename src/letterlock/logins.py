"""What is needed to log in at a mailbox elsewhere: its password, or an access token by OAuth (RFC 6749, RFC 8628).

Kept sealed by the vault; access tokens are kept in memory only, and fetched anew before they end.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from letterlock.app import App
from letterlock.errors import VaultLocked
from letterlock.ids import MailboxId, TenantId
from letterlock.store import mailboxes
from letterlock.store.mailboxes import Mailbox

Kind = Literal[
    "unreachable",
    "certificate",
    "login",
    "wants_app_password",
    "wants_oauth",
    "imap_off",
    "folder",
    "protocol",
    "locked",
]
ASK_S: Final = 15.0
_MOST_BYTES: Final = 65_536
_MOST_KEPT: Final = 1_000
_EARLY_S: Final = 120.0
_LEAST_INTERVAL_S: Final = 1.0
_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


class Trouble(Exception):
    """Why a mailbox cannot be used now. `what`: a sentence about the server, `advice`: what to do. `lasting`: trying
    again soon is of no use, a person must do something."""

    def __init__(self, kind: Kind, what: str, advice: str = "") -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.advice = advice

    @property
    def lasting(self) -> bool:
        return self.kind in ("certificate", "login", "wants_app_password", "wants_oauth", "imap_off", "folder")


@dataclass(frozen=True, slots=True)
class Login:
    """`secret`: a password, or with `oauth` an access token."""

    username: str
    secret: str = field(repr=False)
    oauth: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """What is kept of a login: a password, or what access tokens are fetched with."""

    password: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    token_url: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class Device:
    """What a person is asked to do: open `url` and type `user_code` there within `seconds`."""

    device_code: str = field(repr=False)
    user_code: str
    url: str
    interval: float
    seconds: float


_tokens: dict[tuple[MailboxId, int], tuple[str, float]] = {}
_fetching = asyncio.Lock()


async def sealed(app: App, tenant_id: TenantId, mailbox_id: MailboxId, secret: Secret) -> bytes:
    """Raises VaultLocked."""
    return await app.vault.seal(tenant_id, mailbox_id, json.dumps(asdict(secret)).encode())


async def login_of(app: App, mailbox: Mailbox, *, fresh: bool = False) -> Login:
    """What to log in with at a mailbox now, also for sending by it. `fresh`: the access token of before was refused.
    Raises Trouble."""
    key = (mailbox.mailbox_id, mailbox.revision)
    if mailbox.login == "xoauth2":
        async with _fetching:
            token, until = _tokens.get(key, ("", 0.0))
            if fresh or not token or time.monotonic() >= until:
                token = await _renewed(app, mailbox)
            return Login(mailbox.username, token, oauth=True)
    return Login(mailbox.username, (await _opened(app, mailbox)).password)


async def sealed_away(app: App, mailbox: Mailbox) -> Trouble | None:
    """Why what to log in with at a mailbox cannot be opened; None when it can. Asks no server."""
    try:
        await _opened(app, mailbox)
    except Trouble as trouble:
        return trouble
    return None


async def _renewed(app: App, mailbox: Mailbox) -> str:
    newest = await app.database.read(mailbox.tenant_id, lambda tx: mailboxes.find(tx, mailbox.mailbox_id))
    secret = await _opened(app, newest or mailbox)
    tokens = await refreshed(secret)
    if tokens.refresh and tokens.refresh != secret.refresh_token:
        # Some give a new one with each use, and end the one before.
        kept = Secret("", tokens.refresh, secret.client_id, secret.client_secret, secret.token_url)
        body = await sealed(app, mailbox.tenant_id, mailbox.mailbox_id, kept)
        await app.database.write(
            mailbox.tenant_id, lambda tx: mailboxes.set_sealed(tx, mailbox.mailbox_id, body, mailbox.revision)
        )
    remember_token(mailbox.mailbox_id, mailbox.revision, tokens)
    return tokens.access


def remember_token(mailbox_id: MailboxId, revision: int, tokens: Tokens) -> None:
    if len(_tokens) >= _MOST_KEPT:
        _tokens.clear()
    _tokens[mailbox_id, revision] = (tokens.access, time.monotonic() + max(0.0, tokens.seconds - _EARLY_S))


async def _opened(app: App, mailbox: Mailbox) -> Secret:
    try:
        return Secret(**json.loads(await app.vault.open(mailbox.tenant_id, mailbox.mailbox_id, mailbox.sealed)))
    except VaultLocked:
        # Its key may come back any moment, or come late only.
        raise Trouble(
            "locked",
            f"What to log in with at {mailbox.host} is sealed, and the vault's key is not there.",
            "See `letterlock doctor`, or run `letterlock connect` again.",
        ) from None


# OAuth


async def begin_device(url: str, client_id: str, scope: str) -> Device:
    """Ask for a code that a person can type (RFC 8628 section 3.1). Raises Trouble."""
    said = await _ask(url, {"client_id": client_id, "scope": scope})
    page = str(said.get("verification_uri") or said.get("verification_url") or "")
    device, user = str(said.get("device_code") or ""), str(said.get("user_code") or "")
    if not page.startswith("https://") or not device or not user or not (page + user).isprintable():
        raise Trouble("protocol", f"{_host(url)} gives no code to type.")
    interval = max(_LEAST_INTERVAL_S, _number(said, "interval", 5))
    return Device(device, user, page, interval, _number(said, "expires_in", 600))


async def finish_device(url: str, client_id: str, client_secret: str, device: Device) -> Tokens:
    """Wait until the person has typed it (RFC 8628 section 3.4), at most as long as the code lives, and 30 minutes.
    Raises Trouble."""
    interval, end = device.interval, time.monotonic() + min(device.seconds, 1800.0)
    form = {"grant_type": _DEVICE_GRANT, "device_code": device.device_code, "client_id": client_id}
    if client_secret:
        form["client_secret"] = client_secret
    while True:
        await asyncio.sleep(min(interval, max(0.0, end - time.monotonic())))
        try:
            said = await _ask(url, form, may_fail=True)
        except Trouble as trouble:
            if trouble.kind != "unreachable":
                raise
            # RFC 8628 section 3.5: more seldom, and on. The person may be typing just now.
            said, interval = {"error": "authorization_pending"}, interval * 2
        error = said.get("error")
        if not error:
            return _tokens_in(said, url)
        if error == "slow_down":
            interval += 5
        elif error != "authorization_pending":
            raise _refused(url, said)
        if time.monotonic() >= end:
            raise Trouble("login", "The code was not typed in time.", "Run the command again for a new one.")


async def refreshed(secret: Secret) -> Tokens:
    """A new access token (RFC 6749 section 6). Raises Trouble."""
    form = {"grant_type": "refresh_token", "refresh_token": secret.refresh_token, "client_id": secret.client_id}
    if secret.client_secret:
        form["client_secret"] = secret.client_secret
    return _tokens_in(await _ask(secret.token_url, form), secret.token_url)


def _tokens_in(said: dict[str, Any], url: str) -> Tokens:
    access, refresh = said.get("access_token"), said.get("refresh_token")
    if not isinstance(access, str) or not access or not access.isascii() or not access.isprintable():
        raise Trouble("protocol", f"{_host(url)} gives no access token.")
    return Tokens(access, refresh if isinstance(refresh, str) else "", _number(said, "expires_in", 3600))


def _number(said: dict[str, Any], name: str, usual: float) -> float:
    value = said.get(name)
    return float(value) if isinstance(value, int | float) and 0 < value < 10_000_000 else usual


async def _ask(url: str, form: dict[str, str], *, may_fail: bool = False) -> dict[str, Any]:
    """The JSON object that a token endpoint answers. `may_fail`: its error is an answer, too."""
    import httpx2

    try:
        async with (
            asyncio.timeout(ASK_S),
            httpx2.AsyncClient(verify=ssl.create_default_context(), follow_redirects=False, timeout=ASK_S) as client,
            client.stream("POST", url, data=form, headers={"Accept": "application/json"}) as answer,
        ):
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise Trouble("protocol", f"{_host(url)} answers without an end.")
            said = json.loads(body)
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
        if "certificate" in str(error).lower():
            raise Trouble("certificate", f"{_host(url)} shows a certificate that is not trusted.") from None
        raise Trouble("unreachable", f"{_host(url)} cannot be asked for a token ({type(error).__name__}).") from None
    except (ValueError, RecursionError):
        if answer.status_code >= 500:
            raise Trouble("unreachable", f"{_host(url)} fails (status {answer.status_code}).") from None
        raise Trouble("protocol", f"{_host(url)} answers no JSON (status {answer.status_code}).") from None
    if not isinstance(said, dict):
        raise Trouble("protocol", f"{_host(url)} answers no JSON object.")
    if said.get("error") and not may_fail:
        raise _refused(url, said)
    return said


def _refused(url: str, said: dict[str, Any]) -> Trouble:
    error = str(said.get("error"))
    why = clean(str(said.get("error_description") or error))
    if error in ("temporarily_unavailable", "server_error"):
        return Trouble("unreachable", f"{_host(url)} gives no token right now: {why}.")
    return Trouble(
        "login",
        f"{_host(url)} gives no token: {why}.",
        "Run `letterlock connect` again and allow it."
        if error in ("invalid_grant", "access_denied", "expired_token")
        else "Look at the client id, and at what it may ask for.",
    )


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def clean(text: str) -> str:
    """What a server said, for a person: one line, no control characters."""
    bare = re.sub(r"^b'(.*)'$", r"\1", text, flags=re.DOTALL)
    return " ".join(re.sub(r"[^ -~]", " ", bare).split())[:200].rstrip(".") or "no reason"
