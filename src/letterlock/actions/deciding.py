"""DECIDING: what waits for a person, whole, and their verdict, as actions. The rules of a verdict are in approvals.py.

Whoever may approve may see all of what they approve, its files too. That they fetched one is in the audit log.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from letterlock.actions import approvals, deliveries
from letterlock.actions.approvals import Content, contents
from letterlock.actions.caller import APPROVE, Caller
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import Request
from letterlock.actions.pages import Paged, page
from letterlock.actions.revealing import FileBytes
from letterlock.app import App
from letterlock.screen.safe_text import safe_line
from letterlock.store.emails import moment
from letterlock.store.outbox import Submission


class ListApprovals(Paged):
    pass


class ShowApproval(Request):
    submission_id: Annotated[str, Field(min_length=1, max_length=64)]


class GetApprovalFile(ShowApproval):
    index: Annotated[int, Field(ge=0, le=10_000, description="of an attachment")]


class Approve(ShowApproval):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="of what was looked at, from show_approval")]


class Deny(ShowApproval):
    pass


class ApprovalListed(BaseModel):
    submission_id: str
    inbox_id: str
    agent_id: str
    from_: str
    to: list[str] = Field(description="all recipients")
    subject: str
    reasons: list[str]
    sha256: str = Field(description="of bytes and envelope; what an approval is bound to")
    created_at: datetime
    approve_until: datetime | None


class ApprovalList(BaseModel):
    approvals: list[ApprovalListed]
    next_cursor: str


class ApprovalRecipient(BaseModel):
    address: str
    field: Literal["to", "cc", "bcc"] = Field(description="where the others see it; bcc: nowhere")
    state: str


class ApprovalFile(BaseModel):
    index: int
    filename: str
    content_type: str
    size: int
    sha256: str
    url: str = Field(description="route on this server that gives its bytes to a key that may approve")


class ApprovalShown(ApprovalListed):
    state: str
    verdict: str = Field(description="approved, denied, expired, or empty")
    decided_by: str = Field(description="agent of the key, or person for the owner; empty without a verdict")
    decided_at: datetime | None
    recipients: list[ApprovalRecipient]
    text: str
    html_text: str = Field(description="what its HTML shows, as text; empty without HTML")
    html_differs: bool = Field(description="the HTML has other words than the text; most programs show the HTML")
    attachments: list[ApprovalFile]
    size: int


def _approval(submission: Submission) -> dict[str, Any]:
    return {
        "submission_id": submission.submission_id,
        "inbox_id": submission.inbox_id,
        "agent_id": submission.agent_id,
        "from_": submission.sender,
        "to": list(submission.recipients),
        "subject": safe_line(submission.subject),
        "reasons": [reason.text for reason in submission.reasons],
        "sha256": submission.sha256,
        "created_at": moment(submission.created_at),
        "approve_until": moment(submission.approve_until) if submission.approve_until is not None else None,
    }


async def list_approvals(app: App, caller: Caller, request: ListApprovals) -> ApprovalList:
    """Emails that wait for a person, oldest first."""
    found = await approvals.waiting(app, caller=caller)
    part, more = page(caller, "approvals", found, lambda one: one.submission_id, request)
    return ApprovalList(approvals=[ApprovalListed(**_approval(one)) for one in part], next_cursor=more)


async def show_approval(app: App, caller: Caller, request: ShowApproval) -> ApprovalShown:
    """All of what would be sent, to whom, and why a person is asked."""
    found = await approvals.show(app, request.submission_id, caller=caller)
    content: Content = await asyncio.to_thread(contents, found)
    submission = found.submission
    return ApprovalShown(
        **_approval(submission),
        state=submission.state,
        verdict=submission.verdict,
        decided_by=submission.decided_by,
        decided_at=moment(submission.decided_at) if submission.decided_at is not None else None,
        recipients=[
            ApprovalRecipient(address=one.address, field=one.field, state=one.state) for one in content.recipients
        ],
        text=content.text,
        html_text=content.html_text,
        html_differs=content.html_differs,
        attachments=[
            ApprovalFile(
                index=file.index,
                filename=safe_line(file.filename, 120),
                content_type=safe_line(file.content_type, 80),
                size=file.size,
                sha256=file.sha256,
                url=f"/v1/approvals/{submission.submission_id}/attachments/{file.index}",
            )
            for file in content.files
        ],
        size=submission.size,
    )


async def get_approval_file(app: App, caller: Caller, request: GetApprovalFile) -> FileBytes:
    """The bytes of a file that would be sent."""
    name, data = await approvals.file(app, request.submission_id, request.index, caller=caller)
    return FileBytes(filename=name, content_type="application/octet-stream", data=data)


async def approve(app: App, caller: Caller, request: Approve) -> deliveries.SentEmail:
    """Let exactly this email go, once."""
    await approvals.approve(app, request.submission_id, request.sha256, caller=caller)
    return await deliveries.sent_now(app, caller, request.submission_id)


async def deny(app: App, caller: Caller, request: Deny) -> deliveries.SentEmail:
    """It is never sent."""
    await approvals.deny(app, request.submission_id, caller=caller)
    return await deliveries.sent_now(app, caller, request.submission_id)


_READS = Hints(read_only=True, idempotent=True)

DECIDING: tuple[Action, ...] = (
    Action("list_approvals", "List approvals", "sending", APPROVE, _READS, ListApprovals, ApprovalList, list_approvals),
    Action("show_approval", "Show approval", "sending", APPROVE, _READS, ShowApproval, ApprovalShown, show_approval),
    Action(
        "get_approval_file", "Get file of approval", "sending", APPROVE, _READS,
        GetApprovalFile, FileBytes, get_approval_file,
    ),
    Action("approve", "Approve", "sending", APPROVE, Hints(open_world=True), Approve, deliveries.SentEmail, approve),
    Action("deny", "Deny", "sending", APPROVE, Hints(destructive=True), Deny, deliveries.SentEmail, deny),
)  # fmt: skip
