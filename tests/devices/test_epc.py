"""What tags say about the item."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import epc
from inspection.errors import IdentityError

GOLDEN = [
    ("3074257BF7194E4000001A85", 3, "urn:epc:id:sgtin:0614141.812345.6789", "80614141123458", "6789", 7),
    ("3034257BF7194E4000001A85", 1, "urn:epc:id:sgtin:0614141.812345.6789", "80614141123458", "6789", 7),
    ("30204ED9496334000000006E", 1, "urn:epc:id:sgtin:084663228621.0.110", "00846632286210", "110", 12),
    ("3006C5615B6F344000000000", 0, "urn:epc:id:sgtin:95211412345.81.0", "89521141234514", "0", 11),
    (
        "306A378115F2CB3FFFFFFFFF",
        3,
        "urn:epc:id:sgtin:9521141234.812.274877906943",
        "89521141234125",
        "274877906943",
        10,
    ),
    ("300F8C01BCB7EEC000000000", 0, "urn:epc:id:sgtin:952114123.8123.0", "89521141231230", "0", 9),
    ("30F2D667CA4F548000001A85", 7, "urn:epc:id:sgtin:95211412.81234.6789", "89521141212345", "6789", 8),
]
SGTIN_198_HEX = "3634257BF7194E5B3770E60C2000000000000000000000000000"  # 198 bits in 13 words


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row[0])
def test_an_sgtin_96_is_read_and_written(row: tuple[str, int, str, str, str, int]) -> None:
    epc_hex, filter_value, uri, gtin, serial, digits = row
    read = epc.decode(epc_hex)
    assert (read.hex, read.uri, read.gtin, read.serial) == (epc_hex, uri, gtin, serial)
    assert (read.filter_value, read.partition) == (filter_value, 12 - digits)
    assert epc.encode_sgtin_96(gtin, serial, company_prefix_digits=digits, filter_value=filter_value) == epc_hex


def test_lower_case_hex_is_the_same_tag() -> None:
    assert epc.decode("3074257bf7194e4000001a85") == epc.decode("3074257BF7194E4000001A85")


def test_an_sgtin_198_has_letters_in_its_serial() -> None:
    read = epc.decode(SGTIN_198_HEX)
    assert (read.gtin, read.serial, read.filter_value) == ("80614141123458", "6789AB", 1)
    assert read.uri == "urn:epc:id:sgtin:0614141.812345.6789AB"


def test_an_sgtin_198_with_a_character_after_the_end_of_its_serial_is_refused() -> None:
    last_character = int(SGTIN_198_HEX, 16) | ord("A") << 10
    with pytest.raises(IdentityError, match="after the end of its serial"):
        epc.decode(f"{last_character:052X}")


@pytest.mark.parametrize("epc_hex", ["E20034120123456789000000", "000000000000000000000313", "E280"])
def test_a_tag_as_it_left_the_factory_names_no_item(epc_hex: str) -> None:
    read = epc.decode(epc_hex)
    assert (read.uri, read.gtin, read.serial) == (None, None, None)
    assert read.raw_uri == f"urn:epc:raw:{len(epc_hex) * 4}.x{epc_hex}"


def test_an_sscc_has_a_urn_and_no_gtin() -> None:
    read = epc.decode("3174257BF4499602D2000000")
    assert read.uri == "urn:epc:id:sscc:0614141.1234567890"
    assert (read.gtin, read.serial) == (None, None)


def test_other_schemes_of_the_standard_have_a_urn() -> None:
    read = epc.decode("3274257BF46072000000162E")
    assert read.uri == "urn:epc:id:sgln:0614141.12345.5678"
    assert (read.identity, read.gtin) == (None, None)


@pytest.mark.parametrize(
    "epc_hex",
    [
        "307C257BF7194E4000001A85",  # partition 7
        "300000000000000000000001",  # a GTIN of zeros
        "3063FFFFFFFFFC0000000001",  # company prefix of more than 12 digits
        "3034257BF7194E40",  # too short for its header
        "3034257BF7194E4000001A850001",  # bits after the end
        "3034257BF7194E4000001A850000",  # a whole word after the end
        "3634257BF7194E5B3770E60C2000000000000000000000000001",  # bits after the end
        "",
        "30",
        "303",
        "zzzz",
        "3034 257BF7194E4000001A85",
        "30" * 64,
    ],
)
def test_what_breaks_the_standard_is_refused(epc_hex: str) -> None:
    with pytest.raises(IdentityError):
        epc.decode(epc_hex)


@pytest.mark.parametrize(
    ("gtin", "serial", "digits", "filter_value"),
    [
        ("80614141123459", "1", 7, 1),
        ("80614141123458", "01", 7, 1),
        ("80614141123458", "274877906944", 7, 1),
        ("80614141123458", "A1", 7, 1),
        ("80614141123458", "-1", 7, 1),
        ("80614141123458", "", 7, 1),
        ("80614141123458", "1", 5, 1),
        ("80614141123458", "1", 13, 1),
        ("80614141123458", "1", 7, 8),
    ],
)
def test_what_does_not_fit_an_sgtin_96_is_not_written(gtin: str, serial: str, digits: int, filter_value: int) -> None:
    with pytest.raises(IdentityError):
        epc.encode_sgtin_96(gtin, serial, company_prefix_digits=digits, filter_value=filter_value)


@given(
    st.integers(1, 10**13 - 1),
    st.integers(0, epc.MAX_SGTIN_96_SERIAL),
    st.sampled_from(list(epc.COMPANY_PREFIX_DIGITS)),
    st.sampled_from(list(epc.FILTER_VALUES)),
)
def test_every_sgtin_96_reads_back_as_written(payload: int, serial: int, digits: int, filter_value: int) -> None:
    body = f"{payload:013d}"
    check = -sum(int(digit) * (3 if index % 2 == 0 else 1) for index, digit in enumerate(body)) % 10
    gtin = f"{body}{check}"
    written = epc.encode_sgtin_96(gtin, str(serial), company_prefix_digits=digits, filter_value=filter_value)
    read = epc.decode(written)
    assert (read.gtin, read.serial, read.filter_value) == (gtin, str(serial), filter_value)


@given(st.integers(1, 31).flatmap(lambda words: st.binary(min_size=2 * words, max_size=2 * words)), st.integers(0, 255))
def test_any_bytes_are_an_epc_or_an_identity_error(memory: bytes, header: int) -> None:
    for candidate in (memory, bytes([header]) + memory[1:], b"\x30" + memory[1:], b"\x36" + memory[1:]):
        try:
            read = epc.decode(candidate.hex())
        except IdentityError:
            continue
        assert (read.gtin is None) == (candidate[0] not in (0x30, 0x36))
