"""What attached files say: orders in their text, and in what a person who opens them would not see.

A document may well tell its reader what to do, so that one order in view weighs less than the same order in the mail.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from letterlock.screen.rule import Evidence, Hit, Rule, attachment_place
from letterlock.screen.rules.orders import KINDS, find

_STRONG: Final = 0.5


def _orders(evidence: Evidence) -> Iterator[Hit]:
    for one in evidence.attached:
        for order in find(one.text):
            if KINDS[order.kind].weight >= _STRONG:
                excerpt = one.text[max(0, order.start - 40) : order.end + 80] if order.start >= 0 else one.text
                yield Hit(" ".join(excerpt.split())[:200], attachment_place(one.index), order.start, order.end)


def _hidden_orders(evidence: Evidence) -> Iterator[Hit]:
    for one in evidence.attached:
        for passage in one.hidden:
            if any(KINDS[order.kind].weight >= _STRONG for order in find(passage.text)):
                yield Hit(passage.text[:200], attachment_place(one.index))


def _too_deep(evidence: Evidence) -> Iterator[Hit]:
    for one in evidence.attached:
        if one.problem == "too_deep":
            # Not in what was read of it, which may be shown.
            yield Hit("", f"within {attachment_place(one.index)}")


ATTACHED: Final[tuple[Rule, ...]] = (
    Rule("attached.orders", 0.5, "An attached file gives orders to its reader.", _orders),
    Rule("attached.hidden_orders", 0.9, "An attached file hides orders to its reader.", _hidden_orders),
    Rule("attached.too_deep", 0.5, "Emails within emails are so deep that not everything was read.", _too_deep),
)
