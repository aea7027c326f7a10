"""Whether a customer's photograph shows enough: light, contrast, sharpness and size, without any calibration.

Sharpness, light and the item's place are measured as at the station (:mod:`calibration.quality`). What a station
forbids and a customer may do is left out: a hand that holds the item, a part of it close up, things beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from calibration.foreground import reduced_size, resized
from calibration.quality import Measured, examine
from inspection.frame import Pixels
from inspection.hub.precheck.messages import QUALITY

LOOKED_AT_SIDE = 1280
"""What is looked at is at most this large, so that limits in pixels mean the same for every camera."""
LEAST_SIDE_PX = 160
"""Of the shorter side; half a judge's input, and less shows no scratch."""
BLANK_GREYS, HAZY_GREYS, BLACK_GREYS = 12, 45, 3
"""Grey levels between the darkest and brightest hundredth: of a picture of nothing, of one through a smeared lens,
and of one taken in the dark that shows nothing at all."""
LEAST_ITEM_SHARE = 0.2
"""Of the picture's longer side that the item's has to take."""
AS_MEASURED = ("too_dark", "overexposed", "glare", "blurred", "moved")


@dataclass(frozen=True, slots=True)
class PhotoQuality:
    """What is wrong with a photograph.

    Attributes:
        problems: codes of :data:`inspection.hub.precheck.messages.QUALITY`, what to put right first.
        contrast: grey levels between the darkest and the brightest hundredth.
        brightness: mean grey level, 0..255.
        blur_px: most blurred direction of the sharpest edges, pixels of a picture of 1280; ``None`` without edges.
        item_share: of the longer side that the item takes; ``None`` when it cannot be told from what is around it.
    """

    problems: tuple[str, ...]
    contrast: float
    brightness: float
    blur_px: float | None
    item_share: float | None

    @property
    def ok(self) -> bool:
        return not self.problems


def photo_quality(picture: Pixels) -> PhotoQuality:
    """Measure a photograph: uint8 (H, W, 3) BGR, both sides at least 64."""
    height, width = picture.shape[:2]
    seen = resized(picture, reduced_size(width, height, LOOKED_AT_SIDE))
    grey = cv2.cvtColor(resized(seen, reduced_size(width, height, 256)), cv2.COLOR_BGR2GRAY)
    dark, bright = np.percentile(grey, (1, 99))
    contrast = float(bright - dark)
    report = examine(seen)
    share = _item_share(report.measured, seen)
    found = set(report.problems) & set(AS_MEASURED)
    if contrast < (BLACK_GREYS if "too_dark" in found else BLANK_GREYS):
        found = {"blank"}
    else:
        if contrast < HAZY_GREYS and "too_dark" not in found:
            found.add("low_contrast")
        if share is not None and share < LEAST_ITEM_SHARE:
            found.add("too_far")
        if min(height, width) < LEAST_SIDE_PX:
            found.add("low_resolution")
    blur = report.measured.blur_px
    return PhotoQuality(
        problems=tuple(code for code in QUALITY if code in found),
        contrast=round(contrast, 1),
        brightness=round(float(grey.mean()), 1),
        blur_px=None if blur is None else round(blur[1], 2),
        item_share=share,
    )


def _item_share(measured: Measured, seen: Pixels) -> float | None:
    if not measured.sure or measured.items == 0:
        return None
    return round(measured.long_side_px / float(max(seen.shape[:2])), 3)
