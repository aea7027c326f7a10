"""Letters as black and white dots: what a printer without Chinese letters is sent, and what the preview shows.

OpenCV brings a font of its own that has Chinese letters, so a station needs no font installed; another may be named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.errors import ConfigError

Dots = NDArray[np.bool_]
"""Shape (height, width); true is black."""

BUILT_IN = "uni"
_PROBE = "转售返修报废待判"
_INK = 128
_FONT_KINDS = (b"\x00\x01\x00\x00", b"OTTO", b"true")
_NEEDED_TABLES = {b"cmap", b"head", b"hhea", b"hmtx"}
_REGULAR = 400
BASELINE = 0.78
"""Where the letters stand, as a part of the box's height: what hangs below the line has room."""


@dataclass(frozen=True, slots=True)
class LabelFont:
    """A font for labels.

    Args:
        path: a TrueType or OpenType font with Chinese letters; ``None`` for the one that is built in.

    Raises:
        ConfigError: when the font cannot be used or lacks Chinese letters.
    """

    path: Path | None = None
    _face: cv2.FontFace = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_face", _face(self.path))
        if len({self.dots(char, 32).tobytes() for char in _PROBE}) < len(_PROBE):
            raise ConfigError(
                f"{self.path or 'the built-in font'} has no Chinese letters",
                hint="Install the package fonts-noto-cjk and name one of its files as the font.",
            )

    def width(self, text: str, height: int) -> int:
        """Width of a line of text in a box of this height, dots."""
        _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), self._face, _size(height), _REGULAR)
        return int(width)

    def dots(self, text: str, height: int, *, bold: bool = False) -> Dots:
        """A line of text in a box of this height, as wide as it needs."""
        size = _size(height)
        image = np.full((height, self.width(text, height) + size, 3), 255, np.uint8)
        cv2.putText(image, text, (2, round(height * BASELINE)), (0, 0, 0), self._face, size, _REGULAR)
        black: Dots = image[..., 0] < _INK
        if bold:
            grown = cv2.dilate(black.astype(np.uint8), np.ones((2, max(3, height // 24)), np.uint8))
            black = grown.astype(np.bool_)
        used = np.flatnonzero(black.any(axis=0))
        return black[:, : used[-1] + 1] if used.size else black[:, :1]


def _size(height: int) -> int:
    return max(8, round(height * BASELINE))


def _face(path: Path | None) -> cv2.FontFace:
    if path is not None and not path.is_file():
        raise ConfigError(
            f"there is no font {path}",
            hint="Install the package fonts-noto-cjk, or leave the font out to use the built-in one.",
        )
    if path is not None and not _is_font(path.read_bytes()):
        raise ConfigError(f"{path} is no font that can be used", hint="Name a whole .ttf, .otf or .ttc file.")
    return cv2.FontFace(str(path) if path is not None else BUILT_IN)


def _is_font(data: bytes) -> bool:
    """Whether this is an OpenType file with all its tables inside; OpenCV crashes on what is none.

    OpenType 1.9.1, "Font file": a collection's header, then per font a directory of tables.
    """
    at = int.from_bytes(data[12:16], "big") if data[:4] == b"ttcf" else 0
    if data[at : at + 4] not in _FONT_KINDS:
        return False
    count = int.from_bytes(data[at + 4 : at + 6], "big")
    tables = {}
    for record in range(at + 12, at + 12 + 16 * count, 16):
        offset, length = (int.from_bytes(data[record + part : record + part + 4], "big") for part in (8, 12))
        if offset + length > len(data):
            return False
        tables[data[record : record + 4]] = length
    return set(tables) >= _NEEDED_TABLES
