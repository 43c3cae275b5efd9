"""decide(SendContext) -> Decision: may this email go out? Allow, hold or refuse, always with reasons.

Pure: whoever asks has looked everything up. Each check is a function that yields its reasons; the hardest kind among
them wins. A hold keeps back recipients (`Decision.held`): the others get their copy at once. Nothing here reads prose
to tell good from bad: it asks where an address and the words come from, and a person decides the rest. docs/policy.md
lists CODES; a test keeps the two the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from letterlock.carried import Carried
from letterlock.outgoing import Alarm

MOST_RECIPIENTS = 50
AUTOMATIC_ANSWERS_PER_HOUR = 3
"""A machine that answers our answers is a loop (RFC 3834 section 2), also where a person vouches for its address; a few
emails to a list or a ticket are not."""
THREAD_EMAILS_PER_HOUR = 30
"""No conversation of people needs more from one side; two agents answering each other do."""

Refusal = Literal[
    "no_recipient", "too_many_recipients", "sender_inbox", "sender_domain", "no_such_inbox", "loop", "suppressed",
    "blocked", "routed",
    "suspended", "denied", "limit", "over_limit", "executable", "too_large", "no_such_domain", "rules",
    "secret_here",
]  # fmt: skip
Hold = Literal[
    "paused", "first_emails", "thread_limit", "unknown_recipient", "only_from_mail", "forward", "carries_code",
    "carries_secret", "carries_mail", "carries_link", "unseen", "look_alike", "phishing", "canary", "escalated",
    "automatic", "active_file", "relay_host", "uses_secret",
]  # fmt: skip
APPROVAL: Final = "approval"
"""What a submission is held by that waits for a person."""
PAUSED: Final = "paused"
"""And by what it waits for the end of a pause, when nothing else holds it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """`text` and `next_step` are sentences for whoever asked; `code` is one of a closed list."""

    code: Refusal | Hold
    text: str
    next_step: str = ""


CODES: Final[dict[Refusal | Hold, str]] = {
    "no_recipient": "It names no recipient.",
    "too_many_recipients": f"It names more than {MOST_RECIPIENTS} recipients.",
    "sender_inbox": "Its inbox is deleted, has expired or belongs to somebody else.",
    "sender_domain": "The domain of its inbox is not the tenant's (any more): docs/domains.md.",
    "no_such_inbox": "An address in localhost has no inbox (others of your domain may have a mailbox elsewhere).",
    "no_such_domain": "A recipient's domain has no dot, so nobody outside can have it, and no relay is set for it.",
    "loop": "Two machines seem to answer each other.",
    "suppressed": "Mail to the recipient bounced for good, or the recipient complained.",
    "blocked": "A person has blocked the recipient (`letterlock list`).",
    "routed": "A recipient's address names another one to pass the email on to (`user%other.example@relay.example`,"
    " `other.example!user@...`): servers on the way may obey, and then it goes where nobody looked.",
    "suspended": "The inbox or its agent was stopped (bounces, complaints, a `canary`); approvals do not help then.",
    "denied": "Within a day a person refused the same text from the same agent to the same recipients.",
    "limit": "The inbox, the agent or the tenant has sent as much as it may in an hour or a day.",
    "over_limit": "It has more recipients outside than may be reached in an hour or a day, so that it never fits.",
    "executable": "A file of it is a program, by its name, its content or what is packed in it.",
    "too_large": "It is larger than emails may be here.",
    "rules": "No email: an agent that read mail that nothing vouches for wants to change a rule.",
    "secret_here": "It names a secret of the vault (`uses_secret`), and a recipient is an inbox here.",
    "paused": "A person has stopped all sending (`letterlock pause`); at its end what only that held goes out.",
    "first_emails": "The first emails of a new agent to the outside wait for a person.",
    "thread_limit": "As many emails went out in the thread as may in a day, also between inboxes here.",
    "unknown_recipient": "After it read mail that nothing vouches for, an agent writes to somebody it never wrote to.",
    "only_from_mail": "The agent can know the address only from mail that nothing vouches for.",
    "forward": "It passes on an email or a file of one; or any file, after mail that nothing vouches for was read.",
    "carries_code": "It carries a one-time code that came by mail lately, also spelt out or in a usual disguise.",
    "carries_secret": "It carries a password, a key or another credential.",
    "uses_secret": "A secret of the vault is to be filled in on its way (`{{secret:ID}}`, docs/vault.md).",
    "carries_mail": "It carries words of another email that the agent read.",
    "carries_link": "A link in it carries data.",
    "unseen": "After mail that nothing vouches for was read: too much to look through, or a file nobody can (PDF, 7z).",
    "look_alike": "A link in it does not lead where it seems to.",
    "phishing": "It reads like a fraud: it asks for a password, threatens an account, names a new bank account, ...",
    "canary": "It carries a mark that was planted in what is shown of a quarantined email.",
    "escalated": "Its thread, or who it goes to, was handed to a person who has not resolved it yet.",
    "automatic": "It answers what a machine or a mailing list sent, or what asks for no automatic answers (RFC 3834).",
    "active_file": "A file of it is source code, a web page that acts, or an archive that cannot be looked into.",
    "relay_host": "No mail server for the outside is configured: `relay_host`, `relays` or `direct`.",
}
assert set(CODES) == {*get_args(Refusal), *get_args(Hold)}


@dataclass(frozen=True, slots=True)
class Decision:
    """`held`: the recipients a hold keeps back. `by`: what they wait for: APPROVAL, PAUSED or the code
    of a setting."""

    kind: Literal["allow", "hold", "refuse"]
    reasons: tuple[Reason, ...] = ()
    held: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """`local`: an inbox of ours takes its mail; `own`: one of the sender's tenant. `named`: a person vouches for it.
    `known`: that, or the agent wrote to it before. `answered`: it is who proved to have written the email that is
    answered. `only_from_mail`: it stands in mail that nothing vouches for, and nowhere else. `blocked`: a person wants
    nothing sent to it. `suppressed`: why nothing may go there, "" when it may. `nowhere`: no server outside can have
    its domain, and no relay is set for it."""

    address: str
    local: bool
    own: bool = False
    named: bool = False
    known: bool = False
    answered: bool = False
    only_from_mail: bool = False
    suppressed: str = ""
    blocked: bool = False
    nowhere: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that this email would pass: `most` recipients within `hours`, of which there are `used`; it has `asked`
    more. There is room for these in `wait_s` seconds; never, where they are more than `most`."""

    whose: Literal["inbox", "agent", "tenant", "mailbox"]
    most: int
    hours: int
    used: int
    asked: int
    wait_s: int


@dataclass(frozen=True, slots=True)
class UsedSecret:
    """A secret of the vault that an email names in place of its value. `service`: the domain its email came from, which
    that proved to be or not."""

    secret_id: str
    kind: str
    service: str
    proved: bool


@dataclass(frozen=True, slots=True)
class SendContext:
    """What is known of one email about to go out. `sender_live`: the sender is a live inbox of the caller's tenant.
    `domain_live`: its tenant may use its domain.
    `answers_automatic`: it answers an email a machine sent. `sent_in_thread`: what we sent there in the last hour.
    `thread_limit`: the limit of emails in the thread in a day when it is reached, 0 before.
    `tainted`: the agent lately read mail that nothing vouches for. `passes_on`: it forwards an email or a file of one
    ("mail"), or carries a file of the owner's ("file").
    `carried`: what its words carry. `unseen`: a part that cannot be looked into, "" when none. `alarms`: what stands
    out in it. `first`: how many more emails of this agent a person must see. `escalated`: a person was asked to take
    over where it goes. `approved`: a person has let exactly this email go. `denied`: lately a person refused the same
    to the same recipients. `secrets`: what is filled in on its way."""

    sender: str
    sender_live: bool
    recipients: tuple[Recipient, ...]
    relay_configured: bool
    answers_automatic: bool = False
    sent_in_thread: int = 0
    thread_limit: int = 0
    tainted: bool = False
    passes_on: Literal["", "mail", "file"] = ""
    carried: tuple[Carried, ...] = ()
    unseen: str = ""
    alarms: tuple[Alarm, ...] = ()
    first: int = 0
    limits: tuple[Limit, ...] = ()
    paused: bool = False
    suspended: str = ""
    domain_live: bool = True
    escalated: bool = False
    approved: bool = False
    denied: bool = False
    secrets: tuple[UsedSecret, ...] = ()


def decide(context: SendContext) -> Decision:
    """Refuse if anything refuses, else hold if anything holds, else allow."""
    refusals = (
        *_sender(context),
        *_recipients(context),
        *_loop(context),
        *_denied(context),
        *_limits(context),
        *_never(context),
        *_secret_here(context),
    )
    if refusals:
        return Decision("refuse", refusals)
    outside = _outside(context)
    if (context.escalated or context.thread_limit) and not context.approved:
        # Whoever it goes to: it is a person's turn to speak, or two agents here talk for ever.
        doubts = tuple(_doubts(context, outside)) if outside else ()
        everyone = tuple(recipient.address for recipient in context.recipients)
        return Decision("hold", (*_whoever(context), *doubts), everyone, APPROVAL)
    if not outside:
        return Decision("allow")
    doubts = () if context.approved else tuple(_doubts(context, outside))
    everyone = tuple(recipient.address for recipient in outside)
    if doubts:
        return Decision("hold", doubts, everyone, APPROVAL)
    if context.paused and not context.approved:
        # What a person lets go during a pause is queued, and waits for its end there.
        return Decision("hold", (_PAUSED,), everyone, PAUSED)
    away = tuple(recipient.address for recipient in outside if not recipient.local)
    if away and not context.relay_configured:
        return Decision("hold", (_no_relay(away),), away, "relay_host")
    return Decision("allow")


def decide_change(*, by_person: bool, tainted: bool) -> Decision:
    """May a caller change what rules do with mail? What strangers wrote must not decide where mail goes next."""
    if by_person or not tainted:
        return Decision("allow")
    what = "Rules are not changed by an agent that lately read mail that nothing vouches for."
    return Decision("refuse", (Reason("rules", what, "Ask a person to make the change (`letterlock rule`)."),))


def _outside(context: SendContext) -> tuple[Recipient, ...]:
    return tuple(recipient for recipient in context.recipients if not recipient.own)


def _sender(context: SendContext) -> Iterator[Reason]:
    if not context.sender_live:
        yield Reason(
            "sender_inbox",
            f"{context.sender} is deleted or has expired, so nothing can be sent from it.",
            "Choose another inbox with list_inboxes, or make one with create_inbox.",
        )
    if not context.domain_live:
        yield Reason(
            "sender_domain",
            f"{context.sender} is of a domain that is not verified, so nothing can be sent from it.",
            "Choose another inbox with list_inboxes; `letterlock domain verify` tells the owner what is missing.",
        )
    if context.suspended:
        yield Reason(
            "suspended",
            f"{context.sender} may not send: {context.suspended}.",
            "The owner can let it send again with `letterlock inbox resume`.",
        )


def _denied(context: SendContext) -> Iterator[Reason]:
    if context.denied:
        yield Reason(
            "denied",
            "A person has refused this email: the same text from you to the same recipients, within the last day.",
            "Do not send it again, in other words or to other addresses either; ask your owner.",
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
        elif recipient.nowhere:
            yield Reason(
                "no_such_domain",
                f"{recipient.address} cannot be reached: its domain has no dot, so that nobody outside can have it.",
                "Write the whole domain, as in name@example.com; the owner can set a relay for it in `relays`.",
            )
        if not recipient.local and _routes_on(recipient.address):
            yield Reason(
                "routed",
                f"{recipient.address} may be passed on to another address by the servers on its way.",
                "Write the address that it is meant for; what holds %, ! or a quoted @ before its @ is not sent to.",
            )
        if recipient.blocked:
            yield Reason(
                "blocked",
                f"Nothing is sent to {recipient.address}: a person has blocked it.",
                "Leave that recipient out.",
            )
        if recipient.suppressed:
            yield Reason(
                "suppressed",
                f"Nothing is sent to {recipient.address}: {recipient.suppressed}.",
                "Leave that recipient out; the owner can undo it with `letterlock suppression remove`.",
            )


def _routes_on(address: str) -> bool:
    """Whether the local part is a route of the kind that RFC 5321 section 3.6.2 and appendix C warn of: the "percent
    hack", a bang path, or a whole address in quotes."""
    local = address.rpartition("@")[0]
    return any(sign in local for sign in "%!@")


def _loop(context: SendContext) -> Iterator[Reason]:
    if context.answers_automatic and context.sent_in_thread >= AUTOMATIC_ANSWERS_PER_HOUR:
        yield Reason(
            "loop",
            f"The email to answer was sent by a machine, and {context.sent_in_thread} emails went out in its thread"
            " within the last hour, which looks like a loop.",
            "Do not answer automatic replies; go on in an hour if it is no loop.",
        )
    elif context.sent_in_thread >= THREAD_EMAILS_PER_HOUR:
        yield Reason(
            "loop",
            f"{context.sent_in_thread} emails were sent in this thread within the last hour, which looks like a loop.",
            "Wait, and check with get_thread whether two machines answer each other.",
        )


def _limits(context: SendContext) -> Iterator[Reason]:
    wait_s = max((limit.wait_s for limit in context.limits), default=0)
    for limit in sorted(context.limits, key=lambda one: one.asked <= one.most):
        window = "an hour" if limit.hours == 1 else f"{limit.hours} hours"
        may = f"The {limit.whose} may reach {limit.most} recipients outside in {window}"
        if limit.asked > limit.most:
            yield Reason(
                "over_limit",
                f"{may}; this email alone has {limit.asked}.",
                f"Send it in several emails of at most {limit.most} recipients each, or ask the owner for more."
                if limit.most
                else "Ask the owner: nothing may be sent outside.",
            )
        else:
            yield Reason(
                "limit",
                f"{may}: {limit.used} are used, and this email has {limit.asked}.",
                f"Try again in {_in_words(wait_s)}.",
            )


def _in_words(wait_s: int) -> str:
    if wait_s < 120:
        return "a second" if wait_s == 1 else f"{wait_s} seconds"
    hours, minutes = divmod(-(-wait_s // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} minutes"


def _never(context: SendContext) -> Iterator[Reason]:
    """What no person can let go either."""
    for alarm in context.alarms:
        if alarm.code == "executable":
            yield Reason("executable", f"{alarm.what}; programs are not sent.", "Leave it out.")
        elif alarm.code == "too_large":
            yield Reason("too_large", f"{alarm.what}.", "Send fewer or smaller files, or several emails.")


def _secret_here(context: SendContext) -> Iterator[Reason]:
    if context.secrets and (here := next((one.address for one in context.recipients if one.local), "")):
        what = f"A secret is filled in for the outside only, and {here} is an inbox here, where agents read it."
        yield Reason("secret_here", what, "Leave that recipient out, or send it without {{secret:...}}.")


_PERSON: Final = "It waits for a person: `letterlock approvals`. Tell the user; do not try to get around it."


_PAUSED: Final = Reason(
    "paused", "Held: the owner has stopped all sending.", "Tell the user: `letterlock pause --end` lets it go on."
)
_ESCALATED: Final = Reason("escalated", "Held: this conversation was handed to a person.", _PERSON)


def _whoever(context: SendContext) -> Iterator[Reason]:
    """Why a person must see it though it stays in the house."""
    if context.escalated:
        yield _ESCALATED
    if context.thread_limit:
        what = f"Held: {context.thread_limit} emails went out in this thread within a day."
        yield Reason("thread_limit", what, _PERSON)


def _doubts(context: SendContext, outside: tuple[Recipient, ...]) -> Iterator[Reason]:
    """Why a person must see it."""
    if context.first > 0:
        more = f"the next {context.first} emails" if context.first > 1 else "one more email"
        yield Reason("first_emails", f"Held: this agent is new; a person looks at {more} of it first.", _PERSON)
    if context.answers_automatic and not all(recipient.named for recipient in outside):
        # To the other side whatever an agent writes is an automatic answer.
        what = "Held: the email to answer was sent by a machine or to many, or asks for no automatic answers."
        yield Reason("automatic", what, _PERSON)
    for recipient in outside:
        if recipient.known:
            continue
        if recipient.only_from_mail and not recipient.answered:
            yield Reason(
                "only_from_mail",
                f"Held: {recipient.address} is known only from mail that nothing vouches for.",
                _PERSON,
            )
        elif context.tainted and not recipient.answered:
            yield Reason(
                "unknown_recipient",
                f"Held: {recipient.address} was never written to, and mail that nothing vouches for was read lately.",
                _PERSON,
            )
    passed_on = context.passes_on == "mail" or (context.passes_on == "file" and context.tainted)
    if passed_on and not all(recipient.named for recipient in outside):
        what = "an email or a file of one is" if context.passes_on == "mail" else "a file is"
        yield Reason("forward", f"Held: {what} passed on to somebody no person vouches for.", _PERSON)
    for secret in context.secrets:
        whom = ", ".join(recipient.address for recipient in outside)
        yield Reason("uses_secret", f"Held: {_described(secret)} is filled in on its way to {whom}.", _PERSON)
    for carried in context.carried:
        # Words of mail may go to whom a person vouches for; codes and secrets to nobody unseen.
        if carried in ("carries_mail", "carries_link") and all(recipient.named for recipient in outside):
            continue
        yield Reason(carried, f"Held: {_CARRIES[carried]}", _PERSON)
    if context.unseen and context.tainted:
        what = f"Held: {context.unseen}, and mail that nothing vouches for was read lately."
        yield Reason("unseen", what, _PERSON)
    for alarm in context.alarms:
        if alarm.code in ("look_alike", "phishing", "canary", "active_file"):
            yield Reason(alarm.code, f"Held: {alarm.what}.", _PERSON)


def _described(secret: UsedSecret) -> str:
    whose = secret.service or "an unknown sender"
    doubt = "" if secret.proved else ", which is not proved"
    return f"the {secret.kind} that came from {whose} ({secret.secret_id}{doubt})"


_CARRIES: Final[dict[Carried, str]] = {
    "carries_code": "it carries a one-time code that came by mail lately.",
    "carries_secret": "it carries a password, a key or another credential.",
    "carries_mail": "it carries words of another email that was read.",
    "carries_link": "a link in it carries data.",
}


def _stays_on_this_machine(address: str) -> bool:
    """No server of the outside world has a name under .localhost (RFC 6761 section 6.3)."""
    return f".{address.rpartition('@')[2].lower()}".endswith(".localhost")


def _no_relay(outside: tuple[str, ...]) -> Reason:
    whom = outside[0] if len(outside) == 1 else f"{outside[0]} and {len(outside) - 1} more"
    return Reason(
        "relay_host",
        f"Held: {whom} is outside, and no mail server for it is set (relay_host, relays or direct).",
        "Ask the owner to set relay_host, relays for some domains, or direct; it then goes out when Letterlock starts."
        " Inboxes here get their mail anyway.",
    )
