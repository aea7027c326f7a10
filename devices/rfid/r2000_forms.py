"""What may stand in the frames of the A0 protocol: the commands, and for each the data that host and reader send.

"UHF RFID Reader Serial Interface Protocol" V3.7, chapter 2.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from devices.rfid import gen2

ANTENNAS = 8
FIRST_US = 7
LAST_CHANNEL = 59
TAG_OVERHEAD = 4  # FreqAnt, PC, RSSI

_ACCESS_OVERHEAD = 6  # TagCount, DataLen, ReadLen, FreqAnt, ReadCount
_IDENTITY_OVERHEAD = 4  # PC, tag CRC
_MAX_DATA = 252
_MAX_POWER_DBM = 36
_ONE_POWER_MAX_DBM = 33  # a higher byte alone is an error code
_MATCH_OFF = 0x01


class Command(IntEnum):
    """Fourth byte of a frame."""

    GET_GPIO = 0x60
    SET_GPIO = 0x61
    SET_ANTENNA_DETECTOR = 0x62
    GET_ANTENNA_DETECTOR = 0x63
    SET_TEMPORARY_POWER = 0x66
    SET_IDENTIFIER = 0x67
    GET_IDENTIFIER = 0x68
    SET_LINK_PROFILE = 0x69
    GET_LINK_PROFILE = 0x6A
    SET_ANTENNA_GROUP = 0x6C
    GET_ANTENNA_GROUP = 0x6D
    RESET = 0x70
    SET_BAUD_RATE = 0x71
    GET_FIRMWARE = 0x72
    SET_ADDRESS = 0x73
    SET_ANTENNA = 0x74
    GET_ANTENNA = 0x75
    SET_POWER = 0x76
    GET_POWER = 0x77
    SET_REGION = 0x78
    GET_REGION = 0x79
    SET_BEEPER = 0x7A
    GET_TEMPERATURE = 0x7B
    SET_DENSE_READER_MODE = 0x7C
    GET_DENSE_READER_MODE = 0x7D
    GET_RETURN_LOSS = 0x7E
    INVENTORY = 0x80
    READ = 0x81
    WRITE = 0x82
    LOCK = 0x83
    KILL = 0x84
    SET_EPC_MATCH = 0x85
    GET_EPC_MATCH = 0x86
    REAL_TIME_INVENTORY = 0x89
    FAST_SWITCH_INVENTORY = 0x8A
    SESSION_INVENTORY = 0x8B
    SET_FAST_TID = 0x8C
    SAVE_FAST_TID = 0x8D
    GET_FAST_TID = 0x8E
    GET_BUFFER = 0x90
    TAKE_BUFFER = 0x91
    COUNT_BUFFER = 0x92
    CLEAR_BUFFER = 0x93
    BLOCK_WRITE = 0x94
    GET_POWERS = 0x97


INVENTORIES = frozenset({Command.REAL_TIME_INVENTORY, Command.FAST_SWITCH_INVENTORY, Command.SESSION_INVENTORY})
"""Commands that report every tag at once."""
BUFFERED = frozenset({Command.GET_BUFFER, Command.TAKE_BUFFER})
ACCESSES = frozenset({Command.READ, Command.WRITE, Command.LOCK, Command.KILL, Command.BLOCK_WRITE})
_COMMANDS = frozenset(Command)


class Region(IntEnum):
    """Frequency plans; which one may be used is the law of the place."""

    US = 0x01
    EUROPE = 0x02
    CHINA = 0x03
    OWN = 0x04


CHANNELS = {Region.US: (7, 59), Region.EUROPE: (0, 6), Region.CHINA: (43, 53)}
"""First and last channel of a region: 902..928, 865..868, 920..925 MHz."""


def is_channel(freq_ant: int) -> bool:
    """Whether the upper six bits of the byte FreqAnt number a channel."""
    return freq_ant >> 2 <= LAST_CHANNEL


def is_tag_size(size: int) -> bool:
    """Whether the data of a tag packet can have ``size`` bytes. The phase, which some can add, is never asked for."""
    return size % 2 == 0 and TAG_OVERHEAD + 2 <= size <= TAG_OVERHEAD + gen2.MAX_EPC_BYTES


def host_may_ask(command: int, size: int) -> bool:
    """Whether the command goes with ``size`` bytes of data."""
    if command in {Command.WRITE, Command.BLOCK_WRITE}:
        return size > 7 and size % 2 == 1  # noqa: PLR2004  password, bank, address, count of words, words
    if command == Command.SET_EPC_MATCH:
        return size == 1 or (2 <= size <= 2 + gen2.MAX_EPC_BYTES and size % 2 == 0)  # noqa: PLR2004
    return command in _COMMANDS and size in _ASKED_SIZES.get(command, _NO_DATA)


def asks(command: int, data: bytes) -> bool:
    """Whether ``data`` is what a host sends with the command."""
    if not host_may_ask(command, len(data)):
        return False
    if command in {Command.WRITE, Command.BLOCK_WRITE}:
        return len(data) == 7 + 2 * data[6]
    if command == Command.SET_EPC_MATCH and len(data) > 1:
        return data[0] in {0, _MATCH_OFF} and data[1] == len(data) - 2
    if command == Command.SET_ANTENNA:
        return data[0] < ANTENNAS
    if command == Command.SET_POWER:
        return max(data) <= _MAX_POWER_DBM
    return True


def reader_may_say(command: int, size: int) -> bool:
    """Whether a reader answers the command with ``size`` bytes of data."""
    if size == 1:
        return command in _COMMANDS
    if command in INVENTORIES:
        return is_tag_size(size) or size == _END_SIZE or (command == Command.FAST_SWITCH_INVENTORY and size == 2)  # noqa: PLR2004
    if command in BUFFERED or command in ACCESSES:
        return _ACCESS_OVERHEAD + _IDENTITY_OVERHEAD < size <= _MAX_DATA and size % 2 == 0
    if command == Command.GET_EPC_MATCH:
        return 2 < size <= 2 + gen2.MAX_EPC_BYTES and size % 2 == 0  # noqa: PLR2004
    return size in _TOLD_SIZES.get(command, ())


def answers(command: int, data: bytes) -> bool:
    """Whether ``data`` is a value that a reader tells; a verdict, a tag and an error are none."""
    told = _TOLD.get(command)
    return told is not None and (len(data) in _TOLD_SIZES[command] or command == Command.GET_EPC_MATCH) and told(data)


def _is_match(data: bytes) -> bool:
    return data == bytes([_MATCH_OFF]) or (len(data) > 1 and data[0] == 0 and data[1] == len(data) - 2)


def _is_region(data: bytes) -> bool:
    if len(data) == 6:  # noqa: PLR2004
        return data[0] == Region.OWN
    return data[0] in CHANNELS and data[1] <= data[2] <= LAST_CHANNEL


def _is_power(data: bytes) -> bool:
    return max(data) <= (_ONE_POWER_MAX_DBM if len(data) == 1 else _MAX_POWER_DBM)


def _anything(_: bytes) -> bool:
    return True


def _is_end(data: bytes) -> bool:
    """Antenna (1), reads in a second (2), reads (4)."""
    return data[0] < ANTENNAS


_NO_DATA = frozenset({0})
_END_SIZE = 7
_ASKED_SIZES: dict[int, frozenset[int]] = {
    Command.SET_GPIO: frozenset({2}),
    Command.SET_ANTENNA_DETECTOR: frozenset({1}),
    Command.SET_TEMPORARY_POWER: frozenset({1, 8}),
    Command.SET_IDENTIFIER: frozenset({12}),
    Command.SET_LINK_PROFILE: frozenset({1}),
    Command.SET_ANTENNA_GROUP: frozenset({1}),
    Command.SET_BAUD_RATE: frozenset({1}),
    Command.SET_ADDRESS: frozenset({1}),
    Command.SET_ANTENNA: frozenset({1}),
    Command.SET_POWER: frozenset({1, 4, 8}),
    Command.SET_REGION: frozenset({3, 6}),
    Command.SET_BEEPER: frozenset({1}),
    Command.SET_DENSE_READER_MODE: frozenset({1}),
    Command.GET_RETURN_LOSS: frozenset({1}),
    Command.INVENTORY: frozenset({1}),
    Command.READ: frozenset({3, 7}),
    Command.LOCK: frozenset({6}),
    Command.KILL: frozenset({4}),
    Command.REAL_TIME_INVENTORY: frozenset({1}),
    Command.FAST_SWITCH_INVENTORY: frozenset({10, 18, 28, 34}),  # four or eight antennas; with session; with power
    Command.SESSION_INVENTORY: frozenset({3, 4, 5, 6}),
    Command.SET_FAST_TID: frozenset({1}),
    Command.SAVE_FAST_TID: frozenset({1}),
}
_TOLD_SIZES: dict[int, frozenset[int]] = {
    Command.GET_GPIO: frozenset({2}),
    Command.GET_ANTENNA_DETECTOR: frozenset({1}),
    Command.GET_IDENTIFIER: frozenset({12}),
    Command.GET_LINK_PROFILE: frozenset({1}),
    Command.GET_ANTENNA_GROUP: frozenset({1}),
    Command.GET_FIRMWARE: frozenset({2}),
    Command.GET_ANTENNA: frozenset({1}),
    Command.GET_POWER: frozenset({1, 4, 8}),
    Command.GET_REGION: frozenset({3, 6}),
    Command.GET_TEMPERATURE: frozenset({2}),
    Command.GET_DENSE_READER_MODE: frozenset({1}),
    Command.GET_RETURN_LOSS: frozenset({1}),
    Command.INVENTORY: frozenset({9}),
    Command.GET_EPC_MATCH: frozenset({1}),
    Command.REAL_TIME_INVENTORY: frozenset({_END_SIZE}),
    Command.FAST_SWITCH_INVENTORY: frozenset({_END_SIZE}),
    Command.SESSION_INVENTORY: frozenset({_END_SIZE}),
    Command.GET_FAST_TID: frozenset({1}),
    Command.COUNT_BUFFER: frozenset({2}),
    Command.GET_POWERS: frozenset({1, 4, 8}),
}
_TOLD: dict[int, Callable[[bytes], bool]] = {
    Command.GET_GPIO: lambda data: max(data) <= 1,
    Command.GET_ANTENNA_DETECTOR: lambda data: data[0] < 0x20,  # noqa: PLR2004  dB; error codes are higher
    Command.GET_IDENTIFIER: _anything,
    Command.GET_LINK_PROFILE: lambda data: 0xD0 <= data[0] <= 0xD3,  # noqa: PLR2004
    Command.GET_ANTENNA_GROUP: lambda data: data[0] <= 1,
    Command.GET_FIRMWARE: _anything,
    Command.GET_ANTENNA: lambda data: data[0] < ANTENNAS,
    Command.GET_POWER: _is_power,
    Command.GET_REGION: _is_region,
    Command.GET_TEMPERATURE: lambda data: data[0] <= 1,  # sign, degrees Celsius
    Command.GET_DENSE_READER_MODE: lambda data: data[0] <= 1,
    Command.GET_RETURN_LOSS: lambda data: data[0] < 0x20,  # noqa: PLR2004  dB; error codes are higher
    Command.INVENTORY: lambda data: data[0] < ANTENNAS,
    Command.GET_EPC_MATCH: _is_match,
    Command.REAL_TIME_INVENTORY: _is_end,
    Command.FAST_SWITCH_INVENTORY: _anything,  # reads (3), milliseconds (4)
    Command.SESSION_INVENTORY: _is_end,
    Command.GET_FAST_TID: lambda data: data[0] in {0x00, 0x8D},
    Command.COUNT_BUFFER: _anything,
    Command.GET_POWERS: _is_power,
}
