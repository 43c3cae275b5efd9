"""The DKIM keys mail is signed with: those of the domains that tenants hold, sealed in the store; and those the owner
made for this data folder, one PEM file for each, dkim/DOMAIN/SELECTOR.pem, readable by its owner only.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from letterlock.app import App
from letterlock.domains import domain_key, domain_of
from letterlock.errors import LetterlockError
from letterlock.folder import FOLDER as PRIVATE
from letterlock.folder import new_file
from letterlock.ids import DEFAULT_TENANT, TenantId
from letterlock.message.address import shown
from letterlock.message.sign import KINDS, DnsRecord, SigningKey, dns_record, new_key
from letterlock.outbound.signer import Signer
from letterlock.store import domains

FOLDER: Final = "dkim"
_PEM_BYTES: Final = 16_384
_KEPT_S: Final = 1.0
_MOST_KEPT: Final = 256


async def keys_for(app: App, tenant_id: TenantId, domain: str) -> tuple[SigningKey, ...]:
    """What mail of a tenant from `domain` is signed with: the keys of the domain that the DNS shows, else those of the
    data folder. The domain of the settings is the default tenant's. Raises LetterlockError."""
    name = domain_key(domain)
    owner = DEFAULT_TENANT if name == domain_of(app.settings) else tenant_id
    found = [
        SigningKey(
            name,
            key.selector,
            key.pem.encode() if key.sealed is None else await app.vault.open(owner, key.entry, key.sealed),
        )
        for key in await app.database.read(owner, lambda tx: domains.signing_keys(tx, name))
    ]
    return tuple(found) or await asyncio.to_thread(keys_of, app.folder, domain)


class Keyring:
    """Signs what leaves. The keys of the domains that mail leaves from just now are looked up once a second, not for
    each email. Closed by whoever made it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[TenantId, str], tuple[float, tuple[SigningKey, ...]]] = {}
        self._signer = Signer()

    async def signed(self, app: App, tenant_id: TenantId, sender: str, raw: bytes, at_s: int) -> bytes:
        """`raw`, signed when the sender's domain has keys. The same on every try with the same keys, where `at_s` is
        the time of its submission. Raises LetterlockError."""
        keys = await self._of(app, tenant_id, sender.rpartition("@")[2])
        return await self._signer.sign(raw, keys, at_s) if keys else raw

    async def close_idle(self) -> None:
        await self._signer.close_idle()

    async def close(self) -> None:
        await self._signer.close()

    async def _of(self, app: App, tenant_id: TenantId, domain: str) -> tuple[SigningKey, ...]:
        looked_at, keys = self._kept.get((tenant_id, domain), (-math.inf, ()))
        if time.monotonic() - looked_at > _KEPT_S:
            keys = await keys_for(app, tenant_id, domain)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[tenant_id, domain] = (time.monotonic(), keys)
        return keys


def keys_of(data: Path, domain: str) -> tuple[SigningKey, ...]:
    """The keys of a domain, RSA before Ed25519: a verifier that knows one signature only takes the last. Blocks."""
    folder = data / FOLDER / domain.lower()
    try:
        files = sorted(folder.glob("*.pem"), key=lambda file: ("ed25519" in file.stem, file.stem))
        return tuple(SigningKey(domain.lower(), file.stem, file.read_bytes()[:_PEM_BYTES]) for file in files)
    except OSError as error:
        raise LetterlockError(f"The DKIM keys of {domain} cannot be read: {error.strerror}.") from None


def make_keys(data: Path, domain: str, name: str) -> tuple[DnsRecord, ...]:
    """Make one key of each kind, selectors NAME-rsa and NAME-ed25519, and give their records. Raises LetterlockError
    when there are such keys already: keys are added beside old ones, never put in their place."""
    domain = domain_key(domain)
    if "." not in domain:
        raise LetterlockError(
            f"{shown(domain)} is not a domain mail can be signed for: it has no dot.",
            next_step="Write your whole domain, like example.com.",
        )
    if not name.isascii() or not name.replace("-", "").isalnum() or "-" in (name[0], name[-1]):
        raise LetterlockError(
            f"{shown(name)} cannot begin a selector, which is a name in the DNS.",
            next_step="Give --name letters, digits and hyphens between them, like mail-2026.",
        )
    folder = data / FOLDER / domain
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        for kind in KINDS:
            file = folder / f"{name}-{kind}.pem"
            with new_file(file) as out:
                out.write(new_key(kind))
    except FileExistsError:
        raise LetterlockError(
            f"{domain} has keys named {name} already, and keys are never put in the place of others.",
            next_step=f"See their records with `letterlock dkim show {domain}`, or name new ones with --name.",
        ) from None
    except OSError as error:
        raise LetterlockError(f"The DKIM keys of {domain} cannot be written: {error.strerror}.") from None
    return records(keys_of(data, domain))


def records(keys: Sequence[SigningKey]) -> tuple[DnsRecord, ...]:
    """What to set in the DNS for `keys`."""
    return tuple(dns_record(key) for key in keys)
