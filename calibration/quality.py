"""Whether a picture can carry a verdict: what is wrong with the capture, by code, and what was measured.

Limits follow from the view's calibration record (light, noise, sharpness of the background); without one they are the
stated defaults, and more tolerant. Everything is measured on the item's region of a reduced picture, but for blur,
which is measured on the sharpest places of the full one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from calibration.acuity import Acuity, acuity, noise_of, sharpness
from calibration.colour import corrected
from calibration.foreground import EmptyView, Mask, as_mask, disc, parts_of, reduced_size, resized
from calibration.isolate import checked
from calibration.record import Background, CalibrationRecord
from calibration.region import Region, find_region
from calibration.sample import srgb_code
from inspection.finding import CaptureQuality
from inspection.frame import Pixels

__all__ = ["PROBLEMS", "Limits", "Measured", "Reference", "Report", "examine", "sharpness"]

PROBLEMS = (
    "too_dark",
    "overexposed",
    "nothing_there",
    "hand_in_view",
    "two_items",
    "cut_off",
    "too_small",
    "blurred",
    "moved",
    "glare",
)
"""Codes, in the order in which a worker had best put them right."""
OF_LAYOUT = frozenset({"nothing_there", "hand_in_view", "two_items", "cut_off", "too_small"})
"""Codes that need to know what is the table: from a background, or because the picture's border shows it plainly."""

LONG_SIDE = 192
CLIPPED_BELOW = 5
"""Grey levels under that of a clipped pixel from which a channel counts as clipped: a JPEG's error."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a capture is refused.

    Attributes:
        blur_px: standard deviation of the blur of the sharpest edges, pixels of the full frame.
        moved_ratio: how many times more blurred in one direction than in the other a moved picture is.
        least_gain: least light on the table, in times that of the calibration.
        most_gain: most light likewise.
        least_bright: linear light 0..1 that the brightest twentieth of a picture without background must have.
        clipped_share: of the item that may be white in all channels.
        glare_share: of the item that one compact white spot may cover.
        least_side_px: of the item's longer side, pixels of the full frame.
        reaching_share: of the picture that something may reach in from the border.
    """

    blur_px: float
    moved_ratio: float
    least_gain: float
    most_gain: float
    least_bright: float
    clipped_share: float
    glare_share: float
    least_side_px: float
    reaching_share: float

    @classmethod
    def of(cls, record: CalibrationRecord | None, width: int, height: int, *, known: bool) -> Limits:
        """Limits for frames of this size.

        Blur: twice that of the background as calibrated, but at least one pixel and at most the default. Light: what
        keeps the noise, which counts more the less light there is, below `NOISE_ALLOWED`; half of it when the noise is
        not known. More than 1.6 times the light clips white paper, which has 0.6 of full scale at a usual exposure.
        Without a background nothing is sure about where the item is, and the other limits are wider.

        Args:
            record: of the view; ``None`` when it is not calibrated.
            width: of the frames; height: likewise.
            known: whether there is a background.
        """
        default = (DEFAULT_BLUR if known else DEFAULT_BLUR_ALONE) * max(width, height)
        background = record.background if record is not None else None
        light = record.light if record is not None else None
        blur = default
        if background is not None and background.sharpness > 0:
            blur = min(default, 2 / background.sharpness)
        dark = 0.5 if light is None else float(np.clip(light.noise / NOISE_ALLOWED, 0.25, 0.6))
        return cls(
            blur_px=max(LEAST_BLUR_PX, blur),
            moved_ratio=2.0,
            least_gain=dark,
            most_gain=1.6,
            least_bright=0.07,
            clipped_share=0.5,
            glare_share=0.05 if known else 0.1,
            least_side_px=96.0 if known else 64.0,
            reaching_share=0.002 if known else 0.03,
        )


DEFAULT_BLUR, DEFAULT_BLUR_ALONE = 0.0017, 0.0023
"""Of the frame's longer side: 2.2 px at 1280 with a background, 2.9 without."""
LEAST_BLUR_PX = 1.0
NOISE_ALLOWED = 3.0
"""Grey levels of noise with which half the light may be missing; with less noise more may be, in proportion."""
COMPACT = 0.83
"""Share of its convex hull that the image of a lamp covers; white print, with what stands in it, covers less."""
LEAST_SPOT = 0.02
CORE, CORE_ROUND = 1.6, 0.85
"""A lamp that runs into other highlights is seen by its core: a disc of so much of the radius fits into a spot of so
many times the allowed area."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A view's calibration prepared for checking its frames; make it once.

    Attributes:
        limits: from where on a capture is refused.
        size: (width, height) that frames are reduced to.
        empty: its background, reduced; ``None`` when there is none.
        noise: of one pixel as calibrated, grey levels; ``None`` when it is estimated from each picture.
        clipped: B, G and R from which a pixel counts as clipped: what the colour correction makes of a clipped one.
    """

    limits: Limits
    size: tuple[int, int]
    empty: EmptyView | None = None
    noise: float | None = None
    clipped: tuple[int, int, int] = (255 - CLIPPED_BELOW,) * 3

    @classmethod
    def of(
        cls, record: CalibrationRecord | None, width: int, height: int, background: Background | Pixels | None = None
    ) -> Reference:
        """Prepare for frames of width x height.

        Args:
            record: of the view; ``None`` when it is not calibrated.
            background: another one than the record's, e.g. a picture of the empty station.
        """
        size = reduced_size(width, height, LONG_SIDE)
        if background is None and record is not None:
            background = record.background
        limits = Limits.of(record, width, height, known=background is not None)
        noise = record.light.noise if record is not None and record.light is not None else None
        empty = None if background is None else EmptyView.of(background, size)
        return cls(limits, size, empty, noise, _clipped_levels(record))


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured in a picture.

    Attributes:
        share: of the picture that the item covers, 0..1; 0 when there is none.
        items: how many items.
        long_side_px: longer side of the item's box, pixels of the full frame.
        touches: sides of the picture at which the item is cut off.
        reaching: share of the picture that something reaches in from the border.
        gain: light in times that of the calibration; ``None`` without a background.
        bright: linear light 0..1 of the brightest twentieth of the picture, or a fourth of that of its highlights.
        clipped: share of the item, or of the picture when there is none, that is white in all channels.
        glare: share of the item that the largest compact white spot covers.
        noise: of one pixel, grey levels.
        blur_px: least and most blur of the item's edges by direction; ``None`` when no edge is to be seen.
        sure: whether what was found is what lies there: without a background only on a plain table.
    """

    share: float
    items: int
    long_side_px: float
    touches: tuple[str, ...]
    reaching: float
    gain: float | None
    bright: float
    clipped: float
    glare: float
    noise: float
    blur_px: tuple[float, float] | None
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """What is wrong with a capture.

    Attributes:
        problems: by code, in the order of `PROBLEMS`.
        measured: what they follow from.
        region: where what lies there was found.
        not_calibrated: codes that nobody can tell for lack of a background; they are no problems.
    """

    problems: tuple[str, ...]
    measured: Measured
    region: Region | None = field(default=None, compare=False, repr=False)
    not_calibrated: tuple[str, ...] = ()

    def quality(self, view: str) -> CaptureQuality:
        """The same for an assessment."""
        return CaptureQuality(view, self.problems)


def examine(picture: Pixels, reference: Reference | None = None) -> Report:
    """Say what is wrong with a capture.

    Args:
        picture: uint8 (H, W, 3) BGR, the corrected frame, at least 16 x 16.
        reference: of the view; ``None`` uses the defaults of an uncalibrated one.

    Raises:
        CalibrationError: no such picture (``calibration.picture``).
    """
    checked(picture)
    height, width = picture.shape[:2]
    if reference is None:
        reference = Reference.of(None, width, height)
    small = resized(picture, reference.size)
    region = find_region(small, reference.empty)
    measured = _measure(picture, small, region, reference)
    unknown = tuple(code for code in PROBLEMS if code in OF_LAYOUT and not measured.sure)
    return Report(_problems(measured, reference.limits), measured, region, unknown)


def _measure(picture: Pixels, small: Pixels, region: Region, reference: Reference) -> Measured:
    item = region.item
    noise = noise_of(picture, 1 - item) if reference.noise is None else reference.noise
    white = as_mask(cv2.inRange(small, reference.clipped, (255,) * 3) > 0)
    blur, clipped, glare, long_side = Acuity(), float(white.mean()), 0.0, 0.0
    if item.any() or not region.sure:
        where = as_mask(cv2.dilate(item, disc(2))) if item.any() else np.ones_like(item)
        blur = acuity(picture, where, noise)
    if item.any():
        clipped, glare = _white(white & item, item, reference.limits.glare_share)
        long_side = max(cv2.boundingRect(item)[2:]) * picture.shape[1] / small.shape[1]
    return Measured(
        share=float(item.mean()),
        items=region.items,
        long_side_px=round(long_side, 1),
        touches=region.touches,
        reaching=region.reaching,
        gain=region.gain,
        bright=region.bright,
        clipped=clipped,
        glare=glare,
        noise=noise,
        blur_px=None if blur.least is None or blur.most is None else (blur.least, blur.most),
        sure=region.sure,
    )


def _clipped_levels(record: CalibrationRecord | None) -> tuple[int, int, int]:
    """B, G and R; a channel that the correction makes darker does not reach 255 in the corrected picture."""
    light = np.ones(3)
    if record is not None and record.colour is not None:
        light = corrected(light, record.colour.terms, np.asarray(record.colour.matrix))
    red, green, blue = (int(level) - CLIPPED_BELOW for level in srgb_code(light))
    return (blue, green, red)


def _white(white: Mask, item: Mask, allowed: float) -> tuple[float, float]:
    """Share of the item that is clipped in all channels, and of its largest compact spot or core of one."""
    area, clipped = cv2.countNonZero(item), cv2.countNonZero(white)
    if clipped < LEAST_SPOT * area:
        return clipped / area, 0.0
    spots = parts_of(white, LEAST_SPOT * area)
    if clipped >= allowed * area:
        radius = CORE_ROUND * float(np.sqrt(CORE * allowed * area / np.pi))
        spots += parts_of(_discs_in(white, max(1.0, radius)), LEAST_SPOT * area)
    compact = (cv2.countNonZero(spot) for spot in spots if _fills_hull(spot) >= COMPACT)
    return clipped / area, max(compact, default=0) / area


def _discs_in(mask: Mask, radius: float) -> Mask:
    """What discs of that radius cover within the mask: an opening by distances, as a large disc is dear otherwise."""
    middles = as_mask(cv2.distanceTransform(mask, cv2.DIST_L2, 3) < radius)
    if middles.all():
        return np.zeros_like(mask)
    return as_mask(cv2.distanceTransform(middles, cv2.DIST_L2, 3) < radius)


def _fills_hull(spot: Mask) -> float:
    """Share of its convex hull that a spot covers, 0..1."""
    outline = max(cv2.findContours(spot, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    hull = cv2.fillConvexPoly(np.zeros_like(spot), cv2.convexHull(outline), (1,))
    return cv2.countNonZero(spot) / cv2.countNonZero(hull)


def _problems(measured: Measured, limits: Limits) -> tuple[str, ...]:
    found = _light_problems(measured, limits)
    if measured.sure and measured.items == 0:
        if "too_dark" not in found:
            found.add("nothing_there")
    else:
        if measured.sure:
            found |= _layout_problems(measured, limits)
        if "too_dark" not in found:  # edges in the dark tell nothing
            found |= _blur_problems(measured, limits)
    return tuple(code for code in PROBLEMS if code in found)


def _light_problems(measured: Measured, limits: Limits) -> set[str]:
    found = set()
    dark = measured.bright < limits.least_bright if measured.gain is None else measured.gain < limits.least_gain
    if dark:
        found.add("too_dark")
    if (measured.gain is not None and measured.gain > limits.most_gain) or measured.clipped > limits.clipped_share:
        found.add("overexposed")
    elif measured.glare > limits.glare_share:
        found.add("glare")
    return found


def _layout_problems(measured: Measured, limits: Limits) -> set[str]:
    checks = {
        "hand_in_view": measured.reaching > limits.reaching_share,
        "two_items": measured.items > 1,
        "cut_off": bool(measured.touches),
        "too_small": measured.long_side_px < limits.least_side_px,
    }
    return {code for code, wrong in checks.items() if wrong}


def _blur_problems(measured: Measured, limits: Limits) -> set[str]:
    if measured.blur_px is None:
        return {"blurred"}
    least, most = measured.blur_px
    if most <= limits.blur_px:
        return set()
    return {"moved" if most > limits.moved_ratio * max(least, 0.5) else "blurred"}
