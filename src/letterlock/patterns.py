"""Regular expressions that are compiled when they are first used: compiling all of them takes longer than most commands
do. After that they cost what others cost. A process that reads mail calls compile_all() before the first email."""

from __future__ import annotations

import re
from typing import Any, AnyStr, Final, Generic, cast

_ALL: Final[list[_OnDemand[Any]]] = []


class _OnDemand(Generic[AnyStr]):
    def __init__(self, pattern: AnyStr, flags: int) -> None:
        self.pattern: AnyStr = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        # Asked only for what is not there yet. Who looks a module over asks for many a dunder name, and means none.
        if not name.startswith("__"):
            self.compile()
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(name) from None

    def compile(self) -> None:
        compiled = re.compile(self.pattern, self._flags)
        self.__dict__.update({name: getattr(compiled, name) for name in dir(compiled) if not name.startswith("__")})


def on_demand(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Like re.compile, for constants of a module: a wrong pattern raises re.error at its first use, and each is kept
    for the life of the process. Not for the functions of re, which take a compiled pattern only: use its methods."""
    made = _OnDemand(pattern, flags)
    _ALL.append(made)
    return cast("re.Pattern[AnyStr]", made)


def compile_all() -> None:
    """Compile now what the modules imported so far have."""
    for one in _ALL:
        one.compile()
