"""ACTIONS: everything a caller can ask for, in one list. Doors loop over it and add nothing of their own."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from letterlock import telemetry
from letterlock.actions import deliveries, escalating, inboxes, listing, reading, secrets, sending, waiting
from letterlock.actions.caller import MANAGE_INBOXES, READ, SEND, WAIT, Caller
from letterlock.app import App
from letterlock.errors import CallerError, InvalidRequest, StoreError, Unavailable
from letterlock.screen.safe_text import safe_line
from letterlock.settings import Toolset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hints:
    """What a client may take for granted (MCP tool annotations). `open_world`: it reaches people outside."""

    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """`run(app, caller, request)`; its docstring is the description a model reads. `waits`: it may take long, so that a
    door should say meanwhile that it is still there."""

    name: str
    title: str
    toolset: Toolset
    scope: str
    hints: Hints
    request: type[BaseModel]
    result: type[BaseModel]
    run: Callable[[App, Caller, Any], Awaitable[BaseModel]]
    waits: bool = False

    @property
    def description(self) -> str:
        return " ".join((self.run.__doc__ or "").split())


async def perform(app: App, caller: Caller, action: Action, arguments: Mapping[str, Any]) -> BaseModel:
    """Run an action with arguments from outside. Raises CallerError and nothing else: what is wrong and what to do
    next.

    This is the one place where a door's caller is checked against the action's scope and its arguments are read.
    """
    began, code = time.monotonic(), "cancelled"
    try:
        caller.need(action.scope)
        try:
            request = action.request.model_validate(arguments)
        except ValidationError as error:
            raise InvalidRequest(explain(error), next_step=f"Call {action.name} again, corrected.") from None
        result = await action.run(app, caller, request)
        code = "ok"
        return result
    except CallerError as error:
        code = error.code
        raise
    except StoreError as error:
        code = Unavailable.code
        log.warning("%s: %s", action.name, error)
        raise Unavailable(error.what, next_step="Nothing was changed. Try again in a few seconds.") from error
    except Exception as error:
        code = Unavailable.code
        log.exception("%s failed", action.name)
        raise Unavailable(
            f"{action.name} failed inside Letterlock ({type(error).__name__}).",
            next_step="Try once more; if it stays, tell the owner to run `letterlock doctor`.",
        ) from error
    finally:
        telemetry.count("calls", action=action.name, code=code)
        if not action.waits:
            telemetry.took("call", began)


def explain(error: ValidationError) -> str:
    """The first two things wrong with the arguments, each with its name and the value given."""
    sentences = []
    for problem in error.errors(include_url=False)[:2]:
        name = ".".join(str(part) for part in problem["loc"]) or "arguments"
        if problem["type"] == "missing":
            sentences.append(f"Argument '{name}' is missing.")
        elif problem["type"] == "extra_forbidden":
            sentences.append(f"There is no argument '{name}'.")
        else:
            given = safe_line(repr(problem["input"]), 60)
            message = problem["msg"].removeprefix("Value error, ")
            sentences.append(f"Argument '{name}' = {given}: {message[0].lower()}{message[1:]}.")
    return " ".join(sentences)


_READS = Hints(read_only=True, idempotent=True)

ACTIONS: tuple[Action, ...] = (
    Action(
        "create_inbox", "Create inbox", "inboxes", MANAGE_INBOXES, Hints(),
        inboxes.CreateInbox, inboxes.InboxCreated, inboxes.create_inbox,
    ),
    Action(
        "list_inboxes", "List inboxes", "inboxes", READ, _READS,
        inboxes.ListInboxes, inboxes.InboxList, inboxes.list_inboxes,
    ),
    Action(
        "delete_inbox", "Delete inbox", "inboxes", MANAGE_INBOXES, Hints(destructive=True, idempotent=True),
        inboxes.DeleteInbox, inboxes.InboxDeleted, inboxes.delete_inbox,
    ),
    Action(
        "list_emails", "List emails", "reading", READ, _READS,
        listing.ListEmails, listing.EmailList, listing.list_emails,
    ),
    Action(
        "search_emails", "Search emails", "reading", READ, _READS,
        listing.SearchEmails, listing.EmailList, listing.search_emails,
    ),
    Action(
        "read_email", "Read email", "reading", READ, _READS,
        reading.ReadEmail, reading.EmailRead, reading.read_email,
    ),
    Action(
        "get_thread", "Show conversation", "reading", READ, _READS,
        reading.GetThread, reading.Thread, reading.get_thread,
    ),
    Action(
        "get_attachment", "Read attachment", "reading", READ, _READS,
        reading.GetAttachment, reading.AttachmentDetail, reading.get_attachment,
    ),
    Action(
        "extract_links", "Extract links", "reading", READ, _READS,
        reading.ExtractLinks, reading.LinkList, reading.extract_links,
    ),
    Action(
        "wait_for_otp", "Wait for one-time code", "waiting", WAIT, Hints(),
        waiting.WaitForOtp, waiting.OtpResult, waiting.wait_for_otp, waits=True,
    ),
    Action(
        "wait_for_email", "Wait for email", "waiting", WAIT, _READS,
        waiting.WaitForEmail, waiting.EmailWaited, waiting.wait_for_email, waits=True,
    ),
    Action(
        "send_email", "Send email", "sending", SEND, Hints(open_world=True),
        sending.SendEmail, deliveries.SentEmail, sending.send_email,
    ),
    Action(
        "reply_to_email", "Reply to email", "sending", SEND, Hints(open_world=True),
        sending.ReplyToEmail, deliveries.SentEmail, sending.reply_to_email,
    ),
    Action(
        "forward_email", "Forward email", "sending", SEND, Hints(open_world=True),
        sending.ForwardEmail, deliveries.SentEmail, sending.forward_email,
    ),
    Action(
        "get_delivery_status", "Delivery status", "sending", SEND, _READS,
        deliveries.GetDeliveryStatus, deliveries.DeliveryStatus, deliveries.get_delivery_status,
    ),
    Action(
        "cancel_email", "Cancel email", "sending", SEND, Hints(destructive=True, idempotent=True),
        deliveries.CancelEmail, deliveries.CancelledEmail, deliveries.cancel_email,
    ),
    Action(
        "list_secrets", "List secrets", "vault", READ, _READS,
        secrets.ListSecrets, secrets.SecretList, secrets.list_secrets,
    ),
    Action(
        "escalate_email", "Hand to a person", "people", READ, Hints(idempotent=True),
        escalating.EscalateEmail, escalating.Escalated, escalating.escalate_email,
    ),
)  # fmt: skip

BY_NAME = {action.name: action for action in ACTIONS}
