"""Driver on ``cv2.VideoCapture``: UVC cameras by their USB identity, streams by URL, devices and files by path."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import structlog

from devices.camera.base import Camera, CameraSettings, FrameSource, SourceInfo
from devices.usb import UsbIdentity, find_video_device
from inspection.errors import DeviceError, DeviceLost
from inspection.frame import Pixels

log = structlog.get_logger(__name__)

MAX_FAILED_READS = 5
WARM_UP_FRAMES = 2
FILE_FPS = 25.0

PROPERTIES = {
    "width": cv2.CAP_PROP_FRAME_WIDTH,
    "height": cv2.CAP_PROP_FRAME_HEIGHT,
    "fps": cv2.CAP_PROP_FPS,
    "auto_exposure": cv2.CAP_PROP_AUTO_EXPOSURE,
    "exposure": cv2.CAP_PROP_EXPOSURE,
    "gain": cv2.CAP_PROP_GAIN,
    "brightness": cv2.CAP_PROP_BRIGHTNESS,
    "auto_white_balance": cv2.CAP_PROP_AUTO_WB,
    "white_balance_k": cv2.CAP_PROP_WB_TEMPERATURE,
    "autofocus": cv2.CAP_PROP_AUTOFOCUS,
    "focus": cv2.CAP_PROP_FOCUS,
}
"""Settings by name, in the order in which they are made: what is automatic is switched off before its value is set."""


@dataclass(frozen=True, slots=True)
class OpenCvSettings:
    """Which camera, and how it is set.

    Attributes:
        device: USB identity, ``/dev/…`` path, stream URL or video file.
        requested: values of `PROPERTIES` by name, in the driver's own units; what is not named is left alone.
        fourcc: pixel format to ask for, e.g. ``MJPG``; ``None`` leaves it.
    """

    device: UsbIdentity | str
    requested: Mapping[str, float] = field(default_factory=dict)
    fourcc: str | None = None


def opencv_camera(settings: CameraSettings, camera: OpenCvSettings) -> Camera:
    """A `Camera` on ``cv2.VideoCapture``."""
    return Camera(settings, lambda: OpenCvSource(camera))


class OpenCvSource(FrameSource):
    """One connection to a camera.

    Attributes:
        differences: settings that read back otherwise than requested, in words.
    """

    def __init__(self, settings: OpenCvSettings) -> None:
        self.differences: tuple[str, ...] = ()
        self._settings = settings
        self._capture: cv2.VideoCapture | None = None
        self._failed_reads = 0

    def open(self) -> SourceInfo:
        address = self._address()
        parameters = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 5000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 1200]
        if address.startswith("/dev/video"):
            capture = cv2.VideoCapture(address, cv2.CAP_V4L2)
        elif "://" in address:
            capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, parameters)
        elif Path(address).is_file():
            capture = cv2.VideoCapture(address)
        else:
            raise DeviceLost(f"{address} is not there")
        self._capture = capture
        if not capture.isOpened():
            raise DeviceLost(
                f"{_without_password(address)} cannot be opened", hint="Unplugged, or in use by another program."
            )
        actual = self._apply(capture)
        if address.startswith("/dev/"):
            _warm_up(capture)
        size = f"{actual['width']:.0f}x{actual['height']:.0f}"
        problems = "".join(f"; {difference}" for difference in self.differences)
        # A file would be read as fast as the disk allows; a camera and a stream keep their own time.
        period_s = 1 / (actual["fps"] if actual["fps"] > 0 else FILE_FPS) if Path(address).is_file() else None
        return SourceInfo(f"{_without_password(address)}, {size}{problems}", {"driver": "opencv", **actual}, period_s)

    def read(self) -> Pixels | None:
        if self._capture is None:
            raise DeviceLost("the camera is closed")
        good, pixels = self._capture.read()
        if good and pixels is not None:
            self._failed_reads = 0
            return pixels  # type: ignore[return-value]  # always uint8 unless CONVERT_RGB is switched off
        self._failed_reads += 1
        if self._failed_reads >= MAX_FAILED_READS:
            raise DeviceLost("the camera delivers no pictures", hint="Check its cable.")
        return None

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _address(self) -> str:
        device = self._settings.device
        return find_video_device(device) if isinstance(device, UsbIdentity) else device

    def _apply(self, capture: cv2.VideoCapture) -> dict[str, float]:
        """Make the requested settings and read all of them back; what a driver does not know reads as 0 or -1."""
        requested = dict(self._settings.requested)
        unknown = requested.keys() - PROPERTIES.keys()
        if unknown:
            raise DeviceError(f"unknown camera settings: {', '.join(sorted(unknown))}")
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # otherwise pictures wait in a queue and arrive old
        if self._settings.fourcc:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*self._settings.fourcc))
        for name, property_ in PROPERTIES.items():
            if name in requested:
                capture.set(property_, requested[name])
        read_back = {name: float(capture.get(property_)) for name, property_ in PROPERTIES.items()}
        actual = {name: value if math.isfinite(value) else -1.0 for name, value in read_back.items()}
        self.differences = tuple(
            f"{name} asked {value:g} is {actual[name]:g}"
            for name, value in requested.items()
            if abs(actual[name] - value) > max(0.01 * abs(value), 1e-6)
        )
        if self.differences:
            log.warning("camera.settings_differ", differences=self.differences)
        return actual


def _warm_up(capture: cv2.VideoCapture) -> None:
    """Throw the first pictures away: exposure has not settled and some cameras begin with a broken one."""
    for _ in range(WARM_UP_FRAMES):
        capture.read()


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)
