"""Find a target in a picture: sub-pixel corners, their places in millimetres, how sharp they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import cv2
import numpy as np
import numpy.typing as npt

from calibration.edges import edge_blur, picture_blur, refine_quads
from calibration.targets import Card, Charuco, ColourChart, Printed, Target
from inspection.errors import CalibrationError
from inspection.frame import Pixels

MIN_CORNERS = 12
MAX_BLUR_PX = 2.5
"""Standard deviation, in pixels, of the blur above which a picture is refused."""

Floats = npt.NDArray[np.float64]
Grey = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_MIN_SIDE, _MAX_SIDE = 16, 16384
_SMEARED_PX = 1.8
_SMEARED_MODULES = 0.25
_QUIET = 0.6
"""Modules on either side of a marker's edge that are of one colour and may be looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A target as one picture shows it.

    Attributes:
        ids: int64 (N,); of ChArUco corners, or marker id times 4 plus corner.
        points_px: float64 (N, 2), x and y of the picture, pixel centres being integers.
        points_mm: float64 (N, 2), the same points on the real print.
        blur_px: standard deviation of the edges' blur in pixels.
        size: width and height of the picture.
        outward: float64 (N, 2), 1 or -1 along x and y of the target: away from the middle of the dark square whose
            corner the point is; ``None`` where dark and light meet crosswise, as on a chessboard.
    """

    ids: Ints
    points_px: Floats
    points_mm: Floats
    blur_px: float
    size: tuple[int, int]
    outward: Floats | None = None

    def __len__(self) -> int:
        return len(self.ids)


def find_target(picture: Pixels, target: Target, *, max_blur_px: float = MAX_BLUR_PX) -> Sighting:
    """Find ``target`` in a picture, uint8 (H, W, 3) BGR.

    Of a board at least 12 corners must be seen; of a chart or card all markers.

    Raises:
        CalibrationError: ``calibration.no_target``, ``.other_target``, ``.partial_target``, ``.blurred``, ``.picture``.
    """
    grey = _grey(picture)
    sighting = _find_board(grey, target) if isinstance(target, Charuco) else _find_markers(grey, target)
    if sighting.blur_px > max_blur_px:
        _refuse_blurred(f"the target must be sharp to {max_blur_px:g} px, but it is", sighting.blur_px)
    return sighting


def _find_board(grey: Grey, target: Charuco) -> Sighting:
    board_parameters = cv2.aruco.CharucoParameters()
    board_parameters.tryRefineMarkers = True  # finds blurred markers by where the board has them
    detector = cv2.aruco.CharucoDetector(target.board(), board_parameters, _parameters())
    corners, ids, marker_corners, marker_ids = detector.detectBoard(grey)
    count = 0 if ids is None else len(ids)
    if marker_ids is None or len(marker_ids) == 0:
        _explain_nothing(grey, target)
    quads = np.asarray(marker_corners, np.float64).reshape(-1, 4, 2)
    if count < min(MIN_CORNERS, target.corner_count):
        _refuse_smeared(grey, quads, target, f"{count} corners")
        raise CalibrationError(
            f"only {count} of the board's {target.corner_count} corners are seen, {MIN_CORNERS} are needed",
            code="partial_target" if count else _stranger([int(number) for number in np.ravel(marker_ids)], target),
            hint="bring more of the board into view, nearer, and without glare",
        )
    numbers = np.asarray(ids, np.int64).ravel()
    points = np.asarray(corners, np.float64).reshape(-1, 2)
    blur = _marker_blur(grey, quads, target)
    return Sighting(numbers, points, target.corners_mm()[numbers], blur, _size(grey))


def _find_markers(grey: Grey, target: ColourChart | Card) -> Sighting:
    parameters = _parameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    found, numbers, _ = cv2.aruco.ArucoDetector(target.markers_of(), parameters).detectMarkers(grey)
    seen: dict[int, list[Floats]] = {}
    for number, corners in zip(np.ravel(numbers) if numbers is not None else (), found, strict=True):
        seen.setdefault(int(number), []).append(np.asarray(corners, np.float64).reshape(4, 2))
    ours = [marker for marker in target.markers if marker.id in seen]
    if not ours:
        if seen:
            _refuse_stranger(target)
        _explain_nothing(grey, target)
    missing = [str(marker.id) for marker in target.markers if marker.id not in seen]
    if missing:
        _refuse_smeared(grey, np.stack([seen[marker.id][0] for marker in ours]), target, f"{len(ours)} markers")
    if missing or any(len(seen[marker.id]) > 1 for marker in ours):
        what = f"marker {', '.join(missing)} of the target is not seen" if missing else "the target is seen twice"
        raise CalibrationError(
            what, code="partial_target", hint="lay one target wholly into view, with nothing on it and without glare"
        )
    quads = np.stack([seen[marker.id][0] for marker in ours])
    quads = refine_quads(grey, quads, _reach(quads, target))
    points = quads.reshape(-1, 2)
    places = np.concatenate([marker.corners() for marker in ours]) * target.print_scale
    ids = np.concatenate([np.arange(4) + 4 * marker.id for marker in ours]).astype(np.int64)
    blur = _marker_blur(grey, quads, target)
    corners = places.reshape(-1, 4, 2)
    outward = np.sign(corners - corners.mean(axis=1, keepdims=True)).reshape(-1, 2)
    sighting = Sighting(ids, points, places, blur, _size(grey), outward)
    _check_flat(sighting)
    return sighting


def homography_of(sighting: Sighting) -> Floats:
    """3x3, millimetres of the target to pixels of the picture, by least squares.

    Raises:
        CalibrationError: the points lie on a line.
    """
    homography, _ = cv2.findHomography(sighting.points_mm, sighting.points_px, 0)
    if homography is None:
        raise CalibrationError("the target's points lie on one line", code="partial_target")
    return np.asarray(homography, np.float64)


def map_points(homography: Floats, points: Floats) -> Floats:
    """Points float64 (..., 2) through a 3x3 homography."""
    flat = cv2.perspectiveTransform(np.asarray(points, np.float64).reshape(-1, 1, 2), homography)
    return np.asarray(flat, np.float64).reshape(np.shape(points))


def _check_flat(sighting: Sighting) -> None:
    """Markers that do not lie as on the target are of something else, or the sheet is bent."""
    left = np.linalg.norm(map_points(homography_of(sighting), sighting.points_mm) - sighting.points_px, axis=1)
    side = np.linalg.norm(np.ptp(sighting.points_px, axis=0))
    if left.max() > 0.03 * side:
        raise CalibrationError(
            f"the markers do not lie as on the target: off by up to {left.max():.1f} px",
            code="other_target",
            hint="use the .json that was written with this sheet, and lay the sheet flat",
        )


def _parameters() -> cv2.aruco.DetectorParameters:
    parameters = cv2.aruco.DetectorParameters()
    parameters.perspectiveRemoveIgnoredMarginPerCell = 0.3  # the rims of blurred modules mislead
    return parameters


def _reach(quads: Floats, target: Printed) -> Floats:
    """float64 (N, 4): how far on both sides of each edge of a marker it is plain, in pixels."""
    modules = target.markers_of().markerSize + 2
    sides = np.linalg.norm(np.roll(quads, -1, axis=1) - quads, axis=2)
    return np.asarray(np.roll(sides, 1, axis=1) * _QUIET / modules, np.float64)


def _marker_blur(grey: Grey, quads: Floats, target: Printed) -> float:
    """Blur of the markers' edges, the worse of the two directions."""
    following, reach = np.roll(quads, -1, axis=1), _reach(quads, target)
    blurs = [
        edge_blur(grey, quads[:, side].reshape(-1, 2), following[:, side].reshape(-1, 2), reach[:, side].ravel())
        for side in (slice(0, None, 2), slice(1, None, 2))
    ]
    return max(blurs)


def _refuse_blurred(what: str, blur_px: float) -> NoReturn:
    raise CalibrationError(
        f"{what} blurred by {blur_px:.1f} px",
        code="blurred",
        hint="focus the lens on the table, hold the target still, or bring it nearer",
    )


def _refuse_smeared(grey: Grey, quads: Floats, target: Printed, seen: str) -> None:
    """Raise when the markers that are seen are so blurred for their size that others cannot be read."""
    module = float(np.median(_reach(quads, target))) / _QUIET
    blur = _marker_blur(grey, quads, target)
    if blur > _SMEARED_MODULES * module:
        _refuse_blurred(f"only {seen} of the target can be read: a module is {module:.1f} px large and", blur)


def _explain_nothing(grey: Grey, target: Target) -> NoReturn:
    blur = picture_blur(grey)
    if _SMEARED_PX < blur < float("inf"):
        _refuse_blurred(f"no {target.kind} target can be read: the picture is", blur)
    raise CalibrationError(
        f"no {target.kind} target is in view",
        code="no_target",
        hint="lay the target under the camera, face up; check that --target describes this sheet",
    )


def _stranger(ids: list[int], target: Charuco) -> str:
    known = {marker.id for marker in target.markers()}
    return "partial_target" if known & set(ids) else "other_target"


def _refuse_stranger(target: Target) -> NoReturn:
    raise CalibrationError(
        f"another target than the {target.kind} target is in view",
        code="other_target",
        hint="use the .json that was written with this sheet",
    )


def _size(grey: Grey) -> tuple[int, int]:
    return (int(grey.shape[1]), int(grey.shape[0]))


def _grey(picture: Pixels) -> Grey:
    shape = np.shape(picture)
    if len(shape) != 3 or shape[2] != 3 or picture.dtype != np.uint8:  # noqa: PLR2004
        raise CalibrationError(f"a picture is uint8 (H, W, 3) BGR, not {picture.dtype} {shape}", code="picture")
    if not all(_MIN_SIDE <= side <= _MAX_SIDE for side in shape[:2]):
        raise CalibrationError(f"a picture of {shape[1]} x {shape[0]} pixels cannot be used", code="picture")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
