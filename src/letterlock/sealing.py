"""The ciphers of the vault: bytes in, bytes out. AES-256-GCM; names of tenant, entry and version are authenticated, so
that no row opens in the place of another. What does not open raises Broken."""

from __future__ import annotations

import hashlib
import hmac
import secrets as random
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from letterlock.ids import TenantId

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PRINT: Final = 16
"""Bytes of a print."""
_NONCE: Final = 12
_VERSION: Final = struct.Struct(">I")


class Broken(Exception):
    """Another key, another name, or changed bytes."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """What a tenant's entries are sealed with."""

    version: int
    key: bytes = field(repr=False)


def seal(key: DataKey, tenant_id: TenantId, entry: str, plain: bytes) -> bytes:
    """The key's version, 96 random bits, ciphertext and tag (NIST SP 800-38D section 8.2.2: 2^32 for one key)."""
    return _VERSION.pack(key.version) + _closed(key.key, plain, _about(tenant_id, entry, key.version))


def version_of(sealed: bytes) -> int:
    """Of the key that opens it."""
    try:
        return int(_VERSION.unpack_from(sealed)[0])
    except struct.error:
        raise Broken from None


def unseal(key: DataKey, tenant_id: TenantId, entry: str, sealed: bytes) -> bytes:
    return _opened(key.key, sealed[_VERSION.size :], _about(tenant_id, entry, key.version))


def wrap(master: bytes, name: str, tenant_id: TenantId, key: DataKey) -> bytes:
    """A tenant's key under the master key of that name."""
    return _closed(master, key.key, _about(tenant_id, f"key {name}", key.version))


def unwrap(master: bytes, name: str, tenant_id: TenantId, version: int, wrapped: bytes) -> DataKey:
    return DataKey(version, _opened(master, wrapped, _about(tenant_id, f"key {name}", version)))


def print_of(key: DataKey, value: bytes) -> bytes:
    """A keyed hash, by which a value is known again."""
    return hmac.digest(_derived(key, b"letterlock print"), value, hashlib.sha256)[:PRINT]


def marks_key(key: DataKey) -> bytes:
    """What the marks of its secrets (carried.py) are made with."""
    return _derived(key, b"letterlock marks")


def _derived(key: DataKey, what: bytes) -> bytes:
    return hmac.digest(key.key, what, hashlib.sha256)


def _about(tenant_id: TenantId, entry: str, version: int) -> bytes:
    return f"{tenant_id}|{entry}|{version}".encode()


def _closed(key: bytes, plain: bytes, about: bytes) -> bytes:
    nonce = random.token_bytes(_NONCE)
    return nonce + _cipher(key).encrypt(nonce, plain, about)


def _opened(key: bytes, closed: bytes, about: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return _cipher(key).decrypt(closed[:_NONCE], closed[_NONCE:], about)
    except (InvalidTag, ValueError):
        raise Broken from None


def _cipher(key: bytes) -> AESGCM:
    # Loaded when something is sealed or opened first: a chat client that only lists tools has no use for it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
