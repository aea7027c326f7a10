"""An R2000 reader that answers A0 frames on a pseudo-terminal or a socket, with switches for faults."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from devices.rfid import r2000, r2000_commands
from devices.rfid.framed import Request, Side
from devices.rfid.r2000_forms import ANTENNAS, CHANNELS, INVENTORIES, Command, Region
from devices.rfid.r2000_words import ANTENNA_MISSING, BUFFER_EMPTY, FAIL, SUCCESS
from devices.rfid.simulator import SimulatedReader, SimulatedTag

_FIRMWARE = b"\x01\x09"
_NO_SUCH_ANTENNA = 0x47
_POWER_OUT_OF_RANGE = 0x48
_NO_SUCH_REGION = 0x49
_WEAKEST_DBM = r2000.RSSI_OFFSET_DBM
_STRONGEST_DBM = -2


class SimulatedR2000(SimulatedReader):
    """The reader's side of `devices.rfid.r2000`, with eight antennas."""

    MAX_POWER_CDBM = 3300

    def __init__(self, link: Path | None = None, *, address: int = 1, seed: int = 1) -> None:
        self.reader_address = address
        self.working = 1
        self._buffer: dict[str, SimulatedTag] = {}
        self._match: bytes | None = None
        self._parser = r2000.parser(Side.HOST)
        super().__init__(link, region=Region.US, antennas=(1,), seed=seed)

    def opened(self) -> None:
        self._parser.reset()

    def obey(self, data: bytes) -> None:
        for request in self._parser.feed(data):
            if isinstance(request, Request) and request.address in {self.reader_address, r2000.ANY_ADDRESS}:
                self._obey(request.command, request.data)

    def tell_round(self, heard: tuple[SimulatedTag, ...]) -> None:
        self._tell(Command.REAL_TIME_INVENTORY, heard)

    def restarted(self) -> None:
        super().restarted()
        self.working = 1
        self._buffer = {}
        self._match = None

    def _obey(self, command: int, data: bytes) -> None:
        if command in INVENTORIES:
            self._inventory(Command(command), data)
        elif command in _BUFFER_COMMANDS:
            self._use_buffer(Command(command))
        else:
            self._set_or_tell(command, data)

    def _set_or_tell(self, command: int, data: bytes) -> None:
        match command:
            case Command.RESET:
                self.restarted()
            case Command.GET_FIRMWARE:
                self._answer(command, _FIRMWARE)
            case Command.SET_ANTENNA:
                self.working = data[0] + 1
                self._verdict(command, SUCCESS)
            case Command.GET_ANTENNA:
                self._answer(command, bytes([self.working - 1]))
            case Command.SET_POWER:
                self._verdict(command, SUCCESS if self.set_power(max(data) * 100) else _POWER_OUT_OF_RANGE)
            case Command.GET_POWER:
                self._answer(command, bytes([self.power_cdbm // 100]))
            case Command.SET_REGION:
                self._set_region(data)
            case Command.GET_REGION:
                self._answer(command, bytes([self.region, *CHANNELS[Region(self.region)]]))
            case Command.SET_EPC_MATCH:
                self._match = data[2:] or None
                self._verdict(command, SUCCESS)
            case Command.GET_EPC_MATCH:
                self._answer(command, b"\x01" if self._match is None else bytes([0, len(self._match)]) + self._match)
            case _:
                self._verdict(command, FAIL)

    def _set_region(self, data: bytes) -> None:
        if data[0] not in CHANNELS:
            self._verdict(Command.SET_REGION, _NO_SUCH_REGION)
            return
        self.region = data[0]
        self._verdict(Command.SET_REGION, SUCCESS)

    def _inventory(self, command: Command, data: bytes) -> None:
        if command is Command.FAST_SWITCH_INVENTORY:
            self._switch_through([antenna + 1 for antenna in data[:-2:2] if antenna < ANTENNAS])
        elif self.working in self.missing_antennas:
            self._verdict(command, ANTENNA_MISSING)
        else:
            self._tell(command, self._heard_by([self.working]))

    def _switch_through(self, antennas: list[int]) -> None:
        for antenna in antennas:
            if antenna in self.missing_antennas:
                self._answer(Command.FAST_SWITCH_INVENTORY, bytes([antenna - 1, ANTENNA_MISSING]))
        if not antennas:
            self._verdict(Command.FAST_SWITCH_INVENTORY, _NO_SUCH_ANTENNA)
            return
        self._tell(Command.FAST_SWITCH_INVENTORY, self._heard_by(antennas))

    def _heard_by(self, antennas: Iterable[int]) -> tuple[SimulatedTag, ...]:
        self.antennas = tuple(antennas)
        return self.hear()

    def _tell(self, command: Command, heard: tuple[SimulatedTag, ...]) -> None:
        for tag in heard:
            rssi_dbm = min(_STRONGEST_DBM, max(_WEAKEST_DBM, tag.rssi_dbm))
            packet = r2000_commands.tag_packet(
                tag.memory, rssi_dbm, antenna=tag.antenna, command=command, address=self.reader_address
            )
            self.transmit(packet)
        self.transmit(r2000_commands.end_packet(command, len(heard), antenna=self.working, address=self.reader_address))

    def _use_buffer(self, command: Command) -> None:
        match command:
            case Command.INVENTORY:
                heard = self._heard_by([self.working])
                self._buffer |= {tag.epc: tag for tag in heard}
                counts = len(self._buffer).to_bytes(2, "big") + bytes(2) + len(heard).to_bytes(4, "big")
                self._answer(command, bytes([self.working - 1]) + counts)
            case Command.COUNT_BUFFER:
                self._answer(command, len(self._buffer).to_bytes(2, "big"))
            case Command.CLEAR_BUFFER:
                self._buffer = {}
                self._verdict(command, SUCCESS)
            case _:
                self._tell_buffer(command)

    def _tell_buffer(self, command: Command) -> None:
        tags = self._buffer.values()
        for tag in tags:
            packet = r2000_commands.buffered_tag_packet(
                tag.memory,
                min(_STRONGEST_DBM, tag.rssi_dbm),
                tags=len(tags),
                antenna=tag.antenna,
                command=command,
                address=self.reader_address,
            )
            self.transmit(packet)
        if not tags:
            self._verdict(command, BUFFER_EMPTY)
        if command is Command.TAKE_BUFFER:
            self._buffer = {}

    def _verdict(self, command: int, code: int) -> None:
        self._answer(command, bytes([code]))

    def _answer(self, command: int, data: bytes) -> None:
        self.transmit(r2000.encode(command, data, self.reader_address))


_BUFFER_COMMANDS = frozenset(
    {Command.INVENTORY, Command.GET_BUFFER, Command.TAKE_BUFFER, Command.COUNT_BUFFER, Command.CLEAR_BUFFER}
)
