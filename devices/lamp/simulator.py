"""A stack lamp on a TCP port of this machine: keeps what is written to it and answers in Modbus TCP's own bytes."""

from __future__ import annotations

from devices.lamp import modbus
from devices.lamp.signals import REGISTERS, as_read, words
from devices.pseudo_socket import PseudoSocket
from devices.simulated_line import SimulatedLine

ALL_REGISTERS = 11
"""40001 to 40011: tiers, buzzer, smart mode, clear, mute, stop, trigger."""


def _spoil(frame: bytes) -> bytes:
    """An answer to another question."""
    return bytes([frame[0] ^ 0x55]) + frame[1:]


class SimulatedLamp:
    """The lamp's side. ``registers`` may be set as by another program; ``broken`` makes it forget what is written."""

    def __init__(self, port: int = 0) -> None:
        self.registers = [0] * ALL_REGISTERS
        self.broken = False
        self._parser = modbus.parser()
        self.port = PseudoSocket(self._hear, on_opened=self._parser.reset, port=port)
        self.line = SimulatedLine(self.port, spoil=_spoil, on_reset=self._forget)
        self.faults = self.line.faults
        self.port.plug()

    @property
    def shown(self) -> tuple[int, ...]:
        """State of the five tiers and the buzzer."""
        return as_read(self.registers[:REGISTERS])

    def __str__(self) -> str:
        return words(self.shown)

    def unplug(self) -> None:
        """Cut the network; the lamp loses its power with it."""
        self.port.unplug()
        self._forget()

    def replug(self) -> None:
        self.port.plug()

    def close(self) -> None:
        """Unplug for good."""
        self.port.unplug()

    def _forget(self) -> None:
        self.registers = [0] * ALL_REGISTERS
        self._parser.reset()

    def _hear(self, data: bytes) -> None:
        for request in self._parser.feed(data):
            registers = list(self.registers) if self.broken else self.registers
            self.line.transmit(modbus.answer(request, registers))
