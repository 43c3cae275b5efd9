from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from letterlock.app import App
from letterlock.errors import InvalidRequest, NotFound
from letterlock.store import postmaster
from letterlock.store.postmaster import Report
from running import arrive, do, file_all, hand_in, letter, make_inbox, receive, screened


async def test_reading_marks_as_read_and_lists_can_leave_out_what_was_read(app: App) -> None:
    box = await make_inbox(app)
    first = await arrive(app, box, screened(subject="first"))
    second = await arrive(app, box, screened(subject="second"))
    await do(app, "read_email", email_id=first)
    assert [e.email_id for e in (await do(app, "list_emails", unread=True)).emails] == [second]
    assert [e.email_id for e in (await do(app, "list_emails", unread=False)).emails] == [first]
    assert [e.unread for e in (await do(app, "list_emails")).emails] == [True, False]


async def test_lists_begin_at_a_time_when_asked_to(app: App) -> None:
    box = await make_inbox(app)
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    for hours in (0, 1, 2):
        await arrive(app, box, screened(subject=f"{hours}"), at=noon + timedelta(hours=hours))

    async def since(text: str) -> list[str]:
        return [email.subject for email in (await do(app, "list_emails", since=text)).emails]

    assert await since("2026-05-04T13:00:00Z") == ["2", "1"]
    assert await since("2026-05-04T13:00:00") == ["2", "1"]
    assert await since("2026-05-04T15:00:00+02:00") == ["2", "1"]
    assert await since("2026-05-04T13:00:01Z") == ["2"]
    assert await since("2026-05-04") == ["2", "1", "0"]


async def test_lists_never_carry_bodies(app: App) -> None:
    box = await make_inbox(app)
    await receive(app, box, letter(body="start " + "words " * 2000 + "END-OF-BODY"))
    answer = (await do(app, "list_emails")).model_dump_json()
    assert "END-OF-BODY" not in answer
    assert len(answer) < 1000


async def test_a_full_page_of_emails_stays_small(app: App) -> None:
    box = await make_inbox(app)
    for n in range(20):
        await hand_in(app, box, letter(f"Subject number {n} " + "long " * 100, "body " * 500))
    await file_all(app)
    answer = (await do(app, "list_emails")).model_dump_json(exclude_defaults=True)
    assert len(answer) / 4 <= 20 * 200


async def test_nothing_there_is_an_empty_list_with_the_reason_when_no_mail_can_come(app: App) -> None:
    await make_inbox(app)
    answer = await do(app, "list_emails")
    assert answer.emails == []
    assert "No Letterlock process listens" in answer.warning
    report = Report(1, "smtp", "", app.now_ms() + 60_000)
    await app.database.write_system(lambda tx: postmaster.put(tx, report))
    for tool in ("list_emails", "list_inboxes"):
        assert "`letterlock connect`" in (await do(app, tool)).warning


@pytest.mark.parametrize("tool", ["list_emails", "search_emails"])
async def test_an_inbox_without_a_name_is_an_error_and_not_all_of_them(app: App, tool: str) -> None:
    await receive(app, await make_inbox(app), letter("Hello"))
    query = {"query": "hello"} if tool == "search_emails" else {}
    assert len((await do(app, tool, **query)).emails) == 1
    for nameless in ("", " "):
        with pytest.raises((InvalidRequest, NotFound), match=r"(?i)inbox"):
            await do(app, tool, inbox=nameless, **query)


@pytest.mark.parametrize("limit", [True, False])
async def test_true_is_no_number(app: App, limit: bool) -> None:
    with pytest.raises(InvalidRequest, match="limit"):
        await do(app, "list_emails", limit=limit)
    with pytest.raises(InvalidRequest, match="timeout_s"):
        await do(app, "wait_for_email", inbox=await make_inbox(app), timeout_s=limit)
    with pytest.raises(InvalidRequest, match="index"):
        await do(app, "get_attachment", email_id="em_0", index=limit)
    assert (await do(app, "list_emails", limit="2", unread=limit)).emails == []


async def test_search_finds_no_part_of_a_code_and_parts_of_other_numbers(app: App) -> None:
    box = await make_inbox(app)
    await receive(app, box, letter("Your code", "Your verification code is 493817, for your order 771203."))
    for found, query in ((1, "verification"), (1, "771203"), (1, "1203"), (0, "493817"), (0, "49"), (0, "817")):
        assert len((await do(app, "search_emails", query=query)).emails) == found, query
