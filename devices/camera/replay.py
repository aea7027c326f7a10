"""A camera that shows pictures of a folder, or a video, at a frame rate.

A folder is read as it is at every moment: another program may replace a picture (atomically, by renaming over it) and
the next frame shows the new one; a folder that is missing or empty is an unplugged camera.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import structlog

from devices.camera.base import Camera
from devices.camera.source import CameraSettings, FrameSource, SourceInfo
from inspection.errors import DeviceLost
from inspection.frame import Pixels

log = structlog.get_logger(__name__)

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".img"})
"""``.img`` is a picture whose kind is told by its content."""
VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".mkv", ".mov", ".webm", ".m4v"})
MAX_PICTURE_BYTES = 64 << 20
CACHE_BYTES = 96 << 20
SETTLED_NS = 1_000_000_000


def replay_camera(settings: CameraSettings, path: Path, serial_number: str = "") -> Camera:
    """A `Camera` showing ``path``: a folder of pictures, one picture, or a video file.

    ``serial_number``: of the camera that took them, where another one's pictures are to be told apart.
    """
    hardware = f"replay:{serial_number}" if serial_number else ""
    return Camera(settings, lambda: _source(path, hardware))


def _source(path: Path, hardware: str) -> FrameSource:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoSource(path, hardware)
    return FolderSource(path, hardware)


class _Version(NamedTuple):
    """What tells one content of a file from another."""

    path: str
    mtime_ns: int
    size: int
    inode: int


class FolderSource:
    """The pictures of a folder in the order of their names, one a read, over and over."""

    def __init__(self, path: Path, hardware: str = "") -> None:
        self._path, self._hardware = path, hardware
        self._names: list[str] = []
        self._listed_mtime_ns: int | None = None
        self._last_name = ""
        self._cache: OrderedDict[_Version, Pixels] = OrderedDict()
        self._cached_bytes = 0
        self._bad: _Version | None = None

    def open(self) -> SourceInfo:
        names = self._list()
        detail = f"replays {self._path.name}, {len(names)} pictures"
        settings = {"driver": "replay", "source": "folder", "name": self._path.name}
        return SourceInfo(detail, settings, hardware=self._hardware)

    def read(self) -> Pixels | None:
        """The next picture; it is opened, and decoded unless this very content was before, within this call."""
        names = self._list()
        name = next((name for name in names if name > self._last_name), names[0])
        self._last_name = name
        path = self._path if self._path.is_file() else self._path / name
        try:
            return self._decode(path)
        except FileNotFoundError:
            self._listed_mtime_ns = None  # taken away since the folder was listed
            return None

    def close(self) -> None:
        self._cache.clear()
        self._cached_bytes = 0

    def _list(self) -> list[str]:
        try:
            status = self._path.stat()
            if self._path.is_file():
                return [self._path.name]
            # A change within the clock tick of the last listing would not show in the time: trust old times only.
            if self._listed_mtime_ns != status.st_mtime_ns or time.time_ns() - status.st_mtime_ns < SETTLED_NS:
                self._names = sorted(entry.name for entry in self._path.iterdir() if _is_picture(entry.name))
                self._listed_mtime_ns = status.st_mtime_ns
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DeviceLost(f"{self._path} is not there") from error
        if not self._names:
            raise DeviceLost(f"no pictures in {self._path}")
        return self._names

    def _decode(self, path: Path) -> Pixels | None:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            version = _Version(str(path), status.st_mtime_ns, status.st_size, status.st_ino)
            pixels = self._cache.get(version)
            if pixels is not None:
                self._cache.move_to_end(version)
                return pixels
            data = file.read(MAX_PICTURE_BYTES + 1)
        pixels = decode_picture(data)
        if pixels is None:
            self._report_bad(version)
        else:
            self._remember(version, pixels)
        return pixels

    def _report_bad(self, version: _Version) -> None:
        if version != self._bad:
            self._bad = version
            log.warning("camera.undecodable_picture", path=version.path, size=version.size)

    def _remember(self, version: _Version, pixels: Pixels) -> None:
        self._cache[version] = pixels
        self._cached_bytes += pixels.nbytes
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            _, oldest = self._cache.popitem(last=False)
            self._cached_bytes -= oldest.nbytes


class VideoSource:
    """The frames of a video file, over and over."""

    def __init__(self, path: Path, hardware: str = "") -> None:
        self._path, self._hardware = path, hardware
        self._video: cv2.VideoCapture | None = None

    def open(self) -> SourceInfo:
        if not self._path.is_file():
            raise DeviceLost(f"{self._path} is not there")
        self._video = cv2.VideoCapture(str(self._path))
        if not self._video.isOpened():
            raise DeviceLost(f"{self._path} is no video that can be decoded")
        detail = f"replays {self._path.name}"
        settings = {"driver": "replay", "source": "video", "name": self._path.name}
        return SourceInfo(detail, settings, hardware=self._hardware)

    def read(self) -> Pixels | None:
        video = self._video
        if video is None or not self._path.is_file():
            raise DeviceLost(f"{self._path} is not there")
        good, pixels = video.read()
        if not good:
            video.set(cv2.CAP_PROP_POS_FRAMES, 0)
            good, pixels = video.read()
        if not good:
            raise DeviceLost(f"{self._path} has no frame that can be decoded")
        return _frozen(pixels)

    def close(self) -> None:
        if self._video is not None:
            self._video.release()
            self._video = None


def decode_picture(data: bytes) -> Pixels | None:
    """Pixels (uint8, H x W x 3, BGR, read-only) of an encoded picture; ``None`` when it cannot be decoded."""
    if not data or len(data) > MAX_PICTURE_BYTES:
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if pixels is None else _frozen(pixels)


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in PICTURE_SUFFIXES


def _frozen(pixels: object) -> Pixels:
    picture: Pixels = np.asarray(pixels, np.uint8)
    picture.flags.writeable = False  # a cached picture is shown many times
    return picture
