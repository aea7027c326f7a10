"""Cracks painted on glass: a web of thin jagged lines from a blow, for goods of which cracked ones were rarely seen.

Like :mod:`.paint`, it need not deceive a person: it must be thin, jagged, branching and brighter or darker than the
glass, as scattered light makes a crack, and lie wherever a blow may fall.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels

Floats = npt.NDArray[np.float32]
LEAST_PIXELS = 50
FINER = 4
"""Lines are drawn this much larger, so that they may be thinner than a pixel."""
DARK_GLASS, LIGHT_GLASS = 90, 190
"""Grey values below which a dark crack, and above which a light one, would not be seen."""
UNMASKED = 0.2
"""Of each side, left free of blows where nobody knows where in the picture the glass is."""


def crack(pixels: Pixels, item: Pixels | None, rng: np.random.Generator) -> Pixels:
    """A cracked copy of a picture (uint8 (H, W, 3) BGR) of glass; ``item`` is its mask (uint8 (H, W)), where known."""
    height, width = pixels.shape[:2]
    mask = np.ones((height, width), np.uint8) if item is None else np.asarray((item > 127).astype(np.uint8))  # noqa: PLR2004
    if item is None:
        margin = round(UNMASKED * min(height, width))
        inner = np.zeros_like(mask)
        inner[margin : height - margin, margin : width - margin] = 1
    else:
        inner = mask
    rows, columns = np.nonzero(inner)
    if len(rows) < LEAST_PIXELS:
        return pixels
    extent = float(np.sqrt(len(rows)))
    lines = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        place = int(rng.integers(len(rows)))
        web = _web((float(columns[place]), float(rows[place])), extent, rng)
        lines = np.maximum(lines, _drawn(web, (height, width), extent, rng))
    lines *= mask
    return _scattered(pixels, lines, rng)


def _web(at: tuple[float, float], extent: float, rng: np.random.Generator) -> list[Floats]:
    """Paths (n, 2) in pixels: rays from the blow, their branches, and now and then arcs between the rays."""
    reach = extent * rng.uniform(0.3, 1.0)
    rays = int(rng.integers(3, 15))
    start = rng.uniform(0, 2 * np.pi)
    paths: list[Floats] = []
    for number in range(rays):
        angle = start + 2 * np.pi * (number + rng.uniform(-0.35, 0.35)) / rays
        ray = _ray(np.array(at), angle, reach * rng.uniform(0.4, 1.2), rng)
        paths.append(ray)
        for _ in range(int(rng.integers(0, 6))):
            fork = ray[int(rng.integers(1, len(ray)))]
            side = angle + rng.choice([-1, 1]) * rng.uniform(0.3, 1.0)
            paths.append(_ray(fork, side, reach * rng.uniform(0.1, 0.5), rng))
    if rays > 4 and rng.random() < 0.6:  # noqa: PLR2004 - a web needs rays to hang between
        ends = [ray for ray in paths if np.hypot(*(ray[0] - at)) < 1]
        for depth in np.cumsum(rng.uniform(0.05, 0.2, int(rng.integers(1, 4)))):
            ring = [ray[min(len(ray) - 1, max(1, round(float(depth) * len(ray))))] for ray in ends]
            ring += [ring[0]] if rng.random() < 0.5 else []  # noqa: PLR2004 - closed every second time
            paths.append(np.asarray(ring, np.float32))
    return paths


def _ray(start: npt.NDArray[np.float64] | Floats, angle: float, length: float, rng: np.random.Generator) -> Floats:
    steps = int(rng.integers(6, 16))
    turns = angle + np.cumsum(rng.normal(0, 0.12, steps)) + rng.normal(0, 0.18, steps)
    strides = rng.uniform(0.5, 1.5, steps)[:, None] * (length / steps)
    walked = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1) * strides, axis=0)
    return np.asarray(np.concatenate([np.zeros((1, 2)), walked]) + start, np.float32)


def _drawn(paths: list[Floats], shape: tuple[int, int], extent: float, rng: np.random.Generator) -> Floats:
    canvas = np.zeros((shape[0] * FINER, shape[1] * FINER), np.uint8)
    thick = extent * rng.uniform(0.002, 0.007) * FINER
    for path in paths:
        strength = int(rng.integers(110, 256))
        width = max(1, round(float(thick * rng.uniform(0.4, 1.2))))
        cv2.polylines(canvas, [np.round(path * FINER).astype(np.int32)], False, strength, width, cv2.LINE_AA)
    small = cv2.resize(canvas, shape[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def _scattered(pixels: Pixels, lines: Floats, rng: np.random.Generator) -> Pixels:
    """Light scatters at a crack: lighter where the glass is dark, and a shadow of it beside the line."""
    light = pixels.astype(np.float32)
    moved = np.array([[1, 0, rng.uniform(-1.5, 1.5)], [0, 1, rng.uniform(-1.5, 1.5)]], np.float32)
    shadow = cv2.warpAffine(lines, moved, lines.shape[::-1])[..., None] * np.float32(rng.uniform(0.1, 0.7))
    light = light * (1 - shadow)
    here = float((light.mean(axis=2) * lines).sum() / max(1e-6, float(lines.sum())))
    bright = here < DARK_GLASS or (here < LIGHT_GLASS and rng.random() < 0.6)  # noqa: PLR2004 - mostly it scatters light
    target = np.float32(rng.uniform(175, 255)) + np.float32(rng.normal(0, 8, 3)) if bright else rng.uniform(5, 50)
    share = lines[..., None] * np.float32(rng.uniform(0.45, 1.0))
    return np.asarray(np.clip(light * (1 - share) + target * share, 0, 255), np.uint8)
