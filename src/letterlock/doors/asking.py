"""A person at an MCP client is asked whether a held email may go. Their answer counts for the submission and the bytes
that were shown, whatever became of it meanwhile: what is decided already stays as it was decided.

In the newer protocol era the client asks, then repeats the call with the answer and the sealed state of the question;
such a call only takes the answer, and submits nothing. In the older one the question is asked within the call.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from letterlock.errors import Conflict, NotAllowed

if TYPE_CHECKING:
    from letterlock.actions.caller import Caller
    from letterlock.actions.deliveries import SentEmail
    from letterlock.app import App

    Answer = SentEmail | InputRequiredResult

# A version of the protocol; they are dates.
_ANSWERS_COME_WITH_A_CALL: Final = "2026-07-28"
_QUESTION: Final = "verdict"
_UNCLEAR: Final = "What the client answered is neither yes nor no ({send: true} or {send: false}): nothing is decided."


class Verdict(BaseModel):
    """A person's answer in the client."""

    model_config = ConfigDict(strict=True)

    send: bool = Field(description="Send it?")


class Asked(BaseModel):
    """Which email a question was about."""

    submission_id: str
    sha256: str


def can_ask(context: Context[Any, Any]) -> bool:
    """Whether a person sits at the client and can be shown a form. Others get the answer that says where the email
    waits."""
    told = context.client_capabilities
    can = told.elicitation if told is not None else None
    return can is not None and (can.form is not None or can.url is None)


def asked_before(context: Context[Any, Any]) -> Asked | None:
    """What the question was about that this call brings the answer to. The SDK has checked that the state is ours, and
    of a call of the same tool with the same arguments by the same caller."""
    if context.request_state is None:
        return None
    try:
        return Asked.model_validate(json.loads(context.request_state))
    except ValueError:
        return None


def held(result: BaseModel) -> str:
    """The submission that a call to send has made and that is held, "" for none."""
    from letterlock.actions.deliveries import SentEmail

    return result.submission_id if isinstance(result, SentEmail) and result.state == "held" else ""


async def ask(app: App, caller: Caller, submission_id: str, context: Context[Any, Any]) -> Answer:
    """Ask about a held submission, where there is something to ask. On stdio an answer in the client is the owner's (on
    served keys it is nobody's)."""
    from letterlock.actions import approvals, deliveries

    question = await approvals.question(app, submission_id)
    if not question:
        return await deliveries.sent_now(app, caller, submission_id)
    about = await approvals.show(app, submission_id)
    asked = Asked(submission_id=submission_id, sha256=about.submission.sha256)
    form = Verdict.model_json_schema()
    form.pop("description")
    if (context.protocol_version or "") >= _ANSWERS_COME_WITH_A_CALL:
        request = ElicitRequest(params=ElicitRequestFormParams(message=question, requested_schema=form))
        return InputRequiredResult(input_requests={_QUESTION: request}, request_state=asked.model_dump_json())
    try:
        answer = await context.session.elicit_form(question, form, context.request_id)
    except (MCPError, ValidationError):
        # The client could not ask, or what it answered is no answer of the protocol.
        return await _told(app, caller, asked, _UNCLEAR)
    return await _take(app, caller, asked, answer)


async def take_answer(app: App, caller: Caller, asked: Asked, context: Context[Any, Any]) -> Answer:
    """What a repeated call brings; nothing is submitted by it."""
    answer = (context.input_responses or {}).get(_QUESTION)
    if answer is None:
        return await ask(app, caller, asked.submission_id, context)
    return await _take(app, caller, asked, answer)


async def _take(app: App, caller: Caller, asked: Asked, answer: object) -> SentEmail:
    from letterlock.actions import approvals

    if not isinstance(answer, ElicitResult):
        return await _told(app, caller, asked, _UNCLEAR)
    if answer.action == "cancel":
        # Who closes the question decides nothing: it waits on.
        return await _told(app, caller, asked)
    try:
        # Who declines says no (MCP 2026-07-28, "Response Actions": explicitly declined).
        send = answer.action == "accept" and Verdict.model_validate(answer.content).send
    except ValidationError:
        return await _told(app, caller, asked, _UNCLEAR)
    try:
        if send:
            await approvals.approve(app, asked.submission_id, asked.sha256)
        else:
            await approvals.deny(app, asked.submission_id)
    except (Conflict, NotAllowed) as error:
        return await _told(app, caller, asked, f"The answer in the client changes nothing. {error.what}")
    return await _told(app, caller, asked)


async def _told(app: App, caller: Caller, asked: Asked, why: str = "") -> SentEmail:
    """What became of the email by now, whoever decided."""
    from letterlock.actions import deliveries

    told = await deliveries.sent_now(app, caller, asked.submission_id)
    return told.model_copy(update={"reasons": [why, *told.reasons]}) if why else told
