"""Between two checks: how far light, focus and camera have drifted, from the background of every capture.

Compared is what the item does not cover, on reduced pictures, in the logarithm of light, where a change of the lamps is
a mere offset. The camera's movement is found by phase correlation and then by least squares on the strongest texture.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from calibration.foreground import logarithm, resized
from calibration.moves import Move
from calibration.record import Background, CalibrationRecord
from calibration.registration import Floats, Plane, Register, Shift
from inspection.errors import CalibrationError
from inspection.frame import Pixels

LIGHT = 0.12
"""Relative change of linear light that is drift, at least; three times the flicker if that is more."""
CAST = 0.08
"""Relative change of one channel against the others that is drift."""
SHIFT_MM = 1.0
SHIFT_SHARE = 0.004
"""Of the frame's longer side, where millimetres are not known."""
LEAST_FOCUS = 0.7
"""Share of the fine structure's contrast that must be left; a blur as wide as the structure leaves less."""
LEAST_SEEN = 0.15
"""Share of the view that must show the background for anything to be said."""
CELL = 8

_AROUND = 0.05


@dataclass(frozen=True, slots=True)
class Drift:
    """What a capture's background says about the calibration.

    Attributes:
        seen: share of the view that shows the background, 0..1.
        light: linear light now over then; ``None`` when too little is seen.
        cast: largest relative change of a channel against the mean of all; likewise.
        shift_px: how far what is on the table has moved in the frame, at most; ``None`` without texture.
        shift_mm: how far the table has moved, ``None`` without plane.
        focus: contrast of the fine structure now over then; ``None`` without any.
        moves: what is out of its limits; empty when the calibration still holds.
    """

    seen: float
    light: float | None = None
    cast: float | None = None
    shift_px: float | None = None
    shift_mm: float | None = None
    focus: float | None = None
    moves: tuple[Move, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(move.code for move in self.moves)


@dataclass(frozen=True, slots=True, eq=False)
class DriftWatch:
    """A view's background prepared for comparing captures with it; make it once.

    Attributes:
        size: (width, height) that pictures are reduced to.
        frame_size: (width, height) of the corrected frames.
    """

    size: tuple[int, int]
    frame_size: tuple[int, int]
    light_limit: float
    light_then: Plane
    register: Register
    homography: Floats | None = field(default=None)

    @classmethod
    def of(cls, record: CalibrationRecord) -> DriftWatch:
        """Prepare.

        Raises:
            CalibrationError: ``calibration.no_background``: the record has none.
        """
        if record.background is None:
            raise CalibrationError(
                f"view {record.view} has no background", code="no_background", hint="learn the empty station first"
            )
        mean = record.background.mean()
        limit = LIGHT
        if record.light is not None:
            limit = max(limit, 3 * record.light.flicker + abs(record.light.drift))
        plane = None if record.plane is None else np.asarray(record.plane.homography, np.float64)
        return cls(
            size=(mean.shape[1], mean.shape[0]),
            frame_size=(record.width, record.height),
            light_limit=limit,
            light_then=_cells(mean),
            register=Register.of(logarithm(mean), _noise(record.background, mean)),
            homography=plane,
        )

    def __call__(self, picture: Pixels, item: npt.NDArray[np.uint8] | None = None) -> Drift:
        """Compare a capture with the background.

        Args:
            picture: uint8 (H, W, 3) BGR, the corrected frame (see `calibration.correct.Corrector`).
            item: mask of any size, > 0 where the item is; ``None`` for the empty station.

        Raises:
            CalibrationError: ``calibration.foreign``: the picture has another size than the record is for.
        """
        if picture.dtype != np.uint8 or picture.shape != (self.frame_size[1], self.frame_size[0], 3):
            raise CalibrationError(
                f"{picture.dtype} {picture.shape} is no corrected frame of {self.frame_size}", code="foreign"
            )
        small = resized(picture, self.size)
        free = _free(item, self.size)
        seen = float(free.mean())
        if seen < LEAST_SEEN:
            return Drift(seen)
        light, cast = self._light(small, free)
        shift = self.register(logarithm(small), free)
        shift_px, shift_mm = self._moved(shift) if shift.found else (None, None)
        focus = shift.contrast if shift.found else None
        moves = self._moves(light, cast, shift, (shift_px, shift_mm))
        return Drift(seen, light, cast, shift_px, shift_mm, focus, moves)

    def _light(self, small: Pixels, free: Plane) -> tuple[float, float]:
        """Median over the cells that show nothing but background: an item's shadow covers the lesser part."""
        now = _cells(small)
        open_ = cv2.resize(free, (now.shape[1], now.shape[0]), interpolation=cv2.INTER_AREA) > 0.99  # noqa: PLR2004
        change = (now - self.light_then)[open_] if open_.any() else (now - self.light_then).reshape(-1, 3)
        channels = np.median(change, axis=0)
        return float(np.exp(channels.mean())), float(np.expm1(np.abs(channels - channels.mean()).max()))

    def _moved(self, shift: Shift) -> tuple[float, float | None]:
        """Pixels of the frame at the corner of the texture that moved furthest, and millimetres on the table.

        The latter are the median of the corners: those of an oblique view may lie near its horizon.
        """
        scale = np.array(self.frame_size) / self.size
        there = (shift.places + 0.5) * scale - 0.5
        moved = (shift.moved + 0.5) * scale - 0.5
        pixels = float(np.linalg.norm(moved - there, axis=1).max())
        if self.homography is None:
            return pixels, None
        on_table = [cv2.perspectiveTransform(points[:, None], self.homography)[:, 0] for points in (there, moved)]
        return pixels, float(np.median(np.linalg.norm(on_table[1] - on_table[0], axis=1)))

    def _moves(
        self, light: float, cast: float, shift: Shift, moved: tuple[float | None, float | None]
    ) -> tuple[Move, ...]:
        moves = []
        if abs(np.log(light)) > -np.log(1 - self.light_limit):
            moves.append(Move("exposure", light, self.light_limit, "ratio"))
        if cast > CAST:
            moves.append(Move("colour", cast, CAST, "ratio"))
        if shift.lost:
            return (*moves, Move("view", shift.score, shift.least_score, "ratio"))
        pixels, millimetres = moved
        limit_px = SHIFT_SHARE * max(self.frame_size)
        if millimetres is not None and millimetres > SHIFT_MM:
            moves.append(Move("shift", millimetres, SHIFT_MM, "mm"))
        elif millimetres is None and pixels is not None and pixels > limit_px:
            moves.append(Move("shift", pixels, limit_px, "px"))
        if shift.found and shift.contrast < LEAST_FOCUS:
            moves.append(Move("focus", shift.contrast, LEAST_FOCUS, "ratio"))
        return tuple(moves)


def _free(item: npt.NDArray[np.uint8] | None, size: tuple[int, int]) -> Plane:
    """1 where the background is seen, also not just beside the item, where its shadow is darkest; float32 (h, w)."""
    if item is None:
        return np.ones((size[1], size[0]), np.float32)
    mask = np.asarray(cv2.resize(item, size, interpolation=cv2.INTER_AREA) > 0, np.uint8)
    reach = 2 * round(_AROUND * max(size)) + 1
    return np.asarray(1 - cv2.dilate(mask, np.ones((reach, reach), np.uint8)), np.float32)


def _cells(picture: Pixels) -> Plane:
    """Logarithm of light of each cell, float32 (rows, columns, 3)."""
    size = (max(1, picture.shape[1] // CELL), max(1, picture.shape[0] // CELL))
    return logarithm(resized(picture, size))


def _noise(background: Background, mean: Pixels) -> float:
    """Standard deviation of the mean picture, in the logarithm of light, where it is typical."""
    spread = float(np.median(background.spread()))
    grey = np.clip(np.median(mean) + np.array([-2, 2]), 0, 255).astype(np.uint8)
    per_level = float(np.diff(logarithm(np.repeat(grey[:, None], 3, axis=1)[:, None]).mean(axis=(1, 2)))[0]) / 4
    return spread * per_level / float(np.sqrt(max(1, len(background.made.frames))))
