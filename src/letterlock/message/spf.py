"""Whether a host may send mail for a domain: the check_host() function of SPF (RFC 7208).

Bounded by the RFC's own limits (ten terms that ask the DNS, ten names of an MX or PTR, two answers without content), so
no record can make it ask without end. The explanation a domain may publish is never fetched: it is a stranger's text.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar
from urllib.parse import quote

from letterlock.dns import DnsTrouble, NoSuchName, Resolver
from letterlock.patterns import on_demand

SpfResult = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
_T = TypeVar("_T")
_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

# RFC 7208 section 4.6.4.
_LOOKUP_TERMS, _NAMES, _VOID_LOOKUPS = 10, 10, 2
_NAME_OCTETS: Final = 253  # RFC 1035 section 2.3.4, without the length of the root
# Far beyond any real one: an end for what expanding the macros of hostile ones can cost.
_RECORD_OCTETS, _SENDER_CHARACTERS = 8_192, 1_024

_QUALIFIERS: Final[dict[str, SpfResult]] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
# RFC 7208 section 12: the alternatives start with different characters, so there is one way to match.
_MACRO = r"%\{([slodiphvSLODIPHV])([0-9]*)([rR]?)([-.+,/_=]*)\}|%([%_-])"
_MACRO_STRING: Final = on_demand(r"(?:%\{[slodiphvSLODIPHV][0-9]*[rR]?[-.+,/_=]*\}|%[%_-]|[!-$&-~])*")
_MACROS: Final = on_demand(_MACRO)
_DIRECTIVE: Final = on_demand(r"([-+~?]?)([A-Za-z][A-Za-z0-9_-]*)([:/].*)?")
_MODIFIER: Final = on_demand(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)")
_TOP_LABEL: Final = on_demand(r"(?=[0-9-]*[A-Za-z]|[A-Za-z0-9]+-)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
# Slashes may stand in a domain-spec too: only what ends the term is a length.
_DUAL_CIDR: Final = on_demand(r"(.*?)(?:/([0-9]+))?(?://([0-9]+))?")
_PREFIX: Final = on_demand(r"0|[1-9][0-9]{0,2}")


class _Permanent(Exception):
    """The record, or one it leads to, is wrong: permerror."""


@dataclass(frozen=True, slots=True)
class _Directive:
    result: SpfResult
    name: str
    target: str = ""
    prefix4: int = 32
    prefix6: int = 128
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class _Record:
    directives: tuple[_Directive, ...]
    redirect: str = ""


def check_host(client_ip: str, sender: str, helo: str, resolver: Resolver) -> SpfResult:
    """The result for mail from `sender` ("" for the null reverse-path), sent by a host at `client_ip` that says `helo`.

    Section 4 of RFC 7208. Without a sender the identity is postmaster at `helo` (section 2.4). Never raises for what is
    in the arguments or in the DNS."""
    try:
        ip: _Ip = ipaddress.ip_address(client_ip)
    except ValueError:
        return "none"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    local, _, domain = sender.rpartition("@")
    if not sender:
        domain = helo
    domain = domain.removesuffix(".")
    # Section 4.3: not a fully qualified name of the DNS.
    if "." not in domain or not _is_dns_name(domain) or len(sender) > _SENDER_CHARACTERS:
        return "none"
    check = _Check(ip, local or "postmaster", domain, helo, resolver)
    try:
        return check.evaluate(domain, at_start=True)
    except _Permanent:
        return "permerror"
    except DnsTrouble:
        return "temperror"


@dataclass(slots=True)
class _Check:
    """One evaluation with what it has used up."""

    ip: _Ip
    local: str
    sender_domain: str
    helo: str
    resolver: Resolver
    terms: int = 0
    voids: int = 0
    validated: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def evaluate(self, domain: str, *, at_start: bool = False) -> SpfResult:
        """Sections 4.4 to 4.7. Raises _Permanent, DnsTrouble."""
        text = self._record(domain)
        if text is None:
            return "none"
        record = _parse(text)
        for directive in record.directives:
            if self._matches(directive, domain):
                return directive.result
        if record.redirect:
            # Section 6.1.
            self._count_term()
            target = self._expand(record.redirect, domain)
            result = self.evaluate(target) if _is_dns_name(target) else "none"
            if result == "none":
                raise _Permanent
            return result
        return "neutral"

    def _record(self, domain: str) -> str | None:
        """The one SPF record of `domain` (section 4.5), None where there is none."""
        try:
            texts = self.resolver.txt(domain)
        except NoSuchName:
            return None
        records = [text for text in texts if text[:6].lower() == b"v=spf1" and text[6:7] in (b"", b" ")]
        if not records:
            return None
        if len(records) > 1 or len(records[0]) > _RECORD_OCTETS:
            raise _Permanent
        try:
            return records[0].decode("ascii")
        except UnicodeDecodeError:
            raise _Permanent from None

    def _matches(self, directive: _Directive, domain: str) -> bool:
        """Section 5. Raises _Permanent, DnsTrouble."""
        if directive.name == "all":
            return True
        if directive.network is not None:
            return self.ip in directive.network
        self._count_term()
        target = self._expand(directive.target, domain) if directive.target else domain
        # Section 4.8: a name that cannot be in the DNS matches nothing.
        if not _is_dns_name(target):
            if directive.name == "include":
                raise _Permanent
            return False
        match directive.name:
            case "include":
                return self._includes(target)
            case "a":
                return self._is_among(self._addresses(target), directive)
            case "mx":
                hosts = self._asked(self.resolver.mx, target)
                # Section 4.6.4: more than ten MX names are an error, not cut.
                if len(hosts) > _NAMES:
                    raise _Permanent
                return any(self._is_among(self._addresses(host), directive) for _, host in hosts if host)
            case "ptr":
                return any(_is_within(name, target) for name in self._validated_names())
            case _:
                # Section 5.7: `exists` asks for an IPv4 address, whatever the client has.
                return bool(self._asked(self.resolver.a, target))

    def _includes(self, target: str) -> bool:
        """Section 5.2, the table of results."""
        result = self.evaluate(target)
        if result in ("none", "permerror"):
            raise _Permanent
        return result == "pass"

    def _count_term(self) -> None:
        self.terms += 1
        if self.terms > _LOOKUP_TERMS:
            raise _Permanent

    def _asked(self, ask: Callable[[str], tuple[_T, ...]], name: str) -> tuple[_T, ...]:
        """Section 4.6.4: more than two answers without content, and the record is not maintained."""
        try:
            found = ask(name)
        except NoSuchName:
            found = ()
        if not found:
            self.voids += 1
            if self.voids > _VOID_LOOKUPS:
                raise _Permanent
        return found

    def _addresses(self, host: str) -> tuple[str, ...]:
        return self._asked(self.resolver.a if self.ip.version == 4 else self.resolver.aaaa, host)

    def _is_among(self, addresses: tuple[str, ...], directive: _Directive) -> bool:
        prefix = directive.prefix4 if self.ip.version == 4 else directive.prefix6
        return any(self.ip in ipaddress.ip_network(f"{address}/{prefix}", strict=False) for address in addresses)

    def _validated_names(self) -> tuple[str, ...]:
        """Section 5.5: the client's host names that lead back to its address; trouble in the DNS matches nothing."""
        address = str(self.ip)
        if address not in self.validated:
            names: list[str] = []
            try:
                candidates = self.resolver.ptr(address)[:_NAMES]
            except (NoSuchName, DnsTrouble):
                candidates = ()
            for name in candidates:
                ask = self.resolver.a if self.ip.version == 4 else self.resolver.aaaa
                try:
                    if any(ipaddress.ip_address(found) == self.ip for found in ask(name)):
                        names.append(name.removesuffix(".").lower())
                except (NoSuchName, DnsTrouble):
                    continue
            self.validated[address] = tuple(names)
        return self.validated[address]

    def _expand(self, text: str, domain: str) -> str:
        """Section 7: `text` with its macros filled in, as a host name without its last dot, cut to 253 octets."""
        name = _MACROS.sub(lambda found: self._macro(found, domain), text).removesuffix(".")
        if len(name) <= _NAME_OCTETS:
            return name
        # Section 7.3: labels are left out from the left until it fits.
        return name[-_NAME_OCTETS - 1 :].partition(".")[2]

    def _macro(self, found: re.Match[str], domain: str) -> str:
        if found[5]:
            return {"%": "%", "_": " ", "-": "%20"}[found[5]]
        letter = found[1].lower()
        match letter:
            case "s":
                value = f"{self.local}@{self.sender_domain}"
            case "l":
                value = self.local
            case "o":
                value = self.sender_domain
            case "d":
                value = domain
            case "i":
                value = str(self.ip) if self.ip.version == 4 else ".".join(self.ip.exploded.replace(":", ""))
            case "p":
                value = self._best_name(domain)
            case "v":
                value = "in-addr" if self.ip.version == 4 else "ip6"
            case _:
                value = self.helo
        delimiters = found[4] or "."
        parts = re.split(f"[{re.escape(delimiters)}]", value) if found[2] or found[3] or found[4] else [value]
        if found[3]:
            parts.reverse()
        if found[2]:
            parts = parts[-int(found[2].lstrip("0")[:4]) :]
        value = ".".join(parts)
        # Section 7.3: capital letters ask for URL escaping.
        return quote(value, safe="-._~") if found[1].isupper() else value

    def _best_name(self, domain: str) -> str:
        """Section 7.3, letter p: the validated name nearest to `domain`."""
        names = self._validated_names()
        same = [name for name in names if name == domain.lower()]
        below = [name for name in names if _is_within(name, domain)]
        return next(iter([*same, *below, *names]), "unknown")


def _parse(text: str) -> _Record:
    """Section 4.6: the whole record is read before any of it is used. Raises _Permanent."""
    directives: list[_Directive] = []
    modifiers: dict[str, str] = {}
    for term in text[6:].split(" "):
        if not term:
            continue
        if modifier := _MODIFIER.fullmatch(term):
            name, value = modifier[1].lower(), modifier[2]
            if name in ("redirect", "exp"):
                # Section 6: each at most once.
                if name in modifiers:
                    raise _Permanent
                modifiers[name] = _domain_spec(value)
            elif not _MACRO_STRING.fullmatch(value):
                raise _Permanent
            continue
        directives.append(_directive(term))
    # Section 6.1: with `all` in it, a record's redirect counts for nothing.
    redirect = "" if any(one.name == "all" for one in directives) else modifiers.get("redirect", "")
    return _Record(tuple(directives), redirect)


def _directive(term: str) -> _Directive:
    found = _DIRECTIVE.fullmatch(term)
    if found is None:
        raise _Permanent
    result, name, rest = _QUALIFIERS[found[1] or "+"], found[2].lower(), found[3] or ""
    match name:
        case "all" if not rest:
            return _Directive(result, name)
        case "include" | "exists" if rest[:1] == ":":
            return _Directive(result, name, _domain_spec(rest[1:]))
        case "ptr" if rest[:1] in ("", ":"):
            return _Directive(result, name, _domain_spec(rest[1:]) if rest else "")
        case "a" | "mx":
            spec, prefix4, prefix6 = _dual_cidr(rest)
            if spec[:1] == ":":
                return _Directive(result, name, _domain_spec(spec[1:]), prefix4, prefix6)
            if not spec:
                return _Directive(result, name, "", prefix4, prefix6)
        case "ip4" | "ip6" if rest[:1] == ":":
            return _Directive(result, name, network=_network(name, rest[1:]))
    raise _Permanent


def _dual_cidr(rest: str) -> tuple[str, int, int]:
    """What stands before the prefix lengths, and these (section 5.3). Raises _Permanent."""
    found = _DUAL_CIDR.fullmatch(rest)
    if found is None:
        raise _Permanent
    return found[1], _prefix(found[2] or "32", 32), _prefix(found[3] or "128", 128)


def _prefix(text: str, longest: int) -> int:
    if not _PREFIX.fullmatch(text) or int(text) > longest:
        raise _Permanent
    return int(text)


def _network(name: str, text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    address, slash, length = text.partition("/")
    kind, longest = (ipaddress.IPv4Address, 32) if name == "ip4" else (ipaddress.IPv6Address, 128)
    try:
        # A zone index is part of no SPF record, and Python would take it.
        found = kind(address if "%" not in address else "")
    except ValueError:
        raise _Permanent from None
    return ipaddress.ip_network((found, _prefix(length, longest) if slash else longest), strict=False)


def _domain_spec(text: str) -> str:
    """`text` where it is a domain-spec (section 7.1). Raises _Permanent."""
    if not text or not _MACRO_STRING.fullmatch(text):
        raise _Permanent
    last = 0
    for macro in _MACROS.finditer(text):
        # Section 7.1: a macro keeps at least one part.
        if macro[2] and not macro[2].strip("0"):
            raise _Permanent
        last = macro.end()
    if last == len(text):
        return text
    _, dot, label = text[last:].removesuffix(".").rpartition(".")
    if not dot or not _TOP_LABEL.fullmatch(label):
        raise _Permanent
    return text


def _is_dns_name(name: str) -> bool:
    """RFC 1035 section 2.3.4, for a name without its last dot."""
    return len(name) <= _NAME_OCTETS and all(1 <= len(label) <= 63 for label in name.split("."))


def _is_within(name: str, domain: str) -> bool:
    name, domain = name.lower(), domain.removesuffix(".").lower()
    return name == domain or name.endswith(f".{domain}")
