"""Mask pictures: one grey picture says for every pixel which defect is seen there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inspection.errors import ConfigError
from inspection.finding import Defect

STEP = 16
"""Grey levels between defect types; 0 is no defect."""
_CODES = {defect: STEP * (place + 1) for place, defect in enumerate(Defect)}


def mask_code(defect: Defect) -> int:
    """Grey value of a defect: 16 times its place, from 1, in :class:`Defect`."""
    return _CODES[defect]


def read_codes(path: Path) -> npt.NDArray[np.uint8]:
    """The mask picture as it is, uint8 (H, W).

    Raises:
        ConfigError: it is no picture, or holds a grey value that is no code.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise ConfigError(f"{path} is not a mask picture")
    unknown = set(np.unique(picture)) - {0, *_CODES.values()}
    if unknown:
        raise ConfigError(f"{path}: grey value {min(unknown)} is no defect's code", hint="16 times the place in Defect")
    return np.asarray(picture, np.uint8)


def planes(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """One plane a defect, float32 (14, H, W), 1 where it is seen."""
    return np.stack([codes == code for code in _CODES.values()]).astype(np.float32)


def defects_in(codes: npt.NDArray[np.uint8]) -> frozenset[Defect]:
    """The defects that a mask picture shows."""
    shown = set(np.unique(codes))
    return frozenset(defect for defect, code in _CODES.items() if code in shown)
