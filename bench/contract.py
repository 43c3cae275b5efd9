"""schemathesis against /v1: does the OpenAPI document say the truth, and does anything make the server fail?

    python bench/contract.py [--tool PATH] [--examples N] [--seed N]

`letterlock serve` on a fresh folder with an inbox, mail and something sent; then three runs with a person's key: random
values for everything, wait_for_otp apart, and real ids in the paths with random values elsewhere. Checked: no answer of
500 and above, and status, media type, headers and body of every answer as documented. schemathesis is not among
Letterlock's dependencies: `pip install schemathesis` somewhere, and name its program with --tool when it is not on the
PATH. Exit code 1 for any finding. The event stream never ends and is left out; tests/doors/test_rest.py reads it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2

from harness import Running, letterlock, say, say_where, serve, temporary_folder

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)
MAIL = (
    b"From: Shop <codes@shop.example>\r\nTo: %s\r\nSubject: Your code\r\n\r\n"
    b"Your code is 493817: https://shop.example/v\r\n"
)


def person_key(data: Path) -> str:
    """A key that may do everything."""
    from letterlock.actions.caller import EVERY_SCOPE

    scopes = ",".join(sorted(EVERY_SCOPE))
    command = letterlock("key", "make", "owner", "--scopes", scopes, "--data", str(data))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"llk_\S+", done.stdout + done.stderr)
    assert found is not None, done
    return found[0]


async def furnish(running: Running, key: str) -> dict[str, str]:
    """Path arguments that lead somewhere."""
    headers = {"Authorization": f"Bearer {key}"}
    base = f"http://127.0.0.1:{running.http_port}/v1"
    async with httpx2.AsyncClient(base_url=base, headers=headers, timeout=60) as client:

        async def ask(method: str, path: str, **how: object) -> dict[str, str]:
            answer = await client.request(method, path, **how)  # type: ignore[arg-type]
            answer.raise_for_status()
            found: dict[str, str] = answer.json()
            return found

        box = await ask("POST", "/inboxes", json={"name": "contract"})
        raw = MAIL % box["address"].encode()
        await ask("POST", "/inbound", params={"to": box["address"]}, content=raw)
        await ask("GET", f"/inboxes/{box['inbox_id']}/wait", params={"since": 0, "timeout_s": 60})
        email = (await ask("GET", "/emails"))["emails"][0]["email_id"]  # type: ignore[index]
        read = await ask("GET", f"/emails/{email}")
        sent = await ask("POST", f"/emails/{email}/reply", json={"text": "Thanks."})
        await ask("POST", "/contacts", json={"name": "c@example.com"})
        return {
            "inbox": box["inbox_id"],
            "email_id": str(email),
            "thread_id": read["thread_id"],
            "submission_id": sent["submission_id"],
            "index": "0",
        }


def config(known: dict[str, str]) -> str:
    """Waits that end at once, and the path arguments of `known`."""
    lines = ["[parameters]", '"query.timeout_s" = 0']
    lines += [f'"path.{name}" = "{value}"' for name, value in known.items()]
    return "\n".join(lines) + "\n"


def contract(
    tool: str,
    running: Running,
    key: str,
    folder: Path,
    arguments: argparse.Namespace,
    known: dict[str, str],
    waits: bool = False,
) -> int:
    """One run, of wait_for_otp or of all the others; its exit code."""
    file = folder / "schemathesis.toml"
    file.write_text(config(known), "utf-8")
    base = f"http://127.0.0.1:{running.http_port}/v1"
    command = [tool, "--config-file", str(file), "--no-color", "run", f"{base}/openapi.json", "--url", base]
    command += ["--checks", CHECKS, "--header", f"Authorization: Bearer {key}", "--request-timeout", "60"]
    command += ["--exclude-path", "/events", "--continue-on-failure"]
    # Its body is always random: in an inbox that is there it would wait, so that it is tried with none that is.
    command += ["--include-operation-id" if waits else "--exclude-operation-id", "wait_for_otp"]
    command += ["--phases", "examples,coverage,fuzzing"] if waits else []
    command += ["--max-examples", str(arguments.examples), "--seed", str(arguments.seed)]
    command += ["--suppress-health-check", "all", "--warnings", "off"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    print(done.stdout[-20_000:] if done.returncode else done.stdout[-2_000:], done.stderr[-2_000:], flush=True)
    say(run="real ids" if known else "wait_for_otp" if waits else "random", exit_code=done.returncode)
    return done.returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default=shutil.which("schemathesis") or "", help="schemathesis' program")
    parser.add_argument("--examples", type=int, default=30, help="random examples for each operation")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not arguments.tool:
        sys.exit("schemathesis is not on the PATH: pip install schemathesis, and name it with --tool.")
    say_where()
    failed = 0
    with temporary_folder("contract") as folder:
        data = folder / "data"
        with serve(data) as running:
            key = person_key(data)
            known = asyncio.run(furnish(running, key))
            for given, waits in (({}, False), ({}, True), (known, False)):
                failed |= contract(arguments.tool, running, key, folder, arguments, given, waits)
            assert running.process.poll() is None, "the server has ended"
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
