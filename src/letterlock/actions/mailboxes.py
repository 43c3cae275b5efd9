"""Mailboxes that people have elsewhere: connected, listed and let go by whoever runs Letterlock.

At the command line only: what a server says of whose mail it has is believed, so that nobody else may name one. Of the
owner's own mail no action shows anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, SecretStr

from letterlock.actions.caller import ADMIN, Caller
from letterlock.actions.inboxes import Request
from letterlock.app import App
from letterlock.domains import domain_key, domain_of
from letterlock.errors import CallerError, Conflict, InvalidRequest, NotFound, Unavailable
from letterlock.ids import MailboxId
from letterlock.inbound.autoconfig import fetch_autoconfig
from letterlock.inbound.imap import Connection, Place, is_own_machine, pin_of
from letterlock.inbound.mailbox import in_thread
from letterlock.logins import (
    Device,
    Login,
    Secret,
    Tokens,
    Trouble,
    begin_device,
    finish_device,
    remember_token,
    sealed,
    sealed_away,
)
from letterlock.masterkey import home_of
from letterlock.message.address import Address, parse_address
from letterlock.outbound.provider import refused_by
from letterlock.providers import Provider, advice_on, plus_pattern, provider_by_key, provider_of
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, domains, mailboxes
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.mailboxes import After, Folder, Mailbox, Security, WriteAs
from letterlock.wake import MAILBOXES

MOST_MAILBOXES: Final = 20
"""Of one tenant: each takes two connections."""
INBOX: Final = "INBOX"


Way = Literal["receiving", "sending"]


class Connect(Request):
    """A mailbox and the way to it; what is left out is known of the provider. With `client_id` by OAuth, else by
    `password`."""

    address: Annotated[str, Field(min_length=3, max_length=320)]
    provider: Annotated[str, Field(max_length=40)] = ""
    host: Annotated[str, Field(max_length=253)] = ""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    security: Literal["", "tls", "starttls"] = ""
    smtp_host: Annotated[str, Field(max_length=253, description="the server it sends by")] = ""
    smtp_port: Annotated[int, Field(ge=0, le=65535)] = 0
    smtp_security: Literal["", "tls", "starttls"] = ""
    pin: Annotated[bool, Field(description="believe the certificate it shows now; on this machine only")] = False
    username: Annotated[str, Field(max_length=320)] = ""
    password: SecretStr = SecretStr("")
    client_id: Annotated[str, Field(max_length=320)] = ""
    client_secret: SecretStr = SecretStr("")
    catch_all: Annotated[str, Field(max_length=253, description="domain whose mail all lands in it")] = ""
    mark_read: Annotated[bool, Field(description="mark what was fetched as read")] = False
    move_to: Annotated[str, Field(max_length=200, description="folder to move it to")] = ""
    leave_as_is: Annotated[bool, Field(description="neither of both any more")] = False
    authserv: Annotated[str, Field(max_length=253, description="authserv-id of its Authentication-Results")] = ""
    write_as: Annotated[WriteAs, Field(description="who stands in From of what is sent by it")] = "mailbox"
    ask_provider: Annotated[bool, Field(description="ask https://autoconfig.DOMAIN how it is reached")] = False


class ListMailboxes(Request):
    pass


class OneMailbox(Request):
    mailbox: Annotated[str, Field(min_length=1, max_length=320, description="id or address")]


class FolderShown(BaseModel):
    folder: str
    spam: bool
    seen_at: datetime
    problem: str
    advice: str
    skipped: int = Field(description="emails left there: too large, or not given out")


class MailboxShown(BaseModel):
    mailbox_id: str
    address: str
    provider: str
    host: str
    inboxes: str = Field(description="the addresses of its inboxes, {} for the name; empty: it can have none")
    sends_by: str = Field(description="the server they send by; empty: none")
    write_as: WriteAs = Field(description="who stands in From of what they send by it")
    done_with: str = Field(description="what is done with emails that were fetched; empty: nothing")
    kept: Annotated[bool, Field(description="it was chosen before, and nothing else was said now")] = False
    folders: list[FolderShown]
    master_key: Annotated[str, Field(description="where the key lies that its login was just sealed with")] = ""
    in_keyring: bool = False
    tried: Annotated[list[Way], Field(description="what was just tried, and works")] = []
    warning: str = ""


class MailboxList(BaseModel):
    mailboxes: list[MailboxShown]


class MailboxRemoved(BaseModel):
    mailbox_id: str
    address: str


@dataclass(frozen=True, slots=True)
class _Found:
    """What a look at a mailbox gave."""

    folders: tuple[Folder, ...]
    idles: bool
    listed: bool


async def known_provider(request: Connect) -> Provider | None:
    """What is known of the provider of an address: by our table, else (when allowed) by its own word. Raises
    InvalidRequest."""
    address = parse_address(request.address)
    if request.provider:
        named = provider_by_key(request.provider)
        if named is None:
            raise InvalidRequest(f"There is no provider '{safe_line(request.provider, 40)}' in the table.")
        return named
    domain = address.key.rpartition("@")[2]
    found = provider_of(domain)
    if found is None and not request.host and request.ask_provider:
        found = await fetch_autoconfig(domain, str(address))
    return found


async def connect_mailbox(
    app: App, caller: Caller, request: Connect, tell: Callable[[Device], None] | None = None
) -> MailboxShown:
    """Try a mailbox and, when it lets us in, fetch mail for inboxes from it from now on. `tell`: shows a person what to
    type where, for OAuth."""
    caller.need_all(ADMIN)
    address = parse_address(request.address)
    provider = await known_provider(request)
    place = await _place(request, provider)
    pattern = _pattern(app, request, provider, address)
    await app.database.read(caller.tenant_id, lambda tx: _check_catch_all(tx, pattern))
    way_out = _way_out(request, provider)
    already = await app.database.read(caller.tenant_id, lambda tx: _find(tx, request.address))
    if already is None and len(await app.database.read(caller.tenant_id, mailboxes.of_tenant)) >= MOST_MAILBOXES:
        raise Conflict(f"There are {MOST_MAILBOXES} mailboxes already.", next_step="Remove one that is not used.")
    mailbox_id = already.mailbox_id if already else mailboxes.new_mailbox_id()
    after, move_to = _after(request, already)
    username = request.username or str(address)
    try:
        tokens, secret = await _secret(request, provider, tell)
        login = Login(username, tokens.access, oauth=True) if tokens else Login(username, secret.password)
        now = app.now_ms()
        found = await in_thread(lambda: _look(place, login, now, move_to))
    except Trouble as trouble:
        raise _in_words(trouble, provider) from None
    mailbox = Mailbox(
        caller.tenant_id,
        mailbox_id,
        str(address),
        provider.key if provider else "",
        place.host,
        place.port,
        place.security,
        place.pin,
        username,
        "xoauth2" if tokens else "password",
        await sealed(app, caller.tenant_id, mailbox_id, secret),
        pattern,
        request.authserv or (provider.authserv if provider and not request.host else ""),
        after,
        move_to,
        *way_out,
        provider.per_day if provider else 0,
        1,
        now,
        request.write_as,
    )

    async def keep(tx: Transaction) -> Mailbox:
        await _check_catch_all(tx, pattern)
        await mailboxes.put(tx, mailbox, address.key, found.folders)
        await audit.append(tx, now, caller.agent_id, "mailbox.connected", mailbox_id, host=place.host)
        kept = await mailboxes.find(tx, mailbox_id)
        assert kept is not None
        return kept

    refused = await refused_by(app, mailbox, login) if mailbox.smtp_host else ""
    kept = await app.database.write(caller.tenant_id, keep)
    if tokens:
        remember_token(mailbox_id, kept.revision, tokens)
    app.wake.hint(MAILBOXES)
    shown = await _shown(app, kept)
    warning = _warning(kept, provider, found)
    if refused:
        cannot = f"Mail comes in from it, but cannot be sent by it: {kept.smtp_host}:{kept.smtp_port} says: {refused}."
        advice = (
            advice_on("login", provider) if refused[:3] in ("534", "535") else "Look at --smtp-host and --smtp-port."
        )
        warning = f"{cannot} {advice} {warning}".strip()
    tried: list[Way] = ["receiving", "sending"] if kept.smtp_host and not refused else ["receiving"]
    said = request.mark_read or request.move_to or request.leave_as_is
    return shown.model_copy(
        update={
            "warning": warning,
            "tried": tried,
            "kept": bool(shown.done_with) and not said,
            "master_key": home_of(app.settings).where,
            "in_keyring": app.settings.vault_keyring,
        }
    )


async def list_mailboxes(app: App, caller: Caller, request: ListMailboxes) -> MailboxList:
    """The mailboxes that mail is fetched from, and how each stands."""
    caller.need_all(ADMIN)
    found = await app.database.read(caller.tenant_id, mailboxes.of_tenant)
    return MailboxList(mailboxes=[await _shown(app, one) for one in found])


async def remove_mailbox(app: App, caller: Caller, request: OneMailbox) -> MailboxRemoved:
    """Forget a mailbox and what it was logged in with. Its inboxes stay with the mail they have, and get no more."""
    caller.need_all(ADMIN)

    async def remove(tx: Transaction) -> Mailbox:
        found = await _find(tx, request.mailbox)
        if found is None:
            raise NotFound(
                f"There is no mailbox '{safe_line(request.mailbox, 80)}'.",
                next_step="`letterlock mailbox list` shows those that are connected.",
            )
        await mailboxes.remove(tx, found.mailbox_id)
        await audit.append(tx, app.now_ms(), caller.agent_id, "mailbox.removed", found.mailbox_id)
        return found

    gone = await app.database.write(caller.tenant_id, remove)
    app.wake.hint(MAILBOXES)
    return MailboxRemoved(mailbox_id=gone.mailbox_id, address=gone.address)


async def _find(tx: Transaction, name: str) -> Mailbox | None:
    try:
        name = parse_address(name).key
    except InvalidRequest:
        name = name.strip()
    return await mailboxes.find(tx, name)


def _after(request: Connect, before: Mailbox | None) -> tuple[After, str]:
    """What is to be done with emails that were fetched: as chosen, else as it was `before`."""
    if request.leave_as_is:
        if request.mark_read or request.move_to:
            raise InvalidRequest(
                "Emails cannot be left as they are and be marked as read or moved.", next_step="Choose one of them."
            )
        return "", ""
    if request.mark_read or request.move_to:
        return "read" if request.mark_read else "move", request.move_to
    return (before.after, before.move_to) if before else ("", "")


def _way_out(request: Connect, provider: Provider | None) -> tuple[str, int, Security]:
    """Server, port and TLS that it sends by; "" for none."""
    host = request.smtp_host.strip().lower()
    if host or provider is None:
        security = request.smtp_security or ("starttls" if request.smtp_port in (587, 1025) else "tls")
        port = request.smtp_port or _SMTP_PORTS[security]
        _fits(port, security, _SMTP_PORTS)
        return host, port, security
    return provider.smtp_host, provider.smtp_port, provider.smtp_security


_IMAP_PORTS: Final = {"tls": 993, "starttls": 143}
_SMTP_PORTS: Final = {"tls": 465, "starttls": 587}
_OTHERS: Final = {25: "mail between servers", 80: "web pages", 110: "POP3", 443: "web pages", 995: "POP3"}


def _fits(port: int, security: str, ours: dict[str, int]) -> None:
    """Raises InvalidRequest for a port that is known to be for something else."""
    other = _SMTP_PORTS if ours is _IMAP_PORTS else _IMAP_PORTS
    what = _OTHERS.get(port, ("sending (SMTP)" if ours is _IMAP_PORTS else "reading (IMAP)") * (port in other.values()))
    if not what and port in ours.values() and ours[security] != port:
        what = next(name for name, one in ours.items() if one == port)
    if what:
        name = "IMAP" if ours is _IMAP_PORTS else "sending"
        raise InvalidRequest(
            f"Port {port} is for {what}.",
            next_step=f"Leave it out, or take {ours['tls']} (tls) or {ours['starttls']} (starttls) for {name}.",
        )


async def _place(request: Connect, provider: Provider | None) -> Place:
    host = request.host.strip().lower() or (provider.host if provider else "")
    if not host:
        domain = request.address.rpartition("@")[2]
        raise InvalidRequest(
            f"Nothing is known of the mail servers of {safe_line(domain, 80)}.",
            next_step="It says nothing of them itself; give --host (its IMAP server)."
            if request.ask_provider
            else "Give --host (its IMAP server), or --ask-provider to look at what the domain itself says.",
        )
    security = request.security or (provider.security if provider and not request.host else "")
    port = request.port or (provider.port if provider and not request.host else 143 if security == "starttls" else 993)
    security = security or ("starttls" if port in (143, 1143) else "tls")
    _fits(port, security, _IMAP_PORTS)
    place = Place(host, port, security)
    if request.pin or (provider is not None and provider.local and is_own_machine(host)):
        if not is_own_machine(host):
            raise InvalidRequest(
                f"The certificate of {safe_line(host, 80)} cannot be pinned: it is not on this machine.",
                next_step="Leave --pin out; other servers show a certificate that everybody can check.",
            )
        try:
            return Place(host, port, security, await in_thread(lambda: pin_of(place)))
        except Trouble as trouble:
            raise _in_words(trouble, provider) from None
    return place


def _pattern(app: App, request: Connect, provider: Provider | None, address: Address) -> str:
    if request.catch_all:
        domain = domain_key(request.catch_all)
        if domain == domain_of(app.settings):
            raise InvalidRequest(f"{domain} is the domain of this Letterlock, no other mailbox gets its mail.")
        if shared := provider_of(domain):
            raise InvalidRequest(
                f"{domain} is a domain of {shared.name}, which no mailbox gets all mail of.",
                next_step="Give a domain of your own.",
            )
        return mailboxes.catch_all_of(domain)
    return plus_pattern(str(address)) if provider is None or provider.plus else ""


async def _check_catch_all(tx: Transaction, pattern: str) -> None:
    """Raises Conflict where mail of the domain is another tenant's."""
    domain = pattern.removeprefix("{}@")
    if domain == pattern:
        return
    if await domains.claimed_elsewhere(tx, domain) or await mailboxes.caught_elsewhere(tx, domain):
        raise Conflict(
            f"{domain} is another tenant's domain, or all its mail lands in a mailbox of one.",
            next_step="Connect the mailbox for that tenant (--tenant), or have it give the domain up first.",
        )


async def _secret(
    request: Connect, provider: Provider | None, tell: Callable[[Device], None] | None
) -> tuple[Tokens | None, Secret]:
    """What to log in with, asked for where it is to be had by OAuth. Raises Trouble, InvalidRequest."""
    if not request.client_id:
        password = request.password.get_secret_value()
        if provider is not None and provider.only_oauth and not request.host:
            assert provider.oauth is not None
            raise InvalidRequest(
                f"{provider.name} wants {provider.password}.",
                next_step=f"{provider.oauth.register} Then: --client-id ID.",
            )
        if not password or not password.isprintable():
            raise InvalidRequest("There is no password.", next_step="Give it by --password-file, or when asked.")
        # App passwords are shown in groups of four.
        if provider is not None and provider.key == "gmail":
            password = password.replace(" ", "")
        return None, Secret(password=password)
    if provider is None or provider.oauth is None:
        raise InvalidRequest("OAuth is known of Google and Microsoft only.", next_step="Leave --client-id out.")
    if tell is None:
        raise InvalidRequest(
            "OAuth needs a person who types a code.", next_step="Run `letterlock connect` in a terminal."
        )
    oauth, client_secret = provider.oauth, request.client_secret.get_secret_value()
    device = await begin_device(oauth.device_url, request.client_id, oauth.scope)
    tell(device)
    tokens = await finish_device(oauth.token_url, request.client_id, client_secret, device)
    if not tokens.refresh:
        raise Trouble("login", "It gave no refresh token.", "Allow the client lasting (offline) access.")
    return tokens, Secret("", tokens.refresh, request.client_id, client_secret, oauth.token_url)


def _look(place: Place, login: Login, now_ms: int, move_to: str) -> _Found:
    """Log in and see what is to be watched, from now on. Raises Trouble."""
    connection = Connection(place)
    try:
        connection.log_in(login)
        idles = connection.can_idle()
        listed, spam_folder, folders = True, "", []
        try:
            spam_folder = connection.spam_folder()
        except Trouble as trouble:
            if trouble.kind != "folder":
                raise
            listed = False
        for folder, spam in ((INBOX, False), (spam_folder, True)):
            if folder:
                try:
                    opened = connection.open(folder)
                except Trouble as trouble:
                    if spam and trouble.kind == "folder":
                        continue
                    raise
                folders.append(Folder(folder, spam, opened.uidvalidity, opened.uidnext - 1, now_ms))
        if move_to:
            _look_where_to(connection, move_to, [one.folder for one in folders])
        return _Found(tuple(folders), idles, listed)
    finally:
        connection.close()


def _look_where_to(connection: Connection, folder: str, watched: list[str]) -> None:
    """Whether emails can be moved there. Raises Trouble."""
    if folder in watched or folder.upper() == INBOX:
        raise Trouble("folder", f"{folder!a} is watched itself.", "Name another folder to move emails to.")
    if not connection.can_move():
        raise Trouble("folder", f"{connection.place.host} moves no emails (RFC 6851).", "Leave --move-to out.")
    try:
        connection.open(folder)
    except Trouble as trouble:
        if trouble.kind == "folder":
            trouble.advice = (
                "Make it there first, or write its name as it stands there, with those above: Archive/Codes."
            )
        raise


def _in_words(trouble: Trouble, provider: Provider | None) -> CallerError:
    advice = trouble.advice or advice_on(trouble.kind, provider)
    kind = Unavailable if trouble.kind == "unreachable" else InvalidRequest
    return kind(trouble.what, next_step=advice or "Nothing was changed. Look at the name of the server and its port.")


def _warning(mailbox: Mailbox, provider: Provider | None, found: _Found) -> str:
    said = []
    if not mailbox.inboxes:
        assert provider is not None
        said.append(
            f"{provider.name} gives no plus-addresses, so no inbox can be made on this mailbox; with a domain of your"
            " own whose mail lands in it, give --catch-all DOMAIN."
        )
    elif provider is None and "+" in mailbox.inboxes:
        said.append(
            f"Whether {mailbox.inboxes.format('name')} reaches you is up to its server: send one mail there to see."
        )
    if not found.idles:
        said.append("Its server does not tell when mail comes (no IDLE); it is asked every 15 seconds.")
    if not found.listed:
        said.append("Its list of folders cannot be read, so that codes which land in a spam folder are not seen.")
    elif not any(one.spam for one in found.folders):
        said.append("No spam folder was found, so that codes which land there are not seen.")
    return " ".join(said)


async def _shown(app: App, mailbox: Mailbox) -> MailboxShown:
    found = await app.database.read(mailbox.tenant_id, lambda tx: mailboxes.folders(tx, MailboxId(mailbox.mailbox_id)))
    locked = await sealed_away(app, mailbox)
    return MailboxShown(
        mailbox_id=mailbox.mailbox_id,
        address=mailbox.address,
        provider=mailbox.provider,
        host=mailbox.host,
        inboxes=mailbox.inboxes,
        sends_by=f"{mailbox.smtp_host}:{mailbox.smtp_port}" if mailbox.smtp_host else "",
        write_as=mailbox.write_as,
        done_with=mailbox.done_with,
        folders=[
            FolderShown(
                folder=safe_line(one.folder, 200),
                spam=one.spam,
                seen_at=moment(one.seen_at),
                problem=safe_line(locked.what if locked else one.problem, 300),
                advice=locked.advice if locked else one.advice,
                skipped=one.skipped,
            )
            for one in found
        ],
    )
