"""CPU of reading and screening one mail, parse to findings, in one process: python bench/reading.py [-n 200]

`inspect_message` by itself: what a worker does with a mail but for packing the report. Milliseconds of CPU a mail, the
best of several rounds; `stages` says what each step takes of it, measured one by one. `plain_3k` is the profile `plain`
with its text made longer, to 3 kB.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from harness import say, say_where
from letterlock.inspection import inspect_message
from letterlock.message.attached import attached_parts, attached_texts
from letterlock.message.authenticate import authenticate
from letterlock.message.extract.codes import find_code
from letterlock.message.extract.credentials import find_credentials
from letterlock.message.extract.facts import find_facts
from letterlock.message.extract.links import find_links
from letterlock.message.extract.meaning import categorise
from letterlock.message.extract.reply import newest_part
from letterlock.message.parse import parse_message
from letterlock.message.visible import visible_text
from letterlock.screen.rule import Evidence
from letterlock.screen.score import screen
from mails import PROFILES, Mails

TARGET_MS = {"mixed": 5.0, "plain": 3.0, "plain_3k": 3.0}
_ROUNDS = 7


def supply(profile: str, count: int) -> list[bytes]:
    mails = Mails(profile.removesuffix("_3k"), "load@letterlock.localhost")
    raws = [mails.next().raw for _ in range(count)]
    if not profile.endswith("_3k"):
        return raws
    return [raw + raw.partition(b"\r\n\r\n")[2][: 3_000 - len(raw)] for raw in raws]


def cpu_ms(step: Callable[[], list[object]], count: int) -> float:
    """Milliseconds of CPU for each of `count`, the best of the rounds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        begin = time.process_time()
        step()
        best = min(best, time.process_time() - begin)
    return best / count * 1_000


def stages(raws: list[bytes]) -> dict[str, float]:
    parsed = [parse_message(raw) for raw in raws]
    visible = [visible_text(mail) for mail in parsed]
    attached = [attached_texts(attached_parts(mail)) for mail in parsed]
    auth = [authenticate(raw, None, None) for raw in raws]
    code = [find_code(mail, view) for mail, view in zip(parsed, visible, strict=True)]
    links = [find_links(mail, view) for mail, view in zip(parsed, visible, strict=True)]
    steps: dict[str, Callable[[], list[object]]] = {
        "parse": lambda: [parse_message(raw) for raw in raws],
        "authenticate": lambda: [authenticate(raw, None, None) for raw in raws],
        "visible": lambda: [visible_text(mail) for mail in parsed],
        "attached": lambda: [attached_texts(attached_parts(mail)) for mail in parsed],
        "credentials": lambda: [find_credentials(view.text) for view in visible],
        "screen": lambda: [screen(Evidence(*given)) for given in zip(parsed, visible, auth, attached, strict=True)],
        "code": lambda: [find_code(mail, view) for mail, view in zip(parsed, visible, strict=True)],
        "links": lambda: [find_links(mail, view) for mail, view in zip(parsed, visible, strict=True)],
        "history": lambda: [newest_part(view.text) for view in visible],
        "category": lambda: [categorise(*given) for given in zip(parsed, visible, code, links, strict=True)],
        "facts": lambda: [find_facts(view.text) for view in visible],
    }
    return {name: round(cpu_ms(step, len(raws)), 3) for name, step in steps.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200)
    count = parser.parse_args().n
    say_where()
    for profile in (*PROFILES, "plain_3k"):
        raws = supply(profile, count)
        for raw in raws[:50]:
            inspect_message(raw)
        best = cpu_ms(lambda raws=raws: [inspect_message(raw) for raw in raws], count)  # type: ignore[misc]
        target = TARGET_MS.get(profile)
        say(
            profile=profile,
            mails=count,
            bytes=sum(map(len, raws)) // count,
            cpu_ms=round(best, 2),
            target=target,
            ok=not target or best <= target,
            stages=stages(raws),
        )


if __name__ == "__main__":
    main()
