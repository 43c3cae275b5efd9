"""What other domains ask of those who send to them, as it was last known (RFC 8461)."""

from __future__ import annotations

from dataclasses import dataclass

from letterlock.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Policy:
    """An MTA-STS policy. `mx`: names of its mail servers, *.example.com for one label; `expires_at` in milliseconds."""

    domain: str
    policy_id: str
    mode: str
    mx: tuple[str, ...]
    expires_at: int


async def sts_policy(tx: Transaction, domain: str, now_ms: int) -> Policy | None:
    """The policy that still holds. A system read."""
    row = await tx.one(
        "SELECT domain, policy_id, mode, mx, expires_at FROM sts_policies WHERE domain = :domain AND expires_at > :now",
        domain=domain,
        now=now_ms,
    )
    return (
        Policy(row["domain"], row["policy_id"], row["mode"], tuple(row["mx"].split()), row["expires_at"])
        if row
        else None
    )


async def keep_sts_policy(tx: Transaction, policy: Policy) -> None:
    """In the place of an earlier one. A system write."""
    await tx.run(
        "INSERT INTO sts_policies (domain, policy_id, mode, mx, expires_at)"
        " VALUES (:domain, :policy_id, :mode, :mx, :expires_at) ON CONFLICT (domain) DO UPDATE"
        " SET policy_id = :policy_id, mode = :mode, mx = :mx, expires_at = :expires_at",
        domain=policy.domain,
        policy_id=policy.policy_id,
        mode=policy.mode,
        mx=" ".join(policy.mx),
        expires_at=policy.expires_at,
    )
