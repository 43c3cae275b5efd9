"""CPU of reading and screening one mail, parse to findings, in one process: python bench/reading.py [-n 200]

`inspect_message` by itself: what a worker does with a mail but for packing the report. Best of five rounds each.
"""

from __future__ import annotations

import argparse
import time

from harness import say, say_where
from letterlock.inspection import inspect_message
from mails import PROFILES, Mails

TARGET_MS = {"mixed": 5.0, "plain": 3.0}
_ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200)
    count = parser.parse_args().n
    say_where()
    for profile in PROFILES:
        supply = Mails(profile, "load@letterlock.localhost")
        mails = [supply.next().raw for _ in range(count)]
        for raw in mails[:50]:
            inspect_message(raw)
        best = float("inf")
        for _ in range(_ROUNDS):
            begin = time.process_time()
            for raw in mails:
                inspect_message(raw)
            best = min(best, (time.process_time() - begin) / count * 1_000)
        target = TARGET_MS.get(profile)
        size = sum(map(len, mails)) // count
        say(
            profile=profile,
            mails=count,
            bytes=size,
            cpu_ms=round(best, 2),
            target=target,
            ok=not target or best <= target,
        )


if __name__ == "__main__":
    main()
