"""DKIM signatures for mail that goes out (RFC 6376, RFC 8301, RFC 8463), their keys, and the DNS records of these.

What is signed is signed whole: no l=, and every field that tells who wrote what to whom is also signed as absent once
more, so that none can be added beside it (RFC 6376 section 8.15). The same bytes, keys and time give the same answer
for Ed25519 and for RSA (PKCS #1 v1.5 has no chance in it). No clock: the time is handed in.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from letterlock.errors import LetterlockError
from letterlock.message.dkim import Field, SignedMessage, header_input, read_message

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KeyKind = Literal["rsa", "ed25519"]
_SIGNED: Final = (
    *(b"from", b"to", b"cc", b"reply-to", b"subject", b"date", b"message-id", b"in-reply-to", b"references"),
    *(b"mime-version", b"content-type", b"content-transfer-encoding", b"auto-submitted"),
)
_RSA_BITS: Final = 2_048
_RECORD_PIECE: Final = 255
"""Octets of one character-string of a TXT record (RFC 1035 section 3.3)."""


class CannotSign(LetterlockError):
    """A key that is no key; names the domain and selector."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key (PEM, PKCS #8) and where its public half is: SELECTOR._domainkey.DOMAIN."""

    domain: str
    selector: str
    pem: bytes


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A TXT record to set: its name, and its value in pieces of at most 255 octets."""

    name: str
    pieces: tuple[str, ...]

    @property
    def value(self) -> str:
        return "".join(self.pieces)


def new_key(kind: KeyKind) -> bytes:
    """A fresh private key as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    made = (
        rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)
        if kind == "rsa"
        else ed25519.Ed25519PrivateKey.generate()
    )
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def dns_record(key: SigningKey) -> DnsRecord:
    """Where and what (RFC 6376 section 3.6.1, RFC 8463 section 4.2). Raises CannotSign."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = _loaded(key)
    if isinstance(private, Ed25519PrivateKey):
        kind, octets = "ed25519", private.public_key().public_bytes_raw()
    else:
        kind = "rsa"
        octets = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    value = f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode()}"
    pieces = tuple(value[at : at + _RECORD_PIECE] for at in range(0, len(value), _RECORD_PIECE))
    return DnsRecord(f"{key.selector}._domainkey.{key.domain}", pieces)


def sign(raw: bytes, keys: Sequence[SigningKey], at_s: int) -> bytes:
    """`raw` (CRLF line ends) with one DKIM-Signature before it for each of `keys`; t= is `at_s`, seconds since 1970.

    Raises CannotSign, and then nothing is to be sent unsigned in its place."""
    message = read_message(raw)
    body_hash = base64.b64encode(message.body_hash(b"relaxed", "sha256")[0])
    present = [one.name for one in message.fields]
    names = [name for name in _SIGNED for _ in range(present.count(name) + 1)]
    return b"".join(_signature(key, message, names, body_hash, at_s) for key in keys) + raw


def _signature(key: SigningKey, message: SignedMessage, names: list[bytes], body_hash: bytes, at_s: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    private = _loaded(key)
    algorithm = b"ed25519-sha256" if isinstance(private, Ed25519PrivateKey) else b"rsa-sha256"
    head = b"DKIM-Signature: v=1; a=%s; c=relaxed/relaxed; d=%s; s=%s;\r\n t=%d; h=%s;\r\n bh=%s;\r\n b=" % (
        *(algorithm, key.domain.encode(), key.selector.encode(), at_s),
        *(b"\r\n :".join(b":".join(names[at : at + 5]) for at in range(0, len(names), 5)), body_hash),
    )
    signed = b"".join(header_input(message, names, b"relaxed", Field(b"dkim-signature", head)))
    if isinstance(private, Ed25519PrivateKey):
        # RFC 8463 section 3: what is signed is the SHA-256 of the input.
        made = private.sign(hashlib.sha256(signed).digest())
    else:
        made = private.sign(signed, PKCS1v15(), hashes.SHA256())
    text = base64.b64encode(made)
    return head + b"\r\n ".join(text[at : at + 72] for at in range(0, len(text), 72)) + b"\r\n"


@lru_cache(maxsize=256)
def _loaded(key: SigningKey) -> RSAPrivateKey | Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key.pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    # RFC 8301 section 3.2: signers use at least 2048 bits.
    if isinstance(private, Ed25519PrivateKey) or (isinstance(private, RSAPrivateKey) and private.key_size >= _RSA_BITS):
        return private
    raise CannotSign(
        f"The DKIM key {key.selector} of {key.domain} is no RSA key of {_RSA_BITS} bits or Ed25519 key in PEM.",
        next_step="Put the right one in its place, or make new ones with `letterlock dkim make`.",
    )
