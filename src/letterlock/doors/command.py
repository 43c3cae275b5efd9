"""What every command shares: its options, the data folder it works on, the person it works for, the log on stderr."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import sys
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from letterlock.folder import new_file
from letterlock.settings import Settings, load_settings

if TYPE_CHECKING:
    from letterlock.actions.caller import Caller
    from letterlock.app import App

T = TypeVar("T")
Command = Callable[..., Any]

OPTIONS = (
    click.option("--data", type=click.Path(path_type=Path), help="Data folder (LETTERLOCK_DATA)."),
    click.option("--config", type=click.Path(path_type=Path), help="Settings file (LETTERLOCK_CONFIG)."),
    click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]), help="Detail on stderr."),
)
TENANT = click.option("--tenant", help="Tenant that it is about; without it the default one.")


def with_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)

    return decorate


def line_of(file: Path) -> str:
    """The first line of a file (-: of stdin), as an editor may have ended it."""
    try:
        text = sys.stdin.read(4096) if str(file) == "-" else file.read_text("utf-8")[:4096]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise click.ClickException(f"{file} cannot be read: {reason}.") from None
    return text.splitlines()[0] if text else ""


def with_app(outer: dict[str, Any], /, options: dict[str, Any], use: Callable[[App], Awaitable[T]]) -> T:
    """What `use` makes of the data folder that is named."""
    from letterlock.app import open_app

    settings = settings_from(outer, options)

    async def main() -> T:
        async with open_app(settings) as app:
            return await use(app)

    return asyncio.run(main())


def as_person(outer: dict[str, Any], /, options: dict[str, Any], use: Callable[[App, Caller], Awaitable[T]]) -> T:
    """The same for the person at the command line, in the tenant that `options` name."""
    from letterlock.actions.tenancy import at_command_line

    tenant = options.pop("tenant", None) or ""

    async def as_caller(app: App) -> T:
        return await use(app, await at_command_line(app, tenant))

    return with_app(outer, options, as_caller)


def save_new(file: Path, content: bytes) -> None:
    """Write a file that is not there yet, for its owner only, and say so. Raises ClickException."""
    try:
        with new_file(file) as out:
            out.write(content)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
    click.echo(f"{len(content)} bytes saved to {file}.")


_OWN_LOG = "letterlock"


class _Log(logging.Formatter):
    """Of an error, its kind and where it rose, at DEBUG the whole way there. Never its own words, and of a library's
    message the first line: what follows may be mail."""

    def format(self, record: logging.LogRecord) -> str:
        if not _is_own(record):
            record = logging.makeLogRecord({**record.__dict__, "args": None, "msg": _first_line(record.getMessage())})
        return super().format(record)

    def formatException(self, ei: Any) -> str:
        frames = traceback.extract_tb(ei[2])
        if logging.getLogger(_OWN_LOG).isEnabledFor(logging.DEBUG):
            return f"{''.join(traceback.format_list(frames))}  {ei[0].__name__}"
        place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        return f"  {ei[0].__name__}{place}"


class _JsonLog(_Log):
    """The same as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage()
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": said if _is_own(record) else _first_line(said),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info).strip()
        return json.dumps(line, ensure_ascii=False)


def _is_own(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == _OWN_LOG


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:200]


def log_to_stderr(level: str, form: Literal["text", "json"] = "text") -> None:
    """Our own log at `level`. Libraries never below WARNING, whatever level they give themselves: at DEBUG several
    print what goes over the wire. Called before the SDK configures the root logger."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((_JsonLog if form == "json" else _Log)("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or _is_own(record))
    logging.basicConfig(level=max(logging.WARNING, logging.getLevelName(level)), handlers=[handler])
    logging.getLogger(_OWN_LOG).setLevel(level)
    # What it calls errors are streams that a stop has cut.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)


def logs_json() -> bool:
    return _json_handler() is not None


def say(text: str, level: int = logging.INFO) -> None:
    """A line on stderr for whoever started this, whatever `log_level` is: as the log is written, so that who reads that
    by program is never given a line of another form."""
    handler = _json_handler()
    if handler is None:
        click.echo(text, err=True)
        return
    told = {"name": _OWN_LOG, "levelno": level, "levelname": logging.getLevelName(level), "msg": text}
    handler.handle(logging.makeLogRecord(told))


def _json_handler() -> logging.Handler | None:
    return next((one for one in logging.getLogger().handlers if isinstance(one.formatter, _JsonLog)), None)


def settings_from(*options: dict[str, Any]) -> Settings:
    """The settings, with what the command and the group before it were given; from here on the log goes to stderr."""
    merged: dict[str, Any] = {}
    for given in options:
        merged |= {name: value for name, value in given.items() if value is not None}
    settings = load_settings(**merged)
    log_to_stderr(settings.log_level, settings.log_format)
    return settings
