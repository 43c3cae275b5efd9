"""The newest part of a reply, apart from the history quoted below (or above) it."""

from __future__ import annotations


def newest_part(text: str) -> int:
    """Offset in `text` where the quoted history begins; len(text) when there is none."""
    raise NotImplementedError
