"""Commands and replies of Newland EM and Hangzhou Grow GM scan modules; pure.

Host to module ``7E 00 | type | length | address(2) | data(length) | check(2)``, module to host
``02 00 | status | length | data(length) | check(2)``. The check is CRC-CCITT (poly 0x1021, init 0, MSB first) from type
or status to the last data byte; a host may send ``AB CD`` instead and the module then checks nothing
(GM65 user manual V1.3, 2.3; Newland NLS-EM3095 manual, p. 19). A length byte of 0 means 256.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import IntEnum

from devices.frames import NO_FRAME, FrameParser

COMMAND_HEAD = b"\x7e\x00"
REPLY_HEAD = b"\x02\x00"
UNCHECKED = b"\xab\xcd"
OK = 0x00
INVALID = 0x03
TRIGGER_ADDRESS = 0x0002


class CommandType(IntEnum):
    """What a command does with the zone bytes at its address."""

    READ = 0x07
    WRITE = 0x08
    SAVE = 0x09


@dataclass(frozen=True, slots=True)
class Command:
    """What a host sends.

    Attributes:
        type: see `CommandType`; other values are taken as they come.
        address: of the first zone byte.
        data: bytes to write, or the number of bytes to read.
        checked: whether it carries a CRC rather than ``AB CD``.
    """

    type: int
    address: int
    data: bytes
    checked: bool
    raw: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What a module answers: status 0 and data, or a status that says what is wrong."""

    status: int
    data: bytes
    raw: bytes

    @property
    def ok(self) -> bool:
        return self.status == OK

    @property
    def text(self) -> str:
        """The status in words."""
        return {OK: "done", INVALID: "unknown command"}.get(self.status, f"status {self.status:02X}")


def command(kind: CommandType, address: int, data: bytes, *, checked: bool = False) -> bytes:
    """Bytes of a command.

    Args:
        kind: see `CommandType`.
        address: 0..65535.
        data: 1..256 bytes.
        checked: with CRC; without, ``AB CD`` takes its place.
    """
    if not 1 <= len(data) <= 256:  # noqa: PLR2004  what one length byte can say
        raise ValueError(f"a command has 1 to 256 bytes of data, not {len(data)}")
    body = bytes([kind, len(data) % 256]) + address.to_bytes(2, "big") + data
    return COMMAND_HEAD + body + (_check(body) if checked else UNCHECKED)


def reply(data: bytes, status: int = OK) -> bytes:
    """Bytes of a reply, as a module sends them."""
    body = bytes([status, len(data) % 256]) + data
    return REPLY_HEAD + body + _check(body)


def _check(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0).to_bytes(2, "big")


TRIGGER = command(CommandType.WRITE, TRIGGER_ADDRESS, b"\x01")
"""Begin to read, in command-triggered mode; answered by `TRIGGERED` before the scan."""
RELEASE = command(CommandType.WRITE, TRIGGER_ADDRESS, b"\x00")
"""Stop reading."""
TRIGGERED = reply(b"\x00")


class CommandShape:
    """Frames from the host, for simulators and decoding tools."""

    starts = COMMAND_HEAD[:1]
    max_size = 264
    head = 4

    def size(self, front: bytes) -> int | None:
        if not COMMAND_HEAD.startswith(front[:2]):
            return NO_FRAME
        return None if len(front) < self.head else 8 + (front[3] or 256)

    def frame(self, raw: bytes) -> Command | None:
        body, check = raw[2:-2], raw[-2:]
        if check not in (UNCHECKED, _check(body)):
            return None
        return Command(body[0], int.from_bytes(body[2:4], "big"), body[4:], check != UNCHECKED, raw)


class ReplyShape:
    """Frames from the module."""

    starts = REPLY_HEAD[:1]
    max_size = 262
    head = 4

    def size(self, front: bytes) -> int | None:
        if not REPLY_HEAD.startswith(front[:2]):
            return NO_FRAME
        return None if len(front) < self.head else 6 + (front[3] or 256)

    def frame(self, raw: bytes) -> Reply | None:
        body, check = raw[2:-2], raw[-2:]
        return Reply(body[0], body[2:], raw) if check == _check(body) else None


def command_parser() -> FrameParser[Command]:
    """Parser of what a host sends."""
    return FrameParser(CommandShape())


def reply_parser() -> FrameParser[Reply]:
    """Parser of what a module answers when no scan can come in between."""
    return FrameParser(ReplyShape())


class ReplySplitter:
    """Tells replies from scans in one stream: a reply begins with ``02 00``, which no scan contains.

    What begins like a reply and is none is passed on as bytes of a scan, whose parser refuses the NUL in it.
    """

    def __init__(self) -> None:
        self._shape = ReplyShape()
        self._rest = b""

    @property
    def pending(self) -> int:
        """Bytes of a reply that may have begun and not ended."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Reply | bytes]:
        """Replies and the bytes between them, in order."""
        return self._split(self._rest + data, final=False)

    def flush(self) -> list[Reply | bytes]:
        """Give up the unfinished reply because the line fell idle."""
        return self._split(self._rest, final=True)

    def reset(self) -> None:
        """Forget what is pending; for a port that was closed."""
        self._rest = b""

    def _split(self, data: bytes, *, final: bool) -> list[Reply | bytes]:
        out: list[Reply | bytes] = []
        scan_from = at = 0
        while (at := data.find(REPLY_HEAD[:1], at)) >= 0:
            size = self._shape.size(data[at : at + self._shape.head])
            if (size is None or at + size > len(data)) and not final:
                break
            found = self._shape.frame(data[at : at + size]) if size and at + size <= len(data) else None
            if found is None:
                at += 1
                continue
            out += [data[scan_from:at], found]
            scan_from = at = at + (size or 0)
        end = len(data) if at < 0 else at
        out.append(data[scan_from:end])
        self._rest = data[end:]
        return [part for part in out if part != b""]
