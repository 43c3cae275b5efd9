from __future__ import annotations

import email
from collections.abc import Iterable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import Clock, RelaySink
from letterlock.actions.people import name_contact
from letterlock.app import App, open_app
from letterlock.errors import CallerError, Conflict, InvalidRequest, NotAllowed, NotFound
from letterlock.message.address import parse_address
from letterlock.message.parse import attachment_bytes, parse_message
from letterlock.policy import AUTOMATIC_ANSWERS_PER_HOUR, Decision, SendContext, decide
from letterlock.screen.score import Level
from running import (
    arrive,
    do,
    letter,
    make_inbox,
    newest,
    one_inbox_caller,
    receive,
    relay_now,
    screened,
    settings_for,
)


def headers(content: bytes) -> Any:
    return email.message_from_bytes(content)


# send_email


async def test_the_answer_names_the_accepted_envelope(app: App) -> None:
    anna, bob, cy = [await make_inbox(app, name) for name in ("anna", "bob", "cy")]
    sent = await do(app, "send_email", inbox=anna, to=[bob], bcc=[cy], subject="Hi", text="Hello")
    assert (sent.state, sent.from_, sent.to, sent.reasons) == ("delivered", anna, [bob, cy], [])
    assert (await newest(app, bob)).subject == "Hi"


async def test_one_address_may_be_a_bare_string(app: App) -> None:
    anna, bob = await make_inbox(app, "anna"), await make_inbox(app, "bob")
    sent = await do(app, "send_email", inbox=anna, to=bob, subject="Hi", text="Hello")
    assert sent.to == [bob]


async def test_a_blind_copy_is_seen_by_nobody_else(relayed: App, sink: RelaySink) -> None:
    anna = await make_inbox(relayed, "anna")
    await do(
        relayed, "send_email", inbox=anna, to="a@example.com", bcc="secret@example.com", subject="Hi", text="Hello"
    )
    await relay_now(relayed)
    assert {sunk.recipients for sunk in sink.emails} == {("a@example.com",), ("secret@example.com",)}
    for sunk in sink.emails:
        assert b"secret@example.com" not in sunk.content
        assert headers(sunk.content)["Bcc"] is None


async def test_an_international_domain_goes_out_in_a_form_that_every_server_takes(
    relayed: App, sink: RelaySink
) -> None:
    anna = await make_inbox(relayed, "anna")
    sent = await do(relayed, "send_email", inbox=anna, to="Info@Bücher.example", subject="Hi", text="Hello")
    assert sent.to == ["Info@xn--bcher-kva.example"]
    await relay_now(relayed)
    assert sink.emails[0].recipients == ("Info@xn--bcher-kva.example",)
    assert "SMTPUTF8" not in sink.emails[0].options


async def test_a_held_email_says_why_and_what_to_do(app: App) -> None:
    anna = await make_inbox(app, "anna")
    sent = await do(app, "send_email", inbox=anna, to="carol@example.com", subject="Hi", text="Hello")
    assert sent.state == "held"
    assert "relay_host" in sent.reasons[0]
    assert "owner" in sent.next_step


async def test_a_repeated_call_says_so_and_how_to_send_once_more(app: App) -> None:
    anna, bob = await make_inbox(app, "anna"), await make_inbox(app, "bob")
    arguments = {"inbox": anna, "to": bob, "subject": "Hi", "text": "Hello"}
    first = await do(app, "send_email", **arguments)
    again = await do(app, "send_email", **arguments)
    assert again.submission_id == first.submission_id
    assert "nothing was sent again" in again.reasons[0]
    assert "idempotency_key" in again.next_step
    once_more = await do(app, "send_email", **arguments, idempotency_key="2")
    assert once_more.submission_id != first.submission_id


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"to": []}, "to"),
        ({"to": ["not an address"]}, "not an address"),
        ({"to": ["Bob <bob@example.com>"]}, "Bob"),
        ({"to": ["a@example.com, b@example.com"]}, "a@example.com"),
        ({"to": [f"r{n}@example.com" for n in range(51)]}, "to"),
        ({"to": " a@example.com"}, "white space"),
        ({"cc": ["a@example.com "]}, "white space"),
        ({"bcc": ["a@example.com\t"]}, "control character"),
        ({"cc": ["a@example.com\r\nBcc: eve@example.com"]}, "a@example.com"),
        ({"subject": "Hi\r\nBcc: eve@example.com"}, "ubject"),
        ({"subject": "x" * 999}, "subject"),
        ({"text": "x" * 200_001}, "text"),
        ({"bcc": "nobody@letterlock.localhost"}, "nobody@letterlock.localhost"),
        ({"attachements": ["a.pdf"]}, "attachements"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "a\nb"}, "idempotency_key"),
        ({"text": " "}, "says nothing"),
        ({"markdown": "*Hi*", "html": "<i>Hi</i>"}, "Both"),
        ({"markdown": "[here](javascript:x)"}, "javascript"),
        ({"html": "<script>x</script>"}, "<script>"),
        ({"html": '<img src="cid:logo.png">'}, "cid:logo.png"),
    ],
)
async def test_a_wrong_argument_is_named_and_nothing_is_sent(app: App, wrong: dict[str, Any], named: str) -> None:
    anna = await make_inbox(app, "anna")
    arguments = {"inbox": anna, "to": ["bob@example.com"], "subject": "Hi", "text": "Hello", **wrong}
    with pytest.raises(InvalidRequest) as caught:
        await do(app, "send_email", **arguments)
    assert named in str(caught.value)
    row = await app.database.read_system(lambda tx: tx.one("SELECT COUNT(*) AS n FROM submissions"))
    assert row is not None
    assert row["n"] == 0


async def test_fifty_recipients_over_all_headers_are_the_most(app: App) -> None:
    anna = await make_inbox(app, "anna")
    to, cc = [f"a{n}@example.com" for n in range(30)], [f"b{n}@example.com" for n in range(21)]
    with pytest.raises(NotAllowed, match="51 recipients"):
        await do(app, "send_email", inbox=anna, to=to, cc=cc, subject="Hi", text="Hello")
    assert len((await do(app, "send_email", inbox=anna, to=to, cc=cc[:20], subject="Hi", text="Hello")).to) == 50


async def test_a_key_for_one_inbox_sends_from_no_other(app: App) -> None:
    anna, bob = await make_inbox(app, "anna"), await make_inbox(app, "bob")
    caller = await one_inbox_caller(app, bob)
    with pytest.raises(NotFound):
        await do(app, "send_email", caller, inbox=anna, to=bob, subject="Hi", text="Hello")


async def test_every_error_of_sending_says_what_to_call_next(app: App) -> None:
    anna, bob = await make_inbox(app, "anna"), await make_inbox(app, "bob")
    good = {"inbox": anna, "to": bob, "subject": "Hi", "text": "Hello"}
    sent = await do(app, "send_email", **good, idempotency_key="k")
    calls: list[tuple[str, dict[str, Any], type[CallerError]]] = [
        ("send_email", {**good, "inbox": "nobody"}, NotFound),
        ("send_email", {**good, "text": "Other", "idempotency_key": "k"}, Conflict),
        ("reply_to_email", {"email_id": "em_none", "text": "Hello"}, NotFound),
        ("get_delivery_status", {"submission_id": "sub_none"}, NotFound),
        ("cancel_email", {"submission_id": "sub_none"}, NotFound),
        ("cancel_email", {"submission_id": sent.submission_id}, Conflict),
    ]
    for tool, arguments, kind in calls:
        with pytest.raises(kind) as caught:
            await do(app, tool, **arguments)
        assert caught.value.next_step, tool


async def test_markdown_goes_out_as_html_with_a_text_beside_it_and_the_pictures_that_it_shows(
    relayed: App, sink: RelaySink
) -> None:
    anna = await make_inbox(relayed, "anna")
    words = "**Twelve**, at [the café](https://example.com/).\n\n![Logo](cid:logo.png)"
    files = ["logo.png;base64,iVBORw0KGgo=", "plan.txt;base64,aGVsbG8="]
    call = {"inbox": anna, "to": "a@example.com", "subject": "Lunch", "markdown": words, "attachments": files}
    sent = await do(relayed, "send_email", **call)
    await do(relayed, "send_email", **call, text="At twelve.")
    await relay_now(relayed)
    made, given = [parse_message(each.content) for each in sink.emails]
    assert "<strong>Twelve</strong>" in made.html[0]
    assert made.plain[0].startswith("Twelve, at the café <https://example.com/>.")
    assert [(one.filename, one.inline, one.content_type) for one in made.attachments] == [
        ("logo.png", True, "image/png"),
        ("plan.txt", False, "text/plain"),
    ]
    assert (given.plain, given.html) == (("At twelve.\n",), made.html)
    thread = await do(relayed, "get_thread", thread_id=sent.thread_id)
    assert thread.entries[0].snippet.startswith("Twelve, at the café")


_LOCALS = st.sampled_from(["ben", "Ben", "ben+x", "BEN", '"ben"', '"b n"', "bén", "o'neil", "zoë"])
_DOMAINS = st.sampled_from(["example.com", "EXAMPLE.com", "far.example", "bücher.example", "xn--bcher-kva.example"])
_LISTS = st.lists(st.builds("{}@{}".format, _LOCALS, _DOMAINS), max_size=4)


def keys(addresses: Iterable[str]) -> list[str]:
    return [parse_address(address).key for address in addresses]


async def test_whom_the_decision_was_about_is_who_gets_it(
    relayed: App, sink: RelaySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await make_inbox(relayed, "anna")
    judged: list[SendContext] = []

    def deciding(context: SendContext) -> Decision:
        judged.append(context)
        return decide(context)

    monkeypatch.setattr("letterlock.outbound.submit.decide", deciding)
    await name_contact(relayed, "@xn--bcher-kva.example")
    calls: list[tuple[list[str], list[str], list[str]]] = []

    @settings(max_examples=30, deadline=None, database=None)
    @given(_LISTS.filter(bool), _LISTS, _LISTS)
    def collect(to: list[str], cc: list[str], bcc: list[str]) -> None:
        calls.append((to, cc, bcc))

    collect()
    for number, (to, cc, bcc) in enumerate(calls):
        sink.emails.clear()
        answer = await do(relayed, "send_email", inbox=anna, to=to, cc=cc, bcc=bcc, subject=f"{number}", text="Hi")
        await relay_now(relayed)
        reached = [recipient for each in sink.emails for recipient in each.recipients]
        seen = [recipient.address for recipient in judged[-1].recipients]
        assert seen == answer.to
        # The sink writes "ben"@example.com as ben@example.com, which is the same mailbox.
        assert sorted(keys(reached)) == sorted(keys(seen))
        assert set(keys(reached)) == set(keys((*to, *cc, *bcc)))


# reply_to_email


async def test_an_answer_goes_to_the_sender_in_the_same_thread_with_the_right_headers(
    relayed: App, sink: RelaySink
) -> None:
    anna = await make_inbox(relayed, "anna")
    raw = letter(
        "Question",
        sender="Carol <carol@example.com>",
        Message_ID="<q3@example.com>",
        References="<q1@example.com> <q2@example.com>",
    )
    email_id = await receive(relayed, anna, raw, sender="carol@example.com")
    asked = await newest(relayed, anna)
    sent = await do(relayed, "reply_to_email", email_id=email_id, text="Answer")
    assert (sent.to, sent.from_, sent.thread_id) == (["carol@example.com"], anna, asked.thread_id)
    await relay_now(relayed)
    message = headers(sink.emails[0].content)
    assert message["In-Reply-To"] == "<q3@example.com>"
    assert message["References"].split() == ["<q1@example.com>", "<q2@example.com>", "<q3@example.com>"]
    assert message["Subject"] == "Re: Question"
    assert message["To"] == "carol@example.com"


async def test_an_answer_to_our_answer_lands_in_the_thread(relayed: App, sink: RelaySink) -> None:
    anna = await make_inbox(relayed, "anna")
    sent = await do(relayed, "send_email", inbox=anna, to="carol@example.com", subject="Hi", text="Hello")
    await relay_now(relayed)
    ours = headers(sink.emails[0].content)["Message-ID"]
    await receive(relayed, anna, letter("Re: Hi", sender="carol@example.com", In_Reply_To=ours))
    assert (await newest(relayed, anna)).thread_id == sent.thread_id
    thread = await do(relayed, "get_thread", thread_id=sent.thread_id)
    assert sorted((entry.direction, entry.state) for entry in thread.entries) == [
        ("received", "normal"),
        ("sent", "sent"),
    ]


async def test_two_inboxes_here_keep_one_thread_each_over_several_answers(app: App) -> None:
    anna, bob = await make_inbox(app, "anna"), await make_inbox(app, "bob")
    first = await do(app, "send_email", inbox=anna, to=bob, subject="Hi", text="One")
    at_bob = await newest(app, bob)
    second = await do(app, "reply_to_email", email_id=at_bob.email_id, text="Two")
    at_anna = await newest(app, anna)
    third = await do(app, "reply_to_email", email_id=at_anna.email_id, text="Three")
    again_at_bob = await newest(app, bob)
    assert first.thread_id == at_anna.thread_id == third.thread_id
    assert at_bob.thread_id == second.thread_id == again_at_bob.thread_id
    assert again_at_bob.subject == "Re: Hi"


async def test_an_answer_to_an_email_without_message_id_stays_in_its_thread(relayed: App, sink: RelaySink) -> None:
    anna = await make_inbox(relayed, "anna")
    email_id = await receive(relayed, anna, letter("Question", sender="carol@example.com"))
    asked = await newest(relayed, anna)
    sent = await do(relayed, "reply_to_email", email_id=email_id, text="Answer")
    await relay_now(relayed)
    ours = headers(sink.emails[0].content)["Message-ID"]
    assert headers(sink.emails[0].content)["In-Reply-To"] is None
    await receive(relayed, anna, letter("Re: Question", sender="carol@example.com", In_Reply_To=ours))
    assert asked.thread_id == sent.thread_id == (await newest(relayed, anna)).thread_id


async def test_an_answer_goes_where_reply_to_says_and_the_caller_is_told(relayed: App) -> None:
    anna = await make_inbox(relayed, "anna")
    raw = letter(sender="carol@example.com", Reply_To="desk@example.org")
    email_id = await receive(relayed, anna, raw)
    sent = await do(relayed, "reply_to_email", email_id=email_id, text="Answer")
    assert sent.to == ["desk@example.org"]
    assert any("Reply-To" in reason for reason in sent.reasons)


async def test_reply_all_reaches_the_others_but_not_ourselves(relayed: App, sink: RelaySink) -> None:
    anna = await make_inbox(relayed, "anna")
    tagged = anna.replace("@", "+tag@")
    raw = letter(
        sender="carol@example.com",
        To=f"{anna}, dave@example.com, {tagged.upper()}",
        Cc="eve@example.com, carol@example.com, DAVE@example.com",
    )
    email_id = await receive(relayed, anna, raw)
    sent = await do(relayed, "reply_to_email", email_id=email_id, text="Answer", reply_all=True)
    assert sent.to == ["carol@example.com", "dave@example.com", "eve@example.com"]
    await relay_now(relayed)
    message = headers(sink.emails[0].content)
    assert (message["To"], message["Cc"]) == ("carol@example.com", "dave@example.com, eve@example.com")


async def test_an_answer_quotes_what_the_email_said_itself_without_its_code_when_asked(
    relayed: App, sink: RelaySink
) -> None:
    anna = await make_inbox(relayed, "anna")
    body = "Your code is 482913.\n\nOn Fri, 20 Nov 2026 at 09:30, Bob <bob@example.com> wrote:\n> Which code?\n"
    email_id = await receive(relayed, anna, letter("Your code", body, sender="carol@example.com"))
    for quote in (False, True):
        await do(relayed, "reply_to_email", email_id=email_id, markdown="*Thanks*", quote=quote)
    await relay_now(relayed)
    plain, quoting = [parse_message(each.content) for each in sink.emails]
    assert plain.plain == ("Thanks\n",)
    assert "\n\ncarol@example.com wrote:\n> Your code is ••••••.\n" in quoting.plain[0]
    assert "Your code is ••••••.</blockquote>" in quoting.html[0]
    assert "Which code" not in quoting.plain[0] + quoting.html[0]


@pytest.mark.parametrize("level", [Level.SUSPECT, Level.QUARANTINED])
async def test_nothing_is_quoted_of_an_email_that_something_was_found_in(
    relayed: App, sink: RelaySink, level: Level
) -> None:
    anna = await make_inbox(relayed, "anna")
    email_id = await arrive(relayed, anna, screened(level, "Pay at once."))
    sent = await do(relayed, "reply_to_email", email_id=email_id, text="No.", quote=True)
    assert "Nothing is quoted" in sent.reasons[-1]
    await relay_now(relayed)
    assert parse_message(sink.emails[0].content).plain == ("No.\n",)


async def test_all_whom_an_answer_to_all_adds_are_decided_about(relayed: App) -> None:
    anna = await make_inbox(relayed, "anna")
    raw = letter(sender="carol@example.com", To=anna, Cc="dave@example.com, eve@elsewhere.org")
    email_id = await receive(relayed, anna, raw)
    assert (await do(relayed, "reply_to_email", email_id=email_id, text="To you")).state == "queued"
    sent = await do(relayed, "reply_to_email", email_id=email_id, text="To all", reply_all=True)
    assert sent.state == "held"
    assert any("eve@elsewhere.org was never written to" in reason for reason in sent.reasons)


async def test_an_answer_to_a_list_goes_where_its_mail_asks_for_answers_to_all(relayed: App) -> None:
    anna = await make_inbox(relayed, "anna")
    raw = letter(sender="carol@example.com", To="list@example.com", Mail_Followup_To="list@example.com")
    email_id = await receive(relayed, anna, raw)
    for reply_all, to in ((True, "list@example.com"), (False, "carol@example.com")):
        sent = await do(relayed, "reply_to_email", email_id=email_id, text="Hi", reply_all=reply_all)
        assert sent.to == [to]


@pytest.mark.parametrize(
    ("author", "envelope", "why"),
    [
        ("carol@example.com", "", "null sender"),
        ("MAILER-DAEMON@example.com", "x@example.com", "mail server"),
        ("anna+orders@letterlock.localhost", "x@example.com", "inbox itself"),
    ],
)
async def test_an_answer_that_would_reach_nobody_is_refused_with_the_reason(
    relayed: App, author: str, envelope: str, why: str
) -> None:
    anna = await make_inbox(relayed, "anna")
    raw = letter(sender=author, Reply_To="dave@example.com")
    email_id = await receive(relayed, anna, raw, sender=envelope)
    with pytest.raises(NotAllowed, match=why) as caught:
        await do(relayed, "reply_to_email", email_id=email_id, text="Answer")
    assert "send_email" in caught.value.next_step


@pytest.mark.parametrize("fields", [{"List_Id": "<l.example.com>"}, {"Precedence": "bulk"}, {"Auto_Submitted": "yes"}])
async def test_a_person_may_want_lists_and_machines_answered(relayed: App, fields: dict[str, str]) -> None:
    anna = await make_inbox(relayed, "anna")
    email_id = await receive(relayed, anna, letter(sender="no-reply@example.com", **fields))
    assert (await do(relayed, "reply_to_email", email_id=email_id, text="Stop")).state == "queued"


async def test_a_conversation_goes_on_over_plus_addresses_and_shows_who_said_what(
    relayed: App, sink: RelaySink, clock: Clock
) -> None:
    anna = await make_inbox(relayed, "anna")
    tagged = anna.replace("@", "+shop@")
    asked = letter("Order", "Which size?", sender="Carol <carol@example.com>", To=tagged, Message_ID="<q@example.com>")
    email_id = await receive(relayed, tagged, asked, at=clock())
    clock.advance(60)
    sent = await do(relayed, "reply_to_email", email_id=email_id, text="Size nine.", quote=True)
    await relay_now(relayed)
    ours = headers(sink.emails[0].content)["Message-ID"]
    clock.advance(60)
    # The clocks of others say what they like.
    said = {"To": tagged, "In_Reply_To": ours, "Date": "Thu, 01 Jan 2015 00:00:00 +0000"}
    await receive(relayed, tagged, letter("Re: Order", "Done.", sender="carol@example.com", **said), at=clock())
    thread = await do(relayed, "get_thread", thread_id=sent.thread_id)
    assert [(entry.direction, entry.from_, entry.snippet.split(" On ")[0]) for entry in thread.entries] == [
        ("received", "carol@example.com", "Which size?"),
        ("sent", anna, "Size nine. Carol <carol@example.com> wrote: > Which size?"),
        ("received", "carol@example.com", "Done."),
    ]


async def test_an_email_without_a_valid_sender_cannot_be_answered(relayed: App) -> None:
    anna = await make_inbox(relayed, "anna")
    raw = b"From: Nobody <nobody@>\r\nSubject: Hi\r\n\r\nHello\r\n"
    email_id = await receive(relayed, anna, raw)
    with pytest.raises(InvalidRequest, match="no valid address"):
        await do(relayed, "reply_to_email", email_id=email_id, text="Answer")


async def test_a_key_for_one_inbox_answers_no_email_of_another(relayed: App) -> None:
    anna, bob = await make_inbox(relayed, "anna"), await make_inbox(relayed, "bob")
    email_id = await receive(relayed, anna, letter())
    with pytest.raises(NotFound):
        await do(relayed, "reply_to_email", await one_inbox_caller(relayed, bob), email_id=email_id, text="Answer")


async def test_a_repeated_answer_is_sent_once(relayed: App) -> None:
    anna = await make_inbox(relayed, "anna")
    email_id = await receive(relayed, anna, letter())
    first = await do(relayed, "reply_to_email", email_id=email_id, text="Answer")
    again = await do(relayed, "reply_to_email", email_id=email_id, text="Answer")
    assert again.submission_id == first.submission_id


async def test_the_same_answer_to_another_email_is_another_email(relayed: App) -> None:
    anna = await make_inbox(relayed, "anna")
    ids = [await receive(relayed, anna, letter(Message_ID=f"<q{n}@example.com>")) for n in range(2)]
    sent = [await do(relayed, "reply_to_email", email_id=email_id, text="Answer") for email_id in ids]
    assert sent[0].submission_id != sent[1].submission_id


async def test_a_machine_that_keeps_answering_is_not_answered_for_ever(relayed: App, clock: Clock) -> None:
    anna = await make_inbox(relayed, "anna")
    raw = letter(sender="robot@robots.example", Message_ID="<r@example.com>", Auto_Submitted="auto-replied")
    email_id = await receive(relayed, anna, raw)
    held = await do(relayed, "reply_to_email", email_id=email_id, text="Hello?")
    assert (held.state, "automatic answers" in held.reasons[0]) == ("held", True)
    await do(relayed, "cancel_email", submission_id=held.submission_id)
    await name_contact(relayed, "robot@robots.example")
    for n in range(AUTOMATIC_ANSWERS_PER_HOUR - 1):
        await do(relayed, "reply_to_email", email_id=email_id, text=f"Answer {n}")
    with pytest.raises(NotAllowed, match="loop"):
        await do(relayed, "reply_to_email", email_id=email_id, text="One more")
    # To pass it on answers nobody.
    await name_contact(relayed, "ben@colleagues.example")
    passed_on = await do(relayed, "forward_email", email_id=email_id, to="ben@colleagues.example")
    assert passed_on.state == "queued"
    clock.advance(3601)
    await do(relayed, "reply_to_email", email_id=email_id, text="One more")


async def test_a_thread_that_grows_all_day_waits_for_a_person_and_goes_on_the_next_day(
    tmp_path: Path, sink: RelaySink, clock: Clock
) -> None:
    chosen = settings_for(tmp_path, relay_host=sink.host, relay_port=sink.port, relay_security="none", thread_per_day=2)
    async with open_app(chosen, clock) as app:
        await name_contact(app, "@example.com")
        anna = await make_inbox(app, "anna")
        email_id = await receive(app, anna, letter(sender="carol@example.com"))
        states = []
        for n in range(4):
            clock.advance(7200 if n < 3 else 24 * 3600)
            states.append((await do(app, "reply_to_email", email_id=email_id, text=f"Answer {n}")).state)
        assert states == ["queued", "queued", "held", "queued"]


async def test_a_hostile_subject_makes_no_header_of_its_own(relayed: App, sink: RelaySink) -> None:
    anna = await make_inbox(relayed, "anna")
    raw = (
        b"From: carol@example.com\r\nMessage-ID: <q@example.com>\r\n"
        b"Subject: =?utf-8?q?Hi=0D=0ABcc:_eve=40example.com?=\r\n\r\nHello\r\n"
    )
    email_id = await receive(relayed, anna, raw)
    await do(relayed, "reply_to_email", email_id=email_id, text="Answer")
    await relay_now(relayed)
    assert sink.emails[0].recipients == ("carol@example.com",)
    assert headers(sink.emails[0].content)["Bcc"] is None


# forward_email


def with_file(name: str = "plan.txt", data: bytes = b"The plan.") -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Anna <anna@shop.example>", "AW: The plan"
    message.set_content("Please see the file.")
    message.add_attachment(data, "application", "octet-stream", filename=name)
    return message.as_bytes(policy=SMTP)


async def test_a_forward_carries_note_text_and_files(relayed: App, sink: RelaySink) -> None:
    box = await make_inbox(relayed)
    email_id = await receive(relayed, box, with_file())
    sent = await do(relayed, "forward_email", email_id=email_id, to=["ben@far.example"], note="For you")
    assert sent.state == "queued"
    await relay_now(relayed)
    forwarded = parse_message(sink.emails[0].content)
    assert forwarded.subject == "Fwd: The plan"
    assert forwarded.plain[0].startswith("For you")
    assert "Please see the file." in forwarded.plain[0]
    assert "anna@shop.example" in forwarded.plain[0]
    assert [a.filename for a in forwarded.attachments] == ["plan.txt"]
    assert attachment_bytes(sink.emails[0].content, 0)[1] == b"The plan."


async def test_a_forward_needs_a_person_after_mail_that_nothing_vouches_for(relayed: App) -> None:
    box = await make_inbox(relayed)
    email_id = await receive(relayed, box, with_file())
    await do(relayed, "read_email", email_id=email_id)
    assert (await do(relayed, "forward_email", email_id=email_id, to=["ben@elsewhere.org"])).state == "held"
    assert (await do(relayed, "forward_email", email_id=email_id, to=["ben@far.example"])).state == "queued"


async def test_a_quarantined_email_is_not_forwarded_nor_its_files_sent(relayed: App) -> None:
    box = await make_inbox(relayed)
    email_id = await arrive(relayed, box, screened(Level.QUARANTINED, "x"))
    with pytest.raises(NotAllowed, match="quarantined"):
        await do(relayed, "forward_email", email_id=email_id, to=["ben@far.example"])
    with pytest.raises(NotFound, match="quarantined"):
        call = {"inbox": box, "to": ["ben@far.example"], "subject": "", "text": "x"}
        await do(relayed, "send_email", **call, attachments=[f"{email_id}/0"])


@pytest.mark.parametrize(
    "said",
    [{"html": "<p></p>"}, {"html": "<p>&nbsp;<br>\u200b</p>"}, {"text": " \n"}, {"text": "\u200b"}, {"markdown": "\n"}],
)
async def test_an_email_that_says_nothing_is_refused(app: App, said: dict[str, str]) -> None:
    box = await make_inbox(app)
    with pytest.raises(InvalidRequest, match="says nothing") as caught:
        await do(app, "send_email", inbox=box, to=["a@outside.example"], subject="Hi", **said)
    assert "text or markdown" in caught.value.next_step


@pytest.mark.parametrize(
    "said",
    [
        {"text": "", "attachments": ["notes.txt;base64,aGVsbG8="]},
        {"html": "<p></p>", "attachments": ["notes.txt;base64,aGVsbG8="]},
        {"html": '<p><img src="cid:a.png"></p>', "attachments": ["a.png;base64,iVBORw0KGgo="]},
    ],
)
async def test_a_file_or_a_picture_says_enough(app: App, said: dict[str, object]) -> None:
    box, other = await make_inbox(app), await make_inbox(app, "other")
    assert (await do(app, "send_email", inbox=box, to=[other], subject="Hi", **said)).state == "delivered"


async def test_a_domain_that_nobody_outside_can_have_is_no_recipient(app: App, tmp_path: Path) -> None:
    box = await make_inbox(app)
    for to in (["a@b"], ["ok@outside.example", "a@intranet"]):
        with pytest.raises(InvalidRequest, match=f"{to[-1]} cannot be reached: its domain has no dot") as caught:
            await do(app, "send_email", inbox=box, to=to, subject="Hi", text="Hello")
        assert "relays" in caught.value.next_step
    relays = ({"to": "intranet", "host": "mail.intranet"},)
    async with open_app(settings_for(tmp_path / "other", relays=relays)) as other:
        sent = await do(
            other, "send_email", inbox=await make_inbox(other), to=["a@intranet"], subject="Hi", text="Hello"
        )
    # A new agent's first emails wait for a person.
    assert sent.state in ("held", "queued")
