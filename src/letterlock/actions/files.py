"""The files that a call to send names: of a received email, of the owner's folder, or given in the call.

None leaves the folder, none of a quarantined email is passed on, and together they stay under `attach_bytes`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from letterlock.actions.caller import READ, Caller
from letterlock.actions.reading import own_email
from letterlock.app import App
from letterlock.errors import InvalidRequest, NotAllowed, NotFound, UnreadableMessage
from letterlock.ids import DEFAULT_TENANT
from letterlock.message.compose import File, is_content_type
from letterlock.message.parse import attachment_bytes
from letterlock.screen.safe_text import safe_line
from letterlock.screen.score import Level

_OF_EMAIL = re.compile(r"em_[0-9a-z]{1,60}/[0-9]{1,4}")


async def chosen_files(app: App, caller: Caller, names: Iterable[str]) -> tuple[File, ...]:
    """The files that a call names. Raises InvalidRequest, NotFound, NotAllowed; nothing is sent without all of them."""
    files: list[File] = []
    room = app.settings.attach_bytes
    for name in names:
        file = await _file(app, caller, name, room)
        room -= len(file.data)
        if room < 0:
            raise _too_large(app)
        files.append(file)
    return tuple(files)


def passes_on(files: Iterable[str]) -> Literal["", "mail"]:
    """What policy is told of the files that a call names: "mail" when one of them came by mail."""
    return "mail" if any(_OF_EMAIL.fullmatch(name) for name in files) else ""


async def _file(app: App, caller: Caller, name: str, room: int) -> File:
    held, comma, encoded = name.partition(";base64,")
    if comma:
        try:
            return File(held, "", base64.b64decode("".join(encoded.split()), validate=True))
        except (ValueError, binascii.Error):
            raise InvalidRequest(
                f"The content of {safe_line(held, 80)} is not base64.", next_step="Write it as name;base64,DATA."
            ) from None
    if _OF_EMAIL.fullmatch(name):
        caller.need(READ)
        email_id, _, index = name.partition("/")
        email = await own_email(app, caller, email_id)
        if email.level == Level.QUARANTINED:
            raise NotFound(f"Email '{email_id}' is quarantined; its attachments are withheld.")
        raw = await app.vault.raw(caller.tenant_id, email.email_id)
        try:
            found, data = await asyncio.to_thread(attachment_bytes, raw or b"", int(index))
        except (NotFound, UnreadableMessage):
            raise NotFound(
                f"Email '{email_id}' has no attachment {index}.", next_step="read_email lists them."
            ) from None
        kind = found.content_type if is_content_type(found.content_type) else "application/octet-stream"
        return File(safe_filename(found.filename, int(index)), kind, data)
    # The folder is the owner's: what lies there is no other tenant's to send.
    folder = app.settings.attach_folder if caller.tenant_id == DEFAULT_TENANT else None
    if folder is None:
        raise NotAllowed(
            f"No folder of files to attach is set, so {safe_line(name, 80)} cannot be.",
            next_step="Name an attachment of an email as email_id/index, or ask the owner to set attach_folder.",
        )
    return await asyncio.to_thread(_from_folder, folder, name, room)


def _from_folder(folder: Path, name: str, room: int) -> File:
    try:
        path = folder.resolve() / name
        # Links that lead out of the folder count as outside.
        inside = not name.startswith((".", "~")) and path.resolve().is_relative_to(folder.resolve())
        if not inside or not path.is_file():
            raise NotFound(
                f"There is no file {safe_line(name, 80)} in the folder of files to attach.",
                next_step="Ask the owner what it is called there, or give its content as name;base64,DATA.",
            )
        with path.open("rb") as file:
            data = file.read(room + 1)
    except (OSError, ValueError) as error:
        # A name that no file can have (too long, a NUL, half a character), or a file that this process may not read.
        why = error.strerror if isinstance(error, OSError) and error.strerror else "no file can have that name"
        raise NotFound(
            f"The file {safe_line(name, 80)} of the folder of files to attach cannot be read: {why}.",
            next_step="Ask the owner what it is called there, or give its content as name;base64,DATA.",
        ) from error
    return File(path.name, "", data)


def safe_filename(name: str, index: int) -> str:
    """A stranger's file name as one that may be sent: kept where it may, else a plain one."""
    cleaned = re.sub(r'[/\\:*?"<>|]', "_", safe_line(name, 80)).strip(" .…")
    return cleaned or f"attachment-{index}"


def _too_large(app: App) -> InvalidRequest:
    return InvalidRequest(
        f"The attached files are more than {app.settings.attach_bytes} bytes together.",
        next_step="Send fewer or smaller ones, or ask the owner to raise attach_bytes.",
    )
