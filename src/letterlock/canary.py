"""Marks planted in what is shown of quarantined emails: whoever sends one out was led by such an email, or copies it.

Pure. A mark looks like a reference number and is made from a secret key, so nothing has to be remembered: its second
half proves the first. It is known again in every disguise that disguises.py undoes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from letterlock.disguises import Readings, readings
from letterlock.ids import EmailId, TenantId

_HALF: Final = 8
"""Hexadecimal digits: 32 bits. That a number of somebody else's passes for a mark is one in four thousand million."""
_RUN: Final = re.compile(r"(?<![0-9a-f])[0-9a-f](?:[ ._-]{0,2}[0-9a-f]){15,200}")
_MOST_TRIED: Final = 50_000
_MOST_CHARS: Final = 200_000


def mark(key: bytes, tenant_id: TenantId, email_id: EmailId) -> str:
    """The mark of an email, such as 7f3a-09bc-51d2-e844; always the same."""
    digits = _digits(key, "email", tenant_id, email_id)
    digits += _digits(key, "proof", tenant_id, digits)
    return "-".join(digits[at : at + 4] for at in range(0, 2 * _HALF, 4))


def planted(text: str, sign: str) -> str:
    """`text` with a mark as people put references below a letter; every place in it stays where it was."""
    return f"{text.rstrip()}\n\nref {sign}" if text.strip() else f"ref {sign}"


def carries_mark(written: str | Readings, key: bytes, tenant_id: TenantId) -> bool:
    """Whether `written` (a text or the readings of one) carries the mark of any email of the tenant, also of one that
    is gone."""
    undone = readings(written[:_MOST_CHARS]) if isinstance(written, str) else written
    candidates = (tried for view in undone.views for tried in _candidates(view))
    return any(
        hmac.compare_digest(_digits(key, "proof", tenant_id, tried[:_HALF]), tried[_HALF:])
        for tried in islice(candidates, _MOST_TRIED)
    )


def _candidates(view: str) -> Iterator[str]:
    for run in _RUN.findall(view.lower()):
        digits = re.sub("[ ._-]", "", run)
        for at in range(len(digits) - 2 * _HALF + 1):
            yield digits[at : at + 2 * _HALF]


def _digits(key: bytes, *parts: str) -> str:
    return hmac.digest(key, "\x1f".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:_HALF]
