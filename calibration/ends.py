"""The plain end of an item that was found by its detail: its sides go on in the picture and end in an edge across.

The foot of a can mirrors the table and has neither its own colours nor detail; its outline is seen all the same.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from calibration.foreground import Mask, solidity
from inspection.frame import Pixels

Floats = npt.NDArray[np.float64]
Plane = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

LEAST_SOLID, LEAST_FILLED = 0.88, 0.78
"""Of its hull and of its least rectangle that the item covers: only what has sides has ends."""
REACH = 0.45
"""Of the item's length that may be missing."""
INSIDE = (0.45, 0.1)
"""Part of the item, from its end, whose sides are continued."""
STRAIGHT = 0.02
"""Of the width that the sides may be off their lines there, by their median."""
LEAST_SLOPE, LEAST_END = 2.0, 4.0
"""Lightness (L*) a pixel, of a side and of the edge at the end."""
TIMES_BARE, TIMES_PLAIN = 2.0, 4.0
"""How many times stronger a side is than the table beside it, and the end than what lies between."""
BESIDE = 0.4
"""Of its strength that an end may have beyond the item's sides: the table's own edge goes on there."""
SEEN = 0.4
"""Share of the sides just above the end that is seen."""
DRIFT = 0.06
"""How far the sides may leave their lines, of the way."""


def lengthened(small: Pixels, mask: Mask) -> Mask:
    """The mask with those ends added that the picture shows.

    Args:
        small: uint8 (h, w, 3) BGR, reduced.
        mask: uint8 (h, w), 1 on the item.
    """
    outline = max(cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    (x, y), sides, angle = cv2.minAreaRect(outline)
    if min(sides) < 12 or solidity(mask) < LEAST_SOLID or mask.sum() < LEAST_FILLED * sides[0] * sides[1]:  # noqa: PLR2004
        return mask
    light = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)[..., 0], np.float32)
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), 0.8), np.float32)
    result = mask.copy()
    for turn in range(4):
        width, length = sides if turn % 2 == 0 else sides[::-1]
        added = _end(light, mask, (x, y), angle + 90 * turn, width, length)
        if added is not None:
            cv2.fillConvexPoly(result, np.rint(added).astype(np.int32), (1,))
    return result


def _end(
    light: Plane, mask: Mask, middle: tuple[float, float], angle: float, width: float, length: float
) -> Floats | None:
    """Corners (4, 2) of what is missing where the item, turned by some degrees, has its lower end."""
    room = round(0.3 * width)
    size = (round(width) + 2 * room, round(length * (0.5 + REACH)))
    to_patch = cv2.getRotationMatrix2D(middle, angle, 1.0)
    to_patch[:, 2] += np.array([size[0] / 2, 0]) - np.array(middle)
    patch = cv2.warpAffine(light, to_patch, size, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(mask, to_patch, size, flags=cv2.INTER_NEAREST) > 0
    end = round(length / 2)
    lines = _side_lines(inside, end, length, width)
    if lines is None:
        return None
    across = np.abs(cv2.Sobel(patch, cv2.CV_32F, 1, 0, scale=1 / 8))
    down = np.abs(cv2.Sobel(patch, cv2.CV_32F, 0, 1, scale=1 / 8))
    start = _lowest(inside, lines)
    rows = np.arange(start, size[1])
    left, right = (np.rint(np.polyval(line, rows)).astype(np.int64) for line in lines)
    near = max(2, round(0.04 * width))
    if len(rows) < 4 * near or left.min() < 2 * near or right.max() >= size[0] - 2 * near:
        return None
    if (right - left < 0.5 * width).any():
        return None
    seen = _seen(across, rows, left, right, near)
    last = _ends_at(down, rows, left, right, seen, near)
    if last is None:
        return None
    first = round(max(start - 0.2 * length, 0))
    corners = [(np.polyval(line, row), row) for line, row in ((lines[0], first), (lines[1], first))]
    corners += [(np.polyval(line, row), row) for line, row in ((lines[1], last), (lines[0], last))]
    back = cv2.invertAffineTransform(to_patch)
    return np.asarray(cv2.transform(np.array([corners], np.float64), back)[0], np.float64)


def _side_lines(inside: npt.NDArray[np.bool_], end: int, length: float, width: float) -> tuple[Floats, Floats] | None:
    """Left and right side as lines x of y; ``None`` when they are not straight."""
    rows = np.arange(max(0, round(end - INSIDE[0] * length)), round(end - INSIDE[1] * length))
    if len(rows) < 6 or not inside[rows].any(axis=1).all():  # noqa: PLR2004
        return None
    left = inside[rows].argmax(axis=1)
    right = inside.shape[1] - 1 - inside[rows, ::-1].argmax(axis=1)
    lines = []
    for side in (left, right):
        line = np.polyfit(rows, side, 1)
        if np.median(np.abs(np.polyval(line, rows) - side)) > max(1.0, STRAIGHT * width):
            return None
        lines.append(np.asarray(line, np.float64))
    return lines[0], lines[1]


def _lowest(inside: npt.NDArray[np.bool_], lines: tuple[Floats, Floats]) -> int:
    """First row below the item, in the middle third between its sides."""
    column = inside.any(axis=1)
    bottom = int(np.flatnonzero(column).max())
    low, high = (float(np.polyval(line, bottom)) for line in lines)
    third = np.s_[max(0, round(low + (high - low) / 3)) : round(high - (high - low) / 3) + 1]
    filled = inside[:, third].any(axis=1)
    return int(np.flatnonzero(filled).max()) + 1 if filled.any() else bottom + 1


def _seen(across: Plane, rows: Ints, left: Ints, right: Ints, near: int) -> npt.NDArray[np.bool_]:
    """Whether both sides are edges of the picture, by row; the further from the item, the less sure is their place."""
    found = []
    for away, (row, low, high) in enumerate(zip(rows, left, right, strict=True)):
        line, play = across[row], near + round(DRIFT * away)
        bare = np.concatenate([line[: max(1, low - 2 * play)], line[high + 2 * play :]])
        least = max(LEAST_SLOPE, TIMES_BARE * float(np.median(bare)))
        sides = (line[max(0, at - play) : at + play + 1].max() for at in (low, high))
        found.append(min(sides) > least)
    return np.array(found, np.bool_)


def _ends_at(down: Plane, rows: Ints, left: Ints, right: Ints, seen: npt.NDArray[np.bool_], near: int) -> int | None:
    """The row of an edge that is as wide as the item, where its sides are seen just above; ``None`` without one."""
    around = cv2.dilate(down, np.ones((2 * near + 1, 1), np.uint8))
    inner, outer = np.zeros(len(rows)), np.zeros(len(rows))
    for place, (row, low, high) in enumerate(zip(rows, left, right, strict=True)):
        rim = max(1, round(0.15 * (high - low)))
        inner[place] = np.percentile(around[row, low + rim : high - rim + 1], 30)
        outer[place] = np.median(np.concatenate([around[row, : max(1, low - rim)], around[row, high + rim :]]))
    best = int(np.argmax(np.where(np.arange(len(rows)) >= 2 * near, inner, 0)))
    above = seen[max(0, best - max(2 * near, 5)) : best + 1]
    clear = inner[best] > max(LEAST_END, TIMES_PLAIN * float(np.median(inner))) and outer[best] < BESIDE * inner[best]
    return int(rows[best]) if clear and above.mean() > SEEN else None
