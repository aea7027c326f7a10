"""Protocol of ThingMagic and JADAK M6e, M7e and Nano modules ("Mercury"), 115200 8N1.

Host to reader ``FF LEN OP DATA[LEN] CRC``, reader to host ``FF LEN OP STATUS(2) DATA[LEN] CRC``. Nothing in a frame
says which way it goes; `Side` does, and with `Side.BOTH` the CRC that fits decides. The layouts are those of
the MercuryAPI of ThingMagic (``serial_reader_l3.c``) and of logs of its readers. What travels in frames that report
tags is in `devices.rfid.mercury_tags`.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from devices.frames import FrameParser
from devices.rfid import mercury_tags
from devices.rfid.dialog import Answer, Notice, Refusal, TagRead
from devices.rfid.framed import MessageParser, Side

HEADER = 0xFF
MAX_DATA = 0xFF
HOST_OVERHEAD = 5  # header, LEN, OP, CRC
READER_OVERHEAD = 7  # the same and STATUS
SUCCESS = 0x0000

_UP_TO_LEN = 2
_CRC_START = binascii.crc_hqx(b"\xff\xff", 0)


def frame_crc(body: bytes) -> int:
    """CRC-16 over LEN .. last byte of data; ``body`` has at least two bytes.

    Poly 0x1021 and init 0xFFFF, but the register is not flushed with 16 zero bits at the end ("CCITT, mutated", as the
    sources of ThingMagic have it). ``crc_hqx`` flushes; so it runs over all but the last two bytes, which are added.
    """
    return binascii.crc_hqx(body[:-2], _CRC_START) ^ (body[-2] << 8 | body[-1])


class Opcode(IntEnum):
    """Third byte of a frame."""

    VERSION = 0x03
    SET_BAUD_RATE = 0x06
    READ_TAG_SINGLE = 0x21
    READ_TAG_MULTIPLE = 0x22
    WRITE_TAG_EPC = 0x23
    WRITE_TAG_DATA = 0x24
    LOCK_TAG = 0x25
    KILL_TAG = 0x26
    READ_TAG_DATA = 0x28
    GET_TAG_BUFFER = 0x29
    CLEAR_TAG_BUFFER = 0x2A
    MULTI_PROTOCOL = 0x2F
    GET_ANTENNA = 0x61
    GET_READ_POWER = 0x62
    GET_PROTOCOL = 0x63
    GET_WRITE_POWER = 0x64
    GET_REGION = 0x67
    GET_OPTIONAL_PARAMETER = 0x6A
    GET_TEMPERATURE = 0x72
    SET_ANTENNA = 0x91
    SET_READ_POWER = 0x92
    SET_PROTOCOL = 0x93
    SET_WRITE_POWER = 0x94
    SET_REGION = 0x97
    SET_OPTIONAL_PARAMETER = 0x9A


class Region(IntEnum):
    """Frequency plans; which one may be used is the law of the place."""

    NORTH_AMERICA = 0x01
    EUROPE_OLD = 0x02
    KOREA_OLD = 0x03
    INDIA = 0x04
    JAPAN = 0x05
    CHINA = 0x06
    EUROPE = 0x08
    KOREA = 0x09
    AUSTRALIA = 0x0B
    NEW_ZEALAND = 0x0C
    NORTH_AMERICA_2 = 0x0D
    NORTH_AMERICA_3 = 0x0E
    OPEN = 0xFF


class Search(IntFlag):
    """Search flags of `Opcode.READ_TAG_MULTIPLE`."""

    ANTENNA_LIST = 0x0003
    STREAMING = 0x0008
    LARGE_POPULATION = 0x0010


@dataclass(frozen=True, slots=True)
class Command:
    """A host's frame; ``opcode`` is kept as a number, as firmware adds its own."""

    opcode: int
    data: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """A reader's frame; ``status`` as sent, see `status_text`."""

    opcode: int
    status: int
    data: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Alarm(Notice):
    """Trouble of the radio, told under way; ``status`` as sent."""

    status: int = SUCCESS


Message = TagRead | Answer | Refusal | Notice | Command


def parser(side: Side = Side.READER) -> MessageParser[Message]:
    """A parser of the frames of ``side``. Tags whose length or CRC is wrong never come out."""
    return MessageParser(FrameParser(MercuryShape(side)))


@dataclass(frozen=True, slots=True)
class MercuryShape:
    """What the frames of one side look like."""

    side: Side = Side.READER
    starts: bytes = bytes([HEADER])
    max_size: int = MAX_DATA + READER_OVERHEAD
    head: int = MAX_DATA + HOST_OVERHEAD

    def size(self, front: bytes) -> int | None:
        if len(front) < _UP_TO_LEN:
            return None
        if self.side is Side.READER:
            return front[1] + READER_OVERHEAD
        host_size = front[1] + HOST_OVERHEAD
        if self.side is Side.HOST:
            return host_size
        if len(front) < host_size:
            return None
        return host_size if _crc_fits(front[:host_size]) else front[1] + READER_OVERHEAD

    def frame(self, raw: bytes) -> tuple[Message, ...] | None:
        if not _crc_fits(raw):
            return None
        if len(raw) == raw[1] + HOST_OVERHEAD:
            return (Command(raw[2], raw[3:-2], raw),)
        return interpret(Response(raw[2], int.from_bytes(raw[3:5], "big"), raw[5:-2], raw))


def _crc_fits(raw: bytes) -> bool:
    return frame_crc(raw[1:-2]) == raw[-2] << 8 | raw[-1]


def interpret(response: Response) -> tuple[Message, ...] | None:
    """What ``response`` says; ``None`` when it pretends to report tags and does not, or its one tag is not sound.

    Of several tags in one answer those that are not sound are left out, as the others are still true.
    """
    if response.status != SUCCESS:
        return (_said_no(response),)
    if response.opcode == Opcode.READ_TAG_MULTIPLE:
        return _search_answer(response)
    answer = Answer(response.opcode, response.data)
    if response.opcode == Opcode.GET_TAG_BUFFER and response.data:
        records = mercury_tags.buffer_records(response.data)
        return None if records is None else (*_reads(records, response.raw), answer)
    return (answer,)


def _search_answer(response: Response) -> tuple[Message, ...] | None:
    """Answer to 22: a record of the stream, its end, or the number of tags that wait in the buffer."""
    kind, records = mercury_tags.streamed(response.data)
    match kind:
        case mercury_tags.Streamed.TAG:
            return _reads(records, response.raw) or None
        case mercury_tags.Streamed.STATUS:
            return (Notice("status report of the reader"),)
        case mercury_tags.Streamed.END:
            return (Answer(response.opcode, response.data, end_of_round=True),)
        case mercury_tags.Streamed.NONE:
            return (Answer(response.opcode, response.data),)


def _reads(records: list[mercury_tags.TagRecord], raw: bytes) -> tuple[Message, ...]:
    return tuple(
        TagRead(
            epc=record.epc.hex().upper(),
            pc=record.pc,
            rssi_dbm=None if record.rssi_dbm is None else float(record.rssi_dbm),
            antenna=record.antenna,
            tag_crc_ok=True,
            raw=raw,
        )
        for record in records
        if record.sound
    )


NO_TAGS = 0x0400
_ALARMS = frozenset({0x0503, 0x0504, 0x0505, 0x0507, 0x0509})
_SEARCHES = frozenset({Opcode.READ_TAG_SINGLE, Opcode.READ_TAG_MULTIPLE, Opcode.GET_TAG_BUFFER})


def _said_no(response: Response) -> Message:
    """A status other than success. Under way, the alarms of the radio come by themselves, and 0400 once a second."""
    text = status_text(response.status)
    if response.opcode == Opcode.READ_TAG_MULTIPLE and response.status in _ALARMS:
        return Alarm(text, trouble=True, status=response.status)
    no_tag = response.status == NO_TAGS and response.opcode in _SEARCHES
    return Refusal(response.opcode, response.status, text, no_tag=no_tag)


_STATUS = {
    SUCCESS: "done",
    0x0100: "wrong number of bytes in the command",
    0x0101: "unknown command",
    0x0102: "command not implemented",
    0x0103: "power too high",
    0x0104: "frequency not allowed in the region",
    0x0105: "bad parameter",
    0x0106: "power too low",
    0x0109: "feature not implemented",
    0x010A: "baud rate not supported",
    0x010B: "region not supported by this module",
    0x010C: "bad licence key",
    0x0200: "firmware image is damaged",
    0x0201: "firmware image does not end where it should",
    0x0300: "flash: bad erase password",
    0x0301: "flash: bad write password",
    0x0302: "flash: undefined error",
    0x0303: "flash: illegal sector",
    0x0304: "flash: write to an area that is not erased",
    0x0305: "flash: write to an illegal sector",
    0x0306: "flash: verification failed",
    NO_TAGS: "alive, no tag found",
    0x0401: "no tag protocol set",
    0x0402: "invalid tag protocol",
    0x0403: "written, but not locked",
    0x0404: "tag gave no data",
    0x0405: "radio front end is off",
    0x0406: "write to the tag failed",
    0x0407: "not implemented for this tag protocol",
    0x0408: "data cannot be written to the tag",
    0x0409: "invalid address in the tag",
    0x040A: "tag reported an error",
    0x040B: "data too large",
    0x040C: "kill password refused",
    0x040E: "kill failed",
    0x040F: "answer of the tag could not be decoded",
    0x0410: "invalid EPC",
    0x0411: "invalid amount of tag data",
    0x0420: "tag: other error",
    0x0423: "tag: memory overrun or bad PC",
    0x0424: "tag: memory locked",
    0x042B: "tag: not enough power",
    0x042F: "tag: error without a reason",
    0x0430: "tag: unknown error",
    0x0500: "invalid frequency",
    0x0501: "channel is occupied",
    0x0502: "transmitter is on already",
    0x0503: "antenna is not connected",
    0x0504: "reader is too hot and throttles",
    0x0505: "high return loss: antenna missing, damaged or near metal",
    0x0506: "oscillator is not locked",
    0x0507: "invalid antenna configuration",
    0x0509: "supply voltage is out of range",
    0x0600: "not so many tags in the buffer",
    0x0601: "tag buffer is full",
    0x0602: "tag is in the buffer already",
    0x0603: "too many tags",
    0x0604: "tag asks for authentication",
    0x7F00: "unknown error of the reader",
    0x7F01: "internal error of the reader",
}


def status_text(status: int) -> str:
    """A status in words (MercuryAPI, ``tmr_status.h``)."""
    return _STATUS.get(status, f"unknown status {status:04X}")
