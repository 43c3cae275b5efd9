"""DKIM signatures for mail that goes out (RFC 6376, RFC 8301, RFC 8463), their keys, and the DNS records of these.

What is signed is signed whole: no l=, and every field that tells who wrote what to whom is also signed as absent once
more, so that none can be added beside it (RFC 6376 section 8.15). The same bytes, keys and time give the same answer
for Ed25519 and for RSA (PKCS #1 v1.5 has no chance in it). No clock: the time is handed in.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from letterlock.errors import LetterlockError
from letterlock.message.dkim import (
    Field,
    SignedMessage,
    canonical_field,
    header_input,
    host,
    read_message,
    without_signature,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KeyKind = Literal["rsa", "ed25519"]
KINDS: Final[tuple[KeyKind, ...]] = ("rsa", "ed25519")
# Signed as often as they are there and once more.
_SIGNED: Final = (
    *(b"from", b"to", b"cc", b"reply-to", b"subject", b"date", b"message-id", b"in-reply-to", b"references"),
    *(b"mime-version", b"content-type", b"content-transfer-encoding", b"content-disposition"),
)
# Signed as often as they are there: servers on the way may rightly add one. RFC 8058 section 4 wants List-Unsubscribe
# and its -Post covered.
_SIGNED_IF_THERE: Final = (
    *(b"sender", b"auto-submitted", b"content-id", b"content-language", b"precedence"),
    *(b"list-id", b"list-help", b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id"),
)
_RSA_BITS: Final = 2_048
_MOST_RSA_BITS: Final = 4_096
_RECORD_PIECE: Final = 255
"""Octets of one character-string of a TXT record (RFC 1035 section 3.3)."""
_LINE: Final = 76
_BARE_CR: Final = re.compile(rb"\r(?!\n)")


class CannotSign(LetterlockError):
    """A key that is no key, or bytes no signature can hold for; names the domain and selector."""

    code = "cannot_sign"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key (PEM, PKCS #8 or PKCS #1) and where its public half is: SELECTOR._domainkey.DOMAIN."""

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


@dataclass(frozen=True, slots=True)
class _Signer:
    """A key that can sign; its names as A-labels, for mail without SMTPUTF8 can hold no others (RFC 8616)."""

    domain: str
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey
    algorithm: str


def new_key(kind: KeyKind) -> bytes:
    """A fresh private key as PEM (PKCS #8, no password): RSA of 2048 bits, or Ed25519."""
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

    signer = _signer(key)
    if isinstance(signer.private, Ed25519PrivateKey):
        kind, octets = "ed25519", signer.private.public_key().public_bytes_raw()
    else:
        kind = "rsa"
        octets = signer.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    value = f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode()}"
    pieces = tuple(value[at : at + _RECORD_PIECE] for at in range(0, len(value), _RECORD_PIECE))
    return DnsRecord(f"{signer.selector}._domainkey.{signer.domain}", pieces)


def sign(raw: bytes, keys: Sequence[SigningKey], at_s: int) -> bytes:
    """`raw` with one DKIM-Signature before it for each of `keys`, in their order; t= is `at_s`, seconds since 1970.
    Lines that end in a bare LF, and in the body a bare CR, come back with CRLF, as they are transmitted.

    Raises CannotSign, and then nothing is to be sent unsigned in its place. The cost is linear in `raw`."""
    message = read_message(raw)
    if message.body.count(b"\r") != message.body.count(b"\r\n"):
        # RFC 5321 section 2.3.8: no CR goes over the wire alone, and RFC 6376 section 5.3 signs what goes over it.
        message = SignedMessage(message.fields, _BARE_CR.sub(b"\r\n", message.body), message.defect)
    signers = [_signer(key) for key in keys]
    if why := _defect(raw, message):
        at = f" with {signers[0].selector} of {signers[0].domain}" if signers else ""
        raise CannotSign(f"The email cannot be signed{at}: {why}.", next_step="Compose it anew.")
    present = [one.name for one in message.fields]
    names = [name for name in _SIGNED for _ in range(present.count(name) + 1)]
    names += [name for name in _SIGNED_IF_THERE for _ in range(present.count(name))]
    body_hash = base64.b64encode(message.body_hash(b"relaxed", "sha256")[0]).decode()
    *fields, _ = header_input(message, names, b"relaxed", Field(b"dkim-signature", b"DKIM-Signature:"))
    signed = b"".join(fields)
    made = [_signature(signer, signed, tuple(names), at_s, body_hash) for signer in signers]
    return b"".join((*made, *(one.raw + b"\r\n" for one in message.fields), b"\r\n", message.body))


def _defect(raw: bytes, message: SignedMessage) -> str:
    """Why a verifier would not, or not surely, see the same message as was signed; "" when nothing is wrong."""
    if message.defect:
        return message.defect
    # RFC 5322 section 3.6, RFC 6376 section 5.4: From there is, and once.
    if (count := len(message.named(b"from"))) != 1:
        return f"it has {'no' if count == 0 else 'more than one'} From field"
    first_line = message.fields[0].raw.partition(b"\r\n")[0]
    return "" if raw.startswith(first_line) else "it does not start with a header field"


def _signature(signer: _Signer, fields: bytes, names: tuple[bytes, ...], at_s: int, body_hash: str) -> bytes:
    """`fields`: those of `names` in their canonical form."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    begun = (
        "DKIM-Signature: v=1;",
        f"a={signer.algorithm};",
        "c=relaxed/relaxed;",
        f"d={signer.domain};",
        f"s={signer.selector};",
        f"t={at_s};",
    )
    head = "\r\n ".join((_folded(begun), _listed(names), f"bh={body_hash};", "b=")).encode()
    signed = fields + canonical_field(without_signature(Field(b"dkim-signature", head)), b"relaxed")
    if isinstance(signer.private, Ed25519PrivateKey):
        # RFC 8463 section 3: what is signed is the SHA-256 of the input.
        made = signer.private.sign(hashlib.sha256(signed).digest())
    else:
        made = signer.private.sign(signed, PKCS1v15(), hashes.SHA256())
    text = base64.b64encode(made)
    room = _LINE - 3
    return (
        head
        + b"\r\n ".join((text[:room], *(text[at : at + _LINE - 1] for at in range(room, len(text), _LINE - 1))))
        + b"\r\n"
    )


@lru_cache(maxsize=256)
def _listed(names: tuple[bytes, ...]) -> str:
    """h=, which is the same for most emails. It may be folded at its colons, b= and bh= anywhere (RFC 6376 section
    3.5)."""
    first, *others = (name.decode() for name in names)
    return _folded((f"h={first}", *(f":{name}" for name in others[:-1]), f":{others[-1]};"))


def _folded(words: Sequence[str]) -> str:
    """Lines of at most 76 characters where the words allow it. Words that start with a colon stand close to the one
    before."""
    lines = [words[0]]
    for word in words[1:]:
        gap = "" if word[0] == ":" else " "
        # A line that is not the first of the field begins with a space.
        if 1 + len(lines[-1]) + len(gap) + len(word) > _LINE:
            lines.append(word)
        else:
            lines[-1] += gap + word
    return "\r\n ".join(lines)


@lru_cache(maxsize=256)
def _signer(key: SigningKey) -> _Signer:
    """Loading an RSA key costs a hundred times what a signature does: it is checked for being sound."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    domain = host(key.domain.encode("utf-8", "replace"))
    selector = host(key.selector.encode("utf-8", "replace"), selector=True)
    if not domain or not selector:
        raise CannotSign(
            f"The DKIM key {key.selector!r} of {key.domain!r} cannot be used: these are no names for the DNS.",
            next_step="Name the folder by its domain and the file by its selector, in letters, digits and hyphens.",
        )
    try:
        private = load_pem_private_key(key.pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if isinstance(private, Ed25519PrivateKey):
        return _Signer(domain, selector, private, "ed25519-sha256")
    # RFC 8301 section 3.2: signers use at least 2048 bits; more than 4096 a verifier need not know.
    if isinstance(private, RSAPrivateKey) and _RSA_BITS <= private.key_size <= _MOST_RSA_BITS:
        return _Signer(domain, selector, private, "rsa-sha256")
    raise CannotSign(
        f"The DKIM key {key.selector} of {key.domain} is no RSA key of {_RSA_BITS} to {_MOST_RSA_BITS} bits"
        " or Ed25519 key in PEM without a password.",
        next_step="Put the right one in its place, or make new ones with `letterlock dkim make`.",
    )
