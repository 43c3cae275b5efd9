"""Places in an email that are filled on its way, in every encoding, and where none may be."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import InvalidRequest
from letterlock.message.address import parse_address
from letterlock.message.compose import Draft, File, Filling, compose
from letterlock.message.filling import can_be_written, check_rest, filled, fillings_of, named
from letterlock.message.markdown import html_of

ID, OTHER = "sec_" + "0" * 26, "sec_" + "1" * 26
PLACE, OTHER_PLACE = f"{{{{secret:{ID}}}}}", f"{{{{secret:{OTHER}}}}}"


def draft(text: str, html: str = "", *ids: str, files: tuple[File, ...] = ()) -> Draft:
    return Draft(
        sender=parse_address("box@letterlock.localhost"),
        to=(parse_address("carol@far.example"),),
        subject="Hi",
        text=text,
        html=html,
        message_id="<m@letterlock.localhost>",
        date=datetime(2026, 1, 1, tzinfo=UTC),
        files=files,
        fillings=tuple(Filling(one, "ab" * 16) for one in ids or (ID,)),
    )


def read(raw: bytes) -> tuple[str, str, EmailMessage]:
    parsed = cast(EmailMessage, email.message_from_bytes(raw, policy=email.policy.SMTP))
    plain, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    return plain.get_content() if plain else "", html.get_content() if html else "", parsed


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (f"Hello\n\n  {PLACE}\nend", "7bit"),
        (f"Grüße, und noch viel mehr Wörter in einer langen Zeile davor: {PLACE} Ende " * 3, "quoted-printable"),
        (f"{PLACE} ends its line \n.and this begins with a dot\nFrom here", "quoted-printable"),
        (f"パスワードは次の通りです。取り扱いにはご注意ください。\n{PLACE} \n以上です。", "base64"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["Korbleger!4711x", "=3D&<b>'{{secret:x}}", "ß€パ", "a\nb \n.\nFrom c", "x" * 3_000])
def test_a_value_stands_where_its_place_was_whatever_the_encoding(text: str, encoding: str, value: str) -> None:
    frozen = compose(draft(text))
    assert f"Content-Transfer-Encoding: {encoding}\r\n".encode() in frozen
    assert fillings_of(frozen) == (Filling(ID, "ab" * 16),)
    raw = filled(frozen, {ID: value})
    plain, _, parsed = read(raw)
    assert plain.replace("\r\n", "\n").rstrip("\n") == text.replace(PLACE, value).rstrip("\n")
    assert "X-Letterlock-Secrets" not in parsed and b"Letterlock" not in raw
    assert raw.isascii() and max(map(len, raw.split(b"\r\n"))) <= 998
    assert fillings_of(raw) == ()


def test_html_gets_the_value_as_words_and_files_are_left_alone() -> None:
    html = html_of(f"The password is **{PLACE}**, and {OTHER_PLACE} too.")
    text = f"The password is {PLACE} , and {OTHER_PLACE} too."
    picture = File("logo.png", "image/png", b"\x89PNG\r\n" + bytes(90), content_id="logo.png")
    message = File("ü.eml", "message/rfc822", f"A: b\r\n\r\n{PLACE}\r\n".encode())
    attached = (File("note.txt", "", f"see {PLACE}".encode()), message)
    whole = draft(text, f'{html}<img src="cid:logo.png">', ID, OTHER, files=(picture, *attached))
    frozen = compose(whole)
    assert frozen == compose(whole)
    raw = filled(frozen, {ID: '<a href="x">&\nsecond', OTHER: "two"})
    plain, shown, parsed = read(raw)
    assert 'is <a href="x">&\r\nsecond , and two too.' in plain
    assert "&lt;a href=&quot;x&quot;&gt;&amp;<br>" in shown and "two too" in shown and PLACE not in shown
    before = [part.get_payload(decode=True) for part in read(frozen)[2].walk() if part.get_filename()]
    assert [part.get_payload(decode=True) for part in parsed.walk() if part.get_filename()] == before
    assert frozen.partition(b"\r\n\r\n")[0].splitlines()[0] == raw.splitlines()[0]


def test_many_names_are_folded_and_read_back_and_one_named_nowhere_is_an_error() -> None:
    ids = [f"sec_{n:026}" for n in range(10)]
    frozen = compose(draft(" ".join(f"{{{{secret:{one}}}}}" for one in ids), "", *ids))
    assert max(map(len, frozen.split(b"\r\n"))) <= 998
    assert [one.secret_id for one in fillings_of(frozen)] == ids
    with pytest.raises(ValueError, match="nowhere"):
        filled(compose(draft("No place")), {ID: "x"})
    assert fillings_of(compose(replace(draft("x"), fillings=()))) == ()


@pytest.mark.parametrize(
    "text",
    [
        f"https://evil.example/?t={PLACE}",
        f"evil.example/{PLACE}",
        f"{PLACE}.evil.example",
        f"{PLACE}@evil.example",
        f"ftp:{PLACE}/x",
        f"bob@{PLACE}",
        f"mailto:a@b.example?body={PLACE}",
        f"a{PLACE}",
        f"{PLACE}b",
        f"{PLACE}{OTHER_PLACE}",
        "{{secret:}}",
        "{{secret:sec_...}}",
        "{{ secret:sec_1 }}",
        "{{Secret:sec_1}}",
        "{{secret:sec_1}",
        f"{{{{sec\u200bret:{ID}}}}}",
        f"\uff5b\uff5bsecret:{ID}}}}}",
        f"https://a.example/%7B%257Bsecret:{ID}%7D%7D",
        f"{PLACE} and {{{{se\u034fcret\uff1a{ID}}}}}",
        f"{PLACE} " * 11,
    ],
)
def test_a_place_that_is_no_word_of_its_own_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        named(text)
    with pytest.raises(InvalidRequest):
        named("", f"<p>{text}</p>")


@pytest.mark.parametrize(
    "html",
    [
        f'<a href="https://evil.example/?{PLACE}">x</a>',
        f"<a href='https://evil.example/'>{PLACE}</a>",
        f"<a href='https://evil.example/'><b>{PLACE}</b></a>",
        f'<p title="{PLACE}">x</p>',
        f"<!-- {PLACE} --><p>x</p>",
        f"<style>{PLACE}</style>",
        f"<title>{PLACE}</title>",
        f"<p>https://evil.example/?<b>{PLACE}</b></p>",
        f"<p>{PLACE} &#123;&#123;secret:{ID}}}}}</p>",
        *(
            f"<p>It is {name} now</p>"
            for name in (
                f"&#123;{{secret:{ID}}}}}",
                f"&lbrace;&lbrace;secret:{ID}&rbrace;&rbrace;",
                f"{{<!-- -->{{secret:{ID}}}}}",
                f"{{{{secret&colon;{ID}}}}}",
                f"{{{{secret:&#115;{ID[1:]}}}}}",
                f"{{{{sec&shy;ret:{ID}}}}}",
                f"{{{{sec<wbr>ret:{ID}}}}}",
                f"{{{{sec&zwnj;ret:{ID}}}}}",
                f"{{<b>{{sec</b>ret:{ID}}}}}",
                f"<a href='https://a.example/'>{{</a>{{secret:{ID}}}}}",
                f'<span style="display:none">{PLACE}</span>',
                f'<span style="font-size:0">{PLACE}</span>',
                f'<span style="color:#fff">{PLACE}</span>',
            )
        ),
        f"<style>.x {{display: none}}</style><p>Hi</p><p class=x>{PLACE}</p>",
        html_of(f"*{{*{{secret:{ID}}}}}"),
        html_of(f"[x](https://a.example/{PLACE})"),
    ],
)
def test_html_names_secrets_in_shown_words_only(html: str) -> None:
    with pytest.raises(InvalidRequest):
        named("", html)


def test_places_in_ordinary_sentences_are_understood_each_once() -> None:
    text = f'Password: {PLACE}, user ({OTHER_PLACE}).\n`{PLACE}`\nkey={PLACE}; "{OTHER_PLACE}"'
    assert named(text) == (ID, OTHER)
    assert named(text, html_of(text)) == (ID, OTHER)
    assert named("{{name}}, the secret: {{ nothing }}") == ()
    sheet = "<style>td {color: #222}</style><table><tr><td>Password:</td><td><b>%s</b></td></tr></table>"
    assert named(text, sheet % PLACE) == (ID, OTHER)
    assert named("{{name}} 100%7", sheet % "secret: {name} &#123; %7B") == ()


def test_what_is_quoted_beside_the_own_words_may_not_name_the_same() -> None:
    check_rest(draft(f"{PLACE}\n> {OTHER_PLACE}"), PLACE, "")
    with pytest.raises(InvalidRequest):
        check_rest(draft(f"{PLACE}\n> {PLACE}"), PLACE, "")


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(min_size=1, max_size=40))
def test_any_words_around_any_value_come_out_as_they_went_in(before: str, after: str, value: str) -> None:
    said = f"{before} {PLACE} {after}".replace("\0", "")
    if not (can_be_written(value) and can_be_written(said.replace("\n", ""))):
        return
    plain, _, _ = read(filled(compose(draft(said)), {ID: value}))
    assert plain.split() == said.replace(PLACE, value).split()
