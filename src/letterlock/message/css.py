"""What style sheets and style attributes make of an element: whether a person sees its text, and how it looks.

`Cascade(sheets)` holds a document's rules, indexed by id, class and tag; `Cascade.style(element, parent)` gives the
computed Style. Where CSS cannot be understood the Style is hidden: `Style.hidden` says why. Linear in rules and nodes
(every match step is counted against a budget). CSS Cascade 4, CSS 2.1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from letterlock.message.sheets import (
    ANIMATION,
    BLACK,
    FUNCTION,
    LINK,
    NUMBER,
    READERS,
    RULES_CAP,
    TIME,
    WHITE,
    WIDE,
    Colour,
    Compound,
    Declaration,
    Element,
    Gradient,
    Length,
    Rule,
    Unknown,
    Value,
    bounded,
    declarations,
    expand,
    fills,
    fits,
    font_name,
    is_picture,
    legacy_colour,
    length_of,
    media_matches,
    names,
    number_of,
    pixels,
    read_sheet,
    selectors,
)
from letterlock.patterns import on_demand

# What drawing one frame counts for beside a match step.
_FRAME_STEPS: Final = 60
_MATCH_STEPS: Final = 300_000


class Frame(NamedTuple):
    """What an element does to the text around and below it; lengths in pixels, `room` and `width` infinite where it
    does not cut off."""

    room: float = math.inf
    """What of its height is drawn."""
    lines: float = math.inf
    width: float = math.inf
    """What of one line is drawn that goes on without an end."""
    height: float = 0.0
    lead: float = 0.0
    """Space above it."""
    beside: bool = False
    """It floats."""
    row: bool = False
    """All in it stand beside each other."""
    positioned: bool = False
    cover: float = 0.0
    """How much of the text before it, in the element it is positioned in, it lies on and lets nobody see."""
    overlap: float = 0.0
    """How much of the text right above it, it lies on."""

    @property
    def cuts(self) -> bool:
        return min(self.room, self.lines, self.width) < math.inf


NO_FRAME: Final = Frame()
_FRAMING: Final = names("overflow -webkit-line-clamp position float")
_ROWS: Final = frozenset({"flex", "grid", "-box"})


def _framed(
    tag: str, declared: Mapping[str, Value], size: float, display: str, opaque: bool, lead: float
) -> Frame | None:
    get = declared.get
    clipped = get("overflow") == "clip" and display not in _INLINE
    height = _extent(get("height"), size)
    room = lines = width = math.inf
    if clipped:
        tallest = min(height, _extent(get("max-height"), size))
        least = pixels(get("min-height", ""), size)
        room = max(tallest, least) if least is not None else tallest
        if get("white-space") in ("nowrap", "pre"):
            width = min(_extent(get("width"), size), _extent(get("max-width"), size))
        clamp = get("-webkit-line-clamp")
        if isinstance(clamp, float) and clamp >= 1:
            lines = clamp
    position = get("position")
    cover = 0.0
    depth = get("z-index")
    if position in ("absolute", "fixed") and (opaque or tag == "img") and not (isinstance(depth, float) and depth < 0):
        cover = _covers(declared, size)
    frame = Frame(
        room,
        lines,
        width,
        height if height < math.inf else 0.0,
        max(0.0, lead),
        get("float") in ("left", "right"),
        display[-4:] in _ROWS and get("-webkit-line-clamp") is None,
        position in ("relative", "absolute", "fixed", "sticky"),
        cover,
        -lead if lead <= -12 and opaque else 0.0,
    )
    return frame if frame != NO_FRAME else None


def _extent(value: Value | None, size: float) -> float:
    """A length in pixels where the page need not be laid out to know it, else infinite."""
    if not isinstance(value, Length) or value.unit == "%":
        return math.inf
    extent = pixels(value, size)
    return extent if extent is not None else math.inf


def _covers(declared: Mapping[str, Value], size: float) -> float:
    """How high a positioned element lies on what it is positioned in, from its top on; 0 where not clearly."""
    sides = {side: pixels(declared.get(side, ""), size, 1_000.0) for side in ("top", "bottom", "left", "right")}
    near = {side for side, where in sides.items() if where is not None and where <= 20}
    wide, high = declared.get("width"), declared.get("height")
    wide_enough = {"left", "right"} <= near or (
        isinstance(wide, Length) and (wide.number >= 90 if wide.unit == "%" else (pixels(wide, size) or 0.0) >= 280)
    )
    if not wide_enough or (sides["left"] or 0.0) > 100 or (sides["top"] or 0.0) > 20:
        return 0.0
    if {"top", "bottom"} <= near:
        return math.inf
    if not isinstance(high, Length) or ("top" not in near and "bottom" not in near):
        return 0.0
    if high.unit == "%":
        return math.inf if high.number >= 90 else 0.0
    extent = pixels(high, size) or 0.0
    return extent if extent >= 16 else 0.0


# Not frozen only because making frozen values is four times as slow, and this is made for every element.
@dataclass(slots=True, eq=False)
class Style:
    """What was computed for an element; never changed. `gone` hides all within it; `hidden` hides the text directly in
    it (and is `gone` where that is set). Both are "" or the code of why."""

    display: str = "inline"
    gone: str = ""
    hidden: str = ""
    visible: bool = True
    colour: Colour = BLACK
    backdrops: tuple[Colour, ...] = (WHITE,)
    size: float = 16.0
    opacity: float = 1.0
    bold: bool = False
    mono: bool = False
    spaced: bool = False
    centred: bool = False
    heading: bool = False
    keeps_blanks: bool = False
    indent: float = 0.0
    coded: bool = False
    linked: bool = False
    tight: bool = False
    """No space above and below, as mail programs write lines that are paragraphs to HTML."""
    boxed: bool = False
    """Has a border or a background of its own."""
    puzzling: str = ""
    """Inherited: why the text's looks could not be worked out."""
    variables: Mapping[str, str] = field(default_factory=dict)
    tracking: float = 0.0
    """Letter-spacing in pixels."""
    leading: Length | None = None
    """Line-height in pixels, or as a number of font sizes (unit ""); None is normal."""
    pressed: bool = False
    """Lines without height in a box that cuts off what overflows it."""
    leftward: bool = False
    """Lines run from right to left (direction: rtl)."""
    turned: bool = False
    """All of the text does, whatever its letters are (<bdo>, unicode-bidi: bidi-override)."""
    pictured: bool = False
    """It lies on a picture that nobody here looks at."""
    within: bool = False
    """It or what is around it cuts off what is too long for it."""
    frame: Frame | None = None
    """Its own, never inherited."""
    scale: float = 1.0
    """What zoom and scaling, of it and around it, make of its size."""
    doubt: str = ""
    """Why the text, though shown, may not be seen, or not as these letters: it is to be judged as hidden text too."""


ROOT: Final = Style(display="block")

_BLOCKS: Final = (
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer"
    " form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li listing main menu nav ol p plaintext pre search section"
    " summary ul xmp"
)
_DISPLAY_OF: Final[Mapping[str, str]] = {
    **dict.fromkeys(_BLOCKS.split(), "block"),
    "table": "table", "caption": "block", "thead": "table-row-group", "tbody": "table-row-group",
    "tfoot": "table-row-group", "tr": "table-row", "td": "table-cell", "th": "table-cell", "li": "list-item",
}  # fmt: skip
_SIZE_OF: Final[Mapping[str, float]] = {
    "h1": 2.0, "h2": 1.5, "h3": 1.17, "h5": 0.83, "h6": 0.67, "small": 0.83, "big": 1.2, "sub": 0.83, "sup": 0.83,
}  # fmt: skip
_HEADINGS: Final = names("h1 h2 h3 h4 h5 h6")
_BOLD: Final = names("b strong th h1 h2 h3 h4 h5 h6")
_MONO: Final = names("code pre tt kbd samp listing xmp plaintext")
_CODE: Final = names("code pre kbd samp")
_PRE: Final = names("pre listing xmp plaintext textarea")
_FONT_SIZES: Final = (10.0, 10.0, 13.0, 16.0, 18.0, 24.0, 32.0, 48.0)
_PICTURED: Final = names("body table thead tbody tfoot tr td th")
_PRESENTED: Final = names("background bgcolor align color size face text hidden popover")
_ALIGNED: Final = names("p div td th tr table h1 h2 h3 h4 h5 h6 center")


def _folded(compound: Compound) -> Compound:
    return compound._replace(identity=compound.identity.lower(), classes=frozenset(map(str.lower, compound.classes)))


class Cascade:
    """The rules of one document. `failed`: a sheet could not be read, so nothing of the document counts as seen."""

    def __init__(self, sheets: Iterable[tuple[str, str]], carried: Iterable[str] = (), quirks: bool = False) -> None:
        """`sheets`: the text and the media attribute of each <style>, in order. `carried`: what only some programs read
        as style sheets too. `quirks`: names in upper and lower case are the same (HTML, section 3.2.6)."""
        self.failed = False
        self.quirks = quirks
        self.written: list[str] = []
        """What the sheets write before and after elements."""
        self.named: list[str] = []
        """The attributes they write there."""
        self._fonts: list[str] = []
        self._by_id: dict[str, list[Rule]] = {}
        self._by_class: dict[str, list[Rule]] = {}
        self._by_tag: dict[str, list[Rule]] = {}
        self._anywhere: list[Rule] = []
        self._animations: dict[str, tuple[Declaration, ...]] = {}
        self._steps = 0
        self._memo: dict[tuple[object, ...], Style] = {}
        order = 0
        for text, media in (*sheets, *((text, None) for text in carried)):
            applies = None if media is None else media_matches(media)
            if applies is False:
                continue
            rules = read_sheet(text)
            if rules is None or order + len(rules) > RULES_CAP:
                self.failed = True
                return
            for prelude, declared, sure in rules:
                order += 1
                if prelude == "@":
                    for one in declared:
                        told = {"content": self.written, "attr": self.named, "font": self._fonts}.get(one.name)
                        if told is not None and isinstance(one.value, str):
                            told.append(one.value)
                    continue
                if prelude[:1] == "@":
                    self._animations[prelude[1:]] = declared
                    continue
                for selector in selectors(prelude):
                    self._file(Rule(selector, declared, order, sure and selector.sure and applies is True))
        self._plain = order == 0

    def _file(self, rule: Rule) -> None:
        if self.quirks:
            folded = tuple(map(_folded, rule.selector.compounds))
            if folded != rule.selector.compounds:
                self._file(Rule(rule.selector._replace(compounds=folded), rule.declared, rule.order, False))
        key = rule.selector.compounds[0]
        if key.identity:
            self._by_id.setdefault(key.identity, []).append(rule)
        elif key.classes:
            self._by_class.setdefault(min(key.classes), []).append(rule)
        elif key.tag and key.tag != "*":
            self._by_tag.setdefault(key.tag, []).append(rule)
        else:
            self._anywhere.append(rule)

    def style(self, element: Element, parent: Style) -> Style:
        """The computed style of `element` inside an element of style `parent`."""
        tag = element.tag
        attributes = element.attributes
        matched = () if self._plain else self._matched(element)
        if matched is None:
            return Style(gone="too_complex", hidden="too_complex")
        hints: tuple[tuple[str, str | None], ...] = ()
        if not _PRESENTED.isdisjoint(attributes):
            hints = tuple(item for item in attributes.items() if item[0] in _PRESENTED)
        # Nearly every dir says what holds anyway.
        if "dir" in attributes and (parent.leftward or parent.turned or (attributes["dir"] or "").lower() == "rtl"):
            hints = (*hints, ("dir", attributes["dir"]))
        inline = attributes.get("style") or ""
        linked = tag == "a" and "href" in attributes
        if not (inline or matched or hints or linked) and tag not in _STYLED_TAGS:
            display = _DISPLAY_OF.get(tag, "inline")
            if display == parent.display and not (parent.boxed or parent.tight or parent.turned or parent.frame):
                return parent
            bare = (parent, display)
            known = self._memo.get(bare)
            if known is None:
                known = self._memo[bare] = _inherited(parent, display)
            return known
        key = (parent, tag, inline, matched, hints, linked)
        known = self._memo.get(key)
        if known is None:
            known = self._memo[key] = self._compute(parent, tag, inline, matched, dict(hints), linked)
        return known

    def _matched(self, element: Element) -> tuple[Rule, ...] | None:
        """The rules that match, weakest first; None once the budget is used up."""
        found: list[Rule] = []
        if self._steps > _MATCH_STEPS:
            return None
        candidates = self._candidates(element)
        if not candidates:
            return ()
        for rules in candidates:
            self._steps += len(rules)
            found += [rule for rule in rules if self._matches(rule.selector.compounds, 0, element)]
        if self._steps > _MATCH_STEPS:
            return None
        if len(found) > 1:
            found.sort(key=lambda rule: (rule.selector.specificity, rule.order))
        return tuple(found)

    def _candidates(self, element: Element) -> list[list[Rule]]:
        found: list[list[Rule]] = []
        if self._anywhere:
            found.append(self._anywhere)
        if element.tag in self._by_tag:
            found.append(self._by_tag[element.tag])
        for name in element.classes:
            if name in self._by_class:
                found.append(self._by_class[name])
        if element.identity and element.identity in self._by_id:
            found.append(self._by_id[element.identity])
        if element.folded and element.folded != element.identity and element.folded in self._by_id:
            found.append(self._by_id[element.folded])
        return found

    def _matches(self, compounds: tuple[Compound, ...], index: int, element: Element) -> bool:
        compound = compounds[index]
        if not fits(compound, element):
            return False
        joint = compound.joint
        if not joint:
            return True
        index += 1
        if joint == ">":
            return element.parent is not None and self._matches(compounds, index, element.parent)
        if joint == "+":
            return element.elder is not None and self._matches(compounds, index, element.elder)
        other = element.parent if joint == " " else element.elder
        while other is not None:
            self._steps += 1
            if self._steps > _MATCH_STEPS:
                return False
            if self._matches(compounds, index, other):
                return True
            other = other.parent if joint == " " else other.elder
        return False

    def _compute(
        self,
        parent: Style,
        tag: str,
        inline: str,
        matched: tuple[Rule, ...],
        hints: Mapping[str, str | None],
        linked: bool,
    ) -> Style:
        own = declarations(inline)
        if own is None:
            return Style(gone="not_understood", hidden="not_understood")
        sure = [rule.declared for rule in matched if rule.sure]
        values = _cascaded(sure, own)
        if self._animations and len(sure) < len(matched):
            animating = _cascaded([rule.declared for rule in matched], own)
        else:
            animating = values
        style = _computed(parent, tag, hints, values, linked)
        if len(sure) < len(matched) and not style.gone:
            # Rules that only some programs obey may hide, and never show.
            doubtful = _computed(parent, tag, hints, _cascaded([rule.declared for rule in matched], own), linked)
            if doubtful.hidden and not style.hidden:
                return Style(gone=doubtful.hidden, hidden=doubtful.hidden)
        if self._fonts and isinstance(drawn := values.get("font-family"), str):
            # A name that was read the long way is left out of its quotes, so it may be any.
            carried = not {font_name(one) for one in drawn.split(",")}.isdisjoint((*self._fonts, ""))
            style.doubt = "font" if carried else style.doubt if style.doubt != "font" else ""
        if self._animations and "animation-name" in animating and not style.gone:
            if isinstance(animating["animation-name"], Unknown):
                animating = _substituted(animating, parent.variables)[0]
            return self._animated(
                style,
                animating,
                lambda frame: _computed(
                    parent, tag, hints, _cascaded([rule.declared for rule in matched], own, frame), linked
                ),
            )
        return style

    def _animated(
        self, style: Style, values: Mapping[str, Value], drawn: Callable[[tuple[Declaration, ...]], Style]
    ) -> Style:
        """`style`, or that of the frame which stays when an animation is over, where that frame hides."""
        columns = {name: _column(values.get(name, usual)) for name, usual in ANIMATION.items()}
        for index, name in enumerate(columns["animation-name"][:8]):
            known = self._animations.get(name)
            if known is None and name[:1] in ("'", '"'):
                known = self._animations.get(name.strip("'\""))
                if known is None and len(self._animations) == 1:
                    (known,) = self._animations.values()
            if not known or known[0].name != "@":
                continue
            told = {key: words[index % len(words)] for key, words in columns.items()}
            for frames in _lasting(known, told):
                looks: list[Style] = []
                for frame in frames:
                    self._steps += _FRAME_STEPS
                    if self._steps > _MATCH_STEPS:
                        return Style(gone="too_complex", hidden="too_complex")
                    looks.append(drawn(frame))
                    if not looks[-1].hidden:
                        break
                if looks and looks[-1].hidden:
                    return looks[-1]
        return style


def _column(value: Value) -> list[str]:
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else [""]


def _seconds(time: str) -> float:
    match = TIME.fullmatch(time)
    return bounded(match[1]) / (1000 if match[2] == "ms" else 1) if match else 0.0


_LONG: Final = 20.0
"""Seconds that nobody waits for a text to come."""


def _lasting(known: tuple[Declaration, ...], told: Mapping[str, str]) -> Iterator[list[tuple[Declaration, ...]]]:
    """The groups of frames of which it is enough that all of one group hide: what a person looks at is one of them."""
    frames: list[tuple[float, list[Declaration]]] = []
    for one in known:
        if one.name == "@" and isinstance(one.value, float):
            frames.append((one.value, []))
        else:
            frames[-1][1].append(one)
    first = tuple(frames[0][1]) if frames[0][0] == 0 else None
    last = tuple(frames[-1][1]) if frames[-1][0] == 1 else None
    direction = told["animation-direction"]
    if "reverse" in direction:
        first, last = last, first
    duration = _seconds(told["animation-duration"])
    fill = told["animation-fill-mode"]
    count = told["animation-iteration-count"]
    times = NUMBER.fullmatch(count)
    rounds = _LONG if count == "infinite" else bounded(times[1]) if times else 1.0
    length = duration * rounds
    waits = _seconds(told["animation-delay"])
    stopped = told["animation-play-state"] == "paused"
    begins = fill in ("backwards", "both")
    stays = fill in ("forwards", "both")
    if first is not None and ((begins and (stopped or waits >= _LONG)) or (stopped and waits <= 0) or duration >= 60):
        yield [first]
    if last is not None and stays and not stopped and (waits + length < _LONG or waits <= -length):
        yield [last]
        if first is not None and "alternate" in direction:
            yield [first]
    # One that only ever hides is there to hide, however short it is.
    if first is not None and last is not None and (length > 0 or begins or stays):
        yield [tuple(declared) for _, declared in frames]


def _cascaded(
    rules: Iterable[tuple[Declaration, ...]], inline: tuple[Declaration, ...], frame: tuple[Declaration, ...] = ()
) -> dict[str, Value]:
    """Author normal, style attribute, animations, author !important, style attribute !important (CSS Cascade 4 section
    6.1)."""
    values: dict[str, Value] = {}
    important: dict[str, Value] = {}
    for declared in (*rules, inline):
        for name, value, strong in declared:
            (important if strong else values)[name] = value
    for name, value, _ in frame:
        values[name] = value
    if important:
        values.update(important)
    return values


_STYLED_TAGS: Final = frozenset(_SIZE_OF) | _BOLD | _MONO | _CODE | _PRE | names("center bdo")
_INLINE: Final = names("inline contents")


def _inherited(parent: Style, display: str) -> Style:
    """The style of an element about which nothing was said. What hides text is all inherited."""
    return Style(
        display, parent.gone, parent.hidden, parent.visible, parent.colour, parent.backdrops, parent.size,
        parent.opacity, parent.bold, parent.mono, parent.spaced, parent.centred, parent.heading, parent.keeps_blanks,
        parent.indent, parent.coded, parent.linked, puzzling=parent.puzzling, variables=parent.variables,
        tracking=parent.tracking, leading=parent.leading, pressed=parent.pressed,
        leftward=parent.leftward, turned=parent.turned and display in _INLINE,
        pictured=parent.pictured, doubt=parent.doubt, scale=parent.scale, within=parent.within,
    )  # fmt: skip


def _computed(
    parent: Style, tag: str, hints: Mapping[str, str | None], declared: dict[str, Value], linked: bool
) -> Style:
    if parent.gone:
        return parent
    variables = parent.variables
    puzzling = parent.puzzling
    for name, value in declared.items():
        if value.__class__ is Unknown or name[:2] == "--":
            declared, variables, riddle = _substituted(declared, variables)
            puzzling = puzzling or riddle
            break
    get = declared.get

    # Font size first: other lengths may be in ems.
    size = parent.size
    wanted = get("font-size")
    if isinstance(wanted, Length):
        size = max(0.0, pixels(wanted, parent.size, parent.size) or 0.0)
        if wanted.unit == "%":
            size = parent.size * max(0.0, wanted.number) / 100
    elif wanted == "initial":
        size = 16.0
    elif wanted is None:
        if tag in _SIZE_OF:
            size = parent.size * _SIZE_OF[tag]
        elif tag == "font" and hints.get("size"):
            size = _font_element_size(hints["size"] or "", parent.size)
        elif tag in _MONO and parent.size == 16.0:
            size = 13.0

    colour = parent.colour
    ink = get("-webkit-text-fill-color", get("color"))
    if ink is None:
        if linked:
            colour = LINK
        attribute = hints.get("color") if tag == "font" else hints.get("text") if tag == "body" else None
        if attribute:
            colour = legacy_colour(attribute) or colour
    elif isinstance(ink, Colour):
        colour = ink
    elif ink == "initial" or (ink in ("revert", "revert-layer") and not linked):
        colour = BLACK

    opacity = parent.opacity
    share = get("opacity")
    if isinstance(share, float):
        opacity *= max(0.0, min(1.0, share))

    backdrops = parent.backdrops
    pictured = parent.pictured
    own_backdrop = opaque = False
    fill = get("background-color")
    if fill is None and hints.get("bgcolor"):
        fill = legacy_colour(hints["bgcolor"] or "")
    if fill == "currentcolor":
        fill = colour
    stops = get("background-image")
    if get("background-clip") == "text":
        # The background is seen through the letters only: it is their ink, as far as they have none of their own.
        if colour.alpha < 1:
            paints = stops.stops if isinstance(stops, Gradient) and stops.stops else (fill,)
            inks = [_over(colour, paint) for paint in paints if isinstance(paint, Colour) and paint.alpha > 0.5]
            if len(inks) == len(paints):
                colour = min(inks, key=lambda one: min(_distance(one, backdrop) for backdrop in backdrops))
        fill = stops = None
    if isinstance(fill, Colour) and fill.alpha > 0:
        painted = tuple(_over(fill, backdrop, opacity) for backdrop in backdrops)
        own_backdrop = any(_distance(one, two) > 4 for one, two in zip(painted, backdrops, strict=True))
        backdrops = painted
        opaque = fill.alpha * opacity >= 0.9
        pictured = pictured and not opaque
    if isinstance(stops, Gradient) and stops.stops:
        # Text must stand out from every colour of a gradient, since we do not know which one it lies on.
        known = tuple(_over(stop, backdrops[0], opacity) for stop in stops.stops if isinstance(stop, Colour))
        if len(known) < len(stops.stops):
            puzzling = puzzling or "not_understood"
        backdrops = (*known, *backdrops)[:16] if get("background-size") == "part" else known or backdrops
        own_backdrop = True
        if all(isinstance(stop, Colour) and stop.alpha >= 0.9 for stop in stops.stops):
            opaque = opaque or opacity >= 0.9
            pictured = pictured and opacity < 0.9
            stops = None
    # Most programs load no pictures until they are asked to: where the mail gives a colour to stand in for the picture,
    # that one is seen. Without one nobody knows what the text lies on, so no colour of it says that it is hidden.
    drawn = isinstance(stops, Gradient) and stops.picture
    if stops is None and "background" in hints and tag in _PICTURED:
        drawn = is_picture(hints["background"] or "")
    if drawn and not (isinstance(fill, Colour) and fill.alpha * opacity >= 0.9):
        pictured = True

    display = get("display")
    if not isinstance(display, str) or display in WIDE:
        display = _DISPLAY_OF.get(tag, "inline")
    shown = get("visibility")
    visible = parent.visible if shown is None or shown in WIDE else shown == "visible"
    if shown == "initial":
        visible = True

    indent = parent.indent
    shift = pixels(get("text-indent", ""), size)
    if shift is not None:
        indent = shift
    weight = get("font-weight")
    bold = parent.bold or tag in _BOLD
    if isinstance(weight, str) and weight not in ("inherit", "unset"):
        bold = weight in ("bold", "bolder") or (weight.isdigit() and int(weight[:4]) >= 600)
    family = get("font-family")
    if tag == "font" and hints.get("face") and family is None:
        family = (hints["face"] or "").lower()
    mono = parent.mono or tag in _MONO
    if isinstance(family, str) and family not in WIDE:
        mono = any(word in family for word in ("mono", "courier", "consolas", "menlo", "fixed"))
    spaced = parent.spaced
    tracking = parent.tracking
    gap = pixels(get("letter-spacing", ""), size, size)
    if gap is not None:
        spaced = gap >= 1.5
        tracking = gap
    elif get("letter-spacing") in ("normal", "initial"):
        spaced = False
        tracking = 0.0
    leading = parent.leading
    height = get("line-height")
    if isinstance(height, Length):
        leading = height if height.unit == "" else Length(pixels(height, size) or 0.0, "px")
    elif height in ("normal", "initial"):
        leading = None
    # Overflow is cut off at blocks only, and at those only where nothing in them is taller (CSS 2.1 section 11.1.1).
    pressed = (parent.pressed or (get("overflow") == "clip" and display not in _INLINE)) and (
        leading is not None and leading.number * (1.0 if leading.unit else size) <= max(2.0, size / 5)
    )
    centred = parent.centred or tag == "center"
    align = get("text-align")
    if align is None and tag in _ALIGNED and tag != "table":
        align = (hints.get("align") or "").lower() or ("center" if tag in ("th", "center") else None)
    if isinstance(align, str) and align not in WIDE:
        centred = "center" in align or align == "middle"
    white = get("white-space")
    keeps = parent.keeps_blanks or tag in _PRE
    if isinstance(white, str) and white not in WIDE:
        keeps = white.startswith("pre") or white == "break-spaces"
    leftward, turned = parent.leftward, False
    if leftward or parent.turned or tag == "bdo" or "dir" in hints or not declared.keys().isdisjoint(_DIRECTING):
        leftward, turned = _directed(parent, tag, (hints.get("dir") or "").lower(), declared, display)
    border = get("border")
    boxed = (own_backdrop or border == "some") and tag not in ("body", "html")

    doubt = parent.doubt if parent.doubt != "picture" else ""
    gone = _gone(tag, linked or parent.linked, declared, size, opacity, display, hints)
    # A share of a tiny font is tiny; the fonts browsers really draw below two pixels nobody reads.
    hidden = gone
    drawn_size = size
    share_drawn = parent.scale
    if not declared.keys().isdisjoint(_SCALING):
        share_drawn *= _scaled(declared)
    if share_drawn != 1.0:
        drawn_size = size * share_drawn
    if not hidden:
        if not visible:
            hidden = "visibility"
        elif puzzling:
            hidden = puzzling
        elif drawn_size < 4.0:
            hidden = "tiny"
        elif indent <= -100 or indent >= 540 or tracking >= max(60.0, 4 * size):
            hidden = "off_screen"
        elif pressed or (tracking < 0 and tracking <= -_OVERLAP * size):
            hidden = "no_size"
        elif any(not readable(colour, backdrop, opacity) for backdrop in backdrops):
            if pictured and colour.alpha * opacity > 0.3:
                doubt = doubt or "picture"
            else:
                hidden = "colour"
    frame = None
    above = pixels(get("margin-top", ""), size) or 0.0
    if parent.within or above <= -12 or display[-4:] in _ROWS or not declared.keys().isdisjoint(_FRAMING):
        frame = _framed(tag, declared, size, display, opaque, above)
    return Style(
        display=display,
        gone=gone,
        hidden=hidden,
        visible=visible,
        colour=colour,
        backdrops=backdrops,
        size=size,
        opacity=opacity,
        bold=bold,
        mono=mono,
        spaced=spaced,
        centred=centred,
        heading=parent.heading or tag in _HEADINGS,
        keeps_blanks=keeps,
        indent=indent,
        boxed=boxed,
        coded=parent.coded or tag in _CODE,
        linked=linked or parent.linked,
        tight=_small(get("margin-top"), size) and _small(get("margin-bottom"), size),
        puzzling=puzzling,
        variables=variables,
        tracking=tracking,
        leading=leading,
        pressed=pressed,
        leftward=leftward,
        turned=turned,
        pictured=pictured,
        doubt=doubt,
        scale=share_drawn,
        frame=frame,
        within=parent.within or (frame is not None and frame.cuts),
    )


_DIRECTING: Final = names("direction unicode-bidi")


def _directed(parent: Style, tag: str, said: str, declared: Mapping[str, Value], display: str) -> tuple[bool, bool]:
    """`leftward` and `turned` of an element whose dir attribute says `said`."""
    leftward = parent.leftward
    direction = declared.get("direction", said)
    if direction in ("ltr", "rtl"):
        leftward = direction == "rtl"
    elif direction == "initial":
        leftward = False
    override = declared.get("unicode-bidi")
    if isinstance(override, str) and override not in ("normal", "inherit"):
        return leftward, "override" in override and leftward
    if tag == "bdo":
        return leftward, leftward
    # An override does not reach into the blocks of an element (CSS Writing Modes 4 section 2.2).
    return leftward, parent.turned and display in _INLINE and said not in ("ltr", "rtl", "auto")


# Letters are about half as wide as their font is high: drawn closer by that, each lies on the one before.
_OVERLAP: Final = 0.5


def _small(value: Value | None, size: float) -> bool:
    extent = pixels(value, size) if value is not None else None
    return extent is not None and extent < 5


def _substituted(
    declared: dict[str, Value], inherited: Mapping[str, str]
) -> tuple[dict[str, Value], Mapping[str, str], str]:
    """Values with var() worked out (CSS Variables 1), one level deep. The third is why, where one could not be."""
    own = {name: value for name, value in declared.items() if name[:2] == "--" and isinstance(value, str)}
    variables = {**inherited, **own} if own else inherited
    if len(variables) > 500:
        return declared, {}, "not_understood"
    riddle = ""
    result: dict[str, Value] = {}
    for name, value in declared.items():
        if name[:2] == "--":
            continue
        if isinstance(value, Unknown):
            written, _, text = value.text.partition(":")
            if "var(" not in text or written not in READERS:
                if name in _TELLING:
                    riddle = "not_understood"
                continue
            replaced = _VAR.sub(lambda match: variables.get(match[1].strip(), match[2] or "").lower()[:200], text)
            if "var(" in replaced or len(replaced) > 2000:
                if name in _TELLING:
                    riddle = "not_understood"
                continue
            found: list[Declaration] = []
            expand(written, replaced, False, found)
            for item in found:
                if item.name == name:
                    if isinstance(item.value, Unknown) and name in _TELLING:
                        riddle = "not_understood"
                    else:
                        result[name] = item.value
        else:
            result[name] = value
    return result, variables, riddle


_VAR: Final = on_demand(r"var\( ?(--[^\s,()]+) ?(?:, ?([^()]*))?\)")
# Properties that alone can make a text unseen.
_TELLING: Final = names(
    "display visibility opacity color -webkit-text-fill-color font-size text-indent background-color zoom "
    "content-visibility letter-spacing"
)


def _font_element_size(value: str, parent: float) -> float:
    match = re.match(r"\s*([-+]?)(\d{1,4})", value)
    if match is None:
        return parent
    number = int(match[2])
    if match[1]:
        number = 3 + number if match[1] == "+" else 3 - number
    return _FONT_SIZES[max(1, min(7, number))]


_TRAPS: Final = names(
    "mask mask-image -webkit-mask -webkit-mask-image mask-border -webkit-mask-box-image padding padding-left"
    " padding-right padding-top padding-inline padding-inline-start padding-inline-end padding-block"
    " padding-block-start -webkit-padding-start border-left border-top border-width border-left-width"
    " border-top-width border-inline-start border-inline-start-width word-spacing vertical-align offset offset-path"
    " font-size-adjust -webkit-text-security mix-blend-mode -webkit-text-stroke -webkit-text-stroke-width"
    " text-decoration text-decoration-thickness outline-offset box-shadow -webkit-box-shadow grid-template"
    " grid-template-rows grid-template-columns flex aspect-ratio color-scheme replaced"
)
_MOVING: Final = _TRAPS | names(
    "zoom mso-hide position margin-left margin-top overflow clip clip-path -webkit-clip-path transform scale rotate"
    " translate filter"
)


# Columns of tables have no text of their own (CSS 2.1 section 17.2).
_UNDRAWN: Final = frozenset({"none", "table-column", "table-column-group"})


def _gone(
    tag: str,
    linked: bool,
    declared: Mapping[str, Value],
    size: float,
    opacity: float,
    display: str,
    hints: Mapping[str, str | None],
) -> str:
    """Why nothing within the element is seen, or ""."""
    get = declared.get
    if display in _UNDRAWN or "hidden" in hints or get("content-visibility") == "hidden":
        return "display_none"
    # Browsers' own sheet takes a popover away until it is opened; a display of the author's wins over that.
    if "popover" in hints and get("display", "revert") in WIDE:
        return "display_none"
    if opacity <= 0.1:
        return "opacity"
    if declared.keys().isdisjoint(_MOVING):
        return ""
    if tag != "img":
        for name in _TRAPS.intersection(declared):
            why = declared[name]
            if isinstance(why, str) and why not in WIDE and not (name == "color-scheme" and tag in ("html", "body")):
                return "not_rendered" if name == "replaced" else why
    zoom = get("zoom")
    if isinstance(zoom, float) and 0 < zoom * size <= 2:
        return "tiny"
    # mso-hide takes an element from Outlook only; in a link it is how buttons are written for all the others.
    if not linked and get("mso-hide") == "all":
        return "mso_hide"
    position = get("position")
    if position in ("absolute", "fixed", "relative", "sticky"):
        for side in ("left", "top", "right", "bottom"):
            value = get(side)
            where = pixels(value, size) if value is not None else None
            if where is not None and (where <= -100 or where >= (3000 if side in ("top", "bottom") else 1200)):
                return "off_screen"
            if isinstance(value, Length) and fills(value):
                return "off_screen"
            if isinstance(value, Unknown):
                return "not_understood"
        depth = get("z-index")
        if isinstance(depth, float) and depth < 0:
            return "behind"
    for side in ("margin-left", "margin-top"):
        value = get(side)
        where = pixels(value, size) if value is not None else None
        if where is not None and (where <= -200 or where >= (3000 if side == "margin-top" else 1200)):
            return "off_screen"
        if side == "margin-left" and isinstance(value, Length) and fills(value):
            return "off_screen"
    if get("overflow") == "clip":
        if get("contain") == "size" and "height" not in declared:
            return "no_size"
        for side in ("height", "max-height", "width", "max-width"):
            value = get(side)
            extent = pixels(value, size) if value is not None else None
            if extent is not None and extent <= 2:
                # The least size wins over all others (CSS 2.1 sections 10.4 and 10.7).
                least = pixels(get(f"min-{side[-6:].lstrip('-x')}", ""), size)
                if least is None or least <= 2:
                    return "no_size"
            if isinstance(value, Unknown):
                return "not_understood"
    clip = get("clip")
    if isinstance(clip, str) and clip.startswith("rect") and _clipped(clip):
        return "clipped"
    for name in ("clip-path", "-webkit-clip-path"):
        path = get(name)
        if isinstance(path, str) and path not in ("none", *WIDE) and not _harmless_path(path):
            return "clipped"
    for name in ("transform", "scale", "rotate", "translate"):
        moved = get(name)
        if not isinstance(moved, str) or moved == "none" or moved in WIDE:
            continue
        if why := _transformed(name, moved, size, get("backface-visibility") == "hidden"):
            return why
    shaded = get("filter")
    if isinstance(shaded, str) and tag != "img" and shaded not in ("none", *WIDE):
        return _filtered(shaded)
    return ""


def _filtered(shaded: str) -> str:
    """What a filter does to text: those that may take its colour away count as if they did."""
    if "opacity(" in shaded or "alpha(" in shaded:
        amount = re.search(r"(?:opacity\(|alpha\( ?opacity ?= ?)\s*([\d.]{1,8})(%?)", shaded)
        if amount is None or (number_of(amount[1] + amount[2]) or 0.0) in (0.0,):
            return "opacity"
        share = float(amount[1].rstrip(".") or 0) / (100 if amount[2] or "alpha" in shaded else 1)
        if share <= 0.1:
            return "opacity"
    if "url(" in shaded:
        return "not_understood"
    for function, argument in FUNCTION.findall(shaded):
        words = argument.split()
        number = number_of(words[0]) if words else 1.0
        if function == "blur" and words:
            if (pixels(length_of(words[0]) or "", 16.0) or 0.0) >= 2:
                return "opacity"
        elif function in _TINTING and not (
            isinstance(number, float) and _TINTING[function][0] <= number <= _TINTING[function][1]
        ):
            return "colour"
    return ""


# So much of each filter leaves a text readable.
_TINTING: Final[Mapping[str, tuple[float, float]]] = {
    "invert": (0.0, 0.1), "brightness": (0.5, 1.5), "contrast": (0.4, 3.0),
}  # fmt: skip


def _clipped(clip: str) -> bool:
    numbers = [pixels(length_of(word) or "", 16.0) for word in re.split(r"[ ,]+", clip[5:-1].strip()) if word]
    if len(numbers) != 4 or None in numbers:
        return "auto" not in clip
    top, right, bottom, left = (number or 0.0 for number in numbers)
    return right - left <= 2 or bottom - top <= 2


def _harmless_path(path: str) -> bool:
    match = FUNCTION.search(path)
    if match is None or match[1] != "inset":
        # A shape of which we do not know how much it leaves: only rounded pictures use them in mail.
        return False
    sides = [pixels(length_of(word) or "", 16.0, 100.0) for word in match[2].split("round")[0].split()]
    return all(side is not None and side < 40 for side in sides)


def _transformed(name: str, value: str, size: float, one_sided: bool = False) -> str:
    """Why what `transform`, or the property of one transformation, does to an element hides it. `one_sided`: its back
    is not drawn."""
    if name == "transform":
        functions = FUNCTION.findall(value)
    elif name == "rotate":
        # An axis by name or as three numbers stands beside the angle (CSS Transforms 2 section 5).
        words = value.split()
        across = words[:1] == ["x"] or words[:1] == ["y"] or (len(words) == 4 and words[:2] != ["0", "0"])
        functions = [
            (
                "rotatex" if across else "rotate",
                next((word for word in words if word[-1:].isalpha() and len(word) > 1), "0"),
            )
        ]
    else:
        functions = [(name, value)]
    for function, arguments in functions:
        words = [word for word in re.split(r"[ ,]+", arguments.strip()) if word]
        numbers = [number for word in words if (number := _angle_or_length(word, size)) is not None]
        if not numbers:
            return "not_understood"
        if function.startswith("scale"):
            shares = [
                abs(number) / (600 if word.endswith("%") else 1) for word, number in zip(words, numbers, strict=False)
            ]
            if any(share <= 0.15 for share in shares):
                return "tiny"
        # A share is of the element itself, which moves by half of it to be centred.
        if function.startswith("translate") and any(map(_moved_away, words, numbers)):
            return "off_screen"
        if function in ("rotatex", "rotatey"):
            for number in numbers:
                turn = abs(number) % 360
                if abs(turn % 180 - 90) < 15 or (one_sided and 90 < turn < 270):
                    return "clipped"
        if function.startswith("skew") and any(abs(abs(number) % 180 - 90) < 10 for number in numbers):
            return "clipped"
        if function in ("matrix3d", "rotate3d", "perspective"):
            return "not_understood"
        if function == "matrix" and len(numbers) == 6:
            a, b, c, d, x, y = numbers
            if abs(a * d - b * c) < 0.02:
                return "tiny"
            if abs(x) >= 300 or abs(y) >= 300:
                return "off_screen"
    return ""


_SCALING: Final = names("zoom scale transform")


def _scaled(declared: Mapping[str, Value]) -> float:
    """The share of its size that an element is drawn in, where that is less than all of it."""
    share = 1.0
    zoom = declared.get("zoom")
    if isinstance(zoom, float) and zoom > 0:
        share *= min(1.0, zoom)
    for name in ("transform", "scale"):
        value = declared.get(name)
        if not isinstance(value, str):
            continue
        for function, arguments in FUNCTION.findall(value) if name == "transform" else [("scale", value)]:
            if function.startswith("scale"):
                numbers = [number_of(word) for word in re.split(r"[ ,]+", arguments.strip()) if word]
                share *= min([1.0, *(abs(number) for number in numbers if isinstance(number, float))])
    return share


def _moved_away(word: str, number: float) -> bool:
    return abs(number) >= (540 if word.endswith("%") else 300)


def _angle_or_length(word: str, size: float) -> float | None:
    match = re.fullmatch(r"([-+]?[\d.]{1,12})(deg|turn|rad|grad)", word)
    if match:
        number = number_of(match[1])
        factor = {"deg": 1.0, "turn": 360.0, "rad": 57.2958, "grad": 0.9}[match[2]]
        return number * factor if isinstance(number, float) else None
    return pixels(length_of(word) or "", size)


def _over(top: Colour, under: Colour, opacity: float = 1.0) -> Colour:
    alpha = top[3] * opacity
    if alpha >= 1.0:
        return top
    rest = 1 - alpha
    return Colour(
        top.red * alpha + under.red * rest, top.green * alpha + under.green * rest, top.blue * alpha + under.blue * rest
    )


def _distance(one: Colour, two: Colour) -> float:
    return max(abs(one.red - two.red), abs(one.green - two.green), abs(one.blue - two.blue))


@lru_cache(maxsize=4096)
def readable(ink: Colour, paper: Colour, opacity: float = 1.0) -> bool:
    """Whether a person can tell text of colour `ink` from `paper`: by lightness (WCAG 2.2 contrast ratio) or by hue."""
    seen = _over(ink, paper, opacity)
    difference = _distance(seen, paper)
    if difference >= 96:
        return True
    bright, dark = sorted((_luminance(seen), _luminance(paper)), reverse=True)
    return (bright + 0.05) / (dark + 0.05) >= 1.35 or difference >= 64


def _luminance(colour: Colour) -> float:
    linear = [
        channel / 255 / 12.92 if channel <= 10.3 else ((channel / 255 + 0.055) / 1.055) ** 2.4 for channel in colour[:3]
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
