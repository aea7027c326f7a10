"""What may stand in the frames of the Chafon protocol: commands, the statuses that go with them, sizes.

"UHFReader18 User's Manual" V2.0, chapters 4, 5 and 8; "UR-series User Manual" v1.14, chapters 4 and 8.
"""

from __future__ import annotations

from enum import Enum, IntEnum

from devices.rfid import gen2
from devices.rfid.chafon_words import (
    ANTENNA_ERROR,
    COMMON_STATUSES,
    DONE,
    HEARTBEAT,
    MORE_FOLLOWS,
    OK,
    SETTING_STATUSES,
    STATISTICS,
    TAG_STATUSES,
    TIMED_OUT,
)
from devices.rfid.chafon_words import BUFFER_FULL as BUFFER_FULL_STATUS
from devices.rfid.chafon_words import NOT_UNDERSTOOD as NOT_UNDERSTOOD_STATUS


class Dialect(Enum):
    """How tags are listed, which differs between the families of readers."""

    UHF18 = "uhf18"
    """UHFReader18, RRU9803M: without antenna and signal strength."""
    UHF288 = "uhf288"
    """UHFReader288, UHFReader86, RRU9883M: with both."""
    EITHER = "either"
    """Whichever of the two fills the frame; for a log of which no more is known."""


class Command(IntEnum):
    """Third byte of a frame."""

    NOT_UNDERSTOOD = 0x00
    INVENTORY = 0x01
    READ = 0x02
    WRITE = 0x03
    WRITE_EPC = 0x04
    KILL = 0x05
    LOCK = 0x06
    SINGLE_INVENTORY = 0x0F
    BUFFER_INVENTORY = 0x18
    MIXED_INVENTORY = 0x19
    MATCHED_INVENTORY = 0x1A
    QT_INVENTORY = 0x1B
    GET_INFO = 0x21
    SET_REGION = 0x22
    SET_ADDRESS = 0x24
    SET_SCAN_TIME = 0x25
    SET_BAUD_RATE = 0x28
    SET_POWER = 0x2F
    SET_SIGNALS = 0x33
    SET_MODE_18 = 0x35
    SET_ANTENNAS = 0x3F
    SET_BEEPER = 0x40
    GET_SERIAL = 0x4C
    SET_MODE_288 = 0x76
    PUSHED = 0xEE


INVENTORIES = frozenset({Command.INVENTORY, Command.SINGLE_INVENTORY, Command.MATCHED_INVENTORY, Command.QT_INVENTORY})
"""Commands that are answered with a list of tags."""

_TAG_COMMANDS = frozenset({*range(0x01, 0x11), 0x11, 0x12, 0x15, 0x16, *range(0x18, 0x1C), *range(0x50, 0x56)})
_SETTINGS = frozenset(
    {
        Command.SET_REGION,
        Command.SET_ADDRESS,
        Command.SET_SCAN_TIME,
        Command.SET_BAUD_RATE,
        Command.SET_POWER,
        Command.SET_SIGNALS,
        Command.SET_MODE_18,
        Command.SET_ANTENNAS,
        Command.SET_BEEPER,
        Command.SET_MODE_288,
    }
)
_OTHERS = frozenset({0x34, *range(0x36, 0x3F), 0x46, 0x47, 0x66, 0x6E, *range(0x70, 0x80), 0x90, 0x92})
KNOWN_COMMANDS = _TAG_COMMANDS | _SETTINGS | _OTHERS | frozenset(Command)

_FOUND = frozenset({DONE, TIMED_OUT, MORE_FOLLOWS, BUFFER_FULL_STATUS})
_LISTING = INVENTORIES | {Command.BUFFER_INVENTORY, Command.MIXED_INVENTORY}
_ASKED_SIZES: dict[int, frozenset[int]] = {
    Command.GET_INFO: frozenset({0}),
    Command.SET_REGION: frozenset({2, 4}),
    Command.SET_ADDRESS: frozenset({1}),
    Command.SET_SCAN_TIME: frozenset({1}),
    Command.SET_BAUD_RATE: frozenset({1}),
    Command.SET_POWER: frozenset({1}),
    Command.SET_SIGNALS: frozenset({3}),
    Command.SET_MODE_18: frozenset({6}),
    Command.SET_ANTENNAS: frozenset({1, 3}),
    Command.SET_BEEPER: frozenset({1}),
    Command.GET_SERIAL: frozenset({0}),
    Command.SET_MODE_288: frozenset({1}),
}
_NEVER_ASKED = frozenset({Command.NOT_UNDERSTOOD, Command.PUSHED})
_MAX_ASKED = 92
_INFO_SIZES = range(8, 17)
_STATISTICS_SIZE = 7  # antenna, reads in a second (2), reads (4)
_HEARTBEAT_SIZE = 16  # number (4), antennas (8), tags (4)
_MAX_ERROR_DATA = 3
_Q_BITS, _MAX_Q = 0x1F, 15
_SESSIONS = frozenset({0, 1, 2, 3, 0xFF})
_MASK_HEAD, _MASK_BANKS = 4, frozenset({1, 2, 3})
_ANTENNA_CODES = range(0x80, 0xA0)


def is_epc_size(size: int) -> bool:
    """Whether an EPC can have ``size`` bytes: 1 to 31 words."""
    return size % 2 == 0 and 0 < size <= gen2.MAX_EPC_BYTES


def host_may_ask(command: int, size: int) -> bool:
    """Whether a host sends the command with ``size`` bytes of data."""
    if command in _NEVER_ASKED or command not in KNOWN_COMMANDS or not 0 <= size <= _MAX_ASKED:
        return False
    sizes = _ASKED_SIZES.get(command)
    return size != 1 or command not in INVENTORIES if sizes is None else size in sizes


def asks(command: int, data: bytes) -> bool:
    """Whether ``data`` is what a host sends with the command."""
    if not host_may_ask(command, len(data)):
        return False
    return command != Command.INVENTORY or len(data) in {0, 2} or _asks_288(data)


def _asks_288(data: bytes) -> bool:
    """QValue, Session, [MaskMem, MaskAdr (2), MaskLen, MaskData], [AdrTID, LenTID], [Target, Ant, ScanTime]."""
    if data[0] & _Q_BITS > _MAX_Q or data[1] not in _SESSIONS:
        return False
    rest = data[2:]
    if len(rest) >= _MASK_HEAD and rest[0] in _MASK_BANKS:
        rest = rest[_MASK_HEAD + (rest[3] + 7) // 8 :] if len(rest) >= _MASK_HEAD + (rest[3] + 7) // 8 else b"?"
    ends = rest[-3:]
    where = len(rest) in {3, 5} and ends[0] <= 1 and ends[1] in _ANTENNA_CODES
    return len(rest) in {0, 2} or where


def reader_may_say(command: int, status: int, size: int) -> bool:
    """Whether a reader answers the command with this status and ``size`` bytes of data."""
    if size < 0 or command not in KNOWN_COMMANDS:
        return False
    if command == Command.NOT_UNDERSTOOD:
        return status == NOT_UNDERSTOOD_STATUS and size == 0
    if command == Command.PUSHED:
        return (status == OK and size > 1) or (status == HEARTBEAT and size == _HEARTBEAT_SIZE)
    if status in _FOUND or status == STATISTICS:
        return _may_report(command, status, size)
    return _may_tell(command, size) if status == OK else _may_refuse(command, status, size)


def _may_report(command: int, status: int, size: int) -> bool:
    if status == STATISTICS:
        return command in INVENTORIES and size == _STATISTICS_SIZE
    return command in _LISTING


def _may_refuse(command: int, status: int, size: int) -> bool:
    if status in COMMON_STATUSES:
        return size <= _MAX_ERROR_DATA if status == ANTENNA_ERROR else size == 0
    if status in SETTING_STATUSES:
        return command not in _TAG_COMMANDS and size == 0
    return status in TAG_STATUSES and command in _TAG_COMMANDS and size <= 1


def _may_tell(command: int, size: int) -> bool:
    if command in _SETTINGS:
        return size == 0
    if command == Command.GET_INFO:
        return size in _INFO_SIZES
    return command not in INVENTORIES
