"""Mail for inboxes here out of mailboxes that people have elsewhere, by IMAP.

Of each new email only the fields that name recipients are read; where none names a live inbox of the mailbox, nothing
else of it ever is. One exception: where inboxes sent mail as the mailbox, reports on deliveries (RFC 3464) are asked
which email they give back, and those on mail from here are fetched, too. How far a folder was read is committed
together with the email that brought it there, so that no crash loses or doubles one. Each folder has a connection and a
thread of its own: a slow server holds up nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import getaddresses
from typing import Final, TypeVar

from letterlock.app import App
from letterlock.errors import StoreError
from letterlock.ids import MailboxId
from letterlock.inbound.accept import accept, address_keys
from letterlock.inbound.haste import QUICK_S, Haste
from letterlock.inbound.imap import Connection, Heading, Place
from letterlock.logins import Trouble, login_of
from letterlock.message.envelope import Envelope
from letterlock.providers import advice_on, provider_by_key
from letterlock.store import mailboxes
from letterlock.store.database import Transaction
from letterlock.store.emails import moment, ms
from letterlock.store.mailboxes import Folder, Mailbox
from letterlock.wake import MAILBOXES

log = logging.getLogger(__name__)

T = TypeVar("T")
IDLE_S: Final = 240.0
"""Servers may end an IDLE after half an hour (RFC 2177), and routers forget a silent connection sooner."""
OFTEN_S: Final = 1.0
"""Between two times of waiting some servers forget to tell."""
POLL_S: Final = 15.0
"""How often a server without IDLE is asked."""
_LOOK_S: Final = 5.0
"""How often it is looked which mailboxes there are, when nobody says that one came or went."""
_AT_ONCE: Final = 100
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 300.0
_LASTING_PAUSE_S: Final = 600.0
"""After a refused login: some lock a mailbox that is tried too often."""
_NOTE_MS: Final = 60_000
_OVERLAP: Final = timedelta(days=2)
_MOST_WITHHELD: Final = 5
"""So often a server may say that it has an email and give nothing of it; then it is left there."""
_MOST_IDLE_TALES: Final = 100
"""So often in a row a server may tell at once of new mail that is not there."""
_HELD_S: Final = 10.0
"""A connection that held for so long was of use."""
_REPORTED_MS: Final = 30 * 24 * 3_600_000
"""For so long after mail was sent reports on it are looked for."""
_MOST_FIELDS: Final = 65_536
_MOST_ADDRESSES: Final = 500


async def fetch_forever(app: App) -> None:
    """Watch every mailbox that is connected, until cancelled."""
    running: dict[MailboxId, tuple[int, list[asyncio.Task[None]]]] = {}
    with app.wake.watch(MAILBOXES) as watch:
        try:
            while True:
                try:
                    found = {one.mailbox_id: one for one in await app.database.read_system(mailboxes.every)}
                    for mailbox_id, (revision, tasks) in tuple(running.items()):
                        if mailbox_id not in found or found[mailbox_id].revision != revision:
                            del running[mailbox_id]
                            await _ended(tasks)
                    for one in found.values():
                        if one.mailbox_id not in running:
                            running[one.mailbox_id] = (one.revision, await _started(app, one))
                except StoreError as error:
                    log.warning("mailboxes wait: %s", error)
                await watch.wait(_LOOK_S)
        finally:
            await _ended([task for _, tasks in running.values() for task in tasks])


async def _started(app: App, mailbox: Mailbox) -> list[asyncio.Task[None]]:
    folders = await app.database.read(mailbox.tenant_id, lambda tx: mailboxes.folders(tx, mailbox.mailbox_id))
    return [asyncio.create_task(_follow(app, mailbox, one), name=f"mailbox {mailbox.mailbox_id}") for one in folders]


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(app: App, mailbox: Mailbox, folder: Folder) -> None:
    """One folder, through every trouble."""
    watched = _Watched(app, mailbox, folder, Haste(app, mailbox))
    failures = 0
    fresh = False
    while True:
        pause = _FIRST_PAUSE_S
        try:
            watched.well = watched.of_use = False
            await watched.run(fresh=fresh)
        except Trouble as trouble:
            failures = 1 if watched.of_use else failures + 1
            # An access token may be refused before its time.
            fresh = trouble.kind == "login" and mailbox.login == "xoauth2" and not fresh
            pause = _pause_s(failures, trouble.lasting and not fresh)
            if failures > 1 or trouble.lasting:
                log.log(logging.WARNING if failures <= 2 else logging.DEBUG, "%s: %s", mailbox.mailbox_id, trouble.what)
                advice = trouble.advice or advice_on(trouble.kind, provider_by_key(mailbox.provider))
                await watched.note(trouble.what, advice)
        except StoreError as error:
            failures += 1
            pause = _pause_s(failures, False)
            log.warning("%s waits: %s", mailbox.mailbox_id, error)
        except Exception:
            # One mailbox must not stop the others, nor the postmaster; it is tried again like after any trouble.
            failures += 1
            pause = _pause_s(failures, False)
            log.exception("%s could not be read", mailbox.mailbox_id)
            await watched.note("Letterlock itself failed at it.", "Its log says more; it is tried again.")
        await asyncio.sleep(pause)


def _pause_s(failures: int, lasting: bool) -> float:
    if lasting:
        return _LASTING_PAUSE_S
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(failures - 1, 12)) * random.uniform(0.8, 1.2)  # noqa: S311


@dataclass(slots=True)
class _Watched:
    """A folder while it is watched. `well`: it was read to its end over this connection; `of_use`: and then more came,
    or it held for a while."""

    app: App
    mailbox: Mailbox
    folder: Folder
    haste: Haste
    well: bool = False
    of_use: bool = False
    noted_at: int = 0
    withheld: int = 0
    """How often in a row something was not given out."""
    tales: int = 0
    """How often in a row new mail was told of at once, and none was there."""

    async def run(self, *, fresh: bool = False) -> None:
        """Read what is new, wait for more, for as long as the connection holds. Raises Trouble, StoreError."""
        login = await login_of(self.app, self.mailbox, fresh=fresh)
        opening: list[Connection] = []
        over = threading.Event()

        def connected() -> Connection:
            connection = Connection(place_of(self.mailbox))
            opening.append(connection)
            if over.is_set():
                connection.cut()
            connection.log_in(login)
            return connection

        try:
            connection = await in_thread(connected)
            idles = await in_thread(connection.can_idle)
            while True:
                await self._catch_up(connection)
                if idles:
                    await self._until_told(connection)
                else:
                    await asyncio.sleep(POLL_S)
                    await in_thread(connection.look)
        finally:
            over.set()
            for one in opening:
                # Whatever thread still reads from it ends by this.
                one.cut()

    async def _until_told(self, connection: Connection) -> None:
        """Until the server tells of new mail, or one should look without: after IDLE_S, or OFTEN_S of asking often."""
        begin, asked_often = time.monotonic(), False
        listening = asyncio.create_task(self.haste.listen(connection.rouse), name="haste")
        try:
            while True:
                often = self.haste.asks()
                left = begin + (OFTEN_S if often else IDLE_S) - time.monotonic()
                if left <= 0 or (asked_often and not often):
                    self.of_use |= not asked_often
                    return
                seconds = QUICK_S if often else left
                told = await in_thread(lambda s=seconds, a=often: connection.idle(s, ask=a))  # type: ignore[misc]
                if told:
                    self._mind_tale(time.monotonic() - begin)
                    if often:
                        self.haste.heard(unasked=told == "unasked")
                    return
                if often:
                    self.haste.asked()
                    begin = begin if asked_often else time.monotonic()
                    asked_often = True
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _catch_up(self, connection: Connection) -> None:
        """All that is new in the folder now."""
        box, name, database = self.mailbox, self.folder.folder, self.app.database
        if not self.well:
            opened = await in_thread(lambda: connection.open(name, change=bool(box.after)))
            known = await database.read(box.tenant_id, lambda tx: mailboxes.folder(tx, box.mailbox_id, name))
            if known is None:
                raise Trouble("folder", "It is not connected any more.")
            self.folder = known
            if known.uidvalidity != opened.uidvalidity:
                log.warning("%s numbers its emails anew; those of the last days are looked at again", box.mailbox_id)
                day = (moment(known.seen_at) - _OVERLAP).date()
                uids = await in_thread(lambda: connection.since(day))
                await self._take(connection, uids, opened.uidvalidity, anew=True)
                await self._advance(opened.uidvalidity, uids[-1] if uids else opened.uidnext - 1)
        while True:
            connection.told_new()
            uids = await in_thread(lambda: connection.after(self.folder.last_uid))
            if uids:
                await self._take(connection, uids, self.folder.uidvalidity)
                self.of_use = True
                self.tales = 0
            elif not connection.told_new():
                break
            else:
                self._mind_tale(0.0)
        now = self.app.now_ms()
        if not self.well or now - self.noted_at > _NOTE_MS:
            await self.note("")
            self.noted_at = now
        self.well = True

    def _mind_tale(self, seconds: float) -> None:
        """New mail was told of, after so long. Raises Trouble where a server does nothing else, and has none."""
        self.of_use |= seconds > _HELD_S
        self.tales = self.tales + 1 if seconds < 1 else 0
        if self.tales > _MOST_IDLE_TALES:
            self.tales = 0
            raise Trouble("protocol", f"{self.mailbox.host} tells of new mail again and again, and has none.")

    async def _take(self, connection: Connection, uids: list[int], uidvalidity: int, *, anew: bool = False) -> None:
        """Fetch those of these emails that are for inboxes here, in their order, and go behind the last. `anew`: all
        have new numbers, also what was never to be fetched."""
        box = self.mailbox
        for start in range(0, len(uids), _AT_ONCE):
            some = uids[start : start + _AT_ONCE]
            sent = await self.app.database.read(box.tenant_id, self._sent_as_mailbox)
            headings = await in_thread(lambda s=some, r=sent: connection.headings(s, reports=r))  # type: ignore[misc]
            now = self.app.now_ms()
            keys = await self.app.database.read(
                box.tenant_id,
                lambda tx, n=now: mailboxes.address_keys(tx, box.mailbox_id, n),  # type: ignore[misc]
            )
            await self._mind_withheld(connection, sorted({*some} - {one.uid for one in headings}))
            for heading in headings:
                if anew and heading.at is not None and ms(heading.at) // 1000 < box.created_at // 1000:
                    # It was there before the mailbox was connected.
                    continue
                recipients = recipients_in(heading.fields, keys)
                if not recipients and sent and is_report(heading.fields):
                    recipients = await self._reported_to(connection, heading.uid)
                if recipients:
                    await self._fetch(connection, heading, recipients, uidvalidity)
            await self._advance(uidvalidity, some[-1])

    async def _sent_as_mailbox(self, tx: Transaction) -> bool:
        return await mailboxes.sent_since(tx, self.mailbox.mailbox_id, self.app.now_ms() - _REPORTED_MS)

    async def _reported_to(self, connection: Connection, uid: int) -> tuple[str, ...]:
        """The inbox that sent the email which a report is about; () where it is about somebody else's."""
        box = self.mailbox
        if not (message_id := await in_thread(lambda: connection.returned_id(uid))):
            return ()
        address = await self.app.database.read(
            box.tenant_id, lambda tx: mailboxes.writer_of(tx, box.mailbox_id, message_id, self.app.now_ms())
        )
        return (address,) if address else ()

    async def _fetch(
        self, connection: Connection, heading: Heading, recipients: tuple[str, ...], uidvalidity: int
    ) -> None:
        box, name, most = self.mailbox, self.folder.folder, self.app.settings.max_message_bytes
        if heading.size > most:
            log.warning("%s: an email of %d bytes is left where it is", box.mailbox_id, heading.size)
            await self._skip()
            return
        raw = await in_thread(lambda: connection.raw(heading.uid, most))
        if not raw:
            await self._mind_withheld(connection, [heading.uid])
            return
        now = self.app.now_ms()
        print_ = hashlib.sha256(raw).digest()

        async def seen(system: Transaction) -> bool:
            tx = system.bound_to(box.tenant_id)
            await mailboxes.advance(tx, box.mailbox_id, name, uidvalidity, heading.uid)
            return not await mailboxes.remember(tx, box.mailbox_id, print_, now)

        envelope = Envelope(
            sender_in(raw),
            recipients,
            min(heading.at or moment(now), moment(now)),
            "imap",
            spam=self.folder.spam,
            authserv=box.authserv,
        )
        await accept(self.app, envelope, raw, within=box.tenant_id, unless=seen)
        self.withheld = 0
        if box.after == "read":
            await in_thread(lambda: connection.mark_read(heading.uid))
        if box.move_to:
            await in_thread(lambda: connection.move(heading.uid, box.move_to))

    async def _mind_withheld(self, connection: Connection, uids: list[int]) -> None:
        """These were listed, and nothing of them came: all is well where they are gone since. Raises Trouble."""
        still = await in_thread(lambda: connection.still_there(uids)) if uids else []
        if still and self.withheld < _MOST_WITHHELD:
            self.withheld += 1
            raise Trouble("protocol", f"{self.mailbox.host} lists emails of which it gives out nothing.")
        for uid in still:
            log.warning("%s: email %d is not given out and left where it is", self.mailbox.mailbox_id, uid)
            await self._skip()
        if still:
            self.withheld = 0

    async def _skip(self) -> None:
        box = self.mailbox
        await self.app.database.write(box.tenant_id, lambda tx: mailboxes.skip(tx, box.mailbox_id, self.folder.folder))

    async def _advance(self, uidvalidity: int, uid: int) -> None:
        box = self.mailbox
        await self.app.database.write(
            box.tenant_id, lambda tx: mailboxes.advance(tx, box.mailbox_id, self.folder.folder, uidvalidity, uid)
        )
        self.withheld = 0
        known = self.folder
        self.folder = Folder(known.folder, known.spam, uidvalidity, uid, known.seen_at)

    async def note(self, problem: str, advice: str = "") -> None:
        """Write down how it goes."""
        box, now = self.mailbox, self.app.now_ms()
        with contextlib.suppress(StoreError):
            await self.app.database.write(
                box.tenant_id,
                lambda tx: mailboxes.note(tx, box.mailbox_id, self.folder.folder, now, problem, advice),
            )


def place_of(mailbox: Mailbox) -> Place:
    return Place(mailbox.host, mailbox.port, mailbox.security, mailbox.pin)


def recipients_in(fields: bytes, keys: dict[str, str]) -> tuple[str, ...]:
    """The addresses of inboxes (by the keys of each) that header fields name, in the order of the fields."""
    values = [value for name, value in _named(fields) if name != "content-type"]
    found: dict[str, None] = {}
    for _, address in getaddresses(values)[:_MOST_ADDRESSES]:
        key = next((key for key in address_keys(address) if key in keys), None)
        if key is not None:
            found[keys[key]] = None
    return tuple(found)


def is_report(fields: bytes) -> bool:
    """Whether an email with these fields is a report on the delivery of another (RFC 3464 section 2)."""
    kinds = [value.lower() for name, value in _named(fields) if name == "content-type"]
    return any(kind.strip().startswith("multipart/report") and "delivery-status" in kind for kind in kinds)


def _named(fields: bytes) -> list[tuple[str, str]]:
    """Header fields, names in lower case, values unfolded."""
    text = _FOLD.sub(b" ", fields[:_MOST_FIELDS]).decode("utf-8", "replace")
    lines = [line.partition(":") for line in re.split(r"[\r\n]+", text)]
    return [(name.strip().lower(), value) for name, _, value in lines]


def sender_in(raw: bytes) -> str:
    """The envelope's sender, which final delivery writes on top (RFC 5321 section 4.4); "" where it does not stand."""
    head = raw[:_MOST_FIELDS].partition(b"\r\n\r\n")[0]
    match = _RETURN_PATH.search(b"\r\n" + head)
    return match[1].decode("utf-8", "replace") if match else ""


_FOLD: Final = re.compile(rb"\r?\n[ \t]+")
_RETURN_PATH: Final = re.compile(rb"\r\nReturn-Path:[ \t]*(?:\r\n[ \t]+)?<([^<>\s]{0,320})>", re.IGNORECASE)


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` gives, from a thread that the end of the process need not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:
            error = raised
        # The loop may be gone by now.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=run, name="mailbox", daemon=True).start()
    return await done
