"""Answers and forwards: who gets them, what they quote; and what no machine may answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import InvalidRequest
from letterlock.message.address import parse_address
from letterlock.message.compose import Draft, compose
from letterlock.message.extract.reply import newest_part
from letterlock.message.parse import Mailbox, ParsedMessage, parse_message
from letterlock.message.threading import (
    Original,
    authors,
    followup_to,
    forward_draft,
    introduction,
    may_answer,
    no_answer,
    quotation,
    reply_draft,
    reply_recipients,
)

US = parse_address("agent@ours.example")
KIM = parse_address("kim@far.example")
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def mail(body: str = "Twelve?\r\n", **fields: str) -> bytes:
    given = {
        "From": "Ada Lovelace <ada@example.com>",
        "To": "agent@ours.example",
        "Subject": "Lunch",
        "Date": "Fri, 20 Nov 2026 09:30:00 +0000",
        "Message-ID": "<m1@example.com>",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return f"{head}\r\n{body}".encode()


def original(body: str = "Twelve?\r\n", **fields: str) -> Original:
    parsed = parse_message(mail(body, **fields))
    return Original(
        subject=parsed.subject,
        message_id=parsed.message_id,
        in_reply_to=parsed.in_reply_to,
        references=parsed.references,
        date=parsed.date,
        from_=parsed.from_,
        reply_to=parsed.reply_to,
        followup_to=followup_to(parsed),
        to=parsed.to,
        cc=parsed.cc,
        text=parsed.plain[0],
    )


def answer(about: Original, **changes: Any) -> Draft:
    return reply_draft(
        about, **{"sender": US, "text": "Yes.", "message_id": "<n@ours.example>", "date": NOW, **changes}
    )


def names(addresses: tuple[object, ...]) -> list[str]:
    return [str(address) for address in addresses]


@pytest.mark.parametrize(
    ("fields", "everyone", "to", "cc"),
    [
        ({}, False, ["ada@example.com"], []),
        ({"Reply_To": "desk@example.com"}, False, ["desk@example.com"], []),
        ({"Reply_To": "agent+x@ours.example"}, False, ["ada@example.com"], []),
        ({"Reply_To": "nobody"}, False, ["ada@example.com"], []),
        ({"To": "agent+shop@ours.example, Bob <bob@b.example>"}, True, ["ada@example.com"], ["bob@b.example"]),
        ({"Cc": "ada@example.com, BOB@b.example, bob@b.example"}, True, ["ada@example.com"], ["BOB@b.example"]),
        ({"Cc": "bob@b.example"}, False, ["ada@example.com"], []),
        (
            {"Mail_Followup_To": 'L <list@l.example>, "agent@ours.example"', "Cc": "bob@b.example"},
            *(True, ["list@l.example"], []),
        ),
        ({"Mail_Followup_To": "list@l.example"}, False, ["ada@example.com"], []),
        ({"Mail_Followup_To": "agent+x@ours.example"}, True, ["ada@example.com"], []),
    ],
)
def test_an_answer_goes_to_who_should_get_it_and_never_to_us(
    fields: dict[str, str], everyone: bool, to: list[str], cc: list[str]
) -> None:
    found = reply_recipients(original(**fields), US, everyone=everyone)
    assert (names(found[0]), names(found[1])) == (to, cc)


@pytest.mark.parametrize("sender", ["nobody", "agent@ours.example", "agent+x@ours.example"])
def test_nobody_to_answer_is_an_error(sender: str) -> None:
    with pytest.raises(InvalidRequest, match="no valid address"):
        reply_recipients(original(From=sender, Cc="bob@b.example"), US, everyone=True)


def test_an_answer_is_threaded_and_quotes_when_asked() -> None:
    about = original("Twelve?\r\n> Lunch?\r\n", In_Reply_To="<m0@b.example>")
    draft = answer(about, html="<body><p>Yes.</p></body>", quote=True)
    assert (draft.subject, draft.in_reply_to, draft.references) == (
        *("Re: Lunch", "<m1@example.com>"),
        ("<m0@b.example>",),
    )
    intro = "On Fri, 20 Nov 2026 09:30 UTC, Ada Lovelace <ada@example.com> wrote:"
    assert draft.text == f"Yes.\n\n{intro}\n> Twelve?\n>> Lunch?\n"
    assert "Twelve?<br>\n&gt; Lunch?</blockquote>\n</body>" in draft.html
    assert answer(about).text == "Yes."
    # What we write is known for a quote when it comes back.
    assert draft.text[: newest_part(draft.text)].strip() == "Yes."
    assert parse_message(compose(draft)).references == ("<m0@b.example>", "<m1@example.com>")


def test_a_quote_has_at_most_ten_kilobytes_and_ends_with_a_line() -> None:
    quoted = quotation("漢字漢字\n" * 5_000)
    assert len(quoted.encode()) < 10_000 * 1.3
    assert quoted.endswith("> 漢字漢字\n> [...]")
    assert quotation("a\n>b\n\n") == "> a\n>>b"
    assert quotation(" \n") == ""


def test_quoted_html_is_text() -> None:
    draft = answer(
        Original("x", from_=(Mailbox("<b>A", "ada@example.com"),), text="<script>x</script>"),
        html="<p>Y</p>",
        quote=True,
    )
    assert "<script" not in draft.html
    assert "&lt;b&gt;A" in draft.html
    compose(draft)


def test_a_name_in_the_introduction_is_one_plain_line() -> None:
    about = Original("x", date=NOW, from_=(Mailbox("A\u202eda\r\nBcc: x\u200b" + "y" * 200, "ada@example.com"),))
    line = introduction(about)
    assert line.isprintable()
    assert line.startswith("On Sat, 21 Nov 2026 08:00 UTC, Ada Bcc: xyyy")
    assert len(line) < 180


def test_a_forward_shows_what_came() -> None:
    about = original("See file.\r\n", Cc="kim@far.example")
    draft = forward_draft(about, sender=US, to=(KIM,), message_id="<f@x>", date=NOW, note="FYI")
    assert draft.subject == "Fwd: Lunch"
    assert draft.text == (
        "FYI\n\n---------- Forwarded message ----------\nFrom: Ada Lovelace <ada@example.com>\n"
        "Date: Fri, 20 Nov 2026 09:30 UTC\nSubject: Lunch\nTo: agent@ours.example\nCc: kim@far.example\n\n> See file.\n"
    )
    assert (draft.in_reply_to, draft.references) == ("", ("<m1@example.com>",))


_HEADER_TEXT = st.text(max_size=100)


@settings(deadline=None)
@given(_HEADER_TEXT, _HEADER_TEXT, _HEADER_TEXT, st.text(st.characters(exclude_categories=("Cs",)), max_size=200))
def test_any_original_can_be_answered_and_forwarded(subject: str, name: str, message_id: str, text: str) -> None:
    author = Mailbox(name, "ada@example.com")
    text = text.replace("\0", "")
    about = Original(
        subject, message_id, (message_id,), (message_id,), NOW, (author,), cc=(Mailbox(name, name),), text=text
    )
    read = parse_message(compose(answer(about, text="Yes", html="<p>Yes</p>", quote=True, everyone=True)))
    assert [box.address for box in read.to] == ["ada@example.com"]
    read = parse_message(compose(forward_draft(about, sender=US, to=(KIM,), message_id="<f@x>", date=NOW)))
    assert [box.address for box in read.to] == ["kim@far.example"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Auto_Submitted": "auto-replied; x=y"}, "Auto-Submitted"),
        ({"Precedence": "Bulk"}, "Precedence"),
        ({"Precedence": "auto_reply"}, "machine"),
        ({"X_Auto_Response_Suppress": "DR, OOF"}, "Suppress"),
        ({"Return_Path": "<>"}, "null sender"),
        ({"Sender": "List <shop-bounces@l.example>"}, "nobody reads"),
        ({"List_Id": "<l.example>"}, "mailing list"),
        ({"X_Autoreply": "yes"}, "machine"),
        ({"Content_Type": "multipart/report; boundary=x"}, "report"),
        ({"From": "agent+1@ours.example"}, "our own"),
        ({"Reply_To": "agent@ours.example"}, "our own"),
        ({"To": "someone@else.example"}, "name us"),
        ({"From": "MAILER-DAEMON@x.example"}, "A mail server"),
        ({"From": "no-reply@x.example"}, "nobody reads"),
        ({"From": "billing-noreply+5@x.example"}, "nobody reads"),
        ({"From": "do_not_reply@x.example"}, "nobody reads"),
        ({"From": "owner-list@x.example"}, "nobody reads"),
        ({"From": "nobody"}, "no valid address"),
    ],
)
def test_machines_do_not_answer_machines(fields: dict[str, str], reason: str) -> None:
    said = may_answer(parse_message(mail(**fields)), own=(US,))
    assert said is not None
    assert reason in said


def test_mail_in_a_loop_is_not_answered() -> None:
    def hops(number: int) -> ParsedMessage:
        return parse_message(b"Received: from a by b; Fri, 20 Nov 2026 09:30:00 +0000\r\n" * number + mail())

    assert may_answer(hops(25)) is None
    assert "servers" in (may_answer(hops(26)) or "")


@pytest.mark.parametrize(
    "fields",
    [
        *({}, {"Auto_Submitted": "no"}, {"X_Auto_Response_Suppress": "DR, RN, NRN"}, {"Precedence": "first-class"}),
        *({"From": "noreen@x.example"}, {"To": "agent+shop@ours.example"}, {"From": "request@x.example"}),
    ],
)
def test_a_person_may_be_answered(fields: dict[str, str]) -> None:
    assert may_answer(parse_message(mail(**fields)), "ada@example.com", own=(US,)) is None


def test_the_envelope_counts_more_than_the_field() -> None:
    assert may_answer(parse_message(mail(Return_Path="<ada@example.com>")), "") is not None
    assert may_answer(parse_message(mail(Return_Path="<>")), "ada@example.com") is None


@pytest.mark.parametrize("fields", [{"From": "no-reply@x.example"}, {"List_Id": "<l.example>"}, {"Precedence": "bulk"}])
def test_what_no_machine_may_answer_a_person_may(fields: dict[str, str]) -> None:
    parsed = parse_message(mail(**fields))
    assert may_answer(parsed, "ada@example.com") is not None
    assert no_answer(parsed, "ada@example.com") == ""


def test_nobody_answers_a_mail_server() -> None:
    assert "null sender" in no_answer(parse_message(mail()), "")
    assert "mail server" in no_answer(parse_message(mail(From="Mail <Mailer-Daemon@x.example>")), "x@x.example")


def test_every_address_an_email_says_it_is_from_is_an_author() -> None:
    fields = b"From: Ok <ok@ok.example>, z@blocked.example\r\nFrom: more@other.example\r\nSender: <s@sent.example>\r\n"
    found = authors(parse_message(fields + b"To: a@b.example\r\n\r\nHello.\r\n"))
    assert found == ("ok@ok.example", "z@blocked.example", "more@other.example", "s@sent.example")
    assert authors(parse_message(b"From: nobody at all\r\n\r\nHello.\r\n")) == ()
