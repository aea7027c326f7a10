"""Records to store in tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from calibration.record import CalibrationRecord, Lens, Light, Made, Plane

NOW = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)


def made(days: float = 30) -> Made:
    return Made(by="p7", at=NOW, software="0.1.0", frames=("ab" * 32,), valid_until=NOW + timedelta(days=days))


def record(camera_id: str = "cam-1", view: str = "top", rms_px: float = 0.2, **parts: object) -> CalibrationRecord:
    """With a lens; other parts by name."""
    lens = Lens(
        made=made(),
        camera_matrix=((1100.0, 0.0, 640.0), (0.0, 1101.5, 360.0), (0.0, 0.0, 1.0)),
        distortion=(-0.28, 0.09, 0.0, -0.0, 1e17),
        rms_px=rms_px,
        coverage=0.8,
    )
    values = {"camera_id": camera_id, "view": view, "width": 1280, "height": 720, "lens": lens, **parts}
    return CalibrationRecord.model_validate(values)


def light(days: float = 1) -> Light:
    return Light(made=made(days), level=(80.0, 82.0, 81.0), flicker=0.01, drift=0.0, noise=1.2)


def plane(days: float = 30) -> Plane:
    return Plane(made=made(days), homography=((0.4, 0.0, 0.0), (0.0, 0.4, 0.0), (0.0, 0.0, 1.0)), rms_mm=0.1)
