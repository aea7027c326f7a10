"""A Chafon reader of either dialect on a pseudo-terminal or a socket, with switches for faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from devices.rfid import chafon, chafon_commands
from devices.rfid.chafon_commands import CHANNELS, Region
from devices.rfid.chafon_forms import Command, Dialect
from devices.rfid.chafon_words import ANTENNA_ERROR, DONE, MORE_FOLLOWS, NO_TAG, NOT_UNDERSTOOD, OK
from devices.rfid.framed import Request, Side
from devices.rfid.simulator import SimulatedReader, SimulatedTag

_TYPES = {Dialect.UHF18: 0x09, Dialect.UHF288: 0x0C}
_VERSION = b"\x02\x16"
_BAD_PARAMETER = 0xFF
_SILENT_ROUNDS = 10
_ENDLESS = 1 << 30
_MAX_LIST = 200
_NUMBER_BITS = 0x7F
_AUTOMATIC = 1


class SimulatedChafon(SimulatedReader):
    """The reader's side of `devices.rfid.chafon`.

    Attributes:
        scan_ms: longest time of a round as it was set.
        tags_in_frame: so many tags at most are told in one frame.
    """

    def __init__(
        self, link: Path | None = None, *, dialect: Dialect = Dialect.UHF18, address: int = 0, seed: int = 1
    ) -> None:
        self.dialect = dialect
        self.reader_address = address
        self.scan_ms = 2000
        self.tags_in_frame = 2
        self._heartbeats = 0
        self._silent = 0
        self._parser = chafon.parser(dialect, Side.HOST)
        super().__init__(link, region=Region.CHINA_900, antennas=(1,), seed=seed)

    def opened(self) -> None:
        self._parser.reset()

    def obey(self, data: bytes) -> None:
        for request in self._parser.feed(data):
            if isinstance(request, Request) and request.address in {self.reader_address, chafon.ANY_ADDRESS}:
                self._obey(request.command, request.data)

    def run_by_itself(self) -> None:
        """As another program may have left it: in automatic mode."""
        self.start_rounds(_ENDLESS)

    def tell_round(self, heard: tuple[SimulatedTag, ...]) -> None:
        """A round of the automatic mode; a heartbeat after ten without a tag."""
        for tag in heard:
            pushed = chafon_commands.pushed_tag(
                self.dialect,
                tag.memory,
                rssi_dbm=tag.rssi_dbm,
                antenna=tag.antenna,
                address=self.reader_address,
            )
            self.transmit(pushed)
        self._silent = 0 if heard else self._silent + 1
        if self._silent == _SILENT_ROUNDS:
            self._silent = 0
            self._heartbeats += 1
            self.transmit(chafon_commands.heartbeat(self._heartbeats, self.reader_address))

    def _obey(self, command: int, data: bytes) -> None:
        own_mode = Command.SET_MODE_18 if self.dialect is Dialect.UHF18 else Command.SET_MODE_288
        match command:
            case Command.INVENTORY:
                self._inventory(data)
            case Command.GET_INFO:
                self._answer(command, OK, self._info())
            case Command.SET_REGION:
                self._set_region(data)
            case Command.SET_POWER:
                self._answer(command, OK if self.set_power(data[0] * 100) else _BAD_PARAMETER)
            case Command.SET_SCAN_TIME:
                self.scan_ms = data[0] * 100
                self._answer(command, OK)
            case Command.SET_BEEPER | Command.SET_SIGNALS | Command.SET_ANTENNAS:
                self._answer(command, OK)
            case _ if command == own_mode:
                self.start_rounds(_ENDLESS if data[0] == _AUTOMATIC else 0)
                self._answer(command, OK)
            case _:
                self._answer(Command.NOT_UNDERSTOOD, NOT_UNDERSTOOD)

    def _info(self) -> bytes:
        region = Region(self.region)
        highest, lowest = (region & 0b1100) << 4 | CHANNELS[region], (region & 0b0011) << 6
        info = [_TYPES[self.dialect], 0x03, highest, lowest, self.power_cdbm // 100, self.scan_ms // 100]
        return _VERSION + bytes(info) + (bytes([1, 0, 0, 0]) if self.dialect is Dialect.UHF288 else b"")

    def _set_region(self, data: bytes) -> None:
        band = (data[0] & 0xC0) >> 4 | data[1] >> 6
        if band not in set(Region):
            self._answer(Command.SET_REGION, _BAD_PARAMETER)
            return
        self.region = band
        self._answer(Command.SET_REGION, OK)

    def _inventory(self, data: bytes) -> None:
        if self.dialect is Dialect.UHF288 and len(data) > 3:  # noqa: PLR2004  Target, Ant, ScanTime at its end
            self.antennas = ((data[-2] & _NUMBER_BITS) + 1,)
            if set(self.antennas) <= self.missing_antennas:
                self._answer(Command.INVENTORY, ANTENNA_ERROR)
                return
        heard = self.hear()
        if self.dialect is Dialect.UHF18 and not heard:
            self._answer(Command.INVENTORY, NO_TAG)
            return
        *before, last = self._lists(heard)
        for tags in before:
            self._tell(tags, MORE_FOLLOWS)
        self._tell(last, DONE)

    def _lists(self, heard: Sequence[SimulatedTag]) -> Iterator[list[SimulatedTag]]:
        """The tags in portions that fit a frame; of one antenna and strength each, when these are told."""
        portion: list[SimulatedTag] = []
        for tag in heard:
            told_alone = self.dialect is Dialect.UHF288 and bool(portion) and portion[0].rssi_dbm != tag.rssi_dbm
            size = sum(len(other.memory) + 2 for other in portion) + len(tag.memory)
            if told_alone or len(portion) == self.tags_in_frame or size > _MAX_LIST:
                yield portion
                portion = []
            portion.append(tag)
        yield portion

    def _tell(self, tags: Sequence[SimulatedTag], status: int) -> None:
        listed = chafon_commands.tag_list(
            self.dialect,
            [tag.memory for tag in tags],
            rssi_dbm=tags[0].rssi_dbm if tags else 0,
            antenna=self.antennas[0],
            status=status,
            address=self.reader_address,
        )
        self.transmit(listed)

    def _answer(self, command: int, status: int, data: bytes = b"") -> None:
        self.transmit(chafon.encode_answer(command, status, data, self.reader_address))
