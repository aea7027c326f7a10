"""A picture is believed when it is like those before it: whatever moved or tore while it was taken shows."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from devices.camera.config import StillnessConfig
from devices.camera.simulator import default_scene
from devices.camera.stillness import TAKE_EVERY, Stillness, StillnessSettings
from inspection.frame import Pixels
from tests.devices.camera_scenes import Sensor, brighter, darker, joined, moved, one_colour, photograph, with_box
from tests.station.rig import ROOT

DEMO = [path for path in sorted((ROOT / "datasets" / "demo").glob("*/*.jpg")) if "empty" not in path.parent.name]
TWO = StillnessSettings(frames=2)


@pytest.fixture(scope="module")
def sensor() -> Sensor:
    return Sensor()


@pytest.fixture(scope="module")
def noisy() -> Sensor:
    return Sensor(6.0)


@pytest.fixture(scope="module")
def scene() -> Pixels:
    return default_scene(1280, 720)


def alike(*pictures: Pixels) -> bool:
    stillness = Stillness(StillnessSettings(frames=len(pictures)))
    return [stillness.lies_still(picture) for picture in pictures][-1]


def through_jpeg(picture: Pixels) -> Pixels:
    good, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert good
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def under_lamps(scene: Pixels, phase: float) -> Pixels:
    """Bands of 4 % that lamps on mains draw under a rolling shutter; they wander from picture to picture."""
    bands = 1 + 0.04 * np.sin(np.arange(len(scene)) * 2 * np.pi / 240 + phase)
    return np.asarray(np.clip(scene * bands[:, None, None], 0, 255), np.uint8)


def test_the_third_like_picture_is_the_first_that_counts(sensor: Sensor, scene: Pixels) -> None:
    stillness = Stillness()
    assert [stillness.lies_still(sensor(scene)) for _ in range(5)] == [False, False, True, True, True]


def test_whatever_moved_starts_the_count_again(sensor: Sensor, scene: Pixels) -> None:
    stillness, elsewhere = Stillness(), moved(scene, 12, 3)
    seen = [scene, scene, scene, elsewhere, elsewhere, elsewhere, scene]
    assert [stillness.lies_still(sensor(each)) for each in seen] == [False, False, True, False, False, True, False]


def test_a_faulty_picture_in_between_starts_the_count_again(sensor: Sensor, scene: Pixels) -> None:
    stillness = Stillness(TWO)
    assert [stillness.lies_still(sensor(scene)) for _ in range(2)] == [False, True]
    stillness.interrupted()
    assert [stillness.lies_still(sensor(scene)) for _ in range(2)] == [False, True]


def test_another_size_starts_the_count_again(sensor: Sensor) -> None:
    stillness = Stillness(TWO)
    sizes = [(640, 480), (1280, 720), (1280, 720)]
    assert [stillness.lies_still(sensor(default_scene(*size))) for size in sizes] == [False, False, True]


@pytest.mark.parametrize("demo", DEMO[::9], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_lies_still_is_told_from_what_moves_or_tears(sensor: Sensor, noisy: Sensor, demo: Path) -> None:
    before = photograph(demo)
    for share in (1.0, 0.25):
        still = darker(before, share)
        assert alike(sensor(still), sensor(still), sensor(still))
        assert alike(through_jpeg(sensor(still)), through_jpeg(sensor(still)))
        assert alike(noisy(still), noisy(still))
    assert alike(sensor(before), sensor(moved(before, 0.7, 0.7)))
    assert alike(*(sensor(under_lamps(before, phase)) for phase in (0.0, 2.0, 4.0)))
    for another in (moved(before, 20, 7), np.roll(before, 64, axis=1), brighter(before, 1.5)):
        assert not alike(sensor(before), sensor(another))
        assert not alike(sensor(before), sensor(joined(before, another, 400)))
        assert not alike(sensor(joined(before, another, 400)), sensor(joined(before, another, 500)))


@pytest.mark.parametrize("pixels", [6, 40])
def test_an_item_of_a_fifth_of_the_picture_that_moves_is_seen(sensor: Sensor, pixels: int) -> None:
    table = one_colour((120, 130, 125))
    item = (slice(300, 440), slice(500, 750))
    table[item] = (60, 90, 150)
    assert alike(sensor(table), sensor(table))
    assert not alike(sensor(table), sensor(np.roll(table, pixels, axis=1)))


def test_an_item_that_is_turned_a_little_is_seen(sensor: Sensor, scene: Pixels) -> None:
    box = darker(scene, 0.6)
    assert not alike(sensor(with_box(scene, box, 3)), sensor(with_box(scene, box, 5)))


def test_a_picture_that_is_overexposed_or_black_all_over_lies_still(sensor: Sensor) -> None:
    for level in (0, 2, 250, 255):
        assert alike(sensor(one_colour((level,) * 3)), sensor(one_colour((level,) * 3)))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (17, 40), (64, 48), (4000, 30)])
def test_pictures_of_every_size_are_compared(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(3).integers(0, 255, (size[1], size[0], 3), np.uint8)
    assert alike(picture, picture)
    assert not alike(picture, 255 - picture)


def test_one_picture_is_enough_where_that_is_configured(scene: Pixels) -> None:
    stillness = Stillness(TAKE_EVERY)
    assert stillness.lies_still(scene)
    assert stillness.lies_still(255 - scene)


def test_files_are_taken_as_they_come_and_cameras_must_be_still_unless_configured_otherwise() -> None:
    usual, chosen = StillnessConfig.model_validate({}), StillnessConfig.model_validate({"frames": 2})
    assert (usual.settings(live=True).frames, usual.settings(live=False).frames) == (3, 1)
    assert (chosen.settings(live=True).frames, chosen.settings(live=False).frames) == (2, 2)


def test_a_slow_drift_is_seen_in_the_end(sensor: Sensor, scene: Pixels) -> None:
    """No step is movement by itself; what is delivered is at most one step old."""
    steps = [sensor(moved(scene, 0.6 * step, 0)) for step in range(12)]
    assert all(alike(first, second) for first, second in pairwise(steps))
    assert not alike(steps[0], steps[-1])
