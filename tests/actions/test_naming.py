from __future__ import annotations

import io
import json
import zipfile
from email.message import EmailMessage

import pytest

from letterlock.actions.naming import Looked, Named
from letterlock.message.address import parse_address

WHO = "petra.moss@shop.example"
NAMED = Named(parse_address(WHO))


@pytest.mark.parametrize(
    "text",
    [
        "Ask PETRA.Moss@Shop.Example please.",
        "mail me<petra.moss@shop.example>, or",
        "_petra.moss@shop.example_ and *this*",
        "-petra.moss@shop.example-",
        "sales/petra.moss@shop.example",
        "petra.moss@\n> shop.example",
        "petra.moss\n@shop.example",
        "petra.moss @ shop.example",
        "petra.moss\uff20shop.example",
        "\uff50etra.moss@shop.example",
        "petra.moss\u200b@shop.example",
        "https://crm.example/u?mail=petra.moss%40shop.example&x=1",
        "https://crm.example/u?u=petra.moss%2540shop.example",
        "petra.moss&#64;shop.example",
        "petra.moss@<b>shop</b>.example",
        "petra.moss=40shop.exam=\nple",
        r"{\rtf1 petra.moss\'40shop.example}",
        r'{"mail": "petra.moss\u0040shop.example"}',
        "petra.moss+news@shop.example",
        "<bounce-petra.moss=shop.example@l.example>",
        "SRS0=HHH=TT=shop.example=petra.moss@fwd.example",
        "CV petra.moss@shop.example.pdf",
        "petra.moss@shop.example.",
    ],
)
def test_an_address_is_found_however_it_is_written(text: str) -> None:
    assert NAMED.is_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "jpetra.moss@shop.example",
        "a-petra.moss@shop.example",
        "a.petra.moss@shop.example",
        "a_petra.moss@shop.example",
        "a+petra.moss@shop.example",
        "petra.moss@shop.example.org",
        "petra.moss@shop.example-two.org",
        "petra.moss@shop.examples",
        "petra.mosses@shop.example",
        "petraxmoss@shop.example",
        "petra.moss at the shop.example",
    ],
)
def test_the_address_of_somebody_else_is_not_it(text: str) -> None:
    assert not NAMED.is_in(text)


def test_a_domain_of_another_script_is_found_in_both_its_forms() -> None:
    for written in ("jan@b\u00fccher.example", "jan@xn--bcher-kva.example"):
        named = Named(parse_address(written))
        assert named.is_in("To: jan@xn--bcher-kva.example") and named.is_in("an jan@b\u00fccher.example, bitte")


def packed(name: str, content: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def with_file(data: bytes, name: str, kind: str = "application/octet-stream") -> bytes:
    mail = EmailMessage()
    mail["From"] = "x@other.example"
    mail.set_content("See the file.")
    maintype, _, subtype = kind.partition("/")
    mail.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)
    return mail.as_bytes()


INNER = EmailMessage()
INNER["From"] = "y@other.example"
INNER.set_content(f"Write to {WHO}, she knows.", cte="base64")


@pytest.mark.parametrize(
    "raw",
    [
        with_file(packed("a.txt", f"ask {WHO}"), "a.zip"),
        with_file(packed(f"{WHO}.txt", "-"), "a.zip"),
        with_file(packed("xl/sharedStrings.xml", "<sst><t>petra.moss@</t><t>shop.example</t></sst>"), "a.xlsx"),
        with_file(packed("inner.zip", packed("b.csv", f"1,{WHO},2")), "a.zip"),
        with_file(rb"{\rtf1 petra.moss@shop.example}", "a.rtf"),
        with_file(WHO.encode(), "dump"),
        with_file(WHO.encode("utf-16"), "a.txt"),
        with_file(b"z" * 1_010_000 + f" {WHO}".encode(), "big.log"),
        with_file(b"zz", f"{WHO}.bin"),
        with_file(b"zz", f"CV {WHO} (1).pdf"),
        with_file(INNER.as_bytes(), "inner.eml", "message/rfc822"),
    ],
    ids=lambda raw: "",
)
def test_files_and_their_names_are_looked_into(raw: bytes) -> None:
    assert NAMED.look((), b"", raw) == Looked(True)
    assert Named(parse_address("nobody@far.example")).look((), b"", raw).names is False


def test_what_nobody_can_look_into_is_said_unless_it_was_read_when_it_came() -> None:
    pdf = with_file(b"%PDF-1.4 \x00\x01\x02\xff\xfe", "a.pdf", "application/pdf")
    assert NAMED.look((), b"", pdf) == Looked(False, unseen=True)
    told = {"index": 0, "kind": "pdf", "truncated": False, "problem": "", "text": "Nothing of hers."}
    assert NAMED.look((), json.dumps({"attached": [told]}).encode(), pdf) == Looked(False)
    told["text"] = f"Bill\n{WHO}\n"
    assert NAMED.look((), json.dumps({"attached": [told]}).encode(), pdf).names
    locked = packed("a.txt", "no").replace(b"\x00\x00\x08\x00", b"\x01\x00\x08\x00")
    assert NAMED.look((), b"", with_file(locked, "a.zip")).unseen
    assert NAMED.look((), b"", with_file(b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "a.png")) == Looked(False)
