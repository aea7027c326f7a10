"""Scans come out of the byte stream whole, whatever the suffix and however the stream is cut."""

from __future__ import annotations

import contextlib
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import gs1
from devices.barcode.framing import Framing, Scan, ScanParser, Suffix
from inspection.errors import IdentityError
from tests.devices.streams import cuts, hostile, pieces

GTIN = "00614141401017"
ELEMENTS = "0100614141401017211234\x1d10LOT7"

payloads = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="]"), min_size=1, max_size=40
)


def texts(scans: list[Scan]) -> list[str]:
    return [scan.text for scan in scans]


@pytest.mark.parametrize("suffix", [b"\r", b"\n", b"\r\n", b"\t"])
def test_any_usual_suffix_ends_a_scan_of_a_scanner_of_unknown_settings(suffix: bytes) -> None:
    assert texts(ScanParser().feed(GTIN.encode() + suffix)) == [GTIN]


def test_two_scans_in_one_read_are_two_scans() -> None:
    assert texts(ScanParser().feed(b"4006381333931\r614141401017\r")) == ["4006381333931", "614141401017"]


def test_group_separators_survive() -> None:
    assert texts(ScanParser().feed(ELEMENTS.encode() + b"\r\n")) == [ELEMENTS]


def test_an_aim_identifier_is_split_off() -> None:
    [scan] = ScanParser().feed(b"]d2" + ELEMENTS.encode() + b"\r")
    assert (scan.aim, scan.text) == ("]d2", ELEMENTS)


def test_an_aim_identifier_stays_when_the_scanner_is_known_to_send_none() -> None:
    [scan] = ScanParser(Framing(aim=False)).feed(b"]d2ABC\r")
    assert (scan.aim, scan.text) == ("", "]d2ABC")


def test_raw_keeps_the_exact_bytes_of_the_scan() -> None:
    [scan] = ScanParser().feed(b"\x02]E0614141401017\x03")
    assert scan.raw == b"\x02]E0614141401017\x03"


def test_an_envelope_needs_no_suffix_and_a_suffix_after_it_is_nothing() -> None:
    assert texts(ScanParser().feed(b"\x02ABC\x03\x02DEF\x03\r\n\x02GHI\x03")) == ["ABC", "DEF", "GHI"]


def test_a_scan_that_lost_its_end_does_not_swallow_the_next() -> None:
    parser = ScanParser()
    assert texts(parser.feed(b"\x02614141\x02614141401017\x03")) == ["614141401017"]
    assert parser.counts.truncated == 1


def test_without_suffix_the_idle_gap_ends_the_scan() -> None:
    parser = ScanParser(Framing(Suffix.NONE))
    assert parser.feed(b"6141414") == []
    assert parser.feed(b"01017") == []
    assert texts(parser.flush()) == ["614141401017"]
    assert parser.flush() == []


@pytest.mark.parametrize("suffix", [Suffix.CR, Suffix.LF, Suffix.CRLF, Suffix.TAB])
def test_a_configured_suffix_is_required(suffix: Suffix) -> None:
    parser = ScanParser(Framing(suffix))
    parser.feed(b"0100614141401017211")
    assert parser.flush() == []
    assert parser.counts.truncated == 1


@pytest.mark.parametrize("sent", [b"ABC\r\nDEF\r\n", b"ABC\n\rDEF\n\r"])
@pytest.mark.parametrize("suffix", [Suffix.CR, Suffix.LF])
def test_the_other_half_of_a_line_end_is_no_data(suffix: Suffix, sent: bytes) -> None:
    assert texts(ScanParser(Framing(suffix)).feed(sent)) == ["ABC", "DEF"]


def test_a_lone_cr_is_data_to_a_scanner_that_ends_with_crlf() -> None:
    assert texts(ScanParser(Framing(Suffix.CRLF)).feed(b"A\rB\r\nC\r\n")) == ["A\rB", "C"]


def test_an_oversize_scan_is_dropped_to_its_end_and_the_next_is_read() -> None:
    parser = ScanParser(Framing(max_length=20))
    assert texts(parser.feed(b"x" * 100_000 + b"\r614141401017\r")) == ["614141401017"]
    assert parser.counts.oversize == 1


def test_an_oversize_scan_keeps_no_more_than_its_limit() -> None:
    parser = ScanParser(Framing(max_length=20))
    parser.feed(b"x" * 100_000)
    assert len(parser._raw) <= 21


def test_what_is_not_utf_8_is_dropped_and_counted() -> None:
    parser = ScanParser()
    assert texts(parser.feed(b"caf\xe9\rABC\r")) == ["ABC"]
    assert parser.counts.undecodable == 1


def test_latin_1_takes_every_byte() -> None:
    assert texts(ScanParser(Framing(encoding="latin-1")).feed(b"caf\xe9\r")) == ["café"]


def test_an_identifier_without_data_is_no_scan() -> None:
    parser = ScanParser()
    assert parser.feed(b"]C1\r") == []
    assert parser.counts.truncated == 1


def test_closing_the_port_forgets_half_a_scan() -> None:
    parser = ScanParser()
    parser.feed(b"61414")
    parser.reset()
    assert texts(parser.feed(b"1401017\r")) == ["1401017"]


@given(st.lists(payloads, max_size=5), st.sampled_from([b"\r", b"\n", b"\r\n", b"\t"]), cuts)
def test_a_stream_split_anywhere_gives_the_same_scans(scans: list[str], suffix: bytes, at: list[int]) -> None:
    stream = b"".join(scan.encode() + suffix for scan in scans)
    parser = ScanParser()
    got = [scan for piece in pieces(stream, at) for scan in parser.feed(piece)]
    assert texts(got) == scans
    assert got == ScanParser().feed(stream)


@given(hostile(b"\x02\x03\r\n\t]C1A"), st.sampled_from(list(Suffix)), cuts)
def test_any_bytes_split_anywhere_give_the_same_scans(stream: bytes, suffix: Suffix, at: list[int]) -> None:
    split, whole = ScanParser(Framing(suffix, max_length=40)), ScanParser(Framing(suffix, max_length=40))
    got = [scan for piece in pieces(stream, at) for scan in split.feed(piece)]
    assert got + split.flush() == whole.feed(stream) + whole.flush()
    assert split.counts == whole.counts


@given(payloads, st.integers(0, 100))
def test_a_truncated_scan_never_comes_out_where_a_suffix_is_required(payload: str, cut: int) -> None:
    stream = payload.encode() + b"\r"
    parser = ScanParser(Framing(Suffix.CR))
    assert parser.feed(stream[: cut % len(stream)]) + parser.flush() == []


@pytest.mark.slow
@pytest.mark.parametrize("suffix", list(Suffix))
def test_ten_million_random_bytes_name_no_item_and_hold_no_more_than_a_scan(suffix: Suffix) -> None:
    parser, source, began = ScanParser(Framing(suffix)), random.Random(20261122), time.perf_counter()
    items = []
    for _ in range(10_000_000 // 4096):
        for scan in parser.feed(source.randbytes(4096)):
            with contextlib.suppress(IdentityError):
                items.append(gs1.parse(scan.text, scan.aim))
        assert parser.pending <= parser.framing.max_length
    print(f"{suffix.name}: {10 / (time.perf_counter() - began):.1f} MB/s, {parser.counts}")
    assert items == []
