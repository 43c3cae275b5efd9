from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import DictResolver
from letterlock.dns import DnsTrouble
from letterlock.domains import (
    KeyRecord,
    Looked,
    Verdict,
    claimable,
    domain_key,
    look,
    policy_id,
    policy_of,
    records_for,
)
from letterlock.errors import InvalidRequest
from letterlock.outbound.mta_sts import Asked, read_policy, record_id
from letterlock.settings import PolicyMode

NAME, TOKEN, HOST = "acme.example", "5" * 32, "mx.house.example"
MODES: tuple[PolicyMode, ...] = ("none", "testing", "enforce")
KEY = KeyRecord(f"s1._domainkey.{NAME}", "v=DKIM1; k=rsa; p=" + "QUJD" * 80, "required")
RECORDS = records_for(NAME, TOKEN, (HOST,), "", (KEY,))
WELL: dict[str, dict[str, Any]] = {
    f"_letterlock.{NAME}": {"TXT": [f"letterlock-verification={TOKEN}"]},
    NAME: {"MX": [(10, HOST)], "TXT": [f"v=spf1 a:{HOST} ~all"]},
    HOST: {"A": ["203.0.113.5"]},
    KEY.host: {"TXT": [KEY.value]},
    f"_dmarc.{NAME}": {"TXT": ["v=DMARC1; p=reject"]},
}


def seen(changes: dict[str, Any], names: dict[str, Any] = WELL) -> Looked:
    return look(NAME, RECORDS, DictResolver({**names, **changes}))


def of(looked: Looked, purpose: str) -> Verdict:
    return next(one for one in looked.verdicts if one.record.purpose == purpose)


def test_what_is_as_it_must_be_is_found() -> None:
    looked = seen({})
    assert looked.complete
    assert looked.tokens == {TOKEN}
    assert [one.record.purpose for one in looked.verdicts if one.status != "found"] == ["tls_rpt", "mta_sts"]


@pytest.mark.parametrize("mode", MODES)
def test_the_policy_is_one_that_senders_can_read_and_its_id_changes_with_it(mode: PolicyMode) -> None:
    policy = policy_of((HOST, "mx2.example"), mode)
    assert read_policy(policy.encode()) == Asked(mode, (HOST, "mx2.example"), 604_800)
    others = {policy_id(policy_of((HOST,), mode)), *(policy_id(policy_of((HOST, "mx2.example"), one)) for one in MODES)}
    assert len(others) == 4
    records = records_for(NAME, TOKEN, (HOST, "mx2.example"), "", (), mode)
    (record,) = [one for one in records if one.purpose == "mta_sts"]
    assert record_id((record.value.encode(),)) == policy_id(policy)
    assert (
        of(look(NAME, records, DictResolver({record.host: {"TXT": [f"{record.value};"]}})), "mta_sts").status == "found"
    )


def test_no_policy_has_no_record() -> None:
    assert policy_of((HOST,), "off") == ""
    assert "mta_sts" not in {one.purpose for one in records_for(NAME, TOKEN, (HOST,), "", (), "off")}


def test_of_an_empty_dns_everything_is_missing_and_nothing_is_wrong() -> None:
    looked = seen({}, {})
    assert {one.status for one in looked.verdicts} == {"missing"}
    assert [one.record.purpose for one in looked.lacking] == ["ownership", "mx", "spf", "dkim"]


def test_no_answer_is_not_taken_for_missing() -> None:
    looked = seen({name: DnsTrouble("time-out") for name in WELL})
    assert {one.status for one in looked.verdicts if one.record.need == "required"} == {"unknown"}
    assert looked.lacking == ()
    assert not looked.complete


@pytest.mark.parametrize(
    ("purpose", "changes", "problem"),
    [
        ("ownership", {f"_letterlock.{NAME}": {"TXT": ["letterlock-verification=other"]}}, "exactly as it is given"),
        ("mx", {NAME: {"MX": [(1, "mail.google.example")], "TXT": WELL[NAME]["TXT"]}}, "Mail goes elsewhere"),
        ("mx", {NAME: {"MX": [(5, "old.example"), (10, HOST)]}}, "Mail goes to old.example first"),
        ("mx", {NAME: {"MX": [(10, "also.example"), (10, HOST)]}}, "Mail goes to also.example first"),
        ("mx", {NAME: {"MX": [(0, "")]}}, "Mail goes elsewhere"),
        (
            "spf",
            {NAME: {"TXT": ["v=spf1 include:a.example -all", f"v=spf1 a:{HOST} ~all"]}},
            f'Keep one: "v=spf1 include:a.example a:{HOST} -all"',
        ),
        ("spf", {NAME: {"TXT": ["v=spf1 mx ~all"]}}, f'Make it: "v=spf1 mx a:{HOST} ~all"'),
        ("spf", {NAME: {"TXT": ["v=spf1 redirect=a.example"]}}, f'"v=spf1 a:{HOST} redirect=a.example"'),
        ("spf", {NAME: {"TXT": [f"v=spf1 a:{HOST} +all"]}}, "lets everybody send"),
        ("spf", {NAME: {"TXT": [f"v=spf1 a:{HOST} all"]}}, "lets everybody send"),
        ("spf", {NAME: {"TXT": [f"v=spf1 a:{HOST} nonsense ~all"]}}, "It is broken"),
        ("dkim", {KEY.host: {"TXT": [KEY.value.replace("QUJD", "REVG")]}}, "another key"),
        ("dkim", {KEY.host: {"TXT": [KEY.value[:255]]}}, "cut off"),
        ("dkim", {KEY.host: {"TXT": ["v=DKIM1; k=rsa; p="]}}, "takes the key back"),
        ("dkim", {KEY.host: {"TXT": [KEY.value, KEY.value]}}, "more than one record"),
        ("dkim", {KEY.host: {"TXT": [KEY.value.replace("k=rsa", "k=ed25519")]}}, "what stands around it"),
        ("dmarc", {f"_dmarc.{NAME}": {"TXT": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}}, "2 DMARC records"),
        ("mta_sts", {f"_mta-sts.{NAME}": {"TXT": ["v=STSv1; id=20200101T000000;"]}}, "policy is another"),
        ("mta_sts", {f"_mta-sts.{NAME}": {"TXT": ["v=STSv1; id=1", "v=STSv1; id=2"]}}, "2 such records"),
    ],
)
def test_what_is_wrong_is_said_with_what_stands_there(purpose: str, changes: dict[str, Any], problem: str) -> None:
    verdict = of(seen(changes), purpose)
    assert verdict.status == "wrong"
    assert problem in verdict.problem
    assert verdict.seen


@pytest.mark.parametrize(
    ("purpose", "changes"),
    [
        ("mx", {NAME: {"MX": [(10, HOST), (20, "backup.example")]}}),
        ("mx", {NAME: {"MX": [(7, HOST)]}}),
        ("spf", {NAME: {"TXT": ["other=1", f"V=SPF1 ip4:192.0.2.0/24 A:{HOST.upper()} -all"]}}),
        ("dkim", {KEY.host: {"TXT": [f"k=rsa; t=s; p={KEY.value[-320:-100]} {KEY.value[-100:]}"]}}),
        ("dmarc", {f"_dmarc.{NAME}": {"TXT": ["v=DMARC1;p=quarantine"]}}),
    ],
)
def test_what_says_the_same_in_other_words_is_found(purpose: str, changes: dict[str, Any]) -> None:
    assert of(seen(changes), purpose).status == "found"


def test_a_record_that_was_entered_with_the_domain_twice_is_found_where_it_is() -> None:
    doubled = f"_letterlock.{NAME}.{NAME}"
    names = {name: found for name, found in WELL.items() if not name.startswith("_letterlock.")}
    verdict = of(seen({doubled: WELL[f"_letterlock.{NAME}"]}, names), "ownership")
    assert verdict.status == "missing"
    assert doubled in verdict.problem


def test_the_dmarc_record_of_a_domain_above_counts() -> None:
    records = records_for(f"mail.{NAME}", TOKEN, (HOST,), "", ())
    verdict = of(look(f"mail.{NAME}", records, DictResolver(WELL)), "dmarc")
    assert (verdict.status, verdict.seen) == ("found", (f"p=reject, by the record of {NAME}",))


def test_several_servers_have_a_record_each_in_their_order() -> None:
    records = records_for(NAME, TOKEN, ("a.example", "b.example"), "include:spf.example", ())
    assert [(one.priority, one.value) for one in records if one.type == "MX"] == [(10, "a.example"), (20, "b.example")]
    assert "v=spf1 include:spf.example ~all" in [one.value for one in records]
    looked = look(NAME, records, DictResolver({NAME: {"MX": [(10, "a.example")]}}))
    assert [one.status for one in looked.verdicts if one.record.purpose == "mx"] == ["found", "wrong"]


@given(st.lists(st.binary(max_size=60), max_size=3), st.sampled_from([b"", b"v=spf1 ", b"v=DKIM1; p=", b"v=DMARC1;"]))
@settings(max_examples=40)
def test_whatever_stands_in_the_dns_gives_a_verdict_on_each(texts: list[bytes], start: bytes) -> None:
    everywhere = {record.host: {"TXT": [start + text for text in texts]} for record in RECORDS}
    looked = look(NAME, RECORDS, DictResolver(everywhere))
    assert [one.record for one in looked.verdicts] == list(RECORDS)
    assert looked.owned in ("missing", "wrong")
    assert all(len(one) <= 300 for verdict in looked.verdicts for one in verdict.seen)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (" Mail.Example.COM. ", "mail.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_has_one_key_however_it_is_written(text: str, key: str) -> None:
    assert domain_key(text) == claimable(text) == key


@pytest.mark.parametrize(
    "text", ["", "a b.example", "x@y.example", "https://a.example", "a..example", "192.0.2.1", "-a.example", "a" * 70]
)
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"is not a domain|is no domain of one owner"):
        claimable(text)


@pytest.mark.parametrize("text", ["com", "co.uk", "github.io", "house", "letterlock.localhost", "localhost"])
def test_what_nobody_can_own_cannot_be_claimed(text: str) -> None:
    assert domain_key(text) == text
    with pytest.raises(InvalidRequest):
        claimable(text)
