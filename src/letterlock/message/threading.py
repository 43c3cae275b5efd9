"""Answers and forwards: who gets them, what they quote, which headers tie them; and what no machine may answer.

Everything about the original is a stranger's: addresses that are none are left out, names are one line without marks of
direction, and the answering address is never written to. Quoting is for who asks for it: programs of people show the
conversation anyway, and words that are quoted are words that leave. Pure and linear.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from typing import Final

from letterlock.errors import InvalidRequest
from letterlock.message.address import Address, parse_address
from letterlock.message.compose import Automatic, Draft, File, forward_subject, is_message_id, reply_headers
from letterlock.message.parse import Mailbox, ParsedMessage
from letterlock.patterns import on_demand

QUOTED_OCTETS: Final = 10_000
"""What an answer quotes at most, counted in UTF-8."""
HOPS: Final = 25
"""More Received fields mean a loop (RFC 5321 section 6.3, which names 100; sendmail counts to 25 as well, and honest
routes are far shorter)."""


@dataclass(frozen=True, slots=True)
class Original:
    """What an answer or a forward needs of the email it is about. `text`: what may be quoted of it, "" for nothing;
    `followup_to`: where a mailing list's mail asks answers to all to go."""

    subject: str
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    date: datetime | None = None
    from_: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    followup_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    text: str = ""


# ---- answers ---------------------------------------------------------------------------------------------------------


def reply_recipients(
    original: Original, sender: Address, *, everyone: bool = False
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """To and Cc of an answer by `sender`: each address once, never the sender's own, whatever its plus-tag.

    Reply-To, else From (RFC 5322 section 3.6.2). `everyone`: all it went to as well, or instead who Mail-Followup-To
    names, since a list wrote it. Raises InvalidRequest when nobody is left."""
    to = _others(original.reply_to, sender) or _others(original.from_, sender)
    cc: tuple[Address, ...] = ()
    if everyone:
        if followup := _others(original.followup_to, sender):
            to = followup
        else:
            named = {address.key for address in to}
            cc = tuple(each for each in _others((*original.to, *original.cc), sender) if each.key not in named)
    if not to:
        raise InvalidRequest(
            "The email names no valid address to answer to, apart from the inbox's own.",
            next_step="Use send_email if you know the address.",
        )
    return to, cc


def reply_draft(
    original: Original,
    *,
    sender: Address,
    text: str,
    message_id: str,
    date: datetime,
    everyone: bool = False,
    html: str = "",
    files: tuple[File, ...] = (),
    quote: bool = False,
) -> Draft:
    """An answer to `original`, in its thread. `quote`: what it says stands below the answer, in the HTML too.

    Raises InvalidRequest when there is nobody to answer."""
    to, cc = reply_recipients(original, sender, everyone=everyone)
    headers = reply_headers(original.subject, original.message_id, original.references, original.in_reply_to)
    if quote and (quoted := quotation(original.text)):
        intro = introduction(original)
        text = f"{text.rstrip()}\n\n{intro}\n{quoted}\n"
        html = _with_quote(html, intro, original.text) if html else ""
    return Draft(
        sender=sender,
        to=to,
        cc=cc,
        subject=headers.subject,
        text=text,
        html=html,
        message_id=message_id,
        date=date,
        in_reply_to=headers.in_reply_to,
        references=headers.references,
        files=files,
    )


def introduction(original: Original) -> str:
    """The line above a quote: On Fri, 20 Nov 2026 09:30 UTC, Ada Lovelace <ada@example.com> wrote:"""
    who = _people(original.from_, 1) or "somebody"
    return f"On {_written(original.date)}, {who} wrote:" if original.date else f"{who} wrote:"


def quotation(text: str, octets: int = QUOTED_OCTETS) -> str:
    """`text` with > before each line (RFC 3676 section 4.5), cut to `octets` of UTF-8 at a line end."""
    kept, cut = _cut(text.strip("\n").rstrip(), octets)
    if not kept:
        return ""
    lines = [f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in kept.split("\n")]
    return "\n".join((*lines, "> [...]") if cut else lines)


def _cut(text: str, octets: int) -> tuple[str, bool]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # No character takes less than one octet.
    content = text[: octets + 1].encode("utf-8", "replace")
    if len(content) <= octets:
        return text, False
    newline = content.rfind(b"\n", 0, octets + 1)
    return content[: newline if newline > 0 else octets].decode("utf-8", "ignore").rstrip(), True


def _with_quote(html: str, intro: str, said: str) -> str:
    """`html` with the quote at the end of what it shows."""
    kept, cut = _cut(said.strip("\n").rstrip(), QUOTED_OCTETS)
    shown = escape(kept + ("\n[...]" if cut else "")).replace("\n", "<br>\n")
    style = "margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex"
    quote = f'<p>{escape(intro)}</p>\n<blockquote style="{style}">{shown}</blockquote>\n'
    ends = [match.start() for match in _BODY_END.finditer(html)]
    return f"{html[: ends[-1]]}{quote}{html[ends[-1] :]}" if ends else f"{html.rstrip()}\n{quote}"


_BODY_END: Final = on_demand("</body", re.IGNORECASE)


# ---- forwards --------------------------------------------------------------------------------------------------------


def forward_draft(
    original: Original,
    *,
    sender: Address,
    to: tuple[Address, ...],
    message_id: str,
    date: datetime,
    note: str = "",
    files: tuple[File, ...] = (),
    automatic: Automatic = "",
) -> Draft:
    """`note`, then what `original` says, quoted whole under who wrote it, when and to whom; `files` go along.
    `automatic` as Draft has it."""
    quoted = quotation(original.text, len(original.text) * 4)
    text = "\n\n".join(part for part in (note.strip(), _header_block(original), quoted) if part)
    return Draft(
        sender=sender,
        to=to,
        subject=forward_subject(original.subject),
        text=f"{text}\n",
        message_id=message_id,
        date=date,
        # RFC 5322 section 3.6.4 is about answers; a forward names what it is about and answers nothing.
        references=tuple(each for each in (original.message_id,) if is_message_id(each)),
        files=files,
        automatic=automatic,
    )


def _header_block(original: Original) -> str:
    lines = [
        "---------- Forwarded message ----------",
        f"From: {_people(original.from_, 1) or 'unknown'}",
        f"Date: {_written(original.date) if original.date else 'unknown'}",
        f"Subject: {_one_line(original.subject, 255)}",
        f"To: {_people(original.to, _MOST_NAMED) or 'unknown'}",
    ]
    if original.cc:
        lines.append(f"Cc: {_people(original.cc, _MOST_NAMED)}")
    return "\n".join(lines)


# ---- answers of machines ---------------------------------------------------------------------------------------------


def no_answer(parsed: ParsedMessage, return_path: str | None = None) -> str:
    """Why an answer to the email, whoever writes it, would reach nobody, in a sentence; "" when it may reach somebody.

    `return_path`: the sender of its envelope, "" for the null one; None when it is not known, then the field of that
    name is read."""
    if return_path is None and (given := parsed.header("Return-Path").strip()):
        return_path = given.strip("<> ")
    if return_path == "":
        # RFC 5321 section 4.5.5: so do bounces, and answers that machines make.
        return "It came from the null sender: a mail server or an automatic answer sent it."
    if any(_DAEMONS.fullmatch(address.local) for address in (*usable(parsed.from_), *usable(parsed.reply_to))):
        return "A mail server sent it."
    return ""


def may_answer(parsed: ParsedMessage, return_path: str | None = None, own: Iterable[Address] = ()) -> str | None:
    """Why no machine may answer the email (RFC 3834 section 2), in a sentence; None when one may.

    `return_path` as no_answer takes it. `own`: our addresses; with some, the email must also name one of them in To or
    Cc."""
    if why := no_answer(parsed, return_path):
        return why
    if parsed.header("Auto-Submitted").partition(";")[0].strip().lower() not in ("", "no"):
        return "A machine sent it (Auto-Submitted)."
    precedence = parsed.header("Precedence").strip().lower().replace("-", "_")
    if precedence in ("bulk", "junk", "list"):
        return "It went to many (Precedence)."
    if precedence == "auto_reply":
        return "A machine sent it (Precedence)."
    # MS-OXCMAIL section 2.2.3.2.14: DR, RN and NRN are about receipts, not answers.
    if {word.strip().lower() for word in parsed.header("X-Auto-Response-Suppress").split(",")} & _SUPPRESSED:
        return "It asks for no automatic answers (X-Auto-Response-Suppress)."
    names = [name.lower() for name, _ in parsed.headers]
    if any(name.startswith("list-") for name in names):
        return "It came by a mailing list (RFC 2369)."
    if any(name in _AUTOMATIC_FIELDS for name in names):
        return "A machine sent it."
    if parsed.header("Content-Type").partition(";")[0].strip().lower() == "multipart/report":
        return "It is a report of a mail server (RFC 6522)."
    if names.count("received") > HOPS:
        return _LOOPS
    authors = usable(
        (*parsed.from_, *parsed.reply_to, *_loose(parsed.header("Sender")), Mailbox("", return_path or ""))
    )
    if any(_MACHINES.fullmatch(address.local) for address in authors):
        return "Its sender's address is one that nobody reads."
    if ours := {untagged(address) for address in own}:
        if any(untagged(address) in ours for address in authors):
            return "One of our own addresses sent it."
        if not any(untagged(address) in ours for address in usable((*parsed.to, *parsed.cc))):
            return "It does not name us among its recipients."
    if not usable(parsed.reply_to) and not usable(parsed.from_):
        return "It names no valid address to answer to."
    return None


def authors(parsed: ParsedMessage) -> tuple[str, ...]:
    """Every address that the email says it is from: all of From, Sender, and what may be one where From is odd; at most
    100. Nobody has proved any."""
    odd = [box.name for box in parsed.from_ if not box.address]
    odd += [value for name, value in parsed.headers if name.lower() == "sender"]
    boxes = (*parsed.from_, *(box for text in odd for box in _loose(text)))
    return tuple(dict.fromkeys(box.address for box in boxes if box.address))[:_MOST_AUTHORS]


_MOST_AUTHORS: Final = 100


def no_forward(parsed: ParsedMessage, return_path: str | None = None) -> str:
    """Why no machine may pass the email on, in a sentence; "" when one may. What machines tell may be passed on, what
    they answer may not: that is how two of them begin to talk.

    `return_path` as no_answer takes it."""
    if why := no_answer(parsed, return_path):
        return why
    if parsed.header("Auto-Submitted").partition(";")[0].strip().lower() not in ("", "no", "auto-generated"):
        return "A machine answered with it (Auto-Submitted)."
    names = [name.lower() for name, _ in parsed.headers]
    if any(name in _AUTOMATIC_FIELDS for name in names):
        return "A machine answered with it."
    return _LOOPS if names.count("received") > HOPS else ""


_LOOPS: Final = f"It passed more than {HOPS} servers, as mail in a loop does."
_SUPPRESSED: Final = frozenset(("all", "autoreply", "oof"))
_DAEMONS: Final = on_demand(r"mailer-daemon|mail-daemon|mdaemon|bounces?(?:[-+=._][^@]{0,64})?", re.IGNORECASE)
_AUTOMATIC_FIELDS: Final = frozenset(("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-loop"))
# RFC 3834 section 2, and the names that programs write from today.
_MACHINES: Final = on_demand(
    r"mailer-daemon|postmaster|daemon|majordomo|listserv|listproc|owner-[^@]{1,60}"
    r"|[^@]{1,60}-(?:owner|request|bounces?|admin|errors)|(?:bounces?|return|notifications?)(?:[-+=._][^@]{0,64})?"
    r"|(?:[^@]{0,40}[-+._])?(?:no|not|donot|do-not|do_not|do\.not|never)[-_.]?(?:reply|respond|answer|antwort\w{0,3})"
    r"(?:[-+._][^@]{0,64})?|(?:nicht|keine)[-_.]?antwort\w{0,3}|ne-?pas-?repondre|no-?responder|nao-?responda",
    re.IGNORECASE,
)


# ---- addresses, names, dates -----------------------------------------------------------------------------------------

_LIST_CHARACTERS: Final = 10_000
_MOST_NAMED: Final = 20


def usable(mailboxes: Iterable[Mailbox]) -> tuple[Address, ...]:
    """The valid addresses among what a header claims, each once, as they can be sent to."""
    found: dict[str, Address] = {}
    for mailbox in mailboxes:
        try:
            address = parse_address(mailbox.address)
        except InvalidRequest:
            continue
        found.setdefault(address.key, as_sent(address))
    return tuple(found.values())


def as_sent(address: Address) -> Address:
    """With an international domain in the form every server takes (RFC 5891 section 4.4), where the name allows it."""
    return Address(address.local, address.key.rpartition("@")[2]) if address.local.isascii() else address


def untagged(address: Address) -> str:
    """The key of an address without its plus-tag (RFC 5233 section 1)."""
    local, _, domain = address.key.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def followup_to(parsed: ParsedMessage) -> tuple[Mailbox, ...]:
    """Where the email asks answers to all to go, as mailing lists and their readers do (Mail-Followup-To)."""
    return _loose(parsed.header("Mail-Followup-To"))


def _others(mailboxes: Iterable[Mailbox], sender: Address) -> tuple[Address, ...]:
    own = untagged(sender)
    return tuple(address for address in usable(mailboxes) if untagged(address) != own)


def _loose(value: str) -> tuple[Mailbox, ...]:
    """What may be addresses in a field that the parser leaves as it is, without their names."""
    words = _BETWEEN.split(value[:_LIST_CHARACTERS])
    return tuple(Mailbox("", word) for word in words if "@" in word)[:_MOST_NAMED]


_BETWEEN: Final = on_demand(r'[\s<>,;:"()]+')


def _people(mailboxes: tuple[Mailbox, ...], most: int) -> str:
    """Ada Lovelace <ada@example.com>, bob@example.net and 3 more"""
    named = []
    for mailbox in mailboxes[:most]:
        name, address = _one_line(mailbox.name, 80), _one_line(mailbox.address, 254)
        named.append(f"{name} <{address}>" if name and address and name != address else name or address)
    more = len(mailboxes) - most
    return ", ".join(filter(None, named)) + (f" and {more} more" if more > 0 and most > 1 else "")


def _one_line(text: str, limit: int) -> str:
    kept = "".join(" " if c.isspace() else c for c in text[:2_000] if c.isspace() or _shows(c))
    line = " ".join(kept.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _shows(character: str) -> bool:
    # Joiners are part of words; other characters of C cannot be seen, or turn what follows around.
    return character in "\u200c\u200d" or unicodedata.category(character)[0] != "C"


def _written(date: datetime | None) -> str:
    """Fri, 20 Nov 2026 09:30 UTC"""
    if date is None:
        return ""
    whole = format_datetime(date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC))
    return f"{whole.rpartition(':')[0]} UTC"
