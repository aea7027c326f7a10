"""Protocol of Impinj R2000 readers (Invelion, Rodinbell, IND903): ``A0 LEN ADDR CMD DATA CHECK``.

LEN counts ADDR .. CHECK; CHECK makes the sum of all bytes zero. Eight bits of check let one false frame in 256 pass, so
the form of every frame is checked as hard as the protocol allows (`devices.rfid.r2000_forms`). Layouts: "UHF RFID
Reader Serial Interface Protocol" V3.7 and the vendor's demo program. The A0 .. C0 framing of other firmware is another
protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from devices.frames import NO_FRAME, FrameParser
from devices.rfid import dialog, gen2, r2000_forms
from devices.rfid.dialog import Answer, Notice, Refusal, TagRead
from devices.rfid.framed import MessageParser, Request, Side
from devices.rfid.r2000_forms import ACCESSES, BUFFERED, INVENTORIES, Command
from devices.rfid.r2000_words import ERRORS, FAIL, NOTHING_THERE, SUCCESS, error_text

HEADER = 0xA0
ANY_ADDRESS = 0xFF
"""The address to which every reader listens."""

HEAD_SIZE = 4  # A0, LEN, ADDR, CMD
RSSI_OFFSET_DBM = -129
"""Seven bits of the RSSI byte count dBm from here, as in the vendor's demo; the table of V3.7 is 1 dB less below 90."""
SECOND_FOUR = 0x80
"""Bit of the RSSI byte that means antennas 5..8, on readers with eight."""

_LONGEST = 257
_TAG_HEAD = HEAD_SIZE + 3  # FreqAnt, PC
_MIN_LEN = 3
_CLOSING_LENS = frozenset({0x0A, 0x04})  # LEN of the packets that close a round: end, error
_CODE_SIZE = 2  # AntID, ErrorCode
_TAIL_SIZE = 3  # what follows PC, EPC and tag CRC in the buffer and after an access


@dataclass(frozen=True, slots=True)
class TagAccess:
    """What an access to the memory of one tag brought.

    Attributes:
        to: command: read, write, lock or kill.
        tags: how many tags were reached in all; one such message comes for each.
        epc: upper-case hex.
        pc: protocol-control word.
        antenna: from 1.
        data: memory that was read; empty for other commands.
        raw: the frame it came in.
    """

    to: int
    tags: int
    epc: str
    pc: int
    antenna: int
    data: bytes
    raw: bytes


Message = dialog.Message | Request | TagAccess


def parser(side: Side = Side.READER, address: int | None = None) -> MessageParser[Message]:
    """A parser of the frames of ``side``, only of the reader with ``address`` if one is given."""
    return MessageParser(FrameParser(_Frames(side, address)))


def check(data: bytes) -> int:
    """Byte that makes the sum of all bytes 0 modulo 256 (V3.7, chapter 6)."""
    return -sum(data) & 0xFF


def encode(command: int, data: bytes = b"", address: int = ANY_ADDRESS) -> bytes:
    """The bytes of one frame; both directions look the same."""
    front = bytes([HEADER, len(data) + _MIN_LEN, address, command]) + data
    return front + bytes([check(front)])


def frequency_mhz(index: int) -> float:
    """Carrier of a channel: 0..6 are 865.0 .. 868.0 MHz, 7..59 are 902.0 .. 928.0 MHz (V3.7, table of frequencies)."""
    return 865.0 + index * 0.5 if index < r2000_forms.FIRST_US else 902.0 + (index - r2000_forms.FIRST_US) * 0.5


@dataclass(frozen=True, slots=True)
class _Frames:
    """The `devices.frames.Shape` of this protocol."""

    side: Side
    address: int | None = None
    starts: bytes = bytes([HEADER])
    max_size: int = _LONGEST
    head: int = HEAD_SIZE

    def size(self, front: bytes) -> int | None:
        if len(front) > 1 and front[1] < _MIN_LEN:
            return NO_FRAME
        if len(front) < HEAD_SIZE:
            return None
        data_size, command = front[1] - _MIN_LEN, front[3]
        known = (self.side.hears_reader and r2000_forms.reader_may_say(command, data_size)) or (
            self.side.hears_host and r2000_forms.host_may_ask(command, data_size)
        )
        return front[1] + 2 if known else NO_FRAME

    def frame(self, raw: bytes) -> tuple[Message, ...] | None:
        if sum(raw) & 0xFF or self.address not in {None, raw[2]}:
            return None
        command, data = raw[3], raw[HEAD_SIZE:-1]
        message: Message | None = None
        if self.side.hears_reader and r2000_forms.reader_may_say(command, len(data)):
            message = _said(command, data, raw)
        if message is None and self.side.hears_host and r2000_forms.asks(command, data):
            message = Request(command, data, raw[2], raw)
        return None if message is None else (message,)


def _said(command: int, data: bytes, raw: bytes) -> Message | None:
    """What the reader means; ``None`` when no reader says such a thing."""
    if r2000_forms.answers(command, data):
        return Answer(command, data, end_of_round=command in INVENTORIES or command == Command.INVENTORY)
    if len(data) == 1:
        return _verdict(command, data[0])
    if command == Command.FAST_SWITCH_INVENTORY and len(data) == _CODE_SIZE:
        return _antenna_trouble(*data)
    layout = _LAYOUTS.get(command)
    return layout(command, data, raw) if layout else None


def _verdict(command: int, code: int) -> Message | None:
    if code == SUCCESS:
        return Answer(command, bytes([code]))
    if code in ERRORS or code == FAIL:
        return Refusal(command, code, error_text(code), no_tag=code in NOTHING_THERE)
    return None


def _antenna_trouble(antenna: int, code: int) -> Notice | None:
    if antenna >= r2000_forms.ANTENNAS or code not in ERRORS:
        return None
    return Notice(f"antenna {antenna + 1}: {error_text(code)}", trouble=True)


def _tag(_: int, data: bytes, raw: bytes) -> TagRead | None:
    """FreqAnt (1: frequency << 2 | antenna), PC (2), EPC, RSSI (1)."""
    if not _is_tag_head(raw) or _holds_another_head(raw):
        return None
    pc = int.from_bytes(data[1:3], "big")
    end = 3 + gen2.epc_length(pc)
    return TagRead(
        epc=data[3:end].hex().upper(),
        pc=pc,
        rssi_dbm=_rssi_dbm(data[end]),
        antenna=_antenna(data[0], data[end]),
        tag_crc_ok=None,
        raw=raw,
    )


def _buffered_tag(_: int, data: bytes, raw: bytes) -> TagRead | None:
    """TagCount (2), DataLen (1), PC (2), EPC, tag CRC (2), RSSI (1), FreqAnt (1), count of reads (1)."""
    memory, rest = data[3 : 3 + data[2]], data[3 + data[2] :]
    identity = _identity(memory)
    if identity is None or len(rest) != _TAIL_SIZE or not r2000_forms.is_channel(rest[1]):
        return None
    pc, epc = identity
    if len(memory) != len(epc) + 4:
        return None
    return TagRead(epc.hex().upper(), pc, _rssi_dbm(rest[0]), _antenna(rest[1], rest[0]), tag_crc_ok=True, raw=raw)


def _access(command: int, data: bytes, raw: bytes) -> Message | None:
    """TagCount (2), DataLen (1), PC (2), EPC, tag CRC (2), memory, its length or an error (1), FreqAnt, count (1)."""
    found, rest = data[3 : 3 + data[2]], data[3 + data[2] :]
    identity = _identity(found)
    if identity is None or len(rest) != _TAIL_SIZE or not r2000_forms.is_channel(rest[1]):
        return None
    pc, epc = identity
    memory, told = found[len(epc) + 4 :], rest[0]
    if command != Command.READ and not memory and told != SUCCESS:
        return _verdict(command, told)
    if (told if command == Command.READ else 0) != len(memory):
        return None
    tags = int.from_bytes(data[:2], "big")
    return TagAccess(command, tags, epc.hex().upper(), pc, _antenna(rest[1], 0), memory, raw)


def _identity(memory: bytes) -> tuple[int, bytes] | None:
    """PC and EPC at the front of ``memory`` when the CRC of the tag behind them is right."""
    pc = int.from_bytes(memory[:2], "big")
    end = 2 + gen2.epc_length(pc)
    if len(memory) < end + 2 or gen2.tag_crc(memory[:end]) != int.from_bytes(memory[end : end + 2], "big"):
        return None
    return pc, memory[2:end]


def _is_tag_head(front: bytes) -> bool:
    """Whether LEN, channel and the PC word of a tag packet agree; ``front`` is 7 bytes or more."""
    epc_size = front[1] - _MIN_LEN - r2000_forms.TAG_OVERHEAD
    return epc_size == gen2.epc_length(front[5] << 8) > 0 and r2000_forms.is_channel(front[4])


def _holds_another_head(raw: bytes) -> bool:
    """Whether the packet seems to be the front of one that broke off and the packet that came after it.

    The eight bits of check let one such pair in 256 pass. An EPC in which a whole head stands by chance, one in some
    hundred millions, is not read; no tag is better than a false one.
    """
    at = raw.find(HEADER, HEAD_SIZE)
    while 0 <= at <= len(raw) - 3:
        front = raw[at : at + _TAG_HEAD]
        same = front[2] == raw[2] and front[3:4] in {b"", raw[3:4]}
        if same and (front[1] in _CLOSING_LENS or _may_be_tag_head(front)):
            return True
        at = raw.find(HEADER, at + 1)
    return False


def _may_be_tag_head(front: bytes) -> bool:
    whole = len(front) == _TAG_HEAD
    return _is_tag_head(front) if whole else r2000_forms.is_tag_size(front[1] - _MIN_LEN)


_LAYOUTS: dict[int, Callable[[int, bytes, bytes], Message | None]] = (
    dict.fromkeys(INVENTORIES, _tag) | dict.fromkeys(BUFFERED, _buffered_tag) | dict.fromkeys(ACCESSES, _access)
)


def _rssi_dbm(byte: int) -> float:
    return float((byte & ~SECOND_FOUR) + RSSI_OFFSET_DBM)


def _antenna(channel: int, rssi: int) -> int:
    return (channel & 0x03) + (5 if rssi & SECOND_FOUR else 1)
