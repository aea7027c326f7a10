"""What a simulated device sends goes through here: one place for the faults that a line and a device can have."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Port(Protocol):
    """The device's end of a pseudo-terminal or a socket."""

    def plug(self) -> None: ...

    def unplug(self) -> None: ...

    def write(self, data: bytes) -> bool: ...


@dataclass(slots=True)
class Faults:
    """Switches; each may be turned while the device runs.

    Attributes:
        stuck: answers nothing, though its port is there.
        slow_s: waits this long before every frame.
        noise: random bytes before every frame.
        wrong_checksum: every frame leaves spoiled, so that its checksum is wrong.
        split: every frame leaves byte by byte.
        glue: frames leave two at a time, the first one waiting for the second.
        glitch: only every second frame is sent whole; the others lose their end.
        reset: the next frame breaks off in the middle and the device starts over; turns itself off.
    """

    stuck: bool = False
    slow_s: float = 0.0
    noise: bool = False
    wrong_checksum: bool = False
    split: bool = False
    glue: bool = False
    glitch: bool = False
    reset: bool = False


def spoil_last_byte_but_one(frame: bytes) -> bytes:
    """A frame that differs in the byte before the last, which is a checksum or under one in most protocols."""
    return frame[:-2] + bytes([frame[-2] ^ 0x55]) + frame[-1:]


class SimulatedLine:
    """Sends whole frames through a port and all faults that are switched on.

    Args:
        spoil: makes a frame's checksum wrong.
        on_reset: the device forgets what it was doing; called when ``faults.reset`` strikes.
    """

    def __init__(
        self,
        port: Port,
        *,
        spoil: Callable[[bytes], bytes] = spoil_last_byte_but_one,
        on_reset: Callable[[], None] = lambda: None,
        seed: int = 1,
    ) -> None:
        self.faults = Faults()
        self._port = port
        self._spoil = spoil
        self._on_reset = on_reset
        self._random = random.Random(seed)  # noqa: S311  noise, not secrets
        self._sent = 0
        self._glued = b""

    def transmit(self, frame: bytes) -> bool:
        """Send one frame; ``False`` when nothing of it, or not all, was taken by a program at the other end."""
        faults = self.faults
        if faults.stuck:
            return False
        if faults.slow_s:
            time.sleep(faults.slow_s)
        self._sent += 1
        if faults.wrong_checksum:
            frame = self._spoil(frame)
        if faults.glitch and self._sent % 2:
            frame = frame[: max(1, len(frame) - 3)]
        if faults.noise:
            frame = self._random.randbytes(self._random.randint(1, 12)) + frame
        if faults.reset:
            faults.reset = False
            self._glued = b""
            self._port.write(frame[: len(frame) // 2])
            self._on_reset()
            return False
        if faults.glue and not self._glued:
            self._glued = frame
            return True
        data, self._glued = self._glued + frame, b""
        if faults.split:
            return all(self._port.write(data[index : index + 1]) for index in range(len(data)))
        return self._port.write(data)
