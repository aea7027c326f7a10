"""Protocol of MagicRF M100, Q100, YRM100 and R200 readers: ``BB TYPE CMD PL_hi PL_lo PARAM[PL] SUM 7E``.

TYPE is 00 command, 01 response, 02 notice; SUM is the low byte of the sum of TYPE .. last PARAM. Some firmware frames
the same body with AA .. DD ("R200 user protocol V2.3.3"); see `Dialect`. Frames are cut by PL, never by looking for
the end byte, which may stand anywhere in the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from devices.frames import NO_FRAME, FrameParser
from devices.rfid import gen2
from devices.rfid.dialog import Answer, Refusal, TagRead

MAX_PARAMETERS = 768
"""Longest PARAM taken for real; the longest answer there is, a bank of tag memory, stays below."""

_HEADER_SIZE = 5  # header, TYPE, CMD, PL_hi, PL_lo
_TRAILER_SIZE = 2  # SUM, end
_MAX_SIZE = _HEADER_SIZE + MAX_PARAMETERS + _TRAILER_SIZE
_NOTICE_OVERHEAD = 5  # RSSI, PC, tag CRC


@dataclass(frozen=True, slots=True)
class Dialect:
    """First and last byte of a frame."""

    header: int = 0xBB
    end: int = 0x7E


BB_7E = Dialect()
AA_DD = Dialect(0xAA, 0xDD)


class FrameType(IntEnum):
    """Second byte of a frame."""

    COMMAND = 0x00
    RESPONSE = 0x01
    NOTICE = 0x02


_FRAME_TYPES = frozenset(FrameType)


class Command(IntEnum):
    """Third byte of a frame."""

    INFO = 0x03
    SET_REGION = 0x07
    GET_REGION = 0x08
    INVENTORY = 0x22
    INVENTORY_ROUNDS = 0x27
    STOP = 0x28
    SET_POWER = 0xB6
    GET_POWER = 0xB7
    ERROR = 0xFF


class Region(IntEnum):
    """Frequency plans; which one may be used is the law of the place."""

    CHINA_900 = 0x01
    US = 0x02
    EUROPE = 0x03
    CHINA_800 = 0x04
    KOREA = 0x06


class Info(IntEnum):
    """What `Command.INFO` can ask for."""

    HARDWARE = 0x00
    SOFTWARE = 0x01
    MANUFACTURER = 0x02


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame whose length, sum and end are right. ``command`` is kept as a number: firmware adds its own."""

    type: FrameType
    command: int
    parameters: bytes
    raw: bytes


Message = TagRead | Answer | Refusal | Frame
"""What a stream says; a command of the host is the `Frame` it came in."""


def frame_parser(dialect: Dialect = BB_7E) -> FrameParser[Frame]:
    """A parser of whole frames of either direction, whatever they mean."""
    return FrameParser(_Frames(dialect))


def parser(dialect: Dialect = BB_7E) -> FrameParser[Message]:
    """A parser of messages of either direction. Tags whose length or CRC is wrong are refused and counted."""
    return FrameParser(_Messages(_Frames(dialect)))


@dataclass(frozen=True, slots=True)
class _Frames:
    """The `devices.frames.Shape` of one dialect."""

    dialect: Dialect
    max_size: int = _MAX_SIZE
    head: int = _HEADER_SIZE

    @property
    def starts(self) -> bytes:
        return bytes([self.dialect.header])

    def size(self, front: bytes) -> int | None:
        if len(front) > 1 and front[1] not in _FRAME_TYPES:
            return NO_FRAME
        if len(front) < _HEADER_SIZE:
            return None
        return _HEADER_SIZE + int.from_bytes(front[3:5], "big") + _TRAILER_SIZE

    def frame(self, raw: bytes) -> Frame | None:
        if raw[-1] != self.dialect.end or raw[-2] != sum(raw[1:-2]) & 0xFF:
            return None
        return Frame(FrameType(raw[1]), raw[2], raw[5:-2], raw)


@dataclass(frozen=True, slots=True)
class _Messages:
    """A frame must mean something, too: the 8-bit sum alone lets through one false frame in 256."""

    frames: _Frames
    max_size: int = _MAX_SIZE
    head: int = _HEADER_SIZE

    @property
    def starts(self) -> bytes:
        return self.frames.starts

    def size(self, front: bytes) -> int | None:
        return self.frames.size(front)

    def frame(self, raw: bytes) -> Message | None:
        frame = self.frames.frame(raw)
        return None if frame is None else interpret(frame)


def interpret(frame: Frame) -> Message | None:
    """What is meant by ``frame``; ``None`` for a notice that holds no sound tag and an error without a code."""
    match frame.type:
        case FrameType.COMMAND:
            return frame
        case FrameType.NOTICE:
            return _tag_read(frame)
        case FrameType.RESPONSE if frame.command == Command.ERROR:
            return _refusal(frame.parameters)
        case FrameType.RESPONSE:
            return Answer(frame.command, frame.parameters)


def _refusal(parameters: bytes) -> Refusal | None:
    """An error tells its code, and after a failed access PC and EPC of the tag; never which command it is about."""
    if not parameters:
        return None
    code = parameters[0]
    return Refusal(None, code, error_text(code), no_tag=code == NO_TAG)


def _tag_read(frame: Frame) -> TagRead | None:
    """Notice 22: RSSI (1, two's complement dBm), PC (2), EPC (PL - 5), tag CRC (2)."""
    parameters = frame.parameters
    if frame.command != Command.INVENTORY or len(parameters) < _NOTICE_OVERHEAD:
        return None
    pc = int.from_bytes(parameters[1:3], "big")
    epc = parameters[3:-2]
    if len(epc) != gen2.epc_length(pc):
        return None
    if int.from_bytes(parameters[-2:], "big") != gen2.tag_crc(parameters[1:-2]):
        return None
    rssi_dbm = float(int.from_bytes(parameters[:1], "big", signed=True))
    return TagRead(epc.hex().upper(), pc, rssi_dbm, antenna=None, tag_crc_ok=True, raw=frame.raw)


NO_TAG = 0x15

_ERRORS = {
    0x09: "read failed: no such tag in the field",
    0x0E: "bad parameter",
    0x10: "write failed: no such tag in the field",
    0x12: "kill failed",
    0x13: "lock failed",
    NO_TAG: "no tag in the field",
    0x16: "access password refused",
    0x17: "unknown command",
    0x20: "frequency hopping found no free channel",
}
_OPERATIONS = {0xA0: "read", 0xB0: "write", 0xC0: "lock", 0xD0: "kill", 0xE0: "block permanent lock"}
_TAG_ERRORS = {
    0x0: "other error",
    0x3: "memory overrun",
    0x4: "memory locked",
    0xB: "insufficient power",
    0xF: "non-specific error",
}


def error_text(code: int) -> str:
    """An error code in words; the high nibbles A..E carry the Gen2 error that the tag itself gave."""
    if code in _ERRORS:
        return _ERRORS[code]
    operation, tag_error = _OPERATIONS.get(code & 0xF0), _TAG_ERRORS.get(code & 0x0F)
    if operation and tag_error:
        return f"tag refused {operation}: {tag_error}"
    return f"unknown error {code:02X}"


def encode(type_: FrameType, command: int, parameters: bytes = b"", dialect: Dialect = BB_7E) -> bytes:
    """The bytes of one frame."""
    body = bytes([type_, command]) + len(parameters).to_bytes(2, "big") + parameters
    return bytes([dialect.header]) + body + bytes([sum(body) & 0xFF, dialect.end])


def get_info(info: Info, dialect: Dialect = BB_7E) -> bytes:
    """Ask for a version text."""
    return encode(FrameType.COMMAND, Command.INFO, bytes([info]), dialect)


def set_region(region: Region, dialect: Dialect = BB_7E) -> bytes:
    """Choose the frequency plan."""
    return encode(FrameType.COMMAND, Command.SET_REGION, bytes([region]), dialect)


def set_power(dbm: float, dialect: Dialect = BB_7E) -> bytes:
    """Set the transmit power, in dBm to 0.01; the module refuses what it cannot do."""
    return encode(FrameType.COMMAND, Command.SET_POWER, round(dbm * 100).to_bytes(2, "big"), dialect)


def single_inventory(dialect: Dialect = BB_7E) -> bytes:
    """Listen for tags once."""
    return encode(FrameType.COMMAND, Command.INVENTORY, b"", dialect)


def start_inventory(rounds: int = 0xFFFF, dialect: Dialect = BB_7E) -> bytes:
    """Listen for tags ``rounds`` times, 1..65535, or until `stop_inventory`. The byte 22 before the count is fixed."""
    return encode(FrameType.COMMAND, Command.INVENTORY_ROUNDS, b"\x22" + rounds.to_bytes(2, "big"), dialect)


def stop_inventory(dialect: Dialect = BB_7E) -> bytes:
    """End `start_inventory`."""
    return encode(FrameType.COMMAND, Command.STOP, b"", dialect)


def tag_notice(epc: bytes, rssi_dbm: int, dialect: Dialect = BB_7E) -> bytes:
    """The frame by which a reader reports a tag; the simulator's side of the protocol."""
    pc_and_epc = gen2.pc_for(epc).to_bytes(2, "big") + epc
    crc = gen2.tag_crc(pc_and_epc).to_bytes(2, "big")
    rssi = rssi_dbm.to_bytes(1, "big", signed=True)
    return encode(FrameType.NOTICE, Command.INVENTORY, rssi + pc_and_epc + crc, dialect)
