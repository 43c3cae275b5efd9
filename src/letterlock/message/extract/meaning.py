"""What kind of mail it is."""

from __future__ import annotations

from typing import Literal

from letterlock.message.extract.codes import Code
from letterlock.message.extract.links import Links
from letterlock.message.parse import ParsedMessage
from letterlock.message.visible import VisibleText

Category = Literal[
    "otp",
    "verify_link",
    "magic_link",
    "reset_link",
    "invite",
    "receipt",
    "newsletter",
    "notification",
    "personal",
    "bounce",
    "auto_reply",
    "calendar",
    "support",
    "other",
]


def categorise(parsed: ParsedMessage, visible: VisibleText, code: Code | None, links: Links) -> Category:
    """One category, by rule."""
    return "otp" if code else "other"
