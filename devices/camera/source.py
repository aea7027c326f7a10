"""What a camera driver is: a source that is opened, read and closed by one thread, and how it is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from devices.camera.stillness import TAKE_EVERY, StillnessSettings
from devices.camera.watchdog import WATCH_NOTHING, WatchdogSettings
from inspection.frame import Pixels

Settings = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says when it was opened.

    Attributes:
        detail: one sentence for a person.
        settings: as read back from the camera.
        period_s: time between two reads where the source knows it; otherwise `CameraSettings.period_s` holds.
        hardware: which camera this really is, with its serial number; empty where it does not tell.
    """

    detail: str
    settings: Settings
    period_s: float | None = None
    hardware: str = ""


class FrameSource(Protocol):
    """One driver. All calls come from one thread; `DeviceError` and `OSError` mean that the camera is lost."""

    def open(self) -> SourceInfo:
        """Open the camera; may take seconds."""

    def read(self) -> Pixels | None:
        """The next picture, exposed or decoded after the call began; ``None`` for one that could not be decoded."""

    def close(self) -> None:
        """Close the camera; also called when ``open`` failed."""


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """How a camera is run, whatever its driver.

    Attributes:
        camera_id: configured, stable name.
        view: named position at the station.
        stale_after_ms: age from which `Camera.latest` refuses a frame.
        period_s: time between two reads; ``None`` reads as fast as the source delivers.
        read_timeout_s: a read that takes longer, or this long faulty pictures, is a lost camera.
        open_timeout_s: the same for opening.
        watchdog: the faults that are looked for in pictures.
        stillness: which pictures are of something that lies still.
    """

    camera_id: str
    view: str
    stale_after_ms: int = 500
    period_s: float | None = None
    read_timeout_s: float = 1.5
    open_timeout_s: float = 10.0
    watchdog: WatchdogSettings = WATCH_NOTHING
    stillness: StillnessSettings = TAKE_EVERY
