"""Frames of the Chafon protocol: what a host asks, what a reader says, and how a reader tells who it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from devices.rfid import gen2
from devices.rfid.chafon import ANY_ADDRESS, RSSI_OFFSET_DB, encode, encode_answer
from devices.rfid.chafon_forms import Command, Dialect
from devices.rfid.chafon_words import DONE, HEARTBEAT, OK

BAUD_RATES = {9600: 0, 19200: 1, 38400: 2, 57600: 5, 115200: 6}
"""Codes of the baud rates."""

ANTENNAS = 4
"""Antennas that fit the one byte of `set_antennas`."""

_FIRST_ANTENNA = 0x80
_NO_MASK = bytes([0x01, 0, 0, 0])  # EPC memory, from bit 0, no bits
_MAX_SCAN = 255


class Region(IntEnum):
    """Frequency plans; which one may be used is the law of the place. The value is the band of the protocol."""

    CHINA_900 = 0b0001
    US = 0b0010
    KOREA = 0b0011
    EUROPE = 0b0100
    CHINA_800 = 0b1000


CHANNELS = {Region.CHINA_900: 19, Region.US: 49, Region.KOREA: 31, Region.EUROPE: 14, Region.CHINA_800: 19}
"""Last channel of a region; the first is 0. "UR-series User Manual" v1.14, 8.4.2."""

_TYPES: dict[int, tuple[str, Dialect | None]] = {
    0x03: ("RRU9803M", Dialect.UHF18),
    0x08: ("RRU9803M", Dialect.UHF18),
    0x09: ("UHFReader18", Dialect.UHF18),
    0x0C: ("UHFReader288M", Dialect.UHF288),
    0x0F: ("UHFReader86", Dialect.UHF288),
    0x10: ("UHFReader86", Dialect.UHF288),
    0x16: ("RRU9883M", None),
    0x20: ("UHFReader288MP", Dialect.UHF288),
    0x8B: ("UHFReader288ADV", Dialect.UHF288),
}


@dataclass(frozen=True, slots=True)
class ReaderInfo:
    """Who a reader says it is.

    Attributes:
        model: family of readers, or the number of one that is not known.
        dialect: how it lists tags; ``None`` when that is not known.
        version: of its firmware.
        region: frequency plan; ``None`` for one that is not known.
        power_dbm: output power.
        scan_ms: longest time of one inventory.
    """

    model: str
    dialect: Dialect | None
    version: str
    region: Region | None
    power_dbm: int
    scan_ms: int


def reader_info(data: bytes) -> ReaderInfo:
    """Reads the answer to `get_info`: version (2), type, protocols, highest and lowest channel, power, scan time."""
    major, minor, kind, _, highest, lowest, power, scan = data[:8]
    model, dialect = _TYPES.get(kind, (f"type {kind:02X}", None))
    band = (highest & 0xC0) >> 4 | (lowest & 0xC0) >> 6
    return ReaderInfo(
        model=model,
        dialect=dialect,
        version=f"{major}.{minor:02d}",
        region=Region(band) if band in set(Region) else None,
        power_dbm=power,
        scan_ms=scan * 100,
    )


def get_info(address: int = ANY_ADDRESS) -> bytes:
    """Ask who the reader is; see `reader_info`."""
    return encode(Command.GET_INFO, b"", address)


def inventory_18(address: int = ANY_ADDRESS) -> bytes:
    """One round of a UHFReader18."""
    return encode(Command.INVENTORY, b"", address)


def inventory_288(
    q: int = 4, session: int = 0, antenna: int = 1, scan_ms: int = 300, address: int = ANY_ADDRESS
) -> bytes:
    """One round of a UHFReader288 with one antenna.

    Args:
        q: the round has 2^q slots, about as many as there are tags; 0..15.
        session: of Gen2, 0..3.
        antenna: 1..16.
        scan_ms: longest time of the round, in steps of 100, up to 25500; 0 for no end before all tags are read.
        address: of the reader.
    """
    scan = round(scan_ms / 100)
    if not 0 <= scan <= _MAX_SCAN:
        raise ValueError(f"a round lasts 0 to 25500 ms, not {scan_ms}")
    place = bytes([0, _FIRST_ANTENNA + antenna - 1, scan])
    return encode(Command.INVENTORY, bytes([q, session]) + _NO_MASK + place, address)


def set_region(region: Region, address: int = ANY_ADDRESS) -> bytes:
    """Choose a frequency plan with all its channels."""
    highest = (region & 0b1100) << 4 | CHANNELS[region]
    return encode(Command.SET_REGION, bytes([highest, (region & 0b0011) << 6]), address)


def set_power(dbm: int, address: int = ANY_ADDRESS) -> bytes:
    """Set the output power in whole dBm."""
    return encode(Command.SET_POWER, bytes([dbm]), address)


def set_scan_time(scan_ms: int, address: int = ANY_ADDRESS) -> bytes:
    """Set the longest time of one inventory, in steps of 100 ms, 300..25500."""
    return encode(Command.SET_SCAN_TIME, bytes([round(scan_ms / 100)]), address)


def set_baud_rate(baud_rate: int, address: int = ANY_ADDRESS) -> bytes:
    """Speak at another speed from the answer on; see `BAUD_RATES`."""
    return encode(Command.SET_BAUD_RATE, bytes([BAUD_RATES[baud_rate]]), address)


def set_antennas(antennas: Iterable[int], address: int = ANY_ADDRESS) -> bytes:
    """Let a UHFReader288 take these antennas, 1..4, in turn."""
    bits = sum(1 << antenna - 1 for antenna in set(antennas))
    if not 0 < bits < 1 << ANTENNAS:
        raise ValueError(f"choose antennas from 1 to {ANTENNAS}")
    return encode(Command.SET_ANTENNAS, bytes([bits]), address)


def set_beeper(*, on: bool, address: int = ANY_ADDRESS) -> bytes:
    """Whether a UHFReader288 beeps for every tag."""
    return encode(Command.SET_BEEPER, bytes([on]), address)


def set_signals(active: int, silent: int, times: int, address: int = ANY_ADDRESS) -> bytes:
    """Let lamp and beeper go, ``active`` and ``silent`` times 50 ms, so many times; "UHFReader18" V2.0, 8.4.8."""
    return encode(Command.SET_SIGNALS, bytes([active, silent, times]), address)


def set_answer_mode(dialect: Dialect, address: int = ANY_ADDRESS) -> bytes:
    """End the automatic mode: the reader speaks only when it is asked."""
    if dialect is Dialect.UHF18:
        return encode(Command.SET_MODE_18, bytes(6), address)
    return encode(Command.SET_MODE_288, b"\x00", address)


def set_automatic_mode(address: int = ANY_ADDRESS) -> bytes:
    """Let a UHFReader288 push what it hears; "UR-series User Manual" v1.14, 8.4.25."""
    return encode(Command.SET_MODE_288, b"\x01", address)


def tag_list(
    dialect: Dialect,
    epcs: Sequence[bytes],
    *,
    rssi_dbm: float = -60,
    antenna: int = 1,
    status: int = DONE,
    address: int = 0,
) -> bytes:
    """What a reader says after an inventory; all tags with one signal strength, heard by one antenna."""
    for epc in epcs:
        gen2.pc_for(epc)  # refuses what no tag can hold
    if dialect is Dialect.UHF18:
        data = bytes([len(epcs)]) + b"".join(bytes([len(epc)]) + epc for epc in epcs)
    else:
        rssi = bytes([round(rssi_dbm - RSSI_OFFSET_DB)])
        data = bytes([1 << antenna - 1, len(epcs)]) + b"".join(bytes([len(epc)]) + epc + rssi for epc in epcs)
    return encode_answer(Command.INVENTORY, status, data, address)


def pushed_tag(dialect: Dialect, epc: bytes, *, rssi_dbm: float = -60, antenna: int = 1, address: int = 0) -> bytes:
    """What a reader in automatic mode says of a tag."""
    data = epc
    if dialect is not Dialect.UHF18:
        data = bytes([1 << antenna - 1, len(epc)]) + epc + bytes([round(rssi_dbm - RSSI_OFFSET_DB)])
    return encode_answer(Command.PUSHED, OK, data, address)


def heartbeat(number: int, address: int = 0) -> bytes:
    """What a reader in automatic mode says while it hears nobody."""
    return encode_answer(Command.PUSHED, HEARTBEAT, number.to_bytes(4, "big") + bytes(12), address)
