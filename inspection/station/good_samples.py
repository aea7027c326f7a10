"""Pictures of good samples, to be shown beside what is on the table: those that the references are made of.

``<folder>/<GTIN>/<view>/`` or ``<folder>/<GTIN>/`` hold them (see :mod:`models.shelf`); the first by name is shown.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from inspection.errors import InspectionError

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
MAX_FILE_BYTES = 50_000_000
MAX_WIDTH = 1600
QUALITY = 88
REMEMBERED = 32


class SampleUnreadable(InspectionError):
    """The picture of a good sample cannot be shown."""

    code = "sample.unreadable"


@dataclass(frozen=True, slots=True)
class GoodSample:
    """One picture.

    Attributes:
        mark: changes when the picture does; part of its address, so that browsers may keep it.
    """

    path: Path
    mark: str


class GoodSamples:
    """Finds and encodes them.

    Args:
        folder: of the references; ``None`` has none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._encoded: OrderedDict[str, bytes] = OrderedDict()

    def find(self, gtin: str | None, view: str) -> GoodSample | None:
        """The good sample of a product as ``view`` sees it, where there is one."""
        if self._folder is None or gtin is None or not gtin.isdigit():
            return None
        product = self._folder / gtin
        for place in (product / view, product):
            try:
                first = min((path for path in place.iterdir() if path.suffix.lower() in ENDINGS), default=None)
                if first is not None:
                    found = first.stat()
                    mark = hashlib.sha256(f"{first} {found.st_mtime_ns} {found.st_size}".encode()).hexdigest()[:16]
                    return GoodSample(first, mark)
            except OSError:
                continue
        return None

    def jpeg(self, sample: GoodSample) -> bytes:
        """The picture, at most 1600 pixels wide.

        Raises:
            SampleUnreadable: it is no picture, or went away.
        """
        with self._lock:
            known = self._encoded.get(sample.mark)
            if known is None:
                known = self._encoded[sample.mark] = _encode(sample.path)
                while len(self._encoded) > REMEMBERED:
                    self._encoded.popitem(last=False)
            return known


def _encode(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SampleUnreadable(f"{path.name} has more than {MAX_FILE_BYTES} bytes")
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise SampleUnreadable(f"{path.name}: {error.strerror}") from error
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise SampleUnreadable(f"{path.name} is no picture", hint="put a good sample's photograph in its place")
    height, width = pixels.shape[:2]
    if width > MAX_WIDTH:
        size = (MAX_WIDTH, max(1, round(height * MAX_WIDTH / width)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return encoded.tobytes()
