"""The DKIM keys of this data folder: one PEM file for each, dkim/DOMAIN/SELECTOR.pem, readable by its owner only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from letterlock.errors import LetterlockError
from letterlock.message.address import parse_address
from letterlock.message.sign import DnsRecord, KeyKind, SigningKey, dns_record, new_key

FOLDER: Final = "dkim"
_KINDS: Final[tuple[KeyKind, ...]] = ("rsa", "ed25519")
_PEM_BYTES: Final = 16_384


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
    domain = parse_address(f"x@{domain}").key.partition("@")[2]
    if not name.isascii() or not name.replace("-", "").isalnum():
        raise LetterlockError(f"'{name}' cannot be part of a selector: use letters, digits and hyphens.")
    folder = data / FOLDER / domain
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for kind in _KINDS:
            file = folder / f"{name}-{kind}.pem"
            with file.open("xb") as out:
                file.chmod(0o600)
                out.write(new_key(kind))
    except FileExistsError:
        raise LetterlockError(
            f"{domain} has keys named {name} already.", next_step="Name the new ones otherwise with --name."
        ) from None
    except OSError as error:
        raise LetterlockError(f"The DKIM keys of {domain} cannot be written: {error.strerror}.") from None
    return records(keys_of(data, domain))


def records(keys: Sequence[SigningKey]) -> tuple[DnsRecord, ...]:
    """What to set in the DNS for `keys`."""
    return tuple(dns_record(key) for key in keys)
