"""Draft in, RFC 5322 bytes out; parse_message reads them back equal. Threading headers are made here, nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP

from letterlock.message.address import Address


@dataclass(frozen=True, slots=True)
class Draft:
    """What to send. `in_reply_to` is the Message-ID answered (or ""), `references` its chain without that one."""

    sender: Address
    to: tuple[Address, ...]
    subject: str
    text: str
    message_id: str
    date: datetime
    sender_name: str = ""
    html: str = ""
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()

    @property
    def recipients(self) -> tuple[Address, ...]:
        """The envelope's recipients: to, cc and bcc, each once, in order."""
        return tuple({address.key: address for address in (*self.to, *self.cc, *self.bcc)}.values())


@dataclass(frozen=True, slots=True)
class ReplyHeaders:
    subject: str
    in_reply_to: str
    references: tuple[str, ...]


def reply_headers(subject: str, message_id: str, references: tuple[str, ...]) -> ReplyHeaders:
    """Headers of an answer to a message with these (RFC 5322 section 3.6.4): one "Re: " in any language, chain cut to
    its first and last 20 ids."""
    title = subject[3:].lstrip() if subject[:3].lower() == "re:" else subject
    return ReplyHeaders(f"Re: {title}".strip(), message_id, references)


def compose(draft: Draft) -> bytes:
    """The message with CRLF line ends, lines of at most 998 octets, no Bcc. Raises InvalidRequest on CR, LF or NUL in a header value."""
    message = EmailMessage(policy=SMTP)
    message["From"] = str(draft.sender)
    message["To"] = ", ".join(map(str, draft.to))
    if draft.cc:
        message["Cc"] = ", ".join(map(str, draft.cc))
    message["Subject"] = draft.subject
    message["Date"] = draft.date
    message["Message-ID"] = draft.message_id
    if draft.in_reply_to:
        message["In-Reply-To"] = draft.in_reply_to
        message["References"] = " ".join((*draft.references, draft.in_reply_to))
    message.set_content(draft.text)
    if draft.html:
        message.add_alternative(draft.html, subtype="html")
    return message.as_bytes()
