"""Cameras under test."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import TypeAdapter

from devices.camera.base import Camera
from devices.camera.simulator import SimulatedCamera, default_scene
from devices.config import CameraConfig
from tests.devices.conftest import Inbox
from tests.devices.subjects.subject import Subject

_CAMERA: TypeAdapter[Any] = TypeAdapter(CameraConfig)


def picture(path: Path, value: int, size: tuple[int, int] = (64, 48)) -> Path:
    """An encoded picture of one grey ``value``."""
    width, height = size
    assert cv2.imwrite(str(path), np.full((height, width, 3), value, np.uint8))
    return path


def video(path: Path, frames: int = 5, fps: float = 200.0) -> Path:
    """A video whose frames grow brighter."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    assert writer.isOpened()
    for index in range(frames):
        writer.write(np.full((48, 64, 3), 20 * index % 256, np.uint8))
    writer.release()
    return path


def build_camera(**config: object) -> Camera:
    """The camera that the configuration of a camera called ``dut`` describes."""
    camera: Camera = _CAMERA.validate_python({"id": "dut", "view": "top", **config}).build()
    return camera


def _camera(folder: Path, source: Path, **options: object) -> Subject:
    camera = build_camera(path=str(source), fps=100, **options)
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
    # So long that it does not end in a test: at its end the driver opens it again, as it would a camera.
    return _camera(folder, video(folder / "camera.avi", frames=4000), driver="opencv")


def opencv_stream(_: Path) -> Subject:
    simulator = SimulatedCamera(default_scene(160, 120), fps=50)
    camera = build_camera(driver="opencv", url=simulator.url)

    def prove(_: Inbox) -> None:
        now_ns = time.monotonic_ns()
        assert camera.frame_after(now_ns, 5).monotonic_ns > now_ns

    return Subject(camera, simulator.unplug, simulator.replug, prove, simulator.close)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "replay folder": folder_camera,
    "replay video": replayed_video,
    "opencv": opencv_camera,
    "opencv stream": opencv_stream,
}
