"""Driver on ``cv2.VideoCapture``: UVC cameras by their USB identity, streams by URL, devices and files by path."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import cv2
import structlog

from devices.camera.address import Login, redacted, with_login
from devices.camera.base import Camera
from devices.camera.source import CameraSettings, FrameSource, SourceInfo
from devices.usb import UsbIdentity, find_video_device, video_hardware
from inspection.errors import DeviceError, DeviceLost
from inspection.frame import Pixels

log = structlog.get_logger(__name__)

MAX_FAILED_READS = 5
WARM_UP_FRAMES = 2
FILE_FPS = 25.0
STREAM = (
    *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 5000),
    # With the failed reads that follow, lost within two seconds. FFmpeg looks at the clock and not at the socket, so a
    # program that stood still for so long loses its stream though pictures wait; it is opened again within 0.2 s.
    *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, 1200),
    *(cv2.CAP_PROP_N_THREADS, 1),  # every further thread of the decoder holds one picture back
)
QUIET_FFMPEG = ("OPENCV_FFMPEG_LOGLEVEL", "-8")
"""FFmpeg writes to standard error past our log, many lines for a broken picture and addresses as they are."""
WAITED_SHARE = 0.8
"""A picture that took this share of the time between two did not wait for us, whatever the pace."""
PACE_MARGIN = 0.9
"""One in ten more is passed over than the pace says: it is not known to the millisecond."""
CATCH_UP_S = 0.5
"""Longest time that old pictures are thrown away in one read."""
PACE_OF = 15
"""Pictures whose median tells the time between two; one hiccup does not change it."""

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


EXACT = frozenset({"width", "height", "auto_exposure", "auto_white_balance", "autofocus"})
TOLERANCES = {"white_balance_k": 50.0, "fps": 0.5}
"""Differences that a camera's steps make, in the units of the setting; otherwise half a step of 1."""
RELATIVE_TOLERANCE = 0.02
"""The least difference that is told of what is not `EXACT`."""


@dataclass(frozen=True, slots=True)
class OpenCvSettings:
    """Which camera, and how it is set.

    Attributes:
        device: USB identity, ``/dev/…`` path, stream URL or video file.
        requested: values of `PROPERTIES` by name, in the driver's own units; what is not named is left alone.
        fourcc: pixel format to ask for, e.g. ``MJPG``; ``None`` leaves it.
        login: where user and password of a URL are kept; read whenever the camera is opened.
    """

    device: UsbIdentity | str = field(repr=False)
    requested: Mapping[str, float] = field(default_factory=dict)
    fourcc: str | None = None
    login: Login | None = None


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
        self._stream: _StreamPace | None = None
        self._file: Path | None = None

    def open(self) -> SourceInfo:
        device = self._settings.device
        address = find_video_device(device) if isinstance(device, UsbIdentity) else device
        shown = redacted(address)
        self._capture = capture = self._connect(address)
        if not capture.isOpened():
            raise DeviceLost(f"{shown} cannot be opened", hint="Unplugged, in use by another program, or wrong login.")
        actual, self.differences = apply_settings(capture, self._settings)
        self._file = Path(address) if Path(address).is_file() else None
        if self._file is None:
            _warm_up(capture)
        size = f"{actual['width']:.0f}x{actual['height']:.0f}"
        problems = "".join(f"; {difference}" for difference in self.differences)
        # A file would be read as fast as the disk allows; a camera and a stream keep their own time.
        period_s = 1 / (actual["fps"] if actual["fps"] > 0 else FILE_FPS) if Path(address).is_file() else None
        hardware = video_hardware(address) if address.startswith("/dev/") else ""
        return SourceInfo(f"{shown}, {size}{problems}", {"driver": "opencv", **actual}, period_s, hardware)

    def read(self) -> Pixels | None:
        if self._capture is None:
            raise DeviceLost("the camera is closed")
        if self._file is not None and not self._file.is_file():
            raise DeviceLost(f"{self._file} is not there")
        good = self._capture.grab() if self._stream is None else self._stream.grab_fresh(self._capture)
        good, pixels = self._capture.retrieve() if good else (False, None)
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

    def _connect(self, address: str) -> cv2.VideoCapture:
        self._stream = None
        if address.startswith("/dev/"):
            node = str(Path(address).resolve())  # OpenCV knows a camera by /dev/videoN, not by its links
            return cv2.VideoCapture(node, cv2.CAP_V4L2)
        if "://" in address:
            os.environ.setdefault(*QUIET_FFMPEG)
            self._stream = _StreamPace()
            return cv2.VideoCapture(with_login(address, self._settings.login), cv2.CAP_FFMPEG, list(STREAM))
        if Path(address).is_file():
            return cv2.VideoCapture(address)
        raise DeviceLost(f"{address} is not there")


class Adjustable(Protocol):
    """The part of ``cv2.VideoCapture`` that settings go through."""

    def set(self, propId: int, value: float, /) -> bool: ...  # noqa: N803  as OpenCV has it

    def get(self, propId: int, /) -> float: ...  # noqa: N803


def apply_settings(capture: Adjustable, settings: OpenCvSettings) -> tuple[dict[str, float], tuple[str, ...]]:
    """Make the requested settings; all `PROPERTIES` as read back, and what is otherwise than asked, in words.

    What a camera does not have reads as 0 or -1.

    Raises:
        DeviceError: for a name that is not in `PROPERTIES`.
    """
    requested = settings.requested
    unknown = requested.keys() - PROPERTIES.keys()
    if unknown:
        raise DeviceError(f"unknown camera settings: {', '.join(sorted(unknown))}")
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # otherwise pictures wait in a queue and arrive old
    if settings.fourcc:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.fourcc))
    taken = {
        name: capture.set(property_, requested[name]) for name, property_ in PROPERTIES.items() if name in requested
    }
    read_back = {name: float(capture.get(property_)) for name, property_ in PROPERTIES.items()}
    actual = {name: value if math.isfinite(value) else -1.0 for name, value in read_back.items()}
    differences = tuple(
        _difference(name, requested[name], actual[name], set_=taken[name])
        for name in taken
        if abs(actual[name] - requested[name]) > _tolerance(name, requested[name])
    )
    if differences:
        log.warning("camera.settings_differ", differences=differences)
    return actual, differences


class _StreamPace:
    """Passes over the pictures that waited in a socket while nobody read: they are older than the call that finds them.

    The pace of the stream, learned as it is read, tells how many came since the last one; so many are passed over,
    unless one has to be waited for.
    """

    def __init__(self) -> None:
        self._apart_s: deque[float] = deque(maxlen=PACE_OF)
        self._last = 0.0

    def grab_fresh(self, capture: cv2.VideoCapture) -> bool:
        called = began = time.monotonic()
        period_s = statistics.median(self._apart_s) if self._apart_s else 0.0
        grabbed = 0
        while capture.grab():
            grabbed += 1
            now = time.monotonic()
            came_after_call = self._last + PACE_MARGIN * grabbed * period_s >= called
            if came_after_call or now - began >= WAITED_SHARE * period_s or now - called > CATCH_UP_S:
                if self._last:
                    self._apart_s.append((now - self._last) / grabbed)
                self._last = now
                return True
            began = now
        return False


def _tolerance(name: str, value: float) -> float:
    return 1e-6 if name in EXACT else max(TOLERANCES.get(name, 0.5), RELATIVE_TOLERANCE * abs(value))


def _difference(name: str, asked: float, actual: float, *, set_: bool) -> str:
    text = f"{name} asked {asked:g} is {actual:g}"
    return text if set_ else f"{text} (the camera does not take it)"


def _warm_up(capture: cv2.VideoCapture) -> None:
    """Throw the first pictures away: exposure has not settled, some begin with a broken or an old one."""
    for _ in range(WARM_UP_FRAMES):
        capture.read()
