"""Secrets in mail: keys whose checks hold, passwords in many languages, recovery codes, and what only looks so."""

from __future__ import annotations

import base64
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.credentials import credential_values, find_credentials, mask

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LOT = "q7Rk2ZvT9bXw4LmPc8YdJ3sHf6NgAe5UtBrKyM1oVhQzWxGiDnEjCpSaFlOu0"


def found(text: str) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in find_credentials(text)]


def checked(prefix: str) -> str:
    """A token of 36 characters whose last six are the checksum of the others."""
    body, number, digits = LOT[:30], zlib.crc32(LOT[:30].encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = LETTERS[digit] + digits
    return prefix + body + digits


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


JWT = ".".join((part(b'{"alg":"HS256","typ":"JWT"}'), part(b'{"sub":"42"}'), LOT[:43]))
# In two pieces, so that no scanner of repositories takes the samples for real keys.
KEYS = [
    ("aws_access_key", "AK" + "IAQ7RK2ZVT3BXW4LMP"),
    ("github_token", checked("ghp_")),
    ("github_token", "github" + f"_pat_{LOT[:22]}_{LOT[1:60]}"),
    ("gitlab_token", "gl" + f"pat-{LOT[:20]}"),
    ("stripe_key", "sk_" + f"live_{LOT[:24]}"),
    ("slack_token", "xo" + "xb-123456789012-123456789012-" + LOT[:24]),
    ("google_key", "AI" + f"za{LOT[:35]}"),
    ("openai_key", "sk-" + f"proj-{LOT[:48]}"),
    ("openai_key", "sk-" + f"{LOT[:20]}T3BlbkFJ{LOT[20:40]}"),
    ("anthropic_key", "sk-" + f"ant-api03-{LOT[:60]}{LOT[:33]}AA"),
    ("npm_token", checked("npm_")),
    ("sendgrid_key", "SG" + f".{LOT[:22]}.{LOT[:43]}"),
    ("twilio_key", "SK" + "0123456789abcdef" * 2),
    ("jwt", JWT),
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
        checked("ghp_")[:-1] + "!",
        checked("ghp_")[:10] + "Z" + checked("ghp_")[11:],
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
        " ",
        "a",
        "1234 ",
    ],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        best = 9.0
        for _ in range(3):
            start = time.process_time()
            find_credentials(text)
            best = min(best, time.process_time() - start)
        return best

    # Other work on the machine may spoil a measurement, not three in a row.
    assert any(seconds(200_000) < 0.02 + 3 * seconds(100_000) for _ in range(3))


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


def test_a_subject_that_names_recovery_codes_names_the_rows_of_the_text() -> None:
    text = "Keep these safe.\n\nabcd-1234\nefgh-5678\nijkl-9012\nmnop-3456\nqrst-7890\n"
    assert find_credentials(text) == ()
    codes = [text[one.start : one.end] for one in find_credentials(text, "Your recovery codes")]
    assert codes == ["abcd-1234", "efgh-5678", "ijkl-9012", "mnop-3456", "qrst-7890"]
