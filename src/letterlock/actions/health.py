"""Is all well? For tool answers, /healthz and /metrics."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from letterlock import telemetry
from letterlock.actions.caller import ADMIN, METRICS, Caller
from letterlock.app import DATABASE_FILE, App
from letterlock.errors import NotAllowed, NotFound
from letterlock.folder import not_private
from letterlock.ids import DEFAULT_TENANT
from letterlock.policy import APPROVAL
from letterlock.settings import Settings
from letterlock.store import arrivals, inboxes, mailboxes, outbox, postmaster, queue
from letterlock.store.database import Transaction
from letterlock.store.inboxes import Inbox
from letterlock.wake import postmaster_lives

STUCK_MS = 10_000
"""Mail is filed within milliseconds; what waits longer than this is worth a word."""
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class _Reception:
    """`problem`: why mail does not come in, as a sentence, or ""; `silent`: no postmaster is there to fetch any either;
    `oldest`: since when the oldest email that was accepted waits to be read, None when none does."""

    problem: str
    silent: bool
    oldest: int | None


async def reception_problem(app: App) -> str:
    """Why mail does not come in right now, as a sentence; "" when it does."""
    return (await _reception(app)).problem


async def _reception(app: App) -> _Reception:
    async def look(tx: Transaction) -> tuple[bool, postmaster.Report | None, int | None]:
        return (
            await postmaster.is_silent(tx, app.now_ms()),
            await postmaster.last(tx),
            await arrivals.oldest_unfiled(tx),
        )

    async def tell() -> _Reception:
        silent, report, oldest = await app.database.read_system(look)
        if not silent:
            problem = report.problem if report else ""
        elif await asyncio.to_thread(postmaster_lives, app.folder):
            # One that has begun says so at once, unless it cannot; the one before may have ended in order.
            begun = report is None or not report.seen_at
            held = "New mail waits: the mail store is held by another program, or its disk is full."
            problem = postmaster.STARTING if begun else held
        else:
            problem = "No Letterlock process listens for mail on this data folder right now."
        return _Reception(problem, silent, oldest)

    return await app.together.look("reception", tell)


async def start_problem(app: App) -> str:
    """What an owner who has just started this should know at once, as a sentence; "" when mail comes in, and when it
    was asked for that none does; and that others can look into the data folder."""
    seen = " ".join(filter(None, not_private(app.folder)))
    asked = app.settings.smtp_port or app.settings.lmtp_port
    return " ".join(filter(None, (await reception_problem(app) if asked else "", seen)))


async def reception_warning(app: App, inbox: Inbox | None = None) -> str:
    """Why an email that was sent (to this inbox) may not be seen yet, as a sentence; "" when all is well."""
    reception = await _reception(app)
    elsewhere = inbox is not None and inbox.mailbox_id is not None and not reception.silent
    problem = await _mailbox_problem(app, inbox) if inbox is not None and elsewhere else reception.problem
    if problem:
        return problem
    if reception.oldest is not None and app.now_ms() - reception.oldest > STUCK_MS:
        return "Some accepted mail cannot be seen yet: many wait to be read, or the disk is full."
    if inbox is not None and _is_local_only(app, inbox):
        tenant_id = inbox.tenant_id
        found = await app.together.look(
            ("mailboxes", tenant_id), lambda: app.database.read(tenant_id, mailboxes.of_tenant)
        )
        connected = [one for one in found if one.inboxes]
        way = (
            f'create_inbox(domain="{connected[0].address}") makes one'
            if connected
            else "the owner runs `letterlock connect`"
        )
        return f"Only programs on this machine can send to this address. For mail from the internet {way}."
    return disk_problem(app.settings)


def disk_problem(settings: Settings) -> str:
    """That the disk of the data folder is nearly full, as a sentence; "" when it is not."""
    # Of a local disk, which WAL needs: microseconds, where a thread would take longer than many a call.
    free = free_bytes(settings)
    if free >= settings.low_disk_megabytes * MEGABYTE:
        return ""
    return f"The disk is nearly full: {free // MEGABYTE:,} MB are free; when none are, no mail comes in."


def speaks_for(app: App, mine: Sequence[Inbox]) -> Inbox | None:
    """The inbox whose state is that of all these: the only one, or any where nobody outside this machine can send to
    them; None where they differ."""
    same = len(mine) == 1 or all(_is_local_only(app, one) for one in mine)
    return mine[0] if mine and same else None


def _is_local_only(app: App, inbox: Inbox) -> bool:
    return not app.settings.accept_any and f".{inbox.address.rpartition('@')[2]}".endswith(".localhost")


async def _mailbox_problem(app: App, inbox: Inbox) -> str:
    """Why no mail comes from the mailbox elsewhere that the inbox gets its mail from."""

    async def look(tx: Transaction) -> tuple[str, str] | None:
        box = await mailboxes.of_inbox(tx, inbox.inbox_id)
        if box is None:
            return "", f"{inbox.address} gets no mail any more: its mailbox was disconnected."
        if inbox.address in await mailboxes.unfit(tx, box.mailbox_id, app.now_ms()):
            return "", f"{inbox.address} gets no mail: it is the own address of a mailbox. Make another inbox."
        found = await mailboxes.folders(tx, box.mailbox_id)
        return box.address, next((one.problem for one in found if one.problem), "")

    told = await app.database.read(inbox.tenant_id, look)
    address, problem = told or ("", "")
    return f"The mailbox {address} cannot be read: {problem}" if address and problem else problem


async def figures(app: App, caller: Caller) -> bytes:
    """What this process counted and how things stand, for Prometheus. About the whole server, so for whoever runs it:
    raises NotAllowed without the scope, NotFound in another tenant."""
    caller.need_all(METRICS)
    if caller.tenant_id != DEFAULT_TENANT:
        raise NotFound("There are no figures here.", next_step="`get_usage` has those of your tenant.")
    return telemetry.figures(await _gauges(app))


async def _gauges(app: App) -> dict[str, float]:
    """As telemetry.GAUGES names them."""
    now = app.now_ms()

    async def look(tx: Transaction) -> dict[str, float]:
        oldest = await arrivals.oldest_unfiled(tx)
        return {
            "emails_unfiled": await arrivals.count_unfiled(tx),
            "oldest_unfiled_seconds": 0 if oldest is None else max(0, now - oldest) / 1000,
            "deliveries_due": await queue.count_due(tx),
            "submissions_held": await outbox.count_held(tx, APPROVAL),
            "postmaster": not await postmaster.is_silent(tx, now),
        }

    found = await app.database.read_system(look)
    return {**found, "waiters": app.wake.waiters(), "store_bytes": await asyncio.to_thread(store_bytes, app.settings)}


def store_bytes(settings: Settings) -> int:
    total = 0
    for file in (settings.data / DATABASE_FILE, settings.data / f"{DATABASE_FILE}-wal"):
        with contextlib.suppress(OSError):
            total += file.stat().st_size
    return total


async def disk_use(app: App, caller: Caller) -> dict[str, object]:
    """Bytes of the store's files, of the mail in them as it came, and free on their disk; `warning`: why to look after
    that, "" when all is well. For whoever runs the server: raises NotAllowed for others."""
    caller.need_all(ADMIN)
    if caller.tenant_id != DEFAULT_TENANT:
        raise NotAllowed("Only admins of the default tenant see the disk.", next_step="`get_usage` has your own.")
    return {
        "store_bytes": await asyncio.to_thread(store_bytes, app.settings),
        "mail_bytes": await app.database.read_system(inboxes.stored_bytes_of_all),
        "free_bytes": await asyncio.to_thread(free_bytes, app.settings),
        "warning": disk_problem(app.settings),
    }


def free_bytes(settings: Settings) -> int:
    folder = settings.data
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
