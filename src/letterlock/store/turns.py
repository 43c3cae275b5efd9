"""Turns: of what waits of many tenants one of each is taken, round by round: none waits for all that another has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import zip_longest
from typing import TypeVar

from letterlock.ids import TenantId

T = TypeVar("T")
MOST_TENANTS = 500
"""How many tenants one look goes through. What is behind them has its turn in a later look."""

NextTenant = Callable[[str], Awaitable[TenantId | None]]
"""The first tenant behind an id that has something waiting, in the order of ids."""


async def in_turn(
    next_tenant: NextTenant, waiting_of: Callable[[TenantId], Awaitable[Sequence[T]]], after: str, limit: int
) -> list[T]:
    """Up to `limit` of what waits, one of each tenant before a second of any, beginning with the tenant behind
    `after`. `waiting_of`: what waits of a tenant, in the order in which it is to be taken."""
    found: list[Sequence[T]] = []
    async for tenant_id in _round(next_tenant, after):
        if waiting := await waiting_of(tenant_id):
            found.append(waiting)
        if len(found) == limit:
            break
    rounds = (one for row in zip_longest(*found) for one in row if one is not None)
    return [one for one, _ in zip(rounds, range(limit), strict=False)]


async def _round(next_tenant: NextTenant, after: str) -> AsyncIterator[TenantId]:
    """Each tenant once: those behind `after`, then from the first one up to it."""
    seen, place, begun_again = 0, after, False
    while seen < MOST_TENANTS:
        tenant_id = await next_tenant(place)
        if tenant_id is None or (begun_again and tenant_id > after):
            if begun_again or not after:
                return
            begun_again, place = True, ""
            continue
        seen, place = seen + 1, tenant_id
        yield tenant_id
