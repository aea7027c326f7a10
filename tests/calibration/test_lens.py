"""The lens is found to a fraction of a percent, and frames that do not help are refused with the reason."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from calibration.coverage import Coverage
from calibration.detect import Sighting, find_target
from calibration.lens import FrameGate, NamedSighting, solve_lens
from calibration.targets import Charuco, make_target
from inspection.errors import CalibrationError
from tests.calibration.scenes import Camera, look_at, photograph

SIZE = (960, 540)
BARREL = (-0.28, 0.09, 0.0007, -0.0004, -0.01)
BOARD = make_target("charuco")
assert isinstance(BOARD, Charuco)


def poses(count: int, seed: int = 3, tilt: float = 35) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [
        look_at(
            BOARD,
            rng.uniform(420, 560),
            (rng.uniform(-tilt, tilt), rng.uniform(-tilt, tilt)),
            rng.uniform(-90, 90),
            (rng.uniform(-130, 130), rng.uniform(-60, 60)),
        )
        for _ in range(count)
    ]


def seen(camera: Camera, pose: tuple[np.ndarray, np.ndarray], name: str, noise_px: float = 0.05) -> NamedSighting:
    """What detection would give, without drawing: the board's corners inside the frame, with noise."""
    rng = np.random.default_rng(sum(map(ord, name)))
    points = camera.project(BOARD.corners_mm(), *pose) + rng.normal(0, noise_px, (BOARD.corner_count, 2))
    inside = ((points > 5) & (points < np.array(camera.size) - 5)).all(axis=1)
    ids = np.flatnonzero(inside)
    return NamedSighting(name, Sighting(ids, points[inside], BOARD.corners_mm()[inside], 0.6, camera.size))


def views(camera: Camera, count: int = 14, **kwargs: float) -> list[NamedSighting]:
    return [seen(camera, pose, f"f{index:02}") for index, pose in enumerate(poses(count, **kwargs))]


@pytest.fixture(scope="module")
def camera() -> Camera:
    return Camera.of(820, BARREL, SIZE)


def test_a_photographed_board_gives_the_lens(camera: Camera) -> None:
    pictures = [photograph(camera, BOARD, pose, seed=index) for index, pose in enumerate(poses(10))]
    found = [NamedSighting(str(index), find_target(picture, BOARD)) for index, picture in enumerate(pictures)]

    solution = solve_lens(found, SIZE)

    assert solution.rms_px < 0.15
    assert solution.camera_matrix[0, 0] == pytest.approx(camera.matrix[0, 0], rel=0.002)
    assert solution.camera_matrix[1, 1] == pytest.approx(camera.matrix[1, 1], rel=0.002)
    assert solution.focal_uncertainty < 0.002
    assert all(frame.accepted for frame in solution.frames)
    grid = np.array([[x, y] for x in (150.0, 480, 810) for y in (80.0, 270, 460)]).reshape(-1, 1, 2)
    ours = cv2.undistortPoints(grid, solution.camera_matrix, np.array(solution.distortion))
    truth = cv2.undistortPoints(grid, camera.matrix, camera.distortion)
    assert np.abs(ours - truth).max() * camera.matrix[0, 0] < 0.6


def test_five_parameters_are_taken_where_five_are_enough(camera: Camera) -> None:
    assert len(solve_lens(views(camera), SIZE).distortion) == 5


def test_eight_parameters_are_taken_where_five_leave_a_residual() -> None:
    wide = Camera.of(420, (0.735, 0.058, 0.0, 0.0, 0.0, 1.068, 0.19, 0.0), SIZE)  # about r = f * angle
    rng = np.random.default_rng(5)
    close = [
        look_at(
            BOARD,
            rng.uniform(150, 230),
            (rng.uniform(-25, 25), rng.uniform(-25, 25)),
            rng.uniform(-90, 90),
            (rng.uniform(-120, 120), rng.uniform(-60, 60)),
        )
        for _ in range(16)
    ]
    solution = solve_lens([seen(wide, pose, f"w{index}") for index, pose in enumerate(close)], SIZE)
    assert len(solution.distortion) == 8
    assert solution.rms_by_model[8] < 0.97 * solution.rms_by_model[5]
    assert solution.camera_matrix[0, 0] == pytest.approx(420, rel=0.005)


def test_a_frame_that_contradicts_the_others_is_dropped_and_named(camera: Camera) -> None:
    good = views(camera)
    bad = good[4].sighting
    bent = bad.points_px + np.random.default_rng(0).normal(0, 4, bad.points_px.shape)
    spoilt = [*good[:4], NamedSighting("bent", Sighting(bad.ids, bent, bad.points_mm, 0.6, SIZE)), *good[5:]]

    solution = solve_lens(spoilt, SIZE)

    (dropped,) = [frame for frame in solution.frames if not frame.accepted]
    assert (dropped.name, dropped.reason) == ("bent", "outlier")
    assert solution.rms_px < 0.1


def test_the_same_pose_again_is_refused_with_the_frame_it_repeats(camera: Camera) -> None:
    gate = FrameGate(SIZE)
    first, second = poses(2)
    assert gate.offer(seen(camera, first, "a")).accepted
    again = gate.offer(seen(camera, first, "b"))
    assert (again.accepted, again.reason) == (False, "same_pose")
    assert "a" in again.detail
    assert gate.offer(seen(camera, second, "c")).accepted
    assert [view.name for view in gate.accepted] == ["a", "c"]


def test_few_corners_and_other_sizes_are_refused(camera: Camera) -> None:
    gate = FrameGate(SIZE)
    whole = seen(camera, poses(1)[0], "a").sighting
    few = Sighting(whole.ids[:13], whole.points_px[:13], whole.points_mm[:13], 0.6, SIZE)
    other = Sighting(whole.ids, whole.points_px, whole.points_mm, 0.6, (640, 480))
    assert gate.offer(NamedSighting("few", few)).reason == "too_few_corners"
    assert gate.offer(NamedSighting("other", other)).reason == "other_size"


def test_too_few_frames_say_how_many_are_needed(camera: Camera) -> None:
    with pytest.raises(CalibrationError, match="6 are needed") as caught:
        solve_lens(views(camera, 4), SIZE)
    assert caught.value.code == "calibration.too_few_frames"


def test_boards_that_all_lie_flat_cannot_give_a_focal_length() -> None:
    straight = Camera.of(820, (0.0,) * 5, SIZE)
    with pytest.raises(CalibrationError, match="poses") as caught:
        solve_lens(views(straight, 8, tilt=0.0), SIZE)
    assert caught.value.code == "calibration.poses"
    assert "tilt" in caught.value.hint


def test_corners_that_fit_no_lens_leave_a_residual(camera: Camera) -> None:
    noisy = [seen(camera, pose, f"n{index}", noise_px=2.5) for index, pose in enumerate(poses(12))]
    with pytest.raises(CalibrationError) as caught:
        solve_lens(noisy, SIZE)
    assert caught.value.code == "calibration.residual"


def test_the_coverage_names_the_emptiest_place() -> None:
    coverage = Coverage.empty((800, 600))
    assert coverage.share == 0
    u, v = np.meshgrid(np.arange(5.0, 800, 10), np.arange(5.0, 600, 10))
    everywhere = np.stack([u.ravel(), v.ravel()], axis=1)
    but_bottom_right = everywhere[(everywhere[:, 0] < 500) | (everywhere[:, 1] < 400)]
    partly = coverage.with_points(but_bottom_right)
    assert partly.next_place() == "bottom-right"
    assert partly.share == pytest.approx(1 - 6 / 48)
    full = partly.with_points(everywhere)
    assert full.next_place() is None
    assert full.share == 1
