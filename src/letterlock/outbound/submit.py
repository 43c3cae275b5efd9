"""submit(): decide, freeze, queue or hold, all in one write transaction; status(), cancel().

The same idempotency key and request give the same submission, however many ask at once; a key counts for the agent and
for the inbox, and with another request is refused. Who gives no key gets one made
from the request, good for SAME_REQUEST_MS: long enough for a model that repeats a call whose answer it did not see,
short enough that the same words can be sent again later on purpose. What stays in the house is delivered before submit
returns, so no postmaster is needed for it; of a mixed email a missing relay holds back the recipients outside only.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from letterlock import telemetry
from letterlock.app import App
from letterlock.canary import carries_mark
from letterlock.carried import MOST_COMPARED, Carried, carried, completed
from letterlock.disguises import Readings, readings
from letterlock.domains import domain_of
from letterlock.errors import Conflict, InvalidRequest, LimitReached, NotAllowed, NotFound
from letterlock.ids import AgentId, EmailId, SubmissionId, TenantId, ThreadId, new_id
from letterlock.inbound.accept import address_keys
from letterlock.message.address import Address, parse_address
from letterlock.message.compose import Draft, compose
from letterlock.message.filling import without_places
from letterlock.outbound.contents import Contents, contents, words_of_raw
from letterlock.outbound.deliver import LEASE_MS, deliver
from letterlock.outbound.marks import planted_with
from letterlock.outbound.mentions import beside, only_from_mail
from letterlock.outbound.provider import Carrier, author_of, carrier_for, way_by
from letterlock.outbound.remembered import Remembered, remembered
from letterlock.outbound.routes import has_ways, way_to
from letterlock.outgoing import Alarm, Outgoing, alarms
from letterlock.policy import APPROVAL, Decision, Limit, Recipient, SendContext, UsedSecret, decide
from letterlock.settings import Settings
from letterlock.store import (
    audit,
    conduct,
    domains,
    emails,
    escalations,
    inboxes,
    limits,
    lists,
    outbox,
    queue,
    reputation,
)
from letterlock.store.database import Transaction
from letterlock.store.inboxes import Inbox
from letterlock.store.mailboxes import Mailbox
from letterlock.store.outbox import Delivery, Submission
from letterlock.store.queue import Lease
from letterlock.wake import OUTBOX

SAME_REQUEST_MS = 10 * 60 * 1000
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_MOST_DOMAINS = 1_000
_SHORT_EMAIL = 20_000
"""Bytes: to look through so many takes no longer than to wait for it."""
_MARKED = Alarm("canary", "it carries a mark that was planted in what is shown of a quarantined email")


@dataclass(frozen=True, slots=True)
class Answered:
    """The email a draft answers or passes on. `automatic`: it answers one that no machine may (RFC 3834). `author`: the
    key of the address that proved to have written it, "" when none did."""

    email_id: EmailId
    thread_id: ThreadId
    automatic: bool
    author: str = ""


@dataclass(frozen=True, slots=True)
class Submitted:
    """`repeated`: nothing was sent now, it is the submission an earlier call made. `author`: the address of the mailbox
    that stands in From, "" where the inbox does."""

    submission: Submission
    repeated: bool
    author: str = ""


@dataclass(frozen=True, slots=True)
class _Refused:
    decision: Decision
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen in an email. `from_gone`: for each recipient, whether something vouched for each email that spoke
    of it and is gone. `beside`: emails that have the words of a recipient and do not name it."""

    carried: tuple[Carried, ...]
    alarms: tuple[Alarm, ...]
    unseen: str
    from_gone: Mapping[str, Sequence[bool]]
    beside: Mapping[str, Collection[EmailId]]


def new_message_id(sender: Address) -> str:
    """A Message-ID that is unique, in the domain of the sender (RFC 5322 section 3.6.4)."""
    return f"<{new_id('m')}@{sender.key.rpartition('@')[2]}>"


async def submit(
    app: App,
    agent_id: AgentId,
    inbox: Inbox,
    draft: Draft,
    *,
    key: str = "",
    answered: Answered | None = None,
    passes_on: Literal["", "mail"] = "",
    by_rule: bool = False,
    secrets: tuple[UsedSecret, ...] = (),
) -> Submitted:
    """Send `draft` from `inbox`, once. `passes_on`: it forwards an email, or a file of one. `by_rule`: a rule sends it,
    not the agent, to whom a person vouches for. `secrets`: what the draft's fillings are.

    Raises InvalidRequest or NotAllowed when it may not be sent, Conflict when `key` belongs to another request.
    """
    with app.ahead.going(inbox.tenant_id):
        return await _submit(app, agent_id, inbox, draft, key, answered, passes_on, by_rule, secrets)


async def _submit(
    app: App,
    agent_id: AgentId,
    inbox: Inbox,
    draft: Draft,
    key: str,
    answered: Answered | None,
    passes_on: Literal["", "mail"],
    by_rule: bool,
    secrets: tuple[UsedSecret, ...],
) -> Submitted:
    request_hash = _request_hash(draft, answered)
    carrier = await app.database.read(
        inbox.tenant_id, lambda tx: carrier_for(tx, inbox.inbox_id, inbox.address, domain_of(app.settings))
    )
    if author := author_of(carrier):
        draft = replace(draft, mailbox=parse_address(author))
    name = f"key {key}" if key else f"request {request_hash}"
    raw = compose(draft)
    sha256 = outbox.envelope_hash(raw, str(draft.sender), map(str, draft.recipients))
    now, began = app.now_ms(), time.monotonic()
    owner = new_id("worker")
    seen = replace(
        draft,
        text=without_places(draft.text, draft.fillings),
        html=without_places(draft.html, draft.fillings),
    )
    look = await _looked_through(app, agent_id, inbox, seen, answered, len(raw), now)
    stands_out = look.alarms

    async def keep(system: Transaction) -> tuple[Submitted, list[Lease]] | _Refused:
        tx = system.bound_to(inbox.tenant_id)
        known = await _known(tx, agent_id, inbox, name, key, request_hash, now)
        if known is not None:
            return Submitted(known, True, author), []
        context = await _context(
            app,
            system,
            tx,
            agent_id,
            inbox,
            draft,
            answered,
            look,
            passes_on,
            now,
            carrier,
        )
        context = replace(context, secrets=secrets)
        if by_rule:
            # What is asked of an agent is not asked of the person who made the rule.
            context = replace(context, first=0, escalated=False)
        else:
            whom, since = [str(each) for each in draft.recipients], now - _DAY_MS
            denied = await conduct.denied_since(tx, agent_id, whom, draft.text, request_hash, since)
            context = replace(context, denied=denied)
        decision = decide(context)
        outward = [recipient for recipient in context.recipients if not recipient.local]
        unreachable = tuple(one for one in outward if _lane(app, inbox, one, carrier) is None)
        if decision.kind == "allow" and unreachable:
            # Some have a server and some have none: only these wait for one.
            decision = decide(replace(context, recipients=unreachable, relay_configured=False))
        outside = [recipient for recipient in context.recipients if not recipient.own]
        if decision.kind == "refuse":
            codes = [reason.code for reason in decision.reasons]
            await audit.append(tx, now, agent_id, "email.refused", inbox.inbox_id, reasons=codes)
            return _Refused(decision, context.limits)
        submission = Submission(
            SubmissionId(new_id("sub")),
            inbox.inbox_id,
            agent_id,
            name,
            request_hash,
            decision.by,
            decision.reasons,
            str(draft.sender),
            tuple(map(str, draft.to)),
            tuple(map(str, draft.cc)),
            tuple(map(str, draft.bcc)),
            draft.subject,
            draft.text,
            draft.message_id,
            await _thread(tx, inbox, draft, answered, now),
            answered.email_id if answered else None,
            sha256,
            len(raw),
            now,
            tuple(_delivery(app, inbox, recipient, decision, now, carrier) for recipient in context.recipients),
            len(outside),
            now + int(app.settings.approval_hours * _HOUR_MS) if decision.by == APPROVAL else None,
        )
        if not await outbox.add(tx, submission, raw):
            raise Conflict(f"The idempotency key '{key}' is in use by another call.", next_step="Call again.")
        await outbox.join_thread(tx, submission)
        if decision.by != APPROVAL:
            await conduct.add_contacts(tx, agent_id, _keys(outside), "sent", now)
        await audit.append(
            tx,
            now,
            agent_id,
            "email.held" if decision.kind == "hold" else "email.submitted",
            submission.submission_id,
            inbox=inbox.inbox_id,
            recipients=len(submission.deliveries),
            sha256=sha256,
            reasons=[reason.code for reason in decision.reasons],
        )
        if _MARKED in stands_out and decision.by == APPROVAL and not all(recipient.named for recipient in outside):
            # Its agent was led, or copies what it should not have: nothing more goes out until a person has looked.
            why = "an email of it carried a mark planted in a quarantined one"
            await conduct.suspend(tx, inbox.inbox_id, why)
            await audit.append(
                tx, now, agent_id, "inbox.suspended", inbox.inbox_id, submission=submission.submission_id
            )
        # Leased by whoever submits, in the same commit: no other process can get in between.
        leases = await queue.claim(system, owner, "local", now, now + LEASE_MS["local"], 1, submission.submission_id)
        return Submitted(submission, False, author), leases

    answer = await app.database.write_system(keep)
    if isinstance(answer, _Refused):
        telemetry.count("submissions", decision="refuse")
        raise _refusal(answer.decision, answer.limits)
    submitted, leases = answer
    if submitted.repeated:
        return submitted
    decision = "hold" if submitted.submission.held_by == APPROVAL else "allow"
    telemetry.count("submissions", decision=decision)
    telemetry.took("submit", began, (submitted.submission.submission_id,), first=True, decision=decision)
    for lease in leases:
        await deliver(app, lease)
    submission = (
        await status(app, inbox.tenant_id, submitted.submission.submission_id) if leases else submitted.submission
    )
    if any(delivery.next_at is not None for delivery in submission.deliveries):
        app.wake.hint(OUTBOX)
    return Submitted(submission, False, author)


async def _looked_through(
    app: App,
    agent_id: AgentId,
    inbox: Inbox,
    draft: Draft,
    answered: Answered | None,
    size: int,
    now_ms: int,
) -> _Look:
    """Raises Unavailable while too many long emails of the tenant wait to be looked through."""
    async with app.looks.turn(inbox.tenant_id) if size > _SHORT_EMAIL else contextlib.nullcontext():
        inside, undone = await asyncio.to_thread(_undone, draft)
        keys = {address.key for address in draft.recipients}
        conversation = (inbox.inbox_id, answered.thread_id) if answered else None
        memory = await remembered(app, inbox.tenant_id, agent_id, keys, conversation, now_ms)
        return _Look(
            await asyncio.to_thread(_carried, inside.words, undone, memory),
            await _alarms(app, inbox, draft, undone, size),
            inside.unseen or ("" if undone.whole else "it is too much to look through"),
            {key: memory.gone_naming(key) for key in keys},
            await beside(app, agent_id, inbox, draft.recipients),
        )


def _undone(draft: Draft) -> tuple[Contents, Readings]:
    inside = contents(draft)
    return inside, readings(inside.words[:MOST_COMPARED])


def _carried(words: str, undone: Readings, memory: Remembered) -> tuple[Carried, ...]:
    """What an email carries, and what it completes of the emails sent to its recipients lately."""
    found = carried(undone, memory.codes, memory.texts, memory.traces, memory.secrets, memory.marked)
    if not memory.sent:
        return found
    before = [words_of_raw(raw) for raw in memory.sent]
    return tuple(dict.fromkeys((*found, *completed(words, before, (*memory.given, *memory.secrets), memory.texts))))


async def status(app: App, tenant_id: TenantId, submission_id: SubmissionId) -> Submission:
    """Raises NotFound."""
    found = await app.database.read(tenant_id, lambda tx: outbox.get(tx, submission_id))
    if found is None:
        raise _not_found(submission_id)
    return found


async def cancel(app: App, agent_id: AgentId, tenant_id: TenantId, submission_id: SubmissionId) -> Submission:
    """Stop what has not been handed over yet. Raises NotFound, or Conflict when it is too late for every recipient."""
    now = app.now_ms()

    async def stop(tx: Transaction) -> Submission:
        before = await outbox.get(tx, submission_id)
        if before is None:
            raise _not_found(submission_id)
        if before.state == "cancelled":
            return before
        spared = await outbox.cancel(tx, submission_id, now)
        if not spared:
            raise Conflict(
                f"Submission {submission_id} cannot be cancelled: it is {before.state} already.",
                next_step="See each recipient with get_delivery_status.",
            )
        await audit.append(tx, now, agent_id, "email.cancelled", submission_id, recipients=spared)
        after = await outbox.get(tx, submission_id)
        assert after is not None
        return after

    return await app.database.write(tenant_id, stop)


async def _known(
    tx: Transaction, agent_id: AgentId, inbox: Inbox, name: str, key: str, request_hash: str, now_ms: int
) -> Submission | None:
    """The submission an earlier call made under this key, if it still counts."""
    known = await outbox.by_key(tx, inbox.inbox_id, name)
    if known is None and key:
        known = await outbox.by_given_key(tx, agent_id, name)
    if known is None:
        return None
    known = outbox.as_of(known, now_ms)
    if key:
        if known.request_hash != request_hash:
            raise Conflict(
                f"The idempotency key '{key}' was used for another email ({known.submission_id}).",
                next_step="Use a new key for a new email, or the same arguments to repeat that call.",
            )
        return known
    if known.state == "cancelled" or abs(now_ms - known.created_at) >= SAME_REQUEST_MS:
        await outbox.retire_key(tx, known)
        return None
    return known


async def _alarms(app: App, inbox: Inbox, draft: Draft, undone: Readings, size: int) -> tuple[Alarm, ...]:
    async def known(tx: Transaction) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return await conduct.domains(tx, "sent", _MOST_DOMAINS), await conduct.domains(tx, "named", _MOST_DOMAINS)

    sent, named = await app.database.read(inbox.tenant_id, known)
    mail = Outgoing(
        sender=draft.sender.key.rpartition("@")[2],
        subject=draft.subject,
        text=draft.text,
        html=draft.html,
        sender_name=draft.sender_name,
        files=draft.files,
        recipients=tuple({address.key.rpartition("@")[2] for address in draft.recipients}),
        known=sent,
        named=named,
        size=size,
        answers=bool(draft.in_reply_to),
    )
    settings = app.settings

    def look() -> tuple[Alarm, ...]:
        found = alarms(mail, most_bytes=settings.max_message_bytes, most_attached=settings.attach_bytes)
        key = planted_with(app.folder)
        return (*found, _MARKED) if key and carries_mark(undone, key, inbox.tenant_id) else found

    # Files and HTML take a while to look through.
    return await asyncio.to_thread(look)


async def _context(
    app: App,
    system: Transaction,
    tx: Transaction,
    agent_id: AgentId,
    inbox: Inbox,
    draft: Draft,
    answered: Answered | None,
    look: _Look,
    passes_on: Literal["", "mail"],
    now_ms: int,
    carrier: Carrier | None,
) -> SendContext:
    settings, house = app.settings, domain_of(app.settings)
    sender = await inboxes.find(tx, inbox.inbox_id)
    recipients = tuple(
        [
            await _recipient(settings, system, tx, agent_id, inbox, each, answered, look, house, now_ms)
            for each in draft.recipients
        ]
    )
    outside = sum(not recipient.own for recipient in recipients)
    hour, day = [
        await outbox.count_in_thread(tx, answered.thread_id, now_ms - ms) if answered else 0
        for ms in (_HOUR_MS, _DAY_MS)
    ]
    return SendContext(
        sender=str(draft.sender),
        sender_live=sender is not None
        and sender.deleted_at is None
        and (sender.expires_at is None or sender.expires_at > now_ms)
        and sender.address == str(draft.sender),
        recipients=recipients,
        relay_configured=carrier is not None or has_ways(settings),
        answers_automatic=answered is not None and answered.automatic,
        sent_in_thread=hour,
        thread_limit=settings.thread_per_day if day >= settings.thread_per_day else 0,
        tainted=await conduct.is_tainted(tx, agent_id, now_ms - int(settings.taint_hours * _HOUR_MS)),
        passes_on=passes_on if passes_on else "file" if draft.files else "",
        carried=look.carried,
        unseen=look.unseen,
        alarms=look.alarms,
        first=settings.first_emails - await conduct.approved_count(tx, agent_id, settings.first_emails),
        limits=await _limits(app, tx, agent_id, inbox, outside, now_ms, carrier) if outside else (),
        domain_live=await domains.is_live(tx, draft.sender.key.rpartition("@")[2], house),
        paused=await conduct.is_paused(tx),
        suspended=await conduct.suspended(tx, inbox.inbox_id) or await reputation.agent_suspended(tx, agent_id),
        escalated=any(
            [
                await escalations.stands_between(
                    tx, inbox.inbox_id, answered.thread_id if answered else None, address.key
                )
                for address in draft.recipients
            ]
        ),
    )


async def _recipient(
    settings: Settings,
    system: Transaction,
    tx: Transaction,
    agent_id: AgentId,
    inbox: Inbox,
    address: Address,
    answered: Answered | None,
    look: _Look,
    house: str,
    now_ms: int,
) -> Recipient:
    found = await inboxes.find_by_address(system, address_keys(str(address)), house, now_ms, inbox.tenant_id)
    if found is not None and found.tenant_id == inbox.tenant_id:
        return Recipient(str(address), local=True, own=True)
    how = await conduct.contact(tx, agent_id, address.key, inbox.inbox_id)
    return Recipient(
        str(address),
        local=found is not None,
        named=how == "named",
        known=how != "",
        answered=answered is not None and answered.author == address.key,
        only_from_mail=not how
        and await only_from_mail(tx, agent_id, address, look.from_gone[address.key], look.beside.get(address.key, ())),
        suppressed=await conduct.suppression(tx, address.key),
        blocked=await lists.blocks(tx, "to", (address.key,), inbox.inbox_id, agent_id) != "",
        nowhere=found is None and _is_nowhere(settings, address),
    )


def _is_nowhere(settings: Settings, address: Address) -> bool:
    """Top-level domains take no mail (RFC 7085): a single label is a name of one's own network, or a slip."""
    domain = address.key.rpartition("@")[2]
    return "." not in domain and domain != "localhost" and all(relay.to != domain for relay in settings.relays)


async def _limits(
    app: App, tx: Transaction, agent_id: AgentId, inbox: Inbox, outside: int, now_ms: int, carrier: Carrier | None
) -> tuple[Limit, ...]:
    settings, box = app.settings, carrier if isinstance(carrier, Mailbox) else None
    of_tenant = await limits.of_tenant(tx, "emails_per_hour")
    passed = []
    for whose, hours, most in (
        ("inbox", 1, settings.inbox_per_hour),
        ("inbox", 24, settings.inbox_per_day),
        ("agent", 1, settings.agent_per_hour),
        ("agent", 24, settings.agent_per_day),
        ("tenant", 1, settings.tenant_per_hour if of_tenant is None else of_tenant),
        ("tenant", 24, settings.tenant_per_day),
        # Its provider stops who sends more, often for a day.
        *((("mailbox", 24, box.per_day),) if box and box.per_day else ()),
    ):
        since = now_ms - hours * _HOUR_MS
        of = conduct.Counted(
            inbox.inbox_id if whose == "inbox" else None,
            agent_id if whose == "agent" else None,
            box.mailbox_id if box and whose == "mailbox" else None,
        )
        used = await conduct.used(tx, since, of)
        if used + outside > most:
            until = await conduct.used_until(tx, since, of, used + outside - most)
            wait_s = -(-(until - since) // 1000) if until else 0
            passed.append(Limit(whose, most, hours, used, outside, wait_s))
    return tuple(passed)


def _keys(recipients: Iterable[Recipient]) -> list[str]:
    return [parse_address(recipient.address).key for recipient in recipients]


async def _thread(tx: Transaction, inbox: Inbox, draft: Draft, answered: Answered | None, now_ms: int) -> ThreadId:
    if answered is not None:
        return answered.thread_id
    earlier = (draft.in_reply_to, *reversed(draft.references))
    return await emails.thread_of(tx, inbox.inbox_id, draft.message_id, earlier, now_ms)


def _lane(app: App, inbox: Inbox, recipient: Recipient, carrier: Carrier | None) -> str | None:
    way = way_by(carrier) if carrier else way_to(app.settings, inbox.address, recipient.address)
    return way.lane if way else None


def _delivery(
    app: App, inbox: Inbox, recipient: Recipient, decision: Decision, now_ms: int, carrier: Carrier | None
) -> Delivery:
    held, by_mailbox = recipient.address in decision.held, isinstance(carrier, Mailbox)
    return Delivery(
        recipient.address,
        "local" if recipient.local else "relay",
        "held" if held else "queued",
        None if held else now_ms,
        lane="" if recipient.local else _lane(app, inbox, recipient, carrier) or "",
        # By a mailbox it is the envelope id, since the return path is not ours.
        token=outbox.new_token() if app.settings.verp or (by_mailbox and not recipient.local) else "",
    )


def _request_hash(draft: Draft, answered: Answered | None) -> str:
    """What two calls for the same email share: all that the caller chose, nothing that was made for this call."""
    request = [
        str(draft.sender),
        draft.sender_name,
        *(sorted(address.key for address in group) for group in (draft.to, draft.cc, draft.bcc)),
        draft.subject,
        draft.text,
        draft.html,
        answered.email_id if answered else "",
        *(f"{file.filename} {hashlib.sha256(file.data).hexdigest()}" for file in draft.files),
    ]
    return hashlib.sha256(json.dumps(request, ensure_ascii=True).encode()).hexdigest()


_SLIPS: Final = ("no_recipient", "no_such_inbox", "no_such_domain")
"""Refused as a mistake in the call."""


def _refusal(decision: Decision, limits: Iterable[Limit]) -> InvalidRequest | NotAllowed | LimitReached:
    what = " ".join(reason.text for reason in decision.reasons)
    if all(reason.code == "limit" for reason in decision.reasons):
        wait_s = max(limit.wait_s for limit in limits)
        return LimitReached(what, next_step=decision.reasons[0].next_step, retry_after_s=wait_s)
    kind = InvalidRequest if all(r.code in _SLIPS for r in decision.reasons) else NotAllowed
    return kind(what, next_step=decision.reasons[0].next_step)


def _not_found(submission_id: str) -> NotFound:
    return NotFound(
        f"There is no submission {submission_id}.", next_step="Use the submission_id that send_email answered."
    )
