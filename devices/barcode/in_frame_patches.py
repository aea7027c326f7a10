"""Finds what looks like a code but was not read: slanted stripes, dense squares, bars beyond the ends of a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from devices.barcode.in_frame_code import Corners, FrameCode
from devices.barcode.in_frame_renderings import Rendering, upright

MOST = 3
"""Patches that are looked at."""

_STRIDE = 2  # every second pixel of every second row tells enough
_CELL = 8  # strided pixels: 16 of the picture
_CONTRAST = 900.0  # mean squared step in a cell: of 60 gray values in every fourth pixel
_STRIPED = 0.6  # coherence of the structure tensor: 1 is stripes, 0 is dots
_LEVEL = 20.0  # degrees: stripes that stand straighter were looked at already
_FILLED = 0.6  # of the rectangle around it; print in lines and edges of things fill less
_FEWEST_CELLS = 6
_NEAR, _FAR = 0.03, 0.14  # of the code's length from its end; the quiet zone of six ITF digits is 0.16
_BAND = 0.02
_GOES_ON = 0.25  # of the contrast within; a quiet zone has a tenth
_LONGEST = 3.0  # side ratio of a dense patch; text is longer


@dataclass(frozen=True, slots=True)
class Patch:
    """Where something unread is: ``corners`` in picture pixels in reading direction; ``striped`` or dense."""

    corners: Corners
    striped: bool


def unread_patches(rendering: Rendering, codes: Sequence[FrameCode]) -> list[Patch]:
    """Up to `MOST` patches outside ``codes``, largest first.

    Args:
        rendering: the picture, or a smaller copy of it.
        codes: what was read, with corners in pixels of the picture.
    """
    small = rendering.pixels[::_STRIDE, ::_STRIDE].astype(np.int16)
    if min(small.shape) < 4 * _CELL:
        return []
    across = (small[:-1, 1:] - small[:-1, :-1]).astype(np.float32)
    down = (small[1:, :-1] - small[:-1, :-1]).astype(np.float32)
    size = small.shape[1] // _CELL, small.shape[0] // _CELL
    xx, yy, xy = (
        cv2.resize(product, size, interpolation=cv2.INTER_AREA) for product in (across**2, down**2, across * down)
    )
    busy = ((xx + yy) > _CONTRAST).astype(np.uint8)
    step = _STRIDE * _CELL * float(rendering.back[0, 0])
    for code in codes:
        _blank(busy, code.corners, step)
    busy = np.asarray(cv2.morphologyEx(busy, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), np.uint8)
    count, labels, facts, _ = cv2.connectedComponentsWithStats(busy, connectivity=4)
    order = sorted(range(1, count), key=lambda label: -facts[label, cv2.CC_STAT_AREA])
    found: list[Patch] = []
    for label in order:
        if facts[label, cv2.CC_STAT_AREA] < _FEWEST_CELLS or len(found) == MOST:
            break
        cells = labels == label
        patch = _patch(cells, float(xx[cells].sum()), float(yy[cells].sum()), float(xy[cells].sum()), step)
        if patch is not None:
            found.append(patch)
    return found


def goes_on(picture: Rendering, code: FrameCode) -> bool:
    """Whether the bars of a linear code go on, left or right, where it should have ended with a quiet zone.

    Looked at in rows across the bars: as much contrast just outside an end as just inside, in the middle's rows. A line
    that slants leaves the bars at their top or foot, where only the rows further in show that there are more.
    """
    cut_out = upright(picture, code.corners, margin=0.3)
    into = cv2.invertAffineTransform(cut_out.back)
    corners = np.array(code.corners) @ into[:, :2].T + into[:, 2]
    left, right = (corners[0] + corners[3]) / 2, (corners[1] + corners[2]) / 2
    length = float(right[0] - left[0])
    for end, outwards in ((left, -1), (right, 1)):
        row, band = int((left[1] + right[1]) / 2), max(1, round(_BAND * length))
        rows = cut_out.pixels[max(row - band, 0) : row + band + 1].astype(np.float32)
        contrast = np.abs(np.diff(rows.mean(axis=0))) if len(rows) else np.zeros(0)
        outside = _mean(contrast, end[0] + outwards * _NEAR * length, end[0] + outwards * _FAR * length)
        inside = _mean(contrast, end[0] - outwards * _NEAR * length, end[0] - outwards * _FAR * length)
        if outside > _GOES_ON * inside > 0:
            return True
    return False


def _mean(values: np.ndarray, one: float, other: float) -> float:
    part = values[max(0, round(min(one, other))) : max(0, round(max(one, other)))]
    return float(part.mean()) if part.size else 0.0


def _patch(cells: np.ndarray, xx: float, yy: float, xy: float, step: float) -> Patch | None:
    rows, columns = np.nonzero(cells)
    outline = np.concatenate([np.column_stack([columns + i, rows + j]) for i in (0, 1) for j in (0, 1)])
    centre, sides, angle = cv2.minAreaRect(outline.astype(np.float32))
    if len(rows) < _FILLED * sides[0] * sides[1]:
        return None
    coherence = float(np.hypot(xx - yy, 2 * xy)) / (xx + yy)
    if coherence < _STRIPED:
        if max(sides) > _LONGEST * min(sides):
            return None
        return Patch(_box(centre, sides, angle, step), striped=False)
    across_bars = float(np.degrees(np.arctan2(2 * xy, xx - yy))) / 2
    if abs(across_bars) < _LEVEL:
        return None
    # The rectangle's angle is that of its first side; take the side that runs across the bars.
    turned = round((across_bars - angle) / 90)
    along = sides if turned % 2 == 0 else (sides[1], sides[0])
    return Patch(_box(centre, along, across_bars, step), striped=True)


def _box(centre: Sequence[float], sides: Sequence[float], degrees: float, step: float) -> Corners:
    turn = np.radians(degrees)
    along = np.array([np.cos(turn), np.sin(turn)]) * sides[0] / 2
    across = np.array([-np.sin(turn), np.cos(turn)]) * sides[1] / 2
    middle = np.array(centre)
    points = [middle - along - across, middle + along - across, middle + along + across, middle - along + across]
    one, two, three, four = ((float(x * step), float(y * step)) for x, y in points)
    return one, two, three, four


def _blank(busy: np.ndarray, corners: Corners, step: float) -> None:
    """Take out a code that was read, and a cell around it; more of a linear code, of which one line may be known."""
    centre, sides, angle = cv2.minAreaRect(np.array(corners, np.float32) / step)
    grown = [max(side, 0.5 * max(sides)) + 2 for side in sides]
    cv2.fillConvexPoly(busy, np.round(cv2.boxPoints((centre, grown, angle))).astype(np.int32), 0)
