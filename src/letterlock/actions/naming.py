"""Does an email name somebody's address? However it is written: in its head, its words, its files and those packed in
them, with other capitals, wide letters, percent signs or entities, over the end of a line, as a return path names it.

Pure. What nobody can look into is said, never passed over.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from letterlock.message.address import Address
from letterlock.outbound.contents import everything
from letterlock.patterns import on_demand

_UNSEEN: Final = on_demand("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_OPEN: Final = tuple("@.=_-")
_GOES_ON: Final = tuple("@.")
"""How a line ends and begins that was cut within an address."""
_RTF: Final = on_demand(r"\\'([0-9a-f]{2})")
_ESCAPED: Final = on_demand(r"\\u00([0-7][0-9a-f])")
_QUOTED: Final = on_demand(r"=([0-9a-f]{2})")
_SOFT_END: Final = on_demand(r"=\r?\n")
_TAG: Final = on_demand("<[^<>]{0,2000}>")
_EXTENSIONS: Final = (
    "7z|bin|bmp|csv|dat|doc|docx|eml|gif|gz|htm|html|ics|jpe?g|json|log|mbox|msg|od[pst]|p7[ms]|pdf|png|pptx?|rar|rtf"
    "|tar|tgz|tiff?|tsv|txt|vcf|webp|xlsx?|xml|ya?ml|zip"
)
"""Behind an address they are that of a file, and not more of its domain."""


_APART: Final = "\n\x01\n"
"""Between texts that have nothing to do with each other: no line goes on over it."""


@dataclass(frozen=True, slots=True)
class Looked:
    """`unseen`: a file, or all of it, could not be looked into."""

    names: bool
    unseen: bool = False


class Named:
    """An address, to be found in texts: with any plus-tag, as VERP (`local=domain`) and SRS (`=domain=local@`) write
    it, marked up (`_local@domain_`), with a file's extension behind it; not as the end or the beginning of another."""

    def __init__(self, address: Address) -> None:
        both = [each.rpartition("@") for each in {str(address).lower(), address.key}]
        self._locals = sorted({local for local, _, _ in both})
        domains = {domain for _, _, domain in both}
        domains |= {_shown(domain) for domain in domains}
        local = "|".join(map(re.escape, self._locals))
        domain = "|".join(map(re.escape, sorted(domains, key=len, reverse=True)))
        tag = "" if "+" in address.local else r"(?:\+[\w.+-]{0,64})?"
        ends = rf"(?=\.(?:{_EXTENSIONS})(?!\w))|(?![^\W_]|-{{1,9}}[^\W_]|\.[^\W_])"
        self._pattern = re.compile(
            rf"(?:(?<![\w.+-])[_*~-]{{0,9}}(?:{local}){tag}@(?:{domain})(?:{ends}))"
            rf"|(?:(?<![^\W_])(?<!\.)(?:{local}){tag}=(?:{domain})(?:{ends}))"
            rf"|(?:=(?:{domain})=(?:{local})@)"
        )

    def is_in(self, text: str) -> bool:
        return any(self._pattern.search(form) for form in _forms(text) if any(local in form for local in self._locals))

    def look(self, texts: Iterable[str], report: bytes, raw: bytes) -> Looked:
        """Whether an email is about the address: `texts` as the store keeps them, its report (b"" without one) and its
        bytes."""
        told = json.loads(report) if report else {}
        if self.is_in(_APART.join((*texts, *_strings(told)))) or self.is_in(raw.decode("utf-8", "replace")):
            return Looked(True)
        parts = everything(raw)
        if any(self.is_in(part.words) for part in parts):
            return Looked(True)
        # The files come behind the email itself. PDF and Word were read when it was filed.
        known = [one for one in told.get("attached", ()) if not one["truncated"] and not one["problem"]]
        read = {one["index"] + 1 for one in known if one["kind"] in ("pdf", "docx")}
        return Looked(False, any(part.unseen and n not in read for n, part in enumerate(parts)))


def _forms(text: str) -> Iterator[str]:
    """A text and what it says in the writings that programs put addresses in; each about as long as it is."""
    plain = (text if text.isascii() else _UNSEEN.sub("", unicodedata.normalize("NFKC", text))).lower()
    yield plain
    yield _unwrapped(plain)
    if "%" in plain:
        once = unquote(plain)
        yield once
        yield unquote(once)
    if "&" in plain:
        yield html.unescape(plain)
    if "<" in plain:
        yield html.unescape(_TAG.sub("", plain))
    if "=" in plain:
        yield unquote(_QUOTED.sub(r"%\1", _SOFT_END.sub("", plain)))
    if "\\'" in plain:
        yield _RTF.sub(_letter, plain)
    if "\\u00" in plain:
        yield _ESCAPED.sub(_letter, plain)


def _unwrapped(text: str) -> str:
    parts: list[str] = []
    before = ""
    for line in text.split("\n"):
        own = line.strip(" \t\r>|")
        parts += [own] if before.endswith(_OPEN) or own.startswith(_GOES_ON) else ["\n", own]
        before = own
    return "".join(parts).replace(" @", "@").replace("@ ", "@")


def _letter(code: re.Match[str]) -> str:
    return chr(int(code[1], 16))


def _strings(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        yield from (each for one in told.values() for each in _strings(one))
    elif isinstance(told, list):
        yield from (each for one in told for each in _strings(one))


def _shown(domain: str) -> str:
    """As a person writes it."""
    try:
        return domain.encode("ascii").decode("idna") if "xn--" in domain else domain
    except UnicodeError:
        return domain
