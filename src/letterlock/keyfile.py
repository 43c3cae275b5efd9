"""Keys that this data folder makes for itself: 32 random bytes in a file of their own, made once, for their owner only;
and numbers hidden with such a key from who shall give them back and not read them.

Several processes may want the same key at once: the first one's stays. Reading and making block for a moment, once.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import struct
from functools import lru_cache
from pathlib import Path
from typing import Final

from letterlock.folder import new_file

_BYTES: Final = 32
_NONCE: Final = 16
_NUMBERS: Final = struct.Struct(">QQ")


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
        with new_file(fresh) as out:
            out.write(secrets.token_bytes(_BYTES))
            out.flush()
            os.fsync(out.fileno())
        # Whole or not at all, and the first of several processes wins.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, data / name)
    finally:
        fresh.unlink(missing_ok=True)
    return key_of(data, name)


def hidden(key: bytes, about: str, numbers: tuple[int, int]) -> bytes:
    """Two numbers of up to 64 bits as 48 bytes, other ones each time, that only this key opens, under the same `about`.
    A pad of HMAC-SHA256 over random bytes, then a tag (encrypt, then MAC)."""
    nonce = secrets.token_bytes(_NONCE)
    body = nonce + bytes(a ^ b for a, b in zip(_NUMBERS.pack(*numbers), _pad(key, nonce), strict=True))
    return body + _tag(key, about, body)


def opened(key: bytes, about: str, text: bytes) -> tuple[int, int] | None:
    """What hidden() was given, None for what it did not make."""
    body, tag = text[: _NONCE + _NUMBERS.size], text[_NONCE + _NUMBERS.size :]
    if not hmac.compare_digest(tag, _tag(key, about, body)):
        return None
    first, second = _NUMBERS.unpack(bytes(a ^ b for a, b in zip(body[_NONCE:], _pad(key, body[:_NONCE]), strict=True)))
    return first, second


def _pad(key: bytes, nonce: bytes) -> bytes:
    return hmac.digest(key, b"pad" + nonce, hashlib.sha256)[: _NUMBERS.size]


def _tag(key: bytes, about: str, body: bytes) -> bytes:
    return hmac.digest(key, b"tag" + body + about.encode(), hashlib.sha256)[:16]
