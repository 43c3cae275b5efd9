"""Long lists in pages: cursors that count for one caller's tenant and one kind of list, and no other."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from pydantic import Field

from letterlock.actions.caller import Caller
from letterlock.actions.inboxes import Request
from letterlock.errors import InvalidRequest

MAX_PAGE = 100
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
        raise InvalidRequest(
            "This cursor does not belong to this call.",
            next_step="Repeat the call that gave it with the same arguments, or leave cursor out.",
        )
    return place


def _mark(caller: Caller, kind: str) -> str:
    return hashlib.sha256(json.dumps([caller.tenant_id, caller.inbox_id, kind]).encode()).hexdigest()[:12]


def page(caller: Caller, kind: str, found: Sequence[T], key: Callable[[T], str], request: Paged) -> tuple[list[T], str]:
    """The part of `found` from behind the cursor on, in the order of its keys, and the cursor that goes on."""
    ordered = sorted(found, key=key)
    after = place_of(caller, kind, request.cursor)
    rest = [one for one in ordered if after is None or key(one) > str(after)]
    part = rest[: request.limit]
    return part, cursor_at(caller, kind, key(part[-1])) if len(rest) > request.limit else ""
