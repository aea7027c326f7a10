"""Parameters of the Low Level Reader Protocol (LLRP 1.0.1 and 1.1, section 16): TLV and TV, and what tags are in them.

A TLV parameter has six zero bits, its type (10 bits) and its length with these four bytes (16 bits). A TV parameter has
a first byte with bit 7 set and its type in the other seven; its length follows from its type.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from devices.rfid import gen2

TLV_HEAD = 4
_TV_BIT = 0x80
_MAX_TYPE = 0x03FF
_BIT_COUNT = 2


class Parameter(IntEnum):
    """Types of the parameters that are read or built here; those below 128 are TV."""

    ANTENNA_ID = 1
    FIRST_SEEN_UTC = 2
    LAST_SEEN_UTC = 4
    PEAK_RSSI = 6
    CHANNEL_INDEX = 7
    SEEN_COUNT = 8
    GEN2_CRC = 11
    GEN2_PC = 12
    EPC_96 = 13
    GEN2_XPC_W1 = 19
    GEN2_XPC_W2 = 20
    UTC_TIMESTAMP = 128
    UPTIME = 129
    GENERAL_CAPABILITIES = 137
    REGULATORY_CAPABILITIES = 143
    UHF_CAPABILITIES = 144
    POWER_TABLE_ENTRY = 145
    FREQUENCY_INFORMATION = 146
    HOP_TABLE = 147
    RO_SPEC = 177
    RO_BOUNDARY = 178
    RO_START_TRIGGER = 179
    RO_STOP_TRIGGER = 182
    AI_SPEC = 183
    AI_STOP_TRIGGER = 184
    INVENTORY_SPEC = 186
    KEEPALIVE_SPEC = 220
    ANTENNA_CONFIGURATION = 222
    RF_TRANSMITTER = 224
    EVENTS_AND_REPORTS = 226
    RO_REPORT_SPEC = 237
    REPORT_CONTENT = 238
    TAG_REPORT = 240
    EPC_DATA = 241
    SURVEY_REPORT = 242
    EVENT_SPEC = 244
    EVENT_STATE = 245
    EVENT_DATA = 246
    RO_SPEC_EVENT = 249
    BUFFER_WARNING = 250
    BUFFER_OVERFLOW = 251
    READER_EXCEPTION = 252
    ANTENNA_EVENT = 255
    CONNECTION_ATTEMPT = 256
    CONNECTION_CLOSE = 257
    STATUS = 287
    GEN2_INVENTORY_COMMAND = 330
    GEN2_SINGULATION = 336
    GEN2_MEMORY_SELECTOR = 348
    CUSTOM = 1023


_TV_SIZES = {1: 2, 2: 8, 3: 8, 4: 8, 5: 8, 6: 1, 7: 2, 8: 2, 9: 4, 10: 2, 11: 2, 12: 2, 13: 12, 14: 2} | {
    15: 2,
    16: 4,
    17: 2,
    18: 4,
    19: 2,
    20: 2,
}


def split(data: bytes) -> list[tuple[int, bytes]] | None:
    """Type and content of each parameter in ``data``, which they fill; ``None`` when they do not.

    A TLV of an unknown type is passed on like any other; a TV of an unknown type has no known end and spoils the rest.
    """
    found = []
    at, end = 0, len(data)
    while at < end:
        first = data[at]
        if first & _TV_BIT:
            kind = first & 0x7F
            size = _TV_SIZES.get(kind)
            start = at + 1
            if size is None:
                return None
            at = start + size
        else:
            if at + TLV_HEAD > end:
                return None
            kind = first << 8 | data[at + 1]
            start = at + TLV_HEAD
            at += data[at + 2] << 8 | data[at + 3]
            if kind > _MAX_TYPE or at < start:
                return None
        if at > end:
            return None
        found.append((kind, data[start:at]))
    return found


def tlv(kind: int, content: bytes) -> bytes:
    """A TLV parameter."""
    return kind.to_bytes(2, "big") + (TLV_HEAD + len(content)).to_bytes(2, "big") + content


def tv(kind: int, content: bytes) -> bytes:
    """A TV parameter; ``content`` must have the length of its type."""
    if _TV_SIZES.get(kind) != len(content):
        raise ValueError(f"TV parameter {kind} does not have {len(content)} bytes")
    return bytes([_TV_BIT | kind]) + content


@dataclass(frozen=True, slots=True)
class TagReport:
    """One TagReportData; what did not travel is ``None``.

    Attributes:
        epc: the EPC alone.
        sound: whether PC and tag CRC, as far as they travelled, agree with the EPC.
        pc: protocol-control word.
        crc: CRC-16 that the tag sent.
        antenna: from 1.
        rssi_dbm: the strongest read of those that the report sums up.
        first_seen_us: microseconds since 1970, UTC.
        seen_count: reads that the report sums up.
    """

    epc: bytes
    sound: bool
    pc: int | None = None
    crc: int | None = None
    antenna: int | None = None
    rssi_dbm: int | None = None
    first_seen_us: int | None = None
    seen_count: int | None = None


def tag_report(content: bytes) -> TagReport | None:
    """What a TagReportData says; ``None`` when it is none: the EPC stands first, then come fields in any order."""
    parameters = split(content)
    epc = _epc(*parameters[0]) if parameters else None
    if not parameters or epc is None:
        return None
    fields = {kind: content for kind, content in parameters[1:] if kind < _TV_BIT}
    pc, crc = fields.get(Parameter.GEN2_PC), fields.get(Parameter.GEN2_CRC)
    sound = pc is None or gen2.epc_length(_number(pc)) == len(epc)
    if pc is not None and crc is not None:
        extended = fields.get(Parameter.GEN2_XPC_W1, b"") + fields.get(Parameter.GEN2_XPC_W2, b"")
        sound = sound and gen2.tag_crc(pc + extended + epc) == _number(crc)
    rssi = fields.get(Parameter.PEAK_RSSI)
    return TagReport(
        epc=epc,
        sound=sound,
        pc=_maybe(pc),
        crc=_maybe(crc),
        antenna=_maybe(fields.get(Parameter.ANTENNA_ID)),
        rssi_dbm=None if rssi is None else int.from_bytes(rssi, "big", signed=True),
        first_seen_us=_maybe(fields.get(Parameter.FIRST_SEEN_UTC)),
        seen_count=_maybe(fields.get(Parameter.SEEN_COUNT)),
    )


def _epc(kind: int, content: bytes) -> bytes | None:
    """EPC-96 as it is, EPCData after its number of bits, which must be whole words as in the tag's memory."""
    if kind == Parameter.EPC_96:
        return content
    if kind != Parameter.EPC_DATA or len(content) < _BIT_COUNT:
        return None
    bits, epc = _number(content[:2]), content[2:]
    return epc if bits % 16 == 0 and bits == len(epc) * 8 and len(epc) <= gen2.MAX_EPC_BYTES else None


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big")


def _maybe(content: bytes | None) -> int | None:
    return None if content is None else int.from_bytes(content, "big")


def status(content: bytes) -> tuple[int, str] | None:
    """Code and description of an LLRPStatus: code (2), length of the description (2), description, parameters."""
    described = 4 + _number(content[2:4])
    if len(content) < max(described, 4) or split(content[described:]) is None:
        return None
    return _number(content[:2]), content[4:described].decode("utf-8", "replace")
