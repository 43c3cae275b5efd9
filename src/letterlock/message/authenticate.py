"""Who really sent it: SPF, DKIM, DMARC alignment and ARC, as one AuthReport."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from letterlock.dns import Resolver
from letterlock.message.envelope import Envelope

Verdict = Literal["pass", "fail", "none", "temperror", "local"]
"""`local`: handed over by our own sender inside this data folder, no DNS asked. `none`: nothing could be checked."""


@dataclass(frozen=True, slots=True)
class AuthReport:
    """`domain` is the aligned identity: the RFC 5322 From domain when (and only when) `verdict` is pass or local."""

    verdict: Verdict = "none"
    domain: str = ""
    spf: str = "none"
    dkim: str = "none"
    dmarc: str = "none"
    arc: str = "none"
    detail: str = ""
    """One sentence for a person."""

    @property
    def aligned(self) -> bool:
        return self.verdict in ("pass", "local")


def authenticate(raw: bytes, envelope: Envelope | None, resolver: Resolver | None = None) -> AuthReport:
    """`raw` as it came over `envelope`. Only local hand-over can be vouched for without DNS; the rest is `none`."""
    if envelope is not None and envelope.transport == "local":
        domain = envelope.sender.rpartition("@")[2].lower()
        return AuthReport("local", domain, detail="Sent by an inbox of this Letterlock.")
    return AuthReport(detail="Sender authentication was not checked.")
