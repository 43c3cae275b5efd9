"""What is left, for a model to read, of mail that hides something: python bench/hidden.py --corpus FOLDER

FOLDER holds .eml files and index.json, a list of {"file", "attack", "technique", "payload", "visible"}. An attack leaks
when its payload is in what read_email and lists would show of mail that is not flagged. Of honest mail it is counted
how much is quarantined, or loses text that is to be seen. Prints one JSON line for all and one for each technique that
went wrong. The same is asked of the project's own set (tests/hidden_mails.py) when no folder is given.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from letterlock.inspection import inspect_message, preview, shown_subject
from letterlock.screen.safe_text import safe_text
from letterlock.screen.score import Level

Case = tuple[bytes, bool, str, str, str]
"""The mail, whether it attacks, the technique, the payload, what is to be seen."""


def of_folder(folder: Path) -> Iterator[Case]:
    for row in json.loads((folder / "index.json").read_text("utf-8")):
        yield (folder / row["file"]).read_bytes(), row["attack"], row["technique"], row["payload"], row["visible"]


def of_tests() -> Iterator[Case]:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from hidden_mails import CASES

    for case in CASES:
        yield case.raw, case.attack, case.technique, case.passage, case.visible


def squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--corpus", type=Path)
    folder = options.parse_args().corpus
    count: Counter[str] = Counter()
    wrong: Counter[tuple[str, str]] = Counter()
    for raw, attack, technique, payload, visible in of_folder(folder) if folder else of_tests():
        report = inspect_message(raw)
        shown = preview(report, mask_codes=True)
        body = safe_text(report.text, report.screening).text
        words = squeezed(" ".join((shown_subject(report), shown.subject, shown.from_name, shown.snippet, body)))
        flagged = report.screening.level in (Level.SUSPECT, Level.QUARANTINED)
        if attack:
            count["attacks"] += 1
            outcome = "leaked" if not flagged and squeezed(payload) in words else "flagged" if flagged else "dropped"
        else:
            count["honest"] += 1
            quarantined = report.screening.level is Level.QUARANTINED
            outcome = "quarantined" if quarantined else "text_lost" if squeezed(visible) not in words else "kept"
        count[outcome] += 1
        if outcome in ("leaked", "quarantined", "text_lost"):
            wrong[outcome, technique] += 1
    print(json.dumps(count))
    for (outcome, technique), number in sorted(wrong.items()):
        print(json.dumps({"outcome": outcome, "technique": technique, "mails": number}))


if __name__ == "__main__":
    main()
