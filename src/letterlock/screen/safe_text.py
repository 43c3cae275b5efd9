"""What a model may read of a text at this level: cut, neutralised, masked and fenced. The only door from mail to model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from letterlock.screen.score import Level, Screening


@dataclass(frozen=True, slots=True)
class SafeText:
    """`text` is what may be shown, not yet fenced, so that callers can page it by `offset`; `removed` says in words what
    was cut or withheld and why. `withheld`: nothing of the body may be shown at this level."""

    text: str
    removed: tuple[str, ...] = ()
    withheld: bool = False


def safe_text(text: str, screening: Screening, masks: Iterable[str] = ()) -> SafeText:
    """The body `text` (VisibleText.text) at the level of `screening`, with every string of `masks` (codes) masked."""
    if screening.level is Level.QUARANTINED:
        return SafeText("", tuple(dict.fromkeys(finding.reason for finding in screening.findings)), withheld=True)
    return SafeText(_mask(text, masks))


def safe_line(value: str, limit: int = 200, masks: Iterable[str] = ()) -> str:
    """One line of outside text (subject, name, file name, link text): no controls or invisible characters, our markers
    and template tokens neutralised, whitespace folded, masked, cut at `limit` characters with an ellipsis."""
    line = _mask(" ".join(value.split()), masks)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def fence(text: str, nonce: str) -> str:
    """`text` between two lines that carry `nonce` (128 random bits as hex, fresh per call); the text cannot contain it."""
    text = text.replace(nonce, "")
    return f"<<<email {nonce}>>>\n{text}\n<<<end {nonce}>>>"


def _mask(text: str, masks: Iterable[str]) -> str:
    for code in masks:
        if code:
            text = text.replace(code, "•" * len(code))
    return text
