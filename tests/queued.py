"""What tests of deliveries share: an app with a relay, an email in its queue, what became of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fakes import Clock, RelaySink
from letterlock.app import App, open_app
from letterlock.ids import DEFAULT_TENANT, SubmissionId
from letterlock.outbound.submit import status
from letterlock.store.outbox import Delivery, Submission
from running import do, make_inbox, settings_for


@contextlib.asynccontextmanager
async def opened(folder: Path, clock: Clock, sink: RelaySink | None = None, port: int = 0) -> AsyncIterator[App]:
    relay: dict[str, Any] = {}
    if sink is not None or port:
        relay = {"relay_host": "127.0.0.1", "relay_port": port or (sink and sink.port), "relay_security": "none"}
    async with open_app(settings_for(folder, **relay), clock) as app:
        yield app


async def send(app: App, to: str | list[str], **more: Any) -> SubmissionId:
    sender = f"anna@{app.settings.domain}"
    with contextlib.suppress(Exception):
        await make_inbox(app, "anna")
    answer = await do(app, "send_email", inbox=sender, to=to, subject="Hi", text="Hello", **more)
    return SubmissionId(answer.submission_id)


async def look(app: App, submission_id: SubmissionId) -> Submission:
    return await status(app, DEFAULT_TENANT, submission_id)


async def only(app: App, submission_id: SubmissionId) -> Delivery:
    (delivery,) = (await look(app, submission_id)).deliveries
    return delivery
