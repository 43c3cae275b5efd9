from __future__ import annotations

from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import letters
from letterlock.message.compose import File
from letterlock.outgoing import Outgoing, alarms
from timing import takes_linear_time

MISSED = {"en lawyer"}
"""Frauds that go unnoticed."""


def codes(text: str = "Hello", subject: str = "Hi", **changes: Any) -> list[str]:
    mail = Outgoing("acme.example", subject, text, **{"recipients": ("customer.example",), **changes})
    return list(dict.fromkeys(alarm.code for alarm in alarms(mail, most_bytes=1_000_000, most_attached=500_000)))


def tables(kind: str) -> list[Any]:
    chosen = [table for name, table in vars(letters).items() if name.startswith(kind)]
    return [pytest.param(name, letter, id=name) for table in chosen for name, letter in table.items()]


def of_letter(letter: str) -> list[str]:
    subject, _, body = letter.partition("\n\n")
    return codes(body, subject, answers=subject.startswith("Re: "))


@pytest.mark.parametrize(("name", "letter"), tables("HONEST"))
def test_an_honest_letter_raises_no_alarm(name: str, letter: str) -> None:
    assert of_letter(letter) == []


@pytest.mark.parametrize(("name", "letter"), tables("ATTACKS"))
def test_a_fraud_is_noticed_in_every_language(name: str, letter: str) -> None:
    assert of_letter(letter) == ([] if name in MISSED else ["phishing"])


def test_what_an_answer_quotes_is_not_its_own() -> None:
    quoted = letters.ATTACKS["en card"].partition("\n\n")[2].replace("\n", "\n> ")
    text = f"That is not from us.\n\nOn Monday Kim wrote:\n> {quoted}\n"
    assert codes(text, "Re: our bank account has changed", answers=True) == []
    assert codes(text, "Our bank account has changed") == ["phishing"]
    link = '<a href="https://evil.example/x">https://www.mybank.example/login</a>'
    html = f"<p>That is not from us.</p><p>On Fri, 20 Nov 2026, Kim wrote:</p><blockquote>{link}</blockquote>"
    assert codes("That is not from us.", html=html, answers=True) == []
    assert codes("That is not from us.", html=html) == ["look_alike"]


@pytest.mark.parametrize(
    "link",
    [
        '<a href="https://evil.example/x">https://www.mybank.example/login</a>',
        '<a href="https://evil.example/x">mybank.example</a>',
        '<a href="https://mybank.example@evil.example/x">Sign in</a>',
        '<a href="javascript:alert(1)">Open</a>',
        '<a href="data:text/html;base64,PHNjcmlwdD4=">Open</a>',
        '<a href="https://93.184.216.34/signin">Open</a>',
        '<a href="https://1572395042/a">Open</a>',
        '<a href="https://xn--pypal-4ve.com/">Open</a>',
    ],
)
def test_a_link_that_misleads_is_noticed_in_html(link: str) -> None:
    assert codes("Hello", html=f"<p>Hello {link}</p>") == ["look_alike"]


@pytest.mark.parametrize(
    "text",
    [
        *("https://paypa1.com/x", "https://www.paypal.com.checks.example/x", "https://paypal-login.example/x"),
        *(
            "https://micros0ft.com",
            "https://rnicrosoft.com/x",
            "https://gooogle.com/x",
            "https://amaz0n.com",
            "amazom.com/x",
        ),
        *("https://раураl.com/x", "https://arnerican.example", "write to help@paypa1.com", "see netfiix.com/billing"),
        *("https://customer.example.session.example/", "https://custorner.example/x", "https://cutsomer.example"),
        *(
            "https://secure-customer.example/x",
            "https://partnerhaus.example.evil.example",
            "https://partnerhous.example/",
        ),
        "[https://mybank.example](https://evil.example/x)",
    ],
)
def test_a_host_that_looks_like_one_the_reader_knows_is_noticed(text: str) -> None:
    assert codes(f"Look: {text} please", known=("partnerhaus.example", "american.example")) == ["look_alike"]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "https://www.paypal.com/x",
            "https://amazon.de/dp/1",
            "https://www.google.co.uk",
            "https://customer.example/x",
        ),
        *(
            "https://docs.acme.example/paypal",
            "https://apple.stackexchange.com/q/1",
            "https://apples.example/",
            "acme.example",
        ),
        *(
            "http://192.168.1.1/login",
            "https://partnerhaus.example",
            "report.final.pdf",
            "v1.2.3",
            "node.js",
            "e.g. this",
        ),
        *(
            "https://team2.example",
            "https://wise-owl.example",
            "https://github.io/x",
            "https://münchen.example",
            "Mr.Kim",
        ),
        "[our page](https://other.example/x)",
    ],
)
def test_a_host_that_is_what_it_seems_is_not(text: str) -> None:
    assert codes(f"Look: {text} please", known=("partnerhaus.example", "team1.example")) == []


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://acme.example/report">customer.example</a>',
        '<a href="https://other.example/x">Our report</a>',
        '<a href="mailto:kim@customer.example">kim@customer.example</a> <a href="tel:+4930123">+49 30 123</a>',
        '<a href="https://www.customer.example/x">customer.example</a><img src="cid:logo" alt="Acme">',
    ],
)
def test_links_of_everyday_html_raise_no_alarm(html: str) -> None:
    assert codes("Hello", html=f"<p>Hello {html}</p>") == []


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"sender_name": "PayPal Security"}, ["phishing"]),
        ({"sender_name": "Microsoft"}, ["phishing"]),
        ({"sender_name": "Apple Support"}, ["phishing"]),
        ({"text": "Hello\n\nYour Amazon customer service"}, ["phishing"]),
        ({"text": "Guten Tag\n\nIhr Sparkasse Sicherheitsteam"}, ["phishing"]),
        ({"text": "お知らせ\n\n楽天カスタマーサポート"}, ["phishing"]),
        ({"sender_name": "Apple Orchard Farm"}, []),
        ({"sender_name": "Anna Berg"}, []),
        ({"sender_name": "PayPal Security", "sender": "paypal.com"}, []),
        ({"text": "Hello\n\nAnna Berg\nMicrosoft Certified Expert"}, []),
        ({"text": "We moved to Google.\n\n> PayPal Security Team\n"}, []),
    ],
)
def test_a_brand_signs_from_its_own_domain_only(changes: dict[str, Any], wanted: list[str]) -> None:
    mail = Outgoing(**{"sender": "acme.example", "subject": "Hi", "text": "Hello", **changes})
    assert [alarm.code for alarm in alarms(mail, most_bytes=10_000, most_attached=10_000)] == wanted


def test_programs_and_what_is_too_large_are_told() -> None:
    assert codes(files=(File("setup.exe", "application/pdf", b"x"),)) == ["executable"]
    assert codes(files=(File("a.pdf", "application/pdf", bytes(500_000)),)) == []
    assert codes(files=(File("a.pdf", "application/pdf", bytes(500_001)),)) == ["too_large"]
    assert codes(size=1_000_001) == ["too_large"]


def test_a_message_that_holds_a_program_is_no_way_around() -> None:
    held = EmailMessage()
    held.set_content("Hello")
    held.add_attachment(b"MZ\x90\0\3\0\0\0", "application", "pdf", filename="report.pdf")
    for _ in range(6):
        assert codes(files=(File("mail.eml", "message/rfc822", held.as_bytes()),)) == ["executable"]
        outer = EmailMessage()
        outer.set_content("See below")
        outer.add_attachment(held)
        held = outer
    held = EmailMessage()
    held.set_content("Hello")
    assert codes(files=(File("mail.eml", "message/rfc822", held.as_bytes()), File("x.eml", "", b"\xff\0"))) == []


def test_a_form_that_asks_for_a_password_counts_as_a_link_elsewhere() -> None:
    form = '<p>Please confirm your password:</p><form action="https://evil.example"><input type="password"></form>'
    assert codes("Please confirm your password:", html=form) == ["phishing"]


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=60))
def test_no_text_raises(text: str, html: str, name: str) -> None:
    codes(
        text,
        html=f"<a href='https://{html}'>{text}</a>{html}",
        sender_name=name,
        known=(name, text),
        recipients=(name,),
    )


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "paypal.com ",
        "a.b.",
        "[a.b](https://c.d ",
        "confirm your password not ",
        "密码输入",
        "http://a@",
        "é ",
        "\u202e",
    ],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    assert takes_linear_time(lambda text: codes(text, sender_name=text[:1000]), piece, 27_000, 0.04)
