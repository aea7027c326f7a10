"""What lies in a picture, roughly and fast: the item, other items, and what reaches in from the border."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from calibration.foreground import (
    EmptyView,
    Foreground,
    Mask,
    as_mask,
    border_ring,
    differing,
    disc,
    linear,
    middle,
    opened,
    parts_of,
    slope,
    standing_out,
)
from calibration.isolate import LEAST_SHARE, SECOND_SHARE, touched_sides
from inspection.frame import Pixels

SKIN_LOW, SKIN_HIGH = (40, 137, 77), (255, 178, 127)
"""YCrCb of skin of all complexions in white light (after Chai and Ngan 1999)."""
GAP_PX = 20
ARM = 0.4
"""What is narrower than this part of the item's own width reaches in; it is not the item."""
BESIDE_SHARE = 0.05
"""Of the item's area: what is so large is something else when bare table lies between; what is smaller, a crumb."""
BARE, EVEN = 0.5, 0.11
"""How clearly bare table, perhaps in a soft shadow, stands out at most, and how much that changes from place to place.
Between the pieces in which a dark phone is seen the first is 0.64, between those of a clear bottle the second 0.15;
between two items they are up to 0.33 and 0.08."""
THIN = 0.65
"""How clearly a thing at the border stands out at least when part of it does so fully, as thin dark tools do."""
BRIGHT, HIGHLIGHT = 95, 99.5
"""Percentiles of light that a picture's brightest plain places have, and reflections and print."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What lies there, in a reduced picture.

    Attributes:
        item: uint8 (h, w), 1 on the item; all 0 when there is none.
        items: how many separate items lie there.
        reaching: share of the picture covered by what reaches in from the border and is not the item.
        touches: sides at which the item itself is cut off.
        gain: light on the empty places, in times that on the background; ``None`` without one.
        bright: linear light 0..1 of the brightest twentieth of the picture, or a fourth of that of its highlights.
        sure: whether that can be said at all, see `calibration.foreground.Foreground`.
    """

    item: Mask
    items: int
    reaching: float
    touches: tuple[str, ...]
    gain: float | None
    bright: float
    sure: bool = True


def find_region(small: Pixels, empty: EmptyView | None) -> Region:
    """Find item, other items and hands.

    Args:
        small: uint8 (h, w, 3) BGR, reduced.
        empty: the background of the same size; ``None`` when there is none. Then only skin counts as reaching in.
    """
    seen = standing_out(small) if empty is None else differing(small, empty, GAP_PX)
    grey = as_mask(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))
    bright = _bright(grey)
    skin = _skin(small)
    parts = parts_of(seen.mask, LEAST_SHARE * seen.mask.size)
    if not parts:
        return Region(np.zeros_like(seen.mask), 0, 0.0, (), seen.gain, bright, seen.sure)
    item = _most_likely(parts, skin)
    others = [part for part in parts if part is not item]
    arm = _arm(item, skin)
    trimmed = as_mask(item & (arm == 0))
    item = trimmed if trimmed.any() else item
    reaching = arm.copy()
    for other in others:
        if touched_sides(other) and (empty is not None or (other & skin).sum() > 0.5 * other.sum()):
            reaching |= other
    if empty is not None:
        reaching |= _thin_at_the_border(seen, as_mask(cv2.dilate(item, disc(2))))
    own = [
        part for part in others if not touched_sides(part) and _is_another(part, item, seen, known=empty is not None)
    ]
    share = float(reaching.mean())
    cut = as_mask(item & (cv2.dilate(reaching, disc(3)) == 0))  # what the arm leaves of itself is no cut item
    return Region(item, 1 + len(own), share, touched_sides(cut), seen.gain, bright, seen.sure)


def _most_likely(parts: list[Mask], skin: Mask) -> Mask:
    """The largest part, those in the middle first, those that are skin at the border last."""
    weight = 0.2 + middle(*parts[0].shape)

    def likely(part: Mask) -> float:
        doubt = 0.3 if touched_sides(part) and (part & skin).sum() > 0.5 * part.sum() else 1.0
        return doubt * float((part * weight).sum())

    return max(parts, key=likely)


def _is_another(part: Mask, item: Mask, seen: Foreground, *, known: bool) -> bool:
    """Whether a part is another item: a large one always, a smaller one when bare table lies between."""
    share = cv2.countNonZero(part) / cv2.countNonZero(item)
    if share >= SECOND_SHARE or not known:
        return share >= SECOND_SHARE
    if share < BESIDE_SHARE:
        return False
    both = part | item
    outlines = np.concatenate(cv2.findContours(both, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0])
    hull = cv2.fillConvexPoly(np.zeros_like(both), cv2.convexHull(outlines), (1,))
    between = (hull > 0) & (cv2.dilate(seen.mask, disc(3)) == 0)
    if not between.any():
        return False
    changes = slope(np.minimum(seen.score, 1))[between]
    return bool(np.median(seen.score[between]) < BARE and np.percentile(changes, 75) < EVEN)


def _thin_at_the_border(seen: Foreground, item: Mask) -> Mask:
    """What stands out a little, but somewhere clearly, and comes in from the border."""
    weak = opened(as_mask((seen.score > THIN) & (item == 0)), 1)
    clear = as_mask(seen.score > 1)
    found = np.zeros_like(weak)
    for part in parts_of(weak, LEAST_SHARE * weak.size):
        if touched_sides(part) and (part & clear).any():
            found |= part
    return found


def _bright(grey: Mask) -> float:
    counts = np.cumsum(cv2.calcHist([grey], [0], None, [256], [0, 256]))
    levels = np.searchsorted(counts, np.array([BRIGHT, HIGHLIGHT]) / 100 * counts[-1])
    plain, highlight = linear(levels.astype(np.uint8))
    return max(float(plain), float(highlight) / 4)  # what is black on black shines somewhere when there is light


def _skin(small: Pixels) -> Mask:
    mask = cv2.inRange(cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb), SKIN_LOW, SKIN_HIGH)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(1)) // 255, np.uint8)


def _arm(item: Mask, skin: Mask) -> Mask:
    """What of the item's part reaches in from the border: skin that is not all of it, or a narrow part of it."""
    nothing = np.zeros_like(item)
    if not touched_sides(item):
        return nothing
    ring = border_ring(item.shape[0], item.shape[1], 2)
    bare = item & skin
    for part in parts_of(bare):
        if touched_sides(part) and 0.02 * item.sum() < part.sum() < 0.7 * item.sum():
            nothing |= part
    if nothing.any():
        return nothing
    width = float(
        cv2.distanceTransform(cv2.copyMakeBorder(item, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3).max()
    )
    body = cv2.morphologyEx(item, cv2.MORPH_OPEN, disc(max(1, round(ARM * width))))
    body = as_mask(cv2.dilate(body, disc(2))) & item
    narrow = as_mask(item & (body == 0))
    if not body.any() or (body & ring).any():
        return nothing
    return np.asarray(sum((part for part in parts_of(narrow) if (part & ring).any()), nothing), np.uint8)
