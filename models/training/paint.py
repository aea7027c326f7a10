"""Damage painted on sound items: dents, creases, dented edges, rust and holes, to say "not intact" whatever the day.

Where the sound and the damaged items of a set were photographed on different days, the day tells the label. A painted
item is of the day of the sound ones. It need not deceive a person; it must break the item's own regular surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels

Floats = npt.NDArray[np.float32]
KINDS = ("dent", "dent", "crease", "edge", "rust", "hole")
LEAST_PIXELS = 50


@dataclass(frozen=True, slots=True)
class _Place:
    """Coordinates (u, v) along and across a place on the item, in pixels, with its sizes along and across."""

    u: Floats
    v: Floats
    length: float
    breadth: float


def paint(pixels: Pixels, item: Pixels, rng: np.random.Generator) -> Pixels:
    """A damaged copy of a picture (uint8 (H, W, 3) BGR) of a sound item, whose mask is ``item`` (uint8, 255 on it)."""
    mask = np.asarray((item > 127).astype(np.uint8))  # noqa: PLR2004
    rows, columns = np.nonzero(mask)
    if len(rows) < LEAST_PIXELS:
        return pixels
    extent = float(np.sqrt(len(rows)))
    kind = str(rng.choice(KINDS))
    result = pixels.astype(np.float32)
    for _ in range(int(rng.integers(3, 15) if kind == "rust" else rng.integers(1, 3))):
        place = int(rng.integers(len(rows)))
        x, y = int(columns[place]), int(rows[place])
        if kind == "edge":
            contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            outline = max(contours, key=len)
            x, y = (int(value) for value in outline[int(rng.integers(len(outline))), 0])
        if kind == "rust":
            result = _rust(result, mask, (x, y), extent, rng)
        elif kind == "hole":
            result = _hole(result, (x, y), extent, rng)
        else:
            inward = np.arctan2(y - rows.mean(), x - columns.mean()) if kind == "edge" else None
            result = _dent(result, (x, y), extent, rng, crease=kind == "crease", inward=inward)
    return np.clip(result, 0, 255).astype(np.uint8)


def smooth(rng: np.random.Generator, height: int, width: int, knots: int) -> Floats:
    """A smooth random field (height, width) of about unit deviation, with ``knots`` knots a side."""
    field = rng.normal(0, 1, (knots, knots)).astype(np.float32)
    return np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _place(shape: tuple[int, ...], at: tuple[int, int], angle: float, length: float, breadth: float) -> _Place:
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    dx, dy = columns - at[0], rows - at[1]
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return _Place(dx * cosine + dy * sine, dy * cosine - dx * sine, length, breadth)


def _dent(
    pixels: Floats, at: tuple[int, int], extent: float, rng: np.random.Generator, *, crease: bool, inward: float | None
) -> Floats:
    """The surface pushed aside around a place, with the light that a hollow changes; a crease is long and narrow."""
    length = extent * rng.uniform(0.12, 0.4)
    breadth = length * (rng.uniform(0.08, 0.25) if crease else rng.uniform(0.3, 1.0))
    place = _place(pixels.shape, at, rng.uniform(0, np.pi), length, breadth)
    bell = np.exp(-((place.u / length) ** 2) - (place.v / breadth) ** 2)
    way = rng.uniform(0, 2 * np.pi) if inward is None else inward
    depth = bell * np.float32(breadth * rng.uniform(0.35, 0.9) * (1.0 if inward is None else 1.2))
    rows, columns = np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]].astype(np.float32)
    moved = cv2.remap(
        pixels, columns + depth * np.float32(np.cos(way)), rows + depth * np.float32(np.sin(way)), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    shade = (place.v / breadth) * bell * rng.uniform(0.4, 1.3) * rng.choice([-1, 1])
    if rng.random() < 0.5:  # noqa: PLR2004 - a glint along a ridge, every second time
        ridge = np.exp(-((place.u / length) ** 2) - ((place.v - 0.3 * breadth) / (0.25 * breadth + 1)) ** 2)
        shade = shade + 0.7 * ridge * rng.choice([-1, 1])
    return np.asarray(moved * np.exp(np.clip(shade, -1.2, 0.9))[..., None], np.float32)


def _rust(pixels: Floats, mask: Pixels, at: tuple[int, int], extent: float, rng: np.random.Generator) -> Floats:
    height, width = pixels.shape[:2]
    place = _place(pixels.shape, at, 0.0, 1.0, 1.0)
    rough = 0.5 * smooth(rng, height, width, 24) + 0.4 * smooth(rng, height, width, 64)
    distance = np.hypot(place.u, place.v) / (extent * rng.uniform(0.02, 0.12)) + rough
    share = (np.clip((1.2 - distance) * 2, 0, 1) * rng.uniform(0.5, 0.95) * mask)[..., None]
    colour = np.array([rng.uniform(15, 60), rng.uniform(45, 100), rng.uniform(90, 170)], np.float32)
    return np.asarray(
        pixels * (1 - share) + colour * (1 + 0.25 * smooth(rng, height, width, 96))[..., None] * share, np.float32
    )


def _hole(pixels: Floats, at: tuple[int, int], extent: float, rng: np.random.Generator) -> Floats:
    radius = extent * rng.uniform(0.03, 0.09)
    place = _place(pixels.shape, at, rng.uniform(0, np.pi), radius, radius * rng.uniform(0.4, 1.0))
    rough = 0.25 * smooth(rng, pixels.shape[0], pixels.shape[1], 24)
    distance = np.hypot(place.u / place.length, place.v / place.breadth) + rough
    share = np.clip((1 - distance) * 4, 0, 1)[..., None]
    rim = np.exp(-(((distance - 1.15) / 0.2) ** 2)) * rng.uniform(-0.5, 0.7)
    return np.asarray((pixels * (1 - share) + rng.uniform(5, 40) * share) * np.exp(rim)[..., None], np.float32)
