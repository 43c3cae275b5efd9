"""route(tx, receipt, filed): what the rules of a tenant do with an email, in the transaction that files it.

What is to leave the house is only queued here (outbound/forwards.py sends it): nothing waits for it, and an email is
never filed without what its rules wanted, nor routed without being filed.
"""

from __future__ import annotations

from letterlock.errors import InvalidRequest
from letterlock.ids import AgentId
from letterlock.message.address import parse_address
from letterlock.message.envelope import Receipt
from letterlock.routing import Facts, Match, decide
from letterlock.store import audit, emails, escalations, inboxes, lists, routing
from letterlock.store.database import Transaction
from letterlock.store.emails import Email, Filed
from letterlock.store.lists import Blocked

FORWARDS_IN_THREAD, _DAY_MS = 10, 24 * 3_600_000
"""So many emails of one thread are forwarded within a day: two machines that talk past all other signs fall silent."""
FORWARDS_IN_HOUR, _HOUR_MS = 60, 3_600_000
"""So many emails a rule sends on to one address within an hour: each round of a loop may come as a new thread from
somebody else."""


async def route(tx: Transaction, receipt: Receipt, filed: Filed, now_ms: int) -> bool:
    """Do what the rules say of an email that was just filed. True when something is to be forwarded."""
    rules = await routing.rules(tx)
    if not rules:
        return False
    matches = decide(rules, facts_of(receipt.recipient, filed))
    email = await emails.get(tx, receipt.email_id) if matches else None
    if email is None:
        return False
    done = [(match, await _do(tx, email, filed, match, now_ms)) for match in matches]
    for rule in {match.rule.rule_id: match.rule for match in matches}.values():
        mine = [(match.outcome, said) for match, said in done if match.rule is rule]
        await audit.append(
            tx,
            now_ms,
            rule.rule_id,
            "rule.matched",
            email.email_id,
            did=[outcome.kind for outcome, said in mine if not said],
            left=[f"{outcome.kind}: {said}" for outcome, said in mine if said],
            events=[outcome.value for outcome, _ in mine if outcome.kind == "event"],
        )
    return any(match.outcome.kind == "forward" and not said for match, said in done)


async def is_put_away(tx: Transaction, receipt: Receipt, envelope_sender: str, filed: Filed, now_ms: int) -> bool:
    """Whether the email is from somebody who is blocked, by any address it claims to be from or by its envelope: a
    forgery of who is blocked is nothing to miss. Then it is put away, in place of being filed."""
    inbox = await inboxes.find(tx, receipt.inbox_id)
    if inbox is None:
        return False
    senders = [key for key in map(_key, (filed.sender, *filed.authors, envelope_sender)) if key]
    name = await lists.blocks(tx, "from", senders, inbox.inbox_id, inbox.agent_id)
    return bool(name) and await lists.put_away(
        tx, Blocked(receipt.email_id, receipt.inbox_id, filed.sender, name, now_ms)
    )


def facts_of(recipient: str, filed: Filed) -> Facts:
    """What rules are asked about, of an email that came to `recipient`."""
    claimed = _key(filed.sender)
    return Facts(
        recipient=_key(recipient) or recipient,
        sender=claimed if filed.aligned else "",
        claimed_sender=claimed,
        subject=filed.subject,
        category=filed.category,
        level=str(filed.level),
    )


def _key(address: str) -> str:
    try:
        return parse_address(address).key
    except InvalidRequest:
        return ""


async def _do(tx: Transaction, email: Email, filed: Filed, match: Match, now_ms: int) -> str:
    """Why it was not done, "" when it was."""
    outcome = match.outcome
    if outcome.kind == "assign":
        assert outcome.role
        if not await routing.suggest(tx, email.thread_id, AgentId(outcome.value), outcome.role, now_ms):
            return "taken"
    elif outcome.kind == "label":
        if not await routing.add_label(tx, email.email_id, outcome.value):
            return "too_many_labels"
    elif outcome.kind == "forward":
        return await _forward(tx, email, filed, match, now_ms)
    elif outcome.kind == "escalate" and not await _escalate(tx, email, match, outcome.value, now_ms):
        return "open"
    return ""


async def _escalate(tx: Transaction, email: Email, match: Match, reason: str, now_ms: int) -> bool:
    """False when the thread is with a person already."""
    made, fresh = await escalations.escalate(
        tx, email.thread_id, email.inbox_id, email.email_id, match.rule.rule_id, reason, now_ms
    )
    if fresh:
        await audit.append(tx, now_ms, match.rule.rule_id, "thread.escalated", made.escalation_id)
    return fresh


async def _tell_of_loop(tx: Transaction, email: Email, match: Match, now_ms: int) -> None:
    """A person is asked once, until that is answered."""
    reason = (
        f"This rule has forwarded {FORWARDS_IN_HOUR} emails to {match.outcome.value} within an hour, which may be a"
        " loop. Further ones stay here unforwarded until there are fewer."
    )
    if not await escalations.asks_already(tx, match.rule.rule_id, reason):
        await _escalate(tx, email, match, reason, now_ms)


async def _forward(tx: Transaction, email: Email, filed: Filed, match: Match, now_ms: int) -> str:
    address = match.outcome.value
    if filed.no_forward:
        return "loop"
    if address == _key(filed.sender):
        return "own_author"
    if await routing.forwarded_in_thread(tx, email.thread_id, now_ms - _DAY_MS) >= FORWARDS_IN_THREAD:
        return "thread_budget"
    if await routing.forwarded_by_rule(tx, match.rule.rule_id, address, now_ms - _HOUR_MS) >= FORWARDS_IN_HOUR:
        await _tell_of_loop(tx, email, match, now_ms)
        return "rule_budget"
    return (
        ""
        if await routing.add_forward(tx, email.email_id, email.thread_id, match.rule.rule_id, address, now_ms)
        else "done"
    )
