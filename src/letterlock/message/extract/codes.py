"""One-time codes found by rule, each with why it was chosen and how sure we are. None rather than a guess."""

from __future__ import annotations

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
    raise NotImplementedError
