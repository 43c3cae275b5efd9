"""What a person would see of an email, and what was hidden from them.

`visible_text(parsed)` renders the HTML (or lays out the plain text) and splits it in two: the text shown, and the
passages a reader would not see. CSS that cannot be understood, or a cap reached, counts as hidden. Pure; nothing found
in mail is ever fetched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from letterlock.message.characters import clean, is_clean
from letterlock.message.css import NO_FRAME, ROOT, Cascade, Frame, Style
from letterlock.message.parse import Caps, ParsedMessage
from letterlock.message.sheets import Element, data_text, imported, names
from letterlock.patterns import on_demand

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

Look = Literal["large", "bold", "mono", "spaced", "centred", "boxed", "heading", "cell", "code"]
"""How a block stands out: font at least 20px or larger than the body, letter-spacing, own border or background, ..."""


@dataclass(frozen=True, slots=True)
class Block:
    """One visual line of shown text, or a part of one that stands out. `start` is its offset in VisibleText.text, or -1
    where the block is from the part that is not shown (the text/plain twin of a shown HTML part) or is an image's alt.

    Looks of a line are those of all of it; what stands out within a line follows as a block of its own. Characters set
    one by one (a cell or span each) come as one block with their text joined."""

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


_CAPS: Final = Caps()
NODES_CAP: Final = 50_000
DEPTH_CAP: Final = 200
# So many overrides within each other are put in order; each costs another look at the runs within.
_TURNS: Final = 8


def visible_text(parsed: ParsedMessage, caps: Caps = _CAPS) -> VisibleText:
    """What a person would see of `parsed`: the HTML body when there is one, else the plain text.

    `caps` limits how much of a part is rendered; what lies beyond is in `hidden` with the code "cut". HTML that cannot
    be understood as a whole is hidden and the plain text shown in its place. Never raises."""
    hidden = _Hidden()
    plain = hidden.cleaned("\n\n".join(parsed.plain)[: caps.text_chars], "plain")
    if sum(map(len, parsed.plain)) > caps.text_chars:
        hidden.add("\n\n".join(parsed.plain)[caps.text_chars :], "cut", "plain")
    plain = _BLANK_LINES.sub("\n\n", _TRAILING.sub("\n", plain)).strip("\n").rstrip()
    page = _render("\n".join(parsed.html), caps, hidden) if parsed.html else None
    if page is None:
        return VisibleText(plain, tuple(_lines(plain, 0)), tuple(_bare_links(plain, "plain", 0)), *hidden.result())
    text = "".join(page.pieces)
    links = page.shown_links()
    taken = {link.url for link in links}
    links += [link for link in _bare_links(text, "html", 0) if link.url not in taken]
    only_in_html = only_in_plain = ""
    if plain:
        html_lines, plain_lines = _spoken(text), _spoken(plain)
        in_html = set[str]().union(*(words for _, words in html_lines))
        in_plain = set[str]().union(*(words for _, words in plain_lines))
        only_in_html = _missing(html_lines, in_plain)
        only_in_plain = _missing(plain_lines, in_html.union(_words(" ".join(page.alts))))
    return VisibleText(
        text,
        (*page.blocks(), *_lines(plain, -1), *(Block(alt, "alt") for alt in page.alts)),
        (*links, *_bare_links(plain, "plain", -1)),
        *hidden.result(only_in_html, only_in_plain),
    )


# --- plain text -------------------------------------------------------------------------------------------------------

# Only where a run begins: tried at every blank of a long run, it would cost the square of its length.
_TRAILING: Final = on_demand(r"(?<![ \t\u00a0])[ \t\u00a0]++\n")
_BLANK_LINES: Final = on_demand(r"\n{3,}")
_BARE_URL: Final = on_demand(r"https?://[^\s<>\"'`\u00ab\u00bb\u201c\u201d]{3,4000}", re.IGNORECASE)
_LINKS_CAP: Final = 2_000
_LINES_CAP: Final = 10_000


def _lines(text: str, start: int) -> Iterator[Block]:
    for line in text.split("\n", _LINES_CAP)[:_LINES_CAP]:
        stripped = line.strip()
        if stripped:
            yield Block(stripped, "plain", start=start if start < 0 else start + line.index(stripped[0]))
        if start >= 0:
            start += len(line) + 1


def _bare_links(text: str, part: Literal["html", "plain"], start: int) -> Iterator[ShownLink]:
    """Addresses written out in running text, without the punctuation that ends the sentence around them."""
    if "://" not in text:
        return
    for count, match in enumerate(_BARE_URL.finditer(text)):
        if count >= _LINKS_CAP:
            return
        url = match[0].rstrip(".,;:!?*_|\\")
        while url.endswith((")", "]", "}")) and url.count(url[-1]) > url.count({")": "(", "]": "[", "}": "{"}[url[-1]]):
            url = url[:-1].rstrip(".,;:!?*_|\\")
        yield ShownLink(url, url, part, start=match.start() if start >= 0 else -1)


_LINE: Final = on_demand(r"[^\n]+\n*")
_SENTENCE_END: Final = on_demand(r"[.!?\u3002\uff01\uff1f]+\s+|[\u3002\uff01\uff1f]+|\n+")
_WORD: Final = on_demand(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{2,}")


_ASCII_WORD: Final = on_demand(r"[a-z0-9]{2,}")


def _words(text: str) -> list[str]:
    lowered = text.lower()
    # The same for ASCII, in half the time.
    return (_ASCII_WORD if lowered.isascii() else _WORD).findall(lowered)


def _spoken(text: str) -> list[tuple[str, set[str]]]:
    """The lines of `text`, with their ends, and the words of each."""
    return [(line, set(_words(line))) for line in _LINE.findall(text)]


def _missing(lines: list[tuple[str, set[str]]], known: set[str]) -> str:
    """The sentences of `lines` that a text with the words `known` does not say: less than half of their words occur in
    it."""
    missing = []
    for line, words in lines:
        # No sentence goes on over the end of a line.
        if words <= known:
            continue
        for sentence in _SENTENCE_END.split(_BARE_URL.sub(" ", line)):
            said = _words(sentence)
            if len(said) >= 2 and sum(word in known for word in said) * 2 < len(said):
                missing.append(sentence.strip())
    return "\n".join(missing)


class _Hidden:
    """Collects what is not shown: passages in order, and counts of odd characters."""

    def __init__(self) -> None:
        self.passages: list[HiddenPassage] = []
        self.counts: dict[str, int] = {}
        self._decoded: dict[tuple[str, str], list[str]] = {}
        self._doubts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self._why = ""

    def cleaned(self, text: str, where: str, turned: bool = False) -> str:
        """`text` without invisible characters, which are counted and read; `turned` as in characters.clean."""
        if not turned and is_clean(text):
            return text
        result = clean(text, turned)
        for kind, number in result.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + number
        for why, message in result.decoded:
            self._decoded.setdefault((why, where), []).append(message)
        return result.text

    def text(self, text: str, why: str) -> None:
        """A piece of hidden running text; pieces that follow each other for the same reason make one passage."""
        if why != self._why:
            self.close()
            self._why = why
        self._open.append(text)

    def doubt(self, text: str, why: str) -> None:
        """Text that is shown, and already cleaned, but is to be judged as hidden text too."""
        self._doubts.setdefault(why, []).append(text)

    def close(self) -> None:
        if self._open:
            whole, self._open = " ".join(self._open), []
            self.add(whole, self._why, "html")
        self._why = ""

    def add(self, text: str, why: str, where: str) -> None:
        folded = " ".join(self.cleaned(text, where).split())
        if folded:
            self.passages.append(HiddenPassage(folded, why, where))

    def result(
        self, only_in_html: str = "", only_in_plain: str = ""
    ) -> tuple[tuple[HiddenPassage, ...], str, str, dict[str, int] | None]:
        self.close()
        told = (HiddenPassage("".join(parts), why, where) for (why, where), parts in self._decoded.items())
        doubtful = (HiddenPassage(" ".join(" ".join(parts).split()), why) for why, parts in self._doubts.items())
        return (*self.passages, *doubtful, *told), only_in_html, only_in_plain, self.counts or None


# --- HTML -------------------------------------------------------------------------------------------------------------

_PARAGRAPHS: Final = names("p h1 h2 h3 h4 h5 h6 ul ol dl blockquote pre hr menu listing xmp")
# Never drawn, or drawn only by programs that run scripts or load other documents. A frame's text is what old ones show.
_UNSEEN: Final = {
    **dict.fromkeys(("title", "script", "template", "noscript", "noframes", "noembed"), "not_rendered"),
    **dict.fromkeys(("meter", "progress"), "not_rendered"),
    **dict.fromkeys(("iframe", "object", "audio", "video", "canvas", "svg", "math", "rp", "frameset"), "not_rendered"),
    **dict.fromkeys(("select", "datalist", "textarea", "option", "input"), "form"),
    **dict.fromkeys(("style", "meta", "link", "base", "col", "colgroup", "param", "source", "track", "area"), ""),
}
_SPOKEN: Final = names("title aria-label aria-description placeholder value summary label")
_MARKUP: Final = on_demand(r"<[^<>]*>")


class _Run(NamedTuple):
    """A stretch of shown text in one style. `gap`: what stands before it: "" nothing, " " a blank, "|" the edge of a
    table cell, "\n" a line break."""

    start: int
    text: str
    style: Style
    box: int
    gap: str


class _Room:
    """A box that cuts off what is too long for it, and how much of it is taken: estimated so that text which is thought
    to lie beyond its end surely does, with narrow letters and without the space between paragraphs."""

    __slots__ = ("bottom", "column", "depth", "frame", "fresh", "line", "marks", "used")

    def __init__(self, frame: Frame, depth: int) -> None:
        self.frame = frame
        self.depth = depth
        self.used = 0.0
        self.bottom = 0.0
        self.line = 0.0
        self.column = 0.0
        self.fresh = True
        # Of each open element that stands beside others, or has a height: its depth, the top of it, its height, and
        # whether what follows is beside it.
        self.marks: list[tuple[int, float, float, bool]] = []

    def enter(self, depth: int, frame: Frame, beside: bool, broken: bool) -> None:
        top = self.used if broken or self.fresh else max(0.0, self.used - self.line)
        if not beside:
            self.used += frame.lead
        if beside or frame.height or frame.row:
            self.marks.append((depth, top, frame.height, beside))
        if beside:
            self.used = top
            self.fresh = True

    def leave(self, depth: int) -> None:
        while self.marks and self.marks[-1][0] >= depth:
            _, top, height, beside = self.marks.pop()
            self.bottom = max(self.bottom, self.used, top + height)
            self.used = top if beside else self.bottom

    def take(self, text: str, style: Style, broken: bool) -> tuple[int, int]:
        """How many characters of `text` are drawn, and how many may be."""
        leading = style.leading
        line = 1.15 * style.size
        if leading is not None:
            line = leading.number * (1.0 if leading.unit else style.size)
        line = self.line = max(line, 4.0)
        letter = 0.45 * style.size
        if self.fresh or broken:
            self.used += line
            self.column = 0.0
            self.fresh = False
        frame = self.frame
        if frame.width < math.inf:
            room = max(0, int((frame.width - self.column) / letter))
            self.column += len(text) * letter
            sure = room
            may = 2 * room + 20
        else:
            sure = may = len(text)
        wide = min(_WIDEST, frame.width)
        end = min(frame.room, frame.lines * line)
        if end < math.inf:
            sure = min(sure, self._fitting(end, line, wide, letter))
            # Small boxes are no layout; in large ones there may be columns that we take to be below each other.
            may = min(may, self._fitting(3 * end if end > 60 else end, line, wide, letter))
        if frame.width == math.inf:
            over = self.column + len(text) * letter
            self.used += line * (over // wide)
            self.column = over % wide
        return sure, max(sure, may)

    def _fitting(self, end: float, line: float, wide: float, letter: float) -> int:
        """The characters from here on that are on lines of which the middle is above `end`."""
        if self.used - line / 2 > end:
            return 0
        more = (end - self.used + line / 2) // line
        return max(0, int((more * wide + wide - self.column) / letter))


# Of a window in which mail is read, in pixels.
_WIDEST: Final = 900.0


class _OpenLink:
    __slots__ = ("alts", "boxed", "first", "image", "url")

    def __init__(self, url: str, first: int) -> None:
        self.url = url
        self.first = first
        self.alts: list[str] = []
        self.image = False
        self.boxed = False


# So many characters are looked at again because something may lie on them.
_LOOKS: Final = 1_000_000


def _word_end(text: str, end: int) -> int:
    """`end`, moved to where a word begins."""
    if end >= len(text):
        return len(text)
    return text.rfind(" ", 0, end + 1) + 1


class _Page:
    """Text as it is laid out, run by run."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.runs: list[_Run] = []
        self.links: list[tuple[_OpenLink, int]] = []
        self.alts: list[str] = []
        self.box_chars: list[int] = [0]
        self.breaks = 0
        self.blank = False
        self.cell = False
        self.bullet = ""
        self.quotes = 0
        self.turning = 0
        self.rooms: list[_Room] = []
        self._looked = 0
        self._length = 0

    def line_break(self) -> None:
        self.breaks = min(2, self.breaks + 1)
        self.cell = False

    def block(self, paragraph: bool) -> None:
        wanted = 2 if paragraph else 1
        if self.breaks < wanted:
            self.breaks = wanted
        self.cell = False

    def write(self, text: str, style: Style, box: int) -> None:
        """Running text: runs of blanks are one blank (CSS Text 3 section 4.1.1)."""
        words = text.split()
        if not words:
            if text:
                self.blank = True
            return
        if text[0].isspace():
            self.blank = True
        self._put(" ".join(words), style, box)
        if text[-1].isspace():
            self.blank = True

    def write_kept(self, text: str, style: Style, box: int) -> None:
        """Preformatted text: line breaks and blanks stay."""
        for index, line in enumerate(text.split("\n")):
            if index:
                self.line_break()
            if line.strip():
                if self.blank and not self.breaks and self.pieces and not line[0].isspace():
                    self._put(line.strip("\r"), style, box)
                else:
                    self.blank = False
                    self._put(line.rstrip(), style, box)
        self.blank = text[-1:].isspace() and not text.endswith("\n")

    def _put(self, text: str, style: Style, box: int) -> None:
        gap = ""
        before = ""
        if not self.pieces:
            gap = "\n"
            before = "> " * self.quotes
        elif self.breaks:
            gap = "\n"
            before = "\n" * self.breaks + "> " * self.quotes
        elif self.cell:
            gap = "|"
            before = "  "
        elif self.blank:
            gap = before = " "
        if self.bullet:
            before += self.bullet
            self.bullet = ""
        if before:
            self.pieces.append(before)
            self._length += len(before)
        self.pieces.append(text)
        self.runs.append(_Run(self._length, text, style, box, gap))
        self._length += len(text)
        self.box_chars[box] += len(text)
        self.breaks = 0
        self.blank = self.cell = False

    def fit(self, text: str, style: Style, hidden: _Hidden) -> str:
        """As much of `text` as the boxes around it let be seen, the rest being hidden."""
        folded = text if style.keeps_blanks else " ".join(text.split())
        if not folded:
            return text
        sure = may = len(folded)
        for room in self.rooms:
            surely, maybe = room.take(folded, style, self.breaks > 0)
            sure, may = min(sure, surely), min(may, maybe)
        if may:
            hidden.close()
        if sure >= len(folded):
            return text
        sure, may = (_word_end(folded, end) for end in (sure, may))
        if folded[sure:may].strip():
            hidden.doubt(folded[sure:may], "cut_off")
        if may >= len(folded):
            return text
        hidden.text(folded[may:], "cut_off")
        return " " * text[:1].isspace() + folded[:may]

    def cover(self, first: int, height: float, style: Style, hidden: _Hidden) -> None:
        """Something lies on the runs from `first` on, so high from the top of them that nobody sees through it; 0 where
        that is not known."""
        runs = self.runs[first:]
        if not runs:
            return
        lines = sum(run.gap == "\n" for run in runs) or 1
        text = " ".join(run.text for run in runs)
        self._looked += len(runs) + len(text)
        if self._looked < _LOOKS and (not height or lines * 1.15 * style.size > max(height, 24.0)):
            hidden.doubt(text, "covered")
            return
        hidden.close()
        hidden.add(text, "covered", "html")
        del self.runs[first:]
        end = self.runs[-1].start + len(self.runs[-1].text) if self.runs else 0
        while self._length > end:
            self._length -= len(self.pieces.pop())
        for run in runs:
            self.box_chars[run.box] -= len(run.text)
        self.links = [(link, last) for link, last in self.links if link.first < first]
        self.breaks = max(self.breaks, 1)

    def overlap(self, height: float, hidden: _Hidden) -> None:
        """Something that cannot be seen through lies on the last lines so far, as many as are so high."""
        covered: list[str] = []
        self._looked += 2_000
        for run in reversed(self.runs[-40:]) if self._looked < _LOOKS else ():
            if height <= 0.5 * run.style.size:
                break
            covered.append(run.text[-2_000:])
            height -= 1.15 * run.style.size if run.gap == "\n" else 0.0
        if covered:
            hidden.doubt(" ".join(reversed(covered)), "covered")

    def turn(self, first: int) -> None:
        """Put the runs from `first` on, each turned around already, in the order in which they are seen, line by line
        (UAX 9 L2)."""
        runs = self.runs[first:]
        if len(runs) < 2:
            return
        del self.runs[first:]
        end = self.runs[-1].start + len(self.runs[-1].text) if self.runs else 0
        gaps: list[str] = []
        for run in runs:
            gaps.append("" if run.start == end else "gap")
            end = run.start + len(run.text)
        for index in range(len(runs) - 1, -1, -1):
            self.pieces.pop()
            if gaps[index]:
                gaps[index] = self.pieces.pop()
        self._length = runs[0].start - len(gaps[0])
        begin = 0
        for index in range(1, len(runs) + 1):
            if index < len(runs) and runs[index].gap not in ("\n", "|"):
                continue
            kinds = [runs[begin].gap, *(run.gap for run in reversed(runs[begin + 1 : index]))]
            between = [gaps[begin], *reversed(gaps[begin + 1 : index])]
            for run, kind, gap in zip(reversed(runs[begin:index]), kinds, between, strict=True):
                if gap:
                    self.pieces.append(gap)
                    self._length += len(gap)
                self.pieces.append(run.text)
                self.runs.append(_Run(self._length, run.text, run.style, run.box, kind))
                self._length += len(run.text)
            begin = index

    def shown_links(self) -> list[ShownLink]:
        shown = []
        for link, end in self.links[:_LINKS_CAP]:
            runs = self.runs[link.first : end]
            if runs:
                text = "".join((" " if run.gap and index else "") + run.text for index, run in enumerate(runs))
                box = self.box_chars[runs[0].box] if runs[0].box else 0
                button = link.boxed or 0 < box <= len(text) + 12
                shown.append(ShownLink(link.url, text, "html", button, link.image, runs[0].start))
            elif link.image or link.boxed:
                # A button whose label is missing is still one to press.
                shown.append(ShownLink(link.url, " ".join(link.alts), "html", link.boxed, link.image))
        return shown

    def blocks(self) -> Iterator[Block]:
        sizes: dict[float, int] = {}
        for run in self.runs:
            sizes[run.style.size] = sizes.get(run.style.size, 0) + len(run.text)
        body = max(sizes, key=lambda size: sizes[size]) if sizes else 16.0
        looks: dict[tuple[Style, bool], frozenset[Look]] = {}
        line: list[tuple[_Run, frozenset[Look]]] = []
        for index, run in enumerate(self.runs[: 2 * _LINES_CAP]):
            boxed = bool(run.box) and self.box_chars[run.box] <= 150
            key = (run.style, boxed)
            if key not in looks:
                looks[key] = _looks(run.style, boxed, body)
            if run.gap == "\n" and line:
                yield from _line_blocks(line)
                line = []
            following = self.runs[index + 1].gap if index + 1 < len(self.runs) else ""
            line.append((run, looks[key] | {"cell"} if run.gap == "|" or following == "|" else looks[key]))
        yield from _line_blocks(line)
        yield from self._joined(looks)

    def _joined(self, looks: dict[tuple[Style, bool], frozenset[Look]]) -> Iterator[Block]:
        """Characters set one by one, as codes often are, joined to what they spell."""
        group: list[_Run] = []
        for run in (*self.runs, None):
            if run is not None and len(run.text) == 1 and run.text.isalnum():
                group.append(run)
                continue
            if len(group) >= 3:
                apart = any(one.gap in ("|", "\n") for one in group[1:])
                look: Look = "cell" if apart else "spaced"
                first = group[0]
                shared = looks.get((first.style, False), frozenset())
                yield Block("".join(one.text for one in group), "html", shared | {look}, first.start)
            group = []


def _looks(style: Style, boxed: bool, body: float) -> frozenset[Look]:
    looks: set[Look] = set()
    if style.size >= 20 or style.size >= max(body * 1.3, body + 3):
        looks.add("large")
    if style.bold:
        looks.add("bold")
    if style.mono:
        looks.update(("mono", "code") if style.coded else ("mono",))
    if style.spaced:
        looks.add("spaced")
    if style.centred:
        looks.add("centred")
    if style.heading:
        looks.add("heading")
    if boxed:
        looks.add("boxed")
    return frozenset(looks)


def _line_blocks(line: list[tuple[_Run, frozenset[Look]]]) -> Iterator[Block]:
    if not line:
        return
    if len(line) == 1:
        ((run, looks),) = line
        yield Block(run.text, "html", looks, run.start)
        return
    groups: list[list[tuple[_Run, frozenset[Look]]]] = []
    for run, looks in line:
        if groups and run.gap != "|" and groups[-1][-1][1] == looks:
            groups[-1].append((run, looks))
        else:
            groups.append([(run, looks)])
    common = frozenset.intersection(*(looks for _, looks in line))
    yield _block(line, common)
    if len(groups) > 1:
        for group in groups:
            if group[0][1] - common:
                yield _block(group, group[0][1])


def _block(runs: list[tuple[_Run, frozenset[Look]]], looks: frozenset[Look]) -> Block:
    blanks = {"": "", " ": " ", "|": "  ", "\n": " "}
    text = "".join((blanks[run.gap] if index else "") + run.text for index, (run, _) in enumerate(runs))
    return Block(text, "html", looks, runs[0][0].start)


def _render(html: str, caps: Caps, hidden: _Hidden) -> _Page | None:
    """The page, or None when nothing of it can be counted as seen."""
    from selectolax.lexbor import LexborHTMLParser

    end = min(_safe_length(html), caps.html_bytes)
    if end < len(html):
        hidden.add(_MARKUP.sub(" ", html[end:]), "cut", "html")
        html = html[:end]
    tree = LexborHTMLParser(html)
    root = tree.root
    if root is None:
        return None
    sheets = [(sheet.text(), sheet.attributes.get("media") or "") for sheet in tree.css("style")]
    carried = [
        data_text(link.attributes.get("href") or "")
        for link in (tree.css("link[href^='data:' i]")[:20] if "data:" in html.lower() else ())
    ]
    carried += [text for sheet, _ in (*sheets, *((text, "") for text in carried)) for text in imported(sheet)]
    cascade = Cascade(sheets, carried, quirks=_doctype(html) is None)
    if cascade.failed:
        hidden.add(root.text(separator=" "), "not_understood", "html")
        return None
    page = _Page()
    _walk(root, cascade, page, hidden)
    hidden.close()
    _beside(html, root, [sheet for sheet, _ in sheets], cascade, hidden)
    return page


_TAG: Final = on_demand(r"<(/?)([a-zA-Z][^\s/>]*)")
_ATTRIBUTE: Final = on_demand(
    r"[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+|(?=>)))?+"
)
_CLOSED_BY_THE_NEXT: Final = names(
    "p li dt dd tr td th thead tbody tfoot option optgroup colgroup caption rp rt html head body area base br col "
    "embed hr img input link meta param source track wbr"
)
_NESTING: Final = 600
_OPEN_AT_ONCE: Final = 100
_FORMATTING: Final = names("a b big code em font i nobr s small strike strong tt u")


def _safe_length(html: str) -> int:
    """How much of `html` can be parsed in linear time: the tree builder is quadratic in nesting, in formatting elements
    left open and in attributes of one tag, so the text is cut where one of these is beyond anything honest."""
    opened = html.count("<") - html.count("</")
    if opened < _NESTING and len(html) < 60_000 and max(map(len, html.split("<"))) < 4_000:
        return len(html)
    open_: dict[str, int] = {}
    depth = formatting = 0
    previous = 0
    for match in _TAG.finditer(html):
        start = match.start()
        if start - previous > 500 and _attributes(html, previous) > 200:
            return previous
        previous = start
        name = match[2].lower()
        if name in _CLOSED_BY_THE_NEXT:
            continue
        level = open_.get(name, 0)
        if match[1]:
            if level:
                open_[name] = level - 1
                depth -= 1
                formatting -= name in _FORMATTING
        else:
            open_[name] = level + 1
            depth += 1
            formatting += name in _FORMATTING
            if depth > _NESTING or formatting > _OPEN_AT_ONCE:
                return start
    return previous if len(html) - previous > 500 and _attributes(html, previous) > 200 else len(html)


def _attributes(html: str, position: int) -> int:
    """The number of attributes of the tag at `position`, counted up to 201."""
    match = _TAG.match(html, position)
    count = 0
    while match is not None and count <= 200:
        match = _ATTRIBUTE.match(html, match.end())
        count += 1
    return count


_Open: TypeAlias = tuple["LexborNode", Style, int, _OpenLink | None, Element, Element | None, int, int]


def _positioned(stack: list[_Open], style: Style) -> int:
    """The number of runs before the innermost open element that others are positioned in, `style` being that of the
    innermost of all."""
    for index in range(len(stack) - 1, -1, -1):
        if style.frame is not None and style.frame.positioned:
            return stack[index][7]
        style = stack[index][1]
    return 0


def _frame(inner: Style, outer: Style, stack: list[_Open], page: _Page, hidden: _Hidden) -> None:
    """What an element that begins does to the text around it."""
    frame = inner.frame or NO_FRAME
    if frame.cover:
        page.cover(_positioned(stack[:-1], outer), frame.cover, inner, hidden)
    if frame.overlap:
        page.overlap(frame.overlap, hidden)
    beside = frame.beside or inner.display in _BESIDE or (outer.frame is not None and outer.frame.row)
    for room in page.rooms:
        room.enter(len(stack), frame, beside, page.breaks > 0)
    if frame.cuts and len(page.rooms) < _ROOMS:
        page.rooms.append(_Room(frame, len(stack)))


_BESIDE: Final = frozenset({"table-cell", "inline-block", "inline-table", "inline-flex"})
# So many boxes within each other are measured; each costs another look at the text within.
_ROOMS: Final = 8


def _walk(root: LexborNode, cascade: Cascade, page: _Page, hidden: _Hidden) -> None:
    # Of each open element its node, what to go back to after it (style, box, link, element and its elder), and the
    # number of runs before it where its text runs another way than what is around it, else -1; and that number anyway.
    stack: list[_Open] = []
    lists: list[int] = []
    spoken = _SPOKEN.union(cascade.named)
    element = Element("", {})
    elder: Element | None = None
    style = ROOT
    box = 0
    link: _OpenLink | None = None
    seen = 0
    node = root
    while True:
        seen += 1
        tag = node.tag or "-"
        inner: Style | None = None
        if seen > NODES_CAP:
            hidden.text(node.text(separator=" "), "cut")
        elif tag == "-text":
            content = node.text_content or ""
            if content.isspace() and not style.keeps_blanks:
                page.blank = True
            elif style.hidden:
                hidden.text(content, style.hidden)
            elif element.tag == "details" and _folded(element, "", None):
                hidden.text(content, "display_none")
            else:
                if not page.rooms:
                    hidden.close()
                if style.turned:
                    content = _turned(content, style, hidden)
                else:
                    if "\u202e" in content and not style.keeps_blanks:
                        content = _BLANK.sub(" ", content)
                    content = hidden.cleaned(content, "html")
                if page.rooms:
                    content = page.fit(content, style, hidden)
                if style.doubt:
                    hidden.doubt(content, style.doubt)
                if style.keeps_blanks:
                    page.write_kept(content, style, box)
                else:
                    page.write(content, style, box)
        elif tag == "-comment":
            hidden.add(_MARKUP.sub(" ", node.comment_content or ""), "comment", "html")
        elif tag[0] not in "-!":
            attributes = node.attributes
            child = Element(tag, attributes, element, elder)
            elder = child
            if attributes:
                if "class" in attributes:
                    child.classes = frozenset((attributes["class"] or "").split())
                    if cascade.quirks:
                        child.classes = child.classes.union(map(str.lower, child.classes))
                if "id" in attributes:
                    child.identity = attributes["id"] or ""
                    if cascade.quirks:
                        child.folded = child.identity.lower()
                if not spoken.isdisjoint(attributes):
                    for name, said in attributes.items():
                        if name in spoken and said and " " in said.strip():
                            hidden.add(said, "attribute", "html")
            unseen = _UNSEEN.get(tag)
            if unseen is not None:
                if unseen:
                    hidden.text(node.text(separator=" "), unseen)
                if tag in _ASIDE:
                    _aside(node, tag, attributes, hidden)
                if tag in _PRESSED and not style.hidden:
                    _pressed(node, tag, attributes, page)
            elif element.tag == "details" and _folded(element, tag, child.elder):
                hidden.text(node.text(separator=" "), "display_none")
            elif tag == "br":
                if not style.hidden:
                    if page.rooms and page.breaks:
                        for room in page.rooms:
                            room.used += 1.15 * style.size
                    page.line_break()
            elif tag == "head":
                inner = style
            else:
                inner = cascade.style(child, style)
                if inner.gone or len(stack) >= DEPTH_CAP or (tag == "dialog" and "open" not in attributes):
                    hidden.text(
                        node.text(separator=" "), inner.gone or ("too_deep" if tag != "dialog" else "display_none")
                    )
                    inner = None
                elif tag == "img":
                    if inner.frame is not None and inner.frame.cover:
                        page.cover(_positioned(stack, style), 0.0, inner, hidden)
                    _image(attributes, inner, page, hidden, link)
                    inner = None
        if inner is not None:
            turning = -1
            if inner.turned is not style.turned and page.turning < _TURNS:
                page.turning += 1
                turning = len(page.runs)
            stack.append((node, style, box, link, element, elder, turning, len(page.runs)))
            _enter(child, inner, page, lists)
            if page.rooms or inner.frame is not None:
                _frame(inner, style, stack, page, hidden)
            if inner.boxed and inner is not style:
                page.box_chars.append(0)
                box = len(page.box_chars) - 1
            if tag == "a" and (url := (attributes.get("href") or "").strip()):
                link = _OpenLink(url, len(page.runs))
                link.boxed = inner.boxed
            elif tag == "button" and (url := _sends_to(node, attributes)):
                link = _OpenLink(url, len(page.runs))
                link.boxed = True
            elif tag == "form" and not inner.hidden:
                _pressed(node, tag, attributes, page)
            style, element, elder = inner, child, None
            following = node.first_child
        else:
            following = None if node is root else node.next
        while following is None:
            if not stack:
                return
            left, drawn, opened = element, style, link
            if page.rooms:
                if page.rooms[-1].depth == len(stack):
                    page.rooms.pop()
                for room in page.rooms:
                    room.leave(len(stack))
            node, style, box, link, element, elder, turning, _ = stack.pop()
            if turning >= 0:
                page.turning -= 1
                page.turn(turning)
            if opened is not None and opened is not link:
                page.links.append((opened, len(page.runs)))
            _leave(left, drawn, page, lists)
            following = None if node is root else node.next
        node = following


def _aside(node: LexborNode, tag: str, attributes: Mapping[str, str | None], hidden: _Hidden) -> None:
    """What is within an element that is not drawn but is none of its text."""
    if tag == "template":
        hidden.add(unescape(_MARKUP.sub(" ", (node.html or "")[:_ASIDE_CHARS])), "not_rendered", "html")
    elif tag == "iframe":
        hidden.add(unescape(_MARKUP.sub(" ", (attributes.get("srcdoc") or "")[:_ASIDE_CHARS])), "not_rendered", "html")
    else:
        said = attributes.get("content" if tag == "meta" else "alt") or ""
        named = (attributes.get("name") or attributes.get("http-equiv") or "").lower()
        if " " in said.strip() and not (named in _TECHNICAL and len(said) < 100):
            hidden.add(said, "attribute", "html")


def _pressed(node: LexborNode, tag: str, attributes: Mapping[str, str | None], page: _Page) -> None:
    """What leads somewhere without holding text: an area of an image map, a form and its buttons."""
    url: str | None
    label: str | None
    if tag == "form":
        url, label = attributes.get("action"), ""
    elif tag == "area":
        url, label = attributes.get("href"), attributes.get("alt")
    elif (attributes.get("type") or "").lower() in ("submit", "image"):
        url, label = _sends_to(node, attributes), attributes.get("value") or attributes.get("alt")
    else:
        return
    if url and url.strip():
        link = _OpenLink(url.strip(), len(page.runs))
        link.boxed = True
        link.alts = [label.strip()] if label else []
        page.links.append((link, len(page.runs)))


def _sends_to(node: LexborNode, attributes: Mapping[str, str | None]) -> str:
    """Where a button of a form sends it (HTML section 4.10.19.6), "" outside a form and for other buttons."""
    if (attributes.get("type") or "submit").lower() not in ("submit", "image"):
        return ""
    own = (attributes.get("formaction") or "").strip()
    above, steps = node.parent, 0
    while not own and above is not None and steps < _FORM_DEPTH:
        if above.tag == "form":
            return (above.attributes.get("action") or "").strip()
        above, steps = above.parent, steps + 1
    return own


_PRESSED: Final = names("area input")
_FORM_DEPTH: Final = 30
_ASIDE: Final = names("template iframe meta area input")
# Of nearly every mail, and nothing in so few letters for anybody to read.
_TECHNICAL: Final = names(
    "viewport content-type x-ua-compatible color-scheme supported-color-schemes format-detection generator"
)
_ASIDE_CHARS: Final = 200_000
_DOCTYPE: Final = on_demand(r"<!doctype\b[^>]*+>", re.IGNORECASE)
_QUOTED: Final = on_demand(r"\"([^\"]*+)\"|'([^']*+)'")
_CSS_COMMENT: Final = on_demand(r"/\*((?:[^*]|\*(?!/))*+)(?:\*/|\Z)")


def _doctype(html: str) -> re.Match[str] | None:
    start = html[:10_000].lower().find("<!doctype")
    return _DOCTYPE.match(html, start) if start >= 0 else None


def _beside(html: str, root: LexborNode, sheets: list[str], cascade: Cascade, hidden: _Hidden) -> None:
    """What a document says outside of its elements: its type, comments around it and in its sheets, and what the sheets
    write before and after elements."""
    doctype = _doctype(html)
    if doctype is not None:
        said = " ".join(one or two for one, two in _QUOTED.findall(doctype[0]))
        if " " in said and not said.startswith("-//W3C//DTD "):
            hidden.add(said, "comment", "html")
    for forth in (False, True):
        node = root.next if forth else root.prev
        for _ in range(1_000):
            if node is None:
                break
            if node.tag == "-comment":
                hidden.add(_MARKUP.sub(" ", node.comment_content or ""), "comment", "html")
            node = node.next if forth else node.prev
    for sheet in sheets:
        if "/*" in sheet:
            hidden.add("\n".join(_CSS_COMMENT.findall(sheet)), "comment", "html")
    if cascade.written:
        apart = "" if max(map(len, cascade.written)) <= 2 else " "
        hidden.add(apart.join(cascade.written), "generated", "html")


_BLANK: Final = on_demand(r"[\t\n\r\f]")


def _turned(content: str, style: Style, hidden: _Hidden) -> str:
    """Text under an override; the blanks at its ends stay where they are until the whole line is turned around."""
    core = content.strip()
    if not core:
        return content
    start = content.index(core)
    inner = hidden.cleaned(core if style.keeps_blanks else _BLANK.sub(" ", core), "html", True)
    return content[:start] + inner + content[start + len(core) :]


def _folded(details: Element, tag: str, elder: Element | None) -> bool:
    """Whether a child of <details> is away until it is opened: all are but the first <summary> (HTML 4.11.1)."""
    if "open" in details.attributes:
        return False
    if tag != "summary":
        return True
    while elder is not None and elder.tag != "summary":
        elder = elder.elder
    return elder is not None


_LISTS: Final = names("ul ol menu dir")
_MARKED: Final = _LISTS | {"li", "blockquote"}


def _enter(element: Element, style: Style, page: _Page, lists: list[int]) -> None:
    tag = element.tag
    display = style.display
    if display[:6] != "inline" and display not in ("contents", "table-cell"):
        page.block(tag in _PARAGRAPHS and not style.tight and not (lists and tag in ("ul", "ol")))
    if tag not in _MARKED:
        return
    if tag == "li":
        if lists and lists[-1] > 0:
            page.bullet = f"{lists[-1]}. "
            lists[-1] += 1
        else:
            page.bullet = "- "
    elif tag in _LISTS:
        start = (element.attributes.get("start") or "1").strip()
        lists.append((int(start) if start.isdigit() and len(start) < 7 else 1) if tag == "ol" else 0)
    elif _is_quote(element.attributes):
        page.quotes += 1


def _leave(element: Element, style: Style, page: _Page, lists: list[int]) -> None:
    tag = element.tag
    display = style.display
    if tag in _MARKED:
        if tag == "li":
            page.bullet = ""
        elif tag in _LISTS:
            lists.pop()
        elif _is_quote(element.attributes):
            page.quotes -= 1
    if display == "table-cell":
        page.cell = not page.breaks
    elif display[:6] != "inline" and display != "contents":
        page.block(tag in _PARAGRAPHS and not style.tight and not (lists and tag in ("ul", "ol")))


def _is_quote(attributes: Mapping[str, str | None]) -> bool:
    """A quoted message rather than an indented paragraph."""
    return attributes.get("type") == "cite" or "quote" in (attributes.get("class") or "")


def _image(
    attributes: Mapping[str, str | None], style: Style, page: _Page, hidden: _Hidden, link: _OpenLink | None
) -> None:
    """Pictures are not in the text; their alternative text is a block of its own. Invisible ones count for nothing."""
    alt = " ".join(hidden.cleaned(attributes.get("alt") or "", "html").split())
    if alt:
        hidden.add(alt, "alt", "html")
    if style.hidden in ("visibility", "off_screen") or any(
        (attributes.get(side) or "").strip().removesuffix("px") in ("0", "1", "2") for side in ("width", "height")
    ):
        return
    if alt:
        page.alts.append(alt)
    if link is not None:
        link.image = True
        if alt:
            link.alts.append(alt)
