"""DKIM signatures of an email, verified (RFC 6376, RFC 8301, RFC 8463), and what ARC shares with them.

Only what is signed as a whole counts: SHA-1, short keys, a body signed in part and fields added beside signed ones are
refused. Time is linear in the email for any bytes at all; the body is put in canonical form once for all signatures.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from letterlock.dns import DnsTrouble, NoSuchName, Resolver
from letterlock.errors import InvalidRequest
from letterlock.message.address import parse_address
from letterlock.patterns import on_demand

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

DkimResult = Literal["none", "pass", "fail", "policy", "temperror", "permerror"]
"""The words of RFC 8601 section 2.7.1. `policy`: the signature may be right, but is of a kind that is not accepted."""

# RFC 8301 section 3.1 takes rsa-sha1 out; RFC 8463 section 3 adds Ed25519. a=: (k= of its key, hash).
ALGORITHMS: Final[dict[bytes, tuple[bytes, str]]] = {
    b"rsa-sha256": (b"rsa", "sha256"),
    b"ed25519-sha256": (b"ed25519", "sha256"),
}
_SIGNATURES: Final = 8
# RFC 8301 section 3.2 forbids less than 1024 bits. The upper end is for hostile keys: checking by them costs time.
_SHORTEST_KEY, _LONGEST_KEY = 1_024, 8_192
# More than any list of fields needs, and an end for what one signature can make us hash.
_TAG_LIST_BYTES: Final = 32_768
_KEY_RECORD_BYTES: Final = 8_192
_HEADER_FIELDS: Final = 2_000
_HEADER_BYTES: Final = 1_048_576

# RFC 5322 section 3.6: at most one of each. A second one beside the signed one may be what a reader is shown.
_ONCE: Final = frozenset(
    b"from sender reply-to to cc subject date message-id in-reply-to references mime-version content-type "
    b"content-transfer-encoding content-disposition content-id".split()
)

_FIELD_NAME: Final = on_demand(rb"([!-9;-~]+)[ \t]*:")
_TAG_NAME: Final = on_demand(rb"[A-Za-z][A-Za-z0-9_]*")
_TAG_VALUE: Final = on_demand(rb"[\x21-\x3a\x3c-\x7e\x80-\xff \t\r\n]*")
_BASE64: Final = on_demand(rb"[A-Za-z0-9+/]+={0,2}")
_DOMAIN: Final = on_demand(r"(?:[A-Za-z0-9_-]{1,63}\.)+[A-Za-z0-9-]{1,63}")
_SELECTOR: Final = on_demand(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*")
_DIGITS: Final = on_demand(rb"[0-9]{1,20}")
_QUOTED: Final = on_demand(rb"=([0-9A-F]{2})")
_SPACE: Final = b" \t\r\n"


class Refused(Exception):
    """Why a signature does not count."""

    def __init__(self, result: DkimResult, why: str) -> None:
        super().__init__(why)
        self.result = result
        self.why = why


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature field. `domain` is its d= in lower case as A-label, "" where it could not be read."""

    result: DkimResult
    domain: str = ""
    selector: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A header field as it stands, folded, without its last line end. `name` is in lower case."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        return self.raw.partition(b":")[2]


@dataclass(slots=True)
class SignedMessage:
    """The fields and the body of an email with CRLF line ends, as signatures are made over them.

    `defect` says why no signature of it can be trusted: another reader of the header may see something else in it."""

    fields: tuple[Field, ...]
    body: bytes
    defect: str = ""
    _hashes: dict[tuple[bytes, str], tuple[bytes, int]] = field(default_factory=dict)

    def body_hash(self, canonical: bytes, algorithm: str) -> tuple[bytes, int]:
        """The hash of the body in `canonical` form (b"simple" or b"relaxed") and the length of that form in octets."""
        key = canonical, algorithm
        if key not in self._hashes:
            body = _relaxed_body(self.body) if canonical == b"relaxed" else _simple_body(self.body)
            self._hashes[key] = _hash(algorithm, body), len(body)
        return self._hashes[key]

    def named(self, name: bytes) -> tuple[Field, ...]:
        return tuple(one for one in self.fields if one.name == name)


def read_message(raw: bytes) -> SignedMessage:
    """Split `raw` into header fields and body. Lines that end in a bare LF, as in files, are taken to end in CRLF."""
    if raw.count(b"\n") != raw.count(b"\r\n"):
        raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if raw.startswith((b"From ", b">From ")) and not _FIELD_NAME.match(raw):
        # The separator line of an mbox file, not part of the email.
        raw = raw.partition(b"\r\n")[2]
    head, _, body = (b"", b"", raw[2:]) if raw.startswith(b"\r\n") else raw.partition(b"\r\n\r\n")
    if len(head) > _HEADER_BYTES:
        return SignedMessage((), b"", "its header is too long")
    fields: list[Field] = []
    # A bare CR is a line end to some programs, NUL the end of a text: they would see other fields than were signed.
    defect = "its header has a control character" if b"\0" in head or head.count(b"\r") != head.count(b"\n") else ""
    lines: list[bytes] = []
    for line in (*head.removesuffix(b"\r\n").split(b"\r\n"), b""):
        if line[:1] in (b" ", b"\t") and lines:
            lines.append(line)
            continue
        if whole := b"\r\n".join(lines):
            if name := _FIELD_NAME.match(whole):
                fields.append(Field(name[1].lower(), whole))
            else:
                defect = defect or "its header has a line that is no field"
        lines = [line]
    if len(fields) > _HEADER_FIELDS:
        defect = defect or "it has too many header fields"
    return SignedMessage(tuple(fields), body, defect)


def verify(
    message: SignedMessage, resolver: Resolver, *, first: Callable[[str], bool], now: int | None
) -> list[Signature]:
    """Each DKIM-Signature of `message`, at most eight, those of a domain that `first` says yes to before others.

    `now`: seconds since 1970 against which expiry (x=) is judged; None: not at all. Never raises."""
    found = message.named(b"dkim-signature")
    read: list[tuple[Field, Mapping[bytes, bytes] | None, str]] = []
    for one in found[: _SIGNATURES * 8]:
        try:
            known = tag_list(one.value)
            read.append((one, known, host(known.get(b"d", b""))))
        except Refused:
            read.append((one, None, ""))
    read.sort(key=lambda item: not (item[2] and first(item[2])))
    signatures: list[Signature] = []
    for one, tags, domain in read[:_SIGNATURES]:
        if tags is None:
            signatures.append(Signature("permerror", why="its tags cannot be read"))
            continue
        selector = host(tags.get(b"s", b""), selector=True)
        try:
            if message.defect:
                raise Refused("permerror", message.defect)
            _verify_one(message, one, tags, domain, selector, resolver, now)
            signatures.append(Signature("pass", domain, selector))
        except Refused as refused:
            signatures.append(Signature(refused.result, domain, selector, refused.why))
    return signatures


def _verify_one(
    message: SignedMessage,
    signature: Field,
    tags: Mapping[bytes, bytes],
    domain: str,
    selector: str,
    resolver: Resolver,
    now: int | None,
) -> None:
    """RFC 6376 section 6.1. Raises Refused."""
    for name in (b"v", b"a", b"b", b"bh", b"d", b"h", b"s"):
        if name not in tags:
            raise Refused("permerror", f"it has no {name.decode()}=")
    if tags[b"v"] != b"1":
        raise Refused("permerror", "its version is not 1")
    if b"dns/txt" not in [way.strip(_SPACE) for way in tags.get(b"q", b"dns/txt").split(b":")]:
        raise Refused("permerror", "its key is not in the DNS")
    names = signed_names(tags)
    if b"from" not in names:
        # Section 5.4.
        raise Refused("permerror", "it does not cover From")
    for name in _ONCE.intersection(names):
        if len(message.named(name)) > max(names.count(name), 1):
            raise Refused("policy", f"the email has another {name.decode()} field than the signed one")
    # Section 2.11: i= is written as dkim-quoted-printable.
    identity = _QUOTED.sub(lambda found: bytes.fromhex(found[1].decode()), tags.get(b"i", b"@" + domain.encode()))
    signer = host(identity.rpartition(b"@")[2])
    if signer != domain and not signer.endswith(f".{domain}"):
        # Section 3.5, i=.
        raise Refused("permerror", "its i= is not within its d=")
    check_times(tags, now)
    check_body(message, tags)
    key = fetch_key(resolver, domain, selector, tags)
    if key.strict and signer != domain:
        # Section 3.6.1, t=s.
        raise Refused("permerror", "its key forbids an i= below its d=")
    header = b"".join(header_input(message, names, canonical(tags)[0], signature))
    try:
        key.check(decoded(tags[b"b"], "b"), header)
    except Refused:
        if key.testing:
            # Section 3.6.1, t=y: a failure is to be treated as an unsigned email.
            raise Refused("none", "its domain is still testing") from None
        raise


def tag_list(text: bytes) -> dict[bytes, bytes]:
    """The tags of a signature or key record (RFC 6376 section 3.2), values without space around. Raises Refused."""
    tags: dict[bytes, bytes] = {}
    if len(text) > _TAG_LIST_BYTES:
        raise Refused("permerror", "it is too long")
    parts = text.split(b";")
    if not parts[-1].strip(_SPACE):
        parts.pop()
    for part in parts:
        name, equals, value = part.partition(b"=")
        name = name.strip(_SPACE)
        if not equals or not _TAG_NAME.fullmatch(name) or name in tags or not _TAG_VALUE.fullmatch(value):
            raise Refused("permerror", "its tags cannot be read")
        tags[name] = value.strip(_SPACE)
    return tags


def host(value: bytes, *, selector: bool = False) -> str:
    """A domain (or a selector) in lower case as A-label, "" where it is none (RFC 6376 section 3.5, RFC 8616)."""
    try:
        text = value.decode("utf-8").lower()
    except UnicodeDecodeError:
        return ""
    if not text.isascii():
        try:
            text = parse_address(f"a@{text}").key.removeprefix("a@")
        except (InvalidRequest, ValueError):
            return ""
    pattern = _SELECTOR if selector else _DOMAIN
    return text if len(text) <= 253 and pattern.fullmatch(text) else ""


def signed_names(tags: Mapping[bytes, bytes]) -> list[bytes]:
    return [name.strip(_SPACE).lower() for name in tags[b"h"].split(b":")]


def canonical(tags: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """The forms of header and body (RFC 6376 section 3.5, c=). Raises Refused."""
    header, slash, body = tags.get(b"c", b"simple/simple").partition(b"/")
    forms = header, body if slash else b"simple"
    if any(form not in (b"simple", b"relaxed") for form in forms):
        raise Refused("permerror", "its canonical form is unknown")
    return forms


def decoded(value: bytes, tag: str) -> bytes:
    """Base64 with folding white space in it. Raises Refused."""
    text = value.translate(None, _SPACE)
    try:
        if _BASE64.fullmatch(text):
            return base64.b64decode(text, validate=True)
    except binascii.Error:
        pass
    raise Refused("permerror", f"its {tag}= is no base64")


def check_times(tags: Mapping[bytes, bytes], now: int | None) -> None:
    """RFC 6376 section 3.5, t= and x=. Raises Refused."""
    times = {}
    for name in (b"t", b"x"):
        if name in tags:
            if not _DIGITS.fullmatch(tags[name]):
                raise Refused("permerror", f"its {name.decode()}= is no time")
            times[name] = int(tags[name])
    if b"x" in times:
        if times[b"x"] < times.get(b"t", 0):
            raise Refused("permerror", "it expired before it was made")
        if now is not None and times[b"x"] < now:
            raise Refused("fail", "it has expired")


def algorithm(tags: Mapping[bytes, bytes]) -> tuple[bytes, str]:
    """(k= of the key, name of the hash). Raises Refused."""
    known = ALGORITHMS.get(tags.get(b"a", b""))
    if known is None:
        if tags.get(b"a") == b"rsa-sha1":
            # RFC 8301 section 3.1.
            raise Refused("policy", "it is made with SHA-1")
        raise Refused("permerror", "its algorithm is unknown")
    return known


def check_body(message: SignedMessage, tags: Mapping[bytes, bytes]) -> None:
    """RFC 6376 sections 3.7 and 6.1.3. Raises Refused, also for a body signed in part: section 8.2 says what for."""
    found, length = message.body_hash(canonical(tags)[1], algorithm(tags)[1])
    if b"l" in tags:
        if not _DIGITS.fullmatch(tags[b"l"]):
            raise Refused("permerror", "its l= is no number")
        if int(tags[b"l"]) < length:
            raise Refused("policy", "it covers only the first part of the body")
        if int(tags[b"l"]) > length:
            raise Refused("fail", "the body is shorter than what was signed")
    if decoded(tags[b"bh"], "bh") != found:
        raise Refused("fail", "the body was changed")


def header_input(message: SignedMessage, names: Iterable[bytes], form: bytes, signature: Field) -> Iterator[bytes]:
    """What a signature over the fields in `names` is made of, itself last (RFC 6376 sections 3.7 and 5.4.2)."""
    left: dict[bytes, list[Field]] = {}
    for one in message.fields:
        if one is not signature:
            left.setdefault(one.name, []).append(one)
    for name in names:
        if left.get(name):
            yield canonical_field(left[name].pop(), form) + b"\r\n"
    yield canonical_field(without_signature(signature), form)


def canonical_field(one: Field, form: bytes) -> bytes:
    """RFC 6376 sections 3.4.1 and 3.4.2, without the line end."""
    if form == b"simple":
        return one.raw
    return one.name + b":" + _one_space(one.value.replace(b"\r\n", b"")).strip(b" ")


def without_signature(one: Field) -> Field:
    """The field with an empty b= (RFC 6376 section 3.7: white space around the value goes with it)."""
    name, colon, value = one.raw.partition(b":")
    parts = value.split(b";")
    for index, part in enumerate(parts):
        tag, equals, _ = part.partition(b"=")
        if equals and tag.strip(_SPACE) == b"b":
            parts[index] = tag + equals
    return Field(one.name, name + colon + b";".join(parts))


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key from the DNS. `testing` and `strict` are its flags t=y and t=s."""

    key: RSAPublicKey | Ed25519PublicKey
    hash: str
    testing: bool
    strict: bool

    def check(self, signature: bytes, data: bytes) -> None:
        """Raises Refused unless `signature` is one over `data`."""
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

        digest = _hash(self.hash, data)
        try:
            if isinstance(self.key, Ed25519PublicKey):
                # RFC 8463 section 3: the hash is what is signed.
                self.key.verify(signature, digest)
            else:
                kind: hashes.HashAlgorithm = getattr(hashes, self.hash.upper())()
                self.key.verify(signature, digest, PKCS1v15(), Prehashed(kind))
        except InvalidSignature:
            raise Refused("fail", "the signed fields were changed or the key is another") from None
        except (ValueError, UnsupportedAlgorithm):
            raise Refused("permerror", "its key cannot be used") from None


def fetch_key(resolver: Resolver, domain: str, selector: str, tags: Mapping[bytes, bytes]) -> PublicKey:
    """The key of a signature with these `tags` (RFC 6376 section 3.6). Raises Refused."""
    kind, hash_name = algorithm(tags)
    if not domain or not selector:
        raise Refused("permerror", "its d= or s= is no name")
    try:
        texts = resolver.txt(f"{selector}._domainkey.{domain}")
    except NoSuchName:
        texts = ()
    except DnsTrouble:
        raise Refused("temperror", "its key could not be asked for") from None
    records: list[dict[bytes, bytes]] = []
    for text in texts:
        if len(text) > _KEY_RECORD_BYTES:
            continue
        try:
            record = tag_list(text)
        except Refused:
            continue
        if b"p" in record:
            records.append(record)
    # Section 3.6.2.2: with several records the result is undefined.
    if len(records) != 1:
        raise Refused("permerror", "it has no key in the DNS" if not records else "it has several keys in the DNS")
    record = records[0]
    if b"v" in record and (record[b"v"] != b"DKIM1" or next(iter(record)) != b"v"):
        raise Refused("permerror", "its key is of an unknown version")
    if record.get(b"k", b"rsa") != kind:
        raise Refused("permerror", "its key is of another kind")
    if b"h" in record and hash_name.encode() not in _list(record[b"h"]):
        raise Refused("permerror", "its key does not allow its hash")
    if b"s" in record and not _list(record[b"s"]) & {b"*", b"email"}:
        raise Refused("permerror", "its key is not for email")
    if not record[b"p"]:
        raise Refused("permerror", "its key was revoked")
    flags = _list(record.get(b"t", b""))
    key = _loaded(kind, decoded(record[b"p"], "p"))
    return PublicKey(key, hash_name, testing=b"y" in flags, strict=b"s" in flags)


def _loaded(kind: bytes, octets: bytes) -> RSAPublicKey | Ed25519PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        if kind == b"ed25519":
            return Ed25519PublicKey.from_public_bytes(octets)
        key = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise Refused("permerror", "its key cannot be read")
    if key.key_size < _SHORTEST_KEY:
        raise Refused("policy", f"its key has fewer than {_SHORTEST_KEY} bits")
    if key.key_size > _LONGEST_KEY or key.public_numbers().e.bit_length() > 64:
        raise Refused("policy", "its key is too large")
    return key


def _list(value: bytes) -> set[bytes]:
    return {one.strip(_SPACE) for one in value.split(b":")}


def _hash(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data).digest()


def _one_space(text: bytes) -> bytes:
    """Every run of spaces and tabs as one space. Each pass halves the runs, so a run costs about twice its length."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


def _simple_body(body: bytes) -> bytes:
    """RFC 6376 section 3.4.3."""
    return _without_last_lines(body) + b"\r\n"


def _relaxed_body(body: bytes) -> bytes:
    """RFC 6376 section 3.4.4."""
    body = _one_space(body).replace(b" \r\n", b"\r\n").removesuffix(b" ")
    body = _without_last_lines(body)
    return body + b"\r\n" if body else b""


def _without_last_lines(body: bytes) -> bytes:
    """`body` without its last line end and the empty lines before it."""
    if not body.endswith(b"\r\n"):
        return body
    kept = len(body.rstrip(b"\r\n"))
    # A bare CR is no line end: the empty lines begin after the last one.
    return body[: kept + body[kept:].rfind(b"\r\r") + 1]
