"""What an email says where a person does not look: passages not shown, the twin part nobody reads, invisible letters.

Hidden text is common in honest mail (preview lines, alternative texts), so being hidden is hardly a reason; what it
says is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from letterlock.message.visible import HiddenPassage
from letterlock.screen.rule import Evidence, Hit, Rule
from letterlock.screen.rules.orders import KINDS, find

_INVISIBLE: Final = frozenset({"tag_characters", "variation_selectors", "zero_width"})
# Not laid out as text, or there to stand in for a picture: it may be long without hiding anything.
_QUIET_PLACES: Final = frozenset({"alt", "comment", "attribute", "not_rendered", "form", "cut"})
_STRONG: Final = 0.5
# Of bytes at random an eighth or more are controls or mean nothing, whatever charset they are taken for.
_LEAST_GARBAGE: Final = 10
_GARBAGE_SHARE: Final = 0.08
_WORDS_SHARE: Final = 0.25
_WORD: Final = re.compile(r"(?<!\w)[a-zA-Z]{2,15}(?!\w)")


def _styled(evidence: Evidence) -> Iterator[HiddenPassage]:
    return (passage for passage in evidence.visible.hidden if passage.why not in _QUIET_PLACES)


def _orders(evidence: Evidence) -> Iterator[Hit]:
    for passage in _styled(evidence):
        if passage.why in _INVISIBLE:
            continue
        kinds = [order.kind for order in find(passage.text)]
        if any(KINDS[kind].weight >= _STRONG for kind in kinds):
            yield Hit(passage.text[:200], f"hidden ({passage.why})")


def _orders_aside(evidence: Evidence) -> Iterator[Hit]:
    for passage in evidence.visible.hidden:
        if passage.why in _QUIET_PLACES and find(passage.text):
            yield Hit(passage.text[:200], f"hidden ({passage.why})")
    twin = evidence.visible.only_in_plain
    if twin and find(twin):
        yield Hit(twin[:200], "hidden (plain twin)")


def _invisible(evidence: Evidence) -> Iterator[Hit]:
    for passage in evidence.visible.hidden:
        if passage.why in _INVISIBLE and sum(map(str.isalpha, passage.text)) >= 4:
            yield Hit(passage.text[:200], f"hidden ({passage.why})")
    for where, said in evidence.smuggled:
        if sum(map(str.isalpha, said)) >= 4:
            yield Hit(said[:200], where)


def _much(evidence: Evidence) -> Iterator[Hit]:
    size = sum(len(passage.text) for passage in _styled(evidence))
    if size > 400 and size > 2 * len(evidence.visible.text):
        yield Hit("", "hidden")


def _apart(evidence: Evidence) -> Iterator[Hit]:
    if (evidence.visible.odd_characters or {}).get("split_words", 0) >= 2:
        yield Hit("", "text")


def _unread(evidence: Evidence) -> Iterator[Hit]:
    for passage in evidence.visible.hidden:
        if passage.why in ("not_understood", "too_complex", "cut"):
            yield Hit("", f"hidden ({passage.why})")
            return


def _garbage(evidence: Evidence) -> Iterator[Hit]:
    text, odd = evidence.visible.text, evidence.visible.odd_characters or {}
    removed = odd.get("control", 0)
    garbage = removed + text.count("\ufffd")
    if garbage < _LEAST_GARBAGE or garbage < _GARBAGE_SHARE * (len(text) + removed):
        return
    # Words of a language whose charset was not named may be lost; what else it says can be read.
    if not text or sum(map(len, _WORD.findall(text))) < _WORDS_SHARE * len(text):
        yield Hit("", "message")


HIDDEN: Final[tuple[Rule, ...]] = (
    Rule("hidden.orders", 0.95, "Text hidden from people gives orders to its reader.", _orders, hard=True),
    Rule("hidden.orders_aside", 0.7, "A comment, attribute or unshown part gives orders to its reader.", _orders_aside),
    Rule("hidden.invisible_letters", 0.95, "A message is written in invisible characters.", _invisible, hard=True),
    Rule("hidden.much", 0.15, "Most of its text is hidden from people.", _much),
    Rule("hidden.apart", 0.5, "Words are broken up with invisible characters.", _apart),
    Rule("hidden.unread", 0.1, "Part of it could not be understood and was left out.", _unread),
    Rule("hidden.garbage", 0.9, "It is not text: it cannot be read.", _garbage, hard=True),
)
