"""Lengths, widths and areas on a plane seen at an angle, at a height, and through a coarse map."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.correct import Corrector
from calibration.record import Plane
from calibration.sizes import Ruler, ViewGeometry, region_of_box, region_of_mask, ruler_of
from inspection.errors import CalibrationError
from inspection.finding import Box, Defect, Finding, Region
from tests.calibration.known import SIZE, lens, made, plane, record

Floats = npt.NDArray[np.float64]
MATRIX = np.array([[1100.0, 0, 640], [0, 1100, 360], [0, 0, 1]])


def posed(tilt_deg: float = 25.0, distance_mm: float = 500.0) -> Plane:
    """A table seen at an angle by a camera without distortion."""
    rotation = np.array([np.radians(180 - tilt_deg), 0.0, 0.1])
    translation = np.array([-10.0, 15.0, distance_mm])
    turned = np.asarray(cv2.Rodrigues(rotation)[0])
    to_pixels = MATRIX @ np.column_stack([turned[:, :2], translation])
    return Plane.model_validate(
        {
            "made": made(),
            "homography": np.linalg.inv(to_pixels).tolist(),
            "rms_mm": 0.02,
            "rotation": rotation.tolist(),
            "translation_mm": translation.tolist(),
        }
    )


def project(known: Plane, points_mm: Floats) -> Floats:
    """World points (N, 3) in mm, z towards the camera, as pixels."""
    assert known.rotation is not None
    assert known.translation_mm is not None
    found, _ = cv2.projectPoints(
        points_mm.reshape(-1, 1, 3), np.array(known.rotation), np.array(known.translation_mm), MATRIX, np.zeros(5)
    )
    return np.asarray(found).reshape(-1, 2)


def bar(length: float, width: float, turn_deg: float, at: tuple[float, float], z: float = 0.0) -> Floats:
    turn = np.radians(turn_deg)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (length / 2, width / 2)
    turned = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + at
    return np.column_stack([turned, np.full(4, z)])


def painted(corners_px: Floats) -> npt.NDArray[np.bool_]:
    """The mask of a convex polygon: the pixels whose centre, an integer, lies inside."""
    y, x = np.mgrid[:720, :1280]
    sides = [
        (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])
        for a, b in zip(corners_px, np.roll(corners_px, -1, axis=0), strict=True)
    ]
    return np.asarray(np.all(np.array(sides) >= 0, axis=0) | np.all(np.array(sides) <= 0, axis=0))


@pytest.mark.parametrize("turn", [0, 20, 45, 77, 90])
@pytest.mark.parametrize(("length", "width"), [(8.0, 1.5), (30.0, 2.0), (60.0, 40.0)])
def test_a_bar_on_a_table_seen_at_an_angle_is_as_long_as_it_is(turn: float, length: float, width: float) -> None:
    known = posed()
    size = Ruler(known).measure(region_of_mask(painted(project(known, bar(length, width, turn, (20, -30))))))
    assert size.length_mm == pytest.approx(length, abs=size.uncertainty_mm)
    assert size.width_mm == pytest.approx(width, abs=size.uncertainty_mm)
    assert size.area_mm2 == pytest.approx(length * width, rel=0.05, abs=2.0)
    assert 0.4 < size.uncertainty_mm < 0.6


def test_the_same_pixels_are_more_millimetres_farther_away() -> None:
    ruler = Ruler(posed(tilt_deg=35))
    top, bottom = ruler.mm_per_px(np.array([[640.0, 80.0], [640.0, 640.0]]))
    assert max(top, bottom) / min(top, bottom) > 1.2
    near, far = (ruler.measure(region_of_box(Box(600, y, 60, 40))).length_mm for y in (60, 620))
    assert max(near, far) / min(near, far) > 1.1


def test_a_surface_above_the_table_is_measured_right_when_its_height_is_told() -> None:
    known = posed()
    on_top = project(known, bar(40.0, 6.0, 30, (5, 10), z=120.0 * _towards_camera(known)))
    mask = region_of_mask(painted(on_top))
    bent = lens(k1=0.0)
    flat_lens = record(lens={**bent, "camera_matrix": MATRIX.tolist(), "distortion": (0, 0, 0, 0)}).lens
    assert Ruler(known).measure(mask).length_mm > 48
    assert Ruler(known, flat_lens, 120.0).measure(mask).length_mm == pytest.approx(40.0, abs=0.7)


def _towards_camera(known: Plane) -> float:
    turned = np.asarray(cv2.Rodrigues(np.array(known.rotation))[0])
    return float(np.sign(-(turned.T @ np.array(known.translation_mm))[2]))


def test_a_height_needs_the_pose_and_stays_below_the_camera() -> None:
    with pytest.raises(CalibrationError) as unposed:
        Ruler(Plane.model_validate(plane()), None, 10.0)
    flat_lens = record(lens=lens()).lens
    with pytest.raises(CalibrationError) as beyond:
        Ruler(posed(), flat_lens, 600.0)
    assert unposed.value.code == beyond.value.code == "calibration.pose"


@given(st.floats(1, 200), st.floats(1, 200), st.floats(0, 180), st.floats(0.05, 2))
def test_any_turned_rectangle_has_its_sides(long: float, short: float, turn: float, mm_per_px: float) -> None:
    corners = bar(max(long, short), min(long, short), turn, (300, 300))[:, :2]
    known = Plane.model_validate(plane(mm_per_px=mm_per_px))
    size = Ruler(known).measure(Region(tuple((x, y) for x, y in corners), long * short))
    assert size.length_mm == pytest.approx(max(long, short) * mm_per_px, rel=1e-6)
    assert size.width_mm == pytest.approx(min(long, short) * mm_per_px, rel=1e-6)
    assert size.area_mm2 == pytest.approx(long * short * mm_per_px**2, rel=1e-6)


def test_a_coarse_map_says_how_coarse_it_is() -> None:
    known = Plane.model_validate(plane(mm_per_px=0.25))
    coarse = Region(((0, 0), (71, 0), (71, 71), (0, 71)), 71 * 71.0, cell_px=71.0)
    size = Ruler(known).measure(coarse)
    assert size.length_mm == pytest.approx(17.75)
    assert size.uncertainty_mm == pytest.approx(17.75 + 0.05)


def test_a_box_alone_may_hold_something_as_long_as_its_diagonal() -> None:
    size = Ruler(Plane.model_validate(plane(mm_per_px=0.5))).measure(region_of_box(Box(10, 10, 30, 40)))
    assert (size.length_mm, size.width_mm) == (20.0, 15.0)
    assert size.length_mm + size.uncertainty_mm >= 25.0


@pytest.mark.parametrize("outline", [(), ((1, 1), (2, 2)), ((1, 1), (2, 2), (3, 3)), ((5, 5), (5, 5), (5, 5))])
def test_what_has_no_extent_has_no_size(outline: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(CalibrationError):
        Ruler(Plane.model_validate(plane())).measure(Region(outline, 3.0))


def test_nothing_beyond_the_horizon_is_measured() -> None:
    known = Plane.model_validate(plane(tilt=-4.0))
    with pytest.raises(CalibrationError):
        Ruler(known).measure(region_of_box(Box(10, 10, 300, 20)))


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(CalibrationError):
        region_of_mask(np.zeros((4, 4), np.bool_))


def test_a_finding_is_measured_and_led_back_to_the_frame() -> None:
    known = record(lens=lens(), plane=plane(mm_per_px=0.5))
    geometry = ViewGeometry(Corrector(known), ruler_of(known))
    found = geometry.in_frame(Finding(Defect.SCRATCH, 0.9, "top", Box(20, 30, 40, 10)))
    assert found.size_mm == (20.0, 5.0)
    assert found.area_mm2 == 100.0
    assert found.size_uncertainty_mm is not None
    assert found.box != Box(20, 30, 40, 10)
    assert found.box == Corrector(known).box_in_frame(Box(20, 30, 40, 10))


def test_without_a_plane_or_a_place_there_is_no_size() -> None:
    known = record(lens=lens())
    unmeasured = ViewGeometry(Corrector(known), ruler_of(known)).in_frame(
        Finding(Defect.DENT, 0.9, "top", Box(1, 2, 30, 40))
    )
    assert unmeasured.size_mm is None
    nowhere = Finding(Defect.DENT, 0.9, "top")
    measured = record(plane=plane())
    assert ViewGeometry(Corrector(measured), ruler_of(measured)).in_frame(nowhere) == nowhere
    assert SIZE == (320, 240)
