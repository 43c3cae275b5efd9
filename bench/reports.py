"""How many reports of other servers are read right: kind, each recipient and its class, the message that is meant.

python bench/reports.py             each set of tests/bounces.py and tests/bounces_unseen.py; what is wrong by name
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import harness

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import bounces
import bounces_unseen
from bounces import Sample
from letterlock.message.parse import parse_message
from letterlock.message.report import read_report

SETS = {
    "written from the standards": (*bounces.REPORTS, *bounces.OTHERS),
    "modelled on real ones": (*bounces.LATER, *bounces.LATER_OTHERS, *bounces.LAST),
    "first unseen": bounces_unseen.FIRST,
    "second unseen": bounces_unseen.SECOND,
}


def look(name: str, samples: Sequence[Sample]) -> None:
    wrong: list[str] = []
    kinds = called_hard = 0
    for sample in samples:
        found = read_report(parse_message(sample.raw))
        kind = found.kind if found else ""
        told = (
            tuple((one.address, one.class_ if kind == "bounce" else "none") for one in found.recipients)
            if found
            else ()
        )
        expected = tuple((to, class_ if sample.kind == "bounce" else "none") for to, class_ in sample.told)
        kinds += kind == sample.kind
        called_hard += len({to for to, class_ in told if class_ == "hard"} - {to for to, c in expected if c == "hard"})
        if (kind, told, found.message_id if found else "") != (
            sample.kind,
            expected,
            sample.message_id * bool(sample.kind),
        ):
            wrong.append(sample.name)
    harness.say(
        figure="reports", set=name, samples=len(samples), right=len(samples) - len(wrong), right_in_kind=kinds,
        called_hard_that_are_not=called_hard, wrong=wrong,
    )  # fmt: skip


def main() -> None:
    harness.say_where()
    for name, samples in SETS.items():
        look(name, samples)


if __name__ == "__main__":
    main()
