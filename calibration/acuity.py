"""How sharp a picture is, by direction: the blur of its strongest edges in pixels, noise taken off.

An edge under a blur of standard deviation s has a gradient energy proportional to ``1 / sqrt(s^2 + a^2)`` after another
blur of a. The energies after two known blurs give s, whatever the contrast (after Zhuo and Sim 2011, in energies).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels

FINE_PX, COARSE_PX = 0.7, 2.0
TILE_PX = 64
_RIM = 8
TILES = 12
DIRECTIONS = 8
WORST_PX = 8.0
"""Wider blurs than this are not told apart."""
LEAST_EDGE = 3.0
"""Root mean square of the gradient over a tile, grey levels a pixel after the coarse blur, in noise of the same."""
ALONG = 0.15
"""Share of a tile's energy along a direction from which on it tells the blur in that direction."""
SHARPEST_SHARE = 30
_TURNS = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
_COS2, _SIN2, _SIN_COS = np.cos(_TURNS) ** 2, np.sin(_TURNS) ** 2, 2 * np.sin(_TURNS) * np.cos(_TURNS)

_ROUGHNESS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Acuity:
    """Blur of edges, as standard deviations in pixels.

    Attributes:
        least: in the direction in which the picture is sharpest; ``None`` when there is no edge to measure.
        most: in the direction in which it is most blurred; the same as ``least`` when edges run in one direction only.
    """

    least: float | None = None
    most: float | None = None


def acuity(picture: Pixels, where: npt.NDArray[np.uint8], noise: float) -> Acuity:
    """Blur of the strongest edges.

    Args:
        picture: uint8 (H, W, 3) BGR.
        where: reduced mask of any size, > 0 where to look.
        noise: standard deviation of one pixel, grey levels.
    """
    tiles = strongest_tiles(picture, where)
    if not len(tiles):
        return Acuity()
    fine, coarse = _energies(tiles, FINE_PX), _energies(tiles, COARSE_PX)
    fine -= noise**2 * _noise_gain(FINE_PX)
    clear = coarse > (LEAST_EDGE**2 + (2 * noise) ** 2) * _noise_gain(COARSE_PX)
    clear &= coarse > ALONG * coarse.mean(axis=1, keepdims=True) * 2  # slanted edges would speak for this direction too
    coarse -= noise**2 * _noise_gain(COARSE_PX)
    ratio = np.square(np.maximum(fine, 0) / np.maximum(coarse, 1e-9))
    ratio = np.clip(ratio, 1.0001, (COARSE_PX / FINE_PX) ** 2)
    blur = np.sqrt(np.maximum(0, (COARSE_PX**2 - ratio * FINE_PX**2) / (ratio - 1)))
    blur = np.minimum(blur, WORST_PX)
    ranked = np.sort(np.where(clear, blur, np.inf), axis=0)
    place = (clear.sum(axis=0) - 1).clip(0) * SHARPEST_SHARE // 100
    by_direction = ranked[place, np.arange(DIRECTIONS)]
    by_direction = by_direction[np.isfinite(by_direction)]
    return Acuity(float(by_direction.min()), float(by_direction.max())) if len(by_direction) else Acuity()


def sharpness(picture: Pixels, noise: float = 1.0) -> float:
    """Of a picture's fine structure, 1/px: one over the blur of its strongest edges; 0 when it has none, 2 at most.

    Args:
        picture: uint8 (H, W, 3) BGR.
        noise: standard deviation of one pixel, grey levels.
    """
    found = acuity(picture, np.ones((1, 1), np.uint8), noise)
    return 0.0 if found.most is None else 1 / max(found.most, 0.5)


def strongest_tiles(picture: Pixels, where: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Up to `TILES` grey squares of the picture with the strongest edges across and down, uint8 (N, size, size)."""
    size, rows, columns = _grid(picture)
    step = 4 if size >= TILE_PX else 1  # every fourth row and column is enough to say where edges are
    inner = picture[: rows * size, : columns * size]
    few = _grey(
        np.asarray(cv2.resize(inner, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_NEAREST), np.uint8)
    )
    wanted = _covered(where, rows, columns) > 0.01  # noqa: PLR2004 -- an item's edge is enough
    chosen: list[int] = []
    for across, down in ((1, 0), (0, 1)):
        slope = np.square(cv2.Sobel(few, cv2.CV_32F, across, down, ksize=1))
        energy = cv2.resize(slope, (columns, rows), interpolation=cv2.INTER_AREA).reshape(-1)
        order = np.argsort(-np.where(wanted, energy, -1), kind="stable")[: TILES // 2]
        chosen += [int(place) for place in order if wanted[place]]
    tiles = [_tile(picture, place, size, columns) for place in dict.fromkeys(chosen)]
    return np.stack(tiles) if tiles else np.zeros((0, size, size), np.uint8)


def noise_of(picture: Pixels, where: npt.NDArray[np.uint8]) -> float:
    """Standard deviation of one pixel where the picture is plainest, grey levels (after Immerkaer 1996).

    Args:
        picture: uint8 (H, W, 3) BGR.
        where: reduced mask of any size, > 0 where to look.
    """
    size, rows, columns = _grid(picture)
    wanted = _covered(where, rows, columns) > 0.5  # noqa: PLR2004
    places = np.flatnonzero(wanted)
    levels = []
    for place in places[:: max(1, len(places) // TILES)]:
        tile = _tile(picture, int(place), size, columns)
        if 8 < cv2.mean(tile)[0] < 247:  # noqa: PLR2004 -- black and white are cut off and have no noise
            rough = cv2.filter2D(tile, cv2.CV_32F, _ROUGHNESS)
            levels.append(cv2.norm(rough, cv2.NORM_L1) / tile.size * np.sqrt(np.pi / 2) / 6)
    return float(np.sort(levels)[len(levels) // 4]) if levels else 1.0


def _grid(picture: Pixels) -> tuple[int, int, int]:
    """Side of a tile, and how many rows and columns of tiles there are."""
    height, width = picture.shape[:2]
    size = min(TILE_PX, height, width)
    return size, height // size, width // size


def _covered(where: npt.NDArray[np.uint8], rows: int, columns: int) -> npt.NDArray[np.float32]:
    """Share of each tile that the mask covers, float32 (rows * columns,)."""
    mask = (where > 0).astype(np.float32)
    return np.asarray(cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA), np.float32).reshape(-1)


def _tile(picture: Pixels, place: int, size: int, columns: int) -> npt.NDArray[np.uint8]:
    row, column = divmod(place, columns)
    return _grey(picture[row * size : (row + 1) * size, column * size : (column + 1) * size])


def _grey(picture: Pixels) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _energies(tiles: npt.NDArray[np.uint8], blur: float) -> Floats:
    """Mean square of the slope along each direction after a blur, float64 (N, DIRECTIONS)."""
    count, size, _ = tiles.shape
    calm = cv2.GaussianBlur(tiles.reshape(count * size, size).astype(np.float32), (0, 0), blur)
    across = (calm[:, 2:] - calm[:, :-2])[1:-1] / 2
    down = (calm[2:] - calm[:-2])[:, 1:-1] / 2
    inner = slice(_RIM, size - _RIM) if size > 4 * _RIM else slice(1, size - 1)
    wide = [
        cv2.copyMakeBorder(plane, 1, 1, 1, 1, cv2.BORDER_REPLICATE).reshape(count, size, size)
        for plane in (across, down)
    ]
    x, y = (plane[:, inner, inner].reshape(count, -1) for plane in wide)
    xx, yy, xy = (np.einsum("ij,ij->i", a, b) / x.shape[1] for a, b in ((x, x), (y, y), (x, y)))
    return np.asarray(xx[:, None] * _COS2 + yy[:, None] * _SIN2 + xy[:, None] * _SIN_COS, np.float64)


def _noise_gain(blur: float) -> float:
    """Variance of the slope of unit white noise after a blur."""
    kernel = cv2.getGaussianKernel(2 * round(4 * blur) + 1, blur).reshape(-1)
    slope = np.convolve(kernel, [0.5, 0, -0.5])
    return float(np.square(slope).sum() * np.square(kernel).sum())
