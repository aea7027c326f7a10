"""Picture files of any origin as BGR, or why not."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inspection.errors import CalibrationError
from inspection.frame import Pixels

MAX_FILE = 200_000_000
MAX_PIXELS = 100_000_000
_DEEP = 257  # from 16 bit to 8 bit: 65535 is 255
_ORIENTATION = 0x0112  # Exif 2.32, table 4
_NO_FRAME_HEADER = frozenset({0xC4, 0xC8, 0xCC})
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - _NO_FRAME_HEADER


def read_picture(path: Path, *, upright: bool = True) -> Pixels:
    """A picture as uint8 (H, W, 3) BGR: 16 bit is scaled down, grey is repeated, transparency is laid on black.

    Args:
        path: of the file.
        upright: turned as its Exif orientation asks, as viewers show it; if not, as the sensor has it, which is what a
            lens is calibrated for.

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
        decoded, kinds, told = cv2.imdecodeWithMetadata(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:  # e.g. more pixels than OpenCV takes
        raise _refused(path, "it cannot be decoded") from error
    if decoded is None:
        raise _refused(path, "it cannot be decoded")
    pixels = _as_bgr(path, decoded)
    if not upright:
        return pixels
    exif = [bytes(one) for kind, one in zip(kinds, told, strict=False) if kind == cv2.IMAGE_METADATA_EXIF]
    return _turned(pixels, orientation_of(exif[0]) if exif else 1)


def orientation_of(exif: bytes) -> int:
    """Orientation 1 to 8 of an Exif block (a TIFF header and its first directory); 1 when it does not say."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, entry)
            if tag == _ORIENTATION and kind == 3 and 1 <= value <= 8:  # noqa: PLR2004 -- 3 is SHORT
                return int(value)
    except struct.error:
        return 1
    return 1


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """Exif 2.32, table 6: which corner the first pixel is."""
    if orientation >= 5:  # noqa: PLR2004 -- rows are columns
        pixels = np.asarray(cv2.transpose(pixels), np.uint8)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return pixels if flip is None else np.asarray(cv2.flip(pixels, flip), np.uint8)


def _as_bgr(path: Path, decoded: npt.NDArray[np.generic]) -> Pixels:
    _check_size(path, decoded.shape[1], decoded.shape[0])
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


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _refused(path, f"{width}x{height} are more than {MAX_PIXELS} pixels")


def _check_whole(path: Path, data: bytes) -> None:
    """JPEG and PNG tell their size, and have an end mark; cut short, they decode to half a picture."""
    if data.startswith(b"\x89PNG") and data[12:16] == b"IHDR":
        width, height = struct.unpack_from(">II", data, 16) if len(data) >= 24 else (0, 0)  # noqa: PLR2004
        _check_size(path, width, height)
        whole = b"IEND" in data[-4096:]
    elif data.startswith(b"\xff\xd8"):
        scan, (width, height) = _jpeg_frame(data)
        _check_size(path, width, height)
        whole = data.find(b"\xff\xd9", scan) >= 0
    else:
        return
    if not whole:
        raise _refused(path, "it is cut short")


def _jpeg_frame(jpeg: bytes) -> tuple[int, tuple[int, int]]:
    """Where the picture's own data begin, behind headers that may hold a whole thumbnail, and width and height.

    ITU-T T.81, annex B.
    """
    place, size = 2, (0, 0)
    while jpeg[place : place + 1] == b"\xff" and jpeg[place + 1 : place + 2] != b"\xda":
        if jpeg[place + 1 : place + 2] and jpeg[place + 1] in _FRAME_HEADERS and len(jpeg) >= place + 9:
            height, width = struct.unpack_from(">HH", jpeg, place + 5)
            size = (width, height)
        place += 2 + max(2, int.from_bytes(jpeg[place + 2 : place + 4], "big"))
    return place, size


def _refused(path: Path, why: str) -> CalibrationError:
    return CalibrationError(f"{path}: {why}", code="picture", hint="give a PNG or JPEG picture")
