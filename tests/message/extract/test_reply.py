"""Where the newest part of a reply ends and quoted history begins."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.reply import ReplyClass, newest_part, reply_class
from letterlock.message.parse import ParsedMessage

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


# What a reply amounts to

SAID = {
    "interested": [
        "Sounds good, let's talk next week.",
        "Yes, please send me the details.",
        "I'm interested. How much does it cost?",
        "We would love to learn more about it.",
        "Ja, gerne. Schicken Sie mir mehr Unterlagen.",
        "Wir sind sehr interessiert und hätten Interesse an einem Termin.",
        "Oui, avec plaisir, envoyez-moi le tarif.",
        "Je suis intéressée par votre offre.",
        "Me interesa mucho, cuénteme más.",
        "Sí, por favor, mándeme el presupuesto.",
        "Tenho interesse, gostaria de saber mais.",
        "Sono interessato, mi mandi maggiori informazioni.",
        "Ja, graag! Klinkt interessant.",
        "Jestem zainteresowany, proszę o szczegóły.",
        "Да, давайте. Расскажите подробнее.",
        "興味があります。詳しく教えてください。",
        "很感兴趣,请发资料。",
    ],
    "not_interested": [
        "Thanks, but we're not interested.",
        "No, thank you.",
        "We have decided against it for this year.",
        "We already have a provider for that.",
        "Not at this time, sorry.",
        "Kein Interesse, danke.",
        "Nein danke, wir haben uns anderweitig entschieden.",
        "Merci, je ne suis pas intéressé.",
        "Non merci.",
        "No, gracias. No nos hace falta.",
        "Não, obrigado. Não temos interesse.",
        "No grazie, non siamo interessati.",
        "Nee, bedankt. Geen interesse.",
        "Nie, dziękuję. Nie jestem zainteresowany.",
        "Нет, спасибо, не интересует.",
        "興味がありません。",
        "不需要,谢谢。",
    ],
    "unsubscribe_request": [
        "unsubscribe",
        "STOP",
        "Please take me off your list.",
        "Remove me from this list at once!",
        "Don't contact me again. I'm interested in when you will stop sending me this.",
        "Bitte tragen Sie mich aus Ihrem Verteiler aus.",
        "Löschen Sie meine Daten.",
        "Désabonnez-moi, merci.",
        "No me escriban más.",
        "Quiero darme de baja.",
        "Não me envie mais e-mails.",
        "Cancellatemi dalla lista.",
        "Schrijf mij uit.",
        "Proszę o wypisanie mnie z listy.",
        "Отпишите меня от рассылки.",
        "配信停止をお願いします。",
        "请取消订阅。",
    ],
    "wrong_person": [
        "You have the wrong person.",
        "I'm not the right contact for this; try sales.",
        "Anna has left the company.",
        "I no longer work there.",
        "Dafür bin ich nicht zuständig.",
        "Herr Maier arbeitet nicht mehr hier.",
        "Vous vous êtes trompé de destinataire.",
        "Se ha equivocado de persona, no soy la persona indicada.",
        "Não sou a pessoa certa.",
        "Non lavora più qui.",
        "U hebt de verkeerde persoon.",
        "To zły adres.",
        "Вы ошиблись адресом.",
        "私は担当ではありません。",
        "您找错人了。",
    ],
}
SAYS_NOTHING_OF_IT = [
    "What time is the meeting?",
    "Not a problem at all.",
    "Are you interested in a walk?",
    "I am not sure whether we are interested.",
    "Let me know if you are interested.",
    "The train stops at every station.",
    "Der Vertrag liegt bei.",
    "Wenn Sie interessiert sind, melden Sie sich.",
    "La réunion est à dix heures.",
    "Te mando el acta.",
    "Встреча в десять.",
    "会議は十時です。",
    "会议十点开始。",
    "",
]


def classed(text: str, category: str = "other", **fields: Any) -> ReplyClass | None:
    parsed = ParsedMessage(**{"subject": "Re: Our offer", "date": datetime(2026, 11, 20, tzinfo=UTC), **fields})
    return reply_class(parsed, text, category)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in SAID.items() for text in texts])
def test_what_a_reply_amounts_to_is_told_by_its_words(kind: str, text: str) -> None:
    found = classed(text)
    assert found is not None
    assert found.kind == kind
    assert found.reason


@pytest.mark.parametrize("text", SAYS_NOTHING_OF_IT)
def test_none_is_told_rather_than_a_guess(text: str) -> None:
    assert classed(text) is None


def test_mail_that_answers_nothing_has_no_class() -> None:
    assert classed("I'm interested.", subject="Our offer") is None
    assert classed("I'm interested.", subject="Our offer", in_reply_to=("<1@a.example>",)) is not None


@pytest.mark.parametrize(
    ("text", "returns"),
    [
        ("I am out of the office until 5 December 2026 and have no access to mail.", "2026-12-05"),
        ("I'm on vacation from November 16 till December 2. For urgent matters write to Ben.", "2026-12-02"),
        ("Ich bin im Urlaub und ab dem 03.12.2026 wieder erreichbar.", "2026-12-03"),
        ("Je suis absent jusqu'au 12 janvier.", "2027-01-12"),
        ("Estoy fuera de la oficina hasta el 7 de diciembre de 2026.", "2026-12-07"),
        ("Sono in ferie fino al 30 novembre 2026.", "2026-11-30"),
        ("Estou de férias até 4 de dezembro de 2026.", "2026-12-04"),
        ("Ik ben op vakantie tot 9 december 2026.", "2026-12-09"),
        ("Я в отпуске до 15 декабря 2026.", "2026-12-15"),
        ("我在休假,12月5日回来", "2026-12-05"),
        ("I am away from my desk.", ""),
    ],
)
def test_who_is_away_is_told_with_the_day_of_return(text: str, returns: str) -> None:
    found = classed(text, "auto_reply")
    assert found is not None
    assert (found.kind, found.returns) == ("out_of_office", returns)


def test_a_bounce_is_a_bounce_and_an_automatic_receipt_is_nothing() -> None:
    bounced = classed("User unknown", "bounce")
    assert bounced is not None
    assert bounced.kind == "bounced"
    assert classed("We have received your request and will answer soon.", "auto_reply") is None


def test_who_says_it_late_in_a_long_answer_is_less_sure_to_mean_it() -> None:
    early, late = classed("No, thank you."), classed("As to the roof: it leaks. " * 20 + "No, thank you.")
    assert early is not None
    assert late is not None
    assert early.confidence > late.confidence


@given(st.text(max_size=400), st.sampled_from(["other", "auto_reply", "bounce"]))
def test_no_reply_raises(text: str, category: str) -> None:
    found = classed(text, category)
    assert found is None or 0 < found.confidence <= 1
