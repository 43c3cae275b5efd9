"""What is known of mail providers: how mailboxes are reached, what they ask for as a password, which further addresses
they give. Pure: the table, and the reading of a provider's own autoconfig document (Thunderbird's config-v1.1.xml).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Security = Literal["tls", "starttls"]
_MOST_XML: Final = 65_536


@dataclass(frozen=True, slots=True)
class OAuth:
    """Where a device asks for a token (RFC 8628). The client id is the user's own."""

    device_url: str
    token_url: str
    scope: str
    register: str
    """What to do to get a client id."""


@dataclass(frozen=True, slots=True)
class Provider:
    """`password`: which one it wants, and where to get it. `plus`: you+name@ reaches you@. `authserv`: as whom
    it writes Authentication-Results, with a leading dot for any name below; "" where that is not sure. `local`: on this
    machine, with a certificate of its own making. `per_day`: recipients in a day, 0: not known."""

    key: str
    name: str
    domains: tuple[str, ...]
    host: str
    smtp_host: str
    password: str
    port: int = 993
    security: Security = "tls"
    smtp_port: int = 465
    smtp_security: Security = "tls"
    plus: bool = True
    authserv: str = ""
    oauth: OAuth | None = None
    only_oauth: bool = False
    local: bool = False
    per_day: int = 0
    also: str = ""
    """What else must be switched on there."""
    imap_at: str = ""
    """Where IMAP is switched on again, when that is not `also`."""
    one_domain: bool = False
    """you@ at each of its domains is one mailbox."""


_GOOGLE: Final = OAuth(
    "https://oauth2.googleapis.com/device/code",
    "https://oauth2.googleapis.com/token",
    "https://mail.google.com/",
    "Make an OAuth client of the type 'TVs and limited input devices' in the Google Cloud console. Google gives such"
    " clients mail only where your organisation allows it; an app password is the simpler way.",
)
_MICROSOFT: Final = OAuth(
    "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
    "https://login.microsoftonline.com/common/oauth2/v2.0/token",
    "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
    "Register an application at https://entra.microsoft.com (App registrations), allow public client flows, and add the"
    " delegated permissions IMAP.AccessAsUser.All and SMTP.Send; its Application (client) ID is the client id.",
)

PROVIDERS: Final[tuple[Provider, ...]] = (
    Provider(
        "gmail",
        "Gmail",
        ("gmail.com", "googlemail.com"),
        "imap.gmail.com",
        "smtp.gmail.com",
        "an app password: switch on 2-Step Verification, then make one at https://myaccount.google.com/apppasswords",
        authserv="mx.google.com",
        oauth=_GOOGLE,
        per_day=500,
        imap_at="https://mail.google.com/mail/#settings/fwdandpop; for an account at work, the administrator.",
        one_domain=True,
    ),
    Provider(
        "microsoft",
        "Microsoft 365 and Outlook.com",
        ("outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.de", "hotmail.de", "hotmail.co.uk", "live.de"),
        "outlook.office365.com",
        "smtp.office365.com",
        "no password at all: it lets programs in by OAuth only (--client-id)",
        smtp_port=587,
        smtp_security="starttls",
        oauth=_MICROSOFT,
        only_oauth=True,
        per_day=300,
        also="IMAP, at https://outlook.live.com/mail/options/mail/popImap (Outlook.com), or by the administrator.",
    ),
    Provider(
        "fastmail",
        "Fastmail",
        ("fastmail.com", "fastmail.fm", "fastmail.net", "fastmail.org", "messagingengine.com"),
        "imap.fastmail.com",
        "smtp.fastmail.com",
        "an app password for IMAP and SMTP: Settings, Privacy & Security, Manage app passwords",
        authserv=".messagingengine.com",
    ),
    Provider(
        "icloud",
        "iCloud Mail",
        ("icloud.com", "me.com", "mac.com"),
        "imap.mail.me.com",
        "smtp.mail.me.com",
        "an app-specific password: https://account.apple.com, Sign-In and Security",
        smtp_port=587,
        smtp_security="starttls",
        per_day=1000,
        one_domain=True,
    ),
    Provider(
        "yahoo",
        "Yahoo Mail",
        ("yahoo.com", "ymail.com", "rocketmail.com", "yahoo.de", "yahoo.co.uk", "yahoo.fr", "yahoo.it", "yahoo.es"),
        "imap.mail.yahoo.com",
        "smtp.mail.yahoo.com",
        "an app password: https://login.yahoo.com/account/security",
        plus=False,
        per_day=500,
    ),
    Provider(
        "aol",
        "AOL Mail",
        ("aol.com",),
        "imap.aol.com",
        "smtp.aol.com",
        "an app password: https://login.aol.com/account/security",
        plus=False,
        per_day=500,
    ),
    Provider(
        "gmx",
        "GMX",
        ("gmx.net", "gmx.de", "gmx.at", "gmx.ch"),
        "imap.gmx.net",
        "mail.gmx.net",
        "your password, or an app password where two-factor login is on",
        plus=False,
        also="IMAP, in GMX's settings: E-Mail, POP3/IMAP Abruf.",
    ),
    Provider(
        "gmx-com",
        "GMX",
        ("gmx.com", "gmx.us", "gmx.co.uk"),
        "imap.gmx.com",
        "mail.gmx.com",
        "your password, or an app password where two-factor login is on",
        plus=False,
        also="IMAP, in GMX's settings: Email, POP3 & IMAP.",
    ),
    Provider(
        "webde",
        "WEB.DE",
        ("web.de",),
        "imap.web.de",
        "smtp.web.de",
        "your password, or an app password where two-factor login is on",
        smtp_port=587,
        smtp_security="starttls",
        plus=False,
        also="IMAP, in WEB.DE's settings: POP3/IMAP Abruf.",
    ),
    Provider(
        "proton",
        "Proton Mail (Bridge)",
        ("proton.me", "protonmail.com", "pm.me"),
        "127.0.0.1",
        "127.0.0.1",
        "the password that Proton Mail Bridge shows for the mailbox (not that of your account)",
        port=1143,
        security="starttls",
        smtp_port=1025,
        smtp_security="starttls",
        local=True,
        also="Proton Mail Bridge, on this machine.",
        one_domain=True,
    ),
    Provider(
        "mailbox.org",
        "mailbox.org",
        ("mailbox.org",),
        "imap.mailbox.org",
        "smtp.mailbox.org",
        "your password, or an app password where two-factor login is on",
    ),
    Provider(
        "posteo",
        "Posteo",
        ("posteo.de", "posteo.net", "posteo.eu"),
        "posteo.de",
        "posteo.de",
        "your password",
    ),
)


def provider_of(domain: str) -> Provider | None:
    """The provider of addresses at `domain`, in lower case."""
    return next((one for one in PROVIDERS if domain in one.domains), None)


def provider_by_key(key: str) -> Provider | None:
    return next((one for one in PROVIDERS if one.key == key), None)


def one_domain(domain: str) -> tuple[str, ...]:
    """The domains, in lower case, at which an address is the same mailbox as at this one, itself among them."""
    provider = provider_of(domain)
    return provider.domains if provider is not None and provider.one_domain else (domain,)


def one_key(address_key: str) -> str:
    """The same for all spellings of an address that may reach one mailbox: other domains of its provider, and dots
    (Gmail takes no notice of them, and neither do inboxes here)."""
    local, _, domain = address_key.lower().rpartition("@")
    return f"{local.replace('.', '')}@{one_domain(domain)[0]}"


def own_keys_of(address_key: str, username: str) -> frozenset[str]:
    """The addresses, as one_key() gives them, at which whoever owns a mailbox gets mail of their own: its address and
    what it is logged in to with, each with and without a tag."""
    domain = address_key.rpartition("@")[2]
    found = [address_key, username if "@" in username else f"{username}@{domain}"]
    found += [f"{local.partition('+')[0]}@{at}" for local, _, at in (one.rpartition("@") for one in found)]
    return frozenset(map(one_key, found))


def advice_on(kind: str, provider: Provider | None) -> str:
    """What to do where a server lets nobody in for a reason of this kind (logins.Kind); "" where nothing is known."""
    if kind == "wants_oauth":
        if provider is None or provider.oauth is None:
            return (
                "Ask for an app password there. Where Microsoft or Google is behind a domain of your own, connect with"
                " --provider microsoft or gmail, and --client-id."
            )
        return f"{provider.oauth.register} Then: --client-id ID."
    if kind == "imap_off":
        page = (provider.also or provider.imap_at) if provider else ""
        return f"Switch it on: {page}" if page else "Switch it on in the settings of the mailbox there."
    if kind not in ("login", "wants_app_password"):
        return ""
    if provider is None:
        return "Many providers want an app password, made in the settings of your account there."
    switched = f" And it must be switched on there: {provider.also}" if provider.also else ""
    return f"{provider.name} wants {provider.password}.{switched}"


def plus_pattern(address: str) -> str:
    """you@example.com -> you+{}@example.com; an own tag is kept in front."""
    local, _, domain = address.rpartition("@")
    return f"{local.replace('{', '').replace('}', '')}+{{}}@{domain}"


def autoconfig_url(domain: str) -> str:
    """Where a provider says itself how its mailboxes are reached."""
    return f"https://autoconfig.{domain}/mail/config-v1.1.xml"


def read_autoconfig(document: bytes, address: str) -> Provider | None:
    """The first IMAP server over TLS that the document offers, and the first for sending; None when there is none.
    Host names only: whatever else it says is not believed."""
    import xml.etree.ElementTree as Xml

    if len(document) > _MOST_XML or b"<!" in document.replace(b"<!--", b""):
        # No mail provider needs entities in it, and others use them to fill the memory.
        return None
    try:
        root = Xml.fromstring(document)  # noqa: S314 - without a DTD there are no entities
    except (Xml.ParseError, ValueError, LookupError):
        return None
    incoming = next((one for one in map(_server, root.iter("incomingServer")) if one and one[0] == "imap"), None)
    outgoing = next((one for one in map(_server, root.iter("outgoingServer")) if one and one[0] == "smtp"), None)
    if incoming is None:
        return None
    domain = address.rpartition("@")[2].lower()
    _, host, port, security = incoming
    _, smtp_host, smtp_port, smtp_security = outgoing or ("", "", 465, "tls")
    return Provider(
        "autoconfig",
        domain,
        (domain,),
        host,
        smtp_host,
        "your password, or an app password where two-factor login is on",
        port,
        security,
        smtp_port,
        smtp_security,
    )


def _server(found: object) -> tuple[str, str, int, Security] | None:
    """(kind, host, port, security) of a server in an autoconfig document, None where it is not over TLS."""
    from xml.etree.ElementTree import Element

    assert isinstance(found, Element)
    host = (found.findtext("hostname") or "").strip().lower()
    port = (found.findtext("port") or "").strip()
    security = _SECURITY.get((found.findtext("socketType") or "").strip().upper())
    if security is None or not _HOST.fullmatch(host) or not re.fullmatch(r"[1-9]\d{0,4}", port) or int(port) > 65_535:
        return None
    return found.get("type", ""), host, int(port), security


_SECURITY: Final[dict[str, Security]] = {"SSL": "tls", "STARTTLS": "starttls"}
_HOST: Final = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
