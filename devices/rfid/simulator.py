"""What all simulated RFID readers share: tags on the table, antennas, rounds, and a port that can be unplugged.

A protocol's simulator says what is answered to the host's bytes and how heard tags are told.
"""

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from devices.pseudo_port import PseudoPort
from devices.pseudo_socket import PseudoSocket
from devices.rfid import gen2
from devices.simulated_line import Faults, SimulatedLine, spoil_last_byte_but_one

ROUND_S = 0.02
WEAKEST_DBM = -128


@dataclass(frozen=True, slots=True)
class SimulatedTag:
    """A tag in the field.

    Attributes:
        epc: as hex.
        rssi_dbm: how strongly it is heard, whole dBm; the reader tells one more or less now and then.
        antenna: the one that hears it, from 1.
    """

    epc: str
    rssi_dbm: int = -45
    antenna: int = 1

    @property
    def memory(self) -> bytes:
        """The EPC.

        Raises:
            ValueError: when no tag can hold it.
        """
        memory = bytes.fromhex(self.epc)
        gen2.pc_for(memory)
        return memory


class SimulatedReader(ABC):
    """The reader's side of a protocol. ``place_tags`` puts tags on the table, ``faults`` breaks things.

    Args:
        link: path of a pseudo-terminal to make; with ``None`` the reader listens on a TCP port of this machine.
        spoil: makes a frame's checksum wrong.
        region: frequency plan of a new reader.
        antennas: those in use of a new reader.

    Attributes:
        port: the reader's end of the line.
        power_cdbm: transmit power in 1/100 dBm.
        region: number of the frequency plan, as the protocol has it.
        antennas: numbers from 1 of those that are in use.
        missing_antennas: those of which nothing is plugged in.
    """

    MAX_POWER_CDBM = 3000

    def __init__(
        self,
        link: Path | None = None,
        *,
        region: int = 0,
        antennas: Iterable[int] = (1,),
        spoil: Callable[[bytes], bytes] = spoil_last_byte_but_one,
        seed: int = 1,
    ) -> None:
        self.power_cdbm = 2000
        self.region = region
        self.antennas = tuple(antennas)
        self.missing_antennas: frozenset[int] = frozenset()
        self._tags: tuple[SimulatedTag, ...] = ()
        self._random = random.Random(seed)  # noqa: S311  noise, not secrets
        self._rounds_left = 0
        self._next_round = 0.0
        self._lock = threading.Lock()
        self.port: PseudoPort | PseudoSocket
        if link is not None:
            self.port = PseudoPort(link, on_bytes=self._commands, on_tick=self._tick, on_opened=self.opened)
        else:
            self.port = PseudoSocket(on_bytes=self._commands, on_tick=self._tick, on_opened=self.opened)
        self._line = SimulatedLine(self.port, spoil=spoil, on_reset=self.restarted, seed=seed)
        self.port.plug()

    @property
    def address(self) -> str:
        """The port as a configuration takes it."""
        return str(self.port.link) if isinstance(self.port, PseudoPort) else self.port.url

    @property
    def faults(self) -> Faults:
        """Switches; each may be turned while the reader runs."""
        return self._line.faults

    @property
    def running(self) -> bool:
        """Whether a continuous inventory is going on."""
        return self._rounds_left > 0

    def place_tags(self, tags: Iterable[SimulatedTag | str]) -> None:
        """Exactly these tags are in the field from now on; a string is the EPC in hex.

        Raises:
            ValueError: for an EPC that no tag can hold and a signal strength that no reader can tell.
        """
        placed = tuple(tag if isinstance(tag, SimulatedTag) else SimulatedTag(tag) for tag in tags)
        for tag in placed:  # refused here and not in a thread
            if not tag.memory or not WEAKEST_DBM <= tag.rssi_dbm <= 0:
                raise ValueError(f"no tag is heard like that: {tag}")
        with self._lock:
            self._tags = placed

    def send(self, data: bytes) -> bool:
        """Put raw bytes on the line, without faults."""
        return self.port.write(data)

    def unplug(self) -> None:
        """Cut cable and power: an inventory that was going on is forgotten."""
        self.port.unplug()
        self.restarted()

    def replug(self) -> None:
        """Give cable and power back, under the same address."""
        self.port.plug()

    def close(self) -> None:
        """Unplug for good."""
        self.unplug()

    # What a protocol fills in ---------------------------------------------------------------------------------------

    @abstractmethod
    def obey(self, data: bytes) -> None:
        """The host sent ``data``; called from the port's thread."""

    @abstractmethod
    def tell_round(self, heard: tuple[SimulatedTag, ...]) -> None:
        """Tell the tags that one round of a continuous inventory heard."""

    def opened(self) -> None:  # noqa: B027  most readers say nothing then
        """A program opened the port; forget half a command, greet it where the protocol does."""

    def restarted(self) -> None:
        """The reader lost power, or started over by itself."""
        self._rounds_left = 0

    def alive(self) -> None:  # noqa: B027  most readers send no keep-alives
        """Called about every 10 ms while a program has the port open; for keep-alives."""

    # What a protocol uses -------------------------------------------------------------------------------------------

    def transmit(self, frame: bytes) -> bool:
        """Send one frame, with the faults that are switched on."""
        return self._line.transmit(frame)

    def start_rounds(self, rounds: int) -> None:
        """Begin a continuous inventory of so many rounds; 0 ends it."""
        self._rounds_left = rounds

    def stop_rounds(self) -> None:
        self._rounds_left = 0

    def hear(self) -> tuple[SimulatedTag, ...]:
        """What one round hears: the tags before antennas in use and plugged in, their strength a little uneven."""
        with self._lock:
            tags = self._tags
        hearing = set(self.antennas) - self.missing_antennas
        return tuple(
            SimulatedTag(tag.epc, min(0, max(WEAKEST_DBM, tag.rssi_dbm + self._random.randint(-1, 1))), tag.antenna)
            for tag in tags
            if tag.antenna in hearing
        )

    def set_power(self, power_cdbm: int) -> bool:
        """Take a new power; ``False`` when the reader cannot do it."""
        if power_cdbm > self.MAX_POWER_CDBM:
            return False
        self.power_cdbm = power_cdbm
        return True

    # --------------------------------------------------------------------------------------------------------------

    def _commands(self, data: bytes) -> None:
        if not self.faults.stuck:
            self.obey(data)

    def _tick(self) -> None:
        if self.faults.stuck:
            return
        self.alive()
        now = time.monotonic()
        if self._rounds_left and now >= self._next_round:
            self._next_round = now + ROUND_S
            self._rounds_left -= 1
            self.tell_round(self.hear())
