"""How well codes, links and categories are read from mail: python bench/extraction.py --corpus FILE [--source NAME ...]

FILE holds a JSON object a line (.jsonl or .jsonl.gz): {"id", "eml" or "eml_b64" or ("subject", "text"), "expect":
{"code", "primary_link", "unsubscribe", "category"}} and, optional, "source", "lang", "variant" (a list) to group by and
"expect"."category_alt" (further right answers). A missing or null "category" is not counted.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from letterlock.message.extract.codes import Code, find_code
from letterlock.message.extract.links import Links, find_links
from letterlock.message.extract.meaning import Category, categorise
from letterlock.message.extract.reply import newest_part
from letterlock.message.parse import parse_message
from letterlock.message.visible import visible_text

Row = dict[str, Any]


@dataclass
class Tally:
    """Counts of one group of rows."""

    codes: int = 0
    code_right: int = 0
    code_wrong: int = 0
    plain_mails: int = 0
    false_alarms: int = 0
    links: int = 0
    link_right: int = 0
    code_only: int = 0
    link_on_code_only: int = 0
    other_mails: int = 0
    link_on_others: int = 0
    unsubscribes: int = 0
    unsubscribe_right: int = 0
    labelled: int = 0
    category_right: int = 0

    def add(self, expect: Row, code: Code | None, links: Links, category: Category) -> list[str]:
        """Counts one mail; what was wrong with it."""
        wrong = []
        want, got = expect.get("code"), code.value if code else None
        if want:
            self.codes += 1
            self.code_right += got == want
            self.code_wrong += got is not None and got != want
        else:
            self.plain_mails += 1
            self.false_alarms += got is not None
        if (want or None) != got:
            wrong.append("code")
        target = expect.get("primary_link")
        primary = links.primary.url if links.primary else None
        if target:
            self.links += 1
            self.link_right += primary == target
        elif want:
            self.code_only += 1
            self.link_on_code_only += primary is not None
        else:
            self.other_mails += 1
            self.link_on_others += primary is not None
        if (target or None) != primary:
            wrong.append("link")
        if expect.get("unsubscribe"):
            self.unsubscribes += 1
            self.unsubscribe_right += links.unsubscribe == expect["unsubscribe"]
            if links.unsubscribe != expect["unsubscribe"]:
                wrong.append("unsubscribe")
        if expect.get("category"):
            self.labelled += 1
            right = category == expect["category"] or category in (expect.get("category_alt") or ())
            self.category_right += right
            if not right:
                wrong.append("category")
        return wrong

    def line(self) -> str:
        given = self.code_right + self.code_wrong + self.false_alarms
        return "  ".join(
            (
                f"code recall {_share(self.code_right, self.codes)}",
                f"precision {_share(self.code_right, given)}",
                f"false alarms {_share(self.false_alarms, self.plain_mails)}",
                f"link {_share(self.link_right, self.links)}",
                f"link on code-only {_share(self.link_on_code_only, self.code_only)}",
                f"link on others {_share(self.link_on_others, self.other_mails)}",
                f"unsubscribe {_share(self.unsubscribe_right, self.unsubscribes)}",
                f"category {_share(self.category_right, self.labelled)}",
            )
        )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} % ({part}/{whole})" if whole else "-"


@dataclass
class Clock:
    """CPU seconds by step."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def run(self, step: str, call: Any, *arguments: Any) -> Any:
        start = time.process_time()
        try:
            return call(*arguments)
        finally:
            self.seconds[step] += time.process_time() - start


def rows_of(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def raw_of(row: Row) -> bytes:
    if "eml_b64" in row:
        return base64.b64decode(row["eml_b64"])
    if "eml" in row:
        return str(row["eml"]).encode()
    message = EmailMessage()
    message["Subject"] = " ".join(str(row.get("subject") or "").split())
    message["From"] = "someone@sender.example"
    message.set_content(str(row.get("text") or ""), charset="utf-8")
    return message.as_bytes()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--corpus", type=Path, required=True)
    options.add_argument("--source", action="append", default=[], help="only rows of this source (may be repeated)")
    options.add_argument("--without", action="append", default=[], help="no rows of this source (may be repeated)")
    options.add_argument("--wrong", type=int, default=0, metavar="N", help="show the first N mails that came out wrong")
    chosen = options.parse_args()

    whole = Tally()
    groups: dict[str, dict[str, Tally]] = {name: defaultdict(Tally) for name in ("source", "lang", "variant")}
    misses: dict[str, Counter[str]] = {name: Counter() for name in groups}
    clock, mails, shown = Clock(), 0, 0
    for row in rows_of(chosen.corpus):
        source = str(row.get("source", ""))
        if (chosen.source and source not in chosen.source) or source in chosen.without:
            continue
        mails += 1
        parsed = clock.run("parse", parse_message, raw_of(row))
        visible = clock.run("visible", visible_text, parsed)
        code = clock.run("codes", find_code, parsed, visible)
        links = clock.run("links", find_links, parsed, visible)
        clock.run("reply", newest_part, visible.text)
        category = clock.run("meaning", categorise, parsed, visible, code, links)
        expect = row.get("expect") or {}
        wrong = whole.add(expect, code, links, category)
        for name, by in groups.items():
            keys = row.get(name) or []
            for key in keys if isinstance(keys, list) else [keys]:
                by[str(key)].add(expect, code, links, category)
                misses[name][str(key)] += bool(set(wrong) & {"code", "link"})
        if wrong and shown < chosen.wrong:
            shown += 1
            print(f"wrong {'+'.join(wrong)}: {row.get('id')} {source} {row.get('lang')} {row.get('variant')}")
            print(f"  expected {expect}")
            print(f"  code {code}\n  primary {links.primary}\n  unsubscribe {links.unsubscribe}  category {category}")

    print(f"\n{mails} mails\nall: {whole.line()}")
    for key, tally in sorted(groups["source"].items()):
        print(f"{key}: {tally.line()}")
    for name in ("lang", "variant"):
        worst = [f"{key} {count}" for key, count in misses[name].most_common(12) if count]
        print(f"most wrong codes and links by {name}: {', '.join(worst) or 'none'}")
    steps = {step: 1_000 * seconds / max(1, mails) for step, seconds in clock.seconds.items()}
    extract = sum(steps.get(step, 0.0) for step in ("codes", "links", "reply", "meaning"))
    print(
        "CPU ms per mail: "
        + ", ".join(f"{step} {cost:.2f}" for step, cost in steps.items())
        + f"; extract {extract:.2f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
