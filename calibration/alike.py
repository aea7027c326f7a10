"""Frames that are to be compared must be pictures of one size."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from inspection.errors import CalibrationError
from inspection.frame import Pixels

LEAST_SIDE, MOST_SIDE = 16, 16384


def check_alike(frames: Iterable[Pixels]) -> None:
    """Refuse what is no picture, or not of the size of the first.

    Raises:
        CalibrationError: ``calibration.picture``, ``.frames``.
    """
    first: tuple[int, ...] | None = None
    for frame in frames:
        shape = np.shape(frame)
        if len(shape) != 3 or shape[2] != 3 or frame.dtype != np.uint8:  # noqa: PLR2004
            raise CalibrationError(f"a picture is uint8 (H, W, 3) BGR, not {frame.dtype} {shape}", code="picture")
        if not LEAST_SIDE <= min(shape[:2]) <= max(shape[:2]) <= MOST_SIDE:
            raise CalibrationError(f"a picture of {shape[1]} x {shape[0]} pixels cannot be used", code="picture")
        first = first or shape
        if shape != first:
            raise CalibrationError(
                f"frames of {first[1]} x {first[0]} and {shape[1]} x {shape[0]} pixels cannot be compared",
                code="frames",
                hint="do not change the camera's resolution between frames",
            )
