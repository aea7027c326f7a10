"""Pictures as a sensor sees them, and what broken cameras make of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels

SIZE = (1280, 720)
NOISE = 1.5
MARGIN = 512


class Sensor:
    """Adds noise that does not repeat: a cut, at a random place, of a larger field."""

    def __init__(self, sigma: float = NOISE, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        self._field = _noise(sigma, seed)

    def __call__(self, scene: Pixels) -> Pixels:
        height, width = scene.shape[:2]
        top, left = self._random.integers(0, MARGIN, 2)
        noise = self._field[top : top + height, left : left + width]
        return np.asarray(cv2.add(scene, noise, dtype=cv2.CV_8U), np.uint8)


@lru_cache(maxsize=4)
def _noise(sigma: float, seed: int) -> npt.NDArray[np.int16]:
    shape = (SIZE[1] + MARGIN, SIZE[0] + MARGIN, 3)
    return np.rint(np.random.default_rng(seed).normal(0, sigma, shape)).astype(np.int16)


@lru_cache(maxsize=64)
def photograph(path: Path, size: tuple[int, int] = SIZE) -> Pixels:
    """The middle of a photograph, enlarged to fill ``size`` (width, height)."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert pixels is not None, path
    width, height = size
    scale = max(width / pixels.shape[1], height / pixels.shape[0])
    if scale > 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    picture = np.ascontiguousarray(pixels[top : top + height, left : left + width], np.uint8)
    picture.flags.writeable = False  # many tests share it
    return picture


def moved(scene: Pixels, right: float, down: float) -> Pixels:
    """The scene somewhere else in the picture, its edges mirrored outwards."""
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    size = (scene.shape[1], scene.shape[0])
    return np.asarray(cv2.warpAffine(scene, matrix, size, borderMode=cv2.BORDER_REFLECT), np.uint8)


def with_box(scene: Pixels, box: Pixels, degrees: float) -> Pixels:
    """``scene`` with a turned rectangle of ``box`` in it, as sharp as a lens shows it."""
    height, width = scene.shape[:2]
    corners = cv2.boxPoints(((width / 2, height / 2), (width * 0.7, height * 0.55), degrees))
    mask = np.zeros((height, width), np.float32)
    cv2.fillPoly(mask, [np.rint(corners * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.7)[..., None]
    return np.asarray(scene * (1 - mask) + box * mask, np.uint8)


def joined(upper: Pixels, lower: Pixels, row: int) -> Pixels:
    """``upper`` above ``row``, ``lower`` from it on."""
    return np.vstack([upper[:row], lower[row:]])


def darker(scene: Pixels, share: float) -> Pixels:
    return np.asarray(np.rint(scene * share), np.uint8)


def brighter(scene: Pixels, times: float) -> Pixels:
    return np.asarray(np.clip(np.rint(scene * times), 0, 255), np.uint8)


def one_colour(bgr: tuple[int, int, int], size: tuple[int, int] = SIZE) -> Pixels:
    return np.full((size[1], size[0], 3), bgr, np.uint8)
