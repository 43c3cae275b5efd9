"""Credentials that came by mail, kept in the vault. Whoever may read learns that there are some; what they are is for
people: shown, or handed to a program of theirs, each time counted and written into the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from letterlock.actions.caller import READ, SECRETS, Caller
from letterlock.actions.inboxes import Request, own_inbox
from letterlock.actions.limits import count
from letterlock.app import App
from letterlock.errors import InvalidRequest, NotFound
from letterlock.ids import InboxId
from letterlock.message.compose import Filling
from letterlock.message.filling import can_be_written
from letterlock.policy import UsedSecret
from letterlock.screen.safe_text import safe_line
from letterlock.store import audit, secrets
from letterlock.store.database import Transaction
from letterlock.store.emails import moment
from letterlock.store.secrets import Secret

_SecretId = Annotated[str, Field(min_length=1, max_length=64)]


class ListSecrets(Request):
    inbox: Annotated[str, Field(max_length=320)] = ""
    service: Annotated[str, Field(max_length=253, description="domain it came from")] = ""
    kind: Annotated[str, Field(max_length=40, description="password, api_key, recovery_code, ...")] = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=64)] = ""


class SecretListed(BaseModel):
    secret_id: str
    kind: str
    service: str = Field(description="domain it came from")
    proved: bool = Field(description="the sender proved to be it")
    inbox: str
    email_id: str
    level: str
    found_at: datetime
    used_at: datetime | None = None


class SecretList(BaseModel):
    secrets: list[SecretListed]
    next_cursor: str = ""


class NameSecret(Request):
    secret_id: _SecretId


class SecretRevealed(SecretListed):
    value: str


class SecretRemoved(BaseModel):
    secret_id: str


async def list_secrets(app: App, caller: Caller, request: ListSecrets) -> SecretList:
    """List passwords, keys and recovery codes that came by mail: what kind, from which service, when; never their
    values. {{secret:ID}} in the text of an email to the outside is replaced by the value on its way, once a person lets
    it go."""
    inbox_id: InboxId | None = caller.inbox_id
    if request.inbox:
        inbox_id = (await own_inbox(app, caller, request.inbox)).inbox_id
    found = await app.database.read(
        caller.tenant_id,
        lambda tx: secrets.listed(
            tx,
            inbox_id=inbox_id,
            kind=request.kind.strip().lower(),
            service=request.service.strip().lower().removeprefix("@"),
            before=request.cursor,
            limit=request.limit + 1,
        ),
    )
    page = found[: request.limit]
    more = page[-1].secret_id if len(found) > request.limit else ""
    return SecretList(secrets=[_told(one) for one in page], next_cursor=more)


async def reveal_secret(app: App, caller: Caller, request: NameSecret) -> SecretRevealed:
    """Show a secret. For people; every look is in the audit log."""
    found, value = await taken(app, caller, request.secret_id, "revealed")
    return SecretRevealed(**_told(found).model_dump(), value=value)


async def remove_secret(app: App, caller: Caller, request: NameSecret) -> SecretRemoved:
    """Remove a secret from the vault for good. The email it came with keeps its sealed bytes until it is deleted."""
    caller.need(SECRETS)
    found = await _own_secret(app, caller, request.secret_id)

    async def remove(tx: Transaction) -> None:
        await secrets.remove(tx, found.secret_id, app.now_ms())
        await audit.append(tx, app.now_ms(), caller.agent_id, "secret.removed", found.secret_id)

    await app.database.write(caller.tenant_id, remove)
    app.database.scrub()
    return SecretRemoved(secret_id=found.secret_id)


async def taken(app: App, caller: Caller, secret_id: str, how: Literal["revealed", "used"]) -> tuple[Secret, str]:
    """A secret with its value, for a person who sees it or a program of theirs that uses it. Raises NotFound,
    NotAllowed, LimitReached, VaultLocked; what cannot be written down is not given."""
    caller.need(SECRETS)
    found = await _own_secret(app, caller, secret_id)
    value = await app.vault.value(caller.tenant_id, found.secret_id)
    if value is None:
        raise _no_secret(secret_id)
    now = app.now_ms()

    async def note(tx: Transaction) -> None:
        await count(app, tx, "reveals_per_hour")
        await secrets.note(tx, found.secret_id, how, now)
        await audit.append(tx, now, caller.agent_id, f"secret.{how}", found.secret_id, email=found.email_id)

    await app.database.write(caller.tenant_id, note)
    return found, value


async def to_fill_in(app: App, caller: Caller, ids: Iterable[str]) -> tuple[tuple[Filling, UsedSecret], ...]:
    """The secrets that an email of the caller names, whom it may list; no value is told. Raises NotFound,
    InvalidRequest for one that no text can hold, VaultLocked, also for one whose value was changed where it is."""
    found = []
    for secret_id in ids:
        caller.need(READ)
        one = await _own_secret(app, caller, secret_id)
        kept = await app.vault.printed(caller.tenant_id, one.secret_id)
        if kept is None:
            raise _no_secret(secret_id)
        if not can_be_written(kept.value):
            raise InvalidRequest(
                f"Secret {one.secret_id} holds characters that no email can carry.",
                next_step="Ask a person to use it with `letterlock secret run`.",
            )
        used = UsedSecret(one.secret_id, one.kind, safe_line(one.service, 253), one.proved)
        found.append((Filling(one.secret_id, kept.print), used))
    return tuple(found)


async def _own_secret(app: App, caller: Caller, secret_id: str) -> Secret:
    found = await app.database.read(caller.tenant_id, lambda tx: secrets.get(tx, secret_id))
    if found is None or caller.inbox_id not in (None, found.inbox_id):
        raise _no_secret(secret_id)
    return found


def _no_secret(secret_id: str) -> NotFound:
    return NotFound(f"There is no secret '{safe_line(secret_id, 80)}'.", next_step="Take its id from list_secrets.")


def _told(one: Secret) -> SecretListed:
    return SecretListed(
        secret_id=one.secret_id,
        kind=one.kind,
        service=safe_line(one.service, 253),
        proved=one.proved,
        inbox=one.inbox_address,
        email_id=one.email_id,
        level=one.level.value,
        found_at=moment(one.found_at),
        used_at=moment(one.used_at) if one.used_at is not None else None,
    )
