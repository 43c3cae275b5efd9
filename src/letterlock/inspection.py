"""inspect_message: the whole pure path of an inbound email in one function, from bytes to what may be shown of it.

Run by inbound/workers.py in killable processes; by `letterlock inspect`, the tests and bench/ directly. No clock, file,
socket or database; DNS only through the resolver handed in.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from letterlock.errors import UnreadableMessage
from letterlock.message import authenticate as authentication
from letterlock.message.authenticate import AuthReport
from letterlock.message.envelope import Envelope
from letterlock.message.extract.codes import Code, find_code
from letterlock.message.extract.links import Links, find_links
from letterlock.message.extract.meaning import Category, categorise
from letterlock.message.extract.reply import newest_part
from letterlock.message.parse import Attachment, Caps, Mailbox, parse_message
from letterlock.message.visible import HiddenPassage, visible_text
from letterlock.screen.rule import Evidence, Finding
from letterlock.screen.score import Level, Screening, Thresholds, screen


class Inspection(BaseModel):
    """All that is known of one inbound email. Crosses from the worker to the store as JSON; every string in it is
    outside text and goes to a model only through screen.safe_text."""

    model_config = ConfigDict(frozen=True)

    subject: str = ""
    from_: Mailbox | None = None
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    date: datetime | None = None
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    automatic: bool = False
    """Sent by a machine that must not be answered automatically (RFC 3834)."""
    authentication: AuthReport = AuthReport()
    text: str = ""
    """VisibleText.text: what a person would see, not yet safe for a model."""
    history_start: int = 0
    """Offset in `text` where quoted history begins; len(text) when there is none."""
    hidden: tuple[HiddenPassage, ...] = ()
    screening: Screening
    code: Code | None = None
    links: Links = Links()
    category: Category = "other"
    attachments: tuple[Attachment, ...] = ()
    repairs: tuple[str, ...] = ()
    unreadable: str = ""
    """Why it could not be read ("" when it could); such an email is quarantined."""

    @classmethod
    def unread(cls, reason: str, what: str) -> Inspection:
        """The inspection of bytes that could not be read: `reason` a code, `what` a sentence for people."""
        finding = Finding(rule=f"unreadable.{reason}", reason=what, weight=1.0, where="message")
        return cls(screening=Screening(Level.QUARANTINED, 1.0, (finding,)), unreadable=reason)
