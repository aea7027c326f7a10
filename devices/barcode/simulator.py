"""A barcode scanner on a pseudo-terminal, with the trigger commands of two families and switches for faults."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

from devices.barcode import newland
from devices.barcode.trigger import HONEYWELL_OFF, HONEYWELL_ON
from devices.pseudo_port import PseudoPort
from devices.simulated_line import Faults, SimulatedLine, spoil_last_byte_but_one


class SimulatedScanner:
    """Sends what a real scanner would; ``scan`` is the trigger being pulled over a code.

    Args:
        link: path of the port.
        suffix: bytes after each scan.
        envelope: whether scans are sent between STX and ETX.
        trigger: which commands of the host it understands.
    """

    def __init__(
        self,
        link: Path,
        *,
        suffix: bytes = b"\r",
        envelope: bool = False,
        trigger: Literal["none", "honeywell", "newland"] = "none",
    ) -> None:
        self.suffix = suffix
        self.envelope = envelope
        self.reading = False
        self._before_it: tuple[str, str] | None = None
        self._trigger = trigger
        self._commands = newland.command_parser()
        self._heard = b""
        self._lock = threading.Lock()
        self.port = PseudoPort(link, on_bytes=self._obey, on_opened=self._forget)
        self._line = SimulatedLine(self.port, spoil=_spoil_reply, on_reset=self._forget)
        self.port.plug()

    @property
    def faults(self) -> Faults:
        """Switches; ``wrong_checksum`` is for the replies to commands, as scans have none."""
        return self._line.faults

    def scan(self, text: str, aim: str = "") -> bool:
        """Read a code; ``False`` when nobody has the port open, as then the scan is lost."""
        payload = (aim + text).encode("utf-8")
        return self._line.transmit((b"\x02" + payload + b"\x03" if self.envelope else payload) + self.suffix)

    def place(self, text: str, aim: str = "") -> None:
        """Lay a code before the scanner: it is read when the host triggers."""
        with self._lock:
            self._before_it = (text, aim)

    def send(self, data: bytes) -> bool:
        """Put raw bytes on the line: fragments, noise, several scans at once."""
        return self.port.write(data)

    def unplug(self) -> None:
        self.port.unplug()

    def replug(self) -> None:
        self.port.plug()

    def close(self) -> None:
        """Unplug for good."""
        self.port.unplug()

    def _forget(self) -> None:
        self._commands.reset()
        self._heard = b""
        self.reading = False

    def _obey(self, data: bytes) -> None:
        if self.faults.stuck:
            return
        if self._trigger == "honeywell":
            self._obey_honeywell(data)
        elif self._trigger == "newland":
            for command in self._commands.feed(data):
                self._obey_newland(command)

    def _obey_honeywell(self, data: bytes) -> None:
        self._heard = (self._heard + data)[-64:]
        while len(self._heard) >= len(HONEYWELL_ON):
            command, rest = self._heard[:3], self._heard[3:]
            if command not in (HONEYWELL_ON, HONEYWELL_OFF):
                self._heard = self._heard[1:]
                continue
            self._heard = rest
            self._read(on=command == HONEYWELL_ON)

    def _obey_newland(self, command: newland.Command) -> None:
        if (command.type, command.address) != (newland.CommandType.WRITE, newland.TRIGGER_ADDRESS):
            self._line.transmit(newland.reply(b"\x00", newland.INVALID))
            return
        self._line.transmit(newland.TRIGGERED)
        self._read(on=command.data == b"\x01")

    def _read(self, *, on: bool) -> None:
        with self._lock:
            code, self.reading = self._before_it, on
            if on:
                self._before_it = None
        if on and code is not None:
            self.reading = False
            self.scan(*code)


def _spoil_reply(frame: bytes) -> bytes:
    return spoil_last_byte_but_one(frame) if frame.startswith(newland.REPLY_HEAD) else frame
