"""Long lists in pages: cursors that count for one caller's tenant and one kind of list, and no other.

What is numbered over the whole tenant would tell a key for one inbox how much happens in the others: it gets such
places hidden.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from pydantic import Field

from letterlock.actions.caller import Caller
from letterlock.actions.inboxes import Request
from letterlock.app import App
from letterlock.errors import InvalidRequest, Unavailable
from letterlock.keyfile import hidden, key_of, made_key, opened

MAX_PAGE = 100
KEY_FILE = "places.key"
_MOST = 2**62
T = TypeVar("T")
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
Cursor = Annotated[str, Field(max_length=400, description="next_cursor of the answer before")]


class Paged(Request):
    """What every call for a page takes."""

    limit: Limit = 50
    cursor: Cursor = ""


def cursor_at(caller: Caller, kind: str, place: str | int) -> str:
    """An opaque cursor that counts for this caller's tenant and this kind of list only."""
    text = json.dumps([place, _mark(caller, kind)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(caller: Caller, kind: str, cursor: str) -> str | int | None:
    """Where a cursor stands, None without one. Raises InvalidRequest for one that was not given by this call."""
    if not cursor:
        return None
    try:
        place, mark = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        place = mark = None
    if mark != _mark(caller, kind) or isinstance(place, bool) or not isinstance(place, (str, int)):
        raise _not_of_this_call()
    return place


async def number_at(app: App, caller: Caller, kind: str, number: int) -> str:
    """As cursor_at, of a place in the numbers of the tenant."""
    if caller.inbox_id is None:
        return cursor_at(caller, kind, number)
    return await hidden_place(app, caller, kind, (number, 0))


async def number_of(app: App, caller: Caller, kind: str, cursor: str) -> int | None:
    """As place_of, of what number_at gave."""
    if caller.inbox_id is None or not cursor:
        place = place_of(caller, kind, cursor)
        if place is None or (isinstance(place, int) and 0 <= place < _MOST):
            return place
        raise _not_of_this_call()
    found = await place_hidden_in(app, caller, kind, cursor)
    if found is None:
        raise _not_of_this_call()
    return found[0]


async def hidden_place(app: App, caller: Caller, kind: str, place: tuple[int, int]) -> str:
    """Numbers of the tenant as text that only place_hidden_in reads, for the same caller and kind. Raises
    Unavailable."""
    try:
        key = key_of(app.folder, KEY_FILE)
    except FileNotFoundError:
        try:
            key = await asyncio.to_thread(made_key, app.folder, KEY_FILE)
        except OSError as error:
            raise Unavailable("No key to hide places with can be kept.", next_step="Look at the disk.") from error
    return base64.urlsafe_b64encode(hidden(key, _mark(caller, kind), place)).decode()


async def place_hidden_in(app: App, caller: Caller, kind: str, text: str) -> tuple[int, int] | None:
    """None for what was not given to this caller, for this kind."""
    try:
        return opened(key_of(app.folder, KEY_FILE), _mark(caller, kind), base64.urlsafe_b64decode(text))
    except (ValueError, FileNotFoundError):
        return None


def _not_of_this_call() -> InvalidRequest:
    return InvalidRequest(
        "This cursor does not belong to this call.",
        next_step="Repeat the call that gave it with the same arguments, or leave cursor out.",
    )


def _mark(caller: Caller, kind: str) -> str:
    return hashlib.sha256(json.dumps([caller.tenant_id, caller.inbox_id, kind]).encode()).hexdigest()[:12]


def page(caller: Caller, kind: str, found: Sequence[T], key: Callable[[T], str], request: Paged) -> tuple[list[T], str]:
    """The part of `found` from behind the cursor on, in the order of its keys, and the cursor that goes on."""
    ordered = sorted(found, key=key)
    after = place_of(caller, kind, request.cursor)
    rest = [one for one in ordered if after is None or key(one) > str(after)]
    part = rest[: request.limit]
    return part, cursor_at(caller, kind, key(part[-1])) if len(rest) > request.limit else ""
