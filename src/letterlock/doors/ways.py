"""What a person does at the command line, and a model with a tool, as the route of /v1 that does the same.

Errors and answers tell people and models what to do next, and the same reaches programs: those are told in their own
words. Commands that have no route (doctor, connect, vault, ...) stay as they are: they are for whoever runs the server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

ROUTES: Final[Mapping[str, str]] = {
    "agent add": "POST /v1/agents",
    "agent list": "GET /v1/agents",
    "approvals": "GET /v1/approvals",
    "approvals list": "GET /v1/approvals",
    "approvals show": "GET /v1/approvals/{submission_id}",
    "contact add": "POST /v1/contacts",
    "contact list": "GET /v1/contacts",
    "domain add": "POST /v1/domains",
    "domain list": "GET /v1/domains",
    "domain relay": "POST /v1/domains/{domain}/relay",
    "domain show": "GET /v1/domains/{domain}",
    "domain verify": "POST /v1/domains/{domain}/verify",
    "escalations list": "GET /v1/escalations",
    "hold lift": "DELETE /v1/holds",
    "hold list": "GET /v1/holds",
    "inbox restore": "POST /v1/inboxes/{inbox}/restore",
    "inbox resume": "POST /v1/inboxes/{inbox}/resume",
    "inlet add": "POST /v1/inlets",
    "inlet list": "GET /v1/inlets",
    "key list": "GET /v1/keys",
    "key make": "POST /v1/keys",
    "list": "POST /v1/lists",
    "list blocked": "GET /v1/blocked",
    "list show": "GET /v1/lists",
    "mail save": "GET /v1/emails/{email_id}/attachments/{index}/raw",
    "mail show": "GET /v1/emails/{email_id}/raw",
    "pause": "POST /v1/pause",
    "pause --end": "DELETE /v1/pause",
    "rule": "POST /v1/routing-rules",
    "rule list": "GET /v1/routing-rules",
    "suppression list": "GET /v1/suppressions",
    "suppression remove": "DELETE /v1/suppressions/{address}",
    "tenant list": "GET /v1/tenants",
    "tenant relay": "POST /v1/tenant-relay",
}
"""By the words of a command."""

ADVICE: Final = frozenset({"next_step", "warning", "advice"})
"""The fields of answers that tell what to do; no other is touched, whatever it says."""
_COMMAND: Final = re.compile(r"`letterlock ([^`]{1,200})`")
# In an answer, as JSON: what such a field says when it says something.
_TELLS: Final = re.compile(rf'"(?:{"|".join(sorted(ADVICE))})": ?"((?:[^"\\]|\\.)+)"')


class Ways:
    """`actions`: the route of each by its name, which is that of the tool, too."""

    def __init__(self, actions: Mapping[str, str]) -> None:
        self._actions = actions
        named = sorted((name for name in actions if "_" in name), key=len, reverse=True)
        # The others are words of the language as well.
        words = [name for name in actions if "_" not in name]
        self._named = re.compile(
            rf"(?<![\w/{{-])(`?)({'|'.join(named)})\1(?![\w/}}=-])|(?<=\bCall )()({'|'.join(words)})(?= again\b)"
        )

    def on_rest(self, next_step: str) -> str:
        """A next step with routes in the place of tools, and of commands that have one."""
        said = _COMMAND.sub(lambda found: _route(found[1]) or found[0], next_step)
        return self._named.sub(lambda found: f"`{self._actions[found[2] or found[4]]}`", said)

    def answer_on_rest(self, answer: str) -> str:
        """An answer as JSON, with routes in what it tells to do."""
        # Nearly all answers name neither.
        if not any(_COMMAND.search(said) or self._named.search(said) for said in _TELLS.findall(answer)):
            return answer
        return json.dumps(self._advised(json.loads(answer)), ensure_ascii=False, separators=(",", ":"))

    def _advised(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._advised(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self.on_rest(one) if name in ADVICE and isinstance(one, str) else self._advised(one)
            for name, one in value.items()
        }


def _route(command: str) -> str:
    route = ROUTES.get(" ".join(command.split()[:2]))
    return f"`{route}`" if route else ""
