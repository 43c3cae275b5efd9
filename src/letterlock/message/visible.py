"""What a person would see of an email, and what was hidden from them.

`visible_text(parsed)` renders the HTML (or lays out the plain text) and splits it in two: the text shown, and the
passages a reader would not see. CSS that cannot be understood, or a cap reached, counts as hidden. Pure; nothing found
in mail is ever fetched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from letterlock.message.parse import Caps, ParsedMessage

Look = Literal["large", "bold", "mono", "spaced", "centred", "boxed", "heading", "cell", "code"]
"""How a block stands out: font at least 20px or larger than the body, letter-spacing, own border or background, ..."""


@dataclass(frozen=True, slots=True)
class Block:
    """One visual line or paragraph of shown text. `start` is its offset in VisibleText.text, or -1 where the block is
    from the part that is not shown (the text/plain twin of a shown HTML part)."""

    text: str
    part: Literal["html", "plain", "alt"]
    looks: frozenset[Look] = frozenset()
    start: int = -1


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link as shown: `text` is what a person reads (or the image's alt), `button` whether it looks like one.
    `start` is the offset of its text in VisibleText.text, -1 when not shown there."""

    url: str
    text: str
    part: Literal["html", "plain"]
    button: bool = False
    image: bool = False
    start: int = -1


@dataclass(frozen=True, slots=True)
class HiddenPassage:
    """Text a person would not see. `why` is a code: display_none, colour, tiny, off_screen, comment, attribute, ..."""

    text: str
    why: str
    where: str = "html"


@dataclass(frozen=True, slots=True)
class VisibleText:
    """`text` is the only body text that may ever go on to a model, and only through screen.safe_text."""

    text: str = ""
    blocks: tuple[Block, ...] = ()
    links: tuple[ShownLink, ...] = ()
    hidden: tuple[HiddenPassage, ...] = ()
    only_in_html: str = ""
    only_in_plain: str = ""
    """Sentences that only one of two alternative parts shows (threat: the twin nobody looks at)."""
    odd_characters: dict[str, int] | None = None
    """Counts by kind of characters neutralised: tags, zero_width, bidi, variation, soft_hyphen, ..."""


def visible_text(parsed: ParsedMessage, caps: Caps = Caps()) -> VisibleText:  # noqa: B008 (frozen)
    """What a person would see of `parsed`: the HTML body when there is one, else the plain text."""
    from selectolax.lexbor import LexborHTMLParser

    if not parsed.html:
        text = "\n\n".join(parsed.plain).strip()
        return VisibleText(text=text, blocks=_lines(text, 0))
    tree = LexborHTMLParser("\n".join(parsed.html))
    tree.strip_tags(["script", "style", "head", "title", "template", "noscript"])
    body = tree.body
    text = re.sub(r"[ \t]*\n\s*", "\n", body.text(separator="\n") if body is not None else "").strip()
    links = []
    for node in tree.css("a[href]"):
        label = " ".join(node.text().split())
        links.append(ShownLink(node.attributes.get("href") or "", label, "html", start=text.find(label)))
    return VisibleText(text=text, blocks=_lines(text, 0), links=tuple(links))


def _lines(text: str, start: int) -> tuple[Block, ...]:
    blocks = []
    for line in text.split("\n"):
        if line.strip():
            blocks.append(Block(line, "plain", start=start))
        start += len(line) + 1
    return tuple(blocks)
