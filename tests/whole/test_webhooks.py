"""Webhooks as a whole: a server, the command line, an endpoint, and the check that docs/webhooks.md shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import letterlock
from letterlock.outbound.webhooks import SCHEDULE_S
from running import Seen, connects, letter, post, serving, wait_until

PAGE = (Path(__file__).parent.parent.parent / "docs" / "webhooks.md").read_text("utf-8")


def shown_check() -> Callable[[str, dict[str, str], bytes], bool]:
    found = re.search(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)
    check: Callable[[str, dict[str, str], bytes], bool] = names["is_ours"]
    return check


def test_an_email_that_comes_in_is_told_and_the_check_of_the_page_holds(
    tmp_path: Path, endpoint: tuple[str, Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, seen = endpoint
    data = tmp_path / "data"
    data.mkdir()
    (data / "letterlock.toml").write_text("webhook_private = true\n")

    def said(*arguments: str, fails: bool = False) -> str:
        done = letterlock(data, *arguments)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stdout

    with serving(data) as served:
        wait_until(lambda: connects(served.smtp_port))
        address = re.search(r"\S+@\S+", said("inbox", "create", "hooked"))
        assert address is not None
        secret = said("webhook", "add", url, "--events", "email.filed").strip()
        webhook_id = said("webhook", "list").split("\t")[0]
        assert "HTTP 204" in said("webhook", "test", webhook_id)
        post(served.smtp_port, address[0], letter("the subject", "the words"))
        wait_until(lambda: len(seen) == 2, 60)
        wait_until(lambda: "HTTP 204" in said("webhook", "list"), 60)
        assert "HTTP 204" in said("webhook", "replay", webhook_id, "--after", "0-0")
        wait_until(lambda: len(seen) == 3, 60)
        assert "removed" in said("webhook", "remove", webhook_id)
        assert said("webhook", "list") == ""
        said("webhook", "test", webhook_id, fails=True)
    assert [json.loads(body)["type"] for _, body in seen] == ["webhook.test", "email.filed", "email.filed"]
    assert seen[1][0]["webhook-id"] == seen[2][0]["webhook-id"]
    is_ours = shown_check()
    for headers, body in seen:
        assert is_ours(secret, headers, body)
        assert not is_ours(secret, headers, body[:-1])
        assert not is_ours(secret, {**headers, "webhook-id": "evt_other"}, body)
        assert not is_ours(secret, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 301)}, body)
        assert not is_ours("whsec_AAAA", headers, body)
    now = int(seen[0][0]["webhook-timestamp"])
    monkeypatch.setattr("time.time", lambda: now + 400)
    assert not is_ours(secret, *seen[0])


def test_the_page_names_the_schedule() -> None:
    assert SCHEDULE_S == (5, 30, 120, 300, 900, 1800, 3600, 7200, 14400)
    assert "5 s, 30 s, 2 min,\n5 min, 15 min, 30 min, 1 h, 2 h and then every 4 h" in PAGE
