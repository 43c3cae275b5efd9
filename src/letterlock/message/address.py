"""Address and the one strict parser that policy, SMTP and sending share (RFC 5321 section 4.1.2, RFC 6531 section 3.3).

What a lenient parser would guess at (display names, comments, groups, routes, literals) is refused with a sentence that
says what to change, so the address that policy approved is letter for letter the one that is sent to. Linear time.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from letterlock.errors import InvalidRequest

# RFC 5321 section 4.5.3.1: octets in a local part, in a domain, and in a path without its angle brackets.
_LOCAL_OCTETS, _DOMAIN_OCTETS, _ADDRESS_OCTETS = 64, 255, 254
_LABEL_OCTETS = 63  # RFC 1035 section 2.3.4

_ATEXT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~")
_LDH = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
# Two plain character runs: nothing to backtrack into. Dots and hyphens are judged afterwards.
_PLAIN = re.compile(r"([A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+)@([A-Za-z0-9.\-]+)", re.ASCII)
_EXAMPLE = "Write one bare address such as name@example.com."


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed mailbox. `local` as written, `domain` lower-cased (U-label form is kept where written so)."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """What two spellings of one mailbox share: lower-cased, domain as A-label, no needless quotes."""
        domain = self.domain if self.domain.isascii() else _a_label(self.domain)
        if self.local[:1] != '"' and self.local.isascii():
            return f"{self.local.lower()}@{domain}"
        # RFC 5321 section 4.1.2: the quoted and the bare form of one string name the same mailbox.
        content = _unquoted(self.local) if self.local[:1] == '"' else self.local
        content = unicodedata.normalize("NFC", unicodedata.normalize("NFC", content).lower())
        if _is_dot_atom(content):
            return f"{content}@{domain}"
        escaped = content.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"@{domain}'

    @property
    def is_ascii(self) -> bool:
        return self.local.isascii() and self.domain.isascii()


@lru_cache(4096)
def parse_address(text: str) -> Address:
    """The bare address in `text` (no name, no angle brackets, no route, group or comment).

    Raises InvalidRequest, which names the value and what is wrong with it."""
    if len(text) <= _ADDRESS_OCTETS and (match := _PLAIN.fullmatch(text)):
        local, domain = match[1], match[2].lower()
        dotted = f".{domain}."
        if (
            len(local) <= _LOCAL_OCTETS
            and ".." not in text
            and local[0] != "."
            and local[-1] != "."
            and ".." not in dotted
            and ".-" not in dotted
            and "-." not in dotted
            and "xn--" not in domain
            and not domain[-1].isdigit()
            and (len(domain) <= _LABEL_OCTETS or max(map(len, domain.split("."))) <= _LABEL_OCTETS)
        ):
            return Address(local, domain)
    return _parse_slowly(text)


def shown(value: str, limit: int = 80) -> str:
    """`value` as an error text may show it: in quotes, cut to `limit` characters, invisible characters escaped."""
    cut = value[:limit]
    body = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return f'"{body}{"..." if len(value) > limit else ""}"'


def breaks_lines(text: str) -> bool:
    """Whether it holds a control character, a line break or a lone surrogate."""
    return any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)


def _parse_slowly(text: str) -> Address:
    """The whole grammar, with a reason for each refusal."""

    def refuse(why: str, next_step: str = _EXAMPLE) -> InvalidRequest:
        return InvalidRequest(f"{shown(text)} is not an address mail can be sent to: {why}.", next_step=next_step)

    if not text or text.isspace():
        raise refuse("it is empty")
    if len(text) > _ADDRESS_OCTETS or len(text.encode("utf-8", "surrogatepass")) > _ADDRESS_OCTETS:
        raise refuse(f"it is longer than {_ADDRESS_OCTETS} octets (RFC 5321 section 4.5.3.1.3)", "Use a shorter one.")
    if breaks_lines(text):
        raise refuse("it holds a control character, a line break or a lone surrogate")
    if text != text.strip():
        raise refuse("there is white space before or after it", "Remove the white space.")
    if text[0] == "@":
        raise refuse("it starts with @ (a source route, or the name before the @ is missing)")
    if text[0] == '"':
        end = _end_of_quotes(text)
        if end < 0:
            raise refuse("its opening quotation mark is never closed")
        local, rest = text[:end], text[end:]
        if rest[:1] != "@":
            raise refuse("a quoted local part must be followed by @; display names are not taken here")
        if end == 2:
            raise refuse("the part before the @ is empty")
        if any(not c.isascii() and not _may_stand_in_address(c) for c in local):
            raise refuse("the quoted part holds an invisible or unassigned character")
        domain = rest[1:]
    else:
        for sign, meaning in (
            ("<", "it has angle brackets; give the bare address without a display name"),
            (">", "it has angle brackets; give the bare address without a display name"),
            ("(", "it has a comment in parentheses"),
            (")", "it has a comment in parentheses"),
            (",", "it looks like several addresses; give one for each entry"),
            (";", "it looks like a group or a list; give one for each entry"),
            ("[", "addresses at an IP number in brackets are not taken"),
            (":", "it looks like a group, a route or a URL"),
        ):
            if sign in text:
                raise refuse(meaning)
        local, at, domain = text.partition("@")
        if not at:
            raise refuse("it has no @")
        if not _is_dot_atom(local):
            raise refuse(_why_not_dot_atom(local))
    if len(local.encode()) > _LOCAL_OCTETS:
        raise refuse(f"the part before the @ is longer than {_LOCAL_OCTETS} octets", "Use a shorter one.")
    try:
        return Address(local, _checked_domain(domain))
    except ValueError as error:
        raise refuse(str(error)) from None


def _end_of_quotes(text: str) -> int:
    """The offset after the quoted string at the start of `text`, or -1 (RFC 5321 section 4.1.2, Quoted-string)."""
    position = 1
    while position < len(text):
        if text[position] == "\\":
            position += 2
        elif text[position] == '"':
            return position + 1
        else:
            position += 1
    return -1


def _unquoted(quoted: str) -> str:
    """The content of a well-formed quoted string."""
    characters = iter(quoted[1:-1])
    return "".join(next(characters) if c == "\\" else c for c in characters)


def _may_stand_in_address(character: str) -> bool:
    """RFC 6531 section 3.3 allows any non-ASCII character; those nobody can see or type are refused here."""
    return unicodedata.category(character)[0] not in "CZ"


def _is_dot_atom(local: str) -> bool:
    return all(
        atom and all(c in _ATEXT or (c > "\x7f" and _may_stand_in_address(c)) for c in atom)
        for atom in local.split(".")
    )


def _why_not_dot_atom(local: str) -> str:
    if not local:
        return "the part before the @ is empty"
    bad = next((c for c in local if c not in _ATEXT and c != "." and not (c > "\x7f" and _may_stand_in_address(c))), "")
    if bad == " ":
        return "there is a space before the @"
    if bad:
        return f"{shown(bad)} may not stand before the @ without quotation marks"
    return "the part before the @ starts or ends with a dot, or has two dots in a row"


def _checked_domain(domain: str) -> str:
    """`domain` lower-cased; ValueError with the reason where it is no host name (RFC 1123, RFC 5890)."""
    if not domain:
        raise ValueError("the domain after the @ is missing")
    if "@" in domain:
        raise ValueError("it has more than one @")
    if domain[0] == "[":
        raise ValueError("addresses at an IP number in brackets are not taken")
    lowered = unicodedata.normalize("NFC", domain.lower())
    labels = lowered.split(".")
    if not all(labels):
        raise ValueError("the domain has an empty label (a dot at its start or end, or two in a row)")
    if labels[-1].isascii() and labels[-1].isdigit():
        raise ValueError("the domain ends in a number, so it is an IP number and not a name")
    for label in labels:
        if label.isascii():
            if not _LDH.issuperset(label):
                bad = next(c for c in label if c not in _LDH)
                raise ValueError(f"{shown(bad)} may not stand in a domain")
            if label[0] == "-" or label[-1] == "-":
                raise ValueError("a label of the domain starts or ends with a hyphen")
            if len(label) > _LABEL_OCTETS:
                raise ValueError(f"a label of the domain is longer than {_LABEL_OCTETS} octets")
    if (not lowered.isascii() or "xn--" in lowered) and len(_a_label(lowered)) > _DOMAIN_OCTETS:
        raise ValueError(f"the domain is longer than {_DOMAIN_OCTETS} octets")
    return lowered


def _a_label(domain: str) -> str:
    """The A-label form of `domain` (RFC 5891 section 4.4); ValueError where a label is not valid IDNA 2008."""
    import idna

    labels = []
    for label in domain.split("."):
        if label.isascii() and not label.startswith("xn--"):
            labels.append(label)
            continue
        try:
            labels.append(idna.alabel(label).decode("ascii"))
        except (UnicodeError, ValueError, IndexError):
            raise ValueError(f"{shown(label)} is not a valid international domain label (IDNA 2008)") from None
    return ".".join(labels)
