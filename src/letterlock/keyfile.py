"""Keys that this data folder makes for itself: 32 random bytes in a file of their own, made once, for their owner only.

Several processes may want the same key at once: the first one's stays. Reading and making block for a moment, once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Final

_BYTES: Final = 32


@lru_cache(maxsize=64)
def key_of(data: Path, name: str) -> bytes:
    """The key in the file `name` of the folder. Raises FileNotFoundError when none was made, OSError when none can be
    read."""
    return (data / name).read_bytes()


def made_key(data: Path, name: str) -> bytes:
    """The key in the file `name` of the folder, made when there is none. Raises OSError where none can be kept."""
    with contextlib.suppress(FileNotFoundError):
        return key_of(data, name)
    fresh = data / f"{name}.{secrets.token_hex(8)}"
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_bytes(_BYTES))
            out.flush()
            os.fsync(out.fileno())
        # Whole or not at all, and the first of several processes wins.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, data / name)
    finally:
        fresh.unlink(missing_ok=True)
    return key_of(data, name)
