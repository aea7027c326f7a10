"""Camera matrix and distortion from views of a ChArUco board (Zhang 2000, by OpenCV's ``calibrateCamera``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from calibration.coverage import Coverage
from calibration.detect import Sighting
from inspection.errors import CalibrationError

MIN_FRAMES = 6
MIN_CORNERS = 20
SAME_POSE = 0.02
"""Mean movement of the corners, as a share of the frame's diagonal, below which a pose is the same as before."""
MAX_RMS_PX = 1.0
MAX_FOCAL_UNCERTAINTY = 0.01
MIN_SPREAD_DEGREES = 15.0
"""Boards less tilted against each other than that cannot tell focal length from distance."""

Floats = npt.NDArray[np.float64]

_OUTLIER_FACTOR = 3.0
_OUTLIER_FLOOR_PX = 0.3
_BETTER = 0.97
"""Eight parameters must lower the residual to this share of that of five."""
_PLAIN, _RATIONAL = 5, 8
_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-9)


@dataclass(frozen=True, slots=True, eq=False)
class NamedSighting:
    """A board as a frame shows it, and the name of the frame."""

    name: str
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class FrameReport:
    """What became of one frame.

    Attributes:
        name: of the frame.
        accepted: whether it went into the solution.
        reason: why not: ``blurred``, ``too_few_corners``, ``same_pose``, ``outlier``, … ; empty when accepted.
        detail: the same in words.
        corners: how many were seen.
        rms_px: root mean square of its reprojection error; ``None`` when it did not go in.
    """

    name: str
    accepted: bool
    reason: str = ""
    detail: str = ""
    corners: int = 0
    rms_px: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LensSolution:
    """A camera's lens.

    Attributes:
        camera_matrix: float64 (3, 3), pixels.
        distortion: k1, k2, p1, p2, k3 and, when 8, k4, k5, k6.
        rms_px: root mean square of the reprojection error over all points.
        focal_uncertainty: standard deviation of the focal length over the focal length.
        coverage: where in the frame the board was seen.
        frames: one report for every frame given.
        rms_by_model: residual of the models that were tried, by number of parameters.
    """

    camera_matrix: Floats
    distortion: tuple[float, ...]
    rms_px: float
    focal_uncertainty: float
    coverage: Coverage
    frames: tuple[FrameReport, ...]
    rms_by_model: dict[int, float]


class FrameGate:
    """Decides frame by frame, during a capture, whether a sighting adds something."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.coverage = Coverage.empty(size)
        self.accepted: list[NamedSighting] = []

    def offer(self, view: NamedSighting) -> FrameReport:
        """Accept or refuse; an accepted one is kept and counts in the coverage."""
        sighting, count = view.sighting, len(view.sighting)
        if sighting.size != self.size:
            return FrameReport(view.name, False, "other_size", f"{sighting.size} is not {self.size}", count)
        if count < MIN_CORNERS:
            return FrameReport(view.name, False, "too_few_corners", f"{count} of at least {MIN_CORNERS}", count)
        for other in self.accepted:
            moved = _movement(sighting, other.sighting)
            if moved < SAME_POSE * float(np.hypot(*self.size)):
                return FrameReport(view.name, False, "same_pose", f"as in {other.name}: {moved:.0f} px away", count)
        self.accepted.append(view)
        self.coverage = self.coverage.with_points(sighting.points_px)
        return FrameReport(view.name, True, corners=count)


def solve_lens(views: Sequence[NamedSighting], size: tuple[int, int]) -> LensSolution:
    """Camera matrix and distortion from boards seen in at least six different poses.

    Frames without news are refused, frames that do not fit the others are dropped and named. Of five or eight
    distortion parameters those eight are taken that lower the residual by more than 3 % and the Bayesian
    information criterion.

    Args:
        views: sightings of one board.
        size: width and height of the frames in pixels.

    Raises:
        CalibrationError: ``calibration.too_few_frames``, ``.poses`` (all alike), ``.residual``.
    """
    gate = FrameGate(size)
    reports = {index: gate.offer(view) for index, view in enumerate(views)}
    kept = [index for index, report in reports.items() if report.accepted]
    _check_count(len(kept), reports)
    models = {}
    while True:
        models = {count: _fit([views[index].sighting for index in kept], size, count) for count in (_PLAIN, _RATIONAL)}
        best = models[_choose(models)]
        worst = int(np.argmax(best.per_view))
        limit = max(_OUTLIER_FACTOR * float(np.median(best.per_view)), _OUTLIER_FLOOR_PX)
        if best.per_view[worst] <= limit:
            break
        index = kept.pop(worst)
        detail = f"its residual is {best.per_view[worst]:.2f} px, that of the others {np.median(best.per_view):.2f}"
        reports[index] = FrameReport(views[index].name, False, "outlier", detail, len(views[index].sighting))
        _check_count(len(kept), reports)
    for place, index in enumerate(kept):
        residual = float(best.per_view[place])
        reports[index] = FrameReport(views[index].name, True, corners=len(views[index].sighting), rms_px=residual)
    _check_fit(best)
    return LensSolution(
        best.matrix,
        tuple(float(value) for value in best.distortion),
        best.rms_px,
        best.focal_uncertainty,
        Coverage.of([views[index].sighting.points_px for index in kept], size),
        tuple(reports[index] for index in range(len(views))),
        {count: fit.rms_px for count, fit in models.items()},
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    matrix: Floats
    distortion: Floats
    rms_px: float
    per_view: Floats
    focal_uncertainty: float
    points: int
    spread_degrees: float


def _fit(sightings: Sequence[Sighting], size: tuple[int, int], parameters: int) -> _Fit:
    solid = [np.column_stack([one.points_mm, np.zeros(len(one))]).astype(np.float32) for one in sightings]
    flat = [one.points_px.astype(np.float32).reshape(-1, 1, 2) for one in sightings]
    flags = cv2.CALIB_RATIONAL_MODEL if parameters == _RATIONAL else 0
    start, none = np.eye(3), np.zeros(parameters)
    try:
        found = cv2.calibrateCameraExtended(solid, flat, size, start, none, flags=flags, criteria=_CRITERIA)
    except cv2.error as error:
        raise CalibrationError(
            "the views of the board do not determine a lens",
            code="poses",
            hint="tilt the board differently in every picture, by 20 to 40 degrees",
        ) from error
    rms, matrix, distortion, rotations, _, deviations, _, per_view = found
    sigma = np.asarray(deviations, np.float64).ravel()
    focal = float(matrix[0][0])
    return _Fit(
        np.asarray(matrix, np.float64),
        np.asarray(distortion, np.float64).ravel()[:parameters],
        float(rms),
        np.asarray(per_view, np.float64).ravel(),
        float(sigma[0]) / focal if focal > 0 else float("inf"),
        sum(len(one) for one in sightings),
        _spread_degrees(rotations),
    )


def _spread_degrees(rotations: Sequence[npt.ArrayLike]) -> float:
    """Largest angle between the normals of two boards."""
    normals = np.stack([np.asarray(cv2.Rodrigues(np.asarray(one, np.float64))[0])[:, 2] for one in rotations])
    return float(np.degrees(np.arccos(np.clip(normals @ normals.T, -1, 1)).max()))


def _choose(models: dict[int, _Fit]) -> int:
    plain, rational = models[_PLAIN], models[_RATIONAL]
    values = 2 * plain.points
    gain = values * 2 * np.log(max(plain.rms_px, 1e-9) / max(rational.rms_px, 1e-9))
    dearer = (_RATIONAL - _PLAIN) * np.log(values)
    return _RATIONAL if gain > dearer and rational.rms_px < _BETTER * plain.rms_px else _PLAIN


def _movement(one: Sighting, other: Sighting) -> float:
    """Mean distance of the corners both show, in pixels; infinity when they share few."""
    shared, mine, theirs = np.intersect1d(one.ids, other.ids, return_indices=True)
    if len(shared) < MIN_CORNERS // 2:
        return float("inf")
    return float(np.linalg.norm(one.points_px[mine] - other.points_px[theirs], axis=1).mean())


def _check_count(count: int, reports: dict[int, FrameReport]) -> None:
    if count >= MIN_FRAMES:
        return
    reasons = sorted({report.reason for report in reports.values() if not report.accepted})
    refused = f" (refused: {', '.join(reasons)})" if reasons else ""
    raise CalibrationError(
        f"{count} frames show the board in poses of their own, {MIN_FRAMES} are needed{refused}",
        code="too_few_frames",
        hint="take 12 to 20 pictures: the board in every corner of the frame, tilted differently each time",
    )


def _check_fit(fit: _Fit) -> None:
    if fit.rms_px > MAX_RMS_PX:
        raise CalibrationError(
            f"{fit.rms_px:.2f} px are left over, at most {MAX_RMS_PX:g} are good enough",
            code="residual",
            hint="glue the board flat, name the right --target, and hold it still",
        )
    if not fit.focal_uncertainty <= MAX_FOCAL_UNCERTAINTY or fit.spread_degrees < MIN_SPREAD_DEGREES:
        raise CalibrationError(
            f"the poses are too much alike: the boards are tilted against each other by at most "
            f"{fit.spread_degrees:.0f} degrees, the focal length is uncertain by {fit.focal_uncertainty:.1%}",
            code="poses",
            hint="tilt the board differently in every picture, by 20 to 40 degrees",
        )
