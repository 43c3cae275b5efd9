"""Where the vault's master key is kept: a file for its owner only, a variable, the system's keyring, or a KV v2 server
(HashiCorp Vault, OpenBao).

Each holds a text of one or more keys, the newest first: while a key is being changed the one before it still counts.
Everything here blocks, for `vault_seconds` at most where a server is asked. Raises MasterKeyError; no message names a
key or a token.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

from letterlock.errors import MasterKeyError
from letterlock.folder import new_file
from letterlock.kv import KvServer, KvTrouble
from letterlock.settings import Settings

FILE: Final = "vault.key"
_BYTES: Final = 32
_MOST: Final = 8
_SERVICE: Final = "letterlock"
_FIELD: Final = "keys"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """`name`: by which the keys it wraps say who can open them; tells nothing of the key."""

    key: bytes = field(repr=False)
    name: str


class Home(Protocol):
    """A place for master keys. `where`: for its owner, in words. `writable`: `put` may be called."""

    where: str
    writable: bool

    def get(self) -> tuple[MasterKey, ...]:
        """() when there is none."""

    def put(self, keys: tuple[MasterKey, ...], *, first: bool = False) -> None:
        """`first`: only where there is none yet; who comes second changes nothing."""


def new_master_key() -> MasterKey:
    return _named(secrets.token_bytes(_BYTES))


def home_of(settings: Settings) -> Home:
    """Where these settings say that it is: nothing is read yet."""
    if settings.vault_key.get_secret_value():
        return _Given(settings.vault_key.get_secret_value())
    if settings.vault_keyring:
        return _Keyring(str(settings.data.resolve()))
    if settings.vault_url and settings.vault_key_file is None:
        return _Kv(settings)
    return _File(settings.vault_key_file or settings.data / FILE)


def _named(key: bytes) -> MasterKey:
    return MasterKey(key, hashlib.sha256(b"letterlock master key\0" + key).hexdigest()[:12])


def _keys_in(text: str, where: str) -> tuple[MasterKey, ...]:
    found = []
    for each in text.replace(",", " ").split():
        try:
            key = base64.b64decode(each.replace("-", "+").replace("_", "/") + "=" * (-len(each) % 4), validate=True)
        except (ValueError, binascii.Error):
            key = b""
        if len(key) != _BYTES:
            raise MasterKeyError(
                f"What {where} holds is not a master key: each is 32 random bytes in base64.",
                next_step="Put the key back as it was; `openssl rand -base64 32` makes a first one.",
            )
        found.append(_named(key))
    if len(found) > _MOST:
        raise MasterKeyError(f"{where} holds more than {_MOST} keys.", next_step="Leave only those still needed.")
    return tuple(found)


def _text_of(keys: tuple[MasterKey, ...]) -> str:
    return "\n".join(base64.b64encode(one.key).decode() for one in keys) + "\n"


class _Given:
    """By setting or variable: whoever set it changes it."""

    where = "vault_key (LETTERLOCK_VAULT_KEY)"
    writable = False

    def __init__(self, text: str) -> None:
        self._text = text

    def get(self) -> tuple[MasterKey, ...]:
        return _keys_in(self._text, self.where)

    def put(self, keys: tuple[MasterKey, ...], *, first: bool = False) -> None:
        raise MasterKeyError(
            "A key that is given by a setting can only be changed there.",
            next_step="Write the new key before the old one, a comma between: NEW,OLD. Then run this again.",
        )


class _File:
    """One key a line, for its owner only: a file that others can read is refused."""

    writable = True

    def __init__(self, file: Path) -> None:
        self._file = file
        self.where = str(file)

    def get(self) -> tuple[MasterKey, ...]:
        try:
            with self._file.open("rb") as opened:
                mode = os.fstat(opened.fileno()).st_mode
                if os.name != "nt" and stat.S_IMODE(mode) & 0o077:
                    raise MasterKeyError(
                        f"{self._file} opens every secret, and others than its owner can read or write it.",
                        next_step=f"Run `chmod 600 {self._file}`; if somebody may have read it, `letterlock vault "
                        "rotate` too.",
                    )
                text = opened.read(4096).decode("ascii", "replace")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise MasterKeyError(f"{self._file} cannot be read: {error.strerror}.") from None
        return _keys_in(text, self.where)

    def put(self, keys: tuple[MasterKey, ...], *, first: bool = False) -> None:
        fresh = self._file.with_name(f"{self._file.name}.{secrets.token_hex(8)}")
        try:
            with new_file(fresh) as out:
                out.write(_text_of(keys).encode())
                out.flush()
                os.fsync(out.fileno())
            if first:
                # Whole or not at all, and the first of several processes wins.
                with contextlib.suppress(FileExistsError):
                    os.link(fresh, self._file)
            else:
                fresh.replace(self._file)
        except OSError as error:
            raise MasterKeyError(f"{self._file} cannot be written: {error.strerror}.") from None
        finally:
            fresh.unlink(missing_ok=True)


class _Keyring:
    """The keyring of whoever is logged in (Keychain, Secret Service, Credential Locker), under the data folder's
    path."""

    writable = True

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.where = "the system's keyring"
        if find_spec("keyring") is None:
            raise MasterKeyError(
                "vault_keyring needs its package.", next_step="Run `pip install 'letterlock[keyring]'`."
            )

    def get(self) -> tuple[MasterKey, ...]:
        import keyring
        from keyring.errors import KeyringError

        try:
            text = keyring.get_password(_SERVICE, self._folder)
        except KeyringError as error:
            raise self._closed(error) from None
        return _keys_in(text or "", self.where)

    def put(self, keys: tuple[MasterKey, ...], *, first: bool = False) -> None:
        import keyring
        from keyring.errors import KeyringError

        if first and self.get():
            return
        try:
            keyring.set_password(_SERVICE, self._folder, _text_of(keys).strip())
        except KeyringError as error:
            raise self._closed(error) from None

    def _closed(self, error: Exception) -> MasterKeyError:
        return MasterKeyError(
            f"The system's keyring cannot be used ({type(error).__name__}).",
            next_step="Unlock it, or leave vault_keyring off: then the key is a file in the data folder.",
        )


class _Kv:
    """A KV v2 secrets engine: the field `keys` of the secret at `vault_path`, each change a new version there."""

    writable = True

    def __init__(self, settings: Settings) -> None:
        with _told():
            self._server = KvServer(settings)
        self.where = self._server.where

    def get(self) -> tuple[MasterKey, ...]:
        with _told():
            return _keys_in(str(self._server.read()[0].get(_FIELD, "")), self.where)

    def put(self, keys: tuple[MasterKey, ...], *, first: bool = False) -> None:
        with _told():
            version = 0 if first else self._server.read()[1]
            if not self._server.write({_FIELD: _text_of(keys)}, version) and not first:
                raise MasterKeyError(
                    "Somebody else has changed the master key meanwhile.", next_step="Run the command again."
                )


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except KvTrouble as trouble:
        raise MasterKeyError(trouble.why, next_step=trouble.advice) from None
