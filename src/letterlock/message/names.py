"""Names of inboxes: from what somebody calls it to local parts that are always valid, readable and nobody's alarm.

A local part made here is lower-case ASCII: letters, digits, and single dots, hyphens or underscores between them, of
1 to MAX_LOCAL characters. Dots are cosmetic: sarah.shield and sarahshield are one mailbox (`mailbox_key`). Names that
speak for a domain or its machines are kept (`is_kept`): RFC 2142, RFC 5321 section 4.5.1, and those at which CAs prove
control of a domain (CA/Browser Forum Baseline Requirements, section 3.2.2.4.4).
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import Final, Literal

from letterlock.message.address import Address

MAX_LOCAL: Final = 40
"""Of those made here; one that is asked for may have the 64 of RFC 5321 section 4.5.3.1.1."""
_MOST_ASKED: Final = 64
_NUMBERED: Final = 9
_MOST_ORG: Final = 16
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"

Ground = Literal["own", "house", "shared"]
"""Whose the domain is to who asks: proved to be theirs; the house's, asked for by its owner; the house's, by others."""

# Written without the signs that is_kept() ignores.
_MACHINES: Final = frozenset({"bounces", "bounce", "mailerdaemon"})
_HOUSE: Final = frozenset(
    {
        "abuse", "admin", "administrator", "adm", "hostmaster", "postmaster", "webmaster", "security", "noc", "root",
        "ssladmin", "ssladministrator", "sslwebmaster", "sysadmin", "system", "daemon", "nobody", "noreply",
        "donotreply", "dmarc", "tlsrpt", "fbl", "complaints", "usenet", "news", "uucp", "ftp", "www", "mail", "smtp",
        "imap", "dns", "letterlock", "owner", "operator", "moderator", "verify", "verification", "password", "cert",
        "csirt", "phishing", "spam", "whois", "autodiscover", "autoconfig",
    }
)  # fmt: skip
_OFFICES: Final = frozenset(
    {
        "support", "info", "sales", "marketing", "billing", "help", "helpdesk", "contact", "legal", "privacy", "dpo",
        "press", "jobs", "hr", "payments", "accounts", "office", "team", "service", "services", "ceo",
    }
)  # fmt: skip

# German and Danish readers write these so; other accents are simply left out.
_SPELT: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa"})
_ADJECTIVES: Final = (
    "able", "amber", "ample", "azure", "brave", "brief", "bright", "brisk", "calm", "clear", "clever", "cool", "coral",
    "crisp", "early", "eager", "easy", "fair", "fine", "fond", "fresh", "gentle", "glad", "golden", "good", "grand",
    "green", "happy", "honest", "jolly", "keen", "kind", "late", "light", "little", "lively", "lucky", "mellow", "mild",
    "neat", "nimble", "noble", "olive", "patient", "plain", "polite", "proud", "quick", "quiet", "ready", "rosy",
    "round", "silver", "simple", "sober", "soft", "steady", "sunny", "swift", "tidy", "true", "warm", "wise", "young",
)  # fmt: skip
_NOUNS: Final = (
    "acorn", "badger", "bay", "birch", "bridge", "brook", "candle", "canyon", "cedar", "cloud", "clover", "comet",
    "creek", "dune", "ember", "falcon", "fern", "field", "finch", "forest", "garden", "glade", "harbor", "hazel",
    "heron", "hill", "island", "juniper", "lake", "lantern", "lark", "leaf", "linden", "maple", "marble", "marsh",
    "meadow", "mill", "moss", "oak", "orchard", "otter", "owl", "pebble", "pine", "plum", "pond", "poplar", "quartz",
    "rain", "reef", "ridge", "river", "robin", "sail", "sparrow", "spruce", "stone", "thrush", "valley", "walnut",
    "willow", "wren",
)  # fmt: skip

_EXACT: Final = re.compile(r"[a-z0-9](?:[a-z0-9]|[._-](?=[a-z0-9]))*")
_TAGGED: Final = re.compile(r"([\w.-]+)\+[\w.+-]*")


def is_local_part(text: str) -> bool:
    """Whether `text` is a local part as it may be asked for letter for letter."""
    return len(text) <= _MOST_ASKED and _EXACT.fullmatch(text) is not None


def local_part(name: str) -> str:
    """The readable local part of a name in any script; "" when nothing in it can be written in letters or digits."""
    from anyascii import anyascii

    spelt = unicodedata.normalize("NFKC", name).lower().translate(_SPELT)
    plain = re.sub(r"[^a-z0-9.]+", "-", anyascii(spelt).lower())
    # One sign between two words: a dot only where it stands alone.
    plain = re.sub(r"[.-]{2,}", "-", plain).strip(".-")
    return plain[:MAX_LOCAL].strip(".-")


def candidates(name: str, org: str = "") -> tuple[str, ...]:
    """Local parts to try for a name, best first; () when none can be made. With `org` (where whoever is named belongs)
    also name-org, and the initial with the last word."""
    local = local_part(name)
    if not local:
        return ()
    found = [local]
    if org:
        whose = local_part(org)[:_MOST_ORG].strip(".-")
        first, *others = re.split(r"[.-]", local)
        found += [_joined(local, whose)] if whose else []
        found += [f"{first[0]}-{others[-1]}"] if others else []
    return tuple(dict.fromkeys(found))


def numbered(local: str) -> tuple[str, ...]:
    """What comes after a local part that its own tenant has already."""
    return tuple(_joined(local, str(n)) for n in range(2, _NUMBERED + 1))


def with_random_end(local: str) -> str:
    """`local` with an end that nobody can guess and that counts nothing."""
    return _joined(local, _random(6))


def random_local_part() -> str:
    """Two words and six signs, about 41 bits: readable, and not to be guessed."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{_random(6)}"


def untagged(name: str) -> str:
    """The part before the + of a name that is a local part with a tag (RFC 5233), else ""."""
    found = _TAGGED.fullmatch(name.strip())
    return found[1] if found else ""


def is_kept(local: str, ground: Ground) -> bool:
    """Whether a local part is not given to who asks on this ground. Dots, hyphens and underscores do not hide a
    name."""
    bare = re.sub(r"[._-]", "", local.lower())
    if bare in _MACHINES or ground == "own":
        return bare in _MACHINES
    return bare in _HOUSE or (ground == "shared" and bare in _OFFICES)


def mailbox_key(address: Address) -> str:
    """What all spellings of one inbox here share: its key without the dots before the @. Only for addresses of this
    house: elsewhere dots may matter."""
    local, _, domain = address.key.rpartition("@")
    return address.key if local[:1] == '"' else f"{local.replace('.', '')}@{domain}"


def _joined(local: str, end: str) -> str:
    return f"{local[: MAX_LOCAL - 1 - len(end)].rstrip('._-')}-{end}"


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
