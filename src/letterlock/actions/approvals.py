"""What waits for a person, and what a person says of it. No key of an agent can do this.

A verdict is bound to the hash of the exact bytes and envelope, is given once, before it lapses, and is written down.
"""

from __future__ import annotations

from dataclasses import dataclass

from letterlock.actions.caller import APPROVE, COMMAND_LINE, Caller
from letterlock.app import App
from letterlock.errors import Conflict, NotAllowed, NotFound
from letterlock.ids import SubmissionId
from letterlock.message.address import parse_address
from letterlock.message.parse import parse_message
from letterlock.policy import APPROVAL, Recipient, SendContext, decide
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, conduct, outbox, reputation
from letterlock.store.database import Transaction
from letterlock.store.outbox import Submission
from letterlock.wake import OUTBOX

_MOST = 200
_SHOWN = 1_500


@dataclass(frozen=True, slots=True)
class Waiting:
    """A submission that waits for a person, and its bytes."""

    submission: Submission
    raw: bytes


async def waiting(app: App, *, caller: Caller = COMMAND_LINE) -> list[Submission]:
    """What waits, oldest first."""
    caller.need(APPROVE)

    async def load(tx: Transaction) -> list[Submission]:
        found = [await outbox.get(tx, one) for one in await conduct.waiting(tx, app.now_ms(), _MOST)]
        return [one for one in found if one is not None and caller.inbox_id in (None, one.inbox_id)]

    return await app.database.read(caller.tenant_id, load)


async def show(app: App, submission_id: str, *, caller: Caller = COMMAND_LINE) -> Waiting:
    """Raises NotFound."""
    caller.need(APPROVE)

    async def load(tx: Transaction) -> Waiting | None:
        submission = await outbox.get(tx, SubmissionId(submission_id))
        if submission is None or caller.inbox_id not in (None, submission.inbox_id):
            return None
        raw = await outbox.raw(tx, SubmissionId(submission_id))
        return Waiting(submission, raw) if raw is not None else None

    found = await app.database.read(caller.tenant_id, load)
    if found is None:
        raise NotFound(f"There is no submission {submission_id}.", next_step="`letterlock approvals list` shows all.")
    return found


async def question(app: App, submission_id: str, *, caller: Caller = COMMAND_LINE) -> str:
    """What a person is asked about a submission that waits, "" when it does not or cannot be let go yet. The same for
    the same submission."""
    found = await show(app, submission_id, caller=caller)
    submission = found.submission
    if submission.held_by != APPROVAL:
        return ""
    if await app.database.read(caller.tenant_id, lambda tx: _stopped(tx, submission)):
        return ""
    reasons = "\n".join(f"- {reason.text}" for reason in submission.reasons)
    text = submission.body_text.strip()
    files = len(parse_message(found.raw).attachments)
    return (
        f"Send this email?\nFrom: {submission.sender}\nTo: {', '.join(submission.recipients)}\n"
        f"Subject: {safe_line(submission.subject)}\n\n{text[:_SHOWN]}{' [...]' if len(text) > _SHOWN else ''}\n\n"
        + (f"{files} attached file{'s' * (files > 1)}.\n" if files else "")
        + f"Why you are asked:\n{reasons}"
    )


async def approve(app: App, submission_id: str, sha256: str = "", *, caller: Caller = COMMAND_LINE) -> Submission:
    """Let exactly this email go. `sha256`: what the person looked at; another one is
    refused. Raises NotFound, Conflict, NotAllowed while its inbox or agent is stopped."""
    return await _decide(app, submission_id, sha256, caller, approved=True)


async def deny(app: App, submission_id: str, *, caller: Caller = COMMAND_LINE) -> Submission:
    """It never goes out. Raises NotFound, Conflict."""
    return await _decide(app, submission_id, "", caller, approved=False)


async def _stopped(tx: Transaction, submission: Submission) -> str:
    """Why nothing of its inbox or agent may go out, "" when it may. A person first lets these go on."""
    return await conduct.suspended(tx, submission.inbox_id) or await reputation.agent_suspended(tx, submission.agent_id)


def _held(submission: Submission) -> tuple[Recipient, ...]:
    return tuple(Recipient(each.recipient, False) for each in submission.deliveries if each.state == "held")


async def _decide(app: App, submission_id: str, sha256: str, caller: Caller, *, approved: bool) -> Submission:
    caller.need(APPROVE)
    now = app.now_ms()
    wanted = SubmissionId(submission_id)

    async def write(tx: Transaction) -> Submission:
        before = await outbox.get(tx, wanted)
        if before is None or caller.inbox_id not in (None, before.inbox_id):
            raise NotFound(
                f"There is no submission {submission_id}.", next_step="`letterlock approvals list` shows what waits."
            )
        if sha256 and sha256 != before.sha256:
            raise Conflict(
                "It is not the email that was looked at.",
                next_step="Look at it again with `letterlock approvals show`.",
            )
        if approved and before.held_by == APPROVAL and (why := await _stopped(tx, before)):
            refused = decide(SendContext(before.sender, True, _held(before), True, suspended=why, approved=True))
            raise NotAllowed(refused.reasons[0].text, next_step=refused.reasons[0].next_step)
        done = await conduct.decide_on(tx, wanted, before.sha256, "approved" if approved else "denied", now)
        if not done:
            state = before.verdict or before.state
            raise Conflict(f"Submission {submission_id} does not wait for a person: it is {state}.")
        if approved:
            await conduct.let_go(tx, wanted, now)
            keys = [parse_address(each.recipient).key for each in before.deliveries if each.state == "held"]
            await conduct.add_contacts(tx, before.agent_id, keys, "sent", now)
        else:
            await outbox.cancel(tx, wanted, now)
        await audit.append(
            tx,
            now,
            caller.agent_id,
            "email.approved" if approved else "email.denied",
            wanted,
            sha256=before.sha256,
            reasons=[reason.code for reason in before.reasons],
        )
        after = await outbox.get(tx, wanted)
        assert after is not None
        return after

    after = await app.database.write(caller.tenant_id, write)
    app.wake.hint(OUTBOX)
    return after
