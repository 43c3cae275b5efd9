"""escalate_email: an agent hands a conversation to a person, and may no longer write into it alone."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from letterlock.actions.caller import Caller
from letterlock.actions.inboxes import Request
from letterlock.actions.reading import own_email
from letterlock.app import App
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, escalations
from letterlock.store.database import Transaction
from letterlock.store.escalations import Escalation


class EscalateEmail(Request):
    email_id: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Annotated[str, Field(min_length=1, max_length=500, description="what the person should decide or do")]


class Escalated(BaseModel):
    escalation_id: str
    thread_id: str
    state: str
    next_step: str


async def escalate_email(app: App, caller: Caller, request: EscalateEmail) -> Escalated:
    """Hand the conversation of an email to a person, when you cannot or should not decide alone. What you send into it
    waits for them; their answer is in get_thread."""
    email = await own_email(app, caller, request.email_id)
    now = app.now_ms()

    async def hand_over(tx: Transaction) -> tuple[Escalation, bool]:
        made, fresh = await escalations.escalate(
            tx, email.thread_id, email.inbox_id, email.email_id, caller.agent_id, safe_line(request.reason, 500), now
        )
        if fresh:
            await audit.append(tx, now, caller.agent_id, "thread.escalated", made.escalation_id)
        return made, fresh

    made, fresh = await app.database.write(caller.tenant_id, hand_over)
    app.wake.hint(caller.tenant_id)
    return Escalated(
        escalation_id=made.escalation_id,
        thread_id=made.thread_id,
        state="open",
        next_step="A person was asked; tell the user." if fresh else "A person was asked before and has not answered.",
    )
