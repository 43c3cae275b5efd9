"""What a model may read of a text at this level: cut, neutralised, masked and fenced. The only door from mail to model.

Safe on any string, also one that was never rendered: invisible characters go, marks that programs or models act upon
are broken up so that they read the same to a person and mean nothing to a parser. Linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from letterlock.message.characters import clean
from letterlock.message.extract.codes import spellings
from letterlock.message.extract.keywords import clean as plain
from letterlock.patterns import on_demand
from letterlock.screen.rule import Finding
from letterlock.screen.score import Level, Screening


@dataclass(frozen=True, slots=True)
class SafeText:
    """`text` is what may be shown, not yet fenced, so that callers can page it by `offset`; `removed` says in words
    what was cut or withheld and why. `withheld`: nothing of the body may be shown at this level."""

    text: str
    removed: tuple[str, ...] = ()
    withheld: bool = False


def safe_text(text: str, screening: Screening, masks: Iterable[str] = (), end: int | None = None) -> SafeText:
    """The body `text` (VisibleText.text) at the level of `screening`, with every string of `masks` (codes) masked;
    of it what stands before `end`, all without.

    trusted and normal: all of it, neutralised. suspect: without the paragraphs that something was found in.
    quarantined: nothing. A suspect text in which something was found that cannot be located is withheld as a whole."""
    masks = tuple(masks)
    reasons = tuple(dict.fromkeys(finding.reason for finding in screening.findings))
    if screening.level is Level.QUARANTINED:
        return SafeText("", tuple(f"Withheld: {reason}" for reason in reasons) or ("Withheld.",), withheld=True)
    removed: tuple[str, ...] = ()
    if screening.level is Level.SUSPECT:
        in_text = [finding for finding in screening.findings if finding.where == "text"]
        if any(finding.start < 0 for finding in in_text):
            return SafeText("", tuple(f"Withheld: {reason}" for reason in reasons), withheld=True)
        text, removed = _cut(text, in_text, len(text) if end is None else end)
    else:
        text = text[:end]
    return SafeText(masked(neutralise(text), masks), removed)


def safe_line(value: str, limit: int = 200, masks: Iterable[str] = ()) -> str:
    """One line of outside text (subject, name, file name, link text): no controls or invisible characters, our markers
    and template tokens neutralised, whitespace folded, masked, cut at `limit` characters with an ellipsis."""
    # Far more than can be shown is not worth reading; the margin is for what folding and cleaning take away.
    line = " ".join(neutralise(" ".join(value[: 20 * limit + 1_000].split())).split())
    line = masked(line, masks)
    return line if len(line) <= limit else line[: max(0, limit - 1)] + "…"


def fence(text: str, nonce: str) -> str:
    """`text` between two lines that carry `nonce` (128 random bits as hex, fresh per call); it cannot contain them."""
    while nonce and nonce in text:
        text = text.replace(nonce, "•" * 8)
    return f"<<<email {nonce}>>>\n{_FENCE.sub(_spread, text)}\n<<<end {nonce}>>>"


# --- neutralising -----------------------------------------------------------------------------------------------------

_FENCE: Final = on_demand(r"<{3,}|>{3,}")
# Marks that chat templates, agents' tool parsers and Markdown renderers act upon (a person reads them all the same). In
# three searches, so that each begins with characters the regex engine can look for, which most texts hardly have.
# Full-width bars and angle brackets stand in the marks of some models for the plain ones.
_MARKS: Final = on_demand(
    r"[<\uff1c][|\uff5c]|[|\uff5c][>\uff1e]|</?(?=(?:system|assistant|user|human|im_|tool|function|invoke|antml"
    r"|start_of|end_of|s>|bos|eos|pad>|unk>|mask>|unused|instructions?\b|admin\b|result|thinking|parameter\b|img\b"
    r"|(?:model|developer|think|document|context|e?mail|untrusted\w{0,20}|message|prompt|answer|reasoning|scratchpad)"
    r"[\s/>]))"
    r"|\[(?=/?(?:INST\]|[A-Z]{3,20}_[A-Z_]{3,30}\]|SYSTEM\]|THINK\]|IMG\]))|<<(?=/?SYS)"
    r"|!\[|\](?=[(\[])|\"(?=(?:tool_calls?|function_call|tool_use|arguments)\"\s?:)",
    re.IGNORECASE,
)
_LINE_STARTS: Final = on_demand(
    r"\n[ ]{0,3}\[(?=[^\]\n]{1,200}\]:)|\n[ \t>#*]{0,9}(?:human|assistant|system|user|ai)(?=\s?:)", re.IGNORECASE
)
_CALLS: Final = on_demand(
    r"\b(?:tool_call|function_call|tool_use|send_email|forward_email|reply_to_email|wait_for_otp|read_email|list_emails"
    r"|search_emails|delete_inbox|extract_links|get_attachment|escalate_email)(?=\s?[(:={])",
    re.IGNORECASE,
)


def neutralise(text: str) -> str:
    """`text` without invisible characters, with marks that act on a program broken up."""
    text = clean(text.replace("\r\n", "\n")).text
    text = _LINE_STARTS.sub(_broken_line, "\n" + text)[1:]
    if "_" in text:
        text = _CALLS.sub(lambda call: call[0].replace("_", " "), text)
    return _FENCE.sub(_spread, _MARKS.sub(_broken, text))


def _spread(match: re.Match[str]) -> str:
    return " ".join(match[0])


def _broken_line(match: re.Match[str]) -> str:
    start = match[0]
    return start.replace("[", "\\[") if start[-1] == "[" else start + " "


def _broken(match: re.Match[str]) -> str:
    mark = match[0]
    if mark == "![":
        return "! \\["
    if mark == "]":
        return "\\] "
    if mark == '"':
        return "'"
    return " ".join(mark) + " "


# --- masking ----------------------------------------------------------------------------------------------------------


def masked(text: str, masks: Iterable[str]) -> str:
    """Every way to write each code, also with blanks or marks between and in other digits, as dots of its length."""
    for code in dict.fromkeys("".join(filter(str.isalnum, plain(mask))) for mask in masks):
        pieces, position = [], 0
        for start, end in spellings(text, code):
            pieces += [text[position:start], "•" * len(code)]
            position = end
        text = "".join((*pieces, text[position:])) if pieces else text
    return text


# --- cutting ----------------------------------------------------------------------------------------------------------

_PARAGRAPH: Final = on_demand(r"\n{2,}")


def _cut(text: str, findings: Iterable[Finding], stop: int) -> tuple[str, tuple[str, ...]]:
    """`text` before `stop` without the paragraphs that hold a finding; what stood in each place, and the reasons in
    words."""
    edges = [0]
    for match in _PARAGRAPH.finditer(text):
        edges.append(match.end())
    edges.append(len(text) + 1)
    reasons: dict[int, list[str]] = {}
    for finding in findings:
        for index in range(
            _paragraph(edges, finding.start), _paragraph(edges, max(finding.start, finding.end - 1)) + 1
        ):
            told = reasons.setdefault(index, [])
            if finding.reason not in told:
                told.append(finding.reason)
    pieces = []
    for index, (start, end) in enumerate(pairwise(edges)):
        if start >= stop:
            reasons.pop(index, None)
        elif index not in reasons:
            pieces.append(text[start : min(end, stop)])
        else:
            blank = text[start:end]
            pieces.append(f"[cut: {' '.join(reasons[index])}]" + blank[len(blank.rstrip("\n")) :])
    return "".join(pieces), tuple(dict.fromkeys(f"Cut: {reason}" for told in reasons.values() for reason in told))


def _paragraph(edges: list[int], offset: int) -> int:
    return min(max(0, bisect_right(edges, offset) - 1), len(edges) - 2)
