"""The Authenticated Received Chain of an email, verified (RFC 8617).

The result says whether the chain is whole. Who sealed it is not judged, and what it says of the email is not believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from letterlock.dns import Resolver
from letterlock.message.dkim import (
    Field,
    Refused,
    SignedMessage,
    canonical,
    canonical_field,
    check_body,
    check_times,
    decoded,
    fetch_key,
    header_input,
    host,
    signed_names,
    tag_list,
    without_signature,
)

ArcResult = Literal["none", "pass", "fail", "temperror"]

_INSTANCES: Final = 50  # RFC 8617 section 4.2.1
# Each seal is over all sets before it; this keeps fifty of them within some megabytes to hash.
_CHAIN_BYTES: Final = 262_144
_RESULTS, _SIGNATURE, _SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
_RESULTS_INSTANCE: Final = re.compile(rb"[ \t\r\n]*i[ \t]*=[ \t]*([0-9]{1,3})[ \t\r\n]*;")
_INSTANCE: Final = re.compile(rb"[1-9][0-9]?")


@dataclass(frozen=True, slots=True)
class _Set:
    """The three fields of one instance, and the tags of two of them."""

    results: Field
    signature: Field
    signature_tags: Mapping[bytes, bytes]
    seal: Field
    seal_tags: Mapping[bytes, bytes]


def verify_chain(message: SignedMessage, resolver: Resolver, now: int | None) -> ArcResult:
    """The result of RFC 8617 section 5.2. `now` as in dkim.verify. Never raises."""
    if not any(one.name in (_RESULTS, _SIGNATURE, _SEAL) for one in message.fields):
        return "none"
    try:
        if message.defect:
            raise Refused("fail", message.defect)
        chain = _sets(message)
        _check_claims(chain)
        _check_signature(message, chain[-1], resolver, now)
        for count in range(len(chain), 0, -1):
            _check_seal(chain[:count], resolver)
    except Refused as refused:
        return "temperror" if refused.result == "temperror" else "fail"
    return "pass"


def _sets(message: SignedMessage) -> list[_Set]:
    """The chain from its first instance on (section 5.2 step 3, section 4.2.1). Raises Refused."""
    found: dict[bytes, dict[int, tuple[Field, dict[bytes, bytes]]]] = {_RESULTS: {}, _SIGNATURE: {}, _SEAL: {}}
    size = 0
    for one in message.fields:
        kind = found.get(one.name)
        if kind is None:
            continue
        size += len(one.raw)
        if size > _CHAIN_BYTES:
            raise Refused("fail", "its chain is too long")
        tags: dict[bytes, bytes] = {}
        if one.name == _RESULTS:
            # Section 4.1.1: the instance comes first.
            start = _RESULTS_INSTANCE.match(one.value)
            instance = start[1] if start else b""
        else:
            tags = tag_list(one.value)
            instance = tags.get(b"i", b"")
        if not _INSTANCE.fullmatch(instance) or int(instance) in kind:
            raise Refused("fail", "its chain has an instance without a number, or two of one number")
        kind[int(instance)] = (one, tags)
    last = max(len(kind) for kind in found.values())
    if last > _INSTANCES or any(set(kind) != set(range(1, last + 1)) for kind in found.values()):
        raise Refused("fail", "its chain has a gap")
    return [_Set(found[_RESULTS][i][0], *found[_SIGNATURE][i], *found[_SEAL][i]) for i in range(1, last + 1)]


def _check_claims(chain: list[_Set]) -> None:
    """What each seal says of the chain before it (section 5.2 steps 2 and 3). Raises Refused."""
    for index, one in enumerate(chain):
        if one.seal_tags.get(b"cv") != (b"pass" if index else b"none"):
            raise Refused("fail", "a seal says that its chain was not whole")
        if b"h" in one.seal_tags:
            # Section 4.1.3.
            raise Refused("fail", "a seal names the fields it covers")


def _check_signature(message: SignedMessage, one: _Set, resolver: Resolver, now: int | None) -> None:
    """The newest message signature (section 5.2 step 4, section 4.1.2). Raises Refused."""
    tags = one.signature_tags
    _require(tags, (b"a", b"b", b"bh", b"d", b"h", b"s"))
    names = signed_names(tags)
    if _SEAL in names:
        raise Refused("fail", "a message signature covers a seal")
    check_times(tags, now)
    check_body(message, tags)
    key = fetch_key(resolver, host(tags[b"d"]), host(tags[b"s"], selector=True), tags)
    key.check(decoded(tags[b"b"], "b"), b"".join(header_input(message, names, canonical(tags)[0], one.signature)))


def _check_seal(chain: list[_Set], resolver: Resolver) -> None:
    """The seal of the last set (section 5.2 step 6, section 5.1.1). Raises Refused."""
    tags = chain[-1].seal_tags
    _require(tags, (b"a", b"b", b"d", b"s"))
    check_times(tags, None)
    key = fetch_key(resolver, host(tags[b"d"]), host(tags[b"s"], selector=True), tags)
    fields = [one for sealed in chain for one in (sealed.results, sealed.signature, sealed.seal)]
    fields[-1] = without_signature(fields[-1])
    key.check(decoded(tags[b"b"], "b"), b"\r\n".join(canonical_field(one, b"relaxed") for one in fields))


def _require(tags: Mapping[bytes, bytes], names: tuple[bytes, ...]) -> None:
    for name in names:
        if name not in tags:
            raise Refused("fail", f"it has no {name.decode()}=")
