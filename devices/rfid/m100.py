"""Protocol of MagicRF M100, Q100, YRM100 and R200 readers: ``BB TYPE CMD PL_hi PL_lo PARAM[PL] SUM 7E``.

TYPE is 00 command, 01 response, 02 notice; SUM is the low byte of the sum of TYPE .. last PARAM. Some firmware frames
the same body with AA .. DD ("R200 user protocol V2.3.3"); see `Dialect`. Frames are cut by PL, never by looking for
the end byte, which may stand anywhere in the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from enum import IntEnum

from devices.rfid import gen2

_HEADER_SIZE = 5  # header, TYPE, CMD, PL_hi, PL_lo
_TRAILER_SIZE = 2  # SUM, end
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


@dataclass(frozen=True, slots=True)
class TagNotice:
    """One tag heard once: EPC as upper-case hex, PC word, RSSI in dBm, the frame it came in."""

    epc: str
    pc: int
    rssi_dbm: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The reader did what ``command`` asked; ``parameters`` are its answer."""

    command: int
    parameters: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reader did not do the last command; ``code`` as sent, see `error_text`."""

    code: int

    @property
    def no_tag(self) -> bool:
        """An inventory that heard nobody, which is not a fault."""
        return self.code == NO_TAG


Message = TagNotice | Answer | Refusal


@dataclass(slots=True)
class Counts:
    """What became of the bytes so far. A false header inside noise counts as whatever it fails on."""

    frames: int = 0
    noise_bytes: int = 0
    bad_sum: int = 0
    bad_end: int = 0
    bad_header: int = 0
    bad_tag: int = 0

    @property
    def dropped(self) -> int:
        """Candidates for frames or tags that were refused."""
        return self.bad_sum + self.bad_end + self.bad_header + self.bad_tag


@dataclass(slots=True)
class FrameParser:
    """``feed`` bytes, get whole frames. Refused candidates lose their first byte only, so the next frame is found.

    Attributes:
        dialect: header and end byte.
        sound: asked about every frame that is whole; the 8-bit sum alone lets through one false frame in 256.
        max_parameters: longest PARAM taken for real; a longer one is a false header. The longest answer there is,
            a bank of tag memory, stays below.
    """

    dialect: Dialect = BB_7E
    sound: Callable[[Frame], bool] = lambda _: True
    max_parameters: int = 768
    counts: Counts = field(default_factory=Counts)
    _buffer: bytearray = field(default_factory=bytearray)

    @property
    def pending(self) -> bool:
        """Whether a frame may have begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Frames that were completed by ``data``, in order."""
        self._buffer += data
        frames = []
        while self._skip_to_header():
            size = self._candidate_size()
            if size is None:
                break
            if size == 0:
                self._refuse_candidate()
                continue
            frame = self._take(size)
            if frame is not None:
                frames.append(frame)
        return frames

    def flush(self) -> list[Frame]:
        """Give up the unfinished candidate because the line fell idle; frames that it was hiding come out."""
        frames: list[Frame] = []
        while self._buffer:
            self._refuse_candidate()
            frames += self.feed(b"")
        return frames

    def reset(self) -> None:
        """Forget what is pending; for a port that was closed."""
        self._buffer.clear()

    def _skip_to_header(self) -> bool:
        start = self._buffer.find(self.dialect.header)
        skipped = len(self._buffer) if start < 0 else start
        del self._buffer[:skipped]
        self.counts.noise_bytes += skipped
        return bool(self._buffer)

    def _candidate_size(self) -> int | None:
        """Whole size of the frame at the front; ``None``: more bytes are needed to know or to have it; 0: no frame."""
        if len(self._buffer) > 1 and self._buffer[1] not in _FRAME_TYPES:
            self.counts.bad_header += 1
            return 0
        if len(self._buffer) < _HEADER_SIZE:
            return None
        parameters = int.from_bytes(self._buffer[3:5], "big")
        if parameters > self.max_parameters:
            self.counts.bad_header += 1
            return 0
        size = _HEADER_SIZE + parameters + _TRAILER_SIZE
        return size if len(self._buffer) >= size else None

    def _take(self, size: int) -> Frame | None:
        raw = bytes(self._buffer[:size])
        if raw[-1] != self.dialect.end:
            self.counts.bad_end += 1
        elif raw[-2] != sum(raw[1:-2]) & 0xFF:
            self.counts.bad_sum += 1
        else:
            frame = Frame(FrameType(raw[1]), raw[2], raw[5:-2], raw)
            if self.sound(frame):
                del self._buffer[:size]
                self.counts.frames += 1
                return frame
            self.counts.bad_tag += 1
        self._refuse_candidate()
        return None

    def _refuse_candidate(self) -> None:
        del self._buffer[:1]
        self.counts.noise_bytes += 1


@dataclass(slots=True)
class MessageParser:
    """``feed`` bytes from a reader, get what it says. Tags whose length or CRC is wrong are counted and dropped."""

    dialect: InitVar[Dialect] = BB_7E
    frames: FrameParser = field(init=False)

    def __post_init__(self, dialect: Dialect) -> None:
        self.frames = FrameParser(dialect, sound=lambda frame: frame.type is not FrameType.NOTICE or _is_tag(frame))

    @property
    def counts(self) -> Counts:
        return self.frames.counts

    @property
    def pending(self) -> bool:
        return self.frames.pending

    def feed(self, data: bytes) -> list[Message]:
        """Messages that were completed by ``data``, in order."""
        return _messages(self.frames.feed(data))

    def flush(self) -> list[Message]:
        """As `FrameParser.flush`."""
        return _messages(self.frames.flush())

    def reset(self) -> None:
        self.frames.reset()


def _messages(frames: list[Frame]) -> list[Message]:
    return [message for message in map(interpret, frames) if message is not None]


def _is_tag(notice: Frame) -> bool:
    return _tag_notice(notice) is not None


def interpret(frame: Frame) -> Message | None:
    """What a reader means by ``frame``; ``None`` for a notice that holds no sound tag, and for commands."""
    match frame.type:
        case FrameType.NOTICE:
            return _tag_notice(frame)
        case FrameType.RESPONSE if frame.command == Command.ERROR:
            return Refusal(frame.parameters[0]) if frame.parameters else None
        case FrameType.RESPONSE:
            return Answer(frame.command, frame.parameters)
        case _:
            return None


def _tag_notice(frame: Frame) -> TagNotice | None:
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
    return TagNotice(epc.hex().upper(), pc, int.from_bytes(parameters[:1], "big", signed=True), frame.raw)


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
