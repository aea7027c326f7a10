"""The pictures of a folder, as a solver wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from inspection.errors import CalibrationError
from inspection.evidence import sha256_hex
from inspection.frame import Pixels

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
MAX_FILE = 200_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture of a file: uint8 (H, W, 3) BGR, and the SHA-256 of these bytes."""

    name: str
    pixels: Pixels
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The pictures of a folder in the order of their names, and why others cannot be used.

    Attributes:
        usable: never empty, all of one size.
        refused: reason by file name.
        size: width and height.
    """

    usable: tuple[Picture, ...]
    refused: dict[str, str]

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.usable[0].pixels.shape[:2]
        return (width, height)


def read_frames(folder: Path) -> Pictures:
    """Every picture of a folder, or the one picture that is named.

    Raises:
        CalibrationError: ``calibration.frames``: no such folder, or no picture in it can be read.
    """
    hint = "give a folder with PNG or JPEG pictures of one camera"
    try:
        inside = sorted(folder.iterdir()) if folder.is_dir() else [folder] if folder.is_file() else None
    except OSError as error:
        raise CalibrationError(f"cannot read {folder}: {error.strerror}", code="frames", hint=hint) from error
    if inside is None:
        raise CalibrationError(f"there is no folder {folder}", code="frames", hint=hint)
    usable: list[Picture] = []
    refused: dict[str, str] = {}
    for path in (one for one in inside if one.suffix.lower() in ENDINGS):
        pixels = _read(path)
        if pixels is None:
            refused[path.name] = "cannot be read as a picture"
        elif usable and pixels.shape != usable[0].pixels.shape:
            refused[path.name] = f"{pixels.shape[1]} x {pixels.shape[0]} pixels, the first picture has another size"
        else:
            usable.append(Picture(path.name, pixels, sha256_hex(np.ascontiguousarray(pixels).tobytes())))
    if not usable:
        found = "; ".join(f"{name} {why}" for name, why in refused.items()) or "there is none"
        raise CalibrationError(f"no picture in {folder} can be used: {found}", code="frames", hint=hint)
    return Pictures(tuple(usable), refused)


def _read(path: Path) -> Pixels | None:
    try:
        if path.stat().st_size > MAX_FILE:
            return None
        data = np.frombuffer(path.read_bytes(), np.uint8)
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (OSError, cv2.error):
        return None
    return None if pixels is None else np.asarray(pixels, np.uint8)
