"""`letterlock doctor`: every part looked at, what is wrong and what to do about it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from letterlock import claims
from letterlock.actions.health import MEGABYTE, disk_problem, free_bytes, store_bytes
from letterlock.app import DATABASE_FILE, App, open_app
from letterlock.domains import Looked
from letterlock.errors import OwnerError
from letterlock.folder import not_private
from letterlock.ids import DEFAULT_TENANT
from letterlock.inbound.listener import tls_context
from letterlock.logins import sealed_away
from letterlock.outbound.relay import Route, one_line
from letterlock.outbound.routes import helo
from letterlock.settings import Settings, unknown_variables
from letterlock.store import arrivals, domains, erasures, inboxes, mailboxes, postmaster
from letterlock.store.database import Transaction
from letterlock.store.erasures import Erasure
from letterlock.store.postmaster import FILING, FRESH_MS, SWITCHED_OFF
from letterlock.vault import State
from letterlock.wake import postmaster_lives

if TYPE_CHECKING:
    import smtplib

_RELAY_S = 15.0
_MOST_SAID = 20
AGAIN = "Put the vault's key back; where it is lost for good, `letterlock connect {}` asks for the password again."
_COMPACT_LATE_MS = 48 * 3_600_000
"""What was to come by itself within a day has not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`well`: nothing to do. `advice`: what to do, or ""."""

    well: bool
    what: str
    advice: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Everything an owner may want to know of a data folder, without changing it. Of the network it asks the relays
    only: whether they would take mail, without sending any."""
    findings = [Finding(True, f"settings are valid; data folder {settings.data}")]
    findings += [
        Finding(False, f"variable {name} is set, but there is no such setting", "docs/settings.md lists them.")
        for name in unknown_variables()
    ]
    seen, advice = not_private(settings.data)
    findings += [Finding(False, seen, advice)] if seen else []
    free, low = free_bytes(settings), disk_problem(settings)
    said = f"{free // MEGABYTE:,} MB free on its disk (low_disk_megabytes: {settings.low_disk_megabytes:,})"
    findings.append(Finding(not low, said, "Free some space, or keep less: docs/lifecycle.md." if low else ""))
    by_mailbox = False
    try:
        async with open_app(settings) as app:
            by_mailbox = any(one.smtp_host for one in await app.database.read_system(mailboxes.every))
            size = await asyncio.to_thread(store_bytes, settings)
            mail = await app.database.read_system(inboxes.stored_bytes_of_all)
            what = f"{size // MEGABYTE:,} MB, for {mail / MEGABYTE:,.1f} MB of mail as it came"
            findings.append(Finding(True, f"mail store opens: WAL, synchronous=FULL, {what}"))
            findings += await _mail(app)
            findings += vault_findings(await app.vault.state())
            findings += await _mailboxes(app)
            findings += await erasure_findings(app)
            findings += await _domains(app)
    except OwnerError as error:
        findings.append(Finding(False, error.what, error.next_step))
    try:
        tls_context(settings)
    except OwnerError as error:
        findings.append(Finding(False, error.what, error.next_step))
    findings += await asyncio.gather(*(_try_relay(where, route) for where, route in _relays(settings)))
    if settings.direct:
        findings.append(Finding(True, "mail goes straight to the recipients' own servers (direct)"))
    elif settings.relays and not settings.relay_host:
        what = "mail goes to the domains of relays only, to others it is held: neither relay_host nor direct is set"
        findings.append(Finding(True, what, "Set relay_host or direct to send to others, too."))
    elif not settings.relay_host:
        whose = "mail to the outside world" if not by_mailbox else "mail to the outside world from other inboxes"
        what = f"{whose} is held: none of relay_host, relays and direct is set"
        findings.append(Finding(True, what, "Set one to send outside; inboxes here reach each other without it."))
    return findings


async def erasure_findings(app: App) -> list[Finding]:
    """What was not erased to the end."""

    async def look(tx: Transaction) -> tuple[list[Erasure], int | None]:
        return await erasures.unfinished(tx, _MOST_SAID), await erasures.compaction_due(tx)

    begun, due = await app.database.read_system(look)
    findings = []
    for one in begun:
        what = one.subject if one.kind != "tenant" else one.name
        went = f"{one.emails} emails and {one.submissions} submissions went so far"
        if app.now_ms() - one.moved_at < erasures.QUIET_MS and not one.stopped:
            findings.append(Finding(True, f"{one.kind} {what} is being erased: {went}"))
            continue
        of_tenant = "" if one.kind == "tenant" or one.tenant_id == DEFAULT_TENANT else f" --tenant {one.tenant_id}"
        again = f"`letterlock erase {one.kind} {what}{of_tenant}` goes on with it."
        if one.stopped == "hold":
            why, advice = "was stopped by a legal hold", f"When the hold is lifted, {again}"
        elif one.stopped:
            why, advice = f"was stopped ({one.stopped})", again
        else:
            why, advice = "was cut off", f"A server that runs goes on with it within two minutes; else {again}"
        findings.append(Finding(False, f"erasing {one.kind} {what} {why}: {went}, the rest is there", advice))
    if due is not None:
        size = (await asyncio.to_thread((app.folder / DATABASE_FILE).stat)).st_size
        what = f"parts of what was erased may lie in gaps of the store's file ({size // 1_000_000:,} MB)"
        hour = app.settings.compact_hour
        if size <= erasures.SMALL_BYTES:
            when = "A server that runs compacts it by itself when little happens; `letterlock compact` does at once."
        elif hour is not None:
            when = f"A server that runs compacts it by itself from {hour}:00 on; `letterlock compact` does at once."
        else:
            when = "Run `letterlock compact` at a quiet hour, or set compact_hour: docs/lifecycle.md."
        late = app.now_ms() - due > _COMPACT_LATE_MS
        findings.append(Finding(not late and (size <= erasures.SMALL_BYTES or hour is not None), what, when))
    return findings


def vault_findings(state: State) -> list[Finding]:
    """How the vault stands, for its owner."""
    findings = []
    if state.problem:
        findings.append(Finding(False, f"the vault cannot be opened: {state.problem}", state.advice))
    elif state.missing:
        what = (
            f"the vault's master key is missing in {state.where}, or another one: {state.secrets} secrets cannot be "
            f"opened, nor the passwords of mailboxes, nor emails as they came that hold some (needed: "
            f"{', '.join(state.missing)})"
        )
        advice = (
            "Put it back. If it is lost for good: `letterlock vault start-over --lost`. Mail can be read meanwhile."
        )
        findings.append(Finding(False, what, advice))
    else:
        findings.append(Finding(True, f"{state.secrets} secrets are in the vault; its master key: {state.where}"))
    if state.server:
        why, advice = state.server
        findings.append(Finding(False, f"the secrets' server: {why}", advice))
    elif state.answers:
        there = state.homes.get("kv2", 0)
        findings.append(Finding(True, f"{there} secrets are on the server of vault_url; it answers"))
    if waiting := state.homes.get("moving", 0):
        what = f"{waiting} secrets are sealed here and wait to be moved to the server of vault_url"
        findings.append(Finding(state.server is None, what, "They are moved by itself while `letterlock serve` runs."))
    if state.left:
        findings.append(
            Finding(
                True,
                f"{state.left} secrets that were removed or moved back are deleted on the server of vault_url soon",
            )
        )
    if state.unsealed:
        findings.append(
            Finding(
                False,
                f"{state.unsealed} emails that hold secrets are not sealed: they came while the vault was locked",
                "Run `letterlock rescreen` when it opens.",
            )
        )
    return findings


def _relays(settings: Settings) -> list[tuple[str, Route]]:
    """Each with what its settings begin with, as their owner writes them."""
    name = helo(settings)
    ways = [
        ("relays: ", relay.host, relay.port, relay.security, relay.username, relay.password)
        for relay in settings.relays
    ]
    if settings.relay_host:
        own = (settings.relay_host, settings.relay_port, settings.relay_security)
        ways.insert(0, ("relay_", *own, settings.relay_username, settings.relay_password))
    return [
        (where, Route(host, port, security, name, username, password.get_secret_value()))
        for where, host, port, security, username, password in ways
    ]


async def _try_relay(where: str, route: Route) -> Finding:
    """Connect, greet, go over to TLS, log in, and leave."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[str, str]] = loop.create_future()

    def tell(answer: tuple[str, str]) -> None:
        if not done.done():
            done.set_result(answer)

    def work() -> None:
        answer = _relay_problem(where, route)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, answer)

    # Not one of the loop's threads: a server that drips must not keep the command from ending.
    threading.Thread(target=work, daemon=True).start()
    try:
        async with asyncio.timeout(_RELAY_S):
            problem, advice = await done
    except TimeoutError:
        problem, advice = "does not answer in time", f"Look at {where}host and {where}port, or ask whoever runs it."
    at = f"relay {route.host}:{route.port}"
    if problem:
        return Finding(False, f"{at} {problem}", advice)
    how = f"{route.security}, logged in as {route.username}" if route.username else f"{route.security}, no login"
    clear = "What goes to it goes in the clear, the password too." if route.security == "none" else ""
    return Finding(True, f"{at} is ready to take mail ({how})", clear)


async def _mailboxes(app: App) -> list[Finding]:
    """How those stand that mail is fetched from."""
    findings = []
    for box in await app.database.read_system(mailboxes.every):
        found = await app.database.read(box.tenant_id, lambda tx, b=box: mailboxes.folders(tx, b.mailbox_id))  # type: ignore[misc]
        name = f"mailbox {box.address} at {box.host}"
        unfit = await app.database.read(
            box.tenant_id,
            lambda tx, b=box: mailboxes.unfit(tx, b.mailbox_id, app.now_ms()),  # type: ignore[misc]
        )
        for address in unfit:
            what = f"{name}: no mail is fetched for inbox {address}, which is the own address of a mailbox"
            findings.append(Finding(False, what, "Delete that inbox; mail it got before may be private."))
        for one in (one for one in found if one.problem):
            findings.append(Finding(False, f"{name}, folder {one.folder!a}: {one_line(one.problem)}", one.advice))
        if skipped := sum(one.skipped for one in found):
            what = f"{name}: {skipped} emails were left there: larger than max_message_bytes, or not given out"
            findings.append(Finding(True, what))
        if (locked := await sealed_away(app, box)) is not None:
            findings.append(Finding(False, f"{name} is not read: {locked.what}", AGAIN.format(box.address)))
        elif not any(one.problem for one in found):
            folders = ", ".join(ascii(one.folder) for one in found)
            out = f"; mail from its inboxes leaves by {box.smtp_host}:{box.smtp_port}" if box.smtp_host else ""
            done = f"; emails that were fetched are {box.done_with}" if box.done_with else ""
            findings.append(Finding(True, f"{name} is to be watched: {folders}{out}{done}"))
    return findings


async def _domains(app: App) -> list[Finding]:
    """Those that lack what they must have, each with its records."""
    findings = []
    found = await app.database.read_system(lambda tx: domains.in_trouble(tx, _MOST_SAID + 1))
    for domain, tenant in found[:_MOST_SAID]:
        keys = await app.database.read(domain.tenant_id, lambda tx, d=domain: domains.keys(tx, d.domain_id))  # type: ignore[misc]
        verdicts = claims.verdicts_of(domain, claims.plan(app, domain, keys))
        lacking = Looked(tuple(one for one in verdicts if one is not None), frozenset()).lacking
        records = "; ".join(
            f"{one.record.purpose} ({one.record.type} {one.record.host}): {one.status}" for one in lacking
        )
        what = (
            f"domain {domain.name} of tenant {tenant} is {domain.state}: {records or 'another tenant proved it theirs'}"
        )
        where = "" if domain.tenant_id == DEFAULT_TENANT else f" --tenant {tenant}"
        findings.append(
            Finding(
                False,
                what,
                f"`letterlock domain show {domain.name}{where}` has the records to set; then `domain verify`.",
            )
        )
    if len(found) > _MOST_SAID:
        findings.append(Finding(False, f"more than {_MOST_SAID} domains are failing or lapsed", "Mend these first."))
    return findings


def _relay_problem(where: str, route: Route) -> tuple[str, str]:
    """What is wrong with a relay and what to do, ("", "") when nothing is. Blocks."""
    import smtplib

    step = "connect"
    try:
        # Neither weaker nor stronger than the client that sends (outbound/relay.py): the system's authorities.
        context = ssl.create_default_context()
        own: dict[str, Any] = {"local_hostname": route.helo, "timeout": _RELAY_S}
        with (
            smtplib.SMTP_SSL(route.host, route.port, context=context, **own)
            if route.security == "tls"
            else smtplib.SMTP(route.host, route.port, **own)
        ) as client:
            step = "ehlo"
            client.ehlo_or_helo_if_needed()
            if route.security == "starttls":
                step = "starttls"
                client.starttls(context=context)
                client.ehlo_or_helo_if_needed()
            if route.username:
                step = "login"
                client.login(route.username, route.password)
    except smtplib.SMTPNotSupportedError:
        if step == "starttls":
            return (
                "offers no STARTTLS",
                f'Set {where}security to "tls" (its port is 465 mostly), or ask whoever runs it.',
            )
        return "offers no login", f"Leave {where}username empty, or use its port for senders that log in (587 or 465)."
    except smtplib.SMTPAuthenticationError as error:
        return f"refuses the login: {_said(error)}", f"Mend {where}username and {where}password."
    except smtplib.SMTPResponseException as error:
        return f"refuses us: {_said(error)}", f"Look at {where}host, {where}port and smtp_hostname."
    except ssl.SSLCertVerificationError as error:
        return (
            f"shows a certificate that is not trusted: {error.verify_message}",
            f"Write the name that is in its certificate as {where}host, or make its authority known to this machine.",
        )
    except ssl.SSLError:
        return "does not speak TLS there", f'Set {where}security to "starttls", or {where}port to 465.'
    except socket.gaierror:
        return "is not known by that name", f"Mend {where}host."
    except TimeoutError:
        return "does not answer in time", f"Look at {where}host and {where}port, or ask whoever runs it."
    except (OSError, smtplib.SMTPException) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "it hung up"
        other = f'{where}security ("tls" for port 465)' if step == "connect" else f"{where}security"
        return f"cannot be reached ({why})", f"Look at {where}host, {where}port and {other}."
    except ValueError:
        return "cannot be used with these settings", f"Mend {where}host, {where}username and {where}password."
    return "", ""


def _said(error: smtplib.SMTPResponseException) -> str:
    reply = error.smtp_error
    return one_line(f"{error.smtp_code} {reply.decode('utf-8', 'replace') if isinstance(reply, bytes) else reply}")


async def _mail(app: App) -> list[Finding]:
    async def look(tx: Transaction) -> tuple[postmaster.Report | None, int]:
        return await postmaster.last(tx), await arrivals.count_unfiled(tx)

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
        # What was chosen, or passes by itself, is no fault.
        well = report.problem in (FILING, SWITCHED_OFF)
        findings.append(Finding(well, f"process {report.pid} is the postmaster. {report.problem}"))
    else:
        how = f"listens: {report.listening}" if report.listening else "does not listen (smtp_port = 0)"
        findings.append(Finding(True, f"process {report.pid} is the postmaster and {how}"))
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
