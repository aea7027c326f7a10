"""Lay a picture over the picture of a good sample, so that the same place of the item lies at the same place.

An item is put down a little off each time. Phase correlation (Kuglin and Hines 1975) finds a shift, from there enhanced
correlation (Evangelidis and Psarakis 2008, doi 10.1109/TPAMI.2008.113) an affine transform. What does not agree better
than no transform at all, or is no small one, is not used. The time is bounded by the size and the number of steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels

Floats = npt.NDArray[np.float32]
SIDE = 96
"""Pixels of the longer side of what is compared; less than a tenth of a millisecond a step."""
STEPS, CLOSE_ENOUGH = 50, 3e-4
BLUR = 1.0
GAUSS = 5
MAX_SHIFT, MAX_DEGREES, MAX_SCALE = 0.3, 20.0, 1.25
LEAST_GAIN = 0.002
"""Correlation that a transform must win; with less there was nothing to align."""
MAX_LIGHT = 1.3


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """The picture that others are laid over.

    Attributes:
        grey: uint8 (SIDE, SIDE), of the fitted picture.
        inside: left, top, right, bottom of what is not reflected border, shares of the side.
    """

    grey: Pixels
    inside: tuple[float, float, float, float]
    _smooth: Floats = field(init=False, repr=False)
    _mask: Pixels = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_smooth", _smooth(self.grey))
        object.__setattr__(self, "_mask", _mask(self.inside))

    def align(self, fitted: Pixels) -> Floats:
        """The transform (2, 3) from places of the template to places of ``fitted`` (uint8 (S, S, 3) BGR), in pixels.

        The identity where nothing better is found.
        """
        found = _smooth(small(fitted))
        still = np.eye(2, 3, dtype=np.float32)
        candidates = [still]
        shifted = self._shifted(found)
        if shifted is not None:
            candidates.append(shifted)
        start = max(candidates, key=lambda matrix: self.agreement(found, matrix))
        refined = self._refined(found, start)
        if refined is not None:
            candidates.append(refined)
        agreements = [self.agreement(found, matrix) for matrix in candidates]
        best = int(np.argmax(agreements))
        if agreements[best] < agreements[0] + LEAST_GAIN:
            return still
        matrix = candidates[best].copy()
        matrix[:, 2] *= fitted.shape[0] / SIDE
        return matrix

    def agreement(self, found: Floats, matrix: Floats) -> float:
        """Correlation of ``found`` (SIDE, SIDE), laid over by ``matrix``, with the template where that is picture."""
        moved = cv2.warpAffine(found, matrix, (SIDE, SIDE), flags=_BACK, borderMode=cv2.BORDER_REFLECT)
        where = self._mask > 0
        one, other = moved[where], self._smooth[where]
        one, other = one - one.mean(), other - other.mean()
        scale = float(np.sqrt((one @ one) * (other @ other)))
        return float(one @ other) / scale if scale > 0 else 0.0

    def _shifted(self, found: Floats) -> Floats | None:
        window = cv2.createHanningWindow((SIDE, SIDE), cv2.CV_32F)
        (right, down), _ = cv2.phaseCorrelate(self._smooth - self._smooth.mean(), found - found.mean(), window)
        matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
        return matrix if _is_small(matrix) else None

    def _refined(self, found: Floats, start: Floats) -> Floats | None:
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, STEPS, CLOSE_ENOUGH)
        try:
            _, refined = cv2.findTransformECC(
                self._smooth, found, start.copy(), cv2.MOTION_AFFINE, stop, self._mask, GAUSS
            )
        except cv2.error:  # it does not converge, or one of them is flat
            return None
        matrix = np.asarray(refined, np.float32)
        return matrix if np.isfinite(matrix).all() and _is_small(matrix) else None


def laid_over(fitted: Pixels, matrix: Floats) -> Pixels:
    """``fitted`` (S, S, 3), moved to where the template has it."""
    side = fitted.shape[0]
    moved = cv2.warpAffine(fitted, matrix, (side, side), flags=_CUBIC_BACK, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.uint8)


def laid_back(cells: Floats, matrix: Floats, side: int) -> Floats:
    """A map (h, w) of a picture laid over, on the picture as it was; ``side`` is that of the picture."""
    height, width = cells.shape
    large = cv2.resize(cells, (side, side), interpolation=cv2.INTER_LINEAR)
    moved = cv2.warpAffine(large, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(cv2.resize(moved, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def covered(matrix: Floats, inside: tuple[float, float, float, float], side: int, cells: int) -> npt.NDArray[np.bool_]:
    """Which of (cells, cells) of a picture laid over are picture, not border; ``inside`` is of the picture itself."""
    mask = cv2.resize(_mask(inside), (side, side), interpolation=cv2.INTER_NEAREST)
    moved = cv2.warpAffine(mask, matrix, (side, side), flags=_BACK, borderMode=cv2.BORDER_CONSTANT)
    shown = cv2.resize(moved, (cells, cells), interpolation=cv2.INTER_AREA) > MOSTLY
    corners = np.array([(0, side, 0, side), (0, 0, side, side), (1, 1, 1, 1)], np.float32)
    if np.abs(matrix @ corners - corners[:2]).max() > HARDLY_MOVED:  # cells beside a border that moved see it
        shown = cv2.erode(shown.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(shown, np.bool_)


def small(fitted: Pixels) -> Pixels:
    """What of a fitted picture is compared: grey, uint8 (SIDE, SIDE)."""
    less = cv2.resize(fitted, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(less, cv2.COLOR_BGR2GRAY), np.uint8)


def in_the_same_light(fitted: Pixels, template: Template) -> Pixels:
    """``fitted`` as bright as the template in the median, within bounds: a lamp is no defect."""
    own, wanted = float(np.median(small(fitted))), float(np.median(template.grey))
    gain = min(MAX_LIGHT, max(1 / MAX_LIGHT, (wanted + 4) / (own + 4)))
    return np.asarray(cv2.convertScaleAbs(fitted, alpha=gain), np.uint8)


_BACK = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_CUBIC_BACK = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
MOSTLY = 127
HARDLY_MOVED = 4.0
"""Pixels."""


def _smooth(grey: Pixels) -> Floats:
    return np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), BLUR), np.float32)


def _mask(inside: tuple[float, float, float, float]) -> Pixels:
    left, top, right, bottom = (round(share * SIDE) for share in inside)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def _is_small(matrix: Floats) -> bool:
    greatest, least = np.linalg.svd(matrix[:, :2].astype(np.float64), compute_uv=False)
    degrees = abs(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    middle = matrix @ (SIDE / 2, SIDE / 2, 1) - SIDE / 2
    return bool(
        least > 1 / MAX_SCALE
        and greatest < MAX_SCALE
        and degrees < MAX_DEGREES
        and np.abs(middle).max() < MAX_SHIFT * SIDE
    )
