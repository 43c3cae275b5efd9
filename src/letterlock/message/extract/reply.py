"""The newest part of a reply, apart from the history quoted below (or above) it."""

from __future__ import annotations

import re


def newest_part(text: str) -> int:
    """Offset in `text` where the quoted history begins; len(text) when there is none."""
    found = _HISTORY.search(text)
    return found.start() if found else len(text)


_HISTORY = re.compile(r"^(?:>|-----Original Message-----|On [^\n]{4,200} wrote:$)", re.MULTILINE)
