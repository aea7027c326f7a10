"""An M100 reader on a pseudo-terminal: answers the real commands with real frames, and has switches for faults."""

from __future__ import annotations

from pathlib import Path

from devices.rfid import m100
from devices.rfid.simulator import SimulatedReader, SimulatedTag

_INFO = {
    m100.Info.HARDWARE: b"M100 26dBm V1.0",
    m100.Info.SOFTWARE: b"V2.3.5",
    m100.Info.MANUFACTURER: b"MagicRf",
}
_BAD_PARAMETER = 0x0E
_UNKNOWN_COMMAND = 0x17


class SimulatedM100(SimulatedReader):
    """The reader's side of `devices.rfid.m100`; it has one antenna."""

    MAX_POWER_CDBM = 2600

    def __init__(self, link: Path | None = None, *, dialect: m100.Dialect = m100.BB_7E, seed: int = 1) -> None:
        self.dialect = dialect
        self._parser = m100.frame_parser(dialect)
        super().__init__(link, region=m100.Region.CHINA_900, seed=seed)

    def opened(self) -> None:
        self._parser.reset()

    def obey(self, data: bytes) -> None:
        for frame in self._parser.feed(data):
            if frame.type is m100.FrameType.COMMAND:
                self._obey(frame.command, frame.parameters)

    def tell_round(self, heard: tuple[SimulatedTag, ...]) -> None:
        for tag in heard:
            self.transmit(m100.tag_notice(tag.memory, tag.rssi_dbm, self.dialect))
        if not heard:
            self._refuse(m100.NO_TAG)

    def _obey(self, command: int, parameters: bytes) -> None:
        match command:
            case m100.Command.INFO if len(parameters) == 1 and parameters[0] in _INFO:
                self._answer(command, parameters + _INFO[m100.Info(parameters[0])])
            case m100.Command.INVENTORY if not parameters:
                self.tell_round(self.hear())
            case m100.Command.INVENTORY_ROUNDS if parameters[:1] == bytes([m100.Command.INVENTORY]):
                self.start_rounds(int.from_bytes(parameters[1:3], "big"))
            case m100.Command.STOP:
                self.stop_rounds()
                self._answer(command, b"\x00")
            case m100.Command.SET_POWER if parameters and self.set_power(int.from_bytes(parameters[:2], "big")):
                self._answer(command, b"\x00")
            case m100.Command.GET_POWER:
                self._answer(command, self.power_cdbm.to_bytes(2, "big"))
            case m100.Command.SET_REGION if len(parameters) == 1 and parameters[0] in set(m100.Region):
                self.region = parameters[0]
                self._answer(command, b"\x00")
            case m100.Command.GET_REGION:
                self._answer(command, bytes([self.region]))
            case _:
                self._refuse(_BAD_PARAMETER if command in set(m100.Command) else _UNKNOWN_COMMAND)

    def _answer(self, command: int, parameters: bytes) -> None:
        self.transmit(m100.encode(m100.FrameType.RESPONSE, command, parameters, self.dialect))

    def _refuse(self, code: int) -> None:
        self._answer(m100.Command.ERROR, bytes([code]))
