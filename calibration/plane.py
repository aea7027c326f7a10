"""The table of a view: from corrected pixels to millimetres, and where the camera stands over it.

Millimetres are those of the target in the first frame: x along its upper edge, y down its left edge, z into the table.
The corrected frame has the camera matrix and the size of the frame itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import cv2
import numpy as np
import numpy.typing as npt

from calibration.correct import undistort_points
from calibration.detect import map_points
from calibration.lens import NamedSighting
from calibration.record import Lens
from inspection.errors import CalibrationError

MAX_RMS = 0.0012
"""Most of what is left over, as a share of the target's extent in the picture. A sheet that bulges leaves about that
much when lengths on the table come out 1 % wrong."""
LEAST_MAX_RMS_PX = 0.35
"""What noise and compression leave of small targets, and is never refused."""
MAX_RMS_PX_WITHOUT_LENS = 1.5
"""Without a lens the picture's distortion is left over too."""
SCALE_PX = 5
"""Half the length, in pixels, over which a local scale is taken."""

Floats = npt.NDArray[np.float64]

_ROUNDS = 60
_STILL_MM = 1e-6
_AGREE_PX = 3.0
_OUTLIER_FACTOR, _OUTLIER_FLOOR_PX = 3.0, 0.5
_SPREAD_STEP_MM, _MAX_SPREAD = 0.1, 0.03


@dataclass(frozen=True, slots=True)
class PlaneReport:
    """What became of one frame: its residual, or why it was dropped."""

    name: str
    accepted: bool
    reason: str = ""
    rms_px: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PlaneSolution:
    """The table.

    Attributes:
        homography: float64 (3, 3), corrected pixels (column vectors x, y, 1) to millimetres.
        rms_mm: root mean square distance, on the table, of the points from where they should be.
        rms_px: the same in the corrected frame.
        rotation: Rodrigues vector of the table in the camera's frame; ``None`` without a lens.
        translation_mm: origin of the table in the camera's frame; likewise.
        frames: a report for every frame given.
    """

    homography: Floats
    rms_mm: float
    rms_px: float
    rotation: Floats | None
    translation_mm: Floats | None
    frames: tuple[PlaneReport, ...]


def solve_plane(views: Sequence[NamedSighting], lens: Lens | None) -> PlaneSolution:
    """Homography of the table from one or several frames of a target lying on it.

    The target may lie elsewhere in every frame; its shape is the same, so all of them determine one plane. With a lens
    the plane is a pose (6 unknowns), which extrapolates better than a free homography (8).

    Args:
        views: sightings of one target; frames that contradict most of the others are dropped.
        lens: of the camera; ``None`` takes the pixels as they are.

    Raises:
        CalibrationError: ``calibration.too_few_frames``, ``.residual``.
    """
    if not views:
        raise CalibrationError("no frame shows the target", code="too_few_frames", hint="lay it flat under the camera")
    pixels = [corrected_points(view.sighting.points_px, lens) for view in views]
    places = _as_seen(views, pixels, lens)
    kept, dropped = _agreeing(pixels, places, lens)
    while True:
        plane = _solve([pixels[index] for index in kept], [places[index] for index in kept], lens)
        per_view = [float(np.sqrt((off**2).sum(axis=1).mean())) for off in plane.off_px]
        worst = int(np.argmax(per_view))
        limit = max(_OUTLIER_FACTOR * float(np.median(per_view)), _OUTLIER_FLOOR_PX)
        if len(kept) < 3 or per_view[worst] <= limit:  # noqa: PLR2004 -- of two, nobody knows which is wrong
            break
        dropped[kept.pop(worst)] = per_view[worst]
    rms_px = _rms(plane.off_px)
    most = _most_left_over([pixels[index] for index in kept], lens)
    if rms_px > most:
        _refuse(f"{rms_px:.2f} px are left over, at most {most:.2f} are good enough")
    used = dict(zip(kept, per_view, strict=True))
    reports = tuple(
        PlaneReport(view.name, index in used, "" if index in used else "outlier", used.get(index, dropped.get(index)))
        for index, view in enumerate(views)
    )
    return PlaneSolution(plane.homography, _rms(plane.off_mm), rms_px, plane.rotation, plane.translation, reports)


def corrected_points(points: Floats, lens: Lens | None) -> Floats:
    """Points of the frame, float64 (N, 2), as points of the corrected frame."""
    return points if lens is None else undistort_points(lens, points)


def scale_at(homography: Floats, points: Floats) -> Floats:
    """Local scale, mm per pixel of the corrected frame, float64 (N,), at points (N, 2).

    The square root of the area, in mm2, of one pixel: the geometric mean over all directions.
    """
    x, y = points[:, 0], points[:, 1]
    depth = homography[2, 0] * x + homography[2, 1] * y + homography[2, 2]
    return np.asarray(np.sqrt(abs(np.linalg.det(homography)) / np.abs(depth) ** 3), np.float64)


def scale_map(homography: Floats, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """`scale_at` of every pixel of a frame of width and height ``size``: float32 (H, W), mm per pixel."""
    u, v = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    scales = scale_at(homography, np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float64))
    return scales.reshape(size[1], size[0]).astype(np.float32)


def _most_left_over(pixels: Sequence[Floats], lens: Lens | None) -> float:
    """The residual, in px, above which a target is not flat enough or not where it should be."""
    extent = float(np.median([np.linalg.norm(np.ptp(seen, axis=0)) for seen in pixels]))
    return MAX_RMS_PX_WITHOUT_LENS if lens is None else max(MAX_RMS * extent, LEAST_MAX_RMS_PX)


def _as_seen(views: Sequence[NamedSighting], pixels: Sequence[Floats], lens: Lens | None) -> list[Floats]:
    """Where the points lie on the print as the camera sees it, in mm.

    Ink spreads, and blur in a picture whose grey levels are not light moves edges: both make all dark squares larger
    or smaller by one length, which is solved for. Without a lens it could not be told from distortion.
    """
    places = [view.sighting.points_mm for view in views]
    if lens is None or any(view.sighting.outward is None for view in views):
        return places
    outward = [np.asarray(view.sighting.outward) for view in views]
    spreads = [_spread(*one, lens) for one in zip(pixels, places, outward, strict=True)]
    spread = float(np.median(spreads))
    if abs(spread) > _MAX_SPREAD * float(np.linalg.norm(np.ptp(places[0], axis=0))):
        return places
    return [place + spread * away for place, away in zip(places, outward, strict=True)]


def _spread(seen: Floats, place: Floats, outward: Floats, lens: Lens) -> float:
    """By how many mm the edges of one target's dark squares lie outside of where they were printed."""

    def left(spread: float) -> Floats:
        moved = place + spread * outward
        return (map_points(_inverse(_fit(seen, moved, lens)[0]), moved) - seen).ravel()

    now = left(0.0)
    change = (left(_SPREAD_STEP_MM) - now) / _SPREAD_STEP_MM
    return -float(now @ change) / max(float(change @ change), 1e-12)


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    homography: Floats
    off_px: list[Floats]
    off_mm: list[Floats]
    rotation: Floats | None
    translation: Floats | None


def _agreeing(
    pixels: Sequence[Floats], places: Sequence[Floats], lens: Lens | None
) -> tuple[list[int], dict[int, float]]:
    """The frames that lie on one plane, by what most of them say, and the residuals in px of the others."""
    best: list[int] = []
    others: dict[int, float] = {}
    for seen, place in zip(pixels, places, strict=True):
        homography, _, _ = _fit(seen, place, lens)
        off = {index: _off(homography, *pair) for index, pair in enumerate(zip(pixels, places, strict=True))}
        agreeing = [index for index, value in off.items() if value <= _AGREE_PX]
        if len(agreeing) > len(best):
            best, others = agreeing, {index: value for index, value in off.items() if value > _AGREE_PX}
    if 2 * len(best) <= len(pixels) and len(pixels) > 1:
        _refuse(f"of {len(pixels)} frames at most {len(best)} show the target on one plane")
    if not best:
        _refuse("the target does not look flat")
    return best, others


def _off(homography: Floats, seen: Floats, place: Floats) -> float:
    """How far, in px, a target is from lying on the plane, wherever it lies there."""
    moved = _moved(place, map_points(homography, seen))
    return _rms([map_points(_inverse(homography), moved) - seen])


def _refuse(what: str) -> NoReturn:
    raise CalibrationError(
        what,
        code="residual",
        hint="lay the target flat on the table, do not move the camera, and calibrate the lens first",
    )


def _solve(pixels: Sequence[Floats], places: Sequence[Floats], lens: Lens | None) -> _Plane:
    """Alternate between the plane, given where each target lies on it, and the places, given the plane."""
    table = [places[0]]
    plane = _fit(pixels[0], places[0], lens)
    if len(pixels) > 1:
        for _ in range(_ROUNDS):
            moved = [_moved(place, map_points(plane[0], seen)) for seen, place in zip(pixels, places, strict=True)]
            back = _rigid(moved[0], places[0])
            moved = [_apply(back, one) for one in moved]
            still = (
                len(moved) == len(table)
                and max(float(np.abs(a - b).max()) for a, b in zip(moved, table, strict=True)) < _STILL_MM
            )
            table = moved
            plane = _fit(np.concatenate(pixels), np.concatenate(table), lens)
            if still:
                break
    homography, rotation, translation = plane
    off_mm = [map_points(homography, seen) - place for seen, place in zip(pixels, table, strict=True)]
    inverse = _inverse(homography)
    off_px = [map_points(inverse, place) - seen for seen, place in zip(pixels, table, strict=True)]
    return _Plane(homography, off_px, off_mm, rotation, translation)


Fitted = tuple[Floats, Floats | None, Floats | None]


def _fit(pixels: Floats, places: Floats, lens: Lens | None) -> Fitted:
    """Homography, rotation and translation of a plane on which ``places`` (mm) are seen at ``pixels``."""
    try:
        return _fit_free(pixels, places) if lens is None else _fit_pose(pixels, places, lens)
    except (cv2.error, np.linalg.LinAlgError) as error:
        raise CalibrationError("the target's points do not determine a plane", code="residual") from error


def _fit_free(pixels: Floats, places: Floats) -> Fitted:
    forward, _ = cv2.findHomography(places, pixels, 0)
    if forward is None:
        raise CalibrationError("the points of the target lie on one line", code="residual")
    return _inverse(np.asarray(forward, np.float64)), None, None


def _fit_pose(pixels: Floats, places: Floats, lens: Lens) -> Fitted:
    matrix = np.asarray(lens.camera_matrix, np.float64)
    solid = np.column_stack([places, np.zeros(len(places))])
    done, rotation, translation = cv2.solvePnP(solid, pixels, matrix, None, flags=cv2.SOLVEPNP_IPPE)
    if not done:
        raise CalibrationError("the target's pose cannot be solved", code="residual")
    rotation, translation = cv2.solvePnPRefineLM(solid, pixels, matrix, None, rotation, translation)
    turned = np.asarray(cv2.Rodrigues(rotation)[0], np.float64)
    backward = _inverse(matrix @ np.column_stack([turned[:, 0], turned[:, 1], np.ravel(translation)]))
    return backward, np.asarray(rotation, np.float64).ravel(), np.asarray(translation, np.float64).ravel()


def _inverse(homography: Floats) -> Floats:
    inverse = np.linalg.inv(homography)
    return np.asarray(inverse / inverse[2, 2], np.float64)


Rigid = tuple[Floats, Floats]


def _rigid(points: Floats, onto: Floats) -> Rigid:
    """Rotation (2, 2) and shift that bring ``points`` onto others with the least squares (Kabsch 1976)."""
    mine, theirs = points.mean(axis=0), onto.mean(axis=0)
    u, _, v = np.linalg.svd((points - mine).T @ (onto - theirs))
    rotation = (u @ np.diag([1.0, np.sign(np.linalg.det(u @ v))]) @ v).T
    return np.asarray(rotation, np.float64), np.asarray(theirs - rotation @ mine, np.float64)


def _apply(rigid: Rigid, points: Floats) -> Floats:
    return np.asarray(points @ rigid[0].T + rigid[1], np.float64)


def _moved(place: Floats, onto: Floats) -> Floats:
    return _apply(_rigid(place, onto), place)


def _rms(off: Sequence[Floats]) -> float:
    return float(np.sqrt((np.concatenate(off) ** 2).sum(axis=1).mean()))
