from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from letterlock.message.address import parse_address
from letterlock.message.names import (
    MAX_LOCAL,
    candidates,
    is_kept,
    is_local_part,
    local_part,
    mailbox_key,
    numbered,
    random_local_part,
    untagged,
    with_random_end,
)


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("GitHub", "github"),
        ("  My Shop & Co. ", "my-shop-co"),
        ("Zürich Straße", "zuerich-strasse"),
        ("Mu\u0308ller", "mueller"),
        ("Zoë", "zoe"),
        ("Łukasz", "lukasz"),
        ("Кириллица", "kirillitsa"),
        ("日本", "riben"),
        ("🎉 Party", "tada-party"),
        ("Søren Ærø", "soeren-aeroe"),
        ("ＡＢＣ１２", "abc12"),
        ("..--x--..", "x"),
        ("sarah.shield", "sarah.shield"),
        ("Dr. Sarah", "dr-sarah"),
        ("a" * 60, "a" * MAX_LOCAL),
        ("!?", ""),
        ("", ""),
        ("\ud800", ""),
    ],
)
def test_a_name_in_any_script_becomes_readable(name: str, local: str) -> None:
    assert local_part(name) == local


@given(st.text(max_size=100), st.text(max_size=30))
@example("-a" * 30, "b" * 60)
@example("a" * 39 + ".b", "")
def test_any_name_gives_valid_local_parts_and_no_exception(name: str, org: str) -> None:
    made = candidates(name, org)
    more = [one for local in made for one in (*numbered(local), with_random_end(local))]
    for local in (*made, *more, random_local_part()):
        assert is_local_part(local)
        assert len(local) <= MAX_LOCAL
        assert str(parse_address(f"{local}@example.com")) == f"{local}@example.com"


def test_with_where_somebody_belongs_there_are_more_ways_to_say_a_name() -> None:
    assert candidates("Sarah Shield") == ("sarah-shield",)
    assert candidates("Sarah Shield", "Palisade") == ("sarah-shield", "sarah-shield-palisade", "s-shield")
    assert candidates("Sarah", "!") == ("sarah",)


@pytest.mark.parametrize("text", ["", "A", "a b", ".a", "a.", "a..b", "a.-b", "-a", "a+b", "ä", "a" * 65, "a\n"])
def test_what_is_no_local_part_of_ours_is_not_taken_for_one(text: str) -> None:
    assert not is_local_part(text)


@pytest.mark.parametrize("local", ["postmaster", "Post-Master", "no.reply", "noreply", "a.d.m.i.n", "mailer-daemon"])
def test_names_that_speak_for_the_house_are_kept_however_they_are_dotted(local: str) -> None:
    assert is_kept(local, "house")
    assert is_kept(local, "shared")


def test_on_a_domain_of_ones_own_only_the_names_of_machines_are_kept() -> None:
    assert [is_kept("admin", ground) for ground in ("own", "house", "shared")] == [False, True, True]  # type: ignore[arg-type]
    assert [is_kept("support", ground) for ground in ("own", "house", "shared")] == [False, False, True]  # type: ignore[arg-type]
    assert is_kept("bounces", "own")
    assert not is_kept("postmaster-2", "shared")


def test_dots_before_the_at_make_no_other_mailbox() -> None:
    key = mailbox_key(parse_address("sarahshield@example.com"))
    assert mailbox_key(parse_address("Sarah.Shi.eld@EXAMPLE.com")) == key
    assert mailbox_key(parse_address('"a..b"@example.com')) == '"a..b"@example.com'


def test_a_local_part_with_a_tag_is_told_from_a_name_with_a_plus() -> None:
    assert untagged(" sarah+shop ") == "sarah"
    assert untagged("Tom + Anna") == ""
    assert untagged("C++ builds") == ""
    assert untagged("+x") == ""
