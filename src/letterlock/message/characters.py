"""Characters that a person does not see: taken out of shown text, counted, and read where they carry a message.
Text that an override turns around comes in the order a person sees.

`clean(text)` is what may be shown; joiners that emoji, Arabic or Indic writing needs stay. `fold(text)` is a side form
for comparing and scoring only: look-alike letters, spaced letters and digits for letters undone. It is never shown.
Unicode 16 (UAX 9 bidi, UTS 51 emoji, the Tags block, variation selectors). Linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from letterlock.patterns import on_demand


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`text` without invisible characters; `counts` by kind of what was taken out; `decoded`: (why, text) of messages
    that were written in invisible characters."""

    text: str
    counts: dict[str, int] = field(default_factory=dict)
    decoded: tuple[tuple[str, str], ...] = ()


_ZERO_WIDTH: Final = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb"
)
_BIDI: Final = "\u202a-\u202e\u2066-\u2069"
_MARKS: Final = "\u061c\u200e\u200f"
_VARIATION: Final = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS: Final = "\U000e0000-\U000e007f"
_PRIVATE: Final = "\ue000-\uf8ff\U000f0000-\U0010ffff"
_CONTROL: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\u2028\u2029\U000e0080-\U000e00ff"
_ODD: Final = on_demand(f"[{_ZERO_WIDTH}{_BIDI}{_MARKS}{_VARIATION}{_TAGS}{_PRIVATE}{_CONTROL}\u00ad]+")
_KINDS: Final = tuple(
    (name, on_demand(f"[{letters}]"))
    for name, letters in (
        ("zero_width", _ZERO_WIDTH),
        ("bidi", _BIDI),
        ("bidi_mark", _MARKS),
        ("variation", _VARIATION),
        ("tags", _TAGS),
        ("private_use", _PRIVATE),
        ("soft_hyphen", "\u00ad"),
        ("control", _CONTROL),
    )
)
# Letters pulled apart so that no word is left to match: four or more, each with something invisible between.
_SPLIT_WORD: Final = on_demand(
    f"[A-Za-z\u00c0-\u04ff](?:[{_ZERO_WIDTH}{_VARIATION}{_TAGS}]+[A-Za-z\u00c0-\u04ff]){{3,}}"
)
# The three flags whose emoji are written with tag characters and have a picture (UTS 51, RGI_Emoji_Tag_Sequence).
_FLAGS: Final = frozenset(
    "".join(chr(0xE0000 + ord(letter)) for letter in name) + "\U000e007f" for name in ("gbeng", "gbsct", "gbwls")
)
# Any part of a country may be written so (ED-14a) and is seen as the plain black flag. A few of them are no message.
_FLAG: Final = on_demand("[\U000e0061-\U000e007a]{2}[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,3}\U000e007f")
_FEW_FLAGS: Final = 3
# Writing systems whose letters are joined or kept apart by ZWJ and ZWNJ (Unicode 16 sections 9.2, 12.1, 23.2).
_JOINING: Final = on_demand("[\u0590-\u08ff\u0900-\u0dff\u0e00-\u109f\u1780-\u18af\ua840-\ua87f\ufb1d-\ufefc]")
# Runs that belong to some writing or break a line, depending on what stands around them.
_MAY_STAY: Final = on_demand(
    "[\u200c-\u200f\u061c\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]|.*[\u2028\u2029\x85\r]|\U000e0067\U000e0062",
    re.DOTALL,
)
# A chosen shape of an ideograph (UTS 37), of a Mongolian letter and what keeps its last vowel apart (Unicode 16 13.5).
_IDEOGRAPH: Final = on_demand("[\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_MONGOLIAN: Final = on_demand("[\u1820-\u18aa]")
# Virama and the letters whose joiner may end a word, as a Malayalam chillu does (Unicode 16 12.9).
_VIRAMA: Final = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_RIGHT_TO_LEFT: Final = on_demand("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_OVERRIDE: Final = on_demand("\u202e([^\u202c\n]{2,2000})")
# Bits are written in two of these, in one row or some in each word.
_BITS: Final = on_demand(f"[{_ZERO_WIDTH}]")
_LEAST_BITS: Final = 24
_MOST_BITS: Final = 800_000
# Rows that fill up the preview of a newsletter repeat the same few; a message does not.
_LONGEST_FILLER: Final = 16


def is_clean(text: str) -> bool:
    """Whether nothing in `text` is invisible."""
    if text.isascii() and text.replace("\n", " ").replace("\t", " ").isprintable():
        return True
    return _ODD.search(text) is None


def clean(text: str, turned: bool = False) -> Cleaned:
    """`text` as a person would see it, with what was invisible in it set apart. Tabs and line feeds stay.

    `turned`: something around it makes all of it run from right to left, as U+202E does."""
    if not turned and is_clean(text):
        return Cleaned(text)
    counts: dict[str, int] = {}
    decoded: list[tuple[str, str]] = []
    split = sum(1 for _ in _SPLIT_WORD.finditer(text))
    if split:
        counts["split_words"] = split
    if turned or "\u202e" in text:
        seen_text = _as_seen(text, turned)
        if seen_text != text:
            # What a program reads that does not turn it around.
            decoded += [("bidi", _ODD.sub("", part)) for part in ((text,) if turned else _OVERRIDE.findall(text))]
            text = seen_text
        if turned:
            counts["bidi"] = 1
    pieces: list[str] = []
    seen: dict[str, _Seen] = {}
    tags: list[str] = []
    flags: list[str] = []
    selectors: list[bytes] = []
    bits: list[str] = []
    position = 0
    for match in _ODD.finditer(text):
        start, end = match.span()
        run = match[0]
        known = seen.get(run)
        if known is None:
            known = seen[run] = _Seen(run)
        before = text[start - 1] if start else ""
        kept = _kept(run, before, text[end : end + 1], text[max(0, start - 4) : end + 2]) if known.may_stay else ""
        pieces.append(text[position:start])
        pieces.append(kept)
        position = end
        if kept == run:
            continue
        known.times += 1
        known.kept += len(kept)
        if known.tags:
            if before == "\U0001f3f4" and _FLAG.fullmatch(run):
                flags.append(known.tags)
            else:
                tags.append(known.tags)
        if known.selectors:
            selectors.append(known.selectors)
        if known.bits:
            bits.append(known.bits)
    pieces.append(text[position:])
    for known in seen.values():
        for kind, number in known.kinds.items():
            removed = number * known.times - (known.kept if kind == "variation" else 0)
            if removed > 0:
                counts[kind] = counts.get(kind, 0) + removed
    decoded += _from_bits("".join(bits))
    hidden = "".join([*tags, *flags] if len(set(flags)) > _FEW_FLAGS else tags)
    if len(hidden) >= 2:
        decoded.append(("tag_characters", hidden))
    raw = b"".join(selectors)
    if len(raw) >= 4:
        decoded.append(("variation_selectors", _readable(raw)))
    return Cleaned("".join(pieces), counts, tuple(decoded))


_OPENING: Final = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"
_ISOLATES: Final = "\u2066\u2067\u2068"
_CONTROLS: Final = on_demand(f"([{_BIDI}])")
_LINE_ENDS: Final = on_demand("([\n\r\x1c-\x1e\x85\u2028\u2029])")
# The deepest that controls are obeyed (UAX 9 BD2, max_depth), and how many of the open ones go on after a U+2028.
_DEEPEST: Final = 125
_GOING_ON: Final = 4
_ACCENTS: Final = "\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f"
# A letter with its accents; what is not seen stays in one piece, so that what it spells can be read.
_UNITS: Final = on_demand(f"{_ODD.pattern}|[^{_ACCENTS}][{_ACCENTS}]*+|[{_ACCENTS}]++", re.DOTALL)
_LEFTWARD: Final = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_LEFTWARD_RUN: Final = on_demand(f"[{_LEFTWARD}](?:[^\\w\n{_LEFTWARD}]*+[{_LEFTWARD}]++)*+")


def _as_seen(text: str, turned: bool) -> str:
    """`text` with what an override turns around in the order it is seen (UAX 9 X1-X8 and L2). The controls stay."""
    pieces: list[str] = []
    opened: list[str] = []
    for index, piece in enumerate(_LINE_ENDS.split(text)):
        if index % 2:
            pieces.append(piece)
            # A paragraph's end closes all that is open, a mere line's does not (UAX 9 P1, X8).
            opened = opened[-_GOING_ON:] if piece == "\u2028" else []
        else:
            line, opened = _line_as_seen(piece, opened, turned)
            pieces.append(line)
    return "".join(pieces)


def _line_as_seen(line: str, opened: list[str], turned: bool) -> tuple[str, list[str]]:
    """The line, begun with the controls `opened` in force, and those in force at its end."""
    controls = ["", *opened]
    contents: list[list[str]] = [[] for _ in controls]
    isolates = sum(control in _ISOLATES for control in opened)
    too_deep = 0

    def close() -> None:
        content = contents.pop()
        contents[-1].append("".join(reversed(content) if controls.pop() == "\u202e" else content))

    for index, piece in enumerate(_CONTROLS.split(line)):
        if not index % 2:
            turns = controls[-1] == "\u202e" or (turned and len(controls) == 1)
            contents[-1].append(_backwards(piece) if turns else piece)
            continue
        if piece in _OPENING:
            contents[-1].append(piece)
            if len(controls) > _DEEPEST:
                too_deep += 1
            else:
                controls.append(piece)
                contents.append([])
                isolates += piece in _ISOLATES
            continue
        if too_deep:
            too_deep -= 1
        elif piece == "\u2069" and isolates:
            while controls[-1] not in _ISOLATES:
                close()
            close()
            isolates -= 1
        elif piece == "\u202c" and len(controls) > 1 and controls[-1] not in _ISOLATES:
            close()
        contents[-1].append(piece)
    left = controls[1:]
    while len(controls) > 1:
        close()
    return "".join(reversed(contents[0]) if turned else contents[0]), left


def _backwards(text: str) -> str:
    """`text` from right to left; Hebrew and Arabic stay as written, since that is how they are read."""
    if text.isascii():
        return text[::-1]
    return _LEFTWARD_RUN.sub(lambda match: match[0][::-1], "".join(reversed(_UNITS.findall(text))))


class _Seen:
    """What one run of odd characters is made of, worked out once however often the run occurs."""

    __slots__ = ("bits", "kept", "kinds", "may_stay", "selectors", "tags", "times")

    def __init__(self, run: str) -> None:
        self.times = self.kept = 0
        self.kinds = {name: number for name, kind in _KINDS if (number := len(kind.findall(run)))}
        self.may_stay = _MAY_STAY.match(run) is not None
        self.tags = "".join(chr(ord(c) - 0xE0000) for c in run if "\U000e0020" <= c <= "\U000e007e")
        self.bits = "".join(_BITS.findall(run)) if "zero_width" in self.kinds else ""
        # One selector alone is how a glyph is chosen; bytes come in rows.
        found = (
            bytes(byte for c in run if (byte := _selector_byte(c)) is not None) if "variation" in self.kinds else b""
        )
        self.selectors = found if len(found) > 1 else b""


def _kept(run: str, before: str, after: str, around: str) -> str:
    """The part of a run of odd characters that belongs to the writing around it; a line break for what broke one."""
    if before == "\U0001f3f4" and run in _FLAGS:
        return run
    if run in ("\u200d", "\u200c"):
        if run == "\u200d" and _pictorial(before) and _pictorial(after):
            return run
        if before and before in _VIRAMA:
            return run
        return run if before and after and _JOINING.match(before) and _JOINING.match(after) else ""
    if len(run) == 1 and before:
        if run in "\u200e\u200f\u061c":
            # Which way the marks beside right-to-left writing run (UAX 9 section 2.6); it takes no place.
            within = before.isalnum() and after.isalnum() and not _RIGHT_TO_LEFT.search(before + after)
            return run if not within and _RIGHT_TO_LEFT.search(around) else ""
        if "\U000e0100" <= run <= "\U000e010f" or "\ufe00" <= run <= "\ufe02":
            return run if _IDEOGRAPH.match(before) else ""
        if "\u180b" <= run <= "\u180f":
            return run if _MONGOLIAN.match(before) else ""
    if run[0] in "\ufe0e\ufe0f" and (_pictorial(before) or (before in "0123456789#*" and before and after == "\u20e3")):
        if len(run) == 1:
            return run
        if run[1:] == "\u200d" and _pictorial(after):
            return run
        return run[0]
    return "\n" if "\u2028" in run or "\u2029" in run or "\x85" in run or "\r" in run else ""


def _pictorial(character: str) -> bool:
    if not character:
        return False
    point = ord(character)
    # Emoji and the symbols that have an emoji form, skin tones and the variation selector that ends one of them.
    return point >= 0x1F000 or 0x203C <= point <= 0x3299 or point in (0xA9, 0xAE, 0xFE0F)


def _selector_byte(character: str) -> int | None:
    point = ord(character)
    if 0xFE00 <= point <= 0xFE0F:
        return point - 0xFE00
    return point - 0xE0100 + 16 if 0xE0100 <= point <= 0xE01EF else None


def _readable(raw: bytes) -> str:
    # Some write a byte as one selector, some as two half bytes of the first sixteen.
    if max(raw) < 16:
        raw = bytes(high * 16 + low for high, low in zip(raw[::2], raw[1::2], strict=False))
    return "".join(c for c in raw.decode("utf-8", "replace") if c.isprintable() or c == "\n")


def _from_bits(row: str) -> list[tuple[str, str]]:
    """Text written as two different zero-width characters for the bits 0 and 1; further ones part its letters."""
    if len(row) < _LEAST_BITS:
        return []
    usual = Counter(row).most_common(2)
    # Without its beginning, where what emoji needed or an editor left may stand.
    later = row[len(row) // 4 :]
    if len(usual) < 2 or any(later.startswith(later[:-size], size) for size in range(1, _LONGEST_FILLER + 1)):
        return []
    (first, _), (second, _) = usual
    parted = re.sub(f"[^{first}{second}]+", " ", row[:_MOST_BITS])
    for zero, one in ((first, second), (second, first)):
        # The letters where they are parted, of seven bits as well; else eight bits each.
        digits = parted.replace(zero, "0").replace(one, "1")
        letters = digits.split()
        if len(letters) < 3 or max(map(len, letters)) > 8:
            whole = "".join(letters)
            letters = [whole[index : index + 8] for index in range(0, len(whole) - 7, 8)]
        text = bytes(int(letter, 2) for letter in letters).decode("utf-8", "replace")
        if len(set(text)) >= 3 and "\ufffd" not in text and all(c.isprintable() or c == "\n" for c in text):
            return [("zero_width", text)]
    return []


# --- folding ----------------------------------------------------------------------------------------------------------

# Pairs of a letter and the Latin letter it looks like: Cyrillic, Greek, small capitals.
_PAIRS: Final = (
    "аa еe оo рp сc уy хx іi јj ѕs ԁd һh ԛq ԝw вb"
    " нh кk мm тt гr пn ʟl ɡg ɑa οo αa εe ιi κk νv ρp τt υu χx βb ηn ωw ϲc ıi"
)
_LOOK_ALIKES: Final = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})
# Letters in a shape of their own, which no writing uses for whole words: small capitals, regional indicators (halves of
# flags), white letters in dark circles and squares.
_STYLES: Final = {
    **dict(zip(map(ord, "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫꞯʀꜱᴛᴜᴠᴡʏᴢ"), "abcdefghijklmnopqqrstuvwyz", strict=True)),
    **{first + at: chr(0x61 + at) for first in (0x1F1E6, 0x1F150, 0x1F170) for at in range(26)},
}
_STYLED: Final = on_demand("(?:[" + "".join(map(chr, _STYLES)) + r"]\W{0,3}){3}")
# Marks that are left over when letters with accents of their own have taken theirs: struck through, piled up.
_LEFT_OVER: Final = on_demand(
    "(?<=[ -~\u00c0-\u024f\u1e00-\u1eff])[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_WORD: Final = on_demand(r"[^\W_]+")
_TOKEN: Final = on_demand(r"[a-z0-9@$!]{3,40}")
_LEET_INSIDE: Final = on_demand(r"[a-z][0134579@$]+[a-z]|^[0134579@$!]+[a-z]{2}")
_SPACED: Final = on_demand(r"(?<![^\W_])[^\W\d_](?:([ .\-_*|/])[^\W\d_])(?:\1[^\W\d_]){2,}(?![^\W_])")
# Text as a row of letters (what is not ASCII among them), digits for letters, blanks between letters and all else: some
# ten times as fast to look through as with the patterns, of which most texts have nothing.
_LETTERS: Final = b"abcdefghijklmnopqrstuvwxyz?"
_FOR_LETTERS: Final = b"0134579@$!"
_BETWEEN: Final = b" .-_*|/"
_SHAPES: Final = bytes.maketrans(
    _LETTERS + _FOR_LETTERS + _BETWEEN, b"a" * len(_LETTERS) + b"0" * len(_FOR_LETTERS) + b" " * len(_BETWEEN)
)


def fold(text: str) -> str:
    """`text` in lower case with disguises undone, for scoring. Plain text comes back as it is but for case."""
    lowered = text.lower()
    if not lowered.isascii():
        lowered = unicodedata.normalize("NFKC", _ODD.sub("", text)).lower()
        if _STYLED.search(lowered):
            lowered = lowered.translate(_STYLES)
        if not lowered.isascii():
            lowered = _LEFT_OVER.sub("", lowered)
        if re.search("[\u0250-\u02af\u0370-\u04ff]", lowered) and re.search("[a-z]", lowered):
            lowered = _WORD.sub(_latin, lowered)
    shapes = lowered.encode("ascii", "replace").translate(_SHAPES)
    if b"a a a a" in shapes:
        lowered = _SPACED.sub(lambda match: re.sub(r"[\W_]", "", match[0]), lowered)
    if b"0a" in shapes and sum(1 for _ in _LEET_INSIDE.finditer(lowered)) >= 3:
        lowered = _TOKEN.sub(_unleet, lowered)
    return lowered


def _unleet(match: re.Match[str]) -> str:
    word = match[0]
    return word.translate(_LEET) if _LEET_INSIDE.search(word) else word


def _latin(match: re.Match[str]) -> str:
    word = match[0]
    folded = word.translate(_LOOK_ALIKES)
    # A word of another script stays what it is; one that mixes scripts is read as Latin.
    return folded if folded.isascii() and folded != word and any("a" <= c <= "z" for c in word) else word
