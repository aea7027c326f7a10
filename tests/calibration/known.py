"""Calibration records of known content, for frames of 320 x 240."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from calibration.record import CalibrationRecord

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SIZE = (320, 240)
ROOTS = ([0.1, -0.05, 0], [0.05, 0.1, -0.1], [0, 0.2, -0.1])


def made(days: float = 3000, at: datetime = AT) -> dict[str, Any]:
    return {"by": "tech-1", "at": at, "software": "0.1.0", "frames": (), "valid_until": at + timedelta(days=days)}


def lens(size: tuple[int, int] = SIZE, k1: float = -0.25, **more: Any) -> dict[str, Any]:
    width, height = size
    focal = 0.9 * width
    matrix = ((focal, 0, width / 2 - 3), (0, focal * 1.01, height / 2 + 2), (0, 0, 1))
    distortion = (k1, 0.08, 0.001, -0.0015, 0.01)
    residuals = {"rms_px": 0.1, "coverage": 0.9}
    return {"made": made(), "camera_matrix": matrix, "distortion": distortion, **residuals, **more}


def plane(size: tuple[int, int] = SIZE, mm_per_px: float = 0.25, tilt: float = 0.0, **more: Any) -> dict[str, Any]:
    """Millimetres on the table, the origin at the picture's middle; ``tilt`` is the change of scale over the width."""
    middle = np.array([[1.0, 0, -size[0] / 2], [0, 1, -size[1] / 2], [0, 0, 1]])
    scale = np.array([[mm_per_px, 0, 0], [0, mm_per_px, 0], [tilt / size[0], 0, 1]])
    return {"made": made(), "homography": (scale @ middle).tolist(), "rms_mm": 0.05, **more}


def colour(terms: str = "linear", **more: Any) -> dict[str, Any]:
    matrix = [[1.3, -0.2, 0.05], [-0.15, 1.2, -0.1], [0.02, -0.3, 1.5]]
    if terms == "root2":
        matrix = [row + extra for row, extra in zip(matrix, ROOTS, strict=True)]
    residuals = {"delta_e_before": 9.0, "delta_e_after": 1.2, "delta_e_worst": 3.0}
    return {"made": made(), "terms": terms, "matrix": matrix, **residuals, **more}


def flat(strength: float = 0.8, rows: int = 9, columns: int = 16, **more: Any) -> dict[str, Any]:
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    return {"made": made(), "gains": (1 + strength * (x**2 + y**2) / 2).tolist(), "residual": 0.004, **more}


def record(size: tuple[int, int] = SIZE, camera_id: str = "cam", view: str = "top", **parts: Any) -> CalibrationRecord:
    known = {"camera_id": camera_id, "view": view, "width": size[0], "height": size[1], **parts}
    return CalibrationRecord.model_validate(known)
