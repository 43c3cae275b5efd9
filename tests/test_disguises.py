from __future__ import annotations

import base64
import codecs
import random

import pytest

from letterlock.canary import carries_mark, mark
from letterlock.carried import carried
from letterlock.disguises import readings
from letterlock.ids import DEFAULT_TENANT, EmailId

SECRET = "The code 493817 opens: revenue fell by nine percent and the Oslo office will be closed in May."
RFC_1924 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def disguised(text: str) -> dict[str, str]:
    octets = text.encode()
    return {
        "Ascii85": base64.a85encode(octets).decode(),
        "Ascii85 of PDF, in lines": base64.a85encode(octets, adobe=True, wrapcol=40).decode(),
        "base85": base64.b85encode(octets).decode(),
        "Z85": base64.b85encode(octets).decode().translate(str.maketrans(RFC_1924, Z85)),
        "base85 of base64": base64.b85encode(base64.b64encode(octets)).decode(),
        "base64 of base85": base64.b64encode(base64.b85encode(octets)).decode(),
        "base64 of rot13": base64.b64encode(codecs.encode(text, "rot13").encode()).decode(),
        "base32": base64.b32encode(octets).decode(),
        "base32, small and not filled up": base64.b32encode(octets).decode().lower().rstrip("="),
        "rot47": text.translate({33 + n: 33 + (n + 47) % 94 for n in range(94)}),
        "octal": " ".join(f"{octet:o}" for octet in octets),
        "octal escapes": "".join(f"\\{octet:03o}" for octet in octets),
        "octal without blanks": "".join(f"{octet:03o}" for octet in octets),
        "octal of programs": " ".join(f"0o{octet:o}" for octet in octets),
        "binary": " ".join(f"{octet:08b}" for octet in octets),
        "escapes": "".join(f"\\u{ord(c):04x}" for c in text),
        "quoted-printable": "".join(f"={octet:02X}" for octet in octets),
        "entities": "".join(f"&#x{ord(c):x};" for c in text),
    }


@pytest.mark.parametrize("disguise", disguised(""))
def test_codes_words_and_marks_are_known_again_in_every_disguise(disguise: str) -> None:
    key = b"k" * 32
    sign = mark(key, DEFAULT_TENANT, EmailId("em_1"))
    written = f"Hello, this is it: {disguised(f'{SECRET} ref {sign}')[disguise]} Bye"
    assert carried(written, ["493817"], [SECRET])[0] == "carries_code"
    assert "carries_mail" in carried(written, [], [SECRET])
    assert carries_mark(written, key, DEFAULT_TENANT)


@pytest.mark.parametrize("disguise", disguised(""))
def test_a_code_alone_is_known_again_though_it_is_short(disguise: str) -> None:
    assert "493817" in "".join(readings(f"It is {disguised('493817')[disguise]} .").views)


def test_all_readings_of_a_text_are_bounded() -> None:
    for text in ("!" * 5_000, "a1" * 3_000, "01" * 3_000, "777 " * 2_000, "\\u0041" * 900):
        assert sum(map(len, readings(text).views)) <= 18 * len(text) + 8_000


def test_of_a_long_text_as_much_is_read_as_may_be_and_it_is_said_that_there_is_more() -> None:
    letters = base64.b64encode(random.Random(1).randbytes(60_000)).decode()
    undone = readings(letters)
    assert not undone.whole
    assert sum(map(len, undone.views)) < len(letters) + 420_000
    assert readings("We met on Monday, and all is well with the order of the 24 chairs. " * 300).whole
