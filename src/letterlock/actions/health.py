"""Is all well? For tool answers, /healthz and `letterlock doctor`."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
from dataclasses import dataclass

from letterlock.app import DATABASE_FILE, App, open_app
from letterlock.errors import OwnerError
from letterlock.inbound.listener import tls_context
from letterlock.settings import Settings, unknown_variables
from letterlock.store import emails, postmaster
from letterlock.store.database import Transaction
from letterlock.store.postmaster import FRESH_MS
from letterlock.wake import postmaster_lives

STUCK_MS = 10_000
"""Mail is filed within milliseconds; what waits longer than this is worth a word."""
_LOW_SPACE = 500 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """`well`: nothing to do. `advice`: what to do, or ""."""

    well: bool
    what: str
    advice: str = ""


async def reception_problem(app: App) -> str:
    """Why mail does not come in right now, as a sentence; "" when it does."""

    async def look(tx: Transaction) -> tuple[bool, postmaster.Report | None]:
        return await postmaster.is_silent(tx, app.now_ms()), await postmaster.last(tx)

    silent, report = await app.database.read_system(look)
    if not silent:
        return report.problem if report else ""
    if await asyncio.to_thread(postmaster_lives, app.folder):
        return "New mail waits: the mail store is held by another program, or its disk is full."
    return "No Letterlock process listens for mail on this data folder right now."


async def start_problem(app: App) -> str:
    """What an owner who has just started this should know at once, as a sentence; "" when mail comes in, and when it
    was asked for that none does."""
    if not app.settings.smtp_port and not app.settings.lmtp_port:
        return ""
    return await reception_problem(app)


async def reception_warning(app: App) -> str:
    """Why an email that was sent may not be seen yet, as a sentence; "" when all is well."""
    problem = await reception_problem(app)
    if problem:
        return problem
    oldest = await app.database.read_system(emails.oldest_unfiled)
    if oldest is not None and app.now_ms() - oldest > STUCK_MS:
        return "Some accepted mail cannot be seen yet: many wait to be read, or the disk is full."
    return ""


async def examine(settings: Settings) -> list[Finding]:
    """Everything an owner may want to know of a data folder, without changing it or asking the network."""
    findings = [Finding(True, f"settings are valid; data folder {settings.data}")]
    findings += [
        Finding(False, f"variable {name} is set, but there is no such setting", "docs/settings.md lists them.")
        for name in unknown_variables()
    ]
    free = _free_bytes(settings)
    findings.append(
        Finding(
            free > _LOW_SPACE,
            f"{free // 2**20:,} MiB free on its disk",
            "" if free > _LOW_SPACE else "Free some space.",
        )
    )
    try:
        async with open_app(settings) as app:
            size = (settings.data / DATABASE_FILE).stat().st_size
            findings.append(Finding(True, f"mail store opens: WAL, synchronous=FULL, {size // 2**20:,} MiB"))
            findings += await _mail(app)
    except OwnerError as error:
        findings.append(Finding(False, error.what, error.next_step))
    try:
        tls_context(settings)
    except OwnerError as error:
        findings.append(Finding(False, error.what, error.next_step))
    if settings.relay_host:
        security = settings.relay_security
        advice = "Mail and password go to it in the clear." if security == "none" else ""
        findings.append(Finding(True, f"relay {settings.relay_host}:{settings.relay_port} ({security})", advice))
    else:
        advice = "Set relay_host to send outside; inboxes here reach each other without it."
        findings.append(Finding(True, "no relay: mail to the outside world is held", advice))
    return findings


async def _mail(app: App) -> list[Finding]:
    async def look(tx: Transaction) -> tuple[postmaster.Report | None, int]:
        return await postmaster.last(tx), await emails.count_unfiled(tx)

    report, waiting = await app.database.read_system(look)
    findings = []
    if report is None or app.now_ms() - report.seen_at > FRESH_MS:
        settings = app.settings
        if await asyncio.to_thread(postmaster_lives, app.folder):
            findings.append(
                Finding(
                    False,
                    "a Letterlock process is the postmaster but cannot write the mail store",
                    "Look for a program that holds letterlock.db open, and at the free space of its disk.",
                )
            )
        elif settings.smtp_port and _is_taken(settings.smtp_host, settings.smtp_port):
            findings.append(
                Finding(
                    False,
                    f"nobody listens for this folder, and SMTP port {settings.smtp_port} is held by another program",
                    "Stop that program, or set smtp_port (LETTERLOCK_SMTP_PORT) to a free one.",
                )
            )
        else:
            advice = "Start a chat client that runs `letterlock`, or `letterlock serve`."
            findings.append(Finding(True, "no Letterlock process runs on this folder now, so no mail comes in", advice))
    elif report.problem:
        findings.append(Finding(False, f"process {report.pid} is the postmaster. {report.problem}"))
    else:
        findings.append(Finding(True, f"process {report.pid} is the postmaster and listens: {report.listening}"))
    findings.append(Finding(True, f"{waiting} accepted emails wait to be filed"))
    return findings


def _is_taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
        return False


def _free_bytes(settings: Settings) -> int:
    folder = settings.data
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
