"""What all drivers on a serial line share: the link, the announcer, their start and stop."""

from __future__ import annotations

from collections.abc import Callable

from devices.announcer import Announcer
from devices.base import DeviceStatus, Emit
from devices.serial_link import PortSettings, SerialLink, Tap


class SerialDevice:
    """A `devices.base.Device` and the `Conversation` of its own link; drivers fill in the conversation."""

    def __init__(self, device_id: str, kind: str, settings: PortSettings, *, tick_s: float) -> None:
        self._device_id = device_id
        self._announcer = Announcer(device_id, kind)
        self._link = SerialLink(device_id, settings, self, tick_s=tick_s)

    @property
    def device_id(self) -> str:
        return self._device_id

    @property
    def status(self) -> DeviceStatus:
        return self._announcer.status

    def listen_in(self, tap: Tap | None) -> None:
        """Let ``tap`` hear every byte on the line from the next `start` on."""
        self._link.tap = tap

    @property
    def port_settings(self) -> PortSettings:
        """The port and its line."""
        return self._link.settings

    def start(self, emit: Emit) -> None:
        self._announcer.start(emit)
        self._link.start()

    def stop(self) -> None:
        self._link.stop()
        self._announcer.stop()

    def opened(self, write: Callable[[bytes], None]) -> None:
        raise NotImplementedError

    def received(self, data: bytes, monotonic_ns: int) -> None:
        raise NotImplementedError

    def tick(self, monotonic_ns: int) -> None:
        raise NotImplementedError

    def takes_leave(self, monotonic_ns: int) -> bool:  # noqa: ARG002
        """Most devices need no farewell."""
        return False

    def lost(self, reason: str) -> None:
        self._announcer.lost(reason)
