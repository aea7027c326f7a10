"""Tells whether what a camera sees lies still: pictures that follow each other are alike but for noise.

A picture of two moments, whatever it looks like, is not like the one before it unless nothing moved, and then it is a
true picture. So what is judged is the last of several alike; the watchdog alone does not find a tear in every scene.

Not movement: sensor noise, JPEG, shaking by two pixels of a picture 1280 wide, and light that changes smoothly from
row to row by less than 15 % (lamps on mains under a rolling shutter, automatic exposure).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels

CELLS = (160, 90)
"""Columns and rows of the cells whose mean green is compared; about 8 x 8 pixels each, so that noise is small."""
SAMPLES = 4
"""Samples of a cell across and down; more cost more and say no more."""
LEAST_STEP = 5.0
"""Grey levels by which a cell must differ, whatever the noise."""
NOISE_TIMES = 5.0
MOST_NOISE = 3.0
"""Standard deviation of a cell's mean in the worst picture; what is above it is movement all over."""
EDGE_SHARE = 0.35
"""Share of the range of levels around a cell that a shake of a third of a cell makes it differ by."""
LIGHT_MOST = 0.15
LIGHT_ROWS = 9
"""Rows of cells over which a change of the light is even."""
UNCLIPPED = (8, 240)
"""Means of cells that show noise and light as they are, not the end of the sensor's range."""
MOST_LEVEL = 255.0
DARK = 8.0
"""Added to levels before they are divided, so that noise in the dark is no change of the light."""

Cells = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StillnessSettings:
    """When a picture is of something that lies still.

    Attributes:
        frames: so many pictures in a row, it and those before it, must be alike; 1 takes every picture.
        moved_share: pictures are alike when at most this share of their cells differ. The outline of an item of a
            tenth of the picture's width is 0.3 % and more.
    """

    frames: int = 3
    moved_share: float = 0.0015


TAKE_EVERY = StillnessSettings(frames=1)


@dataclass(slots=True)
class Stillness:
    """Looks at the pictures of one connection in their order; one thread only."""

    settings: StillnessSettings = StillnessSettings()
    _before: Cells | None = None
    _shape: tuple[int, ...] = field(default=())
    _alike: int = 0

    def lies_still(self, pixels: Pixels) -> bool:
        """Whether ``pixels`` (uint8, H x W x 3, BGR) and those before it are alike."""
        settings = self.settings
        if settings.frames <= 1:
            return True
        cells, before, shape = _cells(pixels), self._before, self._shape
        self._before, self._shape = cells, pixels.shape
        alike = before is not None and shape == pixels.shape and moved_share(before, cells) <= settings.moved_share
        self._alike = self._alike + 1 if alike else 1
        return self._alike >= settings.frames

    def interrupted(self) -> None:
        """A picture was missing or faulty: those before it count no more."""
        self._before, self._alike = None, 0


def moved_share(before: Cells, after: Cells) -> float:
    """Share of the cells that differ by more than noise, light and shaking explain, 0..1."""
    usual = (before > UNCLIPPED[0]) & (before < UNCLIPPED[1])
    some = np.s_[:, ::3]  # are enough for a median
    light = _light(before[some], after[some], usual[some])[:, None]
    difference = np.abs(after - np.minimum(before * light, MOST_LEVEL))
    noisy = difference[some][usual[some]]
    noise = 1.4826 * float(np.median(noisy)) if noisy.size else 0.0
    edges = cv2.morphologyEx(before, cv2.MORPH_GRADIENT, _AROUND)
    explained = EDGE_SHARE * edges + np.abs(light - 1) * before  # clipped pixels do not follow the light
    explained += max(LEAST_STEP, NOISE_TIMES * min(MOST_NOISE, noise))
    return float(np.count_nonzero(difference > explained)) / before.size


def _light(before: Cells, after: Cells, usual: npt.NDArray[np.bool_]) -> Cells:
    """For every row of cells, how many times brighter it became; 1 where that is no change of the light."""
    times = np.where(usual, (after + DARK) / (before + DARK), np.nan)
    known = usual.any(axis=1)
    rows = np.ones(len(before), np.float32)
    rows[known] = np.nanmedian(times[known], axis=1)
    smooth = cv2.blur(rows[:, None], (1, LIGHT_ROWS), borderType=cv2.BORDER_REPLICATE)[:, 0]
    return np.where(np.abs(smooth - 1) <= LIGHT_MOST, smooth, 1).astype(np.float32)


def _cells(pixels: Pixels) -> Cells:
    height, width = pixels.shape[:2]
    across, down = (max(1, size // (cells * SAMPLES)) for size, cells in zip((width, height), CELLS, strict=True))
    green = np.ascontiguousarray(pixels[::down, ::across, 1])
    size = (min(CELLS[0], green.shape[1]), min(CELLS[1], green.shape[0]))
    return cv2.resize(green, size, interpolation=cv2.INTER_AREA).astype(np.float32)


_AROUND = np.ones((3, 3), np.uint8)
