from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from letterlock.outgoing import Alarm, AlarmCode
from letterlock.policy import (
    AUTOMATIC_ANSWERS_PER_HOUR,
    CODES,
    MOST_RECIPIENTS,
    THREAD_EMAILS_PER_HOUR,
    Decision,
    Recipient,
    Refusal,
    SendContext,
    decide,
)

OURS = Recipient("bob@letterlock.localhost", local=True)
OUTSIDE = Recipient("carol@example.com", local=False)


def context(*recipients: Recipient, **changes: object) -> SendContext:
    fields = {"sender": "anna@letterlock.localhost", "sender_live": True, "relay_configured": True}
    return SendContext(recipients=recipients, **{**fields, **changes})  # type: ignore[arg-type]


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_an_email_between_our_inboxes_is_allowed_without_a_relay() -> None:
    assert decide(context(OURS, relay_configured=False)) == Decision("allow")


def test_an_email_to_the_outside_is_allowed_with_a_relay() -> None:
    assert decide(context(OURS, OUTSIDE)) == Decision("allow")


def test_without_a_relay_only_the_recipients_outside_are_held_and_the_setting_is_named() -> None:
    decision = decide(context(OURS, OUTSIDE, relay_configured=False))
    assert (decision.kind, codes(decision), decision.held) == ("hold", ["relay_host"], ("carol@example.com",))
    assert "relay_host" in decision.reasons[0].text
    assert "carol@example.com" in decision.reasons[0].text


def test_a_sender_that_is_gone_is_refused() -> None:
    assert codes(decide(context(OURS, sender_live=False))) == ["sender_inbox"]


def test_an_email_needs_a_recipient() -> None:
    assert codes(decide(context())) == ["no_recipient"]


def test_the_number_of_recipients_is_limited() -> None:
    most = [Recipient(f"r{n}@example.com", False) for n in range(MOST_RECIPIENTS)]
    assert decide(context(*most)).kind == "allow"
    decision = decide(context(*most, OUTSIDE))
    assert (decision.kind, codes(decision)) == ("refuse", ["too_many_recipients"])


def test_an_unknown_inbox_of_this_machine_is_refused_by_name_even_with_a_relay() -> None:
    decision = decide(context(Recipient("nobody@letterlock.localhost", False)))
    assert (decision.kind, codes(decision)) == ("refuse", ["no_such_inbox"])
    assert "nobody@letterlock.localhost" in decision.reasons[0].text


def test_an_address_that_asks_a_server_to_pass_mail_on_is_refused_whoever_vouches_for_it() -> None:
    for local in ("x%evil.example", "evil.example!x", '"x@evil.example"', '"x%evil.example"', "a!b%c"):
        named = Recipient(f"{local}@friend.example", local=False, named=True)
        assert codes(decide(context(named, approved=True))) == ["routed"]
        assert decide(context(Recipient(f"{local}@here.example", local=True))).kind == "allow"


def test_a_machine_that_answers_our_answers_is_not_answered_for_ever() -> None:
    few = context(replace(OUTSIDE, named=True), answers_automatic=True, sent_in_thread=AUTOMATIC_ANSWERS_PER_HOUR - 1)
    assert decide(few).kind == "allow"
    assert codes(decide(context(OUTSIDE, answers_automatic=True))) == ["automatic"]
    assert decide(context(OUTSIDE, answers_automatic=True, approved=True)).kind == "allow"
    many = context(replace(OUTSIDE, named=True), answers_automatic=True, sent_in_thread=AUTOMATIC_ANSWERS_PER_HOUR)
    assert codes(decide(many)) == ["loop"]
    assert decide(context(OUTSIDE, sent_in_thread=AUTOMATIC_ANSWERS_PER_HOUR)).kind == "allow"


def test_the_next_email_of_a_long_thread_waits_for_a_person() -> None:
    full = context(OUTSIDE, thread_limit=50)
    assert codes(decide(full)) == ["thread_limit"]
    assert "50 emails" in decide(full).reasons[0].text
    assert decide(replace(full, approved=True)).kind == "allow"
    here = decide(context(replace(OURS, own=True), thread_limit=50))
    assert (codes(here), here.held) == (["thread_limit"], (OURS.address,)), "two agents here may talk for ever, too"


def test_a_thread_that_two_agents_keep_going_is_stopped() -> None:
    assert codes(decide(context(OURS, sent_in_thread=THREAD_EMAILS_PER_HOUR))) == ["loop"]


recipients = st.builds(Recipient, st.sampled_from(["a@example.com", "b@x.localhost", "c@y.example"]), st.booleans())


@given(
    st.lists(recipients, max_size=60),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 100),
)
def test_whatever_is_not_allowed_has_a_reason_and_a_next_step(
    whom: list[Recipient], live: bool, relay: bool, automatic: bool, sent: int
) -> None:
    decision = decide(
        context(*whom, sender_live=live, relay_configured=relay, answers_automatic=automatic, sent_in_thread=sent)
    )
    assert (decision.kind == "allow") == (not decision.reasons)
    assert (decision.kind == "hold") == bool(decision.held)
    assert all(reason.text and reason.next_step for reason in decision.reasons)
    assert not set(decision.held) & {each.address for each in whom if each.local} or decision.kind == "hold"


def test_the_page_of_reasons_says_what_the_code_says() -> None:
    page = (Path(__file__).parents[1] / "docs" / "policy.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| (?:refuse|hold) \| (.+) \|$", page, re.MULTILINE))
    assert told == CODES


KNOWN = Recipient("ben@colleagues.example", False, named=True, known=True)


def test_what_a_person_let_go_is_not_held_again() -> None:
    held = context(OUTSIDE, tainted=True, first=3, carried=("carries_code",), paused=False)
    assert decide(held).by == "approval"
    assert decide(replace(held, approved=True)).kind == "allow"


def test_nothing_of_it_holds_mail_within_the_house() -> None:
    own = Recipient("bob@letterlock.localhost", local=True, own=True)
    assert decide(context(own, tainted=True, first=5, passes_on="mail", carried=("carries_code",))).kind == "allow"


def test_words_may_go_to_whom_a_person_vouches_for_but_no_code_or_secret() -> None:
    assert (
        decide(context(KNOWN, tainted=True, passes_on="mail", carried=("carries_mail", "carries_link"))).kind == "allow"
    )
    for carried in ("carries_code", "carries_secret"):
        assert codes(decide(context(KNOWN, carried=(carried,)))) == [carried]


@given(
    st.lists(
        st.builds(
            Recipient,
            st.sampled_from(["a@x.example", "b@y.example"]),
            st.booleans(),
            own=st.just(False),
            named=st.just(False),
            known=st.just(False),
            answered=st.booleans(),
            only_from_mail=st.booleans(),
        ),
        min_size=1,
        max_size=3,
    ),
    st.booleans(),
)
def test_a_tainted_agent_reaches_nobody_but_the_proved_author(recipients: list[Recipient], passes_on: bool) -> None:
    decision = decide(context(*recipients, tainted=True, passes_on="mail" if passes_on else ""))
    if decision.kind == "allow":
        assert all(recipient.answered for recipient in recipients)
        assert not passes_on


ALARMS = tuple(Alarm(code, "it is so") for code in get_args(AlarmCode))


def test_every_alarm_refuses_or_holds_and_no_person_lets_a_refusal_go() -> None:
    for alarm in ALARMS:
        decision = decide(context(KNOWN, alarms=(alarm,)))
        assert codes(decision) == [alarm.code]
        assert (decision.kind == "refuse") == (alarm.code in get_args(Refusal))
        approved = decide(context(KNOWN, alarms=(alarm,), approved=True))
        assert approved.kind == ("refuse" if decision.kind == "refuse" else "allow")


def test_within_the_house_only_programs_and_size_are_refused() -> None:
    own = Recipient("bob@letterlock.localhost", local=True, own=True)
    assert codes(decide(context(own, alarms=ALARMS))) == ["executable", "too_large"]
    holds = tuple(alarm for alarm in ALARMS if alarm.code not in get_args(Refusal))
    assert decide(context(own, alarms=holds)).kind == "allow"
