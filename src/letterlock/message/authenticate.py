"""Who really sent it: SPF, DKIM, DMARC alignment and ARC, as one AuthReport.

Pure apart from the resolver handed in, whose time and questions for one email are limited here. What the email says
of its own authentication (Authentication-Results, the results in an ARC set) is not read, as anyone can write it, but
for what the provider wrote on top of an email that was fetched from a mailbox there (message/results.py).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Literal

from letterlock.dns import Budget, DnsTrouble, Resolver
from letterlock.message import dkim, dmarc, spf
from letterlock.message.arc import verify_chain
from letterlock.message.envelope import Envelope
from letterlock.message.results import Results, results_of

Verdict = Literal["pass", "fail", "none", "temperror", "local"]
"""`local`: handed over by our own sender inside this data folder, no DNS asked. `none`: nothing could be checked, or
nobody vouches and the domain asks for nothing. `temperror`: the DNS did not answer; later it may be pass or fail."""

# RFC 1918, RFC 6598, RFC 3927, RFC 4193, loopback: a client here is our own relay, not the host the email came from.
_INSIDE: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# The best one stands for all signatures of an email.
_DKIM_ORDER: Final[tuple[dkim.DkimResult, ...]] = ("pass", "temperror", "fail", "policy", "permerror", "none")


@dataclass(frozen=True, slots=True)
class AuthReport:
    """`domain` is the aligned identity: the RFC 5322 From domain when (and only when) `verdict` is pass or local.

    The single results are words of RFC 8601 section 2.7. `dmarc` is none where the domain publishes no record; a
    verdict of pass then rests on a DKIM or SPF domain that belongs to the From domain all the same."""

    verdict: Verdict = "none"
    domain: str = ""
    spf: str = "none"
    dkim: str = "none"
    dmarc: str = "none"
    arc: str = "none"
    detail: str = ""
    """One sentence for a person."""
    policy: str = ""
    """What the From domain asks for mail that fails: none, quarantine, reject; "" without a DMARC record."""
    spf_domain: str = ""
    """The envelope's domain that SPF speaks of, "" where SPF could not be asked."""
    dkim_domain: str = ""
    """The domain of the signature that passed, an aligned one where there is one."""

    @property
    def aligned(self) -> bool:
        return self.verdict in ("pass", "local")


def authenticate(raw: bytes, envelope: Envelope | None, resolver: Resolver | None = None) -> AuthReport:
    """`raw` as it came over `envelope`. Without a resolver, only local hand-over can be vouched for. Never raises.

    Expiry of signatures is judged at the time the envelope says the email was received."""
    if envelope is not None and envelope.transport == "local":
        domain = envelope.sender.rpartition("@")[2].lower()
        return AuthReport("local", domain, detail="Sent by an inbox of this Letterlock.")
    if resolver is None:
        return AuthReport(detail="Sender authentication was not checked.")
    message = dkim.read_message(raw)
    author = _author(message)
    budget = Budget(resolver)
    try:
        rules, trouble = dmarc.rules_for(author.domain, budget) if author.domain else dmarc.Rules("", ""), False
    except DnsTrouble:
        # What belongs to its house is not known; the domain itself does.
        rules, trouble = dmarc.Rules(author.domain, author.domain), True
    said = results_of(message, envelope.authserv) if envelope is not None and envelope.transport == "imap" else None
    return _report(message, author, rules, trouble, _client(envelope), said, budget)


@dataclass(frozen=True, slots=True)
class _Author:
    """The From domain as A-label, "" where there is none to be sure of, then `why` not."""

    domain: str = ""
    several: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Client:
    """Who handed the email over, as SPF asks for it; `domain` is "" where SPF has nothing to ask."""

    domain: str = ""
    ip: str = ""
    sender: str = ""
    helo: str = ""
    now: int | None = None


def _report(
    message: dkim.SignedMessage,
    author: _Author,
    rules: dmarc.Rules,
    trouble: bool,
    client: _Client,
    said: Results | None,
    resolver: Resolver,
) -> AuthReport:
    """`said`: what a provider that is believed found out, in the place of our own SPF and DKIM.

    The order of the questions matters: those about the From domain's own house come first, so that no slow name
    server of somebody else can use up the time for them."""

    def ours(domain: str) -> bool:
        return dmarc.may_align(domain, rules)

    def is_aligned(domain: str, strict: bool) -> bool | None:
        try:
            return dmarc.is_aligned(domain, rules, strict=strict, resolver=resolver)
        except DnsTrouble:
            return None

    def ask_spf() -> spf.SpfResult:
        if said is not None:
            return said.spf
        return spf.check_host(client.ip, client.sender, client.helo, resolver) if client.domain else "none"

    if said is not None:
        client = _Client(domain=said.spf_domain, now=client.now)
    spf_result = ask_spf() if ours(client.domain) else None
    spf_aligned = is_aligned(client.domain, rules.strict_spf)
    signatures = [
        (one, is_aligned(one.domain, rules.strict_dkim))
        for one in (said.dkim if said and said.dkim else dkim.verify(message, resolver, first=ours, now=client.now))
    ]
    if spf_result is None:
        spf_result = ask_spf()
    arc_result = verify_chain(message, resolver, client.now)

    results = [(spf_result, spf_aligned), *((one.result, aligned) for one, aligned in signatures)]
    refuted = said is not None and said.dmarc == "fail"
    passing = any(result == "pass" and aligned for result, aligned in results) and not refuted
    unsure = trouble or any(
        (result == "temperror" and aligned is not False) or (result == "pass" and aligned is None)
        for result, aligned in results
    )
    verdict: Verdict = "none"
    if not author.domain:
        verdict = "fail" if author.several else "none"
    elif passing:
        verdict = "pass"
    elif unsure:
        verdict = "temperror"
    elif rules.policy or (spf_aligned and spf_result == "fail"):
        verdict = "fail"
    best = min(
        ((not aligned, one) for one, aligned in signatures),
        key=lambda item: (_DKIM_ORDER.index(item[1].result), item[0]),
        default=(True, dkim.Signature("none")),
    )[1]
    return AuthReport(
        verdict,
        author.domain if verdict == "pass" else "",
        spf_result,
        best.result,
        _dmarc_result(verdict, author, rules, trouble),
        arc_result,
        _detail(verdict, author, rules, spf_result, best),
        rules.policy,
        client.domain,
        best.domain if best.result == "pass" else "",
    )


def _dmarc_result(verdict: Verdict, author: _Author, rules: dmarc.Rules, trouble: bool) -> str:
    if not author.domain:
        return "permerror"
    if trouble:
        return "temperror"
    return verdict if rules.policy else "none"


def _detail(verdict: Verdict, author: _Author, rules: dmarc.Rules, spf_result: str, best: dkim.Signature) -> str:
    """For a person: our words and checked domain names, nothing else from the email."""
    if not author.domain:
        return f"Nobody can vouch for the sender: {author.why}."
    signature = f"DKIM: {best.result}{f' ({best.why})' if best.why else ''}"
    match verdict:
        case "pass":
            return f"The mail is from {author.domain}. SPF: {spf_result}. {signature}."
        case "temperror":
            return f"The DNS did not answer all questions about {author.domain}. SPF: {spf_result}. {signature}."
        case "fail":
            asked = f", which asks for {rules.policy}" if rules.policy in ("quarantine", "reject") else ""
            return f"The mail is not known to be from {author.domain}{asked}. SPF: {spf_result}. {signature}."
    return f"Nothing ties the mail to {author.domain}. SPF: {spf_result}. {signature}."


def _client(envelope: Envelope | None) -> _Client:
    if envelope is None:
        return _Client()
    now = int(envelope.received_at.timestamp())
    # An edge server that speaks LMTP to us has seen the client; what we see is the edge server.
    if envelope.transport != "smtp" or not envelope.client_ip:
        return _Client(now=now)
    helo = dkim.host((envelope.helo or "").encode("utf-8", "replace"))
    local, _, domain = envelope.sender.rpartition("@")
    domain = dkim.host(domain.encode("utf-8", "replace")) if envelope.sender else helo
    try:
        ip = ipaddress.ip_address(envelope.client_ip)
    except ValueError:
        return _Client(now=now)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if not domain or any(ip in network for network in _INSIDE):
        return _Client(now=now)
    return _Client(domain, str(ip), f"{local}@{domain}" if envelope.sender else "", helo, now)


def _author(message: dkim.SignedMessage) -> _Author:
    """RFC 5322 section 3.6.2. Strict: whoever shows the From field in whatever way must see the same domain."""
    fields = message.named(b"from")
    if len(fields) > 1:
        return _Author(several=True, why="there is more than one From field")
    if message.defect or not fields:
        return _Author(why=message.defect or "there is no From field")
    domains = _domains(fields[0].value)
    if len(domains) == 1 and "" not in domains:
        return _Author(domains.pop())
    several = len(domains - {""}) > 1
    return _Author(several=several, why="the From field " + ("names several domains" if several else "is not clear"))


def _domains(value: bytes) -> set[str]:
    """The domains of a list of mailboxes, "" among them for anything that readers may understand in different ways."""
    try:
        text = value.replace(b"\r\n", b"").decode("utf-8").replace("\t", " ")
    except UnicodeDecodeError:
        return {""}
    bare = _without_strings(text)
    if bare is None or _CONTROL.search(bare):
        return {""}
    return {_domain(mailbox.strip()) for mailbox in bare.split(",")}


def _without_strings(text: str) -> str | None:
    """`text` with `""` for each quoted string and a space for each comment (RFC 5322 section 3.2), None if one is open
    or a backslash stands elsewhere."""
    out: list[str] = []
    quoted, depth, position = False, 0, 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            if not quoted and not depth:
                return None
            position += 1
        elif quoted:
            quoted = character != '"'
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                return None
            out.append(" ")
        elif not depth:
            quoted = character == '"'
            out.append('""' if quoted else character)
        position += 1
    return None if quoted or depth else "".join(out)


def _domain(mailbox: str) -> str:
    """The domain of one mailbox without strings and comments (RFC 5322 section 3.4), "" where it is not clear."""
    name, opening, rest = mailbox.partition("<")
    address = mailbox
    if opening:
        address = rest.removesuffix(">")
        # A second address in the place of the name is what some programs show; the same one again does no harm.
        if not rest.endswith(">") or ("@" in name and name.strip().lower() != address.strip().lower()):
            return ""
    local, _, domain = address.strip().rpartition("@")
    if set(name) & set(":;>[]") or set(local) & set(" <>[]:;@") or not local.isprintable():
        return ""
    if '"' in local and local != '""':
        return ""
    # RFC 5322 section 3.2.3: a dot stands between two atoms.
    return dkim.host(domain.encode()) if all(local.split(".")) else ""
