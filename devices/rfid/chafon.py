"""Protocol of Chafon UHFReader18, UHFReader288 and RRU98xx readers: ``Len Adr Cmd [Status] Data CRC_lo CRC_hi``.

Len counts all that follows it; only what a reader says has a status. CRC-16/MCRF4XX covers Len .. last data byte.
There is no start byte: where a frame begins is told by its command, status and form together, see
`devices.rfid.chafon_forms`.
Sources: "UHFReader18 User's Manual" V2.0; "UR-series User Manual" v1.14, which is that of the UHFReader288. The newer
``CF`` framing is another protocol.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from devices.frames import NO_FRAME, SearchingParser
from devices.rfid import chafon_forms, dialog
from devices.rfid.chafon_forms import INVENTORIES, Command, Dialect
from devices.rfid.chafon_words import (
    BUFFER_FULL,
    DONE,
    HEARTBEAT,
    MORE_FOLLOWS,
    NO_TAG,
    OK,
    STATISTICS,
    STATUSES,
    TIMED_OUT,
    status_text,
)
from devices.rfid.dialog import Answer, Notice, Refusal, TagRead
from devices.rfid.framed import MessageParser, Request, Side

ANY_ADDRESS = 0xFF
"""The address to which every reader listens; no reader answers with it."""

RSSI_OFFSET_DB = -129.0
"""A guess, to be corrected with ``rssi_offset_db``: the manual gives the RSSI byte no unit, and the maker's programs
for the UHFReader288 (C++, C#, Java) show it as it is. It is built on the R2000, whose other readers count from here.
"""

_LONGEST = 256
_ADDRESS, _COMMAND, _STATUS, _DATA = 1, 2, 3, 4
_CRC_SIZE = 2
_TID_FLAG = 0x80
_TID_SIZE = 12
_FOUND = frozenset({DONE, TIMED_OUT, MORE_FOLLOWS, BUFFER_FULL})
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

Message = dialog.Message | Request


def parser(
    dialect: Dialect,
    side: Side = Side.READER,
    address: int | None = None,
    rssi_offset_db: float = RSSI_OFFSET_DB,
) -> MessageParser[Message]:
    """A parser of the frames of ``side``, only of the reader with ``address`` if one is given."""
    return MessageParser(SearchingParser(_Frames(dialect, side, address, rssi_offset_db, _begins(side))))


def crc(data: bytes) -> int:
    """CRC-16/MCRF4XX: poly 0x1021 reflected, init 0xFFFF, no final XOR; its low byte is sent first."""
    turned = binascii.crc_hqx(data.translate(_REVERSED), 0xFFFF)
    return _REVERSED[turned & 0xFF] << 8 | _REVERSED[turned >> 8]


def encode(command: int, data: bytes = b"", address: int = ANY_ADDRESS) -> bytes:
    """The bytes of what a host asks."""
    front = bytes([len(data) + 4, address, command]) + data
    return front + crc(front).to_bytes(2, "little")


def encode_answer(command: int, status: int, data: bytes = b"", address: int = 0) -> bytes:
    """The bytes of what a reader says."""
    return encode(command, bytes([status]) + data, address)


def _begins(side: Side) -> re.Pattern[bytes]:
    """Where a frame can begin, as far as its first four bytes tell."""
    commands = b"[" + re.escape(bytes(sorted(chafon_forms.KNOWN_COMMANDS))) + b"]"
    statuses = b"[" + re.escape(bytes(sorted(STATUSES))) + b"]"
    said = rb"[\x05-\xff](?:\Z|[\x00-\xfe](?:\Z|" + commands + rb"(?:\Z|" + statuses + rb")))"
    asked = rb"[\x04-\x60](?:\Z|.(?:\Z|" + commands + rb"))"
    parts = [part for part, heard in ((said, side.hears_reader), (asked, side.hears_host)) if heard]
    return re.compile(b"|".join(parts), re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Frames:
    """The `devices.frames.SearchedShape` of this protocol."""

    dialect: Dialect
    side: Side
    address: int | None
    rssi_offset_db: float
    begins: re.Pattern[bytes]
    starts: bytes = b""
    max_size: int = _LONGEST
    head: int = _DATA

    def size(self, front: bytes) -> int | None:
        if len(front) <= _STATUS:
            return None
        length, _, command, status = front[:_DATA]
        known = (self.side.hears_host and chafon_forms.host_may_ask(command, length - 4)) or (
            self.side.hears_reader and chafon_forms.reader_may_say(command, status, length - 5)
        )
        return length + 1 if known else NO_FRAME

    def frame(self, raw: bytes) -> tuple[Message, ...] | None:
        # The CRC over a frame and its own CRC is 0, whichever way round the bits are.
        if binascii.crc_hqx(raw.translate(_REVERSED), 0xFFFF) or self.address not in {None, raw[_ADDRESS]}:
            return None
        messages: tuple[Message, ...] | None = None
        if self.side.hears_reader and raw[_ADDRESS] != ANY_ADDRESS and len(raw) > _DATA + 1:
            messages = self._said(raw)
        if messages is None and self.side.hears_host:
            command, data = raw[_COMMAND], raw[_STATUS:-_CRC_SIZE]
            if chafon_forms.asks(command, data):
                messages = (Request(command, data, raw[_ADDRESS], raw),)
        return messages

    def _said(self, raw: bytes) -> tuple[Message, ...] | None:
        """What the reader means; ``None`` when no reader says such a thing."""
        command, status, data = raw[_COMMAND], raw[_STATUS], raw[_DATA:-_CRC_SIZE]
        if not chafon_forms.reader_may_say(command, status, len(data)):
            return None
        if command == Command.PUSHED:
            return self._pushed(status, data, raw)
        if command in INVENTORIES and status in _FOUND:
            return self._inventory(command, status, data, raw)
        if status == OK:
            return (Answer(command, data),)
        if status == STATISTICS:
            return (Answer(command, data, end_of_round=True),)
        to = None if command == Command.NOT_UNDERSTOOD else command
        return (Refusal(to, status, status_text(status), no_tag=status == NO_TAG),)

    def _inventory(self, command: int, status: int, data: bytes, raw: bytes) -> tuple[Message, ...] | None:
        """UHFReader18: Num {EpcLen EPC}; UHFReader288: Ant Num {EpcLen EPC RSSI}."""
        tags: tuple[TagRead, ...] | None = None
        if self.dialect is not Dialect.UHF288:
            tags = _tags(data or b"\0", raw)
        if tags is None and self.dialect is not Dialect.UHF18 and data:
            tags = self._heard_by(data[0], data[1:], raw)
        if tags is None:
            return None
        if status == MORE_FOLLOWS:
            return tags or (Answer(command, bytes([status])),)
        over = Answer(command, bytes([status]), end_of_round=True)
        return (*tags, Notice(status_text(status), trouble=True), over) if status == BUFFER_FULL else (*tags, over)

    def _heard_by(self, antennas: int, listed: bytes, raw: bytes) -> tuple[TagRead, ...] | None:
        return _tags(listed, raw, antenna=antenna(antennas), rssi_offset_db=self.rssi_offset_db) if listed else None

    def _pushed(self, status: int, data: bytes, raw: bytes) -> tuple[Message, ...] | None:
        """What a reader in automatic mode says unasked; UHFReader18: EPC, UHFReader288: Ant Len EPC RSSI."""
        if status == HEARTBEAT:
            return (Notice(status_text(status)),)
        if status != OK:
            return None
        if self.dialect is not Dialect.UHF288 and chafon_forms.is_epc_size(len(data)):
            return (_tag(data, raw, None, None),)
        if self.dialect is Dialect.UHF18 or not data:
            return None
        return self._heard_by(data[0], b"\1" + data[1:], raw) or None


def _tags(
    listed: bytes, raw: bytes, *, antenna: int | None = None, rssi_offset_db: float | None = None
) -> tuple[TagRead, ...] | None:
    """Tags of ``Num {EpcLen EPC [RSSI]}``; ``None`` unless they fill it exactly. A tag without EPC is left out."""
    at, tags = 1, []
    for _ in range(listed[0]):
        if at >= len(listed):
            return None
        has_tid = rssi_offset_db is not None and listed[at] & _TID_FLAG
        size = listed[at] & ~_TID_FLAG if has_tid else listed[at]
        epc = listed[at + 1 : at + 1 + size - (_TID_SIZE if has_tid else 0)]
        at += 1 + size
        if epc and not chafon_forms.is_epc_size(len(epc)):
            return None
        rssi_dbm = None
        if rssi_offset_db is not None:
            if at >= len(listed):
                return None
            rssi_dbm = listed[at] + rssi_offset_db
            at += 1
        if epc:
            tags.append(_tag(epc, raw, rssi_dbm, antenna))
    return tuple(tags) if at == len(listed) else None


def _tag(epc: bytes, raw: bytes, rssi_dbm: float | None, antenna: int | None) -> TagRead:
    return TagRead(epc.hex().upper(), None, rssi_dbm, antenna, tag_crc_ok=None, raw=raw)


def antenna(bits: int) -> int | None:
    """Number of the antenna, from 1; ``None`` when the bits name none or several."""
    return bits.bit_length() if bits and not bits & (bits - 1) else None
