"""What an agent may have in mind when it writes: the mail it was shown lately, and the codes that came.

Mail of deleted inboxes counts like any other, and mail that is gone by the trace it left. Limits: of the newest
MOST_IN_FULL every word is compared, of older ones up to MOST_REMEMBERED their traces.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from letterlock.app import App
from letterlock.carried import Marks, names
from letterlock.errors import Unavailable, VaultLocked
from letterlock.ids import AgentId, EmailId, InboxId, TenantId, ThreadId
from letterlock.inspection import Inspection
from letterlock.store import conduct, emails, outbox, traces
from letterlock.store.database import Transaction
from letterlock.store.traces import Shown

MOST_IN_FULL: Final = 500
MOST_REMEMBERED: Final = 10_000
_MOST_CHARS_OF_ONE: Final = 200_000
_MOST_CHARS: Final = 5_000_000
_MOST_CHARS_UNTRACED: Final = 20_000_000
_AT_ONCE: Final = 50
_MOST_GIVEN: Final = 50
_MOST_SENT: Final = 50
_MOST_SENT_BYTES: Final = 5_000_000
_MOST_CODES: Final = 5_000
_LASTING: Final = 6
_DAY_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """`codes` that came, and those `given` to the agent within a day; `secrets` of the tenant's vault; `sent`: its
    emails of that day to the same recipients or their domains, oldest first; `texts` of mail that was read; `traces` of
    older mail, and of mail that is `gone`, with whether something vouched for it when it was read. `marked`: of secrets
    whose values are elsewhere."""

    codes: tuple[str, ...]
    given: tuple[str, ...]
    sent: tuple[bytes, ...]
    texts: tuple[str, ...]
    traces: tuple[bytes, ...]
    gone: tuple[tuple[bytes, bool], ...]
    secrets: tuple[str, ...] = field(default=(), repr=False)
    marked: tuple[Marks, ...] = field(default=(), repr=False)

    def gone_naming(self, address_key: str) -> list[bool]:
        """For each email that is gone and named the address, whether something vouched for it."""
        return [vouched for body, vouched in self.gone if names(body, address_key)]


async def remembered(
    app: App,
    tenant_id: TenantId,
    agent_id: AgentId,
    recipients: Collection[str],
    answered: tuple[InboxId, ThreadId] | None,
    now_ms: int,
) -> Remembered:
    """What an email to `recipients` (address keys) is compared with; not with mail of the thread it answers that all of
    them have already. Raises Unavailable while more was read than can be compared at once."""
    since = now_ms - conduct.REMEMBERED_MS
    shown = await app.database.read(tenant_id, lambda tx: traces.shown_lately(tx, agent_id, since, MOST_REMEMBERED))
    texts: list[str] = []
    by_trace: list[Shown] = []
    room = _MOST_CHARS
    whole: list[Shown] = []
    for n, one in enumerate(shown):
        there = one.inbox_id is not None
        answers = answered is not None and (one.inbox_id, one.thread_id) == answered
        (whole if there and (n < MOST_IN_FULL or answers or not one.traced) else by_trace).append(one)
    for at in range(0, len(whole), _AT_ONCE):
        chunk = whole[at : at + _AT_ONCE]
        if room < 0:
            by_trace += [one for one in chunk if one.traced]
            chunk = [one for one in chunk if not one.traced]
        reports = await app.database.read(tenant_id, lambda tx, c=chunk: _reports(tx, c))  # type: ignore[misc]
        for one, report in reports:
            if (one.inbox_id, one.thread_id) == answered and _have(report, recipients):
                continue
            texts.append(traces.words_of(report)[:_MOST_CHARS_OF_ONE])
            room -= len(texts[-1])
        if room < _MOST_CHARS - _MOST_CHARS_UNTRACED:
            raise Unavailable(
                "More mail was read within the last minute than this email can be compared with.",
                next_step="Nothing was sent. Call again in a minute.",
            )

    async def kept(tx: Transaction) -> tuple[list[str], list[str], dict[EmailId, bytes], list[str], list[bytes]]:
        codes = await conduct.codes_since(tx, now_ms - _DAY_MS)
        # Some work for longer than a day; short ones would be met by chance.
        older = await conduct.codes_since(tx, since, _MOST_CODES)
        given = await conduct.codes_shown(tx, agent_id, now_ms - _DAY_MS, _MOST_GIVEN)
        sent = await outbox.sent_lately(tx, agent_id, recipients, now_ms - _DAY_MS, _MOST_SENT)
        left = await traces.left_by(tx, [one.email_id for one in by_trace])
        return codes, [code for code in older if len(code) >= _LASTING], left, given, sent

    codes, older, left, given, sent = await app.database.read(tenant_id, kept)
    return Remembered(
        (*codes, *older),
        tuple(given),
        _bounded(sent),
        tuple(texts),
        tuple(left.values()),
        tuple((left[one.email_id], one.vouched) for one in by_trace if one.inbox_id is None and one.email_id in left),
        *await _secrets(app, tenant_id, since),
    )


async def _secrets(app: App, tenant_id: TenantId, since_ms: int) -> tuple[tuple[str, ...], tuple[Marks, ...]]:
    """The newest of the vault, a line each, and marks of those that are elsewhere; none while it is locked: nobody gets
    anything out of it then either."""
    try:
        values, marked = await app.vault.known_since(tenant_id, since_ms)
    except VaultLocked:
        return (), ()
    return tuple(dict.fromkeys(line for value in values for line in (value, *value.split("\n")))), marked


def _bounded(sent: list[bytes]) -> tuple[bytes, ...]:
    """Of what was sent, the newest that is no more together than _MOST_SENT_BYTES; oldest first."""
    room = _MOST_SENT_BYTES
    kept: list[bytes] = []
    for raw in sent:
        room -= len(raw)
        if room < 0:
            break
        kept.append(raw)
    return tuple(reversed(kept))


async def _reports(tx: Transaction, shown: Iterable[Shown]) -> list[tuple[Shown, Inspection]]:
    found = [(one, await emails.inspection(tx, one.email_id, deleted=True)) for one in shown]
    return [(one, report) for one, report in found if report is not None]


def _have(report: Inspection, recipients: Collection[str]) -> bool:
    """Whether all recipients have this email: it was theirs, or they got it."""
    authors = (report.from_,) if report.from_ else ()
    return {*recipients} <= {mailbox.address.lower() for mailbox in (*report.to, *report.cc, *authors)}
