"""A data folder with many stored emails, quickly: some hundred mails go in by SMTP and are read and screened as ever,
then their rows are multiplied by SQL, each with ids, numbers, time, words and an inbox of its own.

    python bench/seeding.py FOLDER COUNT [--tenants N --inboxes N]

With --tenants the emails and --inboxes are spread evenly over that many, of which `default` is one. A folder that holds
COUNT emails already is used again. Only the multiplying knows tables; it follows the schema's
columns.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from harness import DOMAIN, say, serve
from letterlock.ids import new_id
from letterlock.store.sqlite import marked
from mails import Mails, dot_stuffed
from smtp_load import connect, send_one

INBOXES = 40
_TEMPLATES = 240
_CHUNK = 20_000
_VOCABULARY = 60_000
_WORDS_EACH = 40
_SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "ri",
    "so",
    "tu",
    "va",
    "we",
    "xi",
    "yo",
    "zu",
    "an",
    "en",
    "in",
    "on",
    "ur",
    "al",
    "est",
    "ist",
    "orm",
    "ing",
]


def seed(folder: Path, count: int, tenants: int = 1, inboxes: int = INBOXES) -> None:
    """Make `folder` hold `count` filed emails. One tenant: in INBOXES inboxes, a third of them in the first."""
    begin = time.monotonic()
    marker = folder / (f"seeded-{count}" if tenants == 1 else f"seeded-{count}-{tenants}-{inboxes}")
    if marker.exists():
        return
    database_file = folder / "letterlock.db"
    if database_file.exists():
        raise SystemExit(f"{folder} holds a data folder that was not seeded like this; name another")
    _make_templates(folder, min(_TEMPLATES, count))
    database = sqlite3.connect(database_file, isolation_level=None, timeout=60)
    database.row_factory = sqlite3.Row
    # Nothing here is worth a disk's promise: a seeding that breaks off is begun again.
    for pragma in ("synchronous = OFF", "cache_size = -400000", "temp_store = MEMORY", "wal_autocheckpoint = 20000"):
        database.execute(f"PRAGMA {pragma}")
    _multiply(database, count, _spread(database, tenants, inboxes))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("PRAGMA optimize")
    database.close()
    marker.touch()
    say(seeded=count, seconds=time.monotonic() - begin, gib=database_file.stat().st_size / 2**30)


@dataclass(slots=True)
class _Owner:
    """A tenant, how far it has come, and the last number of each of its inboxes."""

    tenant_id: str
    filed: int
    last_seq: dict[str, int]


def _spread(database: sqlite3.Connection, tenants: int, inboxes: int) -> list[_Owner]:
    """The default tenant and as many others as make `tenants`, with as many new inboxes as make `inboxes`."""
    inbox = dict(database.execute("SELECT * FROM inboxes LIMIT 1").fetchone())
    tenant = dict(database.execute("SELECT * FROM tenants WHERE tenant_id = ?", (inbox["tenant_id"],)).fetchone())
    agent = dict(database.execute("SELECT * FROM agents WHERE agent_id = ?", (inbox["agent_id"],)).fetchone())
    there = {row["inbox_id"]: row["last_seq"] for row in database.execute("SELECT inbox_id, last_seq FROM inboxes")}
    owners = [_Owner(tenant["tenant_id"], tenant["last_filed"], there)]
    database.execute("BEGIN")
    for n in range(1, tenants):
        owner = _Owner(new_id("tn"), 0, {})
        named = {**tenant, "tenant_id": owner.tenant_id, "name": f"customer-{n}", "last_filed": 0}
        database.execute(_insert("tenants", list(tenant)), named)
        database.execute(_insert("agents", list(agent)), {**agent, "tenant_id": owner.tenant_id})
        owners.append(owner)
    for n in range(inboxes - len(there)):
        owner = owners[n % len(owners)]
        if tenants > 1 and owner is owners[0] and len(owner.last_seq) >= inboxes // tenants:
            owner = owners[1 + n % (len(owners) - 1)]
        address = f"spread{n}@{DOMAIN}"
        row = {**inbox, "tenant_id": owner.tenant_id, "inbox_id": new_id("in"), "address": address, "last_seq": 0}
        database.execute(_insert("inboxes", list(inbox)), {**row, "address_key": address})
        owner.last_seq[row["inbox_id"]] = 0
    database.execute("COMMIT")
    return owners


def _make_templates(folder: Path, count: int) -> None:
    addresses = [f"box{n}@{DOMAIN}" for n in range(min(INBOXES, count))]
    with serve(folder, "--accept-any") as running:

        async def send() -> None:
            client = await connect(running.smtp_port)
            for n in range(count):
                address = addresses[n % len(addresses)]
                mail = Mails(("otp", "plain")[n // len(addresses) % 2], address, seed=n).next()
                _, _, answer = await send_one(client, address, dot_stuffed(mail.raw))
                if not answer.startswith(b"250"):
                    raise SystemExit(f"a mail was not taken: {answer.decode(errors='replace')}")
            client.close()

        asyncio.run(send())
        with sqlite3.connect(folder / "letterlock.db", timeout=20) as database:
            end = time.monotonic() + 120
            while database.execute("SELECT 1 FROM emails WHERE state = 'received' LIMIT 1").fetchone():
                if time.monotonic() > end:
                    raise SystemExit("the mails sent are not filed after 120 s")
                time.sleep(0.1)
        database.close()


def _multiply(database: sqlite3.Connection, count: int, owners: list[_Owner]) -> None:
    random = Random(7)
    templates = [dict(row) for row in database.execute("SELECT * FROM emails")]
    raws = {row["raw_id"]: dict(row) for row in database.execute("SELECT * FROM raws")}
    terms = {
        # Without the mark of its tenant.
        row["email_id"]: " ".join(term[2:] for term in row["body"].split())
        for row in database.execute(
            "SELECT d.email_id, t.body FROM email_documents d JOIN email_terms t ON t.rowid = d.document"
        )
    }
    document = database.execute("SELECT MAX(document) FROM email_documents").fetchone()[0]
    vocabulary = _vocabulary(random)
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(vocabulary))))
    received = templates[0]["received_at"]
    inboxes = [list(owner.last_seq) for owner in owners]
    email_columns, raw_columns = list(templates[0]), list(next(iter(raws.values())))

    def copies(first: int, n: int) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
        nonlocal received
        for turn in range(first, first + n):
            owner, its = owners[turn % len(owners)], inboxes[turn % len(owners)]
            template = random.choice(templates)
            inbox = its[0] if len(owners) == 1 and random.random() < 1 / 3 else random.choice(its)
            owner.last_seq[inbox] += 1
            owner.filed += 1
            received += random.randrange(1, 4)
            ours = {"tenant_id": owner.tenant_id, "raw_id": new_id("raw")}
            email = {
                **template,
                **ours,
                "email_id": new_id("em"),
                "inbox_id": inbox,
                "seq": owner.last_seq[inbox],
                "filed": owner.filed,
                "thread_id": new_id("th"),
                "message_id": f"{random.getrandbits(128):032x}@sender.example",
                "received_at": received,
                "from_domain": f"shop{min(int(random.paretovariate(0.6)), 5000)}.example",
                "unread": int(random.random() < 0.05),
            }
            words = " ".join(random.choices(vocabulary, cum_weights=weights, k=_WORDS_EACH))
            body = f"{terms[template['email_id']]} {words} {email['message_id'][:32]}"
            yield email, {**raws[template["raw_id"]], **ours}, body

    done = len(templates)
    while done < count:
        made = list(copies(done, min(count - done, _CHUNK)))
        done += len(made)
        database.execute("BEGIN")
        database.executemany(_insert("raws", raw_columns), [raw for _, raw, _ in made])
        database.executemany(_insert("emails", email_columns), [email for email, _, _ in made])
        database.executemany(
            "INSERT INTO threads (tenant_id, thread_id, inbox_id, created_at)"
            " VALUES (:tenant_id, :thread_id, :inbox_id, :received_at)",
            [email for email, _, _ in made],
        )
        database.executemany(
            "INSERT INTO thread_messages (tenant_id, inbox_id, message_id, thread_id)"
            " VALUES (:tenant_id, :inbox_id, :message_id, :thread_id)",
            [email for email, _, _ in made],
        )
        numbered = list(enumerate(made, document + 1))
        scoped = [
            (n, f"{_scope(email['tenant_id'])} {_scope(email['inbox_id'])}", body) for n, (email, _, body) in numbered
        ]
        document += len(made)
        database.executemany(
            "INSERT INTO email_documents (document, tenant_id, email_id) VALUES (?, ?, ?)",
            [(n, email["tenant_id"], email["email_id"]) for n, (email, _, _) in numbered],
        )
        database.executemany(
            "INSERT INTO email_terms (rowid, scope, body) VALUES (?, ?, ?)",
            [(n, scope, marked(scope, body)) for n, scope, body in scoped],
        )
        database.execute("COMMIT")
    database.execute("BEGIN")
    for owner in owners:
        database.execute(
            "UPDATE tenants SET last_filed = ?, stored_bytes = (SELECT SUM(size) FROM emails e"
            " WHERE e.tenant_id = tenants.tenant_id AND e.state = 'filed') WHERE tenant_id = ?",
            (owner.filed, owner.tenant_id),
        )
        database.executemany(
            "UPDATE inboxes SET last_seq = ? WHERE tenant_id = ? AND inbox_id = ?",
            [(last, owner.tenant_id, inbox) for inbox, last in owner.last_seq.items()],
        )
    database.execute("COMMIT")


def _scope(name: str) -> str:
    """As the store writes an id into its index."""
    return f"x{name.encode().hex()}"


def _insert(table: str, columns: list[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)})"


def _vocabulary(random: Random) -> list[str]:
    words: dict[str, None] = {}
    while len(words) < _VOCABULARY:
        words["".join(random.choices(_SYLLABLES, k=random.randrange(2, 6)))] = None
    return list(words)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--tenants", type=int, default=1)
    parser.add_argument("--inboxes", type=int, default=INBOXES)
    options = parser.parse_args()
    seed(options.folder, options.count, options.tenants, options.inboxes)
