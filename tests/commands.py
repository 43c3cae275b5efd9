"""`letterlock` as a person types it: in this process, because to start one takes longer than most commands do, or in
one of its own, where the process itself is what is tested."""

from __future__ import annotations

import contextlib
import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from letterlock.doors.cli import main
from running import SCRIPT, clean_environment


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended. `output`: what it wrote to stdout, as bytes."""

    returncode: int
    output: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        return self.output.decode()


def letterlock(data: Path, *arguments: str, given: bytes = b"", **environment: str) -> Said:
    """The console script in this process, on a thread without a loop. Whatever it raises but SystemExit is raised."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    ended: list[BaseException] = []

    def run() -> None:
        try:
            main()
        except BaseException as error:
            ended.append(error)

    with (
        patch.object(sys, "argv", ["letterlock", *arguments, "--data", str(data)]),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")),
        patch.dict("os.environ", environment),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _log_of_its_own(),
    ):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    if ended and not isinstance(ended[0], SystemExit):
        raise ended[0]
    code = ended[0].code if ended else 0
    return Said(int(code or 0), out.buffer.getvalue(), err.buffer.getvalue().decode())  # type: ignore[attr-defined]


def letterlock_process(
    data: Path, *arguments: str, given: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The console script as a process."""
    command = [SCRIPT, *arguments, "--data", str(data)]
    env = clean_environment(**environment)
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, env=env, check=False)


@contextlib.contextmanager
def _log_of_its_own() -> Iterator[None]:
    """Logging as a new process has it, and afterwards as it was."""
    root = logging.getLogger()
    loggers = [root, *(one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger))]
    levels = [(one, one.level) for one in loggers]
    handlers = root.handlers[:]
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for one in root.manager.loggerDict.values():
            if isinstance(one, logging.Logger):
                one.setLevel(logging.NOTSET)
        for one, level in levels:
            one.setLevel(level)
