"""The examples of docs/rest.md run as they stand, against a real server; its tables name what is there."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import letterlock
from letterlock.doors import requests
from letterlock.doors.rest import ENDPOINTS
from letterlock.errors import CallerError
from running import Served, clean_environment, connects, serving, wait_until

PAGE = (Path(__file__).parent.parent.parent / "docs" / "rest.md").read_text("utf-8")


def example(section: str, language: str) -> str:
    """The one block of a section in a language."""
    _, _, rest = PAGE.partition(f"\n## {section}\n")
    _, fence, rest = rest.partition("\n## ")[0].partition(f"\n```{language}\n")
    assert fence, f"no example in {language} under {section}"
    return rest.partition("\n```\n")[0] + "\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("rest") / "data") as served:
        wait_until(lambda: connects(served.smtp_port))
        yield served


def run(served: Served, command: list[str], script: str, **more: str) -> str:
    """What a script says; fails with what it complains of."""
    environment = clean_environment(URL=served.url, KEY=served.key, **more)
    done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: the example of docs/rest.md that needs it was NOT run")


def test_the_example_for_curl_runs(served: Served) -> None:
    needs("curl")
    needs("jq")
    said = run(served, ["bash", "-euo", "pipefail"], example("curl", "bash"))
    assert "493817" in said
    assert '"delivered"' in said


def test_the_example_for_python_runs(served: Served) -> None:
    said = run(served, [sys.executable, "-"], example("Python", "python"))
    assert said.splitlines()[0] == "delivered"
    assert "493817" in said
    assert "404 not_found" in said


def test_the_example_for_typescript_runs(served: Served) -> None:
    needs("node")
    said = run(served, ["node", "--input-type=module", "-"], example("TypeScript", "typescript"))
    assert said.split() == ["493817", "email.filed"]


def test_the_example_for_people_runs(served: Served) -> None:
    needs("curl")
    needs("jq")
    made = letterlock(served.data, "key", "make", "owner", "--scopes", "read,approve,reveal,admin")
    key = re.search(r"llk_\S+", made.stdout)
    assert key is not None, made.stderr
    said = run(served, ["bash", "-euo", "pipefail"], example("For people", "bash"), PERSON_KEY=key[0])
    assert "Subject:" in said
    assert "email.revealed" in said


def test_the_table_of_routes_names_every_path() -> None:
    table = PAGE[PAGE.index("## Routes") : PAGE.index("## Errors")]
    for one in ENDPOINTS:
        assert f"/{one.path.split('/')[1]}" in table, one.path
        assert one.path.split("/")[-1].strip("{}") in table, one.path
        assert one.action.scope in table


def test_the_table_of_errors_has_every_code_with_its_status() -> None:
    table = PAGE[PAGE.index("## Errors") : PAGE.index("## Consumers")]

    def below(kind: type[CallerError]) -> Iterator[type[CallerError]]:
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    codes = {(str(one.http_status), one.code) for one in below(CallerError)}
    # What is refused before any action is asked.
    text = inspect.getsource(requests)
    codes |= set(re.findall(r'Refused\(\s*(\d{3}),\s*"(\w+)"', text))
    assert len(codes) > 10
    rows = [line for line in table.splitlines() if line.startswith("|")]
    for status, code in codes:
        assert any(status in row.split("|")[1] and f"`{code}`" in row.split("|")[2] for row in rows), code
