"""Scans that ran together are taken apart only where their own structure proves it."""

from __future__ import annotations

import pytest

from devices.barcode.framing import Framing, ScanParser, Suffix
from devices.barcode.glued import ends_provably, separate

EAN, EAN_2 = "4006381333931", "5901234123457"
ITEM, ITEM_2 = "010061414140101721A1", "010061414140101721A2"
FIXED = "010061414140101717261231"


def from_silence(stream: bytes, framing: Framing | None = None) -> list[str]:
    parser = ScanParser(framing or Framing(Suffix.NONE))
    return [scan.text for scan in parser.feed(stream) + parser.flush()]


def test_two_gtins_in_one_burst_are_two_scans() -> None:
    assert from_silence(f"{EAN}{EAN_2}".encode()) == [EAN, EAN_2]
    assert from_silence(f"{EAN}{EAN}{EAN_2}".encode()) == [EAN, EAN, EAN_2]


def test_a_second_identifier_in_mid_text_begins_a_second_scan() -> None:
    parser = ScanParser(Framing(Suffix.NONE))
    parser.feed(f"]C1{ITEM}]d2{ITEM_2}]E0{EAN}".encode())
    assert [(scan.aim, scan.text) for scan in parser.flush()] == [("]C1", ITEM), ("]d2", ITEM_2), ("]E0", EAN)]
    assert parser.counts.separated == 3


@pytest.mark.parametrize(
    ("burst", "why"),
    [
        (EAN + EAN_2[:-1] + "8", "the second check digit is wrong"),
        (EAN + EAN_2[:-1], "a digit is missing"),
        ("0100040063819003" + "1012345605", "one element string, though both halves have a right check digit"),
        ("12345678901234567890123456", "a number that is no GTIN"),
        ("96385074" * 2, "16 digits may be many things"),
        ("]C0PARCEL-1]C0PARCEL-2", "a Code 128 proves nothing"),
        (f"]E0{EAN}]e010LOT", "one composite symbol"),
        (f"]C1{ITEM}]C1{ITEM_2[:-8]}", "the second is cut short"),
        (f"ABC]C1{ITEM}", "what stands before is unknown"),
    ],
)
def test_what_is_less_certain_stays_one_text(burst: str, why: str) -> None:
    assert separate(burst, end_may_be_lost=False) == [burst], why


def test_where_a_suffix_is_missing_only_what_is_whole_by_its_length_is_taken() -> None:
    assert separate(f"]C1{ITEM}]C1{ITEM_2}", end_may_be_lost=True) == [f"]C1{ITEM}]C1{ITEM_2}"]
    assert separate(f"]C1{FIXED}]C1{ITEM_2}", end_may_be_lost=True) == [f"]C1{FIXED}", f"]C1{ITEM_2}"]
    assert separate(f"]E0{EAN}]E0{EAN_2}", end_may_be_lost=True) == [f"]E0{EAN}", f"]E0{EAN_2}"]
    assert separate(EAN + EAN_2, end_may_be_lost=True) == [EAN + EAN_2]


def test_a_scanner_that_separates_its_scans_is_believed() -> None:
    assert from_silence(f"{EAN}{EAN_2}\r".encode(), Framing(Suffix.CR)) == [EAN + EAN_2]
    assert from_silence(f"\x02{EAN}{EAN_2}\x03".encode()) == [EAN + EAN_2]
    assert from_silence(f"{EAN}{EAN_2}".encode(), Framing(Suffix.NONE, separate=False)) == [EAN + EAN_2]


@pytest.mark.parametrize(
    ("text", "aim", "proved"),
    [
        (EAN, "]E0", True),
        (FIXED, "]C1", True),
        ("3102000400", "]C1", True),
        (ITEM, "]C1", False),
        (FIXED[:-1], "]C1", False),
        ("ABC", "]C0", False),
    ],
)
def test_predefined_lengths_prove_the_end(text: str, aim: str, proved: bool) -> None:
    assert ends_provably(text, aim) is proved


def test_a_scanner_that_was_heard_to_end_its_scans_delivers_no_half_one() -> None:
    parser = ScanParser()
    assert [scan.text for scan in parser.feed(b"FIRST\r")] == ["FIRST"]
    parser.feed(b"0100614141401")
    assert parser.flush() == []
    assert parser.counts.truncated == 1
    parser.reset()  # plugged in again
    parser.feed(b"0100614")
    assert parser.flush() == []


def test_a_scanner_that_was_set_to_send_no_suffix_is_understood_when_the_code_comes_again() -> None:
    parser = ScanParser()
    parser.feed(b"FIRST\r")
    got = []
    for _ in range(3):
        parser.feed(b"4006381333931")
        got += parser.flush()
    assert [scan.text for scan in got] == ["4006381333931"] * 2


def test_control_characters_that_no_code_has_are_line_noise() -> None:
    parser = ScanParser()
    assert [scan.text for scan in parser.feed(b"A\x00B\r\x1b[A\r[)>\x1e06\x1d9N1\x1e\x04\r")] == [
        "[)>\x1e06\x1d9N1\x1e\x04"
    ]
    assert parser.counts.undecodable == 2
