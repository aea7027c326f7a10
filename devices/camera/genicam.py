"""Driver for GenICam cameras (GigE Vision, USB3 Vision) through ``harvesters`` and the maker's GenTL producer.

Needs the extra ``genicam`` (``pip install .[genicam]``: harvesters, Apache-2.0, and EMVA's genicam binding) and a
producer, the ``.cti`` file that comes with the camera maker's software. Both are loaded when a camera is opened.

No GenICam camera was at hand: everything here is tested against objects of the shape of harvesters 1.4.3 only, and
loading the package without a producer. Names of features are those of the GenICam SFNC 2.7. Not supported: focus (SFNC
leaves it to the maker), more than 8 bits a channel, hardware triggers.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import structlog

from devices.camera.base import Camera
from devices.camera.source import CameraSettings, FrameSource, SourceInfo
from inspection.errors import DeviceError, DeviceLost
from inspection.frame import Pixels

log = structlog.get_logger(__name__)

FETCH_S = 1.2
"""With the retry that follows, a camera that sends nothing is lost within two seconds."""
WAITING_S = 0.001
BUFFERS = 3
SEARCH_EVERY_S = 10.0
"""A search interrupts the other cameras of the producer, so it is not made more often while there are any."""
RELATIVE_TOLERANCE = 0.02

FEATURES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "pixel_format": (("PixelFormat", "{}"),),
    "width": (("Width", "{}"),),
    "height": (("Height", "{}"),),
    "exposure_us": (("ExposureAuto", "Off"), ("ExposureTime", "{}")),
    "gain_db": (("GainAuto", "Off"), ("Gain", "{}")),
    "balance_red": (("BalanceWhiteAuto", "Off"), ("BalanceRatioSelector", "Red"), ("BalanceRatio", "{}")),
    "balance_blue": (("BalanceWhiteAuto", "Off"), ("BalanceRatioSelector", "Blue"), ("BalanceRatio", "{}")),
    "fps": (("AcquisitionFrameRateEnable", "True"), ("AcquisitionFrameRate", "{}")),
}
"""Settings by name, in the order in which they are made, with the features to set; the last one is read back."""
ALWAYS = (("AcquisitionMode", "Continuous"), ("TriggerMode", "Off"))

CONVERSIONS: Mapping[str, int | None] = {
    "BGR8": None,
    "RGB8": cv2.COLOR_RGB2BGR,
    "Mono8": cv2.COLOR_GRAY2BGR,
    "BayerRG8": cv2.COLOR_BayerRGGB2BGR,
    "BayerGR8": cv2.COLOR_BayerGRBG2BGR,
    "BayerGB8": cv2.COLOR_BayerGBRG2BGR,
    "BayerBG8": cv2.COLOR_BayerBGGR2BGR,
    "YUV422_8": cv2.COLOR_YUV2BGR_YUYV,
    "YCbCr422_8": cv2.COLOR_YUV2BGR_YUYV,
    "YUV422_8_UYVY": cv2.COLOR_YUV2BGR_UYVY,
}
"""Pixel formats (GenICam PFNC 2.4) and how OpenCV makes BGR of them."""
CHANNELS = {"BGR8": 3, "RGB8": 3, "YUV422_8": 2, "YCbCr422_8": 2, "YUV422_8_UYVY": 2}

Value = str | float


@dataclass(frozen=True, slots=True)
class GenicamSettings:
    """Which camera, and how it is set.

    Attributes:
        cti: GenTL producer.
        serial_number: as printed on the camera.
        requested: values by name of `FEATURES`; what is not named is left alone.
    """

    cti: Path
    serial_number: str
    requested: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of harvesters that are used.

    Attributes:
        new_harvester: makes a ``harvesters.core.Harvester``.
        errors: what it and the camera raise.
    """

    new_harvester: Callable[[], Any]
    errors: tuple[type[Exception], ...]


def load_library() -> Library:
    """The installed harvesters.

    Raises:
        DeviceError: it is not installed.
    """
    try:
        core, genapi, gentl = (
            importlib.import_module(name) for name in ("harvesters.core", "genicam.genapi", "genicam.gentl")
        )
    except ImportError as error:
        raise DeviceError(
            f"GenICam cameras need the package harvesters ({error})", hint="Install it with: pip install .[genicam]"
        ) from error
    return Library(core.Harvester, (genapi.GenericException, gentl.GenericException, ValueError))


def genicam_camera(
    settings: CameraSettings, camera: GenicamSettings, library: Callable[[], Library] = load_library
) -> Camera:
    """A `Camera` on harvesters."""
    return Camera(settings, lambda: GenicamSource(camera, PRODUCERS, library))


class Producers:
    """The producers that are in use: one may be loaded only once in a program, whatever the number of cameras."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._harvesters: dict[Path, Any] = {}
        self._cameras: dict[Path, int] = {}
        self._searched: dict[Path, float] = {}

    def open(self, settings: GenicamSettings, library: Library) -> Any:
        """An ``ImageAcquirer`` of the camera.

        Raises:
            DeviceLost: the producer does not see the camera.
            DeviceError: the producer is not there, or two cameras fit.
        """
        cti = settings.cti
        if not cti.is_file():
            raise DeviceError(f"no GenTL producer at {cti}", hint="Install the camera maker's software; see cti.")
        with self._lock:
            harvester = self._harvesters.get(cti)
            if harvester is None:
                harvester = library.new_harvester()
                try:
                    harvester.add_file(str(cti), check_validity=True)
                except OSError as error:
                    raise DeviceError(f"{cti} cannot be loaded: {error}", hint="It must be of this machine.") from error
                self._harvesters[cti] = harvester
            if not self._cameras.get(cti) or self._clock() - self._searched[cti] >= SEARCH_EVERY_S:
                harvester.update()
                self._searched[cti] = self._clock()
            acquirer = self._acquirer(harvester, settings, library)
            self._cameras[cti] = self._cameras.get(cti, 0) + 1
            return acquirer

    def close(self, settings: GenicamSettings, acquirer: Any, library: Library) -> None:
        """Give the camera back, and the producer with the last one."""
        cti = settings.cti
        with self._lock:
            try:
                acquirer.destroy()
            except library.errors:
                log.warning("camera.destroy_failed", serial_number=settings.serial_number)
            self._cameras[cti] -= 1
            if not self._cameras[cti]:
                self._harvesters.pop(cti).reset()

    @staticmethod
    def _acquirer(harvester: Any, settings: GenicamSettings, library: Library) -> Any:
        number = settings.serial_number
        fitting = [info for info in harvester.device_info_list if info.serial_number == number]
        if len(fitting) > 1:
            names = ", ".join(f"{info.vendor} {info.model} {info.id_}" for info in fitting)
            raise DeviceError(f"{len(fitting)} cameras have the serial number {number}: {names}")
        if not fitting:
            seen = ", ".join(str(info.serial_number) for info in harvester.device_info_list) or "none"
            raise DeviceLost(
                f"no camera with serial number {number}; {settings.cti.name} sees: {seen}",
                hint="Check its cable, its power and its IP address.",
            )
        try:
            return harvester.create(fitting[0])
        except library.errors as error:
            raise DeviceLost(
                f"camera {number} cannot be opened: {error}", hint="Another program may use it."
            ) from error


PRODUCERS = Producers()
"""Those of this program: GenTL (GCInitLib) knows them by process."""


class GenicamSource(FrameSource):
    """One connection to a camera."""

    def __init__(self, settings: GenicamSettings, producers: Producers, library: Callable[[], Library]) -> None:
        self._settings = settings
        self._producers = producers
        self._load = library
        self._library: Library | None = None
        self._acquirer: Any = None

    def open(self) -> SourceInfo:
        self._library = library = self._load()
        self._acquirer = acquirer = self._producers.open(self._settings, library)
        try:
            actual, differences = apply(acquirer.remote_device.node_map, self._settings.requested, library.errors)
            acquirer.num_buffers = max(BUFFERS, acquirer.min_num_buffers)
            acquirer.start()
        except library.errors as error:
            raise DeviceLost(f"camera {self._settings.serial_number} cannot be started: {error}") from error
        problems = "".join(f"; {difference}" for difference in differences)
        if differences:
            log.warning("camera.settings_differ", differences=differences)
        detail = f"GenICam {self._settings.serial_number}, {actual['width']}x{actual['height']}{problems}"
        hardware = f"genicam:{self._settings.serial_number}"
        return SourceInfo(detail, {"driver": "genicam", **actual}, hardware=hardware)

    def read(self) -> Pixels | None:
        """The next picture that is complete; those that waited are passed over, since they are older than the call."""
        if self._acquirer is None or self._library is None:
            raise DeviceLost("the camera is closed")
        try:
            for _ in range(BUFFERS):
                waiting = self._acquirer.try_fetch(timeout=WAITING_S)
                if waiting is None:
                    break
                waiting.queue()
            buffer = self._acquirer.try_fetch(timeout=FETCH_S)
            if buffer is None:
                return None
            with buffer:
                return to_bgr(buffer.payload.components[0])
        except self._library.errors as error:
            raise DeviceLost(
                f"camera {self._settings.serial_number} is lost: {error}", hint="Check its cable."
            ) from error

    def close(self) -> None:
        acquirer, self._acquirer = self._acquirer, None
        if acquirer is not None and self._library is not None:
            self._producers.close(self._settings, acquirer, self._library)


def apply(
    nodes: Any,
    requested: Mapping[str, Value],
    errors: tuple[type[Exception], ...],
) -> tuple[dict[str, str | int | float | None], tuple[str, ...]]:
    """Make the requested settings; all of `FEATURES` as read back, and what is otherwise than asked, in words."""
    unknown = requested.keys() - FEATURES.keys()
    if unknown:
        raise DeviceError(f"unknown camera settings: {', '.join(sorted(unknown))}")
    for name, value in ALWAYS:
        _set(nodes, name, value, errors)
    actual: dict[str, str | int | float | None] = {}
    differences = []
    for name, features in FEATURES.items():
        asked = requested.get(name)
        refused = ""
        for feature, value in features:
            if asked is not None or feature.endswith("Selector"):
                refused = _set(nodes, feature, asked if value == "{}" else value, errors) or refused
        actual[name] = _get(nodes, features[-1][0], errors)
        if asked is not None and not _equal(actual[name], asked):
            is_ = "missing" if actual[name] is None else actual[name]
            differences.append(f"{name} asked {asked} is {is_}" + (f" ({refused})" if refused else ""))
    return actual, tuple(differences)


def to_bgr(component: Any) -> Pixels:
    """uint8, H x W x 3, BGR, of a ``Component2DImage``; a copy, as its buffer is filled again.

    Raises:
        DeviceError: for a pixel format that is not in `CONVERSIONS`.
    """
    name, width, height = component.data_format, component.width, component.height
    if name not in CONVERSIONS:
        raise DeviceError(
            f"pixel format {name} is not supported", hint=f"Set pixel_format to one of {', '.join(CONVERSIONS)}."
        )
    channels = CHANNELS.get(name, 1)
    lines = np.asarray(component.data, np.uint8).reshape(height, -1)[:, : width * channels]  # without padding
    raw = np.ascontiguousarray(lines).reshape((height, width, channels) if channels > 1 else (height, width))
    conversion = CONVERSIONS[name]
    return raw.copy() if conversion is None else np.asarray(cv2.cvtColor(raw, conversion), np.uint8)


def _set(nodes: Any, feature: str, value: Value | None, errors: tuple[type[Exception], ...]) -> str:
    """Why the feature could not be set, in words; empty when it was, or when the camera does not have it."""
    node = getattr(nodes, feature, None)
    if node is None:
        return ""
    try:
        node.value = value == "True" if feature.endswith("Enable") else value
    except errors as error:
        return f"{feature}: {error}"
    return ""


def _get(nodes: Any, feature: str, errors: tuple[type[Exception], ...]) -> str | int | float | None:
    node = getattr(nodes, feature, None)
    if node is None:
        return None
    try:
        value: str | int | float = node.value
    except errors:
        return None
    return value


def _equal(actual: Value | None, asked: Value) -> bool:
    if isinstance(actual, int | float) and isinstance(asked, int | float):
        return abs(actual - asked) <= RELATIVE_TOLERANCE * abs(asked)
    return actual == asked
