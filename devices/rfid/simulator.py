"""An M100 reader on a pseudo-terminal: answers the real commands with real frames, and has switches for faults."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devices.pseudo_port import PseudoPort
from devices.rfid import m100

_INFO = {
    m100.Info.HARDWARE: b"M100 26dBm V1.0",
    m100.Info.SOFTWARE: b"V2.3.5",
    m100.Info.MANUFACTURER: b"MagicRf",
}
_MAX_POWER_CDBM = 2600
_ROUND_S = 0.02


@dataclass(frozen=True, slots=True)
class SimulatedTag:
    """A tag in the field: EPC as hex and how strongly it is heard."""

    epc: str
    rssi_dbm: int = -45


@dataclass(slots=True)
class Faults:
    """Switches; each may be turned while the reader runs.

    Attributes:
        stuck: answers nothing, though its port is there.
        noise: random bytes before every frame.
        wrong_checksum: every frame leaves with a wrong sum.
        split: every frame leaves byte by byte.
        glitch: only every second frame is sent whole; the others lose their end.
    """

    stuck: bool = False
    noise: bool = False
    wrong_checksum: bool = False
    split: bool = False
    glitch: bool = False


class SimulatedReader:
    """The reader's side of the protocol. ``place_tags`` puts tags on the table, ``faults`` breaks things."""

    def __init__(self, link: Path, *, dialect: m100.Dialect = m100.BB_7E, seed: int = 1) -> None:
        self.dialect = dialect
        self.faults = Faults()
        self.power_cdbm = 2000
        self.region = int(m100.Region.CHINA_900)
        self._tags: tuple[SimulatedTag, ...] = ()
        self._random = random.Random(seed)  # noqa: S311  noise, not secrets
        self._parser = m100.FrameParser(dialect)
        self._rounds_left = 0
        self._next_round = 0.0
        self._frames_sent = 0
        self._lock = threading.Lock()
        self.port = PseudoPort(link, on_bytes=self._commands, on_tick=self._round, on_opened=self._parser.reset)
        self.port.plug()

    def place_tags(self, tags: Iterable[SimulatedTag | str]) -> None:
        """Exactly these tags are in the field from now on; a string is the EPC in hex."""
        placed = tuple(tag if isinstance(tag, SimulatedTag) else SimulatedTag(tag) for tag in tags)
        for tag in placed:
            m100.tag_notice(
                bytes.fromhex(tag.epc), tag.rssi_dbm
            )  # refuses what no tag can be, here and not in a thread
        with self._lock:
            self._tags = placed

    def send(self, data: bytes) -> bool:
        """Put raw bytes on the line."""
        return self.port.write(data)

    def unplug(self) -> None:
        """Cut cable and power: a round that was going on is forgotten."""
        self.port.unplug()
        self._rounds_left = 0

    def replug(self) -> None:
        self.port.plug()

    def close(self) -> None:
        """Unplug for good."""
        self.unplug()

    def _commands(self, data: bytes) -> None:
        for frame in self._parser.feed(data):
            if frame.type is m100.FrameType.COMMAND and not self.faults.stuck:
                self._obey(frame.command, frame.parameters)

    def _obey(self, command: int, parameters: bytes) -> None:
        match command:
            case m100.Command.INFO if len(parameters) == 1 and parameters[0] in _INFO:
                self._answer(command, parameters + _INFO[m100.Info(parameters[0])])
            case m100.Command.INVENTORY if not parameters:
                self._inventory()
            case m100.Command.INVENTORY_ROUNDS if parameters[:1] == bytes([m100.Command.INVENTORY]):
                self._rounds_left = int.from_bytes(parameters[1:3], "big")
            case m100.Command.STOP:
                self._rounds_left = 0
                self._answer(command, b"\x00")
            case m100.Command.SET_POWER if parameters:
                self._set_power(int.from_bytes(parameters[:2], "big"))
            case m100.Command.GET_POWER:
                self._answer(command, self.power_cdbm.to_bytes(2, "big"))
            case m100.Command.SET_REGION if len(parameters) == 1 and parameters[0] in set(m100.Region):
                self.region = parameters[0]
                self._answer(command, b"\x00")
            case m100.Command.GET_REGION:
                self._answer(command, bytes([self.region]))
            case _ if command in set(m100.Command):
                self._refuse(0x0E)
            case _:
                self._refuse(0x17)

    def _set_power(self, power_cdbm: int) -> None:
        if power_cdbm > _MAX_POWER_CDBM:
            self._refuse(0x0E)
            return
        self.power_cdbm = power_cdbm
        self._answer(m100.Command.SET_POWER, b"\x00")

    def _round(self) -> None:
        """One round of a continuous inventory, when one is going on and due."""
        now = time.monotonic()
        if self._rounds_left and now >= self._next_round and not self.faults.stuck:
            self._next_round = now + _ROUND_S
            self._rounds_left -= 1
            self._inventory()

    def _inventory(self) -> None:
        with self._lock:
            tags = self._tags
        for tag in tags:
            rssi_dbm = max(-128, tag.rssi_dbm + self._random.randint(-1, 1))
            self._transmit(m100.tag_notice(bytes.fromhex(tag.epc), rssi_dbm, self.dialect))
        if not tags:
            self._refuse(m100.NO_TAG)

    def _answer(self, command: int, parameters: bytes) -> None:
        self._transmit(m100.encode(m100.FrameType.RESPONSE, command, parameters, self.dialect))

    def _refuse(self, code: int) -> None:
        self._answer(m100.Command.ERROR, bytes([code]))

    def _transmit(self, frame: bytes) -> None:
        faults = self.faults
        self._frames_sent += 1
        if faults.wrong_checksum:
            frame = frame[:-2] + bytes([frame[-2] ^ 0x55]) + frame[-1:]
        if faults.glitch and self._frames_sent % 2:
            frame = frame[:-3]
        if faults.noise:
            frame = self._random.randbytes(self._random.randint(1, 12)) + frame
        if faults.split:
            for index in range(len(frame)):
                self.port.write(frame[index : index + 1])
        else:
            self.port.write(frame)
