"""INLETS: ways for a service in front of this one to hand in mail of one domain, each with a secret of its own, and the
mail itself in the wording of that service.

What a service says of SPF, DKIM or spam is not believed: the bytes are all that is taken over. What it signs counts
once.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from letterlock.actions.caller import ADMIN, INBOUND, Caller, is_house
from letterlock.actions.catalog import Action, Hints
from letterlock.actions.inboxes import Request
from letterlock.actions.platform import HandedInList, HandIn, is_of, keep_handed_in
from letterlock.app import App
from letterlock.domains import domain_key
from letterlock.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from letterlock.inbound import sns
from letterlock.inbound.accept import inbox_for
from letterlock.message.address import parse_address
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, domains, inlets
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.inlets import Inlet, Service

MOST_INLETS: Final = 50
"""Of one tenant."""
PATHS: Final[Mapping[Service, str]] = {
    "raw": "/inbound",
    # Mailgun sends the email as it is only to addresses that end in "mime".
    "mailgun": "/inbound/mailgun/mime",
    "postmark": "/inbound/postmark",
    "sendgrid": "/inbound/sendgrid",
    "ses": "/inbound/ses",
}
"""Where under /v1 each service hands in."""
LATEST: Final = timedelta(hours=24)
"""Services try for hours. What is older is refused, as nobody would know it again."""
_EARLIEST: Final = timedelta(hours=1)
_TOPIC: Final = r"arn:aws[a-z-]{0,10}:sns:[a-z0-9-]{2,40}:[0-9]{12}:[A-Za-z0-9_.-]{1,256}"


class AddInlet(Request):
    domain: Annotated[str, Field(min_length=1, max_length=253, description="yours, or that of the settings")]
    service: Service = "raw"
    signing_key: Annotated[str, Field(max_length=200, description="Mailgun's HTTP webhook signing key")] = ""
    topic: Annotated[str, Field(max_length=400, description="ARN of the Amazon SNS topic that SES publishes to")] = ""
    confirm: Annotated[bool, Field(description="confirm a subscription of that topic when SNS asks")] = False


class ListInlets(Request):
    pass


class RemoveInlet(Request):
    inlet_id: Annotated[str, Field(min_length=1, max_length=64)]


class InletShown(BaseModel):
    inlet_id: str
    domain: str
    service: str
    path: str = Field(description="where it hands in, below /v1")
    hint: str = Field(description="last characters of its secret")
    topic: str
    confirms: bool
    created_at: datetime


class InletAdded(InletShown):
    secret: str = Field(description="bearer token, or password of any user name; shown this once")
    warning: str


class InletList(BaseModel):
    inlets: list[InletShown]


class InletRemoved(BaseModel):
    inlet_id: str
    domain: str


async def add_inlet(app: App, caller: Caller, request: AddInlet) -> InletAdded:
    """Let a service in front of this one hand in mail of a domain, with a secret that is shown this once."""
    caller.need_all(ADMIN)
    _check_fits(request)
    name = domain_key(request.domain)
    now, secret = app.now_ms(), inlets.new_secret()
    inlet = Inlet(
        caller.tenant_id,
        inlets.new_inlet_id(),
        name,
        request.service,
        secret[-4:],
        None,
        request.topic,
        request.confirm,
        now,
    )
    if request.signing_key:
        sealed = await app.vault.seal(caller.tenant_id, inlet.inlet_id, request.signing_key.encode())
        inlet = replace(inlet, sealed=sealed)

    async def add(tx: Transaction) -> None:
        if not is_house(app, inlet) and await domains.find(tx, name) is None:
            raise NotFound(
                f"There is no domain '{safe_line(name, 80)}' of yours.",
                next_step="`letterlock domain add` claims one.",
            )
        if len(await inlets.of_tenant(tx)) >= MOST_INLETS:
            raise Conflict(f"There are {MOST_INLETS} inlets already.", next_step="Remove one that is not used.")
        await inlets.add(tx, inlet, secret)
        await audit.append(tx, now, caller.agent_id, "inlet.added", inlet.inlet_id, domain=name, service=inlet.service)

    await app.database.write(caller.tenant_id, add)
    return InletAdded(**_shown(inlet).model_dump(), secret=secret, warning=_warning(app))


async def list_inlets(app: App, caller: Caller, request: ListInlets) -> InletList:
    """The inlets of the tenant."""
    caller.need_all(ADMIN)
    return InletList(inlets=[_shown(one) for one in await app.database.read(caller.tenant_id, inlets.of_tenant)])


async def remove_inlet(app: App, caller: Caller, request: RemoveInlet) -> InletRemoved:
    """Nothing comes in by it any more."""
    caller.need_all(ADMIN)

    async def remove(tx: Transaction) -> Inlet:
        removed = await inlets.remove(tx, request.inlet_id)
        if removed is None:
            raise NotFound(
                f"There is no inlet '{safe_line(request.inlet_id, 64)}'.",
                next_step="`letterlock inlet list` shows all.",
            )
        await audit.append(tx, app.now_ms(), caller.agent_id, "inlet.removed", removed.inlet_id, domain=removed.domain)
        return removed

    removed = await app.database.write(caller.tenant_id, remove)
    return InletRemoved(inlet_id=removed.inlet_id, domain=removed.domain)


def _check_fits(request: AddInlet) -> None:
    if (request.service == "mailgun") != bool(request.signing_key):
        raise InvalidRequest(
            "A signing key belongs to the service mailgun, and to no other.",
            next_step="Mailgun shows it under API security, as HTTP webhook signing key.",
        )
    if (request.service == "ses") != bool(request.topic) or (request.confirm and not request.topic):
        raise InvalidRequest(
            "A topic belongs to the service ses, and to no other.",
            next_step="Give the ARN of the SNS topic that the receipt rule of SES publishes to.",
        )
    if request.topic and not re.fullmatch(_TOPIC, request.topic):
        raise InvalidRequest(
            f"{safe_line(request.topic, 80)} is not the ARN of an SNS topic.",
            next_step="Write it like arn:aws:sns:eu-west-1:123456789012:mail.",
        )


def _warning(app: App) -> str:
    if app.settings.asks_dns:
        return ""
    return "Nothing is asked of the DNS here, so nobody's mail will be known as theirs: set dns to on."


def _shown(inlet: Inlet) -> InletShown:
    return InletShown(
        inlet_id=inlet.inlet_id,
        domain=inlet.domain,
        service=inlet.service,
        path=PATHS[inlet.service],
        hint=inlet.hint,
        topic=inlet.topic,
        confirms=inlet.confirms,
        created_at=moment(inlet.created_at),
    )


# --- what services hand in --------------------------------------------------------------------------------------------


class HandOver(Request):
    """An email as a service has it: `to` may name others than ours, too."""

    to: Annotated[list[Annotated[str, Field(max_length=998)]], Field(min_length=1, max_length=200)]
    sender: Annotated[str, Field(max_length=998)] = ""
    raw: bytes


class MailgunMail(HandOver):
    timestamp: Annotated[str, Field(pattern=r"^[0-9]{1,12}$")]
    token: Annotated[str, Field(min_length=10, max_length=200)]
    signature: Annotated[str, Field(max_length=200)]


class SnsMessage(Request):
    """What Amazon SNS posts, word by word."""

    said: dict[str, Any]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _SesAction(_Read):
    encoding: str = "UTF-8"


class _SesReceipt(_Read):
    recipients: list[str] = []
    action: _SesAction = _SesAction()


class _SesMail(_Read):
    source: str = ""


class _SesNotification(_Read):
    """https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html"""

    notificationType: str
    receipt: _SesReceipt = _SesReceipt()
    mail: _SesMail = _SesMail()
    content: str | None = None


async def hand_over(app: App, caller: Caller, request: HandOver) -> HandedInList:
    """Take an email from a service that knows the secret of an inlet."""
    return await _taken(app, caller, request, "")


async def hand_over_mailgun(app: App, caller: Caller, request: MailgunMail) -> HandedInList:
    """Take an email from Mailgun, once. Its signature is over time and token, not over the email."""
    inlet = _inlet_of(caller)
    key = await app.vault.open(inlet.tenant_id, inlet.inlet_id, inlet.sealed or b"")
    fits = hmac.new(key, f"{request.timestamp}{request.token}".encode(), "sha256").hexdigest()
    if not hmac.compare_digest(fits.encode(), request.signature.lower().encode()):
        raise NotAllowed(
            "The signature of Mailgun does not fit.",
            next_step="Make the inlet again with the HTTP webhook signing key of the account.",
        )
    _check_age(app, datetime.fromtimestamp(int(request.timestamp), UTC))
    return await _taken(app, caller, request, request.token)


async def hear_sns(app: App, caller: Caller, request: SnsMessage) -> HandedInList:
    """Take an email from Amazon SES by way of SNS, once; or confirm the subscription, where the owner wants that."""
    said = {name: value for name, value in request.said.items() if isinstance(value, str)}
    inlet = _inlet_of(caller)
    if said.get("TopicArn") != inlet.topic:
        raise NotAllowed(f"The message is of another topic than {inlet.topic}.")
    await sns.prove(said, app.clock())
    try:
        at = datetime.fromisoformat(said.get("Timestamp", ""))
    except ValueError:
        at = datetime.min
    _check_age(app, at if at.tzinfo else at.replace(tzinfo=UTC))
    kind = said.get("Type")
    if kind == "SubscriptionConfirmation":
        if not inlet.confirms:
            raise NotAllowed(
                "The owner did not ask for subscriptions to be confirmed.",
                next_step="Make the inlet again with confirm, or confirm it at Amazon.",
            )
        await sns.confirm(said)
    if kind != "Notification":
        return HandedInList(received=[])
    try:
        told = _SesNotification.model_validate_json(said.get("Message", ""))
    except ValidationError:
        raise InvalidRequest("The notification is not one of Amazon SES.") from None
    if told.notificationType != "Received" or told.content is None:
        raise InvalidRequest(
            "The notification does not hold the email.",
            next_step="Let the receipt rule of SES publish it to SNS (emails up to 150 KB), or post it from S3.",
        )
    try:
        encoded = told.receipt.action.encoding.upper() == "BASE64"
        raw = base64.b64decode(told.content) if encoded else told.content.encode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise InvalidRequest("The email in the notification is not Base64.") from None
    over = HandOver(to=told.receipt.recipients or [""], sender=told.mail.source, raw=raw)
    return await _taken(app, caller, over, said["MessageId"], again=True)


def _inlet_of(caller: Caller) -> Inlet:
    if caller.inlet is None:
        raise NotAllowed("Only an inlet may do this.", next_step="`letterlock inlet add` makes one.")
    return caller.inlet


def _check_age(app: App, at: datetime) -> None:
    now = app.clock()
    if not now - LATEST <= at <= now + _EARLIEST:
        raise NotAllowed(
            f"What was signed is not of the last {LATEST.total_seconds() / 3600:.0f} hours.",
            next_step="Look at the clock of this machine.",
        )


async def _taken(app: App, caller: Caller, mail: HandOver, token: str, *, again: bool = False) -> HandedInList:
    """`token`: counts once, "" for none; with `again` a second time is nothing new, else it is refused."""
    inlet = _inlet_of(caller)
    ours = [one for one in dict.fromkeys(mail.to) if is_of(one, inlet.domain)]
    live = [one for one in ours if await inbox_for(app, one, inlet.tenant_id) is not None]
    # What is nobody's is refused by name.
    to = live or ours or [one[:320] for one in mail.to]
    request = HandIn(to=to[:50], sender=_sender(mail.sender), raw=mail.raw)
    seen = False

    async def known(tx: Transaction) -> bool:
        nonlocal seen
        seen = bool(token) and not await inlets.note_token(
            tx.bound_to(inlet.tenant_id), inlet.inlet_id, token, app.now_ms()
        )
        return seen

    received = await keep_handed_in(app, caller, request, known)
    if seen and not again:
        raise Conflict("This was handed in before.", next_step="Nothing; it is here.")
    return received


def _sender(said: str) -> str:
    """The envelope sender, "" for none and for what cannot be one."""
    try:
        return str(parse_address(said)) if said and len(said) <= 320 else ""
    except InvalidRequest:
        return ""


_ONCE = Hints(idempotent=True)
_READS = Hints(read_only=True, idempotent=True)
_ENDS = Hints(destructive=True, idempotent=True)

INLETS: tuple[Action, ...] = (
    Action("add_inlet", "Add inlet", "inboxes", ADMIN, Hints(), AddInlet, InletAdded, add_inlet),
    Action("list_inlets", "List inlets", "inboxes", ADMIN, _READS, ListInlets, InletList, list_inlets),
    Action("remove_inlet", "Remove inlet", "inboxes", ADMIN, _ENDS, RemoveInlet, InletRemoved, remove_inlet),
)  # fmt: skip

HAND_OVER: Mapping[Service, Action] = {
    **{
        service: Action("hand_over", "Hand over", "inboxes", INBOUND, _ONCE, HandOver, HandedInList, hand_over)
        for service in ("postmark", "sendgrid")
    },
    "mailgun": Action(
        "hand_over_mailgun", "Hand over", "inboxes", INBOUND, _ONCE, MailgunMail, HandedInList, hand_over_mailgun
    ),
    "ses": Action("hear_sns", "Hear Amazon SNS", "inboxes", INBOUND, _ONCE, SnsMessage, HandedInList, hear_sns),
}
"""What each service does at its path."""
