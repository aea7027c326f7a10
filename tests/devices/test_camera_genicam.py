"""The GenICam driver against objects of the shape of harvesters 1.4.3; there was no camera to try it on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
import pytest

from devices.camera.base import Camera
from devices.camera.config import GenicamCameraConfig
from devices.camera.genicam import (
    FEATURES,
    SEARCH_EVERY_S,
    GenicamSettings,
    GenicamSource,
    Library,
    Producers,
    apply,
    load_library,
    to_bgr,
)
from devices.camera.simulator import default_scene
from devices.camera.source import CameraSettings
from inspection.errors import DeviceError, DeviceLost
from inspection.frame import Pixels
from tests.devices.conftest import Inbox


class GenTLError(Exception):
    """As ``genicam.gentl.GenericException``."""


@dataclass
class Component:
    data: Any
    data_format: str
    width: int
    height: int


class Node:
    """A feature that keeps what it is given, in steps and within a limit."""

    def __init__(self, value: Any, step: float = 0.0, most: float = 1e9) -> None:
        self._value, self._step, self._most = value, step, most

    @property
    def value(self) -> Any:
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        if isinstance(value, float) and value > self._most:
            raise GenTLError(f"{value} is more than {self._most}")
        self._value = round(value / self._step) * self._step if self._step else value


@dataclass
class Nodes:
    """A camera with colour and no frame rate of its own."""

    Width: Node = field(default_factory=lambda: Node(64))
    Height: Node = field(default_factory=lambda: Node(48))
    PixelFormat: Node = field(default_factory=lambda: Node("BGR8"))
    AcquisitionMode: Node = field(default_factory=lambda: Node("SingleFrame"))
    TriggerMode: Node = field(default_factory=lambda: Node("On"))
    ExposureAuto: Node = field(default_factory=lambda: Node("Continuous"))
    ExposureTime: Node = field(default_factory=lambda: Node(10000.0, step=25.0, most=50000.0))
    Gain: Node = field(default_factory=lambda: Node(0.0))


class Buffer:
    def __init__(self, acquirer: Acquirer, pixels: Pixels) -> None:
        height, width = pixels.shape[:2]
        self.payload = type("Payload", (), {"components": [Component(pixels.ravel(), "BGR8", width, height)]})
        self._acquirer = acquirer

    def queue(self) -> None:
        self._acquirer.queued += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.queue()


class Acquirer:
    min_num_buffers = 2

    def __init__(self, world: World, number: str) -> None:
        self.world, self.number = world, number
        self.remote_device = type("RemoteDevice", (), {"node_map": world.nodes})
        self.num_buffers = 1
        self.started = self.destroyed = False
        self.queued = 0
        self.waiting = 2

    def start(self) -> None:
        self.started = True

    def try_fetch(self, *, timeout: float) -> Buffer | None:
        if self.destroyed or self.number not in self.world.plugged:
            raise GenTLError("device was removed")
        if timeout < 0.1 and not self.waiting:
            return None
        self.waiting = max(0, self.waiting - 1)
        time.sleep(min(timeout, 0.005))
        return Buffer(self, np.full((48, 64, 3), next(self.world.exposures) % 256, np.uint8))

    def destroy(self) -> None:
        self.destroyed = True


@dataclass
class Info:
    serial_number: str
    vendor: str = "Maker"
    model: str = "One"
    id_: str = "id"


class Harvester:
    """Like the real one: a search makes all acquirers obsolete."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.device_info_list: list[Info] = []
        self.files: list[str] = []
        self.acquirers: list[Acquirer] = []
        world.harvesters.append(self)

    def add_file(self, path: str, check_validity: bool = False) -> None:
        if check_validity and not self.world.loadable:
            raise OSError("invalid ELF header")
        self.files.append(path)

    def update(self) -> None:
        self.world.searches += 1
        for acquirer in self.acquirers:
            acquirer.destroy()
        self.acquirers = []
        self.device_info_list = [Info(number) for number in self.world.plugged]

    def create(self, info: Info) -> Acquirer:
        if self.world.in_use:
            raise GenTLError("access denied")
        self.acquirers.append(Acquirer(self.world, info.serial_number))
        return self.acquirers[-1]

    def reset(self) -> None:
        self.world.released += 1


@dataclass
class World:
    plugged: list[str] = field(default_factory=lambda: ["A1"])
    nodes: Nodes = field(default_factory=Nodes)
    exposures: Iterator[int] = field(default_factory=count)
    harvesters: list[Harvester] = field(default_factory=list)
    in_use: bool = False
    loadable: bool = True
    searches: int = 0
    released: int = 0
    now_s: float = 0.0

    def library(self) -> Library:
        return Library(lambda: Harvester(self), (GenTLError, ValueError))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def producers(world: World) -> Producers:
    return Producers(lambda: world.now_s)


@pytest.fixture
def cti(tmp_path: Path) -> Path:
    path = tmp_path / "maker.cti"
    path.write_bytes(b"")
    return path


def source(world: World, producers: Producers, cti: Path, number: str = "A1", **requested: Any) -> GenicamSource:
    return GenicamSource(GenicamSettings(cti, number, requested), producers, world.library)


def test_pictures_come_and_those_that_waited_are_passed_over(world: World, producers: Producers, cti: Path) -> None:
    camera = source(world, producers, cti)
    info = camera.open()
    assert info.detail == "GenICam A1, 64x48"
    pixels = camera.read()
    assert pixels is not None
    assert pixels.shape == (48, 64, 3)
    assert pixels[0, 0, 0] == 2  # 0 and 1 waited
    (acquirer,) = world.harvesters[0].acquirers
    assert (acquirer.started, acquirer.num_buffers, acquirer.queued) == (True, 3, 3)
    camera.close()
    camera.close()
    assert acquirer.destroyed
    assert world.released == 1


def test_settings_are_made_read_back_and_compared(world: World, producers: Producers, cti: Path) -> None:
    info = source(world, producers, cti, exposure_us=12010.0, gain_db=6.0).open()
    assert (world.nodes.TriggerMode.value, world.nodes.AcquisitionMode.value) == ("Off", "Continuous")
    assert world.nodes.ExposureAuto.value == "Off"
    assert info.settings["exposure_us"] == 12000.0  # its step is 25, which is within the tolerance
    assert info.settings["gain_db"] == 6.0
    assert set(info.settings) == {"driver", *FEATURES}
    assert ";" not in info.detail


def test_what_reads_back_otherwise_is_told(world: World) -> None:
    actual, differences = apply(world.nodes, {"exposure_us": 90000.0, "fps": 10.0, "width": 128}, (GenTLError,))
    assert actual["width"] == 128
    assert differences == (
        "exposure_us asked 90000.0 is 10000.0 (ExposureTime: 90000.0 is more than 50000.0)",
        "fps asked 10.0 is missing",
    )


def test_an_unknown_setting_is_refused(world: World) -> None:
    with pytest.raises(DeviceError, match="sharpness"):
        apply(world.nodes, {"sharpness": 1.0}, (GenTLError,))


def test_a_camera_that_is_not_there_is_lost_and_those_seen_are_named(
    world: World, producers: Producers, cti: Path
) -> None:
    with pytest.raises(DeviceLost, match=r"serial number B2; maker\.cti sees: A1"):
        source(world, producers, cti, "B2").open()


def test_two_with_one_serial_number_are_an_error(world: World, producers: Producers, cti: Path) -> None:
    world.plugged = ["A1", "A1"]
    with pytest.raises(DeviceError, match="2 cameras have the serial number A1: Maker One id, Maker One id") as caught:
        source(world, producers, cti).open()
    assert not isinstance(caught.value, DeviceLost)


def test_a_camera_of_another_program_is_told(world: World, producers: Producers, cti: Path) -> None:
    world.in_use = True
    with pytest.raises(DeviceLost, match="access denied"):
        source(world, producers, cti).open()


def test_a_missing_producer_is_told_with_what_to_install(world: World, producers: Producers, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no GenTL producer") as caught:
        source(world, producers, tmp_path / "gone.cti").open()
    assert "camera maker" in caught.value.hint


def test_a_producer_that_cannot_be_loaded_is_told(world: World, producers: Producers, cti: Path) -> None:
    world.loadable = False
    for _ in range(2):
        with pytest.raises(DeviceError, match=r"maker\.cti cannot be loaded: invalid ELF header"):
            source(world, producers, cti).open()


def test_a_missing_package_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "harvesters", None)
    monkeypatch.setitem(sys.modules, "harvesters.core", None)
    with pytest.raises(DeviceError, match="harvesters") as caught:
        load_library()
    assert "pip install .[genicam]" in caught.value.hint


def test_cameras_share_a_producer_and_a_search_for_one_seldom_disturbs_the_others(
    world: World, producers: Producers, cti: Path
) -> None:
    first, second = source(world, producers, cti), source(world, producers, cti, "B2")
    first.open()
    for _ in range(3):
        with pytest.raises(DeviceLost):
            second.open()
    assert (len(world.harvesters), world.searches) == (1, 1)
    world.plugged.append("B2")
    world.now_s += SEARCH_EVERY_S
    second.open()
    assert second.read() is not None
    with pytest.raises(DeviceLost):  # interrupted by the search, and back as soon as it is opened again
        first.read()
    first.close()
    first.open()
    assert first.read() is not None
    assert world.searches == 2


def test_as_a_camera_it_is_lost_when_unplugged_and_comes_back(
    world: World, producers: Producers, cti: Path, inbox: Inbox
) -> None:
    camera = Camera(CameraSettings("cam", "top"), lambda: source(world, producers, cti))
    camera.start(inbox)
    inbox.wait_connected()
    since = inbox.mark()
    world.plugged.remove("A1")
    assert "device was removed" in inbox.wait_lost(since=since).detail
    since = inbox.mark()
    world.plugged.append("A1")
    inbox.wait_connected(since=since)
    assert camera.frame_after(time.monotonic_ns(), 2).width == 64
    camera.stop()
    assert world.released >= 1


BAYER = {"BayerRG8": "RGGB", "BayerGR8": "GRBG", "BayerGB8": "GBRG", "BayerBG8": "BGGR"}


@pytest.mark.parametrize("name", [*BAYER, "BGR8", "RGB8", "YUV422_8_UYVY", "YUV422_8"])
def test_every_pixel_format_gives_the_colours_of_the_scene(name: str) -> None:
    scene = cv2.GaussianBlur(default_scene(64, 48), (0, 0), 2)
    pixels = to_bgr(Component(encoded(np.asarray(scene, np.uint8), name), name, 64, 48))
    assert pixels.shape == scene.shape
    assert np.abs(pixels[2:-2, 2:-2].astype(int) - scene[2:-2, 2:-2]).mean() < 3


def encoded(scene: Pixels, name: str) -> Pixels:
    """The bytes of ``scene`` as a camera sends them (PFNC)."""
    if name in BAYER:
        channel = {"B": 0, "G": 1, "R": 2}
        mosaic = np.empty(scene.shape[:2], np.uint8)
        for index, letter in enumerate(BAYER[name]):
            down, right = divmod(index, 2)
            mosaic[down::2, right::2] = scene[down::2, right::2, channel[letter]]
        return mosaic.ravel()
    if name.startswith("YUV"):
        code = cv2.COLOR_BGR2YUV_UYVY if name.endswith("UYVY") else cv2.COLOR_BGR2YUV_YUYV
        return np.asarray(cv2.cvtColor(scene, code), np.uint8).ravel()
    return (scene[..., ::-1] if name == "RGB8" else scene).ravel()


def test_padding_at_the_end_of_a_line_is_no_picture() -> None:
    padded = np.full((4, 10), 99, np.uint8)
    padded[:, :6] = 5
    assert (to_bgr(Component(padded.ravel(), "Mono8", 6, 4)) == 5).all()


def test_a_pixel_format_that_is_not_supported_is_told() -> None:
    with pytest.raises(DeviceError, match="Mono12") as caught:
        to_bgr(Component(np.zeros(12, np.uint16), "Mono12", 4, 3))
    assert "BayerRG8" in caught.value.hint


def test_the_configuration_describes_a_camera(tmp_path: Path) -> None:
    config = GenicamCameraConfig.model_validate(
        {"id": "c", "view": "top", "driver": "genicam", "cti": "maker.cti", "serial_number": "A1", "exposure_us": 8000}
    )
    assert config.resolved(tmp_path).cti == tmp_path / "maker.cti"
    camera = config.build()
    assert (camera.camera_id, camera.settings.watchdog.frozen) == ("c", True)
