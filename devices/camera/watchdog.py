"""Tells pictures from what a broken camera, cable or decoder shows instead of one.

A fault is not a frame: `Camera` drops it, counts it and, when nothing else comes, says that the camera is lost.
All thresholds are in grey levels of 0..255 and in shares of the picture, so that they hold for every resolution. The
picture is looked at through a grid of rows and columns; that costs about a millisecond at 1280 x 720.

Not found: smeared blocks of a damaged H.264 stream, a tear in a scene that does not move, and a picture that a camera
froze and then added noise to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels

GRID = 96
"""Rows and columns of the grid on which colours are judged: 9,216 pixels tell 0.1 % quantiles."""
COLUMNS = 320
"""Columns in which rows are compared; a seam of a fifth of them is wider than any chance."""

BLACK_AT_MOST = 24
"""Brightest 0.1 % of a black picture: black is 16 where a decoder did not stretch the video range (ITU-R BT.601)."""
BLACK_BLOCK = 8
BLACK_SPREAD = 1.5
"""Black has no structure: means of 8 x 8 points of the grid, in which noise of 2 levels is 0.25, are all the same."""
BLIND_AT_MOST = 6
"""So dark that there is nothing to see, whatever its structure."""
ONE_COLOUR_SPREAD = 2
"""Less than any sensor's noise: the picture was made up, or is overexposed everywhere."""
LOST_GREEN = (0, 135, 0)
"""BGR of Y = U = V = 0, the empty buffer of a decoder (ITU-R BT.601)."""
LOST_GREEN_OFF = 12
"""How far from it, as decoders round and JPEG adds its own."""
GREEN_SPREAD = 8
UNDECODED_GREY = 128
"""What libjpeg fills in where data are missing: all coefficients zero."""
UNDECODED_ROWS = 8
"""The least height that is decoded at a time (one JPEG block)."""

HISTORY = 2
"""Earlier pictures that are remembered: decoders use their buffers in turn."""
OLD_ROWS_AT_LEAST = 1 / 16
LIVE_CHANGED = 0.3
"""Share of pixels that noise alone changes from one live picture to the next, where JPEG leaves any noise."""
MCU_ROWS = 16
"""Height of what a JPEG with halved colours decodes at a time; it may be old and new side by side."""
UNCLIPPED = (8, 247)
UNCLIPPED_AT_LEAST = 0.5
"""Where the sensor is at its end it shows no noise; rows of such pixels are the same in every picture."""

SEAM_STEP = 12
"""A jump from one row to the next that its neighbours do not have; 6 times the noise of a usual sensor."""
SEAM_NEAR = (2, 12)
"""Rows to both sides that a seam must stand out from: not those it touches, but more than a JPEG block."""
SEAM_ALONE = 0.5
"""Share of the columns that must jump where all else changed too: no edge of an object is that long and straight."""
SEAM_BESIDE_STILL = (0.2, 0.05)
"""The same where at most this share of the columns changed on one side of it: one half is of an earlier moment."""
SEAM_BESIDE_MOTION = (0.08, 0.01)
"""The same where besides `MOVED` of the columns changed on the other side of that very row."""
MOVED = 0.10
SIDE_ROWS = 3

Rows = npt.NDArray[np.uint8]
Shares = npt.NDArray[np.float32]

_near = np.ones((2 * SEAM_NEAR[1] + 1, 1), np.uint8)
_near[SEAM_NEAR[1] - SEAM_NEAR[0] : SEAM_NEAR[1] + SEAM_NEAR[0] + 1] = 0


class FrameFault(StrEnum):
    """What is wrong with a picture; the value is its name in counters."""

    FROZEN = "frozen"
    BLACK = "black"
    ONE_COLOUR = "one_colour"
    TORN = "torn"

    @property
    def words(self) -> str:
        """For the person who stands before the camera: what it delivers, and what may be the matter."""
        return _WORDS[self]


_WORDS = {
    FrameFault.FROZEN: "the same picture again and again, without new sensor noise: switch it off and on",
    FrameFault.BLACK: "black pictures: check lens cap, light and exposure",
    FrameFault.ONE_COLOUR: "pictures of one colour without noise, as a decoder does that gets no data",
    FrameFault.TORN: "pictures torn between two moments or cut off: check its cable and network",
}


@dataclass(frozen=True, slots=True)
class WatchdogSettings:
    """Which faults are looked for.

    Attributes:
        frozen: off for sources without noise: replayed pictures, and cameras that repeat a picture when nothing moves.
        black: off where the light may go out while the station works.
        one_colour: off for drawn pictures.
        torn: off where pictures are compared that do not follow each other.
    """

    frozen: bool = True
    black: bool = True
    one_colour: bool = True
    torn: bool = True


WATCH_NOTHING = WatchdogSettings(frozen=False, black=False, one_colour=False, torn=False)


@dataclass(slots=True)
class _Seen:
    """What is remembered of a picture."""

    pixels: Pixels
    rows: Rows
    jumps: Shares


@dataclass(slots=True)
class Watchdog:
    """Looks at the pictures of one camera in their order; one thread only."""

    settings: WatchdogSettings = WatchdogSettings()
    _history: list[_Seen] = field(default_factory=list)

    def successor(self) -> Watchdog:
        """One for the next connection, which knows the pictures of this one: reopening makes no old picture new."""
        return Watchdog(self.settings, list(self._history))

    def examine(self, pixels: Pixels) -> FrameFault | None:
        """What is wrong with ``pixels`` (uint8, H x W x 3, BGR), which must not be changed afterwards."""
        settings = self.settings
        if settings.black or settings.one_colour:
            fault = self._colour_fault(pixels)
            if fault is not None:
                return fault
        if not (settings.frozen or settings.torn):
            return None
        before = [seen for seen in self._history if seen.pixels.shape == pixels.shape]
        seen = _look(pixels)
        if settings.frozen and any(_same(seen, old) for old in before):
            return FrameFault.FROZEN
        self._history = [*before[1 - HISTORY :], seen]
        if settings.torn and (_undecoded(pixels) or _partly_old(seen, before) or _seam(seen, before)):
            return FrameFault.TORN
        return None

    def _colour_fault(self, pixels: Pixels) -> FrameFault | None:
        height, width = pixels.shape[:2]
        grid = np.ascontiguousarray(pixels[:: max(1, height // GRID), :: max(1, width // GRID)])
        if self.settings.black and _black(grid):
            return FrameFault.BLACK
        if self.settings.one_colour and _one_colour(grid):
            return FrameFault.ONE_COLOUR
        return None


def _black(grid: Pixels) -> bool:
    brightest = grid.max(axis=2)
    _, high = _quantiles(brightest, 0.001)
    if high <= BLIND_AT_MOST or high > BLACK_AT_MOST:
        return high <= BLIND_AT_MOST
    height, width = brightest.shape
    size = (max(1, width // BLACK_BLOCK), max(1, height // BLACK_BLOCK))
    means = np.sort(cv2.resize(brightest.astype(np.float32), size, interpolation=cv2.INTER_AREA), axis=None)
    edge = means.size // 100
    return bool(means[-1 - edge] - means[edge] <= BLACK_SPREAD)


def _one_colour(grid: Pixels) -> bool:
    ranges = [_quantiles(grid[..., channel], 0.005) for channel in range(3)]
    spread = max(high - low for low, high in ranges)
    if spread <= ONE_COLOUR_SPREAD:
        return True
    green = all(
        abs((low + high) / 2 - lost) <= LOST_GREEN_OFF for (low, high), lost in zip(ranges, LOST_GREEN, strict=True)
    )
    return green and spread <= GREEN_SPREAD


def _quantiles(values: Pixels, outside: float) -> tuple[int, int]:
    """Lowest and highest value when the share ``outside`` is left away at each end."""
    counts = np.bincount(values.ravel(), minlength=256).cumsum()
    low = int(np.searchsorted(counts, outside * values.size, side="right"))
    high = int(np.searchsorted(counts, (1 - outside) * values.size, side="left"))
    return low, high


def _look(pixels: Pixels) -> _Seen:
    rows: Rows = np.ascontiguousarray(pixels[:, :: max(1, pixels.shape[1] // COLUMNS), 1])
    return _Seen(pixels, rows, _jumps(rows))


def _same(seen: _Seen, old: _Seen) -> bool:
    return np.array_equal(seen.rows, old.rows) and np.array_equal(seen.pixels, old.pixels)


def _undecoded(pixels: Pixels) -> bool:
    """Whether the last rows are what a decoder leaves where data are missing."""
    end = pixels[-UNDECODED_ROWS:, ::4].reshape(-1, 3)
    low, high = end.min(axis=0), end.max(axis=0)
    grey = low.min() >= UNDECODED_GREY - 1 and high.max() <= UNDECODED_GREY + 1
    green = all(
        lost - 3 <= least <= most <= lost + 3
        for lost, least, most in zip(LOST_GREEN, low.astype(int), high.astype(int), strict=True)
    )
    return bool(grey or green)


def _partly_old(seen: _Seen, before: list[_Seen]) -> bool:
    """Whether the lower part is an earlier picture to the bit while the upper part is alive."""
    height = len(seen.rows)
    for old in before:
        differs = cv2.compare(seen.rows, old.rows, cv2.CMP_NE)
        changed = cv2.reduce(differs, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[:, 0] / 255
        alive = np.flatnonzero(changed)
        first_old = int(alive[-1]) + 1 if alive.size else 0
        live_until = first_old - MCU_ROWS
        if height - first_old < height * OLD_ROWS_AT_LEAST or live_until < MCU_ROWS:
            continue
        part = seen.rows[first_old:]
        unclipped = np.count_nonzero((part > UNCLIPPED[0]) & (part < UNCLIPPED[1])) / part.size
        if unclipped >= UNCLIPPED_AT_LEAST and changed[live_until - MCU_ROWS : live_until].mean() >= LIVE_CHANGED:
            return True
    return False


def _jumps(rows: Rows) -> Shares:
    """For every row but the first and the last two, the share of columns that jump just below it and nowhere near.

    A jump is what the steps above and below do not lead up to: |(g2 - g1) - ((g1 - g0) + (g3 - g2)) / 2| for the
    levels g0..g3 of four rows, so that neither slopes nor blurred edges count.
    """
    levels = rows.astype(np.int16)
    middle = levels[2:-1] - levels[1:-2]
    middle *= 3
    middle -= levels[3:]
    middle += levels[:-3]
    jumping = (middle > 2 * SEAM_STEP) | (middle < -2 * SEAM_STEP)
    return np.asarray(np.count_nonzero(jumping, axis=1) / rows.shape[1], np.float32)


def _seam(seen: _Seen, before: list[_Seen]) -> bool:
    """Whether there is a straight edge across the picture that was not there, as between the halves of two pictures."""
    if not before or len(seen.jumps) < 2 * SEAM_NEAR[1]:
        return False
    old = before[-1]
    there_before = cv2.dilate(old.jumps[:, None], np.ones((3, 1), np.uint8))[:, 0]
    nearby = cv2.dilate(seen.jumps[:, None], _near)[:, 0]
    gain = seen.jumps - np.maximum(nearby, there_before)
    at = int(gain.argmax())
    if gain[at] >= SEAM_ALONE or gain[at] < SEAM_BESIDE_MOTION[0]:
        return bool(gain[at] >= SEAM_ALONE)
    still, moved = sorted(_changed_beside(seen.rows, old.rows, at + 2))
    if gain[at] >= SEAM_BESIDE_STILL[0] and still <= SEAM_BESIDE_STILL[1]:
        return True
    return still <= SEAM_BESIDE_MOTION[1] and moved >= MOVED


def _changed_beside(rows: Rows, old: Rows, below: int) -> tuple[float, float]:
    """Shares of the pixels that changed beyond noise in the rows above row ``below`` and from it on."""
    above_it, under_it = (
        np.count_nonzero(cv2.absdiff(rows[part], old[part]) > SEAM_STEP) / rows[part].size
        for part in (slice(max(0, below - SIDE_ROWS), below), slice(below, below + SIDE_ROWS))
    )
    return above_it, under_it
