"""Tag records in frames of Mercury readers: metadata flags say which fields are there, in a fixed order.

Source: MercuryAPI, ``TMR_SR_parseMetadataOnly`` and ``TMR_SR_parseMetadataFromMessage``; logs of M6e and Nano modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntFlag

from devices.rfid import gen2

GEN2 = 0x05
MULTI_SELECT = 0x88  # newer hosts put it before the option byte, and the reader repeats it
OPTION_METADATA = 0x10
XPC_W1_FOLLOWS = 0x0200  # in the PC word
XPC_W2_FOLLOWS = 0x8000  # in XPC_W1
EMBEDDED_FAILED = 0x8000  # instead of a bit count: the embedded operation failed, a two-byte code follows


class Metadata(IntFlag):
    """Which fields a record has. The order of the bits is the order of the fields."""

    READ_COUNT = 0x0001
    RSSI = 0x0002
    ANTENNA = 0x0004
    FREQUENCY = 0x0008
    TIMESTAMP = 0x0010
    PHASE = 0x0020
    PROTOCOL = 0x0040
    DATA = 0x0080
    GPIO = 0x0100
    GEN2_Q = 0x0200
    GEN2_LINK = 0x0400
    GEN2_TARGET = 0x0800
    BRAND = 0x1000


_KNOWN = 0x1FFF
_BUFFER_FRONT = 4
_MIN_MEMORY_BITS = 32  # PC and CRC of a tag without EPC
_SIZES = (
    (Metadata.READ_COUNT, 1),
    (Metadata.RSSI, 1),
    (Metadata.ANTENNA, 1),
    (Metadata.FREQUENCY, 3),
    (Metadata.TIMESTAMP, 4),
    (Metadata.PHASE, 2),
    (Metadata.PROTOCOL, 1),
    (Metadata.DATA, 2),
    (Metadata.GPIO, 1),
    (Metadata.GEN2_Q, 1),
    (Metadata.GEN2_LINK, 1),
    (Metadata.GEN2_TARGET, 1),
    (Metadata.BRAND, 2),
)


@dataclass(frozen=True, slots=True)
class TagRecord:
    """One tag as a reader reports it; a field that did not travel is ``None``.

    Attributes:
        epc: the EPC alone.
        pc: protocol-control word.
        sound: whether PC, length and tag CRC agree.
        read_count: times it was read.
        rssi_dbm: signal strength.
        antenna: transmitting port, 1..16.
        frequency_khz: channel on which it was read.
        timestamp_ms: milliseconds since the search or the last keep-alive.
        phase: 0..180 degrees.
        data: what an embedded operation read.
    """

    epc: bytes
    pc: int
    sound: bool
    read_count: int | None = None
    rssi_dbm: int | None = None
    antenna: int | None = None
    frequency_khz: int | None = None
    timestamp_ms: int | None = None
    phase: int | None = None
    data: bytes = b""


class Streamed(Enum):
    """What a successful answer to 22 is. Numbers are the response type as sent; ``NONE`` is no stream."""

    END = 0
    TAG = 1
    STATUS = 2
    NONE = -1


def streamed(data: bytes) -> tuple[Streamed, list[TagRecord]]:
    """A record of the stream: option, search flags (2), metadata flags (2), response type, tag.

    A record that says it is a tag and is not well formed is ``TAG`` with no tag.
    """
    at = 1 if data[:1] == bytes([MULTI_SELECT]) else 0
    if len(data) < at + 6 or not data[at] & OPTION_METADATA:
        return Streamed.NONE, []
    kind = data[at + 5]
    if kind not in (0, 1, 2):
        return Streamed.NONE, []
    if kind != Streamed.TAG.value:
        return Streamed(kind), []
    found = _record(data, at + 6, int.from_bytes(data[at + 3 : at + 5], "big"))
    return Streamed.TAG, [found[0]] if found and found[1] == len(data) else []


def buffer_records(data: bytes) -> list[TagRecord] | None:
    """Answer to 29: metadata flags (2), option, number of records, records; ``None`` when it is not so."""
    if len(data) < _BUFFER_FRONT:
        return None
    flags, count, at = int.from_bytes(data[:2], "big"), data[3], _BUFFER_FRONT
    records = []
    for _ in range(count):
        found = _record(data, at, flags)
        if found is None:
            return None
        record, at = found
        records.append(record)
    return records if at == len(data) else None


def _record(data: bytes, at: int, flags: int) -> tuple[TagRecord, int] | None:
    """The record at ``at`` and where it ends; ``None`` when there is none that this module can read."""
    if flags & ~_KNOWN:
        return None
    fields: dict[int, int] = {}
    embedded = b""
    for flag, size in _SIZES:
        if not flags & flag:
            continue
        if at + size > len(data):
            return None
        fields[flag] = int.from_bytes(data[at : at + size], "big")
        at += size
        if flag is Metadata.DATA:
            bits = fields[flag]
            length = 2 if bits == EMBEDDED_FAILED else (bits + 7) // 8
            embedded = data[at : at + length]
            at += length
    if fields.get(Metadata.PROTOCOL, GEN2) != GEN2 or at + 2 > len(data):
        return None
    bits = int.from_bytes(data[at : at + 2], "big")
    end = at + 2 + bits // 8
    if bits % 16 or bits < _MIN_MEMORY_BITS or end > len(data):
        return None
    return _made(data[at + 2 : end], fields, embedded), end


def _made(memory: bytes, fields: dict[int, int], embedded: bytes) -> TagRecord:
    """The record of a tag that sent ``memory``: PC, XPC words when PC says so, EPC, CRC."""
    pc = int.from_bytes(memory[:2], "big")
    epc_at = 2
    if pc & XPC_W1_FOLLOWS:
        epc_at = 6 if int.from_bytes(memory[2:4], "big") & XPC_W2_FOLLOWS else 4
    epc = memory[epc_at:-2]
    sound = len(epc) == gen2.epc_length(pc) and gen2.tag_crc(memory[:-2]) == int.from_bytes(memory[-2:], "big")
    rssi = fields.get(Metadata.RSSI)
    antenna = fields.get(Metadata.ANTENNA)
    return TagRecord(
        epc=epc,
        pc=pc,
        sound=sound,
        read_count=fields.get(Metadata.READ_COUNT),
        rssi_dbm=None if rssi is None else (rssi ^ 0x80) - 0x80,
        antenna=None if antenna is None else antenna >> 4 or 16,  # four bits; port 16 is sent as 0
        frequency_khz=fields.get(Metadata.FREQUENCY),
        timestamp_ms=fields.get(Metadata.TIMESTAMP),
        phase=fields.get(Metadata.PHASE),
        data=embedded,
    )


def record_bytes(epc: bytes, rssi_dbm: int, antenna: int = 1, timestamp_ms: int = 0) -> bytes:
    """A record with the nine fields of `USUAL`; the simulator's side of the protocol."""
    memory = gen2.pc_for(epc).to_bytes(2, "big") + epc
    memory += gen2.tag_crc(memory).to_bytes(2, "big")
    port = antenna % 16
    return (
        b"\x01"
        + rssi_dbm.to_bytes(1, "big", signed=True)
        + bytes([port << 4 | port])
        + (923_200).to_bytes(3, "big")
        + timestamp_ms.to_bytes(4, "big")
        + bytes([0, 0, GEN2, 0, 0, 0x0F])
        + (len(memory) * 8).to_bytes(2, "big")
        + memory
    )


USUAL = 0x01FF
"""Metadata flags that this package asks for: the first nine fields."""
