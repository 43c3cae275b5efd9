"""When the server of a mailbox is asked again and again for new mail: where it tells late, and while somebody waits.

Dovecot collects half a second's mail before it tells (IDLE), but says what it has whenever it is asked. So while an
inbox of the mailbox is waited for, its server is asked every QUICK_S, until it has shown that it tells at once; and
never more often than MOST_LOOKS in an hour, folder by folder.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from letterlock.app import App
from letterlock.errors import StoreError
from letterlock.ids import InboxId
from letterlock.store import mailboxes
from letterlock.store.mailboxes import Mailbox
from letterlock.wake import REST_S, WAITING, WAITING_S

log = logging.getLogger(__name__)

QUICK_S: Final = 0.1
MOST_LOOKS: Final = 3_000
"""In a row, and in any hour after: five minutes of asking every QUICK_S."""
_LAST: Final = 8
_PROMPT: Final = 3
"""So many of the last emails told by the server unasked: it needs not be asked. One may be chance: what comes between
the question and the waiting is told soon by any. All they never are, as a server far away is always just being asked.
"""
_PROMPT_S: Final = 3_600.0
_MOST_ASKED: Final = 500


class Haste:
    """Of one folder, over all its connections."""

    def __init__(self, app: App, mailbox: Mailbox) -> None:
        self._app = app
        self._mailbox = mailbox
        self._ours: dict[str, bool] = {}
        self._until = 0.0
        self._left = float(MOST_LOOKS)
        self._counted_at = time.monotonic()
        self._told: deque[bool] = deque(maxlen=_LAST)
        self._prompt_until = 0.0

    async def listen(self, rouse: Callable[[], None]) -> None:
        """Learn of those who wait, and call `rouse`, once a second at least, while the server is to be asked. Until
        cancelled."""
        with self._app.wake.watch(WAITING) as watch:
            while True:
                if await self._awaited():
                    self._until = time.monotonic() + WAITING_S
                    if self.asks():
                        rouse()
                await watch.wait(REST_S)

    def asks(self) -> bool:
        """Whether the server is to be asked soon again, rather than to tell by itself."""
        now = time.monotonic()
        self._left = min(float(MOST_LOOKS), self._left + (now - self._counted_at) * MOST_LOOKS / 3_600)
        self._counted_at = now
        return now < self._until and now >= self._prompt_until and self._left >= 1

    def asked(self) -> None:
        """It was, once more."""
        self._left -= 1

    def heard(self, *, unasked: bool) -> None:
        """Of an email, while it was asked often: it told `unasked`, or only then."""
        self._told.append(unasked)
        if sum(self._told) >= _PROMPT:
            self._told.clear()
            self._prompt_until = time.monotonic() + _PROMPT_S

    async def _awaited(self) -> bool:
        """Whether anybody in any process waits for mail of an inbox of this mailbox."""
        awaited = self._app.wake.awaited()
        # An inbox never moves to another mailbox.
        self._ours = {inbox_id: self._ours[inbox_id] for inbox_id in awaited if inbox_id in self._ours}
        if new := [InboxId(inbox_id) for inbox_id in awaited if inbox_id not in self._ours][:_MOST_ASKED]:
            box = self._mailbox
            try:
                found = await self._app.database.read(
                    box.tenant_id, lambda tx: mailboxes.among(tx, box.mailbox_id, new)
                )
            except StoreError as error:
                log.debug("%s: who waits is not known: %s", box.mailbox_id, error)
                return False
            self._ours.update((inbox_id, inbox_id in found) for inbox_id in new)
        return any(self._ours.values())
