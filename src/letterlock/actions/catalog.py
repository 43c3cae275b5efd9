"""ACTIONS: everything a caller can ask for, in one list. Doors loop over it and add nothing of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from letterlock.actions.caller import MANAGE_INBOXES, READ, SEND, WAIT, Caller
from letterlock.app import App
from letterlock.settings import Toolset


@dataclass(frozen=True, slots=True)
class Hints:
    """What a client may take for granted (MCP tool annotations). `open_world`: it reaches people outside."""

    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """`run(app, caller, request)`; its docstring is the description a model reads. `waits`: it may take long and reports
    progress through `request.progress`."""

    name: str
    title: str
    toolset: Toolset
    scope: str
    hints: Hints
    request: type[BaseModel]
    result: type[BaseModel]
    run: Callable[[App, Caller, Any], Awaitable[BaseModel]]

    @property
    def description(self) -> str:
        return " ".join((self.run.__doc__ or "").split())
