"""Flat field of a view: how much brighter each place must be made, from frames of an even white sheet.

The sheet is moved or turned between frames, so that its dust and creases are not taken for the lens's vignetting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from calibration.alike import check_alike
from calibration.sample import linear_light
from inspection.errors import CalibrationError
from inspection.frame import Pixels

COLUMNS = 64
"""Cells along the frame's longer side."""
CLIPPED_LEVEL = 252
CLIPPED_SHARE = 0.002
DARK_LEVEL = 60.0
MOST_GAIN = 10.0
"""A place ten times darker than the brightest is no vignetting, and its noise would be made ten times larger."""
MOST_STEP = 0.03
"""A smooth field of light is this near to a polynomial of degree 6; shadows and the end of the sheet are not."""
STEP_SHARE = 0.01
"""Of the frame that may be further off: dust."""
MOST_DISAGREEMENT = 0.03
LEAST_CHANNEL = 0.35
"""Weakest over strongest channel, in linear light, below which the sheet is not white."""

Plane = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
_FINE = 8
_DEGREE = 6
_ROUNDS = 12
_DUST = 0.012
_LINEAR = linear_light(np.arange(256, dtype=np.uint8)).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class FlatSolution:
    """Gains in linear light, and how even the frames become by them.

    Attributes:
        gains: float64 (rows, columns), 1 at the brightest place; nodes are the middles of equal cells of the frame.
        unevenness: root mean square of the frames' relative unevenness before.
        residual: the same after, of frames that the gains were not solved from when there are two or more.
        refused: reason by name of the frames that were left out.
    """

    gains: Floats
    unevenness: float
    residual: float
    refused: dict[str, str]


def solve_flat(frames: Mapping[str, Pixels]) -> FlatSolution:
    """Solve the flat field.

    Args:
        frames: by name, uint8 (H, W, 3) BGR, all of one size: an even white sheet that fills the frame.

    Raises:
        CalibrationError: ``calibration.clipped``, ``.dark``, ``.uneven``, when no frame or less than half of them can
            be used; the message names each.
    """
    if not frames:
        raise CalibrationError("no frame of a white sheet", code="frames")
    check_alike(frames.values())
    fields: dict[str, Plane] = {}
    refused: dict[str, str] = {}
    errors: dict[str, CalibrationError] = {}
    for name, pixels in frames.items():
        try:
            _check_light(name, pixels)
            field = _field(pixels)
            _check_smooth(name, field)
        except CalibrationError as error:
            errors[name], refused[name] = error, error.code.removeprefix("calibration.")
            continue
        fields[name] = field
    fields, moved = _agreeing(fields)
    refused |= dict.fromkeys(moved, "uneven")
    if len(fields) * 2 < len(frames) or not fields:
        _refuse(refused, errors)
    stack = np.stack(list(fields.values()))
    gains = _gains(stack)
    before = _unevenness(stack, np.ones_like(stack))
    return FlatSolution(gains, before, _residual(stack, gains), refused)


def grid_size(width: int, height: int) -> tuple[int, int]:
    """Rows and columns of the grid for frames of that size."""
    cell = max(width, height) / COLUMNS
    return max(2, round(height / cell)), max(2, round(width / cell))


def _check_light(name: str, pixels: Pixels) -> None:
    clipped = float((pixels.max(axis=2) >= CLIPPED_LEVEL).mean())
    if clipped > CLIPPED_SHARE:
        raise CalibrationError(
            f"{name}: {clipped:.1%} of the frame is clipped",
            code="clipped",
            hint="shorten the exposure until the sheet is light grey, at about 180 of 255",
        )
    level = float(np.median(pixels))
    if level < DARK_LEVEL:
        raise CalibrationError(
            f"{name}: the sheet has a level of {level:.0f} of 255, at least {DARK_LEVEL:.0f} is needed",
            code="dark",
            hint="lay a white sheet into view, turn the light up or expose longer",
        )
    colours = _LINEAR[np.clip(np.rint(pixels.reshape(-1, 3).mean(axis=0)), 0, 255).astype(np.int64)]
    if np.ptp(np.log(np.maximum(colours, 1e-4))) > -np.log(LEAST_CHANNEL):
        raise CalibrationError(
            f"{name}: what fills the frame is coloured, not white", code="not_white", hint="use plain white paper"
        )


def _field(pixels: Pixels) -> Plane:
    """Light of each cell, relative to the median; the median within a cell does not see specks of dust."""
    rows, columns = grid_size(pixels.shape[1], pixels.shape[0])
    fine = cv2.resize(
        cv2.LUT(pixels, _LINEAR), (columns * _FINE, rows * _FINE), interpolation=cv2.INTER_AREA
    )  # of light, not of codes
    fine = np.asarray(fine / np.maximum(np.median(fine, axis=(0, 1)), 1e-6), np.float32).mean(axis=2)
    cells = fine.reshape(rows, _FINE, columns, _FINE).swapaxes(1, 2).reshape(rows, columns, -1)
    return np.asarray(np.median(cells, axis=2), np.float32)


def _check_smooth(name: str, field: Plane) -> None:
    """A shadow, the end of the sheet, or a thing on it."""
    if field.min() <= 0 or field.max() / field.min() > MOST_GAIN:
        darkest = _place(field, int(np.argmin(field)))
        raise CalibrationError(
            f"{name}: the {darkest} is {field.max() / max(float(field.min()), 1e-3):.1f} times darker than the"
            " brightest place",
            code="uneven",
            hint="the sheet must fill the frame; move the lamps so that it is lit evenly",
        )
    off = np.log(field) - _smooth(np.log(field))
    far = np.asarray(np.abs(off) > MOST_STEP, np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(far)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if len(areas) and int(areas.max()) > STEP_SHARE * field.size:
        part = labels == 1 + int(np.argmax(areas))
        place = _place(field, int(np.argmax(np.where(part, np.abs(off), 0))))
        raise CalibrationError(
            f"{name}: the light steps by {float(np.abs(off[part]).max()):.0%} at the {place}: a shadow, the end of the"
            " sheet, or a thing on it",
            code="uneven",
            hint="let the sheet fill the frame, take things and hands away, and do not stand in the light",
        )


def _agreeing(fields: Mapping[str, Plane]) -> tuple[dict[str, Plane], list[str]]:
    """The frames that show the same field, and the names of the others: a shadow that moved."""
    if len(fields) < 3:  # noqa: PLR2004 -- of two that differ nobody can say which is right
        return dict(fields), []
    middle = np.median(np.stack(list(fields.values())), axis=0)
    off = {name: float(np.percentile(np.abs(field / middle - 1), 98)) for name, field in fields.items()}
    moved = [name for name, difference in off.items() if difference > MOST_DISAGREEMENT]
    return {name: field for name, field in fields.items() if name not in moved}, moved


def _gains(stack: Plane) -> Floats:
    """Gains from fields (N, rows, columns); cells with dust in every frame are filled from the smooth field."""
    field = np.median(stack, axis=0).astype(np.float64)
    smooth = np.exp(_smooth(np.log(field)))
    off = field / smooth - 1
    around = cv2.blur(off.astype(np.float32), (5, 5))
    dusty = (off - around) < -max(_DUST, 4 * float(np.median(np.abs(off - around))))
    field = np.where(dusty, smooth * (1 + around), field)
    brightest = float(np.percentile(field, 99.5))
    return np.clip(brightest / field, 1, 16)


def _smooth(log_field: Floats | Plane) -> Floats:
    """Robust polynomial of degree 6 over the field (rows, columns); outliers have no weight (Tukey's biweight)."""
    rows, columns = log_field.shape
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    down, across = (np.polynomial.legendre.legvander(axis.ravel(), _DEGREE) for axis in (y, x))
    basis = np.stack([down[:, i] * across[:, j] for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)], axis=1)
    values = np.asarray(log_field, np.float64).ravel()
    weights = np.ones_like(values)
    found = values
    for _ in range(_ROUNDS):
        weighted = basis * weights[:, None]
        found = basis @ np.linalg.solve(weighted.T @ basis + 1e-9 * np.eye(basis.shape[1]), weighted.T @ values)
        off = np.abs(values - found)
        reach = max(6 * float(np.median(off)), 0.004)
        weights = np.square(np.clip(1 - np.square(off / reach), 0, 1))
    return np.asarray(found.reshape(rows, columns), np.float64)


def _residual(stack: Plane, gains: Floats) -> float:
    if len(stack) == 1:
        return _unevenness(stack, gains[None])
    folds = [np.arange(len(stack)) % 2 == fold for fold in (0, 1)]
    return float(np.mean([_unevenness(stack[~fold], _gains(stack[fold])[None]) for fold in folds]))


def _unevenness(stack: Plane, gains: Floats | Plane) -> float:
    """Relative root mean square over the frame, of the frames' median."""
    even = np.median(stack * gains, axis=0)
    return float(np.std(even) / np.mean(even))


def _place(field: Plane, index: int) -> str:
    """Where a cell is, in words."""
    row, column = divmod(index, field.shape[1])
    down = ("top", "middle", "bottom")[3 * row // field.shape[0]]
    across = ("left", "centre", "right")[3 * column // field.shape[1]]
    return f"{down} {across}" if (down, across) != ("middle", "centre") else "middle"


def _refuse(refused: dict[str, str], errors: dict[str, CalibrationError]) -> None:
    reasons = list(refused.values())
    first = max(dict.fromkeys(reasons), key=reasons.count)
    told = [str(errors[name]) if name in errors else f"{name}: differs from the others" for name in refused]
    hint = next((error.hint for error in errors.values() if error.code.endswith(first)), "")
    hint = hint or "do not stand in the light, and wait until the lamps are warm"
    raise CalibrationError("frames cannot be used: " + "; ".join(told[:6]), code=first, hint=hint)
