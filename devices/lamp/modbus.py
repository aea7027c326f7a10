"""The lamp's side of Modbus TCP: requests out of bytes, answers into bytes (Modbus Messaging on TCP/IP 1.0b, 3.1).

The driver speaks through pymodbus; this is for simulators, which must not be built with what they test.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from devices.frames import NO_FRAME, FrameParser

READ_HOLDING = 0x03
WRITE_SINGLE = 0x06
WRITE_MULTIPLE = 0x10
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2

_HEADER = struct.Struct(">HHHBB")
_BEFORE_UNIT = 6
_MIN_LENGTH, _MAX_LENGTH = 2, 254
_TWO_WORDS = struct.Struct(">HH")


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        transaction: number that the answer repeats.
        unit: device number behind the address.
        function: what is asked.
        data: what follows the function code.
    """

    transaction: int
    unit: int
    function: int
    data: bytes


class _Shape:
    starts = b""
    max_size = _BEFORE_UNIT + _MAX_LENGTH
    head = _HEADER.size

    def size(self, front: bytes) -> int | None:
        if len(front) < _HEADER.size:
            return None
        _, protocol, length, _, _ = _HEADER.unpack(front)
        return _BEFORE_UNIT + length if protocol == 0 and _MIN_LENGTH <= length <= _MAX_LENGTH else NO_FRAME

    def frame(self, raw: bytes) -> Request | None:
        transaction, _, _, unit, function = _HEADER.unpack(raw[: _HEADER.size])
        return Request(transaction, unit, function, raw[_HEADER.size :])


def parser() -> FrameParser[Request]:
    """A parser of requests."""
    return FrameParser(_Shape())


def answer(request: Request, registers: list[int]) -> bytes:
    """Carry out ``request`` on ``registers``, whose first is address 0, and say so."""
    if request.function == READ_HOLDING and len(request.data) == _TWO_WORDS.size:
        return _read(request, registers)
    if request.function == WRITE_SINGLE and len(request.data) == _TWO_WORDS.size:
        address, value = _TWO_WORDS.unpack(request.data)
        return _write(request, registers, address, [value])
    if request.function == WRITE_MULTIPLE and len(request.data) > _TWO_WORDS.size:
        address, count = _TWO_WORDS.unpack(request.data[:4])
        if len(request.data) == 5 + 2 * count:
            return _write(request, registers, address, list(struct.unpack(f">{count}H", request.data[5:])))
    return _refusal(request, ILLEGAL_FUNCTION)


def _read(request: Request, registers: list[int]) -> bytes:
    address, count = _TWO_WORDS.unpack(request.data)
    if not 0 < count <= len(registers) - address:
        return _refusal(request, ILLEGAL_ADDRESS)
    values = registers[address : address + count]
    return _frame(request, request.function, struct.pack(f">B{count}H", 2 * count, *values))


def _write(request: Request, registers: list[int], address: int, values: list[int]) -> bytes:
    if address + len(values) > len(registers):
        return _refusal(request, ILLEGAL_ADDRESS)
    for offset, value in enumerate(values):
        if value >> 8:
            registers[address + offset] = value & 0xFF
    return _frame(request, request.function, request.data[:4])


def _refusal(request: Request, code: int) -> bytes:
    return _frame(request, request.function | 0x80, bytes([code]))


def _frame(request: Request, function: int, data: bytes) -> bytes:
    return _HEADER.pack(request.transaction, 0, 2 + len(data), request.unit, function) + data
