"""What a scanner typed: taken as a reading when it can be trusted, refused with the reason when not."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from devices.barcode.keyboard import (
    MAX_PER_S,
    KeyboardScanner,
    KeyboardSettings,
    ScanRefused,
    SeparatorsLost,
    TooManyScans,
    separators_may_be_lost,
)
from devices.gs1.elements import parse_elements
from inspection.reading import BarcodeReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.subject import build

GTIN = "0100614141401017"
EXPIRY = "17261231"


@pytest.fixture
def keyboard(inbox: Inbox) -> Iterator[KeyboardScanner]:
    device = KeyboardScanner("dut")
    device.start(inbox)
    yield device
    device.stop()


def texts(inbox: Inbox) -> list[str]:
    return [message.text for message in inbox.messages if isinstance(message, BarcodeReading)]


@pytest.mark.parametrize(
    ("typed", "text", "aim"),
    [
        ("4006381333931", "4006381333931", ""),
        ("]E04006381333931\r\n", "4006381333931", "]E0"),
        (f"]d2{GTIN}21ABC", f"{GTIN}21ABC", "]d2"),
        (f"{GTIN}{EXPIRY}", f"{GTIN}{EXPIRY}", ""),
        (f"{GTIN}211\x1d10LOT7", f"{GTIN}211\x1d10LOT7", ""),
        ("RMA-2025-0001", "RMA-2025-0001", ""),
        ("CMD:OK", "CMD:OK", ""),
        ("https://id.gs1.org/01/00614141401017/21/10A", "https://id.gs1.org/01/00614141401017/21/10A", ""),
    ],
)
def test_a_scan_that_lost_nothing_is_a_reading(
    keyboard: KeyboardScanner, inbox: Inbox, typed: str, text: str, aim: str
) -> None:
    keyboard.typed(typed)
    reading = inbox.wait(BarcodeReading)
    assert (reading.device_id, reading.text, reading.aim) == ("dut", text, aim)
    assert reading.raw == typed.encode()


@pytest.mark.parametrize(
    ("typed", "lost"),
    [
        (f"{GTIN}21123410LOT7", "the serial 1234 and the lot LOT7, or one serial"),
        (f"{GTIN}10LOT{EXPIRY}", "a lot and an expiry date, or one lot"),
        (f"]d2{GTIN}21ABC{GTIN}", "the GTIN once more"),
        (f"]C1{GTIN}10" + "L" * 30, "longer than a lot can be"),
        (f"]C1{GTIN}99ABC21XYZ", "a company's own element and a serial"),
        (f"]Q321ABC{GTIN}", "a serial and a GTIN, or one serial"),
        ("0100614141401017" + "?", "what is no element at all"),
    ],
)
def test_a_code_that_cannot_be_trusted_without_its_separators_is_refused(
    keyboard: KeyboardScanner, inbox: Inbox, typed: str, lost: str
) -> None:
    with pytest.raises(SeparatorsLost, match="loses its separators") as caught:
        keyboard.typed(typed)
    assert "group_separator" in caught.value.hint, lost
    assert texts(inbox) == []


def test_a_scanner_that_types_a_sign_for_the_separator_loses_nothing(inbox: Inbox) -> None:
    device = KeyboardScanner("dut", KeyboardSettings(group_separator="~"))
    device.start(inbox)
    device.typed(f"]d2{GTIN}211234~10LOT7")
    device.typed(f"]d2{GTIN}21123410LOT7")
    device.stop()
    assert texts(inbox) == [f"{GTIN}211234\x1d10LOT7", f"{GTIN}21123410LOT7"]


@pytest.mark.parametrize("typed", ["", "\r\n", "]C1", "A\x00B", "A\x1b[A", "A\ufffdB", chr(0xD800) * 5, "x" * 513])
def test_what_is_no_scan_is_refused(keyboard: KeyboardScanner, inbox: Inbox, typed: str) -> None:
    with pytest.raises(ScanRefused):
        keyboard.typed(typed)
    assert texts(inbox) == []


def test_more_scans_than_a_person_makes_are_refused(keyboard: KeyboardScanner) -> None:
    for number in range(MAX_PER_S):
        keyboard.typed(f"CODE-{number}")
    with pytest.raises(TooManyScans, match="within a second"):
        keyboard.typed("CODE-X")


def test_refused_scans_count_as_well(keyboard: KeyboardScanner) -> None:
    for _ in range(MAX_PER_S):
        with pytest.raises(ScanRefused):
            keyboard.typed("A\x00B")
    with pytest.raises(TooManyScans):
        keyboard.typed("CODE-X")


def test_the_same_code_twice_is_one_reading(keyboard: KeyboardScanner, inbox: Inbox) -> None:
    keyboard.typed("4006381333931")
    keyboard.typed("4006381333931")
    keyboard.typed("5901234123457")
    inbox.wait(BarcodeReading, lambda reading: reading.text == "5901234123457")
    assert texts(inbox) == ["4006381333931", "5901234123457"]


def test_a_stopped_device_takes_nothing_and_starts_again(keyboard: KeyboardScanner, inbox: Inbox) -> None:
    assert keyboard.status.connected
    keyboard.stop()
    keyboard.stop()
    with pytest.raises(ScanRefused, match="dut is not started"):
        keyboard.typed("4006381333931")
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("dut")]
    keyboard.start(inbox)
    keyboard.typed("4006381333931")
    inbox.wait(BarcodeReading)


def test_it_is_made_of_its_configuration() -> None:
    device = build(driver="barcode.keyboard", group_separator="~", gap_ms=100, max_length=64, duplicate_ms=0)
    assert isinstance(device, KeyboardScanner)
    assert device.settings == KeyboardSettings("~", 64, 100, 0)


@pytest.mark.parametrize(
    "key", [{"group_separator": "ab"}, {"group_separator": "A"}, {"gap_ms": 5}, {"port": "/dev/x"}]
)
def test_a_wrong_configuration_is_refused(key: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        build(driver="barcode.keyboard", **key)


values = st.text("0123456789ABCXYZ", min_size=1, max_size=12)


@given(st.lists(st.sampled_from(["10", "21"]), min_size=2, max_size=2, unique=True), values, values)
def test_two_elements_of_variable_length_without_the_separator_between_are_never_trusted(
    codes: list[str], first: str, second: str
) -> None:
    sent = f"{GTIN}{codes[0]}{first}\x1d{codes[1]}{second}"
    assert len(parse_elements(sent)) == 3
    assert not separators_may_be_lost(sent, "]d2")
    assert separators_may_be_lost(sent.replace("\x1d", ""), "]d2")


@given(st.text(max_size=60), st.sampled_from(["", "]C1", "]d2", "]E0", "]C0"]))
def test_any_text_is_judged_without_an_error(text: str, aim: str) -> None:
    assert separators_may_be_lost(text, aim) in (True, False)
