"""One-time codes found by rule, each with why it was chosen and how sure we are. None rather than a guess."""

from __future__ import annotations

import re
from dataclasses import dataclass

from letterlock.message.parse import ParsedMessage
from letterlock.message.visible import VisibleText


@dataclass(frozen=True, slots=True)
class Code:
    """`value` as a person would type it (grouping blanks removed, native digits as ASCII, letters as written).
    `forms`: every way it is written in the mail, so that masking leaves no copy. `expires_in_s` if the mail says so."""

    value: str
    confidence: float
    reason: str
    forms: tuple[str, ...] = ()
    expires_in_s: int | None = None


def find_code(parsed: ParsedMessage, visible: VisibleText) -> Code | None:
    """The one-time code of this email, or None."""
    lines = [parsed.subject, *(block.text for block in visible.blocks)]
    for i, line in enumerate(lines):
        near = " ".join(lines[max(0, i - 2) : i + 1])
        for found in _DIGITS.finditer(line):
            if _WORD.search(near) and not _YEAR.fullmatch(found[0]):
                return Code(found[0], 0.6, "a number close to a word for code", (found[0],))
    return None


_DIGITS = re.compile(r"(?<![\w#.,:/+-])\d{4,8}(?![\w/:-])")
_WORD = re.compile(r"\b(?:code|otp|passcode|pin|kod|kode|código|codice|код)\b", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")
