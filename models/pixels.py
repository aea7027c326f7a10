"""From a view's pixels to the graph's input, and back from map cells to pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.errors import InspectionError
from inspection.finding import Box, CaptureQuality
from inspection.frame import Pixels

MAX_SIDE = 16_384
TOO_DARK_MEAN = 22.0
OVEREXPOSED_SHARE = 0.92
FLAT_DEVIATION = 5.0
BLURRED_ENERGY = 6.0
"""Variance of the Laplacian of the fitted grey picture; chosen below all held-out pictures of the training sets."""


class PictureRefused(InspectionError):
    """An array is not a picture the judge can take."""

    code = "judge.picture_refused"


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture was fitted: ``fitted = scale * original + (left, top)``, all in pixels."""

    scale: float
    left: int
    top: int
    width: int
    height: int


def fit(pixels: Pixels, size: int) -> tuple[Pixels, Letterbox]:
    """Scale ``pixels`` (uint8, (H, W, 3), BGR) to fit ``size`` x ``size``, centred, the rest reflected.

    Raises:
        PictureRefused: another dtype or shape, or a side of 0 or over 16384 pixels.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:  # noqa: PLR2004
        raise PictureRefused(f"uint8 (H, W, 3) expected, found {pixels.dtype} {pixels.shape}")
    height, width = pixels.shape[:2]
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise PictureRefused(f"sides of 1..{MAX_SIDE} expected, found {width}x{height}")
    scale = size / max(height, width)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(pixels, (new_width, new_height), interpolation=interpolation)
    top, left = (size - new_height) // 2, (size - new_width) // 2
    bordered = cv2.copyMakeBorder(
        small, top, size - new_height - top, left, size - new_width - left, cv2.BORDER_REFLECT
    )
    return np.asarray(bordered, np.uint8), Letterbox(scale, left, top, width, height)


def boxes(probabilities: npt.NDArray[np.float32], threshold: float, size: int, letterbox: Letterbox) -> list[Box]:
    """Regions of one defect map (h, w) at or over ``threshold``, as boxes in the picture, largest first.

    The map is enlarged to the graph's input first, so that a box follows the course between the cells.
    """
    enlarged = cv2.resize(probabilities, (size, size), interpolation=cv2.INTER_LINEAR)
    count, _, stats, _ = cv2.connectedComponentsWithStats((enlarged >= threshold).astype(np.uint8), connectivity=8)
    found = []
    for label in sorted(range(1, count), key=lambda index: -int(stats[index, cv2.CC_STAT_AREA])):
        x, y, width, height = (int(value) for value in stats[label, :4])
        left, right = ((edge - letterbox.left) / letterbox.scale for edge in (x, x + width))
        top, bottom = ((edge - letterbox.top) / letterbox.scale for edge in (y, y + height))
        left, right = max(0, round(left)), min(letterbox.width, round(right))
        top, bottom = max(0, round(top)), min(letterbox.height, round(bottom))
        if right > left and bottom > top:  # a region wholly in the reflected border is not on the picture
            found.append(Box(left, top, right - left, bottom - top))
    return found


def quality(view: str, fitted: Pixels) -> CaptureQuality:
    """Plain reasons why a picture cannot carry a verdict; ``fitted`` is the graph's input."""
    grey = cv2.cvtColor(fitted, cv2.COLOR_BGR2GRAY)
    problems = []
    if float(grey.mean()) < TOO_DARK_MEAN:
        problems.append("too_dark")
    if float((grey >= 250).mean()) > OVEREXPOSED_SHARE:  # noqa: PLR2004
        problems.append("overexposed")
    if float(grey.std()) < FLAT_DEVIATION:
        problems.append("nothing_there")
    elif float(cv2.Laplacian(grey, cv2.CV_32F).var()) < BLURRED_ENERGY:
        problems.append("blurred")
    return CaptureQuality(view, tuple(problems))
