"""What the station asks of its devices; the drivers of :mod:`devices` fit, and so does anything with these methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from devices.base import Device, DeviceStatus, Emit
from inspection.frame import Frame

__all__ = ["Device", "DeviceStatus", "Emit", "StationCamera", "Stopper"]

Stopper = Callable[[], None]


class StationCamera(Protocol):
    """One camera that fills one view; its frames come from a thread of its own, its events through ``emit``."""

    @property
    def camera_id(self) -> str: ...

    @property
    def view(self) -> str: ...

    @property
    def status(self) -> DeviceStatus: ...

    def start(self, emit: Emit) -> None: ...

    def stop(self) -> None: ...

    def latest(self) -> Frame:
        """The newest frame; raises StaleFrame or DeviceLost rather than give an old one."""
        ...

    def frame_after(self, monotonic_ns: int, timeout_s: float) -> Frame:
        """The first frame of something still received after an instant; raises a DeviceError when none comes."""
        ...
