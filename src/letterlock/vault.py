"""Vault: what must not lie open in the mail store: secrets found in mail, and the bytes of emails that hold them.

AES-256-GCM with a key for each tenant, which the master key (masterkey.py) wraps; names of tenant, row and version are
authenticated with each, so that no row opens in the place of another. A master key is made by itself only where nothing
was ever sealed: where one is missing or wrong, everything raises VaultLocked until it is back or the owner starts over.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets as random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeVar

from letterlock.carried import Marks, marks_of
from letterlock.errors import MasterKeyError, VaultLocked
from letterlock.ids import EmailId, SecretId, TenantId, new_id
from letterlock.inspection import FoundSecret
from letterlock.kv import KvTrouble, Values
from letterlock.masterkey import Home, MasterKey, home_of, new_master_key
from letterlock.sealing import PRINT, Broken, DataKey, marks_key, print_of, seal, unseal, unwrap, version_of, wrap
from letterlock.settings import Settings
from letterlock.store import arrivals, emails, secrets
from letterlock.store.arrivals import Raw
from letterlock.store.database import Database, Transaction
from letterlock.store.emails import ms
from letterlock.store.secrets import Kept, SealedSecret, SecretHome, WrappedKey

log = logging.getLogger(__name__)

T = TypeVar("T")
K = TypeVar("K")
_MOVING: Final[tuple[SecretHome, ...]] = ("moving",)
LEFT_MS: Final = 240_000
"""What goes is deleted elsewhere so much later: longer than anything takes that may still be writing it there."""
_AT_ONCE: Final = 100
_MOST_COMPARED: Final = 500
_MOST_KEYS: Final = 10_000
_BESIDE_LOOP: Final = 256 * 1024
"""Bytes that take longer than a call may hold the loop."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What filing keeps of an email that holds secrets: its bytes and each secret, sealed."""

    raw: Raw
    secrets: tuple[SealedSecret, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """A secret, and a keyed hash of it (hexadecimal) by which it is known without being told."""

    value: str = field(repr=False)
    print: str


class Astray(VaultLocked):
    """The server that keeps a secret has none, or another value than the one that came by mail."""


@dataclass(frozen=True, slots=True)
class State:
    """How the vault stands. `missing`: the names of master keys that something was sealed with and that are not here;
    `problem`: why none can be had at all, in words; `unsealed`: emails whose secrets still wait for a key. `homes`: how
    many secrets are in each (store/secrets.py), `left`: to be deleted elsewhere still; `answers`: that the server
    they are or shall be on was asked, and does; `server`: why it does not, and what helps."""

    where: str
    secrets: int
    unsealed: int
    missing: tuple[str, ...] = ()
    problem: str = ""
    advice: str = ""
    homes: Mapping[str, int] = field(default_factory=dict)
    left: int = 0
    server: tuple[str, str] | None = None
    answers: bool = False

    @property
    def opens(self) -> bool:
        return not self.missing and not self.problem


class Vault:
    """Made by open_vault. Keys of tenants that were needed once are kept in memory, 10,000 at most."""

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._masters: tuple[MasterKey, ...] = ()
        self._newest: dict[TenantId, DataKey] = {}
        self._keys: dict[tuple[TenantId, int], DataKey] = {}
        self._opening = asyncio.Lock()
        self._values = Values(settings)

    # -- sealing and opening

    async def sealed(self, tenant_id: TenantId, raw: bytes, raw_id: str, found: Sequence[FoundSecret]) -> Sealed:
        """Raises VaultLocked."""
        key = await self._newest_key(tenant_id)

        def work() -> Sealed:
            kept = []
            for one in found:
                secret_id = SecretId(new_id("sec"))
                value = one.value.encode("utf-8", "surrogatepass")
                sealed = seal(key, tenant_id, secret_id, value)
                kept.append(SealedSecret(secret_id, one.kind, print_of(key, value), sealed, self._home))
            body = seal(key, tenant_id, raw_id, emails.compressed(raw))
            return Sealed(Raw(raw_id, arrivals.SEALED, body), tuple(kept))

        return await asyncio.to_thread(work) if len(raw) > _BESIDE_LOOP else work()

    async def value(self, tenant_id: TenantId, secret_id: SecretId) -> str | None:
        """The secret itself, None when there is none. Raises VaultLocked, Astray."""
        found = await self.printed(tenant_id, secret_id)
        return found.value if found else None

    async def printed(self, tenant_id: TenantId, secret_id: SecretId) -> Printed | None:
        """The secret with the print of its value, None when there is none. Raises VaultLocked, Astray."""
        kept = await self._database.read(tenant_id, lambda tx: secrets.kept(tx, secret_id))
        if kept is None:
            return None
        found, expected = await self._found(kept)
        if found is None or not hmac.compare_digest(found.print, expected):
            raise Astray(
                f"What the vault's server holds as {secret_id} is gone, or is not what came by mail.",
                next_step="The owner should look there for an earlier version of it.",
            )
        return found

    async def _found(self, kept: Kept) -> tuple[Printed | None, str]:
        """The value, and the print it had when it was sealed."""
        plain = await self._open(kept.tenant_id, _entry(kept), kept.sealed)
        key = await self._key_of(kept)
        if kept.home != "kv2":
            found = _printed(key, plain)
            return found, found.print
        value = await self._values.get(kept.tenant_id, kept.secret_id)
        return _printed(key, value) if value is not None else None, plain[:PRINT].hex()

    async def known_since(self, tenant_id: TenantId, since_ms: int) -> tuple[list[str], tuple[Marks, ...]]:
        """The newest secrets of a tenant, to compare with what is sent: at most 500, those that are elsewhere by their
        marks. Raises VaultLocked."""
        values, marked = [], []
        for kept in await self._database.read(tenant_id, lambda tx: secrets.kept_since(tx, since_ms, _MOST_COMPARED)):
            plain = await self._open(tenant_id, _entry(kept), kept.sealed)
            if kept.home == "kv2":
                marked.append(Marks(marks_key(await self._key_of(kept)), plain[PRINT:]))
            else:
                values.append(plain.decode("utf-8", "surrogatepass"))
        return values, tuple(marked)

    async def _key_of(self, kept: Kept) -> DataKey:
        """What it was sealed with."""
        return await self._key(kept.tenant_id, version_of(kept.sealed))

    async def raw(self, tenant_id: TenantId, email_id: EmailId) -> bytes | None:
        """An email as it came, None when it is gone. Raises VaultLocked."""
        kept = await self._database.read(tenant_id, lambda tx: arrivals.raw(tx, email_id))
        return None if kept is None else await self.opened(tenant_id, kept)

    async def opened(self, tenant_id: TenantId, kept: Raw) -> bytes:
        """The bytes that are kept so. Raises VaultLocked."""
        body = kept.body
        if kept.codec == arrivals.SEALED:
            body = await self._open(tenant_id, kept.raw_id, body)
        if len(body) > _BESIDE_LOOP:
            return await asyncio.to_thread(emails.expanded, body)
        return emails.expanded(body)

    async def seal(self, tenant_id: TenantId, entry: str, plain: bytes) -> bytes:
        """Something small that is kept as `entry` and opens under that name only. Raises VaultLocked."""
        return seal(await self._newest_key(tenant_id), tenant_id, entry, plain)

    async def open(self, tenant_id: TenantId, entry: str, blob: bytes) -> bytes:
        """What seal was given. Raises VaultLocked, also for what was changed."""
        return await self._open(tenant_id, entry, blob)

    async def _open(self, tenant_id: TenantId, entry: str, blob: bytes) -> bytes:
        try:
            key = await self._key(tenant_id, version_of(blob))
            if len(blob) > _BESIDE_LOOP:
                return await asyncio.to_thread(unseal, key, tenant_id, entry, blob)
            return unseal(key, tenant_id, entry, blob)
        except Broken:
            raise VaultLocked(
                f"What is kept as {entry} was changed, or is not its own.",
                next_step="The owner should look at `letterlock doctor`, and put a backup in its place.",
            ) from None

    # -- values on a server elsewhere

    async def move_out(self, kept: Kept) -> bool:
        """To the server, and then out of the store. False when it is no longer as `kept` says. Raises VaultLocked."""
        if kept.home == "store":
            # Written down first: from here on whatever ends the secret has it deleted there, too.
            moving = replace(kept, home="moving")
            if not await self._rehome(kept, "moving", kept.sealed):
                return False
            kept = moving
        plain = await self._open(kept.tenant_id, kept.secret_id, kept.sealed)
        key = await self._key_of(kept)
        about = {"kind": kept.kind, "service": kept.service}
        await self._values.put(kept.tenant_id, kept.secret_id, plain, about)
        known = print_of(key, plain) + marks_of(plain.decode("utf-8", "surrogatepass"), marks_key(key))
        away = replace(kept, home="kv2")
        return await self._rehome(kept, "kv2", seal(key, kept.tenant_id, _entry(away), known))

    async def move_in(self, kept: Kept) -> bool:
        """From the server into the store; there it is deleted a while later. False when it is no longer as `kept` says,
        or not there as it was. Raises VaultLocked."""
        found, expected = await self._found(kept)
        if found is None or found.print != expected:
            log.error("%s is not on the vault's server as it was", kept.secret_id)
            return False
        value = found.value.encode("utf-8", "surrogatepass")
        sealed = seal(await self._key_of(kept), kept.tenant_id, kept.secret_id, value)
        return await self._rehome(kept, "store", sealed)

    async def _rehome(self, kept: Kept, home: SecretHome, sealed: bytes) -> bool:
        async def write(tx: Transaction) -> bool:
            done = await secrets.rehome(tx, kept, home, sealed)
            if done and home == "store":
                await secrets.leave(tx, kept.secret_id, ms(self._clock()))
            return done

        return await self._database.write(kept.tenant_id, write)

    async def move(self, homes: Collection[SecretHome], within_s: float) -> int:
        """Those of `homes` to where the settings keep secrets, for so long at most. How many it were; what is locked,
        or gone where it should be, is passed over. Raises KvTrouble when that kept it from moving any; the next call
        goes on."""
        end, done, after = time.monotonic() + within_s, 0, ("", "")
        way = self.move_out if self._home == "moving" else self.move_in
        while time.monotonic() < end and (
            found := await self._database.read_system(
                lambda tx, after=after: secrets.at_home(tx, homes, after, _AT_ONCE)  # type: ignore[misc]
            )
        ):
            for kept in found:
                try:
                    done += await way(kept)
                except KvTrouble:
                    if done:
                        return done
                    raise
                except VaultLocked as error:
                    log.warning("%s stays where it is: %s", kept.secret_id, error.what)
                after = (kept.tenant_id, kept.secret_id)
                if time.monotonic() > end:
                    break
        return done

    async def settle(self, within_s: float, now_ms: int) -> None:
        """What filing left for the server goes there, and what is no more is deleted there; for so long at most, the
        rest the next time. Raises KvTrouble."""
        if not self._settings.vault_url:
            return
        end = time.monotonic() + within_s
        while time.monotonic() < end and (
            gone := await self._database.read_system(lambda tx: secrets.left(tx, now_ms - LEFT_MS, _AT_ONCE))
        ):
            for tenant_id, secret_id in gone:
                await self._values.delete(tenant_id, secret_id)
                await self._database.write_system(
                    lambda tx, t=tenant_id, s=secret_id: secrets.has_left(tx.bound_to(t), s)  # type: ignore[misc]
                )
                if time.monotonic() > end:
                    return
        if self._home == "moving":
            await self.move(_MOVING, end - time.monotonic())

    @property
    def _home(self) -> SecretHome:
        return "moving" if self._settings.vault_values == "kv2" else "store"

    def close(self) -> None:
        self._values.close()

    # -- keys

    def forget(self, tenant_id: TenantId) -> None:
        """The keys of a tenant that was erased."""
        self._newest.pop(tenant_id, None)
        for known in [one for one in self._keys if one[0] == tenant_id]:
            del self._keys[known]

    async def _newest_key(self, tenant_id: TenantId) -> DataKey:
        """What new things are sealed with."""
        if known := self._newest.get(tenant_id):
            return known
        async with self._opening:
            if known := self._newest.get(tenant_id):
                return known
            found = await self._database.read(tenant_id, secrets.newest_key)
            if found is None:
                found = await self._add_key(tenant_id, 1)
            return _remember(self._newest, tenant_id, await self._unwrapped(found))

    async def _key(self, tenant_id: TenantId, version: int) -> DataKey:
        if known := self._keys.get((tenant_id, version)):
            return known
        async with self._opening:
            found = await self._database.read(tenant_id, lambda tx: secrets.key(tx, version))
            if found is None:
                raise _locked()
            return await self._unwrapped(found)

    async def _add_key(self, tenant_id: TenantId, version: int) -> WrappedKey:
        master = await self._master()
        made = _wrapped(master, tenant_id, DataKey(version, random.token_bytes(32)))
        now = ms(self._clock())

        async def add(tx: Transaction) -> WrappedKey | None:
            await secrets.add_key(tx, made, now)
            return await secrets.newest_key(tx)

        kept = await self._database.write(tenant_id, add)
        assert kept is not None
        if (await self._master()).name != kept.wrapped_by:
            # The master key was changed at the same moment: nothing may need one that is forgotten then.
            await self._rewrap(self._masters[0])
            kept = await self._database.read(tenant_id, secrets.newest_key)
            assert kept is not None
        return kept

    async def _unwrapped(self, found: WrappedKey) -> DataKey:
        if found.wrapped_by not in {master.name for master in self._masters}:
            # Another process may have changed the master key meanwhile.
            self._masters = await self._asked(lambda home: home.get())
        for master in self._masters:
            if master.name == found.wrapped_by:
                try:
                    key = unwrap(master.key, master.name, found.tenant_id, found.version, found.wrapped)
                except Broken:
                    break
                return _remember(self._keys, (found.tenant_id, found.version), key)
        raise _locked()

    async def _master(self) -> MasterKey:
        """The one that new keys are wrapped with; made where nothing was ever sealed."""
        self._masters = await self._asked(lambda home: home.get())
        if not self._masters and not await self._database.read_system(secrets.sealed_by):
            await self._asked(lambda home: home.put((new_master_key(),), first=True))
            self._masters = await self._asked(lambda home: home.get())
        if not self._masters:
            raise _locked()
        return self._masters[0]

    async def _asked(self, question: Callable[[Home], T]) -> T:
        """Where the master key is, in a thread and with a limit. Raises VaultLocked; the owner reads why in the log."""
        try:
            return await self._at_home(question)
        except MasterKeyError as error:
            log.warning("the vault is locked: %s", error)
            raise _locked() from error

    async def _at_home(self, question: Callable[[Home], T]) -> T:
        try:
            async with asyncio.timeout(2 * self._settings.vault_seconds):
                return await asyncio.to_thread(lambda: question(home_of(self._settings)))
        except TimeoutError:
            raise MasterKeyError(
                "The master key did not come in time.", next_step="Look whether the server of vault_url runs."
            ) from None

    # -- for its owner

    async def check(self) -> None:
        """Raises MasterKeyError when a key lies where others can read it: nobody should go on then. A key that is
        missing, or a server that is down, locks the secrets only."""
        settings = self._settings
        given = settings.vault_key.get_secret_value() or settings.vault_key_file
        if not settings.vault_keyring and (given or not settings.vault_url):
            await self._at_home(lambda home: home.get())

    async def state(self) -> State:
        """Looks, changes nothing."""

        async def look(tx: Transaction) -> tuple[dict[str, int], int, list[str]]:
            return await secrets.count_homes(tx), await arrivals.count_unsealed(tx), await secrets.sealed_by(tx)

        homes, unsealed, needed = await self._database.read_system(look)
        left = homes.pop("left", 0)
        state = State("", sum(homes.values()), unsealed, tuple(needed), homes=homes, left=left)
        if self._settings.vault_values == "kv2" or homes.get("kv2"):
            trouble = await self._values.trouble()
            state = replace(state, server=trouble, answers=trouble is None)
        try:
            state = replace(state, where=await self._at_home(lambda home: home.where))
            held = {master.name for master in await self._at_home(lambda home: home.get())}
        except MasterKeyError as error:
            return replace(state, problem=error.what, advice=error.next_step)
        return replace(state, missing=tuple(name for name in needed if name not in held))

    async def rotate(self) -> int:
        """Change the master key: make a new one beside the old, wrap every tenant's key with it, forget the old. Where
        the key is given by a setting, wrap with the first of those given. Returns how many keys were wrapped anew;
        what a stop in between has left, the next call finishes. Raises MasterKeyError, VaultLocked."""
        held = await self._at_home(lambda home: home.get())
        state = await self.state()
        if not held or state.missing:
            raise _locked()
        writable = await self._at_home(lambda home: home.writable)
        # Two are there when an earlier change was stopped: that one is finished, not another begun.
        if writable and len(held) == 1:
            held = (new_master_key(), *held)
            await self._at_home(lambda home: home.put(held))
        self._masters = held
        done = await self._rewrap(held[0])
        if writable and len(held) > 1:
            await self._at_home(lambda home: home.put(held[:1]))
        return done

    async def _rewrap(self, master: MasterKey) -> int:
        done, after = 0, ("", 0)
        while found := await self._database.read_system(
            lambda tx, after=after: secrets.keys_not_by(tx, master.name, after, _AT_ONCE)  # type: ignore[misc]
        ):
            for old in found:
                opened = await self._unwrapped(old)
                new = _wrapped(master, old.tenant_id, opened)
                done += await self._database.write(
                    old.tenant_id,
                    lambda tx, old=old, new=new: secrets.rewrap(tx, old, new),  # type: ignore[misc]
                )
            after = (found[-1].tenant_id, found[-1].version)
        return done

    async def start_over(self) -> int:
        """After a master key was lost for good: from now on new secrets are sealed with keys that the master key of
        today opens; what was sealed before stays closed. Returns for how many tenants. Raises MasterKeyError."""
        held = await self._at_home(lambda home: home.get())
        if not held:
            await self._at_home(lambda home: home.put((new_master_key(),), first=True))
            held = await self._at_home(lambda home: home.get())
        if not held:
            raise MasterKeyError(
                "No master key can be made where it was deleted.",
                next_step="Purge it there, or name another vault_path.",
            )
        self._masters, self._newest = held, {}
        names = {master.name for master in held}
        done, after = 0, ("", 0)
        while found := await self._database.read_system(
            lambda tx, after=after: secrets.keys_not_by(tx, held[0].name, after, _AT_ONCE)  # type: ignore[misc]
        ):
            for old in found:
                newest = await self._database.read(old.tenant_id, secrets.newest_key)
                if newest is not None and newest.wrapped_by not in names:
                    await self._add_key(old.tenant_id, newest.version + 1)
                    done += 1
            after = (found[-1].tenant_id, found[-1].version)
        return done


def _locked() -> VaultLocked:
    return VaultLocked(
        "The vault cannot be opened: its master key is missing, or another one.",
        next_step="The owner should run `letterlock doctor`. Everything else of the mail can be read as ever.",
    )


def _wrapped(master: MasterKey, tenant_id: TenantId, key: DataKey) -> WrappedKey:
    return WrappedKey(tenant_id, key.version, wrap(master.key, master.name, tenant_id, key), master.name)


def _remember(known: dict[K, DataKey], name: K, key: DataKey) -> DataKey:
    """In the place of the one that is known longest, where there are too many."""
    if len(known) >= _MOST_KEYS:
        del known[next(iter(known))]
    known[name] = key
    return key


def _entry(kept: Kept) -> str:
    """The name it is sealed under: what stands for a value opens as none."""
    return f"marks {kept.secret_id}" if kept.home == "kv2" else kept.secret_id


def _printed(key: DataKey, value: bytes) -> Printed:
    return Printed(value.decode("utf-8", "surrogatepass"), print_of(key, value).hex())
