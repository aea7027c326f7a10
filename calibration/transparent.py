"""Glass and clear plastic differ from the table behind them in little but fine structure: ripples, rims, reflections.

Where the sure part of an item is ragged, this tells which places around it are no bare table, and adds them.
"""

from __future__ import annotations

import cv2
import numpy as np

from calibration.foreground import (
    EmptyView,
    Mask,
    Plane,
    as_mask,
    border_ring,
    closed,
    disc,
    filled,
    logarithm,
    opened,
    parts_of,
    scale_of,
    slope,
    solidity,
    without_specks,
)
from inspection.frame import Pixels

RAGGED = 0.915
"""Share of its convex hull below which an item's sure part is completed; what is opaque covers more of it."""
ROUNDER = 0.02
"""Share of the hull that completing must gain: else what was added is a shadow's edge, not the item's rest."""
CLEAR = 2.4
"""Fine structure from which a place is no bare table, in times that of the picture's border."""
HINTED = 1.3
"""Likewise, in the median over a bay of the outline."""
WINDOW = 9
RING = 12


def completed(small: Pixels, empty: EmptyView, item: Mask) -> Mask:
    """The item with what is transparent of it; the mask itself where it is not ragged, or nothing is gained.

    Args:
        small: uint8 (h, w, 3) BGR of the size that ``empty`` was prepared for.
        empty: the background.
        item: uint8 (h, w), 1 on the item's sure part.
    """
    before = solidity(item)
    if before >= RAGGED:
        return item
    structure = _structure(small, empty)
    unit = scale_of((small.shape[1], small.shape[0]))
    grown = _without_halo(item, _with_bays(_grown(item, structure, unit), structure, unit), unit)
    return grown if solidity(grown) > before + ROUNDER else item


def _structure(small: Pixels, empty: EmptyView) -> Plane:
    """Fine structure of the change from the empty station, in times that of the picture's border, float32 (h, w)."""
    height, width = small.shape[:2]
    unit = scale_of((width, height))
    change = logarithm(cv2.GaussianBlur(small, (0, 0), max(0.5, unit))) - empty.log_light
    slopes = [slope(np.ascontiguousarray(plane)) for plane in cv2.split(change)]
    window = 2 * round(WINDOW * unit / 2) + 1
    rough = cv2.blur(cv2.max(cv2.max(slopes[0], slopes[1]), slopes[2]), (window, window))
    border = border_ring(height, width, max(1, min(height, width) // RING))
    return np.asarray(rough / max(float(np.median(rough[border])), 1e-6), np.float32)


def _grown(item: Mask, structure: Plane, unit: float) -> Mask:
    """The item with the structured places near it, gaps between them closed."""
    places = without_specks(opened(as_mask(structure > CLEAR), round(2 * unit)), 60 * unit * unit)
    together = filled(closed(as_mask(places | item), round(20 * unit)))
    parts = [part for part in parts_of(opened(together, round(6 * unit))) if (part & item).any()]
    return parts[0] if parts else item


def _with_bays(item: Mask, structure: Plane, unit: float) -> Mask:
    """The item with those bays of its outline in which the table does not look bare."""
    outline = max(cv2.findContours(item, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=cv2.contourArea)
    hull = cv2.fillConvexPoly(np.zeros_like(item), cv2.convexHull(outline), (1,))
    rim = cv2.dilate(item, disc(round(5 * unit)))  # what is so near looks structured because of the item
    whole = item.copy()
    for bay in parts_of(as_mask(hull & (item == 0))):
        inner = structure[(bay & (rim == 0)) > 0]
        if len(inner) > 30 * unit * unit and np.median(inner) > HINTED:
            whole |= bay
    return whole


def _without_halo(item: Mask, grown: Mask, unit: float) -> Mask:
    """What was added, less the half window by which structure reaches over an edge, and only where it is more."""
    halo = disc(round(4 * unit))
    inner = np.asarray(cv2.erode(grown, halo, borderValue=1), np.uint8)
    near = cv2.dilate(item, disc(round(3 * unit)))
    added = opened(as_mask((inner > 0) & (near == 0)), round(4 * unit))
    if not added.any():
        return item
    return filled(closed(as_mask(item | as_mask(cv2.dilate(added, halo)) & inner), round(6 * unit)))
