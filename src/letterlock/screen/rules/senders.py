"""Who claims to write, and where the links really lead: names that carry another address, look-alike hosts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from letterlock.patterns import on_demand
from letterlock.screen.rule import Evidence, Hit, Rule

_ADDRESS: Final = on_demand(r"[\w.+-]{1,64}@([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})")
_DOMAIN: Final = on_demand(
    r"(?<![\w@.-])((?:[\w-]{1,63}\.){1,6}(?:com|net|org|io|co|gov|edu|eu|de|fr|uk|us|app|dev|bank))(?![\w-])",
    re.IGNORECASE,
)
_HOST: Final = on_demand(r"https?://(?:[^/\s@]{1,200}@)?([^/\s:?#]{1,253})", re.IGNORECASE)


def _organisation(domain: str) -> str:
    """The last two labels, three under short second-level names (co.uk): enough to tell one house from another."""
    labels = domain.lower().rstrip(".").split(".")
    keep = 3 if len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3 else 2
    return ".".join(labels[-keep:])


def _other_address(evidence: Evidence) -> Iterator[Hit]:
    for mailbox in evidence.parsed.from_:
        match = _ADDRESS.search(mailbox.name)
        if match and mailbox.domain and _organisation(match[1]) != _organisation(mailbox.domain):
            yield Hit(f"{mailbox.name} <{mailbox.address}>"[:200], "name")


def _other_domain(evidence: Evidence) -> Iterator[Hit]:
    for mailbox in evidence.parsed.from_:
        match = None if "@" in mailbox.name else _DOMAIN.search(mailbox.name)
        if match and mailbox.domain and _organisation(match[1]) != _organisation(mailbox.domain):
            yield Hit(f"{mailbox.name} <{mailbox.address}>"[:200], "name")


def _sentence_for_name(evidence: Evidence) -> Iterator[Hit]:
    for mailbox in (*evidence.parsed.from_, *evidence.parsed.reply_to):
        words = mailbox.name.split()
        if len(words) >= 9 or (len(words) >= 5 and mailbox.name.rstrip().endswith((".", "!", "?"))):
            yield Hit(mailbox.name[:200], "name")


def _reply_elsewhere(evidence: Evidence) -> Iterator[Hit]:
    houses = {_organisation(mailbox.domain) for mailbox in evidence.parsed.from_ if mailbox.domain}
    for mailbox in evidence.parsed.reply_to:
        if houses and mailbox.domain and _organisation(mailbox.domain) not in houses:
            yield Hit(mailbox.address[:200], "reply-to")


def _mixed_host(evidence: Evidence) -> Iterator[Hit]:
    for link in evidence.visible.links[:200]:
        match = _HOST.match(link.url)
        if match is None:
            continue
        host = match[1]
        if "xn--" in host.lower():
            try:
                host = host.encode("ascii").decode("idna")
            except UnicodeError:
                yield Hit(link.url[:200], "link", link.start, link.start + len(link.text) if link.start >= 0 else -1)
                continue
        if any(_mixes(label) for label in host.split(".")):
            yield Hit(link.url[:200], "link", link.start, link.start + len(link.text) if link.start >= 0 else -1)


def _mixes(label: str) -> bool:
    """Latin letters together with Cyrillic or Greek ones (UTS 39 section 5: no restriction level allows that)."""
    if label.isascii():
        return False
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in label if letter.isalpha()}
    return "LATIN" in scripts and bool(scripts & {"CYRILLIC", "GREEK", "CHEROKEE", "ARMENIAN"})


def _other_host(evidence: Evidence) -> Iterator[Hit]:
    for link in evidence.visible.links[:200]:
        real = _HOST.match(link.url)
        claimed = _HOST.search(link.text) or _DOMAIN.fullmatch(link.text.strip())
        if real and claimed and _organisation(claimed[1]) != _organisation(real[1]):
            yield Hit(f"{link.text[:80]} -> {link.url[:100]}", "link")


def _forged(evidence: Evidence) -> Iterator[Hit]:
    auth = evidence.auth
    # A list or forwarder breaks what it passes on; an intact ARC chain (RFC 8617) says that it was right before.
    if auth.verdict == "fail" and auth.policy in ("quarantine", "reject") and auth.arc != "pass":
        yield Hit(auth.detail[:200], "sender")


SENDERS: Final[tuple[Rule, ...]] = (
    Rule("senders.forged", 0.5, "It is not from the domain it names, whose owner asks to refuse such mail.", _forged),
    Rule("senders.other_address", 0.5, "The sender's name shows an address that is not the real one.", _other_address),
    Rule("senders.other_domain", 0.3, "The sender's name shows a domain that is not the real one.", _other_domain),
    Rule("senders.sentence", 0.5, "The sender's name is a whole sentence.", _sentence_for_name),
    Rule("senders.reply_elsewhere", 0.05, "Answers would go to another domain than the sender's.", _reply_elsewhere),
    Rule(
        "senders.mixed_host", 0.5, "A link leads to a host name that mixes alphabets to look like another.", _mixed_host
    ),
    Rule("senders.other_host", 0.15, "A link names one host and leads to another.", _other_host),
)
