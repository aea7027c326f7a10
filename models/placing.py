"""Where the item of a product lies in the pictures of one view, and how a new picture is laid over the samples'.

Where the item is clearly found in every sample, it is cut out, so that it has more pixels: at the one place where all
samples have it, or, when it lies elsewhere every time, where it is found. What is left is aligned (`models.alignment`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspection.finding import Box
from inspection.frame import Pixels
from models.alignment import Template, covered, in_the_same_light, laid_back, laid_over, small
from models.pixels import Letterbox, fit

Floats = npt.NDArray[np.float32]
ONE_PLACE = 0.6
"""Samples whose boxes overlap the middle one by at least this (intersection over union) have the item at one place."""
MARGIN = 0.04


@dataclass(frozen=True, slots=True)
class Cut:
    """What of a picture is looked at, in shares of its width and height.

    Attributes:
        left: likewise top, right, bottom: where the item lies in the samples.
        follows: whether it is cut out where it is found, and here only when it is not found.
    """

    left: float
    top: float
    right: float
    bottom: float
    follows: bool

    def box(self, picture: Pixels, found: Box | None) -> Box:
        """The part of ``picture`` to look at, when the finder has found the item at ``found``."""
        if self.follows and found is not None:
            return found
        height, width = picture.shape[:2]
        x, y = round(self.left * width), round(self.top * height)
        return Box(x, y, max(1, round(self.right * width) - x), max(1, round(self.bottom * height) - y))


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A picture laid over the samples'.

    Attributes:
        fitted: uint8 (S, S, 3) BGR, the graph's input.
        letterbox: how the picture was fitted before it was moved.
        matrix: (2, 3) from places of ``fitted`` to places before it was moved.
        inside: left, top, right, bottom of what was picture before it was moved, shares of the side.
    """

    fitted: Pixels
    letterbox: Letterbox
    matrix: Floats
    inside: tuple[float, float, float, float]

    def seen(self, cells: int) -> npt.NDArray[np.bool_]:
        """Which of (cells, cells) show what the camera saw."""
        return covered(self.matrix, self.inside, self.fitted.shape[0], cells)

    def back(self, cells: Floats) -> Floats:
        """A map (h, w) of the laid picture, as it lies in the fitted one; see ``letterbox``."""
        return laid_back(cells, self.matrix, self.fitted.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where the samples of one view show the item.

    Attributes:
        template: the sample that is most like the others.
        cut: what is cut out; ``None`` when the whole picture is looked at.
    """

    template: Template
    cut: Cut | None

    def lay(self, picture: Pixels, size: int, found: Box | None) -> Laid:
        """A picture (uint8 (H, W, 3) BGR) laid over the samples, ``size`` the side of the graph's input.

        Raises:
            PictureRefused: it is no picture.
        """
        fitted, letterbox = fit(picture, size, None if self.cut is None else self.cut.box(picture, found))
        matrix = self.template.align(fitted)
        moved = laid_over(fitted, matrix)
        return Laid(in_the_same_light(moved, self.template), letterbox, matrix, inside(letterbox, size))


def place_of(pictures: Sequence[Pixels], found: Sequence[Box | None], size: int) -> Place:
    """The place of samples, each with where the finder has found the item."""
    cut = _cut(pictures, [box for box in found if box is not None])
    boxes = [None if cut is None else cut.box(picture, box) for picture, box in zip(pictures, found, strict=True)]
    fitted = [fit(picture, size, box) for picture, box in zip(pictures, boxes, strict=True)]
    greys = [small(pixels).astype(np.float32).ravel() for pixels, _ in fitted]
    alike = np.nan_to_num(np.corrcoef(np.stack(greys)))
    pixels, letterbox = fitted[int(np.median(alike, axis=1).argmax())]
    return Place(Template(small(pixels), inside(letterbox, size)), cut)


def inside(letterbox: Letterbox, size: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the picture in its fitted one, shares of the side."""
    x, y, end_x, end_y = letterbox.inside
    edges = (
        letterbox.left + x * letterbox.scale, letterbox.top + y * letterbox.scale,
        letterbox.left + end_x * letterbox.scale, letterbox.top + end_y * letterbox.scale,
    )  # fmt: skip
    left, top, right, bottom = (min(1.0, max(0.0, edge / size)) for edge in edges)
    return left, top, right, bottom


def _cut(pictures: Sequence[Pixels], found: Sequence[Box]) -> Cut | None:
    if len(found) < len(pictures):
        return None
    sides = np.array([(picture.shape[1], picture.shape[0]) * 2 for picture in pictures], np.float64)
    corners = np.array([(box.x, box.y, box.x + box.width, box.y + box.height) for box in found]) / sides
    middle = np.median(corners, axis=0)
    follows = bool(min(_overlap(one, middle) for one in corners) < ONE_PLACE)
    if not follows:
        middle = np.concatenate([corners[:, :2].min(axis=0) - MARGIN, corners[:, 2:].max(axis=0) + MARGIN])
    left, top, right, bottom = (float(share) for share in np.clip(middle, 0, 1))
    return Cut(left, top, right, bottom, follows)


def _overlap(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Intersection over union of two boxes, each left, top, right, bottom."""
    width, height = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = max(0.0, float(width)) * max(0.0, float(height))
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    return common / max(1e-12, sum(areas) - common)
