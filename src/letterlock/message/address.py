"""Address and the one strict parser that policy, SMTP and sending share (RFC 5321 section 4.1.2, RFC 6531)."""

from __future__ import annotations

from dataclasses import dataclass

from letterlock.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed mailbox. `local` as written, `domain` lower-cased (U-label form is kept where written so)."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """What two spellings of one mailbox share: lower-cased, domain as A-label."""
        domain = self.domain if self.domain.isascii() else self.domain.encode("idna").decode("ascii")
        return f"{self.local.lower()}@{domain.lower()}"

    @property
    def is_ascii(self) -> bool:
        return self.local.isascii() and self.domain.isascii()


def parse_address(text: str) -> Address:
    """The bare address in `text` (no name, no angle brackets, no route, group or comment).

    Raises InvalidRequest, which names the value and what is wrong with it."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or not domain or any(c in text for c in "<>(),;: \r\n\0"):
        raise InvalidRequest(f"{text[:80]!r} is not an email address.", next_step="Write it as name@example.com.")
    return Address(local, domain.lower())
