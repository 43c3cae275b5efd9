"""Where the newest part of a reply ends and quoted history begins."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.reply import newest_part

INTRODUCTIONS = [
    "On Mon, 3 Feb 2025 at 10:00, Ann Example <ann@shop.example> wrote:",
    "On Feb 3, 2025, at 10:00 AM, Ann Example <ann@shop.example> wrote:",
    "On Mon, Feb 3, 2025 at 10:00 AM Ann Example\n<ann@shop.example> wrote:",
    "On 2025-02-03 10:00, Ann Example wrote:",
    "Am 03.02.2025 um 10:00 schrieb Ann Example <ann@shop.example>:",
    "Am Mo., 3. Feb. 2025 um 10:00 Uhr schrieb Ann Example <\nann@shop.example>:",
    "Ann Example <ann@shop.example> schrieb am Mo., 3. Feb. 2025, 10:00:",
    "Le lun. 3 févr. 2025 à 10:00, Ann Example <ann@shop.example> a écrit :",
    "El lun, 3 feb 2025 a las 10:00, Ann Example (<ann@shop.example>) escribió:",
    "Em seg., 3 de fev. de 2025 às 10:00, Ann Example <ann@shop.example> escreveu:",
    "Il giorno lun 3 feb 2025 alle ore 10:00 Ann Example <ann@shop.example> ha scritto:",
    "Op ma 3 feb 2025 om 10:00 schreef Ann Example <ann@shop.example>:",
    "Den mån 3 feb. 2025 kl 10:00 skrev Ann Example <ann@shop.example>:",
    "ma 3. helmik. 2025 klo 10.00 Ann Example (ann@shop.example) kirjoitti:",
    "pon., 3 lut 2025 o 10:00 Ann Example <ann@shop.example> napisał(a):",
    "po 3. 2. 2025 v 10:00 odesílatel Ann Example <ann@shop.example> napsal:",
    "пн, 3 февр. 2025 г. в 10:00, Ann Example <ann@shop.example>:",
    "03.02.2025 10:00, Ann Example пишет:",
    "3 Şub 2025 Pzt 10:00 tarihinde Ann Example <ann@shop.example> şunu yazdı:",
    "2025年2月3日(月) 10:00 Ann Example <ann@shop.example>:",
    "在 2025年2月3日 10:00，Ann Example <ann@shop.example> 写道：",
    "2025년 2월 3일 (월) 오전 10:00, Ann Example <ann@shop.example>님이 작성:",
    "Vào Th 2, 3 thg 2, 2025 vào lúc 10:00 Ann Example <ann@shop.example> đã viết:",
    "-----Original Message-----\nFrom: Ann",
    "-----Ursprüngliche Nachricht-----\nVon: Ann",
    "-------- Message d'origine --------",
    "---------- Forwarded message ---------\nFrom: Ann",
    "________________________________\nFrom: Ann <ann@shop.example>\nSent: Monday\nTo: Bob\nSubject: Tea",
    "From: Ann <ann@shop.example>\nSent: Monday\nTo: Bob\nSubject: Tea",
    "Von: Ann <ann@shop.example>\nGesendet: Montag\nAn: Bob\nBetreff: Tee",
    "De : Ann <ann@shop.example>\nEnvoyé : lundi\nÀ : Bob\nObjet : Thé",
    "*From:* Ann <ann@shop.example>\n*Sent:* Monday\n*To:* Bob\n*Subject:* Tea",
    "发件人: Ann <ann@shop.example>\n发送时间: 2025年2月3日\n收件人: Bob\n主题: 茶",
    "> Shall we have tea?",
]


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_history_begins_at_its_introduction(introduction: str) -> None:
    new = "Yes, gladly.\n\nBob\n\n"
    quoted = (
        "" if introduction.startswith((">", "From", "*From", "_", "-", "V", "De", "发")) else "\n\n> Shall we have tea?"
    )
    assert newest_part(f"{new}{introduction}{quoted}\n") == len(new)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "Just a note.",
        "She wrote: come over.\nI did.",
        "From: here\nto there it is a long way.",
        "On Monday 3 Feb we meet.\nBring tea.",
        "The table:\nFrom: 10:00\nUntil: 11:00",
        "> Shall we have tea?\nYes.\n> And cake?\nNo.",
        "---------- Forwarded message ---------\nFrom: Ann\nSubject: Tea\n\nShall we?",
    ],
)
def test_a_text_without_history_below_is_new_throughout(text: str) -> None:
    assert newest_part(text) == len(text)


def test_an_answer_between_quotes_is_not_cut_away() -> None:
    text = "Hi,\n> Shall we have tea?\nYes.\n> And cake?\n"
    assert "Yes." in text[: newest_part(text)]


def test_a_signature_below_the_quote_is_history_too() -> None:
    text = "Yes.\n\n> Shall we have tea?\n\n--\nBob"
    assert newest_part(text) == len("Yes.\n\n")


@given(st.text(alphabet="ab>:-_ \n\r\t@<1.On wroteFrm：写道", max_size=400))
def test_the_offset_lies_within_the_text_at_the_start_of_a_line(text: str) -> None:
    at = newest_part(text)
    assert 0 <= at <= len(text)
    assert at in (0, len(text)) or text[at - 1] == "\n"


@pytest.mark.parametrize(
    "piece", [">\n", "-", "_", "wrote: ", "On 1 ", "From: a\n", "a:\n", "> a\nb\n", "x" * 999 + "\n", "- " * 40]
)
def test_long_texts_take_linear_time(piece: str) -> None:
    start = time.process_time()
    newest_part("a\n" + piece * (600_000 // len(piece)))
    assert time.process_time() - start < 3
