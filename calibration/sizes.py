"""From pixels to millimetres: length, width and area of a finding on the plane of its view.

A size is that of the finding's picture on the plane. Where the item rises above the table its upper side is nearer to
the camera and looks larger, by the height over the distance of the camera; say the height where it is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from calibration.correct import Corrector
from calibration.record import CalibrationRecord, Lens, Plane
from inspection.errors import CalibrationError
from inspection.finding import Box, Finding, Region

Floats = npt.NDArray[np.float64]
SQUARE = 0.87
"""Share of its rectangle that something must fill to count as square; an ellipse fills 0.79."""
LINE_PX = 5.0
"""Narrower than this, how much is filled says nothing."""
SAME_AREA = 0.03
_TURNS = np.deg2rad(np.arange(0.0, 90.0, 1.5))
SIDES = ((0.5, 0.1), (0.9, 0.5), (0.5, 0.9), (0.1, 0.5))
"""What of a pixel counts for the hull, from its upper left corner."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large something is.

    Attributes:
        length_mm: longer side of the smallest rectangle around it; width_mm: the shorter side.
        area_mm2: of the thing itself.
        uncertainty_mm: how far length and width may each be off: what the region cannot tell apart (one cell of a
            coarse map) and what the plane's calibration left over.
    """

    length_mm: float
    width_mm: float
    area_mm2: float
    uncertainty_mm: float


class Ruler:
    """Millimetres on the plane of a view, or on one above it.

    Args:
        plane: of the view.
        lens: of the view, needed for another height only.
        height_mm: of the measured surface above the plane, towards the camera.

    Raises:
        CalibrationError: ``calibration.pose`` for another height when lens or pose of the plane are not known, or when
            it reaches the camera.
    """

    def __init__(self, plane: Plane, lens: Lens | None = None, height_mm: float = 0.0) -> None:
        self.homography = np.asarray(plane.homography, np.float64)
        self.rms_mm = plane.rms_mm
        if height_mm:
            self.homography = _raised(plane, lens, height_mm)

    def millimetres(self, points: Floats) -> Floats:
        """Points of the corrected picture, float64 (N, 2), pixel centres being integers, in mm on the plane."""
        points = np.asarray(points, np.float64).reshape(-1, 1, 2)
        return np.asarray(cv2.perspectiveTransform(points, self.homography), np.float64).reshape(-1, 2)

    def mm_per_px(self, points: Floats) -> Floats:
        """Local scale at points (N, 2), float64 (N,): square root of the area of a pixel there."""
        points = np.asarray(points, np.float64).reshape(-1, 2)
        centre, right, down = (self.millimetres(points + step) for step in ((0, 0), (1e-3, 0), (0, 1e-3)))
        across, along = (right - centre) * 1e3, (down - centre) * 1e3
        return np.asarray(np.sqrt(np.abs(across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0])), np.float64)

    def measure(self, region: Region) -> Size:
        """Size of a region of the corrected picture.

        Raises:
            CalibrationError: ``calibration.size`` when it has no extent, or lies beyond the plane's horizon.
        """
        outline = np.asarray(region.outline, np.float64).reshape(-1, 2) - 0.5
        depth = np.column_stack([outline, np.ones(len(outline))]) @ self.homography[2]
        if len(outline) < 3 or not (np.all(depth > 0) or np.all(depth < 0)):  # noqa: PLR2004
            raise CalibrationError("the region does not lie on the plane", code="size")
        corners = self.millimetres(outline)
        area_px, hull_mm2 = _area(outline), _area(corners)
        if not (area_px > 0 and math.isfinite(hull_mm2) and hull_mm2 > 0):
            raise CalibrationError("the region has no extent", code="size")
        scale = float(self.mm_per_px(outline.mean(axis=0))[0])
        length, width = _rectangle(corners, scale)
        return Size(length, width, region.area_px * hull_mm2 / area_px, region.cell_px * scale + self.rms_mm)


class ViewGeometry:
    """How a corrected picture lies in its frame and on its plane; made for one capture.

    Args:
        corrector: that made the picture.
        ruler: of its plane; ``None`` when that is not calibrated, then nothing is measured.
    """

    def __init__(self, corrector: Corrector, ruler: Ruler | None) -> None:
        self._corrector, self._ruler = corrector, ruler

    def in_frame(self, finding: Finding) -> Finding:
        """The finding measured, its box in pixels of the frame; a size that makes no sense is left out."""
        if finding.box is None:
            return finding
        placed = replace(finding, box=self._corrector.box_in_frame(finding.box))
        if self._ruler is None:
            return placed
        try:
            size = self._ruler.measure(finding.region or region_of_box(finding.box))
        except CalibrationError:
            return placed
        return replace(
            placed,
            size_mm=(size.length_mm, size.width_mm),
            area_mm2=size.area_mm2,
            size_uncertainty_mm=size.uncertainty_mm,
        )


def ruler_of(record: CalibrationRecord, height_mm: float = 0.0) -> Ruler | None:
    """The ruler of a record; ``None`` when its plane is not calibrated."""
    return None if record.plane is None else Ruler(record.plane, record.lens, height_mm)


def region_of_mask(mask: npt.NDArray[np.bool_]) -> Region:
    """The region of a mask, bool (H, W) of the whole picture.

    The hull takes 0.4 of a pixel to each side of its middle: less than the 0.5 that is right for an outline along the
    pixels, more than the 0.25 that is right for straight slanted ones, whose farthest pixel is nearly all inside. Over
    bars and ellipses of 5 to 90 pixels at any angle lengths are on average between 0.4 pixels too long and too short.

    Raises:
        CalibrationError: ``calibration.size`` when nothing is set.
    """
    rows, columns = np.nonzero(mask)
    if not len(rows):
        raise CalibrationError("nothing is set in the mask", code="size")
    sides = [np.column_stack([columns + dx, rows + dy]) for dx, dy in SIDES]
    hull = cv2.convexHull(np.concatenate(sides).astype(np.float32)).reshape(-1, 2)
    return Region(tuple((float(x), float(y)) for x, y in hull), float(len(rows)))


def region_of_box(box: Box) -> Region:
    """A box as a region; what lies in it may be as long as its diagonal, and that is told as uncertainty."""
    left, top, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    outline = ((left, top), (right, top), (right, bottom), (left, bottom))
    slack = math.hypot(box.width, box.height) - max(box.width, box.height)
    return Region(tuple((float(x), float(y)) for x, y in outline), float(box.width * box.height), max(1.0, slack))


def _area(corners: Floats) -> float:
    x, y = corners[:, 0], corners[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _rectangle(corners: Floats, pixel_mm: float) -> tuple[float, float]:
    """Longer and shorter side of the rectangle of least area around a convex polygon.

    What is rather round than square does not fill it (and is no line of few pixels, whose steps look so). Of the
    rectangles around that, which are then about equal and of which pixels decide which is the very least, the longest
    is taken, and what pixels miss of the tips of an ellipse, at most one of them, is added.
    """
    edges = np.roll(corners, -1, axis=0) - corners
    length, width = _sides(corners, np.arctan2(edges[:, 1], edges[:, 0])[np.hypot(*edges.T) > 0])
    areas = length * width
    least = int(np.argmin(areas))
    if _area(corners) > SQUARE * areas[least] or width[least] < LINE_PX * pixel_mm:
        return float(length[least]), float(width[least])
    length, width = _sides(corners, _TURNS)
    areas = length * width
    longest = int(np.argmax(np.where(areas <= areas.min() * (1 + SAME_AREA), length, -1.0)))
    tips = min(max(_ellipse_mm(corners) - float(length[longest]), 0.0), pixel_mm)
    return float(length[longest]) + tips, float(width[longest])


def _ellipse_mm(corners: Floats) -> float:
    """Longer axis of the ellipse with the moments of a convex polygon, cut into triangles from its middle."""
    middle = corners.mean(axis=0)
    first, second = corners - middle, np.roll(corners, -1, axis=0) - middle
    areas = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2
    shift = (areas[:, None] * (first + second) / 3).sum(axis=0) / areas.sum()
    both = first + second
    outer = np.einsum("n,ni,nj->ij", areas, first, first) + np.einsum("n,ni,nj->ij", areas, second, second)
    outer += np.einsum("n,ni,nj->ij", areas, both, both)
    return float(4 * np.sqrt(np.linalg.eigvalsh(outer / 12 / areas.sum() - np.outer(shift, shift))[1]))


def _sides(corners: Floats, turns: Floats) -> tuple[Floats, Floats]:
    """Longer and shorter side, (N,) each, of the rectangles around a polygon that are turned by N angles."""
    along = np.stack([np.cos(turns), np.sin(turns)])
    sides = np.stack([np.ptp(corners @ along, axis=0), np.ptp(corners @ np.stack([-along[1], along[0]]), axis=0)])
    return sides.max(axis=0), sides.min(axis=0)


def _raised(plane: Plane, lens: Lens | None, height_mm: float) -> Floats:
    """From pixels to mm on the plane ``height_mm`` nearer to the camera, its origin below the same point."""
    if lens is None or plane.rotation is None or plane.translation_mm is None:
        raise CalibrationError("the height of a surface needs the plane's pose", code="pose", hint="calibrate the lens")
    matrix = np.asarray(lens.camera_matrix, np.float64)
    rotation, _ = cv2.Rodrigues(np.asarray(plane.rotation, np.float64))
    translation = np.asarray(plane.translation_mm, np.float64)
    camera_mm = -float(np.dot(np.asarray(rotation)[:, 2], translation))
    if height_mm >= abs(camera_mm):
        raise CalibrationError(f"{height_mm:g} mm above the plane is not below the camera", code="pose")
    lifted = translation + np.asarray(rotation)[:, 2] * math.copysign(height_mm, camera_mm)
    ground, raised = (matrix @ np.column_stack([np.asarray(rotation)[:, :2], at]) for at in (translation, lifted))
    # What the plane's own homography knows better than its pose is kept.
    return np.asarray(np.asarray(plane.homography) @ ground @ np.linalg.inv(raised), np.float64)
