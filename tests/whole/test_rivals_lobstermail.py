"""The client of LobsterMail as npm has it, unmodified, against a server: every public method, and what goes wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import letterlock
from running import Seen, Served, clean_environment, connects, serving, wait_until

ROOT = Path(__file__).parent.parent.parent
CLIENT = ROOT / ".node" / "node_modules" / "@lobsterkit" / "lobstermail" / "dist" / "index.js"
STEPS = Path(__file__).parent / "lobstermail.mjs"
SCOPES = "read,wait,send,manage_inboxes,manage_domains,inbound,reveal,admin"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("lobstermail") / "data"
    data.mkdir()
    (data / "letterlock.toml").write_text(
        'webhook_private = true\nsignups_per_hour = 1\nfirst_emails = 0\ndns = "off"\n'
    )
    with serving(data) as served:
        wait_until(lambda: connects(served.smtp_port))
        yield served


def person_key(served: Served) -> str:
    made = letterlock(served.data, "key", "make", "owner", "--scopes", SCOPES)
    found = re.search(r"llk_\S+", made.stdout)
    assert found is not None, made.stderr
    return found[0]


def test_every_public_method_works(served: Served, endpoint: tuple[str, Seen], tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not CLIENT.exists():
        missing = "Node.js is not installed" if node is None else "its client is not installed (make clients)"
        pytest.skip(f"{missing}: the client of LobsterMail was NOT run")
    url, seen = endpoint
    environment = clean_environment(
        URL=served.url, KEY=person_key(served), AGENT_KEY=served.key, HOOK=url, CLIENT=str(CLIENT), HOME=str(tmp_path)
    )
    environment.pop("LOBSTERMAIL_TOKEN", None)
    # Node before 22 has its WebSocket behind this option.
    command = [node, "--experimental-websocket", "--no-warnings", str(STEPS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)
    assert done.returncode == 0, done.stderr + "".join(served.stderr[-5:])
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told["missed"] == []

    wait_until(lambda: len(seen) >= 3, 30)
    for headers, body in seen:
        signed = hmac.new(told["webhook"]["secret"].encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-lobstermail-signature"] == signed
    first = json.loads(seen[0][1])
    assert (first["event"], first["data"]["emailId"]) == ("email.received", told["code"])
    assert first["email"] == first["data"]
    assert b"048213" not in seen[0][1]
