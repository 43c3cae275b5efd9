"""What waits for a person, and what a person says of it. No key of an agent can do this.

A verdict is bound to the hash of the exact bytes and envelope, is given once, before it lapses, and is written down.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from letterlock.actions.caller import APPROVE, COMMAND_LINE, Caller
from letterlock.actions.files import safe_filename
from letterlock.app import App
from letterlock.domains import domain_of
from letterlock.errors import Conflict, NotAllowed, NotFound
from letterlock.ids import SubmissionId
from letterlock.message.address import parse_address
from letterlock.message.markdown import text_of
from letterlock.message.parse import Attachment, attachment_bytes, parse_message
from letterlock.policy import APPROVAL, Decision, Recipient, SendContext, decide
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, conduct, outbox, reputation
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.outbox import Submission
from letterlock.store.standing import Standing, standing
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
        return Waiting(outbox.as_of(submission, app.now_ms()), raw) if raw is not None else None

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
    return f"Send this email?\n\n{described(found, _SHOWN)}"


@dataclass(frozen=True, slots=True)
class GoesTo:
    """`field`: where the email names the recipient; bcc: nowhere."""

    address: str
    field: Literal["to", "cc", "bcc"]
    state: str


@dataclass(frozen=True, slots=True)
class Content:
    """What the bytes and the envelope of a submission say, decoded. `html_text`: what its HTML shows; `html_differs`:
    its words are not those of the text."""

    recipients: tuple[GoesTo, ...]
    subject: str
    text: str
    html_text: str
    html_differs: bool
    files: tuple[Attachment, ...]


def contents(found: Waiting) -> Content:
    """What a person must see of a submission, read from the very bytes that would be sent."""
    parsed = parse_message(found.raw)
    fields: dict[str, Literal["to", "cc"]] = {mailbox.address.lower(): "cc" for mailbox in parsed.cc}
    fields |= {mailbox.address.lower(): "to" for mailbox in parsed.to}
    text = "\n".join(parsed.plain).strip()
    html = "\n".join(text_of(each) for each in parsed.html).strip()
    goes_to = (
        GoesTo(each.recipient, fields.get(each.recipient.lower(), "bcc"), each.state)
        for each in found.submission.deliveries
    )
    return Content(
        tuple(sorted(goes_to, key=lambda one: ("to", "cc", "bcc").index(one.field))),
        parsed.subject,
        text,
        html,
        bool(html) and _letters(html) != _letters(text),
        parsed.attachments,
    )


def described(found: Waiting, most: int | None = None) -> str:
    """A submission for a person: why it waits, then the envelope, then what its bytes say, decoded; of each body at
    most `most` characters. What the email says is quoted, so that none of it looks like ours."""
    submission, content = found.submission, contents(found)
    whom = [
        f"{one.address} ({one.field.capitalize()})" if one.field != "to" else one.address for one in content.recipients
    ]
    lines = ["Why you are asked:", *(f"- {safe_line(reason.text, 500)}" for reason in submission.reasons), ""]
    lines += [f"From: {submission.sender}", f"Goes to: {', '.join(whom)}", f"Subject: {safe_line(content.subject)}", ""]
    lines += ["Text:", *_quoted(content.text, most)]
    if content.html_differs:
        lines += ["", "Its HTML, which most programs show in place of the text, says something else:"]
        lines += _quoted(content.html_text, most)
    if content.files:
        lines += ["", f"Files ({len(content.files)}):"]
        lines += [
            f"{file.index + 1}. {safe_line(file.filename, 120)} ({safe_line(file.content_type, 80)}, {file.size} bytes,"
            f" SHA-256 {file.sha256})"
            for file in content.files
        ]
    return "\n".join(lines)


async def file(app: App, submission_id: str, index: int, *, caller: Caller = COMMAND_LINE) -> tuple[str, bytes]:
    """A file that would be sent: a name it may be saved under, and its bytes. It is written down that somebody had it.
    Raises NotFound."""
    found = await show(app, submission_id, caller=caller)
    try:
        described, data = await asyncio.to_thread(attachment_bytes, found.raw, index)
    except NotFound:
        raise NotFound(
            f"Submission {submission_id} has no such file.", next_step="Show the submission to see which it has."
        ) from None
    await app.database.write(
        caller.tenant_id,
        lambda tx: audit.append(
            tx,
            app.now_ms(),
            caller.agent_id,
            "email.file_seen",
            submission_id,
            attachment=index,
            sha256=described.sha256,
        ),
    )
    return safe_filename(described.filename, index), data


def _quoted(text: str, most: int | None) -> list[str]:
    cut = text if most is None else text[:most]
    lines = ["> " + "".join(c if c.isprintable() else " " for c in line) for line in cut.splitlines()]
    if len(cut) < len(text):
        lines.append(f"[{len(text) - len(cut)} more characters are not shown here; `letterlock approvals show` does.]")
    return lines


def _letters(text: str) -> str:
    """What two forms of the same words share, whatever their layout and marks."""
    return "".join(c for c in text.casefold() if c.isalnum())


async def approve(app: App, submission_id: str, sha256: str = "", *, caller: Caller = COMMAND_LINE) -> Submission:
    """Let exactly this email go. `sha256`: what the person looked at; another one is
    refused. Raises NotFound, Conflict, NotAllowed when the policy refuses it by now: its inbox or agent is stopped or
    gone, a recipient is suppressed, or it is not what was submitted."""
    return await _decide(app, submission_id, sha256, caller, approved=True)


async def deny(app: App, submission_id: str, *, caller: Caller = COMMAND_LINE) -> Submission:
    """It never goes out. Raises NotFound, Conflict."""
    return await _decide(app, submission_id, "", caller, approved=False)


async def _stopped(tx: Transaction, submission: Submission) -> str:
    """Why nothing of its inbox or agent may go out, "" when it may. A person first lets these go on."""
    return await conduct.suspended(tx, submission.inbox_id) or await reputation.agent_suspended(tx, submission.agent_id)


def _held(submission: Submission) -> tuple[str, ...]:
    return tuple(each.recipient for each in submission.deliveries if each.state == "held")


def _again(submission: Submission, held: tuple[str, ...], now: Standing) -> Decision:
    """What the policy says today of what a person lets go: a refusal refuses still. Where a server is wanted and none
    is set, the delivery waits for one."""
    local = {each.recipient for each in submission.deliveries if each.route == "local"}
    recipients = tuple(Recipient(each, each in local, suppressed=now.suppressed[each]) for each in held)
    return decide(
        SendContext(
            submission.sender,
            now.live,
            recipients,
            True,
            suspended=now.suspended,
            domain_live=now.domain_live,
            approved=True,
        )
    )


def _decided(submission: Submission) -> Conflict:
    """Why there is no verdict to give."""
    if submission.verdict == "expired" and submission.approve_until is not None:
        return Conflict(
            f"Submission {submission.submission_id} expired at {moment(submission.approve_until):%Y-%m-%d %H:%M} UTC:"
            " nobody had decided by then, and it was not sent.",
            next_step="Have it sent again (with a new idempotency_key if it had one) and decide on that one;"
            " the setting approval_hours says how long there is.",
        )
    return Conflict(
        f"Submission {submission.submission_id} does not wait for a person: it is"
        f" {submission.verdict or submission.state}.",
        next_step="`letterlock approvals list` shows what waits.",
    )


async def _decide(app: App, submission_id: str, sha256: str, caller: Caller, *, approved: bool) -> Submission:
    caller.need(APPROVE)
    now = app.now_ms()
    wanted = SubmissionId(submission_id)

    async def write(tx: Transaction) -> Submission | None:
        found = await outbox.get(tx, wanted)
        if found is None or caller.inbox_id not in (None, found.inbox_id):
            raise NotFound(
                f"There is no submission {submission_id}.", next_step="`letterlock approvals list` shows what waits."
            )
        before = outbox.as_of(found, now)
        if sha256 and sha256 != before.sha256:
            raise Conflict(
                "It is not the email that was looked at.",
                next_step="Look at it again with `letterlock approvals show`.",
            )
        if approved and before.held_by == APPROVAL:
            raw = await outbox.raw(tx, wanted)
            held = _held(before)
            now_against = await standing(tx, wanted, before.sender, held, domain_of(app.settings), now)
            if (
                now_against is None
                or now_against.decided == "forged"
                or before.sha256 != outbox.envelope_hash(raw or b"", before.sender, now_against.recipients)
            ):
                await audit.append(tx, now, caller.agent_id, "email.changed", wanted)
                return None
            refused = _again(before, held, now_against)
            if refused.kind == "refuse":
                raise NotAllowed(
                    " ".join(reason.text for reason in refused.reasons), next_step=refused.reasons[0].next_step
                )
        verdict: Literal["approved", "denied"] = "approved" if approved else "denied"
        done = await conduct.decide_on(tx, wanted, before.sha256, verdict, caller.agent_id, now)
        if not done:
            raise _decided(before)
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
            f"email.{verdict}",
            wanted,
            sha256=before.sha256,
            reasons=[reason.code for reason in before.reasons],
        )
        after = await outbox.get(tx, wanted)
        assert after is not None
        return after

    after = await app.database.write(caller.tenant_id, write)
    if after is None:
        raise NotAllowed(
            "It is not what was submitted: its bytes or its recipients have changed in the store.",
            next_step="Deny it, and find out who can write to the data folder.",
        )
    app.wake.hint(OUTBOX)
    return after
