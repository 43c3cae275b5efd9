"""A data folder with many stored emails, quickly: some hundred mails go in by SMTP and are read and screened as ever,
then their rows are multiplied by SQL, each with ids, numbers, time, words and an inbox of its own.

    python bench/seeding.py FOLDER COUNT

A folder that holds COUNT emails already is used again. Only the multiplying knows tables; it follows the schema's
columns.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random

from harness import DOMAIN, say, serve
from letterlock.ids import new_id
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


def seed(folder: Path, count: int) -> None:
    """Make `folder` hold `count` filed emails in INBOXES inboxes, a third of them in the first."""
    begin = time.monotonic()
    marker = folder / f"seeded-{count}"
    if marker.exists():
        return
    database_file = folder / "letterlock.db"
    if database_file.exists():
        raise SystemExit(f"{folder} holds a data folder that was not seeded with {count} emails; name another")
    _make_templates(folder, min(_TEMPLATES, count))
    database = sqlite3.connect(database_file, isolation_level=None, timeout=60)
    database.row_factory = sqlite3.Row
    # Nothing here is worth a disk's promise: a seeding that breaks off is begun again.
    for pragma in ("synchronous = OFF", "cache_size = -400000", "temp_store = MEMORY", "wal_autocheckpoint = 20000"):
        database.execute(f"PRAGMA {pragma}")
    _multiply(database, count)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("PRAGMA optimize")
    database.close()
    marker.touch()
    say(seeded=count, seconds=time.monotonic() - begin, gib=database_file.stat().st_size / 2**30)


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


def _multiply(database: sqlite3.Connection, count: int) -> None:
    random = Random(7)
    templates = [dict(row) for row in database.execute("SELECT * FROM emails")]
    raws = {row["raw_id"]: dict(row) for row in database.execute("SELECT * FROM raws")}
    terms = {
        row["email_id"]: (row["scope"].split()[0], row["body"])
        for row in database.execute(
            "SELECT d.email_id, t.scope, t.body FROM email_documents d JOIN email_terms t ON t.rowid = d.document"
        )
    }
    scopes = {
        row["inbox_id"]: row["scope"]
        for row in database.execute(
            "SELECT e.inbox_id, t.scope FROM email_terms t JOIN email_documents d ON d.document = t.rowid"
            " JOIN emails e ON e.email_id = d.email_id GROUP BY e.inbox_id"
        )
    }
    tenant = templates[0]["tenant_id"]
    last_seq = {row["inbox_id"]: row["last_seq"] for row in database.execute("SELECT inbox_id, last_seq FROM inboxes")}
    inboxes = list(last_seq)
    filed = database.execute("SELECT last_filed FROM tenants WHERE tenant_id = ?", (tenant,)).fetchone()[0]
    document = database.execute("SELECT MAX(document) FROM email_documents").fetchone()[0]
    vocabulary = _vocabulary(random)
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(vocabulary))))
    received = templates[0]["received_at"]
    email_columns, raw_columns = list(templates[0]), list(next(iter(raws.values())))

    def copies(n: int) -> Iterator[tuple[dict[str, object], dict[str, object], str, str]]:
        nonlocal filed, received
        for _ in range(n):
            template = random.choice(templates)
            inbox = inboxes[0] if random.random() < 1 / 3 else random.choice(inboxes)
            last_seq[inbox] += 1
            filed += 1
            received += random.randrange(1, 4)
            email = {
                **template,
                "email_id": new_id("em"),
                "raw_id": new_id("raw"),
                "inbox_id": inbox,
                "seq": last_seq[inbox],
                "filed": filed,
                "thread_id": new_id("th"),
                "message_id": f"{random.getrandbits(128):032x}@sender.example",
                "received_at": received,
                "from_domain": f"shop{min(int(random.paretovariate(0.6)), 5000)}.example",
                "unread": int(random.random() < 0.05),
            }
            words = " ".join(random.choices(vocabulary, cum_weights=weights, k=_WORDS_EACH))
            body = f"{terms[template['email_id']][1]} {words} {email['message_id'][:32]}"
            yield email, {**raws[template["raw_id"]], "raw_id": email["raw_id"]}, scopes[inbox], body

    left = count - len(templates)
    while left > 0:
        made = list(copies(min(left, _CHUNK)))
        left -= len(made)
        database.execute("BEGIN")
        database.executemany(_insert("raws", raw_columns), [raw for _, raw, _, _ in made])
        database.executemany(_insert("emails", email_columns), [email for email, _, _, _ in made])
        database.executemany(
            "INSERT INTO threads (tenant_id, thread_id, inbox_id, created_at)"
            " VALUES (:tenant_id, :thread_id, :inbox_id, :received_at)",
            [email for email, _, _, _ in made],
        )
        database.executemany(
            "INSERT INTO thread_messages (tenant_id, inbox_id, message_id, thread_id)"
            " VALUES (:tenant_id, :inbox_id, :message_id, :thread_id)",
            [email for email, _, _, _ in made],
        )
        numbered = list(enumerate(made, document + 1))
        document += len(made)
        database.executemany(
            "INSERT INTO email_documents (document, tenant_id, email_id) VALUES (?, ?, ?)",
            [(n, tenant, email["email_id"]) for n, (email, _, _, _) in numbered],
        )
        database.executemany(
            "INSERT INTO email_terms (rowid, scope, body) VALUES (?, ?, ?)",
            [(n, scope, body) for n, (_, _, scope, body) in numbered],
        )
        database.execute("UPDATE tenants SET last_filed = ? WHERE tenant_id = ?", (filed, tenant))
        database.executemany(
            "UPDATE inboxes SET last_seq = ? WHERE inbox_id = ?", [(last, inbox) for inbox, last in last_seq.items()]
        )
        database.execute("COMMIT")


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
    options = parser.parse_args()
    seed(options.folder, options.count)
