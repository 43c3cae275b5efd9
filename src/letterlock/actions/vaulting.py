"""VAULTING: secrets for people over REST; and what the owner of the data folder does with the vault itself: see how it
stands, change its master key, start over when one was lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from letterlock.actions.caller import ADMIN, COMMAND_LINE, SECRETS, Caller
from letterlock.actions.catalog import BY_NAME, Action, Hints
from letterlock.actions.secrets import NameSecret, SecretRemoved, SecretRevealed, remove_secret, reveal_secret
from letterlock.app import App
from letterlock.errors import InvalidRequest, NotAllowed, OwnerError
from letterlock.ids import DEFAULT_TENANT
from letterlock.kv import KvTrouble
from letterlock.store import audit, secrets
from letterlock.store.database import Transaction
from letterlock.vault import State

SecretsHome = Literal["store", "kv2"]
_CHUNK_S: Final = 10.0


async def vault_state(app: App, *, caller: Caller = COMMAND_LINE) -> State:
    """Of all tenants."""
    _need_owner(caller)
    return await app.vault.state()


async def rotate_vault(app: App, *, caller: Caller = COMMAND_LINE) -> int:
    """Change the master key; what is sealed stays as it is, only the tenants' keys are wrapped anew. How many they
    are. Raises MasterKeyError, VaultLocked."""
    _need_owner(caller)
    done = await app.vault.rotate()
    await _write_down(app, caller, "vault.rotated", keys=done)
    return done


async def start_vault_over(app: App, *, caller: Caller = COMMAND_LINE) -> int:
    """Seal new secrets with new keys, after a master key was lost for good. For how many tenants. Raises
    MasterKeyError."""
    _need_owner(caller)
    done = await app.vault.start_over()
    await _write_down(app, caller, "vault.started_over", tenants=done)
    return done


@dataclass(frozen=True, slots=True)
class Moved:
    """How many secrets were moved; `returned`: came back lately and are to be deleted on the server before they can go
    there anew; `others` stay for another reason, which the log has."""

    done: int
    returned: int
    others: int


async def move_secrets(app: App, to: SecretsHome, *, caller: Caller = COMMAND_LINE) -> Moved:
    """All secrets to where the settings keep them (`to` says it once more), a chunk at a time. Raises
    InvalidRequest, OwnerError when the server does not answer: the next call goes on."""
    _need_owner(caller)
    if app.settings.vault_values != to:
        raise InvalidRequest(
            f"Secrets that come are kept in {app.settings.vault_values}, by the setting vault_values.",
            next_step=f"Set vault_values = {to} first, and start `letterlock serve` again with it.",
        )
    done = 0
    try:
        while some := await app.vault.move(("store", "moving") if to == "kv2" else ("moving", "kv2"), _CHUNK_S):
            done += some
    except KvTrouble as trouble:
        what = f"{done} secrets were moved; then this kept it from going on: {trouble.why}"
        raise OwnerError(what, next_step=f"{trouble.advice} Run the same command again: it goes on.") from None
    finally:
        if done:
            await _write_down(app, caller, "vault.moved", secrets=done, to=to)

    async def left_behind(tx: Transaction) -> tuple[int, int]:
        homes = await secrets.count_homes(tx)
        if to == "store":
            return 0, homes.get("kv2", 0) + homes.get("moving", 0)
        returned = await secrets.count_returned(tx)
        return returned, homes.get("store", 0) - returned

    return Moved(done, *await app.database.read_system(left_behind))


async def _write_down(app: App, caller: Caller, what: str, **detail: int | str) -> None:
    await app.database.write(
        caller.tenant_id, lambda tx: audit.append(tx, app.now_ms(), caller.agent_id, what, "vault", **detail)
    )


def _need_owner(caller: Caller) -> None:
    caller.need_all(ADMIN)
    if caller.tenant_id != DEFAULT_TENANT:
        raise NotAllowed("The vault is of all tenants.", next_step="Ask an admin of the default tenant.")


# For people, whatever tools models are offered.
VAULTING: tuple[Action, ...] = (
    replace(BY_NAME["list_secrets"], toolset="reading"),
    Action("reveal_secret", "Show secret", "reading", SECRETS, Hints(), NameSecret, SecretRevealed, reveal_secret),
    Action(
        "remove_secret", "Remove secret", "reading", SECRETS, Hints(destructive=True, idempotent=True),
        NameSecret, SecretRemoved, remove_secret,
    ),
)  # fmt: skip
