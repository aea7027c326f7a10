"""Plays a recording on a pseudo-terminal: the bytes of the device, at the distances in which they came."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from devices.pseudo_port import PseudoPort
from devices.tools.recording import Event, read_events

LISTENER_S = 0.01
SETTLE_S = 0.2  # a program that has just opened a port empties it first, pyserial among them


class Player:
    """A device that says again what it said when it was recorded, whatever it is asked now.

    Args:
        recording: the file; it is read whole first, so that a damaged one is refused before anything is played.
        link: path at which programs find the port.
        speed: 2 is twice as fast; 0 leaves out the waiting.
    """

    def __init__(self, recording: Path, link: Path, *, speed: float = 1.0) -> None:
        self.events = tuple(read_events(recording))
        self.lost_bytes = 0
        self._speed = speed
        self._stopping = threading.Event()
        self.port = PseudoPort(link)

    @property
    def duration_s(self) -> float:
        """Time from the start of the recording to its last event."""
        return self.events[-1].t_s if self.events else 0.0

    def wait_for_listener(self, timeout_s: float | None = None) -> bool:
        """Plug the port and wait until a program opens it; ``False`` when none does in time."""
        self.port.plug()
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.port.listened_to:
            if self._stopping.wait(LISTENER_S) or (until is not None and time.monotonic() > until):
                return False
        return not self._stopping.wait(SETTLE_S)

    def play(self, on_event: Callable[[Event], None] = lambda _: None) -> None:
        """Play to the end, or until `stop`; every event is told to ``on_event`` at its time."""
        began = time.monotonic()
        for event in self.events:
            if self._speed > 0 and self._stopping.wait(max(0.0, began + event.t_s / self._speed - time.monotonic())):
                return
            if event.direction == "in" and not self.port.write(event.data):
                self.lost_bytes += len(event.data)
            on_event(event)

    def stop(self) -> None:
        """End waiting and playing; from any thread or signal handler."""
        self._stopping.set()

    def close(self) -> None:
        """Take the port away."""
        self.stop()
        self.port.unplug()
