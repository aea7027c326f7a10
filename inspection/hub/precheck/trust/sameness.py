"""Whether two pictures show the same photograph: re-encoded, scaled, cut, mirrored, turned a little or in a screenshot.

Two photographs of two alike items differ somewhere: a scratch, a reflection, the noise of a crease. So the pictures are
laid over each other first, by local features (SIFT: Lowe, IJCV 2004; RootSIFT: Arandjelovic and Zisserman, CVPR 2012)
and then by all pixels (enhanced correlation: Evangelidis and Psarakis, PAMI 2008). What counts is how well their fine
structure agrees where they overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels

Gray = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Map = npt.NDArray[np.floating]
"""(2, 3) affine map of the known picture's pixels into the asked one's."""

SIDE = 256
"""Longer side of what is compared, pixels."""
FEATURES = 300
RATIO = 0.85
"""Of the distances to the nearest and the second nearest feature (Lowe, 7.1)."""
MIN_OVERLAP = 0.5
"""Of the smaller of the two pictures."""
MAX_TURN_DEGREES = 20.0
SCALES = (0.3, 3.0)
MAX_STRETCH = 0.25
MIN_BLOCKS = 6
MARGIN = 0.12
"""Of the sides, not compared: a picture that was turned has made-up corners there."""
BLOCK = 16
SAME = 0.92
"""Agreement from which two pictures are called the same; measured by ``python -m benchmarks.precheck_reuse``."""
MAX_DIFFERENCE = 0.25
"""Largest difference of one place, as a share of the strongest structure; a spot that only one picture has is more."""


@dataclass(frozen=True, slots=True)
class View:
    """A picture made ready: ``gray`` (h, w) uint8, longer side 256, and its features."""

    gray: Gray
    points: Floats
    descriptors: Floats


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two pictures lie over each other.

    Attributes:
        score: correlation of the fine structure where they overlap, 0..1.
        difference: largest difference of one place, as a share of the strongest structure.
        mirrored: whether the asked picture was mirrored for it.
    """

    score: float = 0.0
    difference: float = float("inf")
    mirrored: bool = False

    @property
    def same(self) -> bool:
        """Whether they are one photograph."""
        return self.score >= SAME and self.difference <= MAX_DIFFERENCE


def view(pixels: Pixels | Gray) -> View:
    """The picture (H, W, 3) BGR or (H, W) gray, uint8, made ready."""
    return _ready(_small(pixels))


def views(pixels: Pixels) -> list[tuple[View, bool]]:
    """What is asked for a picture: whole and without uniform borders, each as it is and mirrored (second value)."""
    wholes = [_small(pixels)]
    inner = without_borders(pixels)
    if inner.shape != pixels.shape:
        wholes.append(_small(inner))
    return [(_ready(each), False) for each in wholes] + [
        (_ready(np.ascontiguousarray(each[:, ::-1])), True) for each in wholes
    ]


def agreement(asked: Sequence[tuple[View, bool]], known: View) -> Agreement:
    """The best agreement of a picture's :func:`views` with a known picture's :func:`view`."""
    rough = [(*_laid_over(each, known), each, mirrored) for each, mirrored in asked]
    (score, difference), place, best, mirrored = max(rough, key=lambda each: each[0][0])
    if place is not None and score < 1:
        finer = _refined(best.gray, known.gray, place)
        if finer is not None:
            score, difference = max((score, difference), _agree(best.gray, known.gray, finer))
    return Agreement(score, difference, mirrored)


def without_borders(pixels: Pixels) -> Pixels:
    """The largest block of rows and columns that are not uniform: the picture in a screenshot.

    The whole picture when less than 15 % of a side is left.
    """
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.float32)
    top, bottom = _longest_run(gray.std(axis=1) > 6.0)  # noqa: PLR2004 -- grey levels: more than JPEG leaves of a border
    left, right = _longest_run(gray[top:bottom].std(axis=0) > 6.0)  # noqa: PLR2004
    height, width = gray.shape
    if bottom - top < 0.15 * height or right - left < 0.15 * width:
        return pixels
    return pixels[top:bottom, left:right]


def _longest_run(active: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Begin and end of the longest run, over gaps of up to 2 % of the side; everything when none is active."""
    reach = max(1, len(active) // 100)
    closed = cv2.morphologyEx(active.astype(np.uint8)[None], cv2.MORPH_CLOSE, np.ones((1, 2 * reach + 1), np.uint8))[0]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], closed, [0]))))
    if not len(edges):
        return 0, len(active)
    begins, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - begins))
    return int(begins[longest]), int(ends[longest])


def _small(pixels: Pixels | Gray) -> Gray:
    scale = SIDE / max(pixels.shape[:2])
    size = max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return np.asarray(small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)  # noqa: PLR2004


def _ready(gray: Gray) -> View:
    even = cv2.createCLAHE(3, (4, 4)).apply(gray)
    finder = cv2.SIFT.create(FEATURES, contrastThreshold=0.008, edgeThreshold=25)
    points, found = finder.detectAndCompute(even, None)
    if not points:
        return View(gray, np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    descriptors = np.sqrt(found / (found.sum(axis=1, keepdims=True) + 1e-6))
    return View(gray, np.asarray([point.pt for point in points], np.float32), descriptors.astype(np.float32))


def _laid_over(asked: View, known: View) -> tuple[tuple[float, float], Map | None]:
    """(score, difference) of two pictures, of which neither is mirrored, and where the known one was laid."""
    best, place = (0.0, float("inf")), _by_features(asked, known)
    if place is not None:
        best = _agree(asked.gray, known.gray, place)
    if best[0] < MIN_OVERLAP:
        upright = _as_they_lie(asked.gray, known.gray)
        if upright is not None:
            found = _agree(asked.gray, known.gray, upright)
            if found[0] > best[0]:
                return found, upright
    return best, place


def _by_features(asked: View, known: View) -> Map | None:
    if min(len(asked.points), len(known.points)) < 4:  # noqa: PLR2004 -- two suffice for the map, two more to believe it
        return None
    alike = asked.descriptors @ known.descriptors.T
    rows = np.arange(len(alike))
    nearest = alike.argmax(axis=1)
    first = 1 - alike[rows, nearest]  # half the squared distance of unit vectors
    alike[rows, nearest] = -1
    clear = first < RATIO**2 * (1 - alike.max(axis=1))
    if clear.sum() < 4:  # noqa: PLR2004
        return None
    pairs = known.points[nearest[clear]], asked.points[clear]
    found, _ = cv2.estimateAffinePartial2D(*pairs, method=cv2.RANSAC, ransacReprojThreshold=4, maxIters=400)
    place: Map | None = found  # OpenCV's stubs know no empty answer
    return place if place is not None and _plausible(place) else None


def _as_they_lie(asked: Gray, known: Gray) -> Map | None:
    """The map of two pictures of about one shape that were not cut; ``None`` for others."""
    x, y = asked.shape[1] / known.shape[1], asked.shape[0] / known.shape[0]
    place = np.array([[x, 0, 0], [0, y, 0]], np.float32)
    return place if _plausible(place) else None


def _refined(asked: Gray, known: Gray, place: Map) -> Map | None:
    """The map made finer on all pixels; ``None`` when that does not converge."""
    start = cv2.invertAffineTransform(place).astype(np.float32)
    one, other = cv2.GaussianBlur(asked, (0, 0), 1.5), cv2.GaussianBlur(known, (0, 0), 1.5)
    end = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 25, 1e-4)
    everywhere = np.full_like(known, 255)
    try:
        _, found = cv2.findTransformECC(one, other, start, cv2.MOTION_AFFINE, end, everywhere, 1)
    except cv2.error:
        return None
    finer = np.asarray(cv2.invertAffineTransform(found), np.float32)
    return finer if _plausible(finer) else None


def _plausible(place: Map) -> bool:
    """Turned and stretched no more than someone does who uses a picture again."""
    scale = float(np.sqrt(abs(np.linalg.det(place[:, :2]))))
    turn = abs(float(np.degrees(np.arctan2(place[1, 0], place[0, 0]))))
    stretch = abs(float(place[0, 0]) / (float(place[1, 1]) or 1e-6) - 1)
    return SCALES[0] < scale < SCALES[1] and turn < MAX_TURN_DEGREES and stretch < MAX_STRETCH


def _agree(asked: Gray, known: Gray, place: Map) -> tuple[float, float]:
    """(score, difference) of the fine structure where the known picture, laid on the asked one, covers it."""
    nothing = (0.0, float("inf"))
    height, width = asked.shape
    laid = cv2.warpAffine(known, place, (width, height), flags=cv2.INTER_LINEAR)
    covered = cv2.warpAffine(np.full_like(known, 255), place, (width, height))
    inside = cv2.erode(covered, np.ones((7, 7), np.uint8)) == 255  # noqa: PLR2004
    if inside.sum() < MIN_OVERLAP * min(inside.size, known.size * abs(np.linalg.det(place[:, :2]))):
        return nothing
    x, y = round(MARGIN * width), round(MARGIN * height)
    inside[:y], inside[-y:], inside[:, :x], inside[:, -x:] = False, False, False, False
    weight = inside.astype(np.float32)
    one, other = _fine(asked) * weight, _fine(np.asarray(laid, np.uint8)) * weight
    energies = float((one * one).sum()), float((other * other).sum())
    common = float((one * other).sum())
    if min(energies) < 1 or common <= 0.05 * energies[1]:
        return nothing
    other *= common / energies[1]  # the contrast may have been changed
    shares = _blocks(weight)
    whole = shares > 0.6  # noqa: PLR2004
    strength = (np.maximum(_blocks(one * one), _blocks(other * other)) / np.maximum(shares, 1e-6))[whole]
    if (strength > 2.0).sum() < MIN_BLOCKS:  # noqa: PLR2004 -- squared grey levels: nearly nothing to see
        return nothing
    differences = np.sort((_blocks((one - other) ** 2) / np.maximum(shares, 1e-6))[whole])
    strongest = float(np.percentile(strength, 98)) + 1
    return common / float(np.sqrt(energies[0] * energies[1])), float(differences[-3:].mean()) / strongest


def _fine(gray: Gray) -> Floats:
    """Structure between the noise and the light."""
    smooth = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.2)
    return np.asarray(smooth - cv2.GaussianBlur(smooth, (0, 0), 8), np.float32)


def _blocks(values: Floats) -> Floats:
    return np.asarray(cv2.blur(values, (BLOCK, BLOCK))[BLOCK // 2 :: BLOCK // 2, BLOCK // 2 :: BLOCK // 2], np.float32)
