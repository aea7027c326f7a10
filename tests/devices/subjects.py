"""Every driver with a simulated world around it, in one shape, for the conformance tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import TypeAdapter

from devices.barcode.simulator import SimulatedScanner
from devices.base import Device
from devices.camera.base import Camera
from devices.config import CameraConfig, DeviceConfig
from devices.registry import build_camera, build_device
from devices.rfid import m100
from devices.rfid.simulator import SimulatedReader
from inspection.reading import BarcodeReading, TagReading
from tests.devices.conftest import Inbox

EPC = "3074257BF7194E4000001A85"
DEVICE: TypeAdapter[Any] = TypeAdapter(DeviceConfig)
CAMERA: TypeAdapter[Any] = TypeAdapter(CameraConfig)


@dataclass
class Subject:
    """A device under test and the hands that plug it.

    Attributes:
        device: the driver, not started.
        unplug: takes the device away.
        replug: gives it back.
        prove: makes the device say something and waits until it arrived.
        close: ends the simulated world.
    """

    device: Device
    unplug: Callable[[], None]
    replug: Callable[[], None]
    prove: Callable[[Inbox], None]
    close: Callable[[], None]


def picture(path: Path, value: int, size: tuple[int, int] = (64, 48)) -> Path:
    """An encoded picture of one grey ``value``."""
    width, height = size
    assert cv2.imwrite(str(path), np.full((height, width, 3), value, np.uint8))
    return path


def video(path: Path, frames: int = 5, fps: float = 50.0) -> Path:
    """A video whose frames grow brighter."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    assert writer.isOpened()
    for index in range(frames):
        writer.write(np.full((48, 64, 3), 20 * index % 256, np.uint8))
    writer.release()
    return path


def scanner(folder: Path) -> Subject:
    simulator = SimulatedScanner(folder / "port")
    device = build_device(
        DEVICE.validate_python({"id": "dut", "driver": "barcode.serial", "port": str(folder / "port")})
    )

    def prove(inbox: Inbox) -> None:
        since = inbox.mark()
        text = f"SCAN{since}"
        assert simulator.scan(text)
        inbox.wait(BarcodeReading, lambda reading: reading.text == text, since=since)

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


def reader(folder: Path, dialect: m100.Dialect = m100.BB_7E, **options: object) -> Subject:
    simulator = SimulatedReader(folder / "port", dialect=dialect)
    simulator.place_tags([EPC])
    config = {"id": "dut", "driver": "rfid.m100", "port": str(folder / "port"), "report_ms": 50, "poll_ms": 20}
    frame = {"header": dialect.header, "end": dialect.end}
    device = build_device(DEVICE.validate_python({**config, "frame": frame, **options}))

    def prove(inbox: Inbox) -> None:
        inbox.wait(TagReading, lambda reading: reading.epc == EPC, since=inbox.mark())

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


def _camera(folder: Path, source: Path, **options: object) -> Subject:
    camera: Camera = build_camera(
        CAMERA.validate_python({"id": "dut", "view": "top", "path": str(source), "fps": 25, **options})
    )
    away = folder / "away"

    def prove(_: Inbox) -> None:
        now_ns = time.monotonic_ns()
        assert camera.frame_after(now_ns, 5).monotonic_ns > now_ns

    def nothing() -> None: ...

    return Subject(camera, lambda: _move(source, away), lambda: _move(away, source), prove, nothing)


def _move(from_: Path, to: Path) -> None:
    from_.rename(to)


def folder_camera(folder: Path) -> Subject:
    pictures = folder / "pictures"
    pictures.mkdir()
    picture(pictures / "a.png", 10)
    picture(pictures / "b.png", 20)
    return _camera(folder, pictures, driver="replay")


def replayed_video(folder: Path) -> Subject:
    return _camera(folder, video(folder / "replayed.avi"), driver="replay")


def opencv_camera(folder: Path) -> Subject:
    return _camera(folder, video(folder / "camera.avi"), driver="opencv")


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "barcode.serial": scanner,
    "rfid.m100 polled": reader,
    "rfid.m100 continuous": lambda folder: reader(folder, mode="continuous"),
    "rfid.m100 AA..DD, power and region set": lambda folder: reader(
        folder, m100.AA_DD, power_dbm=15.5, region="europe"
    ),
    "replay folder": folder_camera,
    "replay video": replayed_video,
    "opencv": opencv_camera,
}
