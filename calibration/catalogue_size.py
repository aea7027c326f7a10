"""Whether what lies there is as large as its product: its outline on the table beside those that the product can have.

A product is taken for a box of its three dimensions, or, where two of them are equal, for a cylinder; it may stand or
lie in any way and be turned. Its outline on the table is that of its rim seen from the camera: what is high reaches
further out, away from the camera, so each way of standing predicts another outline.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from calibration.foreground import Mask
from calibration.isolate import LONG_SIDE, Isolated, size_on_plane
from calibration.record import CalibrationRecord
from calibration.sizes import Ruler, ruler_of
from inspection.item_size import ItemSize, SizeSeen

CELLS = 3.0
"""Pixels of the reduced picture in which the outline is found that it may be off, both sides together."""
SURE = 0.5
"""Least share of the outline that must lie on an edge of the picture."""
MOST_SLANT = 0.94
"""Sine of 70 degrees: a view along the table tells heights, not outlines."""
ROUND = 0.03
"""Two sides that differ by less make a cylinder."""
HIGHEST = 0.8
"""Of the camera's height, that an item may reach."""
ROUNDS = 3
BEST = (SizeSeen.AS_LISTED, SizeSeen.FOLDED, SizeSeen.SMALLER, SizeSeen.LARGER)
"""What is said when the ways to stand say different things."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TableView:
    """A camera above its table.

    Attributes:
        ruler: from pixels to millimetres on the table.
        camera_mm: float64 (3,), where the camera is: on the table, and above it (positive towards the camera).
        size: width and height of its frames.
    """

    ruler: Ruler
    camera_mm: Floats
    size: tuple[int, int]

    @classmethod
    def of(cls, record: CalibrationRecord) -> TableView | None:
        """The view of a record; ``None`` when its lens, its plane or the plane's pose is not known."""
        ruler, plane = ruler_of(record), record.plane
        if ruler is None or plane is None or record.lens is None:
            return None
        if plane.rotation is None or plane.translation_mm is None:
            return None
        rotation = np.asarray(cv2.Rodrigues(np.asarray(plane.rotation, np.float64))[0], np.float64)
        centre = -rotation.T @ np.asarray(plane.translation_mm, np.float64)
        return cls(ruler, np.array([centre[0], centre[1], abs(centre[2])]), (record.width, record.height))

    def slant(self, place_mm: Floats) -> float:
        """Sine of the angle between the line of sight to a place on the table and the table's normal."""
        aside = float(np.linalg.norm(self.camera_mm[:2] - place_mm))
        return aside / math.hypot(aside, float(self.camera_mm[2]))

    @property
    def middle_mm(self) -> Floats:
        """What the middle of the picture shows, on the table."""
        middle = np.array([[self.size[0] / 2, self.size[1] / 2]])
        return np.asarray(self.ruler.millimetres(middle)[0], np.float64)

    def shadow(self, points_mm: Floats, heights_mm: Floats) -> Floats:
        """Where points (N, 2) at heights (N, 1) are seen on the table."""
        reach = self.camera_mm[2] / (self.camera_mm[2] - heights_mm)
        return np.asarray(self.camera_mm[:2] + (points_mm - self.camera_mm[:2]) * reach, np.float64)


def compare_size(
    item: Isolated, table: TableView, size_mm: tuple[float, float, float], tolerance: float
) -> ItemSize | None:
    """How large an item is beside its product; ``None`` when this picture cannot tell.

    Args:
        item: as `calibration.isolate.isolate` found it with the view's background.
        table: the view.
        size_mm: the product's three dimensions in any order.
        tolerance: relative, of each side of the outline.
    """
    if not item.found:
        return ItemSize(SizeSeen.EMPTY, 0.0, 0.0, 1.0, table.slant(table.middle_mm))
    if item.touches or item.items != 1 or item.confidence < SURE:
        return None
    return compare_outline(item.mask, table, size_mm, tolerance, CELLS * max(1.0, max(table.size) / LONG_SIDE))


def compare_outline(
    mask: Mask, table: TableView, size_mm: tuple[float, float, float], tolerance: float, slack_px: float
) -> ItemSize | None:
    """The same for the mask of one whole item, of the picture's size; each side may be off by ``slack_px`` more."""
    measured = size_on_plane(mask, table.ruler)
    if measured is None:
        return None
    (x, y), _, turn = cv2.minAreaRect(_outline_mm(mask, table).astype(np.float32))
    place = np.array([x, y])
    slant = table.slant(place)
    ways = [
        _predicted(table, shape, place, math.radians(turn))
        for shape in _ways(size_mm)
        if shape[:, 2].max() < HIGHEST * table.camera_mm[2]
    ]
    if slant > MOST_SLANT or not np.isfinite(place).all() or not ways:
        return None
    slack = slack_px * _scale(mask, table) + table.ruler.rms_mm
    said = {_said(measured, way, tolerance, slack) for way in ways}
    seen = next(one for one in BEST if one in said)
    off = min(_apart(measured, way) for way in ways)
    return ItemSize(seen, measured[0], measured[1], round(off, 4), round(slant, 4))


def _ways(size_mm: tuple[float, float, float]) -> Iterator[Floats]:
    """Points (N, 3) on the rim of the product, its middle above the origin, for every way to stand or lie."""
    sides = sorted(size_mm)
    for one, other, long in ((0, 1, 2), (1, 2, 0)):
        if sides[other] - sides[one] <= ROUND * sides[other]:
            yield from _cylinder((sides[one] + sides[other]) / 2, sides[long])
            return
    for along, across, height in itertools.permutations(size_mm):
        corners = np.array(list(itertools.product((-0.5, 0.5), (-0.5, 0.5), (0, 1))), np.float64)
        yield corners * [along, across, height]


def _cylinder(diameter: float, length: float) -> Iterator[Floats]:
    """A standing one, and a lying one along and across."""
    angles = np.linspace(0, 2 * math.pi, 32, endpoint=False)
    across, up = diameter / 2 * np.cos(angles), diameter / 2 * np.sin(angles)
    still = np.zeros_like(angles)
    yield np.concatenate([np.column_stack([across, up, still + height]) for height in (0, length)])
    ends = (-length / 2, length / 2)
    yield np.concatenate([np.column_stack([still + end, across, up + diameter / 2]) for end in ends])
    yield np.concatenate([np.column_stack([across, still + end, up + diameter / 2]) for end in ends])


def _predicted(table: TableView, shape: Floats, place: Floats, turn: float) -> tuple[float, float]:
    """Longer and shorter side of the outline of a shape whose outline's middle is at a place on the table."""
    axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    stands = place.copy()
    sides: Sequence[float] = ()
    for _ in range(ROUNDS):
        outline = table.shadow(shape[:, :2] @ axes + stands, shape[:, 2:])
        middle, sides, _ = cv2.minAreaRect(outline.astype(np.float32))
        stands = stands + place - np.asarray(middle)
    return float(max(sides)), float(min(sides))


def _apart(measured: tuple[float, float], way: tuple[float, float]) -> float:
    return max(abs(seen - listed) / listed for seen, listed in zip(measured, way, strict=True))


def _said(measured: tuple[float, float], way: tuple[float, float], tolerance: float, slack: float) -> SizeSeen:
    """What one way to stand makes of the outline."""
    over = [_beyond(seen, listed, tolerance * listed + slack) for seen, listed in zip(measured, way, strict=True)]
    if over == [0, 0]:
        return SizeSeen.AS_LISTED
    if max(over) > 0:
        return SizeSeen.LARGER
    return SizeSeen.FOLDED if 0 in over else SizeSeen.SMALLER


def _beyond(seen: float, listed: float, allowed: float) -> int:
    return 0 if abs(seen - listed) <= allowed else 1 if seen > listed else -1


def _outline_mm(mask: Mask, table: TableView) -> Floats:
    contours = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    hull = cv2.convexHull(max(contours, key=cv2.contourArea)).reshape(-1, 2)
    return table.ruler.millimetres(hull.astype(np.float64))


def _scale(mask: Mask, table: TableView) -> float:
    """Millimetres of a pixel where they are most, around the item."""
    x, y, width, height = cv2.boundingRect(mask)
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64)
    return float(table.ruler.mm_per_px(corners).max())
