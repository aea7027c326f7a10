"""Elements of every kind: taken when GS1 allows them, refused with the reason when it does not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.gs1.application_identifiers import find, find_at_start, unassigned
from devices.gs1.check_digits import CSET_82, check_pair
from devices.gs1.code_lists import COUNTRY_LETTERS, COUNTRY_NUMBERS, CURRENCY_NUMBERS, PACKAGE_TYPES
from devices.gs1.content import check_value
from devices.gs1.dates import full_year, read_date
from devices.gs1.elements import (
    GS,
    Element,
    bracketed,
    check_together,
    concatenated,
    missing_with,
    parse_bracketed,
    parse_elements,
)
from devices.gs1.errors import Gs1Error

GTIN = "09521234543213"


def refused(code: str, value: str) -> str:
    ai = find(code)
    assert ai is not None
    with pytest.raises(Gs1Error) as caught:
        check_value(ai, value)
    return caught.value.code


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("00", "006141411234567890"),
        ("8003", "00614141123452"),
        ("8003", "00614141123452A/B"),
        ("253", "9521234543213"),
        ("255", "9521234543213123456789012"),
        ("8013", "1987654Ad4X4bL5ttr2310c2K"),
        ("7003", "2601312359"),
        ("7011", "260131"),
        ("7011", "2601311200"),
        ("7007", "260131260228"),
        ("8008", "26013123"),
        ("8008", "2601312359"),
        ("8008", "260131235959"),
        ("4324", "2601000000"),
        ("7251", "202402291830"),
        ("421", "276ABC"),
        ("423", "276840"),
        ("7030", "999ABC"),
        ("3912", "978000299"),
        ("4300", "A%20B"),
        ("4309", "02790858483015297971"),
        ("4331", "001234-"),
        ("8001", "12345678901211"),
        ("8006", "095212345432130102"),
        ("8007", "GB82WEST12345698765432"),
        ("8010", "0200#A"),
        ("8030", "QUJD-_8="),
        ("7258", "2/3"),
        ("8110", "012345612345611110123"),
        ("8110", "0123456123456111101233261231"),
        ("8112", "001234561234560123456"),
    ],
)
def test_a_value_that_gs1_allows_is_taken(code: str, value: str) -> None:
    [element] = parse_elements(code + value)
    assert (element.code, element.value) == (code, value)


@pytest.mark.parametrize(
    ("code", "value", "error"),
    [
        ("00", "006141411234567891", "check_digit"),
        ("01", "0952123454321A", "characters"),
        ("01", "٠٩٥٢١٢٣٤٥٤٣٢١٣", "characters"),
        ("253", "9521234543213" + "A" * 18, "length"),
        ("255", "9521234543213A", "content"),
        ("410", "9521234543214", "check_digit"),
        ("8003", "10614141123452", "content"),
        ("8003", "00614141123453", "check_digit"),
        ("8006", "095212345432140102", "check_digit"),
        ("8006", "095212345432130302", "content"),
        ("8006", "095212345432130002", "content"),
        ("8013", "1987654Ad4X4bL5ttr2310c2L", "check_digit"),
        ("8004", "A614141", "content"),
        ("8014", "123423", "check_digit"),
        ("11", "261301", "date"),
        ("17", "260230", "date"),
        ("7006", "260100", "date"),
        ("7003", "2601312400", "date"),
        ("8008", "2601312360", "date"),
        ("7250", "20230229", "date"),
        ("422", "275999", "length"),
        ("422", "277", "content"),
        ("425", "276277", "content"),
        ("7031", "998A", "content"),
        ("4307", "XX", "content"),
        ("3912", "00000299", "content"),
        ("4300", "A%2", "content"),
        ("4309", "18000000010000000000", "content"),
        ("4309", "00000000003600000001", "content"),
        ("4321", "2", "content"),
        ("4331", "001234A", "content"),
        ("7040", "1AB%", "content"),
        ("7041", "QZ", "content"),
        ("7241", "11", "content"),
        ("7252", "3", "content"),
        ("7258", "3/2", "content"),
        ("8001", "00005678901211", "content"),
        ("8001", "12345678901251", "content"),
        ("8007", "GB82WEST12345698765433", "content"),
        ("8007", "GB82", "content"),
        ("8011", "0123", "content"),
        ("8110", "712345612345611110123", "content"),
        ("8112", "212345612345601234567", "content"),
        ("21", "A B", "characters"),
        ("21", "", "length"),
        ("21", "A" * 21, "length"),
        ("37", "123456789", "length"),
    ],
)
def test_a_value_that_gs1_does_not_allow_is_refused_with_its_reason(code: str, value: str, error: str) -> None:
    assert refused(code, value) == f"gs1.{error}"


def test_check_characters_of_a_model_number_are_those_of_the_specification() -> None:
    assert check_pair("1987654Ad4X4bL5ttr2310c") == "2K"


def test_a_coupon_that_ends_before_it_starts_is_refused() -> None:
    coupon = "012345612345611110123"
    assert refused("8110", f"{coupon}32601314260201") == "gs1.content"
    assert parse_elements(f"8110{coupon}32602014260131")[0].code == "8110"


@pytest.mark.parametrize(
    ("two_digits", "now", "year"),
    [
        (26, 2026, 2026),
        (76, 2026, 2076),
        (77, 2026, 1977),
        (99, 2026, 1999),
        (0, 2051, 2100),
        (2, 2051, 2002),
        (1, 2051, 2101),
    ],
)
def test_the_century_is_that_of_the_nearer_year(two_digits: int, now: int, year: int) -> None:
    assert full_year(two_digits, now) == year


def test_day_00_is_the_last_of_the_month_where_it_may_stand() -> None:
    assert read_date("280200") == date(2028, 2, 29)
    with pytest.raises(ValueError, match="day"):
        read_date("280200", whole_months=False)


def test_elements_of_predefined_length_need_no_fnc1_and_may_have_it() -> None:
    packed = parse_elements(f"01{GTIN}3103000195{17}271231" + "10A")
    loose = parse_elements(f"01{GTIN}{GS}3103000195{GS}17271231{GS}10A{GS}")
    assert packed == loose
    assert concatenated(packed) == f"^01{GTIN}310300019517271231" + "10A"


@pytest.mark.parametrize("text", ["", GS, f"01{GTIN}{GS}{GS}10A", "05123", "10", f"01{GTIN}10", "1", "A"])
def test_what_is_no_element_string_is_refused(text: str) -> None:
    with pytest.raises(Gs1Error):
        parse_elements(text)


def test_brackets_in_a_value_are_escaped_or_such_that_no_ai_begins() -> None:
    assert parse_bracketed(r"(10)A\(21)B")[0].value == "A(21)B"
    assert parse_bracketed("(10)A(X)B")[0].value == "A(X)B"
    assert [element.code for element in parse_bracketed("(10) A (21) B")] == ["10", "21"]


@pytest.mark.parametrize("text", ["(10", "10)A", "(10)", "(89)A", "(1)A", "(10)A)(21)", "(x)1", "()"])
def test_what_is_not_in_brackets_as_it_should_is_refused(text: str) -> None:
    with pytest.raises(Gs1Error):
        parse_bracketed(text)


def test_an_ai_that_gs1_may_assign_one_day_can_be_kept() -> None:
    [element] = parse_bracketed("(89)ABC", unknown_ais=True)
    assert not element.ai.assigned
    for impossible in ("999", "011", "3109X", "1", "12345"):
        assert unassigned(impossible) is None
    seventh = unassigned("3107")
    assert seventh is not None
    assert seventh.length == 6


def test_measures_and_amounts_have_their_decimal_places() -> None:
    values = {"3103": "000195", "3920": "299", "3929": "1", "3932": "97800299", "3942": "1250", "3950": "000299"}
    found = {code: parse_elements(code + value)[0].decimal for code, value in values.items()}
    assert found == {
        "3103": Decimal("0.195"),
        "3920": Decimal(299),
        "3929": Decimal("1E-9"),
        "3932": Decimal("2.99"),
        "3942": Decimal("12.50"),
        "3950": Decimal(299),
    }
    assert parse_elements("393297800299")[0].currency == "978"
    assert parse_elements("10ABC")[0].decimal is None


@pytest.mark.parametrize(
    "text",
    [
        f"(01){GTIN}(02){GTIN}",
        f"(01){GTIN}(37)1",
        f"(01){GTIN}(01)04006381333931",
        f"(01){GTIN}(3103)000195(3102)001950",
        "(420)A(421)276A",
        f"(01){GTIN}(21)A(235)B",
        "(8003)00614141123452(8030)AB",
    ],
)
def test_elements_that_must_not_stand_together_are_refused(text: str) -> None:
    with pytest.raises(Gs1Error):
        check_together(parse_bracketed(text))


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("(21)A", 1),
        (f"(01){GTIN}(21)A", 0),
        (f"(01){GTIN}(250)A", 1),
        (f"(01){GTIN}(21)A(250)A", 0),
        ("(02)09521234543213(37)1", 1),
        ("(00)006141411234567890(02)09521234543213(37)1", 0),
        (f"(01){GTIN}(3922)299", 1),
        (f"(01){GTIN}(3922)299(3103)000195", 0),
        (f"(01){GTIN}(8040)123456789012345", 1),
    ],
)
def test_what_is_missing_beside_an_element_is_told(text: str, missing: int) -> None:
    assert len(missing_with(parse_bracketed(text))) == missing


def test_code_lists_have_their_members() -> None:
    assert {"276", "156", "764", "704"} <= COUNTRY_NUMBERS
    assert {"DE", "CN", "TH", "VN"} <= COUNTRY_LETTERS
    assert {"978", "156", "764", "704"} <= CURRENCY_NUMBERS
    assert {"BX", "PX", "201", "X20", "8"} <= PACKAGE_TYPES
    assert {"000", "DD", "ZZ"}.isdisjoint(COUNTRY_NUMBERS | COUNTRY_LETTERS)


VALUES = st.text(st.sampled_from(CSET_82), min_size=1, max_size=20)
VARIABLE = st.sampled_from(["10", "21", "22", "240", "241", "400", "91", "99"])
FIXED = st.sampled_from([("01", GTIN), ("17", "271231"), ("3103", "000195"), ("410", "9521234543213")])


@given(st.lists(st.tuples(VARIABLE, VALUES) | FIXED, min_size=1, max_size=8))
def test_every_list_of_elements_reads_back_as_written(pairs: list[tuple[str, str]]) -> None:
    elements = []
    for code, value in pairs:
        ai = find(code)
        assert ai is not None
        elements.append(Element(ai, value))
    for fnc1 in ("^", GS):
        assert list(parse_elements(concatenated(elements, fnc1=fnc1)[1:], fnc1=fnc1)) == elements
    if not any("(" in value for _, value in pairs):
        assert list(parse_bracketed(bracketed(elements))) == elements


@given(
    st.text(max_size=60), st.sampled_from(["01", "10", "17", "253", "310", "391", "7003", "8001", "8008", "8110", ""])
)
def test_any_text_is_elements_or_an_error(text: str, start: str) -> None:
    try:
        elements = parse_elements(start + text)
    except Gs1Error:
        return
    assert "".join(concatenated(elements, fnc1=GS).split(GS)) == (start + text).replace(GS, "")
    for element in elements:
        assert find_at_start(element.code) is element.ai
        assert element.date is None or isinstance(element.date, date)
