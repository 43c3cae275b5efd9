"""What a mail provider found out about who sent an email: the Authentication-Results field it writes on top (RFC 8601).

Anyone can write such a field, so only the topmost counts, and only under the name of the provider that is believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from letterlock.message.dkim import DkimResult, Signature, SignedMessage, host
from letterlock.message.spf import SpfResult

_MOST_BYTES: Final = 16_384
_MOST_RESULTS: Final = 50
_SPF: Final[dict[str, SpfResult]] = {
    "pass": "pass", "fail": "fail", "softfail": "softfail", "neutral": "neutral", "temperror": "temperror",
}  # fmt: skip
_DKIM: Final[dict[str, DkimResult]] = {
    "pass": "pass", "fail": "fail", "policy": "policy", "temperror": "temperror", "permerror": "permerror",
}  # fmt: skip
_METHOD: Final = re.compile(r"([a-z][a-z0-9-]{0,40})(?:\s*/\s*\d+)?\s*=\s*([a-z]{1,20})\b", re.IGNORECASE)
_PROPERTY: Final = re.compile(
    r"\b(smtp|header)\s*\.\s*(mailfrom|helo|d|i|from)\s*=\s*(\"[^\"]{0,320}\"|[^\s\";]{1,320})", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Results:
    """What one provider says. `spf`: a word of RFC 8601 section 2.7.2 and the domain it speaks of; `dmarc`: its own
    verdict, "" for none."""

    spf: SpfResult = "none"
    spf_domain: str = ""
    dkim: tuple[Signature, ...] = ()
    dmarc: str = ""


def results_of(message: SignedMessage, authserv: str) -> Results | None:
    """What the provider that writes as `authserv` says; a leading dot stands for any name below. None when the topmost
    field is not its own, or cannot be read."""
    fields = message.named(b"authentication-results")
    if not authserv or message.defect or not fields or len(fields[0].value) > _MOST_BYTES:
        return None
    try:
        text = fields[0].value.decode("ascii")
    except UnicodeDecodeError:
        return None
    plain = _without_comments(text)
    if plain is None:
        return None
    who, *said = plain.split(";")
    name = (who.split() or [""])[0].lower()
    if not (name == authserv.lower() or (authserv.startswith(".") and name.endswith(authserv.lower()))):
        return None
    spf: SpfResult = "none"
    spf_domain = dmarc = ""
    signatures: list[Signature] = []
    for one in said[:_MOST_RESULTS]:
        method = _METHOD.match(one.strip())
        if method is None:
            continue
        kind, result = method[1].lower(), method[2].lower()
        properties = {f"{a}.{b}".lower(): value.strip('"') for a, b, value in _PROPERTY.findall(one)}
        if kind == "spf" and not spf_domain:
            of = properties.get("smtp.mailfrom") or properties.get("smtp.helo") or ""
            spf, spf_domain = _SPF.get(result, "none"), _domain(of)
        elif kind == "dkim":
            of = properties.get("header.d") or properties.get("header.i") or ""
            signatures.append(Signature(_DKIM.get(result, "none"), _domain(of), why="so says the provider"))
        elif kind == "dmarc" and not dmarc:
            dmarc = result
    return Results(spf, spf_domain, tuple(signatures), dmarc)


def _domain(value: str) -> str:
    return host(value.rpartition("@")[2].encode())


def _without_comments(text: str) -> str | None:
    """`text` without comments (RFC 5322 section 3.2.2), each a space; quoted strings lose what could be taken for
    syntax. None where one is open."""
    out: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and (depth or quoted):
            escaped = True
        elif quoted:
            quoted = character != '"'
            out.append(character if character not in ";=()" else " ")
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                return None
            out.append(" ")
        elif not depth:
            quoted = character == '"'
            out.append(character)
    return None if depth or quoted else "".join(out)
