"""Targets are found to a fraction of a pixel, and what cannot be used is refused by its cause."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from calibration.detect import find_target, homography_of, map_points
from calibration.sample import linear_light, sample_patches
from calibration.targets import Card, ColourChart, make_target
from inspection.errors import CalibrationError
from tests.calibration.scenes import Camera, look_at, photograph

TILT = {"tilt": (12, -18), "turn": 25}


@pytest.fixture(scope="module")
def camera() -> Camera:
    return Camera.of(1100, (-0.28, 0.09, 0.0007, -0.0004, -0.01))


@pytest.mark.parametrize(("kind", "distance", "count"), [("charuco", 500, 88), ("colour", 420, 16), ("card", 300, 16)])
@pytest.mark.parametrize("blur_px", [0.6, 1.0])
def test_corners_are_found_to_a_tenth_of_a_pixel(
    camera: Camera, kind: str, distance: float, count: int, blur_px: float
) -> None:
    target = make_target(kind)
    pose = look_at(target, distance, **TILT)

    sighting = find_target(photograph(camera, target, pose, blur_px=blur_px), target)

    off = sighting.points_px - camera.project(sighting.points_mm, *pose)
    assert len(sighting) == count
    assert np.sqrt((off**2).sum(axis=1).mean()) < 0.08
    assert abs(sighting.blur_px - np.hypot(blur_px, 0.3)) < 0.15


def test_a_print_that_came_out_smaller_has_smaller_millimetres() -> None:
    target = make_target("card").model_copy(update={"ruler_mm": 97.0})
    camera = Camera.of(900, (0.0, 0.0, 0.0, 0.0, 0.0))
    pose = look_at(target, 300)

    sighting = find_target(photograph(camera, target, pose), target)

    assert sighting.points_mm.max() == pytest.approx(150 * 0.97)
    assert np.abs(sighting.points_px - camera.project(sighting.points_mm, *pose)).max() < 0.3


@pytest.mark.parametrize("kind", ["charuco", "colour", "card"])
def test_an_empty_table_is_no_target(kind: str) -> None:
    noise = np.random.default_rng(1).normal(70, 2, (720, 1280, 3)).clip(0, 255).astype(np.uint8)
    with pytest.raises(CalibrationError) as caught:
        find_target(noise, make_target(kind))
    assert caught.value.code == "calibration.no_target"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("kind", "distance", "blur_px"), [("charuco", 480, 6), ("colour", 420, 6), ("colour", 420, 3), ("card", 300, 6)]
)
def test_a_picture_out_of_focus_is_called_blurred(camera: Camera, kind: str, distance: float, blur_px: float) -> None:
    target = make_target(kind)
    picture = photograph(camera, target, look_at(target, distance, **TILT), blur_px=blur_px)
    with pytest.raises(CalibrationError) as caught:
        find_target(picture, target)
    assert caught.value.code == "calibration.blurred"


def test_a_readable_target_that_moved_is_called_blurred(camera: Camera) -> None:
    target = make_target("card")
    sharp = photograph(camera, target, look_at(target, 300))
    moved = cv2.blur(sharp, (11, 1))  # along x only: a motion of 11 px
    with pytest.raises(CalibrationError) as caught:
        find_target(moved, target)
    assert caught.value.code == "calibration.blurred"


@pytest.mark.parametrize("kind", ["colour", "card"])
def test_a_covered_marker_is_a_target_partly_in_view(camera: Camera, kind: str) -> None:
    target = make_target(kind)
    assert isinstance(target, ColourChart | Card)
    pose = look_at(target, 420)
    picture = photograph(camera, target, pose)
    hand = camera.project(target.markers[2].corners(), *pose).astype(np.int32)
    cv2.fillConvexPoly(picture, hand, (120, 140, 190))
    with pytest.raises(CalibrationError, match=str(target.markers[2].id)) as caught:
        find_target(picture, target)
    assert caught.value.code == "calibration.partial_target"


def test_a_board_with_few_corners_in_view_is_partly_in_view(camera: Camera) -> None:
    target = make_target("charuco")
    picture = photograph(camera, target, look_at(target, 300))
    picture[:, 420:] = 70
    picture[250:] = 70
    with pytest.raises(CalibrationError) as caught:
        find_target(picture, target)
    assert caught.value.code == "calibration.partial_target"


def test_another_target_is_not_taken_for_ours(camera: Camera) -> None:
    card, chart, board = (make_target(kind) for kind in ("card", "colour", "charuco"))
    picture = photograph(camera, card, look_at(card, 300))
    for wanted in (chart, board):
        with pytest.raises(CalibrationError) as caught:
            find_target(picture, wanted)
        assert caught.value.code == "calibration.other_target"


def test_markers_in_other_places_are_another_target(camera: Camera) -> None:
    card = make_target("card")
    assert isinstance(card, Card)
    first, second, *rest = card.markers
    swapped = (first.model_copy(update={"id": second.id}), second.model_copy(update={"id": first.id}), *rest)
    picture = photograph(camera, card, look_at(card, 300))
    with pytest.raises(CalibrationError) as caught:
        find_target(picture, card.model_copy(update={"markers": swapped}))
    assert caught.value.code == "calibration.other_target"


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((720, 1280), np.uint8),
        np.zeros((720, 1280, 3), np.float32),
        np.zeros((8, 20000, 3), np.uint8),
    ],
    ids=["empty", "tiny", "grey", "float", "huge"],
)
def test_what_is_no_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(CalibrationError) as caught:
        find_target(picture, make_target("card"))
    assert caught.value.code == "calibration.picture"


def test_patches_are_sampled_without_glare(camera: Camera) -> None:
    target = make_target("colour")
    assert isinstance(target, ColourChart)
    pose = look_at(target, 420, **TILT)
    picture = photograph(camera, target, pose, shading=0, noise=1)
    clean = sample_patches(picture, target, find_target(picture, target))
    spot = camera.project(target.patches[12].corners().mean(axis=0)[None], *pose)[0]
    cv2.circle(picture, tuple(int(v) for v in spot), 9, (235, 235, 235), -1)  # glare, not yet clipped

    sampled = sample_patches(picture, target, find_target(picture, target))

    expected = linear_light(np.array([patch.srgb for patch in target.patches]) * 0.92)
    assert np.abs(sampled.rgb - expected).max() < 0.01
    assert sampled.used[12] < clean.used[12] - 0.1
    assert np.abs(sampled.rgb[12] - clean.rgb[12]).max() < 0.004
    assert sampled.good.all()


def test_a_patch_that_is_burnt_out_is_not_good(camera: Camera) -> None:
    target = make_target("card")
    assert isinstance(target, Card)
    pose = look_at(target, 300)
    picture = photograph(camera, target, pose)
    cv2.fillConvexPoly(picture, camera.project(target.patches[0].corners(), *pose).astype(np.int32), (255, 255, 255))

    sampled = sample_patches(picture, target, find_target(picture, target))

    assert sampled.good.tolist() == [False, True, True, True, True, True]


@pytest.mark.parametrize(("blur_px", "gamma"), [(1.5, 1.0), (1.4, 2.2)])
def test_a_slightly_blurred_board_is_read_whole(camera: Camera, blur_px: float, gamma: float) -> None:
    target = make_target("charuco")
    pose = look_at(target, 600, **TILT)
    sighting = find_target(photograph(camera, target, pose, blur_px=blur_px, gamma=gamma), target)
    assert len(sighting) == 88
    assert np.abs(sighting.points_px - camera.project(sighting.points_mm, *pose)).max() < 0.3


def test_a_homography_maps_the_target_into_the_picture(camera: Camera) -> None:
    target = make_target("charuco")
    pose = look_at(target, 480, **TILT)
    sighting = find_target(photograph(Camera.of(1100, (0.0,) * 5), target, pose), target)
    off = map_points(homography_of(sighting), sighting.points_mm) - sighting.points_px
    assert np.abs(off).max() < 0.2
