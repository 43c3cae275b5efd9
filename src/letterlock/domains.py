"""Which DNS records a domain needs to get and send mail here, and what is wrong with what the DNS says of them.

records_for() plans them from what is handed in, look() asks a Resolver and judges each: found, missing, wrong, or
unknown where the DNS gave no answer, always with what stands there instead and what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from letterlock.dns import DnsTrouble, NoSuchName, Resolver
from letterlock.errors import InvalidRequest
from letterlock.message.address import parse_address, shown
from letterlock.message.dmarc import parse_record, rules_for
from letterlock.message.extract.domains import is_public_suffix
from letterlock.message.spf import check_host
from letterlock.settings import Settings

Purpose = Literal["ownership", "mx", "spf", "dkim", "dmarc", "tls_rpt", "mta_sts"]
Need = Literal["required", "recommended", "optional"]
Status = Literal["found", "missing", "wrong", "unknown"]

OWNERSHIP_LABEL: Final = "_letterlock"
_OWNERSHIP: Final = "letterlock-verification="
_FIRST_PRIORITY: Final = 10
_MOST_SEEN: Final = 5
_SEEN_CHARACTERS: Final = 300
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


def records_for(
    name: str, token: str, mail_hosts: Sequence[str], spf_terms: str, keys: Sequence[KeyRecord]
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
    return (
        *found,
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
        Record(
            "mta_sts",
            "TXT",
            f"_mta-sts.{name}",
            "v=STSv1; id=1",
            "optional",
            f"Has other servers insist on TLS (RFC 8461), with a policy file at https://mta-sts.{name}/.well-known/"
            f"mta-sts.txt: version: STSv1, mode: enforce, {', '.join(f'mx: {host}' for host in mail_hosts)},"
            " max_age: 604800, each on a line.",
        ),
    )


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


_JUDGES: Final[dict[Purpose, Callable[[str, Record, Resolver], Verdict]]] = {
    "spf": _spf,
    "dkim": _dkim,
    "dmarc": _dmarc,
    "tls_rpt": _one_of_version,
    "mta_sts": _one_of_version,
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
