from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from letterlock import upkeep
from letterlock.app import DATABASE_FILE, App, open_app
from letterlock.ids import DEFAULT_TENANT, InboxId
from letterlock.message.envelope import Receipt
from letterlock.screen.rule import Finding
from letterlock.store import arrivals, emails, inboxes, sqlite
from letterlock.store.database import Transaction
from letterlock.store.emails import Email
from letterlock.store.terms import query_terms
from running import do, file_all, file_as, hand_in, inbox_id, letter, make_inbox, receive, screened, settings_for

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


async def listed(app: App, **how: Any) -> list[Email]:
    how = {"limit": 1000, **how}
    return await app.database.read(DEFAULT_TENANT, lambda tx: emails.listed(tx, **how))


async def accepted(app: App, box: str, number: int, start: int = 0) -> list[Receipt]:
    return [receipt for n in range(number) for receipt in await hand_in(app, box, letter(f"n{start + n}"))]


# Accepting


async def test_raw_bytes_come_back_as_they_were(app: App) -> None:
    box = await make_inbox(app)
    odd = bytes(range(256)) * 50 + b"\r\n\r\n\x00"
    (receipt,) = await hand_in(app, box, odd)
    assert await app.vault.raw(DEFAULT_TENANT, receipt.email_id) == odd


async def test_an_accepted_email_cannot_be_seen_before_it_is_filed(app: App) -> None:
    box = await make_inbox(app)
    (receipt,) = await hand_in(app, box, letter(body="findme"))
    assert await listed(app) == []
    assert await app.database.read(DEFAULT_TENANT, lambda tx: emails.get(tx, receipt.email_id)) is None
    assert await app.database.read(DEFAULT_TENANT, lambda tx: emails.inspection(tx, receipt.email_id)) is None
    await file_all(app)
    assert [email.email_id for email in await listed(app)] == [receipt.email_id]


async def test_a_resend_folds_into_the_first_and_is_kept_once(app: App) -> None:
    box = await make_inbox(app)
    raw = letter(Message_ID="<one@shop.example>")
    (first,) = await hand_in(app, box, raw)
    (second,) = await hand_in(app, box, raw)
    await file_all(app)
    (third,) = await hand_in(app, box, b"Received: by another way\r\n" + raw)
    assert (second.email_id, second.duplicate) == (first.email_id, True)
    assert (third.email_id, third.duplicate) == (first.email_id, True)
    assert not first.duplicate
    await file_all(app)
    assert len(await listed(app)) == 1


async def test_resends_at_the_same_moment_fold_too(app: App) -> None:
    box = await make_inbox(app)
    raw = letter(Message_ID="<one@shop.example>")
    receipts = [r for (r,) in await asyncio.gather(*(hand_in(app, box, raw) for _ in range(20)))]
    assert len({receipt.email_id for receipt in receipts}) == 1
    assert sum(not receipt.duplicate for receipt in receipts) == 1


async def test_what_differs_in_body_or_message_id_is_another_email_whoever_the_envelope_names(app: App) -> None:
    box = await make_inbox(app)
    await hand_in(app, box, letter(Message_ID="<one@shop.example>"))
    (passed_on,) = await hand_in(app, box, letter(Message_ID="<one@shop.example>"), sender="srs0@passed.example")
    assert passed_on.duplicate
    others = [
        await hand_in(app, box, letter(Message_ID="<two@shop.example>")),
        await hand_in(app, box, letter(body="other words", Message_ID="<one@shop.example>")),
    ]
    assert not any(receipt.duplicate for (receipt,) in others)


async def test_mail_without_a_message_id_never_folds(app: App) -> None:
    box = await make_inbox(app)
    raw = b"Subject: a line of a log\r\n\r\nMessage-ID: <in.the.body@x.example>\r\n"
    receipts = [(await hand_in(app, box, raw))[0] for _ in range(3)]
    assert len({receipt.email_id for receipt in receipts}) == 3


async def test_a_resend_a_day_later_is_a_new_email(app: App) -> None:
    box = await make_inbox(app)
    raw = letter(Message_ID="<one@shop.example>")
    (first,) = await hand_in(app, box, raw, at=NOON)
    (within,) = await hand_in(app, box, raw, at=NOON + timedelta(hours=23))
    (later,) = await hand_in(app, box, raw, at=NOON + timedelta(hours=25))
    assert (within.email_id, within.duplicate) == (first.email_id, True)
    assert not later.duplicate


async def test_the_other_inbox_of_a_half_lost_answer_gets_its_mail(app: App) -> None:
    one, two = await make_inbox(app, "one"), await make_inbox(app, "two")
    raw = letter(Message_ID="<one@shop.example>")
    await hand_in(app, one, raw)
    receipts = await hand_in(app, (one, two), raw)
    assert [receipt.duplicate for receipt in receipts] == [True, False]
    await file_all(app)
    assert {email.inbox_address for email in await listed(app)} == {one, two}


# Filing


async def test_numbers_in_an_inbox_have_no_gap_and_no_double_under_concurrent_filing(app: App) -> None:
    one, two = await make_inbox(app, "one"), await make_inbox(app, "two")
    receipts = await accepted(app, one, 40) + await accepted(app, two, 25)
    filing = [file_as(app, receipt, screened()) for receipt in receipts]
    # Each handed over twice at once, as after a takeover: it is filed once.
    again = [file_as(app, receipt, screened()) for receipt in receipts]
    done = await asyncio.gather(*filing, *again)
    assert sum(done) == len(receipts)
    for box, number in ((one, 40), (two, 25)):
        seqs = sorted(email.seq for email in await listed(app, inbox_id=await inbox_id(app, box)))
        assert seqs == list(range(1, number + 1))
    assert sorted(email.filed for email in await listed(app)) == list(range(1, 66))


async def test_a_failed_filing_leaves_no_gap(app: App) -> None:
    box = await make_inbox(app)
    first, second = await accepted(app, box, 2)

    async def fails(tx: Transaction) -> None:
        await emails.file(tx, first, screened())
        raise ValueError

    await asyncio.gather(
        app.database.write(DEFAULT_TENANT, fails), file_as(app, second, screened()), return_exceptions=True
    )
    await file_as(app, first, screened())
    assert [email.email_id for email in await listed(app)] == [first.email_id, second.email_id]
    assert [email.seq for email in await listed(app)] == [2, 1]


async def test_a_report_comes_back_as_it_was_filed(app: App) -> None:
    box = await make_inbox(app)
    (receipt,) = await hand_in(app, box, letter())
    findings = (
        Finding("orders.ignore", "tells the reader to forget its orders", 0.7, "text", 3, 9, "ignore"),
        Finding("hidden.white", "white on white", 0.4, "text", 20, 30, "\u200b\x00 odd"),
    )
    filed = screened(text="some text é 漢字", findings=findings, subject="Grüße", message_id="<a@b.example>")
    await file_as(app, receipt, filed)
    assert await app.database.read(DEFAULT_TENANT, lambda tx: emails.inspection(tx, receipt.email_id)) == filed.report()


async def test_answers_join_the_thread_of_what_they_answer(app: App) -> None:
    box = await make_inbox(app)
    await receive(app, box, letter("Order", Message_ID="<1@shop.example>"))
    await receive(app, box, letter("Re: Order", Message_ID="<2@shop.example>", In_Reply_To="<1@shop.example>"))
    await receive(app, box, letter("Re: Order", Message_ID="<3@shop.example>", References="<0@x> <2@shop.example>"))
    await receive(app, box, letter("Order", Message_ID="<4@shop.example>"))
    other = await make_inbox(app, "other")
    await receive(app, other, letter("Re: Order", Message_ID="<5@shop.example>", In_Reply_To="<1@shop.example>"))
    threads = [email.thread_id for email in reversed(await listed(app))]
    assert threads[0] == threads[1] == threads[2]
    assert len(set(threads)) == 3


# Lists and cursors


async def test_lists_are_filtered_by_sender_address_domain_and_part_of_a_name(app: App) -> None:
    box = await make_inbox(app)
    for sender in (
        "Anna <anna@shop.example>",
        "news@mail.shop.example",
        "x@notshop.example",
        '"100% off" <a_b@c.example>',
    ):
        await receive(app, box, letter(sender=sender))

    async def found(sender: str) -> list[str]:
        return sorted(email.from_address for email in await listed(app, sender=sender))

    assert await found("anna@shop.example") == ["anna@shop.example"]
    assert await found("ANNA@Shop.Example") == ["anna@shop.example"]
    assert await found("shop.example") == ["anna@shop.example", "news@mail.shop.example"]
    assert await found("@shop.example") == ["anna@shop.example", "news@mail.shop.example"]
    assert await found("ann") == ["anna@shop.example"]
    assert await found("100%") == ["a_b@c.example"]
    assert await found("a_b") == ["a_b@c.example"]
    assert await found("%") == ["a_b@c.example"]
    assert await found("nobody") == []


async def test_a_deleted_inbox_takes_its_mail_out_of_every_list(app: App) -> None:
    box = await make_inbox(app)
    email_id = await receive(app, box, letter(body="findme"))
    await do(app, "delete_inbox", inbox=box)
    assert await listed(app) == []
    assert await app.database.read(DEFAULT_TENANT, lambda tx: emails.get(tx, email_id)) is None
    assert await app.database.read(DEFAULT_TENANT, lambda tx: emails.by_ids(tx, [email_id])) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.integers(0, 12),
    arrivals=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    limit=st.integers(1, 5),
    one_inbox=st.booleans(),
    search=st.booleans(),
)
def test_paging_never_skips_or_repeats_while_mail_arrives(
    tmp_path_factory: Any, before: int, arrivals: list[int], limit: int, one_inbox: bool, search: bool
) -> None:
    """`arrivals`: how many emails come between one page and the next."""

    async def run(folder: Path) -> None:
        async with open_app(settings_for(folder)) as app:
            boxes = [await make_inbox(app, "one"), await make_inbox(app, "two")]
            ids = [await inbox_id(app, box) for box in boxes]
            number = 0

            async def arrive(count: int) -> None:
                nonlocal number
                for _ in range(count):
                    (receipt,) = await hand_in(app, boxes[number % 2], letter(f"n{number}"))
                    await file_as(app, receipt, screened(text="common words"))
                    number += 1

            await arrive(before)
            wanted = {e.email_id for e in await listed(app, inbox_id=ids[0] if one_inbox else None)}
            where = {"inbox": boxes[0]} if one_inbox else {}
            seen: list[str] = []
            cursor = ""
            for count in [*arrivals, *([0] * 40)]:
                how: dict[str, Any] = {**where, "limit": limit, "cursor": cursor}
                page = await (
                    do(app, "search_emails", query="common", **how) if search else do(app, "list_emails", **how)
                )
                seen += [email.email_id for email in page.emails]
                cursor = page.next_cursor
                if not cursor:
                    break
                await arrive(count)
            assert len(seen) == len(set(seen)), "one came twice"
            assert set(seen) == wanted, "what was there at the first page is what all pages show"

    asyncio.run(run(tmp_path_factory.mktemp("paging")))


# Full text


async def found_by(app: App, query: str, inbox: InboxId | None = None) -> int:
    terms = query_terms(query)
    assert terms
    return len(await app.database.read(DEFAULT_TENANT, lambda tx: tx.match_terms(inbox, terms, 2**62, 100)))


async def test_mail_of_before_terms_had_marks_is_found(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path)) as app:
        await receive(app, await make_inbox(app), letter(body="a Zeppelin in its hangar"))
        file = app.folder / DATABASE_FILE
    with contextlib.closing(sqlite3.connect(file)) as old, old:
        (row,) = old.execute("SELECT rowid, body FROM email_terms").fetchall()
        bare = " ".join(term[2:] for term in row[1].split())
        old.execute("UPDATE email_terms SET body = ?", (bare,))
        old.create_function("marked", 2, sqlite.marked)
        for statement in sqlite._migration(18):
            old.execute(statement)
    async with open_app(settings_for(tmp_path)) as app:
        assert await found_by(app, "zepp hangar") == 1
        assert await found_by(app, "quagmire") == 0


async def test_search_finds_words_in_any_language_and_parts_of_codes(app: App) -> None:
    box = await make_inbox(app)
    text = "Ihre Bestellung in Zürich: İstanbul, ÉCOLE, 東京の天気, 안녕하세요 세계, ราคาถูก, AB12-CD34, 493817, naïve"
    await receive(app, box, letter(body=text))
    await receive(app, box, letter(body="nothing of that"))
    queries = [
        "bestellung", "BESTELL", "zurich", "Zürich", "istanbul", "ecole", "école", "東京", "京の", "天気", "天",
        "안녕", "세계", "ราคา", "ab12", "cd34", "CD34 ab12", "8381", "93817", "3817", "4938", "naive", "ihre zurich",
    ]  # fmt: skip
    queries.remove("8381")
    assert {query: await found_by(app, query) for query in queries} == dict.fromkeys(queries, 1)
    for query in ("8381", "京東", "bestellung xyz", "estellung"):
        assert await found_by(app, query) == 0, query


async def test_quotes_and_operators_in_a_query_are_only_characters(app: App) -> None:
    box = await make_inbox(app)
    await receive(app, box, letter(body="apples or pears and near columns body scope"))
    for query in (
        '"apples"',
        "apples OR nothing",
        "apples* AND pears",
        "NEAR(apples pears)",
        "body:apples",
        '-"',
        "'; --",
    ):
        if query_terms(query):
            await found_by(app, query)
    assert await found_by(app, 'apples" OR "x') == 0
    assert await found_by(app, "apples NOT pears") == 0
    assert await found_by(app, '"apples" "pears"') == 1
    assert await found_by(app, "scope:apples") == 1


async def test_search_stays_in_its_inbox(app: App) -> None:
    one, two = await make_inbox(app, "one"), await make_inbox(app, "two")
    await receive(app, one, letter(body="shared words"))
    await receive(app, two, letter(body="shared words"))
    assert await found_by(app, "shared") == 2
    assert await found_by(app, "shared", await inbox_id(app, one)) == 1


async def test_search_goes_past_newer_hits_in_a_deleted_inbox(app: App) -> None:
    kept, gone = await make_inbox(app, "kept"), await make_inbox(app, "gone")
    await receive(app, kept, letter(body="needle"))
    for _ in range(5):
        await receive(app, gone, letter(body="needle"))
    await do(app, "delete_inbox", inbox=gone)
    page = await do(app, "search_emails", query="needle", limit=2)
    assert [email.inbox for email in page.emails] == [kept]


# Removing


async def everything(app: App, *tables: str) -> dict[str, int]:
    async def count(tx: Transaction) -> dict[str, int]:
        counts = {}
        for table in tables:
            row = await tx.one(f"SELECT COUNT(*) AS n FROM {table}")
            assert row is not None
            counts[table] = row["n"]
        return counts

    return await app.database.read_system(count)


HELD = ("emails", "raws", "findings", "email_documents", "acceptances", "threads", "thread_messages")


async def test_upkeep_removes_a_deleted_inbox_with_all_that_hung_on_it_and_nothing_else(app: App) -> None:
    gone, kept = await make_inbox(app, "gone"), await make_inbox(app, "kept")
    for n in range(2 * upkeep.CHUNK + 7):
        (receipt,) = await hand_in(app, gone, letter(f"n{n}", Message_ID=f"<{n}@x.example>"))
        await file_as(
            app,
            receipt,
            screened(text="going away", findings=(Finding("a.b", "c", 0.1, "text", 0, 1, "x"),), message_id=f"<{n}@x>"),
        )
    await hand_in(app, gone, letter("never filed"))
    (both, _) = await hand_in(app, (kept, gone), letter("for both", Message_ID="<both@x.example>"))
    await file_all(app)
    before = await everything(app, *HELD)
    assert min(before.values()) > 0
    await do(app, "delete_inbox", inbox=gone)
    await upkeep.run_once(app)
    assert await everything(app, *HELD) == before, "a week to restore it"

    later = replace(app, clock=lambda: datetime.now(UTC) + timedelta(days=7, minutes=1))
    chunks: list[int] = []
    writing = app.database.write

    async def counted(tenant: Any, work: Any) -> Any:
        result = await writing(tenant, work)
        if isinstance(result, int):
            chunks.append(result)
        return result

    app.database.write = counted  # type: ignore[method-assign]
    await upkeep.run_once(later)
    assert max(chunks) <= upkeep.CHUNK
    assert len(chunks) >= 3
    assert (await everything(app, "emails", "raws", "email_documents")) == {
        "emails": 1,
        "raws": 1,
        "email_documents": 1,
    }
    assert (await everything(app, "findings", "threads")) == {"findings": 0, "threads": 1}
    assert await app.database.read(DEFAULT_TENANT, lambda tx: inboxes.find(tx, gone)) is None
    assert await app.database.read(DEFAULT_TENANT, lambda tx: arrivals.raw(tx, both.email_id)) is not None
    assert await found_by(app, "going") == 0
    assert await found_by(app, "plain") == 1


async def test_a_restored_inbox_has_its_mail_again(app: App) -> None:
    from letterlock.actions.caller import LOCAL_CALLER
    from letterlock.actions.inboxes import restore_inbox

    box = await make_inbox(app)
    email_id = await receive(app, box, letter())
    await do(app, "delete_inbox", inbox=box)
    await restore_inbox(app, LOCAL_CALLER, box)
    assert [email.email_id for email in await listed(app)] == [email_id]


@dataclass(frozen=True, slots=True)
class _At:
    moment: datetime

    def __call__(self) -> datetime:
        return self.moment


async def test_upkeep_forgets_what_is_too_old_to_fold(app: App) -> None:
    box = await make_inbox(app)
    await hand_in(app, box, letter(Message_ID="<1@x.example>"), at=NOON)
    await hand_in(app, box, letter(Message_ID="<2@x.example>"), at=NOON + timedelta(hours=20))
    await upkeep.run_once(replace(app, clock=_At(NOON + timedelta(hours=25))))
    assert await everything(app, "acceptances") == {"acceptances": 1}
