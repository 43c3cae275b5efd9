"""VAULTING: secrets for people over REST; and what the owner of the data folder does with the vault itself: see how it
stands, change its master key, start over when one was lost."""

from __future__ import annotations

from dataclasses import replace

from letterlock.actions.caller import ADMIN, COMMAND_LINE, SECRETS, Caller
from letterlock.actions.catalog import BY_NAME, Action, Hints
from letterlock.actions.secrets import NameSecret, SecretRemoved, SecretRevealed, remove_secret, reveal_secret
from letterlock.app import App
from letterlock.errors import NotAllowed
from letterlock.ids import DEFAULT_TENANT
from letterlock.store import audit
from letterlock.vault import State


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


async def _write_down(app: App, caller: Caller, what: str, **detail: int) -> None:
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
