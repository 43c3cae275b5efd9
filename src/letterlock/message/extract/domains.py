"""Which part of a host name was registered by somebody, by the Public Suffix List (publicsuffix.org/list).

The list is read when first asked for: it costs more than everything else here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=1)
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@lru_cache(maxsize=10_000)
def registrable(host: str) -> str:
    """The registrable domain of `host` ("mail.example.co.uk" -> "example.co.uk"), lower-cased; the host itself where
    there is none (an IP address, a single label, a public suffix)."""
    host = host.lower().rstrip(".")
    if not host or len(host) > 253:
        return host
    return str(_list().privatesuffix(host) or host)


def is_public_suffix(host: str) -> bool:
    """Whether everyone can get a name below `host` (com, co.uk, github.io); so count single labels too, which nobody
    registered."""
    return registrable(f"a.{host}") == f"a.{host.lower().rstrip('.')}"
