"""Mailboxes that people have elsewhere: how each is reached, how far each of its folders was read, what was fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from letterlock.ids import InboxId, MailboxId, TenantId, new_id
from letterlock.providers import one_domain, one_key, own_keys_of
from letterlock.store.database import Row, Transaction

Security = Literal["tls", "starttls"]
LoginKind = Literal["password", "xoauth2"]
After = Literal["", "read", "move"]
WriteAs = Literal["mailbox", "inbox"]
REMEMBERED_MS: Final = 60 * 24 * 3_600_000
"""For so long what was fetched is known again."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """`inboxes`: the addresses of its inboxes with `{}` for the name, "" where it can have none. `pin`: SHA-256 of the
    one certificate that is believed, in hex. `after`: what is done with what was fetched; what is marked as read is
    moved as well where there is a `move_to`. `smtp_host` "": nothing is sent by it; `per_day`: how many recipients its
    provider allows in a day, 0 where nobody knows. `revision` changes whenever the way to it does. `write_as`: who
    stands in From of what is sent by it."""

    tenant_id: TenantId
    mailbox_id: MailboxId
    address: str
    provider: str
    host: str
    port: int
    security: Security
    pin: str
    username: str
    login: LoginKind
    sealed: bytes = field(repr=False)
    inboxes: str
    authserv: str
    after: After
    move_to: str
    smtp_host: str
    smtp_port: int
    smtp_security: Security
    per_day: int
    revision: int
    created_at: int
    write_as: WriteAs = "mailbox"

    @property
    def done_with(self) -> str:
        """What is done with emails that were fetched, in words; "" for nothing."""
        said = ["marked as read"] if self.after == "read" else []
        return " and ".join([*said, f"moved to {self.move_to!a}"] if self.move_to else said)


@dataclass(frozen=True, slots=True)
class Folder:
    """How far a folder was read. Times in milliseconds since 1970."""

    folder: str
    spam: bool
    uidvalidity: int
    last_uid: int
    seen_at: int
    problem: str = ""
    advice: str = ""
    problem_at: int | None = None
    skipped: int = 0


_FIELDS: Final = tuple(Mailbox.__slots__)
_COLUMNS: Final = ", ".join(_FIELDS)
_SET: Final = tuple(name for name in _FIELDS if name not in ("tenant_id", "mailbox_id", "revision", "created_at"))
_FOLDER: Final = ", ".join(Folder.__slots__)


def _mailbox(row: Row) -> Mailbox:
    return Mailbox(*row)


def new_mailbox_id() -> MailboxId:
    return MailboxId(new_id("mb"))


async def put(tx: Transaction, mailbox: Mailbox, address_key: str, folders: Iterable[Folder]) -> None:
    """A mailbox as it was just tried: a new one, or another way to one that is there. Folders that are known keep how
    far they were read."""
    values = {name: getattr(mailbox, name) for name in _FIELDS if name != "tenant_id"}
    await tx.run(
        f"INSERT INTO mailboxes ({_COLUMNS}, address_key)"
        f" VALUES (:tenant, {', '.join(f':{name}' for name in _FIELDS[1:])}, :address_key)"
        " ON CONFLICT (tenant_id, mailbox_id) DO UPDATE SET revision = mailboxes.revision + 1,"
        f" {', '.join(f'{name} = excluded.{name}' for name in _SET)}",
        address_key=address_key,
        **values,
    )
    kept = list(folders)
    names = {f"folder{n}": one.folder for n, one in enumerate(kept)}
    await tx.run(
        "DELETE FROM mailbox_folders WHERE tenant_id = :tenant AND mailbox_id = :mailbox_id"
        f" AND folder NOT IN ({', '.join(f':{name}' for name in names)})",
        mailbox_id=mailbox.mailbox_id,
        **names,
    )
    for one in kept:
        await tx.run(
            "INSERT INTO mailbox_folders (tenant_id, mailbox_id, folder, spam, uidvalidity, last_uid, seen_at)"
            " VALUES (:tenant, :mailbox_id, :folder, :spam, :uidvalidity, :last_uid, :seen_at)"
            " ON CONFLICT (tenant_id, mailbox_id, folder) DO UPDATE SET spam = excluded.spam, problem = '',"
            " advice = '', problem_at = NULL",
            mailbox_id=mailbox.mailbox_id,
            folder=one.folder,
            spam=int(one.spam),
            uidvalidity=one.uidvalidity,
            last_uid=one.last_uid,
            seen_at=one.seen_at,
        )


async def set_sealed(tx: Transaction, mailbox_id: MailboxId, sealed: bytes, revision: int) -> None:
    """A new token in the place of the one before; not where a person has connected the mailbox anew meanwhile."""
    await tx.run(
        "UPDATE mailboxes SET sealed = :sealed WHERE tenant_id = :tenant AND mailbox_id = :mailbox_id"
        " AND revision = :revision",
        mailbox_id=mailbox_id,
        sealed=sealed,
        revision=revision,
    )


async def of_tenant(tx: Transaction) -> list[Mailbox]:
    """In the order they were connected."""
    rows = await tx.all(f"SELECT {_COLUMNS} FROM mailboxes WHERE tenant_id = :tenant ORDER BY mailbox_id")
    return [_mailbox(row) for row in rows]


async def find(tx: Transaction, name: str) -> Mailbox | None:
    """By its id or the key of its address."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM mailboxes WHERE tenant_id = :tenant AND (mailbox_id = :name OR address_key = :name)",
        name=name,
    )
    return _mailbox(row) if row else None


def catch_all_of(domain: str) -> str:
    """`inboxes` of a mailbox that all mail of a domain lands in."""
    return f"{{}}@{domain}"


async def caught_elsewhere(tx: Transaction, domain: str) -> bool:
    """Whether all mail of the domain lands in a mailbox of another tenant."""
    row = await tx.one(
        "SELECT 1 FROM mailboxes WHERE tenant_id <> :tenant AND inboxes = :inboxes LIMIT 1",
        inboxes=catch_all_of(domain),
    )
    return row is not None


async def every(tx: Transaction) -> list[Mailbox]:
    """Those of all tenants. A system read."""
    return [_mailbox(row) for row in await tx.all(f"SELECT {_COLUMNS} FROM mailboxes ORDER BY mailbox_id")]


async def folders(tx: Transaction, mailbox_id: MailboxId) -> list[Folder]:
    """Those that are watched, the spam folder last."""
    rows = await tx.all(
        f"SELECT {_FOLDER} FROM mailbox_folders WHERE tenant_id = :tenant AND mailbox_id = :mailbox_id"
        " ORDER BY spam, folder",
        mailbox_id=mailbox_id,
    )
    return [_folder(row) for row in rows]


async def folder(tx: Transaction, mailbox_id: MailboxId, name: str) -> Folder | None:
    row = await tx.one(
        f"SELECT {_FOLDER} FROM mailbox_folders WHERE tenant_id = :tenant AND mailbox_id = :mailbox_id"
        " AND folder = :folder",
        mailbox_id=mailbox_id,
        folder=name,
    )
    return _folder(row) if row else None


def _folder(row: Row) -> Folder:
    name, spam, *rest = row
    return Folder(name, bool(spam), *rest)


async def advance(tx: Transaction, mailbox_id: MailboxId, name: str, uidvalidity: int, last_uid: int) -> None:
    """The folder was read up to there."""
    await tx.run(
        "UPDATE mailbox_folders SET uidvalidity = :uidvalidity, last_uid = :last_uid WHERE tenant_id = :tenant"
        " AND mailbox_id = :mailbox_id AND folder = :folder",
        mailbox_id=mailbox_id,
        folder=name,
        uidvalidity=uidvalidity,
        last_uid=last_uid,
    )


async def skip(tx: Transaction, mailbox_id: MailboxId, name: str) -> None:
    """One more email is left where it is."""
    await tx.run(
        "UPDATE mailbox_folders SET skipped = skipped + 1 WHERE tenant_id = :tenant AND mailbox_id = :mailbox_id"
        " AND folder = :folder",
        mailbox_id=mailbox_id,
        folder=name,
    )


async def note(tx: Transaction, mailbox_id: MailboxId, name: str, now_ms: int, problem: str, advice: str = "") -> None:
    """How it went: `problem` in words, or "" when the folder was looked at to its end."""
    await tx.run(
        "UPDATE mailbox_folders SET problem = :problem, advice = :advice, problem_at = CASE WHEN :problem = ''"
        " THEN NULL ELSE COALESCE(problem_at, :now) END, seen_at = CASE WHEN :problem = '' THEN :now ELSE seen_at END"
        " WHERE tenant_id = :tenant AND mailbox_id = :mailbox_id AND folder = :folder",
        mailbox_id=mailbox_id,
        folder=name,
        problem=problem,
        advice=advice,
        now=now_ms,
    )


async def remember(tx: Transaction, mailbox_id: MailboxId, print_: bytes, now_ms: int) -> bool:
    """False when mail with this hash was fetched before."""
    return bool(
        await tx.run(
            "INSERT INTO mailbox_fetched (tenant_id, mailbox_id, print, at) VALUES (:tenant, :mailbox_id, :print, :now)"
            " ON CONFLICT (tenant_id, mailbox_id, print) DO NOTHING",
            mailbox_id=mailbox_id,
            print=print_,
            now=now_ms,
        )
    )


async def forget(tx: Transaction, now_ms: int, limit: int) -> int:
    """Hashes that are too old. A system write, for upkeep."""
    return await tx.run(
        "DELETE FROM mailbox_fetched WHERE (tenant_id, mailbox_id, print) IN (SELECT tenant_id, mailbox_id, print"
        " FROM mailbox_fetched WHERE at < :before LIMIT :limit)",
        before=now_ms - REMEMBERED_MS,
        limit=limit,
    )


async def owners_own(tx: Transaction, address_keys: Iterable[str]) -> set[str]:
    """Those of these keys that are a mailbox's own address, however it is spelt and whichever tenant connected it: the
    mail there is a person's, and no inbox may get it."""
    keys = set(address_keys)
    found = sorted({one for key in keys for one in one_domain(key.rpartition("@")[2])})
    names = {f"at{n}": f"%@{domain}" for n, domain in enumerate(found)}
    if not names:
        return set()
    alike = " OR ".join(f"address_key LIKE :{name} OR LOWER(username) LIKE :{name}" for name in names)
    rows = await tx.all(
        f"SELECT tenant_id = :tenant AS mine, address_key, username FROM mailboxes WHERE {alike}", **names
    )
    own = {key for row in rows for key in own_keys_of(row["address_key"], row["username"])}
    return {key for key in keys if one_key(key) in own}


async def address_keys(tx: Transaction, mailbox_id: MailboxId, now_ms: int) -> dict[str, str]:
    """The live inboxes that mail is fetched for from a mailbox: the key of each address, and the address."""
    found = await _inboxes(tx, mailbox_id, now_ms)
    own = await owners_own(tx, found)
    return {key: address for key, address in found.items() if key not in own}


async def unfit(tx: Transaction, mailbox_id: MailboxId, now_ms: int) -> list[str]:
    """The addresses of its live inboxes that mail is not fetched for, since they are a mailbox's own."""
    found = await _inboxes(tx, mailbox_id, now_ms)
    return [found[key] for key in sorted(await owners_own(tx, found))]


async def _inboxes(tx: Transaction, mailbox_id: MailboxId, now_ms: int) -> dict[str, str]:
    rows = await tx.all(
        "SELECT address_key, address FROM inboxes WHERE tenant_id = :tenant AND mailbox_id = :mailbox_id"
        " AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > :now)",
        mailbox_id=mailbox_id,
        now=now_ms,
    )
    return {row["address_key"]: row["address"] for row in rows}


async def among(tx: Transaction, mailbox_id: MailboxId, inbox_ids: Iterable[InboxId]) -> set[InboxId]:
    """Those of these inboxes, some hundreds at most, that get their mail from this mailbox."""
    names = {f"inbox{n}": inbox_id for n, inbox_id in enumerate(inbox_ids)}
    rows = await tx.all(
        "SELECT inbox_id FROM inboxes WHERE tenant_id = :tenant AND mailbox_id = :mailbox_id"
        f" AND inbox_id IN ({', '.join(f':{name}' for name in names)})",
        mailbox_id=mailbox_id,
        **names,
    )
    return {row["inbox_id"] for row in rows}


async def sent_since(tx: Transaction, mailbox_id: MailboxId, since_ms: int) -> bool:
    """Whether an inbox of the mailbox sent anything outside since then."""
    return bool(
        await tx.one(
            "SELECT 1 FROM submissions WHERE tenant_id = :tenant AND outside > 0 AND created_at >= :since"
            " AND inbox_id IN (SELECT inbox_id FROM inboxes WHERE tenant_id = :tenant AND mailbox_id = :mailbox_id)"
            " LIMIT 1",
            mailbox_id=mailbox_id,
            since=since_ms,
        )
    )


async def writer_of(tx: Transaction, mailbox_id: MailboxId, message_id: str, now_ms: int) -> str:
    """The address of the live inbox of the mailbox that sent the email with this Message-ID; "" where none did."""
    row = await tx.one(
        "SELECT i.address, i.address_key FROM submissions s"
        " JOIN inboxes i ON i.tenant_id = s.tenant_id AND i.inbox_id = s.inbox_id"
        " WHERE s.tenant_id = :tenant AND s.message_id = :message_id AND i.mailbox_id = :mailbox_id"
        " AND i.deleted_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > :now)",
        message_id=message_id,
        mailbox_id=mailbox_id,
        now=now_ms,
    )
    return row["address"] if row and not await owners_own(tx, [row["address_key"]]) else ""


async def of_inbox(tx: Transaction, inbox_id: InboxId) -> Mailbox | None:
    """The mailbox that an inbox gets its mail from."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM mailboxes WHERE tenant_id = :tenant AND mailbox_id IN (SELECT mailbox_id FROM inboxes"
        " WHERE tenant_id = :tenant AND inbox_id = :inbox_id)",
        inbox_id=inbox_id,
    )
    return _mailbox(row) if row else None


async def remove(tx: Transaction, mailbox_id: MailboxId) -> None:
    """What to log in with goes; its inboxes and their mail stay."""
    for table in ("mailbox_fetched", "mailbox_folders", "mailboxes"):
        await tx.run(
            f"DELETE FROM {table} WHERE tenant_id = :tenant AND mailbox_id = :mailbox_id", mailbox_id=mailbox_id
        )
