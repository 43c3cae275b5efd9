"""What reading and screening a mail costs: `letterlock inspect --jsonl` over a file of mails.

    python bench/inspect_speed.py [-n 1000] [--profiles plain,otp,mixed]

CPU counts every process of the command; the cost of starting it is measured with a file of few mails and taken off.
Mails a second and core is the other way of saying it; wall is with the two worker processes of the default settings.
"""

from __future__ import annotations

import argparse
import base64
import json
import resource
import subprocess
import time
from pathlib import Path

from harness import environment, letterlock, say, say_where, temporary_folder
from mails import Mails

TARGET = {"plain": {"mails_s_core": 200.0}, "mixed": {"cpu_ms": 5.0}}
_FEW = 50


def run(folder: Path, profile: str, count: int) -> tuple[float, float]:
    """CPU and wall seconds of inspecting `count` mails."""
    supply = Mails(profile, "load@letterlock.localhost")
    file = folder / f"{profile}-{count}.jsonl"
    with file.open("w") as rows:
        for n in range(count):
            rows.write(json.dumps({"id": n, "eml_b64": base64.b64encode(supply.next().raw).decode()}) + "\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run(
        letterlock("--data", str(folder / "data"), "inspect", "--jsonl", str(file)),
        stdout=subprocess.PIPE,
        env=environment(),
        check=True,
        timeout=600,
    )
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = [row for row in answers if row.get("error")]
    if len(answers) != count or wrong:
        raise SystemExit(f"{len(answers)} answers for {count} mails; {wrong[:1]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--profiles", default="plain,otp,mixed")
    options = parser.parse_args()
    say_where()
    with temporary_folder("inspect") as folder:
        for profile in options.profiles.split(","):
            few_cpu, few_wall = run(folder, profile, _FEW)
            cpu, wall = run(folder, profile, _FEW + options.n)
            figures = {
                "cpu_ms": (cpu - few_cpu) / options.n * 1e3,
                "mails_s_core": options.n / (cpu - few_cpu),
                "mails_s_wall": options.n / (wall - few_wall),
            }
            target = TARGET.get(profile, {})
            ok = all(
                figures[name] <= limit if name == "cpu_ms" else figures[name] >= limit for name, limit in target.items()
            )
            say(profile=profile, mails=options.n, start_cpu_s=few_cpu, **figures, target=target, ok=ok)


if __name__ == "__main__":
    main()
