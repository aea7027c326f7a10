"""Read a picture file whatever it holds: what is no whole picture of bearable size is refused with the reason."""

from __future__ import annotations

import io
import os
import stat
import warnings
from pathlib import Path

import cv2
import numpy as np

from inspection.errors import InspectionError
from inspection.frame import Pixels

MAX_FILE_BYTES = 50_000_000
MAX_PIXELS = 100_000_000
_ENDS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG\r\n\x1a\n": b"IEND\xaeB`\x82"}
"""How a whole file ends, by how it begins: JPEG (ITU-T T.81, B.1.1.3) and PNG (W3C PNG, 11.2.5)."""


class PhotographRefused(InspectionError):
    """A file is not there, is no picture, is cut off, or is too large; names it."""

    code = "photograph.refused"


def read(images: Path, file: str) -> Pixels:
    """The picture ``file`` in the folder ``images``: uint8 (H, W, 3) BGR, turned as its EXIF data says.

    Raises:
        PhotographRefused: see there.
    """
    data = _bytes(images, file)
    _refuse_too_large(file, data)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:
        pixels = None
    if pixels is None or pixels.ndim != 3 or not pixels.size:  # noqa: PLR2004 - rows, columns, colours
        raise PhotographRefused(f"{file} is no picture")
    _refuse_cut(file, data)
    return np.asarray(pixels, np.uint8)


def _bytes(images: Path, file: str) -> bytes:
    if not file.strip() or "\0" in file:
        raise PhotographRefused(f"{file!r} names no file")
    named = Path(os.path.normpath(file))  # by its text: a folder of links is as good as one of files
    if named.is_absolute() or named.parts[:1] == (os.pardir,):
        raise PhotographRefused(f"{file} is outside the folder of pictures")
    path = images / file
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
            raise PhotographRefused(f"{file} is no file")
        if found.st_size > MAX_FILE_BYTES:
            raise PhotographRefused(f"{file} has {found.st_size} bytes, {MAX_FILE_BYTES} allowed")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PhotographRefused(f"{file} is not there") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise PhotographRefused(f"{file} cannot be read: {error}") from error


def _refuse_too_large(file: str, data: bytes) -> None:
    """By what its header says, before memory is taken for it."""
    try:
        from PIL import Image  # noqa: PLC0415 - comes with the training and hub extras
    except ImportError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data)) as picture:
                width, height = picture.size
        except Image.DecompressionBombError as error:
            raise PhotographRefused(f"{file} has more than {MAX_PIXELS // 1_000_000} megapixels") from error
        except Exception:  # noqa: BLE001 - what this library does not know the other may
            return
    if width * height > MAX_PIXELS:
        raise PhotographRefused(f"{file} has {width}x{height} pixels, {MAX_PIXELS // 1_000_000} million allowed")


def _refuse_cut(file: str, data: bytes) -> None:
    """OpenCV fills what is missing of a cut file with grey, which would be judged."""
    for start, end in _ENDS.items():
        if data.startswith(start) and end not in data[-4096:] and not _loads(data):
            raise PhotographRefused(f"{file} is cut off: its end is missing")


def _loads(data: bytes) -> bool:
    try:
        from PIL import Image  # noqa: PLC0415
    except ImportError:
        return False
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
    except Exception:  # noqa: BLE001 - whatever it says, it is not whole
        return False
    return True
