"""The empty station as a view shows it: mean and spread over frames, refused when something moves or lies there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from calibration.acuity import sharpness
from calibration.alike import check_alike
from calibration.foreground import reduced_size, resized
from calibration.isolate import isolate
from calibration.light import pixel_noise
from calibration.record import Background, Made, encode_png
from inspection.errors import CalibrationError
from inspection.finding import Box
from inspection.frame import Pixels

LEAST_FRAMES = 5
LONG_SIDE = 640
MOST_PNG = 1_900_000
"""Characters; `calibration.record` allows a few more."""
MOVED_SPREADS = 6.0
MOVED_LEVELS = 4.0
"""Grey levels a place must change by at least before something moved there."""
MOVED_SHARE = 0.0005
"""Of the picture; smaller ones are dust, a hot pixel, or noise."""
MOST_LIGHT = 0.04
"""Relative change of grey levels; of the light it is about twice that."""
LEAST_ITEM = 0.004
"""Of the picture; what stands out and is smaller is a mark on the table."""

Plane = npt.NDArray[np.float32]
_NOISE_CELL = 5


@dataclass(frozen=True, slots=True, eq=False)
class BackgroundSolution:
    """The empty station, reduced.

    Attributes:
        mean: uint8 (h, w, 3) BGR.
        spread: float32 (h, w), standard deviation over the frames, grey levels.
        sharpness: of the first frame at its full size, see `calibration.acuity.sharpness`.
        stands_out: what looks like an item and was said to belong to the station, in pixels of the frame.
    """

    mean: Pixels
    spread: Plane
    sharpness: float
    stands_out: Box | None = None

    def part(self, made: Made) -> Background:
        """The part of a record."""
        mean, spread = self.mean, np.clip(np.rint(self.spread * 16), 0, 255).astype(np.uint8)
        while len(text := encode_png(mean)) > MOST_PNG or len(encode_png(spread)) > MOST_PNG:
            size = (mean.shape[1] // 2, mean.shape[0] // 2)
            mean = resized(mean, size)
            spread = np.asarray(cv2.resize(spread, size, interpolation=cv2.INTER_AREA), np.uint8)
        return Background(made=made, mean_png=text, spread_png=encode_png(spread), sharpness=self.sharpness)


def solve_background(frames: Mapping[str, Pixels], *, belongs: bool = False) -> BackgroundSolution:
    """Model the empty station.

    An item that lies still looks like a station that is empty; it is told by standing out of the picture: other colours
    and more detail than along the border. A station that has such a thing for good is accepted with ``belongs``.

    Args:
        frames: by name, at least 5 corrected ones of one size, uint8 (H, W, 3) BGR.
        belongs: what stands out belongs to the station.

    Raises:
        CalibrationError: ``calibration.frames``; ``.moving``: something moves, the message says where and in which
            frame; ``.light``: the light is not the same in all frames; ``.item``: something lies there.
    """
    if len(frames) < LEAST_FRAMES:
        raise CalibrationError(
            f"{len(frames)} frames are too few, {LEAST_FRAMES} are needed",
            code="frames",
            hint="take pictures of the empty station one after the other",
        )
    check_alike(frames.values())
    first = next(iter(frames.values()))
    size = reduced_size(first.shape[1], first.shape[0], LONG_SIDE)
    small = {name: resized(pixels, size) for name, pixels in frames.items()}
    _check_still(small)
    stack = np.stack(list(small.values())).astype(np.float32)
    mean = np.rint(stack.mean(axis=0)).astype(np.uint8)
    spread = np.asarray(stack.mean(axis=3).std(axis=0, ddof=1), np.float32)
    item = isolate(np.median(np.stack(list(frames.values())[:LEAST_FRAMES]), axis=0).astype(np.uint8))
    if item.found and item.share > LEAST_ITEM and not belongs:
        raise CalibrationError(
            f"something lies in view: it covers {item.share:.1%} of the picture at the {_place(item.box, first)}",
            code="item",
            hint="take everything off the table; if it belongs to the station, say so (--belongs)",
        )
    noise = pixel_noise(list(frames.values()))
    return BackgroundSolution(mean, spread, sharpness(first, noise), item.box if item.found else None)


def _check_still(frames: Mapping[str, Pixels]) -> None:
    """Every frame must be the frames' median up to noise; a change of all the light is not movement."""
    grey = {name: _calm(pixels) for name, pixels in frames.items()}
    stack = np.stack(list(grey.values()))
    median = np.median(stack, axis=0)
    noise = float(np.median(np.abs(stack - median))) * 1.4826
    level = float(np.median(median))
    for name, picture in grey.items():
        gain = float(np.median(picture / np.maximum(median, 1)))
        if abs(gain - 1) > max(MOVED_LEVELS / max(level, 1), MOST_LIGHT):
            raise CalibrationError(
                f"{name} is {gain:.2f} times as bright as the others",
                code="light",
                hint="wait until the lamps are warm, switch the camera's automatic exposure off, keep daylight out",
            )
        change = np.abs(picture - gain * median)
        moved = np.asarray(change > max(MOVED_SPREADS * noise, MOVED_LEVELS), np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(moved)
        areas = stats[1:, cv2.CC_STAT_AREA]
        if len(areas) and int(areas.max()) > MOVED_SHARE * moved.size:
            left, top, width, height = (int(value) for value in stats[1 + int(np.argmax(areas)), :4])
            where = _place(Box(left, top, width, height), picture)
            raise CalibrationError(
                f"something moves at the {where} in {name}",
                code="moving",
                hint="keep hands and tools out of view, stop what moves, and take the pictures again",
            )


def _calm(pixels: Pixels) -> Plane:
    """Grey levels with noise averaged over a few pixels, float32 (h, w)."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(cv2.blur(grey, (_NOISE_CELL, _NOISE_CELL)), np.float32)


def _place(box: Box | None, picture: npt.NDArray[np.generic]) -> str:
    """Where the middle of a box is, in words."""
    if box is None:
        return "middle"
    height, width = picture.shape[:2]
    down = ("top", "middle", "bottom")[min(2, int(3 * (box.y + box.height / 2) / height))]
    across = ("left", "centre", "right")[min(2, int(3 * (box.x + box.width / 2) / width))]
    return f"{down} {across}" if (down, across) != ("middle", "centre") else "middle"
