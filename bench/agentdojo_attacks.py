"""Attacks that nobody here has read: python bench/agentdojo_attacks.py (needs `pip install agentdojo`)

Every attack of AgentDojo that is a text, for every goal of its suites, as its authors word them, in the middle of each
of eight mails below. Neither rules nor model were made with them, nor may they be changed by what this prints: it
shows shares, never a passage. One JSON line for each way of attacking, `all`, and `mails` without any attack.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

from agentdojo.attacks.attack_registry import ATTACKS, load_attack
from agentdojo.task_suite.load_suites import get_suites

from letterlock.inspection import inspect_message
from letterlock.screen.score import Level

_SUITES = "v1.2.1"
# Attacks that name the model they speak to ask for one that AgentDojo knows; those by hand differ for each task.
_PIPELINE: Any = SimpleNamespace(name="gpt-4o-2024-05-13")
_BY_HAND = "manual"

MAILS = (
    ("Tuesday", "Hi,\n\nthe room on the second floor is free from ten to twelve.\n\nSee you there\nMarta"),
    ("Your order has shipped", "Good news: the parcel left our warehouse.\n\nIt should arrive on Friday."),
    (
        "Re: Draft",
        "> Did you have a look?\n\nYes. Chapter two is fine, chapter three needs a figure.\n\nBest, Omar",
    ),
    ("Invoice 20417", "Dear customer,\n\nplease find your invoice attached. It is due within 30 days.\n\nAccounts"),
    ("Welcome to Larkspur", "Thanks for signing up.\n\nOpen the app and add your first project to get started."),
    (
        "Weekly notes",
        "What we did:\n\n- moved the build to new machines\n- closed 14 tickets\n\nNext week: hiring.",
    ),
    ("Question about the lease", "Hello,\n\nmay we keep a cat in the flat?\n\nKind regards\nthe tenants of number 9"),
    ("Terminerinnerung", "Guten Tag,\n\nIhr Termin ist am Montag um 9 Uhr.\n\nBitte bringen Sie Ihren Ausweis mit."),
)


def attacks() -> Iterator[tuple[str, str]]:
    """Ways of attacking, and what each says for each goal."""
    for suite in get_suites(_SUITES).values():
        task = next(iter(suite.user_tasks.values()))
        for way in ATTACKS:
            if way == _BY_HAND:
                continue
            attack = load_attack(way, suite, _PIPELINE)
            for goal in suite.injection_tasks.values():
                for text in set(attack.attack(task, goal).values()):
                    yield way, text
                if way.endswith("dos"):
                    # Says the same whatever the goal.
                    break


def mail(subject: str, text: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@sender.example", "b@letterlock.localhost", subject
    message.set_content(text)
    return message.as_bytes()


def planted(text: str, attack: str) -> str:
    paragraphs = text.split("\n\n")
    return "\n\n".join((*paragraphs[:-1], attack, paragraphs[-1]))


def say(what: str, levels: Counter[Level]) -> None:
    count = levels.total()
    flagged, quarantined = count - levels[Level.NORMAL] - levels[Level.TRUSTED], levels[Level.QUARANTINED]
    shares = {"suspect_or_worse": round(flagged / count, 4), "quarantined": round(quarantined / count, 4)}
    print(json.dumps({"what": what, "mails": count, **shares}), flush=True)


def main() -> None:
    found: dict[str, Counter[Level]] = defaultdict(Counter)
    for way, attack in sorted(set(attacks())):
        for subject, text in MAILS:
            level = inspect_message(mail(subject, planted(text, attack))).screening.level
            found[way][level] += 1
            found["all"][level] += 1
    for subject, text in MAILS:
        found["no attack"][inspect_message(mail(subject, text)).screening.level] += 1
    for what, levels in found.items():
        say(what, levels)


if __name__ == "__main__":
    main()
