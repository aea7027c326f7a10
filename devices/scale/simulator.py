"""A scale on a pseudo-terminal: weighs what is put on it, comes to rest slowly, and answers in its protocol's bytes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from devices.pseudo_port import PseudoPort
from devices.scale import a_and_d, cas, mt_sics, ohaus
from devices.scale.dialog import Parser
from devices.scale.weight import Answer, Command
from devices.simulated_line import SimulatedLine

STREAM_S = 0.1
GRAM, KILOGRAM = Decimal(1), Decimal(1000)


@dataclass(frozen=True, slots=True)
class Voice:
    """How one protocol says things, from the scale's side.

    Attributes:
        parser: reads what the computer sends.
        weight: the message of a weight in grams, stable or not.
        overload: the message of a scale that carries too much.
        tared, zeroed: what answers these commands; empty when nothing does.
        refused: what answers them while the scale moves.
    """

    parser: Callable[[], Parser]
    weight: Callable[[Decimal, bool], bytes]
    overload: bytes
    tared: bytes = b""
    zeroed: bytes = b""
    refused: bytes = b""


VOICES = {
    "mt_sics": Voice(
        mt_sics.parser,
        lambda grams, stable: mt_sics.weight_line(_shown(grams, GRAM, 2), stable=stable),
        overload=b"S +\r\n",
        tared=b"T S       0.00 g\r\n",
        zeroed=b"Z A\r\n",
        refused=b"T I\r\n",
    ),
    "and": Voice(
        a_and_d.parser,
        lambda grams, stable: a_and_d.weight_line(_shown(grams, GRAM, 2), stable=stable),
        overload=a_and_d.overload_line(),
        tared=b"\x06\r\n",
        zeroed=b"\x06\r\n",
        refused=b"EC,E11\r\n",
    ),
    "cas": Voice(
        cas.parser,
        lambda grams, stable: cas.long_frame(_shown(grams, KILOGRAM, 3), stable=stable),
        overload=cas.overload_frame(),
        tared=b"01MT\r\n",
        zeroed=b"01MZ\r\n",
        refused=b"!\r\n",
    ),
    "cas 18": Voice(
        cas.parser,
        lambda grams, stable: cas.short_frame(_shown(grams, KILOGRAM, 3), stable=stable),
        overload=cas.overload_frame(),
    ),
    "ohaus": Voice(
        ohaus.parser,
        lambda grams, stable: ohaus.weight_line(_shown(grams, KILOGRAM, 3), stable=stable),
        overload=b"Err8.3\r\n",
        refused=b"ES\r\n",
    ),
}
_WEIGHT = {"SI", "SIR", "Q", "RW", "IP", "CP"}
_TARE = {"T", "MT", "tare"}
_ZERO = {"Z", "MZ", "zero"}
_STREAM = {"SIR", "CP"}


class SimulatedScale:
    """The scale's side of a protocol. ``place`` puts a load on it, ``faults`` breaks its line.

    Attributes:
        settle_s: how long a new load moves before it rests.
        drift_g_per_s: how fast the load seems to grow, as on a scale in a draught.
        capacity_g: more is an overload.
    """

    def __init__(self, link: Path, protocol: str = "mt_sics", *, streams: bool = False, seed: int = 1) -> None:
        self.settle_s = 0.2
        self.drift_g_per_s = 0.0
        self.capacity_g = Decimal(6100)
        self._voice = VOICES[protocol]
        self._parser = self._voice.parser()
        self._always_streams = streams
        self._streaming = streams
        self._random = random.Random(seed)  # noqa: S311  a load that trembles
        self._load_g = Decimal(0)
        self._zero_g = Decimal(0)
        self._placed_s = -1e9
        self._next_s = 0.0
        self._lock = threading.Lock()
        self.port = PseudoPort(link, on_bytes=self._hear, on_tick=self._tick, on_opened=self._opened)
        self.line = SimulatedLine(self.port, on_reset=self._opened)
        self.faults = self.line.faults
        self.port.plug()

    def place(self, grams: Decimal | float | str) -> None:
        """Let exactly this lie on the scale from now on; it moves for ``settle_s``."""
        with self._lock:
            self._load_g = Decimal(str(grams))
            self._placed_s = time.monotonic()

    def send(self, data: bytes) -> bool:
        """Put raw bytes on the line."""
        return self.port.write(data)

    def unplug(self) -> None:
        self.port.unplug()

    def replug(self) -> None:
        self.port.plug()

    def close(self) -> None:
        """Unplug for good."""
        self.port.unplug()

    def _opened(self) -> None:
        self._parser.reset()
        self._parser.feed(b"\r\n")
        self._streaming = self._always_streams

    def _tick(self) -> None:
        if self._streaming and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + STREAM_S
            self._say_weight()

    def _hear(self, data: bytes) -> None:
        for message in self._parser.feed(data):
            name = message.name if isinstance(message, Command) else message.to if isinstance(message, Answer) else ""
            if name in _STREAM:
                self._streaming = True
            if name in _WEIGHT:
                self._say_weight()
            elif name in _TARE or name in _ZERO:
                self._set_zero(self._voice.tared if name in _TARE else self._voice.zeroed)

    def _set_zero(self, answer: bytes) -> None:
        with self._lock:
            moving = self._moving()
            if not moving:
                self._zero_g = self._load_g
        said = self._voice.refused if moving else answer
        if said:
            self.line.transmit(said)

    def _say_weight(self) -> None:
        with self._lock:
            load, moving = self._load_g, self._moving()
            since_s = time.monotonic() - self._placed_s
        if load > self.capacity_g:
            self.line.transmit(self._voice.overload)
            return
        shown = load - self._zero_g
        if moving:
            shown += Decimal(self._random.randint(-400, 400)) / 100
        elif self.drift_g_per_s:
            shown += Decimal(str(round(self.drift_g_per_s * since_s, 2)))
        self.line.transmit(self._voice.weight(shown, not moving))

    def _moving(self) -> bool:
        return time.monotonic() - self._placed_s < self.settle_s


def _shown(grams: Decimal, unit: Decimal, decimals: int) -> Decimal:
    return round(grams / unit, decimals)
