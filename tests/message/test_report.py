"""Reports of other servers: in the standard's form, and in the words of many programs and languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounces import LAST, LATER, LATER_OTHERS, OTHERS, REPORTS, Sample
from bounces_unseen import FIRST, SECOND
from letterlock.message.parse import parse_message
from letterlock.message.report import Report, read_report, token_of
from timing import seconds

OURS = "<m1@shop.example>"
WHO = "ben@far.example"


def dsn(
    action: str, status: str, diagnostic: str, *, original: str = "", returned: str = "text/rfc822-headers"
) -> bytes:
    fields = f"Final-Recipient: rfc822; {WHO}\n"
    if original:
        fields += f"Original-Recipient: {original}\n"
    return (
        f"From: MAILER-DAEMON@mx.far.example\nTo: box@shop.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\n\n--B\n\nSorry.\n'
        f"--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.far.example\n\n"
        f"{fields}Action: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {diagnostic}\n"
        f"--B\nContent-Type: {returned}\n\nMessage-ID: {OURS}\nSubject: Hi\n\n--B--\n"
    ).encode()


STANDARD = [
    ("5.1.1", "550 5.1.1 User unknown", "hard"),
    ("5.1.1", "550-5.1.1 The email account that you tried to reach does not exist.", "hard"),
    ("5.1.2", "Host or domain name not found", "hard"),
    ("5.1.3", "501 bad address syntax", "hard"),
    ("5.1.6", "the recipient has moved", "hard"),
    ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", "hard"),
    ("5.2.1", "550 5.2.1 The email account is disabled", "hard"),
    ("5.4.4", "Host not found, NXDOMAIN", "hard"),
    ("5.0.0", "550 No such user here", "hard"),
    ("5.7.1", "550 5.7.1 Recipient address rejected: user unknown", "hard"),
    ("5.2.2", "552 5.2.2 mailbox full", "soft"),
    ("5.2.2", "The recipient's inbox is out of storage space and over quota", "soft"),
    ("4.2.2", "452 over quota", "soft"),
    ("4.7.1", "451 4.7.1 Greylisting in action, please try again", "soft"),
    ("4.4.1", "connection timed out", "soft"),
    ("5.3.4", "552 5.3.4 message size exceeds fixed limit", "soft"),
    ("5.4.7", "delivery time expired", "soft"),
    ("4.3.2", "system not accepting messages, try again later", "soft"),
    ("5.7.1", "554 5.7.1 Message rejected as spam by content filter", "block"),
    ("5.7.1", "550 5.7.1 Service unavailable; client host [192.0.2.1] blocked using a DNSBL", "block"),
    ("5.7.26", "550 5.7.26 unauthenticated, does not pass DMARC", "block"),
    ("5.7.606", "Access denied, banned sending IP", "block"),
    ("5.6.0", "554 5.6.0 content rejected", "block"),
]


@pytest.mark.parametrize(("status", "diagnostic", "class_"), STANDARD)
def test_a_bounce_in_the_standard_form_is_classed_by_code_and_words(status: str, diagnostic: str, class_: str) -> None:
    found = read_report(parse_message(dsn("failed", status, diagnostic)))
    assert found is not None
    assert (found.kind, found.message_id) == ("bounce", OURS)
    (recipient,) = found.recipients
    assert (recipient.address, recipient.class_, recipient.status) == (WHO, class_, status)


@pytest.mark.parametrize(
    ("action", "kind"),
    [("failed", "bounce"), ("delayed", "delay"), ("delivered", "delivered"), ("relayed", "delivered")],
)
def test_what_happened_is_told_from_a_bounce(action: str, kind: str) -> None:
    found = read_report(parse_message(dsn(action, "2.0.0" if kind == "delivered" else "4.4.1", "x")))
    assert found is not None
    assert found.kind == kind


def test_the_address_as_we_wrote_it_is_the_one_that_counts() -> None:
    raw = dsn("failed", "5.1.1", "unknown", original="rfc822;kim+2Btag@far.example")
    found = read_report(parse_message(raw))
    assert found is not None
    assert found.recipients[0].address == "kim+tag@far.example"


def test_the_whole_message_may_be_returned() -> None:
    found = read_report(parse_message(dsn("failed", "5.1.1", "unknown", returned="message/rfc822")))
    assert found is not None
    assert found.message_id == OURS


def words(subject: str, text: str, sender: str = "MAILER-DAEMON@mx.far.example", **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    head = (
        f"From: {sender}\nTo: box@shop.example\nSubject: {subject}\n{more}Content-Type: text/plain; charset=utf-8\n\n"
    )
    return f"{head}{text}\n\n--- Below this line is a copy of the message.\n\nMessage-ID: {OURS}\n".encode()


FREE = [
    (
        "qmail",
        "failure notice",
        f"Hi.\n\n<{WHO}>:\nSorry, no mailbox here by that name. (#5.1.1)",
        "hard",
    ),
    (
        "exim",
        "Mail delivery failed",
        f"It could not be delivered.\n\n  {WHO}\n    unrouteable mail domain",
        "hard",
    ),
    ("exim full", "Mail delivery failed", f"  {WHO}\n    mailbox is full: retry timeout exceeded", "soft"),
    (
        "postfix",
        "Undelivered Mail Returned to Sender",
        f"<{WHO}>: host said: 550 5.1.1 User unknown",
        "hard",
    ),
    ("sendmail", "Returned mail: see transcript", f"<{WHO}>\n    (reason: 550 5.1.1 <{WHO}>... User unknown)", "hard"),
    ("exchange", "Undeliverable: Hi", f"Your message wasn't delivered to {WHO}. Recipient not found.", "hard"),
    (
        "office quota",
        "Undeliverable: Hi",
        f"{WHO}\nThe recipient's mailbox is full now.",
        "soft",
    ),
    (
        "gmail",
        "Delivery Status Notification",
        f"Your message wasn't delivered to {WHO} because the user does not exist.",
        "hard",
    ),
    ("yahoo", "Failure Notice", f"<{WHO}>:\n554: delivery error: dd no such user", "hard"),
    ("german", "Unzustellbar: Hallo", f"{WHO}: Der Empfänger ist unbekannt.", "hard"),
    ("french", "Non remis : Bonjour", f"{WHO}\nL'adresse n'existe pas.", "hard"),
    ("spanish", "No se ha podido entregar el mensaje", f"{WHO}: el usuario no existe", "hard"),
    ("portuguese", "Mensagem não entregue", f"{WHO}: a caixa não existe", "hard"),
    ("italian", "Mancata consegna", f"{WHO}: utente sconosciuto", "hard"),
    ("dutch", "Onbestelbaar", f"{WHO}: onbekende gebruiker, onbekend", "hard"),
    ("polish", "Niedostarczona wiadomość: niedostarczono", f"{WHO}: adres nie istnieje", "hard"),
    ("russian", "Сообщение не доставлено", f"{WHO}: такой пользователь не существует", "hard"),
    ("japanese", "配信不能", f"{WHO} 宛先不明です", "hard"),
    ("japanese full", "配信エラー", f"{WHO} メールボックスの容量を超えています", "soft"),
    ("chinese", "系统退信", f"{WHO} 收件人不存在", "hard"),
    ("chinese full", "系统退信", f"{WHO} 收件人邮箱已满", "soft"),
    ("spam", "Delivery failure", f"{WHO}: 554 rejected: message looks like spam", "block"),
    ("list", "Delivery failure", f"{WHO}: 550 sender blocked by policy", "block"),
    ("grey", "Delivery status: failure", f"{WHO}: 450 greylisted, try again later", "soft"),
]


@pytest.mark.parametrize(("name", "subject", "text", "class_"), FREE, ids=[row[0] for row in FREE])
def test_a_bounce_in_words_only_is_understood(name: str, subject: str, text: str, class_: str) -> None:
    found = read_report(parse_message(words(subject, text)))
    assert found is not None, name
    assert (found.kind, found.message_id) == ("bounce", OURS)
    assert [(one.address, one.class_) for one in found.recipients] == [(WHO, class_)]


def test_a_warning_of_delay_is_no_bounce() -> None:
    text = f"{WHO}: connection timed out. Your message is still being retried; you do not need to send it again."
    found = read_report(parse_message(words("Warning: message delayed 24 hours", text)))
    assert found is not None
    assert (found.kind, found.recipients[0].class_) == ("delay", "soft")


def test_failed_recipients_may_stand_in_the_header() -> None:
    found = read_report(parse_message(words("Oops", "550 user unknown", "noc@mx.example", X_Failed_Recipients=WHO)))
    assert found is not None
    assert [(one.address, one.class_) for one in found.recipients] == [(WHO, "hard")]


def test_a_complaint_names_the_message_and_its_reader() -> None:
    raw = (
        "From: fbl@provider.example\nTo: abuse@shop.example\nSubject: FW: Hi\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="B"\n\n--B\n\nA reader complained.\n'
        "--B\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nUser-Agent: x\n"
        f"Original-Rcpt-To: {WHO}\n\n--B\nContent-Type: message/rfc822\n\nMessage-ID: {OURS}\nTo: {WHO}\n\nHi\n--B--\n"
    )
    found = read_report(parse_message(raw.encode()))
    assert found is not None
    assert (found.kind, found.message_id) == ("complaint", OURS)
    assert [one.address for one in found.recipients] == [WHO]


@pytest.mark.parametrize(
    "raw",
    [
        words("Re: Hi", "I am out of the office until Monday.", "ben@far.example"),
        words("Lunch", f"Write to {WHO}", "anna@shop.example"),
        words("Undelivered", f"{WHO} unknown", "stranger@far.example"),
        b"From: a@b.example\nContent-Type: multipart/report; report-type=disposition-notification; boundary=B\n\n"
        b"--B\n\nx\n--B--\n",
    ],
)
def test_other_mail_is_no_report(raw: bytes) -> None:
    assert read_report(parse_message(raw)) is None


@given(
    st.binary(max_size=600), st.sampled_from([b"message/delivery-status", b"message/feedback-report", b"text/plain"])
)
def test_no_report_raises(junk: bytes, kind: bytes) -> None:
    raw = b"From: mailer-daemon@x.example\nSubject: failure notice\nContent-Type: multipart/report; boundary=B\n\n"
    raw += b"--B\nContent-Type: "
    found = read_report(parse_message(raw + kind + b"\n\n" + junk + b"\n--B--\n"))
    assert found is None or isinstance(found, Report)


@pytest.mark.parametrize("sample", (*REPORTS, *LATER, *LAST, *FIRST, *SECOND), ids=lambda sample: sample.name)
def test_what_servers_of_many_makes_say_is_understood(sample: Sample) -> None:
    found = read_report(parse_message(sample.raw))
    if not sample.kind:
        assert found is None
        return
    assert found is not None
    assert (found.kind, found.message_id) == (sample.kind, sample.message_id)
    if sample.kind == "bounce":
        assert [(one.address, one.class_) for one in found.recipients] == list(sample.told)
    else:
        assert [one.address for one in found.recipients] == [address for address, _ in sample.told]
        assert not {one.class_ for one in found.recipients} & {"hard", "block"}


@pytest.mark.parametrize("sample", (*OTHERS, *LATER_OTHERS), ids=lambda sample: sample.name)
def test_what_only_looks_like_a_report_is_none(sample: Sample) -> None:
    assert read_report(parse_message(sample.raw)) is None


def test_a_bounce_is_of_those_it_failed_for() -> None:
    block = "Final-Recipient: rfc822; {}@far.example\nAction: {}\nStatus: {}\n\n"
    fields = block.format("kim", "delivered", "2.0.0") + block.format("lu", "delayed", "4.4.1")
    raw = dsn("failed", "5.1.1", "unknown").replace(b"Final-Recipient", fields.encode() + b"Final-Recipient", 1)
    found = read_report(parse_message(raw))
    assert found is not None
    assert (found.kind, [one.address for one in found.recipients]) == ("bounce", [WHO])


def test_each_recipient_gets_the_reason_told_for_it() -> None:
    text = f"<{WHO}>:\nuser unknown (#5.1.1)\n\n<kim@far.example>:\nmailbox full (#5.2.2)\n"
    found = read_report(parse_message(words("failure notice", text)))
    assert found is not None
    assert [(one.address, one.class_) for one in found.recipients] == [(WHO, "hard"), ("kim@far.example", "soft")]


TOKEN = "k3f7a2m5q6w4e7r2t5y6u3i4op"


@pytest.mark.parametrize("told", ["<bounces+{}@shop.example>", "bounces+{}@shop.example", "a@b.example, bounces+{}@c"])
def test_the_token_of_the_return_path_is_found(told: str) -> None:
    for token in (TOKEN, TOKEN.upper()):
        assert token_of(told.format(token)) == TOKEN


@pytest.mark.parametrize(
    "address",
    [
        "anna@shop.example",
        f"bounces+{TOKEN[:-1]}@shop.example",
        f"bounces+{TOKEN}x@shop.example",
        f"xbounces+{TOKEN}@shop.example",
        f"bounces-{TOKEN}@shop.example",
        f"bounces+{TOKEN}",
        f"bounces+{TOKEN[:-1]}_@shop.example",
        f"bounces+{TOKEN[:-1]}1@shop.example",
    ],
)
def test_no_other_address_has_a_token(address: str) -> None:
    assert token_of(address) == ""


def to_return_path(**headers: str) -> bytes:
    raw = words("Delivery failure", f"Could not be delivered: {WHO}: 550 no such user", "gate@far.example", **headers)
    return raw.replace(b"To: box@", f"To: bounces+{TOKEN}@".encode()).partition(b"--- Below")[0]


def test_a_report_to_the_return_path_needs_no_known_sender() -> None:
    found = read_report(parse_message(to_return_path()))
    assert found is not None
    assert (found.kind, [(one.address, one.class_) for one in found.recipients]) == ("bounce", [(WHO, "hard")])
    assert read_report(parse_message(to_return_path().replace(b"bounces+", b"box+"))) is None


def test_an_automatic_answer_to_the_return_path_is_no_report() -> None:
    assert read_report(parse_message(to_return_path(Auto_Submitted="auto-replied"))) is None


@given(st.sampled_from((*REPORTS, *LATER, *LAST, *OTHERS)), st.data())
def test_no_damaged_report_raises(sample: Sample, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sample.raw)))
    cut = data.draw(st.integers(0, 40))
    found = read_report(parse_message(sample.raw[:at] + data.draw(st.binary(max_size=20)) + sample.raw[at + cut :]))
    assert found is None or isinstance(found, Report)


@pytest.mark.parametrize(
    "unit",
    ["<style ", "<style></style", "<", "<a ", "-", "--original ", "received: x\n", "received: x\n y\n", "to: x\n",
     "@", "a@b.c ", "a@", "mailbox ", "address not ", "550 5.1.1 ", "message-id:", "\n", "\n ", "+2B", "\\x{41}",
     "deliver ", "user user "],
)  # fmt: skip
def test_the_time_to_read_a_report_grows_no_faster_than_it(unit: str) -> None:
    def cost(length: int, runs: int) -> float:
        body = (unit * (length // len(unit))).encode()
        head = b"From: mailer-daemon@x.example\nSubject: failure notice\nMIME-Version: 1.0\n"
        mails = [parse_message(head + b"Content-Type: text/%s\n\n" % kind + body) for kind in (b"plain", b"html")]
        part = b"Content-Type: multipart/report; boundary=B\n\n--B\nContent-Type: message/%s\n\n"
        mails += [
            parse_message(head + part % kind + body + b"\n--B--\n")
            for kind in (b"delivery-status", b"feedback-report", b"rfc822")
        ]
        return seconds(lambda: [read_report(mail) for mail in mails], runs)

    assert any(cost(60_000, runs) < 0.05 + 8 * cost(15_000, runs + 1) for runs in (1, 3))
