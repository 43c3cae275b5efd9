"""How well orders planted in mail are found: python bench/injection.py --corpus FILE [--defender N]

The rules were written with some of these attacks at hand and are never held out: where they fire, the figures are too
good for sources nobody has seen. bench/agentdojo_attacks.py asks about such a source; docs/screening.md says more.

FILE is what train_injection.py trains on. Models are trained anew for each family of attacks and each group of honest
mail, and asked only about what they have not seen: no source of an attack or of the mail around it is on both sides,
nor is a passage with the same opening. Prints JSON lines: rules alone, model alone and both (joined as screen() joins
what stands in different passages): recall at 1 % and 0.1 % of honest mail flagged, of all attacks and as the mean of
the families, at the scores that are the default thresholds, for each source and writing. --defender N asks
stackone-defender (the extra `defender`) about N honest and N planted mails of the same rows; it is not trained here. It
takes a fifth of a second for each.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from letterlock.message.authenticate import AuthReport
from letterlock.message.parse import Mailbox, ParsedMessage
from letterlock.message.visible import visible_text
from letterlock.screen import score
from letterlock.screen.rule import Evidence
from train_injection import HONEST_MAIL, PLANTED, Row, calibration, cells, family_of, mail_text, read_rows, windows_of

_OTHER = ("hardneg_email", "email_plain_task")
_SHOWN = (*HONEST_MAIL, *PLANTED, *_OTHER)


@dataclass(frozen=True)
class Asked:
    """A row with what the rules and a model that saw nothing of its sources say of it."""

    row: Row
    rules: float
    logit: float
    model: float

    @property
    def both(self) -> float:
        # Ties of the rules' few weights are broken by the model.
        return 1 - (1 - self.rules) * (1 - (self.model if self.model >= score.NOTED else 0)) + 1e-6 * self.logit


def rules_score(row: Row) -> float:
    """What the rules alone make of a row, as a mail of plain text."""
    parsed = ParsedMessage(
        plain=(row["text"],),
        subject=" ".join((row.get("subject") or "").split()),
        from_=(Mailbox("", "someone@sender.example"),),
    )
    return score.screen(Evidence(parsed, visible_text(parsed), AuthReport()), judge=lambda text, least: []).score


def script(text: str) -> str:
    """The writing of a passage, "Latin" where most letters are: what can be told of its language without guessing."""
    counts = Counter(
        unicodedata.name(letter, "?").split(" ")[0]
        for letter in text[:400]
        if letter.isalpha() and not letter.isspace()
    )
    return counts.most_common(1)[0][0].title() if counts else "None"


def recalls(asked: Sequence[Asked], value: Callable[[Asked], float]) -> dict[str, float]:
    """Recall of planted attacks at shares of honest mail flagged."""
    honest = np.array([value(each) for each in asked if each.row["kind"] in HONEST_MAIL])
    attacks = np.array([value(each) for each in asked if each.row["kind"] in PLANTED])
    hard = np.array([value(each) for each in asked if each.row["kind"] == "hardneg_email"])
    plain = np.array([value(each) for each in asked if each.row["kind"] == "email_plain_task"])
    found: dict[str, float] = {"honest": len(honest), "attacks": len(attacks)}
    for name, share in (("1%", 0.01), ("0.1%", 0.001)):
        least = math.nextafter(float(np.quantile(honest, 1 - share, method="higher")), math.inf)
        found[f"recall_at_{name}"] = round(float((attacks >= least).mean()), 4)
        found[f"hardneg_flagged_at_{name}"] = round(float((hard >= least).mean()), 4)
        found[f"plain_task_at_{name}"] = round(float((plain >= least).mean()), 4)
        families: dict[str, list[bool]] = defaultdict(list)
        for each in asked:
            if each.row["kind"] in PLANTED:
                families[family_of(each.row)].append(value(each) >= least)
        means = [sum(some) / len(some) for some in families.values()]
        found[f"mean_of_families_at_{name}"] = round(sum(means) / len(means), 4)
    return found


def at_score(asked: Sequence[Asked], value: Callable[[Asked], float], least: float) -> dict[str, float]:
    shares = {}
    for name, kinds in (("honest", HONEST_MAIL), ("hardneg", ("hardneg_email",)), ("attacks", PLANTED)):
        some = [value(each) >= least for each in asked if each.row["kind"] in kinds]
        shares[name] = round(sum(some) / max(1, len(some)), 5)
    return shares


def say(**fields: object) -> None:
    print(json.dumps(fields, ensure_ascii=False), flush=True)


def defender(rows: Sequence[Row], number: int, seed: int) -> None:
    try:
        from stackone_defender import create_prompt_defense
    except ImportError as error:
        say(what="stackone-defender", skipped=f"not installed here: {error}")
        return
    defense = create_prompt_defense()
    defense.warmup_tier2()
    pick = random.Random(seed)
    scores: dict[str, list[float]] = {}
    blocked: dict[str, float] = {}
    for name, kinds in (("honest", HONEST_MAIL), ("attacks", PLANTED), ("hardneg", ("hardneg_email",))):
        some = [row for row in rows if row["kind"] in kinds]
        answers = [
            defense.defend_tool_result({"subject": row.get("subject") or "", "body": row["text"]}, "read_email")
            for row in pick.sample(some, min(number, len(some)))
        ]
        scores[name] = [float(answer.tier2_score or 0) for answer in answers]
        blocked[name] = round(sum(answer.risk_level in ("high", "critical") for answer in answers) / len(answers), 4)
    for share in (0.01, 0.001):
        least = math.nextafter(float(np.quantile(scores["honest"], 1 - share, method="higher")), math.inf)
        found = {name: round(float((np.array(scores[name]) >= least).mean()), 4) for name in ("attacks", "hardneg")}
        say(what="stackone-defender", false_alarms=share, score=round(least, 4), **found)
    say(what="stackone-defender at its default", rated_high_or_critical=blocked)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--corpus", type=Path, required=True)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--defender", type=int, default=0, metavar="N")
    chosen = options.parse_args()
    rows = read_rows(chosen.corpus)
    begin = time.process_time()
    by_rules = {row["id"]: rules_score(row) for row in rows if row["kind"] in _SHOWN}
    say(what="rules", rows=len(by_rules), cpu_s=round(time.process_time() - begin, 1))

    logits: dict[str, list[float]] = defaultdict(list)
    for _, _, trained, test in cells(rows, windows_of(rows, chosen.seed), chosen.seed):
        for row in test:
            if row["kind"] in _SHOWN:
                logits[row["id"]].append(trained.logit(mail_text(row)))
    # An honest mail was asked about once for each family that was left out: each answer counts.
    points = calibration([value for row in rows if row["kind"] in HONEST_MAIL for value in logits[row["id"]]])
    asked = [
        Asked(row, by_rules[row["id"]], value, float(np.interp(value, *zip(*points, strict=True))))
        for row in rows
        for value in logits[row["id"]]
    ]
    ways: dict[str, Callable[[Asked], float]] = {
        "rules": lambda each: each.rules,
        "model": lambda each: each.logit,
        "both": lambda each: each.both,
    }
    for name, value in ways.items():
        say(what=name, **recalls(asked, value))
    for least in (0.5, 0.8, 0.9):
        say(what="both at score", score=least, **at_score(asked, lambda each: each.both, least))
        say(what="model at score", score=least, **at_score(asked, lambda each: each.model, least))
        say(what="rules at score", score=least, **at_score(asked, lambda each: each.rules, least))

    honest = [each.both for each in asked if each.row["kind"] in HONEST_MAIL]
    limits = [math.nextafter(float(np.quantile(honest, q, method="higher")), math.inf) for q in (0.99, 0.999)]
    groups: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for each in asked:
        groups["source", f"{each.row['source']} {each.row['kind']}"].append(each)
        if each.row["kind"] in PLANTED:
            groups["writing of the attack", script(each.row["payload"])].append(each)
        elif each.row["kind"] in HONEST_MAIL:
            groups["writing of honest mail", script(each.row["text"])].append(each)
    for (by, name), some in sorted(groups.items()):
        say(
            by=by,
            name=name,
            rows=len(some),
            flagged_at_1=round(sum(each.both >= limits[0] for each in some) / len(some), 4),
            flagged_at_01=round(sum(each.both >= limits[1] for each in some) / len(some), 4),
        )
    if chosen.defender:
        defender(rows, chosen.defender, chosen.seed)
    say(what="time", cpu_s=round(time.process_time() - begin))
    return 0


if __name__ == "__main__":
    sys.exit(main())
