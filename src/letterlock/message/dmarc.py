"""What a domain asks of mail in its name, and which domains are one house: DMARC (RFC 9989).

Organizational domains come from the DNS Tree Walk. Where it finds no record at all, and where it would end at a public
suffix that does not call itself one, the Public Suffix List decides, so strangers under one suffix are never one house.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from letterlock.dns import NoSuchName, Resolver
from letterlock.message.extract.domains import is_public_suffix, registrable

Policy = Literal["none", "quarantine", "reject"]

_POLICIES: Final[dict[str, Policy]] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
_MILDER: Final[dict[Policy, Policy]] = {"reject": "quarantine", "quarantine": "none", "none": "none"}
_WALK_LABELS: Final = 8  # RFC 9989 section 4.10: no more than eight questions for one name
_RECORD_BYTES: Final = 8_192


@dataclass(frozen=True, slots=True)
class Record:
    """A DMARC record (RFC 9989 section 4.7). `subdomains`, `missing`: sp= and np=, None where not given."""

    policy: Policy = "none"
    subdomains: Policy | None = None
    missing: Policy | None = None
    strict_dkim: bool = False
    strict_spf: bool = False
    testing: bool = False
    suffix: Literal["y", "n", "u"] = "u"


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for mail From a domain. `policy` is "" where no record covers it."""

    domain: str
    organisation: str
    policy: Policy | Literal[""] = ""
    strict_dkim: bool = False
    strict_spf: bool = False


def rules_for(domain: str, resolver: Resolver) -> Rules:
    """The rules for an Author Domain in lower-case ASCII (RFC 9989 section 4.10.1). Raises DnsTrouble."""
    walk = _walk(domain, resolver)
    organisation = _organisation(domain, walk)
    found = dict(walk)
    record = found.get(domain) or found.get(organisation)
    if record is None:
        # Section 4.10.1: last, the policy of the public suffix above.
        record = next((one for _, one in walk if one.suffix == "y"), None)
    if record is None:
        return Rules(domain, organisation)
    policy = record.policy
    if domain not in found:
        policy = record.subdomains or record.policy
        if record.missing is not None and _is_missing(domain, resolver):
            policy = record.missing
    # Section 4.7, t=y: one step milder.
    return Rules(
        domain,
        organisation,
        _MILDER[policy] if record.testing else policy,
        record.strict_dkim,
        record.strict_spf,
    )


def is_aligned(identifier: str, rules: Rules, *, strict: bool, resolver: Resolver) -> bool:
    """Whether an authenticated domain speaks for the Author Domain (RFC 9989 section 4.4). Raises DnsTrouble."""
    if not may_align(identifier, rules):
        return False
    if strict or identifier == rules.domain:
        return identifier == rules.domain
    return _organisation(identifier, _walk(identifier, resolver)) == rules.organisation


def may_align(identifier: str, rules: Rules) -> bool:
    """False when `identifier` cannot be aligned: known without a question, since an Organizational Domain is always
    the name itself or one above it."""
    if not identifier or not rules.domain:
        return False
    return identifier == rules.domain or f".{identifier}".endswith(f".{rules.organisation}")


def parse_record(text: bytes) -> Record | None:
    """RFC 9989 section 4.7: unknown tags and values that make no sense are as if not there. None: no DMARC record."""
    version, _, rest = text[:_RECORD_BYTES].partition(b";")
    name, _, value = version.partition(b"=")
    if name.strip() != b"v" or value.strip() != b"DMARC1":
        return None
    tags: dict[str, str] = {}
    for part in rest.decode("ascii", "replace").split(";"):
        tag, _, content = part.partition("=")
        tags.setdefault(tag.strip().lower(), content.strip().lower())
    suffix = tags.get("psd", "")
    return Record(
        policy=_POLICIES.get(tags.get("p", ""), "none"),
        subdomains=_POLICIES.get(tags.get("sp", "")),
        missing=_POLICIES.get(tags.get("np", "")),
        strict_dkim=tags.get("adkim") == "s",
        strict_spf=tags.get("aspf") == "s",
        testing=tags.get("t") == "y",
        suffix="y" if suffix == "y" else "n" if suffix == "n" else "u",
    )


def _walk(domain: str, resolver: Resolver) -> list[tuple[str, Record]]:
    """The DNS Tree Walk (RFC 9989 section 4.10): names with a record, from `domain` upward. Raises DnsTrouble."""
    found: list[tuple[str, Record]] = []
    labels = domain.split(".")
    while labels:
        name = ".".join(labels)
        record = _record(name, resolver)
        if record is not None:
            found.append((name, record))
            if record.suffix != "u":
                break
        labels = labels[-(_WALK_LABELS - 1) :] if len(labels) >= _WALK_LABELS else labels[1:]
    return found


def _record(name: str, resolver: Resolver) -> Record | None:
    try:
        texts = resolver.txt(f"_dmarc.{name}")
    except NoSuchName:
        return None
    records = [record for record in map(parse_record, texts) if record is not None]
    # Section 4.10: several records are as good as none.
    return records[0] if len(records) == 1 else None


def _organisation(domain: str, walk: list[tuple[str, Record]]) -> str:
    """RFC 9989 section 4.10.2, with the Public Suffix List where the walk says nothing."""
    for name, record in walk:
        if record.suffix == "n":
            return name
        if record.suffix == "y" and name != domain:
            return ".".join(domain.split(".")[-(name.count(".") + 2) :])
    # Fewest labels first. A suffix whose record does not say so would make one house of all its customers.
    for name, _ in reversed(walk):
        if name == domain or not is_public_suffix(name):
            return name
    return registrable(domain)


def _is_missing(domain: str, resolver: Resolver) -> bool:
    """RFC 9989 section 3.2.13: the name does not exist (NXDOMAIN). Raises DnsTrouble."""
    try:
        resolver.a(domain)
    except NoSuchName:
        return True
    return False
