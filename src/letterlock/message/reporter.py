"""Who may say what became of mail that went to somebody: the servers it went to or through, and whom the owner named.

Pure. A report that comes to the secret return path of a delivery needs none of this: it proves itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from letterlock.message.extract.domains import is_public_suffix, registrable
from letterlock.message.report import ReportKind

# Names that no provider gives to its customers (RFC 5321 section 4.5.1, RFC 2142): at a domain where anyone can have an
# address, only the rest of it is a stranger's.
_DAEMONS: Final = re.compile(r"mailer-daemon|postmaster|microsoftexchange[0-9a-f]{32}", re.IGNORECASE)
_DESKS: Final = re.compile(r"abuse|feedback-?loop|fbl|complaints?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who wrote a report. `address`: the From address if SPF or DKIM vouch for its domain (DMARC alignment), else "";
    `ours`: it is a notice of this Letterlock."""

    address: str = ""
    ours: bool = False


NOBODY: Final = Reporter()


def may_report(
    by: Reporter, kind: ReportKind, recipient: str, relays: Collection[str], trusted: Collection[str]
) -> bool:
    """Whether `by` may report about mail to `recipient` that was handed to a server which is known by the names
    `relays`. `trusted`: addresses and domains the owner named, for whom `by` may report about anyone."""
    local_part, _, domain = by.address.lower().rpartition("@")
    if by.ours or not domain:
        return by.ours
    if any(named.lower() in (domain, by.address.lower()) for named in trusted):
        return True
    if not (_DAEMONS.fullmatch(local_part) or (kind == "complaint" and _DESKS.fullmatch(local_part))):
        return False
    # What was registered by somebody: below a public suffix, neighbours are strangers.
    return any(
        host and not is_public_suffix(host) and registrable(domain) == registrable(host)
        for host in (recipient.lower().rpartition("@")[2], *map(str.lower, relays))
    )
