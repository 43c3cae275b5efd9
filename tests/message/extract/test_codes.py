"""One-time codes: every form and many languages, and the numbers that are none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.codes import Code, find_code, find_codes, spellings
from letterlock.message.parse import Mailbox, ParsedMessage
from letterlock.message.visible import Block, Look, VisibleText
from timing import takes_linear_time


def code_of(
    subject: str,
    text: str = "",
    *,
    looks: dict[str, frozenset[Look]] | None = None,
    alt: str = "",
    name: str = "Example Shop",
) -> Code | None:
    """The code of a mail of plain lines; `looks` gives some of them a look, `alt` is the text of an image."""
    blocks, start = [], 0
    for line in text.split("\n"):
        if line.strip():
            look = (looks or {}).get(line.strip(), frozenset())
            blocks.append(Block(line.strip(), "html" if looks else "plain", look, start))
        start += len(line) + 1
    if alt:
        blocks.append(Block(alt, "alt"))
    sender = (Mailbox(name, "noreply@shop.example"),)
    return find_code(ParsedMessage(subject=subject, from_=sender), VisibleText(text=text, blocks=tuple(blocks)))


def value(subject: str, text: str = "", **more: object) -> str | None:
    found = code_of(subject, text, **more)  # type: ignore[arg-type]
    return found.value if found else None


def codes_of(subject: str, text: str) -> list[str]:
    """All that may be a code of a mail of plain lines."""
    blocks = tuple(Block(line.strip(), "plain") for line in text.split("\n") if line.strip())
    sender = (Mailbox("Example Shop", "noreply@shop.example"),)
    visible = VisibleText(text=text, blocks=blocks)
    return [found.value for found in find_codes(ParsedMessage(subject=subject, from_=sender), visible)]


BIG: frozenset[Look] = frozenset({"large", "bold", "spaced"})

SENTENCES = [
    ("en", "Your login code is 482913. It expires in 10 minutes."),
    ("en", "482913 is your Example verification code."),
    ("en", "Use 482913 as your one-time password to finish signing in."),
    ("en", "Please type in this security code when asked: 482913"),
    ("en", "Someone tries to sign in. If that is you, enter 482913 on the page within 10 minutes."),
    (
        "en",
        "Your account was made. Finish with the button below. (Code 482913) If you did not request this, ignore it.",
    ),
    ("pt", "Por favor, copie a senha de uso único 482913 e cole-a na tela."),
    ("de", "Dein Bestätigungscode lautet 482913 und ist 10 Minuten gültig."),
    ("de", "Ihr Einmalpasswort: 482913"),
    ("fr", "Votre code de vérification est 482913. Il expire dans 10 minutes."),
    ("es", "Tu código de verificación es 482913 y caduca en 10 minutos."),
    ("pt", "O seu código de confirmação é 482913."),
    ("it", "Il tuo codice di verifica è 482913."),
    ("nl", "Je verificatiecode is 482913."),
    ("sv", "Din engångskod är 482913."),
    ("da", "Din bekræftelseskode er 482913."),
    ("nb", "Engangskoden din er 482913."),
    ("fi", "Vahvistuskoodisi on 482913."),
    ("et", "Teie kinnituskood on 482913."),
    ("lv", "Jūsu apstiprinājuma kods ir 482913."),
    ("lt", "Jūsų patvirtinimo kodas yra 482913."),
    ("pl", "Twój kod weryfikacyjny to 482913."),
    ("cs", "Váš ověřovací kód je 482913."),
    ("sk", "Váš overovací kód je 482913."),
    ("hu", "Az ellenőrző kódod: 482913"),
    ("ro", "Codul tău de verificare este 482913."),
    ("bg", "Вашият код за потвърждение е 482913."),
    ("ru", "Ваш код подтверждения: 482913. Никому его не сообщайте."),
    ("uk", "Ваш код підтвердження: 482913."),
    ("sr", "Ваш верификациони код је 482913."),
    ("hr", "Vaš potvrdni kôd je 482913."),
    ("sl", "Vaša potrditvena koda je 482913."),
    ("sq", "Kodi juaj i verifikimit është 482913."),
    ("el", "Ο κωδικός επαλήθευσής σας είναι 482913."),
    ("tr", "Doğrulama kodunuz: 482913"),
    ("az", "Təsdiq kodunuz: 482913"),
    ("kk", "Сіздің растау кодыңыз: 482913"),
    ("hy", "Ձեր հաստատման կոդն է՝ 482913"),
    ("ka", "თქვენი ვერიფიკაციის კოდია 482913"),
    ("ar", "رمز التحقق الخاص بك هو 482913"),
    ("fa", "کد تأیید شما 482913 است"),
    ("ur", "آپ کا تصدیقی کوڈ 482913 ہے"),
    ("he", "קוד האימות שלך הוא 482913"),
    ("hi", "आपका सत्यापन कोड 482913 है"),
    ("bn", "আপনার যাচাইকরণ কোড হল 482913"),
    ("ta", "உங்கள் சரிபார்ப்புக் குறியீடு 482913"),
    ("te", "మీ ధృవీకరణ కోడ్ 482913"),
    ("th", "รหัสยืนยันของคุณคือ 482913"),
    ("vi", "Mã xác minh của bạn là 482913."),
    ("id", "Kode verifikasi Anda adalah 482913."),
    ("ms", "Kod pengesahan anda ialah 482913."),
    ("tl", "Ang iyong verification code ay 482913."),
    ("sw", "Msimbo wako wa uthibitishaji ni 482913."),
    ("ja", "認証コードは482913です。10分以内に入力してください。"),
    ("ko", "인증번호는 482913입니다."),
    ("zh", "您的验证码为482913，10分钟内有效。"),
    ("zh-Hant", "您的驗證碼是 482913，請勿告訴他人。"),
    ("eu", "Zure egiaztapen-kodea 482913 da."),
    ("is", "Staðfestingarkóðinn þinn er 482913."),
    ("ga", "Is é 482913 do chód fíoraithe."),
    ("cy", "Eich cod dilysu yw 482913."),
    ("eo", "Via kontrolkodo estas 482913."),
    ("mn", "Таны баталгаажуулах код: 482913"),
]


@pytest.mark.parametrize(("language", "sentence"), SENTENCES)
def test_a_sentence_that_names_the_code_is_understood(language: str, sentence: str) -> None:
    assert value("Example", sentence) == "482913", language


FORMS = [
    ("4821", "4821"),
    ("48213", "48213"),
    ("4821937", "4821937"),
    ("48219375", "48219375"),
    ("482 913", "482913"),
    ("482-913", "482913"),
    ("482 - 913", "482913"),
    ("48 29 13", "482913"),
    ("4829 1377", "48291377"),
    ("4 8 2 9 1 3", "482913"),
    ("4-8-2-9-1-3", "482913"),
    ("482\u00a0913", "482913"),
    ("4\u200b8\u200b2\u200b9\u200b1\u200b3", "482913"),
    ("٤٨٢٩١٣", "482913"),
    ("४८२९१३", "482913"),
    ("４８２９１３", "482913"),
    ("K7QX2M", "K7QX2M"),
    ("ＫＱ７Ｘ２Ｍ", "KQ7X2M"),
    ("K 7 Q X 2 M", "K7QX2M"),
    ("XKT-482", "XKT482"),
    ("WDJB-MJHT", "WDJBMJHT"),
    ("K7QX-9TRM", "K7QX9TRM"),
    ("k7qx2m", "k7qx2m"),
    ("G-482913", "482913"),
    ("ZQXKTV", "ZQXKTV"),
    ("lumo-pavi-rosk-tenid", "lumopavirosktenid"),
]


@pytest.mark.parametrize(("written", "typed"), FORMS)
def test_a_code_alone_on_its_line_is_read_in_every_form(written: str, typed: str) -> None:
    text = f"Hello,\nenter this verification code to sign in:\n{written}\nIt expires in 10 minutes."
    assert value("Sign in", text) == typed


@pytest.mark.parametrize(("written", "typed"), [form for form in FORMS if not form[0].isalpha() or form[0].isupper()])
def test_all_forms_are_given_for_masking(written: str, typed: str) -> None:
    found = code_of("Sign in", f"Your login code:\n{written}\nIt expires in 10 minutes.")
    assert found is not None
    assert typed in found.forms
    if "G-" not in written:
        assert written.strip() in found.forms


def test_one_character_to_a_line_is_one_code() -> None:
    found = code_of("Verify your email", "Your verification code:\n4\n8\n2\n9\n1\n3\nIf you did not ask, ignore this.")
    assert found is not None
    assert found.value == "482913"
    assert "4\n8\n2\n9\n1\n3" in found.forms


def test_a_code_only_in_the_subject_is_found() -> None:
    assert value("482913 is your Example code", "Enter the code to sign in.") == "482913"
    assert value("[Example] K7QX2M", "Enter the verification code of the subject. It expires soon.") == "K7QX2M"


def test_a_code_only_in_an_image_text_is_found() -> None:
    assert (
        value("Sign in", "Your verification code is shown below.\nIt expires in 5 minutes.", alt="482 913") == "482913"
    )


def test_a_code_only_in_the_plain_twin_is_found() -> None:
    blocks = (Block("Please see the other part", "html", frozenset(), 0), Block("Your login code is 482913.", "plain"))
    found = find_code(ParsedMessage(subject="Login"), VisibleText(text="Please see the other part", blocks=blocks))
    assert found is not None
    assert found.value == "482913"


def test_a_domain_bound_last_line_is_the_surest_sign() -> None:
    found = code_of("Sign in", "Your Example code is 482913.\n\n@shop.example #482913")
    assert found is not None
    assert found.value == "482913"
    assert found.confidence >= 0.95


def test_a_domain_bound_line_of_another_domain_is_less_sure() -> None:
    ours = code_of("x", "@mail.shop.example #482913")
    theirs = code_of("x", "@bank.example #482913")
    assert ours is not None and theirs is not None
    assert theirs.confidence < ours.confidence


def test_the_looks_of_a_block_help_where_no_word_is_known() -> None:
    text = "Zzqa brrk tolm verify\nWqpl 10 minutes expires\n482913"
    assert value("Zzqa", text, looks={"482913": BIG}) == "482913"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Your login code is 482913. It expires in 10 minutes.", 600),
        ("Your login code is 482913. It is valid for 2 hours.", 7_200),
        ("Dein Bestätigungscode ist 482913. Er ist 15 Minuten gültig.", 900),
        ("您的验证码为482913，10分钟内有效。", 600),
        ("Ваш код подтверждения 482913. Он действителен 5 минут.", 300),
        ("Your login code is 482913.", None),
    ],
)
def test_the_lifetime_is_read_where_the_mail_states_it(text: str, seconds: int | None) -> None:
    found = code_of("Sign in", text)
    assert found is not None
    assert found.expires_in_s == seconds


def test_the_new_code_wins_over_one_called_old() -> None:
    text = "Your new login code is 771204.\nThe code 482913 we sent earlier no longer works."
    assert value("Sign in", text) == "771204"


def test_a_code_in_the_history_of_a_reply_is_past() -> None:
    text = "Thank you, it worked.\n\nFrom: Shop\nSent: Monday\nTo: Bob\nSubject: Code\n\nYour login code is 482913."
    assert value("Re: Your login code", text) is None
    assert value("Fwd: Your login code", text) == "482913"


def test_a_security_phrase_is_not_the_code() -> None:
    text = "Enter the verification code:\n482913\nThe security code of this mail: Amber Falcon 4417"
    assert value("Sign in", text) == "482913"


NONE = [
    ("Invoice 2025-0042", "Invoice number 482913, total 1,482.00 EUR, due 2025-03-01."),
    ("Your order", "Order number: 48291377\nOrder code: 482913\nTrack it with 1Z9998887776."),
    ("Meeting", "See you on 12/05/2024 at 14:30 in room 4821."),
    ("Call me", "My number is +1 650 555 4239, or (415) 555-0134, office code 4821."),
    ("Spring sale", "Use coupon code SPRING25 or 482913 and save 20 % until Sunday."),
    ("Spring sale", "Save 20 %!\nCODE: 4829137\nShop now and sign in to your account."),
    ("Our new office", "Visit us at 410 Terry Ave, Suite 4821, Seattle, WA 98109. Zip code: 98109."),
    ("Postleitzahl", "Die Postleitzahl ist 10115, der Ländercode 4900."),
    ("Build failed", "Error code 50312 in line 4821 of version 10.4.2, commit 8f3a2b1c. The exit code was 1370."),
    ("Release notes", "The source code of 2024 has 482913 lines. See rev 482913 of the codebase."),
    ("Re: patch", "Title 18, Section 1302 and 1341 of the US code apply.\nTel: 555 0199"),
    ("Statement", "Account number 48291377\nSort code 20-30-40\nBalance 4,829.13\nSWIFT code ABCDGB2L"),
    ("Welcome", "Your account was created in 2024. You can sign in with your password at any time."),
    ("Your verification code", "Your code is in the attached image."),
    ("Parcel", "Tracking code: 00340434161094022115\nYour parcel will arrive on 12.05.2024."),
    ("Confirm", "Confirm your email address with the button below. The link expires in 24 hours."),
    ("Password changed", "Your password was changed on May 12, 2024 from 203.0.113.9. Reference 482913."),
    ("Weekly report", "Visitors\n48291\nSales\n7712\nLogins\n3029\nView your account."),
    ("Conference", "Dial in with meeting number 482 913 771. Conference ID: 482913."),
    ("Your booking", "Booking code: K7QX2M\nFlight LH 4821 on 12 May, gate 22."),
    ("Digest", "> Your login code is 482913.\nI got this mail. What is it?"),
    ("test Sun, 14 Oct 2012 16:09:01 -0700", "The code is in the repository. Sign in to see it."),
    ("Taxes", "Steuernummer 48291377, Kundennummer 771204, Rechnung 4821 über 1.482,00 EUR."),
    ("Подтверждение заказа", "Номер заказа 482913, сумма 4821 руб., индекс 101000."),
    ("Nightly build", "The code of 20241120 is up. Sign in to see it."),
    ("订单", "您的订单号 48291377 已发货，快递单号 7712049876。"),
]


@pytest.mark.parametrize(("subject", "text"), NONE)
def test_numbers_that_are_no_code_are_left_alone(subject: str, text: str) -> None:
    assert value(subject, text) is None


# What the number is a code of, in one language or another.
OTHER_KINDS = [
    "Your postal PIN code is {}", "Bank branch code {}", "GST invoice HSN code {}", "Your ZIP code is {}",
    "The SWIFT code is {}", "The area code is {}", "Country code: {}", "Product code {}", "Promo code {}",
    "Discount code: {}", "Booking code: {}", "Error code {}", "Dress code {}", "Source code {}", "Bar code {}",
    "Der Fehlercode lautet {}.", "Produktcode: {}", "Rabattcode: {}", "Buchungscode: {}", "Ländercode: {}",
    "Code postal : {}", "Code promo : {}", "Code erreur : {}", "Code produit : {}", "Code-barres : {}",
    "Code de réservation : {}", "Code guichet {}", "Código postal: {}", "Código promocional: {}", "Código de error: {}",
    "Código de producto: {}", "Código de la reserva: {}", "Código de barras: {}", "Código do produto: {}",
    "Código de rastreamento: {}", "Codice prodotto: {}", "Codice errore: {}", "Codice fiscale: {}", "Codice sconto: {}",
    "Productcode: {}", "Foutcode {}", "Landcode {}", "Kortingscode {}", "Kod pocztowy {}", "Kod produktu: {}",
    "Kod błędu: {}", "Kod rabatowy: {}", "Код товара: {}", "Код ошибки: {}", "Код города: {}", "Штрих-код: {}",
    "Код бронирования: {}", "Ürün kodu: {}", "Hata kodu: {}", "Posta kodu: {}", "エラーコード: {}", "商品コード: {}",
    "クーポンコード: {}", "错误代码: {}", "产品代码: {}", "优惠码: {}", "오류 코드: {}", "상품 코드: {}", "पिन कोड: {}",
    "त्रुटि कोड: {}", "الرمز البريدي: {}", "رمز المنتج: {}", "Kode pos: {}", "Kode produk: {}", "Mã sản phẩm: {}",
    "Mã bưu điện: {}", "Felkod: {}", "Varekode: {}", "Tuotekoodi: {}", "Kód produktu: {}", "Termékkód: {}",
    "Cod produs: {}", "Ταχυδρομικός κωδικός: {}", "קוד מוצר: {}", "รหัสสินค้า: {}",
]  # fmt: skip


@pytest.mark.parametrize("sentence", OTHER_KINDS)
def test_codes_of_other_things_are_no_one_time_codes(sentence: str) -> None:
    assert codes_of("Your account", sentence.format("482913")) == []
    assert value("Sign in", sentence.format("731555") + "\nYour verification code is 482913.") == "482913"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Sign in", "Your product registration code is for later. Your login code is 482913"),
        ("Hello", "Your Product Hunt code is 482913. It expires in 10 minutes."),
        ("Вход", "Код на странице: 482913. Он действует 5 минут."),
        ("Giriş", "E-posta kodunuz: 482913. 10 dakika geçerli."),
        ("Your booking", "Your booking verification code is 482913"),
    ],
)
def test_words_for_other_things_away_from_the_noun_take_nothing_from_a_code(subject: str, text: str) -> None:
    assert value(subject, text) == "482913"


GIVEN = [
    "Hi Sam,\n\nyour code is 482913. Enter it in the app.\n\nThe Example team",
    "Your code is 482913. Thanks.",
    "Hi Sam, thank you for choosing Example. Your Example code is 482913, enter it now.",
    "the code you asked for is 482913. It works for ten minutes.",
    "dein Code ist 482913. Gib ihn in der App ein.",
    "votre code est le 482913. Saisissez-le",
    "Tu código es 482913. Introdúcelo",
    "O seu código é 482913. Digite-o",
    "il tuo codice è 482913. Inseriscilo",
    "Je code is 482913. Vul hem in",
    "Ваш код 482913. Введите его",
    "コードは482913です。アプリに入力",
    "您的代码是 482913。请",
]


@pytest.mark.parametrize("text", GIVEN)
def test_a_sentence_that_says_what_your_code_is_needs_nothing_else(text: str) -> None:
    assert value("Welcome to Example", text) == "482913"


@pytest.mark.parametrize(
    "text",
    [
        "Your postal code is 482913. Thanks.",
        "Your promo code is 482913. Thanks.",
        "The error code is 482913. Please retry.",
        "エラーコードは482913です。",
        "The code is 482913 lines long. See it.",
        "Your code is 482913. Save 20 % today.",
        "Your customer code is 48291. Keep it.",
        "Your code of conduct is 4821. Read it.",
        "The code is 2024. Long ago.",
        "Your gate code is 4821. Come in.",
    ],
)
def test_what_is_said_to_be_the_code_of_another_thing_is_none(text: str) -> None:
    assert codes_of("Welcome to Example", text) == []


def test_a_second_code_one_is_told_to_use_is_masked_too() -> None:
    text = "Your code is 111222. If this fails use code 333444."
    assert value("Welcome", text) == "111222"
    assert codes_of("Welcome", text) == ["111222", "333444"]


@pytest.mark.parametrize(
    "text",
    [
        "您的验证码是482913,5分钟内有效。",
        "验证码为482913,请勿泄露",
        "您的验证码是482913.请勿泄露",
        "Your code is 482913.Do not share it",
        "Your code is 482913,valid 5 minutes",
        "Your code is 482913!Do not share",
        "Anmeldecode 482913–gültig 5 Min",
    ],
)
def test_words_glued_to_a_code_by_a_mark_do_not_hide_it(text: str) -> None:
    assert value("Welcome to Example", text) == "482913"


@pytest.mark.parametrize(
    "text",
    [
        "Your code is 482,913 lines",
        "Your code is 482913-AB",
        "Your code is 4829.13",
        "Your code is 4829:13",
        "Your code is 482913:ab",
        "The code is in 482913.pdf",
        "Your code is kQ!4829",
        "Your code is 4829!kQ2z",
    ],
)
def test_what_goes_on_behind_a_mark_is_no_code(text: str) -> None:
    assert codes_of("Welcome to Example", text) == []


@pytest.mark.parametrize(
    "subject", ["Sign in to Auth0", "Office365 sign-in", "Security alert for sam42", "Hi user4821", "Your Auth0 code"]
)
def test_names_in_the_subject_are_no_codes_where_the_text_gives_a_sure_one(subject: str) -> None:
    text = "Hello,\nYour verification code is 731555. It expires in 10 minutes. If you did not ask, ignore this."
    assert codes_of(subject, text) == ["731555"]


def test_the_code_of_the_text_is_masked_in_the_subject_too() -> None:
    text = "Your verification code is K7QX2M. It expires in 10 minutes."
    assert codes_of("K7QX2M for Auth0", text) == ["K7QX2M"]


@pytest.mark.parametrize(
    ("subject", "text", "code"),
    [
        ("Welcome", "482913, that's your code", "482913"),
        ("Welcome", "482913 - your Example code", "482913"),
        ("482913 - your Example code", "see subject", "482913"),
        ("Welcome", "FB-48291 is your code", "48291"),
        ("Welcome", "Gebruik 482913 om in te loggen.", "482913"),
        ("Welcome", "Enter 482913 on the sign-in page.", "482913"),
        ("Welcome", "Code=482913", "482913"),
        ("Welcome", "Your verification code: 4829-1357-22", "4829135722"),
    ],
)
def test_short_ways_to_say_a_code_are_understood(subject: str, text: str, code: str) -> None:
    assert value(subject, text) == code


def test_of_several_codes_in_a_row_none_is_given_and_all_are_masked() -> None:
    assert value("Welcome", "Codes: 111222, 333444") is None
    assert codes_of("Welcome", "Codes: 111222, 333444") == ["111222", "333444"]
    assert codes_of("Welcome", "Postal codes: 111222, 333444") == []


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Account", "Recovery code: 48210377"),
        ("Sign in", "Use recovery code 4821-0377 to sign in."),
        ("Konto", "Wiederherstellungscode: 48210377"),
        ("Invitation", "Join the meeting\nMeeting ID: 829 1357 2246, passcode: 482913"),
        ("Invitation", "Join the meeting\nMeeting ID: 829 1357 2246\nPasscode: 482913"),
    ],
)
def test_spare_codes_and_what_opens_a_meeting_are_no_one_time_codes(subject: str, text: str) -> None:
    assert codes_of(subject, text) == []


def test_codes_for_the_loss_of_a_device_are_never_given() -> None:
    assert value("Sign in", "Your login code is 482913.\n\nYour backup code is 333444.") == "482913"
    assert codes_of("Account", "Your backup code is 333444.") == []
    rows = "12345678\n23456789\n34567890\n45678901\n56789012"
    assert codes_of("Your recovery codes", f"Keep these.\n\n{rows}") == []
    assert codes_of("Your account", f"Your recovery codes:\n\n{rows}") == []
    assert codes_of("Codes", "Recovery codes:\nabcd-1234\nefgh-5678") == []
    assert codes_of("Account", "Recovery code: ABCD-EFGH-IJKL-MNOP-1234") == []
    assert value("Your account", "Your account recovery code is 482913. It expires in 10 minutes.") == "482913"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Your GitHub code is 482913", "see subject"),
        ("482913 is your code", "see subject"),
        ("Code 482913", "see subject"),
        ("Hello", "482913 is your code"),
        ("Hello", "482913 is your GitHub code."),
        ("Hello", "Your Shop code is 482913. It expires in 10 minutes."),
        ("Your code", "482913"),
        ("Your code", "four eight two nine one three"),
        ("Hello", "Your code is four eight two nine one three"),
        ("Ihr Code", "Der Code lautet: vier acht zwei neun eins drei"),
        ("ሰላም", "የማረጋገጫ ኮድዎ 482913 ነው"),
    ],
)
def test_a_mail_that_says_next_to_nothing_else_gives_its_code(subject: str, text: str) -> None:
    assert value(subject, text) == "482913"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Code 482913", "see subject"),
        ("Code 482913 of the tax law was changed by parliament", "see below"),
        ("Hello", "482913 lines of code"),
        ("Hello", "482913 is the number of the bus. The code is open."),
        ("As easy", "It is as easy as one two three four"),
    ],
)
def test_terse_mails_about_something_else_give_none(subject: str, text: str) -> None:
    assert value(subject, text) is None


@pytest.mark.parametrize(
    ("subject", "text"),
    [("Your code", "river-copper-lantern-42"), ("Hello", "Your login code is river-copper-lantern-42. Welcome")],
)
def test_words_with_hyphens_are_a_code_where_the_mail_leads_to_them(subject: str, text: str) -> None:
    assert value(subject, text) == "rivercopperlantern42"
    assert value("Docs", "The code is well-known-here. See river-copper-lantern-42 of the docs.") is None


def test_digits_written_as_words_are_masked_as_they_stand() -> None:
    found = code_of("Your code", "Your login code is: four, eight, two, nine, one, three.\nEnter 482913.")
    assert found is not None
    assert found.value == "482913"
    assert {"482913", "four, eight, two, nine, one, three"} <= set(found.forms)


def test_digits_that_stand_apart_are_masked_whatever_the_mail_is_about() -> None:
    assert codes_of("Your order", "4 8 2 9 1 3") == ["482913"]
    assert value("Your order", "4 8 2 9 1 3") is None
    assert codes_of("Your order", "1 2 3 4 5 6") == []


def test_a_mail_of_nothing_has_no_code() -> None:
    assert find_code(ParsedMessage(), VisibleText()) is None


@given(st.text(), st.lists(st.text(), max_size=8), st.lists(st.text(), max_size=3))
def test_no_text_makes_it_fail(subject: str, lines: list[str], alts: list[str]) -> None:
    blocks = (*(Block(line, "html") for line in lines), *(Block(line, "alt") for line in alts))
    found = find_code(ParsedMessage(subject=subject), VisibleText(text="\n".join(lines), blocks=blocks))
    assert found is None or 0 < found.confidence < 1


@given(st.from_regex(r"[1-9][0-9]{5}", fullmatch=True), st.sampled_from([sentence for _, sentence in SENTENCES]))
def test_any_six_digits_are_found_in_any_language(digits: str, sentence: str) -> None:
    assert value("Example", sentence.replace("482913", digits)) == digits


@pytest.mark.parametrize(
    "piece",
    [
        "1 ",
        "1-",
        "a1-",
        "code 1234 ",
        "A B ",
        "@a #1 ",
        "١",
        "验证码1234",
        "9" * 50 + " ",
        "K7QX-",
        "15 minutes ",
        "(((",
        "a@b ",
    ],
)
def test_long_texts_take_linear_time(piece: str) -> None:
    def work(text: str) -> None:
        code_of("Your login code", "Your login code:\n" + text + "\n" + text.replace(" ", "\n"))

    assert takes_linear_time(work, piece, 50_000, 0.004)


@pytest.mark.parametrize(
    "written",
    [
        "④⑨③⓪②①", "⁴⁹³⁰²¹", "₄₉₃₀₂₁", "❹❾❸⓿❷❶", "⓸⓽⓷⓪⓶⓵", "4️⃣9️⃣3️⃣0️⃣2️⃣1️⃣", "4️⃣ 9️⃣ 3️⃣ 0️⃣ 2️⃣ 1️⃣", "4_9_3_0_2_1",
        "4 9 3 0 2 1", "**493021**", "**4**93021", "4**930**21", "__493021__", "_493021_", "***493021***",
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["", ".", " and is good for ten minutes."])
def test_a_code_in_odd_digits_or_marks_of_emphasis_is_read(written: str, end: str) -> None:
    found = code_of("Your code", f"Your verification code is {written}{end}")
    assert found and found.value == "493021"


@pytest.mark.parametrize("text", ["Your card **1234 needs verification", "Verify **12345 and **67890 to log in"])
def test_asterisks_for_what_is_left_out_are_no_emphasis(text: str) -> None:
    assert value("Your code", text) is None


def test_a_number_glued_to_a_word_for_code_is_the_code() -> None:
    assert value("Sign in", "Use code493021 to sign in") == "493021"
    assert value("Your parcel", "It is in zipcode49302, see postcode493021") is None


@pytest.mark.parametrize(
    "password",
    ["Xy7!kQ2z", "Xy7!!kQ2z", "Xy7(kQ2z", "Xy7#kQ2z", "kQ2z?Xy7", "Xy7;kQ2z", "Xy7:kQ2z", "!kQ2zXy7", "49302!21"],
)
@pytest.mark.parametrize("text", ["Your temporary password is {}", "Your one-time password:\n{}\nSign in with it."])
def test_a_password_with_marks_inside_is_never_cut_to_a_part(password: str, text: str) -> None:
    assert value("Your password", text.format(password)) in (None, password)


def test_labels_right_before_a_code_do_not_count_as_part_of_it() -> None:
    assert value("Sign in", "Your verification code:Xy7kQ2. Welcome") == "Xy7kQ2"
    assert value("Sign in", "Your verification code (Xy7kQ2) is good for ten minutes") == "Xy7kQ2"
    assert value("Sign in", "Your verification code is 493021! Welcome") == "493021"


def test_a_code_that_the_sender_writes_in_their_name_too_is_found() -> None:
    assert value("Your code", "Your verification code is 493021", name="Code 493021") == "493021"
    assert value("Your code", "Your verification code:\n493021", name="Code 493021") == "493021"
    assert value("Welcome", "Your login code for Studio 2024 is below", name="Studio 2024") is None


def test_backup_codes_behind_a_code_do_not_hide_it() -> None:
    assert value("Your code", "Your code is 493021. Backup codes: 11112222 33334444") == "493021"
    assert value("Your code", "Backup codes: 11112222 33334444") is None
    assert value("News", "The code is 493021. It was found in the cellar.") is None
    assert value("Your discount code", "Your code is 493021. Use it at the checkout.") is None


def test_spellings_are_found_in_any_form_and_never_overlap() -> None:
    text = "a 4-9-3 ④⑨③, ４９③ and 4\u20e39\u20e33\u20e3; 4 or 9 or 3"
    assert [text[start:end] for start, end in spellings(text, "493")] == [
        "4-9-3", "④⑨③", "４９③", "4\u20e39\u20e33\u20e3",
    ]  # fmt: skip
    assert spellings("⑪⑪", "111") == [(0, 2)]
    assert spellings("493", "--") == spellings("", "493") == []


@given(
    st.text("1a4K9_- .\n\u0661\u00e9i", max_size=60),
    st.text("149ak", min_size=1, max_size=6),
)
def test_spellings_are_what_a_pattern_of_the_characters_finds(text: str, value: str) -> None:
    letters = r"[\W_]{0,8}+".join(value)
    plain = text.replace("\u0661", "1")
    assert spellings(text, value) == [match.span() for match in re.finditer(letters, plain, re.IGNORECASE)]


def test_spellings_are_found_among_more_beginnings_than_are_tried_one_by_one() -> None:
    text = "4 " * 5_000 + "4-9-3"
    assert [text[start:end] for start, end in spellings(text, "493")] == ["4-9-3"]
