"""Composing: what is written reads back equal, nothing can be smuggled into a header, answers are threaded."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import InvalidRequest
from letterlock.message.address import Address, parse_address
from letterlock.message.compose import (
    Draft,
    File,
    compose,
    content_type_of,
    forward_subject,
    is_seen,
    reply_headers,
)
from letterlock.message.decode import clean_filename
from letterlock.message.parse import Mailbox, attachment_bytes, parse_message

ADA = parse_address("ada@example.com")
BOB = parse_address("bob@example.net")
DRAFT = Draft(
    sender=ADA,
    to=(BOB,),
    subject="Lunch",
    text="Twelve?\n",
    message_id="<m1@example.com>",
    date=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
)


def with_(**changes: object) -> Draft:
    return dataclasses.replace(DRAFT, **changes)  # type: ignore[arg-type]


def header_names(raw: bytes) -> list[str]:
    head = raw.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ")
    return [line.partition(b":")[0].decode() for line in head.split(b"\r\n")]


def test_a_plain_draft_becomes_exactly_these_bytes() -> None:
    assert compose(DRAFT) == (
        b"From: ada@example.com\r\n"
        b"To: bob@example.net\r\n"
        b"Subject: Lunch\r\n"
        b"Date: Fri, 20 Nov 2026 09:30:00 +0000\r\n"
        b"Message-ID: <m1@example.com>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Twelve?\r\n"
    )


def test_html_makes_an_alternative_with_the_plain_text_first() -> None:
    read = parse_message(compose(with_(html="<p>Twelve?</p>")))
    assert read.header("content-type").startswith("multipart/alternative")
    assert (read.plain, read.html) == (("Twelve?\n",), ("<p>Twelve?</p>\n",))


def test_html_without_text_gets_the_text_a_person_would_see() -> None:
    html = '<p style="color:#333">Twelve?</p><p>See <a href="https://example.com/menu">the menu</a>.</p>'
    read = parse_message(compose(with_(text=" ", html=html)))
    assert read.plain == ("Twelve?\n\nSee the menu <https://example.com/menu>.\n",)
    assert read.html == (html + "\n",)


def test_bcc_is_in_the_recipients_and_nowhere_in_the_bytes() -> None:
    eve = parse_address("eve@example.org")
    draft = with_(bcc=(eve,))
    assert draft.recipients == (BOB, eve)
    assert b"eve" not in compose(draft)
    assert "bcc" not in [name.lower() for name in header_names(compose(draft))]


def test_recipients_named_twice_are_sent_to_once_as_first_written() -> None:
    draft = with_(to=(BOB, ADA), cc=(parse_address("BOB@example.net"),), bcc=(ADA,))
    assert draft.recipients == (BOB, ADA)


def test_bcc_alone_shows_an_empty_group() -> None:
    raw = compose(with_(to=(), bcc=(BOB,)))
    assert b"\r\nTo: undisclosed-recipients:;\r\n" in raw
    assert parse_message(raw).to == ()


def test_the_same_draft_always_gives_the_same_bytes() -> None:
    draft = with_(html="<b>x</b>")
    assert compose(draft) == compose(with_(html="<b>x</b>"))
    assert compose(draft) != compose(with_(html="<b>y</b>"))


def test_a_body_cannot_hold_the_boundary() -> None:
    first = compose(with_(html="<b>x</b>"))
    boundary = parse_message(first).header("content-type").partition('"')[2].rstrip('"')
    text = f"--{boundary}\nContent-Type: text/html\n\n<p>smuggled</p>\n--{boundary}--\n"
    read = parse_message(compose(with_(text=text, html="<b>x</b>")))
    assert read.plain == (text,)
    assert read.html == ("<b>x</b>\n",)


@pytest.mark.parametrize("bad", ["\r", "\n", "\r\n", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\ud800", "\t"])
@pytest.mark.parametrize("place", ["subject", "sender_name", "message_id", "in_reply_to", "references", "sender", "to"])
def test_a_control_character_in_any_header_value_is_refused(place: str, bad: str) -> None:
    value: object = f"<a{bad}Bcc: eve@example.org>"
    if place == "references":
        value = (value,)
    if place == "sender":
        value = Address(f"ada{bad}x", "example.com")
    if place == "to":
        value = (Address("bob", f"example.net{bad}Bcc: eve@example.org"),)
    with pytest.raises(InvalidRequest) as caught:
        compose(with_(**{place: value}))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("message_id", ["", "m1@example.com", "<m1@example.com", "<a b@c>", "<a><b>", "<>", "<é@c>"])
def test_a_malformed_message_id_is_refused(message_id: str) -> None:
    with pytest.raises(InvalidRequest):
        compose(with_(message_id=message_id))


@pytest.mark.parametrize("nothing", ["\u200b", " \u200b\u2060 ", "\ufeff", "\u00ad\u3000"])
def test_a_subject_that_nobody_sees_is_refused(nothing: str) -> None:
    with pytest.raises(InvalidRequest, match="nothing that can be seen"):
        compose(with_(subject=nothing))


@pytest.mark.parametrize("newer", ["\U00012544", "\U000e0fff", "\ue000", "漢"])
def test_a_character_that_only_newer_readers_know_may_be_a_subject(newer: str) -> None:
    assert parse_message(compose(with_(subject=newer))).subject == newer


@pytest.mark.parametrize("changes", [{"text": "a\0b"}, {"html": "a\0b"}, {"text": "\udc80"}, {"to": ()}])
def test_what_cannot_be_sent_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        compose(with_(**changes))


def test_addresses_beyond_ascii_are_written_raw() -> None:
    raw = compose(with_(to=(parse_address("grüße@bücher.example"),)))
    assert "To: grüße@bücher.example\r\n".encode() in raw
    assert parse_message(raw).to == (Mailbox("", "grüße@bücher.example"),)


@pytest.mark.parametrize(
    "text", ["=?utf-8?q?x?=@example.com", '"=?utf-8?q?x?="@example.com', '"a =?utf-8?q?x?= b"@x.example']
)
def test_an_address_that_looks_like_an_encoded_word_is_left_alone(text: str) -> None:
    address = parse_address(text)
    read = parse_message(compose(with_(sender=address, to=(address, BOB), sender_name="Ada")))
    assert read.from_ == (Mailbox("Ada", text),)
    assert read.to == (Mailbox("", text), Mailbox("", str(BOB)))


def test_names_and_subjects_beyond_ascii_leave_the_header_in_ascii() -> None:
    raw = compose(with_(sender_name="Ада Лавлейс", subject="会議の件 — 明日"))
    assert raw.partition(b"\r\n\r\n")[0].isascii()
    assert parse_message(raw).from_ == (Mailbox("Ада Лавлейс", "ada@example.com"),)


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Lovelace, Ada",
        'Ada "the first" L.',
        "a\\b",
        "<eve@example.org>",
        "=?utf-8?q?x?=",
        "Ада",
        "x" * 300,
        "a@b.c",
    ],
)
def test_a_display_name_reads_back_as_it_was(name: str) -> None:
    assert parse_message(compose(with_(sender_name=name))).from_ == (Mailbox(name, "ada@example.com"),)


@pytest.mark.parametrize(
    "text",
    [
        "From here on\nFrom there\n",
        ".\n..\n.x\n",
        "trailing blank \nand tab\t\n",
        "x" * 5000 + "\n",
        "é" * 5000 + "\n",
        "漢字" * 2000 + "\n",
        "=3D =\n==\n",
        "\n\n\n",
        "a\x0bb\x0cc\x1bd\n",
        "--\nsignature\n",
    ],
)
def test_a_body_reads_back_as_it_was_and_its_lines_are_short(text: str) -> None:
    raw = compose(with_(text=text))
    assert parse_message(raw).plain == (text,)
    assert max(map(len, raw.split(b"\r\n"))) <= 160
    assert not any(line.startswith(b"From ") for line in raw.split(b"\r\n"))


_NOT_CONTROL = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
_LINE = st.text(st.one_of(_NOT_CONTROL, st.sampled_from(' ,"<>@()\\=?_:;.ü漢'))).map(
    lambda text: " ".join(text.split())
)
_BODY = st.text(
    st.one_of(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), st.sampled_from("\r\n =.F"))
)
_LOCAL = st.text(st.sampled_from("abcXYZ019!#$%&'*+-/=?^_`{|}~ü用"), min_size=1, max_size=20)
_QUOTED = st.text(st.sampled_from("ab @,;<>()[].="), min_size=1, max_size=20).map(lambda text: f'"{text}"')
_DOMAIN = st.sampled_from(["example.com", "bücher.example", "sub.mail.example.org", "localhost"])
_ADDRESS = st.builds("{}@{}".format, st.one_of(_LOCAL, _QUOTED), _DOMAIN).map(parse_address)
_ADDRESSES = st.lists(_ADDRESS, max_size=12).map(tuple)
_ID = st.from_regex(r"\A<[!-;=?-~]{1,60}@[a-z.]{1,20}>\Z")


@settings(deadline=None)
@given(
    st.builds(
        Draft,
        sender=_ADDRESS,
        to=st.lists(_ADDRESS, min_size=1, max_size=5).map(tuple),
        subject=_LINE.filter(lambda text: not text or is_seen(text)),
        text=_BODY,
        message_id=_ID,
        date=st.datetimes(datetime(1980, 1, 1), datetime(2150, 1, 1)).map(
            lambda date: date.replace(microsecond=0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
        ),
        sender_name=_LINE,
        html=_BODY.filter(lambda html: "<" not in html),
        cc=_ADDRESSES,
        bcc=_ADDRESSES,
        in_reply_to=st.one_of(st.just(""), _ID),
        references=st.lists(_ID, max_size=30, unique=True).map(tuple),
    )
)
def test_what_is_composed_reads_back_equal(draft: Draft) -> None:
    raw = compose(draft)
    read = parse_message(raw)

    def lines(text: str) -> str:
        text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
        return text if text.endswith("\n") else text + "\n"

    sender = str(draft.sender)
    assert read.subject == draft.subject
    assert read.from_ == (Mailbox("" if draft.sender_name == sender else draft.sender_name, sender),)
    assert [box.address for box in read.to] == [str(address) for address in draft.to]
    assert [box.address for box in read.cc] == [str(address) for address in draft.cc]
    assert read.date == draft.date
    assert read.message_id == draft.message_id
    assert read.in_reply_to == ((draft.in_reply_to,) if draft.in_reply_to else ())
    assert read.references == tuple(dict.fromkeys((*draft.references, *read.in_reply_to)))
    if draft.text.strip() or not draft.html:
        assert read.plain == (lines(draft.text),)
    assert read.html == ((lines(draft.html),) if draft.html else ())
    assert read.attachments == ()
    addresses = " ".join(map(str, (draft.sender, *draft.to, *draft.cc)))
    assert read.repairs == () or "=?" in addresses
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert header_names(raw)[:2] == ["From", "To"]


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("Lunch", "Re: Lunch"),
        ("Re: Lunch", "Re: Lunch"),
        ("RE: re:Re : Lunch", "Re: Lunch"),
        ("AW: SV: Antw: Odp: Lunch", "Re: Lunch"),
        ("Re[2]: Lunch", "Re: Lunch"),
        ("RE(14): Re^3: Re*2: Lunch", "Re: Lunch"),
        ("回复：Re: 午饭", "Re: 午饭"),
        ("답장: 점심", "Re: 점심"),
        ("Trả lời: cơm", "Re: cơm"),
        *((f"{mark}: Lunch", "Re: Lunch") for mark in ("RÉ", "RÉF", "HA", "Odg", "Přeposlat", "TRS", "Balas", "ตอบ")),
        *(
            (f"{mark}: Lunch", "Re: Lunch")
            for mark in ("उत्तर", "İLT", "Edasi", "Pārs", "Vá", "ΑΠ", "ΠΡΘ", "YNT", "轉送")
        ),
        ("Rebate: Lunch", "Re: Rebate: Lunch"),
        ("Fwd: Re: Lunch", "Re: Lunch"),
        ("Reminder: Lunch", "Re: Reminder: Lunch"),
        ("Note: re: Lunch", "Re: Note: re: Lunch"),
        ("", "Re:"),
        ("Re:", "Re:"),
        ("12:30 lunch", "Re: 12:30 lunch"),
    ],
)
def test_an_answer_has_one_mark_before_its_subject(subject: str, answer: str) -> None:
    assert reply_headers(subject, "<a@b>", ()).subject == answer


def test_an_answer_names_what_it_answers_and_keeps_the_chain() -> None:
    headers = reply_headers("x", "<c@x>", ("<a@x>", "<b@x>", "<c@x>"))
    assert (headers.in_reply_to, headers.references) == ("<c@x>", ("<a@x>", "<b@x>"))


def test_a_long_chain_keeps_its_first_and_last_twenty() -> None:
    chain = tuple(f"<{n}@x>" for n in range(100))
    assert reply_headers("x", "<c@x>", chain).references == (*chain[:20], *chain[-20:])


def test_ids_that_cannot_be_written_again_are_left_out_of_an_answer() -> None:
    headers = reply_headers("a\x1bb\u2028c", "<a b@x>", ("<\xe9@x>", "<" + "a" * 2000 + ">", "<ok@x>"))
    assert headers.subject == "Re: abc"
    assert (headers.in_reply_to, headers.references) == ("", ("<ok@x>",))
    compose(with_(subject=headers.subject, in_reply_to=headers.in_reply_to, references=headers.references))


# Files


@pytest.mark.parametrize(
    "name",
    ["report.pdf", "Grüße aus Köln.txt", "請求書.pdf", "a" * 60 + ".zip", "it's.txt", "x,y;z.csv"],
)
def test_a_file_comes_back_with_its_name_type_and_bytes(name: str) -> None:
    data = bytes(range(256)) * 40
    raw = compose(
        with_(html="<p>Hi</p>", files=(File(name, "application/pdf", data), File("b.txt", "text/plain", b"x")))
    )
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    parsed = parse_message(raw)
    assert [(a.filename, a.content_type, a.size) for a in parsed.attachments] == [
        (name, "application/pdf", len(data)),
        ("b.txt", "text/plain", 1),
    ]
    assert attachment_bytes(raw, 0)[1] == data
    read = message_from_bytes(raw, policy=SMTP)
    (first, _) = list(read.iter_attachments())
    assert (first.get_filename(), first.get_content()) == (name, data)
    assert read.get_body(("plain",)) is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a/b",
        "..",
        "a\\b",
        "c:x",
        "a\nb",
        "a\x00b",
        "nul",
        "CON.txt",
        "x\u202egnp.exe",
        "x" * 181,
        " a",
        "a.",
        "a|b",
    ],
)
def test_names_that_could_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="name of an attachment"):
        compose(with_(files=(File(name, "text/plain", b"x"),)))


@pytest.mark.parametrize("kind", ["text", "a/b; x=y", "multipart/mixed", "message/partial", "text/plain\r\nX: y"])
def test_a_file_needs_a_plain_content_type(kind: str) -> None:
    with pytest.raises(InvalidRequest, match="content type"):
        compose(with_(files=(File("a", kind, b"x"),)))


@pytest.mark.parametrize(
    "subject",
    ["Hello", "Fwd: Hello", "WG: AW: Hello", "Fw: RE: Hello", "转发: Hello", "TR : Hello"],
)
def test_a_forward_has_one_mark(subject: str) -> None:
    assert forward_subject(subject) == "Fwd: Hello"


# What HTML shows, messages as files, sizes, whole drafts

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)


def structure(raw: bytes) -> list[str]:
    return [part.get_content_type() for part in message_from_bytes(raw, policy=SMTP).walk()]


def test_parts_are_nested_as_clients_expect() -> None:
    files = (File("logo.png", "", PNG, content_id="logo"), File("plan.pdf", "", b"%PDF"))
    raw = compose(with_(html='<p>Hi</p><img src="cid:logo" alt="">', files=files))
    assert structure(raw) == [
        *("multipart/mixed", "multipart/alternative", "text/plain"),
        *("multipart/related", "text/html", "image/png", "application/pdf"),
    ]
    logo, plan = parse_message(raw).attachments
    assert (logo.filename, logo.inline, logo.content_id) == ("logo.png", True, "logo")
    assert (plan.filename, plan.inline, plan.content_type) == ("plan.pdf", False, "application/pdf")


@pytest.mark.parametrize(
    ("html", "files", "said"),
    [
        ('<img src="cid:a">', (), "no file has this content id"),
        ("<p>x</p>", (File("a.png", "", PNG, content_id="a"),), "does not show the picture"),
        ("", (File("a.png", "", PNG, content_id="a"),), "does not show the picture"),
        ('<img src="cid:a">', (File("a.png", "", PNG, content_id="a"),) * 2, "Two files"),
        ('<img src="cid:a">', (File("a.svg", "", b"<svg/>", content_id="a"),), "cannot be shown"),
        ('<img src="cid:a">', (File("a.txt", "", b"x", content_id="a"),), "cannot be shown"),
        ("", (File("a.png", "", PNG, content_id="a\r\nX: y"),), "no content id"),
        ("", (File("a.txt", "text/plain", b"x", charset="utf-8\r\nX: y"),), "no charset"),
        ("<script>x</script>", (), "<script>"),
    ],
)
def test_pictures_and_html_that_do_not_fit_are_refused(html: str, files: tuple[File, ...], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        compose(with_(html=html, files=files))


def test_a_name_is_written_for_old_and_new_clients() -> None:
    raw = compose(with_(files=(File("Grüße.txt", "", "Grüße".encode()),)))
    assert b'name="=?utf-8?b?R3LDvMOfZS50eHQ=?="' in raw
    assert b"filename*=utf-8''Gr%C3%BC%C3%9Fe.txt;\r\n filename=\"Gru_e.txt\"\r\n" in raw


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("a.pdf", "application/pdf"), ("a.tar.gz", "application/gzip"), ("a", "application/octet-stream")),
        *(("a.mht", "application/octet-stream"), ("a.EML", "message/rfc822"), ("a.csv", "text/csv")),
    ],
)
def test_the_type_follows_the_name(name: str, kind: str) -> None:
    assert content_type_of(name) == kind


@pytest.mark.parametrize(
    ("data", "given", "written"),
    [
        ("Größe".encode(), "", "utf-8"),
        ("Größe".encode("latin-1"), "iso-8859-1", "iso-8859-1"),
        ("Größe".encode("latin-1"), "", ""),
        ("日本".encode("iso-2022-jp"), "", ""),
    ],
)
def test_a_text_keeps_its_charset_and_none_is_guessed(data: bytes, given: str, written: str) -> None:
    read = parse_message(compose(with_(files=(File("a.txt", "", data, charset=given),))))
    assert read.contents == ((written, data),)


def test_a_message_is_attached_as_the_message_it_is() -> None:
    message = b"From: a@b.example\r\nSubject: x\r\n\r\nHi\r\n"
    raw = compose(with_(files=(File("a.eml", "message/rfc822", message),)))
    assert message in raw
    assert parse_message(raw).contents == (("", message),)
    (attached,) = message_from_bytes(raw, policy=SMTP).iter_attachments()
    assert attached.get_content()["subject"] == "x"


@pytest.mark.parametrize(
    "message",
    [
        *(b"a: b\n\nx\n", b"a: b\r\n\r\nx\0\r\n", b"a: b\r\n\r\n" + b"x" * 999 + b"\r\n", b""),
        "Subject: x\r\n\r\nGrüße\r\n".encode(),
    ],
)
def test_a_message_that_not_every_server_takes_as_it_is_goes_as_bytes(message: bytes) -> None:
    raw = compose(with_(files=(File("a.eml", "message/rfc822", message),)))
    assert raw.isascii()
    read = parse_message(raw)
    assert [(one.content_type, one.size) for one in read.attachments] == [("application/octet-stream", len(message))]
    assert read.contents == (("", message),)


@pytest.mark.parametrize("kind", ["auto-replied", "auto-generated"])
def test_what_no_one_chose_to_send_says_so(kind: str) -> None:
    assert parse_message(compose(with_(automatic=kind))).header("Auto-Submitted") == kind
    assert b"Auto-Submitted" not in compose(DRAFT)
    with pytest.raises(InvalidRequest, match="Auto-Submitted"):
        compose(with_(automatic=f"{kind}\r\nX: y"))


_FILES = st.lists(
    st.builds(
        File,
        filename=_LINE.filter(lambda name: clean_filename(name) == name != ""),
        content_type=st.sampled_from(["", "application/pdf", "text/plain", "message/rfc822"]),
        data=st.binary(max_size=300),
    ),
    max_size=4,
).map(tuple)


@settings(deadline=None)
@given(_FILES, st.sampled_from(["", "<p>漢字</p>"]), _BODY)
def test_files_read_back_equal(files: tuple[File, ...], html: str, text: str) -> None:
    draft = with_(files=files, html=html, text=text)
    raw = compose(draft)
    read = parse_message(raw)
    assert [one.filename for one in read.attachments] == [file.filename for file in files]
    assert [data for _, data in read.contents] == [file.data for file in files]


_TEXT = st.text(max_size=30)


@given(_TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT)
def test_as_many_fields_come_out_as_went_in(
    subject: str, name: str, answered: str, filename: str, charset: str, content_id: str
) -> None:
    file = File(filename, "text/plain", b"x", charset, content_id)
    draft = with_(subject=subject, sender_name=name, in_reply_to=answered, references=(answered,), files=(file,))
    expected = ["From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version"]
    try:
        raw = compose(draft)
    except InvalidRequest as error:
        assert str(error).isprintable()
        return
    assert header_names(raw) == [*(n for n in expected if answered or n[0] not in "IR"), "Content-Type"]
    (attached,) = message_from_bytes(raw, policy=SMTP).iter_attachments()
    assert attached.keys() == ["Content-Type", "Content-Disposition", "Content-Transfer-Encoding"]


@pytest.mark.parametrize(
    ("subject", "name", "filename"),
    [
        ("Grüße aus Köln: Übergabe am Freitag", "Jürgen Weiß", "Übergabe.pdf"),
        ("会議の件について、明日の午後三時からお願いいたします", "山田 太郎", "請求書.pdf"),
        ("تأكيد موعد الاجتماع يوم الأحد القادم", "ليلى حسن", "عقد.pdf"),
    ],
)
def test_mail_in_any_script_reads_back_equal_by_two_readers(subject: str, name: str, filename: str) -> None:
    raw = compose(with_(subject=subject, sender_name=name, text=subject, files=(File(filename, "", b"%PDF"),)))
    ours, theirs = parse_message(raw), message_from_bytes(raw, policy=SMTP)
    assert (ours.subject, ours.from_, ours.plain) == (subject, (Mailbox(name, "ada@example.com"),), (subject + "\n",))
    assert [one.filename for one in ours.attachments] == [filename]
    assert (theirs["subject"], theirs["from"].addresses[0].display_name) == (subject, name)
    body = theirs.get_body(("plain",))
    assert body is not None
    assert body.get_content() == subject + "\r\n"
    assert [one.get_filename() for one in theirs.iter_attachments()] == [filename]
    assert raw.isascii()


@pytest.mark.parametrize(
    "subject",
    [
        *("RES: Lunch", "Odp: Lunch", "答复: Lunch", "回复：Lunch", "Re[2]: Lunch", "Re : Lunch", "RV: Re: Lunch"),
        *("\u200fRe: Lunch", "TR: Lunch", "Odpove\u030cd\u030c: Lunch", "转发: WG: AW: Lunch"),
    ],
)
def test_marks_of_any_language_make_way_for_one(subject: str) -> None:
    assert reply_headers(subject, "<a@b>", ()).subject == "Re: Lunch"
    assert forward_subject(subject) == "Fwd: Lunch"


def test_a_subject_made_here_has_at_most_255_characters() -> None:
    assert len(forward_subject("x" * 300)) == 255
    assert reply_headers("Re:" * 50_000 + "x", "", ()).subject.startswith("Re: ")


def test_without_references_the_one_id_it_answered_starts_the_chain() -> None:
    assert reply_headers("x", "<b@x>", (), ("<a@x>",)).references == ("<a@x>",)
    assert reply_headers("x", "<b@x>", (), ("<a@x>", "<c@x>")).references == ()
