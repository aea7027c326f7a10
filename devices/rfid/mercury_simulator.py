"""A Mercury reader on a pseudo-terminal: answers the real commands with real frames, and has switches for faults."""

from __future__ import annotations

import time
from pathlib import Path

from devices.rfid import mercury, mercury_commands, mercury_tags
from devices.rfid.framed import Side
from devices.rfid.mercury import Opcode
from devices.rfid.simulator import SimulatedReader, SimulatedTag

_FOR_EVER = 1 << 62
_VERSION = bytes.fromhex("14020500 30000002 20200311 010B0314 00000010")  # M6e Nano
_TAGS_A_FRAME = 3
_WRONG_SIZE = 0x0100
_UNKNOWN_COMMAND = 0x0101
_POWER_TOO_HIGH = 0x0103
_BAD_PARAMETER = 0x0105
_BAD_REGION = 0x010B
_RETURN_LOSS = 0x0505
_ANTENNA_LIST = 0x02


class SimulatedMercury(SimulatedReader):
    """The reader's side of `devices.rfid.mercury`: an M6e with four ports that streams and that can be polled."""

    PORTS = 4

    def __init__(self, link: Path | None = None, *, seed: int = 1) -> None:
        self._parser = mercury.parser(Side.HOST)
        self._buffer: list[SimulatedTag] = []
        self._cycle_s = 1.0
        self._cycle_began = 0.0
        self._heard_in_cycle = False
        super().__init__(link, region=mercury.Region.NORTH_AMERICA, seed=seed)

    def opened(self) -> None:
        self._parser.reset()

    def restarted(self) -> None:
        super().restarted()
        self._buffer = []

    def obey(self, data: bytes) -> None:
        for message in self._parser.feed(data):
            if isinstance(message, mercury.Command):
                self._obey(message.opcode, message.data)

    def tell_round(self, heard: tuple[SimulatedTag, ...]) -> None:
        now = time.monotonic()
        for tag in heard:
            since_ms = round((now - self._cycle_began) * 1000)
            self.transmit(mercury_commands.tag_record(tag.memory, tag.rssi_dbm, tag.antenna, since_ms))
        self._heard_in_cycle |= bool(heard)
        if now - self._cycle_began >= self._cycle_s:
            self._end_cycle(now)

    def _end_cycle(self, now: float) -> None:
        self._cycle_began = now
        if self.missing_antennas & set(self.antennas):
            self._refuse(Opcode.READ_TAG_MULTIPLE, _RETURN_LOSS)
        elif not self._heard_in_cycle:
            self._refuse(Opcode.READ_TAG_MULTIPLE, mercury.NO_TAGS)
        self._heard_in_cycle = False

    def _obey(self, opcode: int, data: bytes) -> None:
        match opcode:
            case Opcode.VERSION:
                self._answer(opcode, _VERSION)
            case Opcode.MULTI_PROTOCOL:
                self._stream(data)
            case Opcode.CLEAR_TAG_BUFFER:
                self._buffer = []
                self._answer(opcode)
            case Opcode.READ_TAG_MULTIPLE:
                self._search(data)
            case Opcode.GET_TAG_BUFFER:
                self._give(data)
            case Opcode.GET_READ_POWER:
                self._answer(opcode, data[:1] + self.power_cdbm.to_bytes(2, "big"))
            case Opcode.GET_REGION:
                self._answer(opcode, bytes([self.region]))
            case Opcode.SET_PROTOCOL | Opcode.SET_OPTIONAL_PARAMETER:
                self._answer(opcode)
            case Opcode.SET_READ_POWER | Opcode.SET_REGION | Opcode.SET_ANTENNA:
                self._set(Opcode(opcode), data)
            case _:
                self._refuse(opcode, _UNKNOWN_COMMAND)

    def _set(self, opcode: Opcode, data: bytes) -> None:
        status = mercury.SUCCESS
        if opcode is Opcode.SET_READ_POWER:
            status = mercury.SUCCESS if self.set_power(int.from_bytes(data, "big", signed=True)) else _POWER_TOO_HIGH
        elif opcode is Opcode.SET_REGION and data[:1] and data[0] in set(mercury.Region):
            self.region = data[0]
        elif opcode is Opcode.SET_REGION:
            status = _BAD_REGION
        elif data[:1] == bytes([_ANTENNA_LIST]) and set(data[1::2]) <= set(range(1, self.PORTS + 1)):
            self.antennas = tuple(data[1::2])
        else:
            status = _BAD_PARAMETER
        self.transmit(mercury_commands.encode_response(opcode, status=status))

    def _stream(self, data: bytes) -> None:
        if mercury_commands.is_stop(data):
            self.stop_rounds()
            self._answer(Opcode.MULTI_PROTOCOL, data[2:])
        elif len(data) < len(mercury_commands.start_reading()) - mercury.HOST_OVERHEAD:
            self._refuse(Opcode.MULTI_PROTOCOL, _WRONG_SIZE)
        else:
            self._cycle_s = int.from_bytes(data[12:14], "big") / 1000
            self._cycle_began = time.monotonic()
            self._heard_in_cycle = False
            self._answer(Opcode.MULTI_PROTOCOL, data[2:3])
            self.start_rounds(_FOR_EVER)

    def _search(self, data: bytes) -> None:
        if self.missing_antennas & set(self.antennas):
            self._refuse(Opcode.READ_TAG_MULTIPLE, _RETURN_LOSS)
            return
        self._buffer = list(self.hear())
        if self._buffer:
            self._answer(Opcode.READ_TAG_MULTIPLE, data[:3] + len(self._buffer).to_bytes(4, "big"))
        else:
            self._refuse(Opcode.READ_TAG_MULTIPLE, mercury.NO_TAGS)

    def _give(self, data: bytes) -> None:
        given, self._buffer = self._buffer[:_TAGS_A_FRAME], self._buffer[_TAGS_A_FRAME:]
        records = b"".join(mercury_tags.record_bytes(tag.memory, tag.rssi_dbm, tag.antenna) for tag in given)
        self._answer(Opcode.GET_TAG_BUFFER, data[:3] + bytes([len(given)]) + records)

    def _answer(self, opcode: int, data: bytes = b"") -> None:
        self.transmit(mercury_commands.encode_response(opcode, data))

    def _refuse(self, opcode: int, status: int) -> None:
        self.transmit(mercury_commands.encode_response(opcode, status=status))
