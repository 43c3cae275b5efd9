"""Which DNS records a domain needs to get and send mail here, and what is wrong with what the DNS says of them.

records_for() plans them from what is handed in, look() asks a Resolver and judges each: found, missing, wrong, or
unknown where the DNS gave no answer, always with what stands there instead and what to do about it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from letterlock.dns import DnsTrouble, NoSuchName, Resolver
from letterlock.errors import InvalidRequest
from letterlock.message.address import parse_address, shown
from letterlock.message.dmarc import parse_record, rules_for
from letterlock.message.extract.domains import is_public_suffix
from letterlock.message.spf import check_host
from letterlock.settings import PolicyMode, Settings

Purpose = Literal["ownership", "mx", "spf", "dkim", "dmarc", "tls_rpt", "mta_sts"]
Need = Literal["required", "recommended", "optional"]
Status = Literal["found", "missing", "wrong", "unknown"]

OWNERSHIP_LABEL: Final = "_letterlock"
_OWNERSHIP: Final = "letterlock-verification="
_FIRST_PRIORITY: Final = 10
_MOST_SEEN: Final = 5
_SEEN_CHARACTERS: Final = 300
_POLICY_AGE_S: Final = 604_800
"""A week: what is wrong with a policy is over then, wherever it was fetched."""
_OUTSIDE: Final = "192.0.2.1"
"""An address nobody sends from (RFC 5737): an SPF record is read to its end for it."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Record:
    """A record to set: `host` is its whole name; `priority` of an MX, else None; `why` for people."""

    purpose: Purpose
    type: Literal["TXT", "MX"]
    host: str
    value: str
    need: Need
    why: str
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The record of a DKIM key; `signs`: mail is signed with it, `retiring`: no longer, but old mail still is."""

    host: str
    value: str
    need: Need
    retiring: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the DNS says of a record. `seen`: what stands there, words of a stranger; `problem`: what to do, or ""."""

    record: Record
    status: Status
    seen: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """`tokens`: those of all ownership records there are, whoever they are for."""

    verdicts: tuple[Verdict, ...]
    tokens: frozenset[str]

    @property
    def owned(self) -> Status:
        return next(one.status for one in self.verdicts if one.record.purpose == "ownership")

    @property
    def complete(self) -> bool:
        """Whether all that must be there is."""
        return all(one.status == "found" for one in self._required)

    @property
    def lacking(self) -> tuple[Verdict, ...]:
        """What must be there and surely is not."""
        return tuple(one for one in self._required if one.status in ("missing", "wrong"))

    @property
    def _required(self) -> tuple[Verdict, ...]:
        return tuple(one for one in self.verdicts if one.record.need == "required")


def domain_key(text: str) -> str:
    """A domain as it is kept: A-labels in lower case, without a last dot. Raises InvalidRequest."""
    try:
        return parse_address(f"x@{text.strip().removesuffix('.')}").key.rpartition("@")[2]
    except InvalidRequest as error:
        why = error.what.rpartition(": ")[2]
        raise InvalidRequest(
            f"{shown(text)} is not a domain: {why}", next_step="Write it like mail.example.com."
        ) from None


def domain_of(settings: Settings) -> str:
    """The key of the domain of the settings, which every tenant may use."""
    try:
        return domain_key(settings.domain)
    except InvalidRequest:
        return settings.domain


def mail_hosts_of(settings: Settings) -> tuple[str, ...]:
    """The servers that take mail for every domain, the first first."""
    return settings.domain_mx or (settings.smtp_hostname.lower(),)


def claimable(text: str) -> str:
    """The key of a domain that somebody can own. Raises InvalidRequest for what nobody can: a public suffix, a name
    that never leaves this machine (RFC 6761 section 6.3)."""
    name = domain_key(text)
    if f".{name}".endswith(".localhost"):
        raise InvalidRequest(
            f"{name} never leaves this machine, so it needs no records.", next_step="Name a domain that you registered."
        )
    if is_public_suffix(name):
        raise InvalidRequest(
            f"{name} is no domain of one owner: names below it are given to everybody.",
            next_step="Name the domain that you registered, such as example.com.",
        )
    return name


def policy_of(mail_hosts: Sequence[str], mode: PolicyMode) -> str:
    """What senders are asked, as they fetch it (RFC 8461 section 3.2); "" for nothing."""
    if mode == "off":
        return ""
    lines = ("version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in mail_hosts), f"max_age: {_POLICY_AGE_S}")
    return "".join(f"{line}\r\n" for line in lines)


def policy_id(policy: str) -> str:
    """Another one for every policy (RFC 8461 section 3.1: up to 32 letters and digits)."""
    return hashlib.sha256(policy.encode()).hexdigest()[:20]


def records_for(
    name: str,
    token: str,
    mail_hosts: Sequence[str],
    spf_terms: str,
    keys: Sequence[KeyRecord],
    policy_mode: PolicyMode = "testing",
) -> tuple[Record, ...]:
    """What to set for the domain `name` (A-labels): `mail_hosts` take its mail, the first first; `spf_terms` name
    those who send it ("": the mail hosts)."""
    terms = spf_terms or " ".join(f"a:{host}" for host in mail_hosts)
    found = [
        Record(
            "ownership",
            "TXT",
            f"{OWNERSHIP_LABEL}.{name}",
            _OWNERSHIP + token,
            "required",
            "Shows that the domain is yours. Keep it: whoever can set it holds the domain.",
        )
    ]
    found += [
        Record("mx", "MX", name, host, "required", "Brings mail for the domain here.", _FIRST_PRIORITY * number)
        for number, host in enumerate(mail_hosts, 1)
    ]
    found.append(
        Record(
            "spf",
            "TXT",
            name,
            f"v=spf1 {terms} ~all",
            "required",
            "Says which servers may send for the domain. There may be one such record only: add to one that is there.",
        )
    )
    for key in keys:
        why = "The key that mail is signed with; receivers check signatures by it."
        if key.retiring:
            why = "The key of before: keep it until it is no longer listed, for mail that is still under way."
        found.append(Record("dkim", "TXT", key.host, key.value, key.need, why))
    found += (
        Record(
            "dmarc",
            "TXT",
            f"_dmarc.{name}",
            "v=DMARC1; p=none",
            "recommended",
            "Says what to do with mail that only pretends to come from the domain: p=none, later quarantine or reject.",
        ),
        Record(
            "tls_rpt",
            "TXT",
            f"_smtp._tls.{name}",
            f"v=TLSRPTv1; rua=mailto:postmaster@{name}",
            "optional",
            "Has other servers report when they could not reach yours over TLS (RFC 8460).",
        ),
    )
    if policy := policy_of(mail_hosts, policy_mode):
        where = f"https://mta-sts.{name}/.well-known/mta-sts.txt"
        found.append(
            Record(
                "mta_sts",
                "TXT",
                f"_mta-sts.{name}",
                f"v=STSv1; id={policy_id(policy)}",
                "optional",
                f"Has other servers ask for TLS (RFC 8461), by the policy at {where} (mode {policy_mode}): lead that"
                " name to where this server is reached by https.",
            )
        )
    return tuple(found)


def look(name: str, records: Sequence[Record], resolver: Resolver) -> Looked:
    """Ask about all of them. Blocks, for as long as the Resolver lets it; never raises for what is in the DNS."""
    tokens: frozenset[str] = frozenset()
    verdicts = []
    for record in records:
        try:
            if record.purpose == "ownership":
                texts = _texts(resolver, record.host)
                tokens = frozenset(one.removeprefix(_OWNERSHIP) for one in texts if one.startswith(_OWNERSHIP))
                verdicts.append(_ownership(name, record, texts, resolver))
            elif record.purpose == "mx":
                verdicts.append(_mx(record, [one for one in records if one.purpose == "mx"], resolver))
            else:
                verdicts.append(_JUDGES[record.purpose](name, record, resolver))
        except DnsTrouble:
            verdicts.append(
                Verdict(record, "unknown", (), "The name servers of the domain gave no answer. It is asked again.")
            )
    return Looked(tuple(verdicts), tokens)


def _ownership(name: str, record: Record, texts: Sequence[str], resolver: Resolver) -> Verdict:
    if record.value in texts:
        return Verdict(record, "found")
    if texts:
        return _wrong(record, texts, "Set the value exactly as it is given here, beside what is there or in its place.")
    doubled = f"{record.host}.{name}"
    try:
        misplaced = record.value in _texts(resolver, doubled)
    except DnsTrouble:
        misplaced = False
    if misplaced:
        what = f"It stands at {doubled}: where records are set the domain is added by itself, so enter the part before."
        return Verdict(record, "missing", (), what)
    return _missing(record)


def _mx(record: Record, ours: Sequence[Record], resolver: Resolver) -> Verdict:
    found = _asked(resolver.mx, record.host)
    if not found:
        return _missing(record)
    seen = [f"{preference} {host or '.'}" for preference, host in found]
    hosts = {one.value.lower() for one in ours}
    mine = [preference for preference, host in found if host in hosts]
    if not mine:
        return _wrong(record, seen, "Mail goes elsewhere. Set this record, and take away those of other servers.")
    others = sorted({host or "." for preference, host in found if host not in hosts and preference <= min(mine)})
    if others:
        what = f"Mail goes to {others[0]} first: take that away, or give it a larger number than ours."
        return _wrong(record, seen, what)
    if record.value.lower() not in {host for _, host in found}:
        return _wrong(record, seen, "This server is not named. Set this record beside the others.")
    return Verdict(record, "found", _cut(seen))


def _spf(name: str, record: Record, resolver: Resolver) -> Verdict:
    found = [one for one in _texts(resolver, name) if f"{one.lower()} ".startswith("v=spf1 ")]
    if not found:
        return _missing(record)
    wanted = record.value.split()[1:-1]
    if len(found) > 1:
        terms = [term for one in found for term in one.split()[1:]]
        what = f'There are {len(found)} SPF records, which counts as none. Keep one: "{_merged(terms, wanted)}".'
        return _wrong(record, found, what)
    terms = found[0].split()[1:]
    lower = [term.lower().removeprefix("+") for term in terms]
    if "all" in lower:
        return _wrong(record, found, 'It lets everybody send for the domain: write "~all" in place of "+all".')
    if any(term.lower() not in lower for term in wanted):
        return _wrong(record, found, f'It does not name who sends from here. Make it: "{_merged(terms, wanted)}".')
    if check_host(_OUTSIDE, f"postmaster@{name}", name, resolver) == "permerror":
        what = "It is broken, or leads to more than ten questions (RFC 7208 section 4.6.4). Mend or shorten it."
        return _wrong(record, found, what)
    return Verdict(record, "found", _cut(found))


def _merged(terms: Sequence[str], wanted: Sequence[str]) -> str:
    """One record of all terms and of those that are wanted, what ends it last."""
    ends = ("all", "redirect=")
    plain = [term for term in terms if not term.lower().lstrip("+-~?").startswith(ends)]
    last = [term for term in terms if term not in plain and term.lower() not in ("all", "+all")]
    return " ".join(("v=spf1", *dict.fromkeys((*plain, *wanted)), *(last[:1] or ["~all"])))


def _dkim(name: str, record: Record, resolver: Resolver) -> Verdict:
    found = _texts(resolver, record.host)
    if not found:
        return _missing(record)
    if len(found) > 1:
        return _wrong(record, found, "There is more than one record at this name. Keep this one only.")
    tags, wanted = _tags(found[0]), _tags(record.value)
    if not tags.get("p"):
        return _wrong(record, found, "It takes the key back (p= is empty). Set this value.")
    if tags["p"] != wanted["p"]:
        cut = wanted["p"].startswith(tags["p"])
        what = "It was cut off: set the whole value." if cut else "It is another key. Set this value."
        return _wrong(record, found, what)
    if tags.get("k", "rsa") != wanted["k"] or tags.get("v", "DKIM1") != "DKIM1":
        return _wrong(record, found, "The key is right, but what stands around it is not. Set this value.")
    return Verdict(record, "found", _cut(found))


def _dmarc(name: str, record: Record, resolver: Resolver) -> Verdict:
    found = [one for one in _texts(resolver, record.host) if parse_record(one.encode("latin-1", "replace"))]
    if len(found) > 1:
        return _wrong(record, found, f"There are {len(found)} DMARC records, which counts as none. Keep one.")
    if found:
        return Verdict(record, "found", _cut(found))
    rules = rules_for(name, resolver)
    if rules.policy:
        return Verdict(record, "found", (f"p={rules.policy}, by the record of {rules.organisation}",))
    return _missing(record)


def _one_of_version(name: str, record: Record, resolver: Resolver) -> Verdict:
    """What only has to be there, once, in its version."""
    version = record.value.partition(";")[0]
    found = [one for one in _texts(resolver, record.host) if one.startswith(version)]
    if len(found) > 1:
        return _wrong(record, found, f"There are {len(found)} such records, which counts as none. Keep one.")
    return Verdict(record, "found", _cut(found)) if found else _missing(record)


def _mta_sts(name: str, record: Record, resolver: Resolver) -> Verdict:
    verdict = _one_of_version(name, record, resolver)
    if verdict.status == "found" and _tags(verdict.seen[0]).get("id") != _tags(record.value)["id"]:
        what = "The policy is another since this id was set: set the new one, or nobody fetches it anew."
        return replace(verdict, status="wrong", problem=what)
    return verdict


_JUDGES: Final[dict[Purpose, Callable[[str, Record, Resolver], Verdict]]] = {
    "spf": _spf,
    "dkim": _dkim,
    "dmarc": _dmarc,
    "tls_rpt": _one_of_version,
    "mta_sts": _mta_sts,
}


def _tags(text: str) -> dict[str, str]:
    """Tags of a DKIM record (RFC 6376 section 3.2), without the white space that may stand in a value."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {tag.strip(): "".join(value.split()) for tag, _, value in pairs}


def _missing(record: Record) -> Verdict:
    return Verdict(record, "missing", (), "Set it. What was set a moment ago may take an hour to be seen.")


def _wrong(record: Record, seen: Sequence[str], problem: str) -> Verdict:
    return Verdict(record, "wrong", _cut(seen), problem)


def _cut(seen: Sequence[str]) -> tuple[str, ...]:
    return tuple(one[:_SEEN_CHARACTERS] for one in seen[:_MOST_SEEN])


def _texts(resolver: Resolver, name: str) -> tuple[str, ...]:
    return tuple(text.decode("latin-1").strip() for text in _asked(resolver.txt, name))


def _asked(ask: Callable[[str], tuple[_T, ...]], name: str) -> tuple[_T, ...]:
    """The answer, empty where there is no such name. Raises DnsTrouble."""
    try:
        return ask(name)
    except NoSuchName:
        return ()
