"""Where a code lies in a picture: its four corners, whether two codes lie at one place, and the one on the item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from devices.barcode.in_frame_code import Corners, FrameCode, Point
from inspection.finding import Box
from inspection.frame import Pixels

Mask = Pixels
"""uint8 or bool, shape (H, W) of the picture; anything but zero is the item."""

ItemRegion = Box | Mask

Floats = npt.NDArray[np.float32]


_GROWTH = 0.05  # of the longer side: readers disagree that much about where the bars of one code end
_CLOSE_CALL = 0.1  # of the region's diagonal: two codes that differ less in distance are equally near


@dataclass(frozen=True, slots=True)
class Choice:
    """The code on the item, or why there is none.

    Attributes:
        code: the one on the item; ``None`` when there is none or place does not tell which.
        problem: ``""``, ``none_on_item`` or ``ambiguous``.
        rivals: the codes between which place does not decide; empty otherwise.
    """

    code: FrameCode | None
    problem: str = ""
    rivals: tuple[FrameCode, ...] = ()


def choose(codes: Sequence[FrameCode], item_region: ItemRegion) -> Choice:
    """The code that lies on the item: its centre inside ``item_region``, nearest the region's centre.

    Args:
        codes: what was read in one picture. Leave out those of no interest (another format, another kind of content)
            before; place cannot tell the product's number from a printed web address.
        item_region: box, or mask of the picture's height and width, of the item in the same picture. The centre of a
            mask is its centre of gravity.

    Two codes of different text whose distances from the centre differ by less than a tenth of the region's diagonal are
    ambiguous. The same text twice is one answer: the nearer is taken.
    """
    centre, diagonal = _extent(item_region)
    inside = [code for code in codes if contains(item_region, code.corners)]
    if not inside:
        return Choice(None, "none_on_item")
    inside.sort(key=lambda code: _distance(centre_of(code.corners), centre))
    nearest = inside[0]
    reach = _distance(centre_of(nearest.corners), centre) + _CLOSE_CALL * diagonal
    rivals = [code for code in inside if _distance(centre_of(code.corners), centre) < reach]
    if any(code.text != nearest.text for code in rivals):
        return Choice(None, "ambiguous", tuple(rivals))
    return Choice(nearest)


def contains(item_region: ItemRegion, corners: Corners) -> bool:
    """Whether the centre of ``corners`` lies on the item."""
    x, y = centre_of(corners)
    if isinstance(item_region, Box):
        left, top = item_region.x, item_region.y
        return left <= x < left + item_region.width and top <= y < top + item_region.height
    column, row = int(x), int(y)
    height, width = item_region.shape
    return 0 <= row < height and 0 <= column < width and bool(item_region[row, column])


def centre_of(corners: Corners) -> Point:
    """Mean of the four corners, pixels."""
    return sum(x for x, _ in corners) / 4, sum(y for _, y in corners) / 4


def at_one_place(one: Corners, other: Corners) -> bool:
    """Whether two quadrilaterals overlap, each grown by a twentieth of its longer side."""
    shared, _ = cv2.intersectConvexConvex(_grown(one), _grown(other))
    return shared > 0


def _grown(corners: Corners) -> Floats:
    """Rectangle around ``corners`` as a convex polygon; a line across a linear code gets a thickness by this, too."""
    centre, (width, height), angle = cv2.minAreaRect(np.array(corners, np.float32))
    growth = 2 * max(1.0, _GROWTH * max(width, height))
    return np.asarray(cv2.boxPoints((centre, (width + growth, height + growth), angle)), np.float32)


def _extent(region: ItemRegion) -> tuple[Point, float]:
    """Centre and diagonal of the region, pixels; an empty mask has a diagonal of 0."""
    if isinstance(region, Box):
        return (region.x + region.width / 2, region.y + region.height / 2), float(np.hypot(region.width, region.height))
    rows, columns = np.nonzero(region)
    if rows.size == 0:
        return (0.0, 0.0), 0.0
    return (float(columns.mean()), float(rows.mean())), float(np.hypot(np.ptp(columns), np.ptp(rows)))


def _distance(one: Point, other: Point) -> float:
    return float(np.hypot(one[0] - other[0], one[1] - other[1]))
