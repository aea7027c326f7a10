"""A label printer on a TCP port of this machine or a pseudo-terminal: collects labels, answers ~HS, has troubles."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from devices.printer import zpl
from devices.printer.status import READY, encode
from devices.pseudo_port import PseudoPort
from devices.pseudo_socket import PseudoSocket
from devices.simulated_line import SimulatedLine

_COMMAND = re.compile(rb"~HS|~JX|\^XZ")


@dataclass(slots=True)
class Troubles:
    """Switches; each may be turned while the printer runs.

    Attributes:
        silent: says nothing to ``~HS`` while anything else is wrong, as many printers do.
        deaf: loses what comes, as a printer whose buffer is full on a line without flow control.
    """

    paper_out: bool = False
    head_open: bool = False
    ribbon_out: bool = False
    paused: bool = False
    silent: bool = False
    deaf: bool = False

    @property
    def stopped(self) -> bool:
        return self.paper_out or self.head_open or self.ribbon_out or self.paused


class SimulatedPrinter:
    """The printer's side.

    Attributes:
        labels: formats that were printed, in order, from ``^XA`` to ``^XZ``.
        troubles: what is wrong with the printer; ``faults`` is what is wrong with its line.

    Args:
        link: path of a serial port; without it the printer is on the network.
    """

    def __init__(self, link: Path | None = None) -> None:
        self.labels: list[bytes] = []
        self.troubles = Troubles()
        self._memory = b""
        self._formats: list[bytes] = []
        tick = self._print
        self.port: PseudoPort | PseudoSocket = (
            PseudoSocket(self._hear, on_tick=tick) if link is None else PseudoPort(link, self._hear, on_tick=tick)
        )
        self.line = SimulatedLine(self.port, on_reset=self.power_cycle)
        self.faults = self.line.faults
        self.port.plug()

    @property
    def address(self) -> str:
        """The port as a configuration names it."""
        return self.port.url if isinstance(self.port, PseudoSocket) else str(self.port.link)

    @property
    def partial(self) -> bool:
        """Whether the beginning of a format lies in the memory without its end."""
        return zpl.START in self._memory

    def unplug(self) -> None:
        """Cut the line; what the printer has received stays with it."""
        self.port.unplug()

    def replug(self) -> None:
        self.port.plug()

    def power_cycle(self) -> None:
        """Forget everything that is not on paper."""
        self._memory = b""
        self._formats.clear()

    def close(self) -> None:
        """Unplug for good."""
        self.port.unplug()

    def _hear(self, data: bytes) -> None:
        if self.troubles.deaf:
            data = b"".join(re.findall(b"~HS|~JX", data))
        self._memory += data
        while (command := _COMMAND.search(self._memory)) is not None:
            before, after = self._memory[: command.start()], self._memory[command.end() :]
            match command.group():
                case b"~HS":
                    self._memory = before + after
                    self._say_status()
                case b"~JX":
                    self._memory = after
                case _:
                    begin = before.rfind(zpl.START)
                    if begin >= 0:
                        self._formats.append(before[begin:] + zpl.END)
                        self._print()
                    self._memory = after

    def _print(self) -> None:
        if not self.troubles.stopped:
            self.labels += self._formats
            self._formats.clear()

    def _say_status(self) -> None:
        troubles = self.troubles
        if troubles.silent and troubles.stopped:
            return
        status = replace(
            READY,
            paper_out=troubles.paper_out,
            head_open=troubles.head_open,
            ribbon_out=troubles.ribbon_out,
            paused=troubles.paused,
            partial=self.partial,
            formats=len(self._formats),
        )
        self.line.transmit(encode(status))
