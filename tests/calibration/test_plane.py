"""Millimetres on the table, from a target lying anywhere on it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibration.detect import Sighting, find_target, map_points
from calibration.lens import NamedSighting
from calibration.plane import corrected_points, scale_at, scale_map, solve_plane
from calibration.record import Lens
from calibration.targets import Target, make_target
from inspection.errors import CalibrationError
from tests.calibration.records import made
from tests.calibration.scenes import Camera, look_at, photograph

SIZE = (960, 540)
GRID = np.array([[x, y] for x in (40.0, 480, 920) for y in (30.0, 270, 510)])
TABLE = look_at(make_target("charuco"), 460, (9, -6), 4)


@pytest.fixture(scope="module")
def camera() -> Camera:
    return Camera.of(820, (-0.2, 0.05, 0.0004, -0.0003, 0.0), SIZE)


@pytest.fixture(scope="module")
def lens(camera: Camera) -> Lens:
    matrix = tuple(tuple(float(value) for value in row) for row in camera.matrix)
    plain = {"made": made(), "camera_matrix": matrix, "distortion": camera.distortion.tolist()}
    return Lens.model_validate({**plain, "rms_px": 0.1, "coverage": 0.9})


def lying(target: Target, x: float, y: float, turn: float) -> tuple[np.ndarray, np.ndarray]:
    """Pose of a target whose middle lies at x, y mm of the table, turned by some degrees."""
    table = cv2.Rodrigues(TABLE[0])[0]
    about_z = cv2.Rodrigues(np.array([0, 0, np.deg2rad(turn)]))[0]
    middle = np.array([target.width_mm / 2, target.height_mm / 2, 0])
    shift = np.array([x, y, 0]) - about_z @ middle
    return cv2.Rodrigues(table @ about_z)[0].ravel(), TABLE[1] + table @ shift


def seen(
    camera: Camera, target: Target, pose: tuple[np.ndarray, np.ndarray], name: str, seed: int = 0
) -> NamedSighting:
    return NamedSighting(name, find_target(photograph(camera, target, pose, seed=seed), target))


def true_homography(camera: Camera) -> np.ndarray:
    turned = cv2.Rodrigues(TABLE[0])[0]
    return np.linalg.inv(camera.matrix @ np.column_stack([turned[:, 0], turned[:, 1], TABLE[1]]))


def distances(points: np.ndarray) -> np.ndarray:
    first, second = np.triu_indices(len(points), 1)
    return np.linalg.norm(points[first] - points[second], axis=1)


def worst_scale_error(homography: np.ndarray, camera: Camera, lens: Lens) -> float:
    grid = corrected_points(GRID, lens)
    return float(
        np.abs(distances(map_points(homography, grid)) / distances(map_points(true_homography(camera), grid)) - 1).max()
    )


@pytest.mark.parametrize("kind", ["charuco", "card", "colour"])
def test_one_frame_gives_distances_over_the_whole_table(camera: Camera, lens: Lens, kind: str) -> None:
    target = make_target(kind)
    solution = solve_plane([seen(camera, target, lying(target, 90, 120, 8), "a")], lens)
    assert worst_scale_error(solution.homography, camera, lens) < 0.003
    assert solution.rms_mm < 0.1
    assert solution.rms_px < 0.2


def test_several_frames_agree_on_one_plane_and_pose(camera: Camera, lens: Lens) -> None:
    target = make_target("charuco")
    places = ((90, 120, 0), (40, 100, 50), (150, 150, -70))
    frames = [seen(camera, target, lying(target, *place), str(index), index) for index, place in enumerate(places)]

    solution = solve_plane(frames, lens)

    assert all(frame.accepted for frame in solution.frames)
    assert worst_scale_error(solution.homography, camera, lens) < 0.002
    assert solution.rotation is not None
    assert solution.translation_mm is not None
    assert solution.rotation == pytest.approx(TABLE[0], abs=0.003)  # the first target lies along the table's axes
    assert solution.translation_mm == pytest.approx(TABLE[1], abs=1.0)


def test_the_first_target_gives_the_origin_and_the_axes(camera: Camera, lens: Lens) -> None:
    target = make_target("card")
    frames = [
        seen(camera, target, lying(target, 90, 120, 20), "a"),
        seen(camera, target, lying(target, 60, 60, 0), "b"),
    ]
    solution = solve_plane(frames, lens)
    first = frames[0].sighting
    found = map_points(solution.homography, corrected_points(first.points_px, lens))
    assert np.abs(found - first.points_mm).max() < 0.3


def test_without_a_lens_a_straight_camera_is_scaled_too() -> None:
    camera = Camera.of(820, (0.0,) * 5, SIZE)
    target = make_target("charuco")
    solution = solve_plane([seen(camera, target, lying(target, 90, 120, 0), "a")], None)
    expected = distances(map_points(true_homography(camera), GRID))
    assert distances(map_points(solution.homography, GRID)) == pytest.approx(expected, rel=0.004)
    assert solution.rotation is None


def test_a_frame_where_the_target_was_held_up_is_dropped(camera: Camera, lens: Lens) -> None:
    target = make_target("charuco")
    places = ((90, 120, 0), (40, 100, 50), (150, 150, -70))
    frames = [seen(camera, target, lying(target, *place), str(index), index) for index, place in enumerate(places)]
    held = seen(camera, target, look_at(target, 380, (25, 10)), "held")

    solution = solve_plane([*frames, held], lens)

    assert [frame.name for frame in solution.frames if not frame.accepted] == ["held"]
    assert worst_scale_error(solution.homography, camera, lens) < 0.002


@pytest.mark.parametrize("kind", ["card", "colour"])
@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.4])
def test_edges_that_the_camera_or_the_printer_moved_do_not_count(
    camera: Camera, lens: Lens, kind: str, gamma: float
) -> None:
    target = make_target(kind)
    pose = lying(target, 90, 120, 8)
    picture = photograph(camera, target, pose, blur_px=0.8, gamma=gamma)

    solution = solve_plane([NamedSighting("a", find_target(picture, target))], lens)

    assert worst_scale_error(solution.homography, camera, lens) < 0.002
    assert solution.rms_px < 0.2


@pytest.mark.parametrize(("bulge_mm", "is_taken"), [(0.0, True), (1.5, True), (6.0, False), (10.0, False)])
def test_a_sheet_that_bulges_is_refused_before_lengths_are_two_percent_off(
    camera: Camera, lens: Lens, bulge_mm: float, is_taken: bool
) -> None:
    target = make_target("card")
    pose = lying(target, 90, 120, 20)
    flat = seen(camera, target, pose, "a").sighting
    height = -bulge_mm * (2 * flat.points_mm[:, 0] / target.width_mm - 1) ** 2
    bent = cv2.projectPoints(np.column_stack([flat.points_mm, height]), *pose, camera.matrix, camera.distortion)[0]
    view = NamedSighting("a", replace(flat, points_px=bent.reshape(-1, 2)))
    if is_taken:
        assert worst_scale_error(solve_plane([view], lens).homography, camera, lens) < 0.005
    else:
        with pytest.raises(CalibrationError, match="left over") as caught:
            solve_plane([view], lens)
        assert "flat" in (caught.value.hint or "")


def test_two_planes_that_contradict_each_other_are_refused(camera: Camera, lens: Lens) -> None:
    target = make_target("charuco")
    frames = [
        seen(camera, target, lying(target, 90, 120, 0), "a"),
        seen(camera, target, look_at(target, 380, (25, 10)), "b"),
    ]
    with pytest.raises(CalibrationError) as caught:
        solve_plane(frames, lens)
    assert caught.value.code == "calibration.residual"


def test_no_frame_is_an_error_with_a_hint() -> None:
    with pytest.raises(CalibrationError) as caught:
        solve_plane([], None)
    assert caught.value.code == "calibration.too_few_frames"
    assert caught.value.hint


def test_points_on_a_line_are_an_error(lens: Lens) -> None:
    places = np.array([[float(x), 0.0] for x in range(8)])
    line = Sighting(np.arange(8), places * 10 + 100, places, 0.5, SIZE)
    for known in (None, lens):
        with pytest.raises(CalibrationError):
            solve_plane([NamedSighting("line", line)], known)


def test_the_scale_map_is_the_size_of_a_pixel_on_the_table(camera: Camera) -> None:
    homography = true_homography(camera)
    scales = scale_map(homography, SIZE)
    assert scales.shape == (SIZE[1], SIZE[0])
    for x, y in ((10.0, 20.0), (480.0, 270.0), (900.0, 500.0)):
        corners = map_points(
            homography, np.array([[x - 0.5, y - 0.5], [x + 0.5, y - 0.5], [x + 0.5, y + 0.5], [x - 0.5, y + 0.5]])
        )
        area = cv2.contourArea(((corners - corners[0]) * 1000).astype(np.float32)) / 1e6
        assert scales[int(y), int(x)] == pytest.approx(np.sqrt(area), rel=1e-3)
        assert scale_at(homography, np.array([[x, y]]))[0] == pytest.approx(np.sqrt(area), rel=1e-3)
    assert scales.max() / scales.min() > 1.1
