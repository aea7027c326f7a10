"""The colours of a target's patches as a picture has them, without glare."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from calibration.detect import Sighting, homography_of, map_points
from calibration.targets import Card, ColourChart
from inspection.errors import CalibrationError
from inspection.frame import Pixels

INNER = 0.6
"""Share of a patch's sides that is looked at: the rim may be blurred or off by the lens's distortion."""
CLIPPED = 250
MIN_PIXELS = 12

Floats = npt.NDArray[np.float64]
_OUTLIER = 3.0
_MAD_TO_SIGMA = 1.4826
_CODE_KNEE, _LIGHT_KNEE = 0.04045, 0.0031308


@dataclass(frozen=True, slots=True, eq=False)
class PatchSamples:
    """What a picture shows of each patch, in the order of the target's patches.

    Attributes:
        rgb: float64 (N, 3), R, G, B, linear light 0..1 by the sRGB transfer function; mean of the pixels used.
        used: float64 (N,), share of the pixels looked at that are neither clipped nor glare, 0..1.
        good: bool (N,), whether at least half of them are.
        quads_px: float64 (N, 4, 2), the inner part of each patch in the picture, clockwise from top left.
    """

    rgb: Floats
    used: Floats
    good: npt.NDArray[np.bool_]
    quads_px: Floats


def sample_patches(picture: Pixels, target: ColourChart | Card, sighting: Sighting) -> PatchSamples:
    """Mean colour of each patch of a target that `calibration.detect.find_target` found.

    Clipped pixels (a channel at 250 or more) and pixels far brighter or darker than the patch's median (glare, dust:
    beyond three standard deviations, by the median absolute deviation) do not count.

    Args:
        picture: uint8 (H, W, 3) BGR, the one the sighting is from.
        target: the chart or card.
        sighting: where it is.

    Raises:
        CalibrationError: ``calibration.partial_target`` when a patch is too small or out of the picture.
    """
    if not target.patches:
        raise CalibrationError("the target has no patches", code="target")
    homography = homography_of(sighting)
    quads = np.stack([map_points(homography, _inner(patch.corners()) * target.print_scale) for patch in target.patches])
    found = [_mean(_pixels_in(picture, quad, patch.name)) for quad, patch in zip(quads, target.patches, strict=True)]
    used = np.array([share for _, share in found])
    return PatchSamples(np.stack([rgb for rgb, _ in found]), used, used >= 0.5, quads)  # noqa: PLR2004


def linear_light(code: npt.NDArray[np.uint8] | Floats) -> Floats:
    """sRGB code 0..255 to linear light 0..1 (IEC 61966-2-1)."""
    share = np.asarray(code, np.float64) / 255
    return np.where(share <= _CODE_KNEE, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def srgb_code(light: Floats) -> Floats:
    """Linear light 0..1 to sRGB code 0..255, not rounded (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    return np.where(light <= _LIGHT_KNEE, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 255


def _inner(corners: Floats) -> Floats:
    middle = corners.mean(axis=0)
    return np.asarray(middle + (corners - middle) * INNER, np.float64)


def _pixels_in(picture: Pixels, quad: Floats, name: str) -> Pixels:
    """uint8 (N, 3), BGR, of the pixels inside."""
    height, width = picture.shape[:2]
    low, high = np.floor(quad.min(0)).astype(int), np.ceil(quad.max(0)).astype(int) + 1
    if low.min() < 0 or high[0] > width or high[1] > height:
        raise CalibrationError(
            f"patch {name} is not in the picture", code="partial_target", hint="bring the whole target into view"
        )
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(quad - low).astype(np.int32), (1,))
    inside = picture[low[1] : high[1], low[0] : high[0]][mask > 0]
    if len(inside) < MIN_PIXELS:
        raise CalibrationError(
            f"patch {name} is only {len(inside)} pixels large", code="partial_target", hint="bring the target nearer"
        )
    return inside


def _mean(pixels: Pixels) -> tuple[Floats, float]:
    """Linear R, G, B of the pixels that count, and their share; of all when hardly any does."""
    linear = linear_light(pixels)[:, ::-1]
    open_ = (pixels < CLIPPED).all(axis=1)
    if open_.sum() < MIN_PIXELS:
        return linear.mean(axis=0), float(open_.mean())
    middle = np.median(pixels[open_], axis=0)
    spread = np.maximum(np.median(np.abs(pixels[open_] - middle), axis=0) * _MAD_TO_SIGMA, 1.0)
    good = open_ & (np.abs(pixels - middle) <= _OUTLIER * spread).all(axis=1)
    return linear[good if good.any() else open_].mean(axis=0), float(good.mean())
