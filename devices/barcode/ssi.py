"""Zebra (Symbol, Motorola) Simple Serial Interface: packets both ways; pure.

``Length | Opcode | Source | Status | Data | Checksum(2)``: the length counts itself to the last data byte, the
checksum is the two's complement of the sum of those bytes, high byte first. Source 0 is the scanner, 4 the host. Status
bit 0: the packet is sent again; bit 1: more packets of this message follow; bit 3: a parameter is changed for good.
Source: Simple Serial Interface Programmer's Guide, 72E-40451, chapters 2 and 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from devices.barcode.framing import Scan, read_text, split_aim
from devices.barcode.ssi_symbologies import NO_ITEM, aim_of, symbology
from devices.frames import NO_FRAME, FrameCounts, SearchingParser

HEADER = 4
MAX_LENGTH = 255
MAX_SCAN = 65_536
"""Longest scan in bytes over all its packets; a longer one is dropped."""
RETRANSMITTED = 0x01
MORE_FOLLOW = 0x02
PERMANENT = 0x08
STATUS_BITS = 0x0F
SUFFIXES = b"\r\n\t"
RESPONSE_WITHIN_S = 2.0
"""How long a scanner waits for the acknowledgement of a packet, by default; then it sends it twice more."""


class Source(IntEnum):
    """Who sends."""

    SCANNER = 0x00
    HOST = 0x04


class Opcode(IntEnum):
    """What a packet is about."""

    FLUSH_MACRO_PDF = 0x10
    ABORT_MACRO_PDF = 0x11
    CUSTOM_DEFAULTS = 0x12
    SSI_MGMT_COMMAND = 0x80
    REQUEST_REVISION = 0xA3
    REPLY_REVISION = 0xA4
    IMAGE_DATA = 0xB1
    VIDEO_DATA = 0xB4
    ILLUMINATION_OFF = 0xC0
    ILLUMINATION_ON = 0xC1
    AIM_OFF = 0xC4
    AIM_ON = 0xC5
    PARAM_SEND = 0xC6
    PARAM_REQUEST = 0xC7
    PARAM_DEFAULTS = 0xC8
    CHANGE_ALL_CODE_TYPES = 0xC9
    PAGER_MOTOR_ACTIVATION = 0xCA
    CMD_ACK = 0xD0
    CMD_NAK = 0xD1
    FLUSH_QUEUE = 0xD2
    CAPABILITIES_REQUEST = 0xD3
    CAPABILITIES_REPLY = 0xD4
    BATCH_REQUEST = 0xD5
    BATCH_DATA = 0xD6
    CMD_ACK_ACTION = 0xD8
    START_SESSION = 0xE4
    STOP_SESSION = 0xE5
    BEEP = 0xE6
    LED_ON = 0xE7
    LED_OFF = 0xE8
    SCAN_ENABLE = 0xE9
    SCAN_DISABLE = 0xEA
    SLEEP = 0xEB
    DECODE_DATA = 0xF3
    EVENT = 0xF6
    IMAGER_MODE = 0xF7


class Nak(IntEnum):
    """Why a packet was not taken."""

    RESEND = 1
    BAD_CONTEXT = 2
    DENIED = 6
    CANCEL = 10


_NAK_WORDS = {
    Nak.RESEND: "its checksum was wrong, send it again",
    Nak.BAD_CONTEXT: "this scanner does not know it, or not now",
    Nak.DENIED: "the scanner may not do it as it is set (trigger mode, or scanning disabled)",
    Nak.CANCEL: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet with a right checksum.

    Attributes:
        opcode: see `Opcode`; others are taken as they come.
        data: without header and checksum, at most 251 bytes.
    """

    opcode: int
    source: Source
    status: int
    data: bytes
    raw: bytes

    @property
    def name(self) -> str:
        """The opcode in words, or in hex."""
        return Opcode(self.opcode).name if self.opcode in set(Opcode) else f"opcode {self.opcode:02X}"

    @property
    def retransmitted(self) -> bool:
        return bool(self.status & RETRANSMITTED)

    @property
    def more_follow(self) -> bool:
        return bool(self.status & MORE_FOLLOW)


@dataclass(frozen=True, slots=True)
class DecodeData:
    """The scanner read a code, or a part of one; the host owes an acknowledgement in every case.

    Attributes:
        packet: as it came.
        symbology: name of the code type.
        repeated: the packet was sent again though it had arrived, as its acknowledgement was lost.
        scan: what was read, when this packet completes it.
    """

    packet: Packet
    symbology: str
    repeated: bool
    scan: Scan | None


Message = DecodeData | Packet


@dataclass(slots=True)
class Counts(FrameCounts):
    """What became of the bytes so far.

    Attributes:
        scans: scans completed.
        repeats: packets that had arrived before.
        dropped_scans: scans that lack a packet, are too long, or are no text.
    """

    scans: int = 0
    repeats: int = 0
    dropped_scans: int = 0


def checksum(body: bytes) -> bytes:
    """Two's complement of the sum of ``body``, 16 bits, high byte first."""
    return (-sum(body) & 0xFFFF).to_bytes(2, "big")


def encode(opcode: int, data: bytes = b"", *, source: Source = Source.HOST, status: int = 0) -> bytes:
    """Bytes of a packet.

    Raises:
        ValueError: more than 251 bytes of data.
    """
    if HEADER + len(data) > MAX_LENGTH:
        raise ValueError(f"a packet has at most {MAX_LENGTH - HEADER} bytes of data, not {len(data)}")
    body = bytes([HEADER + len(data), opcode, source, status]) + data
    return body + checksum(body)


def acknowledge(source: Source = Source.HOST) -> bytes:
    """CMD_ACK."""
    return encode(Opcode.CMD_ACK, source=source)


def refuse(cause: Nak, source: Source = Source.HOST) -> bytes:
    """CMD_NAK."""
    return encode(Opcode.CMD_NAK, bytes([cause]), source=source)


def start_session() -> bytes:
    """Begin to read, as if the trigger were pulled; the scanner must be in host trigger mode."""
    return encode(Opcode.START_SESSION)


def stop_session() -> bytes:
    """Stop reading."""
    return encode(Opcode.STOP_SESSION)


def scan_enable() -> bytes:
    """Let the scanner read again."""
    return encode(Opcode.SCAN_ENABLE)


def scan_disable() -> bytes:
    """Let the scanner read nothing, also by its own trigger."""
    return encode(Opcode.SCAN_DISABLE)


def flush_queue() -> bytes:
    """Forget what was read and not acknowledged."""
    return encode(Opcode.FLUSH_QUEUE)


def request_revision() -> bytes:
    """Ask who the scanner is; it answers REPLY_REVISION."""
    return encode(Opcode.REQUEST_REVISION)


def beep(code: int) -> bytes:
    """Sound beep ``code``, 0..26 (manual, table of beep codes)."""
    return encode(Opcode.BEEP, bytes([code]))


def led(selection: int = 1, *, on: bool) -> bytes:
    """Switch the LEDs of the bits of ``selection``."""
    return encode(Opcode.LED_ON if on else Opcode.LED_OFF, bytes([selection]))


def param_send(parameters: bytes, *, beep_code: int = 0xFF, permanent: bool = False) -> bytes:
    """Set parameters.

    Args:
        parameters: numbers and values in turn, as the manual lists them: ``8A 08`` is trigger mode, host.
        beep_code: sound to make, FF for none.
        permanent: keep them without power; the scanner's memory stands few such writes.
    """
    return encode(Opcode.PARAM_SEND, bytes([beep_code]) + parameters, status=PERMANENT if permanent else 0)


def nak_text(data: bytes) -> str:
    """The cause of a CMD_NAK in words."""
    cause = data[0] if data else None
    return _NAK_WORDS[Nak(cause)] if cause in set(Nak) else f"cause {data.hex().upper() or 'not told'}"


_SOURCES = bytes(Source)


class PacketShape:
    """Packets of both directions; see `devices.frames.SearchedShape`."""

    starts = b""
    begins = re.compile(rb"[\x04-\xff](?:\Z|.(?:\Z|[\x00\x04](?:\Z|[\x00-\x0f])))", re.DOTALL)
    max_size = MAX_LENGTH + 2
    head = HEADER

    def size(self, front: bytes) -> int | None:
        if len(front) > 2 and front[2] not in _SOURCES:  # noqa: PLR2004  where the source stands
            return NO_FRAME
        if len(front) < HEADER:
            return None
        return NO_FRAME if front[3] & ~STATUS_BITS else front[0] + 2

    def frame(self, raw: bytes) -> Packet | None:
        body = raw[:-2]
        if checksum(body) != raw[-2:]:
            return None
        return Packet(body[1], Source(body[2]), body[3], body[HEADER:], raw)


@dataclass(slots=True)
class MessageParser:
    """``feed`` bytes, get the messages they complete; holds less than a packet and the parts of one scan.

    Every packet gives one message. Scans of several packets are joined; each packet begins with the code type, and the
    scan is dropped when it changes on the way. The rest of a scan that was given up is no scan.
    """

    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    counts: Counts = field(default_factory=Counts)
    _frames: SearchingParser[Packet] = field(init=False)
    _parts: list[bytes] = field(default_factory=list)
    _raw: list[bytes] = field(default_factory=list)
    _last: tuple[int, bytes] | None = None
    _skips_retransmitted: bool = False
    _skips_rest: bool = False

    def __post_init__(self) -> None:
        self._frames = SearchingParser(PacketShape(), self.counts)

    @property
    def pending(self) -> int:
        """Bytes of a packet that may have begun and not ended."""
        return self._frames.pending

    def feed(self, data: bytes) -> list[Message]:
        """Messages that were completed by ``data``, in order."""
        return [self._message(packet) for packet in self._frames.feed(data)]

    def flush(self) -> list[Message]:
        """Give up the unfinished packet because the line fell idle; packets that it was hiding come out."""
        return [self._message(packet) for packet in self._frames.flush()]

    def reset(self) -> None:
        """Forget what is pending; for a port that was closed."""
        self._frames.reset()
        self._forget_parts()
        self._last = None
        self._skips_retransmitted = self._skips_rest = False

    def give_up_scan(self) -> None:
        """The packets that a begun scan lacks are overdue; should they come, they are no scan by themselves."""
        if self._parts:
            self._forget_parts()
            self.counts.dropped_scans += 1
            self._skips_retransmitted = True

    def expect_no_repeat(self) -> None:
        """The last packet is so long ago that the scanner cannot be sending it again: a like one is another scan."""
        self._last = None

    def _message(self, packet: Packet) -> Message:
        if packet.opcode != Opcode.DECODE_DATA or packet.source is not Source.SCANNER or not packet.data:
            return packet
        last, self._last = self._last, (packet.status & ~RETRANSMITTED, packet.data)
        repeated = packet.retransmitted and last == self._last
        if repeated:
            self.counts.repeats += 1
        scan = None if repeated or self._is_remainder(packet) else self._joined(packet)
        return DecodeData(packet, symbology(packet.data[0]), repeated, scan)

    def _is_remainder(self, packet: Packet) -> bool:
        """Whether the packet belongs to a scan whose beginning was not heard."""
        remainder = self._skips_rest or (self._skips_retransmitted and packet.retransmitted)
        self._skips_rest = remainder and packet.more_follow
        self._skips_retransmitted = self._skips_rest
        return remainder

    def _joined(self, packet: Packet) -> Scan | None:
        if self._parts and self._parts[0][0] != packet.data[0]:
            self._forget_parts()
            self.counts.dropped_scans += 1
        self._parts.append(packet.data if not self._parts else packet.data[1:])
        self._raw.append(packet.raw)
        if sum(map(len, self._parts)) > MAX_SCAN:
            self._parts = [packet.data[:1], bytes(MAX_SCAN)]  # stays too long, whatever more comes
            self._raw = []
        if packet.more_follow:
            return None
        data, raw = b"".join(self._parts), b"".join(self._raw)
        self._forget_parts()
        scan = self._scan(data, raw) if len(data) <= MAX_SCAN else None
        if scan is None:
            self.counts.dropped_scans += 1
        else:
            self.counts.scans += 1
        return scan

    def _scan(self, data: bytes, raw: bytes) -> Scan | None:
        code_type = data[0]
        text = None if code_type in NO_ITEM else read_text(data[1:].rstrip(SUFFIXES), self.encoding)
        if text is None:
            return None
        text, sent_aim = split_aim(text)
        return Scan(text, sent_aim or aim_of(code_type), raw) if text else None

    def _forget_parts(self) -> None:
        self._parts, self._raw = [], []
