"""Signatures that we make verify, by our verifier and by dkimpy's; once something signed is changed they do not."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import DictResolver
from letterlock.message.address import parse_address
from letterlock.message.compose import Draft, File, compose
from letterlock.message.dkim import read_message, tag_list, verify
from letterlock.message.sign import CannotSign, SigningKey, dns_record, new_key, sign
from signing import body_form, header_form

RSA = SigningKey("shop.example", "a-rsa", new_key("rsa"))
ED = SigningKey("shop.example", "b-ed25519", new_key("ed25519"))
NOW = 1_790_000_000
RAW = (
    b"From: Anna <anna@shop.example>\r\nTo: ben@far.example\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
    b"Date: Mon, 21 Sep 2026 10:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello  there \r\n\r\n\r\n"
)
SIGNED = (
    *("from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding", "content-disposition"),
)
BOTH = [("a-rsa", "pass"), ("b-ed25519", "pass")]


def resolver(*keys: SigningKey) -> DictResolver:
    records = [dns_record(key) for key in keys]
    return DictResolver({record.name: {"TXT": [record.value]} for record in records})


DNS = resolver(RSA, ED)


def results(raw: bytes, now: int = NOW) -> list[tuple[str, str]]:
    return [(one.selector, one.result) for one in verify(read_message(raw), DNS, first=bool, now=now)]


def tags(signed: bytes) -> list[dict[bytes, bytes]]:
    return [tag_list(one.value) for one in read_message(signed).named(b"dkim-signature")]


def test_both_signatures_of_an_email_verify() -> None:
    assert results(sign(RAW, (RSA, ED), NOW)) == BOTH


def test_signatures_stand_in_the_order_of_the_keys_before_an_untouched_email() -> None:
    signed = sign(RAW, (ED, RSA), NOW)
    assert signed.endswith(RAW)
    assert [one[b"s"] for one in tags(signed)] == [b"b-ed25519", b"a-rsa"]
    assert sign(RAW, (), NOW) == RAW


def test_the_same_email_key_and_time_give_the_same_bytes() -> None:
    assert sign(RAW, (RSA, ED), NOW) == sign(RAW, (RSA, ED), NOW)
    assert sign(RAW, (ED,), NOW + 1) != sign(RAW, (ED,), NOW)


def test_what_a_signature_says_of_itself() -> None:
    for one in tags(sign(RAW, (RSA, ED), NOW)):
        assert one[b"c"] == b"relaxed/relaxed"
        assert one[b"t"] == b"1790000000"
        # An email may wait two days in our queue and as long in the next.
        assert not one.keys() & {b"l", b"x"}


def test_each_field_that_matters_is_signed_once_more_than_it_is_there() -> None:
    raw = b"Cc: a@far.example\r\nCc: b@far.example\r\nList-Unsubscribe: <https://shop.example/u>\r\n" + RAW
    for one in tags(sign(raw, (RSA, ED), NOW)):
        names = [name.strip().decode() for name in one[b"h"].split(b":")]
        present = [field.name.decode() for field in read_message(raw).fields]
        assert {name: names.count(name) for name in SIGNED} == {name: present.count(name) + 1 for name in SIGNED}
        # Servers on the way may add these: they are covered as they are.
        assert names.count("list-unsubscribe") == 1
        assert "sender" not in names


@pytest.mark.parametrize("name", SIGNED)
def test_a_field_added_beside_what_was_signed_breaks_both_signatures(name: str) -> None:
    signed = sign(RAW, (RSA, ED), NOW)
    added = f"{name.title()}: eve@evil.example\r\n".encode()
    for raw in (added + signed, signed.replace(b"MIME-Version", added + b"MIME-Version")):
        assert "pass" not in {result for _, result in results(raw)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello", b"Hullo"),
        (b"Anna", b"Anne"),
        (b"ben@far", b"bob@far"),
        (b"Subject: ", b"Subject: x"),
        (b"Message-ID: <1@shop.example>\r\n", b""),
        (b"there \r\n", b"there \r\nand more\r\n"),
        (b"charset=utf-8", b"charset=utf-7"),
    ],
)
def test_what_is_changed_or_taken_out_no_longer_verifies(old: bytes, new: bytes) -> None:
    signed = sign(RAW, (RSA, ED), NOW)
    head, body = signed[: -len(RAW)], signed[-len(RAW) :]
    assert old in body
    assert results(head + body.replace(old, new, 1)) == [("a-rsa", "fail"), ("b-ed25519", "fail")]


def test_the_time_and_the_fields_of_a_signature_are_signed_too() -> None:
    signed = sign(RAW, (RSA, ED), NOW)
    assert signed.count(b"t=1790000000") == 2
    for changed in (signed.replace(b"t=1790000000", b"t=1790000001"), signed.replace(b":cc", b"")):
        assert "pass" not in {result for _, result in results(changed)}


def test_blanks_that_relays_change_do_no_harm() -> None:
    signed = sign(RAW, (RSA,), NOW)
    assert results(signed.replace(b"Hello  there \r\n\r\n\r\n", b"Hello there\r\n")) == [("a-rsa", "pass")]
    assert results(signed.replace(b"Subject: =?", b"Subject:\r\n  =?")) == [("a-rsa", "pass")]
    assert results(signed.replace(b"Subject: ", b"SUBJECT:\t ")) == [("a-rsa", "pass")]


HEAD = RAW.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"\r\n\r\n",
        HEAD + b"\r\n\r\n\r\n\r\n\r\n",
        HEAD + b"\r\n\r\n \t\r\n",
        HEAD + b"\r\n\r\nno line end",
        HEAD + b"\r\n\r\n" + b"x" * 200_000,
        HEAD + b"\r\n\r\n\xff\xfe\x00 8-bit \x80\r\n",
        HEAD + b"\r\n",
        HEAD,
        b"From: anna@shop.example\r\n\r\nOnly a sender\r\n",
        HEAD + b"\r\nX-Raw: \xe4\xf6\xfc\r\nCc: \xc3\xa4@far.example\r\n\r\nhi\r\n",
        HEAD + b"\r\nReferences: " + b" ".join(b"<%d@shop.example>" % n for n in range(3_000)) + b"\r\n\r\nhi\r\n",
        HEAD + b"\r\nReferences:" + b"".join(b"\r\n\t<%d@shop.example>" % n for n in range(3_000)) + b"\r\n\r\nhi\r\n",
        HEAD + b"\r\nCc:\r\n\r\nempty field\r\n",
        HEAD + b"\r\nDKIM-Signature: v=1; of somebody else\r\n\r\nhi\r\n",
    ],
)
def test_any_email_with_a_sender_can_be_signed(raw: bytes) -> None:
    signed = sign(raw, (RSA, ED), NOW)
    assert results(signed)[:2] == BOTH


def test_bare_line_feeds_become_the_line_ends_that_were_signed() -> None:
    signed = sign(RAW.replace(b"\r\n", b"\n"), (RSA, ED), NOW)
    assert signed == sign(RAW, (RSA, ED), NOW)


def test_a_bare_carriage_return_in_the_body_is_signed_as_it_is_transmitted() -> None:
    assert sign(HEAD + b"\r\n\r\na\rb\r\r\n", (ED,), NOW) == sign(HEAD + b"\r\n\r\na\r\nb\r\n\r\n", (ED,), NOW)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"From eve@evil.example Mon Sep 21\r\n" + RAW, "does not start with a header field"),
        (b"", "no From"),
        (b"To: ben@far.example\r\n\r\nhi\r\n", "no From"),
        (b"From: eve@evil.example\r\n" + RAW, "more than one From"),
        (b"From: a@shop.example\r\nX: a\rb\r\n\r\nhi\r\n", "control character"),
        (b"From: a@shop.example\r\nX: a\0b\r\n\r\nhi\r\n", "control character"),
        (b"From: a@shop.example\r\nthis is no field\r\n\r\nhi\r\n", "no field"),
    ],
)
def test_what_no_signature_can_hold_for_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(CannotSign, match=rf"a-rsa of shop\.example.*{why}"):
        sign(raw, (RSA, ED), NOW)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_signed_so_that_they_verify_or_are_refused(junk: bytes, in_head: bool) -> None:
    raw = b"From: anna@shop.example\r\n" + (b"X: " if in_head else b"\r\n") + junk
    try:
        signed = sign(raw, (ED,), NOW)
    except CannotSign:
        return
    assert ("b-ed25519", "pass") in results(signed)
    # What a sending program makes of line ends (RFC 5321 section 2.3.8) does no harm.
    assert ("b-ed25519", "pass") in results(re.sub(rb"\r\n|\r|\n", b"\r\n", signed))


LINE = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=80)
DRAFTS = st.builds(
    Draft,
    sender=st.just(parse_address("anna@shop.example")),
    to=st.sampled_from([(parse_address("ben@far.example"),), (parse_address("béa@käse.example"),)]),
    subject=LINE,
    text=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=400),
    message_id=st.just("<m@shop.example>"),
    date=st.just(datetime(2026, 9, 21, tzinfo=UTC)),
    sender_name=LINE,
    html=st.sampled_from(["", "<p>Grüße</p>"]),
    cc=st.sampled_from([(), (parse_address("kim@far.example"), parse_address("lu@near.example"))]),
    in_reply_to=st.sampled_from(["", "<r@far.example>"]),
    references=st.sampled_from([(), tuple(f"<{n}@far.example>" for n in range(30))]),
    files=st.binary(max_size=200).map(lambda data: (File("Größe.bin", "application/octet-stream", data),)[: len(data)]),
)


@given(DRAFTS)
@settings(max_examples=80, deadline=None)
def test_whatever_is_composed_can_be_signed_and_verifies(draft: Draft) -> None:
    raw = compose(draft)
    signed = sign(raw, (RSA, ED), NOW)
    assert signed.endswith(raw)
    assert results(signed) == BOTH
    assert all(len(line) <= 78 for line in signed[: -len(raw)].split(b"\r\n"))


def covered(raw: bytes) -> tuple[list[bytes], bytes]:
    """What a relaxed signature sees of an email without its signatures, by the plain words of the standard."""
    # A line end alone is taken for a whole one by who verifies, and made one by who passes the email on.
    raw = b"\r\n".join(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
    fields = raw.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b"\t").split(b"\r\n")
    names = [name.encode() for name in SIGNED]
    seen = [header_form(one, b"relaxed") for one in fields if one.partition(b":")[0].strip().lower() in names]
    return sorted(seen), body_form(raw, b"relaxed")


@given(DRAFTS, st.data())
def test_any_change_to_what_was_signed_is_noticed(draft: Draft, data: st.DataObject) -> None:
    raw = compose(draft)
    head = sign(raw, (RSA, ED), NOW)[: -len(raw)]
    at = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:at] + data.draw(st.binary(max_size=3)) + raw[at + data.draw(st.integers(0, 3)) :]
    noticed = "pass" not in {result for _, result in results(head + changed)}
    assert noticed or covered(changed) == covered(raw)


def test_dkimpy_verifies_both_signatures() -> None:
    dkim: Any = pytest.importorskip("dkim")
    pytest.importorskip("nacl")
    records = {f"{record.name}.": record.value.encode() for record in map(dns_record, (RSA, ED))}
    html = "<p>Grüße  </p>\n\n"
    draft = Draft(
        parse_address("anna@shop.example"), (parse_address("ben@far.example"),), "Größe", "Hello  \n\n.\n\n",
        "<m@shop.example>", datetime(2026, 9, 21, tzinfo=UTC), sender_name="Anna", html=html,
        cc=(parse_address("kim@far.example"),), references=tuple(f"<{n}@far.example>" for n in range(30)),
        files=(File("a.bin", "application/octet-stream", bytes(range(256))),),
    )  # fmt: skip
    for raw in (RAW, HEAD + b"\r\n\r\n", HEAD + b"\r\n\r\n \r\n\r\n", compose(draft)):
        signed = sign(raw, (RSA, ED), NOW)
        for number in (0, 1):
            checked = dkim.DKIM(signed)
            assert checked.verify(number, dnsfunc=lambda name, timeout=5: records[name.decode()])
        broken = dkim.DKIM(signed.replace(b"ben@far", b"bob@far"))
        assert not broken.verify(0, dnsfunc=lambda name, timeout=5: records[name.decode()])


# Keys and their records


def pem(private: Any, password: bytes = b"") -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))


def test_a_record_is_cut_into_pieces_that_dns_can_hold() -> None:
    record = dns_record(RSA)
    assert record.name == "a-rsa._domainkey.shop.example"
    assert all(len(piece) <= 255 for piece in record.pieces)
    assert record.value.startswith("v=DKIM1; k=rsa; p=")
    assert len(base64.b64decode(dns_record(ED).value.partition("p=")[2])) == 32


def test_the_key_of_rfc_8463_gives_its_record() -> None:
    """Appendix A.1 and A.2."""
    private = ed25519.Ed25519PrivateKey.from_private_bytes(
        base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    )
    record = dns_record(SigningKey("football.example.com", "brisbane", pem(private)))
    assert record.name == "brisbane._domainkey.football.example.com"
    assert record.value == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def test_names_in_other_scripts_are_written_as_the_dns_knows_them() -> None:
    key = replace(ED, domain="Käse.example", selector="S1")
    assert dns_record(key).name == "s1._domainkey.xn--kse-qla.example"
    (one,) = tags(sign(RAW, (key,), NOW))
    assert (one[b"d"], one[b"s"]) == (b"xn--kse-qla.example", b"s1")


def test_long_names_fold_and_still_verify() -> None:
    domain = ".".join(["d" * 60] * 3 + ["example"])
    key = SigningKey(domain, "s" * 63, ED.pem)
    signed = sign(RAW, (key,), NOW)
    (found,) = verify(read_message(signed), resolver(key), first=bool, now=NOW)
    assert (found.result, found.domain) == ("pass", domain)
    assert max(map(len, signed.split(b"\r\n"))) < 998


KEPT = pem(rsa.generate_private_key(65_537, 2_048), b"secret")
SHORT = pem(rsa.generate_private_key(65_537, 1_024))
OTHER = pem(ec.generate_private_key(ec.SECP256R1()))


@pytest.mark.parametrize(
    "octets",
    [b"", b"no key", RSA.pem[:200], RSA.pem.replace(b"PRIVATE", b"PUBLIC"), b"\xff" * 900, KEPT, SHORT, OTHER],
    ids=["empty", "words", "cut", "public", "junk", "password", "1024 bits", "curve"],
)
def test_what_is_no_key_is_said_with_domain_and_selector(octets: bytes) -> None:
    key = SigningKey("shop.example", "x", octets)
    with pytest.raises(CannotSign, match=r"x of shop\.example"):
        sign(RAW, (RSA, key), NOW)
    with pytest.raises(CannotSign, match=r"x of shop\.example"):
        dns_record(key)


@pytest.mark.parametrize(
    ("domain", "selector"),
    [
        ("shop.example; l=0", "x"),
        ("shop.example\r\nBcc: eve@evil.example", "x"),
        ("shop.example", "x; t=y"),
        ("shop.example", "x\r\n"),
        ("", "x"),
        ("shop.example", ""),
        ("shop.example", "\ud800"),
    ],
)
def test_no_name_can_carry_another_tag_or_field(domain: str, selector: str) -> None:
    with pytest.raises(CannotSign):
        sign(RAW, (SigningKey(domain, selector, ED.pem),), NOW)
