"""What scanned codes say about the item."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import gs1
from devices.gs1 import ScannedIdentity
from inspection.errors import IdentityError

GTIN = "00614141401017"
FULL = ScannedIdentity(GTIN, "S1", "LOT7", date(2027, 12, 31))


@pytest.mark.parametrize("aim", ["", "]C1", "]d2", "]Q3", "]e0", "]J1"])
def test_an_element_string_gives_gtin_serial_lot_and_expiry(aim: str) -> None:
    assert gs1.parse(f"01{GTIN}1727123121S1\x1d10LOT7", aim) == FULL


def test_fnc1_in_front_and_at_the_end_is_no_data() -> None:
    assert gs1.parse(f"\x1d01{GTIN}21S1\x1d", "") == ScannedIdentity(GTIN, "S1")


def test_the_order_of_the_elements_does_not_matter() -> None:
    assert gs1.parse(f"10LOT7\x1d21S1\x1d17271231\x1d01{GTIN}", "]C1") == FULL


def test_elements_in_brackets_are_read() -> None:
    assert gs1.parse(f"(01){GTIN}(17)271231(21)S1(10)LOT7") == FULL


def test_an_expiry_of_day_00_is_the_last_of_the_month() -> None:
    assert gs1.parse(f"01{GTIN}17270200").expiry == date(2027, 2, 28)


@pytest.mark.parametrize(
    "uri",
    [
        f"https://id.gs1.org/01/{GTIN}/10/LOT7/21/S1?17=271231",
        f"HTTPS://ID.GS1.ORG/01/{GTIN}/10/LOT7/21/S1?17=271231",
        f"https://brand.example/some/path/01/{GTIN}/10/LOT7/21/S1?17=271231&utm_source=label",
    ],
)
@pytest.mark.parametrize("aim", ["", "]Q1", "]d1", "]Q3"])
def test_a_digital_link_gives_the_same(uri: str, aim: str) -> None:
    assert gs1.parse(uri, aim) == FULL


def test_a_digital_link_unescapes_its_values() -> None:
    assert gs1.parse(f"https://id.gs1.org/01/{GTIN}/21/A%2FB").serial == "A/B"


@pytest.mark.parametrize(
    ("text", "aim", "gtin"),
    [
        ("4006381333931", "]E0", "04006381333931"),
        ("4006381333931", "", "04006381333931"),
        ("614141401017", "]E0", GTIN),
        ("614141401017", "", GTIN),
        ("0614141401017", "]E0", GTIN),
        ("02345673", "]E4", "00000002345673"),
        ("96385074", "", "00000096385074"),
        ("80614141123458", "]I1", "80614141123458"),
        ("2112345678900", "]E0", "02112345678900"),
        ("04252614", "", "00042100005264"),
        ("04252614", "]E0", "00042100005264"),
        ("4006381333931", "]C0", "04006381333931"),
    ],
)
def test_a_plain_ean_or_upc_is_a_gtin_without_serial(text: str, aim: str, gtin: str) -> None:
    assert gs1.parse(text, aim) == ScannedIdentity(gtin)


def test_the_composite_part_beside_an_ean_adds_its_elements() -> None:
    assert gs1.parse("4006381333931|]e010LOT7\x1d21S1", "]E0") == ScannedIdentity("04006381333931", "S1", "LOT7")


@pytest.mark.parametrize(
    ("text", "aim"),
    [
        ("4006381333932", ""),
        ("4006381333932", "]E0"),
        ("0100614141401018", "]C1"),
        ("01006141414010182112345", ""),
        ("https://id.gs1.org/01/00614141401018", "]Q1"),
        ("02345674", "]E4"),
        ("80614141123459", "]I1"),
    ],
)
def test_a_wrong_check_digit_is_refused(text: str, aim: str) -> None:
    with pytest.raises(IdentityError, match="check digit"):
        gs1.parse(text, aim)


@pytest.mark.parametrize(
    ("text", "aim"),
    [
        ("", ""),
        ("", "]C1"),
        ("HELLO", ""),
        ("1Z999AA10123456784", ""),
        ("https://example.com/hello", "]Q1"),
        ("https://[", "]Q1"),
        ("400638133393", "]E4"),
        ("1234ABC890123", "]E0"),
        ("02345673", ""),  # an EAN-8 as well as a UPC-E
        ("00000000000000", ""),
        ("96385074", "]E0"),  # an EAN-8 comes as ]E4
        ("123456", ""),  # six digits have no check digit: an order number as easily as a UPC-E
        ("2198765", ""),  # an order number as easily as AI 21
        ("00006141411234567890", ""),  # an SSCC names a parcel, not an item
        (f"01{GTIN}17271331", ""),
        (f"01{GTIN}21" + "A" * 21, ""),
        (f"01{GTIN}21S1\x1d01{GTIN}21S2", ""),
        (f"01{GTIN}\x1d0104006381333931", ""),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", ""),  # digits to Python, not to GS1
    ],
)
def test_what_is_no_item_code_is_refused(text: str, aim: str) -> None:
    with pytest.raises(IdentityError):
        gs1.parse(text, aim)


@pytest.mark.parametrize("text", ["21S1", "21S1\x1d10LOT7"])
def test_a_serial_alone_is_taken_where_the_symbol_promises_gs1(text: str) -> None:
    assert gs1.parse(text, "]C1").serial == "S1"
    assert gs1.parse(text, "]C1").gtin is None


def test_the_error_quotes_no_more_than_a_line() -> None:
    with pytest.raises(IdentityError) as caught:
        gs1.parse("x" * 8000)
    assert len(caught.value.one_line()) < 500


@given(st.text(max_size=60), st.sampled_from(["", "]C1", "]E0", "]Q1", "]Q3"]))
def test_any_text_is_an_identity_or_an_identity_error(text: str, aim: str) -> None:
    for candidate in (text, f"01{GTIN}{text}", f"https://a/01/{GTIN}/{text}", f"({text}", f"{text}|]e0{text}"):
        try:
            identity = gs1.parse(candidate, aim)
        except IdentityError:
            continue
        assert identity.gtin is None or gs1.check_gtin(identity.gtin) == identity.gtin
