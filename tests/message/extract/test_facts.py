"""Dates, amounts, phone numbers and tracking numbers as people write them, and numbers that are none of these."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.facts import Facts, find_facts
from running import clean_environment
from timing import takes_linear_time


def dates(text: str, hint: str = "") -> list[tuple[str, str]]:
    return [(text[fact.start : fact.end], fact.iso) for fact in find_facts(text, hint).dates]


def amounts(text: str) -> list[tuple[str, str, str]]:
    return [(text[fact.start : fact.end], fact.value, fact.currency) for fact in find_facts(text).amounts]


def phones(text: str, hint: str = "") -> list[str]:
    return [fact.number for fact in find_facts(text, hint).phones]


def tracking(text: str) -> list[tuple[str, str]]:
    return [(fact.carrier, fact.number) for fact in find_facts(text).tracking]


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2026-11-20", "2026-11-20"),
        ("2026/11/20", "2026-11-20"),
        ("20.11.2026", "2026-11-20"),
        ("20/11/2026", "2026-11-20"),
        ("11/20/2026", "2026-11-20"),
        ("20 November 2026", "2026-11-20"),
        ("20. November 2026", "2026-11-20"),
        ("November 20, 2026", "2026-11-20"),
        ("Nov. 20th, 2026", "2026-11-20"),
        ("20 de noviembre de 2026", "2026-11-20"),
        ("20 de novembro de 2026", "2026-11-20"),
        ("20 novembre 2026", "2026-11-20"),
        ("1er décembre 2026", "2026-12-01"),
        ("20 listopada 2026", "2026-11-20"),
        ("20. listopadu 2026", "2026-11-20"),
        ("20 ноября 2026", "2026-11-20"),
        ("20 Kasım 2026", "2026-11-20"),
        ("2026年11月20日", "2026-11-20"),
        ("2026년 11월 20일", "2026-11-20"),
        ("20 November", "--11-20"),
        ("November 20", "--11-20"),
        ("May 4", "--05-04"),
        ("29 February 2028", "2028-02-29"),
    ],
)
def test_a_date_is_read_as_written(written: str, iso: str) -> None:
    assert dates(f"It is due on {written}.") == [(written, iso)]


@pytest.mark.parametrize(
    ("hint", "iso"), [("", ""), ("en", ""), ("en-US", "2026-03-04"), ("en-GB", "2026-04-03"), ("fr", "2026-04-03")]
)
def test_day_and_month_are_told_apart_by_the_language_or_not_at_all(hint: str, iso: str) -> None:
    assert dates("Due 03/04/2026", hint) == [("03/04/2026", iso)]


@pytest.mark.parametrize(
    "text",
    [
        "31.02.2026",
        "29 February 2026",
        "2026-13-01",
        "version 1.2.3",
        "10.11.12.13",
        "phone 030-11-20",
        "option 4 may be best",
        "we march 5 miles",
        "order 2026-11-20-77",
        "a1/2/2026",
    ],
)
def test_numbers_that_are_no_dates(text: str) -> None:
    assert dates(text) == []


def test_the_date_of_a_time_is_read() -> None:
    assert dates("at 2026-11-20T09:30:00Z") == [("2026-11-20", "2026-11-20")]


@pytest.mark.parametrize(
    ("written", "value", "currency"),
    [
        ("€1,234.56", "1234.56", "EUR"),
        ("1.234,56 €", "1234.56", "EUR"),
        ("1 234,56 €", "1234.56", "EUR"),
        ("CHF 1'234.50", "1234.50", "CHF"),
        ("12,50 EUR", "12.50", "EUR"),
        ("$5", "5", "$"),
        ("$1,000", "1000", "$"),
        ("US$ 20.00", "20.00", "USD"),
        ("£0.99", "0.99", "GBP"),
        ("1.000 kr", "1000", "kr"),
        ("₹1,00,000", "100000", "INR"),
        ("R$ 10,00", "10.00", "BRL"),
        ("99,90 zł", "99.90", "PLN"),
        ("1500 руб", "1500", "RUB"),
        ("500円", "500", "JPY"),
        ("1.234 KWD", "1.234", "KWD"),
        ("-12.00 EUR", "-12.00", "EUR"),
        ("20 euros", "20", "EUR"),
    ],
)
def test_an_amount_is_read_as_written(written: str, value: str, currency: str) -> None:
    assert amounts(f"Total: {written}, thank you.") == [(written, value, currency)]


@pytest.mark.parametrize(
    "text", ["6 ft tall", "12 pieces", "room 5", "Fr 12:30", "1.2.3.4 EUR", "10 may", "the USD", "ID 12EUROPE"]
)
def test_numbers_that_are_no_amounts(text: str) -> None:
    assert amounts(text) == []


def test_a_currency_belongs_to_one_number() -> None:
    assert [value for _, value, _ in amounts("5 EUR 10 pieces, EUR 7 EUR 8")] == ["5", "7", "8"]


def test_phone_numbers_are_read_with_their_country() -> None:
    text = "Call +49 170 1234567, +1 (415) 555-2671 or 0044 20 7946 0958."
    assert phones(text) == ["+491701234567", "+14155552671", "+442079460958"]


def test_numbers_without_a_country_are_read_where_the_language_tells_it() -> None:
    assert phones("Tel. 030 901820") == []
    assert phones("Tel. 030 901820", "de") == ["+4930901820"]
    assert phones("Call 415-555-2671", "en-US") == ["+14155552671"]
    assert phones("Call (415) 555-2671", "en-US") == ["+14155552671"]


def test_numbers_that_cannot_be_dialled_are_none() -> None:
    assert phones("+999 123 456 789 and +49 1 and order 0012345678901") == []


@pytest.mark.parametrize(
    "text",
    [
        "order 0012345678901",
        "Order no. 030 901820",
        "Your reference: 030 901820",
        "Bestellnummer 0170 1234567",
        "Kundennr. 0170 1234567",
        "Rechnung 030-901820",
        "account number 0170 1234567",
        "IBAN 0170 1234567",
        "Commande n° 030 901820",
        "Pedido 030 901820",
        "Заказ № 030 901820",
        "DHL 0331881002 and 3318810025",
        "Sent with DHL 0331 881002",
        "0012345678901",
        "01701234567",
        "1701234567890123456789",
        "4111 1111 1111 1111",
        "192.168.100.200",
        "2026-11-20 10:30:00",
        "030 901820 7713 4482 9913 2277",
    ],
)
def test_numbers_of_orders_accounts_and_parcels_are_no_phones(text: str) -> None:
    assert phones(text, "de") == []


def test_a_word_for_a_phone_before_a_number_makes_it_one() -> None:
    assert phones("Tel.: 01701234567", "de") == ["+491701234567"]
    assert phones("Your order: call 0170 1234567", "de") == ["+491701234567"]
    assert phones("Reference: +49 170 1234567") == ["+491701234567"]
    assert phones("DHL\n030 901820", "de") == ["+4930901820"]


@pytest.mark.parametrize(
    ("text", "value", "currency", "where"),
    [
        ("USD 1.2 million", "1200000", "USD", "USD 1.2 million"),
        ("$1.5 Billion in sales", "1500000000", "$", "$1.5 Billion"),
        ("€1.5bn", "1500000000", "EUR", "€1.5bn"),
        ("pay $2k now", "2000", "$", "$2k"),
        ("5 Mio. Euro", "5000000", "EUR", "5 Mio. Euro"),
        ("1,5 Mrd. €", "1500000000", "EUR", "1,5 Mrd. €"),
        ("3万円", "30000", "JPY", "3万円"),
        ("2 億円", "200000000", "JPY", "2 億円"),
        ("₹5 lakh", "500000", "INR", "₹5 lakh"),
        ("12 млн руб", "12000000", "RUB", "12 млн руб"),
        ("R$ 1,5 milhão", "1500000", "BRL", "R$ 1,5 milhão"),
        ("$2 kids", "2", "$", "$2"),
        ("$5 m", "5", "$", "$5"),
        ("-$20.00", "-20.00", "$", "-$20.00"),
        ("EUR -20", "-20", "EUR", "EUR -20"),
        ("a-$5", "5", "$", "$5"),
    ],
)
def test_thousands_and_minus_signs_in_every_writing(text: str, value: str, currency: str, where: str) -> None:
    (amount,) = find_facts(text, "en-US").amounts
    assert (amount.value, amount.currency, text[amount.start : amount.end]) == (value, currency, where)


def test_three_digits_behind_a_mark_before_a_word_for_thousands_are_no_amount() -> None:
    assert find_facts("USD 1.234 million", "en-US").amounts == ()


UPS, USPS, FEDEX, GROUND, POST = (
    "1Z999AA10123456784",
    "9205590164917312751089",
    "986578788855",
    "041441760228964",
    "RB123456785GB",
)


def test_tracking_numbers_are_read_by_their_check_digit() -> None:
    assert tracking(f"UPS {UPS}") == [("ups", UPS)]
    assert tracking("USPS 9205 5901 6491 7312 7510 89.") == [("usps", USPS)]
    assert tracking(f"Your FedEx parcel {FEDEX}, and {GROUND}") == [("fedex", FEDEX), ("fedex", GROUND)]
    assert tracking("DHL Express: 3318810025") == [("dhl", "3318810025")]
    assert tracking(f"Royal Mail {POST}") == [("post", POST)]
    assert tracking("1Z 999 AA1 01 2345 6784") == [("ups", UPS)]


def test_numbers_that_fail_or_whose_carrier_is_not_named_are_none() -> None:
    assert tracking("1Z999AA10123456785") == []
    assert tracking("9205590164917312751088") == []
    assert tracking("RB123456784GB") == []
    assert tracking(f"Invoice {FEDEX}") == []
    assert tracking("Order 3318810025") == []


def test_a_tracking_number_is_no_phone_number() -> None:
    assert find_facts("DHL 0331881002 and 3318810025", "de").phones == ()


def test_each_kind_is_capped() -> None:
    facts = find_facts("Due 2026-11-20 for 5 EUR. Call +49 170 1234567. " * 80)
    assert (len(facts.dates), len(facts.amounts), len(facts.phones)) == (50, 50, 50)


def test_text_without_a_digit_has_no_facts() -> None:
    assert find_facts("May we march in euros? ٣") == Facts()


def test_the_library_for_phone_numbers_stays_out_until_it_is_needed() -> None:
    script = (
        "import sys; from letterlock.message.extract.facts import find_facts; find_facts('5 EUR on 2026-11-20'); "
        "print('phonenumbers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=clean_environment()
    )
    assert done.stdout.strip() == "False", done.stderr


@given(st.text(max_size=200), st.sampled_from(["", "de", "en-US", "xx-yy", "e", "--"]))
def test_no_text_raises_and_every_place_is_within_it(text: str, hint: str) -> None:
    for whole in (text, f"+49{text}1234567 5{text}EUR {text}1Z 3 May {text}"):
        facts = find_facts(whole, hint)
        for fact in (*facts.dates, *facts.amounts, *facts.phones, *facts.tracking):
            assert 0 <= fact.start < fact.end <= len(whole)


@given(st.text(alphabet="0123456789.,/-+() '\u00a0ZA€", max_size=80))
def test_no_digits_and_marks_raise(text: str) -> None:
    for fact in find_facts(text, "en-US").amounts:
        float(fact.value)


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1 ",
        "1.",
        "1,",
        "1'000",
        "+1",
        "+1 (",
        "1Z",
        "1Z 0 ",
        "1/",
        "1-1-",
        "May 1 ",
        "1 May ",
        "$",
        "$1",
        "(1",
        "AA1",
        "9" * 22 + " ",
        "030 901820 ",
        "order no 030 ",
        "AA 123 456 78 9 ",
        "1月",
        "(030) ",
        "1/2/",
    ],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    assert takes_linear_time(lambda text: find_facts(text, "en-US"), piece, 27_000, 0.01)
