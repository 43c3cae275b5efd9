"""decide(SendContext) -> Decision: may this email go out? Allow, hold or refuse, always with reasons.

Pure: whoever asks has looked everything up. Each check is a function that yields its reasons; the hardest kind among
them wins. A hold may keep back some recipients only (`Decision.held`), and then the others get their copy at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MOST_RECIPIENTS = 50
AUTOMATIC_ANSWERS_PER_HOUR = 3
"""A machine that answers our answers is a loop (RFC 3834 section 2); a few emails to a list or a ticket are not."""
THREAD_EMAILS_PER_HOUR = 30
"""No conversation of people needs more from one side; two agents answering each other do."""


@dataclass(frozen=True, slots=True)
class Reason:
    """`text` and `next_step` are sentences for whoever asked; `code` is one of a closed list."""

    code: Literal["no_recipient", "too_many_recipients", "sender_inbox", "no_such_inbox", "loop", "relay_host"]
    text: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """`held`: the recipients a hold keeps back."""

    kind: Literal["allow", "hold", "refuse"]
    reasons: tuple[Reason, ...] = ()
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """`local`: an inbox of ours takes its mail."""

    address: str
    local: bool


@dataclass(frozen=True, slots=True)
class SendContext:
    """What is known of one email about to go out. `sender_live`: the sender is a live inbox of the caller's tenant.
    `answers_automatic`: it answers an email a machine sent. `sent_in_thread`: what we sent there in the last hour."""

    sender: str
    sender_live: bool
    recipients: tuple[Recipient, ...]
    relay_configured: bool
    answers_automatic: bool = False
    sent_in_thread: int = 0


def decide(context: SendContext) -> Decision:
    """Refuse if anything refuses, else hold if anything holds, else allow."""
    refusals = (*_sender(context), *_recipients(context), *_loop(context))
    if refusals:
        return Decision("refuse", refusals)
    outside = tuple(recipient.address for recipient in context.recipients if not recipient.local)
    if outside and not context.relay_configured:
        return Decision("hold", (_no_relay(outside),), outside)
    return Decision("allow")


def _sender(context: SendContext) -> Iterator[Reason]:
    if not context.sender_live:
        yield Reason(
            "sender_inbox",
            f"{context.sender} is deleted or has expired, so nothing can be sent from it.",
            "Choose another inbox with list_inboxes, or make one with create_inbox.",
        )


def _recipients(context: SendContext) -> Iterator[Reason]:
    number = len(context.recipients)
    if not number:
        yield Reason("no_recipient", "The email has no recipient.", "Name at least one address in `to`.")
    if number > MOST_RECIPIENTS:
        yield Reason(
            "too_many_recipients",
            f"The email has {number} recipients; at most {MOST_RECIPIENTS} are allowed.",
            "Send it in several emails.",
        )
    for recipient in context.recipients:
        if not recipient.local and _stays_on_this_machine(recipient.address):
            yield Reason(
                "no_such_inbox", f"There is no inbox {recipient.address}.", "Check the address with list_inboxes."
            )


def _loop(context: SendContext) -> Iterator[Reason]:
    if context.answers_automatic and context.sent_in_thread >= AUTOMATIC_ANSWERS_PER_HOUR:
        yield Reason(
            "loop",
            f"The email to answer was sent by a machine, and {context.sent_in_thread} emails went out in its thread"
            " within the last hour, which looks like a loop.",
            "Do not answer automatic replies.",
        )
    elif context.sent_in_thread >= THREAD_EMAILS_PER_HOUR:
        yield Reason(
            "loop",
            f"{context.sent_in_thread} emails were sent in this thread within the last hour, which looks like a loop.",
            "Wait, and check with get_thread whether two machines answer each other.",
        )


def _stays_on_this_machine(address: str) -> bool:
    """No server of the outside world has a name under .localhost (RFC 6761 section 6.3)."""
    return f".{address.rpartition('@')[2].lower()}".endswith(".localhost")


def _no_relay(outside: tuple[str, ...]) -> Reason:
    whom = outside[0] if len(outside) == 1 else f"{outside[0]} and {len(outside) - 1} more"
    return Reason(
        "relay_host",
        f"Held: {whom} is outside, and no mail server for the outside is set (setting relay_host).",
        "Ask the owner to set relay_host; it then goes out when Letterlock starts. Inboxes here get their mail anyway.",
    )
