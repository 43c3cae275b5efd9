"""Signatures for tests, made the plain way from the words of RFC 6376 and RFC 8617, with nothing of what is tested."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, where its public half is in the DNS, and with which `tags` beside k= and p=."""

    domain: str
    selector: str
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    tags: str = ""

    @classmethod
    def rsa(cls, domain: str, selector: str = "s", tags: str = "", bits: int = 2_048) -> Key:
        return cls(domain, selector, _rsa_key(bits), tags)

    @classmethod
    def ed25519(cls, domain: str, selector: str = "e", tags: str = "") -> Key:
        return cls(domain, selector, ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)), tags)

    @property
    def record(self) -> str:
        public = self.private.public_key()
        if isinstance(public, ed25519.Ed25519PublicKey):
            kind, octets = "ed25519", public.public_bytes_raw()
        else:
            kind = "rsa"
            octets = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k={kind}; {self.tags}{'; ' if self.tags else ''}p={base64.b64encode(octets).decode()}"

    @property
    def names(self) -> dict[str, dict[str, list[str]]]:
        """What a DictResolver needs to know of this key."""
        return {f"{self.selector}._domainkey.{self.domain}": {"TXT": [self.record]}}

    @property
    def algorithm(self) -> bytes:
        return b"ed25519-sha256" if isinstance(self.private, ed25519.Ed25519PrivateKey) else b"rsa-sha256"

    def sign(self, data: bytes, algorithm: bytes) -> bytes:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(hashlib.sha256(data).digest())
        kind = hashes.SHA1() if algorithm == b"rsa-sha1" else hashes.SHA256()
        return self.private.sign(data, padding.PKCS1v15(), kind)


@cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


def sign(
    raw: bytes,
    key: Key,
    *,
    names: bytes = b"from:to:subject:date",
    form: bytes = b"relaxed/relaxed",
    extra: bytes = b"",
    algorithm: bytes = b"",
    length: int | None = None,
) -> bytes:
    """`raw` with a DKIM-Signature on top. `extra`: further tags; `length`: sign so many octets of the body (l=)."""
    algorithm = algorithm or key.algorithm
    if length is not None:
        extra += b" l=%d;" % length
    body = body_form(raw, form.partition(b"/")[2])[:length]
    digest = hashlib.sha1 if algorithm == b"rsa-sha1" else hashlib.sha256
    start = (
        b"DKIM-Signature: v=1; a=" + algorithm + b"; c=" + form + b"; d=" + key.domain.encode()
        + b"; s=" + key.selector.encode() + b";" + extra + b" h=" + names
        + b";\r\n\tbh=" + base64.b64encode(digest(body).digest()) + b"; b="
    )  # fmt: skip
    return _with_signature(raw, start, names, form.partition(b"/")[0], key, algorithm)


def seal(raw: bytes, key: Key, instance: int, cv: bytes = b"", *, names: bytes = b"from:to:subject:date") -> bytes:
    """`raw` with one more ARC set on top (RFC 8617 section 5.1); `cv` is none for the first and pass for others."""
    tags = b"i=%d; a=%s; d=%s; s=%s; " % (instance, key.algorithm, key.domain.encode(), key.selector.encode())
    digest = base64.b64encode(hashlib.sha256(body_form(raw, b"relaxed")).digest())
    start = b"ARC-Message-Signature: " + tags + b"c=relaxed/relaxed; h=" + names + b"; bh=" + digest + b"; b="
    results = b"ARC-Authentication-Results: i=%d; relay.example; dmarc=pass\r\n" % instance
    raw = results + _with_signature(raw, start, names, b"relaxed", key, key.algorithm)
    start = b"ARC-Seal: " + tags + b"cv=" + (cv or (b"pass" if instance > 1 else b"none")) + b"; b="
    covered = b""
    for number in range(1, instance + 1):
        for name in (b"arc-authentication-results", b"arc-message-signature", b"arc-seal"):
            covered += b"".join(
                header_form(one, b"relaxed") + b"\r\n"
                for one in _fields(raw)
                if _name(one) == name and re.search(rb"[:;\s]i=%d;" % number, one)
            )
    data = covered + header_form(start, b"relaxed")
    return start + base64.b64encode(key.sign(data, key.algorithm)) + b"\r\n" + raw


def _with_signature(raw: bytes, start: bytes, names: bytes, form: bytes, key: Key, algorithm: bytes) -> bytes:
    left = _fields(raw)
    data = b""
    for name in names.lower().split(b":"):
        found = [one for one in left if _name(one) == name.strip()]
        if found:
            data += header_form(found[-1], form) + b"\r\n"
            left = [one for one in left if one is not found[-1]]
    data += header_form(start, form)
    return start + base64.b64encode(key.sign(data, algorithm)) + b"\r\n" + raw


def _fields(raw: bytes) -> list[bytes]:
    return re.split(rb"\r\n(?![ \t])", raw.partition(b"\r\n\r\n")[0])


def _name(one: bytes) -> bytes:
    return one.partition(b":")[0].strip().lower()


def header_form(one: bytes, form: bytes) -> bytes:
    """RFC 6376 section 3.4.1 or 3.4.2, step by step."""
    if form == b"simple":
        return one
    value = one.partition(b":")[2].replace(b"\r\n", b"")
    return _name(one) + b":" + re.sub(rb"[ \t]+", b" ", value).strip(b" ")


def body_form(raw: bytes, form: bytes) -> bytes:
    """RFC 6376 section 3.4.3 or 3.4.4, line by line."""
    lines = raw.partition(b"\r\n\r\n")[2].split(b"\r\n")
    if form == b"relaxed":
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        return b"" if form == b"relaxed" else b"\r\n"
    return b"\r\n".join(lines) + b"\r\n"
