"""Picture files of any origin as BGR, or why not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inspection.errors import CalibrationError
from inspection.frame import Pixels

MAX_FILE = 200_000_000
MAX_PIXELS = 100_000_000
_DEEP = 257  # from 16 bit to 8 bit: 65535 is 255


def read_picture(path: Path) -> Pixels:
    """A picture as uint8 (H, W, 3) BGR: 16 bit is scaled down, grey is repeated, transparency is laid on black.

    Raises:
        CalibrationError: ``calibration.picture``: no such file, no picture, cut short or too large.
    """
    try:
        size = path.stat().st_size
        data = path.read_bytes() if 0 < size <= MAX_FILE else b""
    except OSError as error:
        raise _refused(path, (error.strerror or "cannot be read").lower()) from error
    if not data:
        raise _refused(path, "it is empty" if size == 0 else f"{size} bytes are more than {MAX_FILE}")
    _check_whole(path, data)
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:  # e.g. more pixels than OpenCV takes
        raise _refused(path, "it cannot be decoded") from error
    if decoded is None:
        raise _refused(path, "it cannot be decoded")
    return _as_bgr(path, decoded)


def _as_bgr(path: Path, decoded: npt.NDArray[np.generic]) -> Pixels:
    if decoded.shape[0] * decoded.shape[1] > MAX_PIXELS:
        raise _refused(path, f"{decoded.shape[1]}x{decoded.shape[0]} are more than {MAX_PIXELS} pixels")
    if decoded.dtype == np.uint16:
        decoded = (decoded // _DEEP).astype(np.uint8)
    elif decoded.dtype != np.uint8:
        raise _refused(path, f"its numbers are {decoded.dtype}, not 8 or 16 bit")
    pixels = np.asarray(decoded, np.uint8)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]  # noqa: PLR2004
    if channels == 1:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)
    if channels == 4:  # noqa: PLR2004
        seen = pixels[..., 3:].astype(np.uint16)
        return np.asarray((pixels[..., :3] * seen + 127) // 255, np.uint8)
    if channels != 3:  # noqa: PLR2004
        raise _refused(path, f"it has {channels} channels")
    return pixels


def _check_whole(path: Path, data: bytes) -> None:
    """JPEG and PNG that were cut short decode to half a picture; they must have their end mark."""
    jpeg, png = data.startswith(b"\xff\xd8"), data.startswith(b"\x89PNG")
    if (jpeg and data.find(b"\xff\xd9", _scan_start(data)) < 0) or (png and b"IEND" not in data[-4096:]):
        raise _refused(path, "it is cut short")


def _scan_start(jpeg: bytes) -> int:
    """Where the picture's own data begin, behind headers that may hold a whole thumbnail (ITU-T T.81, annex B)."""
    place = 2
    while jpeg[place : place + 1] == b"\xff" and jpeg[place + 1 : place + 2] != b"\xda":
        place += 2 + max(2, int.from_bytes(jpeg[place + 2 : place + 4], "big"))
    return place


def _refused(path: Path, why: str) -> CalibrationError:
    return CalibrationError(f"{path}: {why}", code="picture", hint="give a PNG or JPEG picture")
