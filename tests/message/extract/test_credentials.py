"""Secrets in mail: keys whose checks hold, passwords in many languages, recovery codes, and what only looks so."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.credentials import credential_values, find_credentials, mask
from timing import takes_linear_time

LOT = "q7Rk2ZvT9bXw4LmPc8YdJ3sHf6NgAe5UtBrKyM1oVhQzWxGiDnEjCpSaFlOu0"


def found(text: str) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in find_credentials(text)]


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


JWT = ".".join((part(b'{"alg":"HS256","typ":"JWT"}'), part(b'{"sub":"42"}'), LOT[:43]))
# In two pieces, so that no scanner of repositories takes the samples for real keys.
KEYS = [
    ("aws_access_key", "AK" + "IAQ7RK2ZVT3BXW4LMP"),
    ("github_token", "gh" + f"p_{LOT[:36]}"),
    ("github_token", "github" + f"_pat_{LOT[:22]}_{LOT[1:60]}"),
    ("gitlab_token", "gl" + f"pat-{LOT[:20]}"),
    ("stripe_key", "sk_" + f"live_{LOT[:24]}"),
    ("slack_token", "xo" + "xb-123456789012-123456789012-" + LOT[:24]),
    ("google_key", "AI" + f"za{LOT[:35]}"),
    ("openai_key", "sk-" + f"proj-{LOT[:48]}"),
    ("openai_key", "sk-" + f"{LOT[:20]}T3BlbkFJ{LOT[20:40]}"),
    ("anthropic_key", "sk-" + f"ant-api03-{LOT[:60]}{LOT[:33]}AA"),
    ("npm_token", "np" + f"m_{LOT[:36]}"),
    ("sendgrid_key", "SG" + f".{LOT[:22]}.{LOT[:43]}"),
    ("twilio_key", "SK" + "0123456789abcdef" * 2),
    ("openai_key", "sk-" + f"{LOT[:48]}"),
    ("google_key", "ya" + f"29.{LOT[:40]}"),
    ("telegram_token", "123456789:A" + f"A{LOT[:33]}"),
    ("jwt", JWT),
    ("api_key", "ll" + f"k_{LOT[:43]}"),
    ("api_key", "ll" + f"i_{LOT[:20]}-_{LOT[20:41]}"),
    ("webhook", "wh" + f"sec_{LOT[:8]}+{LOT[8:20]}/{LOT[20:42]}="),
]


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_a_key_is_found_where_it_stands(kind: str, key: str) -> None:
    assert found(f"Here is the key: {key}. Keep it.") == [(kind, key)]
    assert found(f'"token"="{key}",\n') == [(kind, key)]
    assert found(f"\n{key}\n") == [(kind, key)]


@pytest.mark.parametrize(
    "text",
    [
        "AK" + "IAIOSFODNN7EXAMPLE",
        "ghp_" + "x" * 36,
        f"ghp_{LOT[:35]}!",
        "sk_" + "live_xxxxxxxxxxxxxxxxxxxxxxxx",
        "sk_" + "live_your_key_goes_here",
        "eyJub3QganNvbg.eyJzdWIiOjF9.abcdefgh",
        f"https://app.example/login?token={JWT}",
        "task-force and risk-proj-management",
        "SG.1 is the flight",
    ],
)
def test_placeholders_and_look_alikes_are_none(text: str) -> None:
    assert found(text) == []


def test_an_aws_secret_is_found_by_its_name() -> None:
    secret = LOT[:38] + "/+"
    assert found(f"aws_secret_access_key = {secret}\n") == [("aws_secret_key", secret)]


def test_private_keys_are_found_whole_even_when_cut_short() -> None:
    head, tail = "-----BEGIN OPENSSH PRIVATE " + "KEY-----", "-----END OPENSSH PRIVATE KEY-----"
    key = f"{head}\n{LOT}\n{LOT}\n{tail}"
    assert found(f"Hello\n{key}\nBye") == [("private_key", key)]
    assert found(f"Hello\n{head}\n{LOT}") == [("private_key", f"{head}\n{LOT}")]
    assert found(f"A file starts with {head} and ends.") == []


@pytest.mark.parametrize(
    "text",
    [
        "Your temporary password: Xy7!kQ2z",
        "Password for your new account: Xy7!kQ2z",
        "Login: ann\nPassword:\nXy7!kQ2z\n",
        "password=Xy7!kQ2z",
        "Your password is Xy7!kQ2z.",
        "User  ann\nPassword  Xy7!kQ2z",
        "Password\nXy7!kQ2z\nPlease change it.",
        "Ihr Passwort lautet Xy7!kQ2z",
        "Kennwort: Xy7!kQ2z",
        "Mot de passe : Xy7!kQ2z",
        "Contraseña: Xy7!kQ2z",
        "Senha: Xy7!kQ2z",
        "La password è Xy7!kQ2z",
        "Wachtwoord: Xy7!kQ2z",
        "Lösenord: Xy7!kQ2z",
        "Adgangskode: Xy7!kQ2z",
        "Passord: Xy7!kQ2z",
        "Salasana: Xy7!kQ2z",
        "Hasło: Xy7!kQ2z",
        "Heslo: Xy7!kQ2z",
        "Jelszó: Xy7!kQ2z",
        "Parolă: Xy7!kQ2z",
        "ŞİFRE İÇİN\nŞifre: Xy7!kQ2z",
        "Пароль: Xy7!kQ2z",
        "Κωδικός πρόσβασης: Xy7!kQ2z",
        "סיסמה: Xy7!kQ2z",
        "كلمة المرور: Xy7!kQ2z",
        "初期パスワード：Xy7!kQ2z",
        "您的密码是 Xy7!kQ2z",
        "密码：Xy7!kQ2z，请尽快修改。",
        "비밀번호: Xy7!kQ2z",
        "Mật khẩu: Xy7!kQ2z",
        "รหัสผ่าน: Xy7!kQ2z",
        "Kata sandi: Xy7!kQ2z",
        "User: z\nPW: Xy7!kQ2z",
        'pass = "Xy7!kQ2z"',
        '{"pass": "Xy7!kQ2z", "user": "z"}',
        "SMTP_PASS=Xy7!kQ2z",
    ],
)
def test_a_password_is_found_by_the_word_for_it(text: str) -> None:
    assert found(text) == [("password", "Xy7!kQ2z")]


def test_a_plain_word_is_a_password_only_alone_behind_the_sign() -> None:
    assert found("Password: sunshine") == [("password", "sunshine")]
    assert found("Password: sunshine is what we need today") == []
    assert found("Your password is sunshine") == []


@pytest.mark.parametrize(
    "text",
    [
        "Your password is incorrect. Please try again.",
        "Forgot your password? Reset it: https://shop.example/reset?id=4f9a",
        "Password: ********",
        "Password: [hidden]",
        "Password: required",
        "Password: {{password}}",
        "Your password was changed on: 2026-11-20 at 11:30",
        "Password changed\n20 November 2026",
        "Your password must have at least 8 characters.",
        "One-time password: 482913",
        "Use a password manager: it is safer.",
        "The password for ann@shop.example was reset.",
        "Password: ann@shop.example",
        "Mot de passe oublié ?",
        "Passwords: what makes them strong",
        "clavel: flor roja",
        "Boarding pass: K7QX2m9P",
        "Pass: GATE-B12-2026",
        "pass: 12 tests, fail: 0",
        "Result of step 4 = pass: ok2go",
        "PW: 12.5.2026",
        "https://wallet.example/get?pass=Kq7Xm2Pz9",
        "compass: NNE275",
    ],
)
def test_talk_about_passwords_holds_none(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "codes",
    [
        ["a1b2c-3d4e5", "f6g7h-8i9j0", "k1l2m-3n4o5", "p6q7r-8s9t0"],
        ["1234 5678", "2345 6789", "3456 7890", "4567 8901"],
        ["a8f3k2m9", "b7d4x1q6", "qwertyui", "c5z2n8v3"],
    ],
)
def test_recovery_codes_are_found_in_their_list(codes: list[str]) -> None:
    for text in (
        "Your recovery codes:\n\n" + "\n".join(codes) + "\n\nKeep them in a safe place.",
        "Deine Wiederherstellungscodes\n" + "\n".join(f"{number}. {code}" for number, code in enumerate(codes, 1)),
        "Codes de secours : " + ", ".join(codes),
    ):
        assert [value for kind, value in found(text) if kind == "recovery_code"] == codes


def test_talk_about_recovery_codes_holds_none() -> None:
    assert found("Your backup codes were used.\nPlease generate new backup codes\nSettings\nSecurity\nAccounts\n") == []
    assert found("Enter the recovery code to sign in again.\nMaintenance 12345678\n") == []
    assert found("Your account recovery code is 482913. It expires in 10 minutes.") == []
    assert found("Lost your backup codes? See help.example/2024-11\nRecovery codes: two-factor settings") == []


@pytest.mark.parametrize("place", ["{{secret:sec_01kx9j4e5v8q2m7t}}", "{{ SECRET: sec_01kx9j4e5v8q2m7t }}"])
@pytest.mark.parametrize("words", ["pw {}", "Password: {}", "api key={}", "Your key is {}.", "{}", "> token: {}!"])
def test_what_stands_in_the_place_of_a_secret_is_none(words: str, place: str) -> None:
    assert found(words.format(place)) == []
    beside = find_credentials(words.format(place) + "\nPassword: Xy7!kQ2z")
    assert [one.kind for one in beside] == ["password"]


@pytest.mark.parametrize("masked", ["password: K......1x", "api_key=sk_Q7.......z9"])
def test_what_somebody_has_dotted_out_is_no_secret(masked: str) -> None:
    assert found(masked.replace(".", "\u2022")) == []
    assert found(masked.replace(".......", "mPq83Ls").replace("......", "mPq83L")) != []


def test_a_value_right_behind_such_a_place_is_one() -> None:
    text = "token {{secret:sec_1}}Xy7kQ2zL81mPq83Ls"
    assert "Xy7kQ2z" not in mask(text, find_credentials(text))


def test_every_copy_of_a_value_is_masked_and_places_stay() -> None:
    text = "Password: Xy7!kQ2z\nAgain: Xy7!kQ2z\n"
    masked = mask(text, find_credentials(text))
    assert masked == "Password: ••••••••\nAgain: ••••••••\n"
    assert len(masked) == len(text)


def test_values_found_in_one_text_are_masked_in_another() -> None:
    text = "Password: Xy7!kQ2z"
    credentials = find_credentials(text)
    assert mask("Re: Xy7!kQ2z", credentials, text) == "Re: ••••••••"
    assert credential_values(text, credentials) == ("Xy7!kQ2z",)


def test_short_values_are_masked_as_words_only() -> None:
    text = "Password: cat1\nconcat1 stays, cat1 goes"
    assert mask(text, find_credentials(text)) == "Password: ••••\nconcat1 stays, •••• goes"


@given(st.text(max_size=300))
def test_no_text_raises_and_every_place_is_within_it(text: str) -> None:
    for prefix in ("", "password: ", "recovery codes\n", "-----BEGIN PRIVATE KEY-----"):
        whole = prefix + text
        credentials = find_credentials(whole)
        assert all(0 <= one.start < one.end <= len(whole) for one in credentials)
        assert len(mask(whole, credentials)) == len(whole)


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "eyJaaaaaaaaaaaa.",
        "password ",
        "password:",
        "sk-proj-",
        "-----BEGIN PRIVATE KEY-----\n",
        "recovery code\n",
        "backup codes: 1234 ",
        "passphrase: abc ",
        "secret key: ",
        "api_key=",
        "seed phrase one two ",
        "setup key abcd ",
        "abcd ",
        "bearer ",
        "://a:",
        "otpauth://?",
        " ",
        "a",
        "1234 ",
    ],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    assert takes_linear_time(find_credentials, piece, 135_000, 0.02)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Your login code is 111222.\n\nYour backup code is 333444.", ["333444"]),
        ("Recovery codes:\nabcd-1234\nefgh-5678\n\nKeep them.", ["abcd-1234", "efgh-5678"]),
        ("Recovery code: ABCD-EFGH-IJKL-MNOP-1234", ["ABCD-EFGH-IJKL-MNOP-1234"]),
        ("Recovery code\na1b2c-3d4e5\n", ["a1b2c-3d4e5"]),
        ("Your backup codes: 731888 731889", ["731888", "731889"]),
        ("Your backup codes for Example:\n\n1. 7318 8842\n2. 7318 8843", ["7318 8842", "7318 8843"]),
        ("Ersatzcodes: 73188842, 73188843 und 73188844.", ["73188842", "73188843", "73188844"]),
        ("Votre code de secours est 73188842.", ["73188842"]),
        ("Резервные коды:\n73188842\n73188843", ["73188842", "73188843"]),
        ("备用代码：73188842", ["73188842"]),
    ],
)
def test_single_codes_for_the_loss_of_a_device_are_credentials(text: str, codes: list[str]) -> None:
    assert found(text) == [("recovery_code", code) for code in codes]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Recovery code: 48210377", "48210377"),
        ("Use recovery code 4821-0377", "4821-0377"),
        ("Wiederherstellungscode: 48210377", "48210377"),
    ],
)
def test_one_recovery_code_of_eight_characters_is_a_credential(text: str, code: str) -> None:
    assert found(text) == [("recovery_code", code)]


def test_a_code_sent_to_recover_an_account_is_no_spare_one() -> None:
    assert found("Your account recovery code is 48210377. It expires in 10 minutes.") == []
    assert found("Recovery code: 482913") == []


def test_a_subject_that_names_recovery_codes_names_the_rows_of_the_text() -> None:
    text = "Keep these safe.\n\nabcd-1234\nefgh-5678\nijkl-9012\nmnop-3456\nqrst-7890\n"
    assert find_credentials(text) == ()
    codes = [text[one.start : one.end] for one in find_credentials(text, "Your recovery codes")]
    assert codes == ["abcd-1234", "efgh-5678", "ijkl-9012", "mnop-3456", "qrst-7890"]


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        (f"Open https://x.example/a?session_id={LOT[:20]}&b=1", "session_token", LOT[:20]),
        (f"https://x.example/cb#access_token={LOT[:20]}", "api_key", LOT[:20]),
        (f"Cookie: sessionid={LOT[:24]}; path=/", "session_token", LOT[:24]),
        ("Sign in at https://anna:hunter22@host.example/x", "password", "hunter22"),
        ("postgres://user:pw@db.example:5432/app", "password", "pw"),
        ("redis://:p4ssw0rd@redis.example:6379/0", "password", "p4ssw0rd"),
        ("otpauth://totp/Ex:anna?secret=JBSWY3DPEHPK3PXP&issuer=Ex", "totp_secret", "JBSWY3DPEHPK3PXP"),
        ("Setup key: JBSW Y3DP EHPK 3PXP", "totp_secret", "JBSW Y3DP EHPK 3PXP"),
        (f"Authorization: Bearer {LOT[:28]}", "bearer_token", LOT[:28]),
        ("Authorization: Basic YW5uYTpodW50ZXIyMg==", "bearer_token", "YW5uYTpodW50ZXIyMg=="),
        (f'SECRET_KEY="{LOT[:24]}"', "api_key", LOT[:24]),
        (f'{{"api_key": "{LOT[:24]}"}}', "api_key", LOT[:24]),
        (f"STRIPE_SECRET_KEY = {LOT[:24]}", "api_key", LOT[:24]),
        (f"Your API token is {LOT[:24]}.", "api_key", LOT[:24]),
        (f"X-Api-Key: {LOT[:24]}", "api_key", LOT[:24]),
        (f"AWS Secret Access Key: {LOT[:40]}", "aws_secret_key", LOT[:40]),
        (f"https://hooks.slack.com/services/T0/B0/{LOT[:24]}", "webhook", f"T0/B0/{LOT[:24]}"),
        ("Passphrase: correct horse battery staple\nKeep it.", "password", "correct horse battery staple"),
        ("Your passphrase is correct horse battery staple.", "password", "correct horse battery staple"),
        ("Password: blue sky over water", "password", "blue sky over water"),
    ],
)
def test_keys_are_found_by_their_names(text: str, kind: str, key: str) -> None:
    assert found(text) == [(kind, key)]


def test_words_that_restore_a_wallet_are_found_together() -> None:
    words = "ripple lava tomato ocean brick zebra pluck candy raven fossil magnet twin"
    assert found(f"Your seed phrase:\n\n{words}\n\nNever share it.") == [("recovery_code", words)]


@pytest.mark.parametrize("kind", ["RSA PRIVATE KEY", "PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
def test_a_short_private_key_that_is_closed_is_one(kind: str) -> None:
    key = f"-----BEGIN {kind}-----\n\nMIIEow\n-----END {kind}-----"
    assert found(f"Hello\n{key}\nBye") == [("private_key", key)]


@pytest.mark.parametrize(
    "text",
    [
        "The secret key to success is patience.",
        "Passphrase: see below",
        "Passphrase: a set of words that you choose",
        "Password: please choose a new one",
        "Password: must be at least eight characters",
        "Passwort: bitte bei der Anmeldung vergeben",
        "The bearer of bad news came on horseback yesterday.",
        "A session id is required",
        "API key: YOUR_API_KEY_HERE",
        "SECRET_KEY=changeme",
        'api_key = os.environ["API_KEY_1"]',
        f"https://app.example/verify?token={LOT[:24]}",
        f"The public key: {LOT[:40]}",
        "ssh://git@github.com/x.git and https://user@host.example/ and ftp://ftp.example:21/",
        "Turkey: Istanbul2026, monkey=Banana42",
        "Your token is K7QX2M9P",
    ],
)
def test_talk_about_keys_holds_none(text: str) -> None:
    assert found(text) == []
