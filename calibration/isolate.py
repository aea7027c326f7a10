"""Where the item is: its mask, its box, a square to cut out, and its size on the table.

With a background of the view the item is what differs from it; without one it is what stands out of the picture.
Both are rough at first and then cut along the colours of this very picture (GrabCut, Rother and others 2004). What ran
out of an item belongs to it: a judge must see it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from calibration.ends import lengthened
from calibration.foreground import (
    EmptyView,
    Foreground,
    Mask,
    as_mask,
    closed,
    differing,
    disc,
    filled,
    middle,
    parts_of,
    reduced_size,
    resized,
    scale_of,
    solidity,
    standing_out,
)
from calibration.record import Background
from calibration.sizes import Ruler, region_of_mask
from calibration.transparent import completed
from inspection.errors import CalibrationError
from inspection.finding import Box
from inspection.frame import Pixels

LONG_SIDE = 640
LONG_SIDE_ALONE = 320
MARGIN = 0.1
MARGIN_ALONE = 0.2
"""Around the item, of its longer side; without a background its outline is less sure."""
LEAST_SHARE = 0.002
"""Of the picture; what is smaller is dirt."""
SECOND_SHARE = 0.25
"""Of the item's area; what is smaller beside it is a part of it or dirt."""
GROWTH = (0.85, 0.7, 0.6, 0.5)
MOST_GROWN = 1.7
LEAST_CONFIDENCE, LEAST_CONFIDENCE_ALONE = 0.2, 0.65
"""Below which nothing was found. Without a background, outlines drawn through a shelf full of goods have 0.2 to 0.6,
those of one item on a table 0.8 to 1."""
_SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True, slots=True, eq=False)
class Isolated:
    """An item found in a picture, or nothing.

    Attributes:
        mask: uint8 (H, W), 255 on the item; all 0 when nothing was found.
        box: smallest box around the mask; ``None`` when nothing was found.
        crop: the square to cut out, with a margin; it may reach over the border, see `cut`. (left, top, side).
        share: of the picture that the item covers, 0..1.
        touches: sides of the picture that it touches: ``left``, ``top``, ``right``, ``bottom``.
        items: how many separate items lie there.
        size_mm: length and width of the smallest rectangle around it, at the ruler's height; ``None`` without one.
        confidence: share of its outline that lies on an edge of the picture, 0..1.
    """

    mask: Mask
    box: Box | None = None
    crop: tuple[int, int, int] | None = None
    share: float = 0.0
    touches: tuple[str, ...] = ()
    items: int = 0
    size_mm: tuple[float, float] | None = None
    confidence: float = 0.0

    @property
    def found(self) -> bool:
        return self.box is not None


def isolate(
    picture: Pixels,
    background: Background | Pixels | None = None,
    *,
    ruler: Ruler | None = None,
    refine: bool = True,
) -> Isolated:
    """Find the item.

    Args:
        picture: uint8 (H, W, 3) BGR, at least 16 x 16.
        background: of the view, or a picture of the same view with nothing on it; ``None`` when there is neither.
        ruler: of the view's plane, see `calibration.sizes.ruler_of`; without it there is no size in mm.
        refine: cut along the picture's own colours; without it ten times faster and some pixels too wide.

    Raises:
        CalibrationError: no such picture (``calibration.picture``).
    """
    checked(picture)
    height, width = picture.shape[:2]
    size = reduced_size(width, height, LONG_SIDE_ALONE if background is None else LONG_SIDE)
    small = resized(picture, size)
    if background is None:
        rough, items = _one_that_stands_out(standing_out(small))
    else:
        empty = EmptyView.of(background, size)
        rough, items = _main_part(differing(small, empty).mask)
        if refine and rough.any():
            rough = completed(small, empty, rough)
    if refine and rough.any():
        unsure = 0.005 if background is not None else 0.03
        rough = _cut_along_colours(small, rough, round(4 * scale_of(size) + unsure * float(np.sqrt(rough.sum()))))
        if background is None and (longer := lengthened(small, rough)).sum() > rough.sum():
            rough = _cut_along_colours(small, longer, 2)
    least = LEAST_CONFIDENCE if background is not None else LEAST_CONFIDENCE_ALONE
    if not rough.any() or (confidence := _confidence(small, rough)) < least:
        return Isolated(np.zeros((height, width), np.uint8))
    mask = _enlarged(rough, width, height)
    margin = MARGIN_ALONE if background is None else MARGIN
    return _described(mask, items, confidence, margin, ruler)


def cut(picture: Pixels, crop: tuple[int, int, int]) -> Pixels:
    """The square (left, top, side) of a picture; what lies beyond the border repeats the border."""
    left, top, side = crop
    height, width = picture.shape[:2]
    over = (max(0, -top), max(0, top + side - height), max(0, -left), max(0, left + side - width))
    part = picture[max(0, top) : top + side, max(0, left) : left + side]
    return np.asarray(cv2.copyMakeBorder(part, *over, cv2.BORDER_REPLICATE), np.uint8)


def checked(picture: Pixels) -> None:
    """Raises CalibrationError ``calibration.picture`` unless it is uint8 (H, W, 3) of at least 16 x 16."""
    least = 16
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:  # noqa: PLR2004
        raise CalibrationError(
            f"uint8 (H, W, 3) is needed, not {picture.dtype} {picture.shape}", code="picture", hint="Give BGR pixels."
        )
    if min(picture.shape[:2]) < least:
        raise CalibrationError(
            f"{picture.shape[1]}x{picture.shape[0]} pixels are too few to see an item in",
            code="picture",
            hint=f"Give a picture of at least {least}x{least}.",
        )


def size_on_plane(mask: Mask, ruler: Ruler) -> tuple[float, float] | None:
    """Length and width in mm of the smallest rectangle around the mask, at the ruler's height.

    What stands up is seen larger, by its height over the camera's distance. ``None`` when the mask reaches beyond the
    plane's horizon, so that it has no size.
    """
    rim = (mask > 0) & (cv2.erode(mask, disc(1), borderValue=0) == 0)
    try:
        size = ruler.measure(region_of_mask(np.asarray(rim, np.bool_)))
    except CalibrationError:
        return None
    return round(size.length_mm, 2), round(size.width_mm, 2)


def touched_sides(mask: Mask) -> tuple[str, ...]:
    """Sides of the picture at which the mask ends, in the order left, top, right, bottom."""
    ends = (mask[:, 0], mask[0], mask[:, -1], mask[-1])
    return tuple(side for side, end in zip(_SIDES, ends, strict=True) if end.any())


def _main_part(mask: Mask) -> tuple[Mask, int]:
    """The largest part, those nearer to the middle first, and how many there are of a like size."""
    parts = parts_of(mask, LEAST_SHARE * mask.size)
    if not parts:
        return np.zeros_like(mask), 0
    weight = 0.2 + middle(*mask.shape)
    item = max(parts, key=lambda part: float((part * weight).sum()))
    area = int(item.sum())
    return item, sum(1 for part in parts if part.sum() >= SECOND_SHARE * area)


def _one_that_stands_out(seen: Foreground) -> tuple[Mask, int]:
    """The part that stands out most, grown as far as that makes it rounder and larger, not ragged."""
    parts = parts_of(seen.mask, LEAST_SHARE * seen.mask.size)
    if not parts:
        return np.zeros_like(seen.mask), 0
    weight = seen.score * middle(*seen.mask.shape)
    item = max(parts, key=lambda part: float((part * weight).sum()))
    area = int(item.sum())
    candidates = [item]
    for level in GROWTH:
        grown = _grown(item, seen.score > level)
        if 0 < grown.sum() < MOST_GROWN * area:
            candidates.append(grown)
    best = max(candidates, key=lambda part: solidity(part) + 0.06 * float(np.log2(part.sum() / area)))
    return filled(closed(best, round(0.15 * float(np.sqrt(best.sum()))))), 1


def _grown(item: Mask, wider: npt.NDArray[np.bool_]) -> Mask:
    unit = scale_of((item.shape[1], item.shape[0]))
    mask = filled(closed(as_mask(wider | (item > 0)), round(6 * unit)))
    arms = round(max(6 * unit, 0.17 * float(np.sqrt(item.sum()))))
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(arms)), np.uint8)
    parts = [part for part in parts_of(mask) if (part & item).any()]
    return max(parts, key=lambda part: int((part & item).sum())) if parts else np.zeros_like(item)


def _cut_along_colours(small: Pixels, rough: Mask, band: int) -> Mask:
    unit = scale_of((small.shape[1], small.shape[0]))
    band = max(2, band)
    x, y, width, height = cv2.boundingRect(rough)
    room = 4 * band + round(12 * unit)
    window = np.s_[max(0, y - room) : y + height + room, max(0, x - room) : x + width + room]
    part = rough[window]
    trimap = np.where(part > 0, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    trimap[(cv2.dilate(part, disc(band)) > 0) & (part == 0)] = cv2.GC_PR_BGD
    trimap[cv2.erode(part, disc(band + 1)) > 0] = cv2.GC_FGD
    if not (trimap == cv2.GC_BGD).any():
        return rough
    cv2.setRNGSeed(1)  # the colours it starts from are drawn: the same picture must give the same mask
    cv2.grabCut(
        np.ascontiguousarray(small[window]),
        trimap,
        (0, 0, 1, 1),
        np.zeros((1, 65)),
        np.zeros((1, 65)),
        2,
        cv2.GC_INIT_WITH_MASK,
    )
    inside = as_mask((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD))
    tidy = filled(closed(inside, max(1, band // 2)))
    tidy = np.asarray(cv2.morphologyEx(tidy, cv2.MORPH_OPEN, disc(max(1, round(3 * unit)))), np.uint8)
    parts = parts_of(tidy)
    result = np.zeros_like(rough)
    if parts and parts[0].sum() > 0.5 * part.sum():
        result[window] = parts[0]
        return result
    return rough


def _confidence(small: Pixels, mask: Mask) -> float:
    light = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2LAB), (0, 0), 0.8).astype(np.float32)
    slope = np.zeros(mask.shape, np.float32)
    for plane in cv2.split(light):
        across, down = cv2.Sobel(plane, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(plane, cv2.CV_32F, 0, 1, scale=1 / 8)
        slope = np.maximum(slope, cv2.magnitude(across, down))
    near = cv2.dilate(slope, disc(2))
    outline = (cv2.dilate(mask, disc(1)) > 0) & (cv2.erode(mask, disc(1), borderValue=0) == 0)
    plain = float(np.percentile(slope[cv2.dilate(mask, disc(4)) == 0], 75)) if (mask == 0).mean() > 0.05 else 0.0  # noqa: PLR2004
    return float(np.mean(near[outline] > max(3 * plain, 2.0)))


def _enlarged(mask: Mask, width: int, height: int) -> Mask:
    soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(soft >= 0.5, 255, 0).astype(np.uint8)  # noqa: PLR2004


def _described(mask: Mask, items: int, confidence: float, margin: float, ruler: Ruler | None) -> Isolated:
    x, y, width, height = (int(value) for value in cv2.boundingRect(mask))
    side = round(max(width, height) * (1 + 2 * margin))
    return Isolated(
        mask=mask,
        box=Box(x, y, width, height),
        crop=(x + width // 2 - side // 2, y + height // 2 - side // 2, side),
        share=float(np.mean(mask > 0)),
        touches=touched_sides(mask),
        items=items,
        size_mm=None if ruler is None else size_on_plane(mask, ruler),
        confidence=round(confidence, 3),
    )
