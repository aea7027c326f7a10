"""What every device shows to the rest of the station: events, a status, and a life between start and stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from inspection.reading import Reading


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """A device came, or went, or says something else about itself.

    Attributes:
        device_id: configured name of the device or camera.
        connected: whether it can be used from now on.
        detail: what it says about itself when it came, or why it is gone; one sentence for a person.
        at: timezone-aware UTC.
    """

    device_id: str
    connected: bool
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """How a device is doing at this moment.

    Attributes:
        device_id: configured name.
        kind: ``barcode``, ``rfid`` or ``camera``.
        connected: whether it can be used.
        detail: as in the last `DeviceEvent`.
        since: timezone-aware UTC time from which ``connected`` and ``detail`` hold.
    """

    device_id: str
    kind: str
    connected: bool
    detail: str
    since: datetime


Emit = Callable[[Reading | DeviceEvent], None]
"""Where a device delivers: called from a thread of that device, one call at a time, in order."""


class Device(Protocol):
    """A thing at the station that sends readings by itself.

    ``start`` returns at once; the device is then looked for, and looked for again, until ``stop``. Nothing is raised
    for a device that is not there: it is a `DeviceEvent` and shows in ``status``. ``stop`` returns when every thread
    and descriptor is gone and may be called twice; a stopped device may be started again.
    """

    @property
    def device_id(self) -> str: ...

    @property
    def status(self) -> DeviceStatus: ...

    def start(self, emit: Emit) -> None: ...

    def stop(self) -> None: ...
