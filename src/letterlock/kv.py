"""One KV v2 secrets engine (HashiCorp Vault, OpenBao): KvServer asks it and blocks, Values keeps secrets there and does
not.

Every question ends within `vault_seconds` or so; two at a time are asked for secrets, on threads of their own, so that
a server that hangs holds up nothing else. What goes wrong is KvTrouble; no message names a value or a token.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, Final, TypeVar

from letterlock.errors import VaultLocked
from letterlock.ids import SecretId, TenantId
from letterlock.settings import Settings

T = TypeVar("T")
_AT_ONCE: Final = 2
_MOST_WAITING: Final = 50
_VALUE: Final = "value"
_OCTETS: Final = "base64"


class KvTrouble(VaultLocked):
    """The server gives or takes nothing now. `why` and `advice` are for its owner: they may name hosts and files."""

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(
            "The vault's server does not answer, or not as it should.",
            next_step="Try again in a minute; the owner sees why with `letterlock vault status`.",
        )
        self.why = why
        self.advice = advice


class KvServer:
    """At the engine and the path of the settings, or below it. Blocks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._mount, _, self._path = settings.vault_path.partition("/")
        self.where = f"{settings.vault_path} at {settings.vault_url}"
        if not settings.vault_url:
            raise KvTrouble("Secrets are on a server, and vault_url is not set.", "Set it as it was.")
        if find_spec("hvac") is None:
            raise KvTrouble("vault_url needs its package.", "Run `pip install 'letterlock[hashicorp]'`.")

    def read(self, below: str = "") -> tuple[dict[str, Any], int]:
        """The fields and their version; ({}, 0) when there is nothing, or it was deleted there."""
        from hvac.exceptions import InvalidPath

        with self._asked() as kv:
            try:
                found = kv.read_secret_version(
                    path=self._path + below, mount_point=self._mount, raise_on_deleted_version=True
                )["data"]
                return dict(found["data"]), int(found["metadata"]["version"])
            except InvalidPath:
                return {}, 0

    def write(self, fields: Mapping[str, str], version: int, below: str = "") -> bool:
        """A new version in the place of `version`, 0 for the first one. False when somebody else was faster."""
        from hvac.exceptions import InvalidRequest

        with self._asked() as kv:
            try:
                # Check-and-set: whoever read before another wrote must not undo that.
                kv.create_or_update_secret(
                    path=self._path + below, secret=dict(fields), cas=version, mount_point=self._mount
                )
            except InvalidRequest:
                return False
            return True

    def delete(self, below: str) -> None:
        """All versions, and that there were any."""
        with self._asked() as kv:
            kv.delete_metadata_and_all_versions(path=self._path + below, mount_point=self._mount)

    @contextlib.contextmanager
    def _asked(self) -> Iterator[Any]:
        """The KV v2 part of a client, and what may go wrong with it in one sentence."""
        import hvac
        from hvac.exceptions import Forbidden, Unauthorized, VaultError
        from requests.exceptions import RequestException

        try:
            client = hvac.Client(
                url=self._settings.vault_url,
                token=self._token(),
                timeout=self._settings.vault_seconds,
                allow_redirects=False,
            )
            yield client.secrets.kv.v2
        except (Forbidden, Unauthorized):
            raise KvTrouble(
                f"{self._settings.vault_url} refuses the token for {self._settings.vault_path}.",
                "Give it a policy as docs/vault.md has it, or set vault_token anew.",
            ) from None
        except (VaultError, RequestException) as error:
            raise KvTrouble(
                f"{self._settings.vault_url} does not answer as it should ({type(error).__name__}).",
                "Look whether it runs, is unsealed, and vault_url and vault_path are right.",
            ) from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise KvTrouble(
                f"What {self._settings.vault_url} answers is no KV v2 secret.",
                "vault_path is the mount of a KV v2 engine, a slash, and the path in it.",
            ) from None

    def _token(self) -> str | None:
        """As the settings say; else hvac looks into VAULT_TOKEN, as its command line does."""
        file = self._settings.vault_token_file
        if file is None:
            return self._settings.vault_token.get_secret_value() or None
        try:
            return file.read_text("utf-8").strip()
        except OSError as error:
            raise KvTrouble(f"{file} cannot be read: {error.strerror}.", "Look at vault_token_file.") from None


class Values:
    """Secrets at PATH/TENANT/SECRET_ID. All of it raises KvTrouble."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="vault server")
        self._waiting = 0

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def get(self, tenant_id: TenantId, secret_id: SecretId) -> bytes | None:
        """None when the server has none."""
        fields = await self._asked(lambda server: server.read(_below(tenant_id, secret_id))[0])
        return _value_in(fields) if fields else None

    async def put(self, tenant_id: TenantId, secret_id: SecretId, value: bytes, about: Mapping[str, str]) -> None:
        """`about`: what its owner may read beside it."""
        try:
            fields = {_VALUE: value.decode(), **about}
        except UnicodeDecodeError:
            fields = {_OCTETS: base64.b64encode(value).decode(), **about}

        def keep(server: KvServer) -> None:
            there, version = server.read(_below(tenant_id, secret_id))
            if there != fields and not server.write(fields, version, _below(tenant_id, secret_id)):
                raise KvTrouble("Somebody else writes there, too.", "Below vault_path only Letterlock should write.")

        await self._asked(keep)

    async def delete(self, tenant_id: TenantId, secret_id: SecretId) -> None:
        await self._asked(lambda server: server.delete(_below(tenant_id, secret_id)))

    async def trouble(self) -> tuple[str, str] | None:
        """Why it does not answer, and what helps; None when it does."""
        try:
            await self._asked(lambda server: server.read())
        except KvTrouble as trouble:
            return trouble.why, trouble.advice
        return None

    async def _asked(self, question: Callable[[KvServer], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise KvTrouble("It is asked for more at once than it answers.", "Look whether it is slow.")
        self._waiting += 1
        try:
            asked = asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: question(KvServer(self._settings))
            )
            return await asyncio.wait_for(asked, 3 * self._settings.vault_seconds)
        except TimeoutError:
            raise KvTrouble("It did not answer in time.", "Look whether the server of vault_url runs.") from None
        finally:
            self._waiting -= 1


def _below(tenant_id: TenantId, secret_id: SecretId) -> str:
    return f"/{tenant_id}/{secret_id}"


def _value_in(fields: Mapping[str, Any]) -> bytes:
    if _VALUE in fields:
        return str(fields[_VALUE]).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(str(fields[_OCTETS]), validate=True)
    except (KeyError, ValueError):
        raise KvTrouble("What it holds is no secret of Letterlock.", "Look below vault_path who wrote there.") from None
