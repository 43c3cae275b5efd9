"""What becomes of mail after it left: reports on it, addresses that take none, senders that are stopped for that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Literal

from letterlock.ids import AgentId, EmailId, InboxId, SubmissionId
from letterlock.message.report import Report, Reported, ReportKind, token_of
from letterlock.message.reporter import NOBODY, Reporter, may_report
from letterlock.policy import Reason
from letterlock.providers import provider_of
from letterlock.store import audit, conduct, mailboxes, reputation
from letterlock.store.database import Transaction
from letterlock.store.outbox import Delivery, Submission, by_token, get, reasons_text

_LEAST_SENT, _MOST_HARD, _JUDGED_MS, _REPLY_CHARS = 20, 0.08, 30 * 24 * 3_600_000, 300

_SINCE_RESUMED = (
    "AND COALESCE(d.first_at, s.created_at) > COALESCE((SELECT i.resumed_at FROM inboxes i"
    " WHERE i.tenant_id = s.tenant_id AND i.inbox_id = s.inbox_id), 0)"
)
"""What bounced before a person let an inbox go on is not held against it again."""


async def judge_once(tx: Transaction, submission_id: SubmissionId, more: int, now_ms: int) -> None:
    """Judge the bounces of an inbox when `more` of its recipients are the first that make it enough to be judged:
    those that bounced before that were not. Later ones are judged as they come."""
    # A hard bounce always suppresses its address: most tenants have none, and then nothing is counted.
    if not await tx.one("SELECT 1 AS n FROM suppressions WHERE tenant_id = :tenant LIMIT 1"):
        return
    row = await tx.one(
        "SELECT MIN(inbox_id) AS inbox_id, COUNT(*) AS n FROM (SELECT s.inbox_id FROM submissions s"
        " JOIN deliveries d ON d.tenant_id = s.tenant_id AND d.submission_id = s.submission_id"
        " WHERE s.tenant_id = :tenant AND s.inbox_id = (SELECT inbox_id FROM submissions"
        " WHERE tenant_id = :tenant AND submission_id = :submission_id) AND s.created_at >= :since"
        " AND d.route = 'relay' AND d.attempts > 0 AND d.state IN ('sent', 'uncertain', 'bounced')"
        f" {_SINCE_RESUMED} LIMIT :most) AS ended",
        submission_id=submission_id,
        since=now_ms - _JUDGED_MS,
        most=_LEAST_SENT + more,
    )
    if row is not None and row["n"] - more < _LEAST_SENT <= row["n"]:
        await _stop_if_bouncing(tx, row["inbox_id"], now_ms)


async def reported_on(tx: Transaction, recipient: str, report: Report | None) -> Submission | None:
    """The submission that an email to `recipient` is about: by the return path it came to, else by the Message-ID of
    the report that it is."""
    token = token_of(recipient)
    if token and (found := await by_token(tx, token)):
        return found
    if report is None or not report.message_id:
        return None
    row = await tx.one(
        "SELECT submission_id FROM submissions WHERE tenant_id = :tenant AND message_id = :message_id",
        message_id=report.message_id,
    )
    return await get(tx, row["submission_id"]) if row else None


async def record_report(
    tx: Transaction,
    about: Submission,
    report: Report,
    to: str,
    now_ms: int,
    by: Reporter = NOBODY,
    trusted: Collection[str] = (),
) -> int:
    """What became of mail we sent, as `by` reports it to the address `to`: only of recipients it was sent to.

    Anyone can write a report. It counts for a recipient when it came to, or quotes, the return path of the delivery to
    that one, or when `by` may speak for it (message.reporter). Then a hard bounce or a complaint keeps further mail
    from the address, and an inbox with too many of them is stopped. What nobody vouches for is kept as a claim and
    changes nothing. Returns the number of recipients it changed."""
    changed = 0
    outside = {delivery.recipient.lower(): delivery for delivery in about.deliveries if delivery.route == "relay"}
    paths = {token for token in (token_of(to), report.token) if token}
    # Paths of before each delivery had its own are known to all recipients.
    known = Counter(delivery.token for delivery in outside.values())
    own = {key for key, each in outside.items() if each.token in paths and known[each.token] == 1}
    provider = await _provider_names(tx, about.inbox_id)
    told = report.recipients
    if len(own) == 1 and not any(reported.address in outside for reported in told):
        # Forwarded on the way, or not named at all: it is about the one whose return path it came to.
        told = tuple(replace(reported, address=next(iter(own))) for reported in told[:1]) or tuple(
            Reported(recipient, "none" if report.kind == "complaint" else "soft") for recipient in own
        )
    news: dict[str, str] = {}
    for reported in told:
        delivery = outside.get(reported.address)
        if delivery is None or delivery.state not in ("sent", "uncertain", "bounced"):
            continue
        relays = (delivery.lane.rpartition("@")[2].rpartition(":")[0], *provider)
        if not (reported.address in own or may_report(by, report.kind, reported.address, relays, trusted)):
            if report.kind in ("bounce", "complaint"):
                await _claim_only(tx, about, delivery, report, reported, now_ms)
            continue
        became = await _learn(tx, about.submission_id, delivery, report.kind, reported, now_ms)
        changed += became != "nothing new"
        if became not in ("nothing new", delivery.state):
            news[delivery.recipient] = became
    if changed:
        # The notice of a refusal that was answered in the dialogue is no news of its recipients.
        await audit.append(
            tx,
            now_ms,
            "postmaster",
            f"email.{report.kind}",
            about.submission_id,
            recipients=dict(sorted(news.items())),
            **{"class": told[0].class_},
        )
    if changed:
        await _stop_if_bouncing(tx, about.inbox_id, now_ms)
        await _stop_if_complained_of(tx, about.agent_id, now_ms)
    return changed


async def _learn(
    tx: Transaction, submission_id: SubmissionId, delivery: Delivery, kind: ReportKind, reported: Reported, now_ms: int
) -> Literal["nothing new", "bounced", "complained", "delayed", "delivered"]:
    """Write down what a proved report says of a delivery, and what became of it. What was told before is not told again
    by a late copy, so that what a person has undone since stays so."""
    known = delivery.class_ in ("hard", reported.class_) if kind == "bounce" else delivery.complained
    if kind in ("bounce", "complaint") and known:
        return "nothing new"
    if kind in ("delay", "delivered") and delivery.state == "bounced":
        return "nothing new"
    this = {"submission_id": submission_id, "recipient": delivery.recipient, "now": now_ms}
    where = "updated_at = :now WHERE tenant_id = :tenant AND submission_id = :submission_id AND recipient = :recipient"
    if kind == "complaint":
        await conduct.suppress(tx, reported.address, "its reader complained of mail from here", now_ms)
        await tx.run(f"UPDATE deliveries SET complained = 1, claimed = '', {where}", **this)
        return "complained"
    if kind == "bounce":
        if reported.class_ == "hard":
            why = f"mail bounced for good{f' ({reported.status})' if reported.status else ''}"
            await conduct.suppress(tx, reported.address, why, now_ms)
        reply = f"{reported.status or '5.0.0'} {reported.class_}: {reported.diagnostic}"[:_REPLY_CHARS]
        if delivery.state == "bounced" and not delivery.reply[:1].isdigit():
            # Words of ours, no server's: our own notice says them in those of one.
            reply = delivery.reply
        await tx.run(
            "UPDATE deliveries SET state = 'bounced', class = :class_, next_at = NULL, reply = :reply, claimed = '',"
            f" {where}",
            class_=reported.class_,
            reply=reply,
            **this,
        )
        return "bounced"
    became: Literal["delayed", "delivered"] = "delayed" if kind == "delay" else "delivered"
    status = reported.status or ("4.0.0" if kind == "delay" else "2.0.0")
    reply = f"{status} {became}: {reported.diagnostic}"[:_REPLY_CHARS]
    await tx.run(f"UPDATE deliveries SET reply = :reply, {where}", reply=reply, **this)
    return became


async def _provider_names(tx: Transaction, inbox_id: InboxId) -> tuple[str, ...]:
    """What the provider is known by whose mailbox an inbox sends by; () where it sends by none."""
    box = await mailboxes.of_inbox(tx, inbox_id)
    if box is None or not box.smtp_host:
        return ()
    domain = box.address.rpartition("@")[2].lower()
    known = provider_of(domain)
    return (box.smtp_host, domain, *(known.domains if known else ()))


async def _claim_only(
    tx: Transaction, about: Submission, delivery: Delivery, report: Report, reported: Reported, now_ms: int
) -> None:
    """The first claim is kept: whoever writes a thousand fills nothing."""
    if await tx.run(
        "UPDATE deliveries SET claimed = :claimed, updated_at = :now WHERE tenant_id = :tenant"
        " AND submission_id = :submission_id AND recipient = :recipient AND claimed = '' AND state <> 'bounced'",
        submission_id=about.submission_id,
        recipient=delivery.recipient,
        claimed=f"{report.kind} {reported.status}".strip(),
        now=now_ms,
    ):
        await audit.append(tx, now_ms, "postmaster", "email.report_unproved", about.submission_id, kind=report.kind)


async def only_claims(tx: Transaction, email_id: EmailId, report: Report) -> bool:
    """Whether the report that an email is was kept as a claim: nothing that came so far proves what it says."""
    row = await tx.one(
        "SELECT recipient FROM emails WHERE tenant_id = :tenant AND email_id = :email_id", email_id=email_id
    )
    about = await reported_on(tx, row["recipient"], report) if row else None
    named = {reported.address for reported in report.recipients}
    return about is not None and any(each.claimed and each.recipient.lower() in named for each in about.deliveries)


async def _stop_if_bouncing(tx: Transaction, inbox_id: InboxId, now_ms: int) -> None:
    """Over 8 % hard bounces of at least 20 recipients in 30 days: the inbox may not send until a person says so."""
    row = await tx.one(
        "SELECT COUNT(*) AS n, SUM(d.class = 'hard') AS hard FROM deliveries d"
        " JOIN submissions s ON s.tenant_id = d.tenant_id AND s.submission_id = d.submission_id"
        " WHERE d.tenant_id = :tenant AND s.inbox_id = :inbox_id AND d.route = 'relay' AND d.attempts > 0"
        f" AND s.created_at >= :since {_SINCE_RESUMED}",
        inbox_id=inbox_id,
        since=now_ms - _JUDGED_MS,
    )
    if row is not None and row["n"] >= _LEAST_SENT and row["hard"] > _MOST_HARD * row["n"]:
        why = f"{row['hard']} of {row['n']} recipients bounced for good"
        await conduct.suspend(tx, inbox_id, why)
        await _hold_queued(tx, "inbox_id", inbox_id, why, now_ms)
        await audit.append(tx, now_ms, "postmaster", "inbox.suspended", inbox_id, bounced=row["hard"], sent=row["n"])


async def _stop_if_complained_of(tx: Transaction, agent_id: AgentId, now_ms: int) -> None:
    why = await reputation.complaints_against(tx, agent_id, now_ms)
    if why and not await reputation.agent_suspended(tx, agent_id):
        await reputation.suspend_agent(tx, agent_id, why)
        held = await _hold_queued(tx, "agent_id", agent_id, why, now_ms)
        await audit.append(tx, now_ms, "postmaster", "agent.suspended", agent_id, held=held)


async def _hold_queued(
    tx: Transaction, column: Literal["inbox_id", "agent_id"], value: str, why: str, now_ms: int
) -> int:
    """Hold what an inbox or an agent that was stopped has in the queue for the outside; returns how many recipients."""
    reason = Reason("suspended", f"Held: {why}.", "The owner can let it go with `letterlock inbox resume`.")
    held = await tx.run(
        "UPDATE deliveries SET state = 'held', next_at = NULL, updated_at = :now WHERE tenant_id = :tenant"
        " AND route = 'relay' AND state = 'queued' AND (lease_until IS NULL OR lease_until <= :now)"
        " AND submission_id IN (SELECT submission_id FROM submissions"
        f" WHERE tenant_id = :tenant AND {column} = :value AND held_by = '')",
        value=value,
        now=now_ms,
    )
    await tx.run(
        "UPDATE submissions SET held_by = 'suspended', reasons = :reasons WHERE tenant_id = :tenant"
        f" AND {column} = :value AND held_by = '' AND EXISTS (SELECT 1 FROM deliveries d"
        " WHERE d.tenant_id = submissions.tenant_id AND d.submission_id = submissions.submission_id"
        " AND d.state = 'held')",
        value=value,
        reasons=reasons_text([reason]),
    )
    return held


async def resume(tx: Transaction, inbox_id: InboxId, agent_id: AgentId, now_ms: int) -> int:
    """Queue again what was held because its inbox or agent was stopped; returns how many recipients."""
    queued = await tx.run(
        "UPDATE deliveries SET state = 'queued', next_at = :now, updated_at = :now WHERE tenant_id = :tenant"
        " AND state = 'held' AND submission_id IN (SELECT submission_id FROM submissions WHERE tenant_id = :tenant"
        " AND held_by = 'suspended' AND (inbox_id = :inbox_id OR agent_id = :agent_id))",
        inbox_id=inbox_id,
        agent_id=agent_id,
        now=now_ms,
    )
    await tx.run(
        "UPDATE submissions SET held_by = '', reasons = '[]' WHERE tenant_id = :tenant AND held_by = 'suspended'"
        " AND (inbox_id = :inbox_id OR agent_id = :agent_id)",
        inbox_id=inbox_id,
        agent_id=agent_id,
    )
    return queued
