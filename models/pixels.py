"""From a view's pixels to the graph's input, and back from map cells to pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.errors import InspectionError
from inspection.finding import Box, CaptureQuality, Region
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
    """How a picture was fitted: ``fitted = scale * original + (left, top)``, all in pixels.

    Attributes:
        inside: left, top, right, bottom of what of the original is seen; nothing is found elsewhere.
    """

    scale: float
    left: float
    top: float
    inside: tuple[int, int, int, int]


def fit(pixels: Pixels, size: int, crop: Box | None = None) -> tuple[Pixels, Letterbox]:
    """Scale ``pixels`` (uint8, (H, W, 3), BGR), or the part ``crop`` of it, to fit ``size`` x ``size``.

    It lies in the middle, the rest is reflected. ``crop`` must lie inside the picture.

    Raises:
        PictureRefused: another dtype or shape, or a side of 0 or over 16384 pixels.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:  # noqa: PLR2004
        raise PictureRefused(f"uint8 (H, W, 3) expected, found {pixels.dtype} {pixels.shape}")
    height, width = pixels.shape[:2]
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise PictureRefused(f"sides of 1..{MAX_SIDE} expected, found {width}x{height}")
    if crop is not None:
        pixels = pixels[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
        height, width = pixels.shape[:2]
    x, y = (crop.x, crop.y) if crop is not None else (0, 0)
    scale = size / max(height, width)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(pixels, (new_width, new_height), interpolation=interpolation)
    top, left = (size - new_height) // 2, (size - new_width) // 2
    bordered = cv2.copyMakeBorder(
        small, top, size - new_height - top, left, size - new_width - left, cv2.BORDER_REFLECT
    )
    box = Letterbox(scale, left - x * scale, top - y * scale, (x, y, x + width, y + height))
    return np.asarray(bordered, np.uint8), box


def regions(
    probabilities: npt.NDArray[np.float32], threshold: float, size: int, letterbox: Letterbox
) -> list[tuple[Box, Region]]:
    """Regions of one defect map (h, w) at or over ``threshold``, in the picture, largest first.

    The map is enlarged to the graph's input first, so that a region follows the course between the cells. It still
    tells no more apart than a cell of the map is wide.
    """
    enlarged = cv2.resize(probabilities, (size, size), interpolation=cv2.INTER_LINEAR)
    count, names, stats, _ = cv2.connectedComponentsWithStats((enlarged >= threshold).astype(np.uint8), connectivity=8)
    cell_px = size / min(probabilities.shape) / letterbox.scale
    found = []
    for label in sorted(range(1, count), key=lambda index: -int(stats[index, cv2.CC_STAT_AREA])):
        x, y, width, height = (int(value) for value in stats[label, :4])
        left, right = ((edge - letterbox.left) / letterbox.scale for edge in (x, x + width))
        top, bottom = ((edge - letterbox.top) / letterbox.scale for edge in (y, y + height))
        first_x, first_y, end_x, end_y = letterbox.inside
        left, right = max(first_x, round(left)), min(end_x, round(right))
        top, bottom = max(first_y, round(top)), min(end_y, round(bottom))
        if right > left and bottom > top:  # a region wholly in the reflected border is not on the picture
            box = Box(left, top, right - left, bottom - top)
            part = (names[y : y + height, x : x + width] == label).astype(np.uint8)
            area_px = int(stats[label, cv2.CC_STAT_AREA]) / letterbox.scale**2
            found.append((box, Region(_outline(part, (x, y), letterbox), area_px, cell_px)))
    return found


def _outline(part: Pixels, origin: tuple[int, int], letterbox: Letterbox) -> tuple[tuple[float, float], ...]:
    """Convex hull of the middles of the set pixels' sides, from the graph's input at ``origin`` into the picture."""
    rows, columns = np.nonzero(part)
    sides = [np.column_stack([columns + dx, rows + dy]) for dx, dy in ((0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5))]
    hull = cv2.convexHull(np.concatenate(sides).astype(np.float32)).reshape(-1, 2)
    inside = (hull + origin - (letterbox.left, letterbox.top)) / letterbox.scale
    return tuple((float(x), float(y)) for x, y in np.clip(inside, letterbox.inside[:2], letterbox.inside[2:]))


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
