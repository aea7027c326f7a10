"""From a camera's frame to the corrected picture: lens, flat field and colour in one pass, with everything precomputed.

The corrected picture has the size and the camera matrix of the frame. Where it shows what the frame does not, at the
border of a lens with pincushion distortion, the nearest pixel of the frame is repeated.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from calibration.record import CalibrationRecord, Colour, FlatField, Lens
from inspection.errors import CalibrationError
from inspection.finding import Box
from inspection.frame import Pixels

ROWS = 16
"""Rows corrected at a time: what lies between the passes then fits into the processor's cache."""
FULL = 65535
GAIN_ONE = 4096

Floats = npt.NDArray[np.float64]
_Work = npt.NDArray[np.uint16]
_Maps = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
_KNEE_LIGHT, _KNEE_CODE = 0.0031308, 0.04045
_EDGE_POINTS = 9
_UNDISTORT = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-9)


class Workspace(threading.local):
    """Arrays that are used again for every frame: fresh memory costs more than the arithmetic on it.

    Each thread has its own.
    """

    def __init__(self) -> None:
        self._kept: dict[str, npt.NDArray[Any]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: type) -> npt.NDArray[Any]:
        """An array of any content; the same one for the same name while the shape stays."""
        kept = self._kept.get(name)
        if kept is None or kept.shape != shape:
            kept = self._kept[name] = np.empty(shape, dtype)
        return kept


class Corrector:
    """Corrects the frames of one view of one camera; safe to use from several threads.

    Args:
        record: parts that are missing are left out; one without lens, flat field and colour changes nothing.

    Raises:
        CalibrationError: ``calibration.corrupted`` when the lens is none.

    Attributes:
        calibration_id: of the record.
    """

    def __init__(self, record: CalibrationRecord) -> None:
        self.calibration_id = record.calibration_id
        self.size = (record.width, record.height)
        self._lens = record.lens
        self._maps = None if record.lens is None else _maps(record.lens, self.size)
        self._needed = [] if self._maps is None else _rows_needed(self._maps[1], record.height)
        self._gains = None if record.flat is None else _gains(record.flat, self.size, self._maps)
        self._colour = None if record.colour is None else _ColourTable(record.colour)
        self._space = Workspace()

    def __call__(self, pixels: Pixels) -> Pixels:
        """The corrected picture, uint8 (H, W, 3) BGR; the frame itself when nothing is to be corrected.

        Raises:
            CalibrationError: ``calibration.other_resolution`` when the frame is not of the size that was calibrated.
        """
        if pixels.dtype != np.uint8 or pixels.shape != (self.size[1], self.size[0], 3):
            found = f"{pixels.dtype} {pixels.shape}"
            raise CalibrationError(
                f"{self.calibration_id} is for frames of {self.size[0]} x {self.size[1]}, found {found}",
                code="other_resolution",
                hint="set the camera to the size it was calibrated with, or calibrate the view again",
            )
        if self._maps is None and self._gains is None and self._colour is None:
            return pixels
        corrected = np.empty_like(pixels)
        wide = None if self._maps is None else self._space.array("wide", (*pixels.shape[:2], 4), np.uint8)
        widened = 0
        for strip, top in enumerate(range(0, pixels.shape[0], ROWS)):
            rows, part = slice(top, top + ROWS), pixels[top : top + ROWS]
            if self._maps is not None and wide is not None:
                if (needed := self._needed[strip]) > widened:
                    _widen(pixels[widened:needed], wide[widened:needed])
                    widened = needed
                part = self._undistorted(wide, self._maps, rows, corrected[rows])
            if self._gains is not None or self._colour is not None:
                self._recoloured(part, rows, corrected[rows])
        return corrected

    def to_frame(self, points: Floats) -> Floats:
        """Points of the corrected picture, float64 (N, 2), as points of the frame."""
        points = np.asarray(points, np.float64).reshape(-1, 2)
        if self._lens is None or not len(points):
            return points
        matrix = np.asarray(self._lens.camera_matrix)
        rays = np.column_stack([points, np.ones(len(points))]) @ np.linalg.inv(matrix).T
        still = np.zeros(3)
        found, _ = cv2.projectPoints(rays.reshape(-1, 1, 3), still, still, matrix, np.asarray(self._lens.distortion))
        return np.asarray(found, np.float64).reshape(-1, 2)

    def to_corrected(self, points: Floats) -> Floats:
        """Points of the frame, float64 (N, 2), as points of the corrected picture."""
        points = np.asarray(points, np.float64).reshape(-1, 2)
        return points if self._lens is None else undistort_points(self._lens, points)

    def box_in_frame(self, box: Box) -> Box:
        """The smallest box of the frame that holds a box of the corrected picture."""
        if self._lens is None:
            return box
        x, y = (np.linspace(a, b, _EDGE_POINTS) for a, b in ((box.x, box.x + box.width), (box.y, box.y + box.height)))
        edge = [(a, b) for a in x for b in (y[0], y[-1])] + [(a, b) for b in y for a in (x[0], x[-1])]
        mapped = self.to_frame(np.asarray(edge) - 0.5) + 0.5
        low = np.clip(np.floor(mapped.min(axis=0) + 1e-6), 0, np.array(self.size) - 1).astype(int)
        high = np.clip(np.ceil(mapped.max(axis=0) - 1e-6), low + 1, self.size).astype(int)
        return Box(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))

    def _undistorted(self, wide: Pixels, maps: _Maps, rows: slice, out: Pixels) -> Pixels:
        x, y = (part[rows] for part in maps)
        moved = self._space.array("moved", (ROWS, *wide.shape[1:]), np.uint8)[: len(x)]
        cv2.remap(wide, x, y, cv2.INTER_LINEAR, dst=moved, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.cvtColor(moved, cv2.COLOR_BGRA2BGR, dst=out), np.uint8)

    def _recoloured(self, part: Pixels, rows: slice, out: Pixels) -> None:
        """Colour first: it commutes with the gain, and what it clips would clip anyway, as no gain is below 1."""
        light = self._space.array("light", (ROWS, *part.shape[1:]), np.uint16)[: len(part)]
        if self._colour is None:
            cv2.LUT(part, _tables.to_linear, dst=light)
        else:
            self._colour(part, light, self._space)
        if self._gains is not None:
            cv2.multiply(light, self._gains[rows], dst=light, scale=1 / GAIN_ONE)
        cv2.LUT(light, _tables.to_srgb, dst=out)


class _ColourTable:
    """Camera colours to linear sRGB of 16 bits, in BGR order."""

    def __init__(self, colour: Colour) -> None:
        matrix = np.asarray(colour.matrix, np.float64)[::-1]
        self._plain = np.ascontiguousarray(matrix[:, 2::-1])
        # The roots' order is RG, GB, RB; a picture's channels times its channels moved on by one are BG, GR, RB.
        self._roots = np.ascontiguousarray(matrix[:, [4, 3, 5]]) if colour.terms == "root2" else None

    def __call__(self, part: Pixels, light: _Work, space: Workspace) -> None:
        if self._roots is None:
            plain = space.array("plain", (ROWS, *part.shape[1:]), np.uint16)[: len(part)]
            cv2.transform(cv2.LUT(part, _tables.to_linear, dst=plain), self._plain, dst=light)
            return
        root, other, total = (
            space.array(name, (ROWS, *part.shape[1:]), np.float32)[: len(part)] for name in ("root", "other", "total")
        )
        cv2.LUT(part, _tables.to_root, dst=root)
        cv2.multiply(root, cv2.transform(root, _MOVED_ON, dst=other), dst=other)
        cv2.multiply(root, root, dst=root)
        cv2.transform(root, self._plain, dst=total)
        cv2.add(total, cv2.transform(other, self._roots, dst=root), dst=light, dtype=cv2.CV_16U)


def _widen(rows: Pixels, wide: Pixels) -> None:
    """Four channels, which OpenCV 5 moves by float maps faster than three by any, and to the pixel's fraction."""
    cv2.cvtColor(rows, cv2.COLOR_BGR2BGRA, dst=wide)


def _rows_needed(y: npt.NDArray[np.float32], height: int) -> list[int]:
    """How many of the frame's first rows each strip and those above it look at.

    Widened only when first looked at, they are still in the cache then. What lies beyond the last row is the last row.
    """
    lowest = np.array([y[top : top + ROWS].max() for top in range(0, height, ROWS)], np.float64)
    return [int(row) for row in np.maximum.accumulate(np.clip(np.floor(lowest) + 2, 1, height))]


def undistort_points(lens: Lens, points: Floats) -> Floats:
    """Points of the frame, float64 (N, 2), as points of the corrected picture."""
    points = np.asarray(points, np.float64).reshape(-1, 1, 2)
    if not len(points):
        return points.reshape(-1, 2)
    matrix = np.asarray(lens.camera_matrix)
    found = cv2.undistortPoints(points, matrix, np.asarray(lens.distortion), P=matrix, criteria=_UNDISTORT)
    return np.asarray(found, np.float64).reshape(-1, 2)


class _Tables:
    """Look-up tables between 8 bit sRGB and light (IEC 61966-2-1)."""

    @cached_property
    def to_linear(self) -> _Work:
        """uint16 (256,), light times 65535."""
        return np.rint(_light(np.arange(256) / 255) * FULL).astype(np.uint16)

    @cached_property
    def to_root(self) -> npt.NDArray[np.float32]:
        """float32 (256,), square root of light times 65535."""
        return np.sqrt(_light(np.arange(256) / 255) * FULL).astype(np.float32)

    @cached_property
    def to_srgb(self) -> Pixels:
        """uint8 (65536,)."""
        light = np.arange(FULL + 1) / FULL
        code = np.where(light <= _KNEE_LIGHT, light * 12.92, 1.055 * np.power(light, 1 / 2.4) - 0.055)
        return np.asarray(np.rint(code * 255), np.uint8)


def _light(code: Floats) -> Floats:
    return np.where(code <= _KNEE_CODE, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def _maps(lens: Lens, size: tuple[int, int]) -> _Maps:
    matrix = np.asarray(lens.camera_matrix)
    if not (matrix[0, 0] > 0 and matrix[1, 1] > 0 and abs(np.linalg.det(matrix)) > 0):
        raise CalibrationError("the camera matrix is none", code="corrupted", hint="calibrate the lens again")
    x, y = cv2.initUndistortRectifyMap(matrix, np.asarray(lens.distortion), np.eye(3), matrix, size, cv2.CV_32FC1)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise CalibrationError("the lens maps nowhere", code="corrupted", hint="calibrate the lens again")
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _gains(flat: FlatField, size: tuple[int, int], maps: _Maps | None) -> _Work:
    """The gain of every value of the corrected picture, times 4096; of the frame, so moved as the lens moves it."""
    gains = gain_map(flat, size)
    if maps is not None:
        gains = np.asarray(cv2.remap(gains, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
    whole = np.clip(np.rint(gains * GAIN_ONE), 0, FULL).astype(np.uint16)
    return np.ascontiguousarray(np.repeat(whole[:, :, None], 3, axis=2))


def gain_map(flat: FlatField, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """float32 (H, W): the grid's nodes at the middle of equal cells of the frame, bilinear between, level outside."""
    return np.asarray(cv2.resize(flat.grid(), size, interpolation=cv2.INTER_LINEAR), np.float32)


_MOVED_ON = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
_tables = _Tables()
