"""Pictures out of files: decoded only after their header said that they are not too large."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

from devices.barcode.in_frame_code import MAX_PICTURE_PIXELS, PictureError
from inspection.frame import Pixels

MAX_FILE_BYTES = 64 << 20
Size = tuple[int, int]
"""Width and height, pixels."""

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, 0xFF, *range(0xD0, 0xD9)})
_HINT = "Give a PNG, JPEG, BMP or WebP picture."


def gray_picture(path: Path) -> Pixels:
    """The picture as uint8 (H, W), turned upright as its EXIF orientation says.

    Raises:
        PictureError: no such file, no picture of a known kind, damaged, or more than 64 megapixels or megabytes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PictureError(f"cannot read {path}: {error.strerror or error}") from error
    if len(data) > MAX_FILE_BYTES:
        raise PictureError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MB")
    size = picture_size(data)
    if size is None:
        raise PictureError(f"{path} is no picture of a known kind", hint=_HINT)
    width, height = size
    if width * height > MAX_PICTURE_PIXELS:
        raise PictureError(
            f"{path} has {width} x {height} pixels, more than {MAX_PICTURE_PIXELS // 1_000_000} megapixels"
        )
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise PictureError(f"{path} is damaged: it cannot be decoded", hint=_HINT)
    return np.asarray(pixels, np.uint8)


def picture_size(data: bytes) -> Size | None:
    """Width and height that the header of a PNG, JPEG, BMP or WebP states; ``None`` for anything else."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack_from(">II", data, 16)
            return width, height
        if data.startswith(b"\xff\xd8"):
            return _jpeg_size(data)
        if data.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", data, 18)
            return abs(width), abs(height)  # a negative height is a picture stored from the top
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp_size(data)
    except (struct.error, IndexError):
        return None
    return None


def _jpeg_size(data: bytes) -> Size | None:
    """Size in the first frame header (ITU-T T.81, B.2.2)."""
    at = 2
    while data[at] == 0xFF:  # noqa: PLR2004  every marker begins with it
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 1 if marker == 0xFF else 2 if marker in _JPEG_BARE else 2 + struct.unpack_from(">H", data, at + 2)[0]  # noqa: PLR2004
    return None


def _webp_size(data: bytes) -> Size | None:
    """Size in the first chunk (RFC 9649, 2.5 to 2.7)."""
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
