"""What stands of what was read: trusted at once, or twice alike and never differently."""

from __future__ import annotations

import pytest

from devices.barcode.in_frame_code import FrameCode
from devices.barcode.in_frame_symbols import (
    check_digit_right,
    expanded_upc_e,
    shortened_upc_e,
    text_and_data,
    well_formed,
)
from devices.barcode.in_frame_tally import Tally


def code(data: str, name: str = "EAN-13", x: float = 0, width: float = 100) -> FrameCode:
    return FrameCode(data, data, name, "", ((x, 0), (x + width, 0), (x + width, 40), (x, 40)))


def tally(*reads: tuple[FrameCode, str, str]) -> Tally:
    """Reads as (code, step, reader); the step ``plain`` is the unchanged picture."""
    result = Tally()
    for found, step, reader in reads:
        result.add([found], step=step, reader=reader, unchanged=step == "plain", ms=1.0)
    return result


def read(*reads: tuple[FrameCode, str, str]) -> list[str]:
    return [found.data for found in tally(*reads).codes]


A, B = code("4006381333931"), code("9780441014989")


def test_a_checked_code_of_the_unchanged_picture_stands_at_once() -> None:
    assert read((A, "plain", "zxing")) == [A.data]


def test_a_read_of_a_changed_picture_needs_a_second() -> None:
    assert read((A, "unsharp", "zxing")) == []
    assert read((A, "unsharp", "zxing"), (A, "2x", "zxing")) == [A.data]
    assert read((A, "unsharp", "zxing"), (A, "zbar 2x", "zbar")) == [A.data]


def test_a_two_dimensional_code_stands_at_any_step() -> None:
    assert read((code("LP1", "Data Matrix"), "2x", "zxing")) == ["LP1"]


@pytest.mark.parametrize("name", ["Code 39", "Codabar", "UPC-E", "EAN-8", "DataBar Limited"])
def test_a_format_of_weak_check_needs_two_reads_always(name: str) -> None:
    weak = code("12345670", name)
    assert read((weak, "plain", "zxing")) == []
    assert read((weak, "plain", "zxing"), (weak, "even", "zxing")) == [weak.data]


def test_an_itf_14_needs_two_reads() -> None:
    long = code("63760589401665", "ITF")
    assert [read(*((long, step, "zxing") for step in steps)) for steps in (["plain"], ["plain", "2x"])] == [
        [],
        [long.data],
    ]


def test_an_itf_without_check_digit_needs_three_reads_and_one_from_close_by() -> None:
    short = code("070429", "ITF")
    result = tally(*((short, step, "zxing") for step in ("plain", "even", "2x", "unsharp")))
    assert result.codes == []
    result.add([short], step="soft cut-out", reader="zxing", unchanged=False, ms=1.0, close=True)
    assert [found.data for found in result.codes] == [short.data]
    few = tally((short, "plain", "zxing"))
    few.add([short], step="soft cut-out", reader="zxing", unchanged=False, ms=1.0, close=True)
    assert few.codes == []


def test_two_readers_that_disagree_are_no_read() -> None:
    reads = [(A, "unsharp", "zxing"), (A, "2x", "zxing"), (B, "zbar even", "zbar")]
    assert read(*reads) == []
    assert [found.data for found in tally(*reads).unsettled] == [A.data]


def test_two_trusted_texts_at_one_place_are_no_read() -> None:
    assert read((A, "plain", "zxing"), (B, "plain", "zxing")) == []


def test_one_reader_that_wavers_must_say_one_thing_twice_as_often() -> None:
    once = [(A, "unsharp", "zxing"), (B, "2x", "zxing"), (A, "turned 45", "zxing")]
    assert read(*once) == [A.data]
    assert read(*once, (B, "darker", "zxing")) == []


def test_the_same_symbol_twice_in_one_look_is_one_read() -> None:
    result = Tally()
    result.add([A, A], step="unsharp", reader="zxing", unchanged=False, ms=1.0)
    assert result.codes == []


def test_codes_at_different_places_do_not_touch_each_other() -> None:
    other = code(B.data, x=300)
    assert read((A, "plain", "zxing"), (other, "plain", "zxing")) == [A.data, B.data]


def test_one_matrix_code_may_stand_inside_another() -> None:
    result = Tally()
    pair = [code("outer", "QR Code"), code("inner", "QR Code", x=40, width=20)]
    result.add(pair, step="plain", reader="zxing", unchanged=True, ms=1.0)
    assert [found.data for found in result.codes] == ["outer", "inner"]


def test_a_part_of_an_itf_gives_way_to_the_whole() -> None:
    whole, left, right = code("63760589401665", "ITF"), code("637605", "ITF", 0, 40), code("89401665", "ITF", 60, 40)
    parts = [(part, step, "zxing") for part in (left, right) for step in ("plain", "even", "unsharp")]
    assert read(*parts, (whole, "turned 45", "zxing"), (whole, "2x", "zxing")) == [whole.data]
    assert read(*parts, (whole, "turned 45", "zxing")) == []


def test_first_step_is_what_a_code_names() -> None:
    (found,) = tally((A, "unsharp", "zxing"), (A, "2x", "zxing")).codes
    assert found.step == "unsharp"


@pytest.mark.parametrize("short", ["01234565", "04965802", "05096893", "04124498", "01264904", "01234531"])
def test_upc_e_and_its_long_form_are_one(short: str) -> None:
    assert check_digit_right(expanded_upc_e(short))
    assert shortened_upc_e(expanded_upc_e(short)) == short


def test_text_is_what_is_printed_and_data_what_is_sent() -> None:
    assert text_and_data("EAN-13", "0012345678905", "0012345678905") == ("012345678905", "0012345678905", "UPC-A")
    assert text_and_data("UPC-E", "0012345000065", "") == ("01234565", "0012345000065", "UPC-E")
    assert text_and_data("UPC-E", "01234565", "") == ("01234565", "0012345000065", "UPC-E")
    found = text_and_data("DataBar Omni", "(01)04412345678909", "0104412345678909")
    assert found == ("04412345678909", "0104412345678909", "DataBar Omni")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("4006381333932", "EAN-13"),  # check digit
        ("96385075", "EAN-8"),
        ("0142649000062", "UPC-E"),  # number system 1
        ("12345678901232", "ITF"),  # check digit of an ITF-14
        ("12345", "ITF"),
        ("1234", "ITF"),
        ("AB", "Code 39"),
        ("A1B", "Codabar"),
        ("", "QR Code"),
    ],
)
def test_what_breaks_its_standard_is_refused(data: str, name: str) -> None:
    assert not well_formed(code(data, name))
