"""The audit log: append-only, hash-chained per tenant. Who did what to which thing, when; never a body or a code.

Its end (number and hash of the newest row) is kept beside it, sealed with a key that is not in the store: rows that
were changed, taken out of the middle or cut off the end are missed, also by who can write to the store. Whoever has the
key as well, or puts back the whole folder of yesterday, is found out by a head that an outsider noted down.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from letterlock.ids import TenantId
from letterlock.store.database import Row, Transaction

_START = "0" * 64
_ERASED: Final = ("", "erased", "", "{}")
_ERASURE: Final = "audit.erased"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. `at` in milliseconds since 1970."""

    n: int
    at: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a log: the number of its newest row (0: none) and its hash."""

    n: int
    hash: str


Fault = Literal["", "changed", "removed", "cut", "added", "erased", "forged", "unknown"]
"""changed: a row does not fit its hash; removed: rows are missing before one; cut: they are missing at the end; added:
there are rows behind the sealed end; erased: more was erased than the log says; forged: the end is not sealed with this
folder's key; unknown: a head that was noted down is not in the log."""


@dataclass(frozen=True, slots=True)
class Verified:
    """`rows`: that fit, from the first on; `broken_at`: the number of the first that does not or is missing, None when
    all is well, and `fault` why; `erased`: rows whose content was erased, of which the hashes still fit."""

    rows: int
    broken_at: int | None = None
    fault: Fault = ""
    erased: int = 0
    head: Head = Head(0, _START)


async def begin(tx: Transaction) -> None:
    """The sealed end of an empty log, for a new tenant; one that has begun stays."""
    row = await tx.one("SELECT :tenant AS tenant_id")
    if row is not None:
        await tx.run(
            "INSERT INTO audit_heads (tenant_id, n, hash, seal) VALUES (:tenant, 0, :hash, :seal)"
            " ON CONFLICT DO NOTHING",
            hash=_START,
            seal=await tx.seal(_sealed(row["tenant_id"], Head(0, _START))),
        )


async def append(tx: Transaction, at_ms: int, actor: str, action: str, subject: str, **detail: Any) -> None:
    """One row, in the transaction of the act itself. `subject` is the id acted on; `detail` small and free of mail
    text."""
    await append_all(tx, at_ms, action, [(actor, subject, detail)])


async def append_all(
    tx: Transaction, at_ms: int, action: str, acts: Iterable[tuple[str, str, Mapping[str, Any]]]
) -> None:
    """The same for several acts of one kind: the actor, subject and detail of each."""
    last, sealed, whose = await _end(tx)
    # From the sealed end, so that what was cut off stays missing; what was forged is never sealed again.
    end = sealed if sealed is not None and sealed.n >= last.n else last
    whole, rows = end is sealed, []
    for actor, subject, detail in acts:
        text, salt = json.dumps(detail, sort_keys=True, separators=(",", ":")), secrets.token_hex(16)
        link = _link(end.hash, end.n + 1, at_ms, actor, action, subject, text, salt)
        rows.append(
            {
                "n": end.n + 1,
                "at": at_ms,
                "actor": actor,
                "action": action,
                "subject": subject,
                "detail": text,
                "previous": end.hash,
                "hash": link,
                "salt": salt,
            }
        )
        end = Head(end.n + 1, link)
    await tx.many(
        "INSERT INTO audit (tenant_id, n, at, actor, action, subject, detail, previous_hash, hash, salt)"
        " VALUES (:tenant, :n, :at, :actor, :action, :subject, :detail, :previous, :hash, :salt)",
        rows,
    )
    await tx.run(
        "INSERT INTO audit_heads (tenant_id, n, hash, seal) VALUES (:tenant, :n, :hash, :seal)"
        " ON CONFLICT (tenant_id) DO UPDATE SET n = :n, hash = :hash, seal = :seal",
        n=end.n,
        hash=end.hash,
        seal=await tx.seal(_sealed(whose, end)) if whole else "",
    )


async def _end(tx: Transaction) -> tuple[Head, Head | None, TenantId]:
    """The newest row, the sealed end (None when there is none, or it was not written by who has the key), and whose."""
    row = await tx.one(
        "SELECT :tenant AS whose, h.n AS sealed_n, h.hash AS sealed_hash, h.seal, a.n, a.hash FROM (SELECT 1) AS one"
        " LEFT JOIN audit_heads h ON h.tenant_id = :tenant"
        " LEFT JOIN audit a ON a.tenant_id = :tenant"
        " AND a.n = (SELECT MAX(n) FROM audit WHERE tenant_id = :tenant)"
    )
    assert row is not None
    whose = TenantId(row["whose"])
    last = Head(0, _START) if row["n"] is None else Head(row["n"], row["hash"])
    sealed = None if row["seal"] is None else Head(row["sealed_n"], row["sealed_hash"])
    if sealed is not None and row["seal"] != await tx.seal(_sealed(whose, sealed)):
        sealed = None
    return last, sealed, whose


def _sealed(tenant_id: TenantId, head: Head) -> str:
    return f"{tenant_id} {head.n} {head.hash}"


async def head(tx: Transaction) -> Head:
    """The end of the log as it is, for somebody outside to note down."""
    return (await _end(tx))[0]


async def erase(tx: Transaction, at_ms: int, actor: str, naming: str = "") -> int:
    """Erase who did what to whom from the rows whose detail or subject names the address `naming`, or from all ("");
    their numbers, times and hashes stay, and the log still verifies. One row says how many these were. The work of an
    erasure that goes over the whole log: returns the number of rows."""
    which = "tenant_id = :tenant AND action <> :erasure AND NOT (action = :erased AND salt = '')"
    values: dict[str, Any] = {"erasure": _ERASURE, "erased": _ERASED[1]}
    if naming:
        named = json.dumps(naming.lower())[1:-1]
        for sign in "\\%_":
            named = named.replace(sign, f"\\{sign}")
        which += " AND (lower(detail) LIKE :named ESCAPE '\\' OR lower(subject) LIKE :named ESCAPE '\\')"
        values["named"] = f"%{named}%"
    rows = await tx.run(
        f"UPDATE audit SET actor = '', action = :erased, subject = '', detail = '{{}}', salt = '' WHERE {which}",
        **values,
    )
    if rows:
        await append(tx, at_ms, actor, _ERASURE, "", rows=rows)
    return rows


async def before(tx: Transaction, n: int | None, limit: int) -> list[Entry]:
    """Up to `limit` rows before number `n` (None: from the end), newest first."""
    rows = await tx.all(
        "SELECT n, at, actor, action, subject, detail, hash FROM audit WHERE tenant_id = :tenant AND n < :n"
        " ORDER BY n DESC LIMIT :limit",
        n=2**62 if n is None else n,
        limit=limit,
    )
    return [_entry(row) for row in rows]


async def after(tx: Transaction, n: int, limit: int) -> list[Entry]:
    """Up to `limit` rows after number `n`, oldest first."""
    rows = await tx.all(
        "SELECT n, at, actor, action, subject, detail, hash FROM audit WHERE tenant_id = :tenant AND n > :n"
        " ORDER BY n LIMIT :limit",
        n=n,
        limit=limit,
    )
    return [_entry(row) for row in rows]


async def last(tx: Transaction) -> int:
    """The number of the newest row, 0 when there is none."""
    row = await tx.one("SELECT MAX(n) AS n FROM audit WHERE tenant_id = :tenant")
    return int(row["n"] or 0) if row else 0


def _entry(row: Row) -> Entry:
    return Entry(
        row["n"], row["at"], row["actor"], row["action"], row["subject"], json.loads(row["detail"]), row["hash"]
    )


async def verify(tx: Transaction, noted: str = "", at: int | None = None) -> Verified:
    """Follow the chain from its start to its sealed end. `noted`: the hash of a head noted down before, which must be
    in it, in row `at` where that was noted too."""
    last, erased, said_erased = Head(0, _START), 0, 0
    known = noted == "" or (noted == _START and at == 0)

    def fault(what: Fault, at: int) -> Verified:
        return Verified(last.n, at, what, erased, last)

    while rows := await tx.all(
        "SELECT n, at, actor, action, subject, detail, previous_hash, hash, salt FROM audit"
        " WHERE tenant_id = :tenant AND n > :after ORDER BY n LIMIT 1000",
        after=last.n,
    ):
        for row in rows:
            if row["n"] != last.n + 1:
                return fault("removed", last.n + 1)
            # SQLite keeps in any column what somebody puts there, and some of it would be hashed like what it was.
            if not isinstance(row["at"], int) or not all(isinstance(row[name], str) for name in _WORDS):
                return fault("changed", row["n"])
            content = (row["actor"], row["action"], row["subject"], row["detail"])
            is_erased = content == _ERASED and not row["salt"]
            made = _link(last.hash, row["n"], row["at"], *content, row["salt"])
            # The hash of an erased row is vouched for by the row behind it, and the last one by the sealed end.
            if row["previous_hash"] != last.hash or (row["hash"] != made and not is_erased):
                return fault("changed", row["n"])
            erased += is_erased
            if row["action"] == _ERASURE:
                said_erased += json.loads(row["detail"])["rows"]
            last = Head(row["n"], row["hash"])
            known |= last.hash == noted and at in (None, last.n)
    _, sealed, _ = await _end(tx)
    if sealed is None:
        return fault("forged", last.n + 1)
    if sealed != last:
        what: Fault = "cut" if sealed.n > last.n else "added" if sealed.n < last.n else "changed"
        return fault(what, min(sealed.n, last.n) + (what != "changed"))
    if erased != said_erased:
        return fault("erased", last.n)
    return Verified(last.n, None, "", erased, last) if known else fault("unknown", last.n)


_WORDS: Final = ("actor", "action", "subject", "detail", "previous_hash", "hash", "salt")


def _link(previous: str, n: int, at_ms: int, actor: str, action: str, subject: str, detail: str, salt: str) -> str:
    fields = (previous, str(n), str(at_ms), actor, action, subject, detail, *filter(None, (salt,)))
    return hashlib.sha256("\x1f".join(fields).encode()).hexdigest()
