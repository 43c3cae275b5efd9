"""What kind of mail it is."""

from __future__ import annotations

import pytest

from letterlock.message.extract.codes import find_code
from letterlock.message.extract.links import find_links
from letterlock.message.extract.meaning import categorise
from letterlock.message.parse import Attachment, Mailbox, ParsedMessage
from letterlock.message.visible import Block, ShownLink, VisibleText

TOKEN = "tZ8qkW3xVb0LmP5sYd7R"


def category(
    subject: str,
    text: str = "",
    *,
    sender: str = "noreply@shop.example",
    headers: tuple[tuple[str, str], ...] = (),
    links: tuple[tuple[str, str], ...] = (),
    attachments: tuple[Attachment, ...] = (),
) -> str:
    parsed = ParsedMessage(headers=headers, subject=subject, from_=(Mailbox("", sender),), attachments=attachments)
    shown = tuple(ShownLink(url, label, "html", start=len(text)) for url, label in links)
    blocks = tuple(Block(line, "plain") for line in text.split("\n") if line)
    visible = VisibleText(text=text, blocks=blocks, links=shown)
    return categorise(parsed, visible, find_code(parsed, visible), find_links(parsed, visible))


def test_the_purpose_of_an_account_mail_is_its_category() -> None:
    def link(path: str, label: str) -> tuple[tuple[str, str], ...]:
        return ((f"https://shop.example/{path}/{TOKEN}", label),)

    assert category("Sign in", "Your login code is 482913.") == "otp"
    assert category("Confirm your email", links=link("verify", "Confirm")) == "verify_link"
    assert category("Reset your password", links=link("reset", "Reset password")) == "reset_link"
    assert category("Sign in to Shop", links=link("magic", "Sign in")) == "magic_link"
    assert category("Ann invited you", links=link("invite", "Join")) == "invite"


@pytest.mark.parametrize(
    ("headers", "sender", "expected"),
    [
        ((("Content-Type", "multipart/report; report-type=delivery-status"),), "x@shop.example", "bounce"),
        ((), "MAILER-DAEMON@shop.example", "bounce"),
        ((("Auto-Submitted", "auto-replied"),), "ann@shop.example", "auto_reply"),
        ((("X-Autoreply", "yes"),), "ann@shop.example", "auto_reply"),
    ],
)
def test_answers_of_machines_come_before_all_else(
    headers: tuple[tuple[str, str], ...], sender: str, expected: str
) -> None:
    assert category("Your login code", "Your login code is 482913.", headers=headers, sender=sender) == expected


def test_an_absence_note_is_known_by_its_subject() -> None:
    assert category("Automatic reply: tea", "I am away.", sender="ann@shop.example") == "auto_reply"
    assert category("Abwesenheitsnotiz: Tee", "Ich bin nicht da.", sender="ann@shop.example") == "auto_reply"


def test_a_receipt_is_known_by_its_subject_or_by_its_sum() -> None:
    assert category("Your receipt from Shop", "Total $12.00") == "receipt"
    assert category("Rechnung 4821", "Summe 12,00 EUR") == "receipt"
    assert category("Thank you", "Your order has shipped.\nTotal: 12.00") == "receipt"


def test_bulk_mail_is_a_newsletter() -> None:
    assert category("Spring news", "Look!", headers=(("List-Unsubscribe", "<https://shop.example/u>"),)) == "newsletter"
    assert (
        category("Spring news", "Look!", links=(("https://shop.example/unsubscribe", "Unsubscribe"),)) == "newsletter"
    )


def test_a_notice_about_the_account_is_a_notification_even_with_a_way_to_unsubscribe() -> None:
    leave = (("https://shop.example/unsubscribe", "Unsubscribe"),)
    assert category("Your password was changed", "It was changed today.", links=leave) == "notification"
    assert category("Device added", "A device was added from 203.0.113.9.", links=leave) == "notification"


def test_a_letter_from_a_person_is_personal() -> None:
    assert category("Tea", "Hi Bob,\nshall we have tea?", sender="ann.example@shop.example") == "personal"


def test_an_invitation_with_a_calendar_part_is_calendar() -> None:
    part = Attachment(0, "invite.ics", "text/calendar", 10, "0" * 64)
    assert category("Tea", "On Monday.", sender="ann.example@shop.example", attachments=(part,)) == "calendar"


def test_a_ticket_number_makes_it_support() -> None:
    assert category("[#48213] Your question", "We look into it.", sender="help@shop.example") == "support"
