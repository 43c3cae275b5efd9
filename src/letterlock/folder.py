"""Files for their owner only: made so whatever the umask, and put right where they are not; who else sees a folder.

By the mode bits of POSIX. On Windows a file has the rights of its folder, which is the owner's to choose.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

FILE: Final = 0o600
FOLDER: Final = 0o700
_OTHERS: Final = 0o077


def private(file: str, flags: int) -> int:
    """As os.open does; a file that this makes is for its owner only from the first byte. An `opener` of open()."""
    return os.open(file, flags, FILE)


def new_file(file: Path) -> BinaryIO:
    """A file to write that is not there yet. Raises FileExistsError, OSError."""
    return open(file, "xb", opener=private)


def keep_private(*files: Path) -> None:
    """Take from others what rights they have to those of `files` that are there. One that is somebody else's stays as
    it is: its rights are that owner's matter, and not_private() tells of the folder."""
    if os.name == "nt":
        return
    for file in files:
        with contextlib.suppress(FileNotFoundError, PermissionError):
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & _OTHERS:
                file.chmod(mode & ~_OTHERS)


def not_private(folder: Path) -> tuple[str, str]:
    """That others than the owner of `folder` have rights to it, and what to do, as sentences; "" when nobody has, or
    when there is none."""
    if os.name == "nt":
        return "", ""
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError:
        return "", ""
    if not mode & _OTHERS:
        return "", ""
    return (
        f"Others on this machine can look into the data folder {folder} (its mode is {mode:o}).",
        f"Run `chmod 700 {folder}`.",
    )
